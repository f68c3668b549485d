//! Worst cases of each call and of a block's beginning.

use super::*;
use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{
        fungible::{hold::Mutate as MutateHold, Inspect, Mutate},
        Get,
    },
    BoundedVec,
};
use frame_system::RawOrigin;
use lunarx_core::{
    bond_payload, Address, Addresses, Balance, EncryptionKey, NodeKey, NodeSignature, TrackerDetails,
    TrackerState, MAX_ADDRESSES, MAX_ADDRESS_BYTES, MAX_REGION_BYTES,
};
use sp_core::crypto::KeyTypeId;
use sp_runtime::traits::SaturatedConversion;

const NODE_KEYS: KeyTypeId = KeyTypeId(*b"lxtr");

/// `count` addresses, everything as long as it may be.
fn details(count: u32) -> TrackerDetails {
    let address = Address::truncate_from(vec![b'a'; MAX_ADDRESS_BYTES.saturated_into()]);
    TrackerDetails {
        encryption_key: EncryptionKey([1; 32]),
        addresses: Addresses::truncate_from(vec![address; count.saturated_into()]),
        region: vec![b'r'; MAX_REGION_BYTES.saturated_into()].try_into().expect("it is that long"),
    }
}

fn bond_of<T: Config>() -> Balance {
    T::MinBond::get().max(T::Currency::minimum_balance())
}

fn verifiers<T: Config>() -> Verifiers<T> {
    let keys: Vec<_> = (0..T::MaxVerifiers::get())
        .map(|index| NodeKey(sp_io::hashing::blake2_256(&index.to_le_bytes())))
        .collect();
    Verifiers::<T>::truncate_from(keys)
}

fn fund<T: Config>(who: &T::AccountId) {
    let amount = bond_of::<T>().saturating_mul(10);
    T::Currency::mint_into(who, amount).expect("the account can take it");
}

/// Fills the active list up to `count`.
fn crowd<T: Config>(count: u32) {
    let mut members: Vec<T::AccountId> = (0..count).map(|index| account("member", index, 0)).collect();
    members.sort();
    Active::<T>::put(BoundedVec::truncate_from(members));
}

/// A tracker in the given state, among as many others as there can be.
fn bonded<T: Config>(state: TrackerState) -> T::AccountId {
    let who: T::AccountId = whitelisted_caller();
    crowd::<T>(T::MaxTrackers::get().saturating_sub(1));
    fund::<T>(&who);
    let bond = bond_of::<T>();
    T::Currency::hold(&HoldReason::Bond.into(), &who, bond).expect("it was funded");
    let node_key = NodeKey([3; 32]);
    NodeIds::<T>::insert(node_key.node_id(), &who);
    if state == TrackerState::Active {
        Active::<T>::mutate(|active| {
            let place = active.binary_search(&who).expect_err("it is a stranger");
            active.try_insert(place, who.clone()).expect("one place is free");
        });
    }
    let details = details(MAX_ADDRESSES);
    let tracker =
        Tracker { node_key, details, bond, state, missed: 0, missed_in: 0, verifiers: verifiers::<T>() };
    Trackers::<T>::insert(&who, tracker);
    who
}

/// Begins a round of `members` bonded trackers, at most those that there can be, and names them.
pub(crate) fn begin_crowded_round<T: Config>(members: u32) -> Vec<T::AccountId> {
    let count = members.min(T::MaxTrackers::get());
    crowd::<T>(count);
    let members = Active::<T>::get();
    for (who, number) in members.iter().zip(0u32..) {
        fund::<T>(who);
        let bond = bond_of::<T>();
        T::Currency::hold(&HoldReason::Bond.into(), who, bond).expect("it was funded");
        let node_key = NodeKey(lunarx_core::blake2b_256(&number.to_le_bytes()));
        NodeIds::<T>::insert(node_key.node_id(), who);
        let (details, state) = (details(MAX_ADDRESSES), TrackerState::Active);
        let tracker =
            Tracker { node_key, details, bond, state, missed: 0, missed_in: 0, verifiers: verifiers::<T>() };
        Trackers::<T>::insert(who, tracker);
    }
    let round = CurrentRound::<T>::get().saturating_add(1);
    Pallet::<T>::begin_round(round, Pallet::<T>::now(), Default::default());
    members.into_inner()
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn bond(a: Linear<1, MAX_ADDRESSES>) {
        let caller: T::AccountId = whitelisted_caller();
        crowd::<T>(T::MaxTrackers::get().saturating_sub(1));
        fund::<T>(&caller);
        let key = sp_io::crypto::ed25519_generate(NODE_KEYS, None);
        let payload = bond_payload(&Pallet::<T>::genesis_hash(), &caller);
        let signature =
            sp_io::crypto::ed25519_sign(NODE_KEYS, &key, &payload).expect("the key was made above");

        #[extrinsic_call]
        _(
            RawOrigin::Signed(caller.clone()),
            NodeKey(key.0),
            NodeSignature(signature.0),
            details(a),
            bond_of::<T>(),
        );

        assert!(Trackers::<T>::contains_key(caller));
    }

    #[benchmark]
    fn update(a: Linear<1, MAX_ADDRESSES>) {
        let caller = bonded::<T>(TrackerState::Active);
        let details = details(a);

        #[extrinsic_call]
        _(RawOrigin::Signed(caller.clone()), details.clone());

        assert_eq!(Trackers::<T>::get(caller).expect("it is bonded").details, details);
    }

    #[benchmark]
    fn top_up() {
        let caller = bonded::<T>(TrackerState::Active);
        let amount = T::Currency::minimum_balance();

        #[extrinsic_call]
        _(RawOrigin::Signed(caller.clone()), amount);

        assert_eq!(Trackers::<T>::get(caller).expect("it is bonded").bond, bond_of::<T>() + amount);
    }

    #[benchmark]
    fn set_verifiers() {
        let caller = bonded::<T>(TrackerState::Active);

        #[extrinsic_call]
        _(RawOrigin::Signed(caller.clone()), verifiers::<T>());

        assert!(Trackers::<T>::get(caller).expect("it is bonded").verifiers.is_full());
    }

    #[benchmark]
    fn resume() {
        let caller = bonded::<T>(TrackerState::Suspended);

        #[extrinsic_call]
        _(RawOrigin::Signed(caller.clone()));

        assert!(Active::<T>::get().contains(&caller));
    }

    #[benchmark]
    fn announce_exit() {
        let caller = bonded::<T>(TrackerState::Active);

        #[extrinsic_call]
        _(RawOrigin::Signed(caller.clone()));

        assert!(!Active::<T>::get().contains(&caller));
    }

    #[benchmark]
    fn withdraw() {
        let caller = bonded::<T>(TrackerState::Leaving { exit_at: 0 });

        #[extrinsic_call]
        _(RawOrigin::Signed(caller.clone()));

        assert!(!Trackers::<T>::contains_key(caller));
    }

    #[benchmark]
    fn running_round() {
        Pallet::<T>::begin_round(1, 1, Default::default());

        #[block]
        {
            Pallet::<T>::begin_block(2);
        }

        assert_eq!(CurrentRound::<T>::get(), 1);
    }

    #[benchmark]
    fn begin_round(m: Linear<1, { T::MaxTrackers::get() }>) {
        crowd::<T>(m);
        (1..=KEPT_ROUNDS).for_each(|round| Pallet::<T>::begin_round(round, round, Default::default()));

        #[block]
        {
            Pallet::<T>::begin_round(KEPT_ROUNDS.saturating_add(1), 100, Default::default());
        }

        assert!(!Rounds::<T>::contains_key(1));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
