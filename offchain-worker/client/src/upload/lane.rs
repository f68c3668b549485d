//! One miner's part of an upload.

use super::{finish_in_time, pace::Gauge, send_block, start};
use crate::{
    limits::{LAG_GRACE, RESUME_ATTEMPTS, RESUME_PAUSE},
    reserve::Slot,
    Fault,
};
use bytes::Bytes;
use lunarx_core::PieceId;
use lunarx_network::{Network, PieceUpload};
use std::{collections::VecDeque, sync::Arc};
use tokio::{sync::mpsc, time::sleep};

/// The encoder's end of a lane.
pub(super) struct Feed {
    blocks: mpsc::Sender<Bytes>,
    gauge: Arc<Gauge>,
}

impl Feed {
    /// Passes a block on, from a thread. False if the lane has ended.
    pub fn push(&self, block: Bytes) -> bool {
        self.gauge.queue();
        self.blocks.blocking_send(block).is_ok()
    }

    /// Says that the lane was given the whole piece.
    pub fn complete(self) {
        self.gauge.complete();
    }
}

/// Sends one piece as its blocks come, and finishes it after the last.
pub(super) struct Lane {
    network: Network,
    slot: Slot,
    blocks: mpsc::Receiver<Bytes>,
    gauge: Arc<Gauge>,
    tail: Tail,
}

impl Lane {
    /// A lane to the miner of `slot`, with a queue of `depth` blocks.
    pub fn new(network: Network, slot: Slot, gauge: Arc<Gauge>, depth: usize) -> (Feed, Self) {
        let (sender, blocks) = mpsc::channel(depth);
        let feed = Feed { blocks: sender, gauge: gauge.clone() };
        (feed, Self { network, slot, blocks, gauge, tail: Tail::new(depth) })
    }

    /// Runs to the end. Gives what the miner says that it has.
    pub async fn run(mut self) -> Result<PieceId, Fault> {
        let gauge = self.gauge.clone();
        let result = tokio::select! {
            biased;
            () = gauge.give_up.cancelled() => {
                Err(Fault::Slow { what: "keep up with the other miners", after: LAG_GRACE })
            }
            result = self.send() => result,
        };
        if let Err(fault) = &result {
            // Before the queue closes: whoever finds it closed may look for the reason.
            gauge.fail(fault.clone());
        }
        result
    }

    async fn send(&mut self) -> Result<PieceId, Fault> {
        let mut upload = start(&self.network, &self.slot).await?;
        if upload.offset() != 0 {
            return Err(Fault::Lied(format!("has {} bytes of a new piece, expected 0", upload.offset())));
        }
        while let Some(block) = self.blocks.recv().await {
            let len = block.len();
            self.tail.push(block.clone());
            if let Err(fault) = send_block(&mut upload, block).await {
                upload = self.resume(fault).await?;
            }
            self.gauge.take(len);
        }
        if !self.gauge.is_whole() {
            return Err(Fault::Unreachable("the upload was broken off here".into()));
        }
        let len = self.tail.end();
        match finish_in_time(upload, len).await {
            Err(fault) => finish_in_time(self.resume(fault).await?, len).await,
            finished => finished,
        }
    }

    /// Opens the upload once more after its stream broke: miners drop those on which nothing comes, as when
    /// the source pauses. Sends again what did not arrive; fails with `fault` if that is not known any more.
    async fn resume(&self, fault: Fault) -> Result<PieceUpload, Fault> {
        if !matches!(fault, Fault::Unreachable(_)) {
            return Err(fault);
        }
        for attempt in 0..RESUME_ATTEMPTS {
            if attempt > 0 {
                sleep(RESUME_PAUSE).await;
            }
            match self.reopen().await {
                Ok(Some(upload)) => return Ok(upload),
                // Where it stands is not within the tail: what came before may still be taken in.
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "upload does not go on yet"),
            }
        }
        Err(fault)
    }

    async fn reopen(&self) -> Result<Option<PieceUpload>, Fault> {
        let mut upload = start(&self.network, &self.slot).await?;
        let Some(missing) = self.tail.after(upload.offset()) else { return Ok(None) };
        for block in missing {
            send_block(&mut upload, block).await?;
        }
        Ok(Some(upload))
    }
}

/// The blocks sent last.
struct Tail {
    blocks: VecDeque<Bytes>,
    /// Where the first of them begins in the piece.
    begin: u64,
    max: usize,
}

impl Tail {
    fn new(max: usize) -> Self {
        Self { blocks: VecDeque::with_capacity(max), begin: 0, max }
    }

    fn push(&mut self, block: Bytes) {
        if self.blocks.len() >= self.max {
            let first = self.blocks.pop_front();
            self.begin = self.begin.saturating_add(first.as_ref().map_or(0, length));
        }
        self.blocks.push_back(block);
    }

    /// Where the last of them ends.
    fn end(&self) -> u64 {
        self.blocks.iter().map(length).fold(self.begin, u64::saturating_add)
    }

    /// What follows `offset`. `None` if that is not known.
    fn after(&self, offset: u64) -> Option<Vec<Bytes>> {
        if !(self.begin..=self.end()).contains(&offset) {
            return None;
        }
        let mut skip = usize::try_from(offset - self.begin).ok()?;
        let mut rest = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let known = skip.min(block.len());
            skip -= known;
            if known < block.len() {
                rest.push(block.slice(known..));
            }
        }
        Some(rest)
    }
}

fn length(block: &Bytes) -> u64 {
    u64::try_from(block.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_knows_the_last_blocks_only() {
        let mut tail = Tail::new(2);
        assert_eq!(tail.after(0), Some(Vec::new()));
        for block in ["abc", "de", "fgh"] {
            tail.push(Bytes::from_static(block.as_bytes()));
        }
        assert_eq!((tail.begin, tail.end()), (3, 8));
        let rest = |offset| tail.after(offset).map(|blocks| blocks.concat());
        assert_eq!(rest(2), None);
        assert_eq!(rest(3), Some(b"defgh".to_vec()));
        assert_eq!(rest(4), Some(b"efgh".to_vec()));
        assert_eq!(rest(5), Some(b"fgh".to_vec()));
        assert_eq!(rest(8), Some(Vec::new()));
        assert_eq!(rest(9), None);
    }
}
