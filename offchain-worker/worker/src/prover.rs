//! Answers to challenges: looked up, proven, verified, signed, and kept for whoever asks again.
//!
//! Three trackers and their verifiers ask the same, so an answer is made once. Few are made at a time, and
//! few wait: what challenges take of the disk is bounded, whatever is asked. Anybody may ask, but those who
//! judge wait in a line of their own, so that others cannot make this miner look silent.

use crate::{
    disk::{Disk, DiskError},
    docket::{Docket, Question},
    proofs::{prove, Fault},
    service::refusal,
};
use lunarx_core::{BlockNumber, ContractId, NodeKey};
use lunarx_network::{NodeSecret, Refusal};
use lunarx_proof::{Answer, Covered, Proofs};
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Semaphore;

/// Answers kept. Each has some 24 proofs of up to 2 KiB.
const MAX_ANSWERS: usize = 64;
/// Answers made at a time.
const MAX_WORKING: usize = 2;
/// Requests of auditors that wait for an answer to be made, or make it; further ones are told to come back.
/// At 24 seeks an answer, the last of them is served within a request's time.
const MAX_AUDITORS_WAITING: usize = 64;
/// The same for everybody else.
const MAX_STRANGERS_WAITING: usize = 4;
/// Looks at damaged data before it is taken for damaged: a giving-up cannot be taken back.
const LOOKS: usize = 2;

/// Why a contract could not be proven.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProofError {
    /// The data.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The way to it.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Answers made, the oldest forgotten first.
#[derive(Default)]
struct Answers {
    made: HashMap<(ContractId, BlockNumber), Answer>,
    order: VecDeque<(ContractId, BlockNumber)>,
}

impl Answers {
    fn insert(&mut self, key: (ContractId, BlockNumber), answer: Answer) {
        if self.made.insert(key, answer).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > MAX_ANSWERS {
            if let Some(oldest) = self.order.pop_front() {
                self.made.remove(&oldest);
            }
        }
    }
}

/// Proves what the miner keeps.
pub(crate) struct Prover {
    disk: Arc<Disk>,
    /// What may be asked.
    pub(crate) docket: Docket,
    secret: NodeSecret,
    genesis: [u8; 32],
    answers: Mutex<Answers>,
    /// Trackers and their verifiers.
    auditors: Mutex<BTreeSet<NodeKey>>,
    auditors_waiting: Semaphore,
    strangers_waiting: Semaphore,
    working: Semaphore,
    damaged: Mutex<BTreeSet<ContractId>>,
}

impl Prover {
    pub(crate) fn new(disk: Arc<Disk>, docket: Docket, secret: NodeSecret, genesis: [u8; 32]) -> Self {
        Self {
            disk,
            docket,
            secret,
            genesis,
            answers: Mutex::default(),
            auditors: Mutex::default(),
            auditors_waiting: Semaphore::new(MAX_AUDITORS_WAITING),
            strangers_waiting: Semaphore::new(MAX_STRANGERS_WAITING),
            working: Semaphore::new(MAX_WORKING),
            damaged: Mutex::default(),
        }
    }

    /// Says who judges.
    pub(crate) fn set_auditors(&self, auditors: BTreeSet<NodeKey>) {
        *lock(&self.auditors) = auditors;
    }

    /// The signed answer to a challenge that is due.
    pub(crate) async fn answer(
        &self,
        peer: NodeKey,
        contract: ContractId,
        block: BlockNumber,
    ) -> Result<Answer, Refusal> {
        let question = self.docket.due(contract, block)?;
        if lock(&self.damaged).contains(&contract) {
            return Err(Refusal::Unavailable);
        }
        if let Some(answer) = self.made(&question) {
            return Ok(answer);
        }
        let is_auditor = lock(&self.auditors).contains(&peer);
        let line = if is_auditor { &self.auditors_waiting } else { &self.strangers_waiting };
        let _place = line.try_acquire().map_err(|_| Refusal::Busy)?;
        let _turn = self.working.acquire().await.map_err(|_| Refusal::Unavailable)?;
        match self.made(&question) {
            Some(answer) => Ok(answer),
            None => self.make(question).await,
        }
    }

    fn made(&self, question: &Question) -> Option<Answer> {
        lock(&self.answers).made.get(&(question.contract, question.block)).cloned()
    }

    async fn make(&self, question: Question) -> Result<Answer, Refusal> {
        let Question { contract, block, seed, covered, positions } = question;
        let proofs = match self.prove(contract, covered, positions).await {
            Ok(proofs) => proofs,
            Err(ProofError::Disk(error)) => return Err(refusal(error)),
            Err(ProofError::Fault(Fault::Missing)) => return Err(Refusal::NotFound),
            Err(ProofError::Fault(error)) => {
                tracing::error!(%contract, block, %error, "a challenge cannot be answered");
                return Err(Refusal::Unavailable);
            }
        };
        // Nothing is signed that was not verified: a signed wrong answer costs the whole collateral.
        let payload = Answer::payload(&self.genesis, &contract, block, &seed, &proofs);
        let answer = Answer { signature: self.secret.sign(&payload), proofs };
        lock(&self.answers).insert((contract, block), answer.clone());
        tracing::debug!(%contract, block, "challenge answered");
        Ok(answer)
    }

    /// Verified proofs of `positions` of a contract. Notes a contract whose data turns out damaged.
    pub(crate) async fn prove(
        &self,
        contract: ContractId,
        covered: Covered,
        positions: Vec<u64>,
    ) -> Result<Proofs, ProofError> {
        let look = move |store: &dyn lunarx_store::PieceStore| {
            let mut result = prove(store, contract, &covered, &positions);
            for _ in 1..LOOKS {
                if matches!(result, Err(Fault::Damaged(_))) {
                    result = prove(store, contract, &covered, &positions);
                }
            }
            Ok(result)
        };
        let result = self.disk.run(look).await?;
        if let Err(Fault::Damaged(reason)) = &result {
            tracing::error!(%contract, reason, "the data of a contract is damaged");
            self.note_damaged(contract);
        }
        Ok(result?)
    }

    /// Notes a contract whose data was found damaged: nothing of it is proven any more.
    pub(crate) fn note_damaged(&self, contract: ContractId) {
        lock(&self.damaged).insert(contract);
    }

    /// Contracts whose data was found damaged, of those that are `live`; the others are forgotten.
    pub(crate) fn damaged(&self, live: impl Fn(&ContractId) -> bool) -> BTreeSet<ContractId> {
        let mut damaged = lock(&self.damaged);
        damaged.retain(live);
        damaged.clone()
    }
}

/// What is behind these locks is consistent between any two of its changes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::{AccountId, AuditRules, AuditSeed, NodeSignature, Watched};
    use lunarx_proof::batch_root;
    use lunarx_store::{MemoryStore, PieceStore, Reservation};

    const ID: ContractId = ContractId([1; 32]);
    const AUDITOR: NodeKey = NodeKey([2; 32]);
    const STRANGER: NodeKey = NodeKey([3; 32]);

    /// A prover of one contract that every block from 0 to 99 challenges.
    fn prover() -> Arc<Prover> {
        let store = MemoryStore::new(1 << 20);
        let reservation = Reservation { owner: STRANGER, max_bytes: 9_000, expires: 9, offer: vec![] };
        store.reserve(ID, reservation).unwrap();
        store.append(ID, 0, 0, &[7; 9_000]).unwrap();
        store.finish(ID, 0, 9_000).unwrap();
        store.keep(ID).unwrap();
        let watched = Watched {
            client: AccountId([1; 32]),
            miner: AccountId([2; 32]),
            root: batch_root(&store.batch(ID).unwrap()),
            pieces: 1,
            bytes: 9_000,
            since: 0,
            window: 100,
            windows: 1,
            word_pay: 1,
            ended: None,
        };
        let docket = Docket::new(AuditRules { rate: u64::MAX, ..AuditRules::of_window(100) });
        docket.set_contracts([(ID, watched)].into(), 99);
        docket.add_seeds(0, vec![Some(AuditSeed([4; 32])); 100]);
        let disk = Arc::new(Disk::new(Arc::new(store)));
        let prover = Prover::new(disk, docket, NodeSecret::from_seed([5; 32]), [6; 32]);
        prover.set_auditors([AUDITOR].into());
        Arc::new(prover)
    }

    #[tokio::test]
    async fn strangers_keep_no_auditor_waiting() {
        let prover = prover();
        // Nothing is made for now.
        let busy = prover.working.acquire_many(u32::try_from(MAX_WORKING).unwrap()).await.unwrap();
        let ask = |peer, block| {
            let prover = prover.clone();
            Box::pin(async move { prover.answer(peer, ID, block).await })
        };
        let mut waiting: Vec<_> =
            (0..).take(MAX_STRANGERS_WAITING).map(|block| ask(STRANGER, block)).collect();
        for one in &mut waiting {
            assert!(is_pending(one).await);
        }
        assert_eq!(ask(STRANGER, 50).await, Err(Refusal::Busy));
        let mut auditor = ask(AUDITOR, 50);
        assert!(is_pending(&mut auditor).await);
        // They wait in turn, so all go on.
        let going: Vec<_> = waiting.into_iter().chain([auditor]).map(tokio::spawn).collect();
        drop(busy);
        for one in going {
            assert!(one.await.unwrap().is_ok());
        }
        // What is made costs nobody a place.
        let _line = prover.strangers_waiting.acquire_many(4).await.unwrap();
        assert!(ask(STRANGER, 50).await.is_ok());
        assert_eq!(ask(STRANGER, 51).await, Err(Refusal::Busy));
    }

    /// Polls once. Whether it goes on.
    async fn is_pending<T>(future: &mut (impl std::future::Future<Output = T> + Unpin)) -> bool {
        tokio::select! {
            biased;
            _ = future => false,
            () = std::future::ready(()) => true,
        }
    }

    #[test]
    fn answers_kept_are_bounded() {
        let mut answers = Answers::default();
        let answer = Answer { proofs: Proofs::default(), signature: NodeSignature([0; 64]) };
        for block in 0..1_000 {
            answers.insert((ContractId([1; 32]), block), answer.clone());
            answers.insert((ContractId([1; 32]), block), answer.clone());
        }
        assert_eq!((answers.made.len(), answers.order.len()), (MAX_ANSWERS, MAX_ANSWERS));
        assert!(answers.made.contains_key(&(ContractId([1; 32]), 999)));
    }
}
