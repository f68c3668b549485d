//! When the dues of a round are looked at, and whose they are.

use super::*;
use lunarx_core::{AuditSeed, BatchRoot};

const ME: AccountId = AccountId([9; 32]);
const OTHER: AccountId = AccountId([8; 32]);
const ID: ContractId = ContractId([3; 32]);

fn round(number: Round, start: BlockNumber, member: AccountId) -> RoundDetails<AccountId> {
    RoundDetails { round: number, start, seed: AuditSeed([1; 32]), members: vec![member] }
}

fn contracts(since: BlockNumber) -> BTreeMap<ContractId, Watched<AccountId>> {
    let watched = Watched {
        client: AccountId([1; 32]),
        miner: AccountId([2; 32]),
        root: BatchRoot([0; 32]),
        pieces: 1,
        bytes: 1_000,
        since,
        window: 10,
        windows: 50,
        word_pay: 1,
        ended: None,
    };
    [(ID, watched)].into()
}

#[test]
fn looks_once_a_round_at_what_it_watched_in_the_one_before() {
    let mut drawer = Drawer::default();
    let rounds = [round(2, 61, OTHER), round(1, 6, ME)];
    let mut queued = |known: &[RoundDetails<AccountId>], since, height| {
        let (seeds, read) = (BTreeMap::new(), 0..0);
        let rounds = Rounds { known, seeds: &seeds, read: &read };
        drawer.turn(&ME, rounds, &contracts(since), 30, height);
        std::mem::take(&mut drawer.queue).len()
    };
    assert_eq!([61, 91].map(|height| queued(&rounds, 5, height)), [0, 0], "its last windows are not final");
    assert_eq!([92, 93].map(|height| queued(&rounds, 5, height)), [1, 0], "once");
    let next = [round(3, 121, ME), round(2, 61, OTHER), round(1, 6, ME)];
    assert_eq!(queued(&next, 5, 152), 0, "another held the seats");
    assert_eq!(queued(&[], 5, 999), 0);
    let after = [round(4, 181, OTHER), round(3, 121, ME)];
    assert_eq!(queued(&after, 180, 212), 0, "it began with the round's end");
}

#[test]
fn only_own_words_of_rounds_that_are_over_are_due() {
    let known = [round(2, 61, ME), round(1, 6, ME)];
    let (seeds, read) = (BTreeMap::new(), 0..0);
    let rounds = Rounds { known: &known, seeds: &seeds, read: &read };
    let due = |round, account: &AccountId| {
        let mut dues = Dues::default();
        dues.add(round, 1);
        is_due(dues, account, rounds, &ID, 5)
    };
    assert!(due(1, &ME));
    assert!(!due(1, &OTHER));
    assert!(!due(2, &ME), "its next report draws that");
    assert!(!due(7, &ME), "unknown");
    assert!(!is_due(Dues::default(), &ME, rounds, &ID, 5));
}
