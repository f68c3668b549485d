//! How an object fares.

use crate::{
    client::timed,
    fetch::{sources, Source},
    limits::{CONNECT_TIMEOUT, MAX_CONCURRENT_MINERS, PROBE_TIMEOUT},
    Client, ClientError, Fault, TermEnd, Terms,
};
use futures::{stream, StreamExt, TryStreamExt};
use lunarx_chain::ChainError;
use lunarx_core::{
    AccountId, AuditInfo, Balance, ContractId, ContractInfo, ContractState, DisputeInfo, NodeId, PieceId,
    Verdict,
};
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
    /// What the chain says of the windows of an active contract.
    pub audit: Option<AuditInfo<AccountId>>,
    /// Windows of the contract that are over.
    pub elapsed: u32,
    /// Whether a small part of it could be read and verified.
    pub readable: Result<(), Fault>,
}

impl PieceStatus {
    /// Windows in which the service was proven: those that were paid, those that wait for their payment,
    /// and those of which a majority of the trackers has said so already.
    pub fn confirmed(&self) -> u32 {
        let (Some(contract), Some(audit)) = (&self.on_chain, &self.audit) else { return 0 };
        // The last window may be a short one.
        let paid = contract.paid.checked_add(contract.window_fee.saturating_sub(1));
        let paid = paid.and_then(|paid| paid.checked_div(contract.window_fee)).unwrap_or(0);
        let valid = audit.votes.iter().filter(|votes| votes.majority() == Some(Verdict::Valid)).count();
        let (paid, valid) = (u32::try_from(paid), u32::try_from(valid));
        let all =
            paid.unwrap_or(u32::MAX).saturating_add(audit.proven).saturating_add(valid.unwrap_or(u32::MAX));
        // A contract from before there were audits keeps what was paid, and counts its windows anew.
        all.min(self.elapsed)
    }

    /// The question that the miner has to answer on chain.
    pub fn dispute(&self) -> Option<&DisputeInfo<AccountId>> {
        self.audit.as_ref()?.dispute.as_ref()
    }

    /// Whether the contract's term is over, and only the outcome of its last windows is waited for.
    pub fn is_closing(&self) -> bool {
        self.on_chain.as_ref().is_some_and(|contract| {
            let active = matches!(contract.state, ContractState::Active { .. });
            active && (contract.ended.is_some() || self.elapsed >= contract.windows)
        })
    }
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

    /// Paid for it so far, by the contracts that are live.
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
        let height = *self.chain.finalized().borrow();
        let states = self.contracts().states(entry.contracts.iter().copied()).await?;
        let audits = self.audits(&entry.contracts).await?;
        let probes: Vec<_> =
            sources.iter().map(|source| self.probe(source, entry.descriptor.piece_len)).collect();
        let readable: Vec<_> = stream::iter(probes).buffered(MAX_CONCURRENT_MINERS).collect().await;
        let elapsed = |contract: &ContractInfo<AccountId>| Some(contract.watched()?.elapsed(height));
        let parts =
            sources.into_iter().zip(&entry.contracts).zip(states.into_iter().zip(audits)).zip(readable);
        let pieces = parts
            .map(|(((source, contract), (on_chain, audit)), readable)| PieceStatus {
                index: source.index,
                piece: source.piece,
                node: source.node,
                miner: source.miner.map(|miner| miner.account),
                contract: *contract,
                elapsed: on_chain.as_ref().and_then(elapsed).unwrap_or(0),
                on_chain,
                audit,
                readable,
            })
            .collect();
        Ok(SegmentStatus { needed: entry.descriptor.code.k(), pieces })
    }

    /// What the chain says of the windows of `contracts`, in their order.
    async fn audits(
        &self,
        contracts: &[ContractId],
    ) -> Result<Vec<Option<AuditInfo<AccountId>>>, ChainError> {
        let reads: Vec<_> = contracts.iter().map(|contract| self.chain.audit(*contract)).collect();
        stream::iter(reads).buffered(MAX_CONCURRENT_MINERS).try_collect().await
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

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::{BatchRoot, WindowVotes};

    fn piece(paid: Balance, votes: &[[Verdict; 2]]) -> PieceStatus {
        let cast = |said: &[Verdict; 2]| {
            let mut votes = WindowVotes::default();
            (0..).zip(said).for_each(|(seat, verdict)| assert!(votes.cast(seat, *verdict)));
            votes
        };
        let contract = ContractInfo {
            id: ContractId([1; 32]),
            client: AccountId([2; 32]),
            miner: AccountId([3; 32]),
            root: BatchRoot([4; 32]),
            pieces: 1,
            bytes: 10,
            window: 20,
            windows: 9,
            window_fee: 10,
            last_fee: 10,
            word_pay: 1,
            ended: None,
            escrow: 0,
            paid,
            commission: None,
            state: ContractState::Active { since: 5, settled: 4 },
        };
        let votes = votes.iter().map(cast).collect();
        PieceStatus {
            index: 0,
            piece: PieceId([5; 32]),
            node: NodeId([6; 32]),
            miner: None,
            contract: contract.id,
            on_chain: Some(contract),
            audit: Some(AuditInfo {
                first: 6,
                proven: 2,
                votes,
                dues: lunarx_core::Dues::default(),
                dispute: None,
            }),
            elapsed: 8,
            readable: Ok(()),
        }
    }

    #[test]
    fn confirmed_are_the_windows_paid_those_to_be_paid_and_those_with_a_majority() {
        use Verdict::{Offline, Valid};
        let votes = [[Valid, Valid], [Valid, Offline], [Offline, Offline]];
        assert_eq!(piece(0, &votes).confirmed(), 3);
        assert_eq!(piece(30, &votes).confirmed(), 6);
        assert_eq!(piece(33, &[]).confirmed(), 6, "the last window was a short one");
        assert_eq!(PieceStatus { audit: None, ..piece(30, &votes) }.confirmed(), 0);
        let mut free = piece(0, &[]);
        free.on_chain.as_mut().unwrap().window_fee = 0;
        assert_eq!(free.confirmed(), 2);
    }

    #[test]
    fn a_contract_closes_once_its_term_is_over_or_cut() {
        let mut piece = piece(0, &[]);
        assert!(!piece.is_closing());
        assert!(PieceStatus { elapsed: 9, ..piece.clone() }.is_closing());
        piece.on_chain.as_mut().unwrap().ended = Some(7);
        assert!(piece.is_closing());
        assert!(!PieceStatus { on_chain: None, ..piece }.is_closing());
    }
}
