//! Reads and writes access control lists.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example(client: s3cmd_client::Client) -> s3cmd_client::Result<()> {
//! let mut acl = client.get_acl("bucket", Some("key")).await?;
//! if acl.grant_anonymous_read() {
//!     client.put_acl("bucket", Some("key"), &acl).await?;
//! }
//! # Ok(())
//! # }
//! ```

use super::object::with_document;
use crate::client::Client;
use crate::error::Result;
use crate::model::acl::Acl;
use http::Method;

impl Client {
    /// Reads the access control list of a bucket, or of an object if `key` is given.
    pub async fn get_acl(&self, bucket: &str, key: Option<&str>) -> Result<Acl> {
        let request = self.request_for(Method::GET, bucket, key).query("acl", "");
        Acl::from_xml(&self.fetch_text(request).await?)
    }

    /// Replaces the access control list.
    pub async fn put_acl(&self, bucket: &str, key: Option<&str>, acl: &Acl) -> Result<()> {
        let request = self.request_for(Method::PUT, bucket, key).query("acl", "");
        self.send(with_document(request, acl.to_xml(), "application/xml").await?).await.map(drop)
    }
}
