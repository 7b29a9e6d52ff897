//! `ls` and `la`: buckets, prefixes, wildcards, columns and limits.

use crate::support::env::TestEnv;
use crate::support::service::Serve;

#[test]
fn prefixes_come_before_objects() {
    let t = TestEnv::with_objects(&["b", "a/1", "c/1", "c/2", "ä ö"]);
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
    let t = TestEnv::with_objects(&["b", "d/x"]);
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
    let t = TestEnv::with_objects(&["a", "b", "c"]);
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
fn ls_and_du_apply_wildcards_and_filters() {
    let t = TestEnv::with_bucket();
    for key in ["a.txt", "b.dat", "d/a.txt", "d/e/b.txt", "d2/x", "other"] {
        t.object(key, "12345");
    }
    let listed = |line: &str| -> Vec<String> {
        let run = t.s3cmd(line).ok();
        run.lines().iter().map(|line| line.split_once("s3://BUCKET/").expect("a URI").1.to_owned()).collect()
    };
    assert_eq!(listed("ls 's3://BUCKET/*.txt'"), ["a.txt"]);
    assert_eq!(listed("ls 's3://BUCKET/d*'"), ["d/", "d2/"]);
    assert_eq!(listed("ls 's3://BUCKET/d?'"), ["d2/"]);
    assert_eq!(listed("ls 's3://BUCKET/d/*.txt'"), ["d/a.txt"]);
    assert_eq!(listed("ls 's3://BUCKET/*/a.*'"), ["d/a.txt"]);
    assert_eq!(listed("ls 's3://BUCKET/*/'"), ["d/", "d2/"]);
    assert_eq!(listed("ls -r 's3://BUCKET/*.txt'"), ["a.txt", "d/a.txt", "d/e/b.txt"]);
    assert_eq!(listed("ls --exclude='*.txt' s3://BUCKET"), ["d/", "d2/", "b.dat", "other"]);
    assert_eq!(listed("ls -r --exclude='*' --include='*.dat' s3://BUCKET"), ["b.dat"]);
    assert_eq!(listed("ls --rexclude='^d2?/$' s3://BUCKET"), ["a.txt", "b.dat", "other"]);
    assert_eq!(listed("ls -r --exclude='e/*' s3://BUCKET/d/"), ["d/a.txt"]);
    let run = t.s3cmd("ls -r --limit=2 --exclude=a.txt s3://BUCKET").run();
    assert_eq!((run.code, run.lines().len()), (Some(0), 2), "{run}");
    run.complains("WARNING: The list is truncated because the settings limit was reached.");
    t.s3cmd("ls -r --limit=4 --exclude=a.txt s3://BUCKET").ok();
    let sum = |line: &str, objects: u64| {
        let run = t.s3cmd(line).ok();
        assert!(run.stdout.contains(&format!(" {objects} objects ")), "{run}");
    };
    sum("du 's3://BUCKET/*.txt'", 3);
    sum("du 's3://BUCKET/d*'", 3);
    sum("du --exclude='*.txt' s3://BUCKET", 3);
    sum("du --exclude='*' --include='*.dat' s3://BUCKET", 1);
    sum("du s3://BUCKET/d", 3);
}

#[test]
fn all_buckets_are_listed_by_name() {
    let serve = Serve::start();
    let mut t = TestEnv::on(&serve.service);
    t.s3cmd("ls").ok().prints("");
    t.s3cmd("la").ok().prints("");
    for name in ["bbb", "aaa"] {
        t.s3cmd(&format!("mb s3://{name}")).ok();
    }
    t.file("f", "12345");
    t.s3cmd("put f s3://bbb/x/f").ok();
    t.s3cmd("put f s3://bbb/f").ok();
    for all in ["ls", "ls s3://"] {
        t.s3cmd(all).ok().prints(
            "
            |YYYY-MM-DD hh:mm  s3://aaa
            |YYYY-MM-DD hh:mm  s3://bbb
            ",
        );
    }
    t.s3cmd("la").ok().prints(
        "
        |
        |                          DIR  s3://bbb/x/
        |YYYY-MM-DD hh:mm            5  s3://bbb/f
        |
        ",
    );
    t.s3cmd("la --recursive").ok().prints(
        "
        |
        |YYYY-MM-DD hh:mm            5  s3://bbb/f
        |YYYY-MM-DD hh:mm            5  s3://bbb/x/f
        |
        ",
    );
    t.s3cmd("du").ok().prints(
        "
        |           0       0 objects s3://aaa/
        |          10       2 objects s3://bbb/
        |------------
        |10           Total
        ",
    );
    t.normaliser.keep_messages = true;
    assert!(serve.data().is_dir(), "buckets are kept as folders below the served directory");
}
