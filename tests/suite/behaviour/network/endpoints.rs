//! Where requests go by the configuration: hosts with a path, placeholders in hosts, invalid hosts, proxies; and what a
//! run prints at its end if the connection or the credentials were wrong.

use crate::support::env::TestEnv;
use crate::support::http;
use crate::support::stub::{listen, pointing_at, request};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};

/// A service that sends the same response to every request. Returns its port, and the heads of the requests.
fn answering(status: &str, headers: &str, body: &str) -> (u16, Receiver<String>) {
    let (sender, seen) = channel();
    let answer =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let body = body.to_owned();
    let port = listen(move |mut stream: TcpStream| {
        let head = request(&mut stream);
        let shown = if head.starts_with("HEAD") { "" } else { &body };
        let _ = sender.send(head);
        let _ = write!(stream, "{answer}{shown}");
    });
    (port, seen)
}

#[test]
fn a_path_after_the_host_is_part_of_the_request() {
    let t = TestEnv::with_bucket();
    let endpoint = t.fill("ENDPOINT/BUCKET");
    for version in ["False", "True"] {
        // The service verifies signatures. What the program takes for a bucket is a directory of the bucket there.
        for template in
            [format!("{endpoint}/%(bucket)"), format!("{endpoint}/%(bucket)s"), format!("{endpoint}/")]
        {
            let keys = t.config_of(&t.service.main, &template);
            let text =
                keys.replace(&format!("host_base = {}", t.service.host), &format!("host_base = {endpoint}/"));
            let config = t.write_config("path.s3cfg", &format!("{text}signature_v2 = {version}\n"));
            let s3cmd = |line: &str| t.s3cmd(line).config(&config);
            t.file("a b.txt", "content");
            s3cmd("put").arg("a b.txt").arg("s3://within/x/").ok();
            assert_eq!(t.keys(), ["within/x/a b.txt"]);
            s3cmd("get --force 's3://within/x/a b.txt' copy").ok();
            assert_eq!(t.text("copy"), "content");
            let link = s3cmd("signurl 's3://within/x/a b.txt' +60").ok();
            assert_eq!(http::get(String::from_utf8_lossy(&link.raw).trim()).body, b"content");
            s3cmd("setacl --acl-public 's3://within/x/a b.txt'").ok();
            let put = s3cmd("put -P").arg("a b.txt").arg("s3://within/x/").ok();
            let text = String::from_utf8_lossy(&put.raw).into_owned();
            let url = text.lines().last().and_then(|line| line.rsplit(' ').next()).expect("a public URL");
            assert_eq!(http::get(url).body, b"content", "{put}");
            s3cmd("del 's3://within/x/a b.txt'").ok();
        }
    }
}

#[test]
fn the_host_header_names_host_and_port_alone() {
    let (port, seen) = answering("404 Not Found", "", "");
    let t = pointing_at(
        port,
        &format!(
            "use_https = False\nhost_base = localhost:{port}/s3\nhost_bucket = localhost:{port}/s3/%(bucket)"
        ),
    );
    t.s3cmd("ls s3://fish/a").fails(12);
    let head = seen.recv().unwrap();
    assert!(head.starts_with("GET /s3/fish/?"), "{head}");
    assert!(head.to_lowercase().contains(&format!("\r\nhost: localhost:{port}\r\n")), "{head}");
}

#[test]
fn the_location_in_a_host_is_filled_in() {
    let (port, seen) = answering("404 Not Found", "", "");
    let hosts = format!(
        "use_https = False\nhost_base = s3.%(location)s.localhost:{port}\nhost_bucket = %(bucket)s.s3.%(location)s.localhost:{port}"
    );
    let t = pointing_at(port, &hosts);
    t.s3cmd("ls s3://fish").fails(12);
    let head = seen.recv().unwrap();
    assert!(head.contains(&format!("fish.s3.us-east-1.localhost:{port}\r\n")), "{head}");
    t.s3cmd("--region=eu-west-1 ls").fails(12);
    let head = seen.recv().unwrap();
    assert!(head.contains(&format!("s3.eu-west-1.localhost:{port}\r\n")), "{head}");
    let link = t.s3cmd("--region=eu-west-1 signurl s3://fish/k +60").ok();
    assert!(
        String::from_utf8_lossy(&link.raw)
            .starts_with(&format!("http://fish.s3.eu-west-1.localhost:{port}/k?")),
        "{link}"
    );
}

#[test]
fn an_invalid_host_is_reported_at_once_with_its_key_and_file() {
    let t = pointing_at(1, "use_https = False");
    t.file("f", "x");
    let config = t.home("bad.s3cfg");
    for (lines, key, problem) in [
        (
            "host_base = h # the lab\nhost_bucket = h",
            "host_base = h # the lab",
            "a comment must be on a separate line",
        ),
        (
            "host_base = localhost:90000\nhost_bucket = x",
            "host_base = localhost:90000",
            "'90000' is not a port",
        ),
        ("host_base = h\nhost_bucket = %(bucket)s.h:x", "host_bucket = %(bucket)s.h:x", "'x' is not a port"),
        ("host_base = a b\nhost_bucket = x", "host_base = a b", "it contains a space"),
        (
            "host_base = s3.%(region)s.x\nhost_bucket = x",
            "host_base = s3.%(region)s.x",
            "'%(region)s' is not a known placeholder here",
        ),
        ("host_base = a..b\nhost_bucket = x", "host_base = a..b", "'a..b' is not a host name"),
        ("host_base = user:hush@h\nhost_bucket = x", "host_base = ***@h", "it contains a user name"),
        ("proxy_host = http://proxy", "proxy_host = http://proxy", "it must be a host name only"),
        ("proxy_host = proxy\nproxy_port = 0", "proxy_port = 0", "'0' is not a port"),
    ] {
        t.write_config("bad.s3cfg", &format!("access_key = A\nsecret_key = B\nuse_https = False\n{lines}\n"));
        for line in ["put f s3://fish/k", "get s3://fish/k g", "ls s3://fish", "sync . s3://fish/d/"] {
            let run = t.s3cmd(line).config(&config).fails(78).in_one_line().prints("");
            let wanted = format!("ERROR: {key} in {}: {problem}", config.display());
            assert!(run.stderr.starts_with(&wanted), "{run}");
        }
    }
    let typed = t.s3cmd("ls").arg("--host=h:0").fails(78).in_one_line();
    typed.explains("ERROR: host_base = h:0 on the command line: '0' is not a port");
    // A setting that a command does not need does not stop it.
    let t = TestEnv::with_bucket();
    t.configure("host_bucket = nobody's host");
    t.s3cmd("ls s3://BUCKET").ok();
}

#[test]
fn a_failed_connection_names_the_setting_and_its_file() {
    let t = pointing_at(1, "use_https = False\nmax_retries = 0");
    let file = t.home(".s3cfg").display().to_string();
    let refused = format!("ERROR: host_base = localhost:1 in {file}: nothing listens there\n");
    let run = t.s3cmd("ls").fails(111);
    assert!(run.stderr.ends_with(&refused) && run.stderr.lines().count() == 2, "{run}");
    t.file("f", "x");
    let run = t.s3cmd("put f s3://b").fails(2);
    assert!(run.stderr.ends_with(&refused), "{run}");
    let run = t.s3cmd("--json ls").fails(111);
    let last = run.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with('{') && last.contains("nothing listens there"), "{run}");
    let run = t.s3cmd("ls --host=localhost:2").fails(111);
    assert!(
        run.stderr.ends_with("host_base = localhost:2 on the command line: nothing listens there\n"),
        "{run}"
    );
    let run = t
        .s3cmd("ls s3://fish")
        .arg("--host-bucket=%(bucket)s.localhost:1")
        .arg("--host=localhost:3")
        .fails(111);
    assert!(run.stderr.contains("host_bucket = %(bucket)s.localhost:1 on the command line"), "{run}");
    t.configure("proxy_host = 127.0.0.1\nproxy_port = 1");
    let run = t.s3cmd("ls").fails(111);
    assert!(
        run.stderr.ends_with(&format!("ERROR: proxy_host = 127.0.0.1 in {file}: nothing listens there\n")),
        "{run}"
    );
}

#[test]
fn rejected_credentials_name_the_setting_and_its_file_and_no_secret() {
    for (code, date, words) in [
        ("InvalidAccessKeyId", "", "access_key in FILE: the service does not know it"),
        ("SignatureDoesNotMatch", "", "secret_key in FILE: "),
        ("ExpiredToken", "", "access_token "),
        ("RequestTimeTooSkewed", "Date: Thu, 01 Jan 2015 00:00:00 GMT\r\n", "days ahead of the server's"),
        ("RequestTimeTooSkewed", "Date: Thu, 01 Jan 2099 00:00:00 GMT\r\n", "days behind the server's"),
    ] {
        let (port, _seen) = answering(
            "403 Forbidden",
            date,
            &format!("<Error><Code>{code}</Code><Message>No.</Message></Error>"),
        );
        let t = pointing_at(port, "use_https = False");
        let run = t.s3cmd("ls s3://fish").fails(77);
        let first = format!("ERROR: S3 error: 403 ({code})");
        assert!(run.stderr.starts_with(&first) && run.stderr.lines().count() == 2, "{run}");
        let words = words.replace("FILE", &t.home(".s3cfg").display().to_string());
        assert!(run.stderr.contains(&words), "{run}");
    }
    // A response to HEAD has no error code; a question about the bucket reveals it.
    let (port, _seen) = answering("403 Forbidden", "", "<Error><Code>SignatureDoesNotMatch</Code></Error>");
    let t = pointing_at(port, "use_https = False");
    let run = t.s3cmd("get s3://fish/key f").fails(77);
    assert!(run.stderr.starts_with("ERROR: S3 error: 403 (Forbidden)\nERROR: secret_key in "), "{run}");
    // A missing permission is not a wrong setting.
    let (port, _seen) = answering("403 Forbidden", "", "<Error><Code>AccessDenied</Code></Error>");
    let t = pointing_at(port, "use_https = False");
    t.s3cmd("ls s3://fish")
        .fails(77)
        .complains("ERROR: Access to bucket 'fish' was denied\nERROR: S3 error: 403 (AccessDenied)\n");
}

#[test]
fn a_link_at_amazon_names_the_region_of_its_bucket() {
    let (port, seen) = answering("403 Forbidden", "x-amz-bucket-region: eu-north-1\r\n", "");
    let t = pointing_at(1, "use_https = False");
    let config = |more: &str| {
        let keys = "access_key = A\nsecret_key = B\nuse_https = False\nhost_base = s3.amazonaws.com\nhost_bucket = %(bucket)s.s3.amazonaws.com";
        t.write_config("aws.s3cfg", &format!("{keys}\nproxy_host = 127.0.0.1\nproxy_port = {port}\n{more}\n"))
    };
    let run = t.s3cmd("signurl -v s3://fish/k +60").config(config("")).run();
    assert_eq!(run.code, Some(0), "{run}");
    assert!(String::from_utf8_lossy(&run.raw).contains("%2Feu-north-1%2Fs3%2F"), "{run}");
    assert!(run.stderr.contains("region eu-north-1"), "{run}");
    assert!(seen.recv().unwrap().starts_with("HEAD http://fish.s3.amazonaws.com/ "));
    // A configured region, a host that is not Amazon's, and signature version 2 need no request.
    let run = t.s3cmd("signurl s3://fish/k +60").config(config("bucket_location = eu-west-1")).ok();
    assert!(String::from_utf8_lossy(&run.raw).contains("%2Feu-west-1%2Fs3%2F"), "{run}");
    t.s3cmd("signurl s3://fish/k +60").config(config("signature_v2 = True")).ok();
    t.s3cmd("signurl s3://fish/k +60")
        .config(config("host_base = s3.example.org\nhost_bucket = s3.example.org"))
        .ok();
    assert!(seen.try_recv().is_err());
    // If the region cannot be found out, the link is made all the same.
    let run = t.s3cmd("signurl s3://fish/k +60").config(config("proxy_port = 1")).ok();
    assert!(String::from_utf8_lossy(&run.raw).contains("%2Fus-east-1%2Fs3%2F"), "{run}");
}

#[test]
fn a_link_for_more_than_a_week_is_of_version_2_and_says_so() {
    let t = TestEnv::new();
    let run = t.s3cmd("signurl s3://fish/k +8d").run();
    assert_eq!(run.code, Some(0), "{run}");
    run.explains("WARNING: The link is signed with version 2").in_one_line().mentions("Signature=");
    t.s3cmd("signurl s3://fish/k +7d").ok();
    t.s3cmd("--signature-v2 signurl s3://fish/k +8d").ok();
}

#[test]
fn debug_lines_name_each_request_and_no_secret() {
    let t = TestEnv::with_bucket();
    t.file("f", "x");
    let run = t.s3cmd("-d put f s3://BUCKET/f").arg("--access_token=").run();
    assert_eq!(run.code, Some(0), "{run}");
    let line = |words: &[&str]| {
        let found = run
            .stderr
            .lines()
            .any(|line| line.starts_with("DEBUG: ") && words.iter().all(|word| line.contains(word)));
        assert!(found, "{words:?} in {run}");
    };
    line(&["s3cmd-rs "]);
    line(&["Configuration file: ", ".s3cfg"]);
    line(&["End point: http://ENDPOINT"]);
    line(&["PUT http://ENDPOINT/BUCKET/f (signature version 4, region us-east-1)"]);
    line(&["PUT http://ENDPOINT/BUCKET/f: 200, request id ", " s"]);
    let run = t.s3cmd("-d get s3://BUCKET/missing g").run();
    assert!(
        run.stderr.lines().any(|line| line.contains("/missing: 404 (") && line.contains("request id")),
        "{run}"
    );
    let run = t.s3cmd("-d --signature-v2 ls s3://BUCKET").run();
    run.explains("(signature version 2)");
    let (port, _seen) = answering("403 Forbidden", "", "<Error><Code>InvalidToken</Code></Error>");
    let t = pointing_at(port, "use_https = False\nsecret_key = hushhush\naccess_token = tokentoken");
    for line in ["-d ls s3://b", "-d --signature-v2 ls s3://b"] {
        let run = t.s3cmd(line).fails(77);
        let shown = ["hushhush", "tokentoken", "Signature=", "AWS A:"]
            .iter()
            .any(|secret| run.stderr.contains(secret));
        assert!(!shown, "{run}");
    }
}

#[test]
fn hosts_of_no_proxy_are_reached_directly() {
    let t = TestEnv::with_bucket();
    t.configure("use_env_proxy = True");
    let nowhere = "http://127.0.0.1:1";
    let with = |no_proxy: &str| {
        t.s3cmd("ls s3://BUCKET")
            .env("http_proxy", nowhere)
            .env("HTTP_PROXY", nowhere)
            .env("NO_PROXY", no_proxy)
    };
    with("").fails(111);
    with("elsewhere.example").fails(111);
    with("*").ok();
    with("elsewhere.example,*").ok();
    let name = t.service.host.split(':').next().unwrap_or_default();
    with(name).ok();
    with(&t.service.host).ok();
    with(&format!("{name}:1")).fails(111).explains("use_env_proxy");
    // Neither way of sending uses the proxy then.
    t.file("f", "x");
    let put = t.s3cmd("put f s3://BUCKET/a/../b").env("http_proxy", nowhere).env("NO_PROXY", "*");
    put.ok();
}

#[test]
fn connections_closed_by_the_server_are_no_failures() {
    let port = listen(|mut stream| {
        std::thread::spawn(move || {
            let head = request(&mut stream).to_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            let _ = stream.read_exact(&mut body);
            // The MD5 of the content of every file. The response does not announce that the connection ends.
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nETag: \"9dd4e461268c8034f5c8564e155c67a6\"\r\nContent-Length: 0\r\n\r\n"
            );
        });
    });
    let t = pointing_at(port, "use_https = False");
    for i in 0..200 {
        t.file(format!("d/f{i}"), "x");
    }
    for jobs in [1, 8, 96] {
        t.s3cmd(&format!("--jobs={jobs} put -r d s3://b/")).ok();
    }
}
