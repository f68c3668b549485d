//! Keys and values of the database, byte by byte as docs/store.md says.

use super::{body::BodyName, metadata::Failure, Place};
use crate::{
    rules::{MAX_OFFER_BYTES, MAX_PIECES_PER_CONTRACT, MAX_PIECE_BYTES},
    space::{footprint, Space, BLOCK_BYTES},
    Reservation,
};
use codec::{Decode, DecodeAll, Encode};
use lunarx_core::{BlockNumber, ContractId, NodeKey, PieceId};

/// Bytes of a [`Place`] as a key.
const PLACE_BYTES: usize = 36;
/// A [`Place`] as a key: contract, then index, big-endian so that indices sort.
pub(super) type PlaceKey = [u8; PLACE_BYTES];

/// A contract, with its version.
#[derive(Debug, Encode, Decode)]
enum StoredContractRecord {
    #[codec(index = 1)]
    V1(ContractRecord),
}

/// A contract.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct ContractRecord {
    pub(super) owner: NodeKey,
    pub(super) max_bytes: u64,
    pub(super) expires: BlockNumber,
    pub(super) kept: bool,
    pub(super) offer: Vec<u8>,
}

/// A finished piece, with its version.
#[derive(Debug, Encode, Decode)]
enum StoredPieceRecord {
    #[codec(index = 2)]
    V2(PieceRecord),
}

/// A finished piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct PieceRecord {
    pub(super) piece: PieceId,
    pub(super) len: u64,
    pub(super) location: Location,
}

/// Where its body lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) enum Location {
    /// By itself, under the name with this number.
    #[codec(index = 0)]
    Own(u64),
    /// In a pack.
    #[codec(index = 1)]
    Packed { pack: u64, offset: u64 },
}

/// What the finished pieces of a contract come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Tally {
    /// What they take.
    pub(super) space: Space,
    /// Their bytes, and how many of these were found lost.
    pub(super) bytes: u64,
    pub(super) lost: u64,
}

/// How far a pack is written, and how much of it lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct PackRecord {
    pub(super) end: u64,
    pub(super) live: u64,
}

/// Something to be deleted: a key, so that there is one of each. Packs come first, since what is in them goes
/// with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) enum Garbage {
    #[codec(index = 0)]
    Pack([u8; 8]),
    #[codec(index = 1)]
    Own([u8; PLACE_BYTES], [u8; 8]),
    /// Pack and offset; its value has the bytes.
    #[codec(index = 2)]
    Range([u8; 8], [u8; 8]),
}

impl Garbage {
    /// A whole pack.
    pub(super) fn pack(pack: u64) -> Self {
        Self::Pack(pack.to_be_bytes())
    }

    /// What a piece leaves behind.
    pub(super) fn of(place: Place, location: Location) -> Self {
        match location {
            Location::Own(number) => Self::Own(place_key(place), number.to_be_bytes()),
            Location::Packed { pack, offset } => Self::Range(pack.to_be_bytes(), offset.to_be_bytes()),
        }
    }

    /// A body by itself.
    pub(super) fn name(place: &PlaceKey, number: [u8; 8]) -> BodyName {
        BodyName { place: key_place(place), number: u64::from_be_bytes(number) }
    }

    pub(super) fn decode_key(bytes: &[u8]) -> Result<Self, Failure> {
        Self::decode_all(&mut &*bytes).map_err(|error| Failure::Corrupt(format!("garbage: {error}")))
    }
}

impl ContractRecord {
    pub(super) fn encode_versioned(self) -> Vec<u8> {
        StoredContractRecord::V1(self).encode()
    }

    pub(super) fn decode_versioned(contract: ContractId, bytes: &[u8]) -> Result<Self, Failure> {
        let StoredContractRecord::V1(record) = StoredContractRecord::decode_all(&mut &*bytes)
            .map_err(|error| Failure::Corrupt(format!("contract {contract}: {error}")))?;
        if footprint(record.max_bytes).is_none() || record.offer.len() > MAX_OFFER_BYTES {
            return Err(Failure::Corrupt(format!("contract {contract} is out of bounds")));
        }
        Ok(record)
    }

    pub(super) fn into_reservation(self) -> Reservation {
        let Self { owner, max_bytes, expires, kept: _, offer } = self;
        Reservation { owner, max_bytes, expires, offer }
    }
}

impl PieceRecord {
    pub(super) fn encode_versioned(self) -> Vec<u8> {
        StoredPieceRecord::V2(self).encode()
    }

    pub(super) fn decode_versioned((contract, index): Place, bytes: &[u8]) -> Result<Self, Failure> {
        let StoredPieceRecord::V2(record) = StoredPieceRecord::decode_all(&mut &*bytes)
            .map_err(|error| Failure::Corrupt(format!("piece {index} of contract {contract}: {error}")))?;
        let is_aligned = match record.location {
            Location::Packed { offset, .. } => {
                offset.is_multiple_of(BLOCK_BYTES) && offset <= MAX_PIECE_BYTES
            }
            Location::Own(_) => true,
        };
        if !(1..=MAX_PIECE_BYTES).contains(&record.len) || index >= MAX_PIECES_PER_CONTRACT || !is_aligned {
            return Err(Failure::Corrupt(format!("piece {index} of contract {contract} is out of bounds")));
        }
        Ok(record)
    }
}

/// Decodes a value that has no version of its own: the format of the store covers it.
pub(super) fn decode_plain<T: Decode>(what: &str, bytes: &[u8]) -> Result<T, Failure> {
    T::decode_all(&mut &*bytes).map_err(|error| Failure::Corrupt(format!("{what}: {error}")))
}

pub(super) fn place_key((contract, index): Place) -> PlaceKey {
    let mut key = [0; PLACE_BYTES];
    let (head, tail) = key.split_at_mut(32);
    head.copy_from_slice(&contract.0);
    tail.copy_from_slice(&index.to_be_bytes());
    key
}

pub(super) fn key_place(key: &PlaceKey) -> Place {
    let (mut contract, mut index) = ([0; 32], [0; 4]);
    let (head, tail) = key.split_at(32);
    contract.copy_from_slice(head);
    index.copy_from_slice(tail);
    (ContractId(contract), u32::from_be_bytes(index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contract_record() -> ContractRecord {
        ContractRecord { owner: NodeKey([1; 32]), max_bytes: 2, expires: 3, kept: true, offer: vec![4, 5] }
    }

    const PACKED: Location = Location::Packed { pack: 3, offset: 8_192 };

    #[test]
    fn golden_records() {
        let contract = hex::encode(contract_record().encode_versioned());
        let expected = format!("01{}0200000000000000{}01080405", "01".repeat(32), "03000000");
        assert_eq!(contract, expected);
        for (location, tail) in
            [(Location::Own(5), "000500000000000000"), (PACKED, "0103000000000000000020000000000000")]
        {
            let piece = PieceRecord { piece: PieceId([6; 32]), len: 7, location };
            let expected = format!("02{}0700000000000000{tail}", "06".repeat(32));
            assert_eq!(hex::encode(piece.encode_versioned()), expected);
        }
        let key = place_key((ContractId([8; 32]), 9));
        assert_eq!(hex::encode(key), format!("{}00000009", "08".repeat(32)));
        assert_eq!(key_place(&key), (ContractId([8; 32]), 9));
        let place = (ContractId([8; 32]), 9);
        for (garbage, expected) in [
            (Garbage::pack(3), "000000000000000003".to_string()),
            (Garbage::of(place, Location::Own(5)), format!("01{}000000090000000000000005", "08".repeat(32))),
            (Garbage::of(place, PACKED), "0200000000000000030000000000002000".to_string()),
        ] {
            assert_eq!(hex::encode(garbage.encode()), expected);
            assert!(Garbage::decode_key(&garbage.encode()).is_ok_and(|decoded| decoded == garbage));
        }
        let tally = Tally { space: Space { bytes: 1, blocks: 4_096 }, bytes: 1, lost: 0 };
        assert_eq!(
            hex::encode(tally.encode()),
            "0100000000000000001000000000000001000000000000000000000000000000"
        );
        assert_eq!(hex::encode(PackRecord { end: 1, live: 2 }.encode()), "01000000000000000200000000000000");
    }

    #[test]
    fn refuses_records_that_no_version_wrote() {
        let id = ContractId([0; 32]);
        let whole = contract_record().encode_versioned();
        assert!(ContractRecord::decode_versioned(id, &whole).is_ok());
        let huge = ContractRecord { max_bytes: u64::MAX, ..contract_record() }.encode_versioned();
        let long = ContractRecord { offer: vec![0; 5_000], ..contract_record() }.encode_versioned();
        for bytes in [&whole[..whole.len() - 1], &[&whole[..], &[0]].concat(), &[2; 60], &[], &huge, &long] {
            assert!(ContractRecord::decode_versioned(id, bytes).is_err());
        }
        let piece = |len| PieceRecord { piece: PieceId([6; 32]), len, location: PACKED }.encode_versioned();
        assert!(PieceRecord::decode_versioned((id, 0), &piece(1)).is_ok());
        for (index, len) in [(0, 0), (0, u64::MAX), (MAX_PIECES_PER_CONTRACT, 1)] {
            assert!(PieceRecord::decode_versioned((id, index), &piece(len)).is_err());
        }
    }

    proptest! {
        // What a damaged page of the database may hold: decoded or refused, never a panic.
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let id = ContractId([0; 32]);
            if let Ok(record) = ContractRecord::decode_versioned(id, &bytes) {
                prop_assert_eq!(record.encode_versioned(), bytes.clone());
            }
            if let Ok(record) = PieceRecord::decode_versioned((id, 0), &bytes) {
                prop_assert_eq!(record.encode_versioned(), bytes.clone());
            }
            if let Ok(garbage) = Garbage::decode_key(&bytes) {
                prop_assert_eq!(garbage.encode(), bytes.clone());
            }
            let _ = decode_plain::<Tally>("tally", &bytes);
            let _ = decode_plain::<PackRecord>("pack", &bytes);
        }
    }
}
