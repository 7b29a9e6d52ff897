//! `put`: which file becomes which key, what is sent with it, and what is printed.

use crate::support::env::TestEnv;
use std::os::unix::fs::symlink;

#[test]
fn the_destination_decides_the_key() {
    // (what is put, where, the resulting keys)
    let table: &[(&str, &str, &[&str])] = &[
        ("a.txt", "s3://BUCKET", &["a.txt"]),
        ("a.txt", "s3://BUCKET/", &["a.txt"]),
        ("a.txt", "s3://BUCKET/p/", &["p/a.txt"]),
        ("a.txt", "s3://BUCKET/p", &["p"]),
        ("./a.txt", "s3://BUCKET/p/", &["p/a.txt"]),
        ("d/x.txt", "s3://BUCKET", &["x.txt"]),
        ("file://a.txt", "s3://BUCKET", &["a.txt"]),
        ("a.txt d/x.txt", "s3://BUCKET/p/", &["p/a.txt", "p/x.txt"]),
        ("-r d", "s3://BUCKET", &["d/sub/y.txt", "d/x.txt"]),
        ("-r d", "s3://BUCKET/p/", &["p/d/sub/y.txt", "p/d/x.txt"]),
        ("-r d/", "s3://BUCKET/p/", &["p/sub/y.txt", "p/x.txt"]),
        ("-r .", "s3://BUCKET/p/", &["p/a.txt", "p/d/sub/y.txt", "p/d/x.txt"]),
        ("-r d a.txt", "s3://BUCKET/p/", &["p/a.txt", "p/d/sub/y.txt", "p/d/x.txt"]),
        ("a.txt", "s3://BUCKET//p/", &["/p/a.txt"]),
    ];
    let t = TestEnv::with_bucket();
    t.file("a.txt", "a\n");
    t.file("d/x.txt", "x\n");
    t.file("d/sub/y.txt", "y\n");
    for (sources, destination, keys) in table {
        let run = t.s3cmd(&format!("put {sources} {destination}")).ok();
        assert_eq!(t.keys(), *keys, "{run}");
        t.s3cmd("del --recursive --force s3://BUCKET").ok();
    }
}

#[test]
fn destinations_that_make_no_sense_are_refused() {
    let must_be_directory = "ERROR: Parameter problem: Destination S3 URI must end with '/' (ie must refer to a directory on the remote side).";
    let table = [
        ("put a.txt b.txt s3://BUCKET/p", must_be_directory),
        ("put -r d s3://BUCKET/p", must_be_directory),
        ("put d s3://BUCKET/", "ERROR: Parameter problem: Use --recursive to upload a directory: d"),
        ("put a.txt b.txt", "ERROR: Parameter problem: Destination must be S3Uri. Got: file://b.txt"),
        ("put missing s3://BUCKET/", "ERROR: Parameter problem: Nothing to upload."),
        ("put a.txt", "ERROR: Not enough parameters for command 'put'"),
    ];
    let t = TestEnv::with_bucket();
    for name in ["a.txt", "b.txt", "d/c.txt"] {
        t.file(name, "x");
    }
    for (line, complaint) in table {
        t.s3cmd(line).fails(64).prints("").complains(complaint);
    }
    assert!(t.keys().is_empty());
}

#[test]
fn a_result_line_is_printed_for_each_file_in_key_order() {
    let t = TestEnv::with_bucket();
    t.tree();
    t.s3cmd("put -r tree s3://BUCKET").ok().prints(
        "
        |upload: 'tree/a.txt' -> 's3://BUCKET/tree/a.txt' (2 bytes in TIME) [1 of 4]
        |upload: 'tree/päivä.txt' -> 's3://BUCKET/tree/päivä.txt' (2 bytes in TIME) [2 of 4]
        |upload: 'tree/sub/b.txt' -> 's3://BUCKET/tree/sub/b.txt' (2 bytes in TIME) [3 of 4]
        |upload: 'tree/sub/c d.txt' -> 's3://BUCKET/tree/sub/c d.txt' (4 bytes in TIME) [4 of 4]
        ",
    );
}

#[test]
fn a_missing_source_is_named_and_the_others_are_uploaded() {
    let t = TestEnv::with_bucket();
    t.file("one.txt", "one\n");
    t.s3cmd("put missing.txt one.txt s3://BUCKET/many/")
        .fails(2)
        .prints("upload: 'one.txt' -> 's3://BUCKET/many/one.txt' (4 bytes in TIME) [1 of 1]")
        .complains(
            "WARNING: Skipping over missing.txt: No such file or directory\nERROR: 1 of 2 items failed",
        );
}

#[test]
fn sources_that_would_overwrite_each_other_stop_the_run_before_it_starts() {
    let t = TestEnv::with_bucket();
    t.file("a/same.txt", "a");
    t.file("b/same.txt", "b");
    t.s3cmd("put a/same.txt b/same.txt s3://BUCKET/").fails(64).prints("").explains("same.txt");
    assert!(t.keys().is_empty());
}

#[test]
fn excludes_and_includes_choose_the_files() {
    let t = TestEnv::with_bucket();
    for name in ["d/a.txt", "d/b.log", "d/sub/c.txt", "d/sub/d.log"] {
        t.file(name, "x");
    }
    t.file("patterns", "# logs\n\n*.log\n");
    let table: &[(&str, &[&str])] = &[
        ("--exclude='*.log'", &["a.txt", "sub/c.txt"]),
        ("--exclude='sub/*'", &["a.txt", "b.log"]),
        ("--exclude='*' --include='sub/*'", &["sub/c.txt", "sub/d.log"]),
        ("--include='sub/*' --exclude='*'", &["sub/c.txt", "sub/d.log"]),
        ("--rexclude='^sub/.*txt$'", &["a.txt", "b.log", "sub/d.log"]),
        ("--exclude='*' --rinclude='^a'", &["a.txt"]),
        ("--exclude-from=patterns", &["a.txt", "sub/c.txt"]),
        ("--include='*.txt'", &["a.txt", "b.log", "sub/c.txt", "sub/d.log"]),
        ("--exclude='[ab].*'", &["sub/c.txt", "sub/d.log"]),
        ("--exclude='sub/'", &["a.txt", "b.log"]),
    ];
    for (options, keys) in table {
        let run = t.s3cmd(&format!("put -r {options} d/ s3://BUCKET")).ok();
        assert_eq!(t.keys(), *keys, "{run}");
        t.s3cmd("del --recursive --force s3://BUCKET").ok();
    }
    t.s3cmd("put -r -n --exclude='*.log' d/ s3://BUCKET").run().prints(
        "
        |exclude: b.log
        |exclude: sub/d.log
        |upload: 'd/a.txt' -> 's3://BUCKET/a.txt'
        |upload: 'd/sub/c.txt' -> 's3://BUCKET/sub/c.txt'
        ",
    );
    t.s3cmd("put -r --exclude-from=none d/ s3://BUCKET").fails(74).prints("").in_one_line().explains("none");
    t.s3cmd("put -r --rexclude='(' d/ s3://BUCKET").run().prints("").in_one_line();
    assert!(t.keys().is_empty());
}

#[test]
fn a_dry_run_sends_nothing() {
    let t = TestEnv::with_bucket();
    t.file("hello.txt", "hello world\n");
    let run = t.s3cmd("put -n hello.txt s3://BUCKET/dry.txt").run();
    assert_eq!(run.code, Some(0));
    run.prints("upload: 'hello.txt' -> 's3://BUCKET/dry.txt'")
        .complains("WARNING: Exiting now because of --dry-run");
    assert!(t.keys().is_empty());
}

#[test]
fn large_files_are_uploaded_in_parts_and_come_back_whole() {
    let t = TestEnv::with_bucket();
    let content: Vec<u8> = (0..12 * 1024 * 1024).map(|i: u32| i as u8).collect();
    t.file("multi.bin", &content);
    t.s3cmd("put --multipart-chunk-size-mb=5 multi.bin s3://BUCKET")
        .ok()
        .prints("upload: 'multi.bin' -> 's3://BUCKET/multi.bin' (12582912 bytes in TIME) [1 of 1]");
    t.s3cmd("put multi.bin s3://BUCKET/single.bin").ok();
    t.s3cmd("put --multipart-chunk-size-mb=5 --disable-multipart multi.bin s3://BUCKET/disabled.bin").ok();
    t.s3cmd("ls -l s3://BUCKET").ok().prints(
        "
        |YYYY-MM-DD hh:mm     12582912  ee8e104a3ce4b8f60f0e0106f20f51a4     STANDARD     s3://BUCKET/disabled.bin
        |YYYY-MM-DD hh:mm     12582912  19019d16dd0f439825c39a2c5b9178fd-3   STANDARD     s3://BUCKET/multi.bin
        |YYYY-MM-DD hh:mm     12582912  ee8e104a3ce4b8f60f0e0106f20f51a4     STANDARD     s3://BUCKET/single.bin
        ",
    );
    t.s3cmd("info s3://BUCKET/multi.bin").ok().mentions("   MD5 sum:   ee8e104a3ce4b8f60f0e0106f20f51a4\n");
    t.s3cmd("get s3://BUCKET/multi.bin back.bin").ok();
    assert!(t.read("back.bin") == content);
    t.s3cmd("put --multipart-chunk-size-mb=4 multi.bin s3://BUCKET").fails(64);
    t.s3cmd("put --multipart-chunk-size-mb=abc multi.bin s3://BUCKET").fails(2);
}

#[test]
fn standard_input_becomes_an_object() {
    let t = TestEnv::with_bucket();
    t.s3cmd("put - s3://BUCKET/in.txt")
        .stdin("hello world\n")
        .ok()
        .prints("upload: '<stdin>' -> 's3://BUCKET/in.txt' (0 bytes in TIME) [1 of 1]");
    assert_eq!(t.content("in.txt"), b"hello world\n");
    let big: Vec<u8> = (0..11 * 1024 * 1024).map(|i: u32| (i >> 8) as u8).collect();
    t.s3cmd("put --multipart-chunk-size-mb=5 - s3://BUCKET/big").stdin(&big).ok();
    assert!(t.content("big") == big);
    t.s3cmd("put - s3://BUCKET/empty").stdin("").ok();
    assert_eq!(t.content("empty"), b"");
    t.s3cmd("put - s3://BUCKET/dir/").stdin("x").fails(64);
    t.file("a.txt", "a");
    t.s3cmd("put - a.txt s3://BUCKET/dir/").stdin("x").fails(64);
    assert_eq!(t.keys(), ["big", "empty", "in.txt"]);
}

#[test]
fn headers_types_and_attributes_are_stored() {
    let t = TestEnv::with_bucket();
    t.file("hello.txt", "hello world\n");
    t.s3cmd("put --add-header=x-amz-meta-colour:blue --add-header='X-Amz-Meta-Size: 3 ' --mime-type=text/markdown hello.txt s3://BUCKET/meta")
        .ok();
    t.s3cmd("info s3://BUCKET/meta")
        .ok()
        .mentions("   MIME type: text/markdown\n")
        .mentions("   x-amz-meta-colour: blue\n")
        .mentions("   x-amz-meta-size: 3\n")
        .mentions("/md5:6f5902ac237024bdd0c176cb93063dc4/mode:33188/mtime:1704164645/");
    t.s3cmd("put --no-preserve hello.txt s3://BUCKET/plain").ok();
    t.s3cmd("info s3://BUCKET/plain")
        .ok()
        .mentions("   MIME type: text/plain\n")
        .mentions("   x-amz-meta-s3cmd-attrs: md5:6f5902ac237024bdd0c176cb93063dc4\n");
    t.s3cmd("put --no-preserve --no-check-md5 hello.txt s3://BUCKET/none").ok();
    t.s3cmd("info s3://BUCKET/none").ok().silent_about("s3cmd-attrs");
    t.s3cmd("put --add-header=colour hello.txt s3://BUCKET/bad").fails(64);
    t.s3cmd("put --mime-type=nonsense hello.txt s3://BUCKET/bad").fails(2);
}

#[test]
fn the_type_follows_the_extension() {
    let t = TestEnv::with_bucket();
    let table = [
        ("a.txt", "text/plain"),
        ("a.html", "text/html"),
        ("a.css", "text/css"),
        ("a.json", "application/json"),
        ("a.png", "image/png"),
        ("a.pdf", "application/pdf"),
    ];
    for (name, mime) in table {
        t.file(name, "some words\n");
        t.s3cmd(&format!("put {name} s3://BUCKET")).ok();
        t.s3cmd(&format!("info s3://BUCKET/{name}")).ok().mentions(&format!("   MIME type: {mime}\n"));
    }
    t.s3cmd("put --no-guess-mime-type a.txt s3://BUCKET/plain").ok();
    t.s3cmd("info s3://BUCKET/plain").ok().mentions("   MIME type: binary/octet-stream\n");
    t.s3cmd("put --no-guess-mime-type --default-mime-type=text/x-notes a.txt s3://BUCKET/notes").ok();
    t.s3cmd("info s3://BUCKET/notes").ok().mentions("   MIME type: text/x-notes\n");
}

#[test]
fn symbolic_links_are_skipped_unless_followed() {
    let t = TestEnv::with_bucket();
    t.file("d/real.txt", "real\n");
    symlink("real.txt", t.path("d/link.txt")).expect("a link");
    symlink("nowhere", t.path("d/dangling")).expect("a link");
    let run = t.s3cmd("put -r d/ s3://BUCKET").run();
    assert_eq!(run.code, Some(0));
    run.explains("WARNING: Skipping over symbolic link: d/link.txt");
    assert_eq!(t.keys(), ["real.txt"]);
    t.s3cmd("put -r -F d/ s3://BUCKET").fails(2).complains(
        "WARNING: Skipping over d/dangling: No such file or directory\nERROR: 1 of 3 items failed",
    );
    assert_eq!(t.keys(), ["link.txt", "real.txt"]);
    assert_eq!(t.content("link.txt"), b"real\n");
}

#[test]
fn directories_become_objects_only_on_request() {
    let t = TestEnv::with_bucket();
    t.dir("d/empty");
    t.file("d/a", "a");
    t.s3cmd("put -r d/ s3://BUCKET").ok();
    assert_eq!(t.keys(), ["a"]);
    t.s3cmd("put -r --keep-dirs d/ s3://BUCKET").ok();
    assert_eq!(t.keys(), ["a", "empty/"]);
    t.s3cmd("ls -r s3://BUCKET").ok().mentions("       DIROBJ  s3://BUCKET/empty/\n");
}

#[test]
fn control_characters_in_names_are_replaced_with_a_warning() {
    let t = TestEnv::with_bucket();
    t.file("d/a\tb\u{1}.txt", "x");
    let run = t.s3cmd("put -r d/ s3://BUCKET").run();
    assert_eq!(run.code, Some(0));
    run.complains("WARNING: 2 non-printable characters replaced in: a^Ib^A.txt");
    assert_eq!(t.keys(), ["a^Ib^A.txt"]);
}

#[test]
fn a_name_that_is_not_text_is_reported_and_the_rest_is_uploaded() {
    use std::os::unix::ffi::OsStrExt;
    let t = TestEnv::with_bucket();
    t.file("d/a.txt", "a");
    t.file(std::path::Path::new("d").join(std::ffi::OsStr::from_bytes(b"b\xff.txt")), "b");
    t.file("d/c.txt", "c");
    let run = t.s3cmd("put -r d/ s3://BUCKET").fails(2).explains("WARNING: ");
    assert_eq!(run.lines().len(), 2, "{run}");
    assert_eq!(t.keys(), ["a.txt", "c.txt"]);
}

#[test]
fn an_unreadable_file_is_reported_and_the_rest_is_uploaded() {
    use std::os::unix::fs::PermissionsExt;
    let t = TestEnv::with_bucket();
    for name in ["d/a.txt", "d/b.txt", "d/c.txt"] {
        t.file(name, "x");
    }
    std::fs::set_permissions(t.path("d/b.txt"), std::fs::Permissions::from_mode(0o000)).expect("a mode");
    let Some(call) = t.s3cmd("put -r d/ s3://BUCKET").bound_by_permissions() else { return };
    call.fails(2).explains("d/b.txt");
    assert_eq!(t.keys(), ["a.txt", "c.txt"]);
    let call = t.s3cmd("put d/b.txt s3://BUCKET/only").bound_by_permissions().expect("as before");
    let run = call.run();
    assert!(run.code != Some(0) && run.stderr.contains("d/b.txt"), "{run}");
    assert_eq!(t.keys(), ["a.txt", "c.txt"]);
}

#[test]
fn a_missing_bucket_is_one_error() {
    let mut t = TestEnv::new();
    t.reserve("BUCKET");
    t.file("hello.txt", "hello world\n");
    t.file("multi.bin", vec![7; 6 * 1024 * 1024]);
    t.s3cmd("put hello.txt s3://BUCKET")
        .fails(12)
        .prints("")
        .complains("ERROR: S3 error: 404 (NoSuchBucket)");
    t.s3cmd("put --multipart-chunk-size-mb=5 multi.bin s3://BUCKET")
        .fails(12)
        .prints("")
        .complains("ERROR: S3 error: 404 (NoSuchBucket)");
}

#[test]
fn sources_that_end_with_dots_upload_the_content_of_the_directory() {
    let t = TestEnv::with_bucket();
    t.tree();
    t.s3cmd("put -r tree/sub/.. s3://BUCKET/put/").ok();
    t.s3cmd("sync tree/sub/.. s3://BUCKET/sync/").ok();
    t.s3cmd("put -r tree/. s3://BUCKET/dot/").ok();
    let below = |prefix: &str| -> Vec<String> {
        t.keys().iter().filter_map(|key| key.strip_prefix(prefix)).map(str::to_owned).collect()
    };
    assert!(below("put/").contains(&"a.txt".to_owned()));
    assert_eq!(below("put/"), below("sync/"));
    assert_eq!(below("put/"), below("dot/"));
}

#[test]
fn a_content_type_among_the_headers_is_used() {
    let t = TestEnv::with_bucket();
    t.file("a.txt", "a");
    t.s3cmd("put --add-header=Content-Type:text/x-asked a.txt s3://BUCKET").ok();
    t.s3cmd("info s3://BUCKET/a.txt").ok().mentions("MIME type: text/x-asked");
}
