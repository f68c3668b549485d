//! Which trackers watch a contract in a round: a draw without replacement from the round's members, by the
//! round's seed, that anybody recomputes.
//!
//! ```text
//! stream = BLAKE3 keyed_hash(key = seed, contract), extended output, read in u64s (little-endian)
//! draw i = ⌊u64 i · (members - i) / 2^64⌋, the place in what is left of the members (Fisher-Yates)
//! ```
//! The bias of a draw is below `members / 2^64`.
//!
//! Whoever signs an offer can try nonces until the contract's id has the seats that it likes in the running round, whose
//! seed is known. So in the round in which a contract was accepted the key is another: BLAKE2b-256 of
//! SCALE(`"lunarx/first-round/v1"`, the round's seed, the seeds of the [`BIRTH_BLOCKS`] blocks after the acceptance that
//! have one). Before these are drawn, and where none has a seed, nobody holds a seat.

use crate::answer::DISPUTE_BLOCKS;
use alloc::vec::Vec;
use codec::Encode;
use lunarx_core::{blake2b_256, AuditSeed, BlockNumber, ContractId, RoundDetails, SEATS};

/// Sets the seats of a contract's first round apart.
const FIRST_DOMAIN: &[u8] = b"lunarx/first-round/v1";
/// Blocks after the acceptance whose seeds draw the seats of that round: as many as draw the bytes of a dispute, for the
/// same reason.
pub const BIRTH_BLOCKS: BlockNumber = DISPUTE_BLOCKS;

/// The members, by their places in the round's list, that hold the seats of `contract`: as many as there
/// are seats, or all members where they are fewer.
pub fn seats(seed: &AuditSeed, contract: &ContractId, members: u32, seats: u32) -> Vec<u32> {
    let mut stream = blake3::Hasher::new_keyed(&seed.0).update(&contract.0).finalize_xof();
    let mut drawn: Vec<u32> = Vec::new();
    for left in (1..=members).rev().take(usize::try_from(seats).unwrap_or(usize::MAX)) {
        let mut bytes = [0; 8];
        stream.fill(&mut bytes);
        let scaled = (u128::from(u64::from_le_bytes(bytes)) * u128::from(left)) >> 64;
        let mut place = u32::try_from(scaled).unwrap_or(0);
        // The place among those not drawn yet: every earlier one at or before it moves it on.
        let mut taken = drawn.clone();
        taken.sort_unstable();
        for earlier in taken {
            if earlier <= place {
                place = place.saturating_add(1);
            }
        }
        drawn.push(place);
    }
    drawn
}

/// Who holds each seat in a round of a contract that was accepted in block `since`; `None` where the round has no
/// members. Where there are fewer members than seats, some hold more than one.
///
/// `birth` gives the seeds of the [`BIRTH_BLOCKS`] blocks after `since`, without those that have none; `None` as long as
/// not all of these blocks were. It is asked for the round of the acceptance alone.
pub fn seat_holders<'a, AccountId>(
    round: &'a RoundDetails<AccountId>,
    contract: &ContractId,
    since: BlockNumber,
    birth: impl FnOnce() -> Option<Vec<AuditSeed>>,
) -> Option<[&'a AccountId; SEATS as usize]> {
    let seed = if round.start > since { round.seed } else { first_seed(&round.seed, &birth()?)? };
    let members = u32::try_from(round.members.len()).unwrap_or(u32::MAX);
    let places = seats(&seed, contract, members, SEATS);
    let holder = |seat: usize| {
        let place = places.get(seat.checked_rem(places.len())?)?;
        round.members.get(usize::try_from(*place).ok()?)
    };
    Some([holder(0)?, holder(1)?, holder(2)?])
}

/// The key of the draw in the round of the acceptance.
fn first_seed(round: &AuditSeed, birth: &[AuditSeed]) -> Option<AuditSeed> {
    let encoded = (FIRST_DOMAIN, round, birth).encode();
    (!birth.is_empty()).then(|| AuditSeed(blake2b_256(&encoded)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn draw(seed: u32, contract: u8, members: u32, count: u32) -> Vec<u32> {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&seed.to_le_bytes());
        seats(&AuditSeed(bytes), &ContractId([contract; 32]), members, count)
    }

    #[test]
    fn golden_seats() {
        assert_eq!(draw(7, 9, 100, 3), GOLDEN);
    }

    // Computed from the module's documentation with the package `blake3` of PyPI.
    const GOLDEN: [u32; 3] = [13, 56, 47];

    #[test]
    fn few_members_hold_a_seat_each() {
        assert_eq!(draw(1, 1, 0, 3), []);
        assert_eq!(draw(1, 1, 1, 3), [0]);
        let mut all = draw(1, 1, 3, 3);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
    }

    #[test]
    fn few_members_hold_several_seats() {
        let round = |members| RoundDetails { round: 1, start: 1, seed: AuditSeed([1; 32]), members };
        let contract = ContractId([1; 32]);
        assert_eq!(seat_holders::<u8>(&round(vec![]), &contract, 0, || None), None);
        assert_eq!(seat_holders(&round(vec![7]), &contract, 0, || None), Some([&7, &7, &7]));
        let two = round(vec![7, 8]);
        let [first, second, third] = seat_holders(&two, &contract, 0, || None).unwrap();
        assert!(first != second && first == third);
        let many = round((0..100).collect());
        let places = seats(&many.seed, &contract, 100, SEATS);
        let holders = seat_holders(&many, &contract, 0, || None).unwrap();
        assert_eq!(holders.map(|member| u32::from(*member)).to_vec(), places);
    }

    #[test]
    fn nobody_knows_the_seats_of_the_first_round_at_the_acceptance() {
        let members = (0u8..100).collect();
        let round = RoundDetails { round: 1, start: 10, seed: AuditSeed([7; 32]), members };
        let contract = ContractId([9; 32]);
        let birth = |bytes: &[u8]| Some(bytes.iter().map(|byte| AuditSeed([*byte; 32])).collect::<Vec<_>>());
        let drawn = |since, bytes: Option<&[u8]>| {
            seat_holders(&round, &contract, since, || birth(bytes?))
                .map(|holders| holders.map(|holder| *holder))
        };
        assert_eq!(drawn(9, None), Some([31, 14, 77]), "a round that began later");
        for since in [10, 11, 999] {
            assert_eq!(drawn(since, None), None, "the seeds are not drawn");
            assert_eq!(drawn(since, Some(&[])), None);
        }
        assert_eq!(drawn(10, Some(&[1, 2])), Some(FIRST_GOLDEN));
        assert_ne!(drawn(10, Some(&[1, 3])), Some(FIRST_GOLDEN));
    }

    // Computed from the module's documentation with the packages `blake3` of PyPI and `hashlib`.
    const FIRST_GOLDEN: [u8; 3] = [60, 23, 40];

    #[test]
    fn every_member_is_drawn_equally_often() {
        let mut held = [0u32; 10];
        for seed in 0..10_000 {
            draw(seed, 1, 10, 3).into_iter().for_each(|place| held[usize::try_from(place).unwrap()] += 1);
        }
        // 3,000 expected each; five standard deviations are 230.
        assert!(held.iter().all(|count| (2_770..3_230).contains(count)), "{held:?}");
    }

    proptest! {
        #[test]
        fn seats_are_distinct_members(seed in any::<u32>(), contract in any::<u8>(), members in 0u32..500, count in 0u32..10) {
            let drawn = draw(seed, contract, members, count);
            prop_assert_eq!(drawn.len(), usize::try_from(members.min(count)).unwrap());
            prop_assert!(drawn.iter().all(|place| *place < members));
            let distinct: std::collections::BTreeSet<_> = drawn.iter().collect();
            prop_assert_eq!(distinct.len(), drawn.len());
        }
    }
}
