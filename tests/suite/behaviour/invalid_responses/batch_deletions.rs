//! Batch deletions whose response does not confirm every key, and services without batch deletions.

use crate::support::env::TestEnv;
use crate::support::hostile::{Answer, Hostile, Lie, Op};

fn world() -> (Hostile, TestEnv) {
    let server = Hostile::start();
    server.object("b/d/a", "a").object("b/d/b c", "b").object("b/d/e", "e");
    let t = server.world();
    (server, t)
}

fn answer(inner: &str) -> Answer {
    Answer::xml("DeleteResult", inner)
}

#[test]
fn a_key_counts_as_deleted_only_if_the_response_names_it() {
    let confirmed = |keys: &[&str]| {
        keys.iter().map(|key| format!("<Deleted><Key>{key}</Key></Deleted>")).collect::<String>()
    };
    let some = confirmed(&["d/a", "d/e"]);
    for (inner, failed) in [
        (String::new(), &["d/a", "d/b c", "d/e"][..]),
        ("<Error><Code>InternalError</Code></Error>".to_owned(), &["d/a", "d/b c", "d/e"]),
        (some.clone(), &["d/b c"]),
        (format!("{some}<Error><Key>d/b%20c</Key><Code>AccessDenied</Code></Error>"), &["d/b c"]),
        (format!("{some}<Deleted><Key>d/b+c</Key></Deleted>"), &["d/b c"]),
        (format!("{some}<Deleted><Key>d/b c</Key><VersionId>other</VersionId></Deleted>"), &["d/b c"]),
        (
            format!(
                "{some}<Error><Key>d/b c</Key><VersionId>other</VersionId><Code>AccessDenied</Code></Error>"
            ),
            &["d/b c"],
        ),
        (confirmed(&["x", "y", "z"]), &["d/a", "d/b c", "d/e"]),
    ] {
        let (server, t) = world();
        server.lie(Lie::instead(Op::DeleteMany, answer(&inner)));
        let run = t.s3cmd("del -r s3://b/d/").fails(2);
        for key in ["d/a", "d/b c", "d/e"] {
            let (is_named, is_told) = (
                run.stderr.contains(&format!("Delete of 's3://b/{key}' failed")),
                run.stdout.contains(&format!("delete: 's3://b/{key}'")),
            );
            assert_eq!(
                (is_named, is_told),
                (failed.contains(&key), !failed.contains(&key)),
                "{inner}\n{run}"
            );
        }
    }
}

#[test]
fn versions_count_as_deleted_only_if_the_response_names_them() {
    let (server, t) = world();
    server.versioned().object("b/v", "1").object("b/v", "2");
    let inner = "<Deleted><Key>v</Key></Deleted>";
    server.lie(Lie::instead(Op::DeleteMany, answer(inner)));
    let run = t.s3cmd("del --all-versions s3://b/v").fails(2);
    assert_eq!(run.stderr.matches("Delete of 's3://b/v' failed").count(), 2, "{run}");
    server.reform();
    t.s3cmd("del --all-versions s3://b/v").ok();
    assert_eq!(server.content("b/v"), None);
}

#[test]
fn an_unconfirmed_deletion_removes_no_bucket_and_fails_a_sync() {
    let (server, t) = world();
    server.lie(Lie::instead(Op::DeleteMany, answer("")));
    let run = t.s3cmd("rb -r s3://b").run();
    assert!(!matches!(run.code, Some(0) | None), "{run}");
    t.file("up/a", "a");
    t.s3cmd("sync --delete-removed up/ s3://b/d/").fails(2).silent_about("delete: ");
    assert_eq!(server.keys().len(), 3);
}

#[test]
fn a_service_without_batches_deletes_one_by_one() {
    let refusals = [
        Answer::error(501, "NotImplemented"),
        Answer::empty(501),
        Answer::error(405, "MethodNotAllowed"),
        Answer::error(400, "InvalidArgument"),
        Answer::error(400, "NotImplemented"),
    ];
    for refusal in refusals {
        let (server, t) = world();
        for number in 0..1500 {
            server.object(&format!("b/d/{number}"), "");
        }
        server.object("b/kept", "");
        server.lie(Lie::instead(Op::DeleteMany, refusal));
        let run = t.s3cmd("del -r -j 1 s3://b/d/").ok();
        assert_eq!(run.lines().len(), 1503, "{run}");
        assert_eq!(server.keys(), ["b/kept"]);
        assert_eq!(server.count(Op::DeleteMany), 1, "it is remembered");
        assert_eq!(server.count(Op::Delete), 1503);
    }
}

#[test]
fn without_batches_one_refused_key_does_not_stop_the_others() {
    let (server, t) = world();
    server.lie(Lie::instead(Op::DeleteMany, Answer::error(501, "NotImplemented")));
    server.lie(Lie::instead(Op::Delete, Answer::error(403, "AccessDenied")).of("d/b c"));
    let run = t.s3cmd("del -r s3://b/d/").fails(2);
    run.explains("Delete of 's3://b/d/b c' failed (Reason: 403 (AccessDenied)").mentions("s3://b/d/e");
    assert_eq!(server.keys(), ["b/d/b c"]);
    server.reform().versioned().object("b/v", "1").object("b/v", "2").object("b/w", "1");
    server.lie(Lie::instead(Op::DeleteMany, Answer::error(501, "NotImplemented")));
    t.s3cmd("del --all-versions s3://b/v").ok();
    t.s3cmd("rb -rf s3://b").run();
    assert_eq!(server.keys(), [""; 0]);
}

#[test]
fn a_rejected_batch_does_not_mean_that_batches_are_unsupported() {
    let (server, t) = world();
    server.lie(Lie::instead(Op::DeleteMany, Answer::error(403, "AccessDenied")));
    t.s3cmd("del -r s3://b/d/").fails(77);
    assert_eq!(server.count(Op::Delete), 0);
}
