//! The list of places where this program deliberately differs from s3cmd 2.4.0. Each names its row in
//! `docs/differences.md`; the comparisons apply it to what s3cmd printed, and allow no other difference.

use regex::Regex;

/// A difference: where it occurs, and how it changes the output of s3cmd.
pub(crate) struct Difference {
    /// The row in `docs/differences.md`.
    pub(crate) row: &'static str,
    /// The name of the transcript, or the command line: a pattern that matches the whole of it.
    pub(crate) place: &'static str,
    /// Patterns and replacements, applied in turn to the whole text: exit code, stdout and stderr.
    pub(crate) changes: &'static [(&'static str, &'static str)],
}

/// All of them.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        row: "gpg-file-mode",
        place: "after encryption",
        changes: &[(r"(?m) 100700 (\d+ bytes)", " 100644 $1")],
    },
    Difference {
        row: "sync-modes",
        place: "after case sync down without attributes|after sync down",
        changes: &[(r"(?m) 100755 (\d+ bytes)", " 100644 $1"), (r"(?m)^(down/.*/) 40775$", "$1 40755")],
    },
    Difference {
        row: "no-location-request",
        place: "table mb",
        changes: &[(
            r"(?s)^exit: 11\n.*IllegalLocationConstraintException.*",
            "exit: 0\n--- stdout\nBucket 's3://MISSING/' created\n--- stderr\n",
        )],
    },
    Difference {
        row: "retention-exit",
        place: "table setobjectretention",
        changes: &[(r"^exit: 1\n--- stdout\n--- stderr\n$", "exit: 0\n--- stdout\n--- stderr\n")],
    },
    Difference {
        row: "error-pages",
        place: "table delnotification",
        changes: &[
            (r"(?m)^ERROR: (Error parsing xml|b'<!doctype).*\n", ""),
            ("INTERNAL SERVER ERROR", "Internal Server Error"),
        ],
    },
    Difference {
        row: "fixbucket",
        place: "table fixbucket",
        changes: &[(
            r"^exit: 0\n--- stdout\n--- stderr\n$",
            "exit: 0\n--- stdout\nFile ''a\\x01b'' renamed to 'a^Ab'\n--- stderr\nWARNING: Fixed 1 files' names.\n",
        )],
    },
    Difference {
        row: "restore-goes-on",
        place: "restore -r s3://BUCKET/tree/",
        changes: &[(
            r"(?s)^exit: 77\n--- stdout\n--- stderr\nERROR: S3 error: (403 \(InvalidObjectState\): [^\n]*)\n",
            "exit: 0\n--- stdout\n--- stderr\nWARNING: Not archived: 's3://BUCKET/tree/a.txt' ($1)\n\
             WARNING: Not archived: 's3://BUCKET/tree/päivä.txt' ($1)\n\
             WARNING: Not archived: 's3://BUCKET/tree/sub/b.txt' ($1)\n\
             WARNING: Not archived: 's3://BUCKET/tree/sub/c d.txt' ($1)\n",
        )],
    },
    Difference {
        row: "documents-checked",
        place: "743-setpolicy-broken",
        changes: &[(
            r"\(InvalidArgument\)\n",
            "(InvalidArgument): no bucket policy for s3://lab-ref-1/: it is not JSON: EOF while parsing a list at line 1 column 40\n",
        )],
    },
    Difference {
        row: "documents-checked",
        place: "805-setlifecycle-broken",
        changes: &[(
            r"\(MalformedXML\)\n",
            "(MalformedXML): no lifecycle configuration for s3://lab-ref-1/: it is incomplete XML\n",
        )],
    },
    Difference {
        row: "others-go-on",
        place: "718-setacl-public-vhost",
        changes: &[(
            r"(?s)^exit: 12\n--- stdout\n--- stderr\nERROR: S3 error: 404 \(NoSuchKey\)[^\n]*\n",
            "exit: 2\n--- stdout\ns3://lab-ref-1/renamed.txt: ACL set to Public  [2 of 2]\n--- stderr\n\
             ERROR: ACL of 's3://lab-ref-1/one.txt' could not be changed (Reason: 404 (NoSuchKey))\n",
        )],
    },
    Difference {
        row: "public-url-encoding",
        place: "308-put-public-space",
        changes: &[(r"public file ä\.txt\n--- stderr", "public%20file%20%C3%A4.txt\n--- stderr")],
    },
    Difference {
        row: "signurl-v4",
        place: "730-.*|734-.*|table signurl",
        changes: &[(
            r"\?AWSAccessKeyId=KEY&Expires=\d+&Signature=SIGNATURE",
            "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=KEY&X-Amz-Date=DATE&X-Amz-Expires=N&X-Amz-SignedHeaders=host&X-Amz-Signature=SIGNATURE",
        )],
    },
    Difference {
        row: "signurl-v4",
        place: "731-signurl-epoch|733-signurl-epoch-vhost",
        changes: &[(
            r"$",
            "WARNING: The link is signed with version 2, which many services reject: version 4 has no links for more than 7 days\n",
        )],
    },
    Difference {
        row: "setting-hint",
        place: "1102-bad-secret",
        changes: &[(r"$", "ERROR: secret_key in s3cfg-badsecret: it may not be the one of the access key\n")],
    },
    Difference {
        row: "setting-hint",
        place: "1103-bad-key-bucket",
        changes: &[(r"$", "ERROR: access_key in s3cfg-badkey: the service does not know it\n")],
    },
    Difference {
        row: "setting-hint",
        place: "1105-down-put",
        changes: &[(r"$", "ERROR: host_base = localhost:1 in s3cfg-down: nothing listens there\n")],
    },
    Difference {
        row: "setting-hint",
        place: "--access_key=nobody --secret_key=x ls s3://BUCKET",
        changes: &[(r"$", "ERROR: access_key on the command line: the service does not know it\n")],
    },
    Difference {
        row: "setting-hint",
        place: "--access_token=no-such-token ls s3://BUCKET",
        // Ceph does not look at the token.
        changes: &[(
            r"(?s)(.*\(InvalidToken\).*)$",
            "${1}ERROR: access_token on the command line: the service does not accept it, or no longer does\n",
        )],
    },
    Difference {
        row: "setting-hint",
        place: "--secret_key=x ls s3://BUCKET",
        changes: &[(
            r"$",
            "ERROR: secret_key on the command line: it may not be the one of the access key\n",
        )],
    },
    Difference {
        row: "verbose-lines",
        place: "319-put-verbose",
        changes: &[(r"INFO: (Cache file not found|Running stat).*\n", "")],
    },
    Difference {
        row: "mime-types",
        place: "425-info-multipart",
        changes: &[("image/x-tga", "application/octet-stream")],
    },
    Difference {
        row: "stdin-attributes",
        place: "after put in parts|after standard streams",
        changes: &[(r"(?m)^.* x-amz-meta-s3cmd-attrs: gname:[^/]*/uname:.*\n", "")],
    },
    Difference {
        row: "max-delete-zero",
        place: "del .*--max-delete=0 .*",
        changes: &[(
            r"(?s)stdout\n.*",
            "stdout\n--- stderr\nWARNING: delete: maximum requested number of deletes would be exceeded, none performed.\n",
        )],
    },
    Difference {
        row: "documents-on-keys",
        place: "(setpolicy .*|getlifecycle|setcors .*) s3://BUCKET/key",
        changes: &[(
            r"(?s).*",
            "exit: 64\n--- stdout\n--- stderr\nERROR: Parameter problem: Expecting S3 URI with just the bucket name set instead of 's3://BUCKET/key'\n",
        )],
    },
    Difference {
        row: "fixbucket",
        place: "fixbucket .*|table fixbucket",
        changes: &[
            (
                r"Their ACL were reset to Private\.\nWARNING: Use 's3cmd setacl --acl-public s3://\.\.\.' to make\nWARNING: them publicly readable if required\.",
                "",
            ),
            (r" +\n", "\n"),
        ],
    },
    Difference {
        row: "missing-sources",
        place: "put (.* )?missing\\.txt (.* )?s3://.*",
        changes: &[(
            r"(?s)^exit: 0\n(.*--- stderr\n)",
            "exit: 2\n${1}WARNING: Skipping over missing.txt: No such file or directory\n",
        )],
    },
    Difference {
        row: "missing-sources",
        place: "334-put-missing-and-present",
        changes: &[(
            r"(?s)^exit: 0\n(.*--- stderr\n)",
            "exit: 2\n${1}WARNING: Skipping over missing.txt: No such file or directory\n",
        )],
    },
    Difference {
        row: "missing-sources",
        place: "put dangling hello.txt .*",
        changes: &[(
            r"(?s)^exit: 0\n(.*--- stderr\n)",
            "exit: 2\n${1}WARNING: Skipping over dangling: No such file or directory\n",
        )],
    },
    Difference {
        row: "links-away",
        place: "(sync|put -r) -F away/ .*",
        changes: &[(
            r"(?s)^exit: 0\n(.*--- stderr\n)",
            "exit: 2\n${1}WARNING: Skipping over away/gone: No such file or directory\n",
        )],
    },
    Difference {
        row: "every-argument",
        place: "415-ls-two",
        changes: &[(
            r"(dir/hello\.txt\n)",
            "${1}YYYY-MM-DD hh:mm            4  s3://lab-ref-1/many/one.txt\nYYYY-MM-DD hh:mm            4  s3://lab-ref-1/many/two.txt\n",
        )],
    },
    Difference {
        row: "ls-local",
        place: "1108-local-uri",
        changes: &[(
            r"(?s).*",
            "exit: 64\n--- stdout\n--- stderr\nERROR: Parameter problem: Expecting S3 URI instead of 'hello.txt'\n",
        )],
    },
    Difference {
        row: "empty-values",
        place: "832-setblockpublicaccess-off",
        changes: &[(
            r"(?s).*",
            "exit: 64\n--- stdout\n--- stderr\nERROR: Parameter problem: No switch is named: blockpublicacls, ignorepublicacls, blockpublicpolicy, restrictpublicbuckets; 'none' switches all of them off\n",
        )],
    },
    Difference { row: "link-scheme", place: "734-signurl-https", changes: &[("http://", "https://")] },
    Difference {
        row: "no-tracebacks",
        place: "806-setlifecycle-missing-file",
        changes: &[(r"(?s)--- stderr\n.*", "--- stderr\nERROR: no-such.xml: No such file or directory\n")],
    },
    Difference {
        row: "tls-words",
        place: "1109-https-to-http",
        changes: &[(
            r"verification failure: .*",
            "verification failure: the server does not speak TLS (see use_https)",
        )],
    },
    Difference {
        row: "setting-hint",
        place: "1109-https-to-http",
        changes: &[(r"$", "ERROR: use_https = True on the command line: that host may speak plain HTTP\n")],
    },
    Difference {
        row: "no-key-words",
        place: "1111-no-keys",
        changes: &[("Network is unreachable", "no access_key in it")],
    },
    Difference {
        row: "no-key-words",
        place: "1112-no-config",
        changes: &[("Network is unreachable", "No such file or directory")],
    },
];

/// What this program has to print, given what s3cmd printed at a place.
pub(crate) fn expected(place: &str, original: &str) -> String {
    let mut text = original.to_owned();
    for difference in DIFFERENCES {
        if !covers(difference.place, place) {
            continue;
        }
        for (pattern, replacement) in difference.changes {
            let pattern = Regex::new(pattern).expect("a pattern");
            text = pattern.replace_all(&text, *replacement).into_owned();
        }
    }
    text
}

/// Lines that this program prints and s3cmd does not, on any failure: their rows, and their patterns.
const ADDITIONS: [(&str, &str); 1] = [("partial-summary", r"(?m)^ERROR: \d+ of \d+ items failed\n")];

/// What this program printed, without the lines that it adds everywhere.
pub(crate) fn without_additions(ours: &str) -> String {
    ADDITIONS.iter().fold(ours.to_owned(), |text, (_, pattern)| {
        Regex::new(pattern).expect("a pattern").replace_all(&text, "").into_owned()
    })
}

/// The rows that apply at a place.
pub(crate) fn rows(place: &str) -> Vec<&'static str> {
    DIFFERENCES.iter().filter(|found| covers(found.place, place)).map(|found| found.row).collect()
}

fn covers(pattern: &str, place: &str) -> bool {
    Regex::new(&format!("^(?:{pattern})$")).expect("a pattern").is_match(place)
}

/// Every row that is named here is in the document.
#[test]
fn every_difference_has_its_row() {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/differences.md"));
    let added = ADDITIONS.iter().map(|(row, _)| *row);
    for row in DIFFERENCES.iter().map(|difference| difference.row).chain(added) {
        assert!(document.contains(&format!("| `{row}` |")), "docs/differences.md lacks the row {row}");
    }
}

/// Each row of the document is complete, and its name is unique.
#[test]
fn every_row_states_what_differs_and_why() {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/differences.md"));
    let mut seen = std::collections::HashSet::new();
    for row in document.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.len() == 5 && cells.iter().all(|cell| !cell.is_empty()), "{row}");
        assert!(seen.insert(cells[0]), "two rows {}", cells[0]);
    }
    assert!(seen.len() > 100);
}

/// A place that no test plays has to be deleted.
#[test]
fn every_difference_is_played() {
    let mut places = crate::compat::transcripts::names();
    places.push("after encryption".to_owned());
    places.extend(crate::compat::random_cases::places());
    places
        .extend(crate::compat::command_table::rows::ROWS.iter().map(|row| format!("table {}", row.command)));
    for scene in crate::compat::scenes::all() {
        places.push(format!("after {}", scene.name));
        places.extend(scene.lines.iter().map(|line| (*line).to_owned()));
    }
    for difference in DIFFERENCES {
        let alternatives = difference.place.split('|').filter(|_| !difference.place.contains('('));
        for place in alternatives.chain(difference.place.contains('(').then_some(difference.place)) {
            assert!(places.iter().any(|name| covers(place, name)), "nothing plays {place}");
        }
    }
}
