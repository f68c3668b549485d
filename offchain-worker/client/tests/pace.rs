//! Miners that are slow or away for a while, and sources that pause.

mod world;

use lunarx_client::{Fault, NoProgress};
use lunarx_network::Limits;
use std::{
    io::{self, Write},
    sync::{mpsc, Arc},
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use world::{
    bytes, holders, request,
    rogue::{Rogue, Vice, GATHERED},
    watch::Watch,
    within, World, SEGMENT,
};

const MIB: u64 = 1 << 20;

async fn honest(world: &World, count: u8) -> Vec<Rogue> {
    let mut rogues = Vec::new();
    for number in 1..=count {
        rogues.push(world.add_rogue(number, Vice::Honest).await);
    }
    rogues
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_that_was_slow_once_is_asked_again() {
    // Pieces of four windows.
    let world = World::with_segments(0, 8 * MIB).await;
    let rogues = honest(&world, 3).await;
    let original = bytes(8 * MIB);
    let outcome = world.put(&original, "2/3").await.unwrap();
    let holders = holders(&world, &outcome, 0).await;
    let holder = |index: usize| rogues.iter().find(|rogue| rogue.account == holders[index]).unwrap();
    // The first piece stalls, the third takes its place, then fails for good.
    holder(0).turn(Vice::StallsOnce(MIB));
    holder(2).turn(Vice::RefusesFrom(3 * MIB));
    let (got, read) = world.get(outcome.manifest.object).await.unwrap();
    assert!(read == original);
    let [fault] = &got.missing[..] else { panic!("{got:?}") };
    assert_eq!((fault.index, got.corrupt.len()), (2, 0));
}

/// Takes a little, then waits until the other end of the channel is gone.
struct Gate {
    bytes: Vec<u8>,
    open: mpsc::Receiver<()>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.bytes.is_empty() {
            // An error says that the gate is open.
            let _ = self.open.recv();
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_all_miners_does_not_end_a_get() {
    // More windows than are read ahead.
    let world = World::with_segments(0, 32 * MIB).await;
    let mut rogues = honest(&world, 2).await;
    let original = bytes(32 * MIB);
    let object = world.put(&original, "2/2").await.unwrap().manifest.object;
    let (keep_shut, open) = mpsc::channel();
    let (sink, progress) = (Gate { bytes: Vec::new(), open }, Watch::new());
    let get = world.client.get(object, sink, progress.clone(), CancellationToken::new());
    let outage = async {
        progress.until(|seen| seen.bytes > 0).await;
        for rogue in &mut rogues {
            rogue.leave().await;
        }
        drop(keep_shut);
        progress.until(|seen| seen.faults > 0).await;
        // As long as it takes to be refused more than twice.
        tokio::time::sleep(Duration::from_secs(2)).await;
        rogues.iter_mut().for_each(Rogue::come_back);
    };
    let (result, ()) = within(async { tokio::join!(get, outage) }).await;
    let (got, sink) = result.unwrap();
    assert!(sink.bytes == original);
    assert!(got.missing.is_empty() && got.corrupt.is_empty(), "{got:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_miner_is_given_up_during_the_upload() {
    let world = World::with_segments(4, 32 * MIB).await;
    // 85 KiB a second, so that its piece of 16 MiB would take three minutes.
    let rogue = world.add_rogue(1, Vice::Crawls(Duration::from_secs(12))).await;
    let original = bytes(32 * MIB);
    let outcome = world.put(&original, "2/4").await.unwrap();
    let [fault] = &outcome.faults[..] else { panic!("{:?}", outcome.faults) };
    assert_eq!(fault.miner, rogue.account);
    assert!(matches!(fault.fault, Fault::Slow { .. }), "{}", fault.fault);
    assert!(!holders(&world, &outcome, 0).await.contains(&rogue.account));
    assert!(u64::try_from(rogue.deeds().appends).unwrap() * GATHERED < 16 * MIB);
    assert!(world.get(outcome.manifest.object).await.unwrap().1 == original);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_may_pause_for_longer_than_miners_wait() {
    let world = World::new(2).await;
    let limits = Limits { idle_stream: Duration::from_millis(300), ..Limits::default() };
    let rogue = world.add_rogue_with(1, Vice::Honest, limits).await;
    let original = bytes(SEGMENT);
    // After a stripe and a bit, and before the end.
    for pause_at in [150_000, original.len()] {
        let before = rogue.deeds().short_appends;
        let (reader, mut writer) = io::pipe().unwrap();
        let (request, stop) = (request("2/3", Some(SEGMENT)), CancellationToken::new());
        let put = world.client.put(reader, request, Arc::new(NoProgress), stop);
        let pausing = async {
            let (head, tail) = original.split_at(pause_at);
            writer = write(writer, head.to_vec()).await;
            // The miner keeps what it has when it gives the stream up.
            rogue.until(|deeds| deeds.short_appends > before).await;
            drop(write(writer, tail.to_vec()).await);
        };
        let (result, ()) = within(async { tokio::join!(put, pausing) }).await;
        let outcome = result.unwrap();
        assert!(outcome.faults.is_empty(), "{:?}", outcome.faults);
        assert!(holders(&world, &outcome, 0).await.contains(&rogue.account));
        assert!(world.get(outcome.manifest.object).await.unwrap().1 == original);
    }
}

/// Writes in a thread: a pipe that is full blocks.
async fn write(mut writer: io::PipeWriter, bytes: Vec<u8>) -> io::PipeWriter {
    let writing = tokio::task::spawn_blocking(move || {
        writer.write_all(&bytes).unwrap();
        writer
    });
    writing.await.unwrap()
}
