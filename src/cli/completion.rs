//! Completion requests of a shell: `s3cmd __complete SHELL KIND WORD LINE...`, called by the scripts in `completions/`.
//! The word is not in the command table, so that the help does not list it. No command of s3cmd resembles it.

use std::ffi::{OsStr, OsString};

use super::clap_parser;
use super::normalise::{self, Line};
use super::options::{self, Scope, Sets};
use crate::cli::{CliOnly, CliOptions, OptionValue};

/// The first word of a completion request.
const WORD: &str = "__complete";

/// What to complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionKind {
    /// `s3://BUCKET`
    Buckets,
    /// `s3://BUCKET/` and the objects in it, one level at a time.
    Objects,
}

/// A completion request from a shell.
#[derive(Debug)]
pub struct CompletionRequest {
    /// What to complete.
    pub kind: CompletionKind,
    /// The part of the word before the cursor.
    pub(crate) word: String,
    /// The options on the line that select the store and the account.
    pub options: CliOptions,
}

impl CompletionRequest {
    /// Reads the arguments of the program. `None` if they are not a completion request, `Some(None)` if they are one
    /// that cannot be completed.
    pub(super) fn read(args: &[OsString]) -> Option<Option<Self>> {
        let [first, shell, kind, word, line @ ..] = args else { return None };
        (first == WORD).then(|| Self::parse(shell.to_str()?, kind.to_str()?, word, line))
    }

    fn parse(shell: &str, kind: &str, word: &OsStr, line: &[OsString]) -> Option<Self> {
        let kind = match kind {
            "buckets" => CompletionKind::Buckets,
            "objects" => CompletionKind::Objects,
            _ => return None,
        };
        // Unlike bash, the other shells pass words with quotes and escapes already resolved.
        let plain = |word: &OsStr| if shell == "bash" { unquoted(word) } else { word.to_owned() };
        // The word may be the value of the option before it.
        let line = line.iter().map(OsString::as_os_str).chain([word]).map(plain).collect();
        let Ok(Line { options, .. }) = normalise::normalise(line) else { return None };
        let mut options = clap_parser::read(options).ok()?;
        keep_account(&mut options);
        Some(Self { kind, word: plain(word).into_string().ok()?, options })
    }
}

/// Drops the options that are not needed to reach the store. Otherwise pattern files would be read, and encryption
/// without a passphrase would be an error.
fn keep_account(options: &mut CliOptions) {
    options.lists.clear();
    options.keys.retain(|(key, _)| *key == "bucket_location" || is_global(key));
    for (option, value) in &mut options.cli_only {
        if let (CliOnly::ConfigFile, OptionValue::Text(file)) = (option, value) {
            *file = expand_home(file);
        }
    }
}

/// Whether an option that applies to every command sets the key.
fn is_global(key: &str) -> bool {
    options::all().any(|option| {
        let sets = match option.sets {
            Sets::Key(name) | Sets::On(name) | Sets::Off(name) | Sets::Fixed(name, _) => name == key,
            _ => false,
        };
        sets && matches!(option.scope, Scope::Every)
    })
}

/// Expands a leading `~/`, which the shell has not done yet at completion time.
fn expand_home(file: &OsStr) -> OsString {
    let rest = file.to_str().and_then(|file| file.strip_prefix("~/"));
    match (rest, std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest).into(),
        _ => file.to_owned(),
    }
}

/// Removes quotes and backslashes from a word of a bash command line. The last quote may still be open. Variables are
/// not expanded.
fn unquoted(word: &OsStr) -> OsString {
    // Quotes cannot be recognized in a word that is not UTF-8.
    let Some(text) = word.to_str() else { return word.to_owned() };
    let mut plain = String::new();
    let mut quote = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None, '\\') => plain.extend(letters.next()),
            (Some('"'), '\\') if letters.peek().is_some_and(|next| "\"\\$`".contains(*next)) => {
                plain.extend(letters.next());
            }
            _ => plain.push(letter),
        }
    }
    plain.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Option<Option<CompletionRequest>> {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        CompletionRequest::read(&args)
    }

    #[test]
    fn the_options_of_the_line_select_the_store() {
        let line = [
            "__complete",
            "zsh",
            "objects",
            "s3://b/x y",
            "-c",
            "f",
            "ls",
            "--no-ssl",
            "--exclude-from=g",
            "-e",
        ];
        let request = read(&line).unwrap().unwrap();
        assert_eq!((request.kind, &*request.word), (CompletionKind::Objects, "s3://b/x y"));
        assert_eq!(request.options.text(CliOnly::ConfigFile).unwrap(), "f");
        assert_eq!(request.options.key("use_https"), Some(&OptionValue::Switch(false)));
        assert!(request.options.lists.is_empty() && request.options.key("encrypt").is_none());
    }

    #[test]
    fn other_arguments_are_a_command_line() {
        assert!(read(&["ls", "zsh", "objects", "s3://b"]).is_none());
        assert!(read(&["__complete"]).is_none());
        assert!(matches!(read(&["__complete", "zsh", "things", ""]), Some(None)));
        assert!(matches!(read(&["__complete", "zsh", "objects", "", "--no-such"]), Some(None)));
        assert!(super::super::command_table::find(WORD).is_none());
    }

    #[test]
    fn bash_words_are_unquoted() {
        for (typed, expected) in [
            ("s3://b/a\\ b", "s3://b/a b"),
            ("'s3://b/a b", "s3://b/a b"),
            ("\"a\\\"b\\c\"d", "a\"b\\cd"),
            ("'a\\'b", "a\\b"),
            ("ä\\", "ä"),
            ("", ""),
        ] {
            assert_eq!(unquoted(OsStr::new(typed)), OsString::from(expected), "{typed}");
        }
    }
}
