//! `setnotification`, `getnotification` and `delnotification`.

use crate::support::env::TestEnv;
use crate::support::skip::on_serve;

#[test]
fn notifications_are_set_shown_and_removed() {
    if !on_serve("notifications without a topic") {
        return;
    }
    let t = TestEnv::with_bucket();
    let none = "<?xml version=\"1.0\" ?>\n<NotificationConfiguration/>\n\n";
    t.s3cmd("getnotification s3://BUCKET").ok();
    t.file(
        "n.xml",
        "<NotificationConfiguration><QueueConfiguration><Id>x</Id><Queue>arn:aws:sqs:us-east-1:1:q</Queue>\
         <Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>",
    );
    t.s3cmd("setnotification n.xml s3://BUCKET").ok().prints("s3://BUCKET/: Notification Policy updated");
    t.s3cmd("getnotification s3://BUCKET").ok().mentions("\t\t<Queue>arn:aws:sqs:us-east-1:1:q</Queue>\n");
    let run = t.s3cmd("delnotification -n s3://BUCKET").run();
    run.mentions("s3://BUCKET/: Notification Policy deleted")
        .mentions("\n-  QueueConfiguration\n")
        .complains("WARNING: Exiting now because of --dry-run");
    t.s3cmd("getnotification s3://BUCKET").ok().mentions("<Id>x</Id>");
    t.s3cmd("delnotification s3://BUCKET").ok().prints("s3://BUCKET/: Notification Policy deleted");
    t.s3cmd("getnotification s3://BUCKET").ok().prints(none);
}
