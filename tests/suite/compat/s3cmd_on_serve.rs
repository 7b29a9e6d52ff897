//! Every command of s3cmd 2.4.0, issued by s3cmd 2.4.0 itself, gets the right response from `serve`: the exit code, the
//! output, and the changes, which this program reads.
//!
//! Needs `S3CMD_ORIGINAL`. The CloudFront commands use another service, and `sign` none.

use crate::compat::twins::original;
use crate::support::env::TestEnv;
use crate::support::run::{Invocation, Run};
use crate::support::skip::on_serve;
use std::ffi::OsString;

/// A world in which s3cmd's commands are issued.
struct Stage {
    t: TestEnv,
    original: OsString,
}

impl Stage {
    fn new() -> Option<Self> {
        if !on_serve("what s3cmd 2.4.0 does there") {
            return None;
        }
        let original = original()?;
        let mut t = TestEnv::with_bucket();
        t.new_bucket("BUCKET2");
        t.configure("use_mime_magic = False");
        t.file("hello.txt", "hello world\n");
        t.tree();
        Some(Self { t, original })
    }

    fn call(&self, line: &str) -> Invocation {
        let mut call = self.t.s3cmd(line);
        call.program.clone_from(&self.original);
        call
    }

    /// A line of s3cmd that has to succeed without output on stderr.
    fn ok(&self, line: &str) -> Run {
        self.call(line).ok()
    }
}

#[test]
fn buckets_and_listings() {
    let Some(s) = Stage::new() else { return };
    let t = &s.t;
    s.ok("mb s3://BUCKET-new").prints("Bucket 's3://BUCKET-new/' created\n");
    s.call("mb s3://BUCKET-new").run();
    s.ok("ls").mentions("s3://BUCKET-new");
    s.call("rb s3://MISSING-x").fails(12);
    s.ok("rb s3://BUCKET-new").prints("Bucket 's3://BUCKET-new/' removed\n");
    t.s3cmd("ls s3://BUCKET-new").fails(12);
    s.ok("put hello.txt s3://BUCKET/d/hello.txt")
        .mentions("upload: 'hello.txt' -> 's3://BUCKET/d/hello.txt'");
    s.ok("put hello.txt s3://BUCKET/top");
    s.ok("ls s3://BUCKET").prints(
        "
        |                          DIR  s3://BUCKET/d/
        |YYYY-MM-DD hh:mm           12  s3://BUCKET/top",
    );
    s.ok("ls -r --list-md5 s3://BUCKET").mentions("6f5902ac237024bdd0c176cb93063dc4");
    s.ok("la").mentions("s3://BUCKET/top");
    s.ok("du s3://BUCKET").mentions("24       2 objects s3://BUCKET/");
    s.ok("info s3://BUCKET").mentions("Versioning:none").mentions("ACL:");
    s.ok("info s3://BUCKET/top")
        .mentions("MIME type: text/plain")
        .mentions("6f5902ac237024bdd0c176cb93063dc4");
    s.call("rb s3://BUCKET").fails(13);
    assert_eq!(t.keys(), ["d/hello.txt", "top"]);
    s.call("rb -r -f s3://BUCKET").run().mentions("Bucket 's3://BUCKET/' removed");
    t.s3cmd("ls s3://BUCKET").fails(12);
}

#[test]
fn transfers() {
    let Some(s) = Stage::new() else { return };
    let t = &s.t;
    s.ok("put --mime-type=text/x-odd --add-header=x-amz-meta-colour:blue hello.txt s3://BUCKET/k");
    assert_eq!(t.content("k"), b"hello world\n");
    s.ok("info s3://BUCKET/k").mentions("MIME type: text/x-odd").mentions("x-amz-meta-colour: blue");
    s.ok("get s3://BUCKET/k back").mentions("download: 's3://BUCKET/k' -> 'back'");
    assert_eq!(t.read("back"), b"hello world\n");
    t.file("back2", "hello ");
    s.ok("get --continue s3://BUCKET/k back2");
    assert_eq!(t.read("back2"), b"hello world\n");
    s.call("get s3://BUCKET/missing nowhere").fails(64);
    s.ok("sync tree/ s3://BUCKET/tree/").mentions("Done. Uploaded");
    s.ok("sync tree/ s3://BUCKET/tree/").prints("");
    s.ok("sync s3://BUCKET/tree/ down/");
    assert_eq!(t.files("down"), t.files("tree"));
    s.ok("sync s3://BUCKET/tree/ s3://BUCKET2/copy/").mentions("Summary: 4 source files to copy");
    assert_eq!(t.keys_of("BUCKET2").len(), 4);
    std::fs::remove_file(t.path("tree/a.txt")).unwrap();
    s.ok("sync --delete-removed tree/ s3://BUCKET/tree/").mentions("delete: 's3://BUCKET/tree/a.txt'");
    s.ok("cp s3://BUCKET/k s3://BUCKET/copied")
        .mentions("remote copy: 's3://BUCKET/k' -> 's3://BUCKET/copied'");
    s.ok("info s3://BUCKET/copied").mentions("MIME type: text/x-odd").mentions("x-amz-meta-colour: blue");
    s.ok("mv s3://BUCKET/copied s3://BUCKET/moved")
        .mentions("move: 's3://BUCKET/copied' -> 's3://BUCKET/moved'");
    assert_eq!(t.content("moved"), b"hello world\n");
    s.ok("modify --add-header=x-amz-meta-colour:red s3://BUCKET/moved")
        .mentions("modify: 's3://BUCKET/moved'");
    s.ok("info s3://BUCKET/moved").mentions("x-amz-meta-colour: red");
    assert_eq!(t.content("moved"), b"hello world\n");
    s.ok("del s3://BUCKET/moved").prints("delete: 's3://BUCKET/moved'\n");
    s.ok("rm -r s3://BUCKET/tree/");
    assert_eq!(t.keys(), ["k"]);
    s.ok("put --storage-class=GLACIER hello.txt s3://BUCKET/cold");
    s.ok("restore --restore-days=2 s3://BUCKET/cold").prints("restore: 's3://BUCKET/cold'\n");
    s.ok("get s3://BUCKET/cold warm");
}

#[test]
fn access_and_policies() {
    let Some(mut s) = Stage::new() else { return };
    s.t.know_alt_id("ALTID");
    let t = &s.t;
    s.ok("put hello.txt s3://BUCKET/k");
    s.ok("setacl --acl-public s3://BUCKET/k").mentions("s3://BUCKET/k: ACL set to Public");
    s.ok("info s3://BUCKET/k").mentions("*anon*: READ").mentions("URL:");
    s.ok("setacl --acl-private s3://BUCKET/k").mentions("s3://BUCKET/k: ACL set to Private");
    t.alt("get s3://BUCKET/k refused").fails(77);
    s.ok("setacl --acl-grant=read:ALTID s3://BUCKET/k").mentions("ACL updated");
    t.alt("get s3://BUCKET/k granted").ok();
    s.ok("setacl --acl-revoke=read:ALTID s3://BUCKET/k").mentions("ACL updated");
    t.alt("get --force s3://BUCKET/k granted").fails(77);
    s.ok("setacl --acl-public s3://BUCKET").mentions("ACL set to Public");
    t.file(
        "policy.json",
        t.fill(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/*"}]}"#,
        ),
    );
    s.ok("setpolicy policy.json s3://BUCKET").prints("s3://BUCKET/: Policy updated\n");
    s.ok("info s3://BUCKET").mentions("\"Effect\":\"Allow\"");
    t.alt("get --force s3://BUCKET/k by-policy").ok();
    s.ok("delpolicy s3://BUCKET").prints("s3://BUCKET/: Policy deleted\n");
    t.alt("get --force s3://BUCKET/k by-policy").fails(77);
    assert_eq!(t.keys(), ["k"], "delpolicy deletes a policy and nothing else");
    t.file(
        "cors.xml",
        "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>",
    );
    s.ok("setcors cors.xml s3://BUCKET");
    s.ok("info s3://BUCKET").mentions("<AllowedMethod>GET</AllowedMethod>");
    s.ok("delcors s3://BUCKET").prints("s3://BUCKET/: CORS deleted\n");
    s.ok("info s3://BUCKET").mentions("CORS:      none");
    s.ok("setownership s3://BUCKET BucketOwnerPreferred").mentions("Bucket Object Ownership updated");
    s.ok("info s3://BUCKET").mentions("Ownership: BucketOwnerPreferred");
    s.ok("setblockpublicaccess s3://BUCKET BlockPublicAcls,IgnorePublicAcls")
        .mentions("Block Public Access updated");
    s.ok("info s3://BUCKET").mentions("Block Public Access: BlockPublicAcls,IgnorePublicAcls");
    s.ok("payer --requester-pays s3://BUCKET").prints("s3://BUCKET/: Payer updated\n");
    s.ok("info s3://BUCKET").mentions("Payer:     Requester");
}

#[test]
fn rules_versions_and_tags() {
    let Some(s) = Stage::new() else { return };
    let t = &s.t;
    s.ok("put hello.txt s3://BUCKET/k");
    s.ok("settagging s3://BUCKET/k 'a=1&b=2'").prints("s3://BUCKET/k: Tagging updated\n");
    s.ok("gettagging s3://BUCKET/k").mentions("\ta:\t1\n").mentions("\tb:\t2\n");
    assert_eq!(t.content("k"), b"hello world\n", "settagging keeps the object");
    s.ok("deltagging s3://BUCKET/k").prints("s3://BUCKET/k: Tagging deleted\n");
    s.ok("settagging s3://BUCKET c=3").prints("s3://BUCKET/: Tagging updated\n");
    s.ok("gettagging s3://BUCKET").mentions("\tc:\t3\n");
    s.ok("expire --expiry-days=3 --expiry-prefix=log/ s3://BUCKET")
        .mentions("expiration configuration is set");
    s.ok("info s3://BUCKET").mentions("objects with key prefix 'log/' will expire in '3' day(s)");
    s.ok("getlifecycle s3://BUCKET").mentions("<Days>3</Days>");
    s.ok("dellifecycle s3://BUCKET").prints("s3://BUCKET/: Lifecycle Policy deleted\n");
    t.file(
        "rules.xml",
        "<LifecycleConfiguration><Rule><ID>r</ID><Prefix></Prefix><Status>Enabled</Status><Expiration><Days>7</Days></Expiration></Rule></LifecycleConfiguration>",
    );
    s.ok("setlifecycle rules.xml s3://BUCKET").prints("s3://BUCKET/: Lifecycle Policy updated\n");
    s.ok("getlifecycle s3://BUCKET").mentions("<Days>7</Days>");
    s.ok("setversioning s3://BUCKET enable").prints("s3://BUCKET/: Versioning status updated\n");
    s.ok("info s3://BUCKET").mentions("Versioning:Enabled");
    s.ok("put hello.txt s3://BUCKET/k");
    s.ok("del s3://BUCKET/k");
    assert!(t.keys().is_empty());
    // The versions still exist.
    s.call("rb s3://BUCKET").fails(13);
    s.ok("setversioning s3://BUCKET disable");
    s.ok("info s3://BUCKET").mentions("Versioning:Suspended");
    s.ok("ws-create s3://BUCKET2").mentions("website configuration created");
    s.ok("ws-info s3://BUCKET2").mentions("Index document:   index.html");
    s.ok("ws-delete s3://BUCKET2").mentions("website configuration deleted");
    s.ok("ws-info s3://BUCKET2").mentions("No website configuration found");
}

/// What Ceph 16.2 does in another way, or does not support.
#[test]
fn logging_notification_and_locks() {
    let Some(s) = Stage::new() else { return };
    let t = &s.t;
    s.ok("accesslog s3://BUCKET").mentions("Logging Enabled: False");
    s.ok("accesslog --access-logging-target-prefix=s3://BUCKET2/log- s3://BUCKET")
        .mentions("Logging Enabled: True");
    s.ok("accesslog s3://BUCKET").mentions("s3://BUCKET2/log-");
    s.ok("accesslog --no-access-logging s3://BUCKET").mentions("Logging Enabled: False");
    t.file(
        "notify.xml",
        "<NotificationConfiguration><TopicConfiguration><Id>n</Id><Topic>arn:aws:sns:x:1:t</Topic><Event>s3:ObjectCreated:*</Event></TopicConfiguration></NotificationConfiguration>",
    );
    s.ok("setnotification notify.xml s3://BUCKET").prints("s3://BUCKET/: Notification Policy updated\n");
    s.ok("getnotification s3://BUCKET").mentions("arn:aws:sns:x:1:t");
    s.ok("delnotification s3://BUCKET").prints("s3://BUCKET/: Notification Policy deleted\n");
    s.ok("getnotification s3://BUCKET").silent_about("arn:aws:sns");
    s.ok("mb --add-header=x-amz-bucket-object-lock-enabled:true s3://BUCKET-lock");
    s.ok("put hello.txt s3://BUCKET-lock/k");
    s.ok("setobjectlegalhold ON s3://BUCKET-lock/k");
    assert_eq!(s.ok("get s3://BUCKET-lock/k -").raw, b"hello world\n", "the hold keeps the object");
    s.ok("setobjectlegalhold OFF s3://BUCKET-lock/k");
    // s3cmd 2.4.0 exits with 1 although the service deleted everything.
    let run = s.call("setobjectretention GOVERNANCE 2030-01-01T00:00:00Z s3://BUCKET-lock/k").run();
    assert!(run.code == Some(1) && run.stderr.is_empty(), "{run}");
    assert_eq!(s.ok("get --force s3://BUCKET-lock/k -").raw, b"hello world\n");
}

#[test]
fn uploads_in_parts_links_and_repairs() {
    let Some(s) = Stage::new() else { return };
    let t = &s.t;
    t.file("big", vec![7; (11 << 20) + 5]);
    s.ok("put --multipart-chunk-size-mb=5 big s3://BUCKET/big")
        .mentions("upload: 'big' -> 's3://BUCKET/big'");
    s.ok("ls -l s3://BUCKET/big").mentions("-3");
    s.ok("get s3://BUCKET/big back");
    assert!(t.read("back") == t.read("big"));
    s.ok("multipart s3://BUCKET").prints("s3://BUCKET/\nInitiated\tPath\tId\n");
    // An unfinished upload, as of a killed run.
    let started = crate::support::http::signed(&t.service, "POST", &t.fill("/BUCKET/open?uploads"), &[], b"");
    let id = started.element("UploadId");
    s.ok("multipart s3://BUCKET").mentions(&format!("s3://BUCKET/open\t{id}"));
    s.ok(&format!("listmp s3://BUCKET/open {id}")).mentions("LastModified\t\t\tPartNumber\tETag\tSize");
    s.ok(&format!("abortmp s3://BUCKET/open {id}")).prints("s3://BUCKET/open\n");
    s.ok("multipart s3://BUCKET").silent_about("open");
    s.ok("put hello.txt s3://BUCKET/k");
    let link = String::from_utf8(s.ok("signurl s3://BUCKET/k +60").raw).unwrap();
    let answer = crate::support::http::get(link.trim());
    assert_eq!((answer.status, &*answer.body), (200, &b"hello world\n"[..]));
    let spoilt = link.trim().replace("/k?", "/big?");
    assert_eq!(crate::support::http::get(&spoilt).status, 403);
    s.call("fixbucket s3://BUCKET").run();
    assert_eq!(t.keys(), ["big", "k"]);
    s.ok("sign abc").mentions("Signature: ");
}
