//! The modules of the server must not import each other in a cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Collects the source code below a directory, without tests, by module path.
fn sources(dir: &Path, module: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = match path.file_stem().unwrap().to_str().unwrap() {
            "tests" => continue,
            "mod" | "lib" => module.to_owned(),
            stem => format!("{module}::{stem}"),
        };
        if path.is_dir() {
            sources(&path, &name, found);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            found.insert(name, code.to_owned());
        }
    }
}

/// Adds the paths of a `use` tree.
fn add_paths(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let mut depth = 0;
    let parts = tree.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('{') {
            Some((stem, rest)) => {
                add_paths(&format!("{prefix}{stem}"), rest.strip_suffix('}').unwrap_or(rest), paths);
            }
            None => paths.push(format!("{prefix}{part}")),
        }
    }
}

/// The modules that a module imports with `use` declarations at its top level.
fn imports(module: &str, sources: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut paths = Vec::new();
    let code = format!("\n{}", sources[module]);
    for start in ["\nuse ", "\npub use ", "\npub(crate) use ", "\npub(super) use "] {
        for tree in code.split(start).skip(1) {
            add_paths("", tree.split(';').next().unwrap(), &mut paths);
        }
    }
    let target = |path: String| {
        let mut base = module;
        let mut rest = path.as_str();
        while let Some(after) = rest.strip_prefix("super::") {
            base = base.rsplit_once("::").map_or("", |(parent, _)| parent);
            rest = after;
        }
        let mut full = match rest.strip_prefix("crate::") {
            Some(rest) => format!("crate::{rest}"),
            None => format!("{base}::{rest}"),
        };
        while !sources.contains_key(&full) {
            full = full.rsplit_once("::")?.0.to_owned();
        }
        Some(full).filter(|full| full != module)
    };
    paths.into_iter().filter_map(target).collect()
}

#[test]
fn modules_have_no_import_cycles() {
    let mut found = BTreeMap::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "crate", &mut found);
    let mut left: BTreeMap<&str, BTreeSet<String>> =
        found.keys().map(|module| (module.as_str(), imports(module, &found))).collect();
    assert!(left["crate::start"].contains("crate::http::server"), "imports are found");
    loop {
        let free: BTreeSet<String> = left
            .iter()
            .filter(|(_, imports)| imports.is_empty())
            .map(|(module, _)| (*module).to_owned())
            .collect();
        if free.is_empty() {
            break;
        }
        left.retain(|module, _| !free.contains(*module));
        left.values_mut().for_each(|imports| imports.retain(|module| !free.contains(module)));
    }
    assert!(left.is_empty(), "modules in an import cycle, or that depend on one: {left:#?}");
}
