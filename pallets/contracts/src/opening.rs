//! How a contract begins: the client opens it on a signed offer, the miner accepts it.

use crate::{
    escrow::word_pay, Config, Contract, ContractIds, Contracts, Error, Event, Pallet, Promises, WindowBlocks,
};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{Contains, Get},
};
use lunarx_core::{
    window_fee, AllocationError, AuditRules, Balance, BlockNumber, ContractState, NodeKey, Offer, Promise,
    ProviderRegistry, Terms,
};
use sp_core::ed25519;
use sp_runtime::{
    traits::{SaturatedConversion, Zero},
    DispatchError,
};

/// What all promises of a batch are checked against.
struct Opening<'a, AccountId> {
    client: &'a AccountId,
    genesis: &'a [u8; 32],
    now: BlockNumber,
}

impl<T: Config> Pallet<T> {
    /// The chain's genesis hash: offers are signed for one chain.
    pub(crate) fn genesis() -> [u8; 32] {
        frame_system::Pallet::<T>::block_hash(frame_system::pallet_prelude::BlockNumberFor::<T>::zero()).0
    }

    /// Blocks in a window of new contracts.
    pub fn window() -> BlockNumber {
        WindowBlocks::<T>::get().unwrap_or_else(T::Window::get).max(1)
    }

    /// The running block's number.
    pub(crate) fn now() -> BlockNumber {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }

    /// Opens one contract on each promise and holds the sum of their fees.
    pub(crate) fn do_open(client: T::AccountId, promises: Promises<T>) -> DispatchResult {
        ensure!(!promises.is_empty(), Error::<T>::EmptyBatch);
        ensure!(T::Payers::contains(&client), Error::<T>::LockedBalance);
        let opening = Opening { client: &client, genesis: &Self::genesis(), now: Self::now() };
        let mut total: Balance = 0;
        for promise in promises {
            let fee = Self::open_one(&opening, promise)?;
            total = total.checked_add(fee).ok_or(Error::<T>::FeeOverflow)?;
        }
        Self::hold_fee(&client, total)
    }

    /// Checks a promise, takes its capacity and records its contract. Returns the fee, not yet held.
    fn open_one(
        opening: &Opening<'_, T::AccountId>,
        promise: Promise<T::AccountId>,
    ) -> Result<Balance, DispatchError> {
        let offer = &promise.offer;
        Self::ensure_offer_is_for(opening, offer)?;
        let terms = T::Providers::terms(&offer.miner).ok_or(Error::<T>::UnknownMiner)?;
        Self::ensure_terms_are_met(&terms, &promise)?;
        ensure!(
            signed_by(&terms.node_key, &promise.signature.0, &offer.payload(opening.genesis)),
            Error::<T>::BadOfferSignature
        );
        let id = offer.contract_id(opening.genesis);
        ensure!(!Contracts::<T>::contains_key(id), Error::<T>::AlreadyOpen);

        let (window, windows) = (Self::window(), promise.windows);
        let window_fee =
            window_fee(offer.price, promise.bytes, window, T::Day::get()).ok_or(Error::<T>::FeeOverflow)?;
        let fee = window_fee.checked_mul(Balance::from(windows)).ok_or(Error::<T>::FeeOverflow)?;
        T::Providers::allocate(&offer.miner, promise.bytes).map_err(Error::<T>::from)?;

        let accept_by = opening.now.saturating_add(T::AcceptWithin::get());
        let contract = Contract {
            client: opening.client.clone(),
            miner: promise.offer.miner,
            root: promise.root,
            pieces: promise.pieces,
            bytes: promise.bytes,
            windows,
            window,
            window_fee,
            last_fee: window_fee,
            word_pay: word_pay(T::TrackerShare::get(), window_fee),
            ended: None,
            due: accept_by.saturating_add(1),
            escrow: fee,
            paid: 0,
            commission: promise.commission,
            state: ContractState::Pending { accept_by },
        };
        Self::record(&id, &contract);
        let Contract { client, miner, bytes, .. } = contract;
        Self::deposit_event(Event::Opened { id, client, miner, bytes, windows, fee });
        Ok(fee)
    }

    /// The offer was made to this client, by somebody else, and can be opened now.
    fn ensure_offer_is_for(
        opening: &Opening<'_, T::AccountId>,
        offer: &Offer<T::AccountId>,
    ) -> Result<(), Error<T>> {
        ensure!(offer.client == *opening.client, Error::<T>::NotYourOffer);
        ensure!(offer.miner != *opening.client, Error::<T>::SelfDealing);
        ensure!(opening.now <= offer.expires, Error::<T>::OfferExpired);
        let latest = opening.now.saturating_add(T::MaxOfferLife::get());
        ensure!(offer.expires <= latest, Error::<T>::OfferLivesTooLong);
        Ok(())
    }

    /// The promise is within the offer, and the offer within the miner's terms and the chain's.
    fn ensure_terms_are_met(terms: &Terms, promise: &Promise<T::AccountId>) -> Result<(), Error<T>> {
        let offer = &promise.offer;
        ensure!(terms.accepting, Error::<T>::MinerNotAccepting);
        ensure!(offer.price >= terms.price, Error::<T>::UnderPriced);
        ensure!(promise.bytes > 0 && promise.bytes <= offer.max_bytes, Error::<T>::BadSize);
        let longest = offer.max_windows.min(T::MaxWindows::get());
        ensure!(promise.windows > 0 && promise.windows <= longest, Error::<T>::BadTerm);
        ensure!(promise.pieces > 0, Error::<T>::NoPieces);
        let share = promise.commission.as_ref().map_or(0, |commission| commission.share);
        ensure!(share <= T::MaxCommission::get().deconstruct(), Error::<T>::BadCommission);
        Ok(())
    }

    /// Makes pending contracts active: their first windows begin now.
    pub(crate) fn do_accept(miner: T::AccountId, ids: ContractIds<T>) -> DispatchResult {
        ensure!(!ids.is_empty(), Error::<T>::EmptyBatch);
        let now = Self::now();
        for id in ids {
            let contract = Contracts::<T>::get(id).ok_or(Error::<T>::NotFound)?;
            ensure!(contract.miner == miner, Error::<T>::NotMiner);
            let ContractState::Pending { accept_by } = contract.state else {
                return Err(Error::<T>::AlreadyAccepted.into());
            };
            ensure!(now <= accept_by, Error::<T>::TooLate);
            let Contract { client, miner, window, windows, .. } = contract.clone();
            let term = now.saturating_add(windows.saturating_mul(window));
            let due = term.saturating_add(AuditRules::of_window(window).final_after);
            let state = ContractState::Active { since: now, settled: 0 };
            Self::schedule(&id, Contract { state, ..contract }, due);
            Self::deposit_event(Event::Accepted { id, client, miner });
        }
        Ok(())
    }
}

/// Whether `signature` is `key`'s over `payload`.
fn signed_by(key: &NodeKey, signature: &[u8; 64], payload: &[u8]) -> bool {
    let signature = ed25519::Signature::from_raw(*signature);
    sp_io::crypto::ed25519_verify(&signature, payload, &ed25519::Public::from_raw(key.0))
}

impl<T> From<AllocationError> for Error<T> {
    fn from(error: AllocationError) -> Self {
        match error {
            AllocationError::Unknown => Self::UnknownMiner,
            AllocationError::Exiting => Self::MinerNotAccepting,
            AllocationError::OverCapacity => Self::OverCapacity,
        }
    }
}
