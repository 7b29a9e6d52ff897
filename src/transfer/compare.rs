//! Whether a file and an object, or two objects, have the same content: by size, then by the strongest checksum that
//! both sides provide. A local file is read only if the sizes are equal, because only then its content matters.

use super::composite::{Composite, Kind, Sizes};
use super::file_attributes::{self, Attributes};
use s3cmd_client::checksum::{self, Algorithm, Checksum};
use s3cmd_client::digest::{Digest, Md5};
use s3cmd_client::ops::multipart::is_md5;
use s3cmd_client::ops::object::Head;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Size of one read of a file in bytes.
const BLOCK: usize = 256 * 1024;

/// The result of comparing the names and sizes of two items that both exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuickCheck {
    /// There is nothing to do.
    Same,
    /// The content differs.
    Changed,
    /// The checksums must be compared.
    CompareContent,
}

/// What a comparison checks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checks {
    /// Compare checksums besides sizes (`--check-md5`).
    pub(crate) md5: bool,
    /// Compare nothing: existing items are skipped (`--skip-existing`).
    pub(crate) skip_existing: bool,
}

impl Checks {
    /// Compares without any I/O. Sizes are in bytes. Directories have no content.
    pub(crate) fn quick_check(self, is_directory: bool, source: u64, destination: u64) -> QuickCheck {
        if self.skip_existing || is_directory {
            QuickCheck::Same
        } else if source != destination {
            QuickCheck::Changed
        } else if self.md5 {
            QuickCheck::CompareContent
        } else {
            QuickCheck::Same
        }
    }
}

/// What a store reports about the content of an object, besides its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// The MD5 of the content.
    Md5([u8; 16]),
    /// A composite ETag for this number of parts.
    Composite(u64),
    /// Nothing that can be compared.
    Opaque,
}

impl Stored {
    /// Parses an ETag of a listing. Under SSE-KMS an ETag of 32 digits is not an MD5, but a listing does not report
    /// encryption.
    pub(crate) fn of_etag(etag: &str) -> Self {
        if is_md5(etag) {
            return digest(etag).map_or(Stored::Opaque, Stored::Md5);
        }
        let parts =
            etag.rsplit_once('-').and_then(|(hash, parts)| is_md5(hash).then(|| parts.parse().ok())?);
        parts.map_or(Stored::Opaque, Stored::Composite)
    }

    /// The MD5 of the content from the headers of an object: the ETag if it is an MD5, otherwise the MD5 in the stored
    /// attributes.
    pub(crate) fn md5_of(head: &Head) -> Option<[u8; 16]> {
        let plain = Some(head.etag.as_str()).filter(|etag| is_md5(etag) && !head.has_opaque_etag());
        plain.and_then(digest).or_else(|| {
            // The stored MD5 of a GPG-encrypted object is that of the plain content.
            let attributes = head
                .header(file_attributes::HEADER)
                .filter(|_| head.header(file_attributes::GPG_HEADER).is_none());
            digest(Attributes::parse(attributes?).md5()?)
        })
    }
}

/// The part size in bytes that the uploader stored with an object.
pub(crate) fn stored_part_size(head: &Head) -> Option<u64> {
    head.header(file_attributes::PART_SIZE_HEADER)?.trim().parse().ok().filter(|size| *size > 0)
}

/// Computes the MD5 of a file. `size` is its expected size in bytes.
pub(crate) fn md5_of_file(path: &Path, size: u64) -> io::Result<[u8; 16]> {
    let mut file = File::open(path)?;
    if size <= BLOCK as u64 {
        // The extra byte lets the first read reach the end of the file.
        let mut content = Vec::with_capacity(size as usize + 1);
        file.read_to_end(&mut content)?;
        return Ok(Md5::digest(&content).into());
    }
    let mut hasher = Md5::new();
    each_block(&mut file, |block| hasher.update(block))?;
    Ok(hasher.finalize().into())
}

/// Computes the checksum of a file.
pub(crate) fn checksum_of_file(path: &Path, algorithm: Algorithm) -> io::Result<Checksum> {
    let mut hasher = checksum::Hasher::new(algorithm);
    each_block(&mut File::open(path)?, |block| hasher.update(block))?;
    Ok(hasher.finish())
}

/// Whether two objects have the same content by their stored checksums. `None` if the checksums are of different kinds,
/// or if they are composite and differ, because the part sizes may differ.
pub(crate) fn same_checksum(a: &Head, b: &Head) -> Option<bool> {
    use checksum::Stored::{Parts, Whole};
    match (a.checksum()?, b.checksum()?) {
        (Whole(a), Whole(b)) if a.algorithm() == b.algorithm() => Some(a == b),
        (Parts(..), Parts(..)) if a.checksum() == b.checksum() => Some(true),
        _ => None,
    }
}

/// Whether a multipart upload of the file with one of these part sizes has this ETag. Tries all sizes in one pass over
/// the file.
pub(crate) fn has_composite_etag(path: &Path, part_sizes: Vec<Sizes>, etag: &str) -> io::Result<bool> {
    let candidates = part_sizes.into_iter().map(|sizes| Composite::new(Kind::Etag, sizes));
    let mut candidates: Vec<Composite> = candidates.collect();
    each_block(&mut File::open(path)?, |block| {
        candidates.iter_mut().for_each(|candidate| candidate.update(block));
    })?;
    let mut computed = candidates.into_iter().filter_map(Composite::finish);
    Ok(computed.any(|computed| computed.eq_ignore_ascii_case(etag)))
}

fn each_block(file: &mut File, mut consume: impl FnMut(&[u8])) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(count) => consume(&block[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn digest(text: &str) -> Option<[u8; 16]> {
    hex::decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3cmd_client::ops::multipart::composite_etag;

    #[test]
    fn names_and_sizes_are_compared_first() {
        use QuickCheck::{Changed, CompareContent, Same};
        for (md5, skip_existing, is_directory, sizes_differ, expected) in [
            (true, false, false, false, CompareContent),
            (true, false, false, true, Changed),
            (false, false, false, false, Same),
            (false, false, false, true, Changed),
            (true, true, false, true, Same),
            (true, true, false, false, Same),
            (true, false, true, true, Same),
            (true, false, true, false, Same),
            (false, true, true, true, Same),
        ] {
            let checks = Checks { md5, skip_existing };
            let found = checks.quick_check(is_directory, 5, if sizes_differ { 6 } else { 5 });
            assert_eq!(found, expected, "{checks:?} directory {is_directory} differ {sizes_differ}");
        }
    }

    #[test]
    fn etags_are_classified() {
        let md5 = "6f5902ac237024bdd0c176cb93063dc4";
        assert_eq!(Stored::of_etag(md5), Stored::Md5(digest(md5).unwrap()));
        assert_eq!(Stored::of_etag(&format!("{md5}-12")), Stored::Composite(12));
        for opaque in ["", "x", "-2", "6f59-2", &format!("{md5}-x"), &format!("{md5}x")] {
            assert_eq!(Stored::of_etag(opaque), Stored::Opaque, "{opaque}");
        }
    }

    #[test]
    fn checksums_of_the_same_kind_are_compared() {
        let head = |name: &'static str, value: &'static str| {
            let mut head = Head::default();
            head.headers.insert(name, http::HeaderValue::from_static(value));
            head
        };
        let crc32 = "x-amz-checksum-crc32";
        let (a, b, parts) = (head(crc32, "y/Q5Jg=="), head(crc32, "y/Q5Jw=="), head(crc32, "y/Q5Jg==-2"));
        assert_eq!(same_checksum(&a, &a), Some(true));
        assert_eq!(same_checksum(&a, &b), Some(false));
        assert_eq!(same_checksum(&a, &head("x-amz-checksum-crc32c", "y/Q5Jg==")), None);
        assert_eq!(same_checksum(&a, &parts), None);
        assert_eq!(same_checksum(&parts, &parts), Some(true));
        assert_eq!(same_checksum(&parts, &head(crc32, "y/Q5Jw==-2")), None);
        assert_eq!(same_checksum(&a, &Head::default()), None);
    }

    #[test]
    fn a_composite_etag_is_recomputed_with_the_right_part_size_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let content: Vec<u8> = (0..1_000_003u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let parts: Vec<String> = content.chunks(300_000).map(|part| hex::encode(Md5::digest(part))).collect();
        let etag = composite_etag(parts.iter().map(String::as_str)).unwrap();
        assert!(etag.ends_with("-4"));
        assert!(has_composite_etag(&path, Sizes::of(&[270_000, 300_000]), &etag).unwrap());
        assert!(!has_composite_etag(&path, Sizes::of(&[270_000, 300_001]), &etag).unwrap());
        let whole: [u8; 16] = Md5::digest(&content).into();
        assert_eq!(md5_of_file(&path, content.len() as u64).unwrap(), whole);
        assert_eq!(md5_of_file(&path, 3).unwrap(), whole);
    }
}
