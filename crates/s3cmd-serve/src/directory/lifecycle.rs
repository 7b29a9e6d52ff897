//! Lifecycle rules: what expires, and the task that removes it.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>
//!
//! An object expires at the midnight (UTC) after it has become as many days old as its rule says, as in S3; where days
//! are shortened for trying, to the second. Where there are versions, an expired object gets a delete marker. A version
//! that is not current expires as many days after the one that took its place was written, and a delete marker when
//! nothing else is left of its key. Locked versions stay. Rules for transitions are kept and returned, and do nothing.

use super::state::Server;
use crate::http::http_date;
use crate::http::shutdown::stop_requested;
use crate::model::error::{ErrorCode, S3Error, S3Result, fail};
use crate::model::lifecycle_rules::{DAY, Expiration, LifecycleClock, LifecycleRule, LifecycleRules, due};
use crate::store::bucket::Bucket;
use crate::store::dir::Stat;
use crate::store::meta::Meta;
use crate::store::versions::ListedContent;
use crate::store::walk::Keys;
use chrono::{DateTime, Utc};
use s3cmd_client::sign::encode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often the rules are applied where a day is a day.
const ROUND: Duration = Duration::from_secs(15 * 60);

/// The headers that tell when an unfinished upload will be removed, and by which rule; in whole days, as
/// [`expiry_header`].
pub(crate) fn abort_headers(
    bucket: &Bucket,
    key: &str,
    initiated: DateTime<Utc>,
) -> Option<[(String, String); 2]> {
    let config = bucket.config();
    let rules = config.lifecycle.as_ref()?.as_ref().ok()?;
    let (at, id) = rules
        .0
        .iter()
        .filter(|rule| rule.enabled && rule.tags.is_empty() && key.starts_with(&rule.prefix))
        .filter_map(|rule| Some((due(initiated, rule.abort_after?, DAY)?, &rule.id)))
        .min()?;
    Some([
        ("x-amz-abort-date".to_owned(), http_date::format(at)),
        ("x-amz-abort-rule-id".to_owned(), encode::query(id).into_owned()),
    ])
}

/// The header that tells when a current object will expire, and by which rule; nothing if none applies to it. It tells
/// what S3 would, in whole days, also where they are shortened for trying: Ceph does so, too.
pub(crate) fn expiry_header(
    bucket: &Bucket,
    key: &str,
    meta: &Meta,
    stat: &Stat,
) -> Option<(String, String)> {
    let config = bucket.config();
    let rules = config.lifecycle.as_ref()?.as_ref().ok()?;
    let (at, id) = rules
        .0
        .iter()
        .filter(|rule| rule.enabled && rule.fits(key, meta, stat.size))
        .filter_map(|rule| match rule.expires? {
            Expiration::Days(days) => Some((due(meta.modified(stat), days, DAY)?, &rule.id)),
            Expiration::Date(date) => Some((date, &rule.id)),
        })
        .min()?;
    let value = format!("expiry-date=\"{}\", rule-id=\"{}\"", http_date::format(at), encode::query(id));
    Some(("x-amz-expiration".to_owned(), value))
}

/// Applies the rules of all buckets from time to time until `stopping` turns true.
pub(crate) async fn run(server: Arc<Server>, mut stopping: watch::Receiver<bool>) {
    if server.read_only {
        return;
    }
    let day = server.day;
    let round = ROUND.min(day / 4).max(Duration::from_millis(200));
    loop {
        tokio::select! {
            () = stop_requested(&mut stopping) => return,
            () = tokio::time::sleep(round) => {}
        }
        let server = Arc::clone(&server);
        let stopping = stopping.clone();
        let stopped = move || *stopping.borrow();
        let work = move || {
            let now = LifecycleClock { time: Utc::now(), day };
            for bucket in server.store.buckets()? {
                // Of a bucket whose record or documents cannot be read nothing is known: nothing expires.
                if bucket.check().is_err() {
                    continue;
                }
                if let Err(error) = expire(&bucket, &now, &stopped) {
                    log::error!("serve: lifecycle of {}: {}", bucket.name(), error.message);
                }
            }
            Ok::<_, S3Error>(())
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => log::error!("serve: lifecycle: {}", error.message),
            Err(error) => log::error!("serve: lifecycle panicked: {error}"),
        }
    }
}

fn expire(bucket: &Bucket, now: &LifecycleClock, stopped: &dyn Fn() -> bool) -> S3Result<()> {
    let config = bucket.config();
    let Some(rules) = &config.lifecycle else { return Ok(()) };
    let rules = rules.as_ref().map_err(S3Error::clone)?;
    for upload in bucket.uploads_in_order()? {
        let due = rules.0.iter().any(|rule| {
            rule.enabled
                && upload.key.starts_with(&rule.prefix)
                && rule.tags.is_empty()
                && rule.abort_after.is_some_and(|days| now.is_past(upload.initiated, days))
        });
        if due {
            log::info!("serve: lifecycle: upload {} of {}/{}", upload.id, bucket.name(), upload.key);
            bucket.remove_upload(&upload.id)?;
        }
    }
    // Only what has one of the prefixes is looked at, each prefix once.
    let mut prefixes: Vec<&str> = rules
        .0
        .iter()
        .filter(|rule| rule.enabled && rule.expires.is_some())
        .map(|rule| &*rule.prefix)
        .collect();
    prefixes.sort_unstable();
    prefixes.dedup_by(|later, earlier| later.starts_with(*earlier));
    for prefix in prefixes {
        let mut keys = Keys::new(bucket, prefix, b"")?;
        while let Some(key) = keys.next()? {
            if stopped() {
                return Ok(());
            }
            let Some(found) = bucket.summary(&key)? else { continue };
            let due = |meta: &Meta, size, modified| {
                rules.0.iter().any(|rule| rule.is_due(&key, meta, size, modified, now))
            };
            if !due(&found.meta, found.stat.size, found.modified()) {
                continue;
            }
            // Looked at once more under the key's lock: it may have been replaced or tagged since.
            let result = bucket.remove(&key, None, |present| match present {
                Some(object) if due(&object.meta, object.stat.size, object.modified()) => Ok(()),
                _ => fail(ErrorCode::PreconditionFailed, "not due any more"),
            });
            match result {
                Ok(_) => log::info!("serve: lifecycle: expired {}/{key}", bucket.name()),
                Err(error) => log::debug!("serve: lifecycle: {}/{key}: {}", bucket.name(), error.message),
            }
        }
    }
    if bucket.versioning().is_some() {
        expire_versions(bucket, rules, now, stopped)?;
    }
    Ok(())
}

fn expire_versions(
    bucket: &Bucket,
    rules: &LifecycleRules,
    now: &LifecycleClock,
    stopped: &dyn Fn() -> bool,
) -> S3Result<()> {
    let rules: Vec<&LifecycleRule> = rules
        .0
        .iter()
        .filter(|rule| rule.enabled && (rule.noncurrent.is_some() || rule.markers || rule.expires.is_some()))
        .collect();
    if rules.is_empty() {
        return Ok(());
    }
    let mut keys = Keys::with_versions(bucket, "", b"")?;
    while let Some(key) = keys.next()? {
        if stopped() {
            return Ok(());
        }
        let versions = bucket.versions_of(&key, None, usize::MAX)?;
        for (index, shown) in versions.iter().enumerate() {
            let fits = |rule: &LifecycleRule| match &shown.what {
                ListedContent::Data(summary) => rule.fits(&key, &summary.meta, summary.stat.size),
                ListedContent::Marker { .. } => rule.tags.is_empty() && key.starts_with(&rule.prefix),
            };
            let due = |rule: &LifecycleRule| {
                if let Some(newer) = index.checked_sub(1) {
                    // It stopped being current when what stands before it was written.
                    let since = versions[newer].modified();
                    return rule.noncurrent.is_some_and(|noncurrent| {
                        newer >= noncurrent.keep && now.is_past(since, noncurrent.days)
                    });
                }
                let alone = versions.len() == 1 && matches!(shown.what, ListedContent::Marker { .. });
                let old = match rule.expires {
                    Some(Expiration::Days(days)) => now.is_past(shown.modified(), days),
                    Some(Expiration::Date(_)) | None => false,
                };
                alone && (rule.markers || old)
            };
            if !rules.iter().any(|rule| fits(rule) && due(rule)) {
                continue;
            }
            let removed = bucket.remove_version(&key, &shown.id, |_, meta| {
                if meta.is_locked() { fail(ErrorCode::AccessDenied, "locked") } else { Ok(()) }
            });
            match removed {
                Ok(_) => log::info!("serve: lifecycle: version {} of {}/{key}", shown.id, bucket.name()),
                Err(error) => log::debug!("serve: lifecycle: {}/{key}: {}", bucket.name(), error.message),
            }
        }
    }
    Ok(())
}
