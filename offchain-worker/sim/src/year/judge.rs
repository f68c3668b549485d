//! What trackers say.

use lunarx_core::Verdict;

/// What there is to see of a miner's window.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    /// It can be reached now.
    pub reachable: bool,
    /// It was there for most of the window.
    pub present: bool,
    /// It answered every challenge up to the window's end, or would if it were there.
    pub answers: bool,
}

/// An honest tracker's word, if it has one yet: a miner that has just gone may come back and answer before
/// the tracker must speak (`last_call`).
pub fn honest(sight: Sight, last_call: bool) -> Option<Verdict> {
    match sight {
        Sight { present: false, .. } => Some(Verdict::Offline),
        Sight { reachable: false, .. } => last_call.then_some(Verdict::Offline),
        Sight { answers: true, .. } => Some(Verdict::Valid),
        Sight { answers: false, .. } => Some(Verdict::Silent),
    }
}

/// A liar's word. Cheats are its friends. Of honest miners it says what hurts most: *offline*, since no answer
/// mends that.
pub fn liar(cheats: bool) -> Verdict {
    if cheats {
        Verdict::Valid
    } else {
        Verdict::Offline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gone_miner_has_until_the_last_call() {
        let gone = Sight { reachable: false, present: true, answers: true };
        assert_eq!(honest(gone, false), None);
        assert_eq!(honest(gone, true), Some(Verdict::Offline));
        assert_eq!(honest(Sight { reachable: true, ..gone }, true), Some(Verdict::Valid));
        assert_eq!(honest(Sight { reachable: true, answers: false, ..gone }, true), Some(Verdict::Silent));
        assert_eq!(honest(Sight { present: false, ..gone }, false), Some(Verdict::Offline));
    }
}
