//! `-d` prints what filters decide about each name.

use crate::support::env::TestEnv;
use crate::support::filters::{WORDS, decisions};

#[test]
fn each_decision_about_a_name_is_printed_with_the_pattern() {
    let t = TestEnv::with_bucket();
    t.tree();
    let run = t.s3cmd("-d put -r --exclude='*.txt' --rinclude='^sub/b' tree/ s3://BUCKET/").run();
    let printed = decisions(&run.stderr, &WORDS);
    for line in [
        "DEBUG: CHECK: 'a.txt'",
        r"DEBUG: EXCL-MATCH: '(?s:.*\.txt)\Z'",
        "DEBUG: EXCLUDE: 'a.txt'",
        "DEBUG: INCL-MATCH: '^sub/b'",
        "DEBUG: PASS: 'sub/b.txt'",
        "DEBUG: EXCLUDE: 'sub/c d.txt'",
    ] {
        assert!(printed.contains(line), "{line}: {run}");
    }
    let run = t.s3cmd("-d sync --exclude='sub/' tree/ s3://BUCKET/").run();
    assert!(decisions(&run.stderr, &WORDS).contains("DEBUG: EXCLUDE: 'tree/sub/'"), "{run}");
    let run = t.s3cmd("-v put -r --exclude='*.txt' tree/ s3://BUCKET/").run();
    assert!(!run.stderr.contains("EXCL"), "{run}");
}
