//! The only place that prints: result lines, log lines and progress. Maps errors to messages and exit codes.

mod client_error;
mod client_log;
mod columns;
mod console;
mod details;
mod display_path;
mod event;
mod exit;
mod failure;
mod json;
mod ordered;
mod progress;
mod terminal;
mod text;
mod xml_text;

pub(crate) use client_error::{error_reason, error_text};
pub(crate) use client_log::ClientLog;
pub(crate) use columns::Columns;
pub(crate) use console::{Console, end_log};
pub use console::{print_error_text, print_text, settle_output, start_log};
pub(crate) use details::{
    Access, BucketInfo, Checksum, Distribution, Encryption, GrantInfo, ObjectInfo, OwnedGrant, Retention,
    WebsiteDocuments,
};
pub(crate) use display_path::DisplayPath;
pub(crate) use event::{
    ChangeForm, CopyForm, Event, InvalidationForm, Moved, Owner, Position, SyncReport, Verification,
};
pub use exit::Exit;
pub(crate) use failure::reason;
pub use failure::{Failure, Outcome};
pub(crate) use json::is_on as is_json;
pub use json::{print_summary, start_json};
pub(crate) use ordered::ItemLog;
pub(crate) use xml_text::indented;
