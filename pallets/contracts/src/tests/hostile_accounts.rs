//! Accounts that cannot take money, are locked, or come and go: closing is never blocked, nothing lost.

use crate::{mock::*, EndReason, Event, Owed};
use frame_support::{
    assert_ok,
    traits::{fungible::Mutate, tokens::Preservation, LockableCurrency, WithdrawReasons},
};
use lunarx_core::{Balance, GIB, LX};

/// The miner leaves its account.
fn empty(who: u64) {
    let all = free(who);
    assert_ok!(<Balances as Mutate<u64>>::transfer(&who, &STRANGER, all, Preservation::Expendable));
    assert_eq!(free(who), 0);
}

/// A deal whose whole fee is under the existential deposit.
fn tiny(nonce: u64) -> Deal {
    Deal::with(|deal| {
        deal.offer.nonce = nonce;
        deal.bytes = GIB / 10_000;
    })
}

#[test]
fn a_payment_too_small_for_a_new_account_goes_back_to_the_client() {
    run(|| {
        let id = tiny(0).open_and_accept();
        let fee = held(CLIENT);
        assert!(fee < EXISTENTIAL_DEPOSIT);
        empty(MINER);
        pass_busy(FINAL + WINDOW);
        assert_ok!(settle(STRANGER, &[id]));
        assert_eq!((free(MINER), free(CLIENT) + held(CLIENT)), (0, ENDOWMENT));
        assert!(events().contains(&Event::PaymentFailed { id, miner: MINER, amount: fee / 3 }));
        pass(3 * WINDOW);
        assert_eq!(endings(), [(id, EndReason::Completed)]);
        assert_eq!((held(CLIENT), free(CLIENT)), (0, ENDOWMENT));
    });
}

#[test]
fn a_payment_large_enough_brings_the_miners_account_back() {
    run(|| {
        let id = Deal::default().open_and_accept();
        empty(MINER);
        pass_busy(FINAL + WINDOW);
        assert_ok!(settle(STRANGER, &[id]));
        assert_eq!(free(MINER), WINDOW_FEE);
    });
}

#[test]
fn a_client_with_a_contract_cannot_leave_its_account() {
    run(|| {
        Deal::default().open();
        let all = free(CLIENT);
        assert!(
            <Balances as Mutate<u64>>::transfer(&CLIENT, &STRANGER, all, Preservation::Expendable).is_err()
        );
    });
}

/// Another pallet keeps the account alive, so that its free balance can go to nothing.
#[test]
fn a_refund_that_the_client_cannot_take_is_kept_for_it() {
    run(|| {
        System::inc_providers(&CLIENT);
        let ids = [tiny(0).open(), tiny(1).open()];
        let fees = held(CLIENT);
        empty(CLIENT);
        assert_ok!(end(CLIENT, &ids));
        assert_eq!((free(CLIENT), held(CLIENT)), (0, fees));
        assert_eq!(Owed::<Test>::get(CLIENT), fees);
        assert_eq!(endings().len(), 2);
        assert_eq!(events().iter().filter(|e| matches!(e, Event::RefundDelayed { .. })).count(), 2);
        check(Balances::total_issuance());

        // It comes back with the next contract.
        assert_ok!(<Balances as Mutate<u64>>::transfer(&STRANGER, &CLIENT, LX, Preservation::Expendable));
        tiny(2).open();
        assert_eq!(Owed::<Test>::get(CLIENT), 0);
        assert_eq!(free(CLIENT) + held(CLIENT), LX + fees);
        assert_eq!(held(CLIENT), fees / 2);
    });
}

#[test]
fn small_refunds_add_up_until_the_client_can_take_them() {
    run(|| {
        System::inc_providers(&CLIENT);
        let small = tiny(0).open();
        let large = Deal::number(1).open();
        let fees = held(CLIENT);
        empty(CLIENT);
        assert_ok!(end(CLIENT, &[small]));
        assert_ok!(end(CLIENT, &[large]));
        assert_eq!((free(CLIENT), held(CLIENT), Owed::<Test>::get(CLIENT)), (fees, 0, 0));
    });
}

#[test]
fn a_later_lock_does_not_cost_the_miner_its_pay() {
    run(|| {
        let id = Deal::default().open_and_accept();
        Balances::set_lock(*b"vesting ", &CLIENT, Balance::MAX, WithdrawReasons::all());
        pass_busy(FINAL + WINDOW);
        assert_ok!(settle(STRANGER, &[id]));
        assert_eq!(free(MINER), ENDOWMENT + WINDOW_FEE);
        pass(3 * WINDOW);
        assert_eq!(held(CLIENT), 0);
        assert_eq!(free(MINER), ENDOWMENT + 3 * WINDOW_FEE);
    });
}
