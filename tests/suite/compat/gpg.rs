//! Encryption beside s3cmd 2.4.0: the same lines, and objects that either program decrypts.

use crate::compat::twins::{Twins, original};
use crate::support::gpg::gpg;
use regex::Regex;

/// GPG never produces the same bytes twice, nor the same number of them, so the sizes of transfers are not compared.
fn masked(text: &str) -> String {
    Regex::new(r"(\()\d\d( bytes)").unwrap().replace_all(text, "${1}N$2").into_owned()
}

#[test]
fn lines_about_encryption_are_those_of_s3cmd_and_objects_are_exchanged() {
    let (Some(original), Some(gpg)) = (original(), gpg()) else { return };
    let twins = Twins::new(&original);
    twins.configure(&format!("gpg_command = {}\ngpg_passphrase = a pass phrase", gpg.display()));
    for line in [
        "put -e hello.txt s3://BUCKET/e/",
        "put -e one.txt two.txt s3://BUCKET/e/",
        "put -n -e one.txt s3://BUCKET/e/",
        "put -r -e tree s3://BUCKET",
        "put --no-check-md5 -e one.txt s3://BUCKET/unsummed",
        "put --no-preserve -e one.txt s3://BUCKET/bare",
        "put -e missing.txt s3://BUCKET/e/",
        "put -e --no-encrypt one.txt s3://BUCKET/plain",
        "sync -e tree/ s3://BUCKET/synced/",
        "get s3://BUCKET/e/hello.txt back.txt",
        "get -r s3://BUCKET/tree/ down/",
        "cp s3://BUCKET/e/hello.txt s3://BUCKET/copied",
        "get s3://BUCKET/copied copied.txt",
    ] {
        let (theirs, ours) = twins.transcripts(line);
        assert_eq!(masked(&ours), masked(&theirs), "{line}");
    }
    if let Some(difference) = twins.compare_results("after encryption") {
        panic!("{difference}");
    }
    // Each program decrypts what the other one encrypted.
    for (theirs, ours) in [(true, false), (false, true)] {
        let (from, to) = (twins.side(theirs), twins.side(ours));
        from.s3cmd("put -e hello.txt s3://BUCKET/exchange").ok();
        let uri = from.normaliser.fill("s3://BUCKET/exchange");
        to.s3cmd("get --force").arg(uri).arg("exchanged.txt").run();
        assert_eq!(to.text("exchanged.txt"), "hello world\n");
    }
}
