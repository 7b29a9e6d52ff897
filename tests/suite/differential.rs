//! The same command line through s3cmd 2.4.0 and through this program, each in its own directory and buckets; stdout,
//! stderr, exit code, the files and the objects that result have to be the same, `allowed` apart.
//!
//! Needs `S3CMD_ORIGINAL`, the path of s3cmd 2.4.0. It is only ever run, as a black box.

use crate::allowed;
use crate::env::{TestEnv, notice};
use crate::facts::{self, Store};
use crate::scenes::{self, Scene};
use crate::server::{Service, service};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::time::{SystemTime, UNIX_EPOCH};

/// The path of s3cmd 2.4.0, or a notice that it is missing.
pub(crate) fn original() -> Option<OsString> {
    let path = std::env::var_os("S3CMD_ORIGINAL").filter(|path| !path.is_empty());
    if path.is_none() {
        notice("S3CMD_ORIGINAL is not set: the comparison with s3cmd 2.4.0 is left out");
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
            // Where there is a libmagic, s3cmd looks into files; else it warns that it cannot.
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

    /// The same to be changed.
    pub(crate) fn side_mut(&mut self, theirs: bool) -> &mut TestEnv {
        if theirs { &mut self.theirs } else { &mut self.ours }
    }

    /// Runs one line on both sides and describes how they differ, if they do. A line that begins with `!` is a shell
    /// command, one that begins with `@` is the second user's, `FILE |` in front feeds a file to standard input.
    pub(crate) fn compare(&self, line: &str) -> Option<String> {
        self.compare_at(line, line)
    }

    /// The same at a place that `allowed` knows by another name than the line.
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

    /// Runs one line on both sides: what s3cmd said, allowed differences applied, and what this program said.
    pub(crate) fn transcripts(&self, line: &str) -> (String, String) {
        self.transcripts_at(line, line)
    }

    /// The same at a place that `allowed` knows by another name than the line.
    pub(crate) fn transcripts_at(&self, place: &str, line: &str) -> (String, String) {
        let theirs = self.play(&self.theirs, line);
        (allowed::expected(place, &theirs), allowed::without_additions(&self.play(&self.ours, line)))
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

    /// Gives this program's files the modification times of s3cmd's. A script makes the same files on both sides, one side
    /// after the other, and a second may begin between them.
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

    /// Whether a line fetches several objects of which some exist and some do not: s3cmd fetches none of them, this program
    /// those that exist (`missing-sources`).
    fn fetches_with_gaps(&self, line: &str) -> bool {
        let words = crate::env::split(line);
        let sources: Vec<&String> = words.iter().filter(|word| word.starts_with("s3://")).collect();
        if !words.iter().any(|word| word == "get") || sources.len() < 2 {
            return false;
        }
        let facts = facts::of(&self.ours, &self.store);
        let exists = |uri: &&&String| facts.iter().any(|fact| fact.starts_with(&format!("{uri} ")));
        let existing = sources.iter().filter(exists).count();
        existing > 0 && existing < sources.len()
    }

    /// The files and the objects of one of the two worlds, a fact a line.
    pub(crate) fn results(&self, theirs: bool) -> String {
        facts::of(self.side(theirs), &self.store).join("\n") + "\n"
    }

    /// How the files and the objects that both sides hold now differ, if they do.
    pub(crate) fn compare_results(&self, place: &str) -> Option<String> {
        let theirs = allowed::expected(place, &self.results(true));
        let mut theirs: Vec<String> = theirs.lines().map(str::to_owned).collect();
        theirs.sort();
        let ours = facts::of(&self.ours, &self.store);
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

/// A transcript with what is said of links, and of files that are none, in the order of their names: s3cmd has that of the
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

/// Every scene, each on its own pair of worlds. All are played, so that one run shows all that differs.
#[test]
fn scenes_play_as_in_s3cmd() {
    let Some(original) = original() else { return };
    let only = std::env::var("S3CMD_SCENE").unwrap_or_default();
    let mut failures = Vec::new();
    let mut count = 0;
    for Scene { name, lines } in scenes::all().filter(|scene| scene.name.contains(&only)) {
        let twins = Twins::new(&original);
        for line in *lines {
            count += 1;
            failures.extend(twins.compare(line).map(|difference| format!("scene {name}: {difference}")));
        }
        failures.extend(
            twins
                .compare_results(&format!("after {name}"))
                .map(|difference| format!("scene {name}, in the end:\n{difference}")),
        );
    }
    notice(&format!("{count} command lines compared with s3cmd 2.4.0"));
    assert!(failures.is_empty(), "{} differences:\n\n{}", failures.len(), failures.join("\n\n"));
}

/// There are as many different lines as were promised.
#[test]
fn the_scenes_are_hundreds_of_different_lines() {
    let lines: BTreeSet<&str> =
        scenes::all().flat_map(|scene| scene.lines).copied().filter(|line| !line.starts_with('!')).collect();
    assert!(lines.len() >= 400, "{} different lines", lines.len());
}

/// A number from the environment.
pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// The seed of what is random: that of `S3CMD_SEED`, or a new one.
pub(crate) fn seed() -> u64 {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    number("S3CMD_SEED").unwrap_or_else(now)
}

/// Random lines, one after the other on the same pair of worlds. `S3CMD_SEED` and `S3CMD_RANDOM_LINES` choose others
/// and more of them.
#[test]
fn random_lines_do_as_in_s3cmd() {
    let Some(original) = original() else { return };
    let (seed, count) = (seed(), number("S3CMD_RANDOM_LINES").unwrap_or(60));
    notice(&format!("{count} random command lines from S3CMD_SEED={seed}"));
    let twins = Twins::new(&original);
    let mut random = crate::random::Random::new(seed);
    let mut played = Vec::new();
    for _ in 0..count {
        let line = random.line();
        if twins.fetches_with_gaps(&line) {
            continue;
        }
        played.push(line.clone());
        if let Some(difference) = twins.compare(&line).or_else(|| twins.compare_results("after random lines"))
        {
            panic!("S3CMD_SEED={seed}, after\n{}\nthey differ: {difference}", played.join("\n"));
        }
    }
}
