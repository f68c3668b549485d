//! The key that signs an account's calls.

use lunarx_core::AccountId;
use std::{fmt, str::FromStr};
use subxt_signer::{bip39::Mnemonic, sr25519::Keypair, SecretUri};

/// Why no key can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The entropy has no BIP39 length.
    #[error("a seed has 16, 20, 24, 28 or 32 bytes of entropy, not {0}")]
    EntropyLength(usize),
    /// The URI names no key. Its text is a secret, so it is not repeated.
    #[error("not a secret uri: expected words, 0x and 64 hex digits, or a path such as //Alice")]
    Uri,
}

/// An sr25519 key pair. The secret is wiped when it is dropped, and never shown.
#[derive(Clone)]
pub struct Signer(Keypair);

impl Signer {
    /// The key that polkadot.js and other Substrate wallets derive from the words of this BIP39
    /// entropy, without a password.
    pub fn from_entropy(entropy: &[u8]) -> Result<Self, SignerError> {
        let refused = SignerError::EntropyLength(entropy.len());
        let words = Mnemonic::from_entropy(entropy).map_err(|_| refused)?;
        Keypair::from_phrase(&words, None).map(Self).map_err(|_| refused)
    }

    /// The key of a Substrate secret URI. `//Alice` and its like are public: development only.
    pub fn from_uri(uri: &str) -> Result<Self, SignerError> {
        let uri = SecretUri::from_str(uri).map_err(|_| SignerError::Uri)?;
        Keypair::from_uri(&uri).map(Self).map_err(|_| SignerError::Uri)
    }

    /// The account that this key controls.
    pub fn account(&self) -> AccountId {
        AccountId(self.0.public_key().0)
    }

    /// For the signing of transactions.
    pub(crate) fn keypair(&self) -> &Keypair {
        &self.0
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", crate::to_ss58(self.account()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::to_ss58;

    #[test]
    fn development_keys_are_the_known_ones() {
        let phrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
        let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        for uri in ["//Alice", &format!("{phrase}//Alice")] {
            assert_eq!(to_ss58(Signer::from_uri(uri).unwrap().account()), alice);
        }
    }

    #[test]
    fn entropy_gives_the_key_that_wallets_derive_from_its_words() {
        // The development phrase without a path, as polkadot.js shows it.
        let words: Mnemonic =
            "bottom drive obey lake curtain smoke basket hold race lonely fit walk".parse().unwrap();
        let (entropy, len) = words.to_entropy_array();
        let signer = Signer::from_entropy(&entropy[..len]).unwrap();
        assert_eq!(to_ss58(signer.account()), "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV");
    }

    #[test]
    fn twenty_four_words_equal_their_phrase() {
        let entropy = [7; 32];
        let words = Mnemonic::from_entropy(&entropy).unwrap();
        assert_eq!(words.words().count(), 24);
        let phrase = words.words().collect::<Vec<_>>().join(" ");
        assert_eq!(
            Signer::from_entropy(&entropy).unwrap().account(),
            Signer::from_uri(&phrase).unwrap().account()
        );
    }

    #[test]
    fn refuses_other_lengths_and_texts() {
        for len in [0, 1, 15, 17, 33, 64] {
            let refused = Signer::from_entropy(&vec![1; len]).unwrap_err();
            assert_eq!(refused, SignerError::EntropyLength(len));
        }
        assert_eq!(Signer::from_uri("no such words").unwrap_err(), SignerError::Uri);
    }

    #[test]
    fn debug_shows_the_account_only() {
        let signer = Signer::from_uri("//Alice").unwrap();
        assert_eq!(format!("{signer:?}"), format!("Signer({})", to_ss58(signer.account())));
    }
}
