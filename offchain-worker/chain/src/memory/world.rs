//! The state: money, and what the registers hold. A call changes all of it or nothing.

use super::audits::Audit;
use crate::{AccountBalance, Call, ChainError};
use lunarx_core::{
    AccountId, AuditSeed, AuthorityInfo, Balance, BlockNumber, ByClass, ChainParameters, ContractId,
    ContractInfo, DueReward, EconomyInfo, EraIndex, Hurdle, ProviderInfo, RoundDetails, TrackerInfo, Verdict,
    CAP,
};
use std::collections::BTreeMap;

#[derive(Clone, Default)]
struct Account {
    free: Balance,
    held: Balance,
}

/// Everything on chain.
#[derive(Clone)]
pub(super) struct World {
    pub height: BlockNumber,
    accounts: BTreeMap<AccountId, Account>,
    pub providers: BTreeMap<AccountId, ProviderInfo<AccountId>>,
    pub contracts: BTreeMap<ContractId, ContractInfo<AccountId>>,
    pub trackers: BTreeMap<AccountId, TrackerInfo<AccountId>>,
    /// What was said and asked of each contract.
    pub audits: BTreeMap<ContractId, Audit>,
    /// Set by tests, in place of those that follow from the block's number.
    pub seeds: BTreeMap<BlockNumber, Option<AuditSeed>>,
    /// Set by tests, newest first, in place of the one of all bonded trackers.
    pub rounds: Vec<RoundDetails<AccountId>>,
    /// Set by tests: what accounts can claim.
    pub rewards: BTreeMap<AccountId, Vec<DueReward>>,
    /// Set by tests: how accounts stand as makers of blocks.
    pub authorities: BTreeMap<AccountId, AuthorityInfo>,
    /// What a seat says that says nothing.
    pub unspoken: Option<Verdict>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            height: 1,
            accounts: BTreeMap::new(),
            providers: BTreeMap::new(),
            contracts: BTreeMap::new(),
            trackers: BTreeMap::new(),
            audits: BTreeMap::new(),
            seeds: BTreeMap::new(),
            rounds: Vec::new(),
            rewards: BTreeMap::new(),
            authorities: BTreeMap::new(),
            unspoken: Some(Verdict::Valid),
        }
    }
}

impl World {
    pub fn apply(
        &mut self,
        parameters: &ChainParameters,
        account: AccountId,
        call: &Call,
    ) -> Result<(), ChainError> {
        match call {
            Call::Register { node_key, node_signature, details } => {
                self.register(parameters, account, *node_key, node_signature, details)
            }
            Call::Update { details } => self.update(parameters, account, details),
            Call::TopUp { amount } => self.top_up(account, *amount),
            Call::AnnounceExit => self.announce_exit(parameters, account),
            Call::Stand => self.stand(account),
            Call::SetKeys { keys, .. } => self.set_keys(account, keys),
            Call::PurgeKeys => self.purge_keys(account),
            Call::Withdraw => self.withdraw(account),
            Call::Open { promises } => self.open(parameters, account, promises),
            Call::Accept { ids } => self.accept(parameters, account, ids),
            Call::Settle { ids } => self.settle(parameters, ids),
            Call::End { ids } => self.end(parameters, account, ids),
            Call::Expire { ids } => self.expire(parameters, ids),
            Call::Bond { node_key, node_signature, details, bond } => {
                self.bond(account, *node_key, node_signature, details, *bond)
            }
            Call::UpdateTracker { details } => self.update_tracker(account, details),
            Call::TopUpBond { amount } => self.top_up_bond(account, *amount),
            Call::SetVerifiers { verifiers } => self.set_verifiers(account, verifiers),
            Call::Resume => self.resume(account),
            Call::ExitTracker => self.exit_tracker(parameters, account),
            Call::WithdrawTracker => self.withdraw_tracker(account),
            Call::Report { reports } => self.report(&parameters.audit, account, reports),
            Call::Claim => self.claim(account),
            Call::Dispute { contract, challenge } => {
                self.dispute(&parameters.audit, account, contract, *challenge)
            }
            Call::Answer { contract, opened, proofs } => {
                self.answer(&parameters.audit, account, contract, *opened, proofs)
            }
            Call::Vouch { contract, answer } => self.vouch(&parameters.audit, account, contract, answer),
            Call::Convict { contract, block, answer } => {
                self.convict(parameters, account, contract, *block, answer)
            }
            Call::Surrender { contract } => self.surrender(parameters, account, contract),
            Call::Resolve { contract } => self.resolve(parameters, contract),
            Call::ClaimRewards { eras } => self.claim_rewards(account, eras),
            Call::Transfer { to, amount } => self.transfer(account, *to, *amount),
        }
    }

    pub fn balance(&self, account: AccountId) -> AccountBalance {
        let entry = self.accounts.get(&account).cloned().unwrap_or_default();
        AccountBalance { free: entry.free, held: entry.held, transferable: entry.free }
    }

    /// The sum of all accounts.
    pub fn issued(&self) -> Balance {
        self.accounts.values().map(|entry| entry.free.saturating_add(entry.held)).sum()
    }

    pub fn mint(&mut self, account: AccountId, amount: Balance) {
        let entry = self.accounts.entry(account).or_default();
        entry.free = entry.free.saturating_add(amount);
    }

    /// No elections are held here: what a test gave, keys and candidacies added.
    pub fn authority(&self, account: AccountId) -> AuthorityInfo {
        self.authorities.get(&account).cloned().unwrap_or(AuthorityInfo {
            power: 0,
            collateral: self.providers.get(&account).map_or(0, |provider| provider.collateral),
            min_collateral: 0,
            min_power: 1,
            session_keys: None,
            hurdle: Some(Hurdle::NoSessionKeys),
            rank: None,
            candidates: 0,
            authority: false,
            authorities: 1,
            last_block: None,
        })
    }

    fn set_keys(&mut self, account: AccountId, keys: &[u8]) -> Result<(), ChainError> {
        let mut info = self.authority(account);
        info.session_keys = Some(keys.to_vec());
        if info.hurdle == Some(Hurdle::NoSessionKeys) {
            info.hurdle = (info.power == 0).then_some(Hurdle::TooLittlePower);
        }
        self.authorities.insert(account, info);
        Ok(())
    }

    fn purge_keys(&mut self, account: AccountId) -> Result<(), ChainError> {
        let mut info = self.authority(account);
        if info.session_keys.take().is_none() {
            return Err(refuse("Session", "NoKeys", ""));
        }
        info.rank = None;
        self.authorities.insert(account, info);
        Ok(())
    }

    fn stand(&mut self, account: AccountId) -> Result<(), ChainError> {
        let mut info = self.authority(account);
        if let Some(hurdle) = info.hurdle {
            let name = match hurdle {
                Hurdle::NotRegistered => "NotRegistered",
                Hurdle::Exiting => "Exiting",
                Hurdle::Barred => "Barred",
                Hurdle::NoSessionKeys => "NoSessionKeys",
                Hurdle::TooLittleCollateral => "TooLittleCollateral",
                Hurdle::TooLittlePower => "TooLittlePower",
            };
            return Err(refuse("Providers", name, "the account cannot stand for election"));
        }
        if info.rank.is_some() {
            return Err(refuse("Providers", "AlreadyCandidate", "the account stands for election"));
        }
        info.candidates = info.candidates.saturating_add(1);
        info.rank = Some(info.candidates);
        self.authorities.insert(account, info);
        Ok(())
    }

    /// No eras end here: what can be claimed is what a test gave.
    pub fn economy(&self, era_blocks: BlockNumber) -> EconomyInfo<AccountId> {
        let issued = self.issued();
        EconomyInfo {
            cap: CAP,
            issued,
            unminted: CAP.saturating_sub(issued),
            circulating: issued,
            promised: self.rewards.values().flatten().map(DueReward::total).sum(),
            era: 0,
            era_start: 0,
            era_blocks,
            emission: 0,
            budget: ByClass::default(),
            claim_within: 30,
            funds: Vec::new(),
        }
    }

    fn claim_rewards(&mut self, account: AccountId, eras: &[EraIndex]) -> Result<(), ChainError> {
        let due = self.rewards.entry(account).or_default();
        if eras.is_empty() || !eras.iter().all(|era| due.iter().any(|reward| reward.era == *era)) {
            return Err(refuse("Issuance", "NothingEarned", "the caller earned nothing in the era"));
        }
        let (claimed, left): (Vec<_>, Vec<_>) = due.drain(..).partition(|reward| eras.contains(&reward.era));
        *due = left;
        self.mint(account, claimed.iter().map(DueReward::total).sum());
        Ok(())
    }

    fn transfer(&mut self, from: AccountId, to: AccountId, amount: Balance) -> Result<(), ChainError> {
        let source = self.accounts.entry(from).or_default();
        source.free = source.free.checked_sub(amount).ok_or_else(|| {
            let reason = "the amount is more than its transferable balance".into();
            ChainError::InsufficientBalance { account: from, reason }
        })?;
        self.mint(to, amount);
        Ok(())
    }

    /// Holds `amount`. `None` if it is not there.
    pub fn hold(&mut self, account: AccountId, amount: Balance) -> Option<()> {
        let entry = self.accounts.entry(account).or_default();
        entry.free = entry.free.checked_sub(amount)?;
        entry.held = entry.held.checked_add(amount)?;
        Some(())
    }

    /// Moves `amount` that is held from `from` to what `to` has free.
    pub fn pay_held(&mut self, from: AccountId, to: AccountId, amount: Balance) {
        let source = self.accounts.entry(from).or_default();
        let paid = amount.min(source.held);
        source.held = source.held.saturating_sub(paid);
        self.mint(to, paid);
    }
}

/// An error as the pallet gives it.
pub(super) fn refuse(pallet: &str, error: &str, docs: &str) -> ChainError {
    ChainError::Dispatch { pallet: pallet.into(), error: error.into(), docs: docs.into() }
}
