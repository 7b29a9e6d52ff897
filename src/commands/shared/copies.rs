//! How commands that rewrite objects report failures.

use crate::output::{Exit, Outcome, error_reason};
use crate::transfer::copy::CopyError;
use crate::transfer::ordered_tasks::{ItemResult, Summary};
use crate::uri::S3Uri;
use s3cmd_client::Error;

/// Logs that an object was not copied because `lost` would be lost, which an earlier copy failed to save.
pub(crate) fn depends_on_failed(from: &S3Uri, lost: &S3Uri) -> ItemResult {
    if from == lost {
        log::error!("Copy failed for: '{from}' (it would be deleted, but another copy of it has failed)");
    } else {
        log::error!(
            "Copy failed for: '{from}' (it would overwrite '{lost}', which could not be copied before)"
        );
    }
    ItemResult::Failed
}

/// Logs that an object was copied but its source could not be deleted. A single object's error, or one that concerns
/// all requests, is returned.
pub(crate) fn not_deleted(from: &S3Uri, to: &S3Uri, error: Error, total: u64) -> Outcome<ItemResult> {
    if error.concerns_all_requests() {
        return Err(error.into());
    }
    let reason = error_reason(&error);
    log::error!("'{from}' was copied to '{to}', but could not be deleted ({reason})");
    if total == 1 { Err(error.into()) } else { Ok(ItemResult::Failed) }
}

/// Logs why one of `total` objects could not be rewritten. An error that concerns all requests is returned.
pub(crate) fn failed(from: &S3Uri, error: CopyError, total: u64) -> Outcome<ItemResult> {
    match error {
        CopyError::Missing => {
            log::warn!("Key not found {from}");
            Ok(ItemResult::Missing)
        }
        CopyError::Failed(error) if error.concerns_all_requests() => Err(error.into()),
        CopyError::Failed(error @ (Error::Connection { .. } | Error::Io(_) | Error::Invalid(_)))
            if total == 1 =>
        {
            Err(error.into())
        }
        CopyError::Failed(error) => {
            log::error!("Copy failed for: '{from}' ({})", error_reason(&error));
            Ok(ItemResult::Failed)
        }
    }
}

/// The outcome of commands that rewrite objects, with the exit codes measured on s3cmd 2.4.0.
pub(crate) fn outcome(summary: &Summary) -> Outcome {
    let exit = match (summary.done > 0, summary.failed > 0, summary.missing > 0) {
        (true, false, false) => return Ok(()),
        (true, true, _) => Exit::PARTIAL,
        (false, false, true) => Exit::NOTFOUND,
        (true, false, true) | (false, ..) => Exit::GENERAL,
    };
    Err(summary.failure(exit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_s3cmd() {
        let exit = |done, failed, missing| {
            let summary = Summary { done, failed, missing, ..Summary::default() };
            outcome(&summary).map_or_else(|failure| failure.exit.0, |()| 0)
        };
        assert_eq!([exit(2, 0, 0), exit(1, 1, 0), exit(1, 0, 1), exit(1, 1, 1)], [0, 2, 1, 2]);
        assert_eq!([exit(0, 1, 0), exit(0, 0, 1), exit(0, 1, 1), exit(0, 0, 0)], [1, 12, 1, 1]);
    }
}
