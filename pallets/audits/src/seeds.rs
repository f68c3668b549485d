//! The seeds of challenges: BLAKE2b-256 of SCALE(`"lunarx/challenge/v1"`, block, randomness).
//!
//! Drawn at the start of the block, from randomness that its parent's author could not choose. A block for
//! which the chain gives none has no seed, and challenges nobody.

use crate::{Config, Pallet, Seeds, WeightInfo};
use codec::Encode;
use frame_support::{traits::Randomness, weights::Weight};
use lunarx_core::{blake2b_256, AuditRules, AuditSeed, BlockNumber};
use lunarx_proof::{dispute_seed, DISPUTE_BLOCKS};
use sp_runtime::traits::Get;

/// Sets seeds of challenges apart from whatever else is made of the same randomness.
const DOMAIN: &[u8] = b"lunarx/challenge/v1";

impl<T: Config> Pallet<T> {
    /// Draws the block's seed and forgets the oldest.
    pub(crate) fn draw(now: BlockNumber) -> Weight {
        if let (Some(randomness), _) = T::Randomness::random(DOMAIN) {
            Seeds::<T>::insert(now, AuditSeed(blake2b_256(&(DOMAIN, now, randomness).encode())));
        }
        let history = AuditRules::of_window(T::Window::get()).seed_history;
        if let Some(forgotten) = now.checked_sub(history.max(2 * DISPUTE_BLOCKS)) {
            Seeds::<T>::remove(forgotten);
        }
        T::WeightInfo::draw()
    }

    /// The seed that draws the bytes of a dispute opened in block `opened`, once the blocks that it follows from
    /// have been.
    pub(crate) fn seed_after(opened: BlockNumber) -> Option<AuditSeed> {
        dispute_seed(opened, &Self::seeds_after(opened, DISPUTE_BLOCKS)?)
    }
}
