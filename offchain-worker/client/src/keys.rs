//! The seed of 24 words, and every key that follows from it.
//!
//! ```text
//! 24 words (BIP39, English) = 32 bytes of entropy
//!   ├─ account     sr25519, as polkadot.js and other Substrate wallets derive it
//!   └─ BLAKE3 derive_key(context, entropy), one context a key, 32 bytes each
//!        ├─ manifest    seals manifests
//!        ├─ repair      gives each object its own repair key: derive_key(context, repair ‖ object id)
//!        ├─ marks       gives each object its own key of watermarks: derive_key(context, marks ‖ object id)
//!        ├─ node        ed25519 seed of this client's node key
//!        └─ encryption  X25519 secret
//! ```

use crate::marks::MarkKey;
use lunarx_chain::Signer;
use lunarx_core::{AccountId, EncryptionKey, NodeKey};
use lunarx_network::NodeSecret;
use lunarx_row::{ManifestKey, ObjectId, RepairKey};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of entropy behind 24 words.
pub const ENTROPY_BYTES: usize = 32;
/// Words of a seed.
pub const SEED_WORDS: usize = 24;

const MANIFEST_CONTEXT: &str = "lunarx 2026-11 client manifest key v1";
const REPAIR_CONTEXT: &str = "lunarx 2026-11 client repair key v1";
const OBJECT_REPAIR_CONTEXT: &str = "lunarx 2026-11 object repair key v1";
const MARKS_CONTEXT: &str = "lunarx 2026-11 client watermark key v1";
const OBJECT_MARKS_CONTEXT: &str = "lunarx 2026-11 object watermark key v1";
const NODE_CONTEXT: &str = "lunarx 2026-11 client node key v1";
const ENCRYPTION_CONTEXT: &str = "lunarx 2026-11 client encryption key v1";

/// Why words are no seed. The words themselves are never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    /// Another number of words.
    #[error("a seed has {SEED_WORDS} words, not {0}")]
    WordCount(usize),
    /// Not in the word list.
    #[error("word {0} is not in the BIP39 English word list")]
    UnknownWord(usize),
    /// The words are all known, but one is wrong or out of place.
    #[error("the words do not belong together (wrong checksum): one is wrong or out of order")]
    Checksum,
    /// No account key follows from it.
    #[error("no account key can be derived from this seed")]
    Account,
}

/// The entropy behind 24 words. Wiped when dropped, never shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; ENTROPY_BYTES]);

impl Seed {
    /// A new one, from the operating system's randomness.
    pub fn random() -> Self {
        let mut entropy = [0; ENTROPY_BYTES];
        rand::RngCore::fill_bytes(&mut rand::rngs::OsRng, &mut entropy);
        Self(entropy)
    }

    /// The seed with this entropy.
    pub fn from_entropy(entropy: [u8; ENTROPY_BYTES]) -> Self {
        Self(entropy)
    }

    /// Reads 24 words, separated by white space, in any case.
    pub fn from_words(words: &str) -> Result<Self, SeedError> {
        let words: Vec<Zeroizing<String>> =
            words.split_whitespace().map(|word| Zeroizing::new(word.to_lowercase())).collect();
        if words.len() != SEED_WORDS {
            return Err(SeedError::WordCount(words.len()));
        }
        let phrase = Zeroizing::new(words.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(" "));
        let mnemonic =
            bip39::Mnemonic::parse_in_normalized(bip39::Language::English, &phrase).map_err(|error| {
                match error {
                    bip39::Error::UnknownWord(index) => SeedError::UnknownWord(index.saturating_add(1)),
                    _ => SeedError::Checksum,
                }
            })?;
        let (mut bytes, _) = mnemonic.to_entropy_array();
        let mut entropy = [0; ENTROPY_BYTES];
        entropy.copy_from_slice(&bytes[..ENTROPY_BYTES]);
        bytes.zeroize();
        Ok(Self(entropy))
    }

    /// The 24 words: whoever reads them owns the account and all its data.
    pub fn words(&self) -> Zeroizing<String> {
        let mnemonic = bip39::Mnemonic::from_entropy_in(bip39::Language::English, &self.0)
            .expect("32 bytes are a length of BIP39; qed");
        Zeroizing::new(mnemonic.words().collect::<Vec<_>>().join(" "))
    }

    /// The entropy, to be stored encrypted.
    pub(crate) fn entropy(&self) -> &[u8; ENTROPY_BYTES] {
        &self.0
    }

    fn derive(&self, context: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(context, &self.0))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Every key of one user.
pub struct Keys {
    signer: Signer,
    manifest: ManifestKey,
    repair: Zeroizing<[u8; 32]>,
    marks: Zeroizing<[u8; 32]>,
    node: Zeroizing<[u8; 32]>,
    encryption: x25519_dalek::StaticSecret,
}

impl Keys {
    /// Derives them.
    pub fn derive(seed: &Seed) -> Result<Self, SeedError> {
        let signer = Signer::from_entropy(seed.entropy()).map_err(|_| SeedError::Account)?;
        Ok(Self::with_signer(seed, signer))
    }

    /// The keys of `seed`, with an account that does not follow from it: development accounts such
    /// as `//Alice` have no words.
    pub fn with_signer(seed: &Seed, signer: Signer) -> Self {
        Self {
            signer,
            manifest: ManifestKey::from_bytes(*seed.derive(MANIFEST_CONTEXT)),
            repair: seed.derive(REPAIR_CONTEXT),
            marks: seed.derive(MARKS_CONTEXT),
            node: seed.derive(NODE_CONTEXT),
            encryption: x25519_dalek::StaticSecret::from(*seed.derive(ENCRYPTION_CONTEXT)),
        }
    }

    /// Signs for the account.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The account.
    pub fn account(&self) -> AccountId {
        self.signer.account()
    }

    /// Opens manifests.
    pub fn manifest(&self) -> &ManifestKey {
        &self.manifest
    }

    /// Unwraps the pieces of one object, so that it can be lent without lending all others.
    pub fn repair(&self, object: ObjectId) -> RepairKey {
        RepairKey::from_bytes(*of_object(OBJECT_REPAIR_CONTEXT, &self.repair, object))
    }

    /// Says where the watermarks of one object lie, and makes their tags.
    pub fn marks(&self, object: ObjectId) -> MarkKey {
        MarkKey::new(of_object(OBJECT_MARKS_CONTEXT, &self.marks, object))
    }

    /// The secret of this client's node.
    pub fn node_secret(&self) -> NodeSecret {
        NodeSecret::from_seed(*self.node)
    }

    /// The public key of this client's node.
    pub fn node_key(&self) -> NodeKey {
        self.node_secret().node_key()
    }

    /// The X25519 key to which others encrypt.
    pub fn encryption_key(&self) -> EncryptionKey {
        EncryptionKey(x25519_dalek::PublicKey::from(&self.encryption).to_bytes())
    }
}

fn of_object(context: &str, key: &[u8; 32], object: ObjectId) -> Zeroizing<[u8; 32]> {
    let mut material = Zeroizing::new([0; 64]);
    material[..32].copy_from_slice(key);
    material[32..].copy_from_slice(&object.0);
    Zeroizing::new(blake3::derive_key(context, &*material))
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", lunarx_chain::to_ss58(self.account()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_in_any_case_and_spacing() {
        let seed = Seed::from_entropy([7; 32]);
        let words = seed.words();
        assert_eq!(words.split(' ').count(), SEED_WORDS);
        let spaced = words.to_uppercase().replace(' ', " \n ");
        assert_eq!(Seed::from_words(&spaced).unwrap().entropy(), seed.entropy());
    }

    #[test]
    fn says_what_is_wrong_with_words() {
        let words = Seed::from_entropy([7; 32]).words();
        let mut list: Vec<&str> = words.split(' ').collect();
        assert_eq!(Seed::from_words(&list[1..].join(" ")).unwrap_err(), SeedError::WordCount(23));
        let original = list[4];
        list[4] = "lunarx";
        assert_eq!(Seed::from_words(&list.join(" ")).unwrap_err(), SeedError::UnknownWord(5));
        list[4] = if original == "zoo" { "able" } else { "zoo" };
        assert_eq!(Seed::from_words(&list.join(" ")).unwrap_err(), SeedError::Checksum);
    }

    #[test]
    fn keys_differ_from_each_other_and_show_no_secret() {
        let keys = Keys::derive(&Seed::from_entropy([9; 32])).unwrap();
        let repair = |object| *keys.repair(ObjectId([object; 32])).as_bytes();
        let all = [*keys.manifest().as_bytes(), repair(0), repair(1), *keys.marks, *keys.node];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(format!("{keys:?}"), format!("Keys({})", lunarx_chain::to_ss58(keys.account())));
        assert_eq!(format!("{:?}", Seed::random()), "Seed(..)");
    }

    #[test]
    fn golden_derivation() {
        let keys = Keys::derive(&Seed::from_entropy([0; 32])).unwrap();
        assert_eq!(hex::encode(keys.manifest().as_bytes()), GOLDEN_MANIFEST);
        assert_eq!(keys.encryption_key().to_string(), GOLDEN_ENCRYPTION);
        assert_eq!(hex::encode(keys.marks(ObjectId([1; 32])).as_bytes()), GOLDEN_MARKS);
    }

    // Computed from the contexts with the `blake3` and `cryptography` packages of PyPI.
    const GOLDEN_MANIFEST: &str = "141ed336fc5155e30348a5193bebf14167c503f4644ecbf523842f9d3cb39589";
    const GOLDEN_MARKS: &str = "59d39028fb446ded0f19616904294c587d45696dc18057b1fda408e7f8e1b645";
    const GOLDEN_ENCRYPTION: &str = "0x69df4415cb822d52d72ea74282d3837d92deac157180529d9c03c5106f6b560a";
}
