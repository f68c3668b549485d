//! Miners that break their word.

use super::{within, World, PRICE};
use async_trait::async_trait;
use bytes::Bytes;
use lunarx_chain::{Call, Chain, Signer};
use lunarx_core::{
    registration_payload, AccountId, Balance, ContractId, EncryptionKey, NodeKey, Offer, PieceId,
    ProviderDetails, Services, GIB, LX,
};
use lunarx_network::{
    construct, Config, EncodedRange, Network, NodeSecret, PieceService, Refusal, ReserveRequest, SignedOffer,
};
use std::{
    collections::HashMap,
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc, Mutex,
    },
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vice {
    /// Offers for another client.
    OffersToAnother,
    /// Refuses to reserve.
    Refuses,
    /// Fails after the first bytes of each piece.
    FailsMidway,
    /// Takes everything and names another piece.
    NamesAnotherPiece,
    /// Takes everything and never accepts.
    NeverAccepts,
}

pub struct Rogue {
    pub account: AccountId,
    pub network: Network,
    _stop: DropGuard,
}

struct Service {
    vice: Vice,
    account: AccountId,
    price: Balance,
    genesis: [u8; 32],
    network: Network,
    height: tokio::sync::watch::Receiver<u32>,
    nonce: AtomicU64,
    pieces: Mutex<HashMap<ContractId, Vec<u8>>>,
}

#[async_trait]
impl PieceService for Service {
    async fn reserve(&self, _: NodeKey, request: ReserveRequest) -> Result<SignedOffer, Refusal> {
        if self.vice == Vice::Refuses {
            return Err(Refusal::NoSpace { free: 0 });
        }
        let client = match self.vice {
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
        let signature = self.network.sign(&offer.payload(&self.genesis));
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
        if self.vice == Vice::FailsMidway && offset > 0 {
            return Err(Refusal::Unavailable);
        }
        self.pieces.lock().unwrap().entry(contract).or_default().extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(&self, _: NodeKey, contract: ContractId, _: u32, _: u64) -> Result<PieceId, Refusal> {
        match self.vice {
            Vice::NeverAccepts => {
                let pieces = self.pieces.lock().unwrap();
                Ok(PieceId(*blake3::hash(&pieces[&contract]).as_bytes()))
            }
            Vice::NamesAnotherPiece => Ok(PieceId([0xbb; 32])),
            _ => Err(Refusal::Unavailable),
        }
    }

    async fn read(&self, _: NodeKey, _: PieceId, _: u64, _: u64) -> Result<EncodedRange, Refusal> {
        Err(Refusal::NotFound)
    }
}

impl World {
    /// A rogue that is cheaper than all honest miners, so that it is chosen before them.
    pub async fn add_rogue(&self, number: u8, vice: Vice) -> Rogue {
        let signer = Signer::from_uri(&format!("//Rogue//{number}")).unwrap();
        self.chain.fund(signer.account(), 100 * LX);
        let secret = NodeSecret::from_seed([number; 32]);
        let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
        let (network, runner) = construct(Config::miner(secret, self.chain.genesis(), listen)).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(runner.run(stop.clone()));
        let address = within(async {
            loop {
                if let Some(address) = network.listening().await.first() {
                    return address.to_string();
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        let price = PRICE / 2;
        let payload = registration_payload(&self.chain.genesis(), &signer.account());
        let details = ProviderDetails {
            encryption_key: EncryptionKey([1; 32]),
            addresses: vec![address.into_bytes().try_into().unwrap()].try_into().unwrap(),
            region: b"eu".to_vec().try_into().unwrap(),
            services: Services::STORAGE,
            capacity: GIB,
            price,
        };
        let (node_key, node_signature) = (network.node_key(), network.sign(&payload));
        self.chain.submit(&signer, Call::Register { node_key, node_signature, details }).await.unwrap();
        network.serve(Arc::new(Service {
            vice,
            account: signer.account(),
            price,
            genesis: self.chain.genesis(),
            network: network.clone(),
            height: self.chain.finalized(),
            nonce: AtomicU64::new(0),
            pieces: Mutex::default(),
        }));
        Rogue { account: signer.account(), network, _stop: stop.drop_guard() }
    }
}
