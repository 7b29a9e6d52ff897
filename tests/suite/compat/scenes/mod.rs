//! The scenes of the comparison with s3cmd 2.4.0: command lines that build on each other.

mod buckets;
mod objects;
mod sync;
mod transfers;
mod unusual_arguments;

/// A sequence of command lines on one pair of worlds.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    /// See [`crate::compat::twins::Twins::compare`] for the leading signs.
    pub(crate) lines: &'static [&'static str],
}

/// All scenes.
pub(crate) fn all() -> impl Iterator<Item = &'static Scene> {
    let groups =
        [transfers::SCENES, objects::SCENES, buckets::SCENES, sync::SCENES, unusual_arguments::SCENES];
    groups.into_iter().flatten()
}
