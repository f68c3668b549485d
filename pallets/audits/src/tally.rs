//! From votes to outcomes, and what the contracts take of them.

use crate::{
    types::MAX_OPEN_WINDOWS, Config, Deadlines, Dispute, Disputes, Pallet, PotBalance, Tallies, Tally,
};
use lunarx_core::{
    AuditRules, Balance, BlockNumber, ContractId, Decided, ServiceVerdicts, Watched, WindowVotes,
};

/// Windows of a contract whose outcome is final.
pub(crate) fn final_windows<AccountId>(watched: &Watched<AccountId>, now: BlockNumber) -> u32 {
    let after = AuditRules::of_window(watched.window).final_after;
    now.checked_sub(after).map_or(0, |then| watched.elapsed(then))
}

impl Tally {
    /// Leaves the windows behind that are final by now.
    pub(crate) fn advance<AccountId>(&mut self, watched: &Watched<AccountId>, now: BlockNumber) {
        let end = final_windows(watched, now);
        while self.first < end && !self.votes.is_empty() {
            self.last = self.votes.remove(0).is_proven();
            self.proven = self.proven.saturating_add(self.last.into());
            self.first = self.first.saturating_add(1);
        }
        // Nobody spoke of the others: not proven.
        if self.first < end {
            self.first = end;
            self.last = false;
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
        tally.advance(watched, now);
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
            return Decided { windows, proven: 0, last: false };
        };
        tally.advance(watched, now);
        let windows = tally.first.saturating_sub(settled);
        let proven = core::mem::take(&mut tally.proven).min(windows);
        let last = tally.last;
        Tallies::<T>::insert(contract, tally);
        Decided { windows, proven, last }
    }

    fn open_until(contract: &ContractId) -> Option<BlockNumber> {
        Disputes::<T>::get(contract).map(|dispute| dispute.deadline)
    }

    fn closed(contract: &ContractId) {
        Tallies::<T>::remove(contract);
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
        use lunarx_core::Verdict;
        let mut votes = WindowVotes::default();
        votes.cast(0, Verdict::Valid);
        votes.cast(1, Verdict::Valid);
        let votes = frame_support::BoundedVec::truncate_from(alloc::vec![votes; 5]);
        for contract in contracts {
            let tally = Tally { first: 0, proven: 0, last: true, votes: votes.clone() };
            Tallies::<T>::insert(contract, tally);
        }
    }
}
