//! The trackers' pay.

use crate::{mock::*, AllCredits, Credits, Error, Event, PotBalance};
use frame_support::{assert_ok, dispatch::Pays, traits::fungible::Inspect};
use lunarx_core::Verdict::{Offline, Valid};

fn claim(who: u64) -> CallResult {
    call(who, crate::Call::claim {})
}

fn credit(who: u64) -> lunarx_core::Balance {
    Credits::<Test>::get(who).amount
}

#[test]
fn each_word_on_a_proven_window_is_paid_alike() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 5);
        let pay = stored.word_pay();
        pass_to(stored.end_of(2));
        let seats = stored.seats(now());
        let [first, second, third] = seats;
        assert_ok!(report(first, &stored, 0, &[Valid; 3]));
        assert_ok!(report(second, &stored, 0, &[Valid; 3]));
        assert_ok!(report(third, &stored, 1, &[Offline]));
        assert_eq!(seats.map(credit), [0; 3], "before the windows are final");
        assert_eq!(draw(first, &stored), failure(Error::NothingCounted));
        pass(rules().final_after);
        for who in seats {
            assert_ok!(draw(who, &stored));
        }
        assert_eq!(seats.map(credit), [3 * pay, 3 * pay, pay]);
        assert_eq!(draw(first, &stored), failure(Error::NothingCounted), "once");
        assert_eq!(claim(first), failure(Error::EmptyPot), "the contract has not paid");
        assert_ok!(settle(&stored));
        assert_eq!((PotBalance::<Test>::get(), free(POT)), (7 * pay, ENDOWMENT + 7 * pay));
        let before = seats.map(free);
        for who in seats {
            assert_ok!(claim(who));
        }
        assert_eq!([0, 1, 2].map(|seat| free(seats[seat]) - before[seat]), [3 * pay, 3 * pay, pay]);
        assert_eq!(claim(first), failure(Error::NoCredits));
        assert_eq!((PotBalance::<Test>::get(), AllCredits::<Test>::get(), free(POT)), (0, 0, ENDOWMENT));
    });
}

#[test]
fn a_later_report_draws_what_is_due() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 20);
        for window in 0..4 {
            pass_to(stored.end_of(window));
            stored.votes(window, [Valid; 3]);
        }
        let seats = stored.seats(now());
        assert_eq!(seats.map(credit), [stored.word_pay(); 3], "with the report of window 3");
    });
}

#[test]
fn words_on_what_is_not_proven_are_not_paid() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 5);
        pass_to(stored.end_of(0));
        let seats = stored.seats(now());
        stored.votes(0, [Offline, Offline, Valid]);
        pass(rules().final_after);
        assert_ok!(settle(&stored));
        for who in seats {
            assert_eq!(draw(who, &stored), failure(Error::NothingCounted));
        }
        assert_eq!((PotBalance::<Test>::get(), AllCredits::<Test>::get()), (0, 0));
    });
}

#[test]
fn a_substitute_is_paid_in_place_of_the_absent() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 20);
        let window = (0..).find(|window| stored.end_of(*window) >= 3 + 6 * WINDOW).unwrap() - 1;
        pass_to(stored.end_of(window));
        let own = stored.seats(now());
        pass(rules().report_within);
        let running = stored.seats(now());
        let place = (0..3).find(|place| !own.contains(&running[*place])).expect("of this seed");
        let (absent, substitute, other) = (own[place], running[place], own[(place + 1) % 3]);
        assert_ok!(report(substitute, &stored, window, &[Valid]));
        assert_ok!(report(other, &stored, window, &[Valid]));
        pass(rules().final_after);
        assert_ok!(draw(substitute, &stored));
        assert_ok!(draw(other, &stored));
        assert_eq!(draw(absent, &stored), failure(Error::NothingCounted));
        assert_eq!([substitute, other].map(credit), [stored.word_pay(); 2]);
    });
}

#[test]
fn pay_waits_for_a_whole_round() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 90);
        pass_to(stored.end_of(0));
        let [early, late, _] = stored.seats(now());
        stored.votes(0, [Valid; 3]);
        pass(6 * WINDOW);
        assert_ok!(draw(early, &stored));
        // Windows of the round after the next are final.
        while stored.end_of(0) + 13 * WINDOW > now() {
            pass(WINDOW);
            let window = (now() - stored.end_of(0)) / WINDOW;
            stored.votes(window, [Valid; 3]);
        }
        pass(rules().final_after);
        stored.votes((now() - stored.end_of(0)) / WINDOW, [Valid; 3]);
        let before = credit(late);
        let drawn = draw(late, &stored);
        assert!(drawn.is_err() || credit(late) > before, "at most for later words");
        let dues = crate::Tallies::<Test>::get(stored.id).unwrap().dues;
        assert!(dues.round > 2, "the first round is forgotten");
    });
}

/// A tracker that is client and miner too. Windows are refunded by its own words, or proven and then lost
/// before they are settled: in no way does it draw more than it pays.
#[test]
fn paying_oneself_gains_nothing() {
    run(|| {
        // Pay of others lies in the pot.
        let honest = Stored::accepted(MINER, 0, 90);
        pass_to(honest.end_of(0));
        honest.votes(0, [Valid; 3]);
        pass(rules().final_after);
        assert_ok!(settle(&honest));
        let pot = PotBalance::<Test>::get();
        assert!(pot > 0);

        let all = || {
            let others = [STRANGER, OTHER_MINER].into_iter().chain(TRACKERS);
            others.map(|who| Balances::total_balance(&who)).sum::<lunarx_core::Balance>()
        };
        let before = all();
        for (nonce, proven) in [(7, false), (8, true)] {
            let own = Stored::opened_by(STRANGER, OTHER_MINER, nonce, 5);
            pass_to(own.end_of(0));
            let seats = own.seats(now());
            own.votes(0, if proven { [Valid; 3] } else { [Offline; 3] });
            pass(rules().final_after);
            for who in seats {
                assert_eq!(draw(who, &own).is_ok(), proven);
            }
            assert_ok!(call(OTHER_MINER, crate::Call::surrender { contract: own.id }));
        }
        for who in TRACKERS {
            let _ = claim(who);
        }
        assert!(all() <= before, "it has what it paid, less the collateral");
        assert_eq!(PotBalance::<Test>::get(), pot, "what others earned is there");
    });
}

#[test]
fn a_claim_takes_what_is_there_and_leaves_the_rest() {
    run(|| {
        let (first, second) = (Stored::accepted(MINER, 0, 5), Stored::accepted(OTHER_MINER, 1, 5));
        pass_to(second.end_of(0));
        for stored in [&first, &second] {
            stored.votes(0, [Valid; 3]);
        }
        let seats = [first.seats(now()), second.seats(now())];
        pass(rules().final_after);
        for (stored, seats) in [&first, &second].into_iter().zip(seats) {
            for who in seats {
                assert_ok!(draw(who, stored));
            }
        }
        assert_ok!(settle(&first));
        let owed: lunarx_core::Balance = TRACKERS.map(credit).iter().sum();
        assert_eq!(owed, 2 * PotBalance::<Test>::get());
        let trackers = TRACKERS.into_iter().filter(|who| credit(*who) > 0).collect::<Vec<_>>();
        let had = credit(trackers[0]);
        assert_ok!(claim(trackers[0]));
        assert_eq!(credit(trackers[0]), had - had / 2);
        System::assert_last_event(
            Event::Claimed { tracker: trackers[0], amount: had / 2, left: had - had / 2 }.into(),
        );
        assert_ok!(settle(&second));
        for who in &trackers {
            assert_ok!(claim(*who));
        }
        assert!(trackers.iter().all(|who| credit(*who) == 0));
        assert_eq!(PotBalance::<Test>::get(), 0);
    });
}

#[test]
fn neither_claims_nor_empty_reports_make_reports_free() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 5);
        pass_to(stored.end_of(2));
        stored.votes(0, [Valid; 3]);
        pass_to(stored.end_of(0) + rules().final_after);
        let [who, ..] = stored.seats(now());
        let pays = |window, verdicts: &[_]| {
            let entry = |window, verdicts: &[_]| lunarx_core::Report {
                contract: stored.id,
                window,
                verdicts: verdicts.to_vec().try_into().unwrap(),
            };
            let reports = vec![entry(window, verdicts), entry(0, &[])].try_into().unwrap();
            Audits::do_report(who, reports).unwrap().pays_fee
        };
        assert_ok!(settle(&stored));
        assert_ok!(draw(who, &stored));
        let free_from = Credits::<Test>::get(who).free_from;
        assert!(free_from > now());
        assert_ok!(claim(who));
        assert_eq!(Credits::<Test>::get(who).free_from, free_from, "a claim does not bring it forward");
        pass(1);
        assert_eq!(pays(1, &[Valid]), Pays::Yes, "the empty entry drew nothing");
    });
}

#[test]
fn a_loss_credits_what_it_pays_for() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 90);
        for window in 0..4 {
            pass_to(stored.end_of(window));
            stored.votes(window, [Valid; 3]);
        }
        // Nothing is written of the windows that become final meanwhile.
        pass(5 * WINDOW);
        let pay = stored.word_pay();
        assert_ok!(call(MINER, crate::Call::surrender { contract: stored.id }));
        let credits: lunarx_core::Balance = TRACKERS.map(credit).iter().sum();
        assert_eq!((credits, PotBalance::<Test>::get()), (12 * pay, 12 * pay));
        for who in TRACKERS.into_iter().filter(|who| credit(*who) > 0).collect::<Vec<_>>() {
            assert_ok!(claim(who));
        }
        assert_eq!(PotBalance::<Test>::get(), 0);
    });
}
