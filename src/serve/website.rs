//! Buckets as websites: the document that makes a bucket one, and the answers to browsers.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html>
//!
//! A request is one to a website if its host name says so (see [`host_bucket`]). Nobody signs such a request: what
//! strangers may read is shown, and errors are pages.

use super::acl::Permission;
use super::auth::payload::Payload;
use super::call::{Call, Reply};
use super::error::{S3Error, S3Result, fail, malformed_xml};
use super::ops::{get, object};
use super::request_context::RequestContext;
use super::request_head::WEBSITE_REDIRECT;
use super::request_path;
use super::state::Server;
use super::store::bucket::Bucket;
use super::store::versions::Found;
use super::xml::{self, Node};
use crate::s3::sign::encode;
use std::fmt::Write as _;
use std::net::IpAddr;

/// S3's limit on the routing rules of a bucket.
const MAX_RULES: usize = 50;

/// A website document.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Site {
    /// What every request is sent to; then there is nothing else.
    redirect_all: Option<Redirect>,
    /// What a folder is shown as.
    index: String,
    error: Option<String>,
    rules: Vec<Rule>,
}

#[derive(Debug, Default, PartialEq)]
struct Rule {
    prefix: Option<String>,
    /// The status of a failure; a rule without one looks at requests only.
    status: Option<u16>,
    redirect: Redirect,
}

#[derive(Debug, Default, PartialEq)]
struct Redirect {
    protocol: Option<String>,
    host: Option<String>,
    prefix: Option<String>,
    key: Option<String>,
    status: Option<u16>,
}

impl Site {
    /// Reads a `WebsiteConfiguration`.
    pub(crate) fn parse(root: &Node) -> S3Result<Self> {
        let argument = |message: &str| S3Error::new("InvalidArgument", message);
        let known = ["RedirectAllRequestsTo", "IndexDocument", "ErrorDocument", "RoutingRules"];
        if root.children.iter().any(|node| !known.contains(&node.name.as_str())) {
            return Err(malformed_xml());
        }
        if let Some(node) = root.child("RedirectAllRequestsTo") {
            if root.children.len() > 1 {
                return fail(
                    "InvalidRequest",
                    "RedirectAllRequestsTo cannot be provided with other settings.",
                );
            }
            let redirect = Redirect::parse(node)?;
            if redirect.host.is_none() {
                return Err(malformed_xml());
            }
            return Ok(Self { redirect_all: Some(redirect), ..Self::default() });
        }
        let index = root.child("IndexDocument").and_then(|node| node.value("Suffix")).ok_or_else(|| {
            argument("A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty")
        })?;
        if index.is_empty() || index.contains('/') {
            return Err(argument("The IndexDocument Suffix is not well formed"));
        }
        let error = match root.child("ErrorDocument").map(|node| node.value("Key").unwrap_or("")) {
            Some("") => return Err(argument("The ErrorDocument Key is not well formed")),
            key => key.map(str::to_owned),
        };
        let rules: Vec<Rule> = match root.child("RoutingRules") {
            Some(node) => node.children.iter().map(Rule::parse).collect::<S3Result<_>>()?,
            None => Vec::new(),
        };
        if rules.len() > MAX_RULES {
            return fail(
                "InvalidRequest",
                format!(
                    "{} routing rules provided, the number of routing rules is limited to 50.",
                    rules.len()
                ),
            );
        }
        Ok(Self { redirect_all: None, index: index.to_owned(), error, rules })
    }

    /// The first rule for a request (without a status), or for its failure.
    fn rule(&self, key: &str, status: Option<u16>) -> Option<&Rule> {
        self.rules.iter().find(|rule| {
            rule.status == status && rule.prefix.as_deref().is_none_or(|prefix| key.starts_with(prefix))
        })
    }
}

impl Rule {
    fn parse(node: &Node) -> S3Result<Self> {
        if node.name != "RoutingRule" {
            return Err(malformed_xml());
        }
        let redirect = node.child("Redirect").ok_or_else(malformed_xml)?;
        if redirect.children.is_empty() {
            return Err(malformed_xml());
        }
        let mut rule = Self { redirect: Redirect::parse(redirect)?, ..Self::default() };
        if let Some(condition) = node.child("Condition") {
            rule.prefix = condition.value("KeyPrefixEquals").map(str::to_owned);
            rule.status = match condition.value("HttpErrorCodeReturnedEquals").map(str::trim) {
                None => None,
                Some(text) => {
                    let status = text.parse().ok().filter(|status| (400..600).contains(status));
                    Some(status.ok_or_else(|| {
                        S3Error::new(
                            "InvalidRequest",
                            format!("The provided HTTP error code ({text}) is not valid. Valid codes are 4XX or 5XX."),
                        )
                    })?)
                }
            };
            if rule.prefix.is_none() && rule.status.is_none() {
                return fail(
                    "InvalidRequest",
                    "Condition cannot be empty. To redirect all requests without a condition, the condition element \
                     shouldn't be present.",
                );
            }
        }
        Ok(rule)
    }
}

impl Redirect {
    fn parse(node: &Node) -> S3Result<Self> {
        let text = |name| node.value(name).map(str::to_owned);
        let protocol = text("Protocol").map(|text| text.trim().to_ascii_lowercase());
        if protocol.as_deref().is_some_and(|protocol| !["http", "https"].contains(&protocol)) {
            return fail(
                "InvalidRequest",
                "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected \
                 automatically.",
            );
        }
        let (prefix, key) = (text("ReplaceKeyPrefixWith"), text("ReplaceKeyWith"));
        if prefix.is_some() && key.is_some() {
            return fail(
                "InvalidRequest",
                "You can only define ReplaceKeyPrefix or ReplaceKey but not both.",
            );
        }
        let status = match node.value("HttpRedirectCode").map(str::trim) {
            None => None,
            Some(text) => {
                let status = text.parse().ok().filter(|status| (301..400).contains(status));
                Some(status.ok_or_else(|| {
                    S3Error::new(
                        "InvalidRequest",
                        format!(
                            "The provided HTTP redirect code ({text}) is not valid. Valid codes are 3XX except 300."
                        ),
                    )
                })?)
            }
        };
        let host = text("HostName").map(|host| host.trim().to_owned()).filter(|host| !host.is_empty());
        Ok(Self { protocol, host, prefix, key, status })
    }

    /// The reply for a request for a key; `prefix` is what the rule looked for.
    fn reply(&self, server: &Server, call: &Call, key: &str, prefix: &str) -> Reply {
        let scheme = self.protocol.as_deref().unwrap_or(if server.secure { "https" } else { "http" });
        let host = self.host.as_deref().or(call.header("host")).unwrap_or("");
        // What the document says goes out as it stands: it may hold a `#` or a query.
        let target = match (&self.key, &self.prefix) {
            (Some(key), _) => key.clone(),
            (None, Some(new)) => {
                format!("{new}{}", encode::path(key.strip_prefix(prefix).unwrap_or(key)))
            }
            (None, None) => encode::path(key).into_owned(),
        };
        redirect(self.status.unwrap_or(301), format!("{scheme}://{host}/{target}"))
    }
}

fn redirect(status: u16, location: String) -> Reply {
    Reply::new(status).header("location", location)
}

/// The bucket whose website a host name asks for: `BUCKET.s3-website.DOMAIN`, or with a region as on AWS,
/// `BUCKET.s3-website-REGION.DOMAIN` and `BUCKET.s3-website.REGION.DOMAIN`.
pub(crate) fn host_bucket<'a>(host: &'a str, domains: &[String]) -> Option<&'a str> {
    let below = request_path::host_bucket(host, domains)?;
    let (bucket, region) = below.rsplit_once(".s3-website")?;
    let fits = region.is_empty()
        || region.strip_prefix(['-', '.']).is_some_and(|name| !name.is_empty() && !name.contains('.'));
    (fits && !bucket.is_empty()).then_some(bucket)
}

/// A request to a website.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) bucket: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) peer: IpAddr,
    /// The version of TLS.
    pub(crate) tls: Option<String>,
}

/// Answers a request to a website; says also with which error, if it was one.
pub(crate) fn serve(server: &Server, visit: Visit) -> (Reply, Option<&'static str>) {
    let Visit { method, path, bucket, mut headers, peer, tls } = visit;
    // Nobody is known here, and nothing of S3's own is understood.
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
    match key.and_then(|key| answer(server, &mut call, &key)) {
        Ok(answer) => answer,
        Err(error) => (page(&error, None), Some(error.code)),
    }
}

fn answer(server: &Server, call: &mut Call, key: &str) -> S3Result<(Reply, Option<&'static str>)> {
    if !matches!(call.method.as_str(), "GET" | "HEAD") {
        return Err(S3Error::new(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        )
        .header("allow", "GET, HEAD"));
    }
    let bucket = server.store.bucket(call.bucket_name())?;
    let Some(text) = bucket.document("website") else {
        return Err(S3Error::new(
            "NoSuchWebsiteConfiguration",
            "The specified bucket does not have a website configuration",
        )
        .detail("BucketName", bucket.name()));
    };
    let site = Site::parse(&xml::parse(text.as_bytes(), &["WebsiteConfiguration"])?)?;
    if let Some(all) = &site.redirect_all {
        return Ok((all.reply(server, call, key, ""), None));
    }
    let follow = |rule: &Rule, call: &Call| {
        rule.redirect.reply(server, call, key, rule.prefix.as_deref().unwrap_or(""))
    };
    if let Some(rule) = site.rule(key, None) {
        return Ok((follow(rule, call), None));
    }
    let error = match show(server, call, &bucket, &site, key) {
        Ok(reply) => return Ok((reply, None)),
        Err(error) if error.status < 400 => return Ok((Reply::error(&error, key, ""), Some(error.code))),
        Err(error) => error,
    };
    if let Some(rule) = site.rule(key, Some(error.status)) {
        return Ok((follow(rule, call), Some(error.code)));
    }
    let Some(document) = site.error.filter(|_| (400..500).contains(&error.status)) else { return Err(error) };
    // The error document is shown whole and whatever the browser has of it.
    call.headers.retain(|(name, _)| name != "range" && !name.starts_with("if-"));
    call.key = Some(document);
    let reply = match fetch(server, call) {
        Ok(mut reply) => {
            reply.status = error.status;
            told(reply, &error)
        }
        Err(second) => page(&error, Some(&second)),
    };
    Ok((reply, Some(error.code)))
}

fn fetch(server: &Server, call: &mut Call) -> S3Result<Reply> {
    if call.method == "HEAD" { get::head(server, call) } else { get::get(server, call) }
}

/// The page of a key: the object, the index of a folder, or where the one or the other is to be found.
fn show(server: &Server, call: &mut Call, bucket: &Bucket, site: &Site, key: &str) -> S3Result<Reply> {
    let is_folder = key.is_empty() || key.ends_with('/');
    call.key = Some(if is_folder { format!("{key}{}", site.index) } else { key.to_owned() });
    let error = match fetch(server, call) {
        Ok(reply) => {
            let elsewhere = reply.headers.iter().find(|(name, _)| name == WEBSITE_REDIRECT);
            return Ok(match elsewhere {
                Some((_, location)) => redirect(301, location.clone()),
                None => reply,
            });
        }
        Err(error) => error,
    };
    if is_folder || matches!(bucket.open_version(key, None)?, Found::Object(_)) {
        return Err(error);
    }
    // Only who may read the index learns that there is one.
    let index = format!("{key}/{}", site.index);
    let index =
        object::open_named(server, call, (bucket.name(), &index, None), "s3:GetObject", Permission::Read);
    if index.is_ok() {
        // Of a key that begins with a slash, a browser would take what follows for a host.
        let path = encode::path(key);
        let path = path.strip_prefix('/').map_or_else(|| path.to_string(), |rest| format!("%2F{rest}"));
        return Ok(redirect(302, format!("/{path}/")));
    }
    Err(error)
}

/// Adds what programs read of an error.
fn told(reply: Reply, error: &S3Error) -> Reply {
    reply.header("x-amz-error-code", error.code).header("x-amz-error-message", &*error.message)
}

/// The page that shows an error; `second` is why the bucket's own page is not shown.
fn page(error: &S3Error, second: Option<&S3Error>) -> Reply {
    let reason = http::StatusCode::from_u16(error.status).ok().and_then(|status| status.canonical_reason());
    let title = format!("{} {}", error.status, reason.unwrap_or("Error"));
    let mut html = format!("<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n");
    let list = |html: &mut String, error: &S3Error| {
        html.push_str("<ul>\n");
        let facts = [("Code", error.code), ("Message", error.message.as_str())];
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
    told(reply, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(inner: &str) -> Result<Site, &'static str> {
        let text = format!("<WebsiteConfiguration>{inner}</WebsiteConfiguration>");
        let root = xml::parse(text.as_bytes(), &["WebsiteConfiguration"]).unwrap();
        Site::parse(&root).map_err(|error| error.code)
    }

    const INDEX: &str = "<IndexDocument><Suffix>i.html</Suffix></IndexDocument>";

    fn rules(inner: &str) -> Result<Site, &'static str> {
        site(&format!("{INDEX}<RoutingRules><RoutingRule>{inner}</RoutingRule></RoutingRules>"))
    }

    #[test]
    fn host_names_ask_for_websites() {
        let domains = ["localhost".to_owned(), "s3.example.org".to_owned()];
        let of = |host| host_bucket(host, &domains);
        assert_eq!(of("b.s3-website.localhost:8333"), Some("b"));
        assert_eq!(of("b.c.s3-website-US.localhost"), Some("b.c"));
        assert_eq!(of("b.s3-website.eu-1.s3.example.org"), Some("b"));
        for host in [
            "localhost",
            "b.localhost",
            "s3-website.localhost",
            ".s3-website.localhost",
            "b.s3-websites.localhost",
            "b.s3-website.x.y.localhost",
            "b.s3-website.elsewhere",
        ] {
            assert_eq!(of(host), None, "{host}");
        }
    }

    #[test]
    fn documents_are_checked_as_s3_does() {
        assert!(site(INDEX).is_ok());
        let all = "<RedirectAllRequestsTo><HostName>h</HostName></RedirectAllRequestsTo>";
        assert!(site(all).is_ok());
        assert_eq!(site(&format!("{all}{INDEX}")), Err("InvalidRequest"));
        assert_eq!(site("<RedirectAllRequestsTo/>"), Err("MalformedXML"));
        assert_eq!(site(""), Err("InvalidArgument"));
        assert_eq!(site("<IndexDocument><Suffix>a/b</Suffix></IndexDocument>"), Err("InvalidArgument"));
        assert_eq!(site(&format!("{INDEX}<ErrorDocument><Key/></ErrorDocument>")), Err("InvalidArgument"));
        assert_eq!(site(&format!("{INDEX}<Other/>")), Err("MalformedXML"));
        let to = |inner: &str| rules(&format!("<Redirect>{inner}</Redirect>"));
        assert!(to("<HostName>h</HostName><Protocol>https</Protocol>").is_ok());
        assert_eq!(to(""), Err("MalformedXML"));
        assert_eq!(to("<Protocol>ftp</Protocol>"), Err("InvalidRequest"));
        for code in ["200", "300", "400", "x"] {
            assert_eq!(to(&format!("<HttpRedirectCode>{code}</HttpRedirectCode>")), Err("InvalidRequest"));
        }
        let both = "<ReplaceKeyWith>a</ReplaceKeyWith><ReplaceKeyPrefixWith>b</ReplaceKeyPrefixWith>";
        assert_eq!(to(both), Err("InvalidRequest"));
        let on = |condition: &str| {
            rules(&format!("<Condition>{condition}</Condition><Redirect><HostName>h</HostName></Redirect>"))
        };
        assert!(on("<KeyPrefixEquals>a</KeyPrefixEquals>").is_ok());
        assert_eq!(on(""), Err("InvalidRequest"));
        assert_eq!(
            on("<HttpErrorCodeReturnedEquals>302</HttpErrorCodeReturnedEquals>"),
            Err("InvalidRequest")
        );
    }
}
