//! Bucket documents: put, returned as they were put, deleted. One implementation, one table.

use super::bucket::acl_in_the_way;
use super::{change, lock};
use crate::serve::access::{Need, Ownership, PublicBlock};
use crate::serve::acl::Acl;
use crate::serve::call::{Call, Reply};
use crate::serve::error::{S3Error, S3Result, access_denied, fail, malformed_xml, not_implemented};
use crate::serve::policy::Policy;
use crate::serve::rule_ids::with_ids;
use crate::serve::state::Server;
use crate::serve::website::Site;
use crate::serve::xml::{self, Node, Writer};
use crate::serve::{lifecycle_checks, sse, tags};

/// S3's limit on a policy, in bytes.
const MAX_POLICY: usize = 20 * 1024;
const MAX_BUCKET_TAGS: usize = 50;
const MAX_CORS_RULES: usize = 100;

/// A kind of document.
pub(crate) struct Document {
    /// The query parameter, which is also the name it is stored under.
    pub(crate) sub: &'static str,
    /// Name in `s3:GetX`, `s3:PutX`.
    action: &'static str,
    root: &'static str,
    /// What GET answers if there is none.
    none: Absent,
    put: Put,
    /// Whether DELETE is an operation.
    delete: bool,
}

enum Absent {
    /// 404 with this code and message.
    Error(&'static str, &'static str),
    /// An empty document, or one with a child.
    Default(Option<(&'static str, &'static str)>),
}

enum Put {
    /// Stored after this check; answers this status.
    Stored(fn(&Node) -> S3Result<()>, u16),
    Policy,
    /// The service behind it does not exist.
    Refused,
}

#[rustfmt::skip]
const DOCUMENTS: &[Document] = &[
    Document { sub: "policy", action: "BucketPolicy", root: "", delete: true, put: Put::Policy,
        none: Absent::Error("NoSuchBucketPolicy", "The bucket policy does not exist") },
    Document { sub: "lifecycle", action: "LifecycleConfiguration", root: "LifecycleConfiguration", delete: true,
        put: Put::Stored(lifecycle_checks::check, 200),
        none: Absent::Error("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist") },
    Document { sub: "cors", action: "BucketCORS", root: "CORSConfiguration", delete: true, put: Put::Stored(check_cors, 200),
        none: Absent::Error("NoSuchCORSConfiguration", "The CORS configuration does not exist") },
    Document { sub: "tagging", action: "BucketTagging", root: "Tagging", delete: true,
        put: Put::Stored(|root| tags::parse_xml(root, MAX_BUCKET_TAGS).map(drop), 204),
        none: Absent::Error("NoSuchTagSet", "The TagSet does not exist") },
    Document { sub: "website", action: "BucketWebsite", root: "WebsiteConfiguration", delete: true,
        put: Put::Stored(|root| Site::parse(root).map(drop), 200),
        none: Absent::Error("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration") },
    Document { sub: "ownershipControls", action: "BucketOwnershipControls", root: "OwnershipControls", delete: true,
        put: Put::Stored(check_ownership, 200),
        none: Absent::Error("OwnershipControlsNotFoundError", "The bucket ownership controls were not found") },
    Document { sub: "publicAccessBlock", action: "BucketPublicAccessBlock", root: "PublicAccessBlockConfiguration",
        delete: true, put: Put::Stored(check_public_block, 200),
        none: Absent::Error("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found") },
    Document { sub: "requestPayment", action: "BucketRequestPayment", root: "RequestPaymentConfiguration", delete: false,
        put: Put::Stored(check_payer, 200), none: Absent::Default(Some(("Payer", "BucketOwner"))) },
    Document { sub: "notification", action: "BucketNotification", root: "NotificationConfiguration", delete: false,
        put: Put::Stored(check_notification, 200), none: Absent::Default(None) },
    Document { sub: "logging", action: "BucketLogging", root: "BucketLoggingStatus", delete: false,
        put: Put::Stored(|_| Ok(()), 200), none: Absent::Default(None) },
    Document { sub: "encryption", action: "EncryptionConfiguration", root: "ServerSideEncryptionConfiguration", delete: true,
        put: Put::Stored(sse::check_default, 200),
        none: Absent::Error("ServerSideEncryptionConfigurationNotFoundError",
            "The server side encryption configuration was not found") },
    // Saying yes to this would be a promise that is not kept.
    Document { sub: "replication", action: "ReplicationConfiguration", root: "", delete: false, put: Put::Refused,
        none: Absent::Error("ReplicationConfigurationNotFoundError", "The replication configuration was not found") },
];

/// The document that a query parameter names.
pub(crate) fn find(sub: &str) -> Option<&'static Document> {
    DOCUMENTS.iter().find(|document| document.sub == sub)
}

/// Documents that say who may do what, or how objects are kept. Without one of these a bucket must not be served as if it had
/// never been there.
pub(crate) fn protects(name: &str) -> bool {
    matches!(
        name,
        "policy"
            | "publicAccessBlock"
            | "ownershipControls"
            | "requestPayment"
            | "encryption"
            | lock::DOCUMENT
    )
}

/// Why a stored document of a bucket cannot be used; `None` if it can, or is of no kind that is known.
pub(crate) fn problem(name: &str, text: &str, bucket: &str) -> Option<String> {
    let check = || match (name, find(name)) {
        ("policy", _) => Policy::parse(text)?.check_resources(bucket),
        (lock::DOCUMENT, _) => lock::check_configuration(text.as_bytes()),
        (_, Some(Document { put: Put::Stored(check, _), root, .. })) => {
            check(&xml::parse(text.as_bytes(), &[root])?)
        }
        _ => Ok(()),
    };
    check().err().map(|error| error.message)
}

/// GET, PUT or DELETE of a document.
pub(crate) fn run(server: &Server, call: &mut Call, document: &Document) -> S3Result<Reply> {
    match call.method.as_str() {
        "GET" => get(server, call, document),
        "PUT" => put(server, call, document),
        "DELETE" if document.delete => delete(server, call, document),
        method => Err(not_implemented(&format!("{method} ?{}", document.sub))),
    }
}

fn get(server: &Server, call: &Call, document: &Document) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.authorize(call, &bucket, &format!("s3:Get{}", document.action), None, Need::Owner)?;
    match bucket.document(document.sub) {
        Some(text) if document.sub == "policy" => {
            Ok(Reply::new(200).header("content-type", "application/json").whole(text.to_string()))
        }
        Some(text) => Ok(Reply::xml(text.to_string())),
        None => absent(document, bucket.name()),
    }
}

/// What GET answers for a bucket that has no such document.
pub(crate) fn absent(document: &Document, bucket: &str) -> S3Result<Reply> {
    match &document.none {
        Absent::Error(code, message) => Err(S3Error::new(code, *message).detail("BucketName", bucket)),
        Absent::Default(child) => {
            let mut xml = Writer::new(document.root);
            if let Some((name, value)) = child {
                xml.text(name, value);
            }
            Ok(Reply::xml(xml.finish()))
        }
    }
}

fn put(server: &Server, call: &mut Call, document: &Document) -> S3Result<Reply> {
    let action = format!("s3:Put{}", document.action);
    let (bucket, body) = change::body_for_document(server, call, document.sub, &action)?;
    let status = match document.put {
        Put::Refused => return Err(not_implemented(&format!("PUT ?{}", document.sub))),
        Put::Policy => {
            let bad = |message: &str| S3Error::new("MalformedPolicy", message);
            if body.len() > MAX_POLICY {
                return Err(bad("Policy exceeds the maximum allowed document size"));
            }
            let text = std::str::from_utf8(&body).map_err(|_| bad("Policies must be valid JSON"))?;
            let policy = Policy::parse(text)?;
            policy.check_resources(bucket.name())?;
            if policy.is_public() && PublicBlock::of(&bucket).block_policy {
                return Err(access_denied());
            }
            204
        }
        Put::Stored(check, status) => {
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
            let wanted = Ownership::of_document(&xml::parse(&body, &[document.root])?);
            let owner = server.owner(&bucket);
            if wanted.is_some_and(|wanted| !wanted.has_acls())
                && bucket.state().acl.is_some_and(|acl| acl != Acl::private(&owner))
            {
                return Err(acl_in_the_way());
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
            bucket.set_document(document.sub, Some(&all_switches(&xml::parse(&body, &[document.root])?)))?;
        }
        _ => bucket.set_document(document.sub, Some(&without_layout(text)))?,
    }
    Ok(Reply::new(status))
}

/// GetBucketPolicyStatus: whether policy or ACL let everybody in. A bucket without a policy has an answer, as in Ceph; on AWS
/// it is 404, which its documents do not say.
pub(crate) fn policy_status(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.authorize(call, &bucket, "s3:GetBucketPolicyStatus", None, Need::Owner)?;
    let by_policy = bucket.policy().is_some_and(|policy| policy.is_public());
    let mut xml = Writer::new("PolicyStatus");
    xml.text("IsPublic", (by_policy || server.bucket_acl(&bucket).is_public()).to_string());
    Ok(Reply::xml(xml.finish()))
}

/// An XML document without its declaration and without the blanks and line ends between its elements: services write
/// documents anew, so that nobody gets the layout back that was sent.
fn without_layout(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}').trim();
    let text = match text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest,
        None => text,
    };
    let mut out = String::with_capacity(text.len());
    // Whether the last tag opened an element, whose blanks may be all that it holds.
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

/// Makes sure that access logs have somewhere to go.
fn check_log_target(server: &Server, owner: &str, root: &Node) -> S3Result<()> {
    let Some(enabled) = root.child("LoggingEnabled") else { return Ok(()) };
    let target = enabled.value("TargetBucket").ok_or_else(malformed_xml)?;
    enabled.value("TargetPrefix").ok_or_else(malformed_xml)?;
    match server.store.bucket(target) {
        Ok(target) if server.owner(&target) != owner => fail(
            "InvalidTargetBucketForLogging",
            "The owner for the bucket to be logged and the target bucket must be the same.",
        ),
        Ok(_) => Ok(()),
        Err(error) if error.code == "NoSuchBucket" => {
            fail("InvalidTargetBucketForLogging", "The target bucket for logging does not exist")
        }
        Err(error) => Err(error),
    }
}

fn delete(server: &Server, call: &Call, document: &Document) -> S3Result<Reply> {
    let verb = if document.sub == "policy" { "Delete" } else { "Put" };
    let bucket = server.bucket_to_change(call, document.sub, &format!("s3:{verb}{}", document.action))?;
    if bucket.document(document.sub).is_some() || bucket.check().is_err() {
        bucket.set_document(document.sub, None)?;
    }
    Ok(Reply::new(204))
}

fn check_cors(root: &Node) -> S3Result<()> {
    if root.all("CORSRule").count() > MAX_CORS_RULES {
        return fail(
            "InvalidRequest",
            "The number of CORS rules should not exceed allowed limit of 100 rules.",
        );
    }
    if root.all("CORSRule").count() == 0 {
        return Err(malformed_xml());
    }
    for rule in root.all("CORSRule") {
        if rule.all("AllowedOrigin").count() == 0 || rule.all("AllowedMethod").count() == 0 {
            return Err(malformed_xml());
        }
        for method in rule.all("AllowedMethod") {
            if !["GET", "PUT", "HEAD", "POST", "DELETE"].contains(&method.text.trim()) {
                return fail("InvalidRequest", "Found unsupported HTTP method in CORS config.");
            }
        }
        let twice = |text: &str| text.matches('*').count() > 1;
        if rule.all("AllowedOrigin").chain(rule.all("AllowedHeader")).any(|node| twice(&node.text)) {
            return fail(
                "InvalidRequest",
                "AllowedOrigin and AllowedHeader can not have more than one wildcard.",
            );
        }
    }
    Ok(())
}

/// Who is to hear of which events. Nobody is told here, but what could never work is refused.
fn check_notification(root: &Node) -> S3Result<()> {
    const TARGETS: [(&str, &str); 3] = [
        ("TopicConfiguration", "Topic"),
        ("QueueConfiguration", "Queue"),
        ("CloudFunctionConfiguration", "CloudFunction"),
    ];
    for rule in &root.children {
        if rule.name == "EventBridgeConfiguration" {
            continue;
        }
        let target = TARGETS.iter().find(|(name, _)| *name == rule.name).ok_or_else(malformed_xml)?.1;
        let target = rule.value(target).ok_or_else(malformed_xml)?;
        if !target.trim().starts_with("arn:") {
            return fail("InvalidArgument", "The ARN is not well formed");
        }
        if rule.all("Event").count() == 0 {
            return Err(malformed_xml());
        }
        if let Some(event) = rule.all("Event").find(|event| !event.text.trim().starts_with("s3:")) {
            let event = event.text.trim();
            return fail(
                "InvalidArgument",
                format!("The event '{event}' is not supported for notifications"),
            );
        }
    }
    Ok(())
}

fn check_ownership(root: &Node) -> S3Result<()> {
    Ownership::of_document(root).map(drop).ok_or_else(malformed_xml)
}

fn check_public_block(root: &Node) -> S3Result<()> {
    let known = |node: &Node| {
        PublicBlock::default().switches().iter().any(|(name, _)| *name == node.name)
            && ["true", "false"].contains(&node.text.trim().to_ascii_lowercase().as_str())
    };
    if root.children.iter().all(known) { Ok(()) } else { Err(malformed_xml()) }
}

/// A public-access block with all its switches.
fn all_switches(root: &Node) -> String {
    let switches = PublicBlock::of_document(root).switches();
    let switches: String = switches.iter().map(|(name, on)| format!("<{name}>{on}</{name}>")).collect();
    format!("<PublicAccessBlockConfiguration>{switches}</PublicAccessBlockConfiguration>")
}

fn check_payer(root: &Node) -> S3Result<()> {
    match root.value("Payer").map(str::trim) {
        Some("BucketOwner" | "Requester") => Ok(()),
        _ => Err(malformed_xml()),
    }
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
