//! What a byte costs: digests decide how fast large objects move.

use criterion::{Criterion, Throughput};
use s3cmd_client::checksum::{self, Algorithm};
use s3cmd_client::http::body::{DigestKinds, Hasher};
use std::hint::black_box;

/// Bytes that are hashed at once, as they come from a file.
const BLOCK: usize = 256 * 1024;

pub(crate) fn bench(criterion: &mut Criterion) {
    let block: Vec<u8> = (0..BLOCK).map(|i| (i % 251) as u8).collect();
    let mut group = criterion.benchmark_group("hashing, 256 KiB");
    group.throughput(Throughput::Bytes(BLOCK as u64));
    for (name, md5, sha256) in
        [("MD5", true, false), ("SHA-256", false, true), ("MD5 and SHA-256", true, true)]
    {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut hasher = Hasher::new(DigestKinds { md5, sha256, checksum: None });
                hasher.update(black_box(&block));
                hasher.finish()
            });
        });
    }
    for algorithm in Algorithm::all() {
        group.bench_function(format!("x-amz-checksum {}", algorithm.name()), |b| {
            b.iter(|| {
                let mut hasher = checksum::Hasher::new(algorithm);
                hasher.update(black_box(&block));
                hasher.finish()
            });
        });
    }
    group.finish();
}
