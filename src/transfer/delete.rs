//! Deleting many objects: in batches, spoken of in order, each key's own answer counted.

use super::pool::{Ledger, Verdict};
use crate::output::{Console, Outcome};
use crate::s3::Client;
use crate::s3::object::MAX_BATCH_DELETE;
use crate::uri::S3Uri;
use futures::{Stream, StreamExt};
use std::collections::HashMap;
use std::pin::pin;

/// Deletes keys of a bucket, a thousand in a request, and prints a `delete:` line for each that is gone.
///
/// A key that the service refuses to delete is named on stderr and counted as failed; the others go on (s3cmd 2.4.0
/// overlooks such answers). A refused request, or a broken stream of keys, ends the run with its error after the keys
/// before it were dealt with. With `dry_run` the lines are printed and nothing is sent.
pub async fn delete_keys(
    client: &Client,
    console: &Console,
    bucket: &str,
    keys: impl Stream<Item = Outcome<String>>,
    dry_run: bool,
) -> Outcome<Ledger> {
    let mut ledger = Ledger::default();
    let mut keys = pin!(keys.fuse());
    loop {
        let (mut batch, mut broken) = (Vec::new(), None);
        while batch.len() < MAX_BATCH_DELETE {
            match keys.next().await {
                None => break,
                Some(Ok(key)) => batch.push(key),
                Some(Err(failure)) => {
                    broken = Some(failure);
                    break;
                }
            }
        }
        let failures = if dry_run { HashMap::new() } else { delete_batch(client, bucket, &batch).await? };
        for key in &batch {
            let uri = S3Uri::new(bucket, key);
            match failures.get(key) {
                None => {
                    console.stream(format!("delete: '{uri}'"))?;
                    ledger.count(Verdict::Done);
                }
                Some(reason) => {
                    console.flush()?;
                    log::error!("Delete of '{uri}' failed (Reason: {reason})");
                    ledger.count(Verdict::Failed);
                }
            }
        }
        console.flush()?;
        if let Some(failure) = broken {
            return Err(failure);
        }
        if batch.len() < MAX_BATCH_DELETE {
            return Ok(ledger);
        }
    }
}

/// Deletes up to a thousand keys; answers why some of them could not be.
async fn delete_batch(client: &Client, bucket: &str, keys: &[String]) -> Outcome<HashMap<String, String>> {
    let (plain, odd): (Vec<String>, Vec<String>) = keys.iter().cloned().partition(|key| fits_xml(key));
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
