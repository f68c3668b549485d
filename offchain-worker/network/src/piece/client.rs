//! The client's side: one function an operation.

use super::{
    download::PieceDownload,
    frame::{FrameError, FrameReader, FrameWriter},
    upload::PieceUpload,
    wire::{decode, Answer, Request, ReserveRequest, SignedOffer, MAX_ANSWER_FRAME},
};
use crate::{
    config::Limits,
    identity::{peer_id_of, verify_signature},
    runner::Command,
    NetworkError,
};
use futures::{
    io::{ReadHalf, WriteHalf},
    AsyncReadExt,
};
use libp2p::Stream;
use lunarx_core::{ContractId, NodeKey, PieceId};
use std::time::Duration;
use tokio::sync::mpsc::WeakSender;

pub(super) type Reader = FrameReader<ReadHalf<Stream>>;
pub(super) type Writer = FrameWriter<WriteHalf<Stream>>;

/// The other side of a stream, and what to do when it misbehaves.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) node: NodeKey,
    pub(crate) limits: Limits,
    pub(crate) commands: WeakSender<Command>,
}

impl Link {
    /// The error for a failed frame. A peer that broke the protocol is cut off.
    pub(super) fn failed(&self, error: FrameError, what: &'static str) -> NetworkError {
        let node = self.node;
        match error {
            FrameError::TimedOut(after) => NetworkError::TimedOut { node, what, after },
            error if error.is_violation() => self.violated(error.to_string()),
            error => NetworkError::ConnectionLost { node, reason: error.to_string() },
        }
    }

    /// Cuts the peer off for breaking the protocol.
    pub(crate) fn violated(&self, reason: String) -> NetworkError {
        let node = self.node;
        tracing::warn!(%node, %reason, "peer broke the protocol, blocked");
        if let (Some(peer), Some(commands)) = (peer_id_of(&node), self.commands.upgrade()) {
            if commands.try_send(Command::Block(peer)).is_err() {
                tracing::debug!(%node, "the runner is busy, the peer stays unblocked");
            }
        }
        NetworkError::Protocol { node, reason }
    }

    /// The error for an answer that is not the one expected.
    pub(crate) fn unexpected(&self, answer: Answer) -> NetworkError {
        match answer {
            Answer::Refused(refusal) => NetworkError::Refused { node: self.node, refusal },
            other => self.violated(format!("unexpected answer {}", other.name())),
        }
    }

    /// Reads one answer.
    pub(super) async fn answer(
        &self,
        reader: &mut Reader,
        what: &'static str,
        idle: Duration,
    ) -> Result<Answer, NetworkError> {
        self.answer_of(MAX_ANSWER_FRAME, reader, what, idle).await
    }

    /// Reads one answer of at most `max` bytes.
    async fn answer_of(
        &self,
        max: usize,
        reader: &mut Reader,
        what: &'static str,
        idle: Duration,
    ) -> Result<Answer, NetworkError> {
        let frame = reader.read(max, idle, self.limits.frame).await;
        frame.and_then(|frame| decode(&frame)).map_err(|error| self.failed(error, what))
    }

    /// Sends the request that a stream begins with. A miner may refuse before it reads it.
    async fn request(&self, stream: Stream, request: &Request) -> Result<(Reader, Writer), NetworkError> {
        let (read, write) = stream.split();
        let mut reader = FrameReader::new(read);
        let mut writer = FrameWriter::new(write, self.limits.frame);
        if let Err(error) = writer.send(request).await {
            return Err(self.last_word(&mut reader, error, "take a request").await);
        }
        Ok((reader, writer))
    }

    /// Why sending failed: the refusal that the miner left behind, if any.
    pub(super) async fn last_word(
        &self,
        reader: &mut Reader,
        error: FrameError,
        what: &'static str,
    ) -> NetworkError {
        if matches!(error, FrameError::TimedOut(_)) {
            return self.failed(error, what);
        }
        match reader.read(MAX_ANSWER_FRAME, LAST_WORD, LAST_WORD).await.and_then(|frame| decode(&frame)) {
            Ok(answer) => self.unexpected(answer),
            Err(_) => self.failed(error, what),
        }
    }
}

/// Longest wait for a refusal after the stream broke.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Reserves space: see `Network::reserve`.
pub(crate) async fn reserve(
    link: Link,
    stream: Stream,
    request: ReserveRequest,
    genesis: &[u8; 32],
) -> Result<SignedOffer, NetworkError> {
    let (mut reader, mut writer) = link.request(stream, &Request::Reserve(request.clone())).await?;
    let answer = link.answer(&mut reader, "answer a reservation", link.limits.answer).await?;
    let Answer::Offer(signed) = answer else { return Err(link.unexpected(answer)) };
    if let Err(error) = writer.close().await {
        tracing::debug!(%error, "stream was not closed in order");
    }
    match fault_of(&signed, &request, &link.node, genesis) {
        None => Ok(signed),
        Some(reason) => Err(NetworkError::BadOffer { node: link.node, reason }),
    }
}

/// What is wrong with an offer, if anything.
fn fault_of(
    signed: &SignedOffer,
    request: &ReserveRequest,
    miner: &NodeKey,
    genesis: &[u8; 32],
) -> Option<String> {
    let offer = &signed.offer;
    if !verify_signature(miner, &offer.payload(genesis), &signed.signature) {
        return Some("the signature is not by its node key".into());
    }
    if offer.client != request.client {
        return Some(format!("made for client {}, expected {}", offer.client, request.client));
    }
    if offer.max_bytes < request.max_bytes {
        return Some(format!("for {} bytes, expected at least {}", offer.max_bytes, request.max_bytes));
    }
    if offer.max_windows < request.max_windows {
        return Some(format!("for {} windows, expected at least {}", offer.max_windows, request.max_windows));
    }
    if offer.price > request.max_price {
        return Some(format!("price {}, expected at most {}", offer.price, request.max_price));
    }
    None
}

/// Begins an upload: see `Network::store`.
pub(crate) async fn store(
    link: Link,
    stream: Stream,
    contract: ContractId,
    index: u32,
) -> Result<PieceUpload, NetworkError> {
    let (mut reader, writer) = link.request(stream, &Request::Store { contract, index }).await?;
    match link.answer(&mut reader, "get ready for a piece", link.limits.answer).await? {
        Answer::Ready { offset } => Ok(PieceUpload::new(link, reader, writer, offset)),
        other => Err(link.unexpected(other)),
    }
}

/// Gives a reservation back: see `Network::release`.
pub(crate) async fn release(link: Link, stream: Stream, contract: ContractId) -> Result<(), NetworkError> {
    let request = Request::Release { contract };
    let question = Question { request, what: "release a reservation", max_answer: MAX_ANSWER_FRAME };
    match ask(&link, stream, question).await? {
        Answer::Released => Ok(()),
        other => Err(link.unexpected(other)),
    }
}

/// A question that has one answer.
pub(crate) struct Question {
    pub(crate) request: Request,
    /// What the peer is asked to do, for errors.
    pub(crate) what: &'static str,
    /// Longest frame with the answer.
    pub(crate) max_answer: usize,
}

/// Asks, and returns the answer, which may be a refusal.
pub(crate) async fn ask(link: &Link, stream: Stream, question: Question) -> Result<Answer, NetworkError> {
    let Question { request, what, max_answer } = question;
    let (mut reader, mut writer) = link.request(stream, &request).await?;
    let answer = link.answer_of(max_answer, &mut reader, what, link.limits.answer).await?;
    if let Err(error) = writer.close().await {
        tracing::debug!(%error, "stream was not closed in order");
    }
    Ok(answer)
}

/// What to retrieve; at least one byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) piece: PieceId,
    pub(crate) piece_len: u64,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// Begins a download: see `Network::retrieve`.
pub(crate) async fn retrieve(
    link: Link,
    stream: Stream,
    wanted: Wanted,
) -> Result<PieceDownload, NetworkError> {
    let Wanted { piece, offset, len, .. } = wanted;
    let (reader, writer) = link.request(stream, &Request::Retrieve { piece, offset, len }).await?;
    Ok(PieceDownload::start(link, reader, writer, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeSecret;
    use lunarx_core::{AccountId, Offer};

    const GENESIS: [u8; 32] = [5; 32];

    fn request() -> ReserveRequest {
        ReserveRequest { client: AccountId([1; 32]), max_bytes: 10, max_windows: 20, max_price: 30 }
    }

    fn fault(change: impl FnOnce(&mut Offer<AccountId>), genesis: [u8; 32]) -> Option<String> {
        let miner = NodeSecret::from_seed([9; 32]);
        let mut offer = Offer {
            miner: AccountId([2; 32]),
            client: AccountId([1; 32]),
            max_bytes: 10,
            max_windows: 20,
            price: 30,
            expires: 1,
            nonce: 1,
        };
        change(&mut offer);
        let signature = miner.sign(&offer.payload(&genesis));
        fault_of(&SignedOffer { offer, signature }, &request(), &miner.node_key(), &GENESIS)
    }

    #[test]
    fn accepts_only_offers_that_meet_the_request() {
        assert_eq!(fault(|_| (), GENESIS), None);
        assert_eq!(fault(|offer| offer.price = 29, GENESIS), None);
        assert!(fault(|offer| offer.client = AccountId([3; 32]), GENESIS).unwrap().contains("client"));
        assert!(fault(|offer| offer.max_bytes = 9, GENESIS).unwrap().contains("bytes"));
        assert!(fault(|offer| offer.max_windows = 19, GENESIS).unwrap().contains("windows"));
        assert!(fault(|offer| offer.price = 31, GENESIS).unwrap().contains("price"));
        assert!(fault(|_| (), [6; 32]).unwrap().contains("signature"));
    }
}
