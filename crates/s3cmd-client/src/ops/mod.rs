//! The operations of S3: objects, buckets, multipart uploads, ACLs, sub-resources, CloudFront.

pub mod acl;
pub mod bucket;
pub mod cloudfront;
pub(crate) mod delete;
pub mod multipart;
pub mod object;
pub mod probe;
pub mod range;
pub mod subresources;
