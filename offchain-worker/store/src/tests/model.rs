//! Random calls against a model: the same answers, and never more on disk than the quota allows.

use super::*;
use crate::{
    rules::max_pieces,
    space::{footprint, pieces_space},
    BatchEntry, StoreError, Usage,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const QUOTA: u64 = 200_000;

#[derive(Clone, Debug)]
enum Op {
    Reserve { contract: u8, max_bytes: u64 },
    Append { contract: u8, index: u32, size: usize, shift: u64 },
    Finish { contract: u8, index: u32, shift: u64 },
    Keep { contract: u8 },
    Remove { contract: u8 },
    Read { contract: u8, index: u32 },
    Collect { most: u64 },
    Scrub { most: u64 },
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    // Mostly right offsets and lengths.
    let shift = prop_oneof![9 => Just(0_u64), 1 => 1..3_u64];
    let place = (0..4_u8, 0..3_u32);
    let size = prop_oneof![Just(0_usize), Just(1), Just(16_384), 1..60_000_usize];
    prop_oneof![
        4 => (0..4_u8, prop_oneof![4 => 1..150_000_u64, 2 => 0..13_000_u64, 1 => Just(u64::MAX)])
            .prop_map(|(contract, max_bytes)| Op::Reserve { contract, max_bytes }),
        10 => (place.clone(), size, shift.clone())
            .prop_map(|((contract, index), size, shift)| Op::Append { contract, index, size, shift }),
        6 => (place.clone(), shift).prop_map(|((contract, index), shift)| Op::Finish { contract, index, shift }),
        2 => (0..4_u8).prop_map(|contract| Op::Keep { contract }),
        2 => (0..4_u8).prop_map(|contract| Op::Remove { contract }),
        3 => place.prop_map(|(contract, index)| Op::Read { contract, index }),
        2 => (0..100_000_u64).prop_map(|most| Op::Collect { most }),
        2 => (0..100_000_u64).prop_map(|most| Op::Scrub { most }),
        2 => Just(Op::Reopen),
    ]
}

#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    finished: Option<PieceId>,
}

struct Held {
    max_bytes: u64,
    kept: bool,
    pieces: BTreeMap<u32, Piece>,
}

#[derive(Default)]
struct Model(BTreeMap<u8, Held>);

impl Model {
    fn usage(&self) -> Usage {
        let mut usage = Usage { quota: QUOTA, disk: u64::MAX, ..Usage::default() };
        for held in self.0.values() {
            if held.kept {
                usage.stored += pieces_space(held.pieces.values().map(|piece| len(&piece.bytes)));
            } else {
                usage.reserved += footprint(held.max_bytes).unwrap();
            }
        }
        usage
    }

    /// Applies one call to store and model; panics where they differ.
    fn apply(&mut self, store: &dyn PieceStore, op: &Op) {
        match *op {
            Op::Reserve { contract, max_bytes } => {
                let result = store.reserve(id(contract), reservation(max_bytes));
                let fits = footprint(max_bytes).is_some_and(|space| space <= self.usage().free());
                match result {
                    Ok(()) => {
                        assert!(fits);
                        let held = Held { max_bytes, kept: false, pieces: BTreeMap::new() };
                        assert!(self.0.insert(contract, held).is_none());
                    }
                    Err(StoreError::AlreadyReserved(_)) => assert!(self.0.contains_key(&contract)),
                    Err(StoreError::QuotaExceeded { .. }) => assert!(!fits),
                    Err(other) => panic!("{other}"),
                }
            }
            Op::Append { contract, index, size, shift } => {
                let held = self.0.get_mut(&contract);
                let total =
                    held.as_ref().map(|held| held.pieces.values().map(|p| len(&p.bytes)).sum::<u64>());
                let written =
                    held.as_ref().and_then(|held| held.pieces.get(&index)).map_or(0, |p| len(&p.bytes));
                let bytes = content(written, size);
                let result = store.append(id(contract), index, written + shift, &bytes);
                let Some(held) = held else {
                    assert!(matches!(result, Err(StoreError::UnknownContract(_))));
                    return;
                };
                if index >= max_pieces(held.max_bytes) {
                    assert!(matches!(result, Err(StoreError::IndexTooLarge { .. })));
                    return;
                }
                if held.kept {
                    assert!(matches!(result, Err(StoreError::Kept(_))));
                    return;
                }
                let piece = held.pieces.entry(index).or_default();
                match result {
                    Ok(end) => {
                        piece.bytes.extend(&bytes);
                        assert_eq!(end, len(&piece.bytes));
                        assert!(piece.finished.is_none() && shift == 0);
                        assert!(total.unwrap() + len(&bytes) <= held.max_bytes);
                    }
                    Err(StoreError::AlreadyFinished { .. }) => assert!(piece.finished.is_some()),
                    Err(StoreError::WrongOffset { .. }) => assert!(shift != 0),
                    Err(StoreError::TooLong { .. }) => assert!(total.unwrap() + len(&bytes) > held.max_bytes),
                    Err(other) => panic!("{other}"),
                }
            }
            Op::Finish { contract, index, shift } => {
                let held = self.0.get_mut(&contract);
                let written =
                    held.as_ref().and_then(|held| held.pieces.get(&index)).map_or(0, |p| len(&p.bytes));
                let result = store.finish(id(contract), index, written + shift);
                let kept = held.as_ref().is_some_and(|held| held.kept && !held.pieces.contains_key(&index));
                let beyond = held.as_ref().is_some_and(|held| index >= max_pieces(held.max_bytes));
                assert_eq!(matches!(result, Err(StoreError::IndexTooLarge { .. })), beyond);
                match result {
                    Ok(piece) => {
                        assert!(shift == 0);
                        let held = held.unwrap().pieces.get_mut(&index).unwrap();
                        assert_eq!(
                            piece.0,
                            lunarx_proof::commit(held.bytes.as_slice(), written).unwrap().0 .0
                        );
                        held.finished = Some(piece);
                    }
                    Err(StoreError::UnknownContract(_)) => assert!(held.is_none()),
                    Err(StoreError::Kept(_)) => assert!(kept),
                    Err(StoreError::IndexTooLarge { .. }) => {}
                    Err(StoreError::WrongLength { .. }) => assert!(shift != 0),
                    Err(StoreError::EmptyPiece) => assert!(written == 0),
                    Err(other) => panic!("{other}"),
                }
            }
            Op::Keep { contract } => {
                let result = store.keep(id(contract));
                match self.0.get_mut(&contract) {
                    Some(held) => {
                        result.unwrap();
                        held.kept = true;
                        held.pieces.retain(|_, piece| piece.finished.is_some());
                    }
                    None => assert!(matches!(result, Err(StoreError::UnknownContract(_)))),
                }
            }
            Op::Remove { contract } => {
                store.remove(id(contract)).unwrap();
                self.0.remove(&contract);
            }
            Op::Read { contract, index } => {
                let piece = self.0.get(&contract).and_then(|held| held.pieces.get(&index));
                if let Some(Piece { bytes, finished: Some(piece) }) = piece {
                    assert_eq!(&read_all(store, *piece, len(bytes)), bytes);
                }
            }
            Op::Collect { most } => {
                store.collect(most).unwrap();
            }
            Op::Scrub { most } => assert!(store.scrub(most).unwrap().faults.is_empty()),
            Op::Reopen => {}
        }
    }

    /// Compares everything that can be seen.
    fn check(&self, store: &dyn PieceStore) {
        let (usage, expected) = (store.usage(), self.usage());
        assert_eq!((usage.reserved, usage.stored), (expected.reserved, expected.stored));
        assert!(self.usage().reserved + self.usage().stored <= QUOTA);
        let contracts = contracts(store);
        assert_eq!(contracts.len(), self.0.len());
        for (stored, (contract, held)) in contracts.iter().zip(&self.0) {
            let finished =
                |piece: &Piece| piece.finished.map(|id| BatchEntry { piece: id, len: len(&piece.bytes) });
            let batch: Vec<_> = held.pieces.values().filter_map(finished).collect();
            assert_eq!((stored.contract, stored.kept), (id(*contract), held.kept));
            assert_eq!(stored.bytes, batch.iter().map(|entry| entry.len).sum::<u64>());
            assert_eq!(store.batch(id(*contract)).unwrap(), batch);
            for (index, piece) in &held.pieces {
                assert_eq!(store.written(id(*contract), *index).unwrap(), len(&piece.bytes));
            }
        }
    }
}

fn run<S: Subject>(ops: &[Op], after: impl Fn(&S)) {
    let (mut subject, mut model) = (S::new(QUOTA), Model::default());
    for op in ops {
        model.apply(subject.store(), op);
        if matches!(op, Op::Reopen) {
            subject = subject.reopened();
        }
        model.check(subject.store());
        after(&subject);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn disk_does_as_the_model_and_stays_within_the_quota(ops in prop::collection::vec(op(), 1..60)) {
        run::<OnDisk>(&ops, |subject| {
            subject.store.verify();
            let usage = subject.store.usage();
            // Bodies in packs end at a block each, and the map of a file with many holes takes blocks too.
            let pieces: usize = contracts(&subject.store)
                .iter()
                .map(|stored| subject.store.batch(stored.contract).unwrap().len())
                .sum();
            let most = usage.reserved + usage.stored + usage.garbage + 4_096 * u64::try_from(pieces + 2).unwrap();
            let taken = disk_bytes(subject.path());
            assert!(taken <= most, "{taken} bytes on disk, {most} at most");
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn memory_does_as_the_model(ops in prop::collection::vec(op(), 1..60)) {
        run::<InMemory>(&ops, |_| {});
    }
}
