//! What a provider may say of itself.

use crate::{Config, Error, Pallet};
use frame_support::ensure;
use lunarx_core::{ProviderDetails, Services, MAX_ADDRESSES};
use sp_runtime::traits::Get;

/// How many addresses there are to check and store.
pub(crate) fn address_count(details: &ProviderDetails) -> u32 {
    u32::try_from(details.addresses.len()).unwrap_or(MAX_ADDRESSES)
}

fn is_address(address: &[u8]) -> bool {
    !address.is_empty() && address.iter().all(u8::is_ascii_graphic)
}

fn is_region(region: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    !region.is_empty() && region.iter().all(allowed)
}

impl<T: Config> Pallet<T> {
    /// Whether `details` are fit to be stored.
    pub(crate) fn ensure_valid(details: &ProviderDetails) -> Result<(), Error<T>> {
        ensure!(!details.addresses.is_empty(), Error::<T>::NoAddress);
        ensure!(details.addresses.iter().all(|address| is_address(address)), Error::<T>::BadAddress);
        ensure!(is_region(&details.region), Error::<T>::BadRegion);
        ensure!(
            details.services.0 != 0 && Services::KNOWN.contains(details.services),
            Error::<T>::BadServices
        );
        ensure!(details.capacity >= T::MinCapacity::get().max(1), Error::<T>::CapacityTooSmall);
        ensure!(details.price >= T::MinPrice::get().max(1), Error::<T>::PriceTooLow);
        Ok(())
    }
}
