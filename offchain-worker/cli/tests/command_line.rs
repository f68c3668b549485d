//! The binary as a user meets it, as far as that needs no network.

use lunarx_client::{Catalogue, Code, DataKey, Keys, Manifest, ObjectId, PendingPut, RepairKey, Seed};
use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

const PASSWORD: &str = "correct horse battery staple";
/// Nothing listens there.
const NOWHERE: &str = "ws://127.0.0.1:1";

fn command(home: &Path, password: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lunarx"));
    command
        .args(args)
        .env_clear()
        .env("LUNARX_HOME", home)
        .env("LUNARX_PASSWORD", password)
        .env("LUNARX_RPC", NOWHERE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn lunarx(home: &Path, password: &str, args: &[&str], input: &str) -> Output {
    let mut child = command(home, password, args).spawn().unwrap();
    // A program that ended already does not read it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn error(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty(), "results only on standard output");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_wallet_is_made_once_shown_without_words_and_restored_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a"), folder.path().join("b"));
    let made = json(&lunarx(&first, PASSWORD, &["wallet", "new", "--json"], ""));
    let words = made["words"].as_str().unwrap();
    assert_eq!(words.split(' ').count(), 24);

    let shown = lunarx(&first, PASSWORD, &["wallet", "show"], "");
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains(made["address"].as_str().unwrap()), "{text}");
    assert!(words.split(' ').all(|word| word.len() < 4 || !text.contains(&format!(" {word} "))), "{text}");

    let restored = json(&lunarx(&second, "another", &["wallet", "restore", "--json"], words));
    for key in ["address", "account", "encryption_key", "node_id"] {
        assert_eq!(restored[key], made[key]);
    }
    assert!(restored.get("words").is_none());

    let again = error(&lunarx(&first, PASSWORD, &["wallet", "new"], ""), 1);
    assert!(again.starts_with("error: a wallet is already at"), "{again}");
}

#[test]
fn a_wrong_password_and_wrong_words_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let words = "abandon ".repeat(23) + "art";
    json(&lunarx(folder.path(), PASSWORD, &["wallet", "restore", "--json"], &words));
    let text = error(&lunarx(folder.path(), "wrong", &["wallet", "show"], ""), 1);
    assert!(text.contains("the password is wrong") && text.contains("\n  try: "), "{text}");

    let other = tempfile::tempdir().unwrap();
    let text = error(&lunarx(other.path(), PASSWORD, &["wallet", "restore"], &"abandon ".repeat(24)), 1);
    assert!(text.contains("checksum"), "{text}");
    assert!(!text.contains("abandon"), "words are never repeated: {text}");
    assert!(!other.path().join("wallet.key").exists());
}

#[test]
fn errors_say_what_why_and_what_to_try() {
    let folder = tempfile::tempdir().unwrap();
    let text = error(&lunarx(folder.path(), PASSWORD, &["ls"], ""), 1);
    assert!(text.contains("no wallet at") && text.contains("lunarx wallet new"), "{text}");

    let words = "abandon ".repeat(23) + "art";
    json(&lunarx(folder.path(), PASSWORD, &["wallet", "restore", "--json"], &words));
    let text = error(&lunarx(folder.path(), PASSWORD, &["balance"], ""), 1);
    assert!(text.contains("no chain node answers at ws://127.0.0.1:1"), "{text}");
    assert!(text.contains("--rpc"), "{text}");
    let text = error(&lunarx(folder.path(), PASSWORD, &["put", "/nowhere/file"], ""), 1);
    assert!(text.contains("cannot read /nowhere/file"), "{text}");
    let text = error(&lunarx(folder.path(), PASSWORD, &["get", "abcdef"], ""), 1);
    assert!(text.contains("no object \"abcdef\"") && text.contains("lunarx ls"), "{text}");
}

#[test]
fn an_empty_catalogue_is_an_empty_array() {
    let folder = tempfile::tempdir().unwrap();
    let words = "abandon ".repeat(23) + "art";
    json(&lunarx(folder.path(), PASSWORD, &["wallet", "restore", "--json"], &words));
    assert_eq!(json(&lunarx(folder.path(), PASSWORD, &["ls", "--json"], "")), serde_json::json!([]));
}

/// A restored wallet, and its catalogue.
fn restored(home: &Path) -> Catalogue {
    let words = "abandon ".repeat(23) + "art";
    json(&lunarx(home, PASSWORD, &["wallet", "restore", "--json"], &words));
    let keys = Keys::derive(&Seed::from_words(&words).unwrap()).unwrap();
    Catalogue::open(home.join("objects"), keys.manifest().clone()).unwrap()
}

fn manifest(id: u8) -> Manifest {
    Manifest {
        object: ObjectId([id; 32]),
        name: format!("{id}.tar"),
        size: 0,
        created: 1_790_000_000,
        code: Code::new(4, 8).unwrap(),
        data_key: DataKey::random(),
        repair_key: RepairKey::random(),
        segments: Vec::new(),
    }
}

#[test]
fn an_interrupted_put_is_listed_as_pending_and_is_no_object() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = restored(folder.path());
    let put = PendingPut { manifest: manifest(0xab), windows: 720, announced: Some(5), open_until: 9 };
    catalogue.save_pending(&put).unwrap();

    let listed = json(&lunarx(folder.path(), PASSWORD, &["ls", "--json"], ""));
    let [entry] = &listed.as_array().unwrap()[..] else { panic!("{listed}") };
    assert_eq!(entry["id"], put.manifest.object.to_string());
    assert_eq!((&entry["pending"], &entry["bytes"]), (&true.into(), &5.into()));
    let text = String::from_utf8(lunarx(folder.path(), PASSWORD, &["ls"], "").stdout).unwrap();
    assert!(text.contains("171.tar") && text.contains("lunarx rm ID"), "{text}");
    let text = error(&lunarx(folder.path(), PASSWORD, &["get", "abab"], ""), 1);
    assert!(text.contains("is not stored") && text.contains("lunarx rm ID"), "{text}");
}

#[test]
fn objects_are_listed_without_the_chain_but_their_terms_are_not_known() {
    let folder = tempfile::tempdir().unwrap();
    restored(folder.path()).save(&manifest(1)).unwrap();
    let output = lunarx(folder.path(), PASSWORD, &["ls", "--json"], "");
    let listed = json(&output);
    assert_eq!((&listed[0]["pending"], &listed[0]["over"]), (&false.into(), &false.into()));
    assert!(listed[0]["ends_block"].is_null() && listed[0]["ends_utc"].is_null(), "{listed}");
    let warning = String::from_utf8(output.stderr).unwrap();
    assert!(warning.contains("the ends of the terms are not known: no chain node"), "{warning}");
}

#[test]
fn a_password_file_named_by_a_flag_goes_before_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    restored(folder.path());
    let [right, wrong] = ["right", "wrong"].map(|name| folder.path().join(name));
    fs::write(&right, format!("{PASSWORD}\n")).unwrap();
    fs::write(&wrong, "another\n").unwrap();
    let show = |environment, file: &Path| {
        let args = ["wallet", "show", "--json", "--password-file", file.to_str().unwrap()];
        lunarx(folder.path(), environment, &args, "")
    };
    json(&show("another", &right));
    assert!(error(&show(PASSWORD, &wrong), 1).contains("the password is wrong"));
    // What the configuration names is no flag.
    fs::write(folder.path().join("config.json"), r#"{"password_file": "wrong"}"#).unwrap();
    json(&lunarx(folder.path(), PASSWORD, &["wallet", "show", "--json"], ""));
}

#[test]
fn a_wallet_whose_words_cannot_be_shown_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["wallet", "new"][..], &["wallet", "new", "--json"]] {
        // Every write to it fails, as to a full disk.
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = command(folder.path(), PASSWORD, args).stdout(full).output().unwrap();
        let text = error(&output, 1);
        assert!(text.contains("no wallet is made"), "{text}");
        assert!(!folder.path().join("wallet.key").exists());
    }
}

#[test]
fn logs_have_no_escape_codes_where_no_terminal_is() {
    let folder = tempfile::tempdir().unwrap();
    restored(folder.path());
    let mut balance = command(folder.path(), PASSWORD, &["balance"]);
    let output = balance.env("RUST_LOG", "trace").output().unwrap();
    let text = error(&output, 1);
    assert!(text.lines().count() > 3, "something is logged: {text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["put"][..],
        &["put", "-", "--code", "9/8"],
        &["nonsense"],
        &["transfer", "x", "1,5"],
        &["contracts", "end", "0x12"],
    ] {
        error(&lunarx(folder.path(), PASSWORD, args, ""), 2);
    }
}
