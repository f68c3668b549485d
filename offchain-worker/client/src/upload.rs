//! One segment, encoded once, to `n` miners at the same time.
//!
//! ```text
//! blocking thread            n bounded channels          n tasks
//! read ─ SegmentEncoder ──┬─▶ ▢▢▢ ───────────────────▶ miner 0
//!                         ├─▶ ▢▢▢ ───────────────────▶ miner 1
//!                         └─▶ ...
//! ```
//! The slowest miner sets the pace, up to [`BLOCK_TIMEOUT`]: then it has failed, and the others go on.
//! Nothing is sealed twice: what a failed miner should have had is rebuilt afterwards from the pieces
//! of the others.

use crate::{
    client::timed,
    limits::{
        BLOCK_TIMEOUT, FINISH_TIMEOUT, MAX_UPLOAD_BLOCKS, READ_BYTES, RESERVE_TIMEOUT, UPLOAD_BUFFER_BYTES,
    },
    reader::{Plaintext, SegmentLen},
    reserve::Slot,
    Client, ClientError, Event, Fault, MinerFault, Progress,
};
use bytes::Bytes;
use futures::future::join_all;
use lunarx_core::{NodeId, PieceId};
use lunarx_network::{Network, PieceUpload};
use lunarx_row::{
    Code, DataKey, EncodeError, RepairKey, SegmentDescriptor, SegmentEncoder, SegmentId, SegmentKeys,
    StripeBlocks, STRIPE_SHARD_BYTES,
};
use std::sync::Arc;
use tokio::{sync::mpsc, task::JoinHandle};

/// The keys of an object, as its uploads share them.
#[derive(Clone)]
pub(crate) struct ObjectKeys {
    pub data: DataKey,
    pub repair: RepairKey,
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
    let nodes: Vec<NodeId> = slots.iter().map(|slot| slot.miner.node_id()).collect();
    let encoder = SegmentEncoder::new(SegmentId::random(), code, keys.segment(), &nodes)?;
    let depth = (UPLOAD_BUFFER_BYTES / (slots.len().max(1) * STRIPE_SHARD_BYTES)).clamp(1, MAX_UPLOAD_BLOCKS);
    let (senders, tasks): (Vec<_>, Vec<_>) = slots
        .iter()
        .map(|slot| {
            let (sender, blocks) = mpsc::channel(depth);
            let task = tokio::spawn(send(client.network.clone(), slot.clone(), blocks));
            (Some(sender), Aborting(task))
        })
        .unzip();
    let lanes = Lanes { senders, needed: usize::from(code.k()) };
    let encoding = tokio::task::spawn_blocking(move || encode(plaintext, len, encoder, lanes, &*progress));
    let sent = join_all(tasks.into_iter().map(Aborting::join));
    let (encoded, sent) = tokio::join!(encoding, sent);
    let (plaintext, encoded) = encoded?;
    let descriptor = match encoded {
        Ok(descriptor) => descriptor,
        Err(Halt::Client(error)) => return Err(error),
        Err(Halt::TooFew { have }) => {
            return Err(too_few(code, have, slots, sent.iter().map(|sent| sent.as_ref().err().cloned())))
        }
    };
    let pieces = finish(&descriptor, sent).await;
    let have = pieces.iter().filter(|piece| piece.is_ok()).count();
    if have < usize::from(code.k()) {
        return Err(too_few(code, have, slots, pieces.iter().map(|piece| piece.as_ref().err().cloned())));
    }
    Ok((plaintext, Pass { descriptor, pieces }))
}

/// Ends all uploads, and compares what the miners say they have with what was made.
async fn finish(
    descriptor: &SegmentDescriptor,
    sent: Vec<Result<PieceUpload, Fault>>,
) -> Vec<Result<(), Fault>> {
    let finishing = sent
        .into_iter()
        .zip(&descriptor.pieces)
        .map(|(sent, piece)| async move { finish_one(sent?, descriptor.piece_len, piece.piece).await });
    join_all(finishing).await
}

/// Ends one upload.
pub(crate) async fn finish_one(upload: PieceUpload, len: u64, expected: PieceId) -> Result<(), Fault> {
    let actual = timed("finish a piece", FINISH_TIMEOUT, upload.finish(len)).await?;
    match actual == expected {
        true => Ok(()),
        false => Err(Fault::Lied(format!("stored piece {actual}, expected {expected}"))),
    }
}

/// Opens an upload of a slot's piece.
pub(crate) async fn start(network: &Network, slot: &Slot) -> Result<PieceUpload, Fault> {
    timed("open an upload", RESERVE_TIMEOUT, network.store(slot.miner.node_key, slot.contract, 0)).await
}

/// Sends one block.
pub(crate) async fn send_block(upload: &mut PieceUpload, block: Bytes) -> Result<(), Fault> {
    timed("take a block", BLOCK_TIMEOUT, upload.send(block)).await
}

/// Sends one piece, as its blocks come, and gives the upload back unfinished.
async fn send(network: Network, slot: Slot, mut blocks: mpsc::Receiver<Bytes>) -> Result<PieceUpload, Fault> {
    let mut upload = start(&network, &slot).await?;
    if upload.offset() != 0 {
        return Err(Fault::Lied(format!("has {} bytes of a new piece, expected 0", upload.offset())));
    }
    while let Some(block) = blocks.recv().await {
        send_block(&mut upload, block).await?;
    }
    Ok(upload)
}

/// Why encoding ended early.
enum Halt {
    Client(ClientError),
    TooFew { have: usize },
}

/// The channels to the miners that have not failed.
struct Lanes {
    senders: Vec<Option<mpsc::Sender<Bytes>>>,
    needed: usize,
}

impl Lanes {
    fn push(&mut self, stripe: StripeBlocks) -> Result<(), Halt> {
        for (lane, block) in self.senders.iter_mut().zip(stripe.blocks) {
            if lane.as_ref().is_some_and(|sender| sender.blocking_send(block.into()).is_err()) {
                *lane = None;
            }
        }
        let have = self.senders.iter().flatten().count();
        match have < self.needed {
            true => Err(Halt::TooFew { have }),
            false => Ok(()),
        }
    }
}

/// Reads and encodes one segment, on a thread of its own.
fn encode(
    mut plaintext: Plaintext,
    len: SegmentLen,
    encoder: SegmentEncoder,
    mut lanes: Lanes,
    progress: &dyn Progress,
) -> (Plaintext, Result<SegmentDescriptor, Halt>) {
    let result = encode_from(&mut plaintext, len, encoder, &mut lanes, progress);
    (plaintext, result)
}

fn encode_from(
    plaintext: &mut Plaintext,
    len: SegmentLen,
    mut encoder: SegmentEncoder,
    lanes: &mut Lanes,
    progress: &dyn Progress,
) -> Result<SegmentDescriptor, Halt> {
    let mut push = |stripe| lanes.push(stripe);
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
    code: Code,
    have: usize,
    slots: &[Slot],
    faults: impl Iterator<Item = Option<Fault>>,
) -> ClientError {
    let faults = slots.iter().zip(faults);
    let faults = faults
        .filter_map(|(slot, fault)| Some(MinerFault { miner: slot.miner.account, fault: fault? }))
        .collect();
    ClientError::TooFewUploads { needed: usize::from(code.k()), have, faults }
}

/// A task that ends with its handle.
struct Aborting(JoinHandle<Result<PieceUpload, Fault>>);

impl Aborting {
    async fn join(mut self) -> Result<PieceUpload, Fault> {
        match (&mut self.0).await {
            Ok(result) => result,
            Err(error) => Err(Fault::Unreachable(error.to_string())),
        }
    }
}

impl Drop for Aborting {
    fn drop(&mut self) {
        self.0.abort();
    }
}
