//! The power is cut at every single operation on the file system, and at each the store is opened again and compared
//! with a model: what was reported as done is there, what was under way is there whole or not at all, and nothing
//! is left behind. The same with syncs that fail.

use super::{simulated::Simulated, *};
use crate::StoreError;
use std::{collections::BTreeMap, sync::Arc};

const QUOTA: u64 = 4 << 20;
/// A folder of the simulated file system.
const FOLDER: &str = "/store";

#[derive(Clone, Debug)]
enum Op {
    Reserve(u8, u64),
    /// Appends in two parts, and finishes.
    Put(u8, u32, usize),
    /// Appends and does not finish.
    Begin(u8, u32, usize),
    Keep(u8),
    Remove(u8),
    Collect,
    Scrub,
}

/// A little of everything: small pieces and large ones, contracts that are kept, removed and reserved again.
fn workload() -> Vec<Op> {
    use Op::*;
    vec![
        Reserve(1, 600_000),
        Put(1, 0, 5_000),
        Put(1, 1, 200_000),
        Begin(1, 2, 140_000),
        Reserve(2, 100_000),
        Put(2, 0, 70_000),
        Keep(1),
        Scrub,
        Begin(2, 1, 10_000),
        Remove(2),
        Reserve(2, 300_000),
        Collect,
        Put(2, 0, 150_000),
        Put(2, 1, 1),
        Remove(1),
        Keep(2),
        Reserve(1, 300_000),
        Put(1, 1, 200_000),
        Collect,
        Put(1, 0, 5_000),
        Remove(1),
        Collect,
        Collect,
        Scrub,
    ]
}

fn bytes_of(contract: u8, index: u32, size: usize) -> Vec<u8> {
    content(u64::from(contract) << 32 | u64::from(index), size)
}

/// What is reported as done.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model(BTreeMap<u8, (u64, bool, BTreeMap<u32, usize>)>);

impl Model {
    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Reserve(contract, max_bytes) => {
                self.0.insert(contract, (max_bytes, false, BTreeMap::new()));
            }
            Op::Put(contract, index, size) => {
                self.0.get_mut(&contract).unwrap().2.insert(index, size);
            }
            Op::Keep(contract) => self.0.get_mut(&contract).unwrap().1 = true,
            Op::Remove(contract) => {
                self.0.remove(&contract);
            }
            Op::Begin(..) | Op::Collect | Op::Scrub => {}
        }
    }

    /// What a store shows, whose pieces are all read.
    fn of(store: &Store) -> Self {
        let mut model = Self::default();
        for stored in contracts(store) {
            let contract = stored.contract.0[0];
            let mut pieces = BTreeMap::new();
            let mut batch = store.batch(stored.contract).unwrap().into_iter();
            // Indices are not told: they follow from the bytes.
            for index in 0..4 {
                let mut rest = batch.clone();
                let Some(entry) = rest.next() else { break };
                let size = usize::try_from(entry.len).unwrap();
                let read = read_all(store, entry.piece, entry.len);
                if read == bytes_of(contract, index, size) {
                    pieces.insert(index, size);
                    batch = rest;
                }
            }
            assert_eq!(batch.count(), 0, "a piece with other bytes");
            model.0.insert(contract, (stored.reservation.max_bytes, stored.kept, pieces));
        }
        model
    }
}

fn perform(store: &Store, op: &Op) -> Result<(), StoreError> {
    match *op {
        Op::Reserve(contract, max_bytes) => store.reserve(id(contract), reservation(max_bytes)),
        Op::Put(contract, index, size) => {
            let bytes = bytes_of(contract, index, size);
            let mut from = store.written(id(contract), index)?;
            for end in [size / 2, size] {
                let begin = usize::try_from(from).unwrap();
                if begin < end {
                    from = store.append(id(contract), index, from, &bytes[begin..end])?;
                }
            }
            store.finish(id(contract), index, len(&bytes)).map(drop)
        }
        Op::Begin(contract, index, size) => {
            store.append(id(contract), index, 0, &bytes_of(contract, index, size)).map(drop)
        }
        Op::Keep(contract) => store.keep(id(contract)),
        Op::Remove(contract) => store.remove(id(contract)),
        Op::Collect => store.collect(150_000).map(drop),
        Op::Scrub => store.scrub(100_000).map(drop),
    }
}

fn open_on(system: &Simulated) -> Result<Store, StoreError> {
    let config = StoreConfig { floor: 0, ..StoreConfig::new(QUOTA) };
    Store::open_on(Arc::new(system.clone()), Path::new(FOLDER), config)
}

/// Runs the workload until the power is cut. Returns what was done before the call that was cut, and what that call
/// would have come to.
fn run(system: &Simulated) -> (Model, Model) {
    let (mut before, mut after) = (Model::default(), Model::default());
    let Ok(store) = open_on(system) else {
        assert!(system.is_dead(), "opens unless the power is cut");
        return (before, after);
    };
    for op in workload() {
        after.apply(&op);
        match perform(&store, &op) {
            Ok(()) => before = after.clone(),
            Err(error) => {
                assert!(system.is_dead(), "{op:?}: {error}");
                return (before, after);
            }
        }
    }
    (before, after)
}

/// Whatever the store does not know is gone from the disk.
fn nothing_is_left_behind(store: &Store, system: &Simulated) {
    while store.collect(1 << 20).unwrap().entries > 0 {}
    store.verify();
    let (mut own, mut packed, mut partial) = (0, 0, 0);
    for path in system.files().keys() {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("piece") => own += 1,
            Some("pack") => packed += 1,
            Some("part") => partial += 1,
            _ => {
                let known = ["meta.redb", "meta.redb.new", "store-id", "store-id.new"];
                assert!(known.iter().any(|name| path.ends_with(name)), "{path:?}");
            }
        }
    }
    let large = contracts(store).into_iter().flat_map(|stored| store.batch(stored.contract).unwrap());
    assert_eq!(own, large.filter(|entry| entry.len > 128 << 10).count());
    assert!(packed <= 2, "{packed} packs");
    let open = contracts(store).iter().filter(|stored| !stored.kept).count();
    assert!(partial <= 4 * open, "{partial} partial files of {open} reservations");
}

fn check(system: &Simulated, before: &Model, after: &Model, what: &str) {
    let store = open_on(system).unwrap_or_else(|error| panic!("{what}: {error}"));
    store.verify();
    let shown = Model::of(&store);
    assert!(shown == *before || shown == *after, "{what}: {shown:?}\nexpected {before:?}\nor {after:?}");
    all_whole(&store);
    nothing_is_left_behind(&store, system);
    // Uploads go on from where the store says, to their end.
    for stored in contracts(&store).iter().filter(|stored| !stored.kept) {
        for index in 0..crate::rules::max_pieces(stored.reservation.max_bytes).min(4) {
            let written = store.written(stored.contract, index).unwrap();
            if written > 0 {
                let piece = store.finish(stored.contract, index, written);
                let piece = piece.unwrap_or_else(|error| panic!("{what}, piece {index}: {error}"));
                read_all(&store, piece, written);
            }
        }
    }
    store.verify();
    // And all of it can be taken back.
    for stored in contracts(&store) {
        store.remove(stored.contract).unwrap();
    }
    store.reserve(id(9), reservation(400_000)).unwrap();
    for (index, size) in [(0, 3_000), (1, 150_000)] {
        let bytes = bytes_of(9, index, size);
        let piece = put(&store, id(9), index, &bytes);
        assert_eq!(read_all(&store, piece, len(&bytes)), bytes, "{what}");
    }
    store.remove(id(9)).unwrap();
    nothing_is_left_behind(&store, system);
    let usage = store.usage();
    assert_eq!((usage.reserved, usage.stored, usage.garbage), (0, 0, 0), "{what}");
}

#[test]
fn the_workload_does_what_the_model_says() {
    let system = Simulated::new();
    let (before, after) = run(&system);
    assert_eq!(before, after);
    check(&system.after_cut(None), &before, &after, "no cut");
}

#[test]
fn a_power_cut_at_any_operation_costs_nothing_that_was_done() {
    let whole = Simulated::new();
    run(&whole);
    let (operations, _) = whole.counts();
    assert!(operations > 300, "{operations} operations");
    for cut in 1..=operations {
        let system = Simulated::new();
        system.cut_at(cut);
        let (before, after) = run(&system);
        for seed in [None, Some(cut), Some(cut + 1_000_000)] {
            check(&system.after_cut(seed), &before, &after, &format!("cut at {cut}, seed {seed:?}"));
        }
    }
}

/// As after a kill: of an upload, the bytes that were appended are those that were sent.
#[test]
fn a_kill_at_any_operation_costs_nothing_that_was_done_and_a_power_cut_after_it_neither() {
    let whole = Simulated::new();
    run(&whole);
    let (operations, _) = whole.counts();
    for cut in 1..=operations {
        let system = Simulated::new();
        system.cut_at(cut);
        let (before, after) = run(&system);
        let killed = system.after_kill();
        let store = open_on(&killed).unwrap();
        while store.collect(1 << 20).unwrap().entries > 0 {}
        let shown = Model::of(&store);
        drop(store);
        for seed in [None, Some(cut)] {
            check(
                &killed.after_cut(seed),
                &shown,
                &shown,
                &format!("killed at {cut}, then cut, seed {seed:?}"),
            );
        }
        check(&killed, &before, &after, &format!("killed at {cut}"));
    }
}

#[test]
fn a_fault_at_any_operation_on_files_fails_a_call_and_nothing_else() {
    let whole = Simulated::new();
    run(&whole);
    for (at, is_database) in (1..).zip(whole.operations()) {
        if is_database {
            continue;
        }
        let what = format!("fault at {at}");
        let system = Simulated::new();
        system.fail_at(at);
        let store = open_on(&system).or_else(|_| open_on(&system)).unwrap();
        let mut model = Model::default();
        for op in workload() {
            if perform(&store, &op).is_err() {
                let again = perform(&store, &op);
                assert!(again.is_ok(), "{what}, {op:?} again: {again:?}");
            }
            model.apply(&op);
        }
        assert_eq!(Model::of(&store), model, "{what}");
        store.verify();
        drop(store);
        for seed in [None, Some(at)] {
            check(&system.after_cut(seed), &model, &model, &format!("{what}, seed {seed:?}"));
        }
        check(&system.after_kill(), &model, &model, &what);
    }
}

#[test]
fn a_fault_under_the_metadata_is_told_and_opening_again_mends_it() {
    let whole = Simulated::new();
    run(&whole);
    for (at, is_database) in (1..).zip(whole.operations()) {
        if !is_database {
            continue;
        }
        let what = format!("fault at {at}");
        let system = Simulated::new();
        system.fail_at(at);
        let (mut before, mut after) = (Model::default(), Model::default());
        if let Ok(store) = open_on(&system) {
            for op in workload() {
                after.apply(&op);
                match perform(&store, &op) {
                    Ok(()) => before = after.clone(),
                    Err(error) => {
                        assert!(error.is_fatal(), "{what}: {error}");
                        // Whatever is tried now, nothing is promised that the disk does not keep.
                        let stuck = store.reserve(id(77), reservation(10_000)).unwrap_err();
                        assert!(matches!(stuck, StoreError::Stuck), "{what}: {stuck}");
                        break;
                    }
                }
            }
        }
        check(&system.after_kill(), &before, &after, &what);
        for seed in [None, Some(at)] {
            check(&system.after_cut(seed), &before, &after, &format!("{what}, seed {seed:?}"));
        }
    }
}

#[test]
fn a_power_cut_while_recovering_costs_nothing_either() {
    let whole = Simulated::new();
    run(&whole);
    let (operations, _) = whole.counts();
    for cut in (1..=operations).step_by(17) {
        let system = Simulated::new();
        system.cut_at(cut);
        let (before, after) = run(&system);
        for second in (1..40).step_by(3) {
            let once = system.after_cut(Some(cut));
            once.cut_at(second);
            drop(open_on(&once));
            let twice = once.after_cut(Some(second));
            check(&twice, &before, &after, &format!("cut at {cut}, then at {second}"));
        }
    }
}

#[test]
fn a_failed_sync_drops_the_piece_and_nothing_vouches_for_it_later() {
    let whole = Simulated::new();
    run(&whole);
    let (_, syncs) = whole.counts();
    let fresh = Simulated::new();
    drop(open_on(&fresh).unwrap());
    let (_, opening) = fresh.counts();
    assert!(syncs - opening > 5, "{syncs} syncs");
    for failing in 1..=syncs - opening {
        let system = Simulated::new();
        let store = open_on(&system).unwrap();
        system.fail_sync(opening + failing);
        let (mut model, mut failures) = (Model::default(), 0);
        for op in workload() {
            match perform(&store, &op) {
                Ok(()) => model.apply(&op),
                Err(error) => {
                    failures += 1;
                    assert!(matches!(error, StoreError::DiskFull(_)), "{op:?}: {error}");
                    if let Op::Put(contract, index, _) = op {
                        assert_eq!(store.written(id(contract), index).unwrap(), 0, "it starts again");
                        assert!(matches!(
                            store.finish(id(contract), index, 1),
                            Err(StoreError::WrongLength { expected: 0, .. })
                        ));
                    }
                    // The second attempt succeeds, whole.
                    perform(&store, &op).unwrap();
                    model.apply(&op);
                }
            }
        }
        assert_eq!(failures, 1, "sync {failing}");
        check(&system.after_cut(None), &model, &model, &format!("failed sync {failing}"));
    }
}

#[test]
fn without_holes_a_pack_goes_as_a_whole() {
    let system = Simulated::new();
    system.without_holes();
    let store = open_on(&system).unwrap();
    for contract in 1..=2 {
        store.reserve(id(contract), reservation(100_000)).unwrap();
        put(&store, id(contract), 0, &bytes_of(contract, 0, 50_000));
        store.keep(id(contract)).unwrap();
    }
    store.remove(id(1)).unwrap();
    let garbage = store.usage().garbage;
    assert_eq!(store.collect(u64::MAX).unwrap().entries, 0, "it cannot be given back yet");
    assert_eq!(store.usage().garbage, garbage, "and counts until then");
    store.verify();
}

#[test]
fn the_floor_of_free_disk_holds_on_every_write_path() {
    const FLOOR: u64 = 1_000_000;
    let system = Simulated::new();
    let config = StoreConfig { floor: FLOOR, ..StoreConfig::new(QUOTA) };
    let store = Store::open_on(Arc::new(system.clone()), Path::new(FOLDER), config).unwrap();
    store.reserve(id(1), reservation(600_000)).unwrap();
    store.append(id(1), 0, 0, &[1; 1_000]).unwrap();
    store.append(id(1), 1, 0, &[1; 200_000]).unwrap();
    system.set_free(FLOOR + 500);
    let low = |result: Result<(), StoreError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, StoreError::LowDisk { floor: FLOOR, .. }) && error.is_fatal(), "{error}");
    };
    low(store.append(id(1), 1, 200_000, &[1; 1_000]).map(drop));
    low(store.append(id(1), 2, 0, &[1; 150_000]).map(drop));
    low(store.finish(id(1), 0, 1_000).map(drop));
    low(store.finish(id(1), 1, 200_000).map(drop));
    let refused = store.reserve(id(2), reservation(1_000));
    assert!(matches!(refused, Err(StoreError::QuotaExceeded { free: 0, .. })), "{refused:?}");
    assert_eq!(store.usage().free(), 0);
    // What frees space goes on, and so does all else once there is room.
    system.set_free(FLOOR + 2_000_000);
    store.finish(id(1), 0, 1_000).unwrap();
    store.finish(id(1), 1, 200_000).unwrap();
    system.set_free(0);
    store.keep(id(1)).unwrap();
    store.remove(id(1)).unwrap();
    while store.collect(u64::MAX).unwrap().entries > 0 {}
    assert_eq!(store.usage().garbage, 0);
    store.verify();
}

#[test]
fn rot_is_found_by_the_scrubber_and_told_once() {
    let system = Simulated::new();
    let store = open_on(&system).unwrap();
    store.reserve(id(1), reservation(600_000)).unwrap();
    let sizes = [5_000, 200_000, 60_000];
    let pieces: Vec<_> =
        (0..).zip(sizes).map(|(index, size)| put(&store, id(1), index, &bytes_of(1, index, size))).collect();
    store.keep(id(1)).unwrap();
    assert!(store.scrub(u64::MAX).unwrap().faults.is_empty());
    let file = |extension: &str| {
        let files = system.files();
        files.keys().find(|path| path.extension().is_some_and(|found| found == extension)).unwrap().clone()
    };
    // One bit of the large piece; one of the hashes of the third, which lie behind its bytes.
    system.rot(&file("piece"), 100_000);
    system.rot(&file("pack"), 8_192 + 60_000 + 5);
    let scrubbed = store.scrub(u64::MAX).unwrap();
    let found: Vec<_> = scrubbed.faults.iter().map(|fault| (fault.index, fault.piece)).collect();
    assert_eq!(found, [(1, pieces[1]), (2, pieces[2])]);
    assert_eq!((scrubbed.pieces, scrubbed.bytes, scrubbed.ended), (3, 265_000, true));
    assert_eq!(store.batch(id(1)).unwrap().len(), 1, "the others are not offered any more");
    assert_eq!(contracts(&store)[0].bytes, 5_000);
    assert!(matches!(store.read_range(pieces[1], 0, 1), Err(StoreError::Lost(_))));
    store.verify();
    assert!(store.scrub(u64::MAX).unwrap().faults.is_empty(), "it is no news");
    // It survives a restart, and ends when the bytes are right again.
    drop(store);
    let store = open_on(&system).unwrap();
    assert_eq!(store.batch(id(1)).unwrap().len(), 1);
    system.rot(&file("piece"), 100_000);
    assert!(store.scrub(u64::MAX).unwrap().faults.is_empty());
    assert_eq!(store.batch(id(1)).unwrap().len(), 2);
    read_all(&store, pieces[1], 200_000);
    store.verify();
}

#[test]
fn the_scrubber_goes_on_where_it_stopped() {
    let system = Simulated::new();
    let mut store = open_on(&system).unwrap();
    store.reserve(id(1), reservation(200_000)).unwrap();
    (0..10).for_each(|index| {
        put(&store, id(1), index, &bytes_of(1, index, 1_000));
    });
    for round in 0..2 {
        for _ in 0..5 {
            let scrubbed = store.scrub(8_000).unwrap();
            assert_eq!((scrubbed.pieces, scrubbed.ended), (2, false), "{round}");
            drop(store);
            store = open_on(&system).unwrap();
        }
        assert!(store.scrub(0).unwrap().ended);
    }
}
