//! What is taken of collateral: for lost data, and from authorities that make two blocks or votes where one
//! is allowed.
//!
//! - A miner that lost a contract's data loses the collateral of its bytes, or the fraction of it that the
//!   audits ask for. Whoever showed it gets [`Config::FinderShare`]; the rest goes to the destination of
//!   slashes. After [`Config::MaxLost`] contracts the miner is evicted: its exit begins.
//! - The offender loses a fraction of the collateral that it holds as provider. Offences of one session
//!   are paid once, by the largest fraction: `pallet_offences` reports all offenders of a slot again
//!   with each new one, and one slip of a node shows as many equivocations.
//! - It makes no more blocks, and leaves the authorities with the next planned session (see
//!   `authorities`). An authority without collateral, as those of genesis may be, loses only its seat.
//! - What the destination cannot take, because it would be less than an existential deposit, is burned.

use crate::{
    types::Power, Authorities, Config, CurrentSession, Event, Excluded, HoldReason, Pallet, Providers,
    Sessions, Slash, Slashes, WeightInfo,
};
use frame_support::{
    storage::with_storage_layer,
    traits::{
        fungible::hold::Mutate,
        tokens::{Fortitude, Precision, Restriction},
    },
    weights::Weight,
};
use lunarx_core::{collateral_for, Balance};
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

    /// Takes `fraction` of the collateral of `bytes` that were lost.
    pub(crate) fn slash_for_loss(
        account: &T::AccountId,
        bytes: u64,
        fraction: Perbill,
        finder: Option<&T::AccountId>,
    ) {
        let Some(mut provider) = Providers::<T>::get(account) else {
            return;
        };
        let due =
            fraction.mul_ceil(collateral_for(bytes, T::CollateralPerGib::get())).min(provider.collateral);
        let reward = finder.map_or(0, |finder| {
            let share = T::FinderShare::get().mul_floor(due);
            Self::move_collateral(account, finder, share).unwrap_or(0)
        });
        let amount = reward.saturating_add(Self::take_collateral(account, due.saturating_sub(reward)));
        provider.collateral = provider.collateral.saturating_sub(amount);
        provider.score.lost = provider.score.lost.saturating_add(1);
        provider.score.slashed = provider.score.slashed.saturating_add(amount);
        // Whoever lost data proves anew that it can be relied on.
        provider.power = Power { since: Self::now(), ..Power::default() };
        let collateral = provider.collateral;
        Self::deposit_event(Event::DataLost { account: account.clone(), bytes, amount, collateral });
        if provider.score.lost >= T::MaxLost::get() && provider.exit_at.is_none() {
            let exit_at = Self::now().saturating_add(T::ExitDelay::get());
            provider.exit_at = Some(exit_at);
            Self::deposit_event(Event::Evicted { account: account.clone(), exit_at });
        }
        Providers::<T>::insert(account, provider);
    }

    /// Moves held collateral to `to`. Fails, and moves nothing, where `to` cannot take it.
    fn move_collateral(
        account: &T::AccountId,
        to: &T::AccountId,
        amount: Balance,
    ) -> Result<Balance, DispatchError> {
        let reason = HoldReason::Collateral.into();
        let (best_effort, force) = (Precision::BestEffort, Fortitude::Force);
        with_storage_layer(|| {
            let free = Restriction::Free;
            T::Currency::transfer_on_hold(&reason, account, to, amount, best_effort, free, force)
        })
    }

    /// Moves held collateral to the destination of slashes, and returns how much was moved.
    fn take_collateral(account: &T::AccountId, amount: Balance) -> Balance {
        let reason = HoldReason::Collateral.into();
        let (best_effort, force) = (Precision::BestEffort, Fortitude::Force);
        Self::move_collateral(account, &T::SlashDestination::get(), amount)
            .or_else(|_| {
                with_storage_layer(|| T::Currency::burn_held(&reason, account, amount, best_effort, force))
            })
            // Nothing was taken, and nothing is booked as taken.
            .unwrap_or_else(|_: DispatchError| Zero::zero())
    }
}
