//! Contracts of one client: opened, watched until the miners accept, ended.

use crate::{
    limits::{ACCEPT_GRACE_BLOCKS, CLEANUP_ATTEMPTS, CLEANUP_PAUSE, MAX_CONCURRENT_MINERS, STALL_FACTOR},
    reserve::Slot,
    ClientError, Fault, MinerFault,
};
use futures::{stream, StreamExt, TryStreamExt};
use lunarx_chain::{Call, Chain, ChainError, Signer};
use lunarx_core::{AccountId, Balance, BlockNumber, ContractId, ContractInfo, ContractState, Promise};
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout, Instant};

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

    /// Opens a contract for each promise: one extrinsic, unless the chain takes fewer at once.
    pub async fn open(&self, promises: Vec<Promise<AccountId>>) -> Result<Balance, ClientError> {
        let mut fees: Balance = 0;
        for promises in promises.chunks(self.batch()) {
            let receipt = self.chain.submit(&self.signer, Call::Open { promises: promises.to_vec() }).await?;
            fees = fees.saturating_add(receipt.fee.unwrap_or(0));
        }
        Ok(fees)
    }

    /// Waits until all contracts of `slots` are active, or until the time to accept is over. `needed`
    /// of them must be; the rest is refunded.
    pub async fn accepted(&self, slots: &[Slot], needed: usize) -> Result<Opened, ClientError> {
        let mut finalized = self.chain.finalized();
        let stall = self.stall_time();
        let mut heard = Instant::now();
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
            let waiting = |state: &Option<ContractInfo<AccountId>>| match state {
                Some(ContractInfo { state: ContractState::Pending { accept_by }, .. }) => {
                    height <= accept_by.saturating_add(ACCEPT_GRACE_BLOCKS)
                }
                _ => false,
            };
            if !states.iter().any(waiting) {
                return self.judge(slots, &states, needed).await;
            }
            match timeout(stall, finalized.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Err(ClientError::ChainStalled(stall)),
            }
        }
    }

    /// Sorts those that accepted from those that did not.
    async fn judge(
        &self,
        slots: &[Slot],
        states: &[Option<ContractInfo<AccountId>>],
        needed: usize,
    ) -> Result<Opened, ClientError> {
        let mut opened = Opened::default();
        let mut accepted = 0;
        let mut late = Vec::new();
        for (slot, state) in slots.iter().zip(states) {
            match state {
                Some(ContractInfo { state: ContractState::Active { .. }, escrow, .. }) => {
                    accepted += 1;
                    opened.held = opened.held.saturating_add(*escrow);
                }
                _ => {
                    opened.faults.push(MinerFault { miner: slot.miner.account, fault: Fault::NotAccepted });
                    late.extend(state.as_ref().map(|contract| contract.id));
                }
            }
        }
        if accepted < needed {
            return Err(ClientError::TooFewAccepts { needed, accepted, faults: opened.faults });
        }
        if !late.is_empty() {
            if let Err(error) = self.end(&late).await {
                // They hold money until somebody expires them, which the miner's side does too.
                tracing::warn!(%error, "contracts that were not accepted are not refunded yet");
            }
        }
        Ok(opened)
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
        let ours = |contract: &ContractInfo<AccountId>| contract.client == self.signer.account();
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

    /// Ends what a failed put has opened, through an outage of the chain if it is short. `uncertain`
    /// says that a transaction may still be on its way. Gives what is left, and why.
    pub async fn clean_up(&self, ids: &[ContractId], uncertain: bool) -> Option<(Vec<ContractId>, String)> {
        let mut reason = String::new();
        for attempt in 0..CLEANUP_ATTEMPTS {
            if attempt > 0 {
                sleep(CLEANUP_PAUSE).await;
            }
            match self.end(ids).await {
                Ok(0) if uncertain => reason = "a transaction may still take effect".into(),
                Ok(_) => return None,
                Err(error) => reason = error.to_string(),
            }
        }
        match self.live(ids).await {
            Ok(live) if live.is_empty() && !uncertain => None,
            Ok(live) if !live.is_empty() => Some((live.iter().map(|contract| contract.id).collect(), reason)),
            _ => Some((ids.to_vec(), reason)),
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

/// Windows that cover `days`, as the chain measures both.
pub(crate) fn windows_for(days: u32, day: BlockNumber, window: BlockNumber) -> u64 {
    (u64::from(days) * u64::from(day)).div_ceil(u64::from(window.max(1)))
}

#[cfg(test)]
mod tests {
    use super::windows_for;

    #[test]
    fn windows_cover_the_days() {
        assert_eq!(windows_for(1, 28_800, 1_200), 24);
        assert_eq!(windows_for(1, 28_801, 1_200), 25);
        assert_eq!(windows_for(0, 28_800, 1_200), 0);
        assert_eq!(windows_for(u32::MAX, u32::MAX, 0), u64::from(u32::MAX) * u64::from(u32::MAX));
    }
}
