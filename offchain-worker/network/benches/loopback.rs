//! Throughput of one stream over 127.0.0.1: both ends, their encryption and the verification of every
//! byte share this machine's cores. Prints one line a measurement.

#[path = "../tests/network/support.rs"]
#[allow(dead_code)]
mod support;

use lunarx_network::Limits;
use std::time::Instant;
use support::*;

const SIZE: usize = 256 * MIB;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for (name, listen) in [("tcp", TCP), ("quic", QUIC)] {
        runtime.block_on(measure(name, listen));
    }
}

fn report(name: &str, transport: &str, start: Instant) {
    let rate = SIZE as f64 / 1e6 / start.elapsed().as_secs_f64();
    println!("network::{name}/transport={transport},size=256MiB  {rate:.0} MB/s");
}

async fn measure(transport: &str, listen: &str) {
    let service = Memory::new(1);
    let (miner, client) = (Node::miner(1, listen, &service, Limits::default()), Node::client(2));
    client.knows(&miner).await;
    client.network.connect(miner.key()).await.expect("the miner listens");
    let bytes = bytes::Bytes::from(content(SIZE));

    let start = Instant::now();
    let mut upload = client.network.store(miner.key(), contract(1), 0).await.expect("it is ready");
    upload.send(bytes.clone()).await.expect("it takes all");
    // Only what came through: `finish` hashes the whole, which is the store's work.
    let mut appended = service.appended.subscribe();
    let rest = async { upload.finish(SIZE as u64).await.expect("it is complete") };
    let all = async {
        appended.wait_for(|sum| *sum == SIZE).await.expect("the service lives");
        report("store", transport, start);
    };
    let (piece, ()) = tokio::join!(rest, all);

    let start = Instant::now();
    let len = SIZE as u64;
    let mut download = client.network.retrieve(miner.key(), piece, len, 0, len).await.expect("it is there");
    let mut got = 0;
    while let Some(range) = download.next().await {
        got += range.expect("it is honest").bytes().len();
    }
    assert_eq!(got, SIZE);
    report("retrieve", transport, start);
}
