//! Options about objects: moving, choosing, storing and listing them, and those of single commands.

use super::super::commands::Command::{
    Accesslog, Cfcreate, Cfmodify, Check as CheckCommand, Cp, Del, Delcors, Dellifecycle, Delpolicy,
    Deltagging, Du, Expire, Fixbucket, Get, Getacl, Getobjectlegalhold, Getobjectretention, Gettagging, Info,
    La, Ls, Mb, Md5sum, Modify, Mv, Put, Rb, Restore, Serve, Setacl, Setblockpublicaccess, Setcors,
    Setlifecycle, Setnotification, Setobjectlegalhold, Setobjectretention, Setownership, Setpolicy,
    Settagging, Setversioning, Signurl, Sync, WsCreate,
};
use super::{Check, OptionSpec, Scope, Sets, flag, value};
use crate::config::{List, Single};

const FILTERED: Scope =
    Scope::Only(&[Put, Get, Sync, Del, Cp, Mv, Modify, Setacl, Restore, Md5sum, Ls, La, Du]);
const STORING: Scope = Scope::Only(&[Put, Sync, Cp, Mv, Modify]);
const UPLOADING: Scope = Scope::Only(&[Put, Sync]);

pub(super) const TRANSFERS: &[OptionSpec] = &[
    flag(
        &["recursive"],
        Sets::On("recursive"),
        Scope::Only(&[Put, Get, Del, Cp, Mv, Modify, Setacl, Restore, Ls, Rb, La, Md5sum]),
        "Work on whole directories and prefixes.",
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
        "Only show what would be done.",
    )
    .short('n'),
    flag(
        &["force"],
        Sets::On("force"),
        Scope::Only(&[Get, Del, Rb]),
        "Overwrite files, empty a bucket, and lift other safety stops.",
    )
    .short('f'),
    flag(
        &["skip-existing"],
        Sets::On("skip_existing"),
        Scope::Only(&[Get, Sync]),
        "Leave files alone that exist.",
    ),
    flag(
        &["continue"],
        Sets::On("get_continue"),
        Scope::Only(&[Get]),
        "Resume files that were downloaded in part.",
    ),
    flag(
        &["continue-put"],
        Sets::On("put_continue"),
        UPLOADING,
        "Resume an unfinished upload, and skip files and parts that are there already with the same size and MD5 sum.",
    ),
    value(
        &["upload-id"],
        "ID",
        Sets::Key("upload_id"),
        UPLOADING,
        "Resume the unfinished upload with that id; see 'multipart'.",
    ),
    flag(
        &["disable-multipart"],
        Sets::Off("enable_multipart"),
        UPLOADING,
        "Send each file in one request, however large.",
    ),
    value(
        &["multipart-chunk-size-mb"],
        "SIZE",
        Sets::Key("multipart_chunk_size_mb"),
        UPLOADING,
        "Send files above SIZE MiB in parts of that size (15; 5 to 5120).",
    )
    .check(Check::Integer),
    flag(
        &["no-multipart-md5"],
        Sets::Off("multipart_md5"),
        UPLOADING,
        "Do not read a large file beforehand to store its MD5 sum with it.",
    )
    .own(),
    value(
        &["checksum-algorithm"],
        "ALGO",
        Sets::Key("checksum_algorithm"),
        Scope::Only(&[Put, Sync, Info]),
        "Have the server verify and keep this checksum of uploads: crc64nvme, crc32c, crc32, sha256 or sha1. info: show the stored one.",
    )
    .own(),
    flag(
        &["abort-on-error"],
        Sets::On("abort_on_error"),
        UPLOADING,
        "Give up a failed upload in parts at once, instead of keeping it to be resumed.",
    )
    .own(),
    flag(
        &["stop-on-error"],
        Sets::On("stop_on_error"),
        Scope::Only(&[Put, Get, Sync, Cp, Mv, Modify, Setacl, Restore]),
        "Begin nothing new once something has failed.",
    ),
    flag(
        &["delete-after-fetch"],
        Sets::On("delete_after_fetch"),
        Scope::Only(&[Sync, Get]),
        "Delete each object from the store once it was downloaded.",
    ),
    value(
        &["max-delete"],
        "NUM",
        Sets::Key("max_delete"),
        Scope::Only(&[Sync, Del]),
        "Delete nothing at all if it were more than NUM objects.",
    ),
    flag(
        &["no-fsync"],
        Sets::Off("fsync"),
        Scope::Only(&[Serve]),
        "Acknowledge a write before it is on the disk: faster, and a power loss may undo it.",
    )
    .own(),
    flag(
        &["check-md5"],
        Sets::Switch(Single::CheckMd5, true),
        UPLOADING,
        "Compare and store MD5 sums, which is the default.",
    ),
    flag(
        &["no-check-md5"],
        Sets::Switch(Single::CheckMd5, false),
        UPLOADING,
        "Compare sizes only, and store no MD5 sum.",
    ),
];

pub(super) const NAMES: &[OptionSpec] = &[
    value(
        &["exclude"],
        "GLOB",
        Sets::List(List::Exclude),
        FILTERED,
        "Leave out what matches GLOB. '*' matches '/' too; the pattern has to match up to the end of the name.",
    ),
    value(
        &["exclude-from"],
        "FILE",
        Sets::List(List::ExcludeFrom),
        FILTERED,
        "Leave out what matches a glob in FILE, one a line.",
    ),
    value(
        &["rexclude"],
        "REGEXP",
        Sets::List(List::Rexclude),
        FILTERED,
        "Leave out what matches the regular expression anywhere in the name.",
    ),
    value(
        &["rexclude-from"],
        "FILE",
        Sets::List(List::RexcludeFrom),
        FILTERED,
        "Leave out what matches a regular expression in FILE, one a line.",
    ),
    value(
        &["include"],
        "GLOB",
        Sets::List(List::Include),
        FILTERED,
        "Of what was left out, take in what matches GLOB.",
    ),
    value(
        &["include-from"],
        "FILE",
        Sets::List(List::IncludeFrom),
        FILTERED,
        "The same with globs from FILE.",
    ),
    value(
        &["rinclude"],
        "REGEXP",
        Sets::List(List::Rinclude),
        FILTERED,
        "The same with a regular expression.",
    ),
    value(
        &["rinclude-from"],
        "FILE",
        Sets::List(List::RincludeFrom),
        FILTERED,
        "The same with regular expressions from FILE.",
    ),
    value(
        &["files-from"],
        "FILE",
        Sets::List(List::FilesFrom),
        UPLOADING,
        "Take the names of the source files from FILE, or from the standard input if it is '-'.",
    ),
    flag(
        &["follow-symlinks"],
        Sets::On("follow_symlinks"),
        UPLOADING,
        "Upload what symbolic links point to.",
    )
    .short('F'),
    flag(
        &["keep-dirs"],
        Sets::On("keep_dirs"),
        UPLOADING,
        "Make an object for each directory, empty ones included.",
    ),
    flag(
        &["verbatim"],
        Sets::Fixed("urlencoding_mode", "verbatim"),
        UPLOADING,
        "Keep control characters in names.",
    ),
];

pub(super) const ACCESS: &[OptionSpec] = &[
    flag(&["acl-public"], Sets::On("acl_public"), Scope::Only(&[Put, Sync, Cp, Mv, Modify, Mb, Setacl]), "Let anybody read.").short('P'),
    flag(&["acl-private"], Sets::Off("acl_public"), Scope::Only(&[Put, Sync, Cp, Mv, Modify, Mb, Setacl]), "Let nobody but the owner read."),
    value(&["acl-grant"], "PERMISSION:WHO", Sets::List(List::AclGrant), Scope::Only(&[Setacl]), "Give somebody a permission: read, write, read_acp, write_acp, full_control or all. WHO is a user id or an e-mail address.").check(Check::Acl),
    value(&["acl-revoke"], "PERMISSION:WHO", Sets::List(List::AclRevoke), Scope::Only(&[Setacl]), "Take a permission from somebody.").check(Check::Acl),
];

pub(super) const STORED: &[OptionSpec] = &[
    value(&["mime-type"], "MIME/TYPE", Sets::Key("mime_type"), STORING, "Store this Content-Type.")
        .short('m')
        .check(Check::Mime),
    flag(
        &["guess-mime-type"],
        Sets::On("guess_mime_type"),
        UPLOADING,
        "Guess the Content-Type of each file, which is the default.",
    )
    .short('M'),
    flag(&["no-guess-mime-type"], Sets::Off("guess_mime_type"), UPLOADING, "Store the default Content-Type."),
    flag(&["no-mime-magic"], Sets::Off("use_mime_magic"), UPLOADING, "Guess from the file's name only."),
    value(
        &["default-mime-type"],
        "MIME/TYPE",
        Sets::Key("default_mime_type"),
        UPLOADING,
        "Content-Type where none can be guessed (binary/octet-stream).",
    )
    .check(Check::Mime),
    value(
        &["add-encoding-exts"],
        "EXT,EXT",
        Sets::Key("add_encoding_exts"),
        UPLOADING,
        "Add the character set to the Content-Type of files with these extensions.",
    ),
    value(
        &["add-header"],
        "NAME:VALUE",
        Sets::List(List::AddHeader),
        Scope::Only(&[Put, Sync, Cp, Mv, Modify, Mb]),
        "Send this header with what is stored, such as Cache-Control:no-store, x-amz-meta-NAME:VALUE or x-amz-tagging:KEY=VALUE.",
    ),
    value(
        &["remove-header"],
        "NAME",
        Sets::List(List::RemoveHeader),
        Scope::Only(&[Sync, Cp, Mv, Modify]),
        "Drop this stored header.",
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
        "The storage class REDUCED_REDUNDANCY.",
    ),
    flag(
        &["no-reduced-redundancy", "no-rr"],
        Sets::Off("reduced_redundancy"),
        STORING,
        "Not that class, which is the default.",
    ),
    flag(
        &["server-side-encryption"],
        Sets::On("server_side_encryption"),
        STORING,
        "Let the store encrypt with its own key.",
    ),
    value(
        &["server-side-encryption-kms-id"],
        "KEY",
        Sets::Key("kms_key"),
        STORING,
        "Let the store encrypt with this key of its key management.",
    ),
    flag(
        &["preserve"],
        Sets::On("preserve_attrs"),
        UPLOADING,
        "Store the file's mode, owner and times with it, which is the default.",
    )
    .short('p'),
    flag(&["no-preserve"], Sets::Off("preserve_attrs"), UPLOADING, "Do not store them."),
];

pub(super) const LISTINGS: &[OptionSpec] = &[
    flag(
        &["human-readable-sizes"],
        Sets::On("human_readable_sizes"),
        Scope::Only(&[Ls, La, Du]),
        "Print sizes as 16M rather than 17000032.",
    )
    .short('H'),
    flag(
        &["long-listing"],
        Sets::On("long_listing"),
        Scope::Only(&[Ls, La]),
        "Print ETag and storage class, too.",
    )
    .short('l'),
    flag(&["list-md5"], Sets::On("list_md5"), Scope::Only(&[Ls, La]), "Print MD5 sums, too."),
    value(&["limit"], "NUM", Sets::Key("limit"), Scope::Only(&[Ls, La]), "Stop after NUM entries."),
    flag(
        &["list-allow-unordered"],
        Sets::On("list_allow_unordered"),
        Scope::Only(&[Ls, La, Du]),
        "Let the server list in any order, which is faster on large buckets of a Ceph store.",
    ),
];

pub(super) const VERSIONS: &[OptionSpec] = &[
    flag(
        &["all-versions"],
        Sets::On("all_versions"),
        Scope::Only(&[Ls, La, Du, Del, Rb]),
        "Mean all versions of the objects, and delete markers: list them, sum them up, or delete them for good.",
    )
    .own(),
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
        "Mean that version of the object, which 'ls --all-versions' tells. del deletes it for good; cp onto the object restores it.",
    )
    .own(),
];

pub(super) const SINGLE: &[OptionSpec] = &[
    value(
        &["restore-days"],
        "NUM",
        Sets::Key("restore_days"),
        Scope::Only(&[Restore]),
        "Keep the restored copy for NUM days (1).",
    )
    .short('D'),
    value(
        &["restore-priority"],
        "SPEED",
        Sets::Key("restore_priority"),
        Scope::Only(&[Restore]),
        "How fast to restore: standard, expedited or bulk.",
    )
    .check(Check::Priority),
    value(
        &["expiry-date"],
        "DATE",
        Sets::Key("expiry_date"),
        Scope::Only(&[Expire]),
        "Delete the objects at this date, such as 2030-01-31.",
    ),
    value(
        &["expiry-days"],
        "NUM",
        Sets::Key("expiry_days"),
        Scope::Only(&[Expire]),
        "Delete the objects NUM days after they were made.",
    ),
    value(
        &["expiry-prefix"],
        "PREFIX",
        Sets::Key("expiry_prefix"),
        Scope::Only(&[Expire]),
        "Only those whose names begin with PREFIX.",
    ),
    value(
        &["access-logging-target-prefix"],
        "URI",
        Sets::Key("log_target_prefix"),
        Scope::Only(&[Accesslog, Cfcreate, Cfmodify]),
        "Write the access logs there: s3://BUCKET/PREFIX.",
    ),
    flag(
        &["no-access-logging"],
        Sets::Off("log_target_prefix"),
        Scope::Only(&[Accesslog, Cfcreate, Cfmodify]),
        "Write no access logs any more.",
    ),
    value(
        &["ws-index"],
        "NAME",
        Sets::Key("website_index"),
        Scope::Only(&[WsCreate]),
        "Name of the index documents (index.html).",
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
        "Do not have the service check who is to be told.",
    ),
    value(
        &["content-disposition"],
        "TEXT",
        Sets::Key("content_disposition"),
        Scope::Only(&[Signurl]),
        "Have the link answer with this Content-Disposition, such as 'attachment; filename=a.txt'.",
    ),
    value(
        &["content-type"],
        "TYPE",
        Sets::Key("content_type"),
        Scope::Only(&[Signurl]),
        "Have the link answer with this Content-Type.",
    ),
    value(
        &["check"],
        "FILE",
        Sets::Key("check_list"),
        Scope::Only(&[Md5sum]),
        "Verify the MD5 sums listed in FILE, or on the standard input if it is '-'.",
    )
    .own(),
    flag(
        &["embedded"],
        Sets::On("embedded"),
        Scope::Only(&[CheckCommand]),
        "Test against a private server on a temporary directory.",
    )
    .own(),
    value(
        &["address"],
        "HOST:PORT",
        Sets::Key("address"),
        Scope::Only(&[Serve]),
        "Where to listen. The default is a port of the local machine only.",
    )
    .own(),
    value(
        &["auth-file"],
        "FILE",
        Sets::Key("auth_file"),
        Scope::Only(&[Serve]),
        "Accept the key pairs in FILE.",
    )
    .own(),
    value(
        &["auth-key"],
        "ACCESS,SECRET",
        Sets::List(List::AuthKey),
        Scope::Only(&[Serve]),
        "Accept this key pair. Each pair is a user of its own, who sees nothing of the others' (see --share-auth-keys). Others can see it in the list of processes; better use --auth-file.",
    )
    .own(),
];
