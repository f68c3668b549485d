//! From the bond to the withdrawal.

use super::signed;
use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use lunarx_core::{TrackerDetails, TrackerState, LX};
use sp_runtime::traits::BadOrigin;

fn state(who: u64) -> TrackerState {
    Trackers::info(who).expect("it is bonded").state
}

#[test]
fn a_bond_is_held_and_makes_a_tracker() {
    run(|| {
        bond(TRACKER, 20 * LX);
        assert_eq!(held(TRACKER), 20 * LX);
        let info = Trackers::info(TRACKER).unwrap();
        assert_eq!((info.node_key, info.bond, info.state), (node_key(11), 20 * LX, TrackerState::Active));
        assert_eq!(crate::NodeIds::<Test>::get(info.node_id()), Some(TRACKER));
        let event = Event::Bonded { account: TRACKER, node_id: info.node_id(), bond: 20 * LX };
        System::assert_last_event(event.into());
        assert_eq!(Trackers::page(None, 9), [info]);
    });
}

#[test]
fn bonds_are_refused() {
    run(|| {
        let bond_with = |who, seed, signature, details, amount| {
            Trackers::bond(signed(who), node_key(seed), signature, details, amount)
        };
        bond(TRACKER, MIN_BOND);
        let error = Error::<Test>::AlreadyBonded;
        assert_noop!(bond_with(TRACKER, 12, agreement(12, TRACKER), details(), MIN_BOND), error);
        let error = Error::<Test>::NodeIdTaken;
        assert_noop!(bond_with(OTHER, 11, agreement(11, OTHER), details(), MIN_BOND), error);
        let error = Error::<Test>::BadNodeSignature;
        assert_noop!(bond_with(OTHER, 12, agreement(12, TRACKER), details(), MIN_BOND), error);
        let error = Error::<Test>::BondTooSmall;
        assert_noop!(bond_with(OTHER, 12, agreement(12, OTHER), details(), MIN_BOND - 1), error);
        let error = Error::<Test>::LockedBalance;
        assert_noop!(bond_with(VESTING, 15, agreement(15, VESTING), details(), MIN_BOND), error);
        for (who, amount) in [(POOR, MIN_BOND), (OTHER, ENDOWMENT + 1), (OTHER, u128::MAX)] {
            let seed = u8::try_from(who).unwrap();
            let error = Error::<Test>::InsufficientBalance;
            assert_noop!(bond_with(who, seed, agreement(seed, who), details(), amount), error);
        }
        for (bad, error) in bad_details() {
            assert_noop!(bond_with(OTHER, 12, agreement(12, OTHER), bad, MIN_BOND), error);
        }
        (20..24).for_each(|who| bond(who, MIN_BOND));
        let error = Error::<Test>::TooManyTrackers;
        assert_noop!(bond_with(OTHER, 12, agreement(12, OTHER), details(), MIN_BOND), error);
    });
}

fn bad_details() -> Vec<(TrackerDetails, Error<Test>)> {
    let with_address =
        |text: &str| TrackerDetails { addresses: vec![address(text)].try_into().unwrap(), ..details() };
    let with_region =
        |text: &str| TrackerDetails { region: text.as_bytes().to_vec().try_into().unwrap(), ..details() };
    vec![
        (TrackerDetails { addresses: Default::default(), ..details() }, Error::NoAddress),
        (with_address(""), Error::BadAddress),
        (with_address("a b"), Error::BadAddress),
        (with_region(""), Error::BadRegion),
        (with_region("EU"), Error::BadRegion),
    ]
}

#[test]
fn details_are_replaced() {
    run(|| {
        assert_noop!(Trackers::update(signed(TRACKER), details()), Error::<Test>::NotBonded);
        bond(TRACKER, MIN_BOND);
        let moved = TrackerDetails {
            addresses: vec![address("/ip4/127.0.0.2/tcp/1")].try_into().unwrap(),
            ..details()
        };
        assert_ok!(Trackers::update(signed(TRACKER), moved.clone()));
        assert_eq!(Trackers::info(TRACKER).unwrap().details, moved);
        System::assert_last_event(Event::Updated { account: TRACKER }.into());
        for (bad, error) in bad_details() {
            assert_noop!(Trackers::update(signed(TRACKER), bad), error);
        }
    });
}

#[test]
fn a_top_up_adds_to_the_bond() {
    run(|| {
        assert_noop!(Trackers::top_up(signed(TRACKER), LX), Error::<Test>::NotBonded);
        bond(TRACKER, MIN_BOND);
        assert_ok!(Trackers::top_up(signed(TRACKER), 5 * LX));
        assert_eq!(held(TRACKER), 15 * LX);
        System::assert_last_event(Event::ToppedUp { account: TRACKER, amount: 5 * LX, bond: 15 * LX }.into());
        assert_noop!(Trackers::top_up(signed(TRACKER), 0), Error::<Test>::ZeroAmount);
        assert_noop!(Trackers::top_up(signed(TRACKER), ENDOWMENT), Error::<Test>::InsufficientBalance);
    });
}

#[test]
fn verifiers_are_named_once_each() {
    run(|| {
        let keys = |seeds: &[u8]| {
            crate::Verifiers::<Test>::truncate_from(seeds.iter().map(|s| node_key(*s)).collect())
        };
        assert_noop!(Trackers::set_verifiers(signed(TRACKER), keys(&[1])), Error::<Test>::NotBonded);
        bond(TRACKER, MIN_BOND);
        assert_ok!(Trackers::set_verifiers(signed(TRACKER), keys(&[1, 2])));
        assert_eq!(Trackers::info(TRACKER).unwrap().verifiers, [node_key(1), node_key(2)]);
        System::assert_last_event(Event::VerifiersSet { account: TRACKER, count: 2 }.into());
        assert_noop!(Trackers::set_verifiers(signed(TRACKER), keys(&[1, 1])), Error::<Test>::VerifierTwice);
        assert_ok!(Trackers::set_verifiers(signed(TRACKER), keys(&[])));
        assert!(Trackers::info(TRACKER).unwrap().verifiers.is_empty());
    });
}

#[test]
fn the_bond_comes_back_after_the_delay_and_not_before() {
    run(|| {
        assert_noop!(Trackers::announce_exit(signed(TRACKER)), Error::<Test>::NotBonded);
        assert_noop!(Trackers::withdraw(signed(TRACKER)), Error::<Test>::NotBonded);
        bond(TRACKER, MIN_BOND);
        assert_noop!(Trackers::withdraw(signed(TRACKER)), Error::<Test>::NotLeaving);
        assert_ok!(Trackers::announce_exit(signed(TRACKER)));
        let exit_at = 1 + EXIT_DELAY;
        assert_eq!(state(TRACKER), TrackerState::Leaving { exit_at });
        System::assert_last_event(Event::ExitAnnounced { account: TRACKER, exit_at }.into());
        assert_noop!(Trackers::announce_exit(signed(TRACKER)), Error::<Test>::Leaving);
        assert_noop!(Trackers::resume(signed(TRACKER)), Error::<Test>::NotSuspended);
        run_to(u64::from(exit_at) - 1);
        assert_noop!(Trackers::withdraw(signed(TRACKER)), Error::<Test>::ExitDelayNotOver);
        run_to(exit_at.into());
        assert_ok!(Trackers::withdraw(signed(TRACKER)));
        System::assert_last_event(Event::Withdrawn { account: TRACKER, bond: MIN_BOND }.into());
        assert_eq!((held(TRACKER), Balances::free_balance(TRACKER)), (0, ENDOWMENT));
        bond(TRACKER, MIN_BOND);
    });
}

#[test]
fn every_call_needs_a_signature() {
    run(|| {
        for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
            let signature = agreement(11, TRACKER);
            let bonded = Trackers::bond(origin.clone(), node_key(11), signature, details(), MIN_BOND);
            assert_noop!(bonded, BadOrigin);
            assert_noop!(Trackers::update(origin.clone(), details()), BadOrigin);
            assert_noop!(Trackers::top_up(origin.clone(), 1), BadOrigin);
            assert_noop!(Trackers::set_verifiers(origin.clone(), Default::default()), BadOrigin);
            assert_noop!(Trackers::resume(origin.clone()), BadOrigin);
            assert_noop!(Trackers::announce_exit(origin.clone()), BadOrigin);
            assert_noop!(Trackers::withdraw(origin), BadOrigin);
        }
    });
}
