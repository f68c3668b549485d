//! The standing set, and the floor.

use crate::{mock::*, Authorities, Event, Excluded};
use frame_support::assert_ok;
use pallet_session::{historical, SessionManager};

fn standing() -> Vec<u64> {
    Authorities::<Test>::get().into_inner()
}

fn bar(who: u64) {
    Excluded::<Test>::mutate(|excluded| excluded.try_push(who)).expect("few are barred");
}

#[test]
fn genesis_authorities_make_blocks_and_are_kept() {
    run(|| {
        assert_eq!(Active::get(), AUTHORITIES);
        assert_eq!(Session::validators(), AUTHORITIES);
        for _ in 0..4 {
            next_session();
            assert_eq!(Active::get(), AUTHORITIES);
            assert!(!Changed::get(), "an unchanged set forces no change upon GRANDPA");
        }
    });
}

#[test]
fn without_genesis_authorities_the_session_keys_decide() {
    with_authorities(&[]).execute_with(|| {
        assert_eq!(<Providers as SessionManager<u64>>::new_session_genesis(0), None);
        next_session();
        assert_eq!(Active::get(), (1..=CANDIDATES_TO).collect::<Vec<_>>());
    });
}

#[test]
#[should_panic = "an authority must be named once"]
fn genesis_refuses_an_authority_twice() {
    with_authorities(&[1, 2, 3, 1]);
}

#[test]
#[should_panic = "at least `MinAuthorities`"]
fn genesis_refuses_too_few_authorities() {
    with_authorities(&[1, 2]);
}

#[test]
#[should_panic = "at most `MaxAuthorities`"]
fn genesis_refuses_too_many_authorities() {
    with_authorities(&[1, 2, 3, 4, 5, 6]);
}

#[test]
fn the_session_manager_and_its_historical_side_agree() {
    run(|| {
        bar(2);
        let planned = <Providers as historical::SessionManager<u64, ()>>::new_session(3);
        assert_eq!(planned, Some(vec![(1, ()), (3, ()), (4, ())]));
        System::assert_last_event(Event::AuthoritiesChanged { session: 3, count: 3 }.into());
        assert_eq!(<Providers as SessionManager<u64>>::new_session(4), None, "it changed already");
    });
}

#[test]
fn an_excluded_authority_leaves_with_the_next_planned_session() {
    run(|| {
        bar(2);
        next_session();
        assert_eq!(standing(), [1, 3, 4]);
        assert_eq!(Active::get(), AUTHORITIES, "sets lag by one session");
        next_session();
        assert_eq!(Active::get(), [1, 3, 4]);
        assert!(Changed::get());
    });
}

#[test]
fn no_exclusion_leaves_fewer_than_the_floor() {
    run(|| {
        bar(1);
        bar(2);
        next_session();
        next_session();
        assert_eq!(standing(), AUTHORITIES);
        assert_eq!(Active::get(), AUTHORITIES);
    });
}

#[test]
fn an_authority_that_purged_its_keys_has_resigned() {
    run(|| {
        assert_ok!(Session::purge_keys(RuntimeOrigin::signed(3)));
        next_session();
        assert_eq!(standing(), [1, 2, 4]);
    });
}
