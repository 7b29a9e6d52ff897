//! Setting the program up, and what concerns this side of a transfer only: encryption, remembered sums, times.

use super::super::commands::Command::{Put, Sync};
use super::{OptionSpec, Scope, Sets, flag, value};
use crate::config::Single;

/// What uploads read of local files.
const UPLOADING: Scope = Scope::Only(&[Put, Sync]);

pub(super) const SETUP: &[OptionSpec] = &[
    flag(
        &["configure"],
        Sets::Switch(Single::Configure, true),
        Scope::None,
        "Ask for the settings, test them and write the configuration file.",
    ),
    value(
        &["provider"],
        "NAME",
        Sets::Single(Single::Provider),
        Scope::None,
        "With --configure: suggest the end point and region of that service; 'help' lists them.",
    )
    .own(),
];

pub(super) const LOCAL: &[OptionSpec] = &[
    flag(
        &["encrypt"],
        Sets::On("encrypt"),
        Scope::Only(&[Put]),
        "Encrypt with GPG before the upload; get decrypts again. Needs gpg_passphrase in the configuration.",
    )
    .short('e'),
    flag(
        &["no-encrypt"],
        Sets::Off("encrypt"),
        Scope::Only(&[Put]),
        "Do not, although encrypt = True stands in the configuration.",
    ),
    value(
        &["cache-file"],
        "FILE",
        Sets::Key("cache_file"),
        UPLOADING,
        "Remember MD5 sums of local files in FILE, so that unchanged ones are not read again.",
    ),
    flag(
        &["rclone-mtime"],
        Sets::On("rclone_mtime"),
        UPLOADING,
        "Store the modification time as rclone does, too.",
    )
    .own(),
];
