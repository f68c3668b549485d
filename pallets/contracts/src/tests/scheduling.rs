//! `on_idle`: nothing is held for ever, whoever forgets it.

use crate::{
    mock::*, schedule::slot_of, Contracts as Live, EndReason, NextSlot, WeightInfo, MAX_STEPS, SLOT_BLOCKS,
};
use frame_support::{assert_ok, traits::Hooks, weights::Weight};
use lunarx_core::GIB;

fn idle(limit: Weight) -> Weight {
    let used = Contracts::on_idle(System::block_number(), limit);
    assert!(used.all_lte(limit), "used {used} of {limit}");
    used
}

/// Weight for the cursor, one slot and `steps` contracts.
fn room_for(steps: u64) -> Weight {
    let step = <() as WeightInfo>::expire_step().max(<() as WeightInfo>::close_step());
    <() as WeightInfo>::on_idle_base() + <() as WeightInfo>::empty_slot() + step * steps
}

#[test]
fn slots_hold_only_what_is_due() {
    for due in 1..100 {
        let begin = slot_of(due) * SLOT_BLOCKS;
        assert!(begin >= due && begin - due < SLOT_BLOCKS, "block {due}");
    }
}

#[test]
fn a_pending_contract_expires_by_itself() {
    run(|| {
        let id = Deal::default().open();
        pass(ACCEPT_WITHIN);
        assert!(Live::<Test>::contains_key(id), "not before its deadline");
        pass(SLOT_BLOCKS);
        assert_eq!(endings(), [(id, EndReason::Expired)]);
        assert_eq!((held(CLIENT), free(CLIENT)), (0, ENDOWMENT));
    });
}

#[test]
fn an_active_contract_is_settled_and_closed_by_itself() {
    run(|| {
        let id = Deal::default().open_and_accept();
        pass(3 * WINDOW + FINAL - 1);
        assert!(Live::<Test>::contains_key(id), "not before its outcome is final");
        pass(SLOT_BLOCKS);
        assert_eq!(endings(), [(id, EndReason::Completed)]);
        assert_eq!((held(CLIENT), free(MINER)), (0, ENDOWMENT + 3 * WINDOW_FEE));
    });
}

#[test]
fn unproven_windows_are_refunded_at_the_end_of_the_term() {
    run(|| {
        Deal::default().open_and_accept();
        Unproven::set(2);
        pass(3 * WINDOW + FINAL + SLOT_BLOCKS);
        assert_eq!((held(CLIENT), free(MINER)), (0, ENDOWMENT + WINDOW_FEE));
        assert_eq!(free(CLIENT), ENDOWMENT - WINDOW_FEE);
    });
}

#[test]
fn does_nothing_without_weight() {
    run(|| {
        let id = Deal::default().open();
        pass_busy(ACCEPT_WITHIN + SLOT_BLOCKS);
        assert_eq!(idle(Weight::zero()), Weight::zero());
        assert!(Live::<Test>::contains_key(id));
        assert_eq!(NextSlot::<Test>::get(), 0);
    });
}

#[test]
fn works_off_only_what_the_weight_allows() {
    run(|| {
        for nonce in 0..6 {
            Deal::number(nonce).open();
        }
        pass(ACCEPT_WITHIN);
        pass_busy(SLOT_BLOCKS);
        for left in [4, 2, 0] {
            idle(room_for(2));
            assert_eq!(Live::<Test>::iter().count(), left);
            assert_ok!(Contracts::do_try_state());
        }
    });
}

#[test]
fn catches_up_after_a_long_time_without_idle_blocks() {
    run(|| {
        let id = Deal::default().open();
        pass_busy(MAX_STEPS * SLOT_BLOCKS * 5 / 2);
        let behind = now() / SLOT_BLOCKS;
        idle(Weight::MAX);
        assert_eq!(endings(), [(id, EndReason::Expired)]);
        assert_eq!(NextSlot::<Test>::get(), MAX_STEPS - 1, "slots and contracts are both steps");
        let late = Deal::number(1).open();
        idle(Weight::MAX);
        idle(Weight::MAX);
        assert_eq!(NextSlot::<Test>::get(), behind + 1);
        assert!(Live::<Test>::contains_key(late));
    });
}

#[test]
fn closes_no_more_than_the_steps_of_a_block() {
    run(|| {
        for nonce in 0..u64::from(MAX_STEPS) + 50 {
            Deal::with(|deal| {
                deal.offer.nonce = nonce;
                deal.bytes = GIB / 8;
            })
            .open();
        }
        pass(ACCEPT_WITHIN);
        pass_busy(SLOT_BLOCKS);
        idle(Weight::MAX);
        assert_eq!(Live::<Test>::iter().count(), 50);
        idle(Weight::MAX);
        assert_eq!(Live::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_closed_contract_leaves_no_trace_in_the_schedule() {
    run(|| {
        let ids = [Deal::number(0).open(), Deal::number(1).open_and_accept()];
        assert_ok!(end(CLIENT, &ids));
        pass(10 * WINDOW);
        assert_eq!(endings().len(), 2);
    });
}
