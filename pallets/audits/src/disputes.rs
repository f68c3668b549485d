//! Disputes: a question to a miner on chain, and how it ends.

use crate::{
    deadlines::{slot_of, SLOT_BLOCKS},
    Cause, Config, Deadlines, Dispute, Disputes, Error, Event, HoldReason, LastSeats, Pallet, Seeds, Tallies,
};
use alloc::vec::Vec;
use codec::Encode;
use frame_support::{
    dispatch::{DispatchResult, DispatchResultWithPostInfo, Pays},
    ensure,
    storage::with_storage_layer,
    traits::{
        fungible::{hold::Mutate as _, Inspect as _},
        tokens::{Fortitude, Precision, Preservation, Restriction},
        Contains,
    },
    BoundedVec,
};
use frame_system::pallet_prelude::BlockNumberFor;
use lunarx_core::{
    AuditRules, Balance, BlockNumber, ContractId, ContractRegistry, ProviderRegistry, Standing,
    TrackerRegistry, Verdict, Watched, SEATS,
};
use lunarx_proof::{challenged, proves_all, questioned, Answer, Covered, Proofs, MAX_LEAF_PROOF_BYTES};
use sp_core::ed25519;
use sp_runtime::{
    traits::{Convert, Get, Zero},
    DispatchError, SaturatedConversion,
};

/// What a contract covers, as proofs are checked against it.
pub(crate) fn covered<AccountId>(watched: &Watched<AccountId>) -> Covered {
    Covered { root: watched.root, pieces: watched.pieces, bytes: watched.bytes }
}

impl<T: Config> Pallet<T> {
    pub(crate) fn do_dispute(
        opener: T::AccountId,
        contract: ContractId,
        challenge: Option<BlockNumber>,
    ) -> DispatchResult {
        let watched = T::Contracts::watched(&contract).ok_or(Error::<T>::NotActive)?;
        let rules = AuditRules::of_window(watched.window);
        let standing = challenge
            .map_or(Standing::Anybody, |block| Self::standing_of(&opener, &contract, &watched, block));
        let former = Disputes::<T>::get(contract);
        let is_free = former.as_ref().is_none_or(|former| standing > former.standing);
        ensure!(is_free, Error::<T>::AlreadyDisputed);
        if let Some(block) = challenge {
            Self::challenge_of(&contract, &watched, block)?;
            ensure!(Self::is_known_to_the_end(block, &rules), Error::<T>::ChallengeTooOld);
        }
        let now = Self::now();
        let mut deadline = now.saturating_add(rules.return_within);
        let replaced = former.as_ref().map(|former| former.opened);
        if let Some(former) = former {
            // Whoever puts a question in place of another gives the miner no more time than to look at it.
            deadline = former.deadline.max(now.saturating_add(rules.final_after));
            Self::supersede(&contract, former);
        }
        let proofs = rules.samples.saturating_mul(if challenge.is_some() { 2 } else { 1 });
        let most = proofs.saturating_mul(MAX_LEAF_PROOF_BYTES.saturated_into());
        let deposit = Self::hold_deposit(&opener, T::AnswerCost::convert(most))?;
        let accused =
            challenge.map_or_else(BoundedVec::new, |block| Self::vouchers(&contract, &watched, block));
        let miner = watched.miner.clone();
        Self::deposit_event(Event::Disputed { contract, miner, opener: opener.clone(), challenge, deadline });
        if standing.is_seat() {
            LastSeats::<T>::insert(contract, (&opener, now));
        }
        let dispute =
            Dispute { opener, standing, deposit, challenge, opened: now, deadline, replaced, accused };
        let mut tally = Self::tally(&contract, &watched, now);
        tally.disputed = true;
        Tallies::<T>::insert(contract, tally);
        Disputes::<T>::insert(contract, dispute);
        Deadlines::<T>::insert(slot_of(deadline), contract, ());
        Ok(())
    }

    /// As what an account names the challenge of `block`.
    fn standing_of(
        account: &T::AccountId,
        contract: &ContractId,
        watched: &Watched<T::AccountId>,
        block: BlockNumber,
    ) -> Standing {
        if !Self::is_seated(account, contract, watched, block) {
            Standing::Anybody
        } else if LastSeats::<T>::get(contract)
            .is_some_and(|(last, at)| last == *account && Self::is_recent(at, watched))
        {
            Standing::SeatAgain
        } else {
            Standing::Seat
        }
    }

    /// Whether a question of block `at` may still stand, or stood a moment ago.
    fn is_recent(at: BlockNumber, watched: &Watched<T::AccountId>) -> bool {
        let rules = AuditRules::of_window(watched.window);
        Self::now() <= at.saturating_add(rules.return_within).saturating_add(rules.final_after)
    }

    /// Whether an account speaks for a seat of the contract, in the running round or in that of the window of
    /// `block`. A miner does not speak against itself, nor a seat against its own word.
    fn is_seated(
        account: &T::AccountId,
        contract: &ContractId,
        watched: &Watched<T::AccountId>,
        block: BlockNumber,
    ) -> bool {
        let own =
            watched.window_of(block).map(|window| watched.end_of(window)).filter(|end| *end < Self::now());
        let holds = |block: BlockNumber| {
            let round = T::Trackers::round(T::Trackers::round_of(block)?)?;
            Some(Self::holders(&round, contract, watched.since)?.contains(account))
        };
        *account != watched.miner
            && !Self::vouchers(contract, watched, block).contains(account)
            && own.into_iter().chain([Self::now()]).any(|block| holds(block).unwrap_or(false))
    }

    /// Gives a dispute's place to another: its opener gets the deposit back. Else an accomplice of the miner could
    /// hold the place with questions that it can answer, until the challenges that it missed are forgotten.
    fn supersede(contract: &ContractId, former: Dispute<T::AccountId>) {
        Deadlines::<T>::remove(slot_of(former.deadline), contract);
        Self::give_back(&former.opener, former.deposit);
        Self::deposit_event(Event::Superseded { contract: *contract, opener: former.opener });
    }

    /// Whether a block's seed outlasts a dispute opened now: without it nobody could answer.
    fn is_known_to_the_end(block: BlockNumber, rules: &AuditRules) -> bool {
        // Two windows more: blocks may be too full for `on_idle` to end it at once.
        let late = rules.report_within.saturating_mul(2).saturating_add(SLOT_BLOCKS);
        let end = Self::now().saturating_add(rules.return_within).saturating_add(late);
        let history = AuditRules::of_window(T::Window::get()).seed_history;
        block.saturating_add(history) > end
    }

    /// The bytes that the seed of `block` asks a contract for.
    fn challenge_of(
        contract: &ContractId,
        watched: &Watched<T::AccountId>,
        block: BlockNumber,
    ) -> Result<Vec<u64>, Error<T>> {
        watched.window_of(block).ok_or(Error::<T>::NotChallenged)?;
        Self::drawn(contract, watched, block)
    }

    /// The same, whatever became of the contract's term since: its client may end it with the very block.
    fn drawn(
        contract: &ContractId,
        watched: &Watched<T::AccountId>,
        block: BlockNumber,
    ) -> Result<Vec<u64>, Error<T>> {
        let seed = Seeds::<T>::get(block).ok_or(Error::<T>::UnknownSeed)?;
        let rules = AuditRules::of_window(watched.window);
        challenged(&seed, contract, watched.bytes, &rules).ok_or(Error::<T>::NotChallenged)
    }

    /// Every byte that a dispute asks for; `None` until they are drawn.
    pub(crate) fn positions_of(
        contract: &ContractId,
        watched: &Watched<T::AccountId>,
        dispute: &Dispute<T::AccountId>,
    ) -> Option<Vec<u64>> {
        let fresh = Self::seed_after(dispute.opened)?;
        let mut positions = match dispute.challenge {
            Some(block) => Self::drawn(contract, watched, block).ok()?,
            None => Vec::new(),
        };
        let rules = AuditRules::of_window(watched.window);
        positions.extend(questioned(&fresh, contract, watched.bytes, &rules));
        Some(positions)
    }

    /// The holders of seats that called the window of `block` valid. Substitutes are left out: the window
    /// does not say in which round they spoke.
    fn vouchers(
        contract: &ContractId,
        watched: &Watched<T::AccountId>,
        block: BlockNumber,
    ) -> BoundedVec<T::AccountId, frame_support::traits::ConstU32<SEATS>> {
        let mut accused = BoundedVec::new();
        let found = || {
            let window = watched.window_of(block)?;
            let votes = *Self::tally(contract, watched, Self::now()).votes_of(window)?;
            let round = T::Trackers::round(T::Trackers::round_of(watched.end_of(window))?)?;
            let holders = Self::holders(&round, contract, watched.since)?;
            Some((votes, holders))
        };
        if let Some((votes, holders)) = found() {
            for (seat, holder) in (0..SEATS).zip(holders) {
                let spoke = votes.of(seat) == Some(Verdict::Valid) && !votes.is_substituted(seat);
                if spoke && !accused.contains(&holder) {
                    // There are as many places as seats.
                    let _ = accused.try_push(holder);
                }
            }
        }
        accused
    }

    pub(crate) fn do_answer(
        miner: T::AccountId,
        contract: ContractId,
        opened: BlockNumber,
        proofs: Proofs,
    ) -> DispatchResultWithPostInfo {
        let mut dispute = Disputes::<T>::get(contract).ok_or(Error::<T>::NotDisputed)?;
        let watched = T::Contracts::watched(&contract).ok_or(Error::<T>::NotActive)?;
        ensure!(watched.miner == miner, Error::<T>::NotMiner);
        if opened != dispute.opened {
            ensure!(dispute.replaced.take() == Some(opened), Error::<T>::OtherQuestion);
            Disputes::<T>::insert(contract, dispute);
            Self::deposit_event(Event::AnsweredFormer { contract });
            return Ok(Pays::No.into());
        }
        let now = Self::now();
        ensure!(now <= dispute.deadline, Error::<T>::TooLate);
        let positions = Self::positions_of(&contract, &watched, &dispute).ok_or(Error::<T>::NotDrawnYet)?;
        ensure!(proves_all(&covered(&watched), &positions, &proofs), Error::<T>::WrongProofs);

        let mut tally = Self::tally(&contract, &watched, now);
        for window in tally.first..watched.elapsed(now) {
            if let Some(votes) = tally.votes_of(window) {
                votes.answer();
            }
        }
        tally.disputed = false;
        Tallies::<T>::insert(contract, tally);
        Disputes::<T>::remove(contract);
        Deadlines::<T>::remove(slot_of(dispute.deadline), contract);
        let cost = T::AnswerCost::convert(proofs.encoded_size().saturated_into());
        let paid = Self::pay_answer(&dispute, &miner, cost.min(dispute.deposit));
        Self::deposit_event(Event::Answered { contract, miner, paid });
        Ok(().into())
    }

    pub(crate) fn do_vouch(tracker: T::AccountId, contract: ContractId, answer: Answer) -> DispatchResult {
        let mut dispute = Disputes::<T>::get(contract).ok_or(Error::<T>::NotDisputed)?;
        let watched = T::Contracts::watched(&contract).ok_or(Error::<T>::NotActive)?;
        let place = dispute.accused.iter().position(|accused| *accused == tracker);
        let place = place.ok_or(Error::<T>::NotAccused)?;
        let block = dispute.challenge.ok_or(Error::<T>::NotAccused)?;
        ensure!(Self::is_right(&contract, &watched, block, &answer)?, Error::<T>::WrongProofs);
        dispute.accused.swap_remove(place);
        Disputes::<T>::insert(contract, dispute);
        Self::deposit_event(Event::Vouched { contract, tracker });
        Ok(())
    }

    pub(crate) fn do_convict(
        finder: T::AccountId,
        contract: ContractId,
        block: BlockNumber,
        answer: Answer,
    ) -> DispatchResult {
        let watched = T::Contracts::watched(&contract).ok_or(Error::<T>::NotActive)?;
        ensure!(!Self::is_right(&contract, &watched, block, &answer)?, Error::<T>::RightAnswer);
        Self::end_by_loss(&contract, Cause::WrongAnswer, Some(finder))
    }

    pub(crate) fn do_surrender(miner: T::AccountId, contract: ContractId) -> DispatchResult {
        let watched = T::Contracts::watched(&contract).ok_or(Error::<T>::NotActive)?;
        ensure!(watched.miner == miner, Error::<T>::NotMiner);
        Self::end_by_loss(&contract, Cause::Surrendered, None)
    }

    /// Whether a signed answer proves the bytes of the challenge of `block`. Fails where the miner did not
    /// sign it, or where it has another number of proofs: that is no answer, and the rules may have asked for
    /// so many when it was signed.
    fn is_right(
        contract: &ContractId,
        watched: &Watched<T::AccountId>,
        block: BlockNumber,
        answer: &Answer,
    ) -> Result<bool, Error<T>> {
        let positions = Self::challenge_of(contract, watched, block)?;
        ensure!(positions.len() == answer.proofs.len(), Error::<T>::WrongProofs);
        let seed = Seeds::<T>::get(block).ok_or(Error::<T>::UnknownSeed)?;
        let terms = T::Providers::terms(&watched.miner).ok_or(Error::<T>::BadSignature)?;
        let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero()).0;
        let payload = Answer::payload(&genesis, contract, block, &seed, &answer.proofs);
        let signature = ed25519::Signature::from_raw(answer.signature.0);
        let key = ed25519::Public::from_raw(terms.node_key.0);
        ensure!(sp_io::crypto::ed25519_verify(&signature, &payload, &key), Error::<T>::BadSignature);
        Ok(proves_all(&covered(watched), &positions, &answer.proofs))
    }

    /// Closes a contract whose data is gone: the deposit goes back, the miner is slashed, and seats are fined
    /// that were accused to the end.
    pub(crate) fn end_by_loss(
        contract: &ContractId,
        cause: Cause,
        finder: Option<T::AccountId>,
    ) -> DispatchResult {
        let watched = T::Contracts::watched(contract).ok_or(Error::<T>::NotActive)?;
        // Who was accused had the dispute's time to show the answer. A loss that ends the dispute before its
        // time cuts that off, and a miner could bring it about.
        let accused = match cause {
            Cause::Unanswered => Disputes::<T>::get(contract).map(|dispute| dispute.accused),
            Cause::WrongAnswer | Cause::Surrendered => None,
        }
        .unwrap_or_default();
        let slash = match cause {
            Cause::Surrendered => T::SurrenderSlash::get(),
            Cause::Unanswered | Cause::WrongAnswer => T::LossSlash::get(),
        };
        Self::deposit_event(Event::Convicted { contract: *contract, miner: watched.miner.clone(), cause });
        // A miner gets no share of its own slash.
        let finder = finder.filter(|finder| *finder != watched.miner);
        // Stored, so that what is paid for is credited when the contract is closed.
        let tally = Self::tally(contract, &watched, Self::now());
        let words = tally.words;
        Tallies::<T>::insert(contract, tally);
        T::Contracts::convict(contract, words, slash, finder.as_ref());
        for tracker in accused {
            let amount = T::Trackers::fine(&tracker, T::LieFine::get(), &T::FineDestination::get());
            Self::deposit_event(Event::LieFined { contract: *contract, tracker, amount });
        }
        Ok(())
    }

    /// Holds a deposit from what `opener` can spend freely while its account stays alive.
    fn hold_deposit(opener: &T::AccountId, deposit: Balance) -> Result<Balance, DispatchError> {
        ensure!(T::Openers::contains(opener), Error::<T>::LockedBalance);
        let spendable = T::Currency::reducible_balance(opener, Preservation::Preserve, Fortitude::Polite);
        ensure!(deposit <= spendable, Error::<T>::CannotHoldDeposit);
        T::Currency::hold(&HoldReason::Dispute.into(), opener, deposit)
            .map_err(|_| Error::<T>::CannotHoldDeposit)?;
        Ok(deposit)
    }

    /// Pays `cost` of a dispute's deposit to the miner, unless it asked itself, and gives back the rest.
    /// Returns what the miner got.
    fn pay_answer(dispute: &Dispute<T::AccountId>, miner: &T::AccountId, cost: Balance) -> Balance {
        let paid = if dispute.opener == *miner || cost == 0 {
            0
        } else {
            with_storage_layer::<_, DispatchError, _>(|| {
                let (exact, free, force) = (Precision::Exact, Restriction::Free, Fortitude::Force);
                let reason = HoldReason::Dispute.into();
                T::Currency::transfer_on_hold(&reason, &dispute.opener, miner, cost, exact, free, force)
            })
            .unwrap_or(0)
        };
        Self::give_back(&dispute.opener, dispute.deposit.saturating_sub(paid));
        paid
    }

    /// Releases a deposit.
    pub(crate) fn give_back(opener: &T::AccountId, amount: Balance) {
        if amount == 0 {
            return;
        }
        // The account kept more than the existential deposit when it was held, and what is held keeps it
        // alive: releasing fails only where less is held, which the invariants exclude.
        let released =
            T::Currency::release(&HoldReason::Dispute.into(), opener, amount, Precision::BestEffort);
        debug_assert!(released.is_ok(), "a deposit that was held is released");
    }
}
