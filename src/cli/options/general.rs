//! Options that any command may be given: the account, the connection, the messages.

use super::super::commands::Command::{
    Cp, Del, Du, Get, La, Ls, Mb, Md5sum, Mv, Put, Rb, Serve, Setacl, Sync,
};
use super::{OptionSpec, Scope, Sets, flag, value};
use crate::config::Single;

pub(super) const ACCOUNT: &[OptionSpec] = &[
    flag(&["help"], Sets::Help, Scope::Every, "Show this help, or that of the command that is named too.")
        .short('h'),
    flag(
        &["version"],
        Sets::Version,
        Scope::Every,
        "Show the version: s3cmd's that this program follows, then its own.",
    ),
    value(
        &["config"],
        "FILE",
        Sets::Single(Single::ConfigFile),
        Scope::Every,
        "Read the settings from FILE instead of $S3CMD_CONFIG or ~/.s3cfg.",
    )
    .short('c'),
    flag(
        &["dump-config"],
        Sets::Switch(Single::DumpConfig, true),
        Scope::Every,
        "Print all settings as a configuration file, secrets included, and stop.",
    ),
    value(&["access_key"], "KEY", Sets::Key("access_key"), Scope::Every, "Access key id."),
    value(
        &["secret_key"],
        "KEY",
        Sets::Key("secret_key"),
        Scope::Every,
        "Secret key. Other users can see it in the list of processes; better keep it in the configuration file.",
    ),
    value(
        &["access_token"],
        "TOKEN",
        Sets::Key("access_token"),
        Scope::Every,
        "Session token of temporary keys.",
    ),
];

pub(super) const CONNECTION: &[OptionSpec] = &[
    value(&["host"], "HOST[:PORT]", Sets::Key("host_base"), Scope::Every, "End point of the store."),
    value(
        &["host-bucket"],
        "TEMPLATE",
        Sets::Key("host_bucket"),
        Scope::Every,
        "Host of a bucket, such as %(bucket)s.HOST. Without %(bucket)s the bucket goes into the path.",
    ),
    value(
        &["region", "bucket-location"],
        "REGION",
        Sets::Key("bucket_location"),
        Scope::Only(&[Mb, Serve]),
        "Region for new buckets and for signatures. 'serve' refuses signatures for another one.",
    ),
    flag(&["ssl"], Sets::On("use_https"), Scope::Every, "Use HTTPS, which is the default.").short('s'),
    flag(&["no-ssl"], Sets::Off("use_https"), Scope::Every, "Use plain HTTP."),
    value(
        &["ca-certs"],
        "FILE",
        Sets::Key("ca_certs_file"),
        Scope::Every,
        "Trust the certificate authorities in FILE.",
    ),
    flag(
        &["check-certificate"],
        Sets::On("check_ssl_certificate"),
        Scope::Every,
        "Check the server's certificate, which is the default.",
    ),
    flag(
        &["no-check-certificate"],
        Sets::Off("check_ssl_certificate"),
        Scope::Every,
        "Accept any certificate. Anybody in between can then read along.",
    ),
    flag(
        &["check-hostname"],
        Sets::On("check_ssl_hostname"),
        Scope::Every,
        "Check that the certificate is for this host, which is the default.",
    ),
    flag(
        &["no-check-hostname"],
        Sets::Off("check_ssl_hostname"),
        Scope::Every,
        "Accept a certificate that is for another host.",
    ),
    value(&["ssl-cert"], "FILE", Sets::Key("ssl_client_cert_file"), Scope::Every, "Client certificate."),
    value(
        &["ssl-key"],
        "FILE",
        Sets::Key("ssl_client_key_file"),
        Scope::Every,
        "Private key of the client certificate.",
    ),
    flag(
        &["signature-v2"],
        Sets::On("signature_v2"),
        Scope::Every,
        "Sign with version 2, for stores that do not know version 4.",
    ),
    flag(&["requester-pays"], Sets::On("requester_pays"), Scope::Every, "Agree to pay for the requests."),
    flag(
        &["no-connection-pooling"],
        Sets::Off("connection_pooling"),
        Scope::Every,
        "Open a new connection for each request.",
    ),
    value(
        &["max-retries"],
        "NUM",
        Sets::Key("max_retries"),
        Scope::Every,
        "Try a failed request again up to NUM times (5).",
    ),
    value(
        &["limit-rate"],
        "RATE",
        Sets::Key("limitrate"),
        Scope::Only(&[Put, Get, Sync]),
        "Move at most RATE bytes a second; with k or m after the number KiB or MiB.",
    ),
    value(
        &["jobs"],
        "N",
        Sets::Key("jobs"),
        Scope::Only(&[Put, Get, Sync, Cp, Mv, Del, Setacl, Rb, Md5sum, Ls, La, Du]),
        "Move N objects or parts at once; 1 does one after the other. The default suits the machine.",
    )
    .short('j')
    .own(),
    value(
        &["shard"],
        "I/N",
        Sets::Key("shard"),
        Scope::Only(&[Put, Get, Sync, Cp, Mv, Del, Setacl, Md5sum, Ls, La, Du]),
        "Do share I of N only (1 to N): the names whose stable hash falls to it. N runs, one for each share, do it all.",
    )
    .own(),
];

pub(super) const MESSAGES: &[OptionSpec] = &[
    flag(&["verbose"], Sets::Fixed("verbosity", "INFO"), Scope::Every, "Tell more on stderr.").short('v'),
    flag(
        &["debug"],
        Sets::Fixed("verbosity", "DEBUG"),
        Scope::Every,
        "Tell everything on stderr, without secrets.",
    )
    .short('d'),
    flag(&["quiet"], Sets::Switch(Single::Quiet, true), Scope::Every, "Print nothing on stdout.").short('q'),
    flag(
        &["progress"],
        Sets::On("progress_meter"),
        Scope::Only(&[Put, Get, Sync, Cp, Mv]),
        "Show the progress meter, also where stdout is no terminal.",
    ),
    flag(
        &["no-progress"],
        Sets::Off("progress_meter"),
        Scope::Only(&[Put, Get, Sync, Cp, Mv]),
        "Do not show the progress meter.",
    ),
    flag(&["stats"], Sets::On("stats"), Scope::Only(&[Sync, Del]), "Print counters at the end."),
    flag(
        &["json"],
        Sets::On("json"),
        Scope::Every,
        "Print each result as a JSON object on a line of its own, messages on stderr too, and a summary at the end.",
    )
    .own(),
    value(
        &["encoding"],
        "CHARSET",
        Sets::Key("encoding"),
        Scope::Every,
        "Character set of the terminal and of file names.",
    ),
];
