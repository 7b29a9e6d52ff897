//! What pages of other origins may do with a bucket: preflight requests, and the headers of actual answers.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>

use super::call::Reply;
use super::error::{S3Error, S3Result};
use super::policy::like;
use super::state::Server;
use super::xml::{self, Node};

const VARY: &str = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

/// A rule of a bucket's CORS document.
#[derive(Debug)]
struct Rule {
    origins: Vec<String>,
    methods: Vec<String>,
    headers: Vec<String>,
    exposed: Vec<String>,
    max_age: Option<u32>,
}

/// What a browser says of a request to come, or of the one that it makes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) origin: &'a str,
    pub(crate) method: &'a str,
    /// Names of headers, separated by commas; of a preflight only.
    pub(crate) headers: Option<&'a str>,
}

impl Rule {
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

    /// The origin to name in the answer, if the rule fits.
    fn fits<'a>(&self, asked: &Asked<'a>) -> Option<&'a str> {
        let pattern =
            self.origins.iter().find(|pattern| like(pattern.as_bytes(), asked.origin.as_bytes()))?;
        let allowed = |name: &str| {
            let name = name.to_ascii_lowercase();
            self.headers.iter().any(|pattern| like(pattern.to_ascii_lowercase().as_bytes(), name.as_bytes()))
        };
        let fits = self.methods.iter().any(|method| method == asked.method)
            && names(asked.headers.unwrap_or("")).all(allowed);
        fits.then_some(if pattern == "*" { "*" } else { asked.origin })
    }

    fn answer(&self, origin: &str) -> Vec<(&'static str, String)> {
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

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// The rules of a bucket; `None` if there are none.
fn rules(server: &Server, bucket: &str) -> S3Result<Option<Vec<Rule>>> {
    let bucket = server.store.bucket(bucket)?;
    let Some(text) = bucket.document("cors") else { return Ok(None) };
    let root = xml::parse(text.as_bytes(), &["CORSConfiguration"])?;
    Ok(Some(root.all("CORSRule").map(Rule::parse).collect()))
}

/// The headers that let a page of the origin read the answer to its request; none where no rule fits.
pub(crate) fn headers(server: &Server, bucket: &str, asked: &Asked<'_>) -> Vec<(&'static str, String)> {
    let Ok(Some(rules)) = rules(server, bucket) else { return Vec::new() };
    rules.iter().find_map(|rule| Some(rule.answer(rule.fits(asked)?))).unwrap_or_default()
}

fn forbidden(why: &str) -> S3Error {
    S3Error::new("AccessForbidden", format!("CORSResponse: {why}"))
}

/// The answer to a preflight request where there are no rules.
pub(crate) fn not_enabled() -> S3Error {
    forbidden("CORS is not enabled for this bucket.")
}

/// Answers a preflight request (OPTIONS). It carries no signature: browsers send none.
pub(crate) fn preflight(server: &Server, bucket: &str, asked: &Asked<'_>) -> S3Result<Reply> {
    let rules = match rules(server, bucket) {
        Ok(Some(rules)) => rules,
        Ok(None) => return Err(not_enabled()),
        Err(error) if error.code == "NoSuchBucket" => return Err(forbidden("Bucket not found")),
        Err(error) => return Err(error),
    };
    let Some((rule, origin)) = rules.iter().find_map(|rule| Some((rule, rule.fits(asked)?))) else {
        return Err(forbidden("No rule of the bucket allows this origin, method and these headers.")
            .detail("Method", asked.method));
    };
    let mut reply = Reply::new(200);
    reply.headers.extend(rule.answer(origin).into_iter().map(|(name, value)| (name.to_owned(), value)));
    let wanted: Vec<String> = names(asked.headers.unwrap_or("")).map(str::to_ascii_lowercase).collect();
    if !wanted.is_empty() {
        reply = reply.header("access-control-allow-headers", wanted.join(", "));
    }
    Ok(reply)
}

/// What a preflight request asks for.
pub(crate) fn asked<'a>(headers: &'a [(String, String)]) -> S3Result<Asked<'a>> {
    let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let Some(origin) = header("origin") else {
        return Err(S3Error::new("BadRequest", "Insufficient information. Origin request header needed."));
    };
    let Some(method) = header("access-control-request-method") else {
        return Err(S3Error::new("BadRequest", "Invalid Access-Control-Request-Method: null"));
    };
    Ok(Asked { origin, method, headers: header("access-control-request-headers") })
}
