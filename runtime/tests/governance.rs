//! Who decides what, as the development presets start the chain.

mod common;

use codec::Encode;
use common::{account, signed};
use frame_support::{
    assert_noop, assert_ok,
    dispatch::{GetDispatchInfo, RawOrigin},
    traits::{Bounded, Currency, Get, Hooks, StorePreimage},
    weights::Weight,
};
use lunarx_runtime::{
    configs::{
        dynamic_params::audits, funds, CouncilInstance, RuntimeParameters, TreasuryAccount,
        MAXIMUM_BLOCK_WEIGHT,
    },
    genesis, AccountId, Balances, ConvictionVoting, Council, OriginCaller, Parameters, Preimage, Referenda,
    Runtime, RuntimeCall, Scheduler, System, Treasury, Vesting, DAYS, LX,
};
use pallet_conviction_voting::{AccountVote, Conviction, Vote};
use sp_io::TestExternalities;
use sp_runtime::{
    traits::{Dispatchable, Hash},
    DispatchError, Permill,
};

/// The `local` preset: Alice, Bob and Charlie are the council.
fn chain() -> TestExternalities {
    common::chain(genesis::LOCAL)
}

/// Goes on to a block, with what the scheduler does on the way.
fn pass_to(block: u32) {
    while System::block_number() < block {
        let next = System::block_number() + 1;
        System::set_block_number(next);
        Scheduler::on_initialize(next);
    }
}

/// The council votes; the last word carries the motion out.
fn council(call: impl Into<RuntimeCall>, ayes: &[&str]) -> Result<(), DispatchError> {
    let call: RuntimeCall = call.into();
    let length = call.encoded_size() as u32;
    let hash = <Runtime as frame_system::Config>::Hashing::hash_of(&call);
    let number = pallet_collective::ProposalCount::<Runtime, CouncilInstance>::get();
    Council::propose(signed("//Alice"), 2, Box::new(call.clone()), length).map_err(|error| error.error)?;
    for who in ayes {
        Council::vote(signed(who), hash, number, true).map_err(|error| error.error)?;
    }
    let weight = call.get_dispatch_info().call_weight;
    Council::close(signed("//Dave"), hash, number, weight, length).map_err(|error| error.error)?;
    Ok(())
}

fn share(percent: u32) -> pallet_parameters::Call<Runtime> {
    let share = audits::Parameters::TrackerShare(audits::TrackerShare, Some(Permill::from_percent(percent)));
    pallet_parameters::Call::set_parameter { key_value: RuntimeParameters::Audits(share) }
}

#[test]
fn two_thirds_of_the_council_set_parameters_and_nobody_alone_does() {
    chain().execute_with(|| {
        let set = |percent| RuntimeCall::from(share(percent));
        assert_noop!(set(6).dispatch(signed("//Alice")), DispatchError::BadOrigin);
        assert!(council(share(6), &["//Alice"]).is_err(), "one of three is too early to close");
        assert_ok!(council(share(7), &["//Alice", "//Bob"]));
        assert_eq!(audits::TrackerShare::get(), Permill::from_percent(7));
        assert_noop!(
            Council::propose(signed("//Dave"), 2, Box::new(set(8)), 100),
            pallet_collective::Error::<Runtime, CouncilInstance>::NotMember
        );
        let _ = Parameters::set_parameter(RawOrigin::Root.into(), {
            let share = audits::Parameters::TrackerShare(audits::TrackerShare, None);
            RuntimeParameters::Audits(share)
        });
    });
}

#[test]
fn the_council_spends_from_the_treasury_up_to_its_limit() {
    chain().execute_with(|| {
        assert_ok!(Balances::transfer_keep_alive(
            signed("//Alice"),
            TreasuryAccount::get().into(),
            90_000 * LX
        ));
        let spend = |amount| pallet_treasury::Call::<Runtime>::spend {
            asset_kind: Box::new(()),
            amount,
            beneficiary: Box::new(account("//Dave")),
            valid_from: None,
        };
        let before = Balances::free_balance(account("//Dave"));
        assert_ok!(council(spend(50_001 * LX), &["//Alice", "//Bob"]));
        assert_noop!(Treasury::payout(signed("//Dave"), 0), pallet_treasury::Error::<Runtime>::InvalidIndex);
        assert_ok!(council(spend(50_000 * LX), &["//Alice", "//Bob"]));
        assert_ok!(Treasury::payout(signed("//Dave"), 0));
        assert_eq!(Balances::free_balance(account("//Dave")) - before, 50_000 * LX);
        assert_eq!(Balances::total_issuance(), 45_000_000 * LX);
    });
}

/// Submits a call to a referendum of root, has `ayes` vote, and waits for its end.
fn referendum(call: RuntimeCall, ayes: &[&str]) {
    let proposal = Preimage::bound(call).expect("it is kept");
    assert!(matches!(proposal, Bounded::Inline(_) | Bounded::Lookup { .. }));
    let number = pallet_referenda::ReferendumCount::<Runtime>::get();
    let origin = Box::new(OriginCaller::system(RawOrigin::Root));
    let after = frame_support::traits::schedule::DispatchTime::After(1);
    assert_ok!(Referenda::submit(signed("//Eve"), origin, proposal, after));
    assert_ok!(Referenda::place_decision_deposit(signed("//Eve"), number));
    for who in ayes {
        let free = Balances::free_balance(account(who));
        let vote = AccountVote::Standard {
            vote: Vote { aye: true, conviction: Conviction::Locked1x },
            balance: free - 10 * LX,
        };
        assert_ok!(ConvictionVoting::vote(signed(who), number, vote));
    }
    pass_to(System::block_number() + 20 * DAYS);
}

#[test]
fn holders_decide_by_referendum_on_what_nobody_else_may() {
    chain().execute_with(|| {
        // The first fund: nothing of it is anybody's, and a part has vested by then.
        let (fund, _) = funds()[0].clone();
        let amount = 1_000 * LX;
        let transfer =
            pallet_balances::Call::transfer_keep_alive { dest: account("//Dave").into(), value: amount };
        let from_fund = pallet_utility::Call::dispatch_as {
            as_origin: Box::new(OriginCaller::system(RawOrigin::Signed(fund.clone()))),
            call: Box::new(transfer.into()),
        };
        let call = RuntimeCall::from(from_fund);
        assert_noop!(call.clone().dispatch(signed("//Alice")), DispatchError::BadOrigin);
        let before = Balances::free_balance(account("//Dave"));
        referendum(call.clone(), &["//Alice", "//Bob"]);
        assert_eq!(Balances::free_balance(account("//Dave")), before, "too few hold with it");
        referendum(call.clone(), &["//Investors"]);
        assert_eq!(Balances::free_balance(account("//Dave")), before, "the lock was not lifted yet");
        assert_ok!(Vesting::vest_other(signed("//Eve"), fund.into()));
        referendum(call, &["//Investors"]);
        assert_eq!(Balances::free_balance(account("//Dave")) - before, amount);
    });
}

#[test]
fn the_funds_hold_the_core_teams_share_under_vesting() {
    chain().execute_with(|| {
        let locked = |who: &AccountId| -> u128 {
            pallet_balances::Locks::<Runtime>::get(who).iter().map(|lock| lock.amount).sum()
        };
        let mut all = 0;
        for (fund, _) in funds() {
            assert_eq!(locked(&fund), Balances::free_balance(&fund), "nothing is liquid at genesis");
            assert_eq!(Balances::usable_balance(&fund), 0);
            all += Balances::total_balance(&fund);
        }
        let parts: u128 = funds().iter().map(|(_, part)| part).sum();
        assert_eq!(parts, 100);
        let dev = 25_000_000 * LX - all;
        assert!(dev < 4_000_000 * LX, "development accounts have {dev}");
        for (fund, part) in funds() {
            assert!(Balances::total_balance(&fund).abs_diff(all / 100 * part) <= 100);
        }
    });
}

#[test]
fn the_scheduler_takes_half_of_a_block_at_most() {
    let most = <Runtime as pallet_scheduler::Config>::MaximumWeight::get();
    let block: Weight = MAXIMUM_BLOCK_WEIGHT;
    assert!(most.all_lte(block / 2));
}
