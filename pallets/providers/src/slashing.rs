//! What becomes of authorities that make two blocks or votes where one is allowed.
//!
//! - The offender loses a fraction of the collateral that it holds as provider. Offences of one session
//!   are paid once, by the largest fraction: `pallet_offences` reports all offenders of a slot again
//!   with each new one, and one slip of a node shows as many equivocations.
//! - It makes no more blocks, and leaves the authorities with the next planned session (see
//!   `authorities`). An authority without collateral, as those of genesis may be, loses only its seat.
//! - What the destination cannot take, because it would be less than an existential deposit, is burned.

use crate::{
    Authorities, Config, CurrentSession, Event, Excluded, HoldReason, Pallet, Providers, Sessions, Slash,
    Slashes, WeightInfo,
};
use frame_support::{
    storage::with_storage_layer,
    traits::{
        fungible::hold::Mutate,
        tokens::{Fortitude, Precision, Restriction},
    },
    weights::Weight,
};
use lunarx_core::Balance;
use sp_runtime::{
    traits::{Convert, Get, Zero},
    DispatchError, Perbill,
};
use sp_staking::{
    offence::{OffenceDetails, OffenceSeverity, OnOffenceHandler},
    SessionIndex,
};

/// How an offender is named: by its account alone.
///
/// Not by its collateral too. `pallet_session::historical` rebuilds the identifications when it makes a
/// proof and compares with the root from the session's planning, so one top-up would void the proofs of
/// the running session for all authorities; and `pallet_offences` knows an offence by its offender's
/// identification, so one that was slashed since would be reported, and slashed, again.
pub type Identification<T> = (<T as frame_system::Config>::AccountId, ());

/// Gives `pallet_session::historical` the full identification: nothing beyond the account.
pub struct IdentifiedByAccount;

impl<AccountId> Convert<AccountId, Option<()>> for IdentifiedByAccount {
    fn convert(_: AccountId) -> Option<()> {
        Some(())
    }
}

impl<T: Config> OnOffenceHandler<T::AccountId, Identification<T>, Weight> for Pallet<T> {
    fn on_offence(
        offenders: &[OffenceDetails<T::AccountId, Identification<T>>],
        fractions: &[Perbill],
        session: SessionIndex,
    ) -> Weight {
        if session.saturating_add(T::OffenceMemory::get()) < CurrentSession::<T>::get() {
            Self::deposit_event(Event::OffenceTooOld { session });
            return T::WeightInfo::on_offence(0);
        }
        let standing = Authorities::<T>::get();
        let mut excluded = Excluded::<T>::get();
        for (details, fraction) in offenders.iter().zip(fractions) {
            let (account, ()) = &details.offender;
            if !fraction.is_zero() {
                Self::slash(account, *fraction, session);
                Self::exclude(account, &standing, &mut excluded);
                T::Sessions::disable(account, OffenceSeverity(*fraction));
            }
        }
        Excluded::<T>::put(excluded);
        T::WeightInfo::on_offence(u32::try_from(offenders.len()).unwrap_or(u32::MAX))
    }
}

impl<T: Config> Pallet<T> {
    /// Takes what `fraction` asks for beyond what was taken for this session before.
    fn slash(account: &T::AccountId, fraction: Perbill, session: SessionIndex) {
        let Some(mut provider) = Providers::<T>::get(account) else {
            return;
        };
        let before = Slashes::<T>::get(session, account)
            .unwrap_or(Slash { base: provider.collateral, fraction: Perbill::zero() });
        if fraction <= before.fraction {
            return;
        }
        Slashes::<T>::insert(session, account, Slash { fraction, ..before });

        let due = (fraction * before.base).saturating_sub(before.fraction * before.base);
        let amount = Self::take_collateral(account, due.min(provider.collateral));
        if amount.is_zero() {
            return;
        }
        provider.collateral = provider.collateral.saturating_sub(amount);
        Self::deposit_event(Event::Slashed {
            account: account.clone(),
            amount,
            collateral: provider.collateral,
            session,
        });
        Providers::<T>::insert(account, provider);
    }

    /// Moves held collateral to the destination of slashes, and returns how much was moved.
    fn take_collateral(account: &T::AccountId, amount: Balance) -> Balance {
        let reason = HoldReason::Collateral.into();
        let (best_effort, force) = (Precision::BestEffort, Fortitude::Force);
        let destination = T::SlashDestination::get();
        with_storage_layer::<_, DispatchError, _>(|| {
            let free = Restriction::Free;
            T::Currency::transfer_on_hold(&reason, account, &destination, amount, best_effort, free, force)
        })
        .or_else(|_| {
            with_storage_layer(|| T::Currency::burn_held(&reason, account, amount, best_effort, force))
        })
        // Nothing was taken, and nothing is booked as taken.
        .unwrap_or_else(|_: DispatchError| Zero::zero())
    }
}
