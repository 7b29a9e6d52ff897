//! Lifecycle expiration: the background task, and the headers that announce it.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>
//!
//! As in S3, an object expires at the first midnight (UTC) after it reaches the age in days that its rule gives. If
//! days are shortened for testing, it expires to the second. In a versioned bucket, an expired object gets a delete
//! marker. The age of a noncurrent version counts from when the version that replaced it was written; a delete marker
//! expires when it is the only version left of its key. Locked versions are kept. Transition rules are stored and
//! returned, but have no effect.

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

/// How often the rules are applied, if a lifecycle day is a real day.
const INTERVAL: Duration = Duration::from_secs(15 * 60);

/// The headers that report when an incomplete multipart upload will be aborted, and by which rule; in real days, like
/// [`expiry_header`]. `None` if no rule applies.
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

/// The header that reports when a current object will expire, and by which rule; `None` if no rule applies. Like Ceph,
/// it reports what S3 would, in real days, even if days are shortened for testing.
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
        .filter(|rule| rule.enabled && rule.matches(key, meta, stat.size))
        .filter_map(|rule| match rule.expires? {
            Expiration::Days(days) => Some((due(meta.modified(stat), days, DAY)?, &rule.id)),
            Expiration::Date(date) => Some((date, &rule.id)),
        })
        .min()?;
    let value = format!("expiry-date=\"{}\", rule-id=\"{}\"", http_date::format(at), encode::query(id));
    Some(("x-amz-expiration".to_owned(), value))
}

/// Applies the rules of all buckets periodically until `stopping` becomes true.
pub(crate) async fn run(server: Arc<Server>, mut stopping: watch::Receiver<bool>) {
    if server.read_only {
        return;
    }
    let day = server.day;
    let interval = INTERVAL.min(day / 4).max(Duration::from_millis(200));
    loop {
        tokio::select! {
            () = stop_requested(&mut stopping) => return,
            () = tokio::time::sleep(interval) => {}
        }
        let server = Arc::clone(&server);
        let stopping = stopping.clone();
        let stopped = move || *stopping.borrow();
        let work = move || {
            let now = LifecycleClock { time: Utc::now(), day };
            for bucket in server.store.buckets()? {
                // Nothing expires in a bucket whose record or documents are unreadable.
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
    // List only the keys below the rules' prefixes, and skip prefixes that another one includes.
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
            // Check again under the key's lock: the object may have been replaced or tagged since.
            let result = bucket.remove(&key, None, |present| match present {
                Some(object) if due(&object.meta, object.stat.size, object.modified()) => Ok(()),
                _ => fail(ErrorCode::PreconditionFailed, "no longer due"),
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
        .filter(|rule| {
            rule.enabled && (rule.noncurrent.is_some() || rule.expire_markers || rule.expires.is_some())
        })
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
        for (index, version) in versions.iter().enumerate() {
            let matches = |rule: &LifecycleRule| match &version.content {
                ListedContent::Data(summary) => rule.matches(&key, &summary.meta, summary.stat.size),
                ListedContent::Marker { .. } => rule.tags.is_empty() && key.starts_with(&rule.prefix),
            };
            let due = |rule: &LifecycleRule| {
                if let Some(newer) = index.checked_sub(1) {
                    // It became noncurrent when the next newer version was written.
                    let since = versions[newer].modified();
                    return rule.noncurrent.is_some_and(|noncurrent| {
                        newer >= noncurrent.keep && now.is_past(since, noncurrent.days)
                    });
                }
                let is_sole_marker =
                    versions.len() == 1 && matches!(version.content, ListedContent::Marker { .. });
                let is_old = match rule.expires {
                    Some(Expiration::Days(days)) => now.is_past(version.modified(), days),
                    Some(Expiration::Date(_)) | None => false,
                };
                is_sole_marker && (rule.expire_markers || is_old)
            };
            if !rules.iter().any(|rule| matches(rule) && due(rule)) {
                continue;
            }
            let removed = bucket.remove_version(&key, &version.id, |_, meta| {
                if meta.is_locked() { fail(ErrorCode::AccessDenied, "locked") } else { Ok(()) }
            });
            match removed {
                Ok(_) => log::info!("serve: lifecycle: version {} of {}/{key}", version.id, bucket.name()),
                Err(error) => log::debug!("serve: lifecycle: {}/{key}: {}", bucket.name(), error.message),
            }
        }
    }
    Ok(())
}
