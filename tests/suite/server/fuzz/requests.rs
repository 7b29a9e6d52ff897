//! Fuzzed requests: properly signed ones with unusual parts, which reach most of the code, and broken ones.

use super::mutations::{damage, rearrange, text};
use super::operations::OPERATIONS;
use super::words::{HEADERS, KEYS, METHODS, PIECES, QUERY, VALUES};
use crate::support::random::Random;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use s3cmd_client::checksum::{Algorithm, Hasher};
use s3cmd_client::credentials::Credentials;
use s3cmd_client::sign::{self, encode, v2, v4};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The users of the server: access key and secret.
pub(super) const USERS: [(&str, &str); 2] = [("AKALICE", "alice/secret+"), ("AKBOB", "bob-secret")];
const REGION: &str = "us-east-1";

/// What later requests use of earlier responses.
#[derive(Debug)]
pub(super) struct Garden {
    /// The current buckets.
    pub(super) buckets: Vec<String>,
    /// Ids of uploads and of versions.
    pub(super) uploads: Vec<String>,
    pub(super) versions: Vec<String>,
    /// The server's host and port.
    pub(super) host: String,
}

/// Bytes for the server.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) bytes: Vec<u8>,
    /// A HEAD request: its response has no body.
    pub(super) head: bool,
    /// The end of the request is ambiguous: the connection cannot be used again, and there may be no response.
    pub(super) broken: bool,
}

/// A request before it is signed.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

fn credentials(user: usize) -> Credentials {
    Credentials::new(USERS[user].0.to_owned(), USERS[user].1.to_owned(), None)
}

impl Ask {
    /// A plain request of Alice, for the preparations.
    pub(super) fn plain(
        garden: &Garden,
        method: &str,
        path: &str,
        query: &str,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        let query = encode::parse_query(query);
        let headers = vec![("host".to_owned(), garden.host.clone())];
        Self { method: method.to_owned(), path: path.to_owned(), query, headers, body: body.into() }
    }

    fn request(&self) -> sign::Request<'_> {
        sign::Request { method: &self.method, path: &self.path, query: &self.query, headers: &self.headers }
    }

    /// Signs in the header, by V4.
    pub(super) fn signed(mut self, user: usize, hash: &str, time: DateTime<Utc>) -> Self {
        let scope = v4::Scope { time, region: REGION, service: "s3" };
        let added = v4::sign(&self.request(), hash, &credentials(user), &scope);
        self.headers.extend(added);
        self
    }

    /// Signs, with the hash of its body.
    pub(super) fn signed_whole(self) -> Self {
        let hash = hex::encode(Sha256::digest(&self.body));
        self.signed(0, &hash, Utc::now())
    }

    pub(super) fn wire(&self) -> Wire {
        let mut head = format!("{} {}", self.method, self.path);
        if !self.query.is_empty() {
            let _ = write!(head, "?{}", encode::query_string(&self.query, true));
        }
        head.push_str(" HTTP/1.1\r\n");
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let framed =
            |(name, _): &(String, String)| matches!(name.as_str(), "content-length" | "transfer-encoding");
        let broken = self.headers.iter().any(framed);
        if !broken {
            let _ = write!(head, "content-length: {}\r\n", self.body.len());
        }
        let bytes = [head.as_bytes(), b"\r\n", &self.body].concat();
        Wire { bytes, head: self.method == "HEAD", broken }
    }
}

/// A request of any kind.
pub(super) fn any(random: &mut Random, garden: &Garden) -> Wire {
    if random.one_in(12) {
        return noise(random, garden);
    }
    let ask = ask(random, garden);
    let user = usize::from(random.one_in(10));
    let time =
        if random.one_in(50) { Utc::now() - TimeDelta::minutes(random.below(60) as i64) } else { Utc::now() };
    let mut signed = match random.below(20) {
        0 | 1 => ask,
        2 | 3 => {
            let added = v2::sign(&ask.request(), None, &credentials(user), time);
            Ask { headers: [ask.headers, added].concat(), ..ask }
        }
        4 | 5 => {
            let scope = v4::Scope { time, region: random.pick(&[REGION, "US", "", "é"]), service: "s3" };
            let expires = [1, 60, 604_800, 604_801, 0][random.below(5)];
            let query = v4::presign(&ask.request(), &credentials(user), &scope, expires);
            Ask { query, ..ask }
        }
        6 => {
            let expires = time.timestamp() + random.below(1000) as i64 - 100;
            let query = v2::presign(&ask.request(), None, &credentials(user), expires);
            Ask { query, ..ask }
        }
        7..=9 => chunked(random, ask, time),
        10 => form(random, garden, ask, time),
        11 => ask.signed(user, v4::UNSIGNED_PAYLOAD, time),
        _ => {
            let hash = hex::encode(Sha256::digest(&ask.body));
            ask.signed(user, &hash, time)
        }
    };
    if random.one_in(15) {
        after_signing(random, &mut signed);
    }
    let mut wire = signed.wire();
    if random.one_in(25) {
        damage(random, &mut wire.bytes);
        wire.broken = true;
    }
    wire
}

/// A request, before it is signed.
fn ask(random: &mut Random, garden: &Garden) -> Ask {
    let bucket = match random.below(20) {
        0 => random
            .pick(&[
                "..",
                ".",
                ".s3cmd-serve",
                "-",
                "linkbucket",
                "secret",
                "%2e%2e",
                "",
                "no-such",
                "B",
                "a%2fb",
            ])
            .to_owned(),
        1 => {
            let length = random.below(8);
            text(random, length)
        }
        _ => garden.buckets[random.below(garden.buckets.len())].clone(),
    };
    let (method, object, query, body) = OPERATIONS[random.below(OPERATIONS.len())];
    let method = if random.one_in(12) { random.pick(METHODS) } else { method };
    let object = if random.one_in(30) { !object } else { object };
    let query = query
        .replace("UPLOAD", garden.uploads.get(random.below(garden.uploads.len())).map_or("0", |id| id))
        .replace("VERSION", garden.versions.get(random.below(garden.versions.len())).map_or("null", |id| id));
    let mut query = encode::parse_query(&query);
    let mut path = format!("/{bucket}");
    if object {
        let key = match random.below(25) {
            0 => {
                let length = random.below(12);
                text(random, length)
            }
            1 => "x".repeat(random.below(1100)),
            _ => random.pick(KEYS).to_owned(),
        };
        let key = if random.one_in(2) && !key.contains('%') { encode::path(&key).into_owned() } else { key };
        path = format!("{path}/{key}");
    }
    for _ in 0..random.below(3).saturating_sub(usize::from(random.one_in(2))) {
        query.push((random.pick(QUERY).to_owned(), value(random)));
    }
    if random.one_in(10) && !query.is_empty() {
        let at = random.below(query.len());
        query[at].1 = value(random);
    }
    let mut headers = vec![("host".to_owned(), garden.host.clone())];
    for _ in 0..random.below(4) {
        let name = random.pick(HEADERS);
        // Headers about the body or the credentials are rare: with them most requests are rejected early.
        let far = !matches!(
            name,
            "host" | "content-length" | "transfer-encoding" | "authorization" | "x-amz-security-token"
        );
        if (far || random.one_in(20)) && !headers.iter().any(|(other, _)| other == name) {
            headers.push((name.to_owned(), value(random).replace("/b", &format!("/{}", garden.buckets[0]))));
        }
    }
    let mut body = body.replace("BUCKET", &bucket).into_bytes();
    if random.one_in(2) && !body.is_empty() && body != b"some content" {
        body = rearrange(random, &String::from_utf8_lossy(&body), PIECES).into_bytes();
    }
    if random.one_in(12) {
        damage(random, &mut body);
    }
    match random.below(400) {
        0 => body = random.bytes(300_000),
        1..=10 => body = random.bytes(3000),
        _ => {}
    }
    Ask { method: method.to_owned(), path, query, headers, body }
}

/// A value of a header or a parameter: a word, or nearly one.
fn value(random: &mut Random) -> String {
    let word = random.pick(VALUES).to_owned();
    match random.below(12) {
        0 => {
            let mut bytes = word.into_bytes();
            damage(random, &mut bytes);
            String::from_utf8_lossy(&bytes).replace(['\r', '\n', '\0'], "?")
        }
        1 => {
            let length = random.below(30);
            text(random, length)
        }
        2 => word.repeat(1 + random.below(50)),
        _ => word,
    }
}

/// Changes the request after it was signed.
fn after_signing(random: &mut Random, ask: &mut Ask) {
    match random.below(5) {
        0 if !ask.headers.is_empty() => drop(ask.headers.remove(random.below(ask.headers.len()))),
        1 if !ask.query.is_empty() => drop(ask.query.remove(random.below(ask.query.len()))),
        2 if !ask.headers.is_empty() => {
            let at = random.below(ask.headers.len());
            ask.headers[at].1 = value(random);
        }
        3 if !ask.query.is_empty() => {
            let at = random.below(ask.query.len());
            ask.query[at].1 = value(random);
        }
        _ => damage(random, &mut ask.body),
    }
}

/// A body in chunks, signed or not, with trailers or not, correct or damaged.
fn chunked(random: &mut Random, mut ask: Ask, time: DateTime<Utc>) -> Ask {
    if random.one_in(2) {
        // The operations with large bodies.
        ask.method = "PUT".to_owned();
        ask.query.clear();
    }
    let (kind, sealed, trailing) = [
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", true, false),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", true, true),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", false, true),
    ][random.below(3)];
    let content = std::mem::take(&mut ask.body);
    let algorithm = [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Sha256][random.below(3)];
    let stated = if random.one_in(20) { value(random) } else { content.len().to_string() };
    ask.headers.push(("content-encoding".to_owned(), "aws-chunked".to_owned()));
    ask.headers.push(("x-amz-decoded-content-length".to_owned(), stated));
    if trailing {
        ask.headers.push(("x-amz-trailer".to_owned(), algorithm.header().to_owned()));
    }
    let mut signed = ask.signed(0, kind, time);
    let scope = v4::Scope { time, region: REGION, service: "s3" };
    let mut previous =
        signed.headers.last().and_then(|(_, value)| value.rsplit('=').next()).unwrap_or("").to_owned();
    let mut body = Vec::new();
    let pieces = content.chunks(1 + random.below(content.len() + 1)).chain(std::iter::once(&[][..]));
    for piece in pieces {
        body.extend(format!("{:x}", piece.len()).bytes());
        if sealed {
            previous = v4::chunk_signature(USERS[0].1, &scope, &previous, piece);
            body.extend(format!(";chunk-signature={previous}").bytes());
        }
        body.extend(b"\r\n");
        body.extend(piece);
        if !piece.is_empty() || !trailing {
            body.extend(b"\r\n");
        }
    }
    if trailing {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(&content);
        let sum = if random.one_in(10) { value(random) } else { hasher.finish().to_string() };
        body.extend(format!("{}:{sum}\r\n", algorithm.header()).bytes());
        if sealed {
            let text = format!("{}:{sum}\n", algorithm.header());
            let seal = v4::trailer_signature(USERS[0].1, &scope, &previous, &text);
            body.extend(format!("x-amz-trailer-signature:{seal}\r\n").bytes());
        }
        body.extend(b"\r\n");
    }
    if random.one_in(3) {
        damage(random, &mut body);
    }
    signed.body = body;
    signed
}

/// A form of a browser, with a signed policy.
fn form(random: &mut Random, garden: &Garden, ask: Ask, time: DateTime<Utc>) -> Ask {
    let bucket = &garden.buckets[random.below(garden.buckets.len())];
    let until = (time + TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%SZ");
    let mut policy = format!(
        "{{\"expiration\":\"{until}\",\"conditions\":[{{\"bucket\":\"{bucket}\"}},[\"starts-with\",\"$key\",\"\"],\
         [\"content-length-range\",0,1000],[\"eq\",\"$acl\",\"private\"],[\"starts-with\",\"$x-amz-meta-a\",\"\"]]}}"
    );
    if random.one_in(3) {
        policy = rearrange(random, &policy, PIECES);
    }
    let policy = BASE64_STANDARD.encode(policy);
    let (date, stamp) = (time.format("%Y%m%d").to_string(), time.format("%Y%m%dT%H%M%SZ").to_string());
    let seal = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let mut key = format!("AWS4{}", USERS[0].1).into_bytes();
    for step in [&*date, REGION, "s3", "aws4_request"] {
        key = seal(&key, step);
    }
    let signature = hex::encode(seal(&key, &policy));
    let credential = format!("{}/{date}/{REGION}/s3/aws4_request", USERS[0].0);
    let name = random.pick(KEYS);
    let status = value(random);
    let mut fields = vec![
        ("key", name),
        ("acl", "private"),
        ("x-amz-meta-a", "b"),
        ("success_action_status", if random.one_in(2) { "201" } else { &status }),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", &credential),
        ("x-amz-date", &stamp),
        ("policy", &policy),
        ("x-amz-signature", &signature),
    ];
    let odd = value(random);
    if random.one_in(3) {
        let at = random.below(fields.len());
        fields[at].1 = &odd;
    }
    if random.one_in(4) {
        fields.push((random.pick(HEADERS), random.pick(VALUES)));
    }
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(
            format!("--line\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
        );
    }
    body.extend(
        b"--line\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../secret\"\r\nContent-Type: text/plain\r\n\r\n",
    );
    body.extend(&ask.body);
    body.extend(b"\r\n--line--\r\n");
    if random.one_in(3) {
        damage(random, &mut body);
    }
    let mut headers = vec![
        ("host".to_owned(), garden.host.clone()),
        ("content-type".to_owned(), "multipart/form-data; boundary=line".to_owned()),
    ];
    if random.one_in(10) {
        headers[1].1 = value(random);
    }
    Ask { method: "POST".to_owned(), path: format!("/{bucket}"), query: Vec::new(), headers, body }
}

/// Not a valid request, or hardly one.
fn noise(random: &mut Random, garden: &Garden) -> Wire {
    let mut bytes = match random.below(6) {
        0 => {
            let length = 1 + random.below(400);
            random.bytes(length)
        }
        1 => {
            let name = random.pick(HEADERS);
            let line = format!("{name}: {}\r\n", value(random)).repeat(1 + random.below(200));
            format!("GET /{} HTTP/1.1\r\n{line}\r\n", garden.buckets[0]).into_bytes()
        }
        2 => format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", text(random, 3000).replace([' ', '#'], "/"))
            .into_bytes(),
        3 => {
            let chunk = random.pick(&[
                "5\r\nabcde\r\n0\r\n\r\n",
                "ffffffffffffffff\r\nx",
                "-1\r\n",
                "5;a=b\r\nabcde\r\n0\r\nx: y\r\n\r\n",
                "0\r\n",
            ]);
            format!(
                "PUT /{}/k HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunk}",
                garden.buckets[0]
            )
            .into_bytes()
        }
        4 => {
            let version = random.pick(&["HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "http/1.1", "RTSP/1.0", ""]);
            format!(
                "{} {} {version}\r\nhost: {}\r\n\r\n",
                random.pick(METHODS),
                random.pick(VALUES),
                random.pick(VALUES)
            )
            .into_bytes()
        }
        _ => ask(random, garden).signed_whole().wire().bytes,
    };
    damage(random, &mut bytes);
    Wire { bytes, head: false, broken: true }
}
