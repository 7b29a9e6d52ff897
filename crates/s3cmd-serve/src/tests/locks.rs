//! Object Lock, and restoring archived objects.

use super::*;
use chrono::{SecondsFormat, TimeDelta};

async fn locked() -> Lab {
    let lab = Lab::new().await;
    lab.alice("PUT", "/b-one").header("x-amz-bucket-object-lock-enabled", "true").send().await.ok(200);
    lab
}

fn days(days: i64) -> String {
    (Utc::now() + TimeDelta::days(days)).to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn retention(mode: &str, until: &str) -> String {
    format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>")
}

#[tokio::test]
async fn a_bucket_with_object_lock_keeps_versions_and_its_configuration() {
    let lab = locked().await;
    assert_eq!(lab.alice("GET", "/b-one?versioning").send().await.ok(200).value("Status"), "Enabled");
    let suspend = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    lab.alice("PUT", "/b-one?versioning").body(suspend).send().await.error(409, "InvalidBucketState");
    let get = || lab.alice("GET", "/b-one?object-lock").send();
    assert_eq!(get().await.ok(200).value("ObjectLockEnabled"), "Enabled");
    let document = |rule: &str| {
        format!(
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}</ObjectLockConfiguration>"
        )
    };
    let rule = |inner: &str| document(&format!("<Rule><DefaultRetention>{inner}</DefaultRetention></Rule>"));
    let put = |body: String| lab.alice("PUT", "/b-one?object-lock").body(body).send();
    for bad in ["<Days>1</Days>", "<Mode>GOVERNANCE</Mode>", "<Mode>X</Mode><Days>1</Days>"] {
        put(rule(bad)).await.error(400, "MalformedXML");
    }
    put(rule("<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>")).await.error(400, "MalformedXML");
    put(rule("<Mode>GOVERNANCE</Mode><Days>0</Days>")).await.error(400, "InvalidRetentionPeriod");
    put(rule("<Mode>GOVERNANCE</Mode><Years>1</Years>")).await.ok(200);
    assert_eq!(get().await.ok(200).value("Years"), "1");
    // New objects get the default retention. A deletion adds a marker, and the version stays.
    let version = lab.put("/b-one/k", "x").await.header("x-amz-version-id").to_owned();
    let head = lab.alice("HEAD", "/b-one/k").send().await.ok(200);
    assert_eq!(head.header("x-amz-object-lock-mode"), "GOVERNANCE");
    assert!(head.header("x-amz-object-lock-retain-until-date") > &*days(360));
    lab.alice("DELETE", "/b-one/k").send().await.ok(204);
    lab.alice("DELETE", &format!("/b-one/k?versionId={version}")).send().await.error(403, "AccessDenied");
    // Object Lock needs versioning. With versioning, the configuration enables it.
    lab.alice("PUT", "/b-two").send().await.ok(200);
    lab.alice("GET", "/b-two?object-lock").send().await.error(404, "ObjectLockConfigurationNotFoundError");
    let put = || lab.alice("PUT", "/b-two?object-lock").body(document("")).send();
    put().await.error(409, "InvalidBucketState");
    let enable = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    lab.alice("PUT", "/b-two?versioning").body(enable).send().await.ok(200);
    lab.put("/b-two/k", "x").await;
    lab.alice("GET", "/b-two/k?retention").send().await.error(400, "InvalidRequest");
    let request = lab.alice("PUT", "/b-two/k").header("x-amz-object-lock-legal-hold", "ON");
    request.send().await.error(400, "InvalidRequest");
    put().await.ok(200);
    lab.alice("GET", "/b-two/k?retention").send().await.error(404, "NoSuchObjectLockConfiguration");
    lab.alice("GET", "/b-two/k?legal-hold").send().await.error(404, "NoSuchObjectLockConfiguration");
}

#[tokio::test]
async fn retentions_are_enforced_by_mode() {
    let lab = locked().await;
    for (mode, bypassable) in [("GOVERNANCE", true), ("COMPLIANCE", false)] {
        let put = lab.alice("PUT", "/b-one/k").header("x-amz-object-lock-mode", mode);
        let put = put.header("x-amz-object-lock-retain-until-date", &days(2)).body("x").send().await.ok(200);
        let target = format!("/b-one/k?versionId={}", put.header("x-amz-version-id"));
        let setting = format!("{target}&retention");
        let set = |body: String| lab.alice("PUT", &setting).body(body);
        let bypass =
            |request: TestRequest| request.header("x-amz-bypass-governance-retention", "true").send();
        lab.alice("DELETE", &target).send().await.error(403, "AccessDenied");
        // A retention can always be extended, but shortened or removed only with the bypass.
        set(retention(mode, &days(9))).send().await.ok(200);
        let now = lab.alice("GET", &setting).send().await.ok(200);
        assert_eq!(now.value("Mode"), mode);
        assert!(now.value("RetainUntilDate") > days(8));
        set(retention(mode, &days(1))).send().await.error(403, "AccessDenied");
        set("<Retention/>".into()).send().await.error(403, "AccessDenied");
        let shorter = bypass(set(retention(mode, &days(1)))).await;
        let mine = bypass(lab.alice("DELETE", &target)).await;
        if bypassable {
            shorter.ok(200);
            mine.ok(204);
        } else {
            shorter.error(403, "AccessDenied");
            mine.error(403, "AccessDenied");
            assert_eq!(lab.alice("GET", &target).send().await.ok(200).text(), "x");
        }
    }
    lab.put("/b-one/k", "x").await;
    for (body, code) in [
        (retention("GOVERNANCE", "2001-01-01T00:00:00Z"), "InvalidArgument"),
        (retention("OTHER", &days(1)), "MalformedXML"),
        ("<Retention><Mode>GOVERNANCE</Mode></Retention>".into(), "MalformedXML"),
    ] {
        lab.alice("PUT", "/b-one/k?retention").body(body).send().await.error(400, code);
    }
    let lone = lab.alice("PUT", "/b-one/k").header("x-amz-object-lock-mode", "GOVERNANCE");
    lone.send().await.error(400, "InvalidArgument");
    lab.bob("PUT", "/b-one/k?retention")
        .body(retention("GOVERNANCE", &days(1)))
        .send()
        .await
        .error(403, "AccessDenied");
}

#[tokio::test]
async fn a_legal_hold_applies_until_it_is_removed() {
    let lab = locked().await;
    let put = lab.alice("PUT", "/b-one/k").header("x-amz-object-lock-legal-hold", "ON").body("x");
    let version = put.send().await.ok(200).header("x-amz-version-id").to_owned();
    assert_eq!(
        lab.alice("HEAD", "/b-one/k").send().await.ok(200).header("x-amz-object-lock-legal-hold"),
        "ON"
    );
    // The hold belongs to the version, which is no longer the current one.
    lab.put("/b-one/k", "new").await;
    let body = format!("<Delete><Object><Key>k</Key><VersionId>{version}</VersionId></Object></Delete>");
    let many = || lab.alice("POST", "/b-one?delete").header("x-amz-bypass-governance-retention", "true");
    assert_eq!(many().body(body.clone()).send().await.ok(200).value("Code"), "AccessDenied");
    let hold = format!("/b-one/k?legal-hold&versionId={version}");
    let off = "<LegalHold><Status>OFF</Status></LegalHold>";
    lab.alice("PUT", &hold).body(off).send().await.ok(200);
    assert_eq!(lab.alice("GET", &hold).send().await.ok(200).value("Status"), "OFF");
    assert_eq!(many().body(body).send().await.ok(200).value("VersionId"), version);
    lab.alice("PUT", "/b-one/k?legal-hold")
        .body("<LegalHold><Status>x</Status></LegalHold>")
        .send()
        .await
        .error(400, "MalformedXML");
}

#[tokio::test]
async fn an_archived_object_can_be_read_after_a_restore() {
    let lab = Lab::with(|options| options.lifecycle_day = Some(std::time::Duration::from_millis(1500))).await;
    lab.alice("PUT", "/b-one").send().await.ok(200);
    let put = |key: &str, class: &str| {
        lab.alice("PUT", &format!("/b-one/{key}")).header("x-amz-storage-class", class).body("cold").send()
    };
    put("k", "GLACIER").await.ok(200);
    put("deep", "DEEP_ARCHIVE").await.ok(200);
    put("quick", "GLACIER_IR").await.ok(200);
    put("k", "NOT_A_CLASS").await.error(400, "InvalidStorageClass");
    assert_eq!(lab.alice("GET", "/b-one/quick").send().await.ok(200).text(), "cold");
    let listed = lab.alice("GET", "/b-one").send().await.ok(200);
    assert_eq!(listed.all("StorageClass"), ["DEEP_ARCHIVE", "GLACIER", "GLACIER_IR"]);
    let denied = lab.alice("GET", "/b-one/k").send().await.error(403, "InvalidObjectState");
    assert_eq!(denied.value("StorageClass"), "GLACIER");
    let head = lab.alice("HEAD", "/b-one/k").send().await.ok(200);
    assert_eq!((head.header("x-amz-storage-class"), head.header("x-amz-restore")), ("GLACIER", ""));
    let copy = || lab.alice("PUT", "/b-one/copy").header("x-amz-copy-source", "/b-one/k").send();
    copy().await.error(403, "InvalidObjectState");

    let request = |days: &str| {
        format!(
            "<RestoreRequest><Days>{days}</Days><GlacierJobParameters><Tier>Bulk</Tier></GlacierJobParameters></RestoreRequest>"
        )
    };
    let restore =
        |key: &str, body: String| lab.alice("POST", &format!("/b-one/{key}?restore")).body(body).send();
    restore("k", "<RestoreRequest/>".into()).await.error(400, "MalformedXML");
    restore("k", request("0")).await.error(400, "InvalidArgument");
    restore("quick", request("1")).await.error(403, "InvalidObjectState");
    lab.bob("POST", "/b-one/k?restore").body(request("1")).send().await.error(403, "AccessDenied");
    restore("k", request("1")).await.ok(202);
    restore("k", request("1")).await.ok(200);
    let back = lab.alice("GET", "/b-one/k").send().await.ok(200);
    assert_eq!(back.text(), "cold");
    assert!(back.header("x-amz-restore").starts_with("ongoing-request=\"false\", expiry-date=\""));
    assert_eq!(copy().await.ok(200).status, 200);
    assert_eq!(lab.alice("GET", "/b-one/copy").send().await.ok(200).header("x-amz-storage-class"), "");
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        if lab.alice("GET", "/b-one/k").send().await.status == 403 {
            return;
        }
    }
    panic!("the restored copy stays");
}
