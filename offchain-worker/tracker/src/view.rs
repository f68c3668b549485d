//! The chain as the tracker needs it, read as seldom as that allows.

use crate::{patience::Patience, seats::Rounds};
use lunarx_chain::{Chain, ChainError};
use lunarx_core::{
    AccountId, AuditRules, AuditSeed, BlockNumber, ChainParameters, ContractId, DisputeInfo, NodeKey,
    ProviderInfo, RoundDetails, TrackerInfo, TrackerState, Watched,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// The lists are read so often in a window. What is new in between is not lost: its challenges are derived
/// from the seeds then.
const LOOKS_PER_WINDOW: BlockNumber = 16;
/// Seeds in one read.
const SEEDS: u32 = 4096;

/// What was read.
pub(crate) struct View {
    chain: Arc<dyn Chain>,
    account: AccountId,
    parameters: ChainParameters,
    /// Active contracts.
    pub(crate) contracts: BTreeMap<ContractId, Watched<AccountId>>,
    pub(crate) providers: Vec<ProviderInfo<AccountId>>,
    /// Node keys of the providers.
    pub(crate) keys: HashMap<AccountId, NodeKey>,
    /// Newest first.
    pub(crate) rounds: Vec<RoundDetails<AccountId>>,
    pub(crate) disputes: BTreeMap<ContractId, DisputeInfo<AccountId>>,
    pub(crate) patience: Patience,
    pub(crate) trackers: Vec<TrackerInfo<AccountId>>,
    pub(crate) seeds: BTreeMap<BlockNumber, AuditSeed>,
    /// The blocks whose seeds were read.
    read: std::ops::Range<BlockNumber>,
    next: BlockNumber,
    next_disputes: BlockNumber,
    reads: u64,
}

impl View {
    pub(crate) fn new(chain: Arc<dyn Chain>, account: AccountId) -> Self {
        let parameters = chain.parameters();
        Self {
            patience: Patience::default(),
            parameters,
            chain,
            account,
            contracts: BTreeMap::new(),
            providers: Vec::new(),
            keys: HashMap::new(),
            rounds: Vec::new(),
            disputes: BTreeMap::new(),
            trackers: Vec::new(),
            seeds: BTreeMap::new(),
            read: 0..0,
            next: 0,
            next_disputes: 0,
            reads: 0,
        }
    }

    /// Reads the lists if it is time to; whether it did.
    pub(crate) async fn refresh(&mut self, height: BlockNumber) -> Result<bool, ChainError> {
        if height < self.next {
            return Ok(false);
        }
        let chain = &self.chain;
        let contracts = chain.contracts().await?;
        let providers = chain.providers().await?;
        let rounds = chain.rounds().await?;
        self.trackers = chain.trackers().await?;
        self.contracts =
            contracts.iter().filter_map(|info| info.watched().map(|watched| (info.id, watched))).collect();
        self.keys = providers.iter().map(|info| (info.account, info.node_key)).collect();
        self.providers = providers;
        self.rounds = rounds;
        self.read_births(height).await?;
        self.next = height.saturating_add(self.every());
        self.reads = self.reads.saturating_add(1);
        Ok(true)
    }

    /// Reads the disputes if it is time to; whether it did. They follow on the lists. None is answered before its
    /// bytes are drawn, so one is missed only if a read takes longer than that.
    pub(crate) async fn refresh_disputes(&mut self, height: BlockNumber) -> Result<bool, ChainError> {
        if height < self.next_disputes {
            return Ok(false);
        }
        let disputes = self.chain.disputes().await?;
        self.disputes = disputes.into_iter().map(|dispute| (dispute.contract, dispute)).collect();
        self.patience.look(&self.disputes, &self.contracts);
        self.next_disputes = height.saturating_add(self.every().min(lunarx_proof::DISPUTE_BLOCKS));
        Ok(true)
    }

    /// What seats follow from.
    pub(crate) fn sortition(&self) -> Rounds<'_> {
        Rounds { known: &self.rounds, seeds: &self.seeds, read: &self.read }
    }

    /// Reads the seeds that draw the seats of contracts that were accepted in this round or the one before.
    async fn read_births(&mut self, height: BlockNumber) -> Result<(), ChainError> {
        let from = self.rounds.iter().take(2).next_back().map_or(0, |round| round.start);
        let young = self.contracts.values().map(|watched| watched.since).filter(|since| *since >= from);
        match young.min() {
            Some(since) => self.read_seeds(since.saturating_add(1), height).await,
            None => Ok(()),
        }
    }

    /// Blocks between two reads of the lists.
    fn every(&self) -> BlockNumber {
        (self.parameters.window / LOOKS_PER_WINDOW).max(1)
    }

    /// How often the lists were read.
    pub(crate) fn reads(&self) -> u64 {
        self.reads
    }

    /// Has the lists read again at the next occasion.
    pub(crate) fn expire(&mut self) {
        self.next = 0;
        self.next_disputes = 0;
    }

    /// Reads the seeds of `from..=height`, as far as that was not done, and forgets the oldest.
    pub(crate) async fn read_seeds(
        &mut self,
        from: BlockNumber,
        height: BlockNumber,
    ) -> Result<(), ChainError> {
        let end = height.saturating_add(1);
        let oldest = end.saturating_sub(self.parameters.audit.seed_history);
        let from = from.max(oldest);
        if self.read.is_empty() {
            self.read = from..from;
        }
        if from < self.read.start {
            self.read_range(from, self.read.start).await?;
            self.read.start = from;
        }
        while self.read.end < end {
            let until = end.min(self.read.end.saturating_add(SEEDS));
            self.read_range(self.read.end, until).await?;
            self.read.end = until;
        }
        self.seeds = self.seeds.split_off(&oldest);
        self.read.start = self.read.start.max(oldest).min(self.read.end);
        Ok(())
    }

    async fn read_range(&mut self, from: BlockNumber, until: BlockNumber) -> Result<(), ChainError> {
        let mut at = from;
        while at < until {
            let count = until.saturating_sub(at).min(SEEDS);
            let seeds = self.chain.audit_seeds(at, count).await?;
            self.seeds.extend((at..until).zip(seeds).filter_map(|(block, seed)| Some((block, seed?))));
            at = at.saturating_add(count);
        }
        Ok(())
    }

    /// How a contract is audited.
    pub(crate) fn rules(&self, watched: &Watched<AccountId>) -> AuditRules {
        rules_of(&self.parameters, watched)
    }

    /// The tracker's own entry.
    pub(crate) fn own(&self) -> Option<&TrackerInfo<AccountId>> {
        self.trackers.iter().find(|tracker| tracker.account == self.account)
    }

    /// Node keys of the trackers that are drawn for seats: the ring's members.
    pub(crate) fn active_trackers(&self) -> impl Iterator<Item = NodeKey> + '_ {
        let active = self.trackers.iter().filter(|tracker| tracker.state == TrackerState::Active);
        active.map(|tracker| tracker.node_key)
    }
}

/// How a contract is audited: by its own window, which does not change when the chain's does.
pub(crate) fn rules_of(parameters: &ChainParameters, watched: &Watched<AccountId>) -> AuditRules {
    if watched.window == parameters.window {
        parameters.audit
    } else {
        AuditRules::of_window(watched.window)
    }
}
