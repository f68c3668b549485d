//! The trackers' pay.

use crate::{mock::*, AllCredits, Error, PotBalance};
use frame_support::assert_ok;
use lunarx_core::Verdict::Valid;

fn claim(who: u64) -> CallResult {
    call(who, crate::Call::claim {})
}

#[test]
fn the_pot_is_shared_by_verdicts() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 5);
        let fee = stored.fee();
        pass_to(stored.end_of(2));
        let [first, second, third] = stored.seats(now());
        assert_ok!(report(first, &stored, 0, &[Valid; 3]));
        assert_ok!(report(second, &stored, 0, &[Valid; 3]));
        assert_ok!(report(third, &stored, 1, &[Valid]));
        pass(rules().final_after);
        assert_ok!(settle(&stored));
        let pot = 3 * fee / 20;
        assert_eq!((PotBalance::<Test>::get(), free(POT)), (pot, ENDOWMENT + pot));
        let before = [first, second, third].map(free);
        assert_ok!(claim(third));
        assert_ok!(claim(first));
        assert_eq!(claim(first), failure(Error::NoCredits));
        assert_ok!(claim(second));
        assert_eq!(free(third) - before[2], pot / 7);
        let shares = [free(first) - before[0], free(second) - before[1]];
        assert!(shares.iter().all(|share| share.abs_diff(pot * 3 / 7) <= 2), "{shares:?}");
        assert_eq!((PotBalance::<Test>::get(), AllCredits::<Test>::get()), (0, 0));
        assert_eq!(free(POT), ENDOWMENT);
    });
}

#[test]
fn an_empty_pot_takes_no_credits() {
    run(|| {
        let stored = Stored::accepted(MINER, 0, 5);
        pass_to(stored.end_of(0));
        let who = stored.seats(now())[0];
        assert_ok!(report(who, &stored, 0, &[Valid]));
        assert_eq!(claim(who), failure(Error::EmptyPot));
        assert_eq!(crate::Credits::<Test>::get(who).fees, stored.fee());
    });
}
