//! `mb`: new buckets, names that are taken, names that are not allowed.

use crate::support::env::TestEnv;

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
fn a_bucket_of_another_user_is_taken() {
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
