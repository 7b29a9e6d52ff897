//! Bucket documents (policy, CORS, lifecycle and so on): PUT, GET and DELETE, one implementation for all of them.

use super::bucket::acl_conflict;
use super::change;
use crate::directory::access::RequiredRight;
use crate::directory::state::Server;
use crate::http::call::{Call, Reply};
use crate::model::acl::Acl;
use crate::model::bucket_documents::{Absent, Document, PutRule};
use crate::model::error::{
    ErrorCode, S3Error, S3Result, access_denied, fail, malformed_xml, not_implemented,
};
use crate::model::ownership::Ownership;
use crate::model::policy::Policy;
use crate::model::public_access::PublicAccessBlock;
use crate::model::rule_ids::with_ids;
use crate::model::xml::{self, Node, Writer};

/// S3's limit on a policy, in bytes.
const MAX_POLICY: usize = 20 * 1024;

/// GET of a document.
pub(super) fn get(server: &Server, call: &Call, document: &Document) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.authorize(call, &bucket, &format!("s3:Get{}", document.action), None, RequiredRight::Owner)?;
    match bucket.document(document.sub) {
        Some(text) if document.sub == "policy" => {
            Ok(Reply::new(200).header("content-type", "application/json").whole(text.to_string()))
        }
        Some(text) => Ok(Reply::xml(text.to_string())),
        None => absent(document, bucket.name()),
    }
}

/// The reply to a GET for a bucket without the document.
pub(crate) fn absent(document: &Document, bucket: &str) -> S3Result<Reply> {
    match &document.if_absent {
        Absent::Error(code, message) => Err(S3Error::new(*code, *message).detail("BucketName", bucket)),
        Absent::Default(child) => {
            let mut xml = Writer::new(document.root);
            if let Some((name, value)) = child {
                xml.text(name, value);
            }
            Ok(Reply::xml(xml.finish()))
        }
    }
}

/// PUT of a document.
pub(super) fn put(server: &Server, call: &mut Call, document: &Document) -> S3Result<Reply> {
    let action = format!("s3:Put{}", document.action);
    let (bucket, body) = change::body_for_document(server, call, document.sub, &action)?;
    let status = match document.put {
        PutRule::Rejected => return Err(not_implemented(&format!("PUT ?{}", document.sub))),
        PutRule::Policy => {
            let bad = |message: &str| S3Error::new(ErrorCode::MalformedPolicy, message);
            if body.len() > MAX_POLICY {
                return Err(bad("Policy exceeds the maximum allowed document size"));
            }
            let text = std::str::from_utf8(&body).map_err(|_| bad("Policies must be valid JSON"))?;
            let policy = Policy::parse(text)?;
            policy.check_resources(bucket.name())?;
            if policy.is_public() && bucket.config().public_access.block_policy {
                return Err(access_denied());
            }
            204
        }
        PutRule::Stored(check, status) => {
            check(&xml::parse(&body, &[document.root])?)?;
            status
        }
    };
    let text = std::str::from_utf8(&body).map_err(|_| malformed_xml())?;
    match document.sub {
        "logging" => {
            check_log_target(server, &server.owner(&bucket), &xml::parse(&body, &[document.root])?)?;
        }
        "ownershipControls" => {
            let ownership = Ownership::of_document(&xml::parse(&body, &[document.root])?);
            let owner = server.owner(&bucket);
            if ownership.is_some_and(|ownership| !ownership.has_acls())
                && bucket.state().acl.is_some_and(|acl| acl != Acl::private(&owner))
            {
                return Err(acl_conflict());
            }
        }
        _ => {}
    }
    match document.sub {
        "policy" => bucket.set_document(document.sub, Some(text))?,
        "lifecycle" => {
            bucket.set_document(document.sub, Some(&with_ids(&without_layout(text))?))?;
        }
        "publicAccessBlock" => {
            bucket.set_document(
                document.sub,
                Some(&PublicAccessBlock::parse(&xml::parse(&body, &[document.root])?).to_xml()),
            )?;
        }
        _ => bucket.set_document(document.sub, Some(&without_layout(text)))?,
    }
    Ok(Reply::new(status))
}

/// GetBucketPolicyStatus: whether the policy or the ACL makes the bucket public. For a bucket without a policy the
/// reply is 200, as in Ceph; AWS replies 404, which its documentation does not mention.
pub(crate) fn policy_status(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.authorize(call, &bucket, "s3:GetBucketPolicyStatus", None, RequiredRight::Owner)?;
    let by_policy = bucket.policy().is_some_and(|policy| policy.is_public());
    let mut xml = Writer::new("PolicyStatus");
    xml.text("IsPublic", (by_policy || server.bucket_acl(&bucket).is_public()).to_string());
    Ok(Reply::xml(xml.finish()))
}

/// An XML document without its declaration and without whitespace between its elements. S3 services serialize stored
/// documents again, so clients never get their own layout back.
fn without_layout(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}').trim();
    let text = match text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest,
        None => text,
    };
    let mut out = String::with_capacity(text.len());
    // Whether the last tag opened an element: whitespace may be its whole content.
    let mut opened = false;
    for piece in text.split_inclusive('>') {
        let start = piece.rfind('<').unwrap_or(0);
        let (before, tag) = piece.split_at(start);
        let is_content = opened && tag.starts_with("</");
        if is_content || !before.trim().is_empty() {
            out.push_str(before);
        }
        out.push_str(tag);
        opened =
            !(tag.starts_with("</") || tag.ends_with("/>") || tag.starts_with("<!") || tag.starts_with("<?"));
    }
    out
}

/// Checks that the target bucket of access logs exists and has the same owner.
fn check_log_target(server: &Server, owner: &str, root: &Node) -> S3Result<()> {
    let Some(enabled) = root.child("LoggingEnabled") else { return Ok(()) };
    let target = enabled.value("TargetBucket").ok_or_else(malformed_xml)?;
    enabled.value("TargetPrefix").ok_or_else(malformed_xml)?;
    match server.store.bucket(target) {
        Ok(target) if server.owner(&target) != owner => fail(
            ErrorCode::InvalidTargetBucketForLogging,
            "The owner for the bucket to be logged and the target bucket must be the same.",
        ),
        Ok(_) => Ok(()),
        Err(error) if error.code == ErrorCode::NoSuchBucket => {
            fail(ErrorCode::InvalidTargetBucketForLogging, "The target bucket for logging does not exist")
        }
        Err(error) => Err(error),
    }
}

/// The error for a method that has no operation on the document.
pub(super) fn unsupported(call: &Call, document: &Document) -> S3Error {
    not_implemented(&format!("{} ?{}", call.method, document.sub))
}

/// DELETE of a document.
pub(super) fn delete(server: &Server, call: &Call, document: &Document) -> S3Result<Reply> {
    if !document.delete {
        return Err(unsupported(call, document));
    }
    let verb = if document.sub == "policy" { "Delete" } else { "Put" };
    let bucket = server.bucket_to_change(call, document.sub, &format!("s3:{verb}{}", document.action))?;
    if bucket.document(document.sub).is_some() || bucket.check().is_err() {
        bucket.set_document(document.sub, None)?;
    }
    Ok(Reply::new(204))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_lose_their_layout_and_nothing_else() {
        let cases = [
            (
                "<?xml version=\"1.0\"?>\n<A x='1'>\n  <B>t u</B>\n  <C/>\n</A>\n",
                "<A x='1'><B>t u</B><C/></A>",
            ),
            ("<A> <B> </B> <C>\n</C></A>", "<A><B> </B><C>\n</C></A>"),
            ("<A><!-- a > b --> <B>x</B></A>", "<A><!-- a > b --><B>x</B></A>"),
            ("<A/>", "<A/>"),
        ];
        for (text, wanted) in cases {
            assert_eq!(without_layout(text), wanted);
        }
    }
}
