//! Request metrics in Prometheus' text format.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the histogram's buckets in seconds: Prometheus' defaults, and one minute for large objects.
const BOUNDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// Counters since the server started.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    in_flight: u64,
    sent: u64,
    requests: BTreeMap<(String, u16), u64>,
    times: BTreeMap<String, Times>,
}

#[derive(Debug, Default)]
struct Times {
    /// One counter per bound, not cumulative; requests that took longer are in `count` only.
    buckets: [u64; BOUNDS.len()],
    count: u64,
    seconds: f64,
}

impl Metrics {
    /// Counts a request that begins.
    pub(crate) fn begin(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).in_flight += 1;
    }

    /// Counts a request whose response was sent or aborted; `sent` is in bytes.
    pub(crate) fn end(&self, operation: &str, status: u16, time: Duration, sent: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.in_flight -= 1;
        counts.sent += sent;
        *counts.requests.entry((operation.to_owned(), status)).or_default() += 1;
        let times = counts.times.entry(operation.to_owned()).or_default();
        let seconds = time.as_secs_f64();
        if let Some(bucket) = BOUNDS.iter().position(|bound| seconds <= *bound) {
            times.buckets[bucket] += 1;
        }
        times.count += 1;
        times.seconds += seconds;
    }

    /// The metrics as text. `received` (bytes) is counted elsewhere.
    pub(crate) fn text(&self, received: u64) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        let mut family = |name: &str, kind: &str, help: &str, rows: &mut dyn FnMut(&mut String)| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            rows(&mut out);
        };
        family("s3cmd_serve_requests_total", "counter", "Requests answered.", &mut |out| {
            for ((operation, status), count) in &counts.requests {
                let labels = format!("operation=\"{operation}\",status=\"{status}\"");
                let _ = writeln!(out, "s3cmd_serve_requests_total{{{labels}}} {count}");
            }
        });
        family("s3cmd_serve_requests_in_flight", "gauge", "Requests being answered.", &mut |out| {
            let _ = writeln!(out, "s3cmd_serve_requests_in_flight {}", counts.in_flight);
        });
        family("s3cmd_serve_received_bytes_total", "counter", "Bytes of bodies received.", &mut |out| {
            let _ = writeln!(out, "s3cmd_serve_received_bytes_total {received}");
        });
        family("s3cmd_serve_sent_bytes_total", "counter", "Bytes of bodies sent.", &mut |out| {
            let _ = writeln!(out, "s3cmd_serve_sent_bytes_total {}", counts.sent);
        });
        let name = "s3cmd_serve_request_duration_seconds";
        family(name, "histogram", "From the request head to the last byte of the response.", &mut |out| {
            for (operation, times) in &counts.times {
                let mut sum = 0;
                for (bound, count) in BOUNDS.iter().zip(times.buckets) {
                    sum += count;
                    let _ = writeln!(out, "{name}_bucket{{operation=\"{operation}\",le=\"{bound}\"}} {sum}");
                }
                let _ =
                    writeln!(out, "{name}_bucket{{operation=\"{operation}\",le=\"+Inf\"}} {}", times.count);
                let _ = writeln!(out, "{name}_sum{{operation=\"{operation}\"}} {}", times.seconds);
                let _ = writeln!(out, "{name}_count{{operation=\"{operation}\"}} {}", times.count);
            }
        });
        out
    }
}
