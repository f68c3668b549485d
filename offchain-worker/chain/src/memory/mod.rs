//! A chain in memory: the pallets' rules in small, for tests of workers and clients.
//!
//! Each call makes a block of its own, finalized at once. Time passes by [`MemoryChain::advance`].
//! Fees of transactions are zero, so that money is easy to follow: nothing is minted but by
//! [`MemoryChain::fund`], and nothing is burned.
//!
//! Windows are judged and settled as `docs/audits.md` says, in small: a seat that says nothing is taken to
//! say *valid* (see [`MemoryChain::set_unspoken`]), so that miners are paid where no trackers are; the
//! trackers get no share of the fees, and are never suspended for what they miss; an answer costs nothing, so
//! that a deposit goes back whole; every bonded tracker is a member of the only round, at once (see
//! [`MemoryChain::set_rounds`]).

mod audits;
mod contracts;
mod disputes;
mod providers;
#[cfg(test)]
pub(crate) mod tests;
mod trackers;
mod world;

use crate::{AccountBalance, Call, Chain, ChainError, Receipt, Signer};
use async_trait::async_trait;
use lunarx_core::{
    blake2b_256, AccountId, AuditInfo, AuditRules, AuditSeed, AuthorityInfo, Balance, BlockNumber,
    ChainParameters, ContractId, ContractInfo, DisputeInfo, DueReward, EconomyInfo, NodeId, ProviderInfo,
    Quote, RoundDetails, Supply, TrackerInfo, Verdict, CAP, LX, SEATS,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use world::World;

/// The chain that all [`MemoryChain`]s pretend to be.
const GENESIS: [u8; 32] = *b"lunarx/memory-chain/genesis/0000";

/// A chain in memory. Clones share it.
#[derive(Clone)]
pub struct MemoryChain(Arc<Shared>);

struct Shared {
    parameters: ChainParameters,
    state: Mutex<State>,
    finalized: watch::Sender<BlockNumber>,
}

struct State {
    world: World,
    reachable: bool,
    housekeeping: bool,
    fail_next: Option<ChainError>,
}

impl Default for MemoryChain {
    /// Windows of 20 blocks at 28,800 blocks a day, 20 blocks to accept, 1 LX collateral a GiB.
    fn default() -> Self {
        Self::new(ChainParameters {
            block_millis: 3_000,
            day: 28_800,
            window: 20,
            accept_within: 20,
            max_offer_life: 100,
            max_windows: 100_000,
            max_promises: 64,
            max_reports: 64,
            collateral_per_gib: LX,
            exit_delay: 50,
            audit: AuditRules::of_window(20),
        })
    }
}

impl MemoryChain {
    /// What a dispute's opener deposits.
    pub const DEPOSIT: Balance = LX;
    /// The least bond of a tracker.
    pub const MIN_BOND: Balance = 100 * LX;
    /// Fine of a tracker that called a window valid and cannot show the answer.
    pub const LIE_FINE: Balance = 10 * LX;
    /// Where slashes, less the finder's tenth, and fines go.
    pub const SLASHED: AccountId = AccountId(*b"lunarx/memory-chain/slashed/0000");

    /// A chain with these parameters, at block 1, where nobody has anything.
    pub fn new(parameters: ChainParameters) -> Self {
        let world = World::default();
        let finalized = watch::Sender::new(world.height);
        let state = State { world, reachable: true, housekeeping: true, fail_next: None };
        Self(Arc::new(Shared { parameters, state: Mutex::new(state), finalized }))
    }

    /// Gives `amount` new LX-units to `account`.
    pub fn fund(&self, account: AccountId, amount: Balance) {
        self.state().world.mint(account, amount);
    }

    /// Lets `blocks` pass and finalizes them. With housekeeping, contracts never accepted in time
    /// are refunded, those whose term is over are settled and closed, and disputes not answered in time
    /// are resolved.
    pub fn advance(&self, blocks: BlockNumber) {
        let mut state = self.state();
        state.world.height = state.world.height.saturating_add(blocks);
        if state.housekeeping {
            state.world.sweep_disputes(&self.0.parameters);
            state.world.sweep(&self.0.parameters);
        }
        self.publish(state);
    }

    /// Whether [`MemoryChain::advance`] expires, settles and resolves what is due; true at first. Without, this
    /// is left to calls, as on a chain where nobody else makes them.
    pub fn set_housekeeping(&self, on: bool) {
        self.state().housekeeping = on;
    }

    /// What a seat is taken to say of a window of which it says nothing; *valid* at first. With `None`, a
    /// window without a majority of spoken verdicts is not paid.
    pub fn set_unspoken(&self, verdict: Option<Verdict>) {
        self.state().world.unspoken = verdict;
    }

    /// The seed of a block, past or to come, in place of the one that follows from its number. `None`: the
    /// block has no seed, and challenges nobody.
    pub fn set_seed(&self, block: BlockNumber, seed: Option<AuditSeed>) {
        self.state().world.seeds.insert(block, seed);
    }

    /// Who holds the seats of a contract in the round of a block.
    pub fn seats(&self, contract: &ContractId, block: BlockNumber) -> Option<[AccountId; SEATS as usize]> {
        self.state().world.holders(contract, block)
    }

    /// Sets how an account stands as maker of blocks.
    pub fn set_authority(&self, account: AccountId, info: AuthorityInfo) {
        self.state().world.authorities.insert(account, info);
    }

    /// What an account can claim.
    pub fn set_rewards(&self, account: AccountId, rewards: Vec<DueReward>) {
        self.state().world.rewards.insert(account, rewards);
    }

    /// The rounds, newest first, in place of the only one of all bonded trackers. Empty: that one again.
    pub fn set_rounds(&self, rounds: Vec<RoundDetails<AccountId>>) {
        self.state().world.rounds = rounds;
    }

    /// The next call fails with this error and has no effect.
    pub fn fail_next(&self, error: ChainError) {
        self.state().fail_next = Some(error);
    }

    /// While unreachable, every read and call fails.
    pub fn set_reachable(&self, reachable: bool) {
        self.state().reachable = reachable;
    }

    /// The height, finalized.
    pub fn height(&self) -> BlockNumber {
        self.state().world.height
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows the height once the state can be read.
    fn publish(&self, state: MutexGuard<'_, State>) {
        let height = state.world.height;
        drop(state);
        self.0.finalized.send_if_modified(|shown| {
            let later = height > *shown;
            *shown = height.max(*shown);
            later
        });
    }

    fn read<T>(&self, read: impl FnOnce(&World) -> T) -> Result<T, ChainError> {
        let state = self.state();
        if !state.reachable {
            return Err(unreachable());
        }
        Ok(read(&state.world))
    }

    fn execute(&self, account: AccountId, call: &Call) -> Result<Receipt, ChainError> {
        let mut state = self.state();
        if !state.reachable {
            return Err(unreachable());
        }
        if let Some(error) = state.fail_next.take() {
            return Err(error);
        }
        state.world.height = state.world.height.saturating_add(1);
        // All of a call or nothing of it.
        let mut next = state.world.clone();
        let result = next.apply(&self.0.parameters, account, call);
        if result.is_ok() {
            state.world = next;
        }
        let block = state.world.height;
        self.publish(state);
        let extrinsic = blake2b_256(format!("{account}{block}{}", call.name()).as_bytes());
        result.map(|()| Receipt { block, extrinsic, fee: Some(0) })
    }
}

fn unreachable() -> ChainError {
    ChainError::Unreachable { endpoint: "memory".into(), reason: "switched off by a test".into() }
}

#[async_trait]
impl Chain for MemoryChain {
    fn genesis(&self) -> [u8; 32] {
        GENESIS
    }

    fn parameters(&self) -> ChainParameters {
        self.0.parameters
    }

    fn finalized(&self) -> watch::Receiver<BlockNumber> {
        self.0.finalized.subscribe()
    }

    async fn supply(&self) -> Result<Supply, ChainError> {
        self.read(|world| {
            let issued = world.issued();
            Supply { cap: CAP, issued, unminted: CAP.saturating_sub(issued), circulating: issued }
        })
    }

    async fn economy(&self) -> Result<EconomyInfo<AccountId>, ChainError> {
        self.read(|world| world.economy(self.0.parameters.day))
    }

    async fn due_rewards(&self, account: AccountId) -> Result<Vec<DueReward>, ChainError> {
        self.read(|world| world.rewards.get(&account).cloned().unwrap_or_default())
    }

    async fn authority(&self, account: AccountId) -> Result<AuthorityInfo, ChainError> {
        self.read(|world| world.authority(account))
    }

    async fn provider(&self, account: AccountId) -> Result<Option<ProviderInfo<AccountId>>, ChainError> {
        self.read(|world| world.providers.get(&account).cloned())
    }

    async fn provider_of_node(&self, node: NodeId) -> Result<Option<ProviderInfo<AccountId>>, ChainError> {
        self.read(|world| world.providers.values().find(|entry| entry.node_id() == node).cloned())
    }

    async fn providers(&self) -> Result<Vec<ProviderInfo<AccountId>>, ChainError> {
        self.read(|world| world.providers.values().cloned().collect())
    }

    async fn contract(&self, id: ContractId) -> Result<Option<ContractInfo<AccountId>>, ChainError> {
        self.read(|world| world.contracts.get(&id).cloned())
    }

    async fn contracts_of(&self, account: AccountId) -> Result<Vec<ContractInfo<AccountId>>, ChainError> {
        let ours = |entry: &&ContractInfo<AccountId>| entry.client == account || entry.miner == account;
        self.read(|world| world.contracts.values().filter(ours).cloned().collect())
    }

    async fn quote(&self, bytes: u64, windows: u32, price: Balance) -> Result<Option<Quote>, ChainError> {
        self.read(|_| contracts::quote(&self.0.parameters, bytes, windows, price))
    }

    async fn contracts(&self) -> Result<Vec<ContractInfo<AccountId>>, ChainError> {
        self.read(|world| world.contracts.values().cloned().collect())
    }

    async fn audit_seeds(&self, from: BlockNumber, count: u32) -> Result<Vec<Option<AuditSeed>>, ChainError> {
        self.read(|world| {
            let end = from.saturating_add(count).min(world.height.saturating_add(1));
            (from..end).map(|block| world.seed(&self.0.parameters.audit, block)).collect()
        })
    }

    async fn rounds(&self) -> Result<Vec<RoundDetails<AccountId>>, ChainError> {
        self.read(World::rounds)
    }

    async fn tracker(&self, account: AccountId) -> Result<Option<TrackerInfo<AccountId>>, ChainError> {
        self.read(|world| world.trackers.get(&account).cloned())
    }

    async fn trackers(&self) -> Result<Vec<TrackerInfo<AccountId>>, ChainError> {
        self.read(|world| world.trackers.values().cloned().collect())
    }

    async fn audit(&self, contract: ContractId) -> Result<Option<AuditInfo<AccountId>>, ChainError> {
        self.read(|world| world.audit(&self.0.parameters.audit, &contract))
    }

    async fn disputes(&self) -> Result<Vec<DisputeInfo<AccountId>>, ChainError> {
        self.read(|world| world.disputes(&self.0.parameters.audit))
    }

    async fn balance(&self, account: AccountId) -> Result<AccountBalance, ChainError> {
        self.read(|world| world.balance(account))
    }

    async fn submit(&self, signer: &Signer, call: Call) -> Result<Receipt, ChainError> {
        self.execute(signer.account(), &call)
    }
}
