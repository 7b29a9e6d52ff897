//! Several arguments, one after the other: one that fails does not keep the others from their turn.

use crate::commands::shared::context::Context;
use crate::output::{Exit, Failure, Outcome};
use crate::uri::S3Uri;

/// Does something to each argument, in order. A single one ends the command as it ends; of several, each that fails is named
/// and the others go on. Then the exit code is 2, or that of the failures where all failed alike.
pub(crate) async fn each(cx: &Context, uris: &[S3Uri], work: impl AsyncFn(&S3Uri) -> Outcome) -> Outcome {
    let mut ends = Ends::of(cx, uris.len());
    for uri in uris {
        ends.note(uri, work(uri).await)?;
    }
    ends.outcome()
}

/// How each of several arguments ended.
pub(crate) struct Ends {
    total: usize,
    stops: bool,
    exits: Vec<Exit>,
}

impl Ends {
    pub(crate) fn of(cx: &Context, total: usize) -> Self {
        Self { total, stops: cx.settings.stop_on_error, exits: Vec::new() }
    }

    /// Takes note of how one ended, and says so if it failed. What is left to be done returns with the failure that forbids
    /// it.
    pub(crate) fn note(&mut self, uri: &S3Uri, end: Outcome) -> Outcome {
        let Err(failure) = end else { return Ok(()) };
        if self.total == 1 || concerns_all(&failure) {
            return Err(failure);
        }
        for line in named(uri, &failure.lines) {
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

/// Whether a failure has nothing to do with the argument: nobody reads the results, or there is no way to the service.
fn concerns_all(failure: &Failure) -> bool {
    matches!(failure.exit, Exit::IOERR | Exit::CONNECTIONREFUSED | Exit::CONFIG)
}

/// The lines of a failure, with what they are about.
fn named(uri: &S3Uri, lines: &[String]) -> Vec<String> {
    let is_named =
        |line: &str| line.contains(&uri.to_string()) || line.contains(&format!("'{}'", uri.bucket));
    let named = |line: &String| if is_named(line) { line.clone() } else { format!("{uri}: {line}") };
    lines.iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_they_are_about() {
        let lines = ["Bucket 'b' does not exist".to_owned(), "S3 error: 404 (NoSuchBucket)".to_owned()];
        assert_eq!(
            named(&S3Uri::new("b", ""), &lines),
            ["Bucket 'b' does not exist", "s3://b/: S3 error: 404 (NoSuchBucket)"]
        );
    }
}
