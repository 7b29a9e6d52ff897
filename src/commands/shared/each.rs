//! Processes several arguments in order: a failure of one does not keep the others from being processed.

use crate::commands::shared::context::Context;
use crate::output::{Exit, Failure, Outcome};
use crate::uri::S3Uri;

/// Applies `work` to each argument, in order. The failure of a single argument is returned. Of several, each failure is
/// logged and the others are processed; then the exit code is 2, or that of the failures if all failed with the same
/// one.
pub(crate) async fn each(cx: &Context, uris: &[S3Uri], work: impl AsyncFn(&S3Uri) -> Outcome) -> Outcome {
    let mut outcomes = Outcomes::new(cx, uris.len());
    for uri in uris {
        outcomes.record(uri, work(uri).await)?;
    }
    outcomes.outcome()
}

/// The outcomes of several arguments.
pub(crate) struct Outcomes {
    total: usize,
    stops: bool,
    exits: Vec<Exit>,
}

impl Outcomes {
    pub(crate) fn new(cx: &Context, total: usize) -> Self {
        Self { total, stops: cx.settings.stop_on_error, exits: Vec::new() }
    }

    /// Records the outcome of an argument and logs a failure. Returns a failure if the remaining arguments must not be
    /// processed.
    pub(crate) fn record(&mut self, uri: &S3Uri, end: Outcome) -> Outcome {
        let Err(failure) = end else { return Ok(()) };
        if self.total == 1 || concerns_all(&failure) {
            return Err(failure);
        }
        for line in with_uri(uri, &failure.lines) {
            log::error!("{line}");
        }
        self.exits.push(failure.exit);
        if self.stops {
            return Err(Failure::new(Exit::PARTIAL, "Exiting now because of --stop-on-error"));
        }
        Ok(())
    }

    pub(crate) fn outcome(self) -> Outcome {
        let Self { total, exits, .. } = self;
        match exits.first() {
            None => Ok(()),
            Some(exit) if exits.len() == total && exits.iter().all(|other| other == exit) => {
                Err(Failure::silent(*exit))
            }
            Some(_) => Err(Failure::silent(Exit::PARTIAL)),
        }
    }
}

/// Whether a failure concerns all arguments: nothing can be written, or the service cannot be reached.
fn concerns_all(failure: &Failure) -> bool {
    matches!(failure.exit, Exit::IOERR | Exit::CONNECTIONREFUSED | Exit::CONFIG)
}

/// The lines of a failure, prefixed with the URI unless they contain it.
fn with_uri(uri: &S3Uri, lines: &[String]) -> Vec<String> {
    let is_named =
        |line: &str| line.contains(&uri.to_string()) || line.contains(&format!("'{}'", uri.bucket));
    let with_uri = |line: &String| if is_named(line) { line.clone() } else { format!("{uri}: {line}") };
    lines.iter().map(with_uri).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_their_argument() {
        let lines = ["Bucket 'b' does not exist".to_owned(), "S3 error: 404 (NoSuchBucket)".to_owned()];
        assert_eq!(
            with_uri(&S3Uri::new("b", ""), &lines),
            ["Bucket 'b' does not exist", "s3://b/: S3 error: 404 (NoSuchBucket)"]
        );
    }
}
