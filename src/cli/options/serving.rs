//! The options of `serve` only.

use super::super::command_table::Command::Serve;
use super::{Check, List, OptionSpec, Scope, Sets, flag, value};

const SERVE: Scope = Scope::Only(&[Serve]);

pub(super) const SERVING: &[OptionSpec] = &[
    value(
        &["remote"],
        "s3://BUCKET[/PREFIX]",
        Sets::Key("remote"),
        SERVE,
        "Serve this bucket of the configured store, or the objects below PREFIX, instead of a directory.",
    )
    .extension(),
    value(
        &["auth-expires"],
        "EXPIRY",
        Sets::Key("auth_expires"),
        SERVE,
        "Expiry of the keys from --auth-key, or of the generated key pair: +Nm, +Nh or +Nd from now, or a date.",
    )
    .extension(),
    flag(
        &["share-auth-keys"],
        Sets::On("share_auth_keys"),
        SERVE,
        "Treat all pairs of --auth-key as keys of one user, the first one. As in rclone.",
    )
    .extension(),
    flag(
        &["no-auth"],
        Sets::On("no_auth"),
        SERVE,
        "No authentication: every local program has full access. Allowed only on loopback addresses.",
    )
    .extension(),
    flag(&["read-only"], Sets::On("read_only"), SERVE, "Reject all requests that change data.").extension(),
    value(&["tls-cert"], "FILE", Sets::Key("tls_cert"), SERVE, "Serve HTTPS with this certificate chain (PEM).")
        .extension(),
    value(
        &["tls-key"],
        "FILE",
        Sets::Key("tls_key"),
        SERVE,
        "Private key of the certificate (PEM), if it is not in the same file.",
    )
    .extension(),
    flag(
        &["allow-plain-http"],
        Sets::On("allow_plain_http"),
        SERVE,
        "Allow plain HTTP on addresses that other machines can reach. Insecure: the data can be intercepted.",
    )
    .extension(),
    value(
        &["server-access-log"],
        "FILE",
        Sets::Key("access_log"),
        SERVE,
        "Append a line per request to FILE, in the format of S3 server access logs; '-' is standard output.",
    )
    .extension(),
    flag(
        &["metrics"],
        Sets::On("metrics"),
        SERVE,
        "Serve Prometheus metrics at /-/metrics, without authentication.",
    )
    .extension(),
    value(
        &["lifecycle-day"],
        "SECONDS",
        Sets::Key("lifecycle_day"),
        SERVE,
        "Length of a day in lifecycle rules, in seconds. For testing.",
    )
    .check(Check::Integer)
    .extension(),
    value(
        &["etag-hash"],
        "HASH",
        Sets::Key("etag_hash"),
        SERVE,
        "MD5 or auto, as in rclone. ETags are always MD5 checksums; other values are rejected.",
    )
    .extension(),
    flag(
        &["force-path-style"],
        Sets::On("force_path_style"),
        SERVE,
        "Accept only path-style requests: never read the bucket from the host name. As in rclone, also with =true.",
    )
    .or_bool()
    .extension(),
    flag(
        &["no-force-path-style"],
        Sets::Off("force_path_style"),
        SERVE,
        "Accept path-style and virtual-hosted-style requests (default). As --force-path-style=false in rclone.",
    )
    .extension(),
    value(
        &["domain"],
        "NAME",
        Sets::List(List::Domain),
        SERVE,
        "Also accept virtual-hosted-style requests to BUCKET.NAME. Can be repeated.",
    )
    .extension(),
    flag(
        &["no-cleanup"],
        Sets::On("no_cleanup"),
        SERVE,
        "Keep directories that become empty after a deletion. As in rclone, also with =true.",
    )
    .or_bool()
    .extension(),
    flag(
        &["cleanup"],
        Sets::Off("no_cleanup"),
        SERVE,
        "Remove directories that become empty after a deletion (default). As --no-cleanup=false in rclone.",
    )
    .extension(),
    value(
        &["server-read-timeout"],
        "DURATION",
        Sets::Key("server_read_timeout"),
        SERVE,
        "Disconnect a client that sends nothing for this long (default: 2m): seconds, or 1h2m3s. In rclone: limit \
         for the whole request.",
    )
    .extension(),
    value(
        &["server-write-timeout"],
        "DURATION",
        Sets::Key("server_write_timeout"),
        SERVE,
        "Disconnect a client that receives nothing for this long (default: 2m). In rclone: limit for the whole \
         response.",
    )
    .extension(),
];
