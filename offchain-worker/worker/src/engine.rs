//! Does what is owed: one pass reads chain and store, derives the duties and works them off.
//!
//! A pass can stop anywhere, by an error or because the miner stops: the next one derives what is
//! left. Nothing is remembered between passes but what saves work or repetition.

use crate::{
    disk::Disk,
    duties::{self, Absences, Batch, ChainView, Holding, Holdings, Trouble},
    reserve::{Desk, Standing},
    MinerError,
};
use lunarx_chain::{Call, Chain, ChainError, Signer};
use lunarx_core::{AccountId, BlockNumber, ContractId, ContractInfo, ContractState};
use lunarx_proof::batch_root;
use lunarx_store::{PieceStore, StoreError};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// Blocks for which a contract that the chain refused by itself is left alone: each try costs a fee.
const SUSPENSION: BlockNumber = 50;

/// Works off the duties of one miner.
pub(crate) struct Engine {
    chain: Arc<dyn Chain>,
    signer: Signer,
    disk: Arc<Disk>,
    desk: Arc<Desk>,
    settle_every: u32,
    absences: Absences,
    /// Told already, so that each trouble is told once.
    told: BTreeSet<Trouble>,
    /// Kept contracts whose pieces were looked at in this run: they change no more.
    looked_at: BTreeSet<ContractId>,
    /// Refused by the chain, each until a height.
    suspended: BTreeMap<ContractId, BlockNumber>,
}

impl Engine {
    pub(crate) fn new(
        chain: Arc<dyn Chain>,
        signer: Signer,
        disk: Arc<Disk>,
        desk: Arc<Desk>,
        settle_every: u32,
    ) -> Self {
        Self {
            chain,
            signer,
            disk,
            desk,
            settle_every,
            absences: Absences::default(),
            told: BTreeSet::new(),
            looked_at: BTreeSet::new(),
            suspended: BTreeMap::new(),
        }
    }

    /// Brings the miner up to date with the finalized state at `height` or later.
    pub(crate) async fn pass(&mut self, height: BlockNumber) -> Result<(), MinerError> {
        let contracts = match self.read_chain().await {
            Ok(contracts) => contracts,
            Err(error) => {
                self.desk.set_standing(Standing::Unheard);
                return Err(error.into());
            }
        };
        let contracts: BTreeMap<_, _> = contracts.into_iter().map(|info| (info.id, info)).collect();
        let contracts = Arc::new(contracts);
        let held = self.holdings(contracts.clone()).await?;
        let parameters = self.chain.parameters();
        let list: Vec<_> = contracts.values().cloned().collect();
        let view =
            ChainView { height, parameters: &parameters, contracts: &list, miner: self.signer.account() };
        let duties = duties::derive(view, &held, self.settle_every);
        self.suspended.retain(|_, until| *until > height);
        self.tell(&duties.trouble);

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
        self.submit(duties.expire, height, |ids| Call::Expire { ids }).await
    }

    /// The miner's contracts; on the way, what the chain says of the miner.
    async fn read_chain(&self) -> Result<Vec<ContractInfo<AccountId>>, ChainError> {
        let account = self.signer.account();
        let provider = self.chain.provider(account).await?;
        let contracts = self.chain.contracts_of(account).await?;
        self.desk.set_standing(Standing::from(provider.as_ref()));
        Ok(contracts)
    }

    /// What the store holds. Pieces are looked at under live contracts only, and once kept, once.
    async fn holdings(
        &mut self,
        contracts: Arc<BTreeMap<ContractId, ContractInfo<AccountId>>>,
    ) -> Result<Holdings, MinerError> {
        let looked_at = std::mem::take(&mut self.looked_at);
        let read = move |store: &dyn PieceStore| {
            let mut held = Holdings::new();
            for stored in store.contracts()? {
                let id = stored.contract;
                let seen = stored.kept && looked_at.contains(&id);
                let pending =
                    contracts.get(&id).map(|info| matches!(info.state, ContractState::Pending { .. }));
                let wanted = pending.is_some_and(|pending| pending || !seen);
                let batch = if wanted { readable(batch(store, id), id)? } else { None };
                held.insert(id, Holding { kept: stored.kept, expires: stored.reservation.expires, batch });
            }
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
            let holding = Holding { kept: true, expires: 0, batch: Some(batch) };
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
        let ids: Vec<_> = ids.into_iter().filter(|id| !self.suspended.contains_key(id)).collect();
        let most = usize::try_from(self.chain.parameters().max_promises).unwrap_or(usize::MAX).max(1);
        let mut batches: VecDeque<Vec<ContractId>> = ids.chunks(most).map(<[_]>::to_vec).collect();
        while let Some(batch) = batches.pop_front() {
            let call = call(batch.clone());
            let name = call.name();
            match self.chain.submit(&self.signer, call).await {
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
                        self.suspended.insert(*id, height.saturating_add(SUSPENSION));
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
