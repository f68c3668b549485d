//! Audits as chain, workers and simulation share them: times, verdicts, the votes of a window, and what an
//! answer's signature covers.

use crate::{AuditSeed, Balance, BatchRoot, BlockNumber, ContractId, Round, SEATS};
use alloc::vec::Vec;
use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Sets answers apart from anything else that a node key signs.
const ANSWER_DOMAIN: &[u8] = b"lunarx/answer/v1";

/// Most windows in one [`Report`].
pub const MAX_REPORTED_WINDOWS: u32 = 8;

/// What a miner's node key signs when it answers the challenge of `block`. `seed` binds the answer to the
/// chain's own fork of that block; `proofs` is BLAKE2b-256 of the SCALE of the proofs.
pub fn answer_payload(
    genesis: &[u8; 32],
    contract: &ContractId,
    block: BlockNumber,
    seed: &AuditSeed,
    proofs: &[u8; 32],
) -> Vec<u8> {
    (ANSWER_DOMAIN, genesis, contract, block, seed, proofs).encode()
}

/// How often contracts are challenged, and how long everybody has, in blocks. The times are multiples of
/// the window, so that a network with short windows is a whole one in small.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct AuditRules {
    /// Chance of a challenge in a block, in units of 2^-64.
    pub rate: u64,
    /// Bytes that a challenge asks for.
    pub samples: u32,
    /// After a window's end: its own seats alone judge it.
    pub report_within: BlockNumber,
    /// After a window's end: its outcome is final, and is settled.
    pub final_after: BlockNumber,
    /// A miner has this long to answer a dispute. Long enough to come back from downtime: nobody can tell
    /// silence from absence but by the word of trackers, and they may lie.
    pub return_within: BlockNumber,
    /// Blocks whose seeds are known.
    pub seed_history: BlockNumber,
}

impl AuditRules {
    /// Those of windows of `window` blocks: 6 challenges in 5 windows on average, of 24 bytes each.
    pub fn of_window(window: BlockNumber) -> Self {
        let blocks = u128::from(window.saturating_mul(5).max(1));
        let rate = (6u128 << 64).checked_div(blocks).unwrap_or(0);
        Self {
            rate: u64::try_from(rate).unwrap_or(u64::MAX),
            samples: 24,
            report_within: window,
            final_after: window.saturating_mul(3),
            return_within: window.saturating_mul(72),
            seed_history: window.saturating_mul(80),
        }
    }
}

/// What a seat says of a contract's window.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Verdict {
    /// The miner was there, and answered every challenge up to the window's end.
    #[codec(index = 0)]
    Valid,
    /// The miner is there, and does not answer, or answers wrongly.
    #[codec(index = 1)]
    Silent,
    /// The miner cannot be reached, or was not for most of the window.
    #[codec(index = 2)]
    Offline,
}

/// A seat's verdicts on consecutive windows of one contract.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Report {
    /// The contract.
    pub contract: ContractId,
    /// The first window.
    pub window: u32,
    /// One a window.
    pub verdicts: BoundedVec<Verdict, ConstU32<MAX_REPORTED_WINDOWS>>,
}

/// What the seats said of one window, in two bytes: two bits a seat, one whether the seat was taken over by
/// a substitute, and one whether an answer on chain proved the window.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct WindowVotes(u16);

impl WindowVotes {
    const ANSWERED: u16 = 1 << 6;
    const SUBSTITUTE: u16 = 1 << 8;

    /// What a seat said. `None` for seats that said nothing, and for those that there are not.
    pub fn of(self, seat: u32) -> Option<Verdict> {
        if seat >= SEATS {
            return None;
        }
        match self.0.checked_shr(seat.saturating_mul(2)).unwrap_or(0) & 0b11 {
            1 => Some(Verdict::Valid),
            2 => Some(Verdict::Silent),
            3 => Some(Verdict::Offline),
            _ => None,
        }
    }

    /// Notes what a seat says. False if it has spoken, or there is no such seat: words are not taken back.
    pub fn cast(&mut self, seat: u32, verdict: Verdict) -> bool {
        if seat >= SEATS || self.of(seat).is_some() {
            return false;
        }
        let bits = match verdict {
            Verdict::Valid => 1u16,
            Verdict::Silent => 2,
            Verdict::Offline => 3,
        };
        self.0 |= bits.checked_shl(seat.saturating_mul(2)).unwrap_or(0);
        true
    }

    /// Notes that a seat was taken over by the holder of the same seat in a later round.
    pub fn substitute(&mut self, seat: u32) {
        if seat < SEATS {
            self.0 |= Self::SUBSTITUTE.checked_shl(seat).unwrap_or(0);
        }
    }

    /// Whether it was.
    pub fn is_substituted(self, seat: u32) -> bool {
        seat < SEATS && self.0 & Self::SUBSTITUTE.checked_shl(seat).unwrap_or(0) != 0
    }

    /// Notes that the miner answered on chain.
    pub fn answer(&mut self) {
        self.0 |= Self::ANSWERED;
    }

    /// What at least two seats say.
    pub fn majority(self) -> Option<Verdict> {
        [Verdict::Valid, Verdict::Silent, Verdict::Offline].into_iter().find(|verdict| {
            (0..SEATS).filter(|seat| self.of(*seat) == Some(*verdict)).count().saturating_mul(2) > 3
        })
    }

    /// Whether the window is paid for. An answer on chain counts unless a majority saw the miner offline:
    /// it shows that the data is there, not that the miner was.
    pub fn is_proven(self) -> bool {
        match self.majority() {
            Some(Verdict::Valid) => true,
            Some(Verdict::Offline) => false,
            Some(Verdict::Silent) | None => self.0 & Self::ANSWERED != 0,
        }
    }
}

/// An active contract, as the audits see it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Watched<AccountId> {
    /// Who pays.
    pub client: AccountId,
    /// Who stores.
    pub miner: AccountId,
    /// Root over the pieces.
    pub root: BatchRoot,
    /// Pieces under it.
    pub pieces: u32,
    /// Their bytes.
    pub bytes: u64,
    /// Block of the acceptance: window 0 begins here.
    pub since: BlockNumber,
    /// Blocks of a window.
    pub window: BlockNumber,
    /// Windows of its term.
    pub windows: u32,
    /// What each seat that judged a proven window gets.
    pub word_pay: Balance,
    /// The block in which the client ended it early, and its last window with it.
    pub ended: Option<BlockNumber>,
}

impl<AccountId> Watched<AccountId> {
    /// The block at which a window is over: the first that is not in it.
    pub fn end_of(&self, window: u32) -> BlockNumber {
        let whole = self.since.saturating_add(window.saturating_add(1).saturating_mul(self.window));
        self.ended.map_or(whole, |ended| whole.min(ended))
    }

    /// Blocks of `count` windows from `first` on.
    pub fn span(&self, first: u32, count: u32) -> BlockNumber {
        let end = self.end_of(first.saturating_add(count).saturating_sub(1));
        end.saturating_sub(self.since.saturating_add(first.saturating_mul(self.window)))
    }

    /// Whether words on a window are paid for: not on the short last one of an early end.
    pub fn pays(&self, window: u32) -> bool {
        self.word_pay > 0 && !(self.ended.is_some() && window.saturating_add(1) >= self.windows)
    }

    /// Windows that are over at `now`.
    pub fn elapsed(&self, now: BlockNumber) -> u32 {
        match self.ended {
            Some(ended) if ended <= now => self.windows,
            _ => now.saturating_sub(self.since).checked_div(self.window).unwrap_or(0).min(self.windows),
        }
    }

    /// The window in which a block lies; `None` before the first and after the last.
    pub fn window_of(&self, block: BlockNumber) -> Option<u32> {
        let window = block.checked_sub(self.since)?.checked_div(self.window)?;
        (window < self.windows && block < self.end_of(window)).then_some(window)
    }
}

/// Words on proven windows for which their seats have not drawn their pay: of the latest round with any, and of
/// the one before it. Whoever has not drawn it by then loses it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Dues {
    /// The latest round.
    pub round: Round,
    /// Its seats' words.
    pub latest: [u8; SEATS as usize],
    /// Those of the round before.
    pub former: [u8; SEATS as usize],
}

impl Dues {
    /// Notes a word of a seat of `round`.
    pub fn add(&mut self, round: Round, seat: u32) {
        if round > self.round {
            let next = self.round.checked_add(1) == Some(round);
            self.former = if next { self.latest } else { Default::default() };
            self.latest = Default::default();
            self.round = round;
        }
        if let Some(words) = self.of(round, seat) {
            *words = words.saturating_add(1);
        }
    }

    /// The rounds of which words are due.
    pub fn rounds(&self) -> impl Iterator<Item = Round> {
        let due = |words: [u8; SEATS as usize]| words.iter().any(|words| *words > 0);
        let former = self.round.checked_sub(1).filter(|_| due(self.former));
        Some(self.round).filter(|_| due(self.latest)).into_iter().chain(former)
    }

    /// Takes the words that are due to a seat of `round`.
    pub fn take(&mut self, round: Round, seat: u32) -> u32 {
        self.of(round, seat).map_or(0, |words| core::mem::take(words).into())
    }

    fn of(&mut self, round: Round, seat: u32) -> Option<&mut u8> {
        let words = match self.round.checked_sub(round)? {
            0 => &mut self.latest,
            1 => &mut self.former,
            _ => return None,
        };
        words.get_mut(usize::try_from(seat).ok()?)
    }
}

/// As what an account asks a miner on chain. A question takes the place of any that has less standing.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Standing {
    /// As anybody, the contract's client and miner among them.
    #[codec(index = 0)]
    Anybody,
    /// As the holder of a seat that names a challenge, and was the last seat that asked: it shall not keep the
    /// others from asking for ever.
    #[codec(index = 1)]
    SeatAgain,
    /// As the holder of a seat that names a challenge.
    #[codec(index = 2)]
    Seat,
}

impl Standing {
    /// Whether it is a seat's question.
    pub fn is_seat(self) -> bool {
        self > Self::Anybody
    }
}

/// A question to a miner that stands on chain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct DisputeInfo<AccountId> {
    /// The contract.
    pub contract: ContractId,
    /// Who asked.
    pub opener: AccountId,
    /// As what it asked.
    pub standing: Standing,
    /// The block of the challenge that it says was not answered: its bytes are asked for again.
    pub challenge: Option<BlockNumber>,
    /// The block of the question: the seeds of the eight blocks after it draw the bytes asked for.
    pub opened: BlockNumber,
    /// The last block in which the miner can answer.
    pub deadline: BlockNumber,
    /// The block of the question whose place this one took.
    pub replaced: Option<BlockNumber>,
    /// Every byte that the answer must prove, in this order. Empty until they are drawn.
    pub positions: Vec<u64>,
}

/// How the windows of a contract stand.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct AuditInfo<AccountId> {
    /// The first window that is not final.
    pub first: u32,
    /// Final windows that wait for settlement and were proven.
    pub proven: u32,
    /// What the seats said of the windows from `first` on.
    pub votes: Vec<WindowVotes>,
    /// Words on final windows whose seats have not drawn their pay.
    pub dues: Dues,
    /// An open question.
    pub dispute: Option<DisputeInfo<AccountId>>,
}

/// A contract that a block challenges, and who watches it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ChallengeInfo<AccountId> {
    /// The contract.
    pub contract: ContractId,
    /// Who must answer.
    pub miner: AccountId,
    /// The block whose seed challenges it.
    pub block: BlockNumber,
    /// Who holds its seats in the round of that block, in their order; empty where the round has no members.
    pub seats: Vec<AccountId>,
    /// The bytes that are asked for, in this order.
    pub positions: Vec<u64>,
}

/// How a miner's contracts went so far.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Score {
    /// Windows settled as proven.
    pub proven: u64,
    /// Windows settled as not proven.
    pub unproven: u64,
    /// Contracts closed because their data was gone.
    pub lost: u32,
    /// Collateral lost for them.
    pub slashed: Balance,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(cast: [Option<Verdict>; 3]) -> WindowVotes {
        let mut votes = WindowVotes::default();
        for (seat, verdict) in (0..).zip(cast) {
            if let Some(verdict) = verdict {
                assert!(votes.cast(seat, verdict));
            }
        }
        votes
    }

    #[test]
    fn votes_are_kept_and_not_taken_back() {
        let all = [None, Some(Verdict::Valid), Some(Verdict::Silent), Some(Verdict::Offline)];
        for cast in
            all.into_iter().flat_map(|a| all.map(|b| (a, b))).flat_map(|(a, b)| all.map(|c| [a, b, c]))
        {
            let mut votes = votes(cast);
            assert_eq!([votes.of(0), votes.of(1), votes.of(2)], cast);
            for seat in 0..3 {
                let free = votes.of(seat).is_none();
                let before = votes;
                assert_eq!(votes.cast(seat, Verdict::Valid), free);
                assert!(free || votes == before);
                votes = before;
            }
            assert!(!votes.cast(3, Verdict::Valid));
            for verdict in all.into_iter().flatten() {
                let count = cast.iter().filter(|said| **said == Some(verdict)).count();
                assert_eq!(votes.majority() == Some(verdict), count >= 2);
            }
        }
    }

    #[test]
    fn substitutes_are_marked_apart() {
        let mut votes = votes([Some(Verdict::Valid), None, Some(Verdict::Offline)]);
        let before = votes;
        votes.substitute(2);
        votes.substitute(3);
        assert_eq!([0, 1, 2, 3].map(|seat| votes.is_substituted(seat)), [false, false, true, false]);
        assert_eq!([0, 1, 2].map(|seat| votes.of(seat)), [0, 1, 2].map(|seat| before.of(seat)));
        assert_eq!(votes.is_proven(), before.is_proven());
    }

    #[test]
    fn an_answer_counts_unless_the_miner_was_offline() {
        let (valid, silent, offline) = (Some(Verdict::Valid), Some(Verdict::Silent), Some(Verdict::Offline));
        for (cast, without, with) in [
            ([None, None, None], false, true),
            ([valid, None, None], false, true),
            ([valid, valid, silent], true, true),
            ([silent, silent, None], false, true),
            ([valid, silent, offline], false, true),
            ([offline, silent, offline], false, false),
        ] {
            let mut votes = votes(cast);
            assert_eq!(votes.is_proven(), without, "{cast:?}");
            votes.answer();
            assert_eq!(votes.is_proven(), with, "{cast:?}");
        }
    }

    #[test]
    fn windows_have_their_blocks() {
        let watched = Watched {
            client: 1u8,
            miner: 2,
            root: BatchRoot([0; 32]),
            pieces: 1,
            bytes: 1,
            since: 100,
            window: 10,
            windows: 3,
            word_pay: 1,
            ended: None,
        };
        assert_eq!(
            [99, 100, 109, 110, 129, 130].map(|block| watched.window_of(block)),
            [None, Some(0), Some(0), Some(1), Some(2), None]
        );
        assert_eq!([99, 109, 110, 130, 999].map(|now| watched.elapsed(now)), [0, 0, 1, 3, 3]);
        let ended = Watched { ended: Some(115), windows: 2, ..watched };
        assert_eq!([ended.end_of(0), ended.end_of(1)], [110, 115]);
        assert_eq!([114, 115].map(|now| ended.elapsed(now)), [1, 2]);
        assert_eq!([114, 115].map(|block| ended.window_of(block)), [Some(1), None]);
    }

    #[test]
    fn words_are_due_to_the_seats_of_two_rounds() {
        let mut dues = Dues::default();
        assert_eq!(dues.rounds().count(), 0);
        dues.add(3, 0);
        dues.add(3, 0);
        dues.add(4, 2);
        dues.add(3, 1);
        dues.add(4, 9);
        assert_eq!(dues.rounds().collect::<Vec<_>>(), [4, 3]);
        dues.add(2, 0);
        assert_eq!([dues.take(2, 0), dues.take(5, 0), dues.take(3, 9)], [0, 0, 0]);
        assert_eq!([dues.take(3, 0), dues.take(3, 0), dues.take(3, 1)], [2, 0, 1]);
        assert_eq!(dues.rounds().collect::<Vec<_>>(), [4]);
        dues.add(6, 0);
        assert_eq!((dues.take(4, 2), dues.take(6, 0)), (0, 1), "nobody drew it in time");
        for _ in 0..300 {
            dues.add(6, 1);
        }
        assert_eq!(dues.take(6, 1), 255);
    }

    #[test]
    fn a_short_last_window_pays_nobody() {
        let watched = Watched {
            client: 1u8,
            miner: 2,
            root: BatchRoot([0; 32]),
            pieces: 1,
            bytes: 1,
            since: 100,
            window: 10,
            windows: 3,
            word_pay: 1,
            ended: None,
        };
        assert!((0..3).all(|window| watched.pays(window)));
        let ended = Watched { ended: Some(125), ..watched.clone() };
        assert_eq!([0, 1, 2].map(|window| ended.pays(window)), [true, true, false]);
        assert!(!Watched { word_pay: 0, ..watched }.pays(0));
    }

    #[test]
    fn the_rules_scale_with_the_window() {
        let rules = AuditRules::of_window(1_200);
        // 28.8 challenges a day of 28,800 blocks.
        assert_eq!(rules.rate, u64::MAX / 1_000);
        assert_eq!(rules.final_after, 3_600);
        assert_eq!(AuditRules::of_window(1).rate, u64::MAX);
    }
}
