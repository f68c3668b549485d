//! The seats speak of a window.

use super::{
    judge::{honest, liar, Sight},
    tracker::{Seats, Trackers},
};
use crate::HOUR;
use lunarx_core::{AuditRules, BlockNumber, Round, Verdict, WindowVotes};

/// A window that is not final.
pub struct Window {
    /// The first block that is not in it.
    pub end: BlockNumber,
    /// Blocks for which the miner was there.
    pub up: u32,
    /// What was said of it.
    pub votes: WindowVotes,
    /// Who spoke for each seat that has spoken.
    pub spoke: Seats,
    /// Seats that have not spoken.
    pub unsaid: u32,
    /// The first of its challenges that the miner leaves unanswered.
    pub unanswered: Option<BlockNumber>,
}

impl Window {
    /// One that is just over.
    pub fn new(end: BlockNumber, up: u32, unanswered: Option<BlockNumber>) -> Self {
        Self { end, up, votes: WindowVotes::default(), spoke: [0; 3], unsaid: 3, unanswered }
    }

    /// Whether its outcome is final.
    pub fn is_final(&self, now: BlockNumber, rules: &AuditRules) -> bool {
        now - self.end >= rules.final_after
    }
}

/// What the trackers have before them.
pub struct Hearing {
    /// When.
    pub now: BlockNumber,
    /// Times.
    pub rules: AuditRules,
    /// The running round.
    pub round: Round,
    /// Who holds the seats in it.
    pub seats: Seats,
    /// Who held them in the round before.
    pub seats_before: Seats,
    /// The miner is a friend of the liars.
    pub cheats: bool,
    /// The miner can be reached.
    pub reachable: bool,
    /// It lacks what the unanswered challenges ask for.
    pub lacks: bool,
    /// The first of those, as far as the seats know.
    pub failed: Option<BlockNumber>,
    /// It does not answer the first so many seats.
    pub silent_to: u32,
}

impl Hearing {
    /// Lets every seat speak of a window that has not and can.
    pub fn hear(&self, window: &mut Window, trackers: &mut Trackers) {
        if window.is_final(self.now, &self.rules) {
            return;
        }
        let age = self.now - window.end;
        let (its_own, holders) = self.holders(window);
        for (seat, (holder, own)) in (0..).zip(holders.into_iter().zip(its_own)) {
            let tracker = trackers.get(holder);
            if window.votes.of(seat).is_some() || !tracker.is_up() {
                continue;
            }
            let lies = tracker.liar;
            let Some(verdict) = self.verdict(seat, lies, age, window) else { continue };
            window.votes.cast(seat, verdict);
            window.unsaid -= 1;
            if let Some((_, spoke)) = (0..).zip(&mut window.spoke).find(|(place, _)| *place == seat) {
                *spoke = holder;
            }
            trackers.served(holder);
            if holder != own {
                window.votes.substitute(seat);
                trackers.missed(own);
            }
        }
    }

    /// An honest tracker that puts a window's unanswered challenge on chain: it met silence, and once all seats
    /// had their time no majority calls the window valid.
    pub fn accuser(&self, window: &Window, trackers: &Trackers) -> Option<(u32, BlockNumber)> {
        let challenge = window.unanswered.filter(|_| self.reachable)?;
        let early = self.now - window.end <= self.rules.report_within;
        let valid = window.votes.majority() == Some(Verdict::Valid);
        if early || valid || window.is_final(self.now, &self.rules) {
            return None;
        }
        let asks = |seat: u32, holder: u32| {
            let tracker = trackers.get(holder);
            !tracker.liar && tracker.is_up() && (self.lacks || seat < self.silent_to)
        };
        let (_, holders) = self.holders(window);
        let accuser = (0..).zip(holders).find(|(seat, holder)| asks(*seat, *holder));
        accuser.map(|(_, holder)| (holder, challenge))
    }

    /// Who holds a window's own seats, and who may speak for them now.
    fn holders(&self, window: &Window) -> (Seats, Seats) {
        let now = Trackers::round_of(window.end - 1) == self.round;
        let its_own = if now { self.seats } else { self.seats_before };
        let late = self.now - window.end > self.rules.report_within;
        (its_own, if late { self.seats } else { its_own })
    }

    fn verdict(&self, seat: u32, lies: bool, age: BlockNumber, window: &Window) -> Option<Verdict> {
        if lies {
            return Some(liar(self.cheats));
        }
        let fails = self.lacks && window.unanswered.is_some();
        let sight = Sight {
            reachable: self.reachable,
            present: window.up > HOUR / 2,
            answers: !fails && self.failed.is_none_or(|failed| failed > window.end) && seat >= self.silent_to,
        };
        honest(sight, age >= self.rules.report_within)
    }
}
