//! The options of copies on the server.

use crate::transfer::placement::{ExtraHeaders, Placement};

/// How objects are copied on the server.
#[derive(Clone, Debug)]
pub(crate) struct CopyOptions {
    /// Storage class, ACL and encryption.
    pub(crate) placement: Placement,
    /// A `Content-Type` that replaces that of the source.
    pub(crate) content_type: Option<String>,
    /// Headers that replace those of the source.
    pub(crate) headers: ExtraHeaders,
    /// Stored headers to remove, in lower case.
    pub(crate) remove_headers: Vec<String>,
    /// The size in bytes above which an object is copied in parts, which is also the part size.
    pub(crate) part_size: u64,
    /// The part size of uploads in bytes, with which the source may have been uploaded.
    pub(crate) upload_part_size: u64,
}
