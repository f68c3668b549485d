//! What a miner owes: a pure function of the chain's state and the store's state.
//!
//! Nothing here remembers events. The same two states give the same duties after a restart, after
//! missed blocks and after a second look; what was done meanwhile shows in the states and is not
//! asked for again.

use lunarx_core::{
    AccountId, BatchRoot, BlockNumber, ChainParameters, ContractId, ContractInfo, ContractState, DisputeInfo,
};
use std::collections::{BTreeMap, BTreeSet};

/// Blocks that must pass without a trace of a contract on chain before its pieces are removed. A
/// remote node may lag behind the one that was asked before it.
pub const CONFIRMATIONS: BlockNumber = 5;

/// Blocks after the end of the time to accept in which the client may expire its contract itself,
/// before the miner does it to get its promised space back.
pub const EXPIRE_GRACE: BlockNumber = 20;

/// Blocks before the end of a dispute in which a contract is surrendered of which the store knows nothing at
/// all. Before, the operator may still bring the store back.
pub const LAST_CALL: BlockNumber = 10;

/// The finalized state of the chain, as far as one miner is concerned.
#[derive(Clone, Copy, Debug)]
pub struct ChainView<'a> {
    /// Height of this state, or below it.
    pub height: BlockNumber,
    /// The runtime's configuration.
    pub parameters: &'a ChainParameters,
    /// Every live contract of the miner's account.
    pub contracts: &'a [ContractInfo<AccountId>],
    /// Open disputes, those of others among them.
    pub disputes: &'a [DisputeInfo<AccountId>],
    /// The miner's account: contracts in which it is only the client are none of its duties.
    pub miner: AccountId,
}

/// What the pieces stored under one contract come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Root over the finished pieces.
    pub root: BatchRoot,
    /// How many they are.
    pub pieces: u32,
    /// Bytes of them.
    pub bytes: u64,
}

/// What the store holds under one contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Kept for a contract, no longer a reservation.
    pub kept: bool,
    /// Last block in which the offer can be opened.
    pub expires: BlockNumber,
    /// The finished pieces. `None` where they were not looked at, or cannot be read: no contract
    /// matches them then, and what is kept is taken to be whole.
    pub batch: Option<Batch>,
    /// Whether the bytes turned out not to be what they were.
    pub damaged: bool,
}

/// Everything the store holds.
pub type Holdings = BTreeMap<ContractId, Holding>;

/// Something that no duty can mend, for the operator to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// A pending contract over something else than was stored. It is left to expire.
    WrongBatch(ContractId),
    /// A pending contract over nothing that is stored. It is left to expire.
    UnknownBatch(ContractId),
    /// An active contract whose pieces are gone.
    LostData(ContractId),
}

impl Trouble {
    /// The contract in question.
    pub fn contract(self) -> ContractId {
        match self {
            Self::WrongBatch(id) | Self::UnknownBatch(id) | Self::LostData(id) => id,
        }
    }
}

/// The work that follows from one look at chain and store, in the order in which it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duties {
    /// Pending contracts over exactly what is stored: keep, then accept.
    pub accept: Vec<ContractId>,
    /// Active contracts whose pieces are held, but as a reservation still: keep.
    pub keep: Vec<ContractId>,
    /// Open disputes that ask for proofs of what is held: answer.
    pub answer: Vec<DisputeInfo<AccountId>>,
    /// Active contracts whose data is lost: say so.
    pub surrender: Vec<ContractId>,
    /// Active contracts with windows whose outcome is final.
    pub settle: Vec<ContractId>,
    /// Pending contracts that nobody can accept any more.
    pub expire: Vec<ContractId>,
    /// Reservations that can no longer become contracts: remove.
    pub lapsed: Vec<ContractId>,
    /// Kept, but not on chain: remove once confirmed (see [`Absences`]).
    pub absent: Vec<ContractId>,
    /// What no duty can mend.
    pub trouble: Vec<Trouble>,
}

/// Derives the duties.
pub fn derive(view: ChainView<'_>, held: &Holdings, settle_every: u32) -> Duties {
    let mut duties = Duties::default();
    let mut live = BTreeSet::new();
    let disputes: BTreeMap<_, _> = view.disputes.iter().map(|dispute| (dispute.contract, dispute)).collect();
    for contract in view.contracts.iter().filter(|contract| contract.miner == view.miner) {
        live.insert(contract.id);
        let holding = held.get(&contract.id);
        match contract.state {
            ContractState::Pending { accept_by } => {
                pending(&mut duties, view.height, contract, accept_by, holding);
            }
            ContractState::Active { settled, .. } => {
                let dispute = disputes.get(&contract.id).copied();
                active(&mut duties, view.height, contract, dispute, holding);
                // While a dispute is open, the chain settles nothing of the contract.
                if dispute.is_none() && settlement_is_due(view, contract, settled, settle_every) {
                    duties.settle.push(contract.id);
                }
            }
        }
    }
    for (id, holding) in held.iter().filter(|(id, _)| !live.contains(*id)) {
        if holding.kept {
            duties.absent.push(*id);
        } else if view.height > holding.expires.saturating_add(CONFIRMATIONS) {
            duties.lapsed.push(*id);
        }
    }
    duties
}

/// A contract that waits for the miner.
fn pending(
    duties: &mut Duties,
    height: BlockNumber,
    contract: &ContractInfo<AccountId>,
    accept_by: BlockNumber,
    holding: Option<&Holding>,
) {
    if height > accept_by.saturating_add(EXPIRE_GRACE) {
        duties.expire.push(contract.id);
    } else if height >= accept_by {
        // The next block comes too late; nothing to do until the grace is over.
    } else {
        match holding {
            Some(holding) if matches(contract, holding) => duties.accept.push(contract.id),
            Some(_) => duties.trouble.push(Trouble::WrongBatch(contract.id)),
            None => duties.trouble.push(Trouble::UnknownBatch(contract.id)),
        }
    }
}

/// A contract that the miner serves.
fn active(
    duties: &mut Duties,
    height: BlockNumber,
    contract: &ContractInfo<AccountId>,
    dispute: Option<&DisputeInfo<AccountId>>,
    holding: Option<&Holding>,
) {
    match holding {
        None => duties.trouble.push(Trouble::LostData(contract.id)),
        Some(holding) if holding.damaged => {}
        Some(holding) if holding.kept && holding.batch.is_none() => {}
        Some(holding) if matches(contract, holding) && holding.kept => {}
        Some(holding) if matches(contract, holding) => duties.keep.push(contract.id),
        Some(_) => duties.trouble.push(Trouble::LostData(contract.id)),
    }
    // A call that is sent now takes effect in a later block.
    let open = dispute.filter(|dispute| height < dispute.deadline);
    match (holding, open) {
        (Some(holding), _) if holding.damaged => duties.surrender.push(contract.id),
        // An answer is tried whatever is held: the proofs show whether the data is here.
        (Some(_), Some(dispute)) if !dispute.positions.is_empty() => duties.answer.push(dispute.clone()),
        (None, Some(dispute)) if height.saturating_add(LAST_CALL) >= dispute.deadline => {
            duties.surrender.push(contract.id);
        }
        _ => {}
    }
}

/// Whether what is held is exactly what the contract covers.
pub fn matches(contract: &ContractInfo<AccountId>, holding: &Holding) -> bool {
    let promised = Batch { root: contract.root, pieces: contract.pieces, bytes: contract.bytes };
    contract.pieces > 0 && holding.batch == Some(promised)
}

/// Whether the outcome of enough windows has become final since the last settlement, or that of all.
fn settlement_is_due(
    view: ChainView<'_>,
    contract: &ContractInfo<AccountId>,
    settled: u32,
    settle_every: u32,
) -> bool {
    let Some(watched) = contract.watched() else { return false };
    let decided = watched.elapsed(view.height.saturating_sub(view.parameters.audit.final_after));
    let owed = decided.saturating_sub(settled);
    owed >= settle_every.max(1) || (owed > 0 && decided == contract.windows)
}

/// Kept contracts that the chain did not show, and since when.
#[derive(Debug, Default)]
pub struct Absences(BTreeMap<ContractId, BlockNumber>);

impl Absences {
    /// Notes what is absent at `height`; gives back what has been absent for [`CONFIRMATIONS`]
    /// blocks. A contract that shows up again starts over.
    pub fn observe(&mut self, absent: &[ContractId], height: BlockNumber) -> Vec<ContractId> {
        self.0 = absent.iter().map(|id| (*id, self.0.get(id).copied().unwrap_or(height))).collect();
        let confirmed = |since: BlockNumber| height >= since.saturating_add(CONFIRMATIONS);
        self.0.iter().filter(|(_, since)| confirmed(**since)).map(|(id, _)| *id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunarx_core::AuditRules;

    const MINER: AccountId = AccountId([7; 32]);
    const WINDOW: BlockNumber = 100;
    const ROOT: BatchRoot = BatchRoot([1; 32]);

    fn parameters() -> ChainParameters {
        ChainParameters {
            block_millis: 3_000,
            day: 28_800,
            window: WINDOW,
            accept_within: 50,
            max_offer_life: 1_000,
            max_windows: 1_000,
            max_promises: 16,
            max_reports: 16,
            collateral_per_gib: 1,
            exit_delay: 10,
            audit: AuditRules::of_window(WINDOW),
        }
    }

    fn id(n: u8) -> ContractId {
        ContractId([n; 32])
    }

    fn contract(n: u8, state: ContractState) -> ContractInfo<AccountId> {
        ContractInfo {
            id: id(n),
            client: AccountId([9; 32]),
            miner: MINER,
            root: ROOT,
            pieces: 1,
            bytes: 10,
            window: WINDOW,
            windows: 5,
            window_fee: 1,
            last_fee: 1,
            word_pay: 1,
            ended: None,
            escrow: 5,
            paid: 0,
            commission: None,
            state,
        }
    }

    fn pending_at(n: u8, accept_by: BlockNumber) -> ContractInfo<AccountId> {
        contract(n, ContractState::Pending { accept_by })
    }

    fn active_since(n: u8, since: BlockNumber, settled: u32) -> ContractInfo<AccountId> {
        contract(n, ContractState::Active { since, settled })
    }

    fn held(n: u8, kept: bool) -> (ContractId, Holding) {
        let batch = Some(Batch { root: ROOT, pieces: 1, bytes: 10 });
        (id(n), Holding { kept, expires: 200, batch, damaged: false })
    }

    fn at(
        height: BlockNumber,
        contracts: &[ContractInfo<AccountId>],
        held: impl IntoIterator<Item = (ContractId, Holding)>,
    ) -> Duties {
        disputed(height, contracts, &[], held)
    }

    fn disputed(
        height: BlockNumber,
        contracts: &[ContractInfo<AccountId>],
        disputes: &[DisputeInfo<AccountId>],
        held: impl IntoIterator<Item = (ContractId, Holding)>,
    ) -> Duties {
        let parameters = parameters();
        let view = ChainView { height, parameters: &parameters, contracts, disputes, miner: MINER };
        derive(view, &held.into_iter().collect(), 2)
    }

    fn dispute(n: u8, deadline: BlockNumber, positions: Vec<u64>) -> DisputeInfo<AccountId> {
        let (contract, opener) = (id(n), AccountId([9; 32]));
        DisputeInfo {
            contract,
            opener,
            standing: lunarx_core::Standing::Anybody,
            challenge: None,
            opened: 10,
            deadline,
            replaced: None,
            positions,
        }
    }

    #[test]
    fn answers_disputes_once_their_bytes_are_known_and_in_time() {
        let duties =
            |height, dispute| disputed(height, &[active_since(1, 10, 0)], &[dispute], [held(1, true)]).answer;
        let open = dispute(1, 50, vec![1, 2]);
        for height in [20, 49] {
            let answer = duties(height, open.clone());
            assert!(answer.len() == 1 && answer.contains(&open), "{answer:?}");
        }
        assert!(duties(50, open).is_empty(), "the next block comes too late");
        assert!(duties(20, dispute(1, 50, vec![])).is_empty(), "the next seed is not known");
        assert!(duties(20, dispute(2, 50, vec![1])).is_empty(), "of another miner");
    }

    #[test]
    fn settles_nothing_that_is_in_dispute() {
        let (height, open) = (10 + 50 * WINDOW, dispute(1, u32::MAX, vec![]));
        let contracts = [active_since(1, 10, 0)];
        assert_eq!(disputed(height, &contracts, &[], [held(1, true)]).settle, [id(1)]);
        assert!(disputed(height, &contracts, &[open], [held(1, true)]).settle.is_empty());
    }

    #[test]
    fn surrenders_what_is_damaged_and_answers_nothing_of_it() {
        let damaged = (id(1), Holding { damaged: true, ..held(1, true).1 });
        let contracts = [active_since(1, 10, 0)];
        for disputes in [vec![], vec![dispute(1, 50, vec![1])]] {
            let duties = disputed(20, &contracts, &disputes, [damaged]);
            assert_eq!((duties.surrender, duties.answer), (vec![id(1)], vec![]));
        }
        assert!(disputed(20, &[], &[], [damaged]).surrender.is_empty());
    }

    #[test]
    fn surrenders_what_the_store_does_not_know_only_at_the_end_of_a_dispute() {
        let contracts = [active_since(1, 10, 0)];
        let at = |height| disputed(height, &contracts, &[dispute(1, 50, vec![1])], []);
        assert_eq!(at(20).trouble, [Trouble::LostData(id(1))]);
        assert!(at(49 - LAST_CALL).surrender.is_empty());
        assert_eq!(at(50 - LAST_CALL).surrender, [id(1)]);
        assert!(at(50).surrender.is_empty(), "too late");
        assert!(disputed(45, &contracts, &[], []).surrender.is_empty());
    }

    #[test]
    fn accepts_what_is_stored_and_only_in_time() {
        let accept = Duties { accept: vec![id(1)], ..Duties::default() };
        assert_eq!(at(10, &[pending_at(1, 50)], [held(1, false)]), accept);
        assert_eq!(at(49, &[pending_at(1, 50)], [held(1, true)]), accept, "kept, then stopped");
        assert_eq!(at(50, &[pending_at(1, 50)], [held(1, false)]), Duties::default());
    }

    #[test]
    fn never_accepts_another_root_size_or_count() {
        let wrong = |change: fn(&mut Batch)| {
            let (id, mut holding) = held(1, false);
            change(holding.batch.as_mut().unwrap());
            at(10, &[pending_at(1, 50)], [(id, holding)])
        };
        let refused = Duties { trouble: vec![Trouble::WrongBatch(id(1))], ..Duties::default() };
        assert_eq!(wrong(|batch| batch.root = BatchRoot([2; 32])), refused);
        assert_eq!(wrong(|batch| batch.pieces = 2), refused);
        assert_eq!(wrong(|batch| batch.bytes = 11), refused);
        let unknown = Duties { trouble: vec![Trouble::UnknownBatch(id(1))], ..Duties::default() };
        assert_eq!(at(10, &[pending_at(1, 50)], []), unknown);
    }

    #[test]
    fn never_accepts_an_empty_batch() {
        let root = lunarx_proof::batch_root(&[]);
        let empty = ContractInfo { root, pieces: 0, bytes: 0, ..pending_at(1, 50) };
        let batch = Some(Batch { root, pieces: 0, bytes: 0 });
        let duties = at(10, &[empty], [(id(1), Holding { batch, ..held(1, false).1 })]);
        assert!(duties.accept.is_empty());
    }

    #[test]
    fn expires_its_overdue_contracts_after_the_grace() {
        assert_eq!(at(50 + EXPIRE_GRACE, &[pending_at(1, 50)], []), Duties::default());
        let expire = Duties { expire: vec![id(1)], ..Duties::default() };
        assert_eq!(at(51 + EXPIRE_GRACE, &[pending_at(1, 50)], []), expire);
    }

    #[test]
    fn contracts_in_which_it_is_the_client_are_no_duty() {
        let other = ContractInfo { miner: AccountId([8; 32]), client: MINER, ..active_since(1, 0, 0) };
        assert_eq!(at(1_000, &[other], []), Duties::default());
    }

    #[test]
    fn settles_every_so_many_windows_and_at_the_end() {
        let due =
            |height, settled| !at(height, &[active_since(1, 10, settled)], [held(1, true)]).settle.is_empty();
        // Three windows after its end, a window's outcome is final.
        assert!(!due(10 + 4 * WINDOW, 0), "one window is too little");
        assert!(!due(9 + 5 * WINDOW, 0));
        assert!(due(10 + 5 * WINDOW, 0));
        assert!(!due(10 + 5 * WINDOW, 1));
        assert!(!due(9 + 8 * WINDOW, 4));
        assert!(due(10 + 8 * WINDOW, 4), "the last window is settled alone");
        assert!(due(10 + 50 * WINDOW, 4));
        assert!(!due(10 + 50 * WINDOW, 5), "nothing is left");
        assert!(!due(9, 0), "a lagging view is before the beginning");
    }

    #[test]
    fn settles_an_ended_contract_once_its_last_window_is_final() {
        let ended = ContractInfo { windows: 2, ended: Some(150), ..active_since(1, 10, 1) };
        let due = |height| !at(height, std::slice::from_ref(&ended), [held(1, true)]).settle.is_empty();
        assert!(!due(149 + 3 * WINDOW));
        assert!(due(150 + 3 * WINDOW));
    }

    #[test]
    fn reports_lost_data_but_settles_what_the_chain_grants() {
        let cut = Holding { batch: Some(Batch { root: ROOT, pieces: 0, bytes: 0 }), ..held(1, true).1 };
        for held in [None, Some((id(1), cut))] {
            let duties = at(10 + 5 * WINDOW, &[active_since(1, 10, 0)], held);
            assert_eq!(duties.trouble, [Trouble::LostData(id(1))]);
            assert_eq!(duties.settle, [id(1)]);
        }
    }

    #[test]
    fn takes_kept_pieces_for_whole_where_nobody_looked() {
        let unseen = Holding { batch: None, ..held(1, true).1 };
        assert_eq!(at(20, &[active_since(1, 10, 0)], [(id(1), unseen)]), Duties::default());
    }

    #[test]
    fn keeps_an_active_contract_whose_reservation_came_back() {
        assert_eq!(at(20, &[active_since(1, 10, 0)], [held(1, false)]).keep, [id(1)]);
        let (id, holding) = held(1, false);
        let half =
            Holding { batch: Some(Batch { root: BatchRoot([2; 32]), pieces: 1, bytes: 10 }), ..holding };
        assert_eq!(at(20, &[active_since(1, 10, 0)], [(id, half)]).trouble, [Trouble::LostData(id)]);
    }

    #[test]
    fn frees_reservations_that_can_no_longer_open() {
        assert_eq!(at(200 + CONFIRMATIONS, &[], [held(1, false)]), Duties::default());
        assert_eq!(at(201 + CONFIRMATIONS, &[], [held(1, false)]).lapsed, [id(1)]);
        assert!(at(201 + CONFIRMATIONS, &[pending_at(1, 300)], [held(1, false)]).lapsed.is_empty());
    }

    #[test]
    fn removes_absent_contracts_only_when_confirmed() {
        let absent = at(300, &[], [held(1, true)]).absent;
        assert_eq!(absent, [id(1)]);
        let mut absences = Absences::default();
        assert!(absences.observe(&absent, 300).is_empty());
        assert!(absences.observe(&absent, 299 + CONFIRMATIONS).is_empty());
        assert!(absences.observe(&[], 300 + CONFIRMATIONS).is_empty(), "seen again");
        assert!(absences.observe(&absent, 301 + CONFIRMATIONS).is_empty(), "starts over");
        assert_eq!(absences.observe(&absent, 301 + 2 * CONFIRMATIONS), [id(1)]);
    }
}
