//! From votes to outcomes, and what the contracts take of them.

use crate::{
    types::MAX_OPEN_WINDOWS, Config, Deadlines, Dispute, Disputes, LastSeats, Pallet, PotBalance, Tallies,
    Tally,
};
use lunarx_core::{
    AuditRules, Balance, BlockNumber, ContractId, Decided, Round, ServiceVerdicts, TrackerRegistry, Watched,
    WindowVotes, SEATS,
};

/// Windows of a contract whose outcome is final.
pub(crate) fn final_windows<AccountId>(watched: &Watched<AccountId>, now: BlockNumber) -> u32 {
    let after = AuditRules::of_window(watched.window).final_after;
    now.checked_sub(after).map_or(0, |then| watched.elapsed(then))
}

/// Whether a round began after that of the acceptance: nobody knew its seats then.
pub(crate) fn is_aged(round: Round, first: Option<Round>) -> bool {
    first.is_none_or(|first| first < round)
}

impl Tally {
    /// Leaves the windows behind that are final by now. `round_of` gives the round of a block.
    pub(crate) fn advance<AccountId>(
        &mut self,
        watched: &Watched<AccountId>,
        now: BlockNumber,
        round_of: impl Fn(BlockNumber) -> Option<Round>,
    ) {
        let end = final_windows(watched, now);
        while self.first < end && !self.votes.is_empty() {
            let votes = self.votes.remove(0);
            self.last = votes.is_proven();
            if self.last {
                self.proven = self.proven.saturating_add(1);
                if watched.pays(self.first) {
                    self.note_words(votes, round_of(watched.end_of(self.first)), round_of(watched.since));
                }
            }
            self.first = self.first.saturating_add(1);
        }
        // Nobody spoke of the others: not proven.
        if self.first < end {
            self.first = end;
            self.last = false;
        }
    }

    /// Notes the words on a proven window that ended in `round`, and to whom their pay is due. A seat that was taken
    /// over was so in the next round: windows are final before the one after it begins.
    /// `first` is the round of the acceptance.
    fn note_words(&mut self, votes: WindowVotes, round: Option<Round>, first: Option<Round>) {
        for seat in (0..SEATS).filter(|seat| votes.of(*seat).is_some()) {
            let Some(round) = round else { continue };
            let round = round.saturating_add(votes.is_substituted(seat).into());
            self.words = self.words.saturating_add(1);
            self.aged = self.aged.saturating_add(is_aged(round, first).into());
            self.dues.add(round, seat);
        }
    }

    /// The votes of a window; `None` where it is final, or too far ahead.
    pub(crate) fn votes_of(&mut self, window: u32) -> Option<&mut WindowVotes> {
        let place = window.checked_sub(self.first).filter(|place| *place < MAX_OPEN_WINDOWS)?;
        let place = usize::try_from(place).ok()?;
        while self.votes.len() <= place {
            self.votes.try_push(WindowVotes::default()).ok()?;
        }
        self.votes.get_mut(place)
    }
}

impl<T: Config> Pallet<T> {
    /// The tally of a contract, its final windows left behind.
    pub(crate) fn tally(contract: &ContractId, watched: &Watched<T::AccountId>, now: BlockNumber) -> Tally {
        let mut tally = Tallies::<T>::get(contract).unwrap_or_default();
        tally.advance(watched, now, T::Trackers::round_of);
        tally
    }
}

impl<T: Config> ServiceVerdicts<T::AccountId> for Pallet<T> {
    fn take(
        contract: &ContractId,
        watched: &Watched<T::AccountId>,
        settled: u32,
        now: BlockNumber,
    ) -> Decided {
        if Disputes::<T>::contains_key(contract) {
            return Decided::default();
        }
        let Some(mut tally) = Tallies::<T>::get(contract) else {
            let windows = final_windows(watched, now).saturating_sub(settled);
            return Decided { windows, ..Decided::default() };
        };
        tally.advance(watched, now, T::Trackers::round_of);
        let windows = tally.first.saturating_sub(settled);
        let proven = core::mem::take(&mut tally.proven).min(windows);
        let words = core::mem::take(&mut tally.words);
        let aged = core::mem::take(&mut tally.aged);
        let last = tally.last;
        Tallies::<T>::insert(contract, tally);
        Decided { windows, proven, last, words, aged }
    }

    fn open_until(contract: &ContractId) -> Option<BlockNumber> {
        Disputes::<T>::get(contract).map(|dispute| dispute.deadline)
    }

    fn closed(contract: &ContractId, watched: Option<&Watched<T::AccountId>>) {
        if let Some((tally, watched)) = Tallies::<T>::take(contract).zip(watched) {
            Self::credit_dues(contract, watched, tally.dues);
        }
        LastSeats::<T>::remove(contract);
        if let Some(Dispute { opener, deposit, deadline, .. }) = Disputes::<T>::take(contract) {
            Deadlines::<T>::remove(crate::deadlines::slot_of(deadline), contract);
            Self::give_back(&opener, deposit);
        }
    }

    fn earned(amount: Balance) {
        PotBalance::<T>::mutate(|pot| *pot = pot.saturating_add(amount));
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn benchmark_prove(contracts: &[ContractId]) {
        use lunarx_core::{Dues, Verdict};
        // Two rounds in which words are due to every seat: most is credited when such a contract is closed.
        T::Trackers::benchmark_round(u32::MAX);
        T::Trackers::benchmark_round(u32::MAX);
        let round = T::Trackers::round_of(Self::now()).unwrap_or(0);
        let mut votes = WindowVotes::default();
        (0..SEATS).for_each(|seat| {
            votes.cast(seat, Verdict::Valid);
        });
        let votes = frame_support::BoundedVec::truncate_from(alloc::vec![votes; 5]);
        for contract in contracts {
            let dues = Dues { round, latest: [6; 3], former: [6; 3] };
            let tally = Tally { last: true, votes: votes.clone(), dues, ..Tally::default() };
            Tallies::<T>::insert(contract, tally);
        }
    }
}
