//! `lunarx miners`, `balance` and `transfer`.

use crate::{
    output::{bytes, pairs, print, table, To},
    session::Session,
};
use anyhow::{Context, Result};
use lunarx_chain::{from_ss58, to_ss58, Call};
use lunarx_client::{lx, Candidate};
use lunarx_core::{AccountId, Balance};
use serde_json::{json, Value};

pub async fn miners(session: &Session) -> Result<()> {
    let mut miners = session.chain().await?.providers().await.context("cannot list the miners")?;
    miners.sort_by_key(|miner| (miner.price, miner.account));
    let value: Vec<Value> = miners.iter().map(describe).collect();
    let columns = ["account", "region", "LX per GiB and day", "free", "capacity", "state", "addresses"];
    let mut rows = vec![columns.map(String::from).to_vec()];
    rows.extend(miners.iter().map(|miner| {
        vec![
            to_ss58(miner.account),
            region(miner),
            lx(miner.price),
            bytes(miner.free()),
            bytes(miner.capacity),
            state(miner).into(),
            addresses(miner).join(" "),
        ]
    }));
    let human = if miners.is_empty() { "no miners are registered".into() } else { table(&rows) };
    print(session.json, To::Stdout, &Value::Array(value), &human)
}

pub async fn balance(session: &Session, account: Option<&str>) -> Result<()> {
    let account = match account {
        Some(text) => read_account(text)?,
        None => session.keys()?.account(),
    };
    let balance = session.chain().await?.balance(account).await.context("cannot read the balance")?;
    let value = json!({
        "address": to_ss58(account),
        "free": lx(balance.free),
        "held": lx(balance.held),
        "transferable": lx(balance.transferable),
    });
    let human = pairs(&[
        ("address", to_ss58(account)),
        ("free", format!("{} LX", lx(balance.free))),
        ("held", format!("{} LX", lx(balance.held))),
        ("transferable", format!("{} LX", lx(balance.transferable))),
    ]);
    print(session.json, To::Stdout, &value, &human)
}

pub async fn transfer(session: &Session, to: &str, amount: Balance) -> Result<()> {
    let to = read_account(to)?;
    let keys = session.keys()?;
    let chain = session.chain().await?;
    let what = || format!("cannot send {} LX to {}", lx(amount), to_ss58(to));
    let receipt = chain.submit(keys.signer(), Call::Transfer { to, amount }).await.with_context(what)?;
    let extrinsic = format!("0x{}", hex::encode(receipt.extrinsic));
    let value = json!({
        "from": to_ss58(keys.account()),
        "to": to_ss58(to),
        "amount": lx(amount),
        "block": receipt.block,
        "extrinsic": extrinsic,
        "fee": receipt.fee.map(lx),
    });
    let human = pairs(&[
        ("sent", format!("{} LX", lx(amount))),
        ("to", to_ss58(to)),
        ("block", format!("{} (finalized)", receipt.block)),
        ("extrinsic", extrinsic),
        ("fee", receipt.fee.map_or_else(|| "unknown".into(), |fee| format!("{} LX", lx(fee)))),
    ]);
    print(session.json, To::Stdout, &value, &human)
}

/// SS58, or the 32 bytes in hexadecimal.
fn read_account(text: &str) -> Result<AccountId> {
    if text.starts_with("0x") {
        return text.parse().with_context(|| format!("{text:?} is no account"));
    }
    from_ss58(text).with_context(|| format!("{text:?} is no account"))
}

fn describe(miner: &Candidate) -> Value {
    json!({
        "account": to_ss58(miner.account),
        "node_id": miner.node_id(),
        "node_key": miner.node_key,
        "region": region(miner),
        "price": lx(miner.price),
        "capacity": miner.capacity,
        "used": miner.used,
        "free": miner.free(),
        "collateral": lx(miner.collateral),
        "state": state(miner),
        "addresses": addresses(miner),
    })
}

fn state(miner: &Candidate) -> &'static str {
    match miner.exit_at {
        Some(_) => "leaving",
        None => "open",
    }
}

fn region(miner: &Candidate) -> String {
    String::from_utf8_lossy(&miner.region).into_owned()
}

fn addresses(miner: &Candidate) -> Vec<String> {
    miner.addresses.iter().map(|address| String::from_utf8_lossy(address).into_owned()).collect()
}
