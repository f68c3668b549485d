//! Accounts as text: SS58 with prefix 42, the form of wallets on Substrate chains.

use lunarx_core::AccountId;
use subxt::utils::AccountId32;

/// Longest address read: 32 bytes, prefix and checksum are 48 characters.
const MAX_SS58_CHARS: usize = 64;

/// Why a text is not an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ss58Error {
    /// Not SS58 at all: a typing error is caught by its checksum.
    #[error("not an ss58 account: {0}")]
    Malformed(String),
    /// An account of another network.
    #[error("an account of another network: expected the prefix 42, as in {expected}")]
    OtherNetwork {
        /// The same key with our prefix.
        expected: String,
    },
}

/// The account as text.
pub fn to_ss58(account: AccountId) -> String {
    AccountId32(account.0).to_string()
}

/// Reads an account.
pub fn from_ss58(text: &str) -> Result<AccountId, Ss58Error> {
    if text.len() > MAX_SS58_CHARS {
        let reason = format!("{} characters, at most {MAX_SS58_CHARS} expected", text.len());
        return Err(Ss58Error::Malformed(reason));
    }
    let parsed: AccountId32 = text.parse().map_err(|error: <AccountId32 as std::str::FromStr>::Err| {
        Ss58Error::Malformed(error.to_string().to_lowercase())
    })?;
    let account = AccountId(parsed.0);
    let expected = to_ss58(account);
    if expected != text {
        return Err(Ss58Error::OtherNetwork { expected });
    }
    Ok(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn text_round_trips() {
        let account = from_ss58(ALICE).unwrap();
        let key = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
        assert_eq!(account.to_string(), key);
        assert_eq!(to_ss58(account), ALICE);
    }

    #[test]
    fn refuses_typing_errors_and_other_lengths() {
        let typo = ALICE.replace("utQY", "utQZ");
        for text in ["", "5", &typo, &ALICE[1..], &ALICE.repeat(2), "0x1234", "é"] {
            assert!(matches!(from_ss58(text), Err(Ss58Error::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn refuses_accounts_of_other_networks() {
        // Alice on Polkadot (prefix 0).
        let other = from_ss58("15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5");
        assert_eq!(other, Err(Ss58Error::OtherNetwork { expected: ALICE.into() }));
    }
}
