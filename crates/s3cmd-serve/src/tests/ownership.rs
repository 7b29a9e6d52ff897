//! The ownership of buckets and objects, Requester Pays, and the ids of lifecycle rules.

use super::*;

impl Lab {
    async fn owned(&self, rule: &str) -> TestResponse {
        let text = format!(
            "<OwnershipControls><Rule><ObjectOwnership>{rule}</ObjectOwnership></Rule></OwnershipControls>"
        );
        self.alice("PUT", "/b-one?ownershipControls").body(text).send().await
    }

    async fn allow_bob(&self, actions: &str) {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"bob"}},"Action":[{actions}],
               "Resource":["arn:aws:s3:::b-one","arn:aws:s3:::b-one/*"]}}]}}"#
        );
        self.alice("PUT", "/b-one?policy").body(text).send().await.ok(204);
    }
}

#[tokio::test]
async fn bucket_owner_enforced_disables_acls() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one/open").header("x-amz-acl", "public-read").body("x").send().await.ok(200);
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read").send().await.ok(200);
    lab.owned("BucketOwnerEnforced").await.error(400, "InvalidBucketAclWithObjectOwnership");
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "private").send().await.ok(200);
    lab.owned("BucketOwnerEnforced").await.ok(200);
    lab.anonymous("GET", "/b-one/open").send().await.error(403, "AccessDenied");
    for target in ["/b-one?acl", "/b-one/open?acl"] {
        let refused = lab.alice("PUT", target).header("x-amz-acl", "private").send().await;
        refused.error(400, "AccessControlListNotSupported");
        let document = lab.alice("GET", target).send().await.ok(200);
        assert_eq!(document.all("Permission"), ["FULL_CONTROL"]);
        lab.alice("PUT", target)
            .body(document.text())
            .send()
            .await
            .error(400, "AccessControlListNotSupported");
    }
    for (acl, status) in [("public-read", 400), ("private", 400), ("bucket-owner-full-control", 200)] {
        let put = lab.alice("PUT", "/b-one/k").header("x-amz-acl", acl).body("x").send().await;
        assert_eq!(put.status, status, "{acl}: {}", put.text());
    }
    // Objects that others write belong to the bucket's owner.
    lab.allow_bob(r#""s3:PutObject""#).await;
    let grant = lab.bob("PUT", "/b-one/bobs").header("x-amz-grant-full-control", "id=alice").body("x");
    grant.send().await.ok(200);
    assert_eq!(lab.alice("GET", "/b-one/bobs?acl").send().await.ok(200).all("ID"), ["alice", "alice"]);
    lab.bob("GET", "/b-one/bobs").send().await.error(403, "AccessDenied");
    // ACLs apply again once they are enabled.
    lab.alice("DELETE", "/b-one?ownershipControls").send().await.ok(204);
    lab.anonymous("GET", "/b-one/open").send().await.ok(200);
}

#[tokio::test]
async fn bucket_owner_preferred_gives_objects_with_full_control_to_the_owner() {
    let lab = Lab::with_bucket().await;
    lab.owned("BucketOwnerPreferred").await.ok(200);
    lab.allow_bob(r#""s3:PutObject""#).await;
    let given = lab.bob("PUT", "/b-one/given").header("x-amz-acl", "bucket-owner-full-control");
    given.body("x").send().await.ok(200);
    lab.bob("PUT", "/b-one/kept").body("x").send().await.ok(200);
    assert_eq!(lab.alice("GET", "/b-one/given?acl").send().await.ok(200).value("ID"), "alice");
    assert_eq!(lab.bob("GET", "/b-one/kept?acl").send().await.ok(200).value("ID"), "bob");
}

#[tokio::test]
async fn a_bucket_is_created_with_its_ownership() {
    let lab = Lab::new().await;
    let make = |acl: &'static str, rule: &'static str| {
        let request = lab.alice("PUT", "/b-one").header("x-amz-object-ownership", rule);
        if acl.is_empty() { request.send() } else { request.header("x-amz-acl", acl).send() }
    };
    make("", "Mine").await.error(400, "InvalidArgument");
    make("public-read", "BucketOwnerEnforced").await.error(400, "InvalidBucketAclWithObjectOwnership");
    make("", "BucketOwnerEnforced").await.ok(200);
    let controls = lab.alice("GET", "/b-one?ownershipControls").send().await.ok(200);
    assert_eq!(controls.value("ObjectOwnership"), "BucketOwnerEnforced");
}

#[tokio::test]
async fn an_expected_owner_must_match() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "x").await;
    for (method, target) in
        [("GET", "/b-one"), ("GET", "/b-one/k"), ("GET", "/b-one?versioning"), ("PUT", "/b-one/l")]
    {
        let request = |owner| lab.alice(method, target).header("x-amz-expected-bucket-owner", owner).send();
        request("bob").await.error(403, "AccessDenied");
        request("alice").await.ok(200);
    }
    let copy = |owner| {
        let request = lab.alice("PUT", "/b-one/copy").header("x-amz-copy-source", "/b-one/k");
        request.header("x-amz-source-expected-bucket-owner", owner).send()
    };
    copy("bob").await.error(403, "AccessDenied");
    copy("alice").await.ok(200);
    lab.alice("GET", "/b-none")
        .header("x-amz-expected-bucket-owner", "bob")
        .send()
        .await
        .error(404, "NoSuchBucket");
}

#[tokio::test]
async fn requester_pays_needs_the_payer_header() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one/k").header("x-amz-acl", "public-read").body("x").send().await.ok(200);
    let body = "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>";
    lab.alice("PUT", "/b-one?requestPayment").body(body).send().await.ok(200);
    lab.bob("GET", "/b-one/k").send().await.error(403, "AccessDenied");
    let paid = lab.bob("GET", "/b-one/k").header("x-amz-request-payer", "requester").send().await.ok(200);
    assert_eq!(paid.header("x-amz-request-charged"), "requester");
    // An anonymous client cannot pay, and the owner need not.
    let anonymous = lab.anonymous("GET", "/b-one/k").header("x-amz-request-payer", "requester");
    anonymous.send().await.error(403, "AccessDenied");
    let owner = lab.alice("GET", "/b-one/k").header("x-amz-request-payer", "requester").send().await.ok(200);
    assert_eq!(owner.header("x-amz-request-charged"), "");
}

#[tokio::test]
async fn a_policy_is_public_unless_it_restricts_the_clients() {
    let lab = Lab::with_bucket().await;
    let status = || lab.alice("GET", "/b-one?policyStatus").send();
    assert_eq!(status().await.ok(200).value("IsPublic"), "false");
    for (acl, public) in [("public-read", "true"), ("authenticated-read", "true"), ("private", "false")] {
        lab.alice("PUT", "/b-one?acl").header("x-amz-acl", acl).send().await.ok(200);
        assert_eq!(status().await.ok(200).value("IsPublic"), public, "{acl}");
    }
    let block = "<PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>";
    lab.alice("PUT", "/b-one?publicAccessBlock").body(block).send().await.ok(200);
    let kept = lab.alice("GET", "/b-one?publicAccessBlock").send().await.ok(200);
    for name in ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"] {
        assert_eq!(kept.value(name), (name == "BlockPublicPolicy").to_string(), "{name}");
    }
    for (condition, public) in [
        ("", true),
        (r#","Condition":{"IpAddress":{"aws:SourceIp":"10.1.0.0/16"}}"#, false),
        (r#","Condition":{"IpAddress":{"aws:SourceIp":["10.1.0.0/16","0.0.0.0/1"]}}"#, true),
        (r#","Condition":{"NotIpAddress":{"aws:SourceIp":"10.1.0.0/16"}}"#, true),
        (r#","Condition":{"StringEquals":{"aws:userid":"bob"}}"#, false),
        (r#","Condition":{"StringLike":{"aws:userid":"b*"}}"#, true),
        (r#","Condition":{"Bool":{"aws:SecureTransport":"true"}}"#, true),
    ] {
        let text = format!(
            r#"{{"Statement":[{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b-one/*"{condition}}}]}}"#
        );
        let put = lab.alice("PUT", "/b-one?policy").body(text).send().await;
        assert_eq!(put.status, if public { 403 } else { 204 }, "{condition}");
        if !public {
            assert_eq!(status().await.ok(200).value("IsPublic"), "false");
        }
    }
}

#[tokio::test]
async fn lifecycle_rules_get_ids_and_their_dates_are_days() {
    let lab = Lab::with_bucket().await;
    let put = |inner: &str| {
        let rule = format!("<Rule><Prefix/><Status>Enabled</Status><Expiration>{inner}</Expiration></Rule>");
        let body = format!("<LifecycleConfiguration>{rule}</LifecycleConfiguration>");
        lab.alice("PUT", "/b-one?lifecycle").body(body).send()
    };
    put("<Date>2040-01-01T00:00:00Z</Date>").await.ok(200);
    let id = lab.alice("GET", "/b-one?lifecycle").send().await.ok(200).value("ID");
    assert_eq!(id.len(), 48);
    put("<Date>2040-01-01T12:00:00Z</Date>").await.error(400, "InvalidArgument");
    assert_eq!(lab.alice("GET", "/b-one?lifecycle").send().await.ok(200).value("ID"), id);
}
