//! XML: a small writer with S3's escapes, and a parser of request documents into a tree.

use super::error::{S3Result, malformed_xml};
use chrono::{DateTime, SecondsFormat, Utc};
use quick_xml::events::Event;
use std::fmt::Write as _;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Writes a document; the default value writes a fragment.
#[derive(Default)]
pub(crate) struct Writer {
    out: String,
    open: Vec<&'static str>,
}

impl Writer {
    /// Starts a document. All documents except errors and form responses have S3's namespace.
    pub(crate) fn new(root: &'static str) -> Self {
        let mut out = String::with_capacity(512);
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        if matches!(root, "Error" | "PostResponse") {
            let _ = write!(out, "<{root}>");
        } else {
            let _ = write!(out, "<{root} xmlns=\"{NAMESPACE}\">");
        }
        Self { out, open: vec![root] }
    }

    pub(crate) fn open(&mut self, name: &'static str) -> &mut Self {
        self.tag("<", name);
        self.open.push(name);
        self
    }

    /// Avoids the formatting machinery, because a listing has thousands of tags.
    fn tag(&mut self, start: &str, name: &str) {
        self.out.push_str(start);
        self.out.push_str(name);
        self.out.push('>');
    }

    /// Opens an element with attributes, which must already be escaped.
    pub(crate) fn open_with(&mut self, name: &'static str, attributes: &str) -> &mut Self {
        let _ = write!(self.out, "<{name} {attributes}>");
        self.open.push(name);
        self
    }

    pub(crate) fn close(&mut self) -> &mut Self {
        if let Some(name) = self.open.pop() {
            self.tag("</", name);
        }
        self
    }

    /// Writes an element with text, which is escaped.
    pub(crate) fn text(&mut self, name: &str, value: impl AsRef<str>) -> &mut Self {
        self.tag("<", name);
        escape(&mut self.out, value.as_ref());
        self.tag("</", name);
        self
    }

    pub(crate) fn number(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        let _ = write!(self.out, "<{name}>{value}</{name}>");
        self
    }

    /// Writes text, which is escaped, into the open element.
    pub(crate) fn raw_text(&mut self, value: &str) -> &mut Self {
        escape(&mut self.out, value);
        self
    }

    /// Appends fragments to the open element.
    pub(crate) fn append(&mut self, fragments: impl IntoIterator<Item = Self>) -> &mut Self {
        for fragment in fragments {
            self.out.push_str(&fragment.finish());
        }
        self
    }

    pub(crate) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }
}

/// Appends escaped text to `out`. Control characters become character references, as in S3, although XML 1.0 forbids
/// most of them. The alternative is `encoding-type=url`, which the client has to request.
pub(crate) fn escape(out: &mut String, text: &str) {
    if !text.bytes().any(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | 0..=0x1f | 0x7f..)) {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{0}'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "&#x{:X};", c as u32);
            }
            c => out.push(c),
        }
    }
}

/// Formats a time for S3's documents.
pub(crate) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// An element of a request document; its name is without the namespace prefix.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) children: Vec<Node>,
}

impl Node {
    pub(crate) fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child with this name.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }
}

/// The maximum depth of a document. None of S3's needs more than eight levels.
const MAX_DEPTH: usize = 32;
/// The maximum number of elements. Deleting 1,000 keys with conditions needs 7,000.
const MAX_ELEMENTS: usize = 20_000;
/// The maximum number of elements in a CompleteMultipartUpload: 10,000 parts have three to five elements each.
const MAX_PARTS_ELEMENTS: usize = 100_000;

/// Parses a document whose root is one of `roots`. MalformedXML for a document with a DTD, so entities are never
/// expanded.
pub(crate) fn parse(document: &[u8], roots: &[&str]) -> S3Result<Node> {
    let is_completion = roots.contains(&"CompleteMultipartUpload");
    let max_elements = if is_completion { MAX_PARTS_ELEMENTS } else { MAX_ELEMENTS };
    let root = parse_limited(document, max_elements).ok_or_else(malformed_xml)?;
    if roots.contains(&root.name.as_str()) { Ok(root) } else { Err(malformed_xml()) }
}

/// Parses a document with any root and of any size; `None` if it is malformed.
pub(crate) fn parse_any(document: &[u8]) -> Option<Node> {
    parse_limited(document, usize::MAX)
}

/// Parses a document with at most `max_elements` elements.
fn parse_limited(document: &[u8], max_elements: usize) -> Option<Node> {
    let text = std::str::from_utf8(document).ok()?;
    let mut reader = quick_xml::Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut stack: Vec<Node> = Vec::new();
    let mut root = None;
    let mut elements = 0;
    loop {
        if elements > max_elements {
            return None;
        }
        match reader.read_event().ok()? {
            Event::Start(start) => {
                if root.is_some() || stack.len() >= MAX_DEPTH {
                    return None;
                }
                elements += 1;
                stack.push(element(&start)?);
            }
            Event::Empty(start) => {
                elements += 1;
                let node = element(&start)?;
                match stack.last_mut() {
                    Some(parent) => parent.children.push(node),
                    None if root.is_none() => root = Some(node),
                    None => return None,
                }
            }
            Event::End(_) => {
                let mut node = stack.pop()?;
                if !node.children.is_empty() {
                    node.text.clear();
                }
                match stack.last_mut() {
                    Some(parent) => parent.children.push(node),
                    None => root = Some(node),
                }
            }
            Event::Text(text) => match stack.last_mut() {
                Some(node) => node.text.push_str(&text.xml10_content()),
                None if text.trim().is_empty() => {}
                None => return None,
            },
            Event::CData(text) => stack.last_mut()?.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let c = match reference.resolve_char_ref().ok()? {
                    Some(c) => c,
                    None => match &*reference.xml10_content() {
                        "lt" => '<',
                        "gt" => '>',
                        "amp" => '&',
                        "quot" => '"',
                        "apos" => '\'',
                        _ => return None,
                    },
                };
                stack.last_mut()?.text.push(c);
            }
            Event::DocType(_) => return None,
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if stack.is_empty() { root } else { None }
}

fn element(start: &quick_xml::events::BytesStart<'_>) -> Option<Node> {
    // Attributes are redundant (`xsi:type` repeats what a grantee contains), but they must be well-formed.
    if start.attributes().any(|attribute| attribute.is_err()) {
        return None;
    }
    Some(Node { name: start.local_name().as_ref().to_owned(), ..Node::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_parsed_with_or_without_namespaces() {
        let text =
            br#"<?xml version="1.0"?><x:A xmlns:x="u"><x:B i:t="v&amp;w">1 &lt; &#50;</x:B> <C/></x:A>"#;
        let root = parse(text, &["A"]).unwrap();
        assert_eq!(root.value("B"), Some("1 < 2"));
        assert_eq!(root.value("C"), Some(""));
        assert!(parse(text, &["B"]).is_err());
    }

    #[test]
    fn malformed_and_hostile_documents_are_rejected() {
        let deep = "<a>".repeat(100_000);
        let entity = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>";
        for text in ["", "<a>", "<a></b>", "</a>", "<a/><b/>", "x", "<a>&nope;</a>", &deep, entity] {
            assert!(parse_any(text.as_bytes()).is_none(), "{text:.40}");
        }
        assert!(parse_any(b"<a>\xff</a>").is_none());
    }

    #[test]
    fn the_number_of_elements_is_limited() {
        let document = |root: &str, elements: usize, child: &str| {
            format!("<{root}>{}</{root}>", child.repeat(elements - 1)).into_bytes()
        };
        for (root, max) in [("Delete", MAX_ELEMENTS), ("CompleteMultipartUpload", MAX_PARTS_ELEMENTS)] {
            for child in ["<a/>", "<a></a>"] {
                let largest = parse(&document(root, max, child), &[root]).unwrap();
                assert_eq!(largest.children.len(), max - 1);
                assert!(parse(&document(root, max + 1, child), &[root]).is_err(), "{root} {child}");
            }
        }
        // Only the root that is expected counts.
        let parts = document("CompleteMultipartUpload", MAX_ELEMENTS + 1, "<a/>");
        assert!(parse(&parts, &["Delete"]).is_err());
    }

    #[test]
    fn the_largest_requests_of_s3_have_fewer_elements_than_the_limit() {
        let of = |root: &str, item: &str, count: usize| {
            format!("<{root}><Quiet>true</Quiet>{}</{root}>", item.repeat(count)).into_bytes()
        };
        let object = "<Object><Key>k</Key><VersionId>v</VersionId><ETag>e</ETag>\
            <LastModifiedTime>t</LastModifiedTime><Size>1</Size></Object>";
        assert_eq!(parse(&of("Delete", object, 1000), &["Delete"]).unwrap().all("Object").count(), 1000);
        let part = "<Part><PartNumber>1</PartNumber><ETag>e</ETag><ChecksumCRC32>c</ChecksumCRC32>\
            <ChecksumSHA256>c</ChecksumSHA256><Size>1</Size></Part>";
        let root = "CompleteMultipartUpload";
        assert_eq!(parse(&of(root, part, 10_000), &[root]).unwrap().all("Part").count(), 10_000);
    }

    #[test]
    fn written_text_is_escaped() {
        let mut xml = Writer::new("Error");
        xml.open("A").text("B", "<&>\"\u{1}é").close();
        assert!(xml.finish().ends_with("<A><B>&lt;&amp;&gt;&quot;&#x1;é</B></A></Error>"));
    }
}
