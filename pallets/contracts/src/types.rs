//! What is stored of a contract.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use lunarx_core::{Balance, BatchRoot, BlockNumber, ContractState};
use scale_info::TypeInfo;
use sp_runtime::SaturatedConversion;

/// A live contract.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Contract<AccountId> {
    /// Who pays.
    pub client: AccountId,
    /// Who stores.
    pub miner: AccountId,
    /// Root over the pieces.
    pub root: BatchRoot,
    /// Pieces under the root.
    pub pieces: u32,
    /// Bytes of these pieces.
    pub bytes: u64,
    /// Term in windows.
    pub windows: u32,
    /// Blocks in a window.
    pub window: BlockNumber,
    /// Fee of a window.
    pub window_fee: Balance,
    /// Held from the client: the fees of the windows not yet settled.
    pub escrow: Balance,
    /// Paid to the miner so far.
    pub paid: Balance,
    /// Where it stands.
    pub state: ContractState,
}

impl<AccountId> Contract<AccountId> {
    /// The first block in which it is over by itself: past its deadline, or at its term.
    pub fn due(&self) -> BlockNumber {
        match self.state {
            ContractState::Pending { accept_by } => accept_by.saturating_add(1),
            ContractState::Active { since, .. } => {
                since.saturating_add(self.windows.saturating_mul(self.window))
            }
        }
    }

    /// Windows settled so far.
    pub fn settled(&self) -> u32 {
        match self.state {
            ContractState::Pending { .. } => 0,
            ContractState::Active { settled, .. } => settled,
        }
    }

    /// Whole windows since the acceptance, at most the term; none while pending.
    pub fn elapsed(&self, now: BlockNumber) -> u32 {
        match self.state {
            ContractState::Pending { .. } => 0,
            ContractState::Active { since, .. } => {
                // The integrity test proves that new windows are not empty.
                let whole = now.saturating_sub(since).checked_div(self.window).unwrap_or(0);
                whole.min(self.windows)
            }
        }
    }
}

/// Why a contract was closed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum EndReason {
    /// Its term is over.
    #[codec(index = 0)]
    Completed,
    /// The client ended it before its term was over.
    #[codec(index = 1)]
    EndedEarly,
    /// The client took it back before it was accepted.
    #[codec(index = 2)]
    Cancelled,
    /// The miner did not accept it in time.
    #[codec(index = 3)]
    Expired,
}

/// Elements of a batch, for its weight.
pub(crate) fn batch_len<Element>(batch: &[Element]) -> u32 {
    batch.len().saturated_into()
}
