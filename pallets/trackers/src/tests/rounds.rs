//! Rounds, and who holds which seat.

use super::signed;
use crate::{mock::*, CurrentRound, Event, KEPT_ROUNDS};
use frame_support::assert_ok;
use lunarx_core::{ContractId, TrackerRegistry, SEATS};
use lunarx_proof::seat_holders;
use sp_core::H256;
use std::collections::BTreeSet;

fn contract(number: u8) -> ContractId {
    ContractId([number; 32])
}

/// The seats of the running round.
fn seats(number: u8) -> Vec<u64> {
    seats_at(System::block_number(), number)
}

fn seats_at(block: u64, number: u8) -> Vec<u64> {
    let round = <Trackers as TrackerRegistry<u64>>::round_of(block.try_into().unwrap());
    let round = round.and_then(<Trackers as TrackerRegistry<u64>>::round);
    let held = round.and_then(|round| {
        seat_holders(&round, &contract(number), 0, || None).map(|held| held.map(|who| *who))
    });
    held.map_or(Vec::new(), Vec::from)
}

#[test]
fn members_are_those_active_at_the_start() {
    run(|| {
        assert_eq!(CurrentRound::<Test>::get(), 1, "the first round begins with the first block");
        for who in 20..23 {
            bond(who, MIN_BOND);
        }
        assert!(seats(1).is_empty(), "a round's members do not change");
        next_round();
        System::assert_last_event(Event::RoundStarted { round: 2, members: 3 }.into());
        bond(TRACKER, MIN_BOND);
        assert_ok!(Trackers::announce_exit(signed(20)));
        let began = System::block_number();
        assert!(seats(1).contains(&20), "it serves its round to the end");
        next_round();
        assert_eq!(System::block_number(), began + u64::from(ROUND_BLOCKS));
        assert!(!seats(1).contains(&20) && seats(1).contains(&TRACKER));
    });
}

#[test]
fn three_distinct_members_watch_a_contract_and_others_another() {
    run(|| {
        (20..25).for_each(|who| bond(who, MIN_BOND));
        next_round();
        let draws: BTreeSet<_> = (0..20).map(seats).collect();
        assert!(draws.len() > 1);
        for seats in draws {
            assert_eq!(seats.len(), usize::try_from(SEATS).unwrap());
            assert_eq!(seats.iter().collect::<BTreeSet<_>>().len(), seats.len());
        }
    });
}

#[test]
fn seats_change_with_the_round_and_its_randomness() {
    run(|| {
        (20..25).for_each(|who| bond(who, MIN_BOND));
        next_round();
        let before: Vec<_> = (0..20).map(seats).collect();
        next_round();
        assert_ne!(before, (0..20).map(seats).collect::<Vec<_>>(), "the same randomness, another round");
        let before: Vec<_> = (0..20).map(seats).collect();
        Drawn::set(Some(H256([2; 32])));
        next_round();
        assert_ne!(before, (0..20).map(seats).collect::<Vec<_>>());
    });
}

#[test]
fn a_block_without_randomness_begins_no_round() {
    run(|| {
        Drawn::set(None);
        run_to(50);
        assert_eq!(CurrentRound::<Test>::get(), 1);
        Drawn::set(Some(H256([3; 32])));
        run_to(51);
        assert_eq!(CurrentRound::<Test>::get(), 2);
    });
}

#[test]
fn a_block_belongs_to_the_round_that_had_begun() {
    run(|| {
        next_round();
        next_round();
        let of = |block| <Trackers as TrackerRegistry<u64>>::round_of(block);
        assert_eq!([1, 10, 11, 20, 21, 1_000].map(of), [1, 1, 2, 2, 3, 3].map(Some));
        assert_eq!(of(0), None);
    });
}

#[test]
fn old_rounds_are_forgotten() {
    run(|| {
        (20..23).for_each(|who| bond(who, MIN_BOND));
        (0..KEPT_ROUNDS + 3).for_each(|_| next_round());
        let current = CurrentRound::<Test>::get();
        let known: Vec<_> = Trackers::known_rounds().map(|round| round.round).collect();
        assert_eq!(known, (current + 1 - KEPT_ROUNDS..=current).rev().collect::<Vec<_>>());
        assert!(seats_at(1, 1).is_empty());
    });
}

#[test]
fn a_round_with_free_seats_ends_when_more_trackers_come() {
    run(|| {
        for (who, round) in (20..24).zip([2, 3, 4, 4]) {
            bond(who, MIN_BOND);
            run_to(System::block_number() + 1);
            assert_eq!(CurrentRound::<Test>::get(), round);
        }
    });
}
