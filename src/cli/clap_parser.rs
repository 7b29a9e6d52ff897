//! Parses the options with clap: one flat command built from the option table. Subcommands are distinguished later,
//! because with them clap loses repeated values and takes four times as long (measured with clap 4.6).

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::options::{self, OptionSpec, Sets};
use crate::cli::{CliOptions, OptionValue};

/// Parses options in full spelling.
pub(super) fn read(options: Vec<OsString>) -> Result<CliOptions, String> {
    let matches = command().try_get_matches_from(options).map_err(|error| one_line(&error))?;
    Ok(collect(&matches))
}

/// The first line of clap's message. The normaliser has already reported all errors that users can make.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

fn command() -> clap::Command {
    clap::Command::new("s3cmd")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .args(options::all().map(argument))
}

fn argument(option: &'static OptionSpec) -> Arg {
    let argument = Arg::new(option.name()).long(option.name());
    match option.sets {
        Sets::List(_) => with_value(argument).action(ArgAction::Append),
        _ if option.takes_value() => with_value(argument).action(ArgAction::Set),
        _ => argument.action(ArgAction::SetTrue),
    }
}

fn with_value(argument: Arg) -> Arg {
    argument.num_args(1).require_equals(true).allow_hyphen_values(true).value_parser(value_parser!(OsString))
}

/// Converts clap's matches. If several options set the same key, the last one wins.
fn collect(matches: &ArgMatches) -> CliOptions {
    let mut given: Vec<(usize, &OptionSpec)> = Vec::new();
    let mut lists: Vec<(usize, _, OsString)> = Vec::new();
    for option in options::all() {
        let name = option.name();
        if matches.value_source(name) != Some(ValueSource::CommandLine) {
            continue;
        }
        let mut indices = matches.indices_of(name).into_iter().flatten();
        if let Sets::List(list) = option.sets {
            let values = matches.get_many::<OsString>(name).into_iter().flatten();
            lists.extend(indices.zip(values).map(|(index, value)| (index, list, value.clone())));
        } else if let Some(index) = indices.next_back() {
            given.push((index, option));
        }
    }
    given.sort_by_key(|(index, _)| *index);
    lists.sort_by_key(|(index, _, _)| *index);
    let mut options = CliOptions {
        lists: lists.into_iter().map(|(_, list, value)| (list, value)).collect(),
        ..CliOptions::default()
    };
    for (_, option) in given {
        let text = || matches.get_one::<OsString>(option.name()).cloned().unwrap_or_default();
        match option.sets {
            Sets::Key(key) => put(&mut options.keys, key, OptionValue::Text(text())),
            Sets::On(key) => put(&mut options.keys, key, OptionValue::Switch(true)),
            Sets::Off(key) => put(&mut options.keys, key, OptionValue::Switch(false)),
            Sets::Fixed(key, value) => put(&mut options.keys, key, OptionValue::Text(value.into())),
            Sets::CliOnly(setting) => put(&mut options.cli_only, setting, OptionValue::Text(text())),
            Sets::Switch(setting, on) => put(&mut options.cli_only, setting, OptionValue::Switch(on)),
            Sets::List(_) | Sets::Help | Sets::Version => {}
        }
    }
    options
}

fn put<K: PartialEq>(values: &mut Vec<(K, OptionValue)>, key: K, value: OptionValue) {
    values.retain(|(known, _)| *known != key);
    values.push((key, value));
}
