//! Encoding and decoding: what must come back, what must be refused.

use super::*;
use crate::{layout, sealed_len, EncodeError, MAX_SEGMENT_BYTES};
use codec::{Decode, Encode};
use lunarx_core::PieceId;
use proptest::prelude::*;

const CODES: [(u8, u8); 8] = [(1, 1), (1, 3), (4, 4), (4, 8), (10, 20), (29, 80), (100, 200), (200, 255)];

#[test]
fn first_middle_and_last_k_pieces_rebuild() {
    let plain = plaintext(100_000);
    for (k, n) in CODES {
        let stored = Stored::new(code(k, n), &plain);
        for first in [0, (n - k) / 2, n - k] {
            let from: Vec<u8> = (first..first + k).rev().collect();
            assert!(stored.read(&from) == Ok(plain.clone()), "{k}/{n} from {first}");
        }
    }
}

#[test]
fn sizes_around_chunk_and_stripe() {
    for (k, n) in [(1, 1), (1, 3), (2, 2), (4, 8), (29, 80)] {
        let stripe = usize::from(k) * 65_536;
        let overhead = usize::try_from(sealed_len(u64::try_from(stripe).unwrap())).unwrap() - stripe;
        for len in
            [0, 1, 65_535, 65_536, 65_537, stripe - overhead, stripe - overhead + 1, stripe - 1, stripe]
        {
            let plain = plaintext(len);
            let stored = Stored::new(code(k, n), &plain);
            let from: Vec<u8> = (n - k..n).collect();
            assert!(stored.read(&from) == Ok(plain), "{k}/{n} {len}");
        }
    }
}

#[test]
fn many_stripes_in_ranges_of_several() {
    let plain = plaintext(9 << 20);
    let stored = Stored::new(code(2, 3), &plain);
    assert!(stored.read(&[1, 2]) == Ok(plain));
}

#[test]
fn plaintext_cut_anyhow_makes_the_same_pieces() {
    let plain = plaintext(700_000);
    let whole = Stored::new(code(4, 8), &plain);
    for step in [999, 65_536, 65_537, 262_144] {
        let stored = Stored::pushed_in_steps(code(4, 8), &plain, step);
        assert!(stored.pieces == whole.pieces && stored.descriptor == whole.descriptor, "{step}");
    }
}

#[test]
fn golden_pieces() {
    let digests = CODES.map(|(k, n)| {
        let stored = Stored::new(code(k, n), &plaintext(100_000));
        let digest = blake3::hash(&stored.descriptor.encode()).to_hex();
        format!("{k}/{n} {}", &digest[..32])
    });
    assert_eq!(digests, GOLDEN_PIECES);
}

const GOLDEN_PIECES: [&str; 8] = [
    "1/1 5f0be80d880e8d63fd3c57bda4c2deb8",
    "1/3 c1f4b49c985b912cfc1993b8fc6872e6",
    "4/4 cccc8d39f68637de9cc5d242cf8560bf",
    "4/8 c355c142f2b05a644eeb5b407548e86f",
    "10/20 f3fd67eca814d11d919c9782ad572a34",
    "29/80 c0f904656f8eee3b68375222681bafd2",
    "100/200 2bf87f78611435890ffeac7bd5c18054",
    "200/255 7be1d18281b1c6d138805a08552de130",
];

#[test]
fn golden_descriptor() {
    let stored = Stored::new(code(1, 2), b"LunarX");
    assert_eq!(hex::encode(stored.descriptor.encode()), GOLDEN_DESCRIPTOR);
}

const GOLDEN_DESCRIPTOR: &str = concat!(
    "01030303030303030303030303030303030303030303030303030303030303030301020006000000000000000000224f",
    "ea874bb0dd63d5907cf7d33e424b72783fe793a891c7d41086e7147801ca000000000000000000000000000000000000",
    "000000000000000000000000000012005b9452d544631f5c38da94e394957cc9696a420f5056a171194bfd182bcb0101",
    "010101010101010101010101010101010101010101010101010101010101",
);

#[test]
fn fewer_than_k_pieces_are_named() {
    let stored = Stored::new(code(4, 8), &plaintext(1_000));
    assert_eq!(stored.read(&[1, 5, 7]), Err(RowError::TooFewPieces { needed: 4, have: 3 }));
    assert_eq!(stored.read(&[]), Err(RowError::TooFewPieces { needed: 4, have: 0 }));
}

#[test]
fn refused_stripe_can_be_given_again() {
    let plain = plaintext(1_000);
    let stored = Stored::new(code(2, 3), &plain);
    let mut decoder = SegmentDecoder::new(&stored.descriptor, Keys::new().get()).unwrap();
    let span = decoder.block_range(0);
    let [a, b] = [0, 2].map(|index| stored.range(index, span));
    let mut out = Vec::new();
    let refusals: [(&[(u8, &VerifiedRange)], RowError); 4] = [
        (&[(0, &a)], RowError::TooFewPieces { needed: 2, have: 1 }),
        (&[(0, &a), (0, &a)], RowError::PieceTwice { index: 0 }),
        (&[(0, &a), (3, &b)], RowError::NoSuchPiece { index: 3, count: 3 }),
        (
            &[(0, &a), (1, &b)],
            RowError::WrongPiece { index: 1, expected: stored.descriptor.pieces[1].piece, actual: b.piece() },
        ),
    ];
    for (blocks, expected) in refusals {
        assert_eq!(decoder.decode(0, blocks, &mut out), Err(expected));
    }
    decoder.decode(0, &[(2, &b), (0, &a)], &mut out).unwrap();
    assert_eq!(
        decoder.decode(0, &[(2, &b), (0, &a)], &mut out),
        Err(RowError::StripeOrder { expected: 1, actual: 0 })
    );
    decoder.finish().unwrap();
    assert_eq!(out, plain);
}

#[test]
fn range_must_hold_the_whole_block() {
    let stored = Stored::new(code(1, 1), &plaintext(200_000));
    let mut decoder = SegmentDecoder::new(&stored.descriptor, Keys::new().get()).unwrap();
    let range = stored.range(0, (1, 65_536));
    assert_eq!(
        decoder.decode(0, &[(0, &range)], &mut Vec::new()),
        Err(RowError::BlockMissing { index: 0, stripe: 0 })
    );
}

#[test]
fn ending_early_is_told() {
    let stored = Stored::new(code(1, 1), &plaintext(200_000));
    let mut decoder = SegmentDecoder::new(&stored.descriptor, Keys::new().get()).unwrap();
    let range = stored.range(0, decoder.block_range(0));
    decoder.decode(0, &[(0, &range)], &mut Vec::new()).unwrap();
    assert_eq!(decoder.finish(), Err(RowError::Incomplete { expected: 4, actual: 1 }));
}

#[test]
fn wrong_keys_are_refused() {
    let stored = Stored::new(code(4, 8), &plaintext(1_000));
    let keys = Keys::new();
    let (data, repair) = (DataKey::from_bytes([9; 32]), RepairKey::from_bytes([9; 32]));
    let from = [0, 1, 2, 3];
    let wrong_data = SegmentKeys { data: &data, ..keys.get() };
    let read = stored.read_with(&stored.descriptor, wrong_data, &from);
    assert_eq!(read, Err(RowError::WrongKey("segment")));
    let wrong_repair = SegmentKeys { repair: &repair, ..keys.get() };
    assert!(stored.read_with(&stored.descriptor, wrong_repair, &from).is_err());
}

#[test]
fn pieces_of_another_segment_are_refused() {
    let stored = Stored::new(code(4, 8), &plaintext(1_000));
    let other = SegmentDescriptor { id: SegmentId([4; 32]), ..stored.descriptor.clone() };
    assert!(stored.read_with(&other, Keys::new().get(), &[0, 1, 2, 3]).is_err());
}

#[test]
fn swapped_pieces_and_miners_are_refused() {
    let stored = Stored::new(code(4, 8), &plaintext(300_000));
    let mut pieces = stored.clone();
    pieces.descriptor.pieces.swap(0, 1);
    pieces.pieces.swap(0, 1);
    pieces.outboards.swap(0, 1);
    assert!(pieces.read(&[0, 1, 2, 3]).is_err());
    let mut miners = stored;
    miners.descriptor.pieces[0].miner_node = NodeId([99; 32]);
    assert!(miners.read(&[0, 1, 2, 3]).is_err());
}

#[test]
fn contradicting_descriptors_are_refused() {
    let good = Stored::new(code(4, 8), &plaintext(1_000)).descriptor;
    type Change = fn(&mut SegmentDescriptor);
    let changes: [Change; 8] = [
        |d| d.plain_len += 1,
        |d| d.plain_len = u64::MAX,
        |d| d.sealed_len += 1,
        |d| d.piece_len += 64,
        |d| d.marks = 1,
        |d| d.pieces.truncate(7),
        |d| d.code = code(8, 8),
        |d| d.codec = crate::Codec::Direct,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(SegmentDecoder::new(&bad, Keys::new().get()).is_err(), "change {number}");
    }
}

#[test]
fn another_plaintext_length_is_refused() {
    let stored = Stored::new(code(1, 1), &plaintext(1_000));
    let shorter = SegmentDescriptor {
        plain_len: 999,
        sealed_len: sealed_len(999),
        piece_len: layout::piece_len(code(1, 1), 999),
        ..stored.descriptor.clone()
    };
    // Both round to the same piece length, so only the seal can tell.
    assert_eq!(shorter.piece_len, stored.descriptor.piece_len);
    let read = stored.read_with(&shorter, Keys::new().get(), &[0]);
    assert_eq!(read, Err(RowError::CorruptChunk(0)));
}

#[test]
fn encoder_wants_a_miner_a_piece_and_passes_errors_on() {
    let keys = Keys::new();
    let few = SegmentEncoder::new(SEGMENT, code(4, 8), keys.get(), &miners(7));
    assert_eq!(few.err(), Some(RowError::MinerCount { expected: 8, actual: 7 }));
    let encoder = SegmentEncoder::new(SEGMENT, code(1, 1), keys.get(), &miners(1)).unwrap();
    let ended = encoder.finish(&mut |_| Err("the disk is full"));
    assert!(matches!(ended, Err(EncodeError::Sink("the disk is full"))));
}

#[test]
fn plaintext_beyond_a_segment_is_refused() {
    let keys = Keys::new();
    let mut encoder = SegmentEncoder::new(SEGMENT, code(1, 1), keys.get(), &miners(1)).unwrap();
    let mut sink = |_| Ok::<(), Infallible>(());
    let block = vec![0; 1 << 20];
    for _ in 0..MAX_SEGMENT_BYTES >> 20 {
        encoder.push(&block, &mut sink).unwrap();
    }
    let more = encoder.push(&[0], &mut sink);
    let expected = RowError::SegmentTooLong { max: MAX_SEGMENT_BYTES };
    assert!(matches!(more, Err(EncodeError::Row(error)) if error == expected));
}

#[test]
fn codes_parse_and_print() {
    assert_eq!("4/8".parse::<Code>().unwrap(), code(4, 8));
    assert_eq!(code(29, 80).to_string(), "29/80");
    for bad in ["", "4", "/", "4/", "0/8", "9/8", "4/256", "-1/8", "4/8/9", "a/b"] {
        assert!(bad.parse::<Code>().is_err(), "{bad}");
    }
}

#[test]
fn secrets_do_not_print() {
    let printed = format!("{:?} {:?}", Keys::new().data, Keys::new().get());
    assert!(!printed.contains("1, 1") && !printed.contains("01"), "{printed}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_k_of_n_rebuild_and_fewer_do_not(
        n in 1u8..=255,
        k in 1u8..=255,
        len in 0usize..150_000,
        order in Just((0..=254u8).collect::<Vec<u8>>()).prop_shuffle(),
    ) {
        let k = k.min(n);
        let plain = plaintext(len);
        let stored = Stored::new(code(k, n), &plain);
        let from: Vec<u8> = order.into_iter().filter(|&index| index < n).take(usize::from(k)).collect();
        prop_assert!(stored.read(&from) == Ok(plain));
        let fewer = stored.read(&from[1..]);
        let (needed, have) = (usize::from(k), usize::from(k) - 1);
        prop_assert_eq!(fewer, Err(RowError::TooFewPieces { needed, have }));
    }

    #[test]
    fn forged_pieces_are_caught_by_the_seal(
        at in any::<prop::sample::Index>(),
        index in 0usize..4,
        bit in 0u8..8,
        parity in any::<bool>(),
    ) {
        // No byte of this segment is padding: 4 × 16 448 sealed bytes.
        let plain = plaintext(4 * 16_448 - 72 - 2 * 16);
        let mut stored = Stored::new(code(4, 8), &plain);
        let index = if parity { index + 4 } else { index };
        let mut piece = stored.pieces[index].clone();
        let at = at.index(piece.len());
        piece[at] ^= 1 << bit;
        stored.forge(index, piece);
        let from: Vec<u8> = if parity { (4..8).collect() } else { (0..4).collect() };
        prop_assert!(stored.read(&from).is_err());
    }

    #[test]
    fn hostile_descriptors_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = SegmentDescriptor::decode(&mut bytes.as_slice());
    }

    #[test]
    fn descriptors_round_trip(n in 1u8..=255, k in 1u8..=255, len in 0..=MAX_SEGMENT_BYTES) {
        let code = code(k.min(n), n);
        let pieces = miners(n)
            .into_iter()
            .map(|miner_node| crate::PieceDescriptor { piece: PieceId([7; 32]), miner_node })
            .collect();
        let codec = crate::Codec::for_code(code);
        let descriptor = SegmentDescriptor::new(SEGMENT, code, codec, len, pieces);
        let encoded = descriptor.encode();
        prop_assert_eq!(encoded.len(), descriptor.size_hint());
        prop_assert_eq!(SegmentDescriptor::decode(&mut encoded.as_slice()).unwrap(), descriptor);
        for cut in [0, 1, 40, encoded.len() - 1] {
            prop_assert!(SegmentDescriptor::decode(&mut &encoded[..cut]).is_err());
        }
    }
}
