//! Lookups in a Kademlia network of millions of nodes, on one machine.
//!
//! What Kademlia does (Maymounkov and Mazières, 2002) and S/Kademlia's disjoint paths (Baumgart and Mies, 2007), without
//! the network: no routing table is stored. A bucket is a range in the sorted ids, and which `k` nodes of that range its
//! owner knows is drawn, by the owner and the bucket, whenever it is asked. So 30 million tables take 8 bytes a node.
//!
//! Ids are the first 64 bits of those of the network. Tables are as good as random ones: Kademlia prefers nodes that
//! stayed long, which makes dead entries rarer than here, and knows its own neighbourhood whole, as here.

mod lookup;
mod network;
mod report;

pub use lookup::{lookup, Outcome, Rules};
pub use network::{Kind, Network, Share};
pub use report::{run, DhtError, Figures, Setting};
