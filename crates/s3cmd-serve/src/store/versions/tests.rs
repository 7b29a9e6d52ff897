//! Compares histories with lists in memory, while the process dies at random points. The limits are small here, so that
//! a few versions take many segments.

use super::history::LIMITS;
use super::{Found, ListedContent, ListedVersion};
use crate::model::error::S3Result;
use crate::store::bucket::{Bucket, Mode};
use crate::store::bucket_record::{BucketRecord, Versioning};
use crate::store::meta::Meta;
use crate::store::{Store, fault};
use chrono::Utc;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

const KEYS: [&str; 2] = ["k", "odd//k"];
const MODE: Mode = Mode { fsync: false, read_only: false, keep_folders: false };

struct Fixture {
    dir: tempfile::TempDir,
    store: Option<Store>,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), MODE).unwrap();
        let state = BucketRecord {
            owner: None,
            created: Utc::now(),
            location: None,
            acl: None,
            versioning: Some(Versioning::Enabled),
            object_lock: false,
        };
        assert!(store.create("b", &state).unwrap());
        Self { dir, store: Some(store) }
    }

    fn bucket(&self) -> Arc<Bucket> {
        self.store.as_ref().unwrap().bucket("b").unwrap()
    }

    /// Restarts the store as after a crash.
    fn reopen(&mut self) {
        self.store = None;
        fs::write(self.dir.path().join(".s3cmd-serve/lock"), "running\n").unwrap();
        self.store = Some(Store::open(self.dir.path(), MODE).unwrap());
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join("b/.s3cmd-serve/versions").join(relative)
    }

    fn head(&self, key: &str) -> PathBuf {
        self.path("index").join(hex::encode(key))
    }

    fn names(&self, directory: &str) -> BTreeSet<String> {
        let Ok(entries) = fs::read_dir(self.path(directory)) else { return BTreeSet::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// The segments and contents that the histories refer to.
    fn references(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut segments, mut contents) = (BTreeSet::new(), BTreeSet::new());
        let mut visit = |entries: &Value, max: usize| {
            let entries = entries.as_array().unwrap();
            assert!((1..=max).contains(&entries.len()));
            let files = entries.iter().filter_map(|entry| entry["what"]["data"]["file"].as_str());
            contents.extend(files.map(str::to_owned));
        };
        for name in self.names("index") {
            let head = read_json(self.path("index").join(name));
            visit(if head.is_array() { &head } else { &head["newest"] }, LIMITS.newest);
            for segment in head["segments"].as_array().into_iter().flatten() {
                let name = segment["name"].as_str().unwrap();
                assert!(segments.insert(name.to_owned()));
                visit(&read_json(self.path("segments").join(name)), LIMITS.segment);
            }
        }
        (segments, contents)
    }
}

fn read_json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn put(bucket: &Bucket, key: &str, content: &str) -> S3Result<Option<String>> {
    let mut staged = bucket.stage()?;
    staged.write(content.as_bytes())?;
    // So that listings show which content it is.
    let meta = Meta { etag: content.to_owned(), ..Meta::default() };
    Ok(bucket.commit(staged, key, meta, |_| Ok(()))?.1)
}

/// A version of the model.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    /// Empty if the step that created it failed and returned no id.
    id: String,
    /// `None` for a delete marker.
    content: Option<String>,
    tag: Option<u8>,
}

#[derive(Clone, Debug)]
struct Step {
    key: usize,
    action: Action,
    /// The process dies after this number of directory changes.
    dies_after: Option<usize>,
}

#[derive(Clone, Debug)]
enum Action {
    Put,
    Delete,
    /// Removes an existing version, often the oldest or the latest.
    Remove(usize),
    /// Removes a version that was removed before.
    RemoveAgain(usize),
    /// Changes the tag of a version.
    Change(usize, u8),
    /// Suspends or enables versioning.
    Switch,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let index = || prop_oneof![Just(0), Just(usize::MAX), any::<usize>(), any::<usize>()];
    let action = prop_oneof![
        8 => Just(Action::Put),
        2 => Just(Action::Delete),
        5 => index().prop_map(Action::Remove),
        1 => any::<usize>().prop_map(Action::RemoveAgain),
        3 => (index(), any::<u8>()).prop_map(|(index, tag)| Action::Change(index, tag)),
        2 => Just(Action::Switch),
        1 => Just(Action::Reopen),
    ];
    let key = prop_oneof![6 => Just(0usize), 1 => Just(1)];
    let dies_after = prop_oneof![2 => Just(None), 1 => (0..25usize).prop_map(Some)];
    (key, action, dies_after).prop_map(|(key, action, dies_after)| Step { key, action, dies_after })
}

/// Maps a random number to an index of a list; `usize::MAX` to the last one.
fn pick(number: usize, length: usize) -> Option<usize> {
    let last = length.checked_sub(1)?;
    Some(if number == usize::MAX { last } else { number % length })
}

/// The expected versions of each key, and the ids of removed versions.
struct Model {
    fixture: Fixture,
    keys: [Vec<Entry>; 2],
    removed: Vec<String>,
    suspended: bool,
    /// Number of puts, which makes each content unique.
    count: usize,
}

impl Model {
    fn new() -> Self {
        let fixture = Fixture::new();
        Self { fixture, keys: Default::default(), removed: Vec::new(), suspended: false, count: 0 }
    }

    fn run(&mut self, step: &Step) {
        let key = KEYS[step.key];
        let mut after = self.keys[step.key].clone();
        let bucket = self.fixture.bucket();
        let before_segments = self.fixture.names("segments");
        let add = |after: &mut Vec<Entry>, content: Option<String>| {
            if self.suspended {
                after.retain(|entry| entry.id != "null");
            }
            let id = if self.suspended { "null".to_owned() } else { String::new() };
            after.insert(0, Entry { id, content, tag: None });
        };
        if !matches!(step.action, Action::Reopen | Action::Switch) {
            fault::die_after(step.dies_after);
        }
        let result = match &step.action {
            Action::Put => {
                self.count += 1;
                let content = format!("content {}", self.count);
                add(&mut after, Some(content.clone()));
                put(&bucket, key, &content).map(drop)
            }
            Action::Delete => {
                add(&mut after, None);
                bucket.remove(key, None, |_| Ok(())).map(drop)
            }
            Action::Remove(number) => match pick(*number, after.len()) {
                None => Ok(()),
                Some(index) => {
                    let entry = after.remove(index);
                    self.removed.push(entry.id.clone());
                    let removed = bucket.remove_version(key, &entry.id, |_, _| Ok(()));
                    removed.map(|removed| assert_eq!(removed.marker, entry.content.is_none()))
                }
            },
            Action::RemoveAgain(number) => match pick(*number, self.removed.len()) {
                Some(index) if after.iter().all(|entry| entry.id != self.removed[index]) => {
                    let id = &self.removed[index];
                    bucket.remove_version(key, id, |_, _| panic!("the version exists")).map(drop)
                }
                _ => Ok(()),
            },
            Action::Change(number, tag) => match pick(*number, after.len()) {
                None => Ok(()),
                Some(index) => {
                    let entry = &mut after[index];
                    if entry.content.is_some() {
                        entry.tag = Some(*tag);
                    }
                    let changed = bucket.change_meta(key, Some(&entry.id), |meta| {
                        meta.tags = vec![("n".to_owned(), tag.to_string())];
                        Ok(())
                    });
                    changed.map(|changed| assert_eq!(changed, entry.content.is_some()))
                }
            },
            Action::Switch => {
                self.suspended = !self.suspended;
                let to = if self.suspended { Versioning::Suspended } else { Versioning::Enabled };
                bucket.set_state(|state| state.versioning = Some(to))
            }
            Action::Reopen => Ok(()),
        };
        fault::die_after(None);
        drop(bucket);
        let has_died = step.dies_after.is_some() || matches!(step.action, Action::Reopen);
        assert!(result.is_ok() || has_died, "{result:?}");
        if has_died {
            self.fixture.reopen();
        }
        let (segments, contents) = self.fixture.references();
        assert_eq!(self.fixture.names("segments"), segments);
        if has_died {
            // The index may still refer to the content of the current version, which is not in `data`.
            assert!(self.fixture.names("data").is_subset(&contents));
        } else {
            assert!(segments.difference(&before_segments).count() <= 2, "{step:?}");
        }
        // A failed step has either happened completely or not at all.
        let listed = self.list(key);
        if result.is_ok() || is_same(&after, &listed) {
            self.keys[step.key] = after;
        }
        for (entry, listed) in self.keys[step.key].iter_mut().zip(&listed) {
            if entry.id.is_empty() {
                entry.id.clone_from(&listed.id);
            }
        }
        self.check();
    }

    fn list(&self, key: &str) -> Vec<ListedVersion> {
        self.fixture.bucket().versions_of(key, None, usize::MAX).unwrap()
    }

    fn check(&self) {
        for (key, entries) in KEYS.iter().zip(&self.keys) {
            let listed = self.list(key);
            assert!(is_same(entries, &listed), "{key}: {entries:#?}\n{listed:#?}");
            let latest: Vec<bool> = listed.iter().map(|version| version.latest).collect();
            assert!(latest.iter().enumerate().all(|(index, latest)| *latest == (index == 0)), "{latest:?}");
            for entry in entries {
                self.check_version(key, Some(&entry.id), entry);
            }
            match entries.first() {
                Some(entry) => self.check_version(key, None, entry),
                None => assert!(!self.fixture.head(key).exists()),
            }
        }
    }

    fn check_version(&self, key: &str, id: Option<&str>, entry: &Entry) {
        match self.fixture.bucket().open_version(key, id).unwrap() {
            Found::Object(mut object) => {
                let mut content = String::new();
                object.file.read_to_string(&mut content).unwrap();
                assert_eq!(Some(content), entry.content);
                assert_eq!(super::id_text(object.meta.version.as_ref()), entry.id);
                assert!(!object.meta.damaged);
            }
            Found::Marker { id, .. } => assert_eq!((&id, &None), (&entry.id, &entry.content)),
            Found::Nothing => panic!("{key} {id:?} does not exist"),
        }
    }

    /// Checks that a page after a marker contains the entries that follow the marker in the model.
    fn check_page(&self, key: usize, marker: usize, max: usize) {
        let entries = &self.keys[key];
        let markers: Vec<&String> = entries.iter().map(|entry| &entry.id).chain(&self.removed).collect();
        let Some(marker) = pick(marker, markers.len()).map(|index| markers[index]) else { return };
        let from = match entries.iter().position(|entry| entry.id == *marker) {
            Some(index) => index + 1,
            None => {
                let is_named = |entry: &Entry| entry.id != "null";
                let older = entries.iter().position(|entry| is_named(entry) && entry.id < *marker);
                let newer = &entries[..older.unwrap_or(entries.len())];
                newer.iter().rposition(is_named).map_or(0, |index| index + 1)
            }
        };
        let listed = self.fixture.bucket().versions_of(KEYS[key], Some(marker), max).unwrap();
        let expected: Vec<_> = entries.iter().skip(from).take(max).map(|entry| &entry.id).collect();
        assert_eq!(listed.iter().map(|version| &version.id).collect::<Vec<_>>(), expected, "after {marker}");
        assert!(listed.iter().enumerate().all(|(index, version)| version.latest == (from + index == 0)));
    }
}

fn is_same(entries: &[Entry], listed: &[ListedVersion]) -> bool {
    let matches = |(entry, version): (&Entry, &ListedVersion)| {
        let same_content = match &version.content {
            ListedContent::Data(summary) => {
                let tag = summary.meta.tags.first().map(|(_, value)| value.parse().unwrap());
                entry.content.as_ref() == Some(&summary.meta.etag) && entry.tag == tag
            }
            ListedContent::Marker { .. } => entry.content.is_none(),
        };
        same_content && (entry.id == version.id || entry.id.is_empty() && version.id != "null")
    };
    entries.len() == listed.len() && entries.iter().zip(listed).all(matches)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn a_history_equals_a_list_whenever_the_process_dies(
        first in 0..50usize,
        steps in proptest::collection::vec(step(), 1..50),
        pages in proptest::collection::vec((0..2usize, any::<usize>(), 0..20usize), 8),
    ) {
        let mut model = Model::new();
        for _ in 0..first {
            model.run(&Step { key: 0, action: Action::Put, dies_after: None });
        }
        for step in steps {
            model.run(&step);
            for (key, marker, max) in &pages {
                model.check_page(*key, *marker, *max);
            }
        }
    }
}

/// A bucket with `count` versions of `k`; returns their ids, the latest first.
fn filled(count: usize) -> (Fixture, Vec<String>) {
    let fixture = Fixture::new();
    let mut ids: Vec<String> = (0..count)
        .map(|number| put(&fixture.bucket(), "k", &format!("{number}")).unwrap().unwrap())
        .collect();
    ids.reverse();
    (fixture, ids)
}

fn ids_of(fixture: &Fixture) -> Vec<String> {
    let listed = fixture.bucket().versions_of("k", None, usize::MAX).unwrap();
    listed.into_iter().map(|version| version.id).collect()
}

/// Earlier versions of the server stored a history as one list of any length.
#[test]
fn a_long_list_is_read_and_split_by_the_next_write() {
    let (mut fixture, mut ids) = filled(40);
    let head = read_json(fixture.head("k"));
    let mut list = head["newest"].as_array().unwrap().clone();
    for segment in head["segments"].as_array().unwrap() {
        let path = fixture.path("segments").join(segment["name"].as_str().unwrap());
        list.extend(read_json(path).as_array().unwrap().clone());
    }
    assert_eq!(list.len(), 39);
    fs::write(fixture.head("k"), serde_json::to_vec(&list).unwrap()).unwrap();
    fs::remove_dir_all(fixture.path("segments")).unwrap();
    fixture.reopen();
    assert_eq!((fixture.names("segments").len(), fixture.names("data").len()), (0, 39));
    assert_eq!(ids_of(&fixture), ids);
    let page = fixture.bucket().versions_of("k", Some(&ids[10]), 3).unwrap();
    assert_eq!(page.iter().map(|version| &version.id).collect::<Vec<_>>(), [&ids[11], &ids[12], &ids[13]]);
    ids.insert(0, put(&fixture.bucket(), "k", "new").unwrap().unwrap());
    assert_eq!(fixture.names("segments").len(), 38usize.div_ceil(LIMITS.segment));
    assert_eq!(ids_of(&fixture), ids);
    fixture.references();
}

#[test]
fn a_page_reads_only_the_segments_that_it_needs() {
    let (fixture, ids) = filled(60);
    let names = fixture.names("segments");
    let head = fs::read_to_string(fixture.head("k")).unwrap();
    // Only the middle segment stays.
    let position = |name: &String| head.find(name.as_str()).unwrap();
    let mut ordered: Vec<&String> = names.iter().collect();
    ordered.sort_by_key(|name| position(name));
    let middle = ordered.len() / 2;
    for (number, name) in ordered.iter().enumerate() {
        if number != middle {
            fs::remove_file(fixture.path("segments").join(name)).unwrap();
        }
    }
    let segment = read_json(fixture.path("segments").join(ordered[middle]));
    let readable: Vec<&str> =
        segment.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    let bucket = fixture.bucket();
    let first = bucket.versions_of("k", None, 2).unwrap();
    assert_eq!(first.iter().map(|version| &version.id).collect::<Vec<_>>(), [&ids[0], &ids[1]]);
    let page = bucket.versions_of("k", Some(readable[0]), readable.len() - 1).unwrap();
    assert_eq!(page.iter().map(|version| &*version.id).collect::<Vec<_>>(), readable[1..]);
    assert!(matches!(bucket.open_version("k", Some(readable[0])).unwrap(), Found::Object(_)));
    bucket
        .change_meta("k", Some(readable[1]), |meta| {
            meta.legal_hold = Some(true);
            Ok(())
        })
        .unwrap();
    bucket.remove_version("k", readable[2], |_, _| Ok(())).unwrap();
    put(&bucket, "k", "new").unwrap();
    // A missing segment does not count as empty.
    assert!(bucket.versions_of("k", None, usize::MAX).is_err());
    assert!(bucket.open_version("k", Some(ids.last().unwrap())).is_err());
    assert!(bucket.remove_version("k", ids.last().unwrap(), |_, _| Ok(())).is_err());
}

/// The sweep removes nothing from a bucket with a damaged history.
#[test]
fn a_damaged_history_does_not_count_as_shorter_or_empty() {
    let (mut fixture, ids) = filled(30);
    let segment = fixture.path("segments").join(fixture.names("segments").first().unwrap());
    let contents = fixture.names("data");
    let unknown_field = br#"{"newest":[],"segments":[],"more":1}"#.as_slice();
    let head = fs::read(fixture.head("k")).unwrap();
    let path_traversal =
        String::from_utf8(head.clone()).unwrap().replacen("\"name\":\"", "\"name\":\"../", 1).into_bytes();
    let whole = fs::read(&segment).unwrap();
    let mut shorter: Vec<Value> = serde_json::from_slice(&whole).unwrap();
    shorter.pop();
    let shorter = serde_json::to_vec(&shorter).unwrap();
    let cases = [
        (fixture.head("k"), vec![&b""[..], b"{}", unknown_field, &path_traversal, &head[..head.len() - 1]]),
        (segment, vec![&b""[..], b"[]", &shorter, &whole[..whole.len() - 1]]),
    ];
    for (path, damaged_contents) in cases {
        let intact = fs::read(&path).unwrap();
        for damaged in damaged_contents {
            fs::write(&path, damaged).unwrap();
            fs::write(fixture.path("data/0123"), "unreferenced").unwrap();
            fs::write(fixture.path("segments/0123"), "[]").unwrap();
            fixture.reopen();
            let bucket = fixture.bucket();
            assert!(bucket.versions_of("k", None, usize::MAX).is_err());
            assert!(ids[1..].iter().any(|id| bucket.open_version("k", Some(id)).is_err()));
            assert_eq!(fs::read(&path).unwrap(), damaged);
            assert!(fixture.names("data").is_superset(&contents) && fixture.path("segments/0123").exists());
            fs::write(&path, &intact).unwrap();
            fixture.reopen();
            assert!(!fixture.path("data/0123").exists() && !fixture.path("segments/0123").exists());
            assert_eq!((ids_of(&fixture), fixture.names("data")), (ids.clone(), contents.clone()));
        }
    }
}

/// Readers hold no lock while segments are replaced.
#[test]
fn readers_find_unchanged_versions_during_writes() {
    let (fixture, ids) = filled(40);
    let bucket = fixture.bucket();
    let (oldest, second) = (&ids[39], &ids[38]);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..150 {
                let new = put(&bucket, "k", "new").unwrap().unwrap();
                match round % 3 {
                    0 => drop(bucket.remove_version("k", &new, |_, _| Ok(())).unwrap()),
                    1 => drop(bucket.remove("k", None, |_| Ok(())).unwrap()),
                    _ => {
                        let change = |meta: &mut Meta| {
                            meta.tags = vec![("n".to_owned(), round.to_string())];
                            Ok(())
                        };
                        assert!(bucket.change_meta("k", Some(second), change).unwrap());
                    }
                }
            }
        });
        while !writer.is_finished() {
            assert!(matches!(bucket.open_version("k", Some(oldest)).unwrap(), Found::Object(_)));
            assert!(matches!(bucket.open_version("k", Some(second)).unwrap(), Found::Object(_)));
            let page = bucket.versions_of("k", Some(&ids[9]), 30).unwrap();
            assert_eq!(
                page.iter().map(|version| &version.id).collect::<Vec<_>>(),
                ids[10..].iter().collect::<Vec<_>>()
            );
        }
        writer.join().unwrap();
    });
}

/// A client that deletes versions page by page sends markers of removed versions. A version from before versioning was
/// enabled is listed last.
#[test]
fn the_null_version_is_listed_after_a_removed_marker() {
    let fixture = Fixture::new();
    let bucket = fixture.bucket();
    let switch = |to| bucket.set_state(|state| state.versioning = Some(to)).unwrap();
    switch(Versioning::Suspended);
    put(&bucket, "k", "null").unwrap();
    switch(Versioning::Enabled);
    let ids: Vec<String> = (0..20).map(|_| put(&bucket, "k", "new").unwrap().unwrap()).collect();
    for (count, marker) in ids.iter().enumerate() {
        bucket.remove_version("k", marker, |_, _| Ok(())).unwrap();
        let rest = bucket.versions_of("k", Some(marker), 10).unwrap();
        assert_eq!(rest.iter().map(|version| &*version.id).collect::<Vec<_>>(), ["null"], "{count}");
        assert_eq!(rest[0].latest, count == 19);
    }
}
