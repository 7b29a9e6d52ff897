//! The only place that prints: result lines, log lines, progress, and the mapping of errors to words and exit codes.

mod board;
mod console;
mod exit;
mod failure;
mod item;
mod meter;
mod rate;
mod rows;
mod screen;
mod xml_text;

pub use console::{Console, Display, Item, Running, print_error_text, print_text, start_log};
pub use exit::Exit;
pub use failure::{Failure, Outcome, reason};
pub use item::ItemLog;
pub use xml_text::indented;
