//! Uploads a text as an object, and downloads it again.
//!
//! ```sh
//! export S3_ENDPOINT=http://localhost:9000 S3_ACCESS_KEY=... S3_SECRET_KEY=...
//! cargo run --example put_and_get -- BUCKET KEY TEXT
//! ```
#![allow(clippy::print_stdout)]

use s3cmd_client::bytes::Bytes;
use s3cmd_client::credentials::Credentials;
use s3cmd_client::endpoint::Endpoint;
use s3cmd_client::ops::object::Outgoing;
use s3cmd_client::{Client, ClientOptions};
use std::env;
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [bucket, key, text] = <[String; 3]>::try_from(env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "usage: put_and_get BUCKET KEY TEXT")?;
    let endpoint = Endpoint::from_url(&env::var("S3_ENDPOINT")?);
    let credentials = Credentials::new(env::var("S3_ACCESS_KEY")?, env::var("S3_SECRET_KEY")?, None);
    let client = Client::new(ClientOptions::new(endpoint, Some(credentials)));

    let headers = [("content-type".to_owned(), "text/plain".to_owned())];
    let stored = client.put_object(&bucket, &key, Outgoing::new(Bytes::from(text)), &headers).await?;
    println!("stored, ETag {}", stored.etag());

    let mut object = client.get_object(&bucket, &key, &[], None).await?;
    let mut content = Vec::new();
    while let Some(chunk) = object.chunk().await? {
        content.extend_from_slice(&chunk);
    }
    println!("{}", String::from_utf8(content)?);
    Ok(())
}
