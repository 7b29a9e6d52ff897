//! Local files: [`select`] finds the files that a command works on, [`walk`] walks a tree in key order, [`delete`]
//! deletes files.

pub(crate) mod delete;
pub(crate) mod select;
pub(crate) mod walk;
