//! Commands, options and parameters of the command line, prepared for the completions of the three shells.

use std::collections::BTreeMap;

use s3cmd::cli::command_table::{COMMANDS, Command, CommandSpec};
use s3cmd::cli::options::{self, OptionSpec, Scope};

/// The kind of parameters of a command, for completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Parameters {
    /// Local files and remote objects.
    FilesAndObjects,
    /// Local files and buckets.
    FilesAndBuckets,
    /// Remote objects and prefixes.
    Objects,
    /// Buckets.
    Buckets,
    /// Local files.
    Files,
    /// Names of commands.
    Commands,
    /// Nothing to complete.
    Nothing,
}

/// Derives the kind of parameters from the usage line of a command.
pub(crate) fn parameters(row: &CommandSpec) -> Parameters {
    let has = |words: &[&str]| words.iter().any(|word| row.usage.contains(word));
    let either = has(&["SOURCE", "DESTINATION"]);
    let files = either || has(&["FILE", "LOCAL", "DIRECTORY"]);
    let objects = either || has(&["/OBJECT", "/PREFIX", "/KEY"]);
    let buckets = has(&["s3://BUCKET"]);
    match (files, objects, buckets) {
        (true, true, _) => Parameters::FilesAndObjects,
        (true, false, true) => Parameters::FilesAndBuckets,
        (true, false, false) => Parameters::Files,
        (false, true, _) => Parameters::Objects,
        (false, false, true) => Parameters::Buckets,
        _ if row.id == Command::Help => Parameters::Commands,
        _ => Parameters::Nothing,
    }
}

/// All command names, including aliases, with the summary of the command.
pub(crate) fn words() -> impl Iterator<Item = (&'static str, &'static str)> {
    COMMANDS.iter().flat_map(|row| row.names.iter().map(|name| (*name, row.summary)))
}

/// The command names, grouped by the kind of their parameters.
pub(crate) fn words_by_parameters() -> BTreeMap<Parameters, Vec<&'static str>> {
    let mut found: BTreeMap<Parameters, Vec<&'static str>> = BTreeMap::new();
    for row in COMMANDS {
        found.entry(parameters(row)).or_default().extend(row.names);
    }
    found
}

/// The options, grouped by the names of the commands that use them, in the order of the help. `None` stands for all
/// commands. An option without a command has an empty list, and is completed only before a command is typed.
pub(crate) fn options_by_words() -> Vec<(Option<Vec<&'static str>>, Vec<&'static OptionSpec>)> {
    let mut found: Vec<(Option<Vec<&'static str>>, Vec<&'static OptionSpec>)> = Vec::new();
    for option in options::all() {
        let words = match option.scope {
            Scope::Every => None,
            Scope::Only(_) => {
                let rows = COMMANDS.iter().filter(|row| option.scope.includes(row.id));
                Some(rows.flat_map(|row| row.names.iter().copied()).collect())
            }
            Scope::None => Some(Vec::new()),
        };
        match found.iter_mut().find(|(known, _)| *known == words) {
            Some((_, options)) => options.push(option),
            None => found.push((words, vec![option])),
        }
    }
    found
}

/// Every form of an option, with its hyphens.
pub(crate) fn forms(option: &OptionSpec) -> impl Iterator<Item = String> {
    let short = option.short.map(|short| format!("-{short}"));
    short.into_iter().chain(option.long.iter().map(|long| format!("--{long}")))
}

/// The forms of all options that take a value.
pub(crate) fn forms_with_value() -> Vec<String> {
    options::all().filter(|option| option.takes_value()).flat_map(forms).collect()
}

/// The first sentence of a help text, without its full stop.
pub(crate) fn short_help(option: &OptionSpec) -> &'static str {
    let end = option.help.find(". ").unwrap_or(option.help.len());
    option.help[..end].trim_end_matches('.')
}

/// Replaces the placeholders of a template, each on its own line, with lines of the same indentation.
pub(crate) fn fill(template: &str, blocks: &[(&str, Vec<String>)]) -> String {
    let mut text = String::new();
    for line in template.lines() {
        let mark = line.trim_start();
        match blocks.iter().find(|(name, _)| mark == *name) {
            Some((_, block)) => {
                let indent = &line[..line.len() - mark.len()];
                block.iter().for_each(|line| text.push_str(&format!("{indent}{line}\n")));
            }
            None => {
                assert!(!mark.starts_with('@'), "unknown placeholder {mark}");
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

/// The cases of a shell's `case` over command names that complete their parameters. `files` and `commands` are the
/// shell commands that complete files and command names. The syntax is the same in bash and zsh.
pub(crate) fn parameter_cases(files: &str, commands: &str) -> Vec<String> {
    let mut cases = Vec::new();
    for (parameters, words) in words_by_parameters() {
        let action = match parameters {
            Parameters::FilesAndObjects => "_s3cmd_either objects",
            Parameters::FilesAndBuckets => "_s3cmd_either buckets",
            Parameters::Objects => "_s3cmd_remote objects",
            Parameters::Buckets => "_s3cmd_remote buckets",
            Parameters::Files => files,
            Parameters::Commands => commands,
            Parameters::Nothing => continue,
        };
        cases.push(format!("{})", words.join("|")));
        cases.push(format!("    {action} ;;"));
    }
    cases
}

#[test]
fn parameters_are_derived_from_usage_lines() {
    let of = |name| parameters(s3cmd::cli::command_table::find(name).expect("a command"));
    assert_eq!(of("put"), Parameters::FilesAndObjects);
    assert_eq!(of("sync"), Parameters::FilesAndObjects);
    assert_eq!(of("setpolicy"), Parameters::FilesAndBuckets);
    assert_eq!(of("del"), Parameters::Objects);
    assert_eq!(of("mb"), Parameters::Buckets);
    assert_eq!(of("serve"), Parameters::Files);
    assert_eq!(of("help"), Parameters::Commands);
    assert_eq!(of("sign"), Parameters::Nothing);
}
