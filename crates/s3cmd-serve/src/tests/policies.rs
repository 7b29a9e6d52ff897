//! Bucket policies: conditions on requests, the permissions that upload headers require, and rejected policies.

use super::*;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

fn statement(effect: &str, principal: &str, action: &str, condition: &str) -> String {
    let condition = if condition.is_empty() { String::new() } else { format!(r#","Condition":{condition}"#) };
    format!(
        r#"{{"Effect":"{effect}","Principal":{principal},"Action":{action},
           "Resource":["arn:aws:s3:::b-one","arn:aws:s3:::b-one/*"]{condition}}}"#
    )
}

const BOB: &str = r#"{"AWS":"bob"}"#;
const ALL: &str = r#""*""#;

impl Lab {
    async fn policy(&self, statements: &[String]) {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
        self.alice("PUT", "/b-one?policy").body(text).send().await.ok(204);
    }

    /// A server with the bucket `b-one`, where versions can be locked.
    async fn with_locks() -> Self {
        let lab = Self::new().await;
        lab.alice("PUT", "/b-one").header("x-amz-bucket-object-lock-enabled", "true").send().await.ok(200);
        lab
    }
}

#[tokio::test]
async fn unenforceable_policies_are_rejected_by_name() {
    let lab = Lab::with_bucket().await;
    for (change, to, named) in [
        ("s3:GetObject", "s3:GetObjct", "s3:GetObjct"),
        ("aws:UserAgent", "aws:MultiFactorAuthPresent", "aws:MultiFactorAuthPresent"),
        ("aws:UserAgent", "s3:nonsense", "s3:nonsense"),
        ("StringLike", "IpAddress", "aws:UserAgent"),
        ("curl*", "${nobody}", "nobody"),
        ("\"Effect\"", "\"Efect\"", "Efect"),
    ] {
        let text = statement("Deny", ALL, r#""s3:GetObject""#, r#"{"StringLike":{"aws:UserAgent":"curl*"}}"#);
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, text.replacen(change, to, 1));
        let response =
            lab.alice("PUT", "/b-one?policy").body(text).send().await.error(400, "MalformedPolicy");
        assert!(response.value("Message").contains(named), "{named}: {}", response.text());
    }
    lab.alice("GET", "/b-one?policy").send().await.error(404, "NoSuchBucketPolicy");
}

#[tokio::test]
async fn variables_restrict_users_to_their_folders() {
    let lab = Lab::with_bucket().await;
    let own = statement("Allow", r#"{"AWS":["bob"]}"#, r#"["s3:GetObject","s3:PutObject"]"#, "").replace(
        r#""arn:aws:s3:::b-one","arn:aws:s3:::b-one/*""#,
        r#""arn:aws:s3:::b-one/home/${aws:userid}/*""#,
    );
    let list = statement(
        "Allow",
        BOB,
        r#""s3:ListBucket""#,
        r#"{"StringLike":{"s3:prefix":"home/${aws:userid}/*"}}"#,
    );
    lab.policy(&[own, list]).await;
    lab.bob("PUT", "/b-one/home/bob/x").body("x").send().await.ok(200);
    lab.bob("GET", "/b-one/home/bob/x").send().await.ok(200);
    for target in ["/b-one/home/alice/x", "/b-one/home/$%7Baws:userid%7D/x", "/b-one/home/bobby/x"] {
        lab.bob("PUT", target).body("x").send().await.error(403, "AccessDenied");
    }
    lab.bob("GET", "/b-one?prefix=home/bob/").send().await.ok(200);
    lab.bob("GET", "/b-one?prefix=home/alice/").send().await.error(403, "AccessDenied");
    lab.bob("GET", "/b-one/home/bob/none").send().await.error(404, "NoSuchKey");
    lab.bob("GET", "/b-one/home/alice/none").send().await.error(403, "AccessDenied");
}

#[tokio::test]
async fn a_deny_can_test_how_a_request_was_signed() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "x").await;
    let get = |v2: bool| {
        let request = lab.alice("GET", "/b-one/k");
        if v2 { request.v2() } else { request }.send()
    };
    for (condition, v4, v2) in [
        (r#"{"StringEquals":{"s3:signatureversion":"AWS"}}"#, 200, 403),
        (r#"{"StringEquals":{"s3:signatureversion":"AWS4-HMAC-SHA256"}}"#, 403, 200),
        (r#"{"StringNotEquals":{"s3:authType":"REST-HEADER"}}"#, 200, 200),
        (r#"{"StringEquals":{"s3:authType":"REST-HEADER"}}"#, 403, 403),
        (r#"{"NumericGreaterThan":{"s3:signatureAge":600000}}"#, 200, 200),
        (r#"{"NumericLessThan":{"s3:signatureAge":600000}}"#, 403, 403),
        (r#"{"Null":{"s3:TlsVersion":"true"}}"#, 403, 403),
        (r#"{"NumericLessThan":{"s3:TlsVersion":1.2}}"#, 200, 200),
        (r#"{"StringEquals":{"aws:PrincipalType":"User"}}"#, 403, 403),
    ] {
        lab.policy(&[statement("Deny", ALL, r#""s3:GetObject""#, condition)]).await;
        assert_eq!((get(false).await.status, get(true).await.status), (v4, v2), "{condition}");
    }
    // An anonymous request has no signature.
    let condition =
        r#"{"Null":{"s3:authType":"true","s3:signatureAge":"true","s3:signatureversion":"true"}}"#;
    lab.policy(&[statement("Allow", ALL, r#""s3:GetObject""#, condition)]).await;
    lab.anonymous("GET", "/b-one/k").send().await.ok(200);
}

#[tokio::test]
async fn conditions_on_tags_test_the_body() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "x").await;
    let tagging = |value: &str| {
        format!("<Tagging><TagSet><Tag><Key>class</Key><Value>{value}</Value></Tag></TagSet></Tagging>")
    };
    let tag = |body: String, header: &str| {
        let request = lab.bob("PUT", "/b-one/k?tagging").body(body);
        if header.is_empty() { request } else { request.header("x-amz-tagging", header) }.send()
    };
    let open = r#"{"StringEquals":{"s3:RequestObjectTag/class":"open"}}"#;
    lab.policy(&[statement("Allow", BOB, r#""s3:PutObjectTagging""#, open)]).await;
    tag(tagging("open"), "").await.ok(200);
    tag(tagging("closed"), "class=open").await.error(403, "AccessDenied");
    tag(tagging("open"), "class=closed").await.ok(200);
    let keys = r#"{"ForAllValues:StringEquals":{"s3:RequestObjectTagKeys":["other"]}}"#;
    lab.policy(&[statement("Allow", BOB, r#""s3:PutObjectTagging""#, keys)]).await;
    tag(tagging("open"), "").await.error(403, "AccessDenied");
    tag(tagging("open").replace("class", "other"), "").await.ok(200);
    // A Deny also applies to the owner.
    lab.policy(&[statement("Deny", ALL, r#""s3:PutObjectTagging""#, open)]).await;
    lab.alice("PUT", "/b-one/k?tagging").body(tagging("open")).send().await.error(403, "AccessDenied");
    lab.alice("PUT", "/b-one/k?tagging").body(tagging("closed")).send().await.ok(200);
    lab.alice("PUT", "/b-one/k?tagging").body("<x/>").send().await.error(400, "MalformedXML");
}

#[tokio::test]
async fn conditions_on_locks_test_the_body() {
    let lab = Lab::with_locks().await;
    lab.put("/b-one/k", "x").await;
    let retain = |days: i64, mode: &str| {
        let until = (Utc::now() + chrono::TimeDelta::days(days)).to_rfc3339();
        let body =
            format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>");
        lab.alice("PUT", "/b-one/k?retention").body(body).send()
    };
    let long = r#"{"NumericGreaterThan":{"s3:object-lock-remaining-retention-days":10}}"#;
    let mode = r#"{"StringEquals":{"s3:object-lock-mode":"COMPLIANCE"}}"#;
    let hold = r#"{"StringEquals":{"s3:object-lock-legal-hold":"ON"}}"#;
    lab.policy(&[
        statement("Deny", ALL, r#""s3:PutObjectRetention""#, long),
        statement("Deny", ALL, r#""s3:PutObjectRetention""#, mode),
        statement("Deny", ALL, r#""s3:PutObjectLegalHold""#, hold),
    ])
    .await;
    retain(11, "GOVERNANCE").await.error(403, "AccessDenied");
    retain(2, "COMPLIANCE").await.error(403, "AccessDenied");
    retain(10, "GOVERNANCE").await.ok(200);
    let put = |mode: &str, days: i64| {
        let until = (Utc::now() + chrono::TimeDelta::days(days)).to_rfc3339();
        let request = lab.alice("PUT", "/b-one/new").header("x-amz-object-lock-retain-until-date", &until);
        request.header("x-amz-object-lock-mode", mode).body("x").send()
    };
    put("COMPLIANCE", 2).await.error(403, "AccessDenied");
    put("GOVERNANCE", 20).await.error(403, "AccessDenied");
    put("GOVERNANCE", 2).await.ok(200);
    let set = |status: &str| {
        let body = format!("<LegalHold><Status>{status}</Status></LegalHold>");
        lab.alice("PUT", "/b-one/k?legal-hold").body(body).send()
    };
    set("ON").await.error(403, "AccessDenied");
    set("OFF").await.ok(200);
    let put = lab.alice("PUT", "/b-one/held").header("x-amz-object-lock-legal-hold", "ON").body("x");
    put.send().await.error(403, "AccessDenied");
}

#[tokio::test]
async fn a_policy_can_require_conditional_writes() {
    let lab = Lab::with_bucket().await;
    let unconditional =
        r#"{"Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}}"#;
    lab.policy(&[statement("Deny", ALL, r#""s3:PutObject""#, unconditional)]).await;
    lab.alice("PUT", "/b-one/k").body("x").send().await.error(403, "AccessDenied");
    lab.alice("PUT", "/b-one/k").header("if-none-match", "*").body("x").send().await.ok(200);
    lab.alice("POST", "/b-one/big?uploads").send().await.ok(200);
    let by_etag = r#"{"Null":{"s3:if-match":"true"}}"#;
    lab.policy(&[statement("Deny", ALL, r#""s3:DeleteObject""#, by_etag)]).await;
    let delete = |etag: &str| {
        let body = format!("<Delete><Object><Key>k</Key>{etag}</Object></Delete>");
        lab.alice("POST", "/b-one?delete").body(body).send()
    };
    lab.alice("DELETE", "/b-one/k").send().await.error(403, "AccessDenied");
    assert_eq!(delete("").await.ok(200).value("Code"), "AccessDenied");
    assert_eq!(delete("<ETag>*</ETag>").await.ok(200).value("Key"), "k");
    lab.alice("GET", "/b-one/k").send().await.error(404, "NoSuchKey");
}

#[tokio::test]
async fn copy_sources_are_compared_in_every_spelling() {
    let lab = Lab::with_bucket().await;
    for key in ["open/a", "closed/a"] {
        lab.put(&format!("/b-one/{key}"), "x").await;
    }
    let closed = r#"{"StringLike":{"s3:x-amz-copy-source":"b-one/closed/*"}}"#;
    lab.policy(&[statement("Deny", ALL, r#""s3:PutObject""#, closed)]).await;
    for (source, status) in [
        ("b-one/closed/a", 403),
        ("/b-one/closed/a", 403),
        ("/b-one/%63losed/a", 403),
        ("b-one%2Fclosed%2Fa", 403),
        ("/b-one/open/a", 200),
    ] {
        lab.alice("PUT", "/b-one/copy").header("x-amz-copy-source", source).send().await.ok(status);
    }
}

#[tokio::test]
async fn conditions_on_versions_test_the_version_that_is_used() {
    let lab = Lab::with_locks().await;
    let version = |response: TestResponse| response.ok(200).header("x-amz-version-id").to_owned();
    let one = version(lab.put("/b-one/k", "1").await);
    let two = version(lab.put("/b-one/k", "2").await);
    let only = format!(r#"{{"StringEquals":{{"s3:VersionId":"{one}"}}}}"#);
    lab.policy(&[statement("Deny", ALL, r#"["s3:GetObjectVersion","s3:DeleteObjectVersion"]"#, &only)]).await;
    for (id, status) in [(&one, 403), (&two, 200)] {
        lab.alice("GET", &format!("/b-one/k?versionId={id}")).send().await.ok(status);
        let source = format!("/b-one/k?versionId={id}");
        lab.alice("PUT", "/b-one/copy").header("x-amz-copy-source", &source).send().await.ok(status);
    }
    let body = format!("<Delete><Object><Key>k</Key><VersionId>{one}</VersionId></Object></Delete>");
    let response = lab.alice("POST", "/b-one?delete").body(body).send().await.ok(200);
    assert_eq!(response.value("Code"), "AccessDenied");
}

/// The statuses of the three ways to write an object with a header: PUT, CreateMultipartUpload, copy.
async fn uploads(lab: &Lab, user: Option<usize>, name: &str, value: &str) -> [u16; 3] {
    let put = lab.call(user, "PUT", "/b-one/new").header(name, value).body("x").send().await;
    let create = lab.call(user, "POST", "/b-one/new?uploads").header(name, value).send().await;
    let copy = lab.call(user, "PUT", "/b-one/new").header("x-amz-copy-source", "/b-one/k");
    let copy = copy.header("x-amz-tagging-directive", "REPLACE").header(name, value).send().await;
    [put.status, create.status, copy.status]
}

#[tokio::test]
async fn upload_headers_require_their_permissions() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one/k").header("x-amz-acl", "public-read").body("x").send().await.ok(200);
    let all_users = "uri=http://acs.amazonaws.com/groups/global/AllUsers";
    let headers = [
        ("x-amz-acl", "public-read", "s3:PutObjectAcl"),
        ("x-amz-grant-read", all_users, "s3:PutObjectAcl"),
        (
            "x-amz-grant-full-control",
            "id=bob, uri=http://acs.amazonaws.com/groups/global/AllUsers",
            "s3:PutObjectAcl",
        ),
        ("x-amz-tagging", "a=b", "s3:PutObjectTagging"),
    ];
    for (name, value, action) in headers {
        // If the policy is what allows the upload, it has to allow the action of the header, too.
        lab.policy(&[statement("Allow", BOB, r#"["s3:PutObject","s3:GetObject"]"#, "")]).await;
        assert_eq!(uploads(&lab, Some(super::BOB), name, value).await, [403; 3], "{name}");
        lab.policy(&[statement("Allow", BOB, &format!(r#"["s3:PutObject","s3:GetObject","{action}"]"#), "")])
            .await;
        assert_eq!(uploads(&lab, Some(super::BOB), name, value).await, [200; 3], "{name}");
        // A Deny applies to everyone, including the owner. Without the header it does not apply.
        lab.policy(&[statement("Deny", ALL, &format!(r#""{action}""#), "")]).await;
        assert_eq!(uploads(&lab, Some(ALICE), name, value).await, [403; 3], "{name}");
        assert_eq!(uploads(&lab, Some(ALICE), "x-amz-meta-a", "b").await, [200; 3], "{name}");
        // If an ACL allows the upload, the header needs no other permission.
        lab.policy(&[statement("Allow", BOB, r#""s3:GetObject""#, "")]).await;
        lab.alice("PUT", "/b-one?acl").header("x-amz-grant-write", "id=bob").send().await.ok(200);
        assert_eq!(uploads(&lab, Some(super::BOB), name, value).await, [200; 3], "{name}");
        assert_eq!(uploads(&lab, Some(ALICE), name, value).await, [403; 3], "the owner has no grant: {name}");
        lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "private").send().await.ok(200);
        assert_eq!(uploads(&lab, Some(ALICE), name, value).await, [200; 3], "{name}");
    }
    // An ACL that grants nothing to others needs no permission but that to upload.
    lab.policy(&[statement("Allow", BOB, r#"["s3:PutObject","s3:GetObject"]"#, "")]).await;
    for (name, value) in [
        ("x-amz-acl", "private"),
        ("x-amz-acl", "bucket-owner-full-control"),
        ("x-amz-grant-full-control", "id=alice, id=bob"),
    ] {
        assert_eq!(uploads(&lab, Some(super::BOB), name, value).await, [200; 3], "{name}");
    }
}

#[tokio::test]
async fn tags_that_a_policy_requires_need_no_other_permission() {
    let lab = Lab::with_bucket().await;
    let open = r#"{"StringEquals":{"s3:RequestObjectTag/class":"open"}}"#;
    lab.policy(&[statement("Allow", BOB, r#""s3:PutObject""#, open)]).await;
    for (tags, status) in [("class=open", 200), ("class=closed", 403), ("class=open&other=x", 403)] {
        let put = lab.bob("PUT", "/b-one/new").header("x-amz-tagging", tags).body("x").send().await;
        assert_eq!(put.status, status, "{tags}");
    }
}

#[tokio::test]
async fn copies_keep_the_tags_that_the_requester_may_read() {
    let lab = Lab::with_bucket().await;
    lab.bob("PUT", "/b-bob").send().await.ok(200);
    lab.alice("PUT", "/b-one/k").header("x-amz-tagging", "secret=yes").body("x").send().await.ok(200);
    let copy = |headers: &[(&str, &str)]| {
        let request = lab.bob("PUT", "/b-bob/copy").header("x-amz-copy-source", "/b-one/k");
        headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
    };
    let tags = || lab.bob("GET", "/b-bob/copy?tagging").send();
    lab.policy(&[statement("Allow", BOB, r#""s3:GetObject""#, "")]).await;
    copy(&[]).await.ok(200);
    assert_eq!(tags().await.ok(200).all("Key"), [""; 0]);
    lab.policy(&[statement("Allow", BOB, r#"["s3:GetObject","s3:GetObjectTagging"]"#, "")]).await;
    copy(&[]).await.ok(200);
    assert_eq!(tags().await.ok(200).all("Key"), ["secret"]);
    lab.policy(&[
        statement("Allow", BOB, r#""s3:*""#, ""),
        statement("Deny", ALL, r#""s3:GetObjectTagging""#, ""),
    ])
    .await;
    copy(&[]).await.error(403, "AccessDenied");
    copy(&[("x-amz-tagging-directive", "REPLACE")]).await.ok(200);
    lab.alice("PUT", "/b-one/other")
        .header("x-amz-copy-source", "/b-one/k")
        .send()
        .await
        .error(403, "AccessDenied");
    // The destination: copying tags counts as setting them.
    lab.policy(&[statement("Deny", ALL, r#""s3:PutObjectTagging""#, "")]).await;
    lab.alice("PUT", "/b-one/other")
        .header("x-amz-copy-source", "/b-one/k")
        .send()
        .await
        .error(403, "AccessDenied");
    let without_tags = lab.alice("PUT", "/b-one/other").header("x-amz-copy-source", "/b-one/k");
    without_tags.header("x-amz-tagging-directive", "REPLACE").send().await.ok(200);
    // A tagging header that the copy ignores does not satisfy a condition on its tags.
    let open = r#"{"StringEquals":{"s3:RequestObjectTag/class":"open"}}"#;
    lab.policy(&[
        statement("Allow", BOB, r#"["s3:PutObject","s3:GetObject"]"#, open)
            .replace(r#""s3:GetObject""#, r#""s3:PutObjectTagging""#),
        statement("Allow", BOB, r#""s3:GetObject""#, ""),
    ])
    .await;
    let copy = |directive: &str| {
        let request = lab.bob("PUT", "/b-one/copied").header("x-amz-copy-source", "/b-one/k");
        request.header("x-amz-tagging", "class=open").header("x-amz-tagging-directive", directive).send()
    };
    copy("COPY").await.error(403, "AccessDenied");
    copy("REPLACE").await.ok(200);
}

#[tokio::test]
async fn form_fields_require_their_permissions() {
    let lab = Lab::with_bucket().await;
    let post = |fields: &[(&str, &str)]| {
        let mut body = String::new();
        for (name, value) in [&[("key", "form")], fields, &[("file", "x")]].concat() {
            body.push_str(&format!(
                "--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            ));
        }
        body.push_str("--B--\r\n");
        let request =
            lab.anonymous("POST", "/b-one").header("content-type", "multipart/form-data; boundary=B");
        request.body(body).send()
    };
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    lab.policy(&[statement("Allow", ALL, r#""s3:PutObject""#, "")]).await;
    post(&[]).await.ok(204);
    post(&[("acl", "public-read")]).await.error(403, "AccessDenied");
    post(&[("tagging", tags)]).await.error(403, "AccessDenied");
    lab.policy(&[statement("Allow", ALL, r#"["s3:PutObject","s3:PutObjectAcl","s3:PutObjectTagging"]"#, "")])
        .await;
    post(&[("acl", "public-read"), ("tagging", tags)]).await.ok(204);
    lab.policy(&[
        statement("Allow", ALL, r#""s3:Put*""#, ""),
        statement("Deny", ALL, r#"["s3:PutObjectAcl","s3:PutObjectTagging"]"#, ""),
    ])
    .await;
    post(&[("acl", "public-read")]).await.error(403, "AccessDenied");
    post(&[("tagging", tags)]).await.error(403, "AccessDenied");
    post(&[]).await.ok(204);
}

#[tokio::test]
async fn a_signed_form_is_a_post() {
    let lab = Lab::with_bucket().await;
    lab.policy(&[
        statement("Deny", ALL, r#""s3:PutObject""#, r#"{"StringNotEquals":{"s3:authType":"POST"}}"#),
        statement("Deny", ALL, r#""s3:PutObject""#, r#"{"StringNotEquals":{"s3:signatureversion":"AWS"}}"#),
    ])
    .await;
    lab.alice("PUT", "/b-one/k").body("x").send().await.error(403, "AccessDenied");
    let text =
        r#"{"expiration":"2099-01-01T00:00:00.000Z","conditions":[{"bucket":"b-one"},{"key":"form"}]}"#;
    let policy = BASE64_STANDARD.encode(text);
    let signature = v2::signature(&policy, &users()[ALICE].secret_key);
    let mut body = String::new();
    for (name, value) in [
        ("key", "form"),
        ("AWSAccessKeyId", "AKALICE"),
        ("policy", &policy),
        ("signature", &signature),
        ("file", "x"),
    ] {
        body.push_str(&format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    body.push_str("--B--\r\n");
    let request = lab.anonymous("POST", "/b-one").header("content-type", "multipart/form-data; boundary=B");
    request.body(body).send().await.ok(204);
}
