//! `lunarx verifier`: checks miners for a tracker until it is stopped.

use crate::{
    args::Verifier,
    output::{pairs, print, To},
    session::{stop_on_signal, Session},
};
use anyhow::{Context, Result};
use lunarx_tracker::{run_verifier, verifier_config};
use serde_json::json;

pub async fn run(session: &Session, args: Verifier) -> Result<()> {
    let chain = session.chain().await?;
    let folder = args.base_path.unwrap_or_else(|| session.home.verifier());
    let config = verifier_config(&folder, chain.genesis()).context("cannot open the verifier's folder")?;
    let key = config.secret.node_key();
    let human = pairs(&[
        ("node key", key.to_string()),
        ("register it", format!("lunarx-node tracker ... --tracker-verifier {key}")),
    ]);
    print(session.json, To::Stdout, &json!({ "node_key": key }), &human)?;
    run_verifier(chain, config, args.tracker, stop_on_signal()?).await.context("the verifier stopped")
}
