//! `-d` prints what filters decide about each name, in the words of s3cmd.

use crate::compat::twins::{Twins, original};
use crate::support::filters::{WORDS, decisions};

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
        // `CHECK` is left out: s3cmd also prints it when it compares files.
        let [theirs, ours] = [true, false].map(|theirs| {
            let run = twins.side(theirs).s3cmd(&format!("-d {line} {filters}")).run();
            decisions(&run.stderr, &WORDS[1..])
        });
        assert_eq!(theirs, ours, "{line}");
        assert!(!ours.is_empty(), "{line}");
    }
}
