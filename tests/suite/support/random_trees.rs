//! Random trees of files and objects, and random patterns that fit their names.

use crate::support::env::{FILE_TIME, TestEnv};
use crate::support::random::Random;
use crate::support::snapshot::Seed;
use md5::{Digest, Md5};
use std::os::unix::fs::{PermissionsExt, symlink};

/// Names of directories and of files. None is the beginning of another, so that `name` never also means `name2`, which
/// is a deliberate difference (`sync-siblings`).
const DIRECTORIES: &[&str] = &["dir", "e f", "öl", "n[1]", "x*y", "%41"];
const FILES: &[&str] = &[
    "a.txt",
    "b b.txt",
    "päivä.pdf",
    "[x].html",
    "star*.css",
    "q?.json",
    "c+d%20.png",
    "#hash",
    "~tilde.bin",
    ".hidden",
    "Z.TXT",
    "noext",
    "old.v2.zip",
    "quo'te.csv",
    "com,ma;=.jpg",
    "日本.csv",
    "-dash.txt",
    "back\\slash.png",
    "a&b<c>.txt",
];
const MODES: &[u32] = &[0o644, 0o644, 0o644, 0o600, 0o640, 0o444];

/// An entry of a tree.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// Relative name; that of a directory ends in `/`.
    pub(crate) name: String,
    pub(crate) content: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) time: i64,
    /// Where a symbolic link points to.
    pub(crate) link: Option<&'static str>,
}

/// A random tree. All contents differ, except for empty ones.
pub(crate) fn tree(random: &mut Random, most: usize) -> Vec<File> {
    let mut files: Vec<File> = Vec::new();
    for _ in 0..=random.below(most) {
        let mut name = String::new();
        for _ in 0..[0, 0, 1, 1, 2, 3][random.below(6)] {
            name += random.pick(DIRECTORIES);
            name.push('/');
        }
        let is_directory = random.one_in(10) && !name.is_empty();
        if !is_directory {
            name += random.pick(FILES);
        }
        if files.iter().all(|file| file.name != name) {
            files.push(file(random, name));
        }
    }
    files
}

fn file(random: &mut Random, name: String) -> File {
    let size = [0, 1, 20, 20, 200, 5000][random.below(6)];
    let unique = format!("{name} {}\n", random.next());
    let content = if size == 0 || name.ends_with('/') {
        Vec::new()
    } else {
        unique.bytes().cycle().take(size.max(unique.len())).collect()
    };
    let mode = MODES[random.below(MODES.len())];
    let time = FILE_TIME - random.below(100_000_000) as i64;
    File { name, content, mode, time, link: None }
}

/// Symbolic links: to a file, to a directory, to nothing, to itself.
pub(crate) fn links(random: &mut Random) -> Vec<File> {
    let targets: &[(&str, &'static str)] =
        &[("l1", "a.txt"), ("l2", "dir"), ("l3", "nowhere"), ("l4", "l4"), ("l5", "öl")];
    let mut links = Vec::new();
    for (name, target) in targets {
        if random.one_in(2) {
            links.push(File { link: Some(target), ..file(random, (*name).to_owned()) });
        }
    }
    links
}

/// Makes the files below a directory of a world.
pub(crate) fn plant(t: &TestEnv, directory: &str, files: &[File]) {
    t.dir(directory);
    for file in files {
        let place = format!("{directory}/{}", file.name);
        if file.name.ends_with('/') {
            t.dir(&place);
        } else if let Some(target) = file.link {
            t.dir(place.rsplit_once('/').expect("below a directory").0);
            symlink(target, t.path(&place)).expect("a link");
        } else {
            let path = t.file(&place, &file.content);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(file.mode)).expect("a mode");
            filetime::set_file_mtime(&path, filetime::FileTime::from_unix_time(file.time, 0))
                .expect("an age");
        }
    }
}

/// The files as objects below a prefix, with all kinds of headers. With `attributes` each has those that s3cmd stores.
pub(crate) fn seeds(random: &mut Random, prefix: &str, files: &[File], attributes: bool) -> Vec<Seed> {
    files.iter().map(|file| seed(random, prefix, file, attributes)).collect()
}

fn seed(random: &mut Random, prefix: &str, file: &File, attributes: bool) -> Seed {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let is_directory = file.name.ends_with('/');
    let mut headers = vec![header(
        "content-type",
        if is_directory {
            "application/x-directory"
        } else {
            random.pick(&["text/plain", "binary/octet-stream", "text/x; charset=utf-8"])
        },
    )];
    if attributes {
        let mode = if is_directory { 0o40755 } else { 0o100_000 | file.mode };
        let sum = hex::encode(Md5::digest(&file.content));
        let md5 = if is_directory { String::new() } else { format!("md5:{sum}/") };
        let time = file.time;
        let attrs = format!(
            "atime:{time}/ctime:{time}/gid:0/gname:root/{md5}mode:{mode}/mtime:{time}/uid:0/uname:root"
        );
        headers.push(header("x-amz-meta-s3cmd-attrs", &attrs));
    }
    if random.one_in(3) {
        headers.push(header("x-amz-meta-colour", random.pick(&["blue", "a b c", "x=1;y"])));
    }
    if random.one_in(4) {
        headers.push(header("cache-control", "no-cache, max-age=5"));
    }
    if random.one_in(5) {
        headers.push(header("content-disposition", "attachment; filename=\"x y\""));
    }
    if random.one_in(6) {
        headers.push(header("content-language", "fi"));
    }
    if random.one_in(6) {
        headers.push(header("x-amz-acl", "public-read"));
    }
    if random.one_in(5) {
        headers.push(header("x-amz-tagging", "days=1&kind=a%20b"));
    }
    Seed { key: format!("{prefix}{}", file.name), content: file.content.clone(), headers }
}

/// Removes the tags, for commands that lose them in s3cmd.
pub(crate) fn without_tags(seeds: Vec<Seed>) -> Vec<Seed> {
    let keep = |(name, _): &(String, String)| name != "x-amz-tagging";
    seeds
        .into_iter()
        .map(|seed| Seed { headers: seed.headers.into_iter().filter(keep).collect(), ..seed })
        .collect()
}

/// A glob that is related to these names. It never ends in `/`, which is a rule of its own.
pub(crate) fn glob(random: &mut Random, names: &[&str]) -> String {
    const ANY: &[&str] = &[
        "*", "*.txt", "*/*", "?*", "*.[tjh]*", "*[[]*", "dir/*", "*e f*", "[!.]*", "*é*", "*.TXT", "*[*]*",
        "*%*",
    ];
    if names.is_empty() || random.one_in(4) {
        return random.pick(ANY).to_owned();
    }
    let name = random.pick(names).trim_end_matches('/').to_owned();
    match random.below(6) {
        0 => name,
        1 => name.rsplit('/').next().unwrap_or_default().to_owned(),
        2 => name.rsplit_once('/').map_or(name.clone(), |(directory, _)| format!("{directory}/*")),
        _ => {
            let mut chars: Vec<String> = name.chars().map(String::from).collect();
            for _ in 0..=random.below(2) {
                let at = random.below(chars.len());
                let old = chars[at].clone();
                chars[at] = match random.below(4) {
                    0 => "?".to_owned(),
                    1 => "*".to_owned(),
                    2 if !"]^!\\/".contains(&old) => format!("[{old}]"),
                    _ => "[!q]".to_owned(),
                };
            }
            chars.concat()
        }
    }
}

/// A regular expression that is related to these names.
pub(crate) fn regexp(random: &mut Random, names: &[&str]) -> String {
    const ANY: &[&str] = &[
        r"\.txt$",
        "^dir/",
        "b+",
        "(a|ö)",
        r"[a-c]\.",
        "e f",
        "^[^/]*$",
        r"(?i)z\.txt",
        r"\w+\.pdf$",
        r"\d",
        "ä",
        r"^\W",
        "x?y$",
        r"\bb\b",
        "(?=a)a.*(?<!g)$",
        "^.{1,7}$",
    ];
    if names.is_empty() || random.one_in(2) {
        return random.pick(ANY).to_owned();
    }
    let name = random.pick(names).trim_end_matches('/');
    let chars: Vec<char> = name.chars().collect();
    let from = random.below(chars.len());
    let until = from + 1 + random.below(chars.len() - from);
    let mut pattern = if from == 0 && random.one_in(2) { "^".to_owned() } else { String::new() };
    for c in &chars[from..until] {
        if r"\.+*?()[]{}|^$#&-~".contains(*c) {
            pattern.push('\\');
        }
        pattern.push(*c);
    }
    pattern
}
