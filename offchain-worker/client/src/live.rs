//! Every live contract of the account, whoever knows of it.
//!
//! Contracts that neither a manifest nor a record knows are those of a lost catalogue, or of another
//! machine with the same words. One that was ended, or whose term is over, is not live, though the chain
//! keeps it, and the fee of its last windows, until their outcome is final.

use crate::{
    contracts::{is_live, Contracts},
    removal::RemoveOutcome,
    CatalogueError, Client, ClientError,
};
use lunarx_core::{AccountId, Balance, ContractId, ContractInfo};
use lunarx_row::ObjectId;
use std::collections::HashMap;

/// What a contract belongs to, by the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// An object: it holds one of its pieces.
    Object(ObjectId),
    /// A put that is under way or was interrupted.
    Pending(ObjectId),
    /// Nothing that this catalogue knows.
    Unknown,
}

/// A live contract, as client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveContract {
    /// What the chain says of it.
    pub contract: ContractInfo<AccountId>,
    /// What it belongs to.
    pub owner: Owner,
}

/// All live contracts of an account as client.
#[derive(Debug)]
pub struct LiveContracts {
    /// Them, in the order of their ids.
    pub contracts: Vec<LiveContract>,
    /// Files of the catalogue that cannot be opened: their contracts are among the unknown.
    pub unreadable: Vec<CatalogueError>,
}

impl Client {
    /// Asks the chain for them, and the catalogue for what they belong to.
    pub async fn live_contracts(&self) -> Result<LiveContracts, ClientError> {
        // In this order: a put under way has its record before its contracts, and its manifest before
        // the record goes.
        let mut live = self.chain.contracts_of(self.account()).await?;
        let pending = self.catalogue.pending()?;
        let manifests = self.catalogue.list()?;
        let (mut owners, mut unreadable) = (HashMap::new(), Vec::new());
        for put in pending {
            match put {
                Ok(put) => owners
                    .extend(put.contracts().into_iter().map(|id| (id, Owner::Pending(put.manifest.object)))),
                Err(error) => unreadable.push(error),
            }
        }
        for manifest in manifests {
            match manifest {
                Ok(manifest) => {
                    let ids = manifest.segments.iter().flat_map(|entry| entry.contracts.iter().copied());
                    owners.extend(ids.map(|id| (id, Owner::Object(manifest.object))));
                }
                Err(error) => unreadable.push(error),
            }
        }
        let height = *self.chain.finalized().borrow();
        live.retain(|contract| contract.client == self.account() && is_live(contract, height));
        live.sort_by_key(|contract| contract.id);
        let owner = |id| owners.get(&id).copied().unwrap_or(Owner::Unknown);
        let contracts =
            live.into_iter().map(|contract| LiveContract { owner: owner(contract.id), contract }).collect();
        Ok(LiveContracts { contracts, unreadable })
    }

    /// Ends those of `ids` that are live, whatever they belong to: the pieces under them are lost.
    pub async fn end_contracts(&self, ids: &[ContractId]) -> Result<RemoveOutcome, ClientError> {
        let contracts = self.contracts();
        let live = contracts.live(ids).await?;
        let released = live.iter().map(|contract| contract.escrow).fold(0, Balance::saturating_add);
        let live: Vec<ContractId> = live.iter().map(|contract| contract.id).collect();
        let ended = contracts.end(&live).await?;
        Ok(RemoveOutcome { ended, released })
    }

    pub(crate) fn contracts(&self) -> Contracts {
        Contracts::new(self.chain.clone(), self.keys.signer().clone())
    }
}
