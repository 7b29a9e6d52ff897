//! The service under test: `serve` as a child process, or the one that the environment names.

use crate::support::env::PROGRAM;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

/// A user of the service.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) access: String,
    pub(crate) secret: String,
}

/// Where requests go and who sends them.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    /// Host and port.
    pub(crate) host: String,
    pub(crate) main: User,
    pub(crate) alt: User,
    /// A service from the environment, not `serve`.
    pub(crate) external: bool,
    /// How long a lifecycle "day" lasts, if it is short enough to wait for.
    pub(crate) day: Option<Duration>,
}

/// The service of this run.
pub(crate) fn service() -> &'static Service {
    static SERVICE: OnceLock<Service> = OnceLock::new();
    SERVICE.get_or_init(|| match from_environment() {
        Some(service) => service,
        None => {
            // Never dropped: it ends with this process, whose end closes its stdin.
            let serve = Box::leak(Box::new(Serve::start()));
            serve.service.clone()
        }
    })
}

fn from_environment() -> Option<Service> {
    let get = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("S3_ENDPOINT needs {name} as well"));
    let endpoint = std::env::var("S3_ENDPOINT").ok()?;
    let host =
        endpoint.strip_prefix("http://").expect("S3_ENDPOINT starts with http://").trim_end_matches('/');
    let user =
        |who: &str| User { access: get(&format!("S3_{who}_KEY")), secret: get(&format!("S3_{who}_SECRET")) };
    let day =
        std::env::var("RGW_LC_SECONDS").ok().and_then(|text| text.parse().ok()).map(Duration::from_secs);
    Some(Service { host: host.to_owned(), main: user("MAIN"), alt: user("ALT"), external: true, day })
}

/// A `serve` for one test, on a free port and an empty directory. It ends when this is dropped, or when the test
/// process ends in any way.
#[derive(Debug)]
pub(crate) struct Serve {
    pub(crate) service: Service,
    directory: tempfile::TempDir,
    shell: Child,
}

impl Serve {
    /// Starts one.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one with further options.
    pub(crate) fn with(options: &[&str]) -> Self {
        let directory = new_directory();
        let data = directory.path().join("data");
        std::fs::create_dir(&data).expect("a directory");
        let home = directory.path().to_owned();
        let mut arguments: Vec<OsString> = vec![data.into()];
        arguments.extend(options.iter().map(OsString::from));
        Self::launch(directory, &home, users(), &arguments)
    }

    /// Starts a gateway to what the configuration in `home` points at, with keys of its own; `arguments` name the part.
    pub(crate) fn gateway(home: &Path, arguments: &[&str]) -> Self {
        let user = |access: &str, secret: &str| User { access: access.into(), secret: secret.into() };
        let users = [user("FRONTKEY1", "frontSecret1"), user("FRONTKEY2", "frontSecret2")];
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        Self::launch(new_directory(), home, users, &arguments)
    }

    fn launch(
        directory: tempfile::TempDir,
        home: &Path,
        [main, alt]: [User; 2],
        arguments: &[OsString],
    ) -> Self {
        // The shell waits for the end of its stdin, then ends the server and removes what it served. The test process
        // itself has no hook at its end.
        let script = r#"
            directory=$1; shift
            "$@" </dev/null & server=$!
            exec >&-
            cat >/dev/null
            kill "$server"; wait "$server"
            rm -rf "$directory"
        "#;
        let mut shell = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(directory.path())
            .args([PROGRAM, "serve"])
            .args(arguments)
            .args(["--address", "127.0.0.1:0"])
            .args(["--auth-key", &format!("{},{}", main.access, main.secret)])
            .args(["--auth-key", &format!("{},{}", alt.access, alt.secret)])
            .env("HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("serve starts");
        let mut lines = BufReader::new(shell.stdout.take().expect("stdout is a pipe")).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| port_in(&line))
            .expect("serve says where it listens");
        // Later output must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let host = format!("localhost:{port}");
        Self { service: Service { host, main, alt, external: false, day: None }, directory, shell }
    }

    /// The process whose child is the server.
    pub(crate) fn process(&self) -> u32 {
        self.shell.id()
    }

    /// The directory that holds its buckets.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        Path::join(self.directory.path(), "data")
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // The shell was asked to end; it may have ended before.
        let _ = self.shell.wait();
    }
}

fn new_directory() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("s3cmd-serve-").tempdir().expect("a temporary directory")
}

/// The users of a `serve`: those of `tests/lab/ceph-rgw`, so that signatures are the same.
pub(crate) fn users() -> [User; 2] {
    let user = |access: &str, secret: &str| User { access: access.into(), secret: secret.into() };
    [
        user("LABMAINACCESSKEY0001", "labMainSecretKey00000000000000000000001"),
        user("LABALTACCESSKEY00002", "labAltSecretKey000000000000000000000002"),
    ]
}

/// A server within this process, whose lifecycle day is short. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct InProcess {
    pub(crate) service: Service,
    runtime: tokio::runtime::Runtime,
    running: Option<s3cmd_serve::Running>,
    _directory: tempfile::TempDir,
}

impl InProcess {
    pub(crate) fn start(day: Duration) -> Self {
        let directory =
            tempfile::Builder::new().prefix("s3cmd-serve-").tempdir().expect("a temporary directory");
        let [main, alt] = users();
        let users = [&main, &alt].map(|user| s3cmd_serve::User::new(&user.access, &user.secret));
        let options = s3cmd_serve::Options {
            fsync: false,
            lifecycle_day: Some(day),
            ..s3cmd_serve::Options::new(directory.path(), ([127, 0, 0, 1], 0).into(), users.into())
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let running = runtime.block_on(s3cmd_serve::start(options)).expect("it starts");
        let host = format!("localhost:{}", running.address().port());
        let service = Service { host, main, alt, external: false, day: Some(day) };
        Self { service, runtime, running: Some(running), _directory: directory }
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

/// The port in a line such as `listening on http://127.0.0.1:4567`.
pub(crate) fn port_in(line: &str) -> Option<u16> {
    static ADDRESS: LazyLock<regex::Regex> =
        LazyLock::new(|| regex::Regex::new(r"127\.0\.0\.1:(\d+)").unwrap());
    ADDRESS.captures(line)?[1].parse().ok().filter(|port| *port != 0)
}
