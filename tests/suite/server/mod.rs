//! Tests of the embedded server, `s3cmd serve`.

mod archive_classes;
mod bucket_owner;
mod client_examples;
mod fuzz;
mod process;
mod rclone_limits;
mod remote;
mod slow_clients;
mod website_hosting;
