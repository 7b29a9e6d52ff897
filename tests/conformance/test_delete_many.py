"""DeleteObjects. https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""

import json

import pytest
from conftest import refused
from wire import checksum, md5


def put(s3, bucket, *keys):
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")


def delete(wire, bucket, xml, user=None, headers=()):
    body = xml.encode()
    return wire.do("POST", bucket, query="delete", headers={"Content-MD5": md5(body)} | dict(headers), body=body, user=user)


def document(keys, quiet=""):
    objects = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
    return f'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{quiet}{objects}</Delete>'


def keys_of(s3, bucket):
    return [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_some(s3, bucket):
    put(s3, bucket, "a", "b", "c")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "c"}]})
    assert sorted(one["Key"] for one in answer["Deleted"]) == ["a", "c"] and "Errors" not in answer
    assert keys_of(s3, bucket) == ["b"]


def test_what_is_not_there_counts_as_deleted(s3, bucket):
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "none"}]})
    assert [one["Key"] for one in answer["Deleted"]] == ["none"]


def test_quiet(s3, bucket):
    put(s3, bucket, "a", "b")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}], "Quiet": True})
    assert "Deleted" not in answer and "Errors" not in answer and keys_of(s3, bucket) == []


def test_not_quiet(s3, bucket):
    put(s3, bucket, "a")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}], "Quiet": False})
    assert [one["Key"] for one in answer["Deleted"]] == ["a"]


def test_twice_the_same(s3, bucket):
    put(s3, bucket, "a")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "a"}]})
    assert keys_of(s3, bucket) == []


@pytest.mark.parametrize("key", ["a b", "a&b<c>", "päivä", "a//b", "../a", "a+b", "x%41", "\"'", "😀"], ids=ascii)
def test_names(s3, bucket, key):
    put(s3, bucket, key, "other")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
    assert answer["Deleted"][0]["Key"] == key and keys_of(s3, bucket) == ["other"]


def test_blanks_of_a_key_count(s3, bucket):
    put(s3, bucket, " a ", "a")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": " a "}]})
    assert keys_of(s3, bucket) == ["a"]


def test_a_thousand(s3, bucket):
    put(s3, bucket, "k0007")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": f"k{n:04}"} for n in range(1000)]})
    assert len(answer["Deleted"]) == 1000 and keys_of(s3, bucket) == []


def test_more_than_a_thousand(s3, bucket):
    put(s3, bucket, "k0007")
    refused("MalformedXML", 400, s3.delete_objects, Bucket=bucket,
            Delete={"Objects": [{"Key": f"k{n:04}"} for n in range(1001)]})
    assert keys_of(s3, bucket) == ["k0007"]


@pytest.mark.parametrize("xml", ["", "<Delete>", "<Delete/>", "text", "<Delete></Delete>", "<Other/>",
                                 "<Delete><Object></Object></Delete>", "<Delete><Object><Key>a</Key></Object>",
                                 "<Delete><Object><Key></Key></Object></Delete>"])
def test_bad_documents(wire, shared, xml):
    refused(("MalformedXML", "MissingRequestBodyError", "UserKeyMustBeSpecified"), 400, delete(wire, shared, xml))


def test_without_a_digest(wire, shared):
    # S3 requires Content-MD5 or a checksum here.
    refused(("InvalidRequest", "MissingContentMD5"), 400, wire.do("POST", shared, query="delete", body=document(["a"])))


def test_with_a_checksum_instead(wire, s3, bucket):
    put(s3, bucket, "a")
    body = document(["a"])
    answer = wire.do("POST", bucket, query="delete", headers={"x-amz-checksum-crc32": checksum("CRC32", body.encode())}, body=body)
    assert answer.status == 200 and keys_of(s3, bucket) == []


def test_with_a_wrong_digest(wire, s3, bucket):
    put(s3, bucket, "a")
    refused("BadDigest", 400, delete(wire, bucket, document(["a"]), headers={"Content-MD5": md5(b"")}))
    assert keys_of(s3, bucket) == ["a"]


def test_by_another_user(s3, alt, bucket):
    put(s3, bucket, "a")
    try:
        answer = alt.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}]})
        assert [one["Code"] for one in answer["Errors"]] == ["AccessDenied"] and "Deleted" not in answer
    except alt.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied"
    assert keys_of(s3, bucket) == ["a"]


def test_errors_are_told_when_quiet(s3, alt, ids, bucket):
    put(s3, bucket, "a", "b")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/a"}]}))
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}], "Quiet": True})
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("a", "AccessDenied")]
    assert "Deleted" not in answer and keys_of(s3, bucket) == ["a"]


def test_markers(s3, versioned):
    put(s3, versioned, "a")
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "a"}]})["Deleted"][0]
    assert answer["DeleteMarker"] is True and answer["DeleteMarkerVersionId"]
    markers = s3.list_object_versions(Bucket=versioned)["DeleteMarkers"]
    assert [one["VersionId"] for one in markers] == [answer["DeleteMarkerVersionId"]]


def test_versions(s3, versioned):
    first = s3.put_object(Bucket=versioned, Key="a", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=versioned, Key="a", Body=b"2")["VersionId"]
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "a", "VersionId": first}]})["Deleted"][0]
    assert answer["VersionId"] == first and not answer.get("DeleteMarker")
    assert [one["VersionId"] for one in s3.list_object_versions(Bucket=versioned)["Versions"]] == [second]


def test_a_marker_by_its_version(s3, versioned):
    put(s3, versioned, "a")
    marker = s3.delete_object(Bucket=versioned, Key="a")["VersionId"]
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": [{"Key": "a", "VersionId": marker}]})["Deleted"][0]
    assert answer["DeleteMarker"] is True and answer["DeleteMarkerVersionId"] == marker
    assert keys_of(s3, versioned) == ["a"]


def test_answer_is_a_document(wire, shared):
    answer = delete(wire, shared, document(["none"]))
    assert answer.status == 200 and answer.xml.tag == "DeleteResult"
    assert answer.xml.findtext("Deleted/Key") == "none"


def test_entities_in_the_document(wire, s3, bucket):
    put(s3, bucket, "a&b", "a\nb")
    assert delete(wire, bucket, document(["a&amp;b", "a&#10;b"])).status == 200
    assert keys_of(s3, bucket) == []


def test_no_outside_entities(wire, shared):
    xml = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + document(["&x;"])
    answer = delete(wire, shared, xml)
    assert answer.status == 400 or answer.xml.findtext("Deleted/Key") in (None, "", "&x;"), answer
