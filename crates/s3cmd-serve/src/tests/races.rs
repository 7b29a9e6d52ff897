//! Requests whose body is delayed while other clients write. The result is the same as if the whole request had arrived
//! before or after.

use super::*;
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
    let begun = request.start(length).await;
    // Gives the server time to handle the head.
    tokio::time::sleep(Duration::from_millis(300)).await;
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

/// A request of any kind changes nothing if the permission is revoked before its body is complete.
#[tokio::test]
async fn a_permission_that_is_revoked_meanwhile_is_denied() {
    let lab = Lab::new().await;
    lab.alice("PUT", "/b-one").header("x-amz-bucket-object-lock-enabled", "true").send().await.ok(200);
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:*",
        "Resource": ["arn:aws:s3:::b-one", "arn:aws:s3:::b-one/*"]}]}"#;
    let allow = async || {
        lab.alice("PUT", "/b-one?policy").body(policy).send().await.ok(204);
    };
    allow().await;
    lab.alice("PUT", "/b-one/k")
        .header("x-amz-storage-class", "GLACIER")
        .body("alice's")
        .send()
        .await
        .ok(200);
    let until = (Utc::now() + chrono::TimeDelta::days(3)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let id = lab.bob("POST", "/b-one/parts?uploads").send().await.ok(200).value("UploadId");
    let part = format!("/b-one/parts?partNumber=1&uploadId={id}");
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    let lifecycle = "<LifecycleConfiguration><Rule><ID>x</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>\
                     <Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>";
    let retention =
        format!("<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>");
    let lock =
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
    let enable = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let delete = "<Delete><Object><Key>k</Key></Object></Delete>";
    let restore = "<RestoreRequest><Days>1</Days></RestoreRequest>";
    let cases: [(&str, &str, &str); 13] = [
        ("PUT", "/b-one/k?acl", &acl_of("alice")),
        ("PUT", "/b-one/k?tagging", tags),
        ("PUT", "/b-one/k?retention", &retention),
        ("PUT", "/b-one/k?legal-hold", "<LegalHold><Status>ON</Status></LegalHold>"),
        ("POST", "/b-one/k?restore", restore),
        ("PUT", "/b-one?acl", &acl_of("alice")),
        ("PUT", "/b-one?lifecycle", lifecycle),
        ("PUT", "/b-one?tagging", tags),
        ("PUT", "/b-one?object-lock", lock),
        ("PUT", "/b-one?versioning", enable),
        ("PUT", "/b-one/k", "bob's"),
        ("PUT", &part, "bob's"),
        ("POST", "/b-one?delete", delete),
    ];
    let before = state(&lab).await;
    for (method, target, body) in cases {
        let mut request = lab.bob(method, target).body(body);
        if target.ends_with("?delete") {
            let md5 = <md5::Md5 as md5::Digest>::digest(body);
            request = request
                .header("content-md5", &base64::Engine::encode(&base64::prelude::BASE64_STANDARD, md5));
        }
        let response = delayed(request, async || {
            lab.alice("DELETE", "/b-one?policy").send().await.ok(204);
        })
        .await;
        if response.status == 200 {
            // The response to DeleteObjects has an error for each key.
            assert_eq!(response.value("Code"), "AccessDenied", "{target}");
        } else {
            assert_eq!(
                (response.status, response.value("Code")),
                (403, "AccessDenied".to_owned()),
                "{target}"
            );
        }
        allow().await;
        assert_eq!(state(&lab).await, before, "{target}");
    }
}

async fn state(lab: &Lab) -> String {
    let mut text = String::new();
    for target in [
        "/b-one?versions",
        "/b-one?acl",
        "/b-one?lifecycle",
        "/b-one?tagging",
        "/b-one?uploads",
        "/b-one/k?acl",
        "/b-one/k?tagging",
        "/b-one/k?retention",
        "/b-one/k?legal-hold",
    ] {
        let response = lab.alice("GET", target).send().await;
        text += &if response.status == 200 { response.text() } else { response.value("Code") };
        text.push('\n');
    }
    text + lab.alice("HEAD", "/b-one/k").send().await.ok(200).header("x-amz-restore")
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
