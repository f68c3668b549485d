//! The real runtime as a [`Chain`](lunarx_chain::Chain), so that real workers can be tried against attackers
//! and the money be counted.
//!
//! [`RuntimeChain`] runs blocks of `lunarx-runtime`, native, on a thread of its own: the hooks of all pallets,
//! and the workers' calls as signed transactions with their fees. What consensus adds is left out: there are no
//! authors, forks or signatures of transactions; fees go to nobody; the randomness of a block follows from its
//! number. After every block the pallets' invariants are checked, and that the accounts hold all LX there is.
//!
//! [`Ledger`] says who gained and who lost.
#![forbid(unsafe_code)]

mod calls;
mod chain;
mod ledger;
mod node;

pub use chain::RuntimeChain;
pub use ledger::{lx, Books, Ledger};
