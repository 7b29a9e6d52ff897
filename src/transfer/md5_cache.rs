//! `--cache-file`: MD5 sums of local files, remembered between runs so that files which did not change are not read again.
//!
//! The file is text. Its first line is [`HEADER`]; each further line is one file:
//! `MD5 SIZE MTIME CTIME DEVICE INODE PATH`, separated by blanks, the MD5 in hex, times in seconds since the epoch with nine
//! digits of fraction, the absolute path percent-encoded. An entry counts only if size, both times, device and inode are
//! what they were: whatever changes a file's content changes its ctime, which no program can set. A file that changed
//! within the last two seconds is not remembered, since it could change again within the same tick of the clock.
//!
//! The file is read once and written once, under another name and then renamed: runs that share it never see half of it,
//! and each adds its own entries to what stands there by then. Entries of files that are gone or have changed are dropped.
//! s3cmd's own cache is a Python pickle, which is a program rather than data: it is never loaded, but replaced.

use super::compare;
use super::download::names;
use crate::s3::sign::encode;
use percent_encoding::percent_decode_str;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::Metadata;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// The first line.
pub const HEADER: &str = "s3cmd-rs MD5 cache, version 1";

/// Younger changes may be followed by another one that shows in no time stamp.
const SETTLED: Duration = Duration::from_secs(2);

/// What a file has to be for its sum to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    size: u64,
    mtime: String,
    ctime: String,
    device: u64,
    inode: u64,
}

impl Identity {
    #[cfg(unix)]
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

    /// Without a time that only the system sets nothing is believed.
    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Option<Self> {
        None
    }

    /// Whether the file changed long enough ago.
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
    /// Paths whose entry this run has used or made: they need no second look.
    fresh: HashMap<String, Entry>,
}

/// The remembered sums of one run.
#[derive(Debug)]
pub struct Md5Cache {
    file: PathBuf,
    entries: Mutex<Entries>,
    /// Something else stands there, which is left alone.
    foreign: bool,
}

impl Md5Cache {
    /// Reads the file, if it is there. One that is none of these is not used: s3cmd's is replaced with a warning, any
    /// other left as it is.
    pub fn open(file: &Path) -> Self {
        let mut foreign = false;
        let known = match std::fs::read(file) {
            Ok(bytes) if bytes.is_empty() => HashMap::new(),
            Ok(bytes) => match read(&bytes) {
                Some(known) => known,
                None if is_pickle(&bytes) => {
                    log::warn!("The cache file '{}' is one of s3cmd's and will be replaced", file.display());
                    HashMap::new()
                }
                None => {
                    log::warn!("'{}' is no cache file: it is left alone", file.display());
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

    /// The remembered MD5 of a file as it is now.
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

    /// Remembers the MD5 of a file that looked like this before it was read, if it still does.
    pub fn remember_unchanged(&self, path: &Path, before: &Metadata, md5: [u8; 16]) {
        let after = std::fs::metadata(path).ok().and_then(|after| Identity::of(&after));
        let (Some(name), Some(identity)) = (name(path), Identity::of(before)) else { return };
        if after.as_ref() == Some(&identity) && identity.is_settled() {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.fresh.insert(name, Entry { identity, md5 });
        }
    }

    /// Writes the file. A failure costs the next run its time, and nothing else: it is a warning.
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
        // What another run has added meanwhile is kept, unless it is outdated.
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

/// The MD5 of a file: remembered, or read and then remembered.
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

/// The absolute path as it stands in the file.
fn name(path: &Path) -> Option<String> {
    let absolute = std::path::absolute(path).ok()?;
    // Names that are no text are read anew each time.
    Some(encode::path(absolute.to_str()?).into_owned())
}

fn still_true(name: &str, entry: &Entry) -> bool {
    let Ok(path) = percent_decode_str(name).decode_utf8() else { return false };
    let metadata = std::fs::metadata(Path::new(path.as_ref()));
    metadata.is_ok_and(|metadata| Identity::of(&metadata).as_ref() == Some(&entry.identity))
}

/// Reads a file; `None` if it is none of these. A line that cannot be read is skipped.
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

/// Whether it begins as Python's pickles do: of protocol 2 and later, or the older text of a dictionary.
fn is_pickle(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, ..]) || bytes.starts_with(b"(dp") || bytes.starts_with(b"}")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// An entry as of an hour ago, whatever the file's own times.
    fn remember(cache: &Md5Cache, path: &Path, md5: [u8; 16]) {
        let identity = Identity::of(&std::fs::metadata(path).unwrap()).unwrap();
        cache.entries.lock().unwrap().fresh.insert(name(path).unwrap(), Entry { identity, md5 });
    }

    #[test]
    fn sums_are_remembered_for_unchanged_files_only() {
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
        // What it remembers is believed, and not computed again.
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
    fn a_pickle_is_replaced_and_anything_else_left_alone() {
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
    fn a_file_that_has_just_changed_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "a", "1");
        let cache = Md5Cache::open(&folder.path().join("cache"));
        md5_of_file(Some(&cache), &path, 1).unwrap();
        assert!(cache.entries.lock().unwrap().fresh.is_empty());
    }
}
