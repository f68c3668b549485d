//! Elections by proven power: who may stand, who wins, who yields, and who loses its seat.

use crate::{
    mock::*, Authorities, Candidates, Error, Event, Excluded, LastBlocks, Power, Providers as Registered,
    SILENT_TURNS,
};
use frame_support::{assert_noop, assert_ok};
use lunarx_core::{Hurdle, ProviderRegistry, Service, GIB, LX};
use proptest::prelude::*;

fn standing() -> Vec<u64> {
    Authorities::<Test>::get().into_inner()
}

fn candidates() -> Vec<u64> {
    Candidates::<Test>::get().iter().map(|candidate| candidate.account).collect()
}

/// Service that is worth `byte_blocks`.
pub(super) fn service(byte_blocks: u128) -> Service {
    Service { bytes: byte_blocks.try_into().expect("small"), from: 1_000, blocks: 1 }
}

fn prove(who: u64, byte_blocks: u128) {
    <Providers as ProviderRegistry<u64>>::settled(&who, 1, 0, service(byte_blocks));
}

fn stand(who: u64) -> frame_support::dispatch::DispatchResult {
    Providers::stand(RuntimeOrigin::signed(who))
}

/// Registers a miner that has proven `power`, and has it stand.
pub(super) fn candidate(who: u64, power: u128) {
    register(who, 2);
    prove(who, power);
    assert_ok!(stand(who));
}

/// Goes on to an era in which the winners of its election make blocks.
fn next_era() {
    Era::mutate(|era| *era += 1);
    next_session();
    next_session();
}

#[test]
fn who_stands_needs_a_place_in_the_register_keys_collateral_and_proven_service() {
    run(|| {
        assert_noop!(stand(CANDIDATE), Error::<Test>::NotRegistered);
        register(CANDIDATE, 1);
        assert_noop!(stand(CANDIDATE), Error::<Test>::TooLittleCollateral);
        assert_ok!(Providers::top_up(RuntimeOrigin::signed(CANDIDATE), LX));
        assert_noop!(stand(CANDIDATE), Error::<Test>::TooLittlePower);
        prove(CANDIDATE, 7);
        Excluded::<Test>::mutate(|excluded| excluded.try_push(CANDIDATE)).unwrap();
        assert_noop!(stand(CANDIDATE), Error::<Test>::Barred);
        Excluded::<Test>::kill();
        assert_ok!(stand(CANDIDATE));
        System::assert_last_event(Event::Stood { account: CANDIDATE, power: 7 }.into());
        assert_noop!(stand(CANDIDATE), Error::<Test>::AlreadyCandidate);

        register(MINER, 2);
        prove(MINER, 7);
        assert_noop!(stand(MINER), Error::<Test>::NoSessionKeys);
        assert_eq!(Providers::authority(&MINER).hurdle, Some(Hurdle::NoSessionKeys));

        register(6, 2);
        prove(6, 7);
        assert_ok!(Providers::announce_exit(RuntimeOrigin::signed(6)));
        assert_noop!(stand(6), Error::<Test>::Exiting);
    });
}

#[test]
fn power_is_worth_an_eighth_less_with_each_era() {
    let power = Power { byte_blocks: 4_096, era: 3, since: 0 };
    assert_eq!([3, 4, 5, 7].map(|era| power.at(era)), [4_096, 3_584, 3_136, 2_400]);
    assert_eq!(power.at(u32::MAX), 0);
    assert_eq!(power.at(0), 4_096, "eras do not go back");
    run(|| {
        register(MINER, 1);
        Era::set(3);
        prove(MINER, 4_096);
        Era::set(4);
        prove(MINER, 1);
        assert_eq!(
            Registered::<Test>::get(MINER).unwrap().power,
            Power { byte_blocks: 3_585, era: 4, since: 0 }
        );
        <Providers as ProviderRegistry<u64>>::slash_lost(&MINER, GIB, 1_000, None);
        assert_eq!(Registered::<Test>::get(MINER).unwrap().power.at(4), 0, "lost data costs all of it");
    });
}

#[test]
fn settling_late_or_after_a_loss_adds_no_power() {
    run(|| {
        register(MINER, 2);
        let settle = |from, blocks| {
            let service = Service { bytes: 1, from, blocks };
            <Providers as ProviderRegistry<u64>>::settled(&MINER, 1, 0, service);
            Registered::<Test>::get(MINER).unwrap().power.byte_blocks
        };
        let one_by_one = (0..8).fold(Power::default(), |power, era| {
            power.with(Service { bytes: 1_000, from: 0, blocks: ERA_BLOCKS }, ERA_BLOCKS, era)
        });
        let late = Service { bytes: 1_000, from: 0, blocks: 8 * ERA_BLOCKS };
        let late = Power::default().with(late, ERA_BLOCKS, 7);
        assert!(one_by_one.byte_blocks.abs_diff(late.byte_blocks) < late.byte_blocks / 1_000_000);
        let endless = 8 * u128::from(ERA_BLOCKS);
        let much = settle(0, 200 * ERA_BLOCKS);
        assert!(much <= endless && much > endless - endless / 1_000_000, "what eras without end are worth");
        System::set_block_number(50);
        <Providers as ProviderRegistry<u64>>::slash_lost(&MINER, GIB, 1_000_000, None);
        assert_eq!(settle(49, 10), 0, "these windows began before the loss");
        assert_eq!(settle(50, 10), 10);
    });
}

#[test]
fn the_genesis_authorities_yield_one_by_one_and_come_back() {
    run(|| {
        BootstrapSeats::set(5);
        candidate(5, 100);
        next_era();
        assert_eq!(Active::get(), [5, 1, 2, 3, 4], "there was room");
        for who in 6..=9 {
            candidate(who, 200);
        }
        let taken = [&[6, 5, 1, 2, 3][..], &[6, 7, 5, 1, 2], &[6, 7, 8, 5, 1], &[6, 7, 8, 9, 5]];
        for set in taken {
            next_era();
            assert_eq!(Active::get(), set, "one newcomer an election: a quarter of five");
        }
        for who in 6..=9 {
            assert_ok!(Providers::announce_exit(RuntimeOrigin::signed(who)));
        }
        next_era();
        assert_eq!(Active::get(), [5, 1, 2, 3, 4]);
        assert_eq!(candidates(), [5], "whoever leaves does not stand any more");
    });
}

#[test]
fn there_is_one_election_an_era() {
    run(|| {
        next_session();
        candidate(5, 100);
        for _ in 0..4 {
            next_session();
            assert!(!standing().contains(&5));
        }
        next_era();
        assert!(standing().contains(&5));
        for _ in 0..4 {
            next_session();
            assert!(!Changed::get(), "the same set again is no change");
        }
    });
}

#[test]
fn the_same_authorities_in_another_order_are_no_change() {
    run(|| {
        BootstrapSeats::set(5);
        candidate(5, 100);
        candidate(6, 200);
        next_era();
        next_era();
        let elected = standing();
        assert_eq!(elected, [6, 5, 1, 2, 3]);
        prove(5, 300);
        next_era();
        assert_eq!(standing(), elected);
        assert!(!Changed::get());
        assert_eq!(candidates(), [5, 6]);
        assert_eq!(Providers::authority(&5).rank, Some(1));
    });
}

/// Elections until the set does not change.
fn settle_down() {
    for _ in 0..6 {
        next_era();
    }
}

#[test]
fn many_small_miners_do_not_outvote_the_large() {
    run(|| {
        candidate(5, 100_000);
        candidate(6, 80_000);
        // The second makes up half of all power: the floor is a quarter of its.
        candidate(7, 19_000);
        candidate(8, 15_000);
        settle_down();
        assert_eq!(standing(), [5, 6, 1, 2]);
        prove(7, 20_000);
        settle_down();
        assert_eq!(standing(), [5, 6, 7, 1]);
    });
}

#[test]
fn a_giant_does_not_shut_out_the_others() {
    run(|| {
        candidate(5, 500_000);
        for who in 6..=9 {
            candidate(who, 150_000);
        }
        // 500,000 and 150,000 are more than half of 1,100,000: the floor is a quarter of 150,000.
        candidate(10, 30_000);
        settle_down();
        assert_eq!(standing().len(), 5);
        for who in 5..=9 {
            assert!(standing().contains(&who));
        }
    });
}

#[test]
fn power_has_a_floor_of_its_own() {
    run(|| {
        register(5, 2);
        prove(5, 99);
        MinAuthorityPower::set(100);
        assert_noop!(stand(5), Error::<Test>::TooLittlePower);
        prove(5, 1);
        assert_ok!(stand(5));
        next_era();
        assert!(!standing().contains(&5), "it was worth an eighth less by then");
        assert!(candidates().is_empty());
    });
}

#[test]
fn a_full_list_takes_only_who_is_stronger() {
    run(|| {
        for who in 5..=10 {
            candidate(who, 100 + u128::from(who));
        }
        let keys = MockSessionKeys { dummy: sp_runtime::testing::UintAuthorityId(MINER) };
        pallet_session::NextKeys::<Test>::insert(MINER, keys);
        register(MINER, 2);
        prove(MINER, 105);
        assert_noop!(stand(MINER), Error::<Test>::TooWeak);
        prove(MINER, 1);
        assert_ok!(stand(MINER));
        assert_eq!(candidates(), [MINER, 6, 7, 8, 9, 10]);
        System::assert_has_event(Event::CandidateDropped { account: 5, hurdle: None }.into());
        pallet_session::NextKeys::<Test>::remove(MINER);
    });
}

#[test]
fn an_election_seats_no_more_than_the_most_authorities() {
    run(|| {
        for who in 5..=10 {
            candidate(who, 1_000);
        }
        settle_down();
        assert_eq!(standing().len(), 5);
        assert!(standing().iter().all(|who| *who >= 5));
        assert_eq!(candidates().len(), 6, "the sixth still stands");
    });
}

#[test]
fn whoever_lost_what_an_authority_needs_is_dropped_with_the_next_election() {
    run(|| {
        for who in 5..=8 {
            candidate(who, 100);
        }
        assert_ok!(Session::purge_keys(RuntimeOrigin::signed(5)));
        Excluded::<Test>::mutate(|excluded| excluded.try_push(6)).unwrap();
        <Providers as ProviderRegistry<u64>>::slash_lost(&7, GIB, 1_000_000, None);
        next_era();
        assert_eq!(candidates(), [8]);
        assert_eq!(standing(), [8, 1, 2, 3]);
        let dropped = |account, hurdle| Event::CandidateDropped { account, hurdle: Some(hurdle) };
        System::assert_has_event(dropped(5, Hurdle::NoSessionKeys).into());
        System::assert_has_event(dropped(6, Hurdle::Barred).into());
        System::assert_has_event(dropped(7, Hurdle::TooLittleCollateral).into());
    });
}

#[test]
fn a_silent_authority_loses_its_seat_and_half_of_its_power_before_the_next_era() {
    run(|| {
        candidate(5, 1_000);
        candidate(6, 1_000);
        settle_down();
        assert_eq!(standing(), [5, 6, 1, 2]);
        let power = Providers::authority(&6).power;
        Authors::mutate(|authors| authors.retain(|author| *author != 6));
        let patience = u64::from(SILENT_TURNS) * 4;
        let last = u64::from(LastBlocks::<Test>::get(6).expect("it made blocks"));
        while System::block_number() <= last + patience {
            assert_eq!(standing(), [5, 6, 1, 2]);
            next_session();
        }
        assert_eq!(standing(), [5, 1, 2, 3], "one of genesis takes the seat at once");
        System::assert_has_event(Event::AuthoritySilent { account: 6 }.into());
        assert_eq!(candidates(), [5]);
        let info = Providers::authority(&6);
        assert_eq!((info.last_block, info.power), (None, power / 2));
        // The miner may stand again.
        assert_ok!(stand(6));
        Authors::mutate(|authors| authors.push(6));
        next_era();
        assert_eq!(Active::get(), [5, 6, 1, 2]);
    });
}

#[test]
fn a_smaller_set_begins_with_patience_for_all() {
    run(|| {
        for who in 5..=9 {
            candidate(who, 10_000);
        }
        settle_down();
        assert_eq!(standing().len(), 5);
        // No block of theirs for as long as four are watched, but not five.
        Authors::set(vec![]);
        let made = u64::from(LastBlocks::<Test>::get(5).expect("it made blocks"));
        while System::block_number() <= made + u64::from(SILENT_TURNS) * 4 {
            next_session();
        }
        assert_ok!(Providers::announce_exit(RuntimeOrigin::signed(9)));
        Era::mutate(|era| *era += 1);
        next_session();
        let set = standing();
        assert!(set.contains(&5) && !set.contains(&9));
        next_session();
        next_session();
        assert!(standing().contains(&5), "its time began anew");
    });
}

#[test]
fn a_leaving_authority_of_genesis_leaves() {
    run(|| {
        register(1, 2);
        assert_ok!(Providers::announce_exit(RuntimeOrigin::signed(1)));
        next_era();
        assert_eq!(standing(), [2, 3, 4]);
    });
}

#[test]
fn a_silent_authority_of_genesis_and_one_that_is_planned_keep_their_seats() {
    run(|| {
        Authors::set(vec![]);
        for _ in 0..20 {
            next_session();
        }
        assert_eq!(Active::get(), AUTHORITIES);
        candidate(5, 100);
        Era::set(1);
        next_session();
        assert!(standing().contains(&5));
        assert_eq!(LastBlocks::<Test>::get(5), None, "its time begins when it makes blocks");
        next_session();
        assert_eq!(LastBlocks::<Test>::get(5), Some(System::block_number().try_into().unwrap()));
    });
}

#[test]
fn an_authority_cannot_take_its_collateral_away() {
    run(|| {
        candidate(5, 100);
        next_era();
        assert_ok!(Providers::announce_exit(RuntimeOrigin::signed(5)));
        System::set_block_number(System::block_number() + u64::from(EXIT_DELAY));
        assert_noop!(Providers::withdraw(RuntimeOrigin::signed(5)), Error::<Test>::StillAuthority);
        next_era();
        assert_ok!(Providers::withdraw(RuntimeOrigin::signed(5)));
    });
}

#[test]
fn how_an_account_stands_is_told() {
    run(|| {
        candidate(5, 300);
        candidate(6, 500);
        let info = Providers::authority(&5);
        assert_eq!((info.power, info.rank, info.candidates), (300, Some(2), 2));
        assert_eq!((info.authority, info.authorities, info.hurdle), (false, 4, None));
        assert_eq!((info.collateral, info.min_collateral), (2 * LX, 2 * LX));
        assert!(info.session_keys.is_some());
        settle_down();
        let info = Providers::authority(&5);
        assert!(info.authority && info.last_block.is_some());
        let stranger = Providers::authority(&STRANGER);
        assert_eq!((stranger.rank, stranger.hurdle), (None, Some(Hurdle::NotRegistered)));
    });
}

proptest! {
    /// Whatever miners do, there are enough authorities and never too many, each once, and only such as may be.
    #[test]
    fn every_election_gives_a_lawful_set(steps in prop::collection::vec((5u64..=10, 0u8..7, 0u128..1_000), 1..60)) {
        run(|| {
            for who in 5..=10 {
                register(who, 2);
            }
            for (who, step, amount) in steps {
                let origin = RuntimeOrigin::signed(who);
                match step {
                    0 | 1 => prove(who, amount),
                    2 | 3 => drop(stand(who)),
                    4 => drop(Providers::announce_exit(origin)),
                    5 => Authors::mutate(|authors| {
                        if amount % 2 == 0 { authors.retain(|author| *author != who) } else { authors.push(who) }
                    }),
                    _ => next_era(),
                }
                next_session();
                let set = standing();
                assert!((3..=5).contains(&set.len()), "{set:?}");
                let mut distinct = set.clone();
                distinct.sort_unstable();
                distinct.dedup();
                assert_eq!(distinct.len(), set.len());
                let keys = |who: &u64| pallet_session::NextKeys::<Test>::contains_key(who);
                assert!(set.iter().all(keys), "{set:?}");
                let elected = set.iter().filter(|who| **who >= 5);
                let planned_now = |who: &&u64| LastBlocks::<Test>::contains_key(**who);
                let stands = |who: &u64| candidates().contains(who);
                assert!(elected.filter(|who| !planned_now(who)).all(stands), "{set:?}");
                Providers::do_try_state().expect("the state holds after every step");
            }
        });
    }
}
