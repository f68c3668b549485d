//! Metadata of a small runtime with our pallets' calls, as a node would give it.

use codec::{Compact, Encode};
use lunarx_core::{
    AccountId, ContractId, NodeKey, NodeSignature, Promise, ProviderDetails, Report, TrackerDetails,
};
use lunarx_proof::{Answer, Proofs};
use scale_info::build::{Fields, Variants};
use scale_info::{meta_type, Path, Type, TypeInfo};
use subxt::ext::frame_metadata::v15::{
    CustomMetadata, ExtrinsicMetadata, OuterEnums, PalletCallMetadata, PalletErrorMetadata,
    PalletEventMetadata, PalletMetadata, RuntimeMetadataV15, SignedExtensionMetadata,
};
use subxt::ext::frame_metadata::RuntimeMetadataPrefixed;
use subxt::utils::{AccountId32, MultiAddress, MultiSignature};

type Address = MultiAddress<AccountId32, ()>;

/// `sp_runtime::DispatchError`, as far as needed. subxt looks for its path.
pub(super) struct DispatchError;

impl TypeInfo for DispatchError {
    type Identity = Self;

    fn type_info() -> Type {
        let variants = Variants::new()
            .variant("Other", |variant| variant.index(0))
            .variant("BadOrigin", |variant| variant.index(2))
            .variant("Module", |variant| {
                variant.index(3).fields(Fields::unnamed().field(|field| field.ty::<ModuleError>()))
            })
            .variant("Token", |variant| {
                variant.index(7).fields(Fields::unnamed().field(|field| field.ty::<TokenError>()))
            })
            .variant("Arithmetic", |variant| {
                variant.index(8).fields(Fields::unnamed().field(|field| field.ty::<ArithmeticError>()))
            });
        Type::builder().path(Path::new("DispatchError", "sp_runtime")).variant(variants)
    }
}

#[derive(TypeInfo)]
#[allow(dead_code)]
struct ModuleError {
    index: u8,
    error: [u8; 4],
}

#[derive(TypeInfo)]
#[allow(dead_code)]
enum TokenError {
    FundsUnavailable,
    OnlyProvider,
}

#[derive(TypeInfo)]
#[allow(dead_code)]
enum ArithmeticError {
    Underflow,
    Overflow,
}

#[derive(TypeInfo)]
#[allow(dead_code)]
enum Mode {
    Disabled,
    Enabled,
}

#[derive(TypeInfo)]
#[allow(dead_code)]
struct DispatchInfo {
    weight: (Compact<u64>, Compact<u64>),
    class: u8,
    pays_fee: u8,
}

#[derive(TypeInfo)]
#[allow(dead_code)]
enum SystemEvent {
    ExtrinsicSuccess { dispatch_info: DispatchInfo },
    ExtrinsicFailed { dispatch_error: DispatchError, dispatch_info: DispatchInfo },
}

#[derive(TypeInfo)]
#[allow(dead_code)]
enum PaymentEvent {
    TransactionFeePaid { who: AccountId, actual_fee: u128, tip: u128 },
}

#[derive(TypeInfo)]
#[allow(dead_code, non_camel_case_types)]
enum BalancesCall {
    transfer_allow_death { dest: Address, value: Compact<u128> },
    transfer_keep_alive { dest: Address, value: Compact<u128> },
}

#[derive(TypeInfo)]
#[allow(dead_code, non_camel_case_types)]
enum ProvidersCall {
    register { node_key: NodeKey, node_signature: NodeSignature, details: ProviderDetails },
    update { details: ProviderDetails },
    top_up { amount: Compact<u128> },
    announce_exit,
    withdraw,
}

#[derive(TypeInfo)]
#[allow(dead_code, non_camel_case_types)]
enum ContractsCall {
    open { promises: Vec<Promise<AccountId>> },
    accept { ids: Vec<ContractId> },
    settle { ids: Vec<ContractId> },
    end { ids: Vec<ContractId> },
    expire { ids: Vec<ContractId> },
}

#[derive(TypeInfo)]
#[allow(dead_code, non_camel_case_types)]
enum TrackersCall {
    bond { node_key: NodeKey, node_signature: NodeSignature, details: TrackerDetails, bond: Compact<u128> },
    update { details: TrackerDetails },
    top_up { amount: Compact<u128> },
    set_verifiers { verifiers: Vec<NodeKey> },
    resume,
    announce_exit,
    withdraw,
}

#[derive(TypeInfo)]
#[allow(dead_code, non_camel_case_types)]
enum AuditsCall {
    report { reports: Vec<Report> },
    dispute { contract: ContractId, challenge: Option<u32> },
    answer { contract: ContractId, opened: u32, proofs: Proofs },
    vouch { contract: ContractId, answer: Answer },
    convict { contract: ContractId, block: u32, answer: Answer },
    surrender { contract: ContractId },
    resolve { contract: ContractId },
    claim,
}

#[derive(TypeInfo)]
#[allow(dead_code, non_camel_case_types)]
enum IssuanceCall {
    claim { eras: Vec<u32> },
}

/// The same calls in an older runtime.
#[derive(TypeInfo)]
#[allow(dead_code, non_camel_case_types)]
enum OldContractsCall {
    open { promises: Vec<u8> },
    accept { contracts: Vec<ContractId> },
}

#[derive(TypeInfo)]
#[scale_info(capture_docs = "always")]
#[allow(dead_code)]
enum ContractsError {
    EmptyBatch,
    /// The offer's price
    /// is under the miner's listed one.
    UnderPriced,
}

fn pallet(name: &'static str, index: u8) -> PalletMetadata {
    PalletMetadata {
        name,
        storage: None,
        calls: None,
        event: None,
        constants: vec![],
        error: None,
        index,
        docs: vec![],
    }
}

fn extension<Extra: TypeInfo + 'static, Implicit: TypeInfo + 'static>(
    identifier: &'static str,
) -> SignedExtensionMetadata {
    SignedExtensionMetadata {
        identifier,
        ty: meta_type::<Extra>(),
        additional_signed: meta_type::<Implicit>(),
    }
}

/// Index of the pallet `Contracts`.
pub(super) const CONTRACTS: u8 = 21;
/// Index of the pallet `Trackers`.
pub(super) const TRACKERS: u8 = 22;
/// Index of the pallet `Issuance`.
pub(super) const ISSUANCE: u8 = 12;
/// Index of the pallet `Audits`.
pub(super) const AUDITS: u8 = 23;
/// Index of the pallet `Balances`.
pub(super) const BALANCES: u8 = 10;

/// The metadata, encoded. `old`: with the calls of an older runtime, and no pallets but `Contracts`.
pub(super) fn metadata(old: bool) -> Vec<u8> {
    let call = |ty| Some(PalletCallMetadata { ty });
    let event = |ty| Some(PalletEventMetadata { ty });
    let contracts = if old { meta_type::<OldContractsCall>() } else { meta_type::<ContractsCall>() };
    let mut pallets = vec![
        PalletMetadata { event: event(meta_type::<SystemEvent>()), ..pallet("System", 0) },
        PalletMetadata { calls: call(meta_type::<BalancesCall>()), ..pallet("Balances", BALANCES) },
        PalletMetadata { event: event(meta_type::<PaymentEvent>()), ..pallet("TransactionPayment", 11) },
        PalletMetadata {
            calls: call(contracts),
            error: Some(PalletErrorMetadata { ty: meta_type::<ContractsError>() }),
            ..pallet("Contracts", CONTRACTS)
        },
    ];
    if !old {
        let calls = call(meta_type::<ProvidersCall>());
        pallets.push(PalletMetadata { calls, ..pallet("Providers", 20) });
        let calls = call(meta_type::<TrackersCall>());
        pallets.push(PalletMetadata { calls, ..pallet("Trackers", TRACKERS) });
        let calls = call(meta_type::<AuditsCall>());
        pallets.push(PalletMetadata { calls, ..pallet("Audits", AUDITS) });
        let calls = call(meta_type::<IssuanceCall>());
        pallets.push(PalletMetadata { calls, ..pallet("Issuance", ISSUANCE) });
    }
    let extrinsic = ExtrinsicMetadata {
        version: 4,
        address_ty: meta_type::<Address>(),
        call_ty: meta_type::<()>(),
        signature_ty: meta_type::<MultiSignature>(),
        extra_ty: meta_type::<()>(),
        signed_extensions: vec![
            extension::<(), ()>("CheckNonZeroSender"),
            extension::<(), u32>("CheckSpecVersion"),
            extension::<(), u32>("CheckTxVersion"),
            extension::<(), [u8; 32]>("CheckGenesis"),
            extension::<u8, [u8; 32]>("CheckMortality"),
            extension::<Compact<u32>, ()>("CheckNonce"),
            extension::<(), ()>("CheckWeight"),
            extension::<Compact<u128>, ()>("ChargeTransactionPayment"),
            extension::<Mode, Option<[u8; 32]>>("CheckMetadataHash"),
            extension::<(), ()>("WeightReclaim"),
        ],
    };
    // Named by no event, but looked up by its path.
    let outer_enums = OuterEnums {
        call_enum_ty: meta_type::<()>(),
        event_enum_ty: meta_type::<()>(),
        error_enum_ty: meta_type::<DispatchError>(),
    };
    let custom = CustomMetadata { map: Default::default() };
    let runtime = RuntimeMetadataV15::new(pallets, extrinsic, meta_type::<()>(), vec![], outer_enums, custom);
    RuntimeMetadataPrefixed::from(runtime).encode()
}
