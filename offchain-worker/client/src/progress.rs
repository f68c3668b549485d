//! What a put or get is doing, for whoever watches.

use std::fmt;

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Choosing miners and reserving space.
    Reserving,
    /// Sealing, coding and sending pieces.
    Uploading,
    /// Making again the pieces of miners that failed.
    Replacing,
    /// Paying on chain.
    Opening,
    /// Waiting for the miners to accept.
    Accepting,
    /// Fetching, verifying and decoding.
    Downloading,
    /// Collecting refused pieces from answers to challenges. Bytes are those of pieces.
    Rescuing,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reserving => "reserving",
            Self::Uploading => "uploading",
            Self::Replacing => "replacing",
            Self::Opening => "opening contracts",
            Self::Accepting => "waiting for miners to accept",
            Self::Downloading => "downloading",
            Self::Rescuing => "asking for answers",
        })
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The plaintext bytes to come, once they are known.
    Total(u64),
    /// A new phase.
    Phase(Phase),
    /// Plaintext bytes done since the last such event.
    Bytes(u64),
    /// A miner failed and was worked around.
    Fault(String),
}

/// Watches a put or get. Called often, from several threads: it must return at once.
pub trait Progress: Send + Sync + 'static {
    /// Something happened.
    fn report(&self, event: Event);
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn report(&self, _: Event) {}
}
