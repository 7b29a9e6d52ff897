//! `fixbucket`: keys with control characters.

use crate::support::env::TestEnv;

#[test]
fn fixbucket_renames_what_holds_control_characters_and_replaces_nothing() {
    let t = TestEnv::with_bucket();
    for key in ["d/a\u{1}b", "d/c\u{7f}", "plain", "x\u{2}", "x^B"] {
        t.object(key, format!("{key:?}"));
    }
    let keys = t.keys();
    t.s3cmd("fixbucket -n s3://BUCKET").ok().prints(
        r"
        |[--dry-run] File 'd/a\x01b' would be renamed to d/a^Ab
        |[--dry-run] File 'd/c\x7f' would be renamed to d/c^?
        |[--dry-run] File 'x\x02' would be renamed to x^B
        ",
    );
    assert_eq!(t.keys(), keys);
    let run = t.s3cmd("fixbucket s3://BUCKET/d/ s3://BUCKET/x").fails(2);
    run.prints(
        r"
        |File ''d/a\x01b'' renamed to 'd/a^Ab'
        |File ''d/c\x7f'' renamed to 'd/c^?'
        ",
    )
    .complains(
        r"
        |ERROR: File 'x\x02' was not renamed: 's3://BUCKET/x^B' exists already
        |WARNING: Fixed 2 files' names.
        |ERROR: 1 of 3 items failed
        ",
    );
    assert_eq!(t.content("d/a^Ab"), b"\"d/a\\u{1}b\"");
    assert_eq!(t.content("x^B"), b"\"x^B\"");
    t.s3cmd("del s3://BUCKET/x^B").ok();
    t.s3cmd("fixbucket s3://BUCKET").run().complains("WARNING: Fixed 1 files' names.");
    assert_eq!(t.keys(), ["d/a^Ab", "d/c^?", "plain", "x^B"]);
    t.s3cmd("fixbucket s3://BUCKET").ok().prints("");
    t.s3cmd("fixbucket here")
        .fails(64)
        .complains("ERROR: Parameter problem: Expecting S3Uri instead of: here");
}
