//! Messages of the piece protocol, version 1.
//!
//! A frame is a `u32` length (little-endian) and one SCALE message of that length. Indices are pinned;
//! a change of any message is a new version in the protocol's name. Messages with payload ([`Upload`]
//! and [`Range`]) are taken apart by hand, so that payload is not copied; the bytes are SCALE's.

use super::{
    frame::FrameError,
    service::Heartbeat,
    tracker::{
        Announcement, ResolveRequest, Task, TaskResult, MAX_ENTRIES, MAX_EXCLUDED, MAX_NODES, MAX_TASKS,
    },
};
use bytes::Bytes;
use codec::{Compact, Decode, DecodeAll, Encode, MaxEncodedLen};
use lunarx_core::{AccountId, Balance, BlockNumber, ContractId, NodeKey, NodeSignature, Offer, PieceId};
use lunarx_proof::range::{max_encoded_len, MAX_RANGE_BYTES};

/// Most payload bytes in one `Data` message.
pub const MAX_DATA_BYTES: usize = 256 * 1024;
/// Largest frame with a short [`Answer`]: all but `Proven`, `Nodes` and `Tasks`.
pub(crate) const MAX_ANSWER_FRAME: usize = 512;
/// Largest frame with `Nodes` or `Tasks`: index, compact length, 255 keys of 32 bytes or 64 tasks of 68.
pub(crate) const MAX_LIST_FRAME: usize = 1 + 2 + 32 * 255;
/// Largest frame with an [`Upload`]: index, compact length, payload.
pub(crate) const MAX_UPLOAD_FRAME: usize = 1 + 4 + MAX_DATA_BYTES;
/// Index, piece length, offset and compact length before the payload of a [`Range`].
const RANGE_HEAD: usize = 1 + 8 + 8 + 4;

/// Index of `Data` in [`Upload`].
const DATA: u8 = 0;
/// Index of `Finish` in [`Upload`].
const FINISH: u8 = 1;
/// Index of a [`Range`] among the answers: no [`Answer`] has it.
const RANGE: u8 = 4;

/// Largest frame with a [`Request`]: that of a task's result with a whole answer in it, some 130 KB.
pub(crate) fn max_request_frame() -> usize {
    // Index, contract, block and the outcome's index.
    1 + 32 + 4 + 1 + lunarx_proof::Answer::max_encoded_len()
}

/// Largest frame with `Proven`.
pub(crate) fn max_proven_frame() -> usize {
    1 + lunarx_proof::Answer::max_encoded_len()
}

/// Largest frame with a [`Range`].
pub(crate) fn max_range_frame() -> usize {
    RANGE_HEAD + max_encoded_len(MAX_RANGE_BYTES)
}

/// Length of the range that begins at `offset`, of a transfer that ends before `end`: up to the next
/// multiple of `MAX_RANGE_BYTES`, so that a range never touches two groups more than it must.
pub(crate) fn next_range(offset: u64, end: u64) -> u64 {
    let room = MAX_RANGE_BYTES - offset % MAX_RANGE_BYTES;
    room.min(end.saturating_sub(offset))
}

/// What a client asks a miner to hold.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ReserveRequest {
    /// The account that will open the contract.
    pub client: AccountId,
    /// Bytes to hold.
    pub max_bytes: u64,
    /// Windows of service.
    pub max_windows: u32,
    /// The most that the client pays, LX-units per GiB and day.
    pub max_price: Balance,
}

/// An offer and the signature of the miner's node key over `Offer::payload`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignedOffer {
    /// What is offered.
    pub offer: Offer<AccountId>,
    /// By the miner's node key.
    pub signature: NodeSignature,
}

/// First message of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Request {
    #[codec(index = 0)]
    Reserve(ReserveRequest),
    #[codec(index = 1)]
    Store { contract: ContractId, index: u32 },
    #[codec(index = 2)]
    Retrieve { piece: PieceId, offset: u64, len: u64 },
    #[codec(index = 3)]
    Release { contract: ContractId },
    #[codec(index = 4)]
    Prove { contract: ContractId, block: BlockNumber },
    #[codec(index = 5)]
    Heartbeat,
    #[codec(index = 6)]
    Announce(Announcement),
    #[codec(index = 7)]
    Locate { piece: PieceId },
    #[codec(index = 8)]
    Resolve(ResolveRequest),
    #[codec(index = 9)]
    Tasks { most: u32 },
    #[codec(index = 10)]
    Result(TaskResult),
}

/// A list or count beyond its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany {
    pub(crate) what: &'static str,
    pub(crate) count: usize,
    pub(crate) max: u32,
}

impl TooMany {
    /// Checks one count.
    pub(crate) fn check(what: &'static str, count: usize, max: u32) -> Result<(), Self> {
        let within = u32::try_from(count).is_ok_and(|count| count <= max);
        within.then_some(()).ok_or(Self { what, count, max })
    }
}

impl Request {
    /// Checks the bounds that the types do not carry.
    pub(crate) fn check(&self) -> Result<(), TooMany> {
        match self {
            Self::Announce(announcement) => {
                TooMany::check("entries", announcement.entries.len(), MAX_ENTRIES)
            }
            Self::Resolve(request) => {
                TooMany::check("excluded nodes", request.exclude.len(), MAX_EXCLUDED)?;
                let count = usize::try_from(request.count).unwrap_or(usize::MAX);
                TooMany::check("nodes", count, MAX_NODES)
            }
            Self::Reserve(_)
            | Self::Store { .. }
            | Self::Retrieve { .. }
            | Self::Release { .. }
            | Self::Prove { .. }
            | Self::Heartbeat
            | Self::Locate { .. }
            | Self::Tasks { .. }
            | Self::Result(_) => Ok(()),
        }
    }

    /// Decodes a whole frame, and checks it.
    pub(crate) fn decode_frame(frame: &[u8]) -> Result<Self, FrameError> {
        let request: Self = decode(frame)?;
        request.check().map_err(|TooMany { what, count, max }| {
            FrameError::Malformed(format!("{count} {what}, expected at most {max}"))
        })?;
        Ok(request)
    }
}

/// What a node answers, besides [`Range`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Answer {
    #[codec(index = 0)]
    Offer(SignedOffer),
    #[codec(index = 1)]
    Ready { offset: u64 },
    #[codec(index = 2)]
    Done { piece: PieceId },
    #[codec(index = 3)]
    Refused(Refusal),
    // 4 is `RANGE`.
    #[codec(index = 5)]
    Released,
    #[codec(index = 6)]
    Proven(lunarx_proof::Answer),
    #[codec(index = 7)]
    Heartbeat(Heartbeat),
    #[codec(index = 8)]
    Nodes(Vec<NodeKey>),
    #[codec(index = 9)]
    Tasks(Vec<Task>),
    #[codec(index = 10)]
    Noted,
}

impl Answer {
    /// Its name, for errors.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Offer(_) => "Offer",
            Self::Ready { .. } => "Ready",
            Self::Done { .. } => "Done",
            Self::Refused(_) => "Refused",
            Self::Released => "Released",
            Self::Proven(_) => "Proven",
            Self::Heartbeat(_) => "Heartbeat",
            Self::Nodes(_) => "Nodes",
            Self::Tasks(_) => "Tasks",
            Self::Noted => "Noted",
        }
    }

    /// `Nodes`, cut to `most`.
    pub(crate) fn nodes(mut nodes: Vec<NodeKey>, most: u32) -> Self {
        nodes.truncate(usize::try_from(most.min(MAX_NODES)).unwrap_or(0));
        Self::Nodes(nodes)
    }

    /// `Tasks`, cut to `most`.
    pub(crate) fn tasks(mut tasks: Vec<Task>, most: u32) -> Self {
        tasks.truncate(usize::try_from(most.min(MAX_TASKS)).unwrap_or(0));
        Self::Tasks(tasks)
    }
}

/// Why a node says no, and with it what to do.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum Refusal {
    /// Not that much space is free.
    #[error("no space: {free} bytes are free, ask for less or choose another miner")]
    #[codec(index = 0)]
    NoSpace {
        /// Bytes free.
        free: u64,
    },
    /// It asks for more.
    #[error("price too low: it asks {ask} LX-units per GiB and day, offer that or choose another miner")]
    #[codec(index = 1)]
    PriceTooLow {
        /// Its price.
        ask: Balance,
    },
    /// It does not bind itself for that long.
    #[error("term too long: at most {max_windows} windows, ask for a shorter term")]
    #[codec(index = 2)]
    TooLong {
        /// Its longest term.
        max_windows: u32,
    },
    /// Too many requests or streams at once.
    #[error("busy: try again in a moment, with fewer streams at once")]
    #[codec(index = 3)]
    Busy,
    /// It has no such piece or contract.
    #[error("not found: choose another miner of this object")]
    #[codec(index = 4)]
    NotFound,
    /// The reservation belongs to another node.
    #[error("not yours: the space was reserved by another node, reserve your own")]
    #[codec(index = 5)]
    NotYours,
    /// The upload does not go on where it stopped.
    #[error("bad offset: {expected} bytes are stored, resume there")]
    #[codec(index = 6)]
    BadOffset {
        /// Bytes stored.
        expected: u64,
    },
    /// More bytes than reserved.
    #[error("too large: at most {max} bytes, reserve more or send less")]
    #[codec(index = 7)]
    TooLarge {
        /// Bytes reserved.
        max: u64,
    },
    /// Too much is reserved and not paid yet.
    #[error("quota: {left} bytes are left to reserve before a contract is opened, open one or wait")]
    #[codec(index = 8)]
    Quota {
        /// Bytes left.
        left: u64,
    },
    /// It cannot serve now: starting, stopping, or its disk fails.
    #[error("unavailable: try again later or choose another miner")]
    #[codec(index = 9)]
    Unavailable,
    /// The reservation has run out.
    #[error("expired: the offer has run out, reserve again")]
    #[codec(index = 10)]
    Expired,
    /// Bytes outside the piece, or none.
    #[error("bad range: the piece has {piece_len} bytes, ask within it")]
    #[codec(index = 11)]
    BadRange {
        /// Bytes in the piece.
        piece_len: u64,
    },
    /// Finished with another length than what is stored.
    #[error("incomplete: {written} bytes are stored, send the rest first")]
    #[codec(index = 12)]
    Incomplete {
        /// Bytes stored.
        written: u64,
    },
    /// It has to prove nothing there.
    #[error("not challenged: the block's seed does not ask for this contract, check your chain")]
    #[codec(index = 13)]
    NotChallenged,
}

impl Refusal {
    /// Whether the same request may succeed a little later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable)
    }
}

/// Decodes a whole frame.
pub(crate) fn decode<T: Decode>(frame: &[u8]) -> Result<T, FrameError> {
    T::decode_all(&mut &frame[..]).map_err(|error| FrameError::Malformed(error.to_string()))
}

/// What a client sends after `Ready`. `Data` has at least one byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Upload {
    Data(Bytes),
    Finish { len: u64 },
}

impl Upload {
    /// What goes before the payload of a `Data` message.
    pub(crate) fn data_head(payload: &[u8]) -> Vec<u8> {
        let len = u32::try_from(payload.len()).expect("payload is at most MAX_DATA_BYTES; qed");
        (DATA, Compact(len)).encode()
    }

    pub(crate) fn finish(len: u64) -> Vec<u8> {
        (FINISH, len).encode()
    }

    pub(crate) fn decode(frame: Bytes) -> Result<Self, FrameError> {
        match frame.first() {
            Some(&DATA) => match payload_after(&frame, 1)? {
                // Such messages would keep a stream busy for ever, at no progress.
                payload if payload.is_empty() => Err(FrameError::Malformed("data without bytes".into())),
                payload => Ok(Self::Data(payload)),
            },
            Some(&FINISH) => Ok(Self::Finish { len: decode(&frame[1..])? }),
            other => Err(FrameError::Malformed(format!("upload message {other:?}"))),
        }
    }
}

/// One encoded range of a retrieved piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) piece_len: u64,
    pub(crate) offset: u64,
    pub(crate) encoded: Bytes,
}

impl Range {
    /// What goes before the payload.
    pub(crate) fn head(piece_len: u64, offset: u64, encoded: &[u8]) -> Vec<u8> {
        let len = u32::try_from(encoded.len()).expect("an encoded range is some 1.1 MiB; qed");
        (RANGE, piece_len, offset, Compact(len)).encode()
    }
}

/// An answer to `Retrieve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RangeAnswer {
    Range(Range),
    Other(Answer),
}

impl RangeAnswer {
    pub(crate) fn decode(frame: Bytes) -> Result<Self, FrameError> {
        if frame.first() != Some(&RANGE) {
            return decode(&frame).map(Self::Other);
        }
        let mut rest = &frame[1..];
        let (piece_len, offset) =
            <(u64, u64)>::decode(&mut rest).map_err(|error| FrameError::Malformed(error.to_string()))?;
        let encoded = payload_after(&frame, 1 + 8 + 8)?;
        Ok(Self::Range(Range { piece_len, offset, encoded }))
    }
}

/// The SCALE byte string that fills a frame from `at` to its end.
fn payload_after(frame: &Bytes, at: usize) -> Result<Bytes, FrameError> {
    let mut rest = &frame[at..];
    let Compact(len) =
        Compact::<u32>::decode(&mut rest).map_err(|error| FrameError::Malformed(error.to_string()))?;
    if usize::try_from(len) != Ok(rest.len()) {
        return Err(FrameError::Malformed(format!("payload of {} bytes, expected {len}", rest.len())));
    }
    Ok(frame.slice(frame.len() - rest.len()..))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::piece::tracker::TaskOutcome;
    use lunarx_proof::{BatchEntry, LeafProof, Proofs, Subtree, MAX_PROOFS};

    /// The same messages as SCALE derives them.
    #[derive(Encode)]
    enum DerivedUpload {
        #[codec(index = 0)]
        Data(Vec<u8>),
        #[codec(index = 1)]
        Finish { len: u64 },
    }

    #[derive(Encode)]
    enum DerivedRange {
        #[codec(index = 4)]
        Range { piece_len: u64, offset: u64, encoded: Vec<u8> },
    }

    #[test]
    fn payload_messages_are_plain_scale() {
        for len in [1, 63, 64, 20_000, MAX_DATA_BYTES] {
            let payload = vec![7; len];
            let mut frame = Upload::data_head(&payload);
            frame.extend(&payload);
            assert!(frame.len() <= MAX_UPLOAD_FRAME);
            assert_eq!(frame, DerivedUpload::Data(payload.clone()).encode());
            assert_eq!(Upload::decode(frame.into()).unwrap(), Upload::Data(payload.clone().into()));

            let mut frame = Range::head(9, 8, &payload);
            frame.extend(&payload);
            let derived = DerivedRange::Range { piece_len: 9, offset: 8, encoded: payload.clone() };
            assert_eq!(frame, derived.encode());
            let range = Range { piece_len: 9, offset: 8, encoded: payload.into() };
            assert_eq!(RangeAnswer::decode(frame.into()).unwrap(), RangeAnswer::Range(range));
        }
        assert_eq!(Upload::finish(5), DerivedUpload::Finish { len: 5 }.encode());
        assert_eq!(Upload::decode(Upload::finish(5).into()).unwrap(), Upload::Finish { len: 5 });
    }

    #[test]
    fn golden_vectors() {
        let store = Request::Store { contract: ContractId([0x11; 32]), index: 2 };
        assert_eq!(hex::encode(store.encode()), format!("01{}02000000", "11".repeat(32)));
        let retrieve = Request::Retrieve { piece: PieceId([0x22; 32]), offset: 1, len: 2 };
        let expected = format!("02{}01000000000000000200000000000000", "22".repeat(32));
        assert_eq!(hex::encode(retrieve.encode()), expected);
        let reserve =
            ReserveRequest { client: AccountId([0x33; 32]), max_bytes: 1, max_windows: 2, max_price: 3 };
        let expected =
            format!("00{}01000000000000000200000003000000000000000000000000000000", "33".repeat(32));
        assert_eq!(hex::encode(Request::Reserve(reserve).encode()), expected);
        let release = Request::Release { contract: ContractId([0x55; 32]) };
        assert_eq!(hex::encode(release.encode()), format!("03{}", "55".repeat(32)));
        assert_eq!(hex::encode(Answer::Released.encode()), "05");
        assert_eq!(hex::encode(Answer::Ready { offset: 5 }.encode()), "010500000000000000");
        assert_eq!(hex::encode(Answer::Refused(Refusal::Busy).encode()), "0303");
        assert_eq!(
            hex::encode(Answer::Refused(Refusal::Incomplete { written: 1 }).encode()),
            "030c0100000000000000"
        );
        assert_eq!(
            hex::encode(Answer::Done { piece: PieceId([0x44; 32]) }.encode()),
            format!("02{}", "44".repeat(32))
        );
    }

    #[test]
    fn messages_fit_their_frames() {
        let offer = Offer {
            miner: AccountId([1; 32]),
            client: AccountId([2; 32]),
            max_bytes: u64::MAX,
            max_windows: u32::MAX,
            price: u128::MAX,
            expires: u32::MAX,
            nonce: u64::MAX,
        };
        let answer = Answer::Offer(SignedOffer { offer, signature: NodeSignature([3; 64]) });
        assert!(answer.encode().len() <= MAX_ANSWER_FRAME);
        let request = ReserveRequest {
            client: AccountId([1; 32]),
            max_bytes: u64::MAX,
            max_windows: u32::MAX,
            max_price: u128::MAX,
        };
        let (contract, piece) = (ContractId([1; 32]), PieceId([1; 32]));
        for request in [
            Request::Reserve(request),
            Request::Store { contract, index: u32::MAX },
            Request::Retrieve { piece, offset: u64::MAX, len: u64::MAX },
            Request::Release { contract },
            Request::Prove { contract, block: u32::MAX },
            Request::Announce(announcement(MAX_ENTRIES)),
            Request::Locate { piece },
            Request::Resolve(resolve(MAX_EXCLUDED)),
            Request::Result(task_result()),
        ] {
            assert!(request.encode().len() <= max_request_frame());
            assert_eq!(request.check(), Ok(()));
        }
        let heartbeat = Answer::Heartbeat(Heartbeat { free: u64::MAX, stored: u64::MAX });
        for answer in [
            Answer::Ready { offset: u64::MAX },
            Answer::Done { piece },
            Answer::Released,
            Answer::Noted,
            heartbeat,
        ] {
            assert!(answer.encode().len() <= MAX_ANSWER_FRAME);
        }
        let most = usize::from(u16::MAX);
        let nodes = Answer::nodes(vec![NodeKey([1; 32]); most], u32::MAX);
        assert_eq!(nodes.encode().len(), MAX_LIST_FRAME);
        let task = Task { contract, block: u32::MAX, miner: NodeKey([1; 32]) };
        assert!(Answer::tasks(vec![task; most], u32::MAX).encode().len() <= MAX_LIST_FRAME);
        assert!(Answer::Proven(longest_answer()).encode().len() <= max_proven_frame());
        assert!(max_request_frame() < 140_000, "{}", max_request_frame());
    }

    #[test]
    fn refuses_lists_beyond_their_bounds() {
        for request in [
            Request::Announce(announcement(MAX_ENTRIES + 1)),
            Request::Resolve(resolve(MAX_EXCLUDED + 1)),
            Request::Resolve(ResolveRequest { count: MAX_NODES + 1, ..resolve(0) }),
        ] {
            assert!(decode::<Request>(&request.encode()).is_ok());
            assert!(matches!(Request::decode_frame(&request.encode()), Err(FrameError::Malformed(_))));
        }
        // A list that claims more than its frame has.
        let claims = (6u8, [1u8; 32], Compact(u32::MAX)).encode();
        assert!(matches!(Request::decode_frame(&claims), Err(FrameError::Malformed(_))));
        let proofs = (6u8, Compact(65u32), [0u8; 4096]).encode();
        assert!(decode::<Answer>(&proofs).is_err());
    }

    fn announcement(count: u32) -> Announcement {
        let entry = BatchEntry { piece: PieceId([2; 32]), len: 9 };
        let entries = vec![entry; usize::try_from(count).unwrap()];
        Announcement { contract: ContractId([1; 32]), entries }
    }

    fn resolve(excluded: u32) -> ResolveRequest {
        let exclude = vec![NodeKey([3; 32]); usize::try_from(excluded).unwrap()];
        ResolveRequest { bytes: 1, count: 2, max_price: 3, exclude }
    }

    /// As long as an answer can be.
    fn longest_answer() -> lunarx_proof::Answer {
        // A subtree is a hash and a number of bytes.
        let subtree = Subtree::decode(&mut &[0; 40][..]).unwrap();
        let proof = LeafProof {
            index: u32::MAX,
            entry: BatchEntry { piece: PieceId([2; 32]), len: u64::MAX },
            batch_path: vec![subtree; 8].try_into().unwrap(),
            chunk: vec![1; 1024].try_into().unwrap(),
            chunk_path: vec![[1; 32]; 20].try_into().unwrap(),
        };
        let proofs = vec![proof; usize::try_from(MAX_PROOFS).unwrap()].try_into().unwrap();
        lunarx_proof::Answer { proofs, signature: NodeSignature([4; 64]) }
    }

    fn task_result() -> TaskResult {
        let outcome = TaskOutcome::Answered(longest_answer());
        TaskResult { contract: ContractId([1; 32]), block: u32::MAX, outcome }
    }

    #[test]
    fn golden_audit_vectors() {
        let contract = ContractId([0x11; 32]);
        let of = |request: Request| hex::encode(request.encode());
        let id = "11".repeat(32);
        assert_eq!(of(Request::Prove { contract, block: 7 }), format!("04{id}07000000"));
        assert_eq!(of(Request::Heartbeat), "05");
        let entry = format!("{}0900000000000000", "02".repeat(32));
        let announce = Request::Announce(Announcement { contract, ..announcement(1) });
        assert_eq!(of(announce), format!("06{id}04{entry}"));
        assert_eq!(of(Request::Locate { piece: PieceId([0x22; 32]) }), format!("07{}", "22".repeat(32)));
        let expected = format!("0801000000000000000200000003{}04{}", "00".repeat(15), "03".repeat(32));
        assert_eq!(of(Request::Resolve(resolve(1))), expected);
        assert_eq!(of(Request::Tasks { most: 5 }), "0905000000");
        for (index, outcome) in [("01", TaskOutcome::Refused), ("02", TaskOutcome::Unreachable)] {
            let result = TaskResult { contract, block: 7, outcome };
            assert_eq!(of(Request::Result(result)), format!("0a{id}07000000{index}"));
        }
        let answered = lunarx_proof::Answer { proofs: Proofs::default(), signature: NodeSignature([4; 64]) };
        let result = TaskResult { contract, block: 7, outcome: TaskOutcome::Answered(answered.clone()) };
        let signature = "04".repeat(64);
        assert_eq!(of(Request::Result(result)), format!("0a{id}070000000000{signature}"));

        let of = |answer: Answer| hex::encode(answer.encode());
        assert_eq!(of(Answer::Proven(answered)), format!("0600{signature}"));
        let heartbeat = Heartbeat { free: 1, stored: 2 };
        assert_eq!(of(Answer::Heartbeat(heartbeat)), "0701000000000000000200000000000000");
        assert_eq!(of(Answer::Nodes(vec![NodeKey([5; 32])])), format!("0804{}", "05".repeat(32)));
        let task = Task { contract, block: 7, miner: NodeKey([5; 32]) };
        assert_eq!(of(Answer::Tasks(vec![task])), format!("0904{id}07000000{}", "05".repeat(32)));
        assert_eq!(of(Answer::Noted), "0a");
        assert_eq!(of(Answer::Refused(Refusal::NotChallenged)), "030d");
    }

    #[test]
    fn refuses_trailing_missing_and_unknown_bytes() {
        assert!(decode::<Answer>(&[1, 0]).is_err());
        assert!(decode::<Answer>(&[3, 3, 0]).is_err());
        assert!(decode::<Answer>(&[5, 0]).is_err());
        assert!(decode::<Answer>(&[RANGE]).is_err());
        assert!(decode::<Answer>(&[9]).is_err());
        assert!(decode::<Answer>(&[11]).is_err());
        assert!(decode::<Request>(&[11]).is_err());
        assert!(decode::<Request>(&[5, 0]).is_err());
        assert!(decode::<Request>(&[3]).is_err());
        assert!(decode::<Request>(&[]).is_err());
        assert!(Upload::decode(Bytes::new()).is_err());
        assert!(Upload::decode(Bytes::from_static(&[2])).is_err());
        assert!(Upload::decode(Bytes::from_static(&[0, 0])).is_err());
        assert!(Upload::decode(Bytes::from_static(&[0, 8, 1])).is_err());
        assert!(Upload::decode(Bytes::from_static(&[0, 4, 1, 1])).is_err());
        assert!(RangeAnswer::decode(Bytes::from_static(&[4, 0, 0])).is_err());
    }

    #[test]
    fn ranges_are_consecutive_and_aligned() {
        assert_eq!(next_range(0, 10), 10);
        assert_eq!(next_range(0, 2 << 20), 1 << 20);
        assert_eq!(next_range(5, 2 << 20), (1 << 20) - 5);
        assert_eq!(next_range(1 << 20, 2 << 20), 1 << 20);
        assert_eq!(next_range(10, 10), 0);
    }
}
