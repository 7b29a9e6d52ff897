//! What was typed, as the command line hands it over: option values by the key that they set.

use std::ffi::{OsStr, OsString};

/// An option that may be repeated, each time adding a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// `--exclude GLOB`
    Exclude,
    /// `--exclude-from FILE`
    ExcludeFrom,
    /// `--rexclude REGEXP`
    Rexclude,
    /// `--rexclude-from FILE`
    RexcludeFrom,
    /// `--include GLOB`
    Include,
    /// `--include-from FILE`
    IncludeFrom,
    /// `--rinclude REGEXP`
    Rinclude,
    /// `--rinclude-from FILE`
    RincludeFrom,
    /// `--files-from FILE`
    FilesFrom,
    /// `--add-destination URI`
    AddDestination,
    /// `--add-header NAME:VALUE`
    AddHeader,
    /// `--remove-header NAME`
    RemoveHeader,
    /// `--acl-grant PERMISSION:WHO`
    AclGrant,
    /// `--acl-revoke PERMISSION:WHO`
    AclRevoke,
    /// `--cf-add-cname CNAME`
    CfAddCname,
    /// `--cf-remove-cname CNAME`
    CfRemoveCname,
    /// `--auth-key ACCESS,SECRET`
    AuthKey,
    /// `--domain NAME`
    Domain,
}

/// A single value that is not a key of the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CliOnly {
    /// `-c FILE`
    ConfigFile,
    /// `--cf-comment TEXT`
    CfComment,
    /// `--cf-default-root-object NAME`
    CfDefaultRootObject,
    /// `--check-md5`, `--no-check-md5`
    CheckMd5,
    /// `-q`
    Quiet,
    /// `--dump-config`
    DumpConfig,
    /// `--configure`
    Configure,
    /// `--provider NAME`
    Provider,
}

/// The value of an option.
#[derive(Clone, PartialEq, Eq)]
pub enum OptionValue {
    /// Text, byte for byte as typed.
    Text(OsString),
    /// A switch, on or off.
    Switch(bool),
}

/// What the options set. Where an option was repeated, or its opposite was typed too, the last one is here.
#[derive(Clone, Default)]
pub struct CliOptions {
    /// Keys and their values.
    pub keys: Vec<(&'static str, OptionValue)>,
    /// Values that are no keys.
    pub cli_only: Vec<(CliOnly, OptionValue)>,
    /// Values of the options that may be repeated, in the order typed.
    pub lists: Vec<(List, OsString)>,
    /// Whether the command does without an account, so that missing credentials are no error.
    pub credentials_optional: bool,
}

impl CliOptions {
    /// The value typed for a key.
    pub fn key(&self, name: &str) -> Option<&OptionValue> {
        self.keys.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The text typed for a single value.
    pub fn text(&self, wanted: CliOnly) -> Option<&OsStr> {
        self.cli_only.iter().find_map(|(single, value)| match value {
            OptionValue::Text(text) if *single == wanted => Some(text.as_os_str()),
            _ => None,
        })
    }

    /// Whether a switch was typed, and which way.
    pub fn switch(&self, wanted: CliOnly) -> Option<bool> {
        self.cli_only.iter().find_map(|(single, value)| match value {
            OptionValue::Switch(on) if *single == wanted => Some(*on),
            _ => None,
        })
    }

    /// The values of a repeated option.
    pub fn list(&self, wanted: List) -> impl Iterator<Item = &OsStr> {
        self.lists.iter().filter(move |(list, _)| *list == wanted).map(|(_, value)| value.as_os_str())
    }

    /// Whether `--dump-config` was typed.
    pub fn dump_config(&self) -> bool {
        self.switch(CliOnly::DumpConfig) == Some(true)
    }

    /// Whether `--configure` was typed.
    pub fn configure(&self) -> bool {
        self.switch(CliOnly::Configure) == Some(true)
    }
}

/// Values may be secrets, so only what was set is shown, not to what.
impl std::fmt::Debug for CliOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CliOptions")
            .field("keys", &self.keys.iter().map(|(key, _)| key).collect::<Vec<_>>())
            .field("cli_only", &self.cli_only.iter().map(|(single, _)| single).collect::<Vec<_>>())
            .field("lists", &self.lists.iter().map(|(list, _)| list).collect::<Vec<_>>())
            .field("credentials_optional", &self.credentials_optional)
            .finish()
    }
}

/// Likewise: a value may be a secret.
impl std::fmt::Debug for OptionValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text"),
            Self::Switch(on) => write!(f, "Switch({on})"),
        }
    }
}
