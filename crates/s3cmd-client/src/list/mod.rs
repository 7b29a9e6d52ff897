//! Listings as streams of pages: buckets, objects (ListObjects and ListObjectsV2), multipart uploads, parts.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(client: s3cmd_client::Client) -> s3cmd_client::Result<()> {
//! use futures::TryStreamExt;
//! use s3cmd_client::list::ListOptions;
//!
//! let options = ListOptions::new("photos/").with_delimiter("/").with_width(8);
//! let mut pages = std::pin::pin!(client.list_pages("bucket", options));
//! while let Some(page) = pages.try_next().await? {
//!     for prefix in page.prefixes() {
//!         println!("{prefix}");
//!     }
//!     for object in page.entries() {
//!         println!("{} {}", object.size, object.key);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod page;
mod parallel;
mod splitter;
mod stream;
mod uploads;
mod versions;

pub use page::url_decoded;
pub use page::{ListPage, ObjectRef};
pub use uploads::{Part, Upload};
pub use versions::{Version, VersionMarker, VersionPage};

use super::client::Client;
use super::error::Result;
use crate::http::request::Request;
use crate::model::{document, responses};
use http::Method;

/// A bucket as the service lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Name.
    pub name: String,
    /// Creation time as sent, `2026-11-20T08:44:00.000Z`.
    pub created: String,
}

/// The version of the listing operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListVersion {
    /// `ListObjects`. Every server supports it, and any key can be the marker.
    #[default]
    V1,
    /// `ListObjectsV2`.
    V2,
}

/// Parameters of a listing. The default lists every key of the bucket with `ListObjects`, one page after the other.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ListOptions {
    /// Lists keys with this prefix.
    pub prefix: String,
    /// Groups keys up to this delimiter; empty lists every key.
    pub delimiter: String,
    /// Keys per page; `None` leaves it to the server (1,000).
    pub page_size: Option<u32>,
    /// Lists only keys after this one.
    pub start_after: Option<String>,
    /// Extension of Ceph: any order, which is faster on large indexes.
    pub unordered: bool,
    /// Version of the operation.
    pub version: ListVersion,
    /// Maximum number of concurrent requests, for listings of many pages from a distant server. 0 and 1 request one
    /// page after the other.
    pub width: usize,
}

impl ListOptions {
    /// Lists the keys with a prefix; an empty prefix lists every key.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..Self::default() }
    }

    with_methods! {
        /// Groups keys up to this delimiter; an empty one lists every key.
        with_delimiter(delimiter: impl Into<String>);
        /// Sets the number of keys per page; `None` leaves it to the server (1,000).
        with_page_size(page_size: impl Into<Option<u32>>);
        /// Lists only keys after this one.
        with_start_after(start_after: impl Into<Option<String>>);
        /// Extension of Ceph: any order, which is faster on large indexes.
        with_unordered(unordered: bool);
        /// Sets the version of the operation.
        with_version(version: ListVersion);
        /// Sets the maximum number of concurrent requests.
        with_width(width: usize);
    }
}

impl Client {
    /// All buckets of the account, in the server's order.
    pub async fn list_buckets(&self) -> Result<Vec<Bucket>> {
        let text = self.fetch_text(Request::new(Method::GET, None, None)).await?;
        let read: responses::ListAllMyBuckets = document::read(&text, &["ListAllMyBucketsResult"])?;
        let bucket = |bucket: responses::Bucket| Bucket { name: bucket.name, created: bucket.creation_date };
        Ok(read.buckets.bucket.into_iter().map(bucket).collect())
    }

    /// Requests one page. `token` is the `next` of the preceding page.
    pub async fn list_page(
        &self,
        bucket: &str,
        options: &ListOptions,
        token: Option<&str>,
    ) -> Result<ListPage> {
        let mut request = Request::new(Method::GET, Some(bucket), None);
        let v2 = options.version == ListVersion::V2;
        if v2 {
            request = request.query("list-type", "2");
        }
        if !options.delimiter.is_empty() {
            request = request.query("delimiter", &options.delimiter);
        }
        request = request.query("encoding-type", "url");
        match (token, &options.start_after) {
            (Some(token), _) if v2 => request = request.query("continuation-token", token),
            (None, Some(after)) if v2 => request = request.query("start-after", after),
            (Some(token), _) => request = request.query("marker", token),
            (None, Some(after)) => request = request.query("marker", after),
            (None, None) => {}
        }
        if let Some(size) = options.page_size {
            request = request.query("max-keys", size.to_string());
        }
        if !options.prefix.is_empty() {
            request = request.query("prefix", &options.prefix);
        }
        if options.unordered {
            request = request.query("allow-unordered", "true");
        }
        let mut page = ListPage::parse(self.fetch_text(request).await?, v2)?;
        page.check(options, token)?;
        Ok(page)
    }
}

/// Whether the text of `IsTruncated` means that there are more pages. Only a clear "no" ends a listing: keys that are
/// wrongly considered missing may be deleted elsewhere.
pub fn says_more(text: &str) -> bool {
    let text = text.trim();
    !(text.eq_ignore_ascii_case("false") || text == "0")
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_a_clear_no_ends_a_listing() {
        for (text, more) in [("false", false), (" False\n", false), ("0", false), ("FALSE", false)]
            .into_iter()
            .chain(["true", "True", "1", " true ", "yes", "", "no"].map(|text| (text, true)))
        {
            assert_eq!(super::says_more(text), more, "{text}");
        }
    }
}
