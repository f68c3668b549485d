//! `lunarx contracts`: everything that the account pays for, whether the catalogue knows of it or not.

use crate::{
    args::{Contracts, ContractsCommand},
    output::{bytes, pairs, print, table, warn, To},
    session::Session,
};
use anyhow::{Context, Result};
use lunarx_chain::to_ss58;
use lunarx_client::{lx, Client, ClientConfig, LiveContract, LiveContracts, Owner};
use lunarx_core::{ContractId, ContractState};
use serde_json::{json, Value};

pub async fn run(session: &Session, args: Contracts) -> Result<()> {
    let client = session.client(ClientConfig::default()).await?;
    match args.command {
        None => list(session, &client).await,
        Some(ContractsCommand::End { ids }) => end(session, &client, &ids).await,
    }
}

async fn list(session: &Session, client: &Client) -> Result<()> {
    let live = read(client).await?;
    let value: Vec<Value> = live.contracts.iter().map(describe).collect();
    print(session.json, To::Stdout, &Value::Array(value), &lines(&live.contracts))
}

async fn end(session: &Session, client: &Client, ids: &[ContractId]) -> Result<()> {
    let live = read(client).await?.contracts;
    let not_live: Vec<ContractId> =
        ids.iter().copied().filter(|id| live.iter().all(|live| live.contract.id != *id)).collect();
    for id in &not_live {
        warn(format!("{id} is no live contract of this account"));
    }
    for live in live.iter().filter(|live| ids.contains(&live.contract.id)) {
        if let Owner::Object(object) = live.owner {
            warn(format!("object {object} loses the piece under {}", live.contract.id));
        }
    }
    let outcome = client.end_contracts(ids).await.context("cannot end the contracts")?;
    let value = json!({ "ended": outcome.ended, "released": lx(outcome.released), "not_live": not_live });
    let human = pairs(&[
        ("contracts", format!("{} ended", outcome.ended)),
        ("released", format!("{} LX, less what was served and not paid yet", lx(outcome.released))),
    ]);
    print(session.json, To::Stdout, &value, &human)
}

async fn read(client: &Client) -> Result<LiveContracts> {
    let live = client.live_contracts().await.context("cannot list the contracts")?;
    live.unreadable.iter().for_each(warn);
    Ok(live)
}

fn describe(live: &LiveContract) -> Value {
    let contract = &live.contract;
    let object = match live.owner {
        Owner::Object(object) | Owner::Pending(object) => object.to_string(),
        Owner::Unknown => UNKNOWN.into(),
    };
    json!({
        "id": contract.id,
        "miner": to_ss58(contract.miner),
        "bytes": contract.bytes,
        "state": state(contract.state),
        "escrow": lx(contract.escrow),
        "paid": lx(contract.paid),
        "windows": contract.windows,
        "object": object,
        "pending": matches!(live.owner, Owner::Pending(_)),
    })
}

/// In place of an object's id.
const UNKNOWN: &str = "unknown";

/// The contract's state in a word.
pub fn state(state: ContractState) -> &'static str {
    match state {
        ContractState::Pending { .. } => "pending",
        ContractState::Active { .. } => "active",
    }
}

fn lines(contracts: &[LiveContract]) -> String {
    if contracts.is_empty() {
        return "no live contracts: the account pays for nothing".into();
    }
    let columns = ["contract", "state", "bytes", "escrow LX", "miner", "object"];
    let mut rows = vec![columns.map(String::from).to_vec()];
    rows.extend(contracts.iter().map(|live| {
        let contract = &live.contract;
        vec![
            contract.id.to_string(),
            state(contract.state).into(),
            bytes(contract.bytes),
            lx(contract.escrow),
            to_ss58(contract.miner),
            match live.owner {
                Owner::Object(object) => object.to_string(),
                Owner::Pending(object) => format!("{object} (pending)"),
                Owner::Unknown => UNKNOWN.into(),
            },
        ]
    }));
    let mut text = table(&rows);
    if contracts.iter().any(|live| live.owner == Owner::Unknown) {
        text.push_str(
            "\nUnknown: of a lost catalogue, or of another machine with the same words. Without its manifest \
             nobody can read what they hold; `lunarx contracts end ID...` ends them.\n",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_client::ObjectId;
    use lunarx_core::{AccountId, BatchRoot, ContractInfo, LX};

    fn live(owner: Owner) -> LiveContract {
        let contract = ContractInfo {
            id: ContractId([0xcd; 32]),
            client: AccountId([1; 32]),
            miner: AccountId([2; 32]),
            root: BatchRoot([0; 32]),
            pieces: 1,
            bytes: 4_096,
            window: 1_200,
            windows: 720,
            window_fee: LX,
            last_fee: LX,
            word_pay: 1,
            ended: None,
            escrow: 3 * LX / 2,
            paid: 0,
            commission: None,
            state: ContractState::Active { since: 5, settled: 0 },
        };
        LiveContract { contract, owner }
    }

    #[test]
    fn unknown_contracts_are_shown_with_the_id_that_ends_them() {
        let object = ObjectId([0xab; 32]);
        let all = [Owner::Object(object), Owner::Pending(object), Owner::Unknown].map(live);
        let value: Vec<Value> = all.iter().map(describe).collect();
        let objects: Vec<&Value> = value.iter().map(|value| &value["object"]).collect();
        assert_eq!(objects, [&object.to_string(), &object.to_string(), "unknown"]);
        assert_eq!((&value[1]["pending"], &value[2]["escrow"]), (&json!(true), &json!("1.5")));
        let text = lines(&all);
        assert!(text.contains(&ContractId([0xcd; 32]).to_string()), "{text}");
        assert!(text.contains("lunarx contracts end"), "{text}");
        assert!(!lines(&all[..2]).contains("contracts end"));
    }
}
