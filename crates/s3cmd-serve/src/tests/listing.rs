//! Listings of objects, compared with a model; unusual keys.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The definition of an S3 listing: keys sorted by bytes; those with the delimiter after the prefix become one common
/// prefix.
fn model(keys: &BTreeSet<String>, prefix: &str, delimiter: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for key in keys.iter().filter(|key| key.starts_with(prefix)) {
        let rest = &key[prefix.len()..];
        let entry = match (delimiter, rest.find(delimiter)) {
            ("", _) | (_, None) => format!("key {key}"),
            (_, Some(at)) => format!("prefix {prefix}{}", &rest[..at + delimiter.len()]),
        };
        if out.last() != Some(&entry) {
            out.push(entry);
        }
    }
    out
}

/// Lists page by page, and merges keys and prefixes into one sorted list.
async fn listed(lab: &Lab, prefix: &str, delimiter: &str, max: usize, v2: bool) -> Vec<String> {
    let mut seen = BTreeMap::new();
    let mut marker: Option<String> = None;
    let decode =
        |text: String| percent_encoding::percent_decode_str(&text).decode_utf8().unwrap().into_owned();
    for _ in 0..1000 {
        let mut request = lab.alice("GET", "/b-one?encoding-type=url");
        let mut add = |name: &str, value: &str| request.query.push((name.to_owned(), value.to_owned()));
        add("prefix", prefix);
        add("delimiter", delimiter);
        add("max-keys", &max.to_string());
        if v2 {
            add("list-type", "2");
        }
        if let Some(marker) = &marker {
            add(if v2 { "continuation-token" } else { "marker" }, marker);
        }
        let page = request.send().await.ok(200);
        let (keys, prefixes) = (page.all("Key"), page.all("Prefix"));
        assert!(keys.len() + prefixes.len() - 1 <= max);
        for key in &keys {
            let key = decode(key.clone());
            assert!(seen.insert(key.clone(), format!("key {key}")).is_none(), "{key} twice");
        }
        // The first `Prefix` is that of the request.
        for common in &prefixes[1..] {
            let common = decode(common.clone());
            assert!(seen.insert(common.clone(), format!("prefix {common}")).is_none(), "{common} twice");
        }
        if page.value("IsTruncated") == "false" {
            return seen.into_values().collect();
        }
        marker = Some(if v2 {
            page.value("NextContinuationToken")
        } else if delimiter.is_empty() {
            decode(keys.last().unwrap().clone())
        } else {
            decode(page.value("NextMarker"))
        });
    }
    panic!("the listing does not end");
}

/// Keys that conflict as files and directories, and keys that cannot be paths.
const KEYS: &[&str] = &[
    "a",
    "a/b",
    "a/b/c",
    "a/",
    "a//b",
    "a.txt",
    "a-b",
    "a0",
    "b/",
    "b",
    "dir/x",
    "dir/y/z",
    "dir.x",
    "dir-x",
    "dir0",
    "dir",
    "..",
    "../x",
    "./x",
    "x/../y",
    "x/./y",
    "/lead",
    "//",
    "/",
    "é",
    "日本/語",
    "a b+c",
    "%41",
    "new\nline",
    "q?x=1&y#z",
    ".s3cmd-serve/bucket.json",
    ".hidden/x",
    "~",
    "\u{10ffff}",
    "tab\t",
    "\u{7f}",
];

fn digest(key: &str) -> String {
    hex::encode(Sha256::digest(key))
}

#[tokio::test]
async fn unusual_keys_are_stored_listed_in_order_and_deleted() {
    let lab = Lab::with_bucket().await;
    let long = format!("long/{}", "x".repeat(300));
    let longest = "é/".repeat(341);
    let keys: BTreeSet<String> = KEYS.iter().map(|key| (*key).to_owned()).chain([long, longest]).collect();
    for key in &keys {
        let target = format!("/b-one/{}", encode::path(key));
        lab.alice("PUT", &target).header("x-amz-meta-key", &digest(key)).body(&**key).send().await.ok(200);
    }
    for key in &keys {
        let target = format!("/b-one/{}", encode::path(key));
        let response = lab.alice("GET", &target).send().await.ok(200);
        assert_eq!((response.text(), response.header("x-amz-meta-key")), (key.clone(), &*digest(key)));
        assert_eq!(
            lab.alice("HEAD", &target).v2().send().await.ok(200).header("content-length"),
            key.len().to_string()
        );
    }
    assert_eq!(
        std::fs::read_dir(lab.dir.path()).unwrap().count(),
        2,
        "a file was created outside the bucket"
    );
    for (prefix, delimiter) in [
        ("", ""),
        ("", "/"),
        ("a", "/"),
        ("a/", "/"),
        ("a//", "/"),
        ("/", "/"),
        ("dir", ""),
        ("x/", ""),
        ("", "x"),
        ("a/b", ""),
        ("a/b", "/"),
        ("", "/x"),
        ("é/", "é/"),
        ("../", ""),
        (".s3", "/"),
        ("nothing", "/"),
        ("long/x", ""),
    ] {
        for max in [1000, 3, 1] {
            let found = listed(&lab, prefix, delimiter, max, max == 3).await;
            assert_eq!(found, model(&keys, prefix, delimiter), "{prefix:?} {delimiter:?} {max}");
        }
    }
    for (index, key) in keys.iter().enumerate() {
        lab.alice("DELETE", &format!("/b-one/{}", encode::path(key))).send().await.ok(204);
        let left: BTreeSet<String> = keys.iter().skip(index + 1).cloned().collect();
        if index % 5 == 0 {
            assert_eq!(listed(&lab, "", "", 1000, true).await, model(&left, "", ""));
        }
    }
    lab.alice("DELETE", "/b-one").send().await.ok(204);
}

/// Path segments that HTTP libraries would normalize, sent both raw and percent-encoded.
#[tokio::test]
async fn dot_segments_are_part_of_the_key_in_every_spelling() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/y", "plain").await;
    lab.put("/b-one/x/../y", "dots").await;
    for spelling in ["/b-one/x/../y", "/b-one/x/%2E%2E/y", "/b-one/x%2F..%2Fy", "/b-one/%78/../y"] {
        for v2 in [false, true] {
            let request = lab.alice("GET", spelling);
            let request = if v2 { request.v2() } else { request };
            assert_eq!(request.send().await.ok(200).text(), "dots", "{spelling}");
        }
    }
    assert_eq!(lab.alice("GET", "/b-one/y").send().await.ok(200).text(), "plain");
    // They do not lead out of the bucket or the root.
    std::fs::write(lab.path("secret"), "s").unwrap();
    for target in [
        "/b-one/../secret",
        "/b-one/%2e%2e/secret",
        "/../secret",
        "/..",
        "/.s3cmd-serve/lock",
        "/b-one/../b-one/y",
    ] {
        assert_eq!(lab.alice("GET", target).send().await.status, 404, "{target}");
    }
}

#[tokio::test]
async fn both_list_versions_return_what_s3_returns() {
    let lab = Lab::with_bucket().await;
    for key in ["a", "b/1", "b/2", "c"] {
        lab.put(&format!("/b-one/{key}"), "x").await;
    }
    let one = lab.alice("GET", "/b-one?delimiter=/&max-keys=2").send().await.ok(200);
    assert_eq!((one.value("NextMarker"), one.value("IsTruncated")), ("b/".into(), "true".into()));
    assert_eq!(one.value("DisplayName"), "Alice A.");
    assert!(one.text().contains("<ETag>&quot;"));
    let next = lab.alice("GET", "/b-one?delimiter=/&marker=b/").send().await.ok(200);
    assert_eq!((next.all("Key"), next.all("CommonPrefixes").len()), (vec!["c".into()], 0));
    let two = lab.alice("GET", "/b-one?list-type=2&start-after=b/1").send().await.ok(200);
    assert_eq!((two.all("Key"), two.value("KeyCount")), (vec!["b/2".into(), "c".into()], "2".into()));
    assert!(two.all("Owner").is_empty());
    let owners = lab.alice("GET", "/b-one?list-type=2&fetch-owner=true").send().await.ok(200);
    assert_eq!(owners.all("Owner").len(), 4);
    let none = lab.alice("GET", "/b-one?max-keys=0").send().await.ok(200);
    assert_eq!((none.all("Key").len(), &*none.value("IsTruncated")), (0, "false"));
    lab.alice("GET", "/b-one?list-type=2&continuation-token=%21").send().await.error(400, "InvalidArgument");
    let versions = lab.alice("GET", "/b-one?versions").send().await.ok(200);
    assert_eq!((versions.all("Key").len(), versions.value("VersionId")), (4, "null".into()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Random sets of keys with common parts, listed in random pages, compared with the model.
    #[test]
    fn listings_equal_the_model(
        keys in proptest::collection::btree_set("[ab/.]{1,6}|[a-c]{1,2}(/[a-c.]{0,2}){0,3}", 1..24),
        prefix in "[ab/]{0,2}",
        delimiter in prop_oneof![Just(""), Just("/"), Just("b"), Just("a/")],
        max in 1_usize..6,
        v2 in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(async {
            let lab = Lab::with_bucket().await;
            for key in &keys {
                lab.put(&format!("/b-one/{}", encode::path(key)), key).await;
            }
            listed(&lab, &prefix, delimiter, max, v2).await
        });
        prop_assert_eq!(found, model(&keys, &prefix, delimiter));
    }
}
