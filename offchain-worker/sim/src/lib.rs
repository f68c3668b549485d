//! A year of audits in small, and lookups in a large network: seeded and deterministic. Development only.
//!
//! - [`detection()`]: how long losses stay unnoticed, by the real draw of each block.
//! - [`year`]: miners, trackers, cheats and liars under the real seats, votes and fees, hour by hour.
//! - [`dht`]: lookups among millions of nodes.
//! - [`proof_sizes`]: what an answer weighs.
//! - [`report`]: the tables of docs/audits.md.
//!
//! A year of 10,000 contracts is 10^11 draws. So the year draws only the *waits* between challenges, from the
//! geometric law, whose agreement with the real draw the tests show; the bytes that a challenge asks for are
//! the real ones of its block.

pub mod chance;
mod detection;
pub mod dht;
mod loss;
mod proofs;
pub mod report;
mod statistics;
pub mod year;

pub use detection::{blocks_until_found, detection, Detection};
pub use loss::{found_within, touch_chance, unnoticed, Lost, MILLION};
pub use proofs::{proof_sizes, ProofError, ProofSizes};

use lunarx_core::BlockNumber;

/// Blocks of an hour, of 3 seconds each. It is the window.
pub const HOUR: BlockNumber = 1_200;
/// Blocks of a day.
pub const DAY: BlockNumber = 24 * HOUR;
