//! `--cache-file`: remembered MD5 sums of local files.

use crate::support::env::TestEnv;

#[test]
fn cached_sums_avoid_reading_unchanged_files() {
    let t = TestEnv::with_bucket();
    // The sums of files that have just changed are not cached. These files get an old modification time, and an old
    // change time by waiting, as only the system sets it.
    for (name, text) in [("tree/a", "first\n"), ("tree/b", "second\n")] {
        t.file(name, text);
    }
    std::thread::sleep(std::time::Duration::from_millis(2100));
    t.s3cmd("sync --cache-file=cache tree/ s3://BUCKET/").ok();
    let text = t.text("cache");
    assert!(text.starts_with("s3cmd-rs MD5 cache, version 1\n") && text.lines().count() == 3, "{text}");
    // The cached sum is used: with another sum the unchanged file counts as changed.
    let sum = text.lines().nth(1).unwrap().split(' ').next().unwrap();
    t.file("cache", text.replace(sum, &"0".repeat(32)));
    t.s3cmd("sync -n --cache-file=cache tree/ s3://BUCKET/").run().mentions("upload: 'tree/a'");
    t.s3cmd("sync -n tree/ s3://BUCKET/").run().silent_about("upload");
    // A changed file is read again, whatever its cached sum is.
    t.file("tree/a", "changed, and longer\n");
    t.s3cmd("sync --cache-file=cache tree/ s3://BUCKET/").ok().mentions("upload: 'tree/a'");
    assert_eq!(t.content("a"), b"changed, and longer\n");
}

#[test]
fn a_cache_of_s3cmd_is_replaced_and_another_file_is_not() {
    let t = TestEnv::with_bucket();
    t.file("f", "x");
    t.file("pickle", b"\x80\x04\x95\x10");
    let run = t.s3cmd("put --cache-file=pickle f s3://BUCKET").run();
    assert_eq!(run.code, Some(0), "{run}");
    run.complains("WARNING: The cache file 'pickle' was written by s3cmd and will be replaced");
    assert!(t.text("pickle").starts_with("s3cmd-rs MD5 cache"));
    t.file("letter", "Dear all,\n");
    t.s3cmd("put --cache-file=letter f s3://BUCKET")
        .run()
        .complains("WARNING: 'letter' is not a cache file: it is not used and not changed");
    assert_eq!(t.text("letter"), "Dear all,\n");
}
