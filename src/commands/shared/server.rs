//! How `serve` and `check --embedded` report that the embedded server did not start.

use crate::output::{Exit, Failure};
use s3cmd_serve::StartError;

/// The failure for a server that did not start. Exit code 74: the directory or the address cannot be used. Exit code
/// 13: another process serves the directory. For `--remote`, the exit code of the failed request.
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
