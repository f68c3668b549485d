//! `open`.

use crate::{mock::*, Contracts as Live, Error, Event};
use frame_support::assert_ok;
use lunarx_core::{Balance, ContractState, GIB, LX};
use sp_core::{ed25519, Pair};

fn refuses(deal: Deal, error: Error<Test>) {
    run(|| {
        assert_eq!(open(CLIENT, &[deal.promise()]), failure(error));
        assert_eq!(held(CLIENT), 0);
    });
}

/// The deal is made in an environment of its own, at block 1 like the test's.
fn deal(change: impl FnOnce(&mut Deal)) -> Deal {
    new_test_ext().execute_with(|| Deal::with(change))
}

#[test]
fn holds_the_whole_fee_and_takes_the_capacity() {
    run(|| {
        let deal = Deal::default();
        let id = deal.open();
        let fee = 3 * WINDOW_FEE;
        assert_eq!((held(CLIENT), free(CLIENT)), (fee, ENDOWMENT - fee));
        assert_eq!(free(MINER), ENDOWMENT);
        assert_eq!(Register::used(MINER), GIB);
        let contract = Live::<Test>::get(id).expect("open");
        assert_eq!(contract.state, ContractState::Pending { accept_by: 1 + ACCEPT_WITHIN });
        assert_eq!((contract.window_fee, contract.escrow, contract.paid), (WINDOW_FEE, fee, 0));
        assert_eq!(
            events(),
            [Event::Opened { id, client: CLIENT, miner: MINER, bytes: GIB, windows: 3, fee }]
        );
    });
}

#[test]
fn opens_a_full_batch_with_several_miners() {
    run(|| {
        let deals: Vec<_> = (0..u64::from(MAX_PROMISES))
            .map(|n| {
                Deal::with(|deal| {
                    deal.offer.nonce = n;
                    deal.offer.miner = if n % 2 == 0 { MINER } else { OTHER_MINER };
                })
            })
            .collect();
        let promises: Vec<_> = deals.iter().map(Deal::promise).collect();
        assert_ok!(open(CLIENT, &promises));
        assert_eq!(held(CLIENT), Balance::from(MAX_PROMISES) * 3 * WINDOW_FEE);
        assert_eq!((Register::used(MINER), Register::used(OTHER_MINER)), (3 * GIB, 2 * GIB));
    });
}

#[test]
fn one_bad_promise_undoes_the_batch() {
    run(|| {
        let good = Deal::number(1).promise();
        let bad = Deal::with(|deal| deal.bytes = 0).promise();
        assert_eq!(open(CLIENT, &[good, bad]), failure(Error::BadSize));
        assert_eq!((held(CLIENT), Register::used(MINER)), (0, 0));
        assert_eq!(Live::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_free_service_holds_nothing() {
    run(|| {
        Register::change(MINER, |entry| entry.price = 0);
        let id = Deal::with(|deal| deal.offer.price = 0).open_and_accept();
        assert_eq!(held(CLIENT), 0);
        pass_busy(FINAL + 3 * WINDOW);
        assert_ok!(settle(STRANGER, &[id]));
        assert_eq!(free(MINER), ENDOWMENT);
    });
}

#[test]
fn opens_in_the_offers_last_block() {
    run(|| {
        let deal = Deal::default();
        pass_busy(MAX_OFFER_LIFE);
        deal.open();
    });
}

#[test]
fn refuses_an_empty_batch() {
    run(|| assert_eq!(open(CLIENT, &[]), failure(Error::EmptyBatch)));
}

#[test]
fn refuses_an_expired_offer() {
    run(|| {
        let promise = Deal::default().promise();
        pass_busy(MAX_OFFER_LIFE + 1);
        assert_eq!(open(CLIENT, &[promise]), failure(Error::OfferExpired));
    });
}

#[test]
fn refuses_an_offer_that_lives_too_long() {
    refuses(deal(|deal| deal.offer.expires += 1), Error::OfferLivesTooLong);
    refuses(deal(|deal| deal.offer.expires = u32::MAX), Error::OfferLivesTooLong);
}

#[test]
fn refuses_another_clients_offer() {
    refuses(deal(|deal| deal.offer.client = OTHER_CLIENT), Error::NotYourOffer);
}

#[test]
fn refuses_to_deal_with_oneself() {
    run(|| {
        let promise = Deal::with(|deal| deal.offer.client = MINER).promise();
        assert_eq!(open(MINER, &[promise]), failure(Error::SelfDealing));
    });
}

#[test]
fn refuses_an_unregistered_miner() {
    refuses(deal(|deal| deal.offer.miner = STRANGER), Error::UnknownMiner);
}

#[test]
fn refuses_a_leaving_miner() {
    run(|| {
        Register::change(MINER, |entry| entry.accepting = false);
        assert_eq!(open(CLIENT, &[Deal::default().promise()]), failure(Error::MinerNotAccepting));
    });
}

#[test]
fn refuses_an_offer_signed_by_another_node() {
    run(|| {
        let promise = Deal::default().promise_by(&node(OTHER_MINER));
        assert_eq!(open(CLIENT, &[promise]), failure(Error::BadOfferSignature));
    });
}

#[test]
fn refuses_an_offer_changed_after_signing() {
    run(|| {
        let mut promise = Deal::with(|deal| deal.offer.price = 2 * PRICE).promise();
        promise.offer.price = PRICE;
        assert_eq!(open(CLIENT, &[promise]), failure(Error::BadOfferSignature));
    });
}

#[test]
fn refuses_an_offer_signed_for_another_chain() {
    run(|| {
        let deal = Deal::default();
        let mut promise = deal.promise();
        promise.signature.0 = node(MINER).sign(&deal.offer.payload(&[1; 32])).0;
        assert_eq!(open(CLIENT, &[promise]), failure(Error::BadOfferSignature));
    });
}

#[test]
fn refuses_a_signature_over_other_words() {
    run(|| {
        let mut promise = Deal::default().promise();
        let other: ed25519::Signature = node(MINER).sign(b"lunarx/provider/v1");
        promise.signature.0 = other.0;
        assert_eq!(open(CLIENT, &[promise]), failure(Error::BadOfferSignature));
    });
}

#[test]
fn refuses_an_under_priced_offer() {
    refuses(deal(|deal| deal.offer.price = PRICE - 1), Error::UnderPriced);
}

#[test]
fn refuses_sizes_outside_the_offer() {
    refuses(deal(|deal| deal.bytes = 0), Error::BadSize);
    refuses(deal(|deal| deal.bytes = GIB + 1), Error::BadSize);
}

#[test]
fn refuses_terms_outside_offer_and_chain() {
    refuses(deal(|deal| deal.windows = 0), Error::BadTerm);
    refuses(deal(|deal| deal.windows = 11), Error::BadTerm);
    refuses(
        deal(|deal| {
            deal.offer.max_windows = u32::MAX;
            deal.windows = MAX_WINDOWS + 1;
        }),
        Error::BadTerm,
    );
}

#[test]
fn refuses_a_promise_of_no_pieces() {
    refuses(deal(|deal| deal.pieces = 0), Error::NoPieces);
}

#[test]
fn refuses_the_same_offer_twice() {
    run(|| {
        let deal = Deal::default();
        deal.open();
        assert_eq!(open(CLIENT, &[deal.promise()]), failure(Error::AlreadyOpen));
        let new = Deal::number(1).promise();
        assert_eq!(open(CLIENT, &[new.clone(), new]), failure(Error::AlreadyOpen));
        assert_eq!(held(CLIENT), 3 * WINDOW_FEE);
    });
}

#[test]
fn refuses_more_than_the_miners_capacity() {
    run(|| {
        let deal = Deal::with(|deal| {
            deal.offer.max_bytes = u64::MAX;
            deal.bytes = CAPACITY + 1;
        });
        assert_eq!(open(CLIENT, &[deal.promise()]), failure(Error::OverCapacity));

        let half = |nonce| {
            Deal::with(|deal| {
                deal.offer.nonce = nonce;
                deal.offer.max_bytes = u64::MAX;
                deal.bytes = CAPACITY / 2 + 1;
            })
        };
        assert_eq!(open(CLIENT, &[half(1).promise(), half(2).promise()]), failure(Error::OverCapacity));
        half(1).open();
    });
}

#[test]
fn refuses_a_fee_that_overflows() {
    refuses(deal(|deal| deal.offer.price = Balance::MAX), Error::FeeOverflow);
    refuses(deal(|deal| deal.offer.price = Balance::MAX / Balance::from(GIB * 10)), Error::CannotHoldFee);
}

#[test]
fn refuses_a_client_that_cannot_pay() {
    run(|| {
        let deal = Deal::with(|deal| deal.offer.price = ENDOWMENT * 7);
        assert_eq!(open(CLIENT, &[deal.promise()]), failure(Error::CannotHoldFee));
        // One window's fee is the whole balance, which must leave the existential deposit.
        let whole = Deal::with(|deal| (deal.offer.price, deal.windows) = (ENDOWMENT * 7, 1));
        assert_eq!(open(CLIENT, &[whole.promise()]), failure(Error::CannotHoldFee));
        let poor = Deal::with(|deal| deal.offer.client = STRANGER);
        assert_eq!(open(STRANGER, &[poor.promise()]), failure(Error::CannotHoldFee));
    });
}

#[test]
fn holds_all_but_the_existential_deposit() {
    run(|| {
        let spendable = ENDOWMENT - EXISTENTIAL_DEPOSIT;
        let deal = Deal::with(|deal| (deal.offer.price, deal.windows) = (spendable * 7, 1));
        let id = deal.open_and_accept();
        assert_eq!((held(CLIENT), free(CLIENT)), (spendable, EXISTENTIAL_DEPOSIT));
        pass_busy(FINAL + WINDOW);
        assert_ok!(settle(STRANGER, &[id]));
        assert_eq!(free(MINER), ENDOWMENT + spendable);
    });
}

#[test]
fn refuses_to_escrow_from_a_locked_account() {
    use frame_support::traits::{LockableCurrency, WithdrawReasons};
    run(|| {
        Balances::set_lock(*b"vesting ", &CLIENT, LX, WithdrawReasons::all());
        assert_eq!(open(CLIENT, &[Deal::default().promise()]), failure(Error::LockedBalance));
        Balances::remove_lock(*b"vesting ", &CLIENT);
        Deal::default().open();
    });
}

#[test]
fn an_offer_can_be_opened_again_once_closed() {
    run(|| {
        let deal = Deal::default();
        let id = deal.open();
        assert_ok!(end(CLIENT, &[id]));
        assert_eq!(deal.open(), id);
    });
}

#[test]
fn refuses_a_commission_above_the_limit() {
    let commission = |share| Some(lunarx_core::Commission { supplier: SUPPLIER, share });
    refuses(deal(|deal| deal.commission = commission(300_001)), Error::BadCommission);
    run(|| {
        Deal::with(|deal| deal.commission = commission(300_000)).open();
    });
}

#[test]
fn genesis_may_set_the_window() {
    run(|| {
        crate::WindowBlocks::<Test>::put(7);
        let id = Deal::default().open_and_accept();
        let contract = Live::<Test>::get(id).expect("live");
        assert_eq!((contract.window, contract.due), (7, 1 + 3 * 7 + 3 * 7));
    });
}
