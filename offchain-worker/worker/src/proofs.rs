//! Reads the proofs of bytes of a contract out of the store, and verifies them.

use lunarx_core::{ContractId, PieceId};
use lunarx_proof::{batch_path, batch_root, proves_all, BatchEntry, Covered, LeafProof, Proofs, CHUNK_BYTES};
use lunarx_store::{PieceStore, StoreError};

/// Why there are no proofs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Pieces are gone, or their bytes are not what they were.
    #[error("the stored data is damaged: {0}")]
    Damaged(String),
    /// The store knows nothing of the contract.
    #[error("nothing is stored under the contract")]
    Missing,
    /// The question does not fit the contract: whatever is stored, it says nothing of it.
    #[error("the question cannot be answered: {0}")]
    Unanswerable(String),
    /// The store could not be read now.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownContract(_) => Self::Missing,
            StoreError::Lost(piece) | StoreError::UnknownPiece(piece) => gone(piece),
            error => Self::Store(error),
        }
    }
}

fn gone(piece: PieceId) -> Fault {
    Fault::Damaged(format!("piece {piece} is gone"))
}

/// Proves each of `positions` of what `contract` covers, in order. What is returned verifies.
pub(crate) fn prove(
    store: &dyn PieceStore,
    contract: ContractId,
    covered: &Covered,
    positions: &[u64],
) -> Result<Proofs, Fault> {
    let entries = store.batch(contract)?;
    // From here on every proof has its place; a batch with a piece less has another root.
    if batch_root(&entries) != covered.root {
        return Err(Fault::Damaged(format!("{} of {} pieces are whole", entries.len(), covered.pieces)));
    }
    // The root commits to both, so what is stored is not at fault.
    let bytes = entries.iter().fold(0, |sum: u64, entry| sum.saturating_add(entry.len));
    if u32::try_from(entries.len()) != Ok(covered.pieces) || bytes != covered.bytes {
        let (pieces, stored) = (covered.pieces, entries.len());
        let expected = covered.bytes;
        return Err(Fault::Unanswerable(format!(
            "{stored} pieces of {bytes} bytes, expected {pieces} of {expected}"
        )));
    }
    let proofs: Result<Vec<_>, _> =
        positions.iter().map(|position| leaf(store, &entries, *position)).collect();
    let proofs = Proofs::try_from(proofs?).map_err(|proofs| {
        Fault::Unanswerable(format!("{} bytes, more than an answer proves", proofs.len()))
    })?;
    if !proves_all(covered, positions, &proofs) {
        return Err(Fault::Damaged("bytes read from disk do not hash to their piece".into()));
    }
    Ok(proofs)
}

/// The proof of byte `position` of a batch, not verified.
fn leaf(store: &dyn PieceStore, entries: &[BatchEntry], position: u64) -> Result<LeafProof, Fault> {
    let outside = || Fault::Unanswerable(format!("byte {position} is in no piece"));
    let unfit = || Fault::Unanswerable(format!("the proof of byte {position} is too long"));
    let mut at = position;
    let mut place = None;
    for (index, entry) in entries.iter().enumerate() {
        match at.checked_sub(entry.len) {
            Some(rest) => at = rest,
            None => {
                place = Some((index, *entry));
                break;
            }
        }
    }
    let (index, entry) = place.ok_or_else(outside)?;
    let chunk = store.prove_chunk(entry.piece, at.div_euclid(CHUNK_BYTES))?;
    let path = batch_path(entries, index).ok_or_else(outside)?;
    Ok(LeafProof {
        index: u32::try_from(index).map_err(|_| unfit())?,
        entry,
        batch_path: path.try_into().map_err(|_| unfit())?,
        chunk: chunk.bytes.try_into().map_err(|_| unfit())?,
        chunk_path: chunk.path.try_into().map_err(|_| unfit())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::NodeKey;
    use lunarx_store::{MemoryStore, Reservation};

    const ID: ContractId = ContractId([1; 32]);

    fn store(lens: &[usize]) -> (MemoryStore, Covered) {
        let store = MemoryStore::new(1 << 20);
        let reservation =
            Reservation { owner: NodeKey([1; 32]), max_bytes: 100_000, expires: 9, offer: vec![] };
        store.reserve(ID, reservation).unwrap();
        for (index, len) in (0..).zip(lens) {
            let bytes: Vec<u8> = (0..*len).map(|at| u8::try_from(at % 251).unwrap() ^ 9).collect();
            store.append(ID, index, 0, &bytes).unwrap();
            store.finish(ID, index, (*len).try_into().unwrap()).unwrap();
        }
        store.keep(ID).unwrap();
        let entries = store.batch(ID).unwrap();
        let bytes = entries.iter().map(|entry| entry.len).sum();
        let covered = Covered { root: batch_root(&entries), pieces: 3, bytes };
        (store, covered)
    }

    #[test]
    fn proves_every_byte_of_every_piece() {
        let (store, covered) = store(&[1, 20_000, 3_000]);
        for positions in [vec![0], vec![1, 20_000, 20_001, 23_000], (0..64).map(|i| i * 350).collect()] {
            let proofs = prove(&store, ID, &covered, &positions).unwrap();
            assert!(proves_all(&covered, &positions, &proofs));
        }
    }

    #[test]
    fn what_does_not_fit_the_contract_is_not_proven() {
        let (store, covered) = store(&[1, 20_000, 3_000]);
        let other = Covered { root: batch_root(&[]), ..covered };
        assert!(matches!(prove(&store, ID, &other, &[0]), Err(Fault::Damaged(_))));
        let longer = Covered { bytes: covered.bytes + 1, ..covered };
        let fewer = Covered { pieces: 2, ..covered };
        for (covered, positions) in
            [(&longer, &[0][..]), (&fewer, &[0]), (&covered, &[23_001]), (&covered, &[0; 65])]
        {
            let refused = prove(&store, ID, covered, positions);
            assert!(matches!(refused, Err(Fault::Unanswerable(_))), "{refused:?}");
        }
        assert!(matches!(prove(&store, ContractId([2; 32]), &covered, &[0]), Err(Fault::Missing)));
    }
}
