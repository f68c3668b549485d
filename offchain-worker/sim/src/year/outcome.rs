//! What came of it.

use super::{books::Account, miner::Kind, Miner, World};
use crate::{
    statistics::{lx, mean, quantile, ratio, signed},
    HOUR,
};
use lunarx_core::Balance;
use serde::Serialize;

/// What came of one kind of miner. Times in hours, money in LX a miner.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindOutcome {
    /// Which.
    pub kind: Kind,
    /// Miners of it.
    pub miners: u32,
    /// The share of time for which they were there.
    pub up: f64,
    /// The share of windows that were paid.
    pub paid: f64,
    /// The share of pay lost beyond the time that they were down.
    pub lost_beyond_downtime: f64,
    /// Losses that a challenge showed.
    pub found: u32,
    /// Half of them were found within.
    pub found_median: f64,
    /// 99 % of them were found within.
    pub found_p99: f64,
    /// Half of the contracts with a loss were closed within.
    pub closed_median: f64,
    /// 99 % of them were closed within.
    pub closed_p99: f64,
    /// Contracts that ended by conviction.
    pub convicted: u32,
    /// Contracts that the miner gave up.
    pub surrendered: u32,
    /// Convictions of miners that had everything and were there. There must be none.
    pub wronged_online: u32,
    /// Convictions of miners that had everything, and were down for the whole time to answer.
    pub wronged_down: u32,
    /// Miners that were evicted.
    pub evicted: u32,
    /// Fees earned.
    pub earned: f64,
    /// Collateral lost.
    pub slashed: f64,
    /// Fees earned less collateral lost.
    pub net: f64,
    /// Answered questions of honest trackers, which those paid for.
    pub answered_honest: u64,
    /// Answered questions of liars, which those paid for.
    pub answered_liars: u64,
    /// Answered questions of clients, which those paid for.
    pub answered_clients: u64,
}

/// What came of all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Where its chance came from.
    pub seed: u64,
    /// Miners.
    pub miners: u32,
    /// Days.
    pub days: u32,
    /// Trackers.
    pub trackers: u32,
    /// Those of them that lied.
    pub liars: u32,
    /// Blocks for an answer.
    pub return_within: u32,
    /// By kind.
    pub kinds: Vec<KindOutcome>,
    /// Challenges a contract and day.
    pub challenges_mean: f64,
    /// Challenges that 99 % of days do not pass.
    pub challenges_p99: u32,
    /// Disputes opened.
    pub disputes: u64,
    /// Times that a tracker was drawn no more.
    pub suspensions: u64,
    /// A tracker's share of fees on average, in LX.
    pub fees: f64,
    /// What an answer on chain costs, in LX.
    pub answer_fee: f64,
    /// Fees and finder's shares less costs of an honest tracker, in LX.
    pub honest_tracker: f64,
    /// Fees and finder's shares less costs and fines of a lying one, in LX.
    pub lying_tracker: f64,
    /// Fines of honest trackers, in LX. There must be none.
    pub honest_fines: f64,
    /// Fines of a lying one, in LX.
    pub lying_fines: f64,
    /// Whether no money came from nowhere, and none was left in the wrong place.
    pub balanced: bool,
}

impl Outcome {
    pub(super) fn new(world: &World, miners: &[Miner]) -> Self {
        let days: u64 = world.tally.days.iter().sum();
        let hits: u64 = (0..).zip(&world.tally.days).map(|(hits, days): (u64, _)| hits * days).sum();
        let setup = &world.setup;
        Self {
            seed: setup.seed,
            miners: setup.miners,
            days: setup.days,
            trackers: setup.trackers,
            liars: setup.liars,
            return_within: setup.rules.return_within,
            kinds: Kind::ALL.into_iter().map(|kind| kind_outcome(kind, world, miners)).collect(),
            challenges_mean: ratio(hits as f64, days as f64),
            challenges_p99: busy_day(&world.tally.days, days),
            disputes: world.tally.disputes,
            suspensions: world.trackers.suspensions,
            fees: ratio(lx(signed(world.pot)), f64::from(setup.trackers)),
            answer_fee: lx(signed(setup.answer_fee())),
            honest_tracker: trackers_mean(world, false),
            lying_tracker: trackers_mean(world, true),
            honest_fines: fines(world, false),
            lying_fines: ratio(fines(world, true), f64::from(setup.liars)),
            balanced: is_balanced(world, miners),
        }
    }

    /// What came of a kind.
    pub fn of(&self, kind: Kind) -> Option<&KindOutcome> {
        self.kinds.iter().find(|outcome| outcome.kind == kind)
    }
}

/// The fewest challenges that 99 % of the days do not pass.
fn busy_day(days: &[u64], all: u64) -> u32 {
    let mut seen = 0;
    let day = (0..).zip(days).find(|(_, days)| {
        seen += **days;
        seen * 100 >= all * 99
    });
    day.map_or(0, |(hits, _)| hits)
}

fn trackers_mean(world: &World, liar: bool) -> f64 {
    let trackers = (0..).zip(world.trackers.iter()).filter(|(_, tracker)| tracker.liar == liar);
    let net: Vec<f64> = trackers.map(|(index, _)| lx(world.books.of(Account::Tracker(index)))).collect();
    mean(&net)
}

fn fines(world: &World, liar: bool) -> f64 {
    let of = world.trackers.iter().filter(|tracker| tracker.liar == liar);
    lx(signed(of.map(|tracker| tracker.fined).sum()))
}

fn kind_outcome(kind: Kind, world: &World, miners: &[Miner]) -> KindOutcome {
    let tally = world.tally.of(kind);
    let of: Vec<&Miner> = miners.iter().filter(|miner| miner.host.kind == kind).collect();
    let count = of.len() as f64;
    let held = |miner: &Miner| if miner.contract.is_some() { signed(world.setup.collateral()) } else { 0 };
    let net: i128 =
        of.iter().map(|miner| world.books.of(Account::Miner(miner.host.index)) + held(miner)).sum();
    let (net, slashed) = (ratio(lx(net), count), ratio(lx(signed(tally.slashed)), count));
    let up = ratio(tally.up as f64, tally.windows as f64 * f64::from(HOUR));
    let paid = ratio(tally.proven as f64, tally.windows as f64);
    let (found, closed) = (hours(&tally.found), hours(&tally.closed));
    KindOutcome {
        kind,
        miners: u32::try_from(of.len()).unwrap_or(u32::MAX),
        up,
        paid,
        lost_beyond_downtime: ratio(up - paid, up),
        found: u32::try_from(found.len()).unwrap_or(u32::MAX),
        found_median: quantile(&found, 0.5),
        found_p99: quantile(&found, 0.99),
        closed_median: quantile(&closed, 0.5),
        closed_p99: quantile(&closed, 0.99),
        convicted: tally.convicted,
        surrendered: tally.surrendered,
        wronged_online: tally.wronged_online,
        wronged_down: tally.wronged_down,
        evicted: of.iter().map(|miner| u32::from(miner.host.is_evicted())).sum(),
        earned: net + slashed,
        slashed,
        net,
        answered_honest: tally.answered_honest,
        answered_liars: tally.answered_liars,
        answered_clients: tally.answered_clients,
    }
}

/// Blocks as hours, in ascending order.
fn hours(blocks: &[u32]) -> Vec<f64> {
    let mut blocks = blocks.to_vec();
    blocks.sort_unstable();
    blocks.into_iter().map(|blocks| f64::from(blocks) / f64::from(HOUR)).collect()
}

/// Every account together is worth nothing, and what is held is held for something.
fn is_balanced(world: &World, miners: &[Miner]) -> bool {
    let open = || miners.iter().filter_map(|miner| miner.contract.as_ref());
    let escrow: Balance = open().map(|contract| contract.escrow()).sum();
    let collateral: Balance = open().map(|_| world.setup.collateral()).sum();
    let deposits: Balance =
        open().filter(|contract| contract.is_disputed()).map(|_| world.setup.answer_fee()).sum();
    // What divisions left in the pot is less than a unit a tracker.
    let pot = world.books.of(Account::Pot);
    world.books.total() == 0
        && world.books.of(Account::Escrow) == signed(escrow)
        && world.books.of(Account::Collateral) == signed(collateral)
        && world.books.of(Account::Deposits) == signed(deposits)
        && (0..i128::from(world.setup.trackers)).contains(&pot)
        && world.books.of(Account::Slashed) >= 0
}
