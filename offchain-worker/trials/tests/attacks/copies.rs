//! Less copies than are paid for: Sybils with one, and pieces that are made again from others.

use crate::{
    rogue::Rogue,
    world::{assert_paid, assert_refunded, collateral, len, miner, sample, World},
};
use lunarx_core::NodeId;
use lunarx_network::NodeSecret;
use lunarx_proof::VerifiedRange;
use lunarx_row::{
    Code, DataKey, PieceRebuilder, RepairKey, RowError, SegmentDescriptor, SegmentEncoder, SegmentId,
    SegmentKeys, StripeBlocks,
};
use std::convert::Infallible;

const WINDOWS: u32 = 100;

/// A segment as a client makes it, piece `i` for `nodes[i]`.
struct Segment {
    descriptor: SegmentDescriptor,
    pieces: Vec<Vec<u8>>,
    repair: RepairKey,
}

impl Segment {
    fn new(k: u8, nodes: &[NodeId], plain: &[u8]) -> Self {
        let (data, repair) = (DataKey::random(), RepairKey::random());
        let keys = SegmentKeys { data: &data, repair: &repair };
        let code = Code::new(k, nodes.len().try_into().unwrap()).unwrap();
        let mut pieces = vec![Vec::new(); nodes.len()];
        let mut store = |stripe: StripeBlocks| -> Result<(), Infallible> {
            pieces.iter_mut().zip(&stripe.blocks).for_each(|(piece, block)| piece.extend_from_slice(block));
            Ok(())
        };
        let mut encoder = SegmentEncoder::new(SegmentId::random(), code, keys, nodes).unwrap();
        encoder.push(plain, &mut store).unwrap();
        let descriptor = encoder.finish(&mut store).unwrap();
        Self { descriptor, pieces, repair }
    }
}

fn nodes(secrets: &[NodeSecret]) -> Vec<NodeId> {
    secrets.iter().map(|secret| secret.node_key().node_id()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sybils_with_one_copy() {
    let world = World::new(3).await;
    let secrets = [NodeSecret::generate(), NodeSecret::generate()];
    // Two whole copies: without a wrap, both pieces would be the same bytes.
    let segment = Segment::new(1, &nodes(&secrets), &sample(7, 50_000));
    let [first, second] = segment.pieces.clone().try_into().unwrap();
    let same = first.chunks(64).zip(second.chunks(64)).filter(|(a, b)| a == b).count();
    assert_eq!(same, 0, "not a line of one is in the other");
    let bytes = len(&first);

    let [a, b] = secrets;
    let first = Rogue::start_as(&world.chain, miner(1), a, vec![first]).await;
    let second = Rogue::start_as(&world.chain, miner(2), b, vec![second]).await;
    let ledger = world.ledger(&[("first id", first.account()), ("second id", second.account())]).await;
    let (kept, _) = first.contract(&world, 2).await;
    let (gone, _) = second.contract(&world, WINDOWS).await;
    second.script.lose_all();
    world.closed(kept).await;
    world.convicted(gone).await;
    let books = ledger.close("Sybils with one copy").await;
    assert_paid(books.gain("first id"), 2, bytes);
    assert_eq!(books.gain("second id"), -collateral(bytes), "an id more costs, it does not earn");
    assert!(books.gain("first id") + books.gain("second id") < 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn made_again_from_k_pieces() {
    let world = World::new(3).await;
    let secrets = [NodeSecret::generate(), NodeSecret::generate(), NodeSecret::generate()];
    let segment = Segment::new(2, &nodes(&secrets), &sample(8, 200_000));
    let bytes = segment.descriptor.piece_len;
    let mut rogues = Vec::new();
    for ((number, secret), piece) in (1..).zip(secrets).zip(segment.pieces.clone()) {
        rogues.push(Rogue::start_as(&world.chain, miner(number), secret, vec![piece]).await);
    }
    let cheat = rogues.pop().unwrap();
    let ledger = world.ledger(&[("cheat", cheat.account())]).await;
    let (id, _) = cheat.contract(&world, WINDOWS).await;
    cheat.script.lose_all();

    // It gets k pieces, and makes its own of them: but not the bytes that it was given.
    let (made, moved) = rebuild(&cheat, &rogues, &segment, &RepairKey::random()).await;
    assert!(matches!(made, Err(RowError::Rebuilt { .. })), "{made:?}");
    println!("{moved} bytes fetched in vain for a piece of {bytes}");
    assert_eq!(moved, 2 * bytes);
    // Whoever has the client's repair key can. The client lends it to nobody who is paid for the piece.
    let (made, _) = rebuild(&cheat, &rogues, &segment, &segment.repair).await;
    assert!(made.unwrap() == segment.pieces[2]);

    world.convicted(id).await;
    let books = ledger.close("made again from k pieces").await;
    assert_eq!(books.gain("cheat"), -collateral(bytes));
    assert_refunded(books.gain("client"), bytes);
}

/// Makes the cheat's piece again from the others, with a key. Says how many bytes that moved.
async fn rebuild(
    cheat: &Rogue,
    others: &[Rogue],
    segment: &Segment,
    key: &RepairKey,
) -> (Result<Vec<u8>, RowError>, u64) {
    let (mut piece, mut moved) = (Vec::new(), 0);
    let node = cheat.key().node_id();
    let mut rebuilder = PieceRebuilder::new(&segment.descriptor, key, 2, node).unwrap();
    for stripe in 0..rebuilder.stripes() {
        let (offset, len) = rebuilder.blocks_range(stripe, 1);
        let mut ranges: Vec<(u8, VerifiedRange)> = Vec::new();
        for (index, other) in (0..).zip(others) {
            cheat.knows(other).await;
            let entry = other.script.entries()[0];
            let range = cheat.network.retrieve(other.key(), entry.piece, entry.len, offset, len).await;
            ranges.push((index, range.unwrap().next().await.unwrap().unwrap()));
            moved += len;
        }
        let blocks: Vec<_> = ranges.iter().map(|(index, range)| (*index, range)).collect();
        match rebuilder.rebuild(stripe, &blocks) {
            Ok(block) => piece.extend_from_slice(&block),
            Err(error) => return (Err(error), moved),
        }
    }
    (rebuilder.finish().map(|_| piece), moved)
}
