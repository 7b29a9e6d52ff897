//! What a name costs where there are many patterns: each key is held against all of them until one matches.

use criterion::{Criterion, Throughput};
use s3cmd::patterns::{Filter, Syntax};
use std::hint::black_box;

/// Patterns in a list.
const PATTERNS: usize = 100;

fn filter(syntax: Syntax, form: fn(usize) -> String) -> Filter {
    let mut filter = Filter::default();
    for number in 0..PATTERNS {
        filter.exclude.add(syntax, &form(number)).expect("a pattern");
    }
    filter
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let names: Vec<String> = (0..1000).map(|i| format!("data/2026/run-{}/chunk-{i:06}.bin", i % 7)).collect();
    let cases = [
        ("suffixes", filter(Syntax::Glob, |i| format!("*.tmp{i}"))),
        ("directories", filter(Syntax::Glob, |i| format!("cache{i}/*"))),
        ("stars and classes", filter(Syntax::Glob, |i| format!("*/old-[0-9]*/{i}-*.b?k"))),
        ("regular expressions", filter(Syntax::Regexp, |i| format!(r"(^|/)tmp{i}\.[a-z]+$"))),
    ];
    let mut group = criterion.benchmark_group("patterns, 100 in a list, 1000 names");
    group.throughput(Throughput::Elements(names.len() as u64));
    for (name, filter) in cases {
        group.bench_function(name, |b| {
            b.iter(|| names.iter().filter(|name| filter.excludes(black_box(name)).is_some()).count());
        });
    }
    group.finish();
}
