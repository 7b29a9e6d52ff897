//! Reported issues about parallel requests, names, addresses, credentials, links, grants and usage errors.

use crate::support::env::TestEnv;
use crate::support::http;
use crate::support::stub::{LOCALHOST, listen, pointing_at, request, tls_service};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A proxy that delays every request with `mark` in its head until there are two of them, and breaks the connection of
/// one that stays alone. It records the first line of every request.
#[derive(Debug, Default)]
struct PairingProxy {
    mark: String,
    seen: Mutex<(usize, Vec<String>)>,
    came: Condvar,
}

impl PairingProxy {
    /// A world whose requests go through such a proxy. Without a mark it delays none.
    fn world(mark: &str) -> (TestEnv, Arc<Self>) {
        let t = TestEnv::with_bucket();
        let proxy = Arc::new(Self { mark: mark.to_owned(), ..Self::default() });
        let (upstream, shared) = (t.service.host.clone(), proxy.clone());
        let port = listen(move |client| {
            let Ok(server) = TcpStream::connect(&upstream) else { return };
            for (is_client, from, to) in [(true, &client, &server), (false, &server, &client)] {
                let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
                let proxy = shared.clone();
                std::thread::spawn(move || proxy.pass(from, to, is_client));
            }
        });
        let host = format!("localhost:{port}");
        t.write_config(".s3cfg", &t.config_of(&t.service.main, &host).replace(&t.service.host, &host));
        t.configure("max_retries = 0");
        (t, proxy)
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, is_client: bool) {
        let mut block = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut block) {
            if is_client && !self.admits(&String::from_utf8_lossy(&block[..count])) {
                break;
            }
            if to.write_all(&block[..count]).is_err() {
                break;
            }
        }
        // The other direction ends with this one, or has ended already.
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    /// A client waits for the response before its next request, so a head is at the beginning of a block.
    fn admits(&self, block: &str) -> bool {
        let first = block.lines().next().unwrap_or_default();
        if !first.ends_with(" HTTP/1.1") {
            return true;
        }
        let mut seen = self.seen.lock().expect("no panic");
        seen.1.push(first.to_owned());
        if self.mark.is_empty() || !first.contains(&self.mark) {
            return true;
        }
        seen.0 += 1;
        self.came.notify_all();
        let patience = Duration::from_secs(30);
        let (seen, _) = self.came.wait_timeout_while(seen, patience, |seen| seen.0 < 2).expect("no panic");
        seen.0 >= 2
    }

    /// How many requests had all of these words in their first line.
    fn count(&self, words: &[&str]) -> usize {
        let seen = self.seen.lock().expect("no panic");
        seen.1.iter().filter(|line| words.iter().all(|word| line.contains(word))).count()
    }
}

#[test]
fn issue_2_files_move_side_by_side() {
    let (t, proxy) = PairingProxy::world("PUT /");
    t.file("d/a", "a");
    t.file("d/b", "b");
    t.s3cmd("put -r d s3://BUCKET").ok().mentions("[1 of 2]").mentions("[2 of 2]");
    assert_eq!(proxy.count(&["PUT /"]), 2);
    assert_eq!(t.keys(), ["d/a", "d/b"]);
}

#[test]
fn issue_356_parts_of_a_file_move_side_by_side() {
    let (t, proxy) = PairingProxy::world("partNumber=");
    t.file("f", vec![b'x'; 11 << 20]);
    t.s3cmd("put --multipart-chunk-size-mb=5 f s3://BUCKET").ok();
    assert_eq!(proxy.count(&["PUT ", "partNumber="]), 3);
    assert_eq!(t.content("f").len(), 11 << 20);
}

#[test]
fn issue_1025_grants_of_many_objects_are_set_side_by_side() {
    let (t, proxy) = PairingProxy::world("?acl");
    for key in ["a", "b"] {
        t.object(key, key);
    }
    t.s3cmd("setacl -r --acl-public s3://BUCKET").ok().mentions("[2 of 2]");
    assert!(proxy.count(&["?acl"]) >= 2);
    t.s3cmd("info s3://BUCKET/b").ok().mentions("*anon*: READ");
}

#[test]
fn issue_882_a_sync_sends_no_head_for_what_its_listing_contains() {
    let (t, proxy) = PairingProxy::world("");
    for name in ["a", "b", "c"] {
        t.file(format!("d/{name}"), name);
    }
    t.s3cmd("sync d/ s3://BUCKET/").ok();
    t.s3cmd("sync d/ s3://BUCKET/").ok().prints("");
    assert_eq!((proxy.count(&["HEAD "]), proxy.count(&["PUT "])), (0, 3));
}

#[test]
fn issue_206_a_long_listing_needs_little_memory() {
    const PAGES: usize = 120;
    const KEYS: usize = 1000;
    let pid = Arc::new(Mutex::new(None::<u32>));
    let peak = Arc::new(Mutex::new(String::new()));
    let (child, high) = (pid.clone(), peak.clone());
    let page = Mutex::new(0);
    let port = listen(move |mut stream| {
        request(&mut stream);
        let mut page = page.lock().expect("no panic");
        *page += 1;
        let last = *page == PAGES;
        if let Some(pid) = child.lock().expect("no panic").filter(|_| last) {
            *high.lock().expect("no panic") =
                std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        }
        let mut keys = String::new();
        for key in 0..KEYS {
            keys += &format!(
                "<Contents><Key>{page:03}/{key:03}/{}</Key><LastModified>2024-01-02T03:04:05.000Z</LastModified>\
                 <ETag>\"d41d8cd98f00b204e9800998ecf8427e\"</ETag><Size>1</Size></Contents>",
                "long".repeat(100)
            );
        }
        let body = format!(
            "<ListBucketResult><IsTruncated>{}</IsTruncated><NextContinuationToken>t</NextContinuationToken>\
             <NextMarker>{page:03}/999</NextMarker>{keys}</ListBucketResult>",
            !last
        );
        // The client may close the connection.
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
    });
    let t = pointing_at(port, "use_https = False");
    let mut command = t.s3cmd("--jobs=1 ls -r s3://b").command();
    // The service is not asked before the process id is known here.
    let mut slot = pid.lock().expect("no panic");
    let child = command.stdin(std::process::Stdio::null()).spawn().expect("the program starts");
    *slot = Some(child.id());
    drop(slot);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), PAGES * KEYS);
    let peak = peak.lock().expect("no panic");
    let kib: Option<usize> =
        peak.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    // The keys alone are 49 MB.
    assert!(kib.is_some_and(|kib| kib < 40_000), "{kib:?} KiB");
}

#[test]
fn issue_1190_a_failure_among_others_shows_in_the_exit_code() {
    let t = TestEnv::with_bucket();
    for name in ["p", "q"] {
        t.object(name, name);
    }
    t.dir("o");
    // A directory is in the way of a file.
    t.dir("o/p");
    t.file("o/p/x", "x");
    t.s3cmd("sync s3://BUCKET/ o/").fails(2);
    assert_eq!(t.text("o/q"), "q");
}

#[test]
fn issue_1382_keys_that_could_not_be_deleted_are_reported() {
    let port = listen(|mut stream| {
        let head = request(&mut stream).to_lowercase();
        let length =
            head.split_once("content-length:").and_then(|(_, rest)| rest.lines().next()?.trim().parse().ok());
        // The request does not matter.
        let _ = stream.read_exact(&mut vec![0; length.unwrap_or(0)]);
        let body = if head.starts_with("get") {
            "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k/a</Key><Size>1</Size></Contents>\
             <Contents><Key>k/b</Key><Size>1</Size></Contents></ListBucketResult>"
        } else {
            "<DeleteResult><Deleted><Key>k/a</Key></Deleted><Error><Key>k/b</Key><Code>AccessDenied</Code>\
             <Message>no</Message></Error></DeleteResult>"
        };
        // The client may close the connection.
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
    });
    let t = pointing_at(port, "use_https = False");
    let run = t.s3cmd("del -r s3://b/k/").fails(2).explains("k/b").explains("AccessDenied");
    run.mentions("delete: 's3://b/k/a'").silent_about("k/b");
}

#[test]
fn pain_20_del_deletes_below_every_argument() {
    let t = TestEnv::with_bucket();
    for key in ["a/1", "b/1", "c/1", "d/1"] {
        t.object(key, key);
    }
    t.s3cmd("del -r s3://BUCKET/a/ s3://BUCKET/b/ s3://BUCKET/c/").ok();
    assert_eq!(t.keys(), ["d/1"]);
}

#[test]
fn issue_513_names_that_are_not_utf8_are_reported() {
    use std::os::unix::ffi::OsStrExt;
    let t = TestEnv::with_bucket();
    t.file("d/a", "a");
    t.file(std::path::Path::new("d").join(std::ffi::OsStr::from_bytes(b"b\xff")), "b");
    t.s3cmd("sync d/ s3://BUCKET").fails(2).explains("WARNING: ");
    assert_eq!(t.keys(), ["a"]);
}

#[test]
fn issue_150_names_beyond_ascii_need_no_locale() {
    let t = TestEnv::with_bucket();
    t.file("d/ÅÄÖ 日本 😀", "x");
    for line in ["sync d/ s3://BUCKET/p/", "cp -r s3://BUCKET/p/ s3://BUCKET/q/", "get -r s3://BUCKET/q/ o/"]
    {
        t.dir("o");
        t.s3cmd(line).env("LC_ALL", "C").env("LANG", "C").ok();
    }
    assert_eq!(t.files("o"), ["ÅÄÖ 日本 😀"]);
    t.s3cmd("ls s3://BUCKET/p/").env("LC_ALL", "C").ok().mentions("s3://BUCKET/p/ÅÄÖ 日本 😀");
}

#[test]
fn pain_24_control_characters_in_keys_are_listed() {
    let t = TestEnv::with_bucket();
    let uri = t.normaliser.fill("s3://BUCKET/a\x01b\x1f");
    t.file("f", "x");
    t.s3cmd("put --verbatim f").arg(&uri).ok();
    t.s3cmd("ls s3://BUCKET").ok().mentions("s3://BUCKET/a\x01b\x1f\n");
    t.s3cmd("del -r --force s3://BUCKET").ok();
    assert!(t.keys().is_empty());
}

#[test]
fn issue_829_names_with_signs_are_signed_right() {
    let t = TestEnv::with_bucket();
    let key = "a+b (c)!*'~=&$@,;:?#%41/ü";
    let uri = t.normaliser.fill("s3://BUCKET/") + key;
    for line in ["", "signature_v2 = True"] {
        t.configure(line);
        t.s3cmd("put -").arg(&uri).stdin(line).ok();
        assert_eq!(t.content(key), line.as_bytes());
        assert_eq!(t.keys(), [key]);
        t.s3cmd("del").arg(&uri).ok();
    }
}

#[test]
fn issue_765_links_are_signed_with_version_4() {
    let t = TestEnv::with_bucket();
    t.object("k", "content");
    let run = t.s3cmd("signurl s3://BUCKET/k +600").ok().mentions("X-Amz-Algorithm=AWS4-HMAC-SHA256");
    let url = String::from_utf8_lossy(&run.raw).trim_end().to_owned();
    assert_eq!(http::get(&url).body, b"content");
}

#[test]
fn issue_666_links_have_the_scheme_of_the_service() {
    let t = TestEnv::new();
    t.s3cmd("signurl s3://bucket/k +60").ok().mentions("http://ENDPOINT/bucket/k?");
    t.configure("use_https = True");
    t.s3cmd("signurl s3://bucket/k +60").ok().mentions("https://ENDPOINT/bucket/k?");
}

#[test]
fn issue_2532_of_aws_cli_links_carry_the_token_of_temporary_keys() {
    let t = TestEnv::new();
    t.s3cmd("signurl --access_token=TOKEN s3://bucket/k +60").ok().mentions("X-Amz-Security-Token=TOKEN");
}

#[test]
fn pain_29_links_take_hours_days_and_dates() {
    let t = TestEnv::new();
    let v2 = |expiry: &str| t.s3cmd(&format!("signurl --signature-v2 s3://bucket/k {expiry}"));
    v2("2030-01-01").ok().mentions("Expires=1893456000&");
    let expires = |expiry: &str| -> i64 {
        let run = v2(expiry).ok();
        let (_, rest) = run.stdout.split_once("Expires=").expect("an expiry");
        rest.split('&').next().and_then(|text| text.parse().ok()).expect("a number")
    };
    assert!((expires("+7d") - expires("+168h")).abs() < 60);
    v2("tomorrow").fails(64);
}

#[test]
fn issue_748_names_that_are_no_host_names_go_into_the_path() {
    let t = TestEnv::new();
    let host = |bucket: &str| t.vhost(&format!("signurl s3://{bucket}/k +60")).ok();
    host("bucket").mentions("http://bucket.ENDPOINT/k?");
    host("Bucket_1").mentions("http://ENDPOINT/Bucket_1/k?");
    t.configure("host_base = name.invalid\nhost_bucket = name.invalid\nmax_retries = 0");
    t.s3cmd("ls").fails(74).explains("host_base");
}

#[test]
fn issue_437_buckets_with_dots_pass_strict_certificates() {
    let port = tls_service(LOCALHOST);
    let t = pointing_at(port, &format!("host_bucket = %(bucket)s.localhost:{port}\nca_certs_file = ca.pem"));
    t.file("ca.pem", LOCALHOST.0);
    // The certificate is for `localhost` only.
    t.s3cmd("ls s3://bucket").fails(77).explains("certificate");
    let run = t.s3cmd("ls s3://bucket.with.dots").run();
    assert_ne!(run.code, Some(77), "{run}");
    assert!(!run.stderr.contains("certificate"), "{run}");
}

#[test]
fn issue_1343_no_python_is_needed() {
    let t = TestEnv::with_bucket();
    t.object("k", "k");
    t.s3cmd("ls s3://BUCKET").env("PATH", "/nowhere").env("PYTHONPATH", "/nowhere").ok().mentions("BUCKET/k");
}

#[test]
fn issue_1345_profiles_of_the_aws_tools_give_keys() {
    let t = TestEnv::with_bucket();
    let user = t.service.main.clone();
    std::fs::create_dir(t.home(".aws")).unwrap();
    t.write_config(
        ".aws/config",
        &format!(
            "[profile sso]\ncredential_process = echo '{{\"Version\": 1, \"AccessKeyId\": \"{}\", \"SecretAccessKey\": \"{}\"}}'\n",
            user.access, user.secret
        ),
    );
    let call = |profile: &str| {
        let call = t.s3cmd("ls --host=ENDPOINT --host-bucket=ENDPOINT --no-ssl s3://BUCKET");
        call.config("/nowhere/s3cfg").env("AWS_PROFILE", profile)
    };
    call("sso").ok();
    call("missing").fails(78);
}

#[test]
fn issue_648_a_copy_needs_no_right_to_read_grants() {
    let mut t = TestEnv::with_bucket();
    t.new_bucket("BUCKET2");
    t.know_alt_id("ALTID");
    t.object("k", "content");
    t.s3cmd("setacl --acl-grant=read:ALTID s3://BUCKET/k").ok();
    t.s3cmd("setacl --acl-grant=write:ALTID s3://BUCKET2").ok();
    let run = t.alt("cp s3://BUCKET/k s3://BUCKET2/k").run();
    assert_eq!(run.code, Some(0), "{run}");
    run.explains("WARNING: ");
    assert_eq!(t.keys_of("BUCKET2"), ["k"]);
}

#[test]
fn pain_46_ordinary_mistakes_are_one_line() {
    let t = TestEnv::with_bucket();
    t.file("f", "f");
    for (line, code) in [
        ("put -r --rexclude='(' f s3://BUCKET", 64),
        ("put --exclude-from=missing f s3://BUCKET", 74),
        ("ls --limit=x s3://BUCKET", 1),
        ("setpolicy missing s3://BUCKET", 74),
    ] {
        t.s3cmd(line).fails(code).in_one_line();
    }
    for answer in ["301 Moved Permanently\r\nContent-Length: 0", "200 OK\r\nContent-Length: 4\r\n\r\nwhat"] {
        let port = listen(move |mut stream| {
            request(&mut stream);
            // The client may close the connection.
            let _ = write!(stream, "HTTP/1.1 {answer}\r\n\r\n");
        });
        let t = pointing_at(port, "use_https = False\nmax_retries = 0");
        let run = t.s3cmd("ls s3://b").run().in_one_line();
        assert!(run.code.is_some_and(|code| code != 0), "{run}");
    }
}
