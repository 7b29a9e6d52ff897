//! What of a command line cannot be meant: parameters that nothing would be done with, options that would have no effect
//! though one is expected, values that are empty, and secrets in names. All of it is exit code 64.

use super::commands::{Command, CommandSpec};
use super::options;
use crate::config::{List, Typed, TypedValue};
use std::ffi::{OsStr, OsString};

/// Options by which names are left out.
const FILTERS: [List; 8] = [
    List::Exclude,
    List::ExcludeFrom,
    List::Rexclude,
    List::RexcludeFrom,
    List::Include,
    List::IncludeFrom,
    List::Rinclude,
    List::RincludeFrom,
];

/// Lists that some commands heed, and that are never typed without meaning something.
const HEEDED: [List; 6] = [
    List::AclGrant,
    List::AclRevoke,
    List::AddHeader,
    List::RemoveHeader,
    List::FilesFrom,
    List::AddDestination,
];

/// Keys that say what is stored. Of a command that writes but does not heed them they would be missed.
const STORED: [&str; 11] = [
    "content_disposition",
    "content_type",
    "expiry_date",
    "expiry_days",
    "expiry_prefix",
    "kms_key",
    "mime_type",
    "server_side_encryption",
    "storage_class",
    "website_error",
    "website_index",
];

/// Keys whose value must not be empty where it is typed: rather a variable that is not set. Without a value other objects
/// would be meant, or others than were meant could read them.
const FILLED: [&str; 11] = [
    "checksum_algorithm",
    "expiry_date",
    "expiry_days",
    "expiry_prefix",
    "kms_key",
    "log_target_prefix",
    "remote",
    "shard",
    "storage_class",
    "upload_id",
    "website_index",
];

/// Commands that read only; an option about what is stored does no harm there.
fn only_reads(command: Command) -> bool {
    use Command::*;
    matches!(
        command,
        Ls | La
            | Du
            | Get
            | Info
            | Md5sum
            | Multipart
            | Listmp
            | Sign
            | Signurl
            | Check
            | Serve
            | Help
            | Cflist
            | Cfinfo
            | Cfinvalinfo
            | WsInfo
            | Getacl
            | Getpolicy
            | Getlifecycle
            | Gettagging
            | Getcors
            | Getversioning
            | Getownership
            | Getblockpublicaccess
            | Getobjectlegalhold
            | Getobjectretention
            | Getnotification
    )
}

/// What is wrong with a line that has enough parameters, if anything is.
pub(super) fn problem(command: &CommandSpec, word: &str, args: &[OsString], typed: &Typed) -> Option<String> {
    too_many(command, word, args, typed)
        .or_else(|| without_effect(command, word, typed))
        .or_else(|| empty(typed))
        .or_else(|| secret_in(args, typed))
}

fn too_many(command: &CommandSpec, word: &str, args: &[OsString], typed: &Typed) -> Option<String> {
    let takes_none = match command.id {
        Command::Md5sum if typed.key("check_list").is_some() => Some("--check"),
        Command::Check if typed.key("embedded").is_some() => Some("--embedded"),
        _ => None,
    };
    if let Some(option) = takes_none.filter(|_| !args.is_empty()) {
        return Some(format!("Parameter problem: {option} takes no parameters, such as {}", shown(&args[0])));
    }
    let most = command.max_args?;
    (args.len() > most).then(|| format!("Too many parameters for command '{word}': {}", shown(&args[most])))
}

fn without_effect(command: &CommandSpec, word: &str, typed: &Typed) -> Option<String> {
    let heeds =
        |name: &str| options::all().any(|option| option.name() == name && option.scope.names(command.id));
    let list = FILTERS.into_iter().chain(HEEDED).find_map(|list| {
        let option = options::all().find(|option| option.sets == options::Sets::List(list))?;
        (typed.list(list).next().is_some() && !heeds(option.name())).then(|| option.name())
    });
    let stored = STORED.into_iter().filter(|_| !only_reads(command.id)).find_map(|key| {
        let on = typed.key(key).is_some_and(|value| *value != TypedValue::Switch(false));
        let sets = |option: &&options::OptionSpec| {
            matches!(option.sets, options::Sets::Key(name) | options::Sets::On(name) if name == key)
        };
        let option = options::all().find(sets)?;
        (on && !heeds(option.name())).then(|| option.name())
    });
    let limit = (command.id == Command::Rb && typed.key("max_delete").is_some()).then_some("max-delete");
    let dry = matches!(command.id, Command::Check | Command::Serve) && typed.key("dry_run").is_some();
    let dry = dry.then_some("dry-run");
    let name = list.or(stored).or(limit).or(dry)?;
    let hint = match name {
        "acl-grant" | "acl-revoke" => "; 'setacl' changes grants",
        "content-type" => "; --mime-type is what is stored",
        _ => "",
    };
    Some(format!("Parameter problem: --{name} has no effect on '{word}'{hint}"))
}

fn empty(typed: &Typed) -> Option<String> {
    let key = FILLED
        .into_iter()
        .find(|key| matches!(typed.key(key), Some(TypedValue::Text(text)) if text.is_empty()))?;
    let option = options::all().find(|option| option.sets == options::Sets::Key(key))?;
    Some(format!("Parameter problem: --{} has an empty value", option.name()))
}

/// Names under which other programs take keys in a URI, in small letters without hyphens and underscores.
const SECRET_NAMES: [&str; 14] = [
    "accesskey",
    "accesskeyid",
    "accesstoken",
    "awsaccesskey",
    "awsaccesskeyid",
    "awssecretaccesskey",
    "awssecretkey",
    "awssecuritytoken",
    "awssessiontoken",
    "secretaccesskey",
    "secretkey",
    "securitytoken",
    "sessiontoken",
    "xamzsecuritytoken",
];

/// Refuses a URI that holds keys as other programs take them: here they would become part of an object's name, which many
/// may see. The value is not shown.
fn secret_in(args: &[OsString], typed: &Typed) -> Option<String> {
    let of_options = ["log_target_prefix", "remote"].into_iter().filter_map(|key| match typed.key(key) {
        Some(TypedValue::Text(text)) => Some(text.as_os_str()),
        _ => None,
    });
    let uris = args.iter().map(OsString::as_os_str).chain(of_options).chain(typed.list(List::AddDestination));
    uris.filter_map(OsStr::to_str).find_map(|uri| {
        let is_s3 = uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("s3://"));
        let rest = uri.get(5..).filter(|_| is_s3)?;
        let bucket = rest.trim_start_matches('/').split('/').next().unwrap_or_default();
        if bucket.split_once('@').is_some_and(|(pair, _)| pair.contains(':')) {
            return Some(refused("a pair of keys before '@'"));
        }
        let (_, query) = rest.split_once('?')?;
        let name =
            query.split(['&', ';']).filter_map(|part| part.split_once('=')).map(|(name, _)| name).find(
                |name| {
                    let plain: String = name.chars().filter(|c| !matches!(c, '-' | '_')).collect();
                    SECRET_NAMES.contains(&plain.to_ascii_lowercase().as_str())
                },
            )?;
        Some(refused(&format!("'{name}'")))
    })
}

fn refused(what: &str) -> String {
    format!(
        "Parameter problem: the URI holds {what}, which would become part of a name that others can see. \
         Keys belong into the configuration file, the environment, or --access_key and --secret_key"
    )
}

fn shown(argument: &OsStr) -> String {
    super::quote::quoted(argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_a_uri_are_found_and_not_shown() {
        let found = |uri: &str| secret_in(&[uri.into()], &Typed::default());
        for uri in [
            "s3://b/p?aws-access-key-id=AKIA1&aws-secret-access-key=hunter2",
            "S3://b?secret_key=hunter2",
            "s3://b/p?x=1;AWS_SECRET_ACCESS_KEY=hunter2",
            "s3://AKIA1:hunter2@b/p",
            "s3://b/p?X-Amz-Security-Token=hunter2",
        ] {
            let problem = found(uri).unwrap_or_else(|| panic!("{uri}"));
            assert!(!problem.contains("hunter2") && !problem.contains("AKIA1"), "{problem}");
        }
        for uri in ["s3://b/p?x=1", "s3://b/a@b:c", "s3://b/secret_key=x", "p?secret_key=x", "s3://b/what?"] {
            assert_eq!(found(uri), None, "{uri}");
        }
    }
}
