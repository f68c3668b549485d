//! Payment by windows: what the audits decided, and what an early end leaves to be decided.
//!
//! Money reaches a miner only through [`Pallet::settle_decided`], which asks [`Config::Verdicts`] what became
//! of the windows. Everything else here follows its decision.

use crate::{escrow::Paid, Config, Contract, ContractIds, Contracts, EndReason, Error, Event, Pallet};
use frame_support::{dispatch::DispatchResult, ensure};
use lunarx_core::{
    AuditRules, Balance, BlockNumber, ContractId, ContractRegistry, ContractState, Decided, ProviderRegistry,
    Rewards, Service, ServiceVerdicts, Watched, SEATS,
};
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Rounding};

impl<T: Config> Pallet<T> {
    /// Settles the windows whose outcome became final: the proven ones are paid, the others given back. The
    /// caller stores or closes the contract. Returns how many there were.
    pub(crate) fn settle_decided(
        id: &ContractId,
        contract: &mut Contract<T::AccountId>,
        now: BlockNumber,
    ) -> u32 {
        let Some(watched) = contract.watched() else {
            return 0;
        };
        let first = contract.settled();
        let Decided { windows, proven, last, words, aged } = T::Verdicts::take(id, &watched, first, now);
        let windows = windows.min(contract.windows.saturating_sub(first));
        let proven = proven.min(windows);
        let words = words.min(proven.saturating_mul(SEATS));
        if windows == 0 {
            return 0;
        }
        let ends = first.saturating_add(windows) == contract.windows;
        let blocks = proven.saturating_mul(watched.window).min(watched.span(first, windows));
        let from = watched.since.saturating_add(first.saturating_mul(watched.window));
        let service = Service { bytes: contract.bytes, from, blocks };
        let pay = contract.fees(proven, ends && (last || proven == windows));
        let refund = contract.fees(windows, ends).saturating_sub(pay);
        let before = contract.escrow;
        let Paid { miner: paid, trackers, supplier } = Self::pay(id, contract, pay, words);
        Self::refund(contract, refund);
        if let ContractState::Active { settled, .. } = &mut contract.state {
            *settled = settled.saturating_add(windows);
        }
        T::Providers::settled(&contract.miner, proven, windows.saturating_sub(proven), service);
        let pay = contract.word_pay.saturating_mul(aged.into()).min(trackers);
        if pay > 0 {
            T::Rewards::served(&contract.miner, pay);
            if let Some(commission) = contract.commission.as_ref().filter(|_| supplier > 0) {
                T::Rewards::contributed(&commission.supplier, supplier, pay);
            }
        }
        let refunded = [paid, trackers, supplier]
            .into_iter()
            .fold(before.saturating_sub(contract.escrow), Balance::saturating_sub);
        Self::deposit_event(Event::ServiceConfirmed {
            id: *id,
            client: contract.client.clone(),
            miner: contract.miner.clone(),
            windows,
            proven,
            paid,
            trackers,
            supplier,
            refunded,
        });
        windows
    }

    /// Settles what is due in the batch.
    pub(crate) fn do_settle(ids: ContractIds<T>) -> DispatchResult {
        ensure!(!ids.is_empty(), Error::<T>::EmptyBatch);
        let now = Self::now();
        let (mut settled, mut missing) = (false, false);
        for id in ids {
            match Contracts::<T>::get(id) {
                Some(contract) => settled |= Self::settle_one(&id, contract, now),
                // Closed by `on_idle` while the call was under way: no reason to fail the others.
                None => missing = true,
            }
        }
        ensure!(settled || !missing, Error::<T>::NotFound);
        ensure!(settled, Error::<T>::NothingDue);
        Ok(())
    }

    /// Settles one contract, and closes it when all its windows are settled. False if nothing was due.
    fn settle_one(id: &ContractId, mut contract: Contract<T::AccountId>, now: BlockNumber) -> bool {
        if Self::settle_decided(id, &mut contract, now) == 0 {
            return false;
        }
        if contract.settled() == contract.windows {
            let reason = Self::over(&contract);
            Self::close(id, contract, reason);
        } else {
            Contracts::<T>::insert(id, contract);
        }
        true
    }

    /// Why a contract is over whose windows are all settled.
    pub(crate) fn over(contract: &Contract<T::AccountId>) -> EndReason {
        match contract.ended {
            Some(_) => EndReason::EndedEarly,
            None => EndReason::Completed,
        }
    }

    /// Ends the client's contracts now. Passes over those whose term is over already.
    pub(crate) fn do_end(client: T::AccountId, ids: ContractIds<T>) -> DispatchResult {
        ensure!(!ids.is_empty(), Error::<T>::EmptyBatch);
        let now = Self::now();
        let mut ended = false;
        for id in ids {
            let contract = Contracts::<T>::get(id).ok_or(Error::<T>::NotFound)?;
            ensure!(contract.client == client, Error::<T>::NotClient);
            ended |= Self::end_one(&id, contract, now);
        }
        ensure!(ended, Error::<T>::AlreadyEnded);
        Ok(())
    }

    /// Ends one contract before its term: the term ends now, its last window a short one, and the fees of
    /// what is left of it go back at once. The windows that have been wait for their outcome. False if the
    /// term is over already.
    fn end_one(id: &ContractId, mut contract: Contract<T::AccountId>, now: BlockNumber) -> bool {
        let ContractState::Active { since, settled } = contract.state else {
            Self::close(id, contract, EndReason::Cancelled);
            return true;
        };
        let whole = now.saturating_sub(since).checked_div(contract.window).unwrap_or(0);
        if contract.ended.is_some() || whole >= contract.windows {
            return false;
        }
        let begun = now.saturating_sub(since).saturating_sub(whole.saturating_mul(contract.window));
        contract.windows = whole.saturating_add(u32::from(begun > 0));
        contract.ended = Some(now);
        if begun > 0 {
            contract.last_fee = share_of(contract.window_fee, begun, contract.window);
        }
        let left = contract.windows.saturating_sub(settled);
        let unused = contract.escrow.saturating_sub(contract.fees(left, true));
        let refunded = Self::refund(&mut contract, unused);
        Self::deposit_event(Event::Shortened {
            id: *id,
            client: contract.client.clone(),
            miner: contract.miner.clone(),
            windows: contract.windows,
            refunded,
        });
        if left == 0 {
            Self::close(id, contract, EndReason::EndedEarly);
        } else {
            let due = now.saturating_add(AuditRules::of_window(contract.window).final_after);
            Self::schedule(id, contract, due);
        }
        true
    }
}

impl<T: Config> ContractRegistry<T::AccountId> for Pallet<T> {
    fn watched(contract: &ContractId) -> Option<Watched<T::AccountId>> {
        Contracts::<T>::get(contract)?.watched()
    }

    fn convict(contract: &ContractId, words: u32, slash: u32, finder: Option<&T::AccountId>) {
        let Some(mut convicted) = Contracts::<T>::get(contract) else {
            return;
        };
        let (miner, bytes) = (convicted.miner.clone(), convicted.bytes);
        let fees = convicted.escrow;
        Self::pay_words(&mut convicted, words, fees);
        Self::close(contract, convicted, EndReason::Faulty);
        T::Providers::slash_lost(&miner, bytes, slash, finder);
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_active(contract: &ContractId, watched: Watched<T::AccountId>) {
        crate::benchmarking::insert_active::<T>(contract, watched);
    }
}

/// The share of a window's fee for `blocks` of its `window` blocks, rounded up.
fn share_of(fee: Balance, blocks: BlockNumber, window: BlockNumber) -> Balance {
    multiply_by_rational_with_rounding(fee, blocks.into(), window.into(), Rounding::Up)
        .map_or(fee, |share| share.min(fee))
}
