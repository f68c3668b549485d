//! Offences, from the report through `pallet_offences` to collateral and authority set.

use crate::{mock::*, Authorities, Event, Excluded, Slashes};
use frame_support::{assert_ok, traits::KeyOwnerProofSystem, weights::Weight};
use lunarx_core::LX;
use sp_core::crypto::key_types::DUMMY;
use sp_runtime::{testing::UintAuthorityId, traits::OpaqueKeys, Perbill};
use sp_staking::{
    offence::{Kind, Offence, OffenceDetails, OffenceError, OnOffenceHandler, ReportOffence},
    SessionIndex,
};

type Offender = (u64, ());

/// A kind of offence whose fraction the test sets.
struct Equivocation {
    offenders: Vec<Offender>,
    slot: u64,
    session: SessionIndex,
    /// Percent for each offender of the slot.
    percent: u32,
}

impl Offence<Offender> for Equivocation {
    type Slot = u64;

    const ID: Kind = *b"test:equivocate!";

    fn offenders(&self) -> Vec<Offender> {
        self.offenders.clone()
    }

    fn session_index(&self) -> SessionIndex {
        self.session
    }

    fn validator_set_count(&self) -> u32 {
        4
    }

    fn slot(&self) -> u64 {
        self.slot
    }

    fn slash_fraction(&self, offenders: u32) -> Perbill {
        Perbill::from_percent(self.percent * offenders)
    }
}

fn report(who: u64, slot: u64, percent: u32) -> Result<(), OffenceError> {
    let session = Session::current_index();
    let offence = Equivocation { offenders: vec![(who, ())], slot, session, percent };
    Offences::report_offence(vec![], offence)
}

fn on_offence(who: u64, percent: u32, session: SessionIndex) -> Weight {
    let details = OffenceDetails { offender: (who, ()), reporters: vec![STRANGER] };
    <Providers as OnOffenceHandler<u64, Offender, Weight>>::on_offence(
        &[details],
        &[Perbill::from_percent(percent)],
        session,
    )
}

fn collateral(who: u64) -> u128 {
    Providers::info(who).map_or(0, |info| info.collateral)
}

#[test]
fn an_offender_loses_collateral_and_its_seat() {
    run(|| {
        register(2, 10);
        assert_ok!(report(2, 1, 25));

        assert_eq!((collateral(2), held(2)), (7_500_000_000_000, 7_500_000_000_000));
        assert_eq!(Balances::free_balance(SLASHED), 2_500_000_000_000);
        System::assert_has_event(
            Event::Slashed { account: 2, amount: 25 * LX / 10, collateral: 75 * LX / 10, session: 0 }.into(),
        );
        System::assert_has_event(Event::AuthorityExcluded { account: 2 }.into());
        next_session();
        next_session();
        assert_eq!(Active::get(), [1, 3, 4]);
    });
}

#[test]
fn a_slashed_provider_gets_no_contracts_past_its_cover() {
    use lunarx_core::{AllocationError, ProviderRegistry, GIB};
    run(|| {
        register(2, 10);
        assert_ok!(report(2, 1, 50));
        let allocate = |bytes| <Providers as ProviderRegistry<u64>>::allocate(&2, bytes);
        assert_eq!(allocate(5 * GIB + 1), Err(AllocationError::OverCapacity));
        assert_ok!(allocate(5 * GIB));
    });
}

#[test]
fn an_offender_that_is_no_provider_only_loses_its_seat() {
    run(|| {
        assert_ok!(report(2, 1, 100));
        assert_eq!(Balances::free_balance(2), ENDOWMENT);
        assert_eq!(Excluded::<Test>::get().into_inner(), [2]);
    });
}

#[test]
fn one_slip_is_paid_once_however_often_it_shows() {
    run(|| {
        register(2, 10);
        assert_ok!(report(2, 1, 10));
        assert_ok!(report(2, 2, 10));
        assert_eq!(report(2, 2, 10), Err(OffenceError::DuplicateReport));
        assert_eq!(collateral(2), 9 * LX);
        let exclusions = System::events()
            .into_iter()
            .filter(|record| record.event == Event::AuthorityExcluded { account: 2 }.into());
        assert_eq!(exclusions.count(), 1);
    });
}

#[test]
fn accomplices_raise_the_fraction_of_those_reported_before() {
    run(|| {
        register(2, 10);
        register(3, 20);
        assert_ok!(report(2, 1, 10));
        assert_eq!(collateral(2), 9 * LX);
        // Two in the same slot: `pallet_offences` reports both again, at 20 % each.
        assert_ok!(report(3, 1, 10));
        assert_eq!(collateral(2), 8 * LX);
        assert_eq!(collateral(3), 16 * LX);
    });
}

#[test]
fn another_sessions_offence_is_paid_again() {
    run(|| {
        register(2, 10);
        assert_ok!(report(2, 1, 50));
        next_session();
        assert_ok!(report(2, 2, 50));
        assert_eq!(collateral(2), 25 * LX / 10);
    });
}

#[test]
fn a_top_up_between_reports_of_one_session_is_not_touched() {
    run(|| {
        register(2, 10);
        on_offence(2, 50, 0);
        assert_ok!(Providers::top_up(RuntimeOrigin::signed(2), 5 * LX));
        on_offence(2, 100, 0);
        assert_eq!(collateral(2), 5 * LX);
    });
}

#[test]
fn everything_can_be_lost_and_the_provider_still_leaves() {
    run(|| {
        register(2, 10);
        assert_ok!(report(2, 1, 100));
        assert_eq!(collateral(2), 0);
        assert_ok!(Providers::announce_exit(RuntimeOrigin::signed(2)));
        run_to(1 + u64::from(EXIT_DELAY));
        assert_ok!(Providers::withdraw(RuntimeOrigin::signed(2)));
        assert_eq!(Balances::free_balance(2), ENDOWMENT - 10 * LX);
    });
}

#[test]
fn an_exiting_provider_is_slashed_all_the_same() {
    run(|| {
        register(2, 10);
        assert_ok!(Providers::announce_exit(RuntimeOrigin::signed(2)));
        assert_ok!(report(2, 1, 100));
        assert_eq!(collateral(2), 0);
    });
}

#[test]
fn what_the_destination_cannot_take_is_burned() {
    new_test_ext().execute_with(|| {
        CollateralPerGib::set(EXISTENTIAL_DEPOSIT);
        register(2, 1);
        let before = Balances::total_issuance();
        assert_ok!(report(2, 1, 50));
        assert_eq!(Balances::free_balance(SLASHED), 0);
        assert_eq!(Balances::total_issuance(), before - EXISTENTIAL_DEPOSIT / 2);
        assert_eq!(collateral(2), EXISTENTIAL_DEPOSIT / 2);
        assert_ok!(Providers::do_try_state());
    });
}

#[test]
fn a_fraction_of_zero_changes_nothing() {
    run(|| {
        register(2, 10);
        on_offence(2, 0, 0);
        assert_eq!(collateral(2), 10 * LX);
        assert!(Excluded::<Test>::get().is_empty());
    });
}

#[test]
fn the_last_authorities_are_slashed_but_spared() {
    run(|| {
        register(3, 10);
        assert_ok!(report(2, 1, 10));
        assert_ok!(report(3, 2, 10));
        assert_eq!(collateral(3), 9 * LX);
        System::assert_has_event(Event::AuthoritySpared { account: 3 }.into());
        next_session();
        assert_eq!(Authorities::<Test>::get().into_inner(), [1, 3, 4]);
    });
}

#[test]
fn an_offender_that_left_the_set_cannot_be_elected_again() {
    run(|| {
        super::election::candidate(CANDIDATE, 100);
        on_offence(CANDIDATE, 10, 0);
        Era::set(1);
        next_session();
        assert_eq!(Authorities::<Test>::get().into_inner(), AUTHORITIES);
    });
}

#[test]
fn the_list_of_excluded_forgets_the_earliest() {
    run(|| {
        (20..26).for_each(|who| {
            on_offence(who, 10, 0);
        });
        assert_eq!(Excluded::<Test>::get().into_inner(), [21, 22, 23, 24, 25]);
    });
}

#[test]
fn old_offences_are_not_punished_and_old_slashes_forgotten() {
    run(|| {
        register(2, 10);
        on_offence(2, 10, 0);
        assert!(Slashes::<Test>::contains_key(0, 2));
        (0..OFFENCE_MEMORY).for_each(|_| next_session());
        on_offence(2, 20, 0);
        assert_eq!(collateral(2), 8 * LX);

        next_session();
        assert!(!Slashes::<Test>::contains_key(0, 2));
        on_offence(2, 100, 0);
        assert_eq!(collateral(2), 8 * LX);
        System::assert_last_event(Event::OffenceTooOld { session: 0 }.into());
    });
}

#[test]
fn collateral_does_not_touch_proofs_of_key_ownership() {
    run(|| {
        register(2, 10);
        next_session();
        let keys = MockSessionKeys { dummy: UintAuthorityId(3) };
        let key = (DUMMY, keys.get_raw(DUMMY).to_vec());
        assert_ok!(Providers::top_up(RuntimeOrigin::signed(2), LX));
        let proof = Historical::prove(key.clone()).expect("3 is an authority");
        assert_eq!(Historical::check_proof(key.clone(), proof.clone()), Some((3, ())));

        // In a later session it is compared with the root from the planning.
        assert_ok!(Providers::top_up(RuntimeOrigin::signed(2), LX));
        next_session();
        assert_eq!(Historical::check_proof(key, proof), Some((3, ())));
    });
}

type Key = (sp_runtime::KeyTypeId, Vec<u8>);

/// Registers new session keys for authority 3 and goes on until they are in use; proves their ownership.
fn proof_of_rotated_keys() -> (Key, <Historical as KeyOwnerProofSystem<Key>>::Proof) {
    let keys = MockSessionKeys { dummy: UintAuthorityId(ROTATED) };
    pallet_session::NextKeys::<Test>::insert(3, &keys);
    pallet_session::KeyOwner::<Test>::insert((DUMMY, keys.get_raw(DUMMY)), 3);
    next_session();
    next_session();
    let key = (DUMMY, keys.get_raw(DUMMY).to_vec());
    let proof = Historical::prove(key.clone()).expect("3 is an authority by its new keys");
    (key, proof)
}

#[test]
fn rotated_keys_are_proven_in_later_sessions_too() {
    run(|| {
        let (key, proof) = proof_of_rotated_keys();
        assert_eq!(Historical::check_proof(key.clone(), proof.clone()), Some((3, ())));
        next_session();
        assert_eq!(Historical::check_proof(key, proof), Some((3, ())), "by the root from their planning");
        assert_eq!(Authorities::<Test>::get().into_inner(), AUTHORITIES);
        next_session();
        assert!(!Changed::get(), "keys that stay force no change upon GRANDPA");
    });
}

#[test]
fn authority_sets_of_forgotten_sessions_are_pruned() {
    run(|| {
        let (key, proof) = proof_of_rotated_keys();
        (0..OFFENCE_MEMORY).for_each(|_| next_session());
        assert_eq!(Historical::check_proof(key.clone(), proof.clone()), Some((3, ())));
        next_session();
        assert_eq!(Historical::check_proof(key, proof), None, "no offence of that session is taken");
    });
}

#[test]
fn an_offender_is_disabled_for_what_is_left_of_its_sessions() {
    run(|| {
        assert_ok!(report(2, 1, 25));
        assert!(Session::disabled_validators().contains(&1), "the second of the authorities");
    });
}

#[test]
fn the_weight_grows_with_the_offenders() {
    run(|| {
        let one = on_offence(2, 10, 0);
        let none = <Providers as OnOffenceHandler<u64, Offender, Weight>>::on_offence(&[], &[], 0);
        assert!(one.any_gt(none));
    });
}
