//! Documents of the S3 API, and the form in which Ceph 16 returns them.

use super::*;

fn lifecycle(inner: &str) -> Document {
    Document::new(
        Kind::Lifecycle,
        format!(
            "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inner}</LifecycleConfiguration>"
        ),
    )
}

fn rule(inner: &str) -> Document {
    lifecycle(&format!("<Rule><ID>r</ID><Status>Enabled</Status>{inner}</Rule>"))
}

const EXPIRES: &str = "<Expiration><Days>3</Days></Expiration>";

fn problem(document: &Document) -> String {
    document.check("b").err().unwrap_or_default()
}

fn reported(sent: &Document, stored: &Document) -> Vec<String> {
    sent.differences(stored).unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn documents_of_another_kind_are_rejected() {
    let cors = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>";
    assert_eq!(
        problem(&Document::new(Kind::Lifecycle, cors)),
        "it is a 'CORSConfiguration', not a 'LifecycleConfiguration'"
    );
    assert_eq!(problem(&Document::new(Kind::Cors, cors)), "");
    assert_eq!(problem(&Document::new(Kind::Cors, "")), "it contains no 'CORSConfiguration'");
    assert!(problem(&Document::new(Kind::Cors, "{}")).contains("it contains no"));
    assert!(problem(&Document::new(Kind::Cors, &cors[..40])).contains("not XML"));
    assert!(problem(&Document::new(Kind::Policy, cors)).contains("not JSON"));
    assert!(
        problem(&Document::new(Kind::Cors, cors.replace("GET", "get"))).contains("'AllowedMethod' must be")
    );
}

#[test]
fn lifecycle_rules_are_checked() {
    let filter = "<Filter><Prefix>a</Prefix></Filter>";
    for good in [
        format!("{filter}{EXPIRES}"),
        format!("<Filter/>{EXPIRES}"),
        format!("<Prefix></Prefix>{EXPIRES}"),
        format!("{filter}<Transition><Days>0</Days><StorageClass>GLACIER</StorageClass></Transition>"),
        format!(
            "{filter}<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays><NewerNoncurrentVersions>5</NewerNoncurrentVersions></NoncurrentVersionExpiration>"
        ),
        format!(
            "<Filter><And><Prefix>a</Prefix><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></And></Filter>{EXPIRES}"
        ),
    ] {
        assert_eq!(problem(&rule(&good)), "", "{good}");
    }
    for (bad, words) in [
        (EXPIRES.to_owned(), "rule 'r' has no 'Filter'"),
        (filter.to_owned(), "rule 'r' does nothing"),
        (format!("{filter}<Prefix>a</Prefix>{EXPIRES}"), "has both a 'Prefix' and a 'Filter'"),
        (format!("{filter}{EXPIRES}{EXPIRES}"), "'Expiration' occurs more than once in 'Rule'"),
        (format!("{filter}<Expiration><Days>0</Days></Expiration>"), "an integer of at least 1, not '0'"),
        (format!("{filter}<Expiration><Day>3</Day></Expiration>"), "unknown element 'Day' in 'Expiration'"),
        (format!("{filter}<Expiration/>"), "has an 'Expiration' without one of"),
        (format!("{filter}<Expiration><Date>soon</Date></Expiration>"), "'Date' must be a date"),
        (format!("<Filter><Prefx>a</Prefx></Filter>{EXPIRES}"), "unknown element 'Prefx' in 'Filter'"),
        (format!("<Filter>a</Filter>{EXPIRES}"), "'Filter' must contain elements, not text"),
    ] {
        assert!(problem(&rule(&bad)).contains(words), "{bad}\n{}", problem(&rule(&bad)));
    }
    assert!(problem(&lifecycle("")).contains("no 'Rule'"));
    let two = format!("<Rule><ID>r</ID><Status>Enabled</Status>{filter}{EXPIRES}</Rule>");
    assert!(problem(&lifecycle(&two.repeat(2))).contains("has the ID of another rule"));
}

#[test]
fn conditions_that_ceph_drops_are_reported() {
    let sent =
        rule(&format!("<Filter><ObjectSizeGreaterThan>1000</ObjectSizeGreaterThan></Filter>{EXPIRES}"));
    let stored = rule(&format!("<Prefix></Prefix>{EXPIRES}"));
    assert_eq!(
        reported(&sent, &stored),
        ["the rule 'r' differs: it is stored without ObjectSizeGreaterThan 1000"]
    );
    let noncurrent = |more: &str| {
        rule(&format!(
            "<Filter><Prefix>a</Prefix></Filter><NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays>{more}</NoncurrentVersionExpiration>"
        ))
    };
    let sent = noncurrent("<NewerNoncurrentVersions>5</NewerNoncurrentVersions>");
    assert_eq!(
        reported(&sent, &noncurrent("")),
        ["the rule 'r' differs: it is stored without NoncurrentVersionExpiration NewerNoncurrentVersions 5"]
    );
}

#[test]
fn equivalent_rules_do_not_differ() {
    let tags = "<Tag><Key>x</Key><Value>1</Value></Tag><Tag><Key>y</Key><Value>2</Value></Tag>";
    let api = rule(&format!("<Filter><And><Prefix>a/</Prefix>{tags}</And></Filter>{EXPIRES}"));
    let ceph = rule(&format!("<Filter><Prefix>a/</Prefix><And>{tags}</And></Filter>{EXPIRES}"));
    assert!(reported(&api, &ceph).is_empty());
    let dated = |date: &str| rule(&format!("<Filter/><Expiration><Date>{date}</Date></Expiration>"));
    assert!(reported(&dated("2030-01-01"), &dated("2030-01-01T00:00:00.000Z")).is_empty());
    assert!(!reported(&dated("2030-01-01"), &dated("2030-01-02T00:00:00.000Z")).is_empty());
    let unnamed = lifecycle(&format!("<Rule><Status>Enabled</Status><Prefix>q</Prefix>{EXPIRES}</Rule>"));
    let named = lifecycle(&format!(
        "<Rule><ID>made up</ID><Filter><Prefix>q</Prefix></Filter><Status>Enabled</Status>{EXPIRES}</Rule>"
    ));
    assert!(reported(&unnamed, &named).is_empty());
}

#[test]
fn several_conditions_are_put_into_and() {
    let tags = "<Tag><Key>x</Key><Value>1</Value></Tag><Tag><Key>y</Key><Value>&amp;</Value></Tag>";
    let ceph = rule(&format!("<Filter><Prefix>a/</Prefix><And>{tags}</And></Filter>{EXPIRES}"));
    let api = ceph.clone().in_api_form().unwrap();
    assert!(
        api.text().contains(&format!("<Filter><And><Prefix>a/</Prefix>{tags}</And></Filter>")),
        "{}",
        api.text()
    );
    assert!(
        api.text()
            .contains("<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule>")
    );
    assert!(reported(&ceph, &api).is_empty());
    assert_eq!(api.clone().in_api_form().unwrap(), api);
    let one =
        rule(&format!("<Filter><Prefix></Prefix><Tag><Key>x</Key><Value>1</Value></Tag></Filter>{EXPIRES}"));
    let one = one.in_api_form().unwrap();
    assert!(
        one.text().contains("<Filter><Tag><Key>x</Key><Value>1</Value></Tag></Filter>"),
        "{}",
        one.text()
    );
}

#[test]
fn small_documents_are_compared_by_their_settings() {
    let block = |on: &str| {
        let switches =
            ["BlockPublicAcls", "IgnorePublicAcls"].map(|name| format!("<{name}>{}</{name}>", name == on));
        Document::new(
            Kind::PublicAccessBlock,
            format!("<PublicAccessBlockConfiguration>{}</PublicAccessBlockConfiguration>", switches.join("")),
        )
    };
    let stored = Document::new(
        Kind::PublicAccessBlock,
        "<PublicAccessBlockConfiguration><BlockPublicAcls>TRUE</BlockPublicAcls></PublicAccessBlockConfiguration>",
    );
    assert!(reported(&block("BlockPublicAcls"), &stored).is_empty());
    assert_eq!(reported(&block("IgnorePublicAcls"), &stored).len(), 1);
    let versions = Document::versioning(true);
    let stored = "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Disabled</MfaDelete></VersioningConfiguration>";
    assert!(reported(&versions, &Document::new(Kind::Versioning, stored)).is_empty());
    assert_eq!(reported(&versions, &Document::new(Kind::Versioning, "<VersioningConfiguration/>")).len(), 1);
    let tags =
        |text: &str| Document::new(Kind::Tagging, format!("<Tagging><TagSet>{text}</TagSet></Tagging>"));
    let (a, b) = ("<Tag><Key>a</Key><Value>1</Value></Tag>", "<Tag><Key>b</Key><Value>2</Value></Tag>");
    assert!(reported(&tags(&format!("{a}{b}")), &tags(&format!("{b}{a}"))).is_empty());
    assert_eq!(
        reported(&tags(&format!("{a}{b}")), &tags(a)),
        ["the tag set 1 differs: it is stored without 'b'='2'"]
    );
    let order = |first: &str, second: &str| {
        let rule = |origin: &str| {
            format!(
                "<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>{origin}</AllowedOrigin></CORSRule>"
            )
        };
        Document::new(
            Kind::Cors,
            format!("<CORSConfiguration>{}{}</CORSConfiguration>", rule(first), rule(second)),
        )
    };
    assert!(reported(&order("a", "b"), &order("a", "b")).is_empty());
    assert_eq!(reported(&order("a", "b"), &order("b", "a")).len(), 1);
}

#[test]
fn notifications_are_checked() {
    let of = |inner: &str| {
        Document::new(
            Kind::Notification,
            format!("<NotificationConfiguration>{inner}</NotificationConfiguration>"),
        )
    };
    let queue = "<QueueConfiguration><Id>x</Id><Queue>q</Queue><Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>prefix</Name><Value>a</Value></FilterRule></S3Key></Filter></QueueConfiguration>";
    assert_eq!(problem(&of("")), "");
    assert_eq!(problem(&of(queue)), "");
    assert!(problem(&of(&queue.replace("Queue>", "Topic>"))).contains("unknown element"));
    assert!(problem(&of(&queue.replace("s3:", ""))).contains("'Event' must be"));
    assert!(reported(&of(queue), &of(&queue.replace("prefix", "Prefix"))).is_empty());
    assert_eq!(reported(&of(queue), &of(&queue.replace("<Value>a<", "<Value>b<"))).len(), 1);
}
