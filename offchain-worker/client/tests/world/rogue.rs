//! Miners that break their word.

use super::{within, World, MINER_FUNDS, PARAMETERS, PRICE};
use async_trait::async_trait;
use bytes::Bytes;
use lunarx_chain::{Call, Chain, MemoryChain, Signer};
use lunarx_core::{
    registration_payload, AccountId, Balance, BlockNumber, ContractId, ContractState, EncryptionKey, NodeKey,
    Offer, PieceId, ProviderDetails, Services, GIB,
};
use lunarx_network::{
    construct, Config, EncodedRange, Limits, Multiaddr, Network, NodeSecret, PieceService, Refusal,
    ReserveRequest, SignedOffer,
};
use lunarx_proof::{
    challenged, commit, encode_range, prove_chunk, Answer, BatchEntry, LeafProof, Proofs, CHUNK_BYTES,
};
use std::{
    collections::HashMap,
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc, Mutex,
    },
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::AbortOnDropHandle,
};

/// Bytes that the network gathers before it hands them to a miner.
pub const GATHERED: u64 = 1 << 20;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vice {
    /// Nothing, so far.
    Honest,
    /// Offers for another client.
    OffersToAnother,
    /// Refuses to reserve.
    Refuses,
    /// Refuses the second part of each piece: those of pieces longer than [`GATHERED`].
    FailsMidway,
    /// Takes long for every [`GATHERED`] bytes.
    Crawls(Duration),
    /// Takes everything and names another piece.
    NamesAnotherPiece,
    /// Takes everything and never accepts.
    NeverAccepts,
    /// Does not answer the first read beyond so many bytes; is honest from then on.
    StallsOnce(u64),
    /// Refuses all reads beyond so many bytes.
    RefusesFrom(u64),
    /// Refuses all reads of which a part is beyond so many bytes.
    RefusesBeyond(u64),
    /// Refuses the reads of one node, and serves all others.
    RefusesReader(NodeKey),
    /// Refuses all reads, and answers so many challenges.
    OnlyProves(usize),
}

/// What it has done, for tests to wait for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deeds {
    /// Parts of pieces taken in.
    pub appends: usize,
    /// Parts shorter than [`GATHERED`]: the ends of pieces, or of streams that broke.
    pub short_appends: usize,
    /// Reservations given back.
    pub releases: usize,
    /// Challenges answered.
    pub proofs: usize,
}

pub struct Rogue {
    pub account: AccountId,
    service: Arc<Service>,
    secret: NodeSecret,
    genesis: [u8; 32],
    address: Multiaddr,
    running: Option<Running>,
    _accepting: AbortOnDropHandle<()>,
}

/// A network ends with its last handle.
struct Running {
    _network: Network,
    task: tokio::task::JoinHandle<()>,
    stop: DropGuard,
}

impl Rogue {
    /// It changes its ways.
    pub fn turn(&self, vice: Vice) {
        *self.service.vice.lock().unwrap() = vice;
    }

    /// Waits until its deeds meet a condition.
    pub async fn until(&self, met: impl FnMut(&Deeds) -> bool) {
        within(self.service.deeds.subscribe().wait_for(met)).await.unwrap();
    }

    pub fn deeds(&self) -> Deeds {
        *self.service.deeds.borrow()
    }

    /// It goes off the network.
    pub async fn leave(&mut self) {
        let Running { _network, task, stop } = self.running.take().expect("is there");
        drop(stop);
        within(task).await.unwrap();
    }

    /// It comes back where it was.
    pub fn come_back(&mut self) {
        let config = Config::miner(self.secret.clone(), self.genesis, vec![self.address.clone()]);
        let (network, running) = run(config);
        network.serve(self.service.clone());
        self.running = Some(running);
    }
}

fn run(config: Config) -> (Network, Running) {
    let (network, runner) = construct(config).unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(runner.run(stop.clone()));
    (network.clone(), Running { _network: network, task, stop: stop.drop_guard() })
}

struct Finished {
    bytes: Vec<u8>,
    outboard: Vec<u8>,
}

struct Service {
    vice: Mutex<Vice>,
    account: AccountId,
    price: Balance,
    genesis: [u8; 32],
    secret: NodeSecret,
    chain: MemoryChain,
    height: watch::Receiver<u32>,
    nonce: AtomicU64,
    pieces: Mutex<HashMap<ContractId, Vec<u8>>>,
    finished: Mutex<HashMap<PieceId, Finished>>,
    deeds: watch::Sender<Deeds>,
}

impl Service {
    fn vice(&self) -> Vice {
        *self.vice.lock().unwrap()
    }
}

#[async_trait]
impl PieceService for Service {
    async fn reserve(&self, _: NodeKey, request: ReserveRequest) -> Result<SignedOffer, Refusal> {
        let client = match self.vice() {
            Vice::Refuses => return Err(Refusal::NoSpace { free: 0 }),
            Vice::OffersToAnother => AccountId([9; 32]),
            _ => request.client,
        };
        let offer = Offer {
            miner: self.account,
            client,
            max_bytes: request.max_bytes,
            max_windows: request.max_windows,
            price: self.price,
            expires: *self.height.borrow() + 1_000,
            nonce: self.nonce.fetch_add(1, Ordering::Relaxed),
        };
        let signature = self.secret.sign(&offer.payload(&self.genesis));
        Ok(SignedOffer { offer, signature })
    }

    async fn written(&self, _: NodeKey, contract: ContractId, _: u32) -> Result<u64, Refusal> {
        let pieces = self.pieces.lock().unwrap();
        Ok(pieces.get(&contract).map_or(0, |piece| piece.len().try_into().unwrap()))
    }

    async fn append(
        &self,
        _: NodeKey,
        contract: ContractId,
        _: u32,
        offset: u64,
        bytes: Bytes,
    ) -> Result<(), Refusal> {
        match self.vice() {
            Vice::FailsMidway if offset > 0 => return Err(Refusal::Unavailable),
            Vice::Crawls(time) => tokio::time::sleep(time).await,
            _ => {}
        }
        self.pieces.lock().unwrap().entry(contract).or_default().extend_from_slice(&bytes);
        self.deeds.send_modify(|deeds| {
            deeds.appends += 1;
            deeds.short_appends += usize::from(u64::try_from(bytes.len()).unwrap() < GATHERED);
        });
        Ok(())
    }

    async fn finish(&self, _: NodeKey, contract: ContractId, _: u32, len: u64) -> Result<PieceId, Refusal> {
        if self.vice() == Vice::NamesAnotherPiece {
            return Ok(PieceId([0xbb; 32]));
        }
        let bytes = self.pieces.lock().unwrap().get(&contract).cloned().unwrap_or_default();
        let (piece, outboard) = commit(&bytes[..], len).map_err(|_| Refusal::Incomplete { written: 0 })?;
        self.finished.lock().unwrap().insert(piece, Finished { bytes, outboard });
        Ok(piece)
    }

    async fn read(
        &self,
        peer: NodeKey,
        piece: PieceId,
        offset: u64,
        len: u64,
    ) -> Result<EncodedRange, Refusal> {
        match self.vice() {
            Vice::OnlyProves(_) => return Err(Refusal::Unavailable),
            Vice::RefusesBeyond(end) if offset + len > end => return Err(Refusal::NotFound),
            Vice::RefusesReader(reader) if reader == peer => return Err(Refusal::NotFound),
            Vice::StallsOnce(from) if offset >= from => {
                *self.vice.lock().unwrap() = Vice::Honest;
                std::future::pending::<()>().await;
            }
            Vice::RefusesFrom(from) if offset >= from => return Err(Refusal::NotFound),
            _ => {}
        }
        let finished = self.finished.lock().unwrap();
        let Finished { bytes, outboard } = finished.get(&piece).ok_or(Refusal::NotFound)?;
        let piece_len = bytes.len().try_into().unwrap();
        let bytes = encode_range(&bytes[..], outboard, piece, piece_len, offset, len)
            .map_err(|_| Refusal::BadRange { piece_len })?;
        Ok(EncodedRange { piece_len, bytes })
    }

    async fn prove(&self, _: NodeKey, contract: ContractId, block: BlockNumber) -> Result<Answer, Refusal> {
        let proofs = self.deeds.borrow().proofs;
        if matches!(self.vice(), Vice::OnlyProves(most) if proofs >= most) {
            return Err(Refusal::Unavailable);
        }
        let seeds = self.chain.audit_seeds(block, 1).await.unwrap();
        let seed = seeds.first().copied().flatten().ok_or(Refusal::NotChallenged)?;
        let pieces = self.pieces.lock().unwrap();
        let bytes = pieces.get(&contract).ok_or(Refusal::NotFound)?;
        let len = bytes.len().try_into().unwrap();
        let (piece, outboard) = commit(&bytes[..], len).unwrap();
        let positions = challenged(&seed, &contract, len, &PARAMETERS.audit).ok_or(Refusal::NotChallenged)?;
        let prove = |position: u64| {
            let proof = prove_chunk(&bytes[..], &outboard, len, position / CHUNK_BYTES).unwrap();
            LeafProof {
                index: 0,
                entry: BatchEntry { piece, len },
                batch_path: Default::default(),
                chunk: proof.bytes.try_into().unwrap(),
                chunk_path: proof.path.try_into().unwrap(),
            }
        };
        let proofs: Proofs = positions.into_iter().map(prove).collect::<Vec<_>>().try_into().unwrap();
        let payload = Answer::payload(&self.genesis, &contract, block, &seed, &proofs);
        self.deeds.send_modify(|deeds| deeds.proofs += 1);
        Ok(Answer { signature: self.secret.sign(&payload), proofs })
    }

    async fn release(&self, _: NodeKey, contract: ContractId) -> Result<(), Refusal> {
        self.pieces.lock().unwrap().remove(&contract);
        self.deeds.send_modify(|deeds| deeds.releases += 1);
        Ok(())
    }
}

impl World {
    /// A rogue that is cheaper than all honest miners, so that it is chosen before them.
    pub async fn add_rogue(&self, number: u8, vice: Vice) -> Rogue {
        self.add_rogue_with(number, vice, Limits::default()).await
    }

    /// A rogue with limits of its own on what clients may do.
    pub async fn add_rogue_with(&self, number: u8, vice: Vice, limits: Limits) -> Rogue {
        let signer = Signer::from_uri(&format!("//Rogue//{number}")).unwrap();
        self.chain.fund(signer.account(), MINER_FUNDS);
        let secret = NodeSecret::from_seed([number; 32]);
        let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
        let config = Config { limits, ..Config::miner(secret.clone(), self.chain.genesis(), listen) };
        let (network, running) = run(config);
        let address = within(async {
            loop {
                if let Some(address) = network.listening().await.first() {
                    return address.clone();
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        let price = PRICE / 2;
        let payload = registration_payload(&self.chain.genesis(), &signer.account());
        let details = ProviderDetails {
            encryption_key: EncryptionKey([1; 32]),
            addresses: vec![address.to_string().into_bytes().try_into().unwrap()].try_into().unwrap(),
            region: b"eu".to_vec().try_into().unwrap(),
            services: Services::STORAGE,
            capacity: GIB,
            price,
        };
        let (node_key, node_signature) = (network.node_key(), network.sign(&payload));
        self.chain.submit(&signer, Call::Register { node_key, node_signature, details }).await.unwrap();
        let service = Arc::new(Service {
            vice: Mutex::new(vice),
            account: signer.account(),
            price,
            genesis: self.chain.genesis(),
            secret: secret.clone(),
            chain: self.chain.clone(),
            height: self.chain.finalized(),
            nonce: AtomicU64::new(0),
            pieces: Mutex::default(),
            finished: Mutex::default(),
            deeds: watch::Sender::default(),
        });
        network.serve(service.clone());
        let (account, genesis) = (signer.account(), self.chain.genesis());
        let accepting = tokio::spawn(accept(self.chain.clone(), signer, service.clone()));
        let _accepting = AbortOnDropHandle::new(accepting);
        Rogue { account, service, secret, genesis, address, running: Some(running), _accepting }
    }
}

/// Accepts whatever contract is opened, as long as its vice allows it.
async fn accept(chain: MemoryChain, signer: Signer, service: Arc<Service>) {
    let mut blocks = chain.finalized();
    loop {
        blocks.borrow_and_update();
        // The chain may be away for a while.
        let contracts = chain.contracts_of(signer.account()).await.unwrap_or_default();
        let pending = contracts.iter().filter(|info| matches!(info.state, ContractState::Pending { .. }));
        let ids: Vec<ContractId> = pending.map(|info| info.id).collect();
        if !ids.is_empty() && service.vice() != Vice::NeverAccepts {
            // Refused where the client has ended one meanwhile.
            let _ = chain.submit(&signer, Call::Accept { ids }).await;
        }
        if blocks.changed().await.is_err() {
            return;
        }
    }
}
