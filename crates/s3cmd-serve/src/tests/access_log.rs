//! Access log and metrics.

use super::*;
use crate::LogSink;
use std::sync::{Arc, Mutex};

/// The fields of a line: words, and text in quotes or brackets.
fn fields(line: &str) -> Vec<String> {
    let pattern = regex::Regex::new(r#""([^"]*)"|\[([^\]]*)\]|(\S+)"#).unwrap();
    let text = |found: regex::Captures<'_>| {
        let group = (1..=3).find_map(|group| found.get(group)).unwrap();
        group.as_str().to_owned()
    };
    pattern.captures_iter(line).map(text).collect()
}

#[tokio::test]
async fn the_access_log_is_in_the_format_of_s3() {
    let lines = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&lines);
    let lab = Lab::with(|options| {
        options.access_log = Some(LogSink::new(move |text| sink.lock().unwrap().push_str(text)));
    })
    .await;
    lab.alice("PUT", "/b-one").send().await.ok(200);
    lab.alice("PUT", "/b-one/a%20b").header("user-agent", "x \"y\"").body("hello").send().await.ok(200);
    lab.alice("GET", "/b-one/a%20b").header("range", "bytes=1-2").send().await.ok(206);
    lab.presigned(2, "GET", "/b-one/a%20b", 100).send_unsigned().await.ok(200);
    lab.presigned(4, "GET", "/b-one/a%20b", 100).send_unsigned().await.ok(200);
    let bob = lab.bob("GET", "/b-one/none?acl").send().await.error(403, "AccessDenied").body.len();
    let anonymous =
        lab.anonymous("DELETE", "/b-one?policy").send().await.error(403, "AccessDenied").body.len();
    let brewer = lab.anonymous("BREW", "/b-one?what=\"ever").send().await.ok(501).body.len();
    lab.server.stop().await;
    let text = lines.lock().unwrap().clone();
    let lines: Vec<_> = text.lines().map(fields).collect();
    assert!(lines.iter().all(|line| line.len() == 26), "{text}");
    let select = |at: &[usize]| -> Vec<String> {
        lines.iter().map(|line| at.iter().map(|i| &*line[*i]).collect::<Vec<_>>().join(" ")).collect()
    };
    let entries = select(&[0, 1, 4, 6, 7, 9, 10, 11, 12]);
    let sized = |line: &str| {
        let sizes = [("BOB", bob), ("ANONYMOUS", anonymous), ("BREWER", brewer)];
        sizes.iter().fold(line.to_owned(), |line, (name, size)| line.replace(name, &size.to_string()))
    };
    assert_eq!(
        entries,
        [
            "- b-one alice REST.PUT.BUCKET - 200 - - -",
            "alice b-one alice REST.PUT.OBJECT a%20b 200 - - 5",
            "alice b-one alice REST.GET.OBJECT a%20b 206 - 2 5",
            "alice b-one alice REST.GET.OBJECT a%20b 200 - 5 5",
            "alice b-one alice REST.GET.OBJECT a%20b 200 - 5 5",
            "alice b-one bob REST.GET.ACL none 403 AccessDenied BOB -",
            "alice b-one - REST.DELETE.BUCKETPOLICY - 403 AccessDenied ANONYMOUS -",
            "alice b-one - REST.UNKNOWN.BUCKET - 501 NotImplemented BREWER -",
        ]
        .map(sized),
        "{text}"
    );
    let signatures = select(&[19, 21]);
    let header = "SigV4 AuthHeader".to_owned();
    let (v2, v4) = ("SigV2 QueryString".to_owned(), "SigV4 QueryString".to_owned());
    let none = "- -".to_owned();
    assert_eq!(
        signatures,
        [&header, &header, &header, &v2, &v4, &header, &none, &none].map(Clone::clone),
        "{text}"
    );
    // A reader of the log cannot use a presigned URL in it, and a client's text cannot end a field.
    assert_eq!(
        text.matches("Signature=REDACTED ").count() + text.matches("Signature=REDACTED&").count(),
        2,
        "{text}"
    );
    assert_eq!(lines[1][16], "x %22y%22");
    assert!(lines.iter().all(|line| line[3] == "127.0.0.1" && line[22].starts_with("127.0.0.1:")), "{text}");
}

#[tokio::test]
async fn metrics_are_served_only_if_enabled() {
    Lab::with_bucket().await.anonymous("GET", "/-/metrics").send().await.error(404, "NoSuchBucket");
    let lab = Lab::with(|options| options.metrics = true).await;
    lab.alice("PUT", "/b-one").send().await.ok(200);
    for key in ["a", "b"] {
        lab.put(&format!("/b-one/{key}"), "hello").await;
    }
    lab.alice("GET", "/b-one/a").send().await.ok(200);
    lab.alice("GET", "/b-one/none").send().await.error(404, "NoSuchKey");
    let text = lab.anonymous("GET", "/-/metrics").send().await.ok(200).text();
    for line in [
        "# TYPE s3cmd_serve_requests_total counter",
        "s3cmd_serve_requests_total{operation=\"REST.PUT.OBJECT\",status=\"200\"} 2",
        "s3cmd_serve_requests_total{operation=\"REST.GET.OBJECT\",status=\"200\"} 1",
        "s3cmd_serve_requests_total{operation=\"REST.GET.OBJECT\",status=\"404\"} 1",
        "s3cmd_serve_received_bytes_total 10",
        "s3cmd_serve_request_duration_seconds_bucket{operation=\"REST.PUT.OBJECT\",le=\"+Inf\"} 2",
        "s3cmd_serve_request_duration_seconds_count{operation=\"REST.GET.OBJECT\"} 2",
    ] {
        assert!(text.lines().any(|had| had == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn no_field_of_the_log_contains_a_secret() {
    let lines = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&lines);
    let lab = Lab::with(|options| {
        options.access_log = Some(LogSink::new(move |text| sink.lock().unwrap().push_str(text)));
    })
    .await;
    lab.alice("PUT", "/b-one").send().await.ok(200);
    lab.put("/b-one/k", "x").await;
    let link = "https://store.example/b/k?X-Amz-Date=1&X-Amz-Signature=s3cr3t&X-Amz-Expires=9";
    let escaped = encode::query(link).into_owned();
    for (name, value) in [
        ("referer", link.to_owned()),
        ("referer", format!("https://page.example/?from={escaped}#top")),
        ("referer", "https://store.example/b/k?AWSAccessKeyId=A&Signature=s3cr3t%3D&Expires=1".to_owned()),
        ("referer", "https://x/?x-amz-security-token=s3cr3t".to_owned()),
        ("user-agent", format!("fetcher (+{link})")),
    ] {
        lab.alice("GET", "/b-one/k").header(name, &value).send().await.ok(200);
    }
    for query in [
        "X-Amz-Signature=s3cr3t&X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "Signature=s3cr3t&AWSAccessKeyId=A&Expires=1",
        "x-amz-server-side-encryption-customer-key=s3cr3t&v=1",
        "X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key=s3cr3t",
        "X-Amz-Security-Token=s3cr3t",
    ] {
        lab.anonymous("GET", &format!("/b-one/k?{query}")).send().await;
    }
    // Also a presigned URL whose question mark is encoded.
    lab.anonymous("GET", "/b-one/k%3FX-Amz-Signature=s3cr3t%26x=1").send().await.error(403, "AccessDenied");
    lab.server.stop().await;
    let text = lines.lock().unwrap().clone();
    assert_eq!(text.lines().count(), 13, "{text}");
    assert!(!text.contains("s3cr3t"), "{text}");
    assert!(text.contains("X-Amz-Date=1&X-Amz-Signature=REDACTED&X-Amz-Expires=9"), "{text}");
    assert!(text.lines().all(|line| fields(line).len() == 26), "{text}");
}
