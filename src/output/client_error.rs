//! The text of the client's errors, in s3cmd's words and with the setting to change.

use s3cmd_client::{ConnectionFailure, Error};
use std::io;

/// The text of an error: as the client words it, but with s3cmd's form of the system's errors (`[Errno 111] Connection
/// refused`), and with the key of the configuration file that may be the reason of a TLS failure.
pub(crate) fn error_text(error: &Error) -> String {
    match error {
        Error::Connection { kind, message, .. } => connection_text(error, *kind, message),
        error => error.to_string(),
    }
}

/// The text of an error of one item: of a service error, only its status, code and message.
pub(crate) fn error_reason(error: &Error) -> String {
    error.service().map_or_else(|| error_text(error), ToString::to_string)
}

fn connection_text(error: &Error, kind: ConnectionFailure, message: &str) -> String {
    if kind == ConnectionFailure::Tls {
        let cause = error.causes().find_map(|cause| cause.downcast_ref::<rustls::Error>());
        return match cause.and_then(setting_of) {
            Some(key) => format!("{message} (see {key})"),
            None => message.to_owned(),
        };
    }
    let mut system = error.causes().filter_map(|cause| cause.downcast_ref::<io::Error>());
    match system.find_map(io::Error::raw_os_error) {
        Some(code) if super::reason(&io::Error::from_raw_os_error(code)) == message => {
            format!("[Errno {code}] {message}")
        }
        _ => message.to_owned(),
    }
}

/// The key that may be the reason of a TLS failure.
fn setting_of(error: &rustls::Error) -> Option<&'static str> {
    match error {
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => Some("use_https"),
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => Some("ca_certs_file"),
        // webpki's error for a certificate that is its own CA.
        rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other))
            if other.to_string().contains("CaUsedAsEndEntity") =>
        {
            Some("ca_certs_file")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3cmd_client::ServiceError;

    #[tokio::test]
    async fn a_refused_connection_has_its_number() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        drop(listener);
        let endpoint = s3cmd_client::endpoint::Endpoint::new(&host, &host, false, true);
        let mut options = s3cmd_client::ClientOptions::new(endpoint, None);
        options.retry.max_retries = 0;
        let error = s3cmd_client::Client::new(options).list_buckets().await.unwrap_err();
        assert_eq!(error.to_string(), "Connection refused");
        assert_eq!(error_text(&error), "[Errno 111] Connection refused");
    }

    #[test]
    fn other_errors_keep_their_words() {
        let timeout = Error::connection(ConnectionFailure::Timeout, "timed out");
        assert_eq!(error_text(&timeout), "timed out");
        let service = Error::from(ServiceError::new(404, "NoSuchKey", ""));
        assert_eq!(error_text(&service), "S3 error: 404 (NoSuchKey)");
        assert_eq!(error_reason(&service), "404 (NoSuchKey)");
    }
}
