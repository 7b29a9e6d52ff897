//! What S3 defines: errors, ACLs, policies, rules and the configuration of buckets, as values.

pub(crate) mod acl;
pub(crate) mod bucket_config;
pub(crate) mod bucket_documents;
pub(crate) mod checksum;
pub(crate) mod copy_source;
pub(crate) mod cors_rules;
pub(crate) mod default_encryption;
pub(crate) mod error;
pub(crate) mod lifecycle_checks;
pub(crate) mod lifecycle_rules;
pub(crate) mod object_lock;
pub(crate) mod ownership;
pub(crate) mod policy;
pub(crate) mod public_access;
pub(crate) mod rule_ids;
pub(crate) mod tags;
pub(crate) mod website_config;
pub(crate) mod xml;
