//! The register of miners, as in the pallet `providers`.

use super::world::{refuse, World};
use super::GENESIS;
use crate::ChainError;
use ed25519_dalek::{Signature, VerifyingKey};
use lunarx_core::{
    collateral_for, registration_payload, AccountId, Balance, ChainParameters, NodeKey, NodeSignature,
    ProviderDetails, ProviderInfo, Score, Services,
};

fn providers(error: &str, docs: &str) -> ChainError {
    refuse("Providers", error, docs)
}

fn not_registered() -> ChainError {
    providers("NotRegistered", "no miner is registered for the account")
}

impl World {
    pub(super) fn register(
        &mut self,
        parameters: &ChainParameters,
        account: AccountId,
        node_key: NodeKey,
        signature: &NodeSignature,
        details: &ProviderDetails,
    ) -> Result<(), ChainError> {
        if self.providers.contains_key(&account) {
            return Err(providers("AlreadyRegistered", "the account is registered"));
        }
        if self.providers.values().any(|entry| entry.node_id() == node_key.node_id()) {
            return Err(providers("NodeIdTaken", "the node belongs to another account"));
        }
        check(details)?;
        if !verifies(&node_key, &registration_payload(&GENESIS, &account), signature) {
            return Err(providers(
                "BadNodeSignature",
                "the node key did not sign for this account and chain",
            ));
        }
        let collateral = collateral_for(details.capacity, parameters.collateral_per_gib);
        self.hold_collateral(account, collateral)?;
        let info = ProviderInfo {
            account,
            node_key,
            encryption_key: details.encryption_key,
            addresses: details.addresses.clone(),
            region: details.region.clone(),
            services: details.services,
            capacity: details.capacity,
            used: 0,
            price: details.price,
            collateral,
            exit_at: None,
            score: Score::default(),
        };
        self.providers.insert(account, info);
        Ok(())
    }

    pub(super) fn update(
        &mut self,
        parameters: &ChainParameters,
        account: AccountId,
        details: &ProviderDetails,
    ) -> Result<(), ChainError> {
        let entry = self.providers.get(&account).ok_or_else(not_registered)?;
        check(details)?;
        if details.capacity < entry.used {
            return Err(providers("CapacityBelowUsed", "contracts use more than the new capacity"));
        }
        let grows = details.capacity > entry.capacity;
        if grows {
            self.staying(account)?;
        }
        let entry = self.providers.get(&account).ok_or_else(not_registered)?;
        let needed = collateral_for(details.capacity, parameters.collateral_per_gib);
        let missing = if grows { needed.saturating_sub(entry.collateral) } else { 0 };
        self.hold_collateral(account, missing)?;
        let entry = self.providers.get_mut(&account).ok_or_else(not_registered)?;
        entry.collateral = entry.collateral.saturating_add(missing);
        entry.encryption_key = details.encryption_key;
        entry.addresses = details.addresses.clone();
        entry.region = details.region.clone();
        entry.services = details.services;
        entry.capacity = details.capacity;
        entry.price = details.price;
        Ok(())
    }

    pub(super) fn top_up(&mut self, account: AccountId, amount: Balance) -> Result<(), ChainError> {
        if !self.providers.contains_key(&account) {
            return Err(not_registered());
        }
        if amount == 0 {
            return Err(providers("ZeroAmount", "the amount is zero"));
        }
        self.hold_collateral(account, amount)?;
        let entry = self.providers.get_mut(&account).ok_or_else(not_registered)?;
        entry.collateral = entry.collateral.saturating_add(amount);
        Ok(())
    }

    pub(super) fn announce_exit(
        &mut self,
        parameters: &ChainParameters,
        account: AccountId,
    ) -> Result<(), ChainError> {
        let exit_at = self.height.saturating_add(parameters.exit_delay);
        self.staying(account)?.exit_at = Some(exit_at);
        Ok(())
    }

    pub(super) fn withdraw(&mut self, account: AccountId) -> Result<(), ChainError> {
        let entry = self.providers.get(&account).ok_or_else(not_registered)?;
        let exit_at =
            entry.exit_at.ok_or_else(|| providers("NotExiting", "the account has not announced its exit"))?;
        if self.height < exit_at {
            return Err(providers("ExitDelayNotOver", "the exit delay is not over"));
        }
        if entry.used > 0 {
            return Err(providers("StillUsed", "contracts still use space"));
        }
        let collateral = entry.collateral;
        self.providers.remove(&account);
        self.pay_held(account, account, collateral);
        Ok(())
    }

    /// Takes `bytes` of a miner's free capacity. `None` if it or the collateral does not allow it.
    pub(super) fn allocate(
        &mut self,
        parameters: &ChainParameters,
        miner: AccountId,
        bytes: u64,
    ) -> Option<()> {
        let entry = self.providers.get_mut(&miner)?;
        let used = entry.used.checked_add(bytes)?;
        let covered = collateral_for(used, parameters.collateral_per_gib) <= entry.collateral;
        if used > entry.capacity || !covered {
            return None;
        }
        entry.used = used;
        Some(())
    }

    /// Gives back `bytes` taken before.
    pub(super) fn release(&mut self, miner: AccountId, bytes: u64) {
        if let Some(entry) = self.providers.get_mut(&miner) {
            entry.used = entry.used.saturating_sub(bytes);
        }
    }

    /// A miner that has not announced its exit.
    fn staying(&mut self, account: AccountId) -> Result<&mut ProviderInfo<AccountId>, ChainError> {
        let entry = self.providers.get_mut(&account).ok_or_else(not_registered)?;
        if entry.exit_at.is_some() {
            return Err(providers("Exiting", "the account announced its exit"));
        }
        Ok(entry)
    }

    fn hold_collateral(&mut self, account: AccountId, amount: Balance) -> Result<(), ChainError> {
        self.hold(account, amount)
            .ok_or_else(|| providers("InsufficientBalance", "the account is too poor for the collateral"))
    }
}

/// Whether `details` are fit to be stored.
fn check(details: &ProviderDetails) -> Result<(), ChainError> {
    let address = |address: &[u8]| !address.is_empty() && address.iter().all(u8::is_ascii_graphic);
    let region = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    let rules = [
        (!details.addresses.is_empty(), "NoAddress", "there is no address"),
        (
            details.addresses.iter().all(|text| address(text)),
            "BadAddress",
            "an address is empty or not printable ascii",
        ),
        (
            !details.region.is_empty() && details.region.iter().all(region),
            "BadRegion",
            "the region is empty or has more than lower-case ascii letters, digits and -",
        ),
        (
            details.services.0 != 0 && Services::KNOWN.contains(details.services),
            "BadServices",
            "there is no service, or an unknown one",
        ),
        (details.capacity > 0, "CapacityTooSmall", "the capacity is under the minimum"),
        (details.price > 0, "PriceTooLow", "the price is under the minimum"),
    ];
    match rules.iter().find(|(holds, _, _)| !holds) {
        Some((_, error, docs)) => Err(providers(error, docs)),
        None => Ok(()),
    }
}

/// Whether `key` made `signature` over `payload`.
pub(super) fn verifies(key: &NodeKey, payload: &[u8], signature: &NodeSignature) -> bool {
    VerifyingKey::from_bytes(&key.0)
        .is_ok_and(|key| key.verify_strict(payload, &Signature::from_bytes(&signature.0)).is_ok())
}
