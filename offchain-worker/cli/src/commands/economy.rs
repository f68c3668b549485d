//! `lunarx economy` and `rewards`.

use super::account::read_account;
use crate::{
    args::Rewards,
    output::{pairs, print, table, To},
    session::Session,
};
use anyhow::{Context, Result};
use lunarx_chain::{to_ss58, Call};
use lunarx_client::lx;
use lunarx_core::{AccountId, Balance, BlockNumber, ByClass, DueReward, EconomyInfo};
use serde_json::{json, Value};

/// Blocks that a claim may take to be in one.
const CLAIM_TAKES: BlockNumber = 8;
/// Eras of one claim: as many as the chain takes.
const MOST_ERAS: usize = 30;

pub async fn economy(session: &Session) -> Result<()> {
    let info = session.chain().await?.economy().await.context("cannot read the economy")?;
    print(session.json, To::Stdout, &economy_json(&info), &economy_text(&info))
}

/// In LX-units, as decimal strings: JSON's numbers lose digits.
fn economy_json(info: &EconomyInfo<AccountId>) -> Value {
    let funds = info.funds.iter().map(|fund| {
        json!({
            "name": String::from_utf8_lossy(&fund.name),
            "account": to_ss58(fund.account),
            "balance": fund.balance.to_string(),
            "vesting": fund.vesting.to_string(),
        })
    });
    json!({
        "cap": info.cap.to_string(),
        "issued": info.issued.to_string(),
        "unminted": info.unminted.to_string(),
        "circulating": info.circulating.to_string(),
        "promised": info.promised.to_string(),
        "era": info.era,
        "era_start": info.era_start,
        "era_blocks": info.era_blocks,
        "emission": info.emission.to_string(),
        "budget": by_class(&info.budget, Balance::to_string),
        "claim_within": info.claim_within,
        "funds": funds.collect::<Vec<_>>(),
    })
}

fn by_class(parts: &ByClass<Balance>, text: impl Fn(&Balance) -> String) -> Value {
    json!({
        "miners": text(&parts.miners),
        "trackers": text(&parts.trackers),
        "authors": text(&parts.authors),
        "contributors": text(&parts.contributors),
    })
}

fn economy_text(info: &EconomyInfo<AccountId>) -> String {
    let amount = |amount: Balance| format!("{} LX", lx(amount));
    let mut lines = vec![
        ("cap", amount(info.cap)),
        ("issued", amount(info.issued)),
        ("left to mint", amount(info.unminted)),
        ("promised, not claimed", amount(info.promised)),
        ("circulating", amount(info.circulating)),
        ("era", format!("{}, from block {} on, for {} blocks", info.era, info.era_start, info.era_blocks)),
        ("promises at most", amount(info.emission)),
        ("  to miners", amount(info.budget.miners)),
        ("  to trackers", amount(info.budget.trackers)),
        ("  to block authors", amount(info.budget.authors)),
        ("  to contributors", amount(info.budget.contributors)),
        ("claimed within", format!("{} eras", info.claim_within)),
    ];
    let funds: Vec<_> = info
        .funds
        .iter()
        .map(|fund| {
            let text = format!("{} LX, of that {} vesting", lx(fund.balance), lx(fund.vesting));
            (format!("fund: {}", String::from_utf8_lossy(&fund.name)), text)
        })
        .collect();
    lines.extend(funds.iter().map(|(name, text)| (name.as_str(), text.clone())));
    pairs(&lines)
}

pub async fn rewards(session: &Session, args: Rewards) -> Result<()> {
    let account = match &args.account {
        Some(text) => read_account(text)?,
        None => session.keys()?.account(),
    };
    let chain = session.chain().await?;
    let mut due = chain.due_rewards(account).await.context("cannot read the rewards")?;
    if !args.claim {
        return print(session.json, To::Stdout, &due_json(&due), &due_text(&due));
    }
    // One that expires before the claim is in a block would void it for all.
    let info = chain.economy().await.context("cannot read the economy")?;
    let height = *chain.finalized().borrow();
    let left = info.era_start.saturating_add(info.era_blocks).saturating_sub(height);
    due.retain(|reward| reward.until > info.era || (reward.until == info.era && left > CLAIM_TAKES));
    due.truncate(MOST_ERAS);
    let amount: Balance = due.iter().map(DueReward::total).sum();
    if amount == 0 {
        let value = json!({ "claimed": lx(0), "eras": [] });
        return print(session.json, To::Stdout, &value, "nothing to claim");
    }
    let eras: Vec<_> = due.iter().map(|reward| reward.era).collect();
    let call = Call::ClaimRewards { eras: eras.clone() };
    let keys = session.keys()?;
    let receipt = chain.submit(keys.signer(), call).await.context("cannot claim the rewards")?;
    let value = json!({
        "claimed": lx(amount),
        "eras": eras,
        "block": receipt.block,
        "fee": receipt.fee.map(lx),
    });
    let human = pairs(&[
        ("claimed", format!("{} LX", lx(amount))),
        ("for eras", eras.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        ("block", format!("{} (finalized)", receipt.block)),
        ("fee", receipt.fee.map_or_else(|| "unknown".into(), |fee| format!("{} LX", lx(fee)))),
    ]);
    print(session.json, To::Stdout, &value, &human)
}

fn due_json(due: &[DueReward]) -> Value {
    let entry = |reward: &DueReward| {
        json!({
            "era": reward.era,
            "due": by_class(&reward.due, |amount| lx(*amount)),
            "total": lx(reward.total()),
            "until": reward.until,
        })
    };
    due.iter().map(entry).collect()
}

fn due_text(due: &[DueReward]) -> String {
    if due.is_empty() {
        return "nothing to claim".into();
    }
    let columns = ["era", "LX", "as miner", "as tracker", "as author", "as contributor", "until era"];
    let mut rows = vec![columns.map(String::from).to_vec()];
    rows.extend(due.iter().map(|reward| {
        let ByClass { miners, trackers, authors, contributors } = reward.due;
        let mut row = vec![reward.era.to_string()];
        row.extend([reward.total(), miners, trackers, authors, contributors].map(lx));
        row.push(reward.until.to_string());
        row
    }));
    let sum = due.iter().map(DueReward::total).sum();
    format!("{}\n{} LX in all; `lunarx rewards --claim` claims them\n", table(&rows), lx(sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::{FundInfo, CAP, LX};

    fn info() -> EconomyInfo<AccountId> {
        let issued = 45_000_000 * LX;
        EconomyInfo {
            cap: CAP,
            issued,
            unminted: CAP - issued,
            circulating: issued,
            promised: 0,
            era: 3,
            era_start: 300,
            era_blocks: 100,
            emission: 26_087 * LX,
            budget: ByClass { miners: LX, trackers: 2 * LX, authors: 3 * LX, contributors: 4 * LX },
            claim_within: 30,
            funds: vec![FundInfo {
                name: b"research".to_vec(),
                account: AccountId([1; 32]),
                balance: 5 * LX,
                vesting: LX,
            }],
        }
    }

    #[test]
    fn amounts_of_the_economy_are_whole_units() {
        let value = economy_json(&info());
        assert_eq!(value["cap"], "100000000000000000000");
        assert_eq!(value["issued"], "45000000000000000000");
        assert_eq!(value["unminted"], "55000000000000000000");
        assert_eq!((&value["era"], &value["budget"]["authors"]), (&json!(3), &json!("3000000000000")));
        assert_eq!(value["funds"][0]["vesting"], "1000000000000");
        let text = economy_text(&info());
        assert!(text.contains("fund: research") && text.contains("5 LX, of that 1 vesting"), "{text}");
    }

    #[test]
    fn rewards_are_listed_with_their_sum() {
        let due = ByClass { miners: LX, authors: LX / 2, ..Default::default() };
        let due = [DueReward { era: 7, due, until: 37 }, DueReward { era: 8, due, until: 38 }];
        let text = due_text(&due);
        assert!(text.contains("3 LX in all"), "{text}");
        assert_eq!(due_json(&due)[1]["total"], "1.5");
        assert_eq!(due_text(&[]), "nothing to claim");
    }
}
