"""The times of objects and of their files, as in `rclone serve s3`: x-amz-meta-mtime is the modification time of the file
in decimal seconds."""

import datetime
import os
import time

import pytest

only_here = pytest.mark.serve_only("the files of the other service are not accessible")
NS = 1_000_000_000


def is_now(when):
    return -5 < (datetime.datetime.now(datetime.timezone.utc) - when).total_seconds() < 900


@pytest.mark.parametrize("text", ["1700000000.123456789", "1700000000", "0.5", "-1.5"])
def test_mtime_comes_back(s3, shared, key, text):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", Metadata={"mtime": text})
    head = s3.head_object(Bucket=shared, Key=key)
    assert head["Metadata"] == {"mtime": text} and is_now(head["LastModified"])
    listed = s3.list_objects_v2(Bucket=shared, Prefix=key)["Contents"][0]
    assert is_now(listed["LastModified"])


@only_here
@pytest.mark.parametrize("text,ns", [("1700000000.123456789", 1_700_000_000_123_456_789), ("1700000000", 1_700_000_000 * NS),
                                     ("1700000000.5", 1_700_000_000 * NS + NS // 2)])
def test_mtime_of_an_upload_is_that_of_its_file(s3, data, shared, key, text, ns):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", Metadata={"mtime": text})
    assert (data / shared / key).stat().st_mtime_ns == ns
    # The object is still the one that was uploaded.
    head = s3.head_object(Bucket=shared, Key=key)
    assert head["Metadata"] == {"mtime": text} and is_now(head["LastModified"])


@only_here
def test_mtime_of_a_multipart_upload_is_that_of_its_file(s3, data, shared, key):
    where = {"Bucket": shared, "Key": key}
    where["UploadId"] = s3.create_multipart_upload(**where, Metadata={"mtime": "1700000000.25"})["UploadId"]
    etag = s3.upload_part(**where, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert (data / shared / key).stat().st_mtime_ns == 1_700_000_000 * NS + NS // 4
    assert is_now(s3.head_object(Bucket=shared, Key=key)["LastModified"])


@only_here
def test_mtime_of_a_copy_is_that_of_its_file(s3, data, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", Metadata={"mtime": "1700000000.25"})
    s3.copy_object(Bucket=shared, Key=f"{key}-copy", CopySource={"Bucket": shared, "Key": key})
    assert (data / shared / f"{key}-copy").stat().st_mtime_ns == 1_700_000_000 * NS + NS // 4


@only_here
@pytest.mark.parametrize("text", ["yesterday", "1e9", "99999999999999999999", ""])
def test_mtime_that_is_none(s3, data, shared, key, text):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", Metadata={"mtime": text})
    assert abs((data / shared / key).stat().st_mtime - time.time()) < 900
    assert s3.head_object(Bucket=shared, Key=key)["Metadata"] == {"mtime": text}


@only_here
@pytest.mark.parametrize("ns,text", [(1_700_000_000_123_456_789, "1700000000.123456789"), (1_600_000_000 * NS, "1600000000"),
                                     (1_600_000_000 * NS + NS // 2, "1600000000.5")])
def test_a_file_from_outside_reports_its_time(s3, data, shared, key, ns, text):
    path = data / shared / key
    path.write_bytes(b"from outside")
    os.utime(path, ns=(ns, ns))
    head = s3.head_object(Bucket=shared, Key=key)
    assert head["Metadata"] == {"mtime": text} and head["ContentLength"] == 12
    assert head["LastModified"].timestamp() == ns // NS
