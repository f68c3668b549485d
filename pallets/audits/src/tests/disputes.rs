//! Disputes and convictions: who gains and who loses how much.

use crate::{mock::*, Cause, Error};
use frame_support::{
    assert_ok,
    dispatch::Pays,
    traits::fungible::{Inspect, InspectHold},
};
use lunarx_core::{
    Standing,
    Verdict::{Offline, Silent, Valid},
};
use lunarx_proof::{dispute_seed, questioned, DISPUTE_BLOCKS};

/// A contract whose first challenge has come, with the block of it.
fn challenged() -> (Stored, lunarx_core::BlockNumber) {
    let stored = Stored::accepted(MINER, 0, 90);
    pass(3 * WINDOW);
    let block = stored.challenged_since(4).expect("6 challenges in 5 windows on average");
    (stored, block)
}

/// Collateral of the contract's bytes.
fn at_stake() -> lunarx_core::Balance {
    lunarx_core::collateral_for(100_000, COLLATERAL_PER_GIB)
}

#[test]
fn an_answer_proves_what_is_open_and_is_paid_by_the_opener() {
    run(|| {
        let (stored, block) = challenged();
        let fee = stored.fee();
        let (opener, miner) = (free(STRANGER), free(MINER));
        assert_ok!(dispute(STRANGER, &stored, Some(block)));
        assert_eq!(answer(&stored, Default::default()), failure(Error::NotDrawnYet));
        pass(DISPUTE_BLOCKS);
        let asked = stored.asked();
        assert_eq!(asked.len(), 48);
        assert_eq!(asked[..24], stored.challenge(block).unwrap()[..]);
        let proofs = stored.prove(&asked);
        let cost = BYTE_COST * u128::try_from(codec::Encode::encoded_size(&proofs)).unwrap();
        assert_ok!(answer(&stored, proofs));
        assert_eq!((free(STRANGER), deposit(STRANGER)), (opener - cost, 0), "the opener pays the answer");
        assert_eq!(free(MINER), miner + cost, "and nothing else");
        assert_eq!(stored.dispute(), None);
        // Windows 0 to 2 were over, and nobody had spoken of them.
        pass(3 * WINDOW);
        assert_ok!(settle(&stored));
        assert_eq!(free(MINER) - miner - cost, 3 * fee, "nobody said a word");
    });
}

#[test]
fn an_answer_does_not_prove_windows_in_which_the_miner_was_offline() {
    run(|| {
        let (stored, block) = challenged();
        let fee = stored.fee();
        stored.votes(1, [Offline, Offline, Valid]);
        stored.votes(2, [Silent, Silent, Valid]);
        assert_ok!(dispute(MINER, &stored, Some(block)));
        pass(DISPUTE_BLOCKS);
        let before = free(MINER);
        assert_ok!(answer(&stored, stored.prove(&stored.asked())));
        assert_eq!(deposit(MINER), 0, "it asked itself: its deposit is back");
        pass(3 * WINDOW);
        let client = free(CLIENT);
        assert_ok!(settle(&stored));
        assert_eq!(free(CLIENT) - client, fee);
        let deposit = free(MINER) - before - (2 * fee - 3 * stored.word_pay());
        assert!(deposit > 0);
    });
}

#[test]
fn silence_costs_the_contract_its_collateral_and_all_that_is_unsettled() {
    run(|| {
        let (stored, block) = challenged();
        let (client, opener, miner) = (free(CLIENT), free(STRANGER), collateral(MINER));
        assert_ok!(dispute(STRANGER, &stored, Some(block)));
        let until = stored.dispute().unwrap().deadline;
        assert_eq!(until, now() + rules().return_within);
        pass_to(until);
        assert!(stored.is_live());
        pass(crate::SLOT_BLOCKS);
        assert_eq!(convictions(), [(stored.id, Cause::Unanswered)]);
        assert!(!stored.is_live());
        assert_eq!(collateral(MINER), miner - at_stake());
        assert_eq!(free(STRANGER), opener + at_stake() / 10, "deposit back, and the finder's share");
        assert_eq!(free(SLASHED), ENDOWMENT + at_stake() - at_stake() / 10);
        assert!(free(CLIENT) > client, "what was not settled is back");
        assert_eq!(Balances::total_balance_on_hold(&CLIENT), 0);
    });
}

#[test]
fn a_lying_majority_does_not_shorten_the_time_to_answer() {
    run(|| {
        let (stored, block) = challenged();
        assert_ok!(dispute(STRANGER, &stored, Some(block)));
        let until = stored.dispute().unwrap().deadline;
        for window in 3..12 {
            pass_to(stored.end_of(window));
            stored.votes(window, [Silent; 3]);
        }
        assert_eq!(stored.dispute().unwrap().deadline, until);
        assert_ok!(answer(&stored, stored.prove(&stored.asked())));
        assert_eq!((collateral(MINER), convictions()), (collateral(OTHER_MINER), vec![]));
    });
}

#[test]
fn an_offline_miner_has_time_to_come_back() {
    run(|| {
        let (stored, block) = challenged();
        let miner = collateral(MINER);
        let seat = stored.seats(now())[0];
        assert_ok!(dispute(seat, &stored, Some(block)));
        for window in 3..10 {
            pass_to(stored.end_of(window));
            stored.votes(window, [Offline; 3]);
        }
        assert!(stored.dispute().is_some(), "nobody is slashed for being down");
        assert_ok!(answer(&stored, stored.prove(&stored.asked())));
        pass(3 * WINDOW);
        assert_eq!((collateral(MINER), stored.is_live()), (miner, true));
    });
}

#[test]
fn anybody_resolves_what_is_over() {
    run(|| {
        let (stored, _) = challenged();
        assert_ok!(dispute(CLIENT, &stored, None));
        pass(DISPUTE_BLOCKS);
        let resolve = || call(STRANGER, crate::Call::resolve { contract: stored.id });
        let until = stored.dispute().unwrap().deadline;
        System::set_block_number(until.into());
        assert_eq!(resolve(), failure(Error::NotOver));
        System::set_block_number(u64::from(until) + 1);
        assert_eq!(answer(&stored, Default::default()), failure(Error::TooLate));
        assert_ok!(resolve());
        assert_eq!(convictions(), [(stored.id, Cause::Unanswered)]);
        assert_eq!(resolve(), failure(Error::NotDisputed));
    });
}

#[test]
fn a_dispute_names_a_challenge_that_was() {
    run(|| {
        let (stored, block) = challenged();
        let other = (5..now()).find(|block| stored.challenge(*block).is_none()).unwrap();
        assert_eq!(dispute(STRANGER, &stored, Some(other)), failure(Error::NotChallenged));
        assert_eq!(dispute(STRANGER, &stored, Some(now() + 1)), failure(Error::UnknownSeed));
        let before = (1..4).find(|block| stored.challenge(*block).is_some());
        if let Some(block) = before {
            assert_eq!(dispute(STRANGER, &stored, Some(block)), failure(Error::NotChallenged));
        }
        assert_ok!(dispute(STRANGER, &stored, Some(block)));
        assert_eq!(dispute(CLIENT, &stored, None), failure(Error::AlreadyDisputed));
        pass(DISPUTE_BLOCKS);
        assert_ok!(answer(&stored, stored.prove(&stored.asked())));
        assert_ok!(dispute(CLIENT, &stored, None),);
        pass(DISPUTE_BLOCKS);
        assert_eq!(stored.asked().len(), 24);
    });
}

#[test]
fn a_seat_that_names_a_challenge_takes_the_place_of_anybody_else() {
    run(|| {
        let (stored, block) = challenged();
        let [seat, other, _] = stored.seats(now());
        let (before, accomplice) = (free(STRANGER), free(MINER));
        assert_ok!(dispute(STRANGER, &stored, Some(block)));
        let until = stored.dispute().unwrap().deadline;
        assert_eq!(dispute(CLIENT, &stored, Some(block)), failure(Error::AlreadyDisputed), "holds no seat");
        assert_eq!(dispute(seat, &stored, None), failure(Error::AlreadyDisputed), "names no challenge");
        pass(5);
        assert_ok!(dispute(seat, &stored, Some(block)));
        assert_eq!((free(STRANGER), deposit(STRANGER)), (before, 0), "the deposit is back");
        let open = stored.dispute().unwrap();
        assert_eq!((open.opener, open.standing, open.opened), (seat, Standing::Seat, now()));
        let open = stored.dispute();
        for who in [other, STRANGER, MINER] {
            assert_eq!(dispute(who, &stored, Some(block)), failure(Error::AlreadyDisputed));
        }
        assert_eq!((stored.dispute(), free(MINER)), (open, accomplice));
        assert_eq!(stored.dispute().unwrap().deadline, until, "the miner has no more time than before");
        pass_to(until);
        assert!(stored.is_live());
        pass(crate::SLOT_BLOCKS);
        assert_eq!(convictions(), [(stored.id, Cause::Unanswered)]);
    });
}

#[test]
fn a_seat_that_asks_twice_in_a_row_gives_way_to_another() {
    run(|| {
        let (stored, block) = challenged();
        let [accomplice, honest, third] = stored.seats(now());
        assert_eq!(std::collections::BTreeSet::from([accomplice, honest, third]).len(), 3, "of this seed");
        assert_ok!(dispute(accomplice, &stored, Some(block)));
        assert_eq!(dispute(honest, &stored, Some(block)), failure(Error::AlreadyDisputed));
        pass(DISPUTE_BLOCKS);
        assert_ok!(answer(&stored, stored.prove(&stored.asked())));
        // In the very block of the answer.
        assert_ok!(dispute(accomplice, &stored, Some(block)));
        assert_eq!(stored.dispute().unwrap().standing, Standing::SeatAgain);
        assert_eq!(dispute(STRANGER, &stored, Some(block)), failure(Error::AlreadyDisputed));
        assert_ok!(dispute(honest, &stored, Some(block)));
        assert_eq!(stored.dispute().unwrap().standing, Standing::Seat);
        assert_eq!(deposit(accomplice), 0);
        for who in [accomplice, third] {
            assert_eq!(dispute(who, &stored, Some(block)), failure(Error::AlreadyDisputed));
        }
    });
}

#[test]
fn a_question_in_place_of_another_leaves_time_to_look_at_it() {
    run(|| {
        let (stored, _) = challenged();
        assert_ok!(dispute(STRANGER, &stored, None));
        let until = stored.dispute().unwrap().deadline;
        pass_to(until);
        let block = stored.challenged_since(now() - 4 * WINDOW).expect("6 in 5 windows on average");
        let seat = stored.seats(now())[0];
        assert_ok!(dispute(seat, &stored, Some(block)));
        assert_eq!(stored.dispute().unwrap().deadline, until + rules().final_after);
        pass(rules().final_after);
        assert_ok!(answer(&stored, stored.prove(&stored.asked())));
        assert_eq!(convictions(), []);
    });
}

#[test]
fn an_answer_to_a_question_that_was_replaced_is_free_once() {
    run(|| {
        let (stored, block) = challenged();
        assert_ok!(dispute(STRANGER, &stored, None));
        let former = now();
        pass(DISPUTE_BLOCKS);
        let right = stored.prove(&stored.asked());
        let seat = stored.seats(now())[0];
        assert_ok!(dispute(seat, &stored, Some(block)));
        let answer_former = |opened| {
            let post = Audits::do_answer(MINER, stored.id, opened, right.clone());
            post.map(|post| post.pays_fee).map_err(|error| error.error)
        };
        assert_eq!(answer_former(former - 1), Err(Error::<Test>::OtherQuestion.into()));
        let by_another = Audits::do_answer(OTHER_MINER, stored.id, former, right.clone());
        assert_eq!(by_another.unwrap_err().error, Error::<Test>::NotMiner.into());
        assert_eq!(answer_former(former), Ok(Pays::No));
        assert_eq!(answer_former(former), Err(Error::<Test>::OtherQuestion.into()), "no more than that");
        assert_eq!(stored.dispute().map(|open| open.opener), Some(seat), "it settles nothing");
        pass(DISPUTE_BLOCKS);
        assert_ok!(answer(&stored, stored.prove(&stored.asked())));
    });
}

#[test]
fn a_seat_does_not_ask_against_its_own_word() {
    run(|| {
        let (stored, block) = challenged();
        let window = (0..3).find(|window| block < stored.end_of(*window)).unwrap();
        let [liar, ..] = stored.seats(stored.end_of(window));
        assert_ok!(report(liar, &stored, window, &[Valid]));
        assert_ok!(dispute(liar, &stored, Some(block)));
        assert_eq!(stored.dispute().unwrap().standing, Standing::Anybody);
    });
}

#[test]
fn a_miner_that_tracks_is_no_seat_against_itself() {
    run(|| {
        let (stored, block) = challenged();
        assert_ok!(dispute(stored.miner, &stored, Some(block)));
        assert_eq!(stored.dispute().unwrap().standing, Standing::Anybody);
        let seat = stored.seats(now())[1];
        assert_ok!(dispute(seat, &stored, Some(block)));
        assert_eq!(deposit(stored.miner), 0);
    });
}

#[test]
fn an_answer_of_another_length_convicts_nobody() {
    run(|| {
        let (stored, block) = challenged();
        let asked = stored.challenge(block).unwrap();
        for count in [0, 1, asked.len() - 1] {
            let answer = stored.signed(block, stored.prove(&asked[..count]));
            let convict = crate::Call::convict { contract: stored.id, block, answer };
            assert_eq!(call(STRANGER, convict), failure(Error::WrongProofs));
        }
    });
}

#[test]
fn nobody_knows_what_is_asked_before_eight_blocks_are_made() {
    run(|| {
        let (stored, block) = challenged();
        assert_ok!(dispute(STRANGER, &stored, Some(block)));
        pass(DISPUTE_BLOCKS - 1);
        assert_eq!(answer(&stored, Default::default()), failure(Error::NotDrawnYet));
        pass(1);
        assert_eq!(stored.asked().len(), 48);
        // Blocks without a seed are left out.
        assert_ok!(answer(&stored, stored.prove(&stored.asked())));
        assert_ok!(dispute(STRANGER, &stored, None));
        Draws::set(false);
        pass(DISPUTE_BLOCKS - 1);
        Draws::set(true);
        pass(1);
        let only = dispute_seed(now() - DISPUTE_BLOCKS, &[seed(now()).unwrap()]).unwrap();
        assert_eq!(stored.asked(), questioned(&only, &stored.id, 100_000, &rules()));
    });
}

#[test]
fn only_the_miner_answers_and_only_rightly() {
    run(|| {
        let (stored, block) = challenged();
        assert_ok!(dispute(STRANGER, &stored, Some(block)));
        pass(DISPUTE_BLOCKS);
        let right = stored.prove(&stored.asked());
        let as_other = crate::Call::answer {
            contract: stored.id,
            opened: stored.dispute().unwrap().opened,
            proofs: right.clone(),
        };
        assert_eq!(call(OTHER_MINER, as_other), failure(Error::NotMiner));
        let mut short = right.clone();
        short.pop();
        let mut flipped = right.clone();
        flipped[47].chunk[3] ^= 1;
        let mut swapped = right.clone().into_inner();
        swapped.swap(0, 47);
        let swapped = swapped.try_into().unwrap();
        let old = stored.prove(&stored.challenge(block).unwrap());
        for wrong in [short, flipped, swapped, old, Default::default()] {
            assert_eq!(answer(&stored, wrong), failure(Error::WrongProofs));
        }
        assert_ok!(answer(&stored, right.clone()));
        assert_eq!(answer(&stored, right), failure(Error::NotDisputed));
    });
}

#[test]
fn the_proofs_of_another_dispute_are_replayed_in_vain() {
    run(|| {
        let (stored, block) = challenged();
        assert_ok!(dispute(STRANGER, &stored, Some(block)));
        pass(DISPUTE_BLOCKS);
        let first = stored.prove(&stored.asked());
        assert_ok!(answer(&stored, first.clone()));
        assert_ok!(dispute(STRANGER, &stored, Some(block)));
        pass(DISPUTE_BLOCKS);
        assert_eq!(answer(&stored, first), failure(Error::WrongProofs), "other blocks draw other bytes");
    });
}

#[test]
fn a_signed_wrong_answer_convicts_at_once() {
    run(|| {
        let (stored, block) = challenged();
        let finder = free(STRANGER);
        let convict = |answer| call(STRANGER, crate::Call::convict { contract: stored.id, block, answer });
        assert_eq!(convict(stored.answer(block)), failure(Error::RightAnswer));
        let mut forged = stored.wrong_answer(block);
        forged.proofs.last_mut().unwrap().chunk[0] ^= 2;
        assert_eq!(convict(forged), failure(Error::BadSignature), "nobody else signs for the miner");
        assert_ok!(convict(stored.wrong_answer(block)));
        assert_eq!(convictions(), [(stored.id, Cause::WrongAnswer)]);
        assert_eq!(free(STRANGER), finder + at_stake() / 10);
    });
}

#[test]
fn surrender_costs_half() {
    run(|| {
        let (stored, _) = challenged();
        assert_ok!(dispute(CLIENT, &stored, None));
        let (before, client) = (collateral(MINER), Balances::total_balance(&CLIENT));
        let surrender = |who| call(who, crate::Call::surrender { contract: stored.id });
        assert_eq!(surrender(STRANGER), failure(Error::NotMiner));
        assert_ok!(surrender(MINER));
        assert_eq!(collateral(MINER), before - at_stake().div_ceil(2));
        assert_eq!(convictions(), [(stored.id, Cause::Surrendered)]);
        assert_eq!((deposit(CLIENT), Balances::total_balance(&CLIENT)), (0, client), "the deposit is back");
        assert_eq!(surrender(MINER), failure(Error::NotActive));
    });
}

#[test]
fn a_seat_that_called_it_valid_shows_the_answer_or_is_fined() {
    run(|| {
        let (stored, block) = challenged();
        let answer = stored.answer(block);
        let window = (0..3).find(|window| block < stored.end_of(*window)).unwrap();
        let [honest, liar, accuser] = stored.seats(stored.end_of(window));
        assert_ok!(report(honest, &stored, window, &[Valid]));
        assert_ok!(dispute(accuser, &stored, Some(block)));
        assert_ok!(report(liar, &stored, window, &[Valid]));
        assert_ok!(report(accuser, &stored, window, &[Silent]));
        let mut accused = stored.dispute().unwrap().accused.into_inner();
        accused.sort_unstable();
        let mut expected = [honest, liar];
        expected.sort_unstable();
        assert_eq!(accused, expected, "before the dispute and after");

        let vouch = |who, answer| call(who, crate::Call::vouch { contract: stored.id, answer });
        assert_eq!(vouch(accuser, answer.clone()), failure(Error::NotAccused));
        assert_eq!(vouch(honest, stored.wrong_answer(block)), failure(Error::WrongProofs));
        assert_ok!(vouch(honest, answer.clone()));
        assert_eq!(vouch(honest, answer), failure(Error::NotAccused));
        pass(rules().return_within + crate::SLOT_BLOCKS + 1);
        assert_eq!(convictions().len(), 1);
        assert_eq!([bonded(honest), bonded(liar), bonded(accuser)], [BOND, BOND - LIE_FINE, BOND]);
    });
}

#[test]
fn nothing_is_settled_while_a_dispute_is_open() {
    run(|| {
        let (stored, _) = challenged();
        for window in 0..3 {
            stored.votes(window, [Valid; 3]);
        }
        assert_ok!(dispute(CLIENT, &stored, None));
        pass(6 * WINDOW);
        assert_eq!(settle(&stored), Err(pallet_lunarx_contracts::Error::<Test>::NothingDue.into()));
        let miner = free(MINER);
        pass(rules().return_within);
        assert_eq!(free(MINER), miner, "bribed seats do not pay a miner that is asked and silent");
    });
}

#[test]
fn a_contract_at_its_term_waits_for_its_dispute() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 2);
        pass(2 * WINDOW + 1);
        stored.votes(1, [Valid; 3]);
        assert_ok!(dispute(CLIENT, &stored, None));
        pass(10 * WINDOW);
        assert!(stored.is_live());
        assert_ok!(answer(&stored, stored.prove(&stored.asked())));
        assert_ok!(settle(&stored));
        assert!(!stored.is_live());
    });
}

#[test]
fn a_deposit_that_cannot_be_held_opens_nothing() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 2);
        assert_eq!(dispute(77, &stored, None), failure(Error::CannotHoldDeposit));
        assert_eq!(stored.dispute(), None);
    });
}

#[test]
fn a_challenge_whose_seed_would_be_forgotten_cannot_be_named() {
    run(|| {
        let (stored, block) = challenged();
        let slack = rules().seed_history - rules().return_within - 2 * WINDOW - crate::SLOT_BLOCKS;
        pass_to(block + slack);
        assert_eq!(dispute(STRANGER, &stored, Some(block)), failure(Error::ChallengeTooOld));
        let recent = stored.challenged_since(block + 1).expect("another came since");
        assert_ok!(dispute(STRANGER, &stored, Some(recent)));
        // To its last block it can be answered.
        pass_to(stored.dispute().unwrap().deadline);
        assert_ok!(answer(&stored, stored.prove(&stored.asked())));
    });
}

#[test]
fn a_dispute_for_which_nothing_was_drawn_convicts_nobody() {
    run(|| {
        let (stored, _) = challenged();
        let opener = free(STRANGER);
        assert_ok!(dispute(STRANGER, &stored, None));
        Draws::set(false);
        pass(rules().return_within + 2 * crate::SLOT_BLOCKS);
        assert_eq!((convictions(), stored.dispute()), (vec![], None));
        assert_eq!((free(STRANGER), deposit(STRANGER)), (opener, 0));
    });
}

#[test]
fn a_loss_before_its_time_fines_no_seat() {
    run(|| {
        let (stored, block) = challenged();
        let window = (0..3).find(|window| block < stored.end_of(*window)).unwrap();
        stored.votes(window, [Valid; 3]);
        // A miner that answered its trackers, and then burns them: dispute and surrender in one block.
        assert_ok!(dispute(MINER, &stored, Some(block)));
        assert_eq!(stored.dispute().unwrap().accused.len(), 3);
        assert_ok!(call(MINER, crate::Call::surrender { contract: stored.id }));
        assert!(TRACKERS.iter().all(|who| bonded(*who) == BOND));
    });
}

#[test]
fn a_contract_that_ends_in_the_block_of_the_challenge_can_be_answered() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 90);
        while stored.challenge(now()).is_none() {
            pass(1);
        }
        assert_ok!(dispute(CLIENT, &stored, Some(now())));
        let ids = vec![stored.id].try_into().unwrap();
        assert_ok!(call(CLIENT, pallet_lunarx_contracts::Call::end { ids }));
        pass(DISPUTE_BLOCKS);
        assert_eq!(stored.asked().len(), 48);
        assert_ok!(answer(&stored, stored.prove(&stored.asked())));
    });
}
