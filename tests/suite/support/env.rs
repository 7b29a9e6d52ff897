//! A private home, working directory and buckets for one test.

use crate::support::normalise::Normaliser;
use crate::support::run::{Invocation, Run};
use crate::support::service::{Service, User, service};
use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 2024-01-02T03:04:05Z: the modification time of every file that a test makes.
pub(crate) const FILE_TIME: i64 = 1_704_164_645;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_s3cmd");

/// The world of one test. Its buckets are removed when it is dropped.
#[derive(Debug)]
pub(crate) struct TestEnv {
    root: tempfile::TempDir,
    pub(crate) service: Service,
    program: OsString,
    pub(crate) normaliser: Normaliser,
    buckets: RefCell<Vec<String>>,
}

impl TestEnv {
    /// A world without a bucket, on the shared service.
    pub(crate) fn new() -> Self {
        Self::on(service())
    }

    /// A world without a bucket, on this service.
    pub(crate) fn on(service: &Service) -> Self {
        let root = tempfile::Builder::new().prefix("s3cmd-test-").tempdir().expect("a temporary directory");
        for name in ["home", "work"] {
            fs::create_dir(root.path().join(name)).expect("a directory");
        }
        let mut normaliser = Normaliser::default();
        normaliser.name(&service.host, "ENDPOINT");
        normaliser.name(&root.path().join("work").to_string_lossy(), "DIR");
        let program = std::env::var_os("S3CMD_UNDER_TEST").unwrap_or_else(|| PROGRAM.into());
        let env = Self { root, service: service.clone(), program, normaliser, buckets: RefCell::default() };
        env.write_config(".s3cfg", &env.config_of(&service.main, &service.host));
        env.write_config("cleanup.s3cfg", &env.config_of(&service.main, &service.host));
        env.write_config("alt.s3cfg", &env.config_of(&service.alt, &service.host));
        env.write_config(
            "vhost.s3cfg",
            &env.config_of(&service.main, &format!("%(bucket)s.{}", service.host)),
        );
        env
    }

    /// A world with one empty bucket, `BUCKET`.
    pub(crate) fn with_bucket() -> Self {
        let mut env = Self::new();
        env.new_bucket("BUCKET");
        env
    }

    /// A world with two empty buckets, `BUCKET` and `BUCKET2`.
    pub(crate) fn with_two_buckets() -> Self {
        let mut env = Self::with_bucket();
        env.new_bucket("BUCKET2");
        env
    }

    /// A world with one bucket that holds these objects: the content of each is its key and a line break.
    pub(crate) fn with_objects(keys: &[&str]) -> Self {
        let env = Self::with_bucket();
        for key in keys {
            env.object(key, format!("{key}\n"));
        }
        env
    }

    /// Another program in the same place.
    pub(crate) fn with_program(mut self, program: impl Into<OsString>) -> Self {
        self.program = program.into();
        self
    }

    /// Makes a bucket that command lines call by `placeholder`.
    pub(crate) fn new_bucket(&mut self, placeholder: &str) {
        let bucket = self.reserve(placeholder);
        self.s3cmd("mb").arg(format!("s3://{bucket}")).ok();
    }

    /// Chooses a bucket name and gives it a placeholder, without making the bucket.
    pub(crate) fn reserve(&mut self, placeholder: &str) -> String {
        let bucket = unique_name();
        self.normaliser.name(&bucket, placeholder);
        self.buckets.borrow_mut().push(bucket.clone());
        bucket
    }

    /// The buckets, which the caller has to remove.
    pub(crate) fn give_up_buckets(&self) -> Vec<String> {
        self.buckets.take()
    }

    /// The text of a configuration for a user.
    pub(crate) fn config_of(&self, user: &User, host_bucket: &str) -> String {
        format!(
            "[default]\naccess_key = {}\nsecret_key = {}\nhost_base = {}\nhost_bucket = {host_bucket}\nuse_https = False\n",
            user.access, user.secret, self.service.host
        )
    }

    /// Writes a configuration file into the home; returns its path.
    pub(crate) fn write_config(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home(name);
        fs::write(&path, text).expect("the configuration is written");
        // As the program itself writes it: it contains a secret.
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
        path
    }

    /// Adds lines to the main configuration.
    pub(crate) fn configure(&self, lines: &str) {
        let path = self.home(".s3cfg");
        let text = fs::read_to_string(&path).expect("there is a configuration");
        fs::write(path, format!("{text}{lines}\n")).expect("the configuration is written");
    }

    /// A text with placeholders filled in.
    pub(crate) fn fill(&self, text: &str) -> String {
        self.normaliser.fill(text)
    }

    /// A path in the home.
    pub(crate) fn home(&self, name: &str) -> PathBuf {
        self.root.path().join("home").join(name)
    }

    /// A path in the working directory.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.path().join("work").join(name)
    }

    /// A call by the main user. The line is split as a shell does, quotes included, and placeholders are filled in.
    pub(crate) fn s3cmd(&self, line: &str) -> Invocation {
        let arguments = split(line).iter().map(|word| self.normaliser.fill(word).into()).collect();
        self.invocation(self.program.clone(), arguments)
    }

    /// A call by the second user.
    pub(crate) fn alt(&self, line: &str) -> Invocation {
        self.s3cmd(line).config(self.home("alt.s3cfg"))
    }

    /// A call by the main user in virtual-host style.
    pub(crate) fn vhost(&self, line: &str) -> Invocation {
        self.s3cmd(line).config(self.home("vhost.s3cfg"))
    }

    /// A shell script in the same environment, with `s3cmd` as a command. Placeholders are filled in.
    pub(crate) fn shell(&self, script: &str) -> Invocation {
        let program = self.program.to_string_lossy();
        let script = format!("s3cmd() {{ '{program}' \"$@\"; }}\n{}", self.normaliser.fill(script));
        self.invocation("bash".into(), vec!["-c".into(), script.into()])
    }

    fn invocation(&self, program: OsString, arguments: Vec<OsString>) -> Invocation {
        let mut environment: Vec<(OsString, OsString)> = vec![
            ("HOME".into(), self.home("").into()),
            ("LC_ALL".into(), "C.UTF-8".into()),
            ("TZ".into(), "UTC".into()),
            // No test asks the metadata service of this machine for credentials.
            ("AWS_EC2_METADATA_DISABLED".into(), "true".into()),
        ];
        environment.extend(std::env::var_os("PATH").map(|path| ("PATH".into(), path)));
        Invocation {
            program,
            arguments,
            directory: self.path(""),
            environment,
            stdin: Vec::new(),
            normaliser: self.normaliser.clone(),
        }
    }

    /// Writes a file, making directories on the way.
    pub(crate) fn file(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file has a directory")).expect("a directory");
        fs::write(&path, content).expect("the file is written");
        filetime::set_file_mtime(&path, filetime::FileTime::from_unix_time(FILE_TIME, 0))
            .expect("the file's age is set");
        path
    }

    /// Makes a directory.
    pub(crate) fn dir(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("a directory");
        path
    }

    /// The tree of the transcripts: `tree/a.txt`, `tree/päivä.txt`, `tree/sub/b.txt`, `tree/sub/c d.txt`.
    pub(crate) fn tree(&self) {
        self.file("tree/a.txt", "a\n");
        self.file("tree/päivä.txt", "u\n");
        self.file("tree/sub/b.txt", "b\n");
        self.file("tree/sub/c d.txt", "c d\n");
    }

    /// Puts an object with this content.
    pub(crate) fn object(&self, key: &str, content: impl AsRef<[u8]>) {
        let name = ".object";
        self.file(name, content);
        self.s3cmd(&format!("put --mime-type=text/plain {name}"))
            .arg(self.normaliser.fill(&format!("s3://BUCKET/{key}")))
            .ok();
        fs::remove_file(self.path(name)).expect("the file can be removed");
    }

    /// The content of a file.
    pub(crate) fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The content of a text file.
    pub(crate) fn text(&self, name: impl AsRef<Path>) -> String {
        String::from_utf8(self.read(name)).expect("text")
    }

    /// Whether a path exists, of any kind.
    pub(crate) fn exists(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    /// The files below a directory of the working directory, sorted.
    pub(crate) fn files(&self, directory: &str) -> Vec<String> {
        let base = self.path(directory);
        let mut files: Vec<String> = walkdir::WalkDir::new(&base)
            .into_iter()
            .map(|entry| entry.expect("the tree can be walked"))
            .filter(|entry| !entry.file_type().is_dir())
            .map(|entry| entry.path().strip_prefix(&base).expect("below").to_string_lossy().into_owned())
            .collect();
        files.sort();
        files
    }

    /// The keys of the bucket, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.keys_of("BUCKET")
    }

    /// The keys of a bucket, sorted.
    pub(crate) fn keys_of(&self, bucket: &str) -> Vec<String> {
        let run = self.s3cmd(&format!("ls -r s3://{bucket}")).ok();
        let prefix = format!("s3://{bucket}/");
        let mut keys: Vec<String> = run
            .lines()
            .iter()
            .map(|line| line.split_once(&prefix).unwrap_or_else(|| panic!("no URI in {line:?}")).1.to_owned())
            .collect();
        keys.sort();
        keys
    }

    /// The content of an object, read from stdout.
    pub(crate) fn content(&self, key: &str) -> Vec<u8> {
        let uri = self.normaliser.fill(&format!("s3://BUCKET/{key}"));
        self.s3cmd("get --no-progress").arg(uri).arg("-").ok().raw
    }

    /// Makes `placeholder` stand for the second user's id, as grants and policies name it.
    pub(crate) fn know_alt_id(&mut self, placeholder: &str) {
        let id = std::env::var("S3_ALT_ID").unwrap_or_else(|_| self.ask_alt_id());
        self.normaliser.name(&id, placeholder);
    }

    fn ask_alt_id(&self) -> String {
        let bucket = unique_name();
        self.alt("mb").arg(format!("s3://{bucket}")).ok();
        let owner = self.alt("getacl").arg(format!("s3://{bucket}")).ok();
        self.alt("rb").arg(format!("s3://{bucket}")).ok();
        owner
            .lines()
            .iter()
            .find_map(|line| line.trim().strip_prefix("Owner:")?.split_whitespace().next().map(str::to_owned))
            .unwrap_or_else(|| panic!("no owner in\n{owner}"))
    }

    /// A command on all buckets of an account, which other tests make and remove meanwhile: tried again if one of
    /// theirs disappears during the run.
    pub(crate) fn account_wide(&self, call: impl Fn() -> Invocation) -> Run {
        for _ in 0..20 {
            let run = call().run();
            if run.code == Some(0) || !run.stderr.contains("NoSuchBucket") {
                return run;
            }
        }
        call().run()
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("S3CMD_TEST_KEEP").is_some() {
            return;
        }
        for bucket in self.buckets.take() {
            let config = self.home("cleanup.s3cfg");
            self.s3cmd("rb --recursive --force").arg(format!("s3://{bucket}")).config(config).run();
        }
    }
}

/// A unique name, in this run and others.
fn unique_name() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("t{:x}-{:x}-{count:03}", now.as_micros() & 0xfff_ffff_ffff, std::process::id())
}

/// Splits a line as a shell does: blanks separate, `'` and `"` quote.
pub(crate) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c == ' ' => words.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    assert!(quote.is_none(), "an open quote in {line:?}");
    words.extend(word);
    words
}
