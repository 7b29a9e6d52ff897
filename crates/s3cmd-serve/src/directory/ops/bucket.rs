//! ListBuckets, HeadBucket, CreateBucket, DeleteBucket and GetBucketLocation.

use super::list;
use crate::directory::access::RequiredRight;
use crate::directory::state::Server;
use crate::http::call::{Call, Reply};
use crate::model::acl::{self, Acl, Permission};
use crate::model::error::{ErrorCode, S3Error, S3Result, access_denied, fail, malformed_xml};
use crate::model::ownership::Ownership;
use crate::model::xml::{self, Writer};
use crate::store::bucket_record::{BucketRecord, Versioning};
use chrono::Utc;

/// The most buckets on one page.
const MAX_BUCKETS: usize = 10_000;

/// ListBuckets: the requester's buckets, in pages if requested. Anonymous clients get an empty list, as in Ceph.
pub(crate) fn list_all(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let Some(requester) = call.requester_id() else {
        let mut xml = Writer::new("ListAllMyBucketsResult");
        xml.open("Owner").text("ID", "anonymous").close().open("Buckets").close();
        return Ok(Reply::xml(xml.finish()));
    };
    let max = call.number("max-buckets", MAX_BUCKETS)?;
    if max == 0 || max > MAX_BUCKETS {
        return fail(ErrorCode::InvalidArgument, "max-buckets must be between 1 and 10000");
    }
    let prefix = call.parameter("prefix").unwrap_or("");
    let after = list::read_token(call.parameter("continuation-token").unwrap_or(""))?;
    let region = call.parameter("bucket-region");
    let mut found = server.store.buckets()?;
    found.retain(|bucket| {
        server.owner(bucket) == requester
            && bucket.name().starts_with(prefix)
            && bucket.name() > after.as_str()
            && region
                .is_none_or(|region| bucket.state().location.as_deref().unwrap_or(&server.region) == region)
    });
    let truncated = found.len() > max;
    found.truncate(max);
    let mut xml = Writer::new("ListAllMyBucketsResult");
    acl::write_user(xml.open("Owner"), requester, &server.users);
    xml.close().open("Buckets");
    for bucket in &found {
        xml.open("Bucket").text("Name", bucket.name());
        xml.text("CreationDate", xml::time(bucket.state().created)).close();
    }
    xml.close();
    if let Some(last) = found.last().filter(|_| truncated) {
        xml.text("ContinuationToken", list::token_for(last.name()));
    }
    if call.parameter("prefix").is_some() {
        xml.text("Prefix", prefix);
    }
    Ok(Reply::xml(xml.finish()))
}

/// HeadBucket.
pub(crate) fn head(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.authorize(call, &bucket, "s3:ListBucket", None, RequiredRight::Bucket(Permission::Read))?;
    let region = bucket.state().location.unwrap_or_else(|| server.region.clone());
    Ok(Reply::new(200).header("x-amz-bucket-region", region))
}

/// Whether a new bucket may have this name, by the rules of S3's documentation. (Existing folders with upper case or
/// `_` in their names are served.)
fn is_valid_new_name(name: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
        && edge(name.bytes().next())
        && edge(name.bytes().last())
        && !["..", ".-", "-."].iter().any(|pair| name.contains(pair))
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

/// CreateBucket. If the requester already owns the bucket, the reply is 200 and the bucket does not change. A different
/// ACL is a conflict, as in Ceph; so is a location other than us-east-1, as on AWS.
pub(crate) fn create(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let requester = call.requester_id().ok_or_else(access_denied)?.to_owned();
    let name = call.bucket_name().to_owned();
    let body = call.payload.read_document()?;
    let mut location = None;
    if !body.trim_ascii().is_empty() {
        let root = xml::parse(&body, &["CreateBucketConfiguration"])?;
        location = root.value("LocationConstraint").map(|text| text.trim().to_owned());
        if location.as_ref().is_some_and(|text| text.len() > 100) {
            return Err(malformed_xml());
        }
    }
    let acl = Acl::from_headers(
        |name| call.header(name).map(str::to_owned),
        &requester,
        &requester,
        &server.users,
    )?;
    let requested_acl = acl.clone().unwrap_or_else(|| Acl::private(&requester));
    let other_region = location.as_ref().is_some_and(|text| !text.is_empty() && text != "us-east-1");
    let exists = |bucket: &crate::store::bucket::Bucket| {
        if server.owner(bucket) == requester && other_region {
            fail(
                ErrorCode::BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it.",
            )
        } else if server.owner(bucket) == requester && server.bucket_acl(bucket) == requested_acl {
            Ok(Reply::new(200).header("location", format!("/{name}")))
        } else {
            fail(
                ErrorCode::BucketAlreadyExists,
                "The requested bucket name is not available. The bucket namespace is shared by all users of the system. \
                 Please select a different name and try again.",
            )
        }
    };
    if let Some(bucket) = server.store.find(&name)? {
        return exists(&bucket);
    }
    if !is_valid_new_name(&name) {
        return fail(ErrorCode::InvalidBucketName, "The specified bucket is not valid.");
    }
    let ownership = call.header("x-amz-object-ownership").map(str::trim);
    if ownership.is_some_and(|name| Ownership::parse(name).is_none()) {
        return fail(ErrorCode::InvalidArgument, "Invalid x-amz-object-ownership header");
    }
    if ownership == Some("BucketOwnerEnforced")
        && acl.as_ref().is_some_and(|acl| *acl != Acl::private(&requester))
    {
        return Err(acl_conflict());
    }
    let object_lock = call
        .header("x-amz-bucket-object-lock-enabled")
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
    let state = BucketRecord {
        owner: Some(requester.clone()),
        created: Utc::now(),
        location: location.filter(|text| !text.is_empty()),
        acl,
        versioning: object_lock.then_some(Versioning::Enabled),
        object_lock,
    };
    if !server.store.create(&name, &state)? {
        return match server.store.find(&name)? {
            Some(bucket) => exists(&bucket),
            None => fail(ErrorCode::BucketAlreadyExists, "The requested bucket name is not available."),
        };
    }
    if let Some(name) = ownership {
        let text = format!(
            "<OwnershipControls><Rule><ObjectOwnership>{name}</ObjectOwnership></Rule></OwnershipControls>"
        );
        server.store.bucket(call.bucket_name())?.set_document("ownershipControls", Some(&text))?;
    }
    Ok(Reply::new(200).header("location", format!("/{name}")))
}

/// The error for disabling ACLs on a bucket whose ACL grants access to others.
pub(super) fn acl_conflict() -> S3Error {
    S3Error::new(
        ErrorCode::InvalidBucketAclWithObjectOwnership,
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    )
}

/// DeleteBucket. The bucket has to be empty.
pub(crate) fn delete(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.authorize(call, &bucket, "s3:DeleteBucket", None, RequiredRight::Owner)?;
    server.store.remove(&bucket)?;
    Ok(Reply::new(204))
}

/// GetBucketLocation; `us-east-1` is the empty constraint.
pub(crate) fn location(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.authorize(call, &bucket, "s3:GetBucketLocation", None, RequiredRight::Owner)?;
    let location = bucket.state().location.unwrap_or_else(|| server.region.clone());
    let mut xml = Writer::new("LocationConstraint");
    if location != "us-east-1" {
        xml.raw_text(&location);
    }
    Ok(Reply::xml(xml.finish()))
}

#[cfg(test)]
mod tests {
    use super::is_valid_new_name;

    #[test]
    fn new_names_follow_the_rules_of_s3() {
        for name in ["abc", "a-b.c", "1ab", &"a".repeat(63)] {
            assert!(is_valid_new_name(name), "{name}");
        }
        for name in [
            "ab",
            "Abc",
            "a_b",
            "-ab",
            "ab-",
            ".ab",
            "a..b",
            "a.-b",
            "a-.b",
            "1.2.3.4",
            "a b",
            "ä12",
            &"a".repeat(64),
        ] {
            assert!(!is_valid_new_name(name), "{name}");
        }
    }
}
