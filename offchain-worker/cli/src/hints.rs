//! What to do next about an error. Every error of client, chain, catalogue and wallet has an answer; the
//! compiler keeps it so.

use lunarx_chain::ChainError;
use lunarx_client::{CatalogueError, ClientError, KeystoreError, SeedError};
use std::{error::Error, io};

const AGAIN: &str = "the same again in a moment";
const OTHER_MINERS: &str = "the same again: other miners are chosen";
const MORE_LX: &str =
    "get LX to the account that `lunarx wallet show` names, or fewer --days, or a smaller N/K";
const VERSIONS: &str = "another node with --rpc URL, or the `lunarx` that belongs to the node's version";
const OTHER_WALLET: &str = "the wallet that opened the contract: `lunarx wallet show` names this one";
const LOOK_AT_CONTRACTS: &str = "`lunarx contracts` shows which are live, and in which state";
const DEFECT: &str = "a newer `lunarx`; if there is none, report this message as a defect";

/// What may help against one error of the chain of causes.
pub fn hint(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref() {
        return Some(client_hint(error));
    }
    if let Some(error) = error.downcast_ref() {
        return Some(chain_hint(error));
    }
    if let Some(error) = error.downcast_ref() {
        return Some(keystore_hint(error));
    }
    if let Some(error) = error.downcast_ref() {
        return Some(catalogue_hint(error));
    }
    if let Some(error) = error.downcast_ref() {
        return Some(seed_hint(error));
    }
    error.downcast_ref().and_then(io_hint)
}

fn client_hint(error: &ClientError) -> &'static str {
    match error {
        ClientError::Chain(error) => chain_hint(error),
        ClientError::Catalogue(error) => catalogue_hint(error),
        ClientError::Seed(error) => seed_hint(error),
        ClientError::Network(_) => {
            "the same again; if it stays so, check that this machine lets programs use UDP and TCP"
        }
        ClientError::Row(_) | ClientError::Task(_) => DEFECT,
        ClientError::Source(_) => "check that it can be read to its end, then the same again",
        ClientError::SourceSize { .. } => {
            "the same again once nothing writes to it; `cat FILE | lunarx put - --name NAME` takes it as it is"
        }
        ClientError::Sink(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            "--force to replace the file, or another place with -o"
        }
        ClientError::Sink(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            "check the program behind the pipe: it has ended before it had read all"
        }
        ClientError::Sink(_) => "check the place's owner and free space, or another place with -o",
        ClientError::TooLarge { .. } => "parts, as `split -b` makes them, one object each",
        ClientError::Term { .. } => "another number of --days",
        ClientError::TooFewMiners { .. } => {
            "`lunarx miners` shows who is there; a code with a smaller N needs fewer miners"
        }
        ClientError::TooFewUploads { .. } | ClientError::TooFewAccepts { .. } => {
            "the same again: other miners are chosen; nothing is held for this attempt"
        }
        ClientError::BalanceTooLow { .. } => MORE_LX,
        ClientError::TooFewPieces { .. } => {
            "again later: miners may come back; `lunarx status ID` shows how each piece fares"
        }
        ClientError::ChainStalled(_) => {
            "check the chain node; `lunarx balance` shows whether it answers"
        }
        ClientError::Stopped => "the same again, from the start: nothing is left behind",
        ClientError::ContractsLeft { .. } => {
            "`lunarx rm ID` with that object's id, once the chain answers, ends them; `lunarx contracts` \
             shows what still holds LX, and `lunarx contracts end ID` ends one"
        }
        ClientError::Removed(_) => "the same again, if it is to be stored after all",
    }
}

fn chain_hint(error: &ChainError) -> &'static str {
    match error {
        ChainError::Unreachable { .. } => "check that the node runs, or name another with --rpc URL",
        ChainError::Node { .. } => "the same again in a moment, or another node with --rpc URL",
        ChainError::Decode { .. } | ChainError::Incompatible { .. } => VERSIONS,
        ChainError::Dispatch { pallet, error, .. } => dispatch_hint(pallet, error),
        ChainError::InsufficientBalance { .. } => "`lunarx balance` shows what the account has",
        ChainError::Rejected { .. } => {
            "`lunarx balance` shows whether the account can pay; if it can, another node with --rpc URL"
        }
        ChainError::NotIncluded { .. } => "the same again in a moment: nothing has happened",
        ChainError::TimedOut { .. } => "look with `lunarx contracts` or `lunarx balance` before trying again",
    }
}

/// What a call was refused for, by the names in the chain's metadata. Those that this program does not
/// know are answered too.
fn dispatch_hint(pallet: &str, error: &str) -> &'static str {
    match (pallet, error) {
        ("Contracts", "OfferExpired") => {
            "the same again: offers live for two hours at most; a code with a smaller N/K uploads faster"
        }
        ("Contracts", "UnderPriced") => {
            "the same again: a miner has raised its price meanwhile; `lunarx miners` shows prices"
        }
        ("Contracts", "OverCapacity") => {
            "the same again: a miner's space was sold meanwhile, and others are chosen"
        }
        ("Contracts", "UnknownMiner" | "MinerNotAccepting" | "BadOfferSignature" | "OfferLivesTooLong") => {
            OTHER_MINERS
        }
        ("Contracts", "CannotHoldFee") => MORE_LX,
        ("Contracts", "LockedBalance") => {
            "another wallet: an account with locked LX, such as one under vesting, cannot pay for contracts"
        }
        ("Contracts", "SelfDealing") => "another wallet: this one is a miner's, and cannot be its own client",
        ("Contracts", "NotYourOffer" | "NotClient" | "NotMiner") => OTHER_WALLET,
        ("Contracts", "AlreadyEnded") => {
            "nothing: what is left of the term is refunded; the last windows are settled by themselves"
        }
        ("Contracts", "AlreadyOpen" | "NotFound" | "AlreadyAccepted" | "TooLate") => LOOK_AT_CONTRACTS,
        ("Contracts", "BadTerm") => "another number of --days",
        ("Contracts", "FeeOverflow") => "fewer --days, or a lower --max-price",
        ("Contracts", "NothingDue") => {
            "again later: a window is settled once its outcome is final, three windows after its end"
        }
        ("Contracts", "NotExpired") => "again after the deadline to accept",
        ("Contracts", "EmptyBatch" | "BadSize" | "NoPieces") => DEFECT,
        ("Audits", "AlreadyDisputed") => {
            "nothing: a dispute of that contract is open; `lunarx status ID` shows until when it can be answered"
        }
        ("Audits", "CannotHoldDeposit") => "get LX to the account that `lunarx wallet show` names: a dispute needs a deposit",
        ("Audits", "TooLate" | "NotActive") => LOOK_AT_CONTRACTS,
        ("Balances" | "Token", "Expendability" | "NotExpendable") => {
            "less: 0.001 LX must stay, or else the account ends"
        }
        ("Balances", "ExistentialDeposit") | ("Token", "BelowMinimum" | "CannotCreate") => {
            "more: an account begins with 0.001 LX at least"
        }
        ("Balances", "LiquidityRestrictions" | "VestingBalance") | ("Token", "Frozen") => {
            "less, or later: part of the balance is locked; `lunarx balance` shows what can be sent"
        }
        ("Balances" | "Token", _) => "`lunarx balance` shows what the account has",
        _ => "`lunarx balance` and `lunarx contracts` show how things stand before the same again",
    }
}

fn keystore_hint(error: &KeystoreError) -> &'static str {
    match error {
        KeystoreError::Missing(_) => "`lunarx wallet new`, or `lunarx wallet restore` with your 24 words",
        KeystoreError::Exists(_) => "another folder with --home, or move the existing wallet away",
        KeystoreError::WrongPassword(_) => {
            "the password again; with the 24 words the wallet can be restored in another folder"
        }
        KeystoreError::Malformed { .. } => "`lunarx wallet restore` in another folder, with your 24 words",
        KeystoreError::Io { .. } => "check the folder's owner and free space, or another one with --home",
    }
}

fn catalogue_hint(error: &CatalogueError) -> &'static str {
    match error {
        CatalogueError::NotFound(_) | CatalogueError::NotAnId(_) => "`lunarx ls` shows all objects",
        CatalogueError::Ambiguous { .. } => "more digits of the id",
        CatalogueError::Pending(_) => {
            "wait if its put still runs; if it was interrupted, `lunarx rm ID` ends its contracts"
        }
        CatalogueError::Unreadable { .. } | CatalogueError::Misnamed { .. } => {
            "a copy of the file, and the wallet that made it; `lunarx contracts` shows what is still paid"
        }
        CatalogueError::Seal(_) => "parts, one object each, or a shorter --name",
        CatalogueError::Io { .. } => "check the folder's owner and free space",
    }
}

fn seed_hint(error: &SeedError) -> &'static str {
    match error {
        SeedError::WordCount(_) => "all 24 words in their order, separated by spaces",
        SeedError::UnknownWord(_) => "check that word's spelling",
        SeedError::Checksum => "check each word and their order",
        SeedError::Account => "`lunarx wallet new`: these words make no account",
    }
}

fn io_hint(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::NotFound => Some("check the path"),
        io::ErrorKind::PermissionDenied => Some("check who may use it"),
        io::ErrorKind::StorageFull => Some("free some space"),
        io::ErrorKind::Interrupted | io::ErrorKind::TimedOut => Some(AGAIN),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::text;
    use anyhow::Context;
    use lunarx_client::{NetworkError, ObjectId, RowError};
    use lunarx_core::AccountId;
    use std::time::Duration;

    fn chain_errors() -> Vec<ChainError> {
        let text = String::from("why");
        vec![
            ChainError::Unreachable { endpoint: text.clone(), reason: text.clone() },
            ChainError::Node { request: text.clone(), reason: text.clone() },
            ChainError::Decode { request: text.clone(), reason: text.clone() },
            ChainError::Incompatible { reason: text.clone() },
            ChainError::InsufficientBalance { account: AccountId([0; 32]), reason: text.clone() },
            ChainError::Rejected { reason: text.clone() },
            ChainError::NotIncluded { attempts: 3, reason: text.clone() },
            ChainError::TimedOut { extrinsic: [0; 32], seconds: 300, reason: text },
        ]
    }

    fn dispatch(pallet: &str, error: &str) -> ChainError {
        ChainError::Dispatch { pallet: pallet.into(), error: error.into(), docs: "why".into() }
    }

    /// One of each kind, the chain's aside.
    fn client_errors() -> Vec<ClientError> {
        let object = ObjectId([1; 32]);
        let io = |kind: io::ErrorKind| io::Error::new(kind, "why");
        let (none, left) = (Vec::new(), Box::new(ClientError::Stopped));
        vec![
            ClientError::from(NetworkError::Stopped),
            ClientError::Seed(SeedError::Checksum),
            ClientError::Catalogue(CatalogueError::Pending(object)),
            ClientError::Catalogue(CatalogueError::Seal(RowError::Internal("length"))),
            ClientError::Row(RowError::CorruptManifest),
            ClientError::Source(io(io::ErrorKind::UnexpectedEof)),
            ClientError::SourceSize { expected: 1, actual: "2 bytes long".into() },
            ClientError::Sink(io(io::ErrorKind::StorageFull)),
            ClientError::Sink(io(io::ErrorKind::BrokenPipe)),
            ClientError::Sink(io(io::ErrorKind::AlreadyExists)),
            ClientError::TooLarge { bytes: 2, max: 1 },
            ClientError::Term { days: 0, windows: 0, max: 1 },
            ClientError::TooFewMiners { needed: 2, found: 1, known: 1, bytes: 1, faults: none },
            ClientError::TooFewUploads { needed: 2, have: 1, faults: Vec::new() },
            ClientError::BalanceTooLow { needed: 2, have: 1 },
            ClientError::TooFewAccepts { needed: 2, accepted: 1, faults: Vec::new() },
            ClientError::TooFewPieces { segment: 0, needed: 2, have: 1, missing: Vec::new() },
            ClientError::ChainStalled(Duration::from_secs(60)),
            ClientError::Stopped,
            ClientError::ContractsLeft { object, cause: left, contracts: Vec::new(), reason: "why".into() },
            ClientError::Removed(object),
        ]
    }

    /// The calls of this program, and what the pallet may refuse them for.
    const CONTRACT_ERRORS: [&str; 24] = [
        "EmptyBatch",
        "LockedBalance",
        "NotYourOffer",
        "SelfDealing",
        "OfferExpired",
        "OfferLivesTooLong",
        "UnknownMiner",
        "MinerNotAccepting",
        "BadOfferSignature",
        "UnderPriced",
        "BadSize",
        "BadTerm",
        "NoPieces",
        "AlreadyOpen",
        "OverCapacity",
        "FeeOverflow",
        "CannotHoldFee",
        "NotFound",
        "NotMiner",
        "NotClient",
        "AlreadyAccepted",
        "TooLate",
        "NothingDue",
        "NotExpired",
    ];

    #[test]
    fn every_error_says_why_and_what_to_do_next() {
        let dispatches = CONTRACT_ERRORS.map(|error| dispatch("Contracts", error));
        let chain = chain_errors().into_iter().chain(dispatches).map(ClientError::Chain);
        for error in chain.chain(client_errors()) {
            let cause = error.to_string();
            let text = text(&Err::<(), _>(error).context("cannot store a.txt").unwrap_err());
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines[0], "error: cannot store a.txt");
            assert!(lines[1].starts_with("  because ") && text.contains(&cause), "{text}");
            let last = lines.last().unwrap();
            assert!(last.starts_with("  try: ") && last.len() > 20, "{text}");
        }
    }

    #[test]
    fn refusals_by_the_contracts_have_answers_of_their_own() {
        let unknown = dispatch_hint("Contracts", "Invented");
        for error in CONTRACT_ERRORS {
            assert_ne!(dispatch_hint("Contracts", error), unknown, "{error}");
        }
        assert!(dispatch_hint("Contracts", "CannotHoldFee").contains("get LX"));
        assert!(dispatch_hint("Contracts", "LockedBalance").contains("vesting"));
        assert!(dispatch_hint("Contracts", "UnderPriced").contains("price"));
        assert!(dispatch_hint("Balances", "Expendability").contains("0.001 LX"));
        assert!(dispatch_hint("Audits", "AlreadyDisputed").contains("lunarx status"));
        assert!(dispatch_hint("Audits", "CannotHoldDeposit").contains("deposit"));
    }

    #[test]
    fn contracts_that_are_left_lead_to_the_commands_that_end_them() {
        let cause = Box::new(ClientError::Stopped);
        let object = ObjectId([0xab; 32]);
        let left = ClientError::ContractsLeft { object, cause, contracts: Vec::new(), reason: "why".into() };
        let text = text(&anyhow::Error::new(left));
        for part in [&object.to_string(), "lunarx rm", "lunarx contracts end"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
