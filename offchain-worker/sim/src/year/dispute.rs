//! The rules of a dispute, as in docs/audits.md: a pure model of them.

use super::books::Account;
use lunarx_core::{AuditRules, BlockNumber};

/// A question to a miner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Who asked and left a deposit.
    pub opener: Account,
    /// The challenge whose bytes are asked for again.
    pub challenge: Option<BlockNumber>,
    /// When.
    pub opened: BlockNumber,
    /// It names a challenge, as the question of a seat: no other takes its place.
    pub seated: bool,
    /// The last block for an answer.
    pub deadline: BlockNumber,
    /// Whether the miner was there for long enough to answer.
    pub seen: bool,
}

/// How a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It waits.
    Open,
    /// The miner answered.
    Answered,
    /// It did not in time.
    Lost,
}

impl Dispute {
    /// A question of now.
    pub fn new(
        opener: Account,
        challenge: Option<BlockNumber>,
        now: BlockNumber,
        rules: &AuditRules,
    ) -> Self {
        let deadline = now.saturating_add(rules.return_within);
        // In this model only seats name challenges.
        Self { opener, challenge, opened: now, seated: challenge.is_some(), deadline, seen: false }
    }

    /// Looks again, with whether the miner was there since the last time, and has what is asked for.
    pub fn look(&mut self, there: bool, has_it: bool, now: BlockNumber) -> Standing {
        self.seen |= there;
        match there && has_it {
            true => Standing::Answered,
            false if now >= self.deadline => Standing::Lost,
            false => Standing::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miner_has_72_windows_to_come_back() {
        let rules = AuditRules::of_window(10);
        let new = || Dispute::new(Account::Clients, None, 100, &rules);
        let mut waits = new();
        assert_eq!(waits.look(false, true, 819), Standing::Open);
        assert!(!waits.seen);
        assert_eq!(waits.look(true, true, 820), Standing::Answered);
        assert_eq!(new().look(false, true, 820), Standing::Lost);
        let mut lacks = new();
        assert_eq!(lacks.look(true, false, 819), Standing::Open);
        assert_eq!(lacks.look(true, false, 820), Standing::Lost);
        assert!(lacks.seen);
    }
}
