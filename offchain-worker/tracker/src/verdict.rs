//! What a seat says of a window: a pure function of what it saw, the same in the daemon and in simulations.

use lunarx_core::{AuditRules, BlockNumber, Verdict};

/// Heartbeats of a miner in a window, at times that it could not foresee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beats {
    /// Those that it answered.
    pub reached: u32,
    /// Those that it did not.
    pub missed: u32,
}

impl Beats {
    /// Whether the miner was away for most of the window. Without a heartbeat nobody can say so.
    fn mostly_missed(self) -> bool {
        self.missed > 0 && self.missed >= self.reached
    }
}

/// How a challenge stands with the seat that puts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not put yet, or nothing is known of it: nothing can be said of windows that it counts for.
    Unknown,
    /// Answered, by now.
    Answered,
    /// Answered wrongly, and signed.
    Wrong,
    /// Put, and not answered.
    Unanswered {
        /// Whether the miner was reached after the challenge was due.
        reached: bool,
    },
}

/// What a seat says of a window that is over, by the heartbeats in it and all challenges up to its end, those
/// of earlier windows too. A challenge that was answered late is answered. `None`: it cannot tell yet.
pub fn verdict(beats: Beats, challenges: impl IntoIterator<Item = Standing>) -> Option<Verdict> {
    let (mut unknown, mut unanswered) = (false, false);
    for standing in challenges {
        match standing {
            Standing::Wrong | Standing::Unanswered { reached: true } => return Some(Verdict::Silent),
            Standing::Unanswered { reached: false } => unanswered = true,
            Standing::Unknown => unknown = true,
            Standing::Answered => {}
        }
    }
    match () {
        () if unknown => None,
        () if unanswered || beats.mostly_missed() => Some(Verdict::Offline),
        () => Some(Verdict::Valid),
    }
}

/// When a verdict is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ripeness {
    /// Not yet: the miner may still answer.
    Wait,
    /// With others, if a report is made anyway.
    Ride,
    /// Now.
    Due,
}

/// When a verdict on a window that ended at `end` is told at height `now`; `None` when it is too early or
/// too late for it. Good news rides with others soon and is told after half the time; bad news waits for the
/// miner's answer, and leaves a quarter of the time for the report itself.
pub fn ripeness(
    verdict: Verdict,
    end: BlockNumber,
    now: BlockNumber,
    rules: &AuditRules,
) -> Option<Ripeness> {
    let handover = end.saturating_add(rules.report_within);
    let last = end.saturating_add(rules.final_after);
    let (from, until) = if now < handover { (end, handover) } else { (handover, last) };
    if now < from || now >= until {
        return None;
    }
    // Below 2^32 and at most the whole span, so neither can be cut.
    let at = |quarters: u32| {
        let span = u64::from(until.saturating_sub(from)).saturating_mul(quarters.into()) / 4;
        now >= from.saturating_add(u32::try_from(span).unwrap_or(u32::MAX))
    };
    Some(match verdict {
        // Whoever takes a window over comes late already.
        Verdict::Valid if at(2) || from == handover => Ripeness::Due,
        Verdict::Valid => Ripeness::Ride,
        Verdict::Silent | Verdict::Offline if at(3) => Ripeness::Due,
        Verdict::Silent | Verdict::Offline => Ripeness::Wait,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Standing = Standing::Unanswered { reached: false };
    const SILENT: Standing = Standing::Unanswered { reached: true };

    fn beats(reached: u32, missed: u32) -> Beats {
        Beats { reached, missed }
    }

    #[test]
    fn valid_takes_presence_and_every_answer() {
        for (beats, challenges, expected) in [
            (beats(6, 0), vec![], Some(Verdict::Valid)),
            (beats(6, 0), vec![Standing::Answered; 3], Some(Verdict::Valid)),
            (beats(4, 2), vec![Standing::Answered], Some(Verdict::Valid)),
            (beats(0, 0), vec![Standing::Answered], Some(Verdict::Valid)),
            (beats(3, 3), vec![Standing::Answered], Some(Verdict::Offline)),
            (beats(0, 1), vec![], Some(Verdict::Offline)),
            (beats(6, 0), vec![Standing::Answered, OPEN], Some(Verdict::Offline)),
            (beats(0, 6), vec![OPEN], Some(Verdict::Offline)),
            (beats(6, 0), vec![Standing::Answered, SILENT], Some(Verdict::Silent)),
            (beats(0, 6), vec![SILENT], Some(Verdict::Silent)),
            (beats(6, 0), vec![Standing::Wrong], Some(Verdict::Silent)),
            (beats(0, 6), vec![OPEN, Standing::Wrong], Some(Verdict::Silent)),
            (beats(6, 0), vec![Standing::Answered, Standing::Unknown], None),
            (beats(6, 0), vec![Standing::Unknown, SILENT], Some(Verdict::Silent)),
        ] {
            assert_eq!(verdict(beats, challenges.clone()), expected, "{beats:?} {challenges:?}");
        }
    }

    #[test]
    fn one_unanswered_challenge_is_never_valid_however_many_were_answered() {
        for at in 0..20 {
            for unanswered in [OPEN, SILENT, Standing::Wrong, Standing::Unknown] {
                let mut challenges = [Standing::Answered; 20];
                challenges[at] = unanswered;
                assert_ne!(verdict(beats(9, 0), challenges), Some(Verdict::Valid));
            }
        }
    }

    #[test]
    fn bad_news_waits_and_nothing_comes_too_late() {
        let rules = AuditRules::of_window(100);
        let at = |verdict, now| ripeness(verdict, 1_000, now, &rules);
        use Ripeness::{Due, Ride, Wait};
        for (now, valid, silent) in [
            (999, None, None),
            (1_000, Some(Ride), Some(Wait)),
            (1_049, Some(Ride), Some(Wait)),
            (1_050, Some(Due), Some(Wait)),
            (1_074, Some(Due), Some(Wait)),
            (1_075, Some(Due), Some(Due)),
            (1_099, Some(Due), Some(Due)),
            // Taken over.
            (1_100, Some(Due), Some(Wait)),
            (1_249, Some(Due), Some(Wait)),
            (1_250, Some(Due), Some(Due)),
            (1_299, Some(Due), Some(Due)),
            (1_300, None, None),
        ] {
            assert_eq!((at(Verdict::Valid, now), at(Verdict::Silent, now)), (valid, silent), "{now}");
            assert_eq!(at(Verdict::Offline, now), silent, "{now}");
        }
    }
}
