//! CORS: preflight requests and response headers.

use super::*;

const RULES: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>https://*.example.org</AllowedOrigin>\
    <AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod><AllowedHeader>x-amz-*</AllowedHeader>\
    <AllowedHeader>Content-Type</AllowedHeader><ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-amz-version-id</ExposeHeader>\
    <MaxAgeSeconds>600</MaxAgeSeconds></CORSRule><CORSRule><AllowedOrigin>*</AllowedOrigin>\
    <AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";

async fn lab() -> Lab {
    let lab = Lab::with_bucket().await;
    lab.alice("PUT", "/b-one?cors").body(RULES).send().await.ok(200);
    lab
}

fn preflight(lab: &Lab, target: &str, origin: &str, method: &str, headers: &str) -> TestRequest {
    let request = lab.anonymous("OPTIONS", target).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    if headers.is_empty() { request } else { request.header("access-control-request-headers", headers) }
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_first_matching_rule() {
    let lab = lab().await;
    // Also for a presigned URL, whose signature is for another method.
    let target = "/b-one/k?X-Amz-Signature=0&X-Amz-Algorithm=AWS4-HMAC-SHA256";
    let request = preflight(&lab, target, "https://app.example.org", "PUT", "X-Amz-Acl, content-type");
    let response = request.send().await.ok(200);
    for (name, value) in [
        ("access-control-allow-origin", "https://app.example.org"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "PUT, GET"),
        ("access-control-allow-headers", "x-amz-acl, content-type"),
        ("access-control-expose-headers", "ETag, x-amz-version-id"),
        ("access-control-max-age", "600"),
    ] {
        assert_eq!(response.header(name), value, "{name}");
    }
    assert!(response.header("vary").contains("Origin"));
    let response = preflight(&lab, "/b-one/k", "https://else.where", "GET", "").send().await.ok(200);
    assert_eq!(response.header("access-control-allow-origin"), "*");
    assert_eq!(response.header("access-control-allow-credentials"), "");
    // Also if the host name contains the bucket.
    let request = preflight(&lab, "/k", "https://else.where", "GET", "").header("host", "b-one.localhost");
    request.send().await.ok(200);
}

#[tokio::test]
async fn a_document_has_at_most_a_hundred_rules() {
    let lab = Lab::with_bucket().await;
    let rule = "<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>";
    let put = |count| {
        let text = format!("<CORSConfiguration>{}</CORSConfiguration>", rule.repeat(count));
        lab.alice("PUT", "/b-one?cors").body(text).send()
    };
    put(101).await.error(400, "InvalidRequest");
    put(100).await.ok(200);
}

#[tokio::test]
async fn what_no_rule_allows_is_forbidden() {
    let lab = lab().await;
    lab.alice("PUT", "/b-two").send().await.ok(200);
    for (target, origin, method, headers) in [
        ("/b-one/k", "https://else.where", "PUT", ""),
        ("/b-one/k", "https://example.org", "PUT", ""),
        ("/b-one/k", "https://app.example.org", "DELETE", ""),
        ("/b-one/k", "https://app.example.org", "put", ""),
        ("/b-one/k", "https://app.example.org", "PUT", "authorization"),
        ("/b-one/k", "https://else.where", "GET", "x-amz-acl"),
        ("/b-two/k", "https://app.example.org", "GET", ""),
        ("/b-none", "https://app.example.org", "GET", ""),
    ] {
        let response = preflight(&lab, target, origin, method, headers).send().await;
        assert_eq!(response.header("access-control-allow-origin"), "", "{target} {origin} {method}");
        response.error(403, "AccessForbidden");
    }
    lab.anonymous("OPTIONS", "/b-one/k").send().await.error(400, "BadRequest");
    lab.anonymous("OPTIONS", "/b-one/k").header("origin", "a").send().await.error(400, "BadRequest");
}

#[tokio::test]
async fn responses_name_the_origins_that_may_read_them() {
    let lab = lab().await;
    let put = lab.alice("PUT", "/b-one/k").header("origin", "https://app.example.org").body("x");
    let response = put.send().await.ok(200);
    assert_eq!(response.header("access-control-allow-origin"), "https://app.example.org");
    assert_eq!(response.header("access-control-expose-headers"), "ETag, x-amz-version-id");
    // Error responses, too: otherwise a page could not read the error.
    let get = |target: &str| lab.anonymous("GET", target).header("origin", "https://else.where").send();
    let response = get("/b-one/k").await;
    assert_eq!(response.header("access-control-allow-origin"), "*");
    response.error(403, "AccessDenied");
    assert_eq!(get("/b-none/k").await.header("access-control-allow-origin"), "");
    let delete = lab.alice("DELETE", "/b-one/k").header("origin", "https://app.example.org");
    assert_eq!(delete.send().await.ok(204).header("access-control-allow-origin"), "");
    let plain = lab.alice("GET", "/b-one").send().await.ok(200);
    assert_eq!(plain.header("access-control-allow-origin"), "");
}
