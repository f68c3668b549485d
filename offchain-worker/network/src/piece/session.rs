//! One stream on the serving side.

use super::{
    frame::{FrameError, FrameReader, FrameWriter},
    server::Services,
    service::{EncodedRange, PieceService},
    tracker::MAX_NODES,
    wire::{max_request_frame, next_range, Answer, Range, Refusal, Request, Upload, MAX_UPLOAD_FRAME},
};
use crate::config::Limits;
use bytes::{Bytes, BytesMut};
use futures::{
    io::{ReadHalf, WriteHalf},
    AsyncRead, AsyncReadExt, AsyncWrite,
};
use lunarx_core::{ContractId, NodeKey, PieceId};
use lunarx_proof::range::max_encoded_len;
use std::sync::Arc;
use tokio::{sync::mpsc, time::timeout};

/// Bytes gathered before the service is called.
const APPEND_BYTES: usize = 1 << 20;
/// Gathered buffers that wait for the service.
const APPENDS_AHEAD: usize = 1;

/// How an operation ends for the peer.
enum End {
    /// Refused: the peer is told why.
    Refused(Refusal),
    /// The stream broke, or the peer broke the protocol.
    Broken(FrameError),
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<FrameError> for End {
    fn from(error: FrameError) -> Self {
        Self::Broken(error)
    }
}

/// Serves one stream.
pub(super) struct Session<S> {
    services: Services,
    peer: NodeKey,
    limits: Limits,
    reader: FrameReader<ReadHalf<S>>,
    writer: FrameWriter<WriteHalf<S>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub(super) fn new(services: Services, peer: NodeKey, limits: Limits, stream: S) -> Self {
        let (read, write) = stream.split();
        let (reader, writer) = (FrameReader::new(read), FrameWriter::new(write, limits.frame));
        Self { services, peer, limits, reader, writer }
    }

    /// Serves until the operation is over.
    pub(super) async fn run(mut self) -> Result<(), FrameError> {
        match self.serve().await {
            Ok(()) => self.writer.close().await,
            Err(End::Refused(refusal)) => {
                tracing::debug!(peer = %self.peer, %refusal, "refused");
                self.writer.send(&Answer::Refused(refusal)).await?;
                self.writer.close().await
            }
            Err(End::Broken(error)) => Err(error),
        }
    }

    async fn serve(&mut self) -> Result<(), End> {
        let peer = self.peer;
        let answer = match Request::decode_frame(&self.request().await?)? {
            Request::Store { contract, index } => return self.store(contract, index).await,
            Request::Retrieve { piece, offset, len } => return self.retrieve(piece, offset, len).await,
            Request::Reserve(request) => Answer::Offer(self.pieces()?.reserve(peer, request).await?),
            Request::Release { contract } => {
                self.pieces()?.release(peer, contract).await?;
                Answer::Released
            }
            Request::Prove { contract, block } => {
                Answer::Proven(self.pieces()?.prove(peer, contract, block).await?)
            }
            Request::Heartbeat => Answer::Heartbeat(self.pieces()?.heartbeat().await?),
            Request::Announce(announcement) => {
                self.services.tracker()?.announce(peer, announcement).await?;
                Answer::Noted
            }
            Request::Locate { piece } => {
                Answer::nodes(self.services.tracker()?.locate(piece).await?, MAX_NODES)
            }
            Request::Resolve(request) => {
                let most = request.count;
                Answer::nodes(self.services.tracker()?.resolve(request).await?, most)
            }
            Request::Tasks { most } => Answer::tasks(self.services.tracker()?.tasks(peer, most).await?, most),
            Request::Result(result) => {
                self.services.tracker()?.result(peer, result).await?;
                Answer::Noted
            }
        };
        Ok(self.writer.send(&answer).await?)
    }

    fn pieces(&self) -> Result<&Arc<dyn PieceService>, Refusal> {
        self.services.pieces()
    }

    /// Reads the request, which has one time limit from the first byte to the last.
    async fn request(&mut self) -> Result<Bytes, FrameError> {
        let within = self.limits.request;
        let frame = timeout(within, self.reader.next(max_request_frame())).await;
        frame.map_err(|_| FrameError::TimedOut(within))?
    }

    async fn store(&mut self, contract: ContractId, index: u32) -> Result<(), End> {
        let service = self.pieces()?.clone();
        let offset = service.written(self.peer, contract, index).await?;
        self.writer.send(&Answer::Ready { offset }).await?;
        let (sender, buffers) = mpsc::channel(APPENDS_AHEAD);
        let sink = Sink { service: service.clone(), peer: self.peer, contract, index };
        // Both end together: the reader when the sink refuses, the sink when the reader is done.
        let (read, kept) =
            tokio::join!(receive(&mut self.reader, &self.limits, sender), sink.take(offset, buffers));
        kept?;
        let piece = service.finish(self.peer, contract, index, read?).await?;
        Ok(self.writer.send(&Answer::Done { piece }).await?)
    }

    async fn retrieve(&mut self, piece: PieceId, offset: u64, len: u64) -> Result<(), End> {
        let end = offset.checked_add(len).filter(|_| len > 0);
        let end = end.ok_or_else(|| FrameError::Malformed(format!("range {offset}+{len}")))?;
        let (service, peer) = (self.pieces()?.clone(), self.peer);
        let read = |at: u64| {
            let service = &service;
            async move { service.read(peer, piece, at, next_range(at, end)).await }
        };
        let mut at = offset;
        let mut range = read(at).await?;
        loop {
            let following = at + next_range(at, end);
            if following >= end {
                self.send_range(at, end, range).await?;
                break;
            }
            // The disk reads ahead by one range while the network is busy.
            let (sent, next) = tokio::join!(self.send_range(at, end, range), read(following));
            sent?;
            (at, range) = (following, next?);
        }
        Ok(())
    }

    async fn send_range(&mut self, offset: u64, end: u64, range: EncodedRange) -> Result<(), End> {
        if range.bytes.len() > max_encoded_len(next_range(offset, end)) {
            tracing::error!(bytes = range.bytes.len(), "the service made an oversized range");
            return Err(End::Refused(Refusal::Unavailable));
        }
        let head = Range::head(range.piece_len, offset, &range.bytes);
        Ok(self.writer.write(&head, &range.bytes).await?)
    }
}

/// Reads an upload until its `Finish`, whose length it returns. What came before a break is handed on
/// as well, so that a resumed upload has to repeat nothing.
async fn receive<R: AsyncRead + Unpin>(
    reader: &mut FrameReader<R>,
    limits: &Limits,
    buffers: mpsc::Sender<Bytes>,
) -> Result<u64, FrameError> {
    let mut gathered = BytesMut::with_capacity(APPEND_BYTES);
    let end = loop {
        let frame = tokio::select! {
            () = buffers.closed() => return Err(FrameError::Closed),
            frame = reader.read(MAX_UPLOAD_FRAME, limits.idle_stream, limits.frame) => frame,
        };
        match frame.and_then(Upload::decode) {
            Ok(Upload::Data(bytes)) => {
                gathered.extend_from_slice(&bytes);
                if gathered.len() >= APPEND_BYTES && buffers.send(gathered.split().freeze()).await.is_err() {
                    return Err(FrameError::Closed);
                }
            }
            Ok(Upload::Finish { len }) => break Ok(len),
            Err(error) => break Err(error),
        }
    };
    if !gathered.is_empty() && buffers.send(gathered.freeze()).await.is_err() {
        return Err(FrameError::Closed);
    }
    end
}

/// Where the bytes of one upload go.
struct Sink {
    service: Arc<dyn PieceService>,
    peer: NodeKey,
    contract: ContractId,
    index: u32,
}

impl Sink {
    async fn take(&self, mut offset: u64, mut buffers: mpsc::Receiver<Bytes>) -> Result<(), Refusal> {
        while let Some(bytes) = buffers.recv().await {
            let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.service.append(self.peer, self.contract, self.index, offset, bytes).await?;
            offset = offset.saturating_add(len);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::piece::wire::{ReserveRequest, SignedOffer};
    use async_trait::async_trait;
    use tokio_util::compat::TokioAsyncReadCompatExt;

    /// Nothing may be asked of it.
    struct Untouched;

    #[async_trait]
    impl PieceService for Untouched {
        async fn reserve(&self, _: NodeKey, _: ReserveRequest) -> Result<SignedOffer, Refusal> {
            unreachable!()
        }
        async fn written(&self, _: NodeKey, _: ContractId, _: u32) -> Result<u64, Refusal> {
            Ok(0)
        }
        async fn append(&self, _: NodeKey, _: ContractId, _: u32, _: u64, _: Bytes) -> Result<(), Refusal> {
            unreachable!()
        }
        async fn finish(&self, _: NodeKey, _: ContractId, _: u32, _: u64) -> Result<PieceId, Refusal> {
            unreachable!()
        }
        async fn read(&self, _: NodeKey, _: PieceId, _: u64, _: u64) -> Result<EncodedRange, Refusal> {
            unreachable!()
        }
        async fn release(&self, _: NodeKey, _: ContractId) -> Result<(), Refusal> {
            unreachable!()
        }
    }

    async fn error_of(frames: &[&[u8]]) -> FrameError {
        let (near, far) = tokio::io::duplex(1 << 20);
        let services = Services { pieces: Some(Arc::new(Untouched)), tracker: None };
        let session = Session::new(services, NodeKey([1; 32]), Limits::default(), far.compat());
        let mut writer = FrameWriter::new(near.compat(), Limits::default().frame);
        for frame in frames {
            writer.send_bytes(frame).await.unwrap();
        }
        session.run().await.unwrap_err()
    }

    #[tokio::test]
    async fn messages_out_of_the_protocol_are_violations() {
        use codec::Encode;
        let store = Request::Store { contract: ContractId([1; 32]), index: 0 }.encode();
        let nothing = Request::Retrieve { piece: PieceId([1; 32]), offset: 1, len: 0 }.encode();
        let overflow = Request::Retrieve { piece: PieceId([1; 32]), offset: 2, len: u64::MAX }.encode();
        let empty_data = [0, 0];
        let oversized = vec![0; max_request_frame() + 1];
        let too_many = (6u8, [1u8; 32], vec![[0u8; 40]; 257]).encode();
        for frames in [
            &[&[9u8][..]][..],
            &[&[0; 129]],
            &[&[11]],
            &[&oversized],
            &[&too_many],
            &[&nothing],
            &[&overflow],
            &[&store, &[7]],
            &[&store, &[1, 2]],
            &[&store, &empty_data],
        ] {
            let error = error_of(frames).await;
            assert!(error.is_violation(), "{error:?}");
        }
    }
}
