//! Options of s3cmd for what this program does not do yet.

use super::super::commands::Command::Sync;
use super::{OptionSpec, Scope, Sets, flag, value};
use crate::config::{List, Single};

/// Each names the command that it is for. The parser takes them all, so that a script's line is understood.
pub(super) const LATER: &[OptionSpec] = &[
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
    flag(&["enable"], Sets::On("enable"), Scope::None, "cfmodify: switch the distribution on."),
    flag(&["disable"], Sets::Off("enable"), Scope::None, "cfmodify: switch it off."),
    flag(
        &["cf-invalidate"],
        Sets::On("invalidate_on_cf"),
        Scope::None,
        "sync: invalidate what was uploaded on CloudFront.",
    ),
    flag(
        &["cf-invalidate-default-index"],
        Sets::On("invalidate_default_index_on_cf"),
        Scope::None,
        "sync: the default index, too.",
    ),
    flag(
        &["cf-no-invalidate-default-index-root"],
        Sets::Off("invalidate_default_index_root_on_cf"),
        Scope::None,
        "sync: not the directory of the default index.",
    ),
    value(
        &["cf-add-cname"],
        "CNAME",
        Sets::List(List::CfAddCname),
        Scope::None,
        "cfcreate, cfmodify: add this name.",
    ),
    value(
        &["cf-remove-cname"],
        "CNAME",
        Sets::List(List::CfRemoveCname),
        Scope::None,
        "cfmodify: drop this name.",
    ),
    value(
        &["cf-comment"],
        "TEXT",
        Sets::Single(Single::CfComment),
        Scope::None,
        "cfcreate, cfmodify: the comment.",
    ),
    value(
        &["cf-default-root-object"],
        "NAME",
        Sets::Single(Single::CfDefaultRootObject),
        Scope::None,
        "cfcreate, cfmodify: the default root object.",
    ),
];
