//! What was typed: the option table, the command table, the parser and the help. It knows no S3 and no settings,
//! only which option sets which key.
//!
//! A line goes through three steps. The normaliser resolves the spellings by the table and owns the error
//! texts, which are those of s3cmd's parser (Python's optparse). clap reads the result. The last step turns
//! its matches into [`Typed`], which the configuration is then made of.

mod checks;
pub mod commands;
mod completion;
mod help;
mod layer;
mod normalise;
pub mod options;
mod quote;
mod usage;

use std::ffi::OsString;

use crate::config::Single;

pub use crate::config::Typed;
pub use commands::{Command, CommandSpec};
pub use completion::{Completion, CompletionKind};
pub use help::{command as command_help, full as full_help};

pub(crate) use quote::quoted;

use normalise::{Line, Stop};

/// The version of s3cmd that this program follows; scripts compare it.
pub const S3CMD_VERSION: &str = "2.4.0";

/// What a command line asks for.
#[derive(Debug)]
pub enum Parsed {
    /// To run a command; also `--dump-config` and `--configure`, see [`Typed`].
    Run(Invocation),
    /// To print a text, such as the help, and exit.
    Print {
        /// For stdout, with its line ends.
        stdout: String,
        /// The exit code.
        exit: u8,
    },
    /// To answer a shell that completes a line; `None` where there is nothing to say.
    Complete(Option<Completion>),
    /// Nothing that can be done.
    Fail {
        /// For stderr, with its line ends.
        stderr: String,
        /// For stdout, with its line ends; mostly empty.
        stdout: String,
        /// The exit code.
        exit: u8,
    },
}

/// A command with its arguments and options.
#[derive(Debug)]
pub struct Invocation {
    /// The command; `None` where there is none of that name, or no name.
    pub command: Option<&'static CommandSpec>,
    /// The command as typed; empty where none was.
    pub command_word: String,
    /// The arguments, byte for byte.
    pub args: Vec<OsString>,
    /// The options.
    pub typed: Typed,
    has_word: bool,
}

/// Why a command cannot be run as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The exit code.
    pub exit: u8,
    /// For stdout, with its line ends: the help where no command was typed.
    pub stdout: String,
    /// For stderr, each as an `ERROR: ` line.
    pub lines: Vec<String>,
}

impl Invocation {
    /// Whether a command is to tell its results in JSON. What prints a configuration, or asks for one, has none.
    pub fn json(&self) -> bool {
        self.typed.key("json").is_some() && !self.typed.configure() && !self.typed.dump_config()
    }

    /// Checks the command and the number of its arguments. To be called once the settings are there, because a
    /// missing configuration file comes first (measured on s3cmd 2.4.0).
    pub fn check(&self) -> Result<(), Usage> {
        let refused = |lines| Err(Usage { exit: 64, stdout: String::new(), lines });
        if self.typed.configure() {
            return Ok(());
        }
        if self.typed.single(Single::Provider).is_some() {
            return refused(vec!["Parameter problem: --provider goes with --configure".to_owned()]);
        }
        if !self.has_word {
            let quiet = self.typed.switch(Single::Quiet) == Some(true);
            let stdout = if quiet { String::new() } else { help::full() };
            return Err(Usage { exit: 64, stdout, lines: Vec::new() });
        }
        let Some(command) = self.command else { return refused(invalid_command(&self.command_word)) };
        let from_list = command.id == Command::Md5sum && self.typed.key("check_list").is_none();
        let is_served_elsewhere = command.id == Command::Serve && self.typed.key("remote").is_some();
        let wanted = if is_served_elsewhere { 0 } else { command.min_args.max(usize::from(from_list)) };
        if self.args.len() < wanted {
            return refused(vec![format!("Not enough parameters for command '{}'", self.command_word)]);
        }
        match usage::problem(command, &self.command_word, &self.args, &self.typed) {
            Some(problem) => refused(vec![problem]),
            None => Ok(()),
        }
    }
}

/// Reads the arguments of the program, without its name.
///
/// What comes first, as measured on s3cmd 2.4.0: a bad option or `--help`, whichever stands first; then
/// `--version`; then `--dump-config`, which needs the settings.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Parsed {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(question) = Completion::read(&args) {
        return Parsed::Complete(question);
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
    let mut typed = match layer::read(options) {
        Ok(typed) => typed,
        Err(problem) => return option_error(&problem),
    };
    // What stands beside --configure is a bucket to test with, not a command (measured on s3cmd 2.4.0).
    let has_word = !words.is_empty() && !typed.configure();
    let word = if has_word { words.remove(0) } else { OsString::new() };
    let command = word.to_str().and_then(commands::find);
    typed.credentials_optional =
        typed.configure() || command.is_some_and(|command| !needs_account(command, &typed));
    let asks_for_help = command.is_some_and(|command| command.id == Command::Help);
    if asks_for_help && !typed.dump_config() && !typed.configure() {
        if let Some(surplus) = words.get(1) {
            let stderr =
                format!("ERROR: Too many parameters for command 'help': {}\n", quote::quoted(surplus));
            return Parsed::Fail { stderr, stdout: String::new(), exit: 64 };
        }
        return help_for(words.first());
    }
    Parsed::Run(Invocation { command, command_word: quote::shown(&word), args: words, typed, has_word })
}

fn needs_account(command: &CommandSpec, typed: &Typed) -> bool {
    let embedded = command.id == Command::Check && typed.key("embedded").is_some();
    let remote = command.id == Command::Serve && typed.key("remote").is_some();
    command.needs_account && !embedded || remote
}

/// `s3cmd help` and `s3cmd help COMMAND`.
fn help_for(word: Option<&OsString>) -> Parsed {
    let Some(word) = word else { return Parsed::Print { stdout: help::full(), exit: 0 } };
    match word.to_str().and_then(commands::find) {
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
    if let Some(meant) = commands::similar(word) {
        lines.push(format!("Did you mean '{meant}'?"));
    }
    lines
}

/// The form in which Python's optparse puts every error, to the empty line.
fn option_error(problem: &str) -> Parsed {
    let stderr = format!("Usage: {}\n\ns3cmd: error: {problem}\n", help::USAGE);
    Parsed::Fail { stderr, stdout: String::new(), exit: 2 }
}

/// s3cmd's own line first, because scripts compare it.
fn version_text() -> String {
    format!("s3cmd version {S3CMD_VERSION}\ns3cmd-rs {}\n", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests;
