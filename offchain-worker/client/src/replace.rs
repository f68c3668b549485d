//! The pieces of miners that failed during an upload, made again for others.
//!
//! A piece is rebuilt from `k` of the pieces that did arrive, fetched back and verified: never from the
//! source, since sealing once more could meet changed bytes under a nonce that is used already.

use crate::{
    fetch::{sources, Directory, SegmentFetch, Source},
    limits::REPLACE_ROUNDS,
    reserve::{Reserver, Slot},
    upload::{finish_one, send_block, start, Pass},
    Client, ClientError, Event, Fault, Phase, Progress,
};
use lunarx_network::{PieceUpload, VerifiedRange};
use lunarx_row::{PieceDescriptor, PieceRebuilder, RepairKey, RowError, SegmentDescriptor};
use std::sync::Arc;

/// Finds a miner that has it for every piece of `pass` that is missing. `slots` and the descriptor are
/// changed to match.
pub(crate) async fn replace(
    client: &Client,
    segment: usize,
    repair: &RepairKey,
    reserver: &Reserver<'_>,
    slots: &mut [Slot],
    pass: Pass,
    progress: &Arc<dyn Progress>,
) -> Result<SegmentDescriptor, ClientError> {
    let Pass { mut descriptor, mut pieces } = pass;
    for round in 0..REPLACE_ROUNDS {
        let missing: Vec<(usize, Fault)> = pieces
            .iter()
            .enumerate()
            .filter_map(|(at, piece)| Some((at, piece.as_ref().err()?.clone())))
            .collect();
        if missing.is_empty() {
            return Ok(descriptor);
        }
        if round == 0 {
            progress.report(Event::Phase(Phase::Replacing));
        }
        for (at, fault) in missing {
            let failed = slots[at].miner.account;
            progress.report(Event::Fault(format!("miner {} {fault}", lunarx_chain::to_ss58(failed))));
            reserver.blame(failed, fault.clone());
            let target = match reserver.one().await {
                Some(slot) => slot,
                // Nobody else is left: the same miner may go on where it stopped.
                None if fault.is_transient() => slots[at].clone(),
                None => break,
            };
            let have: Vec<Source> = sources(&descriptor, &directory(slots))
                .into_iter()
                .zip(&pieces)
                .filter_map(|(source, piece)| piece.is_ok().then_some(source))
                .collect();
            let rebuild = Rebuild { client, segment, repair, target: &target, progress };
            match rebuild.run(&descriptor, at, have).await? {
                Ok(piece) => {
                    descriptor.pieces[at] = piece;
                    pieces[at] = Ok(());
                    slots[at] = target;
                }
                Err(fault) => {
                    pieces[at] = Err(fault);
                    slots[at] = target;
                }
            }
        }
    }
    let found = pieces.iter().filter(|piece| piece.is_ok()).count();
    match found == pieces.len() {
        true => Ok(descriptor),
        false => Err(reserver.too_few(pieces.len(), found)),
    }
}

fn directory(slots: &[Slot]) -> Directory {
    slots.iter().map(|slot| (slot.miner.node_id(), slot.miner.clone())).collect()
}

/// One piece, made again.
struct Rebuild<'a> {
    client: &'a Client,
    segment: usize,
    repair: &'a RepairKey,
    target: &'a Slot,
    progress: &'a Arc<dyn Progress>,
}

impl Rebuild<'_> {
    /// The outer error ends the put; the inner one is the target's fault.
    async fn run(
        &self,
        descriptor: &SegmentDescriptor,
        at: usize,
        have: Vec<Source>,
    ) -> Result<Result<PieceDescriptor, Fault>, ClientError> {
        let mut upload = match start(&self.client.network, self.target).await {
            Ok(upload) => upload,
            Err(fault) => return Ok(Err(fault)),
        };
        let index = u8::try_from(at).map_err(|_| RowError::Internal("piece number"))?;
        let rebuilder = PieceRebuilder::new(descriptor, self.repair, index, self.target.miner.node_id())?;
        let progress = Arc::clone(self.progress);
        let fetch = SegmentFetch::new(self.client.clone(), self.segment, descriptor, have, progress);
        let rebuilder = match copy(rebuilder, fetch, &mut upload).await? {
            Ok(rebuilder) => rebuilder,
            Err(fault) => return Ok(Err(fault)),
        };
        let piece = rebuilder.finish()?;
        Ok(finish_one(upload, descriptor.piece_len, piece.piece).await.map(|()| piece))
    }
}

/// Rebuilds window by window and sends what the target does not have yet.
async fn copy(
    mut rebuilder: PieceRebuilder,
    mut fetch: SegmentFetch,
    upload: &mut PieceUpload,
) -> Result<Result<PieceRebuilder, Fault>, ClientError> {
    let (stripes, step) = (rebuilder.stripes(), fetch.window_stripes());
    let mut skip = upload.offset();
    let mut first = 0;
    while first < stripes {
        let count = step.min(stripes - first);
        let (offset, len) = rebuilder.blocks_range(first, count);
        let ranges = fetch.window(offset, len).await?;
        let (back, block) = tokio::task::spawn_blocking(move || {
            let block = rebuild(&mut rebuilder, first, count, &ranges);
            (rebuilder, block)
        })
        .await?;
        rebuilder = back;
        let mut block = bytes::Bytes::from(block?);
        let known = usize::try_from(skip).unwrap_or(usize::MAX).min(block.len());
        skip = skip.saturating_sub(u64::try_from(known).unwrap_or(u64::MAX));
        let mut rest = block.split_off(known);
        while !rest.is_empty() {
            let part = rest.split_to(rest.len().min(lunarx_row::STRIPE_SHARD_BYTES));
            if let Err(fault) = send_block(upload, part).await {
                return Ok(Err(fault));
            }
        }
        first = first.saturating_add(count);
    }
    Ok(Ok(rebuilder))
}

fn rebuild(
    rebuilder: &mut PieceRebuilder,
    first: u64,
    count: u64,
    ranges: &[(u8, VerifiedRange)],
) -> Result<Vec<u8>, RowError> {
    let blocks: Vec<(u8, &VerifiedRange)> = ranges.iter().map(|(index, range)| (*index, range)).collect();
    let mut bytes = Vec::new();
    for stripe in first..first.saturating_add(count) {
        bytes.append(&mut rebuilder.rebuild(stripe, &blocks)?);
    }
    Ok(bytes)
}
