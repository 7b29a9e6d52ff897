//! `--cache-file`: MD5 sums of local files, kept between runs so that unchanged files are not read again.
//!
//! The file is text. Its first line is [`HEADER`]; each further line describes one file: `MD5 SIZE MTIME CTIME DEVICE
//! INODE PATH`, separated by spaces, with the MD5 in hex, times in seconds since the epoch with nine decimals, and the
//! absolute path percent-encoded. An entry is valid only if the size, both times, the device and the inode are
//! unchanged: every change of a file's content changes its ctime, which no program can set. A file that changed within
//! the last two seconds is not cached, because it could change again within the same clock tick.
//!
//! The file is read once, and written once under another name and then renamed. Runs that share it never see a partial
//! file, and each run merges its own entries into the current file. Entries of deleted or changed files are dropped.
//! s3cmd's own cache is a Python pickle, which can execute code: it is never loaded, but replaced.

use super::compare;
use super::download::names;
use percent_encoding::percent_decode_str;
use s3cmd_client::sign::encode;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::Metadata;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// The first line.
pub const HEADER: &str = "s3cmd-rs MD5 cache, version 1";

/// A more recent change may be followed by another one that leaves the timestamps as they are.
const SETTLED: Duration = Duration::from_secs(2);

/// The properties of a file that must be unchanged for its cached MD5 to be valid.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    size: u64,
    mtime: String,
    ctime: String,
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let time = |seconds: i64, fraction: i64| format!("{seconds}.{fraction:09}");
        Some(Self {
            size: metadata.len(),
            mtime: time(metadata.mtime(), metadata.mtime_nsec()),
            ctime: time(metadata.ctime(), metadata.ctime_nsec()),
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }

    /// Whether the last change is old enough; see [`SETTLED`].
    fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let latest = [&self.mtime, &self.ctime].map(|time| time.parse::<f64>().unwrap_or(f64::MAX));
        latest.iter().all(|time| time + SETTLED.as_secs_f64() < now.as_secs_f64())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    identity: Identity,
    md5: [u8; 16],
}

#[derive(Debug, Default)]
struct Entries {
    known: HashMap<String, Entry>,
    /// Entries that this run has validated or created. They are not checked again when the file is saved.
    fresh: HashMap<String, Entry>,
}

/// The cached MD5 sums of one run.
#[derive(Debug)]
pub struct Md5Cache {
    file: PathBuf,
    entries: Mutex<Entries>,
    /// Whether the path holds another kind of file, which must not be overwritten.
    foreign: bool,
}

impl Md5Cache {
    /// Reads the cache file, if it exists. A cache of s3cmd is replaced, with a warning. Any other file is neither used
    /// nor changed.
    pub fn open(file: &Path) -> Self {
        let mut foreign = false;
        let known = match std::fs::read(file) {
            Ok(bytes) if bytes.is_empty() => HashMap::new(),
            Ok(bytes) => match read(&bytes) {
                Some(known) => known,
                None if is_pickle(&bytes) => {
                    log::warn!(
                        "The cache file '{}' was written by s3cmd and will be replaced",
                        file.display()
                    );
                    HashMap::new()
                }
                None => {
                    log::warn!("'{}' is not a cache file: it is not used and not changed", file.display());
                    foreign = true;
                    HashMap::new()
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => {
                log::warn!(
                    "The cache file '{}' cannot be read: {}",
                    file.display(),
                    crate::output::reason(&error)
                );
                HashMap::new()
            }
        };
        let entries = Mutex::new(Entries { known, fresh: HashMap::new() });
        Self { file: file.to_owned(), entries, foreign }
    }

    /// Returns the cached MD5 of a file, if the entry is still valid.
    pub fn md5(&self, path: &Path, metadata: &Metadata) -> Option<[u8; 16]> {
        let (name, identity) = (name(path)?, Identity::of(metadata)?);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.fresh.get(&name).or_else(|| entries.known.get(&name))?.clone();
        if entry.identity != identity {
            return None;
        }
        let md5 = entry.md5;
        entries.fresh.insert(name, entry);
        Some(md5)
    }

    /// Caches the MD5 of a file whose metadata was `before` when reading began, if the metadata has not changed since.
    pub fn remember_unchanged(&self, path: &Path, before: &Metadata, md5: [u8; 16]) {
        let after = std::fs::metadata(path).ok().and_then(|after| Identity::of(&after));
        let (Some(name), Some(identity)) = (name(path), Identity::of(before)) else { return };
        if after.as_ref() == Some(&identity) && identity.is_settled() {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.fresh.insert(name, Entry { identity, md5 });
        }
    }

    /// Writes the cache file. A failure only makes the next run slower, so it is a warning.
    pub fn save(&self) {
        if self.foreign {
            return;
        }
        if let Err(error) = self.write() {
            log::warn!(
                "The cache file '{}' cannot be written: {}",
                self.file.display(),
                crate::output::reason(&error)
            );
        }
    }

    fn write(&self) -> io::Result<()> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // Keep entries that another run has added meanwhile, unless they are outdated.
        let mut all = std::fs::read(&self.file).ok().and_then(|bytes| read(&bytes)).unwrap_or_default();
        all.retain(|name, entry| !entries.fresh.contains_key(name) && still_true(name, entry));
        all.extend(entries.fresh.iter().map(|(name, entry)| (name.clone(), entry.clone())));
        let mut text = format!("{HEADER}\n");
        let mut names: Vec<&String> = all.keys().collect();
        names.sort();
        for name in names {
            let Entry { identity: Identity { size, mtime, ctime, device, inode }, md5 } = &all[name];
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {size} {mtime} {ctime} {device} {inode} {name}", hex::encode(md5));
        }
        let target = std::fs::canonicalize(&self.file).unwrap_or_else(|_| self.file.clone());
        let parent = names::parent(&target);
        let plain = |error: io::Error| error.raw_os_error().map_or(error, io::Error::from_raw_os_error);
        let mut prefix = String::new();
        let mut file = names::private(&target, &mut prefix).tempfile_in(parent).map_err(plain)?;
        file.write_all(text.as_bytes())?;
        crate::files::check_close_errors(file.as_file())?;
        file.persist(target).map_err(|error| plain(error.error))?;
        Ok(())
    }
}

/// Returns the MD5 of a file from the cache, or computes and caches it. `size` is in bytes.
pub fn md5_of_file(cache: Option<&Md5Cache>, path: &Path, size: u64) -> io::Result<[u8; 16]> {
    let Some(cache) = cache else { return compare::md5_of_file(path, size) };
    let before = std::fs::metadata(path)?;
    if let Some(md5) = cache.md5(path, &before) {
        return Ok(md5);
    }
    let md5 = compare::md5_of_file(path, size)?;
    cache.remember_unchanged(path, &before, md5);
    Ok(md5)
}

/// The absolute path in the encoding of the cache file.
fn name(path: &Path) -> Option<String> {
    let absolute = std::path::absolute(path).ok()?;
    // Files whose names are not UTF-8 are read again in each run.
    Some(encode::path(absolute.to_str()?).into_owned())
}

fn still_true(name: &str, entry: &Entry) -> bool {
    let Ok(path) = percent_decode_str(name).decode_utf8() else { return false };
    let metadata = std::fs::metadata(Path::new(path.as_ref()));
    metadata.is_ok_and(|metadata| Identity::of(&metadata).as_ref() == Some(&entry.identity))
}

/// Parses a cache file. Returns `None` if it is not one. Invalid lines are skipped.
fn read(bytes: &[u8]) -> Option<HashMap<String, Entry>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let lines = text.strip_prefix(HEADER)?.strip_prefix('\n')?;
    let entry = |line: &str| {
        let mut fields = line.split(' ');
        let md5 = hex::decode(fields.next()?).ok()?.try_into().ok()?;
        let size = fields.next()?.parse().ok()?;
        let (mtime, ctime) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        let (device, inode) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
        let entry = Entry { identity: Identity { size, mtime, ctime, device, inode }, md5 };
        fields.next().is_none().then_some((name, entry))
    };
    Some(lines.lines().filter_map(entry).collect())
}

/// Whether the bytes begin like a Python pickle: protocol 2 or later, or the older text form of a dictionary.
fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, ..]) || bytes.starts_with(b"(dp") || bytes.starts_with(b"}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Adds an entry without checking how recently the file changed.
    fn remember(cache: &Md5Cache, path: &Path, md5: [u8; 16]) {
        let identity = Identity::of(&std::fs::metadata(path).unwrap()).unwrap();
        cache.entries.lock().unwrap().fresh.insert(name(path).unwrap(), Entry { identity, md5 });
    }

    #[test]
    fn sums_are_cached_for_unchanged_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("cache");
        let (same, changed, gone) =
            (file(folder.path(), "a b%", "1"), file(folder.path(), "b", "2"), file(folder.path(), "c", "3"));
        let cache = Md5Cache::open(&store);
        for path in [&same, &changed, &gone] {
            remember(&cache, path, [7; 16]);
        }
        cache.save();
        std::fs::write(&changed, "x").unwrap();
        std::fs::remove_file(gone).unwrap();
        let again = Md5Cache::open(&store);
        // Cached sums are used without being computed again.
        assert_eq!(md5_of_file(Some(&again), &same, 1).unwrap(), [7; 16]);
        assert_ne!(md5_of_file(Some(&again), &changed, 1).unwrap(), [7; 16]);
        again.save();
        let text = std::fs::read_to_string(&store).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.starts_with(HEADER) && text.contains("a%20b%25"), "{text}");
    }

    #[test]
    fn runs_that_share_a_file_keep_each_others_entries() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("cache");
        let (a, b) = (file(folder.path(), "a", "1"), file(folder.path(), "b", "2"));
        let (first, second) = (Md5Cache::open(&store), Md5Cache::open(&store));
        remember(&first, &a, [1; 16]);
        remember(&second, &b, [2; 16]);
        first.save();
        second.save();
        assert_eq!(read(&std::fs::read(&store).unwrap()).unwrap().len(), 2);
    }

    #[test]
    fn a_pickle_is_replaced_and_other_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let pickle = folder.path().join("pickle");
        std::fs::write(&pickle, b"\x80\x04\x95...").unwrap();
        let other = file(folder.path(), "letter", "Dear all,\n");
        for path in [&pickle, &other] {
            Md5Cache::open(path).save();
        }
        assert_eq!(std::fs::read_to_string(&pickle).unwrap(), format!("{HEADER}\n"));
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "Dear all,\n");
    }

    #[test]
    fn a_file_that_has_just_changed_is_not_cached() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "a", "1");
        let cache = Md5Cache::open(&folder.path().join("cache"));
        md5_of_file(Some(&cache), &path, 1).unwrap();
        assert!(cache.entries.lock().unwrap().fresh.is_empty());
    }
}
