//! What an interrupted download has already: a small file beside the temporary one.
//!
//! The first line names the object exactly; each further line a chunk that was written, with the CRC-64/NVME of its
//! bytes. Nothing is believed on its word: a chunk counts only if its bytes, read back, have that checksum, and the whole
//! file is compared with the store's own checksum in the end.

use super::object::Remote;
use crate::uri::S3Uri;
use crc_fast::{CrcAlgorithm, Digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// The object and the way in which it is cut; any difference starts the download anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    version: u32,
    bucket: String,
    key: String,
    etag: String,
    size: u64,
    chunk: u64,
}

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
}

/// A new digest of a chunk.
pub(super) fn digest() -> Digest {
    Digest::new(CrcAlgorithm::Crc64Nvme)
}

impl Journal {
    /// Opens the journal of a download and reads which chunks it claims, with their checksums; an absent, foreign or
    /// damaged one claims none and is begun anew.
    pub(super) fn open(
        path: &Path,
        uri: &S3Uri,
        object: &Remote,
        chunk: u64,
    ) -> io::Result<(Self, BTreeMap<u64, u64>)> {
        let identity = Identity {
            version: 1,
            bucket: uri.bucket.clone(),
            key: uri.key.clone(),
            etag: object.etag.clone(),
            size: object.size,
            chunk,
        };
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if let Some(claims) = claims(&text, &identity) {
            let file = OpenOptions::new().append(true).open(path)?;
            return Ok((Self { file }, claims));
        }
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        let line = serde_json::to_string(&identity).map_err(io::Error::other)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        Ok((Self { file }, BTreeMap::new()))
    }

    /// Writes down that a chunk is in the file.
    pub(super) fn add(&self, chunk: u64, checksum: u64) -> io::Result<()> {
        // One write a line: lines of several workers do not mix, and a cut line is ignored later.
        (&self.file).write_all(format!("{chunk} {checksum:016x}\n").as_bytes())
    }
}

fn claims(text: &str, wanted: &Identity) -> Option<BTreeMap<u64, u64>> {
    // A line without its end was cut by a kill.
    let complete = &text[..text.rfind('\n')? + 1];
    let mut lines = complete.lines();
    let found: Identity = serde_json::from_str(lines.next()?).ok()?;
    if found != *wanted || complete.len() != text.len() {
        return None;
    }
    let chunks = lines.filter_map(|line| {
        let (chunk, checksum) = line.split_once(' ')?;
        Some((chunk.parse().ok()?, u64::from_str_radix(checksum, 16).ok()?))
    });
    Some(chunks.collect())
}
