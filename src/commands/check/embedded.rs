//! The connection test against a private embedded server: a demonstration that needs no account.

use crate::commands::shared::context::Context;
use crate::commands::shared::server::start_failure;
use crate::config::Settings;
use crate::output::{Failure, Outcome};
use s3cmd_serve::{self, Options};
use std::net::Ipv4Addr;

/// Starts a server on a free local port with an empty temporary directory, tests it and stops it.
pub(super) async fn run(cx: &Context) -> Outcome {
    let folder = tempfile::tempdir().map_err(Failure::from)?;
    let user = s3cmd_serve::generate_user();
    let options = Options {
        fsync: false,
        ..Options::new(folder.path(), (Ipv4Addr::LOCALHOST, 0).into(), vec![user.clone()])
    };
    let running = s3cmd_serve::start(options).await.map_err(start_failure)?;
    let host = format!("localhost:{}", running.address().port());
    let settings = Settings {
        access_key: user.access_key,
        secret_key: user.secret_key,
        host_bucket: format!("%(bucket)s.{host}"),
        use_https: false,
        signature_v2: cx.settings.signature_v2,
        quiet: cx.settings.quiet,
        progress_meter: cx.settings.progress_meter,
        host_base: host.clone(),
        ..Settings::default()
    };
    let words = format!("server       ok    a private one at http://{host}, in {}", folder.path().display());
    let result = match cx.console.line(words) {
        Ok(()) => super::check(&Context::new(settings)?, None).await,
        Err(failure) => Err(failure),
    };
    running.stop().await;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_step_passes_against_the_embedded_server_in_both_signature_versions() {
        for signature_v2 in [false, true] {
            let settings = Settings { signature_v2, quiet: true, ..Settings::default() };
            run(&Context::new(settings).unwrap()).await.unwrap();
        }
    }
}
