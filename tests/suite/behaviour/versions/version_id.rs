//! `--version-id`: each command acts on the named version, and on no other. Plain requests check each version.

use crate::support::env::TestEnv;
use crate::support::http::{self, Answer};
use crate::support::skip::on_serve;
use crate::support::snapshot::Store;

/// A versioned bucket with several versions of `k`: its name and the ids of the versions, oldest first.
struct World {
    t: TestEnv,
    bucket: String,
    ids: Vec<String>,
}

impl World {
    /// One version for each content; with locks or without.
    fn of(contents: &[&str], locks: bool) -> Self {
        let mut t = TestEnv::new();
        let bucket = t.reserve("BUCKET");
        if locks {
            t.s3cmd("mb --add-header=x-amz-bucket-object-lock-enabled:true s3://BUCKET").ok();
        } else {
            t.s3cmd("mb s3://BUCKET").ok();
            t.s3cmd("setversioning s3://BUCKET enable").ok();
        }
        let mut world = Self { t, bucket, ids: Vec::new() };
        for content in contents {
            world.store(content, "");
        }
        world
    }

    /// Stores one more version of `k`.
    fn store(&mut self, content: impl AsRef<[u8]>, options: &str) {
        self.t.file("content", content);
        self.t.s3cmd(&format!("put {options} content s3://BUCKET/k")).ok();
        self.ids.push(self.ask("HEAD", "", "").header("x-amz-version-id").expect("an id").to_owned());
    }

    /// Sends a request about `k`: a sub-resource such as `acl`, of a version or, with an empty id, of the latest one.
    fn ask(&self, method: &str, what: &str, id: &str) -> Answer {
        let id = if id.is_empty() { String::new() } else { format!("versionId={id}") };
        let query = [what, id.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let target = format!("/{}/k?{}", self.bucket, query.join("&"));
        http::signed(&self.t.service, method, target.trim_end_matches('?'), &[], b"")
    }

    /// A header of every version, oldest first.
    fn headers(&self, name: &str) -> Vec<Option<String>> {
        let header = |id: &String| self.ask("HEAD", "", id).header(name).map(str::to_owned);
        self.ids.iter().map(header).collect()
    }

    /// The versions whose document contains a text.
    fn with(&self, document: &str, text: &str) -> Vec<usize> {
        let holds = |id: &str| {
            let body = self.ask("GET", document, id).body;
            String::from_utf8_lossy(&body).contains(text)
        };
        (0..self.ids.len()).filter(|index| holds(&self.ids[*index])).collect()
    }

    /// The content of every version; empty for one that is deleted.
    fn contents(&self) -> Vec<String> {
        let content = |id: &String| {
            let answer = self.ask("GET", "", id);
            let body = if answer.status == 200 { answer.body } else { Vec::new() };
            String::from_utf8(body).expect("text")
        };
        self.ids.iter().map(content).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        Store::new(&self.t.service).remove(&self.bucket);
    }
}

#[test]
fn a_legal_hold_applies_to_the_named_version_only() {
    let world = World::of(&["one", "two", "three"], true);
    let held = || {
        let headers = world.headers("x-amz-object-lock-legal-hold");
        headers.iter().map(|hold| hold.as_deref() == Some("ON")).collect::<Vec<_>>()
    };
    let id = &world.ids[1];
    world.t.s3cmd(&format!("setobjectlegalhold --version-id {id} ON s3://BUCKET/k")).ok();
    assert_eq!(held(), [false, true, false]);
    world.t.s3cmd(&format!("del --version-id {id} s3://BUCKET/k")).fails(77);
    world.t.s3cmd("setobjectlegalhold ON s3://BUCKET/k").ok();
    assert_eq!(held(), [false, true, true]);
    world.t.s3cmd(&format!("setobjectlegalhold --version-id {id} OFF s3://BUCKET/k")).ok();
    assert_eq!(held(), [false, false, true]);
    world.t.s3cmd(&format!("del --version-id {id} s3://BUCKET/k")).ok();
    assert_eq!(world.contents(), ["one", "", "three"]);
}

#[test]
fn a_retention_applies_to_the_named_version_only() {
    let world = World::of(&["one", "two", "three"], true);
    let id = &world.ids[0];
    let line = "setobjectretention GOVERNANCE 2100-01-31T00:00:00Z s3://BUCKET/k";
    world.t.s3cmd(&format!("{line} --version-id {id}")).ok();
    let modes = world.headers("x-amz-object-lock-mode");
    assert_eq!(modes, [Some("GOVERNANCE".to_owned()), None, None]);
    let until = world.headers("x-amz-object-lock-retain-until-date");
    assert!(until[0].as_ref().is_some_and(|date| date.starts_with("2100-01-31T00:00:00")), "{until:?}");
    let dry = world.t.s3cmd(&format!("{line} -n --version-id {}", world.ids[1])).run();
    assert_eq!(dry.code, Some(0), "{dry}");
    assert_eq!(world.headers("x-amz-object-lock-mode")[1], None);
    world.t.s3cmd(&format!("del --version-id {id} s3://BUCKET/k")).fails(77);
    world.t.s3cmd(&format!("del --version-id {} s3://BUCKET/k", world.ids[1])).ok();
    assert_eq!(world.contents(), ["one", "", "three"]);
}

#[test]
fn grants_change_on_the_named_version_only() {
    let mut world = World::of(&["one", "two", "three"], false);
    world.t.know_alt_id("ALTID");
    let (t, id) = (&world.t, &world.ids[1]);
    let public = || world.with("acl", "AllUsers");
    t.s3cmd(&format!("setacl --acl-public --version-id {id} s3://BUCKET/k"))
        .ok()
        .mentions("s3://BUCKET/k: ACL set to Public");
    assert_eq!(public(), [1]);
    t.s3cmd(&format!("info --version-id {id} s3://BUCKET/k")).ok().mentions("*anon*: READ");
    t.s3cmd("info s3://BUCKET/k").ok().silent_about("*anon*: READ");
    t.s3cmd("setacl --acl-public s3://BUCKET/k").ok();
    assert_eq!(public(), [1, 2]);
    t.s3cmd(&format!("setacl --acl-private --version-id={id} s3://BUCKET/k")).ok();
    assert_eq!(public(), [2]);
    t.s3cmd("setacl --acl-private s3://BUCKET/k").ok();
    t.s3cmd(&format!("setacl --acl-grant=read:ALTID --version-id={id} s3://BUCKET/k")).ok();
    let alt = t.fill("ALTID");
    assert_eq!(world.with("acl", &alt), [1]);
    t.s3cmd(&format!("getacl --version-id={id} s3://BUCKET/k")).ok().mentions(": READ\n");
    t.s3cmd("getacl s3://BUCKET/k").ok().silent_about(": READ\n");
    t.s3cmd(&format!("setacl --acl-revoke=read:ALTID --version-id={id} s3://BUCKET/k")).ok();
    assert!(world.with("acl", &alt).is_empty());
}

#[test]
fn tags_change_on_the_named_version_only() {
    let world = World::of(&["one", "two", "three"], false);
    let (t, id) = (&world.t, &world.ids[0]);
    t.s3cmd(&format!("settagging --version-id {id} s3://BUCKET/k colour=blue")).ok();
    assert_eq!(world.with("tagging", "blue"), [0]);
    t.s3cmd("settagging s3://BUCKET/k colour=blue").ok();
    t.s3cmd(&format!("deltagging --version-id {id} s3://BUCKET/k")).ok();
    assert_eq!(world.with("tagging", "blue"), [2]);
}

#[test]
fn only_the_named_version_is_restored_from_the_archive() {
    if !on_serve("archived objects") {
        return;
    }
    let mut world = World::of(&[], false);
    for content in ["one", "two", "three"] {
        world.store(content, "--storage-class=GLACIER");
    }
    let (t, id) = (&world.t, &world.ids[1]);
    t.s3cmd(&format!("restore -n --version-id {id} s3://BUCKET/k")).run().prints("restore: 's3://BUCKET/k'");
    assert_eq!(world.contents(), ["", "", ""]);
    t.s3cmd(&format!("restore --version-id {id} s3://BUCKET/k")).ok().prints("restore: 's3://BUCKET/k'");
    assert_eq!(world.contents(), ["", "two", ""]);
    t.s3cmd(&format!("get --version-id {id} s3://BUCKET/k got")).ok();
    assert_eq!(t.text("got"), "two");
    t.s3cmd("get s3://BUCKET/k latest").fails(77);
}

#[test]
fn a_copy_takes_everything_from_the_named_version() {
    let mut world = World::of(&[], false);
    world.t.know_alt_id("ALTID");
    for (content, colour) in [("one", "red"), ("second", "blue")] {
        world.store(content, &format!("--add-header=x-amz-meta-colour:{colour} --mime-type=text/x-{colour}"));
    }
    let (t, id) = (&world.t, &world.ids[0]);
    t.s3cmd(&format!("settagging --version-id {id} s3://BUCKET/k kept=yes")).ok();
    t.s3cmd(&format!("setacl --acl-grant=read:ALTID --version-id {id} s3://BUCKET/k")).ok();
    for options in ["", "--add-header=x-amz-meta-new:1"] {
        t.s3cmd(&format!("cp {options} --version-id {id} s3://BUCKET/k s3://BUCKET/copy")).ok();
        assert_eq!(t.content("copy"), b"one");
        t.s3cmd("info s3://BUCKET/copy")
            .ok()
            .mentions("MIME type: text/x-red")
            .mentions("x-amz-meta-colour: red")
            .mentions(": READ\n");
        t.s3cmd("gettagging s3://BUCKET/copy").ok().mentions("kept:\tyes");
    }
    // A copy onto the object itself makes a new version and keeps the others.
    t.s3cmd(&format!("cp --version-id {id} s3://BUCKET/k s3://BUCKET/k")).ok();
    assert_eq!(world.contents(), ["one", "second"]);
    let latest = world.ask("GET", "", "");
    assert_eq!((latest.body.as_slice(), latest.header("x-amz-meta-colour")), (&b"one"[..], Some("red")));
    assert!(latest.header("x-amz-version-id").is_some_and(|new| !world.ids.iter().any(|id| id == new)));
}

#[test]
fn parts_are_those_of_the_named_version() {
    let mut world = World::of(&[], false);
    // Versions of the same length, so that the length alone does not reveal a wrong part.
    for byte in [b'a', b'b'] {
        let content: Vec<u8> = (0..12_u32 << 20).map(|at| byte + (at >> 20) as u8).collect();
        world.store(content, "--multipart-chunk-size-mb=5");
    }
    let (t, id) = (&world.t, &world.ids[0]);
    let first: Vec<u8> = (0..12_u32 << 20).map(|at| b'a' + (at >> 20) as u8).collect();
    t.configure("multipart_copy_chunk_size_mb = 5");
    t.s3cmd(&format!("cp --version-id {id} s3://BUCKET/k s3://BUCKET/copy")).ok();
    assert!(t.content("copy") == first, "the copy is of another version");
    t.s3cmd(&format!("get --version-id {id} s3://BUCKET/k got")).ok();
    assert!(t.read("got") == first);
    // The existing part is checked against the named version.
    t.file("begun", &first[..7 << 20]);
    t.s3cmd(&format!("get --continue --version-id {id} s3://BUCKET/k begun")).ok();
    assert!(t.read("begun") == first);
    t.file("other", &first[..7 << 20]);
    t.s3cmd("get --continue s3://BUCKET/k other").run();
    assert!(t.read("other") != first);
    let sum = t.s3cmd(&format!("md5sum --version-id {id} s3://BUCKET/k")).ok().stdout;
    let latest = t.s3cmd("md5sum s3://BUCKET/k").ok().stdout;
    assert_ne!(sum, latest);
}

#[test]
fn links_of_both_signature_versions_lead_to_the_named_version() {
    let world = World::of(&["one", "two"], false);
    let id = &world.ids[0];
    for options in ["", "--signature-v2"] {
        let line = format!("signurl {options} --version-id {id} s3://BUCKET/k +600");
        let link = String::from_utf8(world.t.s3cmd(&line).ok().raw).expect("a link");
        let answer = http::get(link.trim());
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"one"[..]), "{link}");
    }
}

/// A missing version is an error in every command, and the latest version is unchanged.
#[test]
fn a_missing_version_is_never_replaced_by_the_latest() {
    let world = World::of(&["one", "two"], true);
    let (t, latest) = (&world.t, &world.ids[1]);
    // Ids that look like those of the service.
    let none: String = latest.chars().rev().collect();
    for line in [
        "get s3://BUCKET/k got",
        "info s3://BUCKET/k",
        "cp s3://BUCKET/k s3://BUCKET/copy",
        "md5sum s3://BUCKET/k",
        "restore s3://BUCKET/k",
        "gettagging s3://BUCKET/k",
        "settagging s3://BUCKET/k a=b",
        "getacl s3://BUCKET/k",
        "setacl --acl-public s3://BUCKET/k",
        "setobjectlegalhold ON s3://BUCKET/k",
        "setobjectretention GOVERNANCE 2100-01-31T00:00:00Z s3://BUCKET/k",
    ] {
        let run = t.s3cmd(&format!("{line} --version-id {none}")).run();
        assert!(run.code != Some(0) && !run.stderr.is_empty() && run.stdout.is_empty(), "{run}");
    }
    t.s3cmd(&format!("del --version-id {none} s3://BUCKET/k")).run();
    assert_eq!(t.keys(), ["k"]);
    assert!(!t.exists("got"));
    assert_eq!(world.contents(), ["one", "two"]);
    assert!(world.with("acl", "AllUsers").is_empty() && world.with("tagging", "<Tag>").is_empty());
    assert_eq!(world.headers("x-amz-object-lock-mode"), [None, None]);
}

/// An empty variable in a script must not mean the latest version.
#[test]
fn an_empty_id_is_refused() {
    let world = World::of(&["one"], false);
    for empty in ["--version-id=", "--version-id ''", "--version-id ' '"] {
        let line = format!("del {empty} s3://BUCKET/k");
        world.t.s3cmd(&line).fails(64).explains("--version-id");
    }
    assert_eq!(world.contents(), ["one"]);
    assert_eq!(world.t.keys(), ["k"]);
}

#[test]
fn a_version_that_does_not_exist_is_named() {
    let t = TestEnv::with_bucket();
    t.s3cmd("setversioning s3://BUCKET enable").ok();
    t.object("k", "k");
    let wanted = "ERROR: Version 'wrong' of 's3://BUCKET/k' does not exist";
    for line in [
        "get --version-id=wrong s3://BUCKET/k f",
        "cp --version-id=wrong s3://BUCKET/k s3://BUCKET/k2",
        "info --version-id=wrong s3://BUCKET/k",
        "del --version-id=wrong s3://BUCKET/k",
        "md5sum --version-id=wrong s3://BUCKET/k",
        "restore --version-id=wrong s3://BUCKET/k",
        "gettagging --version-id=wrong s3://BUCKET/k",
        "settagging --version-id=wrong s3://BUCKET/k a=b",
        "deltagging --version-id=wrong s3://BUCKET/k",
        "getacl --version-id=wrong s3://BUCKET/k",
        "setacl --version-id=wrong --acl-private s3://BUCKET/k",
        "setobjectlegalhold --version-id=wrong ON s3://BUCKET/k",
        "getobjectlegalhold --version-id=wrong s3://BUCKET/k",
    ] {
        t.s3cmd(line).fails(12).prints("").complains(wanted);
    }
    t.s3cmd("get --version-id=wrong s3://BUCKET-none/k f").fails(12).explains("NoSuchBucket");
    assert_eq!(t.content("k"), b"k");
    t.s3cmd("del -r -f --all-versions s3://BUCKET").ok();
}
