//! What a command selects: names from `--files-from`, and the names that the rules exclude.

use crate::commands::shared::context::Context;
use crate::commands::shared::stdin;
use crate::output::{Event, Failure, Outcome};
use crate::transfer::remote::Selection;
use crate::transfer::selection::NameList;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// Prints the names that the rules exclude, in a dry run.
pub(crate) fn show_excluded(cx: &Context, selection: &Selection) -> Outcome {
    for name in selection.excluded.iter() {
        cx.console.stream(&Event::Exclude { name: &name? })?;
    }
    Ok(())
}

/// The names in the files of `--files-from`, one per line, byte for byte without the line endings; `-` is standard
/// input.
pub(crate) fn listed_names(lists: &[NameList]) -> impl Iterator<Item = Outcome<OsString>> {
    let opened = lists.iter().map(|list| {
        let failure = move |error: &std::io::Error| Failure::file(list, error);
        let reader: Box<dyn BufRead> = match list {
            NameList::Stdin => {
                stdin::check()?;
                Box::new(BufReader::new(std::io::stdin()))
            }
            NameList::File(file) => {
                Box::new(BufReader::new(File::open(file).map_err(|error| failure(&error))?))
            }
        };
        Ok(reader.split(b'\n').map(move |line| line.map_err(|error| failure(&error))))
    });
    let lines = opened.flat_map(|lines: Outcome<_>| {
        let (lines, failure) =
            lines.map_or_else(|failure| (None, Some(Err(failure))), |lines| (Some(lines), None));
        lines.into_iter().flatten().chain(failure)
    });
    lines.filter_map(|line| match line {
        Ok(line) if line.trim_ascii().is_empty() => None,
        line => Some(line.map(name_of_bytes)),
    })
}

fn name_of_bytes(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}
