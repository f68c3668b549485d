//! Calls: what an account can do on chain, and how that is encoded.
//!
//! A call's arguments are SCALE of the shared types. Pallet and call indices come from the node's
//! metadata, by name; a call whose argument names differ there is refused before it is signed.

use codec::{Compact, Encode};
use lunarx_core::{
    AccountId, Balance, BlockNumber, ContractId, EraIndex, NodeKey, NodeSignature, Promise, ProviderDetails,
    Report, TrackerDetails,
};
use lunarx_proof::{Answer, Proofs};
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
    /// Makes the miner a candidate of the elections of authorities.
    Stand,
    /// Names the session keys with which the account makes blocks.
    SetKeys {
        /// Their public keys, encoded as the runtime has them.
        keys: Vec<u8>,
        /// That their owner agrees, as the node that holds them gave it.
        proof: Vec<u8>,
    },
    /// Forgets the account's session keys and frees their deposit.
    PurgeKeys,
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
    /// Bonds the account as a tracker.
    Bond {
        /// The node's public key.
        node_key: NodeKey,
        /// The node key over `bond_payload`.
        node_signature: NodeSignature,
        /// What the tracker says of itself.
        details: TrackerDetails,
        /// In LX-units.
        bond: Balance,
    },
    /// Replaces what the tracker says of itself.
    UpdateTracker {
        /// The new details.
        details: TrackerDetails,
    },
    /// Adds to the tracker's bond.
    TopUpBond {
        /// In LX-units.
        amount: Balance,
    },
    /// Names all verifiers of the tracker, in place of those named before.
    SetVerifiers {
        /// Their node keys.
        verifiers: Vec<NodeKey>,
    },
    /// Ends the tracker's suspension.
    Resume,
    /// Begins the tracker's exit: it is drawn for no more rounds.
    ExitTracker,
    /// Ends the tracker's exit and frees its bond, after the delay.
    WithdrawTracker,
    /// Says what the tracker's seats saw of windows that are over.
    Report {
        /// One or more a contract.
        reports: Vec<Report>,
    },
    /// Puts a question to the miner of a contract, with a deposit.
    Dispute {
        /// Which.
        contract: ContractId,
        /// The block of a challenge that was not answered.
        challenge: Option<BlockNumber>,
    },
    /// Answers the open dispute, as the contract's miner.
    Answer {
        /// Of which contract.
        contract: ContractId,
        /// The block of the dispute.
        opened: BlockNumber,
        /// One for each byte asked for, in order.
        proofs: Proofs,
    },
    /// Shows what an accused seat had seen when it said *valid*.
    Vouch {
        /// The contract in dispute.
        contract: ContractId,
        /// The miner's signed right answer to the challenge that the dispute names.
        answer: Answer,
    },
    /// Closes a contract as faulty by a wrong answer that its miner signed.
    Convict {
        /// Which.
        contract: ContractId,
        /// The block of the challenge.
        block: BlockNumber,
        /// The wrong answer.
        answer: Answer,
    },
    /// Says that the data is damaged, as the contract's miner.
    Surrender {
        /// Which.
        contract: ContractId,
    },
    /// Closes a contract as faulty whose dispute was not answered in time.
    Resolve {
        /// Which.
        contract: ContractId,
    },
    /// Draws the tracker's share of the pot.
    Claim,
    /// Pulls the account's rewards for eras that are over.
    ClaimRewards {
        /// Which.
        eras: Vec<EraIndex>,
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
            | Self::Stand
            | Self::Withdraw => "Providers",
            Self::SetKeys { .. } | Self::PurgeKeys => "Session",
            Self::Open { .. }
            | Self::Accept { .. }
            | Self::Settle { .. }
            | Self::End { .. }
            | Self::Expire { .. } => "Contracts",
            Self::Bond { .. }
            | Self::UpdateTracker { .. }
            | Self::TopUpBond { .. }
            | Self::SetVerifiers { .. }
            | Self::Resume
            | Self::ExitTracker
            | Self::WithdrawTracker => "Trackers",
            Self::Report { .. }
            | Self::Dispute { .. }
            | Self::Answer { .. }
            | Self::Vouch { .. }
            | Self::Convict { .. }
            | Self::Surrender { .. }
            | Self::Resolve { .. }
            | Self::Claim => "Audits",
            Self::ClaimRewards { .. } => "Issuance",
            Self::Transfer { .. } => "Balances",
        }
    }

    /// The call's name in the metadata.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Register { .. } => "register",
            Self::Update { .. } | Self::UpdateTracker { .. } => "update",
            Self::TopUp { .. } | Self::TopUpBond { .. } => "top_up",
            Self::AnnounceExit | Self::ExitTracker => "announce_exit",
            Self::Stand => "stand",
            Self::SetKeys { .. } => "set_keys",
            Self::PurgeKeys => "purge_keys",
            Self::Withdraw | Self::WithdrawTracker => "withdraw",
            Self::Open { .. } => "open",
            Self::Accept { .. } => "accept",
            Self::Settle { .. } => "settle",
            Self::End { .. } => "end",
            Self::Expire { .. } => "expire",
            Self::Bond { .. } => "bond",
            Self::SetVerifiers { .. } => "set_verifiers",
            Self::Resume => "resume",
            Self::Report { .. } => "report",
            Self::Dispute { .. } => "dispute",
            Self::Answer { .. } => "answer",
            Self::Vouch { .. } => "vouch",
            Self::Convict { .. } => "convict",
            Self::Surrender { .. } => "surrender",
            Self::Resolve { .. } => "resolve",
            Self::Claim | Self::ClaimRewards { .. } => "claim",
            Self::Transfer { .. } => "transfer_keep_alive",
        }
    }

    pub(crate) fn arguments(&self) -> Arguments {
        let (names, bytes): (&'static [&'static str], Vec<u8>) = match self {
            Self::Register { node_key, node_signature, details } => {
                (&["node_key", "node_signature", "details"], (node_key, node_signature, details).encode())
            }
            Self::Update { details } => (&["details"], details.encode()),
            Self::TopUp { amount } | Self::TopUpBond { amount } => (&["amount"], Compact(*amount).encode()),
            Self::AnnounceExit
            | Self::Stand
            | Self::PurgeKeys
            | Self::Withdraw
            | Self::Resume
            | Self::ExitTracker
            | Self::WithdrawTracker
            | Self::Claim => (&[], Vec::new()),
            Self::SetKeys { keys, proof } => {
                (&["keys", "proof"], [keys.as_slice(), &proof.encode()].concat())
            }
            Self::Open { promises } => (&["promises"], promises.encode()),
            Self::Accept { ids } | Self::Settle { ids } | Self::End { ids } | Self::Expire { ids } => {
                (&["ids"], ids.encode())
            }
            Self::Bond { node_key, node_signature, details, bond } => (
                &["node_key", "node_signature", "details", "bond"],
                (node_key, node_signature, details, Compact(*bond)).encode(),
            ),
            Self::UpdateTracker { details } => (&["details"], details.encode()),
            Self::SetVerifiers { verifiers } => (&["verifiers"], verifiers.encode()),
            Self::Report { reports } => (&["reports"], reports.encode()),
            Self::Dispute { contract, challenge } => {
                (&["contract", "challenge"], (contract, challenge).encode())
            }
            Self::Answer { contract, opened, proofs } => {
                (&["contract", "opened", "proofs"], (contract, opened, proofs).encode())
            }
            Self::Vouch { contract, answer } => (&["contract", "answer"], (contract, answer).encode()),
            Self::Convict { contract, block, answer } => {
                (&["contract", "block", "answer"], (contract, block, answer).encode())
            }
            Self::Surrender { contract } | Self::Resolve { contract } => (&["contract"], contract.encode()),
            Self::ClaimRewards { eras } => (&["eras"], eras.encode()),
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
