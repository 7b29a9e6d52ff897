//! `modify`: headers, metadata and ACLs of stored objects.

use crate::support::bytes::bytes;
use crate::support::env::TestEnv;

#[test]
fn modify_changes_what_is_stored_and_nothing_else() {
    let t = TestEnv::with_bucket();
    t.file("f", "content\n");
    t.s3cmd("put -P --mime-type=text/markdown --add-header=x-amz-meta-colour:blue --add-header=x-amz-meta-size:3 --add-header=x-amz-tagging:days=1 f s3://BUCKET/f")
        .ok();
    t.s3cmd("modify --add-header=x-amz-meta-colour:red --remove-header=X-Amz-Meta-Size s3://BUCKET/f")
        .ok()
        .prints("modify: 's3://BUCKET/f'  [1 of 1]");
    t.s3cmd("info s3://BUCKET/f")
        .ok()
        .mentions("   MIME type: text/markdown\n")
        .mentions("   x-amz-meta-colour: red\n")
        .mentions("   x-amz-meta-s3cmd-attrs: ")
        .mentions("   ACL:       *anon*: READ\n")
        .silent_about("x-amz-meta-size");
    t.s3cmd("gettagging s3://BUCKET/f").ok().prints("s3://BUCKET/f (object):\n\tdays:\t1");
    t.s3cmd("modify --mime-type=text/plain --acl-private s3://BUCKET/f").ok();
    t.s3cmd("info s3://BUCKET/f")
        .ok()
        .mentions("   MIME type: text/plain\n")
        .mentions("   x-amz-meta-colour: red\n")
        .silent_about("*anon*");
    assert_eq!(t.content("f"), b"content\n");
}

#[test]
fn modify_takes_prefixes_wildcards_and_objects_in_parts() {
    let t = TestEnv::with_bucket();
    for key in ["d/a", "d/b", "e/a"] {
        t.object(key, key);
    }
    t.s3cmd("modify -r --mime-type=text/x-new s3://BUCKET/d/")
        .ok()
        .prints("modify: 's3://BUCKET/d/a'  [1 of 2]\nmodify: 's3://BUCKET/d/b'  [2 of 2]\n");
    // Two objects of the same name.
    t.s3cmd("modify s3://BUCKET/d/a s3://BUCKET/e/a")
        .ok()
        .prints("modify: 's3://BUCKET/d/a'  [1 of 2]\nmodify: 's3://BUCKET/e/a'  [2 of 2]\n");
    let run = t.s3cmd("modify -n --exclude='*b' 's3://BUCKET/d/*'").run();
    run.prints("exclude: b\nmodify: 's3://BUCKET/d/a' -> 's3://BUCKET/d/a'\n")
        .complains("WARNING: Exiting now because of --dry-run");
    t.s3cmd("modify s3://BUCKET/none s3://BUCKET/d/a")
        .fails(1)
        .complains("WARNING: Key not found s3://BUCKET/none");
    t.s3cmd("modify s3://BUCKET/none").fails(12).prints("");
    assert_eq!(t.s3cmd("modify -r s3://BUCKET/none/").run().code, Some(1));
    assert_eq!(t.content("d/b"), b"d/b");

    let content: Vec<u8> = bytes(6 * 1024 * 1024);
    t.file("large", &content);
    t.s3cmd("put --multipart-chunk-size-mb=5 large s3://BUCKET").ok();
    t.s3cmd("modify --add-header=x-amz-meta-a:b s3://BUCKET/large").ok();
    t.s3cmd("info s3://BUCKET/large").ok().mentions("   x-amz-meta-a: b\n");
    assert!(t.content("large") == content);
}
