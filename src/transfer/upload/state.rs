//! The state of an unfinished multipart upload: a small file in the user's state directory, so that the same command
//! can resume after it was killed.
//!
//! The file is created before the upload is started and removed when it is complete. It is valid only for exactly the
//! same source (size, times, inode), destination, part size and headers; otherwise the upload is aborted and restarted.
//! A recorded part is valid only if the server still has it with the same ETag and size; the server verified its bytes
//! when they arrived.

use crate::uri::S3Uri;
use s3cmd_client::checksum::{Algorithm, Checksum};
use s3cmd_client::list::Part;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The folder of the state files, below the state directory.
const FOLDER: &str = "uploads";

/// How long the state of an unfinished upload is kept. Services also delete unfinished uploads after a while.
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// The properties that identify an upload across runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    version: u32,
    endpoint: String,
    bucket: String,
    key: String,
    source: PathBuf,
    size: u64,
    modified: Option<Duration>,
    /// The inode and ctime, if the system has them.
    inode: (u64, i64, i64),
    part_size: u64,
    /// Digest of the headers with which the upload was started.
    headers: String,
}

/// A line of the state file.
#[derive(Debug, Serialize, Deserialize)]
enum Line {
    /// The upload is about to be started, at this time (seconds since the epoch).
    Begin(Identity, u64),
    /// The upload was started with this id.
    Id(String),
    /// A part is stored: number, ETag without quotes, size in bytes.
    Part(u32, String, u64),
    /// Like [`Line::Part`], with the checksum of the part in the upload's algorithm: `crc32c:BASE64`.
    Checked(u32, String, u64, String),
}

/// A recorded part.
#[derive(Clone, Debug)]
struct RecordedPart {
    etag: String,
    size: u64,
    checksum: Option<Checksum>,
}

/// The open state of one upload. The file is locked, so that two runs of one command do not share an upload.
#[derive(Debug)]
pub(super) struct State {
    file: File,
    path: PathBuf,
    /// The id of the upload that an earlier run started.
    pub(super) id: Option<String>,
    /// When an earlier run was about to start an upload.
    pub(super) started: Option<SystemTime>,
    /// The id of an upload of this file that cannot be resumed, because the source or the options changed.
    pub(super) outdated: Option<String>,
    /// Whether the source is unchanged since the earlier run, whatever the options.
    pub(super) same_source: bool,
    /// The stored parts by their numbers.
    parts: HashMap<u32, RecordedPart>,
}

impl Identity {
    /// Describes an upload. `headers` must not contain values that differ between runs for the same source.
    pub(super) fn new(
        endpoint: &str,
        destination: &S3Uri,
        source: &Path,
        metadata: &Metadata,
        part_size: u64,
        headers: &[(String, String)],
    ) -> Self {
        let mut hasher = Sha256::new();
        for (name, value) in headers {
            hasher.update(format!("{name}:{value}\n"));
        }
        let inode = {
            use std::os::unix::fs::MetadataExt;
            (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
        };
        Self {
            version: 1,
            endpoint: endpoint.to_owned(),
            bucket: destination.bucket.clone(),
            key: destination.key.clone(),
            source: std::fs::canonicalize(source).unwrap_or_else(|_| source.to_owned()),
            size: metadata.len(),
            modified: metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()),
            inode,
            part_size,
            headers: hex::encode(&hasher.finalize()[..16]),
        }
    }

    /// Whether the destination is below `prefix` at `endpoint`.
    pub(super) fn is_below(&self, endpoint: &str, prefix: &S3Uri) -> bool {
        self.endpoint == endpoint && self.bucket == prefix.bucket && self.key.starts_with(&prefix.key)
    }

    /// The destination.
    pub(super) fn destination(&self) -> S3Uri {
        S3Uri::new(&self.bucket, &self.key)
    }

    fn is_same_source(&self, other: &Self) -> bool {
        let source = |of: &Self| (of.size, of.modified, of.inode);
        source(self) == source(other)
    }

    /// The name of the state file: the same for all uploads of this source to this destination.
    fn name(&self) -> String {
        let mut hasher = Sha256::new();
        for part in [self.endpoint.as_bytes(), self.bucket.as_bytes(), self.key.as_bytes()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.update(self.source.as_os_str().as_encoded_bytes());
        format!("{}.jsonl", hex::encode(&hasher.finalize()[..16]))
    }
}

impl State {
    /// Opens the state of an upload. Returns `None` if another process is running the same upload.
    pub(super) fn open(directory: &Path, identity: &Identity) -> io::Result<Option<Self>> {
        let directory = directory.join(FOLDER);
        make_private(&directory)?;
        remove_old(&directory);
        let path = directory.join(identity.name());
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        if let Err(rustix::io::Errno::WOULDBLOCK) =
            rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        {
            return Ok(None);
        }
        let mut text = String::new();
        // An unreadable file is treated as empty.
        let _ = file.read_to_string(&mut text);
        let mut state = Self {
            file,
            path,
            id: None,
            started: None,
            outdated: None,
            same_source: false,
            parts: HashMap::new(),
        };
        let mut fits = false;
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            match serde_json::from_str(line) {
                Ok(Line::Begin(found, seconds)) => {
                    fits = found == *identity;
                    state.same_source = found.is_same_source(identity);
                    state.started = Some(UNIX_EPOCH + Duration::from_secs(seconds));
                }
                Ok(Line::Id(id)) if fits => state.id = Some(id),
                Ok(Line::Id(id)) => state.outdated = Some(id),
                Ok(Line::Part(number, etag, size)) if fits => {
                    state.parts.insert(number, RecordedPart { etag, size, checksum: None });
                }
                Ok(Line::Checked(number, etag, size, checksum)) if fits => {
                    let checksum = read_checksum(&checksum);
                    state.parts.insert(number, RecordedPart { etag, size, checksum });
                }
                Ok(Line::Part(..) | Line::Checked(..)) | Err(_) => {}
            }
        }
        // A line that was truncated by a kill must not be merged with the next one.
        state.file.seek(io::SeekFrom::End(0))?;
        if !(text.is_empty() || text.ends_with('\n')) {
            state.file.write_all(b"\n")?;
        }
        Ok(Some(state))
    }

    /// Clears the state and records that an upload is about to be started.
    pub(super) fn begin(&mut self, identity: &Identity) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.id = None;
        self.parts.clear();
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.add(&Line::Begin(identity.clone(), now))
    }

    /// Records the id of the upload.
    pub(super) fn record_id(&mut self, id: &str) -> io::Result<()> {
        self.id = Some(id.to_owned());
        self.add(&Line::Id(id.to_owned()))
    }

    /// Records that a part is stored. `etag` is without quotes.
    pub(super) fn record_part(
        &self,
        number: u32,
        etag: &str,
        size: u64,
        checksum: Option<Checksum>,
    ) -> io::Result<()> {
        let etag = etag.to_owned();
        self.add(&match checksum {
            None => Line::Part(number, etag, size),
            Some(checksum) => {
                Line::Checked(number, etag, size, format!("{}:{checksum}", checksum.algorithm().name()))
            }
        })
    }

    /// The recorded checksum of one of the server's parts. `None` if the part is not known to belong to the source.
    pub(super) fn recorded(&self, part: &Part) -> Option<Option<Checksum>> {
        let etag = part.etag.trim_matches('"');
        let recorded = self
            .parts
            .get(&part.number)
            .filter(|recorded| recorded.etag == etag && recorded.size == part.size);
        recorded.map(|recorded| recorded.checksum)
    }

    /// The ETag of a recorded part, without quotes.
    pub(super) fn etag(&self, number: u32) -> Option<&str> {
        self.parts.get(&number).map(|recorded| recorded.etag.as_str())
    }

    /// Whether a state exists for that source and destination.
    pub(super) fn exists(directory: &Path, identity: &Identity) -> bool {
        directory.join(FOLDER).join(identity.name()).exists()
    }

    /// Whether any state exists.
    pub(super) fn any(directory: &Path) -> bool {
        std::fs::read_dir(directory.join(FOLDER)).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// The states of all uploads with their identities, except for those that other processes hold.
    pub(super) fn all(directory: &Path) -> impl Iterator<Item = (Identity, Self)> {
        let entries = std::fs::read_dir(directory.join(FOLDER)).into_iter().flatten().flatten();
        entries.filter_map(move |entry| {
            let mut first = String::new();
            BufReader::new(File::open(entry.path()).ok()?).read_line(&mut first).ok()?;
            let Ok(Line::Begin(identity, _)) = serde_json::from_str(&first) else { return None };
            if entry.file_name() != *identity.name() {
                return None;
            }
            let state = Self::open(directory, &identity).ok()??;
            Some((identity, state))
        })
    }

    /// Removes the state file: the upload is complete or was aborted.
    pub(super) fn finish(self) {
        // If the file remains, the next run finds it outdated.
        let _ = std::fs::remove_file(&self.path);
    }

    fn add(&self, line: &Line) -> io::Result<()> {
        let text = serde_json::to_string(line).map_err(io::Error::other)?;
        // One write per line, so that lines of concurrent parts are not mixed.
        (&self.file).write_all(format!("{text}\n").as_bytes())
    }
}

fn read_checksum(text: &str) -> Option<Checksum> {
    let (algorithm, value) = text.split_once(':')?;
    Checksum::parse(algorithm.parse::<Algorithm>().ok()?, value)
}

/// Creates a directory that only its owner can read, because the files contain bucket and file names.
fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn remove_old(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let age = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
            .and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > MAX_AGE) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(root: &Path, headers: &[(String, String)]) -> Identity {
        let source = root.join("source");
        if !source.exists() {
            std::fs::write(&source, "content").unwrap();
        }
        let metadata = std::fs::metadata(&source).unwrap();
        Identity::new("host", &S3Uri::new("b", "k"), &source, &metadata, 5, headers)
    }

    fn part(number: u32, etag: &str, size: u64) -> Part {
        Part { number, etag: format!("\"{etag}\""), size, modified: String::new() }
    }

    #[test]
    fn a_state_is_found_again_and_removed_with_the_upload() {
        let root = tempfile::tempdir().unwrap();
        let same = identity(root.path(), &[]);
        let mut state = State::open(root.path(), &same).unwrap().unwrap();
        assert!(state.id.is_none() && state.started.is_none());
        assert!(State::open(root.path(), &same).unwrap().is_none(), "it is locked");
        state.begin(&same).unwrap();
        state.record_id("id").unwrap();
        let checksum = Checksum::parse(Algorithm::Crc32, "y/Q5Jg==");
        state.record_part(1, "e1", 5, checksum).unwrap();
        state.record_part(3, "e3", 2, None).unwrap();
        // A kill in the middle of a line.
        (&state.file).write_all(b"{\"Part\":[2,\"e").unwrap();
        drop(state);
        let state = State::open(root.path(), &same).unwrap().unwrap();
        assert_eq!(state.id.as_deref(), Some("id"));
        state.record_part(2, "e2", 5, None).unwrap();
        drop(state);
        let state = State::open(root.path(), &same).unwrap().unwrap();
        let stored = [part(1, "e1", 5), part(2, "other", 5), part(3, "e3", 3), part(4, "e4", 5)];
        let known: Vec<_> =
            stored.iter().filter_map(|part| Some((part.number, state.recorded(part)?))).collect();
        assert_eq!(known, [(1, checksum)]);
        assert_eq!(state.recorded(&part(2, "e2", 5)), Some(None));
        assert_eq!((state.etag(3), state.etag(4)), (Some("e3"), None));
        state.finish();
        assert!(State::open(root.path(), &same).unwrap().unwrap().id.is_none());
    }

    #[test]
    fn a_changed_source_or_header_restarts_and_reports_the_old_upload() {
        let root = tempfile::tempdir().unwrap();
        let first = identity(root.path(), &[]);
        let mut state = State::open(root.path(), &first).unwrap().unwrap();
        state.begin(&first).unwrap();
        state.record_id("old").unwrap();
        drop(state);
        let other = identity(root.path(), &[("x-amz-acl".into(), "public-read".into())]);
        // The old upload is reported until the new one is started, because the run that is to abort it may be killed as
        // well.
        for _ in 0..2 {
            let state = State::open(root.path(), &other).unwrap().unwrap();
            assert_eq!((state.id, state.outdated.as_deref(), state.same_source), (None, Some("old"), true));
        }
        State::open(root.path(), &other).unwrap().unwrap().begin(&other).unwrap();
        assert_eq!(State::open(root.path(), &other).unwrap().unwrap().outdated, None);
    }
}
