//! Miners die, lie and refuse; money is short.

mod world;

use lunarx_chain::ChainError;
use lunarx_client::{limits::READ_AHEAD_BYTES, ClientError, Fault, NoProgress};
use lunarx_core::LX;
use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicUsize, Ordering},
        Arc,
    },
};
use tokio_util::sync::CancellationToken;
use world::{
    bytes, holders, request,
    rogue::{Vice, GATHERED},
    within, World, CLIENT_FUNDS, SEGMENT,
};

#[tokio::test(flavor = "multi_thread")]
async fn reads_with_n_minus_k_miners_gone_and_says_so_with_one_more() {
    let mut world = World::new(6).await;
    let original = bytes(2 * SEGMENT + 1);
    let outcome = world.put(&original, "3/6").await.unwrap();
    let object = outcome.manifest.object;
    let first = holders(&world, &outcome, 0).await;
    for holder in &first[..3] {
        let number = world.number_of(*holder);
        world.kill(number).await;
    }
    let (got, read) = world.get(object).await.unwrap();
    assert!(read == original);
    assert!(got.corrupt.is_empty());
    assert_eq!(got.missing.iter().filter(|fault| fault.segment == 0).count(), 3, "{:?}", got.missing);

    let number = world.number_of(first[3]);
    world.kill(number).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let progress = Arc::new(NoProgress);
    let get = world.client.get_to_file(object, &path, false, progress, CancellationToken::new());
    let error = within(get).await.unwrap_err();
    let ClientError::TooFewPieces { segment: 0, needed: 3, have: 2, missing } = &error else {
        panic!("{error}")
    };
    let mut named: Vec<u8> = missing.iter().map(|fault| fault.index).collect();
    named.sort();
    assert_eq!(named, [0, 1, 2, 3]);
    let mut miners: Vec<_> = missing.iter().filter_map(|fault| fault.miner).collect();
    miners.sort();
    let mut gone = first[..4].to_vec();
    gone.sort();
    assert_eq!(miners, gone);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no partial file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_on_disk_is_routed_around_and_named() {
    let world = World::new(4).await;
    let original = bytes(SEGMENT);
    let outcome = world.put(&original, "2/4").await.unwrap();
    let holder = holders(&world, &outcome, 0).await[1];
    let contract = hex::encode(outcome.manifest.segments[0].contracts[1].0);
    let path = find(&world.data_dir(world.number_of(holder)), &contract).expect("the piece's file");
    let mut stored = fs::read(&path).unwrap();
    let middle = stored.len() / 2;
    stored[middle] ^= 1;
    fs::write(&path, stored).unwrap();

    let (got, read) = world.get(outcome.manifest.object).await.unwrap();
    assert!(read == original);
    let [fault] = &got.corrupt[..] else { panic!("{got:?}") };
    assert_eq!((fault.segment, fault.index, fault.miner), (0, 1, Some(holder)));
}

/// The data file of a contract's piece, below a miner's folder.
fn find(folder: &Path, contract: &str) -> Option<PathBuf> {
    let mut folders = vec![folder.to_path_buf()];
    let mut found: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().contains(contract) {
                found.push(path);
            }
        }
    }
    // Beside it lies its outboard, which is smaller.
    found.into_iter().max_by_key(|path| fs::metadata(path).unwrap().len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_that_is_away_or_breaks_its_word_at_reserve_is_replaced() {
    let mut world = World::new(4).await;
    let dead = world.add_miner(lunarx_core::LX / 4).await;
    world.kill(dead).await;
    let refuses = world.add_rogue(1, Vice::Refuses).await;
    let lies = world.add_rogue(2, Vice::OffersToAnother).await;
    let original = bytes(SEGMENT / 3);
    let outcome = world.put(&original, "2/4").await.unwrap();
    let fault = |account| &outcome.faults.iter().find(|fault| fault.miner == account).expect("blamed").fault;
    assert!(matches!(fault(World::signer(dead).account()), Fault::Unreachable(_) | Fault::Slow { .. }));
    assert!(matches!(fault(refuses.account), Fault::Refused(_)));
    assert!(matches!(fault(lies.account), Fault::Lied(_)));
    assert!(world.get(outcome.manifest.object).await.unwrap().1 == original);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_that_fails_during_the_upload_is_replaced() {
    // Pieces of two parts and a bit.
    let segment = 2 * (2 * GATHERED + 1_000);
    for vice in [Vice::FailsMidway, Vice::NamesAnotherPiece] {
        let mut world = World::with_segments(4, segment).await;
        let rogue = world.add_rogue(1, vice).await;
        let original = bytes(2 * segment);
        let outcome = world.put(&original, "2/4").await.unwrap();
        let fault = &outcome.faults.iter().find(|fault| fault.miner == rogue.account).expect("blamed").fault;
        match vice {
            Vice::FailsMidway => {
                assert!(matches!(fault, Fault::Refused(_)), "{fault}");
                assert_eq!(rogue.deeds().appends, 2, "the first part of each segment's piece");
            }
            _ => assert!(matches!(fault, Fault::Lied(_)), "{fault}"),
        }
        // All pieces are at honest miners, and any two of them suffice: also the one made again.
        for segment in 0..2 {
            let holders = holders(&world, &outcome, segment).await;
            assert!(!holders.contains(&rogue.account), "{vice:?}");
        }
        rogue.until(|deeds| deeds.releases == 2).await;
        let replaced = holders(&world, &outcome, 0).await;
        for holder in &replaced[..2] {
            let number = world.number_of(*holder);
            world.kill(number).await;
        }
        assert!(world.get(outcome.manifest.object).await.unwrap().1 == original, "{vice:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_miners_is_an_error_with_numbers() {
    let world = World::new(3).await;
    let error = world.put(&bytes(10), "2/4").await.unwrap_err();
    assert!(matches!(error, ClientError::TooFewMiners { needed: 4, found: 3, known: 3, .. }), "{error}");
    let _rogue = world.add_rogue(1, Vice::Refuses).await;
    let error = world.put(&bytes(10), "2/4").await.unwrap_err();
    let ClientError::TooFewMiners { needed: 4, found: 3, known: 4, faults, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(faults.len(), 1);
    world.assert_untouched(CLIENT_FUNDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_fails_gives_its_reservations_back() {
    let world = World::new(0).await;
    let _refuses = world.add_rogue(1, Vice::Refuses).await;
    let mut rogues = vec![world.add_rogue(2, Vice::Honest).await, world.add_rogue(3, Vice::Honest).await];
    let error = world.put(&bytes(10), "2/3").await.unwrap_err();
    assert!(matches!(error, ClientError::TooFewMiners { .. }), "{error}");
    assert!(rogues.iter().all(|rogue| rogue.deeds().releases == 1));

    rogues.push(world.add_rogue(4, Vice::NamesAnotherPiece).await);
    let error = world.put(&bytes(10), "3/3").await.unwrap_err();
    assert!(matches!(error, ClientError::TooFewUploads { .. }), "{error}");
    assert_eq!(rogues.iter().map(|rogue| rogue.deeds().releases).sum::<usize>(), 2 + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_balance_is_told_before_anything_is_sent() {
    let world = World::with_funds(4, LX / 1_000).await;
    let rogue = world.add_rogue(1, Vice::Honest).await;
    for size in [Some(SEGMENT), None] {
        let error = world.put_as(&bytes(SEGMENT), "2/4", size).await.unwrap_err();
        let ClientError::BalanceTooLow { needed, have } = error else { panic!("{error}") };
        assert_eq!(have, LX / 1_000);
        assert!(needed > have);
        world.assert_untouched(LX / 1_000).await;
    }
    assert_eq!(rogue.deeds().releases, 0, "nothing was reserved");
}

/// A pipe without end that counts what was read of it.
struct Endless(Arc<AtomicUsize>);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.fetch_add(buffer.len(), Ordering::SeqCst);
        Ok(buffer.len())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_pipe_that_cannot_be_paid_is_not_uploaded() {
    let world = World::build(3, LX / 1_000, 1 << 30).await;
    let rogue = world.add_rogue(1, Vice::Honest).await;
    let read = Arc::new(AtomicUsize::new(0));
    let (progress, stop) = (Arc::new(NoProgress), CancellationToken::new());
    let put = world.client.put(Endless(read.clone()), request("2/4", None), progress, stop);
    let error = within(put).await.unwrap_err();
    assert!(matches!(error, ClientError::BalanceTooLow { .. }), "{error}");
    assert_eq!(read.load(Ordering::SeqCst), READ_AHEAD_BYTES);
    let deeds = rogue.deeds();
    assert_eq!((deeds.appends, deeds.releases), (0, 0), "nothing was sent or reserved");
    world.assert_untouched(LX / 1_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_open_leaves_nothing() {
    let world = World::new(2).await;
    let refused = ChainError::Dispatch {
        pallet: "Contracts".into(),
        error: "CannotHoldFee".into(),
        docs: String::new(),
    };
    world.chain.fail_next(refused.clone());
    let error = world.put(&bytes(10), "1/2").await.unwrap_err();
    assert!(matches!(&error, ClientError::Chain(error) if *error == refused), "{error}");
    world.assert_untouched(CLIENT_FUNDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_terms_and_sizes_are_refused() {
    let world = World::new(1).await;
    let code = "1/1".parse().unwrap();
    for days in [0, 100_000] {
        let error = world.client.estimate(1, code, days).await.unwrap_err();
        assert!(matches!(error, ClientError::Term { .. }), "{error}");
    }
    let error = world.client.estimate(u64::MAX, code, 1).await.unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { .. }), "{error}");
}
