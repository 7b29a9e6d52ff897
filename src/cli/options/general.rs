//! Global options: credentials, connection and messages.

use super::super::command_table::Command::{
    Cp, Del, Du, Get, La, Ls, Mb, Md5sum, Mv, Put, Rb, Serve, Setacl, Sync,
};
use super::{OptionSpec, Scope, Sets, flag, value};
use crate::cli::CliOnly;

pub(super) const ACCOUNT: &[OptionSpec] = &[
    flag(&["help"], Sets::Help, Scope::Every, "Print this help, or the help of the given command.")
        .short('h'),
    flag(
        &["version"],
        Sets::Version,
        Scope::Every,
        "Print the s3cmd version that this program is compatible with, then its own version.",
    ),
    value(
        &["config"],
        "FILE",
        Sets::CliOnly(CliOnly::ConfigFile),
        Scope::Every,
        "Configuration file, instead of $S3CMD_CONFIG or ~/.s3cfg.",
    )
    .short('c'),
    flag(
        &["dump-config"],
        Sets::Switch(CliOnly::DumpConfig, true),
        Scope::Every,
        "Print all settings, including secrets, as a configuration file and exit.",
    ),
    value(&["access_key"], "KEY", Sets::Key("access_key"), Scope::Every, "Access key ID."),
    value(
        &["secret_key"],
        "KEY",
        Sets::Key("secret_key"),
        Scope::Every,
        "Secret access key. Visible to other users in the process list; prefer the configuration file.",
    ),
    value(
        &["access_token"],
        "TOKEN",
        Sets::Key("access_token"),
        Scope::Every,
        "Session token of temporary credentials.",
    ),
];

pub(super) const CONNECTION: &[OptionSpec] = &[
    value(&["host"], "HOST[:PORT]", Sets::Key("host_base"), Scope::Every, "S3 endpoint."),
    value(
        &["host-bucket"],
        "TEMPLATE",
        Sets::Key("host_bucket"),
        Scope::Every,
        "Host name template of buckets, such as %(bucket)s.HOST. Without %(bucket)s, path-style requests are sent.",
    ),
    value(
        &["region", "bucket-location"],
        "REGION",
        Sets::Key("bucket_location"),
        Scope::Only(&[Mb, Serve]),
        "Region for new buckets and for signatures. serve: reject signatures for other regions.",
    ),
    flag(&["ssl"], Sets::On("use_https"), Scope::Every, "Use HTTPS (default).").short('s'),
    flag(&["no-ssl"], Sets::Off("use_https"), Scope::Every, "Use plain HTTP."),
    value(
        &["ca-certs"],
        "FILE",
        Sets::Key("ca_certs_file"),
        Scope::Every,
        "File with trusted CA certificates (PEM).",
    ),
    flag(
        &["check-certificate"],
        Sets::On("check_ssl_certificate"),
        Scope::Every,
        "Verify the server's TLS certificate (default).",
    ),
    flag(
        &["no-check-certificate"],
        Sets::Off("check_ssl_certificate"),
        Scope::Every,
        "Do not verify the server's TLS certificate. Insecure: the connection can be intercepted.",
    ),
    flag(
        &["check-hostname"],
        Sets::On("check_ssl_hostname"),
        Scope::Every,
        "Verify that the TLS certificate matches the host name (default).",
    ),
    flag(
        &["no-check-hostname"],
        Sets::Off("check_ssl_hostname"),
        Scope::Every,
        "Accept a TLS certificate of another host.",
    ),
    value(&["ssl-cert"], "FILE", Sets::Key("ssl_client_cert_file"), Scope::Every, "TLS client certificate (PEM)."),
    value(
        &["ssl-key"],
        "FILE",
        Sets::Key("ssl_client_key_file"),
        Scope::Every,
        "Private key of the TLS client certificate (PEM).",
    ),
    flag(
        &["signature-v2"],
        Sets::On("signature_v2"),
        Scope::Every,
        "Use signature version 2, for servers without version 4.",
    ),
    flag(&["requester-pays"], Sets::On("requester_pays"), Scope::Every, "Pay for requests to requester-pays buckets."),
    flag(
        &["no-connection-pooling"],
        Sets::Off("connection_pooling"),
        Scope::Every,
        "Do not reuse connections.",
    ),
    value(
        &["max-retries"],
        "NUM",
        Sets::Key("max_retries"),
        Scope::Every,
        "Maximum number of retries of a failed request (default: 5).",
    ),
    value(
        &["limit-rate"],
        "RATE",
        Sets::Key("limitrate"),
        Scope::Only(&[Put, Get, Sync]),
        "Limit the total transfer rate to RATE bytes per second. Suffixes: k (KiB), m (MiB).",
    ),
    value(
        &["jobs"],
        "N",
        Sets::Key("jobs"),
        Scope::Only(&[Put, Get, Sync, Cp, Mv, Del, Setacl, Rb, Md5sum, Ls, La, Du]),
        "Number of concurrent transfers or requests; 1 is strictly serial. The default depends on the machine.",
    )
    .short('j')
    .extension(),
    value(
        &["shard"],
        "I/N",
        Sets::Key("shard"),
        Scope::Only(&[Put, Get, Sync, Cp, Mv, Del, Setacl, Md5sum, Ls, La, Du]),
        "Process only part I of N. Start N runs, one per part, to split the work. A name always belongs to the same \
         part.",
    )
    .extension(),
];

pub(super) const MESSAGES: &[OptionSpec] = &[
    flag(&["verbose"], Sets::Fixed("verbosity", "INFO"), Scope::Every, "Print informational messages.").short('v'),
    flag(
        &["debug"],
        Sets::Fixed("verbosity", "DEBUG"),
        Scope::Every,
        "Print debug messages. Secrets are masked.",
    )
    .short('d'),
    flag(&["quiet"], Sets::Switch(CliOnly::Quiet, true), Scope::Every, "Print nothing on stdout.").short('q'),
    flag(
        &["progress"],
        Sets::On("progress_meter"),
        Scope::Only(&[Put, Get, Sync, Cp, Mv]),
        "Show the progress meter even if stdout is not a terminal.",
    ),
    flag(
        &["no-progress"],
        Sets::Off("progress_meter"),
        Scope::Only(&[Put, Get, Sync, Cp, Mv]),
        "Do not show the progress meter.",
    ),
    flag(&["stats"], Sets::On("stats"), Scope::Only(&[Sync, Del]), "Print statistics at the end."),
    flag(
        &["json"],
        Sets::On("json"),
        Scope::Every,
        "Print results (stdout) and messages (stderr) as JSON, one object per line, with a summary at the end.",
    )
    .extension(),
    value(
        &["encoding"],
        "CHARSET",
        Sets::Key("encoding"),
        Scope::Every,
        "Character set of the terminal and of file names (default: from the locale).",
    ),
];
