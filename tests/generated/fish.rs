//! The completion for fish.

use s3cmd::cli::options::{OptionSpec, ValueKind};

use crate::lines::{self, Parameters, forms_with_value, short_help};

/// The script.
pub(crate) fn script() -> String {
    let commands = lines::words().map(|(word, summary)| {
        format!("complete -c s3cmd -n __s3cmd_no_command -a {word} -d {}", quoted(summary))
    });
    let mut options = Vec::new();
    for (words, rows) in lines::options_by_words() {
        let condition = words.map_or_else(String::new, |words| {
            format!(" -n {}", quoted(format!("__s3cmd_may_be_in {}", words.join(" ")).trim_end()))
        });
        options.extend(rows.into_iter().map(|row| entry(row, &condition)));
    }
    let blocks = [
        ("@VALUE_OPTIONS@", vec![format!("case {}", forms_with_value().join(" "))]),
        ("@COMMANDS@", commands.collect()),
        ("@PARAMETERS@", parameters()),
        ("@OPTIONS@", options),
    ];
    lines::fill(include_str!("templates/s3cmd.fish"), &blocks)
}

fn entry(option: &OptionSpec, condition: &str) -> String {
    let short = option.short.map(|short| format!(" -s {short}")).unwrap_or_default();
    let long: String = option.long.iter().map(|long| format!(" -l {long}")).collect();
    let value = match option.value_kind() {
        None => String::new(),
        Some(ValueKind::Free) => " -x".to_owned(),
        Some(ValueKind::File) => " -r -F".to_owned(),
        Some(ValueKind::Remote) => " -x -a '(__s3cmd_remote objects)'".to_owned(),
        Some(ValueKind::Choice(choices)) => format!(" -x -a {}", quoted(&choices.join(" "))),
        Some(ValueKind::Prefix(starts)) => format!(" -x -a {}", quoted(&starts.join(" "))),
    };
    format!("complete -c s3cmd{condition}{short}{long}{value} -d {}", quoted(short_help(option)))
}

fn parameters() -> Vec<String> {
    let mut lines = Vec::new();
    for (parameters, words) in lines::words_by_parameters() {
        let action = match parameters {
            Parameters::FilesAndObjects => "-F -a '(__s3cmd_remote objects too)'",
            Parameters::FilesAndBuckets => "-F -a '(__s3cmd_remote buckets too)'",
            Parameters::Objects => "-a '(__s3cmd_remote objects)'",
            Parameters::Buckets => "-a '(__s3cmd_remote buckets)'",
            Parameters::Files => "-F",
            Parameters::Commands => {
                lines.extend(lines::words().map(|(word, summary)| {
                    format!("complete -c s3cmd -n '__s3cmd_in help' -a {word} -d {}", quoted(summary))
                }));
                continue;
            }
            Parameters::Nothing => continue,
        };
        lines.push(format!("complete -c s3cmd -n '__s3cmd_in {}' {action}", words.join(" ")));
    }
    lines
}

/// In single quotes, in which fish supports escaped quotes and backslashes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}
