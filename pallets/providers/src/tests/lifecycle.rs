//! Each call: what it does, and every way in which it is refused.

use crate::{mock::*, Error, Event, NodeIds, Providers as Register};
use frame_support::{assert_noop, assert_ok};
use lunarx_core::{
    registration_payload, NodeSignature, ProviderDetails, ProviderRegistry, Services, GIB, LX,
};
use sp_core::Pair;
use sp_runtime::{BoundedVec, DispatchError};

fn signed(who: u64) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

fn try_register(who: u64, seed: u8, details: ProviderDetails) -> Result<(), DispatchError> {
    Providers::register(signed(who), node_key(seed), agreement(seed, who), details)
}

/// Every kind of details that must not be stored, and why.
fn bad_details() -> Vec<(ProviderDetails, Error<Test>)> {
    let edit = |change: fn(&mut ProviderDetails), error| {
        let mut bad = details(2);
        change(&mut bad);
        (bad, error)
    };
    fn with_address(bad: &mut ProviderDetails, text: &[u8]) {
        let address = text.to_vec().try_into().expect("it is short");
        bad.addresses.try_push(address).expect("two are few");
    }
    fn with_region(bad: &mut ProviderDetails, text: &[u8]) {
        bad.region = text.to_vec().try_into().expect("it is short");
    }
    vec![
        edit(|bad| bad.addresses = BoundedVec::new(), Error::NoAddress),
        edit(|bad| with_address(bad, b""), Error::BadAddress),
        edit(|bad| with_address(bad, b"/ip4/1.1.1.1\n"), Error::BadAddress),
        edit(|bad| with_address(bad, "/dns/zürich".as_bytes()), Error::BadAddress),
        edit(|bad| with_region(bad, b""), Error::BadRegion),
        edit(|bad| with_region(bad, b"EU"), Error::BadRegion),
        edit(|bad| with_region(bad, b"eu 1"), Error::BadRegion),
        edit(|bad| bad.services = Services(0), Error::BadServices),
        edit(|bad| bad.services = Services(0b1001), Error::BadServices),
        edit(|bad| bad.capacity = GIB - 1, Error::CapacityTooSmall),
        edit(|bad| bad.capacity = 0, Error::CapacityTooSmall),
        edit(|bad| bad.price = MIN_PRICE - 1, Error::PriceTooLow),
    ]
}

#[test]
fn register_holds_collateral_and_takes_the_node_id() {
    run(|| {
        assert_ok!(try_register(MINER, 1, details(10)));

        assert_eq!(held(MINER), 10 * LX);
        assert_eq!(Balances::free_balance(MINER), ENDOWMENT - 10 * LX);
        assert_eq!(NodeIds::<Test>::get(node_key(1).node_id()), Some(MINER));
        let info = Providers::info(MINER).expect("it is registered");
        assert_eq!((info.account, info.node_key, info.capacity), (MINER, node_key(1), 10 * GIB));
        assert_eq!((info.used, info.collateral, info.exit_at), (0, 10 * LX, None));
        System::assert_last_event(
            Event::Registered {
                account: MINER,
                node_id: node_key(1).node_id(),
                capacity: 10 * GIB,
                price: MIN_PRICE,
                collateral: 10 * LX,
            }
            .into(),
        );
    });
}

#[test]
fn register_rounds_the_collateral_up() {
    run(|| {
        let mut odd = details(1);
        odd.capacity += 1;
        assert_ok!(try_register(MINER, 1, odd));
        assert_eq!(held(MINER), LX + (LX / u128::from(GIB)) + 1);
    });
}

#[test]
fn register_is_for_signed_origins() {
    run(|| {
        let call = Providers::register(RuntimeOrigin::none(), node_key(1), agreement(1, MINER), details(1));
        assert_noop!(call, DispatchError::BadOrigin);
        assert_noop!(Providers::update(RuntimeOrigin::root(), details(1)), DispatchError::BadOrigin);
        assert_noop!(Providers::top_up(RuntimeOrigin::none(), 1), DispatchError::BadOrigin);
        assert_noop!(Providers::announce_exit(RuntimeOrigin::none()), DispatchError::BadOrigin);
        assert_noop!(Providers::withdraw(RuntimeOrigin::none()), DispatchError::BadOrigin);
    });
}

#[test]
fn register_refuses_a_second_time() {
    run(|| {
        register(MINER, 1);
        assert_noop!(try_register(MINER, 2, details(1)), Error::<Test>::AlreadyRegistered);
    });
}

#[test]
fn register_refuses_a_node_of_another_account() {
    run(|| {
        assert_ok!(try_register(MINER, 1, details(1)));
        assert_noop!(try_register(OTHER, 1, details(1)), Error::<Test>::NodeIdTaken);
    });
}

#[test]
fn register_refuses_a_node_that_did_not_agree() {
    run(|| {
        let attempt = |signature| Providers::register(signed(OTHER), node_key(1), signature, details(1));
        let error = || Error::<Test>::BadNodeSignature;
        // Meant for another account, as somebody who listens would have it.
        assert_noop!(attempt(agreement(1, MINER)), error());
        // By another node.
        assert_noop!(attempt(agreement(2, OTHER)), error());
        // For another chain.
        let elsewhere = node(1).sign(&registration_payload(&[0; 32], &OTHER));
        assert_noop!(attempt(NodeSignature(elsewhere.0)), error());
        assert_noop!(attempt(NodeSignature([0; 64])), error());
    });
}

#[test]
fn register_refuses_bad_details() {
    run(|| {
        for (bad, error) in bad_details() {
            assert_noop!(try_register(MINER, 1, bad), error);
        }
    });
}

#[test]
fn register_refuses_who_cannot_pay_the_collateral() {
    run(|| {
        assert_noop!(try_register(POOR, 1, details(1)), Error::<Test>::InsufficientBalance);
        let mut boundless = details(1);
        boundless.capacity = u64::MAX;
        assert_noop!(try_register(MINER, 1, boundless), Error::<Test>::InsufficientBalance);
    });
}

#[test]
fn update_raises_the_hold_and_never_lowers_it() {
    run(|| {
        register(MINER, 10);
        assert_ok!(Providers::update(signed(MINER), details(15)));
        assert_eq!(held(MINER), 15 * LX);

        let mut smaller = details(5);
        smaller.price = 2 * MIN_PRICE;
        assert_ok!(Providers::update(signed(MINER), smaller));
        assert_eq!(held(MINER), 15 * LX);
        let event =
            Event::Updated { account: MINER, capacity: 5 * GIB, price: 2 * MIN_PRICE, collateral: 15 * LX };
        System::assert_last_event(event.into());

        // What was held for 15 GiB is still there for them.
        assert_ok!(Providers::update(signed(MINER), details(12)));
        assert_eq!(held(MINER), 15 * LX);
    });
}

#[test]
fn update_at_the_same_capacity_asks_for_nothing_even_at_a_higher_rate() {
    run(|| {
        register(MINER, 10);
        CollateralPerGib::set(2 * LX);
        assert_ok!(Providers::update(signed(MINER), details(10)));
        assert_eq!(held(MINER), 10 * LX);
        // Growth is paid for as a whole.
        assert_ok!(Providers::update(signed(MINER), details(11)));
        assert_eq!(held(MINER), 22 * LX);
    });
}

#[test]
fn update_is_refused() {
    run(|| {
        assert_noop!(Providers::update(signed(MINER), details(1)), Error::<Test>::NotRegistered);
        register(MINER, 10);
        for (bad, error) in bad_details() {
            assert_noop!(Providers::update(signed(MINER), bad), error);
        }
        let error = Error::<Test>::InsufficientBalance;
        assert_noop!(Providers::update(signed(MINER), details(2_000)), error);

        assert_ok!(<Providers as ProviderRegistry<u64>>::allocate(&MINER, 5 * GIB));
        assert_ok!(Providers::update(signed(MINER), details(5)));
        let error = Error::<Test>::CapacityBelowUsed;
        assert_noop!(Providers::update(signed(MINER), details(4)), error);

        assert_ok!(Providers::announce_exit(signed(MINER)));
        assert_noop!(Providers::update(signed(MINER), details(10)), Error::<Test>::Exiting);
    });
}

#[test]
fn a_leaving_miner_may_move_and_keep_up_its_collateral() {
    run(|| {
        register(MINER, 10);
        assert_ok!(Providers::announce_exit(signed(MINER)));
        let moved = lunarx_core::ProviderDetails {
            addresses: vec![address("/ip4/127.0.0.2/tcp/4001")].try_into().unwrap(),
            ..details(10)
        };
        assert_ok!(Providers::update(signed(MINER), moved.clone()));
        assert_eq!(Providers::info(MINER).unwrap().addresses, moved.addresses);
        assert_ok!(Providers::top_up(signed(MINER), LX));
        assert_eq!(held(MINER), 11 * LX);
    });
}

#[test]
fn top_up_adds_to_the_hold() {
    run(|| {
        register(MINER, 10);
        assert_ok!(Providers::top_up(signed(MINER), 5 * LX));
        assert_eq!(held(MINER), 15 * LX);
        let event = Event::ToppedUp { account: MINER, amount: 5 * LX, collateral: 15 * LX };
        System::assert_last_event(event.into());
    });
}

#[test]
fn top_up_is_refused() {
    run(|| {
        assert_noop!(Providers::top_up(signed(MINER), LX), Error::<Test>::NotRegistered);
        register(MINER, 10);
        assert_noop!(Providers::top_up(signed(MINER), 0), Error::<Test>::ZeroAmount);
        assert_noop!(Providers::top_up(signed(MINER), ENDOWMENT), Error::<Test>::InsufficientBalance);
        assert_noop!(Providers::top_up(signed(MINER), u128::MAX), Error::<Test>::InsufficientBalance);
    });
}

#[test]
fn exit_gives_everything_back_after_the_delay() {
    run(|| {
        register(MINER, 10);
        System::set_block_number(7);
        assert_ok!(Providers::announce_exit(signed(MINER)));
        let exit_at = 7 + EXIT_DELAY;
        System::assert_last_event(Event::ExitAnnounced { account: MINER, exit_at }.into());
        assert_noop!(Providers::announce_exit(signed(MINER)), Error::<Test>::Exiting);

        System::set_block_number(u64::from(exit_at) - 1);
        assert_noop!(Providers::withdraw(signed(MINER)), Error::<Test>::ExitDelayNotOver);
        System::set_block_number(u64::from(exit_at));
        assert_ok!(Providers::withdraw(signed(MINER)));

        assert_eq!((held(MINER), Balances::free_balance(MINER)), (0, ENDOWMENT));
        let node_id = node_key(11).node_id();
        assert_eq!(NodeIds::<Test>::get(node_id), None);
        let event = Event::Withdrawn { account: MINER, node_id, collateral: 10 * LX };
        System::assert_last_event(event.into());
        // Account and node are free again.
        assert_ok!(try_register(OTHER, 11, details(1)));
        assert_ok!(try_register(MINER, 12, details(1)));
    });
}

#[test]
fn withdraw_is_refused_while_contracts_use_space() {
    run(|| {
        register(MINER, 10);
        assert_ok!(<Providers as ProviderRegistry<u64>>::allocate(&MINER, 1));
        assert_ok!(Providers::announce_exit(signed(MINER)));
        System::set_block_number(1 + u64::from(EXIT_DELAY));
        assert_noop!(Providers::withdraw(signed(MINER)), Error::<Test>::StillUsed);
        <Providers as ProviderRegistry<u64>>::release(&MINER, 1);
        assert_ok!(Providers::withdraw(signed(MINER)));
    });
}

#[test]
fn withdraw_is_refused_without_an_exit() {
    run(|| {
        assert_noop!(Providers::withdraw(signed(MINER)), Error::<Test>::NotRegistered);
        assert_noop!(Providers::announce_exit(signed(MINER)), Error::<Test>::NotRegistered);
        register(MINER, 10);
        assert_noop!(Providers::withdraw(signed(MINER)), Error::<Test>::NotExiting);
        assert!(Register::<Test>::contains_key(MINER));
    });
}

#[test]
fn held_collateral_cannot_be_spent() {
    run(|| {
        register(MINER, 10);
        let spend = |amount| Balances::transfer_allow_death(signed(MINER), STRANGER, amount);
        assert!(spend(ENDOWMENT - 10 * LX + 1).is_err());
        assert_ok!(spend(ENDOWMENT - 10 * LX - EXISTENTIAL_DEPOSIT));
    });
}

#[test]
fn codec_indices_of_calls_errors_and_events_are_pinned() {
    use codec::Encode;
    let call = crate::Call::<Test>::top_up { amount: 1 };
    assert_eq!(call.encode(), [2, 4]);
    assert_eq!(crate::Call::<Test>::announce_exit {}.encode(), [3]);
    assert_eq!(crate::Call::<Test>::withdraw {}.encode(), [4]);
    assert_eq!(Error::<Test>::ZeroAmount.encode(), [16]);
    assert_eq!(Event::<Test>::OffenceTooOld { session: 1 }.encode(), [9, 1, 0, 0, 0]);
}
