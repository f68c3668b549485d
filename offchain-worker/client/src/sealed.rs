//! The seal of the catalogue's records beside manifests.
//!
//! ```text
//! bytes  record
//!     1  version
//!    24  nonce, random
//!    32  key commitment: BLAKE3 derive_key over manifest key ‖ nonce
//!        XChaCha20-Poly1305 ciphertext of the text
//!    16  tag
//! ```
//! The cipher's key is BLAKE3 derive_key over manifest key ‖ nonce; the first 57 bytes are associated
//! data. Each format has contexts of its own for both, so that no record passes for one of another kind.

use chacha20poly1305::{
    aead::{AeadInPlace, KeyInit},
    Key, XChaCha20Poly1305,
};
use lunarx_row::{ManifestKey, RowError};
use zeroize::Zeroizing;

/// Bytes of a nonce.
pub(crate) const NONCE: usize = 24;
/// Version, nonce and commitment: the associated data.
pub(crate) const HEADER: usize = 1 + NONCE + 32;
/// Bytes of the tag.
pub(crate) const TAG: usize = 16;

/// One kind of record.
pub(crate) struct Format {
    /// Its name in errors.
    pub what: &'static str,
    /// Its version.
    pub version: u8,
    /// Derives the cipher's key.
    pub seal_context: &'static str,
    /// Derives the commitment.
    pub commitment_context: &'static str,
    /// Most bytes of a record.
    pub max: usize,
}

impl Format {
    /// Seals with a given nonce, which must never be used twice under one key.
    pub fn seal(
        &self,
        mut text: Vec<u8>,
        key: &ManifestKey,
        nonce: [u8; NONCE],
    ) -> Result<Vec<u8>, RowError> {
        let actual = HEADER.saturating_add(text.len()).saturating_add(TAG);
        self.limit(actual)?;
        let mut sealed = Vec::with_capacity(actual);
        sealed.push(self.version);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&*derive(self.commitment_context, key, &nonce));
        let tag = self
            .cipher(key, &nonce)
            .encrypt_in_place_detached(&nonce.into(), &sealed, &mut text)
            .map_err(|_| RowError::Internal("cipher"))?;
        sealed.append(&mut text);
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// The text of a record.
    pub fn open(&self, sealed: &[u8], key: &ManifestKey) -> Result<Vec<u8>, RowError> {
        self.limit(sealed.len())?;
        let (&version, _) = sealed.split_first().ok_or(self.malformed("ends early"))?;
        if version != self.version {
            return Err(RowError::Version { what: self.what, expected: self.version, actual: version });
        }
        let (header, rest) = sealed.split_first_chunk::<HEADER>().ok_or(self.malformed("ends early"))?;
        let (text, tag) = rest.split_last_chunk::<TAG>().ok_or(self.malformed("ends early"))?;
        let nonce: [u8; NONCE] = std::array::from_fn(|i| header[1 + i]);
        if header[1 + NONCE..] != *derive(self.commitment_context, key, &nonce) {
            return Err(RowError::WrongKey(self.what));
        }
        let mut text = text.to_vec();
        self.cipher(key, &nonce)
            .decrypt_in_place_detached(&nonce.into(), header, &mut text, tag.into())
            .map_err(|_| self.malformed("does not authenticate"))?;
        Ok(text)
    }

    /// Says what is wrong with a record of this kind.
    pub fn malformed(&self, reason: &'static str) -> RowError {
        RowError::Malformed { what: self.what, reason }
    }

    fn limit(&self, actual: usize) -> Result<(), RowError> {
        match actual <= self.max {
            true => Ok(()),
            false => Err(RowError::TooLarge { what: self.what, max: self.max, actual }),
        }
    }

    fn cipher(&self, key: &ManifestKey, nonce: &[u8; NONCE]) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(Key::from_slice(&*derive(self.seal_context, key, nonce)))
    }
}

fn derive(context: &str, key: &ManifestKey, nonce: &[u8; NONCE]) -> Zeroizing<[u8; 32]> {
    let mut material = Zeroizing::new([0; 32 + NONCE]);
    material[..32].copy_from_slice(key.as_bytes());
    material[32..].copy_from_slice(nonce);
    Zeroizing::new(blake3::derive_key(context, &*material))
}
