//! Reads an XML document into a model that derives `Deserialize`.
//!
//! Elements are matched by their local names, since servers disagree about namespaces, and unknown elements are
//! ignored. serde alone would be too lenient: it reads a web page as an empty model. So the whole document is checked
//! first: it is well-formed and complete, and its root element is the expected one.
//!
//! A model that lists several elements in one sequence, or that must accept a repeated element, is an enum of the
//! child elements under `$value`. Text is kept verbatim, carriage returns included.

use crate::error::{Error, Result};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use std::borrow::Cow;

/// Reads a document whose root element has one of these local names. Fails with [`Error::Malformed`] if the document
/// is not XML, is incomplete, has another root element or lacks a required element.
pub(crate) fn read<T: DeserializeOwned>(document: &str, roots: &[&str]) -> Result<T> {
    RootElement::of(document)?.expect(roots)?.read()
}

/// The root element of a complete, well-formed document.
#[derive(Debug)]
pub(crate) struct RootElement<'a> {
    /// Local name; empty if the document has no element.
    pub(crate) name: String,
    /// The element itself, without what precedes and follows it.
    text: Cow<'a, str>,
}

impl<'a> RootElement<'a> {
    /// Checks a document and finds its root element.
    pub(crate) fn of(document: &'a str) -> Result<Self> {
        // The reader skips the mark, but does not count it in its positions.
        let document = document.trim_start_matches('\u{feff}');
        let mut reader = Reader::from_str(document);
        reader.config_mut().expand_empty_elements = true;
        let (mut name, mut range, mut depth) = (None, 0..0, 0usize);
        let mut returns = Vec::new();
        loop {
            let start = reader.buffer_position() as usize;
            let event = reader.read_event().map_err(malformed)?;
            let end = reader.buffer_position() as usize;
            match &event {
                Event::Start(tag) => {
                    if name.is_none() {
                        name = Some(tag.local_name().as_ref().to_owned());
                        range.start = start;
                    }
                    depth += 1;
                }
                Event::End(_) if depth > 0 => {
                    depth -= 1;
                    if depth == 0 && range.end == 0 {
                        range.end = end;
                    }
                }
                Event::Eof if depth == 0 => break,
                Event::Eof => return Err(Error::Malformed("an incomplete XML response".into())),
                _ if depth > 0 && range.end == 0 => {
                    let reference = match (text_of(&event)?, &event) {
                        (Some(text), _) if !text.contains('\r') => continue,
                        (Some(_), Event::CData(_)) => "]]>&#13;<![CDATA[",
                        (Some(_), _) => "&#13;",
                        (None, _) => continue,
                    };
                    let found = document[start..end].match_indices('\r');
                    returns.extend(found.map(|(at, _)| (start + at, reference)));
                }
                _ => {}
            }
        }
        let text = with_references(document, range, &returns);
        Ok(Self { name: name.unwrap_or_default(), text })
    }

    /// Checks the name of the root element.
    pub(crate) fn expect(self, names: &[&str]) -> Result<Self> {
        let expected = names.first().copied().unwrap_or_default();
        match self.name.as_str() {
            name if names.contains(&name) => Ok(self),
            "" => {
                Err(Error::Malformed(format!("an empty response where a '{expected}' was expected").into()))
            }
            name => Err(Error::Malformed(format!("a '{name}' where a '{expected}' was expected").into())),
        }
    }

    /// Reads the element into a model. A `String` is the text of an element without children.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        quick_xml::de::from_str(&self.text)
            .map_err(|error| Error::malformed(format!("an invalid '{}': {error}", self.name), error))
    }
}

/// The part of a document in `range`, with references instead of the carriage returns of its text. The deserializer
/// would convert them to line feeds, as XML requires, but some servers write keys verbatim.
fn with_references<'a>(
    document: &'a str,
    range: std::ops::Range<usize>,
    returns: &[(usize, &str)],
) -> Cow<'a, str> {
    if returns.is_empty() {
        return Cow::Borrowed(&document[range]);
    }
    let (mut text, mut done) = (String::with_capacity(range.len() + 8 * returns.len()), range.start);
    for (at, reference) in returns {
        text.push_str(&document[done..*at]);
        text.push_str(reference);
        done = at + 1;
    }
    text.push_str(&document[done..range.end]);
    Cow::Owned(text)
}

/// The character data of an event: text, CDATA or a resolved reference; `None` for other events.
pub(crate) fn text_of<'a>(event: &'a Event<'_>) -> Result<Option<Cow<'a, str>>> {
    Ok(Some(match event {
        Event::Text(text) => Cow::Borrowed(text),
        Event::CData(text) => Cow::Borrowed(text),
        Event::GeneralRef(reference) => match reference.resolve_char_ref().map_err(malformed)? {
            Some(c) => Cow::Owned(c.to_string()),
            None => {
                let name: &str = reference;
                let resolved = resolve_predefined_entity(name);
                let unknown = || Error::Malformed(format!("unknown XML entity '{name}'").into());
                Cow::Borrowed(resolved.ok_or_else(unknown)?)
            }
        },
        _ => return Ok(None),
    }))
}

/// The error for a document that is not well-formed.
pub(crate) fn malformed(error: quick_xml::Error) -> Error {
    Error::malformed(format!("a response that is not XML: {error}"), error)
}

/// Deserializes text without surrounding white space.
pub(crate) fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| text.trim().to_owned())
}

/// Deserializes text without surrounding white space; `None` if it is empty. A field needs `default` as well.
pub(crate) fn nonempty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<String>, D::Error> {
    trimmed(deserializer).map(|text| Some(text).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct Model {
        key: String,
        #[serde(default, deserialize_with = "nonempty")]
        note: Option<String>,
        #[serde(default)]
        item: Vec<String>,
    }

    fn key(inner: &str) -> Result<String> {
        read::<Model>(&format!("<R>{inner}</R>"), &["R"]).map(|model| model.key)
    }

    #[test]
    fn text_is_read_verbatim() {
        for (inner, expected) in [
            ("<Key>x &amp; y &#228;<![CDATA[<z>]]></Key>", "x & y ä<z>"),
            ("<Key> a b\t</Key>", " a b\t"),
            ("<Key>  </Key>", "  "),
            ("<Key/>", ""),
            ("<Key>a&#10;b&#13;c&#x1;</Key>", "a\nb\rc\u{1}"),
            ("<Key>a\rb\r\nc</Key>", "a\rb\r\nc"),
            ("<Key><![CDATA[a\rb]]>\r</Key>", "a\rb\r"),
            ("\r\n<Key>a<!-- no\r -->b</Key>\r\n", "ab"),
            ("<x:Key xmlns:x='y'>a</x:Key>", "a"),
            ("<n:Key>a</n:Key>", "a"),
            ("<Key a='1' b:c='&lt;'>a</Key>", "a"),
        ] {
            assert_eq!(key(inner).unwrap(), expected, "{inner}");
        }
    }

    #[test]
    fn unknown_elements_are_ignored_wherever_they_are() {
        let text = "<R a='b'>t<Item>1</Item><X><Key>no</Key></X><Item>2</Item><Key>k</Key><Note> n </Note><X/>\
                    <Item/></R>";
        let model = read::<Model>(text, &["R"]).unwrap();
        let item = ["1", "2", ""].map(str::to_owned).to_vec();
        assert_eq!(model, Model { key: "k".into(), note: Some("n".into()), item });
        assert_eq!(read::<Model>("<R><Key/><Note> </Note></R>", &["R"]).unwrap().note, None);
    }

    #[test]
    fn what_surrounds_the_root_element_is_ignored() {
        for text in [
            "\u{feff}<?xml version=\"1.1\"?>\r\n<!DOCTYPE R>\n<!-- c --><R><Key>k</Key></R>",
            "<R><Key>k</Key></R>\n<!-- c -->\n",
            "<R><Key>k</Key></R> more",
            "<R><Key>k</Key></R><R><Key>other</Key></R>",
            "<p:R xmlns:p=\"x\"><Key>k</Key></p:R>",
        ] {
            assert_eq!(read::<Model>(text, &["Q", "R"]).unwrap().key, "k", "{text}");
        }
    }

    #[test]
    fn other_documents_are_rejected() {
        for (text, message) in [
            ("<html><Key>k</Key></html>", "a 'html' where a 'R' was expected"),
            ("", "an empty response where a 'R' was expected"),
            ("welcome", "an empty response where a 'R' was expected"),
            ("<R><Key>k</Key>", "an incomplete XML response"),
            ("<R><Key>k</Key></R><R>", "an incomplete XML response"),
            ("<R><Key>k</Key><X>&nbsp;</X></R>", "unknown XML entity 'nbsp'"),
            ("<R/>", "an invalid 'R': missing field `Key`"),
        ] {
            assert_eq!(read::<Model>(text, &["R"]).unwrap_err().to_string(), message, "{text}");
        }
        for text in ["<R><Key>k</R></Key>", "<R><Key>k</Key></R></R>", "<R><Key>&#0;</Key></R>", "<R"] {
            let error = read::<Model>(text, &["R"]).unwrap_err().to_string();
            assert!(error.starts_with("a response that is not XML: "), "{text}: {error}");
        }
    }
}
