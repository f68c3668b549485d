//! When objects run out: nothing renews their contracts yet.

use lunarx_chain::{Chain, ChainError};
use lunarx_core::{AccountId, BlockNumber, ChainParameters, ContractId, ContractInfo, ContractState};
use lunarx_row::SegmentEntry;
use std::{
    collections::HashMap,
    time::{SystemTime, UNIX_EPOCH},
};

/// The end of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermEnd {
    /// The block in which it falls.
    pub block: BlockNumber,
    /// When that block will be made, in seconds since 1970: an estimate by the chain's pace.
    pub time: u64,
}

/// The terms of an account's contracts, as of one height.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The block after the last of each active contract.
    ends: HashMap<ContractId, BlockNumber>,
    parameters: ChainParameters,
    height: BlockNumber,
    now: u64,
}

impl Terms {
    /// Asks the chain for all of `account`.
    pub async fn read(chain: &dyn Chain, account: AccountId) -> Result<Self, ChainError> {
        let height = *chain.finalized().borrow();
        let contracts = chain.contracts_of(account).await?;
        Ok(Self::of(&contracts, chain.parameters(), height))
    }

    /// Those of `contracts`, at `height`, now.
    pub(crate) fn of<'a>(
        contracts: impl IntoIterator<Item = &'a ContractInfo<AccountId>>,
        parameters: ChainParameters,
        height: BlockNumber,
    ) -> Self {
        let end = |contract: &ContractInfo<AccountId>| match contract.state {
            ContractState::Active { since, .. } if contract.ended.is_none() => {
                let blocks = contract.windows.saturating_mul(contract.window);
                Some((contract.id, since.saturating_add(blocks)))
            }
            ContractState::Active { .. } | ContractState::Pending { .. } => None,
        };
        let ends = contracts.into_iter().filter_map(end).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { ends, parameters, height, now }
    }

    /// The first block in which one of `segments` has fewer active contracts than it needs pieces.
    /// `None` if that is so already.
    pub fn end_of(&self, segments: &[SegmentEntry]) -> Option<TermEnd> {
        let ends: Option<Vec<BlockNumber>> = segments.iter().map(|entry| self.segment_end(entry)).collect();
        let block = ends?.into_iter().min()?;
        Some(TermEnd { block, time: self.time_of(block) })
    }

    /// When a block was or will be made, in seconds since 1970, by the chain's pace.
    pub fn time_of(&self, block: BlockNumber) -> u64 {
        let seconds = |blocks: u32| u64::from(blocks).saturating_mul(self.parameters.block_millis) / 1_000;
        match block.checked_sub(self.height) {
            Some(to_come) => self.now.saturating_add(seconds(to_come)),
            None => self.now.saturating_sub(seconds(self.height.saturating_sub(block))),
        }
    }

    fn segment_end(&self, entry: &SegmentEntry) -> Option<BlockNumber> {
        let mut ends: Vec<BlockNumber> =
            entry.contracts.iter().filter_map(|id| self.ends.get(id).copied()).collect();
        ends.sort_unstable();
        // With the k-th from the end, k - 1 are left.
        let at = ends.len().checked_sub(usize::from(entry.descriptor.code.k()))?;
        ends.get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;
    use lunarx_core::{AuditRules, BatchRoot, NodeId, PieceId};
    use lunarx_row::{Codec, PieceDescriptor, SegmentDescriptor, SegmentId};

    fn parameters() -> ChainParameters {
        ChainParameters {
            block_millis: 3_000,
            day: 28_800,
            window: 1_200,
            accept_within: 100,
            max_offer_life: 2_400,
            max_windows: 100,
            max_promises: 64,
            max_reports: 64,
            collateral_per_gib: 1,
            exit_delay: 10,
            audit: AuditRules::of_window(1_200),
        }
    }

    fn contract(id: u8, state: ContractState) -> ContractInfo<AccountId> {
        ContractInfo {
            id: ContractId([id; 32]),
            client: AccountId([1; 32]),
            miner: AccountId([2; 32]),
            root: BatchRoot([0; 32]),
            pieces: 1,
            bytes: 64,
            window: 1_200,
            windows: 10,
            window_fee: 1,
            last_fee: 1,
            word_pay: 1,
            ended: None,
            escrow: 10,
            paid: 0,
            commission: None,
            state,
        }
    }

    fn active(id: u8, since: BlockNumber) -> ContractInfo<AccountId> {
        contract(id, ContractState::Active { since, settled: 0 })
    }

    /// A segment, any 2 of whose 3 pieces suffice.
    fn segment(ids: [u8; 3]) -> SegmentEntry {
        let piece = PieceDescriptor { piece: PieceId([0; 32]), miner_node: NodeId([0; 32]) };
        let descriptor = SegmentDescriptor {
            id: SegmentId([0; 32]),
            code: Code::new(2, 3).unwrap(),
            codec: Codec::Gf8,
            plain_len: 0,
            sealed_len: 88,
            piece_len: 64,
            marks: 0,
            pieces: vec![piece; 3],
        };
        SegmentEntry { descriptor, contracts: ids.map(|id| ContractId([id; 32])).to_vec() }
    }

    #[test]
    fn ends_when_the_first_segment_has_too_few_pieces_left() {
        let contracts = [active(1, 100), active(2, 300), active(3, 200), active(4, 150), active(5, 160)];
        let terms = Terms::of(&contracts, parameters(), 1_000);
        let end = |segments: &[SegmentEntry]| terms.end_of(segments).map(|end| end.block);
        assert_eq!(end(&[segment([1, 2, 3])]), Some(200 + 12_000));
        assert_eq!(end(&[segment([1, 2, 3]), segment([4, 5, 9])]), Some(150 + 12_000));
        assert_eq!(end(&[segment([1, 2, 3]), segment([4, 8, 9])]), None, "too few already");
        assert_eq!(end(&[]), None);
    }

    #[test]
    fn what_is_not_accepted_keeps_nothing() {
        let waiting = contract(2, ContractState::Pending { accept_by: 9_999 });
        let terms = Terms::of(&[active(1, 100), waiting], parameters(), 1_000);
        assert_eq!(terms.end_of(&[segment([1, 2, 3])]), None);
        let ended = ContractInfo { ended: Some(900), ..active(2, 100) };
        let terms = Terms::of(&[active(1, 100), ended], parameters(), 1_000);
        assert_eq!(terms.end_of(&[segment([1, 2, 3])]), None);
    }

    #[test]
    fn time_follows_the_pace_of_the_chain() {
        let terms = Terms { now: 1_790_000_000, ..Terms::of([], parameters(), 1_000) };
        assert_eq!(terms.time_of(1_100), 1_790_000_300);
        assert_eq!(terms.time_of(900), 1_789_999_700);
        assert!(terms.time_of(BlockNumber::MAX) > 1_790_000_000);
    }
}
