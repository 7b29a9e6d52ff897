//! The operations of S3: objects, buckets, multipart uploads, ACLs, sub-resources, CloudFront.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(client: s3cmd_client::Client) -> s3cmd_client::Result<()> {
//! client.create_bucket("bucket", None, &[]).await?;
//! client.delete_bucket("bucket").await?;
//! # Ok(())
//! # }
//! ```

pub mod acl;
pub mod bucket;
pub mod cloudfront;
pub(crate) mod delete;
pub mod multipart;
pub mod object;
pub mod probe;
pub mod range;
pub mod subresources;
