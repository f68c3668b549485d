//! Manifests.

use super::*;
use crate::{
    manifest::{Manifest, SegmentEntry, MAX_NAME_BYTES, MAX_SEGMENTS},
    Codec, ManifestKey, ObjectId, PieceDescriptor,
};
use codec::{Compact, Decode, Encode};
use lunarx_core::{ContractId, PieceId};
use proptest::prelude::*;

fn key() -> ManifestKey {
    ManifestKey::from_bytes([8; 32])
}

fn manifest(segments: u8) -> Manifest {
    let entry = |i: u8| {
        let pieces = miners(3)
            .into_iter()
            .map(|miner_node| PieceDescriptor { piece: PieceId([i; 32]), miner_node })
            .collect();
        let descriptor = SegmentDescriptor::new(SegmentId([i; 32]), code(2, 3), Codec::Gf8, 1_000, pieces);
        SegmentEntry { descriptor, contracts: vec![ContractId([i; 32]); 3] }
    };
    Manifest {
        object: ObjectId([5; 32]),
        name: "Mond über 月.txt".into(),
        size: 1_000 * u64::from(segments),
        created: 1_790_000_000,
        code: code(2, 3),
        data_key: DataKey::from_bytes([1; 32]),
        repair_key: RepairKey::from_bytes([2; 32]),
        segments: (0..segments).map(entry).collect(),
    }
}

#[test]
fn opens_what_it_sealed() {
    for segments in [0, 1, 2, 40] {
        let manifest = manifest(segments);
        assert_eq!(Manifest::open(&manifest.seal(&key()).unwrap(), &key()), Ok(manifest));
    }
}

#[test]
fn golden_encoding_and_seal() {
    let manifest = manifest(1);
    assert_eq!(hex::encode(manifest.encode()), GOLDEN_BODY);
    let sealed = manifest.seal_with(&key(), [6; 24]).unwrap();
    assert_eq!(sealed.len(), 1 + 24 + 32 + 1024 + 16);
    assert_eq!(blake3::hash(&sealed).to_hex().as_str(), GOLDEN_SEAL);
}

const GOLDEN_BODY: &str = concat!(
    "0505050505050505050505050505050505050505050505050505050505050505484d6f6e6420c3bc62657220e69c882e",
    "747874e803000000000000803bb16a000000000203010101010101010101010101010101010101010101010101010101",
    "010101010102020202020202020202020202020202020202020202020202020202020202020401000000000000000000",
    "0000000000000000000000000000000000000000000000020301e8030000000000000000000000000000000000000000",
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    "000000000000000000000000000000000000000000000000000000000000000000000000010101010101010101010101",
    "010101010101010101010101010101010101010100000000000000000000000000000000000000000000000000000000",
    "000000000202020202020202020202020202020202020202020202020202020202020202000000000000000000000000",
    "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    "000000000000000000000000000000000000000000000000000000000000000000000000",
);
const GOLDEN_SEAL: &str = "05b059ea768d0408c7b0de0c9f7ccb461be1c042d0415a245b9119b46882897c";

#[test]
fn seals_differ_and_hide_small_differences_of_length() {
    let [a, b] = [manifest(1), manifest(2)].map(|manifest| manifest.seal(&key()).unwrap());
    assert_eq!(a.len(), b.len());
    assert_ne!(a, manifest(1).seal(&key()).unwrap());
}

#[test]
fn wrong_key_and_version_are_told() {
    let mut sealed = manifest(1).seal(&key()).unwrap();
    let other = ManifestKey::from_bytes([9; 32]);
    assert_eq!(Manifest::open(&sealed, &other), Err(RowError::WrongKey("manifest")));
    sealed[0] = 2;
    let version = RowError::Version { what: "manifest", expected: 1, actual: 2 };
    assert_eq!(Manifest::open(&sealed, &key()), Err(version));
}

#[test]
fn any_changed_byte_and_any_cut_is_refused() {
    let sealed = manifest(1).seal(&key()).unwrap();
    for at in 0..sealed.len() {
        let mut bad = sealed.clone();
        bad[at] ^= 4;
        assert!(Manifest::open(&bad, &key()).is_err(), "byte {at}");
        assert!(Manifest::open(&sealed[..at], &key()).is_err(), "cut at {at}");
    }
    let mut longer = sealed;
    longer.push(0);
    assert!(Manifest::open(&longer, &key()).is_err());
}

#[test]
fn contradictions_and_excess_are_refused() {
    type Change = fn(&mut Manifest);
    let changes: [Change; 4] = [
        |m| m.size += 1,
        |m| m.name = "x".repeat(MAX_NAME_BYTES + 1),
        |m| m.segments[0].contracts.truncate(2),
        |m| m.segments[0].descriptor.marks = 1,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut bad = manifest(1);
        change(&mut bad);
        assert!(bad.seal(&key()).is_err(), "change {number}");
    }
    let mut longest = manifest(1);
    longest.name = "x".repeat(MAX_NAME_BYTES);
    assert_eq!(Manifest::open(&longest.seal(&key()).unwrap(), &key()), Ok(longest));
}

#[test]
fn hostile_counts_are_refused_before_allocation() {
    let object = [5u8; 32];
    let name = (object, Compact(u32::MAX)).encode();
    assert!(Manifest::decode(&mut name.as_slice()).is_err());
    let head = (object, "", 0u64, 0u64, (2u8, 3u8), [1u8; 32], [2u8; 32]);
    let count = |count: u32| (head, Compact(count)).encode();
    assert!(Manifest::decode(&mut count(0).as_slice()).is_ok());
    let beyond = u32::try_from(MAX_SEGMENTS).unwrap() + 1;
    assert!(Manifest::decode(&mut count(beyond).as_slice()).is_err());
    assert!(Manifest::decode(&mut count(u32::MAX).as_slice()).is_err());
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
        prop_assert!(Manifest::open(&bytes, &key()).is_err());
        let _ = Manifest::decode(&mut bytes.as_slice());
    }

    #[test]
    fn damaged_bodies_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = manifest(3).encode();
        let at = at.index(body.len());
        body[at] = byte;
        let _ = Manifest::decode(&mut body.as_slice());
    }
}
