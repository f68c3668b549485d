//! Small years: nobody honest is wronged while it is there, and nobody gains by cheating.

use lunarx_core::AuditRules;
use lunarx_sim::{
    year::{run, Kind, KindOutcome, Outcome, Setup},
    HOUR,
};

const SEED: u64 = 1;

fn setup() -> Setup {
    Setup::new(SEED, 600, 90)
}

fn of(year: &Outcome, kind: Kind) -> &KindOutcome {
    year.of(kind).unwrap()
}

#[test]
fn the_same_seed_is_the_same_year() {
    let setup = Setup::new(SEED, 100, 5);
    assert_eq!(run(&setup), run(&setup));
    assert_ne!(run(&setup).kinds, run(&Setup { seed: SEED + 1, ..setup }).kinds);
}

#[test]
fn money_only_moves() {
    for liars in [0, 10, 50, 100] {
        let year = run(&Setup { liars, ..setup() });
        assert!(year.balanced, "seed {SEED}, {liars} liars: {year:?}");
    }
}

#[test]
fn no_honest_miner_that_is_there_is_convicted() {
    for liars in [0, 10, 50, 100] {
        let year = run(&Setup { liars, ..setup() });
        for kind in [Kind::Honest, Kind::Flaky] {
            assert_eq!(of(&year, kind).wronged_online, 0, "seed {SEED}, {liars} liars: {year:?}");
        }
        assert_eq!(year.honest_fines, 0.0, "seed {SEED}, {liars} liars: {year:?}");
    }
}

/// With 72 windows to answer, questions convict nobody who is 99 % online, however many trackers lie; with six
/// they do: the model is able to show it.
#[test]
fn liars_convict_miners_that_are_down_only_if_time_is_short() {
    let convicted = |year: &Outcome| of(year, Kind::Honest).wronged_down;
    let without = run(&Setup { liars: 0, ..setup() });
    assert_eq!(convicted(&without), 0, "seed {SEED}: {without:?}");
    assert!(of(&without, Kind::Honest).lost_beyond_downtime.abs() < 0.005, "seed {SEED}: {without:?}");
    let with = run(&Setup { liars: 50, ..setup() });
    assert_eq!(convicted(&with), 0, "seed {SEED}: {with:?}");
    let Setup { rules, .. } = setup();
    let short = AuditRules { return_within: 6 * HOUR, ..rules };
    let with = run(&Setup { liars: 50, rules: short, ..setup() });
    assert!(convicted(&with) > 0, "seed {SEED}: {with:?}");
}

#[test]
fn cheats_end_poorer_than_honest_miners() {
    let year = run(&setup());
    let honest = of(&year, Kind::Honest).net;
    assert!(honest > 0.0, "seed {SEED}: {year:?}");
    for kind in [Kind::DeletesSome, Kind::DeletesAll, Kind::Hides, Kind::Surrenders] {
        let cheat = of(&year, kind);
        assert!(cheat.net < 0.0 && cheat.net < honest, "seed {SEED}: {cheat:?}, honest {honest}");
        assert_eq!(cheat.evicted, cheat.miners, "seed {SEED}: {cheat:?}");
    }
}

/// The data of such a miner is there and its answers are right: it gains nothing, and the trackers whom it
/// does not answer ask on chain only where one of the others is away.
#[test]
fn who_answers_two_seats_of_three_gains_nothing() {
    let setup = Setup { liars: 0, ..setup() };
    let year = run(&setup);
    let (selective, honest) = (of(&year, Kind::Selective), of(&year, Kind::Honest));
    assert!((selective.net / honest.net - 1.0).abs() < 0.05, "seed {SEED}: {selective:?}, {honest:?}");
    let most = f64::from(selective.miners * setup.days);
    let share = selective.answered_honest as f64 / most;
    assert!(share > 0.0 && share < 0.8, "seed {SEED}: {share} a day: {selective:?}");
}

/// Each answer proves the windows that are not final, and trackers ask again after a day, two days, four days.
#[test]
fn who_answers_on_chain_only_earns_next_to_nothing_and_is_hardly_asked() {
    let setup = Setup { liars: 0, ..setup() };
    let year = run(&setup);
    let (silent, honest) = (of(&year, Kind::OnChain), of(&year, Kind::Honest));
    assert!(silent.paid > 0.0 && silent.paid < 0.05, "seed {SEED}: {silent:?}");
    assert!(silent.net < 0.1 * honest.net, "seed {SEED}: {silent:?}, {honest:?}");
    // On days 0, 1, 3, 7, 15, 31 and 63, and on the last one.
    let most = u64::from(silent.miners) * 8;
    assert!(silent.answered_honest <= most, "seed {SEED}: {silent:?}");
    assert!(silent.answered_honest * 4 > most * 3, "seed {SEED}: {silent:?}");
    let often = run(&Setup { ask_again: HOUR, ..setup });
    // 24 times as often is between four and five questions more.
    let more = of(&often, Kind::OnChain).answered_honest - silent.answered_honest;
    assert!((3..=5).contains(&(more / u64::from(silent.miners))), "seed {SEED}: {often:?}");
}

/// Every verdict counts: with all seats in one hand cheats go on, and honest miners are not paid.
#[test]
fn where_all_lie_cheats_go_on_and_honest_miners_earn_next_to_nothing() {
    let year = run(&Setup { liars: 100, ..setup() });
    assert_eq!(of(&year, Kind::DeletesAll).convicted, 0, "seed {SEED}: {year:?}");
    // Where two liars are down, an answer on chain proves a few windows.
    assert!(of(&year, Kind::Honest).paid < 0.001, "seed {SEED}: {year:?}");
}

#[test]
fn a_deleted_percent_is_found_within_a_day() {
    let year = run(&setup());
    let cheat = of(&year, Kind::DeletesSome);
    assert!(cheat.found >= 3 * cheat.miners, "seed {SEED}: {cheat:?}");
    assert!(cheat.found_p99 <= 30.0, "seed {SEED}: {cheat:?}");
}
