//! Objects whose miners refuse to serve them, rebuilt from their answers to challenges.

mod world;

use lunarx_client::{ClientError, Fault, NoProgress, ObjectId, Rescue, RescueProgress};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use world::{
    bytes,
    rogue::{Rogue, Vice},
    watch::Watch,
    within, World, PARAMETERS, SEGMENT,
};

/// Of pieces of some 30 and of some 60 chunks: enough for several groups, few enough to be asked for whole by the
/// challenges whose seeds are known.
const SMALL: u64 = 60_000;
const LARGER: u64 = 120_000;

struct Hostage {
    world: World,
    rogues: Vec<Rogue>,
    original: Vec<u8>,
    object: ObjectId,
    folder: TempDir,
}

impl Hostage {
    /// An object at `rogues` rogues and `honest` miners, any 2 of whose 4 pieces suffice. Many challenges
    /// have been.
    async fn new(size: u64, rogues: u8) -> Self {
        let world = World::new(usize::from(4 - rogues)).await;
        let mut all = Vec::new();
        for number in 1..=rogues {
            all.push(world.add_rogue(number, Vice::Honest).await);
        }
        let original = bytes(size);
        let object = world.put(&original, "2/4").await.unwrap().manifest.object;
        world.chain.advance(PARAMETERS.audit.seed_history);
        Self { world, rogues: all, original, object, folder: tempfile::tempdir().unwrap() }
    }

    fn turn(&self, vice: Vice) {
        self.rogues.iter().for_each(|rogue| rogue.turn(vice));
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn spool(&self) -> PathBuf {
        self.folder.path().join("out.rescue")
    }

    async fn rescue(&self) -> Result<Rescue, ClientError> {
        let (progress, stop) = (Arc::new(NoProgress), CancellationToken::new());
        within(self.world.client.rescue(self.object, &self.path(), false, progress, stop)).await
    }

    async fn partial(&self) -> RescueProgress {
        let rescue = self.rescue().await.unwrap();
        assert!(!self.path().exists(), "no partial file");
        match rescue {
            Rescue::Partial(progress) => progress,
            Rescue::Whole { .. } => panic!("rescued"),
        }
    }

    async fn assert_whole(&self) {
        let bytes = u64::try_from(self.original.len()).unwrap();
        assert_eq!(self.rescue().await.unwrap(), Rescue::Whole { bytes });
        assert!(fs::read(self.path()).unwrap() == self.original);
        assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 1, "nothing else stays behind");
    }

    /// Challenges answered by all rogues.
    fn proofs(&self) -> usize {
        self.rogues.iter().map(|rogue| rogue.deeds().proofs).sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_is_read_like_any_object() {
    let hostage = Hostage::new(2 * SEGMENT + 9, 2).await;
    hostage.turn(Vice::OnlyProves(0));
    hostage.assert_whole().await;
    assert_eq!(hostage.proofs(), 0, "nothing was needed of them");
    let error = hostage.rescue().await.unwrap_err();
    assert!(matches!(error, ClientError::Sink(_)), "what is there is not overwritten: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_all_refuse_is_rebuilt_from_answers_alone() {
    let hostage = Hostage::new(LARGER, 4).await;
    hostage.turn(Vice::OnlyProves(usize::MAX));
    let error = hostage.world.get(hostage.object).await.unwrap_err();
    assert!(matches!(error, ClientError::TooFewPieces { have: 0, .. }), "{error}");
    hostage.assert_whole().await;
    assert!(hostage.proofs() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_some_go_together_with_reads_of_another() {
    // Three of four refuse, of which one does so half way.
    let hostage = Hostage::new(LARGER, 3).await;
    hostage.rogues[0].turn(Vice::OnlyProves(usize::MAX));
    hostage.rogues[1].turn(Vice::OnlyProves(0));
    hostage.rogues[2].turn(Vice::OnlyProves(0));
    hostage.assert_whole().await;
    assert!(hostage.rogues[0].deeds().proofs > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miner_that_refuses_half_way_is_asked_for_answers() {
    // Each piece has two stripes; the second is refused.
    let hostage = Hostage::new(163_000, 4).await;
    hostage.turn(Vice::RefusesBeyond(65_536));
    hostage.assert_whole().await;
    assert!(hostage.proofs() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_rescue_goes_on_where_it_stopped() {
    let hostage = Hostage::new(LARGER, 4).await;
    hostage.turn(Vice::OnlyProves(2));
    let first = hostage.partial().await;
    assert!(0 < first.known && first.known < first.needed, "{first:?}");
    assert_eq!((hostage.proofs(), first.refused.len()), (8, 4));
    assert_eq!(first.folder, hostage.spool());
    let days = first.pace.days.expect("they are there");
    assert!(days > 0.05 && days < 10.0, "{days}");
    assert!((first.pace.challenges_a_day - 28.8).abs() < 0.1);

    // Nothing new is told, nothing is forgotten.
    let second = hostage.partial().await;
    assert_eq!((second.known, hostage.proofs()), (first.known, 8));
    assert_eq!(second.pace.days, None, "nobody answered");

    // One that is stopped in the middle keeps what it has.
    hostage.turn(Vice::OnlyProves(6));
    let (path, stop) = (hostage.path(), CancellationToken::new());
    let watch = Watch::stopping(stop.clone());
    let stopped = hostage.world.client.rescue(hostage.object, &path, false, watch, stop);
    assert!(matches!(within(stopped).await, Err(ClientError::Stopped)));

    // A file that was damaged meanwhile costs what was in it, not the rescue.
    damage(&hostage.spool());
    hostage.turn(Vice::OnlyProves(usize::MAX));
    hostage.assert_whole().await;
}

/// Flips a bit in the middle of every piece's known bytes.
fn damage(folder: &Path) {
    let mut damaged = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "data") {
            let mut bytes = fs::read(&path).unwrap();
            let at = bytes.iter().position(|byte| *byte != 0).expect("some are known");
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            damaged += 1;
        }
    }
    assert_eq!(damaged, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_neither_serves_nor_answers_gives_nothing_and_that_is_told() {
    let mut hostage = Hostage::new(SMALL, 4).await;
    hostage.turn(Vice::OnlyProves(0));
    hostage.rogues[0].leave().await;
    let progress = hostage.partial().await;
    assert_eq!((progress.known, progress.refused.len(), progress.pace.days), (0, 4, None));
    let away = progress.refused.iter().find(|fault| fault.miner == Some(hostage.rogues[0].account)).unwrap();
    assert!(matches!(away.fault, Fault::Unreachable(_)), "{away}");
    hostage.rogues[0].come_back();
    hostage.turn(Vice::OnlyProves(usize::MAX));
    hostage.assert_whole().await;
}
