//! The command line of `lunarx-node`, as its user meets it. Nothing here starts a node.

use std::{os::unix::fs::PermissionsExt, path::Path, process::Command};

/// Runs the program to its end; gives its exit code and what it said on standard error.
fn run(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lunarx-node")).args(args).output().expect("it can be run");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn key_file(folder: &Path, mode: u32) -> String {
    let path = folder.join("key");
    std::fs::write(&path, "no words").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

#[test]
fn the_daemons_options_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let chain = folder.path().join("none.json").display().to_string();
    let (code, error) = run(&[
        "--chain",
        &chain,
        "--validator",
        "--miner",
        "--miner-key=m",
        "--miner-region=eu",
        "--miner-listen=/ip4/127.0.0.1/tcp/1",
        "--miner-collateral=100",
        "--miner-settle-windows=1",
        "--tracker",
        "--tracker-key=t",
        "--tracker-listen=/ip4/127.0.0.1/tcp/2",
        "--tracker-bond=1.5",
    ]);
    // It got as far as the chain: a bad command line ends with 2.
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("none.json"), "{error}");
    let (code, error) = run(&["--miner", "--tracker-bond=much"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("--tracker-bond"), "{error}");
}

#[test]
fn sizes_have_units_that_are_known() {
    for (size, why) in [("10GB", "unknown unit 'GB'"), ("GiB", "a number"), ("99999999TiB", "more bytes")] {
        let (code, error) = run(&["--miner", "--miner-capacity", size]);
        assert_eq!(code, Some(2), "{size}: {error}");
        assert!(error.contains(why), "{size}: {error}");
    }
}

#[test]
fn a_secret_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("data").display().to_string();
    let daemon = |mode| {
        let key = key_file(folder.path(), mode);
        run(&["miner", "--base-path", &base, "--miner-key", &key])
    };
    let (code, error) = daemon(0o640);
    assert_eq!(code, Some(1));
    assert!(error.contains("chmod 600"), "{error}");
    let (code, error) = daemon(0o600);
    assert_eq!(code, Some(1));
    assert!(error.contains("holds no secret") && !error.contains("no words"), "{error}");
    let (code, error) = run(&["miner", "--base-path", &base]);
    assert_eq!(code, Some(1));
    assert!(error.contains("--miner-key FILE"), "{error}");
}
