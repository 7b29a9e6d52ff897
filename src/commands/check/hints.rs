//! Suggests the configuration key to change when a step fails.

use crate::config::Settings;
use s3cmd_client::{ConnectionFailure, Error, ServiceError};

/// The setting to change; empty if unknown.
pub(super) fn hint(settings: &Settings, error: &Error) -> String {
    match error {
        Error::Connection { kind, message, .. } => connection(settings, *kind, message),
        Error::Service(error) => service(settings, error),
        _ => String::new(),
    }
}

fn connection(settings: &Settings, kind: ConnectionFailure, message: &str) -> String {
    let base = &settings.host_base;
    match kind {
        ConnectionFailure::Resolve => {
            format!("host_base (now '{base}') or host_bucket (now '{}')", settings.host_bucket)
        }
        ConnectionFailure::Refused => format!("host_base: nothing listens at '{base}'; is the port right?"),
        ConnectionFailure::Tls if is_about_certificate(message) => {
            "ca_certs_file names the certificate authority to trust; check_ssl_hostname = False or check_ssl_certificate = False turns the check off"
                .to_owned()
        }
        ConnectionFailure::Tls => "use_https = False, if the endpoint speaks plain HTTP".to_owned(),
        ConnectionFailure::Timeout => {
            format!("host_base (now '{base}') or proxy_host; a firewall may be in between")
        }
        ConnectionFailure::Broken if !settings.use_https => {
            "use_https = True, if the endpoint speaks HTTPS".to_owned()
        }
        _ => format!("host_base (now '{base}'): is that an S3 endpoint?"),
    }
}

fn is_about_certificate(message: &str) -> bool {
    message.to_ascii_lowercase().contains("certificate")
}

fn service(settings: &Settings, error: &ServiceError) -> String {
    match error.code.as_str() {
        "InvalidAccessKeyId" => "access_key".to_owned(),
        "SignatureDoesNotMatch" => "secret_key".to_owned(),
        "RequestTimeTooSkewed" => "the clock of this machine".to_owned(),
        "InvalidToken" | "ExpiredToken" | "TokenRefreshRequired" => "access_token".to_owned(),
        "InvalidLocationConstraint" | "IllegalLocationConstraintException" => {
            format!("bucket_location (now '{}')", settings.bucket_location)
        }
        "AuthorizationHeaderMalformed" => match &error.region {
            Some(region) => format!("bucket_location = {region}"),
            None => format!("bucket_location (now '{}')", settings.bucket_location),
        },
        "AccessDenied" | "Forbidden" => {
            "the account may not do this; another bucket can be named: s3cmd check s3://BUCKET".to_owned()
        }
        "NoSuchBucket" => "name a bucket that exists, or none".to_owned(),
        "TooManyBuckets" => "name a bucket of yours: s3cmd check s3://BUCKET".to_owned(),
        "BadRequest" | "Bad Request" if !settings.use_https => {
            "use_https = True, if the endpoint speaks HTTPS".to_owned()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_name_the_key_to_change() {
        let settings = Settings { host_base: "h:1".into(), ..Settings::default() };
        let broken = |kind, message: &str| Error::connection(kind, message);
        let refused = |code: &str| Error::from(ServiceError::new(0, code, ""));
        for (error, key) in [
            (broken(ConnectionFailure::Resolve, ""), "host_base (now 'h:1')"),
            (broken(ConnectionFailure::Refused, ""), "host_base"),
            (broken(ConnectionFailure::Tls, "invalid peer certificate: UnknownIssuer"), "ca_certs_file"),
            (broken(ConnectionFailure::Tls, "received corrupt message"), "use_https = False"),
            (refused("InvalidAccessKeyId"), "access_key"),
            (refused("SignatureDoesNotMatch"), "secret_key"),
            (refused("InvalidLocationConstraint"), "bucket_location"),
        ] {
            assert!(hint(&settings, &error).starts_with(key), "{error:?}");
        }
        assert_eq!(hint(&settings, &Error::Malformed("x".into())), "");
    }
}
