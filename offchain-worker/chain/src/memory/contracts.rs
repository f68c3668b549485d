//! Contracts, as in the pallet `contracts`: fees are held from the client, paid by windows once their
//! outcome is final. The trackers' share is left out.

use super::providers::verifies;
use super::world::{refuse, World};
use super::GENESIS;
use crate::ChainError;
use lunarx_core::{
    window_fee, AccountId, Balance, ChainParameters, ContractId, ContractInfo, ContractState, Promise, Quote,
};

/// A word of a seat is worth so small a part of a window's fee: a third of 5 %. It is counted, not paid: there is no
/// pot.
const WORDS_PER_FEE: Balance = 60;

/// The whole, in which commissions are counted.
const MILLION: u32 = 1_000_000;

type Contract = ContractInfo<AccountId>;

fn contracts(error: &str, docs: &str) -> ChainError {
    refuse("Contracts", error, docs)
}

/// What a contract costs.
pub(super) fn quote(parameters: &ChainParameters, bytes: u64, windows: u32, price: Balance) -> Option<Quote> {
    let window_fee = window_fee(price, bytes, parameters.window, parameters.day)?;
    let total = window_fee.checked_mul(windows.into())?;
    Some(Quote { window_fee, total })
}

impl World {
    pub(super) fn open(
        &mut self,
        parameters: &ChainParameters,
        client: AccountId,
        promises: &[Promise<AccountId>],
    ) -> Result<(), ChainError> {
        check_count(parameters, promises.len())?;
        let mut total: Balance = 0;
        for promise in promises {
            let fee = self.open_one(parameters, client, promise)?;
            total = total.checked_add(fee).ok_or_else(fee_overflow)?;
        }
        self.hold(client, total)
            .ok_or_else(|| contracts("CannotHoldFee", "the client's spendable balance is under the fee"))
    }

    /// Records a contract. Returns its fee, not yet held.
    fn open_one(
        &mut self,
        parameters: &ChainParameters,
        client: AccountId,
        promise: &Promise<AccountId>,
    ) -> Result<Balance, ChainError> {
        let offer = &promise.offer;
        self.check_offer(parameters, client, promise)?;
        let id = offer.contract_id(&GENESIS);
        if self.contracts.contains_key(&id) {
            return Err(contracts("AlreadyOpen", "a contract on this offer is live"));
        }
        let quote =
            quote(parameters, promise.bytes, promise.windows, offer.price).ok_or_else(fee_overflow)?;
        self.allocate(parameters, offer.miner, promise.bytes).ok_or_else(|| {
            contracts("OverCapacity", "the miner has too little free capacity, or collateral for it")
        })?;
        let contract = Contract {
            id,
            client,
            miner: offer.miner,
            root: promise.root,
            pieces: promise.pieces,
            bytes: promise.bytes,
            window: parameters.window,
            windows: promise.windows,
            window_fee: quote.window_fee,
            last_fee: quote.window_fee,
            word_pay: quote.window_fee.div_euclid(WORDS_PER_FEE),
            ended: None,
            escrow: quote.total,
            paid: 0,
            commission: promise.commission,
            state: ContractState::Pending { accept_by: self.height.saturating_add(parameters.accept_within) },
        };
        self.contracts.insert(id, contract);
        Ok(quote.total)
    }

    /// The offer was made to this client and can be opened now; the promise is within it, and it
    /// within the miner's terms.
    fn check_offer(
        &self,
        parameters: &ChainParameters,
        client: AccountId,
        promise: &Promise<AccountId>,
    ) -> Result<(), ChainError> {
        let offer = &promise.offer;
        let latest = self.height.saturating_add(parameters.max_offer_life);
        require(offer.client == client, "NotYourOffer", "the offer was made to another client")?;
        require(offer.miner != client, "SelfDealing", "client and miner are the same account")?;
        require(self.height <= offer.expires, "OfferExpired", "the offer has expired")?;
        require(offer.expires <= latest, "OfferLivesTooLong", "the offer expires later than offers may")?;
        let unknown = || contracts("UnknownMiner", "the miner is not registered");
        let miner = self.providers.get(&offer.miner).ok_or_else(unknown)?;
        require(miner.exit_at.is_none(), "MinerNotAccepting", "the miner is leaving")?;
        require(offer.price >= miner.price, "UnderPriced", "the price is under the miner's listed one")?;
        let fits = (1..=offer.max_bytes).contains(&promise.bytes);
        require(fits, "BadSize", "the bytes are none, or more than the offer's")?;
        let longest = offer.max_windows.min(parameters.max_windows);
        let fits = (1..=longest).contains(&promise.windows);
        require(fits, "BadTerm", "the term has no windows, or more than the offer or the chain allows")?;
        require(promise.pieces > 0, "NoPieces", "there are no pieces")?;
        let share = promise.commission.map_or(0, |commission| commission.share);
        require(share <= MILLION, "BadCommission", "the commission is more than the whole")?;
        let signed = verifies(&miner.node_key, &offer.payload(&GENESIS), &promise.signature);
        require(signed, "BadOfferSignature", "the miner's node key did not sign this offer for this chain")
    }

    pub(super) fn accept(
        &mut self,
        parameters: &ChainParameters,
        miner: AccountId,
        ids: &[ContractId],
    ) -> Result<(), ChainError> {
        check_count(parameters, ids.len())?;
        let height = self.height;
        for id in ids {
            let contract = self.contracts.get_mut(id).ok_or_else(not_found)?;
            if contract.miner != miner {
                return Err(contracts("NotMiner", "the caller is not the contract's miner"));
            }
            let ContractState::Pending { accept_by } = contract.state else {
                return Err(contracts("AlreadyAccepted", "the contract was accepted before"));
            };
            if height > accept_by {
                return Err(contracts("TooLate", "the deadline to accept has passed"));
            }
            contract.state = ContractState::Active { since: height, settled: 0 };
        }
        Ok(())
    }

    pub(super) fn settle(
        &mut self,
        parameters: &ChainParameters,
        ids: &[ContractId],
    ) -> Result<(), ChainError> {
        check_count(parameters, ids.len())?;
        let (mut settled, mut missing) = (false, false);
        for id in ids {
            match self.contracts.get(id) {
                Some(contract) if self.due(&parameters.audit, contract) > 0 => {
                    self.settle_one(parameters, *id);
                    settled = true;
                }
                Some(_) => {}
                None => missing = true,
            }
        }
        if !settled && missing {
            return Err(not_found());
        }
        require(settled, "NothingDue", "no contract of the batch has a window to settle")
    }

    pub(super) fn end(
        &mut self,
        parameters: &ChainParameters,
        client: AccountId,
        ids: &[ContractId],
    ) -> Result<(), ChainError> {
        check_count(parameters, ids.len())?;
        let mut ended = false;
        for id in ids {
            let contract = self.contracts.get(id).ok_or_else(not_found)?;
            if contract.client != client {
                return Err(contracts("NotClient", "the caller is not the contract's client"));
            }
            ended |= self.end_one(*id);
        }
        require(ended, "AlreadyEnded", "the terms of all contracts of the batch are over")
    }

    /// Cuts the term of a contract to now, and refunds the rest. False if its term is over already.
    fn end_one(&mut self, id: ContractId) -> bool {
        let height = self.height;
        let Some(contract) = self.contracts.get_mut(&id) else { return false };
        let Some(watched) = contract.watched() else {
            self.close(id);
            return true;
        };
        let elapsed = watched.elapsed(height);
        if contract.ended.is_some() || elapsed == contract.windows {
            return false;
        }
        contract.ended = Some(height);
        let blocks = height.saturating_sub(watched.since).checked_rem(watched.window).unwrap_or(0);
        contract.windows = elapsed;
        if blocks > 0 {
            let whole = Balance::from(watched.window.max(1));
            contract.windows = elapsed.saturating_add(1);
            contract.last_fee = contract.window_fee.saturating_mul(blocks.into()).div_ceil(whole);
        }
        let left: Balance = (settled(contract)..contract.windows).map(|window| fee(contract, window)).sum();
        let refund = contract.escrow.saturating_sub(left);
        contract.escrow = contract.escrow.saturating_sub(refund);
        let over = settled(contract) >= contract.windows;
        self.pay_held(watched.client, watched.client, refund);
        if over {
            self.close(id);
        }
        true
    }

    pub(super) fn expire(
        &mut self,
        parameters: &ChainParameters,
        ids: &[ContractId],
    ) -> Result<(), ChainError> {
        check_count(parameters, ids.len())?;
        for id in ids {
            let contract = self.contracts.get(id).ok_or_else(not_found)?;
            match contract.state {
                ContractState::Pending { accept_by } if self.height > accept_by => self.close(*id),
                _ => return Err(contracts("NotExpired", "the contract is not past its deadline to accept")),
            }
        }
        Ok(())
    }

    /// Refunds what was never accepted in time, settles and closes what is over.
    pub(super) fn sweep(&mut self, parameters: &ChainParameters) {
        let height = self.height;
        let ids: Vec<ContractId> = self.contracts.keys().copied().collect();
        for id in ids {
            let Some(contract) = self.contracts.get(&id) else { continue };
            match contract.state {
                ContractState::Pending { accept_by } if height > accept_by => self.close(id),
                ContractState::Active { settled, .. }
                    if settled.saturating_add(self.due(&parameters.audit, contract)) >= contract.windows =>
                {
                    self.settle_one(parameters, id);
                }
                _ => {}
            }
        }
    }

    /// Settles the windows that became final: what is proven is paid, the rest goes back. Closes the
    /// contract after its last.
    fn settle_one(&mut self, parameters: &ChainParameters, id: ContractId) {
        let Some(contract) = self.contracts.get(&id) else { return };
        let ContractState::Active { since, settled } = contract.state else { return };
        let end = settled.saturating_add(self.due(&parameters.audit, contract));
        let (mut pay, mut refund, mut proven): (Balance, Balance, u32) = (0, 0, 0);
        for window in settled..end {
            let fee = fee(contract, window);
            if self.is_proven(&id, window) {
                pay = pay.saturating_add(fee);
                proven = proven.saturating_add(1);
            } else {
                refund = refund.saturating_add(fee);
            }
        }
        let unproven = end.saturating_sub(settled).saturating_sub(proven);
        let Some(contract) = self.contracts.get_mut(&id) else { return };
        contract.escrow = contract.escrow.saturating_sub(pay).saturating_sub(refund);
        contract.paid = contract.paid.saturating_add(pay);
        contract.state = ContractState::Active { since, settled: end };
        let contract = contract.clone();
        self.pay_fees(&contract, pay);
        self.pay_held(contract.client, contract.client, refund);
        if let Some(miner) = self.providers.get_mut(&contract.miner) {
            miner.score.proven = miner.score.proven.saturating_add(proven.into());
            miner.score.unproven = miner.score.unproven.saturating_add(unproven.into());
        }
        if end >= contract.windows {
            self.credit_rest(&parameters.audit, &id);
            self.close(id);
        }
    }

    /// Pays fees to the supplier, by its commission, and to the miner.
    fn pay_fees(&mut self, contract: &Contract, amount: Balance) {
        let mut rest = amount;
        if let Some(commission) = contract.commission {
            let drawn = amount.saturating_mul(commission.share.into()).div_euclid(MILLION.into());
            self.pay_held(contract.client, commission.supplier, drawn);
            rest = rest.saturating_sub(drawn);
        }
        self.pay_held(contract.client, contract.miner, rest);
    }

    /// Refunds what is left in escrow and frees the miner's space.
    pub(super) fn close(&mut self, id: ContractId) {
        self.audits.remove(&id);
        if let Some(contract) = self.contracts.remove(&id) {
            self.pay_held(contract.client, contract.client, contract.escrow);
            self.release(contract.miner, contract.bytes);
        }
    }
}

/// The fee of a window.
fn fee(contract: &Contract, window: u32) -> Balance {
    if window.saturating_add(1) == contract.windows {
        contract.last_fee
    } else {
        contract.window_fee
    }
}

/// Windows settled so far.
pub(super) fn settled(contract: &Contract) -> u32 {
    match contract.state {
        ContractState::Active { settled, .. } => settled,
        ContractState::Pending { .. } => 0,
    }
}

fn require(holds: bool, error: &str, docs: &str) -> Result<(), ChainError> {
    if holds {
        Ok(())
    } else {
        Err(contracts(error, docs))
    }
}

fn fee_overflow() -> ChainError {
    contracts("FeeOverflow", "the fee is more than lx can count")
}

fn not_found() -> ChainError {
    contracts("NotFound", "no such contract is live")
}

fn check_count(parameters: &ChainParameters, count: usize) -> Result<(), ChainError> {
    let max = parameters.max_promises;
    match u32::try_from(count) {
        Ok(count) if (1..=max).contains(&count) => Ok(()),
        Ok(0) => Err(contracts("EmptyBatch", "the batch is empty")),
        // A longer list does not decode on chain: the pool refuses it.
        _ => Err(ChainError::Rejected { reason: format!("{count} entries, at most {max} expected") }),
    }
}
