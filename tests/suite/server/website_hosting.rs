//! Static website hosting: a site that `ws-create` configures can be visited.

use crate::support::env::TestEnv;
use crate::support::http;
use crate::support::service::service;
use crate::support::skip::on_serve;

#[test]
fn the_endpoint_that_ws_info_prints_serves_the_site() {
    if !on_serve("static website hosting") {
        return;
    }
    let t = TestEnv::with_bucket();
    let port = service().host.rsplit(':').next().unwrap();
    // As in the configuration that `serve` writes.
    t.configure(&format!("website_endpoint = http://%(bucket)s.s3-website.localhost:{port}/"));
    t.s3cmd("ws-create --ws-index=start.html --ws-error=oops.html s3://BUCKET").ok();
    for (name, text) in [("start.html", "home"), ("sub/start.html", "sub"), ("oops.html", "sorry")] {
        t.file(name, text);
        t.s3cmd(&format!("put --acl-public {name} s3://BUCKET/{name}")).ok();
    }
    t.file("private.html", "mine");
    t.s3cmd("put private.html s3://BUCKET").ok();
    let info = t.s3cmd("ws-info s3://BUCKET").ok();
    let url = info.stdout.lines().find_map(|line| line.strip_prefix("Website endpoint: ")).unwrap();
    let url = t.fill(url);
    let page = |path: &str| {
        let answer = http::get(&format!("{url}{path}"));
        (answer.status, String::from_utf8(answer.body).unwrap())
    };
    assert_eq!(page(""), (200, "home".to_owned()));
    assert_eq!(page("sub/"), (200, "sub".to_owned()));
    let moved = http::get(&format!("{url}sub"));
    assert_eq!((moved.status, moved.header("location")), (302, Some("/sub/")));
    assert_eq!(page("private.html"), (403, "sorry".to_owned()));
    t.s3cmd("ws-delete s3://BUCKET").ok();
    assert_eq!(page("").0, 404);
}
