"""Versioning. https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import fresh_name, refused

NO_VERSION = "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"


def put(s3, bucket, key, body=b"x", **more):
    return s3.put_object(Bucket=bucket, Key=key, Body=body, **more).get("VersionId")


def read(s3, bucket, key, version=None):
    more = {"VersionId": version} if version else {}
    return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def suspend(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def versions(s3, bucket, **more):
    return [(one["Key"], one["VersionId"]) for one in s3.list_object_versions(Bucket=bucket, **more).get("Versions", [])]


def markers(s3, bucket, **more):
    return [(one["Key"], one["VersionId"]) for one in s3.list_object_versions(Bucket=bucket, **more).get("DeleteMarkers", [])]


def test_never_switched_on(s3, wire, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert wire.do("GET", bucket, query="versioning").xml.tag == "VersioningConfiguration"


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_switch(s3, bucket, status):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status


@pytest.mark.parametrize("xml", ["", "<VersioningConfiguration/>", "<VersioningConfiguration><Status>On</Status></VersioningConfiguration>",
                                 "<VersioningConfiguration><Status/></VersioningConfiguration>", "<Other/>", "text", "<Versioning"])
def test_switch_with_nonsense(s3, wire, bucket, xml):
    refused(("MalformedXML", "IllegalVersioningConfigurationException", "MissingRequestBodyError"), 400,
            wire.do("PUT", bucket, query="versioning", body=xml))
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)


@pytest.mark.parametrize("operation", ["get_bucket_versioning", "put_bucket_versioning"])
def test_by_another_user(alt, bucket, operation):
    more = {"VersioningConfiguration": {"Status": "Enabled"}} if operation.startswith("put") else {}
    refused("AccessDenied", 403, getattr(alt, operation), Bucket=bucket, **more)


def test_of_no_bucket(s3):
    refused("NoSuchBucket", 404, s3.get_bucket_versioning, Bucket=fresh_name())


def test_without_versions_no_id(s3, bucket):
    assert put(s3, bucket, "k") is None
    assert "VersionId" not in s3.head_object(Bucket=bucket, Key="k")


def test_each_put_is_a_version(s3, versioned):
    ids = [put(s3, versioned, "k", str(n).encode()) for n in range(5)]
    assert len(set(ids)) == 5 and all(ids) and "null" not in ids
    assert read(s3, versioned, "k") == b"4"
    assert [read(s3, versioned, "k", one) for one in ids] == [b"0", b"1", b"2", b"3", b"4"]


def test_listing_is_newest_first(s3, versioned):
    ids = [put(s3, versioned, "k", str(n).encode()) for n in range(5)]
    assert [one for _, one in versions(s3, versioned)] == ids[::-1]


def test_listing_by_key_then_age(s3, versioned):
    ids = {}
    for n in range(2):
        for key in ("b", "a", "c"):
            ids.setdefault(key, []).insert(0, put(s3, versioned, key))
    assert versions(s3, versioned) == [(key, one) for key in "abc" for one in ids[key]]


def test_latest_is_marked(s3, versioned):
    put(s3, versioned, "k"), put(s3, versioned, "k")
    put(s3, versioned, "l")
    found = s3.list_object_versions(Bucket=versioned)["Versions"]
    assert [(one["Key"], one["IsLatest"]) for one in found] == [("k", True), ("k", False), ("l", True)]


def test_fields_of_a_version(s3, ids, versioned):
    put(s3, versioned, "k", b"abc")
    one = s3.list_object_versions(Bucket=versioned)["Versions"][0]
    assert one["Size"] == 3 and one["ETag"] == '"900150983cd24fb0d6963f7d28e17f72"' and one["StorageClass"] == "STANDARD"
    assert one["Owner"]["ID"] == ids.main and one["LastModified"]


def test_root_element_of_versions(wire, versioned):
    assert wire.do("GET", versioned, query="versions").xml.tag == "ListVersionsResult"


def test_get_says_the_version(s3, versioned):
    one = put(s3, versioned, "k")
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == one
    assert s3.head_object(Bucket=versioned, Key="k", VersionId=one)["VersionId"] == one


def test_metadata_of_versions(s3, versioned):
    one, two = put(s3, versioned, "k", Metadata={"n": "1"}), put(s3, versioned, "k", Metadata={"n": "2"})
    assert [s3.head_object(Bucket=versioned, Key="k", VersionId=v)["Metadata"]["n"] for v in (one, two)] == ["1", "2"]


def test_delete_leaves_a_marker(s3, versioned):
    one = put(s3, versioned, "k")
    answer = s3.delete_object(Bucket=versioned, Key="k")
    assert answer["DeleteMarker"] is True and answer["VersionId"] not in (None, one)
    assert versions(s3, versioned) == [("k", one)] and markers(s3, versioned) == [("k", answer["VersionId"])]


def test_behind_a_marker(s3, wire, versioned):
    one = put(s3, versioned, "k", b"old")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    answer = wire.do("GET", versioned, "k")
    refused("NoSuchKey", 404, answer)
    assert answer.headers["x-amz-delete-marker"] == "true" and answer.headers["x-amz-version-id"] == marker
    assert wire.do("HEAD", versioned, "k").status == 404
    assert read(s3, versioned, "k", one) == b"old"
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_marker_cannot_be_read(s3, wire, versioned, method):
    put(s3, versioned, "k")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    answer = wire.do(method, versioned, "k", {"versionId": marker})
    assert answer.status == 405 and answer.headers.get("allow") == "DELETE", answer
    assert answer.headers.get("x-amz-delete-marker") == "true"


def test_removing_the_marker_brings_it_back(s3, versioned):
    put(s3, versioned, "k", b"old")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    answer = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    assert answer["DeleteMarker"] is True and answer["VersionId"] == marker
    assert read(s3, versioned, "k") == b"old" and markers(s3, versioned) == []


def test_two_markers(s3, versioned):
    put(s3, versioned, "k")
    first = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    second = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    assert markers(s3, versioned) == [("k", second), ("k", first)]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=second)
    refused("NoSuchKey", 404, s3.get_object, Bucket=versioned, Key="k")


def test_deleting_what_never_was_leaves_a_marker(s3, versioned):
    answer = s3.delete_object(Bucket=versioned, Key="never")
    assert answer["DeleteMarker"] is True and markers(s3, versioned) == [("never", answer["VersionId"])]


def test_a_put_over_a_marker(s3, versioned):
    put(s3, versioned, "k", b"1")
    s3.delete_object(Bucket=versioned, Key="k")
    put(s3, versioned, "k", b"2")
    assert read(s3, versioned, "k") == b"2" and len(versions(s3, versioned)) == 2 and len(markers(s3, versioned)) == 1


def test_delete_of_a_version(s3, versioned):
    one, two = put(s3, versioned, "k", b"1"), put(s3, versioned, "k", b"2")
    answer = s3.delete_object(Bucket=versioned, Key="k", VersionId=one)
    assert answer["VersionId"] == one and not answer.get("DeleteMarker")
    assert versions(s3, versioned) == [("k", two)] and read(s3, versioned, "k") == b"2"


def test_delete_of_the_latest_version(s3, versioned):
    one, two = put(s3, versioned, "k", b"1"), put(s3, versioned, "k", b"2")
    s3.delete_object(Bucket=versioned, Key="k", VersionId=two)
    found = s3.list_object_versions(Bucket=versioned)["Versions"]
    assert [(v["VersionId"], v["IsLatest"]) for v in found] == [(one, True)] and read(s3, versioned, "k") == b"1"


def test_delete_of_all_versions(s3, versioned):
    for one in [put(s3, versioned, "k") for _ in range(3)]:
        s3.delete_object(Bucket=versioned, Key="k", VersionId=one)
    assert versions(s3, versioned) == markers(s3, versioned) == []
    s3.delete_bucket(Bucket=versioned)


def test_delete_of_no_version(s3, versioned):
    put(s3, versioned, "k")
    assert s3.delete_object(Bucket=versioned, Key="k", VersionId=NO_VERSION)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert len(versions(s3, versioned)) == 1


def test_get_of_no_version(s3, versioned):
    put(s3, versioned, "k")
    refused("NoSuchVersion", 404, s3.get_object, Bucket=versioned, Key="k", VersionId=NO_VERSION)


def test_get_of_no_version_of_no_key(s3, versioned):
    refused(("NoSuchVersion", "NoSuchKey"), 404, s3.get_object, Bucket=versioned, Key="none", VersionId=NO_VERSION)


def test_get_of_an_empty_version(wire, s3, versioned):
    put(s3, versioned, "k")
    refused("InvalidArgument", 400, wire.do("GET", versioned, "k", {"versionId": ""}))


def test_a_version_of_another_key(s3, versioned):
    one = put(s3, versioned, "k")
    put(s3, versioned, "l")
    refused("NoSuchVersion", 404, s3.get_object, Bucket=versioned, Key="l", VersionId=one)


def test_what_was_there_before_is_null(s3, bucket):
    put(s3, bucket, "k", b"before")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert versions(s3, bucket) == [("k", "null")]
    two = put(s3, bucket, "k", b"after")
    assert versions(s3, bucket) == [("k", two), ("k", "null")]
    assert read(s3, bucket, "k", "null") == b"before" and read(s3, bucket, "k") == b"after"


def test_without_versions_everything_is_null(s3, bucket):
    put(s3, bucket, "k", b"one")
    assert versions(s3, bucket) == [("k", "null")] and read(s3, bucket, "k", "null") == b"one"


def test_suspended_writes_null(s3, versioned):
    one = put(s3, versioned, "k", b"1")
    suspend(s3, versioned)
    assert put(s3, versioned, "k", b"2") in (None, "null")
    assert versions(s3, versioned) == [("k", "null"), ("k", one)] and read(s3, versioned, "k") == b"2"


def test_suspended_writes_null_again(s3, versioned):
    one = put(s3, versioned, "k", b"1")
    suspend(s3, versioned)
    put(s3, versioned, "k", b"2"), put(s3, versioned, "k", b"3")
    assert versions(s3, versioned) == [("k", "null"), ("k", one)] and read(s3, versioned, "k", "null") == b"3"


def test_suspended_delete_leaves_a_null_marker(s3, versioned):
    one = put(s3, versioned, "k", b"1")
    suspend(s3, versioned)
    put(s3, versioned, "k", b"2")
    answer = s3.delete_object(Bucket=versioned, Key="k")
    assert answer["DeleteMarker"] is True and answer.get("VersionId", "null") == "null"
    assert versions(s3, versioned) == [("k", one)] and markers(s3, versioned) == [("k", "null")]


def test_suspended_keeps_versions(s3, versioned):
    ids = [put(s3, versioned, "k", str(n).encode()) for n in range(3)]
    suspend(s3, versioned)
    s3.delete_object(Bucket=versioned, Key="k")
    assert [read(s3, versioned, "k", one) for one in ids] == [b"0", b"1", b"2"]


def test_switched_on_again_keeps_null(s3, versioned):
    put(s3, versioned, "k", b"1")
    suspend(s3, versioned)
    put(s3, versioned, "k", b"2")
    s3.put_bucket_versioning(Bucket=versioned, VersioningConfiguration={"Status": "Enabled"})
    put(s3, versioned, "k", b"3")
    assert len(versions(s3, versioned)) == 3 and read(s3, versioned, "k", "null") == b"2"


def test_removing_the_null_version(s3, versioned):
    one = put(s3, versioned, "k", b"1")
    suspend(s3, versioned)
    put(s3, versioned, "k", b"2")
    s3.delete_object(Bucket=versioned, Key="k", VersionId="null")
    assert versions(s3, versioned) == [("k", one)] and read(s3, versioned, "k") == b"1"


def test_removing_a_null_marker(s3, versioned):
    put(s3, versioned, "k", b"1")
    suspend(s3, versioned)
    s3.delete_object(Bucket=versioned, Key="k")
    s3.delete_object(Bucket=versioned, Key="k", VersionId="null")
    assert markers(s3, versioned) == [] and read(s3, versioned, "k") == b"1"


@pytest.fixture
def many(s3, versioned):
    """Versions and delete markers of some keys, as (key, id) in listing order."""
    entries = {}
    for n in range(3):
        for key in ("a", "b/1", "b/2", "c"):
            entries.setdefault(key, []).insert(0, put(s3, versioned, key, str(n).encode()))
    for key in ("a", "c"):
        entries[key].insert(0, s3.delete_object(Bucket=versioned, Key=key)["VersionId"])
    return versioned, [(key, one) for key in sorted(entries) for one in entries[key]]


def all_entries(wire, bucket, **query):
    answer = wire.do("GET", bucket, query=[("versions", None), *((k.replace("_", "-"), v) for k, v in query.items())])
    assert answer.status == 200, answer
    found = [(one.findtext("Key"), one.findtext("VersionId")) for one in answer.xml if one.tag in ("Version", "DeleteMarker")]
    return found, answer.xml


def test_versions_and_markers_are_in_one_order(wire, many):
    bucket, entries = many
    assert all_entries(wire, bucket)[0] == entries


@pytest.mark.parametrize("size", [1, 2, 3, 5, 13, 14, 15])
def test_pages_of_versions(wire, many, size):
    bucket, entries = many
    found, marker = [], {}
    for _ in range(20):
        page, xml = all_entries(wire, bucket, max_keys=str(size), **marker)
        assert len(page) <= size and xml.findtext("MaxKeys") == str(size)
        found += page
        if xml.findtext("IsTruncated") == "false":
            break
        marker = {"key_marker": xml.findtext("NextKeyMarker"), "version_id_marker": xml.findtext("NextVersionIdMarker")}
    assert found == entries


@pytest.mark.parametrize("marker", ["a", "b/1", "c", "0", "b"])
def test_versions_after_a_key(wire, many, marker):
    bucket, entries = many
    found, xml = all_entries(wire, bucket, key_marker=marker)
    assert found == [pair for pair in entries if pair[0] > marker] and xml.findtext("KeyMarker") == marker


def test_versions_after_a_version(wire, many):
    bucket, entries = many
    key, one = entries[1]
    assert all_entries(wire, bucket, key_marker=key, version_id_marker=one)[0] == entries[2:]


def test_a_version_marker_needs_a_key_marker(wire, many):
    bucket, entries = many
    refused("InvalidArgument", 400,
            wire.do("GET", bucket, query=[("versions", None), ("version-id-marker", entries[0][1])]))


@pytest.mark.parametrize("prefix", ["a", "b/", "b/1", "none"])
def test_versions_with_a_prefix(wire, many, prefix):
    bucket, entries = many
    found, xml = all_entries(wire, bucket, prefix=prefix)
    assert found == [pair for pair in entries if pair[0].startswith(prefix)] and xml.findtext("Prefix") == prefix


def test_versions_with_a_delimiter(wire, many):
    bucket, entries = many
    found, xml = all_entries(wire, bucket, delimiter="/")
    assert found == [pair for pair in entries if "/" not in pair[0]]
    assert [one.text for one in xml.iterfind("CommonPrefixes/Prefix")] == ["b/"]


def test_versions_encoded(wire, s3, versioned):
    put(s3, versioned, "ä b")
    found, xml = all_entries(wire, versioned, encoding_type="url")
    assert found[0][0] in ("%C3%A4%20b", "%C3%A4+b") and xml.findtext("EncodingType") == "url"


@pytest.mark.parametrize("number", ["x", "-1"])
def test_versions_with_nonsense(wire, bucket, number):
    refused("InvalidArgument", 400, wire.do("GET", bucket, query=[("versions", None), ("max-keys", number)]))


def test_no_versions(s3, versioned):
    answer = s3.list_object_versions(Bucket=versioned)
    assert "Versions" not in answer and "DeleteMarkers" not in answer and not answer["IsTruncated"]


def test_versions_by_another_user(alt, versioned):
    refused("AccessDenied", 403, alt.list_object_versions, Bucket=versioned)


def test_acl_of_a_version(s3, nobody, versioned):
    one = put(s3, versioned, "k", b"1")
    put(s3, versioned, "k", b"2")
    s3.put_object_acl(Bucket=versioned, Key="k", VersionId=one, ACL="public-read")
    assert read(nobody, versioned, "k", one) == b"1"
    refused("AccessDenied", 403, nobody.get_object, Bucket=versioned, Key="k")


def test_tags_of_a_version(s3, versioned):
    one = put(s3, versioned, "k", b"1", Tagging="n=1")
    put(s3, versioned, "k", b"2", Tagging="n=2")
    assert s3.get_object_tagging(Bucket=versioned, Key="k", VersionId=one)["TagSet"] == [{"Key": "n", "Value": "1"}]
    s3.put_object_tagging(Bucket=versioned, Key="k", VersionId=one, Tagging={"TagSet": [{"Key": "n", "Value": "3"}]})
    assert s3.get_object_tagging(Bucket=versioned, Key="k", VersionId=one)["TagSet"] == [{"Key": "n", "Value": "3"}]
    assert s3.get_object_tagging(Bucket=versioned, Key="k")["TagSet"] == [{"Key": "n", "Value": "2"}]


def test_tags_behind_a_marker(s3, versioned):
    put(s3, versioned, "k")
    s3.delete_object(Bucket=versioned, Key="k")
    refused(("NoSuchKey", "MethodNotAllowed"), 404, s3.get_object_tagging, Bucket=versioned, Key="k")


def test_range_of_a_version(s3, versioned):
    one = put(s3, versioned, "k", b"0123456789")
    put(s3, versioned, "k", b"other")
    assert s3.get_object(Bucket=versioned, Key="k", VersionId=one, Range="bytes=2-4")["Body"].read() == b"234"


def test_condition_on_a_version(s3, wire, versioned):
    one = put(s3, versioned, "k", b"1")
    etag = s3.head_object(Bucket=versioned, Key="k")["ETag"]
    put(s3, versioned, "k", b"2")
    assert wire.do("GET", versioned, "k", {"versionId": one}, {"If-Match": etag}).status == 200
    assert wire.do("GET", versioned, "k", headers={"If-Match": etag}).status == 412


def test_versions_of_hostile_keys(s3, versioned):
    for key in ("a/../b", "a//b", "a/", "ä", "k" * 1024):
        one, two = put(s3, versioned, key, b"1"), put(s3, versioned, key, b"2")
        assert (read(s3, versioned, key, one), read(s3, versioned, key, two)) == (b"1", b"2")
    assert len(versions(s3, versioned)) == 10


def test_parallel_puts_are_all_kept(s3, versioned):
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda n: put(s3, versioned, "k", str(n).encode()), range(16)))
    assert sorted(one for _, one in versions(s3, versioned)) == sorted(ids)
    assert {read(s3, versioned, "k", one) for one in ids} == {str(n).encode() for n in range(16)}
