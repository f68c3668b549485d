//! Contracts as workers and RPC see them.

use crate::{Balance, BatchRoot, BlockNumber, ContractId};
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
    /// Term in windows.
    pub windows: u32,
    /// Fee of a window.
    pub window_fee: Balance,
    /// Still held from the client for this contract.
    pub escrow: Balance,
    /// Paid to the miner so far.
    pub paid: Balance,
    /// Where it stands.
    pub state: ContractState,
}
