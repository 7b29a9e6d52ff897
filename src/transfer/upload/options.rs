//! The options of uploads.

use crate::transfer::content_type::ContentTypeOptions;
use crate::transfer::placement::{ExtraHeaders, Placement};
use s3cmd_client::checksum::Algorithm;
use std::path::PathBuf;

/// How files and standard input are uploaded.
#[derive(Clone, Debug)]
pub struct UploadOptions {
    /// How the `Content-Type` is determined.
    pub content_type: ContentTypeOptions,
    /// Storage class, ACL and encryption.
    pub placement: Placement,
    /// Additional headers.
    pub headers: ExtraHeaders,
    /// Upload files that are larger than a part in parts.
    pub multipart: bool,
    /// Smallest part size in bytes.
    pub part_size: u64,
    /// Maximum number of parts, at most that of S3.
    pub max_parts: u64,
    /// An additional checksum that the server verifies and stores.
    pub checksum: Option<Algorithm>,
    /// Store the MD5 of the content with the object.
    pub store_md5: bool,
    /// Store that MD5 with objects that are uploaded in parts, too. It requires an additional read of the file.
    pub multipart_md5: bool,
    /// Store the file's attributes.
    pub preserve_attributes: bool,
    /// Also store the modification time in the format of rclone.
    pub rclone_mtime: bool,
    /// Skip complete objects and resume any unfinished upload of the same content.
    pub resume: bool,
    /// The upload to resume. Used only with `resume`.
    pub upload_id: Option<String>,
    /// Abort a failed multipart upload instead of keeping it for a later run.
    pub abort_on_failure: bool,
    /// The directory of the state of unfinished uploads.
    pub state_dir: Option<PathBuf>,
    /// How many times content that arrived damaged is sent again.
    pub max_resends: u32,
}
