//! What the miner can be asked to prove: its contracts and the seeds of past blocks, as the last pass saw
//! them.
//!
//! A question is looked up here and nowhere else, so one that is made up costs a lookup and a hash.

use lunarx_core::{AccountId, AuditRules, AuditSeed, BlockNumber, ContractId, Watched};
use lunarx_network::Refusal;
use lunarx_proof::{challenged, Covered};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{PoisonError, RwLock},
};

/// A challenge that has to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) contract: ContractId,
    pub(crate) block: BlockNumber,
    pub(crate) seed: AuditSeed,
    pub(crate) covered: Covered,
    pub(crate) positions: Vec<u64>,
}

/// Contracts and seeds.
pub(crate) struct Docket {
    rules: AuditRules,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    contracts: BTreeMap<ContractId, Watched<AccountId>>,
    /// The block of the first seed.
    first: BlockNumber,
    /// One a block.
    seeds: VecDeque<Option<AuditSeed>>,
}

impl Docket {
    /// Empty.
    pub(crate) fn new(rules: AuditRules) -> Self {
        Self { rules, state: RwLock::default() }
    }

    /// Replaces the contracts, and forgets seeds that are of no use at `height`. Returns the first block
    /// whose seed is missing; `None` if no contract asks for any.
    pub(crate) fn set_contracts(
        &self,
        contracts: BTreeMap<ContractId, Watched<AccountId>>,
        height: BlockNumber,
    ) -> Option<BlockNumber> {
        let begin = contracts.values().map(|watched| watched.since).min();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.contracts = contracts;
        let oldest = height.saturating_add(1).saturating_sub(self.rules.seed_history);
        let wanted = begin?.max(oldest);
        if wanted < state.first || wanted > state.end() {
            state.seeds.clear();
            state.first = wanted;
        }
        while state.first < wanted {
            state.seeds.pop_front();
            state.first = state.first.saturating_add(1);
        }
        Some(state.end())
    }

    /// Adds the seeds of blocks from `from` on; those that do not follow on the last one are dropped.
    pub(crate) fn add_seeds(&self, from: BlockNumber, seeds: Vec<Option<AuditSeed>>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.end() == from {
            state.seeds.extend(seeds);
        }
    }

    /// The challenge of a contract in a block.
    ///
    /// # Errors
    /// `NotFound`: not a contract of this miner. `Busy`: the block is newer than the last pass.
    /// `NotChallenged`: the block asks for nothing, or is forgotten.
    pub(crate) fn due(&self, contract: ContractId, block: BlockNumber) -> Result<Question, Refusal> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let watched = state.contracts.get(&contract).ok_or(Refusal::NotFound)?;
        if block >= state.end() {
            return Err(Refusal::Busy);
        }
        let seed = state.seed(block).ok_or(Refusal::NotChallenged)?;
        watched.window_of(block).ok_or(Refusal::NotChallenged)?;
        let positions =
            challenged(&seed, &contract, watched.bytes, &self.rules).ok_or(Refusal::NotChallenged)?;
        Ok(Question { contract, block, seed, covered: covered(watched), positions })
    }
}

impl State {
    /// The first block whose seed is not known yet.
    fn end(&self) -> BlockNumber {
        let count = BlockNumber::try_from(self.seeds.len()).unwrap_or(BlockNumber::MAX);
        self.first.saturating_add(count)
    }

    fn seed(&self, block: BlockNumber) -> Option<AuditSeed> {
        let place = usize::try_from(block.checked_sub(self.first)?).ok()?;
        self.seeds.get(place).copied().flatten()
    }
}

/// What a contract covers.
pub(crate) fn covered(watched: &Watched<AccountId>) -> Covered {
    Covered { root: watched.root, pieces: watched.pieces, bytes: watched.bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::BatchRoot;

    const HISTORY: BlockNumber = 30;

    fn id(n: u8) -> ContractId {
        ContractId([n; 32])
    }

    fn contracts(since: BlockNumber) -> BTreeMap<ContractId, Watched<AccountId>> {
        let watched = Watched {
            client: AccountId([1; 32]),
            miner: AccountId([2; 32]),
            root: BatchRoot([3; 32]),
            pieces: 1,
            bytes: 1_000,
            since,
            window: 10,
            windows: 5,
            word_pay: 1,
            ended: None,
        };
        [(id(1), watched)].into()
    }

    /// Every block challenges.
    fn docket() -> Docket {
        Docket::new(AuditRules { rate: u64::MAX, seed_history: HISTORY, ..AuditRules::of_window(10) })
    }

    fn seeds(count: usize) -> Vec<Option<AuditSeed>> {
        vec![Some(AuditSeed([7; 32])); count]
    }

    fn refused(docket: &Docket, contract: u8, block: BlockNumber) -> Refusal {
        docket.due(id(contract), block).unwrap_err()
    }

    #[test]
    fn asks_for_seeds_from_the_first_contract_on() {
        let docket = docket();
        assert_eq!(docket.set_contracts(BTreeMap::new(), 50), None);
        assert_eq!(docket.set_contracts(contracts(45), 50), Some(45));
        docket.add_seeds(45, seeds(6));
        assert_eq!(docket.set_contracts(contracts(45), 55), Some(51));
        docket.add_seeds(53, seeds(6));
        assert_eq!(docket.set_contracts(contracts(45), 55), Some(51), "a gap is not filled");
        // A contract that began before the others, seen late.
        assert_eq!(docket.set_contracts(contracts(40), 55), Some(40));
    }

    #[test]
    fn forgets_seeds_that_the_chain_forgets() {
        let docket = docket();
        docket.set_contracts(contracts(45), 50);
        docket.add_seeds(45, seeds(6));
        assert!(docket.due(id(1), 45).is_ok());
        assert_eq!(docket.set_contracts(contracts(45), 76), Some(51));
        assert_eq!(refused(&docket, 1, 46), Refusal::NotChallenged);
        assert!(docket.due(id(1), 47).is_ok());
        // A long sleep: everything is forgotten, and nothing is asked for that is.
        assert_eq!(docket.set_contracts(contracts(45), 1_000), Some(971));
    }

    #[test]
    fn only_what_is_due_is_a_question() {
        let docket = docket();
        docket.set_contracts(contracts(45), 100);
        // Kept as long as the contract's blocks are asked for.
        docket.set_contracts(contracts(71), 100);
        docket.add_seeds(71, [seeds(4), vec![None], seeds(25)].concat());
        let question = docket.due(id(1), 71).unwrap();
        assert_eq!((question.positions.len(), question.covered.bytes), (24, 1_000));
        assert_eq!(refused(&docket, 1, 70), Refusal::NotChallenged);
        assert_eq!(refused(&docket, 1, 75), Refusal::NotChallenged, "no seed");
        assert_eq!(refused(&docket, 1, 101), Refusal::Busy);
        assert_eq!(refused(&docket, 1, BlockNumber::MAX), Refusal::Busy);
        assert_eq!(refused(&docket, 2, 71), Refusal::NotFound);
        let never = Docket::new(AuditRules { rate: 0, ..AuditRules::of_window(10) });
        never.set_contracts(contracts(45), 50);
        never.add_seeds(45, seeds(6));
        assert_eq!(refused(&never, 1, 45), Refusal::NotChallenged);
    }

    #[test]
    fn nothing_is_due_after_the_term() {
        let docket = docket();
        docket.set_contracts(contracts(45), 100);
        assert_eq!(docket.set_contracts(contracts(80), 140), Some(111));
        docket.add_seeds(111, seeds(30));
        assert!(docket.due(id(1), 129).is_ok());
        assert_eq!(refused(&docket, 1, 130), Refusal::NotChallenged);
    }
}
