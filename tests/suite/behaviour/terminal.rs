//! Output on a terminal. The program runs on a pseudo-terminal, and a terminal emulator reads what it writes.

use crate::support::env::TestEnv;
use crate::support::run::Invocation;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

/// Columns and lines of a terminal that is large enough not to scroll.
const ROOMY: (u16, u16) = (120, 60);

/// What a program left on a terminal.
struct Seen {
    /// Everything that it wrote, control sequences included.
    written: String,
    /// The lines on the screen at the end, without trailing blanks.
    screen: String,
    /// Where the cursor is: line, column.
    cursor: (u16, u16),
    code: Option<i32>,
}

/// Runs a program on a terminal of this size. Once it has written `cue`, it is interrupted.
fn on_terminal(call: Invocation, term: &str, (columns, lines): (u16, u16), cue: Option<&str>) -> Seen {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("its other end");
    let name = ptsname(&master, Vec::new()).expect("its name");
    let terminal =
        File::options().read(true).write(true).open(name.to_str().expect("a path")).expect("it opens");
    let size = Winsize { ws_col: columns, ws_row: lines, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).expect("its size is set");

    let end = || Stdio::from(terminal.try_clone().expect("one more end"));
    let normaliser = call.normaliser.clone();
    let mut command = call.env("TERM", term).command();
    let mut child = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("the program starts");
    drop((command, terminal));
    let (mut master, mut written, mut block) = (File::from(master), Vec::new(), vec![0; 64 << 10]);
    let mut cue = cue;
    // On Linux the closed end of a pseudo-terminal is an error, not an end of file.
    while let Ok(1..) = master.read(&mut block).inspect(|count| written.extend_from_slice(&block[..*count])) {
        if cue.take_if(|cue| String::from_utf8_lossy(&written).contains(*cue)).is_some() {
            kill_process(Pid::from_child(&child), Signal::INT).expect("it can be interrupted");
        }
    }
    let status = child.wait().expect("the program ends");
    assert_eq!(status.signal(), None);
    let mut parser = vt100::Parser::new(lines, columns, 0);
    parser.process(&written);
    let screen = parser.screen();
    assert!(!screen.hide_cursor(), "the cursor is hidden");
    Seen {
        screen: normaliser.apply(&screen.contents()),
        cursor: screen.cursor_position(),
        written: normaliser.apply(&String::from_utf8_lossy(&written)),
        code: status.code(),
    }
}

impl Seen {
    /// Whether the program moved the cursor, or used any other control sequence.
    fn is_plain(&self) -> bool {
        !self.written.contains('\u{1b}')
    }

    /// The screen has exactly these lines, and the cursor is on a new one.
    fn shows(self, lines: &[&str]) -> Self {
        assert_eq!(self.screen.lines().collect::<Vec<_>>(), lines, "written:\n{:?}", self.written);
        assert_eq!(self.cursor, (lines.len() as u16, 0), "{}", self.screen);
        self
    }
}

/// A bucket, and three files that take a while at the speed of [`SLOWLY`].
fn env() -> TestEnv {
    let env = TestEnv::with_bucket();
    for (name, byte) in [("d/a.bin", 1), ("d/b.bin", 2), ("d/c.bin", 3)] {
        env.file(name, vec![byte; 50_000]);
    }
    env
}

const SLOWLY: &str = "--limit-rate=150k";

const UPLOADED: [&str; 3] = [
    "upload: 'd/a.bin' -> 's3://BUCKET/d/a.bin' (50000 bytes in TIME) [1 of 3]",
    "upload: 'd/b.bin' -> 's3://BUCKET/d/b.bin' (50000 bytes in TIME) [2 of 3]",
    "upload: 'd/c.bin' -> 's3://BUCKET/d/c.bin' (50000 bytes in TIME) [3 of 3]",
];

#[test]
fn several_transfers_have_rows_and_a_total_and_leave_the_lines_of_a_pipe() {
    let env = env();
    let put = on_terminal(env.s3cmd(&format!("put {SLOWLY} -r d s3://BUCKET")), "xterm", ROOMY, None);
    assert_eq!(put.code, Some(0));
    for part in ["d/a.bin   ", "d/b.bin   ", "d/c.bin   ", "[0 of 3]", "of 146.5K ", " left ", "B/s"] {
        assert!(put.written.contains(part), "{part:?} in\n{}", put.written);
    }
    assert!(!put.written.contains("\u{1b}[?25"), "the cursor stays as it is");
    assert!(
        !put.written
            .split('\u{1b}')
            .any(|code| code.trim_start_matches(|c: char| "[0123456789;".contains(c)).starts_with('m'))
    );
    put.shows(&UPLOADED);

    env.dir("out");
    let get = on_terminal(env.s3cmd(&format!("get {SLOWLY} -r s3://BUCKET/d/ out/")), "xterm", ROOMY, None);
    assert_eq!(get.code, Some(0));
    assert!(get.written.contains("of 146.5K ") && get.written.contains("out/a.bin   "), "{}", get.written);
    get.shows(&[
        "download: 's3://BUCKET/d/a.bin' -> 'out/a.bin' (50000 bytes in TIME)",
        "download: 's3://BUCKET/d/b.bin' -> 'out/b.bin' (50000 bytes in TIME)",
        "download: 's3://BUCKET/d/c.bin' -> 'out/c.bin' (50000 bytes in TIME)",
    ]);

    let sync = on_terminal(env.s3cmd(&format!("sync {SLOWLY} d/ s3://BUCKET/e/")), "xterm", ROOMY, None);
    assert!(sync.written.contains("of 146.5K "), "{}", sync.written);
    let place = |line: &str| line.replace("s3://BUCKET/d", "s3://BUCKET/e");
    assert_eq!(sync.screen.lines().take(3).collect::<Vec<_>>(), UPLOADED.map(place));
    assert!(sync.screen.lines().nth(3).is_some_and(|line| line.starts_with("Done. Uploaded 150000 bytes")));
}

#[test]
fn one_transfer_has_the_meter_of_s3cmd() {
    let env = env();
    let meter = |seen: &Seen, label: &str| {
        let form = r" +\d+ of 50000 +\d+% in +\d+s +-?[\d.]+ [KM]?B/s";
        let form = format!("^{}\r\n(\r{form})+  done\r\n$", regex::escape(label));
        assert!(regex::Regex::new(&form).unwrap().is_match(&seen.written), "{form}\n{:?}", seen.written);
        assert!(seen.is_plain());
    };
    let put = on_terminal(env.s3cmd("put d/a.bin s3://BUCKET"), "xterm", ROOMY, None);
    meter(&put, "upload: 'd/a.bin' -> 's3://BUCKET/a.bin'  [1 of 1]");
    let get = on_terminal(env.s3cmd("get s3://BUCKET/a.bin new"), "xterm", ROOMY, None);
    meter(&get, "download: 's3://BUCKET/a.bin' -> 'new'  [1 of 1]");
}

#[test]
fn serial_runs_and_dumb_terminals_get_one_meter_after_another() {
    let env = env();
    for (line, term) in [
        ("put --jobs=1 -r d s3://BUCKET", "xterm"),
        ("put -r d s3://BUCKET", "dumb"),
        ("put -r d s3://BUCKET", ""),
    ] {
        let put = on_terminal(env.s3cmd(line), term, ROOMY, None);
        assert!(put.is_plain() && put.code == Some(0), "{:?}", put.written);
        let labels = put.screen.lines().step_by(2).collect::<Vec<_>>();
        let wanted = UPLOADED.map(|line| line.replace(" (50000 bytes in TIME)", " "));
        assert_eq!(labels, wanted, "{}", put.screen);
        assert!(put.screen.lines().skip(1).step_by(2).all(|line| line.ends_with("  done")), "{}", put.screen);
    }
}

#[test]
fn without_progress_a_terminal_gets_the_lines_of_a_pipe() {
    let env = env();
    let put = on_terminal(env.s3cmd("put --no-progress -r d s3://BUCKET"), "xterm", ROOMY, None);
    assert!(put.is_plain());
    put.shows(&UPLOADED);
    let put = on_terminal(env.s3cmd("put -q -r d s3://BUCKET"), "xterm", ROOMY, None);
    assert_eq!((put.written.as_str(), put.code), ("", Some(0)));
}

#[test]
fn an_interruption_leaves_a_clean_line() {
    let env = env();
    let several = env.s3cmd("put --limit-rate=20k -r d s3://BUCKET");
    on_terminal(several, "xterm", ROOMY, Some(" left ")).shows(&["See ya!"]);

    let one =
        on_terminal(env.s3cmd("put --limit-rate=20k d/a.bin s3://BUCKET"), "xterm", ROOMY, Some("% in "));
    let lines = one.screen.lines().collect::<Vec<_>>();
    assert_eq!((lines.len(), lines[2], one.cursor), (3, "See ya!", (3, 0)), "{}", one.screen);
}

#[test]
fn errors_stand_on_lines_of_their_own_among_the_rows() {
    let env = env();
    for name in ["a", "b", "c"] {
        env.object(name, vec![7; 50_000]);
    }
    env.dir("out/b");
    let get =
        on_terminal(env.s3cmd(&format!("get --force {SLOWLY} -r s3://BUCKET out/")), "xterm", ROOMY, None);
    assert_eq!(get.code, Some(2));
    assert!(get.written.contains(" left "), "{}", get.written);
    get.shows(&[
        "download: 's3://BUCKET/a' -> 'out/a' (50000 bytes in TIME)",
        "ERROR: Creation of file 'out/b' failed (Reason: Is a directory)",
        "download: 's3://BUCKET/c' -> 'out/c' (50000 bytes in TIME)",
        "ERROR: 1 of 3 items failed",
    ]);
}

#[test]
fn long_names_do_not_garble_the_rows_of_a_narrow_terminal() {
    let env = TestEnv::with_bucket();
    let names = ["日本語のとても長いファイル名.txt", "esc\u{1b}[2Jape", "new\rline"];
    for name in names {
        env.file(Path::new("d").join(name), vec![7; 40_000]);
    }
    for columns in [7, 20, 50, 75] {
        let call = env.s3cmd("put --limit-rate=300k -r d s3://BUCKET");
        let put = on_terminal(call, "xterm", (columns, 60), None);
        assert_eq!(put.code, Some(0));
        assert!(
            !put.written.contains("\u{1b}[2J") && !put.written.contains("new\rline"),
            "{:?}",
            put.written
        );
        // All rows are erased, and only the lines and warnings are left.
        let text: String = put.screen.split('\n').collect();
        assert!(!text.contains('%') && !text.contains(" left"), "{columns}:\n{}", put.screen);
        assert_eq!(text.matches("upload: ").count(), 3, "{columns}:\n{}", put.screen);
    }
}
