//! What contracts may take of a provider, and what is read of the register.

use crate::{mock::*, Providers as Register};
use frame_support::{assert_noop, assert_ok};
use lunarx_core::{AllocationError, ProviderRegistry, Terms, GIB, LX};

fn allocate(who: u64, bytes: u64) -> Result<(), AllocationError> {
    <Providers as ProviderRegistry<u64>>::allocate(&who, bytes)
}

fn release(who: u64, bytes: u64) {
    <Providers as ProviderRegistry<u64>>::release(&who, bytes)
}

fn used(who: u64) -> u64 {
    Register::<Test>::get(who).map_or(0, |provider| provider.used)
}

#[test]
fn used_is_allocated_less_released() {
    run(|| {
        register(MINER, 2);
        assert_ok!(allocate(MINER, GIB));
        assert_ok!(allocate(MINER, 10));
        release(MINER, GIB);
        assert_eq!(used(MINER), 10);
        release(MINER, 10);
        assert_eq!(used(MINER), 0);
        // Of an account that is not registered there is nothing to give back.
        release(OTHER, 10);
    });
}

#[test]
fn allocation_stops_at_capacity_even_if_more_is_covered() {
    run(|| {
        register(MINER, 2);
        assert_ok!(Providers::top_up(RuntimeOrigin::signed(MINER), 10 * LX));
        assert_noop!(allocate(MINER, 2 * GIB + 1), AllocationError::OverCapacity);
        assert_ok!(allocate(MINER, 2 * GIB));
        assert_noop!(allocate(MINER, 1), AllocationError::OverCapacity);
        assert_noop!(allocate(MINER, u64::MAX), AllocationError::OverCapacity);
    });
}

#[test]
fn allocation_stops_at_what_the_collateral_covers() {
    run(|| {
        register(MINER, 10);
        CollateralPerGib::set(2 * LX);
        assert_noop!(allocate(MINER, 5 * GIB + 1), AllocationError::OverCapacity);
        assert_ok!(allocate(MINER, 5 * GIB));
        assert_ok!(Providers::top_up(RuntimeOrigin::signed(MINER), 2 * LX));
        assert_ok!(allocate(MINER, GIB));
        assert_noop!(allocate(MINER, 1), AllocationError::OverCapacity);
    });
}

#[test]
fn a_rate_of_zero_leaves_capacity_as_the_only_limit() {
    run(|| {
        CollateralPerGib::set(0);
        register(POOR, 3);
        assert_eq!(held(POOR), 0);
        assert_noop!(allocate(POOR, 3 * GIB + 1), AllocationError::OverCapacity);
        assert_ok!(allocate(POOR, 3 * GIB));
    });
}

#[test]
fn a_rate_without_measure_covers_nothing_and_does_not_overflow() {
    run(|| {
        register(MINER, 3);
        CollateralPerGib::set(u128::MAX);
        assert_noop!(allocate(MINER, 1), AllocationError::OverCapacity);
    });
}

#[test]
fn allocation_is_refused_to_strangers_and_leavers() {
    run(|| {
        assert_noop!(allocate(MINER, 1), AllocationError::Unknown);
        register(MINER, 3);
        assert_ok!(Providers::announce_exit(RuntimeOrigin::signed(MINER)));
        assert_noop!(allocate(MINER, 1), AllocationError::Exiting);
    });
}

#[test]
fn terms_tell_key_price_and_exit() {
    run(|| {
        let terms = || <Providers as ProviderRegistry<u64>>::terms(&MINER);
        assert_eq!(terms(), None);
        register(MINER, 3);
        let expected = Terms { node_key: node_key(11), price: MIN_PRICE, accepting: true };
        assert_eq!(terms(), Some(expected));
        assert_ok!(Providers::announce_exit(RuntimeOrigin::signed(MINER)));
        assert_eq!(terms(), Some(Terms { accepting: false, ..expected }));
    });
}

#[test]
fn providers_are_found_by_account_and_by_node() {
    run(|| {
        register(MINER, 3);
        assert_eq!(Providers::by_node(node_key(11).node_id()), Providers::info(MINER));
        assert_eq!(Providers::by_node(node_key(12).node_id()), None);
        assert_eq!(Providers::info(OTHER), None);
    });
}

#[test]
fn pages_name_everybody_once() {
    run(|| {
        let all = [MINER, OTHER, STRANGER, 1, 2];
        all.into_iter().for_each(|who| register(who, 1));

        let mut seen = Vec::new();
        loop {
            let page = Providers::page(seen.last().copied(), 2);
            seen.extend(page.iter().map(|info| info.account));
            if page.len() < 2 {
                break;
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, [1, 2, MINER, OTHER, STRANGER]);
        assert_eq!(Providers::page(None, u32::MAX).len(), all.len());
        assert!(Providers::page(None, 0).is_empty());
    });
}
