//! Hostile and damaged folders.

use super::*;
use crate::{StoreError, Usage};
use std::fs;

const SIZE: usize = 100_000;

/// A store with one kept piece.
fn kept() -> (OnDisk, PieceId) {
    let subject = OnDisk::new(1 << 20);
    subject.store.reserve(id(1), reservation(200_000)).unwrap();
    let piece = put(&subject.store, id(1), 0, &content(1, SIZE));
    subject.store.keep(id(1)).unwrap();
    (subject, piece)
}

#[test]
fn second_opener_is_turned_away() {
    let (subject, _) = kept();
    let refused = DiskStore::open(subject.path(), 1).unwrap_err();
    assert!(matches!(&refused, StoreError::Locked(path) if path.starts_with(subject.path())), "{refused}");
    assert!(refused.is_fatal());
}

#[test]
fn flipped_byte_on_disk_is_found_by_the_reader() {
    let (subject, piece) = kept();
    let file = subject.piece_file(id(1), 0, "piece");
    let mut bytes = fs::read(&file).unwrap();
    bytes[50_000] ^= 1;
    fs::write(&file, bytes).unwrap();
    let range = read(&subject.store, piece, 49_000, 2_000);
    assert!(matches!(range, Err(RangeError::Corrupt { offset: 49_152, .. })), "{range:?}");
    read(&subject.store, piece, 0, 10_000).unwrap();
}

#[test]
fn flipped_byte_of_a_tree_is_found_by_the_reader() {
    let (subject, piece) = kept();
    let file = subject.piece_file(id(1), 0, "tree");
    let mut bytes = fs::read(&file).unwrap();
    bytes[5] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert!(matches!(read(&subject.store, piece, 0, 10), Err(RangeError::Corrupt { .. })));
}

#[test]
fn lost_files_of_a_kept_contract_are_told_and_nothing_else_is_hurt() {
    for (extension, cut) in [("piece", true), ("piece", false), ("tree", true), ("tree", false)] {
        let (subject, piece) = kept();
        subject.store.reserve(id(2), reservation(1_000)).unwrap();
        let other = put(&subject.store, id(2), 0, &content(2, 1_000));
        let file = subject.piece_file(id(1), 0, extension);
        let subject = subject.reopened_after(|_| match cut {
            true => fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(10).unwrap(),
            false => fs::remove_file(&file).unwrap(),
        });
        assert!(subject.store.batch(id(1)).unwrap().is_empty());
        let lost = subject.store.read_range(piece, 0, 1).unwrap_err();
        assert!(matches!(lost, StoreError::Lost(id) if id == piece));
        assert!(!lost.is_fatal());
        assert_eq!(subject.store.contracts().unwrap()[0].bytes, 0);
        assert_eq!(read_all(&subject.store, other, 1_000), content(2, 1_000));
        // The contract is charged until it is removed, like any other.
        assert!(subject.store.usage().stored > 100_000);
        subject.store.remove(id(1)).unwrap();
        assert_eq!(subject.store.usage().stored, 0);
    }
}

#[test]
fn piece_that_vanishes_while_open_is_lost() {
    let (subject, piece) = kept();
    fs::remove_file(subject.piece_file(id(1), 0, "piece")).unwrap();
    assert!(matches!(subject.store.read_range(piece, 0, 1), Err(StoreError::Lost(_))));
    assert!(subject.store.batch(id(1)).unwrap().is_empty());
}

#[test]
fn damaged_and_vanished_pieces_prove_nothing() {
    let (subject, piece) = kept();
    let file = subject.piece_file(id(1), 0, "piece");
    let mut bytes = fs::read(&file).unwrap();
    bytes[50_000] ^= 1;
    fs::write(&file, bytes).unwrap();
    let proven = |chunk| {
        let proof = subject.store.prove_chunk(piece, chunk).unwrap();
        lunarx_proof::verify_chunk(&piece, 100_000, chunk, &proof.bytes, &proof.path)
    };
    assert!(!proven(50_000 / 1024) && proven(0));
    // Open, so that only its bytes go.
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(10).unwrap();
    assert!(matches!(subject.store.prove_chunk(piece, 0), Err(StoreError::Lost(_))));
    assert!(subject.store.batch(id(1)).unwrap().is_empty());
}

#[test]
fn piece_cut_short_while_it_is_read_is_lost() {
    let (subject, piece) = kept();
    read(&subject.store, piece, 99_000, 1_000).unwrap();
    let file = fs::OpenOptions::new().write(true).open(subject.piece_file(id(1), 0, "piece")).unwrap();
    file.set_len(50_000).unwrap();
    assert!(matches!(subject.store.read_range(piece, 99_000, 1_000), Err(StoreError::Lost(_))));
}

#[test]
fn another_copy_serves_when_one_is_lost() {
    let (subject, piece) = kept();
    subject.store.reserve(id(2), reservation(200_000)).unwrap();
    assert_eq!(put(&subject.store, id(2), 9, &content(1, SIZE)), piece);
    fs::remove_file(subject.piece_file(id(1), 0, "piece")).unwrap();
    assert_eq!(read_all(&subject.store, piece, len(&content(1, SIZE))), content(1, SIZE));
}

#[test]
fn piece_lost_under_a_reservation_can_be_uploaded_again() {
    let subject = OnDisk::new(1 << 20);
    subject.store.reserve(id(1), reservation(200_000)).unwrap();
    let piece = put(&subject.store, id(1), 0, &content(1, SIZE));
    let file = subject.piece_file(id(1), 0, "tree");
    let subject = subject.reopened_after(|_| fs::remove_file(file).unwrap());
    assert_eq!(subject.store.written(id(1), 0).unwrap(), 0);
    assert!(matches!(subject.store.read_range(piece, 0, 1), Err(StoreError::UnknownPiece(_))));
    assert_eq!(put(&subject.store, id(1), 0, &content(1, SIZE)), piece);
}

#[test]
fn leftovers_are_swept_and_foreign_files_are_not() {
    let (subject, piece) = kept();
    let stray = [
        subject.partial_file(id(1), 3),
        subject.partial_file(id(9), 0),
        subject.partial_file(id(9), 0).with_extension("tree"),
        subject.piece_file(id(1), 1, "piece"),
        subject.piece_file(id(9), 0, "tree"),
    ];
    let foreign = [subject.path().join("incoming/notes.txt"), subject.path().join("pieces/00/notes.txt")];
    let subject = subject.reopened_after(|_| {
        stray.iter().chain(&foreign).for_each(|path| fs::write(path, [1; 100]).unwrap());
    });
    assert!(stray.iter().all(|path| !path.exists()));
    assert!(foreign.iter().all(|path| path.exists()));
    assert_eq!(read_all(&subject.store, piece, 100_000), content(1, SIZE));
}

#[test]
fn partial_longer_than_reserved_is_swept() {
    let subject = OnDisk::new(1 << 20);
    subject.store.reserve(id(1), reservation(1_000)).unwrap();
    subject.store.append(id(1), 0, 0, &[1; 100]).unwrap();
    let file = subject.partial_file(id(1), 0);
    let subject = subject.reopened_after(|_| fs::write(&file, [1; 1_001]).unwrap());
    assert_eq!(subject.store.written(id(1), 0).unwrap(), 0);
    assert!(!file.exists());
}

#[test]
fn partial_that_vanished_is_an_error_and_not_a_hole() {
    let subject = OnDisk::new(1 << 20);
    for contract in [1, 2] {
        subject.store.reserve(id(contract), reservation(1_000)).unwrap();
        subject.store.append(id(contract), 0, 0, &[1; 100]).unwrap();
    }
    let file = subject.partial_file(id(1), 0);
    let subject = subject.reopened();
    fs::remove_file(&file).unwrap();
    assert!(matches!(subject.store.append(id(1), 0, 100, &[1]), Err(StoreError::Io { .. })));
    assert!(matches!(subject.store.finish(id(1), 0, 100), Err(StoreError::Io { .. })));
    subject.store.append(id(2), 0, 100, &[1]).unwrap();
}

#[test]
fn refuses_pieces_without_metadata() {
    let (subject, _) = kept();
    let OnDisk { store, dir, .. } = subject;
    drop(store);
    let (metadata, away) = (dir.path().join("meta.redb"), dir.path().join("away"));
    fs::rename(&metadata, &away).unwrap();
    for empty in [false, true] {
        if empty {
            fs::write(&metadata, []).unwrap();
        }
        let refused = DiskStore::open(dir.path(), 1 << 20);
        assert!(matches!(refused, Err(StoreError::MetadataMissing(_))), "{refused:?}");
    }
    fs::rename(&away, &metadata).unwrap();
    let store = DiskStore::open(dir.path(), 1 << 20).unwrap();
    assert_eq!(store.batch(id(1)).unwrap().len(), 1);
}

#[test]
fn refuses_metadata_that_is_none() {
    let (subject, _) = kept();
    let OnDisk { store, dir, .. } = subject;
    drop(store);
    let metadata = dir.path().join("meta.redb");
    let whole = fs::read(&metadata).unwrap();
    for spoiled in [vec![7; 4_096], whole[..whole.len() / 2].to_vec()] {
        fs::write(&metadata, spoiled).unwrap();
        let refused = DiskStore::open(dir.path(), 1 << 20).unwrap_err();
        assert!(refused.is_fatal(), "{refused}");
    }
    fs::write(&metadata, whole).unwrap();
    DiskStore::open(dir.path(), 1 << 20).unwrap();
}

#[test]
fn refuses_another_format() {
    let (subject, _) = kept();
    let OnDisk { store, dir, .. } = subject;
    drop(store);
    let formats: redb::TableDefinition<&str, u32> = redb::TableDefinition::new("format");
    let db = redb::Database::open(dir.path().join("meta.redb")).unwrap();
    let transaction = db.begin_write().unwrap();
    transaction.open_table(formats).unwrap().insert("version", 2).unwrap();
    transaction.commit().unwrap();
    drop(db);
    let refused = DiskStore::open(dir.path(), 1 << 20).unwrap_err();
    assert!(matches!(refused, StoreError::Format { expected: 1, actual: 2 }), "{refused}");
}

#[test]
fn smaller_quota_keeps_what_is_there_and_takes_no_more() {
    let (subject, piece) = kept();
    let OnDisk { store, dir, .. } = subject;
    let stored = store.usage().stored;
    drop(store);
    let store = DiskStore::open(dir.path(), 10).unwrap();
    assert_eq!(store.usage(), Usage { quota: 10, reserved: 0, stored });
    assert_eq!(store.usage().free(), 0);
    assert!(matches!(store.reserve(id(2), reservation(1)), Err(StoreError::QuotaExceeded { free: 0, .. })));
    read(&store, piece, 0, 10).unwrap();
}

#[test]
fn more_pieces_than_open_files_are_written_and_read() {
    let subject = OnDisk::new(1 << 30);
    subject.store.reserve(id(1), reservation(1 << 20)).unwrap();
    for round in 0..2_u64 {
        for index in 0..200_u32 {
            subject.store.append(id(1), index, round * 10, &content(u64::from(index) + round, 10)).unwrap();
        }
    }
    let expected = |index: u32| [content(u64::from(index), 10), content(u64::from(index) + 1, 10)].concat();
    let pieces: Vec<_> = (0..200).map(|index| subject.store.finish(id(1), index, 20).unwrap()).collect();
    for (index, piece) in (0..).zip(pieces) {
        assert_eq!(read_all(&subject.store, piece, 20), expected(index));
    }
}
