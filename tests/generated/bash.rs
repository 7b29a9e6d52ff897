//! The completion for bash.

use s3cmd::cli::options::{self, ValueKind};

use crate::lines::{self, forms, forms_with_value};

/// The script.
pub(crate) fn script() -> String {
    let mut common = Vec::new();
    let mut by_command = Vec::new();
    for (words, rows) in lines::options_by_words() {
        let names: Vec<String> = rows
            .iter()
            .flat_map(|row| {
                row.long.iter().map(|long| format!("--{long}{}", if row.takes_value() { "=" } else { "" }))
            })
            .collect();
        match words {
            None => common.extend(names),
            // Before a command is typed, the options of all commands are completed.
            Some(words) => {
                let pattern = words.iter().map(|word| format!("|{word}")).collect::<String>();
                let names = names.join(" ");
                by_command.push(format!("case $command in ''{pattern}) options+=({names}) ;; esac"));
            }
        }
    }
    let value_options = vec![format!("{})", forms_with_value().join("|"))];
    let blocks = [
        ("@VALUE_OPTIONS@", value_options),
        ("@COMMON_OPTIONS@", common),
        ("@COMMAND_OPTIONS@", by_command),
        ("@VALUES@", values()),
        (
            "@PARAMETERS@",
            lines::parameter_cases(
                "_s3cmd_files",
                "_s3cmd_offer < <(printf '%s\\n' \"${_s3cmd_commands[@]}\")",
            ),
        ),
        ("@COMMANDS@", lines::words().map(|(word, _)| word.to_owned()).collect()),
    ];
    lines::fill(include_str!("templates/s3cmd.bash"), &blocks)
}

fn values() -> Vec<String> {
    let mut cases = Vec::new();
    for option in options::all() {
        let action = match option.value_kind() {
            None | Some(ValueKind::Free) => continue,
            Some(ValueKind::File) => "_s3cmd_files".to_owned(),
            Some(ValueKind::Remote) => "_s3cmd_remote objects".to_owned(),
            Some(ValueKind::Choice(choices)) => offer(&choices),
            Some(ValueKind::Prefix(starts)) => offer(&starts.iter().map(String::as_str).collect::<Vec<_>>()),
        };
        cases.push(format!("{}) {action} ;;", forms(option).collect::<Vec<_>>().join("|")));
    }
    cases
}

fn offer(words: &[&str]) -> String {
    format!("_s3cmd_offer < <(printf '%s\\n' {})", words.join(" "))
}
