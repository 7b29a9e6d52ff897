//! Lists the objects whose keys begin with a prefix: size, tab, key.
//!
//! ```sh
//! export S3_ENDPOINT=http://localhost:9000 S3_ACCESS_KEY=... S3_SECRET_KEY=...
//! cargo run --example list_prefix -- BUCKET PREFIX
//! ```
#![allow(clippy::print_stdout)]

use futures::TryStreamExt;
use s3cmd_client::credentials::Credentials;
use s3cmd_client::endpoint::Endpoint;
use s3cmd_client::list::ListOptions;
use s3cmd_client::{Client, ClientOptions};
use std::env;
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [bucket, prefix] = <[String; 2]>::try_from(env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "usage: list_prefix BUCKET PREFIX")?;
    let endpoint = Endpoint::from_url(&env::var("S3_ENDPOINT")?);
    let credentials = Credentials::new(env::var("S3_ACCESS_KEY")?, env::var("S3_SECRET_KEY")?, None);
    let client = Client::new(ClientOptions::new(endpoint, Some(credentials)));

    // Up to 8 requests at a time; the keys arrive in order nevertheless.
    let pages = client.list_pages(&bucket, ListOptions::new(prefix).with_width(8));
    let mut pages = std::pin::pin!(pages);
    while let Some(page) = pages.try_next().await? {
        for object in page.entries() {
            println!("{}\t{}", object.size, object.key);
        }
    }
    Ok(())
}
