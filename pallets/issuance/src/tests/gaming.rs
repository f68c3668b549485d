//! Who pays oneself, splits oneself up, or owns a tracker, loses. `pay` is what drawn trackers get of a fee: that they
//! are drawn, and that nothing else counts, is shown by the tests of the pallets `audits` and `contracts`.

use crate::mock::*;
use lunarx_core::{Balance, Rewards, LX};
use sp_runtime::Permill;

const CHEAT: u64 = 50;

fn total(who: u64) -> Balance {
    Issuance::due(&who).iter().map(|reward| reward.total()).sum()
}

/// A cheat pays a fee to itself of which `pay` goes to trackers: it is client, miner and supplier, and a part of the
/// trackers is its own. Returns what that costs it, and what it is rewarded.
fn pays_itself(pay: Balance, own_trackers: Permill) -> (Balance, Balance) {
    Issuance::served(&CHEAT, pay);
    Issuance::contributed(&CHEAT, 6 * pay, pay);
    let own = own_trackers * pay;
    Issuance::audited(&CHEAT, own);
    next_era();
    (pay - own, total(CHEAT))
}

#[test]
fn paying_oneself_through_an_own_dapp_loses() {
    let cases = [(LX, 0), (1_000 * LX, 0), (1_000_000 * LX, 0), (1_000 * LX, 10), (1_000 * LX, 35)];
    for (pay, trackers) in cases {
        with_genesis(shares(), || {
            let (cost, reward) = pays_itself(pay, Permill::from_percent(trackers));
            println!("{trackers} % own trackers: costs {cost}, rewarded {reward}");
            assert!(reward < cost, "{reward} for {cost}");
        });
    }
}

#[test]
fn what_nobody_is_paid_for_is_worth_nothing_and_takes_nothing_from_others() {
    let rewards = |cheat: bool| {
        let mut both = (0, 0);
        with_genesis(shares(), || {
            Issuance::served(&MINER, 1_000_000 * LX);
            if cheat {
                // Any fee, of which no drawn tracker gets anything: an early end, no words, chosen seats.
                Issuance::served(&CHEAT, 0);
                Issuance::contributed(&CHEAT, 1_000_000_000 * LX, 0);
            }
            next_era();
            both = (total(MINER), total(CHEAT));
        });
        both
    };
    let (alone, _) = rewards(false);
    assert!(alone > 0);
    assert_eq!(rewards(true), (alone, 0));
}

#[test]
fn splitting_a_disk_among_sybils_gains_nothing() {
    let reward = |parts: u64| {
        let mut sum = 0;
        with_genesis(shares(), || {
            // Somebody else serves as much.
            Issuance::served(&MINER, 1_000_000 * LX);
            for part in 0..parts {
                Issuance::served(&(CHEAT + part), 1_000_000 * LX / u128::from(parts));
            }
            next_era();
            sum = (0..parts).map(|part| total(CHEAT + part)).sum();
        });
        sum
    };
    let one: Balance = reward(1);
    for parts in [2, 10, 100] {
        assert!(reward(parts) <= one, "{parts}");
    }
}

#[test]
fn wash_audits_by_an_own_tracker_cost_more_than_they_bring() {
    with_genesis(shares(), || {
        // Of three seats one is its own.
        let pay = 1_000 * LX;
        Issuance::audited(&CHEAT, pay);
        next_era();
        assert_eq!(total(CHEAT), Caps::get().trackers * pay);
        assert!(total(CHEAT) < 2 * pay, "what the two others got of its fees");
    });
}

#[test]
fn the_caps_leave_no_gain() {
    let caps = Caps::get();
    let all = caps.miners.deconstruct() + caps.trackers.deconstruct() + caps.contributors.deconstruct();
    assert!(all < 1_000_000, "{all} millionths");
}
