//! An XML document as a tree of elements with local names. Namespaces and attributes are dropped: they carry no
//! meaning in these documents.

use crate::error::{Error, Result};
use crate::model::document::{malformed, text_of};
use crate::model::xml;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::fmt::Write;

/// An element with its own character data and its children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    /// Verbatim; white space is significant in names and prefixes.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// Parses a document. Empty text gives an element without a name.
    pub(super) fn parse(document: &str) -> Result<Self> {
        let mut reader = Reader::from_str(document.trim_start_matches('\u{feff}'));
        reader.config_mut().expand_empty_elements = true;
        // The first entry stands for the document.
        let mut stack = vec![Self::default()];
        loop {
            match reader.read_event().map_err(malformed)? {
                Event::Start(tag) => {
                    stack.push(Self { name: tag.local_name().as_ref().to_owned(), ..Self::default() });
                }
                Event::End(_) => {
                    let Some(mut element) = stack.pop() else { continue };
                    if !element.children.is_empty() {
                        element.text.clear();
                    }
                    if let Some(parent) = stack.last_mut() {
                        parent.children.push(element);
                    }
                }
                Event::Eof if stack.len() == 1 => break,
                Event::Eof => return Err(Error::Malformed("an incomplete XML response".into())),
                event if stack.len() > 1 => {
                    if let (Some(text), Some(element)) = (text_of(&event)?, stack.last_mut()) {
                        element.text.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        Ok(stack.pop().and_then(|mut top| top.children.pop()).unwrap_or_default())
    }

    /// The first child with this name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children with this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of a child without surrounding white space; empty if there is no such child.
    pub(super) fn value(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.trim())
    }

    /// The text of a child, verbatim.
    pub(super) fn exact(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.as_str())
    }

    /// Serializes the element without attributes.
    pub(super) fn write(&self, out: &mut String) {
        let name = &self.name;
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "<{name}>{}",
            if self.children.is_empty() { xml::escaped(&self.text) } else { String::new() }
        );
        for child in &self.children {
            child.write(out);
        }
        let _ = write!(out, "</{name}>");
    }
}
