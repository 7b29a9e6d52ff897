//! The help pages, generated from the two tables and wrapped at 80 columns.

use super::command_table::{COMMANDS, CommandSpec, Group};
use super::options::{self, OptionSpec};

/// The first line of every page, without `Usage: `. s3cmd's parser also prints it before each error.
pub(super) const USAGE: &str = "s3cmd [options] COMMAND [parameters]";

/// Maximum line length, in columns.
const WIDTH: usize = 80;
/// The column at which the descriptions of options start.
const COLUMN: usize = 26;

/// The whole help.
pub(crate) fn full() -> String {
    let mut page = format!("Usage: {USAGE}\n\n");
    page.push_str(&wrapped(
        "Manages buckets and objects in Amazon S3 and compatible object stores. Commands, options and the \
         configuration file ~/.s3cfg are compatible with s3cmd. Options can be placed anywhere on the command line \
         and can be abbreviated as long as they are unambiguous; '--' ends the options.",
        0,
        0,
    ));
    for group in Group::ALL {
        page.push_str(&format!("\n{}:\n", group.title()));
        for command in COMMANDS.iter().filter(|command| command.group == group) {
            page.push_str(&wrapped(&usage_line(command), 2, 6));
            page.push_str(&wrapped(command.summary, 6, 6));
        }
    }
    for group in options::GROUPS {
        page.push_str(&format!("\n{}:\n", group.title));
        page.extend(group.options.iter().map(option_entry));
    }
    page.push_str("\n's3cmd help COMMAND' shows the help of one command with its options.\n");
    page
}

/// The help of one command.
pub(crate) fn command(command: &CommandSpec) -> String {
    let mut page = format!("Usage: {}\n\n", usage_line(command).replacen("s3cmd", "s3cmd [options]", 1));
    page.push_str(&wrapped(&format!("{}.", command.summary), 0, 0));
    if !command.details.is_empty() {
        page.push_str(&format!("\n{}", wrapped(command.details, 0, 0)));
    }
    if let [_, aliases @ ..] = command.names
        && !aliases.is_empty()
    {
        page.push_str(&format!("\nAlso: {}\n", aliases.join(", ")));
    }
    let own: Vec<&OptionSpec> = options::all().filter(|option| option.scope.includes(command.id)).collect();
    if !own.is_empty() {
        page.push_str("\nOptions:\n");
        page.extend(own.into_iter().map(option_entry));
    }
    page.push_str("\nGlobal options (credentials, connection, messages): s3cmd --help\n");
    page
}

fn usage_line(command: &CommandSpec) -> String {
    format!("s3cmd {} {}", command.name(), command.usage).trim_end().to_owned()
}

/// An option with its description beside it, or below it if its forms are too long.
fn option_entry(option: &OptionSpec) -> String {
    let forms = forms(option);
    let text = wrapped(option.help, COLUMN, COLUMN);
    if forms.len() + 4 > COLUMN {
        format!("  {forms}\n{text}")
    } else {
        format!("  {forms:<width$}{}", text.trim_start(), width = COLUMN - 2)
    }
}

/// `-c FILE, --config=FILE`
fn forms(option: &OptionSpec) -> String {
    let (spaced, equals) = option
        .metavar
        .map_or_else(Default::default, |metavar| (format!(" {metavar}"), format!("={metavar}")));
    let short = option.short.map(|short| format!("-{short}{spaced}"));
    let long = option.long.iter().map(|long| format!("--{long}{equals}"));
    short.into_iter().chain(long).collect::<Vec<_>>().join(", ")
}

/// Wraps a text at 80 columns. The first line is indented by `first` columns, the others by `others`.
fn wrapped(text: &str, first: usize, others: usize) -> String {
    let mut page = " ".repeat(first);
    let mut column = first;
    let mut at_start = true;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if !at_start && column + 1 + length > WIDTH {
            page.push('\n');
            page.push_str(&" ".repeat(others));
            column = others;
        } else if !at_start {
            page.push(' ');
            column += 1;
        }
        page.push_str(word);
        column += length;
        at_start = false;
    }
    page.push('\n');
    page
}
