//! The election of authorities by proven power.
//!
//! A miner's power is the service that it has proven: bytes times blocks of the windows that its trackers found
//! proven, an eighth of it less with each era. Bytes under contract are backed by collateral, so power cannot be had
//! for less than the collateral of the bytes, held for as long.
//!
//! A miner with session keys, and the power and collateral of an authority, calls `stand` once, and stays a candidate for
//! as long as it has these. The list of candidates is bounded: when it is full, a newcomer takes the place of the
//! weakest if it is stronger.
//!
//! The first session that is planned in an era has an election, and so has one in which an authority was lost: silent,
//! barred, or without session keys. The candidates are elected in the order of their power, up to the most
//! authorities, and
//! - down to a quarter of the median power: that of the candidate with which, counted from the strongest, half of the
//!   power of all candidates is reached. Every authority has one vote, whatever its power; without a floor, one miner
//!   split into many small ones would have as many votes. Many small ones do not lower this floor, and to raise it takes
//!   half of all power. A third of the votes needs an eighth of the power of the others (n votes of power H each; n / 2
//!   more votes of H / 4);
//! - new ones only once an era, up to a quarter of the seats, at least one: a node that never made blocks may not be
//!   there, and those that come at once must not be so many that finality waits for them.
//!
//! Where fewer are elected than genesis has authorities, or than [`Config::BootstrapSeats`], those of genesis fill up
//! to the larger of these numbers, in their order. So they yield one by one to miners who prove, and come back where
//! these leave.

use crate::{
    types::{AuthoritySet, Power},
    Authorities, Bootstrap, Candidate, Candidates, Config, Error, Event, Excluded, LastBlocks, Pallet,
    Providers, Sessions,
};
use alloc::vec::Vec;
use core::cmp::Reverse;
use frame_support::{dispatch::DispatchResult, ensure, BoundedVec};
use lunarx_core::{AuthorityInfo, Hurdle};
use sp_runtime::{traits::Get, SaturatedConversion};

/// Whoever has less than the median power divided by this is not elected.
const LEAST_OF_MEDIAN: u128 = 4;
/// Of the seats, one in so many may go to miners that do not make blocks yet.
const NEWCOMERS_PART: usize = 4;

/// The power of the candidate with which half of all power is reached; they are sorted, the strongest first.
fn median<AccountId>(candidates: &[Candidate<AccountId>]) -> u128 {
    let total = candidates.iter().fold(0u128, |sum, candidate| sum.saturating_add(candidate.power));
    let mut sum = 0u128;
    for candidate in candidates {
        sum = sum.saturating_add(candidate.power);
        if sum >= total.div_ceil(2) {
            return candidate.power;
        }
    }
    0
}

impl<T: Config> Pallet<T> {
    /// The power of a miner now, or what keeps it from standing.
    pub(crate) fn electable(account: &T::AccountId, excluded: &AuthoritySet<T>) -> Result<u128, Hurdle> {
        let provider = Providers::<T>::get(account).ok_or(Hurdle::NotRegistered)?;
        if provider.exit_at.is_some() {
            return Err(Hurdle::Exiting);
        }
        if excluded.contains(account) {
            return Err(Hurdle::Barred);
        }
        if T::Sessions::keys(account).is_none() {
            return Err(Hurdle::NoSessionKeys);
        }
        if provider.collateral < T::MinAuthorityCollateral::get() {
            return Err(Hurdle::TooLittleCollateral);
        }
        let power = provider.power.at(T::Era::get());
        if power < T::MinAuthorityPower::get().max(1) {
            return Err(Hurdle::TooLittlePower);
        }
        Ok(power)
    }

    pub(crate) fn do_stand(who: T::AccountId) -> DispatchResult {
        let excluded = Excluded::<T>::get();
        let power = Self::electable(&who, &excluded).map_err(Error::<T>::from)?;
        let mut candidates = Candidates::<T>::get();
        ensure!(candidates.iter().all(|other| other.account != who), Error::<T>::AlreadyCandidate);
        let candidate = Candidate { account: who.clone(), power };
        if candidates.is_full() {
            // What the list says is as old as the last election.
            let weakest = candidates.iter_mut().min_by_key(|other| other.power).ok_or(Error::<T>::TooWeak)?;
            weakest.power = Self::electable(&weakest.account, &excluded).unwrap_or(0);
            ensure!(weakest.power < power, Error::<T>::TooWeak);
            let former = core::mem::replace(weakest, candidate);
            Self::deposit_event(Event::CandidateDropped { account: former.account, hurdle: None });
        } else {
            candidates.try_push(candidate).map_err(|_| Error::<T>::TooWeak)?;
        }
        Candidates::<T>::put(candidates);
        Self::deposit_event(Event::Stood { account: who, power });
        Ok(())
    }

    /// Who wins an election held now. Candidates that cannot be elected any more are dropped, the others
    /// looked at anew.
    pub(crate) fn elect(standing: &AuthoritySet<T>, new_era: bool) -> Vec<T::AccountId> {
        let excluded = Excluded::<T>::get();
        let mut candidates = Candidates::<T>::get().into_inner();
        candidates.retain_mut(|candidate| match Self::electable(&candidate.account, &excluded) {
            Ok(power) => {
                candidate.power = power;
                true
            }
            Err(hurdle) => {
                let account = candidate.account.clone();
                Self::deposit_event(Event::CandidateDropped { account, hurdle: Some(hurdle) });
                false
            }
        });
        candidates.sort_by_key(|candidate| Reverse(candidate.power));
        let bootstrap = Bootstrap::<T>::get();
        let most: usize = T::MaxAuthorities::get().saturated_into();
        let seats: usize = T::BootstrapSeats::get().saturated_into();
        let seats = seats.min(most).max(bootstrap.len());
        let least = median(&candidates) / LEAST_OF_MEDIAN;
        // What is lost within an era is made up for by those who make blocks, and by genesis.
        let mut newcomers = if new_era { (seats.max(standing.len()) / NEWCOMERS_PART).max(1) } else { 0 };
        let mut elected = Vec::new();
        for Candidate { account, .. } in candidates.iter().filter(|candidate| candidate.power >= least) {
            if elected.len() >= most {
                break;
            }
            if !standing.contains(account) {
                if newcomers == 0 {
                    continue;
                }
                newcomers = newcomers.saturating_sub(1);
            }
            elected.push(account.clone());
        }
        Candidates::<T>::put(BoundedVec::<_, T::MaxCandidates>::truncate_from(candidates));
        for account in bootstrap {
            let leaves = Providers::<T>::get(&account).is_some_and(|provider| provider.exit_at.is_some());
            let able = !leaves && !excluded.contains(&account) && T::Sessions::keys(&account).is_some();
            if elected.len() < seats && able && !elected.contains(&account) {
                elected.push(account);
            }
        }
        elected
    }

    /// Takes the silent off the list of candidates, and half of their power.
    pub(crate) fn silence(silent: &[T::AccountId]) {
        if silent.is_empty() {
            return;
        }
        Candidates::<T>::mutate(|all| all.retain(|candidate| !silent.contains(&candidate.account)));
        for account in silent {
            Providers::<T>::mutate_extant(account, |provider| provider.power.byte_blocks /= 2);
            Self::deposit_event(Event::AuthoritySilent { account: account.clone() });
        }
    }

    /// How an account stands as maker of blocks.
    pub fn authority(account: &T::AccountId) -> AuthorityInfo {
        let provider = Providers::<T>::get(account);
        let power = provider.as_ref().map_or(Power::default(), |provider| provider.power).at(T::Era::get());
        let candidates = Candidates::<T>::get();
        // As of the last election, for all alike.
        let own = candidates.iter().find(|candidate| candidate.account == *account).map(|own| own.power);
        let rank =
            own.map(|own| candidates.iter().filter(|other| other.power > own).count().saturating_add(1));
        let authorities = Authorities::<T>::get();
        AuthorityInfo {
            power,
            collateral: provider.map_or(0, |provider| provider.collateral),
            min_collateral: T::MinAuthorityCollateral::get(),
            min_power: T::MinAuthorityPower::get(),
            session_keys: T::Sessions::keys(account),
            hurdle: Self::electable(account, &Excluded::<T>::get()).err(),
            rank: rank.map(SaturatedConversion::saturated_into),
            candidates: candidates.len().saturated_into(),
            authority: authorities.contains(account),
            authorities: authorities.len().saturated_into(),
            last_block: LastBlocks::<T>::get(account),
        }
    }
}

impl<T> From<Hurdle> for Error<T> {
    fn from(hurdle: Hurdle) -> Self {
        match hurdle {
            Hurdle::NotRegistered => Self::NotRegistered,
            Hurdle::Exiting => Self::Exiting,
            Hurdle::Barred => Self::Barred,
            Hurdle::NoSessionKeys => Self::NoSessionKeys,
            Hurdle::TooLittleCollateral => Self::TooLittleCollateral,
            Hurdle::TooLittlePower => Self::TooLittlePower,
        }
    }
}
