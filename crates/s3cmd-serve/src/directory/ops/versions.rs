//! GetBucketVersioning, PutBucketVersioning and ListObjectVersions.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html>

use super::change;
use super::list::{MAX_PAGE, NameEncoding, common_prefix, end_of_prefix, write_object};
use crate::directory::access::RequiredRight;
use crate::directory::state::Server;
use crate::http::call::{Call, Reply};
use crate::model::acl::{self, Permission};
use crate::model::error::{ErrorCode, S3Result, fail, malformed_xml, not_implemented};
use crate::model::xml::{self, Writer};
use crate::store::bucket::Bucket;
use crate::store::bucket_record::Versioning;
use crate::store::versions::{ListedContent, ListedVersion};
use crate::store::walk::Keys;

/// GetBucketVersioning. The document is empty if versioning was never enabled.
pub(crate) fn get(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.authorize(call, &bucket, "s3:GetBucketVersioning", None, RequiredRight::Owner)?;
    let mut xml = Writer::new("VersioningConfiguration");
    match bucket.versioning() {
        None => {}
        Some(Versioning::Enabled) => drop(xml.text("Status", "Enabled")),
        Some(Versioning::Suspended) => drop(xml.text("Status", "Suspended")),
    }
    Ok(Reply::xml(xml.finish()))
}

/// PutBucketVersioning. Versioning can be suspended, but not removed.
pub(crate) fn put(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let (bucket, body) =
        change::body_for_bucket(server, call, "s3:PutBucketVersioning", RequiredRight::Owner)?;
    let root = xml::parse(&body, &["VersioningConfiguration"])?;
    if root.value("MfaDelete").is_some_and(|value| value.trim() == "Enabled") {
        return Err(not_implemented("MFA delete"));
    }
    let versioning = match root.value("Status").map(str::trim) {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        _ => return Err(malformed_xml()),
    };
    if versioning == Versioning::Suspended && bucket.has_object_lock() {
        return fail(
            ErrorCode::InvalidBucketState,
            "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
        );
    }
    bucket.set_state(|state| state.versioning = Some(versioning))?;
    Ok(Reply::new(200))
}

/// One page of versions.
#[derive(Default)]
struct Page {
    versions: Vec<(String, ListedVersion)>,
    prefixes: Vec<String>,
    truncated: bool,
    /// Key (or common prefix) and version id of the last entry.
    last: Option<(String, String)>,
}

impl Page {
    fn len(&self) -> usize {
        self.versions.len() + self.prefixes.len()
    }

    fn is_full(&self, max: usize) -> bool {
        self.len() == max
    }
}

fn page(
    bucket: &Bucket,
    prefix: &str,
    delimiter: &str,
    (key_marker, id_marker): (&str, &str),
    max: usize,
) -> S3Result<Page> {
    let mut page = Page::default();
    if max == 0 {
        return Ok(page);
    }
    let rolled = common_prefix(key_marker, prefix, delimiter) == Some(key_marker);
    let from = match key_marker {
        "" => Vec::new(),
        marker if marker.starts_with(prefix) && rolled => end_of_prefix(marker),
        marker if id_marker.is_empty() => [marker.as_bytes(), b"\0"].concat(),
        marker => marker.as_bytes().to_vec(),
    };
    let mut keys = Keys::with_versions(bucket, prefix, &from)?;
    while let Some(key) = keys.next()? {
        if let Some(common) = common_prefix(&key, prefix, delimiter) {
            if page.is_full(max) {
                page.truncated = true;
                break;
            }
            keys.seek(&end_of_prefix(common))?;
            page.last = Some((common.to_owned(), String::new()));
            page.prefixes.push(common.to_owned());
            continue;
        }
        let after = (key == key_marker).then_some(id_marker);
        // One more than fits, to see whether there is another page.
        let limit = max - page.len() + 1;
        for shown in bucket.versions_of(&key, after, limit)? {
            if page.is_full(max) {
                page.truncated = true;
                return Ok(page);
            }
            page.last = Some((key.clone(), shown.id.clone()));
            page.versions.push((key.clone(), shown));
        }
    }
    Ok(page)
}

/// ListObjectVersions. In a bucket without versioning every object has one version, `null`.
pub(crate) fn list(server: &Server, call: &mut Call) -> S3Result<Reply> {
    let bucket = server.store.bucket(call.bucket_name())?;
    server.authorize(
        call,
        &bucket,
        "s3:ListBucketVersions",
        None,
        RequiredRight::Bucket(Permission::Read),
    )?;
    let names = NameEncoding::of(call)?;
    let prefix = call.parameter("prefix").unwrap_or("");
    let delimiter = call.parameter("delimiter").unwrap_or("");
    let key_marker = call.parameter("key-marker").unwrap_or("");
    let id_marker = call.parameter("version-id-marker").unwrap_or("");
    if key_marker.is_empty() && !id_marker.is_empty() {
        return fail(
            ErrorCode::InvalidArgument,
            "A version-id marker cannot be specified without a key marker.",
        );
    }
    let max = call.number("max-keys", MAX_PAGE)?.min(MAX_PAGE);
    let page = page(&bucket, prefix, delimiter, (key_marker, id_marker), max)?;
    let mut xml = Writer::new("ListVersionsResult");
    xml.text("Name", bucket.name());
    names.write(&mut xml, "Prefix", prefix);
    names.write(&mut xml, "KeyMarker", key_marker);
    xml.text("VersionIdMarker", id_marker);
    if let Some((key, id)) = page.last.as_ref().filter(|_| page.truncated) {
        names.write(&mut xml, "NextKeyMarker", key);
        xml.text("NextVersionIdMarker", id);
    }
    xml.number("MaxKeys", max);
    if !delimiter.is_empty() {
        names.write(&mut xml, "Delimiter", delimiter);
    }
    names.declare(&mut xml);
    xml.text("IsTruncated", page.truncated.to_string());
    let owners = server.owners(&bucket);
    for (key, shown) in &page.versions {
        xml.open(if matches!(shown.content, ListedContent::Data(_)) { "Version" } else { "DeleteMarker" });
        names.write(&mut xml, "Key", key);
        xml.text("VersionId", &shown.id).text("IsLatest", shown.latest.to_string());
        match &shown.content {
            ListedContent::Data(summary) => write_object(&mut xml, server, summary, Some(&owners)),
            ListedContent::Marker { modified, owner } => {
                xml.text("LastModified", xml::time(*modified));
                let owner = owner.clone().unwrap_or_else(|| server.owner(&bucket));
                acl::write_user(xml.open("Owner"), &owner, &server.users);
                xml.close();
            }
        }
        xml.close();
    }
    for common in &page.prefixes {
        xml.open("CommonPrefixes");
        names.write(&mut xml, "Prefix", common);
        xml.close();
    }
    Ok(Reply::xml(xml.finish()))
}
