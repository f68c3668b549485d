//! Pay for the last words of a round. Reports draw it for the earlier ones by themselves; those of the round's last
//! windows become final when it is over, and are drawn by reports without verdicts. Which ones, the chain says: so
//! nothing is lost with a restart.

use crate::seats::{held, Rounds};
use lunarx_chain::{Chain, ChainError};
use lunarx_core::{AccountId, BlockNumber, ContractId, Dues, Report, Round, RoundDetails, Watched};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Contracts whose dues are read in one pass, so that a pass stays short.
const MAX_READS: usize = 256;

/// What is to be drawn.
#[derive(Default)]
pub(crate) struct Drawer {
    /// The running round when it last looked.
    round: Option<Round>,
    /// Contracts of the round before whose dues are to be read, and when they were accepted.
    queue: VecDeque<(ContractId, BlockNumber)>,
    /// Those of which something is due.
    ready: BTreeSet<ContractId>,
}

impl Drawer {
    /// Once a round, when the words of the former one are final: queues the contracts in which `account` held a seat.
    /// `final_after` is the longest time to that, in blocks.
    pub(crate) fn turn(
        &mut self,
        account: &AccountId,
        rounds: Rounds<'_>,
        contracts: &BTreeMap<ContractId, Watched<AccountId>>,
        final_after: BlockNumber,
        height: BlockNumber,
    ) {
        let Some(RoundDetails { round, start, .. }) = rounds.known.first() else { return };
        if self.round == Some(*round) || height <= start.saturating_add(final_after) {
            return;
        }
        self.round = Some(*round);
        let last = start.saturating_sub(1);
        let mine = contracts.iter().filter(|(_, watched)| watched.since < last);
        let mine = mine.map(|(id, watched)| (*id, watched.since));
        let mine = mine.filter(|(id, since)| !held(rounds, account, id, *since, last).is_empty());
        self.queue = mine.collect();
    }

    /// Reads the dues of some that are queued.
    ///
    /// # Errors
    /// The chain's. What was not read stays queued.
    pub(crate) async fn read(
        &mut self,
        chain: &dyn Chain,
        account: &AccountId,
        rounds: Rounds<'_>,
    ) -> Result<(), ChainError> {
        for _ in 0..MAX_READS {
            let Some((id, since)) = self.queue.front().copied() else { break };
            let audit = chain.audit(id).await?;
            self.queue.pop_front();
            if audit.is_some_and(|audit| is_due(audit.dues, account, rounds, &id, since)) {
                self.ready.insert(id);
            }
        }
        Ok(())
    }

    /// The reports that draw it.
    pub(crate) fn reports(&self) -> impl Iterator<Item = Report> + '_ {
        self.ready.iter().map(|contract| Report {
            contract: *contract,
            window: 0,
            verdicts: Default::default(),
        })
    }

    /// It was drawn, or cannot be.
    pub(crate) fn done(&mut self, id: &ContractId) {
        self.ready.remove(id);
    }
}

/// Whether words of `account` are due, in rounds that are over.
fn is_due(
    mut dues: Dues,
    account: &AccountId,
    rounds: Rounds<'_>,
    id: &ContractId,
    since: BlockNumber,
) -> bool {
    rounds.known.iter().skip(1).any(|round| {
        let mut mine = rounds.held_in(round, account, id, since).into_iter();
        mine.any(|seat| dues.take(round.round, seat) > 0)
    })
}

#[cfg(test)]
#[path = "tests/dues.rs"]
mod tests;
