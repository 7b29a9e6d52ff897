//! Limits and errors of `rclone serve s3` (1.75.2, tried in November 2026) that `serve` does not have.
//!
//! The first group is documented by rclone: metadata in memory and lost by a restart, 14 operations, any delimiter
//! taken for `/`, keys refused, SigV4 only, parts in order. The second was measured: sub-resources that act on the
//! object.

use crate::support::env::{PROGRAM, TestEnv};
use crate::support::http::{get, signed};
use crate::support::service::{Serve, Service};
use crate::support::skip::on_serve;
use s3cmd_client::credentials::Credentials;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A `serve` that can be killed, and started again on the same directory.
struct Killable {
    service: Service,
    child: Child,
}

impl Killable {
    fn start(data: &Path) -> Self {
        let [main, alt] = crate::support::service::users();
        let key = format!("{},{}", main.access, main.secret);
        let mut child = Command::new(PROGRAM)
            .arg("serve")
            .arg(data)
            .args(["--address", "127.0.0.1:0", "--auth-key", &key])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("serve starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is a pipe")).lines();
        let port =
            lines.by_ref().map_while(Result::ok).find_map(|line| crate::support::service::port_in(&line));
        std::thread::spawn(move || lines.for_each(drop));
        let host = format!("localhost:{}", port.expect("serve says where it listens"));
        Self { service: Service { host, main, alt, external: false, day: None }, child }
    }

    /// Kills it as `kill -9` does.
    fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Its peak memory in KiB.
    fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A world with a bucket on `serve`. Skips the test if the environment names another service.
fn world_on_serve() -> Option<TestEnv> {
    on_serve("what `rclone serve s3` lacks").then(TestEnv::with_bucket)
}

#[test]
fn types_metadata_tags_and_times_survive_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let first = Killable::start(data.path());
    let t = TestEnv::on(&first.service);
    t.file("file", "content");
    t.s3cmd("mb s3://kept").ok();
    // Nearly the 2 KB that S3 allows.
    let long = "x".repeat(900);
    let line = format!(
        "put -p --mime-type=text/x-odd --add-header=x-amz-meta-a:{long} --add-header=x-amz-meta-b:{long} \
         --add-header=x-amz-tagging:t=1 --storage-class=STANDARD_IA file s3://kept/file"
    );
    t.s3cmd(&line).ok();
    first.kill();
    let second = Killable::start(data.path());
    let t = TestEnv::on(&second.service);
    let info = t
        .s3cmd("info s3://kept/file")
        .ok()
        .mentions("MIME type: text/x-odd")
        .mentions("Storage:   STANDARD_IA");
    info.mentions(&format!("x-amz-meta-a: {long}")).mentions(&format!("x-amz-meta-b: {long}"));
    t.s3cmd("gettagging s3://kept/file").ok().mentions("\tt:\t1");
    t.s3cmd("sync s3://kept/ down/").ok();
    let time = |path| {
        filetime::FileTime::from_last_modification_time(&std::fs::metadata(path).unwrap()).unix_seconds()
    };
    assert_eq!(time(t.path("down/file")), crate::support::env::FILE_TIME);
}

#[test]
fn metadata_is_not_in_memory() {
    let data = tempfile::tempdir().unwrap();
    let server = Killable::start(data.path());
    assert_eq!(signed(&server.service, "PUT", "/many", &[], b"").status, 200);
    let long = "x".repeat(1900);
    for number in 0..300 {
        let answer =
            signed(&server.service, "PUT", &format!("/many/{number}"), &[("x-amz-meta-m", &long)], b"");
        assert_eq!(answer.status, 200);
    }
    // Each object has a metadata file of its own on the disk.
    let sidecars = data.path().join("many/.s3cmd-serve/meta");
    assert_eq!(std::fs::read_dir(sidecars).unwrap().count(), 300);
    let head = signed(&server.service, "HEAD", "/many/7", &[], b"");
    assert_eq!(head.header("x-amz-meta-m"), Some(&*long));
}

#[test]
fn temporary_files_of_a_killed_server_are_removed() {
    let data = tempfile::tempdir().unwrap();
    let first = Killable::start(data.path());
    assert_eq!(signed(&first.service, "PUT", "/killed", &[], b"").status, 200);
    assert_eq!(signed(&first.service, "PUT", "/killed/whole", &[], b"whole").status, 200);
    let temporaries = data.path().join("killed/.s3cmd-serve/tmp");
    let stream = half_sent(&first.service, "/killed/half");
    while std::fs::read_dir(&temporaries).map_or(0, Iterator::count) == 0 {
        std::thread::yield_now();
    }
    first.kill();
    drop(stream);
    assert!(std::fs::read_dir(&temporaries).unwrap().count() > 0, "nothing was half-written");
    let second = Killable::start(data.path());
    assert_eq!(std::fs::read_dir(&temporaries).map_or(0, Iterator::count), 0);
    assert_eq!(signed(&second.service, "HEAD", "/killed/half", &[], b"").status, 404);
    assert_eq!(signed(&second.service, "GET", "/killed/whole", &[], b"").body, b"whole");
}

/// Sends the beginning of a large object, and returns the connection.
fn half_sent(service: &Service, target: &str) -> TcpStream {
    use s3cmd_client::sign;
    let mut headers = vec![("host".to_owned(), service.host.clone())];
    let request = sign::Request { method: "PUT", path: target, query: &[], headers: &headers };
    let scope = sign::v4::Scope { time: chrono::Utc::now(), region: "us-east-1", service: "s3" };
    let credentials = Credentials::new(service.main.access.clone(), service.main.secret.clone(), None);
    headers.extend(sign::v4::sign(&request, sign::v4::UNSIGNED_PAYLOAD, &credentials, &scope));
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let port = service.host.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the service answers");
    write!(stream, "PUT {target} HTTP/1.1\r\ncontent-length: 10000000\r\n{lines}\r\n").expect("it listens");
    stream.write_all(&[5; 2_000_000]).expect("it listens");
    stream
}

/// rclone keeps parts that arrive out of order in memory, up to 256 MiB per upload.
#[test]
fn parts_come_in_any_order_and_not_into_memory() {
    let data = tempfile::tempdir().unwrap();
    let server = Killable::start(data.path());
    let service = &server.service;
    assert_eq!(signed(service, "PUT", "/parts", &[], b"").status, 200);
    let id = signed(service, "POST", "/parts/big?uploads", &[], b"").element("UploadId");
    let mut listed = String::new();
    let parts: Vec<Vec<u8>> = (0..6u8).map(|number| vec![number; 16 << 20]).collect();
    std::thread::scope(|scope| {
        let sent: Vec<_> = (0..6)
            .rev()
            .map(|number| {
                let (target, body) =
                    (format!("/parts/big?partNumber={}&uploadId={id}", number + 1), &parts[number]);
                scope.spawn(move || (number, signed(service, "PUT", &target, &[], body)))
            })
            .collect();
        let mut etags: Vec<(usize, String)> = Vec::new();
        for part in sent {
            let (number, answer) = part.join().unwrap();
            assert_eq!(answer.status, 200);
            etags.push((number, answer.header("etag").unwrap().to_owned()));
        }
        etags.sort();
        for (number, etag) in etags {
            listed += &format!("<Part><PartNumber>{}</PartNumber><ETag>{etag}</ETag></Part>", number + 1);
        }
    });
    let document = format!("<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>");
    let done = signed(service, "POST", &format!("/parts/big?uploadId={id}"), &[], document.as_bytes());
    // The ETag of a multipart upload ends with the number of parts.
    assert!(done.element("ETag").contains("-6"), "{done:?}");
    let stored = std::fs::read(data.path().join("parts/big")).unwrap();
    assert!(stored == parts.concat());
    let peak = server.peak_memory();
    assert!(peak < 64 << 10, "{peak} KiB");
}

#[test]
fn copies_moves_modifications_and_copies_in_parts_work() {
    let t = TestEnv::with_bucket();
    t.object("k", "content");
    t.s3cmd("cp s3://BUCKET/k s3://BUCKET/copied").ok();
    t.s3cmd("mv s3://BUCKET/copied s3://BUCKET/moved").ok();
    t.s3cmd("modify --add-header=x-amz-meta-a:b s3://BUCKET/moved").ok();
    assert_eq!(t.content("moved"), b"content");
    t.s3cmd("info s3://BUCKET/moved").ok().mentions("x-amz-meta-a: b");
    t.file("big", [vec![1; 6 << 20], vec![2; 100]].concat());
    t.s3cmd("put --disable-multipart big s3://BUCKET/big").ok();
    t.configure("multipart_copy_chunk_size_mb = 5");
    t.s3cmd("cp s3://BUCKET/big s3://BUCKET/copied").ok();
    t.s3cmd("ls -l s3://BUCKET/copied").ok().mentions("-2");
    assert!(t.content("copied") == t.read("big"));
    t.s3cmd("sync s3://BUCKET/ s3://BUCKET/below/").ok();
    assert!(t.keys().contains(&"below/k".to_owned()));
}

#[test]
fn info_shows_an_object() {
    let t = TestEnv::with_bucket();
    t.object("k", "content");
    t.s3cmd("info s3://BUCKET/k").ok().mentions("File size: 7").mentions("ACL:").mentions("FULL_CONTROL");
}

#[test]
fn settagging_legal_holds_and_retention_keep_the_object() {
    let Some(t) = world_on_serve() else { return };
    t.object("k", "content");
    t.s3cmd("settagging s3://BUCKET/k a=b").ok();
    assert_eq!(t.content("k"), b"content");
    t.s3cmd("gettagging s3://BUCKET/k").ok().mentions("\ta:\tb");
    t.s3cmd("mb --add-header=x-amz-bucket-object-lock-enabled:true s3://BUCKET-lock").ok();
    t.file("file", "locked");
    t.s3cmd("put file s3://BUCKET-lock/k").ok();
    t.s3cmd("setobjectlegalhold ON s3://BUCKET-lock/k").ok();
    t.s3cmd("setobjectlegalhold OFF s3://BUCKET-lock/k").ok();
    t.s3cmd("setobjectretention GOVERNANCE 2030-01-01T00:00:00Z s3://BUCKET-lock/k").ok();
    assert_eq!(t.s3cmd("get s3://BUCKET-lock/k -").ok().raw, b"locked");
}

#[test]
fn delpolicy_deletes_no_bucket_and_documents_are_documents() {
    let Some(t) = world_on_serve() else { return };
    for command in ["delpolicy", "delcors", "dellifecycle", "deltagging", "ws-delete"] {
        t.s3cmd(&format!("{command} s3://BUCKET")).run();
        t.s3cmd("info s3://BUCKET").ok();
    }
    t.file(
        "policy",
        t.fill(r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:DeleteBucket","Resource":"arn:aws:s3:::BUCKET"}]}"#),
    );
    t.s3cmd("setpolicy policy s3://BUCKET").ok().mentions("Policy updated");
    t.s3cmd("getpolicy s3://BUCKET").ok().mentions("s3:DeleteBucket");
    t.s3cmd("delpolicy s3://BUCKET").ok().mentions("Policy deleted");
    t.file(
        "rules",
        "<LifecycleConfiguration><Rule><ID>r</ID><Prefix>x</Prefix><Status>Enabled</Status><Expiration><Days>7</Days></Expiration></Rule></LifecycleConfiguration>",
    );
    t.s3cmd("setlifecycle rules s3://BUCKET").ok();
    t.s3cmd("getlifecycle s3://BUCKET").ok().mentions("<Days>7</Days>");
    t.file(
        "cors",
        "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>",
    );
    t.s3cmd("setcors cors s3://BUCKET").ok();
    t.s3cmd("ws-create s3://BUCKET").ok();
    t.s3cmd("payer s3://BUCKET").ok();
    t.s3cmd("info s3://BUCKET").ok().mentions("<AllowedMethod>GET</AllowedMethod>");
}

#[test]
fn unknown_operations_are_refused_and_change_nothing() {
    let Some(t) = world_on_serve() else { return };
    t.object("k", "content");
    for (method, target) in [
        ("PUT", "/BUCKET/k?encryption"),
        ("PUT", "/BUCKET/k?torrent"),
        ("DELETE", "/BUCKET/k?inventory"),
        ("GET", "/BUCKET/k?select&select-type=2"),
        ("DELETE", "/BUCKET?inventory"),
        ("PUT", "/BUCKET?accelerate"),
        ("GET", "/BUCKET?metrics"),
        ("HEAD", "/BUCKET/k?acl"),
    ] {
        let answer = signed(&t.service, method, &t.fill(target), &[], b"<x/>");
        assert_eq!(answer.status, 501, "{method} {target}");
    }
    assert_eq!((t.keys(), t.content("k")), (vec!["k".to_owned()], b"content".to_vec()));
}

#[test]
fn v2_signatures_and_links_are_accepted() {
    let t = TestEnv::with_bucket();
    t.configure("signature_v2 = True");
    t.object("k", "content");
    let link = String::from_utf8(t.s3cmd("signurl s3://BUCKET/k +60").ok().raw).unwrap();
    assert!(link.contains("AWSAccessKeyId="));
    assert_eq!(get(link.trim()).body, b"content");
}

#[test]
fn versions_are_kept() {
    let Some(t) = world_on_serve() else { return };
    t.s3cmd("setversioning s3://BUCKET enable").ok();
    t.object("k", "old");
    t.object("k", "new");
    t.s3cmd("del s3://BUCKET/k").ok();
    assert!(t.keys().is_empty());
    let listed =
        String::from_utf8(signed(&t.service, "GET", &t.fill("/BUCKET?versions"), &[], b"").body).unwrap();
    assert_eq!((listed.matches("<Version>").count(), listed.matches("<DeleteMarker>").count()), (2, 1));
    let (_, oldest) = listed.rsplit_once("<VersionId>").unwrap();
    let target = t.fill(&format!("/BUCKET/k?versionId={}", oldest.split_once('<').unwrap().0));
    assert_eq!(signed(&t.service, "GET", &target, &[], b"").body, b"old");
}

#[test]
fn acls_are_kept_and_enforced() {
    let t = TestEnv::with_bucket();
    t.object("k", "content");
    t.alt("get s3://BUCKET/k -").fails(77);
    t.s3cmd("setacl --acl-public s3://BUCKET/k").ok();
    t.alt("get s3://BUCKET/k -").ok();
    assert_eq!(get(&t.fill("http://ENDPOINT/BUCKET/k")).body, b"content");
    t.s3cmd("setacl --acl-private s3://BUCKET/k").ok();
    assert_eq!(get(&t.fill("http://ENDPOINT/BUCKET/k")).status, 403);
}

#[test]
fn any_key_can_be_stored() {
    let Some(t) = world_on_serve() else { return };
    let long = "n".repeat(300);
    let keys = [
        ".",
        "..",
        "x/../y",
        "./x",
        "a//b",
        "/lead",
        "trail/",
        "//",
        "fd",
        "fd/child",
        "fd/child/deeper",
        &*long,
        "ä+%.txt",
    ];
    for key in keys {
        let target = t.fill(&format!("/BUCKET/{}", s3cmd_client::sign::encode::path(key)));
        assert_eq!(signed(&t.service, "PUT", &target, &[], key.as_bytes()).status, 200, "{key}");
    }
    for key in keys {
        let target = t.fill(&format!("/BUCKET/{}", s3cmd_client::sign::encode::path(key)));
        assert_eq!(signed(&t.service, "GET", &target, &[], b"").body, key.as_bytes(), "{key}");
    }
    let mut sorted = keys.map(str::to_owned).to_vec();
    sorted.sort();
    assert_eq!(t.keys(), sorted);
}

#[test]
fn any_delimiter_works_and_empty_folders_stay() {
    let Some(t) = world_on_serve() else { return };
    t.object("a-b-c", "1");
    t.object("a-d", "2");
    let page = signed(&t.service, "GET", &t.fill("/BUCKET?delimiter=-"), &[], b"");
    assert_eq!((page.element("Prefix"), page.element("Key")), (String::new(), String::new()));
    assert!(String::from_utf8_lossy(&page.body).contains("<Prefix>a-</Prefix>"));
    assert_eq!(signed(&t.service, "PUT", &t.fill("/BUCKET/folder/"), &[], b"").status, 200);
    t.s3cmd("del s3://BUCKET/a-d").ok();
    assert_eq!(t.keys(), ["a-b-c", "folder/"]);
    t.dir("down");
    t.s3cmd("get -r s3://BUCKET/ down/").ok();
    assert!(t.path("down/folder").is_dir());
}

/// The cost of a page depends on the page: the directory is read, not the objects.
#[test]
fn pages_of_a_large_existing_tree_are_listed() {
    let serve = Serve::start();
    let bucket = serve.data().join("large");
    std::fs::create_dir(&bucket).unwrap();
    for number in 0..2500 {
        std::fs::write(bucket.join(format!("{number:05}")), "x").unwrap();
    }
    let (mut keys, mut token) = (0, String::new());
    loop {
        let target = format!("/large?list-type=2{token}");
        let page = signed(&serve.service, "GET", &target, &[], b"");
        keys += String::from_utf8_lossy(&page.body).matches("<Key>").count();
        assert_eq!(page.status, 200);
        if page.element("IsTruncated") != "true" {
            break;
        }
        token = format!("&continuation-token={}", page.element("NextContinuationToken"));
    }
    assert_eq!(keys, 2500);
}

#[test]
fn storage_classes_are_kept() {
    let Some(t) = world_on_serve() else { return };
    t.file("file", "x");
    t.s3cmd("put --storage-class=STANDARD_IA file s3://BUCKET/k").ok();
    t.s3cmd("ls -l s3://BUCKET/k").ok().mentions("STANDARD_IA");
}

#[test]
fn unfinished_uploads_are_listed_and_aborted() {
    let t = TestEnv::with_bucket();
    let id = signed(&t.service, "POST", &t.fill("/BUCKET/open?uploads"), &[], b"").element("UploadId");
    t.s3cmd("multipart s3://BUCKET").ok().mentions(&id);
    t.s3cmd(&format!("abortmp s3://BUCKET/open {id}")).ok();
    t.s3cmd("multipart s3://BUCKET").ok().silent_about(&id);
}
