//! Users: key pairs and their identities.

use chrono::{DateTime, NaiveDate, Utc};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fmt;

/// A key pair and its user. Several pairs with the same `id` belong to the same user.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Access key id; not secret.
    pub access_key: String,
    /// Secret key; hidden in `Debug` output.
    pub secret_key: String,
    /// Canonical id, which ACLs and policies refer to.
    pub id: String,
    /// Name to show in ACLs.
    pub display_name: String,
    /// Email address by which grants can refer to the user.
    pub email: Option<String>,
    /// When the key pair expires; `None`: never.
    pub expires: Option<DateTime<Utc>>,
}

impl User {
    /// A user whose id is derived from the access key, so that it stays the same after a restart.
    pub fn new(access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        let access_key = access_key.into();
        let id = hex::encode(Sha256::digest(format!("s3cmd serve {access_key}")));
        Self {
            display_name: access_key.clone(),
            access_key,
            secret_key: secret_key.into(),
            id,
            email: None,
            expires: None,
        }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("access_key", &self.access_key)
            .field("secret_key", &"***")
            .field("id", &self.id)
            .field("display_name", &self.display_name)
            .field("email", &self.email)
            .field("expires", &self.expires)
            .finish()
    }
}

/// Generates a user with a random key pair: an access key of 20 characters and a secret key of 40 (238 bits).
///
/// The canonical id is always the same, so that the user still owns the same buckets and objects after a restart.
///
/// # Panics
/// If the system provides no random numbers, because there is no safe alternative.
pub fn generate_user() -> User {
    const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    User {
        access_key: random_text(UPPER, 20),
        secret_key: random_text(ALPHANUMERIC, 40),
        id: hex::encode(Sha256::digest("s3cmd serve: the owner")),
        display_name: "owner".to_owned(),
        email: None,
        expires: None,
    }
}

fn random_text(alphabet: &[u8], length: usize) -> String {
    let mut out = String::with_capacity(length);
    while out.len() < length {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes).expect("the system has random numbers");
        // Bytes from the last whole multiple on are discarded, so that all characters are equally likely.
        let limit = 256 - 256 % alphabet.len();
        let usable = bytes.iter().filter(|byte| usize::from(**byte) < limit);
        out.extend(
            usable
                .map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]))
                .take(length - out.len()),
        );
    }
    out
}

/// Parses the text of a user file.
///
/// Each line is a user: access key, secret key, and then, optional and in any order, `id=CANONICAL-ID`,
/// `email=ADDRESS`, `expires=TIME` (`2030-01-31T12:00:00Z`, with any offset, or `2030-01-31`, the beginning of that day
/// in UTC). `name=DISPLAY NAME` must be last, because it may contain spaces. Empty lines and lines that start with `#`
/// are ignored. The first user owns the buckets without a known owner. An expired key pair is rejected, but its user
/// keeps the ownership of buckets and objects.
///
/// ```text
/// # access key         secret key
/// AKALICE0000000000001 3f...                            id=alice email=alice@example.org name=Alice A.
/// AKBOB000000000000001 9c...                            id=bob expires=2030-01-31T18:00:00+02:00
/// ```
///
/// # Errors
/// A message with the line number (never with the line's content, which may be secret) if a line has no secret key, an
/// unknown field or a duplicate access key; also if there are no users.
pub fn parse_auth_file(text: &str) -> Result<Vec<User>, String> {
    let mut users: Vec<User> = Vec::new();
    let mut seen = HashSet::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (rest, name) = match line.find(" name=").or_else(|| line.find("\tname=")) {
            Some(at) => (&line[..at], Some(line[at + 6..].trim())),
            None => (line, None),
        };
        let mut fields = rest.split_whitespace();
        let (Some(access_key), Some(secret_key)) = (fields.next(), fields.next()) else {
            return Err(format!(
                "line {number}: expected ACCESS_KEY SECRET_KEY [id=ID] [email=ADDRESS] [expires=TIME] [name=NAME]"
            ));
        };
        let mut user = User::new(access_key, secret_key);
        for field in fields {
            match field.split_once('=') {
                Some(("id", id)) if !id.is_empty() => user.id = id.to_owned(),
                Some(("email", email)) if !email.is_empty() => user.email = Some(email.to_owned()),
                Some(("expires", time)) => {
                    let expected = "expected expires=2030-01-31T12:00:00Z or expires=2030-01-31";
                    user.expires = Some(parse_time(time).ok_or(format!("line {number}: {expected}"))?);
                }
                _ => {
                    return Err(format!(
                        "line {number}: only id=, email=, expires= and name= may follow the secret key"
                    ));
                }
            }
        }
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            user.display_name = name.to_owned();
        } else if user.id != User::new(access_key, "").id {
            user.display_name = user.id.clone();
        }
        if !seen.insert(user.access_key.clone()) {
            return Err(format!("line {number}: duplicate access key"));
        }
        users.push(user);
    }
    if users.is_empty() { Err("the file contains no users".to_owned()) } else { Ok(users) }
}

fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_expire_at_a_time_with_an_offset_or_at_the_beginning_of_a_day() {
        let expires = |field: &str| {
            parse_auth_file(&format!("AKA s expires={field} name=A B")).map(|users| users[0].expires)
        };
        let time = |text: &str| Ok(Some(DateTime::parse_from_rfc3339(text).unwrap().to_utc()));
        assert_eq!(expires("2030-01-31T18:00:00+02:00"), time("2030-01-31T16:00:00Z"));
        assert_eq!(expires("2030-01-31"), time("2030-01-31T00:00:00Z"));
        for invalid in ["", "tomorrow", "2030-02-31", "1893456000"] {
            assert!(expires(invalid).unwrap_err().starts_with("line 1: expected expires="), "{invalid}");
        }
        assert_eq!(parse_auth_file("AKA s").unwrap()[0].expires, None);
    }

    #[test]
    fn an_auth_file_holds_several_users() {
        let text = "# users\n\nAKA sec/ret+= id=alice email=a@example.org name=Alice A.\n  AKB  s2\n";
        let users = parse_auth_file(text).unwrap();
        assert_eq!(users.len(), 2);
        assert_eq!((&*users[0].id, &*users[0].display_name), ("alice", "Alice A."));
        assert_eq!(users[0].email.as_deref(), Some("a@example.org"));
        assert_eq!((&*users[1].access_key, &*users[1].secret_key), ("AKB", "s2"));
        assert_eq!(users[1].id.len(), 64);
    }

    #[test]
    fn errors_in_an_auth_file_do_not_reveal_its_content() {
        for text in ["AKA\n", "AKA secret what=ever\n", "AKA secret\nAKA secret\n", "# no users\n"] {
            let error = parse_auth_file(text).unwrap_err();
            assert!(!error.contains("AKA") && !error.contains("ever"), "{error}");
        }
    }

    #[test]
    fn generated_pairs_differ_and_debug_hides_the_secret() {
        let (a, b) = (generate_user(), generate_user());
        assert_ne!(a.access_key, b.access_key);
        assert_ne!(a.secret_key, b.secret_key);
        assert_eq!((a.access_key.len(), a.secret_key.len()), (20, 40));
        assert_eq!(a.id, b.id);
        assert!(!format!("{a:?}").contains(&a.secret_key));
    }
}
