//! Benchmarks of the calls and the hooks, at their worst.

use crate::{
    eras::{CLAIM_WITHIN, MAX_CLEANED},
    Call, ClaimedEras, Config, CurrentEra, Earned, EraStart, Eras, NextClean, Pallet,
};
use alloc::vec::Vec;
use frame_benchmarking::v2::*;
use frame_support::{traits::fungible::Mutate, weights::Weight};
use frame_system::RawOrigin;
use lunarx_core::{EraIndex, Rewards, LX};

/// Work of every class.
fn work<T: Config>(who: &T::AccountId) {
    Pallet::<T>::served(who, 1_000 * LX);
    Pallet::<T>::audited(who, 1_000 * LX);
    Pallet::<T>::contributed(who, 1_000 * LX, 1_000 * LX);
    Pallet::<T>::authored(who);
}

fn set_block<T: Config>(number: u32) {
    frame_system::Pallet::<T>::set_block_number(number.into());
}

#[benchmarks]
mod benchmarks {
    use super::*;

    /// With the note of the block's author, for which nobody else counts weight.
    #[benchmark]
    fn running_era() -> Result<(), BenchmarkError> {
        let author: T::AccountId = account("author", 0, 0);
        work::<T>(&author);
        #[block]
        {
            Pallet::<T>::authored(&author);
            Pallet::<T>::begin_block(0);
        }
        assert_eq!(CurrentEra::<T>::get(), 0);
        Ok(())
    }

    #[benchmark]
    fn end_era() -> Result<(), BenchmarkError> {
        let who: T::AccountId = account("earner", 0, 0);
        work::<T>(&who);
        Pallet::<T>::end_era(1);
        CurrentEra::<T>::put(CLAIM_WITHIN);
        work::<T>(&who);
        let now = Pallet::<T>::era_blocks().saturating_add(1);
        #[block]
        {
            Pallet::<T>::authored(&who);
            Pallet::<T>::begin_block(now);
        }
        assert_eq!(EraStart::<T>::get(), now);
        assert!(!Eras::<T>::contains_key(0));
        Ok(())
    }

    #[benchmark]
    fn claim(n: Linear<1, CLAIM_WITHIN>) -> Result<(), BenchmarkError> {
        set_block::<T>(1);
        let who: T::AccountId = account("earner", 0, 0);
        T::Currency::set_balance(&who, LX);
        for _ in 0..n {
            work::<T>(&who);
            Pallet::<T>::end_era(1);
        }
        let eras: Vec<EraIndex> = (0..n).collect();
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), ClaimedEras::truncate_from(eras));
        assert!(!Earned::<T>::contains_key(0, &who));
        Ok(())
    }

    #[benchmark]
    fn clean(n: Linear<0, MAX_CLEANED>) -> Result<(), BenchmarkError> {
        for number in 0..n {
            let who: T::AccountId = account("earner", number, 0);
            work::<T>(&who);
        }
        CurrentEra::<T>::put(CLAIM_WITHIN.saturating_add(1));
        #[block]
        {
            Pallet::<T>::clean(Weight::MAX);
        }
        assert_eq!(NextClean::<T>::get(), 1);
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
