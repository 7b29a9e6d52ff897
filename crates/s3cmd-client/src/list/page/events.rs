//! Parses a page from quick-xml's events, which borrow from the response.

use super::{Fields, ListPage, PageInfo, Span, size_of};
use crate::error::{Error, Result};
use crate::model::document::{malformed, text_of};
use crate::ops::multipart::bare_etag;
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;
use std::borrow::Cow;

/// Parses any page: any well-formed, complete document with this root element, whose elements are matched by their
/// local names. The caller stores the text in the page.
pub(super) fn parse(text: &str, v2: bool) -> Result<(ListPage, PageInfo)> {
    let mut parser = Parser { text, page: ListPage::default(), info: PageInfo::default() };
    // The reader skips a byte order mark, but does not count it in its positions.
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let (mut row, mut has_size) = (Fields::default(), false);
    let (mut parent, mut depth) = (Parent::Other, 0usize);
    // Where the content of the open elements of the levels 2 and 3 begins.
    let mut content = [0; 2];
    let mut roots = 0;
    loop {
        let before = reader.buffer_position() as usize;
        match reader.read_event().map_err(malformed)? {
            Event::Start(tag) => {
                depth += 1;
                match depth {
                    1 => {
                        roots += 1;
                        if roots == 1 && tag.local_name().as_ref() != "ListBucketResult" {
                            return Err(Error::Malformed("a response that is not a listing".into()));
                        }
                    }
                    2 => {
                        content[0] = reader.buffer_position() as usize;
                        parent = match tag.local_name().as_ref() {
                            "Contents" => Parent::Contents,
                            "CommonPrefixes" => Parent::CommonPrefixes,
                            _ => Parent::Other,
                        };
                    }
                    3 => content[1] = reader.buffer_position() as usize,
                    _ => {}
                }
            }
            // The reader ensures that there is an open element of this name.
            Event::End(tag) => {
                match (depth, parent) {
                    _ if roots > 1 => {}
                    (2, Parent::Contents) => {
                        if row.key.length == 0 || !std::mem::take(&mut has_size) {
                            return Err(Error::Malformed(
                                "a listing of an object without a key or a size".into(),
                            ));
                        }
                        parser.page.rows.push(std::mem::take(&mut row));
                    }
                    (2, Parent::Other) => {
                        let name = tag.local_name();
                        if PageInfo::has(name.as_ref()) {
                            let value = resolved(&text[content[0]..before])?;
                            parser.info.take(name.as_ref(), &value, v2);
                        }
                    }
                    (3, Parent::Contents) => {
                        let raw = &text[content[1]..before];
                        match tag.local_name().as_ref() {
                            "Key" => row.key = parser.value(raw)?,
                            "Size" => (row.size, has_size) = (size_of(&resolved(raw)?)?, true),
                            "ETag" => row.etag = parser.etag(raw)?,
                            "LastModified" => row.modified = parser.trimmed(raw)?,
                            "StorageClass" => row.storage_class = parser.trimmed(raw)?,
                            _ => {}
                        }
                    }
                    (3, Parent::CommonPrefixes) if tag.local_name().as_ref() == "Prefix" => {
                        let prefix = parser.value(&text[content[1]..before])?;
                        parser.page.prefixes.push(prefix);
                    }
                    _ => {}
                }
                depth -= 1;
            }
            event @ Event::GeneralRef(_) if depth > 0 => {
                text_of(&event)?;
            }
            Event::Eof if depth > 0 => return Err(Error::Malformed("an incomplete XML response".into())),
            Event::Eof if roots == 0 => {
                return Err(Error::Malformed("a response that is not a listing".into()));
            }
            Event::Eof => return Ok((parser.page, parser.info)),
            _ => {}
        }
    }
}

/// The element on the second level.
#[derive(Clone, Copy)]
enum Parent {
    Contents,
    CommonPrefixes,
    Other,
}

struct Parser<'a> {
    text: &'a str,
    page: ListPage,
    info: PageInfo,
}

impl<'a> Parser<'a> {
    /// The text of an element's content.
    fn value(&mut self, raw: &'a str) -> Result<Span> {
        Ok(match resolved(raw)? {
            Cow::Borrowed(text) => self.span(text),
            Cow::Owned(text) => self.page.push(&text),
        })
    }

    fn trimmed(&mut self, raw: &'a str) -> Result<Span> {
        Ok(match resolved(raw)? {
            Cow::Borrowed(text) => self.span(text.trim()),
            Cow::Owned(text) => self.page.push(text.trim()),
        })
    }

    fn etag(&mut self, raw: &'a str) -> Result<Span> {
        let inner = raw.trim().strip_prefix("&quot;").and_then(|rest| rest.strip_suffix("&quot;"));
        Ok(match inner {
            Some(bare) if !bare.contains(['&', '<', '"']) => self.span(bare),
            _ => match resolved(raw)? {
                Cow::Borrowed(text) => self.span(bare_etag(text)),
                Cow::Owned(text) => self.page.push(bare_etag(&text)),
            },
        })
    }

    /// The position of a piece in the text.
    fn span(&self, piece: &str) -> Span {
        let start = piece.as_ptr() as usize - self.text.as_ptr() as usize;
        Span { start: start as u32, length: piece.len() as u32 }
    }
}

/// The character data of an element's content, without that of its children.
fn resolved(raw: &str) -> Result<Cow<'_, str>> {
    if !raw.contains('<') {
        return unescape(raw).map_err(|error| malformed(error.into()));
    }
    let mut reader = Reader::from_str(raw);
    reader.config_mut().expand_empty_elements = true;
    let (mut text, mut depth) = (String::new(), 0usize);
    loop {
        match reader.read_event().map_err(malformed)? {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Eof => return Ok(Cow::Owned(text)),
            event if depth == 0 => text.push_str(&text_of(&event)?.unwrap_or_default()),
            _ => {}
        }
    }
}
