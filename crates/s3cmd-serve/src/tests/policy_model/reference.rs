//! The reference implementation: evaluates the parts of a policy for the parts of a request.

use super::{Acl, Condition, Need, Permission, Request, Statement, World, applies_to};
use crate::model::acl::{Grantee, Group};
use chrono::{DateTime, Utc};

/// A symbol of a pattern in a policy.
#[derive(Clone, Copy)]
enum Symbol {
    Char(char),
    Any,
    One,
}

/// The plain recursive definition of wildcards.
fn is_like(pattern: &[Symbol], text: &str) -> bool {
    let mut chars = text.chars();
    match pattern.split_first() {
        None => text.is_empty(),
        Some((Symbol::Any, rest)) => {
            is_like(rest, text) || chars.next().is_some() && is_like(pattern, chars.as_str())
        }
        Some((Symbol::One, rest)) => chars.next().is_some() && is_like(rest, chars.as_str()),
        Some((Symbol::Char(expected), rest)) => {
            chars.next() == Some(*expected) && is_like(rest, chars.as_str())
        }
    }
}

impl Request {
    fn values(&self, world: &World, key: &str) -> Vec<String> {
        if !applies_to(key, self.action) {
            return Vec::new();
        }
        let one = |value: Option<&str>| value.map(str::to_owned).into_iter().collect::<Vec<_>>();
        let tag = |tags: Vec<(&str, &str)>| {
            let exact: Vec<_> = tags.iter().filter(|(name, _)| *name == "class").collect();
            let found = if exact.is_empty() {
                tags.iter().filter(|(name, _)| name.eq_ignore_ascii_case("class")).collect()
            } else {
                exact
            };
            found.into_iter().map(|(_, value)| (*value).to_owned()).collect::<Vec<_>>()
        };
        match key {
            "aws:UserAgent" => one(self.agent),
            "aws:Referer" => one(self.referer),
            "aws:userid" => one(self.who),
            "aws:PrincipalType" => one(Some(if self.who.is_some() { "User" } else { "Anonymous" })),
            "s3:authType" => one(self.signature.map(|(kind, _)| kind)),
            "s3:signatureversion" => one(self.signature.map(|(_, version)| version)),
            "aws:PrincipalArn" => {
                self.who.map(|who| format!("arn:aws:iam:::user/{who}")).into_iter().collect()
            }
            "aws:SourceIp" => one(Some(self.address.trim_start_matches("::ffff:"))),
            "aws:SecureTransport" => vec![world.secure.to_string()],
            "aws:ViaAWSService" => one(Some("false")),
            "s3:TlsVersion" => one(self.tls),
            "s3:signatureAge" => self.signature.map(|_| self.age.to_string()).into_iter().collect(),
            "aws:CurrentTime" => vec![Utc::now().to_rfc3339()],
            "aws:EpochTime" => vec![Utc::now().timestamp().to_string()],
            "s3:prefix" => one(self.prefix),
            "s3:max-keys" => one(self.max_keys),
            "s3:x-amz-acl" => one(self.acl),
            "s3:x-amz-storage-class" => one(self.class),
            "s3:ExistingObjectTag/class" => {
                tag(world.object.tags.iter().map(|(name, value)| (&**name, &**value)).collect())
            }
            "s3:RequestObjectTag/class" => tag(self.tags.clone()),
            "s3:RequestObjectTagKeys" => self.tags.iter().map(|(name, _)| (*name).to_owned()).collect(),
            other => panic!("{other}"),
        }
    }

    /// A pattern with its variables replaced; `None` if one has no value.
    fn expanded(&self, world: &World, text: &str, wildcards: bool) -> Option<Vec<Symbol>> {
        let mut symbols = Vec::new();
        let mut rest = text;
        while let Some(char) = rest.chars().next() {
            if let Some((variable, after)) = rest.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
                let (key, default) = variable.split_once(", ").map_or((variable, None), |(key, default)| {
                    (key, Some(default.trim_matches('\'').to_owned()))
                });
                let value = match key {
                    "*" | "?" | "$" => Some(key.to_owned()),
                    key => self.values(world, key).pop().or(default),
                };
                symbols.extend(value?.chars().map(Symbol::Char));
                rest = after;
                continue;
            }
            symbols.push(match char {
                '*' if wildcards => Symbol::Any,
                '?' if wildcards => Symbol::One,
                char => Symbol::Char(char),
            });
            rest = &rest[1..];
        }
        Some(symbols)
    }

    fn like(&self, world: &World, pattern: &str, text: &str) -> bool {
        self.expanded(world, pattern, true).is_some_and(|pattern| is_like(&pattern, text))
    }

    /// Whether one value matches one of the policy's, with the non-negated form of an operator.
    fn matches(&self, world: &World, operator: &str, expected: &str, value: &str) -> bool {
        let moment = |text: &str| -> DateTime<Utc> {
            match text.parse::<i64>() {
                Ok(seconds) => DateTime::from_timestamp(seconds, 0).unwrap(),
                Err(_) if text.len() == 10 => format!("{text}T00:00:00Z").parse().unwrap(),
                Err(_) => text.parse().unwrap(),
            }
        };
        let related = |relation: &str, order: std::cmp::Ordering| match relation {
            "Equals" => order.is_eq(),
            "LessThan" => order.is_lt(),
            "LessThanEquals" => order.is_le(),
            "GreaterThan" => order.is_gt(),
            "GreaterThanEquals" => order.is_ge(),
            other => panic!("{other}"),
        };
        match operator {
            "StringEquals" => {
                self.expanded(world, expected, false).is_some_and(|pattern| is_like(&pattern, value))
            }
            "StringEqualsIgnoreCase" => self.expanded(world, expected, false).is_some_and(|pattern| {
                let lower = |symbol| match symbol {
                    Symbol::Char(char) => Symbol::Char(char.to_ascii_lowercase()),
                    other => other,
                };
                is_like(&pattern.into_iter().map(lower).collect::<Vec<_>>(), &value.to_lowercase())
            }),
            // In these ARNs only the last part has wildcards that could match a colon, so `like` is enough.
            "StringLike" | "ArnLike" | "ArnEquals" => self.like(world, expected, value),
            "Bool" => expected == value,
            "IpAddress" => in_network(expected, value),
            _ => match operator.strip_prefix("Numeric") {
                Some(relation) => {
                    let (value, expected): (f64, f64) = (value.parse().unwrap(), expected.parse().unwrap());
                    related(relation, value.partial_cmp(&expected).unwrap())
                }
                None => related(operator.strip_prefix("Date").unwrap(), moment(value).cmp(&moment(expected))),
            },
        }
    }

    fn holds(&self, world: &World, condition: &Condition) -> bool {
        let values = self.values(world, condition.key);
        if condition.operator == "Null" {
            return condition.values.contains(&values.is_empty().to_string().as_str());
        }
        let plain = condition.operator.replace("Not", "");
        let inverted = plain != condition.operator;
        let test = |value: &String| {
            let matches =
                condition.values.iter().any(|expected| self.matches(world, &plain, expected, value));
            matches != inverted
        };
        match (condition.quantifier, values.is_empty()) {
            ("ForAllValues:", true) => true,
            ("ForAllValues:", false) => values.iter().all(test),
            ("ForAnyValue:", true) => condition.if_exists,
            ("ForAnyValue:", false) => values.iter().any(test),
            (_, true) => condition.if_exists || inverted,
            (_, false) => test(&values[0]),
        }
    }

    fn applies(&self, world: &World, statement: &Statement) -> bool {
        let named = |names: &Vec<&str>| {
            names.iter().any(|name| {
                let short =
                    name.trim_start_matches("arn:aws:iam:::user/").trim_start_matches("arn:aws:iam::");
                self.who == Some(short.trim_end_matches(":root"))
            })
        };
        let who = statement.who.as_ref().is_none_or(|names| named(names) != statement.who_inverted);
        let lower = self.action.to_lowercase();
        let action = statement.actions.iter().any(|one| self.like(world, &one.to_lowercase(), &lower));
        let path = self.key.map(|key| format!("/{key}")).unwrap_or_default();
        let resource = statement.resources.iter().any(|one| {
            self.like(world, &one.replace(":tenant:", "::"), &format!("arn:aws:s3:::b-one{path}"))
        });
        who && action != statement.actions_inverted
            && resource != statement.resources_inverted
            && statement.conditions.iter().all(|condition| self.holds(world, condition))
    }

    pub(super) fn is_allowed(&self, world: &World) -> bool {
        let owns = self.who == Some("alice");
        if owns && self.action == "s3:GetBucketPolicy" {
            return true;
        }
        let applying: Vec<&Statement> =
            world.statements.iter().filter(|statement| self.applies(world, statement)).collect();
        if applying.iter().any(|statement| !statement.allow) {
            return false;
        }
        let is_closed = world.restrict && !owns && world.is_public();
        if !applying.is_empty() && !is_closed {
            return true;
        }
        let counts = world.ownership != Some("BucketOwnerEnforced");
        let private = Acl::private("alice");
        let of_bucket = world.bucket_acl.as_ref().filter(|_| counts).unwrap_or(&private);
        let of_object = world.object.acl.as_ref().filter(|_| counts).unwrap_or(&private);
        let granted = |acl: &Acl, expected: Permission| {
            let owner_may = matches!(expected, Permission::ReadAcp | Permission::WriteAcp);
            owner_may && self.who == Some(&*acl.owner)
                || acl.grants.iter().any(|grant| {
                    let reaches = match &grant.to {
                        Grantee::User(id) => self.who == Some(&**id),
                        Grantee::Group(Group::AllUsers) => !world.ignore_acls,
                        Grantee::Group(Group::AuthenticatedUsers) => self.who.is_some() && !world.ignore_acls,
                        Grantee::Group(Group::LogDelivery) => false,
                    };
                    reaches && (grant.permission == expected || grant.permission == Permission::FullControl)
                })
        };
        match self.need {
            Need::Owner => owns,
            Need::Bucket(_) if owns && self.action == "s3:DeleteObject" => true,
            Need::Bucket(expected) => granted(of_bucket, expected),
            Need::Object(Permission::FullControl) if owns => true,
            Need::Object(expected) => granted(of_object, expected),
        }
    }
}

impl World {
    pub(super) fn is_public(&self) -> bool {
        self.statements.iter().any(|statement| {
            let restricts_clients = |condition: &Condition| {
                let plain = condition.quantifier != "ForAllValues:" && !condition.if_exists;
                let is_fixed = |value: &&str| !value.contains(['*', '$']);
                plain
                    && match condition.key {
                        "aws:SourceIp" => {
                            condition.operator == "IpAddress" && !condition.values.contains(&"0.0.0.0/0")
                        }
                        "aws:userid" | "aws:PrincipalArn" => {
                            !condition.operator.contains("Not")
                                && condition.operator != "Null"
                                && condition.values.iter().all(is_fixed)
                        }
                        _ => false,
                    }
            };
            statement.allow && statement.who.is_none() && !statement.conditions.iter().any(restricts_clients)
        })
    }
}

fn in_network(network: &str, address: &str) -> bool {
    let network = network.trim_start_matches("::ffff:");
    match network {
        "10.0.0.0/8" => address.starts_with("10."),
        "10.1.2.3" => address == network,
        "0.0.0.0/0" => !address.contains(':'),
        "2001:db8::/32" => address.starts_with("2001:db8:"),
        "10.1.0.0/112" => address.starts_with("10.1."),
        other => panic!("{other}"),
    }
}
