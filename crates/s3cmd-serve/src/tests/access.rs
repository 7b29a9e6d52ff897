//! Access control: owners, ACLs, bucket policies, public-access blocks, read-only servers.

use super::*;

/// The status of each kind of access to a bucket and an object, in a fixed order.
async fn probe(lab: &Lab, user: Option<usize>) -> Vec<(&'static str, u16)> {
    let mut seen = Vec::new();
    for (what, method, target, body) in [
        ("list", "GET", "/b-one", ""),
        ("get", "GET", "/b-one/k", ""),
        ("put", "PUT", "/b-one/by-guest", "x"),
        ("delete", "DELETE", "/b-one/none", ""),
        ("bucket acl", "GET", "/b-one?acl", ""),
        ("object acl", "GET", "/b-one/k?acl", ""),
    ] {
        seen.push((what, lab.call(user, method, target).body(body).send().await.status));
    }
    lab.alice("DELETE", "/b-one/by-guest").send().await.ok(204);
    seen
}

/// What [`probe`] returns if exactly these kinds of access are allowed.
fn only(allowed: &[&str]) -> Vec<(&'static str, u16)> {
    ["list", "get", "put", "delete", "bucket acl", "object acl"]
        .map(|what| {
            let status = match (allowed.contains(&what), what) {
                (false, _) => 403,
                (true, "delete") => 204,
                (true, _) => 200,
            };
            (what, status)
        })
        .to_vec()
}

#[tokio::test]
async fn only_the_owner_has_access_by_default() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "x").await;
    assert_eq!(probe(&lab, Some(BOB)).await, only(&[]));
    assert_eq!(probe(&lab, None).await, only(&[]));
    assert_eq!(
        probe(&lab, Some(ALICE)).await,
        only(&["list", "get", "put", "delete", "bucket acl", "object acl"])
    );
    // Only users who may list can learn whether a key exists.
    lab.bob("GET", "/b-one/none").send().await.error(403, "AccessDenied");
    lab.bob("HEAD", "/b-one/none").send().await.ok(403);
}

/// Target, header, value; then what Bob may do, and what anonymous clients may do.
type Case = (&'static str, &'static str, &'static str, &'static [&'static str], &'static [&'static str]);

#[tokio::test]
async fn grants_apply_to_their_grantees() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "x").await;
    let all_users = "uri=http://acs.amazonaws.com/groups/global/AllUsers";
    let users = "uri=http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
    let cases: [Case; 10] = [
        ("/b-one?acl", "x-amz-grant-read", "id=bob", &["list"], &[]),
        ("/b-one?acl", "x-amz-grant-write", "emailAddress=bob@example.org", &["put", "delete"], &[]),
        ("/b-one?acl", "x-amz-grant-read-acp", "id=bob", &["bucket acl"], &[]),
        ("/b-one?acl", "x-amz-grant-full-control", "id=bob", &["list", "put", "delete", "bucket acl"], &[]),
        ("/b-one/k?acl", "x-amz-grant-read", "id=bob", &["get"], &[]),
        ("/b-one/k?acl", "x-amz-grant-full-control", "id=bob", &["get", "object acl"], &[]),
        ("/b-one/k?acl", "x-amz-grant-read", users, &["get"], &[]),
        ("/b-one/k?acl", "x-amz-grant-read", all_users, &["get"], &["get"]),
        ("/b-one?acl", "x-amz-acl", "public-read", &["list"], &["list"]),
        (
            "/b-one?acl",
            "x-amz-acl",
            "public-read-write",
            &["list", "put", "delete"],
            &["list", "put", "delete"],
        ),
    ];
    for (target, header, value, bob, anonymous) in cases {
        lab.alice("PUT", target).header(header, value).send().await.ok(200);
        assert_eq!(probe(&lab, Some(BOB)).await, only(bob), "{target} {header}");
        assert_eq!(probe(&lab, None).await, only(anonymous), "{target} {header}");
        lab.alice("PUT", target).header("x-amz-acl", "private").send().await.ok(200);
        assert_eq!(probe(&lab, Some(BOB)).await, only(&[]), "{target} {header}");
    }
    lab.bob("PUT", "/b-one/k?acl").header("x-amz-acl", "public-read").send().await.error(403, "AccessDenied");
    lab.alice("PUT", "/b-one/k?acl").header("x-amz-grant-write-acp", "id=bob").send().await.ok(200);
    lab.bob("PUT", "/b-one/k?acl").header("x-amz-acl", "public-read").send().await.ok(200);
    lab.anonymous("GET", "/b-one/k").send().await.ok(200);
}

#[tokio::test]
async fn acl_documents_round_trip_and_unknown_users_are_rejected() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one/k").header("x-amz-acl", "public-read").body("x").send().await.ok(200);
    let document = lab.alice("GET", "/b-one/k?acl").send().await.ok(200).text();
    assert!(document.contains("<DisplayName>Alice A.</DisplayName>"), "{document}");
    lab.alice("PUT", "/b-one/k?acl").header("x-amz-acl", "private").send().await.ok(200);
    lab.anonymous("GET", "/b-one/k").send().await.error(403, "AccessDenied");
    lab.alice("PUT", "/b-one/k?acl").body(&*document).send().await.ok(200);
    lab.anonymous("GET", "/b-one/k").send().await.ok(200);
    let unknown_user = document
        .replace("<ID>alice</ID><DisplayName>Alice A.</DisplayName></Grantee>", "<ID>carol</ID></Grantee>");
    assert_ne!(unknown_user, document);
    lab.alice("PUT", "/b-one/k?acl").body(unknown_user).send().await.error(400, "InvalidArgument");
    let other_owner = document.replacen("alice", "bob", 1);
    lab.alice("PUT", "/b-one/k?acl").body(other_owner).send().await.error(403, "AccessDenied");
    lab.alice("PUT", "/b-one/k?acl").send().await.error(400, "MissingSecurityHeader");
    lab.alice("PUT", "/b-one?acl").body("<x/>").send().await.error(400, "MalformedXML");
}

fn policy(effect: &str, principal: &str, action: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Principal":{principal},"Action":{action},
           "Resource":["arn:aws:s3:::b-one","arn:aws:s3:::b-one/*"]{condition}}}]}}"#
    )
}

#[tokio::test]
async fn policies_allow_and_deny() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "x").await;
    let set = |text: String| lab.alice("PUT", "/b-one?policy").body(text).send();
    set(policy("Allow", r#"{"AWS":["arn:aws:iam:::user/bob"]}"#, r#"["s3:GetObject","s3:ListBucket"]"#, ""))
        .await
        .ok(204);
    assert_eq!(probe(&lab, Some(BOB)).await, only(&["list", "get"]));
    assert_eq!(probe(&lab, None).await, only(&[]));
    lab.bob("GET", "/b-one/none").send().await.error(404, "NoSuchKey");
    set(policy("Allow", r#""*""#, r#""s3:GetObject""#, "")).await.ok(204);
    assert_eq!(probe(&lab, None).await, only(&["get"]));
    lab.anonymous("GET", "/b-one/none").send().await.error(403, "AccessDenied");
    let here = r#","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}"#;
    set(policy("Deny", r#""*""#, r#""s3:GetObject""#, here)).await.ok(204);
    lab.alice("GET", "/b-one/k").send().await.error(403, "AccessDenied");
    lab.alice("DELETE", "/b-one?policy").send().await.ok(204);
    lab.alice("GET", "/b-one/k").send().await.ok(200);
    let elsewhere = r#","Condition":{"NotIpAddress":{"aws:SourceIp":"127.0.0.0/8"}}"#;
    set(policy("Deny", r#""*""#, r#""s3:GetObject""#, elsewhere)).await.ok(204);
    lab.alice("GET", "/b-one/k").send().await.ok(200);
}

#[tokio::test]
async fn policies_can_require_tags() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one/k").header("x-amz-tagging", "Class=open").body("x").send().await.ok(200);
    lab.put("/b-one/other", "x").await;
    let set = |text: String| lab.alice("PUT", "/b-one?policy").body(text).send();
    let open = r#","Condition":{"StringEquals":{"s3:ExistingObjectTag/Class":"open"}}"#;
    set(policy("Allow", r#""*""#, r#""s3:GetObject""#, open)).await.ok(204);
    lab.anonymous("GET", "/b-one/k").send().await.ok(200);
    lab.anonymous("GET", "/b-one/other").send().await.error(403, "AccessDenied");
    let open = r#","Condition":{"StringEquals":{"s3:RequestObjectTag/Class":"open"}}"#;
    set(policy("Allow", r#"{"AWS":"bob"}"#, r#"["s3:PutObject","s3:PutObjectTagging"]"#, open)).await.ok(204);
    lab.bob("PUT", "/b-one/new").header("x-amz-tagging", "Class=open").body("x").send().await.ok(200);
    let closed = lab.bob("PUT", "/b-one/new").header("x-amz-tagging", "Class=closed").body("x");
    closed.send().await.error(403, "AccessDenied");
    lab.bob("PUT", "/b-one/new").body("x").send().await.error(403, "AccessDenied");
}

#[tokio::test]
async fn an_owner_cannot_lock_themselves_out() {
    let lab = Lab::with_bucket().await;
    let text = policy("Deny", r#""*""#, r#""s3:*""#, "");
    lab.alice("PUT", "/b-one?policy").body(&*text).send().await.ok(204);
    lab.alice("GET", "/b-one").send().await.error(403, "AccessDenied");
    assert_eq!(lab.alice("GET", "/b-one?policy").send().await.ok(200).text(), text);
    lab.bob("GET", "/b-one?policy").send().await.error(403, "AccessDenied");
    lab.bob("DELETE", "/b-one?policy").send().await.error(403, "AccessDenied");
    lab.alice("DELETE", "/b-one?policy").send().await.ok(204);
    lab.alice("GET", "/b-one").send().await.ok(200);
}

#[tokio::test]
async fn a_public_access_block_is_enforced() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one/k").header("x-amz-acl", "public-read").body("x").send().await.ok(200);
    let block = |on: &str| {
        let body =
            format!("<PublicAccessBlockConfiguration><{on}>true</{on}></PublicAccessBlockConfiguration>");
        lab.alice("PUT", "/b-one?publicAccessBlock").body(body).send()
    };
    block("IgnorePublicAcls").await.ok(200);
    lab.anonymous("GET", "/b-one/k").send().await.error(403, "AccessDenied");
    block("BlockPublicAcls").await.ok(200);
    lab.anonymous("GET", "/b-one/k").send().await.ok(200);
    let public = lab.alice("PUT", "/b-one/l").header("x-amz-acl", "public-read").body("x");
    public.send().await.error(403, "AccessDenied");
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read").send().await.error(403, "AccessDenied");
    block("BlockPublicPolicy").await.ok(200);
    let open = policy("Allow", r#""*""#, r#""s3:GetObject""#, "");
    lab.alice("PUT", "/b-one?policy").body(open).send().await.error(403, "AccessDenied");
}

#[tokio::test]
async fn an_object_belongs_to_the_user_who_writes_it() {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one?acl").header("x-amz-grant-write", "id=bob").send().await.ok(200);
    lab.bob("PUT", "/b-one/bobs").body("x").send().await.ok(200);
    assert_eq!(lab.bob("GET", "/b-one/bobs?acl").send().await.ok(200).value("ID"), "bob");
    lab.bob("GET", "/b-one/bobs").send().await.ok(200);
    for target in ["/b-one/bobs", "/b-one/bobs?acl"] {
        lab.alice("GET", target).send().await.error(403, "AccessDenied");
    }
    lab.alice("PUT", "/b-one/bobs?acl").header("x-amz-acl", "public-read").send().await.ok(403);
    lab.bob("PUT", "/b-one/bobs?acl").header("x-amz-acl", "bucket-owner-read").send().await.ok(200);
    lab.alice("GET", "/b-one/bobs").send().await.ok(200);
    // The bucket's owner can do what ACLs do not cover, and can remove the object.
    assert_eq!(lab.alice("GET", "/b-one/bobs?tagging").send().await.ok(200).all("Tag"), [""; 0]);
    lab.alice("DELETE", "/b-one/bobs").send().await.ok(204);
}

#[tokio::test]
async fn an_owner_without_grants_can_still_change_the_acl() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "x").await;
    let none = "<AccessControlPolicy><Owner><ID>alice</ID></Owner><AccessControlList/></AccessControlPolicy>";
    lab.alice("PUT", "/b-one?acl").body(none).send().await.ok(200);
    lab.alice("GET", "/b-one").send().await.error(403, "AccessDenied");
    lab.alice("PUT", "/b-one/new").body("x").send().await.error(403, "AccessDenied");
    lab.alice("GET", "/b-one/k").send().await.ok(200);
    lab.alice("PUT", "/b-one/k?acl").body(none).send().await.ok(200);
    lab.alice("GET", "/b-one/k").send().await.error(403, "AccessDenied");
    for target in ["/b-one/k?acl", "/b-one?acl"] {
        assert_eq!(lab.alice("GET", target).send().await.ok(200).all("Grant"), [""; 0]);
        lab.alice("PUT", target).header("x-amz-acl", "private").send().await.ok(200);
    }
    lab.alice("GET", "/b-one/k").send().await.ok(200);
}

#[tokio::test]
async fn a_read_only_server_changes_nothing() {
    let lab = Lab::with_bucket().await;
    lab.put("/b-one/k", "x").await;
    std::fs::write(lab.path("b-one/outside"), "y").unwrap();
    lab.server.stop().await;
    let server = start(Options { read_only: true, ..options(lab.dir.path()) }).await.unwrap();
    let lab = Lab { dir: lab.dir, server };
    assert_eq!(lab.keys("/b-one").await, ["k", "outside"]);
    assert_eq!(lab.alice("GET", "/b-one/outside").send().await.ok(200).text(), "y");
    assert!(!lab.path("b-one/.s3cmd-serve/meta/outside").exists());
    for (method, target) in [
        ("PUT", "/b-one/k"),
        ("DELETE", "/b-one/k"),
        ("POST", "/b-one/k?uploads"),
        ("PUT", "/b-one?acl"),
        ("PUT", "/b-one?lifecycle"),
        ("DELETE", "/b-one?policy"),
        ("DELETE", "/b-one"),
        ("PUT", "/new-one"),
    ] {
        lab.alice(method, target).send().await.error(403, "AccessDenied");
    }
    assert_eq!(lab.alice("GET", "/b-one/k").send().await.ok(200).text(), "x");
}
