"""Tags of objects and buckets. https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html"""

from urllib.parse import urlencode

import pytest
from conftest import fresh_name, refused


def tag_set(tags):
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def tags_of(s3, bucket, key):
    return {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]}


@pytest.fixture
def there(s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x")
    return {"Bucket": shared, "Key": key}


GOOD = {
    "one": {"a": "1"}, "ten": {f"k{n}": f"v{n}" for n in range(10)}, "empty-value": {"a": ""}, "umlaut": {"väri": "sininen ä"},
    "blanks": {"a b": "c d"}, "signs": {"a+-=._:/@": "b+-=._:/@"}, "long-key": {"k" * 128: "v"}, "long-value": {"k": "v" * 256},
    "case": {"a": "1", "A": "2"}, "digits": {"1": "2"},
}


@pytest.mark.parametrize("what", GOOD)
def test_put_and_get(s3, there, what):
    s3.put_object_tagging(**there, Tagging=tag_set(GOOD[what]))
    assert tags_of(s3, **{"bucket": there["Bucket"], "key": there["Key"]}) == GOOD[what]


@pytest.mark.parametrize("what", GOOD)
def test_in_the_header_of_a_put(s3, shared, key, what):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", Tagging=urlencode(GOOD[what]))
    assert tags_of(s3, shared, key) == GOOD[what]


def test_none(s3, there):
    assert s3.get_object_tagging(**there)["TagSet"] == []


def test_put_replaces(s3, there):
    s3.put_object_tagging(**there, Tagging=tag_set({"a": "1", "b": "2"}))
    s3.put_object_tagging(**there, Tagging=tag_set({"c": "3"}))
    assert tags_of(s3, there["Bucket"], there["Key"]) == {"c": "3"}


def test_put_of_none(s3, there):
    s3.put_object_tagging(**there, Tagging=tag_set({"a": "1"}))
    s3.put_object_tagging(**there, Tagging={"TagSet": []})
    assert s3.get_object_tagging(**there)["TagSet"] == []


def test_delete(s3, there):
    s3.put_object_tagging(**there, Tagging=tag_set({"a": "1"}))
    assert s3.delete_object_tagging(**there)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_object_tagging(**there)["TagSet"] == []


def test_delete_of_none(s3, there):
    assert s3.delete_object_tagging(**there)["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_they_do_not_change_the_object(s3, there):
    before = s3.head_object(**there)
    s3.put_object_tagging(**there, Tagging=tag_set({"a": "1"}))
    after = s3.get_object(**there)
    assert after["Body"].read() == b"x" and after["ETag"] == before["ETag"] and after["LastModified"] == before["LastModified"]


def test_count_in_head_and_get(s3, wire, there):
    assert "x-amz-tagging-count" not in wire.do("HEAD", there["Bucket"], there["Key"]).headers
    s3.put_object_tagging(**there, Tagging=tag_set({"a": "1", "b": "2"}))
    assert wire.do("GET", there["Bucket"], there["Key"]).headers.get("x-amz-tagging-count") == "2"
    assert wire.do("HEAD", there["Bucket"], there["Key"]).headers.get("x-amz-tagging-count") == "2"


BAD = {
    "long-key": {"k" * 129: "v"}, "long-value": {"k": "v" * 257}, "empty-key": {"": "v"},
}


@pytest.mark.parametrize("what", BAD)
def test_invalid(s3, there, what):
    refused("InvalidTag", 400, s3.put_object_tagging, **there, Tagging=tag_set(BAD[what]))
    assert s3.get_object_tagging(**there)["TagSet"] == []


@pytest.mark.parametrize("what", BAD)
def test_invalid_in_the_header(s3, shared, key, what):
    refused(("InvalidTag", "InvalidArgument"), 400, s3.put_object, Bucket=shared, Key=key, Body=b"x", Tagging=urlencode(BAD[what]))
    refused("NoSuchKey", 404, s3.get_object, Bucket=shared, Key=key)


def test_eleven(s3, there):
    refused(("BadRequest", "InvalidTag"), 400, s3.put_object_tagging, **there, Tagging=tag_set({f"k{n}": "v" for n in range(11)}))


def test_eleven_in_the_header(s3, shared, key):
    refused(("BadRequest", "InvalidTag"), 400, s3.put_object, Bucket=shared, Key=key, Body=b"x",
            Tagging="&".join(f"k{n}=v" for n in range(11)))


def test_twice_the_same(s3, there):
    refused("InvalidTag", 400, s3.put_object_tagging, **there,
            Tagging={"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]})


@pytest.mark.parametrize("xml", ["", "<Tagging/>", "<Tagging>", "text", "<Other/>", "<Tagging><TagSet><Tag/></TagSet></Tagging>",
                                 "<Tagging><TagSet><Tag><Value>v</Value></Tag></TagSet></Tagging>"])
def test_bad_documents(wire, there, xml):
    refused(("MalformedXML", "InvalidTag", "MissingRequestBodyError"), 400,
            wire.do("PUT", there["Bucket"], there["Key"], "tagging", body=xml))


@pytest.mark.parametrize("operation", ["get_object_tagging", "put_object_tagging", "delete_object_tagging"])
def test_of_no_key(s3, shared, key, operation):
    more = {"Tagging": tag_set({"a": "1"})} if operation.startswith("put") else {}
    refused("NoSuchKey", 404, getattr(s3, operation), Bucket=shared, Key=key, **more)


@pytest.mark.parametrize("operation", ["get_object_tagging", "put_object_tagging", "delete_object_tagging"])
def test_by_another_user(alt, there, operation):
    more = {"Tagging": tag_set({"a": "1"})} if operation.startswith("put") else {}
    refused("AccessDenied", 403, getattr(alt, operation), **there, **more)


# Buckets

def test_bucket_has_none(s3, bucket):
    refused("NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=bucket)


@pytest.mark.parametrize("count", [1, 10, 50])
def test_bucket(s3, bucket, count):
    tags = {f"k{n}": f"v{n}" for n in range(count)}
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set(tags))
    assert {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]} == tags


def test_bucket_replaces(s3, bucket):
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set({"a": "1"}))
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set({"b": "2"}))
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "b", "Value": "2"}]


def test_bucket_delete(s3, bucket):
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set({"a": "1"}))
    assert s3.delete_bucket_tagging(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused("NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=bucket)


def test_bucket_delete_of_none(s3, bucket):
    assert s3.delete_bucket_tagging(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
    s3.head_bucket(Bucket=bucket)


def test_bucket_put_answers_204(s3, bucket):
    assert s3.put_bucket_tagging(Bucket=bucket, Tagging=tag_set({"a": "1"}))["ResponseMetadata"]["HTTPStatusCode"] in (200, 204)


@pytest.mark.parametrize("what", BAD)
def test_bucket_invalid(s3, bucket, what):
    refused("InvalidTag", 400, s3.put_bucket_tagging, Bucket=bucket, Tagging=tag_set(BAD[what]))


def test_bucket_too_many(s3, bucket):
    refused(("BadRequest", "InvalidTag"), 400, s3.put_bucket_tagging, Bucket=bucket, Tagging=tag_set({f"k{n}": "v" for n in range(51)}))


@pytest.mark.parametrize("operation", ["get_bucket_tagging", "put_bucket_tagging", "delete_bucket_tagging"])
def test_bucket_by_another_user(alt, bucket, operation):
    more = {"Tagging": tag_set({"a": "1"})} if operation.startswith("put") else {}
    refused("AccessDenied", 403, getattr(alt, operation), Bucket=bucket, **more)


def test_bucket_that_is_none(s3):
    refused("NoSuchBucket", 404, s3.put_bucket_tagging, Bucket=fresh_name(), Tagging=tag_set({"a": "1"}))
