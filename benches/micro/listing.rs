//! What a page of a listing costs: the client's whole work between two requests of `ls -r`.

use criterion::{BatchSize, Criterion, Throughput};
use s3cmd_client::list::ListPage;
use std::fmt::Write;

/// Keys of a full page.
const KEYS: u64 = 1000;

/// A page as Ceph writes it; with `odd`, keys that have to be decoded.
fn page(odd: bool) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>bucket</Name><Prefix></Prefix><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>",
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
    text + "<Marker></Marker></ListBucketResult>"
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("listing, 1000 keys");
    group.throughput(Throughput::Elements(KEYS));
    for (name, odd) in [("plain", false), ("encoded", true)] {
        let text = page(odd);
        let sum =
            |page: &ListPage| page.entries().map(|entry| entry.key.len() as u64 + entry.size).sum::<u64>();
        group.bench_function(name, |b| {
            let parse = |text| ListPage::parse(text, false).map(|page| sum(&page)).expect("a page");
            b.iter_batched(|| text.clone(), parse, BatchSize::SmallInput);
        });
    }
    group.finish();
}
