//! Buckets: creation and deletion, host names, query parameters, bucket documents.

use super::*;

#[tokio::test]
async fn buckets_are_created_listed_and_removed_when_empty() {
    let lab = Lab::new().await;
    lab.alice("PUT", "/photos").send().await.ok(200);
    lab.alice("PUT", "/photos").send().await.ok(200);
    lab.bob("PUT", "/photos").send().await.error(409, "BucketAlreadyExists");
    lab.bob("PUT", "/bobs").send().await.ok(200);
    assert_eq!(lab.alice("GET", "/").send().await.ok(200).all("Name"), ["photos"]);
    assert_eq!(lab.bob("GET", "/").v2().send().await.ok(200).all("Name"), ["bobs"]);
    let anonymous = lab.anonymous("GET", "/").send().await.ok(200);
    assert_eq!((anonymous.value("ID"), anonymous.all("Bucket").len()), ("anonymous".to_owned(), 0));
    lab.alice("HEAD", "/photos").send().await.ok(200);
    lab.bob("HEAD", "/photos").send().await.ok(403);
    lab.alice("HEAD", "/nothing").send().await.ok(404);
    lab.put("/photos/x/y", "z").await;
    lab.alice("DELETE", "/photos").send().await.error(409, "BucketNotEmpty");
    lab.alice("DELETE", "/photos/x/y").send().await.ok(204);
    lab.bob("DELETE", "/photos").send().await.error(403, "AccessDenied");
    lab.alice("DELETE", "/photos").send().await.ok(204);
    lab.alice("DELETE", "/photos").send().await.error(404, "NoSuchBucket");
    assert!(!lab.path("photos").exists());
    for name in ["Lab_Ref", "ab", "a..b", "1.2.3.4", "-abc"] {
        lab.alice("PUT", &format!("/{name}")).send().await.error(400, "InvalidBucketName");
    }
}

#[tokio::test]
async fn a_location_constraint_is_stored() {
    let lab = Lab::new().await;
    let body = "<CreateBucketConfiguration><LocationConstraint>north</LocationConstraint></CreateBucketConfiguration>";
    lab.alice("PUT", "/far").body(body).send().await.ok(200);
    lab.alice("PUT", "/near").send().await.ok(200);
    assert_eq!(lab.alice("GET", "/far?location").send().await.ok(200).value("LocationConstraint"), "north");
    assert_eq!(lab.alice("GET", "/near?location").send().await.ok(200).value("LocationConstraint"), "");
    lab.alice("PUT", "/bad").body("<Create").send().await.error(400, "MalformedXML");
    lab.alice("HEAD", "/bad").send().await.ok(404);
}

#[tokio::test]
async fn virtual_host_style_names_the_bucket_in_the_host() {
    let lab = Lab::with_bucket().await;
    let host = format!("b-one.localhost:{}", lab.server.address().port());
    lab.alice("PUT", "/key").header("host", &host).body("x").send().await.ok(200);
    assert_eq!(lab.alice("GET", "/b-one/key").send().await.ok(200).text(), "x");
    assert_eq!(lab.alice("GET", "/").header("host", &host).send().await.ok(200).all("Key"), ["key"]);
    // SigV2 signs the bucket, even if it is in the host name.
    let request = lab.alice("GET", "/key");
    let mut headers = vec![("host".to_owned(), host)];
    let to_sign = sign::Request { method: "GET", path: "/key", query: &[], headers: &headers };
    let added = v2::sign(&to_sign, Some("b-one"), &request.credentials().unwrap(), Utc::now());
    headers.extend(added);
    assert_eq!(request.send_with(headers).await.ok(200).text(), "x");
}

/// `rclone serve s3`, by contrast, replaces the object or deletes the bucket.
#[tokio::test]
async fn unknown_subresources_never_fall_through() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/key", "precious").await;
    for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
        for target in [
            "/b-one/key?legal-hold&retention",
            "/b-one/key?select",
            "/b-one/key?acl&tagging",
            "/b-one/key?ACL",
            "/b-one/key?versionid=null",
            "/b-one/key?v=2&torrents&Session",
            "/b-one?analytics&id=1",
            "/b-one?acl&policy",
            "/b-one?Policy",
            "/b-one?inventory&v=2",
            "/b-one?versionId=null",
        ] {
            let response = lab.alice(method, target).send().await;
            assert_eq!(response.status, 501, "{method} {target}: {}", response.text());
        }
    }
    for target in ["/b-one?what", "/b-one/key?what", "/b-one/key?v=2", "/b-one/key?=x", "/?what"] {
        for method in ["PUT", "POST", "DELETE"] {
            assert_eq!(lab.alice(method, target).send().await.status, 501, "{method} {target}");
        }
    }
    for (method, target) in [("HEAD", "/b-one/key?acl"), ("DELETE", "/b-one?acl"), ("POST", "/b-one/key")] {
        assert_eq!(lab.alice(method, target).send().await.status, 501, "{method} {target}");
    }
    assert_eq!(lab.alice("GET", "/b-one/key").send().await.ok(200).text(), "precious");
}

#[tokio::test]
async fn a_read_ignores_parameters_that_have_no_meaning() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/key", "content").await;
    lab.alice("PUT", "/b-one?policy").body(r#"{"Version":"2012-10-17","Statement":[]}"#).send().await;
    for query in [
        "v=2",
        "utm_source=mail&utm_medium=x",
        "bucket=b-one&key=key&etag=%22x%22",
        "a=1&a=2",
        "=x",
        "prefix=z",
    ] {
        let target = |path: &str| format!("{path}?{query}");
        assert_eq!(lab.alice("GET", &target("/b-one/key")).send().await.ok(200).text(), "content", "{query}");
        lab.alice("HEAD", &target("/b-one/key")).send().await.ok(200);
        lab.alice("HEAD", &target("/b-one")).send().await.ok(200);
        lab.alice("GET", &target("/b-one/key")).v2().send().await.ok(200);
        lab.alice("GET", &format!("/b-one/key?acl&{query}")).send().await.ok(200);
        lab.alice("GET", &format!("/b-one?location&{query}")).send().await.ok(200);
        if query != "prefix=z" {
            assert_eq!(
                lab.alice("GET", &target("/b-one")).send().await.ok(200).all("Key"),
                ["key"],
                "{query}"
            );
        }
        lab.alice("GET", &target("/")).send().await.ok(200);
        lab.alice("HEAD", &target("/")).send().await.ok(405);
        lab.anonymous("GET", &target("/b-one/key")).send().await.error(403, "AccessDenied");
    }
    // They are signed like every parameter.
    let request = lab.alice("GET", "/b-one/key?v=2");
    let headers = request.signed();
    let mut other = request.clone();
    other.query[0].1 = "3".to_owned();
    other.send_with(headers).await.error(403, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn documents_are_validated_stored_and_removed() {
    let lab = Lab::with_bucket().await;
    let cases: [(&str, &str, u16, &str, &str); 8] = [
        (
            "lifecycle",
            "<LifecycleConfiguration><Rule><ID>a</ID><Prefix>p</Prefix><Status>Enabled</Status><Expiration><Days>3</Days>\
             </Expiration></Rule></LifecycleConfiguration>",
            200,
            "NoSuchLifecycleConfiguration",
            "MalformedXML",
        ),
        (
            "policy",
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b-one/*"}]}"#,
            204,
            "NoSuchBucketPolicy",
            "MalformedPolicy",
        ),
        (
            "cors",
            "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>\
             </CORSConfiguration>",
            200,
            "NoSuchCORSConfiguration",
            "MalformedXML",
        ),
        (
            "tagging",
            "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
            204,
            "NoSuchTagSet",
            "MalformedXML",
        ),
        (
            "website",
            "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>",
            200,
            "NoSuchWebsiteConfiguration",
            "MalformedXML",
        ),
        (
            "ownershipControls",
            "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>",
            200,
            "OwnershipControlsNotFoundError",
            "MalformedXML",
        ),
        (
            "publicAccessBlock",
            "<PublicAccessBlockConfiguration><BlockPublicAcls>false</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>\
             <BlockPublicPolicy>false</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets>\
             </PublicAccessBlockConfiguration>",
            200,
            "NoSuchPublicAccessBlockConfiguration",
            "MalformedXML",
        ),
        (
            "requestPayment",
            "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>",
            200,
            "",
            "MalformedXML",
        ),
    ];
    for (sub, document, status, none, malformed) in cases {
        let target = format!("/b-one?{sub}");
        if none.is_empty() {
            assert_eq!(lab.alice("GET", &target).send().await.ok(200).value("Payer"), "BucketOwner");
        } else {
            lab.alice("GET", &target).send().await.error(404, none);
        }
        lab.alice("PUT", &target).body("<nonsense").send().await.error(400, malformed);
        lab.alice("PUT", &target).body("<Other/>").send().await.error(400, malformed);
        lab.bob("PUT", &target).body(document).send().await.error(403, "AccessDenied");
        lab.alice("PUT", &target).body(document).send().await.ok(status);
        assert_eq!(lab.alice("GET", &target).send().await.ok(200).text(), document);
        lab.bob("GET", &target).send().await.error(403, "AccessDenied");
        if !none.is_empty() {
            lab.alice("DELETE", &target).send().await.ok(204);
            lab.alice("GET", &target).send().await.error(404, none);
            lab.alice("DELETE", &target).send().await.ok(204);
        }
    }
    lab.alice("HEAD", "/b-one").send().await.ok(200);
    let versioning = lab.alice("GET", "/b-one?versioning").send().await.ok(200);
    assert!(versioning.text().contains("<VersioningConfiguration") && versioning.value("Status").is_empty());
    lab.alice("PUT", "/b-one?versioning")
        .body(
            "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>",
        )
        .send()
        .await
        .error(501, "NotImplemented");
}

#[tokio::test]
async fn state_survives_a_restart() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one/k").header("x-amz-meta-colour", "grün").body("x").send().await.ok(200);
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read").send().await.ok(200);
    lab.alice("PUT", "/b-one?tagging")
        .body("<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>")
        .send()
        .await
        .ok(204);
    lab.server.stop().await;
    let server = start(options(lab.dir.path())).await.unwrap();
    let lab = Lab { dir: lab.dir, server };
    assert_eq!(lab.alice("HEAD", "/b-one/k").send().await.ok(200).header("x-amz-meta-colour"), "grün");
    assert_eq!(lab.anonymous("GET", "/b-one").send().await.ok(200).all("Key"), ["k"]);
    assert_eq!(lab.alice("GET", "/b-one?tagging").send().await.ok(200).value("Value"), "b");
}
