//! Checks that a page contains what was requested. Names outside the request would be printed, downloaded or deleted
//! as if they had been selected, and a page that does not lead on would be requested forever.

use super::{ListOptions, ListPage};
use crate::error::{Error, Result};
use crate::list::ListVersion;

impl ListPage {
    /// Compares the page with the request: every name begins with the prefix, none extends beyond the delimiter, and
    /// the names are in ascending order, starting after the requested key.
    ///
    /// A common prefix that equals the marker, which some servers repeat, is dropped.
    pub(in crate::list) fn check(&mut self, options: &ListOptions, token: Option<&str>) -> Result<()> {
        let (prefix, delimiter) = (options.prefix.as_str(), options.delimiter.as_str());
        self.prefixes().try_for_each(|name| check_name(name, prefix, ""))?;
        self.keys().try_for_each(|key| check_name(key, prefix, delimiter))?;
        let is_v2 = options.version == ListVersion::V2;
        if token.is_some() && self.next.as_deref() == token {
            return Err(repeated());
        }
        if options.unordered {
            return Ok(());
        }
        // A V2 token is opaque; the caller compares the keys with those of the preceding page.
        let after = match token {
            Some(_) if is_v2 => None,
            Some(marker) => Some(marker),
            None => options.start_after.as_deref(),
        };
        if let Some(marker) = token.filter(|_| !is_v2) {
            let repeats = self.prefixes().next() == Some(marker);
            self.prefixes.drain(..usize::from(repeats));
        }
        if let Some(key) = self.disorder(after) {
            return Err(out_of_order(key));
        }
        let mut last: Option<&str> = None;
        for name in self.prefixes() {
            // If the marker is inside a directory, the rest of that directory is still to be listed.
            let is_behind = after.is_none_or(|after| name > after || after.starts_with(name));
            if !is_behind || last.replace(name).is_some_and(|last| name <= last) {
                return Err(out_of_order(name));
            }
        }
        match (self.next.as_deref(), after) {
            (Some(next), Some(after)) if !is_v2 && next <= after => Err(repeated()),
            _ => Ok(()),
        }
    }
}

/// Rejects a name that was not requested: outside the prefix, or beyond a delimiter.
pub(in crate::list) fn check_name(name: &str, prefix: &str, delimiter: &str) -> Result<()> {
    let Some(rest) = name.strip_prefix(prefix) else {
        return Err(Error::Malformed(format!("a listing of '{prefix}' that contains '{name}'").into()));
    };
    let is_deeper =
        !delimiter.is_empty() && rest.find(delimiter).is_some_and(|at| at + delimiter.len() < rest.len());
    if is_deeper {
        return Err(Error::Malformed(
            format!("a listing with the delimiter '{delimiter}' that contains '{name}'").into(),
        ));
    }
    Ok(())
}

pub(in crate::list) fn out_of_order(name: &str) -> Error {
    Error::Malformed(format!("a listing that is not in order, at '{name}'").into())
}

pub(in crate::list) fn repeated() -> Error {
    Error::Malformed("a listing that repeats the same page".into())
}

/// The listing is truncated but has no next marker.
pub(in crate::list) fn no_next_page() -> Error {
    Error::Malformed("a truncated listing without a marker of the next page".into())
}

/// The listing may be complete or not.
pub(in crate::list) fn no_truncation_flag() -> Error {
    Error::Malformed("a listing without IsTruncated".into())
}

/// Detects that a walk from page to page returns to a place where it was before, with constant memory: each place is
/// compared with one stored place, which is replaced after twice as many steps as the last time (Brent's algorithm).
#[derive(Clone, Debug)]
pub(in crate::list) struct CycleDetector<T> {
    kept: Option<T>,
    steps: u64,
    until: u64,
}

impl<T: PartialEq + Clone> CycleDetector<T> {
    pub(in crate::list) fn new() -> Self {
        Self { kept: None, steps: 0, until: 1 }
    }

    /// Moves on to a place; fails if the walk was there before.
    pub(in crate::list) fn step(&mut self, place: &T) -> Result<()> {
        if self.kept.as_ref() == Some(place) {
            return Err(repeated());
        }
        self.steps += 1;
        if self.steps == self.until {
            self.until *= 2;
            self.steps = 0;
            self.kept = Some(place.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(keys: &[&str], prefixes: &[&str], next: bool) -> ListPage {
        let keys = keys.iter().map(|key| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>"));
        let prefixes =
            prefixes.iter().map(|name| format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"));
        let inner = keys.chain(prefixes).collect::<String>();
        let text = format!("<ListBucketResult><IsTruncated>{next}</IsTruncated>{inner}</ListBucketResult>");
        ListPage::parse(text, false).unwrap()
    }

    #[test]
    fn a_page_must_match_the_request() {
        let options = |prefix: &str, delimiter: &str| ListOptions {
            prefix: prefix.into(),
            delimiter: delimiter.into(),
            ..ListOptions::default()
        };
        for (prefix, delimiter, token, keys, prefixes, is_good) in [
            ("", "", None, &["a", "b", "b/c"][..], &[][..], true),
            ("", "", None, &["b", "a"], &[], false),
            ("", "", None, &["a", "a"], &[], false),
            ("", "", Some("a"), &["b"], &[], true),
            ("", "", Some("b"), &["b"], &[], false),
            ("", "", Some("c"), &["b"], &[], false),
            ("p/", "", None, &["p/", "p/a"], &[], true),
            ("p/", "", None, &["p"], &[], false),
            ("p/", "", None, &["p/a", "q"], &[], false),
            ("p/", "/", None, &["p/a"], &["p/b/"], true),
            ("p/", "/", None, &["p/a"], &["b/"], false),
            ("p/", "/", None, &["p/a/b"], &[], false),
            ("p/", "/", None, &["p/a/"], &[], true),
            ("", "/", Some("d/x"), &[], &["d/", "e/"], true),
            ("", "/", Some("d/"), &[], &["c/"], false),
            ("", "/", None, &[], &["d/", "c/"], false),
        ] {
            let checked = page(keys, prefixes, false).check(&options(prefix, delimiter), token);
            assert_eq!(checked.is_ok(), is_good, "{prefix} {delimiter} {token:?} {keys:?} {prefixes:?}");
        }
        let mut repeated = page(&[], &["d/", "e/"], false);
        repeated.check(&options("", "/"), Some("d/")).unwrap();
        assert_eq!(repeated.prefixes().collect::<Vec<_>>(), ["e/"]);
        assert!(page(&[], &["d/"], true).check(&options("", "/"), Some("d/")).is_err(), "it leads nowhere");
        let unordered = ListOptions { unordered: true, ..ListOptions::default() };
        page(&["b", "a"], &[], true).check(&unordered, Some("c")).unwrap();
        assert!(page(&["b", "a"], &[], true).check(&unordered, Some("a")).is_err());
    }

    #[test]
    fn cycles_of_any_length_are_detected() {
        for (lead, circle) in [(0, 1), (0, 2), (3, 2), (1, 7), (10, 50)] {
            let mut walk = CycleDetector::new();
            let places = (0..lead).chain((0..).map(|step| lead + step % circle));
            let steps = places.take(1000).take_while(|place| walk.step(place).is_ok()).count();
            assert!(steps < 4 * (lead + circle), "{lead} {circle}: {steps}");
        }
        let mut walk = CycleDetector::new();
        (0..1000).for_each(|place| walk.step(&place).unwrap());
    }
}
