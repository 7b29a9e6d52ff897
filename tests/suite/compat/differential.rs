//! The scenes through both programs: stdout, stderr, exit code and the resulting files and objects have to be the same,
//! except for the allowed differences.

use crate::compat::scenes::{self, Scene};
use crate::compat::twins::{Twins, original};
use crate::support::notice::notice;
use std::collections::BTreeSet;

/// Every scene, each on its own pair of worlds. All are played, so that one run shows all differences.
#[test]
fn scenes_play_as_in_s3cmd() {
    let Some(original) = original() else { return };
    let only = std::env::var("S3CMD_SCENE").unwrap_or_default();
    let mut failures = Vec::new();
    let mut count = 0;
    for Scene { name, lines } in scenes::all().filter(|scene| scene.name.contains(&only)) {
        let twins = Twins::new(&original);
        for line in *lines {
            count += 1;
            failures.extend(twins.compare(line).map(|difference| format!("scene {name}: {difference}")));
        }
        failures.extend(
            twins
                .compare_results(&format!("after {name}"))
                .map(|difference| format!("scene {name}, in the end:\n{difference}")),
        );
    }
    notice(&format!("{count} command lines compared with s3cmd 2.4.0"));
    assert!(failures.is_empty(), "{} differences:\n\n{}", failures.len(), failures.join("\n\n"));
}

/// There are at least 400 different lines.
#[test]
fn the_scenes_are_hundreds_of_different_lines() {
    let lines: BTreeSet<&str> =
        scenes::all().flat_map(|scene| scene.lines).copied().filter(|line| !line.starts_with('!')).collect();
    assert!(lines.len() >= 400, "{} different lines", lines.len());
}
