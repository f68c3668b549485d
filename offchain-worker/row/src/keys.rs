//! Keys and ids of segments, and how the working keys follow from them.
//!
//! All derivations are BLAKE3 `derive_key` with one context a use, over the fixed-length
//! concatenation that each function names. The data key opens content; the repair key only unwraps
//! pieces (what it unwraps is still sealed), so it can be lent to those who rebuild them.

use crate::RowError;
use codec::{Decode, Encode};
use lunarx_core::NodeId;
use rand::{rngs::OsRng, RngCore};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const SEAL_CONTEXT: &str = "lunarx 2026-11 segment seal v1";
const SEAL_COMMITMENT_CONTEXT: &str = "lunarx 2026-11 segment key commitment v1";
const WRAP_CONTEXT: &str = "lunarx 2026-11 piece wrap v1";
const MANIFEST_CONTEXT: &str = "lunarx 2026-11 manifest seal v1";
const MANIFEST_COMMITMENT_CONTEXT: &str = "lunarx 2026-11 manifest key commitment v1";

/// A segment's name: random and public. Used for one plaintext only, ever: with the data key it
/// determines the keystream of the seal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct SegmentId(pub [u8; 32]);

impl SegmentId {
    /// A new one, from the operating system's randomness.
    pub fn random() -> Self {
        Self(random())
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! secret_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; 32]);

        impl $name {
            /// A new one, from the operating system's randomness.
            pub fn random() -> Self {
                Self(random())
            }

            /// The key with these bytes, which must be secret and uniform.
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Its bytes, to be stored under another key.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                same(&self.0, &other.0)
            }
        }

        impl Eq for $name {}
    };
}

secret_key!(
    /// Opens the content of one object. A fresh one for each object.
    DataKey
);
secret_key!(
    /// Unwraps pieces, without opening what they hold.
    RepairKey
);
secret_key!(
    /// Opens manifests.
    ManifestKey
);

/// The keys of a segment.
#[derive(Clone, Copy, Debug)]
pub struct SegmentKeys<'a> {
    /// Of its object.
    pub data: &'a DataKey,
    /// For its pieces.
    pub repair: &'a RepairKey,
}

impl DataKey {
    /// AES-256-GCM key of a segment's seal: over data key ‖ segment id.
    pub(crate) fn seal_key(&self, segment: SegmentId) -> Zeroizing<[u8; 32]> {
        derive(SEAL_CONTEXT, &[&self.0, &segment.0])
    }

    /// What the header shows of the key: over data key ‖ segment id.
    pub(crate) fn commitment(&self, segment: SegmentId) -> [u8; 32] {
        *derive(SEAL_COMMITMENT_CONTEXT, &[&self.0, &segment.0])
    }
}

impl RepairKey {
    /// AES-256-CTR key of one piece: over repair key ‖ segment id ‖ piece index (1 byte) ‖ node id.
    pub(crate) fn wrap_key(&self, segment: SegmentId, index: u8, miner: NodeId) -> Zeroizing<[u8; 32]> {
        derive(WRAP_CONTEXT, &[&self.0, &segment.0, &[index], &miner.0])
    }
}

impl ManifestKey {
    /// XChaCha20-Poly1305 key of one manifest: over manifest key ‖ nonce.
    pub(crate) fn seal_key(&self, nonce: &[u8; 24]) -> Zeroizing<[u8; 32]> {
        derive(MANIFEST_CONTEXT, &[&self.0, nonce])
    }

    /// What a manifest shows of its key: over manifest key ‖ nonce.
    pub(crate) fn commitment(&self, nonce: &[u8; 24]) -> [u8; 32] {
        *derive(MANIFEST_COMMITMENT_CONTEXT, &[&self.0, nonce])
    }
}

/// Whether two public or secret values are equal, in time that does not depend on them.
pub(crate) fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// Maps the ciphers' only error, which speaks of arguments that this crate has made itself.
pub(crate) fn cipher_error(_: aws_lc_rs::error::Unspecified) -> RowError {
    RowError::Internal("cipher")
}

fn derive(context: &str, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(part);
    }
    let key = Zeroizing::new(*hasher.finalize().as_bytes());
    hasher.zeroize();
    key
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}
