//! The key table: every setting has one row in `settings.rs`, and this module turns the rows into the
//! [`Settings`](super::Settings) struct, its defaults, its dump and its setters.

use std::fmt;

/// How a value given for a key is turned away. The text is s3cmd's own; the caller adds what goes around it
/// (`Parameter problem: ` and exit 64 when the value stood in a file, exit 1 when it was typed).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadValue(pub String);

/// What was given for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given<'a> {
    /// Text: from a file, or the value of an option.
    Text(&'a str),
    /// A switch, such as `--recursive` or `--no-ssl`.
    Switch(bool),
}

/// A type that a key can have.
pub(crate) trait Value: Sized {
    /// What the manual calls a value of this type.
    const KIND: &'static str;

    /// Reads what was given. `key` is for the error text.
    fn read(key: &str, given: Given<'_>) -> Result<Self, BadValue>;
    /// The text that `--dump-config` prints; `None` leaves the line out.
    fn dump(&self) -> Option<String>;
}

impl Value for String {
    const KIND: &'static str = "text";

    fn read(_key: &str, given: Given<'_>) -> Result<Self, BadValue> {
        Ok(match given {
            Given::Text(text) => text.to_owned(),
            Given::Switch(on) => on.dump().unwrap_or_default(),
        })
    }

    fn dump(&self) -> Option<String> {
        Some(self.clone())
    }
}

impl Value for bool {
    const KIND: &'static str = "yes or no";

    fn read(key: &str, given: Given<'_>) -> Result<Self, BadValue> {
        let text = match given {
            Given::Switch(on) => return Ok(on),
            Given::Text(text) => text,
        };
        match text.to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true),
            "false" | "no" | "off" | "0" => Ok(false),
            _ => Err(BadValue(format!("Config: value of option '{key}' must be Yes or No, not '{text}'"))),
        }
    }

    fn dump(&self) -> Option<String> {
        Some(if *self { "True" } else { "False" }.to_owned())
    }
}

/// A switch that may be unset. An empty text leaves it unset; unset is not dumped.
impl Value for Option<bool> {
    const KIND: &'static str = "yes or no";

    fn read(key: &str, given: Given<'_>) -> Result<Self, BadValue> {
        if given == Given::Text("") { Ok(None) } else { bool::read(key, given).map(Some) }
    }

    fn dump(&self) -> Option<String> {
        self.and_then(|on| on.dump())
    }
}

/// A text that a switch can turn off altogether (`--no-access-logging`); s3cmd dumps that as `False`.
impl Value for Option<String> {
    const KIND: &'static str = "text";

    fn read(_key: &str, given: Given<'_>) -> Result<Self, BadValue> {
        Ok(match given {
            Given::Text(text) => Some(text.to_owned()),
            Given::Switch(_) => None,
        })
    }

    fn dump(&self) -> Option<String> {
        Some(self.clone().unwrap_or_else(|| "False".to_owned()))
    }
}

impl Value for i64 {
    const KIND: &'static str = "number";

    fn read(key: &str, given: Given<'_>) -> Result<Self, BadValue> {
        let text = match given {
            Given::Switch(on) => return Ok(i64::from(on)),
            Given::Text(text) => text,
        };
        integer(text).ok_or_else(|| {
            BadValue(format!("Config: value of option '{key}' must be an integer, not '{text}'"))
        })
    }

    fn dump(&self) -> Option<String> {
        Some(self.to_string())
    }
}

/// Reads a whole number as Python's `int()` does: white space around it, a sign, single underscores between
/// digits. A number beyond 64 bits becomes the nearest one that fits.
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

/// The digits without the underscores that Python allows between them; `None` where one stands wrongly.
pub(crate) fn underscores_removed(digits: &str) -> Option<String> {
    let stray = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    (!digits.is_empty() && !stray).then(|| digits.replace('_', ""))
}

/// Reads a speed in bytes a second: `N`, `Nk` (times 1024) or `Nm` (times 1048576), in either case.
/// Measured on s3cmd 2.4.0: white space may stand before the suffix, not after it, and zero takes no suffix.
pub(crate) fn rate(given: Given<'_>) -> Result<i64, BadValue> {
    let Given::Text(text) = given else { return Ok(0) };
    let number = match text.chars().next_back() {
        Some('k' | 'K') => scaled(&text[..text.len() - 1], 1 << 10),
        Some('m' | 'M') => scaled(&text[..text.len() - 1], 1 << 20),
        _ => integer(text),
    };
    number.ok_or_else(|| {
        BadValue(format!("Config: value of option limitrate must have suffix m, k, or nothing, not '{text}'"))
    })
}

fn scaled(digits: &str, unit: i64) -> Option<i64> {
    integer(digits).filter(|n| *n != 0).map(|n| n.saturating_mul(unit))
}

/// An end point without the scheme that may stand before it (`https://lumidata.eu` is `lumidata.eu`).
/// Measured on s3cmd 2.4.0: once, and in lower case only. Left as it is, a scheme in capitals would end up
/// in the host name, so here its case does not matter.
pub(crate) fn endpoint(given: Given<'_>) -> Result<String, BadValue> {
    let text = String::read("", given)?;
    let scheme_ends = ["http://", "https://"].into_iter().find_map(|scheme| {
        text.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme)).map(str::len)
    });
    Ok(scheme_ends.map_or_else(|| text.clone(), |end| text[end..].to_owned()))
}

/// How much is logged to stderr: the levels of s3cmd's `verbosity` key, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Everything (`-d`).
    Debug,
    /// What is being done (`-v`).
    Info,
    /// Only what needs attention; the default.
    Warning,
    /// Only failures.
    Error,
    /// Nothing that this program logs reaches this level.
    Critical,
    /// A number between or beyond the named levels, which are 10, 20, 30, 40 and 50.
    Level(i64),
}

impl Verbosity {
    /// The number of the level: 10 for debug up to 50 for critical.
    pub fn level(self) -> i64 {
        match self {
            Self::Debug => 10,
            Self::Info => 20,
            Self::Warning => 30,
            Self::Error => 40,
            Self::Critical => 50,
            Self::Level(level) => level,
        }
    }

    /// The filter of the `log` crate that lets through what this level lets through.
    pub fn filter(self) -> log::LevelFilter {
        match self.level() {
            ..=10 => log::LevelFilter::Debug,
            11..=20 => log::LevelFilter::Info,
            21..=30 => log::LevelFilter::Warn,
            31..=40 => log::LevelFilter::Error,
            _ => log::LevelFilter::Off,
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

/// Measured on s3cmd 2.4.0: names in capitals (`WARN` and `FATAL` too), or a number.
impl Value for Verbosity {
    const KIND: &'static str = "level";

    fn read(_key: &str, given: Given<'_>) -> Result<Self, BadValue> {
        let Given::Text(text) = given else { return Ok(Self::Warning) };
        Ok(match text {
            "DEBUG" => Self::Debug,
            "INFO" => Self::Info,
            "WARNING" | "WARN" => Self::Warning,
            "ERROR" => Self::Error,
            "CRITICAL" | "FATAL" => Self::Critical,
            "NOTSET" => Self::Level(0),
            _ => match integer(text) {
                Some(level) => Self::from_level(level),
                None => return Err(BadValue(format!("Config: verbosity level '{text}' is not valid"))),
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
    /// When it has a value: `acl_public` and `enable` (measured on s3cmd 2.4.0).
    WhenSet,
    /// When it differs from its default: this program's own keys.
    WhenChanged,
}

/// One key: a row of the table.
pub struct Key {
    /// The name, as it stands in a configuration file.
    pub name: &'static str,
    /// When it is dumped.
    pub dumped: Dumped,
    /// Whether a configuration file may set it.
    pub in_file: bool,
    /// Whether its value must not be shown, except in a dump.
    pub secret: bool,
    /// Whether it is only accepted, and changes nothing.
    pub no_effect: bool,
    /// What kind of value it has, in a word or three: `yes or no`, `number`.
    pub kind: &'static str,
    /// What it is for: the lines of the row's doc comment, with names in backticks.
    pub meaning: &'static [&'static str],
    pub(crate) set: fn(&mut super::Settings, Given<'_>) -> Result<(), BadValue>,
    pub(crate) dump: fn(&super::Settings) -> Option<String>,
}

impl Key {
    /// The default as a configuration file would say it; `None` where it is unset.
    pub fn default_text(&self) -> Option<String> {
        (self.dump)(&super::Settings::default())
    }
}

/// Builds `Settings` from the table: `name: Type = default, WhenDumped [, no_file] [, secret] [, no_effect] [=> reader];`
macro_rules! settings {
    (
        keys { $( $(#[doc = $doc:literal])* $name:ident : $type:ty = $default:expr, $dumped:ident $(, $mark:ident)* $(=> $reader:path)? ; )* }
        others { $( $(#[$odoc:meta])* $oname:ident : $otype:ty = $odefault:expr ; )* }
    ) => {
        /// Every setting, resolved from the defaults, the configuration file, the environment and the options.
        /// A field that is a key has the key's name and meaning.
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

        /// Every key, in the order of a dump.
        pub const KEYS: &[Key] = &[ $( Key {
            name: stringify!($name),
            dumped: Dumped::$dumped,
            in_file: !settings!(@marked no_file $($mark)*),
            secret: settings!(@marked secret $($mark)*),
            no_effect: settings!(@marked no_effect $($mark)*),
            kind: <$type as Value>::KIND,
            meaning: &[$($doc),*],
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
    (@marked $wanted:ident $other:ident $($rest:ident)*) => { settings!(@marked $wanted $($rest)*) };
    (@marked $wanted:ident) => { false };
    (@read $name:ident, $given:ident, $type:ty) => { <$type as Value>::read(stringify!($name), $given) };
    (@read $name:ident, $given:ident, $type:ty, $reader:path) => { $reader($given) };
    (@show $shown:ident, $self:ident, auth_keys) => { $shown.field("auth_keys", &$self.auth_keys.len()); };
    (@show $shown:ident, $self:ident, extra_headers) => {
        // Header values may be secrets (customer keys of server-side encryption), so only the names are shown.
        $shown.field("extra_headers", &$self.extra_headers.iter().map(|(name, _)| name).collect::<Vec<_>>());
    };
    (@show $shown:ident, $self:ident, $name:ident) => { $shown.field(stringify!($name), &$self.$name); };
}
pub(crate) use settings;

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Option<i64> {
        i64::read("k", Given::Text(text)).ok()
    }

    #[test]
    fn integers_are_read_as_python_reads_them() {
        for (text, wanted) in [
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
            assert_eq!(number(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn the_suffix_of_a_rate_is_a_power_of_1024() {
        for (text, wanted) in [
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
            assert_eq!(rate(Given::Text(text)).ok(), wanted, "{text:?}");
        }
    }

    #[test]
    fn errors_have_the_words_of_s3cmd() {
        let text = |result: Result<(), BadValue>| result.unwrap_err().0;
        assert_eq!(
            text(i64::read("limit", Given::Text("x")).map(drop)),
            "Config: value of option 'limit' must be an integer, not 'x'"
        );
        assert_eq!(
            text(bool::read("use_https", Given::Text("t")).map(drop)),
            "Config: value of option 'use_https' must be Yes or No, not 't'"
        );
        assert_eq!(
            text(rate(Given::Text("3q")).map(drop)),
            "Config: value of option limitrate must have suffix m, k, or nothing, not '3q'"
        );
        assert_eq!(
            text(Verbosity::read("verbosity", Given::Text("debug")).map(drop)),
            "Config: verbosity level 'debug' is not valid"
        );
    }

    #[test]
    fn verbosity_is_a_name_or_a_number() {
        for (text, wanted, dumped) in [
            ("DEBUG", Verbosity::Debug, "DEBUG"),
            ("WARN", Verbosity::Warning, "WARNING"),
            ("FATAL", Verbosity::Critical, "CRITICAL"),
            ("1_0", Verbosity::Debug, "DEBUG"),
            ("15", Verbosity::Level(15), "15"),
            ("0", Verbosity::Level(0), "NOTSET"),
        ] {
            let read = Verbosity::read("verbosity", Given::Text(text)).unwrap();
            assert_eq!((read, read.dump().unwrap().as_str()), (wanted, dumped), "{text:?}");
        }
        assert!(Verbosity::Debug < Verbosity::Info && Verbosity::Level(15) > Verbosity::Debug);
        assert_eq!(Verbosity::Level(15).filter(), log::LevelFilter::Info);
        assert_eq!(Verbosity::Critical.filter(), log::LevelFilter::Off);
    }

    #[test]
    fn one_scheme_is_taken_off_an_end_point() {
        for (text, wanted) in [
            ("https://lumidata.eu", "lumidata.eu"),
            ("http://a:1/", "a:1/"),
            ("http://http://a", "http://a"),
            ("HTTPS://a", "a"),
            ("localhost:7480", "localhost:7480"),
            ("é", "é"),
        ] {
            assert_eq!(endpoint(Given::Text(text)).unwrap(), wanted);
        }
    }
}
