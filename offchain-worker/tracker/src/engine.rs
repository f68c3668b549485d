//! Does what is owed: after each finalized block it derives from the chain's state what to ask, to say and to
//! do. It can stop anywhere: the next run derives what is left.

use crate::{
    answers::Answers,
    ask::Outcome,
    calls::{Done, Topic, Work},
    case::{Case, Context},
    desk::{Desk, Question},
    directory::Directory,
    dues::Drawer,
    presence::{chance, Presence},
    seats::{judging, open_windows},
    verdict::Ripeness,
    view::View,
    TrackerError,
};
use lunarx_chain::{Chain, ChainError};
use lunarx_core::{AccountId, Balance, BlockNumber, ContractId, NodeKey, Report, Round, TrackerState};
use rand::Rng;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// Contracts whose state is read in one pass, so that a pass stays short.
const MAX_LOOKS: usize = 256;
/// A miner that gave no answer is asked again so many times a window.
const RETRIES_PER_WINDOW: u32 = 12;
/// A dispute that was not answered is ended by its opener after one part in so many of a window.
const RESOLVE_GRACE: BlockNumber = 4;
/// Reports of a tracker that the chain takes for free, a window.
const FREE_REPORTS: BlockNumber = 64;
/// What the tracker did or was refused is left alone for so many windows.
const QUIET_WINDOWS: BlockNumber = 1;

/// What the service shares with the engine.
pub(crate) struct Shared {
    pub(crate) desk: Mutex<Desk>,
    pub(crate) presence: Mutex<Presence>,
    pub(crate) answers: Answers,
    pub(crate) directory: watch::Sender<Arc<Directory>>,
}

impl Shared {
    pub(crate) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn presence(&self) -> MutexGuard<'_, Presence> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of a question, put by the tracker or a verifier. A right answer is kept already.
pub(crate) struct Found {
    pub(crate) question: Arc<Question>,
    pub(crate) outcome: Outcome,
}

/// Works off the duties of one tracker.
pub(crate) struct Engine {
    chain: Arc<dyn Chain>,
    account: AccountId,
    node_key: NodeKey,
    verifiers: Vec<NodeKey>,
    least_claim: Balance,
    shared: Arc<Shared>,
    view: View,
    cases: BTreeMap<ContractId, Case>,
    /// Left alone until a height.
    quiet: BTreeMap<Topic, BlockNumber>,
    claimed: Option<Round>,
    dues: Drawer,
    /// No report before this height: it would not be free.
    free_from: BlockNumber,
    /// The height of the last pass.
    height: BlockNumber,
}

impl Engine {
    pub(crate) fn new(
        chain: Arc<dyn Chain>,
        account: AccountId,
        node_key: NodeKey,
        verifiers: Vec<NodeKey>,
        least_claim: Balance,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            view: View::new(chain.clone(), account),
            chain,
            account,
            node_key,
            verifiers,
            least_claim,
            shared,
            cases: BTreeMap::new(),
            quiet: BTreeMap::new(),
            claimed: None,
            dues: Drawer::default(),
            free_from: 0,
            height: 0,
        }
    }

    /// Brings the tracker up to date with the finalized state at `height` or later. Gives the miners whose
    /// heartbeat is due.
    pub(crate) async fn pass(&mut self, height: BlockNumber) -> Result<Vec<NodeKey>, TrackerError> {
        let renewed = self.view.refresh(height).await?;
        if renewed {
            self.assign(height);
            self.publish();
        }
        if self.view.refresh_disputes(height).await? || renewed {
            self.note_disputes();
        }
        if renewed {
            self.forget(height)?;
        }
        self.look(height).await?;
        if let Some(from) = self.cases.values().filter_map(Case::next_seed).min() {
            self.view.read_seeds(from, height).await?;
        }
        self.scan(height);
        let blocks = if self.height == 0 { 1 } else { height.saturating_sub(self.height) };
        self.height = height;
        let rounds = self.view.sortition();
        let final_after = self.chain.parameters().audit.final_after;
        self.dues.turn(&self.account, rounds, &self.view.contracts, final_after, height);
        self.dues.read(self.chain.as_ref(), &self.account, rounds).await?;
        Ok(self.beats(blocks))
    }

    fn context(&self) -> Context<'_> {
        self.context_at(self.height)
    }

    fn context_at(&self, height: BlockNumber) -> Context<'_> {
        Context { account: &self.account, rounds: self.view.sortition(), height }
    }

    /// Opens a case for every contract that one of the own seats judges or will judge, and closes the rest.
    fn assign(&mut self, height: BlockNumber) {
        let View { contracts, keys, .. } = &self.view;
        let rounds = self.view.sortition();
        self.cases.retain(|id, _| contracts.contains_key(id));
        for (id, watched) in contracts {
            let rules = self.view.rules(watched);
            let mine = open_windows(watched, height, &rules).any(|window| {
                !judging(rounds, &self.account, id, watched, window, height, &rules).is_empty()
            });
            let Some(miner) = keys.get(&watched.miner).filter(|_| mine) else {
                self.cases.remove(id);
                continue;
            };
            let case =
                self.cases.entry(*id).or_insert_with(|| Case::new(*id, watched.clone(), *miner, rules));
            // Its client may have ended it.
            case.watched = watched.clone();
        }
    }

    /// Has those cases read again whose dispute is another than before.
    fn note_disputes(&mut self) {
        for (id, case) in &mut self.cases {
            let disputed = self.view.disputes.get(id).map(|dispute| dispute.opened);
            if case.dispute() != disputed {
                case.forget_look();
            }
        }
    }

    /// Shows the service what was read.
    fn publish(&self) {
        let verifiers = self.view.own().map(|own| own.verifiers.clone()).unwrap_or_default();
        self.shared.desk().set_verifiers(&verifiers);
        self.shared.directory.send_replace(Arc::new(Directory::of(&self.view, self.node_key)));
    }

    /// Drops what is of no use any more.
    fn forget(&mut self, height: BlockNumber) -> Result<(), TrackerError> {
        let View { contracts, disputes, .. } = &self.view;
        self.cases.values_mut().for_each(|case| case.prune(height));
        let cases = &self.cases;
        let open = |question: &Question| {
            cases.get(&question.contract).is_some_and(|case| case.is_open(question.block))
        };
        self.shared.desk().retain(open);
        let rules = self.chain.parameters().audit;
        let memory = rules.final_after.saturating_add(rules.report_within).saturating_mul(2);
        self.shared.presence().forget_before(height.saturating_sub(memory));
        self.quiet.retain(|_, until| *until > height);
        self.shared.answers.retain(|(contract, block)| {
            let Some(watched) = contracts.get(&contract) else { return false };
            let end = watched.window_of(block).map_or(block, |window| watched.end_of(window));
            end.saturating_add(self.view.rules(watched).final_after) > height
                || disputes.contains_key(&contract)
        })
    }

    /// Reads how the windows of contracts stand, where that changed or matters now.
    async fn look(&mut self, height: BlockNumber) -> Result<(), ChainError> {
        let wanting = self.cases.values().filter(|case| case.wants_look(height));
        let ids: Vec<ContractId> = wanting.map(|case| case.id).take(MAX_LOOKS).collect();
        for id in ids {
            match self.chain.audit(id).await? {
                Some(audit) => {
                    let context = Context { account: &self.account, rounds: self.view.sortition(), height };
                    if let Some(case) = self.cases.get_mut(&id) {
                        case.on_audit(audit, context);
                    }
                }
                None => {
                    self.cases.remove(&id);
                }
            }
        }
        Ok(())
    }

    /// Puts the questions of new blocks on the desk.
    fn scan(&mut self, height: BlockNumber) {
        let now = Instant::now();
        let answers = &self.shared.answers;
        let mut desk = self.shared.desk();
        for case in self.cases.values_mut() {
            let id = case.id;
            let kept = |block| answers.contains((id, block));
            for question in case.scan(height, &self.view.seeds, kept) {
                desk.put(Arc::new(question), now);
            }
        }
    }

    /// The miners whose heartbeat is due, after `blocks` more blocks.
    fn beats(&self, blocks: BlockNumber) -> Vec<NodeKey> {
        let chance = chance(blocks, self.chain.parameters().window);
        let miners: BTreeSet<NodeKey> = self.cases.values().map(|case| case.miner).collect();
        let mut random = rand::rngs::OsRng;
        miners.into_iter().filter(|_| random.gen_bool(chance.clamp(0.0, 1.0))).collect()
    }

    /// Notes a heartbeat of block `at`. A miner that is back is asked at once.
    pub(crate) fn on_beat(&mut self, miner: NodeKey, at: BlockNumber, reached: bool) {
        self.shared.presence().note(miner, at, reached);
        if reached {
            self.shared.desk().hold(miner, None);
        }
    }

    /// Notes what came of a question.
    pub(crate) fn on_found(&mut self, Found { question, outcome }: Found) {
        let right = matches!(outcome, Outcome::Right(_) | Outcome::Wrong(_));
        self.shared.desk().close(question.key(), right);
        let Some(case) = self.cases.get_mut(&question.contract) else { return };
        let block = question.block;
        let reached = match outcome {
            Outcome::Right(_) => return case.on_right(block),
            Outcome::Wrong(answer) => {
                tracing::warn!(contract = %case.id, block, miner = %case.miner, "a miner signed a wrong answer");
                return case.on_wrong(block, answer);
            }
            Outcome::Silent => true,
            Outcome::Unreachable => false,
        };
        let again = case.on_nothing(block, reached);
        let ready = Instant::now() + self.retry();
        let mut desk = self.shared.desk();
        if again {
            desk.put(question.clone(), ready);
        }
        if !reached {
            // Nobody is there, so nothing else can be asked there either.
            desk.hold(question.miner, Some(ready));
            let same = self.cases.values_mut().filter(|case| case.miner == question.miner);
            same.for_each(Case::on_absence);
        }
    }

    /// The wait before a miner is asked again.
    fn retry(&self) -> Duration {
        let parameters = self.chain.parameters();
        let millis = parameters.block_millis.saturating_mul(parameters.window.into());
        Duration::from_millis(millis / u64::from(RETRIES_PER_WINDOW))
    }

    /// What is to be said on chain now.
    pub(crate) fn owed(&self) -> Result<Vec<Work>, TrackerError> {
        let mut work = self.own_work();
        let context = self.context();
        for case in self.cases.values() {
            let contract = case.id;
            if let Some((block, answer)) = case.evidence() {
                work.push((
                    Topic::Convict(contract),
                    Work::Convict { contract, block, answer: answer.clone() },
                ));
            } else if let Some(block) = case.silence(context) {
                // Not for long after answers: it could go on for ever, at the trackers' cost.
                if self.view.patience.may_ask(&contract, &case.watched, &self.account, self.height) {
                    work.push((Topic::Dispute(contract), Work::Dispute { contract, block }));
                }
            }
        }
        for dispute in self.view.disputes.values() {
            let contract = dispute.contract;
            // The chain ends it by itself where its blocks have room.
            let grace = self.chain.parameters().window / RESOLVE_GRACE;
            if dispute.opener == self.account && self.height > dispute.deadline.saturating_add(grace) {
                work.push((Topic::Resolve(contract), Work::Resolve { contract }));
            }
            let Some(block) = dispute.challenge else { continue };
            let accused = self.cases.get(&contract).is_some_and(|case| case.called_valid(block, context));
            if accused && !self.is_quiet(&Topic::Vouch(contract)) {
                match self.shared.answers.get((contract, block))? {
                    Some(answer) => work.push((Topic::Vouch(contract), Work::Vouch { contract, answer })),
                    None => tracing::warn!(%contract, block, "accused, and the answer is not kept"),
                }
            }
        }
        work.retain(|(topic, _)| !self.is_quiet(topic));
        let mut work: Vec<Work> = work.into_iter().map(|(_, work)| work).collect();
        let reports = self.reports();
        if !reports.is_empty() {
            work.push(Work::Reports(reports));
        }
        Ok(work)
    }

    /// What concerns the tracker itself.
    fn own_work(&self) -> Vec<(Topic, Work)> {
        let Some(own) = self.view.own() else { return Vec::new() };
        let mut work = Vec::new();
        if own.state == TrackerState::Suspended {
            work.push((Topic::Resume, Work::Resume));
        }
        let (named, wanted): (BTreeSet<_>, BTreeSet<_>) =
            (own.verifiers.iter().collect(), self.verifiers.iter().collect());
        if named != wanted {
            let wanted = wanted.into_iter().copied().collect();
            work.push((Topic::SetVerifiers, Work::SetVerifiers(wanted)));
        }
        let round = self.view.rounds.first().map(|round| round.round);
        if own.credits >= self.least_claim.max(1) && self.claimed != round {
            work.push((Topic::Claim, Work::Claim));
        }
        work
    }

    /// The reports to make now, as many as one call takes: none until one is due or a call is full, then all that ride
    /// along; draws of pay where there is nothing to say. One call at a time, as far apart as they are free.
    fn reports(&self) -> Vec<Report> {
        if self.height < self.free_from {
            return Vec::new();
        }
        let most = usize::try_from(self.chain.parameters().max_reports).unwrap_or(usize::MAX);
        let presence = self.shared.presence();
        let context = self.context();
        let loud = self.cases.values().filter(|case| !self.is_quiet(&Topic::Report(case.id)));
        let mut ripe: Vec<_> = loud.flat_map(|case| case.reports(context, &presence)).collect();
        let is_due = |ripeness: &Ripeness| *ripeness == Ripeness::Due;
        if ripe.len() >= most || ripe.iter().any(|(_, ripeness)| is_due(ripeness)) {
            // What is due goes first; the order among the others stays.
            ripe.sort_by_key(|(_, ripeness)| !is_due(ripeness));
            return ripe.into_iter().take(most).map(|(report, _)| report).collect();
        }
        let draws = self.dues.reports().filter(|report| !self.is_quiet(&Topic::Draw(report.contract)));
        draws.take(most).collect()
    }

    fn is_quiet(&self, topic: &Topic) -> bool {
        self.quiet.get(topic).is_some_and(|until| *until > self.height)
    }

    /// Notes what became of what was said.
    pub(crate) fn on_done(&mut self, done: Vec<Done>) {
        let window = self.chain.parameters().window;
        let pause = (window / FREE_REPORTS).saturating_add(1);
        for Done { topic, taken } in done {
            match topic {
                Topic::Report(id) => {
                    self.free_from = self.height.saturating_add(pause);
                    self.look_again(&id);
                    if taken {
                        continue;
                    }
                }
                Topic::Draw(id) => {
                    self.free_from = self.height.saturating_add(pause);
                    self.dues.done(&id);
                }
                // Before it asks once more, it looks again.
                Topic::Dispute(id) => {
                    self.look_again(&id);
                    self.view.expire();
                }
                // Refused, where no contract has paid yet: it is tried again in the next round.
                Topic::Claim => {
                    self.claimed = self.view.rounds.first().map(|round| round.round);
                    self.view.expire();
                }
                _ => self.view.expire(),
            }
            let until = self.height.saturating_add(window.saturating_mul(QUIET_WINDOWS));
            self.quiet.insert(topic, until);
        }
    }

    fn look_again(&mut self, id: &ContractId) {
        if let Some(case) = self.cases.get_mut(id) {
            case.forget_look();
        }
    }

    /// The providers, for their addresses.
    pub(crate) fn view(&self) -> &View {
        &self.view
    }
}
