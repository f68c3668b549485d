//! Rescue: an object out of the hands of miners that refuse to serve it.
//!
//! ```text
//! every piece ── ordinary reads ─────────────────────────────────▶ ┐
//!     refused ── challenges due ─ answers ═▶ verify ─ folder ────▶ ┴ k blocks a stripe ─ decode ─▶ file
//! ```
//! A miner that does not answer challenges is slashed, and whoever answers gives up the chunks that they ask
//! for (paper, P6). Anybody may ask for the answer: the owner does, for all blocks whose seeds are known, and
//! keeps what is proven in a folder beside the file to be. Each run goes on where the last one ended.
//!
//! Limits:
//! - Chunks come as they are drawn. A piece of many chunks takes long, and its last ones longest
//!   ([`Pace`]): this is a threat that makes refusing pointless, more than a way to read.
//! - A stripe counts once `k` pieces have all of its block. Disputes ask for more chunks, on chain; those are
//!   not read from there yet.
//! - A miner that answers neither reads nor challenges gives nothing: a dispute slashes it.

mod collect;
mod spool;

use crate::{
    client::timed,
    fetch::{sources, Directory, SegmentFetch, Source},
    file::{Existing, NewFile},
    get::Decoding,
    limits::{AUDIT_CONCURRENT_MINERS, PROBE_TIMEOUT},
    Client, ClientError, Event, Fault, Phase, PieceFault, Progress,
};
use collect::{collect, Collected, Seeds};
use futures::{stream, StreamExt, TryStreamExt};
use lunarx_core::{AccountId, ChainParameters, ContractInfo};
use lunarx_network::VerifiedRange;
use lunarx_proof::{chunks_of, CHUNK_BYTES, GROUP_BYTES};
use lunarx_row::{Manifest, ObjectId, SegmentDecoder, STRIPE_SHARD_BYTES};
use rand::Rng;
use spool::Spool;
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// Times that reading is tried in one run, after more pieces turned out to be refused.
const MAX_ROUNDS: u32 = 8;

/// What a rescue came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Rescue {
    /// The file is written.
    Whole {
        /// Its bytes.
        bytes: u64,
    },
    /// Too little is known yet.
    Partial(RescueProgress),
}

/// How far a rescue is.
#[derive(Clone, Debug, PartialEq)]
pub struct RescueProgress {
    /// Bytes of pieces that are known or can be read, of those that are needed.
    pub known: u64,
    /// Bytes of `k` pieces of each segment.
    pub needed: u64,
    /// Where what is known is kept for the next run.
    pub folder: PathBuf,
    /// Pieces that are not served, and what their miners last did.
    pub refused: Vec<PieceFault>,
    /// How fast more is to be expected.
    pub pace: Pace,
}

/// How fast chunks come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Chunks that a challenge asks for.
    pub chunks: u32,
    /// Challenges of a contract a day.
    pub challenges_a_day: f64,
    /// Days until enough is known, about, if those miners go on answering that answered in this run. `None`
    /// if they are too few.
    pub days: Option<f64>,
}

impl Client {
    /// Writes an object to a file by ordinary reads, and by answers to challenges where those are refused.
    /// One pass: what is not known at its end can be asked for by another, later. The file appears whole
    /// or not at all; what is known of refused pieces is kept in `<path>.rescue` until then.
    pub async fn rescue(
        &self,
        object: ObjectId,
        path: &Path,
        overwrite: bool,
        progress: Arc<dyn Progress>,
        stop: CancellationToken,
    ) -> Result<Rescue, ClientError> {
        if !overwrite && path.symlink_metadata().is_ok() {
            return Err(ClientError::Sink(std::io::ErrorKind::AlreadyExists.into()));
        }
        let rescue = async {
            let manifest = self.catalogue.load(object)?;
            let (directory, folder) = (self.directory().await?, folder_of(path));
            let (faults, silent) = (BTreeMap::new(), BTreeSet::new());
            let work = Work { client: self, manifest, directory, folder, faults, silent, progress };
            work.run(path, overwrite).await
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(ClientError::Stopped),
            result = rescue => result,
        }
    }
}

/// Where what is known of the pieces of a file is kept.
fn folder_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".rescue");
    name.into()
}

/// The refused pieces of a segment.
type Spools = Vec<(u8, Spool)>;

struct Work<'a> {
    client: &'a Client,
    manifest: Manifest,
    directory: Directory,
    folder: PathBuf,
    /// Pieces that are not served.
    faults: BTreeMap<(usize, u8), Fault>,
    /// Those of them whose miners do not answer challenges either.
    silent: BTreeSet<(usize, u8)>,
    progress: Arc<dyn Progress>,
}

impl Work<'_> {
    async fn run(mut self, path: &Path, overwrite: bool) -> Result<Rescue, ClientError> {
        self.progress.report(Event::Phase(Phase::Rescuing));
        for segment in 0..self.manifest.segments.len() {
            self.probe(segment).await;
        }
        for _ in 0..MAX_ROUNDS {
            let spools = self.collect().await?;
            if !self.is_enough(&spools) {
                break;
            }
            match self.assemble(spools, path, overwrite).await {
                Ok(bytes) => {
                    self.tidy();
                    return Ok(Rescue::Whole { bytes });
                }
                // Refused half way, or damaged on disk: asked for in the next round.
                Err(ClientError::TooFewPieces { segment, missing, .. }) => {
                    let missing = missing.into_iter().map(|fault| ((segment, fault.index), fault.fault));
                    self.faults.extend(missing);
                }
                Err(error) => return Err(error),
            }
        }
        let spools = self.open_all()?;
        Ok(Rescue::Partial(self.summary(&spools)))
    }

    /// Notes which pieces of a segment are not served.
    async fn probe(&mut self, segment: usize) {
        let descriptor = &self.manifest.segments[segment].descriptor;
        let (client, len) = (self.client, descriptor.piece_len);
        let probes = sources(descriptor, &self.directory).into_iter().map(|source| async move {
            let fault = probe(client, &source, len).await.err()?;
            Some(((segment, source.index), fault))
        });
        let probes: Vec<_> = probes.collect();
        let faults: Vec<_> = stream::iter(probes).buffered(AUDIT_CONCURRENT_MINERS).collect().await;
        self.faults.extend(faults.into_iter().flatten());
    }

    /// Pieces of a segment that are served.
    fn served(&self, segment: usize) -> usize {
        let all = self.manifest.segments[segment].descriptor.pieces.len();
        all.saturating_sub(self.faults.range((segment, 0)..=(segment, u8::MAX)).count())
    }

    fn needed(&self, segment: usize) -> usize {
        usize::from(self.manifest.segments[segment].descriptor.code.k())
    }

    /// What is on disk of the refused pieces of segments that lack some.
    fn open_all(&self) -> Result<BTreeMap<usize, Spools>, ClientError> {
        let mut all = BTreeMap::new();
        for (segment, entry) in self.manifest.segments.iter().enumerate() {
            if self.served(segment) >= self.needed(segment) {
                continue;
            }
            let open = |index: u8| {
                let piece = entry.descriptor.pieces[usize::from(index)].piece;
                Ok((index, Spool::open(&self.folder, piece, entry.descriptor.piece_len)?))
            };
            let refused = self.faults.range((segment, 0)..=(segment, u8::MAX)).map(|((_, index), _)| *index);
            let spools: std::io::Result<Spools> = refused.map(open).collect();
            all.insert(segment, spools.map_err(ClientError::Sink)?);
        }
        Ok(all)
    }

    /// Asks the miners of refused pieces for the answers that are due, where pieces are lacking.
    async fn collect(&mut self) -> Result<BTreeMap<usize, Spools>, ClientError> {
        let all = self.open_all()?;
        if all.is_empty() {
            return Ok(all);
        }
        let (known, needed) = self.known_and_needed(&all);
        self.progress.report(Event::Total(needed));
        self.progress.report(Event::Bytes(known));
        let seeds = Arc::new(Seeds::read(self.client).await?);
        let mut collected = BTreeMap::new();
        for (segment, spools) in all {
            let entry = &self.manifest.segments[segment];
            let contracts = self.client.contracts().states(entry.contracts.iter().copied()).await?;
            let sources = sources(&entry.descriptor, &self.directory);
            let (client, seeds, progress) = (self.client, &seeds, &self.progress);
            let asked: Vec<_> = spools
                .into_iter()
                .map(|(index, spool)| {
                    let (contract, source) =
                        (contracts[usize::from(index)].clone(), sources[usize::from(index)].clone());
                    let fault = self.faults[&(segment, index)].clone();
                    async move {
                        let asked = ask(client, source, contract, spool, seeds, progress).await?;
                        Ok::<_, ClientError>((index, fault, asked))
                    }
                })
                .collect();
            let answered: Vec<_> =
                stream::iter(asked).buffered(AUDIT_CONCURRENT_MINERS).try_collect().await?;
            let mut spools = Spools::new();
            for (index, before, Collected { spool, fault, answers }) in answered {
                self.faults.insert((segment, index), fault.unwrap_or(before));
                match answers {
                    true => self.silent.remove(&(segment, index)),
                    false => self.silent.insert((segment, index)),
                };
                spools.push((index, spool));
            }
            collected.insert(segment, spools);
        }
        Ok(collected)
    }

    /// Whether every stripe has `k` blocks that are known or served.
    fn is_enough(&self, spools: &BTreeMap<usize, Spools>) -> bool {
        spools.iter().all(|(segment, spools)| {
            let lacking = self.needed(*segment).saturating_sub(self.served(*segment));
            let len = self.manifest.segments[*segment].descriptor.piece_len;
            let shard = u64::try_from(STRIPE_SHARD_BYTES).unwrap_or(u64::MAX);
            (0..len.div_ceil(shard)).all(|stripe| {
                let offset = stripe.saturating_mul(shard);
                let block = len.saturating_sub(offset).min(shard);
                spools.iter().filter(|(_, spool)| spool.has(offset, block)).count() >= lacking
            })
        })
    }

    /// Decodes all segments into the file.
    async fn assemble(
        &self,
        mut spools: BTreeMap<usize, Spools>,
        path: &Path,
        overwrite: bool,
    ) -> Result<u64, ClientError> {
        self.progress.report(Event::Phase(Phase::Downloading));
        let file = NewFile::create(path, false).map_err(ClientError::Sink)?;
        let mut sink = file.writer().map_err(ClientError::Sink)?;
        let mut bytes: u64 = 0;
        for segment in 0..self.manifest.segments.len() {
            let (back, written) =
                self.segment(segment, spools.remove(&segment).unwrap_or_default(), sink).await?;
            sink = back;
            bytes = bytes.saturating_add(written);
        }
        drop(sink);
        let existing = if overwrite { Existing::Replace } else { Existing::Keep };
        tokio::task::spawn_blocking(move || file.publish(existing)).await?.map_err(ClientError::Sink)?;
        Ok(bytes)
    }

    /// Decodes one segment: from disk what is known there, the rest by ordinary reads.
    async fn segment(
        &self,
        segment: usize,
        mut spools: Spools,
        sink: File,
    ) -> Result<(File, u64), ClientError> {
        let descriptor = &self.manifest.segments[segment].descriptor;
        let served = |source: &Source| !self.faults.contains_key(&(segment, source.index));
        let sources = sources(descriptor, &self.directory).into_iter().filter(served).collect();
        let progress = Arc::clone(&self.progress);
        let mut fetch = SegmentFetch::new(self.client.clone(), segment, descriptor, sources, progress);
        if !spools.is_empty() {
            fetch = fetch.by_stripe();
        }
        let keys = self.client.object_keys(&self.manifest);
        let decoder = SegmentDecoder::new(descriptor, keys.segment())?;
        let (stripes, step, needed) = (decoder.stripes(), fetch.window_stripes(), self.needed(segment));
        let mut decoding = Decoding { decoder, sink, plain: Vec::new() };
        let (mut first, mut bytes) = (0, 0u64);
        while first < stripes {
            let count = step.min(stripes - first);
            let (offset, len) = decoding.decoder.blocks_range(first, count);
            let (back, known) = tokio::task::spawn_blocking(move || {
                let known = known_ranges(&mut spools, needed, offset, len);
                (spools, known)
            })
            .await?;
            spools = back;
            let mut ranges = known.map_err(ClientError::Sink)?;
            fetch.need(needed.saturating_sub(ranges.len()));
            ranges.append(&mut fetch.window(offset, len).await?);
            let (back, written) = tokio::task::spawn_blocking(move || {
                let written = decoding.window(first, count, &ranges);
                (decoding, written)
            })
            .await?;
            decoding = back;
            bytes = bytes.saturating_add(written?);
            first = first.saturating_add(count);
        }
        decoding.decoder.finish()?;
        Ok((decoding.sink, bytes))
    }

    fn summary(&self, spools: &BTreeMap<usize, Spools>) -> RescueProgress {
        let (known, needed) = self.known_and_needed(spools);
        let parameters = self.client.chain.parameters();
        let (challenges_a_day, chunks) = (challenges_a_day(&parameters), parameters.audit.samples);
        let draws_a_day = challenges_a_day * f64::from(chunks);
        let mut days = spools.iter().map(|(segment, spools)| self.days(*segment, spools, draws_a_day));
        let days = days.try_fold(0f64, |most, days| Some(most.max(days?)));
        let refused = self.faults.iter().map(|((segment, index), fault)| {
            let node = self.manifest.segments[*segment].descriptor.pieces[usize::from(*index)].miner_node;
            let miner = self.directory.get(&node).map(|miner| miner.account);
            PieceFault { segment: *segment, index: *index, miner, node, fault: fault.clone() }
        });
        RescueProgress {
            known,
            needed,
            folder: self.folder.clone(),
            refused: refused.collect(),
            pace: Pace { chunks, challenges_a_day, days },
        }
    }

    /// Of `k` pieces of each segment: the bytes that are known or served, and all.
    fn known_and_needed(&self, spools: &BTreeMap<usize, Spools>) -> (u64, u64) {
        let (mut known, mut needed) = (0u64, 0u64);
        for (segment, entry) in self.manifest.segments.iter().enumerate() {
            let (k, len) = (self.needed(segment), entry.descriptor.piece_len);
            let mut pieces = vec![len; self.served(segment).min(k)];
            let spools = spools.get(&segment).into_iter().flatten();
            pieces.extend(spools.map(|(_, spool)| spool.known_bytes()));
            pieces.sort_unstable_by(|one, other| other.cmp(one));
            known = pieces.into_iter().take(k).fold(known, u64::saturating_add);
            needed = needed.saturating_add(len.saturating_mul(u64::from(entry.descriptor.code.k())));
        }
        (known, needed)
    }

    /// About the days until as many pieces as a segment lacks are known, the quickest first.
    fn days(&self, segment: usize, spools: &Spools, draws_a_day: f64) -> Option<f64> {
        let Some(last) = self.needed(segment).saturating_sub(self.served(segment)).checked_sub(1) else {
            return Some(0.0);
        };
        // Who did not answer is not counted on; who has told all is.
        let counts = |(index, spool): &&(u8, Spool)| {
            spool.unknown().0 == 0 || !self.silent.contains(&(segment, *index))
        };
        let mut days: Vec<f64> =
            spools.iter().filter(counts).map(|(_, spool)| draws(spool) / draws_a_day).collect();
        days.sort_by(f64::total_cmp);
        days.get(last).copied().filter(|days| days.is_finite())
    }

    /// Deletes what is not needed any more; nothing else that may be in the folder.
    fn tidy(&self) {
        let pieces = self.manifest.segments.iter().flat_map(|entry| &entry.descriptor.pieces);
        if self.folder.is_dir() {
            pieces.for_each(|piece| Spool::remove(&self.folder, piece.piece));
            // Something else in it keeps it.
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

/// A small part at a random place, by an ordinary read.
async fn probe(client: &Client, source: &Source, piece_len: u64) -> Result<(), Fault> {
    client.find(source).await?;
    let miner = source.miner.as_ref().ok_or(Fault::Unregistered)?;
    let offset = rand::thread_rng().gen_range(0..piece_len.div_ceil(GROUP_BYTES).max(1)) * GROUP_BYTES;
    let len = piece_len.saturating_sub(offset).min(GROUP_BYTES);
    let read = async {
        let mut download =
            client.network.retrieve(miner.node_key, source.piece, piece_len, offset, len).await?;
        download.next().await.transpose()
    };
    match timed("send a range", PROBE_TIMEOUT, read).await? {
        Some(_) => Ok(()),
        None => Err(Fault::Lied("sent nothing".into())),
    }
}

/// Collects from a miner that is there, under a contract that the chain still has.
async fn ask(
    client: &Client,
    source: Source,
    contract: Option<ContractInfo<AccountId>>,
    spool: Spool,
    seeds: &Arc<Seeds>,
    progress: &Arc<dyn Progress>,
) -> Result<Collected, ClientError> {
    let fault = match (client.find(&source).await, contract) {
        (Err(fault), _) => Some(fault),
        (Ok(()), Some(contract)) => return collect(client, &source, &contract, spool, seeds, progress).await,
        (Ok(()), None) => None,
    };
    Ok(Collected { spool, fault, answers: false })
}

/// The ranges that are known on disk, of at most `most` pieces.
fn known_ranges(
    spools: &mut Spools,
    most: usize,
    offset: u64,
    len: u64,
) -> std::io::Result<Vec<(u8, VerifiedRange)>> {
    let mut ranges = Vec::new();
    for (index, spool) in spools {
        if ranges.len() < most {
            ranges.extend(spool.range(offset, len)?.map(|range| (*index, range)));
        }
    }
    Ok(ranges)
}

/// Challenges of a contract a day, on average.
fn challenges_a_day(parameters: &ChainParameters) -> f64 {
    // The upper half tells the rate exactly enough.
    let upper = u32::try_from(parameters.audit.rate >> 32).unwrap_or(u32::MAX);
    f64::from(upper) / f64::from(u32::MAX) * f64::from(parameters.day)
}

/// About the draws until all chunks of a piece are known: those of the coupon collector, or of the shortest
/// chunk, which is drawn the least.
fn draws(spool: &Spool) -> f64 {
    let (unknown, least) = spool.unknown();
    if unknown == 0 {
        return 0.0;
    }
    let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let harmonic: f64 = (1..=unknown).map(|rank| 1.0 / number(rank)).sum();
    let collector = number(chunks_of(spool.len())) * harmonic;
    collector.max(number(chunks_of(spool.len())) * number(CHUNK_BYTES) / number(least.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::{AuditRules, PieceId};

    #[test]
    fn the_pace_is_that_of_the_rules() {
        let parameters = ChainParameters {
            block_millis: 3_000,
            day: 28_800,
            window: 1_200,
            accept_within: 1,
            max_offer_life: 1,
            max_windows: 1,
            max_promises: 1,
            max_reports: 1,
            collateral_per_gib: 1,
            exit_delay: 1,
            audit: AuditRules::of_window(1_200),
        };
        assert!((challenges_a_day(&parameters) - 28.8).abs() < 0.001);
    }

    #[test]
    fn the_last_chunks_take_the_longest() {
        let folder = tempfile::tempdir().unwrap();
        let piece =
            |len| Spool::open(folder.path(), PieceId([u8::try_from(len % 251).unwrap(); 32]), len).unwrap();
        assert!((draws(&piece(1024)) - 1.0).abs() < 1e-9);
        // 4 · (1 + 1/2 + 1/3 + 1/4)
        assert!((draws(&piece(4096)) - 25.0 / 3.0).abs() < 1e-9);
        // A chunk of 64 bytes is drawn once in 65 times.
        assert!(draws(&piece(4096 + 64)) > 64.0);
    }

    #[test]
    fn the_folder_lies_beside_the_file() {
        assert_eq!(folder_of(Path::new("/a/b.tar")), PathBuf::from("/a/b.tar.rescue"));
    }
}
