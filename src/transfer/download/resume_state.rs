//! The state of an interrupted download: a small file next to the temporary one.
//!
//! The first line identifies the object exactly; each further line is a written chunk with the CRC-64/NVME of its
//! bytes. None of it is trusted: a chunk is valid only if its bytes in the file have that checksum, and the whole file
//! is compared with the store's own checksum in the end.

use super::object::Remote;
use crate::uri::S3Uri;
use crc_fast::{CrcAlgorithm, Digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// The object and its chunk size. Any difference restarts the download.
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

/// The maximum length in bytes of the first line: keys have at most 1,024 bytes, each of which JSON may escape as six.
const LONGEST: u64 = 16 * 1024;

/// An open resume state. If it cannot be written, an interrupted download starts over, which is not an error.
#[derive(Debug)]
pub(super) struct ResumeState {
    file: Option<File>,
    /// Whether a failure to write was reported.
    reported: AtomicBool,
}

/// Whether a path is a resume state: a regular file, not a link, whose first line identifies an object.
pub(super) fn is_one(path: &Path) -> bool {
    if !std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut line = Vec::new();
    let read =
        File::open(path).map(BufReader::new).and_then(|file| file.take(LONGEST).read_until(b'\n', &mut line));
    read.is_ok() && serde_json::from_slice::<Identity>(&line).is_ok()
}

/// A new digest for a chunk.
pub(super) fn digest() -> Digest {
    Digest::new(CrcAlgorithm::Crc64Nvme)
}

impl ResumeState {
    /// Opens the resume state of a download and returns the chunks that it claims, with their checksums. A missing,
    /// foreign or damaged file claims none and is restarted. Without a path nothing is recorded.
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
        let resume_state = |file| Self { file, reported: AtomicBool::new(false) };
        match path.map(|path| Self::begin(path, &identity)) {
            None => (resume_state(None), BTreeMap::new()),
            Some(Ok((file, claims))) => (resume_state(Some(file)), claims),
            Some(Err(error)) => {
                let resume_state = resume_state(None);
                resume_state.report_unwritable(&error);
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

    /// Records that a chunk is in the file.
    pub(super) fn add(&self, chunk: u64, checksum: u64) {
        let Some(mut file) = self.file.as_ref() else { return };
        // One write per line, so that lines of concurrent workers are not mixed. A truncated line is ignored later.
        if let Err(error) = file.write_all(format!("{chunk} {checksum:016x}\n").as_bytes()) {
            self.report_unwritable(&error);
        }
    }

    fn report_unwritable(&self, error: &io::Error) {
        if !self.reported.swap(true, Ordering::Relaxed) {
            let reason = crate::output::reason(error);
            log::info!(
                "the resume state of a download cannot be written ({reason}): if interrupted, it will start over"
            );
        }
    }
}

fn claims(text: &str, expected: &Identity) -> Option<BTreeMap<u64, u64>> {
    // A line without a newline was truncated.
    let complete = &text[..text.rfind('\n')? + 1];
    let mut lines = complete.lines();
    let found: Identity = serde_json::from_str(lines.next()?).ok()?;
    if found != *expected {
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
    fn a_resume_state_is_valid_for_its_object_only_and_survives_a_truncated_line() {
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
        // Another store, object or version: no claim is used, and the resume state is restarted.
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
    fn a_resume_state_that_cannot_be_written_is_not_an_error() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("missing").join("resume_state");
        let (resume_state, claims) =
            ResumeState::open(Some(&path), "host", &S3Uri::new("b", "k"), &Remote::default(), 10);
        resume_state.add(1, 1);
        assert!(claims.is_empty() && !path.exists() && !is_one(&path));
    }
}
