//! The home folder: wallet, catalogue, configuration.
//!
//! ```text
//! HOME/wallet.key     the seed, encrypted (`lunarx_client::keystore`)
//! HOME/objects/       sealed manifests, and records of puts under way (`lunarx_client::catalogue`)
//! HOME/config.json    optional: {"rpc": ["ws://.."], "password_file": ".."}
//! ```

use crate::args::{Global, DEFAULT_RPC};
use anyhow::{bail, Context, Result};
use serde::Deserialize;
use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

/// Longest configuration file.
const MAX_CONFIG_BYTES: u64 = 64 * 1024;

/// What `config.json` may hold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    #[serde(default)]
    rpc: Vec<String>,
    /// Relative paths count from the configuration's folder.
    #[serde(default)]
    password_file: Option<PathBuf>,
}

/// The folder, with the configuration that holds after flags and environment.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    /// Chain nodes, one at least.
    pub rpc: Vec<String>,
    /// The file of the password that a flag names.
    pub password_flag: Option<PathBuf>,
    /// The file of the password that the configuration names.
    pub password_file: Option<PathBuf>,
}

impl Home {
    /// Reads the configuration. Flags and environment go before it.
    pub fn open(global: &Global) -> Result<Self> {
        let folder = match &global.home {
            Some(folder) => folder.clone(),
            None => {
                dirs::data_dir().context("this user has no data folder: name one with --home")?.join("lunarx")
            }
        };
        let config = match &global.config {
            Some(path) => read(path)?.with_context(|| format!("no configuration at {}", path.display()))?,
            None => read(&folder.join("config.json"))?.unwrap_or_default(),
        };
        let mut rpc = if global.rpc.is_empty() { config.rpc } else { global.rpc.clone() };
        if rpc.is_empty() {
            rpc.push(DEFAULT_RPC.into());
        }
        let (password_flag, password_file) = (global.password_file.clone(), config.password_file);
        Ok(Self { folder, rpc, password_flag, password_file })
    }

    /// The encrypted seed.
    pub fn wallet(&self) -> PathBuf {
        self.folder.join("wallet.key")
    }

    /// The folder of a verifier.
    pub fn verifier(&self) -> PathBuf {
        self.folder.join("verifier")
    }

    /// The sealed manifests.
    pub fn objects(&self) -> PathBuf {
        self.folder.join("objects")
    }
}

/// `None` if there is no such file.
fn read(path: &Path) -> Result<Option<ConfigFile>> {
    let what = || format!("cannot read the configuration {}", path.display());
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.with_context(what)?,
    };
    let mut text = String::new();
    file.take(MAX_CONFIG_BYTES + 1).read_to_string(&mut text).with_context(what)?;
    if text.len() > usize::try_from(MAX_CONFIG_BYTES)? {
        bail!("the configuration {} is longer than {MAX_CONFIG_BYTES} bytes", path.display());
    }
    let mut config: ConfigFile = serde_json::from_str(&text).with_context(what)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    config.password_file = config.password_file.map(|file| folder.join(file));
    Ok(Some(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn global(home: &Path) -> Global {
        Global { rpc: Vec::new(), home: Some(home.into()), config: None, password_file: None, json: false }
    }

    #[test]
    fn flags_go_before_configuration_before_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(&global(folder.path())).unwrap();
        assert_eq!((home.rpc, home.password_file), (vec![DEFAULT_RPC.into()], None));

        let text = r#"{"rpc": ["ws://a:1", "ws://b:2"], "password_file": "secret"}"#;
        std::fs::write(folder.path().join("config.json"), text).unwrap();
        let home = Home::open(&global(folder.path())).unwrap();
        assert_eq!(home.rpc, ["ws://a:1", "ws://b:2"]);
        assert_eq!(home.password_file, Some(folder.path().join("secret")));

        let flags = Global { rpc: vec!["ws://c:3".into()], ..global(folder.path()) };
        assert_eq!(Home::open(&flags).unwrap().rpc, ["ws://c:3"]);
    }

    #[test]
    fn refuses_a_configuration_that_it_does_not_understand() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "[1]", r#"{"rcp": []}"#] {
            std::fs::write(folder.path().join("config.json"), text).unwrap();
            assert!(Home::open(&global(folder.path())).is_err(), "{text}");
        }
        let named = Global { config: Some("/nowhere.json".into()), ..global(folder.path()) };
        assert!(Home::open(&named).is_err());
    }
}
