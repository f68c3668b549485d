//! The end of objects, and of puts that were interrupted.

use crate::{limits::TRANSACTION_LIFE_BLOCKS, Catalogue, CatalogueError, Client, ClientError, PendingPut};
use lunarx_core::{Balance, ContractId};
use lunarx_row::ObjectId;
use std::time::Duration;
use tokio::time::timeout;

/// A chain without a block for so long stands still.
const BLOCK_PATIENCE: Duration = Duration::from_secs(60);

/// What the removal of an object came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemoveOutcome {
    /// Contracts that were live and have been ended.
    pub ended: usize,
    /// What was held for them: the rest of the term is refunded at once; what they served until then goes to
    /// the miners once the outcome of its windows is final, or comes back.
    pub released: Balance,
}

impl Client {
    /// Ends all live contracts of an object, then drops its manifest: it cannot be read any more. If the
    /// chain fails, the manifest stays, and removing can be tried again. The same for a put that was
    /// interrupted and its record; one that is still under way ends with [`ClientError::Removed`].
    pub async fn remove(&self, object: ObjectId) -> Result<RemoveOutcome, ClientError> {
        let manifest = match self.catalogue.load(object) {
            Err(CatalogueError::NotFound(_)) => {
                let put = self.catalogue.load_pending(object)?;
                return self.remove_pending(&put).await;
            }
            manifest => manifest?,
        };
        let ids: Vec<ContractId> =
            manifest.segments.iter().flat_map(|entry| entry.contracts.iter().copied()).collect();
        let outcome = self.end_contracts(&ids).await?;
        remove_left_over(&self.catalogue, object)?;
        self.catalogue.remove(object)?;
        Ok(outcome)
    }

    /// Ends contracts until all have been there, or until those that have not cannot come any more: a
    /// transaction outlives the program that sent it.
    async fn remove_pending(&self, put: &PendingPut) -> Result<RemoveOutcome, ClientError> {
        let (ids, mut outcome) = (put.contracts(), RemoveOutcome::default());
        let mut finalized = self.chain.finalized();
        let sent = finalized.borrow().saturating_add(TRANSACTION_LIFE_BLOCKS);
        let over = put.open_until.min(sent);
        loop {
            // Before the contracts: what is read afterwards is of this height or a later one.
            let height = *finalized.borrow_and_update();
            let ended = self.end_contracts(&ids).await?;
            outcome.ended = outcome.ended.saturating_add(ended.ended);
            outcome.released = outcome.released.saturating_add(ended.released);
            if outcome.ended >= ids.len() || height > over {
                break;
            }
            match timeout(BLOCK_PATIENCE, finalized.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Err(ClientError::ChainStalled(BLOCK_PATIENCE)),
            }
        }
        self.catalogue.remove_pending(put.manifest.object)?;
        Ok(outcome)
    }
}

/// The record of a put that was interrupted after it had saved the manifest.
fn remove_left_over(catalogue: &Catalogue, object: ObjectId) -> Result<(), CatalogueError> {
    match catalogue.remove_pending(object) {
        Err(CatalogueError::NotFound(_)) => Ok(()),
        removed => removed,
    }
}
