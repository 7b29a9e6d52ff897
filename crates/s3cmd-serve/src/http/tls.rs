//! The server's TLS certificate.

use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use s3cmd_client::http::tls::read_certificates;
use std::path::Path;
use std::sync::Arc;

/// Reads a certificate with its chain, and its private key, from PEM files (which may be the same file).
///
/// # Errors
/// A message that names the file; it never contains parts of the key.
pub fn tls_config(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, String> {
    let certificates = read_certificates(cert).map_err(|error| error.to_string())?;
    if certificates.is_empty() {
        return Err(format!("no certificate in '{}'", cert.display()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("'{}': {error}", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(|error| format!("'{}': {error}", cert.display()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
