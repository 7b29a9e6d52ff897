//! The options of uploads.

use crate::transfer::content_type::ContentTypeOptions;
use crate::transfer::placement::{ExtraHeaders, Placement};
use s3cmd_client::checksum::Algorithm;
use std::path::PathBuf;

/// How files and standard input are uploaded.
#[derive(Clone, Debug)]
pub(crate) struct UploadOptions {
    /// How the `Content-Type` is determined.
    pub(crate) content_type: ContentTypeOptions,
    /// Storage class, ACL and encryption.
    pub(crate) placement: Placement,
    /// Additional headers.
    pub(crate) headers: ExtraHeaders,
    /// Upload files that are larger than a part in parts.
    pub(crate) multipart: bool,
    /// Smallest part size in bytes.
    pub(crate) part_size: u64,
    /// Maximum number of parts, at most that of S3.
    pub(crate) max_parts: u64,
    /// An additional checksum that the server verifies and stores.
    pub(crate) checksum: Option<Algorithm>,
    /// Store the MD5 of the content with the object.
    pub(crate) store_md5: bool,
    /// Store that MD5 with objects that are uploaded in parts, too. It requires an additional read of the file.
    pub(crate) multipart_md5: bool,
    /// Store the file's attributes.
    pub(crate) preserve_attributes: bool,
    /// Also store the modification time in the format of rclone.
    pub(crate) rclone_mtime: bool,
    /// Skip complete objects and resume any unfinished upload of the same content.
    pub(crate) resume: bool,
    /// The upload to resume. Used only with `resume`.
    pub(crate) upload_id: Option<String>,
    /// Abort a failed multipart upload instead of keeping it for a later run.
    pub(crate) abort_on_failure: bool,
    /// The directory of the state of unfinished uploads.
    pub(crate) state_dir: Option<PathBuf>,
    /// How many times content that arrived damaged is sent again.
    pub(crate) max_resends: u32,
}
