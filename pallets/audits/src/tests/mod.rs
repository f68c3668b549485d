//! Tests by journey. Each ends with the checks of `mock::run`.

mod disputes;
mod pot;
mod random;
mod reports;
mod seeds;

use crate::mock::*;
use frame_support::traits::Hooks;

#[test]
fn configuration_is_sound() {
    new_test_ext().execute_with(Audits::integrity_test);
}

#[test]
fn codec_indices_are_pinned() {
    use crate::{Cause, Error, HoldReason};
    use codec::Encode;

    assert_eq!(HoldReason::Dispute.encode(), [0]);
    assert_eq!([Cause::Unanswered, Cause::WrongAnswer, Cause::Surrendered].encode(), [0, 1, 2]);
    assert_eq!(Error::<Test>::NothingCounted.encode(), [0]);
    assert_eq!(Error::<Test>::ChallengeTooOld.encode(), [18]);
}
