//! Who holds the others up: looks at the queues of an upload, and gives up the miners that are too slow.
//!
//! A miner is behind while its queue is half full at least, or not empty once the segment is at its end,
//! and `k` others or more have nothing left to send. Once it was behind for [`LAG_GRACE`], it must have
//! taken [`MIN_UPLOAD_RATE`] in that time, or its lane ends.
//!
//! A slow source makes nobody look slow, for then no queue fills. Nor does a slow client: all lanes carry
//! the same bytes, so while they share a link that is always busy, `k` of them are idle for no more than
//! `1 - k/n` of the time. Therefore a look at which a miner is not behind makes up for [`FORGIVENESS`]
//! looks at which it was.

use crate::{
    limits::{LAG_GRACE, LAG_LOOK, MIN_UPLOAD_RATE},
    Fault,
};
use std::{
    convert::Infallible,
    sync::{
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        Arc, OnceLock,
    },
    time::Duration,
};
use tokio::time::{interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Who is behind for less than four fifths of the time is never given up.
const FORGIVENESS: u32 = 4;

/// What one lane shows of itself.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    /// Blocks given to it that are not on their way yet.
    queued: AtomicUsize,
    /// Bytes that are on their way, or there.
    taken: AtomicU64,
    /// All blocks of the piece were given to it.
    whole: AtomicBool,
    /// Why it ended, if it failed.
    fault: OnceLock<Fault>,
    /// Ends it.
    pub give_up: CancellationToken,
}

impl Gauge {
    /// Notes a block that is given to the lane.
    pub fn queue(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a block of `bytes` is on its way.
    pub fn take(&self, bytes: usize) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
        self.taken.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Notes that no more blocks will come, since the lane has all.
    pub fn complete(&self) {
        self.whole.store(true, Ordering::Release);
    }

    /// Whether the lane was given the whole piece.
    pub fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Acquire)
    }

    /// Notes why the lane ends. The first reason counts.
    pub fn fail(&self, fault: Fault) {
        // A second one follows from the first.
        let _ = self.fault.set(fault);
    }

    /// Why the lane ended, if it failed.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.get()
    }

    /// Whether it has nothing to send, and is well.
    fn is_idle(&self) -> bool {
        self.queued.load(Ordering::Relaxed) == 0 && self.fault.get().is_none()
    }

    /// Whether it has much to send, where a queue that is half full has `half` blocks.
    fn is_busy(&self, half: usize) -> bool {
        let least = if self.is_whole() { 1 } else { half };
        self.queued.load(Ordering::Relaxed) >= least && self.fault.get().is_none()
    }
}

/// Bytes in a time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rate {
    bytes: u64,
    time: Duration,
}

impl Rate {
    /// Counts `bytes` that took `time`.
    pub fn add(&mut self, bytes: u64, time: Duration) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.time = self.time.saturating_add(time);
    }

    /// Takes back some of the time; with the last of it, what came in it.
    fn forgive(&mut self, time: Duration) {
        self.time = self.time.saturating_sub(time);
        if self.time.is_zero() {
            self.bytes = 0;
        }
    }

    /// Whether it was measured long enough to be judged.
    pub fn is_measured(&self) -> bool {
        self.time >= LAG_GRACE
    }

    /// Whether it is less than `floor` bytes a second.
    pub fn is_below(&self, floor: u64) -> bool {
        u128::from(self.bytes).saturating_mul(1_000) < u128::from(floor).saturating_mul(self.time.as_millis())
    }
}

/// A lane, and how it did while it was behind.
struct Watched {
    gauge: Arc<Gauge>,
    /// What it had taken at the last look.
    taken: u64,
    behind: Rate,
}

/// Watches the lanes of one segment.
pub(super) struct Pace {
    lanes: Vec<Watched>,
    /// As many must be waiting.
    needed: usize,
    /// Blocks in a queue that is half full.
    half: usize,
}

impl Pace {
    /// Watches lanes with queues of `depth` blocks, of which `needed` make a segment.
    pub fn new(gauges: &[Arc<Gauge>], needed: usize, depth: usize) -> Self {
        let watched =
            |gauge: &Arc<Gauge>| Watched { gauge: gauge.clone(), taken: 0, behind: Rate::default() };
        Self { lanes: gauges.iter().map(watched).collect(), needed, half: depth.div_ceil(2) }
    }

    /// Gives up lanes until it is dropped.
    pub async fn watch(mut self) -> Infallible {
        let mut looks = interval(LAG_LOOK);
        // A time in which this program did not run is no miner's fault.
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            self.look();
        }
    }

    fn look(&mut self) {
        let idle = self.lanes.iter().filter(|lane| lane.gauge.is_idle()).count();
        for lane in &mut self.lanes {
            let taken = lane.gauge.taken.load(Ordering::Relaxed);
            let moved = taken.saturating_sub(lane.taken);
            lane.taken = taken;
            if idle < self.needed || !lane.gauge.is_busy(self.half) {
                lane.behind.forgive(LAG_LOOK.saturating_mul(FORGIVENESS));
                continue;
            }
            lane.behind.add(moved, LAG_LOOK);
            if lane.behind.is_measured() {
                if lane.behind.is_below(MIN_UPLOAD_RATE) {
                    lane.gauge.give_up.cancel();
                }
                lane.behind = Rate::default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPTH: usize = 4;
    const BLOCK: usize = 64 * 1024;

    fn lanes(count: usize, needed: usize) -> (Vec<Arc<Gauge>>, Pace) {
        let gauges: Vec<Arc<Gauge>> = (0..count).map(|_| Arc::default()).collect();
        let pace = Pace::new(&gauges, needed, DEPTH);
        (gauges, pace)
    }

    /// Looks for a little longer than the grace lasts; between two looks, lane 0 takes `blocks` blocks.
    fn look_on(gauges: &[Arc<Gauge>], pace: &mut Pace, blocks: usize) {
        let mut time = Duration::ZERO;
        while time <= LAG_GRACE {
            for _ in 0..blocks {
                gauges[0].queue();
                gauges[0].take(BLOCK);
            }
            pace.look();
            time += LAG_LOOK;
        }
    }

    fn fill(gauge: &Gauge) {
        (0..DEPTH).for_each(|_| gauge.queue());
    }

    #[test]
    fn a_lane_for_which_k_others_wait_is_given_up() {
        let (gauges, mut pace) = lanes(4, 2);
        fill(&gauges[0]);
        fill(&gauges[1]);
        look_on(&gauges, &mut pace, 0);
        let given_up: Vec<bool> = gauges.iter().map(|gauge| gauge.give_up.is_cancelled()).collect();
        assert_eq!(given_up, [true, true, false, false]);
    }

    #[test]
    fn a_lane_that_takes_enough_is_waited_for() {
        let (gauges, mut pace) = lanes(3, 2);
        fill(&gauges[0]);
        // 256 KiB a second.
        look_on(&gauges, &mut pace, 2);
        assert!(!gauges[0].give_up.is_cancelled());
        look_on(&gauges, &mut pace, 0);
        assert!(gauges[0].give_up.is_cancelled());
    }

    #[test]
    fn a_lane_that_is_behind_now_and_then_is_waited_for() {
        let (gauges, mut pace) = lanes(4, 3);
        fill(&gauges[0]);
        for look in 0..1_000 {
            // One of the others is at work for a quarter of the time.
            match look % 4 {
                0 => gauges[1].queue(),
                1 => gauges[1].take(BLOCK),
                _ => {}
            }
            pace.look();
        }
        assert!(!gauges[0].give_up.is_cancelled(), "the client is slow");
    }

    #[test]
    fn nobody_is_given_up_while_fewer_than_k_wait() {
        let (gauges, mut pace) = lanes(4, 3);
        fill(&gauges[0]);
        fill(&gauges[1]);
        look_on(&gauges, &mut pace, 0);
        assert!(!gauges.iter().any(|gauge| gauge.give_up.is_cancelled()), "the client is slow");
        let (gauges, mut pace) = lanes(4, 3);
        fill(&gauges[0]);
        gauges[1].fail(Fault::NotAccepted);
        look_on(&gauges, &mut pace, 0);
        assert!(!gauges[0].give_up.is_cancelled(), "one that failed waits for nobody");
    }

    #[test]
    fn a_lane_with_a_short_queue_is_not_behind() {
        let (gauges, mut pace) = lanes(3, 2);
        gauges[0].queue();
        look_on(&gauges, &mut pace, 0);
        assert!(!gauges[0].give_up.is_cancelled(), "the source is slow");
        gauges[0].complete();
        look_on(&gauges, &mut pace, 0);
        assert!(gauges[0].give_up.is_cancelled(), "all others are done");
    }
}
