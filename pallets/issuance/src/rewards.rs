//! What earns rewards, and how they are pulled.
//!
//! All work but blocks is measured by what drawn trackers were paid for the same service. It is a part of a fee that
//! nobody pays to oneself: the trackers are drawn after the service began. A reward is the account's part of what its
//! class was promised, and at most a share of that pay; the shares of all classes are less together than the whole. So
//! LX that is paid to oneself costs more than it brings. Blocks are not paid for by anybody, and their reward has no
//! such bound.

use crate::{
    eras::CLAIM_WITHIN, Config, CurrentEra, Earned, EraStart, Eras, Error, Event, Pallet, Promised, Work,
};
use alloc::vec::Vec;
use frame_support::{dispatch::DispatchResult, ensure};
use lunarx_core::{Balance, ByClass, DueReward, EconomyInfo, EraIndex, FundInfo, Rewards};
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, traits::Get, Rounding};

impl<T: Config> Pallet<T> {
    /// Adds to what an account earned in the running era.
    fn earn(
        who: &T::AccountId,
        class: impl Fn(&mut ByClass<Work>) -> &mut Work,
        weight: u128,
        most: Balance,
    ) -> u128 {
        let era = CurrentEra::<T>::get();
        Earned::<T>::mutate(era, who, |works| {
            let work = class(works);
            let before = work.weight;
            work.weight = before.saturating_add(weight);
            work.most = work.most.saturating_add(most);
            work.weight.saturating_sub(before)
        })
    }

    fn add(class: impl Fn(&mut ByClass<u128>) -> &mut u128, weight: u128) {
        Eras::<T>::mutate(CurrentEra::<T>::get(), |era| {
            let all = class(&mut era.earned);
            *all = all.saturating_add(weight);
        });
    }

    /// A block was made.
    pub fn authored(author: &T::AccountId) {
        Self::earn(author, |works| &mut works.authors, 1, Balance::MAX);
        Self::add(|all| &mut all.authors, 1);
    }

    /// What an account earned in an era that is over.
    fn due_of(era: EraIndex, works: &ByClass<Work>) -> ByClass<Balance> {
        let info = Eras::<T>::get(era);
        let part = |budget: Balance, work: Work, all: u128| {
            multiply_by_rational_with_rounding(budget, work.weight, all.max(1), Rounding::Down)
                .map_or(0, |part| part.min(budget).min(work.most))
        };
        ByClass {
            miners: part(info.budget.miners, works.miners, info.earned.miners),
            trackers: part(info.budget.trackers, works.trackers, info.earned.trackers),
            authors: part(info.budget.authors, works.authors, info.earned.authors),
            contributors: part(info.budget.contributors, works.contributors, info.earned.contributors),
        }
    }

    pub(crate) fn due_reward(era: EraIndex, who: &T::AccountId) -> Option<DueReward> {
        let works = Earned::<T>::try_get(era, who).ok()?;
        let until = era.saturating_add(CLAIM_WITHIN);
        Some(DueReward { era, due: Self::due_of(era, &works), until })
    }

    /// What an account can claim.
    pub fn due(who: &T::AccountId) -> Vec<DueReward> {
        let current = CurrentEra::<T>::get();
        let eras = current.saturating_sub(CLAIM_WITHIN)..current;
        eras.filter_map(|era| Self::due_reward(era, who)).filter(|reward| reward.total() > 0).collect()
    }

    pub(crate) fn do_claim(who: T::AccountId, eras: &[EraIndex]) -> DispatchResult {
        ensure!(!eras.is_empty(), Error::<T>::NoEras);
        let current = CurrentEra::<T>::get();
        let mut sum: Balance = 0;
        for era in eras {
            ensure!(*era < current, Error::<T>::NotOver);
            ensure!(Eras::<T>::contains_key(era), Error::<T>::Expired);
            let amount = Self::due_reward(*era, &who).ok_or(Error::<T>::NothingEarned)?.total();
            Earned::<T>::remove(era, &who);
            Eras::<T>::mutate(era, |info| info.left = info.left.saturating_sub(amount));
            Promised::<T>::mutate(|all| *all = all.saturating_sub(amount));
            sum = sum.saturating_add(amount);
        }
        ensure!(sum > 0, Error::<T>::NothingEarned);
        Self::mint_reward(&who, sum)?;
        Self::deposit_event(Event::Claimed { who, amount: sum });
        Ok(())
    }

    /// How much LX is made, and for whom. `funds` are added as they are.
    pub fn economy(funds: Vec<FundInfo<T::AccountId>>) -> EconomyInfo<T::AccountId> {
        let supply = Self::supply();
        let (emission, budget) = Self::budget();
        EconomyInfo {
            cap: supply.cap,
            issued: supply.issued,
            unminted: supply.unminted,
            circulating: supply.circulating,
            promised: Promised::<T>::get(),
            era: CurrentEra::<T>::get(),
            era_start: EraStart::<T>::get(),
            era_blocks: Self::era_blocks(),
            emission,
            budget,
            claim_within: CLAIM_WITHIN,
            funds,
        }
    }
}

impl<T: Config> Rewards<T::AccountId> for Pallet<T> {
    fn served(miner: &T::AccountId, pay: Balance) {
        let most = T::Caps::get().miners.mul_floor(pay);
        let added = Self::earn(miner, |works| &mut works.miners, pay, most);
        Self::add(|all| &mut all.miners, added);
    }

    fn audited(tracker: &T::AccountId, pay: Balance) {
        let most = T::Caps::get().trackers.mul_floor(pay);
        let added = Self::earn(tracker, |works| &mut works.trackers, pay, most);
        Self::add(|all| &mut all.trackers, added);
    }

    fn contributed(supplier: &T::AccountId, fees: Balance, pay: Balance) {
        let most = T::Caps::get().contributors.mul_floor(pay);
        let added = Self::earn(supplier, |works| &mut works.contributors, fees.min(pay), most);
        Self::add(|all| &mut all.contributors, added);
    }
}
