//! `s3cfg.5`: the configuration file and its keys.

use roff::{bold, italic, roman};
use s3cmd::cli::options::{self, Sets};
use s3cmd::config::{Dumped, KEYS, Key};

use crate::markup::{self, entry, heading, inlines, paragraph, rendered, see_also};

const FORMAT: &[&str] = &[
    "The file is UTF-8 text. Each line has the form `key = value`. Empty lines and lines that start with # are \
     ignored; a # elsewhere, or a ;, is part of the value. White space around key and value is ignored, and one pair \
     of double quotes around the value is removed.",
    "Section headers such as [default] are ignored: the keys of all sections apply, and the last value of a key \
     wins. Unknown keys are ignored. Other lines cause a warning.",
    "A value that starts with $ is the name of an environment variable and is replaced by the value of the variable. \
     If the variable is not set, the line is ignored.",
    "Boolean values are case-insensitive: true, yes, on and 1, or false, no, off and 0.",
    "Options on the command line override the file. `s3cmd --dump-config` prints the settings in effect, in the \
     format of this file.",
];

/// The page.
pub(crate) fn page() -> String {
    let mut page = markup::page("s3cfg", "5", &["s3cfg".into()], "the configuration file of s3cmd");
    heading(&mut page, "SYNOPSIS");
    page.text([italic("~/.s3cfg")]);
    heading(&mut page, "DESCRIPTION");
    page.text([
        bold("s3cmd"),
        roman("(1) reads its settings from the file given with "),
        bold("-c"),
        roman(", else from the file in the environment variable "),
        bold("S3CMD_CONFIG"),
        roman(", else from "),
        italic("~/.s3cfg"),
        roman("."),
    ]);
    FORMAT.iter().for_each(|text| paragraph(&mut page, text));
    heading(&mut page, "KEYS");
    page.text([roman("The type and the default of each key are given in parentheses.")]);
    for key in KEYS.iter().filter(|key| key.in_file) {
        entry(&mut page, [bold(key.name), roman(format!(" ({})", kind(key)))], &description(key));
    }
    heading(&mut page, "EXAMPLE");
    page.control("nf", []);
    for line in [
        "[default]",
        "access_key = KEY",
        "secret_key = SECRET",
        "host_base = s3.example.org",
        "host_bucket = %(bucket)s.s3.example.org",
    ] {
        page.text(inlines(line));
    }
    page.control("fi", []);
    see_also(&mut page, &[("s3cmd".to_owned(), "1")]);
    rendered(&page)
}

/// `number; 5`
fn kind(key: &Key) -> String {
    // The default of progress_meter depends on the terminal.
    match (key.name, key.default_text()) {
        ("progress_meter", _) => "yes or no; yes on a terminal".to_owned(),
        (_, None) => format!("{}; unset", key.kind),
        (_, Some(text)) if text.is_empty() => format!("{}; empty", key.kind),
        (_, Some(text)) if key.kind == "yes or no" => {
            format!("{}; {}", key.kind, if text == "True" { "yes" } else { "no" })
        }
        (_, Some(text)) => format!("{}; {text}", key.kind),
    }
}

fn description(key: &Key) -> String {
    let lines: Vec<&str> = key.description.iter().map(|line| line.trim()).collect();
    let mut text = lines.join(" ");
    if key.no_effect {
        text.push_str(" Accepted, but has no effect.");
    }
    let options = options_for(key);
    if !options.is_empty() {
        text.push_str(&format!(" Set by {}.", options.join(", ")));
    }
    if key.dumped == Dumped::WhenChanged {
        text.push_str(" Not in s3cmd 2.4.0.");
    }
    text
}

/// The options that set a key.
fn options_for(key: &Key) -> Vec<String> {
    let sets = |option: &&options::OptionSpec| match option.sets {
        Sets::Key(name) | Sets::On(name) | Sets::Off(name) | Sets::Fixed(name, _) => name == key.name,
        _ => false,
    };
    options::all().filter(sets).map(|option| format!("`--{}`", option.name())).collect()
}
