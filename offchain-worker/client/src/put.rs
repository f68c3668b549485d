//! Put: a file or pipe into the network.
//!
//! Segments are uploaded one after the other; the contracts of one are opened and accepted while the
//! next is on its way. Everything that was promised is noted before it is sent to the chain, so that a
//! failure at any point can end it.

use crate::{
    contracts::Opened,
    reader::{Plaintext, SegmentLen},
    replace::replace,
    reserve::{Ask, Reserver, Slot},
    upload::{upload, ObjectKeys},
    Client, ClientError, Code, Event, MinerFault, Phase, Progress,
};
use lunarx_chain::ChainError;
use lunarx_core::{window_fee, AccountId, Balance, ContractId, Promise};
use lunarx_proof::{batch_root, BatchEntry};
use lunarx_row::{
    manifest::MAX_SEGMENTS, piece_len, DataKey, Manifest, ObjectId, SegmentDescriptor, SegmentEntry,
};
use std::{
    io::Read,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What is to be put, and how.
#[derive(Clone, Debug)]
pub struct PutRequest {
    /// The object's name.
    pub name: String,
    /// Its size in bytes. `None` for a pipe.
    pub size: Option<u64>,
    /// The code rate.
    pub code: Code,
    /// For how long.
    pub days: u32,
}

/// What a put came to.
#[derive(Clone, Debug)]
pub struct PutOutcome {
    /// The object, as the catalogue now has it.
    pub manifest: Manifest,
    /// Term in windows.
    pub windows: u32,
    /// Held on chain for the whole term.
    pub held: Balance,
    /// Fees of the transactions, as far as the chain told them.
    pub fees: Balance,
    /// Miners that were worked around, and those that did not accept.
    pub faults: Vec<MinerFault>,
}

impl Client {
    /// Stores what `source` reads. Returns once the miners have accepted and the manifest is in the
    /// catalogue. A failure, or `stop`, ends whatever was opened on chain.
    ///
    /// A `source` that blocks for ever (a pipe) keeps a thread, even after `stop`.
    pub async fn put(
        &self,
        source: impl Read + Send + 'static,
        request: PutRequest,
        progress: Arc<dyn Progress>,
        stop: CancellationToken,
    ) -> Result<PutOutcome, ClientError> {
        let mut put = Put::new(self, request, progress)?;
        let plaintext = Plaintext::new(source, put.request.size);
        let result = tokio::select! {
            biased;
            () = stop.cancelled() => Err(ClientError::Stopped),
            result = put.run(plaintext) => result,
        };
        match result {
            Ok(outcome) => Ok(outcome),
            Err(cause) => Err(put.undo(cause).await),
        }
    }
}

/// One put under way.
struct Put<'a> {
    client: &'a Client,
    request: PutRequest,
    progress: Arc<dyn Progress>,
    object: ObjectId,
    keys: ObjectKeys,
    windows: u32,
    openings: Vec<Opening>,
    entries: Vec<SegmentEntry>,
    faults: Vec<MinerFault>,
}

/// The contracts of one segment, on their way. Its task is not dropped with it: a transaction that was
/// sent is waited for.
struct Opening {
    contracts: Vec<ContractId>,
    task: Option<JoinHandle<Result<Opened, ClientError>>>,
    result: Option<Opened>,
    /// Stops the wait for accepts, not the transaction.
    give_up: CancellationToken,
}

impl<'a> Put<'a> {
    fn new(
        client: &'a Client,
        request: PutRequest,
        progress: Arc<dyn Progress>,
    ) -> Result<Self, ClientError> {
        let windows = client.windows(request.days)?;
        client.check_size(request.size.unwrap_or(0))?;
        let object = ObjectId::random();
        let keys = ObjectKeys { data: DataKey::random(), repair: client.keys.repair(object) };
        let (openings, entries, faults) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { client, request, progress, object, keys, windows, openings, entries, faults })
    }

    async fn run(&mut self, mut plaintext: Plaintext) -> Result<PutOutcome, ClientError> {
        self.progress.report(Event::Phase(Phase::Reserving));
        if let Some(size) = self.request.size {
            self.progress.report(Event::Total(size));
            let estimate = self.client.estimate(size, self.request.code, self.request.days).await?;
            self.client.check_balance(estimate.total, estimate.segments).await?;
        }
        loop {
            let (back, next) = self.next_segment(plaintext).await?;
            plaintext = back;
            let Some(len) = next else { break };
            plaintext = self.segment(plaintext, len).await?;
            self.check_openings().await?;
        }
        self.progress.report(Event::Phase(Phase::Accepting));
        for opening in &mut self.openings {
            opening.join().await?;
        }
        self.finish(plaintext.given()).await
    }

    /// Looks for the next segment, on a thread: a pipe may keep it waiting.
    async fn next_segment(
        &self,
        mut plaintext: Plaintext,
    ) -> Result<(Plaintext, Option<SegmentLen>), ClientError> {
        let (segment_bytes, done) = (self.client.config.segment_bytes, self.entries.len());
        let (plaintext, next) = tokio::task::spawn_blocking(move || {
            let next = plaintext.next_segment(segment_bytes, done == 0);
            (plaintext, next)
        })
        .await?;
        let next = next?;
        if next.is_some() && done >= MAX_SEGMENTS {
            self.client.check_size(u64::MAX)?;
        }
        Ok((plaintext, next))
    }

    /// Reserves for, uploads and begins to open one segment.
    async fn segment(&mut self, plaintext: Plaintext, len: SegmentLen) -> Result<Plaintext, ClientError> {
        let (client, code) = (self.client, self.request.code);
        self.progress.report(Event::Phase(Phase::Reserving));
        let miners = client.miners().await?;
        let bytes = piece_len(code, len.bound());
        let ask = Ask { bytes, windows: self.windows, max_price: client.config.max_price };
        let reserver = Reserver::new(client, ask, client.ranked(&miners, bytes), miners.len());
        let mut slots = reserver.many(usize::from(code.n())).await?;
        if let (None, SegmentLen::Exact(len)) = (self.request.size, len) {
            client.check_balance(self.price(&slots, piece_len(code, len)), 1).await?;
        }
        self.progress.report(Event::Phase(Phase::Uploading));
        let progress = Arc::clone(&self.progress);
        let (plaintext, pass) =
            upload(client, code, self.keys.clone(), &slots, plaintext, len, progress).await?;
        let (number, repair) = (self.entries.len(), &self.keys.repair);
        let descriptor = replace(client, number, repair, &reserver, &mut slots, pass, &self.progress).await?;
        self.faults.extend(reserver.faults());
        self.open(descriptor, slots);
        Ok(plaintext)
    }

    /// What `slots` ask for pieces of `bytes` over the whole term. Beyond all money, if it overflows.
    fn price(&self, slots: &[Slot], bytes: u64) -> Balance {
        let parameters = self.client.chain.parameters();
        let fee = |slot: &Slot| window_fee(slot.offer.offer.price, bytes, parameters.window, parameters.day);
        let fees = slots.iter().map(|slot| fee(slot).unwrap_or(Balance::MAX));
        fees.fold(0, Balance::saturating_add).saturating_mul(self.windows.into())
    }

    /// Sends the segment's promises to the chain, in a task.
    fn open(&mut self, descriptor: SegmentDescriptor, slots: Vec<Slot>) {
        let promises = promises(&descriptor, &slots, self.windows);
        let ids: Vec<ContractId> = slots.iter().map(|slot| slot.contract).collect();
        let contracts = self.client.contracts();
        let needed = usize::from(descriptor.code.k());
        let give_up = CancellationToken::new();
        let stopped = give_up.clone();
        let progress = Arc::clone(&self.progress);
        progress.report(Event::Phase(Phase::Opening));
        let task = tokio::spawn(async move {
            let fees = contracts.open(promises).await?;
            let opened = tokio::select! {
                () = stopped.cancelled() => return Err(ClientError::Stopped),
                opened = contracts.accepted(&slots, needed) => opened?,
            };
            Ok(Opened { fees, ..opened })
        });
        self.openings.push(Opening { contracts: ids.clone(), task: Some(task), result: None, give_up });
        self.entries.push(SegmentEntry { descriptor, contracts: ids });
    }

    /// Ends the put early if an opening has failed meanwhile.
    async fn check_openings(&mut self) -> Result<(), ClientError> {
        for opening in &mut self.openings {
            if opening.task.as_ref().is_some_and(JoinHandle::is_finished) {
                opening.join().await?;
            }
        }
        Ok(())
    }

    /// Everything is active: the manifest makes it readable.
    async fn finish(&mut self, size: u64) -> Result<PutOutcome, ClientError> {
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let manifest = Manifest {
            object: self.object,
            name: self.request.name.clone(),
            size,
            created,
            code: self.request.code,
            data_key: self.keys.data.clone(),
            repair_key: self.keys.repair.clone(),
            segments: std::mem::take(&mut self.entries),
        };
        let (catalogue, saved) = (Arc::clone(&self.client.catalogue), manifest.clone());
        tokio::task::spawn_blocking(move || catalogue.save(&saved)).await??;
        let mut outcome = PutOutcome {
            manifest,
            windows: self.windows,
            held: 0,
            fees: 0,
            faults: std::mem::take(&mut self.faults),
        };
        for opened in self.openings.iter().filter_map(|opening| opening.result.as_ref()) {
            outcome.held = outcome.held.saturating_add(opened.held);
            outcome.fees = outcome.fees.saturating_add(opened.fees);
            outcome.faults.extend(opened.faults.iter().cloned());
        }
        Ok(outcome)
    }

    /// Ends everything that was opened. Gives the error to be reported.
    async fn undo(&mut self, cause: ClientError) -> ClientError {
        let mut uncertain = matches!(cause, ClientError::Chain(ChainError::TimedOut { .. }));
        for opening in &mut self.openings {
            opening.give_up.cancel();
            let result = opening.join().await;
            uncertain |= matches!(result, Err(ClientError::Chain(ChainError::TimedOut { .. })));
        }
        let ids: Vec<ContractId> =
            self.openings.iter().flat_map(|opening| opening.contracts.iter().copied()).collect();
        if ids.is_empty() {
            return cause;
        }
        let contracts = self.client.contracts();
        match contracts.clean_up(&ids, uncertain).await {
            None => cause,
            Some((contracts, reason)) => {
                ClientError::ContractsLeft { cause: Box::new(cause), contracts, reason }
            }
        }
    }
}

impl Opening {
    /// Waits for its end. Can be called again, and again if it was cancelled meanwhile.
    async fn join(&mut self) -> Result<(), ClientError> {
        if let Some(task) = &mut self.task {
            let result = task.await;
            self.task = None;
            self.result = Some(result??);
        }
        Ok(())
    }
}

/// One promise a piece, in their order.
fn promises(descriptor: &SegmentDescriptor, slots: &[Slot], windows: u32) -> Vec<Promise<AccountId>> {
    let bytes = descriptor.piece_len;
    let promise = |(slot, piece): (&Slot, &lunarx_row::PieceDescriptor)| Promise {
        offer: slot.offer.offer.clone(),
        signature: slot.offer.signature,
        root: batch_root(&[BatchEntry { piece: piece.piece, len: bytes }]),
        pieces: 1,
        bytes,
        windows,
    };
    slots.iter().zip(&descriptor.pieces).map(promise).collect()
}
