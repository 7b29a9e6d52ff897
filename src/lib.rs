//! s3cmd, rewritten: every command, option, configuration key, output line and exit code of s3cmd 2.4.0, many objects
//! at once, every byte verified, with an S3 server of its own.
//!
//! The house, from the door inwards; an import only ever goes down this list:
//!
//! - [`cli`]: what was typed. The option table, the command table, the parser, the help; knows no S3.
//! - [`commands`]: one file a subcommand, each reading like the sentence that describes it.
//! - [`transfer`]: moving many objects: plan, run, verify, with a file or an object on either side. It speaks through the
//!   item logs of `output`.
//! - [`output`]: the only place that prints, and the one that turns errors into words and exit codes.
//! - [`config`]: what the options, the configuration file and the environment mean together.
//! - [`s3`]: the shared client: requests, signing, retry, typed operations. It knows neither configuration nor terminal.
//! - `digest`, `files`, `interrupt`, [`patterns`], [`shard`], [`units`], [`uri`]: leaves that every room may use.
//! - [`serve`]: the embedded server, apart. Only `serve`, `check` and the tests know it.

pub mod cli;
pub mod commands;
pub mod config;
mod files;
mod interrupt;
pub mod output;
pub mod patterns;
pub mod shard;
pub mod transfer;
pub mod units;
pub mod uri;
