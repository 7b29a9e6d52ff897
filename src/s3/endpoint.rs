//! Where a request goes: s3cmd's rules for host names, path style and virtual-host style.
//!
//! Source of the rules: measured on s3cmd 2.4.0. A bucket moves into the host name when `host_bucket` contains
//! `%(bucket)s` and the name is a clean DNS label sequence; otherwise it is the first part of the path.

use super::sign::encode;

/// An S3 endpoint and how buckets are addressed at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether requests go over TLS.
    pub https: bool,
    /// `host[:port]`, without a scheme; a port that the scheme implies is left out.
    pub host: String,
    /// Virtual-host template, lower-cased, such as `%(bucket)s.s3.amazonaws.com`.
    bucket_template: String,
    /// Whether a certificate's host name is checked: then a dotted bucket cannot be part of a TLS host name,
    /// since no wildcard covers it.
    strict_tls: bool,
}

/// The address of one bucket or object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `host[:port]` to connect to and to name in the `Host` header.
    pub host: String,
    /// Percent-encoded path, from the leading `/`.
    pub path: String,
    /// Whether the bucket is part of the host.
    pub bucket_in_host: bool,
}

impl Endpoint {
    /// Takes `host_base` and `host_bucket` as they stand in a configuration: a scheme in front and a trailing
    /// slash are dropped, the port that the scheme implies too.
    pub fn new(host_base: &str, host_bucket: &str, https: bool, strict_tls: bool) -> Self {
        let bucket_template = bare_host(&host_bucket.to_lowercase(), https);
        Self { https, host: bare_host(host_base, https), bucket_template, strict_tls }
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    /// Whether this bucket's name goes into the host name.
    pub fn is_virtual_host(&self, bucket: &str) -> bool {
        self.bucket_template.contains("%(bucket)s")
            && is_dns_label(bucket)
            && !(self.https && self.strict_tls && bucket.contains('.'))
    }

    /// The address of the service (no bucket), of a bucket, or of an object.
    pub fn target(&self, bucket: Option<&str>, key: Option<&str>) -> Target {
        let Some(bucket) = bucket else {
            return Target { host: self.host.clone(), path: "/".to_owned(), bucket_in_host: false };
        };
        let key = encode::path(key.unwrap_or(""));
        if self.is_virtual_host(bucket) {
            let host = self.bucket_template.replace("%(bucket)s", bucket);
            Target { host, path: format!("/{key}"), bucket_in_host: true }
        } else {
            let path = format!("/{}/{key}", encode::query(bucket));
            Target { host: self.host.clone(), path, bucket_in_host: false }
        }
    }

    /// The address in a link that is printed: as [`Endpoint::target`], but a bucket in the host stands in front of
    /// `host_base`, as in s3cmd (the template itself is not used there).
    pub fn link_target(&self, bucket: &str, key: &str) -> Target {
        if self.is_virtual_host(bucket) {
            let host = format!("{bucket}.{}", self.host);
            Target { host, path: format!("/{}", encode::path(key)), bucket_in_host: true }
        } else {
            self.target(Some(bucket), Some(key))
        }
    }
}

fn bare_host(host: &str, https: bool) -> String {
    let host = host.trim();
    let lower = host.to_ascii_lowercase();
    let host = if lower.starts_with("https://") {
        &host[8..]
    } else if lower.starts_with("http://") {
        &host[7..]
    } else {
        host
    };
    let host = host.trim_end_matches('/');
    host.strip_suffix(if https { ":443" } else { ":80" }).unwrap_or(host).to_owned()
}

/// Whether a bucket name can be part of a host name: s3cmd's strict rule.
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
    fn dns_clean_buckets_go_into_the_host_and_others_into_the_path() {
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
    fn a_leading_slash_of_a_key_is_kept() {
        let endpoint = Endpoint::new("h", "h", false, true);
        assert_eq!(endpoint.target(Some("b"), Some("/x//y/")).path, "/b//x//y/");
    }
}
