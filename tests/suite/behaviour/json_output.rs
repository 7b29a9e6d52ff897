//! `--json`: every event is one that `docs/json.md` describes, with the fields that it names.

use crate::support::env::TestEnv;
use crate::support::run::{Invocation, Run};
use serde_json::Value;
use std::collections::BTreeMap;

/// A field as the document describes it.
struct Field {
    kind: String,
    may_be_missing: bool,
    may_be_null: bool,
}

/// The events of the document.
fn documented() -> BTreeMap<String, BTreeMap<String, Field>> {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md"));
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let event = |row: &str| {
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        let [name, _, fields] = cells[..] else { panic!("a row of {} cells: {row}", cells.len()) };
        let fields = fields.split(", ").map(|field| {
            let (name, kind) = field.trim_start_matches('`').split_once("` ").expect("a name and a type");
            let (kind, may_be_null) =
                kind.strip_suffix(" or null").map_or((kind, false), |kind| (kind, true));
            let (kind, may_be_missing) = kind.strip_suffix('?').map_or((kind, false), |kind| (kind, true));
            (name.to_owned(), Field { kind: kind.to_owned(), may_be_missing, may_be_null })
        });
        (name.trim_end_matches('`').to_owned(), fields.collect())
    };
    rows.map(event).collect()
}

fn holds(kind: &str, value: &Value) -> bool {
    let is_time = |text: &str| chrono::DateTime::parse_from_rfc3339(text).is_ok() && text.ends_with('Z');
    match kind {
        "text" | "path" => value.is_string(),
        "uri" => value.as_str().is_some_and(|text| text.starts_with("s3://")),
        "time" => value.as_str().is_some_and(is_time),
        "bytes" | "number" => value.is_u64(),
        "seconds" => value.is_number(),
        "switch" => value.is_boolean(),
        "list" => value.is_array(),
        "object" => value.is_object(),
        "value" => true,
        other => panic!("no type '{other}'"),
    }
}

/// The events of a text, checked against the document, and the summary, which comes last.
fn events(text: &[u8]) -> (Vec<Value>, Value) {
    let described = documented();
    let text = std::str::from_utf8(text).expect("UTF-8");
    let mut events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    for event in &events {
        let name = event["event"].as_str().expect("the name of an event");
        if name == "message" {
            assert!(event["level"].is_string() && event["text"].is_string(), "{event}");
            continue;
        }
        let fields = described.get(name).unwrap_or_else(|| panic!("docs/json.md lacks {event}"));
        let object = event.as_object().expect("an object");
        for (name, value) in object.iter().filter(|(name, _)| *name != "event") {
            let field = fields.get(name).unwrap_or_else(|| panic!("docs/json.md lacks {name} of {event}"));
            let good = holds(&field.kind, value) || (value.is_null() && field.may_be_null);
            assert!(good, "{name} is no {}: {event}", field.kind);
        }
        for (name, field) in fields {
            assert!(field.may_be_missing || object.contains_key(name), "no {name} in {event}");
        }
    }
    let summary = events.pop().expect("a summary");
    assert_eq!(summary["event"], "summary", "{text}");
    let results = events.iter().filter(|event| event["event"] != "message").count();
    assert_eq!(summary["results"], results, "{text}");
    (events, summary)
}

/// The events of a run that has to succeed.
fn events_of(invocation: Invocation) -> Vec<Value> {
    let run = invocation.ok();
    let (events, summary) = events(&run.raw);
    assert_eq!((&summary["exit"], &summary["errors"]), (&0.into(), &0.into()), "{run}");
    events
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap_or_default()).collect()
}

fn messages(run: &Run) -> Vec<(String, String)> {
    let message = |line: &str| {
        let message: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}\n{run}"));
        let text = |name: &str| message[name].as_str().expect("text").to_owned();
        assert_eq!(text("event"), "message");
        (text("level"), text("text"))
    };
    run.stderr.lines().map(message).collect()
}

/// Every event of the program is in the document, and no other.
#[test]
fn all_events_are_documented() {
    let source = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/output/event.rs"));
    let (_, body) = source.split_once("enum Event<'a> {").expect("the events");
    let (body, _) = body.split_once("\n}\n").expect("their end");
    let variants = body.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?;
        let end =
            name.find([' ', '(', ',']).filter(|_| name.starts_with(|c: char| c.is_ascii_uppercase()))?;
        let kebab = name[..end].chars().enumerate().flat_map(|(index, c)| {
            let hyphen = (index > 0 && c.is_ascii_uppercase()).then_some('-');
            hyphen.into_iter().chain([c.to_ascii_lowercase()])
        });
        Some(kebab.collect::<String>())
    });
    let mut variants: Vec<String> = variants.collect();
    variants.sort();
    assert_eq!(variants, documented().into_keys().collect::<Vec<_>>());
}

#[test]
fn issue_112_listings_are_printed_in_json() {
    let t = TestEnv::with_bucket();
    t.object("a \"b\"\u{1}ä", "12345");
    t.object("d/e", "1");
    let bucket = t.fill("BUCKET");
    let listed = events_of(t.s3cmd("--json ls s3://BUCKET"));
    assert_eq!(names(&listed), ["prefix", "object"]);
    assert_eq!((&listed[0]["prefix"], &listed[0]["bucket"]), (&"d/".into(), &bucket.clone().into()));
    assert_eq!((&listed[1]["key"], &listed[1]["size"]), (&"a \"b\"\u{1}ä".into(), &5.into()));
    assert_eq!(listed[1]["etag"], "827ccb0eea8a706c4c34a16891f84e7b");
    assert_eq!(events_of(t.s3cmd("ls --json --list-md5 s3://BUCKET"))[1]["md5"], listed[1]["etag"]);
    assert_eq!(names(&events_of(t.s3cmd("ls -r --json s3://BUCKET"))), ["object"; 2]);
    let sums = events_of(t.s3cmd("--json du s3://BUCKET/d"));
    assert_eq!(
        (&sums[0]["bytes"], &sums[0]["objects"], &sums[0]["prefix"]),
        (&1.into(), &1.into(), &"d".into())
    );
    let buckets = events_of(t.s3cmd("--json ls"));
    assert!(buckets.iter().any(|event| event["bucket"] == *bucket));
    let all = t.account_wide(|| t.s3cmd("--json la"));
    assert_eq!(all.code, Some(0), "{all}");
    assert!(events(&all.raw).0.iter().any(|event| event["bucket"] == *bucket && event["prefix"] == "d/"));
    let all = t.account_wide(|| t.s3cmd("--json du"));
    assert_eq!(names(&events(&all.raw).0).last(), Some(&"total"));
}

#[test]
fn transfers_are_reported_in_json_in_order() {
    let mut t = TestEnv::with_bucket();
    t.new_bucket("BUCKET2");
    for number in 0..20 {
        t.file(format!("tree/{number:02}"), vec![b'x'; number]);
    }
    t.s3cmd("--json put -q tree/01 s3://BUCKET").ok().prints("");
    let put = events_of(t.s3cmd("--json put -r tree/ s3://BUCKET/p/"));
    assert_eq!(names(&put), ["upload"; 20]);
    for (number, event) in put.iter().enumerate() {
        assert_eq!(event["from"], format!("tree/{number:02}"));
        assert_eq!(event["to"], t.fill(&format!("s3://BUCKET/p/{number:02}")));
        assert_eq!((&event["size"], &event["number"]), (&number.into(), &(number + 1).into()));
        assert_eq!((&event["total"], &event["dry_run"]), (&20.into(), &false.into()));
    }
    t.dir("out");
    let got = events_of(t.s3cmd("--json get -r s3://BUCKET/p/ out/"));
    assert_eq!(names(&got), ["download"; 20]);
    assert_eq!((&got[3]["to"], &got[3]["size"]), (&"out/03".into(), &3.into()));
    let copied = events_of(t.s3cmd("--json cp s3://BUCKET/p/01 s3://BUCKET2/c"));
    assert_eq!((&copied[0]["event"], &copied[0]["to"]), (&"copy".into(), &t.fill("s3://BUCKET2/c").into()));
    assert_eq!(names(&events_of(t.s3cmd("--json mv s3://BUCKET2/c s3://BUCKET2/m"))), ["move"]);
    assert_eq!(
        names(&events_of(t.s3cmd("--json modify --add-header=x-amz-meta-a:b s3://BUCKET2/m"))),
        ["modify"]
    );
    assert_eq!(names(&events_of(t.s3cmd("--json setacl -P s3://BUCKET2/m"))), ["setacl"]);
    let public = events_of(t.s3cmd("--json put -P tree/05 s3://BUCKET2"));
    assert_eq!(names(&public), ["upload", "public-url"]);
    let synced = events_of(t.s3cmd("--json sync tree/ s3://BUCKET2/s/"));
    assert_eq!(names(&synced[..20]), ["upload"; 20]);
    assert_eq!((&synced[20]["event"], &synced[20]["transferred_files"]), (&"sync-report".into(), &20.into()));
    let synced = events_of(t.s3cmd("--json sync s3://BUCKET2/s/ s3://BUCKET2/t/"));
    assert_eq!((names(&synced)[0], synced.len()), ("sync-plan", 22));
    std::fs::remove_file(t.path("tree/00")).expect("it is there");
    let synced = events_of(t.s3cmd("--json sync --delete-removed tree/ s3://BUCKET2/s/"));
    assert_eq!((names(&synced)[0], &synced[0]["key"]), ("delete", &"s/00".into()));
    t.file("tree/more", "");
    let synced = events_of(t.s3cmd("--json sync --delete-removed s3://BUCKET2/s/ tree/"));
    assert_eq!((names(&synced)[0], &synced[0]["path"]), ("delete-file", &"tree/more".into()));
    let deleted = events_of(t.s3cmd("--json del -r --stats s3://BUCKET/p/"));
    assert_eq!((names(&deleted)[..20].to_vec(), names(&deleted)[20]), (vec!["delete"; 20], "delete-report"));
    assert_eq!(deleted[0]["key"], "p/00");
}

#[test]
fn a_dry_run_is_reported_in_json() {
    let t = TestEnv::with_bucket();
    t.file("a", "a");
    t.file("b", "b");
    let plan = |invocation: Invocation| {
        let run = invocation.run();
        assert_eq!(messages(&run), [("warning".to_owned(), "Exiting now because of --dry-run".to_owned())]);
        events(&run.raw).0
    };
    let put = plan(t.s3cmd("--json put -n a b --exclude b s3://BUCKET"));
    assert_eq!((names(&put), &put[0]["name"]), (vec!["exclude", "upload"], &"b".into()));
    assert_eq!((&put[1]["dry_run"], put[1].get("size")), (&true.into(), None));
    t.object("k", "k");
    let all = [
        ("get -n s3://BUCKET/k", "download"),
        ("del -n s3://BUCKET/k", "delete"),
        ("cp -n s3://BUCKET/k s3://BUCKET/l", "copy"),
    ];
    for (line, name) in all {
        let planned = plan(t.s3cmd(&format!("--json {line}")));
        assert_eq!((names(&planned), &planned[0]["dry_run"]), (vec![name], &true.into()), "{line}");
    }
}

#[test]
fn failures_are_reported_in_json_with_the_same_exit_code() {
    let mut t = TestEnv::with_bucket();
    // A message ends with its line, its object does not.
    t.normaliser.keep_messages = true;
    for (line, code) in [
        ("get s3://BUCKET/none", 64),
        ("ls s3://BUCKET-none", 12),
        ("put none s3://BUCKET", 64),
        ("mb", 64),
        ("nonsense", 64),
        ("info s3://BUCKET/none", 12),
    ] {
        t.s3cmd(line).fails(code);
        let run = t.s3cmd(&format!("--json {line}")).fails(code);
        let messages = messages(&run);
        assert!(messages.iter().all(|(level, _)| level == "error"), "{run}");
        let (_, summary) = events(&run.raw);
        assert_eq!((&summary["exit"], &summary["errors"]), (&code.into(), &messages.len().into()), "{run}");
    }
    let no_config = t.s3cmd("--json ls").config(t.home("none")).fails(78);
    assert_eq!(events(&no_config.raw).1["exit"], 78);
    assert!(!messages(&no_config).is_empty());
    t.object("k", "k");
    let some = t.s3cmd("--json md5sum s3://BUCKET/k s3://BUCKET/none").fails(12);
    let (printed, summary) = events(&some.raw);
    assert_eq!((names(&printed), &summary["errors"]), (vec!["md5"], &1.into()), "{some}");
}

#[test]
fn object_data_on_standard_output_is_not_mixed_with_json() {
    let t = TestEnv::with_bucket();
    t.object("k", "data\n");
    let run = t.s3cmd("--json get s3://BUCKET/k -").run();
    assert_eq!((run.code, run.raw.as_slice()), (Some(0), b"data\n".as_slice()), "{run}");
    let (printed, _) = events(run.stderr.as_bytes());
    assert_eq!(
        (names(&printed), &printed[0]["to"], &printed[0]["size"]),
        (vec!["download"], &"-".into(), &5.into())
    );
    let put = put_of_stdin(&t);
    assert_eq!((&put["from"], &put["size"]), (&"<stdin>".into(), &7.into()));
}

fn put_of_stdin(t: &TestEnv) -> Value {
    events_of(t.s3cmd("--json put - s3://BUCKET/stdin").stdin("1234567")).remove(0)
}

#[test]
fn info_on_buckets_and_objects_is_printed_in_json() {
    let t = TestEnv::with_bucket();
    t.file("f", "content");
    t.s3cmd("put --add-header=x-amz-meta-a:ä f s3://BUCKET/k").ok();
    let info = &events_of(t.s3cmd("--json info s3://BUCKET/k"))[0];
    assert_eq!(
        (&info["event"], &info["size"], &info["metadata"]["a"]),
        (&"object-info".into(), &7.into(), &"ä".into())
    );
    assert_eq!((&info["policy"], &info["acl"][0]["permission"]), (&Value::Null, &"FULL_CONTROL".into()));
    let info = &events_of(t.s3cmd("--json info s3://BUCKET"))[0];
    assert_eq!((&info["event"], &info["bucket"]), (&"bucket-info".into(), &t.fill("BUCKET").into()));
    assert_eq!(events_of(t.s3cmd("--json getacl s3://BUCKET/k"))[0]["grants"][0]["kind"], "user");
    assert_eq!(events_of(t.s3cmd("--json settagging s3://BUCKET/k a=b&c=d"))[0]["change"], "Tagging updated");
    let tags = events_of(t.s3cmd("--json gettagging s3://BUCKET/k"));
    assert_eq!(tags[0]["tags"], serde_json::json!({"a": "b", "c": "d"}));
    assert_eq!(events_of(t.s3cmd("--json getpolicy s3://BUCKET"))[0]["policy"], Value::Null);
    let bucket = t.fill("BUCKET");
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{bucket}/*"}}]}}"#
    );
    t.file("policy", &policy);
    assert_eq!(names(&events_of(t.s3cmd("--json setpolicy policy s3://BUCKET"))), ["changed"]);
    assert_eq!(
        events_of(t.s3cmd("--json getpolicy s3://BUCKET"))[0]["policy"]["Statement"][0]["Effect"],
        "Allow"
    );
    assert_eq!(
        events_of(t.s3cmd("--json expire --expiry-days=3 s3://BUCKET"))[0]["change"],
        "expiration configuration is set"
    );
    let rules = events_of(t.s3cmd("--json getlifecycle s3://BUCKET"));
    assert!(rules[0]["xml"].as_str().is_some_and(|xml| xml.contains("<Days>3</Days>")), "{rules:?}");
    assert_eq!(events_of(t.s3cmd("--json info s3://BUCKET"))[0]["expiration"]["days"], "3");
    let link = events_of(t.s3cmd("--json --signature-v2 signurl s3://BUCKET/k 1893456000"));
    assert_eq!(
        (&link[0]["event"], &link[0]["expires"]),
        (&"signed-url".into(), &"2030-01-01T00:00:00Z".into())
    );
    assert_eq!(
        events_of(t.s3cmd("--json md5sum s3://BUCKET/k"))[0]["md5"],
        "9a0364b9e99bb480dd25e1f0284c8555"
    );
    let list = t.s3cmd("md5sum s3://BUCKET/k").ok();
    t.file("list", &list.raw);
    assert_eq!(events_of(t.s3cmd("--json md5sum --check list"))[0]["result"], "ok");
    assert_eq!(names(&events_of(t.s3cmd("--json sign text"))), ["signature"]);
    assert!(events_of(t.s3cmd("--json multipart s3://BUCKET")).is_empty());
    assert!(names(&events_of(t.s3cmd("--json check s3://BUCKET"))).iter().all(|name| *name == "check"));
}

#[test]
fn created_and_removed_buckets_are_reported_in_json() {
    let mut t = TestEnv::new();
    let bucket = t.reserve("BUCKET");
    let made = events_of(t.s3cmd("--json mb s3://BUCKET"));
    assert_eq!((names(&made), &made[0]["bucket"]), (vec!["bucket-created"], &bucket.clone().into()));
    let removed = events_of(t.s3cmd("--json rb s3://BUCKET"));
    assert_eq!((names(&removed), &removed[0]["bucket"]), (vec!["bucket-removed"], &bucket.into()));
}

#[test]
fn local_names_that_are_not_utf8_are_printed_without_loss() {
    use std::os::unix::ffi::OsStrExt;
    let t = TestEnv::with_bucket();
    let name = std::ffi::OsStr::from_bytes(b"d\xff%");
    std::fs::create_dir(t.path(name)).expect("a directory");
    let mut file = name.to_owned();
    file.push("/f");
    t.file(&file, "x");
    let put = events_of(t.s3cmd("--json put").arg(&file).arg(t.fill("s3://BUCKET")));
    assert_eq!(
        (&put[0]["from"], &put[0]["to"]),
        (&"file://d%FF%25/f".into(), &t.fill("s3://BUCKET/f").into())
    );
    let got = events_of(t.s3cmd("--json get --force s3://BUCKET/f").arg(name));
    assert_eq!(got[0]["to"], "file://d%FF%25/f");
}
