//! One run of the program: how it is called, and its result.

use crate::support::normalise::Normaliser;
use crate::support::skip;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than any healthy run takes, even on a slow machine.
const TIMEOUT: Duration = Duration::from_secs(180);

/// A call that is being built. [`Invocation::run`], [`Invocation::ok`] and [`Invocation::fails`] run it.
#[derive(Debug)]
#[must_use = "nothing runs before run(), ok() or fails()"]
pub(crate) struct Invocation {
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) directory: PathBuf,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) stdin: Vec<u8>,
    pub(crate) normaliser: Normaliser,
}

impl Invocation {
    /// One more argument, byte for byte: no placeholder is filled in.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// What the program reads from standard input; nothing by default.
    pub(crate) fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = bytes.as_ref().to_vec();
        self
    }

    /// An environment variable.
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Another configuration file.
    pub(crate) fn config(self, file: impl AsRef<OsStr>) -> Self {
        self.env("S3CMD_CONFIG", file)
    }

    /// Without root's right to ignore file permissions. Skips the test, with `None`, if that right cannot be dropped.
    pub(crate) fn bound_by_permissions(mut self) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return Some(self);
        }
        let drop = ["--bounding-set=-dac_override,-dac_read_search", "--"];
        let can =
            Command::new("setpriv").args(drop).arg("true").output().is_ok_and(|out| out.status.success());
        if !can {
            skip::not_possible("root cannot be bound by permissions");
            return None;
        }
        let program = std::mem::replace(&mut self.program, "setpriv".into());
        let front = drop.map(OsString::from).into_iter().chain([program]);
        self.arguments.splice(0..0, front);
        Some(self)
    }

    /// The same call as the arguments of another program, after those in `front`.
    pub(crate) fn under(mut self, program: &str, front: Vec<OsString>) -> Self {
        let own = std::mem::replace(&mut self.program, program.into());
        self.arguments.splice(0..0, front.into_iter().chain([own]));
        self
    }

    /// The process, ready to be started.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.directory).env_clear().envs(self.environment.clone());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it without pipes: standard error goes to a file.
    pub(crate) fn start(&self, errors: &Path) -> Child {
        let errors = std::fs::File::create(errors).expect("a file for errors");
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        command.spawn().expect("the program starts")
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Run {
        let started = Instant::now();
        let mut child = self.command().spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        let input = self.stdin.clone();
        let feeder = std::thread::spawn(move || {
            // A program may end without reading its input.
            let _ = stdin.write_all(&input);
        });
        let mut stdout = child.stdout.take().expect("stdout is a pipe");
        let mut stderr = child.stderr.take().expect("stderr is a pipe");
        let out = std::thread::spawn(move || read_all(&mut stdout));
        let err = std::thread::spawn(move || read_all(&mut stderr));
        let status = loop {
            if let Some(status) = child.try_wait().expect("the child can be waited for") {
                break status;
            }
            if started.elapsed() > TIMEOUT {
                child.kill().expect("the child can be killed");
                panic!("still running after {TIMEOUT:?}: {}", self.line());
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        feeder.join().expect("stdin was fed");
        let raw = out.join().expect("stdout was read");
        let stderr = err.join().expect("stderr was read");
        let run = Run {
            line: self.line(),
            stdout: match std::str::from_utf8(&raw) {
                // The content of an object is not normalised.
                Err(_) if raw.len() > 1 << 16 => format!("({} bytes)", raw.len()),
                _ => self.normaliser.apply(&String::from_utf8_lossy(&raw)),
            },
            stderr: self.normaliser.apply(&String::from_utf8_lossy(&stderr)),
            raw,
            code: status.code(),
        };
        assert!(!run.stderr.contains("panicked at") && run.code != Some(101), "a panic:\n{run}");
        run
    }

    /// Runs it; it has to succeed, without output on stderr.
    pub(crate) fn ok(self) -> Run {
        let run = self.run();
        assert!(run.code == Some(0) && run.stderr.is_empty(), "expected a healthy run:\n{run}");
        run
    }

    /// Runs it; it has to end with this exit code and print an error.
    pub(crate) fn fails(self, code: i32) -> Run {
        let run = self.run();
        assert!(run.code == Some(code), "expected exit code {code}:\n{run}");
        assert!(!run.stderr.is_empty(), "a failure without a word:\n{run}");
        run
    }

    fn line(&self) -> String {
        let mut line = self.program.to_string_lossy().into_owned();
        for argument in &self.arguments {
            // Writing to a string cannot fail.
            let _ = write!(line, " {argument:?}");
        }
        line
    }
}

fn read_all(from: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).expect("the pipe can be read");
    bytes
}

/// The result of a run. Its text is normalised; `raw` is not.
#[derive(Debug)]
pub(crate) struct Run {
    line: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Standard output, byte for byte.
    pub(crate) raw: Vec<u8>,
    /// Exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
}

impl Run {
    /// Standard output is exactly these lines.
    pub(crate) fn prints(self, expected: &str) -> Self {
        let expected = lines(expected);
        assert!(self.stdout == expected, "expected stdout:\n{expected}\n{self}");
        self
    }

    /// Standard error is exactly these lines.
    pub(crate) fn complains(self, expected: &str) -> Self {
        let expected = lines(expected);
        assert!(self.stderr == expected, "expected stderr:\n{expected}\n{self}");
        self
    }

    /// Standard output contains this text.
    pub(crate) fn mentions(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "expected in stdout: {text}\n{self}");
        self
    }

    /// Standard output does not contain this text.
    pub(crate) fn silent_about(self, text: &str) -> Self {
        assert!(!self.stdout.contains(text), "not expected in stdout: {text}\n{self}");
        self
    }

    /// Standard error contains this text.
    pub(crate) fn explains(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "expected in stderr: {text}\n{self}");
        self
    }

    /// Standard error is one line.
    pub(crate) fn in_one_line(self) -> Self {
        assert!(self.stderr.lines().count() == 1, "expected one line on stderr:\n{self}");
        self
    }

    /// Standard error is an error of one line, and a line that names a setting.
    pub(crate) fn in_one_line_and_a_hint(self) -> Self {
        let is_hint = |line: &str| {
            line.starts_with("ERROR: ") && (line.contains(" in ") || line.contains(" on the command line"))
        };
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert!(lines.len() == 2 && is_hint(lines[1]), "expected one line and a hint on stderr:\n{self}");
        self
    }

    /// All of it as one text, in the form of the transcripts.
    pub(crate) fn as_transcript(&self) -> String {
        let code = self.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        format!("exit: {code}\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr)
    }

    /// The lines of standard output.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "$ {}\nexit: {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.line, self.code, self.stdout, self.stderr
        )
    }
}

/// Expected text. If it begins with a line break, each line begins after a `|`, so that leading blanks count.
fn lines(text: &str) -> String {
    let Some(block) = text.strip_prefix('\n') else {
        return if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") };
    };
    let behind_margin = |line: &str| line.split_once('|').map(|(_, rest)| format!("{rest}\n"));
    block.lines().filter_map(behind_margin).collect()
}
