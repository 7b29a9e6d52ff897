"""ACLs: canned, in grant headers, as documents; and the permissions that they give.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html"""

import pytest
from conftest import fresh_name, refused

ALL = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOGS = "http://acs.amazonaws.com/groups/s3/LogDelivery"
PERMISSIONS = ["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"]


def grants(acl):
    return sorted((one["Grantee"].get("ID") or one["Grantee"].get("URI"), one["Permission"]) for one in acl["Grants"])


def user(one, permission):
    return {"Grantee": {"Type": "CanonicalUser", "ID": one}, "Permission": permission}


def group(uri, permission):
    return {"Grantee": {"Type": "Group", "URI": uri}, "Permission": permission}


def policy(owner, *entries):
    return {"Owner": {"ID": owner}, "Grants": list(entries)}


@pytest.fixture
def there(s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x")
    return {"Bucket": shared, "Key": key}


def test_default_of_a_bucket(s3, ids, bucket):
    acl = s3.get_bucket_acl(Bucket=bucket)
    assert acl["Owner"]["ID"] == ids.main and grants(acl) == [(ids.main, "FULL_CONTROL")]


def test_default_of_an_object(s3, ids, there):
    acl = s3.get_object_acl(**there)
    assert acl["Owner"]["ID"] == ids.main and grants(acl) == [(ids.main, "FULL_CONTROL")]


def test_a_grantee_has_type_and_name(s3, there):
    grantee = s3.get_object_acl(**there)["Grants"][0]["Grantee"]
    assert grantee["Type"] == "CanonicalUser" and grantee["DisplayName"]


CANNED = {
    "private": [], "public-read": [(ALL, "READ")], "public-read-write": [(ALL, "READ"), (ALL, "WRITE")],
    "authenticated-read": [(AUTHENTICATED, "READ")],
}


@pytest.mark.parametrize("name", CANNED)
def test_canned_of_a_bucket(s3, ids, bucket, name):
    s3.put_bucket_acl(Bucket=bucket, ACL=name)
    assert grants(s3.get_bucket_acl(Bucket=bucket)) == sorted([(ids.main, "FULL_CONTROL"), *CANNED[name]])


@pytest.mark.parametrize("name", CANNED)
def test_canned_at_creation_of_a_bucket(s3, ids, new_bucket, name):
    bucket = new_bucket(ACL=name)
    assert grants(s3.get_bucket_acl(Bucket=bucket)) == sorted([(ids.main, "FULL_CONTROL"), *CANNED[name]])


@pytest.mark.parametrize("name", CANNED)
def test_canned_of_an_object(s3, ids, there, name):
    s3.put_object_acl(**there, ACL=name)
    assert grants(s3.get_object_acl(**there)) == sorted([(ids.main, "FULL_CONTROL"), *CANNED[name]])


@pytest.mark.parametrize("name", CANNED)
def test_canned_with_an_object(s3, ids, shared, key, name):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", ACL=name)
    assert grants(s3.get_object_acl(Bucket=shared, Key=key)) == sorted([(ids.main, "FULL_CONTROL"), *CANNED[name]])


@pytest.mark.parametrize("name", ["bucket-owner-read", "bucket-owner-full-control"])
def test_canned_for_the_bucket_owner_in_his_own_bucket(s3, ids, there, name):
    s3.put_object_acl(**there, ACL=name)
    assert set(grants(s3.get_object_acl(**there))) == {(ids.main, "FULL_CONTROL")}


@pytest.mark.parametrize("name,permission", [("bucket-owner-read", "READ"), ("bucket-owner-full-control", "FULL_CONTROL")])
def test_canned_for_the_bucket_owner(s3, alt, ids, bucket, name, permission):
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    alt.put_object(Bucket=bucket, Key="k", Body=b"x", ACL=name)
    acl = alt.get_object_acl(Bucket=bucket, Key="k")
    assert acl["Owner"]["ID"] == ids.alt
    assert grants(acl) == sorted([(ids.alt, "FULL_CONTROL"), (ids.main, permission)])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_canned_for_log_delivery(s3, bucket):
    s3.put_bucket_acl(Bucket=bucket, ACL="log-delivery-write")
    assert {(LOGS, "WRITE"), (LOGS, "READ_ACP")} <= set(grants(s3.get_bucket_acl(Bucket=bucket)))


def test_canned_that_is_none(s3, there, bucket):
    refused("InvalidArgument", 400, s3.put_object_acl, **there, ACL="public-nothing")
    refused("InvalidArgument", 400, s3.put_bucket_acl, Bucket=bucket, ACL="public-nothing")
    refused("InvalidArgument", 400, s3.put_object, **there, Body=b"y", ACL="public-nothing")


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_document_of_an_object(s3, ids, there, permission):
    entries = [user(ids.main, "FULL_CONTROL"), user(ids.alt, permission)]
    s3.put_object_acl(**there, AccessControlPolicy=policy(ids.main, *entries))
    assert grants(s3.get_object_acl(**there)) == sorted([(ids.main, "FULL_CONTROL"), (ids.alt, permission)])


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_document_of_a_bucket(s3, ids, bucket, permission):
    entries = [user(ids.main, "FULL_CONTROL"), user(ids.alt, permission)]
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=policy(ids.main, *entries))
    assert grants(s3.get_bucket_acl(Bucket=bucket)) == sorted([(ids.main, "FULL_CONTROL"), (ids.alt, permission)])


@pytest.mark.parametrize("uri", [ALL, AUTHENTICATED])
@pytest.mark.parametrize("permission", ["READ", "READ_ACP", "FULL_CONTROL"])
def test_document_with_a_group(s3, ids, there, uri, permission):
    s3.put_object_acl(**there, AccessControlPolicy=policy(ids.main, user(ids.main, "FULL_CONTROL"), group(uri, permission)))
    assert (uri, permission) in grants(s3.get_object_acl(**there))


def test_document_without_grants(s3, ids, there):
    s3.put_object_acl(**there, AccessControlPolicy=policy(ids.main))
    acl = s3.get_object_acl(**there)
    assert acl["Owner"]["ID"] == ids.main and acl["Grants"] == []


def test_document_round_trip(s3, ids, there):
    entries = [user(ids.main, "FULL_CONTROL"), user(ids.alt, "READ"), group(ALL, "READ"), group(AUTHENTICATED, "READ_ACP")]
    s3.put_object_acl(**there, AccessControlPolicy=policy(ids.main, *entries))
    first = s3.get_object_acl(**there)
    s3.put_object_acl(**there, AccessControlPolicy={"Owner": first["Owner"], "Grants": first["Grants"]})
    assert grants(s3.get_object_acl(**there)) == grants(first)


def test_document_with_an_unknown_user(s3, ids, there):
    refused("InvalidArgument", 400, s3.put_object_acl, **there, AccessControlPolicy=policy(ids.main, user("0" * 64, "READ")))


def test_document_with_an_unknown_group(s3, ids, there):
    refused("InvalidArgument", 400, s3.put_object_acl, **there,
            AccessControlPolicy=policy(ids.main, group("http://example.org/group", "READ")))


def test_document_with_an_unknown_permission(s3, ids, there):
    refused("MalformedXML", 400, s3.put_object_acl, **there, AccessControlPolicy=policy(ids.main, user(ids.alt, "RUN")))


def test_document_with_another_owner(s3, ids, there):
    refused("AccessDenied", 403, s3.put_object_acl, **there, AccessControlPolicy=policy(ids.alt, user(ids.alt, "FULL_CONTROL")))
    assert s3.get_object_acl(**there)["Owner"]["ID"] == ids.main


@pytest.mark.parametrize("xml", ["<AccessControlPolicy>", "text", "<Other/>"])
def test_bad_documents(wire, there, xml):
    refused("MalformedXML", 400, wire.do("PUT", there["Bucket"], there["Key"], "acl", body=xml))


def test_neither_header_nor_document(wire, there):
    answer = wire.do("PUT", there["Bucket"], there["Key"], "acl")
    assert answer.status == 400, answer


HEADERS = {"GrantRead": "READ", "GrantReadACP": "READ_ACP", "GrantWriteACP": "WRITE_ACP", "GrantFullControl": "FULL_CONTROL"}


@pytest.mark.parametrize("header", HEADERS)
def test_header_by_id(s3, ids, there, header):
    s3.put_object_acl(**there, **{header: f'id="{ids.alt}"'})
    assert (ids.alt, HEADERS[header]) in grants(s3.get_object_acl(**there))


@pytest.mark.parametrize("header", HEADERS | {"GrantWrite": "WRITE"})
def test_header_of_a_bucket(s3, ids, bucket, header):
    s3.put_bucket_acl(Bucket=bucket, **{header: f"id={ids.alt}"})
    assert (ids.alt, (HEADERS | {"GrantWrite": "WRITE"})[header]) in grants(s3.get_bucket_acl(Bucket=bucket))


@pytest.mark.parametrize("header", HEADERS)
def test_header_with_an_object(s3, ids, shared, key, header):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", **{header: f"id={ids.alt}"})
    assert (ids.alt, HEADERS[header]) in grants(s3.get_object_acl(Bucket=shared, Key=key))


def test_header_by_group(s3, there):
    s3.put_object_acl(**there, GrantRead=f'uri="{ALL}"')
    assert (ALL, "READ") in grants(s3.get_object_acl(**there))


def test_header_of_two(s3, ids, there):
    s3.put_object_acl(**there, GrantRead=f'id="{ids.alt}", uri="{AUTHENTICATED}"')
    assert {(ids.alt, "READ"), (AUTHENTICATED, "READ")} <= set(grants(s3.get_object_acl(**there)))


def test_header_by_email(s3, wire, ids, there):
    if not wire.alt_email:
        pytest.skip("the users of this service have no e-mail addresses")
    s3.put_object_acl(**there, GrantRead=f'emailAddress="{wire.alt_email}"')
    assert (ids.alt, "READ") in grants(s3.get_object_acl(**there))


def test_document_by_email(s3, wire, ids, there):
    if not wire.alt_email:
        pytest.skip("the users of this service have no e-mail addresses")
    entry = {"Grantee": {"Type": "AmazonCustomerByEmail", "EmailAddress": wire.alt_email}, "Permission": "READ"}
    s3.put_object_acl(**there, AccessControlPolicy=policy(ids.main, user(ids.main, "FULL_CONTROL"), entry))
    assert (ids.alt, "READ") in grants(s3.get_object_acl(**there))


def test_unknown_email(s3, there):
    refused("UnresolvableGrantByEmailAddress", 400, s3.put_object_acl, **there, GrantRead='emailAddress="nobody@example.net"')


def test_header_with_an_unknown_id(s3, there):
    refused("InvalidArgument", 400, s3.put_object_acl, **there, GrantRead=f'id="{"0" * 64}"')


@pytest.mark.parametrize("value", ["", "nonsense", "what=ever"])
def test_header_that_is_none(s3, there, value):
    refused("InvalidArgument", 400, s3.put_object_acl, **there, GrantRead=value or "id=")


def test_canned_and_header(s3, ids, there):
    refused("InvalidRequest", 400, s3.put_object_acl, **there, ACL="private", GrantRead=f"id={ids.alt}")


@pytest.mark.parametrize("operation", ["get_object_acl", "put_object_acl"])
def test_of_no_key(s3, shared, key, operation):
    more = {"ACL": "private"} if operation.startswith("put") else {}
    refused("NoSuchKey", 404, getattr(s3, operation), Bucket=shared, Key=key, **more)


# Permissions. For each operation, the grants to the second user that allow it.

BUCKET_OPERATIONS = {
    "list": (lambda c, b: c.list_objects_v2(Bucket=b), {"READ", "FULL_CONTROL"}),
    "versions": (lambda c, b: c.list_object_versions(Bucket=b), {"READ", "FULL_CONTROL"}),
    "uploads": (lambda c, b: c.list_multipart_uploads(Bucket=b), {"READ", "FULL_CONTROL"}),
    "head": (lambda c, b: c.head_bucket(Bucket=b), {"READ", "FULL_CONTROL"}),
    "put": (lambda c, b: c.put_object(Bucket=b, Key="new", Body=b"y"), {"WRITE", "FULL_CONTROL"}),
    "delete": (lambda c, b: c.delete_object(Bucket=b, Key="k"), {"WRITE", "FULL_CONTROL"}),
    "get-acl": (lambda c, b: c.get_bucket_acl(Bucket=b), {"READ_ACP", "FULL_CONTROL"}),
    "put-acl": (lambda c, b: c.put_bucket_acl(Bucket=b, ACL="private"), {"WRITE_ACP", "FULL_CONTROL"}),
    # The ACL of a bucket gives no access to its objects or settings.
    "get": (lambda c, b: c.get_object(Bucket=b, Key="k"), set()),
    "delete-bucket": (lambda c, b: c.delete_bucket(Bucket=b), set()),
    "policy": (lambda c, b: c.get_bucket_policy(Bucket=b), set()),
    "versioning": (lambda c, b: c.put_bucket_versioning(Bucket=b, VersioningConfiguration={"Status": "Enabled"}), set()),
}

OBJECT_OPERATIONS = {
    "get": (lambda c, w: c.get_object(**w), {"READ", "FULL_CONTROL"}),
    "head": (lambda c, w: c.head_object(**w), {"READ", "FULL_CONTROL"}),
    "get-acl": (lambda c, w: c.get_object_acl(**w), {"READ_ACP", "FULL_CONTROL"}),
    "put-acl": (lambda c, w: c.put_object_acl(**w, ACL="private"), {"WRITE_ACP", "FULL_CONTROL"}),
    # Writing and deleting depend on the bucket's ACL.
    "put": (lambda c, w: c.put_object(**w, Body=b"y"), set()),
    "delete": (lambda c, w: c.delete_object(**w), set()),
}


@pytest.fixture(scope="module")
def granted(s3, ids):
    """A bucket with an object. Each case sets their ACLs."""
    name = fresh_name()
    s3.create_bucket(Bucket=name)
    yield name
    for one in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=one["Key"])
    s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize("operation", BUCKET_OPERATIONS)
@pytest.mark.parametrize("permission", PERMISSIONS)
def test_bucket_access(s3, alt, ids, granted, permission, operation):
    s3.put_object(Bucket=granted, Key="k", Body=b"x")
    s3.put_bucket_acl(Bucket=granted, AccessControlPolicy=policy(
        ids.main, user(ids.main, "FULL_CONTROL"), user(ids.alt, permission)))
    call, needs = BUCKET_OPERATIONS[operation]
    if permission in needs:
        call(alt, granted)
    else:
        refused(("AccessDenied", "403"), 403, call, alt, granted)


@pytest.mark.parametrize("operation", OBJECT_OPERATIONS)
@pytest.mark.parametrize("permission", PERMISSIONS)
def test_object_access(s3, alt, ids, granted, permission, operation):
    s3.put_bucket_acl(Bucket=granted, ACL="private")
    where = {"Bucket": granted, "Key": "k"}
    s3.put_object(**where, Body=b"x")
    s3.put_object_acl(**where, AccessControlPolicy=policy(ids.main, user(ids.main, "FULL_CONTROL"), user(ids.alt, permission)))
    call, needs = OBJECT_OPERATIONS[operation]
    if permission in needs:
        call(alt, where)
    else:
        refused(("AccessDenied", "403"), 403, call, alt, where)


@pytest.mark.parametrize("who", ["alt", "nobody"])
@pytest.mark.parametrize("name", CANNED)
def test_canned_access_to_an_object(request, s3, there, name, who):
    s3.put_object_acl(**there, ACL=name)
    client = request.getfixturevalue(who)
    if name.startswith("public") or (name == "authenticated-read" and who == "alt"):
        assert client.get_object(**there)["Body"].read() == b"x"
    else:
        refused("AccessDenied", 403, client.get_object, **there)


@pytest.mark.parametrize("who", ["alt", "nobody"])
@pytest.mark.parametrize("name", CANNED)
def test_canned_access_to_a_bucket(request, s3, bucket, name, who):
    s3.put_bucket_acl(Bucket=bucket, ACL=name)
    client = request.getfixturevalue(who)
    if name.startswith("public") or (name == "authenticated-read" and who == "alt"):
        assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    else:
        refused("AccessDenied", 403, client.list_objects_v2, Bucket=bucket)
    if name == "public-read-write":
        client.put_object(Bucket=bucket, Key="k", Body=b"y")
    else:
        refused("AccessDenied", 403, client.put_object, Bucket=bucket, Key="k", Body=b"y")


def test_a_public_bucket_has_private_objects(s3, nobody, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    refused("AccessDenied", 403, nobody.get_object, Bucket=bucket, Key="k")


def test_a_missing_key_is_hidden_from_who_may_not_list(alt, shared, key):
    refused("AccessDenied", 403, alt.get_object, Bucket=shared, Key=key)


def test_a_missing_key_is_told_to_who_may_list(s3, alt, bucket):
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    refused("NoSuchKey", 404, alt.get_object, Bucket=bucket, Key="none")


def test_who_writes_owns(s3, alt, ids, bucket):
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    alt.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert alt.get_object_acl(Bucket=bucket, Key="k")["Owner"]["ID"] == ids.alt
    assert s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]["Owner"]["ID"] == ids.alt
    # The bucket's owner can delete objects of other users, but not read them.
    for call in (s3.get_object, s3.get_object_acl):
        refused("AccessDenied", 403, call, Bucket=bucket, Key="k")
    refused("AccessDenied", 403, s3.put_object_acl, Bucket=bucket, Key="k", ACL="public-read")
    alt.put_object_acl(Bucket=bucket, Key="k", ACL="bucket-owner-read")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    s3.delete_object(Bucket=bucket, Key="k")


def test_an_owner_without_grants_can_change_his_acl(s3, ids, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=policy(ids.main))
    refused("AccessDenied", 403, s3.list_objects, Bucket=bucket)
    refused("AccessDenied", 403, s3.put_object, Bucket=bucket, Key="k", Body=b"y")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert grants(s3.get_bucket_acl(Bucket=bucket)) == []
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    s3.put_object(Bucket=bucket, Key="k", Body=b"y")


def test_the_owner_can_take_back_what_he_gave_away(s3, ids, there):
    s3.put_object_acl(**there, AccessControlPolicy=policy(ids.main))
    s3.put_object_acl(**there, ACL="private")
    assert grants(s3.get_object_acl(**there)) == [(ids.main, "FULL_CONTROL")]


def test_acl_goes_with_an_overwrite(s3, nobody, there):
    s3.put_object_acl(**there, ACL="public-read")
    s3.put_object(**there, Body=b"y")
    refused("AccessDenied", 403, nobody.get_object, **there)
