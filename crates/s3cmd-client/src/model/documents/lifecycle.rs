//! Lifecycle rules. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html>

use super::element::Element;
use super::rule::Rule;
use super::schema::{Content, any, flag, number, one, optional, some, time};
use std::collections::HashSet;
use std::fmt;

const TAG: Content = Content::Elements(&[one("Key", Content::Text), one("Value", Content::AnyText)]);

/// Ceph returns several conditions side by side, where the API has `And`; `ArchiveZone` is specific to Ceph.
const FILTER: Content = Content::Elements(&[
    optional("Prefix", Content::AnyText),
    any("Tag", TAG),
    optional("ObjectSizeGreaterThan", Content::Number(0)),
    optional("ObjectSizeLessThan", Content::Number(0)),
    optional("And", AND),
    optional("ArchiveZone", Content::AnyText),
]);

const AND: Content = Content::Elements(&[
    optional("Prefix", Content::AnyText),
    any("Tag", TAG),
    optional("ObjectSizeGreaterThan", Content::Number(0)),
    optional("ObjectSizeLessThan", Content::Number(0)),
    optional("ArchiveZone", Content::AnyText),
]);

/// `ExpiredObjectAllVersions`, `DelMarkerExpiration` and `AllVersionsExpiration` are specific to MinIO.
const RULE: Content = Content::Elements(&[
    optional("ID", Content::AnyText),
    optional("Prefix", Content::AnyText),
    optional("Filter", FILTER),
    one("Status", Content::Word(&["Enabled", "Disabled"])),
    optional(
        "Expiration",
        Content::Elements(&[
            optional("Days", Content::Number(1)),
            optional("Date", Content::Time),
            optional("ExpiredObjectDeleteMarker", Content::Flag),
            optional("ExpiredObjectAllVersions", Content::Flag),
        ]),
    ),
    any(
        "Transition",
        Content::Elements(&[
            optional("Days", Content::Number(0)),
            optional("Date", Content::Time),
            one("StorageClass", Content::Text),
        ]),
    ),
    optional(
        "NoncurrentVersionExpiration",
        Content::Elements(&[
            optional("NoncurrentDays", Content::Number(1)),
            optional("NewerNoncurrentVersions", Content::Number(1)),
        ]),
    ),
    any(
        "NoncurrentVersionTransition",
        Content::Elements(&[
            optional("NoncurrentDays", Content::Number(0)),
            optional("NewerNoncurrentVersions", Content::Number(1)),
            one("StorageClass", Content::Text),
        ]),
    ),
    optional(
        "AbortIncompleteMultipartUpload",
        Content::Elements(&[one("DaysAfterInitiation", Content::Number(1))]),
    ),
    optional("DelMarkerExpiration", Content::Elements(&[one("Days", Content::Number(1))])),
    optional(
        "AllVersionsExpiration",
        Content::Elements(&[one("Days", Content::Number(1)), optional("DeleteMarker", Content::Flag)]),
    ),
]);

pub(super) const ROOT: Content = Content::Elements(&[
    some("Rule", RULE),
    // A request header, which some responses contain as an element.
    optional("TransitionDefaultMinimumObjectSize", Content::Text),
]);

/// Elements that are actions of a rule.
const ACTIONS: [&str; 7] = [
    "Expiration",
    "Transition",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransition",
    "AbortIncompleteMultipartUpload",
    "DelMarkerExpiration",
    "AllVersionsExpiration",
];

/// Checks the constraints that the schema does not express.
pub(super) fn check(root: &Element) -> Result<(), String> {
    let mut ids = HashSet::new();
    for (place, rule) in root.all("Rule").enumerate() {
        let label = match rule.value("ID") {
            "" => format!("rule {}", place + 1),
            id => format!("rule '{id}'"),
        };
        let problem = if !rule.value("ID").is_empty() && !ids.insert(rule.exact("ID")) {
            "has the ID of another rule"
        } else if rule.child("Prefix").is_some() && rule.child("Filter").is_some() {
            "has both a 'Prefix' and a 'Filter'"
        } else if rule.child("Prefix").is_none() && rule.child("Filter").is_none() {
            "has no 'Filter'"
        } else if !rule.children.iter().any(|child| ACTIONS.contains(&child.name.as_str())) {
            "does nothing: it has no 'Expiration' and no other action"
        } else if let Some(problem) = rule.children.iter().find_map(action_problem) {
            problem
        } else {
            continue;
        };
        return Err(format!("{label} {problem}"));
    }
    Ok(())
}

fn action_problem(action: &Element) -> Option<&'static str> {
    let count =
        |names: &[&str]| action.children.iter().filter(|child| names.contains(&child.name.as_str())).count();
    match action.name.as_str() {
        "Expiration" if count(&["Days", "Date", "ExpiredObjectDeleteMarker"]) != 1 => Some(
            "has an 'Expiration' without one of 'Days', 'Date' and 'ExpiredObjectDeleteMarker', or with several",
        ),
        "Transition" if count(&["Days", "Date"]) != 1 => {
            Some("has a 'Transition' without one of 'Days' and 'Date', or with both")
        }
        "NoncurrentVersionExpiration" | "NoncurrentVersionTransition"
            if count(&["NoncurrentDays", "NewerNoncurrentVersions"]) == 0 =>
        {
            Some("has an action on noncurrent versions without 'NoncurrentDays'")
        }
        _ => None,
    }
}

/// The document with the conditions of each filter in the form of the API: several conditions are put into `And`.
/// `None` if the document already has this form.
pub(super) fn with_conditions_in_and(root: &Element) -> Option<Element> {
    let mut root = root.clone();
    let mut changed = false;
    let filters =
        root.children.iter_mut().flat_map(|rule| &mut rule.children).filter(|node| node.name == "Filter");
    for filter in filters {
        let is_single = filter.children.len() <= 1;
        if is_single {
            continue;
        }
        changed = true;
        let (mut nested, mut conditions) = (Vec::new(), Vec::new());
        for child in std::mem::take(&mut filter.children) {
            if child.name == "And" { nested.extend(child.children) } else { conditions.push(child) }
        }
        conditions.extend(nested);
        // An empty prefix next to other conditions is redundant.
        conditions.retain(|child| !(child.name == "Prefix" && child.text.is_empty()));
        if conditions.len() > 1 {
            // The prefix comes first, as in the responses of services.
            conditions.sort_by_key(|child| child.name != "Prefix");
            conditions = vec![Element { name: "And".to_owned(), children: conditions, ..Element::default() }];
        }
        filter.children = conditions;
    }
    changed.then_some(root)
}

/// The rules of a document as facts. Empty elements and defaults give no fact.
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
                    facts.push(format!("{name} {}", normalized(&child.text)));
                }
                "ArchiveZone" => facts.push("ArchiveZone".to_owned()),
                _ => {}
            }
        }
    }
    for action in rule.children.iter().filter(|child| ACTIONS.contains(&child.name.as_str())) {
        // The days and the storage class of a transition belong together; every other element of an action is a
        // separate fact.
        let name = &action.name;
        let class = action.value("StorageClass");
        let values = action.children.iter().filter(|child| child.name != "StorageClass");
        let values = values
            .filter(|child| flag(child.text.trim()) != Some(false) || number(child.text.trim()).is_some());
        for child in values {
            let to = if class.is_empty() { String::new() } else { format!(" to {class}") };
            facts.push(format!("{name}{to} {} {}", child.name, normalized(&child.text)));
        }
    }
    facts
}

/// Normalizes a value that can be written in several forms.
fn normalized(text: &str) -> String {
    let text = text.trim();
    match (number(text), time(text)) {
        (Some(number), _) => number.to_string(),
        (None, Some(time)) => time,
        (None, None) => text.to_ascii_lowercase(),
    }
}

/// A lifecycle rule, for display and for JSON output.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LifecycleRule {
    /// Name of the rule.
    pub id: String,
    /// Whether the rule is enabled.
    pub enabled: bool,
    /// Applies to keys with this prefix; empty for all keys.
    pub prefix: String,
    /// Applies to objects with all of these tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
    /// Applies to objects larger than this, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub larger_than: Option<u64>,
    /// Applies to objects smaller than this, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smaller_than: Option<u64>,
    /// Actions of the rule, in the document's order.
    pub actions: Vec<LifecycleAction>,
}

/// An action of a lifecycle rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LifecycleAction {
    /// `Expiration`, `Transition`, ...
    pub action: String,
    /// Number of days after which the action takes effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<String>,
    /// Date on which the action takes effect, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Storage class to which objects are moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// Number of newer noncurrent versions that are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer_noncurrent_versions: Option<String>,
    /// Whether the action expires delete markers without other versions.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub expired_object_delete_marker: bool,
}

impl LifecycleRule {
    /// Reads the rules of a document.
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

    /// Whether the rule selects objects only by their prefix.
    pub fn selects_by_prefix_only(&self) -> bool {
        self.tags.is_empty() && self.larger_than.is_none() && self.smaller_than.is_none()
    }

    /// Describes the objects that the rule applies to.
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

    /// Whether the action deletes current objects after some days or on a date.
    pub fn expires_objects(&self) -> bool {
        self.action == "Expiration" && (self.days.is_some() || self.date.is_some())
    }
}

/// Describes the action: `Transition to GLACIER after 30 day(s)`.
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
