//! Throughput on one core, in bytes of plaintext: each step by itself, then the whole.
//!
//! `scripts/benchmark row` runs it beside ISA-L's coder.

use divan::{black_box, counter::BytesCount, Bencher};
use lunarx_core::NodeId;
use lunarx_proof::{commit, encode_range, verify_range, VerifiedRange};
use lunarx_row::{
    steps::{self, CodeStep, WrapStep},
    Code, DataKey, RepairKey, SegmentDecoder, SegmentDescriptor, SegmentEncoder, SegmentId, SegmentKeys,
    StripeBlocks, STRIPES_PER_RANGE, STRIPE_SHARD_BYTES,
};
use std::{convert::Infallible, fmt};

/// Stripes in one measurement come to about this many bytes of plaintext.
const BYTES: usize = 32 << 20;
const RATES: [Rate; 3] = [Rate(4, 8), Rate(10, 20), Rate(29, 80)];

fn main() {
    divan::main();
}

/// A code rate as the benchmarks print it.
#[derive(Clone, Copy)]
struct Rate(u8, u8);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code={}/{}", self.0, self.1)
    }
}

impl Rate {
    fn code(self) -> Code {
        Code::new(self.0, self.1).expect("1 <= k <= n")
    }

    fn stripe(self) -> usize {
        usize::from(self.0) * STRIPE_SHARD_BYTES
    }

    fn stripes(self) -> usize {
        BYTES / self.stripe()
    }

    fn plain(self) -> Vec<u8> {
        let mut plain = vec![0; self.stripes() * self.stripe()];
        blake3::Hasher::new().finalize_xof().fill(&mut plain);
        plain
    }

    fn count(self) -> BytesCount {
        BytesCount::new(self.stripes() * self.stripe())
    }

    fn miners(self) -> Vec<NodeId> {
        (0..self.1).map(|i| NodeId([i; 32])).collect()
    }
}

fn with_keys<T>(f: impl FnOnce(SegmentKeys<'_>) -> T) -> T {
    let (data, repair) = (DataKey::from_bytes([1; 32]), RepairKey::from_bytes([2; 32]));
    f(SegmentKeys { data: &data, repair: &repair })
}

/// Encodes `plain`, pushed as a file would be read.
fn encode(rate: Rate, plain: &[u8], mut sink: impl FnMut(StripeBlocks)) -> SegmentDescriptor {
    with_keys(|keys| {
        let mut out = |stripe| -> Result<(), Infallible> {
            sink(stripe);
            Ok(())
        };
        let mut encoder =
            SegmentEncoder::new(SegmentId([3; 32]), rate.code(), keys, &rate.miners()).expect("n miners");
        for part in plain.chunks(1 << 20) {
            encoder.push(part, &mut out).expect("within a segment");
        }
        encoder.finish(&mut out).expect("within a segment")
    })
}

#[divan::bench_group(sample_count = 10, sample_size = 1)]
mod step {
    use super::*;

    #[divan::bench(args = RATES)]
    fn seal(bencher: Bencher, rate: Rate) {
        let plain = rate.plain();
        let mut sealed = Vec::with_capacity(rate.stripe() + (128 << 10));
        bencher.counter(rate.count()).bench_local(|| steps::seal(&plain, &mut sealed, rate.stripe()));
    }

    #[divan::bench(args = RATES)]
    fn code(bencher: Bencher, rate: Rate) {
        let plain = rate.plain();
        let mut step = CodeStep::new(rate.code(), None).expect("supported");
        bencher.counter(rate.count()).bench_local(|| step.encode(&plain, rate.stripe()));
    }

    #[divan::bench(args = RATES)]
    fn wrap(bencher: Bencher, rate: Rate) {
        let mut step = WrapStep::new(rate.code()).expect("keys of 32 bytes");
        let stripes = u64::try_from(rate.stripes()).expect("small");
        bencher.counter(rate.count()).bench_local(|| step.wrap(stripes));
    }

    #[divan::bench(args = RATES)]
    fn commit(bencher: Bencher, rate: Rate) {
        let block = vec![7; STRIPE_SHARD_BYTES];
        bencher.counter(rate.count()).bench_local(|| {
            let mut hashers = vec![blake3::Hasher::new(); usize::from(rate.1)];
            for _ in 0..rate.stripes() {
                for hasher in &mut hashers {
                    hasher.update(black_box(&block));
                }
            }
            hashers.iter().map(blake3::Hasher::finalize).collect::<Vec<_>>()
        });
    }

    /// Verifying `k` pieces, as reading does before it decodes.
    #[divan::bench(args = RATES)]
    fn check(bencher: Bencher, rate: Rate) {
        let stored = Stored::new(rate);
        let ranges = stored.encoded(0..rate.0);
        bencher.counter(rate.count()).bench_local(|| stored.verify(&ranges));
    }
}

#[divan::bench_group(sample_count = 10, sample_size = 1)]
mod segment {
    use super::*;

    #[divan::bench(args = RATES)]
    fn encode(bencher: Bencher, rate: Rate) {
        let plain = rate.plain();
        bencher.counter(rate.count()).bench_local(|| {
            super::encode(rate, &plain, |stripe| {
                black_box(&stripe.blocks);
            })
        });
    }

    #[divan::bench(args = RATES)]
    fn decode_data(bencher: Bencher, rate: Rate) {
        let stored = Stored::new(rate);
        let ranges = stored.verify(&stored.encoded(0..rate.0));
        bencher.counter(rate.count()).bench_local(|| stored.decode(&ranges));
    }

    #[divan::bench(args = RATES)]
    fn decode_parity(bencher: Bencher, rate: Rate) {
        let stored = Stored::new(rate);
        let ranges = stored.verify(&stored.encoded(rate.1 - rate.0..rate.1));
        bencher.counter(rate.count()).bench_local(|| stored.decode(&ranges));
    }

    #[divan::bench(args = RATES)]
    fn check_and_decode_parity(bencher: Bencher, rate: Rate) {
        let stored = Stored::new(rate);
        let ranges = stored.encoded(rate.1 - rate.0..rate.1);
        bencher.counter(rate.count()).bench_local(|| stored.decode(&stored.verify(&ranges)));
    }
}

/// One range of one piece, on the wire.
struct Encoded {
    index: u8,
    span: (u64, u64),
    bytes: Vec<u8>,
}

/// A segment as its miners keep it.
struct Stored {
    descriptor: SegmentDescriptor,
    pieces: Vec<Vec<u8>>,
    stripes: u64,
}

impl Stored {
    fn new(rate: Rate) -> Self {
        let mut pieces = vec![Vec::new(); usize::from(rate.1)];
        let mut stripes = 0;
        let descriptor = encode(rate, &rate.plain(), |stripe| {
            stripes += 1;
            pieces.iter_mut().zip(&stripe.blocks).for_each(|(piece, block)| piece.extend_from_slice(block));
        });
        Self { descriptor, pieces, stripes }
    }

    fn decoder(&self) -> SegmentDecoder {
        with_keys(|keys| SegmentDecoder::new(&self.descriptor, keys)).expect("good descriptor")
    }

    fn encoded(&self, indexes: std::ops::Range<u8>) -> Vec<Vec<Encoded>> {
        let decoder = self.decoder();
        let starts = (0..self.stripes).step_by(usize::try_from(STRIPES_PER_RANGE).expect("small"));
        let spans: Vec<(u64, u64)> =
            starts.map(|first| decoder.blocks_range(first, STRIPES_PER_RANGE)).collect();
        let piece = |index: u8| {
            let (bytes, len) = (&self.pieces[usize::from(index)], self.descriptor.piece_len);
            let (id, outboard) = commit(bytes.as_slice(), len).expect("in memory");
            let range = |&(offset, count): &(u64, u64)| Encoded {
                index,
                span: (offset, count),
                bytes: encode_range(bytes, &outboard, id, len, offset, count).expect("within the piece"),
            };
            spans.iter().map(range).collect()
        };
        indexes.map(piece).collect()
    }

    /// By piece, its ranges in order.
    fn verify(&self, encoded: &[Vec<Encoded>]) -> Vec<(u8, Vec<VerifiedRange>)> {
        let verify = |range: &Encoded| {
            let id = self.descriptor.pieces[usize::from(range.index)].piece;
            let (offset, len) = range.span;
            verify_range(id, self.descriptor.piece_len, offset, len, &range.bytes).expect("untouched")
        };
        encoded.iter().map(|ranges| (ranges[0].index, ranges.iter().map(verify).collect())).collect()
    }

    fn decode(&self, ranges: &[(u8, Vec<VerifiedRange>)]) {
        let mut decoder = self.decoder();
        let mut out = Vec::new();
        for stripe in 0..self.stripes {
            let at = usize::try_from(stripe / STRIPES_PER_RANGE).expect("small");
            let blocks: Vec<(u8, &VerifiedRange)> =
                ranges.iter().map(|(index, ranges)| (*index, &ranges[at])).collect();
            out.clear();
            decoder.decode(stripe, &blocks, &mut out).expect("untouched");
            black_box(&out);
        }
        decoder.finish().expect("all stripes");
    }
}
