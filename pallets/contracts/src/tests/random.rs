//! Random sequences of calls: whatever happens, no LX is made, lost or left behind.

use crate::{mock::*, Contracts as Live, Owed, Schedule};
use frame_support::{traits::Hooks, weights::Weight};
use lunarx_core::{Commission, ContractId, ContractRegistry, GIB};
use sp_runtime::Permill;

/// Runs, each of its own seed.
const RUNS: u64 = 60;
/// Calls and jumps in a run.
const OPERATIONS: u32 = 250;

/// Numbers from a hash chain: the same for a seed everywhere.
struct Dice {
    state: [u8; 32],
}

impl Dice {
    fn new(seed: u64) -> Self {
        Self { state: lunarx_core::blake2b_256(&seed.to_le_bytes()) }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.state = lunarx_core::blake2b_256(&self.state);
        let (number, _) = self.state.split_first_chunk().expect("32 bytes");
        u64::from_le_bytes(*number) % end
    }

    fn of<Item: Copy>(&mut self, items: &[Item]) -> Item {
        let at = self.below(u64::try_from(items.len()).expect("small"));
        items[usize::try_from(at).expect("small")]
    }
}

struct Walk {
    dice: Dice,
    /// Every contract ever opened.
    ids: Vec<ContractId>,
    /// Makes offers distinct.
    nonce: u64,
}

impl Walk {
    fn deal(&mut self) -> Deal {
        // Sometimes an offer of before, which may be live, closed or expired.
        self.nonce += self.dice.below(4).min(1);
        let dice = &mut self.dice;
        Deal::with(|deal| {
            deal.offer.nonce = self.nonce;
            deal.offer.client = dice.of(&[CLIENT, OTHER_CLIENT]);
            deal.offer.miner = dice.of(&[MINER, OTHER_MINER]);
            deal.offer.max_bytes = 40 * GIB;
            deal.offer.price = PRICE * dice.of(&[1, 1, 3, 1_000]);
            deal.bytes = dice.of(&[1, 777, GIB / 3, GIB, 30 * GIB]);
            deal.windows = u32::try_from(1 + dice.below(10)).expect("small");
            deal.commission = match dice.below(3) {
                0 => Some(Commission { supplier: SUPPLIER, share: dice.of(&[0, 1, 100_000, 300_000]) }),
                _ => None,
            };
        })
    }

    fn some_ids(&mut self) -> Vec<ContractId> {
        if self.ids.is_empty() {
            return Vec::new();
        }
        let count = self.dice.below(4);
        (0..count).map(|_| self.dice.of(&self.ids)).collect()
    }

    /// One operation; true if it did something.
    fn step(&mut self) -> bool {
        let who = self.dice.of(&[CLIENT, OTHER_CLIENT, MINER, OTHER_MINER]);
        let ids = self.some_ids();
        Unproven::set(self.dice.of(&[0, 0, 1, 3]));
        TrackerShare::set(Permill::from_percent(self.dice.of(&[0, 5, 100])));
        let until = now() + u32::try_from(self.dice.below(60)).expect("small");
        Disputed::set(self.dice.of(&[None, None, Some(until)]));
        match self.dice.below(13) {
            0..=2 => {
                let deals: Vec<_> = (0..=self.dice.below(2)).map(|_| self.deal()).collect();
                let promises: Vec<_> = deals.iter().map(Deal::promise).collect();
                let opened = open(deals[0].offer.client, &promises).is_ok();
                if opened {
                    self.ids.extend(deals.iter().map(Deal::id));
                }
                opened
            }
            3..=4 => ids.into_iter().filter(|id| accept(who, &[*id]).is_ok()).count() > 0,
            5 => settle(who, &ids).is_ok(),
            6 => end(who, &ids).is_ok(),
            7 => expire(who, &ids).is_ok(),
            12 => {
                for id in &ids {
                    <Contracts as ContractRegistry<u64>>::convict(id, 2, 1_000_000, None);
                }
                !ids.is_empty()
            }
            8 => {
                pass_busy(u32::try_from(self.dice.below(30)).expect("small"));
                true
            }
            9 => {
                // A block with little room.
                pass_busy(1);
                let room = Weight::from_parts(self.dice.below(3_000_000_000), u64::MAX);
                Contracts::on_idle(System::block_number(), room);
                true
            }
            _ => {
                pass(u32::try_from(self.dice.below(5)).expect("small"));
                true
            }
        }
    }
}

#[test]
fn no_sequence_of_calls_makes_loses_or_keeps_lx() {
    let mut effective = 0;
    for seed in 0..RUNS {
        println!("seed {seed}");
        run(|| {
            let issuance = Balances::total_issuance();
            let mut walk = Walk { dice: Dice::new(seed), ids: Vec::new(), nonce: 0 };
            for _ in 0..OPERATIONS {
                effective += u32::from(walk.step());
                check(issuance);
            }
            Disputed::set(None);
            pass(ACCEPT_WITHIN + MAX_WINDOWS * WINDOW + FINAL);
            pass(10 * crate::SLOT_BLOCKS);
            assert_eq!(Live::<Test>::iter().count(), 0, "every contract ends");
            assert_eq!(Schedule::<Test>::iter().count(), 0);
            assert_eq!(Owed::<Test>::iter().count(), 0);
            assert_eq!([held(CLIENT), held(OTHER_CLIENT)], [0, 0]);
            assert_eq!([Register::used(MINER), Register::used(OTHER_MINER)], [0, 0]);
            let opened: std::collections::BTreeSet<_> = walk.ids.iter().collect();
            assert!(opened.len() > 10, "a run that does nothing shows nothing");
        });
    }
    println!("{effective} of {} operations did something", RUNS * u64::from(OPERATIONS));
}
