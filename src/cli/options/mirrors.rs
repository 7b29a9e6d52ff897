//! The options of `sync` alone, and those for CloudFront.

use super::super::commands::Command::{Cfcreate, Cfinval, Cfmodify, Sync};
use super::{OptionSpec, Scope, Sets, flag, value};
use crate::config::{List, Single};

/// What `sync` does besides transferring, and what CloudFront is told.
pub(super) const MIRRORS: &[OptionSpec] = &[
    flag(
        &["delete-removed"],
        Sets::On("delete_removed"),
        Scope::Only(&[Sync]),
        "sync: delete at the destination what the source lacks.",
    ),
    flag(&["no-delete-removed"], Sets::Off("delete_removed"), Scope::Only(&[Sync]), "sync: do not."),
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
        "sync: has no effect, as in s3cmd.",
    ),
    value(
        &["add-destination"],
        "URI",
        Sets::List(List::AddDestination),
        Scope::Only(&[Sync]),
        "sync: upload there, too.",
    ),
    flag(&["enable"], Sets::On("enable"), Scope::Only(&[Cfcreate, Cfmodify]), "Switch the distribution on."),
    flag(&["disable"], Sets::Off("enable"), Scope::Only(&[Cfcreate, Cfmodify]), "Switch it off."),
    flag(
        &["cf-invalidate"],
        Sets::On("invalidate_on_cf"),
        Scope::Only(&[Sync]),
        "Have CloudFront forget what was uploaded.",
    ),
    flag(
        &["cf-invalidate-default-index"],
        Sets::On("invalidate_default_index_on_cf"),
        Scope::Only(&[Sync, Cfinval]),
        "Have it forget index documents under their own names, too, not only as directories.",
    ),
    flag(
        &["cf-no-invalidate-default-index-root"],
        Sets::Off("invalidate_default_index_root_on_cf"),
        Scope::Only(&[Sync, Cfinval]),
        "Have it forget index documents under their own names only.",
    ),
    value(
        &["cf-add-cname"],
        "CNAME",
        Sets::List(List::CfAddCname),
        Scope::Only(&[Cfcreate, Cfmodify]),
        "Add this host name to the distribution.",
    ),
    value(
        &["cf-remove-cname"],
        "CNAME",
        Sets::List(List::CfRemoveCname),
        Scope::Only(&[Cfmodify]),
        "Take this host name from the distribution.",
    ),
    value(
        &["cf-comment"],
        "TEXT",
        Sets::Single(Single::CfComment),
        Scope::Only(&[Cfcreate, Cfmodify]),
        "The comment of the distribution.",
    ),
    value(
        &["cf-default-root-object"],
        "NAME",
        Sets::Single(Single::CfDefaultRootObject),
        Scope::Only(&[Cfcreate, Cfmodify]),
        "What the distribution shows for '/'.",
    ),
];
