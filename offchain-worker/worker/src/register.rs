//! Registration: the account's entry on chain says what the configuration says.

use crate::{MinerConfig, MinerError};
use libp2p::{multiaddr::Protocol, Multiaddr};
use lunarx_chain::{Call, Chain, Signer};
use lunarx_core::{
    collateral_for, registration_payload, Address, Addresses, Balance, EncryptionKey, NodeKey,
    ProviderDetails, ProviderInfo, Services,
};
use lunarx_network::Network;

/// What a miner with this configuration registers.
pub(crate) fn details(
    config: &MinerConfig,
    encryption_key: EncryptionKey,
    listening: &[Multiaddr],
) -> Result<ProviderDetails, MinerError> {
    let candidates = if config.external.is_empty() { listening } else { &config.external };
    let addresses = announced(candidates);
    if addresses.is_empty() {
        return Err(MinerError::NoAddress { candidates: candidates.len() });
    }
    Ok(ProviderDetails {
        encryption_key,
        addresses,
        region: config.registered_region()?,
        services: Services::STORAGE,
        capacity: config.capacity,
        price: config.price,
    })
}

/// The addresses that others can use: without the peer id, never unspecified, loopback only where
/// there is nothing else; sorted, so that a restart with the same ones changes nothing.
fn announced(candidates: &[Multiaddr]) -> Addresses {
    let mut usable: Vec<Multiaddr> =
        candidates.iter().map(without_peer).filter(|a| !is_unspecified(a)).collect();
    usable.sort_by_key(ToString::to_string);
    usable.dedup();
    if usable.iter().any(|address| !is_loopback(address)) {
        usable.retain(|address| !is_loopback(address));
    }
    let texts = usable.iter().filter_map(|address| Address::try_from(address.to_string().into_bytes()).ok());
    Addresses::truncate_from(texts.collect())
}

fn without_peer(address: &Multiaddr) -> Multiaddr {
    address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect()
}

fn is_loopback(address: &Multiaddr) -> bool {
    address.iter().any(|part| match part {
        Protocol::Ip4(ip) => ip.is_loopback(),
        Protocol::Ip6(ip) => ip.is_loopback(),
        _ => false,
    })
}

fn is_unspecified(address: &Multiaddr) -> bool {
    address.iter().any(|part| match part {
        Protocol::Ip4(ip) => ip.is_unspecified(),
        Protocol::Ip6(ip) => ip.is_unspecified(),
        _ => false,
    })
}

/// Registers the account, or updates its entry, where that is needed.
pub(crate) async fn ensure_registered(
    chain: &dyn Chain,
    signer: &Signer,
    network: &Network,
    details: &ProviderDetails,
) -> Result<(), MinerError> {
    let account = signer.account();
    let own = network.node_key();
    match chain.provider(account).await? {
        Some(info) if info.node_key != own => {
            Err(MinerError::OtherNodeKey { account, registered: info.node_key, own })
        }
        Some(info) => {
            let mut details = details.clone();
            if info.exit_at.is_some() {
                tracing::warn!(
                    exit_at = info.exit_at,
                    "the miner announced its exit; it takes no new contracts"
                );
                // It may still say where it is, but promise no more.
                details.capacity = info.capacity;
            }
            if is_current(&info, &details) {
                return Ok(());
            }
            require_collateral(chain, signer, &details, info.collateral).await?;
            let receipt = chain.submit(signer, Call::Update { details }).await?;
            tracing::info!(block = receipt.block, "updated the miner's registration");
            Ok(())
        }
        None => register(chain, signer, network, own, details).await,
    }
}

async fn register(
    chain: &dyn Chain,
    signer: &Signer,
    network: &Network,
    own: NodeKey,
    details: &ProviderDetails,
) -> Result<(), MinerError> {
    let account = signer.account();
    if let Some(other) = chain.provider_of_node(own.node_id()).await? {
        return Err(MinerError::OtherAccount { account, registered: other.account, own });
    }
    require_collateral(chain, signer, details, 0).await?;
    let node_signature = network.sign(&registration_payload(&chain.genesis(), &account));
    let call = Call::Register { node_key: own, node_signature, details: details.clone() };
    let receipt = chain.submit(signer, call).await?;
    tracing::info!(block = receipt.block, node = %own.node_id(), capacity = details.capacity, "registered as a miner");
    Ok(())
}

/// Whether the chain already says all that `details` says.
fn is_current<A>(info: &ProviderInfo<A>, details: &ProviderDetails) -> bool {
    *details
        == ProviderDetails {
            encryption_key: info.encryption_key,
            addresses: info.addresses.clone(),
            region: info.region.clone(),
            services: info.services,
            capacity: info.capacity,
            price: info.price,
        }
}

/// Refuses, before a fee is paid, what the account's balance cannot cover.
async fn require_collateral(
    chain: &dyn Chain,
    signer: &Signer,
    details: &ProviderDetails,
    already_held: Balance,
) -> Result<(), MinerError> {
    let account = signer.account();
    let collateral = collateral_for(details.capacity, chain.parameters().collateral_per_gib);
    let needed = collateral.saturating_sub(already_held);
    let available = chain.balance(account).await?.transferable;
    match needed.checked_sub(available) {
        Some(missing) if missing > 0 => {
            Err(MinerError::CollateralMissing { account, needed, available, missing })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(candidates: &[&str]) -> Vec<String> {
        let candidates: Vec<Multiaddr> = candidates.iter().map(|text| text.parse().unwrap()).collect();
        let text = |address: Address| String::from_utf8(address.into_inner()).unwrap();
        announced(&candidates).into_iter().map(text).collect()
    }

    #[test]
    fn announces_loopback_only_where_there_is_nothing_else() {
        let loopback = "/ip4/127.0.0.1/tcp/4001";
        assert_eq!(texts(&[loopback]), [loopback]);
        assert_eq!(texts(&[loopback, "/ip4/10.0.0.1/tcp/4001"]), ["/ip4/10.0.0.1/tcp/4001"]);
    }

    #[test]
    fn never_announces_unspecified_addresses_or_peer_ids() {
        assert!(texts(&["/ip4/0.0.0.0/tcp/1", "/ip6/::/udp/1/quic-v1"]).is_empty());
        let peer = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
        assert_eq!(texts(&[&format!("/ip4/10.0.0.1/tcp/1/p2p/{peer}")]), ["/ip4/10.0.0.1/tcp/1"]);
    }

    #[test]
    fn announces_at_most_what_the_chain_takes_in_one_order() {
        let many: Vec<String> = (10..30).rev().map(|port| format!("/ip4/10.0.0.1/tcp/{port}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let announced = texts(&many);
        assert_eq!(announced.len(), 8);
        assert_eq!(announced[0], "/ip4/10.0.0.1/tcp/10");
        assert_eq!(texts(&["/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1"]).len(), 1);
    }
}
