//! Files of all sizes go in and come out, and the books are right.

mod world;

use lunarx_chain::Chain;
use lunarx_client::{ClientError, NoProgress};
use lunarx_core::ContractState;
use std::{fs, io, sync::Arc};
use tokio_util::sync::CancellationToken;
use world::{bytes, request, watch::Watch, within, World, SEGMENT};

const CHUNK: u64 = 64 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn every_size_comes_back() {
    let world = World::new(4).await;
    let sizes = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT + 12_345];
    for size in sizes {
        let original = bytes(size);
        let outcome = world.put(&original, "2/4").await.unwrap();
        let segments = usize::try_from(size.div_ceil(SEGMENT).max(1)).unwrap();
        assert_eq!(outcome.manifest.segments.len(), segments, "size {size}");
        assert!(outcome.faults.is_empty(), "size {size}: {:?}", outcome.faults);
        let (got, read) = world.get(outcome.manifest.object).await.unwrap();
        assert!(read == original, "size {size} differs");
        assert_eq!(got.bytes, size);
        assert!(got.corrupt.is_empty() && got.missing.is_empty(), "size {size}: {got:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_of_unknown_size_come_back() {
    let world = World::new(4).await;
    for size in [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 2 * SEGMENT + 7] {
        let original = bytes(size);
        let outcome = world.put_pipe(&original, "2/4").await.unwrap();
        assert_eq!(outcome.manifest.size, size);
        let (_, read) = world.get(outcome.manifest.object).await.unwrap();
        assert!(read == original, "size {size} differs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_code_rate_works() {
    let world = World::new(5).await;
    let original = bytes(SEGMENT + 1);
    for code in ["1/1", "1/5", "5/5", "3/5"] {
        let outcome = world.put(&original, code).await.unwrap();
        let (_, read) = world.get(outcome.manifest.object).await.unwrap();
        assert!(read == original, "code {code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_are_active_and_their_fees_held_until_removed() {
    let world = World::new(4).await;
    let outcome = world.put(&bytes(SEGMENT + 1), "2/4").await.unwrap();
    let object = outcome.manifest.object;
    assert!(outcome.held > 0);
    assert_eq!(world.held().await, outcome.held);
    let estimate = world.client.estimate(SEGMENT + 1, "2/4".parse().unwrap(), 30).await.unwrap();
    assert_eq!((estimate.total, estimate.segments, estimate.windows), (outcome.held, 2, outcome.windows));

    let status = within(world.client.status(object)).await.unwrap();
    assert!(status.is_readable());
    assert_eq!(status.escrow(), outcome.held);
    for piece in status.segments.iter().flat_map(|segment| &segment.pieces) {
        let contract = piece.on_chain.as_ref().expect("on chain");
        assert!(matches!(contract.state, ContractState::Active { .. }));
        assert_eq!(piece.readable, Ok(()));
    }

    let removed = within(world.client.remove(object)).await.unwrap();
    assert_eq!((removed.ended, removed.released), (8, outcome.held));
    world.assert_settled(estimate.window_fee).await;
    let gone = world.get(object).await.unwrap_err();
    assert!(matches!(gone, ClientError::Catalogue(_)), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_appears_whole_and_nothing_is_overwritten() {
    let world = World::new(3).await;
    let original = bytes(SEGMENT / 2);
    let object = world.put(&original, "2/3").await.unwrap().manifest.object;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Märchen 故事.txt");
    let get = |overwrite| {
        let progress = Arc::new(NoProgress);
        within(world.client.get_to_file(object, &path, overwrite, progress, CancellationToken::new()))
    };
    get(false).await.unwrap();
    assert!(fs::read(&path).unwrap() == original);
    fs::write(&path, "mine").unwrap();
    let error = get(false).await.unwrap_err();
    assert!(matches!(&error, ClientError::Sink(e) if e.kind() == io::ErrorKind::AlreadyExists), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    get(true).await.unwrap();
    assert!(fs::read(&path).unwrap() == original);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_is_refused_and_nothing_is_held() {
    let world = World::new(3).await;
    let original = bytes(SEGMENT + 100);
    let mut most = 0;
    for announced in [SEGMENT + 99, SEGMENT + 101, 99] {
        let error = world.put_as(&original, "2/3", Some(announced)).await.unwrap_err();
        assert!(
            matches!(error, ClientError::SourceSize { expected, .. } if expected == announced),
            "{error}"
        );
        most += world.window_fee(announced, "2/3").await;
        world.assert_settled(most).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_put_leaves_nothing_behind() {
    let world = World::new(3).await;
    let stop = CancellationToken::new();
    let (reader, mut writer) = io::pipe().unwrap();
    let put = world.client.put(reader, request("2/3", None), Arc::new(NoProgress), stop.clone());
    let stopping = async {
        let first = bytes(SEGMENT + 1);
        let writer = tokio::task::spawn_blocking(move || {
            io::Write::write_all(&mut writer, &first).unwrap();
            writer
        });
        let mut blocks = world.chain.finalized();
        while world.chain.contracts_of(world.client.account()).await.unwrap().is_empty() {
            blocks.changed().await.unwrap();
        }
        stop.cancel();
        writer.await.unwrap()
    };
    let (result, writer) = within(async { tokio::join!(put, stopping) }).await;
    assert!(matches!(result, Err(ClientError::Stopped)));
    drop(writer);
    world.assert_settled(world.window_fee(SEGMENT, "2/3").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_get_leaves_no_file() {
    let world = World::with_segments(2, 8 << 20).await;
    let object = world.put(&bytes(8 << 20), "1/2").await.unwrap().manifest.object;
    let folder = tempfile::tempdir().unwrap();
    let (path, stop) = (folder.path().join("out"), CancellationToken::new());
    let progress = Watch::stopping(stop.clone());
    let result = within(world.client.get_to_file(object, &path, false, progress, stop)).await;
    assert!(matches!(result, Err(ClientError::Stopped)), "{result:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
