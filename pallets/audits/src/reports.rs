//! Verdicts: who may speak of which window, and what a word is worth.
//!
//! A word is paid for once its window is final and proven. Whoever said it draws the pay with a later report on the
//! same contract, for which the round's seats are drawn already: so it costs the chain no write of its own. The last
//! words of a round are drawn by a report without verdicts.
//!
//! A report whose every word counts costs no fee: a fee by length would be more than the trackers' share
//! of a small contract's. So that nobody fills blocks for nothing, a tracker has a bounded number of free reports
//! a window, and each can carry as many contracts as fit.

use crate::{
    seats::Holders, tally::is_aged, AllCredits, Config, Credits, Disputes, Error, Event, Pallet, Reports,
    Tallies, Tally, WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{
    dispatch::{DispatchResultWithPostInfo, Pays, PostDispatchInfo},
    ensure,
    weights::Weight,
};
use lunarx_core::{
    AuditRules, Balance, BlockNumber, ContractId, ContractRegistry, Report, Rewards, Round, RoundDetails,
    TrackerRegistry, Verdict, Watched, SEATS,
};
use sp_runtime::{traits::Get, SaturatedConversion};

/// Reports of a tracker that can be free, a window.
const FREE_REPORTS: BlockNumber = 64;

/// Rounds that a report meets: the open windows of a contract span less than one. Only where rounds end early, for
/// want of members, there can be more; what is of those is left for another report.
const MAX_ROUNDS: usize = 2;

/// The rounds that a report meets, each read once, and a contract's seats in them, each drawn once. They are
/// [`MAX_ROUNDS`] at the most.
struct Rounds<T: Config> {
    now: BlockNumber,
    known: Vec<RoundDetails<T::AccountId>>,
    drawn_for: Option<ContractId>,
    drawn: Vec<(Round, Holders<T>)>,
    /// Draws of the round of an acceptance.
    young: u32,
}

impl<T: Config> Rounds<T> {
    /// The holders of a contract's seats in the round of `block`.
    fn holders(
        &mut self,
        contract: &ContractId,
        since: BlockNumber,
        block: BlockNumber,
    ) -> Option<Holders<T>> {
        self.holders_in(contract, since, T::Trackers::round_of(block)?)
    }

    /// The holders of a contract's seats in a round.
    fn holders_in(&mut self, contract: &ContractId, since: BlockNumber, number: Round) -> Option<Holders<T>> {
        if self.drawn_for != Some(*contract) {
            self.drawn_for = Some(*contract);
            self.drawn.clear();
        }
        if let Some((_, holders)) = self.drawn.iter().find(|(round, _)| *round == number) {
            return Some(holders.clone());
        }
        let round = self.get(number)?;
        let young = round.start <= since;
        let holders = Pallet::<T>::holders(round, contract, since);
        self.young = self.young.saturating_add(young.into());
        let holders = holders?;
        self.drawn.push((number, holders.clone()));
        Some(holders)
    }

    fn get(&mut self, number: Round) -> Option<&RoundDetails<T::AccountId>> {
        if !self.known.iter().any(|round| round.round == number) {
            if self.known.len() >= MAX_ROUNDS {
                return None;
            }
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
    /// Words that accuse the speaker in a dispute.
    accused: u32,
    /// Pay that is drawn.
    pay: Balance,
    /// Of that, for words of rounds that began after the acceptance.
    aged: Balance,
    /// A part of it said nothing that counts, and drew nothing.
    idle: bool,
}

impl<T: Config> Pallet<T> {
    /// Verdicts in a batch, each as many as there are seats: a tracker may take over all three.
    pub(crate) fn seats_in(reports: &Reports<T>) -> u32 {
        Self::words_in(reports).saturating_mul(SEATS)
    }

    /// Verdicts in a batch.
    pub(crate) fn words_in(reports: &Reports<T>) -> u32 {
        let words = |sum: u32, report: &Report| sum.saturating_add(report.verdicts.len().saturated_into());
        reports.iter().fold(0u32, words)
    }

    pub(crate) fn do_report(tracker: T::AccountId, reports: Reports<T>) -> DispatchResultWithPostInfo {
        let now = Self::now();
        let mut rounds = Rounds::<T> { now, known: Vec::new(), drawn_for: None, drawn: Vec::new(), young: 0 };
        let mut counted = Counted::default();
        for report in &reports {
            Self::count_report(&tracker, report, &mut rounds, &mut counted);
        }
        ensure!(counted.windows > 0 || counted.pay > 0, Error::<T>::NothingCounted);
        if counted.aged > 0 {
            T::Rewards::audited(&tracker, counted.aged);
        }
        let pays_fee = Self::credit(&tracker, counted.pay, !counted.idle, now);
        if counted.windows > 0 {
            T::Trackers::served(&tracker);
        }
        let contracts: u32 = reports.len().saturated_into();
        Self::deposit_event(Event::Reported { tracker, contracts, windows: counted.windows });
        let further: u32 = rounds.known.len().saturating_sub(1).saturated_into();
        Ok(PostDispatchInfo {
            actual_weight: Some(Self::weight_of(
                contracts,
                counted.substitutes,
                further,
                counted.accused,
                rounds.young,
            )),
            pays_fee,
        })
    }

    /// Notes what a report earned. Whether it pays a transaction fee: not if it is `whole`, and the last free one
    /// is a while ago.
    fn credit(tracker: &T::AccountId, pay: Balance, whole: bool, now: BlockNumber) -> Pays {
        AllCredits::<T>::mutate(|all| *all = all.saturating_add(pay));
        Credits::<T>::mutate(tracker, |credit| {
            credit.amount = credit.amount.saturating_add(pay);
            if !whole || now < credit.free_from {
                return Pays::Yes;
            }
            let pause = T::Window::get().checked_div(FREE_REPORTS).unwrap_or(0).max(1);
            credit.free_from = now.saturating_add(pause);
            Pays::No
        })
    }

    /// The weight of a report of so many contracts, seats taken over, rounds beside the first, words on disputed
    /// contracts, and draws of seats in the round of an acceptance.
    pub(crate) fn weight_of(
        contracts: u32,
        substitutes: u32,
        further: u32,
        accused: u32,
        young: u32,
    ) -> Weight {
        let further = T::WeightInfo::further_round(contracts).saturating_mul(further.into());
        T::WeightInfo::report(contracts)
            .saturating_add(T::WeightInfo::substitute().saturating_mul(substitutes.into()))
            .saturating_add(T::WeightInfo::accuse().saturating_mul(accused.into()))
            .saturating_add(T::WeightInfo::young().saturating_mul(young.into()))
            .saturating_add(further)
    }

    fn count_report(tracker: &T::AccountId, report: &Report, rounds: &mut Rounds<T>, counted: &mut Counted) {
        let Some(watched) = T::Contracts::watched(&report.contract) else {
            counted.idle = true;
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
        let (words, aged) = Self::draw_pay(tracker, report, watched.since, &mut tally, rounds);
        let pay = |words: u32| watched.word_pay.saturating_mul(words.into());
        counted.pay = counted.pay.saturating_add(pay(words));
        counted.aged = counted.aged.saturating_add(pay(aged));
        let said = counted.windows.saturating_sub(before);
        if said > 0 || words > 0 {
            Tallies::<T>::insert(report.contract, tally);
        }
        let asked: u32 = report.verdicts.len().saturated_into();
        counted.idle |= said < asked || asked == 0 && words == 0;
    }

    /// Takes the words that are due to a tracker. With verdicts, only those of rounds that these met, whose seats
    /// are drawn already. Returns how many, and how many of rounds that began after the acceptance.
    fn draw_pay(
        tracker: &T::AccountId,
        report: &Report,
        since: BlockNumber,
        tally: &mut Tally,
        rounds: &mut Rounds<T>,
    ) -> (u32, u32) {
        let first = T::Trackers::round_of(since);
        let (mut words, mut aged) = (0u32, 0u32);
        for round in tally.dues.rounds().collect::<Vec<_>>() {
            let met = rounds.drawn_for == Some(report.contract)
                && rounds.drawn.iter().any(|(drawn, _)| *drawn == round);
            if !met && !report.verdicts.is_empty() {
                continue;
            }
            let Some(holders) = rounds.holders_in(&report.contract, since, round) else { continue };
            for (seat, holder) in (0..SEATS).zip(holders) {
                if holder == *tracker {
                    let due = tally.dues.take(round, seat);
                    words = words.saturating_add(due);
                    if is_aged(round, first) {
                        aged = aged.saturating_add(due);
                    }
                }
            }
        }
        (words, aged)
    }

    /// A seat called the window of a disputed challenge valid: it has to show the answer.
    pub(crate) fn accuse(
        contract: &ContractId,
        watched: &Watched<T::AccountId>,
        window: u32,
        tracker: &T::AccountId,
    ) {
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
        let own = rounds.holders(self.contract, self.watched.since, end);
        let running = if late { rounds.holders(self.contract, self.watched.since, rounds.now) } else { None };
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
        if self.verdict == Verdict::Valid && tally.disputed {
            counted.accused = counted.accused.saturating_add(1);
            Pallet::<T>::accuse(self.contract, self.watched, self.window, self.tracker);
        }
    }
}
