//! The piece protocol's server side: every request is checked here, then done on the store.
//!
//! The network has proven who the peer is, and bounded the message; whether this peer may do this
//! is decided here. Reads are open to anybody: pieces are ciphertext under a key of their own.

use crate::{
    disk::{Disk, DiskError},
    prover::Prover,
    reserve::{Claim, Desk},
};
use async_trait::async_trait;
use bytes::Bytes;
use codec::Encode;
use lunarx_core::{BlockNumber, ContractId, NodeKey, PieceId};
use lunarx_network::{
    EncodedRange, Heartbeat, NodeSecret, PieceService, Refusal, ReserveRequest, SignedOffer, MAX_RANGE_BYTES,
};
use lunarx_proof::{Answer, RangeError};
use lunarx_store::{PieceStore, Reservation, StoreError};
use rand::{rngs::OsRng, RngCore};
use std::sync::Arc;
use tokio::sync::watch;

/// Serves pieces out of the store.
pub(crate) struct MinerService {
    pub(crate) disk: Arc<Disk>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) prover: Arc<Prover>,
    /// Signs offers. Not the network's handle, which holds this service.
    pub(crate) secret: NodeSecret,
    pub(crate) genesis: [u8; 32],
    pub(crate) finalized: watch::Receiver<BlockNumber>,
}

impl MinerService {
    fn height(&self) -> BlockNumber {
        *self.finalized.borrow()
    }

    fn owned(&self, peer: NodeKey, contract: ContractId) -> Result<Claim, Refusal> {
        self.desk.owned(contract, peer, self.height())
    }
}

#[async_trait]
impl PieceService for MinerService {
    async fn reserve(&self, peer: NodeKey, request: ReserveRequest) -> Result<SignedOffer, Refusal> {
        let offer = self.desk.terms().offer(&request, self.height(), OsRng.next_u64())?;
        let contract = offer.contract_id(&self.genesis);
        let claim = Claim {
            owner: peer,
            client: offer.client,
            bytes: offer.max_bytes,
            expires: offer.expires,
            given_up: None,
        };
        let lending = self.desk.claim(contract, claim)?;
        let signature = self.secret.sign(&offer.payload(&self.genesis));
        let signed = SignedOffer { offer, signature };
        let reservation = Reservation {
            owner: peer,
            max_bytes: claim.bytes,
            expires: claim.expires,
            offer: signed.encode(),
        };
        // The lending goes along, so that claim and reservation stand or fall together even if the
        // peer hangs up meanwhile.
        let reserve = move |store: &dyn PieceStore| {
            store.reserve(contract, reservation)?;
            lending.stored();
            Ok(())
        };
        self.disk.write(reserve).await.map_err(refusal)?;
        tracing::debug!(%peer, %contract, bytes = claim.bytes, expires = claim.expires, "reserved");
        Ok(signed)
    }

    async fn written(&self, peer: NodeKey, contract: ContractId, index: u32) -> Result<u64, Refusal> {
        self.owned(peer, contract)?;
        self.disk.write(move |store| store.written(contract, index)).await.map_err(refusal)
    }

    async fn append(
        &self,
        peer: NodeKey,
        contract: ContractId,
        index: u32,
        offset: u64,
        bytes: Bytes,
    ) -> Result<(), Refusal> {
        self.owned(peer, contract)?;
        let append = move |store: &dyn PieceStore| store.append(contract, index, offset, &bytes);
        self.disk.write(append).await.map(|_| ()).map_err(refusal)
    }

    async fn finish(
        &self,
        peer: NodeKey,
        contract: ContractId,
        index: u32,
        len: u64,
    ) -> Result<PieceId, Refusal> {
        self.owned(peer, contract)?;
        let piece =
            self.disk.write(move |store| store.finish(contract, index, len)).await.map_err(refusal)?;
        tracing::debug!(%peer, %contract, index, %piece, len, "piece finished");
        Ok(piece)
    }

    async fn read(
        &self,
        _peer: NodeKey,
        piece: PieceId,
        offset: u64,
        len: u64,
    ) -> Result<EncodedRange, Refusal> {
        if len > MAX_RANGE_BYTES {
            return Err(Refusal::TooLarge { max: MAX_RANGE_BYTES });
        }
        let range =
            self.disk.run(move |store| store.read_range(piece, offset, len)).await.map_err(refusal)?;
        Ok(EncodedRange { piece_len: range.piece_len, bytes: range.bytes })
    }

    async fn release(&self, peer: NodeKey, contract: ContractId) -> Result<(), Refusal> {
        self.desk.give_up(contract, peer, self.height())?;
        tracing::debug!(%peer, %contract, "given up");
        Ok(())
    }

    /// Anybody may ask: whoever can recompute what is due may see that it is proven.
    async fn prove(
        &self,
        peer: NodeKey,
        contract: ContractId,
        block: BlockNumber,
    ) -> Result<Answer, Refusal> {
        self.prover.answer(peer, contract, block).await
    }

    async fn heartbeat(&self) -> Result<Heartbeat, Refusal> {
        let usage = self.disk.run(|store| Ok(store.usage())).await.map_err(refusal)?;
        Ok(Heartbeat { free: usage.free(), stored: usage.stored })
    }
}

/// What a peer is told. The miner's own troubles are logged, not told.
pub(crate) fn refusal(error: DiskError) -> Refusal {
    match error {
        DiskError::Store(error) => store_refusal(error),
        DiskError::Closed => Refusal::Unavailable,
        DiskError::Task(error) => {
            tracing::error!(%error, "a task on the piece store died");
            Refusal::Unavailable
        }
    }
}

fn store_refusal(error: StoreError) -> Refusal {
    match error {
        StoreError::QuotaExceeded { free, .. } => Refusal::NoSpace { free },
        StoreError::WrongOffset { expected, .. } => Refusal::BadOffset { expected },
        StoreError::TooLong { max, .. } => Refusal::TooLarge { max },
        StoreError::WrongLength { expected, .. } => Refusal::Incomplete { written: expected },
        StoreError::EmptyPiece => Refusal::Incomplete { written: 0 },
        StoreError::Range(RangeError::Bounds { piece_len, .. }) => Refusal::BadRange { piece_len },
        StoreError::UnknownContract(_)
        | StoreError::UnknownPiece(_)
        | StoreError::Kept(_)
        | StoreError::IndexTooLarge { .. } => Refusal::NotFound,
        // What is finished does not change: another reservation is the way on.
        StoreError::AlreadyFinished { .. } => Refusal::Expired,
        StoreError::Lost(piece) => {
            tracing::error!(%piece, "a stored piece is lost");
            Refusal::NotFound
        }
        error => {
            tracing::error!(%error, fatal = error.is_fatal(), "the piece store failed");
            Refusal::Unavailable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_where_to_go_on() {
        let told = |error| store_refusal(error);
        assert_eq!(told(StoreError::QuotaExceeded { needed: 9, free: 5 }), Refusal::NoSpace { free: 5 });
        let offset = StoreError::WrongOffset { expected: 7, actual: 0 };
        assert_eq!(told(offset), Refusal::BadOffset { expected: 7 });
        let short = StoreError::WrongLength { expected: 7, actual: 8 };
        assert_eq!(told(short), Refusal::Incomplete { written: 7 });
        let outside = RangeError::Bounds { offset: 9, len: 9, piece_len: 10 };
        assert_eq!(told(StoreError::Range(outside)), Refusal::BadRange { piece_len: 10 });
    }

    #[test]
    fn the_miners_own_troubles_are_not_told() {
        assert_eq!(store_refusal(StoreError::Corrupt("secret path".into())), Refusal::Unavailable);
        assert_eq!(store_refusal(StoreError::DiskFull("/srv".into())), Refusal::Unavailable);
        assert_eq!(store_refusal(StoreError::Lost(PieceId([1; 32]))), Refusal::NotFound);
    }
}
