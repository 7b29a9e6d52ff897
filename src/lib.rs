//! s3cmd, rewritten: every command, option, configuration key, output line and exit code of s3cmd 2.4.0, many objects
//! at once, every byte verified, with an S3 server of its own.
//!
//! The house, from the door inwards; an import only ever goes down this list (`tests/floors.rs`):
//!
//! - [`commands`]: one file a subcommand, each reading like the sentence that describes it.
//! - [`config`]: what the options, the configuration file and the environment mean together: [`config::Settings`], and
//!   the typed options that are made from it once ([`config::run_options`]).
//! - [`cli`]: what was typed. The option table, the command table, the parser, the help; knows no S3.
//! - [`transfer`]: moving many objects: plan, run, verify, with a file or an object on either side. It reports through
//!   the item logs of `output`, takes typed options and does not know the configuration.
//! - [`output`]: the only place that prints, and the one that turns errors into words and exit codes.
//! - [`dates`], `files`, `interrupt`, [`patterns`], [`shard`], [`units`], [`uri`]: leaves that every room may use.
//!
//! Below it are two libraries: `s3cmd_client`, the shared client (requests, signing, retries, typed operations), which
//! knows neither configuration nor terminal; and `s3cmd_serve`, the embedded server, which only `serve`, `check` and
//! the tests know.

pub mod cli;
pub mod commands;
pub mod config;
pub mod dates;
mod files;
mod interrupt;
pub mod output;
pub mod patterns;
pub mod shard;
pub mod transfer;
pub mod units;
pub mod uri;
