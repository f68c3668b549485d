//! Reads: at one finalized block, page by page, and nothing taken for what it is not.

use super::fake::{FakeNode, FREE, PARAMETERS};
use super::{chain, shown, try_chain, until, PACE};
use crate::{Chain, ChainError};
use lunarx_core::{
    AccountId, BatchRoot, ContractId, ContractInfo, ContractState, EncryptionKey, NodeKey, ProviderInfo,
    Quote, Services, Supply,
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
        windows: 1,
        window_fee: 1,
        escrow: 1,
        paid: 0,
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
