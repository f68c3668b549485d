//! Audits by the owner: watermarks ([`crate::marks`]) read back from every miner of an object.
//!
//! Each is read in its window, by the code that `get` reads with, so that a miner which answers trackers and
//! refuses its client is found out. A piece without marks is read at fresh random places.

use crate::{
    client::timed,
    fetch::{sources, window_at, window_of, Source},
    limits::{AUDIT_CONCURRENT_MINERS, AUDIT_RETRY_PAUSE, CONNECT_TIMEOUT},
    marks::{MarkKey, PieceKey, Tag, MARK_BYTES},
    Client, ClientError, Fault,
};
use futures::{stream, StreamExt};
use lunarx_chain::{Call, ChainError};
use lunarx_core::{AccountId, BlockNumber, ContractId, ContractInfo, ContractState, NodeId, PieceId};
use lunarx_network::VerifiedRange;
use lunarx_row::{Manifest, ObjectId, SegmentDescriptor, SegmentEntry};
use rand::{seq::SliceRandom, Rng};
use std::collections::BTreeMap;
use tokio::time::sleep;

/// What became of the marks that were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarkCounts {
    /// All of them.
    pub asked: usize,
    /// Were what they must be.
    pub right: usize,
    /// Were not, or came with no proof: the data is damaged.
    pub wrong: usize,
    /// The miner is there, and did not give them.
    pub refused: usize,
    /// The miner is not there.
    pub unreachable: usize,
}

impl MarkCounts {
    fn add(&mut self, other: Self) {
        self.asked += other.asked;
        self.right += other.right;
        self.wrong += other.wrong;
        self.refused += other.refused;
        self.unreachable += other.unreachable;
    }
}

/// How one piece stood an audit.
#[derive(Clone, Debug)]
pub struct PieceAudit {
    /// Number of its segment in the object.
    pub segment: usize,
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
    /// What the chain says of the contract. `None`: it is over.
    pub on_chain: Option<ContractInfo<AccountId>>,
    /// Whether it was marked at `put`. If not, it was read at random places.
    pub marked: bool,
    /// What became of its marks.
    pub marks: MarkCounts,
    /// The first thing that went wrong.
    pub fault: Option<Fault>,
}

impl PieceAudit {
    /// Whether its miner is paid for it now.
    pub fn is_active(&self) -> bool {
        let contract = self.on_chain.as_ref().filter(|contract| contract.ended.is_none());
        contract.is_some_and(|contract| matches!(contract.state, ContractState::Active { .. }))
    }

    /// Damaged, or refused by a miner that is there.
    pub fn is_bad(&self) -> bool {
        self.marks.wrong > 0 || self.marks.refused > 0
    }
}

/// How one miner stood an audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinerAudit {
    /// Its node.
    pub node: NodeId,
    /// Its account, while it is registered.
    pub miner: Option<AccountId>,
    /// Pieces of the object that it holds.
    pub pieces: usize,
    /// What became of their marks.
    pub marks: MarkCounts,
}

/// How an object stood an audit.
#[derive(Clone, Debug)]
pub struct AuditOutcome {
    /// What it is.
    pub manifest: Manifest,
    /// Its pieces.
    pub pieces: Vec<PieceAudit>,
}

impl AuditOutcome {
    /// The miners, in the order of their nodes.
    pub fn miners(&self) -> Vec<MinerAudit> {
        let mut miners = BTreeMap::new();
        for piece in &self.pieces {
            let (node, miner) = (piece.node, piece.miner);
            let entry = MinerAudit { node, miner, pieces: 0, marks: MarkCounts::default() };
            let entry = miners.entry(node).or_insert(entry);
            entry.pieces += 1;
            entry.marks.add(piece.marks);
        }
        miners.into_values().collect()
    }

    /// Pieces that are damaged or refused.
    pub fn bad(&self) -> impl Iterator<Item = &PieceAudit> {
        self.pieces.iter().filter(|piece| piece.is_bad())
    }

    /// Contracts that are active, though their miners do not serve what they are paid for.
    pub fn disputable(&self) -> Vec<ContractId> {
        self.bad().filter(|piece| piece.is_active()).map(|piece| piece.contract).collect()
    }
}

/// A question that was put on chain.
#[derive(Debug)]
pub struct Disputed {
    /// Of which contract.
    pub contract: ContractId,
    /// The last block in which the miner can answer, as far as the chain told it; or why there is no dispute.
    pub deadline: Result<Option<BlockNumber>, ChainError>,
}

impl Client {
    /// Reads `samples` watermarks of each piece of an object, chosen anew each time.
    pub async fn audit(&self, object: ObjectId, samples: usize) -> Result<AuditOutcome, ClientError> {
        let manifest = self.catalogue.load(object)?;
        let marks = self.catalogue.load_marks(object)?;
        let (directory, key) = (self.directory().await?, self.keys.marks(object));
        let mut pieces = Vec::new();
        for (segment, entry) in manifest.segments.iter().enumerate() {
            let states = self.contracts().states(entry.contracts.iter().copied()).await?;
            let sources = sources(&entry.descriptor, &directory);
            let audits: Vec<_> = sources
                .into_iter()
                .map(|source| self.audit_piece(&key, entry, source, &marks, samples))
                .collect();
            let audited: Vec<_> = stream::iter(audits).buffered(AUDIT_CONCURRENT_MINERS).collect().await;
            pieces.extend(audited.into_iter().zip(states).map(|(piece, on_chain)| PieceAudit {
                segment,
                on_chain,
                ..piece
            }));
        }
        Ok(AuditOutcome { manifest, pieces })
    }

    /// Opens a dispute on each contract, so that its miner gives up bytes on chain or is slashed.
    pub async fn dispute(&self, contracts: &[ContractId]) -> Vec<Disputed> {
        let mut all = Vec::with_capacity(contracts.len());
        for contract in contracts.iter().copied() {
            let call = Call::Dispute { contract, challenge: None };
            let opened = self.chain.submit(self.keys.signer(), call).await;
            let deadline = match opened {
                Ok(_) => Ok(self.deadline(contract).await),
                Err(error) => Err(error),
            };
            all.push(Disputed { contract, deadline });
        }
        all
    }

    async fn deadline(&self, contract: ContractId) -> Option<BlockNumber> {
        let audit = self.chain.audit(contract).await.ok()??;
        Some(audit.dispute?.deadline)
    }

    async fn audit_piece(
        &self,
        key: &MarkKey,
        entry: &SegmentEntry,
        source: Source,
        marks: &crate::marks::Marks,
        samples: usize,
    ) -> PieceAudit {
        let descriptor = &entry.descriptor;
        let key = key.of_piece(descriptor.id, source.index, source.node);
        let tags = marks.of(source.piece);
        let chosen = choose(&key, descriptor.piece_len, tags, samples);
        let (counts, fault) = self.read_marks(&key, descriptor, &source, chosen).await;
        let at = usize::from(source.index);
        PieceAudit {
            segment: 0,
            index: source.index,
            piece: source.piece,
            node: source.node,
            miner: source.miner.map(|miner| miner.account),
            contract: entry.contracts.get(at).copied().unwrap_or(ContractId([0; 32])),
            on_chain: None,
            marked: !tags.is_empty(),
            marks: counts,
            fault,
        }
    }

    /// Reads the windows of `chosen`, each once, one after the other.
    async fn read_marks(
        &self,
        key: &PieceKey,
        descriptor: &SegmentDescriptor,
        source: &Source,
        chosen: Vec<Chosen>,
    ) -> (MarkCounts, Option<Fault>) {
        let (mut counts, mut first) = (MarkCounts { asked: chosen.len(), ..MarkCounts::default() }, None);
        let mut windows: BTreeMap<u64, Vec<Chosen>> = BTreeMap::new();
        for chosen in chosen {
            windows.entry(window_of(descriptor, chosen.place).0).or_default().push(chosen);
        }
        for (offset, chosen) in windows {
            let (bad, fault) = match self.read_window(descriptor, source, offset).await {
                Ok(range) => {
                    let wrong = chosen.iter().filter(|chosen| !chosen.is_right(key, &range)).count();
                    counts.right += chosen.len() - wrong;
                    counts.wrong += wrong;
                    (wrong, Fault::Corrupt("bytes that are not those that were marked".into()))
                }
                Err(fault) => {
                    match &fault {
                        Fault::Corrupt(_) | Fault::Lied(_) => counts.wrong += chosen.len(),
                        Fault::Refused(_) | Fault::Slow { .. } | Fault::NotAccepted => {
                            counts.refused += chosen.len();
                        }
                        Fault::Unregistered | Fault::Unreachable(_) => counts.unreachable += chosen.len(),
                    }
                    (chosen.len(), fault)
                }
            };
            if bad > 0 && first.is_none() {
                first = Some(fault);
            }
        }
        (counts, first)
    }

    /// Once more after a while, unless the answer stands: a miner may be busy or its connection break off.
    async fn read_window(
        &self,
        descriptor: &SegmentDescriptor,
        source: &Source,
        offset: u64,
    ) -> Result<VerifiedRange, Fault> {
        match self.try_window(descriptor, source, offset).await {
            Err(Fault::Refused(_) | Fault::Unreachable(_)) => {
                sleep(AUDIT_RETRY_PAUSE).await;
                self.try_window(descriptor, source, offset).await
            }
            read => read,
        }
    }

    async fn try_window(
        &self,
        descriptor: &SegmentDescriptor,
        source: &Source,
        offset: u64,
    ) -> Result<VerifiedRange, Fault> {
        self.find(source).await?;
        window_at(self, source, descriptor, offset).await.map_err(|fault| match fault {
            Fault::Unreachable(reason) => Fault::Refused(format!("it is there, but broke off: {reason}")),
            fault => fault,
        })
    }

    /// Connects with the miner of a piece. Who does not answer here is not there; who answers here and not
    /// when it is to serve, refuses.
    pub(crate) async fn find(&self, source: &Source) -> Result<(), Fault> {
        let miner = source.miner.as_ref().ok_or(Fault::Unregistered)?;
        self.introduce(miner).await;
        let connected = timed("connect", CONNECT_TIMEOUT, self.network.connect(miner.node_key)).await;
        connected.map_err(|fault| match fault {
            Fault::Slow { .. } => Fault::Unreachable(fault.to_string()),
            fault => fault,
        })
    }
}

/// A mark to be read, or a random place.
struct Chosen {
    place: u64,
    tag: Option<Tag>,
}

impl Chosen {
    /// Whether a range holds the marked bytes. A random place is right if it is there at all: the range was
    /// verified.
    fn is_right(&self, key: &PieceKey, range: &VerifiedRange) -> bool {
        let Some(tag) = self.tag else { return range.part(self.place, 1).is_some() };
        // A mark does not reach beyond its block, nor a block beyond its window.
        let len = u64::try_from(MARK_BYTES).unwrap_or(u64::MAX);
        range.part(self.place, len).is_some_and(|bytes| key.tag(self.place, bytes) == tag)
    }
}

/// `samples` marks, or random places where there are fewer.
fn choose(key: &PieceKey, piece_len: u64, tags: &[Tag], samples: usize) -> Vec<Chosen> {
    let mut rng = rand::thread_rng();
    let places = key.places(piece_len, tags.len());
    let mut chosen: Vec<Chosen> =
        places.into_iter().zip(tags).map(|(place, tag)| Chosen { place, tag: Some(*tag) }).collect();
    chosen.shuffle(&mut rng);
    chosen.truncate(samples);
    while chosen.len() < samples {
        chosen.push(Chosen { place: rng.gen_range(0..piece_len.max(1)), tag: None });
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_row::SegmentId;
    use zeroize::Zeroizing;

    fn key() -> PieceKey {
        MarkKey::new(Zeroizing::new([1; 32])).of_piece(SegmentId([2; 32]), 0, NodeId([3; 32]))
    }

    #[test]
    fn marks_are_chosen_anew_and_random_places_fill_up() {
        let tags = [[0; 16]; 32];
        let places = |chosen: Vec<Chosen>| -> Vec<u64> { chosen.iter().map(|chosen| chosen.place).collect() };
        let all = key().places(1 << 20, 32);
        let (one, other) =
            (places(choose(&key(), 1 << 20, &tags, 8)), places(choose(&key(), 1 << 20, &tags, 8)));
        assert!(one.iter().chain(&other).all(|place| all.contains(place)));
        assert_ne!(one, other);
        let filled = choose(&key(), 64, &tags[..2], 5);
        assert_eq!(filled.iter().filter(|chosen| chosen.tag.is_some()).count(), 2);
        assert!(filled.len() == 5 && filled.iter().all(|chosen| chosen.place < 64));
    }
}
