//! The options that random cases choose from.

/// Options that may be used with any of the commands, and have no effect here, or on how the service is reached.
pub(super) const EVERYWHERE: &[&str] = &[
    "--no-progress",
    "--no-ssl",
    "--signature-v2",
    "--no-connection-pooling",
    "--max-retries=1",
    "--region=us-east-1",
    "--bucket-location=us-east-1",
    "--host=ENDPOINT --host-bucket=ENDPOINT",
    "--encoding=UTF-8",
    "--requester-pays",
    "--no-check-certificate",
    "--check-certificate",
    "--no-check-hostname",
    "--check-hostname",
    "--no-encrypt",
    "--quiet",
    "-q",
    "--stop-on-error",
];

/// Options for what is stored with objects.
pub(super) const STORED: &[&str] = &[
    "--mime-type=text/x-test",
    "-m text/x-short",
    "--add-header=x-amz-meta-new:value",
    "--add-header='Cache-Control: no-store'",
    "--storage-class=STANDARD",
    "--no-rr",
    "--no-reduced-redundancy",
    "--acl-public",
    "-P",
    "--acl-private",
];

/// Options of uploads.
pub(super) const UPLOADS: &[&str] = &[
    "--no-preserve",
    "--preserve",
    "-p",
    "--no-check-md5",
    "--check-md5",
    "--keep-dirs",
    "--follow-symlinks",
    "-F",
    "--guess-mime-type",
    "-M",
    "--no-guess-mime-type",
    "--no-mime-magic",
    "--default-mime-type=text/x-default",
    "--verbatim",
    "--disable-multipart",
    "--multipart-chunk-size-mb=5",
    "--limit-rate=50m",
    "--stats",
    "--cache-file=../home/sums",
    "--continue-put",
    "--no-encrypt",
];

/// Options of downloads.
pub(super) const DOWNLOADS: &[&str] =
    &["--force", "-f", "--skip-existing", "--continue", "--delete-after-fetch", "--limit-rate=50m"];

/// Options of sync, in any direction.
pub(super) const MIRRORS: &[&str] = &[
    "--delete-removed",
    "--delete-removed",
    "--delete-removed --delete-after",
    "--no-delete-removed",
    "--delete-removed --max-delete=50",
    "--skip-existing",
    "--stats",
    "--no-check-md5",
    "--check-md5",
    "--force",
    "--recursive",
];

/// Options of deletions.
pub(super) const DELETIONS: &[&str] = &["--force", "-f", "--max-delete=2", "--max-delete=50", "--stats"];

/// Options that change what is stored.
pub(super) const CHANGES: &[&str] =
    &["--remove-header=x-amz-meta-colour", "--remove-header=Cache-Control", "--add-header=x-amz-meta-a:b"];

/// Options of ACLs.
pub(super) const GRANTS: &[&str] = &[
    "--acl-public",
    "--acl-private",
    "--acl-grant=read:ALTID",
    "--acl-grant=full_control:ALTID",
    "--acl-revoke=all:ALTID",
    "--acl-public --acl-grant=read_acp:ALTID",
];

/// The options of filters, as [`super::Case::filters`] makes them.
pub(super) const FILTERS: &[&str] = &[
    "--exclude",
    "--include",
    "--rexclude",
    "--rinclude",
    "--exclude-from",
    "--include-from",
    "--rexclude-from",
    "--rinclude-from",
];

/// All of them, for the test that every option of s3cmd is played beside it.
pub(crate) const POOLS: &[&[&str]] =
    &[EVERYWHERE, STORED, UPLOADS, DOWNLOADS, MIRRORS, DELETIONS, CHANGES, GRANTS, FILTERS];
