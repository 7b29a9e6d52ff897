//! Buckets with a damaged protective document: all access is rejected.

use super::*;

/// A policy that denies reading to everyone.
const DENY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject",
    "Resource":"arn:aws:s3:::b-one/*"}]}"#;

/// Requests of all kinds. A damaged bucket must reject all of them.
const REQUESTS: [(&str, &str); 22] = [
    ("GET", "/b-one"),
    ("HEAD", "/b-one"),
    ("GET", "/b-one/k"),
    ("HEAD", "/b-one/k"),
    ("PUT", "/b-one/k"),
    ("DELETE", "/b-one/k"),
    ("POST", "/b-one?delete"),
    ("POST", "/b-one"),
    ("POST", "/b-one/k?uploads"),
    ("GET", "/b-one?uploads"),
    ("GET", "/b-one?versions"),
    ("GET", "/b-one?versioning"),
    ("PUT", "/b-one?versioning"),
    ("GET", "/b-one?acl"),
    ("PUT", "/b-one/k?acl"),
    ("PUT", "/b-one/k?tagging"),
    ("GET", "/b-one?policy"),
    ("GET", "/b-one?policyStatus"),
    ("PUT", "/b-one?cors"),
    ("GET", "/b-one?location"),
    ("PUT", "/b-one"),
    ("DELETE", "/b-one"),
];

/// Asserts that every request for `b-one` is rejected.
async fn assert_inaccessible(lab: &Lab) {
    for user in [Some(ALICE), Some(BOB), None] {
        for (method, target) in REQUESTS {
            if user.is_none() && (method, target) == ("PUT", "/b-one") {
                continue;
            }
            let has_no_body = matches!(method, "GET" | "HEAD") || (method, target) == ("PUT", "/b-one");
            let body = if has_no_body { "" } else { "x" };
            let response = lab.call(user, method, target).body(body).send().await;
            assert_eq!(response.status, 500, "{user:?} {method} {target}: {}", response.text());
        }
        let copy = lab.call(user, "PUT", "/b-two/copy").header("x-amz-copy-source", "/b-one/k");
        let status = copy.send().await.status;
        assert!(status == 500 || user != Some(ALICE) && status == 403, "{user:?}: {status}");
    }
    let site = format!("b-one.s3-website.localhost:{}", lab.server.address().port());
    assert_eq!(lab.anonymous("GET", "/k").header("host", &site).send().await.status, 500);
    lab.alice("PUT", "/b-two/k").body("x").send().await.ok(200);
}

async fn with_two_buckets() -> Lab {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-two").send().await.ok(200);
    lab.alice("PUT", "/b-one/k").header("x-amz-acl", "public-read").body("secret").send().await.ok(200);
    lab
}

#[tokio::test]
async fn an_unreadable_policy_blocks_all_access() {
    let mut lab = with_two_buckets().await;
    let documents = lab.path("b-one/.s3cmd-serve/documents");
    let cut = DENY.as_bytes()[..DENY.len() - 7].to_vec();
    for (index, damaged) in [
        cut,
        Vec::new(),
        b"\xff\xfe".to_vec(),
        DENY.replace("s3:GetObject", "s3:GetObjct").into_bytes(),
        DENY.replace("b-one", "b-two").into_bytes(),
    ]
    .into_iter()
    .enumerate()
    {
        lab.alice("PUT", "/b-one?policy").body(DENY).send().await.ok(204);
        std::fs::write(documents.join("policy"), &damaged).unwrap();
        lab = lab.restarted().await;
        assert_inaccessible(&lab).await;
        // Only the owner can remove or replace it.
        lab.bob("DELETE", "/b-one?policy").send().await.error(500, "InternalError");
        lab.anonymous("DELETE", "/b-one?policy").send().await.error(500, "InternalError");
        lab.bob("PUT", "/b-one?policy").body(DENY).send().await.error(500, "InternalError");
        lab.alice("DELETE", "/b-one?publicAccessBlock").send().await.error(500, "InternalError");
        lab.alice("PUT", "/b-one?policy").body("{").send().await.error(400, "MalformedPolicy");
        assert!(lab.alice("GET", "/").send().await.ok(200).all("Name").contains(&"b-one".to_owned()));
        if index % 2 == 0 {
            lab.alice("DELETE", "/b-one?policy").send().await.ok(204);
            lab.anonymous("GET", "/b-one/k").send().await.ok(200);
        } else {
            lab.alice("PUT", "/b-one?policy").body(DENY).send().await.ok(204);
            lab.anonymous("GET", "/b-one/k").send().await.error(403, "AccessDenied");
        }
    }
    // The repair survives a restart.
    lab = lab.restarted().await;
    lab.anonymous("GET", "/b-one/k").send().await.ok(200);
}

#[tokio::test]
async fn other_unreadable_protective_documents_block_all_access() {
    for (sub, deletes, good) in [
        (
            "publicAccessBlock",
            true,
            "<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>",
        ),
        (
            "ownershipControls",
            true,
            "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>",
        ),
        (
            "encryption",
            true,
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>\
             </ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
        ),
        (
            "requestPayment",
            false,
            "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>",
        ),
    ] {
        let mut lab = with_two_buckets().await;
        let target = format!("/b-one?{sub}");
        lab.alice("PUT", &target).body(good).send().await.ok(200);
        let file = lab.path("b-one/.s3cmd-serve/documents").join(sub);
        let stored = std::fs::read(&file).unwrap();
        std::fs::write(&file, &stored[..stored.len() / 2]).unwrap();
        lab = lab.restarted().await;
        assert_inaccessible(&lab).await;
        lab.bob("PUT", &target).body(good).send().await.error(500, "InternalError");
        lab.alice("GET", &target).send().await.error(500, "InternalError");
        if deletes {
            lab.alice("DELETE", &target).send().await.ok(204);
            lab.alice("GET", "/b-one/k").send().await.ok(200);
        }
        lab.alice("PUT", &target).body(good).send().await.ok(200);
        lab = lab.restarted().await;
        lab.alice("GET", "/b-one/k").send().await.ok(200);
    }
}

#[tokio::test]
async fn two_unreadable_documents_are_repaired_one_after_the_other() {
    let mut lab = with_two_buckets().await;
    for name in ["policy", "publicAccessBlock"] {
        let dir = lab.path("b-one/.s3cmd-serve/documents");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(name), "?").unwrap();
    }
    lab = lab.restarted().await;
    assert_inaccessible(&lab).await;
    lab.alice("DELETE", "/b-one?policy").send().await.ok(204);
    assert_inaccessible(&lab).await;
    lab.alice("DELETE", "/b-one?publicAccessBlock").send().await.ok(204);
    lab.anonymous("GET", "/b-one/k").send().await.ok(200);
}

#[tokio::test]
async fn an_unreadable_bucket_record_blocks_all_access() {
    let mut lab = Lab::new().await;
    lab.alice("PUT", "/b-one").header("x-amz-bucket-object-lock-enabled", "true").send().await.ok(200);
    lab.alice("PUT", "/b-two").send().await.ok(200);
    lab.alice("PUT", "/b-one/k")
        .header("x-amz-object-lock-legal-hold", "ON")
        .body("held")
        .send()
        .await
        .ok(200);
    lab.put("/b-one/k", "next").await;
    let file = lab.path("b-one/.s3cmd-serve/bucket.json");
    let stored = std::fs::read_to_string(&file).unwrap();
    let misnamed = stored.replace("versioning", "versionimg");
    let without = stored.replace(r#""versioning":"Enabled","#, "");
    assert!(misnamed != stored && without != stored, "{stored}");
    for damaged in [&stored[..stored.len() / 2], "", "{}", "null", &misnamed, &without, "missing", "a link"] {
        match damaged {
            "missing" => std::fs::remove_file(&file).unwrap(),
            "a link" => {
                std::fs::remove_file(&file).unwrap();
                std::os::unix::fs::symlink("/dev/null", &file).unwrap();
            }
            damaged => std::fs::write(&file, damaged).unwrap(),
        }
        lab = lab.restarted().await;
        assert_inaccessible(&lab).await;
        lab.alice("DELETE", "/b-one?policy").send().await.error(500, "InternalError");
        // The owner is unknown, so the bucket is in no user's list.
        assert_eq!(lab.alice("GET", "/").send().await.ok(200).all("Name"), ["b-two"]);
        let _ = std::fs::remove_file(&file);
        std::fs::write(&file, &stored).unwrap();
        lab = lab.restarted().await;
        assert_eq!(lab.alice("GET", "/b-one?versions").send().await.ok(200).all("Key").len(), 2);
        assert_eq!(lab.alice("GET", "/b-one?versioning").send().await.ok(200).value("Status"), "Enabled");
    }
}
