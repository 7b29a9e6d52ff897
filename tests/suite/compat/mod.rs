//! The comparison with s3cmd 2.4.0: the same command lines through both programs, and transcripts of s3cmd.
//!
//! Most of it needs `S3CMD_ORIGINAL`, the path of s3cmd 2.4.0, which is only ever run, as a black box.

mod allowed_differences;
mod command_table;
mod configure;
mod debug_filters;
mod differential;
mod gpg;
mod option_coverage;
mod parser;
mod random_cases;
mod random_lines;
mod s3cmd_on_serve;
mod scenes;
mod transcripts;
mod twins;
