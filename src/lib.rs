//! s3cmd: a drop-in for s3cmd 2.4.0.
pub mod cli;
pub mod commands;
pub mod config;
pub mod output;
pub mod patterns;
pub mod s3;
#[cfg(feature = "serve")]
pub mod serve;
pub mod transfer;
pub mod units;
pub mod uri;
