//! The kind of value that an option takes, for shell completion.

use super::super::value_checks::{PERMISSIONS, PRIORITIES};
use super::{Check, OptionSpec, Sets};

/// The names of the additional checksums.
const CHECKSUMS: [&str; 5] = ["crc64nvme", "crc32c", "crc32", "sha256", "sha1"];

/// The storage classes of Amazon S3. Others are accepted, but not completed.
const STORAGE_CLASSES: [&str; 8] = [
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "GLACIER_IR",
    "DEEP_ARCHIVE",
    "REDUCED_REDUNDANCY",
];

/// What a shell can complete for a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueKind {
    /// Nothing.
    Free,
    /// The name of a local file.
    File,
    /// `s3://BUCKET[/PREFIX]`.
    Remote,
    /// One of these values.
    Choice(Vec<&'static str>),
    /// A value that starts with one of these.
    Prefix(Vec<String>),
}

impl OptionSpec {
    /// The kind of the value. `None` if the option takes no value.
    pub fn value_kind(&self) -> Option<ValueKind> {
        Some(match (self.metavar?, self.check, self.sets) {
            (_, Check::Priority, _) => ValueKind::Choice(PRIORITIES.to_vec()),
            (_, Check::Acl, _) => {
                ValueKind::Prefix(PERMISSIONS.iter().map(|permission| format!("{permission}:")).collect())
            }
            (_, _, Sets::Key("checksum_algorithm")) => ValueKind::Choice(CHECKSUMS.to_vec()),
            (_, _, Sets::Key("storage_class")) => ValueKind::Choice(STORAGE_CLASSES.to_vec()),
            ("FILE", _, _) => ValueKind::File,
            ("URI", _, _) => ValueKind::Remote,
            _ => ValueKind::Free,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Resolved;
    use super::super::resolve;
    use super::*;

    fn kind(name: &str) -> Option<ValueKind> {
        match resolve(name) {
            Resolved::Option(option, _) => option.value_kind(),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn choices_are_those_of_the_client() {
        use s3cmd_client::checksum::Algorithm;
        assert_eq!(CHECKSUMS.to_vec(), Algorithm::all().map(Algorithm::name).collect::<Vec<_>>());
        assert_eq!(STORAGE_CLASSES, s3cmd_client::ops::object::STORAGE_CLASSES);
    }

    #[test]
    fn files_choices_and_uris_are_distinguished() {
        assert_eq!(kind("recursive"), None);
        assert_eq!(kind("config"), Some(ValueKind::File));
        assert_eq!(kind("exclude"), Some(ValueKind::Free));
        assert_eq!(kind("add-destination"), Some(ValueKind::Remote));
        assert!(
            matches!(kind("checksum-algorithm"), Some(ValueKind::Choice(all)) if all.contains(&"crc64nvme"))
        );
        assert!(matches!(kind("acl-grant"), Some(ValueKind::Prefix(all)) if all[0] == "read:"));
    }
}
