//! `s3cfg.5`: the configuration file, with every key.

use roff::{bold, italic, roman};
use s3cmd::cli::options::{self, Sets};
use s3cmd::config::{Dumped, KEYS, Key};

use crate::markup::{self, entry, heading, inlines, paragraph, rendered, see_also};

const FORMAT: &[&str] = &[
    "The file is text in UTF-8. A line is `key = value`. Lines that begin with # and empty lines are passed over; a # \
     further on, or a ;, belongs to the value. White space around key and value does not count, and one pair of double \
     quotes around the value is taken off.",
    "Lines such as [default] begin a section. The keys of all sections count alike, and the last one of a name wins. \
     Unknown keys are passed over, and a line that is none of these gets a warning.",
    "A value that begins with $ names a variable of the environment, whose value is taken instead. Where there is no such \
     variable the key keeps what it had.",
    "Switches are yes or no, in either case: true, yes, on and 1, or false, no, off and 0.",
    "An option on the command line counts more than the file. `s3cmd --dump-config` prints what is in force, as such a \
     file.",
];

/// The page.
pub(crate) fn page() -> String {
    let mut page = markup::page("s3cfg", "5", &["s3cfg".into()], "the configuration file of s3cmd");
    heading(&mut page, "SYNOPSIS");
    page.text([italic("~/.s3cfg")]);
    heading(&mut page, "DESCRIPTION");
    page.text([
        roman("The settings of "),
        bold("s3cmd"),
        roman("(1) are read from the file that the option "),
        bold("-c"),
        roman(" names, else from the one in the variable "),
        bold("S3CMD_CONFIG"),
        roman(", else from "),
        italic("~/.s3cfg"),
        roman("."),
    ]);
    FORMAT.iter().for_each(|text| paragraph(&mut page, text));
    heading(&mut page, "KEYS");
    page.text([roman("In brackets stand the kind of value and the default.")]);
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
    // What the terminal and the locale decide is not the same on every machine.
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
        text.push_str(" Accepted without effect.");
    }
    let options = setting(key);
    if !options.is_empty() {
        text.push_str(&format!(" Set by {}.", options.join(", ")));
    }
    if key.dumped == Dumped::WhenChanged {
        text.push_str(" Not in s3cmd 2.4.0.");
    }
    text
}

/// The options that set a key.
fn setting(key: &Key) -> Vec<String> {
    let sets = |option: &&options::OptionSpec| matches!(option.sets, Sets::Key(name) | Sets::On(name) | Sets::Off(name) | Sets::Fixed(name, _) if name == key.name);
    options::all().filter(sets).map(|option| format!("`--{}`", option.name())).collect()
}
