//! What the service reads of the chain: a picture that the engine renews.

use crate::{resolve::Candidate, ring::Ring, view::View};
use lunarx_core::{AccountId, ContractId, NodeKey, ProviderInfo};
use lunarx_core::{BatchRoot, Services};
use lunarx_proof::{batch_root, BatchEntry};
use std::collections::HashMap;

/// What a contract covers, and at which node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) miner: AccountId,
    pub(crate) root: BatchRoot,
    pub(crate) pieces: u32,
    pub(crate) bytes: u64,
}

impl Batch {
    /// Whether these entries are the batch.
    pub(crate) fn is(&self, entries: &[BatchEntry]) -> bool {
        let bytes = entries.iter().try_fold(0u64, |sum, entry| sum.checked_add(entry.len));
        u32::try_from(entries.len()) == Ok(self.pieces)
            && bytes == Some(self.bytes)
            && batch_root(entries) == self.root
    }
}

/// The picture.
#[derive(Default)]
pub(crate) struct Directory {
    pub(crate) own: Option<NodeKey>,
    pub(crate) ring: Ring,
    contracts: HashMap<ContractId, Batch>,
    keys: HashMap<AccountId, NodeKey>,
    providers: Vec<ProviderInfo<AccountId>>,
}

impl Directory {
    /// Of what was read.
    pub(crate) fn of(view: &View, own: NodeKey) -> Self {
        let batch = |watched: &lunarx_core::Watched<AccountId>| Batch {
            miner: watched.miner,
            root: watched.root,
            pieces: watched.pieces,
            bytes: watched.bytes,
        };
        Self {
            own: Some(own),
            ring: Ring::new(view.active_trackers()),
            contracts: view.contracts.iter().map(|(id, watched)| (*id, batch(watched))).collect(),
            keys: view.keys.clone(),
            providers: view.providers.clone(),
        }
    }

    pub(crate) fn contract(&self, id: &ContractId) -> Option<Batch> {
        self.contracts.get(id).copied()
    }

    pub(crate) fn node_key(&self, account: &AccountId) -> Option<NodeKey> {
        self.keys.get(account).copied()
    }

    /// Miners that take new contracts, with what `online` says of them.
    pub(crate) fn candidates(&self, online: impl Fn(&NodeKey) -> Option<bool>) -> Vec<Candidate> {
        let open = |info: &&ProviderInfo<AccountId>| {
            info.exit_at.is_none() && info.services.contains(Services::STORAGE)
        };
        let candidate = |info: &ProviderInfo<AccountId>| Candidate {
            node_key: info.node_key,
            region: info.region.to_vec(),
            free: info.free(),
            price: info.price,
            score: info.score,
            online: online(&info.node_key),
        };
        self.providers.iter().filter(open).map(candidate).collect()
    }
}
