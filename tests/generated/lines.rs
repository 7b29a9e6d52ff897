//! What may stand on a command line, in the form in which the three shells need it.

use std::collections::BTreeMap;

use s3cmd::cli::command_table::{COMMANDS, Command, CommandSpec};
use s3cmd::cli::options::{self, OptionSpec, Scope};

/// What a command takes as parameters, as far as a shell can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Parameters {
    /// Local files, and objects in the store.
    FilesAndObjects,
    /// Local files, and buckets.
    FilesAndBuckets,
    /// Objects and prefixes in the store.
    Objects,
    /// Buckets.
    Buckets,
    /// Local files.
    Files,
    /// Names of commands.
    Commands,
    /// Nothing that could be offered.
    Nothing,
}

/// Reads what the usage line of a command says.
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

/// Every command word with the summary of its command, aliases too.
pub(crate) fn words() -> impl Iterator<Item = (&'static str, &'static str)> {
    COMMANDS.iter().flat_map(|row| row.names.iter().map(|name| (*name, row.summary)))
}

/// The command words by what they take.
pub(crate) fn words_by_parameters() -> BTreeMap<Parameters, Vec<&'static str>> {
    let mut found: BTreeMap<Parameters, Vec<&'static str>> = BTreeMap::new();
    for row in COMMANDS {
        found.entry(parameters(row)).or_default().extend(row.names);
    }
    found
}

/// The options by the command words that they matter to, in the order of the help. `None`: to all. An option that matters
/// to no command is under no words, and only offered where no command is typed yet.
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

/// The first sentence of a help text, without its full stop: what fits beside a word.
pub(crate) fn short_help(option: &OptionSpec) -> &'static str {
    let end = option.help.find(". ").unwrap_or(option.help.len());
    option.help[..end].trim_end_matches('.')
}

/// Fills the marks of a template, each alone on its line, with lines; the mark's indentation is given to each of them.
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
                assert!(!mark.starts_with('@'), "nothing fills {mark}");
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

/// The cases of a shell's `case` over command words that complete their parameters; `files` and `commands` are what completes
/// those there. bash and zsh write them alike.
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
fn usage_lines_tell_what_a_command_takes() {
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
