//! Determines what a synchronisation has to do: two sorted streams of names, of the source and of the destination, are
//! merged, and items that exist on both sides are compared.
//!
//! - [`sources`] creates the streams, from directory trees and listings, and [`name_rules`] marks excluded items;
//! - [`comparator`] compares items that exist on both sides, many at a time;
//! - [`plan`] stores the decisions compactly, because s3cmd's output has all new items before all changed ones;
//! - [`duplicates`] finds content that need not be transferred because the destination has it under another name.

pub mod comparator;
pub mod duplicates;
pub mod name_rules;
mod options;
pub mod pairs;
pub mod plan;
pub mod removed;
pub mod sources;

pub use options::SyncOptions;

use super::plan::record::{Fields, Record, put_bytes, put_number};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file, a directory or an object of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The name that is compared, with `/` as the separator. The name of a directory ends with `/`.
    pub relative: String,
    /// Length in bytes.
    pub size: u64,
    /// Where it is located.
    pub origin: Origin,
    /// Whether it is never deleted, because it is a link or a rule hides it from the walk.
    pub guarded: bool,
    /// Whether the include/exclude rules exclude it.
    pub excluded: Exclusion,
}

/// Where an item is located.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file or directory, with the path that is opened and printed.
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

/// Whether an item is excluded, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exclusion {
    /// It is not excluded.
    #[default]
    No,
    /// A rule excludes it, which a dry run prints.
    Shown,
    /// It is in a directory that the walk does not enter, which s3cmd does not print.
    Hidden,
    /// It belongs to another shard (`--shard`).
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

    /// Whether it is a directory, or the object that represents one.
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

    /// The name of a local item in messages, without the trailing slash of a directory.
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

/// Exclusions and guards are applied before an item is stored, so they are not written.
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

fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(std::ffi::OsStr::from_bytes(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::plan::record::whole;

    #[test]
    fn items_survive_encoding() {
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
