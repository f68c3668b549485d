//! `lunarx miner`.

use super::account::read_account;
use crate::{
    args::MinerCommand,
    output::{pairs, print, To},
    session::Session,
};
use anyhow::{bail, Context, Result};
use lunarx_chain::{to_ss58, Call};
use lunarx_client::lx;
use lunarx_core::{AccountId, AuthorityInfo, Balance, DueReward, Hurdle, ProviderInfo, GIB};
use serde_json::{json, Value};

pub async fn run(session: &Session, command: MinerCommand) -> Result<()> {
    match command {
        MinerCommand::Status { account } => status(session, account.as_deref()).await,
        MinerCommand::Exit { yes } => exit(session, yes).await,
        MinerCommand::Withdraw => withdraw(session).await,
    }
}

/// Everything that is told of a miner.
struct Status {
    account: AccountId,
    info: AuthorityInfo,
    due: Balance,
    /// Blocks of a day.
    day: u32,
}

async fn status(session: &Session, account: Option<&str>) -> Result<()> {
    let account = match account {
        Some(text) => read_account(text)?,
        None => session.keys()?.account(),
    };
    let chain = session.chain().await?;
    let info = chain.authority(account).await.context("cannot read how the miner stands")?;
    let due = chain.due_rewards(account).await.context("cannot read the rewards")?;
    let due = due.iter().map(DueReward::total).sum();
    let status = Status { account, info, due, day: chain.parameters().day };
    print(session.json, To::Stdout, &value_of(&status), &text_of(&status))
}

/// Its chance to make a block, in millionths.
fn chance(info: &AuthorityInfo) -> u32 {
    match info.authority {
        true => 1_000_000u32.checked_div(info.authorities).unwrap_or(0),
        false => 0,
    }
}

fn value_of(status: &Status) -> Value {
    let Status { account, info, due, .. } = status;
    json!({
        "address": to_ss58(*account),
        "power": info.power.to_string(),
        "power_needed": info.min_power.to_string(),
        "candidate": info.rank.is_some(),
        "rank": info.rank,
        "candidates": info.candidates,
        "authority": info.authority,
        "authorities": info.authorities,
        "chance": f64::from(chance(info)) / 1e6,
        "last_block": info.last_block,
        "session_keys": info.session_keys.as_ref().map(|keys| format!("0x{}", hex::encode(keys))),
        "hurdle": info.hurdle.map(hurdle),
        "collateral_at_risk": lx(info.collateral),
        "collateral_needed": lx(info.min_collateral),
        "due_rewards": lx(*due),
    })
}

/// What keeps a miner from standing, and what to do about it.
fn hurdle(hurdle: Hurdle) -> &'static str {
    match hurdle {
        Hurdle::NotRegistered => "not registered: run lunarx-node --miner",
        Hurdle::Exiting => "announced its exit",
        Hurdle::Barred => "barred for an offence",
        Hurdle::NoSessionKeys => "no session keys: run the miner's node with --validator",
        Hurdle::TooLittleCollateral => "too little collateral: start the miner with --miner-collateral",
        Hurdle::TooLittlePower => "too little service proven lately: power comes with settled windows",
    }
}

fn text_of(status: &Status) -> String {
    let Status { account, info, due, day } = status;
    let gib_days = |power: u128| {
        let unit = u128::from(GIB).saturating_mul((*day).into()).max(1);
        let thousandths = power.saturating_mul(1_000).checked_div(unit).unwrap_or(0);
        format!("{}.{:03} GiB days", thousandths / 1_000, thousandths % 1_000)
    };
    let place = match (info.rank, info.hurdle) {
        (Some(rank), _) => format!("{rank} of {} candidates", info.candidates),
        (None, Some(why)) => format!("does not stand; {}", hurdle(why)),
        (None, None) => "does not stand; run the miner's node with --validator".into(),
    };
    let blocks = match info.authority {
        true => {
            let chance = chance(info);
            format!("one of {}: {}.{:02} % of them", info.authorities, chance / 10_000, chance / 100 % 100)
        }
        false => format!("none; {} others make them", info.authorities),
    };
    pairs(&[
        ("address", to_ss58(*account)),
        ("power", format!("{}; an authority needs {}", gib_days(info.power), gib_days(info.min_power))),
        ("election", place),
        ("blocks", blocks),
        ("last block", info.last_block.map_or_else(|| "none".into(), |block| block.to_string())),
        (
            "at stake",
            format!("{} LX; an authority needs {} LX", lx(info.collateral), lx(info.min_collateral)),
        ),
        ("due rewards", format!("{} LX", lx(*due))),
    ])
}

async fn own(session: &Session) -> Result<ProviderInfo<AccountId>> {
    let account = session.keys()?.account();
    let info = session.chain().await?.provider(account).await.context("cannot read the register")?;
    info.with_context(|| {
        format!(
            "the wallet's account {} is no miner: expected a wallet with the miner's words",
            to_ss58(account)
        )
    })
}

async fn exit(session: &Session, yes: bool) -> Result<()> {
    let info = own(session).await?;
    if let Some(block) = info.exit_at {
        bail!("the miner announced its exit already: 'lunarx miner withdraw' works from block {block} on");
    }
    let chain = session.chain().await?;
    let delay = chain.parameters().exit_delay;
    if !yes {
        bail!(
            "the miner would take no new contracts, and could withdraw its {} LX after {delay} blocks and the end \
             of its contracts; nothing was done: pass --yes",
            lx(info.collateral)
        );
    }
    let receipt = chain
        .submit(session.keys()?.signer(), Call::AnnounceExit)
        .await
        .context("cannot announce the exit")?;
    let exit_at = receipt.block.saturating_add(delay);
    let value = json!({ "block": receipt.block, "exit_at": exit_at, "used": info.used });
    let human = pairs(&[
        ("announced", format!("block {} (finalized)", receipt.block)),
        ("withdraw", format!("from block {exit_at} on, when no contract is left")),
    ]);
    print(session.json, To::Stdout, &value, &human)
}

async fn withdraw(session: &Session) -> Result<()> {
    let account = session.keys()?.account();
    let chain = session.chain().await?;
    let stands = chain.authority(account).await.context("cannot read how the miner stands")?;
    let keys = stands.session_keys;
    let info = match chain.provider(account).await.context("cannot read the register")? {
        // Withdrawn before, and the keys are left.
        None if keys.is_some() => {
            if stands.authority {
                bail!(
                    "the account makes blocks: nothing was done; its keys can be forgotten once it does not"
                );
            }
            None
        }
        _ => Some(own(session).await?),
    };
    let mut block = None;
    if info.is_some() {
        let receipt = chain.submit(session.keys()?.signer(), Call::Withdraw).await;
        block = Some(receipt.context("cannot take the collateral back")?.block);
    }
    let collateral = info.map_or(0, |info| info.collateral);
    if keys.is_some() {
        let receipt = chain.submit(session.keys()?.signer(), Call::PurgeKeys).await;
        let why =
            "cannot take the deposit of the session keys back; the collateral is: run the command again";
        block = Some(receipt.context(why)?.block);
    }
    let value = json!({ "block": block, "collateral": lx(collateral), "purged_keys": keys.is_some() });
    let human = pairs(&[
        ("withdrawn", format!("{} LX", lx(collateral))),
        ("session keys", if keys.is_some() { "forgotten, and their deposit is back" } else { "none" }.into()),
        ("block", block.map_or_else(String::new, |block| format!("{block} (finalized)"))),
    ]);
    print(session.json, To::Stdout, &value, &human)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::LX;

    fn status() -> Status {
        let info = AuthorityInfo {
            power: u128::from(GIB) * 100 * 3 / 2,
            collateral: 120 * LX,
            min_collateral: 100 * LX,
            min_power: 1 << 30,
            session_keys: Some(vec![7; 64]),
            hurdle: None,
            rank: Some(2),
            candidates: 5,
            authority: true,
            authorities: 3,
            last_block: Some(77),
        };
        Status { account: AccountId([1; 32]), info, due: LX / 2, day: 100 }
    }

    #[test]
    fn a_miner_that_makes_blocks() {
        let text = text_of(&status());
        for part in ["1.500 GiB days", "2 of 5 candidates", "one of 3: 33.33 %", "120 LX", "0.5 LX"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        let value = value_of(&status());
        assert_eq!((&value["rank"], &value["authority"]), (&json!(2), &json!(true)));
        assert_eq!((&value["chance"], &value["due_rewards"]), (&json!(0.333333), &json!("0.5")));
        assert_eq!(value["collateral_at_risk"], "120");
    }

    #[test]
    fn a_miner_that_lacks_something_is_told_what() {
        let mut status = status();
        status.info = AuthorityInfo { rank: None, authority: false, last_block: None, ..status.info };
        for why in [
            Hurdle::NotRegistered,
            Hurdle::Exiting,
            Hurdle::Barred,
            Hurdle::NoSessionKeys,
            Hurdle::TooLittleCollateral,
            Hurdle::TooLittlePower,
        ] {
            status.info.hurdle = Some(why);
            assert!(text_of(&status).contains(hurdle(why)));
            assert_eq!(value_of(&status)["hurdle"], hurdle(why));
            assert_eq!(value_of(&status)["chance"], 0.0);
        }
    }
}
