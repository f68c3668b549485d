//! `lunarx put`.

use crate::{
    args,
    bar::Bar,
    output::{bytes, pairs, print, warn, To},
    session::{stop_on_signal, Session},
};
use anyhow::{bail, Context, Result};
use lunarx_client::{lx, Client, ClientConfig, ClientError, PutOutcome, PutRequest};
use serde_json::{json, Value};
use std::{
    fs::File,
    io::{self, stdin},
    os::fd::AsFd,
    path::Path,
};

/// Name of an object from a pipe, unless chosen.
const PIPE_NAME: &str = "stdin";

/// What is to be stored.
struct Source {
    file: File,
    name: String,
    /// Unknown for pipes and devices.
    size: Option<u64>,
}

pub async fn run(session: &Session, args: args::Put) -> Result<()> {
    let source = open(&args.file, args.name.clone())?;
    let what = match args.file == Path::new("-") {
        true => format!("cannot store {} from standard input", source.name),
        false => format!("cannot store {}", args.file.display()),
    };
    let config = ClientConfig { max_price: args.max_price, ..ClientConfig::default() };
    let client = session.client(config).await.with_context(|| what.clone())?;
    if args.dry_run {
        return dry_run(session, &client, source, &args).await.with_context(|| what);
    }
    let request = PutRequest { name: source.name, size: source.size, code: args.code, days: args.days };
    let bar = Bar::start();
    let outcome = client.put(source.file, request, bar.clone(), stop_on_signal()?).await;
    bar.finish();
    let outcome = outcome.context(what)?;
    for fault in &outcome.faults {
        warn(fault);
    }
    if outcome.short > 0 {
        warn(format!(
            "{} pieces are under no contract: fewer miners may fail than the code says",
            outcome.short
        ));
    }
    print(session.json, To::Stdout, &describe(&outcome), &lines(&outcome))
}

async fn dry_run(session: &Session, client: &Client, source: Source, args: &args::Put) -> Result<()> {
    let size = match source.size {
        Some(size) => size,
        None => count(source.file).await.context("cannot count the bytes of the pipe")?,
    };
    let estimate = client.estimate(size, args.code, args.days).await?;
    // By the same rule as a put.
    let unaffordable = match client.check_put(&estimate).await {
        Ok(()) => None,
        Err(ClientError::BalanceTooLow { needed, .. }) => Some(needed),
        Err(error) => return Err(error.into()),
    };
    let balance = client.chain().balance(client.account()).await?;
    let value = json!({
        "name": source.name,
        "bytes": size,
        "code": args.code.to_string(),
        "days": args.days,
        "segments": estimate.segments,
        "stored_bytes": estimate.stored_bytes,
        "windows": estimate.windows,
        "cost": lx(estimate.total),
        "window_cost": lx(estimate.window_fee),
        "balance": lx(balance.transferable),
        "affordable": unaffordable.is_none(),
        "miners_needed": estimate.miners_needed,
        "miners_available": estimate.miners_available,
    });
    let affordable = match unaffordable {
        None => "yes".into(),
        Some(needed) => format!("no: {} LX are needed, fees of transactions included", lx(needed)),
    };
    let human = pairs(&[
        ("name", source.name),
        ("size", bytes(size)),
        ("code", args.code.to_string()),
        ("stored", format!("{} in {} segments", bytes(estimate.stored_bytes), estimate.segments)),
        ("term", format!("{} days ({} windows)", args.days, estimate.windows)),
        ("cost", format!("{} LX, and the fees of transactions", lx(estimate.total))),
        ("balance", format!("{} LX", lx(balance.transferable))),
        ("affordable", affordable),
        ("miners", format!("{} needed, {} available", estimate.miners_needed, estimate.miners_available)),
    ]);
    print(session.json, To::Stdout, &value, &human)
}

fn describe(outcome: &PutOutcome) -> Value {
    let manifest = &outcome.manifest;
    let contracts: Vec<_> = manifest.segments.iter().flat_map(|segment| &segment.contracts).collect();
    json!({
        "id": manifest.object.to_string(),
        "name": manifest.name,
        "bytes": manifest.size,
        "code": manifest.code.to_string(),
        "created": manifest.created,
        "segments": manifest.segments.len(),
        "windows": outcome.windows,
        "cost": lx(outcome.held),
        "transaction_fees": lx(outcome.fees),
        "pieces_without_contract": outcome.short,
        "contracts": contracts,
        "faults": outcome.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn lines(outcome: &PutOutcome) -> String {
    let manifest = &outcome.manifest;
    pairs(&[
        ("id", manifest.object.to_string()),
        ("name", manifest.name.clone()),
        ("size", bytes(manifest.size)),
        ("code", manifest.code.to_string()),
        ("segments", manifest.segments.len().to_string()),
        ("cost", format!("{} LX held for {} windows", lx(outcome.held), outcome.windows)),
        ("fees", format!("{} LX for transactions", lx(outcome.fees))),
    ])
}

fn open(path: &Path, name: Option<String>) -> Result<Source> {
    if path == Path::new("-") {
        // The descriptor itself: Rust's own buffer in front of it would only copy once more.
        let file = File::from(stdin().as_fd().try_clone_to_owned().context("cannot read standard input")?);
        let size = regular_size(&file)?;
        return Ok(Source { file, name: name.unwrap_or_else(|| PIPE_NAME.into()), size });
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let size = regular_size(&file).with_context(|| format!("cannot read {}", path.display()))?;
    let name = match (name, path.file_name()) {
        (Some(name), _) => name,
        (None, Some(name)) => name.to_string_lossy().into_owned(),
        (None, None) => bail!("{} has no name: choose one with --name", path.display()),
    };
    Ok(Source { file, name, size })
}

/// Bytes of a regular file, from where it stands. `None` for everything else.
fn regular_size(mut file: &File) -> Result<Option<u64>> {
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        bail!("it is a folder: pack it first, as with tar");
    }
    if !metadata.is_file() {
        return Ok(None);
    }
    let position = io::Seek::stream_position(&mut file)?;
    Ok(Some(metadata.len().saturating_sub(position)))
}

async fn count(mut file: File) -> Result<u64> {
    Ok(tokio::task::spawn_blocking(move || io::copy(&mut file, &mut io::sink())).await??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_as_they_are_and_refuses_folders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Bär im Wald 熊.txt");
        std::fs::write(&path, "abc").unwrap();
        let source = open(&path, None).unwrap();
        assert_eq!((source.name.as_str(), source.size), ("Bär im Wald 熊.txt", Some(3)));
        assert_eq!(open(&path, Some("x".into())).unwrap().name, "x");
        assert!(open(folder.path(), None).is_err());
        assert!(open(&folder.path().join("none"), None).is_err());
    }

    #[test]
    fn devices_have_no_size() {
        assert_eq!(open(Path::new("/dev/zero"), None).unwrap().size, None);
    }
}
