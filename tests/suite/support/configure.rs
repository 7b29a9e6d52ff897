//! The dialogue of `--configure`.

/// Answers to the nine questions that are asked without a proxy, each of them Enter.
pub(crate) const KEEP: &str = "\n\n\n\n\n\n\n\n\n";

/// Keys whose value depends on the moment: s3cmd freezes them into the file, this program leaves them out.
pub(crate) const OF_THE_MOMENT: [&str; 4] =
    ["encoding", "progress_meter", "public_url_use_https", "signurl_use_https"];
