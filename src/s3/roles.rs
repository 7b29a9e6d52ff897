//! Temporary keys: from the metadata service of a cloud machine or a container, from a program, or from the Security
//! Token Service. They are asked for once, kept, and asked for again shortly before they expire.
//!
//! Sources: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>,
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>,
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>,
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>.

use super::body::Payload;
use super::credentials::Credentials;
use super::error::{Error, Result};
use super::request::Response;
use super::sign::{self, encode, v4};
use super::transport::{Transport, TransportOptions};
use super::xml;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Longest wait for an answer, that of s3cmd for the metadata service, and a patient one for a service far away.
const NEAR: Duration = Duration::from_secs(2);
const FAR: Duration = Duration::from_secs(20);

/// How long before they expire keys are replaced (measured on s3cmd 2.4.0).
const MARGIN: TimeDelta = TimeDelta::minutes(15);

/// Keys that live no longer than that, or that were refused, are asked for anew this often at most.
const PAUSE: Duration = Duration::from_secs(60);

/// Longest complaint of a program that is quoted, in characters.
const MAX_COMPLAINT: usize = 500;

/// Longest answer that is read.
const MAX_ANSWER: usize = 1 << 20;

/// Where temporary keys come from.
#[derive(Clone, Debug)]
pub enum Role {
    /// The role of the machine: the metadata service at this URL, without a slash at its end.
    Instance {
        /// `http://169.254.169.254`, unless told otherwise.
        endpoint: String,
    },
    /// The role of the container: this URL, and what goes into the header `Authorization`.
    Container {
        /// The whole URL.
        url: String,
        /// The header's value, if one is wanted.
        authorization: Option<Token>,
    },
    /// `AssumeRoleWithWebIdentity`.
    WebIdentity {
        /// ARN of the role.
        role: String,
        /// The file with the token, read each time because somebody else renews it.
        token_file: PathBuf,
        /// What the session is called in logs.
        session: String,
        /// URL of the Security Token Service.
        sts: String,
    },
    /// `AssumeRole` with keys of one's own.
    Assume {
        /// ARN of the role.
        role: String,
        /// What the session is called in logs.
        session: String,
        /// What the role's owner wants to be told.
        external_id: Option<String>,
        /// URL of the Security Token Service.
        sts: String,
        /// The region that the signature names.
        region: String,
        /// The keys to assume the role with.
        keys: Credentials,
    },
    /// A program that prints keys (`credential_process`).
    Process {
        /// The command line, for the shell.
        command: String,
    },
}

/// A secret for the header `Authorization`.
#[derive(Clone)]
pub enum Token {
    /// As it stands.
    Text(Zeroizing<String>),
    /// What the file holds at the time.
    File(PathBuf),
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Text(_) => f.write_str("Text(***)"),
            Token::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// Keys and the time until which they are good.
#[derive(Clone, Debug)]
struct CachedCredentials {
    credentials: Credentials,
    expires: Option<DateTime<Utc>>,
}

impl CachedCredentials {
    fn lasts(&self, margin: TimeDelta) -> bool {
        self.expires.is_none_or(|expires| expires - Utc::now() > margin)
    }
}

/// A role with the keys that it last gave. Clones share them.
#[derive(Clone, Debug)]
pub struct Provider {
    role: Arc<Role>,
    known: Arc<Mutex<Known>>,
    /// Held while somebody asks and nobody has keys.
    asking: Arc<tokio::sync::Mutex<()>>,
}

/// What the role has given so far.
#[derive(Debug, Default)]
struct Known {
    cached: Option<CachedCredentials>,
    /// When it was last asked.
    asked: Option<Instant>,
    /// When and why it last gave none.
    failed: Option<(Instant, String)>,
}

/// What a request for keys has to do.
enum Next {
    /// Take these.
    Use(Credentials),
    /// Ask for new ones. Other requests go on with these meanwhile, and so does this one if there are none.
    Renew(Credentials),
    /// Ask, or wait for somebody who does: there are none.
    Ask,
}

impl Known {
    fn rested(&self) -> bool {
        self.asked.is_none_or(|asked| asked.elapsed() >= PAUSE)
    }

    /// Keys that were given a moment ago are used whatever they say of their end, which a wrong clock makes wrong.
    fn next(&mut self) -> Next {
        let rested = self.rested();
        let Some(cached) = &self.cached else { return Next::Ask };
        let credentials = cached.credentials.clone();
        if cached.lasts(MARGIN) || !rested && (self.failed.is_none() || cached.lasts(TimeDelta::zero())) {
            Next::Use(credentials)
        } else if cached.lasts(TimeDelta::zero()) {
            self.asked = Some(Instant::now());
            Next::Renew(credentials)
        } else {
            Next::Ask
        }
    }
}

impl Provider {
    /// Asks for nothing yet.
    pub fn new(role: Role) -> Self {
        Self { role: Arc::new(role), known: Arc::default(), asking: Arc::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keys that are good for a while: those from before, or new ones. Many requests may want them at once: one of them
    /// asks, and the others wait only where there are none to go on with.
    pub async fn current(&self) -> Result<Credentials> {
        let came = Instant::now();
        let next = self.known().next();
        match next {
            Next::Use(credentials) => return Ok(credentials),
            Next::Renew(old) => return Ok(self.ask().await.unwrap_or(old)),
            Next::Ask => {}
        }
        let _asking = self.asking.lock().await;
        {
            let mut known = self.known();
            if let Next::Use(credentials) | Next::Renew(credentials) = known.next() {
                return Ok(credentials);
            }
            if let Some((when, why)) = &known.failed
                && *when >= came
            {
                return Err(Error::Invalid(why.clone()));
            }
        }
        self.ask().await
    }

    /// Takes note that the service refused keys of this role: new ones are asked for, if these are the ones known and it is
    /// a while since.
    pub(crate) async fn refused(&self, used: &Credentials) {
        let _asking = self.asking.lock().await;
        let is_known = {
            let known = self.known();
            known.rested() && known.cached.as_ref().is_some_and(|cached| cached.credentials == *used)
        };
        if is_known {
            // Without new ones the refusal stands.
            let _ = self.ask().await;
        }
    }

    async fn ask(&self) -> Result<Credentials> {
        self.known().asked = Some(Instant::now());
        let role = self.role.clone();
        // Boxed, so that the futures of all requests stay as small and as plain as they are without a role.
        let issuing: BoxFuture<'static, Result<CachedCredentials>> =
            Box::pin(async move { role.issue().await });
        let result = issuing.await;
        let mut known = self.known();
        match result {
            Ok(new) => {
                known.failed = None;
                Ok(known.cached.insert(new).credentials.clone())
            }
            Err(error) => {
                if known.cached.is_some() {
                    log::info!("Temporary keys could not be renewed: {error}");
                }
                known.failed = Some((Instant::now(), error.to_string()));
                Err(error)
            }
        }
    }
}

/// What the metadata services and programs answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    code: Option<String>,
    message: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    #[serde(alias = "SessionToken")]
    token: Option<String>,
    expiration: Option<String>,
}

impl Role {
    async fn issue(&self) -> Result<CachedCredentials> {
        match self {
            Role::Instance { endpoint } => instance(endpoint).await,
            Role::Container { url, authorization } => {
                let mut headers = Vec::new();
                if let Some(token) = authorization {
                    headers.push(("authorization", token.value()?));
                }
                let (status, text) = call(NEAR, Method::GET, url, &headers, String::new()).await?;
                good(status, url)?;
                from_json(&text, url)
            }
            Role::WebIdentity { role, token_file, session, sts } => {
                let token = Zeroizing::new(std::fs::read_to_string(token_file)?);
                let parameters = [
                    ("Action", "AssumeRoleWithWebIdentity"),
                    ("Version", "2011-06-15"),
                    ("RoleArn", role),
                    ("RoleSessionName", session),
                    ("WebIdentityToken", token.trim()),
                ];
                assume(sts, &parameters, None).await
            }
            Role::Assume { role, session, external_id, sts, region, keys } => {
                let mut parameters = vec![
                    ("Action", "AssumeRole"),
                    ("Version", "2011-06-15"),
                    ("RoleArn", role.as_str()),
                    ("RoleSessionName", session.as_str()),
                ];
                parameters.extend(external_id.as_deref().map(|id| ("ExternalId", id)));
                assume(sts, &parameters, Some((keys, region))).await
            }
            Role::Process { command } => {
                let shell = if cfg!(windows) { ["cmd", "/C"] } else { ["sh", "-c"] };
                let mut child = tokio::process::Command::new(shell[0]);
                child.arg(shell[1]).arg(command).stdin(std::process::Stdio::null()).kill_on_drop(true);
                let output = child.output().await?;
                let complaint = complaint(&output.stderr);
                let said = if complaint.is_empty() { String::new() } else { format!(": {complaint}") };
                if !output.status.success() {
                    let status = output.status;
                    return Err(Error::Invalid(format!("credential_process ended with {status}{said}")));
                }
                if !complaint.is_empty() {
                    log::info!("credential_process says{said}");
                }
                let cached = from_json(&String::from_utf8_lossy(&output.stdout), "credential_process");
                cached.map_err(|error| match error {
                    Error::Malformed(what) => Error::Malformed(format!("{what}{said}")),
                    other => other,
                })
            }
        }
    }
}

/// What a program said on its standard error, in one line. What may be a secret is not shown: values behind a name that
/// says so, and long words of letters and digits.
fn complaint(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let words = text.split_whitespace().map(|word| {
        let (name, value) = match word.find(['=', ':']) {
            Some(at) => word.split_at(at + 1),
            None => ("", word),
        };
        let name_is_secret = ["secret", "token", "password", "passphrase"]
            .iter()
            .any(|secret| name.to_lowercase().contains(secret));
        let is_key = |text: &str| {
            let run =
                text.bytes().filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')).count();
            run >= 32 && run + 4 >= text.len() && text.bytes().any(|b| b.is_ascii_digit())
        };
        if name_is_secret && !value.is_empty() || is_key(value) {
            format!("{name}***")
        } else {
            word.to_owned()
        }
    });
    let line = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth_back(MAX_COMPLAINT) {
        Some((at, _)) => format!("... {}", &line[at..].trim_start()),
        None => line,
    }
}

impl Token {
    fn value(&self) -> Result<String> {
        match self {
            Token::Text(text) => Ok(text.to_string()),
            Token::File(path) => Ok(std::fs::read_to_string(path)?.trim().to_owned()),
        }
    }
}

/// By a session token where the service offers one (version 2), else without.
async fn instance(endpoint: &str) -> Result<CachedCredentials> {
    let mut headers = Vec::new();
    let wanted = [("x-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned())];
    let url = format!("{endpoint}/latest/api/token");
    let (status, token) = call(NEAR, Method::PUT, &url, &wanted, String::new()).await?;
    if status == 200 {
        headers.push(("x-aws-ec2-metadata-token", token.trim().to_owned()));
    }
    let list = format!("{endpoint}/latest/meta-data/iam/security-credentials/");
    let (status, roles) = call(NEAR, Method::GET, &list, &headers, String::new()).await?;
    good(status, &list)?;
    let role = roles.lines().next().map(str::trim).filter(|role| !role.is_empty());
    let role = role.ok_or_else(|| Error::Malformed(format!("no role at {list}")))?;
    let url = format!("{list}{}", encode::path(role));
    let (status, text) = call(NEAR, Method::GET, &url, &headers, String::new()).await?;
    good(status, &url)?;
    from_json(&text, &url)
}

async fn assume(
    sts: &str,
    parameters: &[(&str, &str)],
    signed_by: Option<(&Credentials, &String)>,
) -> Result<CachedCredentials> {
    let form: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode::query(name), encode::query(value)))
        .collect();
    let form = form.join("&");
    let mut headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
    let signed;
    if let Some((keys, region)) = signed_by {
        let (_, host, path) = parts(sts)?;
        let known: Vec<(String, String)> =
            vec![("host".to_owned(), host.to_owned()), ("content-type".to_owned(), headers[0].1.clone())];
        let request = sign::Request { method: "POST", path, query: &[], headers: &known };
        let scope = v4::Scope { time: Utc::now(), region, service: "sts" };
        signed = v4::sign(&request, &hex::encode(Sha256::digest(form.as_bytes())), keys, &scope);
        headers.extend(signed.iter().map(|(name, value)| (name.as_str(), value.clone())));
    }
    let (status, text) = call(FAR, Method::POST, sts, &headers, form).await?;
    if status != 200 {
        let why = xml::text_at(&text, &["ErrorResponse", "Error", "Message"]).ok().flatten();
        return Err(Error::Invalid(format!("{sts}: {}", why.unwrap_or_else(|| format!("status {status}")))));
    }
    let action = parameters[0].1;
    let (response, result) = (format!("{action}Response"), format!("{action}Result"));
    let field = |name: &str| -> Result<Option<String>> {
        xml::text_at(&text, &[response.as_str(), result.as_str(), "Credentials", name])
    };
    cached(
        field("AccessKeyId")?,
        field("SecretAccessKey")?,
        field("SessionToken")?,
        field("Expiration")?,
        sts,
    )
}

fn from_json(text: &str, source: &str) -> Result<CachedCredentials> {
    // The parser's own words could quote a secret.
    let malformed = |_| Error::Malformed(format!("no keys at {source}"));
    let document: Document = serde_json::from_str(text).map_err(malformed)?;
    if document.code.as_deref().is_some_and(|code| code != "Success") {
        let why = document.message.or(document.code).unwrap_or_default();
        return Err(Error::Invalid(format!("{source}: {why}")));
    }
    let Document { access_key_id, secret_access_key, token, expiration, .. } = document;
    cached(access_key_id, secret_access_key, token, expiration, source)
}

fn cached(
    access_key: Option<String>,
    secret_key: Option<String>,
    token: Option<String>,
    expiration: Option<String>,
    source: &str,
) -> Result<CachedCredentials> {
    let (Some(access_key), Some(secret_key)) = (access_key, secret_key) else {
        return Err(Error::Malformed(format!("no keys at {source}")));
    };
    let expires = expiration.and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
    Ok(CachedCredentials {
        credentials: Credentials::new(access_key, secret_key, token.as_deref()),
        expires: expires.map(|time| time.to_utc()),
    })
}

fn good(status: u16, url: &str) -> Result<()> {
    if status == 200 { Ok(()) } else { Err(Error::Invalid(format!("{url} answered {status}"))) }
}

/// Scheme, host with port, and path of a URL.
fn parts(url: &str) -> Result<(&str, &str, &str)> {
    let invalid = || Error::Invalid(format!("'{url}' is no URL for keys"));
    let (scheme, rest) = url.split_once("://").ok_or_else(invalid)?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if !matches!(scheme, "http" | "https") || host.is_empty() {
        return Err(invalid());
    }
    Ok((scheme, host, if path.is_empty() { "/" } else { path }))
}

/// One request and its whole answer, without proxies: keys are nobody else's.
async fn call(
    patience: Duration,
    method: Method,
    url: &str,
    headers: &[(&str, String)],
    body: String,
) -> Result<(u16, String)> {
    let (scheme, host, path) = parts(url)?;
    let transport = Transport::new(TransportOptions { timeout: patience, ..TransportOptions::default() });
    let mut map = HeaderMap::new();
    if method != Method::GET {
        map.insert(http::header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    for (name, value) in headers {
        let invalid = || Error::Invalid(format!("Header '{name}' cannot be sent with that value"));
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| invalid())?;
        value.set_sensitive(true);
        map.insert(parsed, value);
    }
    let payload = Payload::Bytes(body.into());
    let answer = async {
        let body = payload.wire(Arc::default(), None);
        let (parts, body) = transport.send(method, scheme, host, path, map, body).await?.into_parts();
        let status = parts.status.as_u16();
        let response = Response {
            status,
            headers: parts.headers,
            body,
            timeout: patience,
            progress: None,
            throttle: None,
            after_loss: false,
        };
        Ok((status, String::from_utf8_lossy(&response.bytes(MAX_ANSWER).await?).into_owned()))
    };
    match tokio::time::timeout(patience, answer).await {
        Ok(answered) => answered,
        Err(_) => Err(Error::Invalid(format!("{scheme}://{host} does not answer"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_and_secrets_not_shown() {
        let cached = from_json(
            r#"{"Code": "Success", "AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T", "Expiration": "2001-01-01T00:00:00Z"}"#,
            "x",
        )
        .unwrap();
        assert_eq!((cached.credentials.secret_key(), cached.credentials.token()), ("S", Some("T")));
        assert!(!cached.lasts(TimeDelta::zero()));
        let process = r#"{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T"}"#;
        let cached = from_json(process, "x").unwrap();
        assert!(cached.lasts(MARGIN) && cached.credentials.token() == Some("T"));
        for text in ["", "secret", "{}", r#"{"Code": "Failed", "Message": "no"}"#] {
            let words = from_json(text, "here").unwrap_err().to_string();
            assert!(words.contains("here") && !words.contains("secret"), "{words}");
        }
        assert!(!format!("{:?}", Token::Text(Zeroizing::new("hush".into()))).contains("hush"));
    }

    #[test]
    fn only_urls_are_asked() {
        assert_eq!(parts("http://h:1").unwrap(), ("http", "h:1", "/"));
        assert_eq!(parts("https://h/a?b").unwrap(), ("https", "h", "/a?b"));
        for url in ["", "h", "file:///etc/passwd", "http:///x"] {
            assert!(parts(url).is_err(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_program_gives_keys() {
        let command = r#"echo '{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "S"}'"#.to_owned();
        let provider = Provider::new(Role::Process { command });
        assert_eq!(provider.current().await.unwrap().access_key, "A");
        let broken = Provider::new(Role::Process { command: "echo no session >&2; exit 3".to_owned() });
        let words = broken.current().await.unwrap_err().to_string();
        assert!(words.ends_with(": no session"), "{words}");
        let silent = Provider::new(Role::Process { command: "echo log in first >&2".to_owned() });
        let words = silent.current().await.unwrap_err().to_string();
        assert_eq!(words, "no keys at credential_process: log in first");
    }

    #[test]
    fn complaints_of_programs_are_quoted_without_secrets() {
        for (said, quoted) in [
            ("", ""),
            (" The session\n has expired\n", "The session has expired"),
            ("SecretAccessKey=abc password:y", "SecretAccessKey=*** password:***"),
            ("bad wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", "bad ***"),
            ("cannot read /home/someone/.aws/config", "cannot read /home/someone/.aws/config"),
        ] {
            assert_eq!(complaint(said.as_bytes()), quoted, "{said}");
        }
        let long = complaint("word ".repeat(1000).as_bytes());
        assert!(long.starts_with("... ") && long.len() < 510, "{long}");
    }

    fn counted(folder: &std::path::Path, expires: &str) -> Provider {
        let count = folder.join("count");
        Provider::new(Role::Process {
            command: format!(
                r#"echo >>'{}'; echo '{{"AccessKeyId": "A", "SecretAccessKey": "S", "Expiration": "{expires}"}}'"#,
                count.display()
            ),
        })
    }

    fn asked(folder: &std::path::Path) -> usize {
        std::fs::read(folder.join("count")).map_or(0, |text| text.len())
    }

    #[tokio::test]
    async fn many_requests_at_once_ask_once_however_short_the_keys_live() {
        for seconds in [-60, 60, 600, 6000] {
            let folder = tempfile::tempdir().unwrap();
            let expires = (Utc::now() + TimeDelta::seconds(seconds)).to_rfc3339();
            let provider = counted(folder.path(), &expires);
            let asking = (0..50).map(|_| provider.current());
            for keys in futures::future::join_all(asking).await {
                assert_eq!(keys.unwrap().access_key, "A");
            }
            provider.current().await.unwrap();
            assert_eq!(asked(folder.path()), 1, "{seconds}");
            // A minute later.
            provider.known().asked = Instant::now().checked_sub(PAUSE);
            for keys in futures::future::join_all((0..50).map(|_| provider.current())).await {
                keys.unwrap();
            }
            assert_eq!(asked(folder.path()), if seconds == 6000 { 1 } else { 2 }, "{seconds}");
        }
    }

    #[tokio::test]
    async fn keys_that_are_good_do_until_others_are_given() {
        let provider = Provider::new(Role::Process { command: "exit 1".to_owned() });
        let credentials = Credentials::new("A", "S", None);
        let expires = Some(Utc::now() + TimeDelta::minutes(5));
        provider.known().cached = Some(CachedCredentials { credentials: credentials.clone(), expires });
        for _ in 0..3 {
            assert_eq!(provider.current().await.unwrap(), credentials);
        }
        assert!(provider.known().failed.is_some());
    }

    #[tokio::test]
    async fn all_who_wait_learn_of_one_failure() {
        let folder = tempfile::tempdir().unwrap();
        let command = format!("echo >>'{}'; exit 1", folder.path().join("count").display());
        let provider = Provider::new(Role::Process { command });
        let failed = futures::future::join_all((0..20).map(|_| provider.current())).await;
        assert!(failed.iter().all(Result::is_err));
        assert_eq!(asked(folder.path()), 1);
    }

    #[tokio::test]
    async fn refused_keys_are_replaced_once_in_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let provider = counted(folder.path(), "2199-01-01T00:00:00Z");
        let used = provider.current().await.unwrap();
        provider.refused(&used).await;
        assert_eq!(asked(folder.path()), 1);
        provider.known().asked = Instant::now().checked_sub(PAUSE);
        provider.refused(&Credentials::new("older", "S", None)).await;
        assert_eq!(asked(folder.path()), 1);
        futures::future::join_all((0..20).map(|_| provider.refused(&used))).await;
        assert_eq!(asked(folder.path()), 2);
    }
}
