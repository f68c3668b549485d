//! The state: money, and what the two registers hold. A call changes all of it or nothing.

use crate::{AccountBalance, Call, ChainError};
use lunarx_core::{AccountId, Balance, BlockNumber, ChainParameters, ContractId, ContractInfo, ProviderInfo};
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
}

impl Default for World {
    fn default() -> Self {
        Self { height: 1, accounts: BTreeMap::new(), providers: BTreeMap::new(), contracts: BTreeMap::new() }
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
            Call::Withdraw => self.withdraw(account),
            Call::Open { promises } => self.open(parameters, account, promises),
            Call::Accept { ids } => self.accept(parameters, account, ids),
            Call::Settle { ids } => self.settle(parameters, ids),
            Call::End { ids } => self.end(parameters, account, ids),
            Call::Expire { ids } => self.expire(parameters, ids),
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
