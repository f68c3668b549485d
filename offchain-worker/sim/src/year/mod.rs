//! A year of miners and trackers, hour by hour, under the real seats, votes, windows and fees.
//!
//! ```text
//! each hour, each contract:
//! ups and downs ─▶ challenges ─▶ answers to disputes ─▶ votes ─▶ new disputes ─▶ settlement
//! ```
//! Each miner has one contract at a time; after a loss it takes the next one at once, until it is evicted.
//! What it earns and loses scales with its bytes.

mod books;
mod contract;
mod dispute;
mod hearing;
mod judge;
mod life;
mod miner;
mod outcome;
mod tally;
mod tracker;

pub use miner::Kind;
pub use outcome::{KindOutcome, Outcome};

use crate::{DAY, HOUR};
use books::{Account, Books};
use contract::Contract;
use lunarx_core::{collateral_for, window_fee, AuditRules, Balance, BlockNumber, LX, SEATS};
use miner::Host;
use tally::Tally;
use tracker::{Trackers, ROUND};

/// Average bytes of a proof, as measured by [`crate::proof_sizes`].
const PROOF_BYTES: u32 = 1_731;

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Setup {
    /// All chance comes from it.
    pub seed: u64,
    /// Miners.
    pub miners: u32,
    /// Days.
    pub days: u32,
    /// Bonded trackers.
    pub trackers: u32,
    /// Those of them that lie together.
    pub liars: u32,
    /// Pieces of a contract.
    pub pieces: u32,
    /// Bytes of a piece.
    pub piece_bytes: u64,
    /// LX-units per GiB and day.
    pub price: Balance,
    /// LX-units of collateral a GiB.
    pub collateral_per_gib: Balance,
    /// A tracker's bond.
    pub bond: Balance,
    /// LX-units for each byte of an answer on chain.
    pub byte_fee: Balance,
    /// LX-units for its weight.
    pub weight_fee: Balance,
    /// Blocks after the first question of a seat that was answered for which trackers put no other; twice as many
    /// after the second, and so on.
    pub ask_again: BlockNumber,
    /// Times and rates.
    pub rules: AuditRules,
}

impl Setup {
    /// The runtime's values: a price of 0.001 LX, collateral of 0.1 LX; contracts of 12 pieces of 64 MiB; of
    /// 100 trackers, 10 lie.
    pub fn new(seed: u64, miners: u32, days: u32) -> Self {
        Self {
            seed,
            miners,
            days,
            trackers: 100,
            liars: 10,
            pieces: 12,
            piece_bytes: 64 << 20,
            price: LX / 1_000,
            collateral_per_gib: LX / 10,
            bond: 1_000 * LX,
            byte_fee: LX / 1_000_000,
            weight_fee: LX / 50,
            ask_again: DAY,
            rules: AuditRules::of_window(HOUR),
        }
    }

    /// Bytes of a contract.
    pub fn bytes(&self) -> u64 {
        self.piece_bytes * u64::from(self.pieces)
    }

    /// Fee of a window.
    pub fn fee(&self) -> Balance {
        window_fee(self.price, self.bytes(), HOUR, DAY).unwrap_or(0)
    }

    /// What a seat gets for a word on a proven window: a third of 5 % of its fee.
    pub fn word_pay(&self) -> Balance {
        self.fee() / 20 / Balance::from(SEATS)
    }

    /// Collateral of a contract.
    pub fn collateral(&self) -> Balance {
        collateral_for(self.bytes(), self.collateral_per_gib)
    }

    /// What an answer on chain costs, and a dispute's deposit: that of both draws.
    pub fn answer_fee(&self) -> Balance {
        self.byte_fee * Balance::from(self.rules.samples * 2 * PROOF_BYTES) + self.weight_fee
    }

    /// The last block.
    pub fn end(&self) -> BlockNumber {
        self.days * DAY
    }
}

/// What all contracts share.
struct World {
    setup: Setup,
    trackers: Trackers,
    books: Books,
    tally: Tally,
    /// What the pot held at the end.
    pot: Balance,
}

/// A miner and its contract.
struct Miner {
    host: Host,
    contract: Option<Contract>,
}

impl Miner {
    fn hour(&mut self, now: BlockNumber, world: &mut World) {
        let Some(contract) = &mut self.contract else { return };
        if contract.hour(&mut self.host, now, world).is_none() {
            return;
        }
        let goes_on = !self.host.is_evicted() && now < world.setup.end();
        self.contract = goes_on.then(|| Contract::open(&mut self.host, now, world));
    }
}

/// Lives through it. The same setup has the same outcome.
pub fn run(setup: &Setup) -> Outcome {
    let mut world = World {
        setup: setup.clone(),
        trackers: Trackers::new(setup.seed, setup.trackers, setup.liars),
        books: Books::new(setup.miners, setup.trackers),
        tally: Tally::default(),
        pot: 0,
    };
    let mut miners: Vec<Miner> = (0..setup.miners)
        .map(|index| {
            let mut host = Host::new(setup, index);
            let contract = Some(Contract::open(&mut host, 0, &mut world));
            Miner { host, contract }
        })
        .collect();
    for start in (0..setup.end()).step_by(usize::try_from(HOUR).unwrap_or(1)) {
        if start.is_multiple_of(ROUND) {
            world.trackers.begin_round(start);
        }
        let now = start + HOUR;
        world.trackers.pass(now);
        miners.iter_mut().for_each(|miner| miner.hour(now, &mut world));
    }
    pay_trackers(&mut world);
    Outcome::new(&world, &miners)
}

/// Pays the trackers for their words.
fn pay_trackers(world: &mut World) {
    world.pot = Balance::try_from(world.books.of(Account::Pot)).unwrap_or(0);
    for (index, tracker) in (0..).zip(world.trackers.iter()) {
        world.books.pay(Account::Pot, Account::Tracker(index), tracker.earned);
    }
}
