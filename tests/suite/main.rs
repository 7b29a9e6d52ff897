//! The behaviour suite: what a user sees when running the program, on `serve` or on any endpoint named in the environment.
//!
//! Every test has its own home, working directory and buckets. In command lines and in expected output `BUCKET` stands
//! for the test's bucket, `BUCKET2` for its second one, `ENDPOINT` for the service's host and port, `ALTID` for the
//! second user's id; dates, speeds and the like are replaced before comparison (see `normal`).
//!
//! By default the service is `s3cmd serve`, started once as a child process. With `S3_ENDPOINT`, `S3_MAIN_KEY`,
//! `S3_MAIN_SECRET`, `S3_ALT_KEY` and `S3_ALT_SECRET` set, as `tests/lab/ceph-rgw env` prints them, it is that one.
//! `S3CMD_ORIGINAL`, the path of s3cmd 2.4.0, switches the differential tests on.

mod bytes;
mod env;
mod expect;
mod facts;
mod hostile;
mod http;
mod normal;
mod run;
mod server;

mod allas;
mod allowed;
mod archive;
mod arguments;
mod bad_input;
mod buckets;
mod bulk_model;
mod cases;
mod changing;
mod checksums;
mod cloudfront;
mod command_rows;
mod command_table;
#[cfg(unix)]
mod completions;
mod configure;
mod copy_grants;
mod copying;
mod coverage;
mod debug_filters;
mod differential;
#[cfg(unix)]
mod disk;
mod documents;
mod endpoints;
mod foreign_answers;
mod fuzz;
mod get;
mod gpg;
mod json;
mod keys;
mod links;
mod listing;
mod local_side;
mod lying_deletions;
mod lying_listings;
#[cfg(unix)]
mod machine;
mod many;
mod mirror_scenes;
mod network;
mod odd_scenes;
mod original_on_serve;
mod owners;
mod pains;
mod pains_around;
mod parser;
mod program;
mod proof;
mod proxy;
mod put;
mod random;
mod rclone_limits;
mod remote;
mod resume;
mod roles;
mod routes;
mod rules;
mod scenes;
mod segmented;
mod serving;
mod settings;
mod shard;
mod sharing;
mod shown;
mod strangers;
mod sync;
mod sync_model;
mod terminal;
mod transcripts;
mod trees;
mod upload_proof;
mod uploads_from;
mod version_targets;
mod versions;
mod website;
