//! A miner that does what a trial tells it to, over the real network.

use crate::world::{addresses, len, listen, within, World, PRICE};
use async_trait::async_trait;
use bytes::Bytes;
use lunarx_chain::{Call, Chain, ChainError, Receipt, Signer};
use lunarx_core::{
    registration_payload, AccountId, BlockNumber, ContractId, EncryptionKey, NodeKey, Offer, PieceId,
    Promise, ProviderDetails, Services, GIB,
};
use lunarx_network::{
    Config, EncodedRange, Heartbeat, Multiaddr, Network, NodeSecret, PieceService, Refusal, ReserveRequest,
    SignedOffer,
};
use lunarx_proof::{
    batch_path, batch_root, challenged, commit, prove_chunk, range::encode_range, Answer, BatchEntry,
    LeafProof, Proofs,
};
use lunarx_trials::RuntimeChain;
use std::{
    collections::BTreeSet,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        Arc, Mutex,
    },
};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

const CHUNK: u64 = 1024;

/// How it answers challenges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// By what it has. Where that does not suffice, it refuses.
    ByTheBook,
    /// It refuses these.
    SilentTo(BTreeSet<NodeKey>),
    /// It signs what it has, zeros in place of what it lost.
    Forging,
    /// It repeats its last right answer.
    Replaying,
    /// It signs the proofs of its last right answer for the new challenge.
    Resigning,
    /// It fetches the pieces from this node for each answer.
    Fetching(NodeKey),
    /// It answers so many blocks after the challenge.
    Late(BlockNumber),
}

/// One piece, as it was stored.
pub struct Piece {
    pub bytes: Vec<u8>,
    outboard: Vec<u8>,
    pub entry: BatchEntry,
}

impl Piece {
    fn new(bytes: Vec<u8>) -> Self {
        let (piece, outboard) = commit(bytes.as_slice(), len(&bytes)).unwrap();
        let entry = BatchEntry { piece, len: len(&bytes) };
        Self { bytes, outboard, entry }
    }
}

/// What it keeps, and how it behaves.
pub struct Script {
    chain: RuntimeChain,
    secret: NodeSecret,
    pieces: Vec<Piece>,
    /// Chunks whose bytes are gone; their hashes are not.
    lost: Mutex<BTreeSet<(usize, u64)>>,
    conduct: Mutex<Conduct>,
    last: Mutex<Option<Answer>>,
    network: Mutex<Option<Network>>,
    serves_reads: AtomicBool,
    fetched: AtomicU64,
}

impl Script {
    pub fn entries(&self) -> Vec<BatchEntry> {
        self.pieces.iter().map(|piece| piece.entry).collect()
    }

    pub fn set(&self, conduct: Conduct) {
        *self.conduct.lock().unwrap() = conduct;
    }

    /// Whether clients can read.
    pub fn serve_reads(&self, on: bool) {
        self.serves_reads.store(on, Ordering::SeqCst);
    }

    /// Its last right answer.
    pub fn last(&self) -> Option<Answer> {
        self.last.lock().unwrap().clone()
    }

    /// Bytes fetched from others so far.
    pub fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::SeqCst)
    }

    fn chunks(&self) -> Vec<(usize, u64)> {
        let of =
            |(at, piece): (usize, &Piece)| (0..piece.entry.len.div_ceil(CHUNK)).map(move |chunk| (at, chunk));
        self.pieces.iter().enumerate().flat_map(of).collect()
    }

    /// Deletes one chunk of each `of`, from the `from`th on.
    pub fn lose(&self, from: usize, of: usize) {
        self.lost.lock().unwrap().extend(self.chunks().into_iter().skip(from).step_by(of));
    }

    pub fn lose_all(&self) {
        self.lose(0, 1);
    }

    pub fn lost_chunks(&self) -> (usize, usize) {
        (self.lost.lock().unwrap().len(), self.chunks().len())
    }

    /// The proof of a byte, and whether its chunk is there. Zeros take the place of what is `lost`.
    fn proof(&self, position: u64, lost: &BTreeSet<(usize, u64)>) -> (LeafProof, bool) {
        let (entries, mut at) = (self.entries(), position);
        let index = entries.iter().position(|entry| match at.checked_sub(entry.len) {
            Some(rest) => {
                at = rest;
                false
            }
            None => true,
        });
        let index = index.expect("the byte is covered");
        let Piece { bytes, outboard, entry } = &self.pieces[index];
        let mut chunk = prove_chunk(bytes.as_slice(), outboard, entry.len, at / CHUNK).unwrap();
        let here = !lost.contains(&(index, at / CHUNK));
        if !here {
            chunk.bytes.fill(0);
        }
        let proof = LeafProof {
            index: index.try_into().unwrap(),
            entry: *entry,
            batch_path: batch_path(&entries, index).unwrap().try_into().unwrap(),
            chunk: chunk.bytes.try_into().unwrap(),
            chunk_path: chunk.path.try_into().unwrap(),
        };
        (proof, here)
    }

    /// The proofs of some bytes, by what it has, and whether all of them hold.
    pub fn proofs(&self, positions: &[u64]) -> (Proofs, bool) {
        self.proofs_without(positions, &self.lost.lock().unwrap())
    }

    fn proofs_without(&self, positions: &[u64], lost: &BTreeSet<(usize, u64)>) -> (Proofs, bool) {
        let made: Vec<_> = positions.iter().map(|at| self.proof(*at, lost)).collect();
        let whole = made.iter().all(|(_, here)| *here);
        let proofs: Vec<_> = made.into_iter().map(|(proof, _)| proof).collect();
        (proofs.try_into().unwrap(), whole)
    }

    async fn sign(&self, contract: ContractId, block: BlockNumber, proofs: Proofs) -> Answer {
        let seed = self.chain.audit_seeds(block, 1).await.unwrap()[0].unwrap();
        let payload = Answer::payload(&self.chain.genesis(), &contract, block, &seed, &proofs);
        Answer { signature: self.secret.sign(&payload), proofs }
    }

    async fn answer(
        &self,
        peer: NodeKey,
        contract: ContractId,
        block: BlockNumber,
    ) -> Result<Answer, Refusal> {
        let seed = self.chain.audit_seeds(block, 1).await.unwrap();
        let seed = seed.first().copied().flatten().ok_or(Refusal::Busy)?;
        let bytes = self.entries().iter().map(|entry| entry.len).sum();
        let rules = self.chain.parameters().audit;
        let positions = challenged(&seed, &contract, bytes, &rules).ok_or(Refusal::NotChallenged)?;
        let conduct = self.conduct.lock().unwrap().clone();
        let last = self.last.lock().unwrap().clone();
        let (proofs, mut whole) = self.proofs(&positions);
        match conduct {
            Conduct::ByTheBook => {}
            Conduct::SilentTo(deaf) if deaf.contains(&peer) => return Err(Refusal::Unavailable),
            Conduct::SilentTo(_) => {}
            Conduct::Forging => return Ok(self.sign(contract, block, proofs).await),
            Conduct::Replaying => return last.ok_or(Refusal::Unavailable),
            Conduct::Resigning => {
                let last = last.ok_or(Refusal::Unavailable)?;
                return Ok(self.sign(contract, block, last.proofs).await);
            }
            // What it lost it has again for as long as the answer takes.
            Conduct::Fetching(from) => {
                self.fetch_all(from).await.ok_or(Refusal::Unavailable)?;
                let fetched = self.proofs_without(&positions, &BTreeSet::new()).0;
                return Ok(self.sign(contract, block, fetched).await);
            }
            Conduct::Late(by) => whole &= self.chain.height() >= block + by,
        }
        if !whole {
            return Err(Refusal::Unavailable);
        }
        let answer = self.sign(contract, block, proofs).await;
        *self.last.lock().unwrap() = Some(answer.clone());
        Ok(answer)
    }

    /// Downloads its own pieces from a node that keeps them too. `None` if it does not get them.
    async fn fetch_all(&self, from: NodeKey) -> Option<()> {
        let network = self.network.lock().unwrap().clone().expect("it is online");
        for piece in &self.pieces {
            let bytes = fetch(&network, from, piece.entry).await?;
            assert!(bytes == piece.bytes);
            self.fetched.fetch_add(piece.entry.len, Ordering::SeqCst);
        }
        Some(())
    }
}

/// Downloads a piece. `None` where the node does not give it.
pub async fn fetch(network: &Network, from: NodeKey, entry: BatchEntry) -> Option<Vec<u8>> {
    let mut download = network.retrieve(from, entry.piece, entry.len, 0, entry.len).await.ok()?;
    let mut bytes = Vec::new();
    while let Some(range) = download.next().await {
        bytes.extend_from_slice(range.ok()?.bytes());
    }
    Some(bytes)
}

struct Served(Arc<Script>);

#[async_trait]
impl PieceService for Served {
    async fn reserve(&self, _: NodeKey, _: ReserveRequest) -> Result<SignedOffer, Refusal> {
        Err(Refusal::Unavailable)
    }

    async fn written(&self, _: NodeKey, _: ContractId, _: u32) -> Result<u64, Refusal> {
        Err(Refusal::Unavailable)
    }

    async fn append(&self, _: NodeKey, _: ContractId, _: u32, _: u64, _: Bytes) -> Result<(), Refusal> {
        Err(Refusal::Unavailable)
    }

    async fn finish(&self, _: NodeKey, _: ContractId, _: u32, _: u64) -> Result<PieceId, Refusal> {
        Err(Refusal::Unavailable)
    }

    async fn read(&self, _: NodeKey, piece: PieceId, offset: u64, len: u64) -> Result<EncodedRange, Refusal> {
        let script = &self.0;
        if !script.serves_reads.load(Ordering::SeqCst) {
            return Err(Refusal::Unavailable);
        }
        let kept = script.pieces.iter().find(|kept| kept.entry.piece == piece).ok_or(Refusal::NotFound)?;
        let piece_len = kept.entry.len;
        let bytes = encode_range(kept.bytes.as_slice(), &kept.outboard, piece, piece_len, offset, len);
        Ok(EncodedRange { piece_len, bytes: bytes.map_err(|_| Refusal::NotFound)? })
    }

    async fn release(&self, _: NodeKey, _: ContractId) -> Result<(), Refusal> {
        Err(Refusal::NotFound)
    }

    async fn prove(
        &self,
        peer: NodeKey,
        contract: ContractId,
        block: BlockNumber,
    ) -> Result<Answer, Refusal> {
        self.0.answer(peer, contract, block).await
    }

    async fn heartbeat(&self) -> Result<Heartbeat, Refusal> {
        Ok(Heartbeat { free: 0, stored: 0 })
    }
}

/// A scripted miner on the network. Dropped, it is away.
pub struct Rogue {
    pub signer: Signer,
    pub script: Arc<Script>,
    pub network: Network,
    pub address: Multiaddr,
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl Rogue {
    /// Online and registered.
    pub async fn start(chain: &RuntimeChain, signer: Signer, pieces: Vec<Vec<u8>>) -> Self {
        Self::start_as(chain, signer, NodeSecret::generate(), pieces).await
    }

    /// With a node key that is known before, for pieces that are wrapped for it.
    pub async fn start_as(
        chain: &RuntimeChain,
        signer: Signer,
        secret: NodeSecret,
        pieces: Vec<Vec<u8>>,
    ) -> Self {
        let script = Arc::new(Script {
            chain: chain.clone(),
            secret: secret.clone(),
            pieces: pieces.into_iter().map(Piece::new).collect(),
            lost: Mutex::default(),
            conduct: Mutex::new(Conduct::ByTheBook),
            last: Mutex::default(),
            network: Mutex::default(),
            serves_reads: AtomicBool::new(true),
            fetched: AtomicU64::new(0),
        });
        let config = Config::miner(secret, chain.genesis(), vec![listen()]);
        let (network, runner) = lunarx_network::construct(config).unwrap();
        let stop = CancellationToken::new();
        let running = stop.clone();
        let task = tokio::spawn(async move {
            runner.run(running).await;
        });
        network.serve(Arc::new(Served(script.clone())));
        *script.network.lock().unwrap() = Some(network.clone());
        let address = network.listening().await.remove(0);
        let rogue = Self { signer, script, network, address, stop: stop.drop_guard(), task };
        rogue.register(chain).await;
        rogue
    }

    async fn register(&self, chain: &RuntimeChain) {
        let (account, genesis) = (self.account(), chain.genesis());
        let details = ProviderDetails {
            encryption_key: EncryptionKey([1; 32]),
            addresses: addresses(&self.address),
            region: b"test".to_vec().try_into().unwrap(),
            services: Services::STORAGE,
            capacity: GIB,
            price: PRICE,
        };
        let node_signature = self.script.secret.sign(&registration_payload(&genesis, &account));
        let call = Call::Register { node_key: self.key(), node_signature, details };
        within(chain.submit(&self.signer, call)).await.unwrap();
    }

    pub fn account(&self) -> AccountId {
        self.signer.account()
    }

    pub fn key(&self) -> NodeKey {
        self.script.secret.node_key()
    }

    /// Tells this node where another is.
    pub async fn knows(&self, other: &Self) {
        self.network.add_addresses(other.key(), vec![other.address.clone()]).await;
    }

    /// The client opens a contract over all pieces, the miner accepts. Gives its first block.
    pub async fn contract(&self, world: &World, windows: u32) -> (ContractId, BlockNumber) {
        let (entries, chain) = (self.script.entries(), &world.chain);
        let bytes = entries.iter().map(|entry| entry.len).sum();
        let offer = Offer {
            miner: self.account(),
            client: world.client.account(),
            max_bytes: bytes,
            max_windows: windows,
            price: PRICE,
            expires: chain.height() + 100,
            nonce: 1,
        };
        let genesis = chain.genesis();
        let (id, signature) =
            (offer.contract_id(&genesis), self.script.secret.sign(&offer.payload(&genesis)));
        let promise = Promise {
            offer,
            signature,
            root: batch_root(&entries),
            pieces: entries.len().try_into().unwrap(),
            bytes,
            windows,
            commission: None,
        };
        world.submit(&world.client, Call::Open { promises: vec![promise] }).await;
        let accepted = world.submit(&self.signer, Call::Accept { ids: vec![id] }).await;
        (id, accepted.block)
    }

    /// Answers the open dispute of a contract by what it has, zeros in place of what it lost.
    pub async fn answer_dispute(&self, world: &World, id: ContractId) -> Result<Receipt, ChainError> {
        let dispute = world.disputed(id).await;
        let proofs = self.script.proofs(&dispute.positions).0;
        let answer = Call::Answer { contract: id, opened: dispute.opened, proofs };
        within(world.chain.submit(&self.signer, answer)).await
    }

    /// From now on answers every dispute of a contract, until it is closed.
    pub fn answer_disputes(&self, chain: &RuntimeChain, id: ContractId) {
        let (chain, signer, script) = (chain.clone(), self.signer.clone(), self.script.clone());
        tokio::spawn(async move {
            while chain.contract(id).await.is_ok_and(|info| info.is_some()) {
                let disputes = chain.disputes().await.unwrap_or_default();
                for dispute in
                    disputes.into_iter().filter(|one| one.contract == id && !one.positions.is_empty())
                {
                    let proofs = script.proofs(&dispute.positions).0;
                    // Refused where it was answered already.
                    let answer = Call::Answer { contract: id, opened: dispute.opened, proofs };
                    let _ = chain.submit(&signer, answer).await;
                }
                let next = chain.height() + 1;
                let _ = chain.finalized().wait_for(|height| *height >= next).await;
            }
        });
    }

    /// Leaves the network.
    pub async fn away(self) {
        let Self { stop, task, script, .. } = self;
        drop(stop);
        *script.network.lock().unwrap() = None;
        within(task).await.unwrap();
    }
}
