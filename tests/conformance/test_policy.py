"""Bucket policies. https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html"""

import json

import pytest
from botocore.exceptions import ClientError
from conftest import fresh_name, refused


def arn(bucket, key=None):
    return f"arn:aws:s3:::{bucket}" + ("" if key is None else f"/{key}")


def statement(bucket, effect="Allow", principal="*", action="s3:GetObject", resource=None, **more):
    return {"Effect": effect, "Principal": principal, "Action": action,
            "Resource": arn(bucket, "*") if resource is None else resource} | more


def put(client, bucket, *statements):
    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def may(call, *arguments, **parameters):
    """Whether a call is allowed: True, or False for AccessDenied."""
    try:
        call(*arguments, **parameters)
        return True
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, error.response
        return False


@pytest.fixture
def filled(s3, bucket):
    for key in ("k", "open/a", "open/b", "closed/a"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x", Tagging="class=plain")
    return bucket


def test_none(s3, bucket):
    refused("NoSuchBucketPolicy", 404, s3.get_bucket_policy, Bucket=bucket)


def test_round_trip(s3, wire, bucket):
    put(s3, bucket, statement(bucket))
    answer = wire.do("GET", bucket, query="policy")
    assert answer.status == 200 and answer.headers["content-type"].startswith("application/json")
    assert json.loads(answer.body)["Statement"][0]["Resource"] == arn(bucket, "*")


def test_put_answers_204(wire, bucket):
    body = json.dumps({"Version": "2012-10-17", "Statement": [statement(bucket)]})
    assert wire.do("PUT", bucket, query="policy", body=body).status in (200, 204)


def test_delete(s3, nobody, filled):
    put(s3, filled, statement(filled))
    assert may(nobody.get_object, Bucket=filled, Key="k")
    assert s3.delete_bucket_policy(Bucket=filled)["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused("NoSuchBucketPolicy", 404, s3.get_bucket_policy, Bucket=filled)
    assert not may(nobody.get_object, Bucket=filled, Key="k")


def test_delete_of_none(s3, bucket):
    assert s3.delete_bucket_policy(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    s3.head_bucket(Bucket=bucket)


def test_of_no_bucket(s3):
    refused("NoSuchBucket", 404, s3.get_bucket_policy, Bucket=fresh_name())


@pytest.mark.parametrize("operation", ["get_bucket_policy", "put_bucket_policy", "delete_bucket_policy"])
def test_by_another_user(alt, bucket, operation):
    more = {"Policy": "{}"} if operation.startswith("put") else {}
    refused("AccessDenied", 403, getattr(alt, operation), Bucket=bucket, **more)


BAD = {
    "not-json": "{", "text": "hello", "empty": "{}", "no-statement": {"Version": "2012-10-17"},
    "no-effect": {"Effect": None}, "bad-effect": {"Effect": "Perhaps"}, "no-principal": {"Principal": None},
    "no-action": {"Action": None}, "no-resource": {"Resource": None},
    "other-bucket": {"Resource": "arn:aws:s3:::another-bucket/*"}, "bad-operator": {"Condition": {"Sometimes": {"a": "b"}}},
    "bad-address": {"Condition": {"IpAddress": {"aws:SourceIp": "nowhere"}}},
    "bad-version": "version", "bad-action": {"Action": "nothing"},
}


@pytest.mark.parametrize("what", BAD)
def test_malformed(s3, bucket, what):
    bad = BAD[what]
    if what == "bad-version":
        text = json.dumps({"Version": "2000-01-01", "Statement": [statement(bucket)]})
    elif isinstance(bad, str):
        text = bad
    elif what == "no-statement":
        text = json.dumps(bad)
    else:
        one = {name: value for name, value in (statement(bucket) | bad).items() if value is not None}
        text = json.dumps({"Version": "2012-10-17", "Statement": [one]})
    refused(("MalformedPolicy", "InvalidPolicyDocument"), 400, s3.put_bucket_policy, Bucket=bucket, Policy=text)
    refused("NoSuchBucketPolicy", 404, s3.get_bucket_policy, Bucket=bucket)


def test_too_large(s3, bucket):
    many = [statement(bucket, Sid=f"s{n}" + "x" * 100) for n in range(120)]
    refused(("MalformedPolicy", "PolicyTooLarge", "EntityTooLarge"), 400, put, s3, bucket, *many)


PRINCIPALS = {
    "star": (lambda ids: "*", True, True), "aws-star": (lambda ids: {"AWS": "*"}, True, True),
    "user": (lambda ids: {"AWS": f"arn:aws:iam:::user/{ids.alt}"}, True, False),
    "list": (lambda ids: {"AWS": [f"arn:aws:iam:::user/{ids.main}", f"arn:aws:iam:::user/{ids.alt}"]}, True, False),
    "other": (lambda ids: {"AWS": f"arn:aws:iam:::user/{ids.main}"}, False, False),
}


@pytest.mark.parametrize("what", PRINCIPALS)
def test_principals(s3, alt, nobody, ids, filled, what):
    principal, for_alt, for_nobody = PRINCIPALS[what]
    put(s3, filled, statement(filled, principal=principal(ids)))
    assert may(alt.get_object, Bucket=filled, Key="k") is for_alt
    assert may(nobody.get_object, Bucket=filled, Key="k") is for_nobody


RESOURCES = {
    "all": ("*", {"k", "open/a", "open/b", "closed/a"}), "one": ("k", {"k"}), "prefix": ("open/*", {"open/a", "open/b"}),
    "suffix": ("*/a", {"open/a", "closed/a"}), "question": ("?", {"k"}), "inner": ("open/?", {"open/a", "open/b"}),
    "middle": ("*n/b", {"open/b"}), "none": ("x*", set()), "list": (["k", "closed/*"], {"k", "closed/a"}),
}


@pytest.mark.parametrize("what", RESOURCES)
def test_resources(s3, nobody, filled, what):
    pattern, readable = RESOURCES[what]
    patterns = [pattern] if isinstance(pattern, str) else pattern
    put(s3, filled, statement(filled, resource=[arn(filled, one) for one in patterns]))
    for key in ("k", "open/a", "open/b", "closed/a"):
        assert may(nobody.get_object, Bucket=filled, Key=key) is (key in readable), key


ACTIONS = {
    "s3:GetObject": {"get"}, "s3:PutObject": {"put"}, "s3:DeleteObject": {"delete"}, "s3:ListBucket": {"list"},
    "s3:GetObjectAcl": {"get-acl"}, "s3:PutObjectAcl": {"put-acl"}, "s3:GetObjectTagging": {"get-tags"},
    "s3:PutObjectTagging": {"put-tags"}, "s3:GetBucketLocation": {"location"}, "s3:GetBucketAcl": {"bucket-acl"},
    "s3:GetBucketVersioning": {"versioning"}, "s3:ListBucketMultipartUploads": {"uploads"},
    "s3:ListBucketVersions": {"versions"}, "s3:GetLifecycleConfiguration": {"lifecycle"}, "s3:GetBucketCORS": {"cors"},
    "s3:Get*": {"get", "get-acl", "get-tags", "location", "bucket-acl", "versioning", "lifecycle", "cors"},
    "s3:*": None, "*": None, "s3:PutObject*": {"put", "put-acl", "put-tags"}, "s3:GetObject?cl": {"get-acl"},
}
OPERATIONS = {
    "get": lambda c, b: c.get_object(Bucket=b, Key="k"), "put": lambda c, b: c.put_object(Bucket=b, Key="new", Body=b"y"),
    "delete": lambda c, b: c.delete_object(Bucket=b, Key="closed/a"), "list": lambda c, b: c.list_objects_v2(Bucket=b),
    "get-acl": lambda c, b: c.get_object_acl(Bucket=b, Key="k"),
    "put-acl": lambda c, b: c.put_object_acl(Bucket=b, Key="open/b", ACL="private"),
    "get-tags": lambda c, b: c.get_object_tagging(Bucket=b, Key="k"),
    "put-tags": lambda c, b: c.put_object_tagging(Bucket=b, Key="k", Tagging={"TagSet": []}),
    "location": lambda c, b: c.get_bucket_location(Bucket=b), "bucket-acl": lambda c, b: c.get_bucket_acl(Bucket=b),
    "versioning": lambda c, b: c.get_bucket_versioning(Bucket=b), "uploads": lambda c, b: c.list_multipart_uploads(Bucket=b),
    "versions": lambda c, b: c.list_object_versions(Bucket=b),
    "lifecycle": lambda c, b: c.get_bucket_lifecycle_configuration(Bucket=b), "cors": lambda c, b: c.get_bucket_cors(Bucket=b),
}


def permitted(call, *arguments):
    """Like `may`, for documents that may not exist."""
    try:
        call(*arguments)
        return True
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] != 403


@pytest.mark.parametrize("action", ACTIONS)
def test_actions(s3, alt, ids, filled, action):
    put(s3, filled, statement(filled, principal={"AWS": f"arn:aws:iam:::user/{ids.alt}"}, action=action,
                              resource=[arn(filled), arn(filled, "*")]))
    for name, call in OPERATIONS.items():
        wanted = ACTIONS[action] is None or name in ACTIONS[action]
        assert permitted(call, alt, filled) is wanted, name


def test_list_of_actions(s3, alt, filled):
    put(s3, filled, statement(filled, action=["s3:GetObject", "s3:PutObject"]))
    assert may(alt.get_object, Bucket=filled, Key="k") and may(alt.put_object, Bucket=filled, Key="l", Body=b"")
    assert not may(alt.delete_object, Bucket=filled, Key="k")


def test_an_action_on_objects_needs_objects(s3, nobody, filled):
    put(s3, filled, statement(filled, resource=arn(filled), action=["s3:GetObject", "s3:ListBucket"]))
    assert not may(nobody.get_object, Bucket=filled, Key="k")
    assert may(nobody.list_objects_v2, Bucket=filled)


def test_listing_needs_the_bucket(s3, nobody, filled):
    put(s3, filled, statement(filled, action="s3:ListBucket", resource=arn(filled, "*")))
    assert not may(nobody.list_objects_v2, Bucket=filled)


def test_deny_goes_before_allow(s3, nobody, filled):
    put(s3, filled, statement(filled), statement(filled, "Deny", resource=arn(filled, "closed/*")))
    assert may(nobody.get_object, Bucket=filled, Key="k") and not may(nobody.get_object, Bucket=filled, Key="closed/a")


def test_deny_goes_before_acl(s3, nobody, filled):
    s3.put_object_acl(Bucket=filled, Key="k", ACL="public-read")
    assert may(nobody.get_object, Bucket=filled, Key="k")
    put(s3, filled, statement(filled, "Deny"))
    assert not may(nobody.get_object, Bucket=filled, Key="k")


def test_deny_goes_before_the_owner(s3, filled):
    put(s3, filled, statement(filled, "Deny"))
    assert not may(s3.get_object, Bucket=filled, Key="k")
    # The owner can still delete the policy.
    s3.delete_bucket_policy(Bucket=filled)
    assert may(s3.get_object, Bucket=filled, Key="k")


def test_the_owner_is_never_locked_out(s3, filled):
    put(s3, filled, statement(filled, "Deny", action="s3:*", resource=[arn(filled), arn(filled, "*")]))
    assert may(s3.get_bucket_policy, Bucket=filled)
    s3.delete_bucket_policy(Bucket=filled)


def test_allow_and_acl_add_up(s3, nobody, filled):
    s3.put_object_acl(Bucket=filled, Key="k", ACL="public-read")
    put(s3, filled, statement(filled, resource=arn(filled, "open/*")))
    assert may(nobody.get_object, Bucket=filled, Key="k") and may(nobody.get_object, Bucket=filled, Key="open/a")
    assert not may(nobody.get_object, Bucket=filled, Key="closed/a")


def test_not_principal(s3, alt, nobody, ids, filled):
    one = statement(filled, "Deny")
    del one["Principal"]
    one["NotPrincipal"] = {"AWS": [f"arn:aws:iam:::user/{ids.alt}", f"arn:aws:iam:::user/{ids.main}"]}
    put(s3, filled, statement(filled), one)
    assert may(alt.get_object, Bucket=filled, Key="k") and not may(nobody.get_object, Bucket=filled, Key="k")


@pytest.mark.parametrize("acl,public", [("private", False), ("public-read", True), ("authenticated-read", True)])
def test_status_of_an_acl(s3, bucket, acl, public):
    s3.put_bucket_acl(Bucket=bucket, ACL=acl)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is public


def test_not_action(s3, nobody, filled):
    one = statement(filled, resource=[arn(filled), arn(filled, "*")])
    del one["Action"]
    one["NotAction"] = ["s3:GetObject", "s3:PutObject"]
    put(s3, filled, one)
    assert not may(nobody.get_object, Bucket=filled, Key="k") and may(nobody.list_objects_v2, Bucket=filled)


def test_not_resource(s3, nobody, filled):
    one = statement(filled)
    del one["Resource"]
    one["NotResource"] = arn(filled, "closed/*")
    put(s3, filled, one)
    assert may(nobody.get_object, Bucket=filled, Key="k") and not may(nobody.get_object, Bucket=filled, Key="closed/a")


# Conditions for reading an object from 127.0.0.1 (or ::1) over plain HTTP, and whether they are true.
CONDITIONS = {
    "address": ({"IpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}}, True),
    "other-address": ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
    "not-address": ({"NotIpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}}, False),
    "not-other-address": ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, True),
    "secure": ({"Bool": {"aws:SecureTransport": "true"}}, False),
    "insecure": ({"Bool": {"aws:SecureTransport": "false"}}, True),
    "after": ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
    "before": ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
    "epoch": ({"NumericGreaterThan": {"aws:EpochTime": "1500000000"}}, True),
    "agent": ({"StringLike": {"aws:UserAgent": "*oto*"}}, True),
    "other-agent": ({"StringEquals": {"aws:UserAgent": "none"}}, False),
    "referer": ({"StringLike": {"aws:Referer": "http://example.org/*"}}, False),
    "two": ({"IpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}, "Bool": {"aws:SecureTransport": "true"}}, False),
    "absent-if-exists": ({"StringEqualsIfExists": {"aws:Referer": "x"}}, True),
    "absent": ({"StringEquals": {"aws:Referer": "x"}}, False),
    "null": ({"Null": {"aws:Referer": "true"}}, True),
    "not-null": ({"Null": {"aws:Referer": "false"}}, False),
}


@pytest.mark.parametrize("what", CONDITIONS)
def test_conditions(s3, nobody, filled, what):
    condition, holds = CONDITIONS[what]
    put(s3, filled, statement(filled, Condition=condition))
    assert may(nobody.get_object, Bucket=filled, Key="k") is holds


@pytest.mark.parametrize("what", ["address", "other-address", "secure", "insecure"])
def test_conditions_of_a_deny(s3, nobody, filled, what):
    condition, holds = CONDITIONS[what]
    put(s3, filled, statement(filled), statement(filled, "Deny", Condition=condition))
    assert may(nobody.get_object, Bucket=filled, Key="k") is not holds


def test_condition_on_the_referer(s3, wire, filled):
    put(s3, filled, statement(filled, Condition={"StringLike": {"aws:Referer": "http://example.org/*"}}))
    assert wire.anonymous("GET", filled, "k", headers={"Referer": "http://example.org/page"}).status == 200
    assert wire.anonymous("GET", filled, "k", headers={"Referer": "http://example.com/page"}).status == 403
    assert wire.anonymous("GET", filled, "k").status == 403


@pytest.mark.parametrize("operator,value,allowed", [
    ("StringEquals", "open/", ["open/"]), ("StringLike", "open*", ["open/", "open"]),
    ("StringNotEquals", "open/", ["closed/", "", "open"]), ("StringEquals", ["open/", "closed/"], ["open/", "closed/"]),
    ("StringEqualsIgnoreCase", "OPEN/", ["open/"]), ("StringNotLike", "open*", ["closed/", ""])])
def test_condition_on_the_prefix(s3, alt, filled, operator, value, allowed):
    put(s3, filled, statement(filled, action="s3:ListBucket", resource=arn(filled), Condition={operator: {"s3:prefix": value}}))
    for prefix in ("open/", "open", "closed/", ""):
        assert may(alt.list_objects_v2, Bucket=filled, Prefix=prefix) is (prefix in allowed), prefix


def test_condition_on_the_delimiter(s3, alt, filled):
    put(s3, filled, statement(filled, action="s3:ListBucket", resource=arn(filled), Condition={"StringEquals": {"s3:delimiter": "/"}}))
    assert may(alt.list_objects_v2, Bucket=filled, Delimiter="/") and not may(alt.list_objects_v2, Bucket=filled)


@pytest.mark.parametrize("operator,number,allowed", [
    ("NumericLessThanEquals", "10", {5, 10}), ("NumericLessThan", "10", {5}), ("NumericEquals", "10", {10}),
    ("NumericGreaterThan", "10", {20}), ("NumericGreaterThanEquals", "10", {10, 20}), ("NumericNotEquals", "10", {5, 20})])
def test_condition_on_max_keys(s3, alt, filled, operator, number, allowed):
    put(s3, filled, statement(filled, action="s3:ListBucket", resource=arn(filled), Condition={operator: {"s3:max-keys": number}}))
    for count in (5, 10, 20):
        assert may(alt.list_objects_v2, Bucket=filled, MaxKeys=count) is (count in allowed), count


def test_condition_on_the_acl_of_a_put(s3, alt, filled):
    put(s3, filled, statement(filled, action="s3:PutObject", Condition={"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}))
    assert not may(alt.put_object, Bucket=filled, Key="new", Body=b"")
    assert may(alt.put_object, Bucket=filled, Key="new", Body=b"", ACL="bucket-owner-full-control")


def test_condition_on_the_class_of_a_put(s3, alt, filled):
    put(s3, filled, statement(filled, action="s3:PutObject", Condition={"StringEquals": {"s3:x-amz-storage-class": "STANDARD_IA"}}))
    assert not may(alt.put_object, Bucket=filled, Key="new", Body=b"")
    assert may(alt.put_object, Bucket=filled, Key="new", Body=b"", StorageClass="STANDARD_IA")


def test_condition_on_an_existing_tag(s3, nobody, filled):
    s3.put_object_tagging(Bucket=filled, Key="k", Tagging={"TagSet": [{"Key": "class", "Value": "public"}]})
    put(s3, filled, statement(filled, Condition={"StringEquals": {"s3:ExistingObjectTag/class": "public"}}))
    assert may(nobody.get_object, Bucket=filled, Key="k") and not may(nobody.get_object, Bucket=filled, Key="open/a")


def test_condition_on_a_tag_of_a_put(s3, alt, filled):
    put(s3, filled, statement(filled, action=["s3:PutObject", "s3:PutObjectTagging"],
                              Condition={"StringEquals": {"s3:RequestObjectTag/class": "public"}}))
    assert not may(alt.put_object, Bucket=filled, Key="new", Body=b"")
    assert not may(alt.put_object, Bucket=filled, Key="new", Body=b"", Tagging="class=secret")
    assert may(alt.put_object, Bucket=filled, Key="new", Body=b"", Tagging="class=public")


def test_versions_are_an_action_of_their_own(s3, nobody, versioned):
    one = s3.put_object(Bucket=versioned, Key="k", Body=b"1")["VersionId"]
    s3.put_object(Bucket=versioned, Key="k", Body=b"2")
    put(s3, versioned, statement(versioned))
    assert may(nobody.get_object, Bucket=versioned, Key="k")
    assert not may(nobody.get_object, Bucket=versioned, Key="k", VersionId=one)
    put(s3, versioned, statement(versioned, action="s3:GetObjectVersion"))
    assert may(nobody.get_object, Bucket=versioned, Key="k", VersionId=one)


def test_a_policy_for_another_user_to_set_it(s3, alt, ids, filled):
    put(s3, filled, statement(filled, principal={"AWS": f"arn:aws:iam:::user/{ids.alt}"}, action="s3:*",
                              resource=[arn(filled), arn(filled, "*")]))
    assert may(alt.put_bucket_tagging, Bucket=filled, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert may(alt.get_bucket_tagging, Bucket=filled)


def test_copy_needs_both_ends(s3, alt, filled, new_bucket):
    own = new_bucket(alt)
    put(s3, filled, statement(filled, action="s3:PutObject"))
    assert not may(alt.copy_object, Bucket=own, Key="c", CopySource=f"{filled}/k")
    put(s3, filled, statement(filled, action="s3:GetObject"))
    assert may(alt.copy_object, Bucket=own, Key="c", CopySource=f"{filled}/k")
    assert not may(alt.copy_object, Bucket=filled, Key="c", CopySource=f"{own}/c")


def test_deletion_of_many_asks_for_each(s3, alt, filled):
    put(s3, filled, statement(filled, action="s3:DeleteObject", resource=arn(filled, "open/*")))
    answer = alt.delete_objects(Bucket=filled, Delete={"Objects": [{"Key": "open/a"}, {"Key": "closed/a"}]})
    assert [one["Key"] for one in answer["Deleted"]] == ["open/a"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("closed/a", "AccessDenied")]


@pytest.mark.parametrize("what", ["public", "private", "none"])
def test_status(s3, ids, bucket, what):
    if what == "none":
        assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False
        return
    principal = "*" if what == "public" else {"AWS": f"arn:aws:iam:::user/{ids.alt}"}
    put(s3, bucket, statement(bucket, principal=principal))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is (what == "public")
