//! Looks after the store while the miner works: gives back the space of what was removed, and reads everything now
//! and then, so that bit rot is found before a challenge finds it. Both at a rate that leaves the disk to clients.

use crate::{
    disk::{Disk, DiskError},
    prover::Prover,
    MinerError,
};
use lunarx_store::{Collected, StoreError};
use std::{sync::Arc, time::Duration};
use tokio::time::{interval, MissedTickBehavior};

/// Between two steps.
const STEP: Duration = Duration::from_secs(5);
/// Most bytes given back in a step: 64 MiB a second.
const MOST_COLLECTED: u64 = 320 << 20;
/// Most bytes given back in one call, so that others come between.
const MOST_COLLECTED_AT_ONCE: u64 = 16 << 20;
/// Most bytes scrubbed in a step: 32 MiB a second.
const MOST_SCRUBBED: u64 = 160 << 20;

/// The collector and the scrubber.
pub(crate) struct Upkeep {
    disk: Arc<Disk>,
    prover: Arc<Prover>,
    /// In what time everything is read.
    scrub_every: Duration,
}

impl Upkeep {
    pub(crate) fn new(disk: Arc<Disk>, prover: Arc<Prover>, scrub_every: Duration) -> Self {
        Self { disk, prover, scrub_every }
    }

    /// Works until it is dropped, or the miner stops. Trouble with the disk is told, and tried again.
    pub(crate) async fn run(&self) -> MinerError {
        let mut steps = interval(STEP);
        steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pace = Pace::default();
        loop {
            steps.tick().await;
            for step in [self.collect().await, self.scrub(&mut pace).await] {
                match step {
                    Ok(()) => {}
                    Err(DiskError::Closed) => return MinerError::Stopping,
                    Err(error @ DiskError::Store(StoreError::Stuck)) => return error.into(),
                    Err(error) => tracing::error!(%error, "the upkeep of the piece store fails"),
                }
            }
        }
    }

    async fn collect(&self) -> Result<(), DiskError> {
        let mut total = Collected::default();
        while total.bytes < MOST_COLLECTED {
            let some = self.disk.run(|store| store.collect(MOST_COLLECTED_AT_ONCE)).await?;
            if some.entries == 0 {
                break;
            }
            total = Collected { entries: total.entries + some.entries, bytes: total.bytes + some.bytes };
        }
        if total.entries > 0 {
            tracing::debug!(pieces = total.entries, bytes = total.bytes, "space given back");
        }
        Ok(())
    }

    async fn scrub(&self, pace: &mut Pace) -> Result<(), DiskError> {
        let usage = self.disk.run(|store| Ok(store.usage())).await?;
        let taken = usage.stored.saturating_add(usage.reserved);
        let Some(share) = share(taken, self.scrub_every) else { return Ok(()) };
        let Some(most) = pace.next(share).filter(|_| taken > 0) else { return Ok(()) };
        let scrubbed = self.disk.run(move |store| store.scrub(most)).await?;
        pace.read(scrubbed.bytes, most);
        for fault in scrubbed.faults {
            // The store has told what is wrong. It is given up like damage that a challenge finds.
            self.prover.note_damaged(fault.contract);
        }
        Ok(())
    }
}

/// Keeps the rate although a step reads whole pieces: what one read too much, the next ones leave out.
#[derive(Debug, Default)]
struct Pace {
    debt: u64,
}

impl Pace {
    /// Bytes to read now, of a step's `share`; none while there is a debt.
    fn next(&mut self, share: u64) -> Option<u64> {
        let left = share.saturating_sub(self.debt);
        self.debt = self.debt.saturating_sub(share);
        (left > 0).then_some(left)
    }

    /// Notes that `bytes` were read instead of `most`.
    fn read(&mut self, bytes: u64, most: u64) {
        self.debt = self.debt.saturating_add(bytes.saturating_sub(most));
    }
}

/// Bytes to scrub in a step, so that `taken` bytes take `every`; none if that is zero.
fn share(taken: u64, every: Duration) -> Option<u64> {
    let every = every.as_millis();
    if every == 0 {
        return None;
    }
    let bytes = u128::from(taken).saturating_mul(STEP.as_millis()) / every;
    Some(u64::try_from(bytes).unwrap_or(u64::MAX).clamp(1, MOST_SCRUBBED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_piece_is_paid_for_by_the_steps_after_it() {
        let mut pace = Pace::default();
        assert_eq!(pace.next(100), Some(100));
        pace.read(350, 100);
        assert_eq!([(); 4].map(|()| pace.next(100)), [None, None, Some(50), Some(100)]);
        pace.read(10, 100);
        assert_eq!(pace.next(100), Some(100), "what was left out is not made up for");
    }

    #[test]
    fn a_store_is_read_once_in_its_time_and_never_too_fast() {
        const FORTNIGHT: Duration = Duration::from_secs(14 * 86_400);
        const TIB: u64 = 1 << 40;
        let seconds = |stored: u64| stored / share(stored, FORTNIGHT).unwrap() * STEP.as_secs();
        assert!(seconds(TIB).abs_diff(FORTNIGHT.as_secs()) < 3_600);
        assert!(seconds(16 * TIB).abs_diff(FORTNIGHT.as_secs()) < 3_600);
        assert_eq!(share(100 * TIB, FORTNIGHT), Some(MOST_SCRUBBED));
        assert_eq!(share(1, FORTNIGHT), Some(1));
        assert_eq!(share(TIB, Duration::ZERO), None);
        assert_eq!(share(u64::MAX, Duration::from_millis(1)), Some(MOST_SCRUBBED));
    }
}
