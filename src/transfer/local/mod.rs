//! Local files: [`select`] finds those that a command is about, [`walk`] walks a tree in the order of keys.

pub mod select;
pub mod walk;
