//! The configuration of a distribution. It is edited as an XML tree: an update replaces the whole configuration, so
//! every element that this client does not know must be preserved.

use super::NAMESPACE;
use super::origin::bucket_of_host;
use crate::error::{Error, Result};
use crate::model::{document, xml};
use quick_xml::events::Event;
use quick_xml::reader::Reader;
use std::fmt;

/// Access log settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// Whether access logs are written.
    pub enabled: bool,
    /// Host name of the bucket.
    pub host: String,
    /// Key prefix of the logs.
    pub prefix: String,
}

impl Logging {
    /// The bucket, if the host name is that of an S3 bucket.
    pub fn bucket(&self) -> Option<&str> {
        bucket_of_host(&self.host)
    }
}

/// Changes to a configuration; everything else is preserved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Whether to enable or disable the distribution.
    pub enabled: Option<bool>,
    /// The new comment.
    pub comment: Option<String>,
    /// The new default root object.
    pub default_root_object: Option<String>,
    /// Host names to add.
    pub add_cnames: Vec<String>,
    /// Host names to remove.
    pub remove_cnames: Vec<String>,
    /// New access log settings.
    pub logging: Option<Logging>,
}

/// The elements that this client sets and those around them, in the order of the API documentation; missing elements
/// are inserted accordingly.
const ORDER: [&str; 12] = [
    "CallerReference",
    "Aliases",
    "DefaultRootObject",
    "Origins",
    "OriginGroups",
    "DefaultCacheBehavior",
    "CacheBehaviors",
    "CustomErrorResponses",
    "Comment",
    "Logging",
    "PriceClass",
    "Enabled",
];

/// ID of an AWS-managed cache policy for S3 origins; it respects the objects' `Cache-Control`.
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html>
const CACHING_OPTIMIZED: &str = "658327ea-f89d-4fab-a63d-7e88639e58f6";

/// A `DistributionConfig` document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    root: Element,
}

impl Config {
    /// Parses the document.
    pub fn parse(text: &str) -> Result<Self> {
        let root = Element::parse(text)?;
        if root.name() == "DistributionConfig" {
            Ok(Self { root })
        } else {
            Err(Error::Malformed(
                format!("a '{}' where a 'DistributionConfig' was expected", root.name()).into(),
            ))
        }
    }

    /// The configuration of a new distribution for a bucket, whose host name in S3 is `host`. Each `reference`
    /// creates only one distribution.
    pub fn new(reference: &str, host: &str) -> Self {
        let origin = Element::group("Origin")
            .with(Element::text("Id", host))
            .with(Element::text("DomainName", host))
            .with(Element::text("OriginPath", ""))
            .with(Element::group("CustomHeaders").with(Element::text("Quantity", "0")))
            .with(Element::group("S3OriginConfig").with(Element::text("OriginAccessIdentity", "")));
        let behavior = Element::group("DefaultCacheBehavior")
            .with(Element::text("TargetOriginId", host))
            .with(Element::text("ViewerProtocolPolicy", "allow-all"))
            .with(Element::text("CachePolicyId", CACHING_OPTIMIZED));
        let root = Element::group(&format!("DistributionConfig xmlns=\"{NAMESPACE}\""))
            .with(Element::text("CallerReference", reference))
            .with(list("Aliases", Vec::new()))
            .with(Element::text("DefaultRootObject", ""))
            .with(list("Origins", vec![origin]))
            .with(behavior)
            .with(Element::text("Comment", ""))
            .with(Element::text("Enabled", "true"));
        Self { root }
    }

    /// Whether the distribution is enabled.
    pub fn enabled(&self) -> bool {
        self.root.child("Enabled").is_some_and(|enabled| enabled.content() == "true")
    }

    /// Applies the changes.
    pub fn change(&mut self, changes: &Changes) {
        if let Some(enabled) = changes.enabled {
            self.set(Element::text("Enabled", if enabled { "true" } else { "false" }));
        }
        if let Some(comment) = &changes.comment {
            self.set(Element::text("Comment", comment));
        }
        if let Some(name) = &changes.default_root_object {
            self.set(Element::text("DefaultRootObject", name));
        }
        if let Some(logging) = &changes.logging {
            self.log(logging);
        }
        let before = self.cnames();
        let mut cnames = before.clone();
        cnames.retain(|cname| !changes.remove_cnames.contains(cname));
        for cname in &changes.add_cnames {
            if !cnames.contains(cname) {
                cnames.push(cname.clone());
            }
        }
        if cnames != before {
            let items = cnames.iter().map(|cname| Element::text("CNAME", cname)).collect();
            self.set(list("Aliases", items));
        }
    }

    fn cnames(&self) -> Vec<String> {
        let items = self.root.child("Aliases").and_then(|aliases| aliases.child("Items"));
        let cnames = items.into_iter().flat_map(Element::children).filter(|item| item.name() == "CNAME");
        cnames.map(Element::content).collect()
    }

    /// Sets the access log settings. Other elements, such as whether cookies are logged, are preserved.
    fn log(&mut self, logging: &Logging) {
        let known = self.root.child("Logging").cloned();
        let mut element = known.unwrap_or_else(|| {
            Element::group("Logging")
                .with(Element::text("Enabled", ""))
                .with(Element::text("IncludeCookies", "false"))
        });
        element.set(Element::text("Enabled", if logging.enabled { "true" } else { "false" }));
        element.set(Element::text("Bucket", &logging.host));
        element.set(Element::text("Prefix", &logging.prefix));
        self.set(element);
    }

    /// Replaces an element, or inserts it after those that precede it in the API's order.
    fn set(&mut self, part: Element) {
        if self.root.child(part.name()).is_some() {
            return self.root.set(part);
        }
        let place = |name: &str| ORDER.iter().position(|known| *known == name);
        let own = place(part.name());
        let before = self.root.nodes.iter().rposition(|node| match node {
            Node::Element(element) => place(element.name()).is_some_and(|place| Some(place) < own),
            Node::Other(_) => false,
        });
        self.root.nodes.insert(before.map_or(0, |at| at + 1), Node::Element(part));
    }
}

/// Serializes the document.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>{}", self.root)
    }
}

/// A list in the form of the API: its length, and its items unless it is empty.
fn list(name: &str, items: Vec<Element>) -> Element {
    let list = Element::group(name).with(Element::text("Quantity", &items.len().to_string()));
    if items.is_empty() {
        return list;
    }
    list.with(Element { nodes: items.into_iter().map(Node::Element).collect(), ..Element::group("Items") })
}

/// An element with its content. Attributes and other nodes are preserved verbatim.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Element {
    /// Name and attributes.
    tag: String,
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Element(Element),
    /// Text, references and comments, verbatim.
    Other(String),
}

impl Element {
    fn parse(text: &str) -> Result<Self> {
        let malformed =
            |error: quick_xml::Error| Error::malformed(format!("a response that is not XML: {error}"), error);
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        let mut open: Vec<Element> = Vec::new();
        loop {
            let other = match reader.read_event().map_err(malformed)? {
                Event::Start(start) => {
                    open.push(Element::group(start.trim_end()));
                    continue;
                }
                Event::End(_) => {
                    let Some(element) = open.pop() else { continue };
                    match open.last_mut() {
                        Some(parent) => parent.nodes.push(Node::Element(element)),
                        None => return Ok(element),
                    }
                    continue;
                }
                Event::Eof => return Err(Error::Malformed("an incomplete XML response".into())),
                Event::Text(text) => (*text).to_owned(),
                Event::GeneralRef(reference) => format!("&{};", &*reference),
                Event::CData(text) => format!("<![CDATA[{}]]>", &*text),
                Event::Comment(text) => format!("<!--{}-->", &*text),
                _ => continue,
            };
            if let Some(element) = open.last_mut() {
                element.nodes.push(Node::Other(other));
            }
        }
    }

    fn group(tag: &str) -> Self {
        Self { tag: tag.to_owned(), nodes: Vec::new() }
    }

    fn text(name: &str, text: &str) -> Self {
        let nodes = if text.is_empty() { Vec::new() } else { vec![Node::Other(xml::escaped(text))] };
        Self { nodes, ..Self::group(name) }
    }

    fn with(mut self, child: Self) -> Self {
        self.nodes.push(Node::Element(child));
        self
    }

    /// The name without its namespace prefix.
    fn name(&self) -> &str {
        let name = self.tag.split_ascii_whitespace().next().unwrap_or_default();
        name.rsplit(':').next().unwrap_or_default()
    }

    fn children(&self) -> impl Iterator<Item = &Element> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Other(_) => None,
        })
    }

    fn child(&self, name: &str) -> Option<&Element> {
        self.children().find(|child| child.name() == name)
    }

    /// Replaces the child of the same name, or appends a new one.
    fn set(&mut self, child: Element) {
        let known = self.nodes.iter_mut().find_map(|node| match node {
            Node::Element(element) if element.name() == child.name() => Some(element),
            _ => None,
        });
        match known {
            Some(known) => *known = child,
            None => self.nodes.push(Node::Element(child)),
        }
    }

    /// The text of an element without child elements, with entities resolved.
    fn content(&self) -> String {
        // What was parsed before, or written here, can be parsed.
        let text: Result<String> = document::read(&self.to_string(), &[self.name()]);
        text.map(|text| text.trim().to_owned()).unwrap_or_default()
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.tag)?;
        for node in &self.nodes {
            match node {
                Node::Element(element) => element.fmt(f)?,
                Node::Other(text) => f.write_str(text)?,
            }
        }
        write!(f, "</{}>", self.tag.split_ascii_whitespace().next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "<?xml version=\"1.0\"?>\n<DistributionConfig xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\">\
        <CallerReference>r &amp; s</CallerReference><Aliases><Quantity>2</Quantity><Items><CNAME>a.example</CNAME><CNAME>b.example</CNAME></Items></Aliases>\
        <Origins><Quantity>1</Quantity><Items><Origin><Id>o</Id></Origin></Items></Origins><!-- kept -->\
        <Comment>old &lt;one&gt;</Comment><Enabled>true</Enabled><New a=\"&quot;1\"><Deep>&#228;<![CDATA[<x>]]></Deep></New></DistributionConfig>";

    fn changed(changes: &Changes) -> String {
        let mut config = Config::parse(CONFIG).unwrap();
        config.change(changes);
        let text = config.to_string();
        assert_eq!(Config::parse(&text).unwrap().to_string(), text);
        text
    }

    #[test]
    fn other_elements_are_preserved() {
        let start = CONFIG.find("<Dist").unwrap();
        let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
        let same = format!("{declaration}{}", &CONFIG[start..]);
        assert_eq!(changed(&Changes::default()), same);
        let off = Changes { enabled: Some(false), ..Changes::default() };
        assert_eq!(changed(&off), same.replace("<Enabled>true", "<Enabled>false"));
        let comment = Changes { comment: Some("new & \"good\"".into()), ..Changes::default() };
        let text = changed(&comment);
        assert!(text.contains("<Comment>new &amp; "), "{text}");
        assert_eq!(text.replace("new &amp; &quot;good&quot;", "old &lt;one&gt;"), same);
    }

    #[test]
    fn missing_elements_are_inserted_in_api_order() {
        let logging = Logging { enabled: true, host: "logs.s3.amazonaws.com".into(), prefix: "p/".into() };
        let text = changed(&Changes {
            default_root_object: Some("index.html".into()),
            logging: Some(logging),
            ..Changes::default()
        });
        assert!(
            text.contains("</Aliases><DefaultRootObject>index.html</DefaultRootObject><Origins>"),
            "{text}"
        );
        assert!(
            text.contains("</Comment><Logging><Enabled>true</Enabled><IncludeCookies>false</IncludeCookies><Bucket>logs.s3.amazonaws.com</Bucket><Prefix>p/</Prefix></Logging><Enabled>"),
            "{text}"
        );
    }

    #[test]
    fn names_are_added_once_and_counted() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let text = changed(&Changes {
            add_cnames: names(&["b.example", "c.example"]),
            remove_cnames: names(&["a.example", "never.example"]),
            ..Changes::default()
        });
        assert!(
            text.contains("<Aliases><Quantity>2</Quantity><Items><CNAME>b.example</CNAME><CNAME>c.example</CNAME></Items></Aliases>"),
            "{text}"
        );
        let none = Changes { remove_cnames: names(&["a.example", "b.example"]), ..Changes::default() };
        assert!(changed(&none).contains("<Aliases><Quantity>0</Quantity></Aliases>"));
    }

    #[test]
    fn disabled_logging_has_no_target() {
        let mut config = Config::parse(CONFIG).unwrap();
        let on = Logging { enabled: true, host: "l.s3.amazonaws.com".into(), prefix: "p".into() };
        config.change(&Changes { logging: Some(on), ..Changes::default() });
        config.change(&Changes { logging: Some(Logging::default()), ..Changes::default() });
        assert!(config.to_string().contains(
            "<Logging><Enabled>false</Enabled><IncludeCookies>false</IncludeCookies><Bucket></Bucket><Prefix></Prefix></Logging>"
        ));
    }

    #[test]
    fn other_documents_are_rejected() {
        for text in ["<Distribution/>", "<DistributionConfig>", "", "nonsense"] {
            assert!(Config::parse(text).is_err(), "{text}");
        }
    }
}
