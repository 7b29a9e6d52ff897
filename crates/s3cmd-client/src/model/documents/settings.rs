//! Documents that do not consist of rules: tags, website, access logging, and single settings.

use super::element::Element;
use super::rule::Rule;
use super::schema::{flag, number, time};

/// The document as one set of facts: its elements with their paths. Empty and disabled elements give no fact.
pub(super) fn rules(root: &Element, noun: &'static str) -> Vec<Rule> {
    let mut facts = Vec::new();
    collect(root, "", &mut facts);
    vec![Rule::new(noun, "", facts)]
}

/// Elements that services add: defaults of other settings in the same document, and display names.
const FILLED_IN: [&str; 3] = ["DisplayName", "MfaDelete", "TargetObjectKeyFormat"];

fn collect(element: &Element, path: &str, facts: &mut Vec<String>) {
    for child in element.children.iter().filter(|child| !FILLED_IN.contains(&child.name.as_str())) {
        if child.name == "Tag" {
            facts.push(format!("'{}'='{}'", child.exact("Key"), child.exact("Value")));
            continue;
        }
        let path = if path.is_empty() { child.name.clone() } else { format!("{path}/{}", child.name) };
        if !child.children.is_empty() {
            collect(child, &path, facts);
            continue;
        }
        let text = child.text.trim();
        let value = match (flag(text), number(text), time(text)) {
            (Some(false), None, _) => continue,
            (Some(true), None, _) => "true".to_owned(),
            (_, _, Some(time)) => time,
            _ => text.to_owned(),
        };
        if !value.is_empty() {
            facts.push(format!("{path} {value}"));
        }
    }
}
