//! A miner that does what a test tells it to, over the real network.

use async_trait::async_trait;
use bytes::Bytes;
use lunarx_chain::{Chain, MemoryChain};
use lunarx_core::{BlockNumber, ContractId, NodeKey, PieceId};
use lunarx_network::{
    Config, EncodedRange, Heartbeat, Multiaddr, Network, NodeSecret, PieceService, Refusal, ReserveRequest,
    SignedOffer,
};
use lunarx_proof::{batch_path, challenged, commit, prove_chunk, Answer, BatchEntry, LeafProof, Proofs};
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How it answers challenges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Honest,
    /// Hears, and says nothing.
    Silent,
    /// Signs what does not prove anything.
    Lying,
}

/// What it stores, and what it was asked.
pub struct Script {
    chain: MemoryChain,
    secret: NodeSecret,
    pieces: Vec<Vec<u8>>,
    pub mode: Mutex<Mode>,
    pub asked: Mutex<Vec<(NodeKey, BlockNumber)>>,
    pub beats: Mutex<u32>,
}

impl Script {
    pub fn new(chain: MemoryChain, secret: NodeSecret, pieces: Vec<Vec<u8>>) -> Arc<Self> {
        let (mode, asked, beats) = (Mutex::new(Mode::Honest), Mutex::default(), Mutex::default());
        Arc::new(Self { chain, secret, pieces, mode, asked, beats })
    }

    pub fn entries(&self) -> Vec<BatchEntry> {
        let entry = |bytes: &Vec<u8>| {
            let len = u64::try_from(bytes.len()).unwrap();
            BatchEntry { piece: commit(bytes.as_slice(), len).unwrap().0, len }
        };
        self.pieces.iter().map(entry).collect()
    }

    /// The blocks asked about, each once, in order.
    pub fn blocks_asked(&self) -> Vec<BlockNumber> {
        let mut blocks: Vec<_> = self.asked.lock().unwrap().iter().map(|(_, block)| *block).collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    }

    fn proof(&self, mut at: u64) -> LeafProof {
        let entries = self.entries();
        let index = entries
            .iter()
            .position(|entry| match at.checked_sub(entry.len) {
                Some(rest) => {
                    at = rest;
                    false
                }
                None => true,
            })
            .unwrap();
        let (bytes, len) = (&self.pieces[index], entries[index].len);
        let outboard = commit(bytes.as_slice(), len).unwrap().1;
        let chunk = prove_chunk(bytes.as_slice(), &outboard, len, at / 1024).unwrap();
        LeafProof {
            index: index.try_into().unwrap(),
            entry: entries[index],
            batch_path: batch_path(&entries, index).unwrap().try_into().unwrap(),
            chunk: chunk.bytes.try_into().unwrap(),
            chunk_path: chunk.path.try_into().unwrap(),
        }
    }
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

    async fn read(&self, _: NodeKey, _: PieceId, _: u64, _: u64) -> Result<EncodedRange, Refusal> {
        Err(Refusal::Unavailable)
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
        let script = &self.0;
        script.asked.lock().unwrap().push((peer, block));
        let mode = *script.mode.lock().unwrap();
        if mode == Mode::Silent {
            return Err(Refusal::NotFound);
        }
        let seed = script.chain.audit_seeds(block, 1).await.unwrap()[0].unwrap();
        let bytes = script.entries().iter().map(|entry| entry.len).sum();
        let rules = script.chain.parameters().audit;
        let positions = challenged(&seed, &contract, bytes, &rules).ok_or(Refusal::NotFound)?;
        let mut proofs: Vec<LeafProof> = positions.iter().map(|at| script.proof(*at)).collect();
        if mode == Mode::Lying {
            proofs[0].chunk[0] ^= 1;
        }
        let proofs = Proofs::try_from(proofs).unwrap();
        let payload = Answer::payload(&script.chain.genesis(), &contract, block, &seed, &proofs);
        Ok(Answer { proofs, signature: script.secret.sign(&payload) })
    }

    async fn heartbeat(&self) -> Result<Heartbeat, Refusal> {
        *self.0.beats.lock().unwrap() += 1;
        Ok(Heartbeat { free: 0, stored: 0 })
    }
}

/// The miner on the network. Dropped, it is away.
pub struct Online {
    pub network: Network,
    pub address: Multiaddr,
    _stop: DropGuard,
    task: JoinHandle<()>,
}

impl Online {
    pub async fn start(script: &Arc<Script>, listen: Multiaddr) -> Self {
        let config = Config::miner(script.secret.clone(), script.chain.genesis(), vec![listen]);
        let (network, runner) = lunarx_network::construct(config).unwrap();
        let stop = CancellationToken::new();
        let running = stop.clone();
        let task = tokio::spawn(async move {
            runner.run(running).await;
        });
        network.serve(Arc::new(Served(script.clone())));
        let address = network.listening().await.remove(0);
        Self { network, address, _stop: stop.drop_guard(), task }
    }

    pub async fn away(self) {
        drop(self._stop);
        self.task.await.unwrap();
    }
}
