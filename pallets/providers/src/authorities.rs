//! Who makes blocks.
//!
//! The set is planned one session ahead, as `pallet_session` asks for it. What is planned is, in this
//! order: who wins the election, where a new era asks for one (see `election`); the standing set without those who
//! are excluded, silent, or have no session keys; the standing set as it is. The first that has enough authorities is
//! taken. The same set with the same keys is answered by `None`, because every `Some` forces a GRANDPA set change; with other
//! keys it is named again, because `pallet_session::historical` notes a root over the keys only then, and
//! proofs of the new keys would not fit the old root.
//!
//! An authority that is elected and makes no block in [`SILENT_TURNS`] times as many blocks as there are authorities
//! is silent: it loses its seat, its place among the candidates and half of its power. One that works is silent for so long with a
//! probability of e^-16, one in nine millions. The authorities of genesis are not: they are there where too few are
//! elected, and yield by themselves.
//!
//! The floor cannot stop authorities from purging their session keys: `pallet_session` then drops them
//! by itself.

use crate::{
    types::AuthoritySet, Authorities, Bootstrap, Candidates, Config, CurrentSession, ElectedIn, Event,
    Excluded, LastBlocks, Pallet, PlannedKeys, Slashes, WeightInfo,
};
use alloc::{collections::BTreeSet, vec::Vec};
use codec::Encode;
use frame_support::dispatch::DispatchClass;
use lunarx_core::{blake2b_256, BlockNumber};
use sp_runtime::{traits::Get, SaturatedConversion};
use sp_staking::{offence::OffenceSeverity, SessionIndex};

/// Turns without a block after which an elected authority is silent. A turn has as many blocks as there are
/// authorities.
pub const SILENT_TURNS: BlockNumber = 16;

/// What the register asks of the pallets that run sessions.
pub trait Sessions<AccountId> {
    /// The session keys that `account` has registered, encoded.
    fn keys(account: &AccountId) -> Option<Vec<u8>>;

    /// Keeps an offender from making blocks for what is left of its sessions.
    fn disable(offender: &AccountId, severity: OffenceSeverity);

    /// Forgets the authority sets of the sessions before `session`: no offence of theirs is taken.
    fn forget_before(session: SessionIndex);

    /// Registers session keys of `account`, for benchmarks.
    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_set_keys(account: &AccountId);
}

impl<T: Config> Pallet<T> {
    /// Stores the first authorities.
    ///
    /// # Panics
    /// Where they are too many, too few or not distinct: a chain must not start on a wrong set.
    pub(crate) fn build_authorities(authorities: &[T::AccountId]) {
        if authorities.is_empty() {
            return;
        }
        let distinct: BTreeSet<_> = authorities.iter().collect();
        assert_eq!(distinct.len(), authorities.len(), "an authority must be named once");
        let set = AuthoritySet::<T>::try_from(authorities.to_vec())
            .expect("genesis must have at most `MaxAuthorities` authorities");
        assert!(Self::is_enough(&set), "genesis must have at least `MinAuthorities` authorities");
        Bootstrap::<T>::put(&set);
        Authorities::<T>::put(set);
    }

    /// The authorities from `session` on, if they change.
    fn plan(session: SessionIndex) -> Option<Vec<T::AccountId>> {
        let standing = Authorities::<T>::get();
        let mut left_out = Excluded::<T>::get().into_inner();
        let silent = Self::silent(&standing);
        Self::silence(&silent);
        let era = T::Era::get();
        let new_era = ElectedIn::<T>::get() != Some(era);
        left_out.extend(silent);
        let is_lost =
            |account: &T::AccountId| left_out.contains(account) || T::Sessions::keys(account).is_none();
        let election = new_era || standing.iter().any(is_lost);
        let candidates: u32 = Candidates::<T>::decode_len().unwrap_or(0).saturated_into();
        let elected = election.then(|| {
            ElectedIn::<T>::put(era);
            Self::elect(&standing, new_era)
        });
        let planned = elected
            .map(|elected| Self::eligible(elected, &left_out))
            .filter(Self::is_enough)
            .or_else(|| Some(Self::eligible(standing.to_vec(), &left_out)).filter(Self::is_enough))
            .unwrap_or_else(|| standing.clone());
        // In another order it is the same set.
        let same =
            planned.len() == standing.len() && planned.iter().all(|account| standing.contains(account));
        let planned = if same { standing.clone() } else { planned };
        Self::watch(&standing, &planned);
        let weight =
            T::WeightInfo::plan(standing.len().saturated_into(), if election { candidates } else { 0 });
        frame_system::Pallet::<T>::register_extra_weight_unchecked(weight, DispatchClass::Mandatory);
        let keys_changed = Self::note_keys(&planned);
        if planned != standing {
            let count = u32::try_from(planned.len()).unwrap_or(u32::MAX);
            Self::deposit_event(Event::AuthoritiesChanged { session, count });
            Authorities::<T>::put(&planned);
        } else if !keys_changed {
            return None;
        }
        Some(planned.into_inner()).filter(|planned| !planned.is_empty())
    }

    /// Elected authorities that have not been heard of.
    fn silent(standing: &AuthoritySet<T>) -> Vec<T::AccountId> {
        let authorities: BlockNumber = standing.len().saturated_into();
        let patience = SILENT_TURNS.saturating_mul(authorities);
        let now = Self::now();
        let bootstrap = Bootstrap::<T>::get();
        let is_silent = |account: &&T::AccountId| {
            !bootstrap.contains(*account)
                && LastBlocks::<T>::get(*account).is_some_and(|last| now.saturating_sub(last) > patience)
        };
        standing.iter().filter(is_silent).cloned().collect()
    }

    /// Begins to watch for the blocks of those who make blocks from now on: who was planned one session before. Where
    /// the set shrinks it begins anew: how long is silence depends on how many they are.
    fn watch(standing: &AuthoritySet<T>, planned: &AuthoritySet<T>) {
        for account in standing {
            if planned.len() < standing.len() || !planned.contains(account) {
                LastBlocks::<T>::remove(account);
            } else if !LastBlocks::<T>::contains_key(account) {
                LastBlocks::<T>::insert(account, Self::now());
            }
        }
    }

    /// Notes that an authority made the running block.
    pub fn authored(author: &T::AccountId) {
        LastBlocks::<T>::mutate_extant(author, |last| *last = Self::now());
    }

    /// Notes the session keys of a planned set. True if they are not those of the last one.
    fn note_keys(planned: &AuthoritySet<T>) -> bool {
        let keys: Vec<_> = planned.iter().map(|account| (account, T::Sessions::keys(account))).collect();
        let hash = blake2b_256(&keys.encode());
        let changed = PlannedKeys::<T>::get() != Some(hash);
        if changed {
            PlannedKeys::<T>::put(hash);
        }
        changed
    }

    /// The first of `candidates` that may and can make blocks, each once.
    fn eligible(candidates: Vec<T::AccountId>, left_out: &[T::AccountId]) -> AuthoritySet<T> {
        let mut left_out: BTreeSet<_> = left_out.iter().cloned().collect();
        let chosen: Vec<_> = candidates
            .into_iter()
            .filter(|account| left_out.insert(account.clone()) && T::Sessions::keys(account).is_some())
            .collect();
        AuthoritySet::<T>::truncate_from(chosen)
    }

    fn is_enough(set: &AuthoritySet<T>) -> bool {
        u32::try_from(set.len()).unwrap_or(u32::MAX) >= T::MinAuthorities::get()
    }

    /// Bars an offender from the authorities, unless too few others are left. Once only.
    pub(crate) fn exclude(
        account: &T::AccountId,
        standing: &AuthoritySet<T>,
        excluded: &mut AuthoritySet<T>,
    ) {
        if excluded.contains(account) {
            return;
        }
        let others = standing.iter().filter(|other| *other != account && !excluded.contains(other)).count();
        let others = u32::try_from(others).unwrap_or(u32::MAX);
        if standing.contains(account) && others < T::MinAuthorities::get() {
            Self::deposit_event(Event::AuthoritySpared { account: account.clone() });
            return;
        }
        if excluded.is_full() {
            excluded.remove(0);
        }
        // There is room: `MaxAuthorities` is at least one, and a full list lost its first.
        if excluded.try_push(account.clone()).is_ok() {
            Self::deposit_event(Event::AuthorityExcluded { account: account.clone() });
        }
    }

    /// Notes the running session and forgets slashes of which no more reports are taken.
    fn begin(session: SessionIndex) {
        CurrentSession::<T>::put(session);
        if let Some(forgotten) = session.checked_sub(T::OffenceMemory::get().saturating_add(1)) {
            // At most one entry an authority of that session, so one round removes all.
            let _ = Slashes::<T>::clear_prefix(forgotten, T::MaxAuthorities::get(), None);
            T::Sessions::forget_before(forgotten.saturating_add(1));
        }
    }
}

impl<T: Config> pallet_session::SessionManager<T::AccountId> for Pallet<T> {
    fn new_session(index: SessionIndex) -> Option<Vec<T::AccountId>> {
        Self::plan(index)
    }

    fn new_session_genesis(_: SessionIndex) -> Option<Vec<T::AccountId>> {
        let set = Authorities::<T>::get();
        Self::note_keys(&set);
        Some(set.into_inner()).filter(|set| !set.is_empty())
    }

    fn start_session(index: SessionIndex) {
        Self::begin(index);
    }

    fn end_session(_: SessionIndex) {}
}

impl<T: Config> pallet_session::historical::SessionManager<T::AccountId, ()> for Pallet<T> {
    fn new_session(index: SessionIndex) -> Option<Vec<(T::AccountId, ())>> {
        identified(<Self as pallet_session::SessionManager<T::AccountId>>::new_session(index))
    }

    fn new_session_genesis(index: SessionIndex) -> Option<Vec<(T::AccountId, ())>> {
        identified(<Self as pallet_session::SessionManager<T::AccountId>>::new_session_genesis(index))
    }

    fn start_session(index: SessionIndex) {
        <Self as pallet_session::SessionManager<T::AccountId>>::start_session(index);
    }

    fn end_session(index: SessionIndex) {
        <Self as pallet_session::SessionManager<T::AccountId>>::end_session(index);
    }
}

fn identified<AccountId>(set: Option<Vec<AccountId>>) -> Option<Vec<(AccountId, ())>> {
    set.map(|set| set.into_iter().map(|account| (account, ())).collect())
}
