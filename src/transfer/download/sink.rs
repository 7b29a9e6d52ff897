//! Writes and hashes bytes that arrive in order.

use super::finish::Finish;
use super::object::Remote;
use super::part_file::PartFile;
use super::parts::{Compared, Streamed};
use super::{Target, resume_state};
use crate::files;
use crate::transfer::file_attributes::restore::Owner;
use s3cmd_client::Result;
use s3cmd_client::http::body::{Digests, Hasher};
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// A target that is written sequentially.
pub(super) struct Sink {
    output: Output,
    /// The digests to verify. Empty if the store has none, because hashing costs more than everything else.
    hasher: Hasher,
    /// The running composite value, if the content cannot be read back.
    parts: Streamed,
    /// Identifies this content, if it may have to be compared with another fetch.
    fingerprint: Option<crc_fast::Digest>,
    /// The number of bytes written so far.
    pub(super) written: u64,
}

enum Output {
    Part(PartFile),
    Through(File),
    Stdout,
    Nowhere,
}

impl Sink {
    /// Opens the target. Copies and hashes the first `have` bytes of an existing file.
    pub(super) fn open(
        target: &Target,
        have: u64,
        hasher: Hasher,
        parts: Streamed,
        object: &Remote,
        finish: &Finish,
    ) -> Result<Self> {
        let output = match target {
            Target::File(path) => Output::Part(PartFile::create(path, object, finish)?),
            Target::Through(path) => Output::Through(std::fs::OpenOptions::new().write(true).open(path)?),
            Target::Stdout => Output::Stdout,
            Target::Nowhere => Output::Nowhere,
        };
        let fingerprint = (!parts.is_nothing()).then(resume_state::digest);
        let mut sink = Self { output, hasher, parts, fingerprint, written: 0 };
        if let Target::File(path) = target
            && have > 0
        {
            let mut existing = File::open(path)?.take(have);
            let mut block = vec![0; 1 << 20];
            loop {
                let count = existing.read(&mut block)?;
                if count == 0 {
                    break;
                }
                sink.write(&block[..count])?;
            }
        }
        Ok(sink)
    }

    /// Writes the next bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.parts.update(bytes);
        if let Some(fingerprint) = &mut self.fingerprint {
            fingerprint.update(bytes);
        }
        self.written += bytes.len() as u64;
        match &mut self.output {
            Output::Part(part) => (&**part.file()).write_all(bytes),
            Output::Through(file) => file.write_all(bytes),
            Output::Stdout => io::stdout().lock().write_all(bytes),
            Output::Nowhere => Ok(()),
        }
    }

    /// The file that is written, if it can be read back.
    pub(super) fn file(&self) -> Option<&Arc<File>> {
        match &self.output {
            Output::Part(part) => Some(part.file()),
            Output::Through(_) | Output::Stdout | Output::Nowhere => None,
        }
    }

    /// The requested digests of all bytes so far.
    pub(super) fn digests(&self) -> Digests {
        self.hasher.clone().finish()
    }

    /// Compares the composite values that were computed as the bytes arrived.
    pub(super) fn compared(&mut self) -> Result<Compared> {
        std::mem::replace(&mut self.parts, Streamed::nothing()).finish()
    }

    /// A checksum that identifies this content among others of the same length.
    pub(super) fn fingerprint(&self) -> io::Result<u64> {
        match (&self.fingerprint, &self.output) {
            (Some(fingerprint), _) => Ok(fingerprint.finalize()),
            (None, Output::Part(part)) => fingerprint_of(part.file()),
            (None, _) => Ok(0),
        }
    }

    /// Renames a verified file to the target. A file that was complete before is left as it is. Errors of `close` are
    /// returned. Returns whether the owner was restored.
    pub(super) fn place(self, object: &Remote, was_complete: bool, finish: &Finish) -> Result<Owner> {
        match self.output {
            Output::Part(_) if was_complete => {}
            Output::Part(part) => return part.place(object, finish),
            Output::Through(file) => {
                end_through(&file)?;
                files::close(file)?;
            }
            Output::Stdout => end_stdout(finish)?,
            Output::Nowhere => {}
        }
        Ok(Owner::Right)
    }
}

/// A checksum that identifies the content of a file among others of the same length.
pub(super) fn fingerprint_of(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::FileExt;
    let (mut digest, mut position, mut block) = (resume_state::digest(), 0, vec![0; 1 << 20]);
    loop {
        let count = file.read_at(&mut block, position)?;
        if count == 0 {
            return Ok(digest.finalize());
        }
        digest.update(&block[..count]);
        position += count as u64;
    }
}

/// Flushes what was written to a device. Pipes and most devices cannot be synced.
pub(super) fn end_through(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error) if is_no_file(&error) => Ok(()),
        ended => ended,
    }
}

/// Flushes an object on standard output, which may be a file: with `get OBJECT - >FILE`, the shell does not check
/// errors of `close`.
pub(super) fn end_stdout(finish: &Finish) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.flush()?;
    files::check_close_errors(&stdout)?;
    if finish.durable.is_some() {
        match rustix::fs::fsync(&stdout).map_err(io::Error::from) {
            Err(error) if !is_no_file(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn is_no_file(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}
