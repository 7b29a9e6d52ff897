//! The hostile server without lies serves every command that the lies are tried on.

use super::{Answer, Framing, Hostile, Lie, Op};

#[test]
fn without_lies_every_command_succeeds() {
    let server = Hostile::start();
    let t = server.world();
    t.configure("multipart_copy_chunk_size_mb = 5");
    t.file("small", "hello world\n");
    let large: Vec<u8> = (0..6_u32 << 20).map(|at| (at % 251) as u8).collect();
    t.file("large", &large);
    t.tree();
    t.s3cmd("mb s3://made").ok();
    server.bucket("b");
    t.s3cmd("put small s3://b/small").ok();
    t.s3cmd("put --multipart-chunk-size-mb=5 large s3://b/large").ok();
    t.s3cmd("put --multipart-chunk-size-mb=5 - s3://b/stdin").stdin(&large).ok();
    t.s3cmd("sync tree/ s3://b/tree/").ok();
    assert_eq!(server.content("b/large").as_ref(), Some(&large));
    assert_eq!(server.content("b/stdin").as_ref(), Some(&large));
    server.page_size(2);
    t.s3cmd("ls -r s3://b").ok().mentions("s3://b/tree/sub/c d.txt").mentions("s3://b/tree/päivä.txt");
    t.s3cmd("ls s3://b").ok().mentions("DIR").mentions("s3://b/tree/");
    t.s3cmd("du s3://b").ok().mentions("7 objects");
    t.s3cmd("get s3://b/large back").ok();
    assert!(t.read("back") == large);
    t.dir("down");
    t.s3cmd("get -r s3://b/tree down/").ok();
    assert_eq!(t.files("down/tree").len(), 4);
    t.s3cmd("sync --delete-removed s3://b/tree/ s3://b/copy/").ok();
    t.s3cmd("cp s3://b/large s3://b/large2").ok();
    assert_eq!(server.count(Op::CopyPart), 2);
    t.s3cmd("mv s3://b/small s3://b/moved").ok();
    t.s3cmd("cp -r s3://b/copy/ s3://b/third/").ok();
    t.s3cmd("modify --mime-type=text/x-new s3://b/moved").ok();
    t.s3cmd("info s3://b/moved").ok().mentions("text/x-new");
    t.s3cmd("info s3://b").ok();
    t.s3cmd("md5sum s3://b/moved").ok().mentions("6f5902ac237024bdd0c176cb93063dc4");
    t.s3cmd("setacl --acl-public s3://b/moved").ok();
    t.s3cmd("settagging s3://b/moved a=b").ok();
    t.s3cmd("gettagging s3://b/moved").ok().mentions("a:\tb");
    t.s3cmd("ls --all-versions -r s3://b").ok().mentions("s3://b/moved");
    let ids = ["one", "two", "three"].map(|key| server.upload(&format!("b/{key}")));
    ids.iter().fold(t.s3cmd("multipart s3://b").ok(), |run, id| run.mentions(id));
    t.s3cmd(&format!("abortmp s3://b/one {}", ids[0])).ok();
    assert_eq!(server.uploads().len(), 2);
    t.s3cmd("fixbucket s3://b").ok();
    t.s3cmd("del s3://b/moved").ok();
    t.s3cmd("del -r s3://b/third/").ok();
    t.s3cmd("sync tree/ s3://b/tree/").ok();
    t.s3cmd("get --delete-after-fetch s3://b/large2 fetched").ok();
    let run = t.s3cmd("rb -r s3://b").run();
    assert_eq!((run.code, server.keys().len()), (Some(0), 0), "{run}");
}

#[test]
fn lies_apply_when_requested() {
    let server = Hostile::start();
    let t = server.world();
    server.object("b/one", "1").object("b/two", "2");
    server.lie(Lie::instead(Op::Head, Answer::error(403, "AccessDenied")).of("two").after(1).times(1));
    for (key, code) in [("one", 0), ("two", 0), ("two", 77), ("two", 0), ("one", 0)] {
        assert_eq!(t.s3cmd(&format!("info s3://b/{key}")).run().code, Some(code), "{key}");
    }
    server.lie(Lie::request(Op::Put, |request| request.body[0] ^= 1));
    t.file("f", "abc");
    t.s3cmd("put f s3://b/f").run();
    assert_eq!(server.content("b/f").as_deref(), Some(&b"`bc"[..]));
    server.lie(Lie::answer(Op::Head, |request, answer| answer.with("Content-Type", &request.key)));
    t.s3cmd("info s3://b/one").ok().mentions("MIME type: one");
    assert_eq!(server.reform().count(Op::Head), 0);
    t.s3cmd("info s3://b/one").ok().silent_about("MIME type: one");
    assert_eq!(server.count(Op::Head), 1);
}

#[test]
fn responses_are_malformed_as_requested_and_requests_are_recorded() {
    let server = Hostile::start();
    let t = server.world();
    server.bucket("b").versioned().object("b/k", "first").object("b/k", "second");
    for framing in [Framing::Chunked, Framing::Close, Framing::Length] {
        server.reform().lie(Lie::answer(Op::ListObjects, move |_, answer| answer.framed(framing)));
        t.s3cmd("ls s3://b").ok().mentions("s3://b/k");
    }
    server.lie(Lie::answer(Op::ListObjects, |_, answer| Answer { cut: Some(40), ..answer }));
    t.s3cmd("ls s3://b").fails(75);
    server.reform().lie(Lie::text(Op::ListVersions, |text| text.replace("v0001", "other")));
    t.s3cmd("ls --all-versions -r s3://b").ok().mentions("other").silent_about("v0001");
    server.lie(Lie::request(Op::ListVersions, |request| request.forget_param("encoding-type")));
    server.lie(Lie::request(Op::ListVersions, |request| request.forget_header("authorization")));
    t.s3cmd("ls --all-versions -r s3://b").ok();
    server.reform().lie(Lie::instead(Op::UploadPart, Answer::error(403, "AccessDenied")).part(2));
    t.file("large", vec![7; 6 << 20]);
    t.s3cmd("put --multipart-chunk-size-mb=5 large s3://b/large").run();
    let calls = server.calls();
    let parts = calls.iter().filter(|call| call.op == Op::UploadPart);
    let mut parts: Vec<_> = parts.map(|call| (call.request.param("partNumber"), call.status)).collect();
    parts.sort_unstable();
    assert_eq!(parts, [(Some("1"), 200), (Some("2"), 403)]);
    server.lie(Lie::instead(Op::ListBuckets, Answer::html()));
    t.s3cmd("ls").fails(70);
    t.s3cmd("del s3://b/one").ok();
    t.s3cmd("del -r s3://b/k").ok();
    assert_eq!(server.deleted(), ["one", "k"]);
}
