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

/// A request that can be signed, bent, and verified.
#[derive(Clone, Debug)]
struct Made {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Made {
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

    fn v4_link(mut self, expires: u64) -> Self {
        let scope = v4::Scope { time: now(), region: "US", service: "s3" };
        self.query = v4::presign(&self.request(), &credentials(&users()[0]), &scope, expires);
        self
    }

    fn v2_link(mut self, expires: i64) -> Self {
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
fn good_signatures_name_their_user_in_any_region() {
    let who = Ok(Some("AK/with/slashes".to_owned()));
    for region in ["US", "us-east-1", "my_zone", "default", ""] {
        assert_eq!(Made::new("/b/k").v4(region, v4::UNSIGNED_PAYLOAD, now()).verify(now()), who, "{region}");
    }
    assert_eq!(Made::new("/b/k").v2(now()).verify(now()), who);
    assert_eq!(Made::new("/b/k").v4_link(60).verify(now()), who);
    assert_eq!(Made::new("/b/k").v2_link(now().timestamp() + 60).verify(now()), who);
    assert_eq!(Made::new("/b/k").verify(now()), Ok(None));
}

#[test]
fn clocks_may_be_off_by_fifteen_minutes() {
    for off in [-899, 899] {
        assert!(Made::new("/b").v4("US", v4::EMPTY_SHA256, now() + seconds(off)).verify(now()).is_ok());
        assert!(Made::new("/b").v2(now() + seconds(off)).verify(now()).is_ok());
    }
    for off in [-901, 901] {
        let skewed = Err("RequestTimeTooSkewed");
        assert_eq!(Made::new("/b").v4("US", v4::EMPTY_SHA256, now() + seconds(off)).verify(now()), skewed);
        assert_eq!(Made::new("/b").v2(now() + seconds(off)).verify(now()), skewed);
    }
}

#[test]
fn dates_come_in_several_forms() {
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
fn links_expire() {
    let four = Made::new("/b/k").v4_link(60);
    assert!(four.verify(now() + seconds(60)).is_ok());
    assert_eq!(four.verify(now() + seconds(61)), Err("AccessDenied"));
    assert_eq!(four.verify(now() - seconds(901)), Err("AccessDenied"));
    let two = Made::new("/b/k").v2_link(now().timestamp() + 60);
    assert!(two.verify(now() + seconds(60)).is_ok());
    assert_eq!(two.verify(now() + seconds(61)), Err("AccessDenied"));
    assert!(Made::new("/b/k").v4_link(v4::MAX_EXPIRES).verify(now()).is_ok());
    for life in [0, v4::MAX_EXPIRES + 1] {
        let link = Made::new("/b/k").v4_link(life);
        assert_eq!(link.verify(now()), Err("AuthorizationQueryParametersError"), "{life}");
    }
    // A longer life cannot be written into a link.
    let mut bent = four;
    bent.set("X-Amz-Expires", "6000");
    assert_eq!(bent.verify(now()), Err("SignatureDoesNotMatch"));
    let mut bent = two;
    bent.set("Expires", &(now().timestamp() + 6000).to_string());
    assert_eq!(bent.verify(now()), Err("SignatureDoesNotMatch"));
}

#[test]
fn a_key_pair_that_has_expired_is_refused_in_every_form() {
    let mut users = users();
    users[0].expires = Some(now());
    let forms = |time: DateTime<Utc>| {
        [
            Made::new("/b/k").v4("US", v4::UNSIGNED_PAYLOAD, time),
            Made::new("/b/k").v2(time),
            Made::new("/b/k").v4_link(600),
            Made::new("/b/k").v2_link(now().timestamp() + 600),
        ]
    };
    for made in forms(now() - seconds(1)) {
        assert_eq!(made.verify_for(&users, now() - seconds(1)), Ok(Some("AK/with/slashes".to_owned())));
    }
    for made in forms(now()) {
        assert_eq!(made.verify_for(&users, now()), Err("InvalidAccessKeyId"));
    }
}

#[test]
fn unknown_keys_and_broken_headers_have_their_own_codes() {
    let mut made = Made::new("/b").v4("US", v4::EMPTY_SHA256, now());
    let authorization = made.headers.iter().find(|(name, _)| name == "authorization").unwrap().1.clone();
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
        made.set("authorization", &header);
        made.headers.retain(|(name, _)| name != "date");
        made.headers.push(("date".to_owned(), now().to_rfc2822()));
        assert_eq!(made.verify(now()), Err(code), "{header}");
    }
    let mut link = Made::new("/b").v4_link(5);
    link.query.retain(|(name, _)| name != "X-Amz-Date");
    assert_eq!(link.verify(now()), Err("AuthorizationQueryParametersError"));
    let mut link = Made::new("/b").v2_link(5);
    link.query.retain(|(name, _)| name != "Expires");
    assert_eq!(link.verify(now()), Err("AccessDenied"));
    let mut token = Made::new("/b").v2(now());
    token.headers.push(("x-amz-security-token".to_owned(), "t".to_owned()));
    assert_eq!(token.verify(now()), Err("InvalidToken"));
}

/// Whoever has a link must not be able to make the object public, or give it metadata.
#[test]
fn unsigned_amz_headers_are_refused() {
    for made in [Made::new("/b/k").v4_link(60), Made::new("/b/k").v4("US", v4::UNSIGNED_PAYLOAD, now())] {
        let mut bent = made;
        bent.headers.push(("x-amz-acl".to_owned(), "public-read".to_owned()));
        assert_eq!(bent.verify(now()), Err("AccessDenied"));
    }
    for made in [Made::new("/b/k").v2_link(now().timestamp() + 60), Made::new("/b/k").v2(now())] {
        let mut bent = made;
        bent.headers.push(("x-amz-acl".to_owned(), "public-read".to_owned()));
        assert_eq!(bent.verify(now()), Err("SignatureDoesNotMatch"));
    }
}

#[test]
fn a_path_may_be_spelled_otherwise_than_it_was_signed_but_not_be_another() {
    let mut made = Made::new("/b/a%20b%28c%29").v4("US", v4::EMPTY_SHA256, now());
    made.path = "/b/a%20b(c)".to_owned();
    assert!(made.verify(now()).is_ok());
    for path in ["/b/a%20b(d)", "/b/x/../a%20b(c)", "/b//a%20b(c)", "/b/a+b(c)"] {
        made.path = path.to_owned();
        assert_eq!(made.verify(now()), Err("SignatureDoesNotMatch"), "{path}");
    }
}

/// As botocore 1.43 does it.
#[test]
fn v2_takes_a_bucket_that_was_signed_with_a_slash() {
    let mut made = Made::new("/b/").v2(now());
    made.path = "/b".to_owned();
    assert!(made.verify(now()).is_ok());
    let mut made = Made::new("/b/k/").v2(now());
    made.path = "/b/k".to_owned();
    assert_eq!(made.verify(now()), Err("SignatureDoesNotMatch"));
}

#[test]
fn later_subresources_are_accepted_unsigned_in_v2_headers_but_not_in_links() {
    let mut header = Made::new("/b").v2(now());
    header.query.push(("publicAccessBlock".to_owned(), String::new()));
    assert!(header.verify(now()).is_ok());
    let mut header = Made::new("/b").v2(now());
    header.query.push(("acl".to_owned(), String::new()));
    assert_eq!(header.verify(now()), Err("SignatureDoesNotMatch"));
    let mut link = Made::new("/b").v2_link(now().timestamp() + 60);
    link.query.push(("publicAccessBlock".to_owned(), String::new()));
    assert_eq!(link.verify(now()), Err("SignatureDoesNotMatch"));
    let mut link = Made::new("/b").v2_link(now().timestamp() + 60);
    link.query.push(("ownershipControls".to_owned(), String::new()));
    assert_eq!(link.verify(now()), Err("AccessDenied"));
}

#[test]
fn body_rules_follow_the_stated_hash() {
    let rule = |hash: &str, length: Option<&str>| {
        let mut made = Made::new("/b/k");
        if let Some(length) = length {
            made.headers.push(("x-amz-decoded-content-length".to_owned(), length.to_owned()));
        }
        let made = made.v4("US", hash, now());
        let signed = SignedRequest {
            method: &made.method,
            path: &made.path,
            query: &made.query,
            headers: &made.headers,
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

    /// One changed character anywhere in what was signed is noticed, by both versions.
    #[test]
    fn any_change_is_noticed(
        key in "[a-zA-Z0-9 /+%~é.]{1,20}",
        value in "[a-z]{1,8}",
        which in 0..4,
    ) {
        let mut made = Made::new(&format!("/b/{}", encode::path(&key)));
        made.query.push(("prefix".to_owned(), value.clone()));
        made.query.push(("versionId".to_owned(), value.clone()));
        made.headers.push(("x-amz-meta-a".to_owned(), value));
        for made in [made.clone().v4("US", v4::UNSIGNED_PAYLOAD, now()), made.v2(now())] {
            prop_assert!(made.verify(now()).is_ok());
            let mut bent = made.clone();
            match which {
                0 => bent.path.push('x'),
                1 => bent.set("versionId", "other1"),
                2 => bent.set("x-amz-meta-a", "other1"),
                _ => bent.method = "PUT".to_owned(),
            }
            prop_assert_eq!(bent.verify(now()), Err("SignatureDoesNotMatch"));
        }
    }
}

/// The example of <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html>.
#[test]
fn the_published_signature_of_a_form_comes_out() {
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
fn dates_are_read_whatever_the_weekday() {
    let of = |text| http_date::parse(text).map(|time| time.timestamp());
    assert_eq!(of("Wed, 07 Jul 2010 21:53:04 GMT"), Some(1_278_539_584));
    assert_eq!(of("Tue, 07 Jul 2010 21:53:04 GMT"), Some(1_278_539_584));
    assert_eq!(of("Tue, 07 Jul 1950 21:53:04 GMT"), None);
    assert!(of("Tue, 07 Jul 9999 21:53:04 GMT").is_some());
    assert_eq!(of("Bad Date"), None);
}
