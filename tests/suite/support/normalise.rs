//! Replaces what differs from run to run, so that the rest can be compared exactly.

use regex::Regex;
use std::sync::LazyLock;

/// What to replace in the output of one test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Normaliser {
    /// Texts and their placeholders, longest first.
    names: Vec<(String, String)>,
    /// Keep the server's message in error lines.
    pub(crate) keep_messages: bool,
}

impl Normaliser {
    /// Replaces `name` by `placeholder` from now on.
    pub(crate) fn name(&mut self, name: &str, placeholder: &str) {
        self.names.push((name.to_owned(), placeholder.to_owned()));
        self.names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    }

    /// Fills placeholders in: the reverse direction.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut names: Vec<_> = self.names.iter().filter(|(_, placeholder)| placeholder != "DIR").collect();
        names.sort_by_key(|(_, placeholder)| std::cmp::Reverse(placeholder.len()));
        names.iter().fold(text.to_owned(), |text, (name, placeholder)| text.replace(placeholder, name))
    }

    /// The text with placeholders for names, and nothing else changed.
    pub(crate) fn apply_names(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, with)| text.replace(name, with))
    }

    /// The text in the form that is compared.
    pub(crate) fn apply(&self, text: &str) -> String {
        let mut text = self.apply_names(text);
        for (pattern, with) in PATTERNS.iter() {
            text = pattern.replace_all(&text, *with).into_owned();
        }
        if !self.keep_messages {
            text = MESSAGE.replace_all(&text, "$1").into_owned();
        }
        text
    }
}

/// The message after status and code depends on the server.
static MESSAGE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)(S3 error: \d+ \(\w+\)): .*$").unwrap());

static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let table = [
        (r"bytes in [0-9.]+ seconds, -?[0-9.]+ [KMGT]?B/s\)", "bytes in TIME)"),
        (r"(?m)^(Done\. .*) in [0-9.]+ seconds, [0-9.]+ (files|[KMGT]?B)/s\.$", "$1 in TIME"),
        (r"<ID>\w{40,}</ID>", "<ID>GENERATED</ID>"),
        (r"(?m)^\d{4}-\d\d-\d\dT[\d:.]+Z\t", "DATE\t"),
        (r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d ", "YYYY-MM-DD hh:mm "),
        (r"mode:16877/mtime:\d+", "mode:16877/mtime:N"),
        (r"Last mod:  .* GMT", "Last mod:  DATE"),
        (r"atime:\d+/ctime:\d+/", "atime:N/ctime:N/"),
        (r"/gid:\d+/gname:[^/]*/", "/gid:N/gname:S/"),
        (r"/uid:\d+/uname:\S*", "/uid:N/uname:S"),
        (r"AWSAccessKeyId=\w+", "AWSAccessKeyId=KEY"),
        (r"X-Amz-Credential=[^&]+", "X-Amz-Credential=KEY"),
        (r"X-Amz-Date=\w+", "X-Amz-Date=DATE"),
        (r"X-Amz-Expires=\d+", "X-Amz-Expires=N"),
        (r"Signature=[\w%]+", "Signature=SIGNATURE"),
        (r"Waiting [0-9.]+ sec", "Waiting N sec"),
    ];
    table.map(|(pattern, with)| (Regex::new(pattern).unwrap(), with)).into_iter().collect()
});
