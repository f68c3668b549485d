//! One contract that the tracker watches: its challenges, and what is to be said and done about them.

use crate::{
    desk::Question,
    presence::Presence,
    seats::{self, judging, open_windows, Rounds},
    verdict::{ripeness, verdict, Ripeness, Standing},
};
use lunarx_core::{
    AccountId, AuditInfo, AuditRules, AuditSeed, BlockNumber, ContractId, NodeKey, Report, Verdict, Watched,
    MAX_REPORTED_WINDOWS, SEATS,
};
use lunarx_proof::{challenged, Answer, Covered};
use std::collections::BTreeMap;

/// Times that a miner is silent before the chain is asked to ask it.
const SILENT_TRIES: u32 = 3;
/// Once the time of a window's own seats is over, those that take seats over have one part in so many of it for
/// their words before anybody asks on chain.
const TAKEOVER: BlockNumber = 4;
/// A seat leaves the one before it so many parts of a window, so that the three do not all pay for the same
/// question.
const STAGGER: BlockNumber = 12;

/// The state of one challenge.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Open,
    Answered,
    Wrong(Box<Answer>),
    /// Settled by a seat's dispute that the miner answered on chain.
    OnChain,
}

#[derive(Debug)]
struct Challenge {
    state: State,
    /// Times that the miner was there, and did not answer.
    silent: u32,
    /// Times that it was not reached.
    unreached: u32,
}

impl Challenge {
    /// Whether the miner is there and says nothing, for long.
    fn is_silent(&self) -> bool {
        self.state == State::Open && self.silent >= SILENT_TRIES
    }

    fn standing(&self) -> Standing {
        match self.state {
            State::Answered | State::OnChain => Standing::Answered,
            State::Wrong(_) => Standing::Wrong,
            State::Open if self.silent == 0 && self.unreached == 0 => Standing::Unknown,
            State::Open => Standing::Unanswered { reached: self.silent > 0 },
        }
    }
}

/// A dispute that is open.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Open {
    /// Its block.
    at: BlockNumber,
    /// The challenge that it names as a seat's question.
    challenge: Option<BlockNumber>,
}

/// What the tracker knows besides the contract.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) account: &'a AccountId,
    pub(crate) rounds: Rounds<'a>,
    pub(crate) height: BlockNumber,
}

/// A contract that is watched.
pub(crate) struct Case {
    pub(crate) id: ContractId,
    pub(crate) watched: Watched<AccountId>,
    pub(crate) miner: NodeKey,
    rules: AuditRules,
    /// How the chain says that its windows stand. `None`: to be read again.
    audit: Option<AuditInfo<AccountId>>,
    /// The height at which it said so.
    looked: BlockNumber,
    /// Read again at this height.
    look_at: BlockNumber,
    /// Challenges before this block are not known here.
    from: BlockNumber,
    /// The first block whose seed was not looked at; `None` before the first look at the chain.
    next: Option<BlockNumber>,
    challenges: BTreeMap<BlockNumber, Challenge>,
    /// The dispute that is open.
    dispute: Option<Open>,
}

impl Case {
    pub(crate) fn new(
        id: ContractId,
        watched: Watched<AccountId>,
        miner: NodeKey,
        rules: AuditRules,
    ) -> Self {
        Self {
            id,
            watched,
            miner,
            rules,
            audit: None,
            looked: 0,
            look_at: 0,
            from: 0,
            next: None,
            challenges: BTreeMap::new(),
            dispute: None,
        }
    }

    /// Whether the chain's word on it is to be read.
    pub(crate) fn wants_look(&self, height: BlockNumber) -> bool {
        self.audit.is_none() || height >= self.look_at
    }

    /// The block of a dispute that is open, as far as it was read.
    pub(crate) fn dispute(&self) -> Option<BlockNumber> {
        self.dispute.map(|open| open.at)
    }

    /// Has it read again.
    pub(crate) fn forget_look(&mut self) {
        self.audit = None;
    }

    /// Takes the chain's word. The first time, it also says from where on challenges count: from the end of
    /// the last window before ours that a majority called valid, for then everything before is answered; else
    /// from as far back as seeds are known.
    pub(crate) fn on_audit(&mut self, audit: AuditInfo<AccountId>, context: Context<'_>) {
        let (height, rules) = (context.height, self.rules);
        if self.next.is_none() {
            let open = open_windows(&self.watched, height, &rules);
            let ours = open.clone().find(|window| self.may_judge(&audit, *window, context));
            let before = audit.first..ours.unwrap_or(open.end);
            let valid =
                before.rev().find(|w| self.said(&audit, *w, |v| v.majority()) == Some(Verdict::Valid));
            let known = height.saturating_add(1).saturating_sub(rules.seed_history);
            let proven = valid.map_or(0, |window| self.watched.end_of(window));
            self.from = self.watched.since.max(known).max(proven);
            self.next = Some(self.from);
        }
        let open = audit.dispute.as_ref();
        let dispute = open.map(|dispute| Open {
            at: dispute.opened,
            challenge: dispute.challenge.filter(|_| dispute.standing.is_seat()),
        });
        // A seat's is over and the contract lives: the miner answered. Only the challenge that it named is settled, and
        // none by others' questions: an accomplice could open them when it suits the miner.
        let replaced = open.and_then(|dispute| dispute.replaced);
        let over = self.dispute.filter(|before| dispute != Some(*before) && replaced != Some(before.at));
        if let Some(challenge) = over.and_then(|before| self.challenges.get_mut(&before.challenge?)) {
            if challenge.state == State::Open {
                challenge.state = State::OnChain;
            }
        }
        self.dispute = dispute;
        let silent = self.challenges.values().any(Challenge::is_silent);
        let looks = open_windows(&self.watched, height, &rules).flat_map(|window| {
            let end = self.watched.end_of(window);
            let handover = end.saturating_add(rules.report_within);
            let turns = (0..SEATS).filter(|_| silent).map(|seat| self.turn(end, seat));
            turns.chain([handover]).collect::<Vec<_>>()
        });
        let next = looks.filter(|at| *at > height).min();
        self.look_at = next.unwrap_or(height.saturating_add(rules.report_within.max(1)));
        self.looked = height;
        self.audit = Some(audit);
    }

    fn said<T>(
        &self,
        audit: &AuditInfo<AccountId>,
        window: u32,
        read: impl Fn(lunarx_core::WindowVotes) -> Option<T>,
    ) -> Option<T> {
        let at = usize::try_from(window.checked_sub(audit.first)?).ok()?;
        read(audit.votes.get(at).copied().unwrap_or_default())
    }

    /// Whether the tracker holds a seat that judges a window and has not spoken.
    fn may_judge(&self, audit: &AuditInfo<AccountId>, window: u32, context: Context<'_>) -> bool {
        let Context { account, rounds, height, .. } = context;
        let seats = judging(rounds, account, &self.id, &self.watched, window, height, &self.rules);
        let free =
            |seat: &u32| self.said(audit, window, |votes| Some(votes.of(*seat).is_none())).unwrap_or(false);
        seats.iter().any(free)
    }

    /// The first block whose seed is needed.
    pub(crate) fn next_seed(&self) -> Option<BlockNumber> {
        self.next
    }

    /// Looks at the seeds up to `height`: gives the questions that are new. Those of which `kept` says that
    /// the answer is kept are not put again.
    pub(crate) fn scan(
        &mut self,
        height: BlockNumber,
        seeds: &BTreeMap<BlockNumber, AuditSeed>,
        kept: impl Fn(BlockNumber) -> bool,
    ) -> Vec<Question> {
        let Some(next) = self.next.filter(|next| *next <= height) else { return Vec::new() };
        let mut questions = Vec::new();
        for (block, seed) in seeds.range(next..=height) {
            if self.watched.window_of(*block).is_none() {
                continue;
            }
            let Some(question) = self.question(*block, seed) else { continue };
            let state = if kept(*block) { State::Answered } else { State::Open };
            if state == State::Open {
                questions.push(question);
            }
            self.challenges.insert(*block, Challenge { state, silent: 0, unreached: 0 });
        }
        self.next = Some(height.saturating_add(1));
        questions
    }

    /// The question of a block, if it challenges the contract.
    fn question(&self, block: BlockNumber, seed: &AuditSeed) -> Option<Question> {
        let positions = challenged(seed, &self.id, self.watched.bytes, &self.rules)?;
        let Watched { root, pieces, bytes, .. } = self.watched;
        Some(Question {
            contract: self.id,
            block,
            miner: self.miner,
            covered: Covered { root, pieces, bytes },
            seed: *seed,
            positions,
        })
    }

    /// Whether a question still waits for its answer.
    pub(crate) fn is_open(&self, block: BlockNumber) -> bool {
        self.challenges.get(&block).is_some_and(|challenge| challenge.state == State::Open)
    }

    /// A right answer came.
    pub(crate) fn on_right(&mut self, block: BlockNumber) {
        self.set(block, State::Answered);
    }

    /// A wrong answer came. A right one that came before stands beside it: either is evidence.
    pub(crate) fn on_wrong(&mut self, block: BlockNumber, answer: Answer) {
        self.set(block, State::Wrong(Box::new(answer)));
    }

    fn set(&mut self, block: BlockNumber, state: State) {
        if let Some(challenge) = self.challenges.get_mut(&block) {
            challenge.state = state;
        }
    }

    /// No answer came. Returns whether it is asked for again.
    pub(crate) fn on_nothing(&mut self, block: BlockNumber, reached: bool) -> bool {
        let Some(challenge) = self.challenges.get_mut(&block) else { return false };
        let count = if reached { &mut challenge.silent } else { &mut challenge.unreached };
        *count = count.saturating_add(1);
        if reached && challenge.silent == SILENT_TRIES {
            // What the others say decides what is done about it.
            self.look_at = 0;
        }
        challenge.state == State::Open
    }

    /// The miner is away: whatever waits for it could not be answered now.
    pub(crate) fn on_absence(&mut self) {
        for challenge in self.challenges.values_mut().filter(|challenge| challenge.state == State::Open) {
            challenge.unreached = challenge.unreached.saturating_add(1);
        }
    }

    /// Forgets what is answered and final, and what nobody can ask for any more.
    pub(crate) fn prune(&mut self, height: BlockNumber) {
        let (watched, rules) = (&self.watched, &self.rules);
        self.challenges.retain(|block, challenge| {
            let known = block.saturating_add(rules.seed_history) > height;
            let end = watched.window_of(*block).map_or(*block, |window| watched.end_of(window));
            let is_final = end.saturating_add(rules.final_after) <= height;
            known && !(is_final && challenge.state != State::Open)
        });
    }

    /// What is to be said of windows that are over and still open to the tracker, and how urgent it is.
    /// `None` as long as the chain's word is not known.
    pub(crate) fn reports(&self, context: Context<'_>, presence: &Presence) -> Vec<(Report, Ripeness)> {
        let Some(audit) = &self.audit else { return Vec::new() };
        let mut reports: Vec<(Report, Ripeness)> = Vec::new();
        for window in audit.first..self.watched.elapsed(context.height) {
            if !self.may_judge(audit, window, context) {
                continue;
            }
            let Some(verdict) = self.verdict(window, presence) else { continue };
            let end = self.watched.end_of(window);
            match ripeness(verdict, end, context.height, &self.rules) {
                Some(Ripeness::Wait) | None => {}
                Some(ripe) => push(&mut reports, self.id, window, verdict, ripe),
            }
        }
        reports
    }

    /// What the tracker saw of a window; `None` if it cannot tell.
    fn verdict(&self, window: u32, presence: &Presence) -> Option<Verdict> {
        let end = self.watched.end_of(window);
        let start = self.watched.since.saturating_add(window.saturating_mul(self.watched.window));
        if self.next.is_none_or(|next| next < end) || start < self.from {
            return None;
        }
        let standings = self.challenges.range(..end).map(|(block, challenge)| {
            // The chain saw this answer, the tracker did not: it cannot vouch for that window.
            let own = self.watched.window_of(*block) == Some(window);
            if own && challenge.state == State::OnChain {
                Standing::Unknown
            } else {
                challenge.standing()
            }
        });
        verdict(presence.within(&self.miner, start..end), standings)
    }

    /// A wrong answer that the miner signed.
    pub(crate) fn evidence(&self) -> Option<(BlockNumber, &Answer)> {
        self.challenges.iter().find_map(|(block, challenge)| match &challenge.state {
            State::Wrong(answer) => Some((*block, answer.as_ref())),
            _ => None,
        })
    }

    /// The challenge with which the chain is to ask the miner: it is there, and was silent for long. Only where
    /// the votes, read when all seats had their time, show no majority that calls the window valid. Else a miner
    /// could be silent to one seat of three and have it pay the answer.
    pub(crate) fn silence(&self, context: Context<'_>) -> Option<BlockNumber> {
        let (Context { account, rounds, height }, rules) = (context, &self.rules);
        let audit = self.audit.as_ref()?;
        let due = |block: BlockNumber| {
            let window = self.watched.window_of(block)?;
            let end = self.watched.end_of(window);
            let seats = judging(rounds, account, &self.id, &self.watched, window, height, rules);
            let open = self.looked >= self.turn(end, *seats.first()?)
                && height < end.saturating_add(rules.final_after)
                && self.said(audit, window, |votes| Some(votes.majority() != Some(Verdict::Valid)))?;
            open.then_some(block)
        };
        let mut silent = self.challenges.iter().filter(|(_, challenge)| challenge.is_silent());
        silent.find_map(|(block, _)| due(*block))
    }

    /// When a seat's turn comes to have the chain ask about a window that ended at `end`: every word that is given
    /// in time is counted then. Long before the window is final, so that the challenge can still be named.
    fn turn(&self, end: BlockNumber, seat: u32) -> BlockNumber {
        let within = self.rules.report_within;
        let wait = seat.saturating_mul(self.watched.window / STAGGER);
        end.saturating_add(within).saturating_add(within / TAKEOVER).saturating_add(wait)
    }

    /// Whether a seat of the tracker, of the window's own round, said *valid* of the window of a block.
    pub(crate) fn called_valid(&self, block: BlockNumber, context: Context<'_>) -> bool {
        let (Some(audit), Some(window)) = (&self.audit, self.watched.window_of(block)) else { return false };
        let Context { account, rounds, height, .. } = context;
        let seats = seats::own(rounds, account, &self.id, &self.watched, window, height);
        let said = |seat: &u32| {
            self.said(audit, window, |votes| votes.of(*seat).filter(|_| !votes.is_substituted(*seat)))
        };
        seats.iter().any(|seat| said(seat) == Some(Verdict::Valid))
    }
}

/// Adds a verdict to the last report where it follows on it.
fn push(
    reports: &mut Vec<(Report, Ripeness)>,
    contract: ContractId,
    window: u32,
    verdict: Verdict,
    ripe: Ripeness,
) {
    if let Some((last, ripeness)) = reports.last_mut() {
        let count = u32::try_from(last.verdicts.len()).unwrap_or(MAX_REPORTED_WINDOWS);
        if last.window.saturating_add(count) == window && last.verdicts.try_push(verdict).is_ok() {
            *ripeness = ripe.max(*ripeness);
            return;
        }
    }
    let verdicts = one(verdict);
    reports.push((Report { contract, window, verdicts }, ripe));
}

/// A report's list of one verdict.
fn one<B: TryFrom<Vec<Verdict>> + Default>(verdict: Verdict) -> B {
    B::try_from(vec![verdict]).unwrap_or_default()
}

#[cfg(test)]
#[path = "tests/case.rs"]
mod tests;
