//! What a tracker may say of itself.

use crate::{Config, Error, Pallet};
use frame_support::ensure;
use lunarx_core::TrackerDetails;

fn is_address(address: &[u8]) -> bool {
    !address.is_empty() && address.iter().all(u8::is_ascii_graphic)
}

fn is_region(region: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    !region.is_empty() && region.iter().all(allowed)
}

impl<T: Config> Pallet<T> {
    /// Whether `details` are fit to be stored.
    pub(crate) fn ensure_valid(details: &TrackerDetails) -> Result<(), Error<T>> {
        ensure!(!details.addresses.is_empty(), Error::<T>::NoAddress);
        ensure!(details.addresses.iter().all(|address| is_address(address)), Error::<T>::BadAddress);
        ensure!(is_region(&details.region), Error::<T>::BadRegion);
        Ok(())
    }
}
