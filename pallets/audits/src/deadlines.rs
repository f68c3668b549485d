//! Deadlines: every open dispute stands in the slot of the block after which it is lost.
//!
//! As in the contracts' schedule, a slot is worked off by `on_idle` once all in it is due, and a cursor catches
//! up after busy blocks.

use crate::{Cause, Config, Deadlines, Disputes, Error, Event, NextSlot, Pallet, Tallies, WeightInfo};
use frame_support::{
    dispatch::{DispatchClass, DispatchResult},
    ensure,
    weights::{Weight, WeightMeter},
};
use lunarx_core::{AuditRules, BlockNumber, ContractId, ContractRegistry};
use sp_runtime::traits::Get;

/// Blocks in a slot: how much later than due a dispute is ended at most, if blocks have room.
pub const SLOT_BLOCKS: BlockNumber = 5;
/// Most steps of the schedule in a block: disputes ended and slots left behind.
pub const MAX_STEPS: u32 = 100;

/// The slot of a dispute with this deadline: the first whose beginning is after it.
pub(crate) fn slot_of(deadline: BlockNumber) -> u32 {
    deadline.saturating_add(1).div_ceil(SLOT_BLOCKS)
}

impl<T: Config> Pallet<T> {
    /// The running block's number.
    pub(crate) fn now() -> BlockNumber {
        use sp_runtime::SaturatedConversion;
        frame_system::Pallet::<T>::block_number().saturated_into()
    }

    /// Works the schedule off as far as `limit` and [`MAX_STEPS`] allow. Returns the weight used.
    pub(crate) fn work_off(now: BlockNumber, limit: Weight) -> Weight {
        let mut meter = WeightMeter::with_limit(limit);
        if meter.try_consume(T::WeightInfo::on_idle_base()).is_err() {
            return meter.consumed();
        }
        let begin = NextSlot::<T>::get();
        let mut slot = begin;
        let mut steps = MAX_STEPS;
        while slot <= now / SLOT_BLOCKS && Self::work_off_slot(slot, &mut steps, &mut meter) {
            slot = slot.saturating_add(1);
        }
        if slot != begin {
            NextSlot::<T>::put(slot);
        }
        meter.consumed()
    }

    /// Ends the disputes of a slot. False if steps or weight ran out before the slot was empty.
    fn work_off_slot(slot: u32, steps: &mut u32, meter: &mut WeightMeter) -> bool {
        if *steps == 0 || meter.try_consume(T::WeightInfo::empty_slot()).is_err() {
            return false;
        }
        let mut ids = Deadlines::<T>::iter_key_prefix(slot).peekable();
        while ids.peek().is_some() {
            if *steps == 0 || meter.try_consume(T::WeightInfo::deadline_step()).is_err() {
                return false;
            }
            *steps = steps.saturating_sub(1);
            Self::step(slot, &mut ids);
        }
        *steps = steps.saturating_sub(1);
        true
    }

    /// Ends the next of the disputes of a slot.
    pub(crate) fn step(slot: u32, ids: &mut impl Iterator<Item = ContractId>) {
        let Some(id) = ids.next() else {
            return;
        };
        if Self::lose(&id).is_err() {
            // Excluded by the invariants; an entry that points at nothing must not stop the cursor.
            Deadlines::<T>::remove(slot, id);
        }
    }

    pub(crate) fn do_resolve(contract: ContractId) -> DispatchResult {
        let dispute = Disputes::<T>::get(contract).ok_or(Error::<T>::NotDisputed)?;
        ensure!(Self::now() > dispute.deadline, Error::<T>::NotOver);
        Self::lose(&contract)
    }

    /// A dispute was not answered. Where the chain drew no bytes for it, nobody could have: it is dropped.
    fn lose(contract: &ContractId) -> DispatchResult {
        let dispute = Disputes::<T>::get(contract).ok_or(Error::<T>::NotDisputed)?;
        let watched = T::Contracts::watched(contract).ok_or(Error::<T>::NotActive)?;
        if Self::positions_of(contract, &watched, &dispute).is_some() {
            return Self::end_by_loss(contract, Cause::Unanswered, Some(dispute.opener));
        }
        Disputes::<T>::remove(contract);
        Tallies::<T>::mutate_extant(contract, |tally| tally.disputed = false);
        Deadlines::<T>::remove(slot_of(dispute.deadline), contract);
        Self::give_back(&dispute.opener, dispute.deposit);
        Self::deposit_event(Event::Dropped { contract: *contract });
        Ok(())
    }

    /// A call's weight, with as many proofs of the greatest length as an answer has room for.
    pub(crate) fn weight_with_proofs(call: Weight) -> Weight {
        call.saturating_add(T::WeightInfo::verify_proofs(lunarx_proof::MAX_PROOFS))
    }

    /// Fails a runtime whose configuration cannot work.
    pub(crate) fn check_configuration() {
        let rules = AuditRules::of_window(T::Window::get());
        assert!(rules.report_within < rules.final_after, "substitutes must have time to speak");
        assert!(
            rules.return_within.saturating_add(rules.final_after) < rules.seed_history,
            "what a dispute asks for must be known until its end"
        );
        assert!(
            rules.samples.saturating_mul(2) <= lunarx_proof::MAX_PROOFS,
            "an answer must have room for both draws"
        );
        assert!(T::SurrenderSlash::get() <= T::LossSlash::get(), "honesty must not cost more than silence");
        assert!(T::LossSlash::get() <= 1_000_000, "a slash is a fraction");
        for now in 0..=2 * SLOT_BLOCKS {
            assert!(slot_of(now) > now / SLOT_BLOCKS, "a slot must be open until all in it are due");
        }
        let most_reports = T::MaxReports::get();
        let words = lunarx_core::MAX_REPORTED_WINDOWS;
        let weights = T::BlockWeights::get();
        let most = weights.get(DispatchClass::Normal).max_extrinsic.unwrap_or(weights.max_block);
        for (call, weight) in [
            (
                "report",
                Self::weight_of(
                    most_reports,
                    most_reports.saturating_mul(words.saturating_mul(lunarx_core::SEATS)),
                    1,
                    most_reports.saturating_mul(words),
                    most_reports,
                ),
            ),
            ("answer", Self::weight_with_proofs(T::WeightInfo::answer())),
            ("vouch", Self::weight_with_proofs(T::WeightInfo::vouch())),
            ("convict", Self::weight_with_proofs(T::WeightInfo::convict())),
        ] {
            assert!(weight.all_lte(most), "the largest `{call}` must fit a block: {weight} of {most}");
        }
    }
}
