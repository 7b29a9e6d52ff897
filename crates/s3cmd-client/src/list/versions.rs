//! Lists the versions of objects.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>

use super::page::{
    CycleDetector, check_name, no_next_page, no_truncation_flag, out_of_order, size_of, url_decoded,
};
use super::{ListOptions, says_more};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::http::request::Request;
use crate::model::document;
use crate::model::responses::{self, Sequence, VersionsItem};
use crate::ops::multipart::bare_etag;
use futures::Stream;
use http::Method;

/// A version of an object, or a delete marker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// Key.
    pub key: String,
    /// Version ID; `null` for objects stored without versioning.
    pub id: String,
    /// Whether this is the latest version, which requests without a version ID get.
    pub is_latest: bool,
    /// Whether this is a delete marker.
    pub is_marker: bool,
    /// Length in bytes; 0 for a marker.
    pub size: u64,
    /// ETag, without quotes; empty for a marker.
    pub etag: String,
    /// Modification time as sent.
    pub modified: String,
    /// Storage class; empty where the server sends none.
    pub storage_class: String,
}

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionMarker {
    key: String,
    id: Option<String>,
}

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionPage {
    /// Versions and markers in the server's order: by key, the latest version first.
    pub versions: Vec<Version>,
    /// Common prefixes, ascending.
    pub prefixes: Vec<String>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<VersionMarker>,
}

impl Client {
    /// Requests one page. `after` is the `next` of the preceding page. Of the options, only prefix, delimiter and
    /// page size are used.
    pub async fn version_page(
        &self,
        bucket: &str,
        options: &ListOptions,
        after: Option<&VersionMarker>,
    ) -> Result<VersionPage> {
        let mut request =
            Request::new(Method::GET, Some(bucket), None).query("versions", "").query("encoding-type", "url");
        if !options.delimiter.is_empty() {
            request = request.query("delimiter", &options.delimiter);
        }
        if let Some(VersionMarker { key, id }) = after {
            request = request.query("key-marker", key);
            if let Some(id) = id {
                request = request.query("version-id-marker", id);
            }
        }
        if let Some(size) = options.page_size {
            request = request.query("max-keys", size.to_string());
        }
        if !options.prefix.is_empty() {
            request = request.query("prefix", &options.prefix);
        }
        let page = parse(&self.fetch_text(request).await?)?;
        page.check(options, after)?;
        Ok(page)
    }

    /// All pages, requested one after the other.
    pub fn version_pages(
        &self,
        bucket: &str,
        options: ListOptions,
    ) -> impl Stream<Item = Result<VersionPage>> + Send + 'static {
        let (client, bucket) = (self.clone(), bucket.to_owned());
        let begin = Some((None::<VersionMarker>, CycleDetector::new()));
        futures::stream::try_unfold(begin, move |place| {
            let (client, bucket, options) = (client.clone(), bucket.clone(), options.clone());
            async move {
                let Some((after, mut walk)) = place else { return Ok(None) };
                let page = client.version_page(&bucket, &options, after.as_ref()).await?;
                page.next.as_ref().map_or(Ok(()), |next| walk.step(next))?;
                let place = page.next.clone().map(|next| (Some(next), walk));
                Ok(Some((page, place)))
            }
        })
    }
}

impl VersionPage {
    /// Compares the page with the request: every name begins with the prefix, none extends beyond the delimiter, and
    /// the page leads on.
    fn check(&self, options: &ListOptions, after: Option<&VersionMarker>) -> Result<()> {
        for prefix in &self.prefixes {
            check_name(prefix, &options.prefix, "")?;
        }
        let first = after.map_or("", |after| after.key.as_str());
        for version in &self.versions {
            check_name(&version.key, &options.prefix, &options.delimiter)?;
            // There may be older versions of the marker's own key.
            if version.key.as_str() < first {
                return Err(out_of_order(&version.key));
            }
        }
        if let Some(next) = &self.next
            && (next.key.as_str() < first || Some(next) == after)
        {
            return Err(out_of_order(&next.key));
        }
        Ok(())
    }
}

impl Version {
    fn from_response(found: responses::Version) -> Result<Self> {
        // An entry without a version ID would be deleted as the object itself.
        if found.key.is_empty() || found.version_id.is_empty() {
            return Err(Error::Malformed("a listing of a version without a key or an ID".into()));
        }
        Ok(Self {
            key: found.key,
            id: found.version_id,
            is_latest: found.is_latest == "true",
            is_marker: false,
            size: found.size.as_deref().map(size_of).transpose()?.unwrap_or_default(),
            etag: bare_etag(&found.etag).to_owned(),
            modified: found.last_modified,
            storage_class: found.storage_class,
        })
    }
}

fn parse(text: &str) -> Result<VersionPage> {
    let mut page = VersionPage::default();
    let (mut truncated, mut encoded, mut next_key, mut next_id) = (None, false, None, None);
    for item in document::read::<Sequence<VersionsItem>>(text, &["ListVersionsResult"])?.items {
        match item {
            VersionsItem::IsTruncated(text) => truncated = Some(says_more(&text)),
            VersionsItem::NextKeyMarker(key) => next_key = Some(key),
            VersionsItem::NextVersionIdMarker(id) => {
                next_id = Some(id.trim().to_owned()).filter(|id| !id.is_empty());
            }
            VersionsItem::EncodingType(text) => encoded = text.trim() == "url",
            VersionsItem::CommonPrefixes(found) => page.prefixes.extend(found.prefix),
            VersionsItem::Version(found) => page.versions.push(Version::from_response(found)?),
            VersionsItem::DeleteMarker(found) => {
                let marker = responses::Version {
                    size: None,
                    etag: String::new(),
                    storage_class: String::new(),
                    ..found
                };
                page.versions.push(Version { is_marker: true, ..Version::from_response(marker)? });
            }
            VersionsItem::Other => {}
        }
    }
    if encoded {
        let names = page.versions.iter_mut().map(|version| &mut version.key).chain(&mut page.prefixes);
        for name in names {
            if let Some(decoded) = url_decoded(name)? {
                *name = decoded;
            }
        }
    }
    match truncated {
        None => return Err(no_truncation_flag()),
        Some(false) => return Ok(page),
        Some(true) => {}
    }
    let last = page.versions.last().map(|version| (version.key.as_str(), Some(version.id.as_str())));
    let last = last.max(page.prefixes.last().map(|prefix| (prefix.as_str(), None)));
    // The last entry is the next marker. The server's marker is the same, but not every server encodes it like the
    // keys. If a server lists delete markers after all versions, only its own marker is right.
    let named = match next_key.filter(|key| !key.is_empty()) {
        Some(key) if encoded => Some(url_decoded(&key)?.unwrap_or(key)),
        key => key,
    };
    let is_ordered = page.versions.is_sorted_by(|a, b| a.key <= b.key);
    let next = match (last, named) {
        (Some((key, id)), _) if is_ordered => (key.to_owned(), id.map(str::to_owned)),
        (_, Some(key)) => (key, next_id),
        _ => return Err(no_next_page()),
    };
    let (key, id) = next;
    page.next = Some(VersionMarker { key, id });
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_markers_keep_their_order() {
        let page = parse(
            "<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
             <DeleteMarker><Key>a+b%2Fc</Key><VersionId>2</VersionId><IsLatest>true</IsLatest></DeleteMarker>\
             <Version><Key>a+b%2Fc</Key><VersionId>1</VersionId><IsLatest>false</IsLatest><Size>5</Size>\
             <ETag>&quot;e&quot;</ETag><LastModified>2026-11-20T08:45:04.000Z</LastModified></Version>\
             <CommonPrefixes><Prefix>A%2F</Prefix></CommonPrefixes></ListVersionsResult>",
        )
        .unwrap();
        let shown: Vec<_> =
            page.versions.iter().map(|one| (one.key.as_str(), one.id.as_str(), one.is_marker)).collect();
        assert_eq!(shown, [("a b/c", "2", true), ("a b/c", "1", false)]);
        assert_eq!((page.versions[1].size, page.versions[1].etag.as_str()), (5, "e"));
        assert_eq!(page.prefixes, ["A/"]);
        assert_eq!(page.next, Some(VersionMarker { key: "a b/c".into(), id: Some("1".into()) }));
        assert!(parse("<ListBucketResult/>").is_err());
    }

    #[test]
    fn elements_may_be_in_any_order_and_repeated() {
        let version =
            |key: &str| format!("<Version><Key>{key}</Key><VersionId>1</VersionId><Size>1</Size></Version>");
        let (a, c) = (version("a%2B"), version("c"));
        let page = parse(&format!(
            "<ListVersionsResult><EncodingType>url</EncodingType>{a}<CommonPrefixes><Prefix>b/</Prefix>\
             </CommonPrefixes>{c}<X/><CommonPrefixes><Prefix>d/</Prefix><Prefix>e/</Prefix></CommonPrefixes>\
             <EncodingType>url</EncodingType><IsTruncated>false</IsTruncated></ListVersionsResult>"
        ));
        let page = page.unwrap();
        assert_eq!(page.versions.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(), ["a+", "c"]);
        assert_eq!((page.prefixes, page.next), (["b/", "d/", "e/"].map(str::to_owned).to_vec(), None));
        for text in [
            format!("<ListVersionsResult>{a}</ListVersionsResult>"),
            a,
            "<ListVersionsResult><IsTruncated>false</IsTruncated><Version><Key>a</Key></Version></ListVersionsResult>"
                .into(),
        ] {
            assert!(parse(&text).is_err(), "{text}");
        }
    }
}
