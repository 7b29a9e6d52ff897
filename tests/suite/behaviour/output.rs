//! Standard output: the order of result lines, the progress meter, readers that stop reading, full devices.

use crate::support::env::TestEnv;

#[test]
fn a_closed_pipe_ends_the_run_quietly() {
    let t = TestEnv::with_bucket();
    for i in 0..300 {
        t.file(format!("d/{i:03}"), "");
    }
    t.s3cmd("put -r d s3://BUCKET").ok();
    let run = t.shell("s3cmd ls -r s3://BUCKET | head -1; echo \"${PIPESTATUS[0]}\"").run();
    assert_eq!(run.code, Some(0));
    let lines = run.lines();
    assert_eq!(lines[0], "YYYY-MM-DD hh:mm            0  s3://BUCKET/d/000");
    assert!(["0", "74"].contains(&lines[1]), "{run}");
    assert!(run.stderr.is_empty(), "{run}");
}

#[test]
fn a_closed_or_full_standard_output_is_reported() {
    let t = TestEnv::with_bucket();
    t.object("a", "x");
    let run = t.shell("s3cmd ls s3://BUCKET >&-").run();
    assert!(run.stderr.lines().count() <= 1, "{run}");
    if std::path::Path::new("/dev/full").exists() {
        let run = t.shell("s3cmd ls s3://BUCKET >/dev/full").run();
        assert_eq!(run.code, Some(74), "{run}");
        assert!(run.stderr.lines().count() <= 1, "{run}");
    }
}

#[test]
fn results_come_in_the_same_order_however_many_run_at_once() {
    let mut t = TestEnv::with_bucket();
    t.know_alt_id("ALTID");
    for i in 0..60 {
        // With these sizes the files finish out of order.
        t.file(format!("d/{i:02}"), vec![b'x'; if i % 7 == 0 { 300_000 } else { i }]);
    }
    let serial = t.s3cmd("put --jobs=1 -r d s3://BUCKET").ok();
    let parallel = t.s3cmd("put --jobs=16 -r d s3://BUCKET").ok();
    assert_eq!(serial.stdout, parallel.stdout);
    t.dir("g");
    for line in [
        "cp -r s3://BUCKET/d/ s3://BUCKET/e/",
        "get -rf s3://BUCKET/d g/",
        "setacl -r --acl-grant=read:ALTID s3://BUCKET/d",
        "ls -r s3://BUCKET",
    ] {
        let serial = t.s3cmd(line).arg("--jobs=1").ok();
        let parallel = t.s3cmd(line).arg("-j").arg("16").ok();
        assert_eq!(serial.stdout, parallel.stdout, "{line}");
    }
    let parallel = t.s3cmd("del -r s3://BUCKET/d").ok();
    let expected: Vec<String> = (0..60).map(|i| format!("delete: 's3://BUCKET/d/{i:02}'")).collect();
    assert_eq!(parallel.lines(), expected);
}

#[test]
fn the_progress_meter_is_that_of_s3cmd() {
    let t = TestEnv::with_bucket();
    t.file("hello.txt", "hello world\n");
    let run = t.s3cmd("put --progress hello.txt s3://BUCKET").ok();
    let text = String::from_utf8(run.raw).expect("text");
    let shape = t.normaliser.fill(
        r"^upload: 'hello.txt' -> 's3://BUCKET/hello.txt'  \[1 of 1\]\n(\r *\d+ of 12 +\d+% in +\d+s +[0-9.]+ [kKM]?B/s)+  done\n$",
    );
    assert!(regex::Regex::new(&shape).expect("a pattern").is_match(&text), "{text:?}");
}
