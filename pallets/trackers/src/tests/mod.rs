//! Behaviour, by journey.

mod discipline;
mod lifecycle;
mod rounds;

use crate::mock::RuntimeOrigin;

fn signed(who: u64) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}
