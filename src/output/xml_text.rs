//! XML documents for reading: one element per line, indented with tabs, as `getlifecycle` and `getnotification` print
//! them.

use quick_xml::events::Event;
use quick_xml::reader::Reader;
use s3cmd_client::error::Detail;
use s3cmd_client::{Error, Result};

/// Indents a document with tabs. An element that contains only text stays on one line, empty elements are self-closing,
/// white space between elements is dropped. The declaration is printed as `<?xml version="1.0" ?>`. Fails if the
/// document is not XML.
pub(crate) fn indented(document: &str) -> Result<String> {
    let mut out = String::from("<?xml version=\"1.0\" ?>\n");
    let mut reader = Reader::from_str(document);
    let malformed = |error: quick_xml::Error| {
        Error::Malformed(Detail::new(format!("an answer that is not XML: {error}"), error))
    };
    let mut depth = 0usize;
    // The last opened element, while it contains only text.
    let mut open: Option<(String, String)> = None;
    loop {
        match reader.read_event().map_err(malformed)? {
            Event::Start(start) => {
                flush_parent(&mut out, &mut open, &mut depth);
                open = Some((start.to_string(), String::new()));
            }
            Event::Empty(start) => {
                flush_parent(&mut out, &mut open, &mut depth);
                push_line(&mut out, depth, &format!("<{}/>", start.trim_end()));
            }
            Event::End(end) => match open.take() {
                // Blanks within a line are a value, such as a prefix; line breaks are the layout of an empty element.
                Some((tag, text)) if text.is_empty() || text.trim().is_empty() && text.contains('\n') => {
                    push_line(&mut out, depth, &format!("<{tag}/>"));
                }
                Some((tag, text)) => push_line(&mut out, depth, &format!("<{tag}>{text}</{}>", &*end)),
                None => {
                    depth = depth.saturating_sub(1);
                    push_line(&mut out, depth, &format!("</{}>", &*end));
                }
            },
            Event::Text(text) => {
                if let Some((_, own)) = &mut open {
                    own.push_str(&text);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some((_, own)) = &mut open {
                    own.push_str(&format!("&{};", &*reference));
                }
            }
            Event::CData(text) => {
                if let Some((_, own)) = &mut open {
                    own.push_str(&format!("<![CDATA[{}]]>", &*text));
                }
            }
            Event::Comment(text) => {
                flush_parent(&mut out, &mut open, &mut depth);
                push_line(&mut out, depth, &format!("<!--{}-->", &*text));
            }
            Event::Eof => return Ok(out),
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

/// When a child starts, the parent's tag gets a separate line.
fn flush_parent(out: &mut String, open: &mut Option<(String, String)>, depth: &mut usize) {
    if let Some((tag, _)) = open.take() {
        push_line(out, *depth, &format!("<{tag}>"));
        *depth += 1;
    }
}

fn push_line(out: &mut String, depth: usize, line: &str) {
    out.extend(std::iter::repeat_n('\t', depth));
    out.push_str(line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifecycle_prints_as_in_s3cmd() {
        let document = "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule><ID>old</ID>\
            <Prefix>log/</Prefix><Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>";
        let expected = "<?xml version=\"1.0\" ?>\n<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n\
            \t<Rule>\n\t\t<ID>old</ID>\n\t\t<Prefix>log/</Prefix>\n\t\t<Status>Enabled</Status>\n\t\t<Expiration>\n\
            \t\t\t<Days>3</Days>\n\t\t</Expiration>\n\t</Rule>\n</LifecycleConfiguration>\n";
        assert_eq!(indented(document).unwrap(), expected);
    }
}
