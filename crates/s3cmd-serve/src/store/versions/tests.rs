//! Histories against lists in memory, with processes that die in the middle. The limits are small here, so that a few
//! versions have many segments.

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

struct Lab {
    dir: tempfile::TempDir,
    store: Option<Store>,
}

impl Lab {
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

    /// Starts again, as after a process that was killed.
    fn reopen(&mut self) {
        self.store = None;
        fs::write(self.dir.path().join(".s3cmd-serve/lock"), "running\n").unwrap();
        self.store = Some(Store::open(self.dir.path(), MODE).unwrap());
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join("b/.s3cmd-serve/versions").join(below)
    }

    fn head(&self, key: &str) -> PathBuf {
        self.path("index").join(hex::encode(key))
    }

    fn names(&self, below: &str) -> BTreeSet<String> {
        let Ok(entries) = fs::read_dir(self.path(below)) else { return BTreeSet::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// What the histories mention: segments and contents.
    fn mentioned(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let json = |path: PathBuf| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
        let (mut segments, mut contents) = (BTreeSet::new(), BTreeSet::new());
        let mut look = |entries: &Value, most: usize| {
            let entries = entries.as_array().unwrap();
            assert!((1..=most).contains(&entries.len()));
            let files = entries.iter().filter_map(|entry| entry["what"]["data"]["file"].as_str());
            contents.extend(files.map(str::to_owned));
        };
        for name in self.names("index") {
            let head = json(self.path("index").join(name));
            look(if head.is_array() { &head } else { &head["newest"] }, LIMITS.newest);
            for segment in head["segments"].as_array().into_iter().flatten() {
                let name = segment["name"].as_str().unwrap();
                assert!(segments.insert(name.to_owned()));
                look(&json(self.path("segments").join(name)), LIMITS.segment);
            }
        }
        (segments, contents)
    }
}

fn put(bucket: &Bucket, key: &str, content: &str) -> S3Result<Option<String>> {
    let mut staged = bucket.stage()?;
    staged.write(content.as_bytes())?;
    // So that listings tell of the content.
    let meta = Meta { etag: content.to_owned(), ..Meta::default() };
    Ok(bucket.commit(staged, key, meta, |_| Ok(()))?.1)
}

/// A version of the model.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    /// Empty: made by a step that did not say.
    id: String,
    /// `None`: a delete marker.
    content: Option<String>,
    tag: Option<u8>,
}

#[derive(Clone, Debug)]
struct Step {
    key: usize,
    what: StepWhat,
    /// After how many changes of directories the process dies.
    dies: Option<usize>,
}

#[derive(Clone, Debug)]
enum StepWhat {
    Put,
    Delete,
    /// Of those that are there; many times the oldest or the latest.
    Remove(usize),
    RemoveGone(usize),
    Change(usize, u8),
    Switch,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let which = || prop_oneof![Just(0), Just(usize::MAX), any::<usize>(), any::<usize>()];
    let what = prop_oneof![
        8 => Just(StepWhat::Put),
        2 => Just(StepWhat::Delete),
        5 => which().prop_map(StepWhat::Remove),
        1 => any::<usize>().prop_map(StepWhat::RemoveGone),
        3 => (which(), any::<u8>()).prop_map(|(which, tag)| StepWhat::Change(which, tag)),
        2 => Just(StepWhat::Switch),
        1 => Just(StepWhat::Reopen),
    ];
    let key = prop_oneof![6 => Just(0usize), 1 => Just(1)];
    let dies = prop_oneof![2 => Just(None), 1 => (0..25usize).prop_map(Some)];
    (key, what, dies).prop_map(|(key, what, dies)| Step { key, what, dies })
}

/// One of a list's places; the last for the greatest number.
fn pick(which: usize, length: usize) -> Option<usize> {
    let last = length.checked_sub(1)?;
    Some(if which == usize::MAX { last } else { which % length })
}

/// The buckets as they should be, and ids that are not there any more.
struct Model {
    lab: Lab,
    keys: [Vec<Entry>; 2],
    gone: Vec<String>,
    suspended: bool,
    /// For contents that differ.
    count: usize,
}

impl Model {
    fn new() -> Self {
        Self { lab: Lab::new(), keys: Default::default(), gone: Vec::new(), suspended: false, count: 0 }
    }

    fn play(&mut self, step: &Step) {
        let key = KEYS[step.key];
        let mut after = self.keys[step.key].clone();
        let bucket = self.lab.bucket();
        let before_segments = self.lab.names("segments");
        let new = |after: &mut Vec<Entry>, content: Option<String>| {
            if self.suspended {
                after.retain(|entry| entry.id != "null");
            }
            let id = if self.suspended { "null".to_owned() } else { String::new() };
            after.insert(0, Entry { id, content, tag: None });
        };
        if !matches!(step.what, StepWhat::Reopen | StepWhat::Switch) {
            fault::die_after(step.dies);
        }
        let done = match &step.what {
            StepWhat::Put => {
                self.count += 1;
                let content = format!("content {}", self.count);
                new(&mut after, Some(content.clone()));
                put(&bucket, key, &content).map(drop)
            }
            StepWhat::Delete => {
                new(&mut after, None);
                bucket.remove(key, None, |_| Ok(())).map(drop)
            }
            StepWhat::Remove(which) => match pick(*which, after.len()) {
                None => Ok(()),
                Some(at) => {
                    let entry = after.remove(at);
                    self.gone.push(entry.id.clone());
                    let removed = bucket.remove_version(key, &entry.id, |_, _| Ok(()));
                    removed.map(|removed| assert_eq!(removed.marker, entry.content.is_none()))
                }
            },
            StepWhat::RemoveGone(which) => match pick(*which, self.gone.len()) {
                Some(at) if after.iter().all(|entry| entry.id != self.gone[at]) => {
                    bucket.remove_version(key, &self.gone[at], |_, _| panic!("it is not there")).map(drop)
                }
                _ => Ok(()),
            },
            StepWhat::Change(which, tag) => match pick(*which, after.len()) {
                None => Ok(()),
                Some(at) => {
                    let entry = &mut after[at];
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
            StepWhat::Switch => {
                self.suspended = !self.suspended;
                let to = if self.suspended { Versioning::Suspended } else { Versioning::Enabled };
                bucket.set_state(|state| state.versioning = Some(to))
            }
            StepWhat::Reopen => Ok(()),
        };
        fault::die_after(None);
        drop(bucket);
        let has_died = step.dies.is_some() || matches!(step.what, StepWhat::Reopen);
        assert!(done.is_ok() || has_died, "{done:?}");
        if has_died {
            self.lab.reopen();
        }
        let (segments, contents) = self.lab.mentioned();
        assert_eq!(self.lab.names("segments"), segments);
        if has_died {
            // What is current is not among the contents, but may still be mentioned.
            assert!(self.lab.names("data").is_subset(&contents));
        } else {
            assert!(segments.difference(&before_segments).count() <= 2, "{step:?}");
        }
        // A step happens whole or not at all; one that says that it did has happened.
        let shown = self.shown(key);
        if done.is_ok() || fits(&after, &shown) {
            self.keys[step.key] = after;
        }
        for (entry, shown) in self.keys[step.key].iter_mut().zip(&shown) {
            if entry.id.is_empty() {
                entry.id.clone_from(&shown.id);
            }
        }
        self.check();
    }

    fn shown(&self, key: &str) -> Vec<ListedVersion> {
        self.lab.bucket().versions_of(key, None, usize::MAX).unwrap()
    }

    fn check(&self) {
        for (key, entries) in KEYS.iter().zip(&self.keys) {
            let shown = self.shown(key);
            assert!(fits(entries, &shown), "{key}: {entries:#?}\n{shown:#?}");
            let latest: Vec<bool> = shown.iter().map(|shown| shown.latest).collect();
            assert!(latest.iter().enumerate().all(|(at, latest)| *latest == (at == 0)), "{latest:?}");
            for entry in entries {
                self.check_one(key, Some(&entry.id), entry);
            }
            match entries.first() {
                Some(entry) => self.check_one(key, None, entry),
                None => assert!(!self.lab.head(key).exists()),
            }
        }
    }

    fn check_one(&self, key: &str, id: Option<&str>, entry: &Entry) {
        match self.lab.bucket().open_version(key, id).unwrap() {
            Found::Object(mut object) => {
                let mut content = String::new();
                object.file.read_to_string(&mut content).unwrap();
                assert_eq!(Some(content), entry.content);
                assert_eq!(super::id_text(object.meta.version.as_ref()), entry.id);
                assert!(!object.meta.damaged);
            }
            Found::Marker { id, .. } => assert_eq!((&id, &None), (&entry.id, &entry.content)),
            Found::Nothing => panic!("{key} {id:?} is gone"),
        }
    }

    /// A page after a marker is what the list has after it.
    fn page(&self, key: usize, marker: usize, most: usize) {
        let entries = &self.keys[key];
        let markers: Vec<&String> = entries.iter().map(|entry| &entry.id).chain(&self.gone).collect();
        let Some(marker) = pick(marker, markers.len()).map(|at| markers[at]) else { return };
        let from = match entries.iter().position(|entry| entry.id == *marker) {
            Some(at) => at + 1,
            None => {
                let is_named = |entry: &Entry| entry.id != "null";
                let older = entries.iter().position(|entry| is_named(entry) && entry.id < *marker);
                let newer = &entries[..older.unwrap_or(entries.len())];
                newer.iter().rposition(is_named).map_or(0, |at| at + 1)
            }
        };
        let shown = self.lab.bucket().versions_of(KEYS[key], Some(marker), most).unwrap();
        let expected: Vec<_> = entries.iter().skip(from).take(most).map(|entry| &entry.id).collect();
        assert_eq!(shown.iter().map(|shown| &shown.id).collect::<Vec<_>>(), expected, "after {marker}");
        assert!(shown.iter().enumerate().all(|(at, shown)| shown.latest == (from + at == 0)));
    }
}

fn fits(entries: &[Entry], shown: &[ListedVersion]) -> bool {
    let is_one = |(entry, shown): (&Entry, &ListedVersion)| {
        let tag = match &shown.what {
            ListedContent::Data(summary) => {
                let tag = summary.meta.tags.first().map(|(_, value)| value.parse().unwrap());
                entry.content.as_ref() == Some(&summary.meta.etag) && entry.tag == tag
            }
            ListedContent::Marker { .. } => entry.content.is_none(),
        };
        tag && (entry.id == shown.id || entry.id.is_empty() && shown.id != "null")
    };
    entries.len() == shown.len() && entries.iter().zip(shown).all(is_one)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn a_history_is_what_a_list_would_be_whenever_the_process_dies(
        first in 0..50usize,
        steps in proptest::collection::vec(step(), 1..50),
        pages in proptest::collection::vec((0..2usize, any::<usize>(), 0..20usize), 8),
    ) {
        let mut model = Model::new();
        for _ in 0..first {
            model.play(&Step { key: 0, what: StepWhat::Put, dies: None });
        }
        for step in steps {
            model.play(&step);
            for (key, marker, most) in &pages {
                model.page(*key, *marker, *most);
            }
        }
    }
}

/// A bucket with so many versions of `k`; their ids, the latest first.
fn filled(count: usize) -> (Lab, Vec<String>) {
    let lab = Lab::new();
    let mut ids: Vec<String> =
        (0..count).map(|number| put(&lab.bucket(), "k", &format!("{number}")).unwrap().unwrap()).collect();
    ids.reverse();
    (lab, ids)
}

fn ids_of(lab: &Lab) -> Vec<String> {
    let shown = lab.bucket().versions_of("k", None, usize::MAX).unwrap();
    shown.into_iter().map(|shown| shown.id).collect()
}

/// Histories were one list of any length once.
#[test]
fn a_list_of_before_is_read_and_cut_when_it_is_next_written() {
    let (mut lab, mut ids) = filled(40);
    let json = |path: PathBuf| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
    let head = json(lab.head("k"));
    let mut list = head["newest"].as_array().unwrap().clone();
    for segment in head["segments"].as_array().unwrap() {
        let path = lab.path("segments").join(segment["name"].as_str().unwrap());
        list.extend(json(path).as_array().unwrap().clone());
    }
    assert_eq!(list.len(), 39);
    fs::write(lab.head("k"), serde_json::to_vec(&list).unwrap()).unwrap();
    fs::remove_dir_all(lab.path("segments")).unwrap();
    lab.reopen();
    assert_eq!((lab.names("segments").len(), lab.names("data").len()), (0, 39));
    assert_eq!(ids_of(&lab), ids);
    let page = lab.bucket().versions_of("k", Some(&ids[10]), 3).unwrap();
    assert_eq!(page.iter().map(|shown| &shown.id).collect::<Vec<_>>(), [&ids[11], &ids[12], &ids[13]]);
    ids.insert(0, put(&lab.bucket(), "k", "new").unwrap().unwrap());
    assert_eq!(lab.names("segments").len(), 38usize.div_ceil(LIMITS.segment));
    assert_eq!(ids_of(&lab), ids);
    lab.mentioned();
}

#[test]
fn a_page_reads_only_the_segments_that_it_needs() {
    let (lab, ids) = filled(60);
    let names = lab.names("segments");
    let head = fs::read_to_string(lab.head("k")).unwrap();
    // Those of the middle stay.
    let position = |name: &String| head.find(name.as_str()).unwrap();
    let mut ordered: Vec<&String> = names.iter().collect();
    ordered.sort_by_key(|name| position(name));
    let middle = ordered.len() / 2;
    for (number, name) in ordered.iter().enumerate() {
        if number != middle {
            fs::remove_file(lab.path("segments").join(name)).unwrap();
        }
    }
    let segment: Value =
        serde_json::from_slice(&fs::read(lab.path("segments").join(ordered[middle])).unwrap()).unwrap();
    let there: Vec<&str> =
        segment.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    let bucket = lab.bucket();
    let first = bucket.versions_of("k", None, 2).unwrap();
    assert_eq!(first.iter().map(|shown| &shown.id).collect::<Vec<_>>(), [&ids[0], &ids[1]]);
    let page = bucket.versions_of("k", Some(there[0]), there.len() - 1).unwrap();
    assert_eq!(page.iter().map(|shown| &*shown.id).collect::<Vec<_>>(), there[1..]);
    assert!(matches!(bucket.open_version("k", Some(there[0])).unwrap(), Found::Object(_)));
    bucket
        .change_meta("k", Some(there[1]), |meta| {
            meta.legal_hold = Some(true);
            Ok(())
        })
        .unwrap();
    bucket.remove_version("k", there[2], |_, _| Ok(())).unwrap();
    put(&bucket, "k", "new").unwrap();
    // What is missing is not taken for none.
    assert!(bucket.versions_of("k", None, usize::MAX).is_err());
    assert!(bucket.open_version("k", Some(ids.last().unwrap())).is_err());
    assert!(bucket.remove_version("k", ids.last().unwrap(), |_, _| Ok(())).is_err());
}

/// Neither is what cannot be understood, and then nothing is swept away.
#[test]
fn a_damaged_history_is_not_taken_for_a_short_one() {
    let (mut lab, ids) = filled(30);
    let segment = lab.path("segments").join(lab.names("segments").first().unwrap());
    let contents = lab.names("data");
    let later = br#"{"newest":[],"segments":[],"more":1}"#.as_slice();
    let head = fs::read(lab.head("k")).unwrap();
    let up =
        String::from_utf8(head.clone()).unwrap().replacen("\"name\":\"", "\"name\":\"../", 1).into_bytes();
    let whole = fs::read(&segment).unwrap();
    let mut shorter: Vec<Value> = serde_json::from_slice(&whole).unwrap();
    shorter.pop();
    let shorter = serde_json::to_vec(&shorter).unwrap();
    let cases = [
        (lab.head("k"), vec![&b""[..], b"{}", later, &up, &head[..head.len() - 1]]),
        (segment, vec![&b""[..], b"[]", &shorter, &whole[..whole.len() - 1]]),
    ];
    for (path, broken) in cases {
        let right = fs::read(&path).unwrap();
        for broken in broken {
            fs::write(&path, broken).unwrap();
            fs::write(lab.path("data/0123"), "nobody's").unwrap();
            fs::write(lab.path("segments/0123"), "[]").unwrap();
            lab.reopen();
            let bucket = lab.bucket();
            assert!(bucket.versions_of("k", None, usize::MAX).is_err());
            assert!(ids[1..].iter().any(|id| bucket.open_version("k", Some(id)).is_err()));
            assert_eq!(fs::read(&path).unwrap(), broken);
            assert!(lab.names("data").is_superset(&contents) && lab.path("segments/0123").exists());
            fs::write(&path, &right).unwrap();
            lab.reopen();
            assert!(!lab.path("data/0123").exists() && !lab.path("segments/0123").exists());
            assert_eq!((ids_of(&lab), lab.names("data")), (ids.clone(), contents.clone()));
        }
    }
}

/// Those who read hold no lock, while segments come and go.
#[test]
fn readers_find_what_stays_while_others_write() {
    let (lab, ids) = filled(40);
    let bucket = lab.bucket();
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
                page.iter().map(|shown| &shown.id).collect::<Vec<_>>(),
                ids[10..].iter().collect::<Vec<_>>()
            );
        }
        writer.join().unwrap();
    });
}

/// Who deletes page by page names markers that are gone; what was there before there were versions comes last.
#[test]
fn the_null_version_is_found_after_a_marker_that_is_gone() {
    let lab = Lab::new();
    let bucket = lab.bucket();
    let switch = |to| bucket.set_state(|state| state.versioning = Some(to)).unwrap();
    switch(Versioning::Suspended);
    put(&bucket, "k", "null").unwrap();
    switch(Versioning::Enabled);
    let ids: Vec<String> = (0..20).map(|_| put(&bucket, "k", "new").unwrap().unwrap()).collect();
    for (count, marker) in ids.iter().enumerate() {
        bucket.remove_version("k", marker, |_, _| Ok(())).unwrap();
        let rest = bucket.versions_of("k", Some(marker), 10).unwrap();
        assert_eq!(rest.iter().map(|shown| &*shown.id).collect::<Vec<_>>(), ["null"], "{count}");
        assert_eq!(rest[0].latest, count == 19);
    }
}
