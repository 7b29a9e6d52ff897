//! Many items at once, one of which fails: the others are processed, the failure is named, standard output is in order,
//! and the exit code and the last line report that not all was done.

use crate::support::env::TestEnv;
use crate::support::fault_proxy::{Fault, Head, proxy};
use crate::support::hostile::{Answer, Framing, Hostile, Lie, Op};
use crate::support::run::Run;
use std::sync::{Arc, Mutex, PoisonError};

const NAMES: [&str; 5] = ["item-a", "item-b", "item-c", "item-d", "item-e"];

/// What goes wrong with `item-c`.
const TROUBLES: [(&str, Fault); 5] = [
    ("it may not be touched", Fault::Answer(403, "AccessDenied")),
    ("it is gone", Fault::Answer(404, "NoSuchKey")),
    ("it is archived", Fault::Answer(403, "InvalidObjectState")),
    ("the service always fails", Fault::Answer(500, "InternalError")),
    ("the connection always breaks", Fault::Reset),
];

/// A bucket with the objects below `p/` and files in `src`, behind a proxy that injects faults on request.
struct World {
    t: TestEnv,
    trouble: Arc<Mutex<Option<Fault>>>,
}

impl World {
    fn new() -> Self {
        let t = TestEnv::with_bucket();
        for name in NAMES {
            t.file(format!("src/{name}"), name);
        }
        t.s3cmd("put -r src/ s3://BUCKET/p/").ok();
        let trouble: Arc<Mutex<Option<Fault>>> = Arc::default();
        let shared = trouble.clone();
        let port = proxy(&t.service.host, move |head| {
            let trouble = *shared.lock().unwrap_or_else(PoisonError::into_inner);
            trouble.filter(|_| is_about(head, "item-c"))
        });
        let host = format!("localhost:{port}");
        let config = t.config_of(&t.service.main, &host).replace(&t.service.host, &host);
        t.write_config(".s3cfg", &format!("{config}max_retries = 1\nthrottle_max = 0\n"));
        Self { t, trouble }
    }

    fn with(&self, trouble: Fault, line: &str) -> Run {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
        let run = self.t.s3cmd(line).run();
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
        run
    }
}

/// Whether a request reads, writes or copies an object of that name.
fn is_about(head: &Head, name: &str) -> bool {
    let ends = |path: &str| path.split('?').next().is_some_and(|path| path.ends_with(name));
    ends(&head.target) || head.header("x-amz-copy-source").is_some_and(ends)
}

/// The others are on standard output, in order, and the failed one is on standard error.
fn check(run: &Run, context: &str) {
    let places: Vec<Option<usize>> =
        NAMES.map(|name| run.lines().iter().position(|line| line.contains(name))).into();
    let others = [places[0], places[1], places[3], places[4]];
    assert!(others.iter().all(Option::is_some) && others.is_sorted(), "{context}\n{run}");
    assert!(places[2].is_none(), "{context}: a failure is reported as done\n{run}");
    assert!(run.stderr.contains("item-c"), "{context}: the failure is not named\n{run}");
    let says = run.stderr.contains("1 of 5 items failed");
    assert_eq!(says, run.code == Some(2), "{context}: how many failed?\n{run}");
}

/// Runs a command with each fault and each number of jobs. `prepare` is called before each run. `missing` is the exit
/// code for a missing object, where s3cmd uses another one than 2.
fn play(line: &str, missing: i32, prepare: impl Fn(&TestEnv)) {
    let world = World::new();
    for (what, trouble) in TROUBLES {
        for jobs in [1, 8, 96] {
            let line = line.replacen(' ', &format!(" --jobs={jobs} "), 1);
            prepare(&world.t);
            let run = world.with(trouble, &line);
            let context = format!("{line}: {what}");
            check(&run, &context);
            let is_gone = trouble == Fault::Answer(404, "NoSuchKey");
            assert_eq!(run.code, Some(if is_gone { missing } else { 2 }), "{context}\n{run}");
        }
    }
}

fn nothing(_: &TestEnv) {}

/// All five of them, as arguments.
fn all(prefix: &str) -> String {
    NAMES.map(|name| format!("{prefix}{name}")).join(" ")
}

fn afresh(t: &TestEnv) {
    let _ = std::fs::remove_dir_all(t.path("down"));
    t.dir("down");
}

fn emptied(t: &TestEnv) {
    t.s3cmd("del -r s3://BUCKET/q/").run();
}

fn refilled(t: &TestEnv) {
    let config = t.home("cleanup.s3cfg");
    t.s3cmd("put -r src/ s3://BUCKET/p/").config(&config).ok();
    t.s3cmd("del -r s3://BUCKET/q/").config(&config).run();
}

#[test]
fn put_of_named_files() {
    play(&format!("put {} s3://BUCKET/q/", all("src/")), 2, nothing);
}

#[test]
fn put_of_a_tree() {
    play("put -r src/ s3://BUCKET/q/", 2, nothing);
}

#[test]
fn get_of_named_objects() {
    play(&format!("get {} down/", all("s3://BUCKET/p/")), 2, afresh);
}

#[test]
fn get_of_a_prefix() {
    play("get -r s3://BUCKET/p/ down/", 2, afresh);
}

#[test]
fn sync_upwards() {
    play("sync src/ s3://BUCKET/q/", 2, emptied);
}

#[test]
fn sync_downwards() {
    play("sync s3://BUCKET/p/ down/", 2, afresh);
}

#[test]
fn sync_between_prefixes() {
    play("sync s3://BUCKET/p/ s3://BUCKET/q/", 2, emptied);
}

#[test]
fn copies_of_named_objects() {
    play(&format!("cp {} s3://BUCKET/q/", all("s3://BUCKET/p/")), 1, emptied);
}

#[test]
fn copies_of_a_prefix() {
    play("cp -r s3://BUCKET/p/ s3://BUCKET/q/", 1, emptied);
}

#[test]
fn moves_of_a_prefix() {
    play("mv -r s3://BUCKET/p/ s3://BUCKET/q/", 1, refilled);
}

#[test]
fn deletions_of_named_objects() {
    // Deleting a missing object succeeds, as in S3.
    play(&format!("del {}", all("s3://BUCKET/p/")), 2, refilled);
}

#[test]
fn sums_of_named_objects() {
    play(&format!("md5sum {}", all("s3://BUCKET/p/")), 12, nothing);
}

#[test]
fn changes_of_headers() {
    play("modify -r --add-header=x-amz-meta-a:b s3://BUCKET/p/", 1, nothing);
}

#[test]
fn changes_of_grants() {
    let world = World::new();
    for (what, trouble) in TROUBLES {
        if trouble == Fault::Answer(404, "NoSuchKey") {
            continue;
        }
        for line in [
            format!("setacl --acl-public {}", all("s3://BUCKET/p/")),
            "setacl --acl-public -r s3://BUCKET/p/".into(),
        ] {
            world
                .t
                .s3cmd("setacl --acl-private -r s3://BUCKET/p/")
                .config(world.t.home("cleanup.s3cfg"))
                .ok();
            let run = world.with(trouble, &line);
            check(&run, &format!("{line}: {what}"));
            assert_eq!(run.code, Some(2), "{line}: {what}\n{run}");
        }
    }
}

#[test]
fn a_directory_in_the_way_of_one_file_stops_no_other() {
    let world = World::new();
    for line in
        ["get -r s3://BUCKET/p/ down/", "get --force -r s3://BUCKET/p/ down/", "sync s3://BUCKET/p/ down/"]
    {
        afresh(&world.t);
        world.t.file("down/item-c/inside", "kept");
        let run = world.t.s3cmd(line).run();
        if line == "get -r s3://BUCKET/p/ down/" {
            // Without an option for existing files, `get` refuses as s3cmd does.
            assert_eq!(run.code, Some(64), "{line}\n{run}");
            continue;
        }
        check(&run, line);
        assert_eq!(run.code, Some(2), "{line}\n{run}");
        assert_eq!(world.t.text("down/item-c/inside"), "kept");
    }
}

#[test]
fn rejected_credentials_end_the_run_with_one_line() {
    let world = World::new();
    for line in ["put -r src/ s3://BUCKET/q/".to_owned(), format!("del {}", all("s3://BUCKET/p/"))] {
        let run = world.with(Fault::Answer(403, "InvalidAccessKeyId"), &line.replacen(' ', " --jobs=1 ", 1));
        assert_eq!(run.code, Some(77), "{line}\n{run}");
        assert!(!run.stderr.contains("items failed") && !run.stdout.contains("item-d"), "{line}\n{run}");
    }
}

#[test]
fn delete_after_deletes_nothing_after_a_failure() {
    let world = World::new();
    let t = &world.t;
    let config = t.home("cleanup.s3cfg");
    let down = |name: &str| t.text(format!("down/{name}"));
    for trouble in [Fault::Answer(403, "AccessDenied"), Fault::Answer(500, "InternalError"), Fault::Reset] {
        t.s3cmd("put src/item-a s3://BUCKET/q/old").config(&config).ok();
        t.s3cmd("del s3://BUCKET/q/item-c").config(&config).run();
        let run = world.with(trouble, "sync --delete-removed --delete-after src/ s3://BUCKET/q/");
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains("no deletes performed because 1 transfers failed"), "{run}");
        assert!(t.keys().contains(&"q/old".to_owned()), "{run}");
        let run = world.with(trouble, "sync --delete-removed --delete-after s3://BUCKET/p/ s3://BUCKET/q/");
        assert_eq!(run.code, Some(2), "{run}");
        assert!(t.keys().contains(&"q/old".to_owned()), "{run}");
        afresh(t);
        t.file("down/old", "old");
        let run = world.with(trouble, "sync --delete-removed --delete-after s3://BUCKET/p/ down/");
        assert_eq!((run.code, down("old")), (Some(2), "old".to_owned()), "{run}");
        t.s3cmd("sync --delete-removed --delete-after s3://BUCKET/p/ down/").ok();
        assert!(!t.exists("down/old"));
    }
}

/// Commands on all buckets continue after a bucket that cannot be listed.
#[test]
fn a_bucket_that_may_not_be_listed_stops_no_other() {
    let server = Hostile::start();
    server.object("a/k", "one").object("b/k", "four").object("c/k", "two");
    server.lie(Lie::answer(Op::ListObjects, |request, answer| {
        if request.bucket == "b" { Answer::error(403, "AccessDenied") } else { answer }
    }));
    let t = server.world();
    for line in ["la", "du", "du s3://"] {
        let run = t.s3cmd(line).fails(2).explains("s3://b/: S3 error: 403 (AccessDenied)");
        assert!(run.stdout.contains("s3://a/") && run.stdout.contains("s3://c/"), "{line}\n{run}");
        assert!(
            line == "la" || run.stdout.lines().last().is_some_and(|line| line.starts_with("6 ")),
            "{run}"
        );
    }
}

#[test]
fn an_object_whose_response_has_no_length_is_at_most_one_failure() {
    let lines =
        ["get -r s3://b/p/ down/", &format!("get {} down/", all("s3://b/p/")), "sync s3://b/p/ down/"];
    for framing in [Framing::Chunked, Framing::Close] {
        for (op, missing) in [(Op::Get, 0), (Op::Get, 3), (Op::Head, 0)] {
            for line in lines {
                let server = Hostile::start();
                for name in NAMES {
                    server.object(&format!("b/p/{name}"), name);
                }
                let without_length = move |_: &_, mut answer: Answer| {
                    answer.body.truncate(answer.body.len() - missing);
                    answer.framed(framing)
                };
                server.lie(Lie::answer(op, without_length).of("p/item-c"));
                let t = server.world();
                t.dir("down");
                let run = t.s3cmd(line).run();
                let context = format!("{line} {op:?} {framing:?} without {missing} bytes");
                // Only named objects need a HEAD request.
                if missing > 0 || (op == Op::Head && line.contains("item-c")) {
                    assert_eq!(run.code, Some(2), "{context}: {run}");
                    check(&run, &context);
                    assert!(!t.exists("down/item-c"), "{context}");
                } else {
                    assert!(run.code == Some(0) && run.stderr.is_empty(), "{context}: {run}");
                    assert_eq!(t.text("down/item-c"), "item-c", "{context}");
                }
                assert_eq!(t.text("down/item-e"), "item-e", "{context}");
            }
        }
    }
}
