//! Which options of s3cmd are played beside s3cmd: by a scene, by a transcript, or by a generated case.

use crate::compat::{random_cases, random_lines, scenes, transcripts};
use crate::support::env::split;
use s3cmd::cli::options::{self, OptionSpec, Origin, Resolved};
use std::collections::BTreeSet;

/// Options that no such line can show, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    ("help", "each program has its own; `compat::parser` compares the exit codes"),
    ("version", "the second line is this program's; `commands::help` checks the first"),
    ("configure", "`compat::configure` answers the questions of both programs by the same script"),
    ("dump-config", "`compat::parser` compares it after random lines"),
    ("debug", "internals of each program; `behaviour::secrets` looks for secrets in them"),
    ("cf-invalidate", CLOUDFRONT),
    ("cf-invalidate-default-index", CLOUDFRONT),
    ("cf-no-invalidate-default-index-root", CLOUDFRONT),
    ("cf-add-cname", CLOUDFRONT),
    ("cf-remove-cname", CLOUDFRONT),
    ("cf-comment", CLOUDFRONT),
    ("cf-default-root-object", CLOUDFRONT),
    ("enable", CLOUDFRONT),
    ("disable", CLOUDFRONT),
];

const CLOUDFRONT: &str = "s3cmd uses an API that no server here has (`cf-api`); `commands::cloudfront` and docs/commands.md test them";

/// The options on a line.
fn used(line: &str) -> Vec<&'static OptionSpec> {
    let mut found = Vec::new();
    for word in split(line) {
        if word == "--" {
            break;
        }
        if let Some(long) = word.strip_prefix("--") {
            let name = long.split('=').next().unwrap_or_default();
            if let Resolved::Option(option, _) = options::resolve(name) {
                found.push(option);
            }
        } else if let Some(cluster) = word.strip_prefix('-') {
            for short in cluster.chars() {
                let Some(option) = options::by_short(short) else { break };
                found.push(option);
                if option.takes_value() {
                    break;
                }
            }
        }
    }
    found
}

/// Every line that is played beside s3cmd, and every option that the generators choose from.
fn lines() -> Vec<String> {
    let pools = random_cases::options::POOLS.iter().chain(random_lines::POOLS);
    let generated = pools.copied().flatten().map(|option| (*option).to_owned());
    let scenes = scenes::all().flat_map(|scene| scene.lines).filter(|line| !line.starts_with('!'));
    let scenes = scenes.map(|line| line.split_once(" | ").map_or(*line, |(_, line)| line).to_owned());
    scenes.chain(transcripts::lines()).chain(generated).collect()
}

#[test]
fn every_option_of_s3cmd_is_played_beside_it() {
    let played: BTreeSet<&str> =
        lines().iter().flat_map(|line| used(line)).map(|option| option.name()).collect();
    let theirs: Vec<&OptionSpec> = options::all().filter(|option| option.origin == Origin::S3cmd).collect();
    let elsewhere = |name: &str| ELSEWHERE.iter().any(|(other, _)| *other == name);
    let missing: Vec<&str> = theirs
        .iter()
        .map(|option| option.name())
        .filter(|name| !played.contains(name) && !elsewhere(name))
        .collect();
    assert!(missing.is_empty(), "played by no line: {missing:?}");
    for (name, _) in ELSEWHERE {
        assert!(theirs.iter().any(|option| option.name() == *name), "no option --{name}");
        assert!(!played.contains(name), "--{name} is played after all");
    }
}
