//! Random command lines through s3cmd 2.4.0 and through this program: options and arguments of the everyday commands,
//! in any order. `S3CMD_SEED` repeats a run.

use crate::compat::twins::{Twins, original};
use crate::support::notice::notice;
use crate::support::random::{Random, number, seed};

const LOCAL: &[&str] = &[
    "hello.txt",
    "one.txt",
    "two.txt",
    "empty.txt",
    "'with space.txt'",
    "ä+%.txt",
    "tree",
    "tree/",
    "tree/sub",
    "notes.html",
];

/// No object has the name of a prefix: `-r` then has another meaning here (`recursive-object`).
const REMOTE: &[&str] = &[
    "s3://BUCKET",
    "s3://BUCKET/",
    "s3://BUCKET/p/",
    "s3://BUCKET/plain",
    "s3://BUCKET/single",
    "s3://BUCKET/p/q/",
];

const KEYS: &[&str] = &[
    "s3://BUCKET/hello.txt",
    "s3://BUCKET/one.txt",
    "s3://BUCKET/p",
    "s3://BUCKET/p/",
    "s3://BUCKET/p/hello.txt",
    "s3://BUCKET/tree/",
    "s3://BUCKET/tree",
    "s3://BUCKET/tree/a.txt",
    "s3://BUCKET/p/*.txt",
    "s3://BUCKET/*",
    "s3://BUCKET",
    "'s3://BUCKET/with space.txt'",
    "s3://BUCKET/none",
];

const PUT_OPTIONS: &[&str] = &[
    "-r",
    "-r",
    "--recursive",
    "--exclude='*.html'",
    "--exclude='sub/*'",
    "--exclude='*' --include='*.txt'",
    "--rexclude='^s'",
    "-n",
    "--mime-type=text/x-test",
    "--no-preserve",
    "--acl-private",
    "--no-guess-mime-type",
    "--storage-class=STANDARD",
    "--add-header=x-amz-meta-a:b",
    "--no-check-md5",
    "-q",
    "--no-progress",
    "--stats",
];

const GET_OPTIONS: &[&str] =
    &["-r", "-r", "--force", "-f", "--skip-existing", "--continue", "-n", "--exclude='*.html'", "-q"];

const LS_OPTIONS: &[&str] =
    &["-r", "-l", "-H", "--list-md5", "--limit=2", "--human-readable-sizes", "--recursive"];

const DEL_OPTIONS: &[&str] = &["-r", "-n", "-f", "--exclude='*.txt'", "--max-delete=2"];

/// All the options to choose from.
pub(crate) const POOLS: &[&[&str]] = &[PUT_OPTIONS, GET_OPTIONS, LS_OPTIONS, DEL_OPTIONS];

/// A command line.
fn line(random: &mut Random) -> String {
    // Uploads are more frequent, so that there is something to work on.
    match random.below(12) {
        0..=3 => put(random),
        4 | 5 => get(random),
        6 => compose(random, "ls", LS_OPTIONS, 3, 1, REMOTE),
        7 => compose(random, "du", &["-H"], 1, 1, REMOTE),
        8 => copy(random),
        9 => compose(random, "del", DEL_OPTIONS, 2, 1, KEYS),
        10 => compose(
            random,
            "setacl",
            &["--acl-public", "--acl-private", "-r", "--acl-grant=read:ALTID"],
            2,
            1,
            KEYS,
        ),
        _ => compose(random, "info", &[], 0, 1, KEYS),
    }
}

fn put(random: &mut Random) -> String {
    let sources = random.below(3) + 1;
    let line = compose(random, "put", PUT_OPTIONS, 4, sources, LOCAL);
    format!("{line} {}", random.pick(REMOTE))
}

fn get(random: &mut Random) -> String {
    let sources = random.below(2) + 1;
    let line = compose(random, "get", GET_OPTIONS, 3, sources, KEYS);
    format!("{line} {}", random.pick(&["down", "down/", "got", "down/new", "missing/", "."]))
}

fn copy(random: &mut Random) -> String {
    let command = random.pick(&["cp", "cp", "mv"]);
    let line = compose(random, command, &["-r", "--exclude='*.html'", "--acl-private", "-n"], 2, 1, KEYS);
    format!(
        "{line} {}",
        random.pick(&["s3://BUCKET2", "s3://BUCKET2/q/", "s3://BUCKET2/new", "s3://BUCKET/c/"])
    )
}

/// A command with some options and arguments, in any order.
fn compose(
    random: &mut Random,
    command: &str,
    options: &[&str],
    most: usize,
    arguments: usize,
    from: &[&str],
) -> String {
    let mut words = vec![command.to_owned()];
    words.extend((0..arguments).map(|_| random.pick(from).to_owned()));
    if !options.is_empty() {
        for _ in 0..random.below(most + 1) {
            let at = random.below(words.len() + 1);
            words.insert(at, random.pick(options).to_owned());
        }
    }
    words.join(" ")
}

/// Random lines, one after the other on the same pair of worlds. `S3CMD_SEED` repeats a run, `S3CMD_RANDOM_LINES` is
/// the number of lines.
#[test]
fn random_lines_do_as_in_s3cmd() {
    let Some(original) = original() else { return };
    let (seed, count) = (seed(), number("S3CMD_RANDOM_LINES").unwrap_or(60));
    notice(&format!("{count} random command lines from S3CMD_SEED={seed}"));
    let twins = Twins::new(&original);
    let mut random = Random::new(seed);
    let mut played = Vec::new();
    for _ in 0..count {
        let line = line(&mut random);
        if twins.fetches_with_gaps(&line) {
            continue;
        }
        played.push(line.clone());
        if let Some(difference) = twins.compare(&line).or_else(|| twins.compare_results("after random lines"))
        {
            panic!("S3CMD_SEED={seed}, after\n{}\nthey differ: {difference}", played.join("\n"));
        }
    }
}
