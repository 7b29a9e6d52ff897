//! Options for the setup of the program, and for the local side of transfers: encryption, checksum cache, timestamps.

use super::super::command_table::Command::{Put, Sync};
use super::{OptionSpec, Scope, Sets, flag, value};
use crate::cli::CliOnly;

/// The commands that read local files.
const UPLOADING: Scope = Scope::Only(&[Put, Sync]);

pub(super) const SETUP: &[OptionSpec] = &[
    flag(
        &["configure"],
        Sets::Switch(CliOnly::Configure, true),
        Scope::None,
        "Create or change the configuration file interactively, and test it.",
    ),
    value(
        &["provider"],
        "NAME",
        Sets::CliOnly(CliOnly::Provider),
        Scope::None,
        "With --configure: suggest the endpoint and region of this service. 'help' lists the services.",
    )
    .extension(),
];

pub(super) const LOCAL: &[OptionSpec] = &[
    flag(
        &["encrypt"],
        Sets::On("encrypt"),
        Scope::Only(&[Put]),
        "Encrypt files with GPG before the upload; get decrypts them. Needs gpg_passphrase in the configuration.",
    )
    .short('e'),
    flag(
        &["no-encrypt"],
        Sets::Off("encrypt"),
        Scope::Only(&[Put]),
        "Do not encrypt, even if the configuration contains encrypt = True.",
    ),
    value(
        &["cache-file"],
        "FILE",
        Sets::Key("cache_file"),
        UPLOADING,
        "Cache the MD5 checksums of local files in FILE, so that unchanged files are not read again.",
    ),
    flag(
        &["rclone-mtime"],
        Sets::On("rclone_mtime"),
        UPLOADING,
        "Also store the modification time in the format of rclone.",
    )
    .extension(),
];
