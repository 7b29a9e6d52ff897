//! An XML document as a tree of elements with local names. Namespaces and attributes are dropped: they carry no
//! meaning in these documents.

use crate::error::Result;
use crate::model::xml::{self, Step};
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
        let mut stack = vec![Self::default()];
        xml::walk(document.trim_start_matches('\u{feff}'), |step| match step {
            Step::Open(path) => {
                let name = path.last().cloned().unwrap_or_default();
                stack.push(Self { name, ..Self::default() });
            }
            Step::Close(_, text) => {
                if let Some(mut element) = stack.pop() {
                    if element.children.is_empty() {
                        text.clone_into(&mut element.text);
                    }
                    if let Some(parent) = stack.last_mut() {
                        parent.children.push(element);
                    }
                }
            }
        })?;
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
