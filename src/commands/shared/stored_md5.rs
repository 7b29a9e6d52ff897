//! The MD5 that uploads store with an object.

use crate::transfer::file_attributes::{self, Attributes};
use s3cmd_client::ops::object::Head;

/// The MD5 of the content that was stored with the object in `s3cmd-attrs`.
pub(crate) fn stored_md5(head: &Head) -> Option<String> {
    Attributes::parse(head.header(file_attributes::HEADER)?).md5().map(str::to_owned)
}
