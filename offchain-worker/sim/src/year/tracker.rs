//! Trackers, and the rounds in which they hold seats.

use super::life::{Habit, Life};
use crate::{
    chance::{round_seed, Dice},
    HOUR,
};
use lunarx_core::{AuditSeed, Balance, BlockNumber, ContractId, Round, RoundDetails, SEATS};
use lunarx_proof::seat_holders;

/// Blocks of a round.
pub const ROUND: BlockNumber = 6 * HOUR;
/// Rounds in a row in which a tracker left windows to others, after which it is drawn no more.
const MAX_MISSED: u32 = 4;
/// Trackers are up 98 % of the time, and down for 6 hours at a stretch.
const HABIT: Habit = Habit { up: 294.0 * HOUR as f64, down: 6.0 * HOUR as f64 };

/// The trackers that hold the seats of a contract.
pub type Seats = [u32; SEATS as usize];

/// One tracker.
pub struct Tracker {
    /// Whether it works for the cheats.
    pub liar: bool,
    /// Pay for words on windows that were proven.
    pub earned: Balance,
    /// Lost of its bond, which it makes up for at once.
    pub fined: Balance,
    missed: u32,
    missed_in: Round,
    suspended: bool,
    life: Life,
    dice: Dice,
}

/// All trackers and the running round.
pub struct Trackers {
    seed: u64,
    all: Vec<Tracker>,
    round: RoundDetails<u32>,
    /// Times that a tracker was drawn no more.
    pub suspensions: u64,
}

impl Trackers {
    /// `count` trackers, of which the first `liars` lie.
    pub fn new(seed: u64, count: u32, liars: u32) -> Self {
        let tracker = |index| {
            let mut dice = Dice::new(seed, "tracker", index);
            let life = Life::new(HABIT, &mut dice);
            let liar = index < liars;
            Tracker { liar, earned: 0, fined: 0, missed: 0, missed_in: 0, suspended: false, life, dice }
        };
        let round = RoundDetails { round: 0, start: 0, seed: round_seed(seed, 0), members: Vec::new() };
        Self { seed, all: (0..count).map(tracker).collect(), round, suspensions: 0 }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Tracker> {
        self.all.iter()
    }

    /// One of them.
    pub fn get(&self, tracker: u32) -> &Tracker {
        &self.all[at(tracker)]
    }

    /// The round of a block.
    pub fn round_of(block: BlockNumber) -> Round {
        block / ROUND
    }

    /// Begins the round of `start`. Its members are those that are active.
    pub fn begin_round(&mut self, start: BlockNumber) {
        let round = Self::round_of(start);
        let active = (0..).zip(&self.all).filter(|(_, tracker)| !tracker.suspended);
        let members = active.map(|(index, _)| index).collect();
        self.round = RoundDetails { round, start, seed: round_seed(self.seed, round), members };
    }

    /// Who holds the seats of a contract in the running round.
    pub fn seats(&self, contract: &ContractId) -> Option<Seats> {
        // Nobody chooses ids here.
        let holders = seat_holders(&self.round, contract, 0, || Some(vec![AuditSeed(contract.0)]));
        holders.map(|holders| holders.map(|holder| *holder))
    }

    /// Lives on to `now`. Whoever is suspended and up again says so.
    pub fn pass(&mut self, now: BlockNumber) {
        for tracker in &mut self.all {
            tracker.life.pass(now, &mut tracker.dice);
            if tracker.suspended && tracker.life.is_up() {
                tracker.suspended = false;
                tracker.missed = 0;
            }
        }
    }

    /// Notes that a tracker judged a window.
    pub fn served(&mut self, tracker: u32) {
        let tracker = &mut self.all[at(tracker)];
        tracker.missed = 0;
    }

    /// Notes that a tracker earned `amount`.
    pub fn earned(&mut self, tracker: u32, amount: Balance) {
        self.all[at(tracker)].earned += amount;
    }

    /// Notes that a tracker left a window to another. Counts once a round.
    pub fn missed(&mut self, tracker: u32) {
        let round = self.round.round;
        let tracker = &mut self.all[at(tracker)];
        if tracker.missed_in == round {
            return;
        }
        tracker.missed_in = round;
        tracker.missed += 1;
        if tracker.missed >= MAX_MISSED && !tracker.suspended {
            tracker.suspended = true;
            self.suspensions += 1;
        }
    }

    /// Notes that a tracker was fined.
    pub fn fined(&mut self, tracker: u32, amount: Balance) {
        self.all[at(tracker)].fined += amount;
    }
}

impl Tracker {
    /// Whether it can work now.
    pub fn is_up(&self) -> bool {
        self.life.is_up()
    }
}

fn at(tracker: u32) -> usize {
    usize::try_from(tracker).expect("usize has at least 32 bits where this runs; qed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_rounds_with_missed_windows_in_a_row_suspend() {
        let mut trackers = Trackers::new(1, 3, 0);
        let mut round = |misses: bool, serves: bool| {
            trackers.begin_round(trackers.round.start + ROUND);
            (0..9).filter(|_| misses).for_each(|_| trackers.missed(0));
            if serves {
                trackers.served(0);
            }
            trackers.suspensions
        };
        assert_eq!([(); 3].map(|()| round(true, false)), [0; 3], "many windows of a round are one");
        assert_eq!(round(false, true), 0, "a report in time ends the row");
        assert_eq!([(); 4].map(|()| round(true, false)), [0, 0, 0, 1]);
        assert!(round(false, false) == 1 && trackers.round.members == [1, 2]);
    }
}
