//! Ids for lifecycle rules that came without one, as S3 gives them.

use super::error::{S3Result, malformed_xml};
use super::xml;
use crate::random;
use quick_xml::events::Event;

/// The document with an id for each of its rules; else as it is.
pub(crate) fn with_ids(text: &str) -> S3Result<String> {
    let root = xml::parse(text.as_bytes(), &["LifecycleConfiguration"])?;
    let mut nameless = root.all("Rule").map(|rule| rule.value("ID").is_none_or(|id| id.trim().is_empty()));
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut out, mut kept, mut depth) = (String::with_capacity(text.len() + 64), 0, 0);
    let mut in_nameless = false;
    // Where an empty id begins.
    let mut cut = None;
    loop {
        let before = reader.buffer_position() as usize;
        let event = reader.read_event().map_err(|_| malformed_xml())?;
        let after = reader.buffer_position() as usize;
        let is_id = |name: &str| in_nameless && depth == 2 && name == "ID";
        match event {
            Event::Start(tag) => {
                if is_id(tag.local_name().as_ref()) {
                    cut = Some(before);
                }
                depth += 1;
                if depth == 2 && tag.local_name().as_ref() == "Rule" {
                    in_nameless = nameless.next().unwrap_or(false);
                    if in_nameless {
                        out.push_str(&text[kept..after]);
                        out.push_str(&format!("<ID>{}</ID>", new_id()?));
                        kept = after;
                    }
                }
            }
            Event::Empty(tag) if is_id(tag.local_name().as_ref()) => {
                out.push_str(&text[kept..before]);
                kept = after;
            }
            Event::End(_) => {
                depth -= 1;
                if depth == 2
                    && let Some(from) = cut.take()
                {
                    out.push_str(&text[kept..from]);
                    kept = after;
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    out.push_str(&text[kept..]);
    Ok(out)
}

fn new_id() -> S3Result<String> {
    Ok(hex::encode(random::bytes::<24>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_without_an_id_get_one() {
        let text = "<LifecycleConfiguration><Rule><ID>a</ID><x/></Rule><Rule><ID> </ID><y/></Rule><Rule><z/><ID/></Rule>\
                    <Rule><Filter><ID>f</ID></Filter></Rule></LifecycleConfiguration>";
        let named = with_ids(text).unwrap();
        let ids = regex::Regex::new("<ID>[0-9a-f]{48}</ID>").unwrap();
        assert_eq!(
            ids.replace_all(&named, "+"),
            "<LifecycleConfiguration><Rule><ID>a</ID><x/></Rule><Rule>+<y/></Rule><Rule>+<z/></Rule>\
             <Rule>+<Filter><ID>f</ID></Filter></Rule></LifecycleConfiguration>"
        );
        assert_eq!(with_ids(&named).unwrap(), named);
    }
}
