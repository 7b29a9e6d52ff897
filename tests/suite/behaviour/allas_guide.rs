//! A walk through the user guide of CSC's Allas service: the configuration that `allas_conf` writes, with only the host
//! changed, then the guide's commands, then the lines that its scripts take apart.

use crate::support::env::TestEnv;
use crate::support::http;
use crate::support::service::{Serve, Service, service};
use crate::support::skip::on_serve;

/// A world as `allas_conf` leaves it: `~/.s3cfg` is a link to the project's own file, in which every size is to be
/// human-readable and every signature of version 2.
fn allas(service: &Service) -> TestEnv {
    let mut t = TestEnv::on(service);
    t.reserve("BUCKET");
    t.reserve("BUCKET2");
    t.know_alt_id("ALTID");
    let (main, host) = (t.service.main.clone(), t.service.host.clone());
    let text = format!(
        "[allas-project_2001234]\naccess_key   = {}\nsecret_key = {}\nhost_base    = {host}\n\
         host_bucket  = %(bucket)s.{host}\nhuman_readable_sizes = True\nenable_multipart = True\nsignature_v2 = True\n\
         use_https = False\n",
        main.access, main.secret
    );
    t.write_config(".s3cfg_project_2001234", &text);
    std::fs::remove_file(t.home(".s3cfg")).expect("it is there");
    std::os::unix::fs::symlink(t.home(".s3cfg_project_2001234"), t.home(".s3cfg")).expect("a link");
    t
}

#[test]
fn the_guides_data_commands_work() {
    let t = allas(service());
    t.file("zebrafish.tgz", vec![b'z'; 300 * 1024]);
    t.tree();
    t.s3cmd("mb s3://BUCKET").ok().prints("Bucket 's3://BUCKET/' created");
    t.s3cmd("mb s3://BUCKET2").ok();
    t.s3cmd("put zebrafish.tgz s3://BUCKET")
        .ok()
        .prints("upload: 'zebrafish.tgz' -> 's3://BUCKET/zebrafish.tgz' (307200 bytes in TIME) [1 of 1]");
    t.s3cmd("put -r tree s3://BUCKET/").ok().mentions(" [4 of 4]\n");
    for all in ["ls", "ls s3://"] {
        t.account_wide(|| t.s3cmd(all)).mentions("  s3://BUCKET\n");
    }
    t.s3cmd("ls s3://BUCKET").ok().prints(
        "
        |                    DIR  s3://BUCKET/tree/
        |YYYY-MM-DD hh:mm   300K  s3://BUCKET/zebrafish.tgz
        ",
    );
    t.s3cmd("ls -r s3://BUCKET/").ok().mentions("YYYY-MM-DD hh:mm     4   s3://BUCKET/tree/sub/c d.txt\n");
    t.s3cmd("du -H s3://BUCKET").ok().prints(" 300K       5 objects s3://BUCKET/");
    t.s3cmd("get s3://BUCKET/zebrafish.tgz fish.tgz")
        .ok()
        .prints("download: 's3://BUCKET/zebrafish.tgz' -> 'fish.tgz' (307200 bytes in TIME)");
    assert_eq!(t.read("fish.tgz").len(), 300 * 1024);
    t.s3cmd("get s3://BUCKET/zebrafish.tgz").fails(64);
    t.dir("all");
    t.s3cmd("get -r s3://BUCKET/ all").ok();
    assert_eq!(
        t.files("all"),
        ["tree/a.txt", "tree/päivä.txt", "tree/sub/b.txt", "tree/sub/c d.txt", "zebrafish.tgz"]
    );
    t.s3cmd("get -r s3://BUCKET/tree/sub ./").ok();
    assert_eq!(t.text("sub/b.txt"), "b\n");
    t.s3cmd("cp s3://BUCKET/zebrafish.tgz s3://BUCKET2")
        .ok()
        .prints("remote copy: 's3://BUCKET/zebrafish.tgz' -> 's3://BUCKET2/zebrafish.tgz'  [1 of 1]");
    t.s3cmd("cp s3://BUCKET/zebrafish.tgz s3://BUCKET2/newname").ok();
    t.s3cmd("md5sum s3://BUCKET2/newname").ok().mentions("  s3://BUCKET2/newname\n");
    t.s3cmd("del s3://BUCKET2/newname").ok().prints("delete: 's3://BUCKET2/newname'");
    t.s3cmd("del s3://BUCKET2/zebrafish.tgz").ok();
    t.s3cmd("rb s3://BUCKET2").ok().prints("Bucket 's3://BUCKET2/' removed");
    t.s3cmd("-h").ok().mentions("Usage: s3cmd ");
}

#[test]
fn the_guides_sharing_commands_work() {
    let t = allas(service());
    t.file("zebrafish.tgz", "fish");
    t.tree();
    t.s3cmd("mb s3://BUCKET").ok();
    t.s3cmd("put -r tree zebrafish.tgz s3://BUCKET/").ok();
    let run = t.s3cmd("put -P zebrafish.tgz s3://BUCKET/fishes/public.tgz").ok();
    let url = String::from_utf8(run.raw).expect("text");
    let url = url.lines().find_map(|line| line.strip_prefix("Public URL of the object is: ")).expect("a URL");
    assert!(url.starts_with(&t.normaliser.fill("http://BUCKET.ENDPOINT/fishes/public.tgz")), "{url}");
    assert_eq!(http::get(url).body, b"fish");

    let run = t.s3cmd("signurl s3://BUCKET/zebrafish.tgz +3600").ok();
    let url = String::from_utf8(run.raw).expect("text");
    let start =
        t.normaliser.fill("http://BUCKET.ENDPOINT/zebrafish.tgz?AWSAccessKeyId=") + &t.service.main.access;
    assert!(url.starts_with(&start) && url.contains("&Expires=") && url.contains("&Signature="), "{url}");
    assert_eq!(http::get(url.trim_end()).body, b"fish");

    t.s3cmd("setacl --acl-public s3://BUCKET").ok().prints("s3://BUCKET/: ACL set to Public  ");
    t.s3cmd("setacl --acl-public s3://BUCKET/zebrafish.tgz")
        .ok()
        .prints("s3://BUCKET/zebrafish.tgz: ACL set to Public  [1 of 1]");
    t.s3cmd("setacl --recursive --acl-private s3://BUCKET").ok();
    t.s3cmd("setacl --acl-private s3://BUCKET").ok();
    t.alt("get s3://BUCKET/tree/a.txt f").fails(77);
    t.s3cmd("setacl --acl-grant=read:ALTID s3://BUCKET").ok().prints("s3://BUCKET/: ACL updated");
    t.s3cmd("setacl --recursive --acl-grant=read:ALTID s3://BUCKET").ok();
    t.s3cmd("setacl --acl-grant=write:ALTID s3://BUCKET/zebrafish.tgz").ok();
    t.alt("ls s3://BUCKET").ok();
    t.alt("get s3://BUCKET/tree/a.txt f").ok();
    let grants = t.shell("s3cmd info s3://BUCKET|grep -i acl").ok();
    assert_eq!(grants.lines().len(), 2, "{grants}");
    t.shell("other=ALTID; s3cmd setacl --recursive --acl-revoke=read:$other s3://BUCKET").ok();
    t.alt("get --force s3://BUCKET/tree/a.txt f").fails(77);
    t.s3cmd("setacl --acl-revoke=read:ALTID s3://BUCKET").ok();
    t.alt("ls s3://BUCKET").fails(77);
}

#[test]
fn the_guides_rules_work() {
    let t = allas(service());
    t.file("file.txt", "x");
    t.s3cmd("mb s3://BUCKET").ok();
    t.file(
        "lifecycle.xml",
        "<LifecycleConfiguration>\n<Rule>\n<ID>Weekly</ID>\n<Filter><Prefix>weekly/</Prefix></Filter>\n<Status>Enabled</Status>\n\
         <Expiration>\n<Days>365</Days>\n</Expiration>\n</Rule>\n<Rule>\n<ID>tagged</ID>\n<Filter><Tag><Key>days</Key>\
         <Value>1</Value></Tag></Filter>\n<Status>Enabled</Status>\n<Expiration><Days>1</Days></Expiration>\n</Rule>\n\
         </LifecycleConfiguration>\n",
    );
    t.s3cmd("setlifecycle lifecycle.xml s3://BUCKET").ok().prints("s3://BUCKET/: Lifecycle Policy updated");
    t.s3cmd("getlifecycle s3://BUCKET").ok().mentions("\t\t<ID>Weekly</ID>\n").mentions("<Days>365</Days>");
    t.s3cmd("info s3://BUCKET").ok().mentions(
        "   Expiration Rule: objects with key prefix 'weekly/' will expire in '365' day(s) after creation\n",
    );
    t.s3cmd("--add-header=x-amz-tagging:days=1 put file.txt s3://BUCKET/tmp/").ok();
    t.s3cmd("gettagging s3://BUCKET/tmp/file.txt").ok().mentions("\tdays:\t1\n");
    t.s3cmd("dellifecycle s3://BUCKET").ok();
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam:::user/ALTID"},
        "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"]}]}"#;
    t.file("policy.json", t.normaliser.fill(policy));
    t.s3cmd("setpolicy policy.json s3://BUCKET").ok().prints("s3://BUCKET/: Policy updated");
    t.alt("ls s3://BUCKET").ok();
    t.s3cmd("delpolicy s3://BUCKET").ok().prints("s3://BUCKET/: Policy deleted");
}

#[test]
fn the_guides_scripts_parse_the_output() {
    // The scripts look at the whole account, so the test starts a service of its own if it can.
    let own = (!service().external).then(Serve::start);
    let t = allas(own.as_ref().map_or(service(), |serve| &serve.service));
    t.file("a.txt", vec![b'a'; 3000]);
    t.file("dir/b.txt", "b");
    t.s3cmd("mb s3://BUCKET").ok();
    t.s3cmd("put a.txt s3://BUCKET").ok();
    t.s3cmd("put -r dir s3://BUCKET").ok();

    // The connection test: the last line of the listing or, if there is any, the count of lines on stderr.
    let run = t.shell("s3cmd ls  2> >( wc -l) | tail -1").ok();
    assert!(run.stdout.contains("s3://") || run.stdout == "0\n", "{run}");
    let run = t.shell("s3cmd --secret_key=wrong ls 2> >(wc -l) | tail -1").ok();
    assert!(run.stdout.trim().parse::<u32>().is_ok_and(|lines| lines > 0), "{run}");

    // The project's name stands in the first line of the configuration.
    t.shell("head -1 ~/.s3cfg | tr -d '[]'").ok().prints("allas-project_2001234");

    // The size of everything is the last line.
    let run = t.account_wide(|| t.shell("set -o pipefail; s3cmd du -H s3:// | tail -1"));
    assert!(run.lines()[0].ends_with(" Total"), "{run}");
    if own.is_some() {
        run.prints("2K           Total");
    }

    // The fourth column of an object's line is its URI, the second one of a prefix's line.
    t.shell("for U in $(s3cmd ls s3://BUCKET | awk '{ print $4 }'); do echo $U; done")
        .ok()
        .prints("s3://BUCKET/a.txt");
    t.shell("s3cmd ls s3://BUCKET | awk '$1 == \"DIR\" { print $2 }'").ok().prints("s3://BUCKET/dir/");

    // Lines whose first word is exactly `ACL:`.
    let run = t.shell("s3cmd info s3://BUCKET | awk '{ if ( $1 == \"ACL:\" ) print $0 }'").ok();
    assert!(run.lines().len() == 1 && run.stdout.ends_with(": FULL_CONTROL\n"), "{run}");
    t.shell("s3cmd setacl --recursive --acl-public s3://BUCKET > /dev/null").ok().prints("");

    // An empty project name is rejected.
    t.shell("project=; s3cmd setacl --acl-grant=read:$project s3://BUCKET").fails(2);

    // A bucket of another user.
    let run = t.alt("mb s3://BUCKET").fails(13);
    run.explains("ERROR: Bucket 'BUCKET' already exists\n")
        .explains("ERROR: S3 error: 409 (BucketAlreadyExists)");
    if own.is_none() {
        on_serve("the total of an account, which no other test shares");
    }
}

#[test]
fn a_scheme_before_the_host_is_accepted() {
    let mut t = TestEnv::with_bucket();
    t.reserve("BUCKET2");
    let host = format!("http://{}", t.service.host);
    let text = format!(
        "[lumi-462000007]\naccess_key   = {}\nsecret_key   = {}\nhost_base    = {host}\nhost_bucket  = {host}\n\
         human_readable_sizes = True\nenable_multipart = True\nsignature_v2 = True\nuse_https = False\n",
        t.service.main.access, t.service.main.secret
    );
    t.write_config(".s3cfg", &text);
    t.file("a.txt", "a");
    t.s3cmd("put a.txt s3://BUCKET").ok();
    t.s3cmd("ls s3://BUCKET").ok().prints("YYYY-MM-DD hh:mm     1   s3://BUCKET/a.txt");
    t.s3cmd("signurl s3://BUCKET/a.txt +60").ok().mentions("http://ENDPOINT/BUCKET/a.txt?AWSAccessKeyId=KEY");
}
