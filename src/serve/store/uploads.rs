//! Multipart uploads: a directory each, with what the object will be and a file for each part.
//!
//! A part's file is named after its number, MD5, checksum, and nonce if it is encrypted, so that a part and what is known
//! of it appear in one rename.

use super::bucket::Bucket;
use super::dir::{Dir, Kind};
use super::meta::Meta;
use super::staged::{Staged, append, temporary_name};
use crate::s3::checksum::Checksum;
use crate::serve::checksum::Plan;
use crate::serve::error::{S3Error, S3Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::io;

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
    /// What the object will have.
    pub(crate) meta: Meta,
    /// How its client wants it summed, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<Plan>,
}

impl Upload {
    /// How it is summed.
    pub(crate) fn plan(&self) -> Plan {
        self.checksum.unwrap_or(Plan::DEFAULT)
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
    name: String,
}

fn no_such_upload() -> S3Error {
    S3Error::new(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or \
         completed.",
    )
}

/// Removes uploads that were never finished being made or being removed.
pub(super) fn clean(private: &Dir) -> io::Result<()> {
    let Some(uploads) = private.child("uploads")? else { return Ok(()) };
    for entry in uploads.list()? {
        let Ok(id) = String::from_utf8(entry.name) else { continue };
        let Some(dir) = uploads.child(&id)? else { continue };
        if dir.stat(UPLOAD)?.is_none() {
            uploads.remove_all(&id)?;
        }
    }
    Ok(())
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Bucket {
    /// Starts an upload; returns its id.
    pub(crate) fn create_upload(&self, upload: &Upload) -> S3Result<String> {
        let alive = self.alive();
        if !*alive {
            return Err(super::no_such_bucket(self.name()));
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| S3Error::new("InternalError", "No random numbers."))?;
        let id = hex::encode(random);
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

    /// Adds a part, in the place of one with the same number.
    pub(crate) fn put_part(
        &self,
        id: &str,
        number: u32,
        etag: &str,
        checksum: Checksum,
        staged: Staged,
    ) -> S3Result<()> {
        if self.mode.fsync {
            staged.file.sync_all()?;
        }
        let alive = self.alive();
        if !*alive {
            return Err(super::no_such_bucket(self.name()));
        }
        let _lock = self.lock(id);
        let dir = self.upload_dir(id)?;
        // Removed under the same lock, but the handle may be older than that.
        if dir.stat(UPLOAD)?.is_none() {
            return Err(no_such_upload());
        }
        let mut name = part_name(number, etag, checksum);
        if let Some(nonce) = staged.nonce() {
            name = format!("{name}-{nonce}");
        }
        staged.rename(&dir, &name)?;
        if self.mode.fsync {
            dir.sync()?;
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

    /// Puts parts together in a new file.
    pub(crate) fn assemble(&self, id: &str, parts: &[Part]) -> S3Result<Staged> {
        let dir = self.upload_dir(id)?;
        let mut staged = self.stage()?;
        for part in parts {
            let Some((mut file, _)) = dir.open_file(&part.name)? else { return Err(no_such_upload()) };
            if append(&mut file, &mut staged.file)? != part.size {
                return Err(S3Error::new("InternalError", "A part changed while it was read."));
            }
        }
        Ok(staged)
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

fn parts_of(dir: &Dir) -> io::Result<Vec<Part>> {
    let mut parts = Vec::new();
    for entry in dir.list()? {
        let Ok(name) = String::from_utf8(entry.name) else { continue };
        let mut fields = name.splitn(5, '-');
        let (Some(number), Some(etag)) = (fields.next(), fields.next()) else { continue };
        let Ok(number) = number.parse() else { continue };
        let checksum = match (fields.next().map(str::parse), fields.next()) {
            (Some(Ok(algorithm)), Some(sum)) => Checksum::parse(algorithm, &sum.replace('_', "/")),
            _ => None,
        };
        if let Some(stat) = dir.stat(&name)?
            && stat.kind == Kind::File
        {
            let (etag, nonce) = (etag.to_owned(), fields.next().map(str::to_owned));
            parts.push(Part { number, etag, checksum, size: stat.size, mtime: stat.mtime, nonce, name });
        }
    }
    Ok(parts)
}
