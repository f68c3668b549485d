//! Reservations: what a miner offers, to whom, and how much space it lends before it is paid.
//!
//! A reservation costs its client nothing until it becomes a contract, so the space lent is small
//! and bounded: for each node key, for each account, and in all, in bytes and in number. It ends
//! with the offer's expiry.
//!
//! Invariant: a claim stands in the [`Desk`] for every reservation in the store that is not kept,
//! from before it is stored until after it was kept or removed. Only a claim's owner may write.

use crate::MinerConfig;
use lunarx_core::{
    AccountId, Balance, BlockNumber, ChainParameters, ContractId, NodeKey, Offer, ProviderInfo,
};
use lunarx_network::{Refusal, ReserveRequest};
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Most offers that one client may hold unpaid, whatever their size.
const MAX_CLIENT_OFFERS: u32 = 1_024;
/// Most offers that all clients together may hold unpaid.
const MAX_OFFERS: u32 = 65_536;

/// What the miner demands. Fixed while it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) miner: AccountId,
    pub(crate) price: Balance,
    pub(crate) max_windows: u32,
    pub(crate) max_reservation: u64,
    pub(crate) offer_life: BlockNumber,
    pub(crate) client_quota: u64,
    pub(crate) total_quota: u64,
}

impl Terms {
    pub(crate) fn new(miner: AccountId, config: &MinerConfig, parameters: &ChainParameters) -> Self {
        let chain_max = parameters.max_windows;
        Self {
            miner,
            price: config.price,
            max_windows: config.max_windows.map_or(chain_max, |own| own.min(chain_max)),
            max_reservation: config.max_reservation.min(config.capacity),
            offer_life: config.offer_life.min(parameters.max_offer_life),
            client_quota: config.client_quota(),
            total_quota: config.total_quota(),
        }
    }

    /// The offer that answers `request`, if its terms can be met.
    pub(crate) fn offer(
        &self,
        request: &ReserveRequest,
        height: BlockNumber,
        nonce: u64,
    ) -> Result<Offer<AccountId>, Refusal> {
        if request.max_price < self.price {
            return Err(Refusal::PriceTooLow { ask: self.price });
        }
        if request.max_windows == 0 || request.max_windows > self.max_windows {
            return Err(Refusal::TooLong { max_windows: self.max_windows });
        }
        if request.max_bytes == 0 || request.max_bytes > self.max_reservation {
            return Err(Refusal::TooLarge { max: self.max_reservation });
        }
        Ok(Offer {
            miner: self.miner,
            client: request.client,
            max_bytes: request.max_bytes,
            max_windows: request.max_windows,
            price: self.price,
            expires: height.saturating_add(self.offer_life),
            nonce,
        })
    }
}

/// Where the miner stands on chain, as far as new contracts are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The chain does not answer, or was not asked yet.
    Unheard,
    /// Registered, with so many bytes free.
    Open {
        /// Capacity that no contract takes.
        free: u64,
    },
    /// Not registered, or leaving.
    Closed,
}

impl From<Option<&ProviderInfo<AccountId>>> for Standing {
    fn from(info: Option<&ProviderInfo<AccountId>>) -> Self {
        match info {
            Some(info) if info.exit_at.is_none() => Self::Open { free: info.free() },
            _ => Self::Closed,
        }
    }
}

/// An unpaid reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Whose connection made it, and alone may write.
    pub(crate) owner: NodeKey,
    /// Who may open a contract on it.
    pub(crate) client: AccountId,
    /// Space lent.
    pub(crate) bytes: u64,
    /// Last block in which it can be opened.
    pub(crate) expires: BlockNumber,
    /// Set once its owner gave it up: the height then seen. It counts against no quota of its client's,
    /// and its space comes back once the chain shows that no contract came of it.
    pub(crate) given_up: Option<BlockNumber>,
}

/// Space lent: bytes and number of claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lent {
    bytes: u64,
    offers: u32,
}

impl Lent {
    fn add(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.offers = self.offers.saturating_add(1);
    }

    fn take(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.offers = self.offers.saturating_sub(1);
    }
}

#[derive(Debug)]
struct Ledger {
    standing: Standing,
    claims: HashMap<ContractId, Claim>,
    by_owner: HashMap<NodeKey, Lent>,
    by_client: HashMap<AccountId, Lent>,
    total: Lent,
}

/// The miner's unpaid reservations.
pub(crate) struct Desk {
    terms: Terms,
    ledger: Mutex<Ledger>,
}

impl Desk {
    pub(crate) fn new(terms: Terms) -> Self {
        let ledger = Ledger {
            standing: Standing::Unheard,
            claims: HashMap::new(),
            by_owner: HashMap::new(),
            by_client: HashMap::new(),
            total: Lent::default(),
        };
        Self { terms, ledger: Mutex::new(ledger) }
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// What the chain says now.
    pub(crate) fn set_standing(&self, standing: Standing) {
        self.ledger().standing = standing;
    }

    /// Notes a reservation that the store held before the start. It passes whatever the quotas say.
    pub(crate) fn restore(&self, contract: ContractId, claim: Claim) {
        self.ledger().insert(contract, claim);
    }

    /// Lends the space of `claim`, if the quotas allow it.
    pub(crate) fn claim(self: &Arc<Self>, contract: ContractId, claim: Claim) -> Result<Lending, Refusal> {
        let mut ledger = self.ledger();
        ledger.check(&self.terms, &claim)?;
        ledger.insert(contract, claim);
        Ok(Lending { desk: self.clone(), contract, stored: false })
    }

    /// Ends the owner's use of its claim. The offer is still signed, so the space stays lent until the
    /// chain shows that it was not opened.
    pub(crate) fn give_up(
        &self,
        contract: ContractId,
        peer: NodeKey,
        height: BlockNumber,
    ) -> Result<(), Refusal> {
        self.owned(contract, peer, height)?;
        self.ledger().give_up(contract, height);
        Ok(())
    }

    /// The claims that were given up, and when.
    pub(crate) fn given_up(&self) -> Vec<(ContractId, BlockNumber)> {
        let ledger = self.ledger();
        ledger.claims.iter().filter_map(|(id, claim)| Some((*id, claim.given_up?))).collect()
    }

    /// Ends a claim: it was kept, or removed.
    pub(crate) fn release(&self, contract: ContractId) {
        self.ledger().remove(contract);
    }

    /// The claim on `contract`, for its owner, while a contract can still come of it.
    pub(crate) fn owned(
        &self,
        contract: ContractId,
        peer: NodeKey,
        height: BlockNumber,
    ) -> Result<Claim, Refusal> {
        match self.ledger().claims.get(&contract) {
            None => Err(Refusal::NotFound),
            Some(claim) if claim.owner != peer => Err(Refusal::NotYours),
            Some(claim) if claim.given_up.is_some() => Err(Refusal::NotFound),
            Some(claim) if claim.expires < height => Err(Refusal::Expired),
            Some(claim) => Ok(*claim),
        }
    }

    /// The ledger is consistent between any two of its calls, so a poisoned lock harms nothing.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A claim whose reservation is not stored yet: dropped before that, it takes the claim back.
pub(crate) struct Lending {
    desk: Arc<Desk>,
    contract: ContractId,
    stored: bool,
}

impl Lending {
    /// The reservation is stored: the claim stands.
    pub(crate) fn stored(mut self) {
        self.stored = true;
    }
}

impl Drop for Lending {
    fn drop(&mut self) {
        if !self.stored {
            self.desk.release(self.contract);
        }
    }
}

impl Ledger {
    fn check(&self, terms: &Terms, claim: &Claim) -> Result<(), Refusal> {
        let free = match self.standing {
            Standing::Unheard | Standing::Closed => return Err(Refusal::Unavailable),
            Standing::Open { free } => free.saturating_sub(self.total.bytes),
        };
        if claim.bytes > free {
            return Err(Refusal::NoSpace { free });
        }
        let lent = |lent: Option<&Lent>| lent.copied().unwrap_or_default();
        let (owner, client) =
            (lent(self.by_owner.get(&claim.owner)), lent(self.by_client.get(&claim.client)));
        if owner.offers.max(client.offers) >= MAX_CLIENT_OFFERS || self.total.offers >= MAX_OFFERS {
            return Err(Refusal::Busy);
        }
        let left = terms.client_quota.saturating_sub(owner.bytes.max(client.bytes));
        let left = left.min(terms.total_quota.saturating_sub(self.total.bytes));
        if claim.bytes > left {
            return Err(Refusal::Quota { left });
        }
        Ok(())
    }

    fn insert(&mut self, contract: ContractId, claim: Claim) {
        self.remove(contract);
        self.claims.insert(contract, claim);
        self.by_owner.entry(claim.owner).or_default().add(claim.bytes);
        self.by_client.entry(claim.client).or_default().add(claim.bytes);
        self.total.add(claim.bytes);
    }

    fn remove(&mut self, contract: ContractId) {
        if let Some(claim) = self.claims.remove(&contract) {
            if claim.given_up.is_none() {
                self.credit(&claim);
            }
            self.total.take(claim.bytes);
        }
    }

    fn give_up(&mut self, contract: ContractId, height: BlockNumber) {
        if let Some(claim) = self.claims.get_mut(&contract).filter(|claim| claim.given_up.is_none()) {
            claim.given_up = Some(height);
            let claim = *claim;
            self.credit(&claim);
        }
    }

    /// Takes a claim off its client's quotas.
    fn credit(&mut self, claim: &Claim) {
        take(&mut self.by_owner, &claim.owner, claim.bytes);
        take(&mut self.by_client, &claim.client, claim.bytes);
    }
}

/// Takes `bytes` back; forgets a client that holds nothing more.
fn take<K: Eq + Hash>(lent: &mut HashMap<K, Lent>, key: &K, bytes: u64) {
    if let Some(entry) = lent.get_mut(key) {
        entry.take(bytes);
        if entry.offers == 0 {
            lent.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        miner: AccountId([7; 32]),
        price: 100,
        max_windows: 10,
        max_reservation: 50,
        offer_life: 20,
        client_quota: 60,
        total_quota: 100,
    };

    fn request() -> ReserveRequest {
        ReserveRequest { client: AccountId([1; 32]), max_bytes: 40, max_windows: 5, max_price: 100 }
    }

    fn claim(owner: u8, client: u8, bytes: u64) -> Claim {
        let (owner, client) = (NodeKey([owner; 32]), AccountId([client; 32]));
        Claim { owner, client, bytes, expires: 30, given_up: None }
    }

    fn id(n: u8) -> ContractId {
        ContractId([n; 32])
    }

    fn desk_with(terms: Terms, free: u64) -> Arc<Desk> {
        let desk = Arc::new(Desk::new(terms));
        desk.set_standing(Standing::Open { free });
        desk
    }

    fn open_desk() -> Arc<Desk> {
        desk_with(TERMS, 1_000)
    }

    fn lend(desk: &Arc<Desk>, contract: ContractId, claim: Claim) -> Result<(), Refusal> {
        desk.claim(contract, claim).map(Lending::stored)
    }

    #[test]
    fn offers_its_own_price_and_a_bounded_life() {
        let generous = ReserveRequest { max_price: 1_000, ..request() };
        let offer = TERMS.offer(&generous, 10, 3).unwrap();
        assert_eq!((offer.price, offer.expires, offer.nonce), (100, 30, 3));
        assert_eq!((offer.max_bytes, offer.max_windows), (40, 5));
    }

    #[test]
    fn refuses_too_low_a_price_too_long_a_term_and_bad_sizes() {
        let refused = |request| TERMS.offer(&request, 10, 0).unwrap_err();
        assert!(matches!(
            refused(ReserveRequest { max_price: 99, ..request() }),
            Refusal::PriceTooLow { ask: 100 }
        ));
        for max_windows in [0, 11] {
            let request = ReserveRequest { max_windows, ..request() };
            assert!(matches!(refused(request), Refusal::TooLong { max_windows: 10 }));
        }
        for max_bytes in [0, 51, u64::MAX] {
            let request = ReserveRequest { max_bytes, ..request() };
            assert!(matches!(refused(request), Refusal::TooLarge { max: 50 }));
        }
    }

    #[test]
    fn lends_nothing_while_the_chain_is_unheard_or_the_miner_leaves() {
        let desk = Arc::new(Desk::new(TERMS));
        assert!(matches!(lend(&desk, id(1), claim(1, 1, 1)), Err(Refusal::Unavailable)));
        desk.set_standing(Standing::Closed);
        assert!(matches!(lend(&desk, id(1), claim(1, 1, 1)), Err(Refusal::Unavailable)));
    }

    #[test]
    fn bounds_what_a_client_holds_by_key_and_by_account() {
        let desk = open_desk();
        lend(&desk, id(1), claim(1, 1, 40)).unwrap();
        assert!(matches!(lend(&desk, id(2), claim(1, 2, 21)), Err(Refusal::Quota { left: 20 })), "same key");
        assert!(
            matches!(lend(&desk, id(2), claim(2, 1, 21)), Err(Refusal::Quota { left: 20 })),
            "same account"
        );
        lend(&desk, id(2), claim(2, 2, 60)).unwrap();
        assert!(matches!(lend(&desk, id(3), claim(3, 3, 1)), Err(Refusal::Quota { left: 0 })), "in all");
    }

    #[test]
    fn a_released_claim_gives_its_space_back_once() {
        let desk = open_desk();
        lend(&desk, id(1), claim(1, 1, 60)).unwrap();
        desk.release(id(1));
        desk.release(id(1));
        lend(&desk, id(2), claim(1, 1, 60)).unwrap();
        assert!(lend(&desk, id(3), claim(1, 1, 1)).is_err());
        assert_eq!(desk.ledger().total, Lent { bytes: 60, offers: 1 });
    }

    #[test]
    fn a_claim_given_up_frees_the_quota_at_once_and_the_space_later() {
        let desk = open_desk();
        lend(&desk, id(1), claim(1, 1, 60)).unwrap();
        assert!(matches!(desk.give_up(id(1), NodeKey([2; 32]), 12), Err(Refusal::NotYours)));
        desk.give_up(id(1), NodeKey([1; 32]), 12).unwrap();
        assert!(matches!(desk.give_up(id(1), NodeKey([1; 32]), 13), Err(Refusal::NotFound)));
        assert!(matches!(desk.owned(id(1), NodeKey([1; 32]), 12), Err(Refusal::NotFound)));
        assert_eq!(desk.given_up(), [(id(1), 12)]);
        assert!(matches!(lend(&desk, id(2), claim(1, 1, 50)), Err(Refusal::Quota { left: 40 })), "in all");
        lend(&desk, id(2), claim(1, 1, 40)).unwrap();
        desk.release(id(1));
        assert_eq!(desk.ledger().total, Lent { bytes: 40, offers: 1 });
        assert!(matches!(lend(&desk, id(3), claim(1, 1, 21)), Err(Refusal::Quota { left: 20 })));
    }

    #[test]
    fn a_claim_that_is_never_stored_is_taken_back() {
        let desk = open_desk();
        drop(desk.claim(id(1), claim(1, 1, 60)).unwrap());
        assert_eq!(desk.ledger().total, Lent::default());
    }

    #[test]
    fn never_lends_more_than_the_chain_has_free() {
        let desk = desk_with(TERMS, 50);
        lend(&desk, id(1), claim(1, 1, 40)).unwrap();
        assert!(matches!(lend(&desk, id(2), claim(2, 2, 11)), Err(Refusal::NoSpace { free: 10 })));
    }

    #[test]
    fn bounds_the_number_of_small_offers() {
        let terms = Terms { client_quota: u64::MAX, total_quota: u64::MAX, ..TERMS };
        let desk = desk_with(terms, u64::MAX);
        for n in 0..MAX_CLIENT_OFFERS {
            let mut contract = [0; 32];
            contract[..4].copy_from_slice(&n.to_le_bytes());
            lend(&desk, ContractId(contract), claim(1, 1, 1)).unwrap();
        }
        assert!(matches!(lend(&desk, id(9), claim(1, 2, 1)), Err(Refusal::Busy)));
        lend(&desk, id(9), claim(2, 2, 1)).unwrap();
    }

    #[test]
    fn only_the_owner_writes_and_only_before_the_expiry() {
        let desk = open_desk();
        lend(&desk, id(1), claim(1, 1, 10)).unwrap();
        assert!(desk.owned(id(1), NodeKey([1; 32]), 30).is_ok());
        assert!(matches!(desk.owned(id(1), NodeKey([2; 32]), 30), Err(Refusal::NotYours)));
        assert!(matches!(desk.owned(id(1), NodeKey([1; 32]), 31), Err(Refusal::Expired)));
        assert!(matches!(desk.owned(id(2), NodeKey([1; 32]), 30), Err(Refusal::NotFound)));
    }
}
