//! Downloads an object whose content already exists in a local file: the file is copied, verified like a download, and
//! renamed only when it is complete.

use super::finish::Finish;
use super::object::Remote;
use super::part_file::PartFile;
use crate::transfer::file_attributes::restore::Owner;
use s3cmd_client::Result;
use s3cmd_client::digest::{Digest, Md5};
use s3cmd_client::ops::object::Head;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Size in bytes of one read and write.
const BLOCK: usize = 256 * 1024;

/// Copies a local file with a known MD5 to the target path of the object that `head` describes.
pub(crate) fn copy_file(
    from: &Path,
    to: &Path,
    md5: [u8; 16],
    head: &Head,
    finish: &Finish,
) -> Result<Owner> {
    let object = Remote::of_head(head);
    let mut source = File::open(from)?;
    let copy = PartFile::create(to, &object, finish)?;
    let mut hasher = Md5::new();
    let mut block = vec![0; BLOCK];
    loop {
        let count = source.read(&mut block)?;
        if count == 0 {
            break;
        }
        hasher.update(&block[..count]);
        (&**copy.file()).write_all(&block[..count])?;
    }
    if <[u8; 16]>::from(hasher.finalize()) != md5 {
        return Err(io::Error::other(format!("{} has changed", from.display())).into());
    }
    copy.place(&object, finish)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_verified() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&from, "abc").unwrap();
        let md5: [u8; 16] = Md5::digest(b"abc").into();
        let copy = || copy_file(&from, &to, md5, &Head::default(), &Finish::default());
        copy().unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"abc");
        std::fs::write(&from, "abd").unwrap();
        assert!(copy().is_err());
        assert_eq!(std::fs::read(&to).unwrap(), b"abc");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
