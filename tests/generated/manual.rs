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
    let mut page = page(
        "s3cmd",
        "1",
        &["s3cmd".into()],
        "manage buckets and objects in Amazon S3 and compatible stores",
    );
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
    page.text([roman(
        "Commands, options and the configuration file are compatible with s3cmd 2.4.0. Objects are transferred \
         concurrently, and all transferred data is verified. Options can be placed anywhere on the command line and \
         can be abbreviated as long as they are unambiguous; '--' ends the options.",
    )]);
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
    page.text([roman("Each command has its own manual page, such as "), bold("s3cmd-put"), roman("(1).")]);
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

/// The options that s3cmd does not have, for scripts that must run with both programs.
fn own_options(page: &mut Roff) {
    let own = options::all().filter(|option| option.origin == Origin::Extension);
    let own: Vec<String> = own.map(|option| format!("`--{}`", option.name())).collect();
    subheading(page, "Not in s3cmd 2.4.0");
    page.text(crate::markup::inlines(&format!(
        "These options exist only in this program: {}.",
        own.join(", ")
    )));
}

fn exit_status(page: &mut Roff) {
    heading(page, "EXIT STATUS");
    for (exit, meaning) in [
        (Exit::OK, "Success: everything was done and verified."),
        (Exit::GENERAL, "General error, or an invalid option value."),
        (Exit::PARTIAL, "Some items failed, or the command line is invalid."),
        (Exit::SERVERMOVED, "A redirect could not be followed."),
        (Exit::SERVERERROR, "The server rejected the request as invalid."),
        (Exit::NOTFOUND, "The bucket, object or configuration does not exist."),
        (Exit::CONFLICT, "The bucket already exists, or is not empty."),
        (Exit::PRECONDITION, "A precondition failed."),
        (Exit::SERVICE, "The service is overloaded or unavailable."),
        (Exit::USAGE, "Unknown command or invalid parameters."),
        (Exit::DATAERR, "A transfer failed, with `--stop-on-error`."),
        (Exit::SOFTWARE, "Other server error."),
        (Exit::IOERR, "I/O error, or a host name cannot be resolved."),
        (Exit::TEMPFAIL, "Temporary failure: all retries failed."),
        (Exit::ACCESSDENIED, "Access denied, or the TLS certificate is invalid."),
        (Exit::CONFIG, "The configuration or the credentials are missing."),
        (Exit::CONNECTIONREFUSED, "The connection was refused."),
        (Exit::BREAK, "Interrupted by the user."),
    ] {
        entry(page, [bold(exit.0.to_string())], meaning);
    }
}

fn environment(page: &mut Roff) {
    heading(page, "ENVIRONMENT");
    for (names, meaning) in [
        ("S3CMD_CONFIG", "Configuration file, if `-c` is not given."),
        (
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN",
            "Key pair and session token, if the configuration file has no keys.",
        ),
        (
            "AWS_PROFILE, AWS_SHARED_CREDENTIALS_FILE",
            "If one of them is set and there is no configuration file, the credentials file of the AWS tools is used.",
        ),
        ("XDG_STATE_HOME", "Directory for the state of unfinished uploads (default: ~/.local/state)."),
        ("XDG_CACHE_HOME", "Directory for cached shell completions (default: ~/.cache)."),
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
    let mut page = page(&page_name(row), "1", &names, &lower_first(row.summary));
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
    let rest = "The global options (credentials, connection, messages) are described in `s3cmd`(1).";
    if own.is_empty() {
        page.text(crate::markup::inlines(rest));
    } else {
        paragraph(&mut page, rest);
    }
    see_also(&mut page, &[("s3cmd".to_owned(), "1"), ("s3cfg".to_owned(), "5")]);
    rendered(&page)
}

/// `Upload files` as `upload files`, the usual form for `apropos`. A word in upper case is not changed.
fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), text.chars().nth(1)) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}
