//! `del` and `rm`: keys, prefixes, wildcards, filters and limits.

use crate::support::env::TestEnv;

#[test]
fn a_recursive_deletion_prints_its_counts() {
    let t = TestEnv::with_bucket();
    for key in ["a", "b", "c/d"] {
        t.object(key, "12345");
    }
    let stats = "\n\nStats: Number of files deleted: ";
    t.s3cmd("del -r -n --stats s3://BUCKET/c/").ok().mentions(&format!("{stats}1 (5 bytes) \n"));
    t.s3cmd("del -r --stats --max-delete=1 s3://BUCKET/c/").ok().mentions(&format!("{stats}1 (5 bytes) \n"));
    t.s3cmd("del -r --stats --exclude=b s3://BUCKET/b").run().silent_about("Stats");
    t.s3cmd("del -rf --stats s3://BUCKET").ok().mentions(&format!("{stats}2 (10 bytes) \n"));
    let run = t.s3cmd("del -rf --stats s3://BUCKET").run();
    run.prints("").complains("WARNING: Remote list is empty.");
}

#[test]
fn del_takes_keys_prefixes_and_wildcards() {
    let t = TestEnv::with_objects(&["a", "b", "d/1", "d/2", "d/sub/3", "e1", "e2", "f"]);
    t.s3cmd("del s3://BUCKET/a").ok().prints("delete: 's3://BUCKET/a'");
    t.s3cmd("rm s3://BUCKET/b s3://BUCKET/f").ok().prints("delete: 's3://BUCKET/b'\ndelete: 's3://BUCKET/f'");
    t.s3cmd("del s3://BUCKET/e*").ok().prints("delete: 's3://BUCKET/e1'\ndelete: 's3://BUCKET/e2'");
    t.s3cmd("del s3://BUCKET/d/*").ok();
    assert_eq!(t.keys(), ["d/sub/3"]);
    t.s3cmd("del s3://BUCKET/a").ok().prints("delete: 's3://BUCKET/a'");
    t.s3cmd("del --recursive s3://BUCKET/d").ok().prints("delete: 's3://BUCKET/d/sub/3'");
    let run = t.s3cmd("del --recursive s3://BUCKET/d").run();
    assert_eq!(run.code, Some(0));
    run.prints("").complains("WARNING: Remote list is empty.");
}

#[test]
fn del_recursive_processes_every_argument() {
    let t = TestEnv::with_objects(&["a/1", "b/1", "c/1"]);
    t.s3cmd("del -r s3://BUCKET/a/ s3://BUCKET/b/").ok();
    assert_eq!(t.keys(), ["c/1"]);
}

#[test]
fn a_whole_bucket_is_emptied_only_by_force() {
    let t = TestEnv::with_objects(&["a", "b/c"]);
    t.s3cmd("del -r s3://BUCKET")
        .fails(64)
        .complains("ERROR: Parameter problem: Please use --force to delete ALL contents of s3://BUCKET");
    t.s3cmd("del s3://BUCKET").fails(64);
    t.s3cmd("del s3://BUCKET/b/").fails(64).complains(
        "ERROR: Parameter problem: Expecting S3 URI with a filename or --recursive: s3://BUCKET/b/",
    );
    t.s3cmd("del").fails(64).complains("ERROR: Not enough parameters for command 'del'");
    assert_eq!(t.keys(), ["a", "b/c"]);
    t.s3cmd("del -rf s3://BUCKET").ok();
    assert!(t.keys().is_empty());
}

#[test]
fn del_honours_filters_dry_run_and_the_limit_of_deletions() {
    let t = TestEnv::with_objects(&["a.bin", "b.txt", "d/c.bin"]);
    t.s3cmd("del -n -r s3://BUCKET/d/").ok().prints("delete: 's3://BUCKET/d/c.bin'");
    let run = t.s3cmd("del -r -f --max-delete=2 s3://BUCKET").run();
    assert_eq!(run.code, Some(0));
    run.prints("")
        .complains("WARNING: delete: maximum requested number of deletes would be exceeded, none performed.");
    t.s3cmd("del -r -f --exclude='*.bin' s3://BUCKET").ok().prints("delete: 's3://BUCKET/b.txt'");
    assert_eq!(t.keys(), ["a.bin", "d/c.bin"]);
}
