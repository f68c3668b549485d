//! Who has what. Money only moves, so all accounts together are always worth nothing.

use crate::statistics::signed;
use lunarx_core::Balance;

/// Where money can be. Clients, miners and trackers begin with nothing and may owe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// All clients.
    Clients,
    /// Fees held for contracts.
    Escrow,
    /// The trackers' share of fees, until they claim it.
    Pot,
    /// What was slashed, less what openers got of it.
    Slashed,
    /// Block authors: fees of answers.
    Authors,
    /// Miners' collateral.
    Collateral,
    /// Deposits of disputes.
    Deposits,
    /// A miner.
    Miner(u32),
    /// A tracker, its bond included.
    Tracker(u32),
}

const SHARED: usize = 7;

/// All accounts.
pub struct Books {
    balances: Vec<i128>,
    miners: usize,
}

impl Books {
    /// Empty accounts of so many.
    pub fn new(miners: u32, trackers: u32) -> Self {
        let (miners, trackers) = (size(miners), size(trackers));
        Self { balances: vec![0; SHARED + miners + trackers], miners }
    }

    /// Moves an amount.
    pub fn pay(&mut self, from: Account, to: Account, amount: Balance) {
        let amount = signed(amount);
        let (from, to) = (self.place(from), self.place(to));
        self.balances[from] -= amount;
        self.balances[to] += amount;
    }

    /// What an account has.
    pub fn of(&self, account: Account) -> i128 {
        self.balances[self.place(account)]
    }

    /// All accounts together.
    pub fn total(&self) -> i128 {
        self.balances.iter().sum()
    }

    fn place(&self, account: Account) -> usize {
        match account {
            Account::Clients => 0,
            Account::Escrow => 1,
            Account::Pot => 2,
            Account::Slashed => 3,
            Account::Authors => 4,
            Account::Collateral => 5,
            Account::Deposits => 6,
            Account::Miner(index) => SHARED + size(index),
            Account::Tracker(index) => SHARED + self.miners + size(index),
        }
    }
}

fn size(count: u32) -> usize {
    usize::try_from(count).expect("usize has at least 32 bits where this runs; qed")
}
