//! Absences and fines.

use super::signed;
use crate::{mock::*, Active, Error, Event};
use frame_support::{assert_noop, assert_ok};
use lunarx_core::{Balance, TrackerRegistry, TrackerState, LX};

/// Misses a window in a round of its own.
fn missed(who: u64) {
    next_round();
    <Trackers as TrackerRegistry<u64>>::missed(&who);
}

fn fine(who: u64, amount: Balance, to: u64) -> Balance {
    <Trackers as TrackerRegistry<u64>>::fine(&who, amount, &to)
}

fn state(who: u64) -> TrackerState {
    Trackers::info(who).expect("it is bonded").state
}

#[test]
fn too_many_misses_in_a_row_suspend_a_tracker_until_it_resumes() {
    run(|| {
        bond(TRACKER, MIN_BOND);
        (1..MAX_MISSED).for_each(|_| missed(TRACKER));
        <Trackers as TrackerRegistry<u64>>::served(&TRACKER);
        (1..MAX_MISSED).for_each(|_| missed(TRACKER));
        assert_eq!(state(TRACKER), TrackerState::Active, "not in a row");
        assert_noop!(Trackers::resume(signed(TRACKER)), Error::<Test>::NotSuspended);

        missed(TRACKER);
        assert_eq!(state(TRACKER), TrackerState::Suspended);
        System::assert_last_event(Event::Suspended { account: TRACKER }.into());
        assert!(Active::<Test>::get().is_empty());
        assert_eq!(held(TRACKER), MIN_BOND, "an absence costs no bond");

        assert_ok!(Trackers::resume(signed(TRACKER)));
        System::assert_last_event(Event::Resumed { account: TRACKER }.into());
        assert_eq!(Active::<Test>::get().into_inner(), [TRACKER]);
        missed(TRACKER);
        assert_eq!(state(TRACKER), TrackerState::Active, "the count begins anew");
    });
}

#[test]
fn windows_missed_in_one_round_count_once() {
    run(|| {
        bond(TRACKER, MIN_BOND);
        missed(TRACKER);
        (0..100).for_each(|_| <Trackers as TrackerRegistry<u64>>::missed(&TRACKER));
        assert_eq!(Trackers::info(TRACKER).unwrap().missed, 1);
    });
}

#[test]
fn a_tracker_resumes_only_with_room_and_bond() {
    run(|| {
        assert_noop!(Trackers::resume(signed(TRACKER)), Error::<Test>::NotBonded);
        bond(TRACKER, MIN_BOND);
        assert_eq!(fine(TRACKER, LX, OTHER), LX);
        assert_noop!(Trackers::resume(signed(TRACKER)), Error::<Test>::BondTooSmall);
        assert_ok!(Trackers::top_up(signed(TRACKER), LX));
        (20..25).for_each(|who| bond(who, MIN_BOND));
        assert_noop!(Trackers::resume(signed(TRACKER)), Error::<Test>::TooManyTrackers);
        assert_ok!(Trackers::announce_exit(signed(20)));
        assert_ok!(Trackers::resume(signed(TRACKER)));
    });
}

#[test]
fn a_fine_moves_the_bond_to_the_wronged() {
    run(|| {
        bond(TRACKER, 20 * LX);
        assert_eq!(fine(TRACKER, 3 * LX, OTHER), 3 * LX);
        assert_eq!((held(TRACKER), Balances::free_balance(OTHER)), (17 * LX, ENDOWMENT + 3 * LX));
        let event = Event::Fined { account: TRACKER, amount: 3 * LX, to: OTHER, bond: 17 * LX };
        System::assert_last_event(event.into());
        assert_eq!(state(TRACKER), TrackerState::Active);
    });
}

#[test]
fn a_fine_never_takes_more_than_the_bond_and_suspends_below_the_minimum() {
    run(|| {
        bond(TRACKER, MIN_BOND);
        assert_eq!(fine(TRACKER, 100 * LX, OTHER), MIN_BOND);
        assert_eq!((held(TRACKER), state(TRACKER)), (0, TrackerState::Suspended));
        assert_eq!(fine(TRACKER, LX, OTHER), 0);
        assert_eq!(fine(STRANGER, LX, OTHER), 0, "strangers have no bond");
    });
}

#[test]
fn a_fine_reaches_a_leaving_tracker() {
    run(|| {
        bond(TRACKER, MIN_BOND);
        assert_ok!(Trackers::announce_exit(signed(TRACKER)));
        assert_eq!(fine(TRACKER, 4 * LX, OTHER), 4 * LX);
        assert!(matches!(state(TRACKER), TrackerState::Leaving { .. }));
        missed(TRACKER);
        run_to(u64::from(2 + EXIT_DELAY));
        assert_ok!(Trackers::withdraw(signed(TRACKER)));
        assert_eq!(Balances::free_balance(TRACKER), ENDOWMENT - 4 * LX);
    });
}

#[test]
fn a_fine_that_nobody_can_take_is_not_taken() {
    run(|| {
        bond(TRACKER, MIN_BOND);
        assert_eq!(fine(TRACKER, EXISTENTIAL_DEPOSIT - 1, NOBODY), 0);
        assert_eq!(held(TRACKER), MIN_BOND);
    });
}
