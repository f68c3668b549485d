//! When the chain may be asked to ask a miner: not while the question of a seat is open, and after each one that
//! the miner answered not for a day, then two, then four.
//!
//! All trackers see the same questions, so they share the count without a word. It counts the questions of seats
//! alone, and of those only the ones that were due, so nobody can drive it up faster than it drives up itself: the
//! miner has been there and answered for as long as it has peace now. It never falls while the contract lives: a
//! miner that is silent to trackers is not paid without a majority that calls its windows valid, whether anybody
//! asks or not. A tracker that starts anew has seen nothing, and asks once more.

use lunarx_core::{AccountId, BlockNumber, ContractId, DisputeInfo, Watched};
use std::collections::BTreeMap;

/// What is known of the questions on chain.
pub(crate) struct Patience {
    /// Blocks of a day.
    day: BlockNumber,
    open: BTreeMap<ContractId, Open>,
    answered: BTreeMap<ContractId, Answered>,
}

/// An open question.
#[derive(Clone, Copy)]
struct Open {
    /// Its block.
    at: BlockNumber,
    /// Whether a seat's holder put it, about a challenge.
    seated: bool,
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
    /// The block from which on the next question is due.
    fn until(self, day: BlockNumber) -> BlockNumber {
        let days = 2u32.saturating_pow(self.count.saturating_sub(1));
        self.at.saturating_add(day.saturating_mul(days))
    }
}

impl Patience {
    pub(crate) fn new(day: BlockNumber) -> Self {
        Self { day, open: BTreeMap::new(), answered: BTreeMap::new() }
    }

    /// Takes the disputes that are open now. One that is over while its contract lives was answered, or
    /// dropped for want of seeds, which is rare.
    pub(crate) fn look(
        &mut self,
        disputes: &BTreeMap<ContractId, DisputeInfo<AccountId>>,
        contracts: &BTreeMap<ContractId, Watched<AccountId>>,
    ) {
        let open = |dispute: &DisputeInfo<_>| Open { at: dispute.opened, seated: dispute.seated };
        let now = disputes.iter().map(|(id, dispute)| (*id, open(dispute))).collect();
        let before = std::mem::replace(&mut self.open, now);
        self.answered.retain(|id, _| contracts.contains_key(id));
        for (id, Open { at, seated }) in before {
            let over = self.open.get(&id).is_none_or(|open| open.at != at);
            if over && seated && contracts.contains_key(&id) && self.is_due(&id, at) {
                let answered = self.answered.entry(id).or_insert(Answered { count: 0, at });
                *answered = Answered { count: answered.count.saturating_add(1), at };
            }
        }
    }

    /// Whether a seat may ask about a contract at `height`. A question that is nobody's seat's does not stand in
    /// the way: that of a seat takes its place.
    pub(crate) fn may_ask(&self, contract: &ContractId, height: BlockNumber) -> bool {
        !self.open.get(contract).is_some_and(|open| open.seated) && self.is_due(contract, height)
    }

    fn is_due(&self, contract: &ContractId, height: BlockNumber) -> bool {
        self.answered.get(contract).is_none_or(|answered| height >= answered.until(self.day))
    }
}

#[cfg(test)]
#[path = "tests/patience.rs"]
mod tests;
