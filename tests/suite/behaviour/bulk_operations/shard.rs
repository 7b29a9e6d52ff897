//! `--shard I/N`: several runs without coordination share the work.

use crate::support::env::TestEnv;
use crate::support::run::Run;

const SHARES: usize = 3;

fn names() -> Vec<String> {
    (0..60).map(|number| format!("d{}/file-{number:02}", number % 4)).collect()
}

/// Runs all shards of a command at once.
fn share(t: &TestEnv, line: &str) -> Vec<Run> {
    let runs = (1..=SHARES).map(|index| t.s3cmd(&format!("{line} --shard {index}/{SHARES}")));
    std::thread::scope(|scope| {
        let runs: Vec<_> = runs.map(|run| scope.spawn(move || run.ok())).collect();
        runs.into_iter().map(|run| run.join().expect("the run ends")).collect()
    })
}

/// Each name is in the lines of exactly one shard, and no shard has them all.
fn is_divided(runs: &[Run], names: &[String]) {
    for name in names {
        let times =
            runs.iter().flat_map(|run| run.lines()).filter(|line| line.contains(name.as_str())).count();
        assert_eq!(times, 1, "{name}");
    }
    assert!(runs.iter().all(|run| run.lines().len() < names.len()));
}

#[test]
fn shards_are_disjoint_and_complete() {
    let t = TestEnv::with_bucket();
    let names = names();
    for name in &names {
        t.file(format!("tree/{name}"), name);
    }
    is_divided(&share(&t, "put -r tree/ s3://BUCKET/t/"), &names);
    let mut keys: Vec<String> = names.iter().map(|name| format!("t/{name}")).collect();
    keys.sort_unstable();
    assert_eq!(t.keys(), keys);

    is_divided(&share(&t, "ls -r s3://BUCKET/t/"), &names);
    let sizes = share(&t, "du s3://BUCKET/t/");
    let count = |run: &Run| run.lines()[0].split_whitespace().nth(1).and_then(|n| n.parse::<usize>().ok());
    assert_eq!(sizes.iter().filter_map(count).sum::<usize>(), names.len());
    is_divided(&share(&t, "setacl -r --acl-public s3://BUCKET/t/"), &names);
    is_divided(&share(&t, "md5sum -r s3://BUCKET/t/"), &names);
    is_divided(&share(&t, "cp -r s3://BUCKET/t/ s3://BUCKET/copy/"), &names);

    t.dir("down");
    share(&t, "get -r s3://BUCKET/t/ down/");
    assert!(names.iter().all(|name| t.text(format!("down/{name}")) == *name));

    // The same names make the same shards in every command.
    let listed = t.s3cmd("ls -r s3://BUCKET/t/ --shard 2/3").ok().lines().len();
    let mut gone = t.s3cmd("del -r s3://BUCKET/t/ --shard 2/3").ok().lines().len();
    assert_eq!(gone, listed);
    assert_eq!(t.keys_of("BUCKET").iter().filter(|key| key.starts_with("t/")).count(), names.len() - gone);
    gone += t.s3cmd("del -r s3://BUCKET/t/ --shard 1/3").ok().lines().len();
    gone += t.s3cmd("del -r s3://BUCKET/t/ --shard 3/3").ok().lines().len();
    assert_eq!(gone, names.len());
}

#[test]
fn shards_of_a_sync_leave_each_other_alone() {
    let t = TestEnv::with_bucket();
    let names = names();
    for name in &names {
        t.file(format!("tree/{name}"), name);
    }
    t.object("t/d0/stale", "x");
    share(&t, "sync --delete-removed tree/ s3://BUCKET/t/");
    let mut keys: Vec<String> = names.iter().map(|name| format!("t/{name}")).collect();
    keys.sort_unstable();
    assert_eq!(t.keys(), keys);
}

#[test]
fn an_invalid_shard_is_refused() {
    let t = TestEnv::with_bucket();
    t.object("k", "x");
    for shard in ["0/3", "4/3", "1/0", "1", "a/b", "-1/3"] {
        t.s3cmd(&format!("del -r -f s3://BUCKET/ --shard {shard}"))
            .fails(64)
            .explains("--shard has to be I/N");
    }
    assert_eq!(t.keys(), ["k"]);
}

#[test]
fn a_shard_may_be_empty() {
    let t = TestEnv::with_bucket();
    t.file("a", "x");
    t.object("b", "x");
    for line in ["put a s3://BUCKET/c", "cp s3://BUCKET/b s3://BUCKET/d/", "get s3://BUCKET/b ."] {
        let runs = share(&t, line);
        assert_eq!(runs.iter().filter(|run| !run.lines().is_empty()).count(), 1, "{line}");
    }
    assert_eq!(t.keys(), ["b", "c", "d/b"]);
    assert_eq!(t.text("b"), "x");
}
