//! The layout of the program: a room imports only rooms below it. See the module documentation of `src/lib.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms with the other rooms and the libraries that each may import, besides [`LEAVES`]. A room that is not listed
/// is a leaf.
const ROOMS: &[(&str, &[&str])] = &[
    ("commands", &["cli", "config", "output", "transfer", "s3cmd_client"]),
    ("config", &["cli", "output", "transfer", "s3cmd_client"]),
    ("transfer", &["output", "s3cmd_client"]),
    ("output", &["s3cmd_client"]),
    ("cli", &[]),
];

/// Small modules that any room may import. They import only each other.
const LEAVES: &[&str] = &["dates", "files", "interrupt", "patterns", "shard", "units", "uri"];

/// Files that use the embedded server.
const SERVER_USERS: &[&str] =
    &["src/commands/check/embedded.rs", "src/commands/serve/", "src/commands/shared/server.rs"];

#[test]
fn rooms_import_only_rooms_below_them() {
    let mut wrong = Vec::new();
    for path in sources(Path::new("src")) {
        let room = room_of(&path);
        let allowed = ROOMS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, allowed)| allowed);
        for name in imports(&production_code(&path)) {
            let shown = path.to_string_lossy();
            let is_allowed = match name.as_str() {
                // These two files only connect the rooms.
                _ if matches!(&*room, "main" | "lib") => true,
                "s3cmd_serve" => SERVER_USERS.iter().any(|user| shown.starts_with(user)),
                name => name == room || LEAVES.contains(&name) || allowed.contains(&name),
            };
            if !is_allowed {
                wrong.push(format!("{shown} imports {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that do not go down:\n{}", wrong.join("\n"));
}

#[test]
fn the_lists_are_complete() {
    let found: BTreeSet<String> = sources(Path::new("src")).iter().map(|path| room_of(path)).collect();
    let rooms = ROOMS.iter().map(|(name, _)| *name).chain(["lib", "main"]);
    let listed: BTreeSet<String> = rooms.chain(LEAVES.iter().copied()).map(str::to_owned).collect();
    assert_eq!(found, listed);
}

#[test]
fn imports_are_found_in_lists_and_in_expressions() {
    let text = "use crate::{uri, output::Exit};\nuse s3cmd_client::Client;\n// crate::cli\nlet a = crate::files::x();\n";
    let expected = ["files", "output", "s3cmd_client", "uri"];
    assert_eq!(imports(text), expected.map(str::to_owned).into());
}

/// The source files below a directory, relative to the package.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The module directly below the root: `transfer` for `src/transfer/copy/mod.rs`.
fn room_of(path: &Path) -> String {
    let first = path.components().nth(1).unwrap();
    Path::new(&first).file_stem().unwrap().to_string_lossy().into_owned()
}

/// The text of a file without its tests, which may import anything.
fn production_code(path: &Path) -> String {
    if path.file_name().is_some_and(|name| name == "tests.rs") {
        return String::new();
    }
    let text = fs::read_to_string(path).unwrap();
    let tests = text.find("\n#[cfg(test)]\nmod ").or_else(|| text.find("\n#[cfg(all(test, "));
    text[..tests.unwrap_or(text.len())].to_owned()
}

/// The rooms and libraries of the workspace that a text names.
fn imports(text: &str) -> BTreeSet<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => found.extend(heads(list)),
            None => found.extend(first_name(rest)),
        }
    }
    let libraries = ["s3cmd_client", "s3cmd_serve"].into_iter();
    found.extend(libraries.filter(|library| code.contains(&format!("{library}::"))).map(str::to_owned));
    // Macros and functions of the root are not rooms.
    found.retain(|name| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    found
}

/// The first names of the items of a list, up to its closing brace.
fn heads(list: &str) -> Vec<String> {
    let (mut depth, mut item, mut found) = (0, String::new(), Vec::new());
    for c in list.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => found.extend(first_name(std::mem::take(&mut item).trim_start())),
            c => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                item.push(c);
            }
        }
    }
    found.extend(first_name(item.trim_start()));
    found
}

fn first_name(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    Some(text[..end].to_owned()).filter(|name| !name.is_empty())
}
