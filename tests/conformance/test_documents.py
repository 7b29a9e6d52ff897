"""Bucket documents: lifecycle, website, ownership, public-access block, request payment, notification, logging, and
those that a service without the feature reports as absent."""

import datetime

import pytest
from conftest import fresh_name, refused

NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def test_what_a_new_bucket_has(s3, bucket):
    refused("NoSuchLifecycleConfiguration", 404, s3.get_bucket_lifecycle_configuration, Bucket=bucket)
    refused("NoSuchCORSConfiguration", 404, s3.get_bucket_cors, Bucket=bucket)
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"


ABSENT = {
    "website": ("NoSuchWebsiteConfiguration", 404), "ownershipControls": ("OwnershipControlsNotFoundError", 404),
    "publicAccessBlock": ("NoSuchPublicAccessBlockConfiguration", 404), "tagging": ("NoSuchTagSet", 404),
    "policy": ("NoSuchBucketPolicy", 404), "replication": ("ReplicationConfigurationNotFoundError", 404),
    "encryption": ("ServerSideEncryptionConfigurationNotFoundError", 404),
    "object-lock": ("ObjectLockConfigurationNotFoundError", 404), "lifecycle": ("NoSuchLifecycleConfiguration", 404),
    "cors": ("NoSuchCORSConfiguration", 404),
}


@pytest.mark.parametrize("sub", ABSENT)
def test_absent(wire, shared, sub):
    code, status = ABSENT[sub]
    refused(code, status, wire.do("GET", shared, query=sub))


DELETABLE = ["website", "ownershipControls", "publicAccessBlock", "lifecycle", "cors", "policy", "tagging"]


@pytest.mark.parametrize("sub", DELETABLE)
def test_delete_of_none_leaves_the_bucket(wire, s3, shared, sub):
    assert wire.do("DELETE", shared, query=sub).status == 204
    assert wire.do("HEAD", shared).status == 200


@pytest.mark.parametrize("sub", [*ABSENT, "requestPayment", "notification", "logging", "versioning", "acl", "location"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_by_another_user(wire, shared, method, sub):
    if (method, sub) == ("PUT", "location"):
        pytest.skip("the operation does not exist")
    answer = wire.do(method, shared, query=sub, user=wire.alt, body="<x/>" if method == "PUT" else "")
    # Refused because of the user or the document, or unknown, but never executed.
    assert answer.status in (403, 501, 405) or (method == "PUT" and answer.status == 400), answer


@pytest.mark.parametrize("sub", ["lifecycle", "cors", "website", "ownershipControls", "publicAccessBlock", "requestPayment",
                                 "notification", "logging", "tagging", "versioning"])
@pytest.mark.parametrize("body", ["<oops", "text", "<Other/>"])
def test_bad_documents(wire, shared, sub, body):
    answer = wire.do("PUT", shared, query=sub, body=body)
    refused(("MalformedXML", "InvalidArgument", "IllegalVersioningConfigurationException"), 400, answer)


# Lifecycle

def rule(**more):
    return {"ID": "rule", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 30}} | more


def without(one, *names):
    return {name: value for name, value in one.items() if name not in names}


LIFECYCLES = {
    "days": [rule()], "date": [rule(Expiration={"Date": "2035-01-01T00:00:00Z"})], "disabled": [rule(Status="Disabled")],
    "no-id": [without(rule(), "ID")], "empty-prefix": [rule(Filter={"Prefix": ""})],
    "old-prefix": [without(rule(Prefix="old/"), "Filter")],
    "tag": [rule(Filter={"Tag": {"Key": "a", "Value": "b"}})],
    "and": [rule(Filter={"And": {"Prefix": "p", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}})],
    "size": [rule(Filter={"ObjectSizeGreaterThan": 500})], "size-below": [rule(Filter={"ObjectSizeLessThan": 500})],
    "noncurrent": [without(rule(NoncurrentVersionExpiration={"NoncurrentDays": 5}), "Expiration")],
    "newer-noncurrent": [without(rule(NoncurrentVersionExpiration={"NoncurrentDays": 5, "NewerNoncurrentVersions": 3}), "Expiration")],
    "uploads": [without(rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7}), "Expiration")],
    "marker": [rule(Expiration={"ExpiredObjectDeleteMarker": True})],
    "transition": [rule(Transitions=[{"Days": 10, "StorageClass": "GLACIER"}])],
    "two": [rule(), rule(ID="second", Filter={"Prefix": "new/"})],
    "all": [rule(NoncurrentVersionExpiration={"NoncurrentDays": 5}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7})],
    "long-id": [rule(ID="i" * 255)],
}


@pytest.mark.parametrize("what", LIFECYCLES)
def test_lifecycle(s3, bucket, what):
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": LIFECYCLES[what]})
    found = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert len(found) == len(LIFECYCLES[what])
    for asked, one in zip(LIFECYCLES[what], sorted(found, key=lambda one: one["ID"]), strict=True):
        assert one["Status"] == asked["Status"] and one["ID"] == asked.get("ID", one["ID"])
        for name in ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
            for field, value in asked.get(name, {}).items():
                if field != "Date":
                    assert one[name][field] == value
        assert one.get("Filter", asked.get("Filter")) == asked.get("Filter", one.get("Filter"))


BAD_LIFECYCLES = {
    "none": [], "no-status": [without(rule(), "Status")], "bad-status": [rule(Status="enabled")],
    "no-action": [without(rule(), "Expiration")], "zero-days": [rule(Expiration={"Days": 0})],
    "negative-days": [rule(Expiration={"Days": -1})], "days-and-date": [rule(Expiration={"Days": 1, "Date": "2035-01-01T00:00:00Z"})],
    "same-id": [rule(), rule(Filter={"Prefix": "x"})], "long-id": [rule(ID="i" * 256)],
    "date-not-midnight": [rule(Expiration={"Date": "2035-01-01T12:30:00Z"})],
    "tag-and-marker": [rule(Filter={"Tag": {"Key": "a", "Value": "b"}}, Expiration={"ExpiredObjectDeleteMarker": True})],
    "uploads-by-tag": [without(rule(Filter={"Tag": {"Key": "a", "Value": "b"}},
                                    AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7}), "Expiration")],
    "zero-noncurrent": [without(rule(NoncurrentVersionExpiration={"NoncurrentDays": 0}), "Expiration")],
    "no-prefix-no-filter": [without(rule(), "Filter")],
    "thousand-and-one": [rule(ID=f"r{n}", Filter={"Prefix": f"p{n}/"}) for n in range(1001)],
}


@pytest.mark.parametrize("what", BAD_LIFECYCLES)
def test_lifecycle_that_is_none(s3, bucket, what):
    refused(("MalformedXML", "InvalidArgument", "InvalidRequest"), 400, s3.put_bucket_lifecycle_configuration, Bucket=bucket,
            LifecycleConfiguration={"Rules": BAD_LIFECYCLES[what]})
    refused("NoSuchLifecycleConfiguration", 404, s3.get_bucket_lifecycle_configuration, Bucket=bucket)


def expiry(days):
    """The midnight that follows after this number of days."""
    today = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + datetime.timedelta(days=days + 1)).strftime("%a, %d %b %Y %H:%M:%S GMT")


def test_lifecycle_of_writes_tells_of_expiry(s3, bucket):
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={
        "Rules": [rule(ID="one", Expiration={"Days": 2}, Filter={"Prefix": "x/"})]})
    before = expiry(2)
    told = s3.put_object(Bucket=bucket, Key="x/k", Body=b"x")["Expiration"]
    # Midnight may have passed in the meantime.
    assert told in {f'expiry-date="{when}", rule-id="one"' for when in (before, expiry(2))}
    assert s3.head_object(Bucket=bucket, Key="x/k")["Expiration"] == told
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="y", Body=b"x")


MOVE = {"Days": 1, "StorageClass": "GLACIER"}
BAD_TRANSITIONS = {
    "bad-date": {"Transitions": [{"Date": "20220927", "StorageClass": "GLACIER"}]},
    "no-class": {"Transitions": [{"Days": 1}]},
    "no-time": {"Transitions": [{"StorageClass": "GLACIER"}]},
    "negative": {"Transitions": [MOVE | {"Days": -1}]},
    "after-expiry": {"Transitions": [MOVE | {"Days": 40}], "Expiration": {"Days": 30}},
    "days-and-date": {"Transitions": [MOVE], "Expiration": {"Date": "2040-01-01T00:00:00Z"}},
    "class-twice": {"Transitions": [MOVE, MOVE | {"Days": 2}], "Expiration": {"Days": 30}},
    "noncurrent-no-class": {"NoncurrentVersionTransitions": [{"NoncurrentDays": 1}]},
}


@pytest.mark.parametrize("what", BAD_TRANSITIONS)
def test_lifecycle_with_a_bad_transition(s3, bucket, what):
    refused(("MalformedXML", "InvalidArgument", "InvalidRequest"), 400, s3.put_bucket_lifecycle_configuration, Bucket=bucket,
            LifecycleConfiguration={"Rules": [without(rule(), "Expiration") | BAD_TRANSITIONS[what]]})


def test_lifecycle_gives_ids(s3, bucket):
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [without(rule(), "ID")]})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"][0]["ID"]


def test_lifecycle_replaces(s3, bucket):
    for name in ("one", "two"):
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule(ID=name)]})
    assert [one["ID"] for one in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]] == ["two"]


def test_lifecycle_delete(s3, bucket):
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule()]})
    assert s3.delete_bucket_lifecycle(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused("NoSuchLifecycleConfiguration", 404, s3.get_bucket_lifecycle_configuration, Bucket=bucket)


def test_lifecycle_tells_of_expiry(s3, wire, bucket):
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule()]})
    s3.put_object(Bucket=bucket, Key="old/k", Body=b"x")
    s3.put_object(Bucket=bucket, Key="new/k", Body=b"x")
    expiry = wire.do("HEAD", bucket, "old/k").headers.get("x-amz-expiration", "")
    assert 'rule-id="rule"' in expiry and "expiry-date=" in expiry
    assert "x-amz-expiration" not in wire.do("HEAD", bucket, "new/k").headers


def test_lifecycle_of_no_bucket(s3):
    refused("NoSuchBucket", 404, s3.get_bucket_lifecycle_configuration, Bucket=fresh_name())


# Website

WEBSITES = {
    "index": {"IndexDocument": {"Suffix": "index.html"}},
    "error": {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}},
    "redirect-all": {"RedirectAllRequestsTo": {"HostName": "example.org", "Protocol": "https"}},
    "rules": {"IndexDocument": {"Suffix": "index.html"}, "RoutingRules": [
        {"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "documents/"}}]},
}


@pytest.mark.parametrize("what", WEBSITES)
def test_website(s3, bucket, what):
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=WEBSITES[what])
    found = s3.get_bucket_website(Bucket=bucket)
    for name, value in WEBSITES[what].items():
        assert found[name] == value


@pytest.mark.parametrize("document", [{"IndexDocument": {"Suffix": ""}}, {"IndexDocument": {"Suffix": "a/b"}},
                                      {"ErrorDocument": {"Key": "error.html"}}, {}])
def test_website_that_is_none(s3, bucket, document):
    refused(("InvalidArgument", "MalformedXML", "InvalidRequest"), 400, s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration=document)


def test_website_delete(s3, bucket):
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=WEBSITES["index"])
    assert s3.delete_bucket_website(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused("NoSuchWebsiteConfiguration", 404, s3.get_bucket_website, Bucket=bucket)


# Ownership

@pytest.mark.parametrize("value", ["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"])
def test_ownership(s3, bucket, value):
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": value}]})
    found = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert [one["ObjectOwnership"] for one in found] == [value]


@pytest.mark.parametrize("rules", [[], [{"ObjectOwnership": "Nobody"}], [{}]])
def test_ownership_that_is_none(s3, bucket, rules):
    refused("MalformedXML", 400, s3.put_bucket_ownership_controls, Bucket=bucket, OwnershipControls={"Rules": rules})


def test_ownership_delete(s3, bucket):
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    assert s3.delete_bucket_ownership_controls(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused("OwnershipControlsNotFoundError", 404, s3.get_bucket_ownership_controls, Bucket=bucket)


# Public-access block

SWITCHES = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]


def block(s3, bucket, *names):
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={name: name in names for name in SWITCHES})


@pytest.mark.parametrize("name", SWITCHES)
def test_public_access_block(s3, bucket, name):
    block(s3, bucket, name)
    found = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert found == {switch: switch == name for switch in SWITCHES}


def test_public_access_block_delete(s3, bucket):
    block(s3, bucket, *SWITCHES)
    assert s3.delete_public_access_block(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused("NoSuchPublicAccessBlockConfiguration", 404, s3.get_public_access_block, Bucket=bucket)


@pytest.mark.parametrize("name", ["public-read", "public-read-write", "authenticated-read"])
def test_public_acls_are_blocked(s3, bucket, name):
    block(s3, bucket, "BlockPublicAcls")
    refused("AccessDenied", 403, s3.put_bucket_acl, Bucket=bucket, ACL=name)
    refused("AccessDenied", 403, s3.put_object, Bucket=bucket, Key="k", Body=b"", ACL=name)
    s3.put_object(Bucket=bucket, Key="k", Body=b"", ACL="private")
    refused("AccessDenied", 403, s3.put_object_acl, Bucket=bucket, Key="k", ACL=name)


def test_public_acls_are_ignored(s3, nobody, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    assert nobody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    block(s3, bucket, "IgnorePublicAcls")
    refused("AccessDenied", 403, nobody.get_object, Bucket=bucket, Key="k")
    block(s3, bucket)
    assert nobody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}]}'


def test_public_policies_are_blocked(s3, bucket):
    block(s3, bucket, "BlockPublicPolicy")
    refused("AccessDenied", 403, s3.put_bucket_policy, Bucket=bucket, Policy=POLICY % bucket)


def test_public_buckets_are_restricted(s3, alt, nobody, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_bucket_policy(Bucket=bucket, Policy=POLICY % bucket)
    assert nobody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    block(s3, bucket, "RestrictPublicBuckets")
    refused("AccessDenied", 403, nobody.get_object, Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


# Request payment

@pytest.mark.parametrize("payer", ["Requester", "BucketOwner"])
def test_request_payment(s3, bucket, payer):
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": payer})
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == payer


def test_request_payment_that_is_none(s3, bucket):
    refused("MalformedXML", 400, s3.put_bucket_request_payment, Bucket=bucket, RequestPaymentConfiguration={"Payer": "Nobody"})


def test_who_must_pay_has_to_say_so(s3, alt, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    refused("AccessDenied", 403, alt.get_object, Bucket=bucket, Key="k")
    assert alt.get_object(Bucket=bucket, Key="k", RequestPayer="requester")["Body"].read() == b"x"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


# Notification and logging

def test_no_notification(s3, wire, bucket):
    assert wire.do("GET", bucket, query="notification").xml.tag == "NotificationConfiguration"
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert not set(found) - {"ResponseMetadata"}


def test_empty_notification(s3, bucket):
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    assert not set(s3.get_bucket_notification_configuration(Bucket=bucket)) - {"ResponseMetadata"}


def test_no_logging(s3, bucket):
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)


def test_logging(s3, bucket):
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": "log/"}})
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == {"TargetBucket": bucket, "TargetPrefix": "log/"}


def test_logging_switched_off(s3, bucket):
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": "log/"}})
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)


def test_logging_to_no_bucket(s3, bucket):
    refused(("InvalidTargetBucketForLogging",), 400, s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus={
        "LoggingEnabled": {"TargetBucket": fresh_name(), "TargetPrefix": ""}})


# Expected owner

@pytest.mark.parametrize("operation", ["head_bucket", "get_object", "put_object", "list_objects_v2"])
def test_expected_bucket_owner(s3, ids, shared, operation):
    s3.put_object(Bucket=shared, Key="k", Body=b"x")
    where = {"Bucket": shared} | ({"Key": "k"} if operation.endswith("_object") else {})
    getattr(s3, operation)(**where, ExpectedBucketOwner=ids.main)
    refused(("AccessDenied", "403"), 403, getattr(s3, operation), **where, ExpectedBucketOwner=ids.alt)


# Invalid documents that must not cause harm

@pytest.mark.parametrize("sub", ["encryption", "replication"])
def test_promises_are_kept_or_not_made(wire, shared, sub):
    xml = {
        "encryption": f"<ServerSideEncryptionConfiguration {NS}><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256"
                      "</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
        "replication": f"<ReplicationConfiguration {NS}><Role>r</Role></ReplicationConfiguration>",
    }[sub]
    answer = wire.do("PUT", shared, query=sub, body=xml)
    if answer.status == 200:
        assert wire.do("GET", shared, query=sub).status == 200
        wire.do("DELETE", shared, query=sub)
    else:
        assert answer.status in (400, 405, 501), answer
