//! The only place that prints: result lines, log lines, progress, and the mapping of errors to words and exit codes.

mod board;
mod columns;
mod console;
mod described;
mod event;
mod exit;
mod failure;
mod item;
mod json;
mod local;
mod meter;
mod rate;
mod rows;
mod screen;
mod text;
mod xml_text;

pub use columns::Columns;
pub use console::{
    Console, Display, Item, Running, end_log, print_error_text, print_text, settle_output, start_log,
};
pub use described::{
    Access, BucketInfo, Checksum, Distribution, Encryption, ObjectInfo, OwnedRight, Retention, Right,
    WebsiteDocuments,
};
pub use event::{ChangeForm, CopyWords, Event, Moved, Owner, Place, Said, SyncReport, Verification};
pub use exit::Exit;
pub use failure::{Failure, Outcome, reason};
pub use item::ItemLog;
pub use json::{is_on as is_json, print_summary, start_json};
pub use local::Local;
pub use xml_text::indented;
