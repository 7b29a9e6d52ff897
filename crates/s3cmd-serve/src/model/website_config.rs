//! The website configuration of a bucket: index and error documents, and redirects.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html>

use super::error::{ErrorCode, S3Error, S3Result, fail, malformed_xml};
use super::xml::Node;
use s3cmd_client::sign::encode;

/// S3's limit on the routing rules of a bucket.
const MAX_RULES: usize = 50;

/// A parsed `WebsiteConfiguration`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct WebsiteConfig {
    /// The redirect of all requests; if present, the other fields are empty.
    pub(crate) redirect_all: Option<Redirect>,
    /// The name of the index document in a folder.
    pub(crate) index: String,
    /// The key of the error document.
    pub(crate) error: Option<String>,
    rules: Vec<RoutingRule>,
}

/// A redirect of matching requests or errors.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct RoutingRule {
    pub(crate) prefix: Option<String>,
    /// The error status to match; `None` matches requests before they are processed.
    status: Option<u16>,
    pub(crate) redirect: Redirect,
}

/// A redirect target; absent parts are taken from the request.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Redirect {
    protocol: Option<String>,
    host: Option<String>,
    prefix: Option<String>,
    key: Option<String>,
    pub(crate) status: Option<u16>,
}

impl WebsiteConfig {
    /// Parses a `WebsiteConfiguration`.
    pub(crate) fn parse(root: &Node) -> S3Result<Self> {
        let argument = |message: &str| S3Error::new(ErrorCode::InvalidArgument, message);
        let known = ["RedirectAllRequestsTo", "IndexDocument", "ErrorDocument", "RoutingRules"];
        if root.children.iter().any(|node| !known.contains(&node.name.as_str())) {
            return Err(malformed_xml());
        }
        if let Some(node) = root.child("RedirectAllRequestsTo") {
            if root.children.len() > 1 {
                return fail(
                    ErrorCode::InvalidRequest,
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
        let rules: Vec<RoutingRule> = match root.child("RoutingRules") {
            Some(node) => node.children.iter().map(RoutingRule::parse).collect::<S3Result<_>>()?,
            None => Vec::new(),
        };
        if rules.len() > MAX_RULES {
            return fail(
                ErrorCode::InvalidRequest,
                format!(
                    "{} routing rules provided, the number of routing rules is limited to 50.",
                    rules.len()
                ),
            );
        }
        Ok(Self { redirect_all: None, index: index.to_owned(), error, rules })
    }

    /// The first rule that matches a request (`status` is `None`) or its error.
    pub(crate) fn rule(&self, key: &str, status: Option<u16>) -> Option<&RoutingRule> {
        self.rules.iter().find(|rule| {
            rule.status == status && rule.prefix.as_deref().is_none_or(|prefix| key.starts_with(prefix))
        })
    }
}

impl RoutingRule {
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
                        S3Error::new(ErrorCode::InvalidRequest,
                            format!("The provided HTTP error code ({text}) is not valid. Valid codes are 4XX or 5XX."),
                        )
                    })?)
                }
            };
            if rule.prefix.is_none() && rule.status.is_none() {
                return fail(
                    ErrorCode::InvalidRequest,
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
                ErrorCode::InvalidRequest,
                "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected \
                 automatically.",
            );
        }
        let (prefix, key) = (text("ReplaceKeyPrefixWith"), text("ReplaceKeyWith"));
        if prefix.is_some() && key.is_some() {
            return fail(
                ErrorCode::InvalidRequest,
                "You can only define ReplaceKeyPrefix or ReplaceKey but not both.",
            );
        }
        let status = match node.value("HttpRedirectCode").map(str::trim) {
            None => None,
            Some(text) => {
                let status = text.parse().ok().filter(|status| (301..400).contains(status));
                Some(status.ok_or_else(|| {
                    S3Error::new(ErrorCode::InvalidRequest,
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

    /// The location to redirect a request for `key` to. `scheme` and `host` are those of the request, `prefix` is the
    /// one that the rule matched.
    pub(crate) fn location(&self, scheme: &str, host: &str, key: &str, prefix: &str) -> String {
        let scheme = self.protocol.as_deref().unwrap_or(scheme);
        let host = self.host.as_deref().unwrap_or(host);
        // Values from the document are not encoded: they may contain a `#` or a query.
        let target = match (&self.key, &self.prefix) {
            (Some(key), _) => key.clone(),
            (None, Some(new)) => {
                format!("{new}{}", encode::path(key.strip_prefix(prefix).unwrap_or(key)))
            }
            (None, None) => encode::path(key).into_owned(),
        };
        format!("{scheme}://{host}/{target}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::xml;

    fn site(inner: &str) -> Result<WebsiteConfig, &'static str> {
        let text = format!("<WebsiteConfiguration>{inner}</WebsiteConfiguration>");
        let root = xml::parse(text.as_bytes(), &["WebsiteConfiguration"]).unwrap();
        WebsiteConfig::parse(&root).map_err(|error| error.code.as_str())
    }

    const INDEX: &str = "<IndexDocument><Suffix>i.html</Suffix></IndexDocument>";

    fn rules(inner: &str) -> Result<WebsiteConfig, &'static str> {
        site(&format!("{INDEX}<RoutingRules><RoutingRule>{inner}</RoutingRule></RoutingRules>"))
    }

    #[test]
    fn documents_are_validated_as_in_s3() {
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
