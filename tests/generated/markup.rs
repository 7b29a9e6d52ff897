//! Formats the texts of the tables as manual pages.

use roff::{Inline, Roff, bold, italic, roman};
use s3cmd::cli::command_table::CommandSpec;
use s3cmd::cli::options::OptionSpec;

/// The date of the pages, to be updated with each release.
const DATE: &str = "2026-11-20";

/// Starts a page: its name in upper case, the section, and the line for `apropos`.
pub(crate) fn page(name: &str, section: &str, names: &[String], summary: &str) -> Roff {
    let mut page = Roff::new();
    let source = concat!("s3cmd-rs ", env!("CARGO_PKG_VERSION"));
    page.control("TH", [name.to_uppercase().as_str(), section, DATE, source, "s3cmd manual"]);
    // No hyphenation, so that names of options and keys can be searched and copied.
    page.control("nh", []);
    page.control("ad", ["l"]);
    heading(&mut page, "NAME");
    page.text([roman(format!("{} - {summary}", names.join(", ")))]);
    page
}

/// A heading.
pub(crate) fn heading(page: &mut Roff, title: &str) {
    page.control("SH", [title]);
}

/// A subheading.
pub(crate) fn subheading(page: &mut Roff, title: &str) {
    page.control("SS", [title]);
}

/// A paragraph.
pub(crate) fn paragraph(page: &mut Roff, text: &str) {
    page.control("PP", []);
    page.text(inlines(text));
}

/// A term with its description.
pub(crate) fn entry(page: &mut Roff, term: impl Into<Vec<Inline>>, text: &str) {
    page.control("TP", []);
    page.text(term);
    page.text(inlines(text));
}

/// An option with its forms and its description.
pub(crate) fn option(page: &mut Roff, option: &OptionSpec) {
    entry(page, forms(option), option.help);
}

/// `-c FILE, --config=FILE`, the value in italics.
fn forms(option: &OptionSpec) -> Vec<Inline> {
    let mut forms = Vec::new();
    let short = option.short.map(|short| (format!("-{short}"), " "));
    let long = option.long.iter().map(|long| (format!("--{long}"), "="));
    for (form, before_value) in short.into_iter().chain(long) {
        if !forms.is_empty() {
            forms.push(roman(", "));
        }
        forms.push(bold(form));
        if let Some(metavar) = option.metavar {
            forms.extend([roman(before_value), italic(metavar)]);
        }
    }
    forms
}

/// `s3cmd put [options] FILE...`. `options` can be empty.
pub(crate) fn usage(command: &CommandSpec, options: &str) -> Vec<Inline> {
    let mut line = vec![bold(format!("s3cmd {}", command.name()))];
    for word in [options, command.usage].into_iter().filter(|word| !word.is_empty()) {
        line.extend([roman(" "), italic(word)]);
    }
    line
}

/// A list of other pages, each as `name(section)`.
pub(crate) fn see_also(page: &mut Roff, pages: &[(String, &str)]) {
    heading(page, "SEE ALSO");
    let mut line = Vec::new();
    for (name, section) in pages {
        if !line.is_empty() {
            line.push(roman(", "));
        }
        line.extend([bold(name.as_str()), roman(format!("({section})"))]);
    }
    page.text(line);
}

/// Text with names in backticks, which become bold.
pub(crate) fn inlines(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate().filter(|(_, part)| !part.is_empty());
    parts.map(|(index, part)| if index % 2 == 1 { bold(part) } else { roman(part) }).collect()
}

/// Maximum line length of a stored page. `mandoc -Tlint` recommends less than 80.
const WIDTH: usize = 78;

/// The source of the page, with a comment about its origin.
pub(crate) fn rendered(page: &Roff) -> String {
    let mut text =
        String::from(".\\\" Generated from the tables of the program: BLESS=1 cargo test --test generated\n");
    for line in page.render().lines() {
        if line.starts_with('.') {
            text.push_str(line);
        } else {
            wrap(line, &mut text);
        }
        text.push('\n');
    }
    text
}

/// Wraps a line of text at spaces. A new line that starts like a request is escaped.
fn wrap(line: &str, text: &mut String) {
    let mut column = 0;
    for (index, word) in line.split(' ').enumerate() {
        if index > 0 && column + 1 + word.len() > WIDTH && !word.is_empty() {
            text.push('\n');
            column = 0;
            if word.starts_with(['.', '\'']) {
                text.push_str(r"\&");
            }
        } else if index > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += word.len();
    }
}
