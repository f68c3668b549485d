//! The owner looks after its object: watermarks, and miners that refuse what they are paid for.

mod world;

use lunarx_chain::{Chain, MemoryChain};
use lunarx_client::{marks::MAX_MARKS, AuditOutcome, ClientError, MarkCounts, ObjectId, PieceAudit};
use lunarx_core::AccountId;
use std::{
    fs,
    path::{Path, PathBuf},
};
use world::{
    bytes, holders,
    rogue::{Rogue, Vice},
    within, World, CLIENT_FUNDS, SEGMENT,
};

const SAMPLES: usize = 8;

async fn audit(world: &World, object: ObjectId) -> AuditOutcome {
    within(world.client.audit(object, SAMPLES)).await.unwrap()
}

/// Pieces at the rogues, which are chosen first, and at honest miners.
async fn with_rogues(honest: usize, rogues: u8) -> (World, Vec<Rogue>) {
    let world = World::new(honest).await;
    let mut all = Vec::new();
    for number in 1..=rogues {
        all.push(world.add_rogue(number, Vice::Honest).await);
    }
    (world, all)
}

fn of(outcome: &AuditOutcome, miner: AccountId) -> &PieceAudit {
    outcome.pieces.iter().find(|piece| piece.miner == Some(miner)).expect("holds a piece")
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_miners_give_every_watermark_of_every_piece() {
    let world = World::new(4).await;
    for size in [0, 1, SEGMENT / 3, 2 * SEGMENT + 7] {
        for outcome in [world.put(&bytes(size), "2/4").await, world.put_pipe(&bytes(size), "2/4").await] {
            let manifest = outcome.unwrap().manifest;
            let outcome = audit(&world, manifest.object).await;
            assert_eq!(outcome.pieces.len(), 4 * manifest.segments.len());
            for piece in &outcome.pieces {
                let right = MarkCounts { asked: SAMPLES, right: SAMPLES, ..MarkCounts::default() };
                assert_eq!((piece.marks, &piece.fault), (right, &None), "size {size}");
                assert!(piece.marked && piece.is_active() && !piece.is_bad());
            }
            assert_eq!(outcome.miners().len(), 4);
            assert!(outcome.disputable().is_empty());
            // All of them are what was marked, not only the few that an audit reads.
            let all = within(world.client.audit(manifest.object, MAX_MARKS)).await.unwrap();
            assert!(all.pieces.iter().all(|piece| piece.marks.right == MAX_MARKS));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_made_again_for_another_miner_are_marked_too() {
    let mut world = World::new(4).await;
    let rogue = world.add_rogue(1, Vice::NamesAnotherPiece).await;
    let outcome = world.put(&bytes(SEGMENT), "2/4").await.unwrap();
    assert!(!holders(&world, &outcome, 0).await.contains(&rogue.account), "it was replaced");
    let outcome = audit(&world, outcome.manifest.object).await;
    assert!(outcome.pieces.iter().all(|piece| piece.marked && piece.marks.right == SAMPLES), "{outcome:?}");
    let gone = world.number_of(outcome.pieces[0].miner.unwrap());
    world.kill(gone).await;
    let outcome = audit(&world, outcome.manifest.object).await;
    assert_eq!(outcome.pieces[0].marks.unreachable, SAMPLES);
    assert!(outcome.bad().next().is_none(), "who is away is neither damaged nor refusing");
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_are_those_of_the_stored_bytes() {
    let world = World::new(2).await;
    let object = world.put(&bytes(SEGMENT), "1/2").await.unwrap().manifest.object;
    let folder = world.client.catalogue().folder().to_path_buf();
    let name = |object: ObjectId| folder.join(format!("{}.marks", hex::encode(object.0)));
    assert!(name(object).is_file());
    // Another object's tags have no place here: its pieces count as not marked, and are read all the same.
    let other = world.put(&bytes(SEGMENT), "1/2").await.unwrap().manifest.object;
    fs::copy(name(other), name(object)).unwrap();
    let outcome = audit(&world, object).await;
    assert!(outcome.pieces.iter().all(|piece| !piece.marked && piece.marks.right == SAMPLES));
    within(world.client.remove(object)).await.unwrap();
    assert!(!name(object).exists(), "they go with the object");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_piece_is_found() {
    let world = World::new(3).await;
    let outcome = world.put(&bytes(SEGMENT), "1/3").await.unwrap();
    let holder = holders(&world, &outcome, 0).await[1];
    let contract = outcome.manifest.segments[0].contracts[1];
    let path = find(&world.data_dir(world.number_of(holder)), &hex::encode(contract.0));
    let mut stored = fs::read(&path).unwrap();
    // Every second group: whatever is read, some of it is damaged.
    stored.chunks_mut(32 * 1024).for_each(|part| part[0] ^= 1);
    fs::write(&path, stored).unwrap();
    let outcome = audit(&world, outcome.manifest.object).await;
    let piece = of(&outcome, holder);
    assert_eq!((piece.marks.wrong, piece.marks.right), (SAMPLES, 0), "{piece:?}");
    assert_eq!(outcome.bad().count(), 1);
    assert_eq!(outcome.disputable(), [contract]);
}

/// The data file of a contract's piece, below a miner's folder.
fn find(folder: &Path, contract: &str) -> PathBuf {
    let (mut folders, mut found) = (vec![folder.to_path_buf()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.to_string_lossy().contains(contract) => found.push(path),
                false => {}
            }
        }
    }
    found.into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).expect("the piece's file")
}

#[tokio::test(flavor = "multi_thread")]
async fn miners_that_refuse_their_client_are_found_and_can_be_disputed() {
    let (world, rogues) = with_rogues(2, 2).await;
    let object = world.put(&bytes(SEGMENT), "2/4").await.unwrap().manifest.object;
    // One answers the trackers and nobody else, the other everybody but the owner.
    rogues[0].turn(Vice::OnlyProves(usize::MAX));
    rogues[1].turn(Vice::RefusesReader(world.client.keys().node_key()));
    let outcome = audit(&world, object).await;
    let bad: Vec<AccountId> = outcome.bad().map(|piece| piece.miner.unwrap()).collect();
    assert_eq!(bad.len(), 2);
    for rogue in &rogues {
        let piece = of(&outcome, rogue.account);
        assert_eq!(piece.marks.refused, SAMPLES, "{piece:?}");
        assert!(piece.fault.is_some());
    }
    let right: usize = outcome.miners().iter().map(|miner| miner.marks.right).sum();
    assert_eq!(right, 2 * SAMPLES, "the honest ones");

    let disputable = outcome.disputable();
    assert_eq!(disputable.len(), 2);
    let (held, disputed) = (world.held().await, within(world.client.dispute(&disputable)).await);
    for disputed in &disputed {
        let deadline = *disputed.deadline.as_ref().unwrap();
        assert!(deadline.expect("the chain tells it") > world.chain.height());
    }
    assert_eq!(world.held().await, held + 2 * MemoryChain::DEPOSIT);
    let open = world.chain.disputes().await.unwrap();
    assert_eq!(open.iter().map(|dispute| dispute.opener).collect::<Vec<_>>(), [world.client.account(); 2]);
    assert!(open.iter().all(|dispute| dispute.challenge.is_none() && disputable.contains(&dispute.contract)));
    let again = within(world.client.dispute(&disputable[..1])).await;
    assert!(again[0].deadline.is_err(), "one at a time");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_contract_is_not_ended_twice_nor_listed() {
    let world = World::new(3).await;
    let outcome = world.put(&bytes(10), "2/3").await.unwrap();
    let contracts = outcome.manifest.segments[0].contracts.clone();
    let ended = within(world.client.end_contracts(&contracts[..1])).await.unwrap();
    assert_eq!(ended.ended, 1);
    let kept = world.chain.contract(contracts[0]).await.unwrap();
    assert!(kept.is_none_or(|contract| contract.ended.is_some()));
    let listed = within(world.client.live_contracts()).await.unwrap().contracts;
    assert!(listed.len() == 2 && listed.iter().all(|live| live.contract.id != contracts[0]));
    assert_eq!(within(world.client.end_contracts(&contracts[..1])).await.unwrap().ended, 0);
    let audited = audit(&world, outcome.manifest.object).await;
    assert!(!audited.pieces[0].is_active() && audited.pieces[1].is_active());
    assert_eq!(within(world.client.remove(outcome.manifest.object)).await.unwrap().ended, 2);
    world.assert_settled(CLIENT_FUNDS).await;
    let gone = within(world.client.audit(outcome.manifest.object, 1)).await.unwrap_err();
    assert!(matches!(gone, ClientError::Catalogue(_)), "{gone}");
}
