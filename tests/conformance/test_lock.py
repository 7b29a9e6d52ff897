"""Object lock. https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html"""

import datetime

import pytest
from conftest import refused


def ahead(**span):
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(**span)


def put(s3, bucket, key, **more):
    return {"Bucket": bucket, "Key": key, "VersionId": s3.put_object(Bucket=bucket, Key=key, Body=b"x", **more)["VersionId"]}


@pytest.fixture
def version(s3, locked, key):
    """A version that is unlocked at the end."""
    where = put(s3, locked, key)
    yield where
    try:
        s3.put_object_legal_hold(**where, LegalHold={"Status": "OFF"})
        s3.delete_object(**where, BypassGovernanceRetention=True)
    except s3.exceptions.ClientError:
        pass


def retain(s3, where, mode="GOVERNANCE", until=None, **more):
    s3.put_object_retention(**where, Retention={"Mode": mode, "RetainUntilDate": until or ahead(days=1)}, **more)


def hold(s3, where, status):
    s3.put_object_legal_hold(**where, LegalHold={"Status": status})


def test_a_bucket_with_lock_has_versions(s3, locked):
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"


def test_versions_cannot_be_suspended(s3, locked):
    refused("InvalidBucketState", 409, s3.put_bucket_versioning, Bucket=locked, VersioningConfiguration={"Status": "Suspended"})


def test_a_bucket_without(s3, bucket):
    refused("ObjectLockConfigurationNotFoundError", 404, s3.get_object_lock_configuration, Bucket=bucket)


def test_configuration_needs_versions(s3, bucket):
    refused("InvalidBucketState", 409, s3.put_object_lock_configuration, Bucket=bucket,
            ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})


def configuration(**retention):
    return {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}


@pytest.mark.parametrize("retention", [{"Mode": "GOVERNANCE", "Days": 1}, {"Mode": "COMPLIANCE", "Days": 2},
                                       {"Mode": "GOVERNANCE", "Years": 1}], ids=str)
def test_configuration(s3, new_bucket, retention):
    bucket = new_bucket(ObjectLockEnabledForBucket=True)
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration(**retention))
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == configuration(**retention)


BAD = {
    "days-and-years": configuration(Mode="GOVERNANCE", Days=1, Years=1), "neither": configuration(Mode="GOVERNANCE"),
    "no-mode": configuration(Days=1), "bad-mode": configuration(Mode="governance", Days=1),
    "zero-days": configuration(Mode="GOVERNANCE", Days=0), "negative": configuration(Mode="GOVERNANCE", Days=-1),
    "zero-years": configuration(Mode="GOVERNANCE", Years=0), "disabled": {"ObjectLockEnabled": "Disabled"},
}


@pytest.mark.parametrize("what", BAD)
def test_configuration_that_is_none(s3, new_bucket, what):
    bucket = new_bucket(ObjectLockEnabledForBucket=True)
    refused(("MalformedXML", "InvalidRetentionPeriod", "InvalidArgument"), 400, s3.put_object_lock_configuration, Bucket=bucket,
            ObjectLockConfiguration=BAD[what])


def test_default_retention(s3, new_bucket):
    bucket = new_bucket(ObjectLockEnabledForBucket=True)
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration(Mode="GOVERNANCE", Days=1))
    where = put(s3, bucket, "k")
    head = s3.head_object(**where)
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert abs((head["ObjectLockRetainUntilDate"] - ahead(days=1)).total_seconds()) < 900
    refused("AccessDenied", 403, s3.delete_object, **where)
    s3.delete_object(**where, BypassGovernanceRetention=True)


def test_own_retention_goes_before_the_default(s3, new_bucket):
    bucket = new_bucket(ObjectLockEnabledForBucket=True)
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration(Mode="GOVERNANCE", Days=1))
    until = ahead(days=3)
    where = put(s3, bucket, "k", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    assert s3.head_object(**where)["ObjectLockRetainUntilDate"] == until
    s3.delete_object(**where, BypassGovernanceRetention=True)


@pytest.mark.parametrize("status", ["ON", "OFF"])
def test_legal_hold(s3, version, status):
    hold(s3, version, status)
    assert s3.get_object_legal_hold(**version)["LegalHold"]["Status"] == status
    assert s3.head_object(**version)["ObjectLockLegalHoldStatus"] == status


@pytest.mark.parametrize("status", ["on", "MAYBE", ""])
def test_legal_hold_that_is_none(s3, version, status):
    refused("MalformedXML", 400, hold, s3, version, status)


def test_no_legal_hold(s3, version):
    refused("NoSuchObjectLockConfiguration", 404, s3.get_object_legal_hold, **version)


def test_no_retention(s3, version):
    refused("NoSuchObjectLockConfiguration", 404, s3.get_object_retention, **version)


def test_legal_hold_forbids_removal(s3, version):
    hold(s3, version, "ON")
    refused("AccessDenied", 403, s3.delete_object, **version)
    refused("AccessDenied", 403, s3.delete_object, **version, BypassGovernanceRetention=True)
    hold(s3, version, "OFF")
    s3.delete_object(**version)
    refused("NoSuchVersion", 404, s3.get_object, **version)


def test_a_locked_version_can_get_a_marker(s3, version):
    hold(s3, version, "ON")
    answer = s3.delete_object(Bucket=version["Bucket"], Key=version["Key"])
    assert answer["DeleteMarker"] is True
    s3.get_object(**version)


def test_a_locked_version_can_get_a_successor(s3, version):
    hold(s3, version, "ON")
    s3.put_object(Bucket=version["Bucket"], Key=version["Key"], Body=b"y")
    assert s3.get_object(**version)["Body"].read() == b"x"


def test_removal_of_many_keeps_what_is_locked(s3, version):
    hold(s3, version, "ON")
    other = put(s3, version["Bucket"], version["Key"])
    answer = s3.delete_objects(Bucket=version["Bucket"], Delete={"Objects": [
        {"Key": one["Key"], "VersionId": one["VersionId"]} for one in (version, other)]})
    assert [one["VersionId"] for one in answer["Deleted"]] == [other["VersionId"]]
    assert [(one["VersionId"], one["Code"]) for one in answer["Errors"]] == [(version["VersionId"], "AccessDenied")]


@pytest.mark.parametrize("mode", ["GOVERNANCE"])
def test_retention(s3, version, mode):
    until = ahead(days=1)
    retain(s3, version, mode, until)
    found = s3.get_object_retention(**version)["Retention"]
    assert found["Mode"] == mode and found["RetainUntilDate"] == until
    head = s3.head_object(**version)
    assert head["ObjectLockMode"] == mode and head["ObjectLockRetainUntilDate"] == until


def test_retention_forbids_removal(s3, version):
    retain(s3, version)
    refused("AccessDenied", 403, s3.delete_object, **version)
    s3.delete_object(**version, BypassGovernanceRetention=True)


def test_bypass_needs_to_be_said_as_true(s3, wire, version):
    retain(s3, version)
    answer = wire.do("DELETE", version["Bucket"], version["Key"], {"versionId": version["VersionId"]},
                     {"x-amz-bypass-governance-retention": "false"})
    refused("AccessDenied", 403, answer)


def test_retention_can_grow(s3, version):
    retain(s3, version)
    until = ahead(days=5)
    retain(s3, version, until=until)
    assert s3.get_object_retention(**version)["Retention"]["RetainUntilDate"] == until


def test_retention_cannot_shrink(s3, version):
    retain(s3, version, until=ahead(days=5))
    refused("AccessDenied", 403, retain, s3, version, until=ahead(days=1))
    retain(s3, version, until=ahead(days=1), BypassGovernanceRetention=True)


def test_compliance_is_final(s3, locked, key):
    # Only a few seconds, so that the locked version can be deleted at the end.
    where = put(s3, locked, key)
    until = ahead(seconds=20)
    retain(s3, where, "COMPLIANCE", until)
    refused("AccessDenied", 403, s3.delete_object, **where)
    refused("AccessDenied", 403, s3.delete_object, **where, BypassGovernanceRetention=True)
    refused("AccessDenied", 403, retain, s3, where, "GOVERNANCE", ahead(days=1), BypassGovernanceRetention=True)
    refused("AccessDenied", 403, retain, s3, where, "COMPLIANCE", ahead(seconds=10), BypassGovernanceRetention=True)
    retain(s3, where, "COMPLIANCE", until + datetime.timedelta(seconds=1))


@pytest.mark.parametrize("mode,until", [("GOVERNANCE", None), ("other", 1), (None, 1)])
def test_retention_that_is_none(wire, version, mode, until):
    xml = "<Retention>" + (f"<Mode>{mode}</Mode>" if mode else "")
    xml += f"<RetainUntilDate>{ahead(days=1).strftime('%Y-%m-%dT%H:%M:%SZ')}</RetainUntilDate>" if until else ""
    answer = wire.do("PUT", version["Bucket"], version["Key"], [("retention", None), ("versionId", version["VersionId"])],
                     body=xml + "</Retention>")
    refused("MalformedXML", 400, answer)


def test_retention_in_the_past(s3, version):
    refused("InvalidArgument", 400, retain, s3, version, until=ahead(days=-1))


@pytest.mark.parametrize("operation", ["retention", "hold"])
def test_without_lock(s3, bucket, operation):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    where = {"Bucket": bucket, "Key": "k"}
    if operation == "retention":
        refused("InvalidRequest", 400, retain, s3, where)
        refused("InvalidRequest", 400, s3.get_object_retention, **where)
    else:
        refused("InvalidRequest", 400, hold, s3, where, "ON")
        refused("InvalidRequest", 400, s3.get_object_legal_hold, **where)


def test_headers_without_lock(s3, bucket):
    refused("InvalidRequest", 400, s3.put_object, Bucket=bucket, Key="k", Body=b"x", ObjectLockMode="GOVERNANCE",
            ObjectLockRetainUntilDate=ahead(days=1))


def test_headers_of_a_put(s3, locked, key):
    until = ahead(days=1)
    where = put(s3, locked, key, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until, ObjectLockLegalHoldStatus="ON")
    head = s3.head_object(**where)
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"], head["ObjectLockLegalHoldStatus"]) == ("GOVERNANCE", until, "ON")
    hold(s3, where, "OFF")
    s3.delete_object(**where, BypassGovernanceRetention=True)


@pytest.mark.parametrize("headers", [{"x-amz-object-lock-mode": "GOVERNANCE"}, {"x-amz-object-lock-retain-until-date": "2035-01-01T00:00:00Z"},
                                     {"x-amz-object-lock-legal-hold": "perhaps"},
                                     {"x-amz-object-lock-mode": "x", "x-amz-object-lock-retain-until-date": "2035-01-01T00:00:00Z"},
                                     {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": "soon"},
                                     {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": "2001-01-01T00:00:00Z"}],
                         ids=lambda headers: "-".join(headers.values()))
def test_headers_that_are_none(wire, locked, key, headers):
    refused("InvalidArgument", 400, wire.do("PUT", locked, key, headers=headers, body=b"x"))


def test_an_upload_in_parts(s3, locked, key):
    upload = s3.create_multipart_upload(Bucket=locked, Key=key, ObjectLockLegalHoldStatus="ON")["UploadId"]
    etag = s3.upload_part(Bucket=locked, Key=key, UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    version = s3.complete_multipart_upload(Bucket=locked, Key=key, UploadId=upload,
                                           MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})["VersionId"]
    where = {"Bucket": locked, "Key": key, "VersionId": version}
    refused("AccessDenied", 403, s3.delete_object, **where)
    hold(s3, where, "OFF")
    s3.delete_object(**where)


@pytest.mark.parametrize("operation", ["get_object_retention", "get_object_legal_hold", "put_object_legal_hold", "put_object_retention"])
def test_by_another_user(alt, version, operation):
    more = {"put_object_legal_hold": {"LegalHold": {"Status": "OFF"}},
            "put_object_retention": {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": ahead(days=1)}}}.get(operation, {})
    refused("AccessDenied", 403, getattr(alt, operation), **version, **more)


def test_of_no_key(s3, locked, key):
    refused("NoSuchKey", 404, s3.get_object_retention, Bucket=locked, Key=key)
    refused("NoSuchKey", 404, s3.put_object_legal_hold, Bucket=locked, Key=key, LegalHold={"Status": "ON"})
