//! PostObject: uploads by HTML forms.

use super::*;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

pub(super) type Fields = Vec<(String, String)>;

const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxk";

impl Lab {
    /// A form upload with these fields and a file.
    fn form(&self, fields: &[(&str, &str)], file_name: &str, file: &[u8]) -> TestRequest {
        self.form_of(
            &fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect::<Vec<_>>(),
            file_name,
            file,
        )
    }

    pub(super) fn form_of(&self, fields: &[(String, String)], file_name: &str, file: &[u8]) -> TestRequest {
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend_from_slice(
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                    .as_bytes(),
            );
        }
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\nContent-Type: text/x\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(file);
        let tail = format!(
            "\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"submit\"\r\n\r\nUpload\r\n--{BOUNDARY}--\r\n"
        );
        body.extend_from_slice(tail.as_bytes());
        self.anonymous("POST", "/b-one")
            .header("content-type", &format!("multipart/form-data; boundary={BOUNDARY}"))
            .header("cache-control", "max-age=0")
            .body(body)
    }
}

fn policy(conditions: &Value) -> String {
    let expiration = (Utc::now() + chrono::TimeDelta::minutes(5)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let text = json!({ "expiration": expiration, "conditions": conditions }).to_string();
    BASE64_STANDARD.encode(text)
}

/// Fields with a signature of a user, version 2 or 4. Adds the conditions that every form needs to the given ones.
pub(super) fn signed(v: u8, user: usize, fields: &[(&str, &str)], conditions: &Value) -> Fields {
    let user = &users()[user];
    let mut fields: Fields =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut conditions = conditions.as_array().unwrap().clone();
    conditions.push(json!({ "bucket": "b-one" }));
    if v == 2 {
        let policy = policy(&Value::Array(conditions));
        fields.push(("AWSAccessKeyId".into(), user.access_key.clone()));
        fields.push(("signature".into(), v2::signature(&policy, &user.secret_key)));
        fields.push(("policy".into(), policy));
        return fields;
    }
    let scope = v4::Scope { time: Utc::now(), region: "US", service: "s3" };
    let credential = format!("{}/{}", user.access_key, scope.text());
    for (name, value) in [
        ("x-amz-algorithm", v4::ALGORITHM),
        ("x-amz-credential", &credential),
        ("x-amz-date", &scope.timestamp()),
    ] {
        fields.push((name.into(), value.to_owned()));
        conditions.push(json!({ name: value }));
    }
    let policy = policy(&Value::Array(conditions));
    fields.push(("x-amz-signature".into(), v4::policy_signature(&user.secret_key, &scope, &policy)));
    fields.push(("policy".into(), policy));
    fields
}

#[tokio::test]
async fn anonymous_forms_need_a_public_acl_or_policy() {
    let lab = Lab::with_bucket().await;
    let form = || lab.form(&[("key", "up/${filename}")], "C:\\x\\f.txt", b"content");
    form().send_unsigned().await.error(403, "AccessDenied");
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read-write").send().await.ok(200);
    let response = form().send_unsigned().await.ok(204);
    assert!(response.header("location").ends_with("/b-one/up/f.txt"), "{}", response.header("location"));
    assert_eq!(response.header("etag"), "\"9a0364b9e99bb480dd25e1f0284c8555\"");
    let got = lab.alice("GET", "/b-one/up/f.txt").send().await.ok(200);
    assert_eq!((got.text().as_str(), got.header("content-type")), ("content", "binary/octet-stream"));
    assert_eq!(got.header("cache-control"), "");
    // A bucket policy can allow it, too.
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "private").send().await.ok(200);
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:PutObject",
        "Resource":"arn:aws:s3:::b-one/open/*"}]}"#;
    lab.alice("PUT", "/b-one?policy").body(text).send().await.ok(204);
    lab.form(&[("key", "open/k")], "", b"x").send_unsigned().await.ok(204);
    form().send_unsigned().await.error(403, "AccessDenied");
}

#[tokio::test]
async fn signed_forms_upload_what_their_policy_allows() {
    let lab = Lab::with_bucket().await;
    let conditions = json!([
        ["starts-with", "$key", "user/"],
        { "acl": "public-read" },
        ["starts-with", "$Content-Type", "image/"],
        ["starts-with", "$x-amz-meta-tag", ""],
        ["starts-with", "$tagging", ""],
        ["starts-with", "$success_action_status", ""],
        ["content-length-range", 1, 100],
    ]);
    let tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>c&amp;d</Value></Tag></TagSet></Tagging>";
    let fields = [
        ("KEY", "user/${filename}"),
        ("acl", "public-read"),
        ("Content-Type", "image/png"),
        ("x-amz-meta-tag", "of ${filename}"),
        ("tagging", tags),
        ("success_action_status", "201"),
        ("x-ignore-this", "or that"),
    ];
    for v in [2, 4] {
        let form = lab.form_of(&signed(v, ALICE, &fields, &conditions), "a & b.png", b"picture");
        let response = form.send_unsigned().await.ok(201);
        assert_eq!((&*response.value("Bucket"), &*response.value("Key")), ("b-one", "user/a & b.png"));
        assert_eq!(response.value("Location"), response.header("location"));
        assert!(response.header("location").ends_with("/b-one/user/a%20%26%20b.png"));
        assert_eq!(response.value("ETag"), response.header("etag"));
        assert!(response.text().contains("<PostResponse><"), "{}", response.text());
        let got = lab.anonymous("GET", "/b-one/user/a%20%26%20b.png").send().await.ok(200);
        assert_eq!((got.text().as_str(), got.header("content-type")), ("picture", "image/png"));
        assert_eq!((got.header("x-amz-meta-tag"), got.header("x-amz-tagging-count")), ("of a & b.png", "1"));
        let tags = lab.alice("GET", "/b-one/user/a%20%26%20b.png?tagging").send().await.ok(200);
        assert_eq!((&*tags.value("Key"), &*tags.value("Value")), ("a b", "c&d"));
        lab.alice("DELETE", "/b-one/user/a%20%26%20b.png").send().await.ok(204);

        // A form that Bob signs has only Bob's permissions.
        lab.form_of(&signed(v, BOB, &fields, &conditions), "f", b"x")
            .send_unsigned()
            .await
            .error(403, "AccessDenied");
        let changed = |change: &dyn Fn(&mut Fields)| {
            let mut fields = signed(v, ALICE, &fields, &conditions);
            change(&mut fields);
            lab.form_of(&fields, "f", b"x").send_unsigned()
        };
        let set = |name: &'static str, value: &'static str| {
            move |fields: &mut Fields| {
                fields.iter_mut().find(|(n, _)| n == name).unwrap().1 = value.to_owned();
            }
        };
        changed(&set("KEY", "other/k")).await.error(403, "AccessDenied");
        changed(&set("acl", "private")).await.error(403, "AccessDenied");
        let more = changed(&|fields| fields.push(("x-amz-meta-more".into(), "1".into()))).await;
        assert!(
            more.error(403, "AccessDenied").value("Message").contains("Extra input fields: x-amz-meta-more")
        );
        changed(&|fields| fields.retain(|(name, _)| name != "acl")).await.error(403, "AccessDenied");
        let other = policy(&json!([]));
        changed(&|fields| fields.iter_mut().find(|(n, _)| n == "policy").unwrap().1.clone_from(&other))
            .await
            .error(403, "SignatureDoesNotMatch");
        for name in ["policy", if v == 2 { "signature" } else { "x-amz-signature" }] {
            changed(&|fields| fields.retain(|(known, _)| known != name)).await.error(400, "InvalidArgument");
        }
        changed(&|fields| fields.insert(0, ("key".into(), "user/second".into())))
            .await
            .error(400, "InvalidArgument");
        let length =
            |file: Vec<u8>| lab.form_of(&signed(v, ALICE, &fields, &conditions), "f", &file).send_unsigned();
        length(vec![b'x'; 100]).await.ok(201);
        length(vec![b'x'; 101]).await.error(400, "EntityTooLarge");
        length(Vec::new()).await.error(400, "EntityTooSmall");
    }
    assert_eq!(lab.keys("/b-one").await, ["user/f"]);
}

#[tokio::test]
async fn unknown_access_keys_and_invalid_forms_are_rejected() {
    let lab = Lab::with_bucket().await;
    let fields = signed(2, ALICE, &[("key", "k")], &json!([{ "key": "k" }]));
    let mut unknown_key = fields.clone();
    unknown_key.iter_mut().find(|(name, _)| name == "AWSAccessKeyId").unwrap().1 = "AKNOBODY".to_owned();
    lab.form_of(&unknown_key, "f", b"x").send_unsigned().await.error(403, "InvalidAccessKeyId");
    let no_policy = BASE64_STANDARD.encode("{}");
    let user = &users()[ALICE];
    let with_policy = |policy: &str| {
        let signature = v2::signature(policy, &user.secret_key);
        let fields = [
            ("key", "k"),
            ("AWSAccessKeyId", &user.access_key),
            ("Signature", &signature),
            ("policy", policy),
        ];
        lab.form(&fields, "f", b"x").send_unsigned()
    };
    with_policy(&no_policy).await.error(400, "InvalidPolicyDocument");
    let past = BASE64_STANDARD
        .encode(r#"{"expiration":"2020-01-01T00:00:00Z","conditions":[{"bucket":"b-one"},{"key":"k"}]}"#);
    with_policy(&past).await.error(403, "AccessDenied");
    // Not a form, a truncated form, a form without a key, and one without a file.
    let plain = lab.anonymous("POST", "/b-one").body("x").send_unsigned().await;
    plain.error(412, "PreconditionFailed");
    let mut broken = lab.form_of(&fields, "f", b"x");
    broken.body.truncate(broken.body.len() - 200);
    broken.send_unsigned().await.error(400, "MalformedPOSTRequest");
    lab.form(&[("acl", "private")], "f", b"x").send_unsigned().await.error(400, "InvalidArgument");
    let mut no_file = lab.form_of(&fields, "f", b"x");
    let text = String::from_utf8(no_file.body).unwrap().replace("name=\"file\"", "name=\"data\"");
    no_file.body = text.into_bytes();
    no_file.send_unsigned().await.error(400, "InvalidArgument");
    lab.form_of(&signed(4, ALICE, &[("key", "")], &json!([{ "key": "" }])), "f", b"x")
        .send_unsigned()
        .await
        .error(400, "InvalidArgument");
    let sse = signed(
        4,
        ALICE,
        &[("key", "k"), ("x-amz-server-side-encryption", "ROT13")],
        &json!([{ "key": "k" }, { "x-amz-server-side-encryption": "ROT13" }]),
    );
    lab.form_of(&sse, "f", b"x").send_unsigned().await.error(400, "InvalidArgument");
    let mut other_bucket = lab.form_of(&fields, "f", b"x");
    other_bucket.path = "/nowhere".to_owned();
    other_bucket.send_unsigned().await.error(404, "NoSuchBucket");
    assert!(lab.keys("/b-one").await.is_empty());
    assert!(
        std::fs::read_dir(lab.path("b-one/.s3cmd-serve/tmp")).map_or(true, |mut dir| dir.next().is_none())
    );
}

#[tokio::test]
async fn a_form_chooses_the_response() {
    let lab = Lab::with_bucket().await;
    let conditions = json!([
        ["starts-with", "$key", ""],
        ["starts-with", "$success_action_redirect", ""],
        ["starts-with", "$success_action_status", ""],
    ]);
    let send = async |redirect: &str, status: &str| {
        let fields =
            [("key", "a/é k"), ("success_action_redirect", redirect), ("success_action_status", status)];
        lab.form_of(&signed(4, ALICE, &fields, &conditions), "f", b"x").send_unsigned().await
    };
    let etag = "%229dd4e461268c8034f5c8564e155c67a6%22";
    let added = format!("bucket=b-one&key=a%2F%C3%A9%20k&etag={etag}");
    for (url, expected) in [
        ("https://h.example/done", format!("https://h.example/done?{added}")),
        ("http://h.example/?a=b#end", format!("http://h.example/?a=b&{added}#end")),
    ] {
        assert_eq!(send(url, "201").await.ok(303).header("location"), expected);
    }
    assert!(send("nonsense", "200").await.ok(200).body.is_empty());
    assert!(send("/local", "404").await.ok(204).body.is_empty());
}

/// A file that is larger than the buffer, with a checksum that is verified.
#[tokio::test]
async fn a_large_file_is_streamed_to_disk() {
    let lab = Lab::with_bucket().await;
    let file: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let sum = BASE64_STANDARD.encode(Sha256::digest(&file));
    let other = BASE64_STANDARD.encode(Sha256::digest(b"other"));
    let conditions = json!([{ "key": "big" }, ["starts-with", "$x-amz-checksum-sha256", ""]]);
    let fields = |sum| signed(4, ALICE, &[("key", "big"), ("x-amz-checksum-sha256", sum)], &conditions);
    lab.form_of(&fields(&other), "f", &file).send_unsigned().await.error(400, "BadDigest");
    assert!(lab.keys("/b-one").await.is_empty());
    let response = lab.form_of(&fields(&sum), "f", &file).send_unsigned().await.ok(204);
    assert_eq!(response.header("x-amz-checksum-sha256"), sum);
    assert_eq!(std::fs::read(lab.path("b-one/big")).unwrap(), file);
}

#[tokio::test]
async fn a_form_may_be_sent_to_a_bucket_in_the_host_name() {
    let lab = Lab::with_bucket().await;
    let mut form = lab.form_of(&signed(4, ALICE, &[("key", "k")], &json!([{ "key": "k" }])), "f", b"x");
    form.path = "/".to_owned();
    let host = format!("b-one.localhost:{}", lab.server.address().port());
    let response = form.header("host", &host).send_unsigned().await.ok(204);
    assert_eq!(response.header("location"), format!("http://{host}/k"));
    assert_eq!(lab.keys("/b-one").await, ["k"]);
}

#[tokio::test]
async fn field_values_are_kept_byte_for_byte() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read-write").send().await.ok(200);
    let mut form = lab.form(
        &[("key", "k"), ("x-amz-meta-m", "caf@"), ("Content-Disposition", "inline; x=@")],
        "f",
        b"x",
    );
    for byte in form.body.iter_mut().filter(|byte| **byte == b'@') {
        *byte = 0xe9;
    }
    form.send_unsigned().await.ok(204);
    let got = lab.alice("HEAD", "/b-one/k").send().await.ok(200);
    assert_eq!(&*header_text::to_bytes(got.header("x-amz-meta-m")), b"caf\xe9");
    assert_eq!(&*header_text::to_bytes(got.header("content-disposition")), b"inline; x=\xe9");
    // Keys have to be UTF-8.
    let mut form = lab.form(&[("key", "k@")], "f", b"x");
    for byte in form.body.iter_mut().filter(|byte| **byte == b'@') {
        *byte = 0xe9;
    }
    form.send_unsigned().await.error(400, "MalformedPOSTRequest");
    let bell = lab.form(&[("key", "k2"), ("x-amz-meta-m", "a\u{7}b")], "f", b"x");
    bell.send_unsigned().await.error(400, "InvalidArgument");
}

#[tokio::test]
async fn a_redirect_may_lead_to_a_page_in_the_bucket() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read-write").send().await.ok(200);
    let page = lab.alice("PUT", "/b-one/thanks.html").header("x-amz-acl", "public-read").body("thanks");
    page.send().await.ok(200);
    let to = format!("http://{}/b-one/thanks.html", lab.server.address());
    let form = lab.form(&[("key", "up load"), ("success_action_redirect", &to)], "f", b"x");
    let location = form.send_unsigned().await.ok(303).header("location").to_owned();
    let target = location.strip_prefix(&format!("http://{}", lab.server.address())).unwrap();
    assert!(target.starts_with("/b-one/thanks.html?bucket=b-one&key=up%20load&etag=%22"), "{target}");
    assert_eq!(lab.anonymous("GET", target).send().await.ok(200).text(), "thanks");
}

#[tokio::test]
async fn the_expiration_of_a_policy_needs_a_complete_utc_time() {
    let lab = Lab::with_bucket().await;
    let user = &users()[ALICE];
    let upload = async |expiration: &str| {
        let text = json!({ "expiration": expiration, "conditions": [{ "bucket": "b-one" }, { "key": "k" }] });
        let policy = BASE64_STANDARD.encode(text.to_string());
        let signature = v2::signature(&policy, &user.secret_key);
        let fields = [
            ("key", "k"),
            ("AWSAccessKeyId", &*user.access_key),
            ("signature", &*signature),
            ("policy", &*policy),
        ];
        lab.form(&fields, "f", b"x").send_unsigned().await
    };
    upload("2099-01-31T12:00:00Z").await.ok(204);
    upload("2099-01-31T12:00:00.123Z").await.ok(204);
    for bad in [
        "2099-01-31 12:00:00+00:00",
        "2099-01-31T12:00:00+00:00",
        "2099-01-31 12:00:00.123456+00:00",
        "2099-01-31T12:00:00",
    ] {
        upload(bad).await.error(400, "InvalidPolicyDocument");
    }
}
