//! Deadlines and terms: every live contract stands in the slot of the block that ends it.
//!
//! A slot is worked off only once all its contracts are due, by `on_idle` within the weight that a block
//! has left. `on_idle` is skipped in some blocks; the cursor [`NextSlot`] then catches up.

use crate::{
    types::batch_len, Config, Contract, ContractIds, Contracts, EndReason, Error, NextSlot, Pallet, Schedule,
    WeightInfo,
};
use frame_support::{
    dispatch::{DispatchClass, DispatchResult},
    ensure,
    traits::Get,
    weights::{Weight, WeightMeter},
};
use lunarx_core::{BlockNumber, ContractId, ContractState, ServiceVerdicts};

/// Blocks in a slot: how much later than due a contract is closed at most, if blocks have room.
pub const SLOT_BLOCKS: BlockNumber = 10;
/// Most steps of the schedule in a block: contracts closed and slots left behind.
pub const MAX_STEPS: u32 = 200;

/// The slot of what is due in block `due`: the first whose beginning is not before it.
pub(crate) fn slot_of(due: BlockNumber) -> u32 {
    due.div_ceil(SLOT_BLOCKS)
}

impl<T: Config> Pallet<T> {
    /// Works the schedule off as far as `limit` and [`MAX_STEPS`] allow. Returns the weight used.
    pub(crate) fn work_off(now: BlockNumber, limit: Weight) -> Weight {
        let mut meter = WeightMeter::with_limit(limit);
        if meter.try_consume(T::WeightInfo::on_idle_base()).is_err() {
            return meter.consumed();
        }
        let begin = NextSlot::<T>::get();
        let mut slot = begin;
        let mut steps = MAX_STEPS;
        while slot <= now / SLOT_BLOCKS && Self::work_off_slot(slot, now, &mut steps, &mut meter) {
            slot = slot.saturating_add(1);
        }
        if slot != begin {
            NextSlot::<T>::put(slot);
        }
        meter.consumed()
    }

    /// Closes the contracts of a slot. False if steps or weight ran out before the slot was empty.
    fn work_off_slot(slot: u32, now: BlockNumber, steps: &mut u32, meter: &mut WeightMeter) -> bool {
        let step_weight = T::WeightInfo::expire_step().max(T::WeightInfo::close_step());
        if *steps == 0 || meter.try_consume(T::WeightInfo::empty_slot()).is_err() {
            return false;
        }
        let mut ids = Schedule::<T>::iter_key_prefix(slot).peekable();
        while ids.peek().is_some() {
            if *steps == 0 || meter.try_consume(step_weight).is_err() {
                return false;
            }
            *steps = steps.saturating_sub(1);
            Self::step(slot, &mut ids, now);
        }
        *steps = steps.saturating_sub(1);
        true
    }

    /// Winds up the next of the contracts that are due in `slot`.
    pub(crate) fn step(slot: u32, ids: &mut impl Iterator<Item = ContractId>, now: BlockNumber) {
        let Some(id) = ids.next() else {
            return;
        };
        match Contracts::<T>::get(id) {
            Some(contract) => Self::wind_up(&id, contract, now),
            // Excluded by the invariants; an entry that points at nothing must not stop the cursor.
            None => Schedule::<T>::remove(slot, id),
        }
    }

    /// Closes a contract that is over by itself. One whose last windows are disputed waits for the
    /// dispute's end.
    fn wind_up(id: &ContractId, mut contract: Contract<T::AccountId>, now: BlockNumber) {
        if let ContractState::Pending { .. } = contract.state {
            return Self::close(id, contract, EndReason::Expired);
        }
        Self::settle_decided(id, &mut contract, now);
        if contract.settled() == contract.windows {
            let reason = Self::over(&contract);
            return Self::close(id, contract, reason);
        }
        let earliest = now.saturating_add(SLOT_BLOCKS).saturating_add(1);
        let due = T::Verdicts::open_until(id).map_or(earliest, |until| until.saturating_add(1).max(earliest));
        Self::schedule(id, contract, due);
    }

    /// Closes contracts that were not accepted in time.
    pub(crate) fn do_expire(ids: ContractIds<T>) -> DispatchResult {
        ensure!(batch_len(&ids) > 0, Error::<T>::EmptyBatch);
        let now = Self::now();
        for id in ids {
            let contract = Contracts::<T>::get(id).ok_or(Error::<T>::NotFound)?;
            let ContractState::Pending { accept_by } = contract.state else {
                return Err(Error::<T>::NotExpired.into());
            };
            ensure!(now > accept_by, Error::<T>::NotExpired);
            Self::close(&id, contract, EndReason::Expired);
        }
        Ok(())
    }

    /// Fails a runtime whose configuration cannot work.
    pub(crate) fn check_configuration() {
        assert!(T::Window::get() > 0, "`Window` must not be zero");
        assert!(T::Day::get() > 0, "`Day` must not be zero");
        assert!(T::AcceptWithin::get() > 0, "a miner accepts in a later block than the opening one");
        assert!(T::MaxOfferLife::get() > 0, "an offer is opened in a later block than it is made");
        assert!(T::MaxWindows::get() > 0, "`MaxWindows` must not be zero");
        assert!(T::MaxPromises::get() > 0, "`MaxPromises` must not be zero");
        let term = T::MaxWindows::get().checked_mul(T::Window::get());
        assert!(
            term.is_some_and(|term| term < BlockNumber::MAX / 2),
            "the longest term must fit block numbers"
        );
        // A contract due in the next block belongs to a slot that the cursor has not left.
        for now in 0..=2 * SLOT_BLOCKS {
            assert!(slot_of(now + 1) > now / SLOT_BLOCKS, "a slot must be open until all in it are due");
        }

        let weights = T::BlockWeights::get();
        let most = weights.get(DispatchClass::Normal).max_extrinsic.unwrap_or(weights.max_block);
        let batch = T::MaxPromises::get();
        for (call, weight) in [
            ("open", T::WeightInfo::open(batch)),
            ("accept", T::WeightInfo::accept(batch)),
            ("settle", T::WeightInfo::settle(batch)),
            ("end", T::WeightInfo::end(batch)),
            ("expire", T::WeightInfo::expire(batch)),
        ] {
            assert!(weight.all_lte(most), "a full batch of `{call}` must fit a block: {weight} of {most}");
        }
    }
}
