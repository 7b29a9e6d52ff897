//! Where bytes that come in order are written and hashed.

use super::finish::Finish;
use super::object::Remote;
use super::part_file::PartFile;
use super::parts::{Compared, Streamed};
use super::{Target, resume_state};
use crate::files;
use crate::s3::Result;
use crate::s3::body::{Digests, Hasher};
use crate::transfer::restore::Owner;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// A target that is written from its beginning to its end.
pub(super) struct Sink {
    output: Output,
    /// The digest to compare with; none where the store has none, since hashing costs more than all the rest.
    hasher: Hasher,
    /// What is computed of the parts, where they cannot be read back.
    parts: Streamed,
    /// What tells this content from that of another fetch, where the parts may have to be looked at again.
    fingerprint: Option<crc_fast::Digest>,
    /// Bytes so far.
    pub(super) written: u64,
}

enum Output {
    Part(PartFile),
    Through(File),
    Stdout,
    Nowhere,
}

impl Sink {
    /// Opens the target; the first `have` bytes of an existing file are taken over and hashed.
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

    /// The file that is written, if it is one that can be read back.
    pub(super) fn file(&self) -> Option<&Arc<File>> {
        match &self.output {
            Output::Part(part) => Some(part.file()),
            Output::Through(_) | Output::Stdout | Output::Nowhere => None,
        }
    }

    /// The digests of all bytes so far that were asked for.
    pub(super) fn digests(&self) -> Digests {
        self.hasher.clone().finish()
    }

    /// Compares what was computed of the parts as they came.
    pub(super) fn compared(&mut self) -> Result<Compared> {
        std::mem::replace(&mut self.parts, Streamed::nothing()).finish()
    }

    /// What tells this content from another of its length.
    pub(super) fn fingerprint(&self) -> io::Result<u64> {
        match (&self.fingerprint, &self.output) {
            (Some(fingerprint), _) => Ok(fingerprint.finalize()),
            (None, Output::Part(part)) => fingerprint_of(part.file()),
            (None, _) => Ok(0),
        }
    }

    /// Gives a verified file its name; a file that was complete before is left as it is. What `close` reports is an error.
    /// Returns what became of the owner.
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

/// What tells the content of a file from another of its length.
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

/// Has what was written to a device on its way. Pipes and most devices cannot be synchronised.
pub(super) fn end_through(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error) if is_no_file(&error) => Ok(()),
        ended => ended,
    }
}

/// Ends an object on standard output, which may be a file: of `get OBJECT - >FILE` the shell reads no errors of `close`.
pub(super) fn end_stdout(finish: &Finish) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.flush()?;
    files::check_close_errors(&stdout)?;
    #[cfg(unix)]
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
