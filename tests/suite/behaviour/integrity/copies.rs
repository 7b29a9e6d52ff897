//! Server-side copies that replace or delete their source: if the copy cannot be proved, the source stays.

use crate::support::bytes::bytes;
use crate::support::hostile::{Hostile, Lie, Op};

const MIB: usize = 1 << 20;

/// A server on which copies take their bytes from `b/other`, which has the same length.
fn with_wrong_copies(key: &str, content: &[u8], op: Op) -> Hostile {
    let server = Hostile::start();
    let other: Vec<u8> = content.iter().map(|byte| byte ^ 1).collect();
    server.object(&format!("b/{key}"), content).object("b/other", other);
    server.lie(Lie::request(op, |request| {
        request.forget_header("x-amz-copy-source-if-match");
        request.forget_header("x-amz-copy-source");
        request.headers.push(("x-amz-copy-source".to_owned(), "/b/other".to_owned()));
    }));
    server
}

#[test]
fn a_copy_in_parts_onto_itself_is_completed_only_if_it_is_proved() {
    let content = bytes(11 * MIB);
    for line in ["cp s3://b/k s3://b/k", "cp --mime-type=text/x s3://b/k s3://b/k"] {
        let server = with_wrong_copies("k", &content, Op::CopyPart);
        let t = server.world_with("multipart_copy_chunk_size_mb = 5");
        let why = "ERROR: Copy failed for: 's3://b/k' (part 1 of the copy differs from the source)";
        t.s3cmd(line).fails(1).complains(why);
        assert!(server.content("b/k").as_ref() == Some(&content), "{line}");
        assert_eq!((server.count(Op::CopyPart), server.count(Op::Complete)), (3, 0), "{line}");
        assert!(server.uploads().is_empty() && server.deleted().is_empty(), "{line}");
        server.reform();
        t.s3cmd(line).ok();
        assert!(server.content("b/k").as_ref() == Some(&content) && server.count(Op::Complete) == 1);
    }
}

#[test]
fn fixbucket_deletes_an_object_only_if_its_copy_is_proved() {
    for (size, op) in [(10, Op::Copy), (11 * MIB, Op::CopyPart)] {
        let content = bytes(size);
        let server = with_wrong_copies("a\u{1}b", &content, op);
        let t = server.world_with("multipart_copy_chunk_size_mb = 5");
        let run = t.s3cmd("fixbucket s3://b").fails(2).prints("");
        run.explains("ERROR: Copy failed for: 's3://b/a").explains("differs from the source: ");
        assert_eq!(server.deleted(), [""; 0]);
        assert!(server.content("b/a\u{1}b").as_ref() == Some(&content));
    }
}
