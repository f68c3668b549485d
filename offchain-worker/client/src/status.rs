//! How an object fares.

use crate::{
    client::timed,
    fetch::{sources, Source},
    limits::{CONNECT_TIMEOUT, MAX_CONCURRENT_MINERS, PROBE_TIMEOUT},
    Client, ClientError, Fault, TermEnd, Terms,
};
use futures::{stream, StreamExt};
use lunarx_core::{AccountId, Balance, ContractId, ContractInfo, NodeId, PieceId};
use lunarx_proof::GROUP_BYTES;
use lunarx_row::{Manifest, ObjectId, SegmentEntry};

/// How one piece fares.
#[derive(Clone, Debug)]
pub struct PieceStatus {
    /// Its number in the segment.
    pub index: u8,
    /// Its id.
    pub piece: PieceId,
    /// The node that it was stored at.
    pub node: NodeId,
    /// Whose node that is, while it is registered.
    pub miner: Option<AccountId>,
    /// The contract over it.
    pub contract: ContractId,
    /// What the chain says of the contract. `None`: ended, expired or over.
    pub on_chain: Option<ContractInfo<AccountId>>,
    /// Whether a small part of it could be read and verified.
    pub readable: Result<(), Fault>,
}

/// How one segment fares.
#[derive(Clone, Debug)]
pub struct SegmentStatus {
    /// Pieces needed to read it.
    pub needed: u8,
    /// Its pieces.
    pub pieces: Vec<PieceStatus>,
}

impl SegmentStatus {
    /// Pieces that can be read.
    pub fn readable(&self) -> usize {
        self.pieces.iter().filter(|piece| piece.readable.is_ok()).count()
    }
}

/// How an object fares.
#[derive(Clone, Debug)]
pub struct ObjectStatus {
    /// What it is.
    pub manifest: Manifest,
    /// Its segments.
    pub segments: Vec<SegmentStatus>,
    /// When its contracts run out. `None` if too few are active already.
    pub term_end: Option<TermEnd>,
}

impl ObjectStatus {
    /// Whether enough pieces of every segment can be read.
    pub fn is_readable(&self) -> bool {
        self.segments.iter().all(|segment| segment.readable() >= usize::from(segment.needed))
    }

    /// Held on chain for it now.
    pub fn escrow(&self) -> Balance {
        self.sum(|contract| contract.escrow)
    }

    /// Paid to its miners so far, by the contracts that are live.
    pub fn paid(&self) -> Balance {
        self.sum(|contract| contract.paid)
    }

    fn sum(&self, amount: impl Fn(&ContractInfo<AccountId>) -> Balance) -> Balance {
        let pieces = self.segments.iter().flat_map(|segment| &segment.pieces);
        pieces.filter_map(|piece| piece.on_chain.as_ref()).map(amount).fold(0, Balance::saturating_add)
    }
}

impl Client {
    /// Asks the chain for every contract of an object, and every miner for a small part of its piece.
    pub async fn status(&self, object: ObjectId) -> Result<ObjectStatus, ClientError> {
        let manifest = self.catalogue.load(object)?;
        let directory = self.directory().await?;
        let height = *self.chain.finalized().borrow();
        let mut segments: Vec<SegmentStatus> = Vec::with_capacity(manifest.segments.len());
        for entry in &manifest.segments {
            let sources = sources(&entry.descriptor, &directory);
            segments.push(self.segment_status(entry, sources).await?);
        }
        let pieces = segments.iter().flat_map(|segment| &segment.pieces);
        let live = pieces.filter_map(|piece| piece.on_chain.as_ref());
        let term_end = Terms::of(live, self.chain.parameters(), height).end_of(&manifest.segments);
        Ok(ObjectStatus { manifest, segments, term_end })
    }

    async fn segment_status(
        &self,
        entry: &SegmentEntry,
        sources: Vec<Source>,
    ) -> Result<SegmentStatus, ClientError> {
        let states = self.contracts().states(entry.contracts.iter().copied()).await?;
        let probes: Vec<_> =
            sources.iter().map(|source| self.probe(source, entry.descriptor.piece_len)).collect();
        let readable: Vec<_> = stream::iter(probes).buffered(MAX_CONCURRENT_MINERS).collect().await;
        let parts = sources.into_iter().zip(&entry.contracts).zip(states).zip(readable);
        let pieces = parts
            .map(|(((source, contract), on_chain), readable)| PieceStatus {
                index: source.index,
                piece: source.piece,
                node: source.node,
                miner: source.miner.map(|miner| miner.account),
                contract: *contract,
                on_chain,
                readable,
            })
            .collect();
        Ok(SegmentStatus { needed: entry.descriptor.code.k(), pieces })
    }

    /// Reads and verifies the first bytes of a piece.
    async fn probe(&self, source: &Source, piece_len: u64) -> Result<(), Fault> {
        let miner = source.miner.as_ref().ok_or(Fault::Unregistered)?;
        self.reach(miner, CONNECT_TIMEOUT).await?;
        let len = piece_len.min(GROUP_BYTES);
        let read = async {
            let mut download = self.network.retrieve(miner.node_key, source.piece, piece_len, 0, len).await?;
            download.next().await.transpose()
        };
        match timed("send a range", PROBE_TIMEOUT, read).await? {
            Some(_) => Ok(()),
            None => Err(Fault::Lied("sent nothing".into())),
        }
    }
}
