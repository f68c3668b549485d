//! Who gained and who lost, in LX.

use crate::RuntimeChain;
use lunarx_core::{AccountId, Balance, LX};
use std::fmt;

/// What some parties had at one moment.
pub struct Ledger {
    chain: RuntimeChain,
    parties: Vec<Entry>,
}

struct Entry {
    name: &'static str,
    account: AccountId,
    wealth: Balance,
    fees: Balance,
}

/// What they gained or lost since.
pub struct Books {
    title: &'static str,
    rows: Vec<Row>,
}

struct Row {
    name: &'static str,
    /// LX-units, as if transactions were free.
    gain: i128,
    /// LX-units.
    fees: Balance,
}

impl Ledger {
    /// Notes what each party has, held or not.
    pub async fn open(chain: &RuntimeChain, parties: &[(&'static str, AccountId)]) -> Self {
        let mut entries = Vec::new();
        for (name, account) in parties.iter().copied() {
            let (wealth, fees) = (chain.wealth(account).await, chain.fees(account));
            entries.push(Entry { name, account, wealth, fees });
        }
        Self { chain: chain.clone(), parties: entries }
    }

    /// Compares with what they have now, and prints it.
    pub async fn close(&self, title: &'static str) -> Books {
        let mut rows = Vec::new();
        for Entry { name, account, wealth, fees } in &self.parties {
            let fees = self.chain.fees(*account).saturating_sub(*fees);
            let now = self.chain.wealth(*account).await.saturating_add(fees);
            rows.push(Row { name, gain: signed(now).saturating_sub(signed(*wealth)), fees });
        }
        let books = Books { title, rows };
        println!("{books}");
        books
    }
}

impl Books {
    fn row(&self, name: &str) -> &Row {
        self.rows.iter().find(|row| row.name == name).expect("a party of this ledger")
    }

    /// LX-units that a party gained, or lost if negative. Fees of transactions are left out: they go to the
    /// blocks' authors, and would hide the small sums of a trial.
    pub fn gain(&self, name: &str) -> i128 {
        self.row(name).gain
    }

    /// Fees of transactions that a party paid, LX-units.
    pub fn fees(&self, name: &str) -> Balance {
        self.row(name).fees
    }
}

impl fmt::Display for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "== {}", self.title)?;
        for Row { name, gain, fees } in &self.rows {
            writeln!(f, "{name:<12} {:>22} LX, and {} LX of fees", lx(*gain), lx(signed(*fees)))?;
        }
        Ok(())
    }
}

/// LX-units as LX with all its decimals.
pub fn lx(units: i128) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let units = units.unsigned_abs();
    format!("{sign}{}.{:012}", units / LX, units % LX)
}

/// No balance comes near the bound: there are 10^20 units.
fn signed(units: Balance) -> i128 {
    i128::try_from(units).unwrap_or(i128::MAX)
}
