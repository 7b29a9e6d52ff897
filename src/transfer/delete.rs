//! Deletes many objects in batches, prints the results in order, and counts the result of each key.

use super::ordered_tasks::{ItemResult, Summary};
use crate::output::{Console, Event, Outcome, error_reason};
use futures::stream::{FuturesOrdered, TryChunksError};
use futures::{Stream, StreamExt, TryStreamExt};
use s3cmd_client::ops::object::MAX_BATCH_DELETE;
use s3cmd_client::{Client, Result};
use std::collections::HashMap;
use std::ops::AddAssign;
use std::pin::pin;

/// The maximum number of concurrent requests. Each one is a thousand keys of work for the server.
const MAX_REQUESTS: usize = 4;

/// An object or version to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deletion {
    /// Key.
    pub(crate) key: String,
    /// The id of the version to delete permanently. `None` deletes the object; a bucket with versioning then keeps its
    /// versions.
    pub(crate) version: Option<String>,
    /// Length in bytes, or 0 if unknown.
    pub(crate) size: u64,
}

/// How keys are deleted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeleteOptions {
    /// Print the lines, but send no requests.
    pub(crate) dry_run: bool,
    /// The maximum number of concurrent requests, capped at a few. 1 is strictly serial.
    pub(crate) width: usize,
}

/// Deletes keys of a bucket, up to a thousand per request, and prints a `delete:` line for each deleted key in order.
///
/// Keys are read from the stream while earlier ones are deleted. A key that the service does not delete is printed on
/// stderr and counted as failed, and the others continue (s3cmd 2.4.0 ignores such results). The same applies to all
/// keys of a request that fails without being refused. After a refused request no further requests are sent; running
/// ones are reported, then the run ends with that error. If the stream fails, the keys before the error are processed,
/// then the run ends with the error.
pub(crate) async fn delete_keys(
    client: &Client,
    console: &Console,
    bucket: &str,
    keys: impl Stream<Item = Outcome<String>>,
    how: DeleteOptions,
) -> Outcome<Summary> {
    let deletions = keys.map_ok(|key| Deletion { key, version: None, size: 0 });
    Ok(delete_sized(client, console, bucket, deletions, how).await?.summary)
}

/// The result of deleting keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deleted {
    /// The number of keys with each result.
    pub summary: Summary,
    /// Total size of the deleted objects in bytes.
    pub(crate) bytes: u64,
}

impl AddAssign for Deleted {
    fn add_assign(&mut self, other: Self) {
        self.summary += other.summary;
        self.bytes += other.bytes;
    }
}

/// [`delete_keys`] for objects and versions with known sizes, which are summed.
pub(crate) async fn delete_sized(
    client: &Client,
    console: &Console,
    bucket: &str,
    keys: impl Stream<Item = Outcome<Deletion>>,
    how: DeleteOptions,
) -> Outcome<Deleted> {
    let mut deleted = Deleted::default();
    let mut batches = pin!(keys.try_chunks(MAX_BATCH_DELETE).fuse());
    let mut running = FuturesOrdered::new();
    let (mut refused, mut broken) = (None, None);
    let width = how.width.clamp(1, MAX_REQUESTS);
    loop {
        let may_start = refused.is_none() && broken.is_none() && !batches.is_done() && running.len() < width;
        tokio::select! {
            biased;
            Some((batch, answer)) = running.next(), if !running.is_empty() => match Result::<Failures>::from(answer) {
                Ok(failures) => report(console, bucket, batch, &failures, how.dry_run, &mut deleted)?,
                // If the service refuses one request, it would refuse the others as well.
                Err(error) if error.concerns_all_requests() || error.status().is_some_and(|status| status < 500) => {
                    refused = refused.or(Some(error.into()));
                }
                Err(error) => {
                    let reason = error_reason(&error);
                    let failed = batch.iter().map(|deletion| (name_of(deletion), reason.clone())).collect();
                    report(console, bucket, batch, &failed, how.dry_run, &mut deleted)?;
                }
            },
            next = batches.next(), if may_start => {
                let batch = match next {
                    None => continue,
                    Some(Ok(batch)) => batch,
                    Some(Err(TryChunksError(batch, failure))) => {
                        broken = Some(failure);
                        batch
                    }
                };
                running.push_back(async move {
                    let answer: Result<Failures> =
                        if how.dry_run { Ok(Failures::new()) } else { delete_batch(client, bucket, &batch).await };
                    (batch, answer)
                });
            }
            else => break,
        }
    }
    match refused.or(broken) {
        Some(failure) => Err(failure),
        None => Ok(deleted),
    }
}

/// The reasons why keys could not be deleted, by key and version id (empty if there is none).
type Failures = HashMap<(String, String), String>;

fn name_of(deletion: &Deletion) -> (String, String) {
    (deletion.key.clone(), deletion.version.clone().unwrap_or_default())
}

/// Prints and counts the results of a batch.
fn report(
    console: &Console,
    bucket: &str,
    batch: Vec<Deletion>,
    failures: &Failures,
    dry_run: bool,
    deleted: &mut Deleted,
) -> Outcome {
    let mut lines = String::new();
    for Deletion { key, version, size } in batch {
        let version = version.as_deref();
        match failures.get(&(key.clone(), version.unwrap_or_default().to_owned())) {
            None => {
                console.render(&mut lines, &Event::deletion(bucket, &key, version, dry_run));
                deleted.summary.count(ItemResult::Done);
                deleted.bytes += size;
            }
            Some(reason) => {
                console.print_lines(&lines)?;
                console.flush()?;
                lines.clear();
                log::error!("Delete of 's3://{bucket}/{key}' failed (Reason: {reason})");
                deleted.summary.count(ItemResult::Failed);
            }
        }
    }
    console.print_lines(&lines)?;
    console.flush()
}

/// Deletes up to a thousand keys. Returns the keys that failed, with reasons.
async fn delete_batch(client: &Client, bucket: &str, deletions: &[Deletion]) -> Result<Failures> {
    let named = deletions.iter().map(|deletion| (deletion.key.as_str(), deletion.version.as_deref()));
    let (plain, others): (Vec<_>, Vec<_>) = named.partition(|(key, _)| fits_xml(key));
    let mut failures = Failures::new();
    if !plain.is_empty() {
        for failure in client.delete_objects(bucket, &plain).await? {
            let reason = match (&failure.error, failure.message.as_str()) {
                (Some(error), _) => error_reason(error),
                (None, "") => failure.code,
                (None, message) => format!("{}: {message}", failure.code),
            };
            failures.insert((failure.key, failure.version), reason);
        }
    }
    for (key, version) in others {
        let version = version.unwrap_or_default();
        if let Err(error) = client.at_version(version).delete_object(bucket, key).await {
            if error.concerns_all_requests() {
                return Err(error);
            }
            let reason = error_reason(&error);
            failures.insert((key.to_owned(), version.to_owned()), reason);
        }
    }
    Ok(failures)
}

/// Whether a key can be sent in an XML document: it has no characters that XML 1.0 excludes or that a parser
/// normalises. Other keys are deleted one by one.
fn fits_xml(key: &str) -> bool {
    key.chars().all(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_xml_cannot_represent_are_deleted_one_by_one() {
        for (key, fits) in
            [("a b/ä&<", true), ("a\r", false), ("\u{1}", false), ("a\tb", false), ("\u{ffff}", false)]
        {
            assert_eq!(fits_xml(key), fits, "{key:?}");
        }
    }
}
