//! Who may come: key pairs with the identity behind them.

use chrono::{DateTime, NaiveDate, Utc};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fmt;

/// A key pair and whose it is. Several pairs may have the same `id`: then they are one user's.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Access key id; travels in clear.
    pub access_key: String,
    /// Secret key; never shown.
    pub secret_key: String,
    /// Canonical id, as ACLs and policies name the user.
    pub id: String,
    /// Name that ACLs show.
    pub display_name: String,
    /// E-mail address by which grants can name the user.
    pub email: Option<String>,
    /// From when on the pair is refused; `None`: never.
    pub expires: Option<DateTime<Utc>>,
}

impl User {
    /// A user with an id that follows from the access key (so that it is the same at the next start).
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

/// Makes a user with a random key pair: 20 characters of access key, 40 of secret (238 bits).
///
/// The canonical id is always the same one, so that what such a user owns is still his after the next start.
///
/// # Panics
/// If the system has no random numbers: there is no safe way on.
pub fn generate_user() -> User {
    const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const ANY: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    User {
        access_key: random_text(UPPER, 20),
        secret_key: random_text(ANY, 40),
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
        // Bytes beyond the last whole multiple are left out, so that all characters are equally likely.
        let limit = 256 - 256 % alphabet.len();
        let fit = bytes.iter().filter(|byte| usize::from(**byte) < limit);
        out.extend(
            fit.map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]))
                .take(length - out.len()),
        );
    }
    out
}

/// Reads users from a file's text.
///
/// A user a line: access key, secret key, and then, each optional and in any order, `id=CANONICAL-ID`, `email=ADDRESS`,
/// `expires=TIME` (`2030-01-31T12:00:00Z`, with any offset, or `2030-01-31`, the beginning of that day in UTC) and,
/// last as it may hold spaces, `name=DISPLAY NAME`. Empty lines and lines that start with `#` are passed over. The
/// first user owns the buckets that no known user owns. A pair that has expired is refused, but known: its user still
/// owns what he owned.
///
/// ```text
/// # access key         secret key
/// AKALICE0000000000001 3f...                            id=alice email=alice@example.org name=Alice A.
/// AKBOB000000000000001 9c...                            id=bob expires=2030-01-31T18:00:00+02:00
/// ```
///
/// # Errors
/// A message with the line's number (never with its content, which may be a secret) where a line has no secret,
/// an unknown field or an access key that was there before, and where there is no user at all.
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
                    let wanted = "expected expires=2030-01-31T12:00:00Z or expires=2030-01-31";
                    user.expires = Some(parse_time(time).ok_or(format!("line {number}: {wanted}"))?);
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
            return Err(format!("line {number}: this access key is there already"));
        }
        users.push(user);
    }
    if users.is_empty() { Err("no users in it".to_owned()) } else { Ok(users) }
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
        let of = |field: &str| {
            parse_auth_file(&format!("AKA s expires={field} name=A B")).map(|users| users[0].expires)
        };
        let time = |text: &str| Ok(Some(DateTime::parse_from_rfc3339(text).unwrap().to_utc()));
        assert_eq!(of("2030-01-31T18:00:00+02:00"), time("2030-01-31T16:00:00Z"));
        assert_eq!(of("2030-01-31"), time("2030-01-31T00:00:00Z"));
        for bad in ["", "tomorrow", "2030-02-31", "1893456000"] {
            assert!(of(bad).unwrap_err().starts_with("line 1: expected expires="), "{bad}");
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
    fn a_broken_auth_file_names_the_line_and_no_secret() {
        for text in ["AKA\n", "AKA secret what=ever\n", "AKA secret\nAKA secret\n", "# nobody\n"] {
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
