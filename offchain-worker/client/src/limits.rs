//! Every bound of the client on memory, time and number.

use std::time::Duration;

/// Most blocks of 64 KiB that wait in front of one miner during an upload.
pub const MAX_UPLOAD_BLOCKS: usize = 16;
/// Bytes that wait in front of all miners of a segment together, beyond one block a piece.
pub const UPLOAD_BUFFER_BYTES: usize = 24 << 20;
/// Bytes of all pieces of a segment that are fetched ahead together, beyond one stripe a piece.
pub const FETCH_BUFFER_BYTES: u64 = 24 << 20;
/// Plaintext read from a file or pipe in one go.
pub const READ_BYTES: usize = 256 * 1024;
/// How far a pipe is read before anything is reserved: one that ends within is reserved exactly.
pub const READ_AHEAD_BYTES: usize = 8 << 20;

/// To reach a miner: addresses, handshake, identity.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(6);
/// For a signed offer.
pub const RESERVE_TIMEOUT: Duration = Duration::from_secs(10);
/// For a miner to take one block. One that takes longer has failed: others wait for it.
pub const BLOCK_TIMEOUT: Duration = Duration::from_secs(20);
/// For a miner to sync a finished piece to its disk and to name it.
pub const FINISH_TIMEOUT: Duration = Duration::from_secs(120);
/// For one range of a piece, 1 MiB at most.
pub const RANGE_TIMEOUT: Duration = Duration::from_secs(20);
/// For a small probe of a piece by `status`.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// Without `k` ranges after this time, as many more miners are asked as are missing.
pub const HEDGE_AFTER: Duration = Duration::from_millis(1_500);
/// Rounds of replacing failed pieces of one segment.
pub const REPLACE_ROUNDS: u32 = 3;
/// Miners probed or reserved at the same time.
pub const MAX_CONCURRENT_MINERS: usize = 64;

/// Least share of the longest life that an offer must still have, as 1/x of `max_offer_life`.
pub const OFFER_LIFE_FRACTION: u32 = 4;
/// How many times longer than the chain's own pace accepts may take before the chain counts as
/// standing still.
pub const STALL_FACTOR: u32 = 3;
/// Blocks after the deadline to accept in which the last accepts become visible here.
pub const ACCEPT_GRACE_BLOCKS: u32 = 5;

/// Attempts to end what a failed put has opened.
pub const CLEANUP_ATTEMPTS: u32 = 5;
/// Between these attempts.
pub const CLEANUP_PAUSE: Duration = Duration::from_secs(3);
/// Balance left aside for the transaction fees of a put, a segment: 0.05 LX.
pub const FEE_RESERVE: lunarx_core::Balance = lunarx_core::LX / 20;
