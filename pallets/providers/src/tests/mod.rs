//! Tests by journey.

mod authorities;
mod capacity;
mod election;
mod lifecycle;
mod loss;
mod migrating;
mod offences;

use crate::mock::{new_test_ext, Providers};
use frame_support::{assert_storage_noop, traits::Hooks};
use sp_runtime::DispatchError;

#[test]
fn integrity_holds() {
    new_test_ext().execute_with(|| {
        assert_storage_noop!(Providers::integrity_test());
    });
}

#[test]
fn try_state_finds_each_broken_invariant() {
    use crate::{mock::*, Authorities, NodeIds, Providers as Register};

    let broken = |expected: &'static str, damage: fn()| {
        run(|| {
            register(MINER, 2);
            register(OTHER, 2);
            let whole = (Register::<Test>::get(MINER), Authorities::<Test>::get());
            damage();
            assert_eq!(Providers::do_try_state(), Err(DispatchError::Other(expected)));
            // Mended, since `run` looks again.
            Register::<Test>::set(MINER, whole.0);
            Authorities::<Test>::set(whole.1);
            crate::Candidates::<Test>::kill();
            NodeIds::<Test>::insert(node_key(11).node_id(), MINER);
            NodeIds::<Test>::remove(node_key(77).node_id());
        });
    };
    broken("collateral is not what is held", || {
        Register::<Test>::mutate_extant(MINER, |provider| provider.collateral += 1)
    });
    broken("more is used than was promised", || {
        Register::<Test>::mutate_extant(MINER, |provider| provider.used = u64::MAX)
    });
    broken("a provider's node id is not its own", || NodeIds::<Test>::insert(node_key(11).node_id(), OTHER));
    broken("a node id belongs to no provider", || NodeIds::<Test>::insert(node_key(77).node_id(), OTHER));
    broken("an account is twice among the candidates", || {
        let candidate = crate::Candidate { account: 1, power: 1 };
        crate::Candidates::<Test>::put(sp_runtime::BoundedVec::truncate_from(vec![candidate; 2]))
    });
    broken("an account is twice in a set", || {
        Authorities::<Test>::put(sp_runtime::BoundedVec::truncate_from(vec![1, 1]))
    });
}
