//! Questions that come, are answered, and keep the next ones away.

use super::*;
use lunarx_core::{
    BatchRoot,
    Standing::{Anybody, Seat, SeatAgain},
};

/// 24 windows.
const DAY: BlockNumber = 2_400;
const ME: AccountId = AccountId([8; 32]);
const OPENER: AccountId = AccountId([9; 32]);
const ID: ContractId = ContractId([3; 32]);

struct World {
    patience: Patience,
    contracts: BTreeMap<ContractId, Watched<AccountId>>,
}

impl World {
    fn new() -> Self {
        let watched = Watched {
            client: AccountId([1; 32]),
            miner: AccountId([2; 32]),
            root: BatchRoot([0; 32]),
            pieces: 1,
            bytes: 1_000,
            since: 0,
            window: 100,
            windows: u32::MAX / 100,
            word_pay: 1,
            ended: None,
        };
        Self { patience: Patience::default(), contracts: [(ID, watched)].into() }
    }

    /// A question is seen.
    fn asks(&mut self, standing: Standing, opened: BlockNumber) {
        self.patience.look(&[(ID, question(standing, opened))].into(), &self.contracts);
    }

    /// None is, any more.
    fn is_answered(&mut self) {
        self.patience.look(&BTreeMap::new(), &self.contracts);
    }

    fn question(&mut self, standing: Standing, opened: BlockNumber) {
        self.asks(standing, opened);
        self.is_answered();
    }

    fn may_ask(&self, height: BlockNumber) -> bool {
        self.patience.may_ask(&ID, &self.contracts[&ID], &ME, height)
    }
}

fn question(standing: Standing, opened: BlockNumber) -> DisputeInfo<AccountId> {
    DisputeInfo {
        contract: ID,
        opener: OPENER,
        standing,
        challenge: None,
        opened,
        deadline: opened.saturating_add(7_200),
        replaced: None,
        positions: Vec::new(),
    }
}

#[test]
fn each_answer_doubles_the_wait() {
    let mut world = World::new();
    let mut at = 100;
    for days in [1, 2, 4, 8, 16] {
        assert!(world.may_ask(at));
        world.question(Seat, at);
        assert!(!world.may_ask(at + days * DAY - 1), "{days}");
        at += days * DAY;
    }
    for _ in 0..40 {
        world.question(Seat, BlockNumber::MAX);
    }
    assert!(!world.may_ask(at - 1) && world.may_ask(BlockNumber::MAX), "it saturates");
}

#[test]
fn questions_that_were_not_due_change_nothing() {
    let mut world = World::new();
    world.question(Seat, 100);
    for opened in 101..110 {
        world.question(Seat, opened);
    }
    assert!(!world.may_ask(99 + DAY) && world.may_ask(100 + DAY), "an accomplice cannot drive it up");
}

#[test]
fn others_questions_neither_count_nor_stand_in_the_way() {
    let mut world = World::new();
    for opened in [100, 200] {
        world.asks(Anybody, opened);
        assert!(world.may_ask(opened + 1), "it is superseded");
        world.is_answered();
        assert!(world.may_ask(opened + 2), "it does not count");
    }
}

#[test]
fn a_seats_question_keeps_the_others_back() {
    let mut world = World::new();
    world.asks(Seat, 100);
    assert!(!world.may_ask(100 + 9 * DAY), "as long as it is open");
}

#[test]
fn a_seat_that_asks_twice_gives_way_to_another() {
    let mut world = World::new();
    world.asks(SeatAgain, 100);
    assert!(world.may_ask(101));
    assert!(!world.patience.may_ask(&ID, &world.contracts[&ID], &OPENER, 101), "not to itself");
    // The other takes the place: the first was not answered.
    let replaced = DisputeInfo { replaced: Some(100), ..question(Seat, 120) };
    world.patience.look(&[(ID, replaced)].into(), &world.contracts);
    assert!(!world.may_ask(121));
    world.is_answered();
    assert!(!world.may_ask(119 + DAY) && world.may_ask(120 + DAY), "one was answered");
}

#[test]
fn nobody_has_peace_at_the_end_of_the_term() {
    let mut world = World::new();
    world.contracts.get_mut(&ID).unwrap().windows = 1_000;
    let last = 100_000 - DAY;
    for (at, days) in [(100, 1), (10_000, 2), (20_000, 4), (40_000, 8), (60_000, 16)] {
        world.question(Seat, at);
        assert!(!world.may_ask((at + days * DAY).min(last) - 1));
    }
    assert!(!world.may_ask(last - 1), "16 times 24 windows");
    assert!(world.may_ask(last));
    world.question(Seat, last + 10);
    assert!(!world.may_ask(100_300), "once");
}

#[test]
fn one_that_follows_at_once_is_the_next_question() {
    let mut world = World::new();
    world.asks(Anybody, 100);
    world.asks(Seat, 200);
    assert!(!world.may_ask(200 + DAY), "it took the other's place");
    world.is_answered();
    assert!(!world.may_ask(199 + DAY) && world.may_ask(200 + DAY));
}

#[test]
fn it_ends_with_the_contract() {
    let mut world = World::new();
    world.question(Seat, 100);
    let contracts = std::mem::take(&mut world.contracts);
    world.is_answered();
    world.contracts = contracts;
    assert!(world.may_ask(101));
}
