//! TLS settings: trusted roots, client certificates, and how strictly the server is verified.
//!
//! # Examples
//!
//! ```no_run
//! use s3cmd_client::http::tls::TlsOptions;
//! use std::path::PathBuf;
//!
//! let options = TlsOptions::default().with_ca_file(PathBuf::from("/etc/lab/ca.pem"));
//! let rustls = options.client_config()?;
//! # Ok::<(), s3cmd_client::Error>(())
//! ```

use crate::error::{Cause, ConnectionFailure, Error, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the server is verified, and which certificate the client presents. By default, the system's roots are trusted,
/// and the client presents no certificate.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TlsOptions {
    /// PEM bundle to trust instead of the system's roots.
    pub ca_file: Option<PathBuf>,
    /// PEM file with the client certificate.
    pub client_cert: Option<PathBuf>,
    /// PEM file with the client's private key; defaults to the certificate's file.
    pub client_key: Option<PathBuf>,
    /// Accept any certificate.
    pub accept_any_certificate: bool,
    /// Accept a valid certificate of another host.
    pub accept_any_host: bool,
}

impl TlsOptions {
    with_methods! {
        /// Sets the PEM bundle to trust instead of the system's roots.
        with_ca_file(ca_file: impl Into<Option<PathBuf>>);
        /// Sets the PEM file with the client certificate.
        with_client_cert(client_cert: impl Into<Option<PathBuf>>);
        /// Sets the PEM file with the client's private key; defaults to the certificate's file.
        with_client_key(client_key: impl Into<Option<PathBuf>>);
        /// Sets whether to accept any certificate. Then anyone on the way can read and change the data.
        with_accept_any_certificate(accept_any_certificate: bool);
        /// Sets whether to accept a valid certificate of another host.
        with_accept_any_host(accept_any_host: bool);
    }

    /// Builds the rustls configuration, with the system's roots, or with the bundled Mozilla roots if the system has
    /// none.
    pub fn client_config(&self) -> Result<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(tls_error)?;
        let builder = if self.accept_any_certificate {
            let verifier = Verifier { provider, chain: None, pinned: Vec::new(), any_host: true };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        } else if self.accept_any_host || self.ca_file.is_some() {
            let pinned = self.ca_file.as_deref().map(read_certificates).transpose()?.unwrap_or_default();
            let chain =
                WebPkiServerVerifier::builder_with_provider(Arc::new(self.roots()?), provider.clone());
            let chain = Some(chain.build().map_err(tls_error)?);
            let verifier = Verifier { provider, chain, pinned, any_host: self.accept_any_host };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        } else {
            builder.with_root_certificates(self.roots()?)
        };
        let Some(cert_file) = &self.client_cert else {
            return Ok(builder.with_no_client_auth());
        };
        let key_file = self.client_key.as_ref().unwrap_or(cert_file);
        let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| pem_error(key_file, error))?;
        builder.with_client_auth_cert(read_certificates(cert_file)?, key).map_err(tls_error)
    }

    fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        if let Some(file) = &self.ca_file {
            roots.add_parsable_certificates(read_certificates(file)?);
            if roots.is_empty() {
                let message = format!("no certificate in '{}'", file.display());
                return Err(Error::connection(ConnectionFailure::Tls, message));
            }
            return Ok(roots);
        }
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Ok(roots)
    }
}

/// Reads the certificates of a PEM file.
pub fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(file).and_then(Iterator::collect).map_err(|error| pem_error(file, error))
}

fn pem_error(file: &Path, error: rustls_pki_types::pem::Error) -> Error {
    Error::connection_by(ConnectionFailure::Tls, format!("'{}': {error}", file.display()), error)
}

fn tls_error(error: impl Into<Cause>) -> Error {
    let error = error.into();
    Error::connection_by(ConnectionFailure::Tls, error.to_string(), error)
}

/// Verifies the server's certificate: the chain up to a trusted root, and the host name.
///
/// A server certificate that is itself in `ca_file` is trusted although it is marked as a CA: self-signed
/// certificates are by default, and OpenSSL accepts them. Such a certificate has no chain, so only the
/// host name is verified.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// `None` accepts any certificate.
    chain: Option<Arc<WebPkiServerVerifier>>,
    pinned: Vec<CertificateDer<'static>>,
    any_host: bool,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified = if self.pinned.iter().any(|pinned| pinned == end_entity) {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)
                .map(|()| ServerCertVerified::assertion())
        } else {
            chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        match verified {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.any_host => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
