//! `x-amz-meta-s3cmd-attrs`: the file attributes that s3cmd stores with an object, written and read in its format:
//! `atime:N/ctime:N/gid:N/gname:S/md5:HEX/mode:N/mtime:N/uid:N/uname:S`, keys in ascending order, times in whole
//! seconds, the mode as the decimal `st_mode` (measured on s3cmd 2.4.0).

use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use std::fs::Metadata;

use crate::s3::sign::encode;

/// The header's name.
pub const HEADER: &str = "x-amz-meta-s3cmd-attrs";

/// Where an upload in parts stores its part size, in bytes, when it stores no MD5 of the whole: with it the composite ETag
/// can be computed again.
pub const PART_SIZE_HEADER: &str = "x-amz-meta-s3cmd-part-size";

/// Marks an object that s3cmd encrypted with GPG: the stored MD5 is that of the content before.
pub const GPG_HEADER: &str = "x-amz-meta-s3tools-gpgenc";

/// Attributes by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<String, String>);

impl Attributes {
    /// The attributes of a local file.
    #[cfg(unix)]
    pub fn of_file(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let mut attributes = Self::default();
        attributes.set("atime", metadata.atime());
        attributes.set("ctime", metadata.ctime());
        attributes.set("gid", metadata.gid());
        attributes.set("mode", metadata.mode());
        attributes.set("mtime", metadata.mtime());
        attributes.set("uid", metadata.uid());
        if let Some(group) = uzers::get_group_by_gid(metadata.gid()) {
            attributes.set("gname", encode::path(&group.name().to_string_lossy()));
        }
        if let Some(user) = uzers::get_user_by_uid(metadata.uid()) {
            attributes.set("uname", encode::path(&user.name().to_string_lossy()));
        }
        attributes
    }

    /// The attributes of a local file, as far as the system has them.
    #[cfg(not(unix))]
    pub fn of_file(metadata: &Metadata) -> Self {
        let mut attributes = Self::default();
        if let Ok(time) = metadata.modified().map(|time| time.duration_since(std::time::UNIX_EPOCH)) {
            attributes.set("mtime", time.unwrap_or_default().as_secs());
        }
        attributes
    }

    /// Stores the MD5 of the content.
    pub fn set_md5(&mut self, md5: [u8; 16]) {
        self.set("md5", hex::encode(md5));
    }

    fn set(&mut self, name: &str, value: impl ToString) {
        self.0.insert(name.to_owned(), value.to_string());
    }

    /// The MD5 of the content, in hex, where one is stored and looks like one.
    pub fn md5(&self) -> Option<&str> {
        self.0.get("md5").map(String::as_str).filter(|md5| crate::s3::multipart::is_md5(md5))
    }

    /// A numeric attribute: `mode`, `mtime`, `atime`, `uid`, `gid`.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.parse().ok()
    }

    /// A name, decoded: `uname`, `gname`.
    pub fn text(&self, name: &str) -> Option<String> {
        Some(percent_decode_str(self.0.get(name)?).decode_utf8_lossy().into_owned())
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the header's value; what is not `name:value` is skipped.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('/').filter_map(|pair| pair.split_once(':'));
        Self(pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect())
    }

    /// The header's value.
    pub fn to_header(&self) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        pairs.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_round_trip_and_bad_ones_do_no_harm() {
        let text = "atime:1/ctime:2/gid:0/gname:root/md5:6f5902ac237024bdd0c176cb93063dc4/mode:33188/mtime:3/uid:0/uname:a%20b";
        let attributes = Attributes::parse(text);
        assert_eq!(attributes.to_header(), text);
        assert_eq!(attributes.md5(), Some("6f5902ac237024bdd0c176cb93063dc4"));
        assert_eq!(attributes.number("mode"), Some(0o100644));
        assert_eq!(attributes.text("uname").as_deref(), Some("a b"));
        assert_eq!(Attributes::parse("md5:none/x/:/mtime:x").md5(), None);
        assert_eq!(Attributes::parse("mtime:x").number("mtime"), None);
    }
}
