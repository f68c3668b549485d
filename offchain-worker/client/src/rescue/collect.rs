//! Chunks of one refused piece, from the answers to the challenges of its contract that are due.

use super::spool::Spool;
use crate::{
    client::timed,
    fetch::Source,
    limits::{MAX_UNANSWERED, PROVE_TIMEOUT, UNANSWERED_PAUSE},
    Client, ClientError, Event, Fault, Progress,
};
use lunarx_core::{AccountId, AuditRules, AuditSeed, BlockNumber, ContractId, ContractInfo, Watched};
use lunarx_proof::{batch_root, challenged, proves_all, Answer, BatchEntry, Covered};
use std::sync::Arc;
use tokio::time::sleep;

/// The seeds that are known, of one block after the other.
pub(super) struct Seeds {
    first: BlockNumber,
    seeds: Vec<Option<AuditSeed>>,
    rules: AuditRules,
}

impl Seeds {
    /// Asks the chain for all of them.
    pub async fn read(client: &Client) -> Result<Self, ClientError> {
        let (height, rules) = (*client.chain.finalized().borrow(), client.chain.parameters().audit);
        let first = height.saturating_add(1).saturating_sub(rules.seed_history);
        let count = height.saturating_add(1).saturating_sub(first);
        Ok(Self { first, seeds: client.chain.audit_seeds(first, count).await?, rules })
    }

    /// The challenges of a contract, the oldest first: their seeds are the next to be forgotten.
    fn challenges<'a>(
        &'a self,
        contract: ContractId,
        watched: &'a Watched<AccountId>,
    ) -> impl Iterator<Item = (BlockNumber, Vec<u64>)> + 'a {
        let known = (self.first..).zip(&self.seeds).filter_map(|(block, seed)| Some((block, seed.as_ref()?)));
        known.filter(|(block, _)| watched.window_of(*block).is_some()).filter_map(move |(block, seed)| {
            Some((block, challenged(seed, &contract, watched.bytes, &self.rules)?))
        })
    }
}

/// What a contract covers, if it is that of `piece` alone. Else its challenges are about other bytes.
pub(super) fn covered(contract: &ContractInfo<AccountId>, piece: BatchEntry) -> Option<Covered> {
    let covered = Covered { root: batch_root(&[piece]), pieces: 1, bytes: piece.len };
    let actual = Covered { root: contract.root, pieces: contract.pieces, bytes: contract.bytes };
    (covered == actual).then_some(covered)
}

/// What asking a miner came to.
pub(super) struct Collected {
    pub spool: Spool,
    /// The last thing that it did wrong.
    pub fault: Option<Fault>,
    /// Whether more is to be expected of it: it answered something, or there was nothing to ask.
    pub answers: bool,
}

/// Asks the miner of a piece for every challenge that would tell something new, and keeps what it answers.
/// Gives up after [`MAX_UNANSWERED`] in a row.
pub(super) async fn collect(
    client: &Client,
    source: &Source,
    contract: &ContractInfo<AccountId>,
    mut spool: Spool,
    seeds: &Arc<Seeds>,
    progress: &Arc<dyn Progress>,
) -> Result<Collected, ClientError> {
    let piece = BatchEntry { piece: source.piece, len: spool.len() };
    let (Some(covered), Some(watched)) = (covered(contract, piece), contract.watched()) else {
        let fault = Fault::Refused("its contract is not about this piece, or not active".into());
        return Ok(Collected { spool, fault: Some(fault), answers: false });
    };
    let Some(miner) = &source.miner else {
        return Ok(Collected { spool, fault: Some(Fault::Unregistered), answers: false });
    };
    let (id, known) = (contract.id, seeds.clone());
    let due: Vec<_> = tokio::task::spawn_blocking(move || known.challenges(id, &watched).collect()).await?;
    let (mut unanswered, mut asked, mut answered, mut last) = (0u32, 0u32, 0u32, None);
    for (block, positions) in due {
        if positions.iter().all(|position| spool.knows(*position)) {
            continue;
        }
        asked += 1;
        let answer = client.network.prove(miner.node_key, id, block);
        let fault = match timed("answer a challenge", PROVE_TIMEOUT, answer).await {
            Ok(answer) => {
                let (back, kept) = tokio::task::spawn_blocking(move || {
                    let kept = keep(&mut spool, &covered, &positions, &answer);
                    (spool, kept)
                })
                .await?;
                spool = back;
                let (bytes, right) = kept.map_err(ClientError::Sink)?;
                progress.report(Event::Bytes(bytes));
                (!right).then(|| Fault::Lied(format!("answered the challenge of block {block} wrongly")))
            }
            Err(fault) => Some(fault),
        };
        match fault {
            None => (unanswered, answered) = (0, answered + 1),
            Some(fault) => {
                tracing::debug!(%fault, block, contract = %id, "challenge not answered");
                last = Some(fault);
                unanswered += 1;
                if unanswered >= MAX_UNANSWERED {
                    break;
                }
                // It may be busy with the questions of trackers, which come first.
                sleep(UNANSWERED_PAUSE).await;
            }
        }
    }
    Ok(Collected { spool, fault: last, answers: answered > 0 || asked == 0 })
}

/// Keeps the chunks that an answer proves, if not all then some. Gives their bytes, as far as they are new,
/// and whether the answer was right.
fn keep(
    spool: &mut Spool,
    covered: &Covered,
    positions: &[u64],
    answer: &Answer,
) -> std::io::Result<(u64, bool)> {
    let mut bytes: u64 = 0;
    for (position, proof) in positions.iter().zip(&answer.proofs) {
        if !spool.knows(*position) && proof.proves(covered, *position) {
            bytes = bytes.saturating_add(spool.add(*position, proof)?);
        }
    }
    Ok((bytes, proves_all(covered, positions, &answer.proofs)))
}
