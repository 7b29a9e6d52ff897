//! `multipart`: unfinished uploads of a bucket.

use crate::support::hostile::Hostile;

#[test]
fn multipart_shows_the_upload_of_an_id() {
    let server = Hostile::start();
    server.bucket("b");
    let ids = ["one", "two"].map(|key| server.upload(&format!("b/{key}")));
    let t = server.world();
    t.s3cmd(&format!("multipart s3://b {}", ids[1])).ok().mentions("s3://b/two\t").silent_about("s3://b/one");
}
