//! The typed options of a run, made from the settings. From here on no setting is parsed or checked again, and what
//! works with the options does not know the settings.

mod client;
#[cfg(feature = "serve")]
mod serve;

pub(crate) use client::located;
#[cfg(feature = "serve")]
pub(crate) use serve::{AccessLogTarget, KeyPair, ServeOptions, TlsFiles};

use super::{ConfigError, Settings};
use crate::shard::Shard;
use crate::transfer::compare::Checks;
use crate::transfer::content_type::{ContentTypeOptions, Guess};
use crate::transfer::copy::CopyOptions;
use crate::transfer::download::{DownloadOptions, Existing};
use crate::transfer::gpg::GpgOptions;
use crate::transfer::placement::{CannedAcl, Encryption, ExtraHeaders, Placement};
use crate::transfer::selection::{NameList, SelectionOptions};
use crate::transfer::sync::SyncOptions;
use crate::transfer::upload::UploadOptions;
use s3cmd_client::ops::multipart::MAX_PARTS;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

impl Settings {
    /// What the run selects. Fails if `shard` is invalid: a run that requests a shard must never process everything.
    pub(crate) fn selection_options(&self) -> Result<SelectionOptions, ConfigError> {
        let shard = Shard::parse(&self.shard);
        if shard.is_none() && !self.shard.is_empty() {
            return Err(ConfigError::usage(format!(
                "--shard has to be I/N with I from 1 to N, not '{}'",
                self.shard
            )));
        }
        let list = |name: &String| match name.as_str() {
            "-" => NameList::Stdin,
            name => NameList::File(name.into()),
        };
        Ok(SelectionOptions {
            recursive: self.recursive,
            filter: self.filter.clone(),
            shard,
            files_from: self.files_from.iter().map(list).collect(),
            follow_symlinks: self.follow_symlinks,
            keep_dirs: self.keep_dirs,
            verbatim: self.urlencoding_mode == "verbatim",
        })
    }

    /// How files are uploaded.
    pub(crate) fn upload_options(&self) -> UploadOptions {
        UploadOptions {
            content_type: self.content_type_options(),
            placement: self.placement(),
            headers: ExtraHeaders(self.extra_headers.clone()),
            multipart: self.enable_multipart,
            part_size: self.part_size(),
            max_parts: positive(self.multipart_max_chunks).min(MAX_PARTS),
            checksum: self.checksum(),
            store_md5: self.store_md5,
            multipart_md5: self.multipart_md5,
            preserve_attributes: self.preserve_attrs,
            rclone_mtime: self.rclone_mtime,
            resume: self.put_continue,
            upload_id: non_empty(&self.upload_id),
            abort_on_failure: self.abort_on_error,
            state_dir: self.state_dir.clone(),
            max_resends: self.max_retries(),
        }
    }

    fn content_type_options(&self) -> ContentTypeOptions {
        let extensions =
            self.add_encoding_exts.split(',').map(|listed| listed.trim().trim_start_matches('.'));
        ContentTypeOptions {
            forced: non_empty(&self.mime_type),
            guess: match (self.guess_mime_type, self.use_mime_magic) {
                (false, _) => Guess::Nothing,
                (true, false) => Guess::Extension,
                (true, true) => Guess::ExtensionOrContent,
            },
            default: self.default_mime_type.clone(),
            follow_symlinks: self.follow_symlinks,
            charset_extensions: extensions.filter(|listed| !listed.is_empty()).map(str::to_owned).collect(),
            charset: self.encoding.clone(),
        }
    }

    /// How the service stores new objects.
    fn placement(&self) -> Placement {
        let class = match (self.storage_class.as_str(), self.reduced_redundancy) {
            ("", true) => "REDUCED_REDUNDANCY",
            ("", false) => "STANDARD",
            (class, _) => class,
        };
        let acl = |public| if public { CannedAcl::PublicRead } else { CannedAcl::Private };
        let encryption = match non_empty(&self.kms_key) {
            Some(key) => Some(Encryption::Kms(key)),
            None => self.server_side_encryption.then_some(Encryption::S3),
        };
        Placement { storage_class: class.to_owned(), acl: self.acl_public.map(acl), encryption }
    }

    /// How objects are copied on the server.
    pub(crate) fn copy_options(&self) -> CopyOptions {
        CopyOptions {
            placement: self.placement(),
            content_type: non_empty(&self.mime_type),
            headers: ExtraHeaders(self.extra_headers.clone()),
            remove_headers: self.remove_headers.clone(),
            part_size: mebibytes(self.multipart_copy_chunk_size_mb),
            upload_part_size: self.part_size(),
        }
    }

    /// How objects are downloaded.
    pub(crate) fn download_options(&self) -> DownloadOptions {
        DownloadOptions {
            resume: self.get_continue,
            existing: match (self.get_continue || self.force, self.skip_existing) {
                (true, _) => Existing::Replace,
                (false, true) => Existing::Skip,
                (false, false) => Existing::Refuse,
            },
            preserve_attributes: self.preserve_attrs,
            durable: self.delete_after_fetch || self.fsync_downloads,
            delete_source: self.delete_after_fetch,
        }
    }

    /// How two sides are made equal.
    pub(crate) fn sync_options(&self) -> SyncOptions {
        SyncOptions {
            checks: Checks { md5: self.sync_checks_md5, skip_existing: self.skip_existing },
            part_size: self.part_size(),
            delete_removed: self.delete_removed,
            delete_after: self.delete_after,
            max_delete: self.max_delete(),
            force: self.force,
            invalidate: self.invalidate_on_cf,
        }
    }

    /// How GPG is called.
    pub(crate) fn gpg_options(&self) -> GpgOptions {
        let words = |template: &str| template.split_whitespace().map(str::to_owned).collect();
        GpgOptions {
            command: non_empty_path(&self.gpg_command),
            encrypt: words(&self.gpg_encrypt),
            decrypt: words(&self.gpg_decrypt),
            passphrase: Zeroizing::new(self.gpg_passphrase.clone()),
        }
    }

    /// The number of concurrent transfers or requests. `None`: the default.
    pub(crate) fn jobs(&self) -> Option<usize> {
        usize::try_from(self.jobs).ok().filter(|jobs| *jobs > 0)
    }

    /// The number of objects above which nothing is deleted.
    pub(crate) fn max_delete(&self) -> Option<u64> {
        u64::try_from(self.max_delete).ok()
    }

    /// The maximum number of entries in a listing.
    pub(crate) fn limit(&self) -> Option<u64> {
        u64::try_from(self.limit).ok()
    }

    /// The file that caches MD5 checksums.
    pub(crate) fn cache_file(&self) -> Option<&Path> {
        Some(Path::new(&self.cache_file)).filter(|file| !file.as_os_str().is_empty())
    }

    /// The part size of uploads in bytes, which is also the size above which a file is uploaded in parts.
    fn part_size(&self) -> u64 {
        mebibytes(self.multipart_chunk_size_mb)
    }

    /// The maximum number of retries.
    fn max_retries(&self) -> u32 {
        u32::try_from(self.max_retries).unwrap_or(0)
    }
}

/// A size in MiB, at least one, in bytes.
fn mebibytes(size: i64) -> u64 {
    positive(size).saturating_mul(1 << 20)
}

/// A number, at least one.
fn positive(number: i64) -> u64 {
    u64::try_from(number).map_or(1, |number| number.max(1))
}

fn non_empty(text: &str) -> Option<String> {
    Some(text).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn non_empty_path(text: &str) -> Option<PathBuf> {
    Some(text).filter(|text| !text.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
        let mut settings = Settings::default();
        change(&mut settings);
        settings
    }

    #[test]
    fn a_shard_is_valid_or_an_error() {
        assert_eq!(Settings::default().selection_options().unwrap().shard, None);
        let shard = settings(|s| s.shard = "2/7".into()).selection_options().unwrap().shard;
        assert_eq!(shard.unwrap().to_string(), "2/7");
        let error = settings(|s| s.shard = "7/2".into()).selection_options().unwrap_err();
        assert_eq!(error.exit, 64);
        assert_eq!(error.lines, ["Parameter problem: --shard has to be I/N with I from 1 to N, not '7/2'"]);
    }

    #[test]
    fn part_sizes_are_bytes() {
        let options = Settings::default().upload_options();
        assert_eq!((options.part_size, options.max_parts), (15 << 20, MAX_PARTS));
        let copies = settings(|s| s.multipart_copy_chunk_size_mb = -1).copy_options();
        assert_eq!((copies.part_size, copies.upload_part_size), (1 << 20, 15 << 20));
        let huge = settings(|s| s.multipart_copy_chunk_size_mb = i64::MAX).copy_options();
        assert_eq!(huge.part_size, u64::MAX);
        assert_eq!(settings(|s| s.multipart_max_chunks = 0).upload_options().max_parts, 1);
    }

    #[test]
    fn the_storage_class_and_the_kms_key_come_first() {
        let placed = |change: fn(&mut Settings)| {
            let placement = settings(change).upload_options().placement;
            (placement.storage_class, placement.encryption)
        };
        assert_eq!(placed(|_| ()), ("STANDARD".into(), None));
        assert_eq!(placed(|s| s.reduced_redundancy = true), ("REDUCED_REDUNDANCY".into(), None));
        let both = placed(|s| {
            (s.reduced_redundancy, s.server_side_encryption) = (true, true);
            s.storage_class = "GLACIER".into();
            s.kms_key = "k".into();
        });
        assert_eq!(both, ("GLACIER".into(), Some(Encryption::Kms("k".into()))));
        assert_eq!(placed(|s| s.server_side_encryption = true).1, Some(Encryption::S3));
    }

    #[test]
    fn existing_files_are_refused_skipped_or_replaced() {
        let existing = |change: fn(&mut Settings)| settings(change).download_options().existing;
        assert_eq!(existing(|_| ()), Existing::Refuse);
        assert_eq!(existing(|s| s.skip_existing = true), Existing::Skip);
        assert_eq!(existing(|s| (s.skip_existing, s.force) = (true, true)), Existing::Replace);
        assert_eq!(existing(|s| (s.skip_existing, s.get_continue) = (true, true)), Existing::Replace);
    }

    #[test]
    fn extensions_with_a_charset_are_listed_with_or_without_a_dot() {
        let options = settings(|s| s.add_encoding_exts = "txt, .html,,".into()).upload_options();
        assert_eq!(options.content_type.charset_extensions, ["txt", "html"]);
    }
}
