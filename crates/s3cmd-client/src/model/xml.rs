//! What documents are, errors in particular, and escaping for documents that are written.
//!
//! Namespaces are ignored, since servers disagree about them: elements are matched by their local names.

use super::document::text_of;
use crate::error::ServiceError;
use quick_xml::escape::escape;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

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

/// Parses an `<Error>` document; `None` if the document is something else. The elements before the point where a
/// document breaks are still useful, so it need not be complete.
pub(crate) fn parse_error(document: &str) -> Option<ServiceError> {
    let mut reader = Reader::from_str(document);
    reader.config_mut().expand_empty_elements = true;
    let mut error = ServiceError::default();
    let mut is_error = false;
    // Names and texts of the open elements.
    let mut open: Vec<(String, String)> = Vec::new();
    while let Ok(event) = reader.read_event() {
        match &event {
            Event::Start(tag) => {
                let name = tag.local_name().as_ref().to_owned();
                // Some servers wrap the error: <ErrorResponse><Error>...</Error></ErrorResponse>.
                is_error |= name == "Error" && open.is_empty();
                open.push((name, String::new()));
            }
            Event::End(_) => {
                let Some((name, text)) = open.pop() else { break };
                if open.last().is_some_and(|(parent, _)| parent == "Error") {
                    is_error = true;
                    set_field(&mut error, &name, text.trim());
                }
            }
            Event::Eof => break,
            event => {
                let Ok(text) = text_of(event) else { break };
                if let (Some(text), Some((_, own))) = (text, open.last_mut()) {
                    own.push_str(&text);
                }
            }
        }
    }
    is_error.then_some(error)
}

fn set_field(error: &mut ServiceError, name: &str, text: &str) {
    let text = text.to_owned();
    match name {
        "Code" => error.code = text,
        "Message" => error.message = text,
        "RequestId" => error.request_id = text,
        "Region" => error.region = Some(text).filter(|region| !region.is_empty()),
        "Endpoint" => error.endpoint = Some(text).filter(|endpoint| !endpoint.is_empty()),
        _ => {}
    }
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
    fn an_error_that_breaks_off_is_parsed_up_to_there() {
        for text in [
            "<Error><Code>SlowDown</Code><Message>a &amp; b</Message><RequestId>r",
            "<ErrorResponse><Error><Code>SlowDown</Code><Message>a &#38; b</Message></Error></Errors>",
            "<Error><Code> SlowDown </Code><Message><![CDATA[a & b]]></Message><X>&nbsp;</X><Code>no</Code></Error>",
        ] {
            let error = parse_error(text).unwrap();
            assert_eq!((error.code.as_str(), error.message.as_str()), ("SlowDown", "a & b"), "{text}");
        }
    }
}
