//! `settle`.

use crate::{mock::*, Contracts as Live, EndReason, Error, Event};
use frame_support::assert_ok;

#[test]
fn pays_elapsed_windows_to_the_miner() {
    run(|| {
        let id = Deal::default().open_and_accept();
        pass_busy(2 * WINDOW - 1);
        assert_ok!(settle(STRANGER, &[id]));
        assert_eq!((free(MINER), held(CLIENT)), (ENDOWMENT + WINDOW_FEE, 2 * WINDOW_FEE));
        let paid =
            Event::Settled { id, client: CLIENT, miner: MINER, windows: 1, paid: WINDOW_FEE, refunded: 0 };
        assert_eq!(events().last(), Some(&paid));
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
        pass_busy(2 * WINDOW);
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
                Event::Settled { paid, refunded, windows, .. } => Some((windows, paid, refunded)),
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
        pass_busy(WINDOW);
        assert_ok!(settle(MINER, &[id]));
        assert_eq!((free(MINER), held(CLIENT)), (ENDOWMENT + WINDOW_FEE, 2 * WINDOW_FEE));
    });
}

#[test]
fn settling_often_pays_what_settling_once_does() {
    run(|| {
        let often = Deal::default().open_and_accept();
        let once = Deal::with(|deal| deal.offer.miner = OTHER_MINER).open_and_accept();
        for _ in 0..3 * WINDOW {
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
        pass_busy(WINDOW);
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
        pass_busy(WINDOW - 1);
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
