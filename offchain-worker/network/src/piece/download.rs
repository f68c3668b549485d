//! One piece, or a part of it, on its way from a miner.
//!
//! A task reads frames and hands each to a blocking thread that verifies it, while the next one is
//! being read. At most [`AHEAD`] ranges wait for the caller; then nothing more is read and the miner has
//! to wait.

use super::{
    client::{Link, Reader, Wanted, Writer},
    wire::{max_range_frame, next_range, Range, RangeAnswer},
};
use crate::NetworkError;
use lunarx_proof::range::{verify_range, RangeError, VerifiedRange};
use tokio::{
    sync::mpsc,
    task::{spawn_blocking, JoinHandle},
};
use tokio_util::task::AbortOnDropHandle;

/// Ranges read and verified ahead of the caller.
const AHEAD: usize = 2;

/// A range on its way through verification.
type Pending = (u64, JoinHandle<Result<VerifiedRange, RangeError>>);

/// A download: ranges in order, each verified against the piece's id.
pub struct PieceDownload(Option<Active>);

struct Active {
    link: Link,
    wanted: Wanted,
    ranges: mpsc::Receiver<Result<Pending, NetworkError>>,
    _reading: AbortOnDropHandle<()>,
}

impl PieceDownload {
    pub(crate) fn empty() -> Self {
        Self(None)
    }

    pub(super) fn start(link: Link, reader: Reader, writer: Writer, wanted: Wanted) -> Self {
        let (sender, ranges) = mpsc::channel(AHEAD);
        let fetch = Fetch { link: link.clone(), reader, _writer: writer, wanted };
        let reading = AbortOnDropHandle::new(tokio::spawn(fetch.run(sender)));
        Self(Some(Active { link, wanted, ranges, _reading: reading }))
    }

    /// The next range, of at most `MAX_RANGE_BYTES`; `None` after the last one or an error.
    pub async fn next(&mut self) -> Option<Result<VerifiedRange, NetworkError>> {
        let active = self.0.as_mut()?;
        let range = match active.ranges.recv().await {
            Some(Ok(pending)) => active.verified(pending).await,
            Some(Err(error)) => Err(error),
            None => {
                self.0 = None;
                return None;
            }
        };
        if range.is_err() {
            self.0 = None;
        }
        Some(range)
    }
}

impl Active {
    async fn verified(&self, (offset, task): Pending) -> Result<VerifiedRange, NetworkError> {
        // A task that was cancelled says that the whole runtime is stopping.
        let verified = task.await.map_err(|_| NetworkError::Stopped)?;
        let (node, piece) = (self.link.node, self.wanted.piece);
        verified.map_err(|reason| {
            tracing::warn!(%node, %piece, offset, %reason, "corrupt bytes");
            NetworkError::Corrupt { node, piece, offset, reason }
        })
    }
}

/// The reading task.
struct Fetch {
    link: Link,
    reader: Reader,
    /// Kept open: a closed stream would say that nobody wants the answer.
    _writer: Writer,
    wanted: Wanted,
}

impl Fetch {
    async fn run(mut self, ranges: mpsc::Sender<Result<Pending, NetworkError>>) {
        let Wanted { piece, piece_len, offset, len } = self.wanted;
        let end = offset.saturating_add(len);
        let mut at = offset;
        while at < end {
            let expected = next_range(at, end);
            let next = self.next(at).await.map(|range| {
                let verify = move || verify_range(piece, piece_len, at, expected, &range.encoded);
                (at, spawn_blocking(verify))
            });
            let failed = next.is_err();
            if ranges.send(next).await.is_err() || failed {
                return;
            }
            at = at.saturating_add(expected);
        }
    }

    /// Reads the frame with the range at `offset`.
    async fn next(&mut self, offset: u64) -> Result<Range, NetworkError> {
        let limits = &self.link.limits;
        let frame = self.reader.read(max_range_frame(), limits.answer, limits.frame).await;
        let answer = frame.and_then(RangeAnswer::decode);
        match answer.map_err(|error| self.link.failed(error, "send a range"))? {
            RangeAnswer::Range(range) if range.offset != offset => {
                Err(self.link.violated(format!("range at offset {}, expected {offset}", range.offset)))
            }
            RangeAnswer::Range(range) if range.piece_len != self.wanted.piece_len => {
                // The bytes may be right, but under this length nothing proves them.
                let reason = RangeError::Bounds {
                    offset,
                    len: next_range(offset, self.wanted.offset + self.wanted.len),
                    piece_len: range.piece_len,
                };
                let (node, piece) = (self.link.node, self.wanted.piece);
                Err(NetworkError::Corrupt { node, piece, offset, reason })
            }
            RangeAnswer::Range(range) => Ok(range),
            RangeAnswer::Other(answer) => Err(self.link.unexpected(answer)),
        }
    }
}
