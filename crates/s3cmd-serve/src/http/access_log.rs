//! What is remembered of requests: lines of an access log, and numbers for a monitor.
//!
//! The lines are those of S3's server access logs, so that the tools for those read them.
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

/// Takes the lines of an access log, each with its line end. It is called on a thread of its own, so it may wait.
pub struct LogSink(Box<dyn FnMut(&str) + Send>);

impl LogSink {
    /// A sink that calls this with one or more whole lines.
    pub fn new(write: impl FnMut(&str) + Send + 'static) -> Self {
        Self(Box::new(write))
    }
}

impl std::fmt::Debug for LogSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogSink")
    }
}

/// Records requests: as lines, and in metrics.
#[derive(Debug)]
pub(crate) struct AccessLog {
    lines: Option<mpsc::Sender<String>>,
    metrics: Option<Metrics>,
    /// Bytes of bodies that came in.
    pub(crate) received: AtomicU64,
}

/// Lines that are written at once where many wait.
const BATCH: usize = 64 * 1024;

impl AccessLog {
    /// An access log, and the thread that writes its lines, which ends after the last line when the log is dropped.
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

    /// Prometheus' text, where metrics are kept.
    pub(crate) fn metrics_text(&self) -> Option<String> {
        self.metrics.as_ref().map(|metrics| metrics.text(self.received.load(Ordering::Relaxed)))
    }

    /// Begins the entry of a request, if anything is noted at all.
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

/// What is known of a request; what is not is empty.
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
    /// Cipher suite and version of TLS.
    pub(crate) encryption: Option<Arc<(String, String)>>,
    pub(crate) owner: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) requester: String,
    /// `SigV4` and `AuthHeader`, or the like.
    pub(crate) signature: Option<(&'static str, &'static str)>,
    pub(crate) operation: String,
    pub(crate) status: u16,
    pub(crate) error: &'static str,
    pub(crate) object_size: Option<u64>,
    pub(crate) version: String,
}

/// A request under way; noted when this is dropped, with the last byte of the answer.
#[derive(Debug)]
pub(crate) struct PendingEntry {
    log: Arc<AccessLog>,
    pub(crate) facts: RequestFacts,
    started: Instant,
    turnaround: Option<Duration>,
    sent: u64,
}

impl PendingEntry {
    /// The answer is ready to be sent.
    pub(crate) fn answered(&mut self) {
        self.turnaround = Some(self.started.elapsed());
    }

    /// So many more bytes of the answer's body were sent.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    fn line(&self, total: Duration) -> String {
        let facts = &self.facts;
        let mut line = String::with_capacity(400);
        let peer = facts.peer.map(|peer| peer.to_canonical().to_string()).unwrap_or_default();
        for word in [&facts.owner, &facts.bucket] {
            line.push_str(&word_or_dash(word));
            line.push(' ');
        }
        let _ = write!(line, "{} {} ", facts.time.format("[%d/%b/%Y:%H:%M:%S +0000]"), dash(&peer));
        // A link that was encoded once too often is a key.
        for word in [&facts.requester, &facts.id, &facts.operation, &redact(&facts.key)] {
            line.push_str(&word_or_dash(word));
            line.push(' ');
        }
        let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let _ = write!(
            line,
            "\"{} {} HTTP/1.1\" {} {} {} {} {} {} ",
            quotable(&facts.method),
            quotable(&redact(&facts.target)),
            facts.status,
            dash(facts.error),
            number(Some(self.sent).filter(|sent| *sent > 0)),
            number(facts.object_size),
            millis(total),
            number(self.turnaround.map(millis)),
        );
        for text in [&facts.referer, &facts.agent] {
            let _ = write!(line, "\"{}\" ", dash(&quotable(&redact(text))));
        }
        let (version, kind) = facts.signature.unwrap_or(("-", "-"));
        let (cipher, tls) = facts.encryption.as_deref().map_or(("-", "-"), |(cipher, tls)| (cipher, tls));
        let _ = write!(line, "{} s3cmd-serve {version} {cipher} {kind} ", word_or_dash(&facts.version));
        let _ = writeln!(line, "{} {tls} - -", word_or_dash(&redact(&facts.host)).replace("%3A", ":"));
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
            // The thread that writes lives as long as the log.
            let _ = lines.send(self.line(total));
        }
    }
}

fn dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// A field without quotes: nothing in it may look like the end of the field.
fn word_or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { encode::path(text).into_owned() }
}

/// What stands between quotes, without quotes and control characters.
fn quotable(text: &str) -> String {
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
