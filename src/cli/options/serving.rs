//! The options of `serve` alone.

use super::super::commands::Command::Serve;
use super::{Check, OptionSpec, Scope, Sets, flag, value};

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
        "As in rclone: a host name never says the bucket. Without it both styles are understood.",
    )
    .own(),
    flag(
        &["no-cleanup"],
        Sets::On("no_cleanup"),
        SERVE,
        "As in rclone: folders that are empty after a deletion stay.",
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
