//! The same command line through s3cmd 2.4.0 and through this program, each in its own directory and buckets.

use crate::compat::allowed_differences;
use crate::support::env::TestEnv;
use crate::support::service::{Service, service};
use crate::support::skip;
use crate::support::snapshot::{self, Store};
use std::ffi::OsString;

/// The path of s3cmd 2.4.0. Skips the test if `S3CMD_ORIGINAL` does not name it.
pub(crate) fn original() -> Option<OsString> {
    let path = std::env::var_os("S3CMD_ORIGINAL").filter(|path| !path.is_empty());
    if path.is_none() {
        skip::unset("S3CMD_ORIGINAL");
    }
    path
}

/// Both programs, each in a world of its own.
pub(crate) struct Twins {
    theirs: TestEnv,
    ours: TestEnv,
    pub(crate) store: Store,
}

impl Twins {
    /// Two worlds on the service of this run, with the files of the scenes.
    pub(crate) fn new(original: &OsString) -> Self {
        let twins = Self::bare(original, service());
        twins.each(files);
        twins
    }

    /// Two worlds on a service, with two empty buckets each and no files.
    pub(crate) fn bare(original: &OsString, service: &Service) -> Self {
        let store = Store::new(service);
        let alt = Store::by(service, &service.alt).id();
        let world = || {
            let mut t = TestEnv::on(service);
            for bucket in ["BUCKET", "BUCKET2"] {
                store.create(&t.reserve(bucket));
            }
            t.reserve("MISSING");
            t.normaliser.keep_messages = true;
            // With libmagic s3cmd reads the files; without it, it prints a warning.
            t.configure("use_mime_magic = False");
            t.normaliser.name(&alt, "ALTID");
            t
        };
        Self { theirs: world().with_program(original), ours: world(), store }
    }

    /// Does the same in both worlds.
    pub(crate) fn each(&self, act: impl Fn(&TestEnv)) {
        act(&self.theirs);
        act(&self.ours);
    }

    /// Adds lines to both configurations.
    pub(crate) fn configure(&self, lines: &str) {
        self.theirs.configure(lines);
        self.ours.configure(lines);
    }

    /// One of the two worlds: s3cmd's, or this program's.
    pub(crate) fn side(&self, theirs: bool) -> &TestEnv {
        if theirs { &self.theirs } else { &self.ours }
    }

    /// The same, mutable.
    pub(crate) fn side_mut(&mut self, theirs: bool) -> &mut TestEnv {
        if theirs { &mut self.theirs } else { &mut self.ours }
    }

    /// Runs one line on both sides and describes the difference, if any. A line that begins with `!` is a shell
    /// command, one that begins with `@` is the second user's, `FILE |` at the beginning feeds a file to standard
    /// input.
    pub(crate) fn compare(&self, line: &str) -> Option<String> {
        self.compare_at(line, line)
    }

    /// The same for a place that has another name in `allowed_differences` than the line.
    pub(crate) fn compare_at(&self, place: &str, line: &str) -> Option<String> {
        let is_script = line.starts_with('!');
        let (expected, ours) = self.transcripts_at(place, line);
        if is_script {
            self.share_times();
        }
        if links_in_order(&expected) == links_in_order(&ours) {
            return None;
        }
        Some(format!(
            "{line}\n--- s3cmd 2.4.0, allowed differences applied: {expected}\n--- this program: {ours}"
        ))
    }

    /// Runs one line on both sides: what s3cmd printed, allowed differences applied, and what this program printed.
    pub(crate) fn transcripts(&self, line: &str) -> (String, String) {
        self.transcripts_at(line, line)
    }

    /// The same for a place that has another name in `allowed_differences` than the line.
    pub(crate) fn transcripts_at(&self, place: &str, line: &str) -> (String, String) {
        let theirs = self.play(&self.theirs, line);
        (
            allowed_differences::expected(place, &theirs),
            allowed_differences::without_additions(&self.play(&self.ours, line)),
        )
    }

    fn play(&self, t: &TestEnv, line: &str) -> String {
        if let Some(script) = line.strip_prefix('!') {
            let run = t.shell(script).run();
            assert_eq!(run.code, Some(0), "{run}");
            return String::new();
        }
        let (input, line) = match line.split_once(" | ") {
            Some((file, line)) => (t.read(file), line),
            None => (Vec::new(), line),
        };
        let call = match line.strip_prefix('@') {
            Some(line) => t.alt(line),
            None => t.s3cmd(line),
        };
        call.stdin(input).run().as_transcript()
    }

    /// Gives this program's files the modification times of s3cmd's. A script makes the same files on both sides, one
    /// side after the other, and a second may begin between them.
    fn share_times(&self) {
        for entry in walkdir::WalkDir::new(self.theirs.path("")).into_iter().filter_map(Result::ok) {
            let Ok(relative) = entry.path().strip_prefix(self.theirs.path("")) else { continue };
            let ours = self.ours.path(relative);
            let (Ok(theirs), Ok(_)) = (entry.path().symlink_metadata(), ours.symlink_metadata()) else {
                continue;
            };
            let time = filetime::FileTime::from_last_modification_time(&theirs);
            filetime::set_symlink_file_times(&ours, time, time).unwrap();
        }
    }

    /// Whether a line fetches several objects of which some exist and some do not: s3cmd fetches none of them, this
    /// program those that exist (`missing-sources`).
    pub(crate) fn fetches_with_gaps(&self, line: &str) -> bool {
        let words = crate::support::env::split(line);
        let sources: Vec<&String> = words.iter().filter(|word| word.starts_with("s3://")).collect();
        if !words.iter().any(|word| word == "get") || sources.len() < 2 {
            return false;
        }
        let objects = snapshot::of(&self.ours, &self.store);
        let exists = |uri: &&&String| {
            let pattern = regex::escape(uri).replace(r"\*", ".*").replace(r"\?", ".");
            let named = regex::Regex::new(&format!("^{pattern} ")).expect("a pattern");
            objects.iter().any(|object| named.is_match(object))
        };
        let existing = sources.iter().filter(exists).count();
        existing > 0 && existing < sources.len()
    }

    /// The files and the objects of one of the two worlds, one fact per line.
    pub(crate) fn results(&self, theirs: bool) -> String {
        snapshot::of(self.side(theirs), &self.store).join("\n") + "\n"
    }

    /// The difference between the files and the objects of both sides, if any.
    pub(crate) fn compare_results(&self, place: &str) -> Option<String> {
        let theirs = allowed_differences::expected(place, &self.results(true));
        let mut theirs: Vec<String> = theirs.lines().map(str::to_owned).collect();
        theirs.sort();
        let ours = snapshot::of(&self.ours, &self.store);
        if theirs == ours {
            return None;
        }
        let only = |these: &[String], those: &[String]| {
            these
                .iter()
                .filter(|fact| !those.contains(fact))
                .map(|fact| format!("{fact}\n"))
                .collect::<String>()
        };
        let (theirs, ours) = (only(&theirs, &ours), only(&ours, &theirs));
        Some(format!("--- only s3cmd 2.4.0 left:\n{theirs}--- only this program left:\n{ours}"))
    }
}

impl Drop for Twins {
    fn drop(&mut self) {
        for t in [&self.theirs, &self.ours] {
            t.give_up_buckets().iter().for_each(|bucket| self.store.remove(bucket));
        }
    }
}

/// A transcript with the lines about links and special files sorted by name: s3cmd prints them in the order of the
/// disk.
fn links_in_order(transcript: &str) -> Vec<&str> {
    let is_of_link = |line: &&str| {
        ["symbolic link", "non regular file"]
            .iter()
            .any(|kind| line.starts_with(&format!("WARNING: Skipping over {kind}: ")))
    };
    let mut links: Vec<&str> = transcript.lines().filter(is_of_link).collect();
    links.sort_unstable();
    let mut links = links.into_iter();
    let next = |line| if is_of_link(&line) { links.next().unwrap_or(line) } else { line };
    transcript.lines().map(next).collect()
}

/// The files of every scene.
pub(crate) fn files(t: &TestEnv) {
    t.tree();
    t.file("hello.txt", "hello world\n");
    t.file("one.txt", "one\n");
    t.file("two.txt", "two\n");
    t.file("empty.txt", "");
    t.file("with space.txt", "space\n");
    t.file("ä+%.txt", "odd\n");
    t.file("notes.log", "log\n");
    t.file("notes.html", "<p>notes\n");
    t.file("page.bin", [0, 159, 146, 150].repeat(100));
    t.file("multi.bin", [1, 2, 3, 4, 5, 6, 7].repeat(900_000));
    t.file("tags.xml", "<Tagging/>");
    t.file(
        "lifecycle.xml",
        "<LifecycleConfiguration><Rule><ID>old</ID><Prefix>log/</Prefix><Status>Enabled</Status>\
         <Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>",
    );
    t.file(
        "cors.xml",
        "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>\
         </CORSConfiguration>",
    );
    t.file("notification.xml", "<NotificationConfiguration/>");
    t.file("broken.xml", "<LifecycleConfiguration><Rule><ID>old</I");
    t.file(
        "policy.json",
        t.normaliser.fill(
            r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/ALTID"]},
            "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"]}]}"#,
        ),
    );
    t.file("broken.json", "{");
    t.file("patterns", "# comment\n*.log\n\nsub/*\n");
    t.dir("down");
}
