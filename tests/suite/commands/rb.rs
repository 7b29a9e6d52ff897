//! `rb`: buckets that are empty, that hold objects, that do not exist.

use crate::support::env::TestEnv;

#[test]
fn mb_and_rb_continue_after_a_failure() {
    let mut t = TestEnv::new();
    for placeholder in ["BUCKET", "BUCKET2", "MISSING"] {
        t.reserve(placeholder);
    }
    t.s3cmd("mb s3://BUCKET s3://ab").fails(64).prints("");
    t.s3cmd("mb s3://BUCKET s3://BUCKET2").ok();
    let run = t.s3cmd("rb s3://BUCKET s3://MISSING s3://BUCKET2").fails(2);
    run.prints("Bucket 's3://BUCKET/' removed\nBucket 's3://BUCKET2/' removed\n")
        .explains("s3://MISSING/: S3 error: 404");
}

#[test]
fn rb_leaves_a_bucket_that_holds_something() {
    let t = TestEnv::with_bucket();
    t.object("a", "x");
    t.s3cmd("rb s3://BUCKET").fails(13).prints("").complains("ERROR: S3 error: 409 (BucketNotEmpty)");
    assert_eq!(t.keys(), ["a"]);
}

#[test]
fn rb_recursive_empties_the_bucket_first() {
    let t = TestEnv::with_bucket();
    t.object("b", "x");
    t.object("a/c", "x");
    let run = t.s3cmd("rb --recursive s3://BUCKET").run();
    assert_eq!(run.code, Some(0));
    run.prints(
        "
        |delete: 's3://BUCKET/a/c'
        |delete: 's3://BUCKET/b'
        |Bucket 's3://BUCKET/' removed
        ",
    )
    .complains(
        "WARNING: Bucket is not empty. Removing all the objects from it first. This may take some time...",
    );
}

#[test]
fn rb_force_forgives_a_missing_bucket() {
    let mut t = TestEnv::new();
    t.reserve("BUCKET");
    t.s3cmd("rb -r --force s3://BUCKET").ok().prints("");
    t.s3cmd("rb s3://BUCKET").fails(12).explains("ERROR: S3 error: 404 (NoSuchBucket)");
}
