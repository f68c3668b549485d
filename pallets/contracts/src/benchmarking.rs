//! Benchmarks of the calls, at their worst, and of the steps of `on_idle`.
//!
//! Every contract of a batch is with another miner where that is possible, so that each costs the
//! accesses to an account of its own.

use crate::{
    migrations::{v1, FromV1},
    schedule::slot_of,
    Call, Config, Contract, ContractIds, Contracts, HoldReason, NextSlot, Pallet, Promises, Schedule,
};
use alloc::vec::Vec;
use frame_benchmarking::v2::*;
use frame_support::{
    assert_ok,
    traits::{
        fungible::{InspectHold, Mutate},
        Get, Hooks,
    },
    weights::Weight,
};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use lunarx_core::{
    AuditRules, Balance, BatchRoot, BlockNumber, Commission, ContractId, ContractState, NodeKey,
    NodeSignature, Offer, Promise, ProviderRegistry, ServiceVerdicts, Watched, GIB, LX,
};
use sp_core::{crypto::KeyTypeId, ed25519};

/// The miners' node keys in the benchmark's keystore.
const NODE_KEYS: KeyTypeId = KeyTypeId(*b"lxbm");
/// Term of the contracts.
const WINDOWS: u32 = 3;
/// LX-units per GiB and day.
const PRICE: Balance = LX;
/// What the client begins with: more than the fees of the largest batch.
const ENDOWMENT: Balance = 10_000 * LX;

fn set_block<T: Config>(number: BlockNumber) {
    frame_system::Pallet::<T>::set_block_number(number.into());
}

fn client<T: Config>() -> T::AccountId {
    let client = account("client", 0, 0);
    T::Currency::set_balance(&client, ENDOWMENT);
    client
}

fn miner<T: Config>(index: u32) -> T::AccountId {
    account("miner", index, 0)
}

/// `n` promises of a GiB each, in turn by `miners` miners, which are registered here.
fn promises<T: Config>(client: &T::AccountId, n: u32, miners: u32) -> Promises<T> {
    let register = |index| {
        let node = sp_io::crypto::ed25519_generate(NODE_KEYS, None);
        let capacity = GIB.saturating_mul(u64::from(n.div_ceil(miners)));
        T::Providers::benchmark_register(&miner::<T>(index), NodeKey(node.0), capacity, PRICE);
        node
    };
    let nodes: Vec<_> = (0..miners).map(register).collect();
    let turns = (0..n).zip(nodes.iter().zip(0..).cycle());
    let promises: Vec<_> =
        turns.map(|(nonce, (node, index))| promise::<T>(client, node, index, nonce)).collect();
    promises.try_into().expect("within the limit")
}

fn promise<T: Config>(
    client: &T::AccountId,
    node: &ed25519::Public,
    index: u32,
    nonce: u32,
) -> Promise<T::AccountId> {
    let offer = Offer {
        miner: miner::<T>(index),
        client: client.clone(),
        max_bytes: GIB,
        max_windows: WINDOWS,
        price: PRICE,
        expires: Pallet::<T>::now().saturating_add(1),
        nonce: nonce.into(),
    };
    let payload = offer.payload(&Pallet::<T>::genesis());
    let signature =
        sp_io::crypto::ed25519_sign(NODE_KEYS, node, &payload).expect("the key is in the keystore");
    Promise {
        offer,
        signature: NodeSignature(signature.0),
        root: BatchRoot([7; 32]),
        pieces: 1,
        bytes: GIB,
        windows: WINDOWS,
        commission: Some(Commission {
            supplier: account("supplier", index, 0),
            share: T::MaxCommission::get().deconstruct(),
        }),
    }
}

/// Records an active contract that nobody opened.
pub(crate) fn insert_active<T: Config>(id: &ContractId, watched: Watched<T::AccountId>) {
    let Watched { client, miner, root, pieces, bytes, since, window, windows, word_pay, ended } = watched;
    T::Currency::set_balance(&client, ENDOWMENT);
    let window_fee = word_pay.saturating_mul(100);
    let fee = window_fee.saturating_mul(windows.into());
    assert_ok!(Pallet::<T>::hold_fee(&client, fee));
    assert_ok!(T::Providers::allocate(&miner, bytes));
    let due = since.saturating_add(windows.saturating_add(3).saturating_mul(window));
    let state = ContractState::Active { since, settled: 0 };
    let contract = Contract {
        client,
        miner,
        root,
        pieces,
        bytes,
        windows,
        window,
        window_fee,
        last_fee: window_fee,
        word_pay,
        ended,
        due,
        escrow: fee,
        paid: 0,
        commission: None,
        state,
    };
    Pallet::<T>::record(id, &contract);
}

/// `n` pending contracts of one client with `miners` miners.
fn pending<T: Config>(n: u32, miners: u32) -> (T::AccountId, ContractIds<T>) {
    set_block::<T>(1);
    let client = client::<T>();
    let promises = promises::<T>(&client, n, miners);
    let genesis = Pallet::<T>::genesis();
    let ids: Vec<ContractId> = promises.iter().map(|promise| promise.offer.contract_id(&genesis)).collect();
    assert_ok!(Pallet::<T>::do_open(client.clone(), promises));
    (client, ids.try_into().expect("within the limit"))
}

/// `n` active contracts of one client with as many miners, accepted in block 1.
fn active<T: Config>(n: u32) -> (T::AccountId, ContractIds<T>) {
    let (client, ids) = pending::<T>(n, n);
    for (id, index) in ids.iter().zip(0..) {
        assert_ok!(Pallet::<T>::do_accept(miner::<T>(index), one::<T>(*id)));
    }
    (client, ids)
}

fn one<T: Config>(id: ContractId) -> ContractIds<T> {
    alloc::vec![id].try_into().expect("`MaxPromises` is not zero")
}

/// Blocks after which the outcome of a term's windows is final.
fn settled_after<T: Config>() -> BlockNumber {
    term::<T>().saturating_add(AuditRules::of_window(Pallet::<T>::window()).final_after)
}

fn term<T: Config>() -> BlockNumber {
    WINDOWS.saturating_mul(Pallet::<T>::window())
}

fn held<T: Config>(who: &T::AccountId) -> Balance {
    T::Currency::balance_on_hold(&HoldReason::Escrow.into(), who)
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn open(n: Linear<1, { T::MaxPromises::get() }>) -> Result<(), BenchmarkError> {
        set_block::<T>(1);
        let client = client::<T>();
        let promises = promises::<T>(&client, n, n);
        #[extrinsic_call]
        _(RawOrigin::Signed(client.clone()), promises);
        assert!(held::<T>(&client) > 0);
        Ok(())
    }

    /// All contracts are the caller's: only one miner can accept them.
    #[benchmark]
    fn accept(n: Linear<1, { T::MaxPromises::get() }>) -> Result<(), BenchmarkError> {
        let (_, ids) = pending::<T>(n, 1);
        #[extrinsic_call]
        _(RawOrigin::Signed(miner::<T>(0)), ids.clone());
        assert!(ids
            .iter()
            .all(|id| Contracts::<T>::get(id).is_some_and(|c| c.due == 1 + settled_after::<T>())));
        Ok(())
    }

    /// All windows are proven and final: everything is paid, to miner, trackers and supplier, and closed.
    #[benchmark]
    fn settle(n: Linear<1, { T::MaxPromises::get() }>) -> Result<(), BenchmarkError> {
        let (client, ids) = active::<T>(n);
        // Before their windows: these are said to be of the rounds that begin here.
        T::Verdicts::benchmark_prove(&ids);
        set_block::<T>(1 + settled_after::<T>());
        #[extrinsic_call]
        _(RawOrigin::Signed(client), ids.clone());
        assert!(ids.iter().all(|id| !Contracts::<T>::contains_key(id)));
        Ok(())
    }

    /// In the second window: the rest is given back.
    #[benchmark]
    fn end(n: Linear<1, { T::MaxPromises::get() }>) -> Result<(), BenchmarkError> {
        let (client, ids) = active::<T>(n);
        set_block::<T>(2 + Pallet::<T>::window());
        #[extrinsic_call]
        _(RawOrigin::Signed(client), ids.clone());
        assert!(ids.iter().all(|id| Contracts::<T>::get(id).is_some_and(|c| c.ended.is_some())));
        Ok(())
    }

    #[benchmark]
    fn expire(n: Linear<1, { T::MaxPromises::get() }>) -> Result<(), BenchmarkError> {
        let (client, ids) = pending::<T>(n, n);
        set_block::<T>(2 + T::AcceptWithin::get());
        #[extrinsic_call]
        _(RawOrigin::Signed(client.clone()), ids);
        assert_eq!(held::<T>(&client), 0);
        Ok(())
    }

    /// With no slot to leave behind, but the cursor written as if there were.
    #[benchmark]
    fn on_idle_base() -> Result<(), BenchmarkError> {
        set_block::<T>(1);
        NextSlot::<T>::put(1);
        #[block]
        {
            Pallet::<T>::on_idle(BlockNumberFor::<T>::from(1u32), Weight::MAX);
            NextSlot::<T>::put(2);
        }
        Ok(())
    }

    #[benchmark]
    fn empty_slot() -> Result<(), BenchmarkError> {
        let found;
        #[block]
        {
            found = Schedule::<T>::iter_key_prefix(1).next();
        }
        assert_eq!(found, None);
        Ok(())
    }

    #[benchmark]
    fn expire_step() -> Result<(), BenchmarkError> {
        let (client, ids) = pending::<T>(1, 1);
        let due = 2 + T::AcceptWithin::get();
        set_block::<T>(due);
        let slot = slot_of(due);
        let mut scheduled = Schedule::<T>::iter_key_prefix(slot);
        #[block]
        {
            Pallet::<T>::step(slot, &mut scheduled, due);
        }
        assert!(ids.iter().all(|id| !Contracts::<T>::contains_key(id)));
        assert_eq!(held::<T>(&client), 0);
        Ok(())
    }

    #[benchmark]
    fn close_step() -> Result<(), BenchmarkError> {
        let (client, ids) = active::<T>(1);
        let due = 1 + settled_after::<T>();
        T::Verdicts::benchmark_prove(&ids);
        set_block::<T>(due);
        let slot = slot_of(due);
        let mut scheduled = Schedule::<T>::iter_key_prefix(slot);
        #[block]
        {
            Pallet::<T>::step(slot, &mut scheduled, due);
        }
        assert!(ids.iter().all(|id| !Contracts::<T>::contains_key(id)));
        assert_eq!(held::<T>(&client), 0);
        Ok(())
    }

    /// Every window of it is paid, and it is closed.
    #[benchmark]
    fn migrate_step() -> Result<(), BenchmarkError> {
        let (client, ids) = active::<T>(1);
        set_block::<T>(1 + term::<T>());
        let id = *ids.first().expect("one");
        v1::put::<T>(id, Contracts::<T>::get(id).expect("it is active"));
        let next;
        #[block]
        {
            next = FromV1::<T>::next(None, 1 + term::<T>());
        }
        assert_eq!(next, Some(id));
        assert!(!Contracts::<T>::contains_key(id));
        assert_eq!(held::<T>(&client), 0);
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
