//! What every store does, in memory or on disk.

use super::*;
use crate::{BatchEntry, StoreError, MAX_OFFER_BYTES, MAX_PIECES_PER_CONTRACT, MAX_PIECE_BYTES};
use lunarx_proof::{chunks_of, verify_chunk, ChunkProof};

macro_rules! suite {
    ($($test:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $test() { super::$test::<super::InMemory>(); })*
        }
        mod disk {
            $(#[test] fn $test() { super::$test::<super::OnDisk>(); })*
        }
        #[cfg(feature = "objects-tests")]
        mod objects {
            $(#[test] fn $test() { super::$test::<crate::tests::objects::InObjects>(); })*
        }
        #[cfg(feature = "objects-tests")]
        mod s3 {
            $(#[test] fn $test() { super::$test::<crate::tests::objects::InS3>(); })*
        }
        /// Where an HDFS is at hand: see docs/store.md.
        #[cfg(feature = "objects-tests")]
        mod hdfs {
            $(#[test] fn $test() {
                match crate::tests::objects::InHdfs::url() {
                    Some(_) => super::$test::<crate::tests::objects::InHdfs>(),
                    None => println!("skipped: LUNARX_TEST_HDFS names no HDFS"),
                }
            })*
        }
    };
}

suite![
    piece_goes_in_and_comes_out,
    resumes_where_it_stopped,
    refuses_another_offset,
    refuses_more_than_reserved_over_all_pieces,
    refuses_more_than_reserved_after_a_restart,
    refuses_more_pieces_than_the_reservation_has_blocks,
    refuses_finish_at_another_length,
    refuses_an_empty_piece,
    finish_is_idempotent_and_closes_the_piece,
    unfinished_pieces_are_not_visible,
    batch_is_in_index_order,
    kept_contracts_are_closed_and_charged_for_what_they_hold,
    keep_drops_unfinished_pieces,
    keep_twice_is_keep_once,
    remove_frees_the_space_and_is_idempotent,
    remove_of_one_copy_leaves_the_other,
    removed_contract_can_be_reserved_again,
    unknown_contracts_and_pieces_are_named,
    refuses_a_second_reservation,
    refuses_what_does_not_fit_and_says_what_would,
    quota_covers_the_hashes,
    tiny_reservations_and_pieces_are_charged_by_the_block,
    refuses_overflowing_sizes,
    refuses_indices_and_offers_out_of_bounds,
    refuses_ranges_out_of_bounds,
    every_chunk_is_proven,
    what_is_whole_is_scrubbed_and_stays,
    contracts_are_listed_with_their_reservations,
    many_threads_write_different_pieces,
    one_of_many_threads_wins_the_same_offset,
];

const QUOTA: u64 = 10 << 20;

/// Quota, reserved and stored bytes.
fn held(store: &dyn PieceStore) -> (u64, u64, u64) {
    let usage = store.usage();
    (usage.quota, usage.reserved, usage.stored)
}

fn reserved<S: Subject>(max_bytes: u64) -> S {
    let subject = S::new(QUOTA);
    subject.store().reserve(id(1), reservation(max_bytes)).unwrap();
    subject
}

fn piece_goes_in_and_comes_out<S: Subject>() {
    let mut subject: S = reserved(1 << 20);
    for (index, size) in (0..).zip([1, 16_383, 16_384, 16_385, 300_000]) {
        let bytes = content(u64::from(index), size);
        let piece = put(subject.store(), id(1), index, &bytes);
        let (expected, _) = lunarx_proof::commit(bytes.as_slice(), len(&bytes)).unwrap();
        assert_eq!(piece, expected);
        assert_eq!(read_all(subject.store(), piece, len(&bytes)), bytes);
        subject = subject.reopened();
        assert_eq!(read_all(subject.store(), piece, len(&bytes)), bytes);
        let middle = read(subject.store(), piece, len(&bytes) / 2, 1).unwrap();
        assert_eq!(middle.bytes(), &bytes[size / 2..=size / 2]);
    }
}

fn resumes_where_it_stopped<S: Subject>() {
    let mut subject: S = reserved(1 << 20);
    let bytes = content(1, 200_000);
    let mut offset = 0;
    for part in bytes.chunks(60_000) {
        assert_eq!(subject.store().written(id(1), 4).unwrap(), offset);
        offset = subject.store().append(id(1), 4, offset, part).unwrap();
        subject = subject.reopened();
    }
    assert_eq!(subject.store().append(id(1), 4, offset, &[]).unwrap(), offset);
    let piece = subject.store().finish(id(1), 4, offset).unwrap();
    assert_eq!(read_all(subject.store(), piece, offset), bytes);
    assert_eq!(subject.store().written(id(1), 4).unwrap(), offset);
}

fn refuses_another_offset<S: Subject>() {
    let subject: S = reserved(1 << 20);
    let store = subject.store();
    store.append(id(1), 0, 0, &[1; 100]).unwrap();
    for offset in [0, 99, 101, u64::MAX] {
        let refused = store.append(id(1), 0, offset, &[1; 100]);
        assert!(
            matches!(refused, Err(StoreError::WrongOffset { expected: 100, actual }) if actual == offset)
        );
    }
    assert_eq!(store.written(id(1), 0).unwrap(), 100);
}

fn refuses_more_than_reserved_over_all_pieces<S: Subject>() {
    let subject: S = reserved(10_000);
    let store = subject.store();
    store.append(id(1), 0, 0, &[1; 6_000]).unwrap();
    let refused = store.append(id(1), 1, 0, &[1; 4_001]);
    assert!(matches!(refused, Err(StoreError::TooLong { actual: 10_001, max: 10_000 })));
    store.append(id(1), 1, 0, &[1; 4_000]).unwrap();
    store.finish(id(1), 0, 6_000).unwrap();
    assert!(matches!(
        store.append(id(1), 1, 4_000, &[1]),
        Err(StoreError::TooLong { actual: 10_001, max: 10_000 })
    ));
    store.finish(id(1), 1, 4_000).unwrap();
}

fn refuses_more_than_reserved_after_a_restart<S: Subject>() {
    let subject: S = reserved(10_000);
    put(subject.store(), id(1), 0, &[1; 3_000]);
    subject.store().append(id(1), 1, 0, &[1; 3_000]).unwrap();
    let subject = subject.reopened();
    let refused = subject.store().append(id(1), 1, 3_000, &[1; 4_001]);
    assert!(matches!(refused, Err(StoreError::TooLong { actual: 10_001, max: 10_000 })));
    subject.store().append(id(1), 1, 3_000, &[1; 4_000]).unwrap();
}

/// Otherwise 256 pieces of a byte would take 256 blocks of the disk for 256 bytes of the quota.
fn refuses_more_pieces_than_the_reservation_has_blocks<S: Subject>() {
    for (max_bytes, pieces) in [(256, 1), (4_096, 1), (8_191, 1), (8_192, 2), (40_000, 9)] {
        let subject: S = reserved(max_bytes);
        for index in 0..pieces {
            put(subject.store(), id(1), index, &content(index.into(), 1));
        }
        let subject = subject.reopened();
        let store = subject.store();
        let refused = |error: Option<StoreError>| match error {
            Some(StoreError::IndexTooLarge { index, max }) => (index, max) == (pieces, pieces),
            _ => false,
        };
        assert!(refused(store.append(id(1), pieces, 0, &[1]).err()));
        assert!(refused(store.written(id(1), pieces).err()));
        assert!(refused(store.finish(id(1), pieces, 1).err()));
        store.keep(id(1)).unwrap();
        assert!(refused(store.append(id(1), pieces, 0, &[1]).err()));
        assert!(refused(store.written(id(1), pieces).err()));
        assert!(refused(store.finish(id(1), pieces, 1).err()));
        assert_eq!(store.batch(id(1)).unwrap().len(), usize::try_from(pieces).unwrap());
    }
}

fn tiny_reservations_and_pieces_are_charged_by_the_block<S: Subject>() {
    let block = crate::space::BLOCK_BYTES;
    let subject = S::new(2 * block);
    let store = subject.store();
    store.reserve(id(1), reservation(1)).unwrap();
    assert_eq!(store.usage().reserved, block);
    put(store, id(1), 0, &[1]);
    store.keep(id(1)).unwrap();
    assert_eq!((store.usage().reserved, store.usage().stored), (0, block));
    let subject = subject.reopened();
    assert_eq!(subject.store().usage().stored, block);
    subject.store().reserve(id(2), reservation(0)).unwrap();
    let full = subject.store().reserve(id(3), reservation(1));
    assert!(matches!(full, Err(StoreError::QuotaExceeded { needed: 1, free: 0 })));
    subject.store().remove(id(1)).unwrap();
    subject.store().remove(id(2)).unwrap();

    // Small pieces of a larger contract cost no more than what was reserved, and no less than their files.
    subject.store().reserve(id(4), reservation(2 * block)).unwrap();
    put(subject.store(), id(4), 0, &[1]);
    put(subject.store(), id(4), 1, &[2]);
    subject.store().keep(id(4)).unwrap();
    assert_eq!(subject.store().usage().stored, 2 * block);
    let subject = subject.reopened();
    assert_eq!(subject.store().usage().stored, 2 * block);
    subject.store().remove(id(4)).unwrap();
    collect_all(subject.store());
    assert_eq!(subject.store().usage().free(), 2 * block);
}

fn refuses_finish_at_another_length<S: Subject>() {
    let subject: S = reserved(10_000);
    let store = subject.store();
    store.append(id(1), 0, 0, &[1; 100]).unwrap();
    for actual in [0, 99, 101, u64::MAX] {
        let refused = store.finish(id(1), 0, actual);
        assert!(matches!(refused, Err(StoreError::WrongLength { expected: 100, .. })), "{refused:?}");
    }
    assert!(matches!(store.finish(id(1), 1, 5), Err(StoreError::WrongLength { expected: 0, actual: 5 })));
    store.finish(id(1), 0, 100).unwrap();
    assert!(matches!(store.finish(id(1), 0, 99), Err(StoreError::WrongLength { expected: 100, actual: 99 })));
}

fn refuses_an_empty_piece<S: Subject>() {
    let subject: S = reserved(1_000);
    assert!(matches!(subject.store().finish(id(1), 0, 0), Err(StoreError::EmptyPiece)));
    subject.store().append(id(1), 0, 0, &[]).unwrap();
    assert!(matches!(subject.store().finish(id(1), 0, 0), Err(StoreError::EmptyPiece)));
    assert!(subject.store().batch(id(1)).unwrap().is_empty());
}

fn finish_is_idempotent_and_closes_the_piece<S: Subject>() {
    let subject: S = reserved(20_000);
    let bytes = content(5, 500);
    let piece = put(subject.store(), id(1), 2, &bytes);
    assert_eq!(subject.store().finish(id(1), 2, 500).unwrap(), piece);
    let subject = subject.reopened();
    assert_eq!(subject.store().finish(id(1), 2, 500).unwrap(), piece);
    let refused = subject.store().append(id(1), 2, 500, &[1]);
    assert!(matches!(refused, Err(StoreError::AlreadyFinished { index: 2, .. })));
    subject.store().keep(id(1)).unwrap();
    assert_eq!(subject.store().finish(id(1), 2, 500).unwrap(), piece);
    assert_eq!(subject.store().written(id(1), 2).unwrap(), 500);
    assert!(matches!(subject.store().finish(id(1), 2, 499), Err(StoreError::WrongLength { .. })));
    assert!(matches!(subject.store().finish(id(1), 3, 499), Err(StoreError::Kept(_))));
}

fn what_is_whole_is_scrubbed_and_stays<S: Subject>() {
    let mut subject: S = reserved(1 << 20);
    let sizes = [1, 4_096, 20_000, 200_000];
    for (index, size) in (0..).zip(sizes) {
        put(subject.store(), id(1), index, &content(u64::from(index), size));
    }
    for _ in 0..2 {
        all_whole(subject.store());
        assert_eq!(subject.store().batch(id(1)).unwrap().len(), sizes.len());
        subject = subject.reopened();
    }
    let stored = contracts(subject.store()).remove(0);
    assert_eq!((stored.bytes, stored.lost), (224_097, 0));
}

fn unfinished_pieces_are_not_visible<S: Subject>() {
    let subject: S = reserved(100_000);
    let bytes = content(6, 50_000);
    let (piece, _) = lunarx_proof::commit(bytes.as_slice(), 50_000).unwrap();
    subject.store().append(id(1), 0, 0, &bytes).unwrap();
    assert!(matches!(subject.store().read_range(piece, 0, 1), Err(StoreError::UnknownPiece(_))));
    assert!(subject.store().batch(id(1)).unwrap().is_empty());
    assert_eq!(subject.store().finish(id(1), 0, 50_000).unwrap(), piece);
    assert_eq!(subject.store().batch(id(1)).unwrap(), [BatchEntry { piece, len: 50_000 }]);
}

fn batch_is_in_index_order<S: Subject>() {
    let subject: S = reserved(1 << 20);
    let entry = |index: u32| {
        let bytes = content(u64::from(index), 100);
        BatchEntry { piece: put(subject.store(), id(1), index, &bytes), len: 100 }
    };
    let (last, first, middle) = (entry(255), entry(0), entry(10));
    assert_eq!(subject.store().batch(id(1)).unwrap(), [first, middle, last]);
}

fn kept_contracts_are_closed_and_charged_for_what_they_hold<S: Subject>() {
    let subject: S = reserved(100_000);
    let bytes = content(7, 40_000);
    let piece = put(subject.store(), id(1), 0, &bytes);
    subject.store().keep(id(1)).unwrap();
    let expected = (QUOTA, 0, 40_000 + 2 * 64);
    assert_eq!(held(subject.store()), expected);
    let subject = subject.reopened();
    assert_eq!(held(subject.store()), expected);
    assert!(matches!(subject.store().append(id(1), 0, 40_000, &[1]), Err(StoreError::Kept(_))));
    assert!(matches!(subject.store().append(id(1), 1, 0, &[1]), Err(StoreError::Kept(_))));
    assert!(matches!(subject.store().written(id(1), 1), Err(StoreError::Kept(_))));
    assert_eq!(read_all(subject.store(), piece, 40_000), bytes);
    assert!(matches!(subject.store().reserve(id(1), reservation(1)), Err(StoreError::AlreadyReserved(_))));
}

fn keep_drops_unfinished_pieces<S: Subject>() {
    let subject: S = reserved(100_000);
    let bytes = content(8, 5_000);
    let piece = put(subject.store(), id(1), 0, &bytes);
    subject.store().append(id(1), 1, 0, &[1; 50_000]).unwrap();
    subject.store().keep(id(1)).unwrap();
    assert_eq!(subject.store().usage().stored, 5_000);
    assert_eq!(subject.store().batch(id(1)).unwrap(), [BatchEntry { piece, len: 5_000 }]);
}

fn keep_twice_is_keep_once<S: Subject>() {
    let subject: S = reserved(100_000);
    put(subject.store(), id(1), 0, &content(8, 500));
    subject.store().keep(id(1)).unwrap();
    let usage = held(subject.store());
    subject.store().keep(id(1)).unwrap();
    let subject = subject.reopened();
    subject.store().keep(id(1)).unwrap();
    assert_eq!(held(subject.store()), usage);
}

fn remove_frees_the_space_and_is_idempotent<S: Subject>() {
    for kept in [false, true] {
        let subject: S = reserved(100_000);
        let piece = put(subject.store(), id(1), 0, &content(9, 20_000));
        subject.store().append(id(1), 1, 0, &[1; 100]).unwrap();
        read_all(subject.store(), piece, 20_000);
        if kept {
            subject.store().keep(id(1)).unwrap();
        }
        subject.store().remove(id(1)).unwrap();
        subject.store().remove(id(1)).unwrap();
        collect_all(subject.store());
        assert_eq!(subject.store().usage().free(), QUOTA);
        assert!(matches!(subject.store().read_range(piece, 0, 1), Err(StoreError::UnknownPiece(_))));
        assert!(matches!(subject.store().batch(id(1)), Err(StoreError::UnknownContract(_))));
        assert!(matches!(subject.store().append(id(1), 1, 100, &[1]), Err(StoreError::UnknownContract(_))));
        let subject = subject.reopened();
        assert!(contracts(subject.store()).is_empty());
        assert_eq!(subject.store().usage().free(), QUOTA);
    }
}

fn remove_of_one_copy_leaves_the_other<S: Subject>() {
    let subject: S = reserved(100_000);
    subject.store().reserve(id(2), reservation(100_000)).unwrap();
    let bytes = content(10, 20_000);
    let piece = put(subject.store(), id(1), 0, &bytes);
    assert_eq!(put(subject.store(), id(2), 5, &bytes), piece);
    read_all(subject.store(), piece, 20_000);
    subject.store().remove(id(1)).unwrap();
    assert_eq!(read_all(subject.store(), piece, 20_000), bytes);
    subject.store().remove(id(2)).unwrap();
    assert!(matches!(subject.store().read_range(piece, 0, 1), Err(StoreError::UnknownPiece(_))));
}

fn removed_contract_can_be_reserved_again<S: Subject>() {
    let subject: S = reserved(100_000);
    subject.store().append(id(1), 0, 0, &[1; 100]).unwrap();
    subject.store().remove(id(1)).unwrap();
    subject.store().reserve(id(1), reservation(200)).unwrap();
    assert_eq!(subject.store().written(id(1), 0).unwrap(), 0);
    put(subject.store(), id(1), 0, &content(1, 200));
}

fn unknown_contracts_and_pieces_are_named<S: Subject>() {
    let subject = S::new(QUOTA);
    let store = subject.store();
    assert!(matches!(store.written(id(1), 0), Err(StoreError::UnknownContract(c)) if c == id(1)));
    assert!(matches!(store.append(id(1), 0, 0, &[1]), Err(StoreError::UnknownContract(_))));
    assert!(matches!(store.finish(id(1), 0, 1), Err(StoreError::UnknownContract(_))));
    assert!(matches!(store.batch(id(1)), Err(StoreError::UnknownContract(_))));
    assert!(matches!(store.keep(id(1)), Err(StoreError::UnknownContract(_))));
    let unknown = store.read_range(PieceId([9; 32]), 0, 1);
    assert!(matches!(unknown, Err(StoreError::UnknownPiece(PieceId([9, ..])))));
    assert!(!unknown.unwrap_err().is_fatal());
    store.remove(id(1)).unwrap();
}

fn refuses_a_second_reservation<S: Subject>() {
    let subject: S = reserved(100);
    let before = held(subject.store());
    assert!(matches!(subject.store().reserve(id(1), reservation(1)), Err(StoreError::AlreadyReserved(_))));
    let subject = subject.reopened();
    assert!(matches!(subject.store().reserve(id(1), reservation(1)), Err(StoreError::AlreadyReserved(_))));
    assert_eq!(held(subject.store()), before);
}

fn refuses_what_does_not_fit_and_says_what_would<S: Subject>() {
    let subject: S = reserved(QUOTA / 2);
    let store = subject.store();
    let Err(StoreError::QuotaExceeded { needed, free }) = store.reserve(id(2), reservation(QUOTA / 2)) else {
        panic!("two halves and their hashes fit")
    };
    assert_eq!(needed, QUOTA / 2);
    store.reserve(id(2), reservation(free)).unwrap();
    assert!(matches!(store.reserve(id(3), reservation(20_000)), Err(StoreError::QuotaExceeded { .. })));
    let subject = subject.reopened();
    assert!(matches!(
        subject.store().reserve(id(3), reservation(20_000)),
        Err(StoreError::QuotaExceeded { .. })
    ));
    subject.store().remove(id(1)).unwrap();
    subject.store().reserve(id(3), reservation(20_000)).unwrap();
}

fn quota_covers_the_hashes<S: Subject>() {
    let size = 640 * 1024;
    let quota = 640 * 1024 + 40 * 64;
    let subject = S::new(quota - 1);
    assert!(matches!(
        subject.store().reserve(id(1), reservation(size)),
        Err(StoreError::QuotaExceeded { .. })
    ));
    let subject = S::new(quota);
    subject.store().reserve(id(1), reservation(size)).unwrap();
    assert_eq!(subject.store().usage().free(), 0);
    put(subject.store(), id(1), 0, &content(3, 640 * 1024));
    subject.store().keep(id(1)).unwrap();
    assert_eq!(subject.store().usage().stored, quota - 64);
}

fn refuses_overflowing_sizes<S: Subject>() {
    let subject = S::new(u64::MAX);
    let store = subject.store();
    assert!(matches!(store.reserve(id(1), reservation(u64::MAX)), Err(StoreError::QuotaExceeded { .. })));
    store.reserve(id(1), reservation(1 << 20)).unwrap();
    assert!(matches!(store.reserve(id(2), reservation(u64::MAX - 1)), Err(StoreError::QuotaExceeded { .. })));
    assert!(matches!(store.append(id(1), 0, u64::MAX, &[1]), Err(StoreError::WrongOffset { .. })));
    assert!(matches!(
        store.read_range(PieceId([0; 32]), u64::MAX, u64::MAX),
        Err(StoreError::UnknownPiece(_))
    ));
}

fn refuses_indices_and_offers_out_of_bounds<S: Subject>() {
    let subject: S = reserved(1_000);
    let store = subject.store();
    for index in [MAX_PIECES_PER_CONTRACT, u32::MAX] {
        assert!(matches!(store.written(id(1), index), Err(StoreError::IndexTooLarge { .. })));
        assert!(matches!(store.append(id(1), index, 0, &[1]), Err(StoreError::IndexTooLarge { .. })));
        assert!(matches!(store.finish(id(1), index, 1), Err(StoreError::IndexTooLarge { .. })));
    }
    let offer = |size| Reservation { offer: vec![0; size], ..reservation(1) };
    let refused = store.reserve(id(2), offer(MAX_OFFER_BYTES + 1));
    assert!(matches!(refused, Err(StoreError::OfferTooLong { .. })));
    store.reserve(id(2), offer(MAX_OFFER_BYTES)).unwrap();
    assert_eq!(
        crate::rules::check_append(MAX_PIECE_BYTES - 1, MAX_PIECE_BYTES - 1, 1).unwrap(),
        MAX_PIECE_BYTES
    );
    assert!(crate::rules::check_append(MAX_PIECE_BYTES, MAX_PIECE_BYTES, 1).is_err());
}

fn refuses_ranges_out_of_bounds<S: Subject>() {
    let subject: S = reserved(4 << 20);
    let piece = put(subject.store(), id(1), 0, &content(3, 2 << 20));
    for (offset, len) in [(0, 0), (2 << 20, 1), (0, (1 << 20) + 1), (u64::MAX, 1), (1, u64::MAX)] {
        let refused = subject.store().read_range(piece, offset, len);
        assert!(matches!(refused, Err(StoreError::Range(RangeError::Bounds { .. }))), "{refused:?}");
    }
    read(subject.store(), piece, 1 << 20, 1 << 20).unwrap();
}

fn contracts_are_listed_with_their_reservations<S: Subject>() {
    let subject: S = reserved(40_000);
    let other = Reservation { owner: NodeKey([8; 32]), max_bytes: 50, expires: 9, offer: vec![] };
    subject.store().reserve(id(0), other.clone()).unwrap();
    put(subject.store(), id(1), 0, &content(1, 300));
    put(subject.store(), id(1), 7, &content(2, 200));
    subject.store().append(id(1), 8, 0, &[1; 100]).unwrap();
    subject.store().keep(id(1)).unwrap();
    let subject = subject.reopened();
    let contracts = contracts(subject.store());
    let summary: Vec<_> = contracts.iter().map(|c| (c.contract, c.kept, c.bytes)).collect();
    assert_eq!(summary, [(id(0), false, 0), (id(1), true, 500)]);
    assert_eq!(contracts[0].reservation, other);
    assert_eq!(contracts[1].reservation, reservation(40_000));
}

fn many_threads_write_different_pieces<S: Subject>() {
    const THREADS: u8 = 8;
    let subject = S::new(64 << 20);
    let store = subject.store();
    for contract in 0..2 {
        store.reserve(id(contract), reservation(16 << 20)).unwrap();
    }
    let write = |thread: u8| {
        let bytes = content(u64::from(thread), 400_000 + usize::from(thread));
        let piece = put(store, id(thread % 2), u32::from(thread), &bytes);
        assert_eq!(read_all(store, piece, len(&bytes)), bytes);
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || write(thread))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    assert_eq!(store.batch(id(0)).unwrap().len() + store.batch(id(1)).unwrap().len(), usize::from(THREADS));
    store.keep(id(0)).unwrap();
    store.remove(id(1)).unwrap();
}

fn one_of_many_threads_wins_the_same_offset<S: Subject>() {
    let subject: S = reserved(1_000);
    let store = subject.store();
    let won = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8_u8).map(|n| scope.spawn(move || store.append(id(1), 0, 0, &[n; 100]).is_ok())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|won| *won).count()
    });
    assert_eq!(won, 1);
    assert_eq!(store.written(id(1), 0).unwrap(), 100);
    let piece = store.finish(id(1), 0, 100).unwrap();
    let bytes = read_all(store, piece, 100);
    assert!(bytes.iter().all(|byte| *byte == bytes[0]));
}

fn every_chunk_is_proven<S: Subject>() {
    let subject: S = reserved(1 << 20);
    for (index, size) in (0..).zip([1, 1_024, 16_385, 300_001]) {
        let bytes = content(u64::from(index), size);
        let piece = put(subject.store(), id(1), index, &bytes);
        let piece_len = len(&bytes);
        for chunk in [0, chunks_of(piece_len) / 2, chunks_of(piece_len) - 1] {
            let ChunkProof { bytes, path } = subject.store().prove_chunk(piece, chunk).unwrap();
            assert!(verify_chunk(&piece, piece_len, chunk, &bytes, &path), "chunk {chunk} of {size}");
        }
        let outside = subject.store().prove_chunk(piece, chunks_of(piece_len));
        assert!(matches!(outside, Err(StoreError::Range(RangeError::Bounds { .. }))), "{outside:?}");
    }
    let unknown = subject.store().prove_chunk(PieceId([9; 32]), 0);
    assert!(matches!(unknown, Err(StoreError::UnknownPiece(_))), "{unknown:?}");
}
