//! Watches the watchers: warns of windows of which the trackers said nothing in time.
//!
//! It only warns. Such a window is paid if the miner proves itself in a dispute that it opens, but that costs
//! a deposit and an answer's fee, and may not be worth it: the miner spends no money by itself, the operator
//! decides.

use lunarx_chain::{Chain, ChainError};
use lunarx_core::{AccountId, AuditInfo, BlockNumber, ContractId, Watched};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Contracts looked at in one pass.
const MAX_LOOKS: usize = 8;

/// Looks at each contract once a window.
pub(crate) struct Vigil {
    chain: Arc<dyn Chain>,
    report_within: BlockNumber,
    /// When each is looked at next.
    next: BTreeMap<ContractId, BlockNumber>,
    /// Told already.
    told: BTreeSet<(ContractId, u32)>,
}

impl Vigil {
    pub(crate) fn new(chain: Arc<dyn Chain>, report_within: BlockNumber) -> Self {
        Self { chain, report_within, next: BTreeMap::new(), told: BTreeSet::new() }
    }

    /// Looks at some of `contracts`. A failure is no harm: it looks again.
    pub(crate) async fn step(
        &mut self,
        contracts: &BTreeMap<ContractId, Watched<AccountId>>,
        height: BlockNumber,
    ) {
        self.next.retain(|id, _| contracts.contains_key(id));
        self.told.retain(|(id, _)| contracts.contains_key(id));
        let due = contracts.iter().filter(|(id, _)| self.next.get(*id).is_none_or(|next| *next <= height));
        let due: Vec<_> = due.take(MAX_LOOKS).collect();
        for (id, watched) in due {
            self.next.insert(*id, height.saturating_add(watched.window.max(1)));
            if let Err(error) = self.look(*id, watched, height).await {
                tracing::debug!(contract = %id, %error, "cannot read how windows stand");
            }
        }
    }

    async fn look(
        &mut self,
        id: ContractId,
        watched: &Watched<AccountId>,
        height: BlockNumber,
    ) -> Result<(), ChainError> {
        let Some(audit) = self.chain.audit(id).await? else { return Ok(()) };
        for window in silent(watched, &audit, self.report_within, height) {
            if self.told.insert((id, window)) {
                tracing::warn!(
                    contract = %id,
                    window,
                    "trackers did not judge a window in time; it is not paid unless they still do, \
                     or a dispute is opened and answered"
                );
            }
        }
        Ok(())
    }
}

/// Windows past the time of their own seats without a majority.
fn silent(
    watched: &Watched<AccountId>,
    audit: &AuditInfo<AccountId>,
    report_within: BlockNumber,
    height: BlockNumber,
) -> Vec<u32> {
    let votes = (audit.first..watched.elapsed(height)).zip(0usize..);
    let unjudged =
        votes.filter(|(_, place)| audit.votes.get(*place).copied().unwrap_or_default().majority().is_none());
    let windows = unjudged.map(|(window, _)| window);
    windows.filter(|window| watched.end_of(*window).saturating_add(report_within) < height).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::{BatchRoot, Verdict, WindowVotes};

    #[test]
    fn names_overdue_windows_without_a_majority() {
        let watched = Watched {
            client: AccountId([1; 32]),
            miner: AccountId([2; 32]),
            root: BatchRoot([0; 32]),
            pieces: 1,
            bytes: 1,
            since: 100,
            window: 10,
            windows: 5,
            word_pay: 1,
            ended: None,
        };
        let mut judged = WindowVotes::default();
        assert!(judged.cast(0, Verdict::Valid) && judged.cast(1, Verdict::Valid));
        let mut split = WindowVotes::default();
        assert!(split.cast(0, Verdict::Valid) && split.cast(1, Verdict::Silent));
        let audit = AuditInfo {
            first: 1,
            proven: 0,
            votes: vec![judged, split],
            dues: lunarx_core::Dues::default(),
            dispute: None,
        };
        let at = |height| silent(&watched, &audit, 10, height);
        assert!(at(140).is_empty());
        assert_eq!(at(141), [2]);
        assert_eq!(at(151), [2, 3]);
        assert_eq!(at(1_000), [2, 3, 4]);
    }
}
