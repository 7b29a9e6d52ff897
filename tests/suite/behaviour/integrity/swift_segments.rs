//! Objects that the Swift API stored in segments: how a store like Ceph presents them, and every command that reads
//! one.

use crate::support::bytes::bytes;
use crate::support::env::TestEnv;
use crate::support::hostile::{Answer, Hostile, Lie, Op, Request};
use crate::support::skip;
use std::process::Command;

const MIB: usize = 1 << 20;

/// Makes the server present `big` as Ceph (radosgw 16.2) presents a large object: listed as empty, with an ETag that
/// does not match its content, without `If-Match`, and with ranges counted from the beginning of a segment. A copy of
/// it is a manifest.
fn segment(server: &Hostile, header: &'static str, value: &'static str) {
    let as_ceph = move |_: &Request, answer: Answer| {
        let answer = answer.with("ETag", "\"73bc4d29ef41536d8b4f0f5d8f96b154\"").with(header, value);
        let range = answer.headers.iter().find(|(name, _)| name == "Content-Range").cloned();
        match range {
            Some((_, range)) => {
                let behind = range.split_once('-').expect("a range").1.to_owned();
                answer.with("Content-Range", &format!("bytes 0-{behind}"))
            }
            None => answer,
        }
    };
    server.lie(Lie::answer(Op::Head, as_ceph).of("big")).lie(Lie::answer(Op::Get, as_ceph).of("big"));
    server.lie(
        Lie::answer(Op::Get, |request, answer| match request.header("if-match") {
            Some(_) => Answer::error(412, "PreconditionFailed"),
            None => answer,
        })
        .of("big"),
    );
    server.lie(Lie::text(Op::ListObjects, |text| {
        let Some((before, entry)) = text.split_once("<Key>big</Key>") else { return text };
        let (entry, behind) = entry.split_once("</Contents>").expect("the end of the entry");
        let replace = |entry: &str, name: &str, value: &str| {
            let (before, rest) = entry.split_once(&format!("<{name}>")).expect("the element");
            let (_, behind) = rest.split_once(&format!("</{name}>")).expect("its end");
            format!("{before}<{name}>{value}</{name}>{behind}")
        };
        let entry = replace(entry, "Size", "0");
        let entry = replace(&entry, "ETag", "&quot;d41d8cd98f00b204e9800998ecf8427e&quot;");
        format!("{before}<Key>big</Key>{entry}</Contents>{behind}")
    }));
}

const KINDS: [(&str, &str, usize); 3] = [
    ("X-Object-Manifest", "segments/big/", MIB),
    ("X-Object-Meta-Static-Large-Object", "True", 33 * MIB),
    ("X-Static-Large-Object", "True", 300),
];

#[test]
fn downloads_of_segments_succeed_and_are_reported_as_unverified() {
    for (header, value, size) in KINDS {
        let server = Hostile::start();
        let right = bytes(size);
        server.object("b/big", &right).object("b/other", "other");
        segment(&server, header, value);
        let t = server.world();
        t.s3cmd("get s3://b/big f").ok();
        assert!(t.read("f") == right);
        assert_eq!(server.count(Op::Get), 1, "it is fetched once");
        assert!(t.s3cmd("get s3://b/big -").ok().raw == right);
        t.dir("d");
        t.s3cmd("sync s3://b/ d/").ok();
        assert!(t.read("d/big") == right);
        let again = t.s3cmd("sync s3://b/ d/").ok();
        again.silent_about("download:");
        t.dir("r");
        t.s3cmd("get -r s3://b/ r/").ok();
        assert!(t.read("r/big") == right);
        let run = t.s3cmd("get -v --force s3://b/big f").run();
        run.explains("is a Swift large object").explains("only its length was checked");
        t.s3cmd("get --force --delete-after-fetch s3://b/big f").fails(2);
        assert_eq!(server.deleted(), [""; 0]);
    }
}

#[test]
fn sums_of_segments_are_those_of_their_content() {
    let server = Hostile::start();
    server.object("b/big", "hello world\n");
    segment(&server, "X-Object-Manifest", "segments/big/");
    let t = server.world();
    let line = "6f5902ac237024bdd0c176cb93063dc4  s3://b/big";
    t.s3cmd("md5sum s3://b/big").ok().prints(line);
    t.s3cmd("-v md5sum s3://b/big").run().explains("Swift large object");
    t.file("list", format!("{line}\n"));
    t.s3cmd("md5sum --check list").ok();
    t.file("list", "73bc4d29ef41536d8b4f0f5d8f96b154  s3://b/big\n");
    t.s3cmd("md5sum --check list").fails(1);
}

#[test]
fn copies_of_segments_copy_their_content_and_keep_the_original() {
    for size in [5, 9 * MIB] {
        let server = Hostile::start();
        let right = bytes(size);
        server.object("b/big", &right).object("b/other", "other").bucket("to");
        segment(&server, "X-Object-Manifest", "segments/big/");
        let t = server.world();
        t.s3cmd("cp s3://b/big s3://to/one").ok();
        t.s3cmd("cp -r s3://b/ s3://to/all/").ok();
        t.s3cmd("sync s3://b/ s3://to/synced/").ok();
        t.s3cmd("sync s3://b/ s3://to/synced/").ok().silent_about("remote copy:");
        for key in ["to/one", "to/all/big", "to/synced/big"] {
            assert!(server.content(key).as_ref() == Some(&right), "{key}");
        }
        assert!(server.calls().iter().all(|call| call.op != Op::Copy || !call.request.key.contains("big")));
        t.s3cmd("mv s3://b/big s3://to/moved").fails(1).explains("was not deleted");
        for line in [
            "modify --add-header=x-amz-meta-a:b s3://b/big",
            "cp --add-header=x-amz-meta-a:b s3://b/big s3://b/big",
        ] {
            t.s3cmd(line).fails(1).explains("Swift large object");
        }
        assert!(server.content("b/big").as_ref() == Some(&right));
        assert_eq!(server.deleted(), [""; 0]);
    }
}

/// Runs curl with a token of Swift's API.
fn swift(base: &str, token: &str, arguments: &[&str], path: &str) {
    let status = Command::new("curl")
        .args(["-sf", "-o", "/dev/null", "-H"])
        .arg(format!("X-Auth-Token: {token}"))
        .args(arguments)
        .arg(format!("{base}/swift/v1/{path}"))
        .status()
        .expect("curl runs");
    assert!(status.success(), "{arguments:?} {path}");
}

/// The token of the main user on a Ceph that `radosgw-admin` reaches, by the configuration that `CEPH_CONF` names.
fn swift_token(t: &TestEnv, base: &str) -> Option<String> {
    let admin = |arguments: &str| {
        let output = Command::new("radosgw-admin").args(arguments.split(' ')).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let info = admin(&format!("user info --access-key={}", t.service.main.access))?;
    let user: serde_json::Value = serde_json::from_str(&info).ok()?;
    let id = user["user_id"].as_str()?;
    // A new subuser comes with a key; an existing one keeps its own.
    let _ = admin(&format!("subuser create --uid={id} --subuser={id}:swift --access=full"));
    let made = admin(&format!("user info --uid={id}"))?;
    let user: serde_json::Value = serde_json::from_str(&made).ok()?;
    let key = user["swift_keys"][0]["secret_key"].as_str()?;
    let output = Command::new("curl")
        .args(["-si", &format!("{base}/auth/v1.0"), "-H", &format!("X-Auth-User: {id}:swift")])
        .args(["-H", &format!("X-Auth-Key: {key}")])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| Some(line.strip_prefix("X-Auth-Token: ")?.trim().to_owned()))
}

#[test]
fn segments_of_a_real_swift_lose_nothing() {
    let mut t = TestEnv::with_bucket();
    let base = format!("http://{}", t.service.host);
    if !t.service.external {
        return skip::another_run("Swift's large objects: only on Ceph");
    }
    if std::env::var_os("CEPH_CONF").is_none() {
        return skip::unset("CEPH_CONF");
    }
    let Some(token) = swift_token(&t, &base) else {
        return skip::missing("a user of Ceph's Swift API, which radosgw-admin and curl make");
    };
    t.new_bucket("BUCKET2");
    let (bucket, segments) = (t.fill("BUCKET"), t.fill("BUCKET2"));
    let right = bytes(3 * MIB);
    let cut = 2 * MIB;
    t.file("a", &right[..cut]);
    t.file("b", &right[cut..]);
    for name in ["a", "b"] {
        let file = format!("@{}", t.path(name).display());
        swift(&base, &token, &["-X", "PUT", "--data-binary", &file], &format!("{segments}/big/{name}"));
    }
    let manifest = format!("X-Object-Manifest: {segments}/big/");
    swift(
        &base,
        &token,
        &["-X", "PUT", "-H", &manifest, "-H", "Content-Length: 0"],
        &format!("{bucket}/dlo"),
    );
    let parts: Vec<String> = [("a", cut), ("b", right.len() - cut)]
        .map(|(name, size)| format!("{{\"path\":\"{segments}/big/{name}\",\"size_bytes\":{size}}}"))
        .into();
    let list = format!("[{}]", parts.join(","));
    swift(
        &base,
        &token,
        &["-X", "PUT", "--data-binary", &list],
        &format!("{bucket}/slo?multipart-manifest=put"),
    );
    t.dir("d");
    t.s3cmd("sync s3://BUCKET/ d/").ok();
    t.s3cmd("sync s3://BUCKET/ d/").ok().silent_about("download:");
    let sum = t.s3cmd("md5sum s3://BUCKET/dlo").ok().stdout[..32].to_owned();
    for key in ["dlo", "slo"] {
        assert!(t.read(format!("d/{key}")) == right, "{key}");
        t.s3cmd(&format!("get --force s3://BUCKET/{key} f")).ok();
        assert!(t.read("f") == right, "{key}");
        t.s3cmd(&format!("md5sum s3://BUCKET/{key}")).ok().mentions(&sum);
        t.s3cmd(&format!("modify --add-header=x-amz-meta-a:b s3://BUCKET/{key}")).fails(1);
        t.s3cmd(&format!("mv s3://BUCKET/{key} s3://BUCKET2/moved/{key}")).fails(1);
        t.s3cmd(&format!("cp s3://BUCKET/{key} s3://BUCKET2/copied/{key}")).ok();
    }
    t.s3cmd("cp -r s3://BUCKET/ s3://BUCKET2/all/").ok();
    t.s3cmd("sync s3://BUCKET/ s3://BUCKET2/synced/").ok();
    t.s3cmd("sync s3://BUCKET/ s3://BUCKET2/synced/").ok().silent_about("remote copy:");
    // The segments are deleted, and the copies do not need them.
    t.s3cmd("del -r --force s3://BUCKET2/big/").run();
    t.s3cmd("get -r s3://BUCKET2/ d/").ok();
    for place in ["copied", "all", "synced", "moved"] {
        for key in ["dlo", "slo"] {
            assert!(t.read(format!("d/{place}/{key}")) == right, "{place}/{key}");
        }
    }
}
