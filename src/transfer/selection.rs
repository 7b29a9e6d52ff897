//! What a run selects from trees of files and from listings.

use crate::patterns::Filter;
use crate::shard::Shard;
use std::fmt;
use std::path::PathBuf;

/// What a run selects, and how sources are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct SelectionOptions {
    /// Walk into directories, and use arguments as prefixes. Without it, a directory is an error.
    pub(crate) recursive: bool,
    /// The include/exclude rules.
    pub(crate) filter: Filter,
    /// The share of this run, with `--shard`.
    pub(crate) shard: Option<Shard>,
    /// Lists of the names of the sources.
    pub(crate) files_from: Vec<NameList>,
    /// Follow symbolic links. Without it, they are skipped with a warning.
    pub(crate) follow_symlinks: bool,
    /// Select directories too.
    pub(crate) keep_dirs: bool,
    /// Keep control characters in names.
    pub(crate) verbatim: bool,
}

/// A list of names, one per line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NameList {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl fmt::Display for NameList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("-"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}
