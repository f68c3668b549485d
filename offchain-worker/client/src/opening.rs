//! The contracts of one segment: what is promised, and the task that opens them.

use crate::{
    contracts::{Contracts, Opened},
    marks::Tag,
    replace::Replacing,
    reserve::{Reserver, Slot},
    upload::{ObjectKeys, Pass},
    Client, ClientError, Fault, Progress,
};
use lunarx_chain::ChainError;
use lunarx_core::{AccountId, ContractId, Promise};
use lunarx_proof::{batch_root, BatchEntry};
use lunarx_row::{PieceDescriptor, SegmentDescriptor, SegmentEntry};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The contracts of one segment, on their way. Its task is not dropped with it: a transaction that was
/// sent is waited for.
pub(crate) struct Opening {
    /// All that were sent, in both rounds.
    pub contracts: Vec<ContractId>,
    /// Where the pieces are.
    pub slots: Vec<Slot>,
    reserver: Reserver,
    pub task: Option<JoinHandle<Result<Opened, ClientError>>>,
    pub result: Option<Opened>,
    /// Stops the wait for accepts, not the transaction.
    pub give_up: CancellationToken,
}

impl Opening {
    /// Nothing is sent yet. `reserver` knows who else may be asked.
    pub fn new(slots: Vec<Slot>, reserver: Reserver) -> Self {
        let give_up = CancellationToken::new();
        Self { contracts: Vec::new(), slots, reserver, task: None, result: None, give_up }
    }

    /// Sends `promises` to the chain and waits for accepts, in a task; `needed` contracts of the segment
    /// must become active. Promises of the second round may be refused: then the segment does without.
    pub fn send(&mut self, contracts: Contracts, promises: Vec<Promise<AccountId>>, needed: usize) {
        let id = |promise: &Promise<AccountId>| promise.offer.contract_id(&contracts.genesis());
        self.contracts.extend(promises.iter().map(id));
        let (slots, stopped, first) = (self.slots.clone(), self.give_up.clone(), self.result.is_none());
        self.task = Some(tokio::spawn(async move {
            let fees = match contracts.open(promises).await {
                Ok(fees) => fees,
                Err(error @ ClientError::Chain(ChainError::TimedOut { .. })) => return Err(error),
                Err(error) if first => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "contracts in place of those not accepted are refused");
                    0
                }
            };
            let opened = tokio::select! {
                () = stopped.cancelled() => return Err(ClientError::Stopped),
                opened = contracts.accepted(&slots, needed) => opened?,
            };
            Ok(Opened { fees, ..opened })
        }));
    }

    /// Waits for its end. Can be called again, and again if it was cancelled meanwhile.
    pub async fn join(&mut self) -> Result<(), ClientError> {
        if let Some(task) = &mut self.task {
            let result = task.await;
            self.task = None;
            let opened = result??;
            self.result = Some(match self.result.take() {
                Some(before) => opened.after(before),
                None => opened,
            });
        }
        Ok(())
    }

    /// Makes the pieces of miners that did not accept again for others, as far as there are any. Gives
    /// their places and marks, and what the segment is then; the new contracts are still to be sent.
    pub async fn replace_late(
        &mut self,
        client: &Client,
        (segment, entry): (usize, &SegmentEntry),
        keys: &ObjectKeys,
        progress: &Arc<dyn Progress>,
    ) -> Option<(Vec<(usize, Vec<Tag>)>, SegmentEntry)> {
        let opened = self.result.as_mut().filter(|opened| !opened.late.is_empty())?;
        let piece = |at| if opened.late.contains(&at) { Err(Fault::NotAccepted) } else { Ok(()) };
        let pieces = (0..self.slots.len()).map(piece).collect();
        let marks = vec![Vec::new(); self.slots.len()];
        let pass = Pass { descriptor: entry.descriptor.clone(), pieces, marks };
        let (mut slots, told) = (self.slots.clone(), self.reserver.faults().len());
        let replacing = Replacing { client, segment, keys, reserver: &self.reserver, progress };
        let replaced = replacing.run(&mut slots, pass).await;
        opened.add_faults(self.reserver.faults().split_off(told));
        let mut pass = replaced
            .inspect_err(|error| tracing::warn!(%error, "pieces that were not accepted are not made again"))
            .ok()?;
        let places: Vec<usize> = opened.late.iter().copied().filter(|at| pass.pieces[*at].is_ok()).collect();
        if places.is_empty() {
            return None;
        }
        self.slots = slots;
        let contracts = self.slots.iter().map(|slot| slot.contract).collect();
        let places = places.into_iter().map(|at| (at, std::mem::take(&mut pass.marks[at]))).collect();
        Some((places, SegmentEntry { descriptor: pass.descriptor, contracts }))
    }
}

/// One promise a piece, in their order.
pub(crate) fn promises(
    descriptor: &SegmentDescriptor,
    slots: &[Slot],
    windows: u32,
) -> Vec<Promise<AccountId>> {
    let bytes = descriptor.piece_len;
    let promise = |(slot, piece): (&Slot, &PieceDescriptor)| Promise {
        offer: slot.offer.offer.clone(),
        signature: slot.offer.signature,
        root: batch_root(&[BatchEntry { piece: piece.piece, len: bytes }]),
        pieces: 1,
        bytes,
        windows,
        commission: None,
    };
    slots.iter().zip(&descriptor.pieces).map(promise).collect()
}
