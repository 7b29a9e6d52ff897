//! Stub services: a listener whose responses the test writes, with or without TLS.

use crate::support::env::TestEnv;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// A self-signed certificate for `localhost` and its key: see `certificates/README.md`.
pub(crate) const LOCALHOST: (&str, &str) =
    (include_str!("../certificates/localhost.pem"), include_str!("../certificates/localhost.key"));

/// The same for another host.
pub(crate) const ELSEWHERE: (&str, &str) =
    (include_str!("../certificates/elsewhere.test.pem"), include_str!("../certificates/elsewhere.test.key"));

/// A response to `ls` with one bucket.
pub(crate) const BUCKETS: &str = "<ListAllMyBucketsResult><Buckets><Bucket><Name>from-here</Name><CreationDate>2024-01-02T03:04:05.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>";

/// Listens on a free port and hands every connection to `serve`. It ends with the test process.
pub(crate) fn listen(serve: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || listener.incoming().filter_map(Result::ok).for_each(serve));
    port
}

/// Reads one request without a body.
pub(crate) fn request(stream: &mut impl Read) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        request.push(byte[0]);
    }
    String::from_utf8_lossy(&request).into_owned()
}

/// Reads one request without a body and answers it. The client may close the connection.
pub(crate) fn answer(stream: &mut (impl Read + Write), status: &str, body: &str) {
    request(stream);
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    let _ = stream.flush();
}

/// A TLS service with the certificate of that name. Returns its port.
pub(crate) fn tls_service((certificate, key): (&str, &str)) -> u16 {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a TLS configuration");
    let config = Arc::new(config);
    listen(move |mut socket| {
        let mut connection = rustls::ServerConnection::new(config.clone()).expect("a connection");
        let mut stream = rustls::Stream::new(&mut connection, &mut socket);
        answer(&mut stream, "200 OK", BUCKETS);
        connection.send_close_notify();
        let _ = connection.complete_io(&mut socket);
    })
}

/// A world whose configuration points at another port.
pub(crate) fn pointing_at(port: u16, more: &str) -> TestEnv {
    let t = TestEnv::new();
    t.write_config(
        ".s3cfg",
        &format!("access_key = A\nsecret_key = B\nhost_base = localhost:{port}\nhost_bucket = localhost:{port}\n{more}\n"),
    );
    t
}
