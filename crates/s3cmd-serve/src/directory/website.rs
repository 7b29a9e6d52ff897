//! Static website hosting: the responses to browsers.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html>
//!
//! Website requests are recognized by their host name (see [`host_bucket`]). They are anonymous: only publicly readable
//! objects are served, and errors are HTML pages.

use super::ops::{get, object};
use super::state::Server;
use crate::auth::payload::Payload;
use crate::http::call::{Call, Reply};
use crate::http::request_context::RequestContext;
use crate::http::request_head::WEBSITE_REDIRECT;
use crate::http::request_path;
use crate::model::acl::Permission;
use crate::model::error::{ErrorCode, S3Error, S3Result};
use crate::model::website_config::{Redirect, RoutingRule, WebsiteConfig};
use crate::model::xml;
use crate::store::bucket::Bucket;
use crate::store::versions::Found;
use http::Method;
use s3cmd_client::sign::encode;
use std::fmt::Write as _;
use std::net::IpAddr;

fn redirect(status: u16, location: String) -> Reply {
    Reply::new(status).header("location", location)
}

/// The bucket in the host name of a website: `BUCKET.s3-website.DOMAIN`, or with a region as on AWS,
/// `BUCKET.s3-website-REGION.DOMAIN` and `BUCKET.s3-website.REGION.DOMAIN`.
pub(crate) fn host_bucket<'a>(host: &'a str, domains: &[String]) -> Option<&'a str> {
    let below = request_path::host_bucket(host, domains)?;
    let (bucket, region) = below.rsplit_once(".s3-website")?;
    let is_valid = region.is_empty()
        || region.strip_prefix(['-', '.']).is_some_and(|name| !name.is_empty() && !name.contains('.'));
    (is_valid && !bucket.is_empty()).then_some(bucket)
}

/// A request to a website.
#[derive(Debug)]
pub(crate) struct WebsiteRequest {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) bucket: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) peer: IpAddr,
    /// The TLS version.
    pub(crate) tls: Option<String>,
}

/// Handles a request to a website. Returns the reply, and the error code if the request failed.
pub(crate) fn handle(server: &Server, request: WebsiteRequest) -> (Reply, Option<&'static str>) {
    let WebsiteRequest { method, path, bucket, mut headers, peer, tls } = request;
    // Website requests are anonymous and have no S3 headers.
    headers.retain(|(name, _)| name != "authorization" && !name.starts_with("x-amz-"));
    let key = request_path::split_path(&path, Some(&bucket)).map(|(_, key)| key.unwrap_or_default());
    let mut call = Call {
        method,
        path,
        bucket: Some(bucket),
        key: None,
        query: Vec::new(),
        headers,
        peer,
        user: None,
        payload: Payload::empty(),
        context: RequestContext { tls, ..RequestContext::default() },
    };
    match key.and_then(|key| reply_for_key(server, &mut call, &key)) {
        Ok(reply) => reply,
        Err(error) => (error_page(&error, None), Some(error.code.as_str())),
    }
}

fn reply_for_key(server: &Server, call: &mut Call, key: &str) -> S3Result<(Reply, Option<&'static str>)> {
    if !matches!(call.method.as_str(), "GET" | "HEAD") {
        return Err(S3Error::new(
            ErrorCode::MethodNotAllowed,
            "The specified method is not allowed against this resource.",
        )
        .header("allow", "GET, HEAD"));
    }
    let bucket = server.store.bucket(call.bucket_name())?;
    let config = bucket.config();
    let Some(site) = &config.website else {
        return Err(S3Error::new(
            ErrorCode::NoSuchWebsiteConfiguration,
            "The specified bucket does not have a website configuration",
        )
        .detail("BucketName", bucket.name()));
    };
    let site = site.as_ref().map_err(S3Error::clone)?;
    let follow = |target: &Redirect, call: &Call, prefix: &str| {
        let scheme = if server.secure { "https" } else { "http" };
        let location = target.location(scheme, call.header("host").unwrap_or(""), key, prefix);
        redirect(target.status.unwrap_or(301), location)
    };
    if let Some(all) = &site.redirect_all {
        return Ok((follow(all, call, ""), None));
    }
    let follow =
        |rule: &RoutingRule, call: &Call| follow(&rule.redirect, call, rule.prefix.as_deref().unwrap_or(""));
    if let Some(rule) = site.rule(key, None) {
        return Ok((follow(rule, call), None));
    }
    let error = match reply_with_page(server, call, &bucket, site, key) {
        Ok(reply) => return Ok((reply, None)),
        Err(error) if error.status < 400 => {
            return Ok((Reply::error(&error, key, ""), Some(error.code.as_str())));
        }
        Err(error) => error,
    };
    if let Some(rule) = site.rule(key, Some(error.status)) {
        return Ok((follow(rule, call), Some(error.code.as_str())));
    }
    let Some(document) = site.error.clone().filter(|_| (400..500).contains(&error.status)) else {
        return Err(error);
    };
    // The error document is always sent in full, whatever the browser has cached.
    call.headers.retain(|(name, _)| name != "range" && !name.starts_with("if-"));
    call.key = Some(document);
    let reply = match fetch(server, call) {
        Ok(mut reply) => {
            reply.status = error.status;
            with_error_headers(reply, &error)
        }
        Err(second) => error_page(&error, Some(&second)),
    };
    Ok((reply, Some(error.code.as_str())))
}

fn fetch(server: &Server, call: &mut Call) -> S3Result<Reply> {
    if call.method == Method::HEAD { get::head(server, call) } else { get::get(server, call) }
}

/// The page of a key: the object, the index document of a folder, or a redirect.
fn reply_with_page(
    server: &Server,
    call: &mut Call,
    bucket: &Bucket,
    site: &WebsiteConfig,
    key: &str,
) -> S3Result<Reply> {
    let is_folder = key.is_empty() || key.ends_with('/');
    call.key = Some(if is_folder { format!("{key}{}", site.index) } else { key.to_owned() });
    let error = match fetch(server, call) {
        Ok(reply) => {
            let redirect_header = reply.headers.iter().find(|(name, _)| name == WEBSITE_REDIRECT);
            return Ok(match redirect_header {
                Some((_, location)) => redirect(301, location.clone()),
                None => reply,
            });
        }
        Err(error) => error,
    };
    if is_folder || matches!(bucket.open_version(key, None)?, Found::Object(_)) {
        return Err(error);
    }
    // Redirect only if the client may read the index document; otherwise its existence would leak.
    let index = format!("{key}/{}", site.index);
    let index =
        object::open_named(server, call, (bucket.name(), &index, None), "s3:GetObject", Permission::Read);
    if index.is_ok() {
        // Encode a leading slash of the key, because a browser would read `//NAME` as a host.
        let path = encode::path(key);
        let path = path.strip_prefix('/').map_or_else(|| path.to_string(), |rest| format!("%2F{rest}"));
        return Ok(redirect(302, format!("/{path}/")));
    }
    Err(error)
}

/// Adds the error headers for programs.
fn with_error_headers(reply: Reply, error: &S3Error) -> Reply {
    reply.header("x-amz-error-code", error.code.as_str()).header("x-amz-error-message", &*error.message)
}

/// The HTML page for an error; `second` is why the bucket's error document could not be sent.
fn error_page(error: &S3Error, second: Option<&S3Error>) -> Reply {
    let reason = http::StatusCode::from_u16(error.status).ok().and_then(|status| status.canonical_reason());
    let title = format!("{} {}", error.status, reason.unwrap_or("Error"));
    let mut html = format!("<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n");
    let list = |html: &mut String, error: &S3Error| {
        html.push_str("<ul>\n");
        let facts = [("Code", error.code.as_str()), ("Message", error.message.as_str())];
        let details = error.details.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in facts.into_iter().chain(details) {
            let _ = write!(html, "<li>{name}: ");
            xml::escape(html, value);
            html.push_str("</li>\n");
        }
        html.push_str("</ul>\n");
    };
    list(&mut html, error);
    if let Some(second) = second {
        html.push_str("<h3>The custom error document could not be shown either</h3>\n");
        list(&mut html, second);
    }
    html.push_str("</body>\n</html>\n");
    let mut reply = Reply::new(error.status).header("content-type", "text/html; charset=utf-8").whole(html);
    reply.headers.extend(error.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    with_error_headers(reply, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn website_host_names_are_recognized() {
        let domains = ["localhost".to_owned(), "s3.example.org".to_owned()];
        let bucket = |host| host_bucket(host, &domains);
        assert_eq!(bucket("b.s3-website.localhost:8333"), Some("b"));
        assert_eq!(bucket("b.c.s3-website-US.localhost"), Some("b.c"));
        assert_eq!(bucket("b.s3-website.eu-1.s3.example.org"), Some("b"));
        for host in [
            "localhost",
            "b.localhost",
            "s3-website.localhost",
            ".s3-website.localhost",
            "b.s3-websites.localhost",
            "b.s3-website.x.y.localhost",
            "b.s3-website.elsewhere",
        ] {
            assert_eq!(bucket(host), None, "{host}");
        }
    }
}
