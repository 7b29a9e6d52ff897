//! Presets of `--configure --provider NAME`: the endpoints of well-known services.

use super::Settings;

/// A service and its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Provider {
    /// The name, in lower case.
    pub name: &'static str,
    /// `host_base`.
    pub(crate) host_base: &'static str,
    /// `host_bucket`. Without `%(bucket)s`, path-style requests are sent.
    pub(crate) host_bucket: &'static str,
    /// `bucket_location`. For services with several regions, the first one, whose name is also part of `host_base`.
    pub(crate) region: &'static str,
    /// `use_https`.
    pub(crate) https: bool,
    /// `signature_v2`.
    pub(crate) signature_v2: bool,
}

const fn service(
    name: &'static str,
    host_base: &'static str,
    host_bucket: &'static str,
    region: &'static str,
) -> Provider {
    Provider { name, host_base, host_bucket, region, https: true, signature_v2: false }
}

/// All presets, in alphabetical order.
///
/// Sources: the endpoint documentation of the services; for Allas and LUMI-O, the output of their configuration tools.
/// MinIO, Ceph and Garage are self-hosted: the preset is their default port on localhost, without TLS.
pub(crate) const PROVIDERS: &[Provider] = &[
    service(
        "alibaba",
        "oss-cn-hangzhou.aliyuncs.com",
        "%(bucket)s.oss-cn-hangzhou.aliyuncs.com",
        "oss-cn-hangzhou",
    ),
    Provider { signature_v2: true, ..service("allas", "a3s.fi", "%(bucket)s.a3s.fi", "US") },
    service("aws", "s3.amazonaws.com", "%(bucket)s.s3.amazonaws.com", "US"),
    Provider { https: false, ..service("ceph", "localhost:7480", "localhost:7480", "US") },
    service(
        "digitalocean",
        "nyc3.digitaloceanspaces.com",
        "%(bucket)s.nyc3.digitaloceanspaces.com",
        "us-east-1",
    ),
    service("dreamobjects", "s3.us-east-005.dream.io", "%(bucket)s.s3.us-east-005.dream.io", "us-east-005"),
    Provider { https: false, ..service("garage", "localhost:3900", "localhost:3900", "garage") },
    service(
        "ibmcos",
        "s3.us-south.cloud-object-storage.appdomain.cloud",
        "%(bucket)s.s3.us-south.cloud-object-storage.appdomain.cloud",
        "us-south",
    ),
    service("lumi-o", "lumidata.eu", "lumidata.eu", "US"),
    Provider { https: false, ..service("minio", "localhost:9000", "localhost:9000", "us-east-1") },
    service("netease", "nos-eastchina1.126.net", "%(bucket)s.nos-eastchina1.126.net", "US"),
    service("scaleway", "s3.fr-par.scw.cloud", "%(bucket)s.s3.fr-par.scw.cloud", "fr-par"),
    service("wasabi", "s3.wasabisys.com", "%(bucket)s.s3.wasabisys.com", "us-east-1"),
];

impl Provider {
    /// Finds a preset by name, ignoring case, spaces, hyphens and underscores.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        let plain = |text: &str| text.replace([' ', '-', '_'], "").to_lowercase();
        PROVIDERS.iter().find(|provider| plain(provider.name) == plain(name))
    }

    /// The names of all presets, separated by commas.
    pub(crate) fn names() -> String {
        PROVIDERS.iter().map(|provider| provider.name).collect::<Vec<_>>().join(", ")
    }

    /// Applies the preset to the settings, which provide the default answers of `--configure`.
    pub(crate) fn suggest(&self, settings: &mut Settings) {
        self.host_base.clone_into(&mut settings.host_base);
        self.host_bucket.clone_into(&mut settings.host_bucket);
        self.region.clone_into(&mut settings.bucket_location);
        settings.use_https = self.https;
        settings.signature_v2 = self.signature_v2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_all_spellings() {
        for name in ["LUMI-O", "lumio", "lumi o", "lumi-o"] {
            assert_eq!(Provider::named(name).map(|found| found.host_base), Some("lumidata.eu"), "{name}");
        }
        assert_eq!(Provider::named("IBM COS").map(|found| found.name), Some("ibmcos"));
        assert_eq!(Provider::named("nowhere"), None);
        assert_eq!(PROVIDERS.len(), 13);
        assert!(PROVIDERS.is_sorted_by_key(|provider| provider.name));
    }
}
