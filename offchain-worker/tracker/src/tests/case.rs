//! What a seat says and does, by hand-made rounds, votes and answers.

use super::*;
use lunarx_core::{
    BatchRoot, DisputeInfo, Dues, NodeSignature, RoundDetails,
    Standing::{self, Anybody, Seat},
    WindowVotes,
};

const ME: AccountId = AccountId([9; 32]);
const MINER: NodeKey = NodeKey([2; 32]);
const ID: ContractId = ContractId([3; 32]);

/// Windows of 100 blocks from block 1,000 on, challenged in every block that has a seed.
struct World {
    rounds: Vec<RoundDetails<AccountId>>,
    rules: AuditRules,
    seeds: BTreeMap<BlockNumber, AuditSeed>,
    presence: Presence,
}

impl World {
    fn new(challenged: &[BlockNumber]) -> Self {
        let round = RoundDetails { round: 1, start: 1_001, seed: AuditSeed([1; 32]), members: vec![ME] };
        let rules = AuditRules { rate: u64::MAX, ..AuditRules::of_window(100) };
        let seeds = challenged.iter().map(|block| (*block, AuditSeed([7; 32]))).collect();
        Self { rounds: vec![round], rules, seeds, presence: Presence::default() }
    }

    fn at(&self, height: BlockNumber) -> Context<'_> {
        Context {
            account: &ME,
            rounds: Rounds { known: &self.rounds, seeds: &self.seeds, read: &(0..0) },
            height,
        }
    }

    /// A case that was looked at and scanned at `height`.
    fn case(&self, height: BlockNumber, first: u32, votes: Vec<WindowVotes>) -> Case {
        let mut case = Case::new(ID, watched(), MINER, self.rules);
        case.on_audit(audit(first, votes), self.at(height));
        case.scan(height, &self.seeds, |_| false);
        case
    }

    fn said(&self, case: &Case, height: BlockNumber) -> Vec<(u32, Vec<Verdict>, Ripeness)> {
        let reports = case.reports(self.at(height), &self.presence).into_iter();
        reports.map(|(report, ripe)| (report.window, report.verdicts.to_vec(), ripe)).collect()
    }
}

fn watched() -> Watched<AccountId> {
    Watched {
        client: AccountId([1; 32]),
        miner: AccountId([2; 32]),
        root: BatchRoot([0; 32]),
        pieces: 1,
        bytes: 1_000,
        since: 1_000,
        window: 100,
        windows: 50,
        word_pay: 1,
        ended: None,
    }
}

fn audit(first: u32, votes: Vec<WindowVotes>) -> AuditInfo<AccountId> {
    AuditInfo { first, proven: 0, votes, dues: Dues::default(), dispute: None }
}

fn disputed(opened: BlockNumber, standing: Standing) -> AuditInfo<AccountId> {
    let (contract, opener) = (ID, ME);
    let dispute = DisputeInfo {
        contract,
        opener,
        standing,
        challenge: Some(1_010),
        opened,
        deadline: 9_999,
        replaced: None,
        positions: Vec::new(),
    };
    AuditInfo { dispute: Some(dispute), ..audit(0, Vec::new()) }
}

fn all(verdict: Verdict) -> WindowVotes {
    let mut votes = WindowVotes::default();
    (0..3).for_each(|seat| assert!(votes.cast(seat, verdict)));
    votes
}

fn wrong() -> Answer {
    Answer { proofs: Default::default(), signature: NodeSignature([0; 64]) }
}

#[test]
fn a_window_is_valid_once_all_is_answered() {
    let world = World::new(&[1_010, 1_150]);
    let mut case = world.case(1_100, 0, vec![WindowVotes::default()]);
    assert!(world.said(&case, 1_100).is_empty(), "the question was not put yet");
    case.on_right(1_010);
    assert_eq!(world.said(&case, 1_100), [(0, vec![Verdict::Valid], Ripeness::Ride)]);
    assert_eq!(world.said(&case, 1_150), [(0, vec![Verdict::Valid], Ripeness::Due)]);
    // A later window's challenge says nothing of this one.
    case.scan(1_199, &world.seeds, |_| false);
    case.on_nothing(1_150, true);
    assert_eq!(world.said(&case, 1_199), [(0, vec![Verdict::Valid], Ripeness::Due)]);
}

#[test]
fn a_challenge_stays_due_in_later_windows() {
    let world = World::new(&[1_010, 1_150]);
    let mut case = world.case(1_290, 0, vec![WindowVotes::default(); 2]);
    case.on_nothing(1_010, false);
    case.on_right(1_150);
    assert_eq!(world.said(&case, 1_290), [(1, vec![Verdict::Offline], Ripeness::Due)]);
    assert!(world.said(&case, 1_310).is_empty(), "both wait for the miner, taken over as they are");
    assert_eq!(world.said(&case, 1_350), [(0, vec![Verdict::Offline], Ripeness::Due)]);
    case.on_right(1_010);
    let valid = vec![Verdict::Valid; 2];
    assert_eq!(world.said(&case, 1_290), [(0, valid, Ripeness::Due)]);
}

#[test]
fn silence_is_told_late_and_only_if_it_lasts() {
    let world = World::new(&[1_010]);
    let mut case = world.case(1_100, 0, vec![WindowVotes::default()]);
    case.on_nothing(1_010, true);
    assert!(world.said(&case, 1_174).is_empty());
    assert_eq!(world.said(&case, 1_175), [(0, vec![Verdict::Silent], Ripeness::Due)]);
    case.on_right(1_010);
    assert_eq!(world.said(&case, 1_175), [(0, vec![Verdict::Valid], Ripeness::Due)]);
}

#[test]
fn what_the_own_seats_said_is_not_said_again() {
    let world = World::new(&[]);
    let case = world.case(1_250, 0, vec![all(Verdict::Valid), WindowVotes::default()]);
    assert_eq!(world.said(&case, 1_250), [(1, vec![Verdict::Valid], Ripeness::Due)]);
    let case = world.case(1_250, 0, vec![all(Verdict::Valid); 2]);
    assert!(world.said(&case, 1_250).is_empty());
}

#[test]
fn nothing_is_said_without_the_chains_word_or_a_seat() {
    let mut world = World::new(&[]);
    let mut case = world.case(1_150, 0, vec![WindowVotes::default()]);
    case.forget_look();
    assert!(world.said(&case, 1_150).is_empty() && case.wants_look(0));
    let case = world.case(1_150, 0, vec![WindowVotes::default()]);
    world.rounds[0].members = vec![AccountId([8; 32])];
    assert!(world.said(&case, 1_150).is_empty());
}

#[test]
fn takes_over_what_nobody_said() {
    let mut world = World::new(&[1_010]);
    world.rounds[0].members = vec![AccountId([8; 32])];
    let running = RoundDetails { round: 2, start: 1_150, ..world.rounds[0].clone() };
    world.rounds.insert(0, RoundDetails { members: vec![ME], ..running });
    let mut case = world.case(1_199, 0, vec![WindowVotes::default()]);
    case.on_right(1_010);
    assert!(world.said(&case, 1_199).is_empty(), "the window's own seats have their time");
    case.scan(1_200, &world.seeds, |_| false);
    let said = world.said(&case, 1_200);
    assert_eq!(said[0], (0, vec![Verdict::Valid, Verdict::Valid], Ripeness::Due));
}

#[test]
fn a_new_seat_asks_from_the_last_valid_window_on() {
    let challenged = [1_010, 1_110, 1_210, 1_310];
    let world = World::new(&challenged);
    // Windows 1 and 2 are said, the own seats are to judge window 3.
    let votes = vec![all(Verdict::Offline), all(Verdict::Valid), all(Verdict::Offline)];
    let case = world.case(1_340, 0, votes);
    assert_eq!(case.challenges.keys().copied().collect::<Vec<_>>(), [1_210, 1_310]);
    // Where nobody called one valid, everything that is known counts.
    let case = world.case(1_340, 0, vec![all(Verdict::Offline); 3]);
    assert_eq!(case.challenges.len(), 4);
}

#[test]
fn answers_kept_on_disk_are_not_asked_for() {
    let world = World::new(&[1_010, 1_020]);
    let mut case = Case::new(ID, watched(), MINER, world.rules);
    case.on_audit(audit(0, Vec::new()), world.at(1_090));
    let questions = case.scan(1_090, &world.seeds, |block| block == 1_010);
    assert_eq!(questions.iter().map(|question| question.block).collect::<Vec<_>>(), [1_020]);
    assert!(case.scan(1_090, &world.seeds, |_| false).is_empty(), "each once");
}

#[test]
fn heartbeats_missed_are_offline_even_if_all_is_answered() {
    let mut world = World::new(&[1_010]);
    let mut case = world.case(1_180, 0, vec![WindowVotes::default()]);
    case.on_right(1_010);
    for (at, reached) in [(999, true), (1_000, true), (1_050, false), (1_099, false), (1_100, true)] {
        world.presence.note(MINER, at, reached);
    }
    assert_eq!(world.said(&case, 1_180), [(0, vec![Verdict::Offline], Ripeness::Due)]);
}

/// The own seat's turn to ask about window 0, which is over at 1,100 and left to its seats until 1,200.
const TURN: BlockNumber = 1_225;

/// A case that was looked at in its turn, and whose miner was asked `times` in vain and in reach about block 1,010.
fn silent(world: &World, times: u32, votes: WindowVotes) -> Case {
    let mut case = world.case(TURN, 0, vec![votes]);
    (0..times).for_each(|_| assert!(case.on_nothing(1_010, true)));
    case
}

#[test]
fn disputes_lasting_silence_and_nothing_else() {
    let world = World::new(&[1_010]);
    let none = WindowVotes::default();
    let mut case = silent(&world, 0, none);
    (0..9).for_each(|_| assert!(case.on_nothing(1_010, false)));
    assert_eq!(case.silence(world.at(TURN)), None, "away is not silent");
    assert_eq!(silent(&world, 2, none).silence(world.at(TURN)), None, "twice is no silence");
    let mut case = silent(&world, 3, none);
    assert!(case.wants_look(0), "what do the others say?");
    assert_eq!(case.silence(world.at(TURN)), Some(1_010));
    assert_eq!(case.silence(world.at(1_399)), Some(1_010));
    assert_eq!(case.silence(world.at(1_400)), None, "the window is final");
    case.on_right(1_010);
    assert_eq!(case.silence(world.at(TURN)), None, "it answered after all");
}

#[test]
fn decides_by_what_the_chain_says_once_all_had_their_time() {
    let world = World::new(&[1_010]);
    let mut case = world.case(1_100, 0, vec![WindowVotes::default()]);
    (0..3).for_each(|_| assert!(case.on_nothing(1_010, true)));
    let mut looks = Vec::new();
    for height in 1_100..=1_300 {
        if case.wants_look(height) {
            looks.push(height);
            case.on_audit(audit(0, vec![WindowVotes::default()]), world.at(height));
        }
        // One look too early is not enough, however late it is now.
        let turn = height >= TURN;
        assert_eq!(case.silence(world.at(height)).is_some(), turn, "{height}: {looks:?}");
        assert!(turn || case.silence(world.at(1_399)).is_none(), "{height}");
    }
    // Where the window is handed over, and in the turn of each seat.
    assert!([1_200, TURN, 1_233, 1_241].iter().all(|turn| looks.contains(turn)), "{looks:?}");
    // The others call it valid at the last moment.
    let mut case = world.case(TURN - 1, 0, vec![WindowVotes::default()]);
    (0..3).for_each(|_| assert!(case.on_nothing(1_010, true)));
    let mut two = WindowVotes::default();
    (1..3).for_each(|seat| assert!(two.cast(seat, Verdict::Valid)));
    case.on_audit(audit(0, vec![two]), world.at(TURN));
    assert_eq!(case.silence(world.at(TURN)), None);
}

#[test]
fn disputes_no_window_that_others_saw_answered() {
    let world = World::new(&[1_010]);
    let mut two = WindowVotes::default();
    (1..3).for_each(|seat| assert!(two.cast(seat, Verdict::Valid)));
    assert_eq!(silent(&world, 9, two).silence(world.at(TURN)), None);
    let mut answered = WindowVotes::default();
    answered.answer();
    assert_eq!(
        silent(&world, 9, answered).silence(world.at(TURN)),
        Some(1_010),
        "an accomplice asks what the miner has, and not what it missed"
    );
    let mut one = WindowVotes::default();
    assert!(one.cast(1, Verdict::Valid));
    assert_eq!(silent(&world, 9, one).silence(world.at(TURN)), Some(1_010));
}

#[test]
fn an_answer_on_chain_settles_what_came_before_it() {
    let world = World::new(&[1_010, 1_120]);
    let mut case = silent(&world, 3, WindowVotes::default());
    case.on_audit(disputed(1_226, Seat), world.at(1_227));
    case.on_audit(audit(0, vec![WindowVotes::default(); 2]), world.at(1_240));
    assert_eq!(case.silence(world.at(1_240)), None, "the miner answered on chain");
    assert!(case.is_open(1_120), "what it was not asked is not settled");
    assert!(world.said(&case, 1_290).is_empty(), "the tracker did not see that answer");
}

#[test]
fn answers_to_others_settle_nothing() {
    let world = World::new(&[1_010]);
    let mut case = silent(&world, 3, WindowVotes::default());
    case.on_audit(disputed(1_020, Anybody), world.at(TURN));
    case.on_audit(audit(0, vec![WindowVotes::default()]), world.at(TURN));
    assert_eq!(case.silence(world.at(TURN)), Some(1_010), "what it missed is not proven");
    case.on_audit(disputed(1_226, Anybody), world.at(1_227));
    case.on_audit(disputed(1_230, Seat), world.at(1_231));
    assert!(case.is_open(1_010), "a seat's question took the other's place");
    case.on_audit(audit(0, vec![WindowVotes::default()]), world.at(1_240));
    assert!(!case.is_open(1_010));
}

#[test]
fn a_wrong_answer_is_evidence_and_silence() {
    let world = World::new(&[1_010]);
    let mut case = world.case(1_100, 0, vec![WindowVotes::default()]);
    assert_eq!(case.evidence(), None);
    case.on_wrong(1_010, wrong());
    assert_eq!(case.evidence(), Some((1_010, &wrong())));
    assert_eq!(world.said(&case, 1_180), [(0, vec![Verdict::Silent], Ripeness::Due)]);
}

#[test]
fn long_runs_are_several_reports() {
    let mut world = World::new(&[]);
    world.rules.final_after = 5_000;
    world.rules.report_within = 4_000;
    let case = world.case(3_990, 0, vec![WindowVotes::default(); 29]);
    let runs: Vec<_> = world.said(&case, 3_990).into_iter().map(|(w, v, _)| (w, v.len())).collect();
    assert_eq!(runs, [(0, 8), (8, 8), (16, 8), (24, 5)]);
}

#[test]
fn what_is_final_is_forgotten() {
    let world = World::new(&[1_010, 1_020]);
    let mut case = world.case(1_050, 0, Vec::new());
    case.on_right(1_010);
    case.prune(1_399);
    assert_eq!(case.challenges.len(), 2);
    case.prune(1_400);
    assert!(!case.challenges.contains_key(&1_010) && case.is_open(1_020), "what is open stays due");
    case.prune(1_020 + world.rules.seed_history);
    assert!(case.challenges.is_empty(), "until its seed is forgotten");
}
