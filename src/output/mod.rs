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

pub use client_error::{error_reason, error_text};
pub use client_log::ClientLog;
pub use columns::Columns;
pub use console::{
    Console, Display, Item, Running, end_log, print_error_text, print_text, settle_output, start_log,
};
pub use details::{
    Access, BucketInfo, Checksum, Distribution, Encryption, GrantInfo, ObjectInfo, OwnedGrant, Retention,
    WebsiteDocuments,
};
pub use display_path::DisplayPath;
pub use event::{
    ChangeForm, CopyForm, Event, InvalidationForm, Moved, Owner, Position, SyncReport, Verification,
};
pub use exit::Exit;
pub use failure::{Failure, Outcome, reason};
pub use json::{is_on as is_json, print_summary, start_json};
pub use ordered::ItemLog;
pub use xml_text::indented;
