//! The wallet's password: from the file that a flag names, the environment, the file that the configuration
//! names, or the terminal, in this order.

use crate::home::Home;
use anyhow::{bail, Context, Result};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};
use zeroize::Zeroizing;

/// Holds the password.
const VARIABLE: &str = "LUNARX_PASSWORD";
/// Longest password.
const MAX_PASSWORD_BYTES: u64 = 1024;

/// The password of the existing wallet.
pub fn existing(home: &Home) -> Result<Zeroizing<String>> {
    match given(home)? {
        Some(password) => Ok(password),
        None => prompt("Password: "),
    }
}

/// A password for a new wallet; asked for twice.
pub fn new(home: &Home) -> Result<Zeroizing<String>> {
    let password = match given(home)? {
        Some(password) => password,
        None => {
            let password = prompt("New password: ")?;
            if *prompt("Once more: ")? != *password {
                bail!("the two passwords differ");
            }
            password
        }
    };
    if password.is_empty() {
        bail!("the password is empty");
    }
    Ok(password)
}

fn given(home: &Home) -> Result<Option<Zeroizing<String>>> {
    if let Some(path) = &home.password_flag {
        return from_file(path).map(Some);
    }
    if let Some(password) = std::env::var_os(VARIABLE) {
        let password = password.into_string().ok().with_context(|| format!("{VARIABLE} is not UTF-8"))?;
        return Ok(Some(Zeroizing::new(password)));
    }
    home.password_file.as_deref().map(from_file).transpose()
}

/// The first line.
fn from_file(path: &Path) -> Result<Zeroizing<String>> {
    let what = || format!("cannot read the password from {}", path.display());
    let file = File::open(path).with_context(what)?;
    let mut line = Zeroizing::new(String::new());
    BufReader::new(file.take(MAX_PASSWORD_BYTES)).read_line(&mut line).with_context(what)?;
    let password = line.trim_end_matches(['\r', '\n']);
    Ok(Zeroizing::new(password.into()))
}

fn prompt(question: &str) -> Result<Zeroizing<String>> {
    let password = rpassword::prompt_password(question)
        .with_context(|| format!("no terminal to ask for the password; use --password-file or {VARIABLE}"))?;
    Ok(Zeroizing::new(password))
}
