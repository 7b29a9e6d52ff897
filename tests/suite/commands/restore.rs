//! `restore`: objects of archive classes.

use crate::support::env::TestEnv;
use crate::support::hostile::{Answer, Hostile, Lie, Op};
use crate::support::skip::on_serve;

#[test]
fn a_restore_is_planned_in_order() {
    let t = TestEnv::with_bucket();
    for key in ["d/b", "d/a", "top"] {
        t.object(key, "x");
    }
    let run = t.s3cmd("restore -r -n --exclude=top s3://BUCKET").run();
    assert_eq!(run.code, Some(0), "{run}");
    run.prints("exclude: top\nrestore: 's3://BUCKET/d/a'\nrestore: 's3://BUCKET/d/b'\n")
        .complains("WARNING: Exiting now because of --dry-run");
    t.s3cmd("restore -r s3://BUCKET/none/").ok().prints("");
}

#[test]
fn archived_objects_are_restored_and_others_are_skipped() {
    if !on_serve("archived objects") {
        return;
    }
    let t = TestEnv::with_bucket();
    t.file("f", "content");
    t.s3cmd("put --storage-class=GLACIER f s3://BUCKET/d/old").ok();
    t.s3cmd("put f s3://BUCKET/d/new").ok();
    t.s3cmd("get s3://BUCKET/d/old -").fails(77);
    t.s3cmd("restore s3://BUCKET/d/new").fails(77).prints("").explains("403 (InvalidObjectState)");
    let run = t.s3cmd("restore -r -D 2 --restore-priority=expedited s3://BUCKET/d/").run();
    assert_eq!(run.code, Some(0), "{run}");
    run.prints("restore: 's3://BUCKET/d/old'").explains("WARNING: Not archived: 's3://BUCKET/d/new' (");
    assert_eq!(t.content("d/old"), b"content");
    t.s3cmd("restore s3://BUCKET/d/old s3://BUCKET/none")
        .fails(2)
        .prints("restore: 's3://BUCKET/d/old'")
        .explains("ERROR: Restore of 's3://BUCKET/none' failed (Reason: 404 (NoSuchKey)");
    t.s3cmd("restore s3://BUCKET/none").fails(12).prints("");
}

#[test]
fn restore_sends_no_days_for_intelligent_tiering() {
    let server = Hostile::start();
    server.object("b/tiered", "x").object("b/archived", "x");
    let t = server.world();
    server.lie(
        Lie::answer(Op::Head, |_, answer| answer.with("x-amz-storage-class", "INTELLIGENT_TIERING"))
            .of("tiered"),
    );
    server
        .lie(Lie::answer(Op::Head, |_, answer| answer.with("x-amz-storage-class", "GLACIER")).of("archived"));
    server.lie(Lie::instead(Op::PutDocument("restore"), Answer::empty(202)));
    t.s3cmd("restore --restore-days=3 s3://b/tiered").ok();
    t.s3cmd("restore --restore-days=3 s3://b/archived").ok();
    let bodies: Vec<String> = server
        .calls()
        .iter()
        .filter(|call| call.op == Op::PutDocument("restore"))
        .map(|call| String::from_utf8_lossy(&call.request.body).into_owned())
        .collect();
    assert!(!bodies[0].contains("<Days>") && bodies[0].contains("<Tier>"), "{bodies:?}");
    assert!(bodies[1].contains("<Days>3</Days>"), "{bodies:?}");
}
