//! `lunarx ls`, `status` and `rm`.

use crate::{
    commands::contracts,
    output::{bytes, pairs, print, table, warn, To},
    session::Session,
    time::utc,
};
use anyhow::{Context, Result};
use lunarx_chain::to_ss58;
use lunarx_client::{
    lx, Catalogue, CatalogueError, ClientConfig, Keys, Manifest, ObjectId, ObjectStatus, PendingPut,
    PieceStatus, TermEnd, Terms,
};
use serde_json::{json, Value};
use std::time::Duration;
use tokio::time::timeout;

/// Hex digits of an id in a table, `0x` included.
const SHORT_ID: usize = 14;
/// For the chain to say when terms end. Without an answer the list comes without them.
const TERMS_TIMEOUT: Duration = Duration::from_secs(15);

pub async fn list(session: &Session) -> Result<()> {
    let keys = session.keys()?;
    let catalogue = session.catalogue(&keys)?;
    let pending = readable(catalogue.pending()?);
    let manifests = readable(catalogue.list()?);
    let terms = match manifests.is_empty() {
        true => None,
        false => terms(session, &keys).await,
    };
    let mut value: Vec<Value> =
        manifests.iter().map(|manifest| describe(manifest, term_end(terms.as_ref(), manifest))).collect();
    value.extend(pending.iter().map(describe_pending));
    let human = format!("{}{}", table_of(&manifests, terms.as_ref()), table_of_pending(&pending));
    print(session.json, To::Stdout, &Value::Array(value), &human)
}

/// What can be opened; the rest is warned of.
fn readable<T>(entries: Vec<Result<T, CatalogueError>>) -> Vec<T> {
    entries.into_iter().filter_map(|entry| entry.map_err(warn).ok()).collect()
}

/// What the chain says of the account's contracts. The list is of use without it too.
async fn terms(session: &Session, keys: &Keys) -> Option<Terms> {
    let read = async {
        let chain = session.chain().await?;
        anyhow::Ok(Terms::read(&*chain, keys.account()).await?)
    };
    let unknown = "the ends of the terms are not known";
    match timeout(TERMS_TIMEOUT, read).await {
        Ok(Ok(terms)) => Some(terms),
        Ok(Err(error)) => {
            warn(format!("{unknown}: {error}"));
            None
        }
        Err(_) => {
            warn(format!("{unknown}: the chain did not answer within {} s", TERMS_TIMEOUT.as_secs()));
            None
        }
    }
}

/// What is known of the end of an object's term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// The chain was not asked, or did not answer.
    Unknown,
    /// Too few contracts are active: it is not kept any more.
    Over,
    At(TermEnd),
}

fn term_end(terms: Option<&Terms>, manifest: &Manifest) -> Ends {
    match terms {
        None => Ends::Unknown,
        Some(terms) => terms.end_of(&manifest.segments).map_or(Ends::Over, Ends::At),
    }
}

impl Ends {
    fn human(self) -> String {
        match self {
            Self::Unknown => "unknown".into(),
            Self::Over => "over".into(),
            Self::At(end) => format!("about {} (block {})", utc(end.time), end.block),
        }
    }

    fn known(self) -> Option<TermEnd> {
        match self {
            Self::At(end) => Some(end),
            Self::Unknown | Self::Over => None,
        }
    }
}

fn table_of(manifests: &[Manifest], terms: Option<&Terms>) -> String {
    if manifests.is_empty() {
        return "no objects yet: `lunarx put FILE` stores one\n".into();
    }
    let mut rows = vec![["id", "size", "code", "created", "term ends", "name"].map(String::from).to_vec()];
    rows.extend(manifests.iter().map(|manifest| {
        vec![
            short(&manifest.object.to_string()),
            bytes(manifest.size),
            manifest.code.to_string(),
            utc(manifest.created),
            term_end(terms, manifest).human(),
            manifest.name.clone(),
        ]
    }));
    table(&rows)
}

fn table_of_pending(pending: &[PendingPut]) -> String {
    if pending.is_empty() {
        return String::new();
    }
    let mut rows = vec![["pending", "size", "code", "begun", "contracts", "name"].map(String::from).to_vec()];
    rows.extend(pending.iter().map(|put| {
        vec![
            short(&put.manifest.object.to_string()),
            put.announced.map_or_else(|| "unknown".into(), bytes),
            put.manifest.code.to_string(),
            utc(put.manifest.created),
            put.contracts().len().to_string(),
            put.manifest.name.clone(),
        ]
    }));
    let what = "Pending: puts that still run, or were interrupted. `lunarx rm ID` ends the contracts of one.";
    format!("\n{}{what}\n", table(&rows))
}

pub async fn status(session: &Session, id: &str) -> Result<()> {
    let client = session.client(ClientConfig::default()).await?;
    let object = client.catalogue().resolve(id)?;
    let status = client.status(object).await.with_context(|| format!("cannot look after {object}"))?;
    let mut value = describe(&status.manifest, ends(&status));
    value["readable"] = json!(status.is_readable());
    value["escrow"] = json!(lx(status.escrow()));
    value["paid"] = json!(lx(status.paid()));
    value["pieces"] = pieces(&status).map(|(segment, piece)| describe_piece(segment, piece)).collect();
    print(session.json, To::Stdout, &value, &status_lines(&status))
}

pub async fn remove(session: &Session, id: &str) -> Result<()> {
    let client = session.client(ClientConfig::default()).await?;
    let object = client.catalogue().resolve_any(id)?;
    let name = name_of(client.catalogue(), object)?;
    if client.catalogue().pending_ids()?.contains(&object) {
        let what = "contracts on their way to the chain are waited for, two minutes at most";
        warn(format!("{name} was not stored to its end: {what}"));
    }
    let outcome = client.remove(object).await.with_context(|| format!("cannot remove {name} ({object})"))?;
    let value = json!({
        "id": object.to_string(),
        "name": name,
        "ended": outcome.ended,
        "released": lx(outcome.released),
    });
    let human = pairs(&[
        ("removed", object.to_string()),
        ("name", name),
        ("contracts", format!("{} ended", outcome.ended)),
        ("released", format!("{} LX, less what was served and not paid yet", lx(outcome.released))),
    ]);
    print(session.json, To::Stdout, &value, &human)
}

/// The name of an object, or of what an interrupted put was to store.
fn name_of(catalogue: &Catalogue, object: ObjectId) -> Result<String, CatalogueError> {
    match catalogue.load(object) {
        Err(CatalogueError::NotFound(_)) => Ok(catalogue.load_pending(object)?.manifest.name),
        manifest => Ok(manifest?.name),
    }
}

fn ends(status: &ObjectStatus) -> Ends {
    status.term_end.map_or(Ends::Over, Ends::At)
}

fn pieces(status: &ObjectStatus) -> impl Iterator<Item = (usize, &PieceStatus)> {
    let segments = status.segments.iter().enumerate();
    segments.flat_map(|(number, segment)| segment.pieces.iter().map(move |piece| (number, piece)))
}

fn describe(manifest: &Manifest, ends: Ends) -> Value {
    json!({
        "id": manifest.object.to_string(),
        "name": manifest.name,
        "bytes": manifest.size,
        "code": manifest.code.to_string(),
        "created": manifest.created,
        "created_utc": utc(manifest.created),
        "segments": manifest.segments.len(),
        "ends_block": ends.known().map(|end| end.block),
        "ends": ends.known().map(|end| end.time),
        "ends_utc": ends.known().map(|end| utc(end.time)),
        "over": ends == Ends::Over,
        "pending": false,
    })
}

fn describe_pending(put: &PendingPut) -> Value {
    let manifest = &put.manifest;
    json!({
        "id": manifest.object.to_string(),
        "name": manifest.name,
        "bytes": put.announced,
        "code": manifest.code.to_string(),
        "created": manifest.created,
        "created_utc": utc(manifest.created),
        "segments": manifest.segments.len(),
        "windows": put.windows,
        "contracts": put.contracts(),
        "pending": true,
    })
}

fn describe_piece(segment: usize, piece: &PieceStatus) -> Value {
    let contract = piece.on_chain.as_ref();
    json!({
        "segment": segment,
        "piece": piece.index,
        "piece_id": piece.piece,
        "miner": piece.miner.map(to_ss58),
        "node": piece.node,
        "contract": piece.contract,
        "state": state(piece),
        "escrow": contract.map(|contract| lx(contract.escrow)),
        "paid": contract.map(|contract| lx(contract.paid)),
        "windows": contract.map(|contract| contract.windows),
        "elapsed": contract.map(|_| piece.elapsed),
        "confirmed": contract.map(|_| piece.confirmed()),
        "dispute": piece.dispute().map(|dispute| json!({
            "opener": to_ss58(dispute.opener),
            "opened_block": dispute.opened,
            "challenge_block": dispute.challenge,
            "deadline_block": dispute.deadline,
        })),
        "readable": piece.readable.is_ok(),
        "fault": piece.readable.as_ref().err().map(ToString::to_string),
    })
}

/// The contract's state in a word.
fn state(piece: &PieceStatus) -> &'static str {
    match &piece.on_chain {
        None => "ended",
        Some(_) if piece.is_closing() => "closing",
        Some(contract) => contracts::state(contract.state),
    }
}

/// Windows over, of those of the term.
fn windows(piece: &PieceStatus) -> String {
    piece.on_chain.as_ref().map_or_else(none, |contract| format!("{}/{}", piece.elapsed, contract.windows))
}

/// Whether the miner has a question to answer on chain, and until when.
fn dispute(piece: &PieceStatus) -> String {
    piece.dispute().map_or_else(none, |dispute| format!("until block {}", dispute.deadline))
}

/// In place of what there is not.
fn none() -> String {
    "-".into()
}

fn status_lines(status: &ObjectStatus) -> String {
    let manifest = &status.manifest;
    let head = pairs(&[
        ("id", manifest.object.to_string()),
        ("name", manifest.name.clone()),
        ("size", bytes(manifest.size)),
        ("code", manifest.code.to_string()),
        ("created", utc(manifest.created)),
        ("term ends", ends(status).human()),
        ("readable", if status.is_readable() { "yes" } else { "no: too few pieces answer" }.into()),
        ("escrow", format!("{} LX", lx(status.escrow()))),
        ("paid", format!("{} LX", lx(status.paid()))),
    ]);
    let columns = [
        "segment",
        "piece",
        "contract",
        "state",
        "windows",
        "confirmed",
        "paid LX",
        "escrow LX",
        "disputed",
        "miner",
        "piece answers",
    ];
    let mut rows = vec![columns.map(String::from).to_vec()];
    rows.extend(pieces(status).map(|(segment, piece)| {
        let amount = |amount: Option<u128>| amount.map_or_else(none, lx);
        let contract = piece.on_chain.as_ref();
        vec![
            segment.to_string(),
            piece.index.to_string(),
            short(&piece.contract.to_string()),
            state(piece).into(),
            windows(piece),
            contract.map_or_else(none, |_| piece.confirmed().to_string()),
            amount(contract.map(|contract| contract.paid)),
            amount(contract.map(|contract| contract.escrow)),
            dispute(piece),
            piece.miner.map_or_else(|| short(&piece.node.to_string()), to_ss58),
            piece.readable.as_ref().map_or_else(|fault| format!("no: {fault}"), |()| "yes".into()),
        ]
    }));
    format!("{head}\n{}{}", table(&rows), notes(status))
}

/// What a reader of the table may want to know.
fn notes(status: &ObjectStatus) -> String {
    let disputed = pieces(status).any(|(_, piece)| piece.dispute().is_some());
    match disputed {
        true => {
            "\nDisputed: the miner has to prove on chain, by that block, that it holds the piece; or its \
                 contract is closed, and what is not settled is refunded.\n"
                .into()
        }
        false => String::new(),
    }
}

fn short(id: &str) -> String {
    id.chars().take(SHORT_ID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_client::{Code, DataKey, RepairKey, SegmentStatus};
    use lunarx_core::{
        AccountId, AuditInfo, BatchRoot, ContractId, ContractInfo, ContractState, DisputeInfo, NodeId,
        PieceId, LX,
    };

    fn manifest() -> Manifest {
        Manifest {
            object: ObjectId([0xab; 32]),
            name: "a".into(),
            size: 0,
            created: 0,
            code: Code::new(4, 8).unwrap(),
            data_key: DataKey::random(),
            repair_key: RepairKey::random(),
            segments: Vec::new(),
        }
    }

    fn piece(index: u8) -> PieceStatus {
        let id = ContractId([index; 32]);
        PieceStatus {
            index,
            piece: PieceId([1; 32]),
            node: NodeId([2; 32]),
            miner: Some(AccountId([3; 32])),
            contract: id,
            on_chain: Some(ContractInfo {
                id,
                client: AccountId([4; 32]),
                miner: AccountId([3; 32]),
                root: BatchRoot([5; 32]),
                pieces: 1,
                bytes: 9,
                window: 20,
                windows: 720,
                window_fee: LX,
                last_fee: LX,
                word_pay: 1,
                ended: None,
                escrow: 700 * LX,
                paid: 7 * LX,
                commission: None,
                state: ContractState::Active { since: 100, settled: 9 },
            }),
            audit: Some(AuditInfo {
                first: 10,
                proven: 1,
                votes: Vec::new(),
                dues: lunarx_core::Dues::default(),
                dispute: None,
            }),
            elapsed: 12,
            readable: Ok(()),
        }
    }

    #[test]
    fn a_status_tells_the_windows_of_each_contract_and_its_dispute() {
        let mut disputed = piece(1);
        let question = DisputeInfo {
            contract: disputed.contract,
            opener: AccountId([4; 32]),
            standing: lunarx_core::Standing::Anybody,
            replaced: None,
            challenge: None,
            opened: 1_000,
            deadline: 4_242,
            positions: Vec::new(),
        };
        disputed.audit.as_mut().unwrap().dispute = Some(question);
        let gone = PieceStatus { on_chain: None, audit: None, elapsed: 0, ..piece(2) };
        let mut cut = piece(3);
        cut.on_chain.as_mut().unwrap().ended = Some(300);
        let states = [piece(0), disputed, gone, cut].map(|piece| (describe_piece(0, &piece), piece));
        let told = |at: usize, key: &str| states[at].0[key].clone();
        assert_eq!(
            ["windows", "elapsed", "confirmed"].map(|key| told(0, key)),
            [720, 12, 8].map(Value::from)
        );
        assert_eq!((told(0, "paid"), told(0, "dispute")), (json!("7"), Value::Null));
        assert_eq!(told(1, "dispute")["deadline_block"], 4_242);
        assert_eq!((told(2, "state"), told(2, "elapsed")), (json!("ended"), Value::Null));
        assert_eq!(told(3, "state"), "closing");

        let status = |pieces| ObjectStatus {
            manifest: manifest(),
            segments: vec![SegmentStatus { needed: 1, pieces }],
            term_end: None,
        };
        let [(_, calm), (_, disputed), ..] = states;
        let text = status_lines(&status(vec![calm.clone(), disputed]));
        assert!(text.contains("12/720") && text.contains("until block 4242"), "{text}");
        assert!(text.contains("Disputed: "), "{text}");
        assert!(!status_lines(&status(vec![calm])).contains("Disputed: "));
    }

    #[test]
    fn the_end_of_a_term_is_told_as_block_and_date() {
        let manifest = manifest();
        let ends = Ends::At(TermEnd { block: 864_000, time: 951_782_400 });
        assert_eq!(ends.human(), "about 2000-02-29 00:00:00 UTC (block 864000)");
        let value = describe(&manifest, ends);
        assert_eq!((&value["ends_block"], &value["over"]), (&json!(864_000), &json!(false)));
        assert_eq!(value["ends_utc"], "2000-02-29 00:00:00 UTC");
        let over = describe(&manifest, Ends::Over);
        assert_eq!((&over["ends_block"], &over["over"]), (&Value::Null, &json!(true)));
    }
}
