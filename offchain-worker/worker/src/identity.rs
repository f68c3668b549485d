//! The data folder's own files besides the node key: the X25519 key, and the chain it belongs to.
//!
//! The store's lock keeps a second miner out of the folder, so it is opened first.

use crate::MinerError;
use lunarx_core::EncryptionKey;
use rand::{rngs::OsRng, RngCore};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// The secret half of the node's X25519 key, 32 bytes.
const ENCRYPTION_KEY_FILE: &str = "encryption.key";
/// Hash of block 0 of the chain whose contracts the store holds, 32 bytes.
const GENESIS_FILE: &str = "genesis";
/// Bytes of a key and of a hash.
const KEY_BYTES: usize = 32;
/// Only the owner reads and writes.
const PRIVATE: u32 = 0o600;
/// Bits of a mode that let others in.
const OTHERS: u32 = 0o077;

/// The public half of the X25519 key of `data_dir`, made there once.
pub(crate) fn encryption_key(data_dir: &Path) -> Result<EncryptionKey, MinerError> {
    let path = data_dir.join(ENCRYPTION_KEY_FILE);
    let secret = match read_exact_file(&path, true)? {
        Some(secret) => secret,
        None => {
            let mut secret = Zeroizing::new([0; KEY_BYTES]);
            OsRng.fill_bytes(secret.as_mut_slice());
            write_whole(&path, secret.as_slice())?;
            secret
        }
    };
    Ok(EncryptionKey(PublicKey::from(&StaticSecret::from(*secret)).to_bytes()))
}

/// Ties `data_dir` to the chain `genesis`, or checks that it is tied to it. On another chain every
/// stored contract would look ended, and its pieces would be removed.
pub(crate) fn bind_to_chain(data_dir: &Path, genesis: [u8; 32]) -> Result<(), MinerError> {
    let path = data_dir.join(GENESIS_FILE);
    match read_exact_file(&path, false)? {
        Some(bound) if *bound == genesis => Ok(()),
        Some(bound) => Err(MinerError::OtherChain { path, expected: *bound, actual: genesis }),
        None => write_whole(&path, &genesis),
    }
}

/// The 32 bytes of a file; `None` if there is none.
fn read_exact_file(path: &Path, private: bool) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, MinerError> {
    let failed = |source| MinerError::File { path: path.into(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if private && mode & OTHERS != 0 {
        return Err(MinerError::KeyMode { path: path.into(), mode });
    }
    // The size of an array of 32 bytes fits.
    let expected = u64::try_from(KEY_BYTES).unwrap_or(u64::MAX);
    if metadata.len() != expected {
        return Err(MinerError::KeyLength { path: path.into(), expected, actual: metadata.len() });
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    file.read_exact(bytes.as_mut_slice()).map_err(failed)?;
    Ok(Some(bytes))
}

/// Writes a file that is there whole or not at all: beside it, synced, then renamed.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), MinerError> {
    let write = |new: &Path| -> io::Result<()> {
        match fs::remove_file(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(new, path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    };
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    write(&PathBuf::from(new)).map_err(|source| MinerError::File { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_the_key_once_and_only_for_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(encryption_key(dir.path()).unwrap(), encryption_key(dir.path()).unwrap());
        let mode = fs::metadata(dir.path().join(ENCRYPTION_KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!dir.path().join("encryption.key.new").exists());
    }

    #[test]
    fn refuses_a_key_that_others_can_read() {
        let dir = tempfile::tempdir().unwrap();
        encryption_key(dir.path()).unwrap();
        let path = dir.path().join(ENCRYPTION_KEY_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(encryption_key(dir.path()), Err(MinerError::KeyMode { mode: 0o640, .. })));
    }

    #[test]
    fn refuses_a_cut_key_rather_than_making_another() {
        let dir = tempfile::tempdir().unwrap();
        write_whole(&dir.path().join(ENCRYPTION_KEY_FILE), &[1; 31]).unwrap();
        let refused = encryption_key(dir.path());
        assert!(matches!(refused, Err(MinerError::KeyLength { expected: 32, actual: 31, .. })));
    }

    #[test]
    fn a_crash_before_the_rename_leaves_no_key() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("encryption.key.new"), [1; 7]).unwrap();
        assert!(encryption_key(dir.path()).is_ok());
    }

    #[test]
    fn a_data_folder_belongs_to_one_chain() {
        let dir = tempfile::tempdir().unwrap();
        bind_to_chain(dir.path(), [1; 32]).unwrap();
        bind_to_chain(dir.path(), [1; 32]).unwrap();
        let refused = bind_to_chain(dir.path(), [2; 32]);
        assert!(matches!(refused, Err(MinerError::OtherChain { .. })));
    }
}
