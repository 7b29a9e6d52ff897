//! What is stored of a bucket beside its objects, as it is found when the bucket is opened; and what of it cannot be
//! used.
//!
//! A policy, a public-access block or a record that cannot be read must not be taken for absent: a Deny would be lost,
//! or a locked version be replaced.

use super::bucket_record::{BucketRecord, DOCUMENTS, RECORD};
use super::dir::Dir;
use super::key_path::PRIVATE;
use crate::model::bucket_documents;
use crate::model::error::{ErrorCode, S3Error, S3Result};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

/// What was found.
pub(super) struct StoredBucket {
    /// `None`: there never was any, or it is damaged.
    pub(super) record: Option<BucketRecord>,
    /// By their names.
    pub(super) documents: HashMap<String, Arc<str>>,
    pub(super) damage: Damage,
}

/// Why a bucket cannot be served.
#[derive(Clone, Debug, Default)]
pub(super) struct Damage {
    /// What is wrong with documents that protect the bucket, by their names.
    documents: BTreeMap<String, String>,
    /// Whose the bucket is, whether it has versions and whether they can be locked are not known.
    record: Option<String>,
}

impl StoredBucket {
    /// Reads what is stored of a bucket, and says in the log what of it cannot be used.
    pub(super) fn read(name: &str, bucket: &Dir) -> io::Result<Self> {
        let mut stored = Self { record: None, documents: HashMap::new(), damage: Damage::default() };
        match bucket.child(PRIVATE)? {
            Some(private) => {
                stored.read_record(&private)?;
                match private.child(DOCUMENTS)? {
                    Some(documents) => stored.read_documents(name, &documents)?,
                    None if private.stat(DOCUMENTS)?.is_some() => {
                        stored.damage.record = Some(format!("{DOCUMENTS} is no directory"));
                    }
                    None => {}
                }
            }
            None if bucket.stat(PRIVATE)?.is_some() => {
                stored.damage.record = Some(format!("{PRIVATE} is no directory"));
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
                // Versions are suspended, but never gone again.
                Some(Ok(record)) if has_versions && record.versioning.is_none() => {
                    Some("it says nothing of versions, and there are some".to_owned())
                }
                Some(Ok(record)) => {
                    self.record = Some(record);
                    None
                }
                Some(Err(error)) => Some(error.to_string()),
                None if private.stat(RECORD)?.is_some() => Some("it is no file".to_owned()),
                None if has_versions => Some("it is missing, and there are versions".to_owned()),
                None => None,
            };
        Ok(())
    }

    fn read_documents(&mut self, bucket: &str, dir: &Dir) -> io::Result<()> {
        for entry in dir.list()? {
            let Ok(name) = String::from_utf8(entry.name) else { continue };
            let text = match dir.read(&name)?.map(String::from_utf8) {
                Some(text) => text.map_err(|error| error.to_string()),
                None => Err("it is no file".to_owned()),
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
                    log::warn!(
                        "serve: bucket {bucket}: its stored {name} document cannot be used: {problem}"
                    );
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
    /// The error that every request gets, if anything is damaged.
    pub(super) fn check(&self) -> S3Result<()> {
        if self.documents.is_empty() && self.record.is_none() { Ok(()) } else { Err(Self::error()) }
    }

    /// [`Self::check`] for a request that replaces or removes a document: whether it is a damaged one.
    pub(super) fn check_for_repair(&self, document: &str) -> S3Result<bool> {
        if self.record.is_none() && self.documents.contains_key(document) {
            return Ok(true);
        }
        self.check().map(|()| false)
    }

    pub(super) fn has_record(&self) -> bool {
        self.record.is_none()
    }

    /// Notes that a document was replaced or removed.
    pub(super) fn repaired(&mut self, document: &str) {
        self.documents.remove(document);
    }

    /// What is wrong is for the log alone: strangers see this too.
    fn error() -> S3Error {
        S3Error::new(
            ErrorCode::InternalError,
            "What is stored of this bucket cannot be used; the log of the server says why.",
        )
    }

    /// Says what is wrong, and what helps.
    fn log(&self, bucket: &str) {
        if let Some(problem) = &self.record {
            log::error!(
                "serve: bucket {bucket}: its record {PRIVATE}/{RECORD} cannot be used: {problem}. All requests for the bucket \
                 are answered with 500 until the file is restored and the server started again"
            );
        }
        for (document, problem) in &self.documents {
            log::error!(
                "serve: bucket {bucket}: its stored {document} document ({PRIVATE}/{DOCUMENTS}/{document}) cannot be used: \
                 {problem}. All requests for the bucket are answered with 500 until its owner replaces or deletes the document"
            );
        }
    }
}
