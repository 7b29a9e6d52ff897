//! How `serve` and `check --embedded` report that the embedded server did not start.

use crate::output::{Exit, Failure};
use crate::serve::StartError;

/// Why a server did not start, with its exit code: 74 where the directory or the address cannot be used, 13 where
/// another process serves the directory, that of the failed request where the store behind is the matter.
pub(crate) fn start_failure(error: StartError) -> Failure {
    if let StartError::Remote(cause) = error {
        return cause.into();
    }
    match &error {
        StartError::Root(root, cause) => Failure::file(root.display(), cause),
        StartError::Bind(address, cause) => Failure::file(format!("cannot listen on {address}"), cause),
        StartError::Locked(_) => Failure::new(Exit::CONFLICT, error.to_string()),
        _ => Failure::new(Exit::USAGE, error.to_string()),
    }
}
