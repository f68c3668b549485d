//! The chain as workers and clients see it: one [`Chain`] trait, over RPC and in memory.
//!
//! - [`RpcChain`] speaks to a node, remote over WebSocket or in the same process. It reads at the
//!   latest finalized block, and returns from [`Chain::submit`] once the transaction is finalized.
//! - [`MemoryChain`] plays the pallets' rules in small, for tests.
//!
//! Call and pallet indices, errors and events are looked up by name in the node's metadata; no code
//! is generated from a metadata file, so that one build serves every runtime with the same calls.
#![warn(missing_docs)]

mod call;
mod chain;
mod error;
mod memory;
mod rpc;
mod signer;
mod ss58;

pub use call::Call;
pub use chain::{AccountBalance, Chain, Receipt};
pub use error::ChainError;
pub use memory::MemoryChain;
pub use rpc::RpcChain;
pub use signer::{Signer, SignerError};
pub use ss58::{from_ss58, to_ss58, Ss58Error};
