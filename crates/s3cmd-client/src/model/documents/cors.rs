//! CORS rules and event notifications.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CORSRule.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_NotificationConfiguration.html>

use super::element::Element;
use super::rule::Rule;
use super::schema::{Content, any, one, optional, some};

/// Ceph also accepts COPY.
const METHOD: Content = Content::Word(&["GET", "PUT", "POST", "DELETE", "HEAD", "COPY"]);

pub(super) const ROOT: Content = Content::Elements(&[some(
    "CORSRule",
    Content::Elements(&[
        optional("ID", Content::AnyText),
        any("AllowedHeader", Content::Text),
        some("AllowedMethod", METHOD),
        some("AllowedOrigin", Content::Text),
        any("ExposeHeader", Content::Text),
        optional("MaxAgeSeconds", Content::Number(0)),
    ]),
)]);

pub(super) fn rules(root: &Element) -> Vec<Rule> {
    let facts = |rule: &Element| {
        let of = |child: &Element| {
            let text = child.text.trim();
            // Header names are case-insensitive.
            let text = if child.name.ends_with("Header") { text.to_lowercase() } else { text.to_owned() };
            (child.name != "ID").then(|| format!("{} {text}", child.name))
        };
        rule.children.iter().filter_map(of).collect::<Vec<_>>()
    };
    root.all("CORSRule").map(|rule| Rule::new("rule", rule.value("ID"), facts(rule))).collect()
}

/// Event notifications: which events are sent to which destination.
pub(super) mod notification {
    use super::{Content, Element, Rule, any, one, optional};

    const FILTER_RULES: Content = Content::Elements(&[any(
        "FilterRule",
        Content::Elements(&[one("Name", Content::Text), one("Value", Content::AnyText)]),
    )]);

    /// The last two are specific to Ceph.
    const FILTER: Content = Content::Elements(&[
        optional("S3Key", FILTER_RULES),
        optional("S3Metadata", FILTER_RULES),
        optional("S3Tags", FILTER_RULES),
    ]);

    pub(in super::super) const ROOT: Content = Content::Elements(&[
        any(
            "TopicConfiguration",
            Content::Elements(&[
                optional("Id", Content::AnyText),
                one("Topic", Content::Text),
                any("Event", Content::Text),
                optional("Filter", FILTER),
            ]),
        ),
        any(
            "QueueConfiguration",
            Content::Elements(&[
                optional("Id", Content::AnyText),
                one("Queue", Content::Text),
                any("Event", Content::Text),
                optional("Filter", FILTER),
            ]),
        ),
        any(
            "CloudFunctionConfiguration",
            Content::Elements(&[
                optional("Id", Content::AnyText),
                one("CloudFunction", Content::Text),
                optional("InvocationRole", Content::Text),
                any("Event", Content::Text),
                optional("Filter", FILTER),
            ]),
        ),
        optional("EventBridgeConfiguration", Content::AnyText),
    ]);

    pub(in super::super) fn check(root: &Element) -> Result<(), String> {
        for configuration in &root.children {
            if let Some(event) =
                configuration.all("Event").find(|event| !event.text.trim().starts_with("s3:"))
            {
                return Err(format!(
                    "'Event' must be of the form s3:ObjectCreated:*, not '{}'",
                    event.text.trim()
                ));
            }
        }
        Ok(())
    }

    pub(in super::super) fn rules(root: &Element) -> Vec<Rule> {
        root.children.iter().map(|one| Rule::new("configuration", one.value("Id"), facts(one))).collect()
    }

    fn facts(configuration: &Element) -> Vec<String> {
        let mut facts = vec![configuration.name.clone()];
        for child in configuration.children.iter().filter(|child| child.name != "Id") {
            if child.name != "Filter" {
                facts.push(format!("{} {}", child.name, child.text.trim()));
                continue;
            }
            for kind in &child.children {
                for rule in kind.all("FilterRule") {
                    let name = rule.value("Name").to_lowercase();
                    facts.push(format!("{} {name} '{}'", kind.name, rule.exact("Value")));
                }
            }
        }
        facts
    }
}
