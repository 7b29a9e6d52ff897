//! What clients cannot reach or change through a server with a remote store.

use super::remote::Pair;
use super::*;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

#[tokio::test]
async fn nothing_outside_of_the_prefix_can_be_reached() {
    let pair = Pair::new("team/").await;
    let proxy = &pair.proxy;
    let upload = pair.account("POST", "/real/secret.txt?uploads").send().await.ok(200).value("UploadId");
    let own_upload = proxy.alice("POST", "/real/mine?uploads").send().await.ok(200).value("UploadId");
    for name in [
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2Fsecret.txt",
        "deeper/../../secret.txt",
        "/../secret.txt",
        "./../secret.txt",
        "..\\secret.txt",
        "%252e%252e/secret.txt",
        "../../other/secret.txt",
        "..",
    ] {
        let target = format!("/real/{name}");
        for (method, sub) in [
            ("GET", ""),
            ("HEAD", ""),
            ("DELETE", ""),
            ("PUT", ""),
            ("GET", "?acl"),
            ("GET", "?tagging"),
            ("PUT", "?tagging"),
            ("POST", "?uploads"),
            ("POST", "?restore"),
            ("DELETE", &*format!("?uploadId={upload}")),
            ("GET", &*format!("?uploadId={upload}")),
            ("PUT", &*format!("?partNumber=1&uploadId={upload}")),
            ("POST", &*format!("?uploadId={upload}")),
        ] {
            let body = match sub {
                "?restore" => "<RestoreRequest><Days>1</Days></RestoreRequest>",
                "?tagging" => "<Tagging><TagSet></TagSet></Tagging>",
                _ if method == "PUT" => "EVIL",
                _ => "",
            };
            let request = proxy.alice(method, &format!("{target}{sub}"));
            let response =
                request.body(if method == "POST" || method == "PUT" { body } else { "" }).send().await;
            assert_eq!(response.status, 403, "{method} {target}{sub}: {}", response.text());
        }
        for source in [format!("/real/{name}"), format!("real/{name}"), format!("/real/team/{name}")] {
            for target in ["/real/got".to_owned(), format!("/real/mine?partNumber=1&uploadId={own_upload}")] {
                let request = proxy.alice("PUT", &target).header("x-amz-copy-source", &source);
                let response = request.send().await;
                assert!(response.status >= 400, "{target} {source}: {}", response.text());
            }
        }
        let key = encode_xml(name);
        let body = format!("<Delete><Object><Key>{key}</Key></Object></Delete>");
        let response = proxy.alice("POST", "/real?delete").body(body).send().await.ok(200);
        // A document is not decoded, so the name with percent signs is an ordinary key.
        let harmless = name.starts_with("%252e");
        assert!(harmless || response.value("Code") == "AccessDenied", "{name}: {}", response.text());
    }
    // The upstream names, everywhere a request may contain a name.
    for source in ["/other/secret.txt", "/real/secret.txt", "/real/team2/secret.txt", "other%2Fsecret.txt"] {
        let response = proxy.alice("PUT", "/real/got").header("x-amz-copy-source", source).send().await;
        assert!(matches!(response.status, 403 | 404), "{source}: {}", response.text());
    }
    for (method, target) in [
        ("GET", "/other/secret.txt"),
        ("PUT", "/other/secret.txt"),
        ("GET", "/other"),
        ("DELETE", "/other"),
        ("POST", "/other?delete"),
        ("GET", "/real2"),
        ("GET", "/real/team2/secret.txt"),
        ("GET", "/real/team/inside.txt"),
    ] {
        let response = proxy.alice(method, target).send().await;
        assert!(matches!(response.status, 403 | 404), "{method} {target}: {}", response.text());
    }
    let sub = format!("?uploadId={upload}");
    for key in ["secret.txt", "mine"] {
        for (method, sub) in [
            ("GET", sub.clone()),
            ("DELETE", sub.clone()),
            ("PUT", format!("?partNumber=1&uploadId={upload}")),
        ] {
            let response = proxy.alice(method, &format!("/real/{key}{sub}")).send().await;
            response.error(404, "NoSuchUpload");
        }
    }
    pair.account("GET", &format!("/real/secret.txt?uploadId={upload}")).send().await.ok(200);
    // Listings stay in the prefix, wherever they are requested to begin.
    let token = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    for query in [
        "prefix=".to_owned(),
        "prefix=&marker=!".to_owned(),
        "marker=..%2F".to_owned(),
        "marker=%00".to_owned(),
        "list-type=2&start-after=..%2F".to_owned(),
        format!("list-type=2&continuation-token={}", token("../")),
        format!("list-type=2&continuation-token={}", token("!")),
        "versions".to_owned(),
        "versions&key-marker=!".to_owned(),
        "delimiter=t".to_owned(),
        "delimiter=%2F".to_owned(),
    ] {
        let response = proxy.alice("GET", &format!("/real?{query}")).send().await.ok(200);
        let text = response.text();
        assert!(!text.contains("secret") && !text.contains("team"), "{query}: {text}");
        assert!(text.contains("deeper") && text.contains("inside"), "{query}: {text}");
    }
    for query in ["prefix=..%2F", "prefix=%2F", "prefix=secret", "prefix=team", "marker=zzz"] {
        assert!(proxy.keys(&format!("/real?{query}")).await.is_empty(), "{query}");
    }
    let uploads = proxy.alice("GET", "/real?uploads").send().await.ok(200);
    assert_eq!((uploads.all("Key"), uploads.all("UploadId")), (vec!["mine".to_owned()], vec![own_upload]));
    let text = uploads.text();
    assert!(!text.contains("team") && !text.contains("real-id") && !text.contains("Real Owner"), "{text}");
    // The name of the header may be in any case.
    let put = proxy.alice("PUT", "/real/got").header("X-Amz-Copy-Source", "/other/secret.txt");
    put.send().await.error(403, "AccessDenied");
    for name in ["real/secret.txt", "real/team2/secret.txt", "other/secret.txt"] {
        assert_eq!(pair.stored(name).unwrap(), b"SECRET", "{name}");
    }
    assert_eq!(pair.stored("real/team/got"), None);
}

fn encode_xml(text: &str) -> String {
    text.replace('&', "&amp;")
}

#[tokio::test]
async fn the_bucket_and_the_permissions_of_objects_cannot_be_changed() {
    let pair = Pair::new("team").await;
    let proxy = &pair.proxy;
    for (method, target) in [
        ("PUT", "/new-bucket"),
        ("DELETE", "/real"),
        ("PUT", "/real?acl"),
        ("PUT", "/real?versioning"),
        ("PUT", "/real?object-lock"),
        ("PUT", "/real?policy"),
        ("DELETE", "/real?policy"),
        ("PUT", "/real?lifecycle"),
        ("PUT", "/real?cors"),
        ("PUT", "/real?website"),
        ("DELETE", "/real?website"),
        ("PUT", "/real?tagging"),
        ("PUT", "/real?publicAccessBlock"),
        ("PUT", "/real?requestPayment"),
        ("PUT", "/real?replication"),
        ("PUT", "/real/inside.txt?retention"),
        ("PUT", "/real/inside.txt?legal-hold"),
    ] {
        proxy.alice(method, target).send().await.error(403, "AccessDenied");
    }
    for (method, target) in
        [("GET", "/real?metrics"), ("GET", "/real/inside.txt?torrent"), ("POST", "/real/inside.txt?select")]
    {
        proxy.alice(method, target).send().await.error(501, "NotImplemented");
    }
    proxy.alice("GET", "/real/inside.txt?v=2&utm_source=mail").send().await.ok(200);
    proxy.alice("PUT", "/real/inside.txt?v=2").body("x").send().await.error(501, "NotImplemented");
    let put = |name: &str, value: &str| proxy.alice("PUT", "/real/x").body("x").header(name, value).send();
    for (name, value) in [
        ("x-amz-acl", "public-read"),
        ("x-amz-grant-read", "id=bob"),
        ("x-amz-object-lock-legal-hold", "ON"),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
        ("x-amz-bypass-governance-retention", "true"),
    ] {
        put(name, value).await.error(403, "AccessDenied");
    }
    for name in ["x-amz-expected-bucket-owner", "x-amz-write-offset-bytes", "x-amz-anything", "x-amz-mfa"] {
        put(name, "1").await.error(501, "NotImplemented");
    }
    put("x-amz-acl", "private").await.ok(200);
    let select = "<RestoreRequest><Days>1</Days><OutputLocation><S3><BucketName>other</BucketName></S3>\
                  </OutputLocation></RestoreRequest>";
    proxy.alice("POST", "/real/x?restore").body(select).send().await.error(501, "NotImplemented");

    let acl = proxy.alice("GET", "/real/x?acl").send().await.ok(200);
    assert_eq!((acl.all("ID"), acl.value("Permission")), (vec!["alice".into(); 2], "FULL_CONTROL".into()));
    proxy.alice("GET", "/real/nothing?acl").send().await.error(404, "NoSuchKey");
    proxy.alice("PUT", "/real/x?acl").body(acl.body.clone()).send().await.ok(200);
    for (from, to) in [("FULL_CONTROL", "READ"), ("<ID>alice</ID>", "<ID>bob</ID>")] {
        let changed = acl.text().replace(from, to);
        proxy.alice("PUT", "/real/x?acl").body(changed).send().await.error(403, "AccessDenied");
    }
    let public = proxy.alice("PUT", "/real/x?acl").header("x-amz-acl", "public-read");
    public.send().await.error(403, "AccessDenied");

    proxy.alice("PUT", "/real").send().await.error(409, "BucketAlreadyOwnedByYou");
    // Bucket documents are reported as absent.
    proxy.alice("GET", "/real?policy").send().await.error(404, "NoSuchBucketPolicy");
    proxy.alice("GET", "/real?lifecycle").send().await.error(404, "NoSuchLifecycleConfiguration");
    proxy.alice("GET", "/real?logging").send().await.ok(200);
    let buckets = proxy.bob("GET", "/").send().await.ok(200);
    assert_eq!(buckets.all("Name"), ["real"]);
    proxy.bob("HEAD", "/real").send().await.ok(200);
    proxy.alice("GET", "/real?location").send().await.ok(200);
    assert_eq!(proxy.alice("GET", "/real?requestPayment").send().await.ok(200).value("Payer"), "BucketOwner");
    for (method, target) in [("GET", "/real/inside.txt"), ("GET", "/real"), ("GET", "/"), ("PUT", "/real/y")]
    {
        proxy.anonymous(method, target).send().await.error(403, "AccessDenied");
    }
    let outsider = pair.account("GET", "/real/inside.txt");
    let outsider = TestRequest { address: proxy.server.address(), ..outsider };
    outsider.send().await.error(403, "InvalidAccessKeyId");
}

#[tokio::test]
async fn a_server_may_be_read_only_and_users_may_expire() {
    let pair = Pair::with(
        "",
        |_| {},
        |options| {
            options.read_only = true;
            options.users[1].expires = Some(Utc::now());
        },
    )
    .await;
    let proxy = &pair.proxy;
    let delete = "<Delete><Object><Key>secret.txt</Key></Object></Delete>";
    for (method, target, body) in [
        ("PUT", "/real/x", "x"),
        ("DELETE", "/real/secret.txt", ""),
        ("POST", "/real?delete", delete),
        ("POST", "/real/x?uploads", ""),
        ("PUT", "/real/secret.txt?tagging", "<Tagging><TagSet></TagSet></Tagging>"),
        ("PUT", "/real/secret.txt?acl", ""),
    ] {
        proxy.alice(method, target).body(body).send().await.error(403, "AccessDenied");
    }
    // Without a prefix the whole bucket is served, and no other bucket.
    assert_eq!(proxy.alice("GET", "/real/secret.txt").send().await.ok(200).text(), "SECRET");
    assert_eq!(proxy.keys("/real").await.len(), 4);
    proxy.alice("GET", "/other/secret.txt").send().await.error(404, "NoSuchBucket");
    proxy.bob("GET", "/real/secret.txt").send().await.error(403, "InvalidAccessKeyId");
}
