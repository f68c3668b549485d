//! The piece store off the async threads: bounded in parallel, and closed at the end.
//!
//! Everything that reads or writes the store goes through [`Disk::run`]. After [`Disk::close`] no
//! call is running and the store itself is dropped, so that its lock is free for the next start,
//! whoever still holds a handle.

use lunarx_store::{PieceStore, StoreError};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// Most calls on the store at a time. A read holds up to 1 MiB and its hashes in memory.
const MAX_PARALLEL: usize = 32;

/// Why a call on the store gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiskError {
    /// The store itself.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The miner stops.
    #[error("the piece store is closed")]
    Closed,
    /// The call's task died.
    #[error("a task on the piece store died: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Handle of the store.
pub(crate) struct Disk {
    store: RwLock<Option<Arc<dyn PieceStore>>>,
    permits: Semaphore,
    running: TaskTracker,
}

impl Disk {
    pub(crate) fn new(store: Arc<dyn PieceStore>) -> Self {
        Self {
            store: RwLock::new(Some(store)),
            permits: Semaphore::new(MAX_PARALLEL),
            running: TaskTracker::new(),
        }
    }

    /// Runs `call` on a thread that may block. It runs to its end even if the caller goes away.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn PieceStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, DiskError> {
        let _permit = self.permits.acquire().await.map_err(|_| DiskError::Closed)?;
        let task = {
            // Held while spawning, so that `close` waits for every task that still got the store.
            let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
            let store = store.clone().ok_or(DiskError::Closed)?;
            self.running.spawn_blocking(move || call(store.as_ref()))
        };
        Ok(task.await??)
    }

    /// Refuses new calls, waits for the running ones, and drops the store.
    pub(crate) async fn close(&self) {
        self.permits.close();
        let store = self.store.write().unwrap_or_else(PoisonError::into_inner).take();
        self.running.close();
        self.running.wait().await;
        drop(store);
    }
}
