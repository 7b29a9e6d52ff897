//! Files that no record names: put there from outside, changed from outside, or copied and restored together with the
//! records of the tree.
//!
//! A record belongs to content, not to an inode. A file with the size and time of a record is taken for what the record
//! describes without a look at its bytes (see [`super::meta`]), so that a restored tree is not read whole by its first
//! listing. Any other file is read once: if the bytes are those of a record, the record is its own, whatever `touch` or
//! a copy made of its times. If they are not, it is an object from outside: it has nothing but an ETag, a type that its
//! name suggests, and, where the object before had versions or a lock, the version, lock and ACL of that. What was
//! encrypted and is not what it was is neither served nor forgotten: its bytes may be those of an older object,
//! encrypted too.

use super::bucket::Bucket;
use super::digests::KnownFile;
use super::dir::{Stat, stat_file};
use super::file_io::read_all;
use super::foreign;
use super::key_path::Layout;
use super::meta::{Meta, Record};
use crate::model::error::S3Result;
use s3cmd_client::digest::{Digest, Md5};
use s3cmd_client::ops::multipart::composite_etag;
use std::fs::File;
use std::io;

/// Hashes the segments of a file, one after the other.
struct Segments {
    /// How many bytes are left of each, the last one first.
    left: Vec<u64>,
    md5: Md5,
    digests: Vec<String>,
}

impl Segments {
    fn new(sizes: &[u64]) -> Self {
        let mut segments = Self { left: sizes.to_vec(), md5: Md5::new(), digests: Vec::new() };
        segments.left.reverse();
        segments
    }

    fn update(&mut self, mut bytes: &[u8]) {
        while let Some(left) = self.left.last_mut() {
            let (now, later) = bytes.split_at((*left).min(bytes.len() as u64) as usize);
            self.md5.update(now);
            *left -= now.len() as u64;
            bytes = later;
            if *left > 0 {
                return;
            }
            self.left.pop();
            let md5 = std::mem::replace(&mut self.md5, Md5::new());
            self.digests.push(hex::encode(md5.finalize()));
        }
    }
}

/// The sizes of the segments that a record's digests are about.
fn layout(meta: &Meta, size: u64) -> Vec<u64> {
    if meta.parts.is_empty() { vec![size] } else { meta.parts.clone() }
}

/// Whether the digests of a file's segments are those of a record.
fn is_content(meta: &Meta, digests: &[String]) -> bool {
    match &meta.sse {
        Some(sse) => sse.digests == digests,
        None if meta.parts.is_empty() => digests.first() == Some(&meta.etag),
        None => composite_etag(digests.iter().map(String::as_str)).as_ref() == Some(&meta.etag),
    }
}

impl Bucket {
    /// Finds out what a file is that no record names, and keeps the result. `None` if the file changed meanwhile.
    pub(super) fn adopt(
        &self,
        layout: Layout,
        key: &str,
        file: &File,
        stat: &Stat,
    ) -> S3Result<Option<Meta>> {
        let records = self.records(layout, key)?;
        if self.mode.read_only {
            if let Some(known) = self.digests.get(file, stat) {
                return Ok(Some(known.describe(key, stat)));
            }
            let meta = self.identify_content(key, file, stat, &records)?;
            if let Some(meta) = &meta {
                self.digests.put(file, stat, KnownFile::new(meta, records.is_empty()));
            }
            return Ok(meta);
        }
        let Some(mut meta) = self.identify_content(key, file, stat, &records)? else { return Ok(None) };
        let _alive = self.alive();
        let _lock = self.lock(key);
        // Only if it still is the object; otherwise whoever replaced it has written the sidecar.
        if self.open_data(key)?.is_some_and(|(_, _, now)| now == *stat) {
            let records = self.records(layout, key)?;
            // Another request may have been faster, and a third one have changed what it wrote.
            if let Some(record) = records.iter().find(|record| record.describes(stat)) {
                meta = record.meta.clone();
            } else {
                let mut written = vec![Record::new(stat, meta.clone())];
                if meta.damaged {
                    // What the file was stays known, should it come back.
                    written.extend(records.into_iter().filter(|record| !record.meta.damaged));
                }
                if let Err(error) = self.describe(layout, key, &written) {
                    log::warn!("serve: cannot keep the ETag of {}/{key}: {error}", self.name());
                }
            }
        }
        Ok(Some(meta))
    }

    /// The description of a file by its bytes.
    fn identify_content(
        &self,
        key: &str,
        file: &File,
        stat: &Stat,
        records: &[Record],
    ) -> S3Result<Option<Meta>> {
        let candidates: Vec<&Record> = records
            .iter()
            .filter(|record| {
                let sizes = layout(&record.meta, stat.size);
                record.size() == stat.size
                    && !record.meta.damaged
                    && sizes.iter().sum::<u64>() == stat.size
                    && record.meta.sse.as_ref().is_none_or(|sse| sse.digests.len() == sizes.len())
            })
            .collect();
        let encrypted = records.iter().find(|record| record.meta.sse.is_some() && !record.meta.damaged);
        let mut whole = Segments::new(&[stat.size]);
        // Most are about the whole, which is hashed once.
        let of_parts = |record: &&Record| {
            let parts = &record.meta.parts;
            (!parts.is_empty()).then(|| Segments::new(parts))
        };
        let mut parts: Vec<Option<Segments>> = candidates.iter().map(of_parts).collect();
        if encrypted.is_none() || !candidates.is_empty() {
            let mut update = |bytes: &[u8]| {
                parts.iter_mut().flatten().chain([&mut whole]).for_each(|segments| segments.update(bytes));
            };
            read_all(file, &mut update)?;
            // Segments of no bytes end without a byte.
            update(&[]);
            if stat_file(file)? != *stat {
                return Ok(None);
            }
        }
        let found = candidates
            .iter()
            .zip(&parts)
            .find(|(record, parts)| is_content(&record.meta, &parts.as_ref().unwrap_or(&whole).digests));
        if let Some((record, _)) = found {
            let mut meta = record.meta.clone();
            meta.stored = Some(meta.stored.unwrap_or(record.mtime()));
            return Ok(Some(meta));
        }
        if let Some(encrypted) = encrypted {
            log::error!(
                "serve: the file of {}/{key} is not what was encrypted: it is not served until it is as it was, or replaced \
                 by a request",
                self.name()
            );
            return Ok(Some(Meta { damaged: true, ..encrypted.meta.clone() }));
        }
        let Some(etag) = whole.digests.pop() else { return Ok(None) };
        let mut meta = Meta { etag, ..foreign::metadata(key, stat) };
        if let Some(Record { meta: before, .. }) = records.first().filter(|record| has_state(&record.meta)) {
            meta.version.clone_from(&before.version);
            meta.retention = before.retention;
            meta.legal_hold = before.legal_hold;
            meta.acl.clone_from(&before.acl);
        }
        Ok(Some(meta))
    }

    /// What is known of the present file of a key that no record names, without a look at it: enough for who replaces
    /// or removes it. Without an ETag where it may have other content now.
    pub(super) fn undescribed(&self, records: Vec<Record>) -> Meta {
        let Some(Record { meta, .. }) = records.into_iter().next() else { return Meta::default() };
        if meta.sse.is_some() {
            Meta { damaged: true, ..meta }
        } else if has_state(&meta) {
            Meta { etag: String::new(), ..meta }
        } else {
            Meta::default()
        }
    }

    /// The records of a key's sidecar.
    ///
    /// # Errors
    ///
    /// If it is damaged, which the log tells.
    pub(super) fn records(&self, layout: Layout, key: &str) -> io::Result<Vec<Record>> {
        self.records_of(layout, key).inspect_err(|error| {
            if error.kind() == io::ErrorKind::InvalidData {
                log::error!("serve: {}/{key}: {error}", self.name());
            }
        })
    }
}

/// Whether a record says more of a key than what its content is.
fn has_state(meta: &Meta) -> bool {
    meta.version.is_some() || meta.retention.is_some() || meta.legal_hold.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_hashed_however_the_bytes_come() {
        let bytes: Vec<u8> = (0..50).collect();
        let sizes = [0, 10, 0, 25, 15, 0];
        let mut expected = Vec::new();
        let mut start = 0;
        for size in sizes {
            expected.push(hex::encode(Md5::digest(&bytes[start..start + size])));
            start += size;
        }
        for piece in [1, 7, 10, 50] {
            let mut segments = Segments::new(&sizes.map(|size| size as u64));
            bytes.chunks(piece).for_each(|bytes| segments.update(bytes));
            segments.update(&[]);
            assert_eq!(segments.digests, expected, "{piece}");
        }
    }
}
