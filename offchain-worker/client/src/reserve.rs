//! Space at miners, held by signed offers, and given back if nothing comes of it.

use crate::{
    client::timed,
    limits::{CONNECT_TIMEOUT, MAX_CONCURRENT_MINERS, OFFER_LIFE_FRACTION, RELEASE_TIMEOUT, RESERVE_TIMEOUT},
    placement::Candidate,
    Client, ClientError, Fault, MinerFault,
};
use futures::{stream, StreamExt};
use lunarx_core::{AccountId, Balance, BlockNumber, ChainParameters, ContractId, NodeKey, Offer};
use lunarx_network::{Network, ReserveRequest, SignedOffer};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::time::timeout;

/// A piece's place: a miner, its offer, and the contract that the offer will become.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub miner: Candidate,
    pub offer: SignedOffer,
    pub contract: ContractId,
}

/// What every miner is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub bytes: u64,
    pub windows: u32,
    pub max_price: Option<Balance>,
}

/// The reservations of one put. Those that become no contract hold up a miner's space and the client's
/// quota until their offers run out, unless they are given back. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Reservations(Arc<Mutex<HashMap<ContractId, NodeKey>>>);

impl Reservations {
    fn add(&self, slot: &Slot) {
        lock(&self.0).insert(slot.contract, slot.miner.node_key);
    }

    /// Gives one back, in a task.
    pub fn release(&self, network: &Network, slot: &Slot) {
        if let Some(node) = lock(&self.0).remove(&slot.contract) {
            tokio::spawn(release(network.clone(), node, slot.contract));
        }
    }

    /// Gives all back that are left. A miner that has accepted the contract refuses, which is right.
    pub async fn release_all(&self, network: &Network) {
        let all: Vec<(ContractId, NodeKey)> = lock(&self.0).drain().collect();
        let releases = all.into_iter().map(|(contract, node)| release(network.clone(), node, contract));
        let releases = stream::iter(releases).for_each_concurrent(MAX_CONCURRENT_MINERS, |release| release);
        if timeout(RELEASE_TIMEOUT, releases).await.is_err() {
            tracing::debug!("not all reservations were given back, they run out with their offers");
        }
    }
}

/// Nothing depends on it: what is not given back runs out.
async fn release(network: Network, node: NodeKey, contract: ContractId) {
    if let Err(fault) =
        timed("take back a reservation", RELEASE_TIMEOUT, network.release(node, contract)).await
    {
        tracing::debug!(%node, %contract, %fault, "reservation is not given back");
    }
}

/// The miners that may still be asked for one segment. Each is asked once.
pub(crate) struct Reserver {
    client: Client,
    reservations: Reservations,
    ask: Ask,
    queue: Mutex<VecDeque<Candidate>>,
    faults: Mutex<Vec<MinerFault>>,
    known: usize,
}

impl Reserver {
    /// Asks `ranked` in their order; `known` miners are registered in all. Notes in `reservations` what
    /// they hold.
    pub fn new(
        client: &Client,
        reservations: &Reservations,
        ask: Ask,
        ranked: Vec<Candidate>,
        known: usize,
    ) -> Self {
        let (client, reservations) = (client.clone(), reservations.clone());
        let (queue, faults) = (Mutex::new(ranked.into()), Mutex::default());
        Self { client, reservations, ask, queue, faults, known }
    }

    /// Reserves at `count` miners at the same time. One that refuses, is too slow or offers something
    /// else is replaced at once.
    pub async fn many(&self, count: usize) -> Result<Vec<Slot>, ClientError> {
        let slots: Vec<Slot> = stream::iter((0..count).map(|_| self.one()))
            .buffer_unordered(MAX_CONCURRENT_MINERS)
            .filter_map(|slot| async { slot })
            .collect()
            .await;
        match slots.len() == count {
            true => Ok(slots),
            false => Err(self.too_few(count, slots.len())),
        }
    }

    /// Reserves at the next miner that agrees. `None` once all were asked.
    pub async fn one(&self) -> Option<Slot> {
        loop {
            let miner = lock(&self.queue).pop_front()?;
            match self.at(&miner).await {
                Ok(slot) => return Some(slot),
                Err(fault) => self.blame(miner.account, fault),
            }
        }
    }

    /// Whether nobody is left to be asked.
    pub fn is_exhausted(&self) -> bool {
        lock(&self.queue).is_empty()
    }

    /// Gives back a place that is not needed any more.
    pub fn release(&self, slot: &Slot) {
        self.reservations.release(&self.client.network, slot);
    }

    /// Notes what a miner did.
    pub fn blame(&self, miner: AccountId, fault: Fault) {
        tracing::info!(miner = %lunarx_chain::to_ss58(miner), %fault, "miner failed");
        lock(&self.faults).push(MinerFault { miner, fault });
    }

    /// What miners did so far.
    pub fn faults(&self) -> Vec<MinerFault> {
        lock(&self.faults).clone()
    }

    /// That `needed` miners could not be found.
    pub fn too_few(&self, needed: usize, found: usize) -> ClientError {
        let (known, bytes) = (self.known, self.ask.bytes);
        ClientError::TooFewMiners { needed, found, known, bytes, faults: self.faults() }
    }

    async fn at(&self, miner: &Candidate) -> Result<Slot, Fault> {
        let client = &self.client;
        client.reach(miner, CONNECT_TIMEOUT).await?;
        let request = ReserveRequest {
            client: client.account(),
            max_bytes: self.ask.bytes,
            max_windows: self.ask.windows,
            max_price: self.ask.max_price.map_or(miner.price, |max| max.min(miner.price)),
        };
        let reserve = client.network.reserve(miner.node_key, request.clone());
        let offer = timed("reserve", RESERVE_TIMEOUT, reserve).await?;
        let now = *client.chain.finalized().borrow();
        check(&offer.offer, miner, &request, now, &client.chain.parameters())?;
        let contract = offer.offer.contract_id(&client.chain.genesis());
        let slot = Slot { miner: miner.clone(), offer, contract };
        self.reservations.add(&slot);
        Ok(slot)
    }
}

/// Whether an offer, whose signature the network has verified, is what was asked for, and one that the
/// chain will take.
fn check(
    offer: &Offer<AccountId>,
    miner: &Candidate,
    request: &ReserveRequest,
    now: BlockNumber,
    parameters: &ChainParameters,
) -> Result<(), Fault> {
    let lie = |what: String| Err(Fault::Lied(format!("its offer {what}")));
    if offer.miner != miner.account || offer.client != request.client {
        return lie("is by or for another account".into());
    }
    if offer.price > request.max_price {
        return lie(format!("asks {}, expected at most {}", offer.price, request.max_price));
    }
    if offer.price < miner.price {
        return lie(format!(
            "asks {}, below the listed {}, which the chain refuses",
            offer.price, miner.price
        ));
    }
    if offer.max_bytes < request.max_bytes || offer.max_windows < request.max_windows {
        return lie("is smaller or shorter than asked for".into());
    }
    let life = offer.expires.saturating_sub(now);
    let least = (parameters.max_offer_life / OFFER_LIFE_FRACTION).clamp(1, MIN_OFFER_BLOCKS);
    if life < least {
        return lie(format!("expires in {life} blocks, expected at least {least}"));
    }
    // Its clock may be a little ahead of ours.
    let most = parameters.max_offer_life.saturating_add(MAX_HEIGHT_LAG);
    if life > most {
        return lie(format!("expires in {life} blocks, expected at most {most}"));
    }
    Ok(())
}

/// Blocks by which a miner may have seen more of the chain than we.
const MAX_HEIGHT_LAG: BlockNumber = 20;
/// Blocks that suffice for an upload, however long offers may live: 10 minutes at 3 s.
const MIN_OFFER_BLOCKS: BlockNumber = 200;

/// What the locks guard is whole between any two calls, so a poisoned one harms nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::{Addresses, AuditRules, EncryptionKey, NodeKey, Region, Score, Services, GIB};

    fn parameters() -> ChainParameters {
        ChainParameters {
            block_millis: 3_000,
            day: 28_800,
            window: 1_200,
            accept_within: 100,
            max_offer_life: 2_400,
            max_windows: 100,
            max_promises: 64,
            max_reports: 64,
            collateral_per_gib: 1,
            exit_delay: 10,
            audit: AuditRules::of_window(1_200),
        }
    }

    fn miner() -> Candidate {
        Candidate {
            account: AccountId([7; 32]),
            node_key: NodeKey([7; 32]),
            encryption_key: EncryptionKey([0; 32]),
            addresses: Addresses::default(),
            region: Region::default(),
            services: Services::STORAGE,
            capacity: GIB,
            used: 0,
            price: 100,
            collateral: 0,
            exit_at: None,
            score: Score::default(),
        }
    }

    fn request() -> ReserveRequest {
        ReserveRequest { client: AccountId([1; 32]), max_bytes: 40, max_windows: 5, max_price: 100 }
    }

    fn offer() -> Offer<AccountId> {
        Offer {
            miner: AccountId([7; 32]),
            client: AccountId([1; 32]),
            max_bytes: 40,
            max_windows: 5,
            price: 100,
            expires: 1_500,
            nonce: 1,
        }
    }

    fn verdict(offer: Offer<AccountId>) -> Result<(), Fault> {
        check(&offer, &miner(), &request(), 300, &parameters())
    }

    #[test]
    fn takes_what_it_asked_for() {
        assert_eq!(verdict(offer()), Ok(()));
    }

    #[test]
    fn refuses_everything_else() {
        let lies = [
            Offer { miner: AccountId([8; 32]), ..offer() },
            Offer { client: AccountId([8; 32]), ..offer() },
            Offer { price: 101, ..offer() },
            Offer { price: 99, ..offer() },
            Offer { max_bytes: 39, ..offer() },
            Offer { max_windows: 4, ..offer() },
            Offer { expires: 299, ..offer() },
            Offer { expires: 499, ..offer() },
            Offer { expires: 300 + 2_400 + 21, ..offer() },
        ];
        for offer in lies {
            assert!(matches!(verdict(offer.clone()), Err(Fault::Lied(_))), "{offer:?}");
        }
    }
}
