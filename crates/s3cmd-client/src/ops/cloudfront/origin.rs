//! Maps S3 host names to buckets.

use crate::endpoint::is_dns_label;

/// An origin of a distribution's content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Host name.
    pub host: String,
    /// Path that is prepended to every path at the origin, such as `/site`; may be empty.
    pub path: String,
}

impl Origin {
    /// The bucket that S3 serves under this host name, for any regional, dual-stack or website name; `None` if the
    /// host is not one of S3. <https://docs.aws.amazon.com/general/latest/gr/s3.html>
    pub fn bucket(&self) -> Option<&str> {
        bucket_of_host(&self.host)
    }
}

pub(super) fn bucket_of_host(host: &str) -> Option<&str> {
    let rest = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    // The last label that begins with `s3`, since a bucket name may contain such a label as well.
    let (bucket, _) = rest
        .rmatch_indices('.')
        .map(|(at, _)| (&rest[..at], &rest[at + 1..]))
        .find(|(_, service)| *service == "s3" || service.starts_with("s3.") || service.starts_with("s3-"))?;
    is_dns_label(bucket).then_some(bucket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_recognized_by_all_their_host_names() {
        for host in [
            "my.bucket.s3.amazonaws.com",
            "my.bucket.s3.eu-north-1.amazonaws.com",
            "my.bucket.s3-eu-west-1.amazonaws.com",
            "my.bucket.s3-website-us-east-1.amazonaws.com",
            "my.bucket.s3-website.eu-central-1.amazonaws.com",
            "my.bucket.s3.dualstack.us-east-2.amazonaws.com",
            "my.bucket.s3.cn-north-1.amazonaws.com.cn",
        ] {
            assert_eq!(bucket_of_host(host), Some("my.bucket"), "{host}");
        }
        assert_eq!(bucket_of_host("a.s3.b.s3.amazonaws.com"), Some("a.s3.b"));
        for host in [
            "www.example.com",
            "s3.amazonaws.com",
            "lb-1.us-east-1.elb.amazonaws.com",
            "b.s3.example.com",
            "",
        ] {
            assert_eq!(bucket_of_host(host), None, "{host}");
        }
    }
}
