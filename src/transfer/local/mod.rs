//! Local files: [`select`] finds the files that a command works on, [`walk`] walks a tree in key order, [`delete`]
//! deletes files.

pub mod delete;
pub mod select;
pub mod walk;
