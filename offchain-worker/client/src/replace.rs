//! The pieces of miners that failed during an upload, or did not accept, made again for others.
//!
//! A piece is rebuilt from `k` of the pieces that did arrive, fetched back and verified: never from the
//! source, since sealing once more could meet changed bytes under a nonce that is used already.

use crate::{
    fetch::{sources, Directory, SegmentFetch, Source},
    limits::{LAG_GRACE, MIN_LONE_UPLOAD_RATE, REPLACE_PAUSE, REPLACE_ROUNDS},
    marks::{Marker, Tag},
    reserve::{Reserver, Slot},
    upload::{finish_one, send_block, start, ObjectKeys, Pass, Rate},
    Client, ClientError, Event, Fault, Phase, Progress,
};
use bytes::Bytes;
use lunarx_network::{PieceUpload, VerifiedRange};
use lunarx_row::{PieceDescriptor, PieceRebuilder, RowError};
use std::sync::Arc;
use tokio::time::{sleep, Instant};

/// Finds a miner that has it for every piece of `pass` that is missing. `slots` and the pass are changed to
/// match.
pub(crate) async fn replace(
    client: &Client,
    segment: usize,
    keys: &ObjectKeys,
    reserver: &Reserver,
    slots: &mut [Slot],
    pass: Pass,
    progress: &Arc<dyn Progress>,
) -> Result<Pass, ClientError> {
    let replacing = Replacing { client, segment, keys, reserver, progress };
    let pass = replacing.run(slots, pass).await?;
    let found = pass.pieces.iter().filter(|piece| piece.is_ok()).count();
    match found == pass.pieces.len() {
        true => Ok(pass),
        false => Err(reserver.too_few(pass.pieces.len(), found)),
    }
}

/// What replacing pieces of one segment takes.
pub(crate) struct Replacing<'a> {
    pub client: &'a Client,
    pub segment: usize,
    pub keys: &'a ObjectKeys,
    pub reserver: &'a Reserver,
    pub progress: &'a Arc<dyn Progress>,
}

impl Replacing<'_> {
    /// Replaces as many pieces as it can: `slots` and the descriptor are changed to match, the others stay
    /// what they were. Fails if the pieces that are there cannot be read.
    pub async fn run(&self, slots: &mut [Slot], mut pass: Pass) -> Result<Pass, ClientError> {
        // Who was asked last for each piece.
        let mut asked = slots.to_vec();
        for (at, fault) in missing(&pass) {
            self.blame(&asked[at], &fault);
        }
        for round in 0..REPLACE_ROUNDS {
            let hopeful = |(_, fault): &(usize, Fault)| fault.is_transient() || !self.reserver.is_exhausted();
            let missing: Vec<_> = missing(&pass).into_iter().filter(hopeful).collect();
            if missing.is_empty() {
                break;
            }
            match round {
                0 => self.progress.report(Event::Phase(Phase::Replacing)),
                _ => sleep(REPLACE_PAUSE).await,
            }
            for (at, fault) in missing {
                match self.reserver.one().await {
                    Some(slot) => self.reserver.release(&std::mem::replace(&mut asked[at], slot)),
                    // Nobody else is left: the same miner may go on where it stopped.
                    None if fault.is_transient() => {}
                    None => continue,
                }
                let target = &asked[at];
                match self.rebuild(&pass, slots, at, target).await? {
                    Ok((piece, marks)) => {
                        pass.descriptor.pieces[at] = piece;
                        pass.marks[at] = marks;
                        pass.pieces[at] = Ok(());
                        slots[at] = target.clone();
                    }
                    Err(fault) => {
                        self.blame(target, &fault);
                        pass.pieces[at] = Err(fault);
                    }
                }
            }
        }
        Ok(pass)
    }

    fn blame(&self, slot: &Slot, fault: &Fault) {
        let miner = slot.miner.account;
        self.progress.report(Event::Fault(format!("miner {} {fault}", lunarx_chain::to_ss58(miner))));
        self.reserver.blame(miner, fault.clone());
    }

    /// Makes piece `at` again for `target`. The outer error says that it cannot be made; the inner one is the
    /// target's fault.
    async fn rebuild(
        &self,
        pass: &Pass,
        slots: &[Slot],
        at: usize,
        target: &Slot,
    ) -> Result<Result<(PieceDescriptor, Vec<Tag>), Fault>, ClientError> {
        let have: Vec<Source> = sources(&pass.descriptor, &directory(slots))
            .into_iter()
            .zip(&pass.pieces)
            .filter_map(|(source, piece)| piece.is_ok().then_some(source))
            .collect();
        let descriptor = &pass.descriptor;
        let mut upload = match start(&self.client.network, target).await {
            Ok(upload) => upload,
            Err(fault) => return Ok(Err(fault)),
        };
        let index = u8::try_from(at).map_err(|_| RowError::Internal("piece number"))?;
        let node = target.miner.node_id();
        let rebuilder = PieceRebuilder::new(descriptor, &self.keys.repair, index, node)?;
        let marker = Marker::new(self.keys.marks.of_piece(descriptor.id, index, node));
        let making = Making { rebuilder, marker };
        let progress = Arc::clone(self.progress);
        let fetch = SegmentFetch::new(self.client.clone(), self.segment, descriptor, have, progress);
        let Making { rebuilder, marker } = match copy(making, fetch, &mut upload).await? {
            Ok(made) => made,
            Err(fault) => return Ok(Err(fault)),
        };
        let piece = rebuilder.finish()?;
        let finished = finish_one(upload, descriptor.piece_len, piece.piece).await;
        Ok(finished.map(|()| (piece, marker.finish())))
    }
}

/// The pieces that are missing, and why.
fn missing(pass: &Pass) -> Vec<(usize, Fault)> {
    let missing = |(at, piece): (usize, &Result<(), Fault>)| Some((at, piece.as_ref().err()?.clone()));
    pass.pieces.iter().enumerate().filter_map(missing).collect()
}

fn directory(slots: &[Slot]) -> Directory {
    slots.iter().map(|slot| (slot.miner.node_id(), slot.miner.clone())).collect()
}

/// Rebuilds window by window and sends what the target does not have yet.
async fn copy(
    mut making: Making,
    mut fetch: SegmentFetch,
    upload: &mut PieceUpload,
) -> Result<Result<Making, Fault>, ClientError> {
    let (stripes, step) = (making.rebuilder.stripes(), fetch.window_stripes());
    let mut skip = upload.offset();
    let mut rate = Rate::default();
    let mut first = 0;
    while first < stripes {
        let count = step.min(stripes - first);
        let (offset, len) = making.rebuilder.blocks_range(first, count);
        let ranges = fetch.window(offset, len).await?;
        let (back, block) = tokio::task::spawn_blocking(move || {
            let block = making.window(first, count, &ranges);
            (making, block)
        })
        .await?;
        making = back;
        let mut block = Bytes::from(block?);
        let known = usize::try_from(skip).unwrap_or(usize::MAX).min(block.len());
        skip = skip.saturating_sub(u64::try_from(known).unwrap_or(u64::MAX));
        if let Err(fault) = send(upload, block.split_off(known), &mut rate).await {
            return Ok(Err(fault));
        }
        first = first.saturating_add(count);
    }
    Ok(Ok(making))
}

/// Sends the next bytes of a piece, unless the miner takes too few in a time.
async fn send(upload: &mut PieceUpload, mut bytes: Bytes, rate: &mut Rate) -> Result<(), Fault> {
    while !bytes.is_empty() {
        let part = bytes.split_to(bytes.len().min(lunarx_row::STRIPE_SHARD_BYTES));
        let (len, begun) = (u64::try_from(part.len()).unwrap_or(u64::MAX), Instant::now());
        send_block(upload, part).await?;
        rate.add(len, begun.elapsed());
        if rate.is_measured() && rate.is_below(MIN_LONE_UPLOAD_RATE) {
            return Err(Fault::Slow { what: "take enough bytes", after: LAG_GRACE });
        }
    }
    Ok(())
}

/// One piece in the making.
struct Making {
    rebuilder: PieceRebuilder,
    marker: Marker,
}

impl Making {
    fn window(
        &mut self,
        first: u64,
        count: u64,
        ranges: &[(u8, VerifiedRange)],
    ) -> Result<Vec<u8>, RowError> {
        let blocks: Vec<(u8, &VerifiedRange)> = ranges.iter().map(|(index, range)| (*index, range)).collect();
        let mut bytes = Vec::new();
        for stripe in first..first.saturating_add(count) {
            let mut block = self.rebuilder.rebuild(stripe, &blocks)?;
            self.marker.block(stripe, &block);
            bytes.append(&mut block);
        }
        Ok(bytes)
    }
}
