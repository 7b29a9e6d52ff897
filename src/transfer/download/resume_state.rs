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
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// The object and the way in which it is cut; any difference starts the download anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    version: u32,
    endpoint: String,
    bucket: String,
    key: String,
    etag: String,
    size: u64,
    chunk: u64,
}

/// Longest first line that is read to know a resume_state: keys have 1,024 bytes at most, each of which JSON may write in six.
const LONGEST: u64 = 16 * 1024;

/// An open resume_state. Where it cannot be written an interrupted download begins anew, which is no failure.
#[derive(Debug)]
pub(super) struct ResumeState {
    file: Option<File>,
    /// Whether a failure to write was told.
    told: AtomicBool,
}

/// Whether a file is a resume_state: a regular file, no link, whose first line names an object.
pub(super) fn is_one(path: &Path) -> bool {
    if !std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut line = Vec::new();
    let read =
        File::open(path).map(BufReader::new).and_then(|file| file.take(LONGEST).read_until(b'\n', &mut line));
    read.is_ok() && serde_json::from_slice::<Identity>(&line).is_ok()
}

/// A new digest of a chunk.
pub(super) fn digest() -> Digest {
    Digest::new(CrcAlgorithm::Crc64Nvme)
}

impl ResumeState {
    /// Opens the resume_state of a download and reads which chunks it claims, with their checksums; an absent, foreign or
    /// damaged one claims none and is begun anew. Without a path nothing is written down.
    pub(super) fn open(
        path: Option<&Path>,
        endpoint: &str,
        uri: &S3Uri,
        object: &Remote,
        chunk: u64,
    ) -> (Self, BTreeMap<u64, u64>) {
        let identity = Identity {
            version: 2,
            endpoint: endpoint.to_owned(),
            bucket: uri.bucket.clone(),
            key: uri.key.clone(),
            etag: object.etag.clone(),
            size: object.size,
            chunk,
        };
        let resume_state = |file| Self { file, told: AtomicBool::new(false) };
        match path.map(|path| Self::begin(path, &identity)) {
            None => (resume_state(None), BTreeMap::new()),
            Some(Ok((file, claims))) => (resume_state(Some(file)), claims),
            Some(Err(error)) => {
                let resume_state = resume_state(None);
                resume_state.cannot_be_written(&error);
                (resume_state, BTreeMap::new())
            }
        }
    }

    fn begin(path: &Path, identity: &Identity) -> io::Result<(File, BTreeMap<u64, u64>)> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if let Some(claims) = claims(&text, identity) {
            let mut file = OpenOptions::new().append(true).open(path)?;
            if !text.ends_with('\n') {
                file.write_all(b"\n")?;
            }
            return Ok((file, claims));
        }
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        let line = serde_json::to_string(identity).map_err(io::Error::other)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        Ok((file, BTreeMap::new()))
    }

    /// Writes down that a chunk is in the file.
    pub(super) fn add(&self, chunk: u64, checksum: u64) {
        let Some(mut file) = self.file.as_ref() else { return };
        // One write a line: lines of several workers do not mix, and a cut line is ignored later.
        if let Err(error) = file.write_all(format!("{chunk} {checksum:016x}\n").as_bytes()) {
            self.cannot_be_written(&error);
        }
    }

    fn cannot_be_written(&self, error: &io::Error) {
        if !self.told.swap(true, Ordering::Relaxed) {
            let reason = crate::output::reason(error);
            log::info!(
                "the resume_state of a download cannot be written ({reason}): interrupted, it would begin anew"
            );
        }
    }
}

fn claims(text: &str, wanted: &Identity) -> Option<BTreeMap<u64, u64>> {
    // A line without its end was cut.
    let complete = &text[..text.rfind('\n')? + 1];
    let mut lines = complete.lines();
    let found: Identity = serde_json::from_str(lines.next()?).ok()?;
    if found != *wanted {
        return None;
    }
    let chunks = lines.filter_map(|line| {
        let (chunk, checksum) = line.split_once(' ')?;
        Some((chunk.parse().ok()?, u64::from_str_radix(checksum, 16).ok()?))
    });
    Some(chunks.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_counts_for_its_object_only_and_survives_a_cut_line() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("resume_state");
        let uri = S3Uri::new("b", "k");
        let object = Remote { etag: "e".into(), size: 50, ..Remote::default() };
        let open = |endpoint: &str, uri: &S3Uri, object: &Remote| {
            ResumeState::open(Some(&path), endpoint, uri, object, 10)
        };
        let (resume_state, claims) = open("host", &uri, &object);
        assert!(claims.is_empty());
        resume_state.add(2, 0xabc);
        resume_state.file.as_ref().unwrap().write_all(b"3 00").unwrap();
        drop(resume_state);
        let (resume_state, claims) = open("host", &uri, &object);
        assert_eq!(claims, BTreeMap::from([(2, 0xabc)]));
        resume_state.add(4, 0xdef);
        let (_, claims) = open("host", &uri, &object);
        assert_eq!((claims.get(&2), claims.get(&4)), (Some(&0xabc), Some(&0xdef)));
        // Another store, another object, another version: nothing is believed, and the resume_state begins anew.
        let other_uri = S3Uri::new("b", "other");
        let other_version = Remote { etag: "f".into(), ..object.clone() };
        let others =
            [("elsewhere", &uri, &object), ("host", &other_uri, &object), ("host", &uri, &other_version)];
        for (endpoint, uri, object) in others {
            let (resume_state, claims) = open(endpoint, uri, object);
            assert!(claims.is_empty(), "{endpoint} {uri}");
            resume_state.add(1, 1);
            assert!(is_one(&path));
        }
    }

    #[test]
    fn a_journal_that_cannot_be_written_is_no_failure() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("missing").join("resume_state");
        let (resume_state, claims) =
            ResumeState::open(Some(&path), "host", &S3Uri::new("b", "k"), &Remote::default(), 10);
        resume_state.add(1, 1);
        assert!(claims.is_empty() && !path.exists() && !is_one(&path));
    }
}
