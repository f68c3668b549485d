//! When the chain may be asked to ask a miner: not while the question of a seat is open, and after each one that
//! the miner answered not for 24 windows, then 48, then 96. Once more in the last 24 windows of the term, so that
//! nobody earns peace and deletes then: what is not asked for before the end is asked for there.
//!
//! All trackers see the same questions, so they share the count without a word. It counts the questions of seats
//! alone, and of those only the ones that were due, so nobody can drive it up faster than it drives up itself: the
//! miner has been there and answered for as long as it has peace now. It never falls while the contract lives: a
//! miner that is silent to trackers is not paid without a majority that calls its windows valid, whether anybody
//! asks or not. A tracker that starts anew has seen nothing, and asks once more.

use lunarx_core::{AccountId, BlockNumber, ContractId, DisputeInfo, Standing, Watched};
use std::collections::BTreeMap;

/// Windows without a question after the first that was answered.
const FIRST_WAIT: BlockNumber = 24;

/// What is known of the questions on chain.
#[derive(Default)]
pub(crate) struct Patience {
    open: BTreeMap<ContractId, Open>,
    answered: BTreeMap<ContractId, Answered>,
}

/// An open question.
#[derive(Clone, Copy)]
struct Open {
    /// Its block.
    at: BlockNumber,
    /// Who put it.
    opener: AccountId,
    /// As what.
    standing: Standing,
}

/// Questions that were answered.
#[derive(Clone, Copy)]
struct Answered {
    /// Those of seats that were due.
    count: u32,
    /// The block of the last of them.
    at: BlockNumber,
}

impl Answered {
    /// Whether the next question is due at `height`.
    fn is_due(self, watched: &Watched<AccountId>, height: BlockNumber) -> bool {
        let first = watched.window.saturating_mul(FIRST_WAIT);
        let wait = first.saturating_mul(2u32.saturating_pow(self.count.saturating_sub(1)));
        let last = watched.end_of(watched.windows.saturating_sub(1)).saturating_sub(first);
        height >= self.at.saturating_add(wait) || self.at < last && height >= last
    }
}

impl Patience {
    /// Takes the disputes that are open now. One that is over while its contract lives was answered, or
    /// dropped for want of seeds, which is rare.
    pub(crate) fn look(
        &mut self,
        disputes: &BTreeMap<ContractId, DisputeInfo<AccountId>>,
        contracts: &BTreeMap<ContractId, Watched<AccountId>>,
    ) {
        let open = |dispute: &DisputeInfo<_>| Open {
            at: dispute.opened,
            opener: dispute.opener,
            standing: dispute.standing,
        };
        let now = disputes.iter().map(|(id, dispute)| (*id, open(dispute))).collect();
        let before = std::mem::replace(&mut self.open, now);
        self.answered.retain(|id, _| contracts.contains_key(id));
        for (id, Open { at, standing, .. }) in before {
            let Some(watched) = contracts.get(&id) else { continue };
            let over = disputes.get(&id).is_none_or(|open| open.opened != at && open.replaced != Some(at));
            if over && standing.is_seat() && self.is_due(&id, watched, at) {
                let answered = self.answered.entry(id).or_insert(Answered { count: 0, at });
                *answered = Answered { count: answered.count.saturating_add(1), at };
            }
        }
    }

    /// Whether `seat`, the holder of one, may ask about a contract at `height`. A question of less standing than its
    /// own does not stand in the way: it takes the place of that.
    pub(crate) fn may_ask(
        &self,
        contract: &ContractId,
        watched: &Watched<AccountId>,
        seat: &AccountId,
        height: BlockNumber,
    ) -> bool {
        let taken = self.open.get(contract).is_some_and(|open| match open.standing {
            Standing::Seat => true,
            Standing::SeatAgain => open.opener == *seat,
            Standing::Anybody => false,
        });
        !taken && self.is_due(contract, watched, height)
    }

    fn is_due(&self, contract: &ContractId, watched: &Watched<AccountId>, height: BlockNumber) -> bool {
        self.answered.get(contract).is_none_or(|answered| answered.is_due(watched, height))
    }
}

#[cfg(test)]
#[path = "tests/patience.rs"]
mod tests;
