//! The real draw against the formula, and against the law by which the year waits.

use lunarx_core::AuditRules;
use lunarx_proof::challenged;
use lunarx_sim::{
    blocks_until_found,
    chance::{block_seed, contract_id, hit_chance, Dice},
    detection, proof_sizes, Lost, DAY, HOUR, MILLION,
};

const SEED: u64 = 1;
const BYTES: u64 = 12 * (64 << 20);

fn rules() -> AuditRules {
    AuditRules::of_window(HOUR)
}

#[test]
fn one_percent_is_found_within_a_day_as_the_formula_says() {
    let found = detection(SEED, MILLION / 100, 3_000, BYTES, &rules());
    assert!(found.within_a_day >= 0.99, "seed {SEED}: {found:?}");
    assert!(found.deviations.abs() < 5.0, "seed {SEED}: {found:?}");
    // The mean of 3,000 waits without memory deviates by 1.8 %.
    assert!((found.mean / found.mean_formula - 1.0).abs() < 0.09, "seed {SEED}: {found:?}");
}

/// Half a percent is found within a day in 96 of 100 cases: a formula that says more would be noticed.
#[test]
fn small_losses_and_whole_ones_keep_to_the_formula() {
    for lost in [5_000, 100_000, MILLION] {
        let found = detection(SEED, lost, 1_500, BYTES, &rules());
        assert!(found.deviations.abs() < 5.0, "seed {SEED}: {found:?}");
        assert!((found.mean / found.mean_formula - 1.0).abs() < 0.13, "seed {SEED}: {found:?}");
    }
}

#[test]
fn where_the_bytes_are_lost_does_not_matter() {
    let mut dice = Dice::new(SEED, "test", 0);
    for _ in 0..100 {
        let lost = Lost::somewhere(MILLION / 100, 10_000, &mut dice);
        assert_eq!(
            (0..10_000).filter(|position| lost.holds(*position)).count(),
            100,
            "seed {SEED}: {lost:?}"
        );
    }
}

/// Waits between real challenges and waits of the geometric law pass the same marks equally often.
#[test]
fn the_year_waits_as_the_real_draw_does() {
    let rules = rules();
    let mut real = Vec::new();
    let mut since = vec![0u32; 200];
    for block in 1..=30_000 {
        let seed = block_seed(SEED, block);
        for (index, since) in (0..).zip(&mut since) {
            if challenged(&seed, &contract_id(SEED, index, 0), BYTES, &rules).is_some() {
                real.push((block - *since, block));
                *since = block;
            }
        }
    }
    // Waits that begin late are cut off by the end of the search: only those are taken that are not.
    let real: Vec<u32> =
        real.into_iter().filter(|(wait, block)| block - wait < 15_000).map(|(wait, _)| wait).collect();
    let mut dice = Dice::new(SEED, "test", 1);
    let law: Vec<u32> = real.iter().map(|_| dice.geometric(hit_chance(&rules))).collect();
    assert!(real.len() > 2_500, "seed {SEED}: {}", real.len());
    let count = real.len() as f64;
    let share = |waits: &[u32], mark: u32| waits.iter().filter(|wait| **wait > mark).count() as f64 / count;
    for mark in [1, 100, 500, 693, 1_000, 2_000, 4_000] {
        let expected = (1.0 - hit_chance(&rules)).powf(f64::from(mark));
        let error = (expected * (1.0 - expected) / count).sqrt();
        for (name, waits) in [("real", &real), ("law", &law)] {
            let seen = share(waits, mark);
            assert!(
                (seen - expected).abs() < 5.0 * error,
                "seed {SEED}, {name} > {mark}: {seen}, {expected}"
            );
        }
    }
}

#[test]
fn the_search_is_deterministic() {
    let search = |seed| blocks_until_found(seed, MILLION, 50, BYTES, &rules());
    assert_eq!(search(SEED), search(SEED));
    assert_ne!(search(SEED), search(SEED + 1));
    assert!(search(SEED).iter().all(|blocks| *blocks < 365 * DAY));
}

#[test]
fn proofs_stay_below_two_kib() {
    let sizes = proof_sizes(SEED, 12, 64 << 20, 24, 4).unwrap();
    assert!(sizes.proof_max <= lunarx_proof::MAX_LEAF_PROOF_BYTES, "{sizes:?}");
    assert!(sizes.proof_mean > 1_024.0 + 16.0 * 32.0, "{sizes:?}");
    assert!(sizes.answer_mean > 24.0 * sizes.proof_mean, "{sizes:?}");
}
