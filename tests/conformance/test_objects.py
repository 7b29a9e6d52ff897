"""PutObject, GetObject, HeadObject, DeleteObject: bodies, headers, metadata, keys."""

import datetime
import hashlib
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, unquote_plus

import pytest
from conftest import refused
from wire import UNSIGNED, encode, md5


def test_put_and_get(s3, shared, key):
    put = s3.put_object(Bucket=shared, Key=key, Body=b"some bytes")
    got = s3.get_object(Bucket=shared, Key=key)
    assert got["Body"].read() == b"some bytes" and got["ContentLength"] == 10
    assert put["ETag"] == got["ETag"] == f'"{hashlib.md5(b"some bytes").hexdigest()}"'


def test_put_answer_has_no_body(wire, shared, key):
    answer = wire.do("PUT", shared, key, body=b"x")
    assert answer.status == 200 and answer.body == b"" and answer.headers["content-length"] == "0"


@pytest.mark.parametrize("size", [0, 1, 100, 4095, 4096, 65535, 65536, 65537, 1 << 20, (5 << 20) + 1])
def test_sizes(s3, shared, key, size):
    body = bytes(n * 7 & 255 for n in range(256)) * (size // 256 + 1)
    body = body[:size]
    assert s3.put_object(Bucket=shared, Key=key, Body=body)["ETag"].strip('"') == hashlib.md5(body).hexdigest()
    assert s3.head_object(Bucket=shared, Key=key)["ContentLength"] == size
    assert s3.get_object(Bucket=shared, Key=key)["Body"].read() == body
    s3.delete_object(Bucket=shared, Key=key)


def test_overwrite(s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"longer content", Metadata={"a": "1"}, ContentType="text/x")
    s3.put_object(Bucket=shared, Key=key, Body=b"new")
    got = s3.get_object(Bucket=shared, Key=key)
    assert got["Body"].read() == b"new" and got["Metadata"] == {} and got["ContentType"] != "text/x"


def test_overwrite_forgets_tags_and_acl(s3, nobody, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", Tagging="a=1", ACL="public-read")
    s3.put_object(Bucket=shared, Key=key, Body=b"y")
    assert s3.get_object_tagging(Bucket=shared, Key=key)["TagSet"] == []
    refused("AccessDenied", 403, nobody.get_object, Bucket=shared, Key=key)


def test_head_has_the_headers_of_get(wire, s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"some", Metadata={"m": "v"}, ContentType="text/x", CacheControl="no-store")
    head, get = wire.do("HEAD", shared, key), wire.do("GET", shared, key)
    assert head.body == b"" and get.body == b"some"
    for name in ("content-length", "content-type", "etag", "last-modified", "x-amz-meta-m", "cache-control", "accept-ranges"):
        assert head.headers[name] == get.headers[name], name


def test_last_modified_is_now(s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"")
    age = datetime.datetime.now(datetime.timezone.utc) - s3.head_object(Bucket=shared, Key=key)["LastModified"]
    assert -5 < age.total_seconds() < 900


def test_accept_ranges(wire, s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x")
    assert wire.do("GET", shared, key).headers["accept-ranges"] == "bytes"


def test_default_content_type(s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x")
    assert s3.head_object(Bucket=shared, Key=key)["ContentType"] == "binary/octet-stream"


def test_get_of_no_key(s3, shared, key):
    answer = refused("NoSuchKey", 404, s3.get_object, Bucket=shared, Key=key)
    assert answer["Error"].get("Key", key) == key


def test_no_such_key_says_the_key(wire, shared, key):
    answer = wire.do("GET", shared, key)
    assert answer.status == 404 and answer.xml.findtext("Key") == key


def test_head_of_no_key(wire, shared, key):
    answer = wire.do("HEAD", shared, key)
    assert answer.status == 404 and answer.body == b""


def test_delete_of_no_key(s3, shared, key):
    assert s3.delete_object(Bucket=shared, Key=key)["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_delete(wire, s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x")
    answer = wire.do("DELETE", shared, key)
    assert answer.status == 204 and answer.body == b""
    refused("NoSuchKey", 404, s3.get_object, Bucket=shared, Key=key)


def test_delete_without_versions_names_none(s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x")
    answer = s3.delete_object(Bucket=shared, Key=key)
    assert "VersionId" not in answer and "DeleteMarker" not in answer


CONTENT_HEADERS = {
    "Cache-Control": "max-age=17, no-transform", "Content-Disposition": 'attachment; filename="a b.txt"',
    "Content-Encoding": "gzip", "Content-Language": "fi, en", "Content-Type": "text/html; charset=utf-8",
    "Expires": "Thu, 01 Dec 2033 16:00:00 GMT",
}


@pytest.mark.parametrize("header", CONTENT_HEADERS)
def test_content_headers_come_back(wire, shared, key, header):
    value = CONTENT_HEADERS[header]
    assert wire.do("PUT", shared, key, headers={header: value}, body=b"x").status == 200
    assert wire.do("HEAD", shared, key).headers[header.lower()] == value
    assert wire.do("GET", shared, key).headers[header.lower()] == value


def test_all_content_headers_together(wire, shared, key):
    wire.do("PUT", shared, key, headers=CONTENT_HEADERS, body=b"x")
    found = wire.do("GET", shared, key).headers
    assert {name: found.get(name.lower()) for name in CONTENT_HEADERS} == CONTENT_HEADERS


OVERRIDES = {
    "response-cache-control": ("cache-control", "no-cache"),
    "response-content-disposition": ("content-disposition", "attachment; filename=x"),
    "response-content-encoding": ("content-encoding", "aaa"),
    "response-content-language": ("content-language", "esperanto"),
    "response-content-type": ("content-type", "foo/bar"),
    "response-expires": ("expires", "Thu, 01 Dec 1994 16:00:00 GMT"),
}


@pytest.mark.parametrize("parameter", OVERRIDES)
def test_response_overrides(wire, shared, key, parameter):
    wire.do("PUT", shared, key, headers=CONTENT_HEADERS, body=b"x")
    header, value = OVERRIDES[parameter]
    answer = wire.do("GET", shared, key, {parameter: value})
    assert answer.status == 200 and answer.headers[header] == value, answer


@pytest.mark.parametrize("parameter", OVERRIDES)
def test_response_overrides_of_a_head(wire, shared, key, parameter):
    wire.do("PUT", shared, key, headers=CONTENT_HEADERS, body=b"x")
    header, value = OVERRIDES[parameter]
    assert wire.do("HEAD", shared, key, {parameter: value}).headers[header] == value


def test_response_overrides_of_a_range(wire, shared, key):
    wire.do("PUT", shared, key, body=b"0123")
    answer = wire.do("GET", shared, key, {"response-content-type": "a/b"}, {"Range": "bytes=1-2"})
    assert (answer.status, answer.headers["content-type"], answer.body) == (206, "a/b", b"12")


def test_response_overrides_are_not_for_strangers(wire, s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", ACL="public-read")
    answer = wire.anonymous("GET", shared, key, {"response-content-type": "a/b"})
    refused("InvalidRequest", 400, answer)


METADATA = {
    "plain": {"name": "value"}, "two": {"a": "1", "b": "2"}, "dashes": {"a-b-c": "1"}, "empty": {"name": ""},
    "inner-blanks": {"name": "a b"}, "punctuation": {"name": "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"}, "digits": {"1": "1"},
    "underscore": {"a_b": "1"}, "comma": {"name": "a,b"}, "percent": {"name": "%20%C3%A9"}, "long": {"name": "x" * 1000},
    "many": {f"n{number}": str(number) for number in range(40)},
}


@pytest.mark.parametrize("kind", METADATA)
def test_metadata_comes_back(s3, shared, key, kind):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", Metadata=METADATA[kind])
    assert s3.head_object(Bucket=shared, Key=key)["Metadata"] == METADATA[kind]
    assert s3.get_object(Bucket=shared, Key=key)["Metadata"] == METADATA[kind]


def test_metadata_names_are_lower_case(wire, shared, key):
    wire.do("PUT", shared, key, headers={"X-Amz-Meta-MiXeD": "Value"}, body=b"")
    assert wire.do("HEAD", shared, key).headers["x-amz-meta-mixed"] == "Value"


def test_metadata_in_utf8(wire, shared, key):
    # As S3 documents it: UTF-8 is accepted; text that is not allowed in a header may be returned in RFC 2047 encoding.
    raw = "päivä".encode().decode("latin-1")
    path = f"/{shared}/{key}"
    link = wire.presign(wire.main, "PUT", path, headers=[("x-amz-meta-name", "päivä")])
    assert wire.send_target("PUT", link, [("x-amz-meta-name", raw)], b"x").status == 200
    found = wire.do("HEAD", shared, key).headers["x-amz-meta-name"]
    assert found == raw or found.lower().startswith("=?utf-8?"), found


def test_metadata_of_two_kilobytes(s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", Metadata={"n" * 8: "v" * 2040})
    assert len(s3.head_object(Bucket=shared, Key=key)["Metadata"]["n" * 8]) == 2040


@pytest.mark.parametrize("form", ["one", "many", "name"])
def test_metadata_beyond_two_kilobytes(s3, shared, key, form):
    metadata = {"one": {"name": "v" * 2100}, "many": {f"n{n:03}": "v" * 100 for n in range(30)},
                "name": {"n" * 2048: "v"}}[form]
    refused("MetadataTooLarge", 400, s3.put_object, Bucket=shared, Key=key, Body=b"x", Metadata=metadata)
    refused("NoSuchKey", 404, s3.get_object, Bucket=shared, Key=key)


def test_a_wide_header_value_is_trimmed(wire, shared, key):
    wire.signed(wire.main, "PUT", f"/{shared}/{key}", headers=[("x-amz-meta-a", "one two")], body=b"x")
    assert wire.do("HEAD", shared, key).headers["x-amz-meta-a"] == "one two"


def test_website_redirect_location(wire, shared, key):
    wire.do("PUT", shared, key, headers={"x-amz-website-redirect-location": "/other"}, body=b"")
    assert wire.do("HEAD", shared, key).headers.get("x-amz-website-redirect-location") == "/other"


CLASSES = ["STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER",
           "DEEP_ARCHIVE"]


@pytest.mark.parametrize("name", CLASSES)
def test_storage_class(s3, shared, key, name):
    s3.put_object(Bucket=shared, Key=key, Body=b"x", StorageClass=name)
    # S3 does not return the default storage class.
    assert s3.head_object(Bucket=shared, Key=key).get("StorageClass", "STANDARD") == name
    listed = s3.list_objects_v2(Bucket=shared, Prefix=key)["Contents"]
    assert [one["StorageClass"] for one in listed if one["Key"] == key] == [name]


def test_storage_class_that_is_none(s3, shared, key):
    refused("InvalidStorageClass", 400, s3.put_object, Bucket=shared, Key=key, Body=b"x", StorageClass="NONE_SUCH")


KEYS = {
    "plain": "file.txt", "folder": "a/b/c", "blank": "a b c", "plus": "a+b", "percent": "a%20b", "percent-end": "x%",
    "percent-twice": "%2541", "question": "a?b", "hash": "a#b", "ampersand": "a&b=c", "quotes": "\"it's\"",
    "brackets": "[a]{b}(c)<d>", "backslash": "a\\b", "colon": "a:b", "semicolon": "a;b", "star": "a*b", "at": "a@b",
    "bang": "!a!", "dollar": "$a", "caret": "a^b", "backtick": "a`b", "pipe": "a|b", "tilde": "~a", "comma": "a,b",
    "umlaut": "päivä", "finnish-decomposed": "pa\u0308iva\u0308", "cyrillic": "привет", "chinese": "文件", "emoji": "😀",
    "right-to-left": "שלום", "combining": "e\u0301\u0327", "bom": "\ufeffa", "zero-width": "a\u200bb",
    "private-use": "\uf8ff", "astral-end": "\U0010fffd", "nbsp": "a\u00a0b",
    "dot": ".", "dot-dot": "..", "inner-dot": "a/./b", "inner-dot-dot": "a/../b", "deep-dot-dot": "../../../etc/passwd",
    "only-slash": "/", "two-slashes": "//", "first-slash": "/a", "last-slash": "a/", "last-slashes": "a//",
    "inner-slashes": "a//b", "dots-and-slashes": "./a/.././/b/", "hidden": ".hidden", "leading-blank": " a",
    "trailing-blank": "a ", "only-blank": " ", "newline": "a\nb", "tab": "a\tb", "control": "a\x01\x1fb", "delete": "a\x7fb",
    "return": "a\rb", "c1": "a\x85b", "long-part": "p" * 300, "long": "k" * 1024, "long-utf8": "é" * 512,
    "many-parts": "/".join("d" * 100), "meta-name": ".s3cmd-serve", "inner-meta-name": "a/.s3cmd-serve/b",
    "windows": "CON", "nul-text": "%00", "upload-like": "uploadId=1", "soap": "soap",
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_are_what_they_say(wire, bucket, name):
    key = KEYS[name]
    body = name.encode()
    put = wire.do("PUT", bucket, key, body=body, headers={"x-amz-meta-a": "b"})
    assert put.status == 200, put
    got = wire.do("GET", bucket, key)
    assert (got.status, got.body, got.headers["x-amz-meta-a"]) == (200, body, "b")
    listed = wire.do("GET", bucket, query={"encoding-type": "url"}).xml
    assert [unquote_plus(one.text) for one in listed.iterfind("Contents/Key")] == [key]
    assert wire.do("DELETE", bucket, key).status == 204
    assert wire.do("GET", bucket, key).status == 404
    assert not wire.do("GET", bucket).xml.findall("Contents")


@pytest.mark.parametrize("pair", [("a", "a/b"), ("a/", "a"), ("a/", "a/b"), ("a", "A"), ("é", "e\u0301"), ("a", "a "),
                                  ("a", "a//"), ("a/./b", "a/b"), ("a/../b", "b"), ("/a", "a"), ("a//b", "a/b"),
                                  ("a%2Fb", "a/b"), ("a%20b", "a b"), ("a+b", "a b"), (".", ".."), ("x%41", "xA")],
                         ids=lambda pair: f"{pair[0]}-and-{pair[1]}".encode("ascii", "backslashreplace").decode())
def test_keys_are_not_aliases(s3, bucket, pair):
    for key in pair:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in pair:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    found = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert found == sorted(pair, key=str.encode)
    s3.delete_object(Bucket=bucket, Key=pair[0])
    assert s3.get_object(Bucket=bucket, Key=pair[1])["Body"].read() == pair[1].encode()


@pytest.mark.parametrize("key", ["k" * 1025, "é" * 513], ids=["1025", "1026-of-utf8"])
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_keys_too_long(wire, shared, method, key):
    answer = wire.do(method, shared, key)
    assert answer.status == 400 and answer.code == "KeyTooLongError", answer


def test_a_key_that_is_not_utf8(wire, shared):
    answer = wire.signed(wire.main, "PUT", f"/{shared}/%ff%fe", body=b"x")
    assert answer.status == 400 and answer.code in ("InvalidURI", "InvalidArgument", "InvalidObjectName"), answer


@pytest.mark.parametrize("spelling", ["%61%62", "%2Fa", "a%2Fb", "a%2fb", "%7Ea", "a%2E%2E", "(a)", "a!b", "a:b", "a@b"])
def test_spellings_of_paths(wire, bucket, spelling):
    # The signature covers the canonical spelling, but the request contains another one.
    answer = wire.signed(wire.main, "PUT", f"/{bucket}/{spelling}", body=b"x",
                         sign_path="/" + bucket + "/" + encode(unquote(spelling)))
    assert answer.status == 200, answer
    assert [one.text for one in wire.do("GET", bucket).xml.iterfind("Contents/Key")] == [unquote(spelling)]


def test_put_with_the_right_md5(wire, shared, key):
    assert wire.do("PUT", shared, key, headers={"Content-MD5": md5(b"abc")}, body=b"abc").status == 200


def test_put_with_a_wrong_md5(wire, shared, key):
    refused("BadDigest", 400, wire.do("PUT", shared, key, headers={"Content-MD5": md5(b"other")}, body=b"abc"))
    assert wire.do("HEAD", shared, key).status == 404


@pytest.mark.parametrize("value", ["YWJj", "not base64!", "x" * 24, "900150983cd24fb0d6963f7d28e17f72"])
def test_put_with_an_invalid_md5(wire, shared, key, value):
    refused("InvalidDigest", 400, wire.do("PUT", shared, key, headers={"Content-MD5": value}, body=b"abc"))


def test_put_with_an_empty_md5(wire, shared, key):
    refused("InvalidDigest", 400, wire.do("PUT", shared, key, headers={"Content-MD5": ""}, body=b"abc"))


def test_a_refused_put_leaves_the_old_object(wire, s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"old", Metadata={"a": "1"})
    refused("BadDigest", 400, wire.do("PUT", shared, key, headers={"Content-MD5": md5(b"")}, body=b"new"))
    got = s3.get_object(Bucket=shared, Key=key)
    assert got["Body"].read() == b"old" and got["Metadata"] == {"a": "1"}


def test_put_without_a_length(wire, shared, key):
    answer = wire.signed(wire.main, "PUT", f"/{shared}/{key}", headers=[("transfer-encoding", "chunked")],
                         body=b"3\r\nabc\r\n0\r\n\r\n", payload=UNSIGNED)
    # S3 rejects a body with HTTP chunked encoding, others accept it. The object must be complete, or not exist.
    if answer.status == 200:
        assert wire.do("GET", shared, key).body == b"abc"
    else:
        assert answer.status in (411, 501) and wire.do("HEAD", shared, key).status == 404, answer


@pytest.mark.parametrize("size", [3, 200_000])
def test_a_refused_put_does_not_break_the_next_request(wire, s3, shared, key, size):
    # A client that waits for 100 Continue (as boto3 does) and is rejected continues on the same connection, unless the
    # server announces that it closes it.
    for _ in range(20):
        refused("MetadataTooLarge", 400, s3.put_object, Bucket=shared, Key=key, Body=b"x" * size, Metadata={"a": "v" * 2100})
        assert s3.list_objects_v2(Bucket=shared, Prefix=key)["KeyCount"] == 0


def test_put_with_expect_100(wire, shared, key):
    answer = wire.do("PUT", shared, key, headers={"Expect": "100-continue"}, body=b"abc")
    assert answer.status == 200 and wire.do("GET", shared, key).body == b"abc"


def test_head_of_a_range(wire, s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"0123456789")
    answer = wire.do("HEAD", shared, key, headers={"Range": "bytes=2-4"})
    assert (answer.status, answer.headers["content-length"], answer.headers.get("content-range")) == (
        206, "3", "bytes 2-4/10")


def test_get_with_a_body_is_fine(wire, s3, shared, key):
    s3.put_object(Bucket=shared, Key=key, Body=b"x")
    assert wire.do("GET", shared, key, body=b"ignored").body == b"x"


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "FOO"])
def test_methods_that_are_none(wire, shared, key, method):
    answer = wire.do(method, shared, key)
    assert answer.status in (405, 501, 400) and answer.status != 200, answer


def test_unknown_headers_are_fine(wire, shared, key):
    assert wire.do("PUT", shared, key, headers={"X-Strange": "1", "If-Nothing": "2"}, body=b"x").status == 200
    assert "x-strange" not in wire.do("HEAD", shared, key).headers


@pytest.mark.parametrize("number", ["1"])
def test_part_number_of_a_simple_object(wire, s3, shared, key, number):
    s3.put_object(Bucket=shared, Key=key, Body=b"0123456789")
    answer = wire.do("GET", shared, key, {"partNumber": number})
    assert answer.status == 206 and answer.body == b"0123456789", answer


@pytest.mark.parametrize("number", ["2", "10000"])
def test_part_number_that_is_not_there(wire, s3, shared, key, number):
    s3.put_object(Bucket=shared, Key=key, Body=b"0123456789")
    refused("InvalidPart", 400, wire.do("GET", shared, key, {"partNumber": number}))


@pytest.mark.parametrize("number", ["0", "-1", "10001", "x"])
def test_part_number_that_is_none(wire, s3, shared, key, number):
    s3.put_object(Bucket=shared, Key=key, Body=b"0123456789")
    refused("InvalidArgument", 400, wire.do("GET", shared, key, {"partNumber": number}))


def test_etag_is_quoted_on_the_wire(wire, shared, key):
    wire.do("PUT", shared, key, body=b"x")
    assert wire.do("HEAD", shared, key).headers["etag"] == f'"{hashlib.md5(b"x").hexdigest()}"'


def test_parallel_puts_of_a_key_leave_one(s3, shared, key):
    bodies = [bytes([65 + n]) * 10_000 for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda body: s3.put_object(Bucket=shared, Key=key, Body=body), bodies))
    got = s3.get_object(Bucket=shared, Key=key)
    body = got["Body"].read()
    assert body in bodies and got["ETag"].strip('"') == hashlib.md5(body).hexdigest()


def test_encryption_is_not_promised_in_vain(wire, shared, key):
    # A request for encryption is fulfilled or rejected. It must not be ignored with a 200.
    answer = wire.do("PUT", shared, key, headers={"x-amz-server-side-encryption": "AES256"}, body=b"x")
    assert answer.status >= 400 or answer.headers.get("x-amz-server-side-encryption") == "AES256", answer


def test_encryption_that_is_none(wire, shared, key):
    answer = wire.do("PUT", shared, key, headers={"x-amz-server-side-encryption": "ROT13"}, body=b"x")
    assert answer.status in (400, 501), answer
