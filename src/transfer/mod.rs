//! Moving many objects: plan -> run -> verify, local and remote on either side.
//!
//! - plan: [`local`] and [`remote`] say which files and objects are meant, [`plan`] keeps them in order and [`spool`] in the order in which they come, as
//!   [`record`]s, [`conflicts`] finds those
//!   that cannot be beside each other;
//! - run: [`ordered_tasks`] works on many at once and lets them speak in order; [`upload`], [`download`] and [`copy`] move one;
//! - verify: each of them compares what arrived with what was sent before it calls it done, and says by what ([`proof`]).

pub mod attrs;
pub mod compare;
pub mod composite;
pub mod conflicts;
pub mod content_type;
pub mod copy;
pub mod delete;
pub mod destination;
pub mod download;
pub mod gpg;
pub mod local;
pub mod md5_cache;
pub mod ordered_tasks;
pub mod overlap;
pub mod part_sizes;
pub mod plan;
pub mod proof;
pub mod remote;
pub mod restore;
pub mod sync;
pub(crate) mod temporary;
pub mod unread;
pub mod upload;
