//! Hostile and damaged folders.

use super::*;
use crate::StoreError;
use std::fs;

/// Too long for a pack.
const SIZE: usize = 200_000;

/// A store with one kept piece.
fn kept() -> (OnDisk, PieceId) {
    let subject = OnDisk::new(1 << 20);
    subject.store.reserve(id(1), reservation(300_000)).unwrap();
    let piece = put(&subject.store, id(1), 0, &content(1, SIZE));
    subject.store.keep(id(1)).unwrap();
    (subject, piece)
}

#[test]
fn second_opener_is_turned_away() {
    let (subject, _) = kept();
    let refused = open(subject.path(), 1).unwrap_err();
    assert!(matches!(&refused, StoreError::Locked(path) if path.starts_with(subject.path())), "{refused}");
    assert!(refused.is_fatal());
}

/// Changes a byte of a file.
fn spoil(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

fn cut(file: &Path, len: u64) {
    fs::OpenOptions::new().write(true).open(file).unwrap().set_len(len).unwrap();
}

#[test]
fn flipped_byte_on_disk_is_found_by_the_reader() {
    let (subject, piece) = kept();
    spoil(&subject.piece_file(id(1), 0), 50_000);
    let range = read(&subject.store, piece, 49_000, 2_000);
    assert!(matches!(range, Err(RangeError::Corrupt { offset: 49_152, .. })), "{range:?}");
    read(&subject.store, piece, 0, 10_000).unwrap();
}

#[test]
fn flipped_byte_of_a_tree_is_found_by_the_reader() {
    let (subject, piece) = kept();
    spoil(&subject.piece_file(id(1), 0), SIZE + 5);
    assert!(matches!(read(&subject.store, piece, 0, 10), Err(RangeError::Corrupt { .. })));
}

#[test]
fn lost_files_of_a_kept_contract_are_told_and_nothing_else_is_hurt() {
    for cut_short in [true, false] {
        let (subject, piece) = kept();
        subject.store.reserve(id(2), reservation(1_000)).unwrap();
        let other = put(&subject.store, id(2), 0, &content(2, 1_000));
        let file = subject.piece_file(id(1), 0);
        let subject = subject.reopened_after(|_| match cut_short {
            true => cut(&file, len(&content(1, SIZE))),
            false => fs::remove_file(&file).unwrap(),
        });
        let lost = subject.store.read_range(piece, 0, 1).unwrap_err();
        assert!(matches!(lost, StoreError::Lost(id) if id == piece));
        assert!(!lost.is_fatal());
        assert!(subject.store.batch(id(1)).unwrap().is_empty());
        let subject = subject.reopened();
        assert!(subject.store.batch(id(1)).unwrap().is_empty(), "it is remembered");
        assert_eq!(contracts(&subject.store)[0].bytes, 0);
        assert_eq!(read_all(&subject.store, other, 1_000), content(2, 1_000));
        // The contract is charged until it is removed, like any other.
        assert!(subject.store.usage().stored > 200_000);
        subject.store.remove(id(1)).unwrap();
        collect_all(&subject.store);
        assert_eq!(subject.store.usage().stored, 0);
        subject.store.verify();
    }
}

#[test]
fn a_pack_that_is_cut_short_or_gone_loses_what_was_in_it_and_the_store_goes_on() {
    for gone in [true, false] {
        let subject = OnDisk::new(1 << 20);
        subject.store.reserve(id(1), reservation(200_000)).unwrap();
        let pieces: Vec<_> =
            (0..2).map(|index| put(&subject.store, id(1), index, &content(index.into(), 6_000))).collect();
        subject.store.keep(id(1)).unwrap();
        let pack = subject.pack_file();
        let subject = subject.reopened_after(|_| match gone {
            true => fs::remove_file(&pack).unwrap(),
            false => cut(&pack, 8_192),
        });
        assert!(matches!(subject.store.read_range(pieces[1], 0, 1), Err(StoreError::Lost(_))));
        assert_eq!(subject.store.read_range(pieces[0], 0, 1).is_err(), gone);
        let faults = subject.store.scrub(u64::MAX).unwrap().faults;
        assert!(faults.is_empty(), "both were noted by the reads: {faults:?}");
        subject.store.reserve(id(2), reservation(200_000)).unwrap();
        let other = put(&subject.store, id(2), 0, &content(7, 6_000));
        let subject = subject.reopened();
        assert_eq!(read_all(&subject.store, other, 6_000), content(7, 6_000));
        subject.store.remove(id(1)).unwrap();
        collect_all(&subject.store);
        subject.store.verify();
    }
}

#[test]
fn the_space_of_removed_small_pieces_is_given_back_and_their_neighbours_stay() {
    let subject = OnDisk::new(8 << 20);
    let sizes = [1, 5_000, 16_385, 100_000];
    let mut pieces = Vec::new();
    for contract in 1..=4 {
        subject.store.reserve(id(contract), reservation(200_000)).unwrap();
        for (index, size) in (0..).zip(sizes) {
            let bytes = content(u64::from(contract) * 10 + u64::from(index), size);
            pieces.push((put(&subject.store, id(contract), index, &bytes), bytes));
        }
        subject.store.keep(id(contract)).unwrap();
    }
    let before = disk_bytes(subject.path());
    subject.store.remove(id(2)).unwrap();
    subject.store.remove(id(3)).unwrap();
    let garbage = subject.store.usage().garbage;
    assert!(garbage > 200_000);
    collect_all(&subject.store);
    subject.store.verify();
    let after = disk_bytes(subject.path());
    // The file system's own map of the file may take a block more.
    assert!(
        before - after >= garbage - 8_192,
        "{before} - {after} < {garbage}: does this file system make holes?"
    );
    let subject = subject.reopened();
    for (at, (piece, bytes)) in pieces.iter().enumerate() {
        match at / sizes.len() {
            0 | 3 => assert_eq!(&read_all(&subject.store, *piece, len(bytes)), bytes),
            _ => assert!(matches!(subject.store.read_range(*piece, 0, 1), Err(StoreError::UnknownPiece(_)))),
        }
    }
}

#[test]
fn packs_end_and_dead_ones_are_deleted() {
    let subject = OnDisk::new(1 << 30);
    let bytes = |contract: u8, index: u32| content(u64::from(contract) << 8 | u64::from(index), 128 << 10);
    for contract in 0..3 {
        subject.store.reserve(id(contract), reservation(32 << 20)).unwrap();
        std::thread::scope(|scope| {
            for index in 0..255 {
                let store = &subject.store;
                scope.spawn(move || put(store, id(contract), index, &bytes(contract, index)));
            }
        });
        subject.store.keep(id(contract)).unwrap();
    }
    let packs = || subject.packs().len();
    assert_eq!(packs(), 2, "96 MiB in packs of 64 MiB");
    subject.store.verify();
    for contract in [0, 1] {
        subject.store.remove(id(contract)).unwrap();
    }
    collect_all(&subject.store);
    assert!(packs() <= 2);
    let taken = disk_bytes(subject.path());
    assert!(taken <= subject.store.usage().stored + (1 << 20), "{taken} bytes are taken");
    for entry in subject.store.batch(id(2)).unwrap() {
        read(&subject.store, entry.piece, 100, 1_000).unwrap();
    }
    subject.store.remove(id(2)).unwrap();
    collect_all(&subject.store);
    subject.store.verify();
    assert_eq!(packs(), 1, "the one that is written to");
}

#[test]
fn many_small_pieces_share_commits_and_reads_go_on_meanwhile() {
    let subject = OnDisk::new(1 << 30);
    let first = {
        subject.store.reserve(id(0), reservation(10_000)).unwrap();
        put(&subject.store, id(0), 0, &content(99, 9_000))
    };
    std::thread::scope(|scope| {
        for contract in 1..=8 {
            let store = &subject.store;
            scope.spawn(move || {
                store.reserve(id(contract), reservation(1 << 20)).unwrap();
                for index in 0..40 {
                    let bytes = content(u64::from(contract) << 8 | u64::from(index), 2_000);
                    let piece = put(store, id(contract), index, &bytes);
                    assert_eq!(read_all(store, piece, 2_000), bytes);
                    assert_eq!(read_all(store, first, 9_000), content(99, 9_000));
                }
                if contract % 2 == 0 {
                    store.keep(id(contract)).unwrap();
                } else {
                    store.remove(id(contract)).unwrap();
                    store.collect(1 << 20).unwrap();
                }
            });
        }
    });
    collect_all(&subject.store);
    subject.store.verify();
    assert_eq!(contracts(&subject.store).len(), 5);
    all_whole(&subject.store);
}

#[test]
fn piece_that_vanishes_while_open_is_lost() {
    let (subject, piece) = kept();
    fs::remove_file(subject.piece_file(id(1), 0)).unwrap();
    assert!(matches!(subject.store.read_range(piece, 0, 1), Err(StoreError::Lost(_))));
    assert!(subject.store.batch(id(1)).unwrap().is_empty());
}

#[test]
fn damaged_and_vanished_pieces_prove_nothing() {
    let (subject, piece) = kept();
    let file = subject.piece_file(id(1), 0);
    spoil(&file, 50_000);
    let proven = |chunk| {
        let proof = subject.store.prove_chunk(piece, chunk).unwrap();
        lunarx_proof::verify_chunk(&piece, len(&content(1, SIZE)), chunk, &proof.bytes, &proof.path)
    };
    assert!(!proven(50_000 / 1024) && proven(0));
    // Open, so that only its bytes go.
    cut(&file, 10);
    assert!(matches!(subject.store.prove_chunk(piece, 0), Err(StoreError::Lost(_))));
    assert!(subject.store.batch(id(1)).unwrap().is_empty());
}

#[test]
fn piece_cut_short_while_it_is_read_is_lost() {
    let (subject, piece) = kept();
    read(&subject.store, piece, 99_000, 1_000).unwrap();
    cut(&subject.piece_file(id(1), 0), 50_000);
    assert!(matches!(subject.store.read_range(piece, 99_000, 1_000), Err(StoreError::Lost(_))));
}

#[test]
fn another_copy_serves_when_one_is_lost() {
    let (subject, piece) = kept();
    subject.store.reserve(id(2), reservation(300_000)).unwrap();
    assert_eq!(put(&subject.store, id(2), 9, &content(1, SIZE)), piece);
    fs::remove_file(subject.piece_file(id(1), 0)).unwrap();
    assert_eq!(read_all(&subject.store, piece, len(&content(1, SIZE))), content(1, SIZE));
}

#[test]
fn piece_lost_under_a_reservation_can_be_uploaded_again() {
    let subject = OnDisk::new(1 << 20);
    subject.store.reserve(id(1), reservation(300_000)).unwrap();
    let piece = put(&subject.store, id(1), 0, &content(1, SIZE));
    let file = subject.piece_file(id(1), 0);
    let subject = subject.reopened_after(|_| fs::remove_file(file).unwrap());
    assert_eq!(subject.store.written(id(1), 0).unwrap(), 0);
    assert!(matches!(subject.store.read_range(piece, 0, 1), Err(StoreError::UnknownPiece(_))));
    assert_eq!(put(&subject.store, id(1), 0, &content(1, SIZE)), piece);
    collect_all(&subject.store);
    assert_eq!(read_all(&subject.store, piece, len(&content(1, SIZE))), content(1, SIZE));
    subject.store.verify();
}

#[test]
fn leftovers_are_swept_and_foreign_files_are_not() {
    let (subject, piece) = kept();
    subject.store.reserve(id(2), reservation(300_000)).unwrap();
    put(&subject.store, id(2), 0, &content(2, SIZE));
    let own = subject.piece_file(id(2), 0);
    let stray = [
        subject.partial_file(id(1), 3),
        subject.partial_file(id(9), 0),
        own.with_file_name(format!("{}-1-77.piece", hex::encode(id(2)))),
        subject.path().join("packs/00000000000000ff.pack"),
    ];
    let foreign = ["incoming/notes.txt", "packs/notes.txt"].map(|name| subject.path().join(name));
    let subject = subject.reopened_after(|_| {
        stray.iter().chain(&foreign).for_each(|path| fs::write(path, [1; 100]).unwrap());
    });
    assert!(stray.iter().all(|path| !path.exists()));
    assert!(own.exists() && foreign.iter().all(|path| path.exists()));
    assert_eq!(read_all(&subject.store, piece, len(&content(1, SIZE))), content(1, SIZE));
}

#[test]
fn what_was_in_memory_is_there_after_a_close_and_gone_after_a_crash() {
    let subject = OnDisk::new(1 << 20);
    subject.store.reserve(id(1), reservation(300_000)).unwrap();
    subject.store.append(id(1), 0, 0, &[1; 1_000]).unwrap();
    assert!(!subject.partial_file(id(1), 0).exists());
    let subject = subject.reopened();
    assert_eq!(subject.store.written(id(1), 0).unwrap(), 1_000);
    subject.store.append(id(1), 0, 1_000, &[1; 1_000]).unwrap();
    let piece = subject.store.finish(id(1), 0, 2_000).unwrap();
    assert!(!subject.partial_file(id(1), 0).exists(), "in a pack now");
    assert_eq!(read_all(&subject.store, piece, 2_000), [1; 2_000]);
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
        let refused = open(dir.path(), 1 << 20);
        assert!(matches!(refused, Err(StoreError::MetadataMissing(_))), "{refused:?}");
    }
    fs::rename(&away, &metadata).unwrap();
    let store = open(dir.path(), 1 << 20).unwrap();
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
        let refused = open(dir.path(), 1 << 20).unwrap_err();
        assert!(refused.is_fatal(), "{refused}");
    }
    fs::write(&metadata, whole).unwrap();
    open(dir.path(), 1 << 20).unwrap();
}

#[test]
fn refuses_another_format() {
    let (subject, _) = kept();
    let OnDisk { store, dir, .. } = subject;
    drop(store);
    let formats: redb::TableDefinition<&str, u32> = redb::TableDefinition::new("format");
    let db = redb::Database::open(dir.path().join("meta.redb")).unwrap();
    let transaction = db.begin_write().unwrap();
    transaction.open_table(formats).unwrap().insert("version", 1).unwrap();
    transaction.commit().unwrap();
    drop(db);
    let refused = open(dir.path(), 1 << 20).unwrap_err();
    assert!(matches!(refused, StoreError::Format { expected: 2, actual: 1 }), "{refused}");
}

#[test]
fn smaller_quota_keeps_what_is_there_and_takes_no_more() {
    let (subject, piece) = kept();
    let OnDisk { store, dir, .. } = subject;
    let stored = store.usage().stored;
    drop(store);
    let store = open(dir.path(), 10).unwrap();
    let usage = store.usage();
    assert_eq!((usage.quota, usage.reserved, usage.stored), (10, 0, stored));
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

/// A store with a kept contract of a large piece and a small one.
fn kept_both() -> (OnDisk, Vec<PieceId>) {
    let subject = OnDisk::new(1 << 20);
    subject.store.reserve(id(1), reservation(300_000)).unwrap();
    let pieces = (0..).zip([SIZE, 6_000]);
    let pieces = pieces.map(|(index, size)| put(&subject.store, id(1), index, &content(1, size))).collect();
    subject.store.keep(id(1)).unwrap();
    (subject, pieces)
}

#[test]
fn a_folder_that_is_not_mounted_costs_nothing() {
    for folder in ["pieces", "packs"] {
        let (subject, pieces) = kept_both();
        let (here, away) = (subject.path().join(folder), subject.path().join("away"));
        // While the store is open: nothing is taken for lost, whoever looks.
        fs::rename(&here, &away).unwrap();
        fs::create_dir(&here).unwrap();
        for piece in &pieces {
            let read = subject.store.read_range(*piece, 0, 1);
            assert!(matches!(read, Ok(_) | Err(StoreError::NotOurs(_))), "{read:?}");
        }
        assert!(matches!(subject.store.scrub(u64::MAX), Err(StoreError::NotOurs(_))));
        assert_eq!(subject.store.batch(id(1)).unwrap().len(), 2);
        // And it does not open so.
        let OnDisk { store, quota, dir } = subject;
        drop(store);
        let refused = open(dir.path(), quota).unwrap_err();
        assert!(matches!(&refused, StoreError::NotOurs(_)) && refused.is_fatal(), "{refused}");
        fs::remove_dir(&here).unwrap();
        fs::rename(&away, &here).unwrap();
        let store = open(dir.path(), quota).unwrap();
        all_whole(&store);
        assert_eq!(store.batch(id(1)).unwrap().len(), 2);
    }
}

#[test]
fn garbage_is_not_forgotten_while_its_folder_is_away() {
    let (subject, _) = kept_both();
    let (here, away) = (subject.path().join("pieces"), subject.path().join("away"));
    subject.store.remove(id(1)).unwrap();
    fs::rename(&here, &away).unwrap();
    assert!(matches!(subject.store.collect(u64::MAX), Err(StoreError::NotOurs(_))));
    fs::rename(&away, &here).unwrap();
    collect_all(&subject.store);
    let bodies = disk_bytes(&here);
    assert_eq!(bodies, 0, "{bodies} bytes are left");
}

#[test]
fn a_lost_mark_is_made_again_and_another_one_is_respected() {
    for folder in ["pieces", "packs"] {
        let (subject, _) = kept_both();
        let mark = subject.path().join(folder).join("store-id");
        let ours = fs::read(&mark).unwrap();
        let mut subject = subject;
        for half in [false, true] {
            fs::remove_file(&mark).unwrap();
            if half {
                fs::write(&mark, [1, 2, 3]).unwrap();
            }
            subject = subject.reopened();
            assert_eq!(fs::read(&mark).unwrap(), ours, "what is there shows whose it is");
        }
        let OnDisk { store, quota, dir } = subject;
        drop(store);
        fs::write(&mark, [7; 16]).unwrap();
        assert!(matches!(open(dir.path(), quota), Err(StoreError::NotOurs(_))));
    }
}
