//! Keys that are easily mistaken for others: every command reaches exactly the key that was named.

use crate::support::env::TestEnv;

/// Keys that a careless client or server normalises, decodes, splits or truncates.
fn odd_keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "with space",
        " leading and trailing ",
        "a+b",
        "a%20b",
        "100%",
        "%41",
        "a//b",
        "/leading",
        "trailing/",
        "é",
        "e\u{301}",
        "日本語/ファイル",
        "😀",
        "~tilde",
        "a/../b",
        "a/./b",
        "./x",
        "../up",
        "..",
        ".",
        "a/..",
        "?query=1&x=2",
        "#fragment",
        "semi;colon",
        "co:lon",
        "quo\"te'",
        "<xml>&amp;",
        "back\\slash",
        "[a]{b}^`|",
        "a=b,c@d$e!f(g)*",
        "uploads",
        "acl",
    ]
    .map(str::to_owned)
    .into();
    keys.push("k".repeat(1024));
    keys.push(format!("{}/{}", "ä".repeat(255), "x".repeat(513)));
    keys
}

#[test]
fn unusual_keys_are_uploaded_downloaded_and_deleted() {
    let t = TestEnv::with_bucket();
    let uri = |key: &str| t.normaliser.fill("s3://BUCKET/") + key;
    let mut expected = odd_keys();
    t.dir("tree/trailing");
    t.file("tree/uploads", "uploads");
    t.s3cmd("put --keep-dirs -r tree/").arg(uri("")).ok();
    for key in &expected {
        if !key.ends_with('/') {
            // With a key of this length Ceph's response about a multipart upload is invalid, and standard input is sent
            // in parts.
            let file = t.file("content", key);
            t.s3cmd("put").arg(file).arg(uri(key)).ok();
        }
    }
    expected.sort();
    assert_eq!(t.keys(), expected);
    for key in &expected {
        let run = t.s3cmd("get").arg(uri(key)).arg("-").run();
        // A key that ends with a slash cannot be a file name, and one with a wildcard cannot be fetched alone.
        if key.ends_with('/') {
            assert_eq!(run.code, Some(64), "{run}");
            continue;
        }
        assert!(run.code == Some(0) && run.raw == key.as_bytes(), "{key:?}\n{run}");
    }
    for _ in 0..2 {
        // The second round deletes missing keys, and must not delete their neighbours instead.
        for key in ["a/../b", "%41", "a+b", ".", "a//b"] {
            t.s3cmd("del").arg(uri(key)).ok();
            expected.retain(|kept| kept != key);
            assert_eq!(t.keys(), expected, "after deleting {key:?}");
        }
    }
    t.s3cmd("del -rf").arg(uri("")).ok();
    assert!(t.keys().is_empty());
}

#[test]
fn neighbours_of_unusual_keys_stay_untouched() {
    let t = TestEnv::with_bucket();
    let uri = |key: &str| t.normaliser.fill("s3://BUCKET/") + key;
    for (key, neighbour) in
        [("a/../b", "b"), ("x%41", "xA"), ("p+q", "p q"), ("c//d", "c/d"), ("e/./f", "e/f")]
    {
        t.object(neighbour, "neighbour");
        t.s3cmd("put -").arg(uri(key)).stdin("odd").ok();
        assert_eq!(t.content(neighbour), b"neighbour", "put {key}");
        t.s3cmd("cp").arg(uri(key)).arg(uri("copy")).ok();
        assert_eq!(t.content("copy"), b"odd", "cp {key}");
        t.s3cmd("mv").arg(uri("copy")).arg(uri(key)).ok();
        assert_eq!(t.content(neighbour), b"neighbour", "mv to {key}");
        t.s3cmd("settagging").arg(uri(key)).arg("a=b").ok();
        t.s3cmd("gettagging").arg(uri(neighbour)).ok().silent_about("\ta:");
        t.s3cmd("setacl --acl-public").arg(uri(key)).ok();
        t.s3cmd("info").arg(uri(neighbour)).ok().silent_about("*anon*");
        t.s3cmd("del").arg(uri(key)).ok();
        assert_eq!(t.content(neighbour), b"neighbour", "del {key}");
    }
}

#[test]
fn unusual_keys_work_in_virtual_host_style_and_with_signature_v2() {
    let t = TestEnv::with_bucket();
    let uri = |key: &str| t.normaliser.fill("s3://BUCKET/") + key;
    t.write_config("v2.s3cfg", &(t.config_of(&t.service.main, &t.service.host) + "signature_v2 = True\n"));
    let vhost_v2 =
        t.config_of(&t.service.main, &format!("%(bucket)s.{}", t.service.host)) + "signature_v2 = True\n";
    t.write_config("vhost-v2.s3cfg", &vhost_v2);
    for config in ["vhost.s3cfg", "v2.s3cfg", "vhost-v2.s3cfg"] {
        let config = t.home(config);
        for key in [
            "with space",
            "a+b",
            "a%20b",
            "a//b",
            "/leading",
            "é",
            "😀",
            "~tilde",
            "a/../b",
            "?x=1",
            "#f",
            "acl",
        ] {
            t.s3cmd("put -").arg(uri(key)).stdin(key).config(&config).ok();
            assert_eq!(t.s3cmd("get").arg(uri(key)).arg("-").config(&config).ok().raw, key.as_bytes());
            t.s3cmd("del").arg(uri(key)).config(&config).ok();
        }
        t.s3cmd("put --multipart-chunk-size-mb=5 - s3://BUCKET/parts")
            .stdin(vec![1; 6_000_000])
            .config(&config)
            .ok();
        t.s3cmd("ls s3://BUCKET")
            .config(&config)
            .ok()
            .prints("YYYY-MM-DD hh:mm      6000000  s3://BUCKET/parts");
        t.s3cmd("setacl --acl-public s3://BUCKET/parts").config(&config).ok();
        t.s3cmd("cp s3://BUCKET/parts s3://BUCKET/ä").config(&config).ok();
        t.s3cmd("del -rf s3://BUCKET").config(&config).ok();
    }
}
