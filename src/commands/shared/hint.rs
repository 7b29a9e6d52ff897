//! The last line of a run that failed because of its connection or account: which setting to check, and in which file.

use crate::cli::Command;
use crate::commands::shared::access_failure::AccessFailure;
use crate::commands::shared::context::Context;
use crate::commands::shared::hosts::setting;
use crate::config::Settings;
use crate::output::{Exit, Failure};
use chrono::TimeDelta;
use s3cmd_client::ConnectionFailure;

/// The maximum difference between the time of a signature and the service's clock.
const MAX_SKEW: TimeDelta = TimeDelta::minutes(15);

/// Adds the hint to the lines of a failure, if there is one. `check` prints its own hints.
pub(crate) fn add(command: Command, cx: &Context, mut failure: Failure) -> Failure {
    if command != Command::Check
        && let Some(trouble) = cx.failures.last()
        && is_reason(&trouble, &failure)
    {
        failure.lines.push(line(cx, &trouble));
    }
    failure
}

/// Whether the last connection or account failure ended the run; it may have been retried successfully.
fn is_reason(trouble: &AccessFailure, failure: &Failure) -> bool {
    match trouble {
        AccessFailure::Account { code, .. } => {
            failure.exit == Exit::ACCESSDENIED
                || failure.lines.iter().any(|line| line.contains(code.as_str()))
        }
        AccessFailure::Connection { .. } => {
            !matches!(failure.exit, Exit::SOFTWARE | Exit::NOTFOUND | Exit::USAGE)
        }
    }
}

fn line(cx: &Context, trouble: &AccessFailure) -> String {
    let settings = &cx.settings;
    let found = match trouble {
        AccessFailure::Connection { kind, message, host } => connection(cx, *kind, message, host),
        AccessFailure::Account { code, region, ahead } => account(settings, code, region.as_deref(), *ahead),
    };
    found.unwrap_or_else(|| {
        format!("Run 's3cmd check' to find the wrong setting in {}", settings.config_file.display())
    })
}

fn connection(cx: &Context, kind: ConnectionFailure, message: &str, host: &str) -> Option<String> {
    let settings = &cx.settings;
    let may_be_proxy =
        matches!(kind, ConnectionFailure::Refused | ConnectionFailure::Resolve | ConnectionFailure::Timeout);
    if settings.use_env_proxy && settings.proxy_host.is_empty() && may_be_proxy {
        return Some(format!(
            "{}: the proxies of the environment, or host_base, may be the reason",
            setting(settings, "use_env_proxy")
        ));
    }
    let key = if !settings.proxy_host.is_empty() {
        "proxy_host"
    } else if host == cx.endpoint().host {
        "host_base"
    } else if cx.endpoint().is_template_of(host) {
        "host_bucket"
    } else if host == settings.cloudfront_host {
        "cloudfront_host"
    } else {
        return None;
    };
    let words = match kind {
        ConnectionFailure::Resolve => "there is no such host",
        ConnectionFailure::Refused => "nothing listens there",
        ConnectionFailure::Timeout => "there is no answer",
        ConnectionFailure::Tls => return tls(settings, key, message, host),
        _ => return None,
    };
    Some(format!("{}: {words}", setting(settings, key)))
}

/// The hint for a TLS failure: a certificate file, the server's certificate, or a server without TLS.
fn tls(settings: &Settings, key: &str, message: &str, host: &str) -> Option<String> {
    let files = [
        ("ca_certs_file", &settings.ca_certs_file),
        ("ssl_client_cert_file", &settings.ssl_client_cert_file),
        ("ssl_client_key_file", &settings.ssl_client_key_file),
    ];
    let is_about = |file: &&(&str, &String)| !file.1.is_empty() && message.contains(&format!("'{}'", file.1));
    if let Some((name, _)) = files.iter().find(is_about) {
        return Some(format!("{}: look at that file", setting(settings, name)));
    }
    if message.contains("speak TLS") {
        return Some(format!("{}: that host may speak plain HTTP", setting(settings, "use_https")));
    }
    let is_certificate = message.to_lowercase().contains("certificate");
    is_certificate.then(|| match settings.ca_certs_file.is_empty() {
        true => format!(
            "{}: its certificate is not trusted; ca_certs_file can name its certificate authority",
            setting(settings, key)
        ),
        false => format!(
            "{}: no certificate authority in it has signed the certificate of {host}",
            setting(settings, "ca_certs_file")
        ),
    })
}

fn account(
    settings: &Settings,
    code: &str,
    region: Option<&str>,
    ahead: Option<TimeDelta>,
) -> Option<String> {
    Some(match code {
        "InvalidAccessKeyId" => format!("{}: the service does not know it", key(settings, "access_key")),
        "SignatureDoesNotMatch" => {
            format!("{}: it may not be the one of the access key", key(settings, "secret_key"))
        }
        "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => {
            format!("{}: the service does not accept it, or no longer does", key(settings, "access_token"))
        }
        "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => match region {
            Some(region) => format!("{}: the service expects {region}", setting(settings, "bucket_location")),
            None => setting(settings, "bucket_location"),
        },
        "RequestTimeTooSkewed" => return ahead.map(clocks),
        _ => return None,
    })
}

/// The origin of a credential. Its value is never printed.
fn key(settings: &Settings, name: &str) -> String {
    let is_written = settings.file_keys.contains(&name) || settings.typed_keys.contains(&name);
    match &settings.credentials_provider {
        Some(provider) => format!("{name} of {}", provider.what),
        None if is_written => setting(settings, name),
        None => format!("{name} of the environment or the credentials file of the AWS tools"),
    }
}

/// How much the two clocks differ, and in which direction.
fn clocks(ahead: TimeDelta) -> String {
    let seconds = ahead.num_seconds();
    let (hours, minutes, rest) = (seconds.abs() / 3600, seconds.abs() / 60 % 60, seconds.abs() % 60);
    let amount = match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes} min {rest} s"),
        (..48, _) => format!("{hours} h {minutes} min"),
        _ => format!("{} days", hours / 24),
    };
    if ahead.abs() < MAX_SKEW {
        return format!(
            "The clock of this computer agrees with the server's (to {amount}): the request was delayed on its way"
        );
    }
    let side = if seconds > 0 { "behind" } else { "ahead of" };
    format!("The clock of this computer is {amount} {side} the server's: one of the two is wrong")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_compared_in_words() {
        for (seconds, words) in [
            (7380, "is 2 h 3 min behind the server's"),
            (-1000, "is 16 min 40 s ahead of the server's"),
            (400_000_000, "is 4629 days behind"),
            (-3, "agrees with the server's (to 3 s)"),
        ] {
            let line = clocks(TimeDelta::seconds(seconds));
            assert!(line.contains(words), "{line}");
        }
    }

    #[test]
    fn settings_are_named_with_their_origin_and_no_secret() {
        let mut settings = Settings { config_file: "/home/me/.s3cfg".into(), ..Settings::default() };
        settings.set_from_file("secret_key", "hush").unwrap();
        let line = account(&settings, "SignatureDoesNotMatch", None, None).unwrap();
        assert!(line.starts_with("secret_key in /home/me/.s3cfg: "), "{line}");
        let line = account(&settings, "InvalidAccessKeyId", None, None).unwrap();
        assert!(line.starts_with("access_key of the environment"), "{line}");
        settings.set_from_file("bucket_location", "here").unwrap();
        let line = account(&settings, "AuthorizationHeaderMalformed", Some("there"), None).unwrap();
        assert_eq!(line, "bucket_location = here in /home/me/.s3cfg: the service expects there");
        assert_eq!(account(&settings, "Forbidden", None, None), None);
    }
}
