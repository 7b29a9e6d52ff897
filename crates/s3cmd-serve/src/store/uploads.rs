//! Multipart uploads: a directory each, with what the object will be and a file for each part.
//!
//! A part's file is named after its number, MD5, checksum, and nonce and MD5 on the disk if it is encrypted, so that a
//! part and what is known of it appear in one rename. A part that is written where it will be in the object (see
//! [`super::part_slots`]) has an empty file for an entry, whose name also says its size. Two entries of one number: the
//! process died between a new part's entry and the old one's removal.

use super::bucket::Bucket;
use super::cipher::EncryptedSegment;
use super::dir::{Dir, DirEntry, FileKind};
use super::file_io::append;
use super::meta::Meta;
use super::part_slots;
use super::staged::{self, Staged, temporary_name};
use crate::model::checksum::ChecksumSpec;
use crate::model::error::{ErrorCode, S3Error, S3Result, no_such_bucket};
use crate::random;
use chrono::{DateTime, Utc};
use s3cmd_client::checksum::Checksum;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::SystemTime;

const UPLOAD: &str = "upload.json";

/// An upload that was started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Upload {
    #[serde(skip)]
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) initiated: DateTime<Utc>,
    /// Canonical id of who started it.
    pub(crate) initiator: String,
    /// Whether that was nobody known: then it is said to be the bucket's owner's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) anonymous: bool,
    /// What the object will have.
    pub(crate) meta: Meta,
    /// How its client wants it summed, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<ChecksumSpec>,
}

impl Upload {
    /// The checksum that the object is to have.
    pub(crate) fn checksum_spec(&self) -> ChecksumSpec {
        self.checksum.unwrap_or(ChecksumSpec::DEFAULT)
    }
}

/// A part that has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) number: u32,
    /// Hex MD5 of the content.
    pub(crate) etag: String,
    /// Of the algorithm that the upload has; parts that came before there were any have none.
    pub(crate) checksum: Option<Checksum>,
    pub(crate) size: u64,
    /// Nanoseconds since the epoch.
    pub(crate) mtime: i64,
    /// Of its encryption.
    pub(crate) nonce: Option<String>,
    /// Hex MD5 of the encrypted bytes; `None` for parts that earlier versions wrote.
    pub(crate) digest: Option<String>,
    /// Its entry.
    name: String,
    /// Where it begins in the shared file, if it is there.
    slot: Option<u64>,
}

fn no_such_upload() -> S3Error {
    S3Error::new(
        ErrorCode::NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
         completed.",
    )
}

/// Removes uploads that were never finished being made or being removed, and those whose bytes are an object by now:
/// the process died before it could forget them.
pub(super) fn clean(private: &Dir) -> io::Result<()> {
    let Some(uploads) = private.child("uploads")? else { return Ok(()) };
    for entry in uploads.list()? {
        let Ok(id) = String::from_utf8(entry.name) else { continue };
        let Some(dir) = uploads.child(&id)? else { continue };
        if dir.stat(UPLOAD)?.is_none() || is_spent(&dir)? {
            uploads.remove_all(&id)?;
        }
    }
    Ok(())
}

/// Whether parts have their entries, but the file that they were in is gone.
fn is_spent(dir: &Dir) -> io::Result<bool> {
    let entries = dir.list()?;
    let mut names = entries.iter().filter_map(|entry| std::str::from_utf8(&entry.name).ok());
    let has_slots = names.any(|name| number_of(name).is_some() && name.contains('@'));
    Ok(has_slots && slots_of(&entries).is_none())
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Bucket {
    /// Starts an upload; returns its id.
    pub(crate) fn create_upload(&self, upload: &Upload) -> S3Result<String> {
        let alive = self.alive();
        if !*alive {
            return Err(no_such_bucket(self.name()));
        }
        let id = hex::encode(random::bytes::<16>()?);
        let dir = self.make_uploads()?.make(std::iter::once(&*id), self.mode.fsync)?;
        self.put_small(&dir, UPLOAD, &serde_json::to_vec(upload).expect("plain data becomes JSON"))?;
        Ok(id)
    }

    fn upload_dir(&self, id: &str) -> S3Result<Dir> {
        if !is_id(id) {
            return Err(no_such_upload());
        }
        let dir = match self.uploads()? {
            Some(uploads) => uploads.child(id)?,
            None => None,
        };
        dir.ok_or_else(no_such_upload)
    }

    /// An upload of a key by its id.
    pub(crate) fn upload(&self, key: &str, id: &str) -> S3Result<Upload> {
        let upload = self.read_upload(&self.upload_dir(id)?, id)?.ok_or_else(no_such_upload)?;
        if upload.key == key { Ok(upload) } else { Err(no_such_upload()) }
    }

    fn read_upload(&self, dir: &Dir, id: &str) -> S3Result<Option<Upload>> {
        let Some(bytes) = dir.read(UPLOAD)? else { return Ok(None) };
        match serde_json::from_slice::<Upload>(&bytes) {
            Ok(upload) => Ok(Some(Upload { id: id.to_owned(), ..upload })),
            Err(error) => {
                log::error!("serve: bucket {}: upload {id} is damaged: {error}", self.name());
                Ok(None)
            }
        }
    }

    /// All uploads, by key and then by time.
    pub(crate) fn uploads_in_order(&self) -> S3Result<Vec<Upload>> {
        let Some(dir) = self.uploads()? else { return Ok(Vec::new()) };
        let mut uploads = Vec::new();
        for entry in dir.list()? {
            let Ok(id) = String::from_utf8(entry.name) else { continue };
            if let Some(child) = dir.child(&id)?
                && let Some(upload) = self.read_upload(&child, &id)?
            {
                uploads.push(upload);
            }
        }
        uploads.sort_by(|a, b| (&a.key, a.initiated, &a.id).cmp(&(&b.key, b.initiated, &b.id)));
        Ok(uploads)
    }

    /// Starts a part: in its slot if it is `length` bytes long and can have one, else in a file of its own.
    pub(crate) fn stage_part(&self, id: &str, number: u32, length: Option<u64>) -> S3Result<Staged> {
        let Some(length) = length else { return self.stage() };
        let dir = self.upload_dir(id)?;
        let Some(slot) = self.slots.take(&dir, id, number, length, number_of)? else {
            return self.stage();
        };
        let (name, file) = (slot.file.clone(), dir.open_or_create(&slot.file, 0o666)?);
        Ok(Staged::new(dir, name, file, staged::StagedKind::PartSlot(slot)))
    }

    /// Adds a part, in the place of one with the same number.
    pub(crate) fn put_part(
        &self,
        id: &str,
        number: u32,
        etag: &str,
        checksum: Checksum,
        mut staged: Staged,
    ) -> S3Result<()> {
        if self.mode.fsync {
            staged.file.sync_all()?;
        }
        let alive = self.alive();
        if !*alive {
            return Err(no_such_bucket(self.name()));
        }
        let _lock = self.lock(id);
        let dir = self.upload_dir(id)?;
        // Removed under the same lock, but the handle may be older than that.
        if dir.stat(UPLOAD)?.is_none() {
            return Err(no_such_upload());
        }
        let mut name = part_name(number, etag, checksum);
        let replaces = self.slots.enter(id, number);
        // A slot is held until its part has its entry.
        let _slot = match &staged.kind {
            staged::StagedKind::PartSlot(slot) => {
                name = format!("{name}@{}", slot.end - slot.start);
                drop(dir.create(&name)?);
                Some(staged)
            }
            _ => {
                if let Some(EncryptedSegment { nonce, digest }) = staged.segment() {
                    name = format!("{name}-{nonce}-{digest}");
                }
                staged.rename(&dir, &name)?;
                None
            }
        };
        if self.mode.fsync {
            dir.sync()?;
        }
        if !replaces {
            return Ok(());
        }
        let mut replaced = false;
        for other in parts_of(&dir)? {
            if other.number == number && other.name != name {
                replaced |= dir.unlink(&other.name)?;
            }
        }
        // Of two parts with one number the later one counts, which need not be the one that was finished last.
        if replaced && self.mode.fsync {
            dir.sync()?;
        }
        Ok(())
    }

    /// The parts that have arrived, by number.
    pub(crate) fn parts(&self, id: &str) -> S3Result<Vec<Part>> {
        let mut parts = parts_of(&self.upload_dir(id)?)?;
        // Two files of a number: the process died between a new part's rename and the old one's removal.
        parts.sort_by(|a, b| a.number.cmp(&b.number).then(b.mtime.cmp(&a.mtime)));
        parts.dedup_by_key(|part| part.number);
        Ok(parts)
    }

    /// Puts parts together.
    pub(crate) fn assemble(&self, id: &str, parts: &[Part]) -> S3Result<Staged> {
        let dir = self.upload_dir(id)?;
        if let Some(content) = self.assembled(&dir, id, parts)? {
            return Ok(content);
        }
        let shared = match slots_of(&dir.list()?) {
            Some(size) => dir.open_file(&part_slots::file_name(size))?,
            None => None,
        };
        let staged = self.stage()?;
        for part in parts {
            let copied = match (part.slot, &shared) {
                (Some(start), Some((file, _))) => append(file, start, part.size, &staged.file)?,
                (Some(_), None) => return Err(no_such_upload()),
                (None, _) => {
                    let Some((file, _)) = dir.open_file(&part.name)? else { return Err(no_such_upload()) };
                    append(&file, 0, part.size, &staged.file)?
                }
            };
            if copied != part.size {
                return Err(S3Error::new(ErrorCode::InternalError, "A part changed while it was read."));
            }
        }
        Ok(staged)
    }

    /// The shared file, if it is what the parts make; see [`super::part_slots`].
    fn assembled(&self, dir: &Dir, id: &str, parts: &[Part]) -> S3Result<Option<Staged>> {
        let Some(closed) = self.slots.close(id) else { return Ok(None) };
        let Some(size) = slots_of(&dir.list()?) else { return Ok(None) };
        let name = part_slots::file_name(size);
        let mut end = 0;
        for (part, number) in parts.iter().zip(1..) {
            let follows = part.number == number && part.slot == Some(end) && end % size == 0;
            if !follows {
                return Ok(None);
            }
            end += part.size;
        }
        // What is not wanted may be wanted if the completion fails.
        if parts_of(dir)?.len() != parts.len() {
            return Ok(None);
        }
        // Whoever aborts the upload at this moment takes it away: then it must not be made anew, of nothing.
        let Some(file) = dir.open_to_write(&name)? else { return Ok(None) };
        if file.metadata()?.len() < end {
            return Ok(None);
        }
        file.set_len(end)?;
        // As if it had been put together now.
        file.set_modified(SystemTime::now())?;
        Ok(Some(Staged::new(dir.try_clone()?, name, file, staged::StagedKind::Content(closed))))
    }

    /// Removes an upload with its parts.
    pub(crate) fn remove_upload(&self, id: &str) -> S3Result<()> {
        self.upload_dir(id)?;
        let _alive = self.alive();
        let _lock = self.lock(id);
        let Some(uploads) = self.uploads()? else { return Err(no_such_upload()) };
        let dir = self.upload_dir(id)?;
        // Without this file it is no upload any more, whatever else is left of it.
        dir.unlink(UPLOAD)?;
        if self.mode.fsync {
            dir.sync()?;
        }
        self.slots.forget(id);
        let gone = temporary_name();
        let tmp = self.tmp()?;
        uploads.rename(id, tmp, &gone)?;
        tmp.remove_all(&gone)?;
        Ok(())
    }
}

/// A file's name cannot hold the slash of base64.
fn part_name(number: u32, etag: &str, checksum: Checksum) -> String {
    let sum = checksum.to_string().replace('/', "_");
    format!("{number:05}-{etag}-{}-{sum}", checksum.algorithm().name())
}

/// The number of the part whose entry has a name.
fn number_of(name: &str) -> Option<u32> {
    let (number, _) = name.split_once('-')?;
    number.parse().ok()
}

/// The size of the slots of the shared file, if there is one.
fn slots_of(entries: &[DirEntry]) -> Option<u64> {
    entries.iter().find_map(|entry| part_slots::size_of(std::str::from_utf8(&entry.name).ok()?))
}

fn parts_of(dir: &Dir) -> io::Result<Vec<Part>> {
    let entries = dir.list()?;
    let shared = match slots_of(&entries) {
        Some(size) => dir.stat(&part_slots::file_name(size))?.map(|stat| (size, stat.size)),
        None => None,
    };
    let mut parts = Vec::new();
    for entry in entries {
        let Ok(name) = String::from_utf8(entry.name) else { continue };
        let Some(number) = number_of(&name) else { continue };
        let (said, slotted) = match name.rsplit_once('@') {
            Some((said, size)) => (said, size.parse::<u64>().ok()),
            None => (&*name, None),
        };
        let mut fields = said.splitn(6, '-').skip(1);
        let Some(etag) = fields.next().map(str::to_owned) else { continue };
        let checksum = match (fields.next().map(str::parse), fields.next()) {
            (Some(Ok(algorithm)), Some(sum)) => Checksum::parse(algorithm, &sum.replace('_', "/")),
            _ => None,
        };
        let (nonce, digest) = (fields.next().map(str::to_owned), fields.next().map(str::to_owned));
        let Some(stat) = dir.stat(&name)?.filter(|stat| stat.kind == FileKind::File) else { continue };
        let slot = match (slotted, shared) {
            (None, _) => None,
            (Some(size), Some((slot, length))) => {
                let start = slot * u64::from(number.saturating_sub(1));
                if start + size > length {
                    continue;
                }
                Some(start)
            }
            // The upload was completed; only its end is missing.
            (Some(_), None) => continue,
        };
        let size = slotted.unwrap_or(stat.size);
        parts.push(Part { number, etag, checksum, size, mtime: stat.mtime, nonce, digest, name, slot });
    }
    Ok(parts)
}
