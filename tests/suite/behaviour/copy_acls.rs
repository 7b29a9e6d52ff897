//! The ACLs of copies: carried over, refused, or requested by options.

use crate::support::env::TestEnv;
use crate::support::hostile::{Answer, Hostile, Lie, Op};

/// An ACL of the owner `owner`: full control for the owner and READ for all users.
fn public_of(owner: &str) -> Answer {
    let user = format!("<ID>{owner}</ID><DisplayName>{owner}</DisplayName>");
    let xsi = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
    let all = "http://acs.amazonaws.com/groups/global/AllUsers";
    Answer::xml(
        "AccessControlPolicy",
        &format!(
            "<Owner>{user}</Owner><AccessControlList><Grant><Grantee {xsi} xsi:type=\"CanonicalUser\">{user}</Grantee>\
             <Permission>FULL_CONTROL</Permission></Grant><Grant><Grantee {xsi} xsi:type=\"Group\"><URI>{all}</URI>\
             </Grantee><Permission>READ</Permission></Grant></AccessControlList>"
        ),
    )
}

#[test]
fn grants_that_cannot_be_written_are_a_warning_and_the_copy_counts() {
    for refusal in [
        Answer::error(403, "AccessDenied"),
        Answer::error(400, "AccessControlListNotSupported"),
        Answer::error(400, "InvalidRequest"),
        Answer::error(405, "MethodNotAllowed"),
        Answer::error(501, "NotImplemented"),
    ] {
        let server = Hostile::start();
        server.object("b/k", "content").object("b/d/one", "1").object("b/d/two", "2").bucket("to");
        server.lie(Lie::instead(Op::GetDocument("acl"), public_of("me")));
        server.lie(Lie::instead(Op::PutDocument("acl"), refusal));
        let t = server.world();
        for line in [
            "cp s3://b/k s3://to/copied",
            "sync s3://b/d/ s3://to/synced/",
            "modify --mime-type=text/x-new s3://b/k",
            "mv s3://b/k s3://to/moved",
            "mv -r s3://b/d/ s3://to/all/",
        ] {
            let run = t.s3cmd(line).run();
            assert_eq!(run.code, Some(0), "{run}");
            run.explains("WARNING: The grants of 's3://b/").silent_about("Copy failed");
        }
        let keys = ["to/all/one", "to/all/two", "to/copied", "to/moved", "to/synced/one", "to/synced/two"];
        assert_eq!(server.keys(), keys);
    }
}

#[test]
fn a_copy_belongs_to_the_user_that_made_it() {
    let server = Hostile::start();
    server.object("b/k", "content").bucket("to");
    server.lie(Lie::instead(Op::GetDocument("acl"), public_of("them")).of("k"));
    let t = server.world();
    t.s3cmd("cp s3://b/k s3://to/copy").ok();
    let calls = server.calls();
    let written = calls.iter().find(|call| call.op == Op::PutDocument("acl")).expect("grants are written");
    let text = String::from_utf8_lossy(&written.request.body);
    assert!(
        text.contains("<Owner><ID>me</ID>") && text.contains("AllUsers") && !text.contains("them"),
        "{text}"
    );
}

#[test]
fn headers_of_grants_win_over_the_grants_of_the_source() {
    let t = TestEnv::with_bucket();
    t.object("k", "content");
    t.s3cmd("setacl --acl-public s3://BUCKET/k").ok();
    let anonymous = |key: &str| t.s3cmd(&format!("info s3://BUCKET/{key}")).ok().stdout.contains("*anon*");
    assert!(anonymous("k"));
    t.s3cmd("cp s3://BUCKET/k s3://BUCKET/public").ok();
    assert!(anonymous("public"));
    t.s3cmd("cp --add-header=x-amz-acl:private s3://BUCKET/k s3://BUCKET/private").ok();
    assert!(!anonymous("private"));
    t.s3cmd("cp --add-header=X-Amz-Acl:private s3://BUCKET/k s3://BUCKET/capital").ok();
    assert!(!anonymous("capital"));
    t.s3cmd("mv --add-header=x-amz-acl:private s3://BUCKET/public s3://BUCKET/moved").ok();
    assert!(!anonymous("moved"));
    t.s3cmd("modify --add-header=x-amz-acl:private s3://BUCKET/k").ok();
    assert!(!anonymous("k"));
    t.s3cmd("cp --add-header=x-amz-acl:public-read s3://BUCKET/k s3://BUCKET/opened").ok();
    assert!(anonymous("opened"));
}
