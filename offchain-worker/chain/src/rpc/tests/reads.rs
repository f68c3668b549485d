//! Reads: at one finalized block, page by page, and nothing taken for what it is not.

use super::fake::{FakeNode, FREE, PARAMETERS};
use super::{chain, shown, try_chain, until, PACE};
use crate::{Chain, ChainError};
use lunarx_core::{
    AccountId, AuditInfo, AuditSeed, BatchRoot, Commission, ContractId, ContractInfo, ContractState,
    DisputeInfo, EncryptionKey, NodeKey, ProviderInfo, Quote, RoundDetails, Score, Services, Supply,
    TrackerDetails, TrackerInfo, TrackerState, Verdict, WindowVotes,
};

const ACCOUNT: AccountId = AccountId([4; 32]);

fn provider(number: u32) -> ProviderInfo<AccountId> {
    let mut account = [0; 32];
    account[..4].copy_from_slice(&number.to_be_bytes());
    ProviderInfo {
        account: AccountId(account),
        node_key: NodeKey([1; 32]),
        encryption_key: EncryptionKey([2; 32]),
        addresses: vec![b"/ip4/10.0.0.1/tcp/1".to_vec().try_into().unwrap()].try_into().unwrap(),
        region: b"eu".to_vec().try_into().unwrap(),
        services: Services::STORAGE,
        capacity: 1,
        used: 0,
        price: 1,
        collateral: 1,
        exit_at: None,
        score: Score { proven: 9, unproven: 1, lost: 2, slashed: 3 },
    }
}

fn contract(id: [u8; 32]) -> ContractInfo<AccountId> {
    ContractInfo {
        id: ContractId(id),
        client: ACCOUNT,
        miner: AccountId([5; 32]),
        root: BatchRoot([6; 32]),
        pieces: 1,
        bytes: 1,
        window: 20,
        windows: 1,
        window_fee: 1,
        last_fee: 1,
        word_pay: 1,
        ended: Some(7),
        escrow: 1,
        paid: 0,
        commission: Some(Commission { supplier: AccountId([7; 32]), share: 5 }),
        state: ContractState::Pending { accept_by: 9 },
    }
}

#[tokio::test]
async fn reads_what_the_runtime_answers() {
    let node = FakeNode::new();
    let supply = Supply { cap: 4, issued: 3, unminted: 1, circulating: 2 };
    node.answer("LunarxApi_supply", (), supply);
    node.answer("LunarxApi_provider", ACCOUNT, Some(provider(1)));
    node.answer("LunarxApi_provider_of_node", ACCOUNT, None::<ProviderInfo<AccountId>>);
    node.answer("LunarxApi_contract", ContractId([7; 32]), Some(contract([7; 32])));
    node.answer("LunarxApi_quote", (5u64, 6u32, 7u128), Some(Quote { window_fee: 1, total: 6 }));
    let chain = chain(&node).await;

    assert_eq!(chain.genesis(), node.block_hash(0));
    assert_eq!(chain.parameters(), PARAMETERS);
    assert_eq!(chain.supply().await, Ok(supply));
    assert_eq!(chain.provider(ACCOUNT).await, Ok(Some(provider(1))));
    assert_eq!(chain.provider_of_node(lunarx_core::NodeId(ACCOUNT.0)).await, Ok(None));
    assert_eq!(chain.contract(ContractId([7; 32])).await, Ok(Some(contract([7; 32]))));
    assert_eq!(chain.quote(5, 6, 7).await, Ok(Some(Quote { window_fee: 1, total: 6 })));
    let balance = chain.balance(ACCOUNT).await.unwrap();
    assert_eq!((balance.free, balance.held, balance.transferable), (FREE, 40, FREE - 60));
}

#[tokio::test]
async fn reads_all_pages() {
    let node = FakeNode::new();
    let all: Vec<_> = (0..600).map(provider).collect();
    let after = |index: usize| Some(all[index].account);
    node.answer("LunarxApi_providers", (None::<AccountId>, 256u32), &all[..256]);
    node.answer("LunarxApi_providers", (after(255), 256u32), &all[256..512]);
    node.answer("LunarxApi_providers", (after(511), 256u32), &all[512..]);
    let ours = vec![contract([1; 32]), contract([2; 32])];
    node.answer("LunarxApi_contracts_of", (ACCOUNT, None::<ContractId>, 256u32), ours.clone());
    let chain = chain(&node).await;
    assert_eq!(chain.providers().await, Ok(all));
    assert_eq!(chain.contracts_of(ACCOUNT).await, Ok(ours));
}

fn tracker(account: AccountId) -> TrackerInfo<AccountId> {
    let provider = provider(1);
    let (encryption_key, addresses, region) = (provider.encryption_key, provider.addresses, provider.region);
    TrackerInfo {
        account,
        node_key: NodeKey([3; 32]),
        details: TrackerDetails { encryption_key, addresses, region },
        bond: 5,
        state: TrackerState::Leaving { exit_at: 9 },
        missed: 1,
        verifiers: vec![NodeKey([4; 32])],
        credits: 7,
    }
}

#[tokio::test]
async fn reads_trackers_and_audits() {
    let node = FakeNode::new();
    let mut votes = WindowVotes::default();
    votes.cast(1, Verdict::Silent);
    let dispute = DisputeInfo {
        contract: ContractId([7; 32]),
        opener: ACCOUNT,
        standing: lunarx_core::Standing::Seat,
        replaced: None,
        challenge: Some(3),
        opened: 4,
        deadline: 9,
        positions: vec![1, 2],
    };
    let audit = AuditInfo {
        first: 1,
        proven: 2,
        votes: vec![votes],
        dues: lunarx_core::Dues::default(),
        dispute: Some(dispute.clone()),
    };
    let round = RoundDetails { round: 2, start: 5, seed: AuditSeed([6; 32]), members: vec![ACCOUNT] };
    node.answer("LunarxApi_rounds", (), vec![round.clone()]);
    node.answer("LunarxApi_tracker", ACCOUNT, Some(tracker(ACCOUNT)));
    node.answer("LunarxApi_trackers", (None::<AccountId>, 256u32), vec![tracker(ACCOUNT)]);
    node.answer("LunarxApi_audit", ContractId([7; 32]), Some(audit.clone()));
    node.answer("LunarxApi_disputes", (None::<ContractId>, 256u32), vec![dispute.clone()]);
    let all: Vec<_> = (0..300u32)
        .map(|number| {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&number.to_be_bytes());
            contract(id)
        })
        .collect();
    node.answer("LunarxApi_contracts", (None::<ContractId>, 256u32), &all[..256]);
    node.answer("LunarxApi_contracts", (Some(all[255].id), 256u32), &all[256..]);
    let chain = chain(&node).await;
    assert_eq!(chain.rounds().await, Ok(vec![round]));
    assert_eq!(chain.tracker(ACCOUNT).await, Ok(Some(tracker(ACCOUNT))));
    assert_eq!(chain.trackers().await, Ok(vec![tracker(ACCOUNT)]));
    assert_eq!(chain.audit(ContractId([7; 32])).await, Ok(Some(audit)));
    assert_eq!(chain.disputes().await, Ok(vec![dispute]));
    assert_eq!(chain.contracts().await, Ok(all));
}

#[tokio::test]
async fn reads_seeds_page_by_page_up_to_the_finalized_block() {
    let node = FakeNode::new();
    while node.height() < 599 {
        node.mine();
    }
    let seeds: Vec<_> = (0..590u32)
        .map(|block| {
            let byte = block.to_le_bytes()[0];
            (byte > 0).then_some(AuditSeed([byte; 32]))
        })
        .collect();
    node.answer("LunarxApi_audit_seeds", (10u32, 256u32), &seeds[..256]);
    node.answer("LunarxApi_audit_seeds", (266u32, 256u32), &seeds[256..512]);
    node.answer("LunarxApi_audit_seeds", (522u32, 78u32), &seeds[512..]);
    node.answer("LunarxApi_audit_seeds", (10u32, 3u32), &seeds[..2]);
    let chain = chain(&node).await;
    assert_eq!(chain.audit_seeds(10, u32::MAX).await, Ok(seeds));
    assert_eq!(chain.audit_seeds(600, 5).await, Ok(vec![]));
    // A seed is missing.
    let refused = chain.audit_seeds(10, 3).await.unwrap_err();
    assert!(matches!(refused, ChainError::Decode { .. }), "{refused}");
}

#[tokio::test]
async fn pages_that_never_end_are_refused() {
    let node = FakeNode::new();
    let page = vec![provider(1); 256];
    node.answer("LunarxApi_providers", (None::<AccountId>, 256u32), page.clone());
    node.answer("LunarxApi_providers", (Some(provider(1).account), 256u32), page);
    let refused = chain(&node).await.providers().await.unwrap_err();
    assert!(matches!(refused, ChainError::Decode { .. }), "{refused}");
}

#[tokio::test]
async fn refuses_trailing_bytes_short_answers_and_other_chains() {
    let node = FakeNode::new();
    node.answer("LunarxApi_contract", ContractId([7; 32]), (None::<ContractInfo<AccountId>>, 1u8));
    node.answer("LunarxApi_supply", (), 1u8);
    let chain = chain(&node).await;
    for refused in [chain.contract(ContractId([7; 32])).await.unwrap_err(), chain.supply().await.unwrap_err()]
    {
        assert!(matches!(refused, ChainError::Decode { .. }), "{refused}");
    }
    // A chain without our runtime API.
    node.lock().answers.clear();
    let refused = try_chain(&node, PACE).await.err().unwrap();
    assert!(matches!(refused, ChainError::Incompatible { .. }), "{refused}");
}

#[tokio::test]
async fn follows_finality_and_takes_the_stream_up_again() {
    let node = FakeNode::new();
    let chain = chain(&node).await;
    until(|| node.is_followed()).await;
    node.mine();
    shown(&chain, node.height()).await;

    node.cut_streams();
    node.mine();
    node.mine();
    shown(&chain, node.height()).await;
    until(|| node.is_followed()).await;

    drop(chain);
    until(|| !node.is_followed()).await;
}

#[tokio::test]
async fn an_unreachable_node_is_a_clear_error_and_can_come_back() {
    let node = FakeNode::new();
    let chain = chain(&node).await;
    node.lock().down = true;
    node.cut_streams();
    let error = chain.balance(ACCOUNT).await.unwrap_err();
    assert!(matches!(error, ChainError::Unreachable { .. }) && error.is_retryable(), "{error}");
    assert!(matches!(try_chain(&node, PACE).await, Err(ChainError::Unreachable { .. })));
    node.lock().down = false;
    assert!(chain.balance(ACCOUNT).await.is_ok());
    node.mine();
    shown(&chain, node.height()).await;
}
