//! Deletes many objects: in batches, or one by one if the service does not support batches. A key counts as deleted
//! only if the service says so.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>

use super::object::{DeleteFailure, with_document};
use crate::client::Client;
use crate::error::{ConnectionFailure, Error, Result};
use crate::http::request::Request;
use crate::model::responses::{DeleteItem, DeletedKey, Sequence};
use crate::model::{document, xml};
use futures::{StreamExt, TryStreamExt};
use http::Method;
use std::collections::HashMap;
use std::fmt::Write;

/// A key, with a version ID if only that version is to be deleted.
type KeyVersion<'a> = (&'a str, Option<&'a str>);

impl Client {
    /// Deletes up to [`MAX_BATCH_DELETE`](super::object::MAX_BATCH_DELETE) keys in one request, each with a version
    /// ID if only that version is to be deleted. Returns the keys that the response does not report as deleted. If
    /// the service does not support this request, which is tried only once, the objects are deleted one by one.
    pub async fn delete_objects(&self, bucket: &str, keys: &[KeyVersion<'_>]) -> Result<Vec<DeleteFailure>> {
        if self.lacks_batch_deletion() {
            return self.delete_each(bucket, keys).await;
        }
        let request = Request::new(Method::POST, Some(bucket), None).query("delete", "");
        let request = with_document(request, request_document(keys), "application/xml").await?;
        match self.fetch_text(request).await {
            Ok(text) => failures(&text, keys),
            Err(error) if is_unknown(&error) => {
                self.observer().batch_deletion_unsupported();
                self.note_no_batch_deletion();
                self.delete_each(bucket, keys).await
            }
            Err(error) => Err(error),
        }
    }

    async fn delete_each(&self, bucket: &str, keys: &[KeyVersion<'_>]) -> Result<Vec<DeleteFailure>> {
        let deleted = futures::stream::iter(keys.iter().copied()).map(|(key, version)| async move {
            let version = version.unwrap_or_default();
            let error = match self.at_version(version).delete_object(bucket, key).await {
                Ok(()) => return Ok(None),
                // The other requests would fail in the same way.
                Err(error @ Error::Connection { kind, .. })
                    if !matches!(kind, ConnectionFailure::Broken | ConnectionFailure::Timeout) =>
                {
                    return Err(error);
                }
                Err(error) => error,
            };
            let message =
                error.service().map_or_else(|| error.to_string(), |service| service.message.clone());
            Ok(Some(DeleteFailure {
                key: key.to_owned(),
                version: version.to_owned(),
                code: error.code().to_owned(),
                message,
                error: Some(error),
            }))
        });
        deleted
            .buffered(self.options().bulk.max(1))
            .try_filter_map(|failed| async { Ok(failed) })
            .try_collect()
            .await
    }
}

/// Whether the service does not know the request: Swift, Google Cloud Storage's older API and others do not support
/// batches.
fn is_unknown(error: &Error) -> bool {
    match error.status() {
        Some(405 | 501) => true,
        Some(400) => matches!(error.code(), "InvalidArgument" | "NotImplemented" | "MethodNotAllowed"),
        _ => false,
    }
}

fn request_document(keys: &[KeyVersion<'_>]) -> String {
    let mut document = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Delete>");
    for (key, version) in keys {
        let _ = write!(document, "<Object><Key>{}</Key>", xml::escaped(key));
        if let Some(id) = version {
            let _ = write!(document, "<VersionId>{}</VersionId>", xml::escaped(id));
        }
        document.push_str("</Object>");
    }
    document.push_str("</Delete>");
    document
}

/// The keys that the response does not report as deleted, in their order.
fn failures(answer: &str, keys: &[KeyVersion<'_>]) -> Result<Vec<DeleteFailure>> {
    let (deleted, errors) = parse(answer)?;
    let by_key = |entries: Vec<DeletedKey>| {
        let mut map: HashMap<String, Vec<DeletedKey>> = HashMap::new();
        for entry in entries {
            map.entry(entry.key.clone()).or_default().push(entry);
        }
        map
    };
    let (deleted, errors) = (by_key(deleted), by_key(errors));
    let without_key = errors.get("").and_then(|errors| errors.first());
    let mut failures = Vec::new();
    for (key, version) in keys {
        let errors = errors.get(*key).map_or(&[][..], Vec::as_slice);
        let refused = errors.iter().find(|error| is_version(*version, error));
        let is_deleted = || {
            deleted.get(*key).is_some_and(|entries| entries.iter().any(|entry| is_version(*version, entry)))
        };
        let why = match refused {
            Some(error) => Some(error),
            None if is_deleted() => continue,
            None => errors.first().or(without_key),
        };
        let mut failure = DeleteFailure {
            key: (*key).to_owned(),
            version: version.unwrap_or_default().to_owned(),
            ..DeleteFailure::default()
        };
        match why {
            Some(entry) => (failure.code, failure.message) = (entry.code.clone(), entry.message.clone()),
            None => "the server did not confirm the deletion".clone_into(&mut failure.code),
        }
        failures.push(failure);
    }
    Ok(failures)
}

/// Whether an entry of the response refers to the requested version. If no version was requested, the ID may be that
/// of the new delete marker.
fn is_version(requested: Option<&str>, entry: &DeletedKey) -> bool {
    match requested {
        None => {
            entry.delete_marker.eq_ignore_ascii_case("true")
                || matches!(entry.version_id.as_str(), "" | "null")
        }
        Some("null") => matches!(entry.version_id.as_str(), "" | "null"),
        Some(id) => entry.version_id == id,
    }
}

/// Parses the deleted keys and the errors.
fn parse(answer: &str) -> Result<(Vec<DeletedKey>, Vec<DeletedKey>)> {
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for item in document::read::<Sequence<DeleteItem>>(answer, &["DeleteResult"])?.items {
        match item {
            DeleteItem::Deleted(key) => deleted.push(key),
            DeleteItem::Error(key) => errors.push(key),
            DeleteItem::Other => {}
        }
    }
    Ok((deleted, errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(inner: &str, keys: &[KeyVersion<'_>]) -> Vec<(String, String, String)> {
        let answer = format!("<DeleteResult xmlns=\"x\">{inner}</DeleteResult>");
        let failed = failures(&answer, keys).unwrap();
        failed.into_iter().map(|failed| (failed.key, failed.version, failed.code)).collect()
    }

    #[test]
    fn only_confirmed_keys_count_as_deleted() {
        const UNCONFIRMED: &str = "the server did not confirm the deletion";
        let (plain, version, null) = (("a b", None), ("a b", Some("v1")), ("a b", Some("null")));
        for (inner, key, code) in [
            ("<Deleted><Key>a b</Key></Deleted>", plain, None),
            ("<Deleted><Key>a b</Key><VersionId>null</VersionId></Deleted>", plain, None),
            (
                "<Deleted><Key>a b</Key><DeleteMarker>true</DeleteMarker><VersionId>v2</VersionId></Deleted>",
                plain,
                None,
            ),
            ("<Deleted><Key>a b</Key><VersionId>v1</VersionId></Deleted>", version, None),
            ("<Deleted><Key>a b</Key></Deleted>", null, None),
            ("", plain, Some(UNCONFIRMED)),
            ("<Deleted><Key>a%20b</Key></Deleted>", plain, Some(UNCONFIRMED)),
            ("<Deleted><Key>a b</Key><VersionId>v2</VersionId></Deleted>", plain, Some(UNCONFIRMED)),
            ("<Deleted><Key>a b</Key><VersionId>v2</VersionId></Deleted>", version, Some(UNCONFIRMED)),
            ("<Deleted><Key>a b</Key></Deleted>", version, Some(UNCONFIRMED)),
            ("<Deleted><Key>a b</Key><VersionId>v2</VersionId></Deleted>", null, Some(UNCONFIRMED)),
            ("<Error><Key>a b</Key><Code>AccessDenied</Code></Error>", plain, Some("AccessDenied")),
            ("<Error><Code>InternalError</Code></Error>", plain, Some("InternalError")),
            ("<Error><Key>a%20b</Key><Code>InternalError</Code></Error>", plain, Some(UNCONFIRMED)),
            (
                "<Error><Key>a b</Key><VersionId>v9</VersionId><Code>AccessDenied</Code></Error>",
                version,
                Some("AccessDenied"),
            ),
            (
                "<Deleted><Key>a b</Key></Deleted><Error><Key>a b</Key><Code>AccessDenied</Code></Error>",
                plain,
                Some("AccessDenied"),
            ),
        ] {
            let expected: Vec<_> = (code.into_iter())
                .map(|code| (key.0.to_owned(), key.1.unwrap_or_default().to_owned(), code.to_owned()))
                .collect();
            assert_eq!(failed(inner, &[key]), expected, "{inner} {key:?}");
        }
    }

    #[test]
    fn failures_are_reported_per_key() {
        let inner = "<Deleted><Key>b</Key></Deleted><Error><Key>c</Key><Code>AccessDenied</Code></Error>";
        let keys = [("a", None), ("b", None), ("c", None)];
        let names: Vec<_> = failed(inner, &keys).into_iter().map(|(key, ..)| key).collect();
        assert_eq!(names, ["a", "c"]);
        let mixed =
            "<Deleted><Key>a</Key></Deleted><Error><Key>b</Key></Error><X/><Deleted><Key>c</Key></Deleted>";
        assert_eq!(failed(mixed, &keys).into_iter().map(|(key, ..)| key).collect::<Vec<_>>(), ["b"]);
        assert!(failures("<html/>", &keys).is_err());
    }
}
