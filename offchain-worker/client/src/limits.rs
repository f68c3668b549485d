//! Every bound of the client on memory, time and number.

use std::time::Duration;

/// Most blocks of 64 KiB that wait in front of one miner during an upload. As many of those sent last are
/// kept, to be sent again if the stream breaks.
pub const MAX_UPLOAD_BLOCKS: usize = 16;
/// Bytes that wait in front of all miners of a segment together, beyond one block a piece; as many again
/// are kept of those sent last.
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
/// How long at least `k` others may wait for one miner before it has to show [`MIN_UPLOAD_RATE`].
pub const LAG_GRACE: Duration = Duration::from_secs(10);
/// Fewest bytes a second that a miner must take while others wait for it: 1 Mbit/s. A miner below is given
/// up, and its piece made again for another.
pub const MIN_UPLOAD_RATE: u64 = 128 * 1024;
/// Fewest bytes a second that a miner must take while nobody waits for it: a slow client takes no more from
/// it either.
pub const MIN_LONE_UPLOAD_RATE: u64 = 16 * 1024;
/// Between two looks at the queues of an upload.
pub const LAG_LOOK: Duration = Duration::from_millis(500);
/// Times that an upload whose stream broke is opened again.
pub const RESUME_ATTEMPTS: u32 = 3;
/// Between these attempts: a miner may still be taking in what came before the break.
pub const RESUME_PAUSE: Duration = Duration::from_secs(1);
/// For a miner to sync a finished piece to its disk and to name it.
pub const FINISH_TIMEOUT: Duration = Duration::from_secs(120);
/// For one range of a piece, 1 MiB at most.
pub const RANGE_TIMEOUT: Duration = Duration::from_secs(20);
/// For a small probe of a piece by `status`.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pieces that are audited at the same time, each with a window or two in memory.
pub const AUDIT_CONCURRENT_MINERS: usize = 16;
/// Before a miner that refused a read, or broke off, is asked once more by an audit.
pub const AUDIT_RETRY_PAUSE: Duration = Duration::from_secs(2);
/// For the answer to a challenge, some 50 KB.
pub const PROVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Challenges in a row that a miner may leave unanswered before a rescue asks it no more in this run.
pub const MAX_UNANSWERED: u32 = 3;
/// Before it is asked for the next.
pub const UNANSWERED_PAUSE: Duration = Duration::from_secs(1);
/// Without `k` ranges after this time, as many more miners are asked as are missing.
pub const HEDGE_AFTER: Duration = Duration::from_millis(1_500);
/// How long a read goes on trying while fewer than `k` pieces can be had, if others than those that are
/// lost for good may come back. It begins anew with each range that arrives.
pub const OUTAGE_PATIENCE: Duration = Duration::from_secs(20);
/// The first pause during an outage; each further one is twice as long.
pub const OUTAGE_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause during an outage.
pub const MAX_OUTAGE_PAUSE: Duration = Duration::from_secs(4);
/// Rounds of replacing failed pieces of one segment.
pub const REPLACE_ROUNDS: u32 = 3;
/// Between these rounds.
pub const REPLACE_PAUSE: Duration = Duration::from_secs(2);
/// For a miner to take back a reservation. Nothing depends on it.
pub const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);
/// Miners probed or reserved at the same time.
pub const MAX_CONCURRENT_MINERS: usize = 64;

/// Least share of the longest life that an offer must still have, as 1/x of `max_offer_life`.
pub const OFFER_LIFE_FRACTION: u32 = 4;
/// How many times longer than the chain's own pace accepts may take before the chain counts as
/// standing still.
pub const STALL_FACTOR: u32 = 3;
/// Blocks after the deadline to accept in which the last accepts become visible here.
pub const ACCEPT_GRACE_BLOCKS: u32 = 5;
/// Blocks without another accept after which nobody waits for the other miners, once `k` have accepted.
pub const ACCEPT_PATIENCE_BLOCKS: u32 = 20;

/// Blocks in which a transaction that was sent can still take effect: 32 by its encoding, and some for
/// what a node saw later than we.
pub const TRANSACTION_LIFE_BLOCKS: u32 = 36;
/// For ending everything that a failed put has opened, transactions on their way included.
pub const CLEANUP_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// How long a chain that does not answer is asked again before what is left is reported.
pub const CLEANUP_OUTAGE: Duration = Duration::from_secs(30);
/// Attempts to end contracts that change meanwhile.
pub const CLEANUP_ATTEMPTS: u32 = 5;
/// Longest pause before the chain is asked again.
pub const CLEANUP_PAUSE: Duration = Duration::from_secs(3);
/// Balance left aside for the transaction fees of a put, a segment: 0.05 LX.
pub const FEE_RESERVE: lunarx_core::Balance = lunarx_core::LX / 20;
