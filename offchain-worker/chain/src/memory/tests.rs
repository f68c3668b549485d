//! Journeys of miners and clients, with money conserved at every step.

mod audits;

use super::{MemoryChain, GENESIS};
use crate::{Call, Chain, ChainError, Receipt, Signer};
use ed25519_dalek::{Signer as _, SigningKey};
use lunarx_core::{
    registration_payload, AccountId, Balance, BatchRoot, BlockNumber, Commission, ContractId, ContractState,
    EncryptionKey, NodeKey, NodeSignature, Offer, Promise, ProviderDetails, Score, Services, GIB, LX,
};

const FUNDS: Balance = 1_000 * LX;
/// After so many blocks a window's outcome is final: three windows of 20.
const FINAL: BlockNumber = 60;
const PRICE: Balance = 28_800 * LX;

struct Scene {
    chain: MemoryChain,
    client: Signer,
    miner: Signer,
    node: SigningKey,
}

pub(crate) fn details(capacity: u64) -> ProviderDetails {
    let address = b"/ip4/127.0.0.1/tcp/4001".to_vec().try_into().unwrap();
    ProviderDetails {
        encryption_key: EncryptionKey([5; 32]),
        addresses: vec![address].try_into().unwrap(),
        region: b"eu-1".to_vec().try_into().unwrap(),
        services: Services::STORAGE,
        capacity,
        price: PRICE,
    }
}

fn node_key(node: &SigningKey) -> NodeKey {
    NodeKey(node.verifying_key().to_bytes())
}

fn registration(node: &SigningKey, account: AccountId) -> Call {
    let payload = registration_payload(&GENESIS, &account);
    let node_signature = NodeSignature(node.sign(&payload).to_bytes());
    Call::Register { node_key: node_key(node), node_signature, details: details(10 * GIB) }
}

impl Scene {
    fn new() -> Self {
        let chain = MemoryChain::default();
        let client = Signer::from_uri("//Client").unwrap();
        let miner = Signer::from_uri("//Miner").unwrap();
        chain.fund(client.account(), FUNDS);
        chain.fund(miner.account(), FUNDS);
        Self { chain, client, miner, node: SigningKey::from_bytes(&[3; 32]) }
    }

    async fn registered() -> Self {
        let scene = Self::new();
        scene.by_miner(registration(&scene.node, scene.miner.account())).await.unwrap();
        scene
    }

    async fn by_client(&self, call: Call) -> Result<Receipt, ChainError> {
        self.submit(&self.client, call).await
    }

    async fn by_miner(&self, call: Call) -> Result<Receipt, ChainError> {
        self.submit(&self.miner, call).await
    }

    async fn submit(&self, signer: &Signer, call: Call) -> Result<Receipt, ChainError> {
        let before = self.chain.supply().await.unwrap();
        let result = self.chain.submit(signer, call).await;
        assert_eq!(self.chain.supply().await.unwrap(), before, "money is conserved");
        result
    }

    async fn free(&self, signer: &Signer) -> Balance {
        self.chain.balance(signer.account()).await.unwrap().free
    }

    async fn held(&self, signer: &Signer) -> Balance {
        self.chain.balance(signer.account()).await.unwrap().held
    }

    fn offer(&self) -> Offer<AccountId> {
        Offer {
            miner: self.miner.account(),
            client: self.client.account(),
            max_bytes: GIB,
            max_windows: 10,
            price: PRICE,
            expires: self.chain.height() + 50,
            nonce: 1,
        }
    }

    fn promise(&self, offer: Offer<AccountId>) -> Promise<AccountId> {
        let signature = NodeSignature(self.node.sign(&offer.payload(&GENESIS)).to_bytes());
        let root = BatchRoot([8; 32]);
        Promise { offer, signature, root, pieces: 1, bytes: GIB, windows: 2, commission: None }
    }

    /// Opens a contract for two windows of 20 LX each.
    async fn opened(&self) -> ContractId {
        let promise = self.promise(self.offer());
        let id = promise.offer.contract_id(&GENESIS);
        self.by_client(Call::Open { promises: vec![promise] }).await.unwrap();
        id
    }

    async fn refused(&self, promise: Promise<AccountId>, pallet: &str, error: &str) {
        let before = self.chain.balance(self.client.account()).await.unwrap();
        let result = self.by_client(Call::Open { promises: vec![promise] }).await.unwrap_err();
        assert!(result.is_dispatch(pallet, error), "expected {pallet}.{error}, not {result}");
        let after = self.chain.balance(self.client.account()).await.unwrap();
        assert_eq!(before, after, "nothing is held for a refused contract");
    }

    async fn dispatch(&self, signer: &Signer, call: Call, pallet: &str, error: &str) {
        let result = self.submit(signer, call).await.unwrap_err();
        assert!(result.is_dispatch(pallet, error), "expected {pallet}.{error}, not {result}");
    }
}

#[tokio::test]
async fn a_contract_is_paid_by_windows_and_closed_at_its_end() {
    let scene = Scene::registered().await;
    let fee = 20 * LX;
    let quote = scene.chain.quote(GIB, 2, PRICE).await.unwrap().unwrap();
    assert_eq!((quote.window_fee, quote.total), (fee, 2 * fee));

    let id = scene.opened().await;
    assert_eq!(scene.held(&scene.client).await, 2 * fee);
    let contract = scene.chain.contract(id).await.unwrap().unwrap();
    assert!(matches!(contract.state, ContractState::Pending { .. }));
    for signer in [&scene.miner, &scene.client] {
        let ours = scene.chain.contracts_of(signer.account()).await.unwrap();
        assert_eq!(ours, std::slice::from_ref(&contract));
    }

    let accepted = scene.by_miner(Call::Accept { ids: vec![id] }).await.unwrap();
    let state = scene.chain.contract(id).await.unwrap().unwrap().state;
    assert_eq!(state, ContractState::Active { since: accepted.block, settled: 0 });
    scene.dispatch(&scene.miner, Call::Settle { ids: vec![id] }, "Contracts", "NothingDue").await;

    let before = scene.free(&scene.miner).await;
    scene.chain.advance(20 + FINAL - 3);
    scene.dispatch(&scene.client, Call::Settle { ids: vec![id] }, "Contracts", "NothingDue").await;
    scene.by_miner(Call::Settle { ids: vec![id] }).await.unwrap();
    assert_eq!(scene.free(&scene.miner).await, before + fee);
    assert_eq!(scene.held(&scene.client).await, fee);

    scene.chain.advance(20);
    assert_eq!(scene.chain.contract(id).await.unwrap(), None);
    assert_eq!(scene.free(&scene.miner).await, before + 2 * fee);
    assert_eq!(scene.held(&scene.client).await, 0);
    let miner = scene.chain.provider(scene.miner.account()).await.unwrap().unwrap();
    assert_eq!((miner.used, miner.score), (0, Score { proven: 2, ..Score::default() }));
}

#[tokio::test]
async fn what_is_not_accepted_in_time_is_refunded() {
    let scene = Scene::registered().await;
    scene.chain.set_housekeeping(false);
    let id = scene.opened().await;
    scene.dispatch(&scene.client, Call::Expire { ids: vec![id] }, "Contracts", "NotExpired").await;
    scene.chain.advance(scene.chain.parameters().accept_within + 1);
    scene.dispatch(&scene.miner, Call::Accept { ids: vec![id] }, "Contracts", "TooLate").await;
    scene.by_client(Call::Expire { ids: vec![id] }).await.unwrap();
    assert_eq!(scene.free(&scene.client).await, FUNDS);
    assert_eq!(scene.held(&scene.client).await, 0);

    scene.chain.set_housekeeping(true);
    scene.opened().await;
    scene.chain.advance(scene.chain.parameters().accept_within + 1);
    assert_eq!(scene.free(&scene.client).await, FUNDS);
}

#[tokio::test]
async fn an_early_end_refunds_the_rest_at_once_and_pays_what_passed_once_it_is_final() {
    let scene = Scene::registered().await;
    let id = scene.opened().await;
    scene.by_miner(Call::Accept { ids: vec![id] }).await.unwrap();
    scene.chain.advance(25);
    scene.dispatch(&scene.miner, Call::End { ids: vec![id] }, "Contracts", "NotClient").await;
    let ended = scene.by_client(Call::End { ids: vec![id] }).await.unwrap().block;
    let spent = 27 * LX;
    assert_eq!(scene.free(&scene.client).await, FUNDS - spent, "one window of 20 LX, 7 blocks of 20");
    assert_eq!(scene.held(&scene.client).await, spent);
    let contract = scene.chain.contract(id).await.unwrap().unwrap();
    assert_eq!((contract.ended, contract.windows, contract.last_fee), (Some(ended), 2, 7 * LX));
    scene.dispatch(&scene.client, Call::End { ids: vec![id] }, "Contracts", "AlreadyEnded").await;

    scene.chain.advance(FINAL);
    assert_eq!(scene.chain.contract(id).await.unwrap(), None);
    assert_eq!((scene.free(&scene.client).await, scene.held(&scene.client).await), (FUNDS - spent, 0));
    assert_eq!(scene.free(&scene.miner).await, FUNDS - 10 * LX + spent);
}

#[tokio::test]
async fn an_end_where_a_window_ends_pays_whole_windows() {
    let scene = Scene::registered().await;
    let id = scene.opened().await;
    scene.by_miner(Call::Accept { ids: vec![id] }).await.unwrap();
    scene.chain.advance(19);
    scene.by_client(Call::End { ids: vec![id] }).await.unwrap();
    let contract = scene.chain.contract(id).await.unwrap().unwrap();
    assert_eq!((contract.windows, contract.last_fee, contract.escrow), (1, 20 * LX, 20 * LX));
    scene.chain.advance(FINAL);
    assert_eq!(scene.free(&scene.client).await, FUNDS - 20 * LX);
    // A term that is over has nothing to cut.
    let second = scene.promise(Offer { nonce: 2, ..scene.offer() });
    let id = second.offer.contract_id(&GENESIS);
    scene.by_client(Call::Open { promises: vec![second] }).await.unwrap();
    scene.by_miner(Call::Accept { ids: vec![id] }).await.unwrap();
    scene.chain.advance(45);
    scene.dispatch(&scene.client, Call::End { ids: vec![id] }, "Contracts", "AlreadyEnded").await;
    // In a batch it is passed over.
    let pending = scene.promise(Offer { nonce: 3, ..scene.offer() });
    let ids = vec![id, pending.offer.contract_id(&GENESIS)];
    scene.by_client(Call::Open { promises: vec![pending] }).await.unwrap();
    scene.by_client(Call::End { ids: ids.clone() }).await.unwrap();
    assert_eq!(scene.chain.contract(ids[1]).await.unwrap(), None);
    let contract = scene.chain.contract(id).await.unwrap().unwrap();
    assert_eq!((contract.ended, contract.escrow), (None, 40 * LX));
}

#[tokio::test]
async fn a_supplier_draws_its_commission() {
    let scene = Scene::registered().await;
    let supplier = AccountId([7; 32]);
    let with = |share| {
        let commission = Some(Commission { supplier, share });
        Promise { commission, ..scene.promise(scene.offer()) }
    };
    scene.refused(with(1_000_001), "Contracts", "BadCommission").await;
    let promise = with(250_000);
    let id = promise.offer.contract_id(&GENESIS);
    scene.by_client(Call::Open { promises: vec![promise] }).await.unwrap();
    scene.by_miner(Call::Accept { ids: vec![id] }).await.unwrap();
    scene.chain.advance(2 * 20 + FINAL);
    assert_eq!(scene.chain.balance(supplier).await.unwrap().free, 10 * LX);
    assert_eq!(scene.free(&scene.miner).await, FUNDS - 10 * LX + 30 * LX);
}

#[tokio::test]
async fn refuses_forged_expired_underpriced_and_oversized_offers() {
    let scene = Scene::registered().await;
    let good = scene.promise(scene.offer());

    let mut forged = good.clone();
    forged.signature.0[0] ^= 1;
    scene.refused(forged, "Contracts", "BadOfferSignature").await;
    let mut altered = good.clone();
    altered.offer.price += 1;
    scene.refused(altered, "Contracts", "BadOfferSignature").await;

    let change = |change: &dyn Fn(&mut Offer<AccountId>)| {
        let mut offer = scene.offer();
        change(&mut offer);
        scene.promise(offer)
    };
    scene.refused(change(&|offer| offer.expires = 1), "Contracts", "OfferExpired").await;
    scene.refused(change(&|offer| offer.expires = BlockNumber::MAX), "Contracts", "OfferLivesTooLong").await;
    scene.refused(change(&|offer| offer.price -= 1), "Contracts", "UnderPriced").await;
    scene.refused(change(&|offer| offer.client = offer.miner), "Contracts", "NotYourOffer").await;
    scene.refused(change(&|offer| offer.miner = offer.client), "Contracts", "SelfDealing").await;

    let stranger = AccountId([9; 32]);
    scene.refused(change(&|offer| offer.miner = stranger), "Contracts", "UnknownMiner").await;

    for (bytes, windows, pieces, error) in [
        (GIB + 1, 1, 1, "BadSize"),
        (0, 1, 1, "BadSize"),
        (1, 11, 1, "BadTerm"),
        (1, 0, 1, "BadTerm"),
        (1, 1, 0, "NoPieces"),
    ] {
        let beyond = Promise { bytes, windows, pieces, ..good.clone() };
        scene.refused(beyond, "Contracts", error).await;
    }
    let mut large = change(&|offer| offer.max_bytes = u64::MAX);
    large.bytes = 11 * GIB;
    scene.refused(large, "Contracts", "OverCapacity").await;
    let mut dear = change(&|offer| offer.max_windows = 100);
    dear.windows = 100;
    scene.refused(dear, "Contracts", "CannotHoldFee").await;
}

#[tokio::test]
async fn an_offer_backs_one_live_contract_and_is_accepted_once_by_its_miner() {
    let scene = Scene::registered().await;
    let promise = scene.promise(scene.offer());
    let id = promise.offer.contract_id(&GENESIS);
    scene.by_client(Call::Open { promises: vec![promise.clone()] }).await.unwrap();
    scene.refused(promise.clone(), "Contracts", "AlreadyOpen").await;
    scene.dispatch(&scene.client, Call::Accept { ids: vec![id] }, "Contracts", "NotMiner").await;
    scene.by_miner(Call::Accept { ids: vec![id] }).await.unwrap();
    scene.dispatch(&scene.miner, Call::Accept { ids: vec![id] }, "Contracts", "AlreadyAccepted").await;
    scene.dispatch(&scene.client, Call::Expire { ids: vec![id] }, "Contracts", "NotExpired").await;
}

#[tokio::test]
async fn a_batch_opens_all_or_none() {
    let scene = Scene::registered().await;
    let good = scene.promise(scene.offer());
    let mut bad = scene.promise(Offer { nonce: 2, ..scene.offer() });
    bad.signature.0[1] ^= 1;
    let promises = vec![good, bad];
    scene.dispatch(&scene.client, Call::Open { promises }, "Contracts", "BadOfferSignature").await;
    assert!(scene.chain.contracts_of(scene.client.account()).await.unwrap().is_empty());
    assert_eq!(scene.held(&scene.client).await, 0);
    let many = vec![scene.promise(scene.offer()); 65];
    let refused = scene.by_client(Call::Open { promises: many }).await.unwrap_err();
    assert!(matches!(refused, ChainError::Rejected { .. }), "{refused}");
}

#[tokio::test]
async fn a_miner_registers_once_with_its_own_node_and_collateral() {
    let scene = Scene::new();
    let account = scene.miner.account();
    let good = registration(&scene.node, account);
    let other = registration(&scene.node, scene.client.account());
    let Call::Register { node_signature, .. } = other.clone() else { unreachable!() };
    let Call::Register { node_key, details, .. } = good.clone() else { unreachable!() };
    let stolen = Call::Register { node_key, node_signature, details: details.clone() };
    scene.dispatch(&scene.miner, stolen, "Providers", "BadNodeSignature").await;

    scene.by_miner(good.clone()).await.unwrap();
    assert_eq!(scene.held(&scene.miner).await, 10 * LX);
    scene.dispatch(&scene.miner, good, "Providers", "AlreadyRegistered").await;
    scene.dispatch(&scene.client, other, "Providers", "NodeIdTaken").await;
    scene.dispatch(&scene.client, Call::AnnounceExit, "Providers", "NotRegistered").await;

    let info = scene.chain.provider_of_node(node_key.node_id()).await.unwrap().unwrap();
    assert_eq!(info.account, account);
    assert_eq!(scene.chain.providers().await.unwrap(), [info]);

    let poor = ProviderDetails { capacity: 10_000 * GIB, ..details };
    scene.dispatch(&scene.miner, Call::Update { details: poor }, "Providers", "InsufficientBalance").await;
    scene.by_miner(Call::TopUp { amount: LX }).await.unwrap();
    assert_eq!(scene.held(&scene.miner).await, 11 * LX);
}

#[tokio::test]
async fn a_miner_leaves_after_the_delay_and_gets_its_collateral_back() {
    let scene = Scene::registered().await;
    scene.dispatch(&scene.miner, Call::Withdraw, "Providers", "NotExiting").await;
    let id = scene.opened().await;
    scene.by_miner(Call::AnnounceExit).await.unwrap();
    scene.dispatch(&scene.miner, Call::AnnounceExit, "Providers", "Exiting").await;
    scene.refused(scene.promise(Offer { nonce: 2, ..scene.offer() }), "Contracts", "MinerNotAccepting").await;
    scene.dispatch(&scene.miner, Call::Withdraw, "Providers", "ExitDelayNotOver").await;
    scene.by_miner(Call::Accept { ids: vec![id] }).await.unwrap();
    scene.chain.set_housekeeping(false);
    scene.chain.advance(scene.chain.parameters().exit_delay);
    scene.dispatch(&scene.miner, Call::Withdraw, "Providers", "StillUsed").await;
    scene.chain.advance(FINAL);
    scene.by_miner(Call::Settle { ids: vec![id] }).await.unwrap();
    scene.by_miner(Call::Withdraw).await.unwrap();
    assert_eq!(scene.held(&scene.miner).await, 0);
    assert_eq!(scene.free(&scene.miner).await, FUNDS + 40 * LX);
    assert!(scene.chain.providers().await.unwrap().is_empty());
}

#[tokio::test]
async fn transfers_move_what_is_there() {
    let scene = Scene::new();
    let to = scene.miner.account();
    let refused = scene.by_client(Call::Transfer { to, amount: FUNDS + 1 }).await.unwrap_err();
    assert!(matches!(refused, ChainError::InsufficientBalance { .. }), "{refused}");
    scene.by_client(Call::Transfer { to, amount: FUNDS }).await.unwrap();
    assert_eq!(scene.free(&scene.miner).await, 2 * FUNDS);
}

#[tokio::test]
async fn height_is_shown_when_it_can_be_read_and_failures_are_as_ordered() {
    let scene = Scene::new();
    let mut finalized = scene.chain.finalized();
    let first = *finalized.borrow_and_update();
    scene.chain.advance(5);
    assert_eq!(*finalized.borrow_and_update(), first + 5);

    let transfer = || Call::Transfer { to: scene.miner.account(), amount: 1 };
    let ordered = ChainError::NotIncluded { attempts: 1, reason: "ordered".into() };
    scene.chain.fail_next(ordered.clone());
    assert_eq!(scene.by_client(transfer()).await, Err(ordered));
    let receipt = scene.by_client(transfer()).await.unwrap();
    assert_eq!(receipt.block, first + 6);
    assert_eq!(*finalized.borrow_and_update(), receipt.block);

    scene.chain.set_reachable(false);
    let error = scene.chain.submit(&scene.client, transfer()).await.unwrap_err();
    assert!(error.is_retryable() && matches!(error, ChainError::Unreachable { .. }), "{error}");
    assert!(scene.chain.supply().await.is_err());
    scene.chain.set_reachable(true);
    assert_eq!(scene.free(&scene.miner).await, FUNDS + 1);
}
