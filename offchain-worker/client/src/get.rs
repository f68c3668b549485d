//! Get: an object out of the network.

use crate::{
    fetch::{sources, Directory, SegmentFetch},
    file::{Existing, NewFile},
    upload::ObjectKeys,
    Client, ClientError, Event, Fault, Phase, PieceFault, Progress,
};
use lunarx_network::VerifiedRange;
use lunarx_row::{Manifest, ObjectId, RowError, SegmentDecoder};
use std::{io::Write, path::Path, sync::Arc};
use tokio_util::sync::CancellationToken;

/// What a get came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetOutcome {
    /// Plaintext bytes written.
    pub bytes: u64,
    /// Pieces whose miners sent corrupt bytes, or others than promised. Others took their place.
    pub corrupt: Vec<PieceFault>,
    /// Pieces that could not be had, though enough others could.
    pub missing: Vec<PieceFault>,
}

impl Client {
    /// Writes an object's bytes to `sink`, verified, in order. After an error, `sink` may hold a part.
    pub async fn get<W: Write + Send + 'static>(
        &self,
        object: ObjectId,
        sink: W,
        progress: Arc<dyn Progress>,
        stop: CancellationToken,
    ) -> Result<(GetOutcome, W), ClientError> {
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(ClientError::Stopped),
            result = self.read_object(object, sink, progress) => result,
        }
    }

    /// Writes an object to a file that appears whole or not at all. An existing one is replaced only if
    /// `overwrite`.
    pub async fn get_to_file(
        &self,
        object: ObjectId,
        path: &Path,
        overwrite: bool,
        progress: Arc<dyn Progress>,
        stop: CancellationToken,
    ) -> Result<GetOutcome, ClientError> {
        let existing = if overwrite { Existing::Replace } else { Existing::Keep };
        if !overwrite && path.symlink_metadata().is_ok() {
            return Err(ClientError::Sink(std::io::ErrorKind::AlreadyExists.into()));
        }
        // Stays here, so that the name is gone when this returns: the thread that writes may outlive it.
        let file = NewFile::create(path, false).map_err(ClientError::Sink)?;
        let writer = file.writer().map_err(ClientError::Sink)?;
        let (outcome, _) = self.get(object, writer, progress, stop).await?;
        tokio::task::spawn_blocking(move || file.publish(existing)).await?.map_err(ClientError::Sink)?;
        Ok(outcome)
    }

    async fn read_object<W: Write + Send + 'static>(
        &self,
        object: ObjectId,
        sink: W,
        progress: Arc<dyn Progress>,
    ) -> Result<(GetOutcome, W), ClientError> {
        let manifest = self.catalogue.load(object)?;
        progress.report(Event::Total(manifest.size));
        progress.report(Event::Phase(Phase::Downloading));
        let directory = self.directory().await?;
        let keys = self.object_keys(&manifest);
        let mut reading = Reading { client: self, keys, directory, progress, outcome: GetOutcome::default() };
        let mut sink = sink;
        for segment in 0..manifest.segments.len() {
            sink = reading.segment(&manifest, segment, sink).await?;
        }
        let sink = tokio::task::spawn_blocking(move || sink.flush().map(|()| sink)).await?;
        Ok((reading.outcome, sink.map_err(ClientError::Sink)?))
    }

    /// The keys of an object.
    pub(crate) fn object_keys(&self, manifest: &Manifest) -> ObjectKeys {
        ObjectKeys {
            data: manifest.data_key.clone(),
            repair: manifest.repair_key.clone(),
            marks: self.keys.marks(manifest.object),
        }
    }

    /// The registered miners, by node.
    pub(crate) async fn directory(&self) -> Result<Directory, ClientError> {
        Ok(self.miners().await?.into_iter().map(|miner| (miner.node_id(), miner)).collect())
    }
}

struct Reading<'a> {
    client: &'a Client,
    keys: ObjectKeys,
    directory: Directory,
    progress: Arc<dyn Progress>,
    outcome: GetOutcome,
}

impl Reading<'_> {
    async fn segment<W: Write + Send + 'static>(
        &mut self,
        manifest: &Manifest,
        segment: usize,
        sink: W,
    ) -> Result<W, ClientError> {
        let descriptor = &manifest.segments[segment].descriptor;
        let mut sources = sources(descriptor, &self.directory);
        // Those that failed before are asked last.
        sources.sort_by_key(|source| self.is_suspect(source.node));
        let decoder = SegmentDecoder::new(descriptor, self.keys.segment())?;
        let progress = Arc::clone(&self.progress);
        let mut fetch = SegmentFetch::new(self.client.clone(), segment, descriptor, sources, progress);
        let (stripes, step) = (decoder.stripes(), fetch.window_stripes());
        let mut decoding = Decoding { decoder, sink, plain: Vec::new() };
        let mut first = 0;
        while first < stripes {
            let count = step.min(stripes - first);
            let (offset, len) = decoding.decoder.blocks_range(first, count);
            let ranges = fetch.window(offset, len).await?;
            let (back, written) = tokio::task::spawn_blocking(move || {
                let written = decoding.window(first, count, &ranges);
                (decoding, written)
            })
            .await?;
            decoding = back;
            let written = written?;
            self.outcome.bytes = self.outcome.bytes.saturating_add(written);
            self.progress.report(Event::Bytes(written));
            first = first.saturating_add(count);
        }
        self.note(fetch.into_faults());
        decoding.decoder.finish()?;
        Ok(decoding.sink)
    }

    fn is_suspect(&self, node: lunarx_core::NodeId) -> bool {
        self.outcome.missing.iter().chain(&self.outcome.corrupt).any(|fault| fault.node == node)
    }

    fn note(&mut self, faults: Vec<PieceFault>) {
        for fault in faults {
            match fault.fault {
                Fault::Corrupt(_) | Fault::Lied(_) => self.outcome.corrupt.push(fault),
                _ => self.outcome.missing.push(fault),
            }
        }
    }
}

/// What the decoding thread works on.
pub(crate) struct Decoding<W> {
    pub decoder: SegmentDecoder,
    pub sink: W,
    pub plain: Vec<u8>,
}

impl<W: Write> Decoding<W> {
    /// Decodes one window and writes its plaintext; gives its length.
    pub fn window(
        &mut self,
        first: u64,
        count: u64,
        ranges: &[(u8, VerifiedRange)],
    ) -> Result<u64, ClientError> {
        let blocks: Vec<(u8, &VerifiedRange)> = ranges.iter().map(|(index, range)| (*index, range)).collect();
        self.plain.clear();
        for stripe in first..first.saturating_add(count) {
            self.decoder.decode(stripe, &blocks, &mut self.plain)?;
        }
        self.sink.write_all(&self.plain).map_err(ClientError::Sink)?;
        u64::try_from(self.plain.len()).map_err(|_| RowError::Internal("length").into())
    }
}
