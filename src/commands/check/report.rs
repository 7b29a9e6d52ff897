//! The result lines of the connection test.

use crate::output::{Console, Event, Exit, Failure, Outcome, error_text};
use s3cmd_client::Error;
use std::fmt::Display;

/// Prints a line for each step and remembers the first failure.
#[derive(Debug)]
pub(super) struct Report {
    console: Console,
    failure: Option<(Exit, String)>,
    failed: u32,
}

impl Report {
    pub(super) fn new(console: &Console) -> Self {
        Self { console: console.clone(), failure: None, failed: 0 }
    }

    /// Reports a step that succeeded, with its findings.
    pub(super) fn ok(&mut self, step: &str, detail: impl AsRef<str>) -> Outcome {
        self.print(step, "ok", detail.as_ref(), None)
    }

    /// Reports a step that found something notable which is not a failure.
    pub(super) fn note(&mut self, step: &str, detail: impl AsRef<str>) -> Outcome {
        self.print(step, "note", detail.as_ref(), None)
    }

    /// Reports a failed step: why it failed, its exit code and what to change. An empty hint is not printed.
    pub(super) fn fail(&mut self, step: &str, exit: Exit, why: impl Display, hint: &str) -> Outcome {
        self.print(step, "FAIL", &why.to_string(), Some(hint).filter(|hint| !hint.is_empty()))?;
        self.failed += 1;
        self.failure.get_or_insert((exit, step.to_owned()));
        Ok(())
    }

    /// Reports a step that failed with an error of the client.
    pub(super) fn error(&mut self, step: &str, error: Error, hint: &str) -> Outcome {
        let why = error_text(&error);
        self.fail(step, Failure::from(error).exit, why, hint)
    }

    fn print(&self, step: &str, result: &'static str, detail: &str, hint: Option<&str>) -> Outcome {
        self.console.print(&Event::Check { step, result, detail, hint })
    }

    /// Returns the outcome of the whole test.
    pub(super) fn end(self) -> Outcome {
        match self.failure {
            None => self.console.print_decoration("All is well."),
            Some((exit, step)) if self.failed == 1 => {
                Err(Failure::new(exit, format!("The check failed at the step '{step}'")))
            }
            Some((exit, step)) => {
                let words = format!("The check failed at {} steps, the first one is '{step}'", self.failed);
                Err(Failure::new(exit, words))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_gives_the_exit_code() {
        let mut report = Report::new(&Console::new(true, false));
        report.ok("resolve", "x").unwrap();
        report.fail("put", Exit::ACCESSDENIED, "no", "").unwrap();
        report.fail("get", Exit::NOTFOUND, "no", "hint").unwrap();
        let failure = report.end().unwrap_err();
        assert_eq!(failure.exit, Exit::ACCESSDENIED);
        assert_eq!(failure.lines, ["The check failed at 2 steps, the first one is 'put'"]);
        assert!(Report::new(&Console::new(true, false)).end().is_ok());
    }
}
