//! `mb`, `rb`, and what goes over all buckets: `ls`, `la`, `du`.

use crate::env::TestEnv;
use crate::server::Serve;

#[test]
fn mb_makes_and_rb_removes_a_bucket() {
    let mut t = TestEnv::new();
    t.reserve("BUCKET");
    t.s3cmd("mb s3://BUCKET").ok().prints("Bucket 's3://BUCKET/' created");
    t.s3cmd("ls s3://BUCKET").ok().prints("");
    t.s3cmd("rb s3://BUCKET").ok().prints("Bucket 's3://BUCKET/' removed");
    t.s3cmd("ls s3://BUCKET").fails(12).prints("").complains(
        "
        |ERROR: Bucket 'BUCKET' does not exist
        |ERROR: S3 error: 404 (NoSuchBucket)
        ",
    );
}

#[test]
fn mb_and_rb_take_several_buckets() {
    let mut t = TestEnv::new();
    t.reserve("BUCKET");
    t.reserve("BUCKET2");
    t.s3cmd("mb s3://BUCKET s3://BUCKET2").ok().prints(
        "
        |Bucket 's3://BUCKET/' created
        |Bucket 's3://BUCKET2/' created
        ",
    );
    t.s3cmd("rb s3://BUCKET s3://BUCKET2").ok().prints(
        "
        |Bucket 's3://BUCKET/' removed
        |Bucket 's3://BUCKET2/' removed
        ",
    );
}

#[test]
fn making_ones_own_bucket_again_succeeds() {
    let t = TestEnv::with_bucket();
    t.s3cmd("mb s3://BUCKET").ok().prints("Bucket 's3://BUCKET/' created");
}

#[test]
fn a_bucket_of_somebody_else_is_taken() {
    let t = TestEnv::with_bucket();
    t.alt("mb s3://BUCKET").fails(13).complains(
        "
        |ERROR: Bucket 'BUCKET' already exists
        |ERROR: S3 error: 409 (BucketAlreadyExists)
        ",
    );
}

#[test]
fn bad_bucket_names_are_refused_before_anything_is_sent() {
    let t = TestEnv::new();
    t.s3cmd("mb s3://ab")
        .fails(64)
        .complains("ERROR: Parameter problem: Bucket name 'ab' is too short (min 3 characters)");
    t.s3cmd("mb hello.txt").fails(64).complains(
        "ERROR: Parameter problem: Expecting S3 URI with just the bucket name set instead of 'hello.txt'",
    );
    t.s3cmd("rb s3://bucket/key").fails(64).complains(
        "ERROR: Parameter problem: Expecting S3 URI with just the bucket name set instead of 's3://bucket/key'",
    );
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

#[test]
fn all_buckets_are_listed_by_name() {
    let serve = Serve::start();
    let mut t = TestEnv::on(&serve.service);
    t.s3cmd("ls").ok().prints("");
    t.s3cmd("la").ok().prints("");
    for name in ["bbb", "aaa"] {
        t.s3cmd(&format!("mb s3://{name}")).ok();
    }
    t.file("f", "12345");
    t.s3cmd("put f s3://bbb/x/f").ok();
    t.s3cmd("put f s3://bbb/f").ok();
    for all in ["ls", "ls s3://"] {
        t.s3cmd(all).ok().prints(
            "
            |YYYY-MM-DD hh:mm  s3://aaa
            |YYYY-MM-DD hh:mm  s3://bbb
            ",
        );
    }
    t.s3cmd("la").ok().prints(
        "
        |
        |                          DIR  s3://bbb/x/
        |YYYY-MM-DD hh:mm            5  s3://bbb/f
        |
        ",
    );
    t.s3cmd("la --recursive").ok().prints(
        "
        |
        |YYYY-MM-DD hh:mm            5  s3://bbb/f
        |YYYY-MM-DD hh:mm            5  s3://bbb/x/f
        |
        ",
    );
    t.s3cmd("du").ok().prints(
        "
        |           0       0 objects s3://aaa/
        |          10       2 objects s3://bbb/
        |------------
        |10           Total
        ",
    );
    t.normaliser.keep_messages = true;
    assert!(serve.data().is_dir(), "buckets are kept as folders below the served directory");
}

#[test]
fn du_counts_objects_and_bytes() {
    let t = TestEnv::with_bucket();
    t.object("a/1", "12345");
    t.object("a/2", "12345");
    t.object("b", "1");
    t.s3cmd("du s3://BUCKET").ok().prints("          11       3 objects s3://BUCKET/");
    t.s3cmd("du s3://BUCKET/a/").ok().prints("          10       2 objects s3://BUCKET/a/");
    t.s3cmd("du -H s3://BUCKET/a/").ok().prints("   10       2 objects s3://BUCKET/a/");
    t.s3cmd("du s3://BUCKET/none").ok().prints("           0       0 objects s3://BUCKET/none");
}
