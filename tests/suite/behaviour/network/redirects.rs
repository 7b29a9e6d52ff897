//! Responses that send requests to another region, host, signature version or way of sending, while many requests are
//! in flight: each of them is judged by what that request was sent with.

use crate::support::env::TestEnv;
use crate::support::http;
use crate::support::service::{Serve, service};
use crate::support::stub::listen;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The head of a request.
struct Head(String);

impl Head {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.0.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.trim())
    }

    fn method(&self) -> &str {
        self.0.split(' ').next().unwrap_or("")
    }

    fn target(&self) -> &str {
        self.0.split(' ').nth(1).unwrap_or("")
    }

    fn is_v4(&self) -> bool {
        self.header("authorization").starts_with("AWS4-")
    }
}

/// An S3 error; a response to HEAD has no body.
fn refusal(head: &Head, status: &str, headers: &str, error: &str) -> String {
    let body = format!("<?xml version=\"1.0\"?><Error>{error}</Error>");
    let shown = if head.method() == "HEAD" { "" } else { &body };
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Type: application/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{shown}",
        body.len()
    )
}

/// A proxy that answers some requests itself, late enough for others to be in flight by then. Returns its host and
/// port, and the number of requests that it has answered.
fn layer(
    behind: &str,
    answer: impl Fn(&Head) -> Option<String> + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let answered = Arc::new(AtomicUsize::new(0));
    let (behind, answer, count) = (behind.to_owned(), Arc::new(answer), answered.clone());
    let port = listen(move |stream| {
        let (behind, answer, count) = (behind.clone(), answer.clone(), count.clone());
        std::thread::spawn(move || pass(stream, &behind, &*answer, &count));
    });
    (format!("localhost:{port}"), answered)
}

/// One request per connection: answered here, or forwarded.
fn pass(
    mut client: TcpStream,
    behind: &str,
    answer: &dyn Fn(&Head) -> Option<String>,
    count: &AtomicUsize,
) -> Option<()> {
    let head = Head(crate::support::stub::request(&mut client));
    if head.0.is_empty() {
        return None;
    }
    let mut body = vec![0; head.header("content-length").parse().unwrap_or(0)];
    let refused = answer(&head);
    let expects = !head.header("expect").is_empty();
    if refused.is_none() && expects {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    if refused.is_none() || !expects {
        client.read_exact(&mut body).ok()?;
    }
    if let Some(refused) = refused {
        count.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(60));
        client.write_all(refused.as_bytes()).ok()?;
        return client.shutdown(Shutdown::Write).ok();
    }
    let mut server = TcpStream::connect(behind.replace("localhost", "127.0.0.1")).ok()?;
    let lines = head.0.lines().filter(|line| {
        let line = line.to_lowercase();
        !line.is_empty() && !line.starts_with("connection:") && !line.starts_with("expect:")
    });
    let lines: String = lines.map(|line| format!("{line}\r\n")).collect();
    write!(server, "{lines}Connection: close\r\n\r\n").ok()?;
    server.write_all(&body).ok()?;
    std::io::copy(&mut server, &mut client).ok()?;
    client.shutdown(Shutdown::Write).ok()
}

/// A world whose configuration leads to another host; its buckets are made and removed directly.
fn through(mut t: TestEnv, host: &str, more: &str) -> TestEnv {
    t.new_bucket("BUCKET");
    let text = t.config_of(&t.service.main, host).replace(&t.service.host, host);
    t.write_config(".s3cfg", &format!("{text}{more}\n"));
    t
}

/// Commands of all kinds, each a new process. A healthy run prints nothing to stderr.
fn exercise(t: &TestEnv, jobs: u32) {
    let s3cmd = |line: &str| t.s3cmd(&format!("--jobs={jobs} {line}"));
    for i in 0..12 {
        t.file(format!("tree/sub{}/f{i}", i % 3), format!("content {i}"));
        t.file(format!("f{i}"), format!("content {i}"));
    }
    let names = |prefix: &str, from: u32, to: u32| -> String {
        (from..to).map(|i| format!("{prefix}f{i} ")).collect()
    };
    s3cmd(&format!("put {}s3://BUCKET/p/", names("", 0, 12))).ok();
    s3cmd("put -r tree s3://BUCKET/").ok();
    s3cmd("sync tree/ s3://BUCKET/synced/").ok();
    std::fs::create_dir_all(t.path("got")).unwrap();
    s3cmd(&format!("get --force {}got/", names("s3://BUCKET/p/", 0, 12))).ok();
    for i in 0..12 {
        assert_eq!(t.text(format!("got/f{i}")), format!("content {i}"));
    }
    s3cmd("get -r --force s3://BUCKET/tree got/").ok();
    s3cmd("sync s3://BUCKET/synced/ down/").ok();
    assert_eq!(t.files("down").len(), 12);
    s3cmd(&format!("cp {}s3://BUCKET/copied/", names("s3://BUCKET/p/", 0, 12))).ok();
    s3cmd("cp s3://BUCKET/p/f1 s3://BUCKET/one").ok();
    s3cmd(&format!("mv {}s3://BUCKET/moved/", names("s3://BUCKET/copied/", 0, 12))).ok();
    s3cmd("mv s3://BUCKET/one s3://BUCKET/two").ok();
    s3cmd("sync s3://BUCKET/moved/ s3://BUCKET/again/").ok();
    s3cmd(&format!("md5sum {}", names("s3://BUCKET/p/", 0, 12))).ok();
    s3cmd(&format!("info {}", names("s3://BUCKET/p/", 0, 4))).ok();
    s3cmd("info s3://BUCKET").ok();
    s3cmd(&format!("modify --add-header=x-amz-meta-a:b {}", names("s3://BUCKET/p/", 0, 12))).ok();
    s3cmd(&format!("setacl --acl-private {}", names("s3://BUCKET/p/", 0, 12))).ok();
    s3cmd("put --multipart-chunk-size-mb=5 big s3://BUCKET/big").ok();
    s3cmd("ls s3://BUCKET/p/").ok().mentions("s3://BUCKET/p/f11");
    s3cmd("du s3://BUCKET/p/").ok();
    s3cmd(&format!("del {}", names("s3://BUCKET/p/", 0, 12))).ok();
    s3cmd("del -r s3://BUCKET/moved/").ok();
    let mut keys = t.keys();
    keys.retain(|key| !key.starts_with("again/") && !key.starts_with("synced/") && !key.starts_with("tree/"));
    assert_eq!(keys, ["big", "two"]);
    s3cmd("del -r --force s3://BUCKET").ok();
}

fn big(t: &TestEnv) {
    t.file("big", (0..11_u32 << 20).map(|at| (at % 251) as u8).collect::<Vec<_>>());
}

fn world() -> TestEnv {
    let t = TestEnv::new();
    big(&t);
    t
}

#[test]
fn a_region_named_by_every_first_response_is_followed_by_all_requests() {
    let serve = Serve::with(&["--region=eu-central-1"]);
    let mut t = TestEnv::on(&serve.service);
    big(&t);
    t.new_bucket("BUCKET");
    for jobs in [1, 8, 96] {
        exercise(&t, jobs);
    }
    t.s3cmd("ls").ok().mentions("s3://BUCKET");
    // A configured region is used for the first request.
    t.configure("bucket_location = eu-central-1");
    t.s3cmd("-d ls s3://BUCKET").run().explains("region eu-central-1");
}

#[test]
fn a_region_is_found_when_responses_to_head_name_none() {
    let (host, refused) = layer(&service().host, |head| {
        let wrong = head.is_v4() && !head.header("authorization").contains("/eu-central-1/s3/");
        let error = "<Code>AuthorizationHeaderMalformed</Code><Region>eu-central-1</Region>";
        wrong.then(|| refusal(head, "400 Bad Request", "", error))
    });
    let t = through(world(), &host, "");
    for jobs in [1, 96] {
        exercise(&t, jobs);
    }
    assert!(refused.load(Ordering::SeqCst) > 20);
}

#[test]
fn redirects_are_followed_by_all_requests() {
    for (status, jobs) in
        [("307 Temporary Redirect", 8), ("301 Moved Permanently", 96), ("307 Temporary Redirect", 1)]
    {
        let (other, _) = layer(&service().host, |_| None);
        let (host, refused) = layer(&service().host, move |head| {
            // Every region answers a list of buckets.
            (head.target() != "/").then(|| {
                let location = format!("Location: http://{other}{}\r\n", head.target());
                let error = format!("<Code>TemporaryRedirect</Code><Endpoint>{other}</Endpoint>");
                refusal(head, status, &location, &error)
            })
        });
        exercise(&through(world(), &host, ""), jobs);
        assert!(refused.load(Ordering::SeqCst) > 20);
    }
}

#[test]
fn the_other_signature_version_is_used_when_one_is_rejected() {
    for jobs in [1, 8, 96] {
        let (host, refused) = layer(&service().host, |head| {
            let error = "<Code>AccessDenied</Code><Message>AWS authentication requires a valid Date or x-amz-date header</Message>";
            head.is_v4().then(|| refusal(head, "403 Forbidden", "", error))
        });
        exercise(&through(world(), &host, ""), jobs);
        assert!(refused.load(Ordering::SeqCst) > 20);
    }
    for jobs in [1, 8, 96] {
        let (host, refused) = layer(&service().host, |head| {
            let error = "<Code>InvalidRequest</Code><Message>The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.</Message>";
            (!head.is_v4()).then(|| refusal(head, "400 Bad Request", "", error))
        });
        exercise(&through(world(), &host, "signature_v2 = True"), jobs);
        assert!(refused.load(Ordering::SeqCst) > 20);
    }
}

#[test]
fn a_service_that_rejects_both_signatures_fails() {
    let (host, refused) = layer(&service().host, |head| {
        Some(if head.is_v4() {
            let error = "<Code>AccessDenied</Code><Message>AWS authentication requires a valid Date or x-amz-date header</Message>";
            refusal(head, "403 Forbidden", "", error)
        } else {
            refusal(
                head,
                "400 Bad Request",
                "",
                "<Code>InvalidRequest</Code><Message>Use AWS4-HMAC-SHA256.</Message>",
            )
        })
    });
    let t = through(TestEnv::new(), &host, "");
    t.s3cmd("ls s3://BUCKET").fails(11);
    assert_eq!(refused.load(Ordering::SeqCst), 2);
}

#[test]
fn two_hosts_that_redirect_to_each_other_fail() {
    let other = Arc::new(std::sync::OnceLock::<String>::new());
    let redirect = |to: Arc<std::sync::OnceLock<String>>| {
        move |head: &Head| {
            let error = format!("<Code>TemporaryRedirect</Code><Endpoint>{}</Endpoint>", to.get()?);
            Some(refusal(head, "307 Temporary Redirect", "", &error))
        }
    };
    let (first, _) = layer("", redirect(other.clone()));
    let back = Arc::new(std::sync::OnceLock::from(first.clone()));
    let (second, asked) = layer("", redirect(back));
    other.set(second).unwrap();
    let t = TestEnv::new();
    let text = t.config_of(&t.service.main, &first).replace(&t.service.host, &first);
    t.write_config(".s3cfg", &text);
    t.s3cmd("ls s3://bucket").fails(10);
    assert!(asked.load(Ordering::SeqCst) <= 3);
}

#[test]
fn a_service_that_does_not_know_expect_gets_all_uploads_without_it() {
    for jobs in [1, 8, 96] {
        let (host, refused) = layer(&service().host, |head| {
            let expects = !head.header("expect").is_empty();
            expects.then(|| refusal(head, "417 Expectation Failed", "", "<Code>ExpectationFailed</Code>"))
        });
        exercise(&through(world(), &host, "use_http_expect = True"), jobs);
        assert!(refused.load(Ordering::SeqCst) >= 4);
    }
}

#[test]
fn a_server_with_a_region_of_its_own_refuses_signatures_for_others() {
    let serve = Serve::with(&["--region=eu-central-1"]);
    let wrong = http::signed(&serve.service, "GET", "/", &[], b"");
    assert_eq!((wrong.status, wrong.element("Code").as_str()), (400, "AuthorizationHeaderMalformed"));
    assert_eq!(wrong.element("Region"), "eu-central-1");
    let mut t = TestEnv::on(&serve.service);
    t.new_bucket("BUCKET");
    t.object("key", "content");
    let link = |region: &str| {
        let run = t.s3cmd("signurl s3://BUCKET/key +60").arg(format!("--region={region}")).ok();
        http::get(String::from_utf8_lossy(&run.raw).trim())
    };
    let wrong = link("us-east-1");
    assert_eq!((wrong.status, wrong.element("Code").as_str()), (400, "AuthorizationQueryParametersError"));
    assert_eq!(wrong.element("Region"), "eu-central-1");
    assert_eq!(link("eu-central-1").body, b"content");
    // Signature version 2 has no region.
    t.s3cmd("--signature-v2 ls s3://BUCKET").ok();
}
