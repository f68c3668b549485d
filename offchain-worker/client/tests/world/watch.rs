//! Watches what a put or get reports.

use lunarx_client::{Event, Progress};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What was reported so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    pub bytes: u64,
    pub faults: usize,
}

/// Notes what is reported, for tests to wait for.
#[derive(Default)]
pub struct Watch {
    seen: watch::Sender<Seen>,
    stop: Option<CancellationToken>,
}

impl Watch {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Cancels `stop` when the first bytes are reported.
    pub fn stopping(stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self { stop: Some(stop), ..Self::default() })
    }

    /// Waits until what was reported meets a condition.
    pub async fn until(&self, met: impl FnMut(&Seen) -> bool) {
        super::within(self.seen.subscribe().wait_for(met)).await.unwrap();
    }
}

impl Progress for Watch {
    fn report(&self, event: Event) {
        self.seen.send_modify(|seen| match event {
            Event::Bytes(bytes) => seen.bytes += bytes,
            Event::Fault(_) => seen.faults += 1,
            _ => {}
        });
        if let Some(stop) = self.stop.as_ref().filter(|_| self.seen.borrow().bytes > 0) {
            stop.cancel();
        }
    }
}
