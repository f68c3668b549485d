//! What every store refuses, in one place.

use crate::{space::BLOCK_BYTES, Reservation, StoreError};

/// Most pieces under one contract, whatever its size.
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

/// Most pieces under a reservation of `max_bytes`: one for each block that it pays for, since a file
/// takes whole blocks. Pieces are numbered from 0 up to this.
pub(crate) fn max_pieces(max_bytes: u64) -> u32 {
    let blocks = u32::try_from(max_bytes / BLOCK_BYTES).unwrap_or(u32::MAX);
    blocks.clamp(1, MAX_PIECES_PER_CONTRACT)
}

/// Checks the number of a piece under a reservation of `max_bytes`.
pub(crate) fn check_index(index: u32, max_bytes: u64) -> Result<(), StoreError> {
    let max = max_pieces(max_bytes);
    if index >= max {
        return Err(StoreError::IndexTooLarge { index, max });
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
pub(crate) fn len_u64<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).expect("usize has at most 64 bits on every target; qed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_has_a_piece_for_each_block_but_at_least_one() {
        for (max_bytes, pieces) in
            [(0, 1), (1, 1), (4_096, 1), (8_191, 1), (8_192, 2), (1 << 20, 256), (u64::MAX, 256)]
        {
            assert_eq!(max_pieces(max_bytes), pieces, "{max_bytes}");
        }
    }
}
