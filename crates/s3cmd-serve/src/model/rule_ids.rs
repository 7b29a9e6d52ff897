//! Generated ids for lifecycle rules without one, as in S3.

use super::error::{S3Result, malformed_xml};
use super::xml;
use crate::random;
use quick_xml::events::Event;

/// Adds an id to each rule of a lifecycle document that has none; the rest of the text is unchanged.
pub(crate) fn with_ids(text: &str) -> S3Result<String> {
    let root = xml::parse(text.as_bytes(), &["LifecycleConfiguration"])?;
    let mut needs_id = root.all("Rule").map(|rule| rule.value("ID").is_none_or(|id| id.trim().is_empty()));
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut out, mut copied, mut depth) = (String::with_capacity(text.len() + 64), 0, 0);
    let mut in_rule_without_id = false;
    // The start of an empty id, which is removed.
    let mut empty_id = None;
    loop {
        let before = reader.buffer_position() as usize;
        let event = reader.read_event().map_err(|_| malformed_xml())?;
        let after = reader.buffer_position() as usize;
        let is_id = |name: &str| in_rule_without_id && depth == 2 && name == "ID";
        match event {
            Event::Start(tag) => {
                if is_id(tag.local_name().as_ref()) {
                    empty_id = Some(before);
                }
                depth += 1;
                if depth == 2 && tag.local_name().as_ref() == "Rule" {
                    in_rule_without_id = needs_id.next().unwrap_or(false);
                    if in_rule_without_id {
                        out.push_str(&text[copied..after]);
                        out.push_str(&format!("<ID>{}</ID>", new_id()?));
                        copied = after;
                    }
                }
            }
            Event::Empty(tag) if is_id(tag.local_name().as_ref()) => {
                out.push_str(&text[copied..before]);
                copied = after;
            }
            Event::End(_) => {
                depth -= 1;
                if depth == 2
                    && let Some(from) = empty_id.take()
                {
                    out.push_str(&text[copied..from]);
                    copied = after;
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    out.push_str(&text[copied..]);
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
