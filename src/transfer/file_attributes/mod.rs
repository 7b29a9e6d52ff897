//! `x-amz-meta-s3cmd-attrs`: the file attributes that s3cmd stores with an object, written and read in its format:
//! `atime:N/ctime:N/gid:N/gname:S/md5:HEX/mode:N/mtime:N/uid:N/uname:S`, keys in ascending order, times in whole
//! seconds, the mode as the decimal `st_mode` (measured on s3cmd 2.4.0).

pub mod restore;

use filetime::FileTime;
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use std::fs::Metadata;

use s3cmd_client::sign::encode;

/// The name of the header.
pub const HEADER: &str = "x-amz-meta-s3cmd-attrs";

/// The header for the part size in bytes of a multipart upload that stores no MD5 of the whole content. With it the
/// composite ETag can be recomputed.
pub const PART_SIZE_HEADER: &str = "x-amz-meta-s3cmd-part-size";

/// Marks an object that s3cmd encrypted with GPG: the stored MD5 is that of the plain content.
pub const GPG_HEADER: &str = "x-amz-meta-s3tools-gpgenc";

/// The header for rclone's modification time: seconds since the epoch with a fraction.
/// <https://rclone.org/s3/#modification-times-and-hashes>
pub const RCLONE_MTIME_HEADER: &str = "x-amz-meta-mtime";

/// File attributes by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    values: BTreeMap<String, String>,
    /// The modification time in rclone's format, if it is to be stored too.
    rclone_mtime: Option<String>,
}

/// The modification time of a file in rclone's format: no trailing zeros in the fraction.
fn rclone_mtime(metadata: &Metadata) -> String {
    let time = FileTime::from_last_modification_time(metadata);
    // The nanoseconds count upwards from the whole seconds, which for times before 1970 are rounded down.
    let total = i128::from(time.unix_seconds()) * 1_000_000_000 + i128::from(time.nanoseconds());
    let sign = if total < 0 { "-" } else { "" };
    let (whole, fraction) = (total.unsigned_abs() / 1_000_000_000, total.unsigned_abs() % 1_000_000_000);
    let text = format!("{sign}{whole}.{fraction:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Attributes {
    /// The attributes of a local file.
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

    /// Stores the MD5 of the content.
    pub fn set_md5(&mut self, md5: [u8; 16]) {
        self.set("md5", hex::encode(md5));
    }

    fn set(&mut self, name: &str, value: impl ToString) {
        self.values.insert(name.to_owned(), value.to_string());
    }

    /// The MD5 of the content in hex, if a valid one is stored.
    pub fn md5(&self) -> Option<&str> {
        self.values.get("md5").map(String::as_str).filter(|md5| s3cmd_client::ops::multipart::is_md5(md5))
    }

    /// A numeric attribute: `mode`, `mtime`, `atime`, `uid`, `gid`.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.values.get(name)?.parse().ok()
    }

    /// A percent-decoded name: `uname`, `gname`.
    pub fn text(&self, name: &str) -> Option<String> {
        Some(percent_decode_str(self.values.get(name)?).decode_utf8_lossy().into_owned())
    }

    /// Parses the value of the header. Skips pairs that are not `name:value`.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('/').filter_map(|pair| pair.split_once(':'));
        let values = pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
        Self { values, rclone_mtime: None }
    }

    /// Also stores the modification time in rclone's format.
    pub fn set_rclone_mtime(&mut self, metadata: &Metadata) {
        self.rclone_mtime = Some(rclone_mtime(metadata));
    }

    /// The headers to send. Empty if there are no attributes.
    pub fn headers(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let own = (!self.values.is_empty()).then(|| (HEADER.to_owned(), self.to_header()));
        let rclone = self.rclone_mtime.clone().map(|time| (RCLONE_MTIME_HEADER.to_owned(), time));
        own.into_iter().chain(rclone)
    }

    /// The value of [`HEADER`].
    fn to_header(&self) -> String {
        let pairs: Vec<String> = self.values.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        pairs.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rclone_writes_them() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (seconds, nanoseconds, text) in [
            (1_704_164_645, 123_456_700, "1704164645.1234567"),
            (1_704_164_640, 0, "1704164640"),
            (-2, 750_000_000, "-1.25"),
            (0, 0, "0"),
        ] {
            filetime::set_file_mtime(file.path(), FileTime::from_unix_time(seconds, nanoseconds)).unwrap();
            assert_eq!(rclone_mtime(&file.as_file().metadata().unwrap()), text);
        }
    }

    #[test]
    fn headers_round_trip_and_invalid_pairs_are_ignored() {
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
