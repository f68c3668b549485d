//! Verdicts and outcomes.

use crate::{mock::*, Error, Tallies};
use frame_support::{assert_ok, dispatch::Pays, traits::fungible::InspectHold};
use lunarx_core::Verdict::{self, Offline, Silent, Valid};

/// What the miner and the client get of window 0 by these verdicts.
fn outcome(verdicts: &[Option<Verdict>; 3]) -> bool {
    let mut paid = false;
    run(|| {
        let stored = Stored::accepted(MINER, 0, 5);
        let (fee, word_pay) = (stored.fee(), stored.word_pay());
        let before = (free(MINER), free(CLIENT));
        pass_to(stored.end_of(0));
        for (who, verdict) in stored.seats(now()).into_iter().zip(verdicts) {
            if let Some(verdict) = verdict {
                assert_ok!(report(who, &stored, 0, &[*verdict]));
            }
        }
        pass(rules().final_after);
        assert_ok!(settle(&stored));
        let gains = (free(MINER) - before.0, free(CLIENT) - before.1);
        let said = u128::try_from(verdicts.iter().flatten().count()).unwrap();
        let share = said * word_pay;
        paid = gains.0 > 0;
        assert_eq!(gains, if paid { (fee - share, 0) } else { (0, fee) });
        assert_eq!(free(POT), ENDOWMENT + if paid { share } else { 0 });
    });
    paid
}

#[test]
fn two_of_three_decide() {
    assert!(outcome(&[Some(Valid), Some(Valid), None]));
    assert!(outcome(&[Some(Valid), Some(Silent), Some(Valid)]));
    assert!(!outcome(&[Some(Valid), None, None]), "one is not a majority");
    assert!(!outcome(&[Some(Silent), Some(Valid), Some(Silent)]));
    assert!(!outcome(&[Some(Offline), Some(Valid), Some(Offline)]));
    assert!(!outcome(&[Some(Valid), Some(Silent), Some(Offline)]), "nobody agrees");
    assert!(!outcome(&[None, None, None]));
}

#[test]
fn only_seats_are_heard_and_once() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 5);
        pass_to(stored.end_of(0));
        let seats = stored.seats(now());
        let others = TRACKERS.into_iter().filter(|who| !seats.contains(who));
        for who in others.chain([STRANGER, MINER, CLIENT]) {
            assert_eq!(report(who, &stored, 0, &[Valid]), failure(Error::NothingCounted));
        }
        assert_ok!(report(seats[0], &stored, 0, &[Valid]));
        assert_eq!(report(seats[0], &stored, 0, &[Silent]), failure(Error::NothingCounted));
    });
}

#[test]
fn windows_that_are_not_over_or_final_take_no_word() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 5);
        pass_to(stored.end_of(0) - 1);
        let seat = stored.seats(now())[0];
        assert_eq!(report(seat, &stored, 0, &[Valid]), failure(Error::NothingCounted));
        pass_to(stored.end_of(0) + rules().final_after);
        assert_eq!(report(seat, &stored, 0, &[Valid]), failure(Error::NothingCounted));
        for window in [100, u32::MAX] {
            assert_eq!(report(seat, &stored, window, &[Valid]), failure(Error::NothingCounted));
        }
        assert_ok!(report(seat, &stored, 0, &[Valid, Valid]));
        assert_eq!(Tallies::<Test>::get(stored.id).unwrap().first, 1);
    });
}

#[test]
fn an_absent_seat_is_taken_over_after_its_time() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 20);
        // The last window that ends in this round, so that the next round holds other seats.
        let window = (0..).find(|window| stored.end_of(*window) >= 3 + 6 * WINDOW).unwrap() - 1;
        pass_to(stored.end_of(window));
        let own = stored.seats(now());
        pass(rules().report_within);
        let running = stored.seats(now());
        let (place, substitute) = (0..3)
            .map(|place| (place, running[place]))
            .find(|(_, who)| !own.contains(who))
            .expect("the round of this seed draws another seat");
        let missed = |who| pallet_lunarx_trackers::Trackers::<Test>::get(who).unwrap().missed;
        assert_eq!(missed(own[place]), 0);
        assert_ok!(report(substitute, &stored, window, &[Valid]));
        assert_eq!(missed(own[place]), 1, "absence is noted");
        assert_eq!(bonded(own[place]), BOND, "and costs nothing");
        let other = own[(place + 1) % 3];
        assert_ok!(report(other, &stored, window, &[Valid]));
        let votes = Tallies::<Test>::get(stored.id).unwrap().votes;
        assert!(votes.last().is_some_and(|votes| votes.is_proven()));
    });
}

#[test]
fn a_substitute_waits_for_its_turn() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 20);
        let window = (0..).find(|window| stored.end_of(*window) >= 3 + 6 * WINDOW).unwrap() - 1;
        pass_to(stored.end_of(window));
        let own = stored.seats(now());
        pass(rules().report_within - 1);
        for who in TRACKERS.into_iter().filter(|who| !own.contains(who)) {
            assert_eq!(report(who, &stored, window, &[Valid]), failure(Error::NothingCounted));
        }
    });
}

#[test]
fn a_report_passes_over_what_does_not_count() {
    run(|| {
        let first = Stored::accepted(MINER, 0, 5);
        let second = Stored::accepted(OTHER_MINER, 1, 5);
        pass_to(second.end_of(1));
        let both: Vec<_> = TRACKERS
            .into_iter()
            .filter(|who| first.seats(now()).contains(who) && second.seats(now()).contains(who))
            .collect();
        let who = both[0];
        let verdicts = |windows| vec![Valid; windows].try_into().unwrap();
        let report = |stored: &Stored, window, windows| lunarx_core::Report {
            contract: stored.id,
            window,
            verdicts: verdicts(windows),
        };
        let unknown = lunarx_core::Report {
            contract: lunarx_core::ContractId([9; 32]),
            window: 0,
            verdicts: verdicts(8),
        };
        let reports = vec![unknown, report(&first, 0, 8), report(&second, 1, 1), report(&second, 7, 1)];
        assert_ok!(call(who, crate::Call::report { reports: reports.try_into().unwrap() }));
        let words = |stored: &Stored| {
            let seat = stored.seats(now()).iter().position(|holder| *holder == who).unwrap();
            let votes = Tallies::<Test>::get(stored.id).unwrap().votes;
            votes.iter().filter(|votes| votes.of(u32::try_from(seat).unwrap()).is_some()).count()
        };
        assert_eq!((words(&first), words(&second)), (2, 1));
    });
}

#[test]
fn a_backlog_is_settled_in_one_step() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 20);
        let fee = stored.fee();
        let before = (free(MINER), free(CLIENT));
        for window in 0..4 {
            pass_to(stored.end_of(window));
            stored.votes(window, [Valid; 3]);
        }
        // Nobody speaks for ten windows.
        pass(10 * WINDOW);
        pass_to(stored.end_of(14));
        stored.votes(14, [Valid; 3]);
        pass(rules().final_after);
        assert_ok!(settle(&stored));
        assert_eq!(free(CLIENT) - before.1, 10 * fee);
        assert_eq!(free(MINER) - before.0, 5 * fee - 15 * stored.word_pay());
        assert_eq!(settle(&stored), Err(pallet_lunarx_contracts::Error::<Test>::NothingDue.into()));
    });
}

#[test]
fn the_short_window_of_an_early_end_is_judged_too() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 20);
        pass_to(stored.end_of(0) + 4);
        let ids = vec![stored.id].try_into().unwrap();
        assert_ok!(call(CLIENT, pallet_lunarx_contracts::Call::end { ids }));
        let (miner, client, word_pay) = (free(MINER), free(CLIENT), stored.word_pay());
        let fees = Balances::balance_on_hold(&pallet_lunarx_contracts::HoldReason::Escrow.into(), &CLIENT);
        stored.votes(0, [Valid; 3]);
        stored.votes(1, [Valid, Valid, Silent]);
        pass(rules().final_after + 2 * pallet_lunarx_contracts::SLOT_BLOCKS);
        assert!(!stored.is_live());
        assert_eq!(
            (free(MINER) - miner, free(CLIENT) - client),
            (fees - 3 * word_pay, 0),
            "the short one pays no word"
        );
    });
}

#[test]
fn a_report_is_free_once_a_while_if_all_of_it_counts() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 5);
        pass_to(stored.end_of(1));
        let [first, second, third] = stored.seats(now());
        let pays = |who, window, verdicts: &[Verdict]| {
            let verdicts = verdicts.to_vec().try_into().unwrap();
            let report = lunarx_core::Report { contract: stored.id, window, verdicts };
            let reports = vec![report].try_into().unwrap();
            crate::Pallet::<Test>::do_report(who, reports).unwrap().pays_fee
        };
        assert_eq!(pays(first, 0, &[Valid]), Pays::No);
        assert_eq!(pays(first, 1, &[Valid]), Pays::Yes, "in the same block");
        assert_eq!(pays(second, 1, &[Valid, Valid]), Pays::Yes, "window 2 is not over");
        assert_eq!(pays(second, 0, &[Silent]), Pays::No);
        assert_eq!(pays(third, 0, &[Valid]), Pays::No);
        pass(1);
        assert_eq!(pays(third, 1, &[Valid]), Pays::No, "64 times a window, here each block");
    });
}
