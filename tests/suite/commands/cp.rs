//! `cp`: which key becomes which key, what a copy keeps, and large objects.

use crate::support::bytes::bytes;
use crate::support::env::TestEnv;

fn with_objects(keys: &[&str]) -> TestEnv {
    let mut t = TestEnv::with_objects(keys);
    t.new_bucket("BUCKET2");
    t
}

#[test]
fn the_destination_decides_the_key() {
    let table: &[(&str, &[&str])] = &[
        ("s3://BUCKET/d/a s3://BUCKET2", &["a"]),
        ("s3://BUCKET/d/a s3://BUCKET2/new", &["new"]),
        ("s3://BUCKET/d/a s3://BUCKET2/p/", &["p/a"]),
        ("s3://BUCKET/d/a s3://BUCKET/top s3://BUCKET2/p/", &["p/a", "p/top"]),
        ("-r s3://BUCKET/d/ s3://BUCKET2/e/", &["e/a", "e/sub/b c"]),
        ("-r s3://BUCKET/d s3://BUCKET2/e/", &["e/d/a", "e/d/sub/b c"]),
        ("-r s3://BUCKET s3://BUCKET2/", &["d/a", "d/sub/b c", "top"]),
        ("-r --exclude='*c' s3://BUCKET/d/ s3://BUCKET2/", &["a"]),
        ("s3://BUCKET/d/* s3://BUCKET2/", &["a"]),
    ];
    let t = with_objects(&["d/a", "d/sub/b c", "top"]);
    for (line, keys) in table {
        let run = t.s3cmd(&format!("cp {line}")).ok();
        assert_eq!(t.keys_of("BUCKET2"), *keys, "{run}");
        t.s3cmd("del -rf s3://BUCKET2").ok();
    }
    for line in ["cp s3://BUCKET/d/a s3://BUCKET/top s3://BUCKET2/p", "cp -r s3://BUCKET/d/ s3://BUCKET2/p"] {
        t.s3cmd(line).fails(64).explains("Destination");
    }
}

#[test]
fn copies_are_announced_in_order() {
    let t = with_objects(&["d/a", "d/b", "d/ä"]);
    t.s3cmd("cp -r s3://BUCKET/d/ s3://BUCKET2/e/").ok().prints(
        "
        |remote copy: 's3://BUCKET/d/a' -> 's3://BUCKET2/e/a'  [1 of 3]
        |remote copy: 's3://BUCKET/d/b' -> 's3://BUCKET2/e/b'  [2 of 3]
        |remote copy: 's3://BUCKET/d/ä' -> 's3://BUCKET2/e/ä'  [3 of 3]
        ",
    );
}

#[test]
fn a_copy_keeps_content_metadata_and_grants() {
    let t = with_objects(&[]);
    t.file("f", "content\n");
    t.s3cmd("put -P --mime-type=text/markdown --add-header=x-amz-meta-colour:blue f s3://BUCKET/f").ok();
    t.s3cmd("cp s3://BUCKET/f s3://BUCKET/g").ok();
    t.s3cmd("info s3://BUCKET/g")
        .ok()
        .mentions("   MIME type: text/markdown\n")
        .mentions("   x-amz-meta-colour: blue\n")
        .mentions("   ACL:       *anon*: READ\n");
    t.s3cmd("cp --mime-type=text/plain --add-header=x-amz-meta-colour:red s3://BUCKET/f s3://BUCKET/h").ok();
    t.s3cmd("info s3://BUCKET/h")
        .ok()
        .mentions("   MIME type: text/plain\n")
        .mentions("   x-amz-meta-colour: red\n")
        .silent_about("blue");
    t.s3cmd("cp --acl-private s3://BUCKET/f s3://BUCKET/private").ok();
    t.s3cmd("info s3://BUCKET/private").ok().silent_about("*anon*");
    assert_eq!(t.content("h"), b"content\n");
}

#[test]
fn missing_sources_have_their_exit_codes() {
    let t = with_objects(&["a"]);
    t.s3cmd("cp s3://BUCKET/no s3://BUCKET2/x")
        .fails(12)
        .prints("")
        .complains("WARNING: Key not found s3://BUCKET/no");
    t.s3cmd("cp a.txt s3://BUCKET/x")
        .fails(64)
        .complains("ERROR: Parameter problem: Expecting S3 URI instead of 'a.txt'");
    t.s3cmd("cp s3://BUCKET/a s3://BUCKET/a").fails(1).explains("ERROR: Copy failed for: 's3://BUCKET/a' (");
    assert_eq!(t.content("a"), b"a\n");
}

#[test]
fn a_large_object_is_copied_in_parts_and_whole() {
    let t = with_objects(&[]);
    let content: Vec<u8> = bytes(11 * 1024 * 1024);
    t.configure("multipart_copy_chunk_size_mb = 5");
    // Some servers decode the name of the source twice when they copy a part.
    for key in ["plain", "x%41.txt", "ä +b"] {
        t.object(key, &content);
        t.s3cmd("cp")
            .arg(t.normaliser.fill(&format!("s3://BUCKET/{key}")))
            .arg(t.normaliser.fill("s3://BUCKET/copy"))
            .ok();
        assert!(t.content("copy") == content, "{key}");
    }
}

#[test]
fn a_copy_in_parts_has_the_parts_of_its_source() {
    let t = with_objects(&[]);
    let content: Vec<u8> = bytes(13 * 1024 * 1024);
    t.file("f", &content);
    t.configure("multipart_chunk_size_mb = 6\nmultipart_copy_chunk_size_mb = 5");
    t.s3cmd("put f s3://BUCKET/f").ok();
    t.s3cmd("cp s3://BUCKET/f s3://BUCKET/g").ok();
    t.s3cmd("cp -r s3://BUCKET/ s3://BUCKET/h/").ok();
    let run = t.s3cmd("ls -lr s3://BUCKET").ok();
    let lines = run.lines();
    let etags: Vec<_> = lines.iter().filter_map(|line| line.split_whitespace().nth(3)).collect();
    assert!(etags.len() == 4 && etags[0].ends_with("-3"), "{run}");
    assert!(etags.iter().all(|etag| *etag == etags[0]), "{run}");
    assert!(t.content("h/g") == content);
}
