//! `setlifecycle`, `getlifecycle` and `dellifecycle`, and objects that expire.

use crate::support::env::TestEnv;
use crate::support::service::{InProcess, service};
use crate::support::skip;
use std::time::{Duration, Instant};

const LIFECYCLE: &str = r#"<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ID>old</ID><Prefix>log/</Prefix><Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>"#;

#[test]
fn a_lifecycle_is_set_shown_and_removed() {
    let t = TestEnv::with_bucket();
    t.file("lifecycle.xml", LIFECYCLE);
    t.s3cmd("setlifecycle lifecycle.xml s3://BUCKET").ok().prints("s3://BUCKET/: Lifecycle Policy updated");
    t.s3cmd("getlifecycle s3://BUCKET").ok().prints(
        "
        |<?xml version=\"1.0\" ?>
        |<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">
        |	<Rule>
        |		<ID>old</ID>
        |		<Prefix>log/</Prefix>
        |		<Status>Enabled</Status>
        |		<Expiration>
        |			<Days>3</Days>
        |		</Expiration>
        |	</Rule>
        |</LifecycleConfiguration>
        |
        ",
    );
    t.s3cmd("info s3://BUCKET").ok().mentions(
        "   Expiration Rule: objects with key prefix 'log/' will expire in '3' day(s) after creation\n",
    );
    for _ in 0..2 {
        t.s3cmd("dellifecycle s3://BUCKET").ok().prints("s3://BUCKET/: Lifecycle Policy deleted");
    }
    t.s3cmd("getlifecycle s3://BUCKET")
        .fails(12)
        .prints("")
        .complains("ERROR: S3 error: 404 (NoSuchLifecycleConfiguration)");
}

#[test]
fn broken_lifecycle_documents_change_nothing() {
    let t = TestEnv::with_bucket();
    t.file("lifecycle.xml", LIFECYCLE);
    t.file("broken.xml", &LIFECYCLE[..140]);
    t.s3cmd("setlifecycle lifecycle.xml s3://BUCKET").ok();
    t.s3cmd("setlifecycle broken.xml s3://BUCKET")
        .fails(11)
        .prints("")
        .complains("ERROR: S3 error: 400 (MalformedXML)");
    t.s3cmd("setlifecycle no-such.xml s3://BUCKET")
        .fails(74)
        .prints("")
        .in_one_line()
        .explains("no-such.xml");
    t.s3cmd("setlifecycle lifecycle.xml").fails(64);
    t.s3cmd("getlifecycle s3://BUCKET").ok().mentions("<ID>old</ID>");
}

#[test]
fn a_tagged_object_expires_and_its_untagged_neighbour_stays() {
    let own;
    let (service, t) = match service() {
        service if service.external && service.day.is_none() => {
            return skip::unset("RGW_LC_SECONDS");
        }
        service if service.external => (service, TestEnv::with_bucket()),
        _ => {
            own = InProcess::start(Duration::from_secs(2));
            let mut t = TestEnv::on(&own.service);
            t.new_bucket("BUCKET");
            (&own.service, t)
        }
    };
    let day = service.day.expect("a short day");
    t.file(
        "expire.xml",
        "<LifecycleConfiguration><Rule><ID>tagged</ID><Filter><Tag><Key>days</Key><Value>1</Value></Tag></Filter>\
         <Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>",
    );
    t.file("f.txt", "x");
    t.file("g.txt", "x");
    t.s3cmd("setlifecycle expire.xml s3://BUCKET").ok();
    t.s3cmd("--add-header=x-amz-tagging:days=1 put f.txt s3://BUCKET/p/").ok();
    t.s3cmd("put g.txt s3://BUCKET/p/").ok();
    t.s3cmd("gettagging s3://BUCKET/p/f.txt").ok().prints("s3://BUCKET/p/f.txt (object):\n\tdays:\t1");
    assert_eq!(t.keys(), ["p/f.txt", "p/g.txt"]);
    let started = Instant::now();
    while t.keys() != ["p/g.txt"] {
        assert!(started.elapsed() < day * 20 + Duration::from_secs(60), "still there: {:?}", t.keys());
        std::thread::sleep(day / 4);
    }
    std::thread::sleep(day * 2);
    assert_eq!(t.keys(), ["p/g.txt"]);
}
