//! The cases of each command.

use super::options::{CHANGES, DELETIONS, DOWNLOADS, EVERYWHERE, GRANTS, MIRRORS, STORED, UPLOADS};
use super::{Case, names, quoted, some};
use crate::support::random::Random;
use crate::support::random_trees::{File, glob, links, seeds, tree, without_tags};

/// The case of a seed.
pub(super) fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    match random.below(16) {
        0..=2 => put(&mut random),
        3..=5 => sync_up(&mut random),
        6 | 7 => get(&mut random),
        8..=10 => sync_down(&mut random),
        11 => copy(&mut random, "cp"),
        12 => copy(&mut random, "mv"),
        13 => sync_between(&mut random),
        14 => delete(&mut random),
        _ => change(&mut random),
    }
}

fn sources(random: &mut Random) -> Vec<File> {
    let mut files = tree(random, 9);
    if random.one_in(4) {
        files.extend(links(random));
    }
    if random.one_in(12) {
        let content = (0..6_000_000u32).map(|i| (i % 253) as u8).collect();
        let large = File { name: "large.bin".into(), content, mode: 0o644, time: 1_600_000_000, link: None };
        files.push(large);
    }
    files
}

fn destination(random: &mut Random) -> &'static str {
    ["s3://BUCKET", "s3://BUCKET/", "s3://BUCKET/p/", "'s3://BUCKET/p q/ü+/'", "s3://BUCKET/p/tree/"]
        [random.below(5)]
}

fn put(random: &mut Random) -> Case {
    let mut case = Case { kind: "put", ..Case::default() };
    let files = sources(random);
    let mut options = some(random, UPLOADS, 3) + &some(random, STORED, 2) + &some(random, EVERYWHERE, 1);
    // For public objects the URL is printed, which is encoded here (`public-url-encoding`); scenes play it.
    options = options.replace(" -P", "").replace(" --acl-public", "");
    // A link that is followed and leads nowhere has its own row (`links-away`).
    options = options.replace(" --follow-symlinks", "").replace(" -F", "");
    options += &case.filters(random, &names(&files));
    let plain: Vec<&str> =
        files.iter().filter(|file| !file.name.ends_with('/')).map(|file| file.name.as_str()).collect();
    let to = destination(random);
    let line = match random.below(8) {
        0 if !plain.is_empty() => {
            let name = quoted(&format!("tree/{}", random.pick(&plain)));
            format!(
                "put{options} {name} {}",
                random.pick(&[to, "s3://BUCKET/renamed", "'s3://BUCKET/p/x y'"])
            )
        }
        1 if !plain.is_empty() => {
            // A name without a slash is a deliberate difference.
            let deep: Vec<&str> = plain.iter().copied().filter(|name| name.contains('/')).collect();
            let mut list = String::new();
            for _ in 0..3.min(deep.len()) {
                list += random.pick(&deep);
                list.push('\n');
            }
            case.texts.push(("list".into(), list));
            format!("put -r{options} --files-from=list tree/ {to}")
        }
        2 => format!("put --recursive{options} tree s3://BUCKET/no-slash"),
        _ => format!("put -r{options} {} {to}", random.pick(&["tree", "tree/", "./tree", "./tree/"])),
    };
    case.play(random, &line);
    case.files.push(("tree", files));
    case
}

fn sync_up(random: &mut Random) -> Case {
    let mut case = Case { kind: "sync up", ..Case::default() };
    let mut files = sources(random);
    // The destination: some files as they are, some with other content, some that the source lacks.
    let there = altered(random, &files);
    // One name that no filter excludes: dry runs from an empty source differ (`sync-empty-dry-run`).
    files.push(file_named("anchor"));
    let mut options = some(random, MIRRORS, 2) + &some(random, UPLOADS, 2) + &some(random, STORED, 2);
    options += &some(random, EVERYWHERE, 1);
    options += &case.filters(random, &names(&files));
    if options.contains("exclude") {
        options += " --include=anchor";
    }
    // A link that is followed is a duplicate of its file, which has its own row (`sync-duplicate-attributes`).
    if files.iter().any(|file| file.link.is_some()) {
        options = options.replace(" --follow-symlinks", "").replace(" -F", "");
    }
    let to = destination(random);
    let from = random.pick(&["tree", "tree/", "./tree/"]);
    let below =
        to.trim_matches('\'').strip_prefix("s3://BUCKET").expect("it begins so").trim_start_matches('/');
    let prefix = if from == "tree" { format!("{below}tree/") } else { below.to_owned() };
    let attributes = random.one_in(2);
    case.seeds.push(("BUCKET", seeds(random, &prefix, &there, attributes)));
    case.play(random, &format!("sync{} {from} {to}", with_honest_counts(&options)));
    case.files.push(("tree", files));
    case
}

/// Some of the files as they are, some with other content, and some others.
fn altered(random: &mut Random, files: &[File]) -> Vec<File> {
    let mut there: Vec<File> = Vec::new();
    for file in files.iter().filter(|file| file.link.is_none()) {
        match random.below(4) {
            0 => there.push(file.clone()),
            1 if !file.name.ends_with('/') => {
                let mut other = file.clone();
                other.content.extend_from_slice(b"another");
                other.time -= 1000;
                there.push(other);
            }
            2 if !file.content.is_empty() => {
                let mut other = file.clone();
                other.content[0] ^= 1;
                there.push(other);
            }
            _ => {}
        }
    }
    for file in tree(random, 4) {
        if there.iter().chain(files).all(|known| known.name != file.name) {
            there.push(file);
        }
    }
    there
}

fn get(random: &mut Random) -> Case {
    let mut case = Case { kind: "get", ..Case::default() };
    let objects = tree(random, 8);
    let mut options = some(random, DOWNLOADS, 2) + &some(random, EVERYWHERE, 1);
    options += &case.filters(random, &names(&objects));
    case.seeds.push(("BUCKET", seeds(random, "p/", &objects, true)));
    let plain: Vec<&File> = objects.iter().filter(|file| !file.name.ends_with('/')).collect();
    // A beginning of the content, all of it, or more.
    let mut here: Vec<File> = Vec::new();
    for file in &plain {
        if random.one_in(3) {
            let mut file = (*file).clone();
            let length = [0, file.content.len() / 2, file.content.len()][random.below(3)];
            file.content.truncate(length);
            if random.one_in(4) {
                file.content.extend([b'x'; 6000]);
            }
            here.push(file);
        }
    }
    let line = match random.below(6) {
        0 if !plain.is_empty() => {
            let key = quoted(&format!("s3://BUCKET/p/{}", plain[random.below(plain.len())].name));
            format!("get{options} {key} {}", random.pick(&["down", "down/", "new.file", "missing/x", "-"]))
        }
        1 => format!("get{options} 's3://BUCKET/p/*' down/"),
        2 => format!(
            "get{options} {} down",
            quoted(&format!("s3://BUCKET/p/{}", glob(random, &names(&objects))))
        ),
        _ => {
            let from = random.pick(&["s3://BUCKET/p/", "s3://BUCKET/p", "s3://BUCKET", "s3://BUCKET/"]);
            format!("get -r{options} {from} {}", random.pick(&["down", "down/", "./down"]))
        }
    };
    case.play(random, &line);
    case.files.push(("down", here));
    case
}

fn sync_down(random: &mut Random) -> Case {
    let mut case = Case { kind: "sync down", ..Case::default() };
    let objects = tree(random, 8);
    let attributes = !random.one_in(3);
    // Duplicates are a deliberate difference; empty files are no duplicates.
    let mut here = altered(random, &objects);
    let mut options = some(random, MIRRORS, 2) + &some(random, EVERYWHERE, 1);
    options += &some(random, &["--no-preserve", "--preserve", "--limit-rate=50m", "--delete-after-fetch"], 1);
    // If a filter keeps something in a directory that is deleted, s3cmd ends with a traceback (`sync-kept-directory`).
    if !options.contains(" --delete-removed") {
        options += &case.filters(random, &names(&objects));
    }
    case.seeds.push(("BUCKET", seeds(random, "p/", &objects, attributes)));
    if !attributes || options.contains("--no-preserve") {
        // s3cmd gives every such file the mode 0755; here an existing file keeps its own (`sync-modes`).
        case.kind = "sync down without attributes";
        here.iter_mut().for_each(|file| file.mode = 0o644);
    }
    let from = random.pick(&["s3://BUCKET/p/", "s3://BUCKET/p/", "s3://BUCKET/p"]);
    let to = if from.ends_with('/') { "down" } else { "down/p" };
    let options = with_honest_counts(&options);
    let line = format!("sync{options} {from} {}", random.pick(&["down/", "./down/"]));
    case.play(random, &line);
    case.files.push((to, here));
    case
}

fn copy(random: &mut Random, command: &str) -> Case {
    let mut case = Case { kind: "copy", ..Case::default() };
    let objects = tree(random, 6);
    let mut options = some(random, STORED, 2) + &some(random, CHANGES, 1) + &some(random, EVERYWHERE, 1);
    options += &case.filters(random, &names(&objects));
    // Without another change that option has no effect on copies in s3cmd.
    if options.contains("--remove-header") && !options.contains("--add-header") {
        options += " --add-header=x-amz-meta-a:b";
    }
    let attributes = !random.one_in(4);
    let planted = seeds(random, "p/", &objects, attributes);
    // s3cmd loses the tags when it replaces headers.
    case.seeds.push((
        "BUCKET",
        if options.contains("header") || options.contains("-m") { without_tags(planted) } else { planted },
    ));
    let there = tree(random, 3);
    case.seeds.push(("BUCKET2", seeds(random, "q/", &there, true)));
    let to = random.pick(&["s3://BUCKET2", "s3://BUCKET2/q/", "'s3://BUCKET2/n e w/'"]);
    let plain: Vec<&str> = names(&objects).into_iter().filter(|name| !name.ends_with('/')).collect();
    let line = match random.below(5) {
        0 if !plain.is_empty() => {
            let key = quoted(&format!("s3://BUCKET/p/{}", random.pick(&plain)));
            format!(
                "{command}{options} {key} {}",
                random.pick(&[to, "s3://BUCKET2/q/exactly", "s3://BUCKET/p2/"])
            )
        }
        1 => format!("{command}{options} 's3://BUCKET/p/*' {to}"),
        _ => format!(
            "{command} -r{options} {} {to}",
            random.pick(&["s3://BUCKET/p/", "s3://BUCKET/p", "s3://BUCKET"])
        ),
    };
    case.play(random, &line);
    case
}

fn sync_between(random: &mut Random) -> Case {
    let mut case = Case { kind: "sync between", ..Case::default() };
    let mut objects = tree(random, 7);
    let there = altered(random, &objects);
    // One name that no filter excludes: an empty source is a deliberate difference.
    objects.push(file_named("anchor"));
    let mut options = some(random, MIRRORS, 2) + &some(random, STORED, 1) + &some(random, EVERYWHERE, 1);
    options += &case.filters(random, &names(&objects));
    if options.contains("exclude") {
        // With filters s3cmd also counts the bytes of excluded files.
        options = options.replace(" --stats", "") + " --include=anchor";
    }
    if options.contains("clude") {
        // Its summary does not count the files to delete either.
        options += " -q";
    }
    let planted = seeds(random, "p/", &objects, true);
    case.seeds.push((
        "BUCKET",
        if options.contains("header") || options.contains("-m") { without_tags(planted) } else { planted },
    ));
    case.seeds.push(("BUCKET2", seeds(random, "q/", &there, true)));
    case.play(random, &format!("sync{} s3://BUCKET/p/ s3://BUCKET2/q/", with_honest_counts(&options)));
    case
}

fn file_named(name: &str) -> File {
    File { name: name.into(), content: name.into(), mode: 0o644, time: 1_600_000_000, link: None }
}

fn delete(random: &mut Random) -> Case {
    let mut case = Case { kind: "del", ..Case::default() };
    let objects = tree(random, 8);
    let mut options = some(random, DELETIONS, 2) + &some(random, EVERYWHERE, 1);
    options += &case.filters(random, &names(&objects));
    case.seeds.push(("BUCKET", seeds(random, "p/", &objects, true)));
    let command = random.pick(&["del", "rm"]);
    let line = match random.below(5) {
        0 => {
            let (one, two) =
                (random.pick(&names(&objects)).to_owned(), random.pick(&names(&objects)).to_owned());
            let [one, two] = [one, two].map(|name| quoted(&format!("s3://BUCKET/p/{name}")));
            if one == two {
                format!("{command}{options} {one}")
            } else {
                format!("{command}{options} {one} {two}")
            }
        }
        1 => format!(
            "{command}{options} {}",
            quoted(&format!("s3://BUCKET/p/{}", glob(random, &names(&objects))))
        ),
        _ => format!(
            "{command} -r{options} {}",
            random.pick(&["s3://BUCKET/p/", "s3://BUCKET/p", "s3://BUCKET/", "s3://BUCKET/none/"])
        ),
    };
    case.play(random, &line);
    case
}

fn change(random: &mut Random) -> Case {
    let mut case = Case { kind: "change", ..Case::default() };
    let objects = tree(random, 5);
    let command = random.pick(&["modify", "setacl"]);
    let mut options = if command == "setacl" {
        format!(" {}", random.pick(GRANTS))
    } else {
        some(random, STORED, 2) + &some(random, CHANGES, 2)
    };
    options += &some(random, EVERYWHERE, 1);
    options += &case.filters(random, &names(&objects));
    let attributes = !random.one_in(4);
    case.seeds.push(("BUCKET", without_tags(seeds(random, "p/", &objects, attributes))));
    let from = match random.below(4) {
        0 => quoted(&format!("s3://BUCKET/p/{}", random.pick(&names(&objects)))),
        1 => "'s3://BUCKET/p/*'".to_owned(),
        _ => format!("-r {}", random.pick(&["s3://BUCKET/p/", "s3://BUCKET/p", "s3://BUCKET"])),
    };
    case.play(random, &format!("{command}{options} {from}"));
    case
}

/// Removes `--stats` if nothing is deleted: s3cmd counts deletions that it does not make.
fn with_honest_counts(options: &str) -> String {
    let deletes = options.contains(" --delete-removed") && !options.contains("--no-delete-removed");
    // s3cmd counts the disk usage of directories.
    let deletes = deletes && !options.contains("--keep-dirs");
    if deletes { options.to_owned() } else { options.replace(" --stats", "") }
}
