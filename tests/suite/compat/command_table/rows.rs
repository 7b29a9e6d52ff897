//! The rows of `docs/commands.md`: for each command, how it is called and what proves that it worked.

use crate::compat::command_table::Seen;

/// A command and its proof.
pub(crate) struct Row {
    pub(crate) command: &'static str,
    /// Preparations, as lines of this program; `upload` begins a multipart upload, `odd` stores an object with a
    /// control character in its name.
    pub(crate) before: &'static [&'static str],
    /// The lines, which s3cmd runs as well.
    pub(crate) lines: &'static [&'static str],
    /// Whether it worked, as the service sees it.
    pub(crate) proof: fn(&Seen<'_>) -> bool,
}

const fn row(
    command: &'static str,
    before: &'static [&'static str],
    lines: &'static [&'static str],
    proof: fn(&Seen<'_>) -> bool,
) -> Row {
    Row { command, before, lines, proof }
}

const HELLO: &[&str] = &["put hello.txt s3://BUCKET"];
const LOCKED: &[&str] =
    &["mb --add-header=x-amz-bucket-object-lock-enabled:true s3://MISSING", "put hello.txt s3://MISSING"];
const DISTRIBUTION: &[&str] = &["put hello.txt s3://BUCKET", "cfcreate s3://BUCKET --cf-comment=made"];
const NOTIFIED: &[&str] = &["setnotification --skip-destination-validation topic.xml s3://BUCKET"];

pub(crate) const ROWS: &[Row] = &[
    row("mb", &[], &["mb s3://MISSING"], |seen| seen.keys("MISSING").is_some()),
    row("rb", &[], &["rb s3://BUCKET2"], |seen| seen.keys("BUCKET2").is_none()),
    row("ls", HELLO, &["ls s3://BUCKET", "ls -l -r s3://BUCKET", "ls s3://BUCKET/hel*"], |seen| {
        seen.said("  s3://BUCKET/hello.txt")
    }),
    row("la", HELLO, &["la"], |seen| seen.said("  s3://BUCKET/hello.txt")),
    row("du", HELLO, &["du s3://BUCKET"], |seen| seen.said("12       1 objects s3://BUCKET/")),
    row("info", HELLO, &["info s3://BUCKET", "info s3://BUCKET/hello.txt"], |seen| {
        seen.said("   File size: 12\n") && seen.said("   MIME type: text/plain\n")
    }),
    row("put", &[], &["put hello.txt s3://BUCKET", "put -r tree s3://BUCKET/p/"], |seen| {
        seen.header("hello.txt", "x-amz-meta-s3cmd-attrs")
            .is_some_and(|attrs| attrs.contains("/md5:6f5902ac237024bdd0c176cb93063dc4/"))
            && seen.keys("BUCKET").is_some_and(|keys| keys.len() == 5)
    }),
    row("get", HELLO, &["get s3://BUCKET/hello.txt got.txt", "get s3://BUCKET/hello.txt -"], |seen| {
        seen.t.text("got.txt") == "hello world\n" && seen.said("hello world\n")
    }),
    row(
        "sync",
        &[],
        &[
            "sync tree/ s3://BUCKET/t/",
            "sync s3://BUCKET/t/ down/",
            "sync s3://BUCKET/t/ s3://BUCKET2/u/",
            "sync tree/ s3://BUCKET/t/",
        ],
        |seen| {
            seen.keys("BUCKET2")
                .is_some_and(|keys| keys == ["u/a.txt", "u/päivä.txt", "u/sub/b.txt", "u/sub/c d.txt"])
                && seen.t.text("down/sub/b.txt") == "b\n"
        },
    ),
    row("del", HELLO, &["del s3://BUCKET/hello.txt"], |seen| {
        seen.keys("BUCKET").is_some_and(|keys| keys.is_empty())
    }),
    row("cp", HELLO, &["cp s3://BUCKET/hello.txt s3://BUCKET2/copy"], |seen| {
        seen.keys("BUCKET").is_some_and(|keys| keys.len() == 1)
            && seen.keys("BUCKET2").is_some_and(|keys| keys == ["copy"])
    }),
    row("mv", HELLO, &["mv s3://BUCKET/hello.txt s3://BUCKET2/moved"], |seen| {
        seen.keys("BUCKET").is_some_and(|keys| keys.is_empty())
            && seen.keys("BUCKET2").is_some_and(|keys| keys == ["moved"])
    }),
    row(
        "modify",
        HELLO,
        &["modify --add-header=x-amz-meta-a:b --mime-type=text/x-new s3://BUCKET/hello.txt"],
        |seen| {
            seen.header("hello.txt", "x-amz-meta-a").as_deref() == Some("b")
                && seen.header("hello.txt", "content-type").as_deref() == Some("text/x-new")
        },
    ),
    row(
        "restore",
        &["put --storage-class=GLACIER hello.txt s3://BUCKET"],
        &["restore s3://BUCKET/hello.txt"],
        |seen| seen.header("hello.txt", "x-amz-restore").is_some(),
    ),
    row("setacl", HELLO, &["setacl --acl-public s3://BUCKET/hello.txt"], |seen| {
        seen.object_document("hello.txt", "acl").contains("/groups/global/AllUsers")
    }),
    row("getacl", &["put -P hello.txt s3://BUCKET"], &["getacl s3://BUCKET/hello.txt"], |seen| {
        seen.said("   ACL:       *anon*: READ\n")
    }),
    row("setpolicy", &[], &["setpolicy policy.json s3://BUCKET"], |seen| {
        seen.document("policy").contains("s3:GetObject")
    }),
    row("getpolicy", &["setpolicy policy.json s3://BUCKET"], &["getpolicy s3://BUCKET"], |seen| {
        seen.said("s3:GetObject")
    }),
    row("delpolicy", &["setpolicy policy.json s3://BUCKET"], &["delpolicy s3://BUCKET"], |seen| {
        seen.document("policy") == "NoSuchBucketPolicy"
    }),
    row("setlifecycle", &[], &["setlifecycle lifecycle.xml s3://BUCKET"], |seen| {
        seen.document("lifecycle").contains("log/")
    }),
    row("getlifecycle", &["setlifecycle lifecycle.xml s3://BUCKET"], &["getlifecycle s3://BUCKET"], |seen| {
        seen.said("log/")
    }),
    row("dellifecycle", &["setlifecycle lifecycle.xml s3://BUCKET"], &["dellifecycle s3://BUCKET"], |seen| {
        seen.document("lifecycle") == "NoSuchLifecycleConfiguration"
    }),
    row("expire", &[], &["expire --expiry-days=3 --expiry-prefix=tmp/ s3://BUCKET"], |seen| {
        let rules = seen.document("lifecycle");
        rules.contains("tmp/") && rules.contains("<Days>3</Days>")
    }),
    row(
        "settagging",
        HELLO,
        &["settagging s3://BUCKET project=lab", "settagging s3://BUCKET/hello.txt 'a=b&c=d'"],
        |seen| {
            seen.document("tagging").contains("lab")
                && seen.object_document("hello.txt", "tagging").contains("<Key>c</Key>")
        },
    ),
    row(
        "gettagging",
        &["put --add-header=x-amz-tagging:days=1 hello.txt s3://BUCKET"],
        &["gettagging s3://BUCKET/hello.txt"],
        |seen| seen.said("\tdays:\t1\n"),
    ),
    row(
        "deltagging",
        &["put --add-header=x-amz-tagging:days=1 hello.txt s3://BUCKET"],
        &["deltagging s3://BUCKET/hello.txt"],
        |seen| !seen.object_document("hello.txt", "tagging").contains("days"),
    ),
    row("setobjectlegalhold", LOCKED, &["setobjectlegalhold ON s3://MISSING/hello.txt"], |seen| {
        seen.of("MISSING", Some("hello.txt"), "legal-hold").contains("<Status>ON<")
    }),
    row(
        "setobjectretention",
        LOCKED,
        &["setobjectretention GOVERNANCE 2040-01-01T00:00:00Z s3://MISSING/hello.txt"],
        |seen| seen.of("MISSING", Some("hello.txt"), "retention").contains("2040-01-01T00:00:00"),
    ),
    row(
        "getobjectlegalhold",
        &[
            "mb --add-header=x-amz-bucket-object-lock-enabled:true s3://MISSING",
            "put hello.txt s3://MISSING",
            "setobjectlegalhold ON s3://MISSING/hello.txt",
        ],
        &["getobjectlegalhold s3://MISSING/hello.txt", "setobjectlegalhold OFF s3://MISSING/hello.txt"],
        |seen| seen.said("s3://MISSING/hello.txt: ON\n"),
    ),
    row("getobjectretention", LOCKED, &["getobjectretention s3://MISSING/hello.txt"], |seen| {
        seen.said("s3://MISSING/hello.txt: none\n")
    }),
    row("getversioning", &["setversioning s3://BUCKET enable"], &["getversioning s3://BUCKET"], |seen| {
        seen.said("s3://BUCKET/: Enabled\n")
    }),
    row("getownership", &[], &["getownership s3://BUCKET"], |seen| seen.said("s3://BUCKET/: ")),
    row(
        "getblockpublicaccess",
        &["setblockpublicaccess s3://BUCKET BlockPublicPolicy"],
        &["getblockpublicaccess s3://BUCKET"],
        |seen| seen.said("s3://BUCKET/: BlockPublicPolicy\n"),
    ),
    row("getcors", &["setcors cors.xml s3://BUCKET"], &["getcors s3://BUCKET"], |seen| {
        seen.said("<AllowedMethod>GET<")
    }),
    row("setversioning", &[], &["setversioning s3://BUCKET enable"], |seen| {
        seen.document("versioning").contains("Enabled")
    }),
    row("setownership", &[], &["setownership s3://BUCKET ObjectWriter"], |seen| {
        seen.document("ownershipControls").contains("ObjectWriter")
    }),
    row("setblockpublicaccess", &[], &["setblockpublicaccess s3://BUCKET BlockPublicPolicy"], |seen| {
        seen.document("publicAccessBlock").to_lowercase().contains("<blockpublicpolicy>true<")
    }),
    row("payer", &[], &["payer --requester-pays s3://BUCKET"], |seen| {
        seen.document("requestPayment").contains("Requester")
    }),
    row(
        "accesslog",
        &[],
        &["accesslog --access-logging-target-prefix=s3://BUCKET2/log/ s3://BUCKET", "accesslog s3://BUCKET"],
        |seen| seen.document("logging").contains("<TargetPrefix>log/<"),
    ),
    row("setcors", &[], &["setcors cors.xml s3://BUCKET"], |seen| {
        seen.document("cors").contains("<AllowedMethod>GET<")
    }),
    row("delcors", &["setcors cors.xml s3://BUCKET"], &["delcors s3://BUCKET"], |seen| {
        !seen.document("cors").contains("GET")
    }),
    row(
        "setnotification",
        &[],
        &["setnotification --skip-destination-validation topic.xml s3://BUCKET"],
        |seen| seen.document("notification").contains("s3:ObjectCreated:"),
    ),
    row("getnotification", NOTIFIED, &["getnotification s3://BUCKET"], |seen| seen.said("Notification")),
    row("delnotification", NOTIFIED, &["delnotification s3://BUCKET"], |seen| {
        !seen.document("notification").contains("s3:ObjectCreated")
    }),
    row("ws-create", &[], &["ws-create --ws-index=i.html --ws-error=e.html s3://BUCKET"], |seen| {
        seen.document("website").contains("i.html")
    }),
    row(
        "ws-info",
        &["ws-create --ws-index=i.html --ws-error=e.html s3://BUCKET"],
        &["ws-info s3://BUCKET"],
        |seen| seen.said("Index document:   i.html\n"),
    ),
    row("ws-delete", &["ws-create s3://BUCKET"], &["ws-delete s3://BUCKET"], |seen| {
        !seen.document("website").contains("index.html")
    }),
    row("multipart", &["upload"], &["multipart s3://BUCKET"], |seen| seen.said("s3://BUCKET/large\t")),
    row("listmp", &["upload"], &["listmp s3://BUCKET/large UPLOAD"], |seen| seen.said("\t1\t\"")),
    row("abortmp", &["upload"], &["abortmp s3://BUCKET/large UPLOAD"], |seen| {
        !seen.document("uploads").contains("<Upload>")
    }),
    row("fixbucket", &["odd"], &["fixbucket s3://BUCKET"], |seen| {
        seen.keys("BUCKET").is_some_and(|keys| keys == ["a^Ab"])
    }),
    row("sign", &[], &["sign 'a text'"], |seen| seen.said("Signature: ")),
    row("signurl", HELLO, &["signurl s3://BUCKET/hello.txt +600"], |seen| seen.fetches("hello world\n")),
    row("cflist", DISTRIBUTION, &["cflist"], |seen| seen.said("Origin:         s3://BUCKET/\n")),
    row("cfinfo", DISTRIBUTION, &["cfinfo s3://BUCKET"], |seen| seen.said("Comment:        made\n")),
    row("cfcreate", &[], &["cfcreate s3://BUCKET --cf-comment=made"], |seen| {
        seen.distribution().is_some_and(|d| d.comment == "made" && d.enabled)
    }),
    row("cfdelete", DISTRIBUTION, &["cfdelete s3://BUCKET"], |seen| {
        seen.said("deleted") && seen.distribution().is_none()
    }),
    row("cfmodify", DISTRIBUTION, &["cfmodify --cf-comment=changed --disable s3://BUCKET"], |seen| {
        seen.distribution().is_some_and(|d| d.comment == "changed" && !d.enabled)
    }),
    row("cfinval", DISTRIBUTION, &["cfinval s3://BUCKET/hello.txt"], |seen| seen.invalidations() == 1),
    row(
        "cfinvalinfo",
        &["put hello.txt s3://BUCKET", "cfcreate s3://BUCKET", "cfinval s3://BUCKET/hello.txt"],
        &["cfinvalinfo s3://BUCKET"],
        |seen| seen.said("Nr of paths:    1\n"),
    ),
    row("md5sum", HELLO, &["md5sum s3://BUCKET/hello.txt"], |seen| {
        seen.said("6f5902ac237024bdd0c176cb93063dc4  s3://BUCKET/hello.txt\n")
    }),
    row("check", &[], &["check s3://BUCKET"], |seen| !seen.stdout.is_empty()),
    row("help", &[], &["help put"], |seen| seen.said("--multipart-chunk-size-mb")),
];
