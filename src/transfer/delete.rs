//! Deleting many objects: in batches, spoken of in order, each key's own answer counted.

use super::ordered_tasks::{ItemResult, Summary};
use crate::output::{Console, Event, Outcome};
use crate::s3::object::MAX_BATCH_DELETE;
use crate::s3::{Client, Result};
use futures::stream::{FuturesOrdered, TryChunksError};
use futures::{Stream, StreamExt, TryStreamExt};
use std::collections::HashMap;
use std::ops::AddAssign;
use std::pin::pin;

/// Requests under way at once: each is a thousand keys of work for the server.
const MAX_REQUESTS: usize = 4;

/// What is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Key.
    pub key: String,
    /// Id of the version that is deleted for good; `None` for the object, of which a bucket with versioning keeps what
    /// there was.
    pub version: Option<String>,
    /// Length in bytes, as far as it is known.
    pub size: u64,
}

/// How keys are deleted.
#[derive(Clone, Copy, Debug)]
pub struct DeleteOptions {
    /// The lines are printed and nothing is sent.
    pub dry_run: bool,
    /// Most requests at once; 1 is strictly serial, and more than a few are not made.
    pub width: usize,
}

/// Deletes keys of a bucket, a thousand in a request, and prints a `delete:` line for each that is gone, in their order.
///
/// Keys are taken from the stream while earlier ones are deleted. A key that the service refuses to delete is named on
/// stderr and counted as failed; the others go on (s3cmd 2.4.0 overlooks such answers), also where a whole request failed
/// that is no refusal. After a refused request nothing more is sent; what was under way is reported, then the run ends
/// with that error. A broken stream ends the run with
/// its error after the keys before it were dealt with.
pub async fn delete_keys(
    client: &Client,
    console: &Console,
    bucket: &str,
    keys: impl Stream<Item = Outcome<String>>,
    how: DeleteOptions,
) -> Outcome<Summary> {
    let deletions = keys.map_ok(|key| Deletion { key, version: None, size: 0 });
    Ok(delete_sized(client, console, bucket, deletions, how).await?.summary)
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// How the keys ended.
    pub summary: Summary,
    /// Bytes of those that are gone.
    pub bytes: u64,
}

impl AddAssign for Deleted {
    fn add_assign(&mut self, other: Self) {
        self.summary += other.summary;
        self.bytes += other.bytes;
    }
}

/// [`delete_keys`] for objects and versions with their sizes in bytes, which are added up.
pub async fn delete_sized(
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
                // A refusal of one request is one of them all.
                Err(error) if error.concerns_all_requests() || error.status().is_some_and(|status| status < 500) => {
                    refused = refused.or(Some(error.into()));
                }
                Err(error) => {
                    let reason = error.reason();
                    let failed = batch.iter().map(|deletions| (name_of(deletions), reason.clone())).collect();
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

/// Why keys, each with the id of its version or an empty one, could not be deleted.
type Failures = HashMap<(String, String), String>;

fn name_of(deletions: &Deletion) -> (String, String) {
    (deletions.key.clone(), deletions.version.clone().unwrap_or_default())
}

/// Prints and counts what became of a batch.
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

/// Deletes up to a thousand keys; answers why some of them could not be.
async fn delete_batch(client: &Client, bucket: &str, deletions: &[Deletion]) -> Result<Failures> {
    let named = deletions.iter().map(|deletions| (deletions.key.as_str(), deletions.version.as_deref()));
    let (plain, odd): (Vec<_>, Vec<_>) = named.partition(|(key, _)| fits_xml(key));
    let mut failures = Failures::new();
    if !plain.is_empty() {
        for failure in client.delete_objects(bucket, &plain).await? {
            let reason = match failure.message.as_str() {
                "" => failure.code,
                message => format!("{}: {message}", failure.code),
            };
            failures.insert((failure.key, failure.version), reason);
        }
    }
    for (key, version) in odd {
        let version = version.unwrap_or_default();
        if let Err(error) = client.at_version(version).delete_object(bucket, key).await {
            if error.concerns_all_requests() {
                return Err(error);
            }
            let reason = error.reason();
            failures.insert((key.to_owned(), version.to_owned()), reason);
        }
    }
    Ok(failures)
}

/// Whether a key survives a journey in an XML document: no characters that XML 1.0 does not have, and none that a
/// parser normalises. Other keys are deleted one by one.
fn fits_xml(key: &str) -> bool {
    key.chars().all(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_xml_cannot_carry_go_alone() {
        for (key, fits) in
            [("a b/ä&<", true), ("a\r", false), ("\u{1}", false), ("a\tb", false), ("\u{ffff}", false)]
        {
            assert_eq!(fits_xml(key), fits, "{key:?}");
        }
    }
}
