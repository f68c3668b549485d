//! What is counted on the way.

use super::{contract::Ending, dispute::Dispute, miner::Kind};
use lunarx_core::Balance;

/// Challenges a day from which on days are not told apart.
const BUSY: usize = 128;

/// What is counted of one kind of miner.
#[derive(Clone, Debug, Default)]
pub struct KindTally {
    /// Windows that became final.
    pub windows: u64,
    /// Those that were paid.
    pub proven: u64,
    /// Blocks of them for which the miner was there.
    pub up: u64,
    /// Blocks from each loss to the first challenge that showed it.
    pub found: Vec<u32>,
    /// Blocks from each loss to the contract's end.
    pub closed: Vec<u32>,
    /// Contracts that ended by conviction.
    pub convicted: u32,
    /// Contracts that the miner gave up.
    pub surrendered: u32,
    /// Convictions of miners that had everything, and were there to answer. There must be none.
    pub wronged_online: u32,
    /// Convictions of miners that had everything, and were down for the whole time.
    pub wronged_down: u32,
    /// Slashed.
    pub slashed: Balance,
    /// Disputes answered that honest trackers opened.
    pub answered_honest: u64,
    /// Disputes answered that liars opened.
    pub answered_liars: u64,
    /// Disputes answered that clients opened.
    pub answered_clients: u64,
}

/// Who opened a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// An honest tracker.
    Tracker,
    /// A lying one.
    Liar,
    /// A client.
    Client,
}

/// All that is counted.
pub struct Tally {
    kinds: [KindTally; Kind::ALL.len()],
    /// Disputes opened.
    pub disputes: u64,
    /// Days of contracts, by their challenges.
    pub days: [u64; BUSY],
}

impl Default for Tally {
    fn default() -> Self {
        Self { kinds: Default::default(), disputes: 0, days: [0; BUSY] }
    }
}

impl Tally {
    /// What is counted of a kind.
    pub fn of(&self, kind: Kind) -> &KindTally {
        &self.kinds[place(kind)]
    }

    fn kind(&mut self, kind: Kind) -> &mut KindTally {
        &mut self.kinds[place(kind)]
    }

    /// A contract had so many challenges on a day.
    pub fn audited(&mut self, hits: usize) {
        self.days[hits.min(BUSY - 1)] += 1;
    }

    /// A window is final.
    pub fn decided(&mut self, kind: Kind, up: u32, proven: bool) {
        let tally = self.kind(kind);
        tally.windows += 1;
        tally.proven += u64::from(proven);
        tally.up += u64::from(up);
    }

    /// A challenge showed a loss.
    pub fn found(&mut self, kind: Kind, after: u32) {
        self.kind(kind).found.push(after);
    }

    /// A contract with a loss ended.
    pub fn closed_after(&mut self, kind: Kind, after: u32) {
        self.kind(kind).closed.push(after);
    }

    /// A dispute was answered.
    pub fn answered(&mut self, kind: Kind, asker: Asker) {
        let tally = self.kind(kind);
        match asker {
            Asker::Tracker => tally.answered_honest += 1,
            Asker::Liar => tally.answered_liars += 1,
            Asker::Client => tally.answered_clients += 1,
        }
    }

    /// A contract ended with an open dispute.
    pub fn lost(&mut self, kind: Kind, how: Ending, lacks: bool, dispute: &Dispute) {
        if how != Ending::Convicted || lacks {
            return;
        }
        let tally = self.kind(kind);
        if dispute.seen {
            tally.wronged_online += 1;
        } else {
            tally.wronged_down += 1;
        }
    }

    /// A contract ended before its time.
    pub fn ended(&mut self, kind: Kind, how: Ending, slash: Balance) {
        let tally = self.kind(kind);
        tally.slashed += slash;
        match how {
            Ending::Convicted => tally.convicted += 1,
            Ending::Surrendered => tally.surrendered += 1,
        }
    }
}

fn place(kind: Kind) -> usize {
    Kind::ALL.iter().position(|other| *other == kind).expect("all kinds are in Kind::ALL; qed")
}
