//! Contracts of the first runtime, under this one.

use crate::{
    migrations::{v1, FromV1},
    mock::*,
    Contract, Contracts as Live, EndReason, Event, Pallet,
};
use frame_support::{
    assert_ok,
    migrations::{SteppedMigration, SteppedMigrationError},
    pallet_prelude::StorageVersion,
    traits::GetStorageVersion,
    weights::{Weight, WeightMeter},
};
use lunarx_core::{AuditRules, ContractId, ContractState};

type Migration = FromV1<Test>;

/// Stores all contracts as version 1 did.
fn downgrade() {
    let contracts: Vec<_> = Live::<Test>::iter().collect();
    for (id, contract) in contracts {
        v1::put::<Test>(id, contract);
    }
    StorageVersion::new(v1::VERSION).put::<Pallet<Test>>();
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
        // As much time as the last contract to come has a window of.
        pass_busy(WINDOW / 5);
    }
    panic!("it does not end");
}

fn contract(id: ContractId) -> Contract<u64> {
    Live::<Test>::get(id).expect("it is live")
}

fn ended(id: ContractId) -> Option<EndReason> {
    events().into_iter().find_map(|event| match event {
        Event::Ended { id: other, reason, .. } if other == id => Some(reason),
        _ => None,
    })
}

#[test]
fn what_passed_is_the_miners_and_the_rest_is_audited() {
    run(|| {
        let id = Deal::default().open_and_accept();
        let since = now();
        let fee = contract(id).window_fee;
        let (before, held_before) = (free(MINER), held(CLIENT));
        downgrade();
        pass_busy(WINDOW + 1);
        let seen = Contracts::info(id).unwrap();
        assert_eq!(
            (seen.windows, seen.escrow, seen.state),
            (3, 3 * fee, ContractState::Active { since, settled: 0 })
        );
        assert_eq!(Contracts::page(None, 10), std::slice::from_ref(&seen));
        assert_eq!(Contracts::page_of(&MINER, None, 10), [seen]);
        migrate(Weight::MAX);
        // The running window too: it began when time was proof.
        assert_eq!(free(MINER), before + 2 * fee);
        assert_eq!(held(CLIENT), held_before - 2 * fee);
        let left = contract(id);
        assert_eq!((left.windows, left.escrow, left.paid, left.last_fee), (1, fee, 2 * fee, fee));
        assert_eq!(left.state, ContractState::Active { since: since + 2 * WINDOW, settled: 0 });
        assert_eq!(left.due, since + 3 * WINDOW + AuditRules::of_window(WINDOW).final_after);

        // Its last window is settled by what the audits say.
        Unproven::set(1);
        pass(left.due - now() + 20);
        assert_eq!(ended(id), Some(EndReason::Completed));
        assert_eq!((free(MINER), held(CLIENT)), (before + 2 * fee, 0));
    });
}

#[test]
fn what_was_settled_is_not_settled_again() {
    run(|| {
        let id = Deal::default().open_and_accept();
        let fee = contract(id).window_fee;
        let before = free(MINER);
        Live::<Test>::mutate_extant(id, |contract| {
            // As `settle` of version 1 would have left it after a window, but for the money.
            let ContractState::Active { settled, .. } = &mut contract.state else { panic!() };
            *settled = 1;
            contract.escrow -= fee;
            contract.paid += fee;
        });
        use frame_support::traits::{fungible::hold::Mutate as _, tokens::Precision};
        assert_ok!(Balances::release(&crate::HoldReason::Escrow.into(), &CLIENT, fee, Precision::Exact));
        downgrade();
        pass_busy(2 * WINDOW);
        migrate(Weight::MAX);
        assert_eq!(free(MINER), before + fee);
        assert_eq!((contract(id).windows, contract(id).paid), (1, 2 * fee));
    });
}

#[test]
fn a_term_that_is_over_is_paid_and_closed() {
    run(|| {
        let id = Deal::default().open_and_accept();
        let (before, fees) = (free(MINER), held(CLIENT));
        downgrade();
        pass_busy(10 * WINDOW);
        migrate(Weight::MAX);
        assert_eq!(ended(id), Some(EndReason::Completed));
        assert_eq!((free(MINER), held(CLIENT)), (before + fees, 0));
        assert_eq!(Register::used(MINER), 0);
    });
}

#[test]
fn a_last_window_that_runs_is_served_to_its_end_and_audited() {
    for (windows, passed) in [(3, 2), (1, 0)] {
        run(|| {
            let id = Deal::with(|deal| deal.windows = windows).open_and_accept();
            let since = now();
            let (before, fee) = (free(MINER), contract(id).window_fee);
            downgrade();
            pass_busy(passed * WINDOW + WINDOW / 2);
            migrate(Weight::MAX);
            let left = contract(id);
            assert_eq!((left.windows, left.escrow), (1, fee));
            assert_eq!(left.state, ContractState::Active { since: since + passed * WINDOW, settled: 0 });
            assert_eq!(free(MINER), before + fee * u128::from(passed));
            pass(left.due - now() + 20);
            assert_eq!(ended(id), Some(EndReason::Completed));
            assert_eq!(free(MINER), before + fee * u128::from(windows), "the audits found it proven");
        });
    }
}

#[test]
fn a_pending_one_can_be_accepted() {
    run(|| {
        let id = Deal::default().open();
        let before = contract(id);
        downgrade();
        migrate(Weight::MAX);
        assert_eq!(contract(id), before);
        assert_ok!(accept(MINER, &[id]));
    });
}

#[test]
fn one_step_a_block_does_what_one_block_does() {
    let left = |weight: Weight, blocks: u32| {
        let mut left = Vec::new();
        run(|| {
            for number in 0..5 {
                let deal = Deal::with(|deal| {
                    deal.offer.nonce = number;
                    deal.windows = u32::try_from(number).unwrap() + 1;
                });
                deal.open_and_accept();
            }
            downgrade();
            pass_busy(3 * WINDOW);
            assert_eq!(migrate(weight), blocks);
            assert_eq!(Pallet::<Test>::on_chain_storage_version(), 2);
            left = Live::<Test>::iter().collect();
        });
        left
    };
    let step = <() as crate::WeightInfo>::migrate_step();
    // The last step finds nothing more.
    let slow = left(step, 6);
    assert_eq!(slow.len(), 2);
    assert_eq!(slow, left(Weight::MAX, 1));
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

#[test]
fn contracts_of_this_version_are_left_alone() {
    run(|| {
        let id = Deal::default().open_and_accept();
        let before = contract(id);
        pass_busy(2 * WINDOW);
        assert_eq!(Pallet::<Test>::on_chain_storage_version(), 2);
        migrate(Weight::MAX);
        assert_eq!(contract(id), before);
    });
}
