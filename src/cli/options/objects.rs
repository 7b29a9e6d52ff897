//! Options for objects: transfers, filters, metadata and listings, and the options of single commands.

use super::super::command_table::Command::{
    Accesslog, Cfcreate, Cfmodify, Check as CheckCommand, Cp, Del, Delcors, Dellifecycle, Delpolicy,
    Deltagging, Du, Expire, Fixbucket, Get, Getacl, Getobjectlegalhold, Getobjectretention, Gettagging, Info,
    La, Ls, Mb, Md5sum, Modify, Mv, Put, Rb, Restore, Serve, Setacl, Setblockpublicaccess, Setcors,
    Setlifecycle, Setnotification, Setobjectlegalhold, Setobjectretention, Setownership, Setpolicy,
    Settagging, Setversioning, Signurl, Sync, WsCreate,
};
use super::{Check, OptionSpec, Scope, Sets, flag, value};
use crate::cli::{CliOnly, List};

const FILTERED: Scope =
    Scope::Only(&[Put, Get, Sync, Del, Cp, Mv, Modify, Setacl, Restore, Md5sum, Ls, La, Du]);
const STORING: Scope = Scope::Only(&[Put, Sync, Cp, Mv, Modify]);
const UPLOADING: Scope = Scope::Only(&[Put, Sync]);

pub(super) const TRANSFERS: &[OptionSpec] = &[
    flag(
        &["recursive"],
        Sets::On("recursive"),
        Scope::Only(&[Put, Get, Del, Cp, Mv, Modify, Setacl, Restore, Ls, Rb, La, Md5sum]),
        "Process directories and prefixes recursively.",
    )
    .short('r'),
    flag(
        &["dry-run"],
        Sets::On("dry_run"),
        Scope::Only(&[
            Put, Get, Sync, Del, Cp, Mv, Modify, Setacl, Restore, Fixbucket, Setpolicy, Delpolicy, Setlifecycle,
            Dellifecycle, Expire, Setcors, Delcors, Setnotification, Settagging, Deltagging, Setversioning,
            Setownership, Setblockpublicaccess,
        ]),
        "Only show what would be done, without doing it.",
    )
    .short('n'),
    flag(
        &["force"],
        Sets::On("force"),
        Scope::Only(&[Get, Del, Rb]),
        "Overwrite existing files, remove buckets that are not empty, and skip other safety checks.",
    )
    .short('f'),
    flag(
        &["skip-existing"],
        Sets::On("skip_existing"),
        Scope::Only(&[Get, Sync]),
        "Skip files that already exist at the destination.",
    ),
    flag(
        &["continue"],
        Sets::On("get_continue"),
        Scope::Only(&[Get]),
        "Resume partially downloaded files.",
    ),
    flag(
        &["continue-put"],
        Sets::On("put_continue"),
        UPLOADING,
        "Resume unfinished multipart uploads. Files and parts that are already stored with the same size and MD5 \
         checksum are skipped.",
    ),
    value(
        &["upload-id"],
        "ID",
        Sets::Key("upload_id"),
        UPLOADING,
        "Resume the multipart upload with this ID (see 'multipart').",
    ),
    flag(
        &["disable-multipart"],
        Sets::Off("enable_multipart"),
        UPLOADING,
        "Upload each file in a single request, regardless of its size.",
    ),
    value(
        &["multipart-chunk-size-mb"],
        "SIZE",
        Sets::Key("multipart_chunk_size_mb"),
        UPLOADING,
        "Part size of multipart uploads in MiB, 5 to 5120 (default: 15). Larger files are uploaded in parts.",
    )
    .check(Check::Integer),
    flag(
        &["no-multipart-md5"],
        Sets::Off("multipart_md5"),
        UPLOADING,
        "Multipart uploads: do not compute the MD5 checksum of the whole file before the upload.",
    )
    .extension(),
    value(
        &["checksum-algorithm"],
        "ALGO",
        Sets::Key("checksum_algorithm"),
        Scope::Only(&[Put, Sync, Info]),
        "Additional checksum of uploads that the server verifies and stores: crc64nvme, crc32c, crc32, sha256 or \
         sha1. info: show the stored checksum.",
    )
    .extension(),
    flag(
        &["abort-on-error"],
        Sets::On("abort_on_error"),
        UPLOADING,
        "Abort a failed multipart upload instead of keeping it for resuming.",
    )
    .extension(),
    flag(
        &["stop-on-error"],
        Sets::On("stop_on_error"),
        Scope::Only(&[Put, Get, Sync, Cp, Mv, Modify, Setacl, Restore]),
        "Stop after the first error: start no further transfers.",
    ),
    flag(
        &["delete-after-fetch"],
        Sets::On("delete_after_fetch"),
        Scope::Only(&[Sync, Get]),
        "Delete each object from the server after it has been downloaded.",
    ),
    value(
        &["max-delete"],
        "NUM",
        Sets::Key("max_delete"),
        Scope::Only(&[Sync, Del]),
        "Delete nothing if more than NUM objects would be deleted.",
    ),
    flag(
        &["no-fsync"],
        Sets::Off("fsync"),
        Scope::Only(&[Serve]),
        "Confirm writes before they are flushed to disk. Faster, but a power failure can lose them.",
    )
    .extension(),
    flag(
        &["check-md5"],
        Sets::Switch(CliOnly::CheckMd5, true),
        UPLOADING,
        "Compare and store MD5 checksums (default).",
    ),
    flag(
        &["no-check-md5"],
        Sets::Switch(CliOnly::CheckMd5, false),
        UPLOADING,
        "Compare only file sizes, and store no MD5 checksums.",
    ),
];

pub(super) const NAMES: &[OptionSpec] = &[
    value(
        &["exclude"],
        "GLOB",
        Sets::List(List::Exclude),
        FILTERED,
        "Exclude names that match GLOB. '*' also matches '/'. The pattern must match up to the end of the name.",
    ),
    value(
        &["exclude-from"],
        "FILE",
        Sets::List(List::ExcludeFrom),
        FILTERED,
        "Exclude names that match one of the globs in FILE, one per line.",
    ),
    value(
        &["rexclude"],
        "REGEXP",
        Sets::List(List::Rexclude),
        FILTERED,
        "Exclude names that contain a match of the regular expression.",
    ),
    value(
        &["rexclude-from"],
        "FILE",
        Sets::List(List::RexcludeFrom),
        FILTERED,
        "Exclude names that match one of the regular expressions in FILE, one per line.",
    ),
    value(
        &["include"],
        "GLOB",
        Sets::List(List::Include),
        FILTERED,
        "Include names that match GLOB although they are excluded.",
    ),
    value(
        &["include-from"],
        "FILE",
        Sets::List(List::IncludeFrom),
        FILTERED,
        "Like --include, with globs from FILE, one per line.",
    ),
    value(
        &["rinclude"],
        "REGEXP",
        Sets::List(List::Rinclude),
        FILTERED,
        "Like --include, with a regular expression.",
    ),
    value(
        &["rinclude-from"],
        "FILE",
        Sets::List(List::RincludeFrom),
        FILTERED,
        "Like --rinclude, with regular expressions from FILE, one per line.",
    ),
    value(
        &["files-from"],
        "FILE",
        Sets::List(List::FilesFrom),
        UPLOADING,
        "Read the names of the source files from FILE, one per line; '-' is standard input.",
    ),
    flag(
        &["follow-symlinks"],
        Sets::On("follow_symlinks"),
        UPLOADING,
        "Follow symbolic links: upload the files and directories that they point to.",
    )
    .short('F'),
    flag(
        &["keep-dirs"],
        Sets::On("keep_dirs"),
        UPLOADING,
        "Create an object for each directory, including empty ones.",
    ),
    flag(
        &["verbatim"],
        Sets::Fixed("urlencoding_mode", "verbatim"),
        UPLOADING,
        "Do not replace control characters in object names.",
    ),
];

/// The commands that set a canned ACL.
const CANNED_ACL: Scope = Scope::Only(&[Put, Sync, Cp, Mv, Modify, Mb, Setacl]);

pub(super) const ACCESS: &[OptionSpec] = &[
    flag(
        &["acl-public"],
        Sets::On("acl_public"),
        CANNED_ACL,
        "Make buckets or objects publicly readable (ACL public-read).",
    )
    .short('P'),
    flag(
        &["acl-private"],
        Sets::Off("acl_public"),
        CANNED_ACL,
        "Make buckets or objects private (ACL private).",
    ),
    value(
        &["acl-grant"],
        "PERMISSION:GRANTEE",
        Sets::List(List::AclGrant),
        Scope::Only(&[Setacl]),
        "Grant a permission: read, write, read_acp, write_acp, full_control or all. GRANTEE is a canonical user ID, \
         an e-mail address or a group URI. Can be repeated.",
    )
    .check(Check::Acl),
    value(
        &["acl-revoke"],
        "PERMISSION:GRANTEE",
        Sets::List(List::AclRevoke),
        Scope::Only(&[Setacl]),
        "Revoke a permission. Can be repeated.",
    )
    .check(Check::Acl),
];

pub(super) const STORED: &[OptionSpec] = &[
    value(&["mime-type"], "MIME/TYPE", Sets::Key("mime_type"), STORING, "Content-Type of the objects.")
        .short('m')
        .check(Check::Mime),
    flag(
        &["guess-mime-type"],
        Sets::On("guess_mime_type"),
        UPLOADING,
        "Guess the Content-Type of each file (default).",
    )
    .short('M'),
    flag(
        &["no-guess-mime-type"],
        Sets::Off("guess_mime_type"),
        UPLOADING,
        "Do not guess the Content-Type; use --default-mime-type.",
    ),
    flag(
        &["no-mime-magic"],
        Sets::Off("use_mime_magic"),
        UPLOADING,
        "Guess the Content-Type from the file name only, not from the content.",
    ),
    value(
        &["default-mime-type"],
        "MIME/TYPE",
        Sets::Key("default_mime_type"),
        UPLOADING,
        "Content-Type if none can be guessed (default: binary/octet-stream).",
    )
    .check(Check::Mime),
    value(
        &["add-encoding-exts"],
        "EXT,EXT",
        Sets::Key("add_encoding_exts"),
        UPLOADING,
        "File extensions whose Content-Type gets the character set, separated by commas.",
    ),
    value(
        &["add-header"],
        "NAME:VALUE",
        Sets::List(List::AddHeader),
        Scope::Only(&[Put, Sync, Cp, Mv, Modify, Mb]),
        "Add this header to the request, such as Cache-Control:no-store, x-amz-meta-NAME:VALUE or \
         x-amz-tagging:KEY=VALUE. Can be repeated.",
    ),
    value(
        &["remove-header"],
        "NAME",
        Sets::List(List::RemoveHeader),
        Scope::Only(&[Sync, Cp, Mv, Modify]),
        "Remove this stored header. Can be repeated.",
    ),
    value(
        &["storage-class"],
        "CLASS",
        Sets::Key("storage_class"),
        STORING,
        "Storage class, such as STANDARD_IA or GLACIER.",
    ),
    flag(
        &["reduced-redundancy", "rr"],
        Sets::On("reduced_redundancy"),
        STORING,
        "Use the storage class REDUCED_REDUNDANCY.",
    ),
    flag(
        &["no-reduced-redundancy", "no-rr"],
        Sets::Off("reduced_redundancy"),
        STORING,
        "Do not use REDUCED_REDUNDANCY (default).",
    ),
    flag(
        &["server-side-encryption"],
        Sets::On("server_side_encryption"),
        STORING,
        "Server-side encryption with keys managed by S3 (SSE-S3, AES256).",
    ),
    value(
        &["server-side-encryption-kms-id"],
        "KEY",
        Sets::Key("kms_key"),
        STORING,
        "Server-side encryption with this KMS key (SSE-KMS).",
    ),
    flag(
        &["preserve"],
        Sets::On("preserve_attrs"),
        UPLOADING,
        "Store file attributes: mode, owner and times (default).",
    )
    .short('p'),
    flag(&["no-preserve"], Sets::Off("preserve_attrs"), UPLOADING, "Do not store file attributes."),
];

pub(super) const LISTINGS: &[OptionSpec] = &[
    flag(
        &["human-readable-sizes"],
        Sets::On("human_readable_sizes"),
        Scope::Only(&[Ls, La, Du]),
        "Print human-readable sizes, such as 16M instead of 17000032.",
    )
    .short('H'),
    flag(
        &["long-listing"],
        Sets::On("long_listing"),
        Scope::Only(&[Ls, La]),
        "Also print ETag and storage class.",
    )
    .short('l'),
    flag(&["list-md5"], Sets::On("list_md5"), Scope::Only(&[Ls, La]), "Also print MD5 checksums."),
    value(&["limit"], "NUM", Sets::Key("limit"), Scope::Only(&[Ls, La]), "List at most NUM entries."),
    flag(
        &["list-allow-unordered"],
        Sets::On("list_allow_unordered"),
        Scope::Only(&[Ls, La, Du]),
        "Accept unordered listings, which are faster for large buckets on Ceph.",
    ),
];

pub(super) const VERSIONS: &[OptionSpec] = &[
    flag(
        &["all-versions"],
        Sets::On("all_versions"),
        Scope::Only(&[Ls, La, Du, Del, Rb]),
        "Include all versions and delete markers. del and rb delete them permanently.",
    )
    .extension(),
    value(
        &["version-id"],
        "ID",
        Sets::Key("version_id"),
        Scope::Only(&[
            Get,
            Info,
            Del,
            Cp,
            Signurl,
            Md5sum,
            Restore,
            Gettagging,
            Settagging,
            Deltagging,
            Getacl,
            Setacl,
            Setobjectlegalhold,
            Setobjectretention,
            Getobjectlegalhold,
            Getobjectretention,
        ]),
        "Act on this version (see 'ls --all-versions'). del deletes it permanently; cp onto the same object restores \
         it.",
    )
    .extension(),
];

pub(super) const SINGLE: &[OptionSpec] = &[
    value(
        &["restore-days"],
        "NUM",
        Sets::Key("restore_days"),
        Scope::Only(&[Restore]),
        "Keep the restored copy for NUM days (default: 1).",
    )
    .short('D'),
    value(
        &["restore-priority"],
        "SPEED",
        Sets::Key("restore_priority"),
        Scope::Only(&[Restore]),
        "Retrieval speed: standard, expedited or bulk.",
    )
    .check(Check::Priority),
    value(
        &["expiry-date"],
        "DATE",
        Sets::Key("expiry_date"),
        Scope::Only(&[Expire]),
        "Delete the objects on this date, such as 2030-01-31.",
    ),
    value(
        &["expiry-days"],
        "NUM",
        Sets::Key("expiry_days"),
        Scope::Only(&[Expire]),
        "Delete the objects NUM days after their creation.",
    ),
    value(
        &["expiry-prefix"],
        "PREFIX",
        Sets::Key("expiry_prefix"),
        Scope::Only(&[Expire]),
        "Only objects whose names start with PREFIX.",
    ),
    value(
        &["access-logging-target-prefix"],
        "URI",
        Sets::Key("log_target_prefix"),
        Scope::Only(&[Accesslog, Cfcreate, Cfmodify]),
        "Enable access logging; the logs are written to s3://BUCKET/PREFIX.",
    ),
    flag(
        &["no-access-logging"],
        Sets::Off("log_target_prefix"),
        Scope::Only(&[Accesslog, Cfcreate, Cfmodify]),
        "Disable access logging.",
    ),
    value(
        &["ws-index"],
        "NAME",
        Sets::Key("website_index"),
        Scope::Only(&[WsCreate]),
        "Name of the index document (default: index.html).",
    ),
    value(
        &["ws-error"],
        "NAME",
        Sets::Key("website_error"),
        Scope::Only(&[WsCreate]),
        "Name of the error document.",
    ),
    flag(
        &["skip-destination-validation"],
        Sets::On("skip_destination_validation"),
        Scope::Only(&[Setnotification]),
        "The server does not validate the notification targets.",
    ),
    value(
        &["content-disposition"],
        "TEXT",
        Sets::Key("content_disposition"),
        Scope::Only(&[Signurl]),
        "Content-Disposition of the response, such as 'attachment; filename=a.txt'.",
    ),
    value(
        &["content-type"],
        "TYPE",
        Sets::Key("content_type"),
        Scope::Only(&[Signurl]),
        "Content-Type of the response.",
    ),
    value(
        &["check"],
        "FILE",
        Sets::Key("check_list"),
        Scope::Only(&[Md5sum]),
        "Verify the MD5 checksums listed in FILE; '-' is standard input.",
    )
    .extension(),
    flag(
        &["embedded"],
        Sets::On("embedded"),
        Scope::Only(&[CheckCommand]),
        "Run the test against a private server on a temporary directory.",
    )
    .extension(),
    value(
        &["address"],
        "HOST:PORT",
        Sets::Key("address"),
        Scope::Only(&[Serve]),
        "Listen address (default: a free port on the loopback interface).",
    )
    .extension(),
    value(
        &["auth-file"],
        "FILE",
        Sets::Key("auth_file"),
        Scope::Only(&[Serve]),
        "File with the accepted key pairs.",
    )
    .extension(),
    value(
        &["auth-key"],
        "ACCESS,SECRET",
        Sets::List(List::AuthKey),
        Scope::Only(&[Serve]),
        "Accept this key pair. Each pair is a separate user without access to the data of the others (see \
         --share-auth-keys). Visible to other users in the process list; prefer --auth-file. Can be repeated.",
    )
    .extension(),
];
