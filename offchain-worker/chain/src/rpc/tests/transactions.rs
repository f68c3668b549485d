//! Transactions: what the node's pool does to them, and that each takes effect once or not at all.

use super::fake::{FakeNode, Fate, FEE, SPEC_VERSION, TRANSACTION_VERSION};
use super::metadata::{AUDITS, BALANCES, CONTRACTS, ISSUANCE, TRACKERS};
use super::{chain, shown, try_chain, until, PACE, PATIENCE};
use crate::rpc::transaction::Pace;
use crate::{Call, Chain, ChainError, Receipt, Signer};
use codec::{Compact, Encode};
use lunarx_core::{
    blake2b_256, AccountId, Commission, ContractId, NodeKey, NodeSignature, Offer, PieceId, Promise, Report,
    TrackerDetails, Verdict,
};
use lunarx_proof::{Answer, BatchEntry, LeafProof, Proofs};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use subxt_signer::sr25519;
use tokio::time::timeout;

fn alice() -> Signer {
    Signer::from_uri("//Alice").unwrap()
}

fn accept() -> Call {
    Call::Accept { ids: vec![ContractId([3; 32])] }
}

/// Sends one call whose attempts meet these fates.
async fn submit(node: &FakeNode, fates: impl IntoIterator<Item = Fate>) -> Result<Receipt, ChainError> {
    node.fates(fates);
    let chain = chain(node).await;
    timeout(PATIENCE, chain.submit(&alice(), accept())).await.unwrap()
}

/// Nonces and whether each tip is over the one before.
fn nonces(node: &FakeNode) -> Vec<u32> {
    node.lock().sent.iter().map(|sent| sent.nonce).collect()
}

#[tokio::test]
async fn a_call_is_signed_for_this_chain_and_ends_in_a_receipt() {
    let node = FakeNode::new();
    let birth = node.height();
    let receipt = submit(&node, []).await.unwrap();
    let fake = node.lock();
    let sent = &fake.sent[0];
    assert_eq!((receipt.block, receipt.fee), (birth + 1, Some(FEE)));
    assert_eq!(receipt.extrinsic, blake2b_256(&sent.bytes));
    assert_eq!((sent.nonce, sent.tip), (0, 0));

    // length ++ 0x84 ++ address ++ signature ++ extra ++ call
    let call = [&[CONTRACTS, 1][..], &[4], &[3; 32]].concat();
    let extra = sent.bytes.len() - call.len() - 5;
    assert!(sent.bytes.ends_with(&call));
    let signature: [u8; 64] = sent.bytes[extra - 64..extra].try_into().unwrap();
    drop(fake);
    let implicit =
        (SPEC_VERSION, TRANSACTION_VERSION, node.block_hash(0), node.block_hash(birth), None::<[u8; 32]>);
    let signed = node.lock().sent[0].bytes[extra..extra + 5].to_vec();
    let payload = [call, signed, implicit.encode()].concat();
    let key = sr25519::PublicKey(alice().account().0);
    assert!(sr25519::verify(&sr25519::Signature(signature), payload, &key));
}

#[tokio::test]
async fn every_call_has_the_form_that_the_runtime_asks_for() {
    let node = FakeNode::new();
    let chain = chain(&node).await;
    let (ids, account) = (vec![ContractId([1; 32])], AccountId([9; 32]));
    let provider = crate::memory::tests::details(1 << 30);
    let offer = Offer {
        miner: account,
        client: account,
        max_bytes: 1,
        max_windows: 1,
        price: 1,
        expires: 1,
        nonce: 1,
    };
    let promise = Promise {
        offer,
        signature: NodeSignature([1; 64]),
        root: lunarx_core::BatchRoot([1; 32]),
        pieces: 1,
        bytes: 1,
        windows: 1,
        commission: Some(Commission { supplier: account, share: 5 }),
    };
    let calls = [
        Call::Register {
            node_key: NodeKey([1; 32]),
            node_signature: NodeSignature([2; 64]),
            details: provider.clone(),
        },
        Call::Update { details: provider },
        Call::TopUp { amount: u128::MAX },
        Call::AnnounceExit,
        Call::Withdraw,
        Call::Open { promises: vec![promise] },
        accept(),
        Call::Settle { ids: ids.clone() },
        Call::End { ids: ids.clone() },
        Call::Expire { ids },
        Call::Transfer { to: account, amount: 77 },
    ];
    for call in calls {
        chain.submit(&alice(), call).await.unwrap();
    }
    let transfer = (BALANCES, 1u8, 0u8, account, Compact(77u128)).encode();
    assert!(node.lock().sent.last().unwrap().bytes.ends_with(&transfer));
    assert_eq!(nonces(&node), (0..11).collect::<Vec<_>>());
}

fn proofs() -> Proofs {
    let proof = LeafProof {
        index: 0,
        entry: BatchEntry { piece: PieceId([7; 32]), len: 3 },
        batch_path: Default::default(),
        chunk: vec![1, 2, 3].try_into().unwrap(),
        chunk_path: vec![[6; 32]].try_into().unwrap(),
    };
    vec![proof; 2].try_into().unwrap()
}

#[tokio::test]
async fn every_call_of_trackers_and_audits_has_the_form_that_the_runtime_asks_for() {
    let node = FakeNode::new();
    let chain = chain(&node).await;
    let (node_key, node_signature) = (NodeKey([1; 32]), NodeSignature([2; 64]));
    let contract = ContractId([9; 32]);
    let provider = crate::memory::tests::details(1);
    let (encryption_key, addresses, region) = (provider.encryption_key, provider.addresses, provider.region);
    let details = TrackerDetails { encryption_key, addresses, region };
    let verdicts = vec![Verdict::Valid, Verdict::Offline].try_into().unwrap();
    let reports = vec![Report { contract, window: 5, verdicts }];
    let answer = Answer { proofs: proofs(), signature: node_signature };
    let (bond, amount) = (Compact(1_000u128), Compact(u128::MAX));
    let calls = [
        (
            Call::Bond { node_key, node_signature, details: details.clone(), bond: 1_000 },
            (TRACKERS, 0u8, node_key, node_signature, details.clone(), bond).encode(),
        ),
        (Call::UpdateTracker { details: details.clone() }, (TRACKERS, 1u8, details).encode()),
        (Call::TopUpBond { amount: u128::MAX }, (TRACKERS, 2u8, amount).encode()),
        (Call::SetVerifiers { verifiers: vec![node_key] }, (TRACKERS, 3u8, vec![node_key]).encode()),
        (Call::Resume, vec![TRACKERS, 4]),
        (Call::ExitTracker, vec![TRACKERS, 5]),
        (Call::WithdrawTracker, vec![TRACKERS, 6]),
        (Call::Report { reports: reports.clone() }, (AUDITS, 0u8, reports).encode()),
        (
            Call::Dispute { contract, challenge: Some(7) },
            [vec![AUDITS, 1], vec![9; 32], vec![1, 7, 0, 0, 0]].concat(),
        ),
        (Call::Dispute { contract, challenge: None }, [vec![AUDITS, 1], vec![9; 32], vec![0]].concat()),
        (
            Call::Answer { contract, opened: 7, proofs: proofs() },
            (AUDITS, 2u8, contract, 7u32, proofs()).encode(),
        ),
        (Call::Vouch { contract, answer: answer.clone() }, (AUDITS, 3u8, contract, answer.clone()).encode()),
        (
            Call::Convict { contract, block: 7, answer: answer.clone() },
            (AUDITS, 4u8, contract, 7u32, answer).encode(),
        ),
        (Call::Surrender { contract }, (AUDITS, 5u8, contract).encode()),
        (Call::Resolve { contract }, (AUDITS, 6u8, contract).encode()),
        (Call::Claim, vec![AUDITS, 7]),
        (Call::ClaimRewards { eras: vec![3, 4] }, (ISSUANCE, 0u8, vec![3u32, 4]).encode()),
    ];
    for (call, encoded) in calls {
        let name = format!("{}.{}", call.pallet(), call.name());
        chain.submit(&alice(), call).await.unwrap();
        assert!(node.lock().sent.last().unwrap().bytes.ends_with(&encoded), "{name}");
    }
}

#[tokio::test]
async fn a_runtime_without_the_call_is_refused_before_anything_is_sent() {
    let node = FakeNode::new();
    node.lock().old_runtime = true;
    let chain = chain(&node).await;
    for (call, expected) in [
        (Call::Withdraw, "no pallet Providers"),
        (Call::Resume, "no pallet Trackers"),
        (Call::Claim, "no pallet Audits"),
        (Call::End { ids: vec![] }, "no call Contracts.end"),
        (accept(), "another form"),
        (Call::Open { promises: vec![] }, ""),
    ] {
        let result = chain.submit(&alice(), call).await;
        if expected.is_empty() {
            // An empty list has the form of any list.
            assert!(result.is_ok());
            continue;
        }
        let refused = result.unwrap_err();
        assert!(matches!(refused, ChainError::Incompatible { .. }), "{refused}");
        assert!(refused.to_string().contains(expected), "{refused}");
    }
}

#[tokio::test]
async fn a_refused_call_says_why_in_the_pallets_words() {
    let node = FakeNode::new();
    let error = (3u8, CONTRACTS, [1u8, 0, 0, 0]).encode();
    let refused = submit(&node, [Fate::Failed(error)]).await.unwrap_err();
    let docs = "The offer's price is under the miner's listed one.".into();
    let (pallet, error) = ("Contracts".into(), "UnderPriced".into());
    assert_eq!(refused, ChainError::Dispatch { pallet, error, docs });

    let refused = submit(&FakeNode::new(), [Fate::Failed(vec![7, 0])]).await.unwrap_err();
    assert!(matches!(refused, ChainError::InsufficientBalance { .. }), "{refused}");
    let refused = submit(&FakeNode::new(), [Fate::Failed(vec![2])]).await.unwrap_err();
    assert!(refused.is_dispatch("System", "BadOrigin"), "{refused}");
}

#[tokio::test]
async fn a_transfer_of_too_much_is_a_lack_of_balance() {
    let node = FakeNode::new();
    let chain = chain(&node).await;
    let transfer = Call::Transfer { to: AccountId([9; 32]), amount: 1 };
    // `ArithmeticError::Underflow`, as a real runtime answers.
    node.fates([Fate::Failed(vec![8, 0]), Fate::Failed(vec![8, 0])]);
    let refused = chain.submit(&alice(), transfer).await.unwrap_err();
    assert!(matches!(refused, ChainError::InsufficientBalance { .. }), "{refused}");
    let refused = chain.submit(&alice(), accept()).await.unwrap_err();
    assert!(refused.is_dispatch("Arithmetic", "Underflow"), "{refused}");
}

#[tokio::test]
async fn inclusion_is_found_in_the_state_when_the_pool_says_nothing() {
    let node = FakeNode::new();
    let receipt = submit(&node, [Fate::Silent]).await.unwrap();
    assert_eq!(receipt.block, node.height());
    assert_eq!(nonces(&node), [0]);
}

#[tokio::test]
async fn a_broken_connection_does_not_send_twice_what_got_through() {
    let node = FakeNode::new();
    let receipt = submit(&node, [Fate::Unanswered]).await.unwrap();
    assert_eq!(receipt.block, node.height());
    assert_eq!(nonces(&node), [0]);
}

#[tokio::test]
async fn what_the_pool_loses_is_sent_again_with_the_same_nonce_and_a_higher_tip() {
    let node = FakeNode::new();
    let fates =
        [Fate::Reported(json!("dropped")), Fate::Reported(json!("invalid")), Fate::Ignored, Fate::Included];
    submit(&node, fates).await.unwrap();
    assert_eq!(nonces(&node), [0; 4]);
    let fake = node.lock();
    assert!(fake.sent.windows(2).all(|pair| pair[0].tip < pair[1].tip));
}

#[tokio::test]
async fn passing_refusals_are_tried_again() {
    let node = FakeNode::new();
    let fates = [
        Fate::Refused(1010, "Invalid Transaction: Transaction is outdated"),
        Fate::Refused(1012, "Transaction is temporarily banned"),
        Fate::Refused(1014, "Priority is too low"),
        Fate::Included,
    ];
    submit(&node, fates).await.unwrap();
    assert_eq!(nonces(&node), [0; 4]);
}

#[tokio::test]
async fn final_refusals_are_told_at_once_and_use_no_nonce() {
    let node = FakeNode::new();
    let chain = chain(&node).await;
    let poor = "Invalid Transaction: Inability to pay some fees (e.g. account balance too low)";
    let large = "Invalid Transaction: Transaction would exhaust the block limits";
    node.fates([Fate::Refused(1010, poor), Fate::Refused(1010, large)]);
    let refused = chain.submit(&alice(), accept()).await.unwrap_err();
    assert!(matches!(refused, ChainError::InsufficientBalance { .. }), "{refused}");
    let refused = chain.submit(&alice(), accept()).await.unwrap_err();
    assert!(matches!(refused, ChainError::Rejected { .. }), "{refused}");
    chain.submit(&alice(), accept()).await.unwrap();
    assert_eq!(nonces(&node), [0, 0, 0]);
}

#[tokio::test]
async fn a_nonce_taken_by_another_program_is_replaced() {
    let node = FakeNode::new();
    let receipt = submit(&node, [Fate::Overtaken, Fate::Included]).await.unwrap();
    assert_eq!(receipt.block, node.height());
    assert_eq!(nonces(&node), [0, 1]);
}

#[tokio::test]
async fn what_outlives_its_era_is_sent_anew() {
    let node = FakeNode::new();
    // The account's next nonce lies behind one that never comes.
    node.lock().pooled = 1;
    node.fates([Fate::Outlived(40)]);
    let chain = Arc::new(chain(&node).await);
    let (ours, signer) = (chain.clone(), alice());
    let call = tokio::spawn(async move { ours.submit(&signer, accept()).await });
    until(|| !node.lock().sent.is_empty()).await;
    node.lock().pooled = 0;
    timeout(PATIENCE, call).await.unwrap().unwrap().unwrap();
    assert_eq!(nonces(&node), [1, 0]);
}

#[tokio::test]
async fn calls_of_one_key_go_in_order_and_wait_for_finality_together() {
    let node = FakeNode::new();
    node.fates([Fate::InBestBlock, Fate::InBestBlock, Fate::InBestBlock]);
    let pace = Pace { attempt: Duration::from_secs(10), ..PACE };
    let chain = Arc::new(try_chain(&node, pace).await.unwrap());
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let chain = chain.clone();
            tokio::spawn(async move { chain.submit(&alice(), accept()).await })
        })
        .collect();
    until(|| node.lock().sent.len() == 3).await;
    assert_eq!(nonces(&node), [0, 1, 2]);
    node.lock().finalize_pooled();
    shown(&chain, node.height()).await;
    for call in calls {
        let receipt = timeout(PATIENCE, call).await.unwrap().unwrap().unwrap();
        assert_eq!(receipt.block, node.height());
    }
}

#[tokio::test]
async fn what_stays_undecided_is_reported_as_such() {
    let node = FakeNode::new();
    node.fates((0..10).map(|_| Fate::Ignored));
    let pace = Pace { deadline: Duration::from_millis(800), ..PACE };
    let chain = try_chain(&node, pace).await.unwrap();
    let undecided = chain.submit(&alice(), accept()).await.unwrap_err();
    let ChainError::TimedOut { extrinsic, .. } = undecided else { panic!("{undecided}") };
    assert_eq!(extrinsic, blake2b_256(&node.lock().sent.last().unwrap().bytes));
}

#[tokio::test]
async fn an_unreachable_node_is_told_before_anything_is_sent() {
    let node = FakeNode::new();
    let chain = chain(&node).await;
    node.lock().down = true;
    let refused = chain.submit(&alice(), accept()).await.unwrap_err();
    assert!(matches!(refused, ChainError::Unreachable { .. }), "{refused}");
    assert!(node.lock().sent.is_empty());
}
