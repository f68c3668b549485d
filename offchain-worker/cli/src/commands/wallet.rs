//! `lunarx wallet`.

use crate::{
    args::WalletCommand,
    output::{pairs, print, To},
    password,
    session::Session,
};
use anyhow::{Context, Result};
use lunarx_chain::to_ss58;
use lunarx_client::{keystore, Keys, KeystoreError, Seed};
use serde_json::{json, Value};
use std::io::{stdin, IsTerminal, Read};
use zeroize::Zeroizing;

/// Longest text read for 24 words.
const MAX_WORDS_BYTES: u64 = 4096;

pub fn run(session: &Session, command: WalletCommand) -> Result<()> {
    match command {
        WalletCommand::New => new(session),
        WalletCommand::Restore => restore(session),
        WalletCommand::Show => show(session),
    }
}

fn new(session: &Session) -> Result<()> {
    refuse_existing(session)?;
    let seed = Seed::random();
    let keys = Keys::derive(&seed)?;
    let password = password::new(&session.home)?;
    let words = seed.words();
    let mut value = describe(session, &keys);
    value["words"] = json!(words.as_str());
    let human = format!(
        "{}\nThe 24 words of this wallet. Write them down now: they are shown only once, and whoever\n\
         has them owns the account and all its files.\n\n{}\n",
        lines(session, &keys),
        numbered(&words)
    );
    // Before there is a wallet: one whose words nobody has seen would be lost with its machine.
    let printed = print(session.json, To::Stdout, &value, &human);
    drop(Zeroizing::new(human));
    printed.context("no wallet is made, since its words could not be shown")?;
    keystore::create(&session.home.wallet(), &seed, &password)
        .context("the words above are of no wallet yet: `lunarx wallet restore` can make it of them")
}

fn restore(session: &Session) -> Result<()> {
    refuse_existing(session)?;
    let seed = Seed::from_words(&read_words()?)?;
    let keys = Keys::derive(&seed)?;
    let password = password::new(&session.home)?;
    keystore::create(&session.home.wallet(), &seed, &password)?;
    print(session.json, To::Stdout, &describe(session, &keys), &lines(session, &keys))
}

fn show(session: &Session) -> Result<()> {
    let keys = session.keys()?;
    print(session.json, To::Stdout, &describe(session, &keys), &lines(session, &keys))
}

/// Before any password or word is asked for.
fn refuse_existing(session: &Session) -> Result<()> {
    let path = session.home.wallet();
    match path.exists() {
        true => Err(KeystoreError::Exists(path).into()),
        false => Ok(()),
    }
}

fn read_words() -> Result<Zeroizing<String>> {
    if stdin().is_terminal() {
        let words =
            rpassword::prompt_password("The 24 words (not shown): ").context("cannot read the words")?;
        return Ok(Zeroizing::new(words));
    }
    let mut words = Zeroizing::new(String::new());
    stdin().take(MAX_WORDS_BYTES).read_to_string(&mut words).context("cannot read the words")?;
    Ok(words)
}

fn describe(session: &Session, keys: &Keys) -> Value {
    json!({
        "address": to_ss58(keys.account()),
        "account": keys.account(),
        "encryption_key": keys.encryption_key(),
        "node_id": keys.node_key().node_id(),
        "wallet": session.home.wallet().display().to_string(),
    })
}

fn lines(session: &Session, keys: &Keys) -> String {
    pairs(&[
        ("address", to_ss58(keys.account())),
        ("account", keys.account().to_string()),
        ("encryption key", keys.encryption_key().to_string()),
        ("node id", keys.node_key().node_id().to_string()),
        ("wallet", session.home.wallet().display().to_string()),
    ])
}

/// Four words a line, each with its number.
fn numbered(words: &str) -> String {
    let words: Vec<String> =
        words.split(' ').zip(1..).map(|(word, number)| format!("{number:>4}. {word:<10}")).collect();
    let lines = words.chunks(4).map(|line| format!("{}\n", line.concat().trim_end()));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_numbered_by_four() {
        let text = numbered("a b c d e");
        assert_eq!(text, "   1. a            2. b            3. c            4. d\n   5. e\n");
    }
}
