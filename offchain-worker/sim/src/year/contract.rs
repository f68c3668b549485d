//! One contract, hour by hour: challenged, judged, disputed, paid.

use super::{
    books::Account,
    dispute::{Dispute, Standing},
    hearing::{Hearing, Window},
    miner::{Host, Kind, Loss},
    tally::Asker,
    tracker::{Seats, Trackers},
    World,
};
use crate::{
    chance::{block_seed, contract_id, hit_chance},
    DAY, HOUR,
};
use lunarx_core::{Balance, BlockNumber, ContractId, Round, Verdict, Watched, SEATS};
use lunarx_proof::questioned;
use std::collections::VecDeque;

/// Blocks that a miner needs for an answer on chain: a minute.
const ANSWER_BLOCKS: u32 = 20;
/// A client asks on chain once its contract was not proven for three days on end; then after six, and so on.
const CLIENT_PATIENCE: u32 = 72;
/// The opener's share of what is slashed, in hundredths.
const FINDERS_SHARE: Balance = 10;
/// The part of its bond that a seat loses for a *valid* that it cannot vouch for: one in so many.
const FINE: Balance = 10;

/// How a contract ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Found guilty.
    Convicted,
    /// The miner said so itself.
    Surrendered,
}

/// An active contract.
pub struct Contract {
    id: ContractId,
    watched: Watched<Account>,
    fee: Balance,
    /// Windows that are final.
    settled: u32,
    windows: VecDeque<Window>,
    next_hit: BlockNumber,
    hits_today: usize,
    challenged: bool,
    loss: Option<Loss>,
    /// The first challenge that the miner cannot answer, of those that its seats know of.
    failed: Option<BlockNumber>,
    dispute: Option<Dispute>,
    unproven: u32,
    /// Windows on end after which the client asks.
    patience: u32,
    /// Questions of seats that were answered.
    answered: u32,
    /// No seat asks before, but at the end of the term.
    ask_from: BlockNumber,
    /// When one did that was due, and was answered.
    asked: BlockNumber,
    round: Round,
    seats: Option<Seats>,
    seats_before: Option<Seats>,
}

impl Contract {
    /// The next contract of a miner, for what is left of the time.
    pub fn open(host: &mut Host, now: BlockNumber, world: &mut World) -> Self {
        let setup = &world.setup;
        let id = contract_id(setup.seed, host.index, host.taken);
        let windows = (setup.end() - now) / HOUR;
        let watched = Watched {
            client: Account::Clients,
            miner: Account::Miner(host.index),
            root: lunarx_core::BatchRoot([0; 32]),
            pieces: setup.pieces,
            bytes: setup.bytes(),
            since: now,
            window: HOUR,
            windows,
            word_pay: setup.word_pay(),
            ended: None,
        };
        let fee = setup.fee();
        world.books.pay(watched.client, Account::Escrow, fee * Balance::from(windows));
        world.books.pay(watched.miner, Account::Collateral, setup.collateral());
        host.taken += 1;
        host.dark = false;
        Self {
            id,
            fee,
            settled: 0,
            windows: VecDeque::new(),
            next_hit: now.saturating_add(host.dice.geometric(hit_chance(&setup.rules))),
            hits_today: 0,
            challenged: false,
            loss: host.embezzles(watched.bytes, now),
            failed: None,
            dispute: None,
            unproven: 0,
            patience: CLIENT_PATIENCE,
            answered: 0,
            ask_from: now,
            asked: now,
            round: Round::MAX,
            seats: None,
            seats_before: None,
            watched,
        }
    }

    /// Fees that are still in escrow.
    pub fn escrow(&self) -> Balance {
        self.fee * Balance::from(self.watched.windows - self.settled)
    }

    /// Whether a question is open, whose deposit is held.
    pub fn is_disputed(&self) -> bool {
        self.dispute.is_some()
    }

    /// The hour that ends at `now`, a window's end.
    pub fn hour(&mut self, host: &mut Host, now: BlockNumber, world: &mut World) -> Option<Ending> {
        let up = host.pass(now);
        self.sit(now, world);
        if self.loss.is_none() && host.kind.is_honest() {
            self.loss = host.damage(self.watched.bytes, now);
        }
        let unanswered = self.challenges(host, now, world);
        if host.kind.confesses() && host.is_reachable() && self.is_found() {
            return Some(self.close(Ending::Surrendered, host, now, world));
        }
        if self.answer_dispute(host, up, now, world) == Standing::Lost {
            return Some(self.close(Ending::Convicted, host, now, world));
        }
        let index = self.watched.elapsed(now) - 1;
        let end = self.watched.end_of(index);
        self.windows.push_back(Window::new(end, up, unanswered));
        if let Some((accuser, challenge)) = self.vote(host, now, world) {
            self.accuse(accuser, challenge, now, world);
        }
        self.provoke(host, now, world);
        self.settle(host, now, world);
        None
    }

    /// Whether the miner was asked for what it lacks.
    fn is_found(&self) -> bool {
        self.loss.as_ref().is_some_and(|loss| loss.found)
    }

    /// Takes the seats of the running round, once it runs. New ones ask for no challenge that a majority
    /// called answered.
    fn sit(&mut self, now: BlockNumber, world: &World) {
        let running = Trackers::round_of(now - 1);
        if running != self.round {
            self.round = running;
            let vouched =
                self.windows.back().map(|window| window.votes.majority()) == Some(Some(Verdict::Valid));
            self.failed = self.failed.filter(|_| !vouched);
            self.seats_before = std::mem::replace(&mut self.seats, world.trackers.seats(&self.id));
        }
    }

    /// The challenges of the hour: the first that the miner leaves unanswered. Their bytes are looked at only
    /// where some are lacking.
    fn challenges(&mut self, host: &mut Host, now: BlockNumber, world: &mut World) -> Option<BlockNumber> {
        let mut unanswered = None;
        while self.next_hit <= now {
            let block = self.next_hit;
            self.next_hit = block.saturating_add(host.dice.geometric(hit_chance(&world.setup.rules)));
            self.hits_today += 1;
            self.challenged = true;
            let fails = self.fails(block, world);
            if fails || host.kind.silent_to() > 0 {
                unanswered.get_or_insert(block);
            }
            if fails {
                self.failed.get_or_insert(block);
                self.find(host, block, world);
            }
        }
        if now.is_multiple_of(DAY) {
            world.tally.audited(self.hits_today);
            self.hits_today = 0;
        }
        unanswered
    }

    /// Whether the seed of a block asks for what the miner lacks then.
    fn fails(&self, block: BlockNumber, world: &World) -> bool {
        let Some(loss) = self.loss.as_ref().filter(|loss| loss.at < block) else { return false };
        let seed = block_seed(world.setup.seed, block);
        let asked = questioned(&seed, &self.id, self.watched.bytes, &world.setup.rules);
        asked.into_iter().any(|position| loss.lost.holds(position))
    }

    /// Notes that a challenge showed the loss.
    fn find(&mut self, host: &mut Host, block: BlockNumber, world: &mut World) {
        if let Some(loss) = self.loss.as_mut().filter(|loss| !loss.found) {
            loss.found = true;
            host.dark = host.kind == Kind::Hides;
            world.tally.found(host.kind, block - loss.at);
        }
    }

    /// Whether the miner has what a dispute asks for: the bytes of the named challenge, and those of the next
    /// block's seed.
    fn has(&self, dispute: &Dispute, world: &World) -> bool {
        let fails = |block| self.fails(block, world);
        !dispute.challenge.is_some_and(fails) && !fails(dispute.opened + 1)
    }

    fn answer_dispute(&mut self, host: &Host, up: u32, now: BlockNumber, world: &mut World) -> Standing {
        let Some(mut dispute) = self.dispute.take() else { return Standing::Open };
        let standing = dispute.look(up >= ANSWER_BLOCKS, self.has(&dispute, world), now);
        if standing == Standing::Answered {
            world.books.pay(Account::Deposits, Account::Authors, world.setup.answer_fee());
            world.tally.answered(host.kind, self.asker(&dispute, world));
            self.rest(&dispute, world);
            let open = self.windows.iter_mut().filter(|window| !window.is_final(now, &world.setup.rules));
            open.for_each(|window| window.votes.answer());
        } else {
            self.dispute = Some(dispute);
        }
        standing
    }

    /// After each answer to a question of a seat that was due, trackers wait twice as long as before.
    fn rest(&mut self, dispute: &Dispute, world: &World) {
        if dispute.seated && self.may_ask(dispute.opened) {
            let times = 2u32.saturating_pow(self.answered);
            self.answered += 1;
            self.ask_from = dispute.opened.saturating_add(world.setup.ask_again.saturating_mul(times));
            self.asked = dispute.opened;
        }
    }

    fn asker(&self, dispute: &Dispute, world: &World) -> Asker {
        match dispute.opener {
            Account::Tracker(tracker) if world.trackers.get(tracker).liar => Asker::Liar,
            Account::Tracker(_) => Asker::Tracker,
            _ => Asker::Client,
        }
    }

    /// Hears the seats of every window. Returns an honest tracker that met silence, and the challenge.
    fn vote(&mut self, host: &Host, now: BlockNumber, world: &mut World) -> Option<(u32, BlockNumber)> {
        let rules = world.setup.rules;
        let hearing = Hearing {
            now,
            rules,
            round: self.round,
            seats: self.seats?,
            seats_before: self.seats_before.or(self.seats)?,
            cheats: !host.kind.is_honest(),
            reachable: host.is_reachable(),
            lacks: self.loss.is_some(),
            failed: self.failed,
            silent_to: if self.challenged { host.kind.silent_to() } else { 0 },
        };
        for window in self.windows.iter_mut().filter(|window| window.unsaid > 0) {
            hearing.hear(window, &mut world.trackers);
        }
        // Final windows are in front, where a dispute keeps them from being settled.
        let open = self.windows.iter().rev().take_while(|window| !window.is_final(now, &rules));
        open.filter_map(|window| hearing.accuser(window, &world.trackers)).last()
    }

    /// Whether seats ask: not for long after answers, but for once at the end of the term.
    fn may_ask(&self, now: BlockNumber) -> bool {
        let last = self.watched.end_of(self.watched.windows.saturating_sub(1)).saturating_sub(DAY);
        now >= self.ask_from || self.asked < last && now >= last
    }

    /// An honest tracker asks.
    fn accuse(&mut self, tracker: u32, challenge: BlockNumber, now: BlockNumber, world: &mut World) {
        if self.may_ask(now) {
            self.ask(Account::Tracker(tracker), Some(challenge), now, world);
        }
    }

    /// Puts a question on chain, if there is none, or a seat's in the place of another's.
    fn ask(&mut self, opener: Account, challenge: Option<BlockNumber>, now: BlockNumber, world: &mut World) {
        let question = Dispute::new(opener, challenge, now, &world.setup.rules);
        match &self.dispute {
            Some(open) if open.seated || !question.seated => return,
            Some(open) => world.books.pay(Account::Deposits, open.opener, world.setup.answer_fee()),
            None => {}
        }
        world.books.pay(opener, Account::Deposits, world.setup.answer_fee());
        world.tally.disputes += 1;
        self.dispute = Some(question);
    }

    /// Liars with a seat question every honest miner that is down, whatever it costs them.
    fn provoke(&mut self, host: &Host, now: BlockNumber, world: &mut World) {
        if self.dispute.is_some() || !host.kind.is_honest() || host.is_reachable() {
            return;
        }
        let seats = self.seats.unwrap_or_default();
        if let Some(liar) = seats.into_iter().find(|seat| {
            let tracker = world.trackers.get(*seat);
            tracker.liar && tracker.is_up()
        }) {
            self.ask(Account::Tracker(liar), None, now, world);
        }
    }

    /// Pays for windows that are final, while nothing is disputed.
    fn settle(&mut self, host: &Host, now: BlockNumber, world: &mut World) {
        let rules = world.setup.rules;
        while self.dispute.is_none() {
            let Some(window) = self.windows.pop_front_if(|window| window.is_final(now, &rules)) else {
                return;
            };
            let proven = window.votes.is_proven();
            if proven {
                let share = self.pay_words(&window, world);
                world.books.pay(Account::Escrow, self.watched.miner, self.fee - share);
                self.unproven = 0;
            } else {
                world.books.pay(Account::Escrow, self.watched.client, self.fee);
                self.unproven += 1;
            }
            self.settled += 1;
            world.tally.decided(host.kind, window.up, proven);
            if self.unproven >= self.patience {
                self.unproven = 0;
                self.patience = self.patience.saturating_mul(2);
                self.ask(self.watched.client, None, now, world);
            }
        }
    }

    /// Pays the seats for what they said of a proven window.
    fn pay_words(&self, window: &Window, world: &mut World) -> Balance {
        let mut paid = 0;
        for (_, tracker) in (0..SEATS).zip(window.spoke).filter(|(seat, _)| window.votes.of(*seat).is_some())
        {
            world.trackers.earned(tracker, self.watched.word_pay);
            paid += self.watched.word_pay;
        }
        world.books.pay(Account::Escrow, Account::Pot, paid);
        paid
    }

    /// Ends it before its time. Seats are paid for what they said of final windows, which a dispute has kept.
    fn close(&mut self, how: Ending, host: &mut Host, now: BlockNumber, world: &mut World) -> Ending {
        let is_due = |window: &&Window| window.is_final(now, &world.setup.rules) && window.votes.is_proven();
        let due: Vec<_> = self.windows.iter().filter(is_due).collect();
        let words: Balance = due.into_iter().map(|window| self.pay_words(window, world)).sum();
        world.books.pay(Account::Escrow, self.watched.client, self.escrow() - words);
        let collateral = world.setup.collateral();
        let slash = if how == Ending::Convicted { collateral } else { collateral / 2 };
        world.books.pay(Account::Collateral, Account::Slashed, slash);
        // What is left of it covers the next contract.
        world.books.pay(Account::Collateral, self.watched.miner, collateral - slash);
        if let Some(dispute) = self.dispute.take() {
            world.books.pay(Account::Deposits, dispute.opener, world.setup.answer_fee());
            if how == Ending::Convicted {
                world.books.pay(Account::Slashed, dispute.opener, slash * FINDERS_SHARE / 100);
                self.fine(&dispute, world);
            }
            world.tally.lost(host.kind, how, self.loss.is_some(), &dispute);
        }
        if let Some(loss) = &self.loss {
            world.tally.closed_after(host.kind, now - loss.at);
        }
        host.lost += 1;
        world.tally.ended(host.kind, how, slash);
        how
    }

    /// Fines the seats that called the window of the named challenge valid.
    fn fine(&self, dispute: &Dispute, world: &mut World) {
        let Some(window) = dispute.challenge.and_then(|block| self.watched.window_of(block)) else { return };
        let end = self.watched.end_of(window);
        let Some(window) = self.windows.iter().find(|window| window.end == end) else { return };
        for (seat, tracker) in (0..).zip(window.spoke) {
            if window.votes.of(seat) == Some(Verdict::Valid) && !window.votes.is_substituted(seat) {
                let fine = world.setup.bond / FINE;
                world.books.pay(Account::Tracker(tracker), Account::Slashed, fine);
                world.trackers.fined(tracker, fine);
            }
        }
    }
}
