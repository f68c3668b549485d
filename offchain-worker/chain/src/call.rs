//! Calls: what an account can do on chain, and how that is encoded.
//!
//! A call's arguments are SCALE of the shared types. Pallet and call indices come from the node's
//! metadata, by name; a call whose argument names differ there is refused before it is signed.

use codec::{Compact, Encode};
use lunarx_core::{AccountId, Balance, ContractId, NodeKey, NodeSignature, Promise, ProviderDetails};
use subxt::ext::scale_encode::{self, EncodeAsFields, FieldIter, TypeResolver};
use subxt::transactions::Payload;

/// Index of `MultiAddress::Id`, the only address form in use.
const ADDRESS_ID: u8 = 0;

/// A call, made by the account that signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Registers the account as a miner and holds its collateral.
    Register {
        /// The node's public key.
        node_key: NodeKey,
        /// The node key over `registration_payload`.
        node_signature: NodeSignature,
        /// What the miner offers.
        details: ProviderDetails,
    },
    /// Replaces what the miner offers.
    Update {
        /// The new offer.
        details: ProviderDetails,
    },
    /// Adds to the miner's collateral.
    TopUp {
        /// In LX-units.
        amount: Balance,
    },
    /// Takes no new contracts from now on.
    AnnounceExit,
    /// Ends the registration and frees the collateral, after the delay.
    Withdraw,
    /// Opens contracts and holds their fees.
    Open {
        /// One a miner.
        promises: Vec<Promise<AccountId>>,
    },
    /// Accepts pending contracts, as their miner.
    Accept {
        /// Which.
        ids: Vec<ContractId>,
    },
    /// Pays what is due.
    Settle {
        /// Which.
        ids: Vec<ContractId>,
    },
    /// Ends contracts early, as their client.
    End {
        /// Which.
        ids: Vec<ContractId>,
    },
    /// Refunds contracts that were never accepted.
    Expire {
        /// Which.
        ids: Vec<ContractId>,
    },
    /// Moves LX. Never empties the sending account below the existential deposit.
    Transfer {
        /// To whom.
        to: AccountId,
        /// In LX-units.
        amount: Balance,
    },
}

/// Arguments of a call, encoded, with the names that the metadata must give them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    names: &'static [&'static str],
    bytes: Vec<u8>,
}

impl Call {
    /// The pallet's name in the metadata.
    pub fn pallet(&self) -> &'static str {
        match self {
            Self::Register { .. }
            | Self::Update { .. }
            | Self::TopUp { .. }
            | Self::AnnounceExit
            | Self::Withdraw => "Providers",
            Self::Open { .. }
            | Self::Accept { .. }
            | Self::Settle { .. }
            | Self::End { .. }
            | Self::Expire { .. } => "Contracts",
            Self::Transfer { .. } => "Balances",
        }
    }

    /// The call's name in the metadata.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Register { .. } => "register",
            Self::Update { .. } => "update",
            Self::TopUp { .. } => "top_up",
            Self::AnnounceExit => "announce_exit",
            Self::Withdraw => "withdraw",
            Self::Open { .. } => "open",
            Self::Accept { .. } => "accept",
            Self::Settle { .. } => "settle",
            Self::End { .. } => "end",
            Self::Expire { .. } => "expire",
            Self::Transfer { .. } => "transfer_keep_alive",
        }
    }

    pub(crate) fn arguments(&self) -> Arguments {
        let (names, bytes): (&'static [&'static str], Vec<u8>) = match self {
            Self::Register { node_key, node_signature, details } => {
                (&["node_key", "node_signature", "details"], (node_key, node_signature, details).encode())
            }
            Self::Update { details } => (&["details"], details.encode()),
            Self::TopUp { amount } => (&["amount"], Compact(*amount).encode()),
            Self::AnnounceExit | Self::Withdraw => (&[], Vec::new()),
            Self::Open { promises } => (&["promises"], promises.encode()),
            Self::Accept { ids } | Self::Settle { ids } | Self::End { ids } | Self::Expire { ids } => {
                (&["ids"], ids.encode())
            }
            Self::Transfer { to, amount } => {
                (&["dest", "value"], (ADDRESS_ID, to, Compact(*amount)).encode())
            }
        };
        Arguments { names, bytes }
    }
}

/// A call as subxt encodes it.
pub(crate) struct CallPayload {
    pallet: &'static str,
    name: &'static str,
    arguments: Arguments,
}

impl From<&Call> for CallPayload {
    fn from(call: &Call) -> Self {
        Self { pallet: call.pallet(), name: call.name(), arguments: call.arguments() }
    }
}

impl Payload for CallPayload {
    type CallData = Arguments;

    fn pallet_name(&self) -> &str {
        self.pallet
    }

    fn call_name(&self) -> &str {
        self.name
    }

    fn call_data(&self) -> &Arguments {
        &self.arguments
    }
}

impl EncodeAsFields for Arguments {
    fn encode_as_fields_to<R: TypeResolver>(
        &self,
        fields: &mut dyn FieldIter<'_, R::TypeId>,
        _types: &R,
        out: &mut Vec<u8>,
    ) -> Result<(), scale_encode::Error> {
        let actual: Vec<&str> = fields.map(|field| field.name.unwrap_or("")).collect();
        if actual != self.names {
            let reason = format!("expected the arguments {:?}, not {actual:?}", self.names);
            return Err(scale_encode::Error::custom_string(reason));
        }
        out.extend_from_slice(&self.bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_scale_of_the_shared_types() {
        let ids = vec![ContractId([1; 32]), ContractId([2; 32])];
        let encoded = Call::Accept { ids: ids.clone() }.arguments().bytes;
        assert_eq!(encoded, [vec![8], vec![1; 32], vec![2; 32]].concat());

        let transfer = Call::Transfer { to: AccountId([7; 32]), amount: 1 }.arguments().bytes;
        assert_eq!(transfer, [vec![0], vec![7; 32], vec![4]].concat());

        assert_eq!(Call::TopUp { amount: 64 }.arguments().bytes, [1, 1]);
        assert!(Call::Withdraw.arguments().bytes.is_empty());
    }
}
