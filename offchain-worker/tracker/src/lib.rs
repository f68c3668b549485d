//! The daemons of auditors: the tracker, and the verifiers that work for it (docs/audits.md).
//!
//! Flow of a tracker ([`run_tracker`]): open the data folder → join the network → bond → serve, and after each
//! finalized block: read the chain (`view`) → for every contract of which it holds a seat (`seats`) derive the
//! challenges due (`case`) → put them to the miners, or hand them to verifiers (`desk`, `ask`) → judge windows
//! that are over (`verdict`) → report, dispute, convict, vouch (`engine`, `calls`). Beside that it keeps its
//! part of the piece map (`ring`, `map`), and names miners for new pieces (`resolve`).
//!
//! A verifier ([`run_verifier`]) pulls tasks, asks miners, and returns their answers.
//!
//! Invariants:
//! - Whatever is owed follows from the chain's finalized state. Memory and disk save work; losing them loses
//!   nothing but the answers that defend the tracker.
//! - A window is called valid only if every challenge up to its end was answered, verified here.
//! - Nobody's word is taken: answers prove themselves, announcements are what the chain says, and a verifier's
//!   denial is looked at.
//! - Miners take turns, heartbeats come at times that nobody can foresee, and every wait is bounded.

mod addresses;
mod answers;
mod ask;
mod batches;
mod bond;
mod calls;
mod case;
mod config;
mod desk;
mod directory;
mod dues;
mod engine;
mod error;
mod folder;
mod map;
mod patience;
mod presence;
pub mod resolve;
mod ring;
mod seats;
mod service;
mod tracker;
pub mod verdict;
mod verifier;
mod view;

pub use config::{TrackerConfig, DEFAULT_BOND, DEFAULT_MAX_ANSWER_BYTES, DEFAULT_MAX_PIECES};
pub use error::TrackerError;
pub use ring::{Ring, REPLICAS};
pub use tracker::{run_tracker, Tracker};
pub use verifier::{run_verifier, verifier_config, TrackerRef};
