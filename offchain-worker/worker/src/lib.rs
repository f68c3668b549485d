//! The daemons of a node. So far: the miner, inside `lunarx-node` or against a remote node.
//!
//! Flow of a miner ([`run_miner`]): open the data folder (store, keys) → join the network → register
//! → serve pieces and answer challenges, and after each finalized block read chain and store, derive
//! what is owed (`duties`) and do it: accept, answer disputes, settle, surrender, expire, remove.
//!
//! Invariants:
//! - Whatever is owed follows from the chain's finalized state and the store's state. Events and
//!   memory save work; losing them loses nothing.
//! - A contract is accepted only after exactly the promised pieces are kept durably.
//! - Pieces are removed only once the chain shows that no contract covers them, nor can.
//! - While the chain does not answer, pieces are served and challenges answered; nothing new is reserved.
//! - Nothing wrong is signed: proofs are verified against the contract first. Data that turns out damaged
//!   when it is asked for is surrendered, which costs half of what silence would.
//! - What was removed leaves the disk, and what is stored is read now and then (`upkeep`).
//! - A miner whose node can make blocks stands for election as authority (`candidacy`).
//! - No dispute is opened by itself: of trackers that say nothing the operator is warned (`vigil`).

mod announce;
mod candidacy;
mod config;
mod disk;
mod docket;
mod duties;
mod engine;
mod error;
mod identity;
mod miner;
mod peers;
mod proofs;
mod prover;
mod register;
mod reserve;
mod service;
mod upkeep;
mod vigil;

pub use candidacy::{Authoring, SessionKeys};
pub use config::{
    MinerConfig, DEFAULT_MAX_RESERVATION, DEFAULT_OFFER_LIFE, DEFAULT_SCRUB_EVERY, DEFAULT_SETTLE_EVERY,
    MIN_CLIENT_QUOTA,
};
pub use error::MinerError;
pub use lunarx_store::{Remote, DEFAULT_FLOOR};
pub use miner::{run_miner, Miner};
