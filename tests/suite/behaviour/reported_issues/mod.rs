//! Tests for the problems that users of s3cmd reported, as `docs/pains.md` lists them: one for each solved row. A few
//! of these tests are in the files of their subject.

mod others;
mod transfers;

use std::process::Command;

/// Every solved row of the document names a test that exists, and every test for an issue is in the document.
#[test]
fn every_settled_pain_has_its_test() {
    let program = std::env::current_exe().expect("the tests are a program");
    let list = Command::new(program).args(["--list", "--format=terse"]).output().expect("it runs");
    let list = String::from_utf8(list.stdout).expect("names are text");
    let tests: Vec<&str> = list
        .lines()
        .filter_map(|line| line.strip_suffix(": test")?.rsplit("::").next())
        .filter(|name| name.starts_with("issue_") || name.starts_with("pain_"))
        .collect();
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pains.md"));
    let mut rows = 0;
    for row in document.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let Ok(number) = cells[0].parse::<usize>() else { continue };
        rows += 1;
        assert_eq!((number, cells.len()), (rows, 5), "{row}");
        let state = cells[3].split([':', ' ']).next().unwrap_or_default();
        assert!(["solved", "measured", "kept", "open", "out"].contains(&state), "{row}");
        let named: Vec<&str> = cells[4].split('`').skip(1).step_by(2).collect();
        assert!(state != "solved" || !named.is_empty(), "no test in {row}");
        for name in named {
            assert!(tests.contains(&name), "no test {name}, which the document names");
        }
    }
    assert_eq!(rows, 50);
    for test in tests {
        assert!(document.contains(&format!("`{test}`")), "docs/pains.md lacks {test}");
    }
}
