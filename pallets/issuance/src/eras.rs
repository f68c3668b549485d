//! Eras: what all earn in one, what it promises when it is over, and how that is forgotten.
//!
//! An era promises `rate` of what is neither issued nor promised, divided among the classes. A class in which nobody
//! earned anything is promised nothing. What is not claimed in time is no longer promised, and so is there for later
//! eras again.

use crate::{
    Config, CurrentEra, Earned, Era, EraBlocks, EraStart, Eras, Event, Issued, NextClean, Pallet, Promised,
    WeightInfo,
};
use frame_support::{
    traits::Get,
    weights::{Weight, WeightMeter},
};
use lunarx_core::{Balance, BlockNumber, ByClass, EraIndex, CAP};
use sp_runtime::{Permill, SaturatedConversion};

/// Eras for which a reward can be claimed after its own.
pub const CLAIM_WITHIN: EraIndex = 30;
/// Accounts of an expired era that are forgotten in a block.
pub const MAX_CLEANED: u32 = 100;

impl<T: Config> Pallet<T> {
    /// Blocks of an era.
    pub fn era_blocks() -> BlockNumber {
        EraBlocks::<T>::get().unwrap_or_else(T::EraBlocks::get)
    }

    /// Ends the era if its time is over.
    pub(crate) fn begin_block(now: BlockNumber) -> Weight {
        if now.saturating_sub(EraStart::<T>::get()) < Self::era_blocks().max(1) {
            return T::WeightInfo::running_era();
        }
        Self::end_era(now);
        T::WeightInfo::end_era()
    }

    /// What an era that ended now would promise at most, and of that each class.
    pub(crate) fn budget() -> (Balance, ByClass<Balance>) {
        let pool = CAP.saturating_sub(Issued::<T>::get()).saturating_sub(Promised::<T>::get());
        let emission = T::EraRate::get().mul_floor(pool);
        let ByClass { miners, trackers, authors, contributors } = T::Split::get();
        let mut rest = emission;
        // Shares that are more than the whole together give the last ones less.
        let mut take = |share: Permill| {
            let part = share.mul_floor(emission).min(rest);
            rest = rest.saturating_sub(part);
            part
        };
        let budget = ByClass {
            miners: take(miners),
            trackers: take(trackers),
            authors: take(authors),
            contributors: take(contributors),
        };
        (emission, budget)
    }

    pub(crate) fn end_era(now: BlockNumber) {
        let era = CurrentEra::<T>::get();
        let (_, full) = Self::budget();
        let Era { earned, .. } = Eras::<T>::get(era);
        let given = |part: Balance, earned: u128| if earned > 0 { part } else { 0 };
        let budget = ByClass {
            miners: given(full.miners, earned.miners),
            trackers: given(full.trackers, earned.trackers),
            authors: given(full.authors, earned.authors),
            contributors: given(full.contributors, earned.contributors),
        };
        let promised = budget.as_array().into_iter().fold(0, |sum: Balance, part| sum.saturating_add(*part));
        Eras::<T>::insert(era, Era { earned, budget, left: promised });
        Promised::<T>::mutate(|all| *all = all.saturating_add(promised));
        CurrentEra::<T>::put(era.saturating_add(1));
        EraStart::<T>::put(now);
        Self::deposit_event(Event::EraEnded { era, promised, budget });
        if let Some(expired) = era.checked_sub(CLAIM_WITHIN) {
            let left = Eras::<T>::take(expired).left;
            Promised::<T>::mutate(|all| *all = all.saturating_sub(left));
            Self::deposit_event(Event::Expired { era: expired, left });
        }
    }

    /// Forgets what accounts earned in eras that are expired.
    pub(crate) fn clean(limit: Weight) -> Weight {
        let mut meter = WeightMeter::with_limit(limit);
        if meter.try_consume(T::WeightInfo::clean(0)).is_err() {
            return meter.consumed();
        }
        let era = NextClean::<T>::get();
        if era.saturating_add(CLAIM_WITHIN) >= CurrentEra::<T>::get() {
            return meter.consumed();
        }
        let one = T::WeightInfo::clean(1).saturating_sub(T::WeightInfo::clean(0));
        let room = meter.remaining().checked_div_per_component(&one).unwrap_or(u64::from(MAX_CLEANED));
        let count: u32 = room.min(MAX_CLEANED.into()).saturated_into();
        if count > 0 {
            let cleaned = Earned::<T>::clear_prefix(era, count, None);
            if cleaned.maybe_cursor.is_none() {
                NextClean::<T>::put(era.saturating_add(1));
            }
            meter.consume(one.saturating_mul(cleaned.loops.into()));
        }
        meter.consumed()
    }
}
