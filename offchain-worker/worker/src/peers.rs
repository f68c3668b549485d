//! Other miners' addresses, from chain to the network: the way into the DHT.

use libp2p::Multiaddr;
use lunarx_chain::Chain;
use lunarx_core::{Addresses, BlockNumber};
use lunarx_network::Network;
use rand::seq::IteratorRandom;
use std::sync::Arc;

/// Blocks between two looks at the register of miners.
const REFRESH_EVERY: BlockNumber = 200;
/// Miners whose addresses are handed on at each look, drawn at random.
const MAX_PEERS: usize = 64;

/// Hands on what the chain says of other miners.
pub(crate) struct Peers {
    chain: Arc<dyn Chain>,
    network: Network,
    next: BlockNumber,
}

impl Peers {
    pub(crate) fn new(chain: Arc<dyn Chain>, network: Network) -> Self {
        Self { chain, network, next: 0 }
    }

    /// Looks at the register, if it is time to. A failure is no harm: others find us by theirs.
    pub(crate) async fn refresh(&mut self, height: BlockNumber) {
        if height < self.next {
            return;
        }
        self.next = height.saturating_add(REFRESH_EVERY);
        let providers = match self.chain.providers().await {
            Ok(providers) => providers,
            Err(error) => {
                tracing::debug!(%error, "cannot read the register of miners");
                return;
            }
        };
        let own = self.network.node_key();
        let others = providers.iter().filter(|info| info.node_key != own);
        for info in others.choose_multiple(&mut rand::rngs::OsRng, MAX_PEERS) {
            self.network.add_addresses(info.node_key, parsed(&info.addresses)).await;
        }
    }
}

/// The registered addresses that are ones.
pub(crate) fn parsed(addresses: &Addresses) -> Vec<Multiaddr> {
    let text = addresses.iter().filter_map(|address| std::str::from_utf8(address).ok());
    text.filter_map(|text| text.parse().ok()).collect()
}
