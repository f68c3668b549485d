//! `lunarx get`.

use crate::{
    args,
    bar::Bar,
    output::{bytes, pairs, print, warn, To},
    session::{stop_on_signal, Session},
};
use anyhow::{Context, Result};
use lunarx_client::{ClientConfig, ClientError, GetOutcome, Manifest, PieceFault};
use serde_json::{json, Value};
use std::{
    fs::File,
    io::{stdout, ErrorKind},
    os::fd::AsFd,
    path::{Path, PathBuf},
};

pub async fn run(session: &Session, args: args::Get) -> Result<()> {
    let keys = session.keys()?;
    let catalogue = session.catalogue(&keys)?;
    let manifest = catalogue.load(catalogue.resolve(&args.id)?)?;
    let what = format!("cannot read {} ({})", manifest.name, manifest.object);
    let path = match &args.output {
        Some(path) => path.clone(),
        None => own_name(&manifest)?,
    };
    let piped = path == Path::new("-");
    // Before anything is fetched; checked again, without a gap, when the file is published.
    if !piped && !args.force && path.symlink_metadata().is_ok() {
        let exists = ClientError::Sink(ErrorKind::AlreadyExists.into());
        return Err(exists).with_context(|| format!("{} is there already", path.display()));
    }
    let client = session.client_with(keys, catalogue, ClientConfig::default()).await.context(what.clone())?;
    let (bar, stop) = (Bar::start(), stop_on_signal()?);
    let outcome = if piped {
        let sink = File::from(stdout().as_fd().try_clone_to_owned().context("cannot write standard output")?);
        client.get(manifest.object, sink, bar.clone(), stop).await.map(|(outcome, _)| outcome)
    } else {
        client.get_to_file(manifest.object, &path, args.force, bar.clone(), stop).await
    };
    bar.finish();
    let outcome = outcome.map_err(|error| in_context(error, &what, &path))?;
    for fault in outcome.corrupt.iter().chain(&outcome.missing) {
        warn(fault);
    }
    if piped && !session.json {
        return Ok(());
    }
    let to = if piped { To::Stderr } else { To::Stdout };
    print(session.json, to, &describe(&manifest, &path, &outcome), &lines(&manifest, &path, &outcome))
}

/// Says what could not be read, or where it could not be written.
fn in_context(error: ClientError, what: &str, path: &Path) -> anyhow::Error {
    let what = match error {
        ClientError::Sink(_) if path == Path::new("-") => "cannot write to standard output".into(),
        ClientError::Sink(_) => format!("cannot write {}", path.display()),
        _ => what.to_owned(),
    };
    anyhow::Error::new(error).context(what)
}

/// The object's own name in this folder, whatever path it may pretend to be.
fn own_name(manifest: &Manifest) -> Result<PathBuf> {
    let name = Path::new(&manifest.name).file_name();
    let name =
        name.with_context(|| format!("{:?} is no name for a file: choose one with -o", manifest.name))?;
    Ok(PathBuf::from(name))
}

fn describe(manifest: &Manifest, path: &Path, outcome: &GetOutcome) -> Value {
    json!({
        "id": manifest.object.to_string(),
        "name": manifest.name,
        "bytes": outcome.bytes,
        "file": path.display().to_string(),
        "corrupt": outcome.corrupt.iter().map(fault).collect::<Vec<_>>(),
        "missing": outcome.missing.iter().map(fault).collect::<Vec<_>>(),
    })
}

fn fault(fault: &PieceFault) -> Value {
    json!({
        "segment": fault.segment,
        "piece": fault.index,
        "miner": fault.miner.map(lunarx_chain::to_ss58),
        "node": fault.node,
        "fault": fault.fault.to_string(),
    })
}

fn lines(manifest: &Manifest, path: &Path, outcome: &GetOutcome) -> String {
    let mut rows = vec![
        ("id", manifest.object.to_string()),
        ("file", path.display().to_string()),
        ("size", bytes(outcome.bytes)),
    ];
    for (label, faults) in [("corrupt", &outcome.corrupt), ("missing", &outcome.missing)] {
        if !faults.is_empty() {
            rows.push((label, format!("{} pieces; others took their place", faults.len())));
        }
    }
    pairs(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_client::{Code, ObjectId};

    #[test]
    fn errors_name_what_is_written_where() {
        let full = || ClientError::Sink(ErrorKind::StorageFull.into());
        let text = |error, path: &str| in_context(error, "cannot read a", Path::new(path)).to_string();
        assert_eq!(text(full(), "/tmp/out"), "cannot write /tmp/out");
        assert_eq!(text(full(), "-"), "cannot write to standard output");
        assert_eq!(text(ClientError::Stopped, "/tmp/out"), "cannot read a");
    }

    #[test]
    fn a_name_never_leaves_the_folder() {
        let manifest = |name: &str| Manifest {
            object: ObjectId([0; 32]),
            name: name.into(),
            size: 0,
            created: 0,
            code: Code::new(1, 1).unwrap(),
            data_key: lunarx_client::DataKey::random(),
            repair_key: lunarx_client::RepairKey::random(),
            segments: Vec::new(),
        };
        let name = |text: &str| own_name(&manifest(text)).ok();
        assert_eq!(name("Bär 熊.txt"), Some("Bär 熊.txt".into()));
        assert_eq!(name("../../etc/passwd"), Some("passwd".into()));
        assert_eq!([name(".."), name("/"), name("")], [None, None, None]);
    }
}
