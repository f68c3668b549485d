//! SIGKILL in mid-traffic: this test binary runs itself as a child that writes, and kills it.

use super::*;
use std::{
    env,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

const FOLDER: &str = "LUNARX_STORE_KILL_FOLDER";
const QUOTA: u64 = 1 << 30;
const ROUNDS: usize = 4;
/// Lines of work seen before the kill; each round another number.
const LINES: usize = 7;

fn bytes_of(contract: u8, index: u32) -> Vec<u8> {
    content(u64::from(contract) << 32 | u64::from(index), 150_000 + usize::from(contract))
}

/// The child: goes on from what is stored, and prints a line for each piece it was told is finished.
/// Outside of `survives_sigkill` it does nothing.
#[test]
fn child_writes_until_it_is_killed() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let store = open(folder, QUOTA).unwrap();
    for contract in 0..=u8::MAX {
        if store.batch(id(contract)).is_err() {
            store.reserve(id(contract), reservation(1 << 20)).unwrap();
        }
        for index in 0..4 {
            if store.written(id(contract), index).is_ok() {
                put(&store, id(contract), index, &bytes_of(contract, index));
                println!("finished {contract} {index}");
            }
        }
        store.keep(id(contract)).unwrap();
        println!("kept {contract} 0");
    }
}

/// Runs the child until it has printed `lines` lines, then kills it. Returns the lines.
fn run_and_kill(folder: &Path, lines: usize) -> Vec<(bool, u8, u32)> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "tests::kill::child_writes_until_it_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let told = output.lines().map_while(Result::ok).filter_map(|line| {
        let (_, line) = line.split_at(line.find("finished ").or_else(|| line.find("kept "))?);
        let mut words = line.split(' ');
        let kept = words.next()? == "kept";
        Some((kept, words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    });
    let told = told.take(lines).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    told
}

#[test]
fn survives_sigkill() {
    let dir = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    for round in 1..=ROUNDS {
        let lines = run_and_kill(dir.path(), LINES * round + round);
        assert_eq!(lines.len(), LINES * round + round, "the child died by itself");
        told.extend(lines);
        let store = open(dir.path(), QUOTA).unwrap();
        let contracts = contracts(&store);
        for (kept, contract, index) in &told {
            if *kept {
                assert!(contracts.iter().any(|stored| stored.contract == id(*contract) && stored.kept));
            }
            let (bytes, index) = (bytes_of(*contract, *index), usize::try_from(*index).unwrap());
            let entry = store.batch(id(*contract)).unwrap()[index];
            assert_eq!(read_all(&store, entry.piece, entry.len), bytes);
        }
        // Whatever is visible is whole, told or not.
        for stored in &contracts {
            for (index, entry) in (0..).zip(store.batch(stored.contract).unwrap()) {
                assert_eq!(read_all(&store, entry.piece, entry.len), bytes_of(stored.contract.0[0], index));
            }
        }
        store.verify();
    }
}
