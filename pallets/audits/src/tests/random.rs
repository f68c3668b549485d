//! Random sequences of everything: no LX is made, lost or left behind.

use crate::{mock::*, AllCredits, Cause, Credits};
use lunarx_core::{blake2b_256, BlockNumber, Verdict};

/// Runs, each of its own seed.
const RUNS: u64 = 25;
/// Operations in a run.
const OPERATIONS: u32 = 200;

struct Dice([u8; 32]);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = blake2b_256(&self.0);
        let (number, _) = self.0.split_first_chunk().expect("32 bytes");
        u64::from_le_bytes(*number) % end
    }

    fn of<Item: Copy>(&mut self, items: &[Item]) -> Item {
        let at = self.below(u64::try_from(items.len()).expect("small"));
        items[usize::try_from(at).expect("small")]
    }
}

struct Walk {
    dice: Dice,
    contracts: Vec<Stored>,
    nonce: u64,
}

impl Walk {
    /// One operation; true if it did something.
    fn step(&mut self) -> bool {
        let live: Vec<usize> = (0..self.contracts.len()).filter(|at| self.contracts[*at].is_live()).collect();
        let choice = self.dice.below(15);
        if live.len() < 3 || choice == 0 {
            let windows = u32::try_from(1 + self.dice.below(12)).expect("small");
            let miner = self.dice.of(&[MINER, OTHER_MINER]);
            self.nonce += 1;
            if <Providers as lunarx_core::ProviderRegistry<u64>>::terms(&miner)
                .is_some_and(|terms| terms.accepting)
            {
                self.contracts.push(Stored::accepted(miner, self.nonce, windows));
                return true;
            }
            return false;
        }
        let stored = &self.contracts[self.dice.of(&live)];
        match choice {
            1 => {
                let ids = vec![stored.id].try_into().expect("one");
                call(CLIENT, pallet_lunarx_contracts::Call::end { ids }).is_ok()
            }
            2 => settle(stored).is_ok(),
            3 => {
                let blocks: Vec<BlockNumber> =
                    (1..=now()).filter(|block| stored.challenge(*block).is_some()).collect();
                let challenge =
                    if blocks.is_empty() { None } else { self.dice.of(&[None, blocks.last().copied()]) };
                let who = self.dice.of(&[CLIENT, STRANGER, stored.miner, TRACKERS[0]]);
                dispute(who, stored, challenge).is_ok()
            }
            4..=5 => {
                stored.dispute().is_some() && {
                    let asked = stored.asked();
                    answer(stored, stored.prove(&asked)).is_ok()
                }
            }
            6 => {
                self.dice.below(6) == 0
                    && call(stored.miner, crate::Call::surrender { contract: stored.id }).is_ok()
            }
            7 => call(self.dice.of(&TRACKERS), crate::Call::claim {}).is_ok(),
            14 => {
                let who = self.dice.of(&TRACKERS);
                draw(who, stored).is_ok()
            }
            8 => call(STRANGER, crate::Call::resolve { contract: stored.id }).is_ok(),
            9..=11 => {
                let verdicts = [Verdict::Valid, Verdict::Valid, Verdict::Silent, Verdict::Offline];
                let verdicts: Vec<_> = (0..1 + self.dice.below(4)).map(|_| self.dice.of(&verdicts)).collect();
                let window = u32::try_from(self.dice.below(12)).expect("small");
                TRACKERS.into_iter().filter(|who| report(*who, stored, window, &verdicts).is_ok()).count() > 0
            }
            _ => {
                pass(u32::try_from(1 + self.dice.below(15)).expect("small"));
                true
            }
        }
    }
}

#[test]
fn no_sequence_makes_loses_or_keeps_lx() {
    let mut causes = std::collections::BTreeSet::new();
    for seed in 0..RUNS {
        println!("seed {seed}");
        run(|| {
            let issuance = Balances::total_issuance();
            let mut walk =
                Walk { dice: Dice(blake2b_256(&seed.to_le_bytes())), contracts: Vec::new(), nonce: 0 };
            for _ in 0..OPERATIONS {
                if walk.step() {
                    check(issuance);
                }
            }
            pass(160 * WINDOW);
            causes.extend(convictions().into_iter().map(|(_, cause)| cause as u8));
            assert!(walk.contracts.iter().all(|stored| !stored.is_live()), "every contract ends");
            let accounts = [CLIENT, STRANGER, MINER, OTHER_MINER].into_iter().chain(TRACKERS);
            accounts.for_each(|who| assert_eq!(deposit(who), 0, "a deposit of {who} is left behind"));
            for who in TRACKERS {
                let claim = call(who, crate::Call::claim {});
                assert!(claim.is_ok() || Credits::<Test>::get(who).amount == 0, "the pot pays");
                assert_eq!(Credits::<Test>::get(who).amount, 0, "all contracts have paid");
            }
            assert_eq!(AllCredits::<Test>::get(), 0);
        });
    }
    assert!(causes.contains(&(Cause::Unanswered as u8)) && causes.contains(&(Cause::Surrendered as u8)));
}
