//! Which seats an account holds, by the rounds that the chain knows.

use lunarx_core::{AccountId, AuditRules, BlockNumber, ContractId, RoundDetails, Watched};
use lunarx_proof::seat_holders;

/// The rounds that are known, newest first.
pub(crate) type Rounds = [RoundDetails<AccountId>];

/// The seats of `contract` that `account` holds in the round of `block`.
pub(crate) fn held(
    rounds: &Rounds,
    account: &AccountId,
    contract: &ContractId,
    block: BlockNumber,
) -> Vec<u32> {
    let Some(round) = rounds.iter().find(|round| round.start <= block) else { return Vec::new() };
    let Some(holders) = seat_holders(round, contract) else { return Vec::new() };
    (0..).zip(holders).filter(|(_, holder)| *holder == account).map(|(seat, _)| seat).collect()
}

/// The seats of a window: those of the round in which it ends. A window that still runs is watched by whoever
/// would judge it if it ended now.
pub(crate) fn own(
    rounds: &Rounds,
    account: &AccountId,
    contract: &ContractId,
    watched: &Watched<AccountId>,
    window: u32,
    now: BlockNumber,
) -> Vec<u32> {
    held(rounds, account, contract, watched.end_of(window).min(now))
}

/// The seats with which `account` judges a window at height `now`, until it is final: its own, and once its time
/// is over, those of the running round too.
pub(crate) fn judging(
    rounds: &Rounds,
    account: &AccountId,
    contract: &ContractId,
    watched: &Watched<AccountId>,
    window: u32,
    now: BlockNumber,
    rules: &AuditRules,
) -> Vec<u32> {
    let end = watched.end_of(window);
    if now >= end.saturating_add(rules.final_after) {
        return Vec::new();
    }
    let mut seats = own(rounds, account, contract, watched, window, now);
    if now >= end.saturating_add(rules.report_within) {
        seats.extend(held(rounds, account, contract, now));
        seats.sort_unstable();
        seats.dedup();
    }
    seats
}

/// Windows that are not final yet, the running one included, as `first..past`.
pub(crate) fn open_windows(
    watched: &Watched<AccountId>,
    now: BlockNumber,
    rules: &AuditRules,
) -> std::ops::Range<u32> {
    let first = now.checked_sub(rules.final_after).map_or(0, |before| watched.elapsed(before));
    let running = watched.elapsed(now).saturating_add(1).min(watched.windows);
    first..running
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::{AuditSeed, BatchRoot};

    fn watched() -> Watched<AccountId> {
        Watched {
            client: AccountId([1; 32]),
            miner: AccountId([2; 32]),
            root: BatchRoot([0; 32]),
            pieces: 1,
            bytes: 1,
            since: 100,
            window: 10,
            windows: 5,
            window_fee: 1,
            ended: None,
        }
    }

    fn round(round: u32, start: BlockNumber, members: &[u8]) -> RoundDetails<AccountId> {
        let members = members.iter().map(|byte| AccountId([*byte; 32])).collect();
        RoundDetails { round, start, seed: AuditSeed([7; 32]), members }
    }

    #[test]
    fn a_window_is_judged_by_its_round_then_by_the_running_one_too() {
        let (old, new) = (AccountId([8; 32]), AccountId([9; 32]));
        let rounds = [round(2, 121, &[9]), round(1, 1, &[8])];
        let rules = AuditRules::of_window(10);
        let contract = ContractId([3; 32]);
        let judges = |account, window, now| {
            !judging(&rounds, account, &contract, &watched(), window, now, &rules).is_empty()
        };
        // Window 1 is 110..120, so the first round judges it, until 130 alone.
        for (now, by_old, by_new) in
            [(110, true, false), (120, true, false), (129, true, false), (130, true, true), (149, true, true)]
        {
            assert_eq!((judges(&old, 1, now), judges(&new, 1, now)), (by_old, by_new), "{now}");
        }
        assert!(!judges(&new, 1, 150), "it is final");
        assert!(judges(&new, 2, 125), "the running window");
        assert!(held(&rounds, &old, &contract, 0).is_empty(), "before the first round");
    }

    #[test]
    fn open_windows_end_with_the_term() {
        let rules = AuditRules::of_window(10);
        let at = |now| open_windows(&watched(), now, &rules);
        assert_eq!(at(100), 0..1);
        assert_eq!(at(125), 0..3);
        assert_eq!(at(140), 1..5);
        assert_eq!(at(179), 4..5);
        assert!(at(180).is_empty());
    }
}
