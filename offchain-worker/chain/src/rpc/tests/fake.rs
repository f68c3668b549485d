//! A node whose pool misbehaves on order.

use super::metadata::metadata;
use crate::rpc::node::{account_key, to_hex, AccountInfo, Hash};
use codec::{Compact, Decode, Encode};
use futures::channel::mpsc::{unbounded, UnboundedSender};
use futures::StreamExt;
use lunarx_core::{blake2b_256, AccountId, AuditRules, BlockNumber, ChainParameters};
use serde_json::value::RawValue;
use serde_json::{json, Value};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use subxt_rpcs::client::{RawRpcFuture, RawRpcSubscription, RpcClientT};
use subxt_rpcs::{Error, UserError};

pub(super) const FEE: u128 = 1_234;
pub(super) const FREE: u128 = 9_000;
pub(super) const SPEC_VERSION: u32 = 100;
pub(super) const TRANSACTION_VERSION: u32 = 3;

/// What becomes of a transaction that is sent.
pub(super) enum Fate {
    /// Included and finalized, as reported.
    Included,
    /// Included and finalized; its call is refused with this `DispatchError`.
    Failed(Vec<u8>),
    /// Included and finalized, and no word of it.
    Silent,
    /// Delivered and included, but the connection breaks before the answer.
    Unanswered,
    /// In a best block; stays there.
    InBestBlock,
    /// The pool reports this, and forgets it.
    Reported(Value),
    /// The pool refuses it.
    Refused(i32, &'static str),
    /// Nothing ever happens.
    Ignored,
    /// Another transaction takes its nonce.
    Overtaken,
    /// So many blocks pass without it.
    Outlived(BlockNumber),
}

struct Block {
    hash: Hash,
    extrinsics: Vec<Vec<u8>>,
    events: Vec<u8>,
    nonce: u32,
}

/// A transaction as received.
pub(super) struct Sent {
    pub bytes: Vec<u8>,
    pub nonce: u32,
    pub tip: u128,
}

#[derive(Default)]
pub(super) struct Fake {
    blocks: Vec<Block>,
    pub fates: VecDeque<Fate>,
    pub sent: Vec<Sent>,
    /// Transactions in the pool or in best blocks: `system_accountNextIndex` counts them.
    pub pooled: u32,
    /// Answers of `LunarxApi_*`, by function and arguments.
    pub answers: BTreeMap<(String, Vec<u8>), Vec<u8>>,
    pub old_runtime: bool,
    pub down: bool,
    heads: Vec<UnboundedSender<Value>>,
    /// Kept, so that subscriptions stay open.
    watchers: Vec<UnboundedSender<Value>>,
}

/// Shared with the test.
#[derive(Clone)]
pub(super) struct FakeNode(Arc<Mutex<Fake>>);

impl FakeNode {
    pub fn new() -> Self {
        let node = Self(Arc::new(Mutex::new(Fake::default())));
        node.lock().mine(vec![], &[]);
        node.lock().mine(vec![], &[]);
        node.answer("LunarxApi_parameters", (), PARAMETERS);
        node
    }

    pub fn lock(&self) -> MutexGuard<'_, Fake> {
        self.0.lock().unwrap()
    }

    pub fn answer(&self, function: &str, arguments: impl Encode, answer: impl Encode) {
        self.lock().answers.insert((function.into(), arguments.encode()), answer.encode());
    }

    pub fn fates(&self, fates: impl IntoIterator<Item = Fate>) {
        self.lock().fates.extend(fates);
    }

    pub fn mine(&self) {
        self.lock().mine(vec![], &[]);
    }

    pub fn height(&self) -> BlockNumber {
        u32::try_from(self.lock().blocks.len()).unwrap() - 1
    }

    pub fn block_hash(&self, number: BlockNumber) -> Hash {
        self.lock().blocks[usize::try_from(number).unwrap()].hash
    }

    /// Ends all subscriptions to finalized blocks.
    pub fn cut_streams(&self) {
        self.lock().heads.clear();
    }

    /// Whether somebody follows finalized blocks.
    pub fn is_followed(&self) -> bool {
        self.lock().heads.iter().any(|head| !head.is_closed())
    }
}

pub(super) const PARAMETERS: ChainParameters = ChainParameters {
    block_millis: 3_000,
    day: 28_800,
    window: 1_200,
    accept_within: 600,
    max_offer_life: 1_200,
    max_windows: 10_000,
    max_promises: 64,
    max_reports: 64,
    collateral_per_gib: 5,
    exit_delay: 7,
    audit: AuditRules {
        rate: 1,
        samples: 24,
        report_within: 2,
        final_after: 3,
        return_within: 5,
        seed_history: 6,
    },
};

fn header(number: usize) -> Value {
    json!({ "number": format!("{number:#x}"), "parentHash": to_hex(&[0; 32]) })
}

/// Events of a block whose extrinsics end so: `None` for success, or a `DispatchError`.
fn events(outcomes: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut out = Compact(u32::try_from(outcomes.len() * 2).unwrap()).encode();
    let dispatch_info = (Compact(5u64), Compact(6u64), 0u8, 0u8);
    for (index, outcome) in (0u32..).zip(outcomes) {
        let phase = (0u8, index);
        let no_topics = 0u8;
        out.extend((phase, (11u8, 0u8), AccountId([0; 32]), FEE, 0u128, no_topics).encode());
        match outcome {
            None => out.extend((phase, (0u8, 0u8), dispatch_info, no_topics).encode()),
            Some(error) => {
                out.extend((phase, (0u8, 1u8)).encode());
                out.extend(error);
                out.extend((dispatch_info, no_topics).encode());
            }
        }
    }
    out
}

/// Reads a signed transaction of the metadata in `metadata.rs`.
fn parse(bytes: &[u8]) -> Sent {
    let input = &mut &bytes[..];
    let len = Compact::<u32>::decode(input).unwrap().0;
    assert_eq!(usize::try_from(len).unwrap(), input.len());
    let head = <(u8, u8, [u8; 32], u8, [u8; 64])>::decode(input).unwrap();
    assert_eq!((head.0, head.1, head.3), (0x84, 0, 1), "v4 signed, account id, sr25519");
    let _era = <[u8; 2]>::decode(input).unwrap();
    let (nonce, tip) = <(Compact<u32>, Compact<u128>)>::decode(input).unwrap();
    assert_eq!(u8::decode(input), Ok(0), "no metadata hash");
    Sent { bytes: bytes.to_vec(), nonce: nonce.0, tip: tip.0 }
}

fn refusal(code: i32, message: &str) -> Error {
    Error::User(UserError { code, message: message.into(), data: None })
}

fn broken() -> Error {
    Error::Client("the connection broke".into())
}

impl Fake {
    /// A finalized block.
    fn mine(&mut self, extrinsics: Vec<Vec<u8>>, outcomes: &[Option<Vec<u8>>]) -> Hash {
        let number = self.blocks.len();
        let hash = blake2b_256(format!("block {number}").as_bytes());
        let used = u32::try_from(extrinsics.len()).unwrap();
        let nonce = self.blocks.last().map_or(0, |block| block.nonce) + used;
        self.blocks.push(Block { hash, extrinsics, events: events(outcomes), nonce });
        self.heads.retain(|head| head.unbounded_send(header(number)).is_ok());
        hash
    }

    fn block(&self, hash: &Value) -> Option<(usize, &Block)> {
        let hash = hash.as_str().unwrap();
        self.blocks.iter().enumerate().find(|(_, block)| to_hex(&block.hash) == hash)
    }

    fn request(&mut self, method: &str, params: &Value) -> Result<Value, Error> {
        if self.down {
            return Err(broken());
        }
        Ok(match method {
            "chain_getBlockHash" => {
                let number = params.get(0).and_then(Value::as_u64).map(|n| usize::try_from(n).unwrap());
                let number = number.unwrap_or(self.blocks.len() - 1);
                self.blocks.get(number).map_or(Value::Null, |block| json!(to_hex(&block.hash)))
            }
            "chain_getFinalizedHead" => json!(to_hex(&self.blocks.last().unwrap().hash)),
            "chain_getHeader" => self.block(&params[0]).map_or(Value::Null, |(number, _)| header(number)),
            "chain_getBlock" => self.block(&params[0]).map_or(Value::Null, |(number, block)| {
                let extrinsics: Vec<_> = block.extrinsics.iter().map(|bytes| to_hex(bytes)).collect();
                json!({ "block": { "header": header(number), "extrinsics": extrinsics } })
            }),
            "state_getRuntimeVersion" => {
                json!({ "specVersion": SPEC_VERSION, "transactionVersion": TRANSACTION_VERSION })
            }
            "system_accountNextIndex" => {
                assert!(params[0].as_str().unwrap().len() >= 47);
                json!(self.blocks.last().unwrap().nonce + self.pooled)
            }
            "state_getStorage" => self.storage(params),
            "state_call" => return self.state_call(params),
            method => return Err(refusal(-32601, method)),
        })
    }

    fn storage(&self, params: &Value) -> Value {
        let Some((_, block)) = self.block(&params[1]) else { return Value::Null };
        let key = params[0].as_str().unwrap();
        if key.starts_with(&account_key(AccountId([0; 32]))[..66]) {
            let info = AccountInfo {
                nonce: block.nonce,
                free: FREE,
                reserved: 40,
                frozen: 100,
                ..Default::default()
            };
            return json!(to_hex(&info.encode()));
        }
        json!(to_hex(&block.events))
    }

    fn state_call(&self, params: &Value) -> Result<Value, Error> {
        let function = params[0].as_str().unwrap();
        let arguments = hex::decode(params[1].as_str().unwrap().trim_start_matches("0x")).unwrap();
        if function == "Metadata_metadata_at_version" {
            return Ok(json!(to_hex(&Some(metadata(self.old_runtime)).encode())));
        }
        match self.answers.get(&(function.into(), arguments)) {
            Some(answer) => Ok(json!(to_hex(answer))),
            None => {
                let text = format!("Execution failed: Other error: Exported method {function} is not found");
                Err(refusal(4003, &text))
            }
        }
    }

    fn send(&mut self, bytes: Vec<u8>, report: &UnboundedSender<Value>) -> Result<(), Error> {
        self.sent.push(parse(&bytes));
        let best = json!({ "inBlock": to_hex(&[0; 32]) });
        match self.fates.pop_front().unwrap_or(Fate::Included) {
            Fate::Included => {
                let hash = self.mine(vec![bytes], &[None]);
                let _ = report.unbounded_send(json!("ready"));
                let _ = report.unbounded_send(best);
                let _ = report.unbounded_send(json!({ "finalized": to_hex(&hash) }));
            }
            Fate::Failed(error) => {
                self.mine(vec![bytes], &[Some(error)]);
            }
            Fate::Silent => {
                self.mine(vec![bytes], &[None]);
            }
            Fate::Unanswered => {
                self.mine(vec![bytes], &[None]);
                return Err(broken());
            }
            Fate::InBestBlock => {
                self.pooled += 1;
                let _ = report.unbounded_send(best);
            }
            Fate::Reported(status) => {
                let _ = report.unbounded_send(status);
            }
            Fate::Refused(code, message) => return Err(refusal(code, message)),
            Fate::Ignored => {}
            Fate::Overtaken => {
                self.mine(vec![b"another".to_vec()], &[None]);
            }
            Fate::Outlived(blocks) => {
                for _ in 0..blocks {
                    self.mine(vec![], &[]);
                }
            }
        }
        Ok(())
    }

    /// Finalizes what stands in best blocks, with the extrinsics sent so far.
    pub fn finalize_pooled(&mut self) {
        let count = usize::try_from(std::mem::take(&mut self.pooled)).unwrap();
        let bytes: Vec<_> = self.sent.iter().rev().take(count).rev().map(|sent| sent.bytes.clone()).collect();
        let outcomes = vec![None; bytes.len()];
        self.mine(bytes, &outcomes);
    }
}

fn params_of(params: Option<Box<RawValue>>) -> Value {
    params.map_or(json!([]), |params| serde_json::from_str(params.get()).unwrap())
}

fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

impl RpcClientT for FakeNode {
    fn request_raw<'a>(
        &'a self,
        method: &'a str,
        params: Option<Box<RawValue>>,
    ) -> RawRpcFuture<'a, Box<RawValue>> {
        let answer = self.lock().request(method, &params_of(params)).map(|value| raw(&value));
        Box::pin(std::future::ready(answer))
    }

    fn subscribe_raw<'a>(
        &'a self,
        subscribe: &'a str,
        params: Option<Box<RawValue>>,
        _: &'a str,
    ) -> RawRpcFuture<'a, RawRpcSubscription> {
        let (sender, receiver) = unbounded();
        let mut fake = self.lock();
        let result = match subscribe {
            _ if fake.down => Err(broken()),
            "chain_subscribeFinalizedHeads" => {
                fake.heads.push(sender);
                Ok(())
            }
            "author_submitAndWatchExtrinsic" => {
                let text = params_of(params)[0].as_str().unwrap().trim_start_matches("0x").to_owned();
                let result = fake.send(hex::decode(text).unwrap(), &sender);
                fake.watchers.push(sender);
                result
            }
            other => panic!("unknown subscription {other}"),
        };
        drop(fake);
        let stream = receiver.map(|value: Value| Ok(raw(&value))).boxed();
        Box::pin(std::future::ready(result.map(|()| RawRpcSubscription { stream, id: None })))
    }
}
