//! `signurl` and public URLs, fetched by a plain HTTP client.

use crate::support::env::TestEnv;
use crate::support::http;

/// Replaces a character of a parameter by another one of its kind.
fn tamper(url: &str, parameter: &str) -> String {
    let at = url.find(parameter).unwrap_or_else(|| panic!("no {parameter} in {url}")) + parameter.len() + 1;
    let new = if &url[at..=at] == "a" { "b" } else { "a" };
    format!("{}{new}{}", &url[..at], &url[at + 1..])
}

fn configs(t: &TestEnv) -> Vec<(String, std::path::PathBuf)> {
    let mut configs = Vec::new();
    for (style, host_bucket) in
        [("path", t.service.host.clone()), ("vhost", format!("%(bucket)s.{}", t.service.host))]
    {
        for v2 in [false, true] {
            let name = format!("{style}-{}.s3cfg", if v2 { "v2" } else { "v4" });
            let line = if v2 { "signature_v2 = True\n" } else { "" };
            let path = t.write_config(&name, &(t.config_of(&t.service.main, &host_bucket) + line));
            configs.push((name, path));
        }
    }
    configs
}

#[test]
fn signed_links_open_exactly_what_they_name() {
    let t = TestEnv::with_bucket();
    let uri = |key: &str| t.normaliser.fill("s3://BUCKET/") + key;
    for key in ["plain.txt", "with space ä+%.txt", "a/../b", "~/x//y"] {
        t.s3cmd("put -").arg(uri(key)).stdin(key).ok();
        for (name, config) in configs(&t) {
            let run = t.s3cmd("signurl").arg(uri(key)).arg("+600").config(&config).ok();
            let url = String::from_utf8(run.raw).expect("a URL");
            let url = url.trim_end();
            let answer = http::get(url);
            assert_eq!((answer.status, answer.body.as_slice()), (200, key.as_bytes()), "{name}: {url}");
            let v2 = name.contains("v2");
            assert_eq!(url.contains("AWSAccessKeyId="), v2, "{name}: {url}");
            let changed = tamper(url, if v2 { "&Signature=" } else { "X-Amz-Signature=" });
            assert_eq!(http::get(&changed).status, 403, "{changed}");
            let changed = tamper(url, if v2 { "Expires=" } else { "X-Amz-Expires=" });
            assert_ne!(http::get(&changed).status, 200, "{changed}");
            let changed = url.replacen("plain", "plaix", 1);
            assert!(changed == url || http::get(&changed).status == 403, "{changed}");
        }
    }
}

#[test]
fn links_expire() {
    let t = TestEnv::with_bucket();
    t.object("k", "k");
    for (name, config) in configs(&t) {
        let run = t.s3cmd("signurl s3://BUCKET/k +1").config(&config).ok();
        std::thread::sleep(std::time::Duration::from_millis(2_200));
        let url = String::from_utf8_lossy(&run.raw).trim_end().to_owned();
        assert_eq!(http::get(&url).status, 403, "{name}: {url}");
    }
    let run = t.s3cmd("signurl --signature-v2 s3://BUCKET/k 1000000000").run();
    assert_eq!(run.code, Some(0), "{run}");
    run.mentions("Expires=1000000000&").complains("WARNING: The link has expired already");
}

#[test]
fn links_carry_the_requested_headers() {
    let t = TestEnv::with_bucket();
    t.object("k", "k");
    for (name, config) in configs(&t) {
        let run = t
            .s3cmd("signurl --content-disposition='attachment; filename=\"ä b.txt\"' --content-type=text/x-new s3://BUCKET/k +600")
            .config(&config)
            .ok();
        let answer = http::get(String::from_utf8_lossy(&run.raw).trim_end());
        assert_eq!(answer.status, 200, "{name}: {run}");
        assert_eq!(answer.header("content-type"), Some("text/x-new"), "{name}");
        assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"ä b.txt\""), "{name}");
    }
}

#[test]
fn expiry_is_an_epoch_an_offset_or_a_date() {
    let t = TestEnv::new();
    t.configure("signature_v2 = True");
    t.s3cmd("signurl s3://bucket/k 1893456000")
        .ok()
        .prints("http://ENDPOINT/bucket/k?AWSAccessKeyId=KEY&Expires=1893456000&Signature=SIGNATURE");
    t.s3cmd("signurl s3://bucket/k 2030-01-01T00:00:00Z").ok().mentions("Expires=1893456000&");
    t.s3cmd("signurl s3://bucket/k 2030-01-01").ok().mentions("Expires=1893456000&");
    let seconds = |text: &str| {
        let run = t.s3cmd(&format!("signurl s3://bucket/k {text}")).ok();
        let (_, rest) = run.stdout.split_once("Expires=").expect("an expiry");
        let expires: u64 = rest.split('&').next().and_then(|n| n.parse().ok()).expect("a number");
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after the epoch");
        expires - now.as_secs()
    };
    for (text, expected) in [("+3600", 3600), ("+1h", 3600), ("+7d", 604_800)] {
        assert!((expected - 60..=expected).contains(&seconds(text)), "{text}");
    }
    t.s3cmd("signurl s3://bucket/k soon")
        .fails(64)
        .prints("")
        .explains("Unable to convert 'soon' to an epoch time.");
    t.s3cmd("signurl s3://bucket/k")
        .fails(64)
        .complains("ERROR: Not enough parameters for command 'signurl'");
}

#[test]
fn the_signature_version_of_a_link_follows_its_lifetime_and_the_configuration() {
    let t = TestEnv::new();
    t.s3cmd("signurl s3://bucket/k +604800").ok().mentions("X-Amz-Algorithm=AWS4-HMAC-SHA256&");
    let run = t.s3cmd("signurl s3://bucket/k +604900").run().mentions("AWSAccessKeyId=KEY&");
    assert_eq!(run.code, Some(0), "{run}");
    run.in_one_line().explains("WARNING: The link is signed with version 2");
    t.s3cmd("signurl --signature-v2 s3://bucket/k +60").ok().mentions("AWSAccessKeyId=KEY&");
    t.s3cmd("signurl s3://bucket/k +60").ok().silent_about("us-west-2");
    let run = t.s3cmd("signurl --region=us-west-2 s3://bucket/k +60").ok();
    assert!(String::from_utf8_lossy(&run.raw).contains("us-west-2"), "{run}");
    let run = t.s3cmd("signurl --access_token=TOKEN s3://bucket/k +60").ok();
    assert!(run.stdout.contains("X-Amz-Security-Token=TOKEN"), "{run}");
    let run = t.s3cmd("-v signurl s3://bucket/k +60").run();
    assert!(run.code == Some(0) && run.stderr.starts_with("INFO: "), "{run}");
}

#[test]
fn the_scheme_of_links_follows_use_https_unless_configured() {
    let t = TestEnv::new();
    t.s3cmd("signurl s3://bucket/k +60").ok().mentions("http://ENDPOINT/bucket/k?");
    t.s3cmd("signurl --ssl s3://bucket/k +60").ok().mentions("https://ENDPOINT/bucket/k?");
    t.configure("signurl_use_https = False");
    t.s3cmd("signurl --ssl s3://bucket/k +60").ok().mentions("http://ENDPOINT/bucket/k?");
    t.configure("signurl_use_https = True");
    t.s3cmd("signurl s3://bucket/k +60").ok().mentions("https://ENDPOINT/bucket/k?");
    t.vhost("signurl s3://bucket/k +60").ok().mentions("http://bucket.ENDPOINT/k?");
    t.vhost("signurl s3://Bucket_1/k +60").ok().mentions("http://ENDPOINT/Bucket_1/k?");
}

#[test]
fn a_published_object_opens_without_credentials() {
    let t = TestEnv::with_bucket();
    t.file("hello.txt", "hello world\n");
    for (call, key) in
        [(t.s3cmd("put -P"), "public file ä.txt"), (t.vhost("put --acl-public"), "sub dir/é+.txt")]
    {
        let run = call.arg("hello.txt").arg(t.normaliser.fill("s3://BUCKET/") + key).ok();
        let text = String::from_utf8(run.raw).expect("text");
        let url =
            text.lines().find_map(|line| line.strip_prefix("Public URL of the object is: ")).expect("a URL");
        let answer = http::get(url);
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"hello world\n"[..]), "{url}");
    }
    t.s3cmd("put hello.txt s3://BUCKET/private.txt").ok().silent_about("Public URL");
    let url = t.normaliser.fill("http://ENDPOINT/BUCKET/private.txt");
    assert_eq!(http::get(&url).status, 403);
    t.s3cmd("setacl --acl-public s3://BUCKET/private.txt").ok();
    assert_eq!(http::get(&url).status, 200);
    t.s3cmd("info s3://BUCKET/private.txt")
        .ok()
        .mentions("   URL:       http://ENDPOINT/BUCKET/private.txt\n");
    t.s3cmd("setacl --acl-private s3://BUCKET/private.txt").ok();
    assert_eq!(http::get(&url).status, 403);
}
