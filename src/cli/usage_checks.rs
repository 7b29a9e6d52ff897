//! Checks of a command line as a whole: surplus parameters, options that would have no effect although the user expects
//! one, empty values, and secrets in URIs. All of them exit with code 64.

use super::command_table::{Command, CommandSpec};
use super::options;
use crate::cli::{CliOptions, List, OptionValue};
use std::ffi::{OsStr, OsString};

/// Options that filter names.
const FILTER_LISTS: [List; 8] = [
    List::Exclude,
    List::ExcludeFrom,
    List::Rexclude,
    List::RexcludeFrom,
    List::Include,
    List::IncludeFrom,
    List::Rinclude,
    List::RincludeFrom,
];

/// Other list options that must not be ignored: only some commands use them, and users never type them without intent.
const OTHER_LISTS: [List; 6] = [
    List::AclGrant,
    List::AclRevoke,
    List::AddHeader,
    List::RemoveHeader,
    List::FilesFrom,
    List::AddDestination,
];

/// Keys that control what is stored. A command that writes but does not use them must not ignore them.
const STORED_PROPERTIES: [&str; 11] = [
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

/// Keys whose value must not be empty. An empty value most likely comes from an unset shell variable; it would select
/// other objects, or make objects readable for others.
const NON_EMPTY: [&str; 11] = [
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

/// Commands that only read. Options that control what is stored do no harm there.
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

/// The first problem of a command line that has enough parameters, if any.
pub(super) fn problem(
    command: &CommandSpec,
    word: &str,
    args: &[OsString],
    given: &CliOptions,
) -> Option<String> {
    too_many(command, word, args, given)
        .or_else(|| without_effect(command, word, given))
        .or_else(|| empty(given))
        .or_else(|| secret_in(args, given))
}

fn too_many(command: &CommandSpec, word: &str, args: &[OsString], given: &CliOptions) -> Option<String> {
    let excludes_parameters = match command.id {
        Command::Md5sum if given.key("check_list").is_some() => Some("--check"),
        Command::Check if given.key("embedded").is_some() => Some("--embedded"),
        _ => None,
    };
    if let Some(option) = excludes_parameters.filter(|_| !args.is_empty()) {
        return Some(format!("Parameter problem: {option} takes no parameters, such as {}", shown(&args[0])));
    }
    let max = command.max_args?;
    (args.len() > max).then(|| format!("Too many parameters for command '{word}': {}", shown(&args[max])))
}

fn without_effect(command: &CommandSpec, word: &str, given: &CliOptions) -> Option<String> {
    let uses =
        |name: &str| options::all().any(|option| option.name() == name && option.scope.includes(command.id));
    let list = FILTER_LISTS.into_iter().chain(OTHER_LISTS).find_map(|list| {
        let option = options::all().find(|option| option.sets == options::Sets::List(list))?;
        (given.list(list).next().is_some() && !uses(option.name())).then(|| option.name())
    });
    let stored = STORED_PROPERTIES.into_iter().filter(|_| !only_reads(command.id)).find_map(|key| {
        let on = given.key(key).is_some_and(|value| *value != OptionValue::Switch(false));
        let sets = |option: &&options::OptionSpec| {
            matches!(option.sets, options::Sets::Key(name) | options::Sets::On(name) if name == key)
        };
        let option = options::all().find(sets)?;
        (on && !uses(option.name())).then(|| option.name())
    });
    let limit = (command.id == Command::Rb && given.key("max_delete").is_some()).then_some("max-delete");
    let dry = matches!(command.id, Command::Check | Command::Serve) && given.key("dry_run").is_some();
    let dry = dry.then_some("dry-run");
    let name = list.or(stored).or(limit).or(dry)?;
    let hint = match name {
        "acl-grant" | "acl-revoke" => "; 'setacl' changes grants",
        "content-type" => "; --mime-type sets the stored type",
        _ => "",
    };
    Some(format!("Parameter problem: --{name} has no effect on '{word}'{hint}"))
}

fn empty(given: &CliOptions) -> Option<String> {
    let key = NON_EMPTY
        .into_iter()
        .find(|key| matches!(given.key(key), Some(OptionValue::Text(text)) if text.is_empty()))?;
    let option = options::all().find(|option| option.sets == options::Sets::Key(key))?;
    Some(format!("Parameter problem: --{} has an empty value", option.name()))
}

/// Names of query parameters in which other programs accept keys, in lower case without hyphens and underscores.
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

/// Rejects a URI that contains keys in the form that other programs accept: here they would become part of an object
/// name, which other users may be able to see. The value is not printed.
fn secret_in(args: &[OsString], given: &CliOptions) -> Option<String> {
    let of_options = ["log_target_prefix", "remote"].into_iter().filter_map(|key| match given.key(key) {
        Some(OptionValue::Text(text)) => Some(text.as_os_str()),
        _ => None,
    });
    let uris = args.iter().map(OsString::as_os_str).chain(of_options).chain(given.list(List::AddDestination));
    uris.filter_map(OsStr::to_str).find_map(|uri| {
        let is_s3 = uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("s3://"));
        let rest = uri.get(5..).filter(|_| is_s3)?;
        let bucket = rest.trim_start_matches('/').split('/').next().unwrap_or_default();
        if bucket.split_once('@').is_some_and(|(pair, _)| pair.contains(':')) {
            return Some(secret_message("a key pair before '@'"));
        }
        let (_, query) = rest.split_once('?')?;
        let name =
            query.split(['&', ';']).filter_map(|part| part.split_once('=')).map(|(name, _)| name).find(
                |name| {
                    let plain: String = name.chars().filter(|c| !matches!(c, '-' | '_')).collect();
                    SECRET_NAMES.contains(&plain.to_ascii_lowercase().as_str())
                },
            )?;
        Some(secret_message(&format!("'{name}'")))
    })
}

fn secret_message(what: &str) -> String {
    format!(
        "Parameter problem: the URI contains {what}, which would become part of a name that others can see. \
         Put keys into the configuration file, the environment, or --access_key and --secret_key"
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
        let found = |uri: &str| secret_in(&[uri.into()], &CliOptions::default());
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
