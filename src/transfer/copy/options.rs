//! The options of copies on the server.

use crate::transfer::placement::{ExtraHeaders, Placement};

/// How objects are copied on the server.
#[derive(Clone, Debug)]
pub struct CopyOptions {
    /// Storage class, ACL and encryption.
    pub placement: Placement,
    /// A `Content-Type` that replaces that of the source.
    pub content_type: Option<String>,
    /// Headers that replace those of the source.
    pub headers: ExtraHeaders,
    /// Stored headers to remove, in lower case.
    pub remove_headers: Vec<String>,
    /// The size in bytes above which an object is copied in parts, which is also the part size.
    pub part_size: u64,
    /// The part size of uploads in bytes, with which the source may have been uploaded.
    pub upload_part_size: u64,
}
