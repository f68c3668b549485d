//! Contracts as workers and RPC see them.

use crate::{Balance, BatchRoot, BlockNumber, ContractId, Watched};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Where a contract stands. An ended contract is no longer on chain.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum ContractState {
    /// Opened by the client, the fee held; waits for the miner.
    #[codec(index = 0)]
    Pending {
        /// Last block in which the miner may accept; refunded afterwards.
        accept_by: BlockNumber,
    },
    /// Accepted by the miner.
    #[codec(index = 1)]
    Active {
        /// Block of the acceptance: window 0 begins here.
        since: BlockNumber,
        /// Windows settled so far.
        settled: u32,
    },
}

/// What an application's supplier draws from the fees, because the client agreed to it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Commission<AccountId> {
    /// The supplier.
    pub supplier: AccountId,
    /// Its share of what is paid, in millionths.
    pub share: u32,
}

/// One contract.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ContractInfo<AccountId> {
    /// Its id.
    pub id: ContractId,
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
    /// Blocks of a window.
    pub window: BlockNumber,
    /// Term in windows.
    pub windows: u32,
    /// Fee of a window.
    pub window_fee: Balance,
    /// Fee of the last window, which is shorter where the client ended the contract early.
    pub last_fee: Balance,
    /// What each seat that judged a proven window gets of its fee.
    pub word_pay: Balance,
    /// The block in which the client ended it early. What is left of the term is refunded then; it is
    /// closed once the outcome of its windows is final.
    pub ended: Option<BlockNumber>,
    /// Still held from the client for this contract.
    pub escrow: Balance,
    /// Paid so far: to the miner, to the trackers that watched it and to the supplier.
    pub paid: Balance,
    /// What the supplier draws of it.
    pub commission: Option<Commission<AccountId>>,
    /// Where it stands.
    pub state: ContractState,
}

impl<AccountId: Clone> ContractInfo<AccountId> {
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
