//! Encryption with GPG before the upload and decryption after the download.

use crate::support::bytes::bytes;
use crate::support::env::TestEnv;
use crate::support::gpg::{call, world};
use std::os::unix::fs::PermissionsExt;

#[test]
fn encrypted_files_come_back_and_the_store_sees_no_plaintext() {
    let Some(t) = world() else { return };
    let big: Vec<u8> = bytes(13_000_000);
    t.file("big.bin", &big);
    t.file("-dash", "a name like an option\n");
    t.file("empty", "");
    call(&t, "put -e --multipart-chunk-size-mb=5 hello.txt ./-dash empty big.bin s3://BUCKET/e/").ok();
    let info = t.s3cmd("info s3://BUCKET/e/hello.txt").ok();
    let info = info.mentions("MD5 sum:   6f5902ac237024bdd0c176cb93063dc4");
    info.mentions("x-amz-meta-s3tools-gpgenc: gpg").mentions("MIME type: application/octet-stream");
    t.dir("out");
    call(&t, "get -r s3://BUCKET/e/ out").ok();
    for name in ["hello.txt", "-dash", "empty", "big.bin"] {
        assert_eq!(t.read(format!("out/{name}")), t.read(name), "{name}");
    }
    assert_eq!(std::fs::metadata(t.path("out/hello.txt")).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(t.files("out").len(), 4);
    call(&t, "get s3://BUCKET/e/hello.txt -").ok().prints("hello world");
    // `sync` leaves objects encrypted, so this is what the store holds.
    t.dir("raw");
    t.s3cmd("sync s3://BUCKET/e/ raw/").run();
    let raw = t.read("raw/hello.txt");
    assert!(!raw.windows(5).any(|part| part == b"hello"), "{raw:?}");
    assert!(t.files("temp").is_empty());
}

#[test]
fn the_configuration_encrypts_and_an_option_overrides_it() {
    let Some(t) = world() else { return };
    t.configure("encrypt = True");
    call(&t, "put hello.txt s3://BUCKET/e").ok();
    call(&t, "put --no-encrypt hello.txt s3://BUCKET/plain").ok();
    call(&t, "put - s3://BUCKET/stdin").stdin("from a pipe\n").ok();
    call(&t, "get s3://BUCKET/stdin -").ok().prints("from a pipe");
    t.s3cmd("info s3://BUCKET/e").ok().mentions("gpgenc");
    t.s3cmd("info s3://BUCKET/stdin").ok().mentions("gpgenc");
    t.s3cmd("info s3://BUCKET/plain").ok().silent_about("gpgenc");
    t.s3cmd("sync work s3://BUCKET/").fails(64).explains("doesn't yet support GPG encryption, sorry.");
}

#[test]
fn a_failed_decryption_leaves_nothing_and_is_a_failure() {
    let Some(t) = world() else { return };
    call(&t, "put -e hello.txt s3://BUCKET/e").ok();
    t.configure("gpg_passphrase = another one");
    call(&t, "get s3://BUCKET/e there").fails(2).explains("Download of 'there' failed (Reason: GPG: ");
    call(&t, "get s3://BUCKET/e -").fails(2).prints("");
    t.file("there", "before");
    call(&t, "get --force s3://BUCKET/e there").fails(2);
    assert_eq!(t.read("there"), b"before");
    assert_eq!(t.files("").into_iter().filter(|name| name.contains(".part")).count(), 0);
    assert!(t.files("temp").is_empty());
}

#[test]
fn nothing_is_uploaded_unencrypted_when_encryption_fails() {
    let t = TestEnv::with_bucket();
    t.configure("gpg_passphrase = x");
    t.file("hello.txt", "hello world\n");
    t.dir("temp");
    t.configure("gpg_command = /bin/false");
    call(&t, "put -e hello.txt s3://BUCKET").fails(2).explains("Encryption of 'hello.txt' failed");
    t.configure("gpg_command = /bin/true");
    call(&t, "put -e hello.txt s3://BUCKET").fails(2).explains("GPG wrote nothing");
    t.configure("gpg_command = /nowhere/gpg");
    call(&t, "put -e hello.txt s3://BUCKET").fails(78).complains("ERROR: GPG program not found");
    t.configure("gpg_passphrase =");
    call(&t, "put -e hello.txt s3://BUCKET").fails(78).explains("no passphrase set in config file");
    assert!(t.keys().is_empty());
    assert!(t.files("temp").is_empty());
}
