//! The line format of `md5sum`, as coreutils writes and reads it.
//! <https://www.gnu.org/software/coreutils/manual/html_node/cksum-output-modes.html>

use crate::uri::S3Uri;

/// A line of a checksum list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// The MD5 in hex.
    pub(super) md5: String,
    /// The object to verify.
    pub(super) uri: S3Uri,
}

/// Formats the line for an MD5 and a name. A name with a backslash or a line ending is escaped, which a leading
/// backslash marks.
pub(super) fn line(md5: &str, name: &str) -> String {
    let (mark, name) = escaped(name);
    format!("{mark}{md5}  {name}")
}

/// Returns the escape mark, which is empty for a name without special characters, and the name.
pub(super) fn escaped(name: &str) -> (&'static str, String) {
    if name.contains(['\\', '\n', '\r']) {
        ("\\", name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r"))
    } else {
        ("", name.to_owned())
    }
}

/// Parses a line. Returns `None` if it is malformed or does not name an object.
pub(super) fn parse(line: &str) -> Option<Listed> {
    let (line, is_escaped) = line.strip_prefix('\\').map_or((line, false), |line| (line, true));
    let (md5, rest) =
        line.split_at_checked(32).filter(|(md5, _)| s3cmd_client::ops::multipart::is_md5(md5))?;
    // Two spaces, or a space and the asterisk of binary mode, which means the same here.
    let name = rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *"))?;
    let name = if is_escaped { unescaped(name)? } else { name.to_owned() };
    let uri = S3Uri::parse(&name).filter(S3Uri::has_key)?;
    Some(Listed { md5: md5.to_owned(), uri })
}

fn unescaped(name: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

/// The warnings at the end of a verification; empty if everything matched.
pub(super) fn summary(malformed: u64, unreadable: u64, mismatches: u64) -> Vec<String> {
    let some = |count: u64, one: &str, many: &str| {
        (count > 0).then(|| format!("{count} {}", if count == 1 { one } else { many }))
    };
    let lines = [
        some(malformed, "line is improperly formatted", "lines are improperly formatted"),
        some(unreadable, "listed object could not be read", "listed objects could not be read"),
        some(mismatches, "computed checksum did NOT match", "computed checksums did NOT match"),
    ];
    lines.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "6f5902ac237024bdd0c176cb93063dc4";

    #[test]
    fn lines_round_trip_whatever_the_name() {
        for name in ["s3://b/k", "s3://b/a b  c", "s3://b/a\nb\\n\r", "s3://b/ \\", "s3://b/ä*"] {
            let line = line(MD5, name);
            assert_eq!(line.lines().count(), 1, "{line}");
            let listed = parse(&line).unwrap();
            assert_eq!((listed.md5.as_str(), listed.uri.to_string().as_str()), (MD5, name));
        }
        assert_eq!(line(MD5, "s3://b/a\nb"), format!("\\{MD5}  s3://b/a\\nb"));
    }

    #[test]
    fn binary_mode_is_read_and_other_lines_are_refused() {
        assert!(parse(&format!("{MD5} *s3://b/k")).is_some());
        for bad in [
            "",
            "x",
            MD5,
            &format!("{MD5} s3://b/k"),
            &format!("{MD5}  s3://b"),
            &format!("{MD5}  local.txt"),
            &format!("{}g  s3://b/k", &MD5[..31]),
            &format!("\\{MD5}  s3://b/\\x"),
            "ä5902ac237024bdd0c176cb93063dc4  s3://b/k",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_summary_counts_in_the_words_of_md5sum() {
        assert!(summary(0, 0, 0).is_empty());
        assert_eq!(summary(0, 0, 1), ["1 computed checksum did NOT match"]);
        assert_eq!(
            summary(2, 3, 4),
            [
                "2 lines are improperly formatted",
                "3 listed objects could not be read",
                "4 computed checksums did NOT match"
            ]
        );
    }
}
