//! What stands for object stores in a build without them.

use super::{body::Bodies, medium::Medium};
use crate::StoreError;
use std::sync::Arc;

/// An object store; none in this build, which lacks the feature `objects`.
#[derive(Clone, Debug)]
pub enum Remote {}

impl Remote {
    /// Names an object store.
    ///
    /// # Errors
    /// `Remote`, always.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let reason = "this program was built without object stores: build it with --features objects";
        Err(StoreError::Remote { url: url.into(), reason: reason.into() })
    }

    pub(super) fn url(&self) -> &str {
        match *self {}
    }
}

/// Opens the bodies in an object store.
pub(super) fn open(remote: &Remote, _: Arc<dyn Medium>) -> Result<Box<dyn Bodies>, StoreError> {
    match *remote {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_to_get_them() {
        let refused = Remote::from_url("s3://bucket/prefix").unwrap_err();
        assert!(refused.to_string().contains("--features objects"), "{refused}");
    }
}
