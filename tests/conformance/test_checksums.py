"""x-amz-checksum-*. https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html"""

import base64
import hashlib

import pytest
from conftest import refused
from wire import CHUNKED_TRAILER, UNSIGNED_TRAILER, checksum, raw_checksum

ALGORITHMS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]
BODY = b"what is summed"
BIG = bytes(range(256)) * (5 * 4096)


def header(algorithm):
    return f"x-amz-checksum-{algorithm.lower()}"


def test_known_answers():
    # The check values for "123456789" from the catalogue of CRC algorithms.
    assert raw_checksum("CRC32", b"123456789").hex() == "cbf43926"
    assert raw_checksum("CRC32C", b"123456789").hex() == "e3069283"
    assert raw_checksum("CRC64NVME", b"123456789").hex() == "ae8b14860a799888"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_put(wire, shared, key, algorithm):
    answer = wire.do("PUT", shared, key, headers={header(algorithm): checksum(algorithm, BODY)}, body=BODY)
    assert answer.status == 200 and answer.headers.get(header(algorithm)) == checksum(algorithm, BODY)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_get_and_head_tell_it_when_asked(wire, shared, key, algorithm):
    wire.do("PUT", shared, key, headers={header(algorithm): checksum(algorithm, BODY)}, body=BODY)
    for method in ("GET", "HEAD"):
        answer = wire.do(method, shared, key, headers={"x-amz-checksum-mode": "ENABLED"})
        assert answer.headers.get(header(algorithm)) == checksum(algorithm, BODY)
        assert answer.headers.get("x-amz-checksum-type") == "FULL_OBJECT"
        assert header(algorithm) not in wire.do(method, shared, key).headers


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_wrong(wire, shared, key, algorithm):
    answer = wire.do("PUT", shared, key, headers={header(algorithm): checksum(algorithm, b"other")}, body=BODY)
    refused(("BadDigest", "XAmzContentChecksumMismatch"), 400, answer)
    assert wire.do("HEAD", shared, key).status == 404


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("value", ["", "!!!", "AAAA", "A" * 200])
def test_that_is_none(wire, shared, key, algorithm, value):
    answer = wire.do("PUT", shared, key, headers={header(algorithm): value}, body=BODY)
    assert answer.status == 400 and answer.code in ("InvalidRequest", "InvalidDigest", "BadDigest"), answer
    assert wire.do("HEAD", shared, key).status == 404


def test_two_at_once(wire, shared, key):
    headers = {header(one): checksum(one, BODY) for one in ("CRC32", "SHA256")}
    refused("InvalidRequest", 400, wire.do("PUT", shared, key, headers=headers, body=BODY))


def test_of_an_unknown_algorithm(wire, shared, key):
    answer = wire.do("PUT", shared, key, headers={"x-amz-checksum-rot13": "AAAA"}, body=BODY)
    assert answer.status in (400, 501), answer


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_of_nothing(wire, shared, key, algorithm):
    assert wire.do("PUT", shared, key, headers={header(algorithm): checksum(algorithm, b"")}, body=b"").status == 200
    answer = wire.do("HEAD", shared, key, headers={"x-amz-checksum-mode": "ENABLED"})
    assert answer.headers.get(header(algorithm)) == checksum(algorithm, b"")


def test_default_is_crc64nvme(wire, shared, key):
    wire.do("PUT", shared, key, body=BODY)
    answer = wire.do("HEAD", shared, key, headers={"x-amz-checksum-mode": "ENABLED"})
    assert answer.headers.get("x-amz-checksum-crc64nvme") == checksum("CRC64NVME", BODY)


def test_not_for_a_range(wire, shared, key):
    wire.do("PUT", shared, key, headers={header("CRC32"): checksum("CRC32", BODY)}, body=BODY)
    answer = wire.do("GET", shared, key, headers={"x-amz-checksum-mode": "ENABLED", "Range": "bytes=0-3"})
    assert answer.status == 206 and header("CRC32") not in answer.headers


@pytest.mark.parametrize("payload", [CHUNKED_TRAILER, UNSIGNED_TRAILER], ids=["signed", "unsigned"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_trailing(wire, shared, key, algorithm, payload):
    body = BODY * 2000
    answer = wire.do("PUT", shared, key, body=body, payload=payload, trailers=[(header(algorithm), checksum(algorithm, body))])
    assert answer.status == 200, answer
    got = wire.do("GET", shared, key, headers={"x-amz-checksum-mode": "ENABLED"})
    assert got.body == body and got.headers.get(header(algorithm)) == checksum(algorithm, body)
    assert got.headers.get("content-encoding") is None


@pytest.mark.parametrize("payload", [CHUNKED_TRAILER, UNSIGNED_TRAILER], ids=["signed", "unsigned"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_trailing_wrong(wire, shared, key, algorithm, payload):
    answer = wire.do("PUT", shared, key, body=BODY, payload=payload, trailers=[(header(algorithm), checksum(algorithm, b"other"))])
    refused(("BadDigest", "XAmzContentChecksumMismatch"), 400, answer)
    assert wire.do("HEAD", shared, key).status == 404


@pytest.mark.parametrize("payload", [CHUNKED_TRAILER, UNSIGNED_TRAILER], ids=["signed", "unsigned"])
def test_trailing_of_nothing(wire, shared, key, payload):
    answer = wire.do("PUT", shared, key, body=b"", payload=payload, trailers=[(header("CRC32"), checksum("CRC32", b""))])
    assert answer.status == 200 and wire.do("HEAD", shared, key).headers["content-length"] == "0"


def test_a_trailer_that_does_not_come(wire, shared, key):
    answer = wire.do("PUT", shared, key, body=BODY, payload=UNSIGNED_TRAILER, headers={"x-amz-trailer": header("CRC32")})
    assert answer.status == 400, answer


@pytest.mark.parametrize("algorithm", [one for one in ALGORITHMS if one in ("CRC32", "SHA1", "SHA256")])
def test_as_boto3_sends_it(wire, shared, key, algorithm):
    client = wire.client(wire.main, request_checksum_calculation="when_supported", response_checksum_validation="when_supported")
    put = client.put_object(Bucket=shared, Key=key, Body=BODY, ChecksumAlgorithm=algorithm)
    assert put[f"Checksum{algorithm}"] == checksum(algorithm, BODY)
    got = client.get_object(Bucket=shared, Key=key, ChecksumMode="ENABLED")
    assert got["Body"].read() == BODY and got[f"Checksum{algorithm}"] == checksum(algorithm, BODY)


def test_listing_names_the_algorithm(s3, wire, shared, key):
    wire.do("PUT", shared, key, headers={header("SHA256"): checksum("SHA256", BODY)}, body=BODY)
    one = s3.list_objects_v2(Bucket=shared, Prefix=key)["Contents"][0]
    assert one.get("ChecksumAlgorithm") == ["SHA256"] and one.get("ChecksumType") == "FULL_OBJECT"


# Copies

@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_copy_keeps_it(wire, shared, key, algorithm):
    wire.do("PUT", shared, key, headers={header(algorithm): checksum(algorithm, BODY)}, body=BODY)
    answer = wire.do("PUT", shared, key + "-copy", headers={"x-amz-copy-source": f"/{shared}/{key}"})
    assert answer.status == 200
    head = wire.do("HEAD", shared, key + "-copy", headers={"x-amz-checksum-mode": "ENABLED"})
    assert head.headers.get(header(algorithm)) == checksum(algorithm, BODY)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_copy_can_take_another(wire, shared, key, algorithm):
    wire.do("PUT", shared, key, body=BODY)
    answer = wire.do("PUT", shared, key + "-copy", headers={"x-amz-copy-source": f"/{shared}/{key}",
                                                            "x-amz-checksum-algorithm": algorithm})
    assert answer.xml.findtext(f"Checksum{algorithm}") == checksum(algorithm, BODY)


# Multipart uploads

class Upload:
    def __init__(self, wire, bucket, key, algorithm=None, kind=None):
        self.wire, self.bucket, self.key, self.algorithm = wire, bucket, key, algorithm
        headers = {"x-amz-checksum-algorithm": algorithm} if algorithm else {}
        headers |= {"x-amz-checksum-type": kind} if kind else {}
        self.created = wire.do("POST", bucket, key, "uploads", headers)
        self.id = self.created.xml.findtext("UploadId") if self.created.status == 200 else None
        self.parts = []

    def put(self, number, body, algorithm=None, value=None):
        algorithm = algorithm or self.algorithm
        headers = {header(algorithm): value or checksum(algorithm, body)} if algorithm else {}
        answer = self.wire.do("PUT", self.bucket, self.key, {"partNumber": str(number), "uploadId": self.id}, headers, body)
        if answer.status == 200:
            self.parts.append((number, answer.headers["etag"], body))
        return answer

    def complete(self, headers=(), wrong=False):
        xml = "<CompleteMultipartUpload>"
        for number, etag, body in self.parts:
            xml += f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>"
            if self.algorithm:
                xml += f"<Checksum{self.algorithm}>{checksum(self.algorithm, b'other' if wrong else body)}</Checksum{self.algorithm}>"
            xml += "</Part>"
        return self.wire.do("POST", self.bucket, self.key, {"uploadId": self.id}, dict(headers), xml + "</CompleteMultipartUpload>")

    def composite(self):
        together = b"".join(raw_checksum(self.algorithm, body) for _, _, body in self.parts)
        return f"{checksum(self.algorithm, together)}-{len(self.parts)}"

    def whole(self):
        return checksum(self.algorithm, b"".join(body for _, _, body in self.parts))


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_composite(wire, shared, key, algorithm):
    upload = Upload(wire, shared, key, algorithm, "COMPOSITE")
    assert upload.created.headers.get("x-amz-checksum-algorithm") == algorithm
    assert upload.put(1, BIG[:5 << 20]).headers.get(header(algorithm)) == checksum(algorithm, BIG[:5 << 20])
    upload.put(2, b"end")
    answer = upload.complete()
    assert answer.status == 200 and answer.xml.findtext(f"Checksum{algorithm}") == upload.composite(), answer
    head = wire.do("HEAD", shared, key, headers={"x-amz-checksum-mode": "ENABLED"})
    assert head.headers.get(header(algorithm)) == upload.composite() and head.headers["x-amz-checksum-type"] == "COMPOSITE"


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_full_object(wire, shared, key, algorithm):
    upload = Upload(wire, shared, key, algorithm, "FULL_OBJECT")
    upload.put(1, BIG[:5 << 20])
    upload.put(2, b"end")
    answer = upload.complete({"x-amz-checksum-type": "FULL_OBJECT"})
    assert answer.status == 200 and answer.xml.findtext(f"Checksum{algorithm}") == upload.whole(), answer
    head = wire.do("HEAD", shared, key, headers={"x-amz-checksum-mode": "ENABLED"})
    assert head.headers.get(header(algorithm)) == upload.whole() and head.headers["x-amz-checksum-type"] == "FULL_OBJECT"


@pytest.mark.parametrize("algorithm,kind", [("CRC32", "COMPOSITE"), ("CRC32", "FULL_OBJECT"), ("CRC32C", "COMPOSITE"),
                                            ("CRC64NVME", "FULL_OBJECT"), ("SHA1", "COMPOSITE"), ("SHA256", "COMPOSITE")])
def test_of_each_part(wire, shared, key, algorithm, kind):
    upload = Upload(wire, shared, key, algorithm, kind)
    bodies = [BIG[:5 << 20], BIG[:5 << 20][::-1], b""]
    for number, body in enumerate(bodies, 1):
        upload.put(number, body)
    assert upload.complete().status == 200
    for number, body in enumerate(bodies, 1):
        for method in ("GET", "HEAD"):
            answer = wire.do(method, shared, key, {"partNumber": str(number)}, {"x-amz-checksum-mode": "ENABLED"})
            assert answer.status in (200, 206) and answer.headers["content-length"] == str(len(body)), answer
            assert answer.headers.get(header(algorithm)) == checksum(algorithm, body), (number, method)
            assert answer.headers.get("x-amz-checksum-type") == kind


@pytest.mark.parametrize("algorithm,kind", [("CRC64NVME", "FULL_OBJECT"), ("CRC32", "COMPOSITE"), ("CRC32C", "COMPOSITE"),
                                            ("SHA1", "COMPOSITE"), ("SHA256", "COMPOSITE")])
def test_default_type(wire, shared, key, algorithm, kind):
    assert Upload(wire, shared, key, algorithm).created.headers.get("x-amz-checksum-type") == kind


@pytest.mark.parametrize("algorithm,kind", [("SHA1", "FULL_OBJECT"), ("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE"),
                                            ("CRC32", "SOMETHING")])
def test_types_that_do_not_fit(wire, shared, key, algorithm, kind):
    refused(("InvalidRequest", "InvalidArgument"), 400, Upload(wire, shared, key, algorithm, kind).created)


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_a_part_with_a_wrong_one(wire, shared, key, algorithm):
    upload = Upload(wire, shared, key, algorithm)
    refused(("BadDigest", "XAmzContentChecksumMismatch"), 400, upload.put(1, b"x", value=checksum(algorithm, b"other")))
    assert not wire.do("GET", shared, key, {"uploadId": upload.id}).xml.findall("Part")


def test_a_part_with_another_algorithm(wire, shared, key):
    refused("InvalidRequest", 400, Upload(wire, shared, key, "CRC32").put(1, b"x", algorithm="SHA256"))


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_completion_with_a_wrong_one(wire, shared, key, algorithm):
    upload = Upload(wire, shared, key, algorithm)
    upload.put(1, b"x")
    refused(("InvalidPart", "BadDigest"), 400, upload.complete(wrong=True))


def test_completion_with_a_wrong_total(wire, shared, key):
    upload = Upload(wire, shared, key, "CRC32", "FULL_OBJECT")
    upload.put(1, b"x")
    refused("BadDigest", 400, upload.complete({header("CRC32"): checksum("CRC32", b"other"), "x-amz-checksum-type": "FULL_OBJECT"}))


def test_completion_with_the_right_total(wire, shared, key):
    upload = Upload(wire, shared, key, "CRC32", "FULL_OBJECT")
    upload.put(1, b"x")
    assert upload.complete({header("CRC32"): checksum("CRC32", b"x"), "x-amz-checksum-type": "FULL_OBJECT"}).status == 200


@pytest.mark.parametrize("size,status", [("1", 200), ("2", 400)])
def test_completion_with_a_size(wire, shared, key, size, status):
    upload = Upload(wire, shared, key)
    upload.put(1, b"x")
    assert upload.complete({"x-amz-mp-object-size": size}).status == status


def test_parts_are_listed_with_them(wire, shared, key):
    upload = Upload(wire, shared, key, "SHA256")
    upload.put(1, b"x")
    xml = wire.do("GET", shared, key, {"uploadId": upload.id}).xml
    assert xml.findtext("ChecksumAlgorithm") == "SHA256" and xml.findtext("Part/ChecksumSHA256") == checksum("SHA256", b"x")


def test_uploads_are_listed_with_them(wire, bucket):
    Upload(wire, bucket, "k", "CRC32C")
    assert wire.do("GET", bucket, query="uploads").xml.findtext("Upload/ChecksumAlgorithm") == "CRC32C"


def test_sha256_of_the_body_as_signed(wire, shared, key):
    answer = wire.do("PUT", shared, key, body=BODY, payload=hashlib.sha256(b"other").hexdigest())
    refused("XAmzContentSHA256Mismatch", 400, answer)
    assert wire.do("HEAD", shared, key).status == 404


def test_base64_of_another_length(wire, shared, key):
    value = base64.b64encode(b"\0" * 5).decode()
    refused(("InvalidRequest", "BadDigest"), 400, wire.do("PUT", shared, key, headers={header("CRC32"): value}, body=BODY))
