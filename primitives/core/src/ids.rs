//! Identifiers: 32 bytes each, one type each, so that none is taken for another.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// BLAKE2b-256, the hash of everything at chain level.
pub fn blake2b_256(bytes: &[u8]) -> [u8; 32] {
    let hash = blake2b_simd::Params::new().hash_length(32).hash(bytes);
    let mut out = [0; 32];
    out.copy_from_slice(hash.as_bytes());
    out
}

macro_rules! fixed_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
        )]
        pub struct $name(pub [u8; $len]);

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("0x")?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(self, f)
            }
        }

        impl core::str::FromStr for $name {
            type Err = hex::FromHexError;

            /// Reads hexadecimal, with or without `0x`.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut bytes = [0; $len];
                hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes)?;
                Ok(Self(bytes))
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = alloc::string::String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

fixed_bytes!(
    /// A chain account (the public key of a wallet), as the off-chain crates name it. It encodes
    /// like the runtime's `AccountId32`.
    AccountId, 32
);
fixed_bytes!(
    /// A node's place in the DHT: BLAKE2b-256 of its [`NodeKey`].
    NodeId, 32
);
fixed_bytes!(
    /// A node's ed25519 public key, proven by the transport's handshake.
    NodeKey, 32
);
fixed_bytes!(
    /// An ed25519 signature by a [`NodeKey`].
    NodeSignature, 64
);
fixed_bytes!(
    /// An X25519 public key, to which others encrypt.
    EncryptionKey, 32
);
fixed_bytes!(
    /// BLAKE3 root of a piece's stored bytes.
    PieceId, 32
);
fixed_bytes!(
    /// Root of the tree over the (`PieceId`, length) pairs that one contract covers.
    BatchRoot, 32
);
fixed_bytes!(
    /// A contract's id: BLAKE2b-256 of the offer it grew from (`Offer::contract_id`), so client and
    /// miner know it before the chain does, and one offer can back one live contract only.
    ContractId, 32
);

fixed_bytes!(
    /// A block's randomness, from which follows what is audited in it.
    AuditSeed, 32
);

impl NodeKey {
    /// The id that belongs to this key.
    pub fn node_id(&self) -> NodeId {
        NodeId(blake2b_256(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn node_id_is_blake2b_256_of_the_key() {
        // BLAKE2b-256 of 32 zero bytes.
        let expected = "0x89eb0d6a8a691dae2cd15ed0369931ce0a949ecafa5c3f93f8121833646e15c3";
        assert_eq!(NodeKey([0; 32]).node_id().to_string(), expected);
    }

    #[test]
    fn text_round_trips_and_refuses_other_lengths() {
        let id = PieceId([0xab; 32]);
        assert_eq!(id.to_string().parse::<PieceId>(), Ok(id));
        assert!("0xabcd".parse::<PieceId>().is_err());
    }
}
