//! `setacl` and `getacl`, and what the second user may do afterwards.

use crate::support::env::TestEnv;

/// A bucket with a small tree, and the second user's id known.
fn shared() -> TestEnv {
    let mut t = TestEnv::with_bucket();
    t.know_alt_id("ALTID");
    t.tree();
    t.s3cmd("put -r tree s3://BUCKET").ok();
    t
}

#[test]
fn a_grant_lets_the_second_user_read_and_a_revoke_ends_it() {
    let t = shared();
    t.alt("get s3://BUCKET/tree/a.txt f").fails(77).prints("").complains("ERROR: S3 error: 403 (Forbidden)");
    t.s3cmd("setacl --acl-grant=read:ALTID s3://BUCKET/tree/a.txt")
        .ok()
        .prints("s3://BUCKET/tree/a.txt: ACL updated");
    t.alt("get s3://BUCKET/tree/a.txt f").ok();
    assert_eq!(t.text("f"), "a\n");
    t.alt("get --force s3://BUCKET/tree/sub/b.txt f").fails(77);
    t.s3cmd("setacl --acl-revoke=read:ALTID s3://BUCKET/tree/a.txt")
        .ok()
        .prints("s3://BUCKET/tree/a.txt: ACL updated");
    t.alt("get --force s3://BUCKET/tree/a.txt f").fails(77);
}

#[test]
fn grants_reach_a_whole_prefix() {
    let t = shared();
    t.s3cmd("setacl --acl-grant=read:ALTID --recursive s3://BUCKET/tree").ok().prints(
        "
        |s3://BUCKET/tree/a.txt: ACL updated
        |s3://BUCKET/tree/päivä.txt: ACL updated
        |s3://BUCKET/tree/sub/b.txt: ACL updated
        |s3://BUCKET/tree/sub/c d.txt: ACL updated
        ",
    );
    // Permission to read the objects does not include listing the bucket.
    t.alt("ls s3://BUCKET").fails(77).complains(
        "
        |ERROR: Access to bucket 'BUCKET' was denied
        |ERROR: S3 error: 403 (AccessDenied)
        ",
    );
    t.s3cmd("setacl --acl-grant=read:ALTID s3://BUCKET").ok().prints("s3://BUCKET/: ACL updated");
    t.dir("g");
    t.alt("get -r s3://BUCKET/tree/ g/").ok();
    assert_eq!(t.files("g"), ["a.txt", "päivä.txt", "sub/b.txt", "sub/c d.txt"]);
    t.s3cmd("setacl --recursive --acl-revoke=read:ALTID s3://BUCKET").ok();
    t.alt("get --force s3://BUCKET/tree/a.txt f").fails(77);
    t.alt("ls s3://BUCKET").ok();
    t.s3cmd("setacl --acl-revoke=read:ALTID s3://BUCKET").ok();
    t.alt("ls s3://BUCKET").fails(77);
}

#[test]
fn info_shows_every_grant_on_a_line_of_its_own() {
    let t = shared();
    let acl = |uri: &str| {
        let run = t.shell(&format!("s3cmd info {uri} | awk '{{ if ( $1 == \"ACL:\" ) print $0 }}'")).ok();
        run.lines().iter().map(|line| line.rsplit(": ").next().unwrap_or("").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(acl("s3://BUCKET"), ["FULL_CONTROL"]);
    t.s3cmd("setacl --acl-grant=read:ALTID s3://BUCKET").ok();
    t.s3cmd("setacl --acl-grant=write:ALTID s3://BUCKET").ok();
    let mut grants = acl("s3://BUCKET");
    grants.sort();
    assert_eq!(grants, ["FULL_CONTROL", "READ", "WRITE"]);
    t.s3cmd("setacl --acl-revoke=write:ALTID s3://BUCKET").ok();
    t.s3cmd("setacl --acl-revoke=all:ALTID s3://BUCKET").ok();
    assert_eq!(acl("s3://BUCKET"), ["FULL_CONTROL"]);
    t.s3cmd("setacl --acl-grant=all:ALTID s3://BUCKET/tree/a.txt").ok();
    assert_eq!(acl("s3://BUCKET/tree/a.txt"), ["FULL_CONTROL", "FULL_CONTROL"]);
}

#[test]
fn a_write_grant_on_a_bucket_lets_the_second_user_put() {
    let t = shared();
    t.alt("put tree/a.txt s3://BUCKET/by-alt").fails(77);
    t.s3cmd("setacl --acl-grant=write:ALTID s3://BUCKET").ok();
    t.alt("put tree/a.txt s3://BUCKET/by-alt").ok();
    assert!(t.keys().contains(&"by-alt".to_owned()));
    t.s3cmd("setacl --acl-revoke=write:ALTID s3://BUCKET").ok();
    t.alt("put tree/a.txt s3://BUCKET/by-alt-2").fails(77);
}

#[test]
fn public_and_private_report_changes_only() {
    let t = shared();
    t.s3cmd("setacl --acl-public --recursive s3://BUCKET/tree/").ok().prints(
        "
        |s3://BUCKET/tree/a.txt: ACL set to Public  [1 of 4]
        |s3://BUCKET/tree/päivä.txt: ACL set to Public  [2 of 4]
        |s3://BUCKET/tree/sub/b.txt: ACL set to Public  [3 of 4]
        |s3://BUCKET/tree/sub/c d.txt: ACL set to Public  [4 of 4]
        ",
    );
    t.s3cmd("setacl --acl-public s3://BUCKET/tree/a.txt").ok().prints("");
    t.s3cmd("setacl --acl-private s3://BUCKET/tree/a.txt")
        .ok()
        .prints("s3://BUCKET/tree/a.txt: ACL set to Private  [1 of 1]");
    t.s3cmd("setacl --acl-public s3://BUCKET").ok().prints("s3://BUCKET/: ACL set to Public  ");
    t.s3cmd("info s3://BUCKET")
        .ok()
        .mentions("   ACL:       *anon*: READ\n")
        .mentions("   URL:       http://ENDPOINT/BUCKET/\n");
    t.s3cmd("setacl --acl-private s3://BUCKET").ok().prints("s3://BUCKET/: ACL set to Private  ");
}

#[test]
fn malformed_grants_are_refused_by_the_parser() {
    let t = TestEnv::new();
    t.s3cmd("setacl --acl-grant=lab-alt s3://b/k").fails(2).explains("invalid S3 ACL format: 'lab-alt'");
    t.s3cmd("setacl --acl-grant=eat:lab-alt s3://b/k").fails(2).explains(
        "invalid S3 ACL permission: eat (valid values: read, write, read_acp, write_acp, full_control, all)",
    );
    t.s3cmd("setacl --acl-grant=read: s3://b/k").fails(2);
}

#[test]
fn acls_of_what_is_missing_or_foreign_are_errors() {
    let mut t = shared();
    t.reserve("BUCKET2");
    t.s3cmd("setacl --acl-public s3://BUCKET/no")
        .fails(12)
        .prints("")
        .complains("ERROR: S3 error: 404 (NoSuchKey)");
    t.s3cmd("setacl --acl-public s3://BUCKET2").fails(12).complains("ERROR: S3 error: 404 (NoSuchBucket)");
    t.alt("setacl --acl-public s3://BUCKET/tree/a.txt")
        .fails(77)
        .complains("ERROR: S3 error: 403 (AccessDenied)");
    t.alt("del s3://BUCKET/tree/a.txt").fails(77).prints("").complains("ERROR: S3 error: 403 (AccessDenied)");
    t.alt("info s3://BUCKET").fails(77).explains("ERROR: Access to bucket 'BUCKET' was denied\n");
    t.alt("rb s3://BUCKET").fails(77).explains("ERROR: Access to bucket 'BUCKET' was denied\n");
}

#[test]
fn getacl_lists_owner_and_grants() {
    let t = shared();
    t.s3cmd("setacl --acl-grant=read:ALTID s3://BUCKET/tree/a.txt").ok();
    let run = t.s3cmd("getacl s3://BUCKET/tree/a.txt").ok();
    let lines = run.lines();
    assert_eq!(lines[0], "s3://BUCKET/tree/a.txt (object):");
    assert!(lines[1].starts_with("   Owner:     "), "{run}");
    assert!(lines.iter().any(|line| line.starts_with("   ACL:       ") && line.ends_with(": READ")), "{run}");
    t.s3cmd("getacl s3://BUCKET").ok().mentions("s3://BUCKET/ (bucket):\n").mentions(": FULL_CONTROL\n");
}

#[test]
fn revoking_an_absent_grant_is_reported() {
    let mut t = TestEnv::with_bucket();
    t.know_alt_id("ALTID");
    t.object("k", "k");
    let run = t.s3cmd("setacl --acl-revoke=read:ALTID s3://BUCKET/k").run();
    assert_eq!(run.code, Some(0), "{run}");
    run.prints("")
        .complains("WARNING: s3://BUCKET/k: nothing was revoked: there is no grant of READ for ALTID");
    t.s3cmd("setacl --acl-grant=full_control:ALTID s3://BUCKET/k").ok();
    t.s3cmd("setacl --acl-revoke=read:ALTID s3://BUCKET/k").run().explains("ALTID, who has FULL_CONTROL");
    t.s3cmd("setacl --acl-revoke=all:ALTID s3://BUCKET/k").ok().prints("s3://BUCKET/k: ACL updated");
}

#[test]
fn setacl_continues_after_an_object_that_fails() {
    let t = TestEnv::with_bucket();
    t.object("a", "a");
    t.object("z", "z");
    let run = t.s3cmd("setacl --acl-public s3://BUCKET/a s3://BUCKET/missing s3://BUCKET/z").fails(2);
    run.mentions("s3://BUCKET/a: ACL set to Public")
        .mentions("s3://BUCKET/z: ACL set to Public")
        .explains("s3://BUCKET/missing");
}
