//! Puts that are interrupted at the worst moments: the program dies, the signal comes late, the catalogue
//! is lost. No contract may be left that nobody can end.

#[path = "../tests/world/mod.rs"]
mod world;

use crate::{
    limits::{FEE_RESERVE, TRANSACTION_LIFE_BLOCKS},
    Catalogue, CatalogueError, Client, ClientConfig, ClientError, Event, Keys, NoProgress, Owner, Phase,
    Progress, Seed,
};
use async_trait::async_trait;
use lunarx_chain::{AccountBalance, Call, Chain, ChainError, MemoryChain, Receipt, Signer};
use lunarx_core::{
    AccountId, AuditInfo, AuditSeed, AuthorityInfo, Balance, BlockNumber, ChainParameters, ContractId,
    ContractInfo, DisputeInfo, DueReward, EconomyInfo, NodeId, ProviderInfo, Quote, RoundDetails, Supply,
    TrackerInfo,
};
use lunarx_row::manifest::{max_segments, MAX_NAME_BYTES};
use std::{
    io::{Cursor, Write},
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        Arc,
    },
    time::Duration,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use world::{bytes, request, within, World, PARAMETERS, SEGMENT};

fn keys() -> Keys {
    Keys::derive(&Seed::from_entropy([42; 32])).unwrap()
}

/// What the next run of the program finds in the folder.
fn reopened(world: &World) -> Catalogue {
    Catalogue::open(world.folder.path().join("objects"), keys().manifest().clone()).unwrap()
}

/// Those that were not ended.
async fn live(world: &World) -> Vec<ContractInfo<AccountId>> {
    let contracts = world.chain.contracts_of(world.client.account()).await.unwrap();
    contracts.into_iter().filter(|contract| contract.ended.is_none()).collect()
}

/// Nothing is held, live, stored or pending.
async fn assert_nothing_left(world: &World) {
    world.assert_closed().await;
    let files = std::fs::read_dir(world.client.catalogue().folder()).unwrap();
    assert_eq!(files.count(), 0);
}

/// Begins a put of more than a segment from a pipe, and lets it die once the first is on chain. Blocks
/// until then pass by the calls of miners and client.
async fn put_that_dies(world: &World) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let feeding = tokio::task::spawn_blocking(move || {
        writer.write_all(&bytes(SEGMENT + 1)).unwrap();
        writer
    });
    let put = world.client.put(reader, request("2/3", None), Arc::new(NoProgress), CancellationToken::new());
    let opened = async {
        let mut blocks = world.chain.finalized();
        while live(world).await.is_empty() {
            blocks.changed().await.unwrap();
        }
    };
    within(async {
        tokio::select! {
            result = put => panic!("ends with its source open: {result:?}"),
            () = opened => {}
        }
    })
    .await;
    drop(feeding.await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_of_a_put_that_died_are_listed_and_ended_by_the_next_run() {
    let world = World::new(3).await;
    put_that_dies(&world).await;

    let catalogue = reopened(&world);
    assert!(catalogue.ids().unwrap().is_empty());
    let [Ok(put)] = &catalogue.pending().unwrap()[..] else { panic!("one record") };
    let object = put.manifest.object;
    assert_eq!((put.manifest.name.as_str(), put.windows), (request("2/3", None).name.as_str(), 720));
    let mut noted = put.contracts();
    noted.sort();
    let mut held: Vec<ContractId> = live(&world).await.iter().map(|contract| contract.id).collect();
    held.sort();
    assert_eq!(noted, held);

    let error = within(world.client.status(object)).await.unwrap_err();
    assert!(matches!(error, ClientError::Catalogue(CatalogueError::NotFound(_))), "{error}");
    let removed = within(world.client.remove(object)).await.unwrap();
    assert_eq!(removed.ended, 3);
    assert_nothing_left(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_stays_until_no_contract_can_come_any_more() {
    let world = World::new(3).await;
    put_that_dies(&world).await;
    let catalogue = reopened(&world);
    let put = catalogue.pending().unwrap().remove(0).unwrap();
    let object = put.manifest.object;
    // As if the transaction were still in a pool.
    within(world.client.end_contracts(&put.contracts())).await.unwrap();
    let (begin, _ticker) = (world.chain.height(), world.tick());
    assert_eq!(within(world.client.remove(object)).await.unwrap().ended, 0);
    assert!(world.chain.height() > begin + TRANSACTION_LIFE_BLOCKS, "it was waited for");
    assert!(catalogue.pending_ids().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_succeeds_or_fails_leaves_no_record() {
    let world = World::new(3).await;
    let object = world.put(&bytes(SEGMENT + 1), "2/3").await.unwrap().manifest.object;
    assert!(!world.client.catalogue().has(object, crate::catalogue::FileKind::Pending));
    within(world.client.remove(object)).await.unwrap();
    let refused =
        ChainError::Dispatch { pallet: "Contracts".into(), error: "UnderPriced".into(), docs: String::new() };
    world.chain.fail_next(refused);
    world.put(&bytes(10), "2/3").await.unwrap_err();
    assert_nothing_left(&world).await;
}

/// Cancels once all contracts are active and their wait is over, right before the manifest is saved.
struct StopBeforeSaving {
    chain: MemoryChain,
    account: AccountId,
    stop: CancellationToken,
}

impl Progress for StopBeforeSaving {
    fn report(&self, event: Event) {
        if event != Event::Phase(Phase::Accepting) {
            return;
        }
        let (chain, account) = (self.chain.clone(), self.account);
        let active = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let active = || {
                let contracts = runtime.block_on(chain.contracts_of(account)).unwrap();
                let active = |state| matches!(state, lunarx_core::ContractState::Active { .. });
                contracts.len() == 3 && contracts.iter().all(|contract| active(contract.state))
            };
            while !active() {
                std::thread::sleep(Duration::from_millis(10));
            }
            // For the put's own task to see it too.
            std::thread::sleep(Duration::from_millis(500));
        });
        active.join().unwrap();
        self.stop.cancel();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stop_while_the_manifest_is_saved_leaves_no_ghost() {
    let world = World::new(3).await;
    let stop = CancellationToken::new();
    let progress =
        StopBeforeSaving { chain: world.chain.clone(), account: world.client.account(), stop: stop.clone() };
    let original = bytes(SEGMENT);
    let source = Cursor::new(original.clone());
    let put = world.client.put(source, request("2/3", Some(SEGMENT)), Arc::new(progress), stop);
    match within(put).await {
        Ok(outcome) => assert!(world.get(outcome.manifest.object).await.unwrap().1 == original),
        Err(ClientError::Stopped) => assert_nothing_left(&world).await,
        Err(error) => panic!("{error}"),
    }
    assert!(world.client.catalogue().pending_ids().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_that_is_removed_meanwhile_ends() {
    let world = World::new(3).await;
    let (reader, mut writer) = std::io::pipe().unwrap();
    let put = world.client.put(reader, request("2/3", None), Arc::new(NoProgress), CancellationToken::new());
    let removing = async {
        let writer = tokio::task::spawn_blocking(move || {
            writer.write_all(&bytes(SEGMENT + 1)).unwrap();
            writer
        });
        let active = |contract: &ContractInfo<AccountId>| {
            matches!(contract.state, lunarx_core::ContractState::Active { .. })
        };
        let mut blocks = world.chain.finalized();
        while !(live(&world).await.len() == 3 && live(&world).await.iter().all(active)) {
            blocks.changed().await.unwrap();
        }
        // The put sees its contracts active, before they are ended.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let [object] = world.client.catalogue().pending_ids().unwrap()[..] else { panic!("one record") };
        world.client.remove(object).await.unwrap();
        drop(writer.await.unwrap());
        object
    };
    let (result, object) = within(async { tokio::join!(put, removing) }).await;
    assert!(matches!(result, Err(ClientError::Removed(removed)) if removed == object), "{result:?}");
    assert_nothing_left(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_of_a_lost_catalogue_are_found_and_ended() {
    let world = World::new(3).await;
    let lost = world.put(&bytes(10), "1/2").await.unwrap().manifest;
    world.client.catalogue().remove(lost.object).unwrap();
    let kept = world.put(&bytes(10), "1/1").await.unwrap().manifest.object;

    let listed = within(world.client.live_contracts()).await.unwrap();
    assert!(listed.unreadable.is_empty());
    let of = |owner: Owner| -> Vec<ContractId> {
        let ours = listed.contracts.iter().filter(|live| live.owner == owner);
        ours.map(|live| live.contract.id).collect()
    };
    let unknown = of(Owner::Unknown);
    let mut expected = lost.segments[0].contracts.clone();
    expected.sort();
    assert_eq!((unknown.clone(), of(Owner::Object(kept)).len()), (expected, 1));

    let foreign = ContractId([9; 32]);
    let ended = within(world.client.end_contracts(&[unknown[0], unknown[1], foreign])).await.unwrap();
    assert_eq!(ended.ended, 2);
    assert_eq!(live(&world).await.len(), 1, "the others go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_the_end_of_the_term() {
    let world = World::new(3).await;
    let manifest = world.put(&bytes(10), "2/3").await.unwrap().manifest;
    let status = within(world.client.status(manifest.object)).await.unwrap();
    let end = status.term_end.expect("all are active");
    // 30 days from about now.
    let (height, term) = (world.chain.height(), 30 * PARAMETERS.day);
    assert!((term..=height + term).contains(&end.block), "{end:?} at {height}");
    let month = 30 * 86_400;
    assert!((manifest.created + month - 3_600..manifest.created + month + 3_600).contains(&end.time));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_manifest_can_describe_is_refused_before_miners_are_asked() {
    let world = World::new(3).await;
    let put = |request| {
        let source = Cursor::new(Vec::new());
        within(world.client.put(source, request, Arc::new(NoProgress), CancellationToken::new()))
    };
    let max = u64::try_from(max_segments("100/255".parse().unwrap())).unwrap() * SEGMENT;
    let error = put(request("100/255", Some(max + 1))).await.unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { max: limit, .. } if limit == max), "{error}");
    let fits = put(request("100/255", Some(max))).await.unwrap_err();
    assert!(matches!(fits, ClientError::TooFewMiners { .. }), "{fits}");

    let long = crate::PutRequest { name: "x".repeat(MAX_NAME_BYTES + 1), ..request("2/3", Some(0)) };
    let error = put(long).await.unwrap_err();
    assert!(matches!(error, ClientError::Catalogue(CatalogueError::Seal(_))), "{error}");
    assert_nothing_left(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_affordable_leaves_room_for_the_fees_of_transactions() {
    let world = World::with_funds(3, 0).await;
    let (account, size) = (world.client.account(), 2 * SEGMENT);
    let estimate = world.client.estimate(size, "2/3".parse().unwrap(), 30).await.unwrap();
    assert_eq!(estimate.segments, 2);
    world.chain.fund(account, estimate.total + 2 * FEE_RESERVE - 1);
    let refused = world.client.check_put(&estimate).await.unwrap_err();
    assert!(matches!(refused, ClientError::BalanceTooLow { .. }), "{refused}");
    // A put goes by the same rule.
    let error = world.put(&bytes(size), "2/3").await.unwrap_err();
    assert_eq!(error.to_string(), refused.to_string());
    world.chain.fund(account, 1);
    world.client.check_put(&estimate).await.unwrap();
    world.put(&bytes(size), "2/3").await.unwrap();
}

/// A chain that looks into the catalogue whenever contracts are opened.
#[derive(Clone)]
struct Watched {
    chain: MemoryChain,
    catalogue: Arc<Catalogue>,
    opened: Arc<AtomicUsize>,
    unnoted: Arc<AtomicBool>,
}

#[async_trait]
impl Chain for Watched {
    fn genesis(&self) -> [u8; 32] {
        self.chain.genesis()
    }

    fn parameters(&self) -> ChainParameters {
        self.chain.parameters()
    }

    fn finalized(&self) -> watch::Receiver<BlockNumber> {
        self.chain.finalized()
    }

    async fn supply(&self) -> Result<Supply, ChainError> {
        self.chain.supply().await
    }

    async fn economy(&self) -> Result<EconomyInfo<AccountId>, ChainError> {
        self.chain.economy().await
    }

    async fn due_rewards(&self, account: AccountId) -> Result<Vec<DueReward>, ChainError> {
        self.chain.due_rewards(account).await
    }

    async fn authority(&self, account: AccountId) -> Result<AuthorityInfo, ChainError> {
        self.chain.authority(account).await
    }

    async fn provider(&self, account: AccountId) -> Result<Option<ProviderInfo<AccountId>>, ChainError> {
        self.chain.provider(account).await
    }

    async fn provider_of_node(&self, node: NodeId) -> Result<Option<ProviderInfo<AccountId>>, ChainError> {
        self.chain.provider_of_node(node).await
    }

    async fn providers(&self) -> Result<Vec<ProviderInfo<AccountId>>, ChainError> {
        self.chain.providers().await
    }

    async fn contract(&self, id: ContractId) -> Result<Option<ContractInfo<AccountId>>, ChainError> {
        self.chain.contract(id).await
    }

    async fn contracts_of(&self, account: AccountId) -> Result<Vec<ContractInfo<AccountId>>, ChainError> {
        self.chain.contracts_of(account).await
    }

    async fn quote(&self, bytes: u64, windows: u32, price: Balance) -> Result<Option<Quote>, ChainError> {
        self.chain.quote(bytes, windows, price).await
    }

    async fn contracts(&self) -> Result<Vec<ContractInfo<AccountId>>, ChainError> {
        self.chain.contracts().await
    }

    async fn audit_seeds(&self, from: BlockNumber, count: u32) -> Result<Vec<Option<AuditSeed>>, ChainError> {
        self.chain.audit_seeds(from, count).await
    }

    async fn rounds(&self) -> Result<Vec<RoundDetails<AccountId>>, ChainError> {
        self.chain.rounds().await
    }

    async fn tracker(&self, account: AccountId) -> Result<Option<TrackerInfo<AccountId>>, ChainError> {
        self.chain.tracker(account).await
    }

    async fn trackers(&self) -> Result<Vec<TrackerInfo<AccountId>>, ChainError> {
        self.chain.trackers().await
    }

    async fn audit(&self, contract: ContractId) -> Result<Option<AuditInfo<AccountId>>, ChainError> {
        self.chain.audit(contract).await
    }

    async fn disputes(&self) -> Result<Vec<DisputeInfo<AccountId>>, ChainError> {
        self.chain.disputes().await
    }

    async fn balance(&self, account: AccountId) -> Result<AccountBalance, ChainError> {
        self.chain.balance(account).await
    }

    async fn submit(&self, signer: &Signer, call: Call) -> Result<Receipt, ChainError> {
        if let Call::Open { promises } = &call {
            let records = self.catalogue.pending().unwrap();
            let noted: Vec<ContractId> =
                records.into_iter().flat_map(|put| put.unwrap().contracts()).collect();
            let ids = promises.iter().map(|promise| promise.offer.contract_id(&self.genesis()));
            let all_noted = ids.into_iter().all(|id| noted.contains(&id));
            self.unnoted.fetch_or(!all_noted, Ordering::SeqCst);
            self.opened.fetch_add(1, Ordering::SeqCst);
        }
        self.chain.submit(signer, call).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_opened_before_it_is_on_disk() {
    let world = World::new(3).await;
    let watched = Watched {
        chain: world.chain.clone(),
        catalogue: Arc::new(reopened(&world)),
        opened: Arc::default(),
        unnoted: Arc::default(),
    };
    let config = ClientConfig { segment_bytes: SEGMENT, seed: Some(7), ..ClientConfig::default() };
    let client =
        Client::start(Arc::new(watched.clone()), Arc::new(keys()), reopened(&world), config).unwrap();
    let source = Cursor::new(bytes(2 * SEGMENT + 1));
    let put = client.put(source, request("2/3", None), Arc::new(NoProgress), CancellationToken::new());
    within(put).await.unwrap();
    assert_eq!(watched.opened.load(Ordering::SeqCst), 3);
    assert!(!watched.unnoted.load(Ordering::SeqCst));
}
