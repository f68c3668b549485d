//! The register of trackers and their rounds, as in the pallet `trackers`.

use super::providers::verifies;
use super::world::{refuse, World};
use super::{MemoryChain, GENESIS};
use crate::ChainError;
use lunarx_core::{
    blake2b_256, bond_payload, AccountId, AuditSeed, Balance, ChainParameters, NodeKey, NodeSignature,
    RoundDetails, TrackerDetails, TrackerInfo, TrackerState,
};

type Tracker = TrackerInfo<AccountId>;

/// Gives the seed of the only round.
const ROUND_DOMAIN: &[u8] = b"lunarx/memory-chain/round";

fn trackers(error: &str, docs: &str) -> ChainError {
    refuse("Trackers", error, docs)
}

fn require(holds: bool, error: &str, docs: &str) -> Result<(), ChainError> {
    if holds {
        Ok(())
    } else {
        Err(trackers(error, docs))
    }
}

impl World {
    /// The rounds, newest first.
    pub(super) fn rounds(&self) -> Vec<RoundDetails<AccountId>> {
        if !self.rounds.is_empty() {
            return self.rounds.clone();
        }
        let active = self.trackers.values().filter(|tracker| tracker.state == TrackerState::Active);
        let members = active.map(|tracker| tracker.account).collect();
        vec![RoundDetails { round: 0, start: 0, seed: AuditSeed(blake2b_256(ROUND_DOMAIN)), members }]
    }

    pub(super) fn bond(
        &mut self,
        account: AccountId,
        node_key: NodeKey,
        signature: &NodeSignature,
        details: &TrackerDetails,
        bond: Balance,
    ) -> Result<(), ChainError> {
        require(!self.trackers.contains_key(&account), "AlreadyBonded", "the account is bonded")?;
        let taken = self.trackers.values().any(|tracker| tracker.node_key == node_key);
        require(!taken, "NodeIdTaken", "the node belongs to another tracker")?;
        check(details)?;
        let signed = verifies(&node_key, &bond_payload(&GENESIS, &account), signature);
        require(signed, "BadNodeSignature", "the node key did not sign for this account and chain")?;
        require(bond >= MemoryChain::MIN_BOND, "BondTooSmall", "the bond is under the minimum")?;
        self.hold_bond(account, bond)?;
        let (details, state) = (details.clone(), TrackerState::Active);
        let tracker =
            Tracker { account, node_key, details, bond, state, missed: 0, verifiers: Vec::new(), credits: 0 };
        self.trackers.insert(account, tracker);
        Ok(())
    }

    pub(super) fn update_tracker(
        &mut self,
        account: AccountId,
        details: &TrackerDetails,
    ) -> Result<(), ChainError> {
        check(details)?;
        self.bonded(account)?.details = details.clone();
        Ok(())
    }

    pub(super) fn top_up_bond(&mut self, account: AccountId, amount: Balance) -> Result<(), ChainError> {
        require(amount > 0, "ZeroAmount", "the amount is zero")?;
        self.bonded(account)?;
        self.hold_bond(account, amount)?;
        let tracker = self.bonded(account)?;
        tracker.bond = tracker.bond.saturating_add(amount);
        Ok(())
    }

    pub(super) fn set_verifiers(
        &mut self,
        account: AccountId,
        verifiers: &[NodeKey],
    ) -> Result<(), ChainError> {
        let twice = verifiers.iter().enumerate().any(|(at, key)| verifiers[..at].contains(key));
        require(!twice, "VerifierTwice", "a verifier is named twice")?;
        self.bonded(account)?.verifiers = verifiers.to_vec();
        Ok(())
    }

    pub(super) fn resume(&mut self, account: AccountId) -> Result<(), ChainError> {
        let tracker = self.bonded(account)?;
        require(tracker.state == TrackerState::Suspended, "NotSuspended", "the tracker is not suspended")?;
        require(tracker.bond >= MemoryChain::MIN_BOND, "BondTooSmall", "the bond is under the minimum")?;
        tracker.state = TrackerState::Active;
        Ok(())
    }

    pub(super) fn exit_tracker(
        &mut self,
        parameters: &ChainParameters,
        account: AccountId,
    ) -> Result<(), ChainError> {
        let exit_at = self.height.saturating_add(parameters.exit_delay);
        let tracker = self.bonded(account)?;
        let leaving = matches!(tracker.state, TrackerState::Leaving { .. });
        require(!leaving, "Leaving", "the tracker announced its exit")?;
        tracker.state = TrackerState::Leaving { exit_at };
        Ok(())
    }

    pub(super) fn withdraw_tracker(&mut self, account: AccountId) -> Result<(), ChainError> {
        let height = self.height;
        let tracker = self.bonded(account)?;
        let TrackerState::Leaving { exit_at } = tracker.state else {
            return Err(trackers("NotLeaving", "the tracker has not announced its exit"));
        };
        require(height >= exit_at, "ExitDelayNotOver", "the exit delay is not over")?;
        let bond = tracker.bond;
        self.trackers.remove(&account);
        self.pay_held(account, account, bond);
        Ok(())
    }

    /// Takes away the credits. There is no pot.
    pub(super) fn claim(&mut self, account: AccountId) -> Result<(), ChainError> {
        let tracker = self.bonded(account)?;
        let nothing = || refuse("Audits", "NoCredits", "the caller has no credits");
        if tracker.credits == 0 {
            return Err(nothing());
        }
        tracker.credits = 0;
        Ok(())
    }

    /// Takes `amount` of a tracker's bond for `to`, as far as it goes.
    pub(super) fn fine(&mut self, account: AccountId, amount: Balance, to: AccountId) {
        let Some(tracker) = self.trackers.get_mut(&account) else { return };
        let amount = amount.min(tracker.bond);
        tracker.bond = tracker.bond.saturating_sub(amount);
        if tracker.state == TrackerState::Active && tracker.bond < MemoryChain::MIN_BOND {
            tracker.state = TrackerState::Suspended;
        }
        self.pay_held(account, to, amount);
    }

    fn bonded(&mut self, account: AccountId) -> Result<&mut Tracker, ChainError> {
        self.trackers.get_mut(&account).ok_or_else(|| trackers("NotBonded", "the account is not bonded"))
    }

    fn hold_bond(&mut self, account: AccountId, amount: Balance) -> Result<(), ChainError> {
        self.hold(account, amount)
            .ok_or_else(|| trackers("InsufficientBalance", "the account is too poor for the bond"))
    }
}

/// Whether `details` are fit to be stored.
fn check(details: &TrackerDetails) -> Result<(), ChainError> {
    let address = |address: &[u8]| !address.is_empty() && address.iter().all(u8::is_ascii_graphic);
    require(!details.addresses.is_empty(), "NoAddress", "there is no address")?;
    let fit = details.addresses.iter().all(|text| address(text));
    require(fit, "BadAddress", "an address is empty or not printable ascii")?;
    require(!details.region.is_empty(), "BadRegion", "the region is empty")
}
