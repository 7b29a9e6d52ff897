"""Heads of requests and responses: the case of names, the bytes of values, Host, transfer codings.
https://www.rfc-editor.org/rfc/rfc9110, https://www.rfc-editor.org/rfc/rfc9112"""

import pytest
from conftest import refused
from wire import UNSIGNED

# Latin-1, bytes in no valid encoding, an incomplete sequence, and UTF-8.
VALUES = {"latin-1": b"na\xefve caf\xe9", "none": b"\xff\xa0\xfe", "incomplete": b"x\xc3", "utf-8": "päivä €".encode()}


@pytest.fixture(scope="module")
def writable(s3, shared):
    """A bucket that everyone may write to. The requests need no signature, so it does not matter which bytes are signed."""
    s3.put_bucket_acl(Bucket=shared, ACL="public-read-write")
    return shared


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_names_are_in_title_case(wire, s3, shared, key, method):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", CacheControl="max-age=5", ContentDisposition="inline",
                  ContentEncoding="x", ContentLanguage="fi", Expires="Thu, 01 Dec 2033 16:00:00 GMT")
    names = wire.do(method, shared, key).names
    for name in ("Content-Length", "Content-Type", "Last-Modified", "ETag", "Accept-Ranges", "Date", "Cache-Control",
                 "Content-Disposition", "Content-Encoding", "Content-Language", "Expires"):
        assert name in names, (name, names)


def test_names_for_a_range_are_in_title_case(wire, s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"0123456789")
    names = wire.do("GET", shared, key, headers={"Range": "bytes=2-4"}).names
    assert "Content-Range" in names and "Content-Length" in names, names


@pytest.mark.parametrize("method,name", [("GET", "Content-Length"), ("GET", "Content-Type"), ("GET", "Date"), ("HEAD", "Date")])
def test_names_in_errors_are_in_title_case(wire, shared, key, method, name):
    assert name in wire.do(method, shared, key).names


def test_names_of_redirects_are_in_title_case(wire, shared):
    assert "Location" in wire.do("PUT", shared).names


def test_names_of_s3_are_in_lower_case(wire, shared, key):
    # boto3 takes the names of user metadata as they are.
    wire.do("PUT", shared, key, headers={"X-Amz-Meta-Some-Name": "v"}, body=b"x")
    names = wire.do("HEAD", shared, key).names
    assert "x-amz-meta-some-name" in names and "x-amz-request-id" in names, names


@pytest.mark.parametrize("what", VALUES)
@pytest.mark.parametrize("name", ["x-amz-meta-name", "content-disposition", "content-language", "cache-control",
                                  "content-type"])
def test_values_come_back_byte_for_byte(wire, writable, key, name, what):
    value = VALUES[what].decode("latin-1")
    headers = {name: value, "x-amz-acl": "public-read"}
    assert wire.anonymous("PUT", writable, key, headers=headers, body=b"x").status == 200
    for method in ("GET", "HEAD"):
        assert wire.anonymous(method, writable, key).headers[name].encode("latin-1") == VALUES[what]


@pytest.mark.parametrize("what", VALUES)
def test_values_are_copied_byte_for_byte(wire, s3, shared, key, what):
    value = VALUES[what].decode("latin-1")
    put = wire.signed(wire.main, "PUT", f"/{shared}/{key}", body=b"x", unsigned=[("Content-Disposition", value)])
    assert put.status == 200, put
    s3.copy_object(Bucket=shared, Key=f"{key}-copy", CopySource={"Bucket": shared, "Key": key})
    assert wire.do("HEAD", shared, f"{key}-copy").headers["content-disposition"].encode("latin-1") == VALUES[what]


def test_a_request_without_a_host(wire):
    refused("", 400, wire.send_bytes(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"))


def test_a_put_without_a_host(wire, s3, writable, key):
    head = f"PUT /{writable}/{key} HTTP/1.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\n"
    refused("", 400, wire.send_bytes(head.encode() + b"x", "PUT"))
    refused("NoSuchKey", 404, s3.get_object, Bucket=writable, Key=key)


@pytest.mark.parametrize("second", ["localhost", "other.example"])
def test_a_request_with_two_hosts(wire, second):
    head = f"GET / HTTP/1.1\r\nHost: localhost\r\nHost: {second}\r\nConnection: close\r\n\r\n"
    refused("", 400, wire.send_bytes(head.encode()))


def test_http_1_0_needs_no_host(wire):
    assert wire.send_bytes(b"GET / HTTP/1.0\r\n\r\n").status == 200


@pytest.mark.parametrize("coding", ["gzip, chunked", "deflate, chunked", "identity, chunked", "gzip,chunked", "x-none, chunked"])
def test_transfer_codings_that_are_not_supported(wire, s3, shared, key, coding):
    answer = wire.signed(wire.main, "PUT", f"/{shared}/{key}", body=b"3\r\nabc\r\n0\r\n\r\n", payload=UNSIGNED,
                         unsigned=[("Transfer-Encoding", coding)])
    refused("", 501, answer)
    refused("NoSuchKey", 404, s3.get_object, Bucket=shared, Key=key)


@pytest.mark.parametrize("codings", [("gzip", "chunked"), ("deflate", "chunked")])
def test_transfer_codings_in_two_headers(wire, s3, shared, key, codings):
    answer = wire.signed(wire.main, "PUT", f"/{shared}/{key}", body=b"3\r\nabc\r\n0\r\n\r\n", payload=UNSIGNED,
                         unsigned=[("Transfer-Encoding", coding) for coding in codings])
    refused("", 501, answer)
    refused("NoSuchKey", 404, s3.get_object, Bucket=shared, Key=key)
