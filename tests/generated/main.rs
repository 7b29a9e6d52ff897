//! The generated files: `man/` and `completions/`, made from the tables of the program. They are checked in. The test
//! here fails if they are out of date.
//!
//! `BLESS=1 cargo test --test generated` updates them.

mod bash;
mod fish;
mod lines;
mod manual;
mod markup;
mod s3cfg;
mod zsh;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The generated files by their paths in the repository.
fn files() -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = manual::pages().collect();
    files.insert("man/s3cfg.5".into(), s3cfg::page());
    files.insert("completions/s3cmd.bash".into(), bash::script());
    files.insert("completions/_s3cmd".into(), zsh::script());
    files.insert("completions/s3cmd.fish".into(), fish::script());
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The existing files in the directories of generated files.
fn existing() -> Vec<PathBuf> {
    let directories = ["man", "completions"].map(|name| root().join(name));
    let entries = directories.iter().filter_map(|directory| fs::read_dir(directory).ok()).flatten();
    entries.map(|entry| entry.expect("the directory can be read").path()).collect()
}

#[test]
fn man_pages_and_completions_are_up_to_date() {
    let files = files();
    let stray: Vec<PathBuf> = existing()
        .into_iter()
        .filter(|path| !files.contains_key(&*path.strip_prefix(root()).expect("below").to_string_lossy()))
        .collect();
    if std::env::var_os("BLESS").is_some() {
        for path in stray {
            fs::remove_file(path).expect("a stray file can be removed");
        }
        for (name, text) in &files {
            let path = root().join(name);
            fs::create_dir_all(path.parent().expect("a file has a directory")).expect("a directory");
            fs::write(path, text).expect("the file is written");
        }
        return;
    }
    let stale: Vec<&String> =
        files.iter().filter(|(name, text)| !same(&root().join(name), text)).map(|(name, _)| name).collect();
    assert!(
        stale.is_empty() && stray.is_empty(),
        "out of date: {stale:?}; not generated: {stray:?}. Update with `BLESS=1 cargo test --test generated`"
    );
}

fn same(path: &Path, text: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|found| found.replace("\r\n", "\n") == text)
}
