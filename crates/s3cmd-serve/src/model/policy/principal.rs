//! Whom a statement speaks of.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html>

use super::values::texts;
use serde_json::Value;

#[derive(Debug, PartialEq)]
pub(super) enum Principals {
    Everybody,
    /// Canonical ids, or ARNs.
    These(Vec<String>),
    /// Everybody else, strangers too.
    AllBut(Vec<String>),
    /// Services of Amazon's. None comes here: the statement fits nobody.
    Services,
}

impl Principals {
    /// Reads `Principal`; the problem is told in words.
    pub(super) fn parse(value: &Value) -> Result<Self, String> {
        let kinds = match value {
            Value::String(all) if all == "*" => return Ok(Self::Everybody),
            Value::Object(kinds) if !kinds.is_empty() => kinds,
            other => {
                return Err(format!("'*' or an object such as {{\"AWS\": \"ID\"}} is wanted, not {other}"));
            }
        };
        let (mut these, mut everybody) = (Vec::new(), false);
        for (kind, names) in kinds {
            let names = texts(names).map_err(|problem| format!("{kind}: {problem}"))?;
            for name in names {
                match kind.as_str() {
                    "Service" => {}
                    "AWS" if name == "*" => everybody = true,
                    "AWS" if is_user(name) => these.push(name.to_owned()),
                    "CanonicalUser" if is_id(name) => these.push(name.to_owned()),
                    _ => return Err(format!("{kind} {name}")),
                }
            }
        }
        Ok(match (everybody, these.is_empty()) {
            (true, _) => Self::Everybody,
            (false, true) => Self::Services,
            (false, false) => Self::These(these),
        })
    }

    /// Accepts the id itself, `arn:aws:iam::ANY:user/ID` and `arn:aws:iam::ID:root`. Display names do not count:
    /// two users may have the same.
    pub(super) fn include(&self, who: Option<&str>) -> bool {
        let (names, inverted) = match self {
            Self::Everybody => return true,
            Self::Services => return false,
            Self::These(names) => (names, false),
            Self::AllBut(names) => (names, true),
        };
        let Some(id) = who else { return inverted };
        let named = names.iter().any(|name| match of_arn(name) {
            None => name == id,
            Some((account, "root")) => account == id,
            Some((account, resource)) => {
                let user = resource.strip_prefix("user/").unwrap_or_default();
                user == id || user == "*" && account == id
            }
        });
        named != inverted
    }
}

/// Account and resource of an ARN of a user.
fn of_arn(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("arn:aws:iam::")?.split_once(':')
}

/// Whether a text can be somebody's canonical id. What has a wildcard would never fit anybody.
fn is_id(name: &str) -> bool {
    !name.is_empty() && !name.contains([':', '*', '?', ' ']) && !name.contains("${")
}

fn is_user(name: &str) -> bool {
    match of_arn(name) {
        None => is_id(name),
        Some((account, "root")) => is_id(account),
        Some((account, resource)) => {
            let user = resource.strip_prefix("user/").unwrap_or_default();
            let account_fits = account.is_empty() || is_id(account);
            account_fits && (is_id(user) || user == "*" && !account.is_empty())
        }
    }
}
