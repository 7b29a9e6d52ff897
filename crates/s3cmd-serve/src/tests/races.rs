//! Requests whose body is delayed while other clients write. The result is the same as if the whole request had arrived
//! before or after.

use super::*;
use crate::route::{self, Level};
use futures::StreamExt;
use std::time::Duration;

/// A bucket of Alice's that everyone may write to. Objects belong to the users who write them.
async fn shared() -> Lab {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read-write").send().await.ok(200);
    lab
}

/// Sends a request except the last byte of its body, calls `meanwhile`, and sends the rest.
async fn delayed(request: TestRequest, meanwhile: impl AsyncFnOnce()) -> TestResponse {
    let length = request.body.len() - 1;
    delayed_after(request, length, meanwhile).await
}

/// [`delayed`] with the first `length` bytes of the body sent first.
///
/// The server reads a small body before it starts the operation, unless the client expects "100 Continue". That is sent
/// once the operation reads the body, so the request has been authorized for the first time.
async fn delayed_after(request: TestRequest, length: usize, meanwhile: impl AsyncFnOnce()) -> TestResponse {
    let mut begun = request.header("expect", "100-continue").start(0).await;
    begun.wait_for_continue().await;
    begun.send(length).await;
    // A form is authorized once its fields have arrived.
    tokio::time::sleep(Duration::from_millis(100)).await;
    meanwhile().await;
    begun.finish().await
}

fn acl_of(owner: &str) -> String {
    format!(
        "<AccessControlPolicy><Owner><ID>{owner}</ID></Owner><AccessControlList><Grant><Grantee \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"><ID>{owner}</ID></Grantee>\
         <Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>"
    )
}

#[tokio::test]
async fn an_acl_is_not_applied_to_an_object_written_by_another_user_meanwhile() {
    let lab = shared().await;
    lab.bob("PUT", "/b-one/k").body("bob's").send().await.ok(200);
    let request = lab.bob("PUT", "/b-one/k?acl").body(acl_of("bob"));
    let response = delayed(request, async || {
        lab.put("/b-one/k", "alice's").await;
    })
    .await;
    response.error(403, "AccessDenied");
    lab.bob("GET", "/b-one/k").send().await.error(403, "AccessDenied");
    assert_eq!(lab.alice("GET", "/b-one/k").send().await.ok(200).text(), "alice's");
    // An object that still belongs to Bob is changed.
    lab.bob("PUT", "/b-one/other").body("bob's").send().await.ok(200);
    let request = lab.bob("PUT", "/b-one/other?acl").body(acl_of("bob"));
    delayed(request, async || {
        lab.bob("PUT", "/b-one/other").body("bob's too").send().await.ok(200);
    })
    .await
    .ok(200);
    // A version cannot have changed.
    let enable = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    lab.alice("PUT", "/b-one?versioning").body(enable).send().await.ok(200);
    let put = lab.bob("PUT", "/b-one/version").body("bob's").send().await.ok(200);
    let target = format!("/b-one/version?acl&versionId={}", put.header("x-amz-version-id"));
    let request = lab.bob("PUT", &target).body(acl_of("bob"));
    delayed(request, async || {
        lab.put("/b-one/version", "alice's").await;
    })
    .await
    .ok(200);
    lab.bob("GET", "/b-one/version").send().await.error(403, "AccessDenied");
}

/// The bucket policy of a [`Scene`], which allows everyone everything.
const OPEN: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:*",
    "Resource": ["arn:aws:s3:::b-one", "arn:aws:s3:::b-one/*"]}]}"#;
const OPEN_WITHOUT_HOLDS: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"},
    "Action": "s3:*", "Resource": ["arn:aws:s3:::b-one", "arn:aws:s3:::b-one/*"]}, {"Effect": "Deny",
    "Principal": {"AWS": "*"}, "Action": "s3:PutObjectLegalHold", "Resource": "arn:aws:s3:::b-one/*"}]}"#;
const PUBLIC: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"},
    "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b-one/*"}]}"#;
const LOCK: &str =
    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";

/// Alice's bucket with an archived object `k` of hers and an unfinished upload of Bob's to the key `parts`. Everyone
/// may do everything with it.
struct Scene {
    lab: Lab,
    upload: String,
    etag: String,
    until: String,
}

impl Scene {
    async fn new(has_lock: bool, until: &str) -> Self {
        let lab = Lab::with_bucket().await;
        lab.alice("PUT", "/b-logs").send().await.ok(200);
        lab.alice("PUT", "/b-one?versioning").body(versioning("Enabled")).send().await.ok(200);
        if has_lock {
            lab.alice("PUT", "/b-one?object-lock").body(LOCK).send().await.ok(200);
        }
        lab.alice("PUT", "/b-one?policy").body(OPEN).send().await.ok(204);
        let put = lab.alice("PUT", "/b-one/k").header("x-amz-storage-class", "GLACIER").body("alice's");
        put.send().await.ok(200);
        let upload = lab.bob("POST", "/b-one/parts?uploads").send().await.ok(200).value("UploadId");
        let part = format!("/b-one/parts?partNumber=1&uploadId={upload}");
        let etag = lab.bob("PUT", &part).body("part").send().await.ok(200).header("etag").to_owned();
        Self { lab, upload, etag, until: until.to_owned() }
    }

    /// Replaces what is known only once the scene exists.
    fn fill(&self, text: &str) -> String {
        text.replace("{upload}", &self.upload).replace("{etag}", &self.etag).replace("{until}", &self.until)
    }

    /// Bob's request.
    fn request(&self, case: &Case) -> TestRequest {
        if case.sub.is_empty() && case.method == "POST" {
            let conditions = serde_json::json!([["starts-with", "$key", ""]]);
            let fields = forms::signed(4, BOB, &[("key", "form")], &conditions);
            return self.lab.form_of(&fields, "f", b"bob's");
        }
        let request = self.lab.bob(case.method, &self.fill(case.target)).body(self.fill(&case.body));
        case.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    /// Sends what Alice writes, which may fail.
    async fn write(&self, rival: &[Step]) {
        for (method, target, body) in rival {
            self.lab.alice(method, &self.fill(target)).body(self.fill(body)).send().await;
        }
    }

    /// What Alice sees, without times and generated ids.
    async fn state(&self) -> String {
        let mut text = String::new();
        for target in [
            "/b-new?acl",
            "/b-one?versions",
            "/b-one?uploads",
            "/b-one?acl",
            "/b-one?versioning",
            "/b-one?object-lock",
            "/b-one?policy",
            "/b-one?lifecycle",
            "/b-one?cors",
            "/b-one?tagging",
            "/b-one?website",
            "/b-one?ownershipControls",
            "/b-one?publicAccessBlock",
            "/b-one?requestPayment",
            "/b-one?notification",
            "/b-one?logging",
            "/b-one?encryption",
            "/b-one/k?acl",
            "/b-one/k?tagging",
            "/b-one/k?retention",
            "/b-one/k?legal-hold",
            "/b-one/form",
            "/b-one/parts",
        ] {
            let response = self.lab.alice("GET", target).send().await;
            text += &if response.status == 200 { response.text() } else { response.value("Code") };
            text.push('\n');
        }
        let head = self.lab.alice("HEAD", "/b-one/k").send().await;
        text += if head.header("x-amz-restore").is_empty() { "not restored" } else { "restored" };
        without_times_and_ids(text)
    }
}

fn versioning(status: &str) -> String {
    format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>")
}

fn without_times_and_ids(mut text: String) -> String {
    for name in ["LastModified", "Initiated", "VersionId", "UploadId"] {
        let (start, end) = (format!("<{name}>"), format!("</{name}>"));
        let pieces = text.split(&*start).map(|piece| piece.split_once(&*end).map_or(piece, |(_, rest)| rest));
        text = pieces.collect::<Vec<_>>().concat();
    }
    text
}

/// A request of Alice's: method, target and body.
type Step = (&'static str, &'static str, String);

/// A request of Bob's with a body, for a row of the route table.
struct Case {
    method: &'static str,
    level: Level,
    sub: &'static str,
    target: &'static str,
    body: String,
    headers: &'static [(&'static str, &'static str)],
    /// Whether the bucket has Object Lock.
    has_lock: bool,
    /// What Alice writes before the body is complete. It conflicts with the request.
    rival: Vec<Step>,
}

impl Case {
    fn bucket(sub: &'static str, target: &'static str, body: &str, rival: Vec<Step>) -> Self {
        let (method, level, body) = ("PUT", Level::Bucket, body.to_owned());
        Self { method, level, sub, target, body, headers: &[], has_lock: false, rival }
    }

    /// A request that replaces a bucket document, while Alice replaces the same document.
    fn document(sub: &'static str, target: &'static str, [bobs, alices]: [&str; 2]) -> Self {
        Self::bucket(sub, target, bobs, vec![("PUT", target, alices.to_owned())])
    }

    fn object(
        method: &'static str,
        sub: &'static str,
        target: &'static str,
        body: &str,
        rival: Vec<Step>,
    ) -> Self {
        Self { method, level: Level::Object, ..Self::bucket(sub, target, body, rival) }
    }

    fn with_lock(self) -> Self {
        Self { has_lock: true, ..self }
    }

    fn with_headers(self, headers: &'static [(&'static str, &'static str)]) -> Self {
        Self { headers, ..self }
    }

    /// Where the body is interrupted: in the content of an object, or before the last byte of a document.
    fn interruption(body: &[u8]) -> usize {
        body.windows(5).position(|bytes| bytes == b"bob's").map_or(body.len() - 1, |start| start + 1)
    }
}

/// A request for every operation with a body.
fn cases() -> Vec<Case> {
    let put = |target, body: &str| ("PUT", target, body.to_owned());
    let overwrite = || vec![put("/b-one/k", "alice's new")];
    let all_users = "<AccessControlPolicy><Owner><ID>alice</ID></Owner><AccessControlList><Grant><Grantee \
        xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\">\
        <URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant>\
        </AccessControlList></AccessControlPolicy>";
    let block = |name: &str| {
        format!("<PublicAccessBlockConfiguration><{name}>true</{name}></PublicAccessBlockConfiguration>")
    };
    let retention =
        "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>";
    let compliance = retention.replace("GOVERNANCE", "COMPLIANCE");
    let parts = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>\
        </CompleteMultipartUpload>";
    let upload = "/b-one/parts?uploadId={upload}";
    let part = "/b-one/parts?partNumber=1&uploadId={upload}";
    let abort = || vec![("DELETE", upload, String::new())];
    let each = |text: &str| [text.replace('*', "bobs"), text.replace('*', "alices")];
    let document =
        |sub, target, text: &str| Case::document(sub, target, each(text).each_ref().map(|text| &**text));
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>*</Value></Tag></TagSet></Tagging>";
    let topic = "<NotificationConfiguration><TopicConfiguration><Id>*</Id><Topic>arn:aws:sns:x:y:*</Topic>\
        <Event>s3:ObjectCreated:*</Event></TopicConfiguration></NotificationConfiguration>";
    let encryption = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
        <SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>";
    let payer = |payer: &str| {
        format!("<RequestPaymentConfiguration><Payer>{payer}</Payer></RequestPaymentConfiguration>")
    };
    let ownership = "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>";
    let logging = "<BucketLoggingStatus><LoggingEnabled><TargetBucket>b-logs</TargetBucket><TargetPrefix>x</TargetPrefix>\
        </LoggingEnabled></BucketLoggingStatus>";
    let lifecycle = "<LifecycleConfiguration><Rule><ID>*</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>\
        <Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>";
    let cors = "<CORSConfiguration><CORSRule><AllowedOrigin>https://*.example</AllowedOrigin>\
        <AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";
    let website =
        "<WebsiteConfiguration><IndexDocument><Suffix>*.html</Suffix></IndexDocument></WebsiteConfiguration>";
    let hold: &[(&str, &str)] = &[("x-amz-object-lock-legal-hold", "ON")];
    vec![
        Case::bucket("", "/b-new", "<CreateBucketConfiguration/>", vec![put("/b-new", "")]),
        Case::bucket(
            "versioning",
            "/b-one?versioning",
            &versioning("Suspended"),
            vec![put("/b-one?object-lock", LOCK)],
        ),
        Case::bucket(
            "object-lock",
            "/b-one?object-lock",
            LOCK,
            vec![put("/b-one?versioning", &versioning("Suspended"))],
        ),
        Case { method: "POST", ..Case::bucket("", "/b-one", "", vec![put("/b-one/form", "alice's")]) },
        Case {
            method: "POST",
            ..Case::bucket(
                "delete",
                "/b-one?delete",
                "<Delete><Object><Key>k</Key></Object></Delete>",
                overwrite(),
            )
        },
        Case::bucket(
            "acl",
            "/b-one?acl",
            all_users,
            vec![put("/b-one?publicAccessBlock", &block("BlockPublicAcls"))],
        ),
        Case::object("PUT", "", "/b-one/k", "bob's", overwrite()),
        Case::object("PUT", "", "/b-one/new", "bob's", vec![put("/b-one/new", "alice's")])
            .with_headers(&[("if-none-match", "*")]),
        Case::object(
            "PUT",
            "",
            "/b-one/k",
            "bob's",
            [vec![put("/b-one?policy", OPEN_WITHOUT_HOLDS)], overwrite()].concat(),
        )
        .with_headers(hold)
        .with_lock(),
        Case::object(
            "PUT",
            "",
            "/b-one/k",
            "bob's",
            [vec![put("/b-one?publicAccessBlock", &block("BlockPublicAcls"))], overwrite()].concat(),
        )
        .with_headers(&[("x-amz-acl", "public-read")]),
        Case::object("PUT", "acl", "/b-one/k?acl", all_users, overwrite()),
        Case::object("PUT", "tagging", "/b-one/k?tagging", tags, overwrite()),
        Case::object(
            "PUT",
            "retention",
            "/b-one/k?retention",
            retention,
            vec![put("/b-one/k?retention", &compliance)],
        )
        .with_lock(),
        Case::object(
            "PUT",
            "legal-hold",
            "/b-one/k?legal-hold",
            "<LegalHold><Status>ON</Status></LegalHold>",
            overwrite(),
        )
        .with_lock(),
        Case::object(
            "POST",
            "restore",
            "/b-one/k?restore",
            "<RestoreRequest><Days>1</Days></RestoreRequest>",
            overwrite(),
        ),
        Case::object("PUT", "uploadId", part, "bob's", abort()),
        Case::object("POST", "uploadId", upload, parts, abort()),
        Case::object("POST", "uploadId", upload, parts, vec![put(part, "alice's")]),
        Case::object("POST", "uploadId", upload, parts, vec![put("/b-one/parts", "alice's")]),
        Case::object("POST", "uploadId", upload, parts, vec![put("/b-one/parts", "alice's")])
            .with_headers(&[("if-none-match", "*")]),
        Case::bucket(
            "policy",
            "/b-one?policy",
            PUBLIC,
            vec![put("/b-one?publicAccessBlock", &block("BlockPublicPolicy"))],
        ),
        document("lifecycle", "/b-one?lifecycle", lifecycle),
        document("cors", "/b-one?cors", cors),
        document("tagging", "/b-one?tagging", tags),
        document("website", "/b-one?website", website),
        Case::bucket(
            "ownershipControls",
            "/b-one?ownershipControls",
            ownership,
            vec![put("/b-one?acl", all_users)],
        ),
        Case::document(
            "publicAccessBlock",
            "/b-one?publicAccessBlock",
            [&block("BlockPublicAcls"), &block("IgnorePublicAcls")],
        ),
        Case::document(
            "requestPayment",
            "/b-one?requestPayment",
            [&payer("BucketOwner"), &payer("Requester")],
        ),
        document("notification", "/b-one?notification", topic),
        Case::bucket("logging", "/b-one?logging", logging, vec![("DELETE", "/b-logs", String::new())]),
        Case::bucket(
            "encryption",
            "/b-one?encryption",
            encryption,
            vec![("DELETE", "/b-one?encryption", String::new())],
        ),
        // The server does not implement replication.
        Case::bucket(
            "replication",
            "/b-one?replication",
            "<x/>",
            vec![("DELETE", "/b-one?policy", String::new())],
        ),
    ]
}

/// The status and the error codes of a response.
fn described(response: &TestResponse) -> String {
    let codes = if response.text().contains("<Code>") { response.all("Code") } else { Vec::new() };
    format!("{} {}", response.status, codes.join(" "))
}

fn in_three_days() -> String {
    (Utc::now() + chrono::TimeDelta::days(3)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Sends the beginning of Bob's request, calls `meanwhile`, and sends the rest.
async fn interrupted(request: TestRequest, meanwhile: impl AsyncFnOnce()) -> TestResponse {
    let length = Case::interruption(&request.body);
    delayed_after(request, length, meanwhile).await
}

/// Calls `check` for every case, for several at a time.
async fn for_each_case(check: impl AsyncFn(Case)) {
    futures::stream::iter(cases()).for_each_concurrent(4, |case| check(case)).await;
}

#[test]
fn every_operation_with_a_body_is_interrupted() {
    let tested: Vec<_> = cases().iter().map(|case| (case.method, case.level, case.sub)).collect();
    let routes = route::with_body();
    for route in &routes {
        assert!(tested.contains(route), "no case for {route:?}");
    }
    for case in &tested {
        assert!(routes.contains(case), "{case:?} has no body");
    }
}

/// The response and the state are those of one of the two orders.
#[tokio::test]
async fn a_request_that_is_interrupted_comes_before_or_after_a_conflicting_one() {
    let until = in_three_days();
    for_each_case(async |case| {
        let name = format!("{} {} {:?} {:?}", case.method, case.target, case.headers, case.rival);
        let new = || Scene::new(case.has_lock, &until);
        let scene = new().await;
        let response = scene.request(&case).send().await;
        scene.write(&case.rival).await;
        let before = (described(&response), scene.state().await);
        let scene = new().await;
        scene.write(&case.rival).await;
        let response = scene.request(&case).send().await;
        let after = (described(&response), scene.state().await);
        assert_ne!(before, after, "{name} does not conflict");
        let scene = new().await;
        let response = interrupted(scene.request(&case), async || scene.write(&case.rival).await).await;
        let found = (described(&response), scene.state().await);
        assert!(
            found == before || found == after,
            "{name}: {found:#?}\nbefore: {before:#?}\nafter: {after:#?}"
        );
    })
    .await;
}

/// Nothing changes if the permission is revoked before the body is complete.
#[tokio::test]
async fn a_permission_that_is_revoked_meanwhile_is_denied() {
    let until = in_three_days();
    for_each_case(async |case| {
        if case.target == "/b-new" {
            // All users may create buckets.
            return;
        }
        let scene = Scene::new(case.has_lock, &until).await;
        let revoke = async || {
            scene.lab.alice("DELETE", "/b-one?policy").send().await.ok(204);
        };
        let before = scene.state().await;
        let response = interrupted(scene.request(&case), revoke).await;
        // The response to DeleteObjects has an error for each key.
        let expected = if case.sub == "delete" { "200 AccessDenied" } else { "403 AccessDenied" };
        assert_eq!(described(&response), expected, "{} {}", case.method, case.target);
        scene.lab.alice("PUT", "/b-one?policy").body(OPEN).send().await.ok(204);
        assert_eq!(scene.state().await, before, "{} {}", case.method, case.target);
    })
    .await;
}

/// A bucket that is deleted and created again before the body is complete is not changed.
#[tokio::test]
async fn a_bucket_that_is_replaced_meanwhile_is_not_changed() {
    let until = in_three_days();
    for_each_case(async |case| {
        if case.target == "/b-new" {
            return;
        }
        let scene = Scene::new(case.has_lock, &until).await;
        let lab = &scene.lab;
        let mut replaced = String::new();
        let replace = async || {
            let upload = format!("/b-one/parts?uploadId={}", scene.upload);
            lab.alice("DELETE", &upload).send().await.ok(204);
            let version = lab.alice("GET", "/b-one?versions").send().await.ok(200).value("VersionId");
            lab.alice("DELETE", &format!("/b-one/k?versionId={version}")).send().await.ok(204);
            lab.alice("DELETE", "/b-one").send().await.ok(204);
            lab.alice("PUT", "/b-one").send().await.ok(200);
            lab.put("/b-one/k", "another").await;
            replaced = scene.state().await;
        };
        let response = interrupted(scene.request(&case), replace).await;
        assert!(
            response.status < 500 || case.sub == "replication",
            "{} {}: {}",
            case.method,
            case.target,
            response.text()
        );
        assert_eq!(scene.state().await, replaced, "{} {}: {}", case.method, case.target, response.text());
    })
    .await;
}

#[tokio::test]
async fn an_unfinished_upload_belongs_to_its_initiator() {
    let lab = shared().await;
    let id = lab.bob("POST", "/b-one/k?uploads").send().await.ok(200).value("UploadId");
    let target = format!("/b-one/k?uploadId={id}");
    let part = format!("/b-one/k?partNumber=1&uploadId={id}");
    let etag = lab.bob("PUT", &part).body("bob's").send().await.ok(200).header("etag").to_owned();
    let list = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    // Anonymous clients may write to the bucket, but have no access to the upload.
    lab.anonymous("PUT", &part).body("anonymous").send().await.error(403, "AccessDenied");
    lab.anonymous("GET", &target).send().await.error(403, "AccessDenied");
    lab.anonymous("POST", &target).body(list.clone()).send().await.error(403, "AccessDenied");
    lab.anonymous("DELETE", &target).send().await.error(403, "AccessDenied");
    // The bucket's owner and the initiator have access.
    lab.alice("GET", &target).send().await.ok(200);
    lab.bob("GET", &target).send().await.ok(200);
    let alices = lab.alice("POST", "/b-one/a?uploads").send().await.ok(200).value("UploadId");
    lab.bob("DELETE", &format!("/b-one/a?uploadId={alices}")).send().await.error(403, "AccessDenied");
    lab.alice("DELETE", &format!("/b-one/a?uploadId={alices}")).send().await.ok(204);
    lab.bob("POST", &target).body(list).send().await.ok(200);
    // Anonymous clients with write access may continue an upload that an anonymous client created.
    let id = lab.anonymous("POST", "/b-one/n?uploads").send().await.ok(200).value("UploadId");
    lab.anonymous("PUT", &format!("/b-one/n?partNumber=1&uploadId={id}")).body("x").send().await.ok(200);
    // Users that a policy allows may continue the uploads of others.
    let id = lab.alice("POST", "/b-one/p?uploads").send().await.ok(200).value("UploadId");
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam:::user/bob"},
        "Action": ["s3:PutObject", "s3:AbortMultipartUpload"], "Resource": "arn:aws:s3:::b-one/*"}]}"#;
    lab.alice("PUT", "/b-one?policy").body(policy).send().await.ok(204);
    lab.bob("PUT", &format!("/b-one/p?partNumber=1&uploadId={id}")).body("x").send().await.ok(200);
    lab.bob("DELETE", &format!("/b-one/p?uploadId={id}")).send().await.ok(204);
}
