//! Verdicts: who may speak of which window, and what a word is worth.
//!
//! A word earns a credit of its window's fee, so that contracts of a few bytes take nothing from the pay for
//! others. A report whose every word counts costs no fee: a fee by length would be more than the trackers' share
//! of a small contract's. So that nobody fills blocks for nothing, a tracker has a bounded number of free reports
//! a window, and each can carry as many contracts as fit.

use crate::{
    AllCredits, Config, Credits, Disputes, Error, Event, Pallet, Reports, Tallies, Tally, WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{
    dispatch::{DispatchResultWithPostInfo, Pays, PostDispatchInfo},
    ensure,
    weights::Weight,
};
use lunarx_core::{
    AuditRules, Balance, BlockNumber, ContractId, ContractRegistry, Report, Round, RoundDetails,
    TrackerRegistry, Verdict, Watched, SEATS,
};
use lunarx_proof::seat_holders;
use sp_runtime::{traits::Get, SaturatedConversion};

/// Reports of a tracker that can be free, a window.
const FREE_REPORTS: BlockNumber = 64;

/// Holders of a contract's seats.
type Holders<T> = [<T as frame_system::Config>::AccountId; SEATS as usize];

/// The rounds that a report meets, each read once, and a contract's seats in them, each drawn once. They are two
/// at the most: the open windows of a contract span less than a round.
struct Rounds<T: Config> {
    now: BlockNumber,
    known: Vec<RoundDetails<T::AccountId>>,
    drawn_for: Option<ContractId>,
    drawn: Vec<(Round, Holders<T>)>,
}

impl<T: Config> Rounds<T> {
    /// The holders of a contract's seats in the round of `block`.
    fn holders(&mut self, contract: &ContractId, block: BlockNumber) -> Option<Holders<T>> {
        let number = T::Trackers::round_of(block)?;
        if self.drawn_for != Some(*contract) {
            self.drawn_for = Some(*contract);
            self.drawn.clear();
        }
        if let Some((_, holders)) = self.drawn.iter().find(|(round, _)| *round == number) {
            return Some(holders.clone());
        }
        let holders = seat_holders(self.get(number)?, contract)?.map(Clone::clone);
        self.drawn.push((number, holders.clone()));
        Some(holders)
    }

    fn get(&mut self, number: Round) -> Option<&RoundDetails<T::AccountId>> {
        if !self.known.iter().any(|round| round.round == number) {
            self.known.push(T::Trackers::round(number)?);
        }
        self.known.iter().find(|round| round.round == number)
    }
}

/// What of a report counted.
#[derive(Default)]
struct Counted {
    windows: u32,
    substitutes: u32,
    /// The fees of the windows.
    fees: Balance,
}

impl<T: Config> Pallet<T> {
    /// Verdicts in a batch, each as many as there are seats: a tracker may take over all three.
    pub(crate) fn seats_in(reports: &Reports<T>) -> u32 {
        Self::words_in(reports).saturating_mul(SEATS)
    }

    /// Verdicts in a batch.
    fn words_in(reports: &Reports<T>) -> u32 {
        let words = |sum: u32, report: &Report| sum.saturating_add(report.verdicts.len().saturated_into());
        reports.iter().fold(0u32, words)
    }

    pub(crate) fn do_report(tracker: T::AccountId, reports: Reports<T>) -> DispatchResultWithPostInfo {
        let now = Self::now();
        let mut rounds = Rounds::<T> { now, known: Vec::new(), drawn_for: None, drawn: Vec::new() };
        let mut counted = Counted::default();
        for report in &reports {
            Self::count_report(&tracker, report, &mut rounds, &mut counted);
        }
        ensure!(counted.windows > 0, Error::<T>::NothingCounted);
        let whole = counted.windows == Self::words_in(&reports);
        let pays_fee = Self::credit(&tracker, counted.fees, whole, now);
        T::Trackers::served(&tracker);
        let contracts: u32 = reports.len().saturated_into();
        Self::deposit_event(Event::Reported { tracker, contracts, windows: counted.windows });
        let further: u32 = rounds.known.len().saturating_sub(1).saturated_into();
        Ok(PostDispatchInfo {
            actual_weight: Some(Self::weight_of(contracts, counted.substitutes, further)),
            pays_fee,
        })
    }

    /// Notes what a report earned. Whether it pays a transaction fee: not if it is `whole`, and the last free one
    /// is a while ago.
    fn credit(tracker: &T::AccountId, fees: Balance, whole: bool, now: BlockNumber) -> Pays {
        AllCredits::<T>::mutate(|all| *all = all.saturating_add(fees));
        Credits::<T>::mutate(tracker, |credit| {
            credit.fees = credit.fees.saturating_add(fees);
            if !whole || now < credit.free_from {
                return Pays::Yes;
            }
            let pause = T::Window::get().checked_div(FREE_REPORTS).unwrap_or(0).max(1);
            credit.free_from = now.saturating_add(pause);
            Pays::No
        })
    }

    /// The weight of a report of so many contracts, seats taken over, and rounds beside the first.
    pub(crate) fn weight_of(contracts: u32, substitutes: u32, further: u32) -> Weight {
        let further = T::WeightInfo::further_round(contracts).saturating_mul(further.into());
        T::WeightInfo::report(contracts)
            .saturating_add(T::WeightInfo::substitute().saturating_mul(substitutes.into()))
            .saturating_add(further)
    }

    fn count_report(tracker: &T::AccountId, report: &Report, rounds: &mut Rounds<T>, counted: &mut Counted) {
        let Some(watched) = T::Contracts::watched(&report.contract) else {
            return;
        };
        let mut tally = Self::tally(&report.contract, &watched, rounds.now);
        let before = counted.windows;
        let over = watched.elapsed(rounds.now);
        for (place, verdict) in (0u32..).zip(&report.verdicts) {
            let window = report.window.saturating_add(place);
            if window < over {
                let word = Word {
                    tracker,
                    contract: &report.contract,
                    watched: &watched,
                    window,
                    verdict: *verdict,
                };
                word.count(&mut tally, rounds, counted);
            }
        }
        if counted.windows > before {
            Tallies::<T>::insert(report.contract, tally);
        }
    }

    /// A seat called the window of a disputed challenge valid: it has to show the answer.
    fn accuse(contract: &ContractId, watched: &Watched<T::AccountId>, window: u32, tracker: &T::AccountId) {
        let Some(mut dispute) = Disputes::<T>::get(contract) else {
            return;
        };
        let named = dispute.challenge.and_then(|block| watched.window_of(block));
        if named == Some(window)
            && !dispute.accused.contains(tracker)
            && dispute.accused.try_push(tracker.clone()).is_ok()
        {
            Disputes::<T>::insert(contract, dispute);
        }
    }
}

/// A tracker's verdict on one window.
struct Word<'a, AccountId> {
    tracker: &'a AccountId,
    contract: &'a ContractId,
    watched: &'a Watched<AccountId>,
    window: u32,
    verdict: Verdict,
}

impl<AccountId: Clone + PartialEq> Word<'_, AccountId> {
    /// Counts it for each seat of the tracker that has not spoken: its own in the round of the window's end;
    /// and, where that one's time is over, those that are its own in the running round.
    fn count<T: Config<AccountId = AccountId>>(
        &self,
        tally: &mut Tally,
        rounds: &mut Rounds<T>,
        counted: &mut Counted,
    ) {
        // Before anything is drawn: words on what is final cost nothing.
        if tally.votes_of(self.window).is_none() {
            return;
        }
        let end = self.watched.end_of(self.window);
        let late = rounds.now >= end.saturating_add(AuditRules::of_window(self.watched.window).report_within);
        let own = rounds.holders(self.contract, end);
        let running = if late { rounds.holders(self.contract, rounds.now) } else { None };
        let Some(votes) = tally.votes_of(self.window) else {
            return;
        };
        let before = *votes;
        for seat in 0..SEATS {
            let at = |holders: &Option<[AccountId; SEATS as usize]>| {
                holders.as_ref().and_then(|holders| holders.get(usize::try_from(seat).ok()?).cloned())
            };
            let (holder, substitute) = (at(&own), at(&running));
            if holder.as_ref() == Some(self.tracker) {
                votes.cast(seat, self.verdict);
            } else if substitute.as_ref() == Some(self.tracker) && votes.cast(seat, self.verdict) {
                votes.substitute(seat);
                counted.substitutes = counted.substitutes.saturating_add(1);
                if let Some(absent) = holder {
                    T::Trackers::missed(&absent);
                }
            }
        }
        if *votes == before {
            return;
        }
        counted.windows = counted.windows.saturating_add(1);
        counted.fees = counted.fees.saturating_add(self.watched.window_fee);
        if self.verdict == Verdict::Valid {
            Pallet::<T>::accuse(self.contract, self.watched, self.window, self.tracker);
        }
    }
}
