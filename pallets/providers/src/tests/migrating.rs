//! Miners of the first runtime, under this one.

use crate::{
    migrations::{v1, FromV1},
    mock::*,
    Authorities, Bootstrap, Pallet, Provider, Providers as Register,
};
use frame_support::{
    migrations::{SteppedMigration, SteppedMigrationError},
    pallet_prelude::StorageVersion,
    traits::GetStorageVersion,
    weights::{Weight, WeightMeter},
};

type Migration = FromV1<Test>;

/// Stores all miners as version 1 did. Returns them.
fn downgrade() -> Vec<(u64, Provider)> {
    let miners: Vec<_> = Register::<Test>::iter().collect();
    for (account, provider) in &miners {
        v1::Providers::<Test>::insert(account, v1::Provider::from(provider.clone()));
    }
    Bootstrap::<Test>::kill();
    StorageVersion::new(v1::VERSION).put::<Pallet<Test>>();
    miners
}

/// Runs the migration, `weight` a block. Returns the blocks it took.
fn migrate(weight: Weight) -> u32 {
    let mut cursor = None;
    for blocks in 1..100 {
        cursor =
            Migration::step(cursor, &mut WeightMeter::with_limit(weight)).expect("there is enough weight");
        if cursor.is_none() {
            return blocks;
        }
    }
    panic!("it does not end");
}

#[test]
fn miners_keep_what_they_have_and_genesis_yields() {
    let step = <() as crate::WeightInfo>::migrate_step();
    for (weight, blocks) in [(step, 3), (Weight::MAX, 1)] {
        run(|| {
            register(MINER, 2);
            register(OTHER, 2);
            let before = downgrade();
            assert_eq!(migrate(weight), blocks);
            assert_eq!(Register::<Test>::iter().collect::<Vec<_>>(), before);
            assert_eq!(Bootstrap::<Test>::get(), Authorities::<Test>::get());
            assert!(!Bootstrap::<Test>::get().is_empty());
            assert_eq!(Pallet::<Test>::on_chain_storage_version(), 2);
        });
    }
}

#[test]
fn miners_of_this_version_are_left_alone() {
    run(|| {
        register(MINER, 2);
        Register::<Test>::mutate_extant(MINER, |provider| provider.power.byte_blocks = 7);
        migrate(Weight::MAX);
        assert_eq!(Register::<Test>::get(MINER).unwrap().power.byte_blocks, 7);
    });
}

#[test]
fn too_little_weight_is_said() {
    run(|| {
        StorageVersion::new(v1::VERSION).put::<Pallet<Test>>();
        let required = <() as crate::WeightInfo>::migrate_step();
        let mut meter = WeightMeter::with_limit(required - Weight::from_parts(1, 0));
        let refused = Migration::step(None, &mut meter);
        assert_eq!(refused, Err(SteppedMigrationError::InsufficientWeight { required }));
    });
}
