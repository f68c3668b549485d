//! Throughput of the disk store. Names: `operation/size of one call`.
//!
//! `cargo bench -p lunarx-store`

use lunarx_core::{ContractId, NodeKey, PieceId};
use lunarx_store::{DiskStore, PieceStore, Reservation};

fn main() {
    divan::main();
}

/// Bytes of a piece, that of a segment of 256 MiB at 4/8.
const PIECE_BYTES: usize = 64 << 20;
const PIECE: ContractId = ContractId([1; 32]);

fn store() -> (tempfile::TempDir, DiskStore) {
    let dir = tempfile::tempdir().expect("a folder for temporary files");
    let store = DiskStore::open(dir.path(), 1 << 40).expect("an empty folder");
    store.reserve(PIECE, reservation()).expect("an empty store");
    (dir, store)
}

fn reservation() -> Reservation {
    Reservation { owner: NodeKey([0; 32]), max_bytes: 1 << 30, expires: 0, offer: vec![] }
}

fn fill(store: &DiskStore, size: usize) -> u64 {
    let part = vec![7; size];
    (0..PIECE_BYTES / size).fold(0, |offset, _| store.append(PIECE, 0, offset, &part).expect("in order"))
}

#[divan::bench(args = [64 << 10, 256 << 10, 1 << 20], sample_count = 10)]
fn append(bencher: divan::Bencher, size: usize) {
    bencher
        .counter(divan::counter::BytesCount::new(PIECE_BYTES))
        .with_inputs(store)
        .bench_refs(|(_, store)| fill(store, size));
}

#[divan::bench(sample_count = 10)]
fn finish(bencher: divan::Bencher) {
    bencher
        .counter(divan::counter::BytesCount::new(PIECE_BYTES))
        .with_inputs(|| {
            let (dir, store) = store();
            let len = fill(&store, 1 << 20);
            (dir, store, len)
        })
        .bench_refs(|(_, store, len)| store.finish(PIECE, 0, *len).expect("whole"));
}

#[divan::bench(args = [64 << 10, 1 << 20])]
fn read_range(bencher: divan::Bencher, size: u64) {
    let (_dir, store) = store();
    let len = fill(&store, 1 << 20);
    let piece: PieceId = store.finish(PIECE, 0, len).expect("whole");
    let mut offset = 0;
    bencher.counter(divan::counter::BytesCount::new(size)).bench_local(|| {
        offset = (offset + size) % (len - size);
        store.read_range(piece, offset, size).expect("in bounds")
    });
}
