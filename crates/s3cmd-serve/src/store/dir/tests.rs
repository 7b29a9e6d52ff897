//! Opening directories and resolving paths.

use super::*;

#[test]
fn directories_of_different_file_systems_are_different_even_with_the_same_inode() {
    let [proc, sys] = ["/proc", "/sys"].map(|path| Dir::open(Path::new(path)).unwrap());
    assert_eq!(proc.stat_self().unwrap().inode, sys.stat_self().unwrap().inode);
    assert_ne!(proc.identity().unwrap(), sys.identity().unwrap());
    let root = Dir::open(Path::new("/")).unwrap();
    assert_eq!(root.child_identity("proc").unwrap(), Some(proc.identity().unwrap()));
}

/// Neither `openat2` nor the component-wise walk follows links.
#[test]
fn openat2_and_the_walk_by_component_find_the_same() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(outside.path().join("x/y")).unwrap();
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("a/b/c")).unwrap();
    std::fs::write(root.path().join("a/file"), "x").unwrap();
    std::os::unix::fs::symlink(outside.path(), root.path().join("a/out")).unwrap();
    std::os::unix::fs::symlink("b", root.path().join("a/in")).unwrap();
    let dir = Dir::open(root.path()).unwrap();
    let inode = |found: &Option<Dir>| found.as_ref().map(|dir| dir.stat_self().unwrap().inode);
    let long = "n".repeat(300);
    for path in
        ["", "a", "a/b", "a/b/c", "a/none", "a/file", "a/file/x", "a/out", "a/out/x", "a/in/c", "a//b", &long]
    {
        let parts: Vec<&str> = path.split('/').collect();
        let found = dir.walk(parts.iter().copied()).unwrap();
        let walked = dir.walk_by_component(&parts).unwrap();
        assert_eq!(inode(&found), inode(&walked), "{path}");
        let exists = matches!(path, "a" | "a/b" | "a/b/c");
        assert_eq!(found.is_some(), exists, "{path}");
        if let Some(opened) = dir.open_with_openat2(path, DIRECTORY) {
            assert_eq!(inode(&opened.unwrap().map(Dir)), inode(&walked), "{path}");
        }
    }
    for outside in ["..", "a/../..", "a/b/../../.."] {
        let parts: Vec<&str> = outside.split('/').collect();
        assert!(dir.walk(parts.iter().copied()).unwrap().is_none(), "{outside}");
        assert!(dir.walk_by_component(&parts).unwrap().is_none(), "{outside}");
    }
    std::fs::write(outside.path().join("x/secret"), "s").unwrap();
    std::fs::write(root.path().join("a/b/long"), vec![b'l'; SMALL + 1]).unwrap();
    std::os::unix::fs::symlink("file", root.path().join("a/linked")).unwrap();
    for (path, size) in [("a/file", 1), ("a/b/long", SMALL + 1)] {
        assert_eq!(dir.open_below(path).unwrap().unwrap().1.size, size as u64, "{path}");
        assert_eq!(dir.read_below(path).unwrap().unwrap().len(), size, "{path}");
    }
    for path in ["a/none", "a/b", "a/out/x/secret", "a/linked", "a/file/x", "a/b/../file", "a//file", &long] {
        assert!(dir.open_below(path).unwrap().is_none(), "{path}");
        assert!(dir.read_below(path).unwrap().is_none(), "{path}");
    }
}
