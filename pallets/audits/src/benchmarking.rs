//! Benchmarks of the calls, at their worst, and of the steps of the hooks.
//!
//! Contracts are recorded as active without having been opened. Proofs are of a short piece; what the longest
//! ones cost beyond that is `verify`, and added to the calls.

use crate::{
    deadlines::slot_of, types::MAX_OPEN_WINDOWS, AllCredits, Call, Config, Credit, Credits, Deadlines,
    Dispute, Disputes, NextSlot, Pallet, PotBalance, Reports, Seeds, Tallies,
};
use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{fungible::Mutate, Get, Hooks},
    weights::Weight,
    BoundedVec,
};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use lunarx_core::{
    AuditRules, AuditSeed, BlockNumber, ContractId, ContractRegistry, NodeKey, NodeSignature,
    ProviderRegistry, Report, Standing, TrackerRegistry, Verdict, Watched, GIB, LX,
};
use lunarx_proof::{
    batch_root, challenged, longest_proof, shortest_proof, Answer, BatchEntry, LeafProof, Proofs,
    DISPUTE_BLOCKS,
};
use sp_core::{crypto::KeyTypeId, ed25519};

/// The miner's node key in the benchmark's keystore.
const NODE_KEYS: KeyTypeId = KeyTypeId(*b"lxau");
/// The block in which contracts begin.
const SINCE: BlockNumber = 10;
/// That in which the first round does: so it is no contract's first, but where that is measured.
const ROUND: BlockNumber = SINCE + 1;
/// Members of a round: as many as there can be, as far as the runtime allows.
const MEMBERS: u32 = 1_000;

fn set_block<T: Config>(number: BlockNumber) {
    frame_system::Pallet::<T>::set_block_number(number.into());
}

fn rules<T: Config>() -> AuditRules {
    AuditRules::of_window(T::Window::get())
}

/// One piece of one chunk, and the proof of each of its bytes.
fn piece() -> (BatchEntry, LeafProof) {
    let proof = shortest_proof();
    (proof.entry, proof)
}

/// A registered miner and its node key.
fn miner<T: Config>() -> (T::AccountId, ed25519::Public) {
    let miner = account("miner", 0, 0);
    T::Currency::set_balance(&miner, LX);
    let node = sp_io::crypto::ed25519_generate(NODE_KEYS, None);
    T::Providers::benchmark_register(&miner, NodeKey(node.0), 1_000 * GIB, 1);
    (miner, node)
}

/// An active contract of `miner`.
fn active<T: Config>(miner: &T::AccountId, contract: ContractId) -> Watched<T::AccountId> {
    let (entry, _) = piece();
    let watched = Watched {
        client: account("client", 0, 0),
        miner: miner.clone(),
        root: batch_root(&[entry]),
        pieces: 1,
        bytes: entry.len,
        since: SINCE,
        window: T::Window::get(),
        windows: 90,
        word_pay: LX,
        ended: None,
    };
    T::Contracts::benchmark_active(&contract, watched.clone());
    watched
}

fn id(number: u32) -> ContractId {
    ContractId(lunarx_core::blake2b_256(&number.to_le_bytes()))
}

/// Gives `block` a seed that challenges the contract.
fn challenge<T: Config>(contract: &ContractId, block: BlockNumber) -> AuditSeed {
    let seeds = (0u32..).map(|number| AuditSeed(lunarx_core::blake2b_256(&number.to_le_bytes())));
    let rules = rules::<T>();
    let hit = |seed: &AuditSeed| challenged(seed, contract, 1024, &rules).is_some();
    let seed = { seeds }.find(hit).expect("one in some thousands hits");
    Seeds::<T>::insert(block, seed);
    seed
}

fn proofs(count: u32) -> Proofs {
    let (_, proof) = piece();
    BoundedVec::truncate_from(vec![proof; count as usize])
}

fn signed<T: Config>(
    node: &ed25519::Public,
    contract: &ContractId,
    block: BlockNumber,
    seed: &AuditSeed,
    proofs: Proofs,
) -> Answer {
    let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::from(0u32)).0;
    let payload = Answer::payload(&genesis, contract, block, seed, &proofs);
    let signature = sp_io::crypto::ed25519_sign(NODE_KEYS, node, &payload).expect("the key was made above");
    Answer { proofs, signature: NodeSignature(signature.0) }
}

/// A contract whose windows are open as far as can be, with a challenge in the first and three valid votes
/// on each.
struct Scene<T: Config> {
    contract: ContractId,
    miner: T::AccountId,
    node: ed25519::Public,
    block: BlockNumber,
    seed: AuditSeed,
    seats: Vec<T::AccountId>,
}

impl<T: Config> Scene<T> {
    fn new() -> Self {
        set_block::<T>(ROUND);
        let contract = id(0);
        let members = T::Trackers::benchmark_round(MEMBERS);
        let (miner, node) = miner::<T>();
        let watched = active::<T>(&miner, contract);
        let block = SINCE.saturating_add(1);
        let seed = challenge::<T>(&contract, block);
        set_block::<T>(watched.end_of(2));
        let round = T::Trackers::round_of(watched.end_of(0)).and_then(T::Trackers::round);
        let seats = match round.as_ref().and_then(|round| Pallet::<T>::holders(round, &contract, SINCE)) {
            Some(holders) => holders.into(),
            None => members,
        };
        let mut tally = Pallet::<T>::tally(&contract, &watched, Pallet::<T>::now());
        for window in 0..3 {
            let votes = tally.votes_of(window).expect("it is open");
            (0..3).for_each(|seat| {
                votes.cast(seat, Verdict::Valid);
            });
        }
        Tallies::<T>::insert(contract, tally);
        Self { contract, miner, node, block, seed, seats }
    }

    fn opener(&self) -> T::AccountId {
        let opener = account("opener", 0, 0);
        T::Currency::set_balance(&opener, 1_000 * LX);
        opener
    }

    /// Opened by a stranger, three accused, its bytes drawn.
    fn disputed(&self) -> Dispute<T::AccountId> {
        Pallet::<T>::do_dispute(self.opener(), self.contract, Some(self.block)).expect("it is challenged");
        let mut dispute = Disputes::<T>::get(self.contract).expect("opened");
        dispute.accused = BoundedVec::truncate_from(self.seats.clone());
        Disputes::<T>::insert(self.contract, &dispute);
        let last = dispute.opened.saturating_add(DISPUTE_BLOCKS);
        for block in dispute.opened.saturating_add(1)..=last {
            Seeds::<T>::insert(block, AuditSeed([1; 32]));
        }
        set_block::<T>(last);
        dispute
    }
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn draw() -> Result<(), BenchmarkError> {
        let history = rules::<T>().seed_history;
        Seeds::<T>::insert(1, AuditSeed([1; 32]));
        let now = history.saturating_add(1);
        set_block::<T>(now);
        #[block]
        {
            Pallet::<T>::draw(now);
        }
        assert!(!Seeds::<T>::contains_key(1));
        Ok(())
    }

    /// In each contract the tracker holds a seat in the round of the windows' ends; every open window is
    /// reported, and pay is drawn for a final one, on which all seats had their word.
    #[benchmark]
    fn report(n: Linear<1, { T::MaxReports::get() }>) -> Result<(), BenchmarkError> {
        set_block::<T>(ROUND);
        let members = T::Trackers::benchmark_round(MEMBERS);
        let tracker = members[0].clone();
        let round = T::Trackers::round_of(ROUND).and_then(T::Trackers::round).expect("begun above");
        let (miner, _) = miner::<T>();
        let mine = |contract: &ContractId| {
            Pallet::<T>::holders(&round, contract, SINCE).is_some_and(|holders| holders.contains(&tracker))
        };
        let contracts: Vec<_> = (0..).map(id).filter(mine).take(n as usize).collect();
        let mut reports = Vec::new();
        for contract in contracts {
            let watched = active::<T>(&miner, contract);
            let mut tally = Pallet::<T>::tally(&contract, &watched, SINCE);
            let votes = tally.votes_of(0).expect("it is open");
            (0..3).for_each(|seat| {
                votes.cast(seat, Verdict::Valid);
            });
            Tallies::<T>::insert(contract, tally);
            let verdicts = BoundedVec::truncate_from(vec![Verdict::Valid; MAX_OPEN_WINDOWS as usize]);
            reports.push(Report { contract, window: 1, verdicts });
        }
        let window = T::Window::get();
        set_block::<T>(SINCE.saturating_add(rules::<T>().final_after).saturating_add(window));
        #[extrinsic_call]
        _(RawOrigin::Signed(tracker.clone()), Reports::<T>::truncate_from(reports));
        assert!(Credits::<T>::get(tracker).amount >= LX.saturating_mul(n.into()));
        Ok(())
    }

    /// A report's windows end in two rounds at the most: the open ones span less than a round.
    #[benchmark]
    fn further_round(n: Linear<1, { T::MaxReports::get() }>) -> Result<(), BenchmarkError> {
        set_block::<T>(ROUND);
        T::Trackers::benchmark_round(MEMBERS);
        let contracts: Vec<_> = (0..n).map(id).collect();
        let mut drawn = 0;
        #[block]
        {
            let round = T::Trackers::round_of(ROUND).and_then(T::Trackers::round).expect("begun above");
            for contract in &contracts {
                drawn += Pallet::<T>::holders(&round, contract, SINCE).map_or(0, |holders| holders.len());
            }
        }
        assert_eq!(drawn, 3 * n as usize);
        Ok(())
    }

    #[benchmark]
    fn substitute() -> Result<(), BenchmarkError> {
        let members = T::Trackers::benchmark_round(3);
        #[block]
        {
            T::Trackers::missed(&members[0]);
        }
        Ok(())
    }

    #[benchmark]
    fn young() -> Result<(), BenchmarkError> {
        for block in SINCE..SINCE.saturating_add(20) {
            Seeds::<T>::insert(block, AuditSeed([1; 32]));
        }
        set_block::<T>(SINCE.saturating_add(20));
        let found;
        #[block]
        {
            found = Pallet::<T>::seeds_after(SINCE, lunarx_proof::BIRTH_BLOCKS).map(|seeds| seeds.len());
        }
        assert_eq!(found, Some(8));
        Ok(())
    }

    #[benchmark]
    fn accuse() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new();
        let mut open = scene.disputed();
        let tracker = open.accused.pop().expect("there were three");
        Disputes::<T>::insert(scene.contract, open);
        let watched = T::Contracts::watched(&scene.contract).expect("it is active");
        #[block]
        {
            Pallet::<T>::accuse(&scene.contract, &watched, 0, &tracker);
        }
        assert_eq!(Disputes::<T>::get(scene.contract).map(|open| open.accused.len()), Some(3));
        Ok(())
    }

    /// By the holder of a seat in the running round alone, which the window's round was looked through for first.
    #[benchmark]
    fn dispute() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new();
        scene.disputed();
        T::Trackers::benchmark_round(MEMBERS);
        let round = T::Trackers::round_of(Pallet::<T>::now()).and_then(T::Trackers::round).expect("begun");
        let holders = Pallet::<T>::holders(&round, &scene.contract, SINCE).expect("it has members");
        let other = holders.into_iter().find(|holder| !scene.seats.contains(holder));
        let seat = other.expect("another round draws others");
        T::Currency::set_balance(&seat, 1_000 * LX);
        #[extrinsic_call]
        _(RawOrigin::Signed(seat.clone()), scene.contract, Some(scene.block));
        assert_eq!(
            Disputes::<T>::get(scene.contract).map(|open| (open.opener, open.standing)),
            Some((seat, Standing::Seat))
        );
        Ok(())
    }

    #[benchmark]
    fn verify_proofs(n: Linear<1, { lunarx_proof::MAX_PROOFS }>) -> Result<(), BenchmarkError> {
        let (covered, position, proof) = longest_proof();
        let proofs = vec![proof; n as usize];
        let right;
        #[block]
        {
            right = proofs.iter().all(|proof| proof.proves(&covered, position));
        }
        assert!(right);
        Ok(())
    }

    #[benchmark]
    fn answer() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new();
        let opened = scene.disputed().opened;
        let asked = rules::<T>().samples.saturating_mul(2);
        #[extrinsic_call]
        _(RawOrigin::Signed(scene.miner.clone()), scene.contract, opened, proofs(asked));
        assert!(!Disputes::<T>::contains_key(scene.contract));
        Ok(())
    }

    #[benchmark]
    fn vouch() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new();
        scene.disputed();
        let proofs = proofs(rules::<T>().samples);
        let signed_answer = signed::<T>(&scene.node, &scene.contract, scene.block, &scene.seed, proofs);
        #[extrinsic_call]
        _(RawOrigin::Signed(scene.seats[0].clone()), scene.contract, signed_answer);
        assert_eq!(Disputes::<T>::get(scene.contract).map(|open| open.accused.len()), Some(2));
        Ok(())
    }

    #[benchmark]
    fn convict() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new();
        scene.disputed();
        let mut wrong = proofs(rules::<T>().samples);
        if let Some(last) = wrong.last_mut() {
            last.entry.len = 0;
        }
        let signed_answer = signed::<T>(&scene.node, &scene.contract, scene.block, &scene.seed, wrong);
        let finder = scene.opener();
        #[extrinsic_call]
        _(RawOrigin::Signed(finder), scene.contract, scene.block, signed_answer);
        assert!(T::Contracts::watched(&scene.contract).is_none());
        Ok(())
    }

    #[benchmark]
    fn surrender() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new();
        scene.disputed();
        #[extrinsic_call]
        _(RawOrigin::Signed(scene.miner.clone()), scene.contract);
        assert!(T::Contracts::watched(&scene.contract).is_none());
        Ok(())
    }

    #[benchmark]
    fn resolve() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new();
        let open = scene.disputed();
        set_block::<T>(open.deadline.saturating_add(1));
        let caller = scene.opener();
        #[extrinsic_call]
        _(RawOrigin::Signed(caller), scene.contract);
        assert!(T::Contracts::watched(&scene.contract).is_none());
        Ok(())
    }

    #[benchmark]
    fn claim() -> Result<(), BenchmarkError> {
        let tracker: T::AccountId = account("tracker", 0, 0);
        T::Currency::set_balance(&T::Pot::get(), 10 * LX);
        PotBalance::<T>::put(2 * LX);
        Credits::<T>::insert(&tracker, Credit { amount: LX, free_from: 1 });
        AllCredits::<T>::put(4 * LX);
        #[extrinsic_call]
        _(RawOrigin::Signed(tracker));
        // All credits are twice what is there: half of its own is paid.
        assert_eq!(PotBalance::<T>::get(), LX.saturating_mul(3) / 2);
        Ok(())
    }

    /// With no slot to leave behind, but the cursor written as if there were.
    #[benchmark]
    fn on_idle_base() -> Result<(), BenchmarkError> {
        set_block::<T>(1);
        NextSlot::<T>::put(1);
        #[block]
        {
            Pallet::<T>::on_idle(BlockNumberFor::<T>::from(1u32), Weight::MAX);
            NextSlot::<T>::put(2);
        }
        Ok(())
    }

    #[benchmark]
    fn empty_slot() -> Result<(), BenchmarkError> {
        let found;
        #[block]
        {
            found = Deadlines::<T>::iter_key_prefix(1).next();
        }
        assert_eq!(found, None);
        Ok(())
    }

    #[benchmark]
    fn deadline_step() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new();
        let open = scene.disputed();
        set_block::<T>(open.deadline.saturating_add(1));
        let slot = slot_of(open.deadline);
        let mut ids = Deadlines::<T>::iter_key_prefix(slot);
        #[block]
        {
            Pallet::<T>::step(slot, &mut ids);
        }
        assert!(T::Contracts::watched(&scene.contract).is_none());
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
