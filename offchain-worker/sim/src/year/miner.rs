//! Miners: what they do with what they were given, and how often they are there.

use super::{
    life::{Habit, Life},
    Setup,
};
use crate::{chance::Dice, loss::Lost, DAY, HOUR};
use lunarx_core::{BlockNumber, SEATS};
use serde::Serialize;

/// Contracts lost after which a miner takes no more.
pub const EVICTED_AT: u32 = 3;
/// What damage and small cheats lose, in millionths: 1 %.
const SOME: u32 = 10_000;
/// A disk loses some of its bytes once in 20 years.
const DAMAGE: f64 = 20.0 * 365.0 * DAY as f64;
/// 99 % up, down for 4 hours at a stretch.
const GOOD: Habit = Habit { up: 396.0 * HOUR as f64, down: 4.0 * HOUR as f64 };
/// 90 % up, down for 12 hours at a stretch.
const POOR: Habit = Habit { up: 108.0 * HOUR as f64, down: 12.0 * HOUR as f64 };

/// What a miner is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Kind {
    /// Keeps everything, 99 % online.
    Honest,
    /// Keeps everything, 90 % online.
    Flaky,
    /// Deletes 1 % and hopes.
    DeletesSome,
    /// Deletes everything and hopes.
    DeletesAll,
    /// Deletes 1 %, and is never seen again once it cannot answer.
    Hides,
    /// Deletes 1 %, and surrenders once it cannot answer.
    Surrenders,
    /// Keeps everything, and answers two seats of three.
    Selective,
    /// Keeps everything, and answers on chain only.
    OnChain,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Honest,
        Self::Flaky,
        Self::DeletesSome,
        Self::DeletesAll,
        Self::Hides,
        Self::Surrenders,
        Self::Selective,
        Self::OnChain,
    ];

    /// That of a miner: of 100, 83 are honest, 5 flaky, and two of each other kind.
    pub fn of(miner: u32) -> Self {
        match miner % 100 {
            0 | 50 => Self::DeletesSome,
            1 | 51 => Self::DeletesAll,
            2 | 52 => Self::Hides,
            3 | 53 => Self::Surrenders,
            4 | 54 => Self::Selective,
            5 | 55 => Self::OnChain,
            10..15 => Self::Flaky,
            _ => Self::Honest,
        }
    }

    /// Whether it does what it promised.
    pub fn is_honest(self) -> bool {
        matches!(self, Self::Honest | Self::Flaky)
    }

    /// It does not answer the first so many seats of its contract.
    pub fn silent_to(self) -> u32 {
        match self {
            Self::Selective => 1,
            Self::OnChain => SEATS,
            _ => 0,
        }
    }

    /// Whether it says so when it cannot answer.
    pub fn confesses(self) -> bool {
        self.is_honest() || self == Self::Surrenders
    }
}

/// What a contract's miner lacks of it.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Since when.
    pub at: BlockNumber,
    /// What.
    pub lost: Lost,
    /// Whether a challenge showed it.
    pub found: bool,
}

/// A miner, its contract aside.
pub struct Host {
    /// Its place among the miners.
    pub index: u32,
    /// What it is like.
    pub kind: Kind,
    /// Contracts that it took.
    pub taken: u32,
    /// Contracts that it lost.
    pub lost: u32,
    /// Its chance.
    pub dice: Dice,
    /// It is gone on purpose.
    pub dark: bool,
    life: Life,
    damage_at: BlockNumber,
}

impl Host {
    /// One that is up.
    pub fn new(setup: &Setup, index: u32) -> Self {
        let mut dice = Dice::new(setup.seed, "miner", index);
        let kind = Kind::of(index);
        let life = Life::new(if kind == Kind::Flaky { POOR } else { GOOD }, &mut dice);
        let damage_at = dice.wait(DAMAGE);
        Self { index, kind, taken: 0, lost: 0, dice, dark: false, life, damage_at }
    }

    /// Whether it was thrown out.
    pub fn is_evicted(&self) -> bool {
        self.lost >= EVICTED_AT
    }

    /// Lives on to `now`: the blocks for which it was there.
    pub fn pass(&mut self, now: BlockNumber) -> u32 {
        let up = self.life.pass(now, &mut self.dice);
        if self.dark {
            0
        } else {
            up
        }
    }

    /// Whether it can be reached.
    pub fn is_reachable(&self) -> bool {
        self.life.is_up() && !self.dark
    }

    /// What it keeps back of a new contract's bytes.
    pub fn embezzles(&mut self, bytes: u64, now: BlockNumber) -> Option<Loss> {
        let millionths = match self.kind {
            Kind::Honest | Kind::Flaky | Kind::Selective | Kind::OnChain => return None,
            Kind::DeletesSome | Kind::Hides | Kind::Surrenders => SOME,
            Kind::DeletesAll => crate::MILLION,
        };
        Some(Loss { at: now, lost: Lost::somewhere(millionths, bytes, &mut self.dice), found: false })
    }

    /// What its disk lost since the last time.
    pub fn damage(&mut self, bytes: u64, now: BlockNumber) -> Option<Loss> {
        if self.damage_at > now {
            return None;
        }
        let at = self.damage_at;
        self.damage_at = now.saturating_add(self.dice.wait(DAMAGE));
        Some(Loss { at, lost: Lost::somewhere(SOME, bytes, &mut self.dice), found: false })
    }
}
