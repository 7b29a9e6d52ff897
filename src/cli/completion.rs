//! What a shell asks while a line is being typed: `s3cmd __complete SHELL KIND WORD LINE...`. The scripts in
//! `completions/` call it; it is in no table, so that it is in no help, and no word of s3cmd's is like it.

use std::ffi::{OsStr, OsString};

use super::layer;
use super::normalise::{self, Line};
use super::options::{self, Scope, Sets};
use crate::config::{Single, Typed, TypedValue};

/// The first word of such a call.
const WORD: &str = "__complete";

/// What is to be offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionKind {
    /// `s3://BUCKET`
    Buckets,
    /// `s3://BUCKET/`, and what is in it, one level at a time.
    Objects,
}

/// A question of a shell.
#[derive(Debug)]
pub struct Completion {
    /// What is to be offered.
    pub kind: CompletionKind,
    /// The word as far as it is typed.
    pub word: String,
    /// The options on the line that say which store it is.
    pub typed: Typed,
}

impl Completion {
    /// Reads the arguments of the program. `None` where they are no such call; `Some(None)` where they are one that
    /// cannot be answered.
    pub(super) fn read(args: &[OsString]) -> Option<Option<Self>> {
        let [first, shell, kind, word, line @ ..] = args else { return None };
        (first == WORD).then(|| Self::question(shell.to_str()?, kind.to_str()?, word, line))
    }

    fn question(shell: &str, kind: &str, word: &OsStr, line: &[OsString]) -> Option<Self> {
        let kind = match kind {
            "buckets" => CompletionKind::Buckets,
            "objects" => CompletionKind::Objects,
            _ => return None,
        };
        // The others hand over words as the program would get them.
        let plain = |word: &OsStr| if shell == "bash" { unquoted(word) } else { word.to_owned() };
        // The word may be the value of the option before it.
        let line = line.iter().map(OsString::as_os_str).chain([word]).map(plain).collect();
        let Ok(Line { options, .. }) = normalise::normalise(line) else { return None };
        let mut typed = layer::read(options).ok()?;
        keep_account(&mut typed);
        Some(Self { kind, word: plain(word).into_string().ok()?, typed })
    }
}

/// Drops what has nothing to do with reaching the store: lists of patterns would be read, encryption be refused.
fn keep_account(typed: &mut Typed) {
    typed.lists.clear();
    typed.keys.retain(|(key, _)| *key == "bucket_location" || is_of_every_command(key));
    for (single, value) in &mut typed.singles {
        if let (Single::ConfigFile, TypedValue::Text(file)) = (single, value) {
            *file = at_home(file);
        }
    }
}

fn is_of_every_command(key: &str) -> bool {
    options::all().any(|option| {
        let sets = match option.sets {
            Sets::Key(name) | Sets::On(name) | Sets::Off(name) | Sets::Fixed(name, _) => name == key,
            _ => false,
        };
        sets && matches!(option.scope, Scope::Every)
    })
}

/// A path with the `~/` that a shell has not replaced yet.
fn at_home(file: &OsStr) -> OsString {
    let rest = file.to_str().and_then(|file| file.strip_prefix("~/"));
    match (rest, std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest).into(),
        _ => file.to_owned(),
    }
}

/// A word of a line of bash without its quotes and backslashes; the last quote may be open still. Variables stay as
/// they are.
fn unquoted(word: &OsStr) -> OsString {
    // What is no text has no quotes that could be told apart.
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

    fn read(args: &[&str]) -> Option<Option<Completion>> {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        Completion::read(&args)
    }

    #[test]
    fn the_line_says_which_store_is_asked() {
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
        let question = read(&line).unwrap().unwrap();
        assert_eq!((question.kind, &*question.word), (CompletionKind::Objects, "s3://b/x y"));
        assert_eq!(question.typed.single(Single::ConfigFile).unwrap(), "f");
        assert_eq!(question.typed.key("use_https"), Some(&TypedValue::Switch(false)));
        assert!(question.typed.lists.is_empty() && question.typed.key("encrypt").is_none());
    }

    #[test]
    fn what_is_no_question_is_a_command_line() {
        assert!(read(&["ls", "zsh", "objects", "s3://b"]).is_none());
        assert!(read(&["__complete"]).is_none());
        assert!(matches!(read(&["__complete", "zsh", "things", ""]), Some(None)));
        assert!(matches!(read(&["__complete", "zsh", "objects", "", "--no-such"]), Some(None)));
        assert!(super::super::commands::find(WORD).is_none());
    }

    #[test]
    fn words_of_bash_are_unquoted() {
        for (typed, wanted) in [
            ("s3://b/a\\ b", "s3://b/a b"),
            ("'s3://b/a b", "s3://b/a b"),
            ("\"a\\\"b\\c\"d", "a\"b\\cd"),
            ("'a\\'b", "a\\b"),
            ("ä\\", "ä"),
            ("", ""),
        ] {
            assert_eq!(unquoted(OsStr::new(typed)), OsString::from(wanted), "{typed}");
        }
    }
}
