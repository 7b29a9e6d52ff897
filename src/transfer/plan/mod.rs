//! Plans of any length in little memory: [`sorted_spool`] keeps items in sorted order, [`spool`] in order of arrival.
//! Both encode items as [`record`]s and spill to a temporary file.

pub(crate) mod record;
pub(crate) mod sorted_spool;
pub(crate) mod spool;

pub(crate) use sorted_spool::{Items, SortOrder, SortedSpool, Sorter};
