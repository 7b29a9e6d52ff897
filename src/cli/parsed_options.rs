//! The parsed options of the command line, by the key that they set.

use std::ffi::{OsStr, OsString};

/// An option that can be repeated. Each occurrence adds a value.
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
    /// `--acl-grant PERMISSION:GRANTEE`
    AclGrant,
    /// `--acl-revoke PERMISSION:GRANTEE`
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

/// An option that has no key in the configuration file.
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

/// The options of a command line. If an option is repeated or combined with its opposite, the last one wins.
#[derive(Clone, Default)]
pub struct CliOptions {
    /// Configuration keys and their values.
    pub(crate) keys: Vec<(&'static str, OptionValue)>,
    /// Options without a configuration key, and their values.
    pub(crate) cli_only: Vec<(CliOnly, OptionValue)>,
    /// Values of the options that can be repeated, in command-line order.
    pub(crate) lists: Vec<(List, OsString)>,
    /// Whether the command works without credentials, so that missing ones are not an error.
    pub(crate) credentials_optional: bool,
}

impl CliOptions {
    /// The value given for a key.
    pub(crate) fn key(&self, name: &str) -> Option<&OptionValue> {
        self.keys.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The text given for an option without a key.
    pub(crate) fn text(&self, option: CliOnly) -> Option<&OsStr> {
        self.cli_only.iter().find_map(|(key, value)| match value {
            OptionValue::Text(text) if *key == option => Some(text.as_os_str()),
            _ => None,
        })
    }

    /// The state of a switch without a key. `None` if it was not given.
    pub fn switch(&self, option: CliOnly) -> Option<bool> {
        self.cli_only.iter().find_map(|(key, value)| match value {
            OptionValue::Switch(on) if *key == option => Some(*on),
            _ => None,
        })
    }

    /// The values of an option that can be repeated.
    pub(crate) fn list(&self, list: List) -> impl Iterator<Item = &OsStr> {
        self.lists.iter().filter(move |(key, _)| *key == list).map(|(_, value)| value.as_os_str())
    }

    /// Whether `--dump-config` was given.
    pub fn dump_config(&self) -> bool {
        self.switch(CliOnly::DumpConfig) == Some(true)
    }

    /// Whether `--configure` was given.
    pub fn configure(&self) -> bool {
        self.switch(CliOnly::Configure) == Some(true)
    }
}

/// Prints only the names of the options, because values can be secrets.
impl std::fmt::Debug for CliOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CliOptions")
            .field("keys", &self.keys.iter().map(|(key, _)| key).collect::<Vec<_>>())
            .field("cli_only", &self.cli_only.iter().map(|(option, _)| option).collect::<Vec<_>>())
            .field("lists", &self.lists.iter().map(|(list, _)| list).collect::<Vec<_>>())
            .field("credentials_optional", &self.credentials_optional)
            .finish()
    }
}

/// Does not print texts, because they can be secrets.
impl std::fmt::Debug for OptionValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text"),
            Self::Switch(on) => write!(f, "Switch({on})"),
        }
    }
}
