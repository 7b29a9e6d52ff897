//! Plans of any length in little memory: [`sorted_spool`] keeps items in sorted order, [`spool`] in order of arrival.
//! Both encode items as [`record`]s and spill to a temporary file.

pub mod record;
pub mod sorted_spool;
pub mod spool;

pub use sorted_spool::{Items, SortOrder, SortedSpool, Sorter};
