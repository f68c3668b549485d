//! Keys and values of the database, byte by byte as the layout says.

use super::{metadata::Failure, Place};
use crate::{
    rules::{MAX_OFFER_BYTES, MAX_PIECES_PER_CONTRACT, MAX_PIECE_BYTES},
    space::footprint,
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
    #[codec(index = 1)]
    V1(PieceRecord),
}

/// A finished piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct PieceRecord {
    pub(super) piece: PieceId,
    pub(super) len: u64,
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
        StoredPieceRecord::V1(self).encode()
    }

    pub(super) fn decode_versioned((contract, index): Place, bytes: &[u8]) -> Result<Self, Failure> {
        let StoredPieceRecord::V1(record) = StoredPieceRecord::decode_all(&mut &*bytes)
            .map_err(|error| Failure::Corrupt(format!("piece {index} of contract {contract}: {error}")))?;
        if !(1..=MAX_PIECE_BYTES).contains(&record.len) || index >= MAX_PIECES_PER_CONTRACT {
            return Err(Failure::Corrupt(format!("piece {index} of contract {contract} is out of bounds")));
        }
        Ok(record)
    }
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

    fn contract_record() -> ContractRecord {
        ContractRecord { owner: NodeKey([1; 32]), max_bytes: 2, expires: 3, kept: true, offer: vec![4, 5] }
    }

    #[test]
    fn golden_records() {
        let contract = hex::encode(contract_record().encode_versioned());
        let expected = format!("01{}0200000000000000{}01080405", "01".repeat(32), "03000000");
        assert_eq!(contract, expected);
        let piece = PieceRecord { piece: PieceId([6; 32]), len: 7 };
        let expected = format!("01{}0700000000000000", "06".repeat(32));
        assert_eq!(hex::encode(piece.encode_versioned()), expected);
        let key = place_key((ContractId([8; 32]), 9));
        assert_eq!(hex::encode(key), format!("{}00000009", "08".repeat(32)));
        assert_eq!(key_place(&key), (ContractId([8; 32]), 9));
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
        let piece = |len| PieceRecord { piece: PieceId([6; 32]), len }.encode_versioned();
        assert!(PieceRecord::decode_versioned((id, 0), &piece(1)).is_ok());
        for (index, len) in [(0, 0), (0, u64::MAX), (MAX_PIECES_PER_CONTRACT, 1)] {
            assert!(PieceRecord::decode_versioned((id, index), &piece(len)).is_err());
        }
    }
}
