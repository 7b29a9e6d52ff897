//! Every setting with its type and its default: the one place where a key is declared.

use std::path::PathBuf;

use super::keys::{BadValue, Dumped, Given, Key, Value, endpoint, rate, settings};
use crate::patterns::Filter;
use crate::s3::checksum::Algorithm;

pub use super::keys::Verbosity;

/// One change to an access-control list, from `--acl-grant` or `--acl-revoke`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclChange {
    /// `read`, `write`, `read_acp`, `write_acp`, `full_control` or `all`.
    pub permission: String,
    /// An e-mail address, a canonical user id or a group URI, as typed.
    pub who: String,
}

// The rows stand in the order of a dump, which is the ASCII order of the names; a test holds them to it.
settings! {
    keys {
        /// Stop a command at the first failure of any kind, also outside transfers.
        abort_on_error: bool = false, WhenChanged;
        /// Access key id.
        access_key: String = String::new(), Always;
        /// File for the access log of `serve`; `-`: standard output; empty: none.
        access_log: String = String::new(), WhenChanged;
        /// Session token, sent as `x-amz-security-token`.
        access_token: String = String::new(), Always, secret;
        /// Whether uploads are readable by anyone; where unset, the store decides.
        acl_public: Option<bool> = None, WhenSet;
        /// Extensions, separated by commas, whose Content-Type gets the charset of `encoding`.
        add_encoding_exts: String = String::new(), Always;
        /// Headers for uploads, `Name:value,Name2:value2`.
        add_headers: String = String::new(), Always;
        /// Where `serve` listens, `HOST:PORT`; empty: a loopback port.
        address: String = String::new(), WhenChanged;
        /// Mean all versions of objects.
        all_versions: bool = false, WhenChanged, no_file;
        /// Whether `serve` serves other machines without TLS.
        allow_plain_http: bool = false, WhenChanged;
        /// When the key pairs that `serve` was not given in a file expire, as in `signurl`; empty: never.
        auth_expires: String = String::new(), WhenChanged;
        /// A file with the key pairs that `serve` accepts.
        auth_file: String = String::new(), WhenChanged;
        /// Region; `US` means that it is not known.
        bucket_location: String = "US".to_owned(), Always;
        /// A file with certificates of authorities to trust.
        ca_certs_file: String = String::new(), Always;
        /// A file that remembers the MD5 sums of local files.
        cache_file: String = String::new(), Always;
        /// Whether policies, rules and settings are held to the S3 API before they are sent, and compared in meaning with what the service gives back.
        check_documents: bool = true, WhenChanged;
        /// A list of MD5 sums to verify (`md5sum --check`).
        check_list: String = String::new(), WhenChanged, no_file;
        /// Whether the server's certificate is checked.
        check_ssl_certificate: bool = true, Always;
        /// Whether the name in the server's certificate is checked.
        check_ssl_hostname: bool = true, Always;
        /// The checksum that uploads carry besides, for the server to verify and to keep; empty: none.
        checksum_algorithm: String = String::new(), WhenChanged;
        /// End point of CloudFront.
        cloudfront_host: String = "cloudfront.amazonaws.com".to_owned(), Always => endpoint;
        /// Seconds for which an idle connection may be used again.
        connection_max_age: i64 = 5, Always;
        /// Whether connections are kept and used again.
        connection_pooling: bool = true, Always;
        /// The Content-Disposition that a signed link asks the server to answer with.
        content_disposition: String = String::new(), Always;
        /// The Content-Type that a signed link asks the server to answer with.
        content_type: String = String::new(), Always;
        /// Content-Type where none can be guessed.
        default_mime_type: String = "binary/octet-stream".to_owned(), Always;
        /// Of old, when `sync` put files into their places.
        delay_updates: bool = false, Always, no_effect;
        /// Delete after the transfers rather than before.
        delete_after: bool = false, Always;
        /// Delete the object once it was downloaded.
        delete_after_fetch: bool = false, Always;
        /// Delete at the destination what the source lacks.
        delete_removed: bool = false, Always;
        /// Only show what would be done.
        dry_run: bool = false, Always;
        /// `check` against a private server of its own.
        embedded: bool = false, WhenChanged, no_file;
        /// Switch a CloudFront distribution on or off.
        enable: Option<bool> = None, WhenSet, no_file;
        /// Whether large files are uploaded in parts.
        enable_multipart: bool = true, Always;
        /// Character set of the terminal and of file names; the locale's where it is not given.
        encoding: String = "UTF-8".to_owned(), Always;
        /// Encrypt with GPG before uploading.
        encrypt: bool = false, Always;
        /// What ETags of `serve` are made of, in the words of rclone.
        etag_hash: String = "MD5".to_owned(), WhenChanged;
        /// Lifecycle rule of `expire`: the date.
        expiry_date: String = String::new(), Always;
        /// Lifecycle rule of `expire`: the number of days.
        expiry_days: String = String::new(), Always;
        /// Lifecycle rule of `expire`: the prefix.
        expiry_prefix: String = String::new(), Always;
        /// Follow symbolic links.
        follow_symlinks: bool = false, Always;
        /// Overwrite, and lift safety stops.
        force: bool = false, Always;
        /// Whether `serve` never reads a bucket from a host name.
        force_path_style: bool = false, WhenChanged;
        /// Whether `serve` flushes a write to the disk before it is acknowledged.
        fsync: bool = true, WhenChanged;
        /// Whether every download is on the disk before it counts as done.
        fsync_downloads: bool = false, WhenChanged;
        /// Resume partial downloads.
        get_continue: bool = false, Always;
        /// Path of gpg.
        gpg_command: String = String::new(), Always;
        /// Command template to decrypt with.
        gpg_decrypt: String = "%(gpg_command)s -d --verbose --no-use-agent --batch --yes --passphrase-fd %(passphrase_fd)s -o %(output_file)s %(input_file)s".to_owned(), Always;
        /// Command template to encrypt with.
        gpg_encrypt: String = "%(gpg_command)s -c --verbose --no-use-agent --batch --yes --passphrase-fd %(passphrase_fd)s -o %(output_file)s %(input_file)s".to_owned(), Always;
        /// Passphrase for GPG.
        gpg_passphrase: String = String::new(), Always, secret;
        /// Guess the Content-Type.
        guess_mime_type: bool = true, Always;
        /// End point, `HOST[:PORT]`.
        host_base: String = "s3.amazonaws.com".to_owned(), Always => endpoint;
        /// Host of a bucket; without `%(bucket)s` the bucket stands in the path.
        host_bucket: String = "%(bucket)s.s3.amazonaws.com".to_owned(), Always => endpoint;
        /// Print sizes with K, M, G, T.
        human_readable_sizes: bool = false, Always;
        /// Also invalidate the default index on CloudFront.
        invalidate_default_index_on_cf: bool = false, Always;
        /// Also invalidate the directory of the default index on CloudFront.
        invalidate_default_index_root_on_cf: bool = true, Always;
        /// Invalidate what was uploaded on CloudFront.
        invalidate_on_cf: bool = false, Always;
        /// How many objects or parts move at once; 0: as many as suit the machine.
        jobs: i64 = 0, WhenChanged;
        /// Tell results and messages in JSON, one object a line.
        json: bool = false, WhenChanged, no_file;
        /// Make an object for every directory.
        keep_dirs: bool = false, Always;
        /// Key id for encryption by KMS.
        kms_key: String = String::new(), Always;
        /// How many seconds a day of lifecycle rules lasts for `serve`; 0: a real one.
        lifecycle_day: i64 = 0, WhenChanged;
        /// Entries that a listing shows at most; -1: all.
        limit: i64 = -1, Always;
        /// Bytes a second for all transfers together, with `k` or `m` after the number KiB or MiB; 0: no limit.
        limitrate: i64 = 0, Always => rate;
        /// Accept listings that are not in order (a Ceph extension).
        list_allow_unordered: bool = false, Always;
        /// Show MD5 sums in listings.
        list_md5: bool = false, Always;
        /// Where access logs go.
        log_target_prefix: Option<String> = Some(String::new()), Always;
        /// Show more columns in listings.
        long_listing: bool = false, Always;
        /// Deletions beyond which none is done; -1: no limit.
        max_delete: i64 = -1, Always;
        /// How often a failed request is tried again.
        max_retries: i64 = 5, Always;
        /// Whether `serve` tells its metrics.
        metrics: bool = false, WhenChanged;
        /// Content-Type to force.
        mime_type: String = String::new(), Always;
        /// Part size, and the size above which a file is uploaded in parts, MiB (5 to 5120).
        multipart_chunk_size_mb: i64 = 15, Always;
        /// The same for copies on the server, MiB.
        multipart_copy_chunk_size_mb: i64 = 1024, Always;
        /// Parts that an upload may have.
        multipart_max_chunks: i64 = 10000, Always;
        /// Whether the MD5 sum of a file that goes up in parts is stored with it.
        multipart_md5: bool = true, WhenChanged;
        /// Whether `serve` takes every local request for the owner's.
        no_auth: bool = false, WhenChanged, no_file;
        /// Whether `serve` keeps folders that a deletion left empty.
        no_cleanup: bool = false, WhenChanged;
        /// Store and restore file attributes.
        preserve_attrs: bool = true, Always;
        /// Show the progress meter; by default where stdout is a terminal.
        progress_meter: bool = true, Always;
        /// HTTP proxy.
        proxy_host: String = String::new(), Always;
        /// Port of the HTTP proxy.
        proxy_port: i64 = 3128, Always;
        /// Whether printed public URLs are https; where it is not given, `use_https` decides.
        public_url_use_https: bool = false, Always;
        /// Resume uploads.
        put_continue: bool = false, Always;
        /// Store modification times as rclone does, too.
        rclone_mtime: bool = false, WhenChanged;
        /// Whether `serve` refuses what changes anything.
        read_only: bool = false, WhenChanged;
        /// Whole trees and prefixes.
        recursive: bool = false, Always;
        /// Bytes read at once.
        recv_chunk: i64 = 65536, Always, no_effect;
        /// The class REDUCED_REDUNDANCY.
        reduced_redundancy: bool = false, Always;
        /// What `serve` serves of the configured store, `s3://BUCKET[/PREFIX]`; empty: a directory.
        remote: String = String::new(), WhenChanged, no_file;
        /// Say that the requester pays.
        requester_pays: bool = false, Always;
        /// Days for which a restored copy is kept.
        restore_days: i64 = 1, Always;
        /// How fast an object is restored.
        restore_priority: String = "Standard".to_owned(), Always;
        /// Secret access key.
        secret_key: String = String::new(), Always, secret;
        /// Bytes sent at once.
        send_chunk: i64 = 65536, Always, no_effect;
        /// How long `serve` waits for a client that sends nothing: seconds, or `1h2m3s`; empty: two minutes.
        server_read_timeout: String = String::new(), WhenChanged;
        /// Encryption by the server (AES256).
        server_side_encryption: bool = false, Always;
        /// How long `serve` waits for a client that takes nothing; as `server_read_timeout`.
        server_write_timeout: String = String::new(), WhenChanged;
        /// The share of the work that this run does, `I/N`; empty: all of it.
        shard: String = String::new(), WhenChanged;
        /// Whether all pairs of `--auth-key` are one user's.
        share_auth_keys: bool = false, WhenChanged, no_file;
        /// Sign with version 2.
        signature_v2: bool = false, Always;
        /// Whether signed links are https; where it is not given, `use_https` decides.
        signurl_use_https: bool = false, Always;
        /// End point of SimpleDB, which no command uses.
        simpledb_host: String = "sdb.amazonaws.com".to_owned(), Always, no_effect;
        /// Ask the server not to check the targets of notifications.
        skip_destination_validation: bool = false, Always;
        /// Leave what exists.
        skip_existing: bool = false, Always;
        /// Seconds without an answer after which a request is given up.
        socket_timeout: i64 = 300, Always;
        /// Client certificate.
        ssl_client_cert_file: String = String::new(), Always;
        /// Key of the client certificate.
        ssl_client_key_file: String = String::new(), Always;
        /// Print counters.
        stats: bool = false, Always;
        /// Stop at the first failed transfer.
        stop_on_error: bool = false, Always;
        /// Storage class; empty: STANDARD.
        storage_class: String = String::new(), Always;
        /// Longest pause of a throttled upload, seconds.
        throttle_max: i64 = 100, Always;
        /// PEM file with the certificate of `serve`.
        tls_cert: String = String::new(), WhenChanged;
        /// PEM file with its key; empty: the same file.
        tls_key: String = String::new(), WhenChanged;
        /// Multipart upload to resume.
        upload_id: String = String::new(), Always;
        /// `normal`, or `verbatim`: control characters in names are not replaced.
        urlencoding_mode: String = "normal".to_owned(), Always;
        /// Use the proxies named by the environment, which s3cmd ignores.
        use_env_proxy: bool = false, WhenChanged;
        /// Wait for `100 Continue` before an upload's body.
        use_http_expect: bool = false, Always;
        /// Use HTTPS.
        use_https: bool = true, Always;
        /// Look into files to guess the Content-Type.
        use_mime_magic: bool = true, Always;
        /// How much is told on stderr: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`.
        verbosity: Verbosity = Verbosity::Warning, Always;
        /// The version of an object that is meant; empty: the latest.
        version_id: String = String::new(), WhenChanged, no_file;
        /// Template of the end point of a website.
        website_endpoint: String = "http://%(bucket)s.s3-website-%(location)s.amazonaws.com/".to_owned(), Always;
        /// Error document of a website.
        website_error: String = String::new(), Always;
        /// Index document of a website.
        website_index: String = "index.html".to_owned(), Always;
    }
    others {
        /// Grants to add, in the order typed.
        acl_grants: Vec<AclChange> = Vec::new();
        /// Grants to take away, in the order typed; applied after `acl_grants`.
        acl_revokes: Vec<AclChange> = Vec::new();
        /// Headers to send with uploads: those of the key `add_headers`, then those typed. Names are in lower case.
        extra_headers: Vec<(String, String)> = Vec::new();
        /// Stored headers to drop; lower case.
        remove_headers: Vec<String> = Vec::new();
        /// What is left out and what is let in again.
        filter: Filter = Filter::default();
        /// Files that name the sources; `-` is stdin.
        files_from: Vec<String> = Vec::new();
        /// More destinations.
        additional_destinations: Vec<String> = Vec::new();
        /// Whether contents are compared by MD5 besides size.
        sync_checks_md5: bool = true;
        /// Whether the MD5 sum is stored with an upload.
        store_md5: bool = true;
        /// CNAMEs to add to a distribution.
        cf_add_cnames: Vec<String> = Vec::new();
        /// CNAMEs to take from a distribution.
        cf_remove_cnames: Vec<String> = Vec::new();
        /// Comment of a distribution.
        cf_comment: Option<String> = None;
        /// Default root object of a distribution.
        cf_default_root_object: Option<String> = None;
        /// Whether stdout is discarded.
        quiet: bool = false;
        /// The key pairs that `serve` accepts, `ACCESS,SECRET` each.
        auth_keys: Vec<String> = Vec::new();
        /// The host names below which `serve` reads a bucket from a host name, beside its own.
        domains: Vec<String> = Vec::new();
        /// Whether `public_url_use_https` was given; where not, `use_https` decides.
        public_url_use_https_set: bool = false;
        /// Whether `signurl_use_https` was given; where not, `use_https` decides.
        signurl_use_https_set: bool = false;
        /// The keys that options set.
        typed_keys: Vec<&'static str> = Vec::new();
        /// The keys that the configuration file sets.
        file_keys: Vec<&'static str> = Vec::new();
        /// The configuration file that was read, or would have been.
        config_file: PathBuf = PathBuf::new();
        /// Whether the file that was read holds secrets and other users may read it.
        config_readable_by_others: bool = false;
        /// Where the keys come from if none are given; only set where one is needed.
        role: Option<super::RoleSource> = None;
        /// Where unfinished uploads are remembered; `None` where there is no home directory.
        state_dir: Option<PathBuf> = None;
    }
}

impl Settings {
    /// The checksum that uploads carry besides.
    pub fn checksum(&self) -> Option<Algorithm> {
        self.checksum_algorithm.trim().parse().ok()
    }

    /// The row of the key of that name.
    pub fn key(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Sets a key as a configuration file does. A name that is no key, or one that a file may not set, is
    /// ignored, as s3cmd ignores it.
    pub fn set_from_file(&mut self, name: &str, value: &str) -> Result<(), BadValue> {
        match Self::key(name) {
            Some(key) if key.in_file => {
                self.set(key, Given::Text(value))?;
                self.file_keys.push(key.name);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Sets a key.
    pub(crate) fn set(&mut self, key: &Key, given: Given<'_>) -> Result<(), BadValue> {
        (key.set)(self, given)?;
        match key.name {
            "public_url_use_https" => self.public_url_use_https_set = true,
            "signurl_use_https" => self.signurl_use_https_set = true,
            _ => {}
        }
        Ok(())
    }

    /// Where a key has its value from, in words that go behind it: `in FILE`, or that it was typed, or is the default.
    pub fn origin(&self, key: &str) -> String {
        if self.typed_keys.contains(&key) {
            "on the command line".to_owned()
        } else if self.file_keys.contains(&key) {
            format!("in {}", self.config_file.display())
        } else {
            format!("by default, not in {}", self.config_file.display())
        }
    }

    /// The text of `--dump-config`: a configuration file that gives these settings again. Secrets are in clear.
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
    fn keys_stand_in_the_order_of_a_dump() {
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
    fn own_keys_are_dumped_where_they_were_changed() {
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
    fn whether_a_link_scheme_was_given_is_remembered() {
        let mut settings = Settings::default();
        settings.set_from_file("signurl_use_https", "False").unwrap();
        assert!(settings.signurl_use_https_set && !settings.public_url_use_https_set);
    }

    #[test]
    fn what_a_file_may_not_set_is_ignored() {
        let mut settings = Settings::default();
        for key in ["enable", "quiet", "exclude", "nonsense"] {
            settings.set_from_file(key, "yes").unwrap();
        }
        assert_eq!(settings.enable, None);
        assert!(!settings.quiet);
    }
}
