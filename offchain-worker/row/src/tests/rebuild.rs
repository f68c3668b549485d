//! Rebuilding lost pieces.

use super::*;
use crate::PieceRebuilder;

/// Rebuilds a piece from others, in steps of one stripe.
fn rebuild(stored: &Stored, index: u8, miner: NodeId, from: &[u8]) -> Result<Vec<u8>, RowError> {
    let keys = Keys::new();
    let mut rebuilder = PieceRebuilder::new(&stored.descriptor, &keys.repair, index, miner)?;
    let mut piece = Vec::new();
    for stripe in 0..rebuilder.stripes() {
        let span = rebuilder.blocks_range(stripe, 1);
        let ranges: Vec<(u8, VerifiedRange)> =
            from.iter().map(|&index| (index, stored.range(index, span))).collect();
        let blocks: Vec<(u8, &VerifiedRange)> = ranges.iter().map(|(i, range)| (*i, range)).collect();
        piece.extend_from_slice(&rebuilder.rebuild(stripe, &blocks)?);
    }
    let made = rebuilder.finish()?;
    assert_eq!(made.miner_node, miner);
    assert_eq!(made.piece, commit(piece.as_slice(), stored.descriptor.piece_len).unwrap().0);
    Ok(piece)
}

#[test]
fn same_miner_gets_the_identical_piece() {
    for (k, n) in [(1, 3), (4, 8), (10, 20), (29, 80), (50, 150)] {
        let stored = Stored::new(code(k, n), &plaintext(usize::from(k) * 65_536 + 1_000));
        for lost in [0, k - 1, k, n - 1] {
            let from: Vec<u8> = (0..n).rev().filter(|&index| index != lost).take(k.into()).collect();
            let miner = stored.descriptor.pieces[usize::from(lost)].miner_node;
            let piece = rebuild(&stored, lost, miner, &from).unwrap();
            assert!(piece == stored.pieces[usize::from(lost)], "{k}/{n} piece {lost}");
        }
    }
}

#[test]
fn new_miner_gets_another_piece_that_reads_as_well() {
    let plain = plaintext(400_000);
    for lost in [1, 6] {
        let mut stored = Stored::new(code(4, 8), &plain);
        let at = usize::from(lost);
        let miner = NodeId([77; 32]);
        let piece = rebuild(&stored, lost, miner, &[0, 2, 5, 7]).unwrap();
        assert!(piece != stored.pieces[at]);
        stored.forge(at, piece);
        stored.descriptor.pieces[at].miner_node = miner;
        assert!(stored.read(&[0, lost, 4, 5]) == Ok(plain.clone()));
    }
}

#[test]
fn too_few_pieces_and_wrong_numbers_are_refused() {
    let stored = Stored::new(code(4, 8), &plaintext(1_000));
    let miner = NodeId([77; 32]);
    let few = rebuild(&stored, 0, miner, &[1, 2, 3]);
    assert_eq!(few, Err(RowError::TooFewPieces { needed: 4, have: 3 }));
    let none = rebuild(&stored, 8, miner, &[1, 2, 3, 4]);
    assert_eq!(none, Err(RowError::NoSuchPiece { index: 8, count: 8 }));
}

#[test]
fn ending_early_is_told() {
    let stored = Stored::new(code(4, 8), &plaintext(1_000));
    let rebuilder = PieceRebuilder::new(&stored.descriptor, &Keys::new().repair, 0, NodeId([0; 32])).unwrap();
    assert_eq!(rebuilder.finish(), Err(RowError::Incomplete { expected: 1, actual: 0 }));
}

#[test]
fn piece_that_differs_from_the_lost_one_is_told() {
    let mut stored = Stored::new(code(4, 8), &plaintext(1_000));
    let mut forged = stored.pieces[2].clone();
    forged[0] ^= 1;
    stored.forge(2, forged);
    let miner = stored.descriptor.pieces[5].miner_node;
    let rebuilt = rebuild(&stored, 5, miner, &[0, 1, 2, 3]);
    assert!(matches!(rebuilt, Err(RowError::Rebuilt { .. })));
}
