//! Copies, moves and synchronisations within a bucket with overlapping names: no content is lost that the rules keep,
//! exit code 0 means that the end state follows the rules, and an item that fails stops only the items that depend on
//! it.
//!
//! This file states the rules once more: all sources are read as they were before the run. `PROPTEST_CASES` is the
//! number of cases of each test; a failure prints the smallest case that fails.

use crate::support::env::TestEnv;
use crate::support::fault_proxy::{Fault, Head, proxy};
use crate::support::http;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use s3cmd_client::sign::encode;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Contents by key; a number stands for a content.
type Bucket = BTreeMap<String, u8>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Copy,
    Move,
    Sync,
}

/// How requests about an object fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// Reading it is forbidden.
    Forbidden,
    /// It was deleted meanwhile.
    Gone,
    /// The service always fails.
    Broken,
    /// Deleting it is forbidden.
    Kept,
    /// The first copy of it ends with a broken connection.
    Reset,
    /// The first copy of it is made, but the response is lost.
    Lost,
}

#[derive(Clone, Debug)]
struct Case {
    command: Command,
    bucket: Bucket,
    sources: Vec<String>,
    destination: String,
    exclude: bool,
    delete: bool,
    delete_after: bool,
    jobs: usize,
    /// Places in the list of keys, and what is wrong with those objects.
    troubles: Vec<(usize, Trouble)>,
}

/// An item of the plan: its key and its name below the destination.
type Item = (String, String);

fn cases(command: Command) -> impl Strategy<Value = Case> {
    let keys = match command {
        Command::Sync => "(a|b|ab)(/(a|b|\\.\\.)){0,3}",
        Command::Copy | Command::Move => "(a|b|ab)(/(a|b|\\.\\.)){0,3}/?",
    };
    let prefix = prop_oneof!["", "(a|b|ab)/", "(a|b)", "(a|b)/(a|b)/?", "a/a/a/?"];
    let destination = prop_oneof!["", "(a|b|ab|c)/", "(a|b)/(a|b)/", "a/a/a/"];
    let trouble = proptest::sample::select(
        &[Trouble::Forbidden, Trouble::Gone, Trouble::Broken, Trouble::Kept, Trouble::Reset, Trouble::Lost][..],
    );
    let troubles = prop_oneof![
        3 => Just(Vec::new()),
        2 => proptest::collection::vec((0..8usize, trouble), 1..3),
    ];
    let bucket = proptest::collection::btree_map(keys, 0..40u8, 1..9);
    let jobs = proptest::sample::select(&[1usize, 8, 96][..]);
    let flags = (proptest::bool::weighted(0.2), any::<bool>(), any::<bool>());
    (bucket, proptest::collection::vec(prefix, 1..3), destination, flags, jobs, troubles).prop_map(
        move |(bucket, sources, destination, (exclude, delete, delete_after), jobs, troubles)| Case {
            command,
            bucket,
            sources,
            destination,
            exclude,
            delete: delete && command == Command::Sync,
            delete_after,
            jobs,
            troubles,
        },
    )
}

/// The expected outcome of a run.
#[derive(Debug)]
enum Expected {
    /// The run is refused and changes nothing.
    Refused,
    /// The items to process, and the end state if all succeed.
    Done(Vec<Item>, Bucket),
}

impl Case {
    fn is_excluded(&self, name: &str) -> bool {
        self.exclude && name.ends_with('b')
    }

    /// The objects that a source names, with their names below the destination.
    fn named<'a>(&'a self, source: &'a str) -> impl Iterator<Item = Item> + 'a {
        let base = source.rfind('/').map_or(0, |slash| slash + 1);
        let meant = move |key: &str| match self.command {
            Command::Copy | Command::Move => key.starts_with(source),
            Command::Sync => self.is_source(source, key),
        };
        let keys = self.bucket.keys().filter(move |key| meant(key) && key.len() > base);
        keys.map(move |key| (key.clone(), key[base..].to_owned()))
    }

    /// Whether `sync` takes a key for the copy of a source.
    fn is_source(&self, source: &str, key: &str) -> bool {
        match source.is_empty() || source.ends_with('/') {
            true => key.starts_with(source),
            false => key.strip_prefix(source).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }

    fn target(&self, name: &str) -> String {
        format!("{}{name}", self.destination)
    }

    fn expected(&self) -> Expected {
        let all: BTreeSet<Item> = self.sources.iter().flat_map(|source| self.named(source)).collect();
        let mut names: BTreeMap<&str, &str> = BTreeMap::new();
        for (key, name) in &all {
            let in_plan = self.command == Command::Sync || !self.is_excluded(name);
            if in_plan && names.insert(name, key).is_some_and(|other| other != key) {
                return Expected::Refused;
            }
        }
        let taken: Vec<Item> = all.iter().filter(|(_, name)| !self.is_excluded(name)).cloned().collect();
        let differs = |(key, name): &Item| self.bucket.get(&self.target(name)) != self.bucket.get(key);
        let items: Vec<Item> = match self.command {
            Command::Sync => taken.iter().filter(|item| differs(item)).cloned().collect(),
            Command::Copy | Command::Move => taken.clone(),
        };
        if self.has_circle(&items) {
            return Expected::Refused;
        }
        let mut end = self.bucket.clone();
        if self.command == Command::Move {
            end.retain(|key, _| items.iter().all(|(from, name)| from != key || self.target(name) == *from));
        }
        for key in self.superfluous(&taken) {
            end.remove(&key);
        }
        for (from, name) in &items {
            end.insert(self.target(name), self.bucket[from]);
        }
        Expected::Done(items, end)
    }

    /// What `--delete-removed` deletes.
    fn superfluous(&self, taken: &[Item]) -> Vec<String> {
        if !self.delete {
            return Vec::new();
        }
        let is_everything = |source: &&String| source.is_empty() || source.ends_with('/');
        let basename = |source: &String| source.rsplit('/').next().unwrap_or("").to_owned();
        let everything = self.sources.iter().any(|source| is_everything(&source));
        let areas: BTreeSet<String> = self.sources.iter().map(basename).collect();
        let area = |name: &str| name.split('/').next().unwrap_or("").to_owned();
        let names: Vec<&str> = taken.iter().map(|(_, name)| name.as_str()).collect();
        let gone = self.bucket.keys().filter(|key| {
            let Some(name) = key.strip_prefix(&self.destination).filter(|name| !name.is_empty()) else {
                return false;
            };
            let answered = everything || areas.contains(&area(name));
            let is_source = self.sources.iter().any(|source| self.is_source(source, key));
            answered && !is_source && !names.contains(&name) && !self.is_excluded(name)
        });
        let gone: Vec<String> = gone.cloned().collect();
        let is_empty =
            self.sources.iter().filter(is_everything).any(|source| self.named(source).count() == 0);
        let would_empty = if everything {
            names.is_empty()
        } else {
            gone.iter().any(|key| {
                let place = area(&key[self.destination.len()..]);
                names.iter().all(|name| area(name) != place)
            })
        };
        if is_empty || would_empty { Vec::new() } else { gone }
    }

    /// The items that read what another one writes; it has to wait for them.
    fn readers<'a>(&self, items: &'a [Item], writer: &Item) -> Vec<&'a Item> {
        let target = self.target(&writer.1);
        let same = |item: &&Item| self.command == Command::Move && item.0 == writer.0 && *item != writer;
        items.iter().filter(|item| (item.0 == target && *item != writer) || same(item)).collect()
    }

    fn has_circle(&self, items: &[Item]) -> bool {
        let reads = |item: &Item, key: &str| item.0 == key;
        let mut left: Vec<&Item> = items.iter().collect();
        loop {
            let before = left.len();
            let blocked = left.clone();
            left.retain(|writer| {
                let target = self.target(&writer.1);
                blocked.iter().any(|other| reads(other, &target) && other != writer)
            });
            if left.is_empty() || left.len() == before {
                return !left.is_empty();
            }
        }
    }

    fn troubled(&self, key: &str) -> impl Iterator<Item = Trouble> {
        let place = self.bucket.keys().position(|other| other == key);
        self.troubles.iter().filter(move |(at, _)| Some(*at) == place).map(|(_, trouble)| *trouble)
    }

    /// Whether an item fails for good, by itself or because of one that it depends on.
    fn may_fail(&self, items: &[Item], item: &Item, depth: usize) -> bool {
        let own = self.troubled(&item.0).any(|trouble| !matches!(trouble, Trouble::Reset | Trouble::Lost));
        // A service refuses to copy an object onto itself.
        let onto_itself = self.target(&item.1) == item.0;
        own || onto_itself
            || (depth < items.len()
                && self.readers(items, item).iter().any(|reader| self.may_fail(items, reader, depth + 1)))
    }

    fn line(&self) -> String {
        let command = match self.command {
            Command::Copy => "cp -r",
            Command::Move => "mv -r",
            Command::Sync => "sync",
        };
        let mut line = format!("{command} --jobs={}", self.jobs);
        for (wanted, option) in [
            (self.exclude, " --exclude=b"),
            (self.delete, " --delete-removed"),
            (self.delete && self.delete_after, " --delete-after"),
        ] {
            line += if wanted { option } else { "" };
        }
        for source in &self.sources {
            line += &format!(" s3://BUCKET/{source}");
        }
        format!("{line} s3://BUCKET/{}", self.destination)
    }
}

/// A bucket behind a proxy that injects faults.
struct World {
    t: TestEnv,
    bucket: String,
    troubles: Arc<Mutex<Vec<(String, Trouble)>>>,
}

impl World {
    fn new() -> Self {
        let t = TestEnv::with_bucket();
        let bucket = t.fill("BUCKET");
        let troubles: Arc<Mutex<Vec<(String, Trouble)>>> = Arc::default();
        let (shared, name) = (troubles.clone(), bucket.clone());
        let port = proxy(&t.service.host, move |head| {
            let mut troubles = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let place = troubles.iter().position(|(key, trouble)| is_hit(head, &name, key, *trouble))?;
            Some(match troubles[place].1 {
                Trouble::Forbidden | Trouble::Kept => Fault::Answer(403, "AccessDenied"),
                Trouble::Gone => Fault::Answer(404, "NoSuchKey"),
                Trouble::Broken => Fault::Answer(500, "InternalError"),
                Trouble::Reset => {
                    troubles.remove(place);
                    Fault::Reset
                }
                Trouble::Lost => {
                    troubles.remove(place);
                    Fault::Lost
                }
            })
        });
        let config = t.config_of(&t.service.main, &format!("localhost:{port}"));
        let config = config.replace(&t.service.host, &format!("localhost:{port}"));
        t.write_config(".s3cfg", &format!("{config}max_retries = 2\nthrottle_max = 0\n"));
        Self { t, bucket, troubles }
    }

    fn request(&self, method: &str, key: &str, body: &[u8]) -> http::Answer {
        let target = format!("/{}/{}", self.bucket, encode::path(key));
        let answer = http::signed(&self.t.service, method, &target, &[], body);
        assert!((200..300).contains(&answer.status), "{method} {target}: {answer:?}");
        answer
    }

    fn fill(&self, wanted: &Bucket) {
        for key in self.read().keys() {
            self.request("DELETE", key, b"");
        }
        for (key, content) in wanted {
            self.request("PUT", key, content.to_string().as_bytes());
        }
    }

    fn read(&self) -> Bucket {
        let target = format!("/{}?list-type=2", self.bucket);
        let answer = http::signed(&self.t.service, "GET", &target, &[], b"");
        let text = String::from_utf8(answer.body).expect("text");
        let between = |text: &str, name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>")).expect("an element");
            rest.split_once("</").expect("its end").0.to_owned()
        };
        let objects = text.split("<Contents>").skip(1).map(|object| {
            let etag = between(object, "ETag").replace("&quot;", "").replace("&#34;", "").replace('"', "");
            let content = (0..40).find(|number: &u8| md5(number) == etag);
            (between(object, "Key"), content.unwrap_or_else(|| panic!("other content: {object}")))
        });
        objects.collect()
    }
}

fn md5(content: &u8) -> String {
    use md5::Digest;
    hex::encode(md5::Md5::digest(content.to_string()))
}

/// Whether a fault applies to a request.
fn is_hit(head: &Head, bucket: &str, key: &str, trouble: Trouble) -> bool {
    let path = format!("/{bucket}/{key}");
    let source = head.header("x-amz-copy-source").map(|source| {
        percent_encoding::percent_decode_str(source).decode_utf8_lossy().trim_start_matches('/').to_owned()
    });
    let copies = source.is_some_and(|source| path[1..] == source);
    let about = head.path() == path && !head.target.contains("?acl");
    match trouble {
        Trouble::Forbidden | Trouble::Gone | Trouble::Broken => {
            copies || (about && matches!(head.method.as_str(), "HEAD" | "GET"))
        }
        Trouble::Kept => about && head.method == "DELETE",
        Trouble::Reset | Trouble::Lost => copies,
    }
}

fn contents(bucket: &Bucket) -> BTreeSet<u8> {
    bucket.values().copied().collect()
}

fn check(world: &World, case: &Case) {
    world.fill(&case.bucket);
    let troubles = case
        .bucket
        .keys()
        .flat_map(|key| case.troubled(key).map(|trouble| (key.clone(), trouble)).collect::<Vec<_>>());
    *world.troubles.lock().unwrap_or_else(PoisonError::into_inner) = troubles.collect();
    let run = world.t.s3cmd(&case.line()).run();
    world.troubles.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let state = world.read();
    let context = || format!("{case:?}\n{run}\nbefore {:?}\nafter  {state:?}", case.bucket);
    assert!(!run.stderr.contains("panicked"), "{}", context());
    let (items, end) = match case.expected() {
        Expected::Refused => {
            assert_eq!(run.code, Some(64), "{}", context());
            assert_eq!(state, case.bucket, "{}", context());
            return;
        }
        Expected::Done(items, end) => (items, end),
    };
    let fails: Vec<&Item> = items.iter().filter(|item| case.may_fail(&items, item, 0)).collect();
    if run.code == Some(0) {
        assert_eq!(state, end, "{}", context());
    } else {
        let idle = items.is_empty() && case.command != Command::Sync;
        // The service decides what happens to a copy whose response was lost.
        let lost = case.troubles.iter().any(|(_, trouble)| *trouble == Trouble::Lost);
        assert!(idle || lost || !fails.is_empty(), "no reason to fail: {}", context());
    }
    let kept: BTreeSet<u8> = contents(&case.bucket).intersection(&contents(&end)).copied().collect();
    assert!(kept.is_subset(&contents(&state)), "content is lost: {}", context());
    for item in items.iter().filter(|item| !fails.contains(item)) {
        let done = state.get(&case.target(&item.1)) == case.bucket.get(&item.0);
        let lost = case.troubled(&item.0).any(|trouble| trouble == Trouble::Lost);
        assert!(done || lost, "{item:?} was not done: {}", context());
    }
}

fn many(command: Command, usual: u64) {
    // Fewer cases on a service other than `serve`.
    let usual = if crate::support::service::service().external { 60 } else { usual };
    let count = crate::support::random::number("PROPTEST_CASES").unwrap_or(usual);
    let count = u32::try_from(count).expect("a number of cases");
    let config =
        Config { cases: count, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let world = World::new();
    TestRunner::new(config)
        .run(&cases(command), |case| {
            check(&world, &case);
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn copies_lose_no_content_when_items_overlap_and_fail() {
    many(Command::Copy, 700);
}

#[test]
fn moves_lose_no_content_when_items_overlap_and_fail() {
    many(Command::Move, 900);
}

#[test]
fn syncs_within_a_bucket_lose_no_content_when_items_overlap_and_fail() {
    many(Command::Sync, 900);
}
