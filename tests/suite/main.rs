//! The behaviour suite: it runs the program as users do, on `serve` or on the endpoint that the environment names.
//!
//! Every test has its own home, working directory and buckets. In command lines and in expected output `BUCKET` stands
//! for the test's bucket, `BUCKET2` for its second one, `ENDPOINT` for the service's host and port, `ALTID` for the
//! second user's id; dates, speeds and the like are replaced before comparison (see `support::normalise`).
//!
//! | folder | what is in it |
//! |---|---|
//! | `support` | helpers, no tests of the program |
//! | `commands` | single commands: a file is named after its command |
//! | `behaviour` | what several commands share: integrity, resuming, the network, credentials, output |
//! | `compat` | the comparison with s3cmd 2.4.0 |
//! | `server` | tests of `serve` |
//!
//! By default the service is `s3cmd serve`, started once as a child process. With `S3_ENDPOINT`, `S3_MAIN_KEY`,
//! `S3_MAIN_SECRET`, `S3_ALT_KEY` and `S3_ALT_SECRET` set, as `tests/lab/ceph-rgw env` prints them, it is that one.
//! `S3CMD_ORIGINAL`, the path of s3cmd 2.4.0, switches the differential tests on.

mod support;

mod behaviour;
mod commands;
mod compat;
mod server;
