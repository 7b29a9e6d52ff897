//! Prints a link with which anyone can upload an object for an hour, for example with
//! `curl -T FILE -H 'content-type: text/plain' LINK`.
//!
//! ```sh
//! export S3_ENDPOINT=http://localhost:9000 S3_ACCESS_KEY=... S3_SECRET_KEY=...
//! cargo run --example presign_put -- BUCKET KEY
//! ```
#![allow(clippy::print_stdout)]

use s3cmd_client::credentials::Credentials;
use s3cmd_client::endpoint::Endpoint;
use s3cmd_client::{Client, ClientOptions, Method};
use std::env;
use std::error::Error;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [bucket, key] = <[String; 2]>::try_from(env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "usage: presign_put BUCKET KEY")?;
    let endpoint = Endpoint::from_url(&env::var("S3_ENDPOINT")?);
    let credentials = Credentials::new(env::var("S3_ACCESS_KEY")?, env::var("S3_SECRET_KEY")?, None);
    let client = Client::new(ClientOptions::new(endpoint, Some(credentials)));

    // The signed header makes sure that the object gets this content type.
    let link = client.link(&bucket, &key).with_method(Method::PUT).with_header("content-type", "text/plain");
    println!("{}", client.presign(&link, Duration::from_secs(3600)).await?);
    Ok(())
}
