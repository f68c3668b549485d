//! The store beside plain files and redb, and how it grows. `scripts/benchmark store` runs it.
//!
//! - `throughput`: the same bytes into the store, into plain files with a sync each, and into redb, in turns; medians.
//! - `scale N...`: a store of N small pieces each: rate of filling, time and memory of opening it, also after a crash,
//!   reads, an end and its collection.

use lunarx_core::{ContractId, NodeKey, PieceId};
use lunarx_store::{PieceStore, Reservation, Store, StoreConfig};
use redb::{Database, ReadableDatabase, TableDefinition};
use std::{
    env, fs,
    io::Write,
    path::Path,
    process::Command,
    sync::{
        atomic::{AtomicU32, Ordering},
        Mutex,
    },
    thread,
    time::{Duration, Instant},
};

const VALUES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("values");
const ROUNDS: usize = 5;
/// Writers side by side: as many clients upload.
const WRITERS: u32 = 128;
/// Small pieces of a contract.
const PER_CONTRACT: u32 = 256;
/// Bytes of a small piece in `scale`.
const SMALL: usize = 1_000;
const READS: u32 = 20_000;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] | ["throughput"] => throughput(),
        ["scale", sizes @ ..] => {
            println!("| pieces | filled, pieces/s | open, ms | after a crash, ms | memory, MiB | after {READS} reads, MiB | read, µs | metadata, MiB | end of 256, ms | collected, pieces/s |");
            println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
            for size in sizes {
                scale(size.parse().expect("a number of pieces"));
            }
        }
        ["look", folder, pieces] => look(Path::new(folder), pieces.parse().expect("a number")),
        ["crash", folder] => crash(Path::new(folder)),
        other => panic!("unknown arguments {other:?}: throughput, or scale N..."),
    }
}

fn folder() -> tempfile::TempDir {
    match env::var_os("LUNARX_BENCHMARK_DIR") {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    }
    .expect("a folder for temporary files")
}

fn open(dir: &Path) -> Store {
    Store::open(dir, StoreConfig::new(1 << 42)).expect("a folder of its own")
}

fn reservation() -> Reservation {
    Reservation { owner: NodeKey([0; 32]), max_bytes: 1 << 30, expires: 0, offer: vec![7; 200] }
}

fn contract(n: u32) -> ContractId {
    let mut id = [0; 32];
    // As hashes are: all over the place.
    for (at, part) in id.chunks_mut(4).enumerate() {
        let mixed =
            (n ^ u32::try_from(at).expect("8 parts").wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
        part.copy_from_slice(&(mixed ^ mixed >> 15).to_be_bytes());
    }
    id[28..].copy_from_slice(&n.to_be_bytes());
    ContractId(id)
}

/// Bytes that do not repeat.
fn content(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = vec![0; len];
    for part in bytes.chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        part.copy_from_slice(&state.to_le_bytes()[..part.len()]);
    }
    bytes
}

fn put(store: &Store, contract: ContractId, index: u32, bytes: &[u8]) -> PieceId {
    let mut offset = 0;
    for part in bytes.chunks(1 << 20) {
        offset = store.append(contract, index, offset, part).expect("in order");
    }
    store.finish(contract, index, offset).expect("whole")
}

/// Calls `work` for `0..count` on many threads.
fn side_by_side(writers: u32, count: u32, work: impl Fn(u32) + Sync) {
    let next = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..writers {
            scope.spawn(|| loop {
                match next.fetch_add(1, Ordering::Relaxed) {
                    n if n < count => work(n),
                    _ => break,
                }
            });
        }
    });
}

fn throughput() {
    println!("| what | bytes of each | store | plain files | redb |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for (size, count, writers) in
        [(64 << 20, 8, 1), (1 << 20, 256, 4), (64 << 10, 2_048, WRITERS), (4 << 10, 8_192, WRITERS)]
    {
        compare(size, count, writers);
    }
}

fn compare(size: usize, count: u32, writers: u32) {
    let values: Vec<_> = (0..count.min(64)).map(|n| content(n.into(), size)).collect();
    let value = |n: u32| &values[usize::try_from(n).expect("small") % values.len()];
    let mut took: [[Vec<Duration>; 3]; 2] = Default::default();
    for _ in 0..ROUNDS {
        let dir = folder();
        // The store.
        let store = open(&dir.path().join("store"));
        for n in 0..=count / PER_CONTRACT {
            store.reserve(contract(n), reservation()).expect("room");
        }
        let pieces = Mutex::new(Vec::new());
        let begun = Instant::now();
        side_by_side(writers, count, |n| {
            let piece = put(&store, contract(n / PER_CONTRACT), n % PER_CONTRACT, value(n));
            pieces.lock().expect("no panic").push(piece);
        });
        took[0][0].push(begun.elapsed());
        let pieces = pieces.into_inner().expect("no panic");
        let begun = Instant::now();
        side_by_side(2, count, |n| {
            let piece = pieces[usize::try_from(n).expect("small")];
            for offset in (0..size).step_by(1 << 20) {
                let len = (size - offset).min(1 << 20);
                let (offset, len) = (offset.try_into().expect("64 bits"), len.try_into().expect("64 bits"));
                store.read_range(piece, offset, len).expect("whole");
            }
        });
        took[1][0].push(begun.elapsed());
        // Plain files, each synced.
        let files = dir.path().join("files");
        fs::create_dir(&files).expect("a new folder");
        let begun = Instant::now();
        side_by_side(writers, count, |n| {
            let mut file = fs::File::create(files.join(n.to_string())).expect("a new file");
            value(n).chunks(1 << 20).for_each(|part| file.write_all(part).expect("room"));
            file.sync_data().expect("a disk");
        });
        fs::File::open(&files).expect("there").sync_all().expect("a disk");
        took[0][1].push(begun.elapsed());
        let begun = Instant::now();
        side_by_side(2, count, |n| {
            assert_eq!(fs::read(files.join(n.to_string())).expect("whole").len(), size)
        });
        took[1][1].push(begun.elapsed());
        // redb, in transactions as large as the store's.
        let db = Database::create(dir.path().join("redb")).expect("a new file");
        let begun = Instant::now();
        let per_commit = u32::try_from((8_usize << 20).div_ceil(size).min(512)).expect("small");
        for first in (0..count).step_by(per_commit.try_into().expect("small")) {
            let transaction = db.begin_write().expect("a disk");
            {
                let mut table = transaction.open_table(VALUES).expect("ours");
                for n in first..(first + per_commit).min(count) {
                    table.insert(contract(n).0.as_slice(), value(n).as_slice()).expect("room");
                }
            }
            transaction.commit().expect("a disk");
        }
        took[0][2].push(begun.elapsed());
        let begun = Instant::now();
        side_by_side(2, count, |n| {
            let table = db.begin_read().expect("a disk").open_table(VALUES).expect("ours");
            let found = table.get(contract(n).0.as_slice()).expect("a disk").expect("there");
            assert_eq!(found.value().to_vec().len(), size);
        });
        took[1][2].push(begun.elapsed());
    }
    let bytes = f64::from(count) * f64::from(u32::try_from(size).expect("small"));
    for (what, took) in ["written", "read"].into_iter().zip(&mut took) {
        let rates: Vec<_> = took
            .iter_mut()
            .map(|took| {
                took.sort();
                format!("{:.0} MB/s", bytes / took[ROUNDS / 2].as_secs_f64() / 1e6)
            })
            .collect();
        println!("| {what}, {count} | {size} | {} |", rates.join(" | "));
    }
}

/// Memory of this process, in MiB.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a process has memory");
    let kib: u64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number");
    kib >> 10
}

fn scale(pieces: u32) {
    let dir = folder();
    let path = dir.path();
    let contracts = pieces.div_ceil(PER_CONTRACT);
    let store = open(path);
    let begun = Instant::now();
    // Two contracts are written side by side, then kept.
    for first in (0..contracts).step_by(8) {
        let last = (first + 8).min(contracts);
        (first..last).for_each(|n| store.reserve(contract(n), reservation()).expect("room"));
        side_by_side(WRITERS * 2, (last - first) * PER_CONTRACT, |at| {
            let n = first + at / PER_CONTRACT;
            put(&store, contract(n), at % PER_CONTRACT, &content(u64::from(n) << 32 | u64::from(at), SMALL));
        });
        (first..last).for_each(|n| store.keep(contract(n)).expect("a disk"));
    }
    let filled = f64::from(contracts * PER_CONTRACT) / begun.elapsed().as_secs_f64();
    drop(store);
    let own = env::current_exe().expect("a program");
    let run = |arguments: &[&str]| {
        let output = Command::new(&own).args(arguments).output().expect("this program");
        String::from_utf8(output.stdout).expect("text").trim().to_string()
    };
    let folder = path.to_str().expect("text");
    let clean = run(&["look", folder, "0"]);
    run(&["crash", folder]);
    let crashed = run(&["look", folder, "0"]);
    let looked = run(&["look", folder, &(contracts * PER_CONTRACT).to_string()]);
    let metadata = fs::metadata(path.join("meta.redb")).expect("there").len() >> 20;
    let column = |line: &str, at: usize| line.split('|').nth(at).unwrap_or("failed").to_string();
    println!(
        "| {} | {filled:.0} | {} | {} | {} | {} | {} | {metadata} | {} | {} |",
        contracts * PER_CONTRACT,
        column(&clean, 0),
        column(&crashed, 0),
        column(&clean, 1),
        column(&looked, 2),
        column(&looked, 3),
        column(&looked, 4),
        column(&looked, 5)
    );
}

/// Opens a store in a process of its own; with `pieces`, reads, ends and collects in it.
fn look(folder: &Path, pieces: u32) {
    let begun = Instant::now();
    let store = open(folder);
    let (opened, memory_then) = (begun.elapsed().as_secs_f64() * 1e3, memory());
    if pieces == 0 {
        println!("{opened:.1}|{memory_then}");
        return;
    }
    let contracts = pieces / PER_CONTRACT;
    let ids: Vec<PieceId> = (0..READS)
        .map(|n| {
            let n = n.wrapping_mul(0x9e37_79b9) % contracts;
            let batch = store.batch(contract(n)).expect("kept");
            batch[usize::try_from(n).expect("small") % batch.len()].piece
        })
        .collect();
    let begun = Instant::now();
    for id in &ids {
        store.read_range(*id, 0, SMALL.try_into().expect("small")).expect("whole");
    }
    let read = begun.elapsed().as_secs_f64() * 1e6 / f64::from(READS);
    let memory_after = memory();
    let begun = Instant::now();
    store.remove(contract(0)).expect("kept");
    let ended = begun.elapsed().as_secs_f64() * 1e3;
    let (begun, mut collected) = (Instant::now(), 0);
    loop {
        match store.collect(16 << 20).expect("a disk").entries {
            0 => break,
            entries => collected += entries,
        }
    }
    let entries = f64::from(u32::try_from(collected).expect("few"));
    let rate = entries / begun.elapsed().as_secs_f64();
    println!("{opened:.1}|{memory_then}|{memory_after}|{read:.0}|{ended:.0}|{rate:.0}");
}

/// Writes something and dies without closing anything.
fn crash(folder: &Path) {
    let store = open(folder);
    let id = ContractId([9; 32]);
    store.reserve(id, reservation()).expect("room");
    put(&store, id, 0, &content(1, SMALL));
    std::process::abort();
}
