//! The bond: the account's entry on chain says what the configuration says.

use crate::{addresses::announced, TrackerConfig, TrackerError};
use libp2p::Multiaddr;
use lunarx_chain::{Call, Chain, Signer};
use lunarx_core::{bond_payload, Balance, EncryptionKey, TrackerDetails, TrackerState};
use lunarx_network::Network;

/// What a tracker with this configuration says of itself.
pub(crate) fn details(
    config: &TrackerConfig,
    encryption_key: EncryptionKey,
    listening: &[Multiaddr],
) -> Result<TrackerDetails, TrackerError> {
    let candidates = if config.external.is_empty() { listening } else { &config.external };
    let addresses = announced(candidates);
    if addresses.is_empty() {
        return Err(TrackerError::NoAddress { candidates: candidates.len() });
    }
    Ok(TrackerDetails { encryption_key, addresses, region: config.stated_region()? })
}

/// Bonds the account, or updates its entry, where that is needed.
pub(crate) async fn ensure_bonded(
    chain: &dyn Chain,
    signer: &Signer,
    network: &Network,
    details: &TrackerDetails,
    bond: Balance,
) -> Result<(), TrackerError> {
    let (account, own) = (signer.account(), network.node_key());
    let Some(info) = chain.tracker(account).await? else {
        require(chain, signer, bond).await?;
        let node_signature = network.sign(&bond_payload(&chain.genesis(), &account));
        let call = Call::Bond { node_key: own, node_signature, details: details.clone(), bond };
        let receipt = chain.submit(signer, call).await?;
        tracing::info!(block = receipt.block, node = %own.node_id(), "bonded as a tracker");
        return Ok(());
    };
    if info.node_key != own {
        return Err(TrackerError::OtherNodeKey { account, bonded: info.node_key, own });
    }
    if let TrackerState::Leaving { exit_at } = info.state {
        tracing::warn!(exit_at, "the tracker announced its exit; it is drawn for no more seats");
        return Ok(());
    }
    if info.details != *details {
        let receipt = chain.submit(signer, Call::UpdateTracker { details: details.clone() }).await?;
        tracing::info!(block = receipt.block, "updated the tracker's entry");
    }
    if let Some(amount) = bond.checked_sub(info.bond).filter(|amount| *amount > 0) {
        require(chain, signer, amount).await?;
        let receipt = chain.submit(signer, Call::TopUpBond { amount }).await?;
        tracing::info!(block = receipt.block, amount, "topped up the bond");
    }
    if info.state == TrackerState::Suspended {
        let receipt = chain.submit(signer, Call::Resume).await?;
        tracing::info!(block = receipt.block, "the tracker is back");
    }
    Ok(())
}

/// Refuses, before a fee is paid, what the account's balance cannot cover.
async fn require(chain: &dyn Chain, signer: &Signer, needed: Balance) -> Result<(), TrackerError> {
    let account = signer.account();
    let available = chain.balance(account).await?.transferable;
    if available < needed {
        return Err(TrackerError::BondMissing { account, needed, available });
    }
    Ok(())
}
