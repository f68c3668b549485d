//! Errors as people read them: what happened, because of what, and what to try.

use crate::{output::indented, session::STOPPED};
use lunarx_chain::ChainError;
use lunarx_client::{CatalogueError, ClientError, KeystoreError};
use std::process::ExitCode;

/// Prints an error to standard error; gives the program's exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprint!("{}", text(error));
    match error.downcast_ref() {
        Some(ClientError::Stopped) => ExitCode::from(STOPPED),
        _ => ExitCode::FAILURE,
    }
}

fn text(error: &anyhow::Error) -> String {
    let mut text = format!("error: {}\n", indented(&error.to_string()));
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Many errors tell their cause themselves.
        if !said.contains(&cause) {
            text.push_str(&format!("  because {}\n", indented(&cause)));
            said = cause;
        }
    }
    if let Some(hint) = error.chain().find_map(hint) {
        text.push_str(&format!("  try: {hint}\n"));
    }
    text
}

/// What may help against one error of the chain of causes.
fn hint(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref() {
        return client_hint(error);
    }
    if let Some(error) = error.downcast_ref() {
        return chain_hint(error);
    }
    if let Some(error) = error.downcast_ref() {
        return Some(keystore_hint(error));
    }
    error.downcast_ref().and_then(catalogue_hint)
}

fn client_hint(error: &ClientError) -> Option<&'static str> {
    match error {
        ClientError::Chain(error) => chain_hint(error),
        ClientError::Catalogue(error) => catalogue_hint(error),
        ClientError::TooFewMiners { .. } => {
            Some("`lunarx miners` shows who is there; a code with a smaller N needs fewer miners")
        }
        ClientError::TooFewUploads { .. } | ClientError::TooFewAccepts { .. } => {
            Some("the same again: other miners are chosen; nothing is held for this attempt")
        }
        ClientError::BalanceTooLow { .. } => {
            Some("get LX to the account that `lunarx wallet show` names, or fewer --days, or a smaller N/K")
        }
        ClientError::TooFewPieces { .. } => {
            Some("again later: miners may come back; `lunarx status ID` shows how each piece fares")
        }
        ClientError::Term { .. } => Some("another number of --days"),
        ClientError::ChainStalled(_) => {
            Some("check the chain node; `lunarx balance` shows whether it answers")
        }
        ClientError::ContractsLeft { .. } => {
            Some("the same contracts end by themselves after their term; keep their ids until then")
        }
        ClientError::Sink(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Some("--force to replace the file, or another place with -o")
        }
        _ => None,
    }
}

fn chain_hint(error: &ChainError) -> Option<&'static str> {
    match error {
        ChainError::Unreachable { .. } => Some("check that the node runs, or name another with --rpc URL"),
        ChainError::InsufficientBalance { .. } => Some("`lunarx balance` shows what the account has"),
        ChainError::TimedOut { .. } => {
            Some("look with `lunarx status` or `lunarx balance` before trying again")
        }
        error if error.is_retryable() => Some("the same again in a moment"),
        _ => None,
    }
}

fn keystore_hint(error: &KeystoreError) -> &'static str {
    match error {
        KeystoreError::Missing(_) => "`lunarx wallet new`, or `lunarx wallet restore` with your 24 words",
        KeystoreError::Exists(_) => "another folder with --home, or move the existing wallet away",
        KeystoreError::WrongPassword(_) => {
            "the password again; with the 24 words the wallet can be restored in another folder"
        }
        KeystoreError::Malformed { .. } => "`lunarx wallet restore` in another folder, with your 24 words",
        KeystoreError::Io { .. } => "check the folder's owner and free space, or another one with --home",
    }
}

fn catalogue_hint(error: &CatalogueError) -> Option<&'static str> {
    match error {
        CatalogueError::NotFound(_) | CatalogueError::NotAnId(_) => Some("`lunarx ls` shows all objects"),
        CatalogueError::Ambiguous { .. } => Some("more digits of the id"),
        CatalogueError::Unreadable { .. } | CatalogueError::Misnamed { .. } => {
            Some("a copy of the manifest, and the wallet that made it")
        }
        CatalogueError::Seal(_) => None,
        CatalogueError::Io { .. } => Some("check the folder's owner and free space"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{anyhow, Context};

    #[test]
    fn tells_what_why_and_what_to_try() {
        let unreachable =
            ChainError::Unreachable { endpoint: "ws://nowhere".into(), reason: "refused".into() };
        let error = Err::<(), _>(ClientError::Chain(unreachable)).context("cannot store a.txt").unwrap_err();
        let text = text(&error);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "error: cannot store a.txt");
        assert!(lines[1].starts_with("  because no chain node answers at ws://nowhere"), "{text}");
        assert!(lines[2].starts_with("  try: "), "{text}");
        assert_eq!(lines.len(), 3, "{text}");
    }

    #[test]
    fn says_nothing_twice() {
        assert_eq!(text(&anyhow!("plain")), "error: plain\n");
        let error = anyhow!("disk full").context("cannot write: disk full");
        assert_eq!(text(&error), "error: cannot write: disk full\n");
    }
}
