//! All settings with their types and defaults. Keys are declared only here.

use std::path::PathBuf;

use super::keys::{Dumped, InvalidValue, Key, RawValue, Value, endpoint, rate, settings};
use crate::patterns::Filter;
use s3cmd_client::checksum::Algorithm;

pub use super::keys::Verbosity;

/// One change to an access-control list, from `--acl-grant` or `--acl-revoke`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclChange {
    /// `read`, `write`, `read_acp`, `write_acp`, `full_control` or `all`.
    pub(crate) permission: String,
    /// An e-mail address, a canonical user ID or a group URI, as typed.
    pub(crate) grantee: String,
}

// The rows are in the order of a dump, which is the ASCII order of the names. A test verifies it.
settings! {
    keys {
        /// Stop a command at the first error of any kind, not only in transfers.
        abort_on_error: bool = false, WhenChanged;
        /// Access key ID.
        access_key: String = String::new(), Always;
        /// File for the access log of `serve`; `-`: standard output; empty: no log.
        access_log: String = String::new(), WhenChanged;
        /// Session token, sent as `x-amz-security-token`.
        access_token: String = String::new(), Always, secret;
        /// Whether uploads are publicly readable. If unset, the server decides.
        acl_public: Option<bool> = None, WhenSet;
        /// File extensions, separated by commas, whose Content-Type gets the charset of `encoding`.
        add_encoding_exts: String = String::new(), Always;
        /// Headers to send with uploads, `Name:value,Name2:value2`.
        add_headers: String = String::new(), Always;
        /// Listen address of `serve`, `HOST:PORT`; empty: a free port on the loopback interface.
        address: String = String::new(), WhenChanged;
        /// Include all versions of objects.
        all_versions: bool = false, WhenChanged, no_file;
        /// Allow `serve` to use plain HTTP on addresses that other machines can reach.
        allow_plain_http: bool = false, WhenChanged;
        /// Expiry of the key pairs of `serve` that are not from `auth_file`, as in `signurl`; empty: never.
        auth_expires: String = String::new(), WhenChanged;
        /// File with the key pairs that `serve` accepts.
        auth_file: String = String::new(), WhenChanged;
        /// Region. `US` means unknown.
        bucket_location: String = "US".to_owned(), Always;
        /// File with trusted CA certificates.
        ca_certs_file: String = String::new(), Always;
        /// File that caches the MD5 checksums of local files.
        cache_file: String = String::new(), Always;
        /// Whether policies, rules and settings are validated before they are sent, and compared with what the server
        /// stored.
        check_documents: bool = true, WhenChanged;
        /// List of MD5 checksums to verify (`md5sum --check`).
        check_list: String = String::new(), WhenChanged, no_file;
        /// Whether the server's TLS certificate is verified.
        check_ssl_certificate: bool = true, Always;
        /// Whether the host name in the TLS certificate is verified.
        check_ssl_hostname: bool = true, Always;
        /// Additional checksum of uploads that the server verifies and stores; empty: none.
        checksum_algorithm: String = String::new(), WhenChanged;
        /// CloudFront endpoint.
        cloudfront_host: String = "cloudfront.amazonaws.com".to_owned(), Always => endpoint;
        /// Maximum idle time of a connection before reuse, in seconds.
        connection_max_age: i64 = 5, Always;
        /// Whether connections are reused.
        connection_pooling: bool = true, Always;
        /// Content-Disposition of the response to a presigned URL.
        content_disposition: String = String::new(), Always;
        /// Content-Type of the response to a presigned URL.
        content_type: String = String::new(), Always;
        /// Content-Type if none can be guessed.
        default_mime_type: String = "binary/octet-stream".to_owned(), Always;
        /// Formerly: when `sync` moves files to their final names.
        delay_updates: bool = false, Always, no_effect;
        /// Delete after the transfers instead of before.
        delete_after: bool = false, Always;
        /// Delete each object from the server after it has been downloaded.
        delete_after_fetch: bool = false, Always;
        /// Delete files at the destination that do not exist at the source.
        delete_removed: bool = false, Always;
        /// Only show what would be done, without doing it.
        dry_run: bool = false, Always;
        /// Run `check` against a private server.
        embedded: bool = false, WhenChanged, no_file;
        /// Enable or disable a CloudFront distribution.
        enable: Option<bool> = None, WhenSet, no_file;
        /// Whether large files are uploaded in parts.
        enable_multipart: bool = true, Always;
        /// Character set of the terminal and of file names. Default: from the locale.
        encoding: String = "UTF-8".to_owned(), Always;
        /// Encrypt files with GPG before the upload.
        encrypt: bool = false, Always;
        /// Hash of the ETags of `serve`, named as in rclone.
        etag_hash: String = "MD5".to_owned(), WhenChanged;
        /// Lifecycle rule of `expire`: expiration date.
        expiry_date: String = String::new(), Always;
        /// Lifecycle rule of `expire`: number of days.
        expiry_days: String = String::new(), Always;
        /// Lifecycle rule of `expire`: prefix.
        expiry_prefix: String = String::new(), Always;
        /// Follow symbolic links.
        follow_symlinks: bool = false, Always;
        /// Overwrite existing files and skip safety checks.
        force: bool = false, Always;
        /// Whether `serve` accepts only path-style requests.
        force_path_style: bool = false, WhenChanged;
        /// Whether `serve` flushes a write to disk before it confirms it.
        fsync: bool = true, WhenChanged;
        /// Whether each download is flushed to disk before it counts as done.
        fsync_downloads: bool = false, WhenChanged;
        /// Resume partial downloads.
        get_continue: bool = false, Always;
        /// Path of the gpg program.
        gpg_command: String = String::new(), Always;
        /// Command template for decryption.
        gpg_decrypt: String = "%(gpg_command)s -d --verbose --no-use-agent --batch --yes \
            --passphrase-fd %(passphrase_fd)s -o %(output_file)s %(input_file)s".to_owned(), Always;
        /// Command template for encryption.
        gpg_encrypt: String = "%(gpg_command)s -c --verbose --no-use-agent --batch --yes \
            --passphrase-fd %(passphrase_fd)s -o %(output_file)s %(input_file)s".to_owned(), Always;
        /// GPG passphrase.
        gpg_passphrase: String = String::new(), Always, secret;
        /// Guess the Content-Type.
        guess_mime_type: bool = true, Always;
        /// S3 endpoint, `HOST[:PORT]`.
        host_base: String = "s3.amazonaws.com".to_owned(), Always => endpoint;
        /// Host name template of buckets. Without `%(bucket)s`, path-style requests are sent.
        host_bucket: String = "%(bucket)s.s3.amazonaws.com".to_owned(), Always => endpoint;
        /// Print sizes with the suffixes K, M, G and T.
        human_readable_sizes: bool = false, Always;
        /// Also invalidate the index document in CloudFront.
        invalidate_default_index_on_cf: bool = false, Always;
        /// Also invalidate the directory of the index document in CloudFront.
        invalidate_default_index_root_on_cf: bool = true, Always;
        /// Invalidate uploaded files in CloudFront.
        invalidate_on_cf: bool = false, Always;
        /// Number of concurrent transfers or requests; 0: depends on the machine.
        jobs: i64 = 0, WhenChanged;
        /// Print results and messages as JSON, one object per line.
        json: bool = false, WhenChanged, no_file;
        /// Create an object for each directory.
        keep_dirs: bool = false, Always;
        /// Key ID for server-side encryption with KMS (SSE-KMS).
        kms_key: String = String::new(), Always;
        /// Length of a day in lifecycle rules of `serve`, in seconds; 0: a real day.
        lifecycle_day: i64 = 0, WhenChanged;
        /// Maximum number of entries in a listing; -1: no limit.
        limit: i64 = -1, Always;
        /// Limit of the total transfer rate, in bytes per second. Suffixes: `k` (KiB), `m` (MiB). 0: no limit.
        limitrate: i64 = 0, Always => rate;
        /// Accept unordered listings (a Ceph extension).
        list_allow_unordered: bool = false, Always;
        /// Show MD5 checksums in listings.
        list_md5: bool = false, Always;
        /// Target of access logs, `s3://BUCKET/PREFIX`.
        log_target_prefix: Option<String> = Some(String::new()), Always;
        /// Show ETag and storage class in listings.
        long_listing: bool = false, Always;
        /// Delete nothing if more objects than this would be deleted; -1: no limit.
        max_delete: i64 = -1, Always;
        /// Maximum number of retries of a failed request.
        max_retries: i64 = 5, Always;
        /// Whether `serve` provides metrics.
        metrics: bool = false, WhenChanged;
        /// Content-Type of all uploads; empty: guess.
        mime_type: String = String::new(), Always;
        /// Part size of multipart uploads, and the size above which a file is uploaded in parts, in MiB (5 to 5120).
        multipart_chunk_size_mb: i64 = 15, Always;
        /// Part size of copies on the server, in MiB.
        multipart_copy_chunk_size_mb: i64 = 1024, Always;
        /// Maximum number of parts of an upload.
        multipart_max_chunks: i64 = 10000, Always;
        /// Whether the MD5 checksum of the whole file is stored with a multipart upload.
        multipart_md5: bool = true, WhenChanged;
        /// Whether `serve` accepts local requests without authentication.
        no_auth: bool = false, WhenChanged, no_file;
        /// Whether `serve` keeps directories that become empty after a deletion.
        no_cleanup: bool = false, WhenChanged;
        /// Store and restore file attributes.
        preserve_attrs: bool = true, Always;
        /// Show the progress meter. Default: only if stdout is a terminal.
        progress_meter: bool = true, Always;
        /// HTTP proxy.
        proxy_host: String = String::new(), Always;
        /// Port of the HTTP proxy.
        proxy_port: i64 = 3128, Always;
        /// Whether printed public URLs use HTTPS. If absent, `use_https` decides.
        public_url_use_https: bool = false, Always;
        /// Resume uploads.
        put_continue: bool = false, Always;
        /// Also store modification times in the format of rclone.
        rclone_mtime: bool = false, WhenChanged;
        /// Whether `serve` rejects requests that change data.
        read_only: bool = false, WhenChanged;
        /// Process directories and prefixes recursively.
        recursive: bool = false, Always;
        /// Read size in bytes.
        recv_chunk: i64 = 65536, Always, no_effect;
        /// Use the storage class REDUCED_REDUNDANCY.
        reduced_redundancy: bool = false, Always;
        /// The part of the configured store that `serve` provides, `s3://BUCKET[/PREFIX]`; empty: a directory.
        remote: String = String::new(), WhenChanged, no_file;
        /// Pay for requests to requester-pays buckets.
        requester_pays: bool = false, Always;
        /// Number of days for which a restored copy is kept.
        restore_days: i64 = 1, Always;
        /// Retrieval speed of `restore`.
        restore_priority: String = "Standard".to_owned(), Always;
        /// Secret access key.
        secret_key: String = String::new(), Always, secret;
        /// Write size in bytes.
        send_chunk: i64 = 65536, Always, no_effect;
        /// Time after which `serve` disconnects a client that sends nothing: seconds, or `1h2m3s`; empty: two minutes.
        server_read_timeout: String = String::new(), WhenChanged;
        /// Server-side encryption with keys managed by S3 (SSE-S3, AES256).
        server_side_encryption: bool = false, Always;
        /// Time after which `serve` disconnects a client that receives nothing, as in `server_read_timeout`.
        server_write_timeout: String = String::new(), WhenChanged;
        /// The part of the work that this run processes, `I/N`; empty: everything.
        shard: String = String::new(), WhenChanged;
        /// Whether all pairs of `--auth-key` belong to one user.
        share_auth_keys: bool = false, WhenChanged, no_file;
        /// Use signature version 2.
        signature_v2: bool = false, Always;
        /// Whether presigned URLs use HTTPS. If absent, `use_https` decides.
        signurl_use_https: bool = false, Always;
        /// SimpleDB endpoint.
        simpledb_host: String = "sdb.amazonaws.com".to_owned(), Always, no_effect;
        /// The server does not validate notification targets.
        skip_destination_validation: bool = false, Always;
        /// Skip files that already exist at the destination.
        skip_existing: bool = false, Always;
        /// Time without any data after which a connection is closed, in seconds.
        socket_timeout: i64 = 300, Always;
        /// TLS client certificate.
        ssl_client_cert_file: String = String::new(), Always;
        /// Private key of the TLS client certificate.
        ssl_client_key_file: String = String::new(), Always;
        /// Print statistics.
        stats: bool = false, Always;
        /// Stop at the first failed transfer.
        stop_on_error: bool = false, Always;
        /// Storage class; empty: STANDARD.
        storage_class: String = String::new(), Always;
        /// Longest pause between two attempts of a request, in seconds. With the default value, the limit is 30
        /// seconds.
        throttle_max: i64 = 100, Always;
        /// Certificate of `serve` (PEM).
        tls_cert: String = String::new(), WhenChanged;
        /// Private key of the certificate (PEM); empty: in the same file.
        tls_key: String = String::new(), WhenChanged;
        /// ID of the multipart upload to resume.
        upload_id: String = String::new(), Always;
        /// `normal`, or `verbatim`: do not replace control characters in names.
        urlencoding_mode: String = "normal".to_owned(), Always;
        /// Use the proxies from the environment, which s3cmd ignores.
        use_env_proxy: bool = false, WhenChanged;
        /// Wait for `100 Continue` before sending the body of an upload.
        use_http_expect: bool = false, Always;
        /// Use HTTPS.
        use_https: bool = true, Always;
        /// Inspect the content of files to guess the Content-Type.
        use_mime_magic: bool = true, Always;
        /// Log level of stderr: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`.
        verbosity: Verbosity = Verbosity::Warning, Always;
        /// Version of the object; empty: the latest.
        version_id: String = String::new(), WhenChanged, no_file;
        /// URL template of a website endpoint.
        website_endpoint: String = "http://%(bucket)s.s3-website-%(location)s.amazonaws.com/".to_owned(), Always;
        /// Error document of a website.
        website_error: String = String::new(), Always;
        /// Index document of a website.
        website_index: String = "index.html".to_owned(), Always;
    }
    others {
        /// Grants to add, in command-line order.
        acl_grants: Vec<AclChange> = Vec::new();
        /// Grants to remove, in command-line order; applied after `acl_grants`.
        acl_revokes: Vec<AclChange> = Vec::new();
        /// Headers to send with uploads: those of the key `add_headers`, then those of options. Names are in lower
        /// case.
        extra_headers: Vec<(String, String)> = Vec::new();
        /// Stored headers to remove, in lower case.
        remove_headers: Vec<String> = Vec::new();
        /// Exclude and include patterns.
        filter: Filter = Filter::default();
        /// Files with the names of the sources; `-` is stdin.
        files_from: Vec<String> = Vec::new();
        /// Additional destinations.
        additional_destinations: Vec<String> = Vec::new();
        /// Whether contents are compared by MD5 in addition to the size.
        sync_checks_md5: bool = true;
        /// Whether the MD5 checksum is stored with an upload.
        store_md5: bool = true;
        /// CNAMEs to add to a distribution.
        cf_add_cnames: Vec<String> = Vec::new();
        /// CNAMEs to remove from a distribution.
        cf_remove_cnames: Vec<String> = Vec::new();
        /// Comment of a distribution.
        cf_comment: Option<String> = None;
        /// Default root object of a distribution.
        cf_default_root_object: Option<String> = None;
        /// Whether stdout is discarded.
        quiet: bool = false;
        /// The key pairs that `serve` accepts, `ACCESS,SECRET` each.
        auth_keys: Vec<String> = Vec::new();
        /// Additional domains of virtual-hosted-style requests to `serve`.
        domains: Vec<String> = Vec::new();
        /// Whether `public_url_use_https` is present. Otherwise `use_https` decides.
        public_url_use_https_set: bool = false;
        /// Whether `signurl_use_https` is present. Otherwise `use_https` decides.
        signurl_use_https_set: bool = false;
        /// The keys set by options.
        typed_keys: Vec<&'static str> = Vec::new();
        /// The keys set by the configuration file.
        file_keys: Vec<&'static str> = Vec::new();
        /// The path of the configuration file, whether or not it exists.
        config_file: PathBuf = PathBuf::new();
        /// Whether the configuration file contains secrets and other users can read it.
        config_readable_by_others: bool = false;
        /// The source of temporary credentials. `None` if a key pair is configured or none is needed.
        credentials_provider: Option<super::CredentialsProvider> = None;
        /// The directory of the state of unfinished uploads. `None` without a home directory.
        state_dir: Option<PathBuf> = None;
    }
}

impl Settings {
    /// The additional checksum of uploads.
    pub(crate) fn checksum(&self) -> Option<Algorithm> {
        self.checksum_algorithm.trim().parse().ok()
    }

    /// Finds the row of a key by name.
    pub(crate) fn key(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Sets a key from a configuration file. Unknown keys, and keys that a file cannot set, are ignored as in s3cmd.
    pub(crate) fn set_from_file(&mut self, name: &str, value: &str) -> Result<(), InvalidValue> {
        match Self::key(name) {
            Some(key) if key.in_file => {
                self.set(key, RawValue::Text(value))?;
                self.file_keys.push(key.name);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Sets a key.
    pub(crate) fn set(&mut self, key: &Key, given: RawValue<'_>) -> Result<(), InvalidValue> {
        (key.set)(self, given)?;
        match key.name {
            "public_url_use_https" => self.public_url_use_https_set = true,
            "signurl_use_https" => self.signurl_use_https_set = true,
            _ => {}
        }
        Ok(())
    }

    /// Where the value of a key comes from, as a phrase for messages: the command line, `in FILE`, or the default.
    pub fn origin(&self, key: &str) -> String {
        if self.typed_keys.contains(&key) {
            "on the command line".to_owned()
        } else if self.file_keys.contains(&key) {
            format!("in {}", self.config_file.display())
        } else {
            format!("by default, not in {}", self.config_file.display())
        }
    }

    /// The output of `--dump-config`: a configuration file that reproduces these settings. Secrets are not masked.
    pub fn dump(&self) -> String {
        let defaults = Self::default();
        let mut text = String::from("[default]\n");
        for key in KEYS {
            let Some(value) = (key.dump)(self) else { continue };
            if key.dumped == Dumped::WhenChanged && (key.dump)(&defaults).as_ref() == Some(&value) {
                continue;
            }
            text.push_str(&format!("{} = {value}\n", key.name));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_a_dump() {
        let names: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(names, sorted);
    }

    #[test]
    fn a_dump_of_the_defaults_has_only_the_keys_of_s3cmd() {
        let dump = Settings::default().dump();
        assert_eq!(dump.lines().count(), 91);
        assert!(dump.starts_with("[default]\naccess_key = \naccess_token = \nadd_encoding_exts = \n"));
        assert!(dump.ends_with("website_error = \nwebsite_index = index.html\n"));
    }

    #[test]
    fn extension_keys_are_dumped_if_they_were_changed() {
        let mut settings = Settings::default();
        settings.set_from_file("jobs", "7").unwrap();
        settings.set_from_file("acl_public", "yes").unwrap();
        let dump = settings.dump();
        assert!(dump.contains("access_token = \nacl_public = True\nadd_encoding_exts"));
        assert!(dump.contains("invalidate_on_cf = False\njobs = 7\nkeep_dirs = False\n"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut settings = Settings::default();
        for key in ["secret_key", "access_token", "gpg_passphrase"] {
            settings.set_from_file(key, "hunter2").unwrap();
        }
        settings.auth_keys.push("user,hunter2".into());
        settings.extra_headers.push(("x-amz-server-side-encryption-customer-key".into(), "hunter2".into()));
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hunter2") && shown.contains("***"), "{shown}");
    }

    #[test]
    fn an_explicit_url_scheme_is_recorded() {
        let mut settings = Settings::default();
        settings.set_from_file("signurl_use_https", "False").unwrap();
        assert!(settings.signurl_use_https_set && !settings.public_url_use_https_set);
    }

    #[test]
    fn keys_that_a_file_cannot_set_are_ignored() {
        let mut settings = Settings::default();
        for key in ["enable", "quiet", "exclude", "nonsense"] {
            settings.set_from_file(key, "yes").unwrap();
        }
        assert_eq!(settings.enable, None);
        assert!(!settings.quiet);
    }
}
