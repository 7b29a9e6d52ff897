//! The options of `serve` alone.

use super::super::commands::Command::Serve;
use super::{Check, List, OptionSpec, Scope, Sets, flag, value};

const SERVE: Scope = Scope::Only(&[Serve]);

pub(super) const SERVING: &[OptionSpec] = &[
    value(
        &["remote"],
        "s3://BUCKET[/PREFIX]",
        Sets::Key("remote"),
        SERVE,
        "Serve this bucket of the configured store instead of a directory; with PREFIX only what is below it.",
    )
    .own(),
    value(
        &["auth-expires"],
        "EXPIRY",
        Sets::Key("auth_expires"),
        SERVE,
        "Refuse the keys of --auth-key, or the pair that is made, from then on: +Nm, +Nh or +Nd from now, or a date.",
    )
    .own(),
    flag(
        &["share-auth-keys"],
        Sets::On("share_auth_keys"),
        SERVE,
        "As in rclone: all pairs of --auth-key are one user's, the first one's.",
    )
    .own(),
    flag(
        &["no-auth"],
        Sets::On("no_auth"),
        SERVE,
        "Ask for no keys: every program on this machine may do everything. For addresses of this machine only.",
    )
    .own(),
    flag(&["read-only"], Sets::On("read_only"), SERVE, "Refuse every request that changes anything.").own(),
    value(&["tls-cert"], "FILE", Sets::Key("tls_cert"), SERVE, "Serve HTTPS with this certificate (PEM, with its chain).")
        .own(),
    value(
        &["tls-key"],
        "FILE",
        Sets::Key("tls_key"),
        SERVE,
        "The certificate's private key (PEM), if it is not in the same file.",
    )
    .own(),
    flag(
        &["allow-plain-http"],
        Sets::On("allow_plain_http"),
        SERVE,
        "Serve an address that other machines reach without TLS: whoever is on the way sees the data.",
    )
    .own(),
    value(
        &["server-access-log"],
        "FILE",
        Sets::Key("access_log"),
        SERVE,
        "Add a line for every request to FILE, in the format of S3's server access logs; '-' is the standard output.",
    )
    .own(),
    flag(&["metrics"], Sets::On("metrics"), SERVE, "Answer /-/metrics with counts for Prometheus, to anybody.").own(),
    value(
        &["lifecycle-day"],
        "SECONDS",
        Sets::Key("lifecycle_day"),
        SERVE,
        "For trying lifecycle rules: their days last that long.",
    )
    .check(Check::Integer)
    .own(),
    value(
        &["etag-hash"],
        "HASH",
        Sets::Key("etag_hash"),
        SERVE,
        "As in rclone: MD5 or auto. ETags are MD5 sums here, always; other names are refused.",
    )
    .own(),
    flag(
        &["force-path-style"],
        Sets::On("force_path_style"),
        SERVE,
        "As in rclone, also with =true: a host name never says the bucket. Without it both styles are understood.",
    )
    .or_bool()
    .own(),
    flag(
        &["no-force-path-style"],
        Sets::Off("force_path_style"),
        SERVE,
        "As --force-path-style=false in rclone: both styles are understood, which is the default.",
    )
    .own(),
    value(
        &["domain"],
        "NAME",
        Sets::List(List::Domain),
        SERVE,
        "Read the bucket from host names below NAME (BUCKET.NAME), too. Can be repeated.",
    )
    .own(),
    flag(
        &["no-cleanup"],
        Sets::On("no_cleanup"),
        SERVE,
        "As in rclone, also with =true: folders that are empty after a deletion stay.",
    )
    .or_bool()
    .own(),
    flag(
        &["cleanup"],
        Sets::Off("no_cleanup"),
        SERVE,
        "As --no-cleanup=false in rclone: folders that are empty after a deletion go, which is the default.",
    )
    .own(),
    value(
        &["server-read-timeout"],
        "DURATION",
        Sets::Key("server_read_timeout"),
        SERVE,
        "As in rclone, but for each wait: leave a client that sends nothing for so long (2m; seconds, or 1h2m3s).",
    )
    .own(),
    value(
        &["server-write-timeout"],
        "DURATION",
        Sets::Key("server_write_timeout"),
        SERVE,
        "As in rclone, but for each wait: leave a client that takes nothing for so long (2m).",
    )
    .own(),
];
