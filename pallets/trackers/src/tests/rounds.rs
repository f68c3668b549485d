//! Rounds, and who holds which seat.

use super::signed;
use crate::{mock::*, CurrentRound, Event, KEPT_ROUNDS};
use frame_support::assert_ok;
use lunarx_core::{ContractId, TrackerRegistry, SEATS};
use sp_core::H256;
use std::collections::BTreeSet;

fn contract(number: u8) -> ContractId {
    ContractId([number; 32])
}

fn seats(number: u8) -> Vec<u64> {
    <Trackers as TrackerRegistry<u64>>::seats(&contract(number), CurrentRound::<Test>::get())
}

#[test]
fn members_are_those_active_at_the_start() {
    run(|| {
        assert_eq!(CurrentRound::<Test>::get(), 1, "the first round begins with the first block");
        bond(TRACKER, MIN_BOND);
        assert!(seats(1).is_empty(), "a round's members do not change");
        next_round();
        assert_eq!(System::block_number(), 1 + u64::from(ROUND_BLOCKS));
        System::assert_last_event(Event::RoundStarted { round: 2, members: 1 }.into());
        assert_eq!(seats(1), [TRACKER]);
        assert_ok!(Trackers::announce_exit(signed(TRACKER)));
        assert_eq!(seats(1), [TRACKER], "it serves its round to the end");
        next_round();
        assert!(seats(1).is_empty());
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
        bond(TRACKER, MIN_BOND);
        (0..KEPT_ROUNDS + 3).for_each(|_| next_round());
        let current = CurrentRound::<Test>::get();
        let known = |round| !<Trackers as TrackerRegistry<u64>>::seats(&contract(1), round).is_empty();
        assert!(known(current + 1 - KEPT_ROUNDS));
        assert!(!known(current - KEPT_ROUNDS));
        assert_eq!(Trackers::round_of(1), None);
    });
}

#[test]
fn genesis_may_shorten_the_rounds() {
    with_rounds(Some(3)).execute_with(|| {
        run_to(7);
        assert_eq!(CurrentRound::<Test>::get(), 3);
    });
}

#[test]
#[should_panic = "a round must have blocks"]
fn genesis_refuses_rounds_without_blocks() {
    with_rounds(Some(0));
}
