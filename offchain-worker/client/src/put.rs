//! Put: a file or pipe into the network.
//!
//! Segments are uploaded one after the other; the contracts of one are opened and accepted while the
//! next is on its way. Everything that is promised is noted on disk ([`crate::journal`]) before it is sent
//! to the chain, so that a failure at any point can end it, by this program or by the next.

use crate::{
    catalogue::FileKind,
    limits::CLEANUP_DEADLINE,
    marks::Marks,
    opening::{promises, Opening},
    reader::{Plaintext, SegmentLen},
    replace::replace,
    reserve::{Ask, Reservations, Reserver, Slot},
    upload::{upload, ObjectKeys},
    Catalogue, CatalogueError, Client, ClientError, Code, Estimate, Event, MinerFault, PendingPut, Phase,
    Progress,
};
use lunarx_chain::ChainError;
use lunarx_core::{window_fee, Balance, BlockNumber, ContractId};
use lunarx_row::{
    manifest::{max_segments, MAX_NAME_BYTES},
    piece_len, DataKey, Manifest, ObjectId, RowError, SegmentDescriptor, SegmentEntry,
};
use std::{
    io::Read,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::{
    task::JoinHandle,
    time::{timeout_at, Instant},
};
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
    /// Pieces of all segments that are under no contract, since nobody accepted one. Each segment has at
    /// least `k` that are.
    pub short: usize,
}

impl Client {
    /// Stores what `source` reads. Returns once the miners have accepted and the manifest is in the
    /// catalogue. A failure, or `stop`, ends whatever was opened on chain; once all is accepted, `stop` is
    /// too late. If the program dies, or what it opened cannot be ended, the put stays listed as pending
    /// ([`Catalogue::pending`](crate::Catalogue::pending)).
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
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => Err(ClientError::Stopped),
            accepted = put.run(plaintext) => accepted,
        };
        // Not within reach of `stop`: a manifest that is saved while its contracts are ended is a ghost.
        let result = match accepted {
            Ok(size) => put.finish(size).await,
            Err(cause) => Err(cause),
        };
        match result {
            Ok(outcome) => Ok(outcome),
            Err(cause) => Err(put.undo(cause).await),
        }
    }

    /// Refuses what cannot be put: more than an object of its code can have, or more than the account can
    /// pay, which is the fees of the contracts and what is left aside for those of the transactions.
    pub async fn check_put(&self, estimate: &Estimate) -> Result<(), ClientError> {
        self.check_capacity(estimate.bytes, estimate.code)?;
        self.check_balance(estimate.total, estimate.segments).await
    }

    /// Refuses what no manifest can describe.
    fn check_capacity(&self, bytes: u64, code: Code) -> Result<(), ClientError> {
        let segments = u64::try_from(max_segments(code)).unwrap_or(u64::MAX);
        let max = segments.saturating_mul(self.config.segment_bytes);
        match bytes <= max {
            true => Ok(()),
            false => Err(ClientError::TooLarge { bytes, max }),
        }
    }
}

/// One put under way.
struct Put<'a> {
    client: &'a Client,
    request: PutRequest,
    progress: Arc<dyn Progress>,
    object: ObjectId,
    created: u64,
    keys: ObjectKeys,
    windows: u32,
    /// The last block in which any of its contracts can be opened.
    open_until: BlockNumber,
    reservations: Reservations,
    openings: Vec<Opening>,
    entries: Vec<SegmentEntry>,
    marks: Marks,
    faults: Vec<MinerFault>,
    /// The record being written. Goes on when the put is stopped.
    writing: Option<JoinHandle<Result<(), CatalogueError>>>,
}

impl<'a> Put<'a> {
    fn new(
        client: &'a Client,
        request: PutRequest,
        progress: Arc<dyn Progress>,
    ) -> Result<Self, ClientError> {
        let windows = client.windows(request.days)?;
        // Now, rather than when the manifest is sealed: then it would be there in vain.
        client.check_capacity(request.size.unwrap_or(0), request.code)?;
        let actual = request.name.len();
        if actual > MAX_NAME_BYTES {
            let name = RowError::TooLarge { what: "name", max: MAX_NAME_BYTES, actual };
            return Err(CatalogueError::Seal(name).into());
        }
        let object = ObjectId::random();
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let (repair, marks) = (client.keys.repair(object), client.keys.marks(object));
        let keys = ObjectKeys { data: DataKey::random(), repair, marks };
        Ok(Self {
            client,
            request,
            progress,
            object,
            created,
            keys,
            windows,
            open_until: 0,
            reservations: Reservations::default(),
            openings: Vec::new(),
            entries: Vec::new(),
            marks: Marks::default(),
            faults: Vec::new(),
            writing: None,
        })
    }

    /// Everything up to the miners' accepts. Gives the bytes that were read.
    async fn run(&mut self, mut plaintext: Plaintext) -> Result<u64, ClientError> {
        self.progress.report(Event::Phase(Phase::Reserving));
        if let Some(size) = self.request.size {
            self.progress.report(Event::Total(size));
            let estimate = self.client.estimate(size, self.request.code, self.request.days).await?;
            self.client.check_put(&estimate).await?;
        }
        loop {
            let (back, next) = self.next_segment(plaintext).await?;
            plaintext = back;
            let Some(len) = next else { break };
            plaintext = self.segment(plaintext, len).await?;
            self.check_openings().await?;
        }
        self.progress.report(Event::Phase(Phase::Accepting));
        for number in 0..self.openings.len() {
            self.openings[number].join().await?;
            self.replace_late(number).await?;
        }
        Ok(plaintext.given())
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
        if next.is_some() && done >= max_segments(self.request.code) {
            self.client.check_capacity(plaintext.given().saturating_add(1), self.request.code)?;
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
        if self.request.size.is_none() {
            // Nobody should send a long pipe in vain.
            let estimate = client.estimate(len.least(), code, self.request.days).await?;
            client.check_balance(estimate.total, 1).await?;
        }
        let ranked = client.ranked(&miners, bytes);
        let reserver = Reserver::new(client, &self.reservations, ask, ranked, miners.len());
        let mut slots = reserver.many(usize::from(code.n())).await?;
        if self.request.size.is_none() {
            client.check_balance(self.price(&slots, piece_len(code, len.least())), 1).await?;
        }
        self.progress.report(Event::Phase(Phase::Uploading));
        let progress = Arc::clone(&self.progress);
        let (plaintext, pass) =
            upload(client, code, self.keys.clone(), &slots, plaintext, len, progress).await?;
        let (number, keys) = (self.entries.len(), &self.keys);
        let pass = replace(client, number, keys, &reserver, &mut slots, pass, &self.progress).await?;
        self.faults.extend(reserver.faults());
        for (piece, tags) in pass.descriptor.pieces.iter().zip(pass.marks) {
            self.marks.insert(piece.piece, tags);
        }
        self.open(pass.descriptor, slots, reserver).await?;
        Ok(plaintext)
    }

    /// What `slots` ask for pieces of `bytes` over the whole term. Beyond all money, if it overflows.
    fn price(&self, slots: &[Slot], bytes: u64) -> Balance {
        let parameters = self.client.chain.parameters();
        let fee = |slot: &Slot| window_fee(slot.offer.offer.price, bytes, parameters.window, parameters.day);
        let fees = slots.iter().map(|slot| fee(slot).unwrap_or(Balance::MAX));
        fees.fold(0, Balance::saturating_add).saturating_mul(self.windows.into())
    }

    /// Notes the segment's promises, then sends them to the chain, in a task.
    async fn open(
        &mut self,
        descriptor: SegmentDescriptor,
        slots: Vec<Slot>,
        reserver: Reserver,
    ) -> Result<(), ClientError> {
        let promises = promises(&descriptor, &slots, self.windows);
        let needed = usize::from(descriptor.code.k());
        self.may_open(&slots);
        let contracts = slots.iter().map(|slot| slot.contract).collect();
        self.entries.push(SegmentEntry { descriptor, contracts });
        self.note().await?;
        self.progress.report(Event::Phase(Phase::Opening));
        let mut opening = Opening::new(slots, reserver);
        opening.send(self.client.contracts(), promises, needed);
        self.openings.push(opening);
        Ok(())
    }

    /// Contracts on these offers will be sent.
    fn may_open(&mut self, slots: &[Slot]) {
        let expiries = slots.iter().map(|slot| slot.offer.offer.expires);
        self.open_until = expiries.fold(self.open_until, BlockNumber::max);
    }

    /// Makes the pieces of a segment that were not accepted again for other miners, as far as there are
    /// any, and opens contracts with these.
    async fn replace_late(&mut self, number: usize) -> Result<(), ClientError> {
        let (opening, entry) = (&mut self.openings[number], &self.entries[number]);
        let segment = (number, entry);
        let replaced = opening.replace_late(self.client, segment, &self.keys, &self.progress).await;
        let Some((places, entry)) = replaced else { return Ok(()) };
        let slots = opening.slots.clone();
        let all = promises(&entry.descriptor, &slots, self.windows);
        let needed = usize::from(entry.descriptor.code.k());
        self.may_open(&slots);
        let sent = places.iter().map(|(at, _)| all[*at].clone()).collect();
        for (at, tags) in places {
            self.marks.insert(entry.descriptor.pieces[at].piece, tags);
        }
        self.entries[number] = entry;
        self.note().await?;
        self.openings[number].send(self.client.contracts(), sent, needed);
        self.progress.report(Event::Phase(Phase::Accepting));
        self.openings[number].join().await
    }

    /// Writes the record of everything promised so far.
    async fn note(&mut self) -> Result<(), ClientError> {
        if !self.openings.is_empty() {
            self.check_kept()?;
        }
        let put = PendingPut {
            manifest: self.manifest(),
            windows: self.windows,
            announced: self.request.size,
            open_until: self.open_until,
        };
        let catalogue = Arc::clone(&self.client.catalogue);
        self.writing = Some(tokio::task::spawn_blocking(move || catalogue.save_pending(&put)));
        self.written().await
    }

    /// Waits until nothing is being written. Can be called again if it was cancelled meanwhile.
    async fn written(&mut self) -> Result<(), ClientError> {
        if let Some(task) = &mut self.writing {
            let result = task.await;
            self.writing = None;
            result??;
        }
        Ok(())
    }

    /// A record that is gone says that somebody has removed the put, and ended its contracts.
    fn check_kept(&self) -> Result<(), ClientError> {
        match self.client.catalogue.has(self.object, FileKind::Pending) {
            true => Ok(()),
            false => Err(ClientError::Removed(self.object)),
        }
    }

    /// The object as far as it was promised.
    fn manifest(&self) -> Manifest {
        let sizes = self.entries.iter().map(|entry| entry.descriptor.plain_len);
        Manifest {
            object: self.object,
            name: self.request.name.clone(),
            size: sizes.fold(0, u64::saturating_add),
            created: self.created,
            code: self.request.code,
            data_key: self.keys.data.clone(),
            repair_key: self.keys.repair.clone(),
            segments: self.entries.clone(),
        }
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

    /// Everything is active: the manifest makes it readable, and takes the place of the record.
    async fn finish(&mut self, size: u64) -> Result<PutOutcome, ClientError> {
        self.check_kept()?;
        let manifest = Manifest { size, ..self.manifest() };
        let (catalogue, saved) = (Arc::clone(&self.client.catalogue), manifest.clone());
        let marks = std::mem::take(&mut self.marks);
        tokio::task::spawn_blocking(move || save(&catalogue, &saved, marks)).await??;
        forget(self.client.catalogue.remove_pending(self.object));
        let mut outcome = PutOutcome {
            manifest,
            windows: self.windows,
            held: 0,
            fees: 0,
            faults: std::mem::take(&mut self.faults),
            short: 0,
        };
        for opened in self.openings.iter().filter_map(|opening| opening.result.as_ref()) {
            outcome.held = outcome.held.saturating_add(opened.held);
            outcome.fees = outcome.fees.saturating_add(opened.fees);
            outcome.faults.extend(opened.faults.iter().cloned());
            outcome.short = outcome.short.saturating_add(opened.late.len());
        }
        Ok(outcome)
    }

    /// Ends everything that was opened, then drops what the catalogue has of it. Gives the error to be
    /// reported.
    async fn undo(&mut self, cause: ClientError) -> ClientError {
        // A file that is still being written would appear after it was removed.
        if let Err(error) = self.written().await {
            tracing::debug!(%error, "the record of a put that failed was not written");
        }
        let left = self.end(&cause).await;
        self.reservations.release_all(&self.client.network).await;
        // Of a save that failed once the file was in its place.
        forget(self.client.catalogue.remove(self.object));
        match left {
            None => {
                forget(self.client.catalogue.remove_pending(self.object));
                cause
            }
            // The record stays: it names them.
            Some((contracts, reason)) => {
                let (object, cause) = (self.object, Box::new(cause));
                ClientError::ContractsLeft { object, cause, contracts, reason }
            }
        }
    }

    /// Ends everything that was opened. Gives what could not be ended, and why.
    async fn end(&mut self, cause: &ClientError) -> Option<(Vec<ContractId>, String)> {
        let deadline = Instant::now() + CLEANUP_DEADLINE;
        let is_uncertain =
            |error: &ClientError| matches!(error, ClientError::Chain(ChainError::TimedOut { .. }));
        let mut uncertain = is_uncertain(cause);
        for opening in &mut self.openings {
            opening.give_up.cancel();
            uncertain |= match timeout_at(deadline, opening.join()).await {
                Ok(joined) => joined.is_err_and(|error| is_uncertain(&error)),
                Err(_) => true,
            };
        }
        let ids: Vec<ContractId> =
            self.openings.iter().flat_map(|opening| opening.contracts.iter().copied()).collect();
        match ids.is_empty() {
            true => None,
            false => self.client.contracts().clean_up(&ids, uncertain, deadline).await,
        }
    }
}

/// Saves a manifest, then the marks of its pieces, which nothing but audits depend on.
fn save(catalogue: &Catalogue, manifest: &Manifest, mut marks: Marks) -> Result<(), CatalogueError> {
    catalogue.save(manifest)?;
    let pieces = manifest.segments.iter().flat_map(|entry| &entry.descriptor.pieces);
    marks.keep(pieces.map(|piece| piece.piece));
    if let Err(error) = catalogue.save_marks(manifest.object, &marks) {
        tracing::warn!(%error, "the watermarks are not kept: audits read at random places");
    }
    Ok(())
}

/// A left-over in the catalogue does no harm: it is told apart, and can be removed later.
fn forget(removed: Result<(), CatalogueError>) {
    match removed {
        Ok(()) | Err(CatalogueError::NotFound(_)) => {}
        Err(error) => tracing::warn!(%error, "a file of a put stays behind"),
    }
}
