//! Indexes against sorted sets, and the cache against directories that change.

use super::*;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

fn page_file() -> Arc<PageFile> {
    Arc::new(PageFile::new(tempfile::tempfile().unwrap()))
}

/// All names of an index, page by page.
fn all_of(index: &Index) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    let mut next = index.reaching(b"").unwrap();
    while let Some((page, at)) = next {
        names.extend(page.iter().skip(at).map(<[u8]>::to_vec));
        next = index.after(page.last().unwrap()).unwrap();
    }
    names
}

fn index_of(names: &BTreeSet<Vec<u8>>, page_file: &Arc<PageFile>) -> Index {
    // Blocks so small that there are several.
    let mut builder = Builder::with_block(Arc::clone(page_file), 4000);
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

fn names(number: usize) -> impl Strategy<Value = BTreeSet<Vec<u8>>> {
    let name = (0..2000u32, 1..60usize, any::<bool>())
        .prop_map(|(number, length, is_dir)| with_slash(format!("{number:0length$}").as_bytes(), is_dir));
    proptest::collection::btree_set(name, 0..number)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn an_index_says_what_a_set_would(
        mut set in names(2000),
        steps in proptest::collection::vec((names(900), names(900)), 0..4),
        places in proptest::collection::vec("[0-9]{0,6}/?[0-9]?", 8),
    ) {
        let page_file = page_file();
        let mut index = index_of(&set, &page_file);
        for (come, go) in steps {
            let mut changes: BTreeMap<Vec<u8>, bool> = go.into_iter().map(|name| (name, false)).collect();
            changes.extend(come.into_iter().map(|name| (name, true)));
            index.change(&changes).unwrap();
            for (name, is_there) in changes {
                if is_there { set.insert(name); } else { set.remove(&name); }
            }
            prop_assert_eq!(all_of(&index), set.iter().cloned().collect::<Vec<_>>());
        }
        for place in places {
            let place = place.as_bytes();
            let found = index.reaching(place).unwrap().map(|(page, at)| page.get(at).unwrap().to_vec());
            prop_assert_eq!(found.as_ref(), set.iter().find(|name| page::reaches(name, place)));
            let found = index.after(place).unwrap().map(|(page, at)| page.get(at).unwrap().to_vec());
            prop_assert_eq!(found.as_ref(), set.iter().find(|name| &name[..] > place));
        }
        prop_assert!(page_file.in_use() >= usize::from(!set.is_empty()));
        drop(index);
        prop_assert_eq!(page_file.in_use(), 0);
    }
}

#[test]
fn a_full_file_is_an_error_and_gives_its_slots_back() {
    let page_file = Arc::new(PageFile::with_most(tempfile::tempfile().unwrap(), 3));
    let mut builder = Builder::with_block(Arc::clone(&page_file), 20_000);
    let pushed = (0..10_000).try_for_each(|number| builder.push(format!("{number:08}").as_bytes(), false));
    let error = pushed.and_then(|()| builder.finish().map(drop)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
    assert_eq!(page_file.in_use(), 0);
    let mut long = Builder::new(Arc::clone(&page_file));
    long.push(&[b'n'; page_file::PAGE_SIZE], false).unwrap();
    assert!(long.finish().is_err());
}

/// What the cache says of a directory.
fn said(cache: &NameCache, dir: &Dir) -> Vec<String> {
    let mut names = cache.names(dir).unwrap();
    let mut all = Vec::new();
    while let Some(name) = names.next().unwrap() {
        all.push(String::from_utf8(name.to_vec()).unwrap());
    }
    all
}

/// What is there.
fn there(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap().map(Result::unwrap).filter_map(|entry| {
        let kind = entry.file_type().unwrap();
        let name = entry.file_name().into_string().ok()?;
        (kind.is_dir() || kind.is_file()).then(|| name + if kind.is_dir() { "/" } else { "" })
    });
    let mut names: Vec<String> = entries.collect();
    names.sort_unstable();
    names
}

fn many_files(path: &Path, number: usize) {
    for name in 0..number {
        fs::write(path.join(format!("{name:05}")), "").unwrap();
    }
}

/// The indexes in use. They are held, so that no later one can have the address of one of them.
fn held_indexes(cache: &NameCache) -> Vec<Arc<Indexed>> {
    cache.state().indexes.values().cloned().collect()
}

fn are_same(a: &[Arc<Indexed>], b: &[Arc<Indexed>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
}

fn indexes(cache: &NameCache) -> usize {
    cache.state().indexes.len()
}

fn is_local(dir: &Dir) -> bool {
    dir.fs_kind() != FsKind::Other
}

#[test]
fn whatever_happens_to_a_large_directory_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    many_files(folder.path(), 3000);
    let (cache, dir) = (NameCache::default(), Dir::open(folder.path()).unwrap());
    assert_eq!(said(&cache, &dir), there(folder.path()));
    if !is_local(&dir) {
        return;
    }
    assert_eq!(indexes(&cache), 1);
    let steps: [&dyn Fn(); 9] = [
        &|| fs::write(at("00000-new"), "").unwrap(),
        &|| fs::remove_file(at("01000")).unwrap(),
        &|| fs::rename(at("01001"), at("moved")).unwrap(),
        &|| fs::create_dir(at("folder")).unwrap(),
        &|| fs::rename(at("folder"), at("01002-folder")).unwrap(),
        &|| {
            fs::remove_file(at("00003")).unwrap();
            std::os::unix::fs::symlink("x", at("00003")).unwrap();
        },
        &|| {
            fs::remove_file(at("00004")).unwrap();
            fs::create_dir(at("00004")).unwrap();
        },
        &|| fs::hard_link(at("00005"), at("linked")).unwrap(),
        &|| {
            use std::os::unix::ffi::OsStrExt;
            fs::write(at("x").with_file_name(std::ffi::OsStr::from_bytes(b"\xff")), "").unwrap();
        },
    ];
    let before = held_indexes(&cache);
    for step in steps {
        step();
        assert_eq!(said(&cache, &dir), there(folder.path()));
    }
    assert!(are_same(&before, &held_indexes(&cache)), "it was read again");
    // As if the file system had been set back to a snapshot.
    fs::File::open(folder.path()).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(said(&cache, &dir), there(folder.path()));
    assert!(!are_same(&before, &held_indexes(&cache)), "it was not read again");
    fs::write(at("after-that"), "").unwrap();
    assert_eq!(said(&cache, &dir), there(folder.path()));
    for name in 0..2000 {
        let _ = fs::remove_file(at(&format!("{name:05}")));
    }
    many_files(&at("01002-folder"), 700);
    assert_eq!(said(&cache, &dir), there(folder.path()));
    fs::rename(at("01002-folder"), at("away")).unwrap();
    let inner = Dir::open(&at("away")).unwrap();
    assert_eq!(said(&cache, &inner), there(&at("away")));
    assert_eq!(indexes(&cache), 2);
}

#[test]
fn changes_while_a_listing_runs_take_nothing_else_from_it() {
    let folder = tempfile::tempdir().unwrap();
    many_files(folder.path(), 5000);
    let (cache, dir) = (NameCache::default(), Dir::open(folder.path()).unwrap());
    let mut names = cache.names(&dir).unwrap();
    let mut seen = BTreeSet::new();
    let mut count = 0;
    while let Some(name) = names.next().unwrap() {
        seen.insert(String::from_utf8(name.to_vec()).unwrap());
        count += 1;
        if count % 50 == 0 {
            // Every page that comes is cut in two, the page that is read loses its names.
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
fn what_is_written_while_a_directory_is_read_is_known() {
    let folder = tempfile::tempdir().unwrap();
    many_files(folder.path(), 4000);
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
            said(&cache, &dir);
            if round % 2 == 0 {
                cache.count_write();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(said(&cache, &dir), there(folder.path()));
}

#[test]
fn more_changes_than_the_kernel_keeps_make_it_read_again() {
    let folder = tempfile::tempdir().unwrap();
    many_files(folder.path(), 600);
    let (cache, dir) = (NameCache::default(), Dir::open(folder.path()).unwrap());
    said(&cache, &dir);
    for number in 0..20_000 {
        fs::write(folder.path().join(format!("{:06}", number / 20 * 20)), "").unwrap();
        if number % 20 == 19 {
            fs::remove_file(folder.path().join(format!("{:06}", number / 20 * 20))).unwrap();
        }
    }
    fs::write(folder.path().join("last"), "").unwrap();
    assert_eq!(said(&cache, &dir), there(folder.path()));
    // A directory that went and came again is another one.
    fs::remove_dir_all(folder.path()).unwrap();
    fs::create_dir(folder.path()).unwrap();
    many_files(folder.path(), 501);
    let dir = Dir::open(folder.path()).unwrap();
    assert_eq!(said(&cache, &dir), there(folder.path()));
}

#[test]
fn without_reports_the_modification_time_decides() {
    let folder = tempfile::tempdir().unwrap();
    many_files(folder.path(), 600);
    let cache = NameCache::default();
    cache.watcher.set(None).unwrap();
    let dir = Dir::open(folder.path()).unwrap();
    assert_eq!(said(&cache, &dir), there(folder.path()));
    assert_eq!(indexes(&cache), 0, "it may change again within the same tick");
    let old = SystemTime::now() - std::time::Duration::from_secs(10);
    fs::File::open(folder.path()).unwrap().set_modified(old).unwrap();
    said(&cache, &dir);
    assert_eq!(indexes(&cache), 1);
    fs::write(folder.path().join("x"), "").unwrap();
    assert_eq!(said(&cache, &dir), there(folder.path()));
    assert_eq!(indexes(&cache), 0);
    // Without a file to keep it in there is no index, and every name is there all the same.
    let cache = NameCache::default();
    cache.keep_in(|| Err(io::ErrorKind::StorageFull.into()));
    assert_eq!(said(&cache, &dir), there(folder.path()));
}
