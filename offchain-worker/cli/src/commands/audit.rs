//! `lunarx audit`: whether the miners of an object serve it to its owner.

use crate::{
    args,
    hints::hint,
    output::{pairs, print, table, warn, To},
    session::Session,
};
use anyhow::{bail, Context, Result};
use lunarx_chain::to_ss58;
use lunarx_client::{AuditOutcome, Client, ClientConfig, Disputed, MarkCounts, MinerAudit, PieceAudit};
use serde_json::{json, Value};

/// What a deposit is held for.
const DEPOSIT: &str = "\
A dispute asks a miner on chain to prove bytes that the next blocks draw. It holds a deposit of your account,
which is what an answer costs. Answered in time, the deposit pays for the answer and the rest comes back, and
the bytes are given up. Not answered in time, the deposit comes back, the contract is closed, what is not
settled of it is refunded, and you get a tenth of the collateral that the miner loses.";

pub async fn run(session: &Session, args: args::Audit) -> Result<()> {
    let client = session.client(ClientConfig::default()).await?;
    let object = client.catalogue().resolve(&args.id)?;
    let audited = client.audit(object, usize::from(args.samples)).await;
    let outcome = audited.with_context(|| format!("cannot audit {object}"))?;
    let disputed = match args.dispute && args.yes {
        true => dispute(&client, &outcome).await,
        false => Vec::new(),
    };
    print(
        session.json,
        To::Stdout,
        &describe(&outcome, &disputed),
        &lines(&outcome, &disputed, args.dispute),
    )?;
    let failed = disputed.iter().filter(|disputed| disputed.deadline.is_err()).count();
    let (bad, open) = (outcome.bad().count(), outcome.disputable().len());
    match (bad, args.dispute, args.yes) {
        (0, ..) => Ok(()),
        (_, true, false) if open > 0 => bail!(
            "{bad} pieces are damaged or refused; --dispute --yes opens {open} disputes and holds their deposits"
        ),
        _ if failed > 0 => bail!("{bad} pieces are damaged or refused; {failed} disputes were not opened"),
        _ => bail!("{bad} of {} pieces are damaged or refused", outcome.pieces.len()),
    }
}

async fn dispute(client: &Client, outcome: &AuditOutcome) -> Vec<Disputed> {
    let disputed = client.dispute(&outcome.disputable()).await;
    for Disputed { contract, deadline } in &disputed {
        if let Err(error) = deadline {
            let hint = hint(error).map_or_else(String::new, |hint| format!("; try: {hint}"));
            warn(format!("no dispute over {contract}: {error}{hint}"));
        }
    }
    disputed
}

fn describe(outcome: &AuditOutcome, disputed: &[Disputed]) -> Value {
    json!({
        "id": outcome.manifest.object.to_string(),
        "name": outcome.manifest.name,
        "sound": outcome.bad().next().is_none(),
        "miners": outcome.miners().iter().map(describe_miner).collect::<Vec<_>>(),
        "pieces": outcome.pieces.iter().map(describe_piece).collect::<Vec<_>>(),
        "disputable": outcome.disputable(),
        "disputes": disputed.iter().map(describe_dispute).collect::<Vec<_>>(),
    })
}

fn describe_miner(miner: &MinerAudit) -> Value {
    json!({
        "miner": miner.miner.map(to_ss58),
        "node": miner.node,
        "pieces": miner.pieces,
        "marks": describe_marks(miner.marks),
    })
}

fn describe_piece(piece: &PieceAudit) -> Value {
    json!({
        "segment": piece.segment,
        "piece": piece.index,
        "piece_id": piece.piece,
        "miner": piece.miner.map(to_ss58),
        "node": piece.node,
        "contract": piece.contract,
        "active": piece.is_active(),
        "marked": piece.marked,
        "marks": describe_marks(piece.marks),
        "fault": piece.fault.as_ref().map(ToString::to_string),
    })
}

fn describe_marks(marks: MarkCounts) -> Value {
    json!({
        "asked": marks.asked,
        "right": marks.right,
        "wrong": marks.wrong,
        "refused": marks.refused,
        "unreachable": marks.unreachable,
    })
}

fn describe_dispute(disputed: &Disputed) -> Value {
    json!({
        "contract": disputed.contract,
        "open": disputed.deadline.is_ok(),
        "answer_by": disputed.deadline.as_ref().ok().copied().flatten(),
        "error": disputed.deadline.as_ref().err().map(ToString::to_string),
    })
}

fn lines(outcome: &AuditOutcome, disputed: &[Disputed], dispute: bool) -> String {
    let manifest = &outcome.manifest;
    let head = pairs(&[
        ("id", manifest.object.to_string()),
        ("name", manifest.name.clone()),
        ("pieces", outcome.pieces.len().to_string()),
    ]);
    let columns = ["miner", "pieces", "asked", "right", "wrong", "refused", "unreachable"];
    let mut rows = vec![columns.map(String::from).to_vec()];
    rows.extend(outcome.miners().iter().map(|miner| {
        let marks = miner.marks;
        let counts = [miner.pieces, marks.asked, marks.right, marks.wrong, marks.refused, marks.unreachable];
        let name = miner.miner.map_or_else(|| miner.node.to_string(), to_ss58);
        std::iter::once(name).chain(counts.map(|count| count.to_string())).collect()
    }));
    let mut text = format!("{head}\n{}", table(&rows));
    for piece in outcome.pieces.iter().filter(|piece| piece.fault.is_some()) {
        let fault = piece.fault.as_ref().map_or_else(String::new, ToString::to_string);
        let (segment, index, contract) = (piece.segment, piece.index, piece.contract);
        text.push_str(&format!("\npiece {index} of segment {segment}, contract {contract}: {fault}"));
    }
    if outcome.pieces.iter().any(|piece| !piece.marked) {
        text.push_str("\nPieces without watermarks were read at random places.");
    }
    text.push_str(&advice(outcome, disputed, dispute));
    text
}

/// What the owner can do about it.
fn advice(outcome: &AuditOutcome, disputed: &[Disputed], dispute: bool) -> String {
    let (id, open) = (outcome.manifest.object, outcome.disputable().len());
    if outcome.bad().next().is_none() {
        return String::new();
    }
    let opened = disputed.iter().filter_map(|disputed| {
        let deadline = disputed.deadline.as_ref().ok()?;
        let by = deadline.map_or_else(|| "in time".into(), |block| format!("by block {block}"));
        Some(format!("\ndispute over {}: to be answered {by}", disputed.contract))
    });
    let mut text: String = opened.collect();
    if disputed.is_empty() && open > 0 {
        text.push_str(&match dispute {
            true => format!("\n\n{DEPOSIT}\nTo open {open} of them: --dispute --yes"),
            false => format!(
                "\n\n{open} of these pieces are paid for. `lunarx rescue {id} PATH` gets the object back as far as it\n\
                 is needed for that; `lunarx audit {id} --dispute` makes the miners give up bytes or be slashed."
            ),
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_chain::ChainError;
    use lunarx_client::{Code, DataKey, Fault, Manifest, ObjectId, RepairKey};
    use lunarx_core::{AccountId, BatchRoot, ContractId, ContractInfo, ContractState, NodeId, PieceId};

    fn piece(index: u8, marks: MarkCounts, fault: Option<Fault>) -> PieceAudit {
        let (contract, miner) = (ContractId([index; 32]), AccountId([index; 32]));
        PieceAudit {
            segment: 0,
            index,
            piece: PieceId([index; 32]),
            node: NodeId([index; 32]),
            miner: Some(miner),
            contract,
            on_chain: Some(ContractInfo {
                id: contract,
                client: AccountId([9; 32]),
                miner,
                root: BatchRoot([0; 32]),
                pieces: 1,
                bytes: 64,
                window: 1_200,
                windows: 10,
                window_fee: 1,
                last_fee: 1,
                word_pay: 1,
                ended: None,
                escrow: 1,
                paid: 0,
                commission: None,
                state: ContractState::Active { since: 1, settled: 0 },
            }),
            marked: true,
            marks,
            fault,
        }
    }

    fn outcome(pieces: Vec<PieceAudit>) -> AuditOutcome {
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
        AuditOutcome { manifest, pieces }
    }

    #[test]
    fn who_refuses_is_shown_with_what_can_be_done() {
        let right = MarkCounts { asked: 4, right: 4, ..MarkCounts::default() };
        let refused = MarkCounts { asked: 4, refused: 4, ..MarkCounts::default() };
        let sound = outcome(vec![piece(1, right, None)]);
        let text = lines(&sound, &[], false);
        assert!(!text.contains("rescue"), "{text}");
        assert_eq!(describe(&sound, &[])["sound"], json!(true));

        let bad = outcome(vec![piece(1, right, None), piece(2, refused, Some(Fault::Refused("no".into())))]);
        let value = describe(&bad, &[]);
        assert_eq!((&value["sound"], &value["miners"][1]["marks"]["refused"]), (&json!(false), &json!(4)));
        let text = lines(&bad, &[], false);
        let id = ObjectId([0xab; 32]);
        for part in
            [format!("lunarx rescue {id}"), format!("lunarx audit {id} --dispute"), "refused: no".into()]
        {
            assert!(text.contains(&part), "{text}");
        }
        let text = lines(&bad, &[], true);
        assert!(text.contains("deposit") && text.contains("--yes"), "{text}");

        let (open, failed) = (ContractId([2; 32]), ContractId([3; 32]));
        let error = ChainError::Rejected { reason: "why".into() };
        let disputed = [
            Disputed { contract: open, deadline: Ok(Some(77)) },
            Disputed { contract: failed, deadline: Err(error) },
        ];
        let text = lines(&bad, &disputed, true);
        assert!(text.contains("by block 77") && !text.contains("--yes"), "{text}");
        let value = describe(&bad, &disputed);
        assert_eq!(
            (&value["disputes"][0]["answer_by"], &value["disputes"][1]["open"]),
            (&json!(77), &json!(false))
        );
    }
}
