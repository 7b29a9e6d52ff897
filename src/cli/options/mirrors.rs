//! The options of `sync` only, and those for CloudFront.

use super::super::command_table::Command::{Cfcreate, Cfinval, Cfmodify, Sync};
use super::{OptionSpec, Scope, Sets, flag, value};
use crate::cli::{CliOnly, List};

/// Deletions of `sync`, and CloudFront distributions and invalidations.
pub(super) const MIRRORS: &[OptionSpec] = &[
    flag(
        &["delete-removed"],
        Sets::On("delete_removed"),
        Scope::Only(&[Sync]),
        "sync: delete files at the destination that do not exist at the source.",
    ),
    flag(
        &["no-delete-removed"],
        Sets::Off("delete_removed"),
        Scope::Only(&[Sync]),
        "sync: do not delete files at the destination (default).",
    ),
    flag(
        &["delete-after"],
        Sets::On("delete_after"),
        Scope::Only(&[Sync]),
        "sync: delete after the transfers.",
    ),
    flag(
        &["delay-updates"],
        Sets::On("delay_updates"),
        Scope::Only(&[Sync]),
        "sync: no effect, as in s3cmd.",
    ),
    value(
        &["add-destination"],
        "URI",
        Sets::List(List::AddDestination),
        Scope::Only(&[Sync]),
        "sync: also upload to this destination. Can be repeated.",
    ),
    flag(&["enable"], Sets::On("enable"), Scope::Only(&[Cfcreate, Cfmodify]), "Enable the distribution."),
    flag(&["disable"], Sets::Off("enable"), Scope::Only(&[Cfcreate, Cfmodify]), "Disable the distribution."),
    flag(
        &["cf-invalidate"],
        Sets::On("invalidate_on_cf"),
        Scope::Only(&[Sync]),
        "Invalidate the uploaded files in CloudFront.",
    ),
    flag(
        &["cf-invalidate-default-index"],
        Sets::On("invalidate_default_index_on_cf"),
        Scope::Only(&[Sync, Cfinval]),
        "Invalidate index documents under their own names, in addition to their directories.",
    ),
    flag(
        &["cf-no-invalidate-default-index-root"],
        Sets::Off("invalidate_default_index_root_on_cf"),
        Scope::Only(&[Sync, Cfinval]),
        "Invalidate index documents under their own names only, not their directories.",
    ),
    value(
        &["cf-add-cname"],
        "CNAME",
        Sets::List(List::CfAddCname),
        Scope::Only(&[Cfcreate, Cfmodify]),
        "Add this host name (CNAME) to the distribution. Can be repeated.",
    ),
    value(
        &["cf-remove-cname"],
        "CNAME",
        Sets::List(List::CfRemoveCname),
        Scope::Only(&[Cfmodify]),
        "Remove this host name (CNAME) from the distribution. Can be repeated.",
    ),
    value(
        &["cf-comment"],
        "TEXT",
        Sets::CliOnly(CliOnly::CfComment),
        Scope::Only(&[Cfcreate, Cfmodify]),
        "Comment of the distribution.",
    ),
    value(
        &["cf-default-root-object"],
        "NAME",
        Sets::CliOnly(CliOnly::CfDefaultRootObject),
        Scope::Only(&[Cfcreate, Cfmodify]),
        "Default root object: the object returned for '/'.",
    ),
];
