//! A crash at every step of `finish`: the folder is copied at that moment, some of what was not synced
//! is spoiled, and the copy is opened.

use super::*;
use crate::{disk::Step, BatchEntry, StoreError};
use std::{
    fs, io,
    sync::{Arc, Mutex},
};

const STEPS: [Step; 7] = [
    Step::TreeWritten,
    Step::TreeSynced,
    Step::PieceSynced,
    Step::TreeMoved,
    Step::PieceMoved,
    Step::FolderSynced,
    Step::Committed,
];
const SIZE: usize = 100_000;

/// The folder as it was at each step of finishing piece 1; piece 0 was finished before.
struct Crashes {
    first: PieceId,
    second: PieceId,
    steps: Vec<(Step, tempfile::TempDir)>,
}

fn crashes() -> Crashes {
    let subject = OnDisk::new(1 << 20);
    subject.store.reserve(id(1), reservation(300_000)).unwrap();
    let first = put(&subject.store, id(1), 0, &content(0, SIZE));
    let steps = Arc::new(Mutex::new(Vec::new()));
    let (source, taken) = (subject.path().to_path_buf(), steps.clone());
    subject.store.hook.set(move |step| {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&source, copy.path());
        taken.lock().unwrap().push((step, copy));
        Ok(())
    });
    let second = put(&subject.store, id(1), 1, &content(1, SIZE));
    subject.store.hook.clear();
    let steps = std::mem::take(&mut *steps.lock().unwrap());
    Crashes { first, second, steps }
}

fn truncate(path: &Path, len: u64) {
    if let Ok(file) = fs::OpenOptions::new().write(true).open(path) {
        file.set_len(len).unwrap();
    }
}

#[test]
fn every_step_is_reached_in_order() {
    let steps: Vec<_> = crashes().steps.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, STEPS);
}

#[test]
fn crash_at_any_step_leaves_a_whole_piece_or_none() {
    let Crashes { first, second, steps } = crashes();
    for (step, dir) in steps {
        let size = u64::try_from(SIZE).unwrap();
        let subject = OnDisk { store: DiskStore::open(dir.path(), 1 << 20).unwrap(), quota: 1 << 20, dir };
        let mut batch = vec![BatchEntry { piece: first, len: size }];
        if step == Step::Committed {
            batch.push(BatchEntry { piece: second, len: size });
            assert_eq!(read_all(&subject.store, second, size), content(1, SIZE));
        } else {
            assert!(matches!(subject.store.read_range(second, 0, 1), Err(StoreError::UnknownPiece(_))));
        }
        assert_eq!(subject.store.batch(id(1)).unwrap(), batch, "{step:?}");
        assert_eq!(read_all(&subject.store, first, size), content(0, SIZE));
        // Nothing is left behind that the reservation does not cover, and the upload goes on.
        assert!(disk_bytes(subject.path()) <= subject.store.usage().reserved);
        assert_eq!(put(&subject.store, id(1), 1, &content(1, SIZE)), second, "{step:?}");
        let subject = subject.reopened();
        assert_eq!(subject.store.batch(id(1)).unwrap().len(), 2);
        subject.store.remove(id(1)).unwrap();
        assert_eq!(disk_bytes(subject.path()), 0);
    }
}

#[test]
fn power_cut_before_the_sync_costs_the_tail_only() {
    let Crashes { second, steps, .. } = crashes();
    let unsynced = |step: &Step| matches!(step, Step::TreeWritten | Step::TreeSynced);
    for (_, dir) in steps.into_iter().filter(|(step, _)| unsynced(step)) {
        let partial = dir.path().join("incoming").join(format!("{}-1.piece", hex::encode(id(1))));
        truncate(&partial, 33_333);
        truncate(&partial.with_extension("tree"), 10);
        let store = DiskStore::open(dir.path(), 1 << 20).unwrap();
        assert_eq!(store.written(id(1), 1).unwrap(), 33_333);
        assert_eq!(put(&store, id(1), 1, &content(1, SIZE)), second);
    }
}

/// A reservation with a piece that is written whole, and whose `finish` fails at `failing`.
fn failed_at(failing: Step) -> (OnDisk, Vec<u8>) {
    let subject = OnDisk::new(1 << 20);
    subject.store.reserve(id(1), reservation(300_000)).unwrap();
    let bytes = content(1, SIZE);
    subject.store.append(id(1), 0, 0, &bytes[..50_000]).unwrap();
    subject.store.append(id(1), 0, 50_000, &bytes[50_000..]).unwrap();
    subject.store.hook.set(move |step| match step == failing {
        true => Err(io::ErrorKind::StorageFull.into()),
        false => Ok(()),
    });
    let failed = subject.store.finish(id(1), 0, len(&bytes)).unwrap_err();
    assert!(matches!(failed, StoreError::DiskFull(_)), "{failed}");
    assert!(failed.is_fatal());
    subject.store.hook.clear();
    (subject, bytes)
}

fn is_sync(step: Step) -> bool {
    matches!(step, Step::TreeSynced | Step::PieceSynced | Step::FolderSynced)
}

#[test]
fn failure_that_is_no_sync_leaves_the_piece_partial_and_finish_can_be_repeated() {
    for failing in STEPS.into_iter().filter(|step| !is_sync(*step)) {
        let (subject, bytes) = failed_at(failing);
        assert_eq!(subject.store.written(id(1), 0).unwrap(), len(&bytes));
        assert_eq!(fs::metadata(subject.partial_file(id(1), 0)).unwrap().len(), len(&bytes));
        assert_eq!(disk_bytes(subject.path()), len(&bytes));
        // The process may also end here: a commit that failed may still have reached the disk.
        let subject = if failing == Step::Committed { subject.reopened() } else { subject };
        assert!(subject.store.batch(id(1)).unwrap().is_empty());
        let piece = subject.store.finish(id(1), 0, len(&bytes)).unwrap();
        assert_eq!(read_all(&subject.store, piece, len(&bytes)), bytes);
    }
}

#[test]
fn failed_sync_drops_the_piece_and_a_repeated_finish_does_not_vouch_for_it() {
    for failing in STEPS.into_iter().filter(|step| is_sync(*step)) {
        for restart in [false, true] {
            let (subject, bytes) = failed_at(failing);
            // A second sync of the same file would succeed, whatever is on the disk.
            assert_eq!(disk_bytes(subject.path()), 0, "{failing:?}");
            let subject = if restart { subject.reopened() } else { subject };
            assert_eq!(subject.store.written(id(1), 0).unwrap(), 0);
            let again = subject.store.finish(id(1), 0, len(&bytes));
            assert!(matches!(again, Err(StoreError::WrongLength { expected: 0, .. })), "{again:?}");
            assert!(subject.store.batch(id(1)).unwrap().is_empty());
            // All that was reserved is free for the new upload.
            subject.store.append(id(1), 1, 0, &[7; 200_000]).unwrap();
            let piece = put(&subject.store, id(1), 0, &bytes);
            assert_eq!(read_all(&subject.store, piece, len(&bytes)), bytes);
        }
    }
}
