//! One piece on its way to a miner.

use super::{
    client::{Link, Reader, Writer},
    frame::FrameError,
    wire::{decode, Answer, Upload, MAX_ANSWER_FRAME, MAX_DATA_BYTES},
};
use crate::NetworkError;
use bytes::Bytes;
use lunarx_core::PieceId;

/// What the miner is late with when an upload times out.
const TAKE_BYTES: &str = "take bytes of a piece";

/// An upload of one piece.
///
/// # Resuming
/// A piece's place is its contract and number, not this handle: what the miner has taken in stays there
/// while the reservation lasts. Miners give up a stream on which nothing comes for `Limits::idle_stream`
/// (the source pauses), and connections break. After `ConnectionLost` or `TimedOut` from any call the
/// owner drops the handle, calls `Network::store` again and goes on at the new [`offset`](Self::offset):
/// - After a pause that is where it stopped: the miner has all that was sent.
/// - After a break it may be less than was sent, by what was still under way: some MiB, the windows of the
///   transport. The owner sends these bytes again, so it keeps them or can read them again. They must be the
///   same bytes: a source that is sealed again is another piece.
/// - If the whole piece is there, only `finish` is left to do; it answers again if it was done before.
/// - `Refusal::BadOffset` says that the miner was still taking in the old stream: `Network::store` again.
#[must_use = "an upload does nothing by itself"]
pub struct PieceUpload {
    link: Link,
    reader: Reader,
    writer: Writer,
    offset: u64,
}

impl PieceUpload {
    pub(super) fn new(link: Link, reader: Reader, writer: Writer, offset: u64) -> Self {
        Self { link, reader, writer, offset }
    }

    /// Where the next byte goes: at first what the miner has already, then also what was sent since.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Sends the next bytes. Returns when they are handed to the transport, which takes no more than its
    /// window until the miner reads them.
    pub async fn send(&mut self, bytes: Bytes) -> Result<(), NetworkError> {
        for payload in bytes.chunks(MAX_DATA_BYTES) {
            let head = Upload::data_head(payload);
            tokio::select! {
                biased;
                early = self.reader.next(MAX_ANSWER_FRAME) => return Err(self.early(early)),
                written = self.writer.write(&head, payload) => match written {
                    Ok(()) => {}
                    Err(error) => return Err(self.link.last_word(&mut self.reader, error, TAKE_BYTES).await),
                },
            }
            self.offset = self.offset.saturating_add(u64::try_from(payload.len()).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    /// Completes the piece, `len` bytes in all; answers what the miner says it hashes to.
    pub async fn finish(mut self, len: u64) -> Result<PieceId, NetworkError> {
        if let Err(error) = self.writer.send_bytes(&Upload::finish(len)).await {
            return Err(self.link.last_word(&mut self.reader, error, TAKE_BYTES).await);
        }
        let idle = self.link.limits.finish;
        match self.link.answer(&mut self.reader, "finish a piece", idle).await? {
            Answer::Done { piece } => {
                if let Err(error) = self.writer.close().await {
                    tracing::debug!(%error, "stream was not closed in order");
                }
                Ok(piece)
            }
            other => Err(self.link.unexpected(other)),
        }
    }

    /// The error for an answer that comes while data is being sent.
    fn early(&self, frame: Result<Bytes, FrameError>) -> NetworkError {
        match frame.and_then(|frame| decode(&frame)) {
            Ok(answer) => self.link.unexpected(answer),
            Err(error) => self.link.failed(error, TAKE_BYTES),
        }
    }
}
