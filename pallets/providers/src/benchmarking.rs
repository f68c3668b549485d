//! Worst cases of each call, and of an offence by many.

use super::*;
use crate::migrations::{v1, FromV1};
use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::{
    pallet_prelude::StorageVersion,
    traits::{
        fungible::{hold::Mutate as MutateHold, Inspect, Mutate},
        Get,
    },
    weights::Weight,
    BoundedVec,
};
use frame_system::RawOrigin;
use lunarx_core::{
    collateral_for, registration_payload, Address, Addresses, Balance, EncryptionKey, NodeKey, NodeSignature,
    ProviderDetails, Score, Services, MAX_ADDRESSES, MAX_ADDRESS_BYTES, MAX_REGION_BYTES,
};
use sp_core::crypto::KeyTypeId;
use sp_runtime::{traits::SaturatedConversion, Perbill};
use sp_staking::offence::{OffenceDetails, OnOffenceHandler};

const NODE_KEYS: KeyTypeId = KeyTypeId(*b"lxnd");

/// `count` addresses, everything as long as it may be.
fn details(count: u32, capacity: u64, price: Balance) -> ProviderDetails {
    let address = Address::truncate_from(vec![b'a'; MAX_ADDRESS_BYTES.saturated_into()]);
    ProviderDetails {
        encryption_key: EncryptionKey([1; 32]),
        addresses: Addresses::truncate_from(vec![address; count.saturated_into()]),
        region: vec![b'r'; MAX_REGION_BYTES.saturated_into()].try_into().expect("it is that long"),
        services: Services::KNOWN,
        capacity,
        price,
    }
}

fn capacity<T: Config>() -> u64 {
    T::MinCapacity::get().max(lunarx_core::GIB)
}

fn price<T: Config>() -> Balance {
    T::MinPrice::get().max(1)
}

/// Gives `who` enough for `capacity` bytes' collateral and much more.
fn fund<T: Config>(who: &T::AccountId, capacity: u64) {
    let collateral = collateral_for(capacity, T::CollateralPerGib::get());
    let amount = T::Currency::minimum_balance().saturating_mul(1_000).saturating_add(collateral);
    T::Currency::mint_into(who, amount).expect("the account can take it");
}

/// Registers without a signature, for [`lunarx_core::ProviderRegistry::benchmark_register`].
pub(crate) fn register_unsigned<T: Config>(
    who: &T::AccountId,
    node_key: NodeKey,
    capacity: u64,
    price: Balance,
) {
    let collateral = collateral_for(capacity, T::CollateralPerGib::get());
    fund::<T>(who, capacity);
    T::Currency::hold(&HoldReason::Collateral.into(), who, collateral).expect("it was funded");
    let details = details(MAX_ADDRESSES, capacity, price);
    NodeIds::<T>::insert(node_key.node_id(), who);
    Providers::<T>::insert(
        who,
        Provider {
            node_key,
            details,
            used: 0,
            collateral,
            exit_at: None,
            score: Score::default(),
            power: Default::default(),
        },
    );
}

fn registered<T: Config>(index: u32) -> T::AccountId {
    let who: T::AccountId = account("provider", index, 0);
    let node_key = NodeKey(sp_io::hashing::blake2_256(&index.to_le_bytes()));
    register_unsigned::<T>(&who, node_key, capacity::<T>(), price::<T>());
    who
}

/// A miner that can be elected.
fn electable<T: Config>(index: u32) -> T::AccountId {
    let who = registered::<T>(index);
    T::Sessions::benchmark_set_keys(&who);
    Providers::<T>::mutate_extant(&who, |provider| {
        let byte_blocks = T::MinAuthorityPower::get().max(1_000);
        provider.power = Power { byte_blocks, era: T::Era::get(), since: 0 };
        // As if it were held: the benchmarks do not look at the balance.
        provider.collateral = T::MinAuthorityCollateral::get();
    });
    who
}

fn exit_block<T: Config>() -> frame_system::pallet_prelude::BlockNumberFor<T> {
    T::ExitDelay::get().saturating_add(1_000).into()
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn register(a: Linear<1, MAX_ADDRESSES>) {
        let caller: T::AccountId = whitelisted_caller();
        fund::<T>(&caller, capacity::<T>());
        let key = sp_io::crypto::ed25519_generate(NODE_KEYS, None);
        let payload = registration_payload(&Pallet::<T>::genesis_hash(), &caller);
        let signature =
            sp_io::crypto::ed25519_sign(NODE_KEYS, &key, &payload).expect("the key was made above");
        let details = details(a, capacity::<T>(), price::<T>());

        #[extrinsic_call]
        _(RawOrigin::Signed(caller.clone()), NodeKey(key.0), NodeSignature(signature.0), details);

        assert!(Providers::<T>::contains_key(caller));
    }

    #[benchmark]
    fn update(a: Linear<1, MAX_ADDRESSES>) {
        let caller = registered::<T>(0);
        let more = capacity::<T>().saturating_mul(2);
        fund::<T>(&caller, more);
        let details = details(a, more, price::<T>());

        #[extrinsic_call]
        _(RawOrigin::Signed(caller.clone()), details);

        assert_eq!(Providers::<T>::get(caller).expect("it is registered").details.capacity, more);
    }

    #[benchmark]
    fn top_up() {
        let caller = registered::<T>(0);
        let before = Providers::<T>::get(&caller).expect("it is registered").collateral;
        let amount = T::Currency::minimum_balance();

        #[extrinsic_call]
        _(RawOrigin::Signed(caller.clone()), amount);

        assert_eq!(Providers::<T>::get(caller).expect("it is registered").collateral, before + amount);
    }

    #[benchmark]
    fn announce_exit() {
        let caller = registered::<T>(0);

        #[extrinsic_call]
        _(RawOrigin::Signed(caller.clone()));

        assert!(Providers::<T>::get(caller).expect("it is registered").exit_at.is_some());
    }

    #[benchmark]
    fn withdraw() {
        let caller = registered::<T>(0);
        Pallet::<T>::announce_exit(RawOrigin::Signed(caller.clone()).into()).expect("it is registered");
        frame_system::Pallet::<T>::set_block_number(exit_block::<T>());

        #[extrinsic_call]
        _(RawOrigin::Signed(caller.clone()));

        assert!(!Providers::<T>::contains_key(caller));
    }

    /// Offenders that are all providers and none of the standing authorities, so that each is slashed
    /// and excluded.
    #[benchmark]
    fn on_offence(n: Linear<1, { T::MaxAuthorities::get() }>) {
        let standing: Vec<T::AccountId> =
            (0..T::MaxAuthorities::get()).map(|index| account("authority", index, 0)).collect();
        Authorities::<T>::put(types::AuthoritySet::<T>::truncate_from(standing));
        let offenders: Vec<_> = (0..n)
            .map(|index| OffenceDetails { offender: (registered::<T>(index), ()), reporters: Vec::new() })
            .collect();
        let fractions = vec![Perbill::from_percent(50); n.saturated_into()];

        #[block]
        {
            let _: Weight =
                <Pallet<T> as OnOffenceHandler<T::AccountId, Identification<T>, Weight>>::on_offence(
                    &offenders, &fractions, 0,
                );
        }

        assert_eq!(Excluded::<T>::get().len(), offenders.len());
    }

    /// A full list whose weakest is the last one.
    #[benchmark]
    fn stand() {
        let most = T::MaxCandidates::get();
        let mut all: Vec<_> = (1..most)
            .map(|index| Candidate { account: account("candidate", index, 0), power: u128::MAX })
            .collect();
        all.push(Candidate { account: electable::<T>(1), power: 1 });
        Candidates::<T>::put(BoundedVec::<_, T::MaxCandidates>::truncate_from(all));
        let caller = electable::<T>(0);
        Providers::<T>::mutate_extant(&caller, |provider| provider.power.byte_blocks *= 2);

        #[extrinsic_call]
        _(RawOrigin::Signed(caller.clone()));

        let last = Candidates::<T>::get().pop().expect("it is full");
        assert_eq!(last.account, caller);
    }

    /// All standing authorities were elected and are silent; all candidates can be elected, and as many as there is
    /// room for are.
    #[benchmark]
    fn plan(s: Linear<1, { T::MaxAuthorities::get() }>, c: Linear<0, { T::MaxCandidates::get() }>) {
        let standing: Vec<T::AccountId> = (0..s).map(|index| account("authority", index, 0)).collect();
        for account in &standing {
            T::Sessions::benchmark_set_keys(account);
            LastBlocks::<T>::insert(account, 0);
        }
        Authorities::<T>::put(types::AuthoritySet::<T>::truncate_from(standing));
        // None of them has session keys: all are looked at.
        let bootstrap = (0..T::MaxAuthorities::get()).map(|index| account("bootstrap", index, 0)).collect();
        Bootstrap::<T>::put(types::AuthoritySet::<T>::truncate_from(bootstrap));
        let excluded = (0..T::MaxAuthorities::get()).map(|index| account("excluded", index, 0)).collect();
        Excluded::<T>::put(types::AuthoritySet::<T>::truncate_from(excluded));
        let candidates = (0..c).map(|index| Candidate { account: electable::<T>(index), power: 1 }).collect();
        Candidates::<T>::put(BoundedVec::<_, T::MaxCandidates>::truncate_from(candidates));
        ElectedIn::<T>::kill();
        let patience = SILENT_TURNS.saturating_mul(T::MaxAuthorities::get()).saturating_add(1);
        frame_system::Pallet::<T>::set_block_number(patience.into());

        #[block]
        {
            let _ = <Pallet<T> as pallet_session::SessionManager<T::AccountId>>::new_session(1);
        }

        assert_eq!(ElectedIn::<T>::get(), Some(T::Era::get()));
    }

    /// The last one: with what ends the migration.
    #[benchmark]
    fn migrate_step() {
        let account = electable::<T>(0);
        v1::Providers::<T>::insert(
            &account,
            v1::Provider::from(Providers::<T>::get(&account).expect("registered")),
        );
        let standing = (0..T::MaxAuthorities::get())
            .map(|index| frame_benchmarking::account("authority", index, 0))
            .collect();
        Authorities::<T>::put(types::AuthoritySet::<T>::truncate_from(standing));
        StorageVersion::new(v1::VERSION).put::<Pallet<T>>();
        let (next, end);
        #[block]
        {
            next = FromV1::<T>::next(None);
            end = FromV1::<T>::next(next.clone());
            FromV1::<T>::finish();
        }
        assert_eq!((next, end), (Some(account), None));
        assert_eq!(Bootstrap::<T>::get(), Authorities::<T>::get());
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
