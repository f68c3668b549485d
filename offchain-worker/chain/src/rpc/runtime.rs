//! What the node's metadata tells: how to encode and sign a call, and what its events mean.

use super::node::{Hash, Head, Node, Versions};
use crate::call::CallPayload;
use crate::{Call, ChainError, Signer};
use codec::{Decode, DecodeAll};
use lunarx_core::{blake2b_256, AccountId, Balance};
use std::sync::Arc;
use subxt::config::substrate::{SpecVersionForRange, SubstrateConfigBuilder, H256};
use subxt::config::DefaultExtrinsicParamsBuilder;
use subxt::error::DispatchError;
use subxt::events::Phase;
use subxt::{ArcMetadata, Metadata, OfflineClient, OfflineClientAtBlock, SubstrateConfig};
use tokio::sync::Mutex;

/// The runtime of one spec version.
pub(super) struct Runtime {
    versions: Versions,
    client: OfflineClientAtBlock<SubstrateConfig>,
}

/// How a transaction is signed, besides its call.
pub(super) struct Terms {
    pub nonce: u32,
    pub tip: Balance,
    /// It is valid in descendants of this block only.
    pub birth: Head,
    /// Blocks after `birth` in which it can be included: a power of two.
    pub lifetime: u32,
}

/// A signed transaction.
pub(super) struct Signed {
    pub bytes: Vec<u8>,
    pub hash: Hash,
}

/// The runtimes in use: usually one.
#[derive(Default)]
pub(super) struct Runtimes(Mutex<Option<Arc<Runtime>>>);

impl Runtimes {
    /// The runtime at `block`, or at the best block.
    pub async fn at(
        &self,
        node: &Node,
        genesis: Hash,
        block: Option<Hash>,
    ) -> Result<Arc<Runtime>, ChainError> {
        let versions = node.versions(block).await?;
        let mut cached = self.0.lock().await;
        if let Some(runtime) = cached.as_ref().filter(|runtime| runtime.versions == versions) {
            return Ok(runtime.clone());
        }
        let metadata = node.metadata(block).await?;
        let runtime = Arc::new(Runtime::new(genesis, versions, &metadata)?);
        *cached = Some(runtime.clone());
        Ok(runtime)
    }
}

impl Runtime {
    pub fn new(genesis: Hash, versions: Versions, metadata: &[u8]) -> Result<Self, ChainError> {
        let incompatible = |reason: String| ChainError::Incompatible { reason };
        let metadata = Metadata::decode(&mut &metadata[..])
            .map_err(|error| incompatible(format!("its metadata cannot be read: {error}")))?;
        let range = SpecVersionForRange {
            block_range: 0..u64::MAX,
            spec_version: versions.spec,
            transaction_version: versions.transaction,
        };
        let config = SubstrateConfigBuilder::new()
            .set_genesis_hash(H256(genesis))
            .set_spec_version_for_block_ranges([range])
            .set_metadata_for_spec_versions([(versions.spec, ArcMetadata::from(metadata))])
            .build();
        let client = OfflineClient::new_with_config(config)
            .at_block(0u64)
            .map_err(|error| incompatible(error.to_string()))?;
        Ok(Self { versions, client })
    }

    /// Whether the runtime has this call, with arguments of this form.
    pub fn check(&self, call: &Call) -> Result<(), ChainError> {
        let (pallet, name) = (call.pallet(), call.name());
        let incompatible = |reason: String| ChainError::Incompatible { reason };
        let metadata = self.client.metadata_ref();
        let found = metadata
            .pallet_by_name(pallet)
            .ok_or_else(|| incompatible(format!("its runtime has no pallet {pallet}")))?;
        if found.call_variant_by_name(name).is_none() {
            return Err(incompatible(format!("its runtime has no call {pallet}.{name}")));
        }
        let differs =
            |error: String| incompatible(format!("its call {pallet}.{name} has another form: {error}"));
        let client = self.client.tx();
        let encoded =
            client.call_data(&CallPayload::from(call)).map_err(|error| differs(error.to_string()))?;
        // Reads every byte back by the metadata's types.
        client.from_call_data_bytes(&encoded).map_err(|error| differs(error.to_string()))?;
        Ok(())
    }

    pub fn sign(&self, call: &Call, signer: &Signer, terms: &Terms) -> Result<Signed, ChainError> {
        let params = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new()
            .nonce(terms.nonce.into())
            .tip(terms.tip)
            .mortal_from_unchecked(terms.lifetime.into(), terms.birth.number.into(), H256(terms.birth.hash))
            .build();
        let payload = CallPayload::from(call);
        let bytes = self
            .client
            .tx()
            .create_signable_offline(&payload, params)
            .and_then(|mut transaction| transaction.sign(signer.keypair()))
            .map_err(|error| ChainError::Incompatible {
                reason: format!("its transactions have another form: {error}"),
            })?
            .into_encoded();
        let hash = blake2b_256(&bytes);
        Ok(Signed { bytes, hash })
    }

    /// What the events of its block say of the extrinsic at `index`: its fee if told, or why its
    /// call was refused.
    pub fn outcome(
        &self,
        events: Vec<u8>,
        index: u32,
        account: AccountId,
    ) -> Result<Option<Balance>, ChainError> {
        let unreadable = |reason: String| ChainError::Decode { request: "System.Events".into(), reason };
        let (mut fee, mut ended) = (None, false);
        let events = self.client.events().from_bytes(events);
        for event in events.iter() {
            let event = event.map_err(|error| unreadable(error.to_string()))?;
            if event.phase() != Phase::ApplyExtrinsic(index) {
                continue;
            }
            match (event.pallet_name(), event.event_name()) {
                ("System", "ExtrinsicSuccess") => ended = true,
                ("System", "ExtrinsicFailed") => {
                    let error = DispatchError::decode_from(event.field_bytes(), self.client.metadata())
                        .map_err(|error| unreadable(error.to_string()))?;
                    return Err(dispatch(error, account));
                }
                ("TransactionPayment", "TransactionFeePaid") => fee = fee_paid(event.field_bytes()),
                _ => {}
            }
        }
        if !ended {
            return Err(unreadable(format!("expected an outcome of extrinsic {index}, found none")));
        }
        Ok(fee)
    }
}

/// `TransactionFeePaid { who, actual_fee, tip }`; the fee contains the tip.
fn fee_paid(mut fields: &[u8]) -> Option<Balance> {
    let paid = <(AccountId, Balance, Balance)>::decode_all(&mut fields).ok();
    paid.map(|(_, fee, _)| fee)
}

fn dispatch(error: DispatchError, account: AccountId) -> ChainError {
    if let DispatchError::Token(subxt::error::TokenError::FundsUnavailable) = &error {
        return too_little(account);
    }
    if let DispatchError::Module(module) = &error {
        if let Ok(details) = module.details() {
            let (pallet, name) = (details.pallet.name(), details.variant.name.as_str());
            if (pallet, name) == ("Balances", "InsufficientBalance") {
                return too_little(account);
            }
            let docs = details.variant.docs.iter().map(|line| line.trim()).collect::<Vec<_>>();
            return ChainError::Dispatch { pallet: pallet.into(), error: name.into(), docs: docs.join(" ") };
        }
    }
    let (pallet, name) = match &error {
        DispatchError::Token(token) => ("Token", format!("{token:?}")),
        DispatchError::Arithmetic(arithmetic) => ("Arithmetic", format!("{arithmetic:?}")),
        other => ("System", format!("{other:?}")),
    };
    ChainError::Dispatch { pallet: pallet.into(), error: name, docs: error.to_string().to_lowercase() }
}

pub(super) fn too_little(account: AccountId) -> ChainError {
    let reason = "the amount is more than its transferable balance".into();
    ChainError::InsufficientBalance { account, reason }
}
