//! The small part of XML that S3 needs: an event walk for listings and responses, and escaping for documents.
//!
//! Namespaces are ignored, since servers disagree about them: elements are matched by their local names.

use crate::error::{Error, Result, ServiceError};
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::Event;
use quick_xml::reader::Reader;

/// An event of a walk through a document.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// An element begins. The path ends with its name.
    Open(&'a [String]),
    /// An element ends. The path ends with its name; the text is its own character data.
    Close(&'a [String], &'a str),
}

/// Walks through a document. The visitor gets the path of local names from the root.
pub(crate) fn walk(text: &str, mut visit: impl FnMut(Step<'_>)) -> Result<()> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    // Names and texts from the root down to `depth`; entries below that are buffers for reuse.
    let (mut path, mut texts): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut depth = 0;
    loop {
        match reader.read_event().map_err(malformed)? {
            Event::Start(start) => {
                if depth == path.len() {
                    path.push(String::new());
                    texts.push(String::new());
                }
                path[depth].clear();
                path[depth].push_str(start.local_name().as_ref());
                texts[depth].clear();
                depth += 1;
                visit(Step::Open(&path[..depth]));
            }
            Event::End(_) if depth > 0 => {
                visit(Step::Close(&path[..depth], &texts[depth - 1]));
                depth -= 1;
            }
            Event::Text(part) if depth > 0 => texts[depth - 1].push_str(&part),
            Event::CData(part) if depth > 0 => texts[depth - 1].push_str(&part),
            Event::GeneralRef(reference) if depth > 0 => {
                let own = &mut texts[depth - 1];
                if let Some(c) = reference.resolve_char_ref().map_err(malformed)? {
                    own.push(c);
                } else {
                    let name: &str = &reference;
                    let resolved = resolve_predefined_entity(name)
                        .ok_or_else(|| Error::Malformed(format!("unknown XML entity '{name}'").into()))?;
                    own.push_str(resolved);
                }
            }
            Event::Eof if depth == 0 => return Ok(()),
            Event::Eof => return Err(Error::Malformed("an incomplete XML response".into())),
            _ => {}
        }
    }
}

fn malformed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::malformed(format!("a response that is not XML: {error}"), error)
}

/// Checks the document's root: the login page of a proxy must not pass for an empty response.
pub(crate) fn expect_root(document: &str, expected: &str) -> Result<()> {
    let mut root = None;
    walk(document, |step| {
        if let Step::Open([name]) = step {
            root.get_or_insert_with(|| name.clone());
        }
    })?;
    match root {
        Some(root) if root == expected => Ok(()),
        Some(root) => Err(Error::Malformed(format!("a '{root}' where a '{expected}' was expected").into())),
        None => Err(Error::Malformed(format!("an empty response where a '{expected}' was expected").into())),
    }
}

/// The local name of the document's root; `None` if the document does not begin like XML. The rest of it may be
/// malformed.
pub(crate) fn root(document: &str) -> Option<String> {
    let mut reader = Reader::from_str(document);
    loop {
        match reader.read_event() {
            Ok(Event::Start(start) | Event::Empty(start)) => {
                return Some(start.local_name().as_ref().to_owned());
            }
            Ok(Event::Text(text)) if !text.trim().is_empty() => return None,
            Ok(Event::Eof) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// Number of bytes in which the root of a document is first looked for.
const HEAD: usize = 1024;

/// [`root`] of a document that may not be text. The root is nearly always in the first bytes, so a long document is
/// not read as a whole.
pub(crate) fn root_of(document: &[u8]) -> Option<String> {
    let head = &document[..document.len().min(HEAD)];
    root(&String::from_utf8_lossy(head)).or_else(|| root(&String::from_utf8_lossy(document)))
}

/// The error document that arrived instead of the expected response; `None` if the document is not one. (The result
/// of a batch deletion contains elements of that name, too.)
pub(crate) fn error_document(document: &[u8]) -> Option<ServiceError> {
    root_of(document).filter(|root| matches!(root.as_str(), "Error" | "ErrorResponse"))?;
    parse_error(std::str::from_utf8(document).ok()?)
}

/// The text of the first element with this path (local names, including the root).
pub(crate) fn text_at(document: &str, requested: &[&str]) -> Result<Option<String>> {
    let mut found = None;
    walk(document, |step| {
        if let Step::Close(path, text) = step
            && found.is_none()
            && path == requested
        {
            found = Some(text.trim().to_owned());
        }
    })?;
    Ok(found)
}

/// Parses an `<Error>` document; `None` if the document is something else.
pub(crate) fn parse_error(document: &str) -> Option<ServiceError> {
    let mut error = ServiceError::default();
    let mut is_error = false;
    // The elements before the point where the document breaks are still useful.
    let _ = walk(document, |step| {
        let Step::Close(path, text) = step else {
            if let Step::Open([root]) = step {
                is_error = root == "Error";
            }
            return;
        };
        // Some servers wrap the error: <ErrorResponse><Error>...</Error></ErrorResponse>.
        let [.., parent, name] = path else { return };
        if parent != "Error" {
            return;
        }
        is_error = true;
        let text = text.trim().to_owned();
        match name.as_str() {
            "Code" => error.code = text,
            "Message" => error.message = text,
            "RequestId" => error.request_id = text,
            "Region" => error.region = Some(text).filter(|region| !region.is_empty()),
            "Endpoint" => error.endpoint = Some(text).filter(|endpoint| !endpoint.is_empty()),
            _ => {}
        }
    });
    is_error.then_some(error)
}

/// Escapes character data.
pub(crate) fn escaped(text: &str) -> String {
    escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_parsed_with_and_without_messages() {
        let error = parse_error(
            "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message/><RequestId>r</RequestId></Error>",
        )
        .unwrap();
        assert_eq!((error.code.as_str(), error.message.as_str()), ("NoSuchBucket", ""));
        assert!(parse_error("<html><body>no</body></html>").is_none());
        assert!(parse_error("").is_none());
        assert!(parse_error("{\"json\": 1}").is_none());
    }

    #[test]
    fn entities_and_cdata_are_resolved() {
        let text = text_at("<a><b>x &amp; y &#228;<![CDATA[<z>]]></b></a>", &["a", "b"]).unwrap();
        assert_eq!(text.as_deref(), Some("x & y ä<z>"));
    }

    #[test]
    fn an_incomplete_document_is_an_error() {
        assert!(text_at("<a><b>x</b>", &["a", "b"]).is_err());
    }
}
