//! Lost data: what it costs, and whom it evicts.

use crate::{mock::*, Event, Provider, Providers as Registered};
use frame_support::assert_ok;
use lunarx_core::{collateral_for, ProviderRegistry, Score, GIB};

fn lose(bytes: u64, slash: u32, finder: Option<&u64>) {
    <Providers as ProviderRegistry<u64>>::slash_lost(&MINER, bytes, slash, finder);
}

#[test]
fn costs_the_collateral_of_the_bytes() {
    run(|| {
        register(MINER, 5);
        let collateral = held(MINER);
        let due = collateral_for(3 * GIB, CollateralPerGib::get());
        lose(3 * GIB, 1_000_000, None);
        assert_eq!((held(MINER), Balances::free_balance(SLASHED)), (collateral - due, due));
        lose(3 * GIB, 500_000, None);
        assert_eq!(held(MINER), collateral - due - due / 2, "a surrender costs half");
        let score = Registered::<Test>::get(MINER).unwrap().score;
        assert_eq!(score, Score { lost: 2, slashed: due + due / 2, ..Score::default() });
        let collateral = held(MINER);
        System::assert_last_event(
            Event::DataLost { account: MINER, bytes: 3 * GIB, amount: due / 2, collateral }.into(),
        );
    });
}

#[test]
fn pays_the_finder_its_share() {
    run(|| {
        register(MINER, 1);
        let due = collateral_for(GIB, CollateralPerGib::get());
        let before = Balances::free_balance(STRANGER);
        lose(GIB, 1_000_000, Some(&STRANGER));
        assert_eq!(Balances::free_balance(STRANGER), before + due / 10);
        assert_eq!(Balances::free_balance(SLASHED), due - due / 10);
    });
}

#[test]
fn takes_no_more_than_there_is() {
    run(|| {
        register(MINER, 1);
        lose(u64::MAX, 1_000_000, None);
        assert_eq!(held(MINER), 0);
        lose(GIB, 1_000_000, None);
        assert_eq!(Registered::<Test>::get(MINER).unwrap().score.lost, 2);
    });
}

#[test]
fn the_third_loss_evicts() {
    run(|| {
        register(MINER, 9);
        lose(GIB, 1_000_000, None);
        lose(GIB, 1_000_000, None);
        assert_ok!(<Providers as ProviderRegistry<u64>>::allocate(&MINER, 1));
        lose(GIB, 1_000_000, None);
        let exit_at = Registered::<Test>::get(MINER).unwrap().exit_at.unwrap();
        System::assert_last_event(Event::Evicted { account: MINER, exit_at }.into());
        assert!(<Providers as ProviderRegistry<u64>>::allocate(&MINER, 1).is_err());
        lose(GIB, 1_000_000, None);
        assert_eq!(Registered::<Test>::get(MINER).unwrap().exit_at, Some(exit_at), "its exit is not put off");
    });
}

#[test]
fn settled_windows_are_its_score() {
    run(|| {
        register(MINER, 1);
        <Providers as ProviderRegistry<u64>>::settled(&MINER, 5, 2, super::election::service(10));
        <Providers as ProviderRegistry<u64>>::settled(&MINER, 1, 0, super::election::service(5));
        <Providers as ProviderRegistry<u64>>::settled(&STRANGER, 1, 0, super::election::service(5));
        let Provider { score, power, .. } = Registered::<Test>::get(MINER).unwrap();
        assert_eq!((score.proven, score.unproven, power.byte_blocks), (6, 2, 15));
    });
}
