//! The help pages, made from the two tables and wrapped at 80 columns.

use super::commands::{COMMANDS, CommandSpec, Group};
use super::options::{self, OptionSpec};

/// The first line of every page, without `Usage: `; s3cmd's parser prints it before each error, too.
pub(super) const USAGE: &str = "s3cmd [options] COMMAND [parameters]";

const WIDTH: usize = 80;
const COLUMN: usize = 26;

/// The whole help.
pub fn full() -> String {
    let mut page = format!("Usage: {USAGE}\n\n");
    page.push_str(&wrapped(
        "Stores, lists, fetches and shares objects in S3 stores. The words, options and settings are those of \
         s3cmd, and so is the configuration file, ~/.s3cfg. Options may stand anywhere on the line and may be \
         shortened as long as they stay unambiguous; '--' ends them.",
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
    page.push_str("\n's3cmd help COMMAND' shows one command with the options that matter to it.\n");
    page
}

/// The help of one command.
pub fn command(command: &CommandSpec) -> String {
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
    let own: Vec<&OptionSpec> = options::all().filter(|option| option.scope.names(command.id)).collect();
    if !own.is_empty() {
        page.push_str("\nOptions that matter here:\n");
        page.extend(own.into_iter().map(option_entry));
    }
    page.push_str("\nOptions for the account, the connection and messages: s3cmd --help\n");
    page
}

fn usage_line(command: &CommandSpec) -> String {
    format!("s3cmd {} {}", command.name(), command.usage).trim_end().to_owned()
}

/// An option with its text beside it, or below where its forms are long.
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

/// Breaks a text into lines of at most 80 columns, the first indented by `first`, the others by `others`.
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
