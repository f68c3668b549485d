//! `lunarx ls`, `status` and `rm`.

use crate::{
    output::{bytes, pairs, print, table, warn, To},
    session::Session,
    time::utc,
};
use anyhow::{Context, Result};
use lunarx_chain::to_ss58;
use lunarx_client::{lx, ClientConfig, Manifest, ObjectStatus, PieceStatus};
use lunarx_core::ContractState;
use serde_json::{json, Value};

/// Hex digits of an id in a table, `0x` included.
const SHORT_ID: usize = 14;

pub fn list(session: &Session) -> Result<()> {
    let keys = session.keys()?;
    let mut manifests = Vec::new();
    for manifest in session.catalogue(&keys)?.list()? {
        match manifest {
            Ok(manifest) => manifests.push(manifest),
            Err(error) => warn(error),
        }
    }
    let value: Vec<Value> = manifests.iter().map(describe).collect();
    let mut rows = vec![["id", "size", "code", "created", "name"].map(String::from).to_vec()];
    rows.extend(manifests.iter().map(|manifest| {
        vec![
            short(&manifest.object.to_string()),
            bytes(manifest.size),
            manifest.code.to_string(),
            utc(manifest.created),
            manifest.name.clone(),
        ]
    }));
    let human = if manifests.is_empty() {
        "no objects yet: `lunarx put FILE` stores one".into()
    } else {
        table(&rows)
    };
    print(session.json, To::Stdout, &Value::Array(value), &human)
}

pub async fn status(session: &Session, id: &str) -> Result<()> {
    let client = session.client(ClientConfig::default()).await?;
    let object = client.catalogue().resolve(id)?;
    let status = client.status(object).await.with_context(|| format!("cannot look after {object}"))?;
    let mut value = describe(&status.manifest);
    value["readable"] = json!(status.is_readable());
    value["escrow"] = json!(lx(status.escrow()));
    value["paid"] = json!(lx(status.paid()));
    value["pieces"] = pieces(&status).map(|(segment, piece)| describe_piece(segment, piece)).collect();
    print(session.json, To::Stdout, &value, &status_lines(&status))
}

pub async fn remove(session: &Session, id: &str) -> Result<()> {
    let client = session.client(ClientConfig::default()).await?;
    let object = client.catalogue().resolve(id)?;
    let name = client.catalogue().load(object)?.name;
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

fn pieces(status: &ObjectStatus) -> impl Iterator<Item = (usize, &PieceStatus)> {
    let segments = status.segments.iter().enumerate();
    segments.flat_map(|(number, segment)| segment.pieces.iter().map(move |piece| (number, piece)))
}

fn describe(manifest: &Manifest) -> Value {
    json!({
        "id": manifest.object.to_string(),
        "name": manifest.name,
        "bytes": manifest.size,
        "code": manifest.code.to_string(),
        "created": manifest.created,
        "created_utc": utc(manifest.created),
        "segments": manifest.segments.len(),
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
        "readable": piece.readable.is_ok(),
        "fault": piece.readable.as_ref().err().map(ToString::to_string),
    })
}

/// The contract's state in a word.
fn state(piece: &PieceStatus) -> &'static str {
    match piece.on_chain.as_ref().map(|contract| contract.state) {
        Some(ContractState::Pending { .. }) => "pending",
        Some(ContractState::Active { .. }) => "active",
        None => "ended",
    }
}

fn status_lines(status: &ObjectStatus) -> String {
    let manifest = &status.manifest;
    let head = pairs(&[
        ("id", manifest.object.to_string()),
        ("name", manifest.name.clone()),
        ("size", bytes(manifest.size)),
        ("code", manifest.code.to_string()),
        ("created", utc(manifest.created)),
        ("readable", if status.is_readable() { "yes" } else { "no: too few pieces answer" }.into()),
        ("escrow", format!("{} LX", lx(status.escrow()))),
        ("paid", format!("{} LX", lx(status.paid()))),
    ]);
    let columns = ["segment", "piece", "contract", "state", "escrow LX", "paid LX", "miner", "piece answers"];
    let mut rows = vec![columns.map(String::from).to_vec()];
    rows.extend(pieces(status).map(|(segment, piece)| {
        let amount = |amount: Option<u128>| amount.map_or_else(|| "-".into(), lx);
        let contract = piece.on_chain.as_ref();
        vec![
            segment.to_string(),
            piece.index.to_string(),
            short(&piece.contract.to_string()),
            state(piece).into(),
            amount(contract.map(|contract| contract.escrow)),
            amount(contract.map(|contract| contract.paid)),
            piece.miner.map_or_else(|| short(&piece.node.to_string()), to_ss58),
            piece.readable.as_ref().map_or_else(|fault| format!("no: {fault}"), |()| "yes".into()),
        ]
    }));
    format!("{head}\n{}", table(&rows))
}

fn short(id: &str) -> String {
    id.chars().take(SHORT_ID).collect()
}
