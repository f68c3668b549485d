//! The shares at genesis, the cap, and what `try_state` catches.

mod eras;
mod gaming;
mod long_run;

use crate::{mock::*, Allocation, Error, Event, GenesisConfig, Issued, Share};
use frame_support::{
    assert_noop, assert_ok, assert_storage_noop,
    traits::{Currency, Hooks, VestingSchedule},
};
use lunarx_core::{Supply, CAP, INVESTOR_SHARE, LX, REWARD_SHARE, TEAM_SHARE};
use sp_runtime::{DispatchError, TokenError};

const AT_GENESIS: u128 = TEAM_SHARE + INVESTOR_SHARE;

fn transfer(from: u64, amount: u128) -> Result<(), DispatchError> {
    Balances::transfer_allow_death(RuntimeOrigin::signed(from), MINER, amount)
}

#[test]
fn genesis_issues_exactly_the_two_shares() {
    with_genesis(shares(), || {
        let expected =
            Supply { cap: CAP, issued: AT_GENESIS, unminted: REWARD_SHARE, circulating: AT_GENESIS };
        assert_eq!(Issuance::supply(), expected);
        assert_eq!(Balances::free_balance(FOUNDER), TEAM_SHARE - 1_000 * LX);
        assert_eq!(Balances::free_balance(INVESTOR), INVESTOR_SHARE);
    });
}

#[test]
fn only_the_liquid_part_can_be_spent_before_vesting() {
    with_genesis(shares(), || {
        assert_noop!(transfer(FOUNDER, LX), TokenError::Frozen);
        assert_noop!(transfer(ENGINEER, 400 * LX + 1), TokenError::Frozen);
        assert_ok!(transfer(ENGINEER, 400 * LX));
    });
}

#[test]
fn the_rest_vests_evenly_and_within_its_term() {
    with_genesis(shares(), || {
        assert_eq!(Vesting::vesting_balance(&ENGINEER), Some(600 * LX));
        System::set_block_number(10 + u64::from(VESTING_BLOCKS) / 2);
        assert_eq!(Vesting::vesting_balance(&ENGINEER), Some(300 * LX));
        System::set_block_number(10 + u64::from(VESTING_BLOCKS));
        assert_eq!(Vesting::vesting_balance(&FOUNDER), Some(0));
        assert_ok!(Vesting::vest(RuntimeOrigin::signed(FOUNDER)));
        assert_ok!(transfer(FOUNDER, TEAM_SHARE - 1_000 * LX));
    });
}

#[test]
fn one_account_can_have_a_piece_of_both_shares() {
    let allocations = vec![
        allocation(FOUNDER, Share::Team, TEAM_SHARE, 0),
        allocation(FOUNDER, Share::Investor, INVESTOR_SHARE, 0),
    ];
    with_genesis(allocations, || {
        assert_eq!(Vesting::vesting_balance(&FOUNDER), Some(AT_GENESIS));
        assert_noop!(transfer(FOUNDER, LX), TokenError::Frozen);
    });
}

#[test]
fn a_liquid_allocation_needs_no_vesting() {
    let mut allocations = shares();
    allocations[1].liquid = allocations[1].amount;
    allocations[1].vesting_blocks = 0;
    with_genesis(allocations, || {
        assert_eq!(Vesting::vesting_balance(&ENGINEER), None);
        assert_ok!(transfer(ENGINEER, 1_000 * LX));
    });
}

#[test]
fn no_allocations_issue_nothing() {
    with_genesis(vec![], || {
        let expected = Supply { cap: CAP, issued: 0, unminted: CAP, circulating: 0 };
        assert_eq!(Issuance::supply(), expected);
    });
}

#[test]
#[should_panic = "allocations of the Team share must sum up to it"]
fn refuses_a_share_that_is_too_large() {
    let mut allocations = shares();
    allocations[0].amount += 1;
    with_genesis(allocations, || {});
}

#[test]
#[should_panic = "allocations of the Investor share must sum up to it"]
fn refuses_a_share_that_is_missing() {
    with_genesis(vec![allocation(FOUNDER, Share::Team, TEAM_SHARE, 0)], || {});
}

#[test]
#[should_panic = "allocations of the Team share must sum up to it"]
fn refuses_sums_that_overflow() {
    let mut allocations = shares();
    allocations.push(allocation(MINER, Share::Team, u128::MAX, 0));
    with_genesis(allocations, || {});
}

#[test]
#[should_panic = "liquid part is at most its amount"]
fn refuses_more_liquid_than_allocated() {
    let mut allocations = shares();
    allocations[1].liquid = allocations[1].amount + 1;
    with_genesis(allocations, || {});
}

#[test]
#[should_panic = "a locked rest has vesting blocks"]
fn refuses_a_locked_rest_without_a_term() {
    let mut allocations = shares();
    allocations[1].vesting_blocks = 0;
    with_genesis(allocations, || {});
}

#[test]
fn genesis_survives_json_with_amounts_past_64_bits() {
    let genesis = GenesisConfig::<Test> { allocations: shares(), era_blocks: None };
    let text = serde_json::to_string(&genesis).expect("genesis has a text");
    assert!(text.contains(r#""share":"team","amount":24999000000000000000"#), "{text}");
    let read: GenesisConfig<Test> = serde_json::from_str(&text).expect("the text is genesis");
    assert_eq!(read.allocations, shares());
    assert!(serde_json::from_str::<Allocation<u64>>(r#"{"whom":1}"#).is_err());
}

#[test]
fn minting_counts_and_tells() {
    with_genesis(shares(), || {
        assert_ok!(Issuance::mint_reward(&MINER, 5 * LX));
        assert_eq!(Balances::free_balance(MINER), 5 * LX);
        assert_eq!(Issued::<Test>::get(), AT_GENESIS + 5 * LX);
        let event = Event::Minted { who: MINER, amount: 5 * LX, issued: AT_GENESIS + 5 * LX };
        System::assert_last_event(event.into());
    });
}

#[test]
fn minting_reaches_the_cap_and_never_passes_it() {
    with_genesis(shares(), || {
        assert_noop!(Issuance::mint_reward(&MINER, REWARD_SHARE + 1), Error::<Test>::CapReached);
        assert_noop!(Issuance::mint_reward(&MINER, u128::MAX), Error::<Test>::CapReached);
        assert_ok!(Issuance::mint_reward(&MINER, REWARD_SHARE));
        assert_noop!(Issuance::mint_reward(&MINER, 1), Error::<Test>::CapReached);
        assert_eq!(Issuance::supply().unminted, 0);
        assert_eq!(Balances::total_issuance(), CAP);
    });
}

#[test]
fn burning_gives_no_room_to_mint() {
    with_genesis(shares(), || {
        assert_ok!(Issuance::mint_reward(&MINER, REWARD_SHARE));
        assert_ok!(Balances::burn(RuntimeOrigin::signed(MINER), LX, false));
        assert_eq!(Issuance::supply().circulating, CAP - LX);
        assert_noop!(Issuance::mint_reward(&MINER, 1), Error::<Test>::CapReached);
    });
}

#[test]
fn a_mint_that_the_account_cannot_take_is_not_counted() {
    with_genesis(shares(), || {
        assert_noop!(Issuance::mint_reward(&MINER, EXISTENTIAL_DEPOSIT - 1), TokenError::BelowMinimum);
        assert_eq!(Issued::<Test>::get(), AT_GENESIS);
    });
}

#[test]
fn try_state_finds_lx_that_was_never_issued() {
    with_genesis(shares(), || {
        let minted = Balances::issue(LX);
        assert_eq!(Issuance::do_try_state(), Err(DispatchError::Other("more circulates than was issued")));
        drop(minted);
    });
}

#[test]
fn try_state_finds_an_overrun_cap() {
    with_genesis(shares(), || {
        Issued::<Test>::put(CAP + 1);
        assert_eq!(Issuance::do_try_state(), Err(DispatchError::Other("more is issued than the cap allows")));
        Issued::<Test>::put(AT_GENESIS);
    });
}

#[test]
fn integrity_holds() {
    with_genesis(shares(), || {
        assert_storage_noop!(Issuance::integrity_test());
    });
}
