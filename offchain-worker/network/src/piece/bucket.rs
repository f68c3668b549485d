//! How many requests a peer may make: a token bucket.

use std::time::Instant;

/// Parts of a token, so that slow rates fill it evenly.
const PARTS: i64 = 1000;

/// What the bucket says to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Serve it.
    Allowed,
    /// Refuse it.
    Exhausted,
    /// Cut the peer off: it ignored as many refusals as the burst has requests.
    Flooding,
}

/// Tokens of one peer.
#[derive(Debug)]
pub(crate) struct Bucket {
    parts: i64,
    last: Instant,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(burst: u32, now: Instant) -> Self {
        Self { parts: i64::from(burst) * PARTS, last: now }
    }

    /// Takes one token. It may go into debt, down to minus `burst`.
    pub(crate) fn take(&mut self, now: Instant, per_second: u32, burst: u32) -> Verdict {
        let burst = i64::from(burst) * PARTS;
        let millis = now.saturating_duration_since(self.last).as_millis();
        let millis = i64::try_from(millis).unwrap_or(i64::MAX);
        // `PARTS` a second is one part a millisecond for each token a second.
        let filled = millis.saturating_mul(i64::from(per_second));
        if filled > 0 {
            self.last = now;
        }
        self.parts = self.parts.saturating_add(filled).min(burst);
        self.parts = self.parts.saturating_sub(PARTS);
        if self.parts >= 0 {
            Verdict::Allowed
        } else if self.parts >= -burst {
            Verdict::Exhausted
        } else {
            Verdict::Flooding
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn burst_then_rate_then_cut_off() {
        let start = Instant::now();
        let mut bucket = Bucket::new(3, start);
        let mut take = |seconds| bucket.take(start + Duration::from_secs(seconds), 1, 3);
        assert_eq!([take(0), take(0), take(0)], [Verdict::Allowed; 3]);
        assert_eq!([take(0), take(0), take(0)], [Verdict::Exhausted; 3]);
        assert_eq!(take(0), Verdict::Flooding);
        assert_eq!(take(5), Verdict::Allowed);
        assert_eq!(take(5), Verdict::Exhausted);
        assert_eq!([take(100), take(100), take(100)], [Verdict::Allowed; 3]);
        assert_eq!(take(100), Verdict::Exhausted);
    }
}
