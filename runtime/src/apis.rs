//! What the node and the workers call.

use crate::{
    configs::{
        dynamic_params, named_accounts, AcceptWithin, CurrentWindow, EpochDuration, ExitDelay, MaxOfferLife,
        MaxPromises, MaxReports, MaxWindows,
    },
    genesis, AccountId, Audits, Babe, Balance, Balances, Block, Contracts, Executive, Grandpa, Historical,
    InherentDataExt, Issuance, Nonce, Providers, Runtime, RuntimeCall, RuntimeGenesisConfig, SessionKeys,
    System, Trackers, TransactionPayment, Vesting, BABE_GENESIS_EPOCH_CONFIG, BLOCK_MILLIS, DAYS, VERSION,
};
use alloc::vec::Vec;
use codec::Encode;
use frame_support::{
    genesis_builder_helper::{build_state, get_preset},
    traits::{Currency, Get, KeyOwnerProofSystem, VestingSchedule},
    weights::Weight,
};
use lunarx_core::{
    AuditInfo, AuditRules, AuditSeed, AuthorityInfo, BlockNumber, ChainParameters, ChallengeInfo, ContractId,
    ContractInfo, DisputeInfo, DueReward, EconomyInfo, FundInfo, NodeId, ProviderInfo, Quote, RoundDetails,
    Supply, TrackerInfo,
};
use lunarx_runtime_api::MAX_PAGE;
use sp_api::impl_runtime_apis;
use sp_consensus_babe::AuthorityId as BabeId;
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_core::{crypto::KeyTypeId, OpaqueMetadata};
use sp_runtime::{
    traits::{Block as BlockT, NumberFor},
    transaction_validity::{TransactionSource, TransactionValidity},
    ApplyExtrinsicResult,
};
use sp_session::OpaqueGeneratedSessionKeys;
use sp_version::RuntimeVersion;

/// A tracker with what the audits owe it.
fn with_credits(tracker: TrackerInfo<AccountId>) -> TrackerInfo<AccountId> {
    TrackerInfo { credits: Audits::credits(&tracker.account), ..tracker }
}

/// The accounts that hold LX for a purpose.
fn funds_info() -> Vec<FundInfo<AccountId>> {
    let funds = named_accounts().into_iter();
    let info = |(name, account): (&str, AccountId)| {
        let vesting = Vesting::vesting_balance(&account).unwrap_or(0);
        let balance = Balances::total_balance(&account);
        FundInfo { name: name.as_bytes().to_vec(), account, balance, vesting }
    };
    funds.map(info).collect()
}

impl_runtime_apis! {
    impl sp_api::Core<Block> for Runtime {
        fn version() -> RuntimeVersion {
            VERSION
        }

        fn execute_block(block: <Block as BlockT>::LazyBlock) {
            Executive::execute_block(block)
        }

        fn initialize_block(header: &<Block as BlockT>::Header) -> sp_runtime::ExtrinsicInclusionMode {
            Executive::initialize_block(header)
        }
    }

    impl sp_api::Metadata<Block> for Runtime {
        fn metadata() -> OpaqueMetadata {
            OpaqueMetadata::new(Runtime::metadata().into())
        }

        fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
            Runtime::metadata_at_version(version)
        }

        fn metadata_versions() -> Vec<u32> {
            Runtime::metadata_versions()
        }
    }

    impl frame_support::view_functions::runtime_api::RuntimeViewFunction<Block> for Runtime {
        fn execute_view_function(
            id: frame_support::view_functions::ViewFunctionId,
            input: Vec<u8>,
        ) -> Result<Vec<u8>, frame_support::view_functions::ViewFunctionDispatchError> {
            Runtime::execute_view_function(id, input)
        }
    }

    impl sp_block_builder::BlockBuilder<Block> for Runtime {
        fn apply_extrinsic(extrinsic: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
            Executive::apply_extrinsic(extrinsic)
        }

        fn finalize_block() -> <Block as BlockT>::Header {
            Executive::finalize_block()
        }

        fn inherent_extrinsics(data: sp_inherents::InherentData) -> Vec<<Block as BlockT>::Extrinsic> {
            data.create_extrinsics()
        }

        fn check_inherents(
            block: <Block as BlockT>::LazyBlock,
            data: sp_inherents::InherentData,
        ) -> sp_inherents::CheckInherentsResult {
            data.check_extrinsics(&block)
        }
    }

    impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
        fn validate_transaction(
            source: TransactionSource,
            tx: <Block as BlockT>::Extrinsic,
            block_hash: <Block as BlockT>::Hash,
        ) -> TransactionValidity {
            Executive::validate_transaction(source, tx, block_hash)
        }
    }

    impl sp_offchain::OffchainWorkerApi<Block> for Runtime {
        fn offchain_worker(header: &<Block as BlockT>::Header) {
            Executive::offchain_worker(header)
        }
    }

    impl sp_consensus_babe::BabeApi<Block> for Runtime {
        fn configuration() -> sp_consensus_babe::BabeConfiguration {
            let epoch_config = Babe::epoch_config().unwrap_or(BABE_GENESIS_EPOCH_CONFIG);
            sp_consensus_babe::BabeConfiguration {
                slot_duration: Babe::slot_duration(),
                epoch_length: EpochDuration::get(),
                c: epoch_config.c,
                authorities: Babe::authorities().to_vec(),
                randomness: Babe::randomness(),
                allowed_slots: epoch_config.allowed_slots,
            }
        }

        fn current_epoch_start() -> sp_consensus_babe::Slot {
            Babe::current_epoch_start()
        }

        fn current_epoch() -> sp_consensus_babe::Epoch {
            Babe::current_epoch()
        }

        fn next_epoch() -> sp_consensus_babe::Epoch {
            Babe::next_epoch()
        }

        fn generate_key_ownership_proof(
            _slot: sp_consensus_babe::Slot,
            authority_id: BabeId,
        ) -> Option<sp_consensus_babe::OpaqueKeyOwnershipProof> {
            Historical::prove((sp_consensus_babe::KEY_TYPE, authority_id))
                .map(|proof| sp_consensus_babe::OpaqueKeyOwnershipProof::new(proof.encode()))
        }

        fn submit_report_equivocation_unsigned_extrinsic(
            equivocation_proof: sp_consensus_babe::EquivocationProof<<Block as BlockT>::Header>,
            key_owner_proof: sp_consensus_babe::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            Babe::submit_unsigned_equivocation_report(equivocation_proof, key_owner_proof.decode()?)
        }
    }

    impl sp_consensus_grandpa::GrandpaApi<Block> for Runtime {
        fn grandpa_authorities() -> sp_consensus_grandpa::AuthorityList {
            Grandpa::grandpa_authorities()
        }

        fn current_set_id() -> sp_consensus_grandpa::SetId {
            pallet_grandpa::CurrentSetId::<Runtime>::get()
        }

        fn submit_report_equivocation_unsigned_extrinsic(
            equivocation_proof: sp_consensus_grandpa::EquivocationProof<<Block as BlockT>::Hash, NumberFor<Block>>,
            key_owner_proof: sp_consensus_grandpa::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            Grandpa::submit_unsigned_equivocation_report(equivocation_proof, key_owner_proof.decode()?)
        }

        fn generate_key_ownership_proof(
            _set_id: sp_consensus_grandpa::SetId,
            authority_id: GrandpaId,
        ) -> Option<sp_consensus_grandpa::OpaqueKeyOwnershipProof> {
            Historical::prove((sp_consensus_grandpa::KEY_TYPE, authority_id))
                .map(|proof| sp_consensus_grandpa::OpaqueKeyOwnershipProof::new(proof.encode()))
        }
    }

    impl sp_session::SessionKeys<Block> for Runtime {
        fn generate_session_keys(owner: Vec<u8>, seed: Option<Vec<u8>>) -> OpaqueGeneratedSessionKeys {
            SessionKeys::generate(&owner, seed).into()
        }

        fn decode_session_keys(encoded: Vec<u8>) -> Option<Vec<(Vec<u8>, KeyTypeId)>> {
            SessionKeys::decode_into_raw_public_keys(&encoded)
        }
    }

    impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
        fn account_nonce(account: AccountId) -> Nonce {
            System::account_nonce(account)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance> for Runtime {
        fn query_info(
            uxt: <Block as BlockT>::Extrinsic,
            len: u32,
        ) -> pallet_transaction_payment_rpc_runtime_api::RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_info(uxt, len)
        }

        fn query_fee_details(
            uxt: <Block as BlockT>::Extrinsic,
            len: u32,
        ) -> pallet_transaction_payment::FeeDetails<Balance> {
            TransactionPayment::query_fee_details(uxt, len)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentCallApi<Block, Balance, RuntimeCall>
        for Runtime
    {
        fn query_call_info(
            call: RuntimeCall,
            len: u32,
        ) -> pallet_transaction_payment::RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_call_info(call, len)
        }

        fn query_call_fee_details(
            call: RuntimeCall,
            len: u32,
        ) -> pallet_transaction_payment::FeeDetails<Balance> {
            TransactionPayment::query_call_fee_details(call, len)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl lunarx_runtime_api::LunarxApi<Block, AccountId> for Runtime {
        fn supply() -> Supply {
            Issuance::supply()
        }

        fn economy() -> EconomyInfo<AccountId> {
            Issuance::economy(funds_info())
        }

        fn due_rewards(account: AccountId) -> Vec<DueReward> {
            Issuance::due(&account)
        }

        fn authority(account: AccountId) -> AuthorityInfo {
            Providers::authority(&account)
        }

        fn parameters() -> ChainParameters {
            ChainParameters {
                block_millis: BLOCK_MILLIS,
                day: DAYS,
                window: CurrentWindow::get(),
                accept_within: AcceptWithin::get(),
                max_offer_life: MaxOfferLife::get(),
                max_windows: MaxWindows::get(),
                max_promises: MaxPromises::get(),
                max_reports: MaxReports::get(),
                collateral_per_gib: <dynamic_params::providers::CollateralPerGib as Get<Balance>>::get(),
                exit_delay: ExitDelay::get(),
                audit: AuditRules::of_window(CurrentWindow::get()),
            }
        }

        fn provider(account: AccountId) -> Option<ProviderInfo<AccountId>> {
            Providers::info(account)
        }

        fn provider_of_node(node: NodeId) -> Option<ProviderInfo<AccountId>> {
            Providers::by_node(node)
        }

        fn providers(after: Option<AccountId>, limit: u32) -> Vec<ProviderInfo<AccountId>> {
            Providers::page(after, limit.min(MAX_PAGE))
        }

        fn contract(id: ContractId) -> Option<ContractInfo<AccountId>> {
            Contracts::info(id)
        }

        fn contracts_of(
            account: AccountId,
            after: Option<ContractId>,
            limit: u32,
        ) -> Vec<ContractInfo<AccountId>> {
            Contracts::page_of(&account, after, limit.min(MAX_PAGE))
        }

        fn contracts(after: Option<ContractId>, limit: u32) -> Vec<ContractInfo<AccountId>> {
            Contracts::page(after, limit.min(MAX_PAGE))
        }

        fn audit_seeds(from: BlockNumber, count: u32) -> Vec<Option<AuditSeed>> {
            Audits::seeds(from, count.min(MAX_PAGE))
        }

        fn rounds() -> Vec<RoundDetails<AccountId>> {
            Trackers::known_rounds().collect()
        }

        fn tracker(account: AccountId) -> Option<TrackerInfo<AccountId>> {
            Trackers::info(account).map(with_credits)
        }

        fn trackers(after: Option<AccountId>, limit: u32) -> Vec<TrackerInfo<AccountId>> {
            Trackers::page(after, limit.min(MAX_PAGE)).into_iter().map(with_credits).collect()
        }

        fn seats(contract: ContractId) -> Vec<AccountId> {
            Audits::seats(contract)
        }

        fn audit(contract: ContractId) -> Option<AuditInfo<AccountId>> {
            Audits::info(contract)
        }

        fn disputes(after: Option<ContractId>, limit: u32) -> Vec<DisputeInfo<AccountId>> {
            Audits::disputes(after, limit.min(MAX_PAGE))
        }

        fn challenges(block: BlockNumber, contracts: Vec<ContractId>) -> Vec<ChallengeInfo<AccountId>> {
            let most = usize::try_from(MAX_PAGE).unwrap_or(usize::MAX);
            Audits::challenges(block, contracts.into_iter().take(most).collect())
        }

        fn quote(bytes: u64, windows: u32, price: Balance) -> Option<Quote> {
            Contracts::quote(bytes, windows, price)
        }
    }

    impl sp_genesis_builder::GenesisBuilder<Block> for Runtime {
        fn build_state(config: Vec<u8>) -> sp_genesis_builder::Result {
            build_state::<RuntimeGenesisConfig>(config)
        }

        fn get_preset(id: &Option<sp_genesis_builder::PresetId>) -> Option<Vec<u8>> {
            get_preset::<RuntimeGenesisConfig>(id, genesis::preset)
        }

        fn preset_names() -> Vec<sp_genesis_builder::PresetId> {
            genesis::preset_names()
        }
    }

    #[cfg(feature = "runtime-benchmarks")]
    impl frame_benchmarking::Benchmark<Block> for Runtime {
        fn benchmark_metadata(
            extra: bool,
        ) -> (Vec<frame_benchmarking::BenchmarkList>, Vec<frame_support::traits::StorageInfo>) {
            crate::benchmarks::metadata(extra)
        }

        fn dispatch_benchmark(
            config: frame_benchmarking::BenchmarkConfig,
        ) -> Result<Vec<frame_benchmarking::BenchmarkBatch>, alloc::string::String> {
            crate::benchmarks::dispatch(config)
        }
    }

    #[cfg(feature = "try-runtime")]
    impl frame_try_runtime::TryRuntime<Block> for Runtime {
        fn on_runtime_upgrade(checks: frame_try_runtime::UpgradeCheckSelect) -> (Weight, Weight) {
            let weight = Executive::try_runtime_upgrade(checks).expect("try-runtime reports by panicking");
            (weight, crate::configs::MAXIMUM_BLOCK_WEIGHT)
        }

        fn execute_block(
            block: <Block as BlockT>::LazyBlock,
            state_root_check: bool,
            signature_check: bool,
            select: frame_try_runtime::TryStateSelect,
        ) -> Weight {
            Executive::try_execute_block(block, state_root_check, signature_check, select)
                .expect("try-runtime reports by panicking")
        }
    }
}
