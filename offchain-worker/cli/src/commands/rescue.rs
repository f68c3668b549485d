//! `lunarx rescue`: an object out of the hands of miners that refuse it.

use crate::{
    args,
    bar::Bar,
    output::{bytes, pairs, print, warn, To},
    session::{stop_on_signal, Session},
};
use anyhow::{bail, Context, Result};
use lunarx_chain::to_ss58;
use lunarx_client::{ClientConfig, Manifest, Pace, Rescue, RescueProgress};
use serde_json::{json, Value};
use std::path::Path;

pub async fn run(session: &Session, args: args::Rescue) -> Result<()> {
    let client = session.client(ClientConfig::default()).await?;
    let manifest = client.catalogue().load(client.catalogue().resolve(&args.id)?)?;
    let (bar, stop) = (Bar::start(), stop_on_signal()?);
    let rescued = client.rescue(manifest.object, &args.path, args.force, bar.clone(), stop).await;
    bar.finish();
    let what = || format!("cannot rescue {} to {}", manifest.name, args.path.display());
    let rescued = rescued.with_context(what)?;
    print(
        session.json,
        To::Stdout,
        &describe(&manifest, &args.path, &rescued),
        &lines(&manifest, &args.path, &rescued),
    )?;
    match rescued {
        Rescue::Whole { .. } => Ok(()),
        Rescue::Partial(progress) => {
            progress.refused.iter().for_each(warn);
            bail!("not enough is known yet: the same again later goes on from here")
        }
    }
}

fn describe(manifest: &Manifest, path: &Path, rescue: &Rescue) -> Value {
    let mut value = json!({
        "id": manifest.object.to_string(),
        "name": manifest.name,
        "file": path.display().to_string(),
    });
    match rescue {
        Rescue::Whole { bytes } => {
            value["whole"] = json!(true);
            value["bytes"] = json!(bytes);
        }
        Rescue::Partial(RescueProgress { known, needed, folder, refused, pace }) => {
            value["whole"] = json!(false);
            value["known"] = json!(known);
            value["needed"] = json!(needed);
            value["folder"] = json!(folder.display().to_string());
            value["chunks_a_challenge"] = json!(pace.chunks);
            value["challenges_a_day"] = json!(pace.challenges_a_day);
            value["days"] = json!(pace.days);
            let refused = refused.iter().map(|fault| {
                json!({
                    "segment": fault.segment,
                    "piece": fault.index,
                    "miner": fault.miner.map(to_ss58),
                    "node": fault.node,
                    "fault": fault.fault.to_string(),
                })
            });
            value["refused"] = refused.collect();
        }
    }
    value
}

fn lines(manifest: &Manifest, path: &Path, rescue: &Rescue) -> String {
    let id = ("id", manifest.object.to_string());
    match rescue {
        Rescue::Whole { bytes: size } => {
            pairs(&[id, ("file", path.display().to_string()), ("size", bytes(*size))])
        }
        Rescue::Partial(progress) => pairs(&[
            id,
            ("known", format!("{} of {}", bytes(progress.known), bytes(progress.needed))),
            ("refused", format!("{} pieces", progress.refused.len())),
            ("kept in", progress.folder.display().to_string()),
            ("to come", pace(&progress.pace)),
        ]),
    }
}

fn pace(pace: &Pace) -> String {
    let (chunks, challenges) = (pace.chunks, pace.challenges_a_day);
    let rate = format!("at {chunks} chunks a challenge and {challenges:.1} challenges a day");
    match pace.days {
        Some(days) if days < 1.0 => format!("{rate}, less than a day"),
        Some(days) => format!("{rate}, about {days:.0} days"),
        None => format!(
            "{rate}, never from those miners that answer now: they are too few. `lunarx audit ID --dispute` makes \
             the others answer or be slashed"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_client::{Code, DataKey, ObjectId, RepairKey};

    #[test]
    fn tells_how_much_is_known_and_how_long_the_rest_takes() {
        let manifest = Manifest {
            object: ObjectId([0xab; 32]),
            name: "a".into(),
            size: 0,
            created: 0,
            code: Code::new(1, 2).unwrap(),
            data_key: DataKey::random(),
            repair_key: RepairKey::random(),
            segments: Vec::new(),
        };
        let partial = |days| {
            Rescue::Partial(RescueProgress {
                known: 1024,
                needed: 4096,
                folder: "/tmp/a.rescue".into(),
                refused: Vec::new(),
                pace: Pace { chunks: 24, challenges_a_day: 28.8, days },
            })
        };
        let path = Path::new("/tmp/a");
        let text = lines(&manifest, path, &partial(Some(12.3)));
        for part in ["1.00 KiB of 4.00 KiB", "24 chunks a challenge and 28.8 challenges a day, about 12 days"]
        {
            assert!(text.contains(part), "{text}");
        }
        assert!(lines(&manifest, path, &partial(Some(0.4))).contains("less than a day"));
        assert!(lines(&manifest, path, &partial(None)).contains("--dispute"));
        let value = describe(&manifest, path, &partial(None));
        assert_eq!(
            (&value["whole"], &value["days"], &value["known"]),
            (&json!(false), &Value::Null, &json!(1024))
        );
        assert_eq!(describe(&manifest, path, &Rescue::Whole { bytes: 7 })["bytes"], json!(7));
    }
}
