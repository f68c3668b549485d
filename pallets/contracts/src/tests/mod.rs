//! Tests by journey. Each ends with the checks of `mock::run`.

mod accepting;
mod ending;
mod hostile_accounts;
mod migrating;
mod opening;
mod queries;
mod random;
mod scheduling;
mod settling;

use crate::mock::new_test_ext;
use frame_support::traits::Hooks;

#[test]
fn configuration_is_sound() {
    new_test_ext().execute_with(crate::mock::Contracts::integrity_test);
}

#[test]
fn codec_indices_are_pinned() {
    use crate::{mock::Test, EndReason, Error, HoldReason};
    use codec::Encode;

    assert_eq!(HoldReason::Escrow.encode(), [0]);
    let reasons = [
        EndReason::Completed,
        EndReason::EndedEarly,
        EndReason::Cancelled,
        EndReason::Expired,
        EndReason::Faulty,
    ];
    assert_eq!(reasons.encode(), [0, 1, 2, 3, 4]);
    assert_eq!(Error::<Test>::EmptyBatch.encode(), [0]);
    assert_eq!(Error::<Test>::AlreadyOpen.encode(), [13]);
    assert_eq!(Error::<Test>::NotExpired.encode(), [23]);
    assert_eq!(Error::<Test>::BadCommission.encode(), [25]);
}
