"""GetObjectAttributes, RestoreObject and the storage classes that it applies to."""

import pytest
from conftest import refused
from wire import checksum

ALL = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize"


def attributes(wire, bucket, key, names=ALL, query="attributes", **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if names is not None:
        headers["x-amz-object-attributes"] = names
    return wire.do("GET", bucket, key, query, headers)


@pytest.fixture
def there(wire, shared, key):
    wire.do("PUT", shared, key, headers={"x-amz-checksum-crc32": checksum("CRC32", b"abc")}, body=b"abc")
    return shared, key


def test_all(wire, there):
    answer = attributes(wire, *there)
    xml = answer.xml
    assert answer.status == 200 and xml.tag in ("GetObjectAttributesResponse", "GetObjectAttributesOutput")
    assert xml.findtext("ETag") == "900150983cd24fb0d6963f7d28e17f72" and xml.findtext("ObjectSize") == "3"
    assert xml.findtext("StorageClass") == "STANDARD" and xml.findtext("Checksum/ChecksumCRC32") == checksum("CRC32", b"abc")
    assert answer.headers["last-modified"].endswith("GMT")


@pytest.mark.parametrize("name,element", [("ETag", "ETag"), ("ObjectSize", "ObjectSize"), ("StorageClass", "StorageClass"),
                                          ("Checksum", "Checksum")])
def test_one(wire, there, name, element):
    assert [one.tag for one in attributes(wire, *there, name).xml] == [element]


@pytest.mark.parametrize("names", [None, "", "Nothing", "ETag,Nothing"])
def test_none(wire, there, names):
    refused("InvalidArgument", 400, attributes(wire, *there, names))


def test_of_no_key(wire, shared, key):
    refused("NoSuchKey", 404, attributes(wire, shared, key))


def test_by_another_user(wire, there):
    answer = wire.do("GET", *there, "attributes", {"x-amz-object-attributes": "ETag"}, user=wire.alt)
    refused("AccessDenied", 403, answer)


def test_by_boto3(s3, there):
    found = s3.get_object_attributes(Bucket=there[0], Key=there[1], ObjectAttributes=["ETag", "ObjectSize"])
    assert found["ObjectSize"] == 3 and found["ETag"].strip('"') == "900150983cd24fb0d6963f7d28e17f72"


@pytest.fixture(scope="module")
def parts(s3, wire, shared):
    upload = s3.create_multipart_upload(Bucket=shared, Key="parts", ChecksumAlgorithm="SHA256")["UploadId"]
    where = {"Bucket": shared, "Key": "parts", "UploadId": upload}
    done = []
    for number, body in ((1, b"a" * (5 << 20)), (2, b"b" * (5 << 20)), (3, b"end")):
        etag = s3.upload_part(**where, PartNumber=number, Body=body, ChecksumSHA256=checksum("SHA256", body))["ETag"]
        done.append({"PartNumber": number, "ETag": etag, "ChecksumSHA256": checksum("SHA256", body)})
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": done})
    return shared, "parts"


def test_parts(wire, parts):
    xml = attributes(wire, *parts).xml.find("ObjectParts")
    assert xml.findtext("PartsCount") == xml.findtext("TotalPartsCount", "3") == "3"
    assert [one.findtext("Size") for one in xml.iterfind("Part")] == [str(5 << 20), str(5 << 20), "3"]
    assert [one.findtext("PartNumber") for one in xml.iterfind("Part")] == ["1", "2", "3"]
    assert xml.findall("Part")[2].findtext("ChecksumSHA256") == checksum("SHA256", b"end")


def test_parts_in_pages(wire, parts):
    xml = attributes(wire, *parts, x_amz_max_parts="2").xml.find("ObjectParts")
    assert [one.findtext("PartNumber") for one in xml.iterfind("Part")] == ["1", "2"]
    assert xml.findtext("IsTruncated") == "true" and xml.findtext("NextPartNumberMarker") == "2"
    xml = attributes(wire, *parts, x_amz_max_parts="2", x_amz_part_number_marker="2").xml.find("ObjectParts")
    assert [one.findtext("PartNumber") for one in xml.iterfind("Part")] == ["3"] and xml.findtext("IsTruncated") == "false"


def test_of_a_version(wire, s3, versioned):
    one = s3.put_object(Bucket=versioned, Key="k", Body=b"1")["VersionId"]
    s3.put_object(Bucket=versioned, Key="k", Body=b"22")
    answer = attributes(wire, versioned, "k", query={"attributes": None, "versionId": one})
    assert answer.xml.findtext("ObjectSize") == "1" and answer.headers["x-amz-version-id"] == one


def restore(wire, bucket, key, days="1", tier=None, query="restore", **more):
    tier = f"<GlacierJobParameters><Tier>{tier}</Tier></GlacierJobParameters>" if tier else ""
    return wire.do("POST", bucket, key, query, body=f"<RestoreRequest><Days>{days}</Days>{tier}</RestoreRequest>", **more)


@pytest.mark.parametrize("name", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_cannot_be_read(s3, shared, key, name):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", StorageClass=name)
    refused("InvalidObjectState", 403, s3.get_object, Bucket=shared, Key=key)
    assert s3.head_object(Bucket=shared, Key=key)["StorageClass"] == name


def test_an_archived_object_cannot_be_copied(s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", StorageClass="GLACIER")
    refused("InvalidObjectState", 403, s3.copy_object, Bucket=shared, Key=key + "-copy", CopySource=f"{shared}/{key}")


def test_restore(s3, wire, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", StorageClass="GLACIER")
    assert restore(wire, shared, key).status == 202
    head = s3.head_object(Bucket=shared, Key=key)
    assert "ongoing-request=" in head["Restore"] and head["StorageClass"] == "GLACIER"


def test_restore_again(s3, wire, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", StorageClass="GLACIER")
    restore(wire, shared, key)
    # 200 if the object is restored, 409 while the restore is in progress.
    assert restore(wire, shared, key, "3").status in (200, 409)


@pytest.mark.parametrize("tier,status", [("Standard", 202), ("Bulk", 202), ("Expedited", 202), ("Slow", 400)])
def test_restore_tiers(s3, wire, shared, key, tier, status):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", StorageClass="GLACIER")
    assert restore(wire, shared, key, tier=tier).status == status


@pytest.mark.parametrize("days", ["0", "-1", "x", ""])
def test_restore_for_no_days(s3, wire, shared, key, days):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", StorageClass="GLACIER")
    refused(("InvalidArgument", "MalformedXML"), 400, restore(wire, shared, key, days))


def test_restore_of_what_is_not_archived(s3, wire, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x")
    refused("InvalidObjectState", 403, restore(wire, shared, key))


def test_restore_of_no_key(wire, shared, key):
    refused("NoSuchKey", 404, restore(wire, shared, key))


@pytest.mark.parametrize("body", ["<Restore", "text", "<Other/>"])
def test_restore_with_a_bad_document(s3, wire, shared, key, body):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", StorageClass="GLACIER")
    refused("MalformedXML", 400, wire.do("POST", shared, key, "restore", body=body))


def test_restore_by_another_user(s3, wire, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", StorageClass="GLACIER")
    refused("AccessDenied", 403, restore(wire, shared, key, user=wire.alt))
