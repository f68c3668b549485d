//! Real nodes on 127.0.0.1, over TCP and over QUIC.

mod audits;
mod discovery;
mod hostile;
mod identity;
mod limits;
mod pieces;
mod raw;
mod support;
