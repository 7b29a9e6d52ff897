//! What a shell offers for `s3://...`: buckets, and objects one level at a time. A shell waits for the answer while
//! somebody types, so it comes within two seconds or not at all, without a word about what went wrong, and a second
//! request within half a minute asks nobody.

use crate::cli::{CompletionKind, CompletionRequest};
use crate::commands::shared::context::Context;
use crate::config::{self, Environment, ProcessEnvironment, Settings};
use crate::output::print_text;
use crate::s3::list::ListOptions;
use crate::uri::S3Uri;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// For everything together.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long an answer is remembered.
const FRESH: Duration = Duration::from_secs(30);

/// The most names that are asked for; more would be no help to choose from.
const PAGE: u32 = 1000;

/// How much of a name may be typed beyond what was asked before, for the answer then to be looked for.
const LOOK_BACK: usize = 64;

/// Prints what may stand in place of the word, one a line.
pub fn run(request: &CompletionRequest) {
    if let Some(offers) = offers(request, &ProcessEnvironment) {
        let text: String = offers.iter().map(|offer| format!("{offer}\n")).collect();
        // A shell that no longer listens is no reason to complain.
        let _ = print_text(&text);
    }
}

fn offers(request: &CompletionRequest, env: &dyn Environment) -> Option<Vec<String>> {
    const SCHEME: &str = "s3://";
    let typed = &request.word;
    let begins = SCHEME.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed));
    let uri = if begins { S3Uri::default() } else { S3Uri::parse(typed)? };
    let in_bucket = !begins && typed[SCHEME.len()..].trim_start_matches('/').contains('/');
    if in_bucket && request.kind == CompletionKind::Buckets {
        return None;
    }
    let mut settings = config::load(&request.options, env).ok()?.settings;
    settings.max_retries = 0;
    settings.socket_timeout = PATIENCE.as_secs() as i64;
    let cache = config::cache_dir(env).map(|directory| Cache::new(directory.join("completions"), &settings));
    let cx = Context::new(settings);
    // The word as it was typed, however many slashes and capitals, stays the beginning of what is offered.
    let front = if begins {
        SCHEME
    } else {
        &typed[..typed.len() - uri.key.len() - if in_bucket { 0 } else { uri.bucket.len() }]
    };
    let names = if in_bucket {
        let level = uri.key.rfind('/').map_or(0, |slash| slash + 1);
        names(&cx, cache.as_ref(), &uri.bucket, &uri.key, level)?
    } else {
        names(&cx, cache.as_ref(), "", &uri.bucket, 0)?
    };
    let end = if !in_bucket && request.kind == CompletionKind::Objects { "/" } else { "" };
    Some(names.into_iter().map(|name| format!("{front}{name}{end}")).collect())
}

/// The names that begin with `start`: keys and prefixes of a bucket, or buckets where none is named. Those that begin
/// with something shorter, down to `level` bytes, may be remembered.
fn names(
    cx: &Context,
    cache: Option<&Cache>,
    bucket: &str,
    start: &str,
    level: usize,
) -> Option<Vec<String>> {
    // All buckets come at once, whatever is typed of a name.
    let asked = if bucket.is_empty() { "" } else { start };
    if let Some(names) = cache.and_then(|cache| cache.find(bucket, asked, level)) {
        return Some(beginning(names, start));
    }
    let answer = ask(cx, bucket, asked)?;
    if let Some(cache) = cache {
        // Without a place to remember it in, the answer is the same.
        let _ = cache.keep(bucket, asked, &answer);
    }
    Some(beginning(answer.names, start))
}

fn beginning(mut names: Vec<String>, start: &str) -> Vec<String> {
    names.retain(|name| name.starts_with(start));
    names
}

/// Some names, or all there are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    names: Vec<String>,
    complete: bool,
}

fn ask(cx: &Context, bucket: &str, prefix: &str) -> Option<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, list(cx, bucket, prefix)).await });
    // A name that is being resolved is not waited for.
    runtime.shutdown_background();
    let mut answer = answer.ok()??;
    // A shell takes each line for a name, and a terminal shows it.
    answer.names.retain(|name| !name.chars().any(char::is_control));
    Some(answer)
}

async fn list(cx: &Context, bucket: &str, prefix: &str) -> Option<Answer> {
    if bucket.is_empty() {
        let buckets = cx.client().list_buckets().await.ok()?;
        let mut names: Vec<String> = buckets.into_iter().map(|bucket| bucket.name).collect();
        names.sort();
        return Some(Answer { names, complete: true });
    }
    let options = ListOptions {
        prefix: prefix.to_owned(),
        delimiter: "/".to_owned(),
        page_size: Some(PAGE),
        ..ListOptions::default()
    };
    let page = cx.client().list_page(bucket, &options, None).await.ok()?;
    let mut names: Vec<String> = page.prefixes().map(str::to_owned).collect();
    let keys = page.entries().map(|object| object.key);
    names.extend(keys.filter(|key| *key != prefix || !key.ends_with('/')).map(str::to_owned));
    names.sort();
    Some(Answer { names, complete: page.next().is_none() })
}

/// Answers of the last half minute, each in a file of its own that only the user may read.
#[derive(Debug)]
struct Cache {
    directory: PathBuf,
    account: [u8; 32],
}

impl Cache {
    fn new(directory: PathBuf, settings: &Settings) -> Self {
        let mut hash = Sha256::new();
        let https = if settings.use_https { "https" } else { "http" };
        for part in
            [&*settings.host_base, &settings.host_bucket, https, &settings.access_key, &settings.access_token]
        {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        Self { directory, account: hash.finalize().into() }
    }

    fn file(&self, bucket: &str, prefix: &str) -> PathBuf {
        let mut hash = Sha256::new();
        hash.update(self.account);
        hash.update(bucket.as_bytes());
        hash.update([0]);
        hash.update(prefix.as_bytes());
        self.directory.join(hex::encode(hash.finalize()))
    }

    /// What is known of names that begin with `prefix`: by that request, or by one for less of it that was answered
    /// completely.
    fn find(&self, bucket: &str, prefix: &str, level: usize) -> Option<Vec<String>> {
        if let Some(answer) = read(&self.file(bucket, prefix)) {
            return Some(answer.names);
        }
        let shorter = (level..prefix.len()).rev().filter(|end| prefix.is_char_boundary(*end)).take(LOOK_BACK);
        let mut shorter = shorter.filter_map(|end| read(&self.file(bucket, &prefix[..end])));
        shorter.find(|answer| answer.complete).map(|answer| answer.names)
    }

    fn keep(&self, bucket: &str, prefix: &str, answer: &Answer) -> std::io::Result<()> {
        make_private(&self.directory)?;
        self.sweep();
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        let first = if answer.complete { "all" } else { "some" };
        writeln!(file, "{first}")?;
        answer.names.iter().try_for_each(|name| writeln!(file, "{name}"))?;
        file.persist(self.file(bucket, prefix)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Removes what is too old to be used.
    fn sweep(&self) {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).filter(|path| !is_fresh(path)) {
            // Another shell may have been faster.
            let _ = fs::remove_file(path);
        }
    }
}

fn read(path: &Path) -> Option<Answer> {
    if !is_fresh(path) {
        return None;
    }
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    let complete = lines.next()? == "all";
    Some(Answer { names: lines.map(str::to_owned).collect(), complete })
}

/// A time in the future is none to trust.
fn is_fresh(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|found| found.modified());
    modified.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age < FRESH))
}

#[cfg(unix)]
fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(not(unix))]
fn make_private(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(directory: &Path, access_key: &str) -> Cache {
        Cache::new(directory.join("c"), &Settings { access_key: access_key.into(), ..Settings::default() })
    }

    fn answer(names: &[&str], complete: bool) -> Answer {
        Answer { names: names.iter().map(|name| (*name).to_owned()).collect(), complete }
    }

    #[test]
    fn a_complete_answer_serves_what_is_typed_further() {
        let directory = tempfile::tempdir().unwrap();
        let cache = cache(directory.path(), "a");
        cache.keep("b", "d/", &answer(&["d/x", "d/yä/"], true)).unwrap();
        assert_eq!(cache.find("b", "d/yä", 2).unwrap(), ["d/x", "d/yä/"]);
        assert!(cache.find("b", "d/yä", 4).is_none() && cache.find("b2", "d/", 2).is_none());
        cache.keep("b", "e/", &answer(&["e/x"], false)).unwrap();
        assert_eq!(cache.find("b", "e/", 2).unwrap(), ["e/x"]);
        assert!(cache.find("b", "e/x", 2).is_none());
    }

    #[test]
    fn accounts_do_not_see_each_other() {
        let directory = tempfile::tempdir().unwrap();
        cache(directory.path(), "a").keep("", "", &answer(&["mine"], true)).unwrap();
        assert!(cache(directory.path(), "b").find("", "", 0).is_none());
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let cache = cache(directory.path(), "a");
        cache.keep("b", "", &answer(&["x"], true)).unwrap();
        let old = cache.file("b", "");
        let then = SystemTime::now() - FRESH - Duration::from_secs(1);
        filetime::set_file_mtime(&old, then.into()).unwrap();
        assert!(cache.find("b", "", 0).is_none());
        cache.keep("b", "z", &answer(&[], true)).unwrap();
        assert!(!old.exists());
    }
}
