//! Who holds a contract's seats: by the round's seed, and in the round of the acceptance by the seeds of the blocks after
//! it too (`lunarx_proof::seat_holders`).

use crate::{Config, Pallet};
use alloc::vec::Vec;
use lunarx_core::{AuditSeed, BlockNumber, ContractId, RoundDetails, SEATS};
use lunarx_proof::{seat_holders, BIRTH_BLOCKS};

/// Holders of a contract's seats.
pub(crate) type Holders<T> = [<T as frame_system::Config>::AccountId; SEATS as usize];

impl<T: Config> Pallet<T> {
    /// The holders in a round of a contract that was accepted in block `since`.
    pub(crate) fn holders(
        round: &RoundDetails<T::AccountId>,
        contract: &ContractId,
        since: BlockNumber,
    ) -> Option<Holders<T>> {
        let birth = || Self::seeds_after(since, BIRTH_BLOCKS);
        Some(seat_holders(round, contract, since, birth)?.map(Clone::clone))
    }

    /// The seeds of the `count` blocks after `block` that have one; `None` as long as not all of them were.
    pub(crate) fn seeds_after(block: BlockNumber, count: BlockNumber) -> Option<Vec<AuditSeed>> {
        let last = block.saturating_add(count);
        let blocks = block.saturating_add(1)..=last;
        (Self::now() >= last).then(|| blocks.filter_map(crate::Seeds::<T>::get).collect())
    }
}
