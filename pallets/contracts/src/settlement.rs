//! Payment by windows, at settlement and at the end.
//!
//! [`Pallet::settle_windows`] is the seam at which the audits attach: it alone decides which of the
//! elapsed windows are paid, by asking [`Config::Verdicts`]. Everything else here follows its decision.

use crate::{Config, Contract, ContractIds, Contracts, EndReason, Error, Event, Pallet};
use frame_support::{dispatch::DispatchResult, ensure};
use lunarx_core::{Balance, BlockNumber, ContractId, ContractState, ServiceVerdicts};
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Rounding};

/// What is to be done about a contract's elapsed windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settlement {
    /// Whole windows elapsed since the last settlement.
    pub windows: u32,
    /// For the miner.
    pub pay: Balance,
    /// Back to the client.
    pub refund: Balance,
}

impl<T: Config> Pallet<T> {
    /// Decides about the windows that elapsed since the last settlement: the proven ones are the
    /// miner's, the others the client's.
    pub(crate) fn settle_windows(
        id: &ContractId,
        contract: &Contract<T::AccountId>,
        now: BlockNumber,
    ) -> Settlement {
        let first = contract.settled();
        let windows = contract.elapsed(now).saturating_sub(first);
        if windows == 0 {
            return Settlement { windows: 0, pay: 0, refund: 0 };
        }
        let proven = T::Verdicts::proven_windows(id, first, windows).min(windows);
        // No product passes the whole term's fee, which was computed without overflow at `open`.
        let fees = |count: u32| contract.window_fee.saturating_mul(Balance::from(count));
        Settlement { windows, pay: fees(proven), refund: fees(windows.saturating_sub(proven)) }
    }

    /// The share of the started window: its fee by the blocks elapsed in it, rounded up.
    fn started_window(contract: &Contract<T::AccountId>, now: BlockNumber) -> Balance {
        let ContractState::Active { since, .. } = contract.state else {
            return 0;
        };
        if contract.elapsed(now) == contract.windows {
            return 0;
        }
        let blocks = now.saturating_sub(since).checked_rem(contract.window).unwrap_or(0);
        multiply_by_rational_with_rounding(
            contract.window_fee,
            blocks.into(),
            contract.window.into(),
            Rounding::Up,
        )
        .map_or(contract.window_fee, |share| share.min(contract.window_fee))
    }

    /// Moves the money of a settlement and counts its windows as settled. The caller stores or closes
    /// the contract.
    pub(crate) fn apply(id: &ContractId, contract: &mut Contract<T::AccountId>, settlement: Settlement) {
        let Settlement { windows, pay, refund } = settlement;
        if windows == 0 && pay == 0 {
            return;
        }
        let before = contract.escrow;
        let paid = Self::pay(id, contract, pay);
        Self::refund(contract, refund);
        if let ContractState::Active { settled, .. } = &mut contract.state {
            *settled = settled.saturating_add(windows);
        }
        Self::deposit_event(Event::Settled {
            id: *id,
            client: contract.client.clone(),
            miner: contract.miner.clone(),
            windows,
            paid,
            refunded: before.saturating_sub(contract.escrow).saturating_sub(paid),
        });
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

    /// Settles one contract, and closes it at its term. False if nothing was due.
    fn settle_one(id: &ContractId, mut contract: Contract<T::AccountId>, now: BlockNumber) -> bool {
        let settlement = Self::settle_windows(id, &contract, now);
        if settlement.windows == 0 {
            return false;
        }
        Self::apply(id, &mut contract, settlement);
        if contract.settled() == contract.windows {
            Self::close(id, contract, EndReason::Completed);
        } else {
            Contracts::<T>::insert(id, contract);
        }
        true
    }

    /// Ends the client's contracts now.
    pub(crate) fn do_end(client: T::AccountId, ids: ContractIds<T>) -> DispatchResult {
        ensure!(!ids.is_empty(), Error::<T>::EmptyBatch);
        let now = Self::now();
        for id in ids {
            let contract = Contracts::<T>::get(id).ok_or(Error::<T>::NotFound)?;
            ensure!(contract.client == client, Error::<T>::NotClient);
            Self::end_one(&id, contract, now);
        }
        Ok(())
    }

    /// Ends one contract before, or at, its term.
    fn end_one(id: &ContractId, mut contract: Contract<T::AccountId>, now: BlockNumber) {
        if let ContractState::Pending { .. } = contract.state {
            return Self::close(id, contract, EndReason::Cancelled);
        }
        let mut settlement = Self::settle_windows(id, &contract, now);
        settlement.pay = settlement.pay.saturating_add(Self::started_window(&contract, now));
        Self::apply(id, &mut contract, settlement);
        let over = contract.settled() == contract.windows;
        let reason = if over { EndReason::Completed } else { EndReason::EndedEarly };
        Self::close(id, contract, reason);
    }
}
