//! What is stored of a contract.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use lunarx_core::{Balance, BatchRoot, BlockNumber, Commission, ContractState, Watched};
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
    /// Fee of the last window, which is shorter where the client ended the contract early.
    pub last_fee: Balance,
    /// What each seat that judged a proven window gets of its fee: fixed at `open`.
    pub word_pay: Balance,
    /// The block in which the client ended it early.
    pub ended: Option<BlockNumber>,
    /// The block from which `on_idle` winds it up: where it stands in the schedule.
    pub due: BlockNumber,
    /// Held from the client: the fees of the windows not yet settled.
    pub escrow: Balance,
    /// Paid so far: to the miner, the trackers and the supplier.
    pub paid: Balance,
    /// What the supplier draws of it.
    pub commission: Option<Commission<AccountId>>,
    /// Where it stands.
    pub state: ContractState,
}

impl<AccountId: Clone> Contract<AccountId> {
    /// As the audits see it; `None` while it is pending.
    pub fn watched(&self) -> Option<Watched<AccountId>> {
        let ContractState::Active { since, .. } = self.state else {
            return None;
        };
        Some(Watched {
            client: self.client.clone(),
            miner: self.miner.clone(),
            root: self.root,
            pieces: self.pieces,
            bytes: self.bytes,
            since,
            window: self.window,
            windows: self.windows,
            word_pay: self.word_pay,
            ended: self.ended,
        })
    }
}

impl<AccountId> Contract<AccountId> {
    /// Windows settled so far.
    pub fn settled(&self) -> u32 {
        match self.state {
            ContractState::Pending { .. } => 0,
            ContractState::Active { settled, .. } => settled,
        }
    }

    /// The fees of `count` windows from the first unsettled one on, the last of the term among them or not.
    /// No sum passes the whole term's fee, which was computed without overflow at `open`.
    pub(crate) fn fees(&self, count: u32, last: bool) -> Balance {
        let whole = count.saturating_sub(u32::from(last));
        let fees = self.window_fee.saturating_mul(Balance::from(whole));
        if last && count > 0 {
            fees.saturating_add(self.last_fee)
        } else {
            fees
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
    /// Its data was gone.
    #[codec(index = 4)]
    Faulty,
}

/// Elements of a batch, for its weight.
pub(crate) fn batch_len<Element>(batch: &[Element]) -> u32 {
    batch.len().saturated_into()
}
