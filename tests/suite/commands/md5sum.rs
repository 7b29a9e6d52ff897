//! `md5sum`: lines that coreutils can check, and `--check`.

use crate::support::env::TestEnv;

#[test]
fn md5sum_prints_what_coreutils_can_check() {
    let t = TestEnv::with_objects(&["b", "d/x y"]);
    t.file("multi.bin", vec![7; 6 * 1024 * 1024]);
    t.s3cmd("put --multipart-chunk-size-mb=5 multi.bin s3://BUCKET/d/multi").ok();
    t.s3cmd("put --multipart-chunk-size-mb=5 --no-check-md5 multi.bin s3://BUCKET/d/unknown").ok();
    let expected = "
        |3b5d5c3712955042212316173ccf37be  s3://BUCKET/b
        |0a4f2b3c1b37c2a8c1ccbb22ad1a7a0c  s3://BUCKET/d/multi
        ";
    let sum = t.shell("md5sum multi.bin").ok();
    let sum = sum.stdout.split(' ').next().expect("a sum").to_owned();
    t.s3cmd("md5sum s3://BUCKET/b s3://BUCKET/d/multi")
        .ok()
        .prints(&expected.replace("0a4f2b3c1b37c2a8c1ccbb22ad1a7a0c", &sum));
    t.s3cmd("md5sum s3://BUCKET/d/unknown").ok().prints(&format!("{sum}  s3://BUCKET/d/unknown"));
    let run = t.s3cmd("md5sum -r s3://BUCKET").ok();
    assert_eq!(run.lines().len(), 4, "{run}");
    t.s3cmd("md5sum 's3://BUCKET/d/m*'").ok().prints(&format!("{sum}  s3://BUCKET/d/multi"));

    t.s3cmd("get -r s3://BUCKET/").ok();
    t.shell("s3cmd md5sum -r s3://BUCKET | sed 's,s3://BUCKET/,,' | md5sum --check --quiet -").ok();

    t.file("list", &t.s3cmd("md5sum -r s3://BUCKET").ok().raw);
    t.s3cmd("md5sum --check list").ok().mentions("s3://BUCKET/b: OK\n");
    t.object("b", "other\n");
    let run = t.s3cmd("md5sum --check list").run();
    assert!(!matches!(run.code, Some(0) | None), "{run}");
    run.mentions("s3://BUCKET/b: FAILED\n").mentions("s3://BUCKET/d/multi: OK\n");
    t.s3cmd("md5sum s3://BUCKET/none").run().prints("").in_one_line();
}
