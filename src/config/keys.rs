//! The key table. Every setting has one row in `settings.rs`. This module generates the
//! [`Settings`](super::Settings) struct, its defaults, its dump and its setters from these rows.

use std::fmt;

/// An invalid value of a key. The message is that of s3cmd. The caller adds the context: `Parameter problem: ` and exit
/// code 64 if the value is from the configuration file, exit code 1 if it is from the command line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidValue(pub(crate) String);

/// The unparsed value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RawValue<'a> {
    /// A text, from the configuration file or an option.
    Text(&'a str),
    /// A switch, such as `--recursive` or `--no-ssl`.
    Switch(bool),
}

/// The type of a key.
pub(crate) trait Value: Sized {
    /// The name of the type in the manual.
    const KIND: &'static str;

    /// Parses a value. `key` is used in the error message.
    fn read(key: &str, given: RawValue<'_>) -> Result<Self, InvalidValue>;
    /// The text that `--dump-config` prints. `None` omits the line.
    fn dump(&self) -> Option<String>;
}

impl Value for String {
    const KIND: &'static str = "text";

    fn read(_key: &str, given: RawValue<'_>) -> Result<Self, InvalidValue> {
        Ok(match given {
            RawValue::Text(text) => text.to_owned(),
            RawValue::Switch(on) => on.dump().unwrap_or_default(),
        })
    }

    fn dump(&self) -> Option<String> {
        Some(self.clone())
    }
}

impl Value for bool {
    const KIND: &'static str = "yes or no";

    fn read(key: &str, given: RawValue<'_>) -> Result<Self, InvalidValue> {
        let text = match given {
            RawValue::Switch(on) => return Ok(on),
            RawValue::Text(text) => text,
        };
        match text.to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => {
                Err(InvalidValue(format!("Config: value of option '{key}' must be Yes or No, not '{text}'")))
            }
        }
    }

    fn dump(&self) -> Option<String> {
        Some(if *self { "True" } else { "False" }.to_owned())
    }
}

/// A switch that can be unset. An empty text leaves it unset. It is not dumped while unset.
impl Value for Option<bool> {
    const KIND: &'static str = "yes or no";

    fn read(key: &str, given: RawValue<'_>) -> Result<Self, InvalidValue> {
        if given == RawValue::Text("") { Ok(None) } else { bool::read(key, given).map(Some) }
    }

    fn dump(&self) -> Option<String> {
        self.and_then(|on| on.dump())
    }
}

/// A text that a switch can disable (`--no-access-logging`). s3cmd dumps `False` in this case.
impl Value for Option<String> {
    const KIND: &'static str = "text";

    fn read(_key: &str, given: RawValue<'_>) -> Result<Self, InvalidValue> {
        Ok(match given {
            RawValue::Text(text) => Some(text.to_owned()),
            RawValue::Switch(_) => None,
        })
    }

    fn dump(&self) -> Option<String> {
        Some(self.clone().unwrap_or_else(|| "False".to_owned()))
    }
}

impl Value for i64 {
    const KIND: &'static str = "number";

    fn read(key: &str, given: RawValue<'_>) -> Result<Self, InvalidValue> {
        let text = match given {
            RawValue::Switch(on) => return Ok(i64::from(on)),
            RawValue::Text(text) => text,
        };
        integer(text).ok_or_else(|| {
            InvalidValue(format!("Config: value of option '{key}' must be an integer, not '{text}'"))
        })
    }

    fn dump(&self) -> Option<String> {
        Some(self.to_string())
    }
}

/// Parses an integer as Python's `int()` does: surrounding white space, a sign and single underscores between digits
/// are allowed. Numbers that do not fit into 64 bits are clamped.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let plain = underscores_removed(digits)?;
    if !plain.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let limit = if negative { i64::MIN } else { i64::MAX };
    Some(format!("{}{plain}", if negative { "-" } else { "" }).parse().unwrap_or(limit))
}

/// The digits without the underscores that Python allows between them. `None` if one is misplaced.
pub(crate) fn underscores_removed(digits: &str) -> Option<String> {
    let misplaced = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    (!digits.is_empty() && !misplaced).then(|| digits.replace('_', ""))
}

/// Parses a rate in bytes per second: `N`, `Nk` (KiB) or `Nm` (MiB), case-insensitive. Measured on s3cmd 2.4.0: white
/// space is allowed before the suffix but not after it, and zero must not have a suffix.
pub(crate) fn rate(given: RawValue<'_>) -> Result<i64, InvalidValue> {
    let RawValue::Text(text) = given else { return Ok(0) };
    let number = match text.chars().next_back() {
        Some('k' | 'K') => scaled(&text[..text.len() - 1], 1 << 10),
        Some('m' | 'M') => scaled(&text[..text.len() - 1], 1 << 20),
        _ => integer(text),
    };
    number.ok_or_else(|| {
        InvalidValue(format!(
            "Config: value of option limitrate must have suffix m, k, or nothing, not '{text}'"
        ))
    })
}

fn scaled(digits: &str, unit: i64) -> Option<i64> {
    integer(digits).filter(|n| *n != 0).map(|n| n.saturating_mul(unit))
}

/// Removes the scheme of an endpoint, if present (`https://lumidata.eu` becomes `lumidata.eu`). Measured on s3cmd
/// 2.4.0: it is removed once, and only in lower case. Here the case does not matter, because an upper-case scheme would
/// become part of the host name.
pub(crate) fn endpoint(given: RawValue<'_>) -> Result<String, InvalidValue> {
    let text = String::read("", given)?;
    let scheme_ends = ["http://", "https://"].into_iter().find_map(|scheme| {
        text.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme)).map(str::len)
    });
    Ok(scheme_ends.map_or_else(|| text.clone(), |end| text[end..].to_owned()))
}

/// The log level of stderr: the levels of s3cmd's key `verbosity`, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// All messages (`-d`).
    Debug,
    /// Informational messages (`-v`).
    Info,
    /// Warnings and errors. The default.
    Warning,
    /// Errors only.
    Error,
    /// No messages: this program logs nothing at this level.
    Critical,
    /// Another number. The named levels are 10, 20, 30, 40 and 50.
    Level(i64),
}

impl Verbosity {
    /// The number of the level: 10 for debug up to 50 for critical.
    pub(crate) fn level(self) -> i64 {
        match self {
            Self::Debug => 10,
            Self::Info => 20,
            Self::Warning => 30,
            Self::Error => 40,
            Self::Critical => 50,
            Self::Level(level) => level,
        }
    }

    fn from_level(level: i64) -> Self {
        match level {
            10 => Self::Debug,
            20 => Self::Info,
            30 => Self::Warning,
            40 => Self::Error,
            50 => Self::Critical,
            other => Self::Level(other),
        }
    }
}

impl From<Verbosity> for log::LevelFilter {
    fn from(verbosity: Verbosity) -> Self {
        match verbosity.level() {
            ..=10 => Self::Debug,
            11..=20 => Self::Info,
            21..=30 => Self::Warn,
            31..=40 => Self::Error,
            _ => Self::Off,
        }
    }
}

impl PartialOrd for Verbosity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.level().cmp(&other.level()))
    }
}

impl fmt::Display for Verbosity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
            Self::Level(0) => "NOTSET",
            Self::Level(level) => return write!(f, "{level}"),
        })
    }
}

/// Measured on s3cmd 2.4.0: names in upper case (including `WARN` and `FATAL`), or a number.
impl Value for Verbosity {
    const KIND: &'static str = "level";

    fn read(_key: &str, given: RawValue<'_>) -> Result<Self, InvalidValue> {
        let RawValue::Text(text) = given else { return Ok(Self::Warning) };
        Ok(match text {
            "DEBUG" => Self::Debug,
            "INFO" => Self::Info,
            "WARNING" | "WARN" => Self::Warning,
            "ERROR" => Self::Error,
            "CRITICAL" | "FATAL" => Self::Critical,
            "NOTSET" => Self::Level(0),
            _ => match integer(text) {
                Some(level) => Self::from_level(level),
                None => return Err(InvalidValue(format!("Config: verbosity level '{text}' is not valid"))),
            },
        })
    }

    fn dump(&self) -> Option<String> {
        Some(self.to_string())
    }
}

/// When `--dump-config` prints a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dumped {
    /// Always: the keys that s3cmd dumps.
    Always,
    /// If it has a value: `acl_public` and `enable` (measured on s3cmd 2.4.0).
    WhenSet,
    /// If it differs from its default: the keys that only this program has.
    WhenChanged,
}

/// One key: a row of the table.
pub struct Key {
    /// The name in the configuration file.
    pub name: &'static str,
    /// When it is dumped.
    pub dumped: Dumped,
    /// Whether a configuration file can set it.
    pub in_file: bool,
    /// Whether its value must not be printed, except in a dump.
    pub(crate) secret: bool,
    /// Whether it is accepted without effect.
    pub no_effect: bool,
    /// The type of its value, for the manual: `yes or no`, `number`.
    pub kind: &'static str,
    /// The description: the lines of the row's doc comment, with names in backticks.
    pub description: &'static [&'static str],
    pub(crate) set: fn(&mut super::Settings, RawValue<'_>) -> Result<(), InvalidValue>,
    /// Writes the value as `--dump-config` prints it; `None` for a key that it leaves out.
    pub dump: fn(&super::Settings) -> Option<String>,
}

impl Key {
    /// The default in the syntax of a configuration file. `None` if unset.
    pub fn default_text(&self) -> Option<String> {
        (self.dump)(&super::Settings::default())
    }
}

/// Generates `Settings` from the table. A row is
/// `name: Type = default, WhenDumped [, no_file] [, secret] [, no_effect] [=> reader];`
macro_rules! settings {
    (
        keys { $(
            $(#[doc = $doc:literal])*
            $name:ident : $type:ty = $default:expr, $dumped:ident $(, $mark:ident)* $(=> $reader:path)? ;
        )* }
        others { $( $(#[$odoc:meta])* $oname:ident : $otype:ty = $odefault:expr ; )* }
    ) => {
        /// All settings, resolved from the defaults, the configuration file, the environment and the options. The field
        /// of a key has the key's name.
        #[derive(Clone)]
        pub struct Settings {
            $( $(#[doc = $doc])* pub $name: $type, )*
            $( $(#[$odoc])* pub $oname: $otype, )*
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $( $name: $default, )* $( $oname: $odefault, )* }
            }
        }

        /// All keys, in the order of a dump.
        pub const KEYS: &[Key] = &[ $( Key {
            name: stringify!($name),
            dumped: Dumped::$dumped,
            in_file: !settings!(@marked no_file $($mark)*),
            secret: settings!(@marked secret $($mark)*),
            no_effect: settings!(@marked no_effect $($mark)*),
            kind: <$type as Value>::KIND,
            description: &[$($doc),*],
            set: |settings, given| {
                settings.$name = settings!(@read $name, given, $type $(, $reader)?)?;
                Ok(())
            },
            dump: |settings| Value::dump(&settings.$name),
        }, )* ];

        impl std::fmt::Debug for Settings {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut shown = f.debug_struct("Settings");
                for key in KEYS {
                    let value = (key.dump)(self).unwrap_or_default();
                    if key.secret && !value.is_empty() {
                        shown.field(key.name, &"***");
                    } else {
                        shown.field(key.name, &value);
                    }
                }
                $( settings!(@show shown, self, $oname); )*
                shown.finish()
            }
        }
    };
    (@marked no_file no_file $($rest:ident)*) => { true };
    (@marked secret secret $($rest:ident)*) => { true };
    (@marked no_effect no_effect $($rest:ident)*) => { true };
    (@marked $mark:ident $other:ident $($rest:ident)*) => { settings!(@marked $mark $($rest)*) };
    (@marked $mark:ident) => { false };
    (@read $name:ident, $given:ident, $type:ty) => { <$type as Value>::read(stringify!($name), $given) };
    (@read $name:ident, $given:ident, $type:ty, $reader:path) => { $reader($given) };
    (@show $shown:ident, $self:ident, auth_keys) => { $shown.field("auth_keys", &$self.auth_keys.len()); };
    (@show $shown:ident, $self:ident, extra_headers) => {
        // Header values can be secrets (customer keys of server-side encryption), so only the names are printed.
        $shown.field("extra_headers", &$self.extra_headers.iter().map(|(name, _)| name).collect::<Vec<_>>());
    };
    (@show $shown:ident, $self:ident, $name:ident) => { $shown.field(stringify!($name), &$self.$name); };
}
pub(crate) use settings;

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<i64> {
        i64::read("k", RawValue::Text(text)).ok()
    }

    #[test]
    fn integers_are_parsed_as_in_python() {
        for (text, expected) in [
            ("7", Some(7)),
            (" 7 ", Some(7)),
            ("+7", Some(7)),
            ("-7", Some(-7)),
            ("007", Some(7)),
            ("1_0", Some(10)),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("0x10", None),
            ("", None),
            ("-", None),
            ("1 0", None),
            ("3k", None),
            ("99999999999999999999", Some(i64::MAX)),
            ("-99999999999999999999", Some(i64::MIN)),
        ] {
            assert_eq!(number(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_suffix_of_a_rate_is_a_power_of_1024() {
        for (text, expected) in [
            ("3", Some(3)),
            ("3k", Some(3072)),
            ("3K", Some(3072)),
            ("3M", Some(3 << 20)),
            (" 3 k", Some(3072)),
            (" 3k ", None),
            ("-3k", Some(-3072)),
            ("0", Some(0)),
            ("0k", None),
            ("k", None),
            ("1.5k", None),
            ("", None),
            ("3é", None),
        ] {
            assert_eq!(rate(RawValue::Text(text)).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn errors_have_the_messages_of_s3cmd() {
        let text = |result: Result<(), InvalidValue>| result.unwrap_err().0;
        assert_eq!(
            text(i64::read("limit", RawValue::Text("x")).map(drop)),
            "Config: value of option 'limit' must be an integer, not 'x'"
        );
        assert_eq!(
            text(bool::read("use_https", RawValue::Text("t")).map(drop)),
            "Config: value of option 'use_https' must be Yes or No, not 't'"
        );
        assert_eq!(
            text(rate(RawValue::Text("3q")).map(drop)),
            "Config: value of option limitrate must have suffix m, k, or nothing, not '3q'"
        );
        assert_eq!(
            text(Verbosity::read("verbosity", RawValue::Text("debug")).map(drop)),
            "Config: verbosity level 'debug' is not valid"
        );
    }

    #[test]
    fn verbosity_is_a_name_or_a_number() {
        for (text, expected, dumped) in [
            ("DEBUG", Verbosity::Debug, "DEBUG"),
            ("WARN", Verbosity::Warning, "WARNING"),
            ("FATAL", Verbosity::Critical, "CRITICAL"),
            ("1_0", Verbosity::Debug, "DEBUG"),
            ("15", Verbosity::Level(15), "15"),
            ("0", Verbosity::Level(0), "NOTSET"),
        ] {
            let read = Verbosity::read("verbosity", RawValue::Text(text)).unwrap();
            assert_eq!((read, read.dump().unwrap().as_str()), (expected, dumped), "{text:?}");
        }
        assert!(Verbosity::Debug < Verbosity::Info && Verbosity::Level(15) > Verbosity::Debug);
        assert_eq!(log::LevelFilter::from(Verbosity::Level(15)), log::LevelFilter::Info);
        assert_eq!(log::LevelFilter::from(Verbosity::Critical), log::LevelFilter::Off);
    }

    #[test]
    fn one_scheme_is_removed_from_an_endpoint() {
        for (text, expected) in [
            ("https://lumidata.eu", "lumidata.eu"),
            ("http://a:1/", "a:1/"),
            ("http://http://a", "http://a"),
            ("HTTPS://a", "a"),
            ("localhost:7480", "localhost:7480"),
            ("é", "é"),
        ] {
            assert_eq!(endpoint(RawValue::Text(text)).unwrap(), expected);
        }
    }
}
