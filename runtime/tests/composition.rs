//! The pallets together, as the development presets start them.

mod common;

use codec::Encode;
use common::{account, chain, signed};
use frame_support::{
    assert_noop, assert_ok,
    dispatch::RawOrigin,
    traits::{Contains, Get, InstanceFilter},
};
use lunarx_core::{
    registration_payload, BatchRoot, ContractId, EncryptionKey, NodeKey, NodeSignature, Offer, Promise,
    ProviderDetails, Services, GIB,
};
use lunarx_runtime::{
    configs::{
        dynamic_params::providers::{ExitDelay, Parameters as Parameter},
        AnswerCost, CurrentWindow, ExistentialDeposit, OpenCalls, ProxyType, RoundBlocks, RuntimeParameters,
        TrackerPot, TransactionByteFee, Window,
    },
    genesis, tx_extension, AccountId, Audits, Babe, Balances, Contracts, Grandpa, Issuance, Parameters,
    Providers, Runtime, RuntimeCall, Session, Signature, System, TransactionPayment, UncheckedExtrinsic,
    DAYS, EPOCH_BLOCKS, LX,
};
use sp_core::{ed25519, Pair};
use sp_runtime::{
    generic::Era,
    traits::{Convert, Dispatchable, One},
    DispatchError, FixedU128,
};

#[test]
fn every_preset_issues_the_shares_of_genesis_and_nothing_else() {
    for preset in genesis::preset_names() {
        chain(preset.as_ref()).execute_with(|| {
            let supply = Issuance::supply();
            assert_eq!((supply.cap, supply.issued), (100_000_000 * LX, 45_000_000 * LX));
            assert_eq!(Balances::total_issuance(), supply.issued);
            let locked =
                |uri| pallet_balances::Locks::<Runtime>::get(account(uri)).iter().map(|l| l.amount).sum();
            let investors: u128 = locked("//Investors");
            assert_eq!(investors, 20_000_000 * LX);
            assert_eq!(locked("//Alice"), 0);
        });
    }
}

#[test]
fn session_keys_fill_the_consensus_at_genesis() {
    for (preset, authorities) in [(genesis::DEV, 1), (genesis::LOCAL, 3)] {
        chain(preset).execute_with(|| {
            assert_eq!(Session::validators().len(), authorities);
            assert_eq!(Babe::authorities().len(), authorities);
            assert_eq!(Grandpa::grandpa_authorities().len(), authorities);
        });
    }
}

#[test]
fn nobody_puts_a_lock_on_anothers_account() {
    chain(genesis::DEV).execute_with(|| {
        let schedule = pallet_vesting::VestingInfo::new(LX, 1, u32::MAX);
        let target = account("//Client").into();
        let grant = RuntimeCall::Vesting(pallet_vesting::Call::vested_transfer { target, schedule });
        let filtered = DispatchError::from(frame_system::Error::<Runtime>::CallFiltered);
        assert_eq!(grant.clone().dispatch(signed("//Alice")).unwrap_err().error, filtered);
        let batch = RuntimeCall::Utility(pallet_utility::Call::batch_all { calls: vec![grant.clone()] });
        assert_eq!(batch.dispatch(signed("//Alice")).unwrap_err().error, filtered);
        assert!(!OpenCalls::contains(&grant));
        assert!(OpenCalls::contains(&RuntimeCall::Vesting(pallet_vesting::Call::vest {})));
    });
}

#[test]
fn nobody_but_root_sets_balances() {
    chain(genesis::DEV).execute_with(|| {
        let call = pallet_balances::Call::force_set_balance { who: account("//Alice").into(), new_free: 1 };
        let refused = RuntimeCall::Balances(call).dispatch(signed("//Alice")).unwrap_err().error;
        assert_eq!(refused, DispatchError::BadOrigin);
    });
}

#[test]
fn a_miners_proxy_neither_moves_lx_nor_gives_up_its_seat() {
    let miner = |call: RuntimeCall| ProxyType::Miner.filter(&call);
    assert!(!miner(RuntimeCall::Session(pallet_session::Call::purge_keys {})));
    assert!(!miner(RuntimeCall::Providers(pallet_lunarx_providers::Call::top_up { amount: 1 })));
    assert!(miner(RuntimeCall::Providers(pallet_lunarx_providers::Call::stand {})));
    let to = account("//Alice").into();
    assert!(!miner(RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive { dest: to, value: 1 })));
    let ids = Default::default();
    assert!(miner(RuntimeCall::Contracts(pallet_lunarx_contracts::Call::accept { ids })));
}

const NODE: [u8; 32] = [7; 32];
const PRICE: u128 = LX / 1_000;

fn register(uri: &str) {
    let node = ed25519::Pair::from_seed(&NODE);
    let payload = registration_payload(&System::block_hash(0).0, &account(uri));
    let details = ProviderDetails {
        encryption_key: EncryptionKey([1; 32]),
        addresses: vec![b"/ip4/127.0.0.1/tcp/1".to_vec().try_into().unwrap()].try_into().unwrap(),
        region: b"eu-1".to_vec().try_into().unwrap(),
        services: Services::STORAGE,
        capacity: 10 * GIB,
        price: PRICE,
    };
    let signature = NodeSignature(node.sign(&payload).0);
    assert_ok!(Providers::register(signed(uri), NodeKey(node.public().0), signature, details));
}

fn promise(miner: &str, client: &str) -> Promise<AccountId> {
    let offer = Offer {
        miner: account(miner),
        client: account(client),
        max_bytes: GIB,
        max_windows: 24,
        price: PRICE,
        expires: 100,
        nonce: 1,
    };
    let signature = ed25519::Pair::from_seed(&NODE).sign(&offer.payload(&System::block_hash(0).0));
    Promise {
        offer,
        signature: NodeSignature(signature.0),
        root: BatchRoot([1; 32]),
        pieces: 1,
        bytes: GIB,
        windows: 24,
        commission: None,
    }
}

#[test]
fn space_and_money_follow_a_contract_from_open_to_end() {
    chain(genesis::DEV).execute_with(|| {
        register("//Miner1");
        let used = || Providers::info(account("//Miner1")).unwrap().used;
        let promise = promise("//Miner1", "//Client");
        let id = promise.offer.contract_id(&System::block_hash(0).0);
        assert_ok!(Contracts::open(signed("//Client"), vec![promise].try_into().unwrap()));
        assert_eq!(used(), GIB);
        assert_eq!(Balances::reserved_balance(account("//Client")), PRICE.div_ceil(24) * 24);
        assert_ok!(Contracts::accept(signed("//Miner1"), vec![id].try_into().unwrap()));
        System::set_block_number(1 + Window::get());
        assert_ok!(Contracts::end(signed("//Client"), vec![id].try_into().unwrap()));
        let fee = PRICE.div_ceil(24);
        assert_eq!(Balances::reserved_balance(account("//Client")), fee, "the window that was");
        // Nobody watched: it is not proven, and given back once that is final.
        System::set_block_number(1 + 4 * Window::get());
        assert_ok!(Contracts::settle(signed("//Alice"), vec![id].try_into().unwrap()));
        assert_eq!(used(), 0);
        assert_eq!(Balances::reserved_balance(account("//Client")), 0);
        assert_eq!(Balances::total_issuance(), 45_000_000 * LX);
    });
}

#[test]
fn one_clock_sets_every_time_of_the_audits() {
    let times = |preset| {
        chain(preset).execute_with(|| (Contracts::window(), RoundBlocks::get(), CurrentWindow::get()))
    };
    assert_eq!(times(genesis::DEV), (Window::get(), 6 * Window::get(), Window::get()));
    assert_eq!(times(genesis::LOCAL), (20, 120, 20));
}

#[test]
fn the_trackers_pot_can_take_less_than_an_existential_deposit() {
    chain(genesis::LOCAL).execute_with(|| {
        assert!(Balances::free_balance(TrackerPot::get()) >= ExistentialDeposit::get());
        assert_ok!(Audits::do_try_state());
    });
}

#[test]
fn an_answer_costs_what_its_transaction_would() {
    chain(genesis::DEV).execute_with(|| {
        let extension = tx_extension(70_000, Era::mortal(32, 1_000_000));
        let proofs = Default::default();
        let answer = pallet_lunarx_audits::Call::answer { contract: ContractId([1; 32]), opened: 9, proofs };
        let (miner, signature) = (account("//Miner1").into(), Signature::Sr25519([1; 64].into()));
        let extrinsic = UncheckedExtrinsic::new_signed(answer.into(), miner, signature, extension);
        let length = extrinsic.encoded_size() as u32;
        for multiplier in [FixedU128::from_rational(1, 10), FixedU128::one(), FixedU128::from_u32(7)] {
            pallet_transaction_payment::NextFeeMultiplier::<Runtime>::put(multiplier);
            let fee = TransactionPayment::query_info(extrinsic.clone(), length).partial_fee;
            let cost = AnswerCost::convert(1);
            assert!(fee >= cost && fee - cost <= 6 * TransactionByteFee::get(), "{cost} for a fee of {fee}");
            assert_eq!(AnswerCost::convert(80_001) - cost, 80_000 * TransactionByteFee::get());
        }
    });
}

#[test]
fn lx_under_vesting_does_not_go_into_escrow() {
    chain(genesis::DEV).execute_with(|| {
        register("//Miner1");
        let promises = vec![promise("//Miner1", "//Investors")].try_into().unwrap();
        let refused = pallet_lunarx_contracts::Error::<Runtime>::LockedBalance;
        assert_noop!(Contracts::open(signed("//Investors"), promises), refused);
    });
}

#[test]
fn no_parameter_lets_collateral_out_before_offences_are_punished() {
    chain(genesis::DEV).execute_with(|| {
        register("//Miner1");
        let none = RuntimeParameters::Providers(Parameter::ExitDelay(ExitDelay, Some(0)));
        assert_ok!(Parameters::set_parameter(RawOrigin::Root.into(), none));
        assert_ok!(Providers::announce_exit(signed("//Miner1")));
        let exit_at = Providers::info(account("//Miner1")).unwrap().exit_at.unwrap();
        type Memory = <Runtime as pallet_lunarx_providers::Config>::OffenceMemory;
        let punished = <Memory as Get<u32>>::get() * EPOCH_BLOCKS;
        assert!(exit_at >= 1 + punished + 2 * DAYS, "{exit_at}");
    });
}
