//! `end` and `expire`.

use crate::{mock::*, Contracts as Live, EndReason, Error, Event};
use frame_support::assert_ok;

#[test]
fn a_pending_contract_is_refunded_in_full() {
    run(|| {
        let id = Deal::default().open();
        assert_ok!(end(CLIENT, &[id]));
        assert_eq!((held(CLIENT), free(CLIENT)), (0, ENDOWMENT));
        let ended = Event::Ended {
            id,
            client: CLIENT,
            miner: MINER,
            reason: EndReason::Cancelled,
            paid: 0,
            refunded: 3 * WINDOW_FEE,
        };
        assert_eq!(events().last(), Some(&ended));
        assert_eq!(accept(MINER, &[id]), failure(Error::NotFound));
    });
}

#[test]
fn an_active_contract_pays_whole_windows_and_a_share_of_the_started_one() {
    run(|| {
        let id = Deal::default().open_and_accept();
        pass_busy(WINDOW + 3);
        assert_ok!(end(CLIENT, &[id]));
        let paid = WINDOW_FEE + (WINDOW_FEE * 3).div_ceil(u128::from(WINDOW));
        assert_eq!((held(CLIENT), free(CLIENT)), (paid, ENDOWMENT - paid), "the rest is back at once");
        let refunded = 3 * WINDOW_FEE - paid;
        let shortened = Event::Shortened { id, client: CLIENT, miner: MINER, windows: 2, refunded };
        assert_eq!(events().last(), Some(&shortened));
        let watched = Live::<Test>::get(id).expect("live").watched().expect("active");
        assert_eq!((watched.ended, watched.end_of(1)), (Some(now()), now()));
        check(Balances::total_issuance());
        pass(FINAL + crate::SLOT_BLOCKS);
        assert_eq!((held(CLIENT), free(MINER)), (0, ENDOWMENT + paid));
        assert_eq!(endings(), [(id, EndReason::EndedEarly)]);
    });
}

#[test]
fn the_started_window_needs_its_verdict() {
    run(|| {
        let id = Deal::default().open_and_accept();
        pass_busy(WINDOW + 3);
        assert_ok!(end(CLIENT, &[id]));
        Unproven::set(1);
        pass(FINAL + crate::SLOT_BLOCKS);
        assert_eq!((free(MINER), free(CLIENT)), (ENDOWMENT + WINDOW_FEE, ENDOWMENT - WINDOW_FEE));
        assert_eq!(endings(), [(id, EndReason::EndedEarly)]);
    });
}

#[test]
fn an_end_between_two_windows_starts_none() {
    run(|| {
        let id = Deal::default().open_and_accept();
        pass_busy(2 * WINDOW);
        assert_ok!(end(CLIENT, &[id]));
        assert_eq!(Live::<Test>::get(id).map(|c| (c.windows, c.last_fee)), Some((2, WINDOW_FEE)));
        assert_eq!(held(CLIENT), 2 * WINDOW_FEE);
    });
}

#[test]
fn ending_after_a_settlement_leaves_only_what_is_left() {
    run(|| {
        let id = Deal::with(|deal| deal.windows = 10).open_and_accept();
        pass_busy(FINAL + 2 * WINDOW);
        assert_ok!(settle(STRANGER, &[id]));
        pass_busy(WINDOW - 1);
        assert_ok!(end(CLIENT, &[id]));
        let share = (WINDOW_FEE * 9).div_ceil(u128::from(WINDOW));
        assert_eq!(held(CLIENT), 3 * WINDOW_FEE + share);
        check(Balances::total_issuance());
        pass(FINAL + crate::SLOT_BLOCKS);
        assert_eq!(free(MINER), ENDOWMENT + 5 * WINDOW_FEE + share);
    });
}

#[test]
fn ending_in_the_block_of_the_acceptance_costs_nothing() {
    run(|| {
        let id = Deal::default().open_and_accept();
        assert_ok!(end(CLIENT, &[id]));
        assert_eq!((free(MINER), free(CLIENT)), (ENDOWMENT, ENDOWMENT));
        assert_eq!(endings(), [(id, EndReason::EndedEarly)]);
    });
}

#[test]
fn what_is_over_is_not_ended_again() {
    run(|| {
        let over = Deal::default().open_and_accept();
        pass_busy(3 * WINDOW + 5);
        assert_eq!(end(CLIENT, &[over]), failure(Error::AlreadyEnded));
        let ended = Deal::number(1).open_and_accept();
        pass_busy(1);
        assert_ok!(end(CLIENT, &[over, ended]));
        assert_eq!(end(CLIENT, &[over, ended]), failure(Error::AlreadyEnded));
        pass(FINAL + crate::SLOT_BLOCKS);
        assert_eq!(endings(), [(over, EndReason::Completed), (ended, EndReason::EndedEarly)]);
    });
}

#[test]
fn end_refuses_an_empty_batch() {
    run(|| assert_eq!(end(CLIENT, &[]), failure(Error::EmptyBatch)));
}

#[test]
fn end_refuses_what_is_not_there() {
    run(|| {
        let id = Deal::default().open();
        assert_eq!(end(CLIENT, &[id, id]), failure(Error::NotFound));
        assert!(Live::<Test>::contains_key(id), "all or none");
    });
}

#[test]
fn end_refuses_anybody_but_the_client() {
    run(|| {
        let id = Deal::default().open_and_accept();
        for who in [MINER, OTHER_CLIENT, STRANGER] {
            assert_eq!(end(who, &[id]), failure(Error::NotClient));
        }
    });
}

#[test]
fn what_was_never_accepted_is_refunded_to_anybodys_call() {
    run(|| {
        let id = Deal::default().open();
        pass_busy(ACCEPT_WITHIN);
        assert_eq!(expire(STRANGER, &[id]), failure(Error::NotExpired));
        pass_busy(1);
        assert_ok!(expire(STRANGER, &[id]));
        assert_eq!((held(CLIENT), free(CLIENT)), (0, ENDOWMENT));
        assert_eq!(endings(), [(id, EndReason::Expired)]);
    });
}

#[test]
fn an_active_contract_does_not_expire() {
    run(|| {
        let id = Deal::default().open_and_accept();
        pass_busy(100 * WINDOW);
        assert_eq!(expire(STRANGER, &[id]), failure(Error::NotExpired));
    });
}

#[test]
fn expire_is_all_or_none() {
    run(|| {
        let old = Deal::default().open();
        pass_busy(ACCEPT_WITHIN + 1);
        let young = Deal::number(1).open();
        assert_eq!(expire(STRANGER, &[old, young]), failure(Error::NotExpired));
        assert!(Live::<Test>::contains_key(old));
    });
}

#[test]
fn expire_refuses_empty_batches_and_strangers() {
    run(|| {
        assert_eq!(expire(STRANGER, &[]), failure(Error::EmptyBatch));
        assert_eq!(expire(STRANGER, &[Deal::default().id()]), failure(Error::NotFound));
    });
}
