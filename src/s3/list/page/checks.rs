//! Whether a page holds what was asked for. What a server lists beside it would be shown, fetched or deleted as if it had
//! been meant; a page that does not lead on would be asked for again and again.

use super::{ListOptions, ListPage};
use crate::s3::error::{Error, Result};
use crate::s3::list::ListVersion;

impl ListPage {
    /// Compares the page with the question: every name begins with the prefix, none goes deeper than the delimiter lets it,
    /// and they ascend, from behind the key that was named as the beginning.
    ///
    /// A common prefix that was the marker itself, which some servers repeat, is dropped.
    pub(in crate::s3::list) fn check(&mut self, options: &ListOptions, token: Option<&str>) -> Result<()> {
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
        // A token of version 2 is the server's own; its keys are compared with those of the page before by the caller.
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
            return Err(disordered(key));
        }
        let mut last: Option<&str> = None;
        for name in self.prefixes() {
            // A marker within a directory leaves the rest of the directory to be told.
            let is_behind = after.is_none_or(|after| name > after || after.starts_with(name));
            if !is_behind || last.replace(name).is_some_and(|last| name <= last) {
                return Err(disordered(name));
            }
        }
        match (self.next.as_deref(), after) {
            (Some(next), Some(after)) if !is_v2 && next <= after => Err(repeated()),
            _ => Ok(()),
        }
    }
}

/// Refuses a name that was not asked for: outside the prefix, or below a delimiter behind it.
pub(in crate::s3::list) fn check_name(name: &str, prefix: &str, delimiter: &str) -> Result<()> {
    let Some(rest) = name.strip_prefix(prefix) else {
        return Err(Error::Malformed(format!("a listing of '{prefix}' with '{name}' in it")));
    };
    let is_deeper =
        !delimiter.is_empty() && rest.find(delimiter).is_some_and(|at| at + delimiter.len() < rest.len());
    if is_deeper {
        return Err(Error::Malformed(format!("a listing up to each '{delimiter}' with '{name}' in it")));
    }
    Ok(())
}

pub(in crate::s3::list) fn disordered(name: &str) -> Error {
    Error::Malformed(format!("a listing that is not in order, at '{name}'"))
}

pub(in crate::s3::list) fn repeated() -> Error {
    Error::Malformed("a listing that repeats the same page".into())
}

/// Of a listing that does not end and names no next page.
pub(in crate::s3::list) fn leads_nowhere() -> Error {
    Error::Malformed("a truncated listing that names no next page".into())
}

/// Of a listing that may be the whole or not.
pub(in crate::s3::list) fn silent() -> Error {
    Error::Malformed("a listing that does not say whether there is more".into())
}

/// Notices that a walk from page to page has come to a place where it was before, in no memory to speak of: each place is
/// compared with one that was kept, and one is kept after twice as many steps as the last time (Brent's algorithm).
#[derive(Clone, Debug)]
pub(in crate::s3::list) struct Walk<T> {
    kept: Option<T>,
    steps: u64,
    until: u64,
}

impl<T: PartialEq + Clone> Walk<T> {
    pub(in crate::s3::list) fn new() -> Self {
        Self { kept: None, steps: 0, until: 1 }
    }

    /// Goes on to a place; an error if it is one where the walk was before.
    pub(in crate::s3::list) fn step(&mut self, place: &T) -> Result<()> {
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
    fn a_page_holds_what_was_asked_for() {
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
    fn a_walk_in_circles_is_noticed_whatever_their_length() {
        for (lead, circle) in [(0, 1), (0, 2), (3, 2), (1, 7), (10, 50)] {
            let mut walk = Walk::new();
            let places = (0..lead).chain((0..).map(|step| lead + step % circle));
            let steps = places.take(1000).take_while(|place| walk.step(place).is_ok()).count();
            assert!(steps < 4 * (lead + circle), "{lead} {circle}: {steps}");
        }
        let mut walk = Walk::new();
        (0..1000).for_each(|place| walk.step(&place).unwrap());
    }
}
