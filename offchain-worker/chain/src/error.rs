//! What can go wrong between a worker and its chain.

use crate::to_ss58;
use lunarx_core::AccountId;

/// Why a read or a call did not succeed. No variant ever carries a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// No node answers.
    #[error("no chain node answers at {endpoint}: {reason}; check that it runs and the address")]
    Unreachable {
        /// The addresses tried, without credentials.
        endpoint: String,
        /// The last failure.
        reason: String,
    },
    /// The node answered with an error of its own, such as state that it no longer keeps.
    #[error("the chain node refuses {request}: {reason}")]
    Node {
        /// The request's name.
        request: String,
        /// The node's words.
        reason: String,
    },
    /// The node's answer does not have the expected form.
    #[error("cannot read the chain node's answer to {request}: {reason}")]
    Decode {
        /// The request's name.
        request: String,
        /// What was expected and what came.
        reason: String,
    },
    /// The node serves another chain, or a runtime that this program does not know.
    #[error("the node serves another chain or version: {reason}")]
    Incompatible {
        /// What is missing or different.
        reason: String,
    },
    /// The call was included in a block and refused there. The transaction's fee is paid.
    #[error("the chain refused the call: {pallet}.{error} ({docs})")]
    Dispatch {
        /// The pallet, as named in the metadata.
        pallet: String,
        /// The error's name.
        error: String,
        /// Its documentation, on one line.
        docs: String,
    },
    /// The account cannot pay the fee or the amount.
    #[error("account {} cannot pay: {reason}", to_ss58(*account))]
    InsufficientBalance {
        /// Who should have paid.
        account: AccountId,
        /// What could not be paid.
        reason: String,
    },
    /// The node refused the transaction before it reached a block.
    #[error("the chain node refuses the transaction: {reason}")]
    Rejected {
        /// The node's words.
        reason: String,
    },
    /// The transaction was sent, and is known to be in no block and to stay out of all: nothing
    /// happened, and the call can be made again.
    #[error("the transaction entered no block after {attempts} attempts: {reason}")]
    NotIncluded {
        /// Times it was sent.
        attempts: u32,
        /// The last thing heard of it.
        reason: String,
    },
    /// The transaction was sent, and whether it takes effect is not known yet. Read the state again
    /// before making the call once more.
    #[error(
        "transaction 0x{} is not finalized after {seconds} s ({reason}); it may still take effect",
        hex::encode(extrinsic)
    )]
    TimedOut {
        /// Hash of the extrinsic sent last.
        extrinsic: [u8; 32],
        /// How long it was waited for.
        seconds: u64,
        /// The last thing heard of it.
        reason: String,
    },
}

impl ChainError {
    /// Whether the same call may succeed later without anybody changing anything.
    ///
    /// After [`ChainError::TimedOut`] the state must be read before the call is repeated.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Node { .. }
            | Self::NotIncluded { .. }
            | Self::TimedOut { .. } => true,
            Self::Decode { .. }
            | Self::Incompatible { .. }
            | Self::Dispatch { .. }
            | Self::InsufficientBalance { .. }
            | Self::Rejected { .. } => false,
        }
    }

    /// Whether this is the dispatch error `error` of `pallet`.
    pub fn is_dispatch(&self, pallet: &str, error: &str) -> bool {
        matches!(self, Self::Dispatch { pallet: p, error: e, .. } if p == pallet && e == error)
    }
}
