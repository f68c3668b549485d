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

/// An upload of one piece. Dropped half way, what the miner has stays there: `Network::store` resumes.
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
