//! `info s3://BUCKET[/KEY]...`: shows the details of buckets and objects.

use crate::commands::shared::arguments::s3_uri;
use crate::commands::shared::context::Context;
use crate::commands::shared::each::each;
use crate::commands::shared::stored_md5::stored_md5;
use crate::output::{
    Access, BucketInfo, Checksum, Encryption, Event, Exit, Failure, ObjectInfo, Outcome, OwnedGrant,
    Retention, WebsiteDocuments,
};
use crate::uri::S3Uri;
use chrono::{DateTime, SecondsFormat};
use s3cmd_client::model::acl::Acl;
use s3cmd_client::ops::object::Head;
use s3cmd_client::ops::subresources::Website;
use s3cmd_client::{Error, Result};
use std::ffi::{OsStr, OsString};

/// Prints the details of each bucket or object: s3cmd's lines first, then a line for each setting that s3cmd does not
/// show and that is set.
pub(crate) async fn run(cx: &Context, args: &[OsString]) -> Outcome {
    let uris = args.iter().map(|arg| uri_of(arg)).collect::<Outcome<Vec<_>>>()?;
    each(
        cx,
        &uris,
        async |uri| {
            if uri.has_key() { object_info(cx, uri).await } else { bucket_info(cx, uri).await }
        },
    )
    .await
}

fn uri_of(arg: &OsStr) -> Outcome<S3Uri> {
    match s3_uri(arg)? {
        uri if uri.bucket.is_empty() => {
            Err(Failure::parameter(format!("Expecting S3 URI instead of '{}'", arg.to_string_lossy())))
        }
        uri => Ok(uri),
    }
}

async fn object_info(cx: &Context, uri: &S3Uri) -> Outcome {
    let (client, bucket, key) = (cx.client(), uri.bucket.as_str(), uri.key.as_str());
    // A line that s3cmd does not print appears only on request.
    let wants_checksum = cx.settings.checksum().is_some();
    let head = async {
        if wants_checksum {
            client.head_object_with_checksum(bucket, key).await
        } else {
            client.head_object(bucket, key).await
        }
    };
    let (head, policy, cors, acl) = tokio::join!(
        head,
        client.document(bucket, None, "policy"),
        client.document(bucket, None, "cors"),
        client.get_acl(bucket, Some(key)),
    );
    let head = head.map_err(object_failure)?;
    let mut info = object_details(uri, &head, client.version().is_some());
    let outcome = access(cx, uri, &mut info.access, policy, cors, acl);
    if outcome.is_ok() {
        info.metadata = metadata(&head);
        info.legal_hold = head.header("x-amz-object-lock-legal-hold").map(|status| status == "ON");
        info.retention = retention(&head);
        // Only if the object has tags: a service without tagging might return the object itself.
        if head.header("x-amz-tagging-count").is_some_and(|count| count != "0") {
            info.tags = client.tags(bucket, Some(key)).await.unwrap_or_default();
        }
        let checksum = head.checksum().filter(|_| wants_checksum);
        info.checksum = checksum.map(|stored| {
            let algorithm = stored.checksum().algorithm();
            Checksum { algorithm: algorithm.name(), value: stored.to_string(), header: algorithm.header() }
        });
    }
    cx.console.print(&Event::ObjectInfo(&info))?;
    outcome
}

/// The details in the headers of an object.
fn object_details(uri: &S3Uri, head: &Head, shows_version: bool) -> ObjectInfo {
    let header = |name: &str| head.header(name).map(str::to_owned);
    let storage_class = if head.storage_class.is_empty() { "STANDARD" } else { &head.storage_class };
    ObjectInfo {
        bucket: uri.bucket.clone(),
        key: uri.key.clone(),
        version_id: header("x-amz-version-id"),
        size: head.size,
        modified: iso_time(&head.modified),
        content_type: head.content_type.clone(),
        storage_class: storage_class.to_owned(),
        etag: head.etag.clone(),
        md5: stored_md5(head),
        encryption: header("x-amz-server-side-encryption"),
        last_modified: head.modified.clone(),
        shows_version,
        ..ObjectInfo::default()
    }
}

/// The retention settings of the object.
fn retention(head: &Head) -> Option<Retention> {
    let mode = head.header("x-amz-object-lock-mode")?.to_owned();
    Some(Retention { mode, until: head.header("x-amz-object-lock-retain-until-date")?.to_owned() })
}

fn metadata(head: &Head) -> Vec<(String, String)> {
    let own = head.headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix("x-amz-meta-")?;
        Some((name.to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
    });
    own.collect()
}

/// Converts a time from the format of headers to that of listings.
fn iso_time(text: &str) -> Option<String> {
    let time = DateTime::parse_from_rfc2822(text).ok()?;
    Some(time.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// HEAD responses have no error document, so this uses the code that s3cmd prints for a missing object (measured on
/// s3cmd 2.4.0).
fn object_failure(error: Error) -> Failure {
    if error.is_not_found() {
        let line = "S3 error: 404 (NoSuchKey): The specified key does not exist.";
        return Failure::new(Exit::NOTFOUND, line);
    }
    Failure::about_bucket(error)
}

async fn bucket_info(cx: &Context, uri: &S3Uri) -> Outcome {
    let (client, bucket) = (cx.client(), uri.bucket.as_str());
    // The first request discovers the bucket's region, or that the bucket is missing.
    let location = client.bucket_location(bucket).await.map_err(Failure::about_bucket)?;
    let more = async {
        tokio::join!(
            client.tags(bucket, None),
            client.log_target(bucket),
            client.website(bucket),
            client.object_lock(bucket),
            client.default_encryption(bucket),
        )
    };
    let (payer, ownership, versioning, rules, block, policy, cors, acl, more) = tokio::join!(
        client.request_payer(bucket),
        client.ownership(bucket),
        client.versioning(bucket),
        client.lifecycle_rules(bucket),
        client.public_access_block(bucket),
        client.document(bucket, None, "policy"),
        client.document(bucket, None, "cors"),
        client.get_acl(bucket, None),
        more,
    );
    let mut info = BucketInfo { bucket: uri.bucket.clone(), location, ..BucketInfo::default() };
    let fill = || {
        // The heading and the location are available. An error keeps all lines after it from being printed.
        info.lines_known = 2;
        info.payer = value_if_set(payer)?;
        info.lines_known += 1;
        info.ownership = value_if_set(ownership)?;
        info.lines_known += 1;
        info.versioning = value_if_set(versioning)?;
        info.lines_known += 1;
        info.lifecycle = optional(rules)?.unwrap_or_default();
        info.lines_known += 1;
        info.public_access_block = optional(block)?.unwrap_or_default();
        info.lines_known += 1;
        access(cx, uri, &mut info.access, policy, cors, acl)?;
        // Settings that the service does not support or does not return have no line.
        let (tags, logging, website, lock, encryption) = more;
        info.tags = tags.unwrap_or_default();
        info.logging = logging.ok().flatten().map(|target| S3Uri::new(target.bucket, target.prefix));
        info.website = website.ok().map(|Website { index, error }| WebsiteDocuments { index, error });
        info.object_lock = lock.ok().flatten();
        let encryption = encryption.ok().flatten();
        info.encryption = encryption.map(|(algorithm, key)| Encryption { algorithm, key });
        Ok(())
    };
    let outcome = fill();
    cx.console.print(&Event::BucketInfo(&info))?;
    outcome
}

/// Fills in the policy, CORS rules and grants of a bucket or object, up to the first that cannot be read.
fn access(
    cx: &Context,
    uri: &S3Uri,
    filled: &mut Access,
    policy: Result<String>,
    cors: Result<String>,
    acl: Result<Acl>,
) -> Outcome {
    filled.policy = Some(policy_text(policy)?);
    filled.cors = Some(unless_missing(cors)?);
    let acl = unless_missing(acl)?;
    filled.public_url = acl.as_ref().filter(|acl| acl.allows_anonymous_read()).map(|_| cx.public_url(uri));
    filled.acl = Some(acl.map(OwnedGrant::all));
    Ok(())
}

fn policy_text(answer: Result<String>) -> Outcome<Option<String>> {
    match answer {
        Err(error) if error.status() == Some(403) => {
            Ok(Some("Not available: GetPolicy permission is needed to read the policy".to_owned()))
        }
        Err(error) if error.status() == Some(405) => {
            Ok(Some("Not available: Only the bucket owner can read the policy".to_owned()))
        }
        answer => unless_missing(answer),
    }
}

/// Returns `None` if nothing is set or the service does not support the setting.
fn unless_missing<T>(answer: Result<T>) -> Outcome<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.status(), Some(404 | 501)) => Ok(None),
        Err(error) => Err(Failure::about_bucket(error)),
    }
}

/// Like [`unless_missing`], for settings that most services other than AWS lack and reject with various statuses (Ceph
/// returns 400 for ownership controls). Without permission the value is `none`, as in s3cmd.
fn optional<T>(answer: Result<T>) -> Outcome<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.status(), Some(400 | 403 | 404 | 405 | 501)) => Ok(None),
        Err(error) => Err(Failure::about_bucket(error)),
    }
}

fn value_if_set(answer: Result<Option<String>>) -> Outcome<Option<String>> {
    Ok(optional(answer)?.flatten().filter(|value| !value.is_empty()))
}
