//! Seeds.

use crate::{mock::*, Seeds};
use lunarx_core::{blake2b_256, AuditSeed};
use sp_core::H256;

#[test]
fn a_seed_is_a_hash_of_the_blocks_randomness() {
    run(|| {
        let block = now();
        let randomness = H256(blake2b_256(&u64::from(block).to_le_bytes()));
        let encoded =
            [&[19 << 2], b"lunarx/challenge/v1".as_slice(), &block.to_le_bytes(), &randomness.0].concat();
        assert_eq!(seed(block), Some(AuditSeed(blake2b_256(&encoded))));
    });
}

#[test]
fn a_block_without_randomness_has_none() {
    run(|| {
        Draws::set(false);
        pass(1);
        assert_eq!(seed(now()), None);
        assert_eq!(Audits::seeds(now() - 1, 10), [seed(now() - 1), None], "no block ahead");
    });
}

#[test]
fn old_seeds_are_forgotten() {
    run(|| {
        pass(2 * rules().seed_history);
        let known = u32::try_from(Seeds::<Test>::iter().count()).unwrap();
        assert_eq!(known, rules().seed_history);
        assert!(seed(now() - rules().seed_history + 1).is_some());
    });
}
