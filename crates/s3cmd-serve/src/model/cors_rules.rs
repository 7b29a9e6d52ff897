//! CORS rules: parsing, and matching them against requests.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>

use super::error::{ErrorCode, S3Result, fail, malformed_xml};
use super::policy::like;
use super::xml::{self, Node};

const VARY: &str = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

/// S3's limit on the rules of a bucket.
const MAX_CORS_RULES: usize = 100;

/// One rule of a bucket's CORS document.
#[derive(Debug)]
pub(crate) struct CorsRule {
    origins: Vec<String>,
    methods: Vec<String>,
    headers: Vec<String>,
    exposed: Vec<String>,
    max_age: Option<u32>,
}

/// What CORS rules match: an actual request, or the one that a preflight request announces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CorsRequest<'a> {
    pub(crate) origin: &'a str,
    pub(crate) method: &'a str,
    /// Comma-separated header names; only in a preflight request.
    pub(crate) headers: Option<&'a str>,
}

impl CorsRule {
    fn parse(node: &Node) -> Self {
        let texts = |name| node.all(name).map(|child| child.text.trim().to_owned()).collect();
        Self {
            origins: texts("AllowedOrigin"),
            methods: texts("AllowedMethod"),
            headers: texts("AllowedHeader"),
            exposed: texts("ExposeHeader"),
            max_age: node.value("MaxAgeSeconds").and_then(|text| text.trim().parse().ok()),
        }
    }

    /// The origin to return (`*` or the request's), if the rule matches the request.
    fn allowed_origin<'a>(&self, request: &CorsRequest<'a>) -> Option<&'a str> {
        let pattern =
            self.origins.iter().find(|pattern| like(pattern.as_bytes(), request.origin.as_bytes()))?;
        let allowed = |name: &str| {
            let name = name.to_ascii_lowercase();
            self.headers.iter().any(|pattern| like(pattern.to_ascii_lowercase().as_bytes(), name.as_bytes()))
        };
        let is_match = self.methods.iter().any(|method| method == request.method)
            && names(request.headers.unwrap_or("")).all(allowed);
        is_match.then_some(if pattern == "*" { "*" } else { request.origin })
    }

    /// The CORS response headers for an allowed origin.
    pub(crate) fn response_headers(&self, origin: &str) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("access-control-allow-origin", origin.to_owned()),
            ("access-control-allow-methods", self.methods.join(", ")),
            ("vary", VARY.to_owned()),
        ];
        if origin != "*" {
            headers.push(("access-control-allow-credentials", "true".to_owned()));
        }
        if !self.exposed.is_empty() {
            headers.push(("access-control-expose-headers", self.exposed.join(", ")));
        }
        if let Some(seconds) = self.max_age {
            headers.push(("access-control-max-age", seconds.to_string()));
        }
        headers
    }
}

/// The rules of a bucket.
#[derive(Debug)]
pub(crate) struct CorsRules(Vec<CorsRule>);

impl CorsRules {
    /// Parses a `CORSConfiguration`.
    pub(crate) fn parse(document: &[u8]) -> S3Result<Self> {
        let root = xml::parse(document, &["CORSConfiguration"])?;
        Ok(Self(root.all("CORSRule").map(CorsRule::parse).collect()))
    }

    /// The first rule that matches a request, with the origin to return.
    pub(crate) fn find<'a>(&self, request: &CorsRequest<'a>) -> Option<(&CorsRule, &'a str)> {
        self.0.iter().find_map(|rule| Some((rule, rule.allowed_origin(request)?)))
    }
}

/// The names in a comma-separated list.
pub(crate) fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// Validates a document before it is stored.
pub(crate) fn check(root: &Node) -> S3Result<()> {
    if root.all("CORSRule").count() > MAX_CORS_RULES {
        return fail(
            ErrorCode::InvalidRequest,
            "The number of CORS rules should not exceed allowed limit of 100 rules.",
        );
    }
    if root.all("CORSRule").count() == 0 {
        return Err(malformed_xml());
    }
    for rule in root.all("CORSRule") {
        if rule.all("AllowedOrigin").count() == 0 || rule.all("AllowedMethod").count() == 0 {
            return Err(malformed_xml());
        }
        for method in rule.all("AllowedMethod") {
            if !["GET", "PUT", "HEAD", "POST", "DELETE"].contains(&method.text.trim()) {
                return fail(ErrorCode::InvalidRequest, "Found unsupported HTTP method in CORS config.");
            }
        }
        let has_two_wildcards = |node: &Node| node.text.matches('*').count() > 1;
        if rule.all("AllowedOrigin").chain(rule.all("AllowedHeader")).any(has_two_wildcards) {
            return fail(
                ErrorCode::InvalidRequest,
                "AllowedOrigin and AllowedHeader can not have more than one wildcard.",
            );
        }
    }
    Ok(())
}
