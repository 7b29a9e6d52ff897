//! Shell completion of `s3://...`: buckets, and objects one level at a time. The shell waits for the answer while the
//! user types, so there is an answer within two seconds or none at all. Errors are not printed. A repeated request
//! within half a minute is answered from the cache.

use crate::cli::{CompletionKind, CompletionRequest};
use crate::commands::shared::context::Context;
use crate::config::{self, Environment, ProcessEnvironment, Settings};
use crate::output::print_text;
use crate::uri::S3Uri;
use s3cmd_client::list::ListOptions;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Time limit for the whole completion.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long a cached answer is used.
const MAX_AGE: Duration = Duration::from_secs(30);

/// Maximum number of names to request; more would not help to choose.
const MAX_NAMES: u32 = 1000;

/// How many bytes may have been typed since the cached request for its answer to be used.
const LOOK_BACK: usize = 64;

/// Prints the completions of the word, one per line.
pub fn run(request: &CompletionRequest) {
    if let Some(completions) = completions(request, &ProcessEnvironment) {
        let text: String = completions.iter().map(|completion| format!("{completion}\n")).collect();
        // Ignore a closed pipe: the shell no longer needs the answer.
        let _ = print_text(&text);
    }
}

fn completions(request: &CompletionRequest, env: &dyn Environment) -> Option<Vec<String>> {
    const SCHEME: &str = "s3://";
    let typed = &request.word;
    let is_scheme_prefix = SCHEME.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed));
    let uri = if is_scheme_prefix { S3Uri::default() } else { S3Uri::parse(typed)? };
    let in_bucket = !is_scheme_prefix && typed[SCHEME.len()..].trim_start_matches('/').contains('/');
    if in_bucket && request.kind == CompletionKind::Buckets {
        return None;
    }
    let mut settings = config::load(&request.options, env).ok()?.settings;
    settings.max_retries = 0;
    settings.socket_timeout = TIMEOUT.as_secs() as i64;
    let cache = config::cache_dir(env).map(|directory| Cache::new(directory.join("completions"), &settings));
    settings.shard.clear();
    let cx = Context::new(settings).ok()?;
    // Keep the beginning of the word exactly as typed, including extra slashes and capitals.
    let typed_prefix = if is_scheme_prefix {
        SCHEME
    } else {
        &typed[..typed.len() - uri.key.len() - if in_bucket { 0 } else { uri.bucket.len() }]
    };
    let names = if in_bucket {
        let min_length = uri.key.rfind('/').map_or(0, |slash| slash + 1);
        names(&cx, cache.as_ref(), &uri.bucket, &uri.key, min_length)?
    } else {
        names(&cx, cache.as_ref(), "", &uri.bucket, 0)?
    };
    let end = if !in_bucket && request.kind == CompletionKind::Objects { "/" } else { "" };
    Some(names.into_iter().map(|name| format!("{typed_prefix}{name}{end}")).collect())
}

/// The names that begin with `start`: keys and prefixes of `bucket`, or buckets if it is empty. A cached answer for a
/// shorter prefix, of at least `min_length` bytes, is used too.
fn names(
    cx: &Context,
    cache: Option<&Cache>,
    bucket: &str,
    start: &str,
    min_length: usize,
) -> Option<Vec<String>> {
    // One request returns all buckets.
    let requested = if bucket.is_empty() { "" } else { start };
    if let Some(names) = cache.and_then(|cache| cache.find(bucket, requested, min_length)) {
        return Some(with_prefix(names, start));
    }
    let answer = request_names(cx, bucket, requested)?;
    if let Some(cache) = cache {
        // A cache that cannot be written does not change the answer.
        let _ = cache.store(bucket, requested, &answer);
    }
    Some(with_prefix(answer.names, start))
}

fn with_prefix(mut names: Vec<String>, start: &str) -> Vec<String> {
    names.retain(|name| name.starts_with(start));
    names
}

/// The names that a request returned; `complete` if there are no more.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    names: Vec<String>,
    complete: bool,
}

fn request_names(cx: &Context, bucket: &str, prefix: &str) -> Option<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = runtime.block_on(async { tokio::time::timeout(TIMEOUT, list(cx, bucket, prefix)).await });
    // Do not wait for a pending name resolution.
    runtime.shutdown_background();
    let mut answer = answer.ok()??;
    // The shell reads one name per line, and a terminal shows them.
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
    let options = ListOptions::new(prefix).with_delimiter("/").with_page_size(MAX_NAMES);
    let page = cx.client().list_page(bucket, &options, None).await.ok()?;
    let mut names: Vec<String> = page.prefixes().map(str::to_owned).collect();
    let keys = page.entries().map(|object| object.key);
    names.extend(keys.filter(|key| *key != prefix || !key.ends_with('/')).map(str::to_owned));
    names.sort();
    Some(Answer { names, complete: page.next().is_none() })
}

/// Answers of the last half minute, each in a separate file that only the user may read.
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

    /// The cached names that begin with `prefix`: the answer to that request, or a complete answer to a request for a
    /// shorter prefix.
    fn find(&self, bucket: &str, prefix: &str, min_length: usize) -> Option<Vec<String>> {
        if let Some(answer) = read(&self.file(bucket, prefix)) {
            return Some(answer.names);
        }
        let shorter =
            (min_length..prefix.len()).rev().filter(|end| prefix.is_char_boundary(*end)).take(LOOK_BACK);
        let mut shorter = shorter.filter_map(|end| read(&self.file(bucket, &prefix[..end])));
        shorter.find(|answer| answer.complete).map(|answer| answer.names)
    }

    fn store(&self, bucket: &str, prefix: &str, answer: &Answer) -> std::io::Result<()> {
        make_private(&self.directory)?;
        self.remove_expired();
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        let first = if answer.complete { "all" } else { "some" };
        writeln!(file, "{first}")?;
        answer.names.iter().try_for_each(|name| writeln!(file, "{name}"))?;
        file.persist(self.file(bucket, prefix)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Removes expired files.
    fn remove_expired(&self) {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).filter(|path| !is_fresh(path)) {
            // Another shell may have removed it already.
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

/// Whether a file is recent enough. A modification time in the future is not trusted.
fn is_fresh(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|found| found.modified());
    modified.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age < MAX_AGE))
}

fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
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
    fn a_complete_answer_serves_longer_prefixes() {
        let directory = tempfile::tempdir().unwrap();
        let cache = cache(directory.path(), "a");
        cache.store("b", "d/", &answer(&["d/x", "d/yä/"], true)).unwrap();
        assert_eq!(cache.find("b", "d/yä", 2).unwrap(), ["d/x", "d/yä/"]);
        assert!(cache.find("b", "d/yä", 4).is_none() && cache.find("b2", "d/", 2).is_none());
        cache.store("b", "e/", &answer(&["e/x"], false)).unwrap();
        assert_eq!(cache.find("b", "e/", 2).unwrap(), ["e/x"]);
        assert!(cache.find("b", "e/x", 2).is_none());
    }

    #[test]
    fn accounts_have_separate_caches() {
        let directory = tempfile::tempdir().unwrap();
        cache(directory.path(), "a").store("", "", &answer(&["mine"], true)).unwrap();
        assert!(cache(directory.path(), "b").find("", "", 0).is_none());
    }

    #[test]
    fn expired_answers_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let cache = cache(directory.path(), "a");
        cache.store("b", "", &answer(&["x"], true)).unwrap();
        let old = cache.file("b", "");
        let then = SystemTime::now() - MAX_AGE - Duration::from_secs(1);
        filetime::set_file_mtime(&old, then.into()).unwrap();
        assert!(cache.find("b", "", 0).is_none());
        cache.store("b", "z", &answer(&[], true)).unwrap();
        assert!(!old.exists());
    }
}
