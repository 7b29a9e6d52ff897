//! Responses of CloudFront as models.
//! <https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_Types.html>

use super::{Distribution, Invalidation, Logging, Origin};
use crate::model::document::trimmed;
use serde::Deserialize;

/// A page of `DistributionList` or `InvalidationList`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", bound = "T: Deserialize<'de>")]
pub(super) struct Page<T> {
    #[serde(default, deserialize_with = "trimmed")]
    pub(super) is_truncated: String,
    #[serde(default, deserialize_with = "trimmed")]
    pub(super) next_marker: String,
    /// Absent if the list is empty.
    #[serde(default)]
    pub(super) items: Items<T>,
}

#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct Items<T> {
    #[serde(
        alias = "DistributionSummary",
        alias = "InvalidationSummary",
        alias = "Origin",
        alias = "CNAME",
        alias = "Path",
        default = "Vec::new"
    )]
    item: Vec<T>,
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { item: Vec::new() }
    }
}

impl<T> IntoIterator for Items<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.item.into_iter()
    }
}

/// A list inside another element.
#[derive(Debug, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound = "T: Deserialize<'de>")]
struct List<T> {
    items: Items<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Items::default() }
    }
}

/// `Distribution`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct DistributionDocument {
    #[serde(deserialize_with = "trimmed")]
    id: String,
    #[serde(deserialize_with = "trimmed")]
    status: String,
    #[serde(deserialize_with = "trimmed")]
    domain_name: String,
    distribution_config: DistributionConfig,
}

/// `DistributionSummary`: the same as a `Distribution` with its configuration, in one element.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct DistributionSummary {
    #[serde(deserialize_with = "trimmed")]
    id: String,
    #[serde(deserialize_with = "trimmed")]
    status: String,
    #[serde(deserialize_with = "trimmed")]
    domain_name: String,
    origins: List<OriginItem>,
    aliases: List<String>,
    #[serde(deserialize_with = "trimmed")]
    enabled: String,
    #[serde(deserialize_with = "trimmed")]
    comment: String,
}

/// `DistributionConfig`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct DistributionConfig {
    origins: List<OriginItem>,
    aliases: List<String>,
    #[serde(deserialize_with = "trimmed")]
    enabled: String,
    #[serde(deserialize_with = "trimmed")]
    comment: String,
    #[serde(deserialize_with = "trimmed")]
    default_root_object: String,
    logging: LoggingConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct OriginItem {
    #[serde(deserialize_with = "trimmed")]
    domain_name: String,
    #[serde(deserialize_with = "trimmed")]
    origin_path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct LoggingConfig {
    #[serde(deserialize_with = "trimmed")]
    enabled: String,
    #[serde(deserialize_with = "trimmed")]
    bucket: String,
    #[serde(deserialize_with = "trimmed")]
    prefix: String,
}

/// `InvalidationSummary`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InvalidationSummary {
    #[serde(deserialize_with = "trimmed")]
    pub(super) id: String,
}

/// `Invalidation`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct InvalidationDocument {
    #[serde(deserialize_with = "trimmed")]
    id: String,
    #[serde(deserialize_with = "trimmed")]
    status: String,
    #[serde(deserialize_with = "trimmed")]
    create_time: String,
    invalidation_batch: InvalidationBatch,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct InvalidationBatch {
    #[serde(deserialize_with = "trimmed")]
    caller_reference: String,
    paths: List<String>,
}

impl From<OriginItem> for Origin {
    fn from(found: OriginItem) -> Self {
        Self { host: found.domain_name, path: found.origin_path }
    }
}

fn origins(found: List<OriginItem>) -> Vec<Origin> {
    found.items.into_iter().map(Origin::from).collect()
}

fn cnames(found: List<String>) -> Vec<String> {
    found.items.into_iter().map(|name| name.trim().to_owned()).collect()
}

impl From<DistributionSummary> for Distribution {
    fn from(found: DistributionSummary) -> Self {
        Self {
            id: found.id,
            domain_name: found.domain_name,
            status: found.status,
            origins: origins(found.origins),
            cnames: cnames(found.aliases),
            enabled: found.enabled == "true",
            comment: found.comment,
            default_root_object: String::new(),
            logging: None,
        }
    }
}

impl From<DistributionDocument> for Distribution {
    fn from(found: DistributionDocument) -> Self {
        let config = found.distribution_config;
        let LoggingConfig { enabled, bucket, prefix } = config.logging;
        let logging = Logging { enabled: enabled == "true", host: bucket, prefix };
        Self {
            id: found.id,
            domain_name: found.domain_name,
            status: found.status,
            origins: origins(config.origins),
            cnames: cnames(config.aliases),
            enabled: config.enabled == "true",
            comment: config.comment,
            default_root_object: config.default_root_object,
            logging: Some(logging).filter(|logging| logging.enabled),
        }
    }
}

impl From<InvalidationDocument> for Invalidation {
    fn from(found: InvalidationDocument) -> Self {
        let batch = found.invalidation_batch;
        Self {
            id: found.id,
            status: found.status,
            created: found.create_time,
            reference: batch.caller_reference,
            paths: batch.paths.items.into_iter().count(),
        }
    }
}
