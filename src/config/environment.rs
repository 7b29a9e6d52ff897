//! The environment of the process: variables, home directory, terminal. It is behind a trait, so that tests do not
//! depend on the machine on which they run.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

/// The environment that settings depend on.
pub trait Environment {
    /// The value of a variable, if it is set.
    fn var(&self, name: &str) -> Option<OsString>;
    /// The home directory of the user.
    fn home_dir(&self) -> Option<PathBuf>;
    /// Whether stdout is a terminal.
    fn stdout_is_terminal(&self) -> bool;

    /// The value of a variable as text. Bytes that are not UTF-8 are replaced.
    fn text(&self, name: &str) -> Option<String> {
        self.var(name).map(|value| value.to_string_lossy().into_owned())
    }

    /// The value of a variable. `None` if it is unset or empty.
    fn non_empty(&self, name: &str) -> Option<String> {
        self.text(name).filter(|value| !value.is_empty())
    }
}

/// The real environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn home_dir(&self) -> Option<PathBuf> {
        std::env::home_dir()
    }

    fn stdout_is_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }
}

/// A fixed environment, for tests and for callers that do not want that of the process.
#[derive(Debug, Clone, Default)]
pub struct FixedEnvironment {
    /// The variables.
    pub vars: HashMap<String, OsString>,
    /// The home directory.
    pub home: Option<PathBuf>,
    /// Whether stdout is treated as a terminal.
    pub terminal: bool,
}

impl FixedEnvironment {
    /// Adds a variable.
    #[cfg(test)]
    pub(crate) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.vars.insert(name.to_owned(), value.into());
        self
    }
}

impl Environment for FixedEnvironment {
    fn var(&self, name: &str) -> Option<OsString> {
        self.vars.get(name).cloned()
    }

    fn home_dir(&self) -> Option<PathBuf> {
        self.home.clone()
    }

    fn stdout_is_terminal(&self) -> bool {
        self.terminal
    }
}
