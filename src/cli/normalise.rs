//! Expands options to their full spellings by the rules of Python's optparse, with its error messages (measured on
//! s3cmd 2.4.0).

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};

use super::command_table::{self, CommandSpec};
use super::options::{self, OptionSpec, Resolved, Sets};
use super::{quote, value_checks};

/// A command line in full spelling.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// `--name` or `--name=value`, with the option's first long name.
    pub(super) options: Vec<OsString>,
    /// Everything that is not an option: the command and its arguments.
    pub(super) words: Vec<OsString>,
    /// Whether `--version` was given.
    pub(super) version: bool,
}

/// Why parsing stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// `--help`, for this command if one is named anywhere on the line.
    Help(Option<&'static CommandSpec>),
    /// An error: the text after `s3cmd: error: `.
    Error(String),
}

/// Expands a command line.
pub(super) fn normalise(args: VecDeque<OsString>) -> Result<Line, Stop> {
    let mut reader = Reader { rest: args, line: Line::default() };
    match reader.read() {
        Err(Stop::Help(_)) => Err(Stop::Help(reader.command_anywhere())),
        Err(stop) => Err(stop),
        Ok(()) => Ok(reader.line),
    }
}

struct Reader {
    rest: VecDeque<OsString>,
    line: Line,
}

impl Reader {
    fn read(&mut self) -> Result<(), Stop> {
        while let Some(arg) = self.rest.pop_front() {
            let bytes = arg.as_encoded_bytes();
            if bytes == b"--" {
                self.line.words.extend(self.rest.drain(..));
            } else if bytes.starts_with(b"--") {
                self.long(&arg)?;
            } else if bytes.len() > 1 && bytes[0] == b'-' {
                self.cluster(&arg)?;
            } else {
                self.line.words.push(arg);
            }
        }
        Ok(())
    }

    /// `--name` or `--name=value`.
    fn long(&mut self, arg: &OsStr) -> Result<(), Stop> {
        let bytes = arg.as_encoded_bytes();
        let equals = bytes.iter().position(|byte| *byte == b'=');
        let name = part(arg, 2, equals.unwrap_or(bytes.len()));
        let value = equals.map(|at| part(arg, at + 1, bytes.len()));
        let resolved = name.to_str().map_or(Resolved::Unknown, options::resolve);
        match (resolved, value) {
            (Resolved::Unknown, _) => Err(error(format!("no such option: --{}", quote::shown(&name)))),
            (Resolved::Ambiguous(names), _) => {
                let names: Vec<String> = names.iter().map(|name| format!("--{name}")).collect();
                Err(error(format!("ambiguous option: --{} ({}?)", quote::shown(&name), names.join(", "))))
            }
            (Resolved::Option(option, spelling), value) if option.takes_value() => {
                self.with_value(option, &format!("--{spelling}"), value)
            }
            (Resolved::Option(option, spelling), Some(value)) if option.takes_bool => {
                self.switch(option, spelling, &value)
            }
            (Resolved::Option(_, spelling), Some(_)) => {
                Err(error(format!("--{spelling} option does not take a value")))
            }
            (Resolved::Option(option, _), None) => self.flag(option),
        }
    }

    /// `-x`, `-xyz` or `-xVALUE`.
    fn cluster(&mut self, arg: &OsStr) -> Result<(), Stop> {
        let bytes = arg.as_encoded_bytes();
        let mut at = 1;
        while at < bytes.len() {
            let valid = bytes[at..].utf8_chunks().next().map_or("", |chunk| chunk.valid());
            let Some(letter) = valid.chars().next() else {
                return Err(error(format!("no such option: -{}", quote::shown(&part(arg, at, at + 1)))));
            };
            at += letter.len_utf8();
            let Some(option) = options::by_short(letter) else {
                let letter = quote::shown(OsStr::new(letter.encode_utf8(&mut [0; 4])));
                return Err(error(format!("no such option: -{letter}")));
            };
            if option.takes_value() {
                let value = (at < bytes.len()).then(|| part(arg, at, bytes.len()));
                return self.with_value(option, &format!("-{letter}"), value);
            }
            self.flag(option)?;
        }
        Ok(())
    }

    /// `--flag=true` or `--flag=false`, in the spellings of Go's flag package.
    fn switch(&mut self, option: &OptionSpec, spelling: &str, value: &OsStr) -> Result<(), Stop> {
        let on = match value.to_str() {
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => true,
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => false,
            _ => {
                let value = quote::quoted(value);
                return Err(error(format!("option --{spelling}: invalid boolean value: {value}")));
            }
        };
        let Sets::On(key) = option.sets else { return self.flag(option) };
        let opposite = options::all().find(|other| other.sets == Sets::Off(key));
        match opposite.filter(|_| !on) {
            Some(opposite) => self.flag(opposite),
            None => self.flag(option),
        }
    }

    fn flag(&mut self, option: &OptionSpec) -> Result<(), Stop> {
        match option.sets {
            Sets::Help => return Err(Stop::Help(None)),
            Sets::Version => self.line.version = true,
            _ => self.line.options.push(format!("--{}", option.name()).into()),
        }
        Ok(())
    }

    /// An option with a value. If none is attached, the next argument is the value, whatever it looks like.
    fn with_value(&mut self, option: &OptionSpec, shown: &str, value: Option<OsString>) -> Result<(), Stop> {
        let Some(value) = value.or_else(|| self.rest.pop_front()) else {
            return Err(error(format!("{shown} option requires 1 argument")));
        };
        let checked = value_checks::check(option.check, &value)
            .map_err(|problem| error(format!("option {shown}: {problem}")))?;
        let mut full = OsString::from(format!("--{}=", option.name()));
        full.push(checked.map_or(value, OsString::from));
        self.line.options.push(full);
        Ok(())
    }

    /// The command whose help is requested: the first word before `--help`, else the first word after it, as far as the
    /// rest of the line can be parsed.
    fn command_anywhere(&mut self) -> Option<&'static CommandSpec> {
        while self.line.words.is_empty() && !self.rest.is_empty() {
            // Each call consumes at least one argument. Errors are ignored: the words after them still count.
            let _ = self.read();
        }
        let known = self.line.words.iter().filter_map(|word| word.to_str().and_then(command_table::find));
        // `s3cmd help put --help`: the page of `put`.
        known.take(2).last().filter(|_| self.line.words.first().is_some_and(|word| is_command(word)))
    }
}

fn is_command(word: &OsStr) -> bool {
    word.to_str().is_some_and(|word| command_table::find(word).is_some())
}

fn error(problem: String) -> Stop {
    Stop::Error(problem)
}

/// The bytes from `from` to `to` of an argument, which need not be UTF-8.
fn part(arg: &OsStr, from: usize, to: usize) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    OsStr::from_bytes(&arg.as_bytes()[from..to]).to_owned()
}
