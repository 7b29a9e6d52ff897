//! Micro-benchmarks of what runs once for each request, key or byte: `cargo bench`, or `cargo bench -- PART_OF_A_NAME`.
//!
//! Whole commands are measured beside other clients by `benches/peers`.

mod hashing;
mod listing;
mod patterns;
mod signing;

use criterion::{criterion_group, criterion_main};

criterion_group!(all, signing::bench, listing::bench, hashing::bench, patterns::bench);
criterion_main!(all);
