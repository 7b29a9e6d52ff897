//! Reading the stored settings of a bucket (its record and documents) when it is opened, and detecting damage.
//!
//! A policy, a public access block or a record that cannot be read must not count as absent: a Deny would be lost, or a
//! locked version could be replaced.

use super::bucket_record::{BucketRecord, DOCUMENTS, RECORD};
use super::dir::Dir;
use super::key_path::PRIVATE;
use crate::model::bucket_documents;
use crate::model::error::{ErrorCode, S3Error, S3Result};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

/// The stored settings of a bucket.
pub(super) struct StoredBucket {
    /// `None` if there never was a record, or if it is damaged.
    pub(super) record: Option<BucketRecord>,
    /// The documents by name.
    pub(super) documents: HashMap<String, Arc<str>>,
    pub(super) damage: Damage,
}

/// Why a bucket cannot be served.
#[derive(Clone, Debug, Default)]
pub(super) struct Damage {
    /// What is wrong with documents that protect the bucket, by document name.
    documents: BTreeMap<String, String>,
    /// What is wrong with the record: the owner, the versioning state and Object Lock are unknown.
    record: Option<String>,
}

impl StoredBucket {
    /// Reads the stored settings of a bucket and logs damage.
    pub(super) fn read(name: &str, bucket: &Dir) -> io::Result<Self> {
        let mut stored = Self { record: None, documents: HashMap::new(), damage: Damage::default() };
        match bucket.child(PRIVATE)? {
            Some(private) => {
                stored.read_record(&private)?;
                match private.child(DOCUMENTS)? {
                    Some(documents) => stored.read_documents(name, &documents)?,
                    None if private.stat(DOCUMENTS)?.is_some() => {
                        stored.damage.record = Some(format!("{DOCUMENTS} is not a directory"));
                    }
                    None => {}
                }
            }
            None if bucket.stat(PRIVATE)?.is_some() => {
                stored.damage.record = Some(format!("{PRIVATE} is not a directory"));
            }
            None => {}
        }
        stored.damage.log(name);
        Ok(stored)
    }

    fn read_record(&mut self, private: &Dir) -> io::Result<()> {
        let has_versions = private.child("versions")?.is_some();
        self.damage.record =
            match private.read(RECORD)?.map(|bytes| serde_json::from_slice::<BucketRecord>(&bytes)) {
                // Versioning can be suspended, but not removed.
                Some(Ok(record)) if has_versions && record.versioning.is_none() => {
                    Some("it has no versioning state, but the bucket has versions".to_owned())
                }
                Some(Ok(record)) => {
                    self.record = Some(record);
                    None
                }
                Some(Err(error)) => Some(error.to_string()),
                None if private.stat(RECORD)?.is_some() => Some("it is not a file".to_owned()),
                None if has_versions => Some("it is missing, but the bucket has versions".to_owned()),
                None => None,
            };
        Ok(())
    }

    fn read_documents(&mut self, bucket: &str, dir: &Dir) -> io::Result<()> {
        for entry in dir.list()? {
            let Ok(name) = String::from_utf8(entry.name) else { continue };
            let text = match dir.read(&name)?.map(String::from_utf8) {
                Some(text) => text.map_err(|error| error.to_string()),
                None => Err("it is not a file".to_owned()),
            };
            let problem = match &text {
                Ok(text) => bucket_documents::problem(&name, text, bucket),
                Err(problem) => Some(problem.clone()),
            };
            match problem {
                Some(problem) if bucket_documents::protects(&name) => {
                    self.damage.documents.insert(name.clone(), problem);
                }
                Some(problem) => {
                    log::warn!("serve: bucket {bucket}: the stored {name} document is invalid: {problem}");
                }
                None => {}
            }
            if let Ok(text) = text {
                self.documents.insert(name, Arc::from(text));
            }
        }
        Ok(())
    }
}

impl Damage {
    /// Fails if anything is damaged, as every request then does.
    pub(super) fn check(&self) -> S3Result<()> {
        if self.documents.is_empty() && self.record.is_none() { Ok(()) } else { Err(Self::error()) }
    }

    /// [`Self::check`] for a request that replaces or removes a document. Returns whether that document is damaged.
    pub(super) fn check_for_repair(&self, document: &str) -> S3Result<bool> {
        if self.record.is_none() && self.documents.contains_key(document) {
            return Ok(true);
        }
        self.check().map(|()| false)
    }

    pub(super) fn has_record(&self) -> bool {
        self.record.is_none()
    }

    /// Records that a document was replaced or removed.
    pub(super) fn mark_repaired(&mut self, document: &str) {
        self.documents.remove(document);
    }

    /// Gives no details, as anonymous clients see this message too; they are in the log.
    fn error() -> S3Error {
        S3Error::new(
            ErrorCode::InternalError,
            "The stored settings of this bucket are damaged; see the log of the server.",
        )
    }

    /// Logs the damage and how to repair it.
    fn log(&self, bucket: &str) {
        if let Some(problem) = &self.record {
            log::error!(
                "serve: bucket {bucket}: the record {PRIVATE}/{RECORD} is damaged: {problem}. All requests for the \
                 bucket fail with status 500 until the file is restored and the server restarted"
            );
        }
        for (document, problem) in &self.documents {
            log::error!(
                "serve: bucket {bucket}: the stored {document} document ({PRIVATE}/{DOCUMENTS}/{document}) is damaged: \
                 {problem}. All requests for the bucket fail with status 500 until its owner replaces or deletes the \
                 document"
            );
        }
    }
}
