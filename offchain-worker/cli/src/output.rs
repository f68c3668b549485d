//! Results on standard output: lines for people, or one JSON value.

use anyhow::{Context, Result};
use indicatif::HumanBytes;
use serde_json::Value;
use std::{
    fmt::Display,
    io::{stderr, stdout, Write},
};

/// Where a result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Standard output.
    Stdout,
    /// Standard error, while standard output takes data.
    Stderr,
}

/// Prints `value` as JSON if asked to, or else `human`.
pub fn print(json: bool, to: To, value: &Value, human: &str) -> Result<()> {
    let text = if json { serde_json::to_string_pretty(value)? } else { human.trim_end().to_owned() };
    match to {
        To::Stdout => writeln!(stdout(), "{text}").and_then(|()| stdout().flush()),
        To::Stderr => writeln!(stderr(), "{text}"),
    }
    .context("cannot print the result")
}

/// A word of warning on standard error.
pub fn warn(text: impl Display) {
    eprintln!("warning: {}", indented(&text.to_string()));
}

/// Bytes, for people.
pub fn bytes(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

/// Labels and values, one pair a line.
pub fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    pairs.iter().map(|(label, value)| format!("{label:<width$}  {}\n", printable(value))).collect()
}

/// Columns as wide as they need to be; the first row is the head.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let width = |at: usize| {
        rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Later lines indented below the first.
pub fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n  ")
}

/// Names and regions come from files and strangers: no control character reaches the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_and_harmless() {
        let rows = [vec!["id".into(), "name".into()], vec!["0x12".into(), "a\u{1b}[2J".into()]];
        assert_eq!(table(&rows), "id    name\n0x12  a\u{fffd}[2J\n");
        assert_eq!(pairs(&[("a", "1".into()), ("long", "2".into())]), "a     1\nlong  2\n");
    }
}
