//! Nodes, and a piece service that keeps everything in memory.

use async_trait::async_trait;
use bytes::Bytes;
use libp2p::Multiaddr;
use lunarx_core::{AccountId, BlockNumber, ContractId, NodeKey, NodeSignature, Offer, PieceId};
use lunarx_network::{
    construct, Config, EncodedRange, Heartbeat, Limits, Network, NodeSecret, PieceService, Refusal,
    ReserveRequest, SignedOffer,
};
use lunarx_proof::{
    batch_path,
    range::{commit, encode_range},
    Answer, BatchEntry, LeafProof, MAX_PROOFS,
};
use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::{watch, Semaphore},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub const GENESIS: [u8; 32] = [0xc0; 32];
pub const TCP: &str = "/ip4/127.0.0.1/tcp/0";
pub const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
pub const MIB: usize = 1 << 20;

/// No wait of a test is longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Awaits with a bound.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it takes too long")
}

/// Bytes that are different everywhere, the same in each run.
pub fn content(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

pub fn contract(id: u8) -> ContractId {
    ContractId([id; 32])
}

pub fn request() -> ReserveRequest {
    ReserveRequest { client: AccountId([1; 32]), max_bytes: 100, max_windows: 10, max_price: 5 }
}

/// A running node; stops when dropped.
pub struct Node {
    pub network: Network,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Node {
    pub fn start(config: Config) -> Self {
        let (network, runner) = construct(config).unwrap();
        let stop = CancellationToken::new();
        let task = Some(tokio::spawn(runner.run(stop.clone())));
        Self { network, stop, task }
    }

    pub fn client(seed: u8) -> Self {
        Self::start(Config::client(NodeSecret::from_seed([seed; 32]), GENESIS))
    }

    pub fn client_with(seed: u8, limits: Limits) -> Self {
        let config = Config::client(NodeSecret::from_seed([seed; 32]), GENESIS);
        Self::start(Config { limits, ..config })
    }

    pub fn miner(seed: u8, listen: &str, service: &Arc<Memory>, limits: Limits) -> Self {
        let listen = vec![listen.parse().unwrap()];
        let config = Config::miner(NodeSecret::from_seed([seed; 32]), GENESIS, listen);
        let node = Self::start(Config { limits, ..config });
        node.network.serve(service.clone());
        node
    }

    pub fn key(&self) -> NodeKey {
        self.network.node_key()
    }

    pub async fn addresses(&self) -> Vec<Multiaddr> {
        let addresses = soon(self.network.listening()).await;
        assert!(!addresses.is_empty());
        addresses
    }

    /// Tells this node where the other one is.
    pub async fn knows(&self, other: &Self) {
        self.network.add_addresses(other.key(), other.addresses().await).await;
    }

    pub async fn stop(mut self) {
        self.stop.cancel();
        soon(self.task.take().unwrap()).await.unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The one block whose challenge [`Memory`] answers.
pub const CHALLENGED: BlockNumber = 41;

/// As many proofs as an answer holds, in a batch of the most pieces.
pub fn long_answer() -> Answer {
    let entries = vec![BatchEntry { piece: PieceId([2; 32]), len: 1 << 30 }; 256];
    let proof = LeafProof {
        index: 9,
        entry: entries[9],
        batch_path: batch_path(&entries, 9).unwrap().try_into().unwrap(),
        chunk: content(1024).try_into().unwrap(),
        chunk_path: vec![[1; 32]; 20].try_into().unwrap(),
    };
    let proofs = vec![proof; usize::try_from(MAX_PROOFS).unwrap()].try_into().unwrap();
    Answer { proofs, signature: NodeSignature([4; 64]) }
}

/// How a service deviates from an honest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Honesty {
    Honest,
    /// Byte 1,500,000 of each piece it reads is flipped.
    Flips,
    /// Its offers carry another node's signature.
    Forges,
    /// Says of each piece that it is one byte longer.
    Stretches,
}

struct Stored {
    bytes: Vec<u8>,
    outboard: Vec<u8>,
}

/// A piece service in memory.
pub struct Memory {
    secret: NodeSecret,
    honesty: Honesty,
    max_bytes: usize,
    reserved: Mutex<HashMap<ContractId, NodeKey>>,
    drafts: Mutex<HashMap<(ContractId, u32), Vec<u8>>>,
    pieces: Mutex<HashMap<PieceId, Stored>>,
    /// Appends wait for a permit, which they use up.
    pub appends: Semaphore,
    /// Bytes appended and bytes read since the start.
    pub appended: watch::Sender<usize>,
    pub read: watch::Sender<usize>,
}

impl Memory {
    pub fn new(seed: u8) -> Arc<Self> {
        Self::with(seed, Honesty::Honest, usize::MAX, Semaphore::MAX_PERMITS)
    }

    pub fn with(seed: u8, honesty: Honesty, max_bytes: usize, appends: usize) -> Arc<Self> {
        Arc::new(Self {
            secret: NodeSecret::from_seed([seed; 32]),
            honesty,
            max_bytes,
            reserved: Mutex::default(),
            drafts: Mutex::default(),
            pieces: Mutex::default(),
            appends: Semaphore::new(appends),
            appended: watch::Sender::new(0),
            read: watch::Sender::new(0),
        })
    }

    /// Puts a whole piece in.
    pub fn insert(&self, bytes: Vec<u8>) -> PieceId {
        let (piece, outboard) = commit(bytes.as_slice(), bytes.len() as u64).unwrap();
        self.pieces.lock().unwrap().insert(piece, Stored { bytes, outboard });
        piece
    }
}

#[async_trait]
impl PieceService for Memory {
    async fn reserve(&self, peer: NodeKey, request: ReserveRequest) -> Result<SignedOffer, Refusal> {
        if request.max_bytes > self.max_bytes as u64 {
            return Err(Refusal::NoSpace { free: self.max_bytes as u64 });
        }
        let offer = Offer {
            miner: AccountId([9; 32]),
            client: request.client,
            max_bytes: request.max_bytes,
            max_windows: request.max_windows,
            price: request.max_price,
            expires: 100,
            nonce: 7,
        };
        let signer = match self.honesty {
            Honesty::Forges => NodeSecret::from_seed([0xee; 32]),
            _ => self.secret.clone(),
        };
        self.reserved.lock().unwrap().insert(offer.contract_id(&GENESIS), peer);
        let signature = signer.sign(&offer.payload(&GENESIS));
        Ok(SignedOffer { offer, signature })
    }

    async fn written(&self, _: NodeKey, contract: ContractId, index: u32) -> Result<u64, Refusal> {
        let drafts = self.drafts.lock().unwrap();
        Ok(drafts.get(&(contract, index)).map_or(0, |draft| draft.len() as u64))
    }

    async fn append(
        &self,
        _: NodeKey,
        contract: ContractId,
        index: u32,
        offset: u64,
        bytes: Bytes,
    ) -> Result<(), Refusal> {
        self.appends.acquire().await.unwrap().forget();
        let mut drafts = self.drafts.lock().unwrap();
        let draft = drafts.entry((contract, index)).or_default();
        if draft.len() as u64 != offset {
            return Err(Refusal::BadOffset { expected: draft.len() as u64 });
        }
        if draft.len() + bytes.len() > self.max_bytes {
            return Err(Refusal::TooLarge { max: self.max_bytes as u64 });
        }
        draft.extend_from_slice(&bytes);
        self.appended.send_modify(|sum| *sum += bytes.len());
        Ok(())
    }

    async fn finish(
        &self,
        _: NodeKey,
        contract: ContractId,
        index: u32,
        len: u64,
    ) -> Result<PieceId, Refusal> {
        let draft = self.drafts.lock().unwrap().remove(&(contract, index)).unwrap_or_default();
        if draft.len() as u64 != len {
            return Err(Refusal::Incomplete { written: draft.len() as u64 });
        }
        Ok(self.insert(draft))
    }

    async fn read(&self, _: NodeKey, piece: PieceId, offset: u64, len: u64) -> Result<EncodedRange, Refusal> {
        let pieces = self.pieces.lock().unwrap();
        let stored = pieces.get(&piece).ok_or(Refusal::NotFound)?;
        let piece_len = stored.bytes.len() as u64;
        let encoded = encode_range(&stored.bytes, &stored.outboard, piece, piece_len, offset, len);
        let mut bytes = encoded.map_err(|_| Refusal::BadRange { piece_len })?;
        if self.honesty == Honesty::Flips && (offset..offset + len).contains(&1_500_000) {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        self.read.send_modify(|sum| *sum += usize::try_from(len).unwrap());
        let piece_len = piece_len + u64::from(self.honesty == Honesty::Stretches);
        Ok(EncodedRange { piece_len, bytes })
    }

    async fn release(&self, peer: NodeKey, contract: ContractId) -> Result<(), Refusal> {
        let mut reserved = self.reserved.lock().unwrap();
        match reserved.get(&contract) {
            None => return Err(Refusal::NotFound),
            Some(owner) if *owner != peer => return Err(Refusal::NotYours),
            Some(_) => reserved.remove(&contract),
        };
        self.drafts.lock().unwrap().retain(|(of, _), _| *of != contract);
        Ok(())
    }

    async fn prove(&self, _: NodeKey, _: ContractId, block: BlockNumber) -> Result<Answer, Refusal> {
        (block == CHALLENGED).then(long_answer).ok_or(Refusal::NotChallenged)
    }

    async fn heartbeat(&self) -> Result<Heartbeat, Refusal> {
        Ok(Heartbeat { free: 7, stored: 8 })
    }
}
