//! Forty years of random use.

use crate::{mock::*, Issued, Promised};
use frame_support::assert_ok;
use lunarx_core::{Balance, Rewards, CAP, LX, REWARD_SHARE};

/// Eras of a year.
const YEAR: u32 = 365;

struct Dice(u64);

impl Dice {
    /// splitmix64.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// Accounts 100 to 107 earn at random, and claim when they like.
fn live(dice: &mut Dice, rich: bool) {
    for _ in 0..dice.below(6) {
        let who = 100 + dice.below(8);
        let fees = LX * Balance::from(dice.below(if rich { 10_000_000 } else { 1_000 }));
        match dice.below(4) {
            0 => Issuance::served(&who, fees),
            1 => Issuance::audited(&who, fees),
            2 => Issuance::contributed(&who, LX * Balance::from(dice.below(1_000)), fees),
            _ => Issuance::authored(&who),
        }
    }
    next_era();
    let who = 100 + dice.below(8);
    if dice.below(3) == 0 {
        let eras: Vec<_> = Issuance::due(&who).iter().map(|reward| reward.era).take(30).collect();
        let sum: Balance = Issuance::due(&who).iter().take(30).map(|reward| reward.total()).sum();
        if sum >= EXISTENTIAL_DEPOSIT {
            assert_ok!(Issuance::claim(RuntimeOrigin::signed(who), eras.try_into().expect("few")));
        }
    }
}

#[test]
fn forty_years_never_pass_the_cap_and_account_for_every_unit() {
    for (seed, rich, years) in [(1, true, 40), (2, false, 5)] {
        println!("seed {seed}");
        with_genesis(shares(), || {
            let mut dice = Dice(seed);
            let mut before = Issued::<Test>::get();
            for era in 0..years * YEAR {
                live(&mut dice, rich);
                let issued = Issued::<Test>::get();
                assert!(issued >= before && issued + Promised::<Test>::get() <= CAP, "era {era}");
                assert_eq!(Balances::total_issuance(), issued, "era {era}: nothing is burned here");
                before = issued;
                assert_ok!(Issuance::do_try_state());
            }
            if rich {
                assert!(CAP - before < CAP / 10, "{} LX are left", (CAP - before) / LX);
            }
        });
    }
}

/// The curve where all that is promised is claimed; `docs/economy.md` has it as a table.
#[test]
fn the_emission_curve() {
    with_genesis(shares(), || {
        let mut years = Vec::new();
        for era in 0..40 * YEAR + 10 {
            Issuance::served(&MINER, CAP * 100);
            Issuance::audited(&MINER, CAP * 100);
            Issuance::contributed(&MINER, CAP * 100, CAP * 100);
            Issuance::authored(&MINER);
            next_era();
            assert_ok!(Issuance::claim(RuntimeOrigin::signed(MINER), vec![era].try_into().expect("one")));
            if (era + 1) % YEAR == 0 {
                years.push((CAP - Issued::<Test>::get()) / LX);
            }
        }
        println!("left to mint at the end of each year, LX: {years:?}");
        let formula = |year: u32| (REWARD_SHARE / LX) as f64 * 0.5f64.powf(f64::from(year * YEAR) / 1_461.0);
        for (year, left) in (1u32..).zip(&years) {
            let expected = formula(year);
            assert!(
                (*left as f64 - expected).abs() < 2.0,
                "year {year}: {left} LX, {expected} by the formula"
            );
        }
    });
}
