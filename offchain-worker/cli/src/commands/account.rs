//! `lunarx miners`, `balance` and `transfer`.

use crate::{
    output::{bytes, pairs, print, table, To},
    session::Session,
};
use anyhow::{Context, Result};
use lunarx_chain::{from_ss58, to_ss58, Call};
use lunarx_client::{lx, Candidate};
use lunarx_core::{AccountId, Balance, Score};
use serde_json::{json, Value};

pub async fn miners(session: &Session) -> Result<()> {
    let mut miners = session.chain().await?.providers().await.context("cannot list the miners")?;
    miners.sort_by_key(|miner| (miner.price, miner.account));
    let value: Vec<Value> = miners.iter().map(describe).collect();
    print(session.json, To::Stdout, &Value::Array(value), &table_of(&miners))
}

fn table_of(miners: &[Candidate]) -> String {
    if miners.is_empty() {
        return "no miners are registered".into();
    }
    let columns = [
        "account",
        "region",
        "LX per GiB and day",
        "free",
        "collateral LX",
        "score",
        "lost",
        "slashed LX",
        "state",
        "addresses",
    ];
    let mut rows = vec![columns.map(String::from).to_vec()];
    rows.extend(miners.iter().map(|miner| {
        vec![
            to_ss58(miner.account),
            region(miner),
            lx(miner.price),
            bytes(miner.free()),
            lx(miner.collateral),
            tenths(&miner.score)
                .map_or_else(|| "new".into(), |score| format!("{}.{} %", score / 10, score % 10)),
            miner.score.lost.to_string(),
            lx(miner.score.slashed),
            state(miner).into(),
            addresses(miner).join(" "),
        ]
    }));
    table(&rows)
}

/// The share of the settled windows in which the miner was online and answered every challenge, in tenths of
/// a percent, rounded down: who failed once has no full score. `None` where nothing is settled yet.
fn tenths(score: &Score) -> Option<u32> {
    let proven = u128::from(score.proven);
    let settled = proven.saturating_add(score.unproven.into());
    u32::try_from(proven.saturating_mul(1_000).checked_div(settled)?).ok()
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
pub(super) fn read_account(text: &str) -> Result<AccountId> {
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
        "score_percent": tenths(&miner.score).map(|score| f64::from(score) / 10.0),
        "proven_windows": miner.score.proven,
        "unproven_windows": miner.score.unproven,
        "lost": miner.score.lost,
        "slashed": lx(miner.score.slashed),
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

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::{EncryptionKey, NodeKey, Services, GIB, LX};

    fn miner(score: Score) -> Candidate {
        Candidate {
            account: AccountId([1; 32]),
            node_key: NodeKey([2; 32]),
            encryption_key: EncryptionKey([3; 32]),
            addresses: vec![b"/ip4/10.0.0.1/tcp/1".to_vec().try_into().unwrap()].try_into().unwrap(),
            region: b"eu-1".to_vec().try_into().unwrap(),
            services: Services::STORAGE,
            capacity: 10 * GIB,
            used: 4 * GIB,
            price: LX / 2,
            collateral: 10 * LX,
            exit_at: None,
            score,
        }
    }

    #[test]
    fn miners_are_told_with_their_score_and_losses() {
        let failed = miner(Score { proven: 1_999, unproven: 1, lost: 2, slashed: 3 * LX / 2 });
        let value = describe(&failed);
        assert_eq!((&value["score_percent"], &value["lost"]), (&json!(99.9), &json!(2)));
        assert_eq!((&value["slashed"], &value["collateral"]), (&json!("1.5"), &json!("10")));
        assert_eq!(value["free"], 6 * GIB);
        let new = miner(Score::default());
        assert!(describe(&new)["score_percent"].is_null());
        let text = table_of(&[failed, new]);
        for word in ["99.9 %", "new", "1.5", "6.00 GiB", "eu-1", "slashed LX"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert_eq!(table_of(&[]), "no miners are registered");
    }

    #[test]
    fn scores_are_rounded_down_and_cannot_overflow() {
        let score = |proven, unproven| tenths(&Score { proven, unproven, ..Score::default() });
        assert_eq!([score(0, 0), score(0, 5), score(7, 0)], [None, Some(0), Some(1_000)]);
        assert_eq!(score(u64::MAX, u64::MAX), Some(500));
    }
}
