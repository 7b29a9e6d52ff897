//! The bytes of an object in order. Resumes when a connection breaks.

use super::object::Remote;
use crate::uri::S3Uri;
use bytes::Bytes;
use s3cmd_client::http::request::{Progress, Response};
use s3cmd_client::{Client, ConnectionFailure, Error, Result};

/// Makes one request after another until all bytes have arrived.
pub(super) struct Source<'a> {
    pub(super) client: &'a Client,
    pub(super) uri: &'a S3Uri,
    pub(super) object: &'a Remote,
    pub(super) position: u64,
    pub(super) response: Option<Response>,
    pub(super) progress: &'a Progress,
    /// The number of consecutive failures without a byte between them.
    pub(super) failures: u32,
}

impl Source<'_> {
    /// Returns the next bytes, or `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.response.is_none() {
                if self.position >= self.object.size {
                    return Ok(None);
                }
                self.response = Some(self.rest().await?);
            }
            let Some(response) = &mut self.response else { continue };
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    self.position += chunk.len() as u64;
                    if self.position > self.object.size {
                        let text =
                            format!("more than the {} bytes of '{}' arrived", self.object.size, self.uri);
                        return Err(Error::Integrity(text));
                    }
                    self.failures = 0;
                    return Ok(Some(chunk));
                }
                Ok(None) if self.position >= self.object.size => return Ok(None),
                Ok(None) => {
                    self.broken(Error::connection(ConnectionFailure::Broken, "the answer ended early"))
                        .await?;
                }
                Err(error) => self.broken(error).await?,
            }
        }
    }

    /// Requests the rest of the object from the current position. Fails if the object has changed.
    async fn rest(&mut self) -> Result<Response> {
        let range = (self.position, self.object.size - 1);
        let version = self.object.version(self.uri);
        let response = self.client.get_range(version, range, Some(self.progress.clone())).await?;
        response
            .ok_or_else(|| Error::Integrity(format!("the server does not send the rest of '{}'", self.uri)))
    }

    async fn broken(&mut self, error: Error) -> Result<()> {
        self.client.wait_to_resume(&mut self.failures, &self.uri.key, error).await?;
        self.response = None;
        Ok(())
    }
}
