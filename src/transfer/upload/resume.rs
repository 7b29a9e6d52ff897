//! Taking up an unfinished upload: the one that an earlier run of the same command noted, or one that the user names.

use super::begun;
use super::parts::{Cut, Sent};
use super::source::is_changed;
use super::state::{Identity, State};
use super::{Kept, UploadError, Uploader};
use crate::s3::body::Payload;
use crate::s3::checksum::{Checksum, UploadChecksum};
use crate::s3::list::Part;
use crate::s3::multipart::{FinishedPart, UploadRef, composite_etag};
use crate::s3::request::Progress;
use crate::s3::{Error, Result};
use crate::transfer::attrs::{self, Attributes};
use crate::uri::S3Uri;
use chrono::{DateTime, Duration, Utc};
use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;

/// How far the clocks of this machine and of the service may be apart, and how long a request to begin an upload may be
/// under way.
const CLOCKS: Duration = Duration::minutes(5);

/// The state of an upload, locked, and what makes it this upload.
#[derive(Debug)]
pub(super) struct ResumeState {
    state: State,
    identity: Identity,
    /// Nothing is noted: the upload is one that the next run of the same command would not continue like this one.
    silent: bool,
}

/// An upload that was begun, and what the server has of it, by part numbers.
#[derive(Debug, Default)]
pub(super) struct Begun {
    pub(super) id: String,
    /// The checksums that its parts have.
    pub(super) sums: Option<UploadChecksum>,
    /// Parts that are known to be of this source, with those checksums: they are not sent again.
    pub(super) verified: HashMap<u32, (Part, Option<Checksum>)>,
    /// Parts that have to be compared with the source.
    pub(super) stored: HashMap<u32, Part>,
    /// Whether the user named it: nobody knows of which content it was begun.
    pub(super) named: bool,
}

/// What there is of an upload before this run.
#[derive(Debug)]
pub(super) enum Earlier {
    /// Nothing.
    Nothing,
    /// Some of it.
    Begun(Begun),
    /// All of it: only the news of its completion was lost.
    Complete,
}

impl ResumeState {
    /// Notes that the upload is about to be begun.
    pub(super) fn begin(&mut self) {
        note(self.state.begin(&self.identity));
    }

    /// Notes its id.
    pub(super) fn note_id(&mut self, id: &str) {
        note(self.state.note_id(id));
    }

    /// Notes that the server has a part and has verified its bytes.
    pub(super) fn note_part(&self, part: &FinishedPart, size: u64) {
        if !self.silent {
            note(self.state.note_part(part.number, &part.etag, size, part.checksum));
        }
    }

    /// Forgets the upload: it is complete, or was dropped.
    pub(super) fn finish(self) {
        self.state.finish();
    }
}

impl Begun {
    fn new(id: String, sums: Option<UploadChecksum>, state: Option<&State>, parts: Vec<Part>) -> Self {
        let mut begun = Self { id, sums, ..Self::default() };
        for part in parts {
            match state.and_then(|state| state.noted(&part)) {
                // Without its checksum a part is of no use to that of the whole.
                Some(checksum) if sums.is_none() || checksum.is_some() => {
                    begun.verified.insert(part.number, (part, checksum));
                }
                _ => {
                    begun.stored.insert(part.number, part);
                }
            }
        }
        begun
    }
}

impl Uploader {
    /// The state in which this upload is remembered; none where there is no place for it, or another process has it.
    pub(super) fn resume_state(
        &self,
        path: &Path,
        metadata: &Metadata,
        destination: &S3Uri,
        part_size: u64,
        headers: &[(String, String)],
    ) -> Option<ResumeState> {
        let directory = self.settings.state_dir.as_ref()?;
        let endpoint = &self.client.options().endpoint.host;
        let identity = Identity::new(endpoint, destination, path, metadata, part_size, headers);
        match State::open(directory, &identity) {
            Ok(Some(state)) => Some(ResumeState { state, identity, silent: false }),
            Ok(None) => {
                log::info!("'{destination}': another process is at the same upload: this one begins its own");
                None
            }
            Err(error) => {
                log::info!("{}: {error}: an interrupted upload will begin anew", directory.display());
                None
            }
        }
    }

    /// What there is of an upload: what `--upload-id` names, else what an earlier run of the same command began, else
    /// for `--continue-put` the newest upload of that key.
    pub(super) async fn earlier(
        &self,
        destination: &S3Uri,
        cut: &Cut,
        resume_state: &mut Option<ResumeState>,
    ) -> Result<Earlier> {
        let settings = &self.settings;
        let mut id = Some(settings.upload_id.clone()).filter(|id| !id.is_empty() && settings.put_continue);
        if id.is_none() {
            // Other options do not matter to who wants to continue; another content does.
            let other_options = resume_state
                .as_ref()
                .filter(|resume_state| settings.put_continue && resume_state.state.same_source);
            id = other_options.and_then(|resume_state| resume_state.state.outdated.clone());
        }
        if id.is_none() {
            if let Some(resume_state) = resume_state {
                match self.noted(destination, cut, resume_state).await? {
                    Earlier::Nothing => {}
                    found => return Ok(found),
                }
            }
            if settings.put_continue {
                let uploads = self.client.list_uploads(&destination.bucket, &destination.key).await?;
                let same_key = uploads.into_iter().filter(|upload| upload.key == destination.key);
                id = same_key.max_by(|a, b| a.initiated.cmp(&b.initiated)).map(|upload| upload.id);
            }
        }
        let Some(id) = id else { return Ok(Earlier::Nothing) };
        let found = self.client.upload_state(&destination.bucket, &destination.key, &id).await?;
        // Its parts have the checksums that it was begun with, whatever is asked for now.
        if let Some(asked) =
            self.checksum.filter(|asked| found.sums.is_none_or(|sums| sums.algorithm != *asked))
        {
            log::info!("'{destination}': the unfinished upload was not begun with {asked} checksums");
        }
        let own = resume_state
            .as_ref()
            .map(|resume_state| &resume_state.state)
            .filter(|state| state.id.as_ref() == Some(&id));
        let mut begun = Begun::new(id, found.sums, own, found.parts);
        if own.is_none() {
            begun.named = true;
            if let Some(resume_state) = resume_state {
                resume_state.silent = begun.sums != self.checksum.map(UploadChecksum::new);
                if !resume_state.silent {
                    // From now on it is the upload of this source.
                    resume_state.begin();
                    resume_state.note_id(&begun.id);
                }
            }
        }
        Ok(Earlier::Begun(begun))
    }

    /// What an earlier run of the same command has noted, as far as the server confirms it.
    async fn noted(&self, destination: &S3Uri, cut: &Cut, resume_state: &mut ResumeState) -> Result<Earlier> {
        let state = &mut resume_state.state;
        let (bucket, key) = (&destination.bucket, &destination.key);
        if let Some(id) = state.outdated.take() {
            // Best effort: it is of no use to anybody.
            let _ = self.client.abort_upload(UploadRef { bucket, key, id: &id }).await;
            log::info!("'{destination}': source or options changed since an earlier run: it begins anew");
        }
        if let Some(id) = state.id.clone() {
            match self.client.list_parts(bucket, key, &id).await {
                Ok(stored) => {
                    // The same command: it was begun with the same checksums.
                    let begun = Begun::new(id, self.checksum.map(UploadChecksum::new), Some(state), stored);
                    let bytes: u64 = begun.verified.values().map(|(part, _)| part.size).sum();
                    log::info!("'{destination}': {bytes} bytes are there from an earlier run");
                    return Ok(Earlier::Begun(begun));
                }
                Err(error) if error.is_not_found() => {
                    if self.was_completed(destination, cut, state).await? {
                        log::info!("'{destination}': all bytes are there from an earlier run");
                        return Ok(Earlier::Complete);
                    }
                }
                Err(error) => return Err(error),
            }
        } else if let Some(begun) = state.begun {
            self.drop_unnamed(destination, begun.into()).await?;
        }
        Ok(Earlier::Nothing)
    }

    /// Whether an upload that is gone was completed, and the object is what its parts make: an earlier run was killed
    /// before it heard of that.
    async fn was_completed(&self, destination: &S3Uri, cut: &Cut, state: &State) -> Result<bool> {
        let etags: Option<Vec<&str>> = (1..=cut.count() as u32).map(|number| state.etag(number)).collect();
        let Some(expected) = etags.and_then(composite_etag) else { return Ok(false) };
        match self.client.head_object(&destination.bucket, &destination.key).await {
            Ok(head) => Ok(head.size == cut.size() && head.etag == expected),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Drops what a run began that was killed before it could note the id: an upload of that key and time without a
    /// part. Nothing is lost by it, and it is not certain to have been begun by that run.
    async fn drop_unnamed(&self, destination: &S3Uri, begun: DateTime<Utc>) -> Result<()> {
        let (bucket, key) = (&destination.bucket, &destination.key);
        for upload in self.client.list_uploads(bucket, key).await? {
            let near = DateTime::parse_from_rfc3339(&upload.initiated)
                .is_ok_and(|time| (time.to_utc() - begun).abs() <= CLOCKS);
            if upload.key == *key && near && self.client.list_parts(bucket, key, &upload.id).await?.is_empty()
            {
                let _ = self.client.abort_upload(UploadRef { bucket, key, id: &upload.id }).await;
            }
        }
        Ok(())
    }

    /// Drops the unfinished upload in parts of a file that is now small enough for one request.
    pub(super) async fn drop_outdated(&self, path: &Path, metadata: &Metadata, destination: &S3Uri) {
        let Some(directory) = &self.settings.state_dir else { return };
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

    /// Forgets the uploads below a destination that runs have completed which were killed before they could forget them: a
    /// sync has no reason to send those files again. Best effort: what stays is forgotten when it is old.
    pub async fn forget_completed(&self, below: &S3Uri) {
        let Some(directory) = self.settings.state_dir.as_ref().filter(|_| self.has_states) else { return };
        let endpoint = &self.client.options().endpoint.host;
        for (identity, state) in
            State::all(directory).filter(|(identity, _)| identity.is_below(endpoint, below))
        {
            let Some(id) = &state.id else { continue };
            let S3Uri { bucket, key } = identity.destination();
            // The upload is gone; so is what was to be remembered of it.
            if self.client.list_parts(&bucket, &key, id).await.is_err_and(|error| error.is_not_found()) {
                state.finish();
            }
        }
    }

    /// A part that the server has already: sent again only if it differs.
    pub(super) async fn part_again(
        &self,
        upload: UploadRef<'_>,
        begun: &Begun,
        stored: &Part,
        payload: Payload,
        progress: &Progress,
    ) -> Result<Sent> {
        let number = stored.number;
        let etag = stored.etag.trim_matches('"').to_owned();
        let uri = S3Uri::new(upload.bucket, upload.key);
        // s3cmd warns, of what it was asked to do; what goes on by itself does not.
        let level = if self.settings.put_continue { log::Level::Warn } else { log::Level::Info };
        let digests = payload.hashed(self.wanted_of_part(begun.sums)).await?;
        if stored.size == payload.len() && digests.md5.map(hex::encode).as_ref() == Some(&etag) {
            log::log!(level, "MultiPart: size and md5sum match for {uri} part {number}, skipping.");
            progress.fetch_add(stored.size, Ordering::Relaxed);
            let finished = FinishedPart { number, etag, checksum: digests.checksum };
            return Ok(Sent { finished, md5: digests.md5 });
        }
        log::log!(level, "MultiPart: size or md5sum does not match for {uri} part {number}, reuploading.");
        self.part(upload, number, payload, digests, progress).await
    }

    /// Makes sure that an object whose upload the user named carries no MD5 of another content: the upload may have been
    /// begun for another version of the file.
    pub(super) async fn check_stored_md5(&self, destination: &S3Uri, whole: Payload) -> Result<()> {
        let head = self.client.head_object(&destination.bucket, &destination.key).await?;
        let stored = head.header(attrs::HEADER).map(Attributes::parse).unwrap_or_default();
        let Some(stored) = stored.md5() else { return Ok(()) };
        let md5 = whole.digests(true, false).await?.md5.map(hex::encode).unwrap_or_default();
        if stored.eq_ignore_ascii_case(&md5) {
            return Ok(());
        }
        Err(Error::Integrity(format!(
            "the upload was begun for another content: its MD5 is {md5}, and {stored} is stored with it; upload it anew"
        )))
    }

    /// Notes an upload that is not to be left behind, whatever ends the run.
    pub(super) fn note_begun(&self, upload: UploadRef<'_>) {
        if self.settings.abort_on_error {
            begun::note(&self.client, upload);
        }
    }

    /// Keeps a failed upload and names the part that failed, or drops it where that was asked for.
    pub(super) async fn keep_on_failure<T>(
        &self,
        upload: UploadRef<'_>,
        result: std::result::Result<T, (Option<u32>, Error)>,
    ) -> std::result::Result<T, UploadError> {
        let (part, error) = match result {
            Ok(done) => return Ok(done),
            Err(failed) => failed,
        };
        begun::forget(upload.id);
        // After its completion there is nothing left to be continued or dropped: what was wrong is the object.
        let is_over = part.is_none() && matches!(error, Error::Integrity(_));
        if is_over || error.code() == "NoSuchUpload" {
            return Err(error.into());
        }
        // Parts of a file that changed are of no use to anybody.
        if self.settings.abort_on_error || is_changed(&error) {
            match self.client.abort_upload(upload).await {
                Ok(()) => return Err(error.into()),
                Err(left) if left.is_not_found() => return Err(error.into()),
                Err(left) => log::warn!("The unfinished upload {} could not be dropped: {left}", upload.id),
            }
        }
        Err(UploadError { error, kept: Some(Kept { id: upload.id.to_owned(), part }) })
    }
}

/// A state that cannot be written costs a later run some work, and nothing else.
fn note(result: io::Result<()>) {
    if let Err(error) = result {
        log::info!("the state of an upload could not be noted: {error}");
    }
}
