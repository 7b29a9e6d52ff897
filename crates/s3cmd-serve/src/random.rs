//! Random bytes from the operating system.

use crate::model::error::{ErrorCode, S3Error, S3Result};

/// `N` random bytes.
///
/// # Errors
/// `InternalError` if the operating system provides none.
pub(crate) fn bytes<const N: usize>() -> S3Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|_| S3Error::new(ErrorCode::InternalError, "The random number generator failed."))?;
    Ok(bytes)
}
