//! Errors as people read them: what happened, because of what, and what to try.

use crate::{hints::hint, output::indented, session::STOPPED};
use lunarx_client::ClientError;
use std::process::ExitCode;

/// Prints an error to standard error; gives the program's exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprint!("{}", text(error));
    match error.downcast_ref() {
        Some(ClientError::Stopped) => ExitCode::from(STOPPED),
        _ => ExitCode::FAILURE,
    }
}

/// The message, its causes, and what to do next.
pub fn text(error: &anyhow::Error) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{anyhow, Context};
    use lunarx_chain::ChainError;

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
