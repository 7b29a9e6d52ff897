//! `s3cmd.1` and one page for each command.

use roff::{Roff, bold, italic, roman};
use s3cmd::cli::command_table::{COMMANDS, Command, CommandSpec, Group};
use s3cmd::cli::options::{self, OptionSpec, Origin};
use s3cmd::output::Exit;

use crate::markup::{entry, heading, option, page, paragraph, rendered, see_also, subheading, usage};

/// Every page of section 1, by its path.
pub(crate) fn pages() -> impl Iterator<Item = (String, String)> {
    let program = ("man/s3cmd.1".to_owned(), program());
    let commands = COMMANDS.iter().filter(|row| row.id != Command::Help);
    std::iter::once(program).chain(commands.map(|row| (format!("man/{}.1", page_name(row)), command(row))))
}

/// `s3cmd-put`
fn page_name(row: &CommandSpec) -> String {
    format!("s3cmd-{}", row.name())
}

fn program() -> String {
    let mut page = page("s3cmd", "1", &["s3cmd".into()], "store, list, fetch and share objects in S3 stores");
    heading(&mut page, "SYNOPSIS");
    page.text([
        bold("s3cmd"),
        roman(" ["),
        italic("options"),
        roman("] "),
        italic("COMMAND"),
        roman(" ["),
        italic("parameters"),
        roman("]"),
    ]);
    heading(&mut page, "DESCRIPTION");
    page.text([roman("The words, options and settings are those of s3cmd 2.4.0, and so is the configuration file. \
        Several objects move at once, and what was sent or received is verified. Options may stand anywhere on the \
        line and may be shortened as long as they stay unambiguous; '--' ends them.")]);
    commands(&mut page);
    heading(&mut page, "OPTIONS");
    for group in options::GROUPS.iter().filter(|group| !group.options.is_empty()) {
        subheading(&mut page, group.title);
        group.options.iter().for_each(|row| option(&mut page, row));
    }
    own_options(&mut page);
    exit_status(&mut page);
    environment(&mut page);
    files(&mut page);
    let pages = COMMANDS.iter().filter(|row| row.id != Command::Help).map(|row| (page_name(row), "1"));
    let pages: Vec<(String, &str)> = std::iter::once(("s3cfg".to_owned(), "5")).chain(pages).collect();
    see_also(&mut page, &pages);
    rendered(&page)
}

fn commands(page: &mut Roff) {
    heading(page, "COMMANDS");
    page.text([roman("Each has a page of its own, such as "), bold("s3cmd-put"), roman("(1).")]);
    for group in Group::ALL {
        let rows: Vec<&CommandSpec> = COMMANDS.iter().filter(|row| row.group == group).collect();
        if rows.is_empty() {
            continue;
        }
        subheading(page, group.title());
        for row in rows {
            entry(page, usage(row, ""), &format!("{}.{}", row.summary, also(row)));
        }
    }
}

/// ` Also: rm.`
fn also(row: &CommandSpec) -> String {
    let aliases: Vec<String> = row.names[1..].iter().map(|name| format!("`{name}`")).collect();
    if aliases.is_empty() { String::new() } else { format!(" Also: {}.", aliases.join(", ")) }
}

/// Which options s3cmd does not have, for scripts that have to run with both.
fn own_options(page: &mut Roff) {
    let own = options::all().filter(|option| option.origin == Origin::Extension);
    let own: Vec<String> = own.map(|option| format!("`--{}`", option.name())).collect();
    subheading(page, "Not in s3cmd 2.4.0");
    page.text(crate::markup::inlines(&format!("Only this program has {}.", own.join(", "))));
}

fn exit_status(page: &mut Roff) {
    heading(page, "EXIT STATUS");
    for (exit, meaning) in [
        (Exit::OK, "Everything was done and verified."),
        (Exit::GENERAL, "Nothing could be done, or a value on the command line is wrong."),
        (Exit::PARTIAL, "Some items failed; or the options do not parse."),
        (Exit::SERVERMOVED, "A redirect could not be followed."),
        (Exit::SERVERERROR, "The server refused the request as it was."),
        (Exit::NOTFOUND, "No such bucket, object or document."),
        (Exit::CONFLICT, "The bucket exists, or is not empty."),
        (Exit::PRECONDITION, "A precondition did not hold."),
        (Exit::SERVICE, "The service is overloaded."),
        (Exit::USAGE, "Wrong command or parameters."),
        (Exit::DATAERR, "A transfer failed, with `--stop-on-error`."),
        (Exit::SOFTWARE, "A failure of the server without a code of its own."),
        (Exit::OSERR, "The operating system refused something."),
        (Exit::OSFILE, "A local file could not be read, with `--stop-on-error`."),
        (Exit::IOERR, "Reading or writing failed, or a host name does not resolve."),
        (Exit::TEMPFAIL, "Given up after retries."),
        (Exit::ACCESSDENIED, "Access denied, or a certificate that proves nothing."),
        (Exit::CONFIG, "No configuration, or no keys in it."),
        (Exit::CONNECTIONREFUSED, "Nothing listens at the end point."),
        (Exit::BREAK, "Interrupted by the user."),
    ] {
        entry(page, [bold(exit.0.to_string())], meaning);
    }
}

fn environment(page: &mut Roff) {
    heading(page, "ENVIRONMENT");
    for (names, meaning) in [
        ("S3CMD_CONFIG", "The configuration file, unless `-c` names one."),
        (
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN",
            "The key pair and its token, where the configuration file has none.",
        ),
        (
            "AWS_PROFILE, AWS_SHARED_CREDENTIALS_FILE",
            "With either, and without a configuration file, the keys come from the credentials file of the AWS tools.",
        ),
        ("XDG_STATE_HOME", "Where unfinished uploads are remembered; ~/.local/state by default."),
        ("XDG_CACHE_HOME", "Where a shell's completions are kept for half a minute; ~/.cache by default."),
    ] {
        entry(page, [bold(names)], meaning);
    }
}

fn files(page: &mut Roff) {
    heading(page, "FILES");
    entry(page, [italic("~/.s3cfg")], "The configuration file.");
}

fn command(row: &CommandSpec) -> String {
    let names: Vec<String> = row.names.iter().map(|name| format!("s3cmd-{name}")).collect();
    let mut page = page(&page_name(row), "1", &names, &first_small(row.summary));
    heading(&mut page, "SYNOPSIS");
    page.text(usage(row, "[options]"));
    heading(&mut page, "DESCRIPTION");
    page.text([roman(format!("{}.", row.summary))]);
    if !row.details.is_empty() {
        paragraph(&mut page, row.details);
    }
    let also = also(row);
    if !also.is_empty() {
        paragraph(&mut page, also.trim_start());
    }
    heading(&mut page, "OPTIONS");
    let own: Vec<&OptionSpec> = options::all().filter(|option| option.scope.includes(row.id)).collect();
    for spec in &own {
        option(&mut page, spec);
    }
    let rest = "Options for the account, the connection and messages are in `s3cmd`(1).";
    if own.is_empty() {
        page.text(crate::markup::inlines(rest));
    } else {
        paragraph(&mut page, rest);
    }
    see_also(&mut page, &[("s3cmd".to_owned(), "1"), ("s3cfg".to_owned(), "5")]);
    rendered(&page)
}

/// `Upload files` as `upload files`, which is how `apropos` shows it; a word in capitals stays.
fn first_small(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), text.chars().nth(1)) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}
