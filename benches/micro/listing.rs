//! What a page of a listing costs: the client's whole work between two requests of `ls -r`.

use criterion::{BatchSize, Criterion, Throughput};
use s3cmd_client::list::ListPage;
use std::fmt::Write;

/// Keys of a full page.
const KEYS: u64 = 1000;

/// A response to ListObjectsV2; with `odd`, keys that have to be decoded.
fn page(odd: bool) -> String {
    let mut text = String::from(
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>bucket</Name><Prefix></Prefix>\
         <MaxKeys>1000</MaxKeys><KeyCount>1000</KeyCount><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
         <NextContinuationToken>token</NextContinuationToken>",
    );
    for key in 0..KEYS {
        let name = if odd { "p%C3%A4iv%C3%A4+one" } else { "plain" };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "<Contents><Key>data/2026/{name}/{key:012}.bin</Key><LastModified>2026-11-20T08:45:17.123Z</LastModified>\
             <ETag>&quot;d41d8cd98f00b204e980{key:012}&quot;</ETag><Size>{key}</Size><StorageClass>STANDARD</StorageClass>\
             <Owner><ID>alice</ID><DisplayName>Alice</DisplayName></Owner><Type>Normal</Type></Contents>"
        );
    }
    text + "</ListBucketResult>"
}

/// The scanner of the plain form, and the parser on quick-xml's borrowed events, which reads any page: the scanner
/// leaves a page with a comment before its root to it.
pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("listing, 1000 keys");
    group.throughput(Throughput::Elements(KEYS));
    for (parser, start) in [("scanner", ""), ("events", "<!-- -->")] {
        for (name, odd) in [("plain", false), ("encoded", true)] {
            let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{start}{}", page(odd));
            let sum = |page: &ListPage| {
                page.entries().map(|entry| entry.key.len() as u64 + entry.size).sum::<u64>()
            };
            group.bench_function(format!("{parser}, {name}"), |b| {
                let parse = |text| ListPage::parse(text, true).map(|page| sum(&page)).expect("a page");
                b.iter_batched(|| text.clone(), parse, BatchSize::SmallInput);
            });
        }
    }
    group.finish();
}
