"""The Range header of GetObject. https://datatracker.ietf.org/doc/html/rfc9110#name-range-requests"""

import pytest
from conftest import refused

BODY = bytes(range(10, 110))


@pytest.fixture(scope="module")
def body(s3, shared):
    s3.put_object(Bucket=shared, Key="body", Body=BODY, ContentType="text/x", Metadata={"a": "b"})
    s3.put_object(Bucket=shared, Key="empty", Body=b"")
    return shared


# The header, and the slice that it selects.
GOOD = {
    "bytes=0-0": (0, 1), "bytes=0-9": (0, 10), "bytes=10-19": (10, 20), "bytes=99-99": (99, 100), "bytes=0-99": (0, 100),
    "bytes=0-": (0, 100), "bytes=50-": (50, 100), "bytes=99-": (99, 100), "bytes=-1": (99, 100), "bytes=-10": (90, 100),
    "bytes=-100": (0, 100), "bytes=-101": (0, 100), "bytes=-100000": (0, 100), "bytes=90-200": (90, 100),
    "bytes=0-100": (0, 100), "bytes=5-18446744073709551615": (5, 100), "bytes=00-09": (0, 10),
}


@pytest.mark.parametrize("header", GOOD)
def test_range(wire, body, header):
    first, after = GOOD[header]
    answer = wire.do("GET", body, "body", headers={"Range": header})
    assert answer.status == 206 and answer.body == BODY[first:after], answer
    assert answer.headers["content-range"] == f"bytes {first}-{after - 1}/100"
    assert answer.headers["content-length"] == str(after - first)


@pytest.mark.parametrize("header", GOOD)
def test_range_has_the_headers_of_the_object(wire, body, header):
    answer = wire.do("GET", body, "body", headers={"Range": header})
    whole = wire.do("HEAD", body, "body")
    for name in ("etag", "last-modified", "content-type", "x-amz-meta-a", "accept-ranges"):
        assert answer.headers[name] == whole.headers[name]


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-100", "bytes=200-300", "bytes=18446744073709551616-", "bytes=-0"])
def test_range_beyond_the_end(wire, body, header):
    answer = wire.do("GET", body, "body", headers={"Range": header})
    refused("InvalidRange", 416, answer)


def test_range_beyond_the_end_says_the_size(wire, body):
    answer = wire.do("GET", body, "body", headers={"Range": "bytes=100-"})
    assert answer.headers.get("content-range") == "bytes */100" or answer.xml.findtext("ActualObjectSize") == "100"


def test_range_beyond_the_end_of_a_head(wire, body):
    answer = wire.do("HEAD", body, "body", headers={"Range": "bytes=100-"})
    assert answer.status == 416 and answer.body == b""


@pytest.mark.parametrize("header", ["bytes=0-0", "bytes=0-", "bytes=-1", "bytes=5-10"])
def test_range_of_nothing(wire, body, header):
    refused("InvalidRange", 416, wire.do("GET", body, "empty", headers={"Range": header}))


# An invalid range is ignored.
@pytest.mark.parametrize("header", ["bytes=9-5", "bytes=a-b", "bytes=", "bytes", "items=0-1", "0-1", "bytes=-", "bytes=1",
                                    "bytes=x-5", "bytes=5-x", "bytes=--5"])
def test_range_that_is_none(wire, body, header):
    answer = wire.do("GET", body, "body", headers={"Range": header})
    assert answer.status == 200 and answer.body == BODY, answer


def test_several_ranges_are_not_served(wire, body):
    # S3 does not support several ranges and returns the whole object.
    answer = wire.do("GET", body, "body", headers={"Range": "bytes=0-1,4-5"})
    assert answer.status == 200 and answer.body == BODY, answer


def test_range_with_if_range(wire, body):
    etag = wire.do("HEAD", body, "body").headers["etag"]
    answer = wire.do("GET", body, "body", headers={"Range": "bytes=0-4", "If-Range": etag})
    assert answer.status == 206 and answer.body == BODY[:5]


def test_range_by_a_client(s3, body):
    got = s3.get_object(Bucket=body, Key="body", Range="bytes=3-7")
    assert got["ContentRange"] == "bytes 3-7/100" and got["Body"].read() == BODY[3:8] and got["ContentLength"] == 5


@pytest.mark.parametrize("start", [0, 65_535, 65_536, 1_048_575, 1_048_576, 2_000_000])
def test_range_of_a_large_object(s3, shared, start):
    large = b"".join(n.to_bytes(4, "big") for n in range(600_000))
    try:
        s3.head_object(Bucket=shared, Key="large")
    except s3.exceptions.ClientError:
        s3.put_object(Bucket=shared, Key="large", Body=large)
    got = s3.get_object(Bucket=shared, Key="large", Range=f"bytes={start}-{start + 99_999}")["Body"].read()
    assert got == large[start:start + 100_000]


def test_range_with_a_condition_that_fails(wire, body):
    refused("PreconditionFailed", 412,
            wire.do("GET", body, "body", headers={"Range": "bytes=0-4", "If-Match": '"x"'}))


def test_range_with_a_condition_that_holds(wire, body):
    etag = wire.do("HEAD", body, "body").headers["etag"]
    answer = wire.do("GET", body, "body", headers={"Range": "bytes=0-4", "If-Match": etag})
    assert answer.status == 206 and answer.body == BODY[:5]


def test_range_of_what_was_not_changed(wire, body):
    etag = wire.do("HEAD", body, "body").headers["etag"]
    assert wire.do("GET", body, "body", headers={"Range": "bytes=0-4", "If-None-Match": etag}).status == 304
