//! The seed in a file, encrypted with a password.
//!
//! ```text
//! offset bytes
//!      0     4  "LXKS"
//!      4     1  version: 1
//!      5     4  Argon2id memory in KiB, little-endian
//!      9     4  Argon2id passes
//!     13     4  Argon2id lanes
//!     17    16  salt
//!     33    24  nonce
//!     57    48  XChaCha20-Poly1305 over the 32 bytes of entropy; associated data: bytes 0 to 56
//! ```
//! Key = Argon2id v1.3 (password, salt), 32 bytes. The file appears whole, with mode 0600, and an
//! existing one is never overwritten.

use crate::{
    file::{create_private_folder, read_bounded, Existing, NewFile},
    keys::ENTROPY_BYTES,
    Seed,
};
use chacha20poly1305::{
    aead::{AeadInPlace, KeyInit},
    Key, Tag, XChaCha20Poly1305, XNonce,
};
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

const MAGIC: &[u8; 4] = b"LXKS";
const VERSION: u8 = 1;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const HEADER_BYTES: usize = 17 + SALT_BYTES + NONCE_BYTES;
const FILE_BYTES: usize = HEADER_BYTES + ENTROPY_BYTES + TAG_BYTES;
/// Longest file read; versions to come may be longer than this one.
const MAX_FILE_BYTES: u64 = 4096;

/// What turning a password into a key costs. A file states its own, within bounds, since it may come
/// from a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// KiB of memory.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Cost {
    /// For new files: 64 MiB, 3 passes, one lane (the second recommended option of RFC 9106 with one
    /// lane, since the work is done on one thread here).
    pub const STANDARD: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// The most that a file may ask for: 1 GiB, 16 passes, 8 lanes.
    pub const MAX: Self = Self { memory_kib: 1024 * 1024, passes: 16, lanes: 8 };

    fn within(self, max: Self) -> bool {
        self.memory_kib <= max.memory_kib && self.passes <= max.passes && self.lanes <= max.lanes
    }
}

/// Why a keystore was not made or not opened.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// There is none.
    #[error("no wallet at {0}")]
    Missing(PathBuf),
    /// There is one already.
    #[error("a wallet is already at {0}; it is never overwritten")]
    Exists(PathBuf),
    /// Wrong password, or the file was changed: the two look the same.
    #[error("the password is wrong, or {0} is damaged")]
    WrongPassword(PathBuf),
    /// Not a keystore of this version.
    #[error("{path} is not a wallet that this version reads: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file system refuses.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        source: io::Error,
    },
}

/// Writes `seed` to a new file. Takes about half a second, on purpose.
pub fn create(path: &Path, seed: &Seed, password: &str) -> Result<(), KeystoreError> {
    create_with(path, seed, password, Cost::STANDARD)
}

/// Opens a file.
pub fn open(path: &Path, password: &str) -> Result<Seed, KeystoreError> {
    let bytes = read_bounded(path, MAX_FILE_BYTES).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => KeystoreError::Missing(path.into()),
        _ => KeystoreError::Io { path: path.into(), source },
    })?;
    let malformed = |reason: String| KeystoreError::Malformed { path: path.into(), reason };
    let (header, sealed) = split(&bytes).map_err(malformed)?;
    let mut entropy = Zeroizing::new([0; ENTROPY_BYTES]);
    entropy.copy_from_slice(&sealed[..ENTROPY_BYTES]);
    let key = stretch(password, header.salt, header.cost)
        .ok_or_else(|| malformed("its cost parameters are invalid".into()))?;
    XChaCha20Poly1305::new(Key::from_slice(&*key))
        .decrypt_in_place_detached(
            XNonce::from_slice(header.nonce),
            &bytes[..HEADER_BYTES],
            &mut *entropy,
            Tag::from_slice(&sealed[ENTROPY_BYTES..]),
        )
        .map_err(|_| KeystoreError::WrongPassword(path.into()))?;
    Ok(Seed::from_entropy(*entropy))
}

fn create_with(path: &Path, seed: &Seed, password: &str, cost: Cost) -> Result<(), KeystoreError> {
    let io = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeystoreError::Exists(path.into()),
        _ => KeystoreError::Io { path: path.into(), source },
    };
    if path.symlink_metadata().is_ok() {
        return Err(KeystoreError::Exists(path.into()));
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        create_private_folder(folder).map_err(io)?;
    }
    let bytes = seal(seed, password, cost).ok_or_else(|| io(io::ErrorKind::InvalidInput.into()))?;
    let mut file = NewFile::create(path, true).map_err(io)?;
    file.write_all(&bytes).map_err(io)?;
    file.publish(Existing::Keep).map_err(io)
}

/// The file's bytes. `None` if the cost is none that Argon2 takes.
fn seal(seed: &Seed, password: &str, cost: Cost) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(FILE_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.push(VERSION);
    for number in [cost.memory_kib, cost.passes, cost.lanes] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    let mut random = [0; SALT_BYTES + NONCE_BYTES];
    rand::RngCore::fill_bytes(&mut rand::rngs::OsRng, &mut random);
    bytes.extend_from_slice(&random);
    let (salt, nonce) = random.split_at(SALT_BYTES);
    let key = stretch(password, salt, cost)?;
    let mut entropy = Zeroizing::new(*seed.entropy());
    let tag = XChaCha20Poly1305::new(Key::from_slice(&*key))
        .encrypt_in_place_detached(XNonce::from_slice(nonce), &bytes, &mut *entropy)
        .ok()?;
    bytes.extend_from_slice(&*entropy);
    bytes.extend_from_slice(&tag);
    Some(bytes)
}

struct Header<'a> {
    cost: Cost,
    salt: &'a [u8],
    nonce: &'a [u8],
}

/// Header, and the sealed entropy with its tag.
fn split(bytes: &[u8]) -> Result<(Header<'_>, &[u8]), String> {
    if bytes.get(..4) != Some(MAGIC) {
        return Err("it does not begin like one".into());
    }
    match bytes.get(4) {
        Some(&VERSION) => {}
        other => return Err(format!("its version is {other:?}, expected {VERSION}")),
    }
    if bytes.len() != FILE_BYTES {
        return Err(format!("it has {} bytes, expected {FILE_BYTES}", bytes.len()));
    }
    let number = |at: usize| {
        let mut word = [0; 4];
        word.copy_from_slice(&bytes[at..at + 4]);
        u32::from_le_bytes(word)
    };
    let cost = Cost { memory_kib: number(5), passes: number(9), lanes: number(13) };
    if !cost.within(Cost::MAX) {
        return Err(format!("it asks for {cost:?}, expected at most {:?}", Cost::MAX));
    }
    let (header, sealed) = bytes.split_at(HEADER_BYTES);
    let (salt, nonce) = header[17..].split_at(SALT_BYTES);
    Ok((Header { cost, salt, nonce }, sealed))
}

fn stretch(password: &str, salt: &[u8], cost: Cost) -> Option<Zeroizing<[u8; 32]>> {
    let params = argon2::Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).ok()?;
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut key = Zeroizing::new([0; 32]);
    argon2.hash_password_into(password.as_bytes(), salt, &mut *key).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn made() -> (tempfile::TempDir, PathBuf, Seed) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/wallet.key");
        let seed = Seed::from_entropy([5; 32]);
        create_with(&path, &seed, "right", CHEAP).unwrap();
        (folder, path, seed)
    }

    #[test]
    fn opens_with_its_password_only() {
        let (_folder, path, seed) = made();
        assert_eq!(open(&path, "right").unwrap().entropy(), seed.entropy());
        assert!(matches!(open(&path, "wrong"), Err(KeystoreError::WrongPassword(_))));
        assert!(matches!(open(Path::new("/nowhere"), "right"), Err(KeystoreError::Missing(_))));
    }

    #[test]
    fn standard_cost_is_what_the_docs_say() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wallet.key");
        let seed = Seed::random();
        create(&path, &seed, "a long password").unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(split(&bytes).unwrap().0.cost, Cost { memory_kib: 65_536, passes: 3, lanes: 1 });
        assert_eq!(open(&path, "a long password").unwrap().entropy(), seed.entropy());
    }

    #[test]
    fn never_overwrites() {
        let (_folder, path, seed) = made();
        let error = create_with(&path, &Seed::random(), "other", CHEAP).unwrap_err();
        assert!(matches!(error, KeystoreError::Exists(_)));
        assert_eq!(open(&path, "right").unwrap().entropy(), seed.entropy());
    }

    #[test]
    fn any_changed_byte_is_refused() {
        let (_folder, path, _) = made();
        let original = std::fs::read(&path).unwrap();
        // The cost bytes are left out here: a changed cost would only take longer to be refused.
        for at in (0..5).chain(17..original.len()) {
            let mut bytes = original.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            assert!(open(&path, "right").is_err(), "byte {at}");
        }
    }

    #[test]
    fn refuses_a_file_that_asks_for_too_much_memory() {
        let (_folder, path, _) = made();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[5..9].copy_from_slice(&u32::MAX.to_le_bytes());
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(open(&path, "right"), Err(KeystoreError::Malformed { .. })));
    }

    #[test]
    fn is_private() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, path, _) = made();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
