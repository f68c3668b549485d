//! Puts a question to a miner, and judges what comes back.

use crate::desk::Question;
use lunarx_network::{verify_signature, Network, NetworkError};
use lunarx_proof::{proves_all, Answer};

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A right answer, signed.
    Right(Answer),
    /// A wrong answer, signed: evidence.
    Wrong(Answer),
    /// The miner is there, and does not answer.
    Silent,
    /// The miner cannot be reached.
    Unreachable,
}

/// What an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Signed, and proves every byte.
    Right,
    /// Signed, and does not.
    Wrong,
    /// Not signed by the miner, or another number of proofs than asked for: worth nothing.
    Worthless,
}

/// Judges an answer. Some hundred hashes and a signature: below a millisecond.
pub(crate) fn judge(genesis: &[u8; 32], question: &Question, answer: &Answer) -> Judgement {
    let Question { contract, block, seed, .. } = question;
    let payload = Answer::payload(genesis, contract, *block, seed, &answer.proofs);
    let whole = answer.proofs.len() == question.positions.len();
    if !whole || !verify_signature(&question.miner, &payload, &answer.signature) {
        return Judgement::Worthless;
    }
    if proves_all(&question.covered, &question.positions, &answer.proofs) {
        Judgement::Right
    } else {
        Judgement::Wrong
    }
}

/// Asks. Bounded by the network's timeouts. `Err` only when the network has stopped.
pub(crate) async fn ask(network: &Network, question: &Question) -> Result<Outcome, NetworkError> {
    let error = match network.prove(question.miner, question.contract, question.block).await {
        Ok(answer) => {
            return Ok(match judge(&network.genesis(), question, &answer) {
                Judgement::Right => Outcome::Right(answer),
                Judgement::Wrong => Outcome::Wrong(answer),
                Judgement::Worthless => Outcome::Silent,
            })
        }
        Err(error) => error,
    };
    tracing::debug!(contract = %question.contract, block = question.block, %error, "not answered");
    match reached(&error) {
        _ if matches!(error, NetworkError::Stopped) => Err(error),
        Some(true) => Ok(Outcome::Silent),
        Some(false) => Ok(Outcome::Unreachable),
        // A miner may drop just this question: a heartbeat tells whether it is there.
        None => Ok(match heartbeat(network, question.miner).await? {
            true => Outcome::Silent,
            false => Outcome::Unreachable,
        }),
    }
}

/// Whether a miner answers a heartbeat. `Err` only when the network has stopped.
pub(crate) async fn heartbeat(network: &Network, miner: lunarx_core::NodeKey) -> Result<bool, NetworkError> {
    match network.heartbeat(miner).await {
        Ok(_) => Ok(true),
        Err(NetworkError::Stopped) => Err(NetworkError::Stopped),
        // It says that it cannot serve: it is there, and does not work.
        Err(_) => Ok(false),
    }
}

/// Whether an error says that the miner was reached; `None` where it can be either.
fn reached(error: &NetworkError) -> Option<bool> {
    match error {
        NetworkError::Refused { .. }
        | NetworkError::Protocol { .. }
        | NetworkError::Unsupported { .. }
        | NetworkError::Blocked { .. } => Some(true),
        NetworkError::NoAddress { .. }
        | NetworkError::Unreachable { .. }
        | NetworkError::WrongIdentity { .. }
        | NetworkError::InvalidKey(_) => Some(false),
        _ => None,
    }
}
