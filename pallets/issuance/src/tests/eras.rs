//! Eras, what they promise, and claims.

use crate::{
    mock::*, CurrentEra, Earned, EraBlocks, Eras, Error, Event, GenesisConfig, NextClean, Promised,
    CLAIM_WITHIN,
};
use frame_support::{assert_noop, assert_ok};
use lunarx_core::{Balance, ByClass, EraIndex, Rewards, LX, REWARD_SHARE};
use sp_runtime::{BuildStorage, DispatchResult, Perquintill};

const OTHER: u64 = 5;
const TRACKER: u64 = 6;
const SUPPLIER: u64 = 7;
const AUTHOR: u64 = 8;

fn claim(who: u64, eras: &[EraIndex]) -> DispatchResult {
    Issuance::claim(RuntimeOrigin::signed(who), eras.to_vec().try_into().expect("few"))
}

/// One claim that names an era twice, as a transaction: all or nothing.
fn twice(who: u64, era: EraIndex) -> DispatchResult {
    frame_support::storage::with_storage_layer(|| claim(who, &[era, era]))
}

fn due(who: u64) -> Vec<(EraIndex, Balance)> {
    Issuance::due(&who).into_iter().map(|reward| (reward.era, reward.total())).collect()
}

/// What the first era promises in all.
fn emission() -> Balance {
    EraRate::get() * REWARD_SHARE
}

#[test]
fn an_era_promises_its_rate_of_the_pool_to_those_who_earned() {
    with_genesis(shares(), || {
        assert_eq!(Issuance::economy(vec![]).emission, emission());
        // Fees so high that no cap is met.
        Issuance::served(&MINER, 3 * LX * 10_000_000);
        Issuance::served(&OTHER, LX * 10_000_000);
        Issuance::audited(&TRACKER, LX * 10_000_000);
        Issuance::contributed(&SUPPLIER, LX * 10_000_000, LX * 10_000_000);
        Issuance::authored(&AUTHOR);
        assert_eq!(due(MINER), [], "the era runs");
        next_era();
        let parts = emission() / 10;
        let budget = Eras::<Test>::get(0).budget;
        assert_eq!(
            budget,
            ByClass {
                miners: emission() * 4 / 10,
                trackers: parts,
                authors: emission() * 4 / 10,
                contributors: parts
            }
        );
        assert_eq!(due(MINER), [(0, budget.miners * 3 / 4)]);
        assert_eq!(
            [OTHER, TRACKER, AUTHOR, SUPPLIER].map(|who| due(who)[0].1),
            [budget.miners / 4, budget.trackers, budget.authors, budget.contributors]
        );
        for who in [MINER, OTHER, TRACKER, AUTHOR, SUPPLIER] {
            assert_ok!(claim(who, &[0]));
        }
        assert_eq!(Balances::free_balance(MINER), budget.miners * 3 / 4);
        assert!(Promised::<Test>::get() < 4, "but for rounding");
        System::assert_last_event(Event::Claimed { who: SUPPLIER, amount: budget.contributors }.into());
    });
}

#[test]
fn a_class_that_earns_nothing_is_promised_nothing() {
    with_genesis(shares(), || {
        Issuance::authored(&AUTHOR);
        next_era();
        let budget = Eras::<Test>::get(0).budget;
        assert_eq!(budget, ByClass { authors: emission() * 4 / 10, ..Default::default() });
        assert_eq!(Promised::<Test>::get(), budget.authors);
        next_era();
        assert_eq!(Eras::<Test>::get(1).budget, ByClass::default());
        // The pool is what is neither issued nor promised.
        let (emission, _) = Issuance::budget();
        assert_eq!(emission, EraRate::get() * (REWARD_SHARE - budget.authors));
    });
}

#[test]
fn a_reward_is_at_most_a_share_of_what_others_paid() {
    with_genesis(shares(), || {
        Issuance::served(&MINER, 1_000 * LX);
        Issuance::audited(&TRACKER, 1_000 * LX);
        Issuance::contributed(&SUPPLIER, 7 * LX, 1_000 * LX);
        next_era();
        assert_eq!([MINER, TRACKER, SUPPLIER].map(|who| due(who)[0].1), [300 * LX, 40 * LX, 300 * LX]);
        let promised = Promised::<Test>::get();
        assert_ok!(claim(MINER, &[0]));
        assert_eq!(Promised::<Test>::get(), promised - 300 * LX, "the rest waits for the era to expire");
    });
}

#[test]
fn a_claim_is_made_once_by_whom_it_is_and_in_time() {
    with_genesis(shares(), || {
        Issuance::authored(&AUTHOR);
        assert_noop!(claim(AUTHOR, &[]), Error::<Test>::NoEras);
        assert_noop!(claim(AUTHOR, &[0]), Error::<Test>::NotOver);
        next_era();
        assert_noop!(claim(MINER, &[0]), Error::<Test>::NothingEarned);
        for future in [1, 2, 77, EraIndex::MAX] {
            assert_noop!(claim(AUTHOR, &[future]), Error::<Test>::NotOver);
        }
        assert_noop!(twice(AUTHOR, 0), Error::<Test>::NothingEarned);
    });
    with_genesis(shares(), || {
        Issuance::authored(&AUTHOR);
        next_era();
        assert_ok!(claim(AUTHOR, &[0]));
        assert_noop!(claim(AUTHOR, &[0]), Error::<Test>::NothingEarned);
        Issuance::authored(&AUTHOR);
        for _ in 0..CLAIM_WITHIN {
            next_era();
        }
        assert_eq!(due(AUTHOR).len(), 1, "to the last era");
        next_era();
        assert_eq!(due(AUTHOR), []);
        assert_noop!(claim(AUTHOR, &[1]), Error::<Test>::Expired);
    });
}

#[test]
fn what_nobody_claims_goes_back_to_the_pool() {
    with_genesis(shares(), || {
        Issuance::authored(&AUTHOR);
        next_era();
        let promised = Promised::<Test>::get();
        for _ in 1..CLAIM_WITHIN {
            next_era();
            assert_eq!(Promised::<Test>::get(), promised);
        }
        next_era();
        assert_eq!(Promised::<Test>::get(), 0);
        assert_eq!(Issuance::economy(vec![]).emission, emission());
        assert!(!Eras::<Test>::contains_key(0));
        next_era();
        assert_eq!(Earned::<Test>::iter_prefix(0).count(), 0, "and is forgotten");
        assert!(NextClean::<Test>::get() > 0);
    });
}

#[test]
fn many_eras_are_claimed_at_once() {
    with_genesis(shares(), || {
        let mut sum = 0;
        for era in 0..5 {
            Issuance::authored(&AUTHOR);
            next_era();
            sum += Eras::<Test>::get(era).budget.authors;
        }
        assert_ok!(claim(AUTHOR, &[0, 1, 2, 3, 4]));
        assert_eq!(Balances::free_balance(AUTHOR), sum);
    });
}

#[test]
fn genesis_can_make_eras_short() {
    let genesis = GenesisConfig::<Test> { allocations: vec![], era_blocks: Some(3) };
    let genesis = RuntimeGenesisConfig { issuance: genesis, ..Default::default() };
    sp_io::TestExternalities::new(genesis.build_storage().unwrap()).execute_with(|| {
        assert_eq!((EraBlocks::<Test>::get(), Issuance::era_blocks()), (Some(3), 3));
        next_era();
        assert_eq!((CurrentEra::<Test>::get(), System::block_number()), (1, 3));
    });
}

#[test]
fn the_rate_is_half_in_four_years_of_days() {
    let mut left = 1_000_000_000_000_000_000u128;
    for _ in 0..1_461 {
        left -= EraRate::get() * left;
    }
    assert!(left.abs_diff(500_000_000_000_000_000) < 1_000_000, "{left}");
    assert_eq!(EraRate::get(), Perquintill::from_parts(474_320_862_749_566));
}
