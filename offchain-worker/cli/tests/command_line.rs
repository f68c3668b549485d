//! The binary as a user meets it, as far as that needs no network.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

const PASSWORD: &str = "correct horse battery staple";
/// Nothing listens there.
const NOWHERE: &str = "ws://127.0.0.1:1";

fn lunarx(home: &Path, password: &str, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lunarx"))
        .args(args)
        .env_clear()
        .env("LUNARX_HOME", home)
        .env("LUNARX_PASSWORD", password)
        .env("LUNARX_RPC", NOWHERE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
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

#[test]
fn wrong_usage_has_its_own_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["put"][..], &["put", "-", "--code", "9/8"], &["nonsense"], &["transfer", "x", "1,5"]] {
        error(&lunarx(folder.path(), PASSWORD, args, ""), 2);
    }
}
