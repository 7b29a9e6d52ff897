//! Lifecycle rules. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html>

use super::element::Element;
use super::rule::Rule;
use super::shape::{Holds, any, flag, number, one, optional, some, time};
use std::collections::HashSet;
use std::fmt;

const TAG: Holds = Holds::Elements(&[one("Key", Holds::Text), one("Value", Holds::AnyText)]);

/// Several conditions beside each other are what Ceph answers (`And` is what the API has for them); `ArchiveZone` is
/// Ceph's own.
const FILTER: Holds = Holds::Elements(&[
    optional("Prefix", Holds::AnyText),
    any("Tag", TAG),
    optional("ObjectSizeGreaterThan", Holds::Number(0)),
    optional("ObjectSizeLessThan", Holds::Number(0)),
    optional("And", AND),
    optional("ArchiveZone", Holds::AnyText),
]);

const AND: Holds = Holds::Elements(&[
    optional("Prefix", Holds::AnyText),
    any("Tag", TAG),
    optional("ObjectSizeGreaterThan", Holds::Number(0)),
    optional("ObjectSizeLessThan", Holds::Number(0)),
    optional("ArchiveZone", Holds::AnyText),
]);

/// `ExpiredObjectAllVersions`, `DelMarkerExpiration` and `AllVersionsExpiration` are MinIO's own.
const RULE: Holds = Holds::Elements(&[
    optional("ID", Holds::AnyText),
    optional("Prefix", Holds::AnyText),
    optional("Filter", FILTER),
    one("Status", Holds::Word(&["Enabled", "Disabled"])),
    optional(
        "Expiration",
        Holds::Elements(&[
            optional("Days", Holds::Number(1)),
            optional("Date", Holds::Time),
            optional("ExpiredObjectDeleteMarker", Holds::Flag),
            optional("ExpiredObjectAllVersions", Holds::Flag),
        ]),
    ),
    any(
        "Transition",
        Holds::Elements(&[
            optional("Days", Holds::Number(0)),
            optional("Date", Holds::Time),
            one("StorageClass", Holds::Text),
        ]),
    ),
    optional(
        "NoncurrentVersionExpiration",
        Holds::Elements(&[
            optional("NoncurrentDays", Holds::Number(1)),
            optional("NewerNoncurrentVersions", Holds::Number(1)),
        ]),
    ),
    any(
        "NoncurrentVersionTransition",
        Holds::Elements(&[
            optional("NoncurrentDays", Holds::Number(0)),
            optional("NewerNoncurrentVersions", Holds::Number(1)),
            one("StorageClass", Holds::Text),
        ]),
    ),
    optional(
        "AbortIncompleteMultipartUpload",
        Holds::Elements(&[one("DaysAfterInitiation", Holds::Number(1))]),
    ),
    optional("DelMarkerExpiration", Holds::Elements(&[one("Days", Holds::Number(1))])),
    optional(
        "AllVersionsExpiration",
        Holds::Elements(&[one("Days", Holds::Number(1)), optional("DeleteMarker", Holds::Flag)]),
    ),
]);

pub(super) const ROOT: Holds = Holds::Elements(&[
    some("Rule", RULE),
    // A header of requests, which some answers hold as an element.
    optional("TransitionDefaultMinimumObjectSize", Holds::Text),
]);

/// What a rule does.
const ACTIONS: [&str; 7] = [
    "Expiration",
    "Transition",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransition",
    "AbortIncompleteMultipartUpload",
    "DelMarkerExpiration",
    "AllVersionsExpiration",
];

/// What the shape does not say.
pub(super) fn check(root: &Element) -> Result<(), String> {
    let mut ids = HashSet::new();
    for (place, rule) in root.all("Rule").enumerate() {
        let called = match rule.value("ID") {
            "" => format!("rule {}", place + 1),
            id => format!("rule '{id}'"),
        };
        let problem = if !rule.value("ID").is_empty() && !ids.insert(rule.exact("ID")) {
            "its ID is that of another rule"
        } else if rule.child("Prefix").is_some() && rule.child("Filter").is_some() {
            "has a 'Prefix' beside its 'Filter'"
        } else if rule.child("Prefix").is_none() && rule.child("Filter").is_none() {
            "has no 'Filter'"
        } else if !rule.children.iter().any(|child| ACTIONS.contains(&child.name.as_str())) {
            "does nothing: it has no 'Expiration' and no other action"
        } else if let Some(problem) = rule.children.iter().find_map(action_problem) {
            problem
        } else {
            continue;
        };
        return Err(format!("{called} {problem}"));
    }
    Ok(())
}

fn action_problem(action: &Element) -> Option<&'static str> {
    let held =
        |names: &[&str]| action.children.iter().filter(|child| names.contains(&child.name.as_str())).count();
    match action.name.as_str() {
        "Expiration" if held(&["Days", "Date", "ExpiredObjectDeleteMarker"]) != 1 => Some(
            "has an 'Expiration' without one of 'Days', 'Date' and 'ExpiredObjectDeleteMarker', or with several",
        ),
        "Transition" if held(&["Days", "Date"]) != 1 => {
            Some("has a 'Transition' without one of 'Days' and 'Date', or with both")
        }
        "NoncurrentVersionExpiration" | "NoncurrentVersionTransition"
            if held(&["NoncurrentDays", "NewerNoncurrentVersions"]) == 0 =>
        {
            Some("has an action on noncurrent versions without 'NoncurrentDays'")
        }
        _ => None,
    }
}

/// The document with the conditions of each filter as the API has them: several of them in `And`. `None` where they are
/// already, which leaves the document as it is.
pub(super) fn with_conditions_in_and(root: &Element) -> Option<Element> {
    let mut root = root.clone();
    let mut changed = false;
    let filters =
        root.children.iter_mut().flat_map(|rule| &mut rule.children).filter(|node| node.name == "Filter");
    for filter in filters {
        let is_alone = filter.children.len() <= 1;
        if is_alone {
            continue;
        }
        changed = true;
        let (mut inner, mut outer) = (Vec::new(), Vec::new());
        for child in std::mem::take(&mut filter.children) {
            if child.name == "And" { inner.extend(child.children) } else { outer.push(child) }
        }
        outer.extend(inner);
        // Of a prefix that says nothing and others, the others are enough.
        outer.retain(|child| !(child.name == "Prefix" && child.text.is_empty()));
        if outer.len() > 1 {
            // Prefix first, as services answer it.
            outer.sort_by_key(|child| child.name != "Prefix");
            outer = vec![Element { name: "And".to_owned(), children: outer, ..Element::default() }];
        }
        filter.children = outer;
    }
    changed.then_some(root)
}

/// The rules of a document as facts. What is empty or the default says nothing.
pub(super) fn rules(root: &Element) -> Vec<Rule> {
    root.all("Rule").map(|rule| Rule::new("rule", rule.value("ID"), facts(rule))).collect()
}

fn facts(rule: &Element) -> Vec<String> {
    let mut facts = vec![format!("Status {}", rule.value("Status"))];
    let filter = rule.child("Filter");
    let conditions = [Some(rule), filter, filter.and_then(|filter| filter.child("And"))];
    for condition in conditions.into_iter().flatten() {
        for child in &condition.children {
            match child.name.as_str() {
                "Prefix" if !child.text.is_empty() => facts.push(format!("Prefix '{}'", child.text)),
                "Tag" => facts.push(format!("Tag '{}'='{}'", child.exact("Key"), child.exact("Value"))),
                name @ ("ObjectSizeGreaterThan" | "ObjectSizeLessThan") => {
                    facts.push(format!("{name} {}", plain(&child.text)));
                }
                "ArchiveZone" => facts.push("ArchiveZone".to_owned()),
                _ => {}
            }
        }
    }
    for action in rule.children.iter().filter(|child| ACTIONS.contains(&child.name.as_str())) {
        // Days and class of a transition belong together; what else an action says is a fact of its own.
        let name = &action.name;
        let class = action.value("StorageClass");
        let said = action.children.iter().filter(|child| child.name != "StorageClass");
        let said = said
            .filter(|child| flag(child.text.trim()) != Some(false) || number(child.text.trim()).is_some());
        for child in said {
            let to = if class.is_empty() { String::new() } else { format!(" to {class}") };
            facts.push(format!("{name}{to} {} {}", child.name, plain(&child.text)));
        }
    }
    facts
}

/// A value in one of the forms in which it may be written.
fn plain(text: &str) -> String {
    let text = text.trim();
    match (number(text), time(text)) {
        (Some(number), _) => number.to_string(),
        (None, Some(time)) => time,
        (None, None) => text.to_ascii_lowercase(),
    }
}

/// What a lifecycle rule does, for people and programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LifecycleRule {
    /// Name.
    pub id: String,
    /// Whether it is in force.
    pub enabled: bool,
    /// Keys that begin with this; empty for all.
    pub prefix: String,
    /// Tags that objects have to have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
    /// Objects of more bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub larger_than: Option<u64>,
    /// Objects of fewer bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smaller_than: Option<u64>,
    /// What is done, in the document's order.
    pub actions: Vec<LifecycleAction>,
}

/// One of the things that a lifecycle rule does.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LifecycleAction {
    /// `Expiration`, `Transition`, ...
    pub action: String,
    /// Days until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<String>,
    /// The date, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// The class that it moves objects to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// So many newer noncurrent versions stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer_noncurrent_versions: Option<String>,
    /// Whether it is delete markers without versions that expire.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub expired_object_delete_marker: bool,
}

impl LifecycleRule {
    /// The rules of a document.
    pub(super) fn all(root: &Element) -> Vec<Self> {
        root.all("Rule").map(Self::of).collect()
    }

    fn of(rule: &Element) -> Self {
        let mut read = Self {
            id: rule.value("ID").to_owned(),
            enabled: rule.value("Status") == "Enabled",
            ..Self::default()
        };
        let filter = rule.child("Filter");
        for condition in
            [Some(rule), filter, filter.and_then(|filter| filter.child("And"))].into_iter().flatten()
        {
            for child in &condition.children {
                match child.name.as_str() {
                    "Prefix" if child.text.len() > read.prefix.len() => {
                        child.text.clone_into(&mut read.prefix);
                    }
                    "Tag" => read.tags.push((child.exact("Key").to_owned(), child.exact("Value").to_owned())),
                    "ObjectSizeGreaterThan" => read.larger_than = number(child.text.trim()),
                    "ObjectSizeLessThan" => read.smaller_than = number(child.text.trim()),
                    _ => {}
                }
            }
        }
        let actions = rule.children.iter().filter(|child| ACTIONS.contains(&child.name.as_str()));
        read.actions = actions.map(LifecycleAction::of).collect();
        read
    }

    /// Whether it chooses objects by their prefix alone.
    pub fn goes_by_prefix(&self) -> bool {
        self.tags.is_empty() && self.larger_than.is_none() && self.smaller_than.is_none()
    }

    /// The objects that it is about.
    pub fn scope(&self) -> String {
        let mut words = Vec::new();
        if !self.prefix.is_empty() {
            words.push(format!("key prefix '{}'", self.prefix));
        }
        words.extend(self.tags.iter().map(|(key, value)| format!("tag '{key}={value}'")));
        words.extend(self.larger_than.map(|size| format!("more than {size} bytes")));
        words.extend(self.smaller_than.map(|size| format!("less than {size} bytes")));
        if words.is_empty() {
            "all objects in this bucket".to_owned()
        } else {
            format!("objects with {}", words.join(" and "))
        }
    }
}

impl LifecycleAction {
    fn of(action: &Element) -> Self {
        let text = |names: [&str; 3]| {
            let found = names.into_iter().map(|name| action.value(name)).find(|text| !text.is_empty());
            found.map(str::to_owned)
        };
        Self {
            action: action.name.clone(),
            days: text(["Days", "NoncurrentDays", "DaysAfterInitiation"]),
            date: text(["Date", "", ""]),
            storage_class: text(["StorageClass", "", ""]),
            newer_noncurrent_versions: text(["NewerNoncurrentVersions", "", ""]),
            expired_object_delete_marker: flag(action.value("ExpiredObjectDeleteMarker")) == Some(true),
        }
    }

    /// Whether it deletes current objects on a day.
    pub fn expires_objects(&self) -> bool {
        self.action == "Expiration" && (self.days.is_some() || self.date.is_some())
    }
}

/// What is done and when: `Transition to GLACIER after 30 day(s)`.
impl fmt::Display for LifecycleAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.action)?;
        if let Some(class) = &self.storage_class {
            write!(f, " to {class}")?;
        }
        if self.expired_object_delete_marker {
            f.write_str(" of delete markers without versions")?;
        }
        if let Some(days) = &self.days {
            write!(f, " after {days} day(s)")?;
        }
        if let Some(date) = &self.date {
            write!(f, " on {date}")?;
        }
        match &self.newer_noncurrent_versions {
            Some(kept) => write!(f, ", keeping {kept} newer noncurrent version(s)"),
            None => Ok(()),
        }
    }
}
