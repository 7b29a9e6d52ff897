"""Multipart uploads. https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html"""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import fresh_name, refused
from wire import encode, md5

MIB = 1 << 20
BIG = bytes(n & 255 for n in range(256)) * (5 * MIB // 256)


class Upload:
    def __init__(self, s3, wire, bucket, key, **more):
        self.s3, self.wire, self.bucket, self.key = s3, wire, bucket, key
        self.id = s3.create_multipart_upload(Bucket=bucket, Key=key, **more)["UploadId"]
        self.where = {"Bucket": bucket, "Key": key, "UploadId": self.id}
        self.etags = {}

    def put(self, number, body):
        self.etags[number] = self.s3.upload_part(**self.where, PartNumber=number, Body=body)["ETag"]
        return self.etags[number]

    def parts(self, *numbers):
        return {"Parts": [{"PartNumber": number, "ETag": self.etags[number]} for number in numbers or sorted(self.etags)]}

    def complete(self, *numbers):
        return self.s3.complete_multipart_upload(**self.where, MultipartUpload=self.parts(*numbers))

    def send(self, xml):
        return self.wire.do("POST", self.bucket, self.key, {"uploadId": self.id}, body=xml)

    def abort(self):
        return self.s3.abort_multipart_upload(**self.where)

    def body(self):
        return self.s3.get_object(Bucket=self.bucket, Key=self.key)["Body"].read()


@pytest.fixture
def upload(s3, wire, shared, key):
    upload = Upload(s3, wire, shared, key)
    yield upload
    try:
        upload.abort()
    except s3.exceptions.ClientError:
        pass


def composite(*bodies):
    return f'"{hashlib.md5(b"".join(hashlib.md5(body).digest() for body in bodies)).hexdigest()}-{len(bodies)}"'


def test_create_answers_a_document(wire, s3, shared, key):
    answer = wire.do("POST", shared, key, "uploads").xml
    assert (answer.tag, answer.findtext("Bucket"), answer.findtext("Key")) == ("InitiateMultipartUploadResult", shared, key)
    s3.abort_multipart_upload(Bucket=shared, Key=key, UploadId=answer.findtext("UploadId"))


def test_one_small_part(s3, upload):
    upload.put(1, b"small")
    answer = upload.complete()
    assert answer["ETag"] == composite(b"small") and answer["Bucket"] == upload.bucket and answer["Key"] == upload.key
    assert upload.body() == b"small"


def test_two_parts(s3, upload):
    upload.put(1, BIG)
    upload.put(2, b"rest")
    assert upload.complete()["ETag"] == composite(BIG, b"rest")
    head = s3.head_object(Bucket=upload.bucket, Key=upload.key)
    assert head["ContentLength"] == len(BIG) + 4 and head["ETag"] == composite(BIG, b"rest")
    assert upload.body() == BIG + b"rest"


def test_parts_in_any_order(upload):
    upload.put(3, b"end")
    upload.put(1, BIG)
    upload.put(2, BIG[::-1])
    assert upload.complete()["ETag"] == composite(BIG, BIG[::-1], b"end")
    assert upload.body() == BIG + BIG[::-1] + b"end"


def test_parts_in_parallel(upload):
    bodies = {n: bytes([n]) * 5 * MIB for n in range(1, 5)}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: upload.put(n, bodies[n]), reversed(bodies)))
    upload.complete()
    assert upload.body() == b"".join(bodies.values())


def test_numbers_with_gaps(upload):
    upload.put(7, BIG)
    upload.put(10_000, b"end")
    assert upload.complete()["ETag"] == composite(BIG, b"end") and upload.body() == BIG + b"end"


def test_not_all_parts(upload):
    upload.put(1, BIG)
    upload.put(2, b"not wanted")
    upload.put(3, b"end")
    upload.complete(1, 3)
    assert upload.body() == BIG + b"end"


def test_a_part_again(upload):
    upload.put(1, b"first")
    upload.put(1, b"second")
    upload.complete()
    assert upload.body() == b"second"


def test_etag_of_a_part(upload):
    assert upload.put(1, b"abc") == f'"{hashlib.md5(b"abc").hexdigest()}"'


def test_an_empty_part(upload):
    upload.put(1, b"")
    upload.complete()
    assert upload.body() == b""


def test_nothing_is_there_before(s3, upload):
    upload.put(1, b"x")
    refused("NoSuchKey", 404, s3.get_object, Bucket=upload.bucket, Key=upload.key)


def test_the_old_object_stays_until_the_end(s3, upload):
    s3.put_object(Bucket=upload.bucket, Key=upload.key, Body=b"old")
    upload.put(1, b"new")
    assert upload.body() == b"old"
    upload.complete()
    assert upload.body() == b"new"


def test_small_part(upload):
    upload.put(1, b"small")
    upload.put(2, b"end")
    refused("EntityTooSmall", 400, upload.complete)


def test_small_part_among_big_ones(upload):
    upload.put(1, BIG)
    upload.put(2, BIG[:-1])
    upload.put(3, BIG)
    refused("EntityTooSmall", 400, upload.complete)


def test_after_a_refusal_it_can_go_on(upload):
    upload.put(1, b"small")
    upload.put(2, b"end")
    refused("EntityTooSmall", 400, upload.complete)
    upload.put(1, BIG)
    upload.complete()
    assert upload.body() == BIG + b"end"


def test_wrong_etag(upload):
    upload.put(1, b"x")
    upload.etags[1] = f'"{"0" * 32}"'
    refused("InvalidPart", 400, upload.complete)


def test_part_that_is_not_there(upload):
    upload.put(1, BIG)
    upload.etags[2] = upload.etags[1]
    refused("InvalidPart", 400, upload.complete)


def test_wrong_order(upload):
    upload.put(1, BIG)
    upload.put(2, BIG)
    refused("InvalidPartOrder", 400, upload.complete, 2, 1)


def test_a_part_twice(upload):
    upload.put(1, BIG)
    refused("InvalidPartOrder", 400, upload.complete, 1, 1)


@pytest.mark.parametrize("xml", ["", "<CompleteMultipartUpload/>", "<CompleteMultipartUpload>", "text", "<Other/>",
                                 "<CompleteMultipartUpload><Part/></CompleteMultipartUpload>",
                                 "<CompleteMultipartUpload><Part><PartNumber>x</PartNumber><ETag>e</ETag></Part></CompleteMultipartUpload>",
                                 "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>",
                                 "<CompleteMultipartUpload><Part><ETag>e</ETag></Part></CompleteMultipartUpload>"])
def test_bad_documents(upload, xml):
    upload.put(1, b"x")
    refused(("MalformedXML", "InvalidRequest"), 400, upload.send(xml))


@pytest.mark.parametrize("quote", ['"', "&quot;", "&#34;", ""])
def test_etags_in_any_quotes(upload, quote):
    etag = upload.put(1, b"x").strip('"')
    answer = upload.send(f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{quote}{etag}{quote}</ETag></Part>"
                         "</CompleteMultipartUpload>")
    assert answer.status == 200 and answer.xml.findtext("ETag") == composite(b"x")


def test_complete_answers_a_location(upload):
    upload.put(1, b"x")
    assert upload.key in upload.complete()["Location"]


def test_location_is_the_url_of_the_object(wire, upload):
    upload.put(1, b"x")
    assert upload.complete()["Location"] == f"http://{wire.host}/{upload.bucket}/{upload.key}"


def test_location_is_encoded(s3, wire, shared):
    upload = Upload(s3, wire, shared, "a b/ä?#%")
    upload.put(1, b"x")
    assert upload.complete()["Location"] == f"http://{wire.host}/{shared}/{encode('a b/ä?#%')}"


def test_complete_twice(upload):
    upload.put(1, b"x")
    first = upload.complete()
    second = upload.complete()
    assert second["ETag"] == first["ETag"] and upload.body() == b"x"


def test_complete_after_another_put(s3, upload):
    upload.put(1, b"x")
    upload.complete()
    s3.put_object(Bucket=upload.bucket, Key=upload.key, Body=b"newer")
    try:
        upload.complete()
    except s3.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchUpload"
    assert upload.body() == b"newer"


def test_complete_after_abort(upload):
    upload.put(1, b"x")
    upload.abort()
    refused("NoSuchUpload", 404, upload.complete)


NO_UPLOAD = "VXBsb2FkIHRoYXQgaXMgbm9uZQ"


def test_part_of_no_upload(s3, shared, key):
    refused("NoSuchUpload", 404, s3.upload_part, Bucket=shared, Key=key, UploadId=NO_UPLOAD, PartNumber=1, Body=b"x")


def test_complete_of_no_upload(s3, shared, key):
    refused("NoSuchUpload", 404, s3.complete_multipart_upload, Bucket=shared, Key=key, UploadId=NO_UPLOAD,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"x"'}]})


def test_abort_of_no_upload(s3, shared, key):
    refused("NoSuchUpload", 404, s3.abort_multipart_upload, Bucket=shared, Key=key, UploadId=NO_UPLOAD)


def test_list_of_no_upload(s3, shared, key):
    refused("NoSuchUpload", 404, s3.list_parts, Bucket=shared, Key=key, UploadId=NO_UPLOAD)


@pytest.mark.parametrize("evil", ["..", "../..", "a/b", "%2e%2e", "x" * 2000, "\u00e4"], ids=ascii)
def test_upload_ids_reach_nothing_else(wire, shared, key, evil):
    answer = wire.do("GET", shared, key, {"uploadId": evil})
    assert answer.status in (404, 400) and answer.code in ("NoSuchUpload", "InvalidArgument"), answer


def test_an_upload_belongs_to_its_key(s3, upload):
    refused("NoSuchUpload", 404, s3.upload_part, Bucket=upload.bucket, Key=upload.key + "x", UploadId=upload.id, PartNumber=1,
            Body=b"x")


def test_an_upload_belongs_to_its_bucket(s3, upload, bucket):
    refused("NoSuchUpload", 404, s3.list_parts, Bucket=bucket, Key=upload.key, UploadId=upload.id)


@pytest.mark.parametrize("number", ["0", "-1", "10001", "x", "", "1.5"])
def test_part_numbers_that_are_none(wire, upload, number):
    refused("InvalidArgument", 400,
            wire.do("PUT", upload.bucket, upload.key, {"partNumber": number, "uploadId": upload.id}, body=b"x"))


def test_part_without_a_number(wire, upload):
    answer = wire.do("PUT", upload.bucket, upload.key, {"uploadId": upload.id}, body=b"x")
    assert answer.status == 400, answer


def test_part_with_a_wrong_md5(wire, s3, upload):
    refused("BadDigest", 400, wire.do("PUT", upload.bucket, upload.key, {"partNumber": "1", "uploadId": upload.id},
                                      {"Content-MD5": md5(b"other")}, b"x"))
    assert "Parts" not in s3.list_parts(**upload.where)


def test_abort(s3, upload):
    upload.put(1, b"x")
    assert upload.abort()["ResponseMetadata"]["HTTPStatusCode"] == 204
    refused("NoSuchUpload", 404, s3.list_parts, **upload.where)
    refused("NoSuchUpload", 404, upload.put, 2, b"y")


def test_abort_twice(upload):
    upload.abort()
    refused("NoSuchUpload", 404, upload.abort)


def test_after_completion_there_is_no_upload(s3, upload):
    upload.put(1, b"x")
    upload.complete()
    refused("NoSuchUpload", 404, s3.list_parts, **upload.where)


def test_what_was_said_at_the_start_counts(s3, wire, shared, key):
    upload = Upload(s3, wire, shared, key, Metadata={"a": "1"}, ContentType="text/x", CacheControl="no-store", Tagging="t=1",
                    ContentDisposition="inline", ContentLanguage="fi")
    upload.put(1, b"x")
    upload.complete()
    head = s3.head_object(Bucket=shared, Key=key)
    assert (head["Metadata"], head["ContentType"], head["CacheControl"], head["ContentDisposition"], head["ContentLanguage"]) == (
        {"a": "1"}, "text/x", "no-store", "inline", "fi")
    assert s3.get_object_tagging(Bucket=shared, Key=key)["TagSet"] == [{"Key": "t", "Value": "1"}]


def test_acl_of_an_upload(s3, wire, nobody, shared, key):
    upload = Upload(s3, wire, shared, key, ACL="public-read")
    upload.put(1, b"x")
    upload.complete()
    assert nobody.get_object(Bucket=shared, Key=key)["Body"].read() == b"x"


def test_class_of_an_upload(s3, wire, shared, key):
    upload = Upload(s3, wire, shared, key, StorageClass="STANDARD_IA")
    upload.put(1, b"x")
    upload.complete()
    assert s3.head_object(Bucket=shared, Key=key)["StorageClass"] == "STANDARD_IA"


def test_metadata_too_large(s3, shared, key):
    refused("MetadataTooLarge", 400, s3.create_multipart_upload, Bucket=shared, Key=key, Metadata={"a": "v" * 2100})


def test_to_no_bucket(s3, key):
    refused("NoSuchBucket", 404, s3.create_multipart_upload, Bucket=fresh_name(), Key=key)


@pytest.mark.parametrize("operation", ["create", "part", "complete", "abort", "list"])
def test_by_another_user(alt, upload, operation):
    etag = upload.put(1, b"x")
    calls = {
        "create": lambda: alt.create_multipart_upload(Bucket=upload.bucket, Key=upload.key),
        "part": lambda: alt.upload_part(**upload.where, PartNumber=1, Body=b"y"),
        "complete": lambda: alt.complete_multipart_upload(
            **upload.where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}),
        "abort": lambda: alt.abort_multipart_upload(**upload.where),
        "list": lambda: alt.list_parts(**upload.where),
    }
    refused("AccessDenied", 403, calls[operation])


# ListParts

def test_list_parts(s3, upload, ids):
    for number, size in ((2, 20), (1, 10), (5, 50)):
        upload.put(number, b"x" * size)
    answer = s3.list_parts(**upload.where)
    assert [(one["PartNumber"], one["Size"], one["ETag"]) for one in answer["Parts"]] == [
        (number, size, upload.etags[number]) for number, size in ((1, 10), (2, 20), (5, 50))]
    assert (answer["Bucket"], answer["Key"], answer["UploadId"], answer["IsTruncated"]) == (
        upload.bucket, upload.key, upload.id, False)
    assert answer["Initiator"]["ID"] == answer["Owner"]["ID"] == ids.main and answer["StorageClass"] == "STANDARD"


def test_list_no_parts(s3, upload):
    answer = s3.list_parts(**upload.where)
    assert "Parts" not in answer and not answer["IsTruncated"] and answer["MaxParts"] == 1000


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
def test_list_parts_in_pages(s3, upload, size):
    for number in range(1, 6):
        upload.put(number * 10, b"x")
    found, marker = [], 0
    while True:
        answer = s3.list_parts(**upload.where, MaxParts=size, PartNumberMarker=marker)
        found += [one["PartNumber"] for one in answer.get("Parts", [])]
        assert answer["MaxParts"] == size and answer["PartNumberMarker"] == marker
        if not answer["IsTruncated"]:
            break
        assert len(answer["Parts"]) == size
        marker = answer["NextPartNumberMarker"]
        assert marker == found[-1]
    assert found == [10, 20, 30, 40, 50]


@pytest.mark.parametrize("marker,rest", [(1, [2, 3]), (3, []), (100, []), (0, [1, 2, 3])])
def test_list_parts_after(s3, upload, marker, rest):
    for number in (1, 2, 3):
        upload.put(number, b"x")
    assert [one["PartNumber"] for one in s3.list_parts(**upload.where, PartNumberMarker=marker).get("Parts", [])] == rest


@pytest.mark.parametrize("parameter", ["max-parts", "part-number-marker"])
@pytest.mark.parametrize("number", ["x", "-1"])
def test_list_parts_with_nonsense(wire, upload, parameter, number):
    refused("InvalidArgument", 400, wire.do("GET", upload.bucket, upload.key, {"uploadId": upload.id, parameter: number}))


# ListMultipartUploads

@pytest.fixture
def uploads(s3, bucket):
    keys = ["a", "a", "a/1", "a/2", "b/1", "c", "ä b"]
    ids = [(key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]) for key in keys]
    return bucket, sorted(ids, key=lambda pair: pair[0].encode())


def entries(answer):
    return sorted((one["Key"], one["UploadId"]) for one in answer.get("Uploads", []))


def test_list_uploads(s3, uploads, ids):
    bucket, all_of_them = uploads
    answer = s3.list_multipart_uploads(Bucket=bucket)
    assert entries(answer) == sorted(all_of_them) and not answer["IsTruncated"] and answer["Bucket"] == bucket
    one = answer["Uploads"][0]
    assert one["Owner"]["ID"] == one["Initiator"]["ID"] == ids.main and one["StorageClass"] == "STANDARD" and one["Initiated"]


def test_list_uploads_is_sorted(s3, uploads):
    keys = [one["Key"] for one in s3.list_multipart_uploads(Bucket=uploads[0])["Uploads"]]
    assert keys == sorted(keys, key=str.encode)


def test_list_no_uploads(s3, bucket):
    answer = s3.list_multipart_uploads(Bucket=bucket)
    assert "Uploads" not in answer and not answer["IsTruncated"] and answer["MaxUploads"] == 1000


@pytest.mark.parametrize("prefix", ["a", "a/", "b", "none", "ä"])
def test_list_uploads_with_a_prefix(s3, uploads, prefix):
    bucket, all_of_them = uploads
    answer = s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix)
    assert entries(answer) == sorted(pair for pair in all_of_them if pair[0].startswith(prefix))
    assert answer["Prefix"] == prefix


def test_list_uploads_with_a_delimiter(s3, uploads):
    answer = s3.list_multipart_uploads(Bucket=uploads[0], Delimiter="/")
    assert [one["Key"] for one in answer["Uploads"]] == ["a", "a", "c", "ä b"]
    assert [one["Prefix"] for one in answer["CommonPrefixes"]] == ["a/", "b/"]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_list_uploads_in_pages(s3, uploads, size):
    bucket, all_of_them = uploads
    found, marker = [], {}
    for _ in range(20):
        answer = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=size, **marker)
        assert len(answer.get("Uploads", [])) <= size and answer["MaxUploads"] == size
        found += [(one["Key"], one["UploadId"]) for one in answer.get("Uploads", [])]
        if not answer["IsTruncated"]:
            break
        marker = {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}
    assert sorted(found) == sorted(all_of_them) and len(found) == len(set(found))


def test_list_uploads_after_a_key(s3, uploads):
    answer = s3.list_multipart_uploads(Bucket=uploads[0], KeyMarker="a/1")
    assert [one["Key"] for one in answer["Uploads"]] == ["a/2", "b/1", "c", "ä b"] and answer["KeyMarker"] == "a/1"


def test_list_uploads_encoded(wire, uploads):
    answer = wire.do("GET", uploads[0], query={"uploads": None, "encoding-type": "url"}).xml
    assert answer.findtext("EncodingType") == "url"
    assert [one.text for one in answer.iterfind("Upload/Key")][-1] in ("%C3%A4%20b", "%C3%A4+b")


@pytest.mark.parametrize("number", ["x", "-1"])
def test_list_uploads_with_nonsense(wire, bucket, number):
    refused("InvalidArgument", 400, wire.do("GET", bucket, query={"uploads": None, "max-uploads": number}))


def test_list_uploads_by_another_user(alt, uploads):
    refused("AccessDenied", 403, alt.list_multipart_uploads, Bucket=uploads[0])


# UploadPartCopy

SOURCE = bytes(range(256)) * 4


@pytest.fixture
def source(s3, shared):
    s3.put_object(Bucket=shared, Key="source of parts", Body=SOURCE)
    return f"/{shared}/source%20of%20parts"


def copy_part(upload, source, span=None, number=1, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()} | {"x-amz-copy-source": source}
    if span is not None:
        headers["x-amz-copy-source-range"] = span
    return upload.wire.do("PUT", upload.bucket, upload.key, {"partNumber": str(number), "uploadId": upload.id}, headers)


def test_copy_a_part(upload, source):
    answer = copy_part(upload, source)
    assert answer.status == 200 and answer.xml.tag == "CopyPartResult"
    assert answer.xml.findtext("ETag") == f'"{hashlib.md5(SOURCE).hexdigest()}"' and answer.xml.findtext("LastModified")
    upload.etags[1] = answer.xml.findtext("ETag")
    upload.complete()
    assert upload.body() == SOURCE


@pytest.mark.parametrize("first,last", [(0, 0), (0, 9), (10, 19), (1000, 1023), (1023, 1023), (0, 1023)])
def test_copy_a_range(upload, source, first, last):
    upload.etags[1] = copy_part(upload, source, f"bytes={first}-{last}").xml.findtext("ETag")
    upload.complete()
    assert upload.body() == SOURCE[first:last + 1]


@pytest.mark.parametrize("span", ["bytes=0-1024", "bytes=2000-3000", "bytes=1024-1024"])
def test_copy_a_range_beyond_the_end(upload, source, span):
    answer = copy_part(upload, source, span)
    assert (answer.status, answer.code) in ((416, "InvalidRange"), (400, "InvalidArgument"), (400, "InvalidRange")), answer


@pytest.mark.parametrize("span", ["bytes=5-2", "bytes=0-", "bytes=-5", "bytes=", "0-5", "bytes=a-b", "bytes=0-1,3-4", "items=0-1", ""])
def test_copy_a_range_that_is_none(upload, source, span):
    refused("InvalidArgument", 400, copy_part(upload, source, span))


def test_copy_and_send_parts(upload, s3, shared):
    s3.put_object(Bucket=shared, Key="big", Body=BIG)
    upload.etags[1] = copy_part(upload, f"/{shared}/big").xml.findtext("ETag")
    upload.put(2, b"end")
    assert upload.complete()["ETag"] == composite(BIG, b"end") and upload.body() == BIG + b"end"


def test_copy_a_part_of_no_key(upload, shared):
    refused("NoSuchKey", 404, copy_part(upload, f"/{shared}/none-such"))


def test_copy_a_part_of_no_bucket(upload):
    refused("NoSuchBucket", 404, copy_part(upload, f"/{fresh_name()}/none"))


def test_copy_to_no_upload(wire, shared, key, source):
    refused("NoSuchUpload", 404, wire.do("PUT", shared, key, {"partNumber": "1", "uploadId": NO_UPLOAD}, {"x-amz-copy-source": source}))


def test_copy_a_part_of_a_version(s3, wire, versioned):
    first = s3.put_object(Bucket=versioned, Key="k", Body=b"first")["VersionId"]
    s3.put_object(Bucket=versioned, Key="k", Body=b"second")
    upload = Upload(s3, wire, versioned, "to")
    answer = copy_part(upload, f"/{versioned}/k?versionId={first}")
    assert answer.headers.get("x-amz-copy-source-version-id") == first
    upload.etags[1] = answer.xml.findtext("ETag")
    upload.complete()
    assert upload.body() == b"first"


@pytest.mark.parametrize("condition,status", [("if-match", 412), ("if-none-match", 200)])
def test_copy_a_part_on_a_condition(upload, source, condition, status):
    assert copy_part(upload, source, **{f"x_amz_copy_source_{condition}": '"0"'}).status == status


def test_copy_a_part_of_another_users_object(upload, alt, new_bucket):
    own = new_bucket(alt)
    alt.put_object(Bucket=own, Key="k", Body=b"secret")
    refused("AccessDenied", 403, copy_part(upload, f"/{own}/k"))


@pytest.mark.serve_only("Ceph 16.2 decodes the source's name twice here, and ends at an incomplete escape")
@pytest.mark.parametrize("name", ["x%41", "x%", "a%20b", "100%25"])
def test_copy_a_part_of_a_key_with_percent(s3, upload, bucket, name):
    s3.put_object(Bucket=bucket, Key=name, Body=name.encode())
    upload.etags[1] = copy_part(upload, f"/{bucket}/{encode(name)}").xml.findtext("ETag")
    upload.complete()
    assert upload.body() == name.encode()


# Parts of completed uploads

@pytest.fixture(scope="module")
def done(s3, wire, shared):
    upload = Upload(s3, wire, shared, "done")
    upload.put(1, BIG)
    upload.put(5, b"end of it")
    upload.complete()
    return shared


def test_get_a_part(s3, done):
    got = s3.get_object(Bucket=done, Key="done", PartNumber=2)
    assert got["Body"].read() == b"end of it" and got["PartsCount"] == 2
    assert got["ContentRange"] == f"bytes {len(BIG)}-{len(BIG) + 8}/{len(BIG) + 9}"


def test_head_a_part(s3, done):
    head = s3.head_object(Bucket=done, Key="done", PartNumber=1)
    assert head["ContentLength"] == len(BIG) and head["PartsCount"] == 2


def test_ranges_of_parts(wire, done):
    size = len(BIG)
    for method in ("GET", "HEAD"):
        for number, first, length in [(1, 0, size), (2, size, 9)]:
            answer = wire.do(method, done, "done", {"partNumber": str(number)})
            assert answer.status == 206 and answer.headers["content-length"] == str(length), answer
            assert answer.headers["content-range"] == f"bytes {first}-{first + length - 1}/{size + 9}"
            assert answer.headers["x-amz-mp-parts-count"] == "2"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_empty_last_part_has_no_range(wire, upload, method):
    upload.put(1, BIG)
    upload.put(2, b"")
    upload.complete()
    answer = wire.do(method, upload.bucket, upload.key, {"partNumber": "2"})
    assert answer.status in (200, 206) and answer.headers["content-length"] == "0" and answer.body == b"", answer
    assert "content-range" not in answer.headers and answer.headers["x-amz-mp-parts-count"] == "2"


def test_get_a_part_that_is_not_there(wire, done):
    refused("InvalidPart", 400, wire.do("GET", done, "done", {"partNumber": "3"}))


def test_a_part_and_a_range(wire, done):
    refused("InvalidRequest", 400, wire.do("GET", done, "done", {"partNumber": "1"}, {"Range": "bytes=0-1"}))


def test_a_range_over_the_seam(s3, done):
    got = s3.get_object(Bucket=done, Key="done", Range=f"bytes={len(BIG) - 5}-{len(BIG) + 2}")["Body"].read()
    assert got == BIG[-5:] + b"end"


def test_versions_of_uploads(s3, wire, versioned):
    for body in (b"1", b"2"):
        upload = Upload(s3, wire, versioned, "k")
        upload.put(1, body)
        assert upload.complete()["VersionId"]
    assert len(s3.list_object_versions(Bucket=versioned)["Versions"]) == 2


def test_many_uploads_of_a_key_at_once(s3, wire, shared, key):
    one, two = Upload(s3, wire, shared, key), Upload(s3, wire, shared, key)
    one.put(1, b"one")
    two.put(1, b"two")
    two.complete()
    one.complete()
    assert one.body() == b"one"


@pytest.mark.parametrize("name", ["a b", "ä", "a//b", "../x", "a/", "x%41"], ids=ascii)
def test_names_of_uploads(s3, wire, bucket, name):
    upload = Upload(s3, wire, bucket, name)
    upload.put(1, name.encode())
    assert upload.complete()["Key"] == name and upload.body() == name.encode()


def test_a_bucket_with_an_upload_only(s3, bucket):
    # S3 deletes a bucket that contains only unfinished uploads.
    s3.create_multipart_upload(Bucket=bucket, Key="k")
    assert s3.delete_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204
