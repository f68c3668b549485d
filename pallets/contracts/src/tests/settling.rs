//! `settle`.

use crate::{mock::*, Contracts as Live, EndReason, Error, Event};
use frame_support::assert_ok;
use lunarx_core::{Commission, ContractRegistry, GIB};
use sp_runtime::Permill;

#[test]
fn pays_elapsed_windows_to_the_miner() {
    run(|| {
        let id = Deal::default().open_and_accept();
        pass_busy(FINAL + 2 * WINDOW - 1);
        assert_ok!(settle(STRANGER, &[id]));
        assert_eq!((free(MINER), held(CLIENT)), (ENDOWMENT + WINDOW_FEE, 2 * WINDOW_FEE));
        let confirmed = Event::ServiceConfirmed {
            id,
            client: CLIENT,
            miner: MINER,
            windows: 1,
            proven: 1,
            paid: WINDOW_FEE,
            trackers: 0,
            supplier: 0,
            refunded: 0,
        };
        assert_eq!(events().last(), Some(&confirmed));
        let told = Register::get(MINER);
        assert_eq!((told.settled, told.byte_blocks), ((1, 0), u128::from(GIB) * u128::from(WINDOW)));
        pass_busy(1);
        assert_ok!(settle(STRANGER, &[id]));
        let contract = Live::<Test>::get(id).expect("live");
        assert_eq!((contract.paid, contract.escrow), (2 * WINDOW_FEE, WINDOW_FEE));
    });
}

#[test]
fn closes_at_the_end_of_the_term() {
    run(|| {
        let id = Deal::default().open_and_accept();
        pass_busy(100 * WINDOW);
        assert_ok!(settle(MINER, &[id]));
        assert_eq!(free(MINER), ENDOWMENT + 3 * WINDOW_FEE);
        assert_eq!((held(CLIENT), free(CLIENT)), (0, ENDOWMENT - 3 * WINDOW_FEE));
        assert_eq!(endings(), [(id, EndReason::Completed)]);
        assert_eq!(Register::used(MINER), 0);
        assert_eq!(settle(MINER, &[id]), failure(Error::NotFound));
    });
}

#[test]
fn unproven_windows_go_back_to_the_client() {
    run(|| {
        let id = Deal::default().open_and_accept();
        pass_busy(FINAL + 2 * WINDOW);
        Unproven::set(1);
        assert_ok!(settle(MINER, &[id]));
        assert_eq!(free(MINER), ENDOWMENT + WINDOW_FEE);
        assert_eq!((held(CLIENT), free(CLIENT)), (WINDOW_FEE, ENDOWMENT - 2 * WINDOW_FEE));
        pass_busy(WINDOW);
        Unproven::set(u32::MAX);
        assert_ok!(settle(MINER, &[id]));
        assert_eq!(free(MINER), ENDOWMENT + WINDOW_FEE);
        assert_eq!((held(CLIENT), free(CLIENT)), (0, ENDOWMENT - WINDOW_FEE));
        let refunds: Vec<_> = events()
            .into_iter()
            .filter_map(|event| match event {
                Event::ServiceConfirmed { paid, refunded, windows, .. } => Some((windows, paid, refunded)),
                _ => None,
            })
            .collect();
        assert_eq!(refunds, [(2, WINDOW_FEE, WINDOW_FEE), (1, 0, WINDOW_FEE)]);
    });
}

#[test]
fn verdicts_cannot_pay_windows_that_did_not_elapse() {
    run(|| {
        let id = Deal::default().open_and_accept();
        Invented::set(u32::MAX);
        assert_eq!(settle(MINER, &[id]), failure(Error::NothingDue));
        pass_busy(FINAL + WINDOW);
        assert_ok!(settle(MINER, &[id]));
        assert_eq!((free(MINER), held(CLIENT)), (ENDOWMENT + WINDOW_FEE, 2 * WINDOW_FEE));
    });
}

#[test]
fn settling_often_pays_what_settling_once_does() {
    run(|| {
        let often = Deal::default().open_and_accept();
        let once = Deal::with(|deal| deal.offer.miner = OTHER_MINER).open_and_accept();
        for _ in 0..FINAL + 3 * WINDOW {
            pass_busy(1);
            let _ = settle(STRANGER, &[often]);
        }
        assert_ok!(settle(STRANGER, &[once]));
        assert_eq!(free(MINER), free(OTHER_MINER));
    });
}

#[test]
fn skips_what_is_not_due() {
    run(|| {
        let due = Deal::default().open_and_accept();
        let pending = Deal::number(1).open();
        let gone = Deal::number(2).id();
        pass_busy(FINAL + WINDOW);
        let young = Deal::number(3).open_and_accept();
        assert_ok!(settle(STRANGER, &[pending, gone, due, young, due]));
        assert_eq!(free(MINER), ENDOWMENT + WINDOW_FEE);
    });
}

#[test]
fn refuses_an_empty_batch() {
    run(|| assert_eq!(settle(STRANGER, &[]), failure(Error::EmptyBatch)));
}

#[test]
fn refuses_when_nothing_is_due() {
    run(|| {
        let pending = Deal::default().open();
        let active = Deal::number(1).open_and_accept();
        pass_busy(FINAL + WINDOW - 1);
        assert_eq!(settle(MINER, &[pending, active]), failure(Error::NothingDue));
        pass_busy(1);
        assert_ok!(settle(MINER, &[active]));
        assert_eq!(settle(MINER, &[active]), failure(Error::NothingDue));
    });
}

#[test]
fn refuses_what_is_not_there() {
    run(|| assert_eq!(settle(STRANGER, &[Deal::default().id()]), failure(Error::NotFound)));
}

#[test]
fn a_payment_is_shared_with_trackers_and_supplier() {
    run(|| {
        TrackerShare::set(Permill::from_percent(5));
        let supplier = Commission { supplier: SUPPLIER, share: 200_000 };
        let id = Deal::with(|deal| deal.commission = Some(supplier)).open_and_accept();
        pass_busy(FINAL + 3 * WINDOW);
        assert_ok!(settle(STRANGER, &[id]));
        let fee = 3 * WINDOW_FEE;
        let (commission, share) = (fee / 5, 9 * (WINDOW_FEE / 20 / 3));
        assert_eq!((free(SUPPLIER), free(POT)), (commission, ENDOWMENT + share));
        assert_eq!(free(MINER), ENDOWMENT + fee - commission - share);
        assert_eq!(Earned::get(), share, "the audits know what came to the pot");
        assert_eq!((held(CLIENT), free(CLIENT)), (0, ENDOWMENT - fee));
        assert!(events().iter().any(|event| matches!(
            event,
            Event::ServiceConfirmed { supplier, trackers, .. } if (*supplier, *trackers) == (commission, share)
        )));
    });
}

#[test]
fn a_seat_that_says_nothing_is_not_paid_for() {
    run(|| {
        TrackerShare::set(Permill::from_percent(5));
        let id = Deal::default().open_and_accept();
        // Terms that are agreed on do not change.
        TrackerShare::set(Permill::from_percent(50));
        Words::set(2);
        pass_busy(FINAL + 3 * WINDOW);
        assert_ok!(settle(STRANGER, &[id]));
        let share = 6 * (WINDOW_FEE / 20 / 3);
        assert_eq!((free(POT), free(MINER)), (ENDOWMENT + share, ENDOWMENT + 3 * WINDOW_FEE - share));
    });
}

#[test]
fn work_is_told_by_what_drawn_trackers_were_paid() {
    // Words, those of later rounds, and what is told of miner and supplier in words.
    for (words, aged, told) in [(3, 9, 9), (3, 4, 4), (2, 9, 6), (0, 9, 0), (3, 0, 0)] {
        run(|| {
            TrackerShare::set(Permill::from_percent(5));
            let supplier = Commission { supplier: SUPPLIER, share: 300_000 };
            let id = Deal::with(|deal| deal.commission = Some(supplier)).open_and_accept();
            Words::set(words);
            Aged::set(aged);
            pass_busy(FINAL + 3 * WINDOW);
            assert_ok!(settle(STRANGER, &[id]));
            let pay = told * (WINDOW_FEE / 20 / 3);
            assert_eq!(Told::get(), (pay, pay), "{words} words, {aged} aged");
        });
    }
}

#[test]
fn what_a_supplier_cannot_take_is_the_miners() {
    run(|| {
        let supplier = Commission { supplier: SUPPLIER, share: 1 };
        Deal::with(|deal| deal.commission = Some(supplier)).open_and_accept();
        pass(FINAL + 3 * WINDOW + crate::SLOT_BLOCKS);
        assert_eq!((free(SUPPLIER), free(MINER)), (0, ENDOWMENT + 3 * WINDOW_FEE));
    });
}

#[test]
fn nothing_is_settled_or_closed_while_a_dispute_is_open() {
    run(|| {
        let id = Deal::default().open_and_accept();
        Disputed::set(Some(20 * WINDOW));
        pass(20 * WINDOW - 1);
        assert_eq!(settle(MINER, &[id]), failure(Error::NothingDue));
        assert_eq!(held(CLIENT), 3 * WINDOW_FEE);
        check(Balances::total_issuance());
        pass(2 * crate::SLOT_BLOCKS);
        assert_eq!(endings(), [(id, EndReason::Completed)]);
        assert_eq!(free(MINER), ENDOWMENT + 3 * WINDOW_FEE);
    });
}

#[test]
fn a_conviction_refunds_what_is_not_settled_and_slashes() {
    run(|| {
        let id = Deal::default().open_and_accept();
        pass_busy(FINAL + WINDOW);
        assert_ok!(settle(MINER, &[id]));
        <Contracts as ContractRegistry<u64>>::convict(&id, 0, 500_000, Some(&STRANGER));
        assert_eq!(endings(), [(id, EndReason::Faulty)]);
        assert_eq!((free(MINER), held(CLIENT)), (ENDOWMENT + WINDOW_FEE, 0));
        assert_eq!(free(CLIENT), ENDOWMENT - WINDOW_FEE);
        assert_eq!(Register::get(MINER).slashes, [(GIB, 500_000, Some(STRANGER))]);
        assert_eq!(Register::used(MINER), 0);
    });
}

#[test]
fn trackers_are_paid_for_proven_windows_of_a_contract_that_is_lost() {
    run(|| {
        TrackerShare::set(Permill::from_percent(5));
        let id = Deal::default().open_and_accept();
        pass_busy(FINAL + WINDOW);
        <Contracts as ContractRegistry<u64>>::convict(&id, 3, 500_000, Some(&STRANGER));
        let share = 3 * (WINDOW_FEE / 20 / 3);
        assert_eq!((free(POT), Earned::get()), (ENDOWMENT + share, share));
        assert_eq!((free(MINER), held(CLIENT)), (ENDOWMENT, 0));
        assert_eq!(free(CLIENT), ENDOWMENT - share);
    });
}
