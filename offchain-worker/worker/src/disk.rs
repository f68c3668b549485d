//! The piece store off the async threads: bounded in parallel, and closed at the end.
//!
//! Everything that reads or writes the store goes through [`Disk::run`]. After [`Disk::close`] no
//! call is running and the store itself is dropped, so that its lock is free for the next start,
//! whoever still holds a handle.

use lunarx_store::{PieceStore, StoreError, StoredContract};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// Most calls on the store at a time. A read holds up to 1 MiB and its hashes in memory.
const MAX_PARALLEL: usize = 32;
/// Most of these that write for clients: reads and proofs always find room beside them, however long a disk takes.
const MAX_WRITING: usize = 16;

/// Contracts read at a time.
const PAGE: usize = 256;

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

/// Calls `visit` for every contract.
pub(crate) fn for_each_contract(
    store: &dyn PieceStore,
    mut visit: impl FnMut(StoredContract) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = store.contracts(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.contract);
        page.into_iter().try_for_each(&mut visit)?;
    }
}

/// Handle of the store.
pub(crate) struct Disk {
    store: RwLock<Option<Arc<dyn PieceStore>>>,
    permits: Arc<Semaphore>,
    writing: Arc<Semaphore>,
    running: TaskTracker,
}

impl Disk {
    pub(crate) fn new(store: Arc<dyn PieceStore>) -> Self {
        Self {
            store: RwLock::new(Some(store)),
            permits: Arc::new(Semaphore::new(MAX_PARALLEL)),
            writing: Arc::new(Semaphore::new(MAX_WRITING)),
            running: TaskTracker::new(),
        }
    }

    /// Runs `call` on a thread that may block. It runs to its end even if the caller goes away.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn PieceStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, DiskError> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| DiskError::Closed)?;
        let task = {
            // Held while spawning, so that `close` waits for every task that still got the store.
            let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
            let store = store.clone().ok_or(DiskError::Closed)?;
            // The permit goes with the call, which nobody can cut short.
            self.running.spawn_blocking(move || {
                let _permit = permit;
                call(store.as_ref())
            })
        };
        Ok(task.await??)
    }

    /// The same for what a client writes.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn PieceStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, DiskError> {
        let writing = self.writing.clone().acquire_owned().await.map_err(|_| DiskError::Closed)?;
        self.run(move |store| {
            let _writing = writing;
            call(store)
        })
        .await
    }

    /// Refuses new calls, waits for the running ones, and drops the store.
    pub(crate) async fn close(&self) {
        self.writing.close();
        self.permits.close();
        let store = self.store.write().unwrap_or_else(PoisonError::into_inner).take();
        self.running.close();
        self.running.wait().await;
        drop(store);
    }
}
