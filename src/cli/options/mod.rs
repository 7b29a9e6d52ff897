//! The option table: one row an option. The parser, the help and the settings are all driven by it.

mod general;
mod mirrors;
mod objects;
mod serving;
mod setup;
mod values;

pub use values::ValueKind;

use super::commands::Command;
use crate::config::{List, Single};

/// What an option does once it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sets {
    /// Its value becomes the key's.
    Key(&'static str),
    /// It switches the key on.
    On(&'static str),
    /// It switches the key off.
    Off(&'static str),
    /// It gives the key this value.
    Fixed(&'static str, &'static str),
    /// Its value becomes that single value.
    Single(Single),
    /// It switches that single value on or off.
    Switch(Single, bool),
    /// Its value is added to a list.
    List(List),
    /// It prints the help.
    Help,
    /// It prints the version.
    Version,
}

/// What is checked of a value as soon as it is read, by s3cmd's parser too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Nothing.
    Any,
    /// A whole number, as Python's optparse takes it: decimal, `0x`, `0b` or octal.
    Integer,
    /// `TYPE/SUBTYPE`, perhaps with parameters.
    Mime,
    /// `PERMISSION:WHO`.
    Acl,
    /// One of the speeds of a restore.
    Priority,
}

/// The commands that an option matters to.
#[derive(Debug, Clone, Copy)]
pub enum Scope {
    /// All of them.
    Every,
    /// These.
    Only(&'static [Command]),
    /// None that exists yet: accepted so that the option does no harm in a script.
    None,
}

impl Scope {
    /// Whether the option is listed on the help page of that command because it matters there in particular.
    pub fn names(&self, command: Command) -> bool {
        matches!(self, Self::Only(commands) if commands.contains(&command))
    }
}

/// Whose spelling it is, which decides about prefixes: s3cmd's come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// s3cmd has it.
    S3cmd,
    /// Only this program has it.
    Own,
}

/// A row of the option table.
#[derive(Debug)]
pub struct OptionSpec {
    /// The short form, if there is one.
    pub short: Option<char>,
    /// The long forms without their hyphens; the first is the one to show.
    pub long: &'static [&'static str],
    /// What the help calls the value, where the option takes one.
    pub metavar: Option<&'static str>,
    /// What is checked of the value by the parser.
    pub check: Check,
    /// Whether a flag may be given as `--flag=true` or `--flag=false`, too.
    pub takes_bool: bool,
    /// What it does.
    pub sets: Sets,
    /// Which commands it matters to.
    pub scope: Scope,
    /// Whose it is.
    pub origin: Origin,
    /// What it is for, in this project's words.
    pub help: &'static str,
}

impl OptionSpec {
    /// The long form to show, without its hyphens. It is also the option's name inside the parser.
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

    const fn own(mut self) -> Self {
        self.origin = Origin::Own;
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

/// Options under one heading of the help.
#[derive(Debug)]
pub struct OptionGroup {
    /// The heading.
    pub title: &'static str,
    /// The rows.
    pub options: &'static [OptionSpec],
}

/// The table, in the order of the help.
pub const GROUPS: &[OptionGroup] = &[
    OptionGroup { title: "Account and configuration", options: general::ACCOUNT },
    OptionGroup { title: "Connection", options: general::CONNECTION },
    OptionGroup { title: "Messages", options: general::MESSAGES },
    OptionGroup { title: "Transfers", options: objects::TRANSFERS },
    OptionGroup { title: "Choosing names", options: objects::NAMES },
    OptionGroup { title: "Access", options: objects::ACCESS },
    OptionGroup { title: "What is stored with an object", options: objects::STORED },
    OptionGroup { title: "Setting up", options: setup::SETUP },
    OptionGroup { title: "Local files", options: setup::LOCAL },
    OptionGroup { title: "Listings", options: objects::LISTINGS },
    OptionGroup { title: "Versions of objects", options: objects::VERSIONS },
    OptionGroup { title: "Single commands", options: objects::SINGLE },
    OptionGroup { title: "Mirrors: sync and CloudFront", options: mirrors::MIRRORS },
    OptionGroup { title: "The embedded server", options: serving::SERVING },
];

/// Every row.
pub fn all() -> impl Iterator<Item = &'static OptionSpec> {
    GROUPS.iter().flat_map(|group| group.options)
}

/// The row of a short form.
pub fn by_short(short: char) -> Option<&'static OptionSpec> {
    all().find(|option| option.short == Some(short))
}

/// What became of a long form that was typed.
#[derive(Debug)]
pub enum Resolved {
    /// This row, by this full spelling.
    Option(&'static OptionSpec, &'static str),
    /// It could be any of these spellings, which are sorted.
    Ambiguous(Vec<&'static str>),
    /// Nothing begins so.
    Unknown,
}

/// Resolves a long form: by exact spelling, then as a prefix of one spelling of s3cmd's, then as a prefix of one
/// of ours. So a new option of ours never changes what a script's abbreviation means.
pub fn resolve(typed: &str) -> Resolved {
    let spellings = || all().flat_map(|option| option.long.iter().map(move |long| (option, *long)));
    if let Some((option, long)) = spellings().find(|(_, long)| *long == typed) {
        return Resolved::Option(option, long);
    }
    for origin in [Origin::S3cmd, Origin::Own] {
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
    fn no_spelling_stands_twice() {
        let mut seen = HashSet::new();
        for option in all() {
            assert!(option.long.iter().all(|long| seen.insert((*long).to_owned())), "{:?}", option.long);
            assert!(option.short.is_none_or(|short| seen.insert(short.to_string())), "{:?}", option.long);
        }
    }

    #[test]
    fn what_an_option_sets_is_a_key() {
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
            let wants = matches!(option.sets, Sets::Key(_) | Sets::Single(_) | Sets::List(_));
            assert_eq!(wants, option.takes_value(), "{}", option.name());
        }
    }

    #[test]
    fn no_spelling_of_ours_is_an_abbreviation_of_theirs() {
        let of = |origin| all().filter(move |option| option.origin == origin).flat_map(|option| option.long);
        for ours in of(Origin::Own) {
            let abbreviated: Vec<_> = of(Origin::S3cmd).filter(|theirs| theirs.starts_with(ours)).collect();
            // An ambiguous one is an error in s3cmd: no script has it.
            assert_ne!(abbreviated.len(), 1, "--{ours} means --{} in s3cmd", abbreviated[0]);
        }
    }

    #[test]
    fn a_prefix_of_ours_never_hides_one_of_theirs() {
        assert!(matches!(resolve("rec"), Resolved::Option(option, "recursive") if option.short == Some('r')));
        assert!(matches!(resolve("delete-after"), Resolved::Option(_, "delete-after")));
        assert!(matches!(resolve("check"), Resolved::Option(option, _) if option.origin == Origin::Own));
        assert!(matches!(resolve("jo"), Resolved::Option(_, "jobs")));
        assert!(matches!(resolve("no-m"), Resolved::Option(_, "no-mime-magic")));
        assert!(
            matches!(resolve("au"), Resolved::Ambiguous(names) if names == ["auth-expires", "auth-file", "auth-key"])
        );
        assert!(matches!(resolve("nosuch"), Resolved::Unknown));
    }
}
