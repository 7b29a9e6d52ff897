//! `info s3://BUCKET[/KEY]...`: shows what is known about a bucket or an object.

use super::context::{Cx, s3_uri};
use crate::output::{Exit, Failure, Outcome};
use crate::s3::acl::Acl;
use crate::s3::bucket::ExpiryRule;
use crate::s3::object::Head;
use crate::s3::{Error, Result};
use crate::transfer::attrs::{self, Attributes};
use crate::uri::S3Uri;
use std::ffi::OsString;

/// Describes each bucket or object. The first that is not there, or may not be seen, ends the command.
pub async fn run(cx: &Cx, args: &[OsString]) -> Outcome {
    for arg in args {
        let uri = s3_uri(arg)?;
        if uri.bucket.is_empty() {
            return Err(Failure::parameter(format!(
                "Expecting S3 URI instead of '{}'",
                arg.to_string_lossy()
            )));
        }
        if uri.has_key() { object_info(cx, &uri).await? } else { bucket_info(cx, &uri).await? }
    }
    Ok(())
}

async fn object_info(cx: &Cx, uri: &S3Uri) -> Outcome {
    let (client, bucket, key) = (cx.client(), uri.bucket.as_str(), uri.key.as_str());
    // A line that s3cmd does not print is for those who ask for it.
    let checksum = cx.settings.checksum().is_some();
    let head = async {
        if checksum {
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
    cx.console.line(format!("{uri} (object):"))?;
    for line in object_lines(&head) {
        cx.console.line(line)?;
    }
    access(cx, uri, policy, cors, acl)?;
    for (name, value) in &head.headers {
        if name.as_str().starts_with("x-amz-meta-") {
            cx.console.line(format!("   {name}: {}", String::from_utf8_lossy(value.as_bytes())))?;
        }
    }
    if let Some(stored) = head.checksum().filter(|_| checksum) {
        cx.console.line(format!("   {}: {stored}", stored.checksum().algorithm().header()))?;
    }
    Ok(())
}

fn object_lines(head: &Head) -> [String; 6] {
    let or = |value: &str, other: &str| if value.is_empty() { other.to_owned() } else { value.to_owned() };
    let md5 = stored_md5(head).unwrap_or_else(|| head.etag.clone());
    [
        format!("   File size: {}", head.size),
        format!("   Last mod:  {}", head.modified),
        format!("   MIME type: {}", or(&head.content_type, "none")),
        format!("   Storage:   {}", or(&head.storage_class, "STANDARD")),
        format!("   MD5 sum:   {md5}"),
        format!("   SSE:       {}", head.header("x-amz-server-side-encryption").unwrap_or("none")),
    ]
}

/// The MD5 of the content that was stored with the object in `s3cmd-attrs`.
pub(crate) fn stored_md5(head: &Head) -> Option<String> {
    Attributes::parse(head.header(attrs::HEADER)?).md5().map(str::to_owned)
}

/// HEAD answers have no document: s3cmd names the code that a missing object has (measured on s3cmd 2.4.0).
fn object_failure(error: Error) -> Failure {
    if error.is_not_found() {
        let line = "S3 error: 404 (NoSuchKey): The specified key does not exist.";
        return Failure::new(Exit::NOTFOUND, line);
    }
    Failure::about_bucket(error)
}

async fn bucket_info(cx: &Cx, uri: &S3Uri) -> Outcome {
    let (client, bucket) = (cx.client(), uri.bucket.as_str());
    // The first request may have to learn the bucket's region, or that it is not there.
    let location = client.bucket_location(bucket).await.map_err(Failure::about_bucket)?;
    let (payer, ownership, versioning, rule, block, policy, cors, acl) = tokio::join!(
        client.request_payer(bucket),
        client.ownership(bucket),
        client.versioning(bucket),
        client.expiry_rule(bucket),
        client.public_access_block(bucket),
        client.document(bucket, None, "policy"),
        client.document(bucket, None, "cors"),
        client.get_acl(bucket, None),
    );
    cx.console.line(format!("{uri} (bucket):"))?;
    cx.console.line(format!("   Location:  {location}"))?;
    cx.console.line(format!("   Payer:     {}", known(payer)?))?;
    cx.console.line(format!("   Ownership: {}", known(ownership)?))?;
    cx.console.line(format!("   Versioning:{}", known(versioning)?))?;
    cx.console.line(expiry_line(optional(rule)?.flatten().as_ref()))?;
    let block = optional(block)?.filter(|switches| !switches.is_empty());
    let block = block.map_or_else(|| "none".to_owned(), |switches| switches.join(","));
    cx.console.line(format!("   Block Public Access: {block}"))?;
    access(cx, uri, policy, cors, acl)
}

/// The lines about policy, CORS and grants, which buckets and objects share. The documents are shown as they came, line
/// ends and all (measured on s3cmd 2.4.0).
fn access(cx: &Cx, uri: &S3Uri, policy: Result<String>, cors: Result<String>, acl: Result<Acl>) -> Outcome {
    cx.console.line(format!("   Policy:    {}", policy_text(policy)?))?;
    let cors = unless_missing(cors)?.unwrap_or_else(|| "none".to_owned());
    cx.console.line(format!("   CORS:      {cors}"))?;
    let Some(acl) = unless_missing(acl)? else {
        return cx.console.line("   ACL:       none");
    };
    for grant in &acl.grants {
        cx.console.line(format!("   ACL:       {}: {}", grant.grantee.shown(), grant.permission))?;
    }
    if acl.allows_anonymous_read() {
        cx.console.line(format!("   URL:       {}", cx.public_url(uri)))?;
    }
    Ok(())
}

fn policy_text(answer: Result<String>) -> Outcome<String> {
    match answer {
        Err(error) if error.status() == Some(403) => {
            Ok("Not available: GetPolicy permission is needed to read the policy".to_owned())
        }
        Err(error) if error.status() == Some(405) => {
            Ok("Not available: Only the bucket owner can read the policy".to_owned())
        }
        answer => Ok(unless_missing(answer)?.unwrap_or_else(|| "none".to_owned())),
    }
}

/// Nothing is set, or the service does not know such a thing.
fn unless_missing<T>(answer: Result<T>) -> Outcome<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.status(), Some(404 | 501)) => Ok(None),
        Err(error) => Err(Failure::about_bucket(error)),
    }
}

/// The same for what other services than AWS mostly do not have: they say so in many ways (Ceph answers 400 to
/// ownership controls), and one who may not ask is told `none` as in s3cmd.
fn optional<T>(answer: Result<T>) -> Outcome<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.status(), Some(400 | 403 | 404 | 405 | 501)) => Ok(None),
        Err(error) => Err(Failure::about_bucket(error)),
    }
}

fn known(answer: Result<Option<String>>) -> Outcome<String> {
    let value = optional(answer)?.flatten().filter(|value| !value.is_empty());
    Ok(value.unwrap_or_else(|| "none".to_owned()))
}

fn expiry_line(rule: Option<&ExpiryRule>) -> String {
    let Some(rule) = rule else { return "   Expiration rule: none".to_owned() };
    let objects = if rule.prefix.is_empty() {
        "all objects in this bucket".to_owned()
    } else {
        format!("objects with key prefix '{}'", rule.prefix)
    };
    let when = match (&rule.days, &rule.date) {
        (Some(days), _) => format!("'{days}' day(s) after creation"),
        (None, Some(date)) => format!("'{date}' "),
        (None, None) => return "   Expiration rule: none".to_owned(),
    };
    format!("   Expiration Rule: {objects} will expire in {when}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines printed by s3cmd 2.4.0.
    #[test]
    fn expiry_rules_read_as_in_s3cmd() {
        let rule = |prefix: &str, days: Option<&str>, date: Option<&str>| ExpiryRule {
            prefix: prefix.into(),
            days: days.map(Into::into),
            date: date.map(Into::into),
        };
        assert_eq!(expiry_line(None), "   Expiration rule: none");
        assert_eq!(
            expiry_line(Some(&rule("log/", Some("7"), None))),
            "   Expiration Rule: objects with key prefix 'log/' will expire in '7' day(s) after creation"
        );
        assert_eq!(
            expiry_line(Some(&rule("", Some("3"), None))),
            "   Expiration Rule: all objects in this bucket will expire in '3' day(s) after creation"
        );
        assert_eq!(
            expiry_line(Some(&rule("y/", None, Some("2030-01-01T00:00:00.000Z")))),
            "   Expiration Rule: objects with key prefix 'y/' will expire in '2030-01-01T00:00:00.000Z' "
        );
    }
}
