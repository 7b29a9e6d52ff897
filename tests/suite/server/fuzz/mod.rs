//! Fuzzed requests to `serve`: a few thousand in every run, or as many as `S3CMD_FUZZ_REQUESTS` says, which
//! `tests/heavy/serve-fuzz` sets.
//!
//! The server runs in this process, so that a panic anywhere in it is seen. Its directory is in a folder with files
//! that it must not read, and contains links to them.

mod mutations;
mod operations;
mod requests;
mod words;

use crate::support::random::Random;
use requests::{Ask, Garden, USERS, Wire};
use s3cmd_serve::{LogSink, Options, User, start};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Requests between two sets of new buckets: a set must not grow without end.
const SEASON: usize = 1500;
const WORKERS: usize = 4;
/// The content of the files outside; no response may contain it.
const SENTINEL: &[u8] = b"SENTINEL-0b5e";

/// Panics of the server, caught or not.
static PANICS: AtomicUsize = AtomicUsize::new(0);
/// Responses by the first digit of their status; 0 for no response.
static ANSWERS: [AtomicUsize; 10] = [const { AtomicUsize::new(0) }; 10];

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

#[test]
fn fuzzed_requests_crash_nothing_and_reach_nothing_outside() {
    let count = setting("S3CMD_FUZZ_REQUESTS", 3000) as usize;
    let seed = setting("S3CMD_SEED", 5);
    let sandbox = Sandbox::new();
    watch_for_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let users =
        USERS.map(|(key, secret)| User { id: key[2..].to_ascii_lowercase(), ..User::new(key, secret) });
    let options = Options {
        fsync: false,
        access_log: Some(LogSink::new(|_| {})),
        metrics: true,
        read_timeout: Duration::from_secs(20),
        ..Options::new(sandbox.served(), ([127, 0, 0, 1], 0).into(), users.into())
    };
    let server = runtime.block_on(start(options)).unwrap();
    let address = server.address();
    let before = sandbox.outside();
    let started = Instant::now();
    // The first round warms everything up; after it memory must not grow.
    Worker::new(address, &sandbox, seed, "w").work(count.min(SEASON));
    let warm = peak_memory();
    std::thread::scope(|scope| {
        let share = count.saturating_sub(SEASON).div_ceil(WORKERS);
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| {
                let mut worker =
                    Worker::new(address, &sandbox, seed + 1 + number as u64, &format!("w{number}"));
                scope.spawn(move || worker.work(share))
            })
            .collect();
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    let grown = peak_memory().saturating_sub(warm) >> 10;
    assert_eq!(PANICS.load(Ordering::Relaxed), 0, "the server panicked (seed {seed})");
    let answers = ANSWERS.each_ref().map(|count| count.load(Ordering::Relaxed));
    // If all requests are rejected early, the test is worthless.
    assert!(answers[2] > count / 20, "{answers:?} of {count} requests (seed {seed})");
    let mut last = Worker::new(address, &sandbox, seed, "last");
    let health = last.exchange(&Wire {
        bytes: b"GET /-/healthz HTTP/1.1\r\nhost: x\r\n\r\n".into(),
        head: false,
        broken: false,
    });
    assert_eq!(health.map(|answer| answer.status), Some(200), "the server is not well (seed {seed})");
    assert_eq!(before, sandbox.outside(), "something changed, or was read, outside (seed {seed})");
    runtime.block_on(server.stop());
    if count > 100_000 {
        assert!(grown < 64 << 10, "memory grew by {grown} KiB (seed {seed})");
        crate::support::notice::notice(&format!(
            "{count} requests from seed {seed} in {:.0} s: {} done, {} refused, {} without an answer; {grown} KiB more memory",
            started.elapsed().as_secs_f64(),
            answers[2] + answers[3],
            answers[4] + answers[5],
            answers[0],
        ));
    }
}

/// Counts panics in the server's files, not those of tests.
fn watch_for_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let in_test = std::thread::current().name().is_some_and(|name| name.contains("::"));
        if !in_test && info.location().is_some_and(|location| !location.file().starts_with("tests")) {
            PANICS.fetch_add(1, Ordering::Relaxed);
        }
        usual(info);
    }));
}

/// Peak memory of this process in KiB, 0 if unknown.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// A directory to serve, two levels below a folder of secrets.
struct Sandbox(tempfile::TempDir);

impl Sandbox {
    fn new() -> Self {
        let sandbox = Self(tempfile::Builder::new().prefix("s3cmd-fuzz-").tempdir().unwrap());
        std::fs::create_dir_all(sandbox.served()).unwrap();
        for path in ["secret", "in/secret", "in/b/k", "in/b/secret"] {
            let path = sandbox.0.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, SENTINEL).unwrap();
            // If access times are kept at all, the next reading updates one that is older than the content.
            let (read, written) =
                (filetime::FileTime::from_unix_time(1, 0), filetime::FileTime::from_unix_time(2, 0));
            filetime::set_file_times(&path, read, written).unwrap();
        }
        symlink(sandbox.0.path().join("in/b"), sandbox.served().join("linkbucket")).unwrap();
        std::fs::write(sandbox.served().join("rootfile"), SENTINEL).unwrap();
        sandbox
    }

    fn served(&self) -> PathBuf {
        self.0.path().join("in/served")
    }

    /// Everything outside of the served directory, with its times.
    fn outside(&self) -> BTreeMap<PathBuf, (u64, i64, i64)> {
        fn walk(sandbox: &Path, served: &Path, found: &mut BTreeMap<PathBuf, (u64, i64, i64)>) {
            use std::os::unix::fs::MetadataExt;
            for entry in std::fs::read_dir(sandbox).unwrap() {
                let path = entry.unwrap().path();
                let about = path.symlink_metadata().unwrap();
                if path == served {
                    continue;
                }
                let read = if about.is_dir() { 0 } else { about.atime() };
                found.insert(path.clone(), (about.len(), about.mtime(), read));
                if about.is_dir() {
                    walk(&path, served, found);
                }
            }
        }
        let mut found = BTreeMap::new();
        walk(self.0.path(), &self.served(), &mut found);
        found
    }
}

/// An answer of the server.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

/// A client that sends fuzzed requests to its own buckets, and to a shared one.
struct Worker<'a> {
    address: SocketAddr,
    sandbox: &'a Sandbox,
    random: Random,
    name: String,
    garden: Garden,
    stream: Option<TcpStream>,
}

impl<'a> Worker<'a> {
    fn new(address: SocketAddr, sandbox: &'a Sandbox, seed: u64, name: &str) -> Self {
        let host = format!("localhost:{}", address.port());
        let garden = Garden { buckets: Vec::new(), uploads: Vec::new(), versions: Vec::new(), host };
        Self { address, sandbox, random: Random::new(seed), name: name.to_owned(), garden, stream: None }
    }

    fn work(&mut self, count: usize) {
        for number in 0..count {
            if number % SEASON == 0 {
                self.plant(number / SEASON);
            }
            let wire = requests::any(&mut self.random, &self.garden);
            let answer = self.exchange(&wire);
            self.comparator(&wire, answer);
        }
    }

    /// Removes the old buckets directly on disk, and creates new ones with some content.
    fn plant(&mut self, season: usize) {
        for bucket in std::mem::take(&mut self.garden.buckets) {
            std::fs::remove_dir_all(self.sandbox.served().join(&bucket)).ok();
            self.alice("HEAD", &format!("/{bucket}"), "", "");
        }
        self.garden.uploads.clear();
        self.garden.versions.clear();
        for kind in ["plain", "versions", "lock"] {
            let bucket = format!("{}-{season}-{kind}", self.name);
            let mut ask = Ask::plain(&self.garden, "PUT", &format!("/{bucket}"), "", "");
            if kind == "lock" {
                ask.headers.push(("x-amz-bucket-object-lock-enabled".to_owned(), "true".to_owned()));
            }
            let made = self.exchange(&ask.signed_whole().wire());
            assert_eq!(made.map(|answer| answer.status), Some(200));
            if kind == "versions" {
                let document = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
                self.alice("PUT", &format!("/{bucket}"), "versioning", document);
            }
            for key in ["k", "a/b", "empty", "link2"] {
                self.alice(
                    "PUT",
                    &format!("/{bucket}/{key}"),
                    "",
                    if key == "empty" { "" } else { "content" },
                );
            }
            self.alice("POST", &format!("/{bucket}/multi"), "uploads", "");
            let folder = self.sandbox.served().join(&bucket);
            symlink(self.sandbox.0.path().join("secret"), folder.join("link")).unwrap();
            symlink(self.sandbox.0.path(), folder.join("dirlink")).unwrap();
            self.garden.buckets.push(bucket);
        }
    }

    fn alice(&mut self, method: &str, path: &str, query: &str, body: &str) {
        let wire = Ask::plain(&self.garden, method, path, query, body).signed_whole().wire();
        let answer = self.exchange(&wire);
        self.comparator(&wire, answer);
    }

    /// Sends bytes and reads the response; `None` if there is none.
    fn exchange(&mut self, wire: &Wire) -> Option<Answer> {
        let mut fresh = wire.broken;
        loop {
            let mut stream = match self.stream.take().filter(|_| !fresh) {
                Some(stream) => stream,
                None => {
                    fresh = true;
                    let stream = TcpStream::connect(self.address).expect("the server listens");
                    stream.set_nodelay(true).unwrap();
                    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
                    stream
                }
            };
            // The server may respond before all is sent.
            let sent = stream.write_all(&wire.bytes);
            if wire.broken {
                let _ = stream.shutdown(Shutdown::Write);
            }
            match read_answer(&mut stream, wire.head) {
                Some((answer, keep)) => {
                    self.stream = Some(stream).filter(|_| keep && sent.is_ok() && !wire.broken);
                    return Some(answer);
                }
                // A kept connection may have been closed meanwhile.
                None if !fresh => fresh = true,
                None => return None,
            }
        }
    }

    fn comparator(&mut self, wire: &Wire, answer: Option<Answer>) {
        let shown = || String::from_utf8_lossy(&wire.bytes[..wire.bytes.len().min(3000)]).into_owned();
        let digit = answer.as_ref().map_or(0, |answer| usize::from(answer.status / 100));
        ANSWERS[digit.min(9)].fetch_add(1, Ordering::Relaxed);
        let Some(answer) = answer else {
            assert!(wire.broken, "no answer to\n{}", shown());
            return;
        };
        let text = || String::from_utf8_lossy(&answer.body[..answer.body.len().min(2000)]).into_owned();
        let status = answer.status;
        assert!(status != 500 && status != 507, "{status} {} to\n{}", text(), shown());
        let leaks = |bytes: &[u8]| bytes.windows(SENTINEL.len()).any(|window| window == SENTINEL);
        assert!(!leaks(&answer.body) && !leaks(answer.head.as_bytes()), "a secret came out by\n{}", shown());
        if status >= 400 && !wire.head && !answer.body.is_empty() {
            assert!(
                text().contains("<Code>") || text().contains("<html"),
                "{status} {} to\n{}",
                text(),
                shown()
            );
        }
        let learn = |pool: &mut Vec<String>, word: &str| {
            if pool.len() < 20 {
                pool.push(word.to_owned());
            }
        };
        if let Some(id) = between(&text(), "<UploadId>", "</UploadId>") {
            learn(&mut self.garden.uploads, id);
        }
        if let Some(id) = between(&answer.head, "x-amz-version-id: ", "\r\n") {
            learn(&mut self.garden.versions, id);
        }
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let rest = &text[text.find(before)? + before.len()..];
    rest.get(..rest.find(after)?)
}

/// Reads a response. Also returns whether the connection may be used again.
fn read_answer(stream: &mut TcpStream, head_only: bool) -> Option<(Answer, bool)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read(&mut piece) {
                Ok(0) => return None,
                Ok(read) => bytes.extend_from_slice(&piece[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("the server is silent")
                }
                Err(_) => return None,
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
        bytes.drain(..end);
        if status < 200 {
            continue;
        }
        let length = match between(&head, "content-length: ", "\r\n") {
            Some(length) if !head_only && status != 304 => length.parse().ok()?,
            _ => 0,
        };
        while bytes.len() < length {
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => return None,
                Ok(read) => bytes.extend_from_slice(&piece[..read]),
            }
        }
        let keep = !head.contains("connection: close") && bytes.len() == length;
        // A request that was split in two has two responses.
        bytes.truncate(length);
        return Some((Answer { status, head, body: bytes }, keep));
    }
}
