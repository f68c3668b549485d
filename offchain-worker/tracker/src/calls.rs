//! What the tracker says on chain, one call after the other, beside its other work.

use lunarx_chain::{Call, Chain, ChainError, Signer};
use lunarx_core::{BlockNumber, ContractId, NodeKey, Report};
use lunarx_proof::Answer;
use std::collections::VecDeque;

/// Something to say. It is derived from the chain's state again after every try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Reports(Vec<Report>),
    Convict { contract: ContractId, block: BlockNumber, answer: Answer },
    Dispute { contract: ContractId, block: BlockNumber },
    Vouch { contract: ContractId, answer: Answer },
    Resolve { contract: ContractId },
    Resume,
    SetVerifiers(Vec<NodeKey>),
    Claim,
}

/// What work is about: so that what was done or refused is left alone for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    Report(ContractId),
    Draw(ContractId),
    Convict(ContractId),
    Dispute(ContractId),
    Vouch(ContractId),
    Resolve(ContractId),
    Resume,
    SetVerifiers,
    Claim,
}

/// What became of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) topic: Topic,
    /// Whether the chain took it. Else it refused it by itself.
    pub(crate) taken: bool,
}

/// Says it all, at most `most` reports a call. A batch that the chain refuses is halved until what it refuses
/// stands alone. Stops at the first error that is not about the call itself.
pub(crate) async fn submit_all(
    chain: &dyn Chain,
    signer: &Signer,
    work: Vec<Work>,
    most: usize,
) -> (Vec<Done>, Option<ChainError>) {
    let mut queue: VecDeque<Work> = work.into_iter().flat_map(|work| split(work, most)).collect();
    let mut done = Vec::new();
    while let Some(work) = queue.pop_front() {
        let call = call(&work);
        let (name, topics) = (call.name(), topics(&work));
        match chain.submit(signer, call).await {
            Ok(receipt) => {
                tracing::info!(
                    call = name,
                    contracts = topics.len(),
                    block = receipt.block,
                    "call took effect"
                );
                done.extend(topics.into_iter().map(|topic| Done { topic, taken: true }));
            }
            Err(error) if stops(&error) => return (done, Some(error)),
            Err(error) => match halves(work) {
                Some((first, second)) => {
                    queue.push_front(second);
                    queue.push_front(first);
                }
                None => {
                    tracing::warn!(call = name, ?topics, %error, "the chain refused a call");
                    done.extend(topics.into_iter().map(|topic| Done { topic, taken: false }));
                }
            },
        }
    }
    (done, None)
}

/// Whether an error is about the chain or the account, and so about every further call too.
fn stops(error: &ChainError) -> bool {
    error.is_retryable() || matches!(error, ChainError::InsufficientBalance { .. })
}

fn split(work: Work, most: usize) -> Vec<Work> {
    match work {
        Work::Reports(reports) => {
            reports.chunks(most.max(1)).map(|batch| Work::Reports(batch.to_vec())).collect()
        }
        other => vec![other],
    }
}

fn halves(work: Work) -> Option<(Work, Work)> {
    match work {
        Work::Reports(reports) if reports.len() > 1 => {
            let (first, second) = reports.split_at(reports.len() / 2);
            Some((Work::Reports(first.to_vec()), Work::Reports(second.to_vec())))
        }
        _ => None,
    }
}

fn topics(work: &Work) -> Vec<Topic> {
    match work {
        Work::Reports(reports) => reports.iter().map(topic).collect(),
        Work::Convict { contract, .. } => vec![Topic::Convict(*contract)],
        Work::Dispute { contract, .. } => vec![Topic::Dispute(*contract)],
        Work::Vouch { contract, .. } => vec![Topic::Vouch(*contract)],
        Work::Resolve { contract } => vec![Topic::Resolve(*contract)],
        Work::Resume => vec![Topic::Resume],
        Work::SetVerifiers(_) => vec![Topic::SetVerifiers],
        Work::Claim => vec![Topic::Claim],
    }
}

/// A report without verdicts draws pay.
fn topic(report: &Report) -> Topic {
    match report.verdicts.is_empty() {
        true => Topic::Draw(report.contract),
        false => Topic::Report(report.contract),
    }
}

fn call(work: &Work) -> Call {
    match work.clone() {
        Work::Reports(reports) => Call::Report { reports },
        Work::Convict { contract, block, answer } => Call::Convict { contract, block, answer },
        Work::Dispute { contract, block } => Call::Dispute { contract, challenge: Some(block) },
        Work::Vouch { contract, answer } => Call::Vouch { contract, answer },
        Work::Resolve { contract } => Call::Resolve { contract },
        Work::Resume => Call::Resume,
        Work::SetVerifiers(verifiers) => Call::SetVerifiers { verifiers },
        Work::Claim => Call::Claim,
    }
}
