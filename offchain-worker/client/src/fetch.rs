//! Any `k` pieces of one segment, read side by side.
//!
//! ```text
//!            lane: one task a piece            window: `k` ranges at the same place
//! miner 0 ── connect ─ retrieve ─ ▢ ──┐
//! miner 1 ── connect ─ retrieve ─ ▢ ──┼──▶ [ (0, bytes), (1, bytes), .. ] ──▶ decoder
//! miner 2 ── ✗ failed, or too slow    │
//! miner 5 ── takes its place ────── ▢ ┘
//! ```
//! - A piece whose miner fails or sends corrupt bytes is replaced by another at the same place.
//! - Without `k` ranges in time, as many more pieces are asked as are missing; the slowest then lose
//!   their lane, but may be asked again when nobody else is left.
//! - A miner that failed for now rests until nobody else is left. When nobody answers, all that rest are
//!   asked again, after pauses that grow, until [`OUTAGE_PATIENCE`] is over.
//! - Each lane reads at most one window ahead.

use crate::{
    client::timed,
    limits::{
        CONNECT_TIMEOUT, FETCH_BUFFER_BYTES, HEDGE_AFTER, MAX_OUTAGE_PAUSE, OUTAGE_PATIENCE, OUTAGE_PAUSE,
        RANGE_TIMEOUT,
    },
    placement::Candidate,
    Client, ClientError, Event, Fault, PieceFault, Progress,
};
use futures::{stream::FuturesUnordered, Future, StreamExt};
use lunarx_core::{NodeId, PieceId};
use lunarx_network::{Network, VerifiedRange, MAX_RANGE_BYTES};
use lunarx_row::{Code, SegmentDescriptor, STRIPES_PER_RANGE};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    pin::Pin,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::mpsc,
    task::AbortHandle,
    time::{sleep, Instant},
};

/// Windows of one lane in memory at the same time: in the decoder, waiting, arriving, and encoded.
const WINDOWS_A_LANE: u64 = 4;
/// Bytes of a full stripe's block.
const BLOCK_BYTES: u64 = MAX_RANGE_BYTES / STRIPES_PER_RANGE;

/// The registered miners by node, as one look at the chain shows them.
pub(crate) type Directory = HashMap<NodeId, Candidate>;

/// A piece that may be read.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub index: u8,
    pub piece: PieceId,
    pub node: NodeId,
    pub miner: Option<Candidate>,
}

/// The pieces of `descriptor`, data pieces first: from them alone, decoding costs next to nothing.
pub(crate) fn sources(descriptor: &SegmentDescriptor, directory: &Directory) -> Vec<Source> {
    let pieces = (0..descriptor.code.n()).zip(&descriptor.pieces);
    pieces
        .map(|(index, piece)| Source {
            index,
            piece: piece.piece,
            node: piece.miner_node,
            miner: directory.get(&piece.miner_node).cloned(),
        })
        .collect()
}

/// Stripes in a window of a segment's pieces.
pub(crate) fn window_stripes(code: Code) -> u64 {
    let stripes = FETCH_BUFFER_BYTES / (u64::from(code.k()) * WINDOWS_A_LANE * BLOCK_BYTES);
    stripes.clamp(1, STRIPES_PER_RANGE)
}

/// Reads the window of a piece in which byte `at` lies, as a read of the whole segment would that gets this
/// lane late and loses it again: the miner cannot tell them apart.
pub(crate) async fn window_at(
    client: &Client,
    source: &Source,
    descriptor: &SegmentDescriptor,
    at: u64,
) -> Result<VerifiedRange, Fault> {
    let (offset, len) = window_of(descriptor, at);
    let window = window_stripes(descriptor.code).saturating_mul(BLOCK_BYTES);
    let lane = Lane::open(client.clone(), source.clone(), descriptor.piece_len, offset, window);
    let (_, result) = next_range(lane).await;
    result.and_then(|range| covers(range, offset, len))
}

/// Offset and length of the window in which byte `at` of a piece lies.
pub(crate) fn window_of(descriptor: &SegmentDescriptor, at: u64) -> (u64, u64) {
    let window = window_stripes(descriptor.code).saturating_mul(BLOCK_BYTES);
    let offset = at - at % window;
    (offset, descriptor.piece_len.saturating_sub(offset).min(window))
}

/// Reads the windows of one segment, in order.
pub(crate) struct SegmentFetch {
    client: Client,
    segment: usize,
    needed: usize,
    piece_len: u64,
    window_stripes: u64,
    spare: VecDeque<Source>,
    /// Failed, but may do better later.
    resting: VecDeque<Source>,
    outage: Option<Outage>,
    lanes: Vec<Lane>,
    faults: BTreeMap<u8, PieceFault>,
    progress: Arc<dyn Progress>,
}

/// A time in which nobody answers.
struct Outage {
    since: Instant,
    /// The next pause.
    pause: Duration,
}

/// One piece being read. Its task ends with it.
struct Lane {
    source: Source,
    ranges: mpsc::Receiver<Result<VerifiedRange, Fault>>,
    task: AbortHandle,
}

impl Lane {
    /// Reads a piece of `piece_len` bytes from `offset` on, in windows of `window` bytes.
    fn open(client: Client, source: Source, piece_len: u64, offset: u64, window: u64) -> Self {
        let (sender, ranges) = mpsc::channel(1);
        let read = read(client, source.clone(), piece_len, offset, window, sender);
        let task = tokio::spawn(read).abort_handle();
        Self { source, ranges, task }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The next range of a lane, with the lane itself.
type Next = Pin<Box<dyn Future<Output = (Lane, Result<VerifiedRange, Fault>)> + Send>>;

impl SegmentFetch {
    /// Prepares to read segment number `segment` from `sources`, the best first.
    pub fn new(
        client: Client,
        segment: usize,
        descriptor: &SegmentDescriptor,
        sources: Vec<Source>,
        progress: Arc<dyn Progress>,
    ) -> Self {
        Self {
            client,
            segment,
            needed: usize::from(descriptor.code.k()),
            piece_len: descriptor.piece_len,
            window_stripes: window_stripes(descriptor.code),
            spare: sources.into(),
            resting: VecDeque::new(),
            outage: None,
            lanes: Vec::new(),
            faults: BTreeMap::new(),
            progress,
        }
    }

    /// Reads windows of a single stripe each.
    pub fn by_stripe(mut self) -> Self {
        self.window_stripes = 1;
        self
    }

    /// Stripes in a window; the last may have fewer.
    pub fn window_stripes(&self) -> u64 {
        self.window_stripes
    }

    /// From the next window on, so many ranges are needed instead of `k`.
    pub fn need(&mut self, ranges: usize) {
        self.needed = ranges;
    }

    /// What went wrong and was worked around.
    pub fn into_faults(self) -> Vec<PieceFault> {
        self.faults.into_values().collect()
    }

    /// `k` verified ranges, or as many as are needed, that hold the pieces' bytes from `offset` on, `len` of them. Windows must be
    /// asked for in order, without gaps.
    pub async fn window(&mut self, offset: u64, len: u64) -> Result<Vec<(u8, VerifiedRange)>, ClientError> {
        let source = |lane: &Lane| (lane.source.index, lane.source.clone());
        let mut asked: BTreeMap<u8, Source> = self.lanes.iter().map(source).collect();
        let mut waiting: FuturesUnordered<Next> = self.lanes.drain(..).map(next_range).collect();
        let mut ranges = Vec::with_capacity(self.needed);
        let mut hedge = Box::pin(sleep(HEDGE_AFTER));
        while ranges.len() < self.needed {
            while ranges.len() + waiting.len() < self.needed && self.start(offset, &mut waiting, &mut asked) {
            }
            if waiting.is_empty() {
                self.rest(ranges.len()).await?;
                continue;
            }
            tokio::select! {
                biased;
                Some((lane, result)) = waiting.next() => {
                    asked.remove(&lane.source.index);
                    match result.and_then(|range| covers(range, offset, len)) {
                        Ok(range) => {
                            self.delivered(lane.source.index);
                            ranges.push((lane.source.index, range));
                            self.lanes.push(lane);
                        }
                        Err(fault) => self.failed(lane.source.clone(), fault),
                    }
                }
                () = &mut hedge => {
                    // Not those that rest: asked again as soon as they fail, they would keep the outage
                    // from ever being noticed.
                    let missing = self.needed - ranges.len();
                    for _ in 0..missing {
                        self.start(offset, &mut waiting, &mut asked);
                    }
                    hedge = Box::pin(sleep(HEDGE_AFTER));
                }
            }
        }
        // Those that were not in time: their lanes end here.
        self.spare.extend(asked.into_values());
        Ok(ranges)
    }

    /// Starts a lane for the next spare piece. False if there is none.
    fn start(
        &mut self,
        offset: u64,
        waiting: &mut FuturesUnordered<Next>,
        asked: &mut BTreeMap<u8, Source>,
    ) -> bool {
        let Some(source) = self.spare.pop_front() else { return false };
        asked.insert(source.index, source.clone());
        waiting.push(next_range(self.lane(source, offset)));
        true
    }

    fn lane(&self, source: Source, offset: u64) -> Lane {
        let window = self.window_stripes.saturating_mul(BLOCK_BYTES);
        Lane::open(self.client.clone(), source, self.piece_len, offset, window)
    }

    /// Nobody is asked and nobody is left: waits for those that failed for now, if they can be enough.
    async fn rest(&mut self, have: usize) -> Result<(), ClientError> {
        let outage = self.outage.get_or_insert(Outage { since: Instant::now(), pause: OUTAGE_PAUSE });
        let over = outage.since.elapsed() >= OUTAGE_PATIENCE;
        let pause = outage.pause;
        outage.pause = pause.saturating_mul(2).min(MAX_OUTAGE_PAUSE);
        if over || have + self.resting.len() < self.needed {
            return Err(self.too_few(have));
        }
        sleep(pause).await;
        self.spare.append(&mut self.resting);
        Ok(())
    }

    /// Notes a range: the outage, if there was one, is over, and what the piece's miner did before is
    /// made good.
    fn delivered(&mut self, index: u8) {
        self.outage = None;
        if self.faults.get(&index).is_some_and(|fault| fault.fault.is_transient()) {
            self.faults.remove(&index);
        }
    }

    /// Notes a failure; a miner that may do better rests.
    fn failed(&mut self, source: Source, fault: Fault) {
        let transient = fault.is_transient();
        let miner = source.miner.as_ref().map(|miner| miner.account);
        let fault =
            PieceFault { segment: self.segment, index: source.index, miner, node: source.node, fault };
        tracing::info!(%fault, "piece not read");
        if !self.faults.contains_key(&source.index) {
            self.progress.report(Event::Fault(fault.to_string()));
        }
        self.faults.insert(source.index, fault);
        if transient {
            self.resting.push_back(source);
        }
    }

    fn too_few(&self, have: usize) -> ClientError {
        let missing = self.faults.values().cloned().collect();
        ClientError::TooFewPieces { segment: self.segment, needed: self.needed, have, missing }
    }
}

fn next_range(mut lane: Lane) -> Next {
    Box::pin(async move {
        let result = match lane.ranges.recv().await {
            Some(result) => result,
            None => Err(Fault::Unreachable("its reader ended".into())),
        };
        (lane, result)
    })
}

/// A range that does not hold what was asked for is the network's defect or the miner's lie.
fn covers(range: VerifiedRange, offset: u64, len: u64) -> Result<VerifiedRange, Fault> {
    match range.part(offset, len) {
        Some(_) => Ok(range),
        None => Err(Fault::Lied(format!(
            "sent {} bytes from {}, expected {len} from {offset}",
            range.bytes().len(),
            range.offset()
        ))),
    }
}

/// Reads a piece from `offset` to its end, window by window, until nobody listens.
async fn read(
    client: Client,
    source: Source,
    piece_len: u64,
    offset: u64,
    window: u64,
    out: mpsc::Sender<Result<VerifiedRange, Fault>>,
) {
    let result = async {
        let miner = source.miner.as_ref().ok_or(Fault::Unregistered)?;
        client.reach(miner, CONNECT_TIMEOUT).await?;
        let network = &client.network;
        let mut offset = offset;
        while offset < piece_len {
            // Ranges come in the longest form; where windows are shorter, each is a request.
            let rest = piece_len - offset;
            let extent = if window == MAX_RANGE_BYTES { rest } else { window.min(rest) };
            if !stream(network, &source, miner, piece_len, offset, extent, &out).await? {
                return Ok(());
            }
            offset = offset.saturating_add(extent);
        }
        Ok(())
    };
    if let Err(fault) = result.await {
        // Nobody listens any more: then nobody needs to know.
        let _ = out.send(Err(fault)).await;
    }
}

/// Reads `extent` bytes from `offset`. False once nobody listens.
async fn stream(
    network: &Network,
    source: &Source,
    miner: &Candidate,
    piece_len: u64,
    offset: u64,
    extent: u64,
    out: &mpsc::Sender<Result<VerifiedRange, Fault>>,
) -> Result<bool, Fault> {
    const WHAT: &str = "send a range";
    let retrieve = network.retrieve(miner.node_key, source.piece, piece_len, offset, extent);
    let mut download = timed(WHAT, RANGE_TIMEOUT, retrieve).await?;
    let mut left = extent;
    while left > 0 {
        let next = async { download.next().await.transpose() };
        let Some(range) = timed(WHAT, RANGE_TIMEOUT, next).await? else {
            return Err(Fault::Lied(format!("ended {left} bytes early")));
        };
        left = left.saturating_sub(u64::try_from(range.bytes().len()).unwrap_or(u64::MAX));
        if out.send(Ok(range)).await.is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}
