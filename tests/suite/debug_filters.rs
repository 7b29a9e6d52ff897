//! `-d` tells what filters decide about each name, in s3cmd's words.

use crate::differential::{Twins, original};
use crate::env::TestEnv;
use std::collections::BTreeSet;

/// The lines that filters print, without the order of the walk.
fn decisions(stderr: &str, words: &[&str]) -> BTreeSet<String> {
    let is_one = |line: &&str| words.iter().any(|word| line.starts_with(&format!("DEBUG: {word}: '")));
    stderr.lines().filter(is_one).map(str::to_owned).collect()
}

const WORDS: [&str; 5] = ["CHECK", "EXCL-MATCH", "INCL-MATCH", "EXCLUDE", "PASS"];

#[test]
fn each_decision_about_a_name_is_told_with_the_pattern() {
    let t = TestEnv::with_bucket();
    t.tree();
    let run = t.s3cmd("-d put -r --exclude='*.txt' --rinclude='^sub/b' tree/ s3://BUCKET/").run();
    let told = decisions(&run.stderr, &WORDS);
    for line in [
        "DEBUG: CHECK: 'a.txt'",
        r"DEBUG: EXCL-MATCH: '(?s:.*\.txt)\Z'",
        "DEBUG: EXCLUDE: 'a.txt'",
        "DEBUG: INCL-MATCH: '^sub/b'",
        "DEBUG: PASS: 'sub/b.txt'",
        "DEBUG: EXCLUDE: 'sub/c d.txt'",
    ] {
        assert!(told.contains(line), "{line}: {run}");
    }
    let run = t.s3cmd("-d sync --exclude='sub/' tree/ s3://BUCKET/").run();
    assert!(decisions(&run.stderr, &WORDS).contains("DEBUG: EXCLUDE: 'tree/sub/'"), "{run}");
    let run = t.s3cmd("-v put -r --exclude='*.txt' tree/ s3://BUCKET/").run();
    assert!(!run.stderr.contains("EXCL"), "{run}");
}

/// Needs `S3CMD_ORIGINAL`.
#[test]
fn the_lines_are_those_of_s3cmd() {
    let Some(original) = original() else { return };
    let twins = Twins::new(&original);
    twins.each(|t| {
        t.s3cmd("put -r tree hello.txt notes.log s3://BUCKET/").run();
    });
    let filters = "--exclude='*.txt' --rexclude='^notes' --include='a*' --rinclude='c d'";
    for line in [
        "put -n -r tree hello.txt notes.log s3://BUCKET/x/",
        "put -n -r tree/ s3://BUCKET/x/",
        "sync -n tree/ s3://BUCKET/y/",
        "sync -n s3://BUCKET/tree/ down/",
        "get -n -r s3://BUCKET/tree down/",
        "del -n -r s3://BUCKET/tree",
        "cp -n -r s3://BUCKET/tree/ s3://BUCKET2/",
        "mv -n -r s3://BUCKET/tree/ s3://BUCKET2/",
        "sync -n s3://BUCKET/tree/ s3://BUCKET2/",
        "modify -n -r s3://BUCKET/tree/",
        "get -n 's3://BUCKET/*' down/",
    ] {
        // s3cmd's comparison has a word for what it looks at, too: `CHECK`.
        let [theirs, ours] = [true, false].map(|theirs| {
            let run = twins.side(theirs).s3cmd(&format!("-d {line} {filters}")).run();
            decisions(&run.stderr, &WORDS[1..])
        });
        assert_eq!(theirs, ours, "{line}");
        assert!(!ours.is_empty(), "{line}");
    }
}
