//! Validation of the parts of lifecycle rules that have no effect on this server, but must be valid as on S3.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>

use super::error::{ErrorCode, S3Result, fail, malformed_xml};
use super::lifecycle_rules::{Expiration, LifecycleRules, date};
use super::tags;
use super::xml::Node;
use s3cmd_client::ops::object::STORAGE_CLASSES;

/// Validates a document before it is stored: what [`LifecycleRules::parse`] reads, and the filters and transitions.
pub(crate) fn check(root: &Node) -> S3Result<()> {
    LifecycleRules::parse(root)?;
    for rule in root.all("Rule") {
        if let Some(filter) = rule.child("Filter") {
            check_filter(filter)?;
            filter.child("And").map_or(Ok(()), check_filter)?;
        }
        check_transitions(rule)?;
        check_noncurrent_transitions(rule)?;
    }
    Ok(())
}

fn check_filter(filter: &Node) -> S3Result<()> {
    let tag = |node: &Node| {
        (node.value("Key").unwrap_or("").to_owned(), node.value("Value").unwrap_or("").to_owned())
    };
    let tags: Vec<_> = filter.all("Tag").map(tag).collect();
    let mut keys: Vec<&str> = tags.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
        return fail(ErrorCode::InvalidRequest, "Duplicate Tag Keys are not allowed.");
    }
    tags::check(&tags, tags.len())?;
    let size = |name| filter.value(name).and_then(|text| text.trim().parse::<u64>().ok());
    match (size("ObjectSizeGreaterThan"), size("ObjectSizeLessThan")) {
        (Some(more), Some(less)) if less <= more => fail(
            ErrorCode::InvalidRequest,
            "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.",
        ),
        _ => Ok(()),
    }
}

/// A nonnegative number of days; `None` if absent.
fn days(node: &Node, name: &str) -> S3Result<Option<u32>> {
    let Some(text) = node.value(name) else { return Ok(None) };
    match text.trim().parse::<i64>().map_err(|_| malformed_xml())? {
        days @ 0..=0x7fff_ffff => Ok(Some(days as u32)),
        _ => fail(ErrorCode::InvalidArgument, format!("'{name}' for Transition action must be nonnegative")),
    }
}

/// The target storage class of a transition.
fn class(transition: &Node) -> S3Result<&str> {
    let class = transition.value("StorageClass").map(str::trim).ok_or_else(malformed_xml)?;
    let known = STORAGE_CLASSES.contains(&class) && !matches!(class, "STANDARD" | "REDUCED_REDUNDANCY");
    if known { Ok(class) } else { Err(malformed_xml()) }
}

/// Rejects two transitions of a rule to the same class.
fn check_classes(rule: &Node, name: &str) -> S3Result<()> {
    let mut classes = rule.all(name).map(class).collect::<S3Result<Vec<_>>>()?;
    let count = classes.len();
    classes.sort_unstable();
    classes.dedup();
    if classes.len() == count {
        return Ok(());
    }
    fail(
        ErrorCode::InvalidRequest,
        format!("'StorageClass' must be different for '{name}' actions in same 'Rule'"),
    )
}

fn check_transitions(rule: &Node) -> S3Result<()> {
    check_classes(rule, "Transition")?;
    let expiration = rule.child("Expiration");
    let expires = match expiration {
        Some(node) => match (days(node, "Days")?, node.value("Date")) {
            (Some(days), _) => Some(Expiration::Days(days)),
            (None, Some(text)) => Some(Expiration::Date(date(text)?)),
            (None, None) => None,
        },
        None => None,
    };
    let mut by_days = expires.map(|when| matches!(when, Expiration::Days(_)));
    for transition in rule.all("Transition") {
        let transitions = match (days(transition, "Days")?, transition.value("Date")) {
            (Some(days), None) => Expiration::Days(days),
            (None, Some(text)) => Expiration::Date(date(text)?),
            _ => return Err(malformed_xml()),
        };
        let is_by_days = matches!(transitions, Expiration::Days(_));
        if *by_days.get_or_insert(is_by_days) != is_by_days {
            return fail(
                ErrorCode::InvalidRequest,
                "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule",
            );
        }
        let too_late = match (expires, transitions) {
            (Some(Expiration::Days(expires)), Expiration::Days(transitions)) => expires <= transitions,
            (Some(Expiration::Date(expires)), Expiration::Date(transitions)) => expires <= transitions,
            _ => false,
        };
        if too_late {
            return fail(
                ErrorCode::InvalidArgument,
                "The Expiration action of a rule must come later than its Transition actions",
            );
        }
    }
    Ok(())
}

fn check_noncurrent_transitions(rule: &Node) -> S3Result<()> {
    const NAME: &str = "NoncurrentVersionTransition";
    check_classes(rule, NAME)?;
    let expiration = rule.child("NoncurrentVersionExpiration");
    let expires = expiration.map(|node| days(node, "NoncurrentDays")).transpose()?.flatten();
    for transition in rule.all(NAME) {
        let transitions = days(transition, "NoncurrentDays")?.ok_or_else(malformed_xml)?;
        if expires.is_some_and(|expires| expires <= transitions) {
            return fail(
                ErrorCode::InvalidArgument,
                "'NoncurrentDays' in the NoncurrentVersionExpiration action must be greater than in the \
                 NoncurrentVersionTransition action",
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::xml;

    #[test]
    fn transitions_are_validated_although_they_have_no_effect() {
        let transition = |class: &str, when: &str| {
            format!("<Transition>{when}<StorageClass>{class}</StorageClass></Transition>")
        };
        let (one, ten) = ("<Days>1</Days>", "<Days>10</Days>");
        let expire = |when: &str| format!("<Expiration>{when}</Expiration>");
        let noncurrent = |days: u32, more: &str| {
            format!(
                "<NoncurrentVersionTransition><NoncurrentDays>{days}</NoncurrentDays>{more}</NoncurrentVersionTransition>\
                 <NoncurrentVersionExpiration><NoncurrentDays>10</NoncurrentDays></NoncurrentVersionExpiration>"
            )
        };
        let date = |text: &str| format!("<Date>{text}</Date>");
        for (inner, expected) in [
            (
                transition("GLACIER", one) + &transition("DEEP_ARCHIVE", "<Days>5</Days>") + &expire(ten),
                Ok(()),
            ),
            (transition("GLACIER", &date("2030-01-01")) + &expire(&date("2031-01-01")), Ok(())),
            (transition("GLACIER", "<Days>0</Days>"), Ok(())),
            (transition("GLACIER", &date("20220927")), Err("MalformedXML")),
            (transition("GLACIER", "<Days>-1</Days>"), Err("InvalidArgument")),
            (transition("GLACIER", ""), Err("MalformedXML")),
            (transition("GLACIER", &format!("{one}{}", date("2030-01-01"))), Err("MalformedXML")),
            (transition("STANDARD", one), Err("MalformedXML")),
            (transition("", one), Err("MalformedXML")),
            (transition("GLACIER", one) + &transition("GLACIER", ten), Err("InvalidRequest")),
            (transition("GLACIER", ten) + &expire(ten), Err("InvalidArgument")),
            (
                transition("GLACIER", &date("2031-01-01")) + &expire(&date("2030-01-01")),
                Err("InvalidArgument"),
            ),
            (transition("GLACIER", one) + &expire(&date("2030-01-01")), Err("InvalidRequest")),
            (noncurrent(9, "<StorageClass>GLACIER</StorageClass>"), Ok(())),
            (noncurrent(10, "<StorageClass>GLACIER</StorageClass>"), Err("InvalidArgument")),
            (noncurrent(9, ""), Err("MalformedXML")),
        ] {
            assert_eq!(validate("<Prefix/>", &inner), expected, "{inner}");
        }
    }

    #[test]
    fn filters_are_checked() {
        let tag = |key: &str| format!("<Tag><Key>{key}</Key><Value>v</Value></Tag>");
        let sizes = |more: u32, less: u32| {
            format!(
                "<ObjectSizeGreaterThan>{more}</ObjectSizeGreaterThan><ObjectSizeLessThan>{less}</ObjectSizeLessThan>"
            )
        };
        for (inner, expected) in [
            (tag("a") + &tag("b") + &sizes(1, 2), Ok(())),
            (tag("a") + &tag("a"), Err("InvalidRequest")),
            (tag(&"a".repeat(129)), Err("InvalidTag")),
            (sizes(2, 2), Err("InvalidRequest")),
        ] {
            let filter = format!("<Filter><And>{inner}</And></Filter>");
            assert_eq!(validate(&filter, "<Expiration><Days>1</Days></Expiration>"), expected, "{inner}");
        }
    }

    fn validate(filter: &str, actions: &str) -> Result<(), &'static str> {
        let text = format!(
            "<LifecycleConfiguration><Rule>{filter}<Status>Enabled</Status>{actions}</Rule></LifecycleConfiguration>"
        );
        let root = xml::parse(text.as_bytes(), &["LifecycleConfiguration"]).unwrap();
        check(&root).map_err(|error| error.code.as_str())
    }
}
