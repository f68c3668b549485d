//! The state of a chain under the first runtime, under this one.
//!
//! `fixtures/first-runtime.state` was made by that runtime (`fixtures/first-runtime.rs`): five contracts, a miner that
//! leaves, an authority that was slashed, a parameter that root chose.

mod common;

use codec::Encode;
use common::{account, signed};
use frame_support::{
    assert_ok,
    migrations::{MultiStepMigrator, SteppedMigration},
    traits::{Get, GetStorageVersion, StorageVersion},
    weights::WeightMeter,
};
use lunarx_core::{BlockNumber, ContractInfo, ContractState};
use lunarx_runtime::{
    configs::{
        dynamic_params::providers::MinPrice, ExistentialDeposit, SlashDestination, TrackerPot,
        TreasuryAccount,
    },
    AccountId, Audits, Balances, Contracts, Executive, Header, Issuance, MultiBlockMigrations, Providers,
    Runtime, RuntimeCall, Session, System, Trackers, UncheckedExtrinsic, BLOCK_MILLIS, LX, VERSION,
};
use pallet_lunarx_contracts::WeightInfo as _;
use pallet_lunarx_providers::WeightInfo as _;
use sp_consensus_babe::{
    digests::{PreDigest, SecondaryVRFPreDigest},
    make_vrf_sign_data, AuthorityPair, Slot, BABE_ENGINE_ID,
};
use sp_core::{crypto::VrfSecret, Pair};
use sp_io::TestExternalities;
use sp_runtime::{traits::Header as _, Digest, DigestItem};
use std::sync::LazyLock;

const STATE: &str = include_str!("fixtures/first-runtime.state");
/// The last block of that state, and the windows of its contracts.
const LAST: BlockNumber = 4_201;
const WINDOW: BlockNumber = 1_200;
/// Fee of a window: a GiB at a thousandth of an LX a day.
const FEE: u128 = (LX / 1_000).div_ceil(24);

fn first_runtime() -> TestExternalities {
    let bytes = |text| sp_core::bytes::from_hex(text).expect("the file holds hex");
    let entries = STATE.lines().map(|line| line.split_once(' ').expect("a key and a value"));
    let top = entries.map(|(key, value)| (bytes(key), bytes(value))).collect();
    TestExternalities::new(sp_core::storage::Storage { top, ..Default::default() })
}

static ALICE: LazyLock<AuthorityPair> =
    LazyLock::new(|| AuthorityPair::from_string("//Alice", None).expect("it is well-formed"));

/// Makes the next block as an authority would.
fn make_block() {
    let number = System::block_number() + 1;
    let slot = Slot::from(u64::from(number) + 1_000_000);
    let epoch = pallet_babe::Pallet::<Runtime>::current_epoch();
    let signed = make_vrf_sign_data(&epoch.randomness, slot, epoch.epoch_index);
    let vrf_signature = ALICE.as_ref().vrf_sign(&signed);
    let author = PreDigest::SecondaryVRF(SecondaryVRFPreDigest { authority_index: 0, slot, vrf_signature });
    let digest = Digest { logs: vec![DigestItem::PreRuntime(BABE_ENGINE_ID, author.encode())] };
    let header = Header::new(number, Default::default(), Default::default(), System::parent_hash(), digest);
    Executive::initialize_block(&header);
    let set = pallet_timestamp::Call::set { now: *slot * BLOCK_MILLIS };
    assert_ok!(Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(RuntimeCall::Timestamp(set)))
        .expect("an inherent is taken"));
    Executive::finalize_block();
}

/// Makes blocks, and commits some of them at a time: a block's root is computed over all that is not committed.
fn make_blocks(chain: &mut TestExternalities, count: u32) {
    let mut left = count;
    while left > 0 {
        let some = left.min(20);
        chain.execute_with(|| (0..some).for_each(|_| make_block()));
        chain.commit_all().expect("the changes can be committed");
        left -= some;
    }
}

/// Makes blocks until the migrations are over. Returns how many.
fn upgrade() -> u32 {
    for blocks in 1..100 {
        make_block();
        if !MultiBlockMigrations::ongoing() {
            return blocks;
        }
    }
    panic!("the migrations do not end");
}

fn check_state() {
    assert_ok!(Providers::do_try_state());
    assert_ok!(Contracts::do_try_state());
    assert_ok!(Trackers::do_try_state());
    assert_ok!(Audits::do_try_state());
    assert_ok!(Issuance::do_try_state());
}

fn contracts() -> Vec<ContractInfo<AccountId>> {
    let mut all = Contracts::page(None, 100);
    all.sort_by_key(|contract| (contract.miner != account("//Miner1"), contract.windows));
    all
}

#[test]
fn the_state_of_the_first_runtime_becomes_this_ones() {
    let mut chain = first_runtime();
    let (running, pending, miners) = chain.execute_with(|| {
        assert_eq!(System::block_number(), LAST);
        let issued = Balances::total_issuance();
        let authorities = Session::validators();
        let miners = ["//Miner1", "//Miner2", "//Miner3"].map(|uri| Balances::free_balance(account(uri)));
        let collateral = ["//Miner1", "//Miner2", "//Miner3", "//Charlie"]
            .map(|uri| Balances::reserved_balance(account(uri)));
        assert!(collateral.iter().all(|held| *held > 0));

        assert_eq!(upgrade(), 1);
        check_state();
        assert_eq!(
            frame_system::LastRuntimeUpgrade::<Runtime>::get().unwrap().spec_version.0,
            VERSION.spec_version
        );

        // LX: nothing is lost, and nothing made but the deposits of the runtime's own accounts.
        let deposit = ExistentialDeposit::get();
        assert!(Balances::free_balance(SlashDestination::get()) > deposit, "Charlie's fine");
        for pot in [TrackerPot::get(), TreasuryAccount::get()] {
            assert_eq!(Balances::free_balance(pot), deposit);
        }
        assert_eq!(Balances::total_issuance(), issued + 2 * deposit);
        assert_eq!(Issuance::supply().issued, issued + 2 * deposit);

        // Contracts: windows that began are paid, the rest goes on.
        let [fresh, running, pending, exiting] = contracts().try_into().expect("one was over");
        assert_eq!((running.windows, running.paid, running.escrow), (4, 4 * FEE, 4 * FEE));
        assert_eq!(running.state, ContractState::Active { since: 1 + 4 * WINDOW, settled: 0 });
        assert_eq!((exiting.windows, exiting.paid), (20, 4 * FEE));
        assert_eq!((fresh.windows, fresh.paid, fresh.escrow), (1, FEE, FEE));
        assert_eq!(fresh.state, ContractState::Active { since: LAST + WINDOW, settled: 0 });
        assert!(matches!(pending.state, ContractState::Pending { .. }));
        for contract in contracts() {
            assert!(contract.word_pay > 0 && contract.window == WINDOW);
        }
        let paid = [4 * FEE, 3 * FEE, FEE];
        for ((uri, before), paid) in ["//Miner1", "//Miner2", "//Miner3"].into_iter().zip(miners).zip(paid) {
            assert_eq!(Balances::free_balance(account(uri)), before + paid, "{uri}");
        }

        // Miners, parameters, authorities.
        let after = ["//Miner1", "//Miner2", "//Miner3", "//Charlie"]
            .map(|uri| Balances::reserved_balance(account(uri)));
        assert_eq!(after, collateral);
        assert!(Providers::info(account("//Miner3")).unwrap().exit_at.is_some());
        assert_eq!(<MinPrice as Get<u128>>::get(), 7);
        assert_eq!(Session::validators(), authorities);
        assert_eq!(
            pallet_lunarx_providers::Bootstrap::<Runtime>::get().into_inner(),
            [account("//Alice"), account("//Bob")]
        );

        (running, pending, miners)
    });

    // It goes on: a contract is accepted, sessions rotate, rounds of audits begin.
    let session = chain.execute_with(|| {
        assert_ok!(Contracts::accept(signed("//Miner2"), vec![pending.id].try_into().unwrap()));
        Session::current_index()
    });
    make_blocks(&mut chain, 401);
    let client = chain.execute_with(|| {
        assert_eq!(Session::current_index(), session + 2);
        assert_eq!(
            pallet_lunarx_issuance::CurrentEra::<Runtime>::get(),
            0,
            "the first era began with the upgrade"
        );
        assert!(pallet_lunarx_trackers::CurrentRound::<Runtime>::get() > 0);
        check_state();
        Balances::reserved_balance(account("//Client"))
    });

    // Nobody audits here: no window is paid any more, and what is over is closed, its fees given back.
    make_blocks(&mut chain, 5 * WINDOW);
    chain.execute_with(|| {
        let left = contracts();
        assert_eq!(left.len(), 3, "the fresh one is over");
        let of = |id| left.iter().find(|contract| contract.id == id).expect("it is live");
        assert_eq!(of(running.id).paid, 4 * FEE);
        assert_eq!(Balances::free_balance(account("//Miner1")), miners[0] + 4 * FEE);
        assert_eq!(Balances::reserved_balance(account("//Client")), client - FEE);
        check_state();
    });
}

/// As if an older runtime had made the last block, and nobody knew which migrations have been.
fn upgrade_again() {
    let _ = pallet_migrations::Historic::<Runtime>::clear(u32::MAX, None);
    // With `try-runtime` the pallet also keeps what the first upgrade's checks noted.
    let noted = frame_support::storage::storage_prefix(b"MultiBlockMigrations", b"PreUpgradeBytes");
    let _ = frame_support::storage::unhashed::clear_prefix(&noted, None, None);
    frame_system::LastRuntimeUpgrade::<Runtime>::mutate(|last| last.as_mut().unwrap().spec_version.0 = 1);
    upgrade();
}

#[test]
fn a_later_upgrade_migrates_nothing_again() {
    first_runtime().execute_with(|| {
        upgrade();
        let (before, bootstrap) = (contracts(), pallet_lunarx_providers::Bootstrap::<Runtime>::get());
        pallet_lunarx_providers::Bootstrap::<Runtime>::kill();
        upgrade_again();
        assert_eq!(contracts(), before);
        assert!(pallet_lunarx_providers::Bootstrap::<Runtime>::get().is_empty());
        pallet_lunarx_providers::Bootstrap::<Runtime>::put(bootstrap);
        check_state();
    });
}

/// Stores the first version for a pallet whose format is the present one.
fn call_it_old() {
    StorageVersion::new(1).put::<Issuance>();
    StorageVersion::new(1).put::<Providers>();
    StorageVersion::new(1).put::<Contracts>();
}

#[test]
fn a_chain_that_began_later_is_left_alone() {
    first_runtime().execute_with(|| {
        upgrade();
        make_block();
        pallet_lunarx_providers::Providers::<Runtime>::mutate_extant(account("//Miner1"), |miner| {
            miner.power.byte_blocks = 7;
        });
        let start = pallet_lunarx_issuance::EraStart::<Runtime>::get();
        let before = contracts();
        for born_before_versions_rose in [false, true] {
            if born_before_versions_rose {
                call_it_old();
            }
            upgrade_again();
            assert_eq!(contracts(), before);
            let miner = pallet_lunarx_providers::Providers::<Runtime>::get(account("//Miner1")).unwrap();
            assert_eq!(miner.power.byte_blocks, 7);
            assert_eq!(pallet_lunarx_issuance::EraStart::<Runtime>::get(), start);
            assert_eq!(Contracts::on_chain_storage_version(), 2);
            check_state();
        }
    });
}

#[test]
fn a_chain_of_this_runtime_has_nothing_to_migrate() {
    common::chain(lunarx_runtime::genesis::LOCAL).execute_with(|| {
        let issued = Issuance::supply().issued;
        upgrade_again();
        assert_eq!((Issuance::supply().issued, contracts()), (issued, vec![]));
        check_state();
    });
}

/// A step a block, as if there were many entries: all of them stay in sight, and the cut is the upgrade's block for all.
#[test]
fn nothing_is_out_of_sight_while_it_is_migrated() {
    let mut whole = Vec::new();
    first_runtime().execute_with(|| {
        upgrade();
        whole = contracts();
    });
    first_runtime().execute_with(|| {
        let (mut miners, mut contracts_done) = (None, None);
        let steps = |weight| WeightMeter::with_limit(weight);
        System::set_block_number(LAST + 1);
        loop {
            type Miners = pallet_lunarx_providers::migrations::FromV1<Runtime>;
            let weight = <Runtime as pallet_lunarx_providers::Config>::WeightInfo::migrate_step();
            miners = Miners::step(miners, &mut steps(weight)).unwrap();
            assert_eq!(Providers::page(None, 100).len(), 4);
            assert_eq!(Contracts::page(None, 100).len(), 5);
            if miners.is_none() {
                break;
            }
        }
        let keys = pallet_lunarx_contracts::Contracts::<Runtime>::iter_keys;
        loop {
            type Migration = pallet_lunarx_contracts::migrations::FromV1<Runtime>;
            let weight = <Runtime as pallet_lunarx_contracts::Config>::WeightInfo::migrate_step();
            contracts_done = Migration::step(contracts_done, &mut steps(weight)).unwrap();
            assert_eq!(Contracts::page(None, 100).len(), keys().count());
            if contracts_done.is_none() {
                break;
            }
            System::set_block_number(System::block_number() + WINDOW);
        }
        assert_eq!(contracts(), whole);
    });
}

/// The migrations' own checks before and after, and those of every pallet of the runtime, polkadot-sdk's among them.
#[cfg(feature = "try-runtime")]
#[test]
fn the_checks_of_try_runtime_pass() {
    use frame_support::traits::{
        BeforeAllRuntimeMigrations, OnRuntimeUpgrade, TryDecodeEntireStorage, TryState, TryStateSelect,
    };
    use lunarx_runtime::{migrations, AllPalletsWithSystem};

    first_runtime().execute_with(|| {
        let now = System::block_number() + 1;
        System::set_block_number(now);
        AllPalletsWithSystem::before_all_runtime_migrations();
        migrations::SingleBlock::try_on_runtime_upgrade(true).unwrap();
        AllPalletsWithSystem::on_runtime_upgrade();
        // Runs the checks of each migration before its first and after its last step.
        let finish = || {
            assert!(MultiBlockMigrations::ongoing());
            MultiBlockMigrations::step();
            assert!(!MultiBlockMigrations::ongoing(), "the migrations are stuck, or do not end");
        };
        finish();
        // Every pallet finds its version now. This calls for the migrations again, which have been.
        AllPalletsWithSystem::try_on_runtime_upgrade(true).unwrap();
        finish();
        AllPalletsWithSystem::try_decode_entire_state().unwrap();
        AllPalletsWithSystem::try_state(now, TryStateSelect::All).unwrap();
    });
}
