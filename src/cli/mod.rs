//! The command line: option table, command table, parser and help. This module knows neither S3 nor the settings, only
//! which option sets which key.
//!
//! Parsing has three steps. The normaliser expands all spellings by the option table and produces the error messages,
//! which are those of s3cmd's parser (Python's optparse). Then clap parses the result. The last step converts clap's
//! matches to [`CliOptions`], from which the configuration is built.

mod clap_parser;
pub mod command_table;
mod completion;
mod help;
mod normalise;
pub mod options;
mod parsed_options;
mod quote;
mod usage_checks;
mod value_checks;

use std::ffi::OsString;

pub use command_table::{Command, CommandSpec};
pub use completion::{CompletionKind, CompletionRequest};
pub use parsed_options::{CliOnly, CliOptions, List, OptionValue};

pub(crate) use quote::quoted;

use normalise::{Line, Stop};

/// The version of s3cmd that this program follows; scripts compare it.
pub(crate) const S3CMD_VERSION: &str = "2.4.0";

/// The result of parsing a command line.
#[derive(Debug)]
pub enum Parsed {
    /// Run a command; also `--dump-config` and `--configure`, see [`CliOptions`].
    Run(Invocation),
    /// Print a text, such as the help, and exit.
    Print {
        /// For stdout, with line endings.
        stdout: String,
        /// The exit code.
        exit: u8,
    },
    /// Answer a completion request of a shell. `None` if there is nothing to complete.
    Complete(Option<CompletionRequest>),
    /// Print an error and exit.
    Fail {
        /// For stderr, with line endings.
        stderr: String,
        /// For stdout, with line endings. Usually empty.
        stdout: String,
        /// The exit code.
        exit: u8,
    },
}

/// A command with its arguments and options.
#[derive(Debug)]
pub struct Invocation {
    /// The command. `None` if its name is unknown or missing.
    pub command: Option<&'static CommandSpec>,
    /// The command as typed. Empty if missing.
    pub command_word: String,
    /// The arguments, byte for byte.
    pub args: Vec<OsString>,
    /// The options.
    pub options: CliOptions,
    has_word: bool,
}

/// Why a command cannot run with these arguments and options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError {
    /// The exit code.
    pub exit: u8,
    /// For stdout, with line endings: the help if the command is missing.
    pub stdout: String,
    /// For stderr, each printed as an `ERROR: ` line.
    pub lines: Vec<String>,
}

impl Invocation {
    /// Whether the command prints its results as JSON. `--dump-config` and `--configure` never do.
    pub fn json(&self) -> bool {
        self.options.key("json").is_some() && !self.options.configure() && !self.options.dump_config()
    }

    /// Checks the command and the number of its arguments. Call this after the settings have been loaded, because a
    /// missing configuration file is reported first (measured on s3cmd 2.4.0).
    pub fn check(&self) -> Result<(), UsageError> {
        let refused = |lines| Err(UsageError { exit: 64, stdout: String::new(), lines });
        if self.options.configure() {
            return Ok(());
        }
        if self.options.text(CliOnly::Provider).is_some() {
            return refused(vec!["Parameter problem: --provider requires --configure".to_owned()]);
        }
        if !self.has_word {
            let quiet = self.options.switch(CliOnly::Quiet) == Some(true);
            let stdout = if quiet { String::new() } else { help::full() };
            return Err(UsageError { exit: 64, stdout, lines: Vec::new() });
        }
        let Some(command) = self.command else { return refused(invalid_command(&self.command_word)) };
        let from_list = command.id == Command::Md5sum && self.options.key("check_list").is_none();
        let serves_remote = command.id == Command::Serve && self.options.key("remote").is_some();
        let min_args = if serves_remote { 0 } else { command.min_args.max(usize::from(from_list)) };
        if self.args.len() < min_args {
            return refused(vec![format!("Not enough parameters for command '{}'", self.command_word)]);
        }
        match usage_checks::problem(command, &self.command_word, &self.args, &self.options) {
            Some(problem) => refused(vec![problem]),
            None => Ok(()),
        }
    }
}

/// Parses the arguments of the program, without its name.
///
/// Precedence, as measured on s3cmd 2.4.0: an invalid option or `--help`, whichever comes first; then `--version`; then
/// `--dump-config`, which needs the settings.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Parsed {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(request) = CompletionRequest::read(&args) {
        return Parsed::Complete(request);
    }
    let line = match normalise::normalise(args.into()) {
        Ok(line) => line,
        Err(Stop::Help(command)) => {
            let stdout = command.map_or_else(help::full, help::command);
            return Parsed::Print { stdout, exit: 0 };
        }
        Err(Stop::Error(problem)) => return option_error(&problem),
    };
    let Line { options, mut words, version } = line;
    if version {
        return Parsed::Print { stdout: version_text(), exit: 0 };
    }
    let mut options = match clap_parser::read(options) {
        Ok(options) => options,
        Err(problem) => return option_error(&problem),
    };
    // An argument of --configure is a bucket to test with, not a command (measured on s3cmd 2.4.0).
    let has_word = !words.is_empty() && !options.configure();
    let word = if has_word { words.remove(0) } else { OsString::new() };
    let command = word.to_str().and_then(command_table::find);
    options.credentials_optional =
        options.configure() || command.is_some_and(|command| !needs_account(command, &options));
    let asks_for_help = command.is_some_and(|command| command.id == Command::Help);
    if asks_for_help && !options.dump_config() && !options.configure() {
        if let Some(surplus) = words.get(1) {
            let stderr =
                format!("ERROR: Too many parameters for command 'help': {}\n", quote::quoted(surplus));
            return Parsed::Fail { stderr, stdout: String::new(), exit: 64 };
        }
        return help_for(words.first());
    }
    Parsed::Run(Invocation { command, command_word: quote::shown(&word), args: words, options, has_word })
}

fn needs_account(command: &CommandSpec, options: &CliOptions) -> bool {
    let embedded = command.id == Command::Check && options.key("embedded").is_some();
    let remote = command.id == Command::Serve && options.key("remote").is_some();
    command.needs_account && !embedded || remote
}

/// `s3cmd help` and `s3cmd help COMMAND`.
fn help_for(word: Option<&OsString>) -> Parsed {
    let Some(word) = word else { return Parsed::Print { stdout: help::full(), exit: 0 } };
    match word.to_str().and_then(command_table::find) {
        Some(command) => Parsed::Print { stdout: help::command(command), exit: 0 },
        None => {
            let lines = invalid_command(&quote::shown(word));
            let stderr = lines.iter().map(|line| format!("ERROR: {line}\n")).collect();
            Parsed::Fail { stderr, stdout: String::new(), exit: 64 }
        }
    }
}

fn invalid_command(word: &str) -> Vec<String> {
    let mut lines = vec![format!("Invalid command: {word}")];
    if let Some(suggestion) = command_table::similar(word) {
        lines.push(format!("Did you mean '{suggestion}'?"));
    }
    lines
}

/// An error in the format of Python's optparse, including its empty line.
fn option_error(problem: &str) -> Parsed {
    let stderr = format!("Usage: {}\n\ns3cmd: error: {problem}\n", help::USAGE);
    Parsed::Fail { stderr, stdout: String::new(), exit: 2 }
}

/// The first line is that of s3cmd, because scripts compare it.
fn version_text() -> String {
    format!("s3cmd version {S3CMD_VERSION}\ns3cmd-rs {}\n", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests;
