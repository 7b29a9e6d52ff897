//! The completion for zsh.

use s3cmd::cli::options::{OptionSpec, Sets, ValueKind};

use crate::lines::{self, forms_with_value, short_help};

/// The script.
pub(crate) fn script() -> String {
    let mut common = Vec::new();
    let mut by_command = Vec::new();
    for (words, rows) in lines::options_by_words() {
        let specs = rows.into_iter().flat_map(specs);
        match words {
            None => common.extend(specs),
            // Before a command is typed, the options of all commands are completed.
            Some(words) => {
                let pattern = words.iter().map(|word| format!("|{word}")).collect::<String>();
                by_command.push(format!("[[ $command == (''{pattern}) ]] && options+=("));
                by_command.extend(specs.map(|spec| format!("    {spec}")));
                by_command.push(")".to_owned());
            }
        }
    }
    let commands = lines::words().map(|(word, summary)| quoted(&format!("{word}:{summary}")));
    let blocks = [
        ("@VALUE_OPTIONS@", vec![format!("{})", forms_with_value().join("|"))]),
        ("@COMMON_OPTIONS@", common),
        ("@COMMAND_OPTIONS@", by_command),
        ("@PARAMETERS@", lines::parameter_cases("_files", "_s3cmd_commands")),
        ("@COMMANDS@", commands.collect()),
    ];
    lines::fill(include_str!("templates/_s3cmd"), &blocks)
}

/// The forms of an option in the syntax of `_arguments`.
fn specs(option: &OptionSpec) -> Vec<String> {
    // Options that add to a list can be repeated.
    let again = if matches!(option.sets, Sets::List(_)) { "*" } else { "" };
    let help = escaped(short_help(option), "[]");
    let value = option.metavar.map(|metavar| format!(":{}:{}", escaped(metavar, ":[]"), action(option)));
    let form = |form: String, joint: &str| {
        let joint = if value.is_some() { joint } else { "" };
        quoted(&format!("{again}{form}{joint}[{help}]{}", value.as_deref().unwrap_or_default()))
    };
    let short = option.short.map(|short| form(format!("-{short}"), "+"));
    short.into_iter().chain(option.long.iter().map(|long| form(format!("--{long}"), "="))).collect()
}

fn action(option: &OptionSpec) -> String {
    match option.value_kind() {
        None | Some(ValueKind::Free) => String::new(),
        Some(ValueKind::File) => "_files".to_owned(),
        // The leading space prevents `_arguments` from inserting its own arguments before this one.
        Some(ValueKind::Remote) => " _s3cmd_remote objects".to_owned(),
        Some(ValueKind::Choice(choices)) => format!("({})", choices.join(" ")),
        Some(ValueKind::Prefix(starts)) => format!("compadd -S \"\" {}", starts.join(" ")),
    }
}

/// Escapes the given characters, and backslashes, with a backslash.
fn escaped(text: &str, special: &str) -> String {
    text.chars()
        .flat_map(|c| (special.contains(c) || c == '\\').then_some('\\').into_iter().chain([c]))
        .collect()
}

/// In single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
