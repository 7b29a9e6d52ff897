//! Static website hosting.

use super::*;

const DOCUMENT: &str = "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>\
    <ErrorDocument><Key>oops.html</Key></ErrorDocument>{rules}</WebsiteConfiguration>";

impl Lab {
    /// A server with the website `b-one`, which Alice owns and everyone may read.
    async fn with_site(rules: &str) -> Self {
        let lab = Self::with_bucket().await;
        let document = DOCUMENT.replace("{rules}", rules);
        lab.alice("PUT", "/b-one?website").body(document).send().await.ok(200);
        lab.allow("s3:GetObject", "/*").await;
        lab
    }

    /// Allows everyone an action on the bucket's resources with this suffix, and reading objects.
    async fn allow(&self, action: &str, what: &str) {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":["{action}","s3:GetObject"],
               "Resource":["arn:aws:s3:::b-one{what}","arn:aws:s3:::b-one/*"]}}]}}"#
        );
        self.alice("PUT", "/b-one?policy").body(text).send().await.ok(204);
    }

    fn host(&self) -> String {
        format!("b-one.s3-website.localhost:{}", self.server.address().port())
    }

    fn visit(&self, path: &str) -> TestRequest {
        self.anonymous("GET", path).header("host", &self.host())
    }

    async fn page(&self, path: &str, body: &str) {
        self.alice("PUT", path).header("content-type", "text/html").body(body).send().await.ok(200);
    }
}

#[tokio::test]
async fn folders_are_served_by_their_index_document() {
    let lab = Lab::with_site("").await;
    lab.page("/b-one/index.html", "home").await;
    lab.page("/b-one/docs/index.html", "docs").await;
    lab.page("/b-one/%2Fhost/index.html", "odd").await;
    for (path, text) in
        [("/", "home"), ("/docs/", "docs"), ("/docs/index.html", "docs"), ("/index.html?q", "home")]
    {
        let got = lab.visit(path).send_unsigned().await.ok(200);
        assert_eq!((&*got.text(), got.header("content-type")), (text, "text/html"), "{path}");
    }
    assert_eq!(lab.visit("/docs").send_unsigned().await.ok(302).header("location"), "/docs/");
    assert_eq!(lab.visit("//host").send_unsigned().await.ok(302).header("location"), "/%2Fhost/");
    let mut head = lab.visit("/docs/");
    head.method = "HEAD".to_owned();
    let head = head.send_unsigned().await.ok(200);
    assert_eq!((head.header("content-length"), head.body.len()), ("4", 0));
    let part = lab.visit("/").header("range", "bytes=1-2").send_unsigned().await.ok(206);
    assert_eq!(part.text(), "om");
    let etag = lab.visit("/").send_unsigned().await.header("etag").to_owned();
    lab.visit("/").header("if-none-match", &etag).send_unsigned().await.ok(304);
    // The host name may contain a region, as on AWS. A request to another host name stays an S3 request.
    let host = format!("b-one.s3-website-us-east-1.localhost:{}", lab.server.address().port());
    lab.anonymous("GET", "/").header("host", &host).send_unsigned().await.ok(200);
    assert_eq!(lab.alice("GET", "/b-one").send().await.ok(200).all("Key").len(), 3);
    for method in ["PUT", "POST", "DELETE"] {
        let mut request = lab.visit("/index.html");
        request.method = method.to_owned();
        assert_eq!(request.send_unsigned().await.ok(405).header("allow"), "GET, HEAD");
    }
}

#[tokio::test]
async fn errors_are_pages() {
    let lab = Lab::with_site("").await;
    // Only clients who may list can learn whether a key exists.
    let rejected = lab.visit("/none").send_unsigned().await.ok(403);
    assert!(
        rejected.text().contains("<h1>403 Forbidden</h1>") && rejected.text().contains("Code: AccessDenied")
    );
    assert_eq!(rejected.header("content-type"), "text/html; charset=utf-8");
    lab.allow("s3:ListBucket", "").await;
    let missing = lab.visit("/a%3Cb%3E").send_unsigned().await.ok(404);
    assert!(missing.text().contains("<li>Key: a&lt;b&gt;</li>"), "{}", missing.text());
    assert!(missing.text().contains("error document could not be shown"), "{}", missing.text());
    lab.page("/b-one/oops.html", "sorry").await;
    let missing = lab.visit("/none").header("range", "bytes=0-1").send_unsigned().await.ok(404);
    assert_eq!((&*missing.text(), missing.header("content-type")), ("sorry", "text/html"));
    assert_eq!(missing.header("x-amz-error-code"), "NoSuchKey");
    let host = lab.host().replace("b-one", "b-none");
    let none = lab.anonymous("GET", "/").header("host", &host).send_unsigned().await.ok(404);
    assert_eq!(none.header("x-amz-error-code"), "NoSuchBucket");
    lab.alice("DELETE", "/b-one?website").send().await.ok(204);
    let none = lab.visit("/").send_unsigned().await.ok(404);
    assert_eq!(none.header("x-amz-error-code"), "NoSuchWebsiteConfiguration");
}

#[tokio::test]
async fn requests_are_anonymous_and_signatures_are_ignored() {
    let lab = Lab::with_site("").await;
    lab.page("/b-one/index.html", "home").await;
    lab.alice("DELETE", "/b-one?policy").send().await.ok(204);
    lab.visit("/").send_unsigned().await.ok(403);
    lab.alice("GET", "/").header("host", &lab.host()).send().await.ok(403);
    lab.alice("PUT", "/b-one/index.html?acl").header("x-amz-acl", "public-read").send().await.ok(200);
    lab.visit("/").send_unsigned().await.ok(200);
    let block = "<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>";
    lab.alice("PUT", "/b-one?publicAccessBlock").body(block).send().await.ok(200);
    lab.visit("/").send_unsigned().await.ok(403);
}

#[tokio::test]
async fn rules_and_objects_redirect() {
    let lab = Lab::with_site(
        "<RoutingRules>\
         <RoutingRule><Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition>\
         <Redirect><ReplaceKeyPrefixWith>new/</ReplaceKeyPrefixWith></Redirect></RoutingRule>\
         <RoutingRule><Condition><KeyPrefixEquals>shop/</KeyPrefixEquals><HttpErrorCodeReturnedEquals>404\
         </HttpErrorCodeReturnedEquals></Condition><Redirect><Protocol>https</Protocol><HostName>shop.example</HostName>\
         <ReplaceKeyWith>#!/gone</ReplaceKeyWith><HttpRedirectCode>307</HttpRedirectCode></Redirect></RoutingRule>\
         </RoutingRules>",
    )
    .await;
    lab.allow("s3:ListBucket", "").await;
    let to = async |path: &str, status| {
        lab.visit(path).send_unsigned().await.ok(status).header("location").to_owned()
    };
    let here = format!("http://{}", lab.host());
    assert_eq!(to("/old/a%20b", 301).await, format!("{here}/new/a%20b"));
    assert_eq!(to("/shop/x", 307).await, "https://shop.example/#!/gone");
    lab.page("/b-one/shop/here", "yes").await;
    lab.visit("/shop/here").send_unsigned().await.ok(200);
    lab.visit("/other").send_unsigned().await.ok(404);
    let moved = lab.alice("PUT", "/b-one/moved").header("x-amz-website-redirect-location", "/shop/here");
    moved.body("x").send().await.ok(200);
    assert_eq!(to("/moved", 301).await, "/shop/here");
    lab.alice("GET", "/b-one/moved").send().await.ok(200);
    let bad = lab.alice("PUT", "/b-one/bad").header("x-amz-website-redirect-location", "javascript:1");
    bad.body("x").send().await.error(400, "InvalidRedirectLocation");
    // A copy does not keep the redirect.
    lab.alice("PUT", "/b-one/copy").header("x-amz-copy-source", "/b-one/moved").send().await.ok(200);
    lab.visit("/copy").send_unsigned().await.ok(200);
    let all = "<WebsiteConfiguration><RedirectAllRequestsTo><HostName>else.example</HostName></RedirectAllRequestsTo>\
               </WebsiteConfiguration>";
    lab.alice("PUT", "/b-one?website").body(all).send().await.ok(200);
    assert_eq!(to("/a/b%3F", 301).await, "http://else.example/a/b%3F");
}

#[tokio::test]
async fn a_folder_with_a_private_index_does_not_reveal_its_existence() {
    let lab = Lab::with_site("").await;
    lab.alice("DELETE", "/b-one?policy").send().await.ok(204);
    lab.page("/b-one/private/index.html", "secret").await;
    let open = lab.alice("PUT", "/b-one/open/index.html").header("x-amz-acl", "public-read").body("open");
    open.send().await.ok(200);
    let response = async |path: &str| {
        let response = lab.visit(path).send_unsigned().await;
        let header = |name: &str| response.header(name).to_owned();
        (response.status, header("location"), header("x-amz-error-code"), response.text())
    };
    assert_eq!(response("/private").await, response("/nothing").await);
    assert_eq!(response("/private").await.0, 403);
    let (status, location, ..) = response("/open").await;
    assert_eq!((status, &*location), (302, "/open/"));
    // Even if everyone may list, a missing page and a private one look the same to a visitor.
    lab.alice("PUT", "/b-one?acl").header("x-amz-acl", "public-read").send().await.ok(200);
    assert_eq!(
        lab.visit("/private").send_unsigned().await.status,
        lab.visit("/nothing").send_unsigned().await.status
    );
}
