//! Random bytes of the operating system.

use crate::model::error::{ErrorCode, S3Error, S3Result};

/// As many random bytes as the caller needs.
///
/// # Errors
/// `InternalError` if the system has none to give.
pub(crate) fn bytes<const N: usize>() -> S3Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| S3Error::new(ErrorCode::InternalError, "No random numbers."))?;
    Ok(bytes)
}
