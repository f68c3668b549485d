//! One segment, encoded once, to `n` miners at the same time.
//!
//! ```text
//! blocking thread            n bounded channels          n tasks
//! read ─ SegmentEncoder ──┬─▶ ▢▢▢ ───────────────────▶ miner 0
//!                         ├─▶ ▢▢▢ ───────────────────▶ miner 1
//!                         └─▶ ...
//! ```
//! The slowest miner sets the pace, unless it is much slower than the others ([`pace`]): then it has
//! failed, and the others go on. Each lane finishes its piece by itself, once it has sent all. Nothing is
//! sealed twice: what a failed miner should have had is rebuilt afterwards from the pieces of the others.

mod lane;
mod pace;

pub(crate) use pace::Rate;

use crate::{
    client::timed,
    limits::{
        BLOCK_TIMEOUT, FINISH_TIMEOUT, MAX_UPLOAD_BLOCKS, READ_BYTES, RESERVE_TIMEOUT, UPLOAD_BUFFER_BYTES,
    },
    marks::{MarkKey, Marker, Tag},
    reader::{Plaintext, SegmentLen},
    reserve::Slot,
    Client, ClientError, Event, Fault, MinerFault, Progress,
};
use bytes::Bytes;
use futures::future::join_all;
use lane::{Feed, Lane};
use lunarx_core::{NodeId, PieceId};
use lunarx_network::{Network, PieceUpload};
use lunarx_row::{
    Code, DataKey, EncodeError, PieceDescriptor, RepairKey, SegmentDescriptor, SegmentEncoder, SegmentId,
    SegmentKeys, StripeBlocks, STRIPE_SHARD_BYTES,
};
use pace::{Gauge, Pace};
use std::sync::Arc;
use tokio_util::task::AbortOnDropHandle;

/// The keys of an object, as its uploads share them.
#[derive(Clone)]
pub(crate) struct ObjectKeys {
    pub data: DataKey,
    pub repair: RepairKey,
    pub marks: MarkKey,
}

impl ObjectKeys {
    pub fn segment(&self) -> SegmentKeys<'_> {
        SegmentKeys { data: &self.data, repair: &self.repair }
    }
}

/// A segment after its pass: some of its pieces may be missing still.
pub(crate) struct Pass {
    pub descriptor: SegmentDescriptor,
    /// For each piece, whether its miner has it.
    pub pieces: Vec<Result<(), Fault>>,
    /// For each piece made in this pass, the tags of its watermarks.
    pub marks: Vec<Vec<Tag>>,
}

/// Encodes the next segment of `plaintext` and uploads its pieces, piece `i` to `slots[i]`. Fails if
/// fewer than `k` arrive.
pub(crate) async fn upload(
    client: &Client,
    code: Code,
    keys: ObjectKeys,
    slots: &[Slot],
    plaintext: Plaintext,
    len: SegmentLen,
    progress: Arc<dyn Progress>,
) -> Result<(Plaintext, Pass), ClientError> {
    let needed = usize::from(code.k());
    let nodes: Vec<NodeId> = slots.iter().map(|slot| slot.miner.node_id()).collect();
    let id = SegmentId::random();
    let encoder = SegmentEncoder::new(id, code, keys.segment(), &nodes)?;
    let marker = |(index, node): (u8, &NodeId)| Marker::new(keys.marks.of_piece(id, index, *node));
    let markers = (0..code.n()).zip(&nodes).map(marker).collect();
    let depth = (UPLOAD_BUFFER_BYTES / (slots.len().max(1) * STRIPE_SHARD_BYTES)).clamp(1, MAX_UPLOAD_BLOCKS);
    let gauges: Vec<Arc<Gauge>> = slots.iter().map(|_| Arc::default()).collect();
    let (feeds, lanes): (Vec<_>, Vec<_>) = slots
        .iter()
        .zip(&gauges)
        .map(|(slot, gauge)| {
            let (feed, lane) = Lane::new(client.network.clone(), slot.clone(), gauge.clone(), depth);
            (Some(feed), AbortOnDropHandle::new(tokio::spawn(lane.run())))
        })
        .unzip();
    let feeds = Feeds { feeds, markers, needed };
    let encoding = tokio::task::spawn_blocking(move || encode(plaintext, len, encoder, feeds, &*progress));
    let sending = async {
        let (plaintext, encoded) = encoding.await?;
        // After a failure the lanes end with their handles.
        let (descriptor, marks) = encoded?;
        let finished = join_all(lanes).await.into_iter().zip(&descriptor.pieces);
        let pieces = finished.map(|(lane, piece)| check(lane, piece)).collect();
        Ok::<_, Halt>((plaintext, Pass { descriptor, pieces, marks }))
    };
    let sent = tokio::select! {
        biased;
        sent = sending => sent,
        never = Pace::new(&gauges, needed, depth).watch() => match never {},
    };
    let (plaintext, pass) = match sent {
        Ok(sent) => sent,
        Err(Halt::Client(error)) => return Err(error),
        Err(Halt::TooFew { have }) => {
            return Err(too_few(needed, have, slots, gauges.iter().map(|gauge| gauge.fault().cloned())))
        }
    };
    let have = pass.pieces.iter().filter(|piece| piece.is_ok()).count();
    match have < needed {
        true => {
            Err(too_few(needed, have, slots, pass.pieces.iter().map(|piece| piece.as_ref().err().cloned())))
        }
        false => Ok((plaintext, pass)),
    }
}

/// Compares what a miner says it has with what was made.
fn check(
    finished: Result<Result<PieceId, Fault>, tokio::task::JoinError>,
    expected: &PieceDescriptor,
) -> Result<(), Fault> {
    let actual = finished.unwrap_or_else(|error| Err(Fault::Unreachable(error.to_string())))?;
    compare(actual, expected.piece)
}

fn compare(actual: PieceId, expected: PieceId) -> Result<(), Fault> {
    match actual == expected {
        true => Ok(()),
        false => Err(Fault::Lied(format!("stored piece {actual}, expected {expected}"))),
    }
}

/// Ends an upload of `len` bytes; gives what the miner says that it has.
async fn finish_in_time(upload: PieceUpload, len: u64) -> Result<PieceId, Fault> {
    timed("finish a piece", FINISH_TIMEOUT, upload.finish(len)).await
}

/// Ends an upload that must have become `expected`.
pub(crate) async fn finish_one(upload: PieceUpload, len: u64, expected: PieceId) -> Result<(), Fault> {
    compare(finish_in_time(upload, len).await?, expected)
}

/// Opens an upload of a slot's piece.
pub(crate) async fn start(network: &Network, slot: &Slot) -> Result<PieceUpload, Fault> {
    timed("open an upload", RESERVE_TIMEOUT, network.store(slot.miner.node_key, slot.contract, 0)).await
}

/// Sends one block.
pub(crate) async fn send_block(upload: &mut PieceUpload, block: Bytes) -> Result<(), Fault> {
    timed("take a block", BLOCK_TIMEOUT, upload.send(block)).await
}

/// Why encoding ended early.
enum Halt {
    Client(ClientError),
    TooFew { have: usize },
}

impl From<tokio::task::JoinError> for Halt {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Client(error.into())
    }
}

/// The ways to the miners that have not failed, and the marks of all pieces.
struct Feeds {
    feeds: Vec<Option<Feed>>,
    markers: Vec<Marker>,
    needed: usize,
}

impl Feeds {
    fn push(&mut self, stripe: StripeBlocks) -> Result<(), Halt> {
        for (marker, block) in self.markers.iter_mut().zip(&stripe.blocks) {
            marker.block(stripe.index, block);
        }
        for (lane, block) in self.feeds.iter_mut().zip(stripe.blocks) {
            if lane.as_ref().is_some_and(|feed| !feed.push(block.into())) {
                *lane = None;
            }
        }
        let have = self.feeds.iter().flatten().count();
        match have < self.needed {
            true => Err(Halt::TooFew { have }),
            false => Ok(()),
        }
    }

    /// The segment is at its end. Gives the tags of each piece.
    fn complete(self) -> Vec<Vec<Tag>> {
        self.feeds.into_iter().flatten().for_each(Feed::complete);
        self.markers.into_iter().map(Marker::finish).collect()
    }
}

/// A segment that was encoded, with the tags of each of its pieces.
type Encoded = (SegmentDescriptor, Vec<Vec<Tag>>);

/// Reads and encodes one segment, on a thread of its own.
fn encode(
    mut plaintext: Plaintext,
    len: SegmentLen,
    encoder: SegmentEncoder,
    mut feeds: Feeds,
    progress: &dyn Progress,
) -> (Plaintext, Result<Encoded, Halt>) {
    let result = encode_from(&mut plaintext, len, encoder, &mut feeds, progress);
    (plaintext, result.map(|descriptor| (descriptor, feeds.complete())))
}

fn encode_from(
    plaintext: &mut Plaintext,
    len: SegmentLen,
    mut encoder: SegmentEncoder,
    feeds: &mut Feeds,
    progress: &dyn Progress,
) -> Result<SegmentDescriptor, Halt> {
    let mut push = |stripe| feeds.push(stripe);
    let mut buffer = vec![0; READ_BYTES];
    let mut done: u64 = 0;
    loop {
        let read = plaintext.read(&mut buffer, len.bound() - done).map_err(Halt::Client)?;
        if read == 0 {
            break;
        }
        encoder.push(&buffer[..read], &mut push).map_err(halt)?;
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        done = done.saturating_add(read);
        progress.report(Event::Bytes(read));
    }
    match len {
        SegmentLen::Exact(expected) if done != expected => {
            let actual = format!("{} bytes short", expected - done);
            return Err(Halt::Client(ClientError::SourceSize {
                expected: plaintext.announced(expected),
                actual,
            }));
        }
        _ => plaintext.check_end().map_err(Halt::Client)?,
    }
    encoder.finish(&mut push).map_err(halt)
}

fn halt(error: EncodeError<Halt>) -> Halt {
    match error {
        EncodeError::Row(error) => Halt::Client(error.into()),
        EncodeError::Sink(halt) => halt,
    }
}

fn too_few(
    needed: usize,
    have: usize,
    slots: &[Slot],
    faults: impl Iterator<Item = Option<Fault>>,
) -> ClientError {
    let faults = slots.iter().zip(faults);
    let faults = faults
        .filter_map(|(slot, fault)| Some(MinerFault { miner: slot.miner.account, fault: fault? }))
        .collect();
    ClientError::TooFewUploads { needed, have, faults }
}
