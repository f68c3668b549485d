//! `accept`.

use crate::{mock::*, schedule::slot_of, Contracts as Live, Error, Event, Schedule};
use frame_support::assert_ok;
use lunarx_core::ContractState;

#[test]
fn begins_window_zero_and_moves_to_the_end_of_the_term() {
    run(|| {
        let id = Deal::default().open();
        pass_busy(7);
        assert_ok!(accept(MINER, &[id]));
        assert_eq!(
            Live::<Test>::get(id).expect("live").state,
            ContractState::Active { since: 8, settled: 0 }
        );
        assert_eq!(events().last(), Some(&Event::Accepted { id, client: CLIENT, miner: MINER }));
        let slots: Vec<_> = Schedule::<Test>::iter_keys().collect();
        assert_eq!(slots, [(slot_of(8 + 3 * WINDOW + FINAL), id)]);
    });
}

#[test]
fn accepts_in_the_last_block() {
    run(|| {
        let id = Deal::default().open();
        pass_busy(ACCEPT_WITHIN);
        assert_ok!(accept(MINER, &[id]));
    });
}

#[test]
fn refuses_an_empty_batch() {
    run(|| assert_eq!(accept(MINER, &[]), failure(Error::EmptyBatch)));
}

#[test]
fn refuses_what_is_not_there() {
    run(|| assert_eq!(accept(MINER, &[Deal::default().id()]), failure(Error::NotFound)));
}

#[test]
fn refuses_anybody_but_the_miner() {
    run(|| {
        let id = Deal::default().open();
        for who in [CLIENT, OTHER_MINER, STRANGER] {
            assert_eq!(accept(who, &[id]), failure(Error::NotMiner));
        }
    });
}

#[test]
fn refuses_after_the_deadline() {
    run(|| {
        let id = Deal::default().open();
        pass_busy(ACCEPT_WITHIN + 1);
        assert_eq!(accept(MINER, &[id]), failure(Error::TooLate));
    });
}

#[test]
fn refuses_to_accept_twice() {
    run(|| {
        let id = Deal::default().open_and_accept();
        assert_eq!(accept(MINER, &[id]), failure(Error::AlreadyAccepted));
        let other = Deal::number(1).open();
        assert_eq!(accept(MINER, &[other, other]), failure(Error::AlreadyAccepted));
        assert!(matches!(Live::<Test>::get(other).expect("live").state, ContractState::Pending { .. }));
    });
}

#[test]
fn a_leaving_miner_may_still_accept() {
    run(|| {
        let id = Deal::default().open();
        Register::change(MINER, |entry| entry.accepting = false);
        assert_ok!(accept(MINER, &[id]));
    });
}
