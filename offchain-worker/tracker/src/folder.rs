//! The data folder: the node's keys, the chain it belongs to, and the answers kept.
//!
//! The answers' database is opened first: its lock keeps a second tracker out of the folder.

use crate::{answers::Answers, batches::Batches, TrackerConfig, TrackerError};
use lunarx_core::EncryptionKey;
use lunarx_network::NodeSecret;
use rand::{rngs::OsRng, RngCore};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// Pieces of all miners on disk, for each in the map: the map holds the part of one tracker.
const BATCHES_PER_MAP: usize = 8;
const BATCHES_FILE: &str = "batches.redb";
const ANSWERS_FILE: &str = "answers.redb";
/// The secret half of the node's X25519 key, 32 bytes.
const ENCRYPTION_KEY_FILE: &str = "encryption.key";
/// Hash of block 0, 32 bytes.
const GENESIS_FILE: &str = "genesis";
/// Only the owner reads and writes.
const PRIVATE: u32 = 0o600;

/// The folder, opened.
pub(crate) struct Folder {
    pub(crate) answers: Answers,
    pub(crate) batches: Batches,
    pub(crate) secret: NodeSecret,
    pub(crate) encryption_key: EncryptionKey,
}

/// Opens or makes the folder. Blocks.
pub(crate) fn open(config: &TrackerConfig, genesis: [u8; 32]) -> Result<Folder, TrackerError> {
    let dir = config.data_dir.as_path();
    fs::create_dir_all(dir).map_err(|source| TrackerError::File { path: dir.into(), source })?;
    let answers = Answers::open(&dir.join(ANSWERS_FILE), config.max_answer_bytes)?;
    bind_to_chain(dir, genesis)?;
    let most = config.max_pieces.saturating_mul(BATCHES_PER_MAP);
    let batches = Batches::open(&dir.join(BATCHES_FILE), most)?;
    Ok(Folder {
        answers,
        batches,
        secret: NodeSecret::open_or_create(dir)?,
        encryption_key: encryption_key(dir)?,
    })
}

/// Ties the folder to a chain, or checks that it is: answers of another one are worth nothing.
fn bind_to_chain(dir: &Path, genesis: [u8; 32]) -> Result<(), TrackerError> {
    let path = dir.join(GENESIS_FILE);
    let bound = whole_file(&path, |bytes| bytes.copy_from_slice(&genesis))?;
    if *bound != genesis {
        return Err(TrackerError::OtherChain { path, expected: *bound, actual: genesis });
    }
    Ok(())
}

fn encryption_key(dir: &Path) -> Result<EncryptionKey, TrackerError> {
    let secret = whole_file(&dir.join(ENCRYPTION_KEY_FILE), |bytes| OsRng.fill_bytes(bytes))?;
    Ok(EncryptionKey(PublicKey::from(&StaticSecret::from(*secret)).to_bytes()))
}

/// The 32 bytes of a file, filled by `fill` where there is none. It has its name once it is whole.
fn whole_file(path: &Path, fill: impl FnOnce(&mut [u8; 32])) -> Result<Zeroizing<[u8; 32]>, TrackerError> {
    let mut bytes = Zeroizing::new([0; 32]);
    let result = match File::open(path) {
        Ok(file) => read(file, &mut bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fill(&mut bytes);
            write(path, &bytes)
        }
        Err(error) => Err(error),
    };
    result.map(|()| bytes).map_err(|source| TrackerError::File { path: path.into(), source })
}

fn read(mut file: File, bytes: &mut [u8; 32]) -> io::Result<()> {
    let refused = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let metadata = file.metadata()?;
    if metadata.mode() & 0o077 != 0 {
        return Err(refused(format!("mode {:o} lets others in, expected 600", metadata.mode() & 0o777)));
    }
    if metadata.len() != 32 {
        return Err(refused(format!("{} bytes, expected 32; restore it from a copy", metadata.len())));
    }
    file.read_exact(bytes)
}

fn write(path: &Path, bytes: &[u8; 32]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_stay_and_the_folder_belongs_to_one_chain() {
        let dir = tempfile::tempdir().unwrap();
        let config = TrackerConfig::new(dir.path(), "eu");
        let first = open(&config, [1; 32]).unwrap();
        let (node, key) = (first.secret.node_key(), first.encryption_key);
        assert!(matches!(open(&config, [1; 32]), Err(TrackerError::Locked(_))));
        drop(first);
        let again = open(&config, [1; 32]).unwrap();
        assert_eq!((again.secret.node_key(), again.encryption_key), (node, key));
        drop(again);
        assert!(matches!(open(&config, [2; 32]), Err(TrackerError::OtherChain { .. })));
    }

    #[test]
    fn refuses_a_key_that_others_can_read_or_that_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        encryption_key(dir.path()).unwrap();
        let path = dir.path().join(ENCRYPTION_KEY_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(encryption_key(dir.path()).unwrap_err().to_string().contains("expected 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, [1; 31]).unwrap();
        assert!(encryption_key(dir.path()).unwrap_err().to_string().contains("31 bytes"));
    }
}
