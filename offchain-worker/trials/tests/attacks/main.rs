//! One trial a named attack: real trackers and miners over the real runtime, and who gained or lost how much LX.
//!
//! What no trial can reach is not promised: physical independence of disks, for one.

mod absence;
mod answers;
mod copies;
mod deletion;
mod rogue;
mod service;
mod trackers;
mod world;
