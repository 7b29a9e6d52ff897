//! What a signature costs: it is made anew for each attempt of each request.

use chrono::{DateTime, Utc};
use criterion::Criterion;
use s3cmd_client::credentials::Credentials;
use s3cmd_client::sign::{Request, v2, v4};
use std::hint::black_box;

pub(crate) fn bench(criterion: &mut Criterion) {
    let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    // As an upload of a part sends them.
    let headers = pairs(&[
        ("host", "bucket.a3s.fi"),
        ("content-length", "15728640"),
        ("content-md5", "XUFAKrxLKna5cZ2REBfFkg=="),
        ("content-type", "application/octet-stream"),
        ("x-amz-storage-class", "STANDARD"),
    ]);
    let query = pairs(&[("partNumber", "17"), ("uploadId", "2~nPOqZ4vKQ1qcwZfTSvsXwAE7cOWdMNl")]);
    let path = "/data/2026/run%20one/chunk-000017.bin";
    let request = Request { method: "PUT", path, query: &query, headers: &headers };
    let credentials =
        Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None);
    let time = DateTime::<Utc>::from_timestamp(1_790_000_000, 0).expect("a time");
    let scope = v4::Scope { time, region: "us-east-1", service: "s3" };

    let mut group = criterion.benchmark_group("signing");
    group.bench_function("v4", |b| {
        b.iter(|| v4::sign(black_box(&request), v4::EMPTY_SHA256, &credentials, &scope));
    });
    group.bench_function("v2", |b| {
        b.iter(|| v2::sign(black_box(&request), Some("bucket"), &credentials, time));
    });
    group.bench_function("v4 link", |b| {
        b.iter(|| v4::presign(black_box(&request), &credentials, &scope, 3600));
    });
    group.finish();
}
