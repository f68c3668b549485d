//! What every store refuses, in one place.

use crate::{Reservation, StoreError};

/// Most pieces under one contract.
pub const MAX_PIECES_PER_CONTRACT: u32 = 256;
/// Longest piece. The longest that a segment makes is a little over 512 MiB; while a piece is
/// finished its hashes, 1/256 of its length, are in memory.
pub const MAX_PIECE_BYTES: u64 = 1 << 30;
/// Longest signed offer.
pub const MAX_OFFER_BYTES: usize = 4096;

pub(crate) fn check_reservation(reservation: &Reservation) -> Result<(), StoreError> {
    let actual = reservation.offer.len();
    if actual > MAX_OFFER_BYTES {
        return Err(StoreError::OfferTooLong { actual, max: MAX_OFFER_BYTES });
    }
    Ok(())
}

pub(crate) fn check_index(index: u32) -> Result<(), StoreError> {
    if index >= MAX_PIECES_PER_CONTRACT {
        return Err(StoreError::IndexTooLarge { index, max: MAX_PIECES_PER_CONTRACT });
    }
    Ok(())
}

/// Checks an append to a piece that ends at `written`; returns its new length.
pub(crate) fn check_append(written: u64, offset: u64, add: u64) -> Result<u64, StoreError> {
    if offset != written {
        return Err(StoreError::WrongOffset { expected: written, actual: offset });
    }
    let len = written.saturating_add(add);
    if len > MAX_PIECE_BYTES {
        return Err(StoreError::TooLong { actual: len, max: MAX_PIECE_BYTES });
    }
    Ok(len)
}

/// Checks that `add` more bytes fit into a reservation with `used` of `max` bytes; returns the new sum.
pub(crate) fn check_room(used: u64, add: u64, max: u64) -> Result<u64, StoreError> {
    let actual = used.saturating_add(add);
    if actual > max {
        return Err(StoreError::TooLong { actual, max });
    }
    Ok(actual)
}

/// Checks the length at which a piece of `written` bytes is finished.
pub(crate) fn check_finish(written: u64, len: u64) -> Result<(), StoreError> {
    if len != written {
        return Err(StoreError::WrongLength { expected: written, actual: len });
    }
    if len == 0 {
        return Err(StoreError::EmptyPiece);
    }
    Ok(())
}

/// A length in memory as a length on disk.
pub(crate) fn len_u64(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("usize has at most 64 bits on every target; qed")
}
