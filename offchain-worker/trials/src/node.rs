//! The thread that makes blocks, and answers in between.

use codec::Encode;
use frame_support::{
    dispatch::{GetDispatchInfo, RawOrigin},
    traits::{OnFinalize, OnIdle, OnInitialize},
    weights::Weight,
};
use lunarx_chain::{Call, ChainError, Receipt};
use lunarx_core::{blake2b_256, AccountId, Balance, BlockNumber};
use lunarx_runtime::{
    genesis, tx_extension, AllPalletsWithSystem, Audits, Balances, Contracts, Issuance, Providers, Runtime,
    RuntimeCall, RuntimeEvent, RuntimeGenesisConfig, System, Timestamp, Trackers,
};
use serde_json::Value;
use sp_core::H256;
use sp_io::TestExternalities;
use sp_runtime::{
    generic::{Digest, Era},
    traits::{DispatchTransaction, TransactionExtension},
    transaction_validity::{InvalidTransaction, TransactionValidityError},
    BuildStorage, DispatchError,
};
use std::{
    collections::BTreeMap,
    mem,
    sync::{mpsc, Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, watch};

/// Time between two blocks, unless a test sets another.
pub(crate) const PACE: Duration = Duration::from_millis(50);
/// Jobs done between two blocks at most, so that blocks go on however much is asked.
const MAX_JOBS: usize = 256;
/// Bytes of a signed transaction around its call: address, signature and extensions.
const ENVELOPE_BYTES: usize = 110;
/// What a block has room for after its transactions.
const IDLE: Weight = Weight::from_parts(1_000_000_000_000, u64::MAX);

/// What took effect, and what it cost.
#[derive(Default)]
pub(crate) struct Record {
    /// Calls that took effect, in order.
    pub(crate) calls: Vec<(AccountId, Call)>,
    /// Fees of transactions, by who paid them, refused calls included.
    pub(crate) fees: BTreeMap<AccountId, Balance>,
}

/// A call of an account on its way into a block.
pub(crate) struct Submission {
    pub(crate) account: AccountId,
    pub(crate) call: Call,
    pub(crate) encoded: RuntimeCall,
    pub(crate) reply: oneshot::Sender<Result<Receipt, ChainError>>,
}

/// What is asked of the thread.
pub(crate) enum Job {
    /// Reads the state after the last block.
    Read(Box<dyn FnOnce() + Send>),
    /// For the next block.
    Submit(Box<Submission>),
    /// Time between blocks from now on.
    Pace(Duration),
}

struct Node {
    state: TestExternalities,
    waiting: Vec<Submission>,
    pace: Duration,
    record: Arc<Mutex<Record>>,
    finalized: watch::Sender<BlockNumber>,
}

/// Makes blocks until nobody can ask for anything any more.
pub(crate) fn run(
    jobs: &mpsc::Receiver<Job>,
    finalized: watch::Sender<BlockNumber>,
    record: Arc<Mutex<Record>>,
) {
    let mut node = Node { state: begin(), waiting: Vec::new(), pace: PACE, record, finalized };
    let mut last = Instant::now();
    loop {
        for _ in 0..MAX_JOBS {
            match jobs.try_recv() {
                Ok(job) => node.take(job),
                Err(mpsc::TryRecvError::Empty) => break,
                Err(mpsc::TryRecvError::Disconnected) => return,
            }
        }
        let left = node.pace.saturating_sub(last.elapsed());
        if left.is_zero() {
            node.make_block();
            last = Instant::now();
            continue;
        }
        match jobs.recv_timeout(left) {
            Ok(job) => node.take(job),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The state of the `local` preset: windows of a minute, that is of 20 blocks.
fn begin() -> TestExternalities {
    let patch = genesis::preset(&genesis::LOCAL.into()).expect("the preset is known");
    let mut config = serde_json::to_value(RuntimeGenesisConfig::default()).expect("a config is JSON");
    merge(&mut config, serde_json::from_slice(&patch).expect("a preset is JSON"));
    let config: RuntimeGenesisConfig = serde_json::from_value(config).expect("the preset fits");
    config.build_storage().expect("the preset starts").into()
}

fn merge(base: &mut Value, patch: Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, patch) => *base = patch,
    }
}

impl Node {
    fn take(&mut self, job: Job) {
        match job {
            Job::Read(read) => self.state.execute_with(read),
            Job::Submit(submission) => self.waiting.push(*submission),
            Job::Pace(pace) => self.pace = pace,
        }
    }

    fn make_block(&mut self) {
        let waiting = mem::take(&mut self.waiting);
        let mut done = Vec::new();
        let record = &self.record;
        let height = self.state.execute_with(|| {
            let height = System::block_number().saturating_add(1);
            open_block(height);
            for Submission { account, call, encoded, reply } in waiting {
                let (fee, result) = apply(account, encoded);
                let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
                let paid = record.fees.entry(account).or_default();
                *paid = paid.saturating_add(fee);
                let extrinsic = blake2b_256(&(height, account, done.len().to_string()).encode());
                if result.is_ok() {
                    record.calls.push((account, call));
                }
                done.push((reply, result.map(|()| Receipt { block: height, extrinsic, fee: Some(fee) })));
            }
            close_block(height);
            check();
            height
        });
        self.finalized.send_replace(height);
        for (reply, result) in done {
            // Whoever asked may have gone.
            let _ = reply.send(result);
        }
    }
}

/// As `Executive::initialize_block`, but for the block's digest: its randomness is set here.
fn open_block(height: BlockNumber) {
    let parent = match height {
        1 => System::block_hash(0),
        _ => H256(blake2b_256(&("parent", height).encode())),
    };
    System::reset_events();
    System::initialize(&height, &parent, &Digest::default());
    let randomness = blake2b_256(&("randomness", height).encode());
    pallet_babe::AuthorVrfRandomness::<Runtime>::put(Some(randomness));
    AllPalletsWithSystem::on_initialize(height);
    Timestamp::set_timestamp(0);
}

fn close_block(height: BlockNumber) {
    AllPalletsWithSystem::on_idle(height, IDLE);
    AllPalletsWithSystem::on_finalize(height);
}

/// Dispatches a call as a signed transaction whose signature is good. Returns the fee paid.
fn apply(account: AccountId, call: RuntimeCall) -> (Balance, Result<(), ChainError>) {
    let signer = lunarx_runtime::AccountId::new(account.0);
    let extension = tx_extension(System::account_nonce(&signer), Era::Immortal);
    let mut info = call.get_dispatch_info();
    info.extension_weight = extension.weight(&call);
    let len = call.encoded_size().saturating_add(ENVELOPE_BYTES);
    match extension.dispatch_transaction(RawOrigin::Signed(signer).into(), call, &info, len, 0) {
        Ok(result) => (last_fee(), result.map(|_| ()).map_err(|error| refused(error.error))),
        Err(TransactionValidityError::Invalid(InvalidTransaction::Payment)) => {
            let reason = "the transaction's fee".into();
            (0, Err(ChainError::InsufficientBalance { account, reason }))
        }
        Err(error) => (0, Err(ChainError::Rejected { reason: format!("{error:?}") })),
    }
}

/// The fee of the transaction that was just applied.
fn last_fee() -> Balance {
    let paid = System::events().into_iter().rev().find_map(|record| match record.event {
        RuntimeEvent::TransactionPayment(pallet_transaction_payment::Event::TransactionFeePaid {
            actual_fee,
            ..
        }) => Some(actual_fee),
        _ => None,
    });
    paid.unwrap_or_default()
}

/// The error by its name, as a node's metadata gives it.
fn refused(error: DispatchError) -> ChainError {
    let (pallet, error) = match error {
        DispatchError::Module(module) => {
            let pallet = match module.index {
                10 => "Balances",
                20 => "Providers",
                21 => "Contracts",
                22 => "Trackers",
                23 => "Audits",
                _ => "another",
            };
            (pallet.into(), module.message.unwrap_or_default().into())
        }
        other => (String::new(), format!("{other:?}")),
    };
    ChainError::Dispatch { pallet, error, docs: String::new() }
}

/// Panics, and so fails the test, where an invariant is broken.
fn check() {
    let supply = Issuance::supply();
    assert!(supply.issued <= supply.cap, "no LX beyond the cap");
    Providers::do_try_state().expect("providers hold");
    Contracts::do_try_state().expect("contracts hold");
    Trackers::do_try_state().expect("trackers hold");
    Audits::do_try_state().expect("audits hold");
    let accounts = frame_system::Account::<Runtime>::iter_values();
    let sum = accounts.fold(0, |sum: Balance, account| {
        sum.saturating_add(account.data.free).saturating_add(account.data.reserved)
    });
    assert_eq!(sum, Balances::total_issuance(), "the accounts hold all LX");
}
