//! What a synchronisation has to do: two sorted streams of names, one of the source and one of the destination, are
//! merged, and what both have is compared.
//!
//! - [`sources`] makes the streams, from trees and from listings;
//! - [`comparator`] decides whether what both sides have is the same, many at a time;
//! - [`plan`] keeps the decisions, compactly, because s3cmd's output has all new items before all changed ones;
//! - [`duplicates`] finds what need not travel because the destination has the same content under another name.

pub mod comparator;
pub mod duplicates;
pub mod pairs;
pub mod plan;
pub mod removed;
pub mod sources;

use super::plan::record::{Fields, Record, put_bytes, put_number};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file, a directory or an object of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The name that is compared, with `/` between its parts; that of a directory ends with `/`.
    pub relative: String,
    /// Length in bytes.
    pub size: u64,
    /// Where it is.
    pub origin: Origin,
    /// Whether it is never deleted: a link, or what a rule hides from the walk.
    pub guarded: bool,
    /// Whether the include/exclude rules take it out.
    pub excluded: Exclusion,
}

/// Where an item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file or a directory, by the path that is opened and printed.
    Local(PathBuf),
    /// An object.
    Remote {
        /// Bucket.
        bucket: Arc<str>,
        /// Key.
        key: String,
        /// ETag without quotes.
        etag: String,
    },
}

/// What the include/exclude rules say about an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exclusion {
    /// It takes part.
    #[default]
    No,
    /// A rule takes it out, which a dry run shows.
    Shown,
    /// It is in a directory that the walk does not enter, which s3cmd does not show.
    Hidden,
    /// It is the share of another run (`--shard`).
    Elsewhere,
}

impl Item {
    /// A local file or directory.
    pub fn local(relative: String, size: u64, path: PathBuf) -> Self {
        Self { relative, size, origin: Origin::Local(path), guarded: false, excluded: Exclusion::No }
    }

    /// An object.
    pub fn remote(relative: String, size: u64, bucket: Arc<str>, key: String, etag: String) -> Self {
        let origin = Origin::Remote { bucket, key, etag };
        Self { relative, size, origin, guarded: false, excluded: Exclusion::No }
    }

    /// Whether it is a directory, or the object that stands for one.
    pub fn is_directory(&self) -> bool {
        self.relative.ends_with('/')
    }

    /// The path of a local item.
    pub fn path(&self) -> &Path {
        match &self.origin {
            Origin::Local(path) => path,
            Origin::Remote { .. } => Path::new(""),
        }
    }

    /// How a local item is named in messages: a directory without its slash.
    pub fn shown(&self) -> crate::output::DisplayPath<'_> {
        crate::output::DisplayPath::trimmed(self.path())
    }

    /// The URI of an object.
    pub fn uri(&self) -> crate::uri::S3Uri {
        match &self.origin {
            Origin::Local(_) => crate::uri::S3Uri::default(),
            Origin::Remote { bucket, key, .. } => crate::uri::S3Uri::new(&**bucket, key.clone()),
        }
    }

    /// The ETag of an object.
    pub fn etag(&self) -> &str {
        match &self.origin {
            Origin::Local(_) => "",
            Origin::Remote { etag, .. } => etag,
        }
    }
}

/// Rules and guards are settled before an item is kept, so they are not written.
impl Record for Item {
    fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.relative.as_bytes());
        put_number(out, self.size);
        match &self.origin {
            Origin::Local(path) => {
                out.push(0);
                put_bytes(out, path.as_os_str().as_encoded_bytes());
            }
            Origin::Remote { bucket, key, etag } => {
                out.push(1);
                put_bytes(out, bucket.as_bytes());
                put_bytes(out, key.as_bytes());
                put_bytes(out, etag.as_bytes());
            }
        }
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (relative, size) = (fields.text()?.to_owned(), fields.number()?);
        Some(match fields.array()? {
            [0] => Self::local(relative, size, path_of(fields.bytes()?)?),
            _ => {
                let bucket = fields.text()?.into();
                Self::remote(relative, size, bucket, fields.text()?.to_owned(), fields.text()?.to_owned())
            }
        })
    }
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(std::ffi::OsStr::from_bytes(bytes).into())
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(bytes).ok().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::plan::record::whole;

    #[test]
    fn items_survive_being_written() {
        let local = Item::local("a/ä".into(), 7, "x/a/ä".into());
        let remote = Item::remote("k/".into(), u64::MAX, "b".into(), "p/k/".into(), "e".into());
        for item in [local, remote] {
            let mut bytes = Vec::new();
            item.write(&mut bytes);
            assert_eq!(whole::<Item>(&bytes).unwrap(), item);
            assert!(whole::<Item>(&bytes[..bytes.len() - 1]).is_err());
        }
    }
}
