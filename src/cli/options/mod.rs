//! The option table: one row per option. It drives the parser, the help and the settings.

mod general;
mod mirrors;
mod objects;
mod serving;
mod setup;
mod values;

pub use values::ValueKind;

use super::command_table::Command;
use crate::cli::{CliOnly, List};

/// The effect of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sets {
    /// Sets the key to the option's value.
    Key(&'static str),
    /// Turns the key on.
    On(&'static str),
    /// Turns the key off.
    Off(&'static str),
    /// Sets the key to this value.
    Fixed(&'static str, &'static str),
    /// Sets an option without a configuration key.
    CliOnly(CliOnly),
    /// Turns an option without a configuration key on or off.
    Switch(CliOnly, bool),
    /// Adds the value to a list.
    List(List),
    /// Prints the help.
    Help,
    /// Prints the version.
    Version,
}

/// How a value is checked while the line is parsed. s3cmd's parser does the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// No check.
    Any,
    /// An integer as Python's optparse parses it: decimal, `0x`, `0b` or octal.
    Integer,
    /// `TYPE/SUBTYPE`, optionally with parameters.
    Mime,
    /// `PERMISSION:GRANTEE`.
    Acl,
    /// A priority of `restore`.
    Priority,
}

/// The commands that use an option.
#[derive(Debug, Clone, Copy)]
pub enum Scope {
    /// All commands.
    Every,
    /// These commands.
    Only(&'static [Command]),
    /// No command: the option replaces the command, as `--configure` does.
    None,
}

impl Scope {
    /// Whether the option is specific to the command, so that its help page lists it.
    pub fn includes(&self, command: Command) -> bool {
        matches!(self, Self::Only(commands) if commands.contains(&command))
    }
}

/// Where an option comes from. Abbreviations of s3cmd's options take precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An option of s3cmd.
    S3cmd,
    /// An option that only this program has.
    Extension,
}

/// A row of the option table.
#[derive(Debug)]
pub struct OptionSpec {
    /// The short form, if any.
    pub short: Option<char>,
    /// The long forms, without hyphens. Messages show the first one.
    pub long: &'static [&'static str],
    /// The name of the value in the help. `None` if the option takes no value.
    pub metavar: Option<&'static str>,
    /// How the parser checks the value.
    pub check: Check,
    /// Whether a flag can also be given as `--flag=true` or `--flag=false`.
    pub(crate) takes_bool: bool,
    /// What it does.
    pub sets: Sets,
    /// The commands that use it.
    pub scope: Scope,
    /// Whether s3cmd has it.
    pub origin: Origin,
    /// The description in the help.
    pub help: &'static str,
}

impl OptionSpec {
    /// The first long form, without hyphens. It is also the option's name inside the parser.
    pub fn name(&self) -> &'static str {
        self.long[0]
    }

    /// Whether it takes a value.
    pub fn takes_value(&self) -> bool {
        self.metavar.is_some()
    }

    const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    const fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    const fn or_bool(mut self) -> Self {
        self.takes_bool = true;
        self
    }

    const fn extension(mut self) -> Self {
        self.origin = Origin::Extension;
        self
    }
}

/// A row for an option without a value.
const fn flag(long: &'static [&'static str], sets: Sets, scope: Scope, help: &'static str) -> OptionSpec {
    OptionSpec {
        short: None,
        long,
        metavar: None,
        check: Check::Any,
        takes_bool: false,
        sets,
        scope,
        origin: Origin::S3cmd,
        help,
    }
}

/// A row for an option with a value.
const fn value(
    long: &'static [&'static str],
    metavar: &'static str,
    sets: Sets,
    scope: Scope,
    help: &'static str,
) -> OptionSpec {
    let mut row = flag(long, sets, scope, help);
    row.metavar = Some(metavar);
    row
}

/// The options under one heading of the help.
#[derive(Debug)]
pub struct OptionGroup {
    /// The heading.
    pub title: &'static str,
    /// The rows.
    pub options: &'static [OptionSpec],
}

/// The table, in the order of the help.
pub const GROUPS: &[OptionGroup] = &[
    OptionGroup { title: "Credentials and configuration", options: general::ACCOUNT },
    OptionGroup { title: "Connection", options: general::CONNECTION },
    OptionGroup { title: "Messages", options: general::MESSAGES },
    OptionGroup { title: "Transfers", options: objects::TRANSFERS },
    OptionGroup { title: "Filters and file selection", options: objects::NAMES },
    OptionGroup { title: "Access control", options: objects::ACCESS },
    OptionGroup { title: "Object metadata and storage", options: objects::STORED },
    OptionGroup { title: "Setup", options: setup::SETUP },
    OptionGroup { title: "Encryption, cache and timestamps", options: setup::LOCAL },
    OptionGroup { title: "Listings", options: objects::LISTINGS },
    OptionGroup { title: "Object versions", options: objects::VERSIONS },
    OptionGroup { title: "Options of single commands", options: objects::SINGLE },
    OptionGroup { title: "Sync and CloudFront", options: mirrors::MIRRORS },
    OptionGroup { title: "Embedded server", options: serving::SERVING },
];

/// All rows.
pub fn all() -> impl Iterator<Item = &'static OptionSpec> {
    GROUPS.iter().flat_map(|group| group.options)
}

/// Finds a row by its short form.
pub fn by_short(short: char) -> Option<&'static OptionSpec> {
    all().find(|option| option.short == Some(short))
}

/// The result of resolving a long form.
#[derive(Debug)]
pub enum Resolved {
    /// This row, with the full spelling.
    Option(&'static OptionSpec, &'static str),
    /// An abbreviation of all of these spellings, sorted.
    Ambiguous(Vec<&'static str>),
    /// No option starts with it.
    Unknown,
}

/// Resolves a long form: by exact spelling, then as an abbreviation of one of s3cmd's spellings, then as an
/// abbreviation of one of ours. Thus a new option of ours never changes the meaning of an abbreviation in a script.
pub fn resolve(typed: &str) -> Resolved {
    let spellings = || all().flat_map(|option| option.long.iter().map(move |long| (option, *long)));
    if let Some((option, long)) = spellings().find(|(_, long)| *long == typed) {
        return Resolved::Option(option, long);
    }
    for origin in [Origin::S3cmd, Origin::Extension] {
        let mut found: Vec<_> =
            spellings().filter(|(option, long)| option.origin == origin && long.starts_with(typed)).collect();
        match found.len() {
            0 => {}
            1 => return Resolved::Option(found[0].0, found[0].1),
            _ => {
                found.sort_by_key(|(_, long)| *long);
                return Resolved::Ambiguous(found.into_iter().map(|(_, long)| long).collect());
            }
        }
    }
    Resolved::Unknown
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::config::Settings;

    #[test]
    fn spellings_are_unique() {
        let mut seen = HashSet::new();
        for option in all() {
            assert!(option.long.iter().all(|long| seen.insert((*long).to_owned())), "{:?}", option.long);
            assert!(option.short.is_none_or(|short| seen.insert(short.to_string())), "{:?}", option.long);
        }
    }

    #[test]
    fn options_set_existing_keys() {
        for option in all() {
            let (Sets::Key(key) | Sets::On(key) | Sets::Off(key) | Sets::Fixed(key, _)) = option.sets else {
                continue;
            };
            assert!(Settings::key(key).is_some(), "{} sets {key}", option.name());
        }
    }

    #[test]
    fn only_options_that_need_one_take_a_value() {
        for option in all() {
            let wants = matches!(option.sets, Sets::Key(_) | Sets::CliOnly(_) | Sets::List(_));
            assert_eq!(wants, option.takes_value(), "{}", option.name());
        }
    }

    #[test]
    fn no_extension_is_an_abbreviation_of_an_s3cmd_option() {
        let of = |origin| all().filter(move |option| option.origin == origin).flat_map(|option| option.long);
        for ours in of(Origin::Extension) {
            let abbreviated: Vec<_> = of(Origin::S3cmd).filter(|theirs| theirs.starts_with(ours)).collect();
            // An ambiguous abbreviation is an error in s3cmd, so no script uses it.
            assert_ne!(abbreviated.len(), 1, "--{ours} means --{} in s3cmd", abbreviated[0]);
        }
    }

    #[test]
    fn abbreviations_of_s3cmd_options_win_over_extensions() {
        assert!(matches!(resolve("rec"), Resolved::Option(option, "recursive") if option.short == Some('r')));
        assert!(matches!(resolve("delete-after"), Resolved::Option(_, "delete-after")));
        assert!(
            matches!(resolve("check"), Resolved::Option(option, _) if option.origin == Origin::Extension)
        );
        assert!(matches!(resolve("jo"), Resolved::Option(_, "jobs")));
        assert!(matches!(resolve("no-m"), Resolved::Option(_, "no-mime-magic")));
        assert!(
            matches!(resolve("au"), Resolved::Ambiguous(names) if names == ["auth-expires", "auth-file", "auth-key"])
        );
        assert!(matches!(resolve("nosuch"), Resolved::Unknown));
    }
}
