//! When a machine is up: times up and down without memory.

use crate::chance::Dice;
use lunarx_core::BlockNumber;

/// How long a machine is up and down on average, in blocks.
#[derive(Clone, Copy, Debug)]
pub struct Habit {
    /// At a stretch up.
    pub up: f64,
    /// At a stretch down.
    pub down: f64,
}

/// A machine's ups and downs.
pub struct Life {
    habit: Habit,
    up: bool,
    until: BlockNumber,
    now: BlockNumber,
}

impl Life {
    /// A machine that is up at block 0.
    pub fn new(habit: Habit, dice: &mut Dice) -> Self {
        Self { habit, up: true, until: dice.wait(habit.up), now: 0 }
    }

    /// Lives on to `now`, and says for how many blocks it was up since the last time.
    pub fn pass(&mut self, now: BlockNumber, dice: &mut Dice) -> u32 {
        let mut blocks = 0;
        while self.now < now {
            let to = self.until.min(now);
            blocks += if self.up { to - self.now } else { 0 };
            self.now = to;
            if self.until == to {
                self.up = !self.up;
                let mean = if self.up { self.habit.up } else { self.habit.down };
                self.until = to.saturating_add(dice.wait(mean));
            }
        }
        blocks
    }

    /// Whether it is up now.
    pub fn is_up(&self) -> bool {
        self.up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_up_as_often_as_it_should() {
        let mut dice = Dice::new(1, "life", 0);
        let mut life = Life::new(Habit { up: 900.0, down: 100.0 }, &mut dice);
        let hours = 20_000;
        let up: u64 = (1..=hours).map(|hour| u64::from(life.pass(hour * 100, &mut dice))).sum();
        // 2,000 cycles; the share's standard deviation is 0.3 %.
        let share = up as f64 / f64::from(hours * 100);
        assert!((share - 0.9).abs() < 0.015, "seed 1: up for {share}");
    }
}
