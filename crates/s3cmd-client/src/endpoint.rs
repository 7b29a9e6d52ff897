//! Endpoints: host names, path-style and virtual-hosted-style addressing.
//!
//! The rules are those of s3cmd (measured on s3cmd 2.4.0): a bucket becomes part of the host name if the template for
//! buckets (`host_bucket`) contains `%(bucket)s` and the bucket's name is a valid sequence of DNS labels; otherwise
//! it is the first segment of the path.
//!
//! # Examples
//!
//! ```
//! use s3cmd_client::endpoint::Endpoint;
//!
//! let virtual_hosts = Endpoint::new("s3.example.org", "%(bucket)s.s3.example.org", true, true);
//! let target = virtual_hosts.target(Some("fish"), Some("a b"));
//! assert_eq!((target.host.as_str(), target.path.as_str()), ("fish.s3.example.org", "/a%20b"));
//!
//! let paths = Endpoint::from_url("http://localhost:9000");
//! assert_eq!(paths.target(Some("fish"), Some("a b")).path, "/fish/a%20b");
//! ```

use super::sign::encode;

/// The placeholder for the bucket's name in a template.
const BUCKET: &str = "%(bucket)s";

/// An S3 endpoint, and how buckets are addressed on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether requests use TLS.
    pub https: bool,
    /// `host[:port]`, without a scheme. The default port of the scheme is omitted.
    pub host: String,
    /// Base path of the service, such as `/s3`; usually empty.
    pub path: String,
    /// Template of the host name for a bucket, in lower case, such as `%(bucket)s.s3.amazonaws.com`.
    bucket_template: String,
    /// The path of the template, which may contain the placeholder as well.
    bucket_path: String,
    /// Whether the host name of a certificate is verified. If so, a bucket with a dot cannot be part of a TLS host
    /// name, since no wildcard certificate covers it.
    strict_tls: bool,
}

/// The address of one bucket or object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `host[:port]` to connect to and to name in the `Host` header.
    pub host: String,
    /// Percent-encoded path with the leading `/`.
    pub path: String,
    /// Whether the bucket is part of the host name.
    pub bucket_in_host: bool,
}

impl Endpoint {
    /// The service at a URL, with buckets in the path. Without a scheme, it uses HTTPS.
    pub fn from_url(url: &str) -> Self {
        let https = !url.trim().to_ascii_lowercase().starts_with("http://");
        Self::new(url, url, https, true)
    }

    /// Parses the host of the service (`host_base`) and the template for buckets (`host_bucket`). A leading scheme, a
    /// trailing slash and the default port of the scheme are dropped. What follows the host is the base path of the
    /// service.
    pub fn new(host_base: &str, host_bucket: &str, https: bool, strict_tls: bool) -> Self {
        let (host, path) = host_and_path(host_base, https);
        let (bucket_template, bucket_path) = host_and_path(host_bucket, https);
        Self { https, host, path, bucket_template: bucket_template.to_lowercase(), bucket_path, strict_tls }
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    /// Whether this bucket becomes part of the host name.
    pub fn is_virtual_host(&self, bucket: &str) -> bool {
        self.bucket_template.contains(BUCKET)
            && is_dns_label(bucket)
            && !(self.https && self.strict_tls && bucket.contains('.'))
    }

    /// Whether a bucket is addressed with the template, in its host or in its path.
    pub fn uses_template(&self, bucket: &str) -> bool {
        self.is_virtual_host(bucket)
            || (self.names_bucket_in_path() && !self.bucket_template.contains(BUCKET))
    }

    /// Whether a host name matches the template for some bucket.
    pub fn is_template_of(&self, host: &str) -> bool {
        match self.bucket_template.split_once(BUCKET) {
            Some((before, after)) => host.starts_with(before) && host.ends_with(after),
            None => host == self.bucket_template,
        }
    }

    fn names_bucket_in_path(&self) -> bool {
        self.bucket_path.to_ascii_lowercase().contains(BUCKET)
    }

    /// The address of the service (no bucket), of a bucket, or of an object.
    pub fn target(&self, bucket: Option<&str>, key: Option<&str>) -> Target {
        let Some(bucket) = bucket else {
            let path = format!("{}/", self.path);
            return Target { host: self.host.clone(), path, bucket_in_host: false };
        };
        let key = encode::path(key.unwrap_or(""));
        let name = encode::query(bucket);
        if !self.uses_template(bucket) {
            let path = format!("{}/{name}/{key}", self.path);
            return Target { host: self.host.clone(), path, bucket_in_host: false };
        }
        let mut path = self.bucket_path.clone();
        while let Some(at) = path.to_ascii_lowercase().find(BUCKET) {
            path.replace_range(at..at + BUCKET.len(), &name);
        }
        let host = self.bucket_template.replace(BUCKET, bucket);
        Target { host, path: format!("{path}/{key}"), bucket_in_host: self.is_virtual_host(bucket) }
    }

    /// The address in a printed URL: like [`Endpoint::target`], but a bucket in the host name is put before the host
    /// of the service instead of into the template (measured on s3cmd 2.4.0).
    pub fn link_target(&self, bucket: &str, key: &str) -> Target {
        if self.is_virtual_host(bucket) {
            let host = format!("{bucket}.{}", self.host);
            Target { host, path: format!("{}/{}", self.path, encode::path(key)), bucket_in_host: true }
        } else {
            self.target(Some(bucket), Some(key))
        }
    }

    /// Whether this is an AWS endpoint, where every bucket has its own region.
    pub fn is_amazon(&self) -> bool {
        let name = self.host.split(':').next().unwrap_or_default().to_ascii_lowercase();
        [".amazonaws.com", ".amazonaws.com.cn"].iter().any(|domain| name.ends_with(domain))
    }
}

/// Splits a configured host into host and path, without the scheme, the trailing slash and the default port of the
/// scheme.
fn host_and_path(text: &str, https: bool) -> (String, String) {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let text = if lower.starts_with("https://") {
        &text[8..]
    } else if lower.starts_with("http://") {
        &text[7..]
    } else {
        text
    };
    let text = text.trim_end_matches('/');
    let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    let host = host.strip_suffix(if https { ":443" } else { ":80" }).unwrap_or(host);
    (host.to_owned(), path.to_owned())
}

/// Describes why a configured host name is invalid, as far as the name alone shows it; `None` if it may be valid.
/// Names with letters outside ASCII may be valid.
pub fn host_problem(text: &str) -> Option<String> {
    let (host, path) = host_and_path(text, true);
    let is_blank = |c: char| c.is_whitespace() || c.is_control();
    if let Some(at) = text.trim().find([' ', '\t', '#', ';']) {
        let rest = text.trim()[at..].trim_start();
        return Some(if rest.starts_with(['#', ';']) {
            "a comment must be on a separate line".to_owned()
        } else {
            "it contains a space".to_owned()
        });
    }
    if let Some(at) = text.find("%(") {
        let end = text[at..].find(')').map_or(text.len(), |end| at + end + 1);
        let end = end + usize::from(text[end..].starts_with('s'));
        return Some(format!(
            "'{}' is not a known placeholder here (known are %(bucket)s, in host_bucket, and %(location)s)",
            &text[at..end]
        ));
    }
    if path.contains(|c: char| is_blank(c) || matches!(c, '?' | '%' | '\\' | '"' | '<' | '>')) {
        return Some(format!("'{path}' is not a path"));
    }
    if host.contains('@') {
        // The part before the `@` may contain a password.
        return Some("it contains a user name".to_owned());
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host.as_str(), None),
    };
    if let Some(port) = port
        && !(port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|number| number > 0))
    {
        return Some(format!("'{port}' is not a port"));
    }
    if let Some(address) = name.strip_prefix('[') {
        let address =
            address.strip_suffix(']').and_then(|address| address.parse::<std::net::Ipv6Addr>().ok());
        return address.is_none().then(|| format!("'{name}' is not an address"));
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    let bare = name.strip_suffix('.').unwrap_or(name);
    (bare.len() > 253 || !bare.split('.').all(is_label)).then(|| format!("'{name}' is not a host name"))
}

/// Whether a bucket name can be part of a host name, by a strict rule (measured on s3cmd 2.4.0).
pub fn is_dns_label(bucket: &str) -> bool {
    let clean =
        bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-');
    let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    clean
        && (3..=63).contains(&bucket.len())
        && ends(bucket.bytes().next())
        && ends(bucket.bytes().last())
        && !bucket.contains("..")
        && !bucket.contains("-.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_and_default_ports_are_dropped() {
        let lumi = Endpoint::new("https://lumidata.eu", "https://lumidata.eu", true, true);
        assert_eq!(lumi.host, "lumidata.eu");
        assert_eq!(lumi.target(Some("b-1"), Some("k")).path, "/b-1/k");
        assert_eq!(Endpoint::new("a:443", "a", true, true).host, "a");
        assert_eq!(Endpoint::new("a:443", "a", false, true).host, "a:443");
        assert_eq!(Endpoint::new("http://a:80/", "a", false, true).host, "a");
    }

    #[test]
    fn a_url_names_the_scheme_and_the_base_path() {
        let plain = Endpoint::from_url("HTTP://localhost:9000/s3/");
        assert_eq!((plain.scheme(), plain.host.as_str()), ("http", "localhost:9000"));
        assert_eq!(plain.target(Some("fish"), Some("k")).path, "/s3/fish/k");
        for url in ["https://a3s.fi", "a3s.fi", "https://a3s.fi:443/"] {
            assert_eq!(Endpoint::from_url(url), Endpoint::new("a3s.fi", "a3s.fi", true, true), "{url}");
        }
    }

    #[test]
    fn dns_compatible_buckets_are_in_the_host_and_others_in_the_path() {
        let allas = Endpoint::new("a3s.fi", "%(bucket)s.a3s.fi", true, true);
        let target = allas.target(Some("fish-bucket"), Some("a b/c"));
        assert_eq!((target.host.as_str(), target.path.as_str()), ("fish-bucket.a3s.fi", "/a%20b/c"));
        for name in ["my_bucket", "Bucket", "ab", "a..b", "a-.b", "-ab", "dotted.name"] {
            assert_eq!(allas.target(Some(name), None).host, "a3s.fi", "{name}");
        }
        let plain = Endpoint::new("a3s.fi", "%(Bucket)s.a3s.fi", false, true);
        assert_eq!(plain.target(Some("dotted.name"), None).host, "dotted.name.a3s.fi");
    }

    #[test]
    fn links_put_the_bucket_before_the_host_base() {
        let odd = Endpoint::new("s3.example.org", "%(bucket)s.internal.example.org", true, true);
        assert_eq!(odd.link_target("fish", "ä b").host, "fish.s3.example.org");
        assert_eq!(odd.link_target("fish", "ä b").path, "/%C3%A4%20b");
    }

    #[test]
    fn a_base_path_precedes_bucket_and_key() {
        let targets = |base: &str, template: &str| {
            let endpoint = Endpoint::new(base, template, false, true);
            [
                endpoint.target(None, None),
                endpoint.target(Some("fish"), Some("a/b")),
                endpoint.link_target("fish", "k"),
            ]
            .map(|target| format!("{}{}", target.host, target.path))
        };
        let path_style = ["localhost:8080/s3/", "localhost:8080/s3/fish/a/b", "localhost:8080/s3/fish/k"];
        assert_eq!(targets("localhost:8080/s3", "localhost:8080/s3/%(bucket)"), path_style);
        assert_eq!(targets("http://localhost:8080/s3/", "localhost:8080/s3"), path_style);
        assert_eq!(targets("localhost:8080/s3", "localhost:8080/s3/%(bucket)s"), path_style);
        assert_eq!(targets("localhost:80/s3", "h/S3/%(Bucket)s/x")[1], "h/S3/fish/x/a/b");
        assert_eq!(
            targets("minio:9000/s3", "%(bucket)s.minio:9000/s3"),
            ["minio:9000/s3/", "fish.minio:9000/s3/a/b", "fish.minio:9000/s3/k"]
        );
        assert_eq!(targets("minio:9000/", "minio:9000/")[1], "minio:9000/fish/a/b");
        let endpoint = Endpoint::new("h/s3", "%(bucket)s.h/s3", false, true);
        assert_eq!(endpoint.target(Some("Not_A_Label"), None).path, "/s3/Not_A_Label/");
        assert!(endpoint.target(Some("fish"), None).bucket_in_host);
    }

    #[test]
    fn invalid_host_names_are_described() {
        for host in [
            "h",
            "a.b-c.example",
            "h:1",
            "h:65535",
            "[::1]",
            "[::1]:9",
            "10.0.0.1:9000",
            "https://h:443/",
            "my_minio:9000",
            "h/s3/x",
            "münchen.example",
            "h.",
        ] {
            assert_eq!(host_problem(host), None, "{host}");
        }
        for (host, words) in [
            ("h # the lab", "comment"),
            ("h:9000  ;x", "comment"),
            ("h#x", "comment"),
            ("h one", "space"),
            ("%(bucket)s.h", "'%(bucket)s' is not a known placeholder"),
            ("h/%(region)x", "'%(region)' is not a known placeholder"),
            ("h:", "'' is not a port"),
            ("h:0", "'0' is not a port"),
            ("h:65536", "'65536' is not a port"),
            ("h:+1", "'+1' is not a port"),
            ("", "'' is not a host name"),
            ("a..b", "'a..b' is not a host name"),
            ("user:secret@h", "it contains a user name"),
            ("h?x", "is not a host name"),
            ("h/a?b", "is not a path"),
            ("[::1", "is not an address"),
        ] {
            let found = host_problem(host).unwrap_or_default();
            assert!(found.contains(words), "{host}: {found}");
        }
    }

    #[test]
    fn amazon_is_recognized_by_its_domain() {
        for (host, is_amazon) in [
            ("s3.amazonaws.com", true),
            ("s3.eu-west-1.amazonaws.com:443", true),
            ("s3.cn-north-1.amazonaws.com.cn", true),
            ("amazonaws.com.example.org", false),
            ("localhost:9000", false),
        ] {
            assert_eq!(Endpoint::new(host, host, true, true).is_amazon(), is_amazon, "{host}");
        }
    }

    #[test]
    fn a_leading_slash_of_a_key_is_kept() {
        let endpoint = Endpoint::new("h", "h", false, true);
        assert_eq!(endpoint.target(Some("b"), Some("/x//y/")).path, "/b//x//y/");
    }
}
