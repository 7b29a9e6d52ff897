use super::payload::BodyRule;
use super::*;
use crate::http::http_date;
use chrono::TimeDelta;
use proptest::prelude::*;
use s3cmd_client::credentials::Credentials;
use s3cmd_client::sign;
use s3cmd_client::sign::{encode, v2, v4};

const HOST: &str = "localhost:9000";

fn users() -> Vec<User> {
    vec![User::new("AK/with/slashes", "first"), User::new("AK2", "second")]
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn credentials(user: &User) -> Credentials {
    Credentials::new(user.access_key.clone(), user.secret_key.clone(), None)
}

/// A request that can be signed, tampered with, and verified.
#[derive(Clone, Debug)]
struct TestRequest {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl TestRequest {
    fn new(path: &str) -> Self {
        let headers = vec![("host".to_owned(), HOST.to_owned())];
        Self { method: "GET".to_owned(), path: path.to_owned(), query: Vec::new(), headers }
    }

    fn request(&self) -> sign::Request<'_> {
        sign::Request { method: &self.method, path: &self.path, query: &self.query, headers: &self.headers }
    }

    fn v4(mut self, region: &str, hash: &str, time: DateTime<Utc>) -> Self {
        let scope = v4::Scope { time, region, service: "s3" };
        let added = v4::sign(&self.request(), hash, &credentials(&users()[0]), &scope);
        self.headers.extend(added);
        self
    }

    fn v2(mut self, time: DateTime<Utc>) -> Self {
        let added = v2::sign(&self.request(), None, &credentials(&users()[0]), time);
        self.headers.extend(added);
        self
    }

    fn v4_presigned(mut self, expires: u64) -> Self {
        let scope = v4::Scope { time: now(), region: "US", service: "s3" };
        self.query = v4::presign(&self.request(), &credentials(&users()[0]), &scope, expires);
        self
    }

    fn v2_presigned(mut self, expires: i64) -> Self {
        self.query = v2::presign(&self.request(), None, &credentials(&users()[0]), expires);
        self
    }

    fn verify(&self, time: DateTime<Utc>) -> Result<Option<String>, &'static str> {
        self.verify_for(&users(), time)
    }

    fn verify_for(&self, users: &[User], time: DateTime<Utc>) -> Result<Option<String>, &'static str> {
        let signed = SignedRequest {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            host_bucket: None,
        };
        match verify(&signed, users, time) {
            Ok(verified) => Ok(verified.user.map(|user| user.access_key.clone())),
            Err(error) => Err(error.code.as_str()),
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        for (n, v) in self.headers.iter_mut().chain(&mut self.query) {
            if n == name {
                value.clone_into(v);
            }
        }
    }
}

fn seconds(count: i64) -> TimeDelta {
    TimeDelta::seconds(count)
}

#[test]
fn valid_signatures_are_accepted_in_any_region() {
    let expected = Ok(Some("AK/with/slashes".to_owned()));
    for region in ["US", "us-east-1", "my_zone", "default", ""] {
        assert_eq!(
            TestRequest::new("/b/k").v4(region, v4::UNSIGNED_PAYLOAD, now()).verify(now()),
            expected,
            "{region}"
        );
    }
    assert_eq!(TestRequest::new("/b/k").v2(now()).verify(now()), expected);
    assert_eq!(TestRequest::new("/b/k").v4_presigned(60).verify(now()), expected);
    assert_eq!(TestRequest::new("/b/k").v2_presigned(now().timestamp() + 60).verify(now()), expected);
    assert_eq!(TestRequest::new("/b/k").verify(now()), Ok(None));
}

#[test]
fn clocks_may_be_off_by_fifteen_minutes() {
    for off in [-899, 899] {
        assert!(
            TestRequest::new("/b").v4("US", v4::EMPTY_SHA256, now() + seconds(off)).verify(now()).is_ok()
        );
        assert!(TestRequest::new("/b").v2(now() + seconds(off)).verify(now()).is_ok());
    }
    for off in [-901, 901] {
        let skewed = Err("RequestTimeTooSkewed");
        assert_eq!(
            TestRequest::new("/b").v4("US", v4::EMPTY_SHA256, now() + seconds(off)).verify(now()),
            skewed
        );
        assert_eq!(TestRequest::new("/b").v2(now() + seconds(off)).verify(now()), skewed);
    }
}

#[test]
fn dates_are_accepted_in_several_formats() {
    for text in [
        "Fri, 15 Jan 2027 08:00:00 GMT",
        "Fri, 15 Jan 2027 08:00:00 UTC",
        "Fri, 15 Jan 2027 08:00:00 +0000",
        "Fri, 15 Jan 2027 10:00:00 +0200",
        "20270115T080000Z",
    ] {
        assert_eq!(http_date::parse(text), Some(now()), "{text}");
    }
    assert_eq!(http_date::parse("yesterday"), None);
}

#[test]
fn presigned_urls_expire() {
    let v4_url = TestRequest::new("/b/k").v4_presigned(60);
    assert!(v4_url.verify(now() + seconds(60)).is_ok());
    assert_eq!(v4_url.verify(now() + seconds(61)), Err("AccessDenied"));
    assert_eq!(v4_url.verify(now() - seconds(901)), Err("AccessDenied"));
    let v2_url = TestRequest::new("/b/k").v2_presigned(now().timestamp() + 60);
    assert!(v2_url.verify(now() + seconds(60)).is_ok());
    assert_eq!(v2_url.verify(now() + seconds(61)), Err("AccessDenied"));
    assert!(TestRequest::new("/b/k").v4_presigned(v4::MAX_EXPIRES).verify(now()).is_ok());
    for lifetime in [0, v4::MAX_EXPIRES + 1] {
        let presigned = TestRequest::new("/b/k").v4_presigned(lifetime);
        assert_eq!(presigned.verify(now()), Err("AuthorizationQueryParametersError"), "{lifetime}");
    }
    // The signature covers the lifetime.
    let mut tampered = v4_url;
    tampered.set("X-Amz-Expires", "6000");
    assert_eq!(tampered.verify(now()), Err("SignatureDoesNotMatch"));
    let mut tampered = v2_url;
    tampered.set("Expires", &(now().timestamp() + 6000).to_string());
    assert_eq!(tampered.verify(now()), Err("SignatureDoesNotMatch"));
}

#[test]
fn an_expired_key_pair_is_rejected_in_every_kind_of_signature() {
    let mut users = users();
    users[0].expires = Some(now());
    let requests = |time: DateTime<Utc>| {
        [
            TestRequest::new("/b/k").v4("US", v4::UNSIGNED_PAYLOAD, time),
            TestRequest::new("/b/k").v2(time),
            TestRequest::new("/b/k").v4_presigned(600),
            TestRequest::new("/b/k").v2_presigned(now().timestamp() + 600),
        ]
    };
    for request in requests(now() - seconds(1)) {
        assert_eq!(request.verify_for(&users, now() - seconds(1)), Ok(Some("AK/with/slashes".to_owned())));
    }
    for request in requests(now()) {
        assert_eq!(request.verify_for(&users, now()), Err("InvalidAccessKeyId"));
    }
}

#[test]
fn unknown_keys_and_malformed_headers_have_their_own_codes() {
    let mut request = TestRequest::new("/b").v4("US", v4::EMPTY_SHA256, now());
    let authorization = request.headers.iter().find(|(name, _)| name == "authorization").unwrap().1.clone();
    for (header, code) in [
        (authorization.replace("AK/with", "AK/without"), "InvalidAccessKeyId"),
        (authorization.replace("aws4_request", "aws5_request"), "AuthorizationHeaderMalformed"),
        (authorization.replace("SignedHeaders=", "SignedRequest="), "AuthorizationHeaderMalformed"),
        (authorization.replace("host;", ""), "AccessDenied"),
        (authorization.replace("/US/", "/EU/"), "SignatureDoesNotMatch"),
        (authorization[..authorization.len() - 1].to_owned(), "SignatureDoesNotMatch"),
        ("Basic abc".to_owned(), "InvalidArgument"),
        ("AWS nocolon".to_owned(), "InvalidArgument"),
        ("AWS AK2:signature".to_owned(), "SignatureDoesNotMatch"),
        ("AWS AK3:signature".to_owned(), "InvalidAccessKeyId"),
        (String::new(), "AccessDenied"),
    ] {
        request.set("authorization", &header);
        request.headers.retain(|(name, _)| name != "date");
        request.headers.push(("date".to_owned(), now().to_rfc2822()));
        assert_eq!(request.verify(now()), Err(code), "{header}");
    }
    let mut presigned = TestRequest::new("/b").v4_presigned(5);
    presigned.query.retain(|(name, _)| name != "X-Amz-Date");
    assert_eq!(presigned.verify(now()), Err("AuthorizationQueryParametersError"));
    let mut presigned = TestRequest::new("/b").v2_presigned(5);
    presigned.query.retain(|(name, _)| name != "Expires");
    assert_eq!(presigned.verify(now()), Err("AccessDenied"));
    let mut token = TestRequest::new("/b").v2(now());
    token.headers.push(("x-amz-security-token".to_owned(), "t".to_owned()));
    assert_eq!(token.verify(now()), Err("InvalidToken"));
}

/// Anyone who has a presigned URL must not be able to make the object public or add metadata to it.
#[test]
fn unsigned_amz_headers_are_rejected() {
    for request in [
        TestRequest::new("/b/k").v4_presigned(60),
        TestRequest::new("/b/k").v4("US", v4::UNSIGNED_PAYLOAD, now()),
    ] {
        let mut tampered = request;
        tampered.headers.push(("x-amz-acl".to_owned(), "public-read".to_owned()));
        assert_eq!(tampered.verify(now()), Err("AccessDenied"));
    }
    for request in
        [TestRequest::new("/b/k").v2_presigned(now().timestamp() + 60), TestRequest::new("/b/k").v2(now())]
    {
        let mut tampered = request;
        tampered.headers.push(("x-amz-acl".to_owned(), "public-read".to_owned()));
        assert_eq!(tampered.verify(now()), Err("SignatureDoesNotMatch"));
    }
}

#[test]
fn a_path_may_be_encoded_differently_than_signed_but_must_be_the_same() {
    let mut request = TestRequest::new("/b/a%20b%28c%29").v4("US", v4::EMPTY_SHA256, now());
    request.path = "/b/a%20b(c)".to_owned();
    assert!(request.verify(now()).is_ok());
    for path in ["/b/a%20b(d)", "/b/x/../a%20b(c)", "/b//a%20b(c)", "/b/a+b(c)"] {
        request.path = path.to_owned();
        assert_eq!(request.verify(now()), Err("SignatureDoesNotMatch"), "{path}");
    }
}

/// As botocore 1.43 signs it.
#[test]
fn v2_accepts_a_bucket_path_that_was_signed_with_a_trailing_slash() {
    let mut request = TestRequest::new("/b/").v2(now());
    request.path = "/b".to_owned();
    assert!(request.verify(now()).is_ok());
    let mut request = TestRequest::new("/b/k/").v2(now());
    request.path = "/b/k".to_owned();
    assert_eq!(request.verify(now()), Err("SignatureDoesNotMatch"));
}

#[test]
fn later_subresources_are_accepted_unsigned_in_v2_headers_but_not_in_presigned_urls() {
    let mut header = TestRequest::new("/b").v2(now());
    header.query.push(("publicAccessBlock".to_owned(), String::new()));
    assert!(header.verify(now()).is_ok());
    let mut header = TestRequest::new("/b").v2(now());
    header.query.push(("acl".to_owned(), String::new()));
    assert_eq!(header.verify(now()), Err("SignatureDoesNotMatch"));
    let mut presigned = TestRequest::new("/b").v2_presigned(now().timestamp() + 60);
    presigned.query.push(("publicAccessBlock".to_owned(), String::new()));
    assert_eq!(presigned.verify(now()), Err("SignatureDoesNotMatch"));
    let mut presigned = TestRequest::new("/b").v2_presigned(now().timestamp() + 60);
    presigned.query.push(("ownershipControls".to_owned(), String::new()));
    assert_eq!(presigned.verify(now()), Err("AccessDenied"));
}

#[test]
fn body_rules_follow_the_stated_hash() {
    let rule = |hash: &str, length: Option<&str>| {
        let mut request = TestRequest::new("/b/k");
        if let Some(length) = length {
            request.headers.push(("x-amz-decoded-content-length".to_owned(), length.to_owned()));
        }
        let request = request.v4("US", hash, now());
        let signed = SignedRequest {
            method: &request.method,
            path: &request.path,
            query: &request.query,
            headers: &request.headers,
            host_bucket: None,
        };
        verify(&signed, &users(), now()).map(|verified| verified.body).map_err(|error| error.code.as_str())
    };
    assert!(matches!(rule(v4::UNSIGNED_PAYLOAD, None), Ok(BodyRule::Unsigned)));
    assert!(matches!(rule(v4::EMPTY_SHA256, None), Ok(BodyRule::Sha256(hash)) if hash == v4::EMPTY_SHA256));
    let streaming = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    assert!(
        matches!(rule(streaming, Some("5")), Ok(BodyRule::Chunked(rule)) if rule.length == 5 && rule.verifier.is_some())
    );
    assert!(matches!(rule(streaming, None), Err("MissingContentLength")));
    assert!(matches!(rule("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", Some("5")), Err("NotImplemented")));
    assert!(matches!(rule("nonsense", None), Err("InvalidArgument")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Both versions detect a change of any signed part.
    #[test]
    fn any_change_is_detected(
        key in "[a-zA-Z0-9 /+%~é.]{1,20}",
        value in "[a-z]{1,8}",
        which in 0..4,
    ) {
        let mut request = TestRequest::new(&format!("/b/{}", encode::path(&key)));
        request.query.push(("prefix".to_owned(), value.clone()));
        request.query.push(("versionId".to_owned(), value.clone()));
        request.headers.push(("x-amz-meta-a".to_owned(), value));
        for request in [request.clone().v4("US", v4::UNSIGNED_PAYLOAD, now()), request.v2(now())] {
            prop_assert!(request.verify(now()).is_ok());
            let mut tampered = request.clone();
            match which {
                0 => tampered.path.push('x'),
                1 => tampered.set("versionId", "other1"),
                2 => tampered.set("x-amz-meta-a", "other1"),
                _ => tampered.method = "PUT".to_owned(),
            }
            prop_assert_eq!(tampered.verify(now()), Err("SignatureDoesNotMatch"));
        }
    }
}

/// The example of <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html>.
#[test]
fn the_published_signature_of_a_form_is_reproduced() {
    let policy = [
        r#"{ "expiration": "2015-12-30T12:00:00.000Z","#,
        r#"  "conditions": ["#,
        r#"    {"bucket": "sigv4examplebucket"},"#,
        r#"    ["starts-with", "$key", "user/user1/"],"#,
        r#"    {"acl": "public-read"},"#,
        r#"    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},"#,
        r#"    ["starts-with", "$Content-Type", "image/"],"#,
        r#"    {"x-amz-meta-uuid": "14365123651274"},"#,
        r#"    {"x-amz-server-side-encryption": "AES256"},"#,
        r#"    ["starts-with", "$x-amz-meta-tag", ""],"#,
        "",
        r#"    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},"#,
        r#"    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},"#,
        r#"    {"x-amz-date": "20151229T000000Z" }"#,
        "  ]",
        "}",
    ];
    let policy = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, policy.join("\r\n"));
    let time = v4::parse_timestamp("20151229T000000Z").unwrap();
    let scope = v4::Scope { time, region: "us-east-1", service: "s3" };
    assert_eq!(
        v4::policy_signature("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &scope, &policy),
        "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
    );
}

#[test]
fn the_weekday_of_a_date_is_ignored() {
    let parse = |text| http_date::parse(text).map(|time| time.timestamp());
    assert_eq!(parse("Wed, 07 Jul 2010 21:53:04 GMT"), Some(1_278_539_584));
    assert_eq!(parse("Tue, 07 Jul 2010 21:53:04 GMT"), Some(1_278_539_584));
    assert_eq!(parse("Tue, 07 Jul 1950 21:53:04 GMT"), None);
    assert!(parse("Tue, 07 Jul 9999 21:53:04 GMT").is_some());
    assert_eq!(parse("Bad Date"), None);
}
