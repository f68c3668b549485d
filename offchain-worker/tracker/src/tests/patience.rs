//! Questions that come, are answered, and keep the next ones away.

use super::*;
use lunarx_core::BatchRoot;

const DAY: BlockNumber = 1_000;
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
            window_fee: 1,
            ended: None,
        };
        Self { patience: Patience::new(DAY), contracts: [(ID, watched)].into() }
    }

    /// A question is seen.
    fn asks(&mut self, seated: bool, opened: BlockNumber) {
        let dispute = DisputeInfo {
            contract: ID,
            opener: AccountId([9; 32]),
            seated,
            challenge: None,
            opened,
            deadline: opened.saturating_add(7_200),
            positions: Vec::new(),
        };
        self.patience.look(&[(ID, dispute)].into(), &self.contracts);
    }

    /// None is, any more.
    fn is_answered(&mut self) {
        self.patience.look(&BTreeMap::new(), &self.contracts);
    }

    fn question(&mut self, seated: bool, opened: BlockNumber) {
        self.asks(seated, opened);
        self.is_answered();
    }

    fn may_ask(&self, height: BlockNumber) -> bool {
        self.patience.may_ask(&ID, height)
    }
}

#[test]
fn each_answer_doubles_the_wait() {
    let mut world = World::new();
    let mut at = 100;
    for days in [1, 2, 4, 8, 16] {
        assert!(world.may_ask(at));
        world.question(true, at);
        assert!(!world.may_ask(at + days * DAY - 1), "{days}");
        at += days * DAY;
    }
    for _ in 0..40 {
        world.question(true, BlockNumber::MAX);
    }
    assert!(!world.may_ask(at - 1) && world.may_ask(BlockNumber::MAX), "it saturates");
}

#[test]
fn questions_that_were_not_due_change_nothing() {
    let mut world = World::new();
    world.question(true, 100);
    for opened in 101..110 {
        world.question(true, opened);
    }
    assert!(!world.may_ask(99 + DAY) && world.may_ask(100 + DAY), "an accomplice cannot drive it up");
}

#[test]
fn others_questions_neither_count_nor_stand_in_the_way() {
    let mut world = World::new();
    for opened in [100, 200] {
        world.asks(false, opened);
        assert!(world.may_ask(opened + 1), "it is superseded");
        world.is_answered();
        assert!(world.may_ask(opened + 2), "it does not count");
    }
}

#[test]
fn a_seats_question_keeps_the_others_back() {
    let mut world = World::new();
    world.asks(true, 100);
    assert!(!world.may_ask(100 + 9 * DAY), "as long as it is open");
}

#[test]
fn one_that_follows_at_once_is_the_next_question() {
    let mut world = World::new();
    world.asks(false, 100);
    world.asks(true, 200);
    assert!(!world.may_ask(200 + DAY), "it took the other's place");
    world.is_answered();
    assert!(!world.may_ask(199 + DAY) && world.may_ask(200 + DAY));
}

#[test]
fn it_ends_with_the_contract() {
    let mut world = World::new();
    world.question(true, 100);
    let contracts = std::mem::take(&mut world.contracts);
    world.is_answered();
    world.contracts = contracts;
    assert!(world.may_ask(101));
}
