//! Behaviour that public conformance suites check and no other test here does.

use super::*;

#[tokio::test]
async fn buckets_are_listed_in_pages() {
    let lab = Lab::new().await;
    for name in ["aa-1", "aa-2", "bb-1"] {
        lab.alice("PUT", &format!("/{name}")).send().await.ok(200);
    }
    lab.bob("PUT", "/aa-bob").send().await.ok(200);
    let page = lab.alice("GET", "/?max-buckets=2").send().await.ok(200);
    assert_eq!(page.all("Name"), ["aa-1", "aa-2"]);
    let next = format!("/?max-buckets=2&continuation-token={}", page.value("ContinuationToken"));
    let page = lab.alice("GET", &next).send().await.ok(200);
    assert_eq!((page.all("Name"), page.value("ContinuationToken")), (vec!["bb-1".into()], String::new()));
    assert_eq!(lab.alice("GET", "/?prefix=aa-").send().await.ok(200).all("Name"), ["aa-1", "aa-2"]);
    assert_eq!(lab.alice("GET", "/?bucket-region=elsewhere").send().await.ok(200).all("Name"), [""; 0]);
    for query in ["max-buckets=0", "max-buckets=10001", "continuation-token=*"] {
        lab.alice("GET", &format!("/?{query}")).send().await.error(400, "InvalidArgument");
    }
}

#[tokio::test]
async fn creating_an_existing_bucket_needs_the_same_settings() {
    let lab = Lab::new().await;
    let make = |acl: &'static str| lab.alice("PUT", "/again").header("x-amz-acl", acl).send();
    make("public-read").await.ok(200);
    make("public-read").await.ok(200);
    make("private").await.error(409, "BucketAlreadyExists");
    lab.alice("PUT", "/again").send().await.error(409, "BucketAlreadyExists");
}

#[tokio::test]
async fn listings_accept_the_parameters_of_ceph() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "x").await;
    let page = lab.alice("GET", "/b-one?list-type=2&continuation-token=").send().await.ok(200);
    assert_eq!(page.all("Key"), ["k"]);
    assert!(page.text().contains("ContinuationToken"));
    assert_eq!(lab.keys("/b-one?allow-unordered=true").await, ["k"]);
    lab.alice("GET", "/b-one?allow-unordered=true&delimiter=/").send().await.error(400, "InvalidArgument");
}

#[tokio::test]
async fn deletions_have_conditions() {
    let lab = Lab::with_bucket().await;
    let condition = |name: &str, value: &str| lab.alice("DELETE", "/b-one/k").header(name, value);
    let (date, size) = ("x-amz-if-match-last-modified-time", "x-amz-if-match-size");
    for versions in [false, true] {
        if versions {
            let body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
            lab.alice("PUT", "/b-one?versioning").body(body).send().await.ok(200);
        }
        for what in ["if-match", date, size] {
            lab.put("/b-one/k", "12345").await;
            let head = lab.alice("HEAD", "/b-one/k").send().await.ok(200);
            let (wrong, right) = match what {
                "if-match" => ("\"x\"", head.header("etag")),
                "x-amz-if-match-size" => ("6", "5"),
                _ => ("Thu, 01 Jan 2015 00:00:00 GMT", head.header("last-modified")),
            };
            condition(what, wrong).send().await.error(412, "PreconditionFailed");
            condition(what, right).send().await.ok(204);
            // An object that does not exist meets every condition; a delete marker meets none of these.
            condition(what, wrong).send().await.ok(if versions { 412 } else { 204 });
        }
        condition("if-match", "*").send().await.ok(204);
        condition(size, "five").send().await.error(400, "InvalidArgument");
    }
    let version = lab.put("/b-one/k", "12345").await.header("x-amz-version-id").to_owned();
    let of_version = |expected: &str| {
        let target = format!("/b-one/k?versionId={version}");
        lab.alice("DELETE", &target).header(size, expected).send()
    };
    of_version("4").await.error(412, "PreconditionFailed");
    of_version("5").await.ok(204);
    of_version("4").await.ok(204);
    lab.put("/b-one/k", "12345").await;
    let many = |condition: &str| {
        let body = format!("<Delete><Object><Key>k</Key>{condition}</Object></Delete>");
        lab.alice("POST", "/b-one?delete").body(body).send()
    };
    assert_eq!(many("<Size>4</Size>").await.ok(200).value("Code"), "PreconditionFailed");
    assert_eq!(many("<ETag>x</ETag>").await.ok(200).value("Code"), "PreconditionFailed");
    let old = "<LastModifiedTime>Thu, 01 Jan 2015 00:00:00 GMT</LastModifiedTime>";
    assert_eq!(many(old).await.ok(200).value("Code"), "PreconditionFailed");
    assert_eq!(many("<Size>5</Size>").await.ok(200).value("DeleteMarker"), "true");
}

#[tokio::test]
async fn policies_can_test_tags() {
    let lab = Lab::with_bucket().await;
    for (key, tags) in [("open", "Security=public"), ("closed", "security=private"), ("none", "")] {
        lab.alice("PUT", &format!("/b-one/{key}")).header("x-amz-tagging", tags).send().await.ok(200);
    }
    let policy = r#"{"Statement":[
        {"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:GetObjectAcl"],"Resource":"arn:aws:s3:::b-one/*",
         "Condition":{"StringEquals":{"s3:ExistingObjectTag/security":"public"}}},
        {"Effect":"Allow","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::b-one/*",
         "Condition":{"StringEquals":{"s3:RequestObjectTag/security":"public"}}},
        {"Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":"s3:*","Resource":"arn:aws:s3:::b-one/*"}]}"#;
    lab.alice("PUT", "/b-one?policy").body(policy).send().await.ok(204);
    for (key, status) in [("open", 200), ("closed", 403), ("none", 403)] {
        lab.bob("GET", &format!("/b-one/{key}")).send().await.ok(status);
        lab.bob("GET", &format!("/b-one/{key}?acl")).send().await.ok(status);
        lab.bob("GET", &format!("/b-one/{key}?tagging")).send().await.ok(403);
    }
    for (tags, status) in [("security=public", 200), ("security=private", 403), ("", 403)] {
        lab.bob("PUT", "/b-one/new").header("x-amz-tagging", tags).send().await.ok(status);
    }
}

#[tokio::test]
async fn expect_continue_requests_are_authorized_before_the_body() {
    let lab = Lab::with_bucket().await;
    let request = |path: &str| {
        format!(
            "PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
        )
    };
    assert_eq!(exchange(lab.server.address(), request("/b-one/k").as_bytes()).await.status, 403);
    assert_eq!(exchange(lab.server.address(), request("/b-none/k").as_bytes()).await.status, 404);
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read-write").send().await.ok(200);
    let whole = format!("{}abc", request("/b-one/k"));
    let mut stream = TcpStream::connect(lab.server.address()).await.unwrap();
    stream.write_all(whole.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 100 ") && response.contains("HTTP/1.1 200 "), "{response}");
}

#[tokio::test]
async fn bodies_need_a_length_or_chunked_encoding() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read-write").send().await.ok(200);
    let send = |rest: &'static str| {
        let text = format!("PUT /b-one/k HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{rest}");
        let address = lab.server.address();
        async move { exchange(address, text.as_bytes()).await }
    };
    send("\r\n").await.error(411, "MissingContentLength");
    send("transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").await.ok(200);
    assert_eq!(lab.alice("GET", "/b-one/k").send().await.ok(200).text(), "abcde");
    send("content-length: 0\r\nauthorization: \r\n\r\n").await.error(403, "AccessDenied");
}

#[tokio::test]
async fn assorted_headers_and_errors() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one/k")
        .header("content-encoding", "deflate, aws-chunked, gzip")
        .send()
        .await
        .ok(200);
    let head = lab.alice("HEAD", "/b-one/k").send().await.ok(200);
    assert_eq!(head.header("content-encoding"), "deflate, gzip");
    lab.alice("GET", "/b-one/k?torrent").send().await.error(404, "NoSuchKey");
    lab.alice("PUT", "/b-one/k?torrent").send().await.error(501, "NotImplemented");
    assert_eq!(lab.alice("GET", "/b-one/none").send().await.ok(404).header("x-amz-delete-marker"), "false");
    let cors = "<CORSConfiguration><CORSRule><AllowedOrigin>a</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>\
                </CORSConfiguration>";
    lab.alice("PUT", "/b-one?cors").body(cors).send().await.ok(200);
    let put = |name: &'static str| {
        lab.anonymous("PUT", "/b-one/k").header("origin", "a").header("access-control-request-method", name)
    };
    assert_eq!(put("GET").send().await.ok(403).header("access-control-allow-origin"), "a");
    assert_eq!(put("PUT").send().await.ok(403).header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn presigned_urls_are_valid_for_a_second_to_a_week() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "x").await;
    for (life, status) in
        [("1", 403), ("0", 403), ("-7", 403), ("604801", 403), ("99999999999999999999", 400), ("x", 400)]
    {
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKALICE%2F20260101%2FUS%2Fs3%2Faws4_request\
             &X-Amz-Date=20260101T000000Z&X-Amz-Expires={life}&X-Amz-SignedHeaders=host&X-Amz-Signature=0"
        );
        let code = if life == "1" { "SignatureDoesNotMatch" } else { "AuthorizationQueryParametersError" };
        lab.anonymous("GET", &format!("/b-one/k?{query}")).send().await.error(status, code);
    }
}

#[tokio::test]
async fn the_prefix_in_list_objects_is_the_same_decoded_or_not() {
    let lab = Lab::with_bucket().await;
    for (prefix, first, second) in [
        ("a%20b%2F%C3%A9", "a b/é", "a%20b/%C3%A9"),
        ("%0A", "\n", "%0A"),
        ("%01", "%01", "%01"),
        ("a%2Bb", "a%2Bb", "a%2Bb"),
        ("a%25b", "a%25b", "a%25b"),
    ] {
        for (version, expected) in [("", first), ("&list-type=2", second)] {
            let target = format!("/b-one?encoding-type=url&prefix={prefix}{version}");
            assert_eq!(lab.alice("GET", &target).send().await.ok(200).value("Prefix"), expected, "{target}");
        }
    }
}

#[tokio::test]
async fn writes_report_the_expiry_date_of_the_object() {
    let lab = Lab::with_bucket().await;
    let rule = "<Rule><ID>one</ID><Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter><Status>Enabled</Status>\
                <Expiration><Days>1</Days></Expiration></Rule>";
    let body = format!("<LifecycleConfiguration>{rule}</LifecycleConfiguration>");
    lab.alice("PUT", "/b-one?lifecycle").body(body).send().await.ok(200);
    let expiration = |response: &TestResponse| response.header("x-amz-expiration").to_owned();
    let tagged = |method, target| lab.alice(method, target).header("x-amz-tagging", "a=b");
    let put = tagged("PUT", "/b-one/k").body("x").send().await.ok(200);
    assert!(expiration(&put).contains(" 00:00:00 GMT\", rule-id=\"one\""), "{}", expiration(&put));
    assert_eq!(expiration(&lab.alice("HEAD", "/b-one/k").send().await.ok(200)), expiration(&put));
    let copy = lab.alice("PUT", "/b-one/copy").header("x-amz-copy-source", "/b-one/k").send().await.ok(200);
    assert!(expiration(&copy).contains("rule-id=\"one\""));
    let id = tagged("POST", "/b-one/m?uploads").send().await.ok(200).value("UploadId");
    let part = lab.put(&format!("/b-one/m?partNumber=1&uploadId={id}"), "x").await;
    assert_eq!(
        (expiration(&part), expiration(&lab.put("/b-one/other", "x").await)),
        (String::new(), String::new())
    );
    let etag = part.header("etag");
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let done = lab.alice("POST", &format!("/b-one/m?uploadId={id}")).body(body).send().await.ok(200);
    assert!(expiration(&done).contains("rule-id=\"one\""));
}

#[tokio::test]
async fn uploads_report_when_they_will_be_aborted() {
    let lab = Lab::with_bucket().await;
    let rule = "<Rule><ID>soon</ID><Prefix>a/</Prefix><Status>Enabled</Status><AbortIncompleteMultipartUpload>\
                <DaysAfterInitiation>2</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>";
    let body = format!("<LifecycleConfiguration>{rule}</LifecycleConfiguration>");
    lab.alice("PUT", "/b-one?lifecycle").body(body).send().await.ok(200);
    for (key, id) in [("a/k", "soon"), ("k", "")] {
        let created = lab.alice("POST", &format!("/b-one/{key}?uploads")).send().await.ok(200);
        let target = format!("/b-one/{key}?uploadId={}", created.value("UploadId"));
        let parts = lab.alice("GET", &target).send().await.ok(200);
        for response in [created, parts] {
            assert_eq!(response.header("x-amz-abort-rule-id"), id);
            assert_eq!(response.header("x-amz-abort-date").ends_with(" 00:00:00 GMT"), !id.is_empty());
        }
    }
}

#[tokio::test]
async fn tagging_replies_name_the_version() {
    let lab = Lab::with_bucket().await;
    let body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    lab.alice("PUT", "/b-one?versioning").body(body).send().await.ok(200);
    let old = lab.put("/b-one/k", "x").await.header("x-amz-version-id").to_owned();
    lab.put("/b-one/k", "y").await;
    let target = format!("/b-one/k?tagging&versionId={old}");
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    for (method, body, status) in [("PUT", tags, 200), ("GET", "", 200), ("DELETE", "", 204)] {
        let response = lab.alice(method, &target).body(body).send().await.ok(status);
        assert_eq!(response.header("x-amz-version-id"), old, "{method}");
    }
    let own = tags.replace("<Key>a", "<Key>aws:a");
    lab.alice("PUT", "/b-one/k?tagging").body(own).send().await.error(400, "InvalidTag");
}

#[tokio::test]
async fn who_may_list_a_prefix_may_learn_that_its_keys_are_missing() {
    let lab = Lab::with_bucket().await;
    let policy = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b-one",
        "Condition":{"StringLike":{"s3:prefix":"public/*"}}}]}"#;
    lab.alice("PUT", "/b-one?policy").body(policy).send().await.ok(204);
    for method in ["GET", "HEAD"] {
        lab.bob(method, "/b-one/public/none").send().await.ok(404);
        lab.bob(method, "/b-one/private/none").send().await.ok(403);
    }
    lab.bob("GET", "/b-one?prefix=public/").send().await.ok(200);
    lab.bob("GET", "/b-one").send().await.error(403, "AccessDenied");
}

#[tokio::test]
async fn a_part_number_after_the_last_is_an_error() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "body").await;
    let part = |number: u32| lab.alice("GET", &format!("/b-one/k?partNumber={number}")).send();
    let whole = part(1).await.ok(206);
    assert_eq!((whole.text().as_str(), whole.header("x-amz-mp-parts-count")), ("body", ""));
    part(2).await.error(400, "InvalidPart");
    part(0).await.error(400, "InvalidArgument");
}

#[tokio::test]
async fn a_bucket_in_another_region_is_created_once() {
    let lab = Lab::new().await;
    let make = |location: &str| {
        let body = format!(
            "<CreateBucketConfiguration><LocationConstraint>{location}</LocationConstraint></CreateBucketConfiguration>"
        );
        lab.alice("PUT", "/again").body(body).send()
    };
    make("eu-central-1").await.ok(200);
    make("eu-central-1").await.error(409, "BucketAlreadyOwnedByYou");
    make("us-east-1").await.ok(200);
    lab.alice("PUT", "/again").send().await.ok(200);
}

#[tokio::test]
async fn logging_and_notifications_need_valid_targets() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/logs").send().await.ok(200);
    lab.bob("PUT", "/bobs").send().await.ok(200);
    let log = |inner: &str| {
        let body =
            format!("<BucketLoggingStatus><LoggingEnabled>{inner}</LoggingEnabled></BucketLoggingStatus>");
        lab.alice("PUT", "/b-one?logging").body(body).send()
    };
    log("<TargetBucket>logs</TargetBucket><TargetPrefix/>").await.ok(200);
    log("<TargetBucket>logs</TargetBucket>").await.error(400, "MalformedXML");
    for target in ["bobs", "none"] {
        let inner = format!("<TargetBucket>{target}</TargetBucket><TargetPrefix>x</TargetPrefix>");
        log(&inner).await.error(400, "InvalidTargetBucketForLogging");
    }
    let notify = |inner: &str| {
        let body = format!("<NotificationConfiguration>{inner}</NotificationConfiguration>");
        lab.alice("PUT", "/b-one?notification").body(body).send()
    };
    let event = "<Event>s3:ObjectCreated:*</Event>";
    for inner in [
        String::new(),
        "<EventBridgeConfiguration/>".to_owned(),
        format!("<TopicConfiguration><Topic>arn:aws:sns:x:1:t</Topic>{event}</TopicConfiguration>"),
        format!("<QueueConfiguration><Id>a</Id><Queue>arn:x:sqs::1:q</Queue>{event}</QueueConfiguration>"),
    ] {
        notify(&inner).await.ok(200);
    }
    for (inner, code) in [
        (format!("<TopicConfiguration><Topic>t</Topic>{event}</TopicConfiguration>"), "InvalidArgument"),
        (format!("<TopicConfiguration><Queue>arn:x</Queue>{event}</TopicConfiguration>"), "MalformedXML"),
        ("<TopicConfiguration><Topic>arn:x</Topic></TopicConfiguration>".to_owned(), "MalformedXML"),
        (
            "<TopicConfiguration><Topic>arn:x</Topic><Event>x</Event></TopicConfiguration>".to_owned(),
            "InvalidArgument",
        ),
        ("<Anything/>".to_owned(), "MalformedXML"),
    ] {
        notify(&inner).await.error(400, code);
    }
}
