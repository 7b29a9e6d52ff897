//! Adopting files that no record matches: created or changed by another program, or copied or restored together with
//! the records of the tree.
//!
//! A record belongs to content, not to an inode. A file with the size and time of a record counts as the file that the
//! record describes, without reading its bytes (see [`super::meta`]), so that the first listing of a restored tree does
//! not read all of it. Any other file is read once. If its digest is that of a record, the record applies, whatever
//! `touch` or a copy did to the times. If not, it is a foreign file: it has an ETag, a content type derived from its
//! name, and, if its predecessor had a version id or a lock, the predecessor's version id, lock and ACL. An encrypted
//! object whose file has changed is not served, but its record is kept: the new bytes may be those of an older object,
//! which was encrypted, too.

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

/// Computes the MD5 of each segment of a file.
struct SegmentHasher {
    /// Remaining bytes of each unfinished segment, in reverse order.
    remaining: Vec<u64>,
    md5: Md5,
    digests: Vec<String>,
}

impl SegmentHasher {
    fn new(sizes: &[u64]) -> Self {
        let mut hasher = Self { remaining: sizes.to_vec(), md5: Md5::new(), digests: Vec::new() };
        hasher.remaining.reverse();
        hasher
    }

    fn update(&mut self, mut bytes: &[u8]) {
        while let Some(remaining) = self.remaining.last_mut() {
            let (segment_bytes, rest) = bytes.split_at((*remaining).min(bytes.len() as u64) as usize);
            self.md5.update(segment_bytes);
            *remaining -= segment_bytes.len() as u64;
            bytes = rest;
            if *remaining > 0 {
                return;
            }
            self.remaining.pop();
            let md5 = std::mem::replace(&mut self.md5, Md5::new());
            self.digests.push(hex::encode(md5.finalize()));
        }
    }
}

/// The sizes of the segments of an object of `size` bytes.
fn segment_sizes(meta: &Meta, size: u64) -> Vec<u64> {
    if meta.parts.is_empty() { vec![size] } else { meta.parts.clone() }
}

/// Whether the digests of a file's segments match the metadata.
fn digests_match(meta: &Meta, digests: &[String]) -> bool {
    match &meta.sse {
        Some(sse) => sse.digests == digests,
        None if meta.parts.is_empty() => digests.first() == Some(&meta.etag),
        None => composite_etag(digests.iter().map(String::as_str)).as_ref() == Some(&meta.etag),
    }
}

impl Bucket {
    /// Identifies a file that no record matches and stores the result. `None` if the file changed meanwhile.
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
                return Ok(Some(known.into_meta(key, stat)));
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
        // Only if the file is still the object; otherwise the request that replaced it has written the sidecar.
        if self.open_data(key)?.is_some_and(|(_, _, now)| now == *stat) {
            let records = self.records(layout, key)?;
            // Another request may have identified the file first, and a third one may have changed its metadata.
            if let Some(record) = records.iter().find(|record| record.describes(stat)) {
                meta = record.meta.clone();
            } else {
                let mut new_records = vec![Record::new(stat, meta.clone())];
                if meta.damaged {
                    // Keep the original record, in case the original file is restored.
                    new_records.extend(records.into_iter().filter(|record| !record.meta.damaged));
                }
                if let Err(error) = self.write_sidecar(layout, key, &new_records) {
                    log::warn!("serve: cannot store the ETag of {}/{key}: {error}", self.name());
                }
            }
        }
        Ok(Some(meta))
    }

    /// Identifies a file by its content; returns its metadata, or `None` if the file changed meanwhile.
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
                let sizes = segment_sizes(&record.meta, stat.size);
                record.size() == stat.size
                    && !record.meta.damaged
                    && sizes.iter().sum::<u64>() == stat.size
                    && record.meta.sse.as_ref().is_none_or(|sse| sse.digests.len() == sizes.len())
            })
            .collect();
        let encrypted = records.iter().find(|record| record.meta.sse.is_some() && !record.meta.damaged);
        let mut whole = SegmentHasher::new(&[stat.size]);
        // Most candidates have a single segment; they share `whole`, so that the file is hashed once for all of them.
        let part_hasher = |record: &&Record| {
            let parts = &record.meta.parts;
            (!parts.is_empty()).then(|| SegmentHasher::new(parts))
        };
        let mut parts: Vec<Option<SegmentHasher>> = candidates.iter().map(part_hasher).collect();
        if encrypted.is_none() || !candidates.is_empty() {
            let mut update = |bytes: &[u8]| {
                parts.iter_mut().flatten().chain([&mut whole]).for_each(|hasher| hasher.update(bytes));
            };
            read_all(file, &mut update)?;
            // Finishes empty segments at the end.
            update(&[]);
            if stat_file(file)? != *stat {
                return Ok(None);
            }
        }
        let found = candidates
            .iter()
            .zip(&parts)
            .find(|(record, parts)| digests_match(&record.meta, &parts.as_ref().unwrap_or(&whole).digests));
        if let Some((record, _)) = found {
            let mut meta = record.meta.clone();
            meta.stored = Some(meta.stored.unwrap_or(record.mtime()));
            return Ok(Some(meta));
        }
        if let Some(encrypted) = encrypted {
            log::error!(
                "serve: the file of the encrypted object {}/{key} was changed: it is not served until the file is \
                 restored or a client replaces the object",
                self.name()
            );
            return Ok(Some(Meta { damaged: true, ..encrypted.meta.clone() }));
        }
        let Some(etag) = whole.digests.pop() else { return Ok(None) };
        let mut meta = Meta { etag, ..foreign::metadata(key, stat) };
        let stateful = records.first().filter(|record| has_state(&record.meta));
        if let Some(Record { meta: predecessor, .. }) = stateful {
            meta.version.clone_from(&predecessor.version);
            meta.retention = predecessor.retention;
            meta.legal_hold = predecessor.legal_hold;
            meta.acl.clone_from(&predecessor.acl);
        }
        Ok(Some(meta))
    }

    /// The metadata to assume for a file that no record matches, without reading it: enough to replace or remove the
    /// object. The ETag is empty if the content may have changed.
    pub(super) fn assumed_meta(&self, records: Vec<Record>) -> Meta {
        let Some(Record { meta, .. }) = records.into_iter().next() else { return Meta::default() };
        if meta.sse.is_some() {
            Meta { damaged: true, ..meta }
        } else if has_state(&meta) {
            Meta { etag: String::new(), ..meta }
        } else {
            Meta::default()
        }
    }

    /// The records of a key's sidecar; empty if there is none.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the sidecar is damaged, which is logged.
    pub(super) fn records(&self, layout: Layout, key: &str) -> io::Result<Vec<Record>> {
        self.read_records(layout, key).inspect_err(|error| {
            if error.kind() == io::ErrorKind::InvalidData {
                log::error!("serve: {}/{key}: {error}", self.name());
            }
        })
    }
}

/// Whether the metadata has state of the key that outlives its content: a version id or a lock.
fn has_state(meta: &Meta) -> bool {
    meta.version.is_some() || meta.retention.is_some() || meta.legal_hold.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_hashed_independently_of_the_read_size() {
        let bytes: Vec<u8> = (0..50).collect();
        let sizes = [0, 10, 0, 25, 15, 0];
        let mut expected = Vec::new();
        let mut start = 0;
        for size in sizes {
            expected.push(hex::encode(Md5::digest(&bytes[start..start + size])));
            start += size;
        }
        for piece in [1, 7, 10, 50] {
            let mut hasher = SegmentHasher::new(&sizes.map(|size| size as u64));
            bytes.chunks(piece).for_each(|bytes| hasher.update(bytes));
            hasher.update(&[]);
            assert_eq!(hasher.digests, expected, "{piece}");
        }
    }
}
