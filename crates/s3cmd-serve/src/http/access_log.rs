//! The access log, and the request counters for the metrics.
//!
//! The lines have the format of S3's server access logs, so that existing tools can parse them.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html>

use super::metrics::Metrics;
use super::redact::redact;
use chrono::{DateTime, Utc};
use s3cmd_client::sign::encode;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Receives the lines of an access log, each with its newline. It runs on a dedicated thread, so it may block.
pub struct LogSink(Box<dyn FnMut(&str) + Send>);

impl LogSink {
    /// A sink that calls `write` with one or more complete lines.
    pub fn new(write: impl FnMut(&str) + Send + 'static) -> Self {
        Self(Box::new(write))
    }
}

impl std::fmt::Debug for LogSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogSink")
    }
}

/// Records requests as log lines and in metrics.
#[derive(Debug)]
pub(crate) struct AccessLog {
    lines: Option<mpsc::Sender<String>>,
    metrics: Option<Metrics>,
    /// Total bytes of request bodies received.
    pub(crate) received: AtomicU64,
}

/// About how many bytes of queued lines go into one write.
const BATCH: usize = 64 * 1024;

impl AccessLog {
    /// An access log and its writer thread. When the log is dropped, the thread writes what is queued and ends.
    pub(crate) fn new(sink: Option<LogSink>, metrics: bool) -> (Self, Option<JoinHandle<()>>) {
        let (lines, writer) = match sink {
            None => (None, None),
            Some(LogSink(mut write)) => {
                let (sender, lines) = mpsc::channel::<String>();
                let writer = std::thread::spawn(move || {
                    while let Ok(mut text) = lines.recv() {
                        while text.len() < BATCH {
                            let Ok(line) = lines.try_recv() else { break };
                            text.push_str(&line);
                        }
                        write(&text);
                    }
                });
                (Some(sender), Some(writer))
            }
        };
        (Self { lines, metrics: metrics.then(Metrics::default), received: AtomicU64::new(0) }, writer)
    }

    pub(crate) fn has_log(&self) -> bool {
        self.lines.is_some()
    }

    /// The metrics in Prometheus' text format; `None` if they are disabled.
    pub(crate) fn metrics_text(&self) -> Option<String> {
        self.metrics.as_ref().map(|metrics| metrics.text(self.received.load(Ordering::Relaxed)))
    }

    /// Begins the entry of a request; `None` if there is neither a log nor metrics.
    pub(crate) fn begin(self: &Arc<Self>, facts: impl FnOnce() -> RequestFacts) -> Option<Box<PendingEntry>> {
        if self.lines.is_none() && self.metrics.is_none() {
            return None;
        }
        if let Some(metrics) = &self.metrics {
            metrics.begin();
        }
        Some(Box::new(PendingEntry {
            log: Arc::clone(self),
            facts: facts(),
            started: Instant::now(),
            turnaround: None,
            sent: 0,
        }))
    }
}

/// What is known about a request; unknown fields are empty.
#[derive(Debug, Default)]
pub(crate) struct RequestFacts {
    pub(crate) time: DateTime<Utc>,
    pub(crate) peer: Option<IpAddr>,
    pub(crate) id: String,
    pub(crate) method: String,
    /// As in the request line.
    pub(crate) target: String,
    pub(crate) host: String,
    pub(crate) referer: String,
    pub(crate) agent: String,
    /// TLS cipher suite and version.
    pub(crate) encryption: Option<Arc<(String, String)>>,
    pub(crate) owner: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) requester: String,
    /// Signature version and authentication type, such as `SigV4` and `AuthHeader`.
    pub(crate) signature: Option<(&'static str, &'static str)>,
    pub(crate) operation: String,
    pub(crate) status: u16,
    pub(crate) error: &'static str,
    pub(crate) object_size: Option<u64>,
    pub(crate) version: String,
}

/// The entry of a request in progress. It is recorded when dropped, after the last byte of the response.
#[derive(Debug)]
pub(crate) struct PendingEntry {
    log: Arc<AccessLog>,
    pub(crate) facts: RequestFacts,
    started: Instant,
    turnaround: Option<Duration>,
    sent: u64,
}

impl PendingEntry {
    /// Records that the response is ready to be sent.
    pub(crate) fn response_ready(&mut self) {
        self.turnaround = Some(self.started.elapsed());
    }

    /// Counts bytes of the response body that were sent.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    fn line(&self, total: Duration) -> String {
        let facts = &self.facts;
        let mut line = String::with_capacity(400);
        let peer = facts.peer.map(|peer| peer.to_canonical().to_string()).unwrap_or_default();
        for field in [&facts.owner, &facts.bucket] {
            line.push_str(&encoded_or_dash(field));
            line.push(' ');
        }
        let _ = write!(line, "{} {} ", facts.time.format("[%d/%b/%Y:%H:%M:%S +0000]"), or_dash(&peer));
        // Redacted, because a presigned URL that was encoded twice ends up in the key.
        for field in [&facts.requester, &facts.id, &facts.operation, &redact(&facts.key)] {
            line.push_str(&encoded_or_dash(field));
            line.push(' ');
        }
        let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let _ = write!(
            line,
            "\"{} {} HTTP/1.1\" {} {} {} {} {} {} ",
            escape_quoted(&facts.method),
            escape_quoted(&redact(&facts.target)),
            facts.status,
            or_dash(facts.error),
            number(Some(self.sent).filter(|sent| *sent > 0)),
            number(facts.object_size),
            millis(total),
            number(self.turnaround.map(millis)),
        );
        for text in [&facts.referer, &facts.agent] {
            let _ = write!(line, "\"{}\" ", or_dash(&escape_quoted(&redact(text))));
        }
        let (version, kind) = facts.signature.unwrap_or(("-", "-"));
        let (cipher, tls) = facts.encryption.as_deref().map_or(("-", "-"), |(cipher, tls)| (cipher, tls));
        let _ = write!(line, "{} s3cmd-serve {version} {cipher} {kind} ", encoded_or_dash(&facts.version));
        let _ = writeln!(line, "{} {tls} - -", encoded_or_dash(&redact(&facts.host)).replace("%3A", ":"));
        line
    }
}

impl Drop for PendingEntry {
    fn drop(&mut self) {
        let total = self.started.elapsed();
        if let Some(metrics) = &self.log.metrics {
            metrics.end(&self.facts.operation, self.facts.status, total, self.sent);
        }
        if let Some(lines) = &self.log.lines {
            // Sending cannot fail: the writer thread lives as long as the log.
            let _ = lines.send(self.line(total));
        }
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// A field without quotes, percent-encoded so that nothing in it looks like the end of the field.
fn encoded_or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { encode::path(text).into_owned() }
}

/// The content of a quoted field: quotes and control characters are percent-encoded.
fn escape_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '"' || c.is_control() {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(c);
        }
    }
    out
}
