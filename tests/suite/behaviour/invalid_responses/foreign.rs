//! Responses with a status of success that no S3 server sends: from captive portals, misconfigured proxies, other
//! servers. None of them counts as success.

use crate::support::env::TestEnv;
use crate::support::hostile::{Answer, Hostile, Lie, Op};
use crate::support::run::Run;

/// What such servers send for any request.
fn foreign() -> [(&'static str, Answer); 8] {
    [
        ("a web page", Answer::html()),
        ("a web page with an ETag", Answer::html().header("ETag", "\"6f5902ac237024bdd0c176cb93063dc4\"")),
        ("nothing", Answer::empty(200)),
        ("202", Answer::empty(202)),
        ("204", Answer::empty(204)),
        ("304", Answer::empty(304)),
        ("an error", Answer { status: 200, ..Answer::error(500, "InternalError") }),
        ("a word", Answer::new(200, "OK\n")),
    ]
}

/// A world with objects, files and an unfinished upload, whose id stands for `ID` in command lines.
fn world() -> (Hostile, TestEnv) {
    let server = Hostile::start();
    let mut t = server.world();
    t.configure("multipart_copy_chunk_size_mb = 5");
    server.object("b/k", "hello world\n").object("b/d/one", "1").object("b/large", vec![7; 6 << 20]);
    t.normaliser.name(&server.upload("b/begun"), "ID");
    t.file("small", "hello world\n");
    t.file("large", vec![7; 6 << 20]);
    t.file("acl", "<x/>");
    t.file("policy", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}"#);
    t.file("up/x", "x");
    t.dir("down");
    (server, t)
}

/// Runs a line against every such response, except for those that S3 may send.
fn refused(line: &str, op: Op, but: &[&str], check: impl Fn(&Hostile, &TestEnv, &Run)) {
    for (what, answer) in foreign() {
        if but.contains(&what) {
            continue;
        }
        let (server, t) = world();
        let before = server.keys();
        server.lie(Lie::instead(op, answer));
        let run = t.s3cmd(line).stdin(vec![7; 6 << 20]).run();
        assert!(!matches!(run.code, Some(0) | None), "{what} to {op:?}:\n{run}");
        assert!(!run.stderr.is_empty(), "{what} to {op:?}: without a word\n{run}");
        assert!(server.count(op) > 0, "{what} to {op:?}: never asked\n{run}");
        let left: Vec<_> = before.iter().filter(|key| !server.keys().contains(key)).collect();
        assert!(left.is_empty(), "{what} to {op:?}: {left:?} are gone\n{run}");
        check(&server, &t, &run);
    }
}

fn says_nothing_of(word: &str) -> impl Fn(&Hostile, &TestEnv, &Run) {
    move |_, _, run| assert!(!run.stdout.contains(word), "{word}\n{run}")
}

#[test]
fn nothing_counts_as_uploaded_without_a_valid_response() {
    for line in
        ["put small s3://b/new", "put small large s3://b/d/ --disable-multipart", "sync small s3://b/sync/"]
    {
        refused(line, Op::Put, &[], says_nothing_of("upload: "));
    }
    let parts = "--multipart-chunk-size-mb=5";
    for line in [&format!("put {parts} large s3://b/new"), &format!("put {parts} - s3://b/new")] {
        for op in [Op::CreateUpload, Op::UploadPart, Op::Complete] {
            refused(line, op, &[], says_nothing_of("upload: "));
        }
    }
}

#[test]
fn nothing_counts_as_copied_without_a_valid_response() {
    for line in ["cp s3://b/k s3://b/new", "cp -r s3://b/d/ s3://b/e/", "sync s3://b/d/ s3://b/e/"] {
        refused(line, Op::Copy, &[], says_nothing_of("copy: "));
    }
    for line in ["mv s3://b/k s3://b/new", "mv -r s3://b/d/ s3://b/e/", "modify --mime-type=text/x s3://b/k"]
    {
        refused(line, Op::Copy, &[], |server, _, run| assert_eq!(server.deleted(), [""; 0], "{run}"));
    }
    for op in [Op::CreateUpload, Op::CopyPart, Op::Complete] {
        refused("mv s3://b/large s3://b/new", op, &[], |server, _, run| {
            assert_eq!(server.deleted(), [""; 0], "{run}");
        });
    }
}

#[test]
fn nothing_counts_as_deleted_without_a_valid_response() {
    let may = &["204", "nothing"][..];
    for (line, op, but) in [
        ("del s3://b/k", Op::Delete, may),
        ("mv s3://b/k s3://b/k2", Op::Delete, may),
        ("get --delete-after-fetch s3://b/k got", Op::Delete, may),
        ("del -r s3://b/d/", Op::DeleteMany, &[][..]),
        ("sync --delete-removed up/ s3://b/d/", Op::DeleteMany, &[]),
        ("rb -r s3://b", Op::DeleteMany, &[]),
        ("rb s3://b", Op::DeleteBucket, may),
        ("abortmp s3://b/begun ID", Op::Abort, may),
    ] {
        refused(line, op, but, says_nothing_of("delete: "));
    }
}

#[test]
fn only_a_listing_counts_as_a_listing() {
    for (line, op) in [
        ("ls", Op::ListBuckets),
        ("ls s3://b", Op::ListObjects),
        ("ls -r s3://b", Op::ListObjects),
        ("ls --limit=5 s3://b", Op::ListObjects),
        ("du s3://b", Op::ListObjects),
        ("la", Op::ListObjects),
        ("del -r s3://b/d/", Op::ListObjects),
        ("get -r s3://b/d/ down/", Op::ListObjects),
        ("sync --delete-removed s3://b/d/ down/", Op::ListObjects),
        ("cp -r s3://b/d/ s3://b/e/", Op::ListObjects),
        ("mv -r s3://b/d/ s3://b/e/", Op::ListObjects),
        ("fixbucket s3://b", Op::ListObjects),
        ("md5sum -r s3://b/d/", Op::ListObjects),
        ("ls -r --all-versions s3://b", Op::ListVersions),
        ("du --all-versions s3://b", Op::ListVersions),
        ("del -r --all-versions s3://b/d/", Op::ListVersions),
        ("multipart s3://b", Op::ListUploads),
        ("listmp s3://b/begun ID", Op::ListParts),
    ] {
        refused(line, op, &[], |server, _, run| assert_eq!(server.deleted(), [""; 0], "{run}"));
    }
}

#[test]
fn nothing_counts_as_set_without_a_valid_response() {
    let may = &["204", "nothing"][..];
    for (line, op, but) in [
        ("mb s3://made", Op::CreateBucket, &["nothing"][..]),
        ("setacl --acl-public s3://b/k", Op::PutDocument("acl"), may),
        ("setacl --acl-public s3://b", Op::PutDocument("acl"), may),
        ("setpolicy policy s3://b", Op::PutDocument("policy"), may),
        ("delpolicy s3://b", Op::DeleteDocument("policy"), may),
        ("settagging s3://b/k a=b", Op::PutDocument("tagging"), may),
        ("deltagging s3://b/k", Op::DeleteDocument("tagging"), may),
        ("setversioning s3://b enable", Op::PutDocument("versioning"), may),
        ("setownership s3://b BucketOwnerEnforced", Op::PutDocument("ownershipControls"), may),
        ("payer s3://b", Op::PutDocument("requestPayment"), may),
        ("ws-create s3://b", Op::PutDocument("website"), may),
        ("ws-delete s3://b", Op::DeleteDocument("website"), may),
        ("accesslog --no-access-logging s3://b", Op::PutDocument("logging"), may),
        ("expire --expiry-days=5 s3://b", Op::PutDocument("lifecycle"), may),
        ("dellifecycle s3://b", Op::DeleteDocument("lifecycle"), may),
        ("setobjectlegalhold ON s3://b/k", Op::PutDocument("legal-hold"), may),
        ("setobjectretention GOVERNANCE 2030-01-01T00:00:00Z s3://b/k", Op::PutDocument("retention"), may),
        ("restore s3://b/k", Op::PutDocument("restore"), &["202", "nothing"]),
    ] {
        refused(line, op, but, |_, _, _| {});
    }
}

#[test]
fn only_the_requested_document_is_shown() {
    for (line, op) in [
        ("getacl s3://b/k", Op::GetDocument("acl")),
        ("setacl --acl-public s3://b/k", Op::GetDocument("acl")),
        ("getpolicy s3://b", Op::GetDocument("policy")),
        ("getlifecycle s3://b", Op::GetDocument("lifecycle")),
        ("gettagging s3://b/k", Op::GetDocument("tagging")),
        ("getnotification s3://b", Op::GetDocument("notification")),
        ("ws-info s3://b", Op::GetDocument("website")),
    ] {
        refused(line, op, &[], |server, _, run| {
            assert_eq!(server.count(Op::PutDocument("acl")), 0, "{run}");
            assert!(!run.stdout.contains("html"), "{run}");
        });
    }
    // An ETag and a length make an object; a response to HEAD has nothing else.
    for line in ["info s3://b/k", "md5sum s3://b/k", "modify --mime-type=text/x s3://b/k", "get s3://b/k got"]
    {
        refused(line, Op::Head, &["a web page with an ETag"], |server, t, run| {
            assert!(!t.exists("got") && server.count(Op::Copy) == 0, "{run}");
        });
    }
}
