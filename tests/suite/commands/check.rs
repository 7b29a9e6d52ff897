//! `check`, and `check --embedded`.

use crate::support::env::TestEnv;
use crate::support::hostile::{Answer, Hostile, Lie, Op};

#[test]
fn check_walks_through_the_connection_and_leaves_nothing() {
    let t = TestEnv::with_bucket();
    let run = t.s3cmd("check s3://BUCKET").run();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.lines().len() > 5, "{run}");
    assert!(t.keys().is_empty());
    let run = t.s3cmd("check --secret_key=wrong s3://BUCKET").run();
    assert!(run.code != Some(0) && run.as_transcript().contains("secret_key"), "{run}");
    let t = TestEnv::new();
    t.configure("host_base = localhost:1\nhost_bucket = localhost:1");
    let run = t.s3cmd("check").run();
    assert!(run.code != Some(0) && run.as_transcript().contains("host_base"), "{run}");
}

#[test]
fn check_embedded_needs_no_account() {
    let t = TestEnv::new();
    std::fs::remove_file(t.home(".s3cfg")).expect("it is there");
    let run = t.s3cmd("check --embedded").run();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(t.files("").is_empty(), "{:?}", t.files(""));
}

#[test]
fn check_distinguishes_a_store_from_other_services() {
    let server = Hostile::start();
    let t = server.world();
    server.bucket("b");
    server.lie(Lie::instead(Op::ListObjects, Answer::html()));
    server.lie(Lie::instead(Op::ListBuckets, Answer::html()));
    let run = t.s3cmd("check s3://b").run();
    assert_ne!(run.code, Some(0), "{run}");
}
