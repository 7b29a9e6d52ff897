//! Resumes an unfinished upload: the one that an earlier run of the same command recorded, or one that the user
//! specifies.

use super::parts::{PartLayout, SentPart};
use super::source::is_changed;
use super::state::{Identity, State};
use super::unfinished;
use super::{Kept, UploadError, Uploader};
use crate::output::error_text;
use crate::transfer::file_attributes::{self, Attributes};
use crate::uri::S3Uri;
use chrono::{DateTime, Duration, Utc};
use s3cmd_client::checksum::{Checksum, UploadChecksum};
use s3cmd_client::http::body::Payload;
use s3cmd_client::http::request::Progress;
use s3cmd_client::list::Part;
use s3cmd_client::ops::multipart::{FinishedPart, UploadRef, composite_etag};
use s3cmd_client::{Error, Result};
use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;

/// The tolerance for clock differences between this machine and the service, and for the duration of the request that
/// starts an upload.
const CLOCKS: Duration = Duration::minutes(5);

/// The locked state of an upload, and its identity.
#[derive(Debug)]
pub(super) struct ResumeState {
    state: State,
    identity: Identity,
    /// Whether recording is off, because the next run of the same command would not continue this upload in the same
    /// way.
    is_recording_off: bool,
}

/// An upload that was started, and its parts on the server by part number.
#[derive(Debug, Default)]
pub(super) struct StartedUpload {
    pub(super) id: String,
    /// The checksums of its parts.
    pub(super) sums: Option<UploadChecksum>,
    /// Parts that are known to match the source, with their checksums. They are not sent again.
    pub(super) verified: HashMap<u32, (Part, Option<Checksum>)>,
    /// Parts that must be compared with the source.
    pub(super) stored: HashMap<u32, Part>,
    /// Whether the user specified the upload, so that it may have been started for other content.
    pub(super) by_user: bool,
}

/// The result of an upload by an earlier run.
#[derive(Debug)]
pub(super) enum Earlier {
    /// There is none.
    None,
    /// The upload is unfinished.
    Unfinished(StartedUpload),
    /// The object is complete: only the response to its completion was lost.
    Complete,
}

impl ResumeState {
    /// Records that the upload is about to be started.
    pub(super) fn begin(&mut self) {
        log_failure(self.state.begin(&self.identity));
    }

    /// Records the id of the upload.
    pub(super) fn record_id(&mut self, id: &str) {
        log_failure(self.state.record_id(id));
    }

    /// Records that the server has a part and has verified its bytes.
    pub(super) fn record_part(&self, part: &FinishedPart, size: u64) {
        if !self.is_recording_off {
            log_failure(self.state.record_part(part.number, &part.etag, size, part.checksum));
        }
    }

    /// Removes the state: the upload is complete or was aborted.
    pub(super) fn finish(self) {
        self.state.finish();
    }
}

impl StartedUpload {
    fn new(id: String, sums: Option<UploadChecksum>, state: Option<&State>, parts: Vec<Part>) -> Self {
        let mut started = Self { id, sums, ..Self::default() };
        for part in parts {
            match state.and_then(|state| state.recorded(&part)) {
                // Without its checksum, a part cannot contribute to the checksum of the whole.
                Some(checksum) if sums.is_none() || checksum.is_some() => {
                    started.verified.insert(part.number, (part, checksum));
                }
                _ => {
                    started.stored.insert(part.number, part);
                }
            }
        }
        started
    }
}

impl Uploader {
    /// Opens the state of this upload. `None` if there is no state directory, or if another process holds the state.
    pub(super) fn resume_state(
        &self,
        path: &Path,
        metadata: &Metadata,
        destination: &S3Uri,
        part_size: u64,
        headers: &[(String, String)],
    ) -> Option<ResumeState> {
        let directory = self.options.state_dir.as_ref()?;
        let endpoint = &self.client.options().endpoint.host;
        let identity = Identity::new(endpoint, destination, path, metadata, part_size, headers);
        match State::open(directory, &identity) {
            Ok(Some(state)) => Some(ResumeState { state, identity, is_recording_off: false }),
            Ok(None) => {
                log::info!(
                    "'{destination}': another process is running the same upload: starting a separate one"
                );
                None
            }
            Err(error) => {
                log::info!("{}: {error}: an interrupted upload will start over", directory.display());
                None
            }
        }
    }

    /// Finds an earlier upload: the one of `--upload-id`, otherwise the one that an earlier run of the same command
    /// started, otherwise, with `--continue-put`, the newest upload of that key.
    pub(super) async fn earlier(
        &self,
        destination: &S3Uri,
        layout: &PartLayout,
        resume_state: &mut Option<ResumeState>,
    ) -> Result<Earlier> {
        let resumes = self.options.resume;
        let mut id = self.options.upload_id.clone().filter(|_| resumes);
        if id.is_none() {
            // With `--continue-put`, different options do not matter, but different content does.
            let other_options =
                resume_state.as_ref().filter(|resume_state| resumes && resume_state.state.same_source);
            id = other_options.and_then(|resume_state| resume_state.state.outdated.clone());
        }
        if id.is_none() {
            if let Some(resume_state) = resume_state {
                match self.recorded(destination, layout, resume_state).await? {
                    Earlier::None => {}
                    found => return Ok(found),
                }
            }
            if resumes {
                let uploads = self.client.list_uploads(&destination.bucket, &destination.key).await?;
                let same_key = uploads.into_iter().filter(|upload| upload.key == destination.key);
                id = same_key.max_by(|a, b| a.initiated.cmp(&b.initiated)).map(|upload| upload.id);
            }
        }
        let Some(id) = id else { return Ok(Earlier::None) };
        let found = self.client.upload_state(&destination.bucket, &destination.key, &id).await?;
        // The checksums of its parts are those with which it was started, whatever is requested now.
        if let Some(requested) = self
            .options
            .checksum
            .filter(|requested| found.sums.is_none_or(|sums| sums.algorithm != *requested))
        {
            log::info!("'{destination}': the unfinished upload was not started with {requested} checksums");
        }
        let own = resume_state
            .as_ref()
            .map(|resume_state| &resume_state.state)
            .filter(|state| state.id.as_ref() == Some(&id));
        let mut started = StartedUpload::new(id, found.sums, own, found.parts);
        if own.is_none() {
            started.by_user = true;
            if let Some(resume_state) = resume_state {
                resume_state.is_recording_off =
                    started.sums != self.options.checksum.map(UploadChecksum::new);
                if !resume_state.is_recording_off {
                    // From now on it is recorded as the upload of this source.
                    resume_state.begin();
                    resume_state.record_id(&started.id);
                }
            }
        }
        Ok(Earlier::Unfinished(started))
    }

    /// Finds the upload that an earlier run of the same command recorded, as far as the server confirms it.
    async fn recorded(
        &self,
        destination: &S3Uri,
        layout: &PartLayout,
        resume_state: &mut ResumeState,
    ) -> Result<Earlier> {
        let state = &mut resume_state.state;
        let (bucket, key) = (&destination.bucket, &destination.key);
        if let Some(id) = state.outdated.take() {
            // Best effort: the upload can never be used.
            let _ = self.client.abort_upload(UploadRef { bucket, key, id: &id }).await;
            log::info!("'{destination}': source or options changed since an earlier run: starting over");
        }
        if let Some(id) = state.id.clone() {
            match self.client.list_parts(bucket, key, &id).await {
                Ok(stored) => {
                    // The same command started it, so its checksums are the same.
                    let started = StartedUpload::new(
                        id,
                        self.options.checksum.map(UploadChecksum::new),
                        Some(state),
                        stored,
                    );
                    let bytes: u64 = started.verified.values().map(|(part, _)| part.size).sum();
                    log::info!("'{destination}': {bytes} bytes are there from an earlier run");
                    return Ok(Earlier::Unfinished(started));
                }
                Err(error) if error.is_not_found() => {
                    if self.was_completed(destination, layout, state).await? {
                        log::info!("'{destination}': all bytes are there from an earlier run");
                        return Ok(Earlier::Complete);
                    }
                }
                Err(error) => return Err(error),
            }
        } else if let Some(started) = state.started {
            self.abort_unrecorded(destination, started.into()).await?;
        }
        Ok(Earlier::None)
    }

    /// Whether an upload that no longer exists was completed, and the object consists of its parts: an earlier run was
    /// killed before it received the response.
    async fn was_completed(&self, destination: &S3Uri, layout: &PartLayout, state: &State) -> Result<bool> {
        let etags: Option<Vec<&str>> = (1..=layout.count() as u32).map(|number| state.etag(number)).collect();
        let Some(expected) = etags.and_then(composite_etag) else { return Ok(false) };
        match self.client.head_object(&destination.bucket, &destination.key).await {
            Ok(head) => Ok(head.size == layout.size() && head.etag == expected),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Aborts the upload of a run that was killed before it could record the id: an upload of that key and time without
    /// parts. It may belong to another run, but an upload without parts holds no data.
    async fn abort_unrecorded(&self, destination: &S3Uri, started: DateTime<Utc>) -> Result<()> {
        let (bucket, key) = (&destination.bucket, &destination.key);
        for upload in self.client.list_uploads(bucket, key).await? {
            let near = DateTime::parse_from_rfc3339(&upload.initiated)
                .is_ok_and(|time| (time.to_utc() - started).abs() <= CLOCKS);
            if upload.key == *key && near && self.client.list_parts(bucket, key, &upload.id).await?.is_empty()
            {
                let _ = self.client.abort_upload(UploadRef { bucket, key, id: &upload.id }).await;
            }
        }
        Ok(())
    }

    /// Aborts the unfinished multipart upload of a file that is now small enough for one request.
    pub(super) async fn abort_outdated(&self, path: &Path, metadata: &Metadata, destination: &S3Uri) {
        let Some(directory) = &self.options.state_dir else { return };
        let endpoint = &self.client.options().endpoint.host;
        let identity = Identity::new(endpoint, destination, path, metadata, 0, &[]);
        if !State::exists(directory, &identity) {
            return;
        }
        let Ok(Some(state)) = State::open(directory, &identity) else { return };
        if let Some(id) = &state.outdated {
            let (bucket, key) = (&destination.bucket, &destination.key);
            let _ = self.client.abort_upload(UploadRef { bucket, key, id }).await;
        }
        state.finish();
    }

    /// Removes the states of completed uploads below a destination whose runs were killed before they could do so: a
    /// sync does not upload those files again. Best effort: remaining states are removed when they are old.
    pub(crate) async fn forget_completed(&self, below: &S3Uri) {
        let Some(directory) = self.options.state_dir.as_ref().filter(|_| self.has_states) else { return };
        let endpoint = &self.client.options().endpoint.host;
        for (identity, state) in
            State::all(directory).filter(|(identity, _)| identity.is_below(endpoint, below))
        {
            let Some(id) = &state.id else { continue };
            let S3Uri { bucket, key } = identity.destination();
            // The upload no longer exists, so its state is obsolete.
            if self.client.list_parts(&bucket, &key, id).await.is_err_and(|error| error.is_not_found()) {
                state.finish();
            }
        }
    }

    /// Handles a part that is already on the server: sends it again only if it differs.
    pub(super) async fn part_again(
        &self,
        upload: UploadRef<'_>,
        started: &StartedUpload,
        stored: &Part,
        payload: Payload,
        progress: &Progress,
    ) -> Result<SentPart> {
        let number = stored.number;
        let etag = stored.etag.trim_matches('"').to_owned();
        let uri = S3Uri::new(upload.bucket, upload.key);
        // s3cmd warns if the user requested to continue. An automatic continuation does not.
        let level = if self.options.resume { log::Level::Warn } else { log::Level::Info };
        let digests = payload.hashed(self.required_digests_of_part(started.sums)).await?;
        if stored.size == payload.len() && digests.md5.map(hex::encode).as_ref() == Some(&etag) {
            log::log!(level, "MultiPart: size and md5sum match for {uri} part {number}, skipping.");
            progress.fetch_add(stored.size, Ordering::Relaxed);
            let finished = FinishedPart { number, etag, checksum: digests.checksum };
            return Ok(SentPart { finished, md5: digests.md5 });
        }
        log::log!(level, "MultiPart: size or md5sum does not match for {uri} part {number}, reuploading.");
        self.part(upload, number, payload, digests, progress).await
    }

    /// Fails if the object of an upload that the user specified carries the MD5 of other content: the upload may have
    /// been started for another version of the file.
    pub(super) async fn check_stored_md5(&self, destination: &S3Uri, whole: Payload) -> Result<()> {
        let head = self.client.head_object(&destination.bucket, &destination.key).await?;
        let stored = head.header(file_attributes::HEADER).map(Attributes::parse).unwrap_or_default();
        let Some(stored) = stored.md5() else { return Ok(()) };
        let md5 = whole.digests(true, false).await?.md5.map(hex::encode).unwrap_or_default();
        if stored.eq_ignore_ascii_case(&md5) {
            return Ok(());
        }
        Err(Error::Integrity(format!(
            "the upload was started for other content: its MD5 is {md5}, and {stored} is stored with it; upload it again"
        )))
    }

    /// Registers an upload to be aborted if the run is interrupted, with `--abort-on-error`.
    pub(super) fn register_unfinished(&self, upload: UploadRef<'_>) {
        if self.options.abort_on_failure {
            unfinished::register(&self.client, upload);
        }
    }

    /// Keeps a failed upload and returns the part that failed, or aborts the upload if requested.
    pub(super) async fn keep_on_failure<T>(
        &self,
        upload: UploadRef<'_>,
        result: std::result::Result<T, (Option<u32>, Error)>,
    ) -> std::result::Result<T, UploadError> {
        let (part, error) = match result {
            Ok(done) => return Ok(done),
            Err(failed) => failed,
        };
        unfinished::unregister(upload.id);
        // After completion there is nothing left to continue or abort: the object itself is wrong.
        let is_over = part.is_none() && matches!(error, Error::Integrity(_));
        if is_over || error.code() == "NoSuchUpload" {
            return Err(error.into());
        }
        // Parts of a file that changed can never be used.
        if self.options.abort_on_failure || is_changed(&error) {
            match self.client.abort_upload(upload).await {
                Ok(()) => return Err(error.into()),
                Err(left) if left.is_not_found() => return Err(error.into()),
                Err(left) => {
                    let why = error_text(&left);
                    log::warn!("The unfinished upload {} could not be aborted: {why}", upload.id);
                }
            }
        }
        Err(UploadError { error, kept: Some(Kept { id: upload.id.to_owned(), part }) })
    }
}

/// If the state cannot be written, a later run only repeats some work.
fn log_failure(result: io::Result<()>) {
    if let Err(error) = result {
        log::info!("the state of an upload could not be recorded: {error}");
    }
}
