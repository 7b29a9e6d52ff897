//! Compares indexes with sorted sets, and the cache with directories that change.

use super::*;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

fn page_file() -> Arc<PageFile> {
    Arc::new(PageFile::new(tempfile::tempfile().unwrap()))
}

/// All names of an index, page by page.
fn all_names(index: &Index) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    let mut next = index.reaching(b"").unwrap();
    while let Some((page, position)) = next {
        names.extend(page.iter().skip(position).map(<[u8]>::to_vec));
        next = index.after(page.last().unwrap()).unwrap();
    }
    names
}

fn build_index(names: &BTreeSet<Vec<u8>>, page_file: &Arc<PageFile>) -> Index {
    // Small blocks, so that there are several.
    let mut builder = Builder::with_block_size(Arc::clone(page_file), 4000);
    let mut unordered: Vec<&Vec<u8>> = names.iter().collect();
    unordered.sort_by_key(|name| name.iter().rev().copied().collect::<Vec<u8>>());
    for name in unordered {
        match name.strip_suffix(b"/") {
            Some(name) => builder.push(name, true).unwrap(),
            None => builder.push(name, false).unwrap(),
        }
    }
    builder.finish().unwrap()
}

fn names(max: usize) -> impl Strategy<Value = BTreeSet<Vec<u8>>> {
    let name = (0..2000u32, 1..60usize, any::<bool>())
        .prop_map(|(number, length, is_dir)| with_slash(format!("{number:0length$}").as_bytes(), is_dir));
    proptest::collection::btree_set(name, 0..max)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn an_index_equals_a_sorted_set(
        mut set in names(2000),
        steps in proptest::collection::vec((names(900), names(900)), 0..4),
        targets in proptest::collection::vec("[0-9]{0,6}/?[0-9]?", 8),
    ) {
        let page_file = page_file();
        let mut index = build_index(&set, &page_file);
        for (added, removed) in steps {
            let mut changes: BTreeMap<Vec<u8>, bool> = removed.into_iter().map(|name| (name, false)).collect();
            changes.extend(added.into_iter().map(|name| (name, true)));
            index.change(&changes).unwrap();
            for (name, exists) in changes {
                if exists { set.insert(name); } else { set.remove(&name); }
            }
            prop_assert_eq!(all_names(&index), set.iter().cloned().collect::<Vec<_>>());
        }
        for target in targets {
            let target = target.as_bytes();
            let name_at = |(page, position): (Page, usize)| page.get(position).unwrap().to_vec();
            let found = index.reaching(target).unwrap().map(name_at);
            prop_assert_eq!(found.as_ref(), set.iter().find(|name| page::may_reach(name, target)));
            let found = index.after(target).unwrap().map(name_at);
            prop_assert_eq!(found.as_ref(), set.iter().find(|name| &name[..] > target));
        }
        prop_assert!(page_file.in_use() >= usize::from(!set.is_empty()));
        drop(index);
        prop_assert_eq!(page_file.in_use(), 0);
    }
}

#[test]
fn a_full_file_is_an_error_and_frees_its_slots() {
    let page_file = Arc::new(PageFile::with_max_pages(tempfile::tempfile().unwrap(), 3));
    let mut builder = Builder::with_block_size(Arc::clone(&page_file), 20_000);
    let pushed = (0..10_000).try_for_each(|number| builder.push(format!("{number:08}").as_bytes(), false));
    let error = pushed.and_then(|()| builder.finish().map(drop)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
    assert_eq!(page_file.in_use(), 0);
    let mut long = Builder::new(Arc::clone(&page_file));
    long.push(&[b'n'; page_file::PAGE_SIZE], false).unwrap();
    assert!(long.finish().is_err());
}

/// The names of a directory according to the cache.
fn cached_names(cache: &NameCache, dir: &Dir) -> Vec<String> {
    let mut names = cache.names(dir).unwrap();
    let mut all = Vec::new();
    while let Some(name) = names.next().unwrap() {
        all.push(String::from_utf8(name.to_vec()).unwrap());
    }
    all
}

/// The names of a directory according to the file system.
fn actual_names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap().map(Result::unwrap).filter_map(|entry| {
        let kind = entry.file_type().unwrap();
        let name = entry.file_name().into_string().ok()?;
        (kind.is_dir() || kind.is_file()).then(|| name + if kind.is_dir() { "/" } else { "" })
    });
    let mut names: Vec<String> = entries.collect();
    names.sort_unstable();
    names
}

fn create_files(path: &Path, count: usize) {
    for name in 0..count {
        fs::write(path.join(format!("{name:05}")), "").unwrap();
    }
}

/// The indexes in use. The caller keeps them alive, so that no later index can have the same address.
fn indexes(cache: &NameCache) -> Vec<Arc<IndexedDir>> {
    cache.state().indexes.values().cloned().collect()
}

fn are_same(a: &[Arc<IndexedDir>], b: &[Arc<IndexedDir>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
}

fn is_local(dir: &Dir) -> bool {
    dir.fs_kind() != FsKind::Other
}

#[test]
fn the_index_follows_every_kind_of_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    create_files(folder.path(), 3000);
    let (cache, dir) = (NameCache::default(), Dir::open(folder.path()).unwrap());
    assert_eq!(cached_names(&cache, &dir), actual_names(folder.path()));
    if !is_local(&dir) {
        return;
    }
    assert_eq!(indexes(&cache).len(), 1);
    let steps: [&dyn Fn(); 9] = [
        &|| fs::write(path("00000-new"), "").unwrap(),
        &|| fs::remove_file(path("01000")).unwrap(),
        &|| fs::rename(path("01001"), path("moved")).unwrap(),
        &|| fs::create_dir(path("folder")).unwrap(),
        &|| fs::rename(path("folder"), path("01002-folder")).unwrap(),
        &|| {
            fs::remove_file(path("00003")).unwrap();
            std::os::unix::fs::symlink("x", path("00003")).unwrap();
        },
        &|| {
            fs::remove_file(path("00004")).unwrap();
            fs::create_dir(path("00004")).unwrap();
        },
        &|| fs::hard_link(path("00005"), path("linked")).unwrap(),
        &|| {
            use std::os::unix::ffi::OsStrExt;
            fs::write(path("x").with_file_name(std::ffi::OsStr::from_bytes(b"\xff")), "").unwrap();
        },
    ];
    let before = indexes(&cache);
    for step in steps {
        step();
        assert_eq!(cached_names(&cache, &dir), actual_names(folder.path()));
    }
    assert!(are_same(&before, &indexes(&cache)), "the directory was read again");
    // As if the file system had been reset to a snapshot.
    fs::File::open(folder.path()).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(cached_names(&cache, &dir), actual_names(folder.path()));
    assert!(!are_same(&before, &indexes(&cache)), "the directory was not read again");
    fs::write(path("after-that"), "").unwrap();
    assert_eq!(cached_names(&cache, &dir), actual_names(folder.path()));
    for name in 0..2000 {
        let _ = fs::remove_file(path(&format!("{name:05}")));
    }
    create_files(&path("01002-folder"), 700);
    assert_eq!(cached_names(&cache, &dir), actual_names(folder.path()));
    fs::rename(path("01002-folder"), path("away")).unwrap();
    let inner = Dir::open(&path("away")).unwrap();
    assert_eq!(cached_names(&cache, &inner), actual_names(&path("away")));
    assert_eq!(indexes(&cache).len(), 2);
}

#[test]
fn changes_during_a_listing_hide_no_other_names() {
    let folder = tempfile::tempdir().unwrap();
    create_files(folder.path(), 5000);
    let (cache, dir) = (NameCache::default(), Dir::open(folder.path()).unwrap());
    let mut names = cache.names(&dir).unwrap();
    let mut seen = BTreeSet::new();
    let mut count = 0;
    while let Some(name) = names.next().unwrap() {
        seen.insert(String::from_utf8(name.to_vec()).unwrap());
        count += 1;
        if count % 50 == 0 {
            // Splits every following page, and removes names from the page that is being read.
            for new in 0..20 {
                fs::write(folder.path().join(format!("{:05}-{new}", count * 7 % 5000)), "").unwrap();
            }
            let _ = fs::remove_file(folder.path().join(format!("{:05}", count * 3 % 5000 / 2 * 2)));
            cache.names(&dir).unwrap();
        }
    }
    for name in (1..5000).step_by(2) {
        assert!(seen.contains(&format!("{name:05}")), "{name}");
    }
}

#[test]
fn changes_while_a_directory_is_read_are_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    create_files(folder.path(), 4000);
    let (cache, dir) = (NameCache::default(), Dir::open(folder.path()).unwrap());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let (stop, folder) = (&stop, folder.path());
            scope.spawn(move || {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    fs::write(folder.join(format!("{number:05}-{writer}")), "").unwrap();
                    let _ = fs::remove_file(folder.join(format!("{:05}", number % 4000)));
                    number += 1;
                }
            });
        }
        for round in 0..8 {
            cache.forget_all();
            cached_names(&cache, &dir);
            if round % 2 == 0 {
                cache.count_write();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(cached_names(&cache, &dir), actual_names(folder.path()));
}

#[test]
fn an_event_queue_overflow_makes_it_read_the_directory_again() {
    let folder = tempfile::tempdir().unwrap();
    create_files(folder.path(), 600);
    let (cache, dir) = (NameCache::default(), Dir::open(folder.path()).unwrap());
    cached_names(&cache, &dir);
    for number in 0..20_000 {
        fs::write(folder.path().join(format!("{:06}", number / 20 * 20)), "").unwrap();
        if number % 20 == 19 {
            fs::remove_file(folder.path().join(format!("{:06}", number / 20 * 20))).unwrap();
        }
    }
    fs::write(folder.path().join("last"), "").unwrap();
    assert_eq!(cached_names(&cache, &dir), actual_names(folder.path()));
    // A directory that was removed and created again is a different one.
    fs::remove_dir_all(folder.path()).unwrap();
    fs::create_dir(folder.path()).unwrap();
    create_files(folder.path(), 501);
    let dir = Dir::open(folder.path()).unwrap();
    assert_eq!(cached_names(&cache, &dir), actual_names(folder.path()));
}

#[test]
fn without_reports_the_modification_time_decides() {
    let folder = tempfile::tempdir().unwrap();
    create_files(folder.path(), 600);
    let cache = NameCache::default();
    cache.watcher.set(None).unwrap();
    let dir = Dir::open(folder.path()).unwrap();
    assert_eq!(cached_names(&cache, &dir), actual_names(folder.path()));
    assert_eq!(indexes(&cache).len(), 0, "it may change again within the same tick");
    let old = SystemTime::now() - std::time::Duration::from_secs(10);
    fs::File::open(folder.path()).unwrap().set_modified(old).unwrap();
    cached_names(&cache, &dir);
    assert_eq!(indexes(&cache).len(), 1);
    fs::write(folder.path().join("x"), "").unwrap();
    assert_eq!(cached_names(&cache, &dir), actual_names(folder.path()));
    assert_eq!(indexes(&cache).len(), 0);
    // Without a file for it there is no index, but all names are listed.
    let cache = NameCache::default();
    cache.store_in(|| Err(io::ErrorKind::StorageFull.into()));
    assert_eq!(cached_names(&cache, &dir), actual_names(folder.path()));
}
