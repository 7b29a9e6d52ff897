//! Deleting many objects: in batches, spoken of in order, each key's own answer counted.

use super::pool::{Ledger, Verdict};
use crate::output::{Console, Event, Outcome};
use crate::s3::Client;
use crate::s3::object::MAX_BATCH_DELETE;
use futures::stream::{FuturesOrdered, TryChunksError};
use futures::{Stream, StreamExt, TryStreamExt};
use std::collections::HashMap;
use std::pin::pin;

/// Requests under way at once: each is a thousand keys of work for the server.
const MAX_REQUESTS: usize = 4;

/// How keys are deleted.
#[derive(Clone, Copy, Debug)]
pub struct Deletion {
    /// The lines are printed and nothing is sent.
    pub dry_run: bool,
    /// Most requests at once; 1 is strictly serial, and more than a few are not made.
    pub width: usize,
}

/// Deletes keys of a bucket, a thousand in a request, and prints a `delete:` line for each that is gone, in their order.
///
/// Keys are taken from the stream while earlier ones are deleted. A key that the service refuses to delete is named on
/// stderr and counted as failed; the others go on (s3cmd 2.4.0 overlooks such answers). After a refused request nothing
/// more is sent; what was under way is reported, then the run ends with that error. A broken stream ends the run with
/// its error after the keys before it were dealt with.
pub async fn delete_keys(
    client: &Client,
    console: &Console,
    bucket: &str,
    keys: impl Stream<Item = Outcome<String>>,
    how: Deletion,
) -> Outcome<Ledger> {
    let sized = keys.map_ok(|key| (key, 0));
    Ok(delete_sized(client, console, bucket, sized, how).await?.ledger)
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// How the keys ended.
    pub ledger: Ledger,
    /// Bytes of those that are gone.
    pub bytes: u64,
}

/// [`delete_keys`] for keys with their sizes in bytes, which are added up.
pub async fn delete_sized(
    client: &Client,
    console: &Console,
    bucket: &str,
    keys: impl Stream<Item = Outcome<(String, u64)>>,
    how: Deletion,
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
            Some((batch, answer)) = running.next(), if !running.is_empty() => match answer {
                Ok(failures) => report(console, bucket, batch, &failures, how.dry_run, &mut deleted)?,
                Err(failure) => refused = refused.or(Some(failure)),
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
                    let answer =
                        if how.dry_run { Ok(HashMap::new()) } else { delete_batch(client, bucket, &batch).await };
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

/// Prints and counts what became of a batch.
fn report(
    console: &Console,
    bucket: &str,
    batch: Vec<(String, u64)>,
    failures: &HashMap<String, String>,
    dry_run: bool,
    deleted: &mut Deleted,
) -> Outcome {
    let mut lines = String::new();
    for (key, size) in batch {
        match failures.get(&key) {
            None => {
                console.render(&mut lines, &Event::deletion(bucket, &key, None, dry_run));
                deleted.ledger.count(Verdict::Done);
                deleted.bytes += size;
            }
            Some(reason) => {
                console.block(&lines)?;
                console.flush()?;
                lines.clear();
                log::error!("Delete of 's3://{bucket}/{key}' failed (Reason: {reason})");
                deleted.ledger.count(Verdict::Failed);
            }
        }
    }
    console.block(&lines)?;
    console.flush()
}

/// Deletes up to a thousand keys; answers why some of them could not be.
async fn delete_batch(
    client: &Client,
    bucket: &str,
    keys: &[(String, u64)],
) -> Outcome<HashMap<String, String>> {
    let keys = keys.iter().map(|(key, _)| key.clone());
    let (plain, odd): (Vec<String>, Vec<String>) = keys.partition(|key| fits_xml(key));
    let mut failures = HashMap::new();
    if !plain.is_empty() {
        for failure in client.delete_objects(bucket, &plain).await? {
            let reason = match failure.message.as_str() {
                "" => failure.code,
                message => format!("{}: {message}", failure.code),
            };
            failures.insert(failure.key, reason);
        }
    }
    for key in odd {
        if let Err(error) = client.delete_object(bucket, &key).await {
            match error.service() {
                Some(service) => failures.insert(key, service.to_string()),
                None => return Err(error.into()),
            };
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
