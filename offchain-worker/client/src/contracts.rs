//! Contracts of one client: opened, watched until the miners accept, ended.

use crate::{
    limits::{
        ACCEPT_GRACE_BLOCKS, ACCEPT_PATIENCE_BLOCKS, CLEANUP_ATTEMPTS, CLEANUP_OUTAGE, CLEANUP_PAUSE,
        MAX_CONCURRENT_MINERS, STALL_FACTOR, TRANSACTION_LIFE_BLOCKS,
    },
    reserve::Slot,
    ClientError, Fault, MinerFault,
};
use futures::{stream, StreamExt, TryStreamExt};
use lunarx_chain::{Call, Chain, ChainError, Signer};
use lunarx_core::{AccountId, Balance, BlockNumber, ContractId, ContractInfo, ContractState, Promise};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{sleep, timeout, timeout_at, Instant},
};

/// Blocks without which a chain stands still, at its own pace, whatever its parameters.
const STALL_BLOCKS: u64 = 20;
/// The least time given to a chain before it counts as standing still.
const LEAST_STALL: Duration = Duration::from_secs(60);

/// What opening came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opened {
    /// Held for the contracts that became active.
    pub held: Balance,
    /// Fees of the transactions, as far as the chain told them.
    pub fees: Balance,
    /// Miners that did not accept. Their contracts are refunded.
    pub faults: Vec<MinerFault>,
    /// The places of these among the slots.
    pub late: Vec<usize>,
}

impl Opened {
    /// With what came of the same segment before.
    pub fn after(mut self, before: Self) -> Self {
        self.fees = self.fees.saturating_add(before.fees);
        let faults = std::mem::replace(&mut self.faults, before.faults);
        self.add_faults(faults);
        self
    }

    /// Adds faults that are not known yet.
    pub fn add_faults(&mut self, faults: Vec<MinerFault>) {
        for fault in faults {
            if !self.faults.contains(&fault) {
                self.faults.push(fault);
            }
        }
    }
}

/// How far the contracts of some slots are.
struct Accepts {
    accepted: usize,
    held: Balance,
    late: Vec<usize>,
    /// Whether one can still be accepted.
    is_open: bool,
    /// When the last was accepted.
    last: BlockNumber,
}

impl Accepts {
    /// Sorts those that accepted from those that did not, as of block `height`.
    fn of(states: &[Option<ContractInfo<AccountId>>], height: BlockNumber) -> Self {
        let mut accepts = Self { accepted: 0, held: 0, late: Vec::new(), is_open: false, last: 0 };
        for (at, contract) in states.iter().enumerate() {
            // One that was ended meanwhile is as good as gone.
            let contract = contract.as_ref().filter(|contract| contract.ended.is_none());
            match contract.map(|contract| (contract.state, contract.escrow)) {
                Some((ContractState::Active { since, .. }, escrow)) => {
                    accepts.accepted += 1;
                    accepts.held = accepts.held.saturating_add(escrow);
                    accepts.last = accepts.last.max(since);
                }
                Some((ContractState::Pending { accept_by }, _)) => {
                    accepts.late.push(at);
                    accepts.is_open |= height <= accept_by.saturating_add(ACCEPT_GRACE_BLOCKS);
                }
                None => accepts.late.push(at),
            }
        }
        accepts
    }
}

/// The contracts of one account.
#[derive(Clone)]
pub(crate) struct Contracts {
    chain: Arc<dyn Chain>,
    signer: Signer,
}

impl Contracts {
    pub fn new(chain: Arc<dyn Chain>, signer: Signer) -> Self {
        Self { chain, signer }
    }

    /// The chain that they are on.
    pub fn genesis(&self) -> [u8; 32] {
        self.chain.genesis()
    }

    /// Opens a contract for each promise: one extrinsic, unless the chain takes fewer at once.
    pub async fn open(&self, promises: Vec<Promise<AccountId>>) -> Result<Balance, ClientError> {
        let mut fees: Balance = 0;
        for promises in promises.chunks(self.batch()) {
            let receipt = self.chain.submit(&self.signer, Call::Open { promises: promises.to_vec() }).await?;
            fees = fees.saturating_add(receipt.fee.unwrap_or(0));
        }
        Ok(fees)
    }

    /// Waits until all contracts of `slots` are active, or until the time to accept is over, or, once
    /// `needed` are active, until no other has become so for [`ACCEPT_PATIENCE_BLOCKS`]. The rest is ended
    /// and refunded. Fails if fewer than `needed` are active.
    ///
    /// Dropped half way, it leaves no transaction unwatched.
    pub async fn accepted(&self, slots: &[Slot], needed: usize) -> Result<Opened, ClientError> {
        let mut finalized = self.chain.finalized();
        let stall = self.stall_time();
        let (begin, mut heard) = (*finalized.borrow(), Instant::now());
        loop {
            let height = *finalized.borrow_and_update();
            let states = match self.states(slots.iter().map(|slot| slot.contract)).await {
                // Money is at stake: a short outage is waited for.
                Err(error) if error.is_retryable() && heard.elapsed() < stall => {
                    sleep(CLEANUP_PAUSE).await;
                    continue;
                }
                states => states?,
            };
            heard = Instant::now();
            let accepts = Accepts::of(&states, height);
            let patience = accepts.last.max(begin).saturating_add(ACCEPT_PATIENCE_BLOCKS);
            if !accepts.is_open || (accepts.accepted >= needed && height >= patience) {
                if let Some(opened) = self.judge(slots, accepts, needed).await? {
                    return Ok(opened);
                }
            }
            match timeout(stall, finalized.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Err(ClientError::ChainStalled(stall)),
            }
        }
    }

    /// Ends those that did not accept, if there are enough others. `None` if one of them may still be
    /// accepted, since the chain does not answer.
    async fn judge(
        &self,
        slots: &[Slot],
        accepts: Accepts,
        needed: usize,
    ) -> Result<Option<Opened>, ClientError> {
        let Accepts { accepted, held, late, is_open, .. } = accepts;
        let fault = |at: &usize| MinerFault { miner: slots[*at].miner.account, fault: Fault::NotAccepted };
        let faults = late.iter().map(fault).collect();
        if accepted < needed {
            return Err(ClientError::TooFewAccepts { needed, accepted, faults });
        }
        match self.end_in_task(late.iter().map(|at| slots[*at].contract).collect()).await? {
            Ok(_) => {}
            Err(error) if is_open && error.is_retryable() => {
                tracing::info!(%error, "contracts that were not accepted are not ended yet");
                return Ok(None);
            }
            Err(error) if is_open => return Err(error.into()),
            // They hold money until somebody expires them, which the miner's side does too.
            Err(error) => {
                tracing::warn!(%error, "contracts that were not accepted are not refunded yet");
            }
        }
        Ok(Some(Opened { held, fees: 0, faults, late }))
    }

    /// Ends contracts in a task, which goes on if nobody waits for it any more.
    async fn end_in_task(
        &self,
        ids: Vec<ContractId>,
    ) -> Result<Result<usize, ChainError>, tokio::task::JoinError> {
        let contracts = self.clone();
        tokio::spawn(async move { contracts.end(&ids).await }).await
    }

    /// What the chain says of `ids`, in their order.
    pub async fn states(
        &self,
        ids: impl IntoIterator<Item = ContractId>,
    ) -> Result<Vec<Option<ContractInfo<AccountId>>>, ChainError> {
        let reads: Vec<_> = ids.into_iter().map(|id| self.chain.contract(id)).collect();
        stream::iter(reads).buffered(MAX_CONCURRENT_MINERS).try_collect().await
    }

    /// Those of `ids` that are live and this account's.
    pub async fn live(&self, ids: &[ContractId]) -> Result<Vec<ContractInfo<AccountId>>, ChainError> {
        let states = self.states(ids.iter().copied()).await?;
        let (account, height) = (self.signer.account(), *self.chain.finalized().borrow());
        let ours =
            |contract: &ContractInfo<AccountId>| contract.client == account && is_live(contract, height);
        Ok(states.into_iter().flatten().filter(ours).collect())
    }

    /// Ends those of `ids` that are live; gives their number. One that vanishes meanwhile (expired,
    /// over) is no error.
    pub async fn end(&self, ids: &[ContractId]) -> Result<usize, ChainError> {
        let mut ended = 0;
        let mut last = None;
        for _ in 0..CLEANUP_ATTEMPTS {
            let live: Vec<ContractId> = self.live(ids).await?.iter().map(|contract| contract.id).collect();
            if live.is_empty() {
                return Ok(ended);
            }
            for batch in live.chunks(self.batch()) {
                match self.chain.submit(&self.signer, Call::End { ids: batch.to_vec() }).await {
                    Ok(_) => ended += batch.len(),
                    // Another look at the state tells what is left to do.
                    Err(error @ (ChainError::Dispatch { .. } | ChainError::TimedOut { .. })) => {
                        last = Some(error);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        match (self.live(ids).await?.is_empty(), last) {
            (false, Some(error)) => Err(error),
            _ => Ok(ended),
        }
    }

    /// Ends what a failed put has opened, until `deadline` at the latest. `uncertain` says that a
    /// transaction may still be on its way: then it is waited for until it cannot take effect any more.
    /// Gives what is left, and why.
    pub async fn clean_up(
        &self,
        ids: &[ContractId],
        uncertain: bool,
        deadline: Instant,
    ) -> Option<(Vec<ContractId>, String)> {
        let mut reason = "no time is left".into();
        if let Ok(true) = timeout_at(deadline, self.end_for_good(ids, uncertain, &mut reason)).await {
            return None;
        }
        match timeout(CLEANUP_PAUSE, self.live(ids)).await {
            Ok(Ok(live)) if live.is_empty() && !uncertain => None,
            Ok(Ok(live)) if !live.is_empty() => {
                Some((live.iter().map(|contract| contract.id).collect(), reason))
            }
            _ => Some((ids.to_vec(), reason)),
        }
    }

    /// Ends contracts through a short outage of the chain. True once none of them is open or can become
    /// so; else `reason` says why not.
    async fn end_for_good(&self, ids: &[ContractId], uncertain: bool, reason: &mut String) -> bool {
        let mut finalized = self.chain.finalized();
        // What was sent up to now takes effect up to there, or never.
        let over = uncertain.then(|| finalized.borrow().saturating_add(TRANSACTION_LIFE_BLOCKS));
        let mut heard = Instant::now();
        loop {
            let height = *finalized.borrow_and_update();
            match self.end(ids).await {
                Ok(_) if over.is_none_or(|over| height > over) => return true,
                Ok(_) => {
                    heard = Instant::now();
                    *reason = "a transaction may still take effect".into();
                }
                Err(error) => {
                    *reason = error.to_string();
                    if !error.is_retryable() || heard.elapsed() >= CLEANUP_OUTAGE {
                        return false;
                    }
                }
            }
            next_block(&mut finalized).await;
        }
    }

    /// Contracts in one call.
    fn batch(&self) -> usize {
        usize::try_from(self.chain.parameters().max_promises).unwrap_or(usize::MAX).max(1)
    }

    fn stall_time(&self) -> Duration {
        let millis = self.chain.parameters().block_millis.saturating_mul(STALL_BLOCKS);
        Duration::from_millis(millis).saturating_mul(STALL_FACTOR).max(LEAST_STALL)
    }
}

/// Whether a contract can still be ended at `height`. One that was, or whose term is over, cannot, though the
/// chain keeps it until the outcome of its last window is final.
pub(crate) fn is_live(contract: &ContractInfo<AccountId>, height: BlockNumber) -> bool {
    match contract.watched() {
        Some(watched) => contract.ended.is_none() && watched.elapsed(height) < watched.windows,
        None => true,
    }
}

/// Waits for the next block, for [`CLEANUP_PAUSE`] at most.
async fn next_block(finalized: &mut watch::Receiver<BlockNumber>) {
    // Without anybody who tells of blocks, the pause alone sets the pace.
    if let Ok(Err(_)) = timeout(CLEANUP_PAUSE, finalized.changed()).await {
        sleep(CLEANUP_PAUSE).await;
    }
}

/// Windows that cover `days`, as the chain measures both.
pub(crate) fn windows_for(days: u32, day: BlockNumber, window: BlockNumber) -> u64 {
    (u64::from(days) * u64::from(day)).div_ceil(u64::from(window.max(1)))
}

#[cfg(test)]
mod tests {
    use super::{is_live, windows_for, Accepts};
    use lunarx_core::{AccountId, BatchRoot, ContractId, ContractInfo, ContractState};

    fn contract(state: ContractState) -> Option<ContractInfo<AccountId>> {
        Some(ContractInfo {
            id: ContractId([1; 32]),
            client: AccountId([2; 32]),
            miner: AccountId([3; 32]),
            root: BatchRoot([4; 32]),
            pieces: 1,
            bytes: 10,
            window: 1_200,
            windows: 5,
            window_fee: 1,
            last_fee: 1,
            word_pay: 1,
            ended: None,
            escrow: 5,
            paid: 0,
            commission: None,
            state,
        })
    }

    #[test]
    fn accepts_are_sorted_and_the_last_is_known() {
        let active = |since| contract(ContractState::Active { since, settled: 0 });
        let pending = contract(ContractState::Pending { accept_by: 100 });
        let accepts = Accepts::of(&[active(7), pending.clone(), None, active(9)], 100);
        assert_eq!((accepts.accepted, accepts.held, accepts.last), (2, 10, 9));
        assert_eq!(accepts.late, [1, 2]);
        assert!(accepts.is_open);
        assert!(!Accepts::of(&[pending, None], 106).is_open);
        let ended = active(7).map(|contract| ContractInfo { ended: Some(8), ..contract });
        assert_eq!(Accepts::of(&[ended, active(7)], 100).late, [0], "it was ended meanwhile");
    }

    #[test]
    fn ended_and_over_contracts_are_not_live() {
        let active = contract(ContractState::Active { since: 100, settled: 0 }).unwrap();
        assert!(is_live(&contract(ContractState::Pending { accept_by: 1 }).unwrap(), 9_999_999));
        assert!(is_live(&active, 100 + 5 * 1_200 - 1));
        assert!(!is_live(&active, 100 + 5 * 1_200), "its term is over");
        assert!(!is_live(&ContractInfo { ended: Some(200), windows: 1, ..active }, 150));
    }

    #[test]
    fn windows_cover_the_days() {
        assert_eq!(windows_for(1, 28_800, 1_200), 24);
        assert_eq!(windows_for(1, 28_801, 1_200), 25);
        assert_eq!(windows_for(0, 28_800, 1_200), 0);
        assert_eq!(windows_for(u32::MAX, u32::MAX, 0), u64::from(u32::MAX) * u64::from(u32::MAX));
    }
}
