//! The principals of a statement: the users that it applies to.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html>

use super::values::texts;
use serde_json::Value;

#[derive(Debug, PartialEq)]
pub(super) enum Principals {
    Everyone,
    /// Canonical ids, or ARNs.
    Listed(Vec<String>),
    /// Everyone else, including anonymous clients.
    AllExcept(Vec<String>),
    /// AWS services only. They never reach this server, so the statement applies to no request.
    Services,
}

impl Principals {
    /// Parses the `Principal` element.
    ///
    /// # Errors
    /// A message that describes the problem.
    pub(super) fn parse(value: &Value) -> Result<Self, String> {
        let kinds = match value {
            Value::String(all) if all == "*" => return Ok(Self::Everyone),
            Value::Object(kinds) if !kinds.is_empty() => kinds,
            other => {
                return Err(format!("it must be '*' or an object such as {{\"AWS\": \"ID\"}}, not {other}"));
            }
        };
        let (mut listed, mut everyone) = (Vec::new(), false);
        for (kind, names) in kinds {
            let names = texts(names).map_err(|problem| format!("{kind}: {problem}"))?;
            for name in names {
                match kind.as_str() {
                    "Service" => {}
                    "AWS" if name == "*" => everyone = true,
                    "AWS" if is_user(name) => listed.push(name.to_owned()),
                    "CanonicalUser" if is_id(name) => listed.push(name.to_owned()),
                    _ => return Err(format!("{kind} {name}")),
                }
            }
        }
        Ok(match (everyone, listed.is_empty()) {
            (true, _) => Self::Everyone,
            (false, true) => Self::Services,
            (false, false) => Self::Listed(listed),
        })
    }

    /// Whether a requester is included. A user is named by the id, `arn:aws:iam::ANY:user/ID` or
    /// `arn:aws:iam::ID:root`, but not by the display name, which need not be unique.
    pub(super) fn include(&self, who: Option<&str>) -> bool {
        let (names, inverted) = match self {
            Self::Everyone => return true,
            Self::Services => return false,
            Self::Listed(names) => (names, false),
            Self::AllExcept(names) => (names, true),
        };
        let Some(id) = who else { return inverted };
        let named = names.iter().any(|name| match parse_arn(name) {
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

/// The account and the resource of a user's ARN.
fn parse_arn(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("arn:aws:iam::")?.split_once(':')
}

/// Whether a string can be a canonical id. One with a wildcard would match no user.
fn is_id(name: &str) -> bool {
    !name.is_empty() && !name.contains([':', '*', '?', ' ']) && !name.contains("${")
}

fn is_user(name: &str) -> bool {
    match parse_arn(name) {
        None => is_id(name),
        Some((account, "root")) => is_id(account),
        Some((account, resource)) => {
            let user = resource.strip_prefix("user/").unwrap_or_default();
            let account_fits = account.is_empty() || is_id(account);
            account_fits && (is_id(user) || user == "*" && !account.is_empty())
        }
    }
}
