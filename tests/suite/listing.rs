//! `ls` of a bucket, `del`, `md5sum`: what walks over keys.

use crate::env::TestEnv;

fn with_objects(keys: &[&str]) -> TestEnv {
    let t = TestEnv::with_bucket();
    for key in keys {
        t.object(key, format!("{key}\n"));
    }
    t
}

#[test]
fn prefixes_come_before_objects() {
    let t = with_objects(&["b", "a/1", "c/1", "c/2", "ä ö"]);
    t.s3cmd("ls s3://BUCKET").ok().prints(
        "
        |                          DIR  s3://BUCKET/a/
        |                          DIR  s3://BUCKET/c/
        |YYYY-MM-DD hh:mm            2  s3://BUCKET/b
        |YYYY-MM-DD hh:mm            6  s3://BUCKET/ä ö
        ",
    );
    t.s3cmd("ls s3://BUCKET/c").ok().prints("                          DIR  s3://BUCKET/c/");
    t.s3cmd("ls s3://BUCKET/c/").ok().prints(
        "
        |YYYY-MM-DD hh:mm            4  s3://BUCKET/c/1
        |YYYY-MM-DD hh:mm            4  s3://BUCKET/c/2
        ",
    );
    t.s3cmd("ls s3://BUCKET/c/1 s3://BUCKET/none")
        .ok()
        .prints("YYYY-MM-DD hh:mm            4  s3://BUCKET/c/1");
    t.s3cmd("ls 's3://BUCKET/c/*'").ok().mentions("s3://BUCKET/c/2\n");
    t.s3cmd("ls s3://BUCKET/none").ok().prints("");
    t.s3cmd("ls -H s3://BUCKET").ok().prints(
        "
        |                    DIR  s3://BUCKET/a/
        |                    DIR  s3://BUCKET/c/
        |YYYY-MM-DD hh:mm     2   s3://BUCKET/b
        |YYYY-MM-DD hh:mm     6   s3://BUCKET/ä ö
        ",
    );
    t.s3cmd("ls -r s3://BUCKET").ok().prints(
        "
        |YYYY-MM-DD hh:mm            4  s3://BUCKET/a/1
        |YYYY-MM-DD hh:mm            2  s3://BUCKET/b
        |YYYY-MM-DD hh:mm            4  s3://BUCKET/c/1
        |YYYY-MM-DD hh:mm            4  s3://BUCKET/c/2
        |YYYY-MM-DD hh:mm            6  s3://BUCKET/ä ö
        ",
    );
}

#[test]
fn long_and_md5_listings_have_their_columns() {
    let t = with_objects(&["b", "d/x"]);
    t.s3cmd("ls -l s3://BUCKET").ok().prints(
        "
        |                          DIR                                                    s3://BUCKET/d/
        |YYYY-MM-DD hh:mm            2  3b5d5c3712955042212316173ccf37be     STANDARD     s3://BUCKET/b
        ",
    );
    t.s3cmd("ls --list-md5 s3://BUCKET").ok().prints(
        "
        |                          DIR                                       s3://BUCKET/d/
        |YYYY-MM-DD hh:mm            2  3b5d5c3712955042212316173ccf37be     s3://BUCKET/b
        ",
    );
}

#[test]
fn a_limit_ends_the_list_with_a_warning() {
    let t = with_objects(&["a", "b", "c"]);
    let run = t.s3cmd("ls --limit=2 s3://BUCKET").run();
    assert_eq!((run.code, run.lines().len()), (Some(0), 2), "{run}");
    run.complains("WARNING: The list is truncated because the settings limit was reached.");
    t.s3cmd("ls --limit=3 s3://BUCKET").ok();
    t.s3cmd("ls --limit=x s3://BUCKET").run().in_one_line();
}

#[test]
fn a_list_of_many_pages_is_complete_and_in_order() {
    let t = TestEnv::with_bucket();
    for i in 0..1234 {
        t.file(format!("d/{i:04}"), "");
    }
    t.s3cmd("put -r --no-preserve d s3://BUCKET").ok();
    let keys = t.keys();
    let expected: Vec<String> = (0..1234).map(|i| format!("d/{i:04}")).collect();
    assert_eq!(keys, expected);
    t.s3cmd("du s3://BUCKET").ok().prints("           0    1234 objects s3://BUCKET/");
    let run = t.s3cmd("del -r s3://BUCKET/d/").ok();
    let lines: Vec<String> = expected.iter().map(|key| format!("delete: 's3://BUCKET/{key}'")).collect();
    assert_eq!(run.lines(), lines);
    assert!(t.keys().is_empty());
}

#[test]
fn del_takes_keys_prefixes_and_wildcards() {
    let t = with_objects(&["a", "b", "d/1", "d/2", "d/sub/3", "e1", "e2", "f"]);
    t.s3cmd("del s3://BUCKET/a").ok().prints("delete: 's3://BUCKET/a'");
    t.s3cmd("rm s3://BUCKET/b s3://BUCKET/f").ok().prints("delete: 's3://BUCKET/b'\ndelete: 's3://BUCKET/f'");
    t.s3cmd("del s3://BUCKET/e*").ok().prints("delete: 's3://BUCKET/e1'\ndelete: 's3://BUCKET/e2'");
    t.s3cmd("del s3://BUCKET/d/*").ok();
    assert_eq!(t.keys(), ["d/sub/3"]);
    t.s3cmd("del s3://BUCKET/a").ok().prints("delete: 's3://BUCKET/a'");
    t.s3cmd("del --recursive s3://BUCKET/d").ok().prints("delete: 's3://BUCKET/d/sub/3'");
    let run = t.s3cmd("del --recursive s3://BUCKET/d").run();
    assert_eq!(run.code, Some(0));
    run.prints("").complains("WARNING: Remote list is empty.");
}

#[test]
fn del_recursive_processes_every_argument() {
    let t = with_objects(&["a/1", "b/1", "c/1"]);
    t.s3cmd("del -r s3://BUCKET/a/ s3://BUCKET/b/").ok();
    assert_eq!(t.keys(), ["c/1"]);
}

#[test]
fn a_whole_bucket_is_emptied_only_by_force() {
    let t = with_objects(&["a", "b/c"]);
    t.s3cmd("del -r s3://BUCKET")
        .fails(64)
        .complains("ERROR: Parameter problem: Please use --force to delete ALL contents of s3://BUCKET");
    t.s3cmd("del s3://BUCKET").fails(64);
    t.s3cmd("del s3://BUCKET/b/").fails(64).complains(
        "ERROR: Parameter problem: Expecting S3 URI with a filename or --recursive: s3://BUCKET/b/",
    );
    t.s3cmd("del").fails(64).complains("ERROR: Not enough parameters for command 'del'");
    assert_eq!(t.keys(), ["a", "b/c"]);
    t.s3cmd("del -rf s3://BUCKET").ok();
    assert!(t.keys().is_empty());
}

#[test]
fn del_honours_filters_dry_run_and_the_limit_of_deletions() {
    let t = with_objects(&["a.bin", "b.txt", "d/c.bin"]);
    t.s3cmd("del -n -r s3://BUCKET/d/").ok().prints("delete: 's3://BUCKET/d/c.bin'");
    let run = t.s3cmd("del -r -f --max-delete=2 s3://BUCKET").run();
    assert_eq!(run.code, Some(0));
    run.prints("")
        .complains("WARNING: delete: maximum requested number of deletes would be exceeded, none performed.");
    t.s3cmd("del -r -f --exclude='*.bin' s3://BUCKET").ok().prints("delete: 's3://BUCKET/b.txt'");
    assert_eq!(t.keys(), ["a.bin", "d/c.bin"]);
}

#[test]
fn md5sum_prints_what_coreutils_can_check() {
    let t = with_objects(&["b", "d/x y"]);
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
