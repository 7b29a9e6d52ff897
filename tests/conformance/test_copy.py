"""CopyObject. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""

import datetime
import hashlib

import pytest
from conftest import fresh_name, refused
from wire import encode

BODY = b"what is copied"
ETAG = f'"{hashlib.md5(BODY).hexdigest()}"'


@pytest.fixture
def source(s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=BODY, Metadata={"a": "1"}, ContentType="text/x", CacheControl="no-store",
                  ContentDisposition="inline", Tagging="t=1&u=2")
    return shared, key


def copied(wire, source, to, headers=(), **more):
    bucket, key = source
    headers = {"x-amz-copy-source": f"/{bucket}/{encode(key)}"} | dict(headers)
    return wire.do("PUT", bucket, to, headers=headers, **more)


def test_copy(wire, s3, source):
    answer = copied(wire, source, source[1] + "-copy")
    assert answer.status == 200 and answer.xml.tag == "CopyObjectResult"
    assert answer.xml.findtext("ETag") == ETAG and answer.xml.findtext("LastModified").endswith("Z")
    assert s3.get_object(Bucket=source[0], Key=source[1] + "-copy")["Body"].read() == BODY


def test_copy_keeps_what_was_said(wire, s3, source):
    copied(wire, source, source[1] + "-copy")
    head = s3.head_object(Bucket=source[0], Key=source[1] + "-copy")
    assert (head["Metadata"], head["ContentType"], head["CacheControl"], head["ContentDisposition"]) == (
        {"a": "1"}, "text/x", "no-store", "inline")


def test_copy_keeps_tags(wire, s3, source):
    copied(wire, source, source[1] + "-copy")
    tags = s3.get_object_tagging(Bucket=source[0], Key=source[1] + "-copy")["TagSet"]
    assert sorted((tag["Key"], tag["Value"]) for tag in tags) == [("t", "1"), ("u", "2")]


def test_copy_has_no_acl_of_the_source(s3, nobody, source):
    bucket, key = source
    s3.put_object_acl(Bucket=bucket, Key=key, ACL="public-read")
    s3.copy_object(Bucket=bucket, Key=key + "-copy", CopySource=f"{bucket}/{key}")
    refused("AccessDenied", 403, nobody.get_object, Bucket=bucket, Key=key + "-copy")


def test_copy_with_an_acl(s3, nobody, source):
    bucket, key = source
    s3.copy_object(Bucket=bucket, Key=key + "-copy", CopySource=f"{bucket}/{key}", ACL="public-read")
    assert nobody.get_object(Bucket=bucket, Key=key + "-copy")["Body"].read() == BODY


@pytest.mark.parametrize("directive", [None, "COPY"])
def test_metadata_of_the_request_is_ignored(s3, source, directive):
    bucket, key = source
    more = {"MetadataDirective": directive} if directive else {}
    s3.copy_object(Bucket=bucket, Key=key + "-copy", CopySource=f"{bucket}/{key}", Metadata={"b": "2"},
                   ContentType="text/y", **more)
    head = s3.head_object(Bucket=bucket, Key=key + "-copy")
    assert head["Metadata"] == {"a": "1"} and head["ContentType"] == "text/x"


def test_metadata_is_replaced(s3, source):
    bucket, key = source
    s3.copy_object(Bucket=bucket, Key=key + "-copy", CopySource=f"{bucket}/{key}", Metadata={"b": "2"},
                   ContentType="text/y", MetadataDirective="REPLACE")
    head = s3.head_object(Bucket=bucket, Key=key + "-copy")
    assert head["Metadata"] == {"b": "2"} and head["ContentType"] == "text/y" and "CacheControl" not in head


def test_metadata_is_replaced_by_nothing(s3, source):
    bucket, key = source
    s3.copy_object(Bucket=bucket, Key=key + "-copy", CopySource=f"{bucket}/{key}", MetadataDirective="REPLACE")
    assert s3.head_object(Bucket=bucket, Key=key + "-copy")["Metadata"] == {}


def test_unknown_metadata_directive(s3, source):
    bucket, key = source
    refused("InvalidArgument", 400, s3.copy_object, Bucket=bucket, Key=key + "-copy", CopySource=f"{bucket}/{key}",
            MetadataDirective="MERGE")


def test_tags_are_replaced(s3, source):
    bucket, key = source
    s3.copy_object(Bucket=bucket, Key=key + "-copy", CopySource=f"{bucket}/{key}", Tagging="n=3", TaggingDirective="REPLACE")
    assert s3.get_object_tagging(Bucket=bucket, Key=key + "-copy")["TagSet"] == [{"Key": "n", "Value": "3"}]


def test_tags_are_replaced_by_none(s3, source):
    bucket, key = source
    s3.copy_object(Bucket=bucket, Key=key + "-copy", CopySource=f"{bucket}/{key}", TaggingDirective="REPLACE")
    assert s3.get_object_tagging(Bucket=bucket, Key=key + "-copy")["TagSet"] == []


def test_unknown_tagging_directive(s3, source):
    bucket, key = source
    refused("InvalidArgument", 400, s3.copy_object, Bucket=bucket, Key=key + "-copy", CopySource=f"{bucket}/{key}",
            TaggingDirective="MERGE")


def test_to_itself_without_a_change(s3, source):
    bucket, key = source
    refused("InvalidRequest", 400, s3.copy_object, Bucket=bucket, Key=key, CopySource=f"{bucket}/{key}")


def test_to_itself_with_other_metadata(s3, source):
    bucket, key = source
    s3.copy_object(Bucket=bucket, Key=key, CopySource=f"{bucket}/{key}", Metadata={"n": "1"}, MetadataDirective="REPLACE")
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Metadata"] == {"n": "1"} and got["Body"].read() == BODY


def test_to_itself_with_another_class(s3, source):
    bucket, key = source
    s3.copy_object(Bucket=bucket, Key=key, CopySource=f"{bucket}/{key}", StorageClass="STANDARD_IA")
    assert s3.head_object(Bucket=bucket, Key=key)["StorageClass"] == "STANDARD_IA"


def test_to_itself_in_a_bucket_with_versions(s3, versioned):
    s3.put_object(Bucket=versioned, Key="k", Body=BODY)
    s3.copy_object(Bucket=versioned, Key="k", CopySource=f"{versioned}/k", MetadataDirective="REPLACE")
    assert len(s3.list_object_versions(Bucket=versioned)["Versions"]) == 2


def test_storage_class_of_a_copy(s3, source):
    bucket, key = source
    s3.copy_object(Bucket=bucket, Key=key + "-copy", CopySource=f"{bucket}/{key}", StorageClass="STANDARD_IA")
    assert s3.head_object(Bucket=bucket, Key=key + "-copy").get("StorageClass") == "STANDARD_IA"


def test_no_source_key(s3, shared, key):
    refused("NoSuchKey", 404, s3.copy_object, Bucket=shared, Key="copy", CopySource=f"{shared}/{key}")


def test_no_source_bucket(s3, shared):
    refused("NoSuchBucket", 404, s3.copy_object, Bucket=shared, Key="copy", CopySource=f"{fresh_name()}/k")


def test_no_target_bucket(s3, source):
    bucket, key = source
    refused("NoSuchBucket", 404, s3.copy_object, Bucket=fresh_name(), Key="copy", CopySource=f"{bucket}/{key}")


@pytest.mark.parametrize("text", ["", "/", "bucket", "bucket/", "/bucket"])
def test_source_that_is_none(wire, shared, text):
    refused(("InvalidArgument", "InvalidRequest"), 400,
            wire.do("PUT", shared, "copy", headers={"x-amz-copy-source": text}))


def test_source_with_and_without_slash(wire, s3, source):
    bucket, key = source
    for text in (f"{bucket}/{key}", f"/{bucket}/{key}"):
        answer = wire.do("PUT", bucket, key + "-copy", headers={"x-amz-copy-source": text})
        assert answer.status == 200 and answer.xml.findtext("ETag") == ETAG


def test_source_with_its_slash_encoded(wire, source):
    bucket, key = source
    answer = wire.do("PUT", bucket, key + "-copy", headers={"x-amz-copy-source": f"{bucket}%2F{key}"})
    assert answer.status == 200, answer


def test_between_buckets(s3, source, bucket):
    s3.copy_object(Bucket=bucket, Key="other", CopySource={"Bucket": source[0], "Key": source[1]})
    assert s3.get_object(Bucket=bucket, Key="other")["Body"].read() == BODY


SOURCE_KEYS = ["a b", "a+b", "a%41", "x%", "päivä", "a?b", "a?versionId=x", "a&b", "a//b", "a/../b", "/a", "a#b", "a=b", "😀"]


@pytest.mark.parametrize("name", SOURCE_KEYS, ids=ascii)
def test_encoded_names(wire, s3, bucket, name):
    s3.put_object(Bucket=bucket, Key=name, Body=name.encode())
    s3.put_object(Bucket=bucket, Key="aA", Body=b"another")
    answer = copied(wire, (bucket, name), "copy")
    assert answer.status == 200, answer
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == name.encode()


def test_a_plus_in_the_source_is_a_plus(wire, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a+b", Body=b"plus")
    answer = wire.do("PUT", bucket, "copy", headers={"x-amz-copy-source": f"{bucket}/a%2Bb"})
    assert answer.status == 200 and s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"plus"


NOW = datetime.datetime.now(datetime.timezone.utc)
PAST, FUTURE = ((NOW + datetime.timedelta(days=n)).strftime("%a, %d %b %Y %H:%M:%S GMT") for n in (-1, 1))
CONDITIONS = {
    "match": ({"if-match": ETAG}, 200), "match-bare": ({"if-match": ETAG.strip('"')}, 200),
    "match-other": ({"if-match": '"0"'}, 412), "none-match": ({"if-none-match": ETAG}, 412),
    "none-match-other": ({"if-none-match": '"0"'}, 200), "modified-past": ({"if-modified-since": PAST}, 200),
    "modified-future": ({"if-modified-since": FUTURE}, 412), "unmodified-past": ({"if-unmodified-since": PAST}, 412),
    "unmodified-future": ({"if-unmodified-since": FUTURE}, 200),
    # As documented for CopyObject.
    "match-and-unmodified-past": ({"if-match": ETAG, "if-unmodified-since": PAST}, 200),
    "none-match-and-modified-past": ({"if-none-match": ETAG, "if-modified-since": PAST}, 412),
    "none-other-and-modified-past": ({"if-none-match": '"0"', "if-modified-since": PAST}, 200),
}


@pytest.mark.parametrize("what", CONDITIONS)
def test_conditions(wire, source, what):
    conditions, status = CONDITIONS[what]
    answer = copied(wire, source, source[1] + "-copy", {f"x-amz-copy-source-{name}": value for name, value in conditions.items()})
    assert answer.status == status, answer
    assert answer.code == ("PreconditionFailed" if status == 412 else "")
    assert wire.do("HEAD", source[0], source[1] + "-copy").status == (404 if status == 412 else 200)


def test_of_a_version(s3, versioned):
    first = s3.put_object(Bucket=versioned, Key="k", Body=b"first")["VersionId"]
    s3.put_object(Bucket=versioned, Key="k", Body=b"second")
    answer = s3.copy_object(Bucket=versioned, Key="copy", CopySource={"Bucket": versioned, "Key": "k", "VersionId": first})
    assert answer["CopySourceVersionId"] == first and answer["VersionId"]
    assert s3.get_object(Bucket=versioned, Key="copy")["Body"].read() == b"first"


def test_of_a_version_restores_it(s3, versioned):
    first = s3.put_object(Bucket=versioned, Key="k", Body=b"first")["VersionId"]
    s3.put_object(Bucket=versioned, Key="k", Body=b"second")
    s3.copy_object(Bucket=versioned, Key="k", CopySource={"Bucket": versioned, "Key": "k", "VersionId": first})
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"first"


def test_of_a_version_that_is_none(s3, versioned):
    s3.put_object(Bucket=versioned, Key="k", Body=b"first")
    refused("NoSuchVersion", 404, s3.copy_object,
            Bucket=versioned, Key="copy",
            CopySource={"Bucket": versioned, "Key": "k", "VersionId": "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"})


def test_of_a_deleted_key(s3, versioned):
    s3.put_object(Bucket=versioned, Key="k", Body=b"first")
    s3.delete_object(Bucket=versioned, Key="k")
    refused("NoSuchKey", 404, s3.copy_object, Bucket=versioned, Key="copy", CopySource=f"{versioned}/k")


def test_of_a_delete_marker(s3, versioned):
    s3.put_object(Bucket=versioned, Key="k", Body=b"first")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    refused("InvalidRequest", 400, s3.copy_object, Bucket=versioned, Key="copy",
            CopySource={"Bucket": versioned, "Key": "k", "VersionId": marker})


def test_of_another_users_object(alt, source, new_bucket):
    own = new_bucket(alt)
    refused("AccessDenied", 403, alt.copy_object, Bucket=own, Key="k", CopySource="/".join(source))


def test_of_another_users_public_object(s3, alt, source, new_bucket):
    own = new_bucket(alt)
    s3.put_object_acl(Bucket=source[0], Key=source[1], ACL="public-read")
    alt.copy_object(Bucket=own, Key="k", CopySource="/".join(source))
    assert alt.get_object(Bucket=own, Key="k")["Body"].read() == BODY


def test_into_another_users_bucket(alt, source, new_bucket, s3):
    foreign = new_bucket(alt)
    refused("AccessDenied", 403, s3.copy_object, Bucket=foreign, Key="k", CopySource="/".join(source))


def test_of_an_upload_in_parts(s3, shared, key):
    upload = s3.create_multipart_upload(Bucket=shared, Key=key)["UploadId"]
    etag = s3.upload_part(Bucket=shared, Key=key, UploadId=upload, PartNumber=1, Body=BODY)["ETag"]
    s3.complete_multipart_upload(Bucket=shared, Key=key, UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    s3.copy_object(Bucket=shared, Key=key + "-copy", CopySource=f"{shared}/{key}")
    assert s3.get_object(Bucket=shared, Key=key + "-copy")["Body"].read() == BODY


def test_copy_if_absent(wire, s3, source):
    assert copied(wire, source, source[1] + "-copy", {"If-None-Match": "*"}).status == 200
    refused("PreconditionFailed", 412, copied(wire, source, source[1] + "-copy", {"If-None-Match": "*"}))


def test_copy_of_nothing(s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"")
    s3.copy_object(Bucket=shared, Key=key + "-copy", CopySource=f"{shared}/{key}")
    assert s3.head_object(Bucket=shared, Key=key + "-copy")["ContentLength"] == 0


def test_copy_keeps_content_through_deletion_of_its_source(s3, source):
    bucket, key = source
    s3.copy_object(Bucket=bucket, Key=key + "-copy", CopySource=f"{bucket}/{key}")
    s3.delete_object(Bucket=bucket, Key=key)
    assert s3.get_object(Bucket=bucket, Key=key + "-copy")["Body"].read() == BODY


def test_metadata_too_large(s3, source):
    bucket, key = source
    refused("MetadataTooLarge", 400, s3.copy_object, Bucket=bucket, Key=key + "-copy", CopySource=f"{bucket}/{key}",
            Metadata={"a": "v" * 2100}, MetadataDirective="REPLACE")
