//! Multipart uploads: a directory each, with the metadata of the future object and an entry for each part.
//!
//! The entry of a part is a file whose name contains the part number, the MD5, the checksum and, if the part is
//! encrypted, the nonce and the MD5 of the encrypted bytes. So a part and its metadata appear with one rename. The
//! entry of a part that is in a slot of the shared file (see [`super::part_slots`]) is an empty file, whose name also
//! contains the size. If there are two entries with the same number, the process died after creating the new entry and
//! before removing the old one.

use super::bucket::Bucket;
use super::cipher::EncryptedSegment;
use super::dir::{Dir, DirEntry, FileKind};
use super::file_io::append;
use super::meta::Meta;
use super::part_slots;
use super::staged::{self, Staged, temporary_name};
use crate::model::checksum::ChecksumSpec;
use crate::model::error::{ErrorCode, S3Error, S3Result};
use crate::random;
use chrono::{DateTime, Utc};
use s3cmd_client::checksum::Checksum;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::SystemTime;

const UPLOAD: &str = "upload.json";

/// A multipart upload in progress.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Upload {
    #[serde(skip)]
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) initiated: DateTime<Utc>,
    /// Canonical user id of the initiator.
    pub(crate) initiator: String,
    /// Whether an anonymous client started the upload: `initiator` is then the bucket owner.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) anonymous: bool,
    /// Metadata of the future object.
    pub(crate) meta: Meta,
    /// The checksum that the client requested, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<ChecksumSpec>,
}

impl Upload {
    /// The checksum of the future object.
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
    /// The checksum, by the algorithm of the upload; `None` for parts that early versions of the server wrote.
    pub(crate) checksum: Option<Checksum>,
    /// Bytes.
    pub(crate) size: u64,
    /// Nanoseconds since the epoch.
    pub(crate) mtime: i64,
    /// The nonce, if the part is encrypted.
    pub(crate) nonce: Option<String>,
    /// Hex MD5 of the encrypted bytes; `None` for parts that early versions of the server wrote.
    pub(crate) digest: Option<String>,
    /// File name of its entry.
    name: String,
    /// Offset in the shared file in bytes, if the part is there.
    slot: Option<u64>,
}

#[cfg(test)]
impl Part {
    /// A part without a checksum.
    pub(crate) fn for_test(number: u32, etag: &str, size: u64) -> Self {
        Self {
            number,
            etag: etag.to_owned(),
            checksum: None,
            size,
            mtime: 0,
            nonce: None,
            digest: None,
            name: String::new(),
            slot: None,
        }
    }
}

fn no_such_upload() -> S3Error {
    S3Error::new(
        ErrorCode::NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
         completed.",
    )
}

/// Removes uploads that a crash left behind: uploads whose creation or removal was not finished, and uploads whose
/// shared file has already become an object.
pub(super) fn remove_unusable(private: &Dir) -> io::Result<()> {
    let Some(uploads) = private.child("uploads")? else { return Ok(()) };
    for entry in uploads.list()? {
        let Ok(id) = String::from_utf8(entry.name) else { continue };
        let Some(dir) = uploads.child(&id)? else { continue };
        if dir.stat(UPLOAD)?.is_none() || has_lost_shared_file(&dir)? {
            uploads.remove_all(&id)?;
        }
    }
    Ok(())
}

/// Whether parts in slots have entries, but the shared file does not exist any more.
fn has_lost_shared_file(dir: &Dir) -> io::Result<bool> {
    let entries = dir.list()?;
    let mut names = entries.iter().filter_map(|entry| std::str::from_utf8(&entry.name).ok());
    let has_slots = names.any(|name| part_number(name).is_some() && name.contains('@'));
    Ok(has_slots && slot_size(&entries).is_none())
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Bucket {
    /// Starts an upload; returns its id.
    pub(crate) fn create_upload(&self, upload: &Upload) -> S3Result<String> {
        let _alive = self.ensure_alive()?;
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

    /// The upload of a key with an id, or `NoSuchUpload`.
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

    /// All uploads, sorted by key and then by start time.
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

    /// Starts a part: in its slot if `length`, in bytes, is known and the part can have one, otherwise in a separate
    /// file.
    pub(crate) fn stage_part(&self, id: &str, number: u32, length: Option<u64>) -> S3Result<Staged> {
        let Some(length) = length else { return self.stage() };
        let dir = self.upload_dir(id)?;
        let Some(slot) = self.slots.take(&dir, id, number, length, part_number)? else {
            return self.stage();
        };
        let (name, file) = (slot.file.clone(), dir.open_or_create(&slot.file, 0o666)?);
        Ok(Staged::new(dir, name, file, staged::StagedKind::PartSlot(slot)))
    }

    /// Adds a part; replaces a part with the same number.
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
        let _alive = self.ensure_alive()?;
        let _lock = self.lock(id);
        let dir = self.upload_dir(id)?;
        // Uploads are removed under the same lock, but the directory may have been opened before that.
        if dir.stat(UPLOAD)?.is_none() {
            return Err(no_such_upload());
        }
        let mut name = part_name(number, etag, checksum);
        let may_replace = self.slots.mark_present(id, number);
        // Holds the slot until the part has its entry.
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
        if !may_replace {
            return Ok(());
        }
        let mut replaced = false;
        for other in read_parts(&dir)? {
            if other.number == number && other.name != name {
                replaced |= dir.unlink(&other.name)?;
            }
        }
        // If both entries survived, the one with the later modification time would count, which is not necessarily
        // the one that was completed last.
        if replaced && self.mode.fsync {
            dir.sync()?;
        }
        Ok(())
    }

    /// The parts that have arrived, by number.
    pub(crate) fn parts(&self, id: &str) -> S3Result<Vec<Part>> {
        let mut parts = read_parts(&self.upload_dir(id)?)?;
        // Two entries with the same number: the process died after creating the new one and before removing the old
        // one.
        parts.sort_by(|a, b| a.number.cmp(&b.number).then(b.mtime.cmp(&a.mtime)));
        parts.dedup_by_key(|part| part.number);
        Ok(parts)
    }

    /// Assembles the content of the object from its parts.
    pub(crate) fn assemble(&self, id: &str, parts: &[Part]) -> S3Result<Staged> {
        let dir = self.upload_dir(id)?;
        if let Some(content) = self.assemble_in_place(&dir, id, parts)? {
            return Ok(content);
        }
        let shared = match slot_size(&dir.list()?) {
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

    /// The shared file, if it consists of exactly these parts; see [`super::part_slots`].
    fn assemble_in_place(&self, dir: &Dir, id: &str, parts: &[Part]) -> S3Result<Option<Staged>> {
        let Some(closed) = self.slots.close(id) else { return Ok(None) };
        let Some(size) = slot_size(&dir.list()?) else { return Ok(None) };
        let name = part_slots::file_name(size);
        let mut end = 0;
        for (part, number) in parts.iter().zip(1..) {
            let follows = part.number == number && part.slot == Some(end) && end % size == 0;
            if !follows {
                return Ok(None);
            }
            end += part.size;
        }
        // A part that is left out now may be used by another attempt if the completion fails.
        if read_parts(dir)?.len() != parts.len() {
            return Ok(None);
        }
        // The file is not created here: if the upload was aborted at this moment, the new file would be empty.
        let Some(file) = dir.open_to_write(&name)? else { return Ok(None) };
        if file.metadata()?.len() < end {
            return Ok(None);
        }
        file.set_len(end)?;
        // The time of the completion, as if the parts had been copied now.
        file.set_modified(SystemTime::now())?;
        Ok(Some(Staged::new(dir.try_clone()?, name, file, staged::StagedKind::Content(closed))))
    }

    /// Removes an upload and its parts.
    pub(crate) fn remove_upload(&self, id: &str) -> S3Result<()> {
        self.upload_dir(id)?;
        let _alive = self.alive();
        let _lock = self.lock(id);
        let Some(uploads) = self.uploads()? else { return Err(no_such_upload()) };
        let dir = self.upload_dir(id)?;
        // Without this file the upload does not exist any more, even if the other files are still there.
        dir.unlink(UPLOAD)?;
        if self.mode.fsync {
            dir.sync()?;
        }
        self.slots.forget(id);
        let temporary = temporary_name();
        let tmp = self.tmp()?;
        uploads.rename(id, tmp, &temporary)?;
        tmp.remove_all(&temporary)?;
        Ok(())
    }
}

/// The name of a part's entry. The `/` of base64 becomes `_`, as a file name cannot contain it.
fn part_name(number: u32, etag: &str, checksum: Checksum) -> String {
    let checksum_text = checksum.to_string().replace('/', "_");
    format!("{number:05}-{etag}-{}-{checksum_text}", checksum.algorithm().name())
}

/// The part number in the name of an entry; `None` if it is not a part's entry.
fn part_number(name: &str) -> Option<u32> {
    let (number, _) = name.split_once('-')?;
    number.parse().ok()
}

/// The slot size of the shared file, if there is one.
fn slot_size(entries: &[DirEntry]) -> Option<u64> {
    entries.iter().find_map(|entry| part_slots::parse_file_name(std::str::from_utf8(&entry.name).ok()?))
}

fn read_parts(dir: &Dir) -> io::Result<Vec<Part>> {
    let entries = dir.list()?;
    let shared = match slot_size(&entries) {
        Some(size) => dir.stat(&part_slots::file_name(size))?.map(|stat| (size, stat.size)),
        None => None,
    };
    let mut parts = Vec::new();
    for entry in entries {
        let Ok(name) = String::from_utf8(entry.name) else { continue };
        let Some(number) = part_number(&name) else { continue };
        let (metadata, size_in_slot) = match name.rsplit_once('@') {
            Some((metadata, size)) => (metadata, size.parse::<u64>().ok()),
            None => (&*name, None),
        };
        let mut fields = metadata.splitn(6, '-').skip(1);
        let Some(etag) = fields.next().map(str::to_owned) else { continue };
        let checksum = match (fields.next().map(str::parse), fields.next()) {
            (Some(Ok(algorithm)), Some(text)) => Checksum::parse(algorithm, &text.replace('_', "/")),
            _ => None,
        };
        let (nonce, digest) = (fields.next().map(str::to_owned), fields.next().map(str::to_owned));
        let Some(stat) = dir.stat(&name)?.filter(|stat| stat.kind == FileKind::File) else { continue };
        let slot = match (size_in_slot, shared) {
            (None, _) => None,
            (Some(size), Some((slot_size, length))) => {
                let start = slot_size * u64::from(number.saturating_sub(1));
                if start + size > length {
                    continue;
                }
                Some(start)
            }
            // The upload was completed, but its directory was not removed yet.
            (Some(_), None) => continue,
        };
        let size = size_in_slot.unwrap_or(stat.size);
        parts.push(Part { number, etag, checksum, size, mtime: stat.mtime, nonce, digest, name, slot });
    }
    Ok(parts)
}
