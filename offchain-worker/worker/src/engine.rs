//! Does what is owed: one pass reads chain and store, derives the duties and works them off.
//!
//! A pass can stop anywhere, by an error or because the miner stops: the next one derives what is
//! left. Nothing is remembered between passes but what saves work or repetition.

use crate::{
    disk::{for_each_contract, Disk},
    docket::covered,
    duties::{self, Absences, Batch, ChainView, Holding, Holdings, Trouble},
    proofs::Fault,
    prover::{ProofError, Prover},
    reserve::{Desk, Standing},
    MinerError,
};
use lunarx_chain::{Call, Chain, ChainError, Signer};
use lunarx_core::{AccountId, BlockNumber, ContractId, ContractInfo, ContractState, DisputeInfo, Watched};
use lunarx_proof::batch_root;
use lunarx_store::{PieceStore, StoreError};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// Blocks for which a contract that the chain refused by itself is left alone: each try costs a fee.
const SUSPENSION: BlockNumber = 50;
/// The same for answers to disputes, for which there is a deadline.
const ANSWER_SUSPENSION: BlockNumber = 5;
/// Seeds read in one call.
const SEEDS_AT_ONCE: u32 = 256;
/// Calls for seeds in one pass: after a long absence the rest comes with the next ones.
const SEED_READS: usize = 32;

/// The miner's contracts and the disputes that are open.
struct OnChain {
    contracts: Arc<BTreeMap<ContractId, ContractInfo<AccountId>>>,
    disputes: Vec<DisputeInfo<AccountId>>,
}

/// Works off the duties of one miner.
pub(crate) struct Engine {
    chain: Arc<dyn Chain>,
    signer: Signer,
    disk: Arc<Disk>,
    desk: Arc<Desk>,
    prover: Arc<Prover>,
    settle_every: u32,
    absences: Absences,
    /// Told already, so that each trouble is told once.
    told: BTreeSet<Trouble>,
    /// Kept contracts whose pieces were looked at in this run: they change no more.
    looked_at: BTreeSet<ContractId>,
    /// Calls that the chain refused, each until a height.
    suspended: BTreeMap<(&'static str, ContractId), BlockNumber>,
}

impl Engine {
    pub(crate) fn new(
        chain: Arc<dyn Chain>,
        signer: Signer,
        disk: Arc<Disk>,
        desk: Arc<Desk>,
        prover: Arc<Prover>,
        settle_every: u32,
    ) -> Self {
        Self {
            chain,
            signer,
            disk,
            desk,
            prover,
            settle_every,
            absences: Absences::default(),
            told: BTreeSet::new(),
            looked_at: BTreeSet::new(),
            suspended: BTreeMap::new(),
        }
    }

    /// Brings the miner up to date with the finalized state at `height` or later. Returns the contracts
    /// that it serves.
    pub(crate) async fn pass(
        &mut self,
        height: BlockNumber,
    ) -> Result<BTreeMap<ContractId, Watched<AccountId>>, MinerError> {
        let OnChain { contracts, disputes } = match self.read_chain().await {
            Ok(read) => read,
            Err(error) => {
                self.desk.set_standing(Standing::Unheard);
                return Err(error.into());
            }
        };
        let held = self.holdings(contracts.clone()).await?;
        let parameters = self.chain.parameters();
        let list: Vec<_> = contracts.values().cloned().collect();
        let miner = self.signer.account();
        let view =
            ChainView { height, parameters: &parameters, contracts: &list, disputes: &disputes, miner };
        let mut duties = duties::derive(view, &held, self.settle_every);
        self.suspended.retain(|_, until| *until > height);
        self.tell(&duties.trouble);
        let served = self.served(&contracts, &held);
        if let Err(error) = self.follow(served.clone(), height).await {
            // No other duty waits for it.
            tracing::warn!(%error, "cannot read the seeds of challenges");
        }

        for dispute in std::mem::take(&mut duties.answer) {
            if let Some(lost) = self.answer(&dispute, &contracts, height).await? {
                duties.surrender.push(lost);
            }
        }
        for id in duties.lapsed {
            self.remove(id, "reservation lapsed").await?;
        }
        for id in self.absences.observe(&duties.absent, height) {
            self.remove(id, "contract is over").await?;
        }
        self.keep(duties.keep, &contracts).await?;
        let kept = self.keep(duties.accept, &contracts).await?;
        self.submit(kept, height, |ids| Call::Accept { ids }).await?;
        self.submit(duties.settle, height, |ids| Call::Settle { ids }).await?;
        self.surrender(duties.surrender, height).await?;
        self.submit(duties.expire, height, |ids| Call::Expire { ids }).await?;
        Ok(served)
    }

    /// The miner's contracts and all open disputes; on the way, what the chain says of the miner.
    async fn read_chain(&self) -> Result<OnChain, ChainError> {
        let account = self.signer.account();
        let provider = self.chain.provider(account).await?;
        let contracts = self.chain.contracts_of(account).await?;
        let active = |info: &ContractInfo<_>| matches!(info.state, ContractState::Active { .. });
        // Read after the contracts: a dispute that is not among them is of a contract that is none.
        let disputes = if contracts.iter().any(active) { self.chain.disputes().await? } else { Vec::new() };
        self.desk.set_standing(Standing::from(provider.as_ref()));
        let contracts = contracts.into_iter().map(|info| (info.id, info)).collect();
        Ok(OnChain { contracts: Arc::new(contracts), disputes })
    }

    /// The miner's active contracts whose pieces are kept.
    fn served(
        &self,
        contracts: &BTreeMap<ContractId, ContractInfo<AccountId>>,
        held: &Holdings,
    ) -> BTreeMap<ContractId, Watched<AccountId>> {
        let own = contracts.values().filter(|info| info.miner == self.signer.account());
        let kept = own.filter(|info| held.get(&info.id).is_some_and(|holding| holding.kept));
        kept.filter_map(|info| Some((info.id, info.watched()?))).collect()
    }

    /// Lets challenges of `served` be answered, up to the block `height`.
    async fn follow(
        &self,
        served: BTreeMap<ContractId, Watched<AccountId>>,
        height: BlockNumber,
    ) -> Result<(), ChainError> {
        let docket = &self.prover.docket;
        let Some(mut from) = docket.set_contracts(served, height) else { return Ok(()) };
        for _ in 0..SEED_READS {
            let missing = height.saturating_add(1).saturating_sub(from);
            if missing == 0 {
                break;
            }
            let mut seeds = self.chain.audit_seeds(from, missing.min(SEEDS_AT_ONCE)).await?;
            // What the chain says of later blocks is not final.
            seeds.truncate(usize::try_from(missing).unwrap_or(usize::MAX));
            let Some(read) = BlockNumber::try_from(seeds.len()).ok().filter(|read| *read > 0) else { break };
            docket.add_seeds(from, seeds);
            from = from.saturating_add(read);
        }
        Ok(())
    }

    /// Answers a dispute. Returns its contract if the data turns out damaged.
    async fn answer(
        &mut self,
        dispute: &DisputeInfo<AccountId>,
        contracts: &BTreeMap<ContractId, ContractInfo<AccountId>>,
        height: BlockNumber,
    ) -> Result<Option<ContractId>, MinerError> {
        let id = dispute.contract;
        let Some(watched) = contracts.get(&id).and_then(ContractInfo::watched) else { return Ok(None) };
        match self.prover.prove(id, covered(&watched), dispute.positions.clone()).await {
            Ok(proofs) => {
                self.submit_one(
                    Call::Answer { contract: id, opened: dispute.opened, proofs },
                    id,
                    height,
                    ANSWER_SUSPENSION,
                )
                .await?;
                Ok(None)
            }
            Err(ProofError::Fault(Fault::Damaged(_))) => Ok(Some(id)),
            Err(ProofError::Disk(error)) => Err(error.into()),
            // It is tried again in the next pass, and holds up no other contract.
            Err(ProofError::Fault(error)) => {
                tracing::error!(contract = %id, deadline = dispute.deadline, %error, "cannot answer a dispute");
                Ok(None)
            }
        }
    }

    /// Gives up contracts whose data is lost: half the loss that silence would be.
    async fn surrender(&mut self, ids: Vec<ContractId>, height: BlockNumber) -> Result<(), MinerError> {
        for contract in ids {
            tracing::error!(%contract, "the data of a contract is lost; it is surrendered");
            self.submit_one(Call::Surrender { contract }, contract, height, SUSPENSION).await?;
        }
        Ok(())
    }

    /// Makes a call about one contract. One that the chain refuses is left alone for a while.
    async fn submit_one(
        &mut self,
        call: Call,
        contract: ContractId,
        height: BlockNumber,
        suspension: BlockNumber,
    ) -> Result<(), MinerError> {
        let name = call.name();
        if self.suspended.contains_key(&(name, contract)) {
            return Ok(());
        }
        match self.chain.submit(&self.signer, call).await {
            Ok(receipt) => {
                tracing::info!(call = name, %contract, block = receipt.block, "call took effect");
            }
            Err(error @ ChainError::Dispatch { .. }) => {
                tracing::warn!(call = name, %contract, %error, "the chain refused a call");
                self.suspended.insert((name, contract), height.saturating_add(suspension));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// What the store holds. Pieces are looked at under live contracts only, and once kept, once.
    async fn holdings(
        &mut self,
        contracts: Arc<BTreeMap<ContractId, ContractInfo<AccountId>>>,
    ) -> Result<Holdings, MinerError> {
        let looked_at = std::mem::take(&mut self.looked_at);
        let found = self.prover.damaged(|id| contracts.contains_key(id));
        let read = move |store: &dyn PieceStore| {
            let mut held = Holdings::new();
            for_each_contract(store, |stored| {
                let id = stored.contract;
                let seen = stored.kept && looked_at.contains(&id);
                let pending =
                    contracts.get(&id).map(|info| matches!(info.state, ContractState::Pending { .. }));
                let wanted = pending.is_some_and(|pending| pending || !seen);
                let batch = if wanted { readable(batch(store, id), id)? } else { None };
                let (kept, expires) = (stored.kept, stored.reservation.expires);
                let damaged = found.contains(&id) || (kept && stored.lost > 0);
                held.insert(id, Holding { kept, expires, batch, damaged });
                Ok(())
            })?;
            Ok(held)
        };
        let mut held = self.disk.run(read).await?;
        for (id, height) in self.desk.given_up() {
            // Treated as expired then: dropped once the chain shows that no contract came of it.
            if let Some(holding) = held.get_mut(&id) {
                holding.expires = holding.expires.min(height);
            }
        }
        self.looked_at = held.iter().filter(|(_, holding)| holding.kept).map(|(id, _)| *id).collect();
        Ok(held)
    }

    /// Keeps the pieces of contracts, durably, and gives back those of which exactly the promised
    /// pieces are kept. From then on nobody writes to them, so that what is compared after keeping
    /// is what is accepted.
    async fn keep(
        &self,
        ids: Vec<ContractId>,
        contracts: &BTreeMap<ContractId, ContractInfo<AccountId>>,
    ) -> Result<Vec<ContractId>, MinerError> {
        let mut kept = Vec::with_capacity(ids.len());
        for contract in ids.iter().filter_map(|id| contracts.get(id)) {
            let id = contract.id;
            let keep =
                move |store: &dyn PieceStore| readable(store.keep(id).and_then(|()| batch(store, id)), id);
            let Some(batch) = self.disk.run(keep).await? else { continue };
            self.desk.release(id);
            let holding = Holding { kept: true, expires: 0, batch: Some(batch), damaged: false };
            if duties::matches(contract, &holding) {
                kept.push(id);
            } else {
                tracing::error!(contract = %id, "pieces changed while they were kept; not accepted");
            }
        }
        Ok(kept)
    }

    async fn remove(&self, id: ContractId, why: &str) -> Result<(), MinerError> {
        self.disk.run(move |store| store.remove(id)).await?;
        self.desk.release(id);
        tracing::info!(contract = %id, why, "pieces removed");
        Ok(())
    }

    /// Makes a call over `ids` in batches. A batch that the chain refuses is halved until the
    /// contracts that it refuses stand alone; those are left alone for a while.
    async fn submit(
        &mut self,
        ids: Vec<ContractId>,
        height: BlockNumber,
        call: fn(Vec<ContractId>) -> Call,
    ) -> Result<(), MinerError> {
        let name = call(Vec::new()).name();
        let ids: Vec<_> = ids.into_iter().filter(|id| !self.suspended.contains_key(&(name, *id))).collect();
        let most = usize::try_from(self.chain.parameters().max_promises).unwrap_or(usize::MAX).max(1);
        let mut batches: VecDeque<Vec<ContractId>> = ids.chunks(most).map(<[_]>::to_vec).collect();
        while let Some(batch) = batches.pop_front() {
            match self.chain.submit(&self.signer, call(batch.clone())).await {
                Ok(receipt) => {
                    tracing::info!(
                        call = name,
                        contracts = batch.len(),
                        block = receipt.block,
                        "call took effect"
                    );
                }
                Err(error @ ChainError::Dispatch { .. }) => match batch.as_slice() {
                    [id] => {
                        tracing::warn!(call = name, contract = %id, %error, "the chain refused a contract");
                        self.suspended.insert((name, *id), height.saturating_add(SUSPENSION));
                    }
                    _ => {
                        let (first, second) = batch.split_at(batch.len() / 2);
                        batches.push_front(second.to_vec());
                        batches.push_front(first.to_vec());
                    }
                },
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Tells each trouble once, and forgets those that are over.
    fn tell(&mut self, trouble: &[Trouble]) {
        let now: BTreeSet<_> = trouble.iter().copied().collect();
        for trouble in now.difference(&self.told) {
            let contract = trouble.contract();
            match trouble {
                Trouble::WrongBatch(_) => {
                    tracing::warn!(%contract, "pending contract over other pieces than were stored; ignored");
                }
                Trouble::UnknownBatch(_) => {
                    tracing::warn!(%contract, "pending contract over nothing that is stored; ignored");
                }
                Trouble::LostData(_) => {
                    tracing::error!(%contract, "pieces of an active contract are not in the store");
                }
            }
        }
        self.told = now;
    }
}

/// What the finished pieces under a contract come to.
fn batch(store: &dyn PieceStore, contract: ContractId) -> Result<Batch, StoreError> {
    let entries = store.batch(contract)?;
    Ok(Batch {
        root: batch_root(&entries),
        // More pieces than u32 counts match no contract.
        pieces: u32::try_from(entries.len()).unwrap_or(u32::MAX),
        bytes: entries.iter().fold(0, |sum, entry| entry.len.saturating_add(sum)),
    })
}

/// Trouble with one contract is told, and holds up no other; trouble with the store stops the pass.
fn readable(result: Result<Batch, StoreError>, contract: ContractId) -> Result<Option<Batch>, StoreError> {
    match result {
        Ok(batch) => Ok(Some(batch)),
        Err(error) if error.is_fatal() => Err(error),
        Err(error) => {
            tracing::error!(%contract, %error, "cannot read the pieces of a contract");
            Ok(None)
        }
    }
}
